//! The report of a run: one verdict for each change, in the form of the `connexa.report/1` document.

mod fold;

pub use fold::{REPORT_SCHEMA, ReportFold};

use crate::{desired::Source, plan::Action, problem::Problem, shared_json::SharedJson};
use connexa_types::{Class, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The verdict of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The desired state was observed.
    Succeeded,
    /// Not applied, and never will be by this run.
    Failed,
    /// What it needs failed.
    Skipped,
    /// Never started.
    Unprocessed,
    /// Sent, and the service cannot be made to tell.
    Unknown,
    /// Applied, then taken back.
    Undone,
}

impl Verdict {
    /// All verdicts, in the order of the document.
    pub const ALL: [Self; 6] =
        [Self::Succeeded, Self::Failed, Self::Skipped, Self::Unprocessed, Self::Unknown, Self::Undone];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unprocessed => "unprocessed",
            Self::Unknown => "unknown",
            Self::Undone => "undone",
        }
    }
}

/// Why a change did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorType {
    /// Found by us; no call was made.
    ValidationError,
    /// A word that names no kind.
    UnknownKind,
    /// A secret could not be resolved.
    SecretMissing,
    /// What it needs failed (every *skipped*).
    DependencyFailed,
    /// 403.
    PermissionDenied,
    /// The object, or its parent, is gone.
    NotFound,
    /// 409, a live key that differs, a name taken.
    Conflict,
    /// Somebody else changed it between our read and our call.
    Drifted,
    /// Every other 4xx.
    Rejected,
    /// The retry budget was spent on 429.
    RateLimited,
    /// 401 again after the client's one replay.
    Unauthorized,
    /// The retry budget was spent on calls that could not be sent.
    NetworkError,
    /// The retry budget was spent on 5xx of a read.
    ServerError,
    /// Every *unknown* without a conflict.
    Indeterminate,
    /// A bug.
    InternalError,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// All succeeded, or nothing to do.
    Complete,
    /// Some failed, were skipped or undone.
    Partial,
    /// Stopped before the end; the rest is unprocessed.
    Stopped,
    /// Something is unknown, or an undo failed.
    Stuck,
    /// All was reversed.
    Undone,
    /// Refused before any change.
    Refused,
    /// Still at work.
    Running,
    /// Its process is gone.
    Interrupted,
}

/// How well the effect of a create is known to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A 2xx with its id.
    Confirmed,
    /// Found after a lost answer.
    Inferred,
}

/// One change of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportedChange {
    /// The kind, or the word as given where it is unknown.
    pub kind: String,
    /// The key string.
    pub key: String,
    /// The action.
    pub action: Action,
    /// Verb of a life-cycle action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// The object's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The item as given, secrets removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<SharedJson>,
    /// Where the item stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The server's answer, secrets removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<SharedJson>,
    /// How often a call that carries it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Last HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A remark: no-op, already gone, adopted…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Origin of a create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What went wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What went wrong, for machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<ErrorType>,
    /// Field in spec names → messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_detail: Option<BTreeMap<String, Vec<String>>>,
    /// `kind/key` of the change that this one hangs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Ids, where the service holds more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<Vec<String>>,
    /// What is left of an undo that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<Stuck>,
}

/// What is left of an undo that failed, and how to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// Ids of the objects that are not as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// The command that tries again.
    pub command: String,
}

/// Who ran what, when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// The run's id.
    pub id: String,
    /// The command, such as `apply`.
    pub command: String,
    /// The tenant.
    pub tenant: String,
    /// The profile, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Start.
    pub started: Timestamp,
    /// End.
    pub finished: Option<Timestamp>,
}

/// Calls that a run made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCounts {
    /// API requests of class read sent, retries and throttled ones included, token calls not.
    pub read: u64,
    /// API requests of class update sent.
    pub update: u64,
    /// Answers 429.
    pub throttled: u64,
    /// Attempts beyond the first of their call.
    pub retried: u64,
    /// What a call per object would have cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_per_object: Option<u64>,
}

impl std::ops::AddAssign for CallCounts {
    /// Adds the calls of another part of a command, such as those that were read for its plan.
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.update += other.update;
        self.throttled += other.throttled;
        self.retried += other.retried;
        if let Some(more) = other.one_per_object {
            *self.one_per_object.get_or_insert(0) += more;
        }
    }
}

/// Where the knowledge of a quota comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaSource {
    /// Headers of this run.
    Observed,
    /// Headers of an earlier run.
    Remembered,
    /// No header seen yet.
    Assumed,
    /// Answers come without headers.
    None,
}

/// The quota of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaReport {
    /// Bucket size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// Tokens a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// Seconds of a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Where this is known from.
    pub source: QuotaSource,
}

/// Times of a run, in milliseconds (design of each figure: `docs/architecture.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// First list call to last answer.
    pub read_ms: f64,
    /// Parsing to plan, reading included.
    pub plan_ms: f64,
    /// First intent to last outcome.
    pub run_ms: f64,
    /// Run time less the time in which every worker was in a call or waiting for a permit.
    pub engine_ms: f64,
    /// Waiting for permits.
    pub waiting_ms: f64,
    /// Of a run that was taken up again: opening, reading and following its journal, which the host adds, and what else came
    /// before its first list call; settle times aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_ms: Option<f64>,
}

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `connexa.report/1`.
    pub schema: String,
    /// Who ran what, when.
    pub run: RunHeader,
    /// What it came to.
    pub outcome: RunOutcome,
    /// Kind → verdict → number.
    pub counts: BTreeMap<String, BTreeMap<Verdict, u64>>,
    /// Calls made.
    pub calls: CallCounts,
    /// What is known of the quota.
    pub quota: BTreeMap<Class, QuotaReport>,
    /// Times.
    pub timings: Timings,
    /// The spec that holds what did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures_file: Option<String>,
    /// Remarks on the whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The six lists, each in input order.
    #[serde(flatten)]
    pub lists: Lists,
    /// Problems of the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// The six lists: together they are the input, each change once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lists {
    /// Verdict *succeeded*.
    pub succeeded: Vec<ReportedChange>,
    /// Verdict *failed*.
    pub failed: Vec<ReportedChange>,
    /// Verdict *skipped*.
    pub skipped: Vec<ReportedChange>,
    /// Verdict *unprocessed*.
    pub unprocessed: Vec<ReportedChange>,
    /// Verdict *unknown*.
    pub unknown: Vec<ReportedChange>,
    /// Verdict *undone*.
    pub undone: Vec<ReportedChange>,
}

impl Lists {
    /// The list of a verdict.
    pub fn of(&self, verdict: Verdict) -> &Vec<ReportedChange> {
        match verdict {
            Verdict::Succeeded => &self.succeeded,
            Verdict::Failed => &self.failed,
            Verdict::Skipped => &self.skipped,
            Verdict::Unprocessed => &self.unprocessed,
            Verdict::Unknown => &self.unknown,
            Verdict::Undone => &self.undone,
        }
    }

    /// The list of a verdict, to add to.
    pub fn of_mut(&mut self, verdict: Verdict) -> &mut Vec<ReportedChange> {
        match verdict {
            Verdict::Succeeded => &mut self.succeeded,
            Verdict::Failed => &mut self.failed,
            Verdict::Skipped => &mut self.skipped,
            Verdict::Unprocessed => &mut self.unprocessed,
            Verdict::Unknown => &mut self.unknown,
            Verdict::Undone => &mut self.undone,
        }
    }
}
