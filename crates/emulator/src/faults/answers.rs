//! What the sender of a request that meets a fault gets to see.

use super::rule::{BrokenJson, ErrorBody, Fault, LateAnswer, PartialAnswer, RateHeaders};
use crate::delivery::What;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::json;

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// An error of the service, or of something in front of it.
fn error(status: StatusCode, body: ErrorBody) -> Response<Bytes> {
    let reason = status.canonical_reason().unwrap_or("Error");
    let (content_type, text) = match body {
        ErrorBody::Empty => return empty(status),
        ErrorBody::Json => {
            let body = json!({"errorDetails": {}, "errorMessage": "Unexpected error", "statusError": reason});
            ("application/json", body.to_string())
        }
        ErrorBody::Html => {
            let number = status.as_u16();
            let text = format!(
                "<html>\r\n<head><title>{number} {reason}</title></head>\r\n<body>\r\n\
                 <center><h1>{number} {reason}</h1></center>\r\n</body>\r\n</html>\r\n"
            );
            ("text/html", text)
        }
    };
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// What is answered in place of an operation that does not happen, or not yet.
pub(crate) fn answer_instead(fault: &Fault) -> What {
    match fault {
        Fault::Reset { .. } | Fault::LateCommit { answer: LateAnswer::Reset, .. } => What::Reset,
        Fault::Stall { .. } | Fault::LateCommit { answer: LateAnswer::Stall, .. } => What::Stall,
        Fault::Error { status, body, .. }
        | Fault::LateCommit { answer: LateAnswer::Error, status, body, .. } => {
            What::Answer(error(status.0, *body))
        }
        Fault::Throttle { retry_after, .. } => What::Answer(throttled(retry_after.as_deref())),
        Fault::TokenExpiry {} | Fault::Unauthorized { .. } => What::Answer(unauthorized()),
        Fault::Redirect { status, location } => {
            let mut response = empty(status.0);
            if let Ok(location) = HeaderValue::from_str(location) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            What::Answer(response)
        }
        // `Forbidden`; the others never stand in for an operation.
        _ => What::Answer(empty(StatusCode::FORBIDDEN)),
    }
}

/// What becomes of the answer to an operation that has happened.
pub(crate) fn act_out(fault: &Fault, mut response: Response<Bytes>) -> What {
    match fault {
        Fault::Reset { .. } | Fault::Partial { answer: PartialAnswer::Lost, .. } => What::Reset,
        Fault::Stall { .. } => What::Stall,
        Fault::Error { status, body, .. } => What::Answer(error(status.0, *body)),
        Fault::Throttle { retry_after, .. } => What::Answer(throttled(retry_after.as_deref())),
        Fault::Unauthorized { .. } => What::Answer(unauthorized()),
        Fault::Truncated { bytes } => {
            let bytes =
                bytes.unwrap_or(response.body().len() / 2).min(response.body().len().saturating_sub(1));
            What::Truncated { response, bytes }
        }
        Fault::InvalidJson { form } => {
            let broken = broken(*form, response.body());
            *response.body_mut() = broken;
            What::Answer(response)
        }
        Fault::Oversized { bytes } => {
            let mut body = response.body().to_vec();
            // Blanks behind a JSON value are part of the text, and change nothing in its meaning.
            body.resize(body.len().max(*bytes), b' ');
            *response.body_mut() = Bytes::from(body);
            What::Answer(response)
        }
        _ => What::Answer(response),
    }
}

fn broken(form: BrokenJson, whole: &Bytes) -> Bytes {
    match form {
        BrokenJson::Cut => whole.slice(..whole.len() / 2),
        BrokenJson::Garbage => Bytes::from_static(b"{\"id\": \x00\xff, nope"),
        BrokenJson::Html => Bytes::from_static(b"<html><body>Please log in</body></html>"),
        BrokenJson::WrongType => [b"[".as_slice(), whole, b"]"].concat().into(),
    }
}

fn throttled(retry_after: Option<&str>) -> Response<Bytes> {
    let mut response = empty(StatusCode::TOO_MANY_REQUESTS);
    if let Some(value) = retry_after.and_then(|text| HeaderValue::from_str(text).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn unauthorized() -> Response<Bytes> {
    let mut response = empty(StatusCode::UNAUTHORIZED);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// Spoils the headers of the quota.
pub(crate) fn set_rate_headers(headers: &mut HeaderMap, value: RateHeaders) {
    for name in [
        "x-ratelimit-burst-capacity",
        "x-ratelimit-replenish-rate",
        "x-ratelimit-replenish-time",
        "x-ratelimit-remaining",
    ] {
        let value = match value {
            RateHeaders::Absent => {
                headers.remove(name);
                continue;
            }
            RateHeaders::Garbage => "15 seconds",
            RateHeaders::Zero => "0",
            RateHeaders::Huge => "99999999999999999999999999",
            RateHeaders::Negative => "-1",
        };
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
