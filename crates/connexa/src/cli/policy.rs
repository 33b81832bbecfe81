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
    /// What a failure means for the rest: stop starts nothing new.
    #[arg(long, value_name = "POLICY", default_value = "continue")]
    pub(crate) on_failure: Policy,
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
