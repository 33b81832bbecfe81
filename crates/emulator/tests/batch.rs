//! `POST /batch`, which the real API does not have: there only where it is asked for.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::needless_pass_by_value, reason = "bodies are written where they are sent")]

mod kit;

use bytes::Bytes;
use connexa_emulator::{Config, Limits, What, faults::FaultDocument, ledger::Delivered};
use http::Request;
use kit::{FORMAT, Kit, LENGTH, MISSING, NOT_FOUND};
use serde_json::{Value, json};

fn kit(limits: &str) -> Kit {
    let limits = limits.parse::<Limits>().unwrap();
    Kit::with(Config { limits, batch_endpoint: true, ..Config::default() })
}

fn operation(method: &str, path: &str, body: Value) -> Value {
    json!({"method": method, "path": path, "body": body})
}

fn record(domain: &str) -> Value {
    json!({"domain": domain, "ipv4Addresses": ["10.0.0.1"]})
}

#[test]
fn it_is_unknown_unless_it_is_asked_for() {
    let mut kit = Kit::new();
    kit.post("/batch", json!({"operations": []})).is(404);
}

#[test]
fn results_come_in_order_whatever_becomes_of_each() {
    let mut kit = self::kit("unlimited");
    let answered = kit.post(
        "/batch",
        json!({"operations": [
            operation("POST", "/dns-records", record("a.example")),
            operation("POST", "/api/v1/dns-records", record("a.example")),
            operation("GET", "/dns-records?size=1", Value::Null),
            operation("PUT", "/settings/wpc/topology", json!("CUSTOM")),
            {"method": "GET", "path": "/settings/wpc/snat"},
            operation("GET", "/lamps", Value::Null),
            operation("POST", "/batch", json!({"operations": []})),
            operation("PATCH", "/networks", Value::Null),
            operation("PUT", "/access-visibility/enable", Value::Null),
        ]}),
    );
    let results = answered.is(200).json["results"].as_array().unwrap();
    let statuses: Vec<u64> = results.iter().map(|r| r["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 400, 200, 200, 200, 404, 404, 405, 200]);
    assert_eq!(results[1]["body"]["errorDetails"]["domain"][0]["errorCode"], kit::CONFLICT);
    // Each sees what those before have done.
    assert_eq!(results[2]["body"]["content"][0], results[0]["body"]);
    assert_eq!((&results[3]["body"], &results[4]["body"]), (&json!("CUSTOM"), &json!(false)));
    assert_eq!(results[8]["body"], Value::Null);
    assert_eq!(kit.list("/dns-records").len(), 1);
}

#[test]
fn each_operation_costs_a_token_of_its_class() {
    let mut kit = self::kit("r=2:1:10,u=2:1:10");
    let reads = vec![operation("GET", "/regions", Value::Null); 3];
    let writes =
        ["a.example", "b.example", "c.example"].map(|d| operation("POST", "/dns-records", record(d)));
    let operations = [reads, writes.to_vec()].concat();
    let answered = kit.post("/batch", json!({"operations": operations}));
    let statuses: Vec<u64> = answered.is(200).json["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 200, 429, 201, 201, 429]);
    assert_eq!(answered.headers["x-ratelimit-remaining"], "0");
    // The request around them costs nothing, and is not refused.
    let answered = kit.post("/batch", json!({"operations": [operation("GET", "/regions", Value::Null)]}));
    assert_eq!(answered.is(200).json["results"][0]["status"], 429);
}

#[test]
fn what_is_no_batch_is_refused_and_nothing_of_it_done() {
    let mut kit = self::kit("unlimited");
    kit.post("/batch", json!("{")).refused(&[("body", FORMAT)]);
    kit.post("/batch", json!({})).refused(&[("operations", FORMAT)]);
    kit.post("/batch", json!({"operations": []})).refused(&[("operations", LENGTH)]);
    let many = vec![operation("GET", "/regions", Value::Null); 1001];
    kit.post("/batch", json!({"operations": many})).refused(&[("operations", LENGTH)]);
    let operations = json!([
        operation("POST", "/dns-records", record("a.example")),
        operation("GO AWAY", "regions", Value::Null),
        operation("GET", "/a b", Value::Null),
    ]);
    kit.post("/batch", json!({"operations": operations})).refused(&[
        ("operations[1].method", FORMAT),
        ("operations[1].path", FORMAT),
        ("operations[2].path", FORMAT),
    ]);
    assert_eq!(kit.list("/dns-records"), [] as [Value; 0]);
    kit.get("/batch").is(405);
    let stranger = Request::post("/batch").body(Bytes::from(json!({"operations": []}).to_string())).unwrap();
    kit.send(stranger).is(401);
    // Operations are refused as they would be alone.
    let operations = [operation("POST", "/devices", json!({})), operation("GET", "/networks/x", Value::Null)];
    let answered = kit.post("/batch", json!({"operations": operations}));
    let code = |index: usize, key: &str| {
        answered.json["results"][index]["body"]["errorDetails"][key][0]["errorCode"].clone()
    };
    assert_eq!((code(0, "userId"), code(1, "id")), (json!(MISSING), json!(NOT_FOUND)));
}

#[test]
fn a_lost_answer_loses_the_whole_batch_and_not_its_effects() {
    let mut kit = self::kit("unlimited");
    kit.emulator.keep_ledger(0);
    let rule = r#"{"rules": [{"method": "POST", "nth": 1, "fault": {"reset": {"commit": "after"}}}]}"#;
    kit.emulator.add_faults(FaultDocument::from_json(rule).unwrap());
    let operations =
        ["a.example", "b.example"].map(|domain| operation("POST", "/dns-records", record(domain)));
    let request = Request::post("/api/v1/batch")
        .header("authorization", format!("Bearer {}", kit.token))
        .body(Bytes::from(json!({"operations": operations}).to_string()))
        .unwrap();
    assert!(matches!(kit.emulator.handle(kit.now, request).what, What::Reset));
    let delivered: Vec<_> =
        kit.emulator.take_entries().iter().map(|e| (e.created.len(), e.delivered)).collect();
    assert_eq!(delivered, [(1, Delivered::No); 2]);
    assert_eq!(kit.list("/dns-records").len(), 2);
}
