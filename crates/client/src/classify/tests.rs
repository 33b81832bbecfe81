//! The table, over every status × operation × body, and its finer points.

use super::*;
use connexa_types::{Class, Endpoint, Method};
use proptest::prelude::*;
use serde_json::json;

/// Bodies that a server, a gateway or a broken connection may send.
const BODIES: &[&str] = &[
    "",
    " \r\n",
    "{}",
    "[]",
    "null",
    "true",
    "42",
    "4.5",
    "\"text\"",
    "plain text",
    r#"{"id": "0a1b"}"#,
    r#"{"id": ""}"#,
    r#"{"id": 7}"#,
    r#"{"content": [{"id": "0a1b"}], "totalPages": 1}"#,
    r#"{"content": {}}"#,
    r#"{"sessions": []}"#,
    r#"{"auditLogs": []}"#,
    r#"{"id": "0a1b", "name":"#,
    "<!DOCTYPE html><html><body>Sign in</body></html>",
    "<html>502</html>",
    r#"{"errorDetails": {"id": [{"message": "Network not found"}]}, "errorMessage": "x"}"#,
    r#"{"errorDetails": {"name": [{"errorCode": "0-20-1"}]}, "errorMessage": "Region not found"}"#,
];

fn call(endpoint: Endpoint) -> Call {
    let info = endpoint.info();
    let mut call = Call::new(endpoint);
    for _ in 0..endpoint.path_params() {
        call = call.arg("0a1b");
    }
    for param in info.query.iter().filter(|param| param.required) {
        call = call.query(param.name, "1");
    }
    call
}

fn answer(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).body(body.into()).unwrap()
}

fn classified(call: &Call, response: Response<Bytes>) -> Classified {
    let key = SealingKey::new([7; 32]);
    classify(call, Ok(response), Reading { key: &key, redactor: &Redactor::default() })
}

fn outcome(call: &Call, status: u16, body: &'static str) -> Outcome {
    classified(call, answer(status, body)).outcome
}

/// What the reference promises of a 2xx, written a second time and in another way than the code under test.
fn promised(call: &Call, body: &str) -> bool {
    if body.to_ascii_lowercase().starts_with("<html") || body.starts_with("<!DOCTYPE") {
        return false;
    }
    let json: Option<Value> = serde_json::from_str(body).ok();
    let is = |check: fn(&Value) -> bool| json.as_ref().is_some_and(check);
    let blank = body.trim().is_empty();
    match call.endpoint.info().answer {
        AnswerShape::Empty | AnswerShape::Text => true,
        AnswerShape::SecretText => !blank,
        AnswerShape::MaybeJson(_) => blank || is(Value::is_null) || is(Value::is_object),
        AnswerShape::Json("boolean") => is(Value::is_boolean),
        AnswerShape::Json("int32") => is(Value::is_i64),
        AnswerShape::Json("GenericResponseVoid") => blank || is(Value::is_object),
        AnswerShape::Json("SessionsResponse") => is(|v| v["sessions"].is_array()),
        AnswerShape::Json("AuditLogsResponse") => is(|v| v["auditLogs"].is_array()),
        AnswerShape::Json(list) if list.starts_with("array of") => is(Value::is_array),
        AnswerShape::Json(page) if page.starts_with("Page") => is(|v| v["content"].is_array()),
        AnswerShape::Json(_) if call.method() == Method::Post && call.path_args.is_empty() => {
            is(|v| v["id"].as_str().is_some_and(|id| !id.is_empty()))
        }
        AnswerShape::Json(_) | AnswerShape::SecretJson(_) => is(Value::is_object),
    }
}

#[test]
fn every_status_operation_and_body_has_its_outcome() {
    for &endpoint in Endpoint::ALL {
        let call = call(endpoint);
        for &body in BODIES {
            let mut statuses: Vec<u16> = (100..=999).step_by(33).collect();
            statuses.extend([200, 201, 202, 204, 301, 302, 307, 400, 401, 403, 404, 405, 408, 409, 422, 429]);
            statuses.extend([500, 502, 503, 504]);
            for status in statuses {
                let at = format!("{endpoint} {status} {body}");
                let Classified { outcome, product } = classified(&call, answer(status, body));
                match (status, &outcome) {
                    (200..=299, Outcome::Applied(answer)) => {
                        assert!(promised(&call, body), "{at}");
                        assert_eq!(answer.status, status, "{at}");
                    }
                    (200..=299, Outcome::Indeterminate(why)) => {
                        assert!(!promised(&call, body), "{at}");
                        assert_eq!((why.reason, why.status), (Reason::Unreadable, Some(status)), "{at}");
                    }
                    (401, Outcome::Unauthorized) | (429, Outcome::Throttled(None)) => {}
                    (408, Outcome::Indeterminate(why)) => {
                        assert_eq!(why.reason, Reason::RequestTimeout, "{at}");
                    }
                    (300..=399, Outcome::Indeterminate(why)) => {
                        assert_eq!(why.reason, Reason::Redirect, "{at}");
                    }
                    (400..=499, Outcome::Rejected(rejection)) => {
                        assert!(!matches!(status, 401 | 408 | 429), "{at}");
                        assert_eq!(rejection.status, status, "{at}");
                        assert_eq!(rejection.gone.is_some(), is_gone(&call, status, body), "{at}");
                    }
                    (100..=199 | 500..=999, Outcome::Indeterminate(why)) => {
                        assert_eq!((why.reason, why.status), (Reason::ServerError, Some(status)), "{at}");
                    }
                    other => panic!("{at}: {other:?}"),
                }
                let secret =
                    matches!(endpoint.info().answer, AnswerShape::SecretText | AnswerShape::SecretJson(_));
                assert_eq!(product.is_some(), secret && matches!(outcome, Outcome::Applied(_)), "{at}");
            }
        }
    }
}

fn is_gone(call: &Call, status: u16, body: &str) -> bool {
    let by_id = !call.path_args.is_empty();
    let by_parent =
        call.query.iter().any(|(name, _)| ["networkId", "hostId", "userId"].contains(&name.as_str()));
    let post = call.method() == Method::Post;
    if !by_id && (!by_parent || !post) {
        return false;
    }
    let names_another = body.contains(r#""name": ["#);
    match status {
        404 => !names_another,
        400 => body.contains("not found") && !names_another,
        _ => false,
    }
}

#[test]
fn what_is_gone() {
    use Endpoint as E;

    let id_400 = r#"{"errorDetails": {"id": [{"message": "{what} NOT FOUND", "params": {"what": "x"}}]}}"#;
    let words_400 = r#"{"errorMessage": "Dns Record with id 7 Not Found"}"#;
    let field_400 = r#"{"errorDetails": {"vpnRegionId": [{"message": "region not found"}]}}"#;
    let gateway_404 = r#"{"path": "/x", "requestId": "7f3a", "status": 404, "statusError": "Not Found"}"#;
    let both_400 = r#"{"errorDetails": {"id": [], "name": []}, "errorMessage": "not found"}"#;
    let about_another_404 = r#"{"errorDetails": {"userId": [{"message": "not found"}]}}"#;
    let gone = |endpoint, status, body| match outcome(&call(endpoint), status, body) {
        Outcome::Rejected(rejection) => rejection.gone,
        other => panic!("{other:?}"),
    };
    let with_id = [E::NetworkGet, E::NetworkUpdate, E::NetworkDelete, E::UserResetMfa, E::DeviceDelete];
    for endpoint in with_id {
        for (status, body) in [(404, ""), (404, gateway_404), (400, id_400), (400, words_400)] {
            assert_eq!(gone(endpoint, status, body), Some(Gone::Target), "{endpoint} {status} {body}");
        }
        for (status, body) in [
            (400, ""),
            (400, field_400),
            (400, both_400),
            (403, words_400),
            (409, words_400),
            (404, about_another_404),
        ] {
            assert_eq!(gone(endpoint, status, body), None, "{endpoint} {status} {body}");
        }
    }
    for endpoint in [E::NetworkConnectorCreate, E::HostApplicationCreate, E::DeviceCreate] {
        assert_eq!(gone(endpoint, 400, id_400), Some(Gone::Parent));
        assert_eq!(gone(endpoint, 404, ""), Some(Gone::Parent));
        assert_eq!(gone(endpoint, 400, field_400), None);
    }
    for endpoint in [E::NetworkCreate, E::NetworkList, E::SettingDnsZonesSet] {
        assert_eq!(gone(endpoint, 404, ""), None);
        assert_eq!(gone(endpoint, 400, words_400), None);
    }
    let orphan = Call::new(E::NetworkRouteCreate);
    let Outcome::Rejected(rejection) = outcome(&orphan, 404, "") else { panic!() };
    assert_eq!(rejection.gone, None, "no parent was named");
}

#[test]
fn secrets_leave_every_json_answer_and_their_hashes_stay() {
    let key = SealingKey::new([7; 32]);
    let body = json!({
        "content": [
            {"id": "a", "connectors": [{"ipSecConfig": {"preSharedKey": "canary-1", "platform": "OTHER"}}]},
            {"id": "b", "new": {"deep": [{"peerCertificatePrivateKey": "canary-2"}]}},
            {"id": "c", "preSharedKey": null, "peerCertificateKeyPassphrase": {"odd": "canary-3"}},
        ],
    });
    let response = answer(200, body.to_string());
    let Outcome::Applied(answer) = classified(&call(Endpoint::NetworkList), response).outcome else {
        panic!()
    };
    assert!(!format!("{answer:?}").contains("canary"));
    assert!(!serde_json::to_string(&answer).unwrap().contains("canary"));
    let expected = [
        ("/content/0/connectors/0/ipSecConfig/preSharedKey", "ipsec.pre_shared_key", "canary-1"),
        ("/content/1/new/deep/0/peerCertificatePrivateKey", "ipsec.peer_certificate_private_key", "canary-2"),
        (
            "/content/2/peerCertificateKeyPassphrase",
            "ipsec.peer_certificate_key_passphrase",
            r#"{"odd":"canary-3"}"#,
        ),
    ];
    let expected = expected.map(|(at, field, value)| (JsonPointer::new(at), key.seal(field, value)));
    assert_eq!(answer.sealed, expected.into());
    assert_eq!(
        answer.json().unwrap(),
        &json!({
            "content": [
                {"id": "a", "connectors": [{"ipSecConfig": {"platform": "OTHER"}}]},
                {"id": "b", "new": {"deep": [{}]}},
                {"id": "c"},
            ],
        })
    );
}

#[test]
fn a_profile_is_a_product_and_nothing_else() {
    let call = call(Endpoint::NetworkConnectorProfile);
    let Classified { outcome, product } = classified(&call, answer(200, "# canary\nremote x"));
    assert_eq!(product.as_ref().unwrap().expose(), "# canary\nremote x");
    assert!(!format!("{outcome:?} {product:?}").contains("canary"));
    let json =
        classified(&self::call(Endpoint::AccountCloudId), answer(200, r#"{"clientSecret": "canary"}"#));
    assert!(!format!("{json:?}").contains("canary"));
    assert_eq!(json.product.unwrap().expose(), r#"{"clientSecret": "canary"}"#);
}

#[test]
fn texts_are_taken_out_of_json_quotes_only_if_labelled_so() {
    let call = call(Endpoint::SettingDnsDefaultSuffixGet);
    let text = |content_type: &str, body: &'static str| {
        let mut response = answer(200, body);
        response.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        match classified(&call, response).outcome {
            Outcome::Applied(Answer { body: AnswerBody::Text(text), .. }) => text,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(text("application/json", "\"corp.example\""), "corp.example");
    assert_eq!(text("Application/JSON;charset=UTF-8", "corp.example"), "corp.example");
    assert_eq!(text("text/plain;charset=UTF-8", "\"corp.example\""), "\"corp.example\"");
    assert_eq!(text("text/plain", ""), "");
    let broken = classified(&call, answer(200, vec![0xff, 0xfe]));
    assert!(matches!(broken.outcome, Outcome::Indeterminate(_)));
}

#[test]
fn what_was_secret_in_the_request_is_not_repeated_from_the_answer() {
    let mut redactor = Redactor::default();
    redactor.add("canary-psk");
    let key = SealingKey::new([7; 32]);
    let reading = Reading { key: &key, redactor: &redactor };
    let echo = json!({
        "errorDetails": {"canary-psk": [{
            "errorCode": "canary-psk", "message": "`canary-psk` is weak: {v}", "params": {"v": "canary-psk", "n": ["canary-psk"]}
        }]},
        "errorMessage": "canary-psk", "statusError": "canary-psk",
    });
    let call = call(Endpoint::NetworkConnectorCreate);
    for status in [200, 302, 400, 404, 408, 418, 500, 503] {
        for body in [echo.to_string(), "text canary-psk".to_owned(), "<html>canary-psk".to_owned()] {
            let mut response = answer(status, body);
            response.headers_mut().insert(header::LOCATION, "https://x/?k=canary-psk".parse().unwrap());
            let classified = classify(&call, Ok(response), reading);
            assert!(!format!("{classified:?}").contains("canary"), "{classified:?}");
        }
    }
    let why = Why::new(Reason::Reset, "broke at canary-psk");
    for error in [TransportError::NotSent(why.clone()), TransportError::Lost(why)] {
        let classified = classify(&call, Err(error), reading);
        assert!(!format!("{classified:?}").contains("canary"), "{classified:?}");
    }
}

#[test]
fn the_gateways_request_id_survives() {
    let body = r#"{"path": "/x", "requestId": "7f3a", "status": 405, "statusError": "Method Not Allowed"}"#;
    let Outcome::Rejected(rejection) = outcome(&call(Endpoint::NetworkGet), 405, body) else { panic!() };
    assert!(rejection.text.contains("7f3a"));
    assert_eq!(rejection.error.unwrap().status_error.as_deref(), Some("Method Not Allowed"));
}

#[test]
fn a_huge_error_stays_small() {
    let long = "x".repeat(3_000_000);
    let body = json!({"errorDetails": {"name": [{"message": long}]}, "errorMessage": long}).to_string();
    for (status, body) in [(400, body), (400, long.clone()), (500, long)] {
        let classified = classified(&call(Endpoint::NetworkCreate), answer(status, body));
        assert!(format!("{classified:?}").len() < 10_000);
    }
}

#[test]
fn a_throttled_answer_says_how_long_to_wait() {
    let mut response = answer(429, "");
    response.headers_mut().insert(header::RETRY_AFTER, "15".parse().unwrap());
    let outcome = classified(&call(Endpoint::NetworkList), response).outcome;
    assert_eq!(outcome, Outcome::Throttled(Some(std::time::Duration::from_secs(15))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes: no panic, text fit for a line, and never a mutation taken for applied on a body that
    /// cannot be.
    #[test]
    fn any_bytes_are_classified(
        endpoint in proptest::sample::select(Endpoint::ALL),
        status in 100u16..1000,
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "\\PC{0,100}".prop_map(String::into_bytes),
            proptest::sample::select(BODIES).prop_map(|body| body.as_bytes().to_vec()),
        ],
    ) {
        let call = call(endpoint);
        let Classified { outcome, product } = classified(&call, answer(status, body));
        match outcome {
            Outcome::Applied(_) => prop_assert!((200..300).contains(&status)),
            Outcome::Indeterminate(why) => {
                prop_assert!(why.detail.chars().all(|c| !c.is_control()));
                prop_assert!(product.is_none());
            }
            Outcome::Rejected(r) => prop_assert!(r.text.chars().all(|c| !c.is_control())),
            Outcome::Throttled(_) | Outcome::Unauthorized => {}
            Outcome::NotSent(_) => prop_assert!(false, "an answer came, so something was sent"),
        }
        prop_assert!(matches!(call.class(), Class::Read | Class::Update));
    }

    /// JSON of any depth is read or refused, and no secret field survives in it.
    #[test]
    fn deep_answers_are_harmless(depth in 0usize..400) {
        let body = format!("{}{{\"preSharedKey\": \"canary\"}}{}", "{\"id\": ".repeat(depth), "}".repeat(depth));
        let classified = classified(&call(Endpoint::NetworkGet), answer(200, body));
        let leaked = format!("{classified:?}").contains("canary");
        prop_assert!(!leaked);
    }
}
