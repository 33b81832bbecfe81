//! What one sending of a call came to.
//!
//! A lost answer is a value, never an `Err`: the caller must be made to look at it.

use crate::{
    error_body::{ErrorDetail, ErrorResponse},
    milliseconds,
    pointer::JsonPointer,
    secret::{SecretHash, SecretValue},
    time::Mono,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// One sending of a call.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What it came to.
    pub outcome: Outcome,
    /// The four rate headers of the answer, whatever its status; `None` if there was no answer or it had none.
    pub quota: Option<QuotaHeaders>,
    /// HTTP requests sent for the call itself (2 after a replay on 401); renewals of the token not counted.
    pub wire_calls: u8,
    /// Requests to the token endpoint, outside quota and `wire_calls`.
    pub token_calls: u8,
    /// When the request was handed to the transport.
    pub sent_at: Mono,
    /// When the outcome was known.
    pub ended_at: Mono,
    /// Text handed out by the call (a profile, a connector token): for the file it is meant for, never stored elsewhere.
    pub product: Option<SecretValue>,
}

/// The outcome of an attempt. The table in `connexa-client`'s `classify` says which answer is which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A 2xx that parses and holds what the call promises.
    Applied(Answer),
    /// A 4xx other than 401, 408 and 429: not applied (a joint call may have been in part).
    Rejected(Rejection),
    /// 429: not applied; the wait that the server asked for with `Retry-After`, if it did.
    #[serde(with = "throttled")]
    Throttled(Option<Duration>),
    /// Nothing that could be applied has left this machine.
    NotSent(Why),
    /// No whole, readable answer, or one that does not say whether the call was applied.
    Indeterminate(Why),
    /// 401 again after the one replay, or the credentials were refused.
    Unauthorized,
}

/// `{"retry_after_ms": 2000.0}`, null if the server said nothing.
mod throttled {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer, milliseconds};

    #[derive(Serialize, Deserialize)]
    struct Throttled {
        #[serde(rename = "retry_after_ms", with = "milliseconds::option")]
        retry_after: Option<Duration>,
    }

    #[expect(clippy::ref_option, reason = "serde hands fields over by reference")]
    pub(super) fn serialize<S: Serializer>(
        wait: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Throttled { retry_after: *wait }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Throttled::deserialize(deserializer).map(|read| read.retry_after)
    }
}

/// A 2xx answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, secrets taken out.
    pub body: AnswerBody,
    /// Places of the body from which a secret was taken, and its hash.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sealed: BTreeMap<JsonPointer, SecretHash>,
}

/// The body of a 2xx answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerBody {
    /// No body, or one that is not looked at.
    Empty,
    /// JSON.
    Json(Value),
    /// Raw text that is no secret.
    Text(String),
}

impl Answer {
    /// The JSON body, if it is one.
    pub fn json(&self) -> Option<&Value> {
        match &self.body {
            AnswerBody::Json(v) => Some(v),
            AnswerBody::Empty | AnswerBody::Text(_) => None,
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// HTTP status.
    pub status: u16,
    /// What is gone, if the refusal says that something does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Gone>,
    /// The error body, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorResponse>,
    /// The body otherwise, cut and with control characters escaped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl Rejection {
    /// The server's own words: its message, else the details, else the body; empty if it said nothing.
    pub fn words(&self) -> String {
        let error = self.error.as_ref();
        let message = error.and_then(|error| error.error_message.clone()).filter(|text| !text.is_empty());
        let words = message.or_else(|| {
            // Without an overall text the details are all that it says.
            let details = error?.error_details.iter().flat_map(|(_, list)| list).map(ErrorDetail::text);
            Some(details.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
        });
        words.unwrap_or_else(|| self.text.clone())
    }
}

/// What a "not found" is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// The object in the path.
    Target,
    /// The parent that a create names in its query.
    Parent,
}

/// Why a call was not sent, or why its outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The cause, for machines.
    pub reason: Reason,
    /// HTTP status, if an answer began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The cause, for people: one line, no secret, control characters escaped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Why {
    /// A cause without a status.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, status: None, detail: detail.into() }
    }
}

/// Causes of [`Outcome::NotSent`] and [`Outcome::Indeterminate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not sent: the host's name did not resolve.
    Dns,
    /// Not sent: no connection.
    Connect,
    /// Not sent: TLS failed.
    Tls,
    /// Not sent: no token to be had (endpoint unreachable, throttled, unreadable).
    NoToken,
    /// Not sent: a secret could not be resolved.
    SecretMissing,
    /// Not sent: the time by which sending had to begin has passed.
    TooLate,
    /// Not sent: the request cannot be built (an empty id, a body that cannot be written).
    Unbuildable,
    /// Nothing was done: the service takes no batched requests.
    NoBatches,
    /// Unknown: the connection broke.
    Reset,
    /// Unknown: no first byte, or not the whole answer, in time.
    Timeout,
    /// Unknown: a 5xx.
    ServerError,
    /// Unknown: 408.
    RequestTimeout,
    /// Unknown: a redirect, which is never followed.
    Redirect,
    /// Unknown: a 2xx that is not what the call promises.
    Unreadable,
    /// Unknown: the body is over the cap.
    TooLarge,
    /// Unknown: the attempt was abandoned, or the host ran it again.
    Cancelled,
}

impl Reason {
    /// Whether the cause means that nothing was sent.
    pub const fn is_not_sent(self) -> bool {
        matches!(
            self,
            Self::Dns
                | Self::Connect
                | Self::Tls
                | Self::NoToken
                | Self::SecretMissing
                | Self::TooLate
                | Self::Unbuildable
                | Self::NoBatches
        )
    }
}

/// The rate headers of an answer (API section 2.1). A header that is absent, not an integer or out of range is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct QuotaHeaders {
    /// `X-RateLimit-Burst-Capacity`: bucket size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// `X-RateLimit-Replenish-Rate`: tokens per period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// `X-RateLimit-Replenish-Time`: length of a period in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// `X-RateLimit-Remaining`: whole tokens left after this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
}

impl QuotaHeaders {
    /// Whether no header was there.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
