//! Records and events: what happened in a run, told once and kept.
//!
//! A durable event *is* a journal record; ticks for the eye are not kept. Every view of a run (terminal, JSON Lines,
//! report) is a fold over this one stream.

use crate::{
    machine::{AttemptId, Seq},
    plan::{Operation, OperationId},
    report::{ReportedChange, RunOutcome, Verdict},
    run::{Goal, Ruling, RunOptions},
};
use connexa_types::{Call, Class, Kind, Outcome, QuotaHeaders, TenantId, Timestamp, milliseconds};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

/// A run's id: a UUID of version 7, so that ids sort by start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One durable event of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// The run began; always record 1.
    RunStarted {
        /// The run.
        run: RunId,
        /// The tenant.
        tenant: TenantId,
        /// The command.
        command: String,
        /// Fingerprint of the plan.
        fingerprint: String,
        /// How it is carried out.
        options: Box<RunOptions>,
        /// Seed of all chance in the run.
        seed: u64,
        /// Number of changes.
        changes: u64,
        /// Number of operations.
        operations: u64,
        /// When.
        at: Timestamp,
    },
    /// The run was taken up again from its journal: by another process, or to another end.
    RunContinued {
        /// To what end.
        goal: Goal,
        /// How it is carried out from here on.
        options: Box<RunOptions>,
        /// When.
        at: Timestamp,
    },
    /// The intent: this call is about to be sent.
    AttemptStarted {
        /// The attempt.
        attempt: AttemptId,
        /// What it is for.
        purpose: Purpose,
        /// Which sending of its call, from 1.
        number: u32,
        /// The call, secrets by reference.
        call: Call,
        /// How long it waited for its permit.
        #[serde(rename = "waited_ms", with = "milliseconds")]
        waited: Duration,
        /// When.
        at: Timestamp,
        /// Not sent after.
        send_by: Timestamp,
    },
    /// What an attempt came to.
    AttemptEnded {
        /// The attempt.
        attempt: AttemptId,
        /// Its outcome.
        outcome: Outcome,
        /// The rate headers of the answer.
        quota: Option<QuotaHeaders>,
        /// Requests sent.
        wire_calls: u8,
        /// Token requests sent.
        token_calls: u8,
        /// From sending to outcome.
        #[serde(rename = "took_ms", with = "milliseconds")]
        took: Duration,
        /// When.
        at: Timestamp,
    },
    /// Whether an attempt was applied is not known: what it was to do is looked for once the settle time has passed.
    OperationUnsettled {
        /// The operation.
        operation: OperationId,
        /// When it is looked for.
        until: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// An operation has ended: all that it carries has been ruled on, or handed over to what has grown from it.
    OperationEnded {
        /// The operation.
        operation: OperationId,
        /// What it came to, for those that need it.
        verdict: Verdict,
        /// The rulings on those of its changes that other operations carry too: their verdict is that of all of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        open: Vec<OpenRuling>,
        /// Whether it is not known what became of it, and a list may yet tell: nobody has looked to the end.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unsettled: bool,
        /// When.
        at: Timestamp,
    },
    /// A change has its verdict. A later one takes the place of an earlier one: an undo, a run that was continued and the
    /// list at the end of a run may say better.
    ChangeEnded {
        /// Index of the change in the plan.
        change: usize,
        /// Its verdict.
        verdict: Verdict,
        /// The change as reported.
        report: Box<ReportedChange>,
        /// When.
        at: Timestamp,
    },
    /// The run added an operation to those of the plan.
    OperationAdded {
        /// The operation, with all that its call needs.
        operation: Box<Operation>,
        /// The operation that it has grown from.
        from: OperationId,
        /// What for.
        growth: Growth,
        /// When.
        at: Timestamp,
    },
    /// A wave began.
    WaveStarted {
        /// Which, from 1.
        wave: u32,
        /// Operations of the plan up to its end.
        operations: u64,
        /// When.
        at: Timestamp,
    },
    /// Calls of a kind are refused alike: the rest of it is not started.
    KindStopped {
        /// The kind.
        kind: Kind,
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// The service takes no batched requests: calls go one by one from here on.
    BatchesRefused {
        /// How it said so.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// The run was told to stop, or stopped itself.
    StopRequested {
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// What was carried out is taken back from here on.
    UndoStarted {
        /// How much of it.
        scope: UndoScope,
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// The run ended: the last record, unless the run is continued later.
    RunFinished {
        /// What it came to.
        outcome: RunOutcome,
        /// Where the time went.
        timings: RunTimings,
        /// When.
        at: Timestamp,
    },
}

/// Where the time of a leg of a run went, by the monotonic clock of its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTimings {
    /// First intent to last outcome.
    #[serde(rename = "run_ms", with = "milliseconds")]
    pub run: Duration,
    /// Time in which at least one attempt waited for its permit.
    #[serde(rename = "waiting_ms", with = "milliseconds")]
    pub waiting: Duration,
    /// Run time less the time in which every worker that had work was in a call or waiting for a permit.
    #[serde(rename = "engine_ms", with = "milliseconds")]
    pub engine: Duration,
    /// Of a run that was taken up again: from there to its first list call, settle times and waiting for its permit aside.
    #[serde(
        rename = "recovery_ms",
        with = "milliseconds::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub recovery: Option<Duration>,
}

/// Why an operation was added in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// It repairs what a joint call left out.
    Repair,
    /// It is made in place of a joint call that was refused, without the passengers that the refusal names.
    Instead,
    /// It takes back what the other did.
    Undo,
}

/// What is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoScope {
    /// All of the run.
    Run,
    /// One unit.
    Unit(String),
}

/// What an operation came to for a change that other operations carry too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenRuling {
    /// Index of the change in the plan.
    pub change: usize,
    /// The ruling.
    pub ruling: Ruling,
}

/// What an attempt is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To carry out an operation.
    Operation(OperationId),
    /// To see in a list, or a setting, what operations must know: what a refused or lost call left behind, whether what
    /// they rest on is still so. One reading for all of them.
    LookUp(Vec<OperationId>),
}

/// A record as the journal holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// Its number.
    pub seq: Seq,
    /// The record.
    pub record: Record,
}

/// One line of `runs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunHead {
    /// The run.
    pub id: RunId,
    /// The command.
    pub command: String,
    /// The tenant.
    pub tenant: TenantId,
    /// What it came to: [`RunOutcome::Interrupted`] if its last record is not there and its owner is gone.
    pub outcome: RunOutcome,
    /// Start.
    pub started: Timestamp,
    /// End.
    pub finished: Option<Timestamp>,
    /// Kind → verdict → number, as far as verdicts are known.
    pub counts: BTreeMap<String, BTreeMap<Verdict, u64>>,
    /// Intents without an outcome, and attempts whose effect is not known: no call goes out for their keys before they are
    /// settled.
    pub open: u64,
    /// Whether it was given up: it is neither continued nor settled any more.
    pub abandoned: bool,
    /// Whether the journal is known to have lost its last records: what is there is as it was written, and more once was.
    #[serde(default)]
    pub tail_lost: bool,
    /// Why the run cannot be read, if it is known that it cannot: then the rest of this line says little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}

impl RunHead {
    /// Whether something is left that `resume` can do.
    pub fn is_unfinished(&self) -> bool {
        !self.abandoned
            && (matches!(self.outcome, RunOutcome::Interrupted | RunOutcome::Stopped) || self.open > 0)
    }
}

/// What whoever watches is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A durable event.
    Record(Stored),
    /// How far things are; not kept.
    Tick(Tick),
}

/// How far a machine is: for the eye.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tick", rename_all = "snake_case")]
pub enum Tick {
    /// Reading: a page of a list has come.
    Read {
        /// Plural name of the kind.
        what: String,
        /// Objects so far.
        objects: u64,
        /// All objects, if known.
        total: Option<u64>,
    },
    /// Running.
    Run {
        /// Changes with a verdict, those never started excepted.
        ended: u64,
        /// Of them failed, skipped or unknown.
        bad: u64,
        /// All changes.
        changes: u64,
        /// Calls of operations still to be made.
        calls_left: u64,
        /// Calls in flight.
        in_flight: u64,
        /// Until when the pace holds everything up, if it does.
        waiting: Option<Waiting>,
        /// How long everything waits for calls whose effect is not known, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settling: Option<SettleWait>,
    },
}

/// What holds everything up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The class whose bucket is empty.
    pub class: Class,
    /// Attempts that wait for it.
    pub attempts: u64,
}

/// Calls whose effect is not known: they are looked for once their settle time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleWait {
    /// How long that still is, in whole seconds.
    #[serde(rename = "left_ms", with = "milliseconds")]
    pub left: Duration,
    /// How many calls wait for it.
    pub calls: u64,
}

/// How a run stands by its records: what a line of `runs` says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Kind → verdict → number.
    pub counts: BTreeMap<String, BTreeMap<Verdict, u64>>,
    /// Verdicts so far, and their kinds.
    verdicts: BTreeMap<usize, (String, Verdict)>,
    /// Mutating attempts without an outcome.
    in_flight: BTreeMap<AttemptId, OperationId>,
    /// Operations with an attempt whose effect is not known.
    lost: BTreeSet<OperationId>,
}

impl Standing {
    /// How a run stands after these records, from its first on.
    pub fn of<'r>(records: impl IntoIterator<Item = &'r Record>) -> Self {
        let mut standing = Self::default();
        for record in records {
            standing.apply(record);
        }
        standing
    }

    /// Takes in the next record.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::AttemptStarted { attempt, purpose: Purpose::Operation(operation), call, .. }
                if call.mutates() =>
            {
                self.in_flight.insert(*attempt, operation.clone());
            }
            Record::AttemptEnded { attempt, outcome, .. } => {
                let operation = self.in_flight.remove(attempt);
                if let (Some(operation), Outcome::Indeterminate(_)) = (operation, outcome) {
                    self.lost.insert(operation);
                }
            }
            Record::ChangeEnded { change, verdict, report, .. } => {
                let before = self.verdicts.insert(*change, (report.kind.clone(), *verdict));
                if let Some((kind, before)) = before
                    && let Some(number) = self.counts.get_mut(&kind).and_then(|kind| kind.get_mut(&before))
                {
                    *number -= 1;
                    if *number == 0 {
                        self.counts.entry(kind).or_default().remove(&before);
                    }
                }
                *self.counts.entry(report.kind.clone()).or_default().entry(*verdict).or_default() += 1;
            }
            // What was on its way when a process died is not known.
            Record::RunContinued { .. } => {
                self.lost.extend(std::mem::take(&mut self.in_flight).into_values());
            }
            // Settled, or the end of all trying: what stays unknown is told by its verdict.
            Record::OperationEnded { operation, unsettled, .. } => {
                if *unsettled {
                    self.lost.insert(operation.clone());
                } else {
                    self.lost.remove(operation);
                }
            }
            _ => {}
        }
    }

    /// Operations of which it is not known whether they were applied.
    pub fn open(&self) -> u64 {
        let in_flight = self.in_flight.values().filter(|operation| !self.lost.contains(*operation));
        (self.lost.len() + in_flight.count()) as u64
    }
}
