//! Carrying a run out from the command line: watched, written down, and stopped by signals.

use super::{events::EventFile, leave, waves::Between};
use crate::{
    cli::{Color, RunFlags},
    screen::Screen,
    session::{
        Session,
        history::{SoFar, State},
        running::Held,
    },
    views::{
        progress::Progress,
        text::{Text, Tone},
    },
    wiring::signals::Signals,
};
use connexa_engine::{
    drive::Ports,
    machine::Stop,
    plan::Plan,
    ports::{Deliver, Secrets},
    record::{Event, Record, Stored},
    report::Report,
    run::{Overrides, RunOptions},
};
use connexa_types::Mono;
use futures_util::{StreamExt as _, future, stream};
use std::time::Duration;

/// How long calls in flight may take after a SIGTERM: whoever sends one kills what has not ended after ten seconds.
const GRACE: Duration = Duration::from_secs(8);

/// How to run.
pub(crate) struct Request<'a> {
    /// How it runs.
    pub(crate) flags: &'a RunFlags,
    /// The tenant, and its profile, for questions.
    pub(crate) title: String,
    /// When questions are coloured.
    pub(crate) color: Color,
    /// Takes what calls give out, if any do.
    pub(crate) deliver: &'a dyn Deliver,
    /// Where its records go too.
    pub(crate) events: Option<EventFile>,
    /// The records of a run that is taken up again.
    pub(crate) earlier: &'a [Stored],
}

/// What a run came to.
pub(crate) struct Ended {
    /// The report.
    pub(crate) report: Report,
    /// Whether a second signal ended it at once, so that the report is ours, not the machine's.
    pub(crate) cut_off: bool,
    /// From the machine's start to its first list call, the settle time aside; of a run that was taken up again.
    pub(crate) until_first_list: Duration,
}

/// Carries a run out.
pub(crate) async fn carry(
    mut held: Held<'_>,
    plan: &Plan,
    request: Request<'_>,
    session: &Session,
    secrets: &dyn Secrets,
    signals: &mut Signals,
    screen: &Screen,
) -> Ended {
    let Request { flags, title, color, deliver, mut events, earlier } = request;
    let mut so_far = SoFar::default();
    for stored in earlier {
        so_far.take(&stored.record);
        if let Some(events) = &mut events {
            events.write(stored, screen);
        }
    }
    let mut recovery = Recovery::begin(session.now().mono);
    // What is over at once needs no progress.
    let mut progress = (!plan.is_empty()).then(|| Progress::start(screen, session.now().mono));
    let mut watch = |event: &Event| match event {
        Event::Record(stored) => {
            recovery.take(&stored.record, session.now().mono);
            so_far.take(&stored.record);
            if let Some(events) = &mut events {
                events.write(stored, screen);
            }
        }
        Event::Tick(tick) => {
            if let Some(progress) = &mut progress {
                progress.tick(tick, session.now().mono, |calls| session.quota().time_for(0, calls));
            }
        }
    };
    let (stop, stopped) = futures_channel::oneshot::channel();
    let stops = stream::once(async {
        match stopped.await {
            Ok(stop) => stop,
            Err(_) => future::pending().await,
        }
    })
    .boxed();
    let twice = async {
        let signal = signals.next().await;
        let grace = (signal == Signals::TERM).then_some(GRACE);
        let most = grace.map_or_else(String::new, |grace| format!(" within {} s", grace.as_secs()));
        screen.say(&Text::titled(
            Tone::Hint,
            "note",
            format_args!(
                "{signal}: nothing new is started, calls in flight end{most}; once more stops at once"
            ),
        ));
        let _ = stop.send(Stop::Finish);
        match grace {
            Some(grace) => {
                let _ = tokio::time::timeout(grace, signals.next()).await;
            }
            None => {
                signals.next().await;
            }
        }
    };
    let between = Between::new(flags, plan, title, color, screen);
    let ports = Ports { confirm: &between, deliver, ..session.ports(secrets) };
    let ended = tokio::select! {
        report = held.go(ports, &mut watch, stops) => Some(report),
        () = twice => None,
    };
    held.release().await;
    drop(progress);
    if let Some(events) = events {
        events.close(screen);
    }
    let until_first_list = recovery.took;
    let Some(report) = ended else {
        let report = so_far.report(plan, State::CutOff(session.now().wall));
        return Ended { report, cut_off: true, until_first_list };
    };
    leave(so_far);
    Ended { report, cut_off: false, until_first_list }
}

/// Takes the time from the start of a run that is taken up again to its first list call.
struct Recovery {
    began: Mono,
    /// The settle time, and when it began.
    settling: Option<(Duration, Mono)>,
    took: Duration,
    over: bool,
}

impl Recovery {
    const fn begin(now: Mono) -> Self {
        Self { began: now, settling: None, took: Duration::ZERO, over: false }
    }

    fn take(&mut self, record: &Record, now: Mono) {
        match record {
            _ if self.over => {}
            Record::RunContinued { options, .. } => {
                self.settling = Some((options.settle, now));
                self.took = now.saturating_since(self.began);
            }
            Record::AttemptStarted { .. } => {
                self.over = true;
                if let Some((settle, since)) = self.settling {
                    let waited = now.saturating_since(since);
                    self.took += waited.checked_sub(settle).unwrap_or(waited);
                }
            }
            _ => {}
        }
    }
}

/// How a run goes, by its flags.
pub(crate) fn options(flags: &RunFlags, parallel: usize, session: &Session) -> RunOptions {
    RunOptions {
        parallel,
        on_failure: flags.policy.on_failure.map(Into::into).unwrap_or_default(),
        max_failures: flags.policy.max_failures,
        waves: flags.policy.wave.clone(),
        deadline: flags.policy.deadline,
        recheck: flags.policy.recheck,
        brake: !flags.policy.no_brake,
        batch: flags.policy.server_batch.map_or(1, usize::from),
        urgent: flags.among.urgent,
        settle: flags.policy.settle.unwrap_or_else(|| session.settle_time()),
        undo_inferred: flags.policy.undo_inferred,
        ..RunOptions::default()
    }
}

/// What flags say otherwise than the options of a run that is taken up again.
pub(crate) fn overrides(flags: &RunFlags) -> Overrides {
    let policy = &flags.policy;
    Overrides {
        parallel: flags.parallel.map(usize::from),
        urgent: flags.among.urgent.then_some(true),
        on_failure: policy.on_failure.map(Into::into),
        max_failures: policy.max_failures,
        waves: (!policy.wave.is_empty()).then(|| policy.wave.clone()),
        deadline: policy.deadline,
        recheck: policy.recheck,
        update_period: None,
        brake: policy.no_brake.then_some(false),
        settle: policy.settle,
        undo_inferred: policy.undo_inferred.then_some(true),
    }
}
