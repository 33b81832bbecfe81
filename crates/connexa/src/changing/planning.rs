//! Reading the tenant and planning, in turns until the plan needs nothing more.

use crate::{
    exit::Exit,
    failure::Failure,
    screen::Screen,
    views::progress::Progress,
    wiring::{Session, seed, signals::Signals},
};
use connexa_engine::{
    current::CurrentState,
    desired::DesiredState,
    drive::drive,
    plan::{self, Mode, PlanOptions, PlanTimings, Planning},
    ports::Secrets,
    read::{Read, ReadDone, ReadError, ReadOptions},
    record::Event,
};
use connexa_types::{Mono, Timestamp};
use futures_util::stream;
use std::time::Duration;

/// What planning needs beside the session.
pub(crate) struct Request<'a> {
    /// The command, such as `apply`.
    pub(crate) command: &'a str,
    /// How items are taken.
    pub(crate) mode: Mode,
    /// Whether warnings are errors.
    pub(crate) strict: bool,
    /// The most calls at once.
    pub(crate) parallel: usize,
    /// When the command began, for the times.
    pub(crate) began: Mono,
}

/// What planning came to.
pub(crate) struct Planned {
    /// A plan, or all that is wrong with the spec.
    pub(crate) planning: Planning,
    /// Calls of class read that were sent.
    pub(crate) reads: u64,
    /// Answers 429.
    pub(crate) throttled: u64,
    /// Attempts beyond the first of their call.
    pub(crate) retried: u64,
    /// How long it took.
    pub(crate) timings: PlanTimings,
}

/// Reads what the plan needs, and plans.
pub(crate) async fn plan(
    desired: &DesiredState,
    request: &Request<'_>,
    session: &Session,
    secrets: &dyn Secrets,
    signals: &mut Signals,
    screen: &Screen,
) -> Result<Planned, Failure> {
    let mut current = CurrentState::new(session.tenant().clone());
    let (mut reads, mut throttled, mut retried) = (0, 0, 0);
    let mut took = Duration::ZERO;
    let mut read_at: Option<Timestamp> = None;
    loop {
        let options = PlanOptions {
            mode: request.mode,
            command: request.command.to_owned(),
            strict: request.strict,
            reads,
            read_at,
            quota: session.quota(),
        };
        let wants = match plan::plan(desired, &current, &options) {
            Planning::Wants(wants) => wants,
            planning @ (Planning::Ready(_) | Planning::Refused(_)) => {
                let timings = PlanTimings {
                    read_ms: millis(took),
                    plan_ms: millis(session.now().mono.saturating_since(request.began)),
                };
                return Ok(Planned { planning, reads, throttled, retried, timings });
            }
        };
        read_at.get_or_insert_with(|| session.now().wall);
        let options = ReadOptions {
            lists: wants.unread,
            again: wants.second_pass,
            regions: wants.regions,
            overlap_setting: wants.overlap_setting,
            parallel: request.parallel,
            seed: seed(),
            ..ReadOptions::default()
        };
        let done = read(session, secrets, options, Some(current), signals, screen).await?;
        reads += done.calls.read;
        throttled += done.calls.throttled;
        retried += done.calls.retried;
        took += done.took;
        current = done.state;
    }
}

/// Reads lists.
pub(crate) async fn read(
    session: &Session,
    secrets: &dyn Secrets,
    options: ReadOptions,
    known: Option<CurrentState>,
    signals: &mut Signals,
    screen: &Screen,
) -> Result<ReadDone, Failure> {
    let mut progress = Progress::start(screen, session.now().mono);
    let mut watch = |event: &Event| {
        if let Event::Tick(tick) = event {
            progress.tick(tick, session.now().mono, |_| None);
        }
    };
    let machine = Read::new(session.tenant().clone(), options, known);
    let read = tokio::select! {
        read = drive(machine, session.ports(secrets), &mut watch, stream::pending()) => read,
        // Nothing has changed yet, so there is nothing to end cleanly.
        signal = signals.next() => {
            return Err(Failure::new(Exit::Stopped, format!("stopped by {signal} before anything was changed")));
        }
    };
    read.map_err(|error| unreachable(session.tenant().as_str(), &error))
}

fn unreachable(tenant: &str, error: &ReadError) -> Failure {
    let failure = Failure::new(Exit::Unreachable, format!("cannot read the tenant {tenant}")).because(error);
    match error {
        ReadError::Unauthorized => {
            failure.hint("check CLOUDCONNEXA_CLIENT_ID and CLOUDCONNEXA_CLIENT_SECRET")
        }
        ReadError::Unreachable { .. } => failure
            .hint("check the URL of the API; `--ca-file` trusts an authority that the system does not know"),
        _ => failure,
    }
}

/// A duration in the documents' milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
