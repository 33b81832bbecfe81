//! Conformance of sessions, audit log, DNS log and the account call (API sections 4.2, 4.3, 5.18, 6.19 to 6.21).

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod kit;

use connexa_emulator::{Config, Limits};
use kit::{CONFLICT, ENUM, FORMAT, Kit, MISSING, NOT_FOUND, START};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// All entries of a cursor list, read `size` at a time.
fn read_all(kit: &mut Kit, path: &str, field: &str, size: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let answered = kit.get(&format!("{path}&size={size}{cursor}"));
        let page = answered.is(200).json[field].as_array().unwrap().clone();
        assert!(page.len() <= size);
        all.extend(page);
        match answered.json.get("nextCursor") {
            Some(next) => {
                let next = next.as_str().unwrap();
                assert!(next.len() == 24 && next.bytes().all(|b| b.is_ascii_hexdigit()), "{next}");
                cursor = format!("&cursor={next}");
            }
            None => return all,
        }
    }
}

fn texts<'a>(all: &'a [Value], field: &str) -> Vec<&'a str> {
    all.iter().filter_map(|e| e[field].as_str()).collect()
}

#[test]
fn sessions_are_read_by_cursor_with_the_same_filters() {
    let mut kit = Kit::new();
    let month = "/sessions?startDate=2025-05-03T00:00:00Z";
    let whole = read_all(&mut kit, month, "sessions", 100);
    assert!(whole.len() > 50);
    assert_eq!(read_all(&mut kit, month, "sessions", 7), whole);
    let ids: BTreeSet<&str> = texts(&whole, "id").into_iter().collect();
    assert_eq!(ids.len(), whole.len());
    for status in ["ACTIVE", "COMPLETED", "FAILED"] {
        let some = read_all(&mut kit, &format!("{month}&status={status}"), "sessions", 3);
        let expected: Vec<&Value> = whole.iter().filter(|s| s["status"] == status).collect();
        assert_eq!(some.iter().collect::<Vec<_>>(), expected, "{status}");
    }
    // Only the last day without a start; nothing where the end comes first.
    let day = read_all(&mut kit, "/sessions?returnOnlyNew=true", "sessions", 100);
    assert!(texts(&day, "sessionStartTime").iter().all(|t| *t >= "2025-05-31T12:00:00Z" && *t <= START));
    let none = read_all(&mut kit, &format!("{month}&endDate=2025-05-03T00:00:00Z"), "sessions", 100);
    assert_eq!(none, Vec::<Value>::new());
    // An end that falls into the window counts, unless only new ones are asked for.
    let ended = whole.iter().find(|s| s["status"] == "COMPLETED").unwrap();
    let end = ended["sessionEndTime"].as_str().unwrap();
    let window = format!("/sessions?startDate={end}&endDate=2025-06-01T12:00:00Z");
    assert!(read_all(&mut kit, &window, "sessions", 100).contains(ended));
    assert!(!read_all(&mut kit, &format!("{window}&returnOnlyNew=true"), "sessions", 100).contains(ended));
}

#[test]
fn session_parameters_are_checked() {
    let mut kit = Kit::new();
    kit.get("/sessions").refused(&[("size", MISSING)]);
    kit.get("/sessions?size=&status=x").refused(&[("size", MISSING)]);
    for size in ["0", "101", "-1", "ten", "1.0"] {
        kit.get(&format!("/sessions?size={size}")).refused(&[("size", FORMAT)]);
    }
    kit.get("/sessions?size=1&startDate=yesterday&endDate=2025-01-01&status=OPEN&returnOnlyNew=1&cursor=x")
        .refused(&[
            ("startDate", FORMAT),
            ("endDate", FORMAT),
            ("status", ENUM),
            ("returnOnlyNew", FORMAT),
            ("cursor", NOT_FOUND),
        ]);
    kit.get("/sessions?size=1&startDate=2025-05-02T11:59:59.999Z").refused(&[("startDate", FORMAT)]);
    kit.get("/sessions?size=1&startDate=2025-05-02T12:00:00.000Z").is(200);
    kit.get("/sessions?size=1&startDate=2025-05-30T12%3A00%3A00%2B02%3A00").is(200);
    kit.get("/sessions?size=1&cursor=000000000000000000000000").refused(&[("cursor", NOT_FOUND)]);
}

#[test]
fn equal_seeds_have_equal_pasts() {
    let sessions = |seed| {
        let mut kit = Kit::with(Config { limits: Limits::UNLIMITED, seed, ..Config::default() });
        let sessions = read_all(&mut kit, "/sessions?startDate=2025-05-20T00:00:00Z", "sessions", 100);
        let dns = kit.get("/dns-log/user-dns-resolutions/page?startHour=2025-05-20T10:59:00Z").json;
        (sessions, dns)
    };
    assert_eq!(sessions(3), sessions(3));
    assert_ne!(sessions(3).0[0]["id"], sessions(4).0[0]["id"]);
}

#[test]
fn every_change_is_in_the_audit_log() {
    let mut kit = Kit::new();
    assert_eq!(kit.get("/audit-log?size=10").is(200).json, json!({"auditLogs": []}));
    let body = json!({"domain": "a.example", "ipv4Addresses": ["10.0.0.1"]});
    let id = kit.created("/dns-records", body.clone());
    // What is refused has changed nothing.
    kit.post("/dns-records", body).refused(&[("domain", CONFLICT)]);
    kit.pass(Duration::from_mins(1));
    kit.put("/settings/wpc/snat", json!(true)).is(200);
    kit.delete(&format!("/dns-records/{id}")).is(204);
    let all = read_all(&mut kit, "/audit-log?", "auditLogs", 1);
    assert_eq!(texts(&all, "operation"), ["CREATE", "UPDATE", "DELETE"]);
    assert_eq!(texts(&all, "entityType"), ["DNS_RECORD", "SETTING", "DNS_RECORD"]);
    assert_eq!(texts(&all, "timestamp"), [START, "2025-06-01T12:01:00Z", "2025-06-01T12:01:00Z"]);
    assert_eq!(all[0]["entityId"], json!(id));
    // A made-up cursor is unknown, also while there are entries.
    kit.get("/audit-log?size=1&cursor=000000000000000000000000").refused(&[("cursor", NOT_FOUND)]);
    assert_eq!(all[1]["fields"], json!([{"name": "value", "oldValue": false, "newValue": true}]));
    let minute = "/audit-log?startDate=2025-06-01T12:00:00Z&endDate=2025-06-01T12:01:00Z";
    assert_eq!(read_all(&mut kit, minute, "auditLogs", 100), all[..1]);
    assert_eq!(read_all(&mut kit, "/audit-log?initiatorId=emulator", "auditLogs", 100), all);
    assert_eq!(read_all(&mut kit, "/audit-log?initiatorId=nobody", "auditLogs", 100), Vec::<Value>::new());
    // A day later the default window no longer has them; asked for, they are there.
    kit.pass(Duration::from_hours(25));
    kit.token = kit.token_for("emulator", "emulator");
    assert_eq!(read_all(&mut kit, "/audit-log?", "auditLogs", 100), Vec::<Value>::new());
    assert_eq!(read_all(&mut kit, "/audit-log?startDate=2025-06-01T12:00:00Z", "auditLogs", 2), all);
}

#[test]
fn audit_log_parameters_are_checked() {
    let mut kit = Kit::new();
    kit.get("/audit-log").refused(&[("size", MISSING)]);
    kit.get("/audit-log?size=0&startDate=1&endDate=2&cursor=3").refused(&[
        ("size", FORMAT),
        ("startDate", FORMAT),
        ("endDate", FORMAT),
        ("cursor", NOT_FOUND),
    ]);
    let window = |end: &str| format!("/audit-log?size=1&startDate=2025-05-31T00:00:00Z&endDate={end}");
    kit.get(&window("2025-06-01T00:00:00Z")).is(200);
    kit.get(&window("2025-06-01T00:00:00.001Z")).refused(&[("endDate", CONFLICT)]);
    kit.get(&window("2025-05-30T00:00:00Z")).is(200);
    kit.get("/audit-log?size=1&startDate=2024-01-01T00:00:00Z").refused(&[("startDate", FORMAT)]);
}

#[test]
fn the_dns_log_is_paged_by_the_hour() {
    let mut kit = Kit::new();
    let path = "/dns-log/user-dns-resolutions/page";
    kit.get(path).refused(&[("startHour", MISSING)]);
    kit.get(&format!("{path}?startHour=now&hoursBack=3&size=9&page=-1")).refused(&[
        ("startHour", FORMAT),
        ("hoursBack", FORMAT),
        ("size", FORMAT),
        ("page", FORMAT),
    ]);
    kit.get(&format!("{path}?startHour=2025-01-01T00:00:00Z")).refused(&[("startHour", FORMAT)]);
    kit.get(&format!("{path}?startHour=2025-06-01T10:00:00Z&size=10001")).refused(&[("size", FORMAT)]);
    let hour = |kit: &mut Kit, hour: &str, rest: &str| {
        kit.get(&format!("{path}?startHour=2025-06-01T{hour}Z{rest}"))
    };
    let ten = hour(&mut kit, "10:00:00", "");
    let content = ten.is(200).json["content"].as_array().unwrap().clone();
    assert_eq!(ten.json["size"], 500);
    assert_eq!(ten.json["totalElements"], content.len());
    assert!(content.iter().all(|e| e["time"] == 1_748_772_000_000_i64));
    // Rounded down to the hour; two hours hold both.
    assert_eq!(hour(&mut kit, "10:59:59", "").json, ten.json);
    let nine = hour(&mut kit, "09:00:00", "").json["content"].as_array().unwrap().clone();
    let both = hour(&mut kit, "10:00:00", "&hoursBack=2");
    assert_eq!(both.json["content"], json!([nine, content].concat()));
    // Past the end and in the future: an empty page.
    let past = hour(&mut kit, "10:00:00", "&page=1&size=10000").json;
    assert_eq!((&past["content"], &past["numberOfElements"]), (&json!([]), &json!(0)));
    assert_eq!(hour(&mut kit, "23:00:00", "").json["totalElements"], 0);
}

#[test]
fn cloud_ids_are_made_only_where_that_is_allowed() {
    let mut kit = Kit::new();
    let refused = kit.post("/account/cloud-id?id=acme", Value::Null);
    assert_eq!((refused.status.as_u16(), refused.text.as_str()), (403, ""));
    let mut kit = Kit::with(Config { limits: Limits::UNLIMITED, account_enabled: true, ..Config::default() });
    kit.post("/account/cloud-id", Value::Null).refused(&[("id", MISSING)]);
    kit.post("/account/cloud-id?id=a.b", Value::Null).refused(&[("id", FORMAT)]);
    let made = kit.post("/account/cloud-id?id=acme", Value::Null);
    assert!(made.is(200).json["clientId"].is_string() && made.json["clientSecret"].is_string());
    assert_ne!(kit.post("/account/cloud-id?id=other", Value::Null).json, made.json);
}
