//! Several calls in one request: what is sent, and how each result is read.

#![expect(clippy::unwrap_used, reason = "a fixture that breaks is a failed test")]

use bytes::Bytes;
use connexa_client::{BaseUrl, Client, ClientOptions, Credentials, Transport, TransportError};
use connexa_types::{
    Attempt, Call, Endpoint, JsonPointer, Mono, Outcome, Reason, SealingKey, SecretRef, SecretSource,
    SecretValue, SecretValues, Why,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

type Sent = Result<Response<Bytes>, TransportError>;

/// Answers the n-th request: its method and target, and its body.
type Script = dyn Fn(usize, &str, &Value) -> Sent + Send + Sync;

/// A service that gives out tokens and answers the rest by a script.
struct Service {
    seen: Mutex<Vec<(String, Value)>>,
    script: Box<Script>,
}

impl Transport for Service {
    fn send(&self, request: Request<Bytes>, _: Duration, _: Duration) -> BoxFuture<'_, Sent> {
        let what = format!("{} {}", request.method(), request.uri().path_and_query().unwrap());
        if what.ends_with("/oauth/token") {
            let token = r#"{"access_token": "canary-token", "token_type": "bearer", "expires_in": 3600}"#;
            return async move { answer(200, token) }.boxed();
        }
        let body = serde_json::from_slice(request.body()).unwrap_or_default();
        let sent = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((what.clone(), body));
            (self.script)(seen.len(), &what, &seen.last().unwrap().1)
        };
        async move { sent }.boxed()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what a script returns")]
fn answer(status: u16, body: &str) -> Sent {
    let response = Response::builder().status(status).header("X-RateLimit-Remaining", "7");
    Ok(response.body(Bytes::from(body.to_owned())).unwrap())
}

fn service(script: impl Fn(usize, &str, &Value) -> Sent + Send + Sync + 'static) -> (Arc<Service>, Client) {
    let service = Arc::new(Service { seen: Mutex::default(), script: Box::new(script) });
    let credentials = Credentials { client_id: "id".to_owned(), client_secret: SecretValue::new("canary") };
    let base: BaseUrl = "https://acme.api.openvpn.com".parse().unwrap();
    let options = ClientOptions::new(base, credentials, SealingKey::new([7; 32]));
    (Arc::clone(&service), Client::new(options, service, Arc::new(|| Mono::ZERO)))
}

fn calls() -> Vec<(Arc<Call>, SecretValues)> {
    let place = JsonPointer::new("/connectors/0/ipSecConfig/preSharedKey");
    let mut network = Call::new(Endpoint::NetworkCreate)
        .json(json!({ "name": "a", "connectors": [{ "ipSecConfig": { "preSharedKey": null } }] }));
    let field = "ipsec.pre_shared_key".to_owned();
    network.secrets.insert(place.clone(), SecretRef { field, source: SecretSource::Inline, hash: None });
    let secrets = SecretValues([(place, Arc::new(SecretValue::new("canary-psk")))].into());
    let mut calls = vec![(Arc::new(network), secrets)];
    let rest = [
        Call::new(Endpoint::NetworkConnectorCreate).query("networkId", "n 1").json(json!({ "name": "c" })),
        Call::new(Endpoint::UserSuspend).arg("u/1"),
        Call::new(Endpoint::HostDelete).arg("h1"),
    ];
    calls.extend(rest.into_iter().map(|call| (Arc::new(call), SecretValues::none())));
    calls
}

async fn attempts(client: &Client) -> Vec<Attempt> {
    client.attempt_many(&calls(), Duration::from_mins(1)).await
}

fn results(list: &Value) -> Sent {
    answer(200, &json!({ "results": list }).to_string())
}

#[tokio::test]
async fn one_request_holds_all_and_each_result_is_its_call_s_own() {
    let (service, client) = service(|_, _, _| {
        results(&json!([
            { "status": 201, "body": { "id": "n1", "name": "a", "x": { "preSharedKey": "canary-psk" } } },
            { "status": 400, "body": { "errorDetails": { "name": [{ "message": "not canary-psk" }] } } },
            { "status": 429 },
            { "status": 204, "body": null },
        ]))
    });
    let attempts = attempts(&client).await;
    let seen = service.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].0, "POST /api/v1/batch");
    assert_eq!(
        seen[0].1,
        json!({ "operations": [
            { "method": "POST", "path": "/networks",
              "body": { "name": "a", "connectors": [{ "ipSecConfig": { "preSharedKey": "canary-psk" } }] } },
            { "method": "POST", "path": "/networks/connectors?networkId=n%201", "body": { "name": "c" } },
            { "method": "PUT", "path": "/users/u%2F1/suspend" },
            { "method": "DELETE", "path": "/hosts/h1" },
        ] })
    );
    let Outcome::Applied(network) = &attempts[0].outcome else { panic!("{attempts:?}") };
    assert_eq!(network.json().unwrap(), &json!({ "id": "n1", "name": "a", "x": {} }));
    assert_eq!(network.sealed.len(), 1);
    let Outcome::Rejected(rejection) = &attempts[1].outcome else { panic!("{attempts:?}") };
    assert_eq!(rejection.error.as_ref().unwrap().error_details[0].1[0].text(), "not [secret]");
    assert_eq!(attempts[2].outcome, Outcome::Throttled(None));
    assert!(matches!(&attempts[3].outcome, Outcome::Applied(answer) if answer.status == 204));
    // A token's worth each; what the answer says of the quota is there for all; one token request for all.
    assert!(attempts.iter().all(|attempt| attempt.wire_calls == 1));
    assert!(attempts.iter().all(|attempt| attempt.quota.unwrap().remaining == Some(7)));
    assert_eq!(attempts.iter().map(|attempt| attempt.token_calls).collect::<Vec<_>>(), [1, 0, 0, 0]);
}

#[tokio::test]
async fn a_request_that_is_refused_as_such_has_done_nothing() {
    for status in [400, 403, 404, 405, 413] {
        let (service, client) =
            service(move |_, _, _| answer(status, r#"{"errorMessage": "no such thing"}"#));
        let attempts = attempts(&client).await;
        for attempt in &attempts {
            let Outcome::NotSent(why) = &attempt.outcome else { panic!("{attempt:?}") };
            assert_eq!(
                why,
                &Why { reason: Reason::NoBatches, status: Some(status), detail: "no such thing".to_owned() }
            );
        }
        // The request itself is counted, once.
        assert_eq!(attempts.iter().map(|attempt| attempt.wire_calls).collect::<Vec<_>>(), [1, 0, 0, 0]);
        assert_eq!(service.seen.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_nobody_can_tell_is_indeterminate_for_each() {
    let lost = || Err(TransportError::Lost(Why::new(Reason::Reset, "gone")));
    let three = json!([{ "status": 204 }, { "status": 204 }, { "status": 204 }]);
    for (sent, reason) in [
        (lost as fn() -> Sent, Reason::Reset),
        (|| answer(502, ""), Reason::ServerError),
        (|| answer(200, "<html>"), Reason::Unreadable),
        (|| answer(200, "{}"), Reason::Unreadable),
    ] {
        let (_, client) = service(move |_, _, _| sent());
        for attempt in attempts(&client).await {
            assert!(
                matches!(&attempt.outcome, Outcome::Indeterminate(why) if why.reason == reason),
                "{attempt:?}"
            );
        }
    }
    // Too few results: whose is missing?
    let (_, client) = service(move |_, _, _| results(&three));
    let attempts = attempts(&client).await;
    assert!(
        attempts.iter().all(|attempt| matches!(attempt.outcome, Outcome::Indeterminate(_))),
        "{attempts:?}"
    );
}

#[tokio::test]
async fn one_odd_result_spoils_no_other() {
    let (_, client) = service(|_, _, _| {
        results(&json!([
            { "status": 201, "body": "no object" }, { "status": 7 }, { "status": 500, "body": "oops" }, { "status": 204 },
        ]))
    });
    let attempts = attempts(&client).await;
    let reasons: Vec<_> = attempts[..3]
        .iter()
        .map(|attempt| match &attempt.outcome {
            Outcome::Indeterminate(why) => why.reason,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(reasons, [Reason::Unreadable, Reason::Unreadable, Reason::ServerError]);
    assert!(matches!(attempts[3].outcome, Outcome::Applied(_)));
}

#[tokio::test]
async fn a_call_that_cannot_be_built_keeps_no_other_back() {
    let (service, client) = service(|_, _, _| results(&json!([{ "status": 204 }])));
    let calls = [
        (Arc::new(Call::new(Endpoint::HostDelete).arg("..")), SecretValues::none()),
        (Arc::new(Call::new(Endpoint::HostDelete).arg("h1")), SecretValues::none()),
    ];
    let attempts = client.attempt_many(&calls, Duration::from_mins(1)).await;
    assert!(matches!(&attempts[0].outcome, Outcome::NotSent(why) if why.reason == Reason::Unbuildable));
    assert!(matches!(attempts[1].outcome, Outcome::Applied(_)));
    assert_eq!((attempts[0].wire_calls, attempts[1].wire_calls), (0, 1));
    assert_eq!(service.seen.lock().unwrap().len(), 1);
}

/// A token that runs out on the way: the call it failed for goes once more, by itself.
#[tokio::test]
async fn a_401_within_is_replayed() {
    let (service, client) = service(|number, _, _| match number {
        1 => results(&json!([
            { "status": 201, "body": { "id": "n1" } }, { "status": 401 }, { "status": 401 }, { "status": 204 },
        ])),
        2 => answer(201, r#"{"id": "c1"}"#),
        _ => answer(401, ""),
    });
    let attempts = attempts(&client).await;
    assert!(matches!(attempts[1].outcome, Outcome::Applied(_)), "{attempts:?}");
    assert_eq!(attempts[2].outcome, Outcome::Unauthorized);
    assert_eq!(attempts.iter().map(|attempt| attempt.wire_calls).collect::<Vec<_>>(), [1, 2, 3, 1]);
    let seen: Vec<_> = service.seen.lock().unwrap().iter().map(|(what, _)| what.clone()).collect();
    assert_eq!(seen[1], "POST /api/v1/networks/connectors?networkId=n%201");
    assert_eq!(seen[2..], ["PUT /api/v1/users/u%2F1/suspend", "PUT /api/v1/users/u%2F1/suspend"]);
}
