//! What a store kept makes an equal tenant (the records of `take_changes`).

mod kit;

use connexa_emulator::{Config, Emulator, RestoreError, StateChange};
use kit::{Kit, start};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const LISTS: [&str; 16] = [
    "/networks",
    "/networks/connectors",
    "/networks/routes",
    "/networks/applications",
    "/networks/ip-services",
    "/hosts",
    "/hosts/connectors",
    "/hosts/applications",
    "/hosts/ip-services",
    "/user-groups",
    "/users",
    "/devices",
    "/device-postures",
    "/access-groups",
    "/location-contexts",
    "/dns-records",
];

/// Everything that reads can show.
fn seen(kit: &mut Kit) -> BTreeMap<String, Value> {
    let mut seen: BTreeMap<String, Value> =
        LISTS.iter().map(|path| ((*path).to_owned(), kit.list(path).into())).collect();
    for path in ["/settings/wpc/subnet", "/settings/wpc/snat", "/settings/dns/zones", "/audit-log?size=100"] {
        seen.insert(path.to_owned(), kit.get(path).is(200).json.clone());
    }
    seen
}

/// A tenant with something of everything, some of it changed and some deleted again.
fn busy() -> Kit {
    let mut kit = Kit::new();
    let group = kit.created("/user-groups", json!({"name": "g", "allRegionsIncluded": true}));
    for n in 0..4 {
        let connector = json!({"name": "c", "vpnRegionId": "it-mxp"});
        let body = json!({"name": format!("n{n}"), "connectors": [connector, connector], "routes": [{"value": format!("10.{n}.0.0/16")}]});
        let id = kit.created("/networks", body);
        let service =
            json!({"name": "s", "type": "IP_SOURCE", "routes": [{"value": format!("10.{n}.1.0/24")}]});
        let service = kit.created(&format!("/networks/ip-services?networkId={id}"), service);
        let item =
            json!({"type": "NETWORK_SERVICE", "allCovered": false, "parent": id, "children": [service]});
        let all = json!({"type": "USER_GROUP", "allCovered": false, "children": [group]});
        kit.created(
            "/access-groups",
            json!({"name": format!("a{n}"), "source": [all], "destination": [item]}),
        );
        let user = json!({"username": format!("u{n}"), "groupId": group, "devices": [{"name": "d"}]});
        let user = kit.created("/users", user);
        let host = kit.created("/hosts", json!({"name": format!("h{n}"), "connectors": [connector]}));
        kit.created(
            "/dns-records",
            json!({"domain": format!("d{n}.example"), "ipv4Addresses": ["10.0.0.1"]}),
        );
        if n == 2 {
            kit.delete(&format!("/networks/{id}")).is(204);
            kit.delete(&format!("/users/{user}")).is(204);
            kit.put(&format!("/hosts/{host}"), json!({"name": "renamed"})).is(200);
        }
    }
    kit.put("/settings/wpc/snat", json!(true)).is(200);
    kit.put("/settings/wpc/subnet", json!({"ipV4Address": ["10.64.0.0/12"], "ipV6Address": []})).is(200);
    kit
}

/// What a store holds in the end: the last record of each thing.
fn stored(changes: &[StateChange]) -> Vec<StateChange> {
    let mut rows = BTreeMap::new();
    for change in changes {
        let key = match change {
            StateChange::Put { collection, id, .. } | StateChange::Delete { collection, id } => {
                (collection.to_string(), id.clone())
            }
            StateChange::Meta { key, .. } => (String::new(), key.to_string()),
        };
        match change {
            StateChange::Delete { .. } => rows.remove(&key),
            StateChange::Put { .. } | StateChange::Meta { .. } => rows.insert(key, change.clone()),
        };
    }
    rows.into_values().collect()
}

#[test]
fn a_restored_tenant_is_equal_and_goes_on_equally() {
    let mut kit = busy();
    let log = kit.emulator.take_changes();
    assert_eq!(kit.emulator.take_changes(), []);
    for changes in [log.clone(), stored(&log)] {
        let mut restored = Kit::restored(changes);
        assert_eq!(seen(&mut restored), seen(&mut kit));
        assert_eq!(restored.emulator.take_changes(), []);
        // Names, routes and references are known again.
        restored.post("/hosts", json!({"name": "N1"})).refused(&[("name", kit::CONFLICT)]);
        restored
            .post("/networks", json!({"name": "x", "routes": [{"value": "10.1.2.0/24"}]}))
            .refused(&[("routes[0].value", kit::CONFLICT)]);
        let group = kit.list("/user-groups")[1]["id"].as_str().unwrap().to_owned();
        restored.delete(&format!("/user-groups/{group}")).refused(&[("id", kit::CONFLICT)]);
    }
    // The next object has the same id and the same addresses in both.
    let mut restored = Kit::restored(stored(&log));
    let body = json!({"name": "next", "connectors": [{"name": "c", "vpnRegionId": "it-mxp"}]});
    let (there, here) = (restored.post("/networks", body.clone()), kit.post("/networks", body));
    assert_eq!(there.is(201).json, here.json);
}

#[test]
fn nothing_stored_is_a_fresh_tenant_and_nonsense_is_refused() {
    let mut kit = Kit::restored(Vec::new());
    assert_eq!(kit.list("/users").len(), 1);
    assert!(!kit.emulator.take_changes().is_empty());
    let restore = |change| Emulator::restore(Config::default(), start(), [change]).err();
    let put = |collection: &'static str, json: &str| StateChange::Put {
        collection: collection.into(),
        id: "x".to_owned(),
        json: json.to_owned(),
    };
    assert!(
        matches!(restore(put("lamps", "{}")), Some(RestoreError::UnknownCollection(name)) if name == "lamps")
    );
    assert!(matches!(restore(put("networks", "{}")), Some(RestoreError::Row { .. })));
    let meta = StateChange::Meta { key: "lamps".into(), json: "1".to_owned() };
    assert!(matches!(restore(meta), Some(RestoreError::UnknownMeta(_))));
}

/// A refused call leaves no trace, a call that changes leaves one entry for each object in the audit log.
#[test]
fn changes_and_the_audit_log_go_together() {
    let mut kit = Kit::new();
    kit.emulator.take_changes();
    kit.post("/networks", json!({"name": "n", "routes": [{"value": "100.96.0.0/16"}]})).is(400);
    kit.get("/networks").is(200);
    assert_eq!(kit.emulator.take_changes(), []);
    let body = json!({"name": "n", "routes": [{"value": "10.0.0.0/8"}], "connectors": [{"name": "c", "vpnRegionId": "it-mxp"}]});
    let id = kit.created("/networks", body);
    kit.put(&format!("/networks/{id}"), json!({"name": "m"})).is(200);
    kit.delete(&format!("/networks/{id}")).is(204);
    let log = kit.get("/audit-log?size=100").json;
    let mut entries: Vec<(String, String)> = log["auditLogs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["operation"].as_str().unwrap().to_owned(), e["entityType"].as_str().unwrap().to_owned()))
        .collect();
    entries.sort();
    let expected = [
        ("CREATE", "NETWORK"),
        ("CREATE", "NETWORK_CONNECTOR"),
        ("CREATE", "NETWORK_ROUTE"),
        ("DELETE", "NETWORK"),
        ("DELETE", "NETWORK_CONNECTOR"),
        ("DELETE", "NETWORK_ROUTE"),
        ("UPDATE", "NETWORK"),
    ];
    assert_eq!(entries, expected.map(|(o, e)| (o.to_owned(), e.to_owned())));
    let update = log["auditLogs"].as_array().unwrap().iter().find(|e| e["operation"] == "UPDATE").unwrap();
    assert_eq!(update["fields"], json!([{"name": "name", "oldValue": "n", "newValue": "m"}]));
    assert_eq!(update["initiatorId"], "emulator");
}

/// Pages, names and overlaps are right in a tenant of thousands of objects too.
#[test]
fn many_objects_are_kept_apart() {
    let mut kit = Kit::new();
    for n in 0..2000u32 {
        let route = format!("10.{}.{}.0/24", n / 250, n % 250);
        let connector = json!({"name": "c", "vpnRegionId": "it-mxp"});
        let body = json!({"name": format!("n{n}"), "routes": [{"value": route}], "connectors": [connector]});
        kit.created("/networks", body);
    }
    let mut addresses: Vec<String> = kit
        .list("/networks")
        .iter()
        .chain(&kit.get("/networks?page=1&size=1000").json["content"].as_array().unwrap().clone())
        .flat_map(|n| [n["systemSubnets"][0].clone(), n["connectors"][0]["ipV4Address"].clone()])
        .map(|address| address.as_str().unwrap().to_owned())
        .collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 4000);
    assert_eq!(kit.get("/networks?page=1999&size=1").json["content"][0]["name"], "n1999");
    for n in 0..20 {
        let route = json!({"value": format!("10.1.{n}.128/25")});
        kit.post("/networks", json!({"name": "n", "routes": [route]}))
            .refused(&[("routes[0].value", kit::CONFLICT)]);
    }
}

#[test]
fn a_tenant_that_nobody_stores_keeps_no_changes() {
    let mut kit = Kit::new();
    kit.emulator.forget_changes();
    let id = kit.created("/networks", json!({"name": "n", "routes": [{"value": "10.0.0.0/8"}]}));
    kit.put("/settings/wpc/snat", json!(true)).is(200);
    kit.delete(&format!("/networks/{id}")).is(204);
    assert_eq!(kit.emulator.take_changes(), []);
    // The audit log is there all the same.
    assert_eq!(kit.get("/audit-log?size=100").json["auditLogs"].as_array().unwrap().len(), 5);
}
