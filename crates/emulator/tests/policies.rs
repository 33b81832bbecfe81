//! Conformance of location contexts, device postures and Cyber Shield (API sections 5.14, 5.16, 5.19, 6.15, 6.17, 6.23).

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod kit;

use kit::{CONFLICT, ENUM, FORMAT, Kit, LENGTH, MISSING, NOT_FOUND};
use serde_json::{Value, json};

fn default_group(kit: &mut Kit) -> String {
    kit.list("/user-groups")[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_location_context_lives_its_life() {
    let mut kit = Kit::new();
    let group = default_group(&mut kit);
    let body = json!({
        "id": "ignored",
        "name": "office",
        "userGroupsIds": [group],
        "ipCheck": {"allowed": true, "ips": [{"ip": "192.0.2.0/24", "description": ""}]},
        "countryCheck": {"allowed": false, "countries": ["DE", "FR"]},
        "defaultCheck": {"allowed": false},
    });
    let created = kit.post("/location-contexts", body.clone());
    created.is(200);
    let id = created.id();
    let mut expected = body;
    expected["id"] = json!(id);
    assert_eq!(created.json, expected);
    assert_eq!(kit.get(&format!("/location-contexts/{id}")).is(200).json, expected);
    // A replacement: what is absent is gone.
    let body = json!({
        "name": "Office", "description": "d", "userGroupsIds": [],
        "countryCheck": {"countries": []}, "defaultCheck": {"allowed": true},
    });
    let mut expected = body.clone();
    expected["id"] = json!(id);
    assert_eq!(kit.put(&format!("/location-contexts/{id}"), body).is(200).json, expected);
    assert_eq!(kit.list("/location-contexts"), [expected]);
    assert_eq!(kit.delete(&format!("/location-contexts/{id}")).is(200).text, "");
    kit.delete(&format!("/location-contexts/{id}")).refused(&[("id", NOT_FOUND)]);
}

#[test]
fn location_contexts_are_checked_stage_by_stage() {
    let mut kit = Kit::new();
    let good = json!({
        "name": "a", "userGroupsIds": [], "countryCheck": {"countries": ["DE"]}, "defaultCheck": {"allowed": true},
    });
    kit.created("/location-contexts", good.clone());
    kit.post("/location-contexts", json!({})).refused(&[
        ("name", MISSING),
        ("userGroupsIds", MISSING),
        ("defaultCheck", MISSING),
    ]);
    kit.post(
        "/location-contexts",
        json!({
            "name": "b", "description": "", "userGroupsIds": ["nobody"],
            "ipCheck": {"allowed": "no", "ips": [{"ip": "192.0.2.1"}, {"description": "d".repeat(121)}]},
            "countryCheck": {"countries": ["Germany", "DE"]},
            "defaultCheck": [],
        }),
    )
    .refused(&[
        ("description", LENGTH),
        ("userGroupsIds[0]", NOT_FOUND),
        ("ipCheck.allowed", FORMAT),
        ("ipCheck.ips[0].ip", FORMAT),
        ("ipCheck.ips[1].ip", MISSING),
        ("ipCheck.ips[1].description", LENGTH),
        ("countryCheck.countries[0]", FORMAT),
        ("defaultCheck", FORMAT),
    ]);
    let with_ips =
        |ips: Value| json!({"name": "b", "userGroupsIds": [], "ipCheck": {"ips": ips}, "defaultCheck": {}});
    kit.post("/location-contexts", with_ips(json!([]))).refused(&[("ipCheck.ips", LENGTH)]);
    kit.post("/location-contexts", with_ips(Value::Null)).refused(&[("ipCheck.ips", MISSING)]);
    // The name comes before the rule that one check is needed.
    let no_check = |name: &str| json!({"name": name, "userGroupsIds": [], "defaultCheck": {}});
    kit.post("/location-contexts", no_check("A")).refused(&[("name", CONFLICT)]);
    kit.post("/location-contexts", no_check("b")).refused(&[("ipCheck", CONFLICT)]);
    // An unknown object comes before its body.
    kit.put("/location-contexts/none", json!("no JSON")).refused(&[("id", NOT_FOUND)]);
    assert_eq!(kit.list("/location-contexts").len(), 1);
}

#[test]
fn a_device_posture_lives_its_life() {
    let mut kit = Kit::new();
    let group = default_group(&mut kit);
    let body = json!({
        "name": "laptops",
        "description": "d",
        "userGroupsIds": [group],
        "windows": {
            "allowed": true,
            "version": {"version": "10.0", "condition": "GTE"},
            "antiviruses": ["MICROSOFT_DEFENDER", "CORTEX_XDR"],
            "diskEncryption": {"type": "SPECIFIC_VOLUME", "volume": "C"},
            "certificate": "thumbprint",
        },
        "macos": {"allowed": true, "antiviruses": [], "diskEncrypted": true},
        "linux": {"allowed": false},
        "android": {"allowed": false},
        "ios": {"allowed": true},
    });
    let created = kit.post("/device-postures", body.clone());
    let id = created.is(200).id();
    let mut expected = body;
    expected["id"] = json!(id);
    assert_eq!(created.json, expected);
    let updated = kit.put(&format!("/device-postures/{id}"), json!({"name": "laptops", "windows": {}}));
    let expected = json!({"id": id, "name": "laptops", "userGroupsIds": [], "windows": {"antiviruses": []}});
    assert_eq!(updated.is(200).json, expected);
    assert_eq!(kit.get(&format!("/device-postures/{id}")).is(200).json, expected);
    assert_eq!(kit.delete(&format!("/device-postures/{id}")).is(200).text, "");
    kit.get(&format!("/device-postures/{id}")).refused(&[("id", NOT_FOUND)]);
}

#[test]
fn device_postures_are_checked() {
    let mut kit = Kit::new();
    kit.created("/device-postures", json!({"name": "a"}));
    kit.post(
        "/device-postures",
        json!({
            "userGroupsIds": [7, "nobody"],
            "windows": {"antiviruses": ["NONE"], "version": {"condition": "LT", "version": 10}, "diskEncryption": {"type": "ALL"}},
            "linux": true,
        }),
    )
    .refused(&[
        ("name", MISSING),
        ("userGroupsIds[0]", FORMAT),
        ("userGroupsIds[1]", NOT_FOUND),
        ("windows.antiviruses[0]", ENUM),
        ("windows.version.condition", ENUM),
        ("windows.version.version", FORMAT),
        ("windows.diskEncryption.type", ENUM),
        ("linux", FORMAT),
    ]);
    kit.post("/device-postures", json!({"name": " A "})).refused(&[("name", CONFLICT)]);
}

#[test]
fn domains_are_added_and_removed() {
    let mut kit = Kit::new();
    for list in ["allow", "block"] {
        let (add, remove) = (
            format!("/cybershield/{list}-list-add-domains"),
            format!("/cybershield/{list}-list-remove-domains"),
        );
        let entry = |domain: &str, comment: &str| json!({"domain": domain, "comment": comment});
        let body = json!({"domainAndComments": [entry("a.example", "1"), entry("A.example", "2"), entry("b.example", "")]});
        let answered = kit.post(&add, body.clone());
        assert_eq!(answered.is(200).text, "");
        kit.post(&add, body).is(200);
        kit.post(&remove, json!({"domains": ["a.example", "unknown.example"]})).is(200);
        kit.post(&remove, json!({"domains": ["a.example", "b.example", "A.EXAMPLE"]}))
            .refused(&[("domains[2]", CONFLICT)]);
        kit.post(&remove, json!({})).refused(&[("domains", MISSING)]);
        kit.post(&remove, json!({"domains": ["no domain", 1]}))
            .refused(&[("domains[0]", FORMAT), ("domains[1]", FORMAT)]);
        kit.post(&add, json!({})).refused(&[("domainAndComments", MISSING)]);
        kit.post(&add, json!({"domainAndComments": vec![entry("a.example", "c"); 1001]}))
            .refused(&[("domainAndComments", LENGTH)]);
        let room = "c".repeat(150 - "a.example".len());
        kit.post(&add, json!({"domainAndComments": [entry("a.example", &room)]})).is(200);
        kit.post(&add, json!({"domainAndComments": [entry("a.example", &format!("{room}c"))]}))
            .refused(&[("domainAndComments[0].comment", LENGTH)]);
        let long = format!("{}.example", vec!["abcdefghi"; 15].join("."));
        kit.post(&add, json!({"domainAndComments": [entry(&long, "c")]}))
            .refused(&[("domainAndComments[0].domain", LENGTH)]);
    }
    let without_comment = json!({"domainAndComments": [{"domain": "c.example"}]});
    kit.post("/cybershield/block-list-add-domains", without_comment.clone()).is(200);
    kit.post("/cybershield/allow-list-add-domains", without_comment)
        .refused(&[("domainAndComments[0].comment", MISSING)]);
}

#[test]
fn domain_lists_are_kept_apart_and_kept() {
    // What no call reads can be seen in what a store is told.
    let mut kit = Kit::new();
    let entry = json!({"domainAndComments": [{"domain": "a.example", "comment": "c"}]});
    kit.post("/cybershield/allow-list-add-domains", entry.clone()).is(200);
    kit.post("/cybershield/block-list-add-domains", entry).is(200);
    kit.post("/cybershield/block-list-remove-domains", json!({"domains": ["A.example"]})).is(200);
    let audit = kit.get("/audit-log?size=100").json;
    let seen: Vec<(&str, &str, &str)> = audit["auditLogs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            let text = |name: &str| e[name].as_str().unwrap();
            (text("operation"), text("entityType"), text("entityName"))
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("CREATE", "ALLOW_DOMAIN", "a.example"),
            ("CREATE", "BLOCK_DOMAIN", "a.example"),
            ("DELETE", "BLOCK_DOMAIN", "a.example"),
        ]
    );
}
