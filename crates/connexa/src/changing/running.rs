//! Carrying a plan out: the run machine, driven, watched, and stopped by signals.

use super::{refused, waves::Between};
use crate::{
    cli::{Color, RunFlags},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    session::{
        Session,
        running::{self, new_id},
    },
    views::{
        json,
        progress::Progress,
        text::{Text, Tone},
    },
    wiring::signals::Signals,
};
use connexa_engine::{
    drive::Ports,
    machine::{AttemptId, Stop},
    plan::{Operation, Plan},
    ports::{Deliver, Secrets},
    record::{Event, Purpose, Record, RunTimings, Stored},
    report::{ErrorType, Report, ReportFold, RunOutcome, Verdict},
    run::RunOptions,
};
use connexa_types::Timestamp;
use futures_util::{StreamExt as _, future, stream};
use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    sync::Arc,
};

/// How to run.
pub(crate) struct Request<'a> {
    /// The command, such as `apply`.
    pub(crate) command: &'a str,
    /// How it runs.
    pub(crate) flags: &'a RunFlags,
    /// Most calls in flight at once.
    pub(crate) parallel: usize,
    /// The tenant, and its profile, for questions.
    pub(crate) title: String,
    /// When questions are coloured.
    pub(crate) color: Color,
    /// Takes what calls give out, if any do.
    pub(crate) deliver: &'a dyn Deliver,
}

/// What a run came to.
pub(crate) struct Ended {
    /// The report.
    pub(crate) report: Report,
    /// Whether a second signal ended it at once, so that the report is ours, not the machine's.
    pub(crate) cut_off: bool,
}

/// Carries a plan out.
pub(crate) async fn run(
    plan: Arc<Plan>,
    request: Request<'_>,
    session: &Session,
    secrets: &dyn Secrets,
    signals: &mut Signals,
    screen: &Screen,
) -> Result<Ended, Failure> {
    let id = new_id();
    let mut events = request.flags.events.as_ref().map(|path| EventFile::create(path.clone())).transpose()?;
    let mut seen = Seen::default();
    // What is over at once needs no progress.
    let mut progress = (!plan.is_empty()).then(|| Progress::start(screen, session.now().mono));
    let mut watch = |event: &Event| match event {
        Event::Record(stored) => {
            seen.take(&stored.record);
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
        screen.say(&Text::titled(
            Tone::Hint,
            "note",
            format_args!("{signal}: nothing new is started, calls in flight end; once more stops at once"),
        ));
        let _ = stop.send(Stop::Finish);
        signals.next().await
    };
    let between = Between::new(request.flags, request.title, request.color, screen);
    let carried = running::Request {
        plan: Arc::clone(&plan),
        command: request.command,
        options: options(request.flags, request.parallel),
        ports: Ports { confirm: &between, deliver: request.deliver, ..session.ports(secrets) },
    };
    let ended = tokio::select! {
        report = running::run(&id, carried, session, &mut watch, stops) => Some(report),
        _ = twice => None,
    };
    drop(progress);
    if let Some(events) = events {
        events.close(screen);
    }
    Ok(match ended {
        Some(report) => Ended {
            report: report
                .map_err(|error| Failure::new(Exit::Refused, "the run cannot be started").because(&error))?,
            cut_off: false,
        },
        None => Ended { report: seen.report(&plan, session.now().wall), cut_off: true },
    })
}

/// How a run goes, by its flags.
fn options(flags: &RunFlags, parallel: usize) -> RunOptions {
    RunOptions {
        parallel,
        on_failure: flags.policy.on_failure.into(),
        max_failures: flags.policy.max_failures,
        waves: flags.policy.wave.clone(),
        deadline: flags.policy.deadline,
        recheck: flags.policy.recheck,
        brake: !flags.policy.no_brake,
        batch: flags.policy.server_batch.map_or(1, usize::from),
        ..RunOptions::default()
    }
}

/// What the records of a run said so far, for the report of a run that is cut off.
#[derive(Default)]
struct Seen {
    fold: ReportFold,
    /// Changes with a verdict.
    ended: BTreeSet<usize>,
    /// Operations that grew in the run.
    grown: Vec<Operation>,
    /// Attempts that have begun and not ended.
    in_flight: HashMap<AttemptId, Purpose>,
}

impl Seen {
    fn take(&mut self, record: &Record) {
        self.fold.apply(record);
        match record {
            Record::AttemptStarted { attempt, purpose, .. } => {
                self.in_flight.insert(*attempt, purpose.clone());
            }
            Record::AttemptEnded { attempt, .. } => {
                self.in_flight.remove(attempt);
            }
            Record::ChangeEnded { change, .. } => {
                self.ended.insert(*change);
            }
            Record::OperationAdded { operation, .. } => self.grown.push((**operation).clone()),
            Record::RunStarted { .. }
            | Record::WaveStarted { .. }
            | Record::BatchesRefused { .. }
            | Record::RunContinued { .. }
            | Record::OperationUnsettled { .. }
            | Record::OperationEnded { .. }
            | Record::UndoStarted { .. }
            | Record::KindStopped { .. }
            | Record::StopRequested { .. }
            | Record::RunFinished { .. } => {}
        }
    }

    /// The report: what has a verdict keeps it, what was in flight is unknown, the rest was never started.
    fn report(mut self, plan: &Plan, at: Timestamp) -> Report {
        let in_flight: BTreeSet<usize> = plan
            .operations
            .iter()
            .chain(&self.grown)
            .filter(|op| self.in_flight.values().any(|p| matches!(p, Purpose::Operation(id) if *id == op.id)))
            .flat_map(|op| op.carries.iter().map(|carried| carried.change))
            .collect();
        for index in (0..plan.changes.len()).filter(|index| !self.ended.contains(index)) {
            let (mut verdict, mut report) = refused::planned(plan, index);
            if in_flight.contains(&index) {
                verdict = Verdict::Unknown;
                report.error = Some("the run was stopped while the call was in flight".to_owned());
                report.error_type = Some(ErrorType::Indeterminate);
            }
            self.fold.apply(&Record::ChangeEnded { change: index, verdict, report: Box::new(report), at });
        }
        let outcome = if in_flight.is_empty() { RunOutcome::Stopped } else { RunOutcome::Stuck };
        self.fold.apply(&Record::RunFinished { outcome, timings: RunTimings::default(), at });
        self.fold.finish()
    }
}

/// The file of `--events`.
struct EventFile {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl EventFile {
    fn create(path: PathBuf) -> Result<Self, Failure> {
        let file = File::create(&path).map_err(|error| {
            Failure::new(Exit::Refused, format!("cannot write events to `{}`", path.display()))
                .because(&error)
        })?;
        Ok(Self { path, file: Some(BufWriter::new(file)) })
    }

    /// Writes one line; after a failure, which is said once, no more.
    fn write(&mut self, stored: &Stored, screen: &Screen) {
        let Some(file) = &mut self.file else { return };
        // Each line at once: somebody may follow the file.
        if let Err(error) = writeln!(file, "{}", json::line(stored)).and_then(|()| file.flush()) {
            let warning = format_args!("no more events in `{}`: {error}", self.path.display());
            screen.complain(&Text::titled(Tone::Warning, "warning", warning));
            self.file = None;
        }
    }

    fn close(mut self, screen: &Screen) {
        if let Some(Err(error)) = self.file.as_mut().map(Write::flush) {
            let warning = format_args!("the last events are not in `{}`: {error}", self.path.display());
            screen.complain(&Text::titled(Tone::Warning, "warning", warning));
        }
    }
}
