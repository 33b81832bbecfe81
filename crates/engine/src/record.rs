//! Records and events: what happened in a run, told once and kept.
//!
//! A durable event *is* a journal record; ticks for the eye are not kept. Every view of a run (terminal, JSON Lines,
//! report) is a fold over this one stream.

use crate::{
    machine::{AttemptId, Seq},
    plan::{Operation, OperationId},
    report::{ReportedChange, RunOutcome, Verdict},
    run::RunOptions,
};
use connexa_types::{Call, Class, Kind, Outcome, QuotaHeaders, TenantId, Timestamp, milliseconds};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

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
    /// A change has its verdict.
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
    /// The run added an operation to those of the plan: a repair of what a joint call left out, or a joint call without
    /// the passengers that were refused.
    OperationAdded {
        /// The operation, with all that its call needs.
        operation: Box<Operation>,
        /// The operation that it has grown from.
        from: OperationId,
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
    /// The run ended; always the last record.
    RunFinished {
        /// What it came to.
        outcome: RunOutcome,
        /// Where the time went.
        timings: RunTimings,
        /// When.
        at: Timestamp,
    },
}

/// Where the time of a run went, by the monotonic clock of its process.
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
    /// What it came to.
    pub outcome: RunOutcome,
    /// Start.
    pub started: Timestamp,
    /// End.
    pub finished: Option<Timestamp>,
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
