//! What an operation came to for one change, and the words for it.

use crate::{
    plan::{Change, Operation},
    report::{ErrorType, Origin, Stuck, Verdict},
    shared_json::SharedJson,
};
use connexa_types::{Reason, Why};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of a change once an operation that carries it has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ruling {
    pub(super) verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error_type: Option<ErrorType>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) detail: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) object: Option<SharedJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<Origin>,
    /// Ids, where the service holds more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) duplicates: Vec<String>,
    /// What is left of an undo that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stuck: Option<Stuck>,
}

impl Ruling {
    pub(super) const fn bare(verdict: Verdict) -> Self {
        Self {
            verdict,
            error: None,
            error_type: None,
            detail: BTreeMap::new(),
            cause: None,
            note: None,
            object: None,
            origin: None,
            duplicates: Vec::new(),
            stuck: None,
        }
    }

    /// The desired state was observed.
    pub(super) fn succeeded(object: Option<SharedJson>) -> Self {
        Self { object, ..Self::bare(Verdict::Succeeded) }
    }

    /// Not applied, and never will be.
    pub(super) fn failed(error_type: ErrorType, error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), error_type: Some(error_type), ..Self::bare(Verdict::Failed) }
    }

    /// Nobody can tell.
    pub(super) fn unknown(error: impl Into<String>) -> Self {
        Self {
            error: Some(error.into()),
            error_type: Some(ErrorType::Indeterminate),
            ..Self::bare(Verdict::Unknown)
        }
    }

    /// Applied, then taken back.
    pub(super) const fn undone() -> Self {
        Self::bare(Verdict::Undone)
    }

    /// Something is there that may not be ours.
    pub(super) fn conflict(error: impl Into<String>) -> Self {
        Self { error_type: Some(ErrorType::Conflict), ..Self::unknown(error) }
    }

    /// The ruling with one more remark.
    pub(super) fn noted(mut self, note: impl Into<String>) -> Self {
        let note = note.into();
        self.note = Some(self.note.map_or(note.clone(), |before| format!("{before}; {note}")));
        self
    }

    /// Never started; `error_type` where it is this change's own fault.
    pub(super) fn unprocessed(error: impl Into<String>, error_type: Option<ErrorType>) -> Self {
        Self { error: Some(error.into()), error_type, ..Self::bare(Verdict::Unprocessed) }
    }

    /// What it needs did not succeed.
    pub(super) fn skipped(cause: &Change, verdict: Verdict) -> Self {
        let name = name(cause);
        let why = match verdict {
            Verdict::Failed => "which failed",
            Verdict::Unknown => "of which it is not known whether it was applied",
            Verdict::Unprocessed => "which was not carried out",
            Verdict::Skipped => "which was skipped",
            Verdict::Undone => "which was undone",
            Verdict::Succeeded => "whose answer does not hold what is needed of it",
        };
        Self {
            error: Some(format!("needs `{name}`, {why}")),
            error_type: Some(ErrorType::DependencyFailed),
            cause: Some(name),
            ..Self::bare(Verdict::Skipped)
        }
    }
}

/// `kind/key`.
pub(super) fn name(change: &Change) -> String {
    format!("{}/{}", change.kind, change.key)
}

/// Why a call was not sent, or why its outcome is not known, in words.
pub(super) fn words(why: &Why) -> String {
    let cause = match why.reason {
        Reason::Dns => "the name of the service could not be resolved",
        Reason::Connect => "no connection to the service",
        Reason::Tls => "no secure connection to the service",
        Reason::NoToken => "no access token to be had",
        Reason::SecretMissing => "a secret is missing",
        Reason::TooLate => "its time to be sent had passed",
        Reason::Unbuildable => "the request could not be built",
        Reason::NoBatches => "the service takes no batched requests",
        Reason::Reset => "the connection broke",
        Reason::Timeout => "no whole answer came in time",
        Reason::ServerError => "the service had an error",
        Reason::RequestTimeout => "the service gave up waiting for the request",
        Reason::Redirect => "the answer was a redirect, which is never followed",
        Reason::Unreadable => "the answer could not be read",
        Reason::TooLarge => "the answer was too large",
        Reason::Cancelled => "the attempt was abandoned",
    };
    let status = why.status.map(|status| format!(" ({status})")).unwrap_or_default();
    match (why.detail.as_str(), why.reason) {
        ("", _) => format!("{cause}{status}"),
        // What the client says of a connection begins with the cause already.
        (
            detail,
            Reason::Dns
            | Reason::Connect
            | Reason::Tls
            | Reason::NoToken
            | Reason::Reset
            | Reason::Timeout
            | Reason::TooLarge,
        ) => format!("{detail}{status}"),
        (detail, _) => format!("{cause}{status}: {detail}"),
    }
}

/// What is known of a call whose outcome is not.
pub(super) fn lost(why: &str) -> String {
    format!("sent, but whether it was applied is not known: {why}")
}

/// "1 attempt", "3 attempts".
pub(super) fn attempts(number: u32) -> String {
    if number == 1 { "1 attempt".to_owned() } else { format!("{number} attempts") }
}

/// Names of fields in a sentence: "`a`, `b`".
pub(super) fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The same ruling for each change that an operation carries.
pub(super) fn for_all(operation: &Operation, ruling: &Ruling) -> Vec<(usize, Ruling)> {
    operation.carries.iter().map(|carried| (carried.change, ruling.clone())).collect()
}
