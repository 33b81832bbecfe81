//! Why a request is refused after it got through to its operation, and how that is said on the wire
//! (API section 3.2; codes of row 12, keys of row 58 of section 10).

use crate::config::Config;
use bytes::Bytes;
use connexa_types::Kind;
use http::{Response, StatusCode, header};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// What a complaint is about. Only [`Code::Length`] was seen on the real service; the others are assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Code {
    /// A required field or parameter is absent.
    Missing,
    /// A value outside its enum.
    Enum,
    /// A value of the wrong type or form.
    Format,
    /// A text or list that is too short or too long.
    Length,
    /// A rule between fields or objects is broken.
    Conflict,
    /// Something that does not exist is named.
    NotFound,
}

impl Code {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "0-10-1",
            Self::Enum => "0-10-2",
            Self::Format => "0-10-3",
            Self::Length => "0-10-25",
            Self::Conflict => "0-20-1",
            Self::NotFound => "0-30-1",
        }
    }
}

/// One complaint about one field.
#[derive(Clone, Debug, PartialEq)]
struct Complaint {
    key: String,
    code: Code,
    message: String,
    params: Option<Map<String, Value>>,
}

/// Everything wrong with one stage of a request (row 57: all fields at once, but one stage at a time), up to
/// [`Complaints::MOST`]: a hostile body of millions of faults must not make an answer of hundreds of megabytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Complaints {
    list: Vec<Complaint>,
    /// What is in the list, so that a field is told of a fault once.
    known: HashSet<(String, Code)>,
}

impl Complaints {
    const MOST: usize = 10_000;

    /// Adds a complaint; a field keeps only the first one of each code.
    pub(crate) fn add(&mut self, key: impl Into<String>, code: Code, message: impl Into<String>) {
        self.push(Complaint { key: key.into(), code, message: message.into(), params: None });
    }

    /// Adds that `key` is absent.
    pub(crate) fn missing(&mut self, key: impl Into<String>) {
        self.add(key, Code::Missing, "Required value is missing");
    }

    /// Adds that `key` holds too few or too many characters or elements (seen, with unexpanded placeholders).
    pub(crate) fn length(&mut self, key: impl Into<String>, min: usize, max: usize) {
        let params = Map::from_iter([("min".to_owned(), min.into()), ("max".to_owned(), max.into())]);
        self.push(Complaint {
            key: key.into(),
            code: Code::Length,
            message: "Length must be between {min} and {max}".to_owned(),
            params: Some(params),
        });
    }

    fn push(&mut self, complaint: Complaint) {
        if self.list.len() < Self::MOST && self.known.insert((complaint.key.clone(), complaint.code)) {
            self.list.push(complaint);
        }
    }

    /// Whether `key` has been complained about.
    #[cfg(test)]
    pub(crate) fn names(&self, key: &str) -> bool {
        self.list.iter().any(|c| c.key == key)
    }

    /// Ends the stage: `Ok` if there was nothing to complain about.
    pub(crate) fn into_result(self) -> Result<(), Refusal> {
        if self.list.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self)) }
    }
}

/// Why an operation was not carried out. A refused operation has changed nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// 400 with `ErrorResponse`.
    Invalid(Complaints),
    /// The id of the path, or of the parent in the query, names nothing: 400 or 404 (row 10).
    Gone(Kind),
    /// 403 without a body: the tenant or the key may not do this.
    Forbidden,
}

impl Refusal {
    /// A refusal for one reason.
    pub(crate) fn one(key: impl Into<String>, code: Code, message: impl Into<String>) -> Self {
        let mut complaints = Complaints::default();
        complaints.add(key, code, message);
        Self::Invalid(complaints)
    }

    /// A rule that is broken at `key`.
    pub(crate) fn conflict(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::one(key, Code::Conflict, message)
    }

    /// An action that cannot be done, or an object that cannot be deleted.
    pub(crate) fn not_possible(message: impl Into<String>) -> Self {
        Self::conflict("id", message)
    }

    /// The answer that says it.
    pub(crate) fn into_response(self, config: &Config) -> Response<Bytes> {
        let (status, complaints) = match self {
            Self::Invalid(complaints) => (StatusCode::BAD_REQUEST, complaints),
            Self::Gone(kind) => {
                let mut complaints = Complaints::default();
                let name = kind.singular().replace('_', " ");
                complaints.add("id", Code::NotFound, format!("{name} not found"));
                (config.not_found.status(kind), complaints)
            }
            Self::Forbidden => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::FORBIDDEN;
                return response;
            }
        };
        error_response(status, complaints)
    }
}

fn error_response(status: StatusCode, complaints: Complaints) -> Response<Bytes> {
    // An unknown id must end in `not found`, nothing after it (row 10): so the whole text is the messages, joined.
    let error_message = match complaints.list.as_slice() {
        [only] => only.message.clone(),
        several => {
            let parts: Vec<_> =
                several.iter().take(20).map(|c| format!("{}: {}", c.key, c.message)).collect();
            parts.join("; ")
        }
    };
    let mut details = Map::new();
    for complaint in complaints.list {
        let mut entry = Map::new();
        entry.insert("errorCode".into(), complaint.code.as_str().into());
        entry.insert("message".into(), complaint.message.into());
        if let Some(params) = complaint.params {
            entry.insert("params".into(), params.into());
        }
        if let Value::Array(list) = details.entry(complaint.key).or_insert_with(|| Value::Array(Vec::new())) {
            list.push(entry.into());
        }
    }
    let body = json!({
        "errorDetails": details,
        "errorMessage": error_message,
        "statusError": status.canonical_reason().unwrap_or_default(),
    });
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
