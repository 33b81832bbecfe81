//! `POST /batch`: many calls in one request. The real API has nothing like it, so it is there only where the
//! configuration says so ([`Config::batch_endpoint`](crate::Config)).
//!
//! An operation is a request like any other: it costs a token of its class, meets the faults, and has its own line in
//! the ledger. They are carried out one after the other, each whatever became of those before. The request around
//! them costs nothing.

use super::{Emulator, add_quota_headers, unauthorized, with_body};
use crate::{
    config::BODY_LIMIT,
    delivery::{Delivery, What},
    ledger::Delivered,
    quota::Taken,
    refusal::{Code, Complaints, Refusal},
    router::{BASE_PATH, Route},
    validate::MANY,
};
use bytes::Bytes;
use connexa_types::{Class, Now, RequestShape};
use http::{Method, Request, Response, StatusCode, Uri, header, request::Parts};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Where it is: with the API, and at the root.
pub(super) const PATHS: [&str; 2] = ["/api/v1/batch", "/batch"];

#[derive(Deserialize)]
struct Batch {
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    method: String,
    /// Below `/api/v1`, or with it.
    path: String,
    /// JSON; the text itself where the operation takes text.
    #[serde(default)]
    body: Value,
}

impl Emulator {
    pub(super) fn batch(&mut self, now: Now, head: &Parts, body: &[u8]) -> Delivery {
        let Some(key) = self.tokens.bearer(&head.headers, now.mono) else {
            return Delivery::at_once(unauthorized());
        };
        let mut delivery = if head.method != Method::POST {
            Delivery::at_once(self.wrong_method(now, head.uri.path(), &[connexa_types::Method::Post]))
        } else if body.len() > BODY_LIMIT {
            Delivery::at_once(self.gateway_error(now, head.uri.path(), StatusCode::PAYLOAD_TOO_LARGE))
        } else {
            match self.read_batch(head, body) {
                Ok(requests) => self.run_batch(now, requests),
                Err(refusal) => Delivery::at_once(refusal.into_response(&self.config)),
            }
        };
        if let What::Answer(response) = &mut delivery.what {
            let bucket = self.buckets[key].at(Class::Update);
            let left = Taken { allowed: true, remaining: bucket.remaining(now.mono) };
            add_quota_headers(response.headers_mut(), bucket.spec(), left);
        }
        delivery
    }

    /// Reads every operation before the first one is carried out.
    fn read_batch(&self, head: &Parts, body: &[u8]) -> Result<Vec<Request<Bytes>>, Refusal> {
        let batch: Batch = serde_json::from_slice(body).map_err(|error| {
            let key = if error.is_data() { "operations" } else { "body" };
            Refusal::one(key, Code::Format, "Must be {\"operations\": [{\"method\", \"path\", \"body\"}]}")
        })?;
        let mut complaints = Complaints::default();
        if !(1..=MANY).contains(&batch.operations.len()) {
            complaints.length("operations", 1, MANY);
        }
        let mut requests = Vec::new();
        for (index, operation) in batch.operations.iter().enumerate() {
            let method = Method::from_bytes(operation.method.as_bytes());
            if method.is_err() {
                complaints.add(
                    format!("operations[{index}].method"),
                    Code::Format,
                    "Must be a method of HTTP",
                );
            }
            let uri = full_path(&operation.path).parse::<Uri>();
            if uri.is_err() || !operation.path.starts_with('/') {
                complaints.add(format!("operations[{index}].path"), Code::Format, "Must be a path");
            }
            if let (Ok(method), Ok(uri)) = (method, uri) {
                requests.push(self.request_of(head, method, uri, &operation.body));
            }
        }
        complaints.into_result().map(|()| requests)
    }

    fn request_of(&self, head: &Parts, method: Method, uri: Uri, body: &Value) -> Request<Bytes> {
        let takes_text = matches!(
            self.router.route(&method, uri.path()),
            Route::Found(endpoint, _) if endpoint.info().request == RequestShape::TextBody
        );
        let body = match body {
            Value::Null => Bytes::new(),
            Value::String(text) if takes_text => Bytes::from(text.clone()),
            other => Bytes::from(other.to_string()),
        };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        if let Some(bearer) = head.headers.get(header::AUTHORIZATION) {
            request.headers_mut().insert(header::AUTHORIZATION, bearer.clone());
        }
        request
    }

    /// If the answer to an operation is lost, all are: they travel together.
    fn run_batch(&mut self, now: Now, requests: Vec<Request<Bytes>>) -> Delivery {
        let (mut results, mut after, mut lost) = (Vec::new(), Duration::ZERO, None);
        let earlier = self.entries.len();
        for request in requests {
            let delivery = self.receive(now, request);
            after += delivery.after;
            match delivery.what {
                What::Answer(response) => results.push(result(&response)),
                What::Truncated { .. } | What::Reset => lost = Some(What::Reset),
                What::Stall => lost = lost.or(Some(What::Stall)),
            }
        }
        if lost.is_some() {
            for entry in &mut self.entries[earlier..] {
                entry.delivered = Delivered::No;
            }
        }
        let answer = || {
            let body = json!({"results": results}).to_string();
            What::Answer(with_body(StatusCode::OK, "application/json", body))
        };
        Delivery { after, what: lost.unwrap_or_else(answer) }
    }
}

fn full_path(path: &str) -> String {
    let below_base = path.strip_prefix(BASE_PATH).is_some_and(|rest| rest.starts_with('/'));
    if below_base { path.to_owned() } else { format!("{BASE_PATH}{path}") }
}

/// Status and body of an answer; a body that is no JSON is a text, an empty one null.
fn result(response: &Response<Bytes>) -> Value {
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/json");
    let text = || match String::from_utf8_lossy(response.body()) {
        empty if empty.is_empty() => Value::Null,
        text => text.into_owned().into(),
    };
    let body = if is_json { serde_json::from_slice(response.body()).ok() } else { None };
    json!({"status": response.status().as_u16(), "body": body.unwrap_or_else(text)})
}
