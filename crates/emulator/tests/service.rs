//! What happens before an operation runs: tokens, quota, paths, methods, permissions (row 57 of API section 10).

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod kit;

use bytes::Bytes;
use connexa_emulator::{Config, Limits};
use http::Request;
use kit::{Answered, FORMAT, Kit, MISSING, NOT_FOUND};
use serde_json::{Value, json};
use std::time::Duration;

fn bare(kit: &mut Kit, method: &str, path: &str, authorization: Option<&str>, body: &str) -> Answered {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    kit.send(request.body(Bytes::from(body.to_owned())).unwrap())
}

fn config(limits: &str, keys: &[&str]) -> Config {
    let keys = keys.iter().map(|k| k.parse().unwrap()).collect();
    Config { limits: limits.parse::<Limits>().unwrap(), keys, ..Config::default() }
}

fn remaining(answered: &Answered) -> &str {
    answered.headers["x-ratelimit-remaining"].to_str().unwrap()
}

#[test]
fn every_form_of_credentials_gets_a_token() {
    let mut kit = Kit::new();
    let basic = Some("Basic ZW11bGF0b3I6ZW11bGF0b3I=");
    let grant = json!({"grant_type": "client_credentials", "scope": "default"}).to_string();
    let form = "grant_type=client_credentials&client_id=emulator&client_secret=emulator";
    let base = "/api/v1/oauth/token";
    let forms = [
        (format!("{base}?{form}"), None, ""),
        (format!("{base}?client_id=emulator&client_secret=emulator"), None, ""),
        (base.to_owned(), basic, grant.as_str()),
        (base.to_owned(), basic, ""),
        (base.to_owned(), None, form),
    ];
    for (path, authorization, body) in forms {
        let answered = bare(&mut kit, "POST", &path, authorization, body);
        answered.is(200);
        assert_eq!(answered.json["token_type"], "bearer");
        assert_eq!(answered.json["expires_in"], 43_199);
        assert_eq!(answered.json["scope"], "read write");
        // Tokens of one key live side by side.
        let bearer = format!("Bearer {}", answered.json["access_token"].as_str().unwrap());
        bare(&mut kit, "GET", "/api/v1/regions", Some(&bearer), "").is(200);
        assert!(!answered.headers.contains_key("x-ratelimit-remaining"));
    }
    kit.get("/regions").is(200);
}

#[test]
fn bad_credentials_and_grants_are_told_apart() {
    let mut kit = Kit::new();
    let base = "/api/v1/oauth/token";
    for query in [
        "",
        "?client_id=emulator",
        "?client_id=emulator&client_secret=wrong",
        "?client_id=x&client_secret=emulator",
    ] {
        let answered = bare(&mut kit, "POST", &format!("{base}{query}"), None, "");
        assert_eq!((answered.status.as_u16(), &answered.json["error"]), (401, &json!("invalid_client")));
    }
    let wrong = format!("{base}?client_id=emulator&client_secret=emulator&grant_type=password");
    let answered = bare(&mut kit, "POST", &wrong, None, "");
    assert_eq!((answered.status.as_u16(), &answered.json["error"]), (400, &json!("unsupported_grant_type")));
}

#[test]
fn tokens_end() {
    let mut kit = Kit::with(Config { token_ttl: Duration::from_mins(1), ..config("unlimited", &["a:b"]) });
    kit.pass(Duration::from_secs(59));
    kit.get("/regions").is(200);
    kit.pass(Duration::from_secs(1));
    let answered = kit.get("/regions");
    assert_eq!((answered.status.as_u16(), answered.text.as_str()), (401, ""));
}

#[test]
fn checks_come_in_their_order() {
    let mut kit = Kit::with(config("r=2:1:10,u=2:1:10", &["reader:s:read", "writer:s"]));
    // Without a live token: the path, the method, the token.
    for authorization in [None, Some("Bearer wrong"), Some("Basic ZW11bGF0b3I6ZW11bGF0b3I=")] {
        bare(&mut kit, "GET", "/api/v1/lamps", authorization, "").is(404);
        bare(&mut kit, "PATCH", "/api/v1/networks", authorization, "").is(405);
        let answered = bare(&mut kit, "GET", "/api/v1/networks", authorization, "");
        assert_eq!((answered.status.as_u16(), answered.text.as_str()), (401, ""));
        assert!(!answered.headers.contains_key("x-ratelimit-remaining"));
    }
    // With one: a token of the bucket, then path and method, then permission.
    let unknown = kit.get("/lamps");
    assert_eq!((unknown.status.as_u16(), remaining(&unknown)), (404, "1"));
    let wrong = kit.call("PATCH", "/networks", Value::Null);
    assert_eq!((wrong.status.as_u16(), remaining(&wrong)), (405, "1"));
    let forbidden = kit.post("/networks", json!("no json"));
    assert_eq!((forbidden.status.as_u16(), forbidden.text.as_str(), remaining(&forbidden)), (403, "", "0"));
    kit.get("/networks").is(200);
    let limited = kit.get("/lamps");
    assert_eq!((limited.status.as_u16(), limited.text.as_str(), remaining(&limited)), (429, "", "0"));
    assert!(!limited.headers.contains_key("content-type") && !limited.headers.contains_key("retry-after"));
    // Each key has buckets of its own.
    kit.token = kit.token_for("writer", "s");
    assert_eq!(remaining(&kit.get("/networks")), "1");
    kit.post("/networks/connectors", json!("no json")).refused(&[("networkId", MISSING)]);
    kit.post("/networks/connectors?networkId=x", json!("no json")).refused(&[("id", NOT_FOUND)]);
    kit.pass(Duration::from_secs(10));
    kit.post("/networks", json!("no json")).refused(&[("body", FORMAT)]);
}

#[test]
fn the_gateway_names_what_it_does_not_know() {
    let mut kit = Kit::new();
    let answered = kit.get("/lamps?x=1");
    let object = answered.is(404).json.as_object().unwrap();
    assert_eq!(object["path"], "/api/v1/lamps");
    assert_eq!(object["status"], 404);
    assert_eq!(object["statusError"], "Not Found");
    assert_eq!(object["timestamp"], 1_748_779_200_000_i64);
    let request_id = object["requestId"].as_str().unwrap();
    assert!(request_id.len() == 16 && request_id.bytes().all(|b| b.is_ascii_hexdigit()));
    let wrong = kit.call("DELETE", "/networks/connectors", Value::Null);
    wrong.is(405);
    assert_eq!(wrong.json["statusError"], "Method Not Allowed");
    assert_eq!(wrong.headers["allow"], "GET, POST");
    kit.call("HEAD", "/networks", Value::Null).is(405);
}

#[test]
fn four_headers_tell_the_law_of_the_bucket() {
    let mut kit = Kit::with(Config { retry_after: true, ..config("r=3:2:5,u=1:1:9", &["a:b"]) });
    let numbers = |answered: &Answered| -> Vec<u64> {
        ["burst-capacity", "replenish-rate", "replenish-time", "remaining"]
            .iter()
            .map(|name| answered.headers[format!("x-ratelimit-{name}")].to_str().unwrap().parse().unwrap())
            .collect()
    };
    for left in [2, 1, 0] {
        assert_eq!(numbers(&kit.get("/regions")), [3, 2, 5, left]);
    }
    let limited = kit.get("/regions");
    assert_eq!((limited.status.as_u16(), numbers(&limited)), (429, vec![3, 2, 5, 0]));
    assert_eq!(limited.headers["retry-after"], "3");
    kit.pass(Duration::from_millis(2500));
    kit.get("/regions").is(200);
    assert_eq!(numbers(&kit.post("/dns-records", Value::Null)), [1, 1, 9, 0]);
    let mut kit = Kit::with(config("2:1:10:shared", &["a:b"]));
    assert_eq!(remaining(&kit.get("/regions")), "1");
    assert_eq!(remaining(&kit.post("/dns-records", Value::Null)), "0");
    kit.get("/regions").is(429);
}

#[test]
fn unknown_ids_are_404_where_the_configuration_says_so() {
    let mut kit =
        Kit::with(Config { not_found: "404,networks=400".parse().unwrap(), ..config("unlimited", &["a:b"]) });
    kit.get("/networks/x").is(400);
    let gone = kit.get("/hosts/x");
    assert_eq!(gone.is(404).json["errorDetails"]["id"][0]["errorCode"], NOT_FOUND);
    assert_eq!(gone.json["statusError"], "Not Found");
    kit.post("/hosts/connectors?hostId=x", json!({})).is(404);
}

#[test]
fn a_body_of_countless_faults_gets_an_answer_of_bounded_size() {
    let mut kit = Kit::new();
    let item = json!({"type": "HOST", "allCovered": false, "children": vec![7; 1000]});
    let body = json!({"name": "a", "source": vec![item; 100], "destination": []});
    let answered = kit.post("/access-groups", body);
    let details = answered.is(400).json["errorDetails"].as_object().unwrap();
    assert_eq!(details.len(), 10_000);
    assert!(answered.json["errorMessage"].as_str().unwrap().len() < 10_000);
}
