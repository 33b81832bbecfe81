//! Attempts of the client over a scripted transport and a clock set by hand.

#![expect(clippy::unwrap_used, reason = "a fixture that breaks is a failed test")]

use bytes::Bytes;
use connexa_client::{
    BaseUrl, BodyCap, Client, ClientOptions, Credentials, TOKEN_BODY_CAP, Transport, TransportError, api,
};
use connexa_types::{
    AnswerBody, Call, Endpoint, Gone, JsonPointer, Mono, Outcome, QuotaHeaders, Reason, SealingKey,
    SecretValue, SecretValues, Why,
    schema::{IpSecConfigRequest, NetworkConnectorRequest, NetworkCreateRequest},
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use http::{Request, Response, header::AUTHORIZATION};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const LIMIT: Duration = Duration::from_mins(1);
const CLIENT_SECRET: &str = "canary-client-secret";
/// `id:canary-client-secret`.
const BASIC: &str = "Basic aWQ6Y2FuYXJ5LWNsaWVudC1zZWNyZXQ=";

type Sent = Result<Response<Bytes>, TransportError>;
/// Answers one request.
type Script = dyn Fn(&Bench, &Seen) -> Sent + Send + Sync;

/// One request as it reached the transport.
struct Seen {
    method: String,
    uri: String,
    authorization: String,
    body: Bytes,
    cap: Option<usize>,
    first_byte: Duration,
    total: Duration,
    debug: String,
}

/// A transport that answers by a script, and the clock that the script may turn.
struct Bench {
    now: Mutex<Duration>,
    seen: Mutex<Vec<Seen>>,
    script: Box<Script>,
}

impl Transport for Bench {
    fn send(&self, request: Request<Bytes>, first_byte: Duration, total: Duration) -> BoxFuture<'_, Sent> {
        let seen = Seen {
            method: request.method().to_string(),
            uri: request.uri().to_string(),
            authorization: request.headers()[AUTHORIZATION].to_str().unwrap().to_owned(),
            cap: request.extensions().get().map(|BodyCap(cap)| *cap),
            debug: format!("{:?}", request.headers()),
            body: request.into_body(),
            first_byte,
            total,
        };
        async move {
            // Others get their turn while this one is on its way.
            tokio::task::yield_now().await;
            let answer = (self.script)(self, &seen);
            self.seen.lock().unwrap().push(seen);
            tokio::task::yield_now().await;
            answer
        }
        .boxed()
    }
}

impl Bench {
    fn pass(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    /// Requests to the token endpoint, and all others.
    fn counts(&self) -> (usize, usize) {
        let seen = self.seen.lock().unwrap();
        let tokens = seen.iter().filter(|s| is_token(s)).count();
        (tokens, seen.len() - tokens)
    }

    /// Tokens handed out so far.
    fn tokens(&self) -> usize {
        self.seen.lock().unwrap().iter().filter(|s| is_token(s)).count()
    }
}

fn is_token(seen: &Seen) -> bool {
    seen.uri.ends_with("/oauth/token")
}

fn bench(script: impl Fn(&Bench, &Seen) -> Sent + Send + Sync + 'static) -> (Arc<Bench>, Client) {
    let bench = Arc::new(Bench { now: Mutex::default(), seen: Mutex::default(), script: Box::new(script) });
    let credentials =
        Credentials { client_id: "id".to_owned(), client_secret: SecretValue::new(CLIENT_SECRET) };
    let base: BaseUrl = "https://acme.api.openvpn.com/api/beta".parse().unwrap();
    let options = ClientOptions::new(base, credentials, SealingKey::new([7; 32]));
    let clock = bench.clone();
    let clock = Arc::new(move || Mono::from_origin(*clock.now.lock().unwrap()));
    (bench.clone(), Client::new(options, bench, clock))
}

/// A script for the call alone; tokens are `canary-token-N` and good for an hour.
fn with_tokens(script: impl Fn(&Bench, &Seen) -> Sent + Send + Sync + 'static) -> (Arc<Bench>, Client) {
    bench(move |bench, seen| if is_token(seen) { token(bench) } else { script(bench, seen) })
}

fn token(bench: &Bench) -> Sent {
    let token = format!("canary-token-{}", bench.tokens());
    answer(200, &json!({"access_token": token, "token_type": "bearer", "expires_in": 3600}).to_string())
}

#[expect(clippy::unnecessary_wraps, reason = "what a script returns")]
fn answer(status: u16, body: &str) -> Sent {
    Ok(Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap())
}

fn page() -> Sent {
    answer(200, r#"{"content": [], "totalPages": 0}"#)
}

fn list() -> Call {
    api::networks::list(api::PageRequest::default()).call
}

async fn attempt(client: &Client, call: &Call) -> connexa_types::Attempt {
    client.attempt(call, &SecretValues::none(), LIMIT).await
}

#[tokio::test]
async fn a_call_carries_the_token_and_the_token_request_the_key() {
    let (bench, client) = with_tokens(|_, _| page());
    assert_eq!(client.tenant().as_str(), "https://acme.api.openvpn.com");
    let result = attempt(&client, &list()).await;
    assert!(matches!(&result.outcome, Outcome::Applied(a) if a.json().unwrap()["content"].is_array()));
    assert_eq!((result.wire_calls, result.token_calls), (1, 1));

    let result = attempt(&client, &list()).await;
    assert_eq!((result.wire_calls, result.token_calls), (1, 0));
    assert_eq!(bench.counts(), (1, 2));

    let seen = bench.seen.lock().unwrap();
    let token = &seen[0];
    assert_eq!((&*token.method, &*token.uri), ("POST", "https://acme.api.openvpn.com/api/v1/oauth/token"));
    assert_eq!(token.authorization, BASIC);
    assert_eq!(&token.body[..], br#"{"grant_type":"client_credentials","scope":"default"}"#);
    assert_eq!(token.cap, Some(TOKEN_BODY_CAP));
    assert!(!token.debug.contains("content-type"), "the official client sends none");
    assert!(token.debug.contains(concat!("connexa/", env!("CARGO_PKG_VERSION"))));

    let call = &seen[1];
    assert_eq!(call.uri, "https://acme.api.openvpn.com/api/v1/networks?page=0&size=1000");
    assert_eq!(call.authorization, "Bearer canary-token-0");
    assert!(
        seen.iter().all(|s| !s.debug.contains("canary") && !s.debug.contains("aWQ6")),
        "headers are sensitive"
    );
}

#[tokio::test]
async fn a_401_is_answered_by_one_renewal_and_one_replay() {
    let (bench, client) = with_tokens(|_, seen| match &*seen.authorization {
        "Bearer canary-token-0" => answer(401, ""),
        _ => page(),
    });
    let result = attempt(&client, &list()).await;
    assert!(matches!(result.outcome, Outcome::Applied(_)));
    assert_eq!((result.wire_calls, result.token_calls), (2, 2));
    assert_eq!(bench.counts(), (2, 2));
}

#[tokio::test]
async fn many_attempts_share_one_token_and_one_renewal() {
    let (bench, client) = with_tokens(|_, seen| match &*seen.authorization {
        "Bearer canary-token-0" => answer(401, ""),
        _ => page(),
    });
    let call = list();
    let all = join_all((0..40).map(|_| attempt(&client, &call))).await;
    assert!(all.iter().all(|a| matches!(a.outcome, Outcome::Applied(_))));
    assert_eq!(bench.counts(), (2, 80));
    assert!(all.iter().all(|a| a.wire_calls == 2));
    assert_eq!(all.iter().map(|a| u32::from(a.token_calls)).sum::<u32>(), 2, "each is counted once");
}

#[tokio::test]
async fn a_second_401_and_refused_credentials_are_unauthorized() {
    let (bench, client) = with_tokens(|_, _| answer(401, "canary"));
    let result = attempt(&client, &list()).await;
    assert_eq!(result.outcome, Outcome::Unauthorized);
    assert_eq!((result.wire_calls, result.token_calls), (2, 2));
    assert_eq!(bench.counts(), (2, 2));

    for (status, body) in [(401, ""), (403, ""), (400, r#"{"error": "invalid_client"}"#)] {
        let (bench, client) = self::bench(move |_, _| answer(status, body));
        let result = attempt(&client, &list()).await;
        assert_eq!(result.outcome, Outcome::Unauthorized, "{status}");
        assert_eq!((result.wire_calls, result.token_calls), (0, 1));
        assert_eq!(bench.counts(), (1, 0));
    }

    // Revoked in mid-run: the old token is refused, and so is the key.
    let (_, client) = self::bench(|bench, seen| match (is_token(seen), bench.tokens()) {
        (true, 0) => token(bench),
        _ => answer(401, ""),
    });
    let result = attempt(&client, &list()).await;
    assert_eq!(result.outcome, Outcome::Unauthorized);
    assert_eq!((result.wire_calls, result.token_calls), (1, 2));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let echo = format!("<html>{CLIENT_SECRET} {BASIC}\u{1b}[31m\nline two");
    let bodies = ["", &echo, "[]", r#"{"access_token": 5}"#, "{\"access_token\": \"canary\\r\\nX: y\"}"];
    for status in [200, 204, 302, 400, 404, 429, 500, 503] {
        for body in bodies.map(str::to_owned) {
            let (bench, client) = bench(move |_, _| answer(status, &body));
            let result = attempt(&client, &list()).await;
            let Outcome::NotSent(why) = &result.outcome else { panic!("{:?}", result.outcome) };
            assert_eq!((why.reason, why.status), (Reason::NoToken, Some(status)));
            assert!(why.detail.contains(&status.to_string()), "{}", why.detail);
            assert!(why.detail.chars().all(|c| !c.is_control()), "{}", why.detail);
            assert!(!format!("{result:?}").contains("canary"), "{result:?}");
            assert_eq!((result.wire_calls, result.token_calls), (0, 1));
            assert_eq!(bench.counts(), (1, 0));
        }
    }
    let why = Why::new(Reason::Dns, "no such host");
    for error in [TransportError::NotSent(why.clone()), TransportError::Lost(why)] {
        let (_, client) = bench(move |_, _| Err(error.clone()));
        let Outcome::NotSent(why) = attempt(&client, &list()).await.outcome else { panic!() };
        assert_eq!(why.reason, Reason::NoToken);
        assert!(why.detail.contains("no such host"));
    }
}

#[tokio::test]
async fn a_token_answer_over_its_cap_is_refused() {
    let (_, client) =
        bench(|_, _| answer(200, &format!("{{\"access_token\": \"{}\"}}", "x".repeat(TOKEN_BODY_CAP))));
    let Outcome::NotSent(why) = attempt(&client, &list()).await.outcome else { panic!() };
    assert_eq!(why.reason, Reason::NoToken);
}

#[tokio::test]
async fn tokens_are_renewed_before_they_expire() {
    let (bench, client) = with_tokens(|_, _| page());
    attempt(&client, &list()).await;
    bench.pass(Duration::from_secs(3539));
    attempt(&client, &list()).await;
    assert_eq!(bench.counts(), (1, 2));
    bench.pass(Duration::from_secs(1));
    let result = attempt(&client, &list()).await;
    assert_eq!(result.token_calls, 1);
    assert_eq!(bench.counts(), (2, 3));
    assert_eq!(bench.seen.lock().unwrap()[4].authorization, "Bearer canary-token-1");
}

#[tokio::test]
async fn a_lost_replay_is_indeterminate_and_an_unsent_one_is_not() {
    let why = Why::new(Reason::Reset, "gone");
    let cases = [
        (TransportError::Lost(why.clone()), Outcome::Indeterminate(why.clone()), 2),
        (TransportError::NotSent(why.clone()), Outcome::NotSent(why), 1),
    ];
    for (error, outcome, wire_calls) in cases {
        let (_, client) = with_tokens(move |_, seen| match &*seen.authorization {
            "Bearer canary-token-0" => answer(401, ""),
            _ => Err(error.clone()),
        });
        let result = attempt(&client, &Call::new(Endpoint::UserDelete).arg("u")).await;
        assert_eq!(result.outcome, outcome);
        assert_eq!(result.wire_calls, wire_calls);
    }
}

#[tokio::test]
async fn nothing_but_a_401_is_ever_sent_twice() {
    for status in [200, 204, 302, 400, 403, 404, 408, 409, 429, 500, 502, 503, 504] {
        let (bench, client) = with_tokens(move |_, _| answer(status, ""));
        let result = attempt(&client, &Call::new(Endpoint::NetworkCreate).json(json!({"name": "x"}))).await;
        assert_eq!(result.wire_calls, 1);
        assert_eq!(bench.counts(), (1, 1), "{status}");
    }
}

#[tokio::test]
async fn rate_headers_are_returned_with_every_answer() {
    for (status, remaining) in
        [(200, "7"), (400, "7"), (403, "7"), (404, "7"), (429, "0"), (500, "7"), (302, "7")]
    {
        let (_, client) = with_tokens(move |_, _| {
            let mut response = answer(status, "")?;
            response.headers_mut().insert("X-RateLimit-Remaining", remaining.parse().unwrap());
            response.headers_mut().insert("X-RateLimit-Replenish-Time", "soon".parse().unwrap());
            Ok(response)
        });
        let result = attempt(&client, &list()).await;
        let expected = QuotaHeaders { remaining: remaining.parse().ok(), ..QuotaHeaders::default() };
        assert_eq!(result.quota, Some(expected), "{status}");
    }
    let (_, client) = with_tokens(|_, _| page());
    assert_eq!(attempt(&client, &list()).await.quota, None);
}

#[tokio::test]
async fn the_limit_is_for_all_of_the_attempt() {
    // Each token takes 20 s; the call gets what is left, and the replay what is left then.
    let (bench, client) = bench(|bench, seen| {
        bench.pass(Duration::from_secs(20));
        if is_token(seen) { token(bench) } else { answer(401, "") }
    });
    let result = attempt(&client, &list()).await;
    let Outcome::NotSent(why) = result.outcome else { panic!("{:?}", result.outcome) };
    assert_eq!(why.reason, Reason::TooLate);
    assert_eq!((result.wire_calls, result.token_calls), (1, 2));
    assert_eq!(result.sent_at, Mono::from_origin(Duration::from_secs(20)));
    assert_eq!(result.ended_at, Mono::from_origin(Duration::from_mins(1)));
    let times: Vec<_> =
        bench.seen.lock().unwrap().iter().map(|s| (s.first_byte.as_secs(), s.total.as_secs())).collect();
    assert_eq!(times, [(30, 30), (30, 40), (20, 20)]);

    let (bench, client) = with_tokens(|_, _| page());
    let result = client.attempt(&list(), &SecretValues::none(), Duration::ZERO).await;
    assert!(matches!(result.outcome, Outcome::NotSent(why) if why.reason == Reason::TooLate));
    assert_eq!(bench.counts(), (0, 0));
}

#[tokio::test]
async fn one_attempts_lack_of_time_is_not_the_others() {
    let (bench, client) = bench(|bench, seen| {
        if !is_token(seen) {
            page()
        } else if seen.total < Duration::from_secs(5) {
            Err(TransportError::Lost(Why::new(Reason::Timeout, "no answer")))
        } else {
            token(bench)
        }
    });
    let (call, none) = (list(), SecretValues::none());
    let hurried = client.attempt(&call, &none, Duration::from_secs(1));
    let (hurried, patient) = futures_util::future::join(hurried, attempt(&client, &call)).await;
    assert!(matches!(hurried.outcome, Outcome::NotSent(why) if why.reason == Reason::NoToken));
    assert!(matches!(patient.outcome, Outcome::Applied(_)));
    assert_eq!(bench.counts(), (2, 1));
}

#[tokio::test]
async fn an_early_renewal_leaves_time_for_the_call() {
    let (bench, client) = bench(|bench, seen| match (is_token(seen), bench.tokens()) {
        (true, 0) => token(bench),
        (true, _) => {
            bench.pass(seen.total);
            Err(TransportError::Lost(Why::new(Reason::Timeout, "no answer")))
        }
        (false, _) => page(),
    });
    attempt(&client, &list()).await;
    bench.pass(Duration::from_mins(59));
    let result = client.attempt(&list(), &SecretValues::none(), Duration::from_secs(20)).await;
    assert!(matches!(result.outcome, Outcome::Applied(_)), "{:?}", result.outcome);
    assert_eq!((result.wire_calls, result.token_calls), (1, 1));
}

#[tokio::test]
async fn attempts_can_be_spawned() {
    let (_, client) = with_tokens(|_, _| page());
    let attempts = tokio::spawn(async move {
        let call = list();
        let boxed: BoxFuture<'_, connexa_types::Attempt> = attempt(&client, &call).boxed();
        boxed.await
    });
    assert!(matches!(attempts.await.unwrap().outcome, Outcome::Applied(_)));
}

#[tokio::test]
async fn what_cannot_be_built_costs_no_request_at_all() {
    let mut call = Call::new(Endpoint::NetworkConnectorUpdate).arg("c").json(json!({"ipSecConfig": null}));
    let place = JsonPointer::new("/ipSecConfig/preSharedKey");
    let reference = connexa_types::SecretRef {
        field: "ipsec.pre_shared_key".to_owned(),
        source: connexa_types::SecretSource::Env("PSK".to_owned()),
        hash: None,
    };
    call.secrets.insert(place, reference);
    let cases = [
        (Call::new(Endpoint::NetworkDelete).arg(""), Reason::Unbuildable),
        (Call::new(Endpoint::NetworkDelete).arg(".."), Reason::Unbuildable),
        (call, Reason::SecretMissing),
    ];
    for (call, reason) in cases {
        let (bench, client) = with_tokens(|_, _| page());
        let result = attempt(&client, &call).await;
        assert!(matches!(result.outcome, Outcome::NotSent(why) if why.reason == reason));
        assert_eq!((result.wire_calls, result.token_calls), (0, 0));
        assert_eq!(bench.counts(), (0, 0));
    }
}

#[tokio::test]
async fn a_body_over_the_cap_is_indeterminate_over_any_transport() {
    let (_, client) = with_tokens(|_, _| answer(201, &" ".repeat(10 * 1024 * 1024 + 1)));
    let result = attempt(&client, &Call::new(Endpoint::NetworkCreate).json(json!({}))).await;
    let Outcome::Indeterminate(why) = result.outcome else { panic!("{:?}", result.outcome) };
    assert_eq!((why.reason, why.status), (Reason::TooLarge, Some(201)));
}

#[tokio::test]
async fn no_secret_is_in_any_text_of_any_attempt() {
    let typed = api::network_connectors::create(
        &"n".into(),
        &NetworkConnectorRequest {
            name: "c".into(),
            ip_sec_config: Some(IpSecConfigRequest {
                pre_shared_key: Some(connexa_types::Secret::new("canary-psk")),
                ..Default::default()
            }),
            ..Default::default()
        },
    );
    assert!(!format!("{typed:?}").contains("canary"));
    assert!(!serde_json::to_string(&typed.call).unwrap().contains("canary"));

    let statuses = [200, 201, 204, 301, 400, 401, 403, 404, 408, 418, 429, 500, 503];
    for status in statuses {
        for echo in ["plain", "json", "html"] {
            // A server that tells back all it was told, as debugging proxies do.
            let (bench, client) = with_tokens(move |_, seen| {
                let told =
                    format!("{} {} {CLIENT_SECRET}", seen.authorization, String::from_utf8_lossy(&seen.body));
                let body = match echo {
                    "plain" => told,
                    "html" => format!("<html>{told}"),
                    _ => json!({
                        "id": "c", "ipSecConfig": {"preSharedKey": "canary-psk"},
                        "errorMessage": told, "errorDetails": {"x": [{"message": told}]}
                    })
                    .to_string(),
                };
                // In a 2xx only the known secret fields are secret: the rest is the tenant's own data.
                let body = if status < 300 { body.replace(&told_back(seen), "") } else { body };
                answer(status, &body)
            });
            let result = client.execute(&typed, LIMIT).await;
            assert!(!format!("{result:?}").contains("canary"), "{status} {echo}: {result:?}");
            let written = serde_json::to_string(&result.attempt.outcome).unwrap();
            assert!(!written.contains("canary"), "{status} {echo}: {written}");
            let sent = &bench.seen.lock().unwrap()[1].body;
            assert!(String::from_utf8_lossy(sent).contains(r#""preSharedKey":"canary-psk""#));
            assert!(!format!("{client:?}").contains("canary"));
        }
    }
}

fn told_back(seen: &Seen) -> String {
    let told = format!("{} {} {CLIENT_SECRET}", seen.authorization, String::from_utf8_lossy(&seen.body));
    let quoted = json!(told).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[tokio::test]
async fn typed_calls_read_their_answers() {
    let (_, client) = with_tokens(|_, seen| match &*seen.uri {
        uri if uri.ends_with("/networks") => answer(201, r#"{"id": "n1", "name": "paris", "new": [1]}"#),
        uri if uri.ends_with("/profile") => answer(200, "remote canary"),
        uri if uri.ends_with("/topology") => answer(200, "CUSTOM"),
        uri if uri.ends_with("/snat") => answer(200, "true"),
        uri if uri.ends_with("/custom-servers") => answer(200, ""),
        uri if uri.ends_with("/cloud-id?id=new") => {
            answer(200, r#"{"clientId": "a", "clientSecret": "canary"}"#)
        }
        uri if uri.ends_with("/regions") => answer(200, r#"[{"id": 7}]"#),
        _ => answer(204, ""),
    });
    let request = NetworkCreateRequest { name: "paris".into(), ..Default::default() };
    let created = client.execute(&api::networks::create(&request), LIMIT).await.answer.unwrap().unwrap();
    assert_eq!((created.id.as_str(), created.name.as_str()), ("n1", "paris"));

    let profile = client.execute(&api::host_connectors::profile(&"c".into()), LIMIT).await;
    assert!(!format!("{profile:?}").contains("canary"));
    assert_eq!(profile.answer.unwrap().unwrap().expose(), "remote canary");
    let Outcome::Applied(answer) = profile.attempt.outcome else { panic!() };
    assert_eq!(answer.body, AnswerBody::Empty);

    let topology = client.execute(&api::settings::wpc_topology(), LIMIT).await.answer.unwrap().unwrap();
    assert_eq!(topology, connexa_types::schema::Topology::Custom);
    assert!(client.execute(&api::settings::wpc_snat(), LIMIT).await.answer.unwrap().unwrap());
    let servers = client.execute(&api::settings::dns_custom_servers(), LIMIT).await.answer.unwrap();
    assert_eq!(servers.unwrap(), None);
    client.execute(&api::networks::delete(&"n".into()), LIMIT).await.answer.unwrap().unwrap();

    let key = client.execute(&api::account::create_cloud_id("new"), LIMIT).await.answer.unwrap().unwrap();
    assert_eq!(key.client_secret.unwrap().expose(), "canary");
    let error = client.execute(&api::regions::list(), LIMIT).await.answer.unwrap().unwrap_err();
    assert!(error.to_string().starts_with("the answer to `GET /regions` does not fit"), "{error}");
}

#[tokio::test]
async fn a_token_can_be_asked_for_as_a_call() {
    let (bench, client) = with_tokens(|_, _| page());
    let result = client.execute(&api::oauth::token(), LIMIT).await;
    assert!(!format!("{result:?}").contains("canary"));
    assert_eq!(result.answer.unwrap().unwrap().access_token.expose(), "canary-token-0");
    assert_eq!((result.attempt.wire_calls, result.attempt.token_calls), (1, 0));
    assert_eq!(bench.seen.lock().unwrap()[0].authorization, BASIC);
}

#[tokio::test]
async fn what_is_gone_is_said() {
    let (_, client) = with_tokens(|_, _| answer(404, ""));
    for (call, gone) in [
        (Call::new(Endpoint::NetworkDelete).arg("n"), Some(Gone::Target)),
        (Call::new(Endpoint::NetworkRouteCreate).query("networkId", "n").json(json!({})), Some(Gone::Parent)),
        (list(), None),
    ] {
        let Outcome::Rejected(rejection) = attempt(&client, &call).await.outcome else { panic!() };
        assert_eq!(rejection.gone, gone);
    }
}
