//! Every fault, in process: what the sender sees, what becomes of the tenant, and what the ledger says of both.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::needless_pass_by_value, reason = "bodies are written where they are sent")]

mod kit;

use bytes::Bytes;
use connexa_emulator::{
    Config, Delivery, Limits, Trickle, What,
    faults::FaultDocument,
    ledger::{Delivered, Entry, LedgerEvent},
};
use http::Request;
use kit::{Answered, Kit, start};
use serde_json::{Value, json};
use std::time::Duration;

/// A kit with a ledger and one rule for `fault`, for all calls on `path`.
fn with(path: &str, fault: Value) -> Kit {
    with_rules(json!([{"path": path, "fault": fault}]))
}

fn with_rules(rules: Value) -> Kit {
    let mut kit = Kit::new();
    kit.emulator.keep_ledger(0);
    add(&mut kit, rules);
    kit
}

fn add(kit: &mut Kit, rules: Value) {
    kit.emulator.add_faults(FaultDocument::from_json(&json!({"rules": rules}).to_string()).unwrap());
}

fn request(kit: &Kit, method: &str, path: &str, body: &Value) -> Request<Bytes> {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
    request.header("authorization", format!("Bearer {}", kit.token)).body(body).unwrap()
}

/// Sends a call, whatever becomes of its answer.
fn deliver(kit: &mut Kit, method: &str, path: &str, body: Value) -> Delivery {
    let request = request(kit, method, path, &body);
    kit.emulator.handle(kit.now, request)
}

fn record(domain: &str) -> Value {
    json!({"domain": domain, "ipv4Addresses": ["10.0.0.1"]})
}

/// The entries since the last look.
fn entries(kit: &mut Kit) -> Vec<Entry> {
    kit.emulator.take_entries()
}

/// The one entry since the last look.
#[track_caller]
fn entry(kit: &mut Kit) -> Entry {
    let mut entries = entries(kit);
    assert_eq!(entries.len(), 1, "{entries:#?}");
    entries.remove(0)
}

/// What an entry says, in short: fault, status, delivered, keys created.
fn told(entry: &Entry) -> (Option<&str>, Option<u16>, Delivered, Vec<&str>) {
    let created = entry.created.iter().map(|t| t.key.as_str()).collect();
    (entry.fault.as_deref(), entry.status, entry.delivered, created)
}

fn domains(kit: &mut Kit) -> Vec<String> {
    let list = kit.list("/dns-records");
    let domains = list.iter().map(|r| r["domain"].as_str().unwrap().to_owned()).collect();
    entries(kit);
    domains
}

const NOTHING: [&str; 0] = [];
const CREATES: &str = "/dns-records";

#[test]
fn without_faults_the_ledger_tells_what_was_done() {
    let mut kit = with_rules(json!([]));
    let id = kit.created("/networks", json!({"name": "paris", "routes": [{"value": "10.1.0.0/16"}]}));
    let made = entry(&mut kit);
    assert_eq!(told(&made), (None, Some(201), Delivered::Yes, vec!["paris", "10.1.0.0/16"]));
    assert_eq!(
        (made.created[0].id.as_str(), made.created[1].parent.as_deref()),
        (id.as_str(), Some(id.as_str()))
    );
    assert_eq!((made.event, made.client.as_deref()), (LedgerEvent::Request, Some("emulator")));
    assert_eq!(
        (made.method.as_str(), made.template, made.committed_at),
        ("POST", Some("/networks"), Some(made.arrived_at))
    );

    kit.pass(Duration::from_millis(1500));
    kit.put(&format!("/networks/{id}?x=secret"), json!({"name": "lyon"})).is(200);
    let changed = entry(&mut kit);
    assert_eq!((changed.updated[0].key.as_str(), changed.updated.len()), ("lyon", 1));
    assert_eq!((changed.number, changed.query.as_slice()), (made.number + 1, &["x".to_owned()][..]));
    assert_eq!(changed.arrived_ms.whole() - made.arrived_ms.whole(), 1500);

    kit.delete(&format!("/networks/{id}")).is(204);
    let deleted: Vec<_> = entry(&mut kit).deleted.into_iter().map(|t| t.key).collect();
    assert_eq!(deleted, ["10.1.0.0/16", "lyon"]);
    // Neither reads nor refusals commit anything.
    kit.get("/networks").is(200);
    kit.post("/networks", json!({})).is(400);
    kit.get("/networks/none").is(400);
    kit.get("/lamps").is(404);
    for entry in entries(&mut kit) {
        assert!(entry.committed_at.is_none() && entry.created.is_empty(), "{entry:?}");
    }
    kit.put("/settings/wpc/snat", json!(true)).is(200);
    assert_eq!(entry(&mut kit).updated[0].id, "wpc/snat");
}

#[test]
fn no_secret_is_in_the_ledger() {
    let mut kit = with_rules(json!([]));
    kit.token_for("emulator", "emulator");
    let connector = json!({"name": "c", "vpnRegionId": "eu-central-1"});
    let id = kit.created("/networks", json!({"name": "paris", "connectors": [connector]}));
    let connector =
        kit.list(&format!("/networks/connectors?networkId={id}"))[0]["id"].as_str().unwrap().to_owned();
    let profile = kit.post(&format!("/networks/connectors/{connector}/profile"), Value::Null);
    let text = serde_json::to_string(&entries(&mut kit)).unwrap();
    assert!(!text.contains(&kit.token) && !text.contains(&profile.text[..60]));
    assert!(text.contains("client_secret") && !text.contains("client_secret="));
}

#[test]
fn a_reset_loses_the_answer_and_not_always_the_effect() {
    for (commit, status, created) in [("before", None, vec![]), ("after", Some(201), vec!["a.example"])] {
        let mut kit = with(CREATES, json!({"reset": {"commit": commit}}));
        let delivery = deliver(&mut kit, "POST", CREATES, record("a.example"));
        assert!(matches!(delivery.what, What::Reset));
        let label = format!("reset-{commit}-commit");
        assert_eq!(told(&entry(&mut kit)), (Some(label.as_str()), status, Delivered::No, created.clone()));
        // The list is on the same path.
        kit.emulator.clear_faults();
        assert_eq!(domains(&mut kit), created);
    }
}

#[test]
fn a_stall_answers_nothing() {
    for (commit, created) in [("before", vec![]), ("after", vec!["a.example"])] {
        let mut kit = with(CREATES, json!({"stall": {"commit": commit}}));
        assert!(matches!(deliver(&mut kit, "POST", CREATES, record("a.example")).what, What::Stall));
        let entry = entry(&mut kit);
        assert_eq!((entry.delivered, entry.created.len()), (Delivered::No, created.len()));
        kit.emulator.clear_faults();
        assert_eq!(domains(&mut kit), created);
    }
}

#[test]
fn an_error_has_the_status_and_body_asked_for() {
    for (commit, created) in [("before", vec![]), ("after", vec!["a.example"])] {
        for (body, content_type) in
            [("json", Some("application/json")), ("html", Some("text/html")), ("empty", None)]
        {
            let fault = json!({"error": {"status": 503, "body": body, "commit": commit}});
            let mut kit = with(CREATES, fault);
            let answered = kit.post(CREATES, record("a.example"));
            answered.is(503);
            let found = answered.headers.get("content-type").map(|v| v.to_str().unwrap());
            assert_eq!(found, content_type);
            assert_eq!(answered.text.is_empty(), body == "empty");
            assert_eq!(answered.json["statusError"].is_string(), body == "json");
            assert!(answered.headers.contains_key("x-ratelimit-remaining"));
            let label = format!("error-{commit}-commit");
            let entry = entry(&mut kit);
            assert_eq!(told(&entry), (Some(label.as_str()), Some(503), Delivered::Yes, created.clone()));
            assert_eq!(entry.committed_at.is_some(), commit == "after");
            kit.emulator.clear_faults();
            assert_eq!(domains(&mut kit), created);
        }
    }
    let mut kit = with(CREATES, json!({"error": {"commit": "before"}}));
    kit.get(CREATES).is(500);
}

#[test]
fn a_late_commit_comes_when_its_time_has_come() {
    let late =
        |answer| json!([{"method": "POST", "fault": {"late-commit": {"after_ms": 5000, "answer": answer}}}]);
    for answer in ["reset", "stall", "error"] {
        let mut kit = with_rules(late(answer));
        let delivery = deliver(&mut kit, "POST", CREATES, record("a.example"));
        match answer {
            "reset" => assert!(matches!(delivery.what, What::Reset)),
            "stall" => assert!(matches!(delivery.what, What::Stall)),
            _ => assert_eq!(delivery.into_answer().unwrap().status(), 504),
        }
        let first = entry(&mut kit);
        assert_eq!(
            (first.fault.as_deref(), first.committed_at, first.created.len()),
            (Some("late-commit"), None, 0)
        );
        assert_eq!(kit.emulator.next_due(), Some(start().mono + Duration::from_secs(5)));

        kit.pass(Duration::from_millis(4999));
        assert_eq!(domains(&mut kit), NOTHING);
        kit.pass(Duration::from_millis(1));
        if answer == "reset" {
            // By a host that drives; otherwise by the next request.
            kit.emulator.advance(kit.now);
            assert_eq!(kit.emulator.next_due(), None);
        } else {
            kit.pass(Duration::from_mins(1));
            kit.get("/regions").is(200);
        }
        let second = entries(&mut kit).remove(0);
        assert_eq!((second.event, second.number), (LedgerEvent::Commit, first.number));
        assert_eq!(told(&second), (Some("late-commit"), Some(201), Delivered::No, vec!["a.example"]));
        assert_eq!(second.arrived_at, first.arrived_at);
        assert_eq!(second.committed_ms.unwrap().whole() - second.arrived_ms.whole(), 5000);
        assert_eq!(domains(&mut kit), ["a.example"]);
    }
}

#[test]
fn late_commits_keep_their_order_and_may_be_refused() {
    let mut kit = with_rules(json!([
        {"nth": 1, "method": "POST", "fault": {"late-commit": {"after_ms": 2000}}},
        {"nth": 2, "method": "POST", "fault": {"late-commit": {"after_ms": 1000}}},
    ]));
    deliver(&mut kit, "POST", CREATES, record("a.example"));
    deliver(&mut kit, "POST", CREATES, record("A.example"));
    entries(&mut kit);
    kit.pass(Duration::from_secs(3));
    assert_eq!(kit.list(CREATES)[0]["domain"], "A.example");
    let commits: Vec<_> = entries(&mut kit).into_iter().filter(|e| e.event == LedgerEvent::Commit).collect();
    assert_eq!(
        commits.iter().map(|e| (e.status, e.created.len())).collect::<Vec<_>>(),
        [(Some(201), 1), (Some(400), 0)]
    );
}

#[test]
fn a_slow_answer_says_how_slow() {
    let mut kit = with("/regions", json!({"slow": {"delay_ms": 300, "trickle_ms": 10, "trickle_bytes": 7}}));
    let delivery = deliver(&mut kit, "GET", "/regions", Value::Null);
    assert_eq!(delivery.after, Duration::from_millis(300));
    let takes = delivery.takes();
    let response = delivery.into_answer().unwrap();
    let trickle = Trickle { pause: Duration::from_millis(10), bytes: 7 };
    assert_eq!(Trickle::of(&response), Some(trickle));
    let pieces = u32::try_from(response.body().len().div_ceil(7)).unwrap();
    assert_eq!(takes, Duration::from_millis(300) + trickle.pause * pieces);
    assert_eq!(told(&entry(&mut kit)), (Some("slow"), Some(200), Delivered::Yes, vec![]));
}

#[test]
fn answers_are_cut_broken_and_blown_up() {
    let mut kit = with(CREATES, json!({"truncated": {"bytes": 12}}));
    match deliver(&mut kit, "POST", CREATES, record("a.example")).what {
        What::Truncated { response, bytes } => assert!(bytes == 12 && response.status() == 201),
        other => panic!("{other:?}"),
    }
    assert_eq!(told(&entry(&mut kit)), (Some("truncated"), Some(201), Delivered::Partly, vec!["a.example"]));

    for form in ["cut", "garbage", "html", "wrong-type"] {
        let mut kit = with(CREATES, json!({"invalid-json": {"form": form}}));
        let request = request(&kit, "POST", CREATES, &record("a.example"));
        let response = kit.emulator.handle(kit.now, request).into_answer().unwrap();
        let parsed = serde_json::from_slice::<Value>(response.body());
        assert!(if form == "wrong-type" { parsed.unwrap().is_array() } else { parsed.is_err() }, "{form}");
        assert_eq!(
            told(&entry(&mut kit)),
            (Some("invalid-json"), Some(201), Delivered::Yes, vec!["a.example"])
        );
    }

    let mut kit = with(CREATES, json!({"oversized": {"bytes": 300_000}}));
    let answered = kit.post(CREATES, record("a.example"));
    assert_eq!((answered.status.as_u16(), answered.text.len()), (201, 300_000));
    assert_eq!(answered.json["domain"], "a.example");
    // An answer without a body has nothing to cut: the rule does not count it.
    let id = answered.id();
    kit.emulator.clear_faults();
    add(&mut kit, json!([{"fault": "truncated", "nth": 1}]));
    kit.delete(&format!("{CREATES}/{id}")).is(204);
    assert!(matches!(deliver(&mut kit, "GET", CREATES, Value::Null).what, What::Truncated { .. }));
}

#[test]
fn a_throttle_costs_nothing_and_may_have_been_applied() {
    let mut kit = with(CREATES, json!({"throttle": {"retry_after": "7"}}));
    let answered = kit.post(CREATES, record("a.example"));
    answered.is(429);
    assert_eq!((answered.text.as_str(), &answered.headers["retry-after"]), ("", &"7".parse().unwrap()));
    assert_eq!(answered.headers["x-ratelimit-remaining"], "0");
    let told_of = entry(&mut kit);
    assert!(told_of.throttled);
    assert_eq!(told(&told_of), (Some("throttle"), Some(429), Delivered::Yes, vec![]));

    let mut kit = with(CREATES, json!({"throttle": {"headers": false, "applied": true}}));
    let answered = kit.post(CREATES, record("a.example"));
    answered.is(429);
    assert!(!answered.headers.keys().any(|name| name.as_str().starts_with("x-ratelimit")));
    assert_eq!(
        told(&entry(&mut kit)),
        (Some("throttle-applied"), Some(429), Delivered::Yes, vec!["a.example"])
    );
}

#[test]
fn faults_cost_tokens_as_the_call_would() {
    let config = Config { limits: "100:1:60".parse::<Limits>().unwrap(), ..Config::default() };
    for (fault, cost) in [
        (json!({"error": {"commit": "before"}}), 1),
        (json!({"error": {"commit": "after"}}), 1),
        (json!({"late-commit": {"after_ms": 1}}), 1),
        (json!("duplicate"), 1),
        (json!("throttle"), 0),
        (json!({"throttle": {"applied": true}}), 1),
        (json!("token-expiry"), 0),
        (json!("unauthorized"), 0),
        (json!("forbidden"), 1),
        (json!({"redirect": {"location": "/x"}}), 1),
    ] {
        let mut kit = Kit::with(config.clone());
        add(&mut kit, json!([{"path": "/networks", "fault": fault}]));
        deliver(&mut kit, "POST", "/networks", json!({"name": "a"}));
        let token = kit.token_for("emulator", "emulator");
        kit.token = token;
        let left = kit.post(CREATES, record("a.example")).headers["x-ratelimit-remaining"].clone();
        assert_eq!(left, (100 - cost - 1).to_string().as_str(), "{fault}");
    }
}

#[test]
fn refusals_by_whoever_stands_in_front() {
    let mut kit = with_rules(json!([{"path": CREATES, "nth": 1, "fault": "token-expiry"}]));
    kit.post(CREATES, record("a.example")).is(401);
    assert_eq!(told(&entry(&mut kit)), (Some("token-expiry"), Some(401), Delivered::Yes, vec![]));
    // The token stays dead, and another one lives.
    kit.get("/regions").is(401);
    let token = kit.token_for("emulator", "emulator");
    kit.token = token;
    kit.post(CREATES, record("a.example")).is(201);

    for (applied, created) in [(false, vec![]), (true, vec!["a.example"])] {
        let mut kit = with(CREATES, json!({"unauthorized": {"applied": applied}}));
        kit.post(CREATES, record("a.example")).is(401);
        let label = if applied { "unauthorized-applied" } else { "unauthorized" };
        assert_eq!(told(&entry(&mut kit)), (Some(label), Some(401), Delivered::Yes, created));
        kit.get("/regions").is(200);
    }

    let mut kit = with(CREATES, json!("forbidden"));
    kit.post(CREATES, record("a.example")).is(403);
    assert_eq!(told(&entry(&mut kit)), (Some("forbidden"), Some(403), Delivered::Yes, vec![]));

    let mut kit = with(CREATES, json!({"redirect": {"status": 307, "location": "http://evil.example/"}}));
    let answered = kit.post(CREATES, record("a.example"));
    answered.is(307);
    assert_eq!(answered.headers["location"], "http://evil.example/");
    assert_eq!(told(&entry(&mut kit)), (Some("redirect"), Some(307), Delivered::Yes, vec![]));
}

#[test]
fn reads_lag_and_writes_do_not() {
    let mut kit =
        with_rules(json!([{"method": ["POST", "PUT", "DELETE"], "fault": {"read-lag": {"for_ms": 2000}}}]));
    let network = json!({"name": "paris", "routes": [{"value": "10.1.0.0/16"}]});
    let id = kit.created("/networks", network);
    assert_eq!(
        told(&entry(&mut kit)),
        (Some("read-lag"), Some(201), Delivered::Yes, vec!["paris", "10.1.0.0/16"])
    );
    assert!(kit.list("/networks").is_empty() && kit.list("/networks/routes").is_empty());
    kit.get(&format!("/networks/{id}")).is(400);
    // The write is there for writes: the name is taken, the object can be changed.
    kit.post("/networks", json!({"name": "paris"})).refused(&[("name", kit::CONFLICT)]);
    kit.pass(Duration::from_secs(1));
    kit.put(&format!("/networks/{id}"), json!({"name": "lyon"})).is(200);
    kit.put("/settings/wpc/snat", json!(true)).is(200);
    assert_eq!(kit.get("/settings/wpc/snat").json, json!(false));
    kit.pass(Duration::from_secs(1));
    // The creation is seen now, the change is not.
    assert_eq!(kit.list("/networks")[0]["name"], "paris");
    assert_eq!(kit.list("/networks")[0]["routes"].as_array().unwrap().len(), 1);
    kit.pass(Duration::from_secs(1));
    assert_eq!(kit.list("/networks")[0]["name"], "lyon");
    assert_eq!(kit.get("/settings/wpc/snat").json, json!(true));
    kit.delete(&format!("/networks/{id}")).is(204);
    assert_eq!(kit.list("/networks").len(), 1);
    // A name that is free can be taken, although reads still show the old one.
    kit.created("/networks", json!({"name": "lyon"}));
    assert_eq!(kit.list("/networks")[0]["id"], id.as_str());
    kit.pass(Duration::from_secs(2));
    let left = kit.list("/networks");
    assert!(left.len() == 1 && left[0]["id"] != id.as_str());
    kit.post("/networks", json!({"name": "lyon"})).refused(&[("name", kit::CONFLICT)]);
}

#[test]
fn a_duplicate_is_executed_twice() {
    let body = json!({"name": "c", "vpnRegionId": "eu-central-1"});
    for (answer, first, second) in
        [("first", Delivered::Yes, Delivered::No), ("second", Delivered::No, Delivered::Yes)]
    {
        let mut kit = with_rules(json!([{"path": "/networks/connectors", "method": "POST",
            "fault": {"duplicate": {"answer": answer}}}]));
        let id = kit.created("/networks", json!({"name": "paris"}));
        entries(&mut kit);
        let answered = kit.post(&format!("/networks/connectors?networkId={id}"), body.clone());
        answered.is(201);
        let lines = entries(&mut kit);
        assert_eq!(told(&lines[0]), (Some("duplicate"), Some(201), first, vec!["c"]));
        assert_eq!(told(&lines[1]), (Some("duplicate"), Some(201), second, vec!["c"]));
        assert_eq!((lines[1].duplicate_of, lines[1].number), (Some(lines[0].number), lines[0].number + 1));
        let seen = if answer == "first" { &lines[0] } else { &lines[1] };
        assert_eq!(answered.id(), seen.created[0].id);
        assert_eq!(kit.list("/networks/connectors").len(), 2);
    }
    // A kind with unique names refuses the second.
    let mut kit = with(CREATES, json!({"duplicate": {"answer": "second"}}));
    kit.post(CREATES, record("a.example")).is(400);
    let lines = entries(&mut kit);
    assert_eq!((lines[0].status, lines[1].status, lines[0].created.len()), (Some(201), Some(400), 1));
}

#[test]
fn lists_move_between_their_pages() {
    let mut kit = with_rules(json!([]));
    for n in 0..5 {
        kit.created(CREATES, record(&format!("{n}.example")));
    }
    let page = |kit: &mut Kit, page: u32| {
        let answered = kit.get(&format!("{CREATES}?size=2&page={page}"));
        let content = answered.json["content"].as_array().unwrap().iter();
        let domains: Vec<String> = content.map(|r| r["domain"].as_str().unwrap()[..1].to_owned()).collect();
        assert_eq!(answered.json["numberOfElements"], domains.len());
        (
            domains.concat(),
            answered.json["totalElements"].as_u64().unwrap(),
            answered.json["totalPages"].as_u64().unwrap(),
        )
    };
    let plain = |text: &str, total, pages| (text.to_owned(), total, pages);
    add(&mut kit, json!([{"path": CREATES, "method": "GET", "fault": {"page-shift": {"change": "vanish"}}}]));
    assert_eq!(page(&mut kit, 0), plain("01", 5, 3));
    assert_eq!(page(&mut kit, 1), plain("34", 4, 2));
    assert_eq!(page(&mut kit, 2), plain("", 4, 2));
    kit.emulator.clear_faults();
    add(&mut kit, json!([{"path": CREATES, "method": "GET", "fault": {"page-shift": {"change": "appear"}}}]));
    entries(&mut kit);
    assert_eq!(page(&mut kit, 1), plain("12", 6, 3));
    assert_eq!(entry(&mut kit).fault.as_deref(), Some("page-shift-appear"));
    assert_eq!(page(&mut kit, 2), plain("34", 6, 3));
    assert_eq!(page(&mut kit, 3), plain("", 6, 3));
    kit.emulator.clear_faults();
    assert_eq!(page(&mut kit, 1), plain("23", 5, 3));
}

#[test]
fn rate_headers_are_spoilt() {
    for (value, expected) in [
        ("absent", None),
        ("garbage", Some("15 seconds")),
        ("zero", Some("0")),
        ("huge", Some("99999999999999999999999999")),
        ("negative", Some("-1")),
    ] {
        let config = Config { limits: "1:1:60".parse().unwrap(), ..Config::default() };
        let mut kit = Kit::with(config);
        kit.emulator.keep_ledger(0);
        add(&mut kit, json!([{"fault": {"rate-headers": {"value": value}}}]));
        // On refusals by the quota as well.
        for status in [200, 429] {
            let answered = kit.get("/regions");
            answered.is(status);
            for name in ["burst-capacity", "replenish-rate", "replenish-time", "remaining"] {
                let found = answered.headers.get(format!("x-ratelimit-{name}"));
                assert_eq!(found.map(|v| v.to_str().unwrap()), expected);
            }
            assert_eq!(entry(&mut kit).fault.as_deref(), Some("rate-headers"));
        }
    }
}

fn office() -> Value {
    let connector = |name| json!({"name": name, "vpnRegionId": "eu-central-1"});
    json!({
        "name": "paris", "routes": [{"value": "10.1.0.0/16"}, {"value": "10.2.0.0/16"}],
        "connectors": [connector("one"), connector("two")],
    })
}

#[test]
fn a_joint_create_is_applied_in_part() {
    let partial = |answer: &str, missing: Value| json!({"partial": {"answer": answer, "missing": missing}});
    let mut kit = with("/networks", partial("created", json!(["routes[0]", "connectors[1]"])));
    let answered = kit.post("/networks", office());
    answered.is(201);
    assert_eq!(answered.json["routes"].as_array().unwrap().len(), 1);
    assert_eq!(answered.json["routes"][0]["subnet"], "10.2.0.0/16");
    assert_eq!(answered.json["connectors"][0]["name"], "one");
    let expected = (Some("partial-created"), Some(201), Delivered::Yes, vec!["paris", "10.2.0.0/16", "one"]);
    assert_eq!(told(&entry(&mut kit)), expected);

    let mut kit = with("/networks", partial("rejected", json!(["routes[1]"])));
    kit.post("/networks", office()).refused(&[("routes[1]", kit::CONFLICT)]);
    let expected =
        (Some("partial-rejected"), Some(400), Delivered::Yes, vec!["paris", "10.1.0.0/16", "one", "two"]);
    let told_of = entry(&mut kit);
    assert_eq!(told(&told_of), expected);
    assert!(told_of.committed_at.is_some());

    for (details, keys) in [("without-indexes", json!(["routes"])), ("absent", json!([]))] {
        let fault = json!({"partial": {"answer": "rejected", "missing": ["routes[1]"], "details": details}});
        let answered = with("/networks", fault).post("/networks", office());
        let found: Vec<&String> = answered.json["errorDetails"].as_object().unwrap().keys().collect();
        assert_eq!(json!(found), keys);
    }

    let mut kit = with("/networks", partial("lost", json!("all")));
    assert!(matches!(deliver(&mut kit, "POST", "/networks", office()).what, What::Reset));
    assert_eq!(told(&entry(&mut kit)), (Some("partial-lost"), Some(201), Delivered::No, vec!["paris"]));

    // By chance: one, or some.
    for (missing, most) in [("one", 1), ("random", 4)] {
        let mut kit = with("/networks", partial("created", json!(missing)));
        for n in 0..20 {
            let mut body = office();
            body["name"] = json!(format!("n{n}"));
            for (i, route) in body["routes"].as_array_mut().unwrap().iter_mut().enumerate() {
                route["value"] = json!(format!("10.{}.0.0/16", 2 * n + i));
            }
            kit.post("/networks", body).is(201);
            let made = entry(&mut kit).created.len();
            assert!((5 - most..5).contains(&made), "{made}");
        }
    }
    // Nothing is missing where there are no children, or not these.
    let mut kit = with("/networks", partial("created", json!(["routes[7]"])));
    kit.post("/networks", office()).is(201);
    assert_eq!(entry(&mut kit).created.len(), 5);
    // A call that is refused anyway stays refused.
    kit.post("/networks", office()).refused(&[("name", kit::CONFLICT)]);
    assert_eq!(entry(&mut kit).fault, None);
    // Hosts and users have children too.
    let mut kit = with("**", partial("created", json!("all")));
    kit.post("/hosts", json!({"name": "h", "connectors": [{"name": "c", "vpnRegionId": "eu-central-1"}]}))
        .is(201);
    assert_eq!(entry(&mut kit).created.len(), 1);
}

#[test]
fn error_details_take_other_forms() {
    let keys = |answered: &Answered| {
        answered.json["errorDetails"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let body = json!({"name": "a", "routes": [{"value": "x"}, {"value": "y"}]});
    assert_eq!(keys(&Kit::new().post("/networks", body.clone())), ["routes[0].value", "routes[1].value"]);
    let mut kit = with("/networks", json!({"error-details": {"form": "without-indexes"}}));
    let answered = kit.post("/networks", body.clone());
    assert_eq!(keys(&answered), ["routes.value"]);
    assert_eq!(answered.json["errorDetails"]["routes.value"].as_array().unwrap().len(), 2);
    assert_eq!(told(&entry(&mut kit)), (Some("error-details"), Some(400), Delivered::Yes, vec![]));
    // What succeeds names nothing.
    kit.post("/networks", json!({"name": "a"})).is(201);
    assert_eq!(entry(&mut kit).fault, None);
    let mut kit = with("/networks", json!({"error-details": {"form": "absent"}}));
    assert_eq!(keys(&kit.post("/networks", body)), NOTHING);
}

#[test]
fn the_service_keeps_other_values() {
    let fault = json!({"normalise": {"case": true, "trim": true, "cidr": true, "order": true}});
    let mut kit = with("/networks", fault);
    let answered = kit.post(
        "/networks",
        json!({"name": " Paris ", "description": " Head Office ", "routes": [{"value": "10.2.3.4/16"}, {"value": "10.1.0.0/16"}]}),
    );
    answered.is(201);
    assert_eq!(
        (&answered.json["name"], &answered.json["description"]),
        (&json!("paris"), &json!("Head Office"))
    );
    let subnets: Vec<&Value> =
        answered.json["routes"].as_array().unwrap().iter().map(|r| &r["subnet"]).collect();
    assert_eq!(subnets, ["10.1.0.0/16", "10.2.0.0/16"]);
    let expected =
        (Some("normalise"), Some(201), Delivered::Yes, vec!["paris", "10.1.0.0/16", "10.2.0.0/16"]);
    assert_eq!(told(&entry(&mut kit)), expected);
}

#[test]
fn token_calls_fail_too_and_strangers_meet_no_fault() {
    let path = "/api/v1/oauth/token?client_id=emulator&client_secret=emulator";
    let ask = |kit: &mut Kit| kit.emulator.handle(kit.now, Request::post(path).body(Bytes::new()).unwrap());
    let mut kit = with("/oauth/token", json!({"error": {"status": 503, "body": "html", "commit": "before"}}));
    assert_eq!(ask(&mut kit).into_answer().unwrap().status(), 503);
    let told_of = entry(&mut kit);
    assert_eq!((told_of.class, told_of.client.as_deref()), (None, None));
    assert_eq!(told(&told_of), (Some("error-before-commit"), Some(503), Delivered::Yes, vec![]));
    let mut kit = with("/oauth/token", json!({"stall": {"commit": "after"}}));
    assert!(matches!(ask(&mut kit).what, What::Stall));
    let mut kit = with("**", json!({"reset": {"commit": "before"}}));
    kit.token = "none".to_owned();
    assert_eq!(deliver(&mut kit, "GET", "/networks", Value::Null).into_answer().unwrap().status(), 401);
}

#[test]
fn rules_choose_their_requests() {
    let failures = |when: Value, calls: u64| -> Vec<u64> {
        let mut rule = json!({"path": "/regions", "fault": {"error": {"commit": "before"}}});
        rule.as_object_mut().unwrap().extend(when.as_object().unwrap().clone());
        let mut kit = with_rules(json!([rule]));
        (1..=calls).filter(|_| kit.get("/regions").status == 500).collect()
    };
    assert_eq!(failures(json!({}), 3), [1, 2, 3]);
    assert_eq!(failures(json!({"nth": 2}), 5), [2]);
    assert_eq!(failures(json!({"nth": [1, 4]}), 5), [1, 4]);
    assert_eq!(failures(json!({"every": 3}), 9), [3, 6, 9]);
    assert_eq!(failures(json!({"every": 2, "times": 2}), 9), [2, 4]);
    assert_eq!(failures(json!({"probability": 0}), 50), [0; 0]);
    assert_eq!(failures(json!({"probability": 1.0, "times": 3}), 9), [1, 2, 3]);
    let some = failures(json!({"probability": 0.3}), 400);
    assert!((80..160).contains(&some.len()), "{}", some.len());
    assert_eq!(some, failures(json!({"probability": 0.3}), 400));
    assert_eq!(failures(json!({"method": "POST"}), 3), [0; 0]);
    assert_eq!(failures(json!({"key": "emulator"}), 2), [1, 2]);
    assert_eq!(failures(json!({"key": "other"}), 2), [0; 0]);
}

#[test]
fn chance_comes_from_the_seed_alone() {
    let run = |seed: u64, other_rules: bool| -> Vec<u16> {
        let mut rules =
            vec![json!({"path": "/regions", "probability": 0.5, "fault": {"error": {"commit": "before"}}})];
        if other_rules {
            rules.push(
                json!({"path": "/networks", "probability": 0.5, "fault": {"error": {"commit": "before"}}}),
            );
        }
        let mut kit = Kit::new();
        let document = json!({"seed": seed, "rules": rules});
        kit.emulator.add_faults(FaultDocument::from_json(&document.to_string()).unwrap());
        (0..64)
            .map(|_| {
                if other_rules {
                    kit.get("/networks");
                }
                kit.get("/regions").status.as_u16()
            })
            .collect()
    };
    assert_eq!(run(1, false), run(1, false));
    assert_eq!(run(1, false), run(1, true));
    assert_ne!(run(1, false), run(2, false));
}

#[test]
fn the_first_rule_decides_and_others_colour() {
    let mut kit = with_rules(json!([
        {"path": CREATES, "nth": 1, "fault": {"error": {"status": 502, "commit": "after"}}},
        {"path": CREATES, "fault": "forbidden"},
        {"path": CREATES, "fault": {"slow": {"delay_ms": 5}}},
        {"path": CREATES, "fault": {"rate-headers": {"value": "absent"}}},
    ]));
    let delivery = deliver(&mut kit, "POST", CREATES, record("a.example"));
    assert_eq!(delivery.after, Duration::from_millis(5));
    let response = delivery.into_answer().unwrap();
    assert_eq!((response.status().as_u16(), response.headers().get("x-ratelimit-remaining")), (502, None));
    assert_eq!(entry(&mut kit).fault.as_deref(), Some("error-after-commit+rate-headers+slow"));
    assert_eq!(deliver(&mut kit, "GET", CREATES, Value::Null).into_answer().unwrap().status(), 403);
}

#[test]
fn bad_rules_are_refused_with_their_place() {
    let error = |text: &str| FaultDocument::from_json(text).unwrap_err().to_string();
    let rule = |rest: &str| error(&format!("{{\"rules\": [\n  {{{rest}}}\n]}}"));
    for (text, parts) in [
        (rule(r#""nht": 1, "fault": "forbidden""#), &["unknown field `nht`", "`nth`", "line 2"][..]),
        (rule(r#""fault": "explode""#), &["unknown variant `explode`", "`forbidden`", "line 2"]),
        (rule(r#""fault": {"reset": {}}"#), &["missing field `commit`", "line 2"]),
        (rule(r#""fault": "reset""#), &["missing field `commit`", "line 2"]),
        (rule(r#""fault": {"reset": {"commit": "never"}}"#), &["`never`", "`before`", "line 2"]),
        (rule(r#""fault": {"slow": {"dleay_ms": 1}}"#), &["unknown field `dleay_ms`", "`delay_ms`"]),
        (rule(r#""nth": 0, "fault": "forbidden""#), &["counts from 1"]),
        (rule(r#""nth": 1, "every": 2, "fault": "forbidden""#), &["only one of"]),
        (rule(r#""every": 0, "fault": "forbidden""#), &["at least 1"]),
        (rule(r#""probability": 1.5, "fault": "forbidden""#), &["1.5", "0 to 1"]),
        (rule(r#""path": "/lamps/{id}", "fault": "forbidden""#), &["no operation", "/lamps/{id}"]),
        (rule(r#""path": "lamps", "fault": "forbidden""#), &["does not start with `/`"]),
        (rule(r#""method": "FETCH", "fault": "forbidden""#), &["`FETCH`", "`GET`", "line 2"]),
        (rule(r#""fault": {"error": {"status": 99, "commit": "after"}}"#), &["`99`", "300 to 599"]),
        (rule(r#""fault": {"error": {"status": 302, "commit": "after"}}"#), &["400 to 599"]),
        (rule(r#""fault": {"redirect": {"status": 500, "location": "/"}}"#), &["300 to 399"]),
        (rule(r#""fault": {"partial": {"answer": "created", "missing": ["lamps[0]"]}}"#), &["lamps[0]"]),
        (rule(r#""fault": "normalise""#), &["`case`", "`trim`"]),
        (error("{\"rules\": [}"), &["line 1 column 12"]),
        (error("[1]"), &["line 1 column 2"]),
    ] {
        for part in parts {
            assert!(text.contains(part), "{text:?} lacks {part:?}");
        }
    }
    let document = FaultDocument::from_json("{\"rules\": [{\"fault\": \"duplicate\"}]}").unwrap();
    assert_eq!(FaultDocument::from_json("[{\"fault\": \"duplicate\"}]").unwrap(), document);
    let text = serde_json::to_string(&document).unwrap();
    assert_eq!(FaultDocument::from_json(&text).unwrap(), document);
}

#[test]
fn the_manual_shows_faults_that_are_read() {
    let manual = include_str!("../../../docs/emulator.md");
    let (_, document) = manual.split_once("```json\n").unwrap();
    let (document, _) = document.split_once("```").unwrap();
    assert_eq!(FaultDocument::from_json(document).unwrap().rules.len(), 3);
    let rows = manual.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 2);
    let mut examples = std::collections::BTreeSet::new();
    for row in rows {
        let name = row.split('`').nth(1).unwrap();
        let example = row.split(" | ").nth(2).unwrap().trim_end_matches(" |").trim_matches('`');
        if !example.starts_with(['{', '"']) {
            continue;
        }
        let rule = format!("[{{\"fault\": {example}}}]");
        let rules =
            FaultDocument::from_json(&rule).unwrap_or_else(|e| panic!("{name}: {e}: {example}")).rules;
        assert!(rules[0].fault.label().starts_with(name), "{name}");
        examples.insert(name);
    }
    // As many as there are: whoever adds one finds this number in the error of an unknown one.
    let unknown = FaultDocument::from_json("[{\"fault\": \"x\"}]").unwrap_err().to_string();
    let known = unknown.matches('`').count() / 2 - 1;
    assert_eq!(examples.len(), known, "{unknown}");
}
