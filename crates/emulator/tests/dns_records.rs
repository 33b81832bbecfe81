//! Conformance of DNS records (API sections 5.17 and 6.18).

mod kit;

use kit::{CONFLICT, FORMAT, Kit, LENGTH, MISSING, NOT_FOUND};
use serde_json::{Value, json};

#[test]
fn a_record_lives_its_life() {
    let mut kit = Kit::new();
    let body = json!({"domain": "wiki.corp.example", "ipv6Addresses": ["2001:db8:85a3:0:0:8a2e:370:7334"]});
    let created = kit.post("/dns-records", body);
    created.is(201);
    let id = created.id();
    assert_eq!(
        created.json,
        json!({
            "id": id,
            "domain": "wiki.corp.example",
            "ipv4Addresses": [],
            "ipv6Addresses": ["2001:db8:85a3:0:0:8a2e:370:7334"],
        })
    );
    assert_eq!(kit.get(&format!("/dns-records/{id}")).is(200).json, created.json);
    let changed = json!({"domain": "WIKI.corp.example", "description": "d", "ipv4Addresses": ["10.0.0.1"]});
    let updated = kit.put(&format!("/dns-records/{id}"), changed);
    assert_eq!(updated.is(200).json["ipv6Addresses"], json!([]));
    let page = kit.get("/dns-records");
    assert_eq!(
        page.is(200).json,
        json!({
            "content": [updated.json], "totalElements": 1, "totalPages": 1, "numberOfElements": 1, "page": 0, "size": 10,
        })
    );
    assert_eq!(kit.delete(&format!("/dns-records/{id}")).is(204).text, "");
    for method in ["GET", "PUT", "DELETE"] {
        let gone = kit.call(method, &format!("/dns-records/{id}"), Value::Null);
        gone.refused(&[("id", NOT_FOUND)]);
        assert!(gone.json["errorMessage"].as_str().unwrap().ends_with("not found"));
    }
}

#[test]
fn faults_are_reported_stage_by_stage() {
    let mut kit = Kit::new();
    kit.created("/dns-records", json!({"domain": "a.example", "ipv4Addresses": ["10.0.0.1"]}));
    kit.post("/dns-records", json!("no json")).refused(&[("body", FORMAT)]);
    kit.post("/dns-records", json!([1])).refused(&[("body", FORMAT)]);
    kit.post(
        "/dns-records",
        json!({"description": "", "ipv4Addresses": ["10.0.0.1", "fd00::1"], "ipv6Addresses": "x"}),
    )
    .refused(&[
        ("domain", MISSING),
        ("description", LENGTH),
        ("ipv4Addresses[1]", FORMAT),
        ("ipv6Addresses", FORMAT),
    ]);
    // A duplicate comes before the missing address.
    kit.post("/dns-records", json!({"domain": " A.EXAMPLE".trim()})).refused(&[("domain", CONFLICT)]);
    kit.post("/dns-records", json!({"domain": "b.example"})).refused(&[("ipv4Addresses", CONFLICT)]);
    assert_eq!(kit.list("/dns-records").len(), 1);
}

#[test]
fn lists_are_paged_in_creation_order() {
    let mut kit = Kit::new();
    let ids: Vec<String> = (0..25)
        .map(|n| {
            kit.created(
                "/dns-records",
                json!({"domain": format!("h{n}.example"), "ipv4Addresses": ["10.0.0.1"]}),
            )
        })
        .collect();
    let page = kit.get("/dns-records?page=2&size=10").json;
    assert_eq!(page["numberOfElements"], 5);
    assert_eq!(page["totalPages"], 3);
    let found: Vec<&str> =
        page["content"].as_array().unwrap().iter().map(|o| o["id"].as_str().unwrap()).collect();
    assert_eq!(found, ids[20..]);
    let past = kit.get("/dns-records?page=2147483647&size=1000").json;
    assert_eq!((past["content"].clone(), past["totalElements"].clone()), (json!([]), json!(25)));
    kit.get("/dns-records?page=-1&size=1001").refused(&[("page", FORMAT), ("size", FORMAT)]);
    kit.get("/dns-records?size=0").refused(&[("size", FORMAT)]);
}
