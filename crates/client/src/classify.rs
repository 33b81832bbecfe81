//! Which answer is which outcome: one pure table.
//!
//! | received | outcome |
//! |---|---|
//! | no connection | `NotSent` |
//! | no whole answer | `Indeterminate` |
//! | 2xx that holds what the call promises | `Applied` |
//! | any other 2xx | `Indeterminate` (`Unreadable`) |
//! | 401 | `Unauthorized` (the client has replayed the call once before it asks here) |
//! | 429 | `Throttled` |
//! | 1xx, 3xx, 408, 5xx | `Indeterminate` |
//! | other 4xx | `Rejected` |
//!
//! The table is the same for reads: who retries decides by the call, not by the outcome.

use crate::{
    headers,
    text::{self, Redactor},
    transport::TransportError,
};
use bytes::Bytes;
use connexa_types::{
    Answer, AnswerBody, AnswerShape, Call, ErrorDetail, ErrorResponse, Gone, JsonPointer, Outcome, Reason,
    Rejection, SealingKey, SecretHash, SecretValue, Why, secret::SECRET_FIELDS,
};
use http::{HeaderMap, Response, StatusCode, header};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an answer came to.
#[derive(Debug)]
pub(crate) struct Classified {
    pub(crate) outcome: Outcome,
    /// The text that the call hands out, if it is one that does.
    pub(crate) product: Option<SecretValue>,
}

/// What is needed to read an answer without keeping a secret.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) key: &'a SealingKey,
    pub(crate) redactor: &'a Redactor,
}

/// The most entries of `errorDetails` that are kept; a call has at most 1,000 children.
const MOST_DETAILS: usize = 4096;

/// Sorts what came of sending `call`.
pub(crate) fn classify(
    call: &Call,
    received: Result<Response<Bytes>, TransportError>,
    reading: Reading<'_>,
) -> Classified {
    sort(Some(call), received, reading, |status, headers, body| {
        applied(call, status, headers, body, reading.key)
    })
}

/// Sorts what came of sending a raw call, of whose answer nothing is expected.
pub(crate) fn classify_raw(
    received: Result<Response<Bytes>, TransportError>,
    reading: Reading<'_>,
) -> Classified {
    sort(None, received, reading, |status, _, _| {
        let status = status.as_u16();
        let answer = Answer { status, body: AnswerBody::Empty, sealed: BTreeMap::new() };
        Ok(Outcome::Applied(answer).into())
    })
}

fn sort(
    call: Option<&Call>,
    received: Result<Response<Bytes>, TransportError>,
    reading: Reading<'_>,
    applied: impl FnOnce(StatusCode, &HeaderMap, &[u8]) -> Result<Classified, &'static str>,
) -> Classified {
    let clean = |why: Why| Why { detail: reading.redactor.apply(&why.detail), ..why };
    let response = match received {
        Ok(response) => response,
        Err(TransportError::NotSent(why)) => return Outcome::NotSent(clean(why)).into(),
        Err(TransportError::Lost(why)) => return Outcome::Indeterminate(clean(why)).into(),
    };
    let (parts, body) = response.into_parts();
    let unknown = |reason, text: String| {
        let detail = match text.as_str() {
            "" => format!("answered {}", parts.status),
            text => format!("answered {}: {text}", parts.status),
        };
        Outcome::Indeterminate(Why { reason, status: Some(parts.status.as_u16()), detail }).into()
    };
    match parts.status.as_u16() {
        200..=299 => match applied(parts.status, &parts.headers, &body) {
            Ok(classified) => classified,
            Err(text) => unknown(Reason::Unreadable, text.to_owned()),
        },
        401 => Outcome::Unauthorized.into(),
        429 => Outcome::Throttled(headers::retry_after(&parts.headers)).into(),
        408 => unknown(Reason::RequestTimeout, reading.redactor.excerpt(&body)),
        400..=499 => Outcome::Rejected(rejection(call, parts.status, &body, reading.redactor)).into(),
        300..=399 => {
            let location = parts.headers.get(header::LOCATION).map(header::HeaderValue::as_bytes);
            let to = location.map(|to| format!("redirect to {}, not followed", reading.redactor.excerpt(to)));
            unknown(Reason::Redirect, to.unwrap_or_default())
        }
        _ => unknown(Reason::ServerError, reading.redactor.excerpt(&body)),
    }
}

impl From<Outcome> for Classified {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, product: None }
    }
}

/// Reads a 2xx; the error says what is wrong with it, without repeating any of it: it may hold secrets.
fn applied(
    call: &Call,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    key: &SealingKey,
) -> Result<Classified, &'static str> {
    let shape = call.endpoint.info().answer;
    if is_html(body) {
        // A captive portal or a gateway's login page, not the API.
        return Err("an HTML page instead of the answer");
    }
    let mut sealed = BTreeMap::new();
    let mut product = None;
    let blank = body.trim_ascii().is_empty();
    let utf8 = || str::from_utf8(body).map_err(|_| "a text that is not UTF-8");
    let body = match shape {
        AnswerShape::Empty => AnswerBody::Empty,
        // `GenericResponseVoid` is the one schema whose very name is a guess (API section 5.11).
        AnswerShape::MaybeJson(_) | AnswerShape::Json("GenericResponseVoid") if blank => AnswerBody::Empty,
        AnswerShape::Json(schema) | AnswerShape::MaybeJson(schema) => {
            let mut json = parse(body)?;
            if matches!(shape, AnswerShape::MaybeJson(_)) && json.is_null() {
                AnswerBody::Empty
            } else {
                holds(call, schema, &json)?;
                seal(&mut json, &JsonPointer::default(), key, &mut sealed);
                AnswerBody::Json(json)
            }
        }
        AnswerShape::Text => AnswerBody::Text(unquoted(utf8()?, headers)),
        AnswerShape::SecretText if blank => return Err("an empty text"),
        AnswerShape::SecretText => {
            product = Some(SecretValue::new(unquoted(utf8()?, headers)));
            AnswerBody::Empty
        }
        AnswerShape::SecretJson(schema) => {
            holds(call, schema, &parse(body)?)?;
            product = Some(SecretValue::new(utf8()?));
            AnswerBody::Empty
        }
    };
    let answer = Answer { status: status.as_u16(), body, sealed };
    Ok(Classified { outcome: Outcome::Applied(answer), product })
}

fn parse(body: &[u8]) -> Result<Value, &'static str> {
    if body.trim_ascii().is_empty() {
        return Err("no body where JSON was due");
    }
    serde_json::from_slice(body).map_err(|_| "a body that is not JSON")
}

fn is_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    [b"<!doctype html".as_slice(), b"<html"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag)))
}

/// A text as it is meant: a server that labels it as JSON sends it in quotes.
fn unquoted(text: &str, headers: &HeaderMap) -> String {
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("application/json"));
    let inner = json.then(|| serde_json::from_str::<String>(text).ok()).flatten();
    inner.unwrap_or_else(|| text.to_owned())
}

/// Whether `json` is what the schema of the call's answer promises, as far as anything rests on it.
fn holds(call: &Call, schema: &str, json: &Value) -> Result<(), &'static str> {
    let list = |field| json.get(field).is_some_and(Value::is_array);
    let (kept, broken) = match schema {
        "boolean" => (json.is_boolean(), "something other than true or false"),
        "int32" => (json.is_i64() || json.is_u64(), "something other than a whole number"),
        "SessionsResponse" => (list("sessions"), "no list `sessions`"),
        "AuditLogsResponse" => (list("auditLogs"), "no list `auditLogs`"),
        page if page.starts_with("Page") => (list("content"), "no list `content`"),
        array if array.starts_with("array of ") => (json.is_array(), "something other than a list"),
        _ if call.endpoint.creates() => {
            let id = json.get("id").and_then(Value::as_str);
            (id.is_some_and(|id| !id.is_empty()), "no `id` of what was created")
        }
        _ => (json.is_object(), "something other than an object"),
    };
    if kept { Ok(()) } else { Err(broken) }
}

/// Takes the secret fields out of `json`, wherever they are, and keeps their places and hashes.
fn seal(
    json: &mut Value,
    at: &JsonPointer,
    key: &SealingKey,
    sealed: &mut BTreeMap<JsonPointer, SecretHash>,
) {
    match json {
        Value::Object(map) => {
            for (name, field) in SECRET_FIELDS {
                match map.shift_remove(*name) {
                    None | Some(Value::Null) => {}
                    Some(Value::String(text)) => {
                        let secret = SecretValue::new(text);
                        sealed.insert(at.child(name), key.seal(field, secret.expose()));
                    }
                    Some(other) => {
                        sealed.insert(at.child(name), key.seal(field, &other.to_string()));
                    }
                }
            }
            for (name, value) in map.iter_mut() {
                if value.is_object() || value.is_array() {
                    seal(value, &at.child(name), key, sealed);
                }
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter_mut().enumerate() {
                seal(value, &at.child(index), key, sealed);
            }
        }
        _ => {}
    }
}

/// Reads a refusal.
fn rejection(call: Option<&Call>, status: StatusCode, body: &[u8], redactor: &Redactor) -> Rejection {
    let error = ErrorResponse::parse(body).map(|error| bounded(error, redactor));
    // The gateway's own error object has but a `statusError`; what else it holds (a request id) is kept as
    // text.
    let telling = error.as_ref().is_some_and(|e| e.error_message.is_some() || !e.error_details.is_empty());
    Rejection {
        status: status.as_u16(),
        gone: call.and_then(|call| gone(call, status, error.as_ref())),
        text: if telling { String::new() } else { redactor.excerpt(body) },
        error,
    }
}

/// What a refusal says to be gone. The API answers an unknown id with 404 or with a 400 "not found" (API
/// sections 3.1 and 3.4); a 400 that names any field but `id` is about something else that was not found,
/// such as a region.
fn gone(call: &Call, status: StatusCode, error: Option<&ErrorResponse>) -> Option<Gone> {
    let what = if call.endpoint.path_params() > 0 {
        Gone::Target
    } else {
        let parent = call.endpoint.parent_param()?;
        call.query.iter().find(|(name, _)| name == parent)?;
        Gone::Parent
    };
    let told = match status {
        StatusCode::NOT_FOUND => error.is_none_or(names_only_the_id),
        StatusCode::BAD_REQUEST => error.is_some_and(|e| says_not_found(e) && names_only_the_id(e)),
        _ => false,
    };
    told.then_some(what)
}

fn names_only_the_id(error: &ErrorResponse) -> bool {
    error.error_details.iter().all(|(field, _)| field == "id")
}

fn says_not_found(error: &ErrorResponse) -> bool {
    let details = error.error_details.iter().flat_map(|(_, details)| details).map(ErrorDetail::text);
    error
        .error_message
        .clone()
        .into_iter()
        .chain(details)
        .any(|text| text.to_lowercase().contains("not found"))
}

/// The error body without secrets and of a size that a journal can hold. Its words are otherwise the server's
/// own: whoever prints them escapes them.
fn bounded(mut error: ErrorResponse, redactor: &Redactor) -> ErrorResponse {
    let mend = |text: &mut String| *text = text::cut(&redactor.apply(text), text::EXCERPT);
    error.error_details.truncate(MOST_DETAILS);
    for (field, details) in &mut error.error_details {
        mend(field);
        details.truncate(16);
        for detail in details {
            detail.error_code.iter_mut().for_each(mend);
            detail.message.iter_mut().for_each(mend);
            for value in detail.params.iter_mut().flat_map(|params| params.values_mut()) {
                *value = match value.take() {
                    Value::String(mut text) => {
                        mend(&mut text);
                        Value::String(text)
                    }
                    plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
                    nested => {
                        let mut text = nested.to_string();
                        mend(&mut text);
                        Value::String(text)
                    }
                };
            }
        }
    }
    error.error_message.iter_mut().for_each(mend);
    error.status_error.iter_mut().for_each(mend);
    error
}

#[cfg(test)]
mod tests;
