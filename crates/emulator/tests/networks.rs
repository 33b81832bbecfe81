//! Conformance of networks, their connectors and routes (API sections 5.2 to 5.4 and 6.3 to 6.6).

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod kit;

use kit::{CONFLICT, ENUM, FORMAT, Kit, LENGTH, MISSING, NOT_FOUND};
use serde_json::{Value, json};

fn connector(name: &str) -> Value {
    json!({"name": name, "vpnRegionId": "it-mxp"})
}

fn ipsec() -> Value {
    let phase = json!({
        "encryptionAlgorithms": ["AES128"], "integrityAlgorithms": ["SHA1"], "diffieHellmanGroups": ["G_14"],
        "lifetimeSec": 3600,
    });
    json!({
        "platform": "AWS",
        "authenticationType": "SHARED_SECRET",
        "remoteSitePublicIp": "192.0.2.1",
        "preSharedKey": "canary",
        "ikeProtocol": {
            "protocolVersion": "IKE_V2", "phase1": phase, "phase2": phase,
            "rekey": {"marginTimeSec": 270, "fuzzPercent": 100, "replayWindowSize": 1024},
            "startupAction": "START",
        },
    })
}

/// Takes ids, addresses and subnets out of an answer, after a look at their form.
fn without_values(mut object: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (name, value) in map.iter_mut() {
                    match name.as_str() {
                        "id" | "networkItemId" => {
                            assert_eq!(value.as_str().unwrap().len(), 36);
                            *value = json!("ID");
                        }
                        "ipV4Address" => {
                            *value = json!(value.as_str().unwrap().parse::<std::net::Ipv4Addr>().is_ok());
                        }
                        "ipV6Address" => {
                            *value = json!(value.as_str().unwrap().parse::<std::net::Ipv6Addr>().is_ok());
                        }
                        "systemSubnets" => *value = json!(value.as_array().unwrap().len()),
                        _ => walk(value),
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut object);
    object
}

#[test]
fn a_network_comes_with_defaults_connectors_and_routes() {
    let mut kit = Kit::new();
    let body = json!({
        "name": "paris", "id": 7, "systemSubnets": null,
        "connectors": [connector("a"), {"name": "b", "description": "d", "vpnRegionId": "fi-hel", "ipSecConfig": null}],
        "routes": [{"value": "10.1.0.0/16", "description": "lab"}, {"value": "fd00:1::/32"}],
    });
    let created = kit.post("/networks", body);
    let one = |name: &str, region: &str| {
        json!({
            "id": "ID", "name": name, "vpnRegionId": region, "networkItemId": "ID", "networkItemType": "NETWORK",
            "tunnelingProtocol": "OPENVPN", "connectionStatus": "OFFLINE", "licensed": true, "ipV4Address": true,
            "ipV6Address": true,
        })
    };
    let mut second = one("b", "fi-hel");
    second["description"] = json!("d");
    let expected = json!({
        "id": "ID", "name": "paris", "internetAccess": "SPLIT_TUNNEL_ON", "egress": true, "tunnelingProtocol": "OPENVPN",
        "gatewaysIds": [],
        "routes": [
            {"id": "ID", "type": "IP_V4", "subnet": "10.1.0.0/16", "description": "lab"},
            {"id": "ID", "type": "IP_V6", "subnet": "fd00:1::/32"},
        ],
        "connectors": [one("a", "it-mxp"), second],
        "systemSubnets": 2,
    });
    assert_eq!(without_values(created.is(201).json.clone()), expected);
    let id = created.id();
    assert_eq!(kit.get(&format!("/networks/{id}")).is(200).json, created.json);
    assert_eq!(kit.list("/networks"), std::slice::from_ref(&created.json));
    assert_eq!(
        kit.list(&format!("/networks/routes?networkId={id}")),
        *created.json["routes"].as_array().unwrap()
    );
    assert_eq!(kit.list("/networks/connectors"), *created.json["connectors"].as_array().unwrap());
    assert_eq!(kit.list("/networks/connectors?networkId=unknown"), [] as [Value; 0]);

    // An update replaces the network's own attributes by what is sent, or by the defaults, and leaves its children.
    let updated =
        kit.put(&format!("/networks/{id}"), json!({"name": "Paris", "egress": false, "routes": []}));
    let mut expected = created.json.clone();
    expected["name"] = json!("Paris");
    expected["egress"] = json!(false);
    assert_eq!(updated.is(200).json, expected);

    kit.delete(&format!("/networks/{id}")).is(204);
    for path in ["/networks", "/networks/routes", "/networks/connectors"] {
        assert_eq!(kit.list(path), [] as [Value; 0], "{path}");
    }
    kit.created("/networks", json!({"name": "paris", "routes": [{"value": "10.1.0.0/16"}]}));
}

#[test]
fn all_faults_of_the_body_are_reported_at_once() {
    let mut kit = Kit::new();
    let body = json!({
        "name": "x".repeat(121), "description": "", "internetAccess": "LOCAL", "egress": "yes", "tunnelingProtocol": 1,
        "gatewaysIds": "x",
        "connectors": [{"name": "", "vpnRegionId": "mars"}, {"ipSecConfig": {"platform": "IBM", "ikeProtocol": {"phase1": {
            "encryptionAlgorithms": [], "integrityAlgorithms": ["MD5"]}}}}, 7],
        "routes": [{"value": "10.0.0.0"}, {"description": "d"}],
    });
    kit.post("/networks", body).refused(&[
        ("name", LENGTH),
        ("description", LENGTH),
        ("internetAccess", ENUM),
        ("egress", FORMAT),
        ("tunnelingProtocol", FORMAT),
        ("gatewaysIds", FORMAT),
        ("connectors[0].name", LENGTH),
        ("connectors[0].vpnRegionId", NOT_FOUND),
        ("connectors[1].name", MISSING),
        ("connectors[1].vpnRegionId", MISSING),
        ("connectors[1].ipSecConfig.platform", ENUM),
        ("connectors[1].ipSecConfig.authenticationType", MISSING),
        ("connectors[1].ipSecConfig.remoteSitePublicIp", MISSING),
        ("connectors[1].ipSecConfig.ikeProtocol.protocolVersion", MISSING),
        ("connectors[1].ipSecConfig.ikeProtocol.phase1.encryptionAlgorithms", LENGTH),
        ("connectors[1].ipSecConfig.ikeProtocol.phase1.integrityAlgorithms[0]", ENUM),
        ("connectors[1].ipSecConfig.ikeProtocol.phase1.diffieHellmanGroups", MISSING),
        ("connectors[1].ipSecConfig.ikeProtocol.phase2", MISSING),
        ("connectors[1].ipSecConfig.ikeProtocol.rekey", MISSING),
        ("connectors[1].ipSecConfig.ikeProtocol.startupAction", MISSING),
        ("connectors[2]", FORMAT),
        ("routes[0].value", FORMAT),
        ("routes[1].value", MISSING),
    ]);
    assert_eq!(kit.list("/networks"), [] as [Value; 0]);
    let many: Vec<Value> =
        (0..1001).map(|n| json!({"value": format!("10.{}.{}.0/24", n / 256, n % 256)})).collect();
    kit.post("/networks", json!({"name": "n", "routes": many})).refused(&[("routes", LENGTH)]);
    kit.post("/networks", json!({"name": "n", "routes": many[..1000]})).is(201);
}

#[test]
fn names_are_unique_among_networks_and_hosts() {
    let mut kit = Kit::new();
    let paris = kit.created("/networks", json!({"name": "Paris"}));
    kit.created("/hosts", json!({"name": "web"}));
    kit.post("/networks", json!({"name": " pARIS "})).refused(&[("name", CONFLICT)]);
    kit.post("/hosts", json!({"name": "paris"})).refused(&[("name", CONFLICT)]);
    kit.put(&format!("/networks/{paris}"), json!({"name": "WEB"})).refused(&[("name", CONFLICT)]);
    kit.put(&format!("/networks/{paris}"), json!({"name": "PARIS"})).is(200);
}

#[test]
fn routes_overlap_nothing() {
    let mut kit = Kit::new();
    let paris = kit.created("/networks", json!({"name": "paris", "routes": [{"value": "10.1.0.0/16"}]}));
    let rome = kit.created("/networks", json!({"name": "rome"}));
    for network in [&paris, &rome] {
        for value in [
            "10.1.0.0/16",
            "10.1.2.0/24",
            "10.0.0.0/8",
            "100.96.5.0/24",
            "100.80.0.0/16",
            "0.0.0.0/0",
            "fd:0:0:8000::/64",
            "fd:0:0:4000::/50",
            "::/0",
        ] {
            let path = format!("/networks/routes?networkId={network}");
            kit.post(&path, json!({"value": value})).refused(&[("value", CONFLICT)]);
        }
    }
    let nested = json!({"name": "oslo", "routes": [{"value": "10.2.0.0/16"}, {"value": "10.2.3.0/24"}]});
    kit.post("/networks", nested).refused(&[("routes[1].value", CONFLICT)]);
    let nested = json!({"name": "oslo", "routes": [{"value": "10.2.0.0/16"}, {"value": "10.1.0.0/24"}],
        "connectors": [{"name": "c", "vpnRegionId": "it-mxp", "ipSecConfig": ipsec()}]});
    // Routes come before connectors, and nothing of it is stored.
    kit.post("/networks", nested).refused(&[("routes[1].value", CONFLICT)]);
    assert_eq!(kit.list("/networks").len(), 2);

    let route = kit.created(&format!("/networks/routes?networkId={rome}"), json!({"value": "10.3.0.0/16"}));
    let path = format!("/networks/routes/{route}");
    kit.put(&path, json!({"value": "10.1.0.0/24"})).refused(&[("value", CONFLICT)]);
    // A route does not overlap itself.
    let moved = kit.put(&path, json!({"value": "10.2.0.0/15", "description": "d"}));
    assert_eq!(
        moved.is(200).json,
        json!({"id": route, "type": "IP_V4", "subnet": "10.2.0.0/15", "description": "d"})
    );
    assert_eq!(kit.get(&path).json, moved.json);
    kit.delete(&path).is(204);
    kit.created("/networks", json!({"name": "bern", "routes": [{"value": "10.3.4.0/24"}]}));

    kit.put("/settings/wpc/routes-advanced-configuration-enabled", json!(true)).is(200);
    for value in ["10.1.0.0/16", "100.96.5.0/24"] {
        kit.post(&format!("/networks/routes?networkId={paris}"), json!({"value": value})).is(201);
    }
}

#[test]
fn a_network_takes_connectors_of_its_protocol() {
    let mut kit = Kit::new();
    let openvpn = kit.created("/networks", json!({"name": "a", "connectors": [connector("c")]}));
    let both = json!({"name": "i", "vpnRegionId": "it-mxp", "ipSecConfig": ipsec()});
    let nested = json!({"name": "b", "tunnelingProtocol": "IPSEC", "connectors": [both, connector("c")]});
    kit.post("/networks", nested).refused(&[("connectors[1].ipSecConfig", CONFLICT)]);
    kit.post(&format!("/networks/connectors?networkId={openvpn}"), both.clone())
        .refused(&[("ipSecConfig", CONFLICT)]);
    kit.put(&format!("/networks/{openvpn}"), json!({"name": "a", "tunnelingProtocol": "IPSEC"}))
        .refused(&[("tunnelingProtocol", CONFLICT)]);
    let ipsec_network =
        kit.created("/networks", json!({"name": "b", "tunnelingProtocol": "IPSEC", "connectors": [both]}));
    let made = kit.list(&format!("/networks/connectors?networkId={ipsec_network}")).remove(0);
    assert_eq!(made["tunnelingProtocol"], "IPSEC");
    assert_eq!(made["ipSecConfig"]["preSharedKey"], "canary");
    let path = format!("/networks/connectors/{}", made["id"].as_str().unwrap());
    kit.put(&path, connector("c")).refused(&[("ipSecConfig", CONFLICT)]);
    // The answer of a read is a body for an update.
    assert_eq!(kit.put(&path, made.clone()).is(200).json, made);
}

#[test]
fn an_ipsec_connector_is_started_and_stopped() {
    let mut kit = Kit::new();
    let openvpn = kit.post("/networks", json!({"name": "a", "connectors": [connector("c")]})).json;
    let openvpn = openvpn["connectors"][0]["id"].as_str().unwrap().to_owned();
    let body = json!({"name": "b", "tunnelingProtocol": "IPSEC",
        "connectors": [{"name": "i", "vpnRegionId": "it-mxp", "ipSecConfig": ipsec()}]});
    let ipsec = kit.post("/networks", body).json["connectors"][0]["id"].as_str().unwrap().to_owned();
    let state = |kit: &mut Kit| {
        kit.get(&format!("/networks/connectors/{ipsec}")).json["ipSecConfig"]["connectorState"].clone()
    };
    assert_eq!(state(&mut kit), "SUSPENDED");
    for (action, wanted) in [("start", "ACTIVE"), ("start", "ACTIVE"), ("stop", "SUSPENDED")] {
        let answered = kit.post(&format!("/networks/connectors/{ipsec}/ipsec/{action}"), Value::Null);
        assert_eq!(answered.is(200).text, "");
        assert_eq!(state(&mut kit), wanted);
        let refused = kit.post(&format!("/networks/connectors/{openvpn}/ipsec/{action}"), Value::Null);
        refused.refused(&[("id", CONFLICT)]);
        assert_eq!(
            refused.json["errorMessage"],
            "Connect/Stop actions are forbidden for non IPSEC connector"
        );
    }
    for path in ["profile", "profile/encrypt"] {
        kit.post(&format!("/networks/connectors/{ipsec}/{path}"), Value::Null).refused(&[("id", CONFLICT)]);
    }
}

#[test]
fn pre_shared_keys_are_asked_for_and_dead_peer_detection_is_whole_or_absent() {
    let mut kit = Kit::new();
    let network = kit.created("/networks", json!({"name": "b", "tunnelingProtocol": "IPSEC"}));
    let path = format!("/networks/connectors?networkId={network}");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut config = ipsec();
        change(&mut config);
        json!({"name": "i", "vpnRegionId": "it-mxp", "ipSecConfig": config})
    };
    kit.post(&path, with(&|c| c["preSharedKey"] = Value::Null))
        .refused(&[("ipSecConfig.preSharedKey", MISSING)]);
    kit.post(&path, with(&|c| c["ikeProtocol"]["deadPeerDetection"] = json!({}))).refused(&[
        ("ipSecConfig.ikeProtocol.deadPeerDetection.timeoutSec", MISSING),
        ("ipSecConfig.ikeProtocol.deadPeerDetection.deadPeerHandling", MISSING),
    ]);
    kit.post(
        &path,
        with(&|c| {
            c["authenticationType"] = json!("CERTIFICATE");
            c["preSharedKey"] = Value::Null;
            c["ikeProtocol"]["autoInitiate"] = json!(true);
        }),
    )
    .is(201);
}

#[test]
fn profiles_stay_the_same_until_they_are_revoked() {
    let mut kit = Kit::new();
    let network = kit.created("/networks", json!({"name": "a"}));
    let host = kit.created("/hosts", json!({"name": "h"}));
    for (kind, parent) in [("networks", format!("networkId={network}")), ("hosts", format!("hostId={host}"))]
    {
        let id = kit.created(&format!("/{kind}/connectors?{parent}"), connector("c"));
        let path = format!("/{kind}/connectors/{id}");
        let read = |kit: &mut Kit| {
            ["profile", "profile/encrypt"].map(|p| {
                let answered = kit.post(&format!("{path}/{p}"), Value::Null);
                assert_eq!(answered.is(200).headers["content-type"], "text/plain;charset=UTF-8");
                answered.text
            })
        };
        let first = read(&mut kit);
        assert!(first[0].contains("client") && first[0] != first[1]);
        assert_eq!(read(&mut kit), first);
        assert_eq!(kit.delete(&format!("{path}/profile")).is(200).json, true);
        let second = read(&mut kit);
        assert!(second[0] != first[0] && second[1] != first[1]);
        kit.post(&format!("{path}/profile/bundle?type=DMG"), Value::Null).is(200);
        kit.post(&format!("{path}/profile/bundle"), Value::Null).refused(&[("type", MISSING)]);
        kit.post(&format!("{path}/profile/bundle?type=RPM"), Value::Null).refused(&[("type", ENUM)]);
        for action in ["suspend", "suspend", "activate", "activate"] {
            assert_eq!(kit.put(&format!("{path}/{action}"), Value::Null).is(200).text, "");
        }
        kit.delete(&format!("{path}?{parent}")).is(204);
        kit.put(&format!("{path}/suspend"), Value::Null).refused(&[("id", NOT_FOUND)]);
    }
}

#[test]
fn gateways_are_egress_networks_and_stay_while_they_are_used() {
    let mut kit = Kit::new();
    let off = json!({"name": "off", "internetAccess": "SPLIT_TUNNEL_OFF"});
    let refused = kit.post("/hosts", off.clone());
    refused.refused(&[("internetAccess", CONFLICT)]);
    assert_eq!(refused.json["errorMessage"], "Such access to the internet cannot be selected");
    let closed = kit.created("/networks", json!({"name": "closed", "egress": false}));
    kit.post("/networks", off.clone()).refused(&[("internetAccess", CONFLICT)]);
    let gateway = kit.created("/networks", json!({"name": "gateway"}));
    let through = |ids: Value| {
        let mut body = off.clone();
        body["gatewaysIds"] = ids;
        body
    };
    kit.post("/hosts", through(json!([gateway, closed]))).refused(&[("gatewaysIds[1]", CONFLICT)]);
    kit.post("/hosts", through(json!(["x"]))).refused(&[("gatewaysIds[0]", NOT_FOUND)]);
    let host = kit.created("/hosts", through(json!([gateway])));
    kit.delete(&format!("/networks/{gateway}")).refused(&[("id", CONFLICT)]);
    kit.delete(&format!("/hosts/{host}")).is(204);
    kit.delete(&format!("/networks/{gateway}")).is(204);
    kit.delete(&format!("/networks/{gateway}")).refused(&[("id", NOT_FOUND)]);
    kit.post("/hosts", off).refused(&[("internetAccess", CONFLICT)]);
}

#[test]
fn ipv6_is_left_out_of_a_tenant_without_it() {
    let mut kit = Kit::new();
    let network = kit.post("/networks", json!({"name": "a", "connectors": [connector("c")]})).json;
    let path = format!("/networks/{}", network["id"].as_str().unwrap());
    kit.put("/settings/wpc/ip-allocation-mode", json!("IP_V4_ONLY")).is(200);
    let seen = kit.get(&path).json;
    assert_eq!(seen["systemSubnets"], json!([network["systemSubnets"][0]]));
    assert!(seen["connectors"][0].get("ipV6Address").is_none());
    assert_eq!(seen["connectors"][0]["ipV4Address"], network["connectors"][0]["ipV4Address"]);
    kit.put("/settings/wpc/ip-allocation-mode", json!("BOTH")).is(200);
    assert_eq!(kit.get(&path).json, network);
}
