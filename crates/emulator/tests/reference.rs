//! Readings of the API reference on which two people could differ: each test names the sentence that decides.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod kit;

use kit::{CONFLICT, ENUM, FORMAT, Kit, LENGTH, MISSING, NOT_FOUND};
use serde_json::{Value, json};

fn connector(name: &str) -> Value {
    json!({"name": name, "vpnRegionId": "it-mxp"})
}

/// A connector in a network of its own.
fn ipsec_connector(kit: &mut Kit) -> String {
    let phase = json!({
        "encryptionAlgorithms": ["AES256"], "integrityAlgorithms": ["SHA2_256"], "diffieHellmanGroups": ["G_14"],
    });
    let mut connector = connector("ipsec");
    connector["ipSecConfig"] = json!({
        "platform": "CISCO", "authenticationType": "SHARED_SECRET", "remoteSitePublicIp": "192.0.2.1",
        "preSharedKey": "canary",
        "ikeProtocol": {
            "protocolVersion": "IKE_V2", "phase1": phase, "phase2": phase, "rekey": {}, "startupAction": "START",
        },
    });
    let network = json!({"name": "ipsec", "tunnelingProtocol": "IPSEC", "connectors": [connector]});
    let made = kit.post("/networks", network);
    made.is(201).json["connectors"][0]["id"].as_str().unwrap().to_owned()
}

/// Section 6.4: only of OpenVPN connectors the suspended state cannot be read.
#[test]
fn the_state_of_an_ipsec_connector_tells_whether_it_is_suspended() {
    let mut kit = Kit::new();
    let path = format!("/networks/connectors/{}", ipsec_connector(&mut kit));
    let mut act = |method: &str, action: &str| {
        let body = Value::Null;
        let call = format!("{path}/{action}");
        let done = if method == "POST" { kit.post(&call, body) } else { kit.put(&call, body) };
        assert_eq!(done.is(200).text, "");
        kit.get(&path).json["ipSecConfig"]["connectorState"].clone()
    };
    assert_eq!(act("POST", "ipsec/start"), "ACTIVE");
    assert_eq!(act("PUT", "suspend"), "SUSPENDED");
    assert_eq!(act("PUT", "suspend"), "SUSPENDED");
    assert_eq!(act("PUT", "activate"), "ACTIVE");
    assert_eq!(act("POST", "ipsec/stop"), "SUSPENDED");
    assert_eq!(act("PUT", "activate"), "ACTIVE");
}

/// Section 7.3: assigned addresses cannot change away, whatever becomes of the subnets that they come from.
#[test]
fn a_change_of_the_subnets_takes_no_address_away() {
    let mut kit = Kit::new();
    kit.created("/networks", json!({"name": "a", "connectors": [connector("c")]}));
    for subnet in [json!({}), json!({"ipV4Address": ["10.9.0.0/30"]}), json!({"ipV6Address": ["fd00::/8"]})] {
        kit.put("/settings/wpc/subnet", subnet).is(200);
        let number = kit.list("/hosts").len();
        kit.created("/hosts", json!({"name": format!("h{number}"), "connectors": [connector("c")]}));
        for parents in ["/networks", "/hosts"] {
            for parent in kit.list(parents) {
                assert_eq!(parent["systemSubnets"].as_array().unwrap().len(), 2, "{parent}");
                for field in ["ipV4Address", "ipV6Address"] {
                    assert!(parent["connectors"][0][field].is_string(), "{field}: {parent}");
                }
            }
        }
    }
}

/// Row 57: one stage after the other, and only the first that fails answers.
#[test]
fn stages_answer_one_at_a_time() {
    let mut kit = Kit::new();
    let network = kit.created("/networks", json!({"name": "a", "egress": false}));
    // A required parameter before another fault of the query, that before the object, the object before the body.
    kit.get("/sessions?status=OPEN").refused(&[("size", MISSING)]);
    kit.post("/networks/connectors/nobody/profile/bundle", Value::Null).refused(&[("type", MISSING)]);
    kit.post("/networks/connectors/nobody/profile/bundle?type=EXE", Value::Null).refused(&[("type", ENUM)]);
    kit.post("/networks/connectors?networkId=nobody", json!([])).refused(&[("id", NOT_FOUND)]);
    kit.post(&format!("/networks/connectors?networkId={network}"), json!([])).refused(&[("body", FORMAT)]);
    // All fields with the regions among them, then the name, then rules: routes before connectors.
    let mut body = json!({
        "name": "A", "description": "", "internetAccess": "SPLIT_TUNNEL_OFF",
        "routes": [{"value": "10.0.0.0/8"}, {"value": "10.1.0.0/16"}],
        "connectors": [{"name": "c", "vpnRegionId": "nowhere"}], "tunnelingProtocol": "IPSEC",
    });
    kit.post("/networks", body.clone())
        .refused(&[("description", LENGTH), ("connectors[0].vpnRegionId", NOT_FOUND)]);
    body["description"] = json!("d");
    body["connectors"][0]["vpnRegionId"] = json!("it-mxp");
    kit.post("/networks", body.clone()).refused(&[("name", CONFLICT)]);
    body["name"] = json!("b");
    kit.post("/networks", body.clone()).refused(&[("internetAccess", CONFLICT)]);
    body["internetAccess"] = Value::Null;
    kit.post("/networks", body.clone()).refused(&[("routes[1].value", CONFLICT)]);
    body["routes"][1]["value"] = json!("11.0.0.0/16");
    kit.post("/networks", body).refused(&[("connectors[0].ipSecConfig", CONFLICT)]);
}

/// Section 4.1 speaks of a filter, row 57 of a parent: a list narrowed to an unknown parent is empty, a create refused.
#[test]
fn a_filter_by_an_unknown_parent_finds_nothing() {
    let mut kit = Kit::new();
    for (path, parameter) in [
        ("/networks/routes", "networkId"),
        ("/networks/connectors", "networkId"),
        ("/hosts/applications", "hostId"),
        ("/devices", "userId"),
    ] {
        assert_eq!(kit.list(&format!("{path}?{parameter}=nobody")), Vec::<Value>::new(), "{path}");
        kit.post(&format!("{path}?{parameter}=nobody"), json!({})).refused(&[("id", NOT_FOUND)]);
    }
}

/// Row 40 refuses profile and token of an IPsec connector; rows 41 and 43 know no such exception.
#[test]
fn an_ipsec_connector_has_a_bundle_and_can_be_revoked_all_the_same() {
    let mut kit = Kit::new();
    let path = format!("/networks/connectors/{}/profile", ipsec_connector(&mut kit));
    kit.post(&path, Value::Null).refused(&[("id", CONFLICT)]);
    kit.post(&format!("{path}/encrypt"), Value::Null).refused(&[("id", CONFLICT)]);
    kit.post(&format!("{path}/bundle?type=MSI"), Value::Null).is(200);
    assert_eq!(kit.delete(&path).is(200).json, json!(true));
}

/// Row 51: children belong to the parent, so without one there are none that could.
#[test]
fn children_of_no_parent_are_refused() {
    let mut kit = Kit::new();
    let host = kit.created("/hosts", json!({"name": "h"}));
    let service = kit.created(&format!("/hosts/ip-services?hostId={host}"), json!({"name": "s"}));
    let group = |destination: Value| json!({"name": "g", "source": [{"type": "HOST", "allCovered": true}], "destination": [destination]});
    let mut item = json!({"type": "HOST_SERVICE", "allCovered": false, "children": [service]});
    kit.post("/access-groups", group(item.clone())).refused(&[("destination[0].children[0]", CONFLICT)]);
    item["parent"] = json!(host);
    kit.created("/access-groups", group(item));
}
