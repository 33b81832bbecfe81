//! The control under `/_emulator/`: what it shows, what it does, and that the API does not notice.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::needless_pass_by_value, reason = "bodies are written where they are sent")]

mod kit;

use bytes::Bytes;
use connexa_emulator::{Config, Control, Embedded, Emulator, Limits, ledger::LedgerMemory};
use http::Request;
use kit::{Answered, Kit, start};
use serde_json::{Value, json};
use std::time::Duration;

fn kit() -> Kit {
    with(Control::Open)
}

fn with(control: Control) -> Kit {
    let keys = ["emulator:emulator", "reader:secret:read"].map(|key| key.parse().unwrap());
    Kit::with(Config { limits: Limits::UNLIMITED, control, keys: keys.into(), ..Config::default() })
}

/// A request of the control; a null body is no body.
fn ask(kit: &mut Kit, line: &str, body: Value) -> Answered {
    let (method, path) = line.split_once(' ').unwrap();
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    kit.send(Request::builder().method(method).uri(format!("/_emulator/{path}")).body(body).unwrap())
}

fn state(kit: &mut Kit) -> Value {
    ask(kit, "GET state", Value::Null).is(200).json.clone()
}

#[test]
fn the_state_is_laid_open_without_secrets() {
    let mut kit = kit();
    let phase = json!({
        "encryptionAlgorithms": ["AES128"], "integrityAlgorithms": ["SHA1"], "diffieHellmanGroups": ["G_14"],
        "lifetimeSec": 3600,
    });
    let config = json!({
        "platform": "AWS", "authenticationType": "SHARED_SECRET", "remoteSitePublicIp": "192.0.2.1",
        "preSharedKey": "canary",
        "ikeProtocol": {
            "protocolVersion": "IKE_V2", "phase1": phase, "phase2": phase,
            "rekey": {"marginTimeSec": 270, "fuzzPercent": 100, "replayWindowSize": 1024},
            "startupAction": "START",
        },
    });
    let network = json!({
        "name": "paris", "tunnelingProtocol": "IPSEC", "routes": [{"value": "10.1.0.0/16"}],
        "connectors": [{"name": "c", "vpnRegionId": "eu-central-1", "ipSecConfig": config}],
    });
    let answered = kit.post("/networks", network);
    assert!(answered.text.contains("canary"), "{}", answered.text);
    let id = answered.id();
    let shown = ask(&mut kit, "GET state", Value::Null);
    assert!(!shown.text.contains("canary"));
    assert_eq!(shown.json["networks"][0]["name"], "paris");
    assert!(shown.json["networks"][0]["systemSubnets"].is_array());
    assert_eq!(shown.json["network_routes"][0]["parentId"], id.as_str());
    assert_eq!(shown.json["network_connectors"][0]["name"], "c");
    assert_eq!(shown.json["users"][0]["role"], "OWNER");
    assert_eq!(shown.json["settings"]["wpc/topology"], "FULL_MESH");
    let one = ask(&mut kit, "GET state?kind=networks", Value::Null).json;
    assert_eq!(one.as_object().unwrap().keys().collect::<Vec<_>>(), ["networks"]);
    ask(&mut kit, "GET state?kind=lamps", Value::Null).is(400);
}

#[test]
fn statistics_count_what_the_api_was_asked() {
    let keys = vec!["emulator:emulator".parse().unwrap()];
    let limits = "r=100:1:60,u=5:1:60".parse().unwrap();
    let mut kit = Kit::with(Config { limits, control: Control::Open, keys, ..Config::default() });
    let id = kit.created("/networks", json!({"name": "paris"}));
    for _ in 0..2 {
        kit.post(
            &format!("/networks/connectors?networkId={id}"),
            json!({"name": "C", "vpnRegionId": "eu-central-1"}),
        )
        .is(201);
    }
    kit.get("/networks").is(200);
    kit.get("/networks/none").is(400);
    kit.get("/lamps").is(404);
    kit.put(&format!("/networks/{id}"), json!({})).is(400);
    kit.post("/networks", json!({})).is(400);
    kit.post("/networks", json!({})).is(429);
    ask(&mut kit, "POST faults", json!({"path": "/networks", "fault": {"reset": {"commit": "after"}}}))
        .is(201);
    let request = Request::get("/api/v1/networks").header("authorization", format!("Bearer {}", kit.token));
    kit.emulator.handle(kit.now, request.body(Bytes::new()).unwrap());

    let stats = ask(&mut kit, "GET stats", Value::Null).json;
    assert_eq!((&stats["reads"], &stats["updates"], &stats["throttled"]), (&json!(4), &json!(5), &json!(1)));
    assert_eq!(stats["requests"], 11);
    let calls = json!({
        "POST /oauth/token": {"200": 1},
        "GET /networks": {"none": 1, "200": 1},
        "POST /networks": {"201": 1, "400": 1, "429": 1},
        "GET /networks/{id}": {"400": 1},
        "PUT /networks/{id}": {"400": 1},
        "POST /networks/connectors": {"201": 2},
        "unknown": {"404": 1},
    });
    assert_eq!(stats["calls"], calls);
    assert_eq!(stats["faults"], json!({"reset-after-commit": 1}));
    let doubled = &stats["duplicates"][0];
    assert_eq!(
        (&doubled["kind"], &doubled["key"], &doubled["parent"]),
        (&json!("network_connector"), &json!("c"), &json!(id))
    );
    assert_eq!(
        (doubled["ids"].as_array().unwrap().len(), stats["duplicates"].as_array().unwrap().len()),
        (2, 1)
    );
}

#[test]
fn a_reset_starts_the_tenant_over() {
    let limits = "3:1:60".parse().unwrap();
    let mut kit = Kit::with(Config { limits, control: Control::Open, ..Config::default() });
    let fresh = state(&mut kit);
    ask(&mut kit, "POST faults", json!({"path": "/networks", "nth": 2, "fault": "forbidden"})).is(201);
    let first = kit.created("/networks", json!({"name": "paris"}));
    kit.put("/settings/wpc/snat", json!(true)).is(200);
    kit.post("/networks", json!({"name": "lyon"})).is(403);
    kit.post("/networks", json!({"name": "nice"})).is(429);
    assert_ne!(state(&mut kit), fresh);
    ask(&mut kit, "POST reset", Value::Null).is(200);
    assert_eq!(state(&mut kit), fresh);
    assert_eq!(ask(&mut kit, "GET stats", Value::Null).json["requests"], 0);
    // The token lives on, the bucket is full, ids and the counts of rules start over.
    assert_eq!(kit.created("/networks", json!({"name": "paris"})), first);
    kit.post("/networks", json!({"name": "lyon"})).is(403);
    kit.post("/networks", json!({"name": "nice"})).is(201);
}

#[tokio::test]
async fn a_reset_reaches_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let config = Config { limits: Limits::UNLIMITED, control: Control::Open, ..Config::default() };
    let handle = async |emulator: &Embedded, line: &str, body: &str| -> Value {
        let (method, path) = line.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(format!("/_emulator/{path}"));
        let delivery = emulator.handle(start(), request.body(Bytes::from(body.to_owned())).unwrap()).await;
        serde_json::from_slice(delivery.into_answer().unwrap().body()).unwrap()
    };
    let emulator = Embedded::open(&path, config.clone(), start()).unwrap();
    let fresh = handle(&emulator, "GET state", "").await;
    let change = r#"{"method": "POST", "path": "/networks", "body": {"name": "paris"}}"#;
    handle(&emulator, "POST change", change).await;
    handle(&emulator, "POST change", r#"{"method": "PUT", "path": "/settings/wpc/snat", "body": true}"#)
        .await;
    drop(emulator);
    let emulator = Embedded::open(&path, config.clone(), start()).unwrap();
    assert_eq!(handle(&emulator, "GET state?kind=networks", "").await["networks"][0]["name"], "paris");
    handle(&emulator, "POST reset", "").await;
    drop(emulator);
    let emulator = Embedded::open(&path, config, start()).unwrap();
    assert_eq!(handle(&emulator, "GET state", "").await, fresh);
}

#[test]
fn limits_are_shown_and_changed() {
    let mut kit = kit();
    let shown = ask(&mut kit, "PUT limits", json!({"limits": "2024"})).is(200).json.clone();
    let bucket = json!({"burst": 20, "rate": 1, "seconds": 15});
    assert_eq!(shown, json!({"limits": "20:1:15:shared", "shared": true, "read": bucket, "update": bucket}));
    assert_eq!(ask(&mut kit, "GET limits", Value::Null).json, shown);
    assert_eq!(kit.get("/regions").headers["x-ratelimit-remaining"], "19");
    for body in [json!({"limits": "fast"}), json!({}), json!({"limits": "2024", "x": 1}), json!("2024")] {
        let refused = ask(&mut kit, "PUT limits", body);
        assert!(refused.status == 400 && refused.json["error"].is_string(), "{}", refused.text);
    }
    assert_eq!(kit.get("/regions").headers["x-ratelimit-remaining"], "18");
}

#[test]
fn faults_come_and_go() {
    let mut kit = kit();
    let one = ask(&mut kit, "POST faults", json!({"path": "/regions", "nth": 1, "fault": "forbidden"}));
    assert_eq!(one.is(201).json, json!({"ids": [1]}));
    let rules = json!({"seed": 9, "rules": [
        {"path": "/networks", "fault": "forbidden"}, {"name": "slow", "fault": {"slow": {"delay_ms": 1}}}]});
    assert_eq!(ask(&mut kit, "POST faults", rules).is(201).json, json!({"ids": [2, 3]}));
    kit.get("/regions").is(403);
    kit.get("/regions").is(200);
    let listed = ask(&mut kit, "GET faults", Value::Null).json;
    assert_eq!(listed["seed"], 9);
    let first = json!({"path": "/regions", "nth": [1], "fault": {"forbidden": {}}, "id": 1, "matched": 2, "fired": 1});
    assert_eq!(listed["rules"][0], first);
    assert_eq!((&listed["rules"][2]["name"], &listed["rules"][2]["fired"]), (&json!("slow"), &json!(2)));
    ask(&mut kit, "DELETE faults/2", Value::Null).is(200);
    ask(&mut kit, "DELETE faults/2", Value::Null).is(404);
    kit.get("/networks").is(200);
    ask(&mut kit, "DELETE faults", Value::Null).is(200);
    assert_eq!(ask(&mut kit, "GET faults", Value::Null).json["rules"], json!([]));
    let refused = ask(&mut kit, "POST faults", json!({"fault": "explode"}));
    assert!(refused.is(400).json["error"].as_str().unwrap().contains("unknown variant `explode`"));
}

#[test]
fn seeds_are_as_large_as_asked_for_and_the_same_each_time() {
    let mut kit = kit();
    kit.created("/networks", json!({"name": "paris", "routes": [{"value": "10.0.0.0/24"}]}));
    let request = json!({
        "networks": 40, "connectors_per_network": 2, "routes_per_network": 3, "hosts": 5, "connectors_per_host": 1,
        "user_groups": 2, "users": 30, "devices_per_user": 2, "dns_records": 50, "access_groups": 3,
    });
    let before = kit.get("/audit-log?size=100").json;
    let made = ask(&mut kit, "POST seed", request.clone()).is(201).json.clone();
    for (kind, count) in [
        ("networks", 41),
        ("network_connectors", 80),
        ("network_routes", 121),
        ("hosts", 5),
        ("host_connectors", 5),
        ("user_groups", 3),
        ("users", 31),
        ("devices", 60),
        ("dns_records", 50),
        ("access_groups", 4),
    ] {
        assert_eq!(made["objects"][kind], count, "{kind}");
    }
    // Nobody did it: the audit log knows nothing of it, and the quota of three reads.
    assert_eq!(kit.get("/audit-log?size=100").json, before);
    assert_eq!(kit.get("/networks").headers["x-ratelimit-remaining"], "999999997");
    let first = state(&mut kit);
    assert_eq!(first["network_routes"][1]["subnet"], "10.0.1.0/28");

    ask(&mut kit, "POST reset", Value::Null).is(200);
    kit.created("/networks", json!({"name": "paris", "routes": [{"value": "10.0.0.0/24"}]}));
    ask(&mut kit, "POST seed", request.clone()).is(201);
    assert_eq!(state(&mut kit), first);
    // Again: names and subnets go on.
    assert_eq!(ask(&mut kit, "POST seed", request).is(201).json["objects"]["network_routes"], 241);
    // What the API would refuse is refused.
    let refused = ask(&mut kit, "POST seed", json!({"users": 1, "devices_per_user": 101, "prefix": "x"}));
    assert!(refused.is(400).json["error"].as_str().unwrap().contains("Device limit"), "{}", refused.text);
    ask(&mut kit, "POST seed", json!({"networks": 1_000_001})).is(400);
    ask(&mut kit, "POST seed", json!({"lamps": 1})).is(400);
}

#[test]
fn somebody_else_changes_things() {
    let mut kit = with(Control::Open);
    kit.emulator.keep_ledger(0);
    ask(&mut kit, "PUT limits", json!({"limits": "2:1:60"})).is(200);
    ask(&mut kit, "POST faults", json!({"method": "POST", "fault": "forbidden"})).is(201);
    let change = |path: &str, initiator: Value| {
        let mut change = json!({"method": "POST", "path": path, "body": {"name": "paris"}});
        if !initiator.is_null() {
            change["initiator"] = initiator;
        }
        change
    };
    let made = ask(&mut kit, "POST change", change("/networks", json!("ada"))).is(200).json.clone();
    assert_eq!((&made["status"], &made["body"]["name"]), (&json!(201), &json!("paris")));
    let again = ask(&mut kit, "POST change", change("/api/v1/networks", Value::Null)).is(200).json.clone();
    assert_eq!((&again["status"], again["body"]["errorDetails"]["name"].is_array()), (&json!(400), true));
    let entries = kit.emulator.take_entries();
    assert_eq!(entries.len(), 2);
    let line = serde_json::to_value(&entries[0]).unwrap();
    assert_eq!(
        (&line["event"], &line["client"], &line["path"]),
        (&json!("change"), &json!("ada"), &json!("/api/v1/networks"))
    );
    assert_eq!((&line["created"][0]["key"], &line["class"]), (&json!("paris"), &Value::Null));
    assert_eq!(entries[1].client.as_deref(), Some("somebody-else"));
    assert!(entries[1].created.is_empty());
    // The quota is untouched, the audit log knows who it was.
    let log = kit.get("/audit-log?size=10");
    assert_eq!(log.headers["x-ratelimit-remaining"], "1");
    assert_eq!(log.json["auditLogs"][0]["initiatorId"], "ada");
    let id = made["body"]["id"].as_str().unwrap();
    let deleted =
        ask(&mut kit, "POST change", json!({"method": "DELETE", "path": format!("/networks/{id}")}));
    assert_eq!(deleted.is(200).json, json!({"status": 204, "body": ""}));
    let text = json!({"method": "PUT", "path": "/settings/wpc/topology", "body": "CUSTOM"});
    assert_eq!(ask(&mut kit, "POST change", text).is(200).json["status"], 200);
    for (body, word) in [
        (json!({"method": "POST", "path": "/lamps"}), "/lamps"),
        (json!({"method": "PUT", "path": "/networks"}), "GET and POST"),
        (json!({"method": "POST", "path": "/oauth/token"}), "token"),
        (json!({"method": "POST"}), "path"),
    ] {
        let refused = ask(&mut kit, "POST change", body);
        assert!(refused.is(400).json["error"].as_str().unwrap().contains(word), "{}", refused.text);
    }
}

#[test]
fn connections_are_switched() {
    let mut kit = kit();
    let connector = json!({"name": "c", "vpnRegionId": "eu-central-1"});
    let id = kit.created("/hosts", json!({"name": "h", "connectors": [connector]}));
    let connector = kit.list(&format!("/hosts/connectors?hostId={id}"))[0]["id"].as_str().unwrap().to_owned();
    let line = format!("POST connectors/{connector}/status");
    ask(&mut kit, &line, json!({"status": "ONLINE"})).is(200);
    assert_eq!(kit.get(&format!("/hosts/connectors/{connector}")).json["connectionStatus"], "ONLINE");
    assert!(ask(&mut kit, &line, json!({"status": "AWAKE"})).is(400).text.contains("OFFLINE"));
    ask(&mut kit, "POST connectors/none/status", json!({"status": "ONLINE"})).is(404);
    ask(&mut kit, &format!("POST devices/{connector}/status"), json!({"status": "ONLINE"})).is(404);
    let user = kit.list("/users")[0]["id"].as_str().unwrap().to_owned();
    ask(&mut kit, &format!("POST users/{user}/status"), json!({"status": "ONLINE"})).is(200);
}

#[test]
fn the_control_is_no_part_of_the_api() {
    let mut kit = with(Control::Off);
    let off = ask(&mut kit, "GET state", Value::Null);
    assert_eq!(
        (off.is(404).json["status"].as_u64(), &off.json["path"]),
        (Some(404), &json!("/_emulator/state"))
    );
    let mut kit = with(Control::Open);
    kit.get("/_emulator/state").is(404);
    assert!(ask(&mut kit, "GET ", Value::Null).is(200).json["operations"].as_array().unwrap().len() > 10);
    let wrong = ask(&mut kit, "PUT state", Value::Null);
    assert_eq!(wrong.is(405).json["error"], "`state` takes GET, not PUT");
    assert!(
        ask(&mut kit, "GET lamps", Value::Null).is(404).json["error"].as_str().unwrap().contains("`lamps`")
    );
    assert!(ask(&mut kit, "POST reset/now", Value::Null).is(404).json["error"].is_string());
}

#[test]
fn where_others_can_reach_it_the_control_wants_a_key() {
    let mut kit = with(Control::WithKey);
    let mut with_basic = |text: Option<&str>| {
        let mut request = Request::get("/_emulator/stats");
        if let Some(text) = text {
            let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
            request = request.header("authorization", format!("Basic {encoded}"));
        }
        kit.send(request.body(Bytes::new()).unwrap()).status.as_u16()
    };
    assert_eq!(with_basic(None), 401);
    assert_eq!(with_basic(Some("emulator:wrong")), 401);
    assert_eq!(with_basic(Some("reader:secret")), 401);
    assert_eq!(with_basic(Some("emulator:emulator")), 200);
}

#[tokio::test]
async fn a_sink_in_memory_gets_the_lines() {
    let memory = LedgerMemory::new(10);
    let emulator = Emulator::new(Config::default(), start());
    let emulator = Embedded::in_memory(emulator).with_ledger(memory.clone());
    let request = Request::post("/api/v1/oauth/token").body(Bytes::new()).unwrap();
    emulator.handle(start(), request).await;
    assert_eq!(memory.entries().iter().map(|e| (e.number, e.status)).collect::<Vec<_>>(), [(1, Some(401))]);
}

#[test]
fn connectors_come_online_once_a_profile_was_given_out() {
    let mut kit = kit();
    let region = "eu-central-1";
    let network = kit.post(
        "/networks",
        json!({"name": "n", "connectors": [{"name": "c", "vpnRegionId": region}, {"name": "d", "vpnRegionId": region}]}),
    );
    let ids: Vec<String> =
        (0..2).map(|at| network.json["connectors"][at]["id"].as_str().unwrap().to_owned()).collect();
    let profile = |id: &str| format!("/networks/connectors/{id}/profile");
    let status = |kit: &mut Kit, id: &str| {
        kit.get(&format!("/networks/connectors/{id}")).json["connectionStatus"].as_str().unwrap().to_owned()
    };
    // By default nobody brings it anywhere.
    kit.post(&profile(&ids[0]), Value::Null);
    kit.pass(Duration::from_mins(1));
    assert_eq!(status(&mut kit, &ids[0]), "OFFLINE");

    assert_eq!(ask(&mut kit, "PUT connections", json!({"after_ms": 2000})).status, 200);
    for id in &ids {
        kit.post(&profile(id), Value::Null);
    }
    kit.pass(Duration::from_millis(1999));
    assert_eq!(status(&mut kit, &ids[0]), "OFFLINE");
    // Revoked on its way: it never gets there.
    kit.delete(&profile(&ids[1]));
    kit.pass(Duration::from_millis(1));
    assert_eq!((status(&mut kit, &ids[0]), status(&mut kit, &ids[1])), ("ONLINE".into(), "OFFLINE".into()));
    kit.delete(&profile(&ids[0]));
    assert_eq!(status(&mut kit, &ids[0]), "OFFLINE");

    kit.post(&profile(&ids[0]), Value::Null);
    assert_eq!(ask(&mut kit, "PUT connections", json!({})).status, 200);
    kit.pass(Duration::from_mins(1));
    assert_eq!(status(&mut kit, &ids[0]), "OFFLINE");
}
