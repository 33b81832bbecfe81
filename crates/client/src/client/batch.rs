//! Batched requests: several calls in one `POST /batch`, each an attempt of its own.
//!
//! CloudConnexa has nothing like it, so it is for those who know that their service has. The request holds
//! `{"operations": [{method, path, body}]}`, the answer `{"results": [{status, body}]}` in the same order. A result is read
//! as the answer to a single call would be. Where there is no result, what became of the request became of every call.

use super::Client;
use crate::{
    classify::{Classified, classify, classify_raw},
    request::{self, BASE_PATH, Prepared},
};
use bytes::Bytes;
use connexa_types::{AnswerShape, Attempt, Call, Outcome, Reason, Rejection, SecretValues, Why};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

#[derive(Deserialize)]
struct Results {
    results: Vec<OneResult>,
}

#[derive(Deserialize)]
struct OneResult {
    status: u16,
    #[serde(default)]
    body: Value,
}

impl Client {
    /// Makes one attempt at each of several calls by one request; the attempts come in their order.
    ///
    /// A request that the service refuses as such (a 4xx, as where it has no `/batch`) has done nothing: each attempt is
    /// `NotSent(NoBatches)`. A call that is answered 401 inside is sent once more, by itself. All else is as with
    /// [`Self::attempt`].
    pub async fn attempt_many(&self, calls: &[(Arc<Call>, SecretValues)], limit: Duration) -> Vec<Attempt> {
        let mut course = self.begin(limit);
        let prepared: Vec<Result<Prepared, Why>> =
            calls.iter().map(|(call, secrets)| request::prepare(&self.options.base, call, secrets)).collect();
        let sent: Vec<&Prepared> = prepared.iter().flatten().collect();
        let operations: Vec<Value> = sent.iter().map(|prepared| operation(prepared)).collect();
        let count = operations.len();
        let body = json!({ "operations": operations });
        let received = match request::prepare_batch(&self.options.base, &body, sent) {
            Err(why) => Err(Outcome::NotSent(why)),
            Ok(request) => self.exchange(&request, true, &mut course).await,
        };
        let came = received.and_then(|received| match received {
            Ok(response) if response.status().is_success() => results(&response, count),
            other => Err(match classify_raw(other, self.reading(&course)).outcome {
                Outcome::Rejected(rejection) => Outcome::NotSent(refused(&rejection)),
                outcome => outcome,
            }),
        });
        let (mut results, fate) = match came {
            Ok(results) => (results.into_iter(), None),
            Err(outcome) => (Vec::new().into_iter(), Some(outcome)),
        };
        let mut attempts = Vec::with_capacity(calls.len());
        for ((call, secrets), prepared) in calls.iter().zip(prepared) {
            let classified: Classified = match (prepared, &fate) {
                (Err(why), _) => {
                    let unsent = self.end(Outcome::NotSent(why).into(), &course);
                    attempts.push(Attempt { wire_calls: 0, token_calls: 0, quota: None, ..unsent });
                    continue;
                }
                (Ok(_), Some(fate)) => fate.clone().into(),
                (Ok(_), None) => match results.next().map(|result| answer(call, result)) {
                    Some(Some(answer)) => classify(call, Ok(answer), self.reading(&course)),
                    _ => unreadable("a result without a status").into(),
                },
            };
            let again = fate.is_none() && classified.outcome == Outcome::Unauthorized;
            let mut attempt = self.end(classified, &course);
            // Requests that are not for one call alone are counted once.
            course.token_calls = 0;
            if matches!(fate, Some(Outcome::NotSent(_))) {
                course.wire_calls = 0;
            }
            if again {
                // The token has run out on the way.
                let left = course.deadline.saturating_since((self.clock)());
                let first = attempt;
                attempt = self.attempt(call, secrets, left).await;
                attempt.wire_calls = attempt.wire_calls.saturating_add(first.wire_calls);
                attempt.token_calls = attempt.token_calls.saturating_add(first.token_calls);
                attempt.sent_at = first.sent_at;
            }
            attempts.push(attempt);
        }
        attempts
    }
}

/// How a call is written in the request.
fn operation(prepared: &Prepared) -> Value {
    let target = prepared.uri.path_and_query().map_or("", |target| target.as_str());
    let path = target.strip_prefix(BASE_PATH).unwrap_or(target);
    let mut operation = json!({ "method": prepared.method.as_str(), "path": path });
    if !prepared.body.is_empty() {
        // What is no JSON is the text of a setting.
        operation["body"] = match serde_json::from_slice(&prepared.body) {
            Ok(json) if prepared.is_json() => json,
            _ => Value::from(String::from_utf8_lossy(&prepared.body)),
        };
    }
    operation
}

/// The results, if there is one for each call: otherwise nobody can tell which is whose.
fn results(response: &Response<Bytes>, count: usize) -> Result<Vec<OneResult>, Outcome> {
    let read: Option<Results> = serde_json::from_slice(response.body()).ok();
    match read {
        Some(Results { results }) if results.len() == count => Ok(results),
        Some(_) => Err(unreadable("more or fewer results than calls")),
        None => Err(unreadable("something other than a list `results`")),
    }
}

/// A result as the answer that it would be.
fn answer(call: &Call, result: OneResult) -> Option<Response<Bytes>> {
    let status = StatusCode::from_u16(result.status).ok()?;
    let text_is_due = !status.is_success()
        || matches!(call.endpoint.info().answer, AnswerShape::Text | AnswerShape::SecretText);
    let (body, is_json) = match result.body {
        Value::Null => (Bytes::new(), false),
        Value::String(text) if text_is_due => (Bytes::from(text), false),
        json => (Bytes::from(json.to_string()), true),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if is_json {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    Some(response)
}

fn unreadable(what: &str) -> Outcome {
    let detail = format!("the batched request was answered with {what}");
    Outcome::Indeterminate(Why::new(Reason::Unreadable, detail))
}

/// Why there are no batched requests.
fn refused(rejection: &Rejection) -> Why {
    let detail = rejection.error.as_ref().and_then(|error| error.error_message.clone()).unwrap_or_default();
    Why { reason: Reason::NoBatches, status: Some(rejection.status), detail }
}
