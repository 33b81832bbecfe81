//! Readings of the API reference on which two people could differ: each test names the sentence that decides.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod kit;

use kit::Kit;
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
