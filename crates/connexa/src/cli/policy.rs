//! Flags for what a run does when something goes wrong, or takes long.

use super::span;
use clap::{Args, ValueEnum};
use connexa_engine::run::{OnFailure, WaveSize};
use std::time::Duration;

/// What a failure means for the rest of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Policy {
    /// What does not need it goes on.
    Continue,
    /// Nothing new is started.
    Stop,
    /// Nothing new is started, and what was carried out is taken back.
    Undo,
}

impl From<Policy> for OnFailure {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Continue => Self::Continue,
            Policy::Stop => Self::Stop,
            Policy::Undo => Self::Undo,
        }
    }
}

/// When a run stops, and when it looks again.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Run options")]
pub(crate) struct PolicyFlags {
    /// What a failure means for the rest: continue, stop (nothing new is started) or undo (what was done is taken back)
    /// [default: continue; of rotate-profile: stop].
    #[arg(long, value_name = "POLICY")]
    pub(crate) on_failure: Option<Policy>,
    /// Let an undo delete also what was found after a lost answer, and is only inferred to be ours.
    #[arg(long)]
    pub(crate) undo_inferred: bool,
    /// How long after a lost answer the service may still carry the call out: nothing is concluded from what it shows
    /// before. 0s only for a service that is known to be synchronous [default: 60s; with --emulator 0s].
    #[arg(long, value_name = "DURATION", value_parser = span::parse)]
    pub(crate) settle: Option<Duration>,
    /// Start nothing new once so many calls, and items that are no good, have failed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_failures: Option<u64>,
    /// Go in waves and ask between them: how many calls each goes up to, or what share, such as 1,5,25%.
    #[arg(long, value_name = "SIZE,…", value_delimiter = ',')]
    pub(crate) wave: Vec<WaveSize>,
    /// Start nothing new so long after the first call, such as 30m.
    #[arg(long, value_name = "DURATION", value_parser = span::parse)]
    pub(crate) deadline: Option<Duration>,
    /// Look again before changing what was read longer ago [default: 60s, or 20 periods of the quota if that is more].
    #[arg(long, value_name = "DURATION", value_parser = span::parse)]
    pub(crate) recheck: Option<Duration>,
    /// Send up to N calls that need nothing of each other as one request, POST /batch, where the service has it; CloudConnexa
    /// has not. So many may then be at work at once, whatever --parallel says [default N: 50].
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "50",
          value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub(crate) server_batch: Option<u16>,
    /// Go on with a kind although its first calls are all refused alike.
    #[arg(long)]
    pub(crate) no_brake: bool,
}

/// What a run does about other runs on the same tenant.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Run options")]
pub(crate) struct AmongFlags {
    /// Wait so long for a run that is at work on the same objects, such as 5m; then it is refused [default: 0s].
    #[arg(long, value_name = "DURATION", value_parser = span::parse)]
    pub(crate) lock_timeout: Option<Duration>,
    /// Make calls ahead of those of other runs with the same key.
    #[arg(long)]
    pub(crate) urgent: bool,
    /// Take over runs of another machine, which must not be at work any more: the state directory was copied from there.
    #[arg(long)]
    pub(crate) take_over: bool,
}
