//! Choices of the fidelity page (`docs/emulator-fidelity.md`) that no test of a resource guards.

mod kit;

use connexa_emulator::{Config, Limits, Names};
use connexa_types::Kind;
use kit::{CONFLICT, Kit, LENGTH};
use serde_json::{Value, json};

fn connector(name: &str) -> Value {
    json!({"name": name, "vpnRegionId": "it-mxp"})
}

#[test]
fn regions_are_a_bare_array() {
    let mut kit = Kit::new();
    let regions = kit.get("/regions").is(200).json.as_array().unwrap().clone();
    let ids: Vec<&str> = regions.iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(&ids[..4], ["us-east-1", "eu-central-1", "it-mxp", "fi-hel"]);
    assert_eq!(ids.len(), 12);
    for region in &regions {
        for field in ["continent", "country", "countryIso", "regionName"] {
            assert!(region[field].is_string(), "{region}");
        }
    }
}

#[test]
fn a_wrong_length_is_said_in_the_words_that_were_seen() {
    let mut kit = Kit::new();
    let refused = kit.post("/networks", json!({"name": "n", "description": ""}));
    refused.refused(&[("description", LENGTH)]);
    let expected = json!([{
        "errorCode": "0-10-25", "message": "Length must be between {min} and {max}", "params": {"min": 1, "max": 120},
    }]);
    assert_eq!(refused.json["errorDetails"]["description"], expected);
}

#[test]
fn descriptions_have_the_lengths_of_their_kind() {
    let mut kit = Kit::new();
    let network = kit.created("/networks", json!({"name": "n", "routes": [{"value": "10.0.0.0/8"}]}));
    let group = kit.list("/user-groups")[0]["id"].clone();
    let user = kit.created("/users", json!({"username": "u", "groupId": group}));
    let all = json!([{"type": "USER_GROUP", "allCovered": true}]);
    // Path, body without a description, the shortest and the longest description.
    let cases = [
        ("/networks".to_owned(), json!({"name": "m"}), 1, 120),
        (format!("/networks/connectors?networkId={network}"), connector("c"), 1, 120),
        (
            format!("/networks/ip-services?networkId={network}"),
            json!({"name": "s", "type": "IP_SOURCE"}),
            1,
            255,
        ),
        (
            format!("/networks/applications?networkId={network}"),
            json!({"name": "a", "routes": [{"value": "a.example"}]}),
            1,
            120,
        ),
        ("/hosts".to_owned(), json!({"name": "h"}), 1, 120),
        ("/dns-records".to_owned(), json!({"domain": "a.example", "ipv4Addresses": ["10.0.0.1"]}), 1, 120),
        ("/device-postures".to_owned(), json!({"name": "p"}), 1, 120),
        (format!("/devices?userId={user}"), json!({"name": "d"}), 0, 120),
        ("/access-groups".to_owned(), json!({"name": "g", "source": all, "destination": all}), 0, 120),
    ];
    for (path, body, shortest, longest) in cases {
        let mut with = |length: usize| {
            let mut body = body.clone();
            body["description"] = "ä".repeat(length).into();
            kit.post(&path, body)
        };
        if shortest > 0 {
            with(shortest - 1).refused(&[("description", LENGTH)]);
        }
        with(longest + 1).refused(&[("description", LENGTH)]);
        assert!(with(longest).status.is_success(), "{path}");
    }
}

#[test]
fn names_repeat_where_the_configuration_says_so() {
    let config = Config { limits: Limits::UNLIMITED, names: Names::MayRepeat, ..Config::default() };
    let mut kit = Kit::with(config);
    let group = kit.list("/user-groups")[0]["id"].clone();
    let all = json!([{"type": "USER_GROUP", "allCovered": true}]);
    let bodies = [
        ("/networks", json!({"name": "x"})),
        ("/hosts", json!({"name": "x"})),
        ("/user-groups", json!({"name": "x", "allRegionsIncluded": true})),
        ("/users", json!({"username": "x", "groupId": group})),
        ("/access-groups", json!({"name": "x", "source": all, "destination": all})),
        ("/device-postures", json!({"name": "x"})),
        ("/dns-records", json!({"domain": "x.example", "ipv4Addresses": ["10.0.0.1"]})),
    ];
    for (path, body) in bodies {
        let first = kit.created(path, body.clone());
        let second = kit.created(path, body.clone());
        assert_ne!(first, second);
        // One of the two goes, and the other one keeps its name.
        assert!(kit.delete(&format!("{path}/{first}")).status.is_success(), "{path}");
        assert_eq!(kit.get(&format!("{path}/{second}")).is(200).id(), second);
    }
    // A list of domains still holds each of them once.
    let entry = json!({"domainAndComments": [{"domain": "a.example", "comment": "1"}]});
    kit.post("/cybershield/block-list-add-domains", entry.clone()).is(200);
    kit.post("/cybershield/block-list-add-domains", entry).is(200);
    let log = kit.get("/audit-log?size=100").json;
    let entries = log["auditLogs"].as_array().unwrap();
    let of_list = entries.iter().filter(|e| e["entityType"] == "BLOCK_DOMAIN" && e["operation"] == "CREATE");
    assert_eq!(of_list.count(), 1);
}

#[test]
fn connectors_are_offline_until_something_connects() {
    let mut kit = Kit::new();
    let network = kit.post("/networks", json!({"name": "n", "connectors": [connector("c")]}));
    let id = network.is(201).json["connectors"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/networks/connectors/{id}");
    assert_eq!(kit.get(&path).json["connectionStatus"], "OFFLINE");
    assert!(kit.emulator.set_connection_status(Kind::NetworkConnector, &id, "ONLINE"));
    assert_eq!(kit.get(&path).json["connectionStatus"], "ONLINE");
    assert!(!kit.emulator.set_connection_status(Kind::Network, &network.id(), "ONLINE"));
    assert!(!kit.emulator.set_connection_status(Kind::HostConnector, &id, "ONLINE"));
}

#[test]
fn a_body_beyond_ten_mebibytes_is_too_large() {
    let mut kit = Kit::new();
    let padded = |length: usize| {
        let body = json!({"domain": "a.example", "ipv4Addresses": ["10.0.0.1"]}).to_string();
        Value::String(" ".repeat(length - body.len()) + &body)
    };
    let refused = kit.post("/dns-records", padded((10 << 20) + 1));
    assert_eq!(refused.is(413).json["statusError"], "Payload Too Large");
    kit.post("/dns-records", padded(10 << 20)).is(201);
}

#[test]
fn a_write_is_seen_at_once() {
    let mut kit = Kit::new();
    for number in 0..20 {
        let id = kit.created("/networks", json!({"name": format!("n{number}")}));
        kit.get(&format!("/networks/{id}")).is(200);
        assert_eq!(kit.get("/networks").json["totalElements"], number + 1);
        kit.post("/hosts", json!({"name": format!("n{number}")})).refused(&[("name", CONFLICT)]);
    }
}

#[test]
fn certificates_are_taken_and_echoed() {
    let mut kit = Kit::new();
    let network = kit.created("/networks", json!({"name": "n", "tunnelingProtocol": "IPSEC"}));
    let phase = json!({
        "encryptionAlgorithms": ["AES256"], "integrityAlgorithms": ["SHA2_256"], "diffieHellmanGroups": ["G_14"],
    });
    let mut body = connector("c");
    body["ipSecConfig"] = json!({
        "platform": "OTHER", "authenticationType": "CERTIFICATE", "remoteSitePublicIp": "192.0.2.1",
        "ikeProtocol": {
            "protocolVersion": "IKE_V2", "phase1": phase, "phase2": phase, "rekey": {}, "startupAction": "START",
        },
        "caCertificate": "a", "peerCertificate": "b", "remoteGatewayCertificate": "c",
        "peerCertificatePrivateKey": "d", "peerCertificateKeyPassphrase": "e",
    });
    let made = kit.post(&format!("/networks/connectors?networkId={network}"), body.clone());
    for (name, value) in body["ipSecConfig"].as_object().unwrap() {
        if name.contains("ertificate") {
            assert_eq!(&made.is(201).json["ipSecConfig"][name], value, "{name}");
        }
    }
}

#[test]
fn listed_services_may_be_all_covered() {
    let mut kit = Kit::new();
    let host = kit.created("/hosts", json!({"name": "h"}));
    let service = kit.created(&format!("/hosts/ip-services?hostId={host}"), json!({"name": "s"}));
    for all_covered in [true, false] {
        let item =
            json!({"type": "HOST_SERVICE", "allCovered": all_covered, "parent": host, "children": [service]});
        let source = json!([{"type": "USER_GROUP", "allCovered": true}]);
        let body = json!({"name": format!("{all_covered}"), "source": source, "destination": [item]});
        assert_eq!(kit.post("/access-groups", body).is(201).json["destination"], json!([item]));
    }
}
