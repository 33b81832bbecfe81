//! Runs as the journal tells of them: which one is meant, what it came to, how far it is.

use connexa_engine::{
    machine::{AttemptId, Seq},
    plan::{Action, Operation, OperationId, Plan},
    ports::{Journal, ReadJournalError},
    record::{Purpose, Record, RunHead, RunId, RunTimings, Stored},
    report::{ErrorType, Report, ReportFold, ReportedChange, RunOutcome, Verdict},
    run::Goal,
};
use connexa_types::{TenantId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Records that are read at once.
const PAGE: usize = 1000;

/// The command that a raw call is recorded under.
pub(crate) const RAW: &str = "api";

/// All runs of a tenant that the journal holds, newest first; at most `most`.
pub(crate) async fn heads(
    journal: &dyn Journal,
    tenant: &TenantId,
    most: usize,
) -> Result<Vec<RunHead>, ReadJournalError> {
    let mut all: Vec<RunHead> = Vec::new();
    while all.len() < most {
        let after = all.last().map(|head| head.id.clone());
        let more = journal.runs(tenant, after, PAGE.min(most - all.len())).await?;
        if more.is_empty() {
            break;
        }
        all.extend(more);
    }
    Ok(all)
}

/// All records of a run, from `from` on.
pub(crate) async fn records(
    journal: &dyn Journal,
    run: &RunId,
    from: Seq,
) -> Result<Vec<Stored>, ReadJournalError> {
    let mut all: Vec<Stored> = Vec::new();
    loop {
        let next = all.last().map_or(from, |last| Seq(last.seq.0 + 1));
        let more = journal.read(run, next, PAGE).await?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

/// In what state the run is that a report is made of before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// At work: what is in flight may still come to anything.
    Running,
    /// Its process is gone without having brought it to an end.
    Interrupted,
    /// Its own process leaves it at this moment.
    CutOff(Timestamp),
}

/// What the records of a run say so far.
#[derive(Default)]
pub(crate) struct SoFar {
    fold: ReportFold,
    /// Changes with a verdict.
    ended: BTreeMap<usize, Verdict>,
    /// Operations that grew in the run.
    grown: Vec<Operation>,
    /// Attempts that have begun and not ended.
    in_flight: HashMap<AttemptId, Purpose>,
    /// Operations of which it is not known whether they were carried out.
    unsettled: BTreeSet<OperationId>,
    operations: u64,
    operations_ended: u64,
    changes: u64,
    /// Whether it has come to an end, and nobody has taken it up again.
    finished: bool,
    stopped: bool,
    undone_later: bool,
}

impl SoFar {
    /// What all these records say.
    pub(crate) fn of<'r>(records: impl IntoIterator<Item = &'r Record>) -> Self {
        let mut so_far = Self::default();
        records.into_iter().for_each(|record| so_far.take(record));
        so_far
    }

    /// Takes in the next record.
    pub(crate) fn take(&mut self, record: &Record) {
        self.fold.apply(record);
        match record {
            Record::RunStarted { changes, operations, .. } => {
                self.changes = *changes;
                self.operations = *operations;
            }
            Record::RunContinued { goal, .. } => {
                self.finished = false;
                self.stopped = false;
                self.undone_later |= *goal == Goal::Undo;
                // Attempts of an owner that is gone have no outcome any more: the run looks for what they did.
                self.in_flight.clear();
            }
            Record::AttemptStarted { attempt, purpose, .. } => {
                self.in_flight.insert(*attempt, purpose.clone());
            }
            Record::AttemptEnded { attempt, .. } => {
                self.in_flight.remove(attempt);
            }
            Record::OperationUnsettled { operation, .. } => {
                self.unsettled.insert(operation.clone());
            }
            Record::OperationEnded { operation, .. } => {
                self.unsettled.remove(operation);
                self.operations_ended += 1;
            }
            Record::ChangeEnded { change, verdict, .. } => {
                self.ended.insert(*change, *verdict);
            }
            Record::OperationAdded { operation, .. } => {
                self.operations += 1;
                self.grown.push((**operation).clone());
            }
            Record::StopRequested { .. } => self.stopped = true,
            Record::RunFinished { .. } => self.finished = true,
            Record::WaveStarted { .. }
            | Record::BatchesRefused { .. }
            | Record::UndoStarted { .. }
            | Record::KindStopped { .. } => {}
        }
    }

    /// The verdict of a change, if it has one.
    pub(crate) fn verdict(&self, change: usize) -> Option<Verdict> {
        self.ended.get(&change).copied()
    }

    /// Whether its last leg has come to an end.
    pub(crate) const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether its last leg was told to stop, so that it may have settled less than it could.
    pub(crate) const fn was_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether somebody has asked for it to be undone after its end.
    pub(crate) const fn is_undone_later(&self) -> bool {
        self.undone_later
    }

    /// How far it is: for the eye.
    pub(crate) fn tick(&self) -> connexa_engine::record::Tick {
        let number = |n: usize| n as u64;
        let bad = [Verdict::Failed, Verdict::Skipped, Verdict::Unknown];
        connexa_engine::record::Tick::Run {
            ended: number(self.ended.values().filter(|verdict| **verdict != Verdict::Unprocessed).count()),
            bad: number(self.ended.values().filter(|verdict| bad.contains(verdict)).count()),
            changes: self.changes,
            calls_left: self.operations.saturating_sub(self.operations_ended),
            in_flight: number(self.in_flight.len()),
            waiting: None,
            settling: None,
        }
    }

    /// The report so far: what has a verdict keeps it, what may have been sent is unknown (of a run at work: open), the
    /// rest was not started.
    pub(crate) fn report(mut self, plan: &Plan, state: State) -> Report {
        let at_work: BTreeSet<&OperationId> = self
            .in_flight
            .values()
            .filter_map(|purpose| match purpose {
                Purpose::Operation(id) => Some(id),
                Purpose::LookUp(_) => None,
            })
            .chain(&self.unsettled)
            .collect();
        let open: BTreeSet<usize> = plan
            .operations
            .iter()
            .chain(&self.grown)
            .filter(|operation| at_work.contains(&operation.id))
            .flat_map(|operation| operation.carries.iter().map(|carried| carried.change))
            .collect();
        if self.finished {
            return self.fold.finish();
        }
        let at = Timestamp::UNIX_EPOCH;
        let mut unknown = false;
        for index in (0..plan.changes.len()).filter(|index| !self.ended.contains_key(index)) {
            let (mut verdict, mut report) = planned(plan, index);
            if open.contains(&index) {
                match state {
                    State::Running => {
                        report.note = Some("its call is on its way, or being looked for".to_owned());
                    }
                    State::Interrupted | State::CutOff(_) => {
                        unknown = true;
                        verdict = Verdict::Unknown;
                        let error = match state {
                            State::CutOff(_) => "the run was stopped while the call was in flight",
                            _ => "the run ended while the call was in flight",
                        };
                        report.error = Some(error.to_owned());
                        report.error_type = Some(ErrorType::Indeterminate);
                    }
                }
            }
            self.fold.apply(&Record::ChangeEnded { change: index, verdict, report: Box::new(report), at });
        }
        if let State::CutOff(at) = state {
            let outcome = if unknown { RunOutcome::Stuck } else { RunOutcome::Stopped };
            self.fold.apply(&Record::RunFinished { outcome, timings: RunTimings::default(), at });
        }
        let mut report = self.fold.finish();
        match state {
            State::Running => report.outcome = RunOutcome::Running,
            State::Interrupted => report.outcome = RunOutcome::Interrupted,
            State::CutOff(_) => {}
        }
        report
    }
}

/// A change of a plan as far as the plan itself decided it.
pub(crate) fn planned(plan: &Plan, index: usize) -> (Verdict, ReportedChange) {
    let change = &plan.changes[index];
    let mut reported = blank(&change.kind, change.key.clone(), change.action);
    reported.verb.clone_from(&change.verb);
    reported.id.clone_from(&change.id);
    reported.item.clone_from(&change.item);
    reported.source.clone_from(&change.source);
    reported.note.clone_from(&change.note);
    match &change.preset {
        None => (Verdict::Unprocessed, reported),
        Some(preset) => {
            reported.error = Some(preset.error.clone());
            reported.error_type = Some(preset.error_type);
            reported.error_detail = (!preset.error_detail.is_empty()).then(|| preset.error_detail.clone());
            reported.cause.clone_from(&preset.cause);
            (preset.verdict, reported)
        }
    }
}

/// A change of which nothing is known but what was to be done.
pub(crate) fn blank(kind: &str, key: String, action: Action) -> ReportedChange {
    ReportedChange {
        kind: kind.to_owned(),
        key,
        action,
        verb: None,
        id: None,
        item: None,
        source: None,
        object: None,
        attempts: None,
        status: None,
        note: None,
        origin: None,
        error: None,
        error_type: None,
        error_detail: None,
        cause: None,
        duplicates: None,
        stuck: None,
    }
}
