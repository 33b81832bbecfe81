//! Why a tenant cannot be read. Nothing has changed then.

use crate::current::OddObject;
use connexa_types::{Rejection, Why};

/// Why a tenant cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// 401, or the credentials were refused.
    #[error("the service refused the credentials")]
    Unauthorized,
    /// 403.
    #[error("the key may not read {what}{}", words(.text))]
    Forbidden {
        /// What was read.
        what: String,
        /// The server's words.
        text: String,
    },
    /// 3xx: this is not the API, or not its address. Redirects are never followed.
    #[error("{what} was answered with a redirect, which is never followed{}", words(.detail))]
    Redirect {
        /// What was read.
        what: String,
        /// Where to.
        detail: String,
    },
    /// No connection.
    #[error("the service cannot be reached{}", words(&.why.detail))]
    Unreachable {
        /// Why.
        why: Why,
    },
    /// No good answer, several times.
    #[error("{what} was not answered well{}{}", status(.why), words(&.why.detail))]
    Unanswered {
        /// What was read.
        what: String,
        /// Why.
        why: Why,
    },
    /// 429, many times.
    #[error("{what} was throttled too often")]
    Throttled {
        /// What was read.
        what: String,
    },
    /// Any other 4xx.
    #[error("the service refused to give {what} ({status}){}", words(.text))]
    Rejected {
        /// What was read.
        what: String,
        /// HTTP status.
        status: u16,
        /// The server's words.
        text: String,
    },
    /// The list moved in each of four passes.
    #[error("{what} changed each time while it was read")]
    Unstable {
        /// What was read.
        what: String,
    },
    /// The answer is not what the API promises.
    #[error("{what} was answered with something else")]
    Odd {
        /// What was read.
        what: String,
    },
    /// An object is not what the API promises.
    #[error(transparent)]
    OddObject(#[from] OddObject),
    /// Told to stop.
    #[error("stopped while reading")]
    Stopped,
}

impl ReadError {
    pub(super) fn rejected(what: String, rejection: &Rejection) -> Self {
        let text = rejection.words();
        match rejection.status {
            403 => Self::Forbidden { what, text },
            status => Self::Rejected { what, status, text },
        }
    }

    /// Whether the service could not be reached, did not accept us, or is not the API: all but a stop.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Stopped)
    }
}

fn words(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

fn status(why: &Why) -> String {
    why.status.map(|status| format!(" ({status})")).unwrap_or_default()
}
