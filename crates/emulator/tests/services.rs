//! Conformance of applications, IP services and hosts (API sections 5.5 to 5.10 and 6.7 to 6.11).

mod kit;

use kit::{CONFLICT, ENUM, FORMAT, Kit, LENGTH, MISSING, NOT_FOUND};
use serde_json::{Value, json};

#[test]
fn applications_of_networks_and_hosts() {
    let mut kit = Kit::new();
    let network = kit.created("/networks", json!({"name": "n"}));
    let host = kit.created("/hosts", json!({"name": "h"}));
    for (kind, parent, id) in [("networks", "networkId", network), ("hosts", "hostId", host)] {
        let path = format!("/{kind}/applications");
        let of_network = kind == "networks";
        let mut route =
            json!({"value": "wiki.example", "allowEmbeddedIp": true, "exactMatch": true, "description": 7});
        let body = json!({"name": "wiki", "routes": [route, {"value": "b.example"}],
            "config": {"serviceTypes": ["HTTP"], "customServiceTypes": null}});
        let created = kit.post(&format!("{path}?{parent}={id}"), body);
        let ids = [0, 1].map(|n| created.is(201).json["routes"][n]["id"].clone());
        route = json!({"id": ids[0], "type": "DOMAIN", "domain": "wiki.example", "allowEmbeddedIp": true});
        let mut plain =
            json!({"id": ids[1], "type": "DOMAIN", "domain": "b.example", "allowEmbeddedIp": false});
        if of_network {
            route["exactMatch"] = json!(true);
            plain["exactMatch"] = json!(false);
        }
        let expected = json!({
            "id": created.id(), "name": "wiki", "networkItemId": id, "networkItemType": if of_network { "NETWORK" } else { "HOST" },
            "routes": [route, plain],
            "config": {"serviceTypes": ["HTTP"], "customServiceTypes": []},
        });
        assert_eq!(created.json, expected);
        let one = format!("{path}/{}", created.id());
        let updated = kit.put(&one, json!({"name": "w", "routes": [{"value": "b.example"}]}));
        assert_eq!(
            updated.is(200).json,
            json!({
                "id": created.id(), "name": "w", "networkItemId": id, "networkItemType": expected["networkItemType"],
                "routes": [plain],
            })
        );
        kit.post(&format!("{path}?{parent}={id}"), json!({"name": "x".repeat(41), "routes": [], "config": {
            "serviceTypes": ["GOPHER"], "customServiceTypes": [{"protocol": "SCTP", "port": [{"value": 1.5}]}]}}))
        .refused(&[
            ("name", LENGTH),
            ("routes", LENGTH),
            ("config.serviceTypes[0]", ENUM),
            ("config.customServiceTypes[0].protocol", ENUM),
            ("config.customServiceTypes[0].port[0].value", FORMAT),
        ]);
        kit.post(&format!("{path}?{parent}={id}"), json!({"routes": [{"value": "no domain"}, {}]}))
            .refused(&[("name", MISSING), ("routes[0].value", FORMAT), ("routes[1].value", MISSING)]);
        kit.post(&path, json!({})).refused(&[(parent, MISSING)]);
        kit.post(&format!("{path}?{parent}="), json!({})).refused(&[(parent, MISSING)]);
        kit.post(&format!("{path}?{parent}=x"), json!({})).refused(&[("id", NOT_FOUND)]);
        // Names may repeat.
        kit.created(
            &format!("{path}?{parent}={id}"),
            json!({"name": "w", "routes": [{"value": "b.example"}]}),
        );
        assert_eq!(kit.list(&format!("{path}?{parent}={id}")).len(), 2);
        kit.delete(&one).is(204);
        kit.get(&one).refused(&[("id", NOT_FOUND)]);
        kit.delete(&format!("/{kind}/{id}")).is(204);
        assert_eq!(kit.list(&path), [] as [Value; 0]);
    }
}

#[test]
fn the_routes_of_an_ip_service_lie_in_the_network() {
    let mut kit = Kit::new();
    let network = kit.post("/networks", json!({"name": "n", "routes": [{"value": "10.1.0.0/16"}]})).json;
    kit.created("/networks", json!({"name": "other", "routes": [{"value": "10.2.0.0/16"}]}));
    let (network, route) = (network["id"].as_str().unwrap(), &network["routes"][0]["id"]);
    let path = format!("/networks/ip-services?networkId={network}");
    let created = kit.post(
        &path,
        json!({"name": "lan", "type": "IP_SOURCE", "routes": [{"value": "10.1.2.0/24", "description": "d"}]}),
    );
    let expected = json!({
        "id": created.id(), "name": "lan", "type": "IP_SOURCE", "networkItemId": network, "networkItemType": "NETWORK",
        "routes": [{"id": created.json["routes"][0]["id"], "type": "IP_V4", "subnet": "10.1.2.0/24", "parentRouteId": route}],
    });
    assert_eq!(created.is(201).json, expected);
    for outside in ["10.2.0.0/24", "10.0.0.0/8", "fd00::/64"] {
        let body = json!({"name": "lan", "type": "IP_SOURCE", "routes": [{"value": "10.1.2.0/24"}, {"value": outside}]});
        kit.post(&path, body.clone()).refused(&[("routes[1].value", CONFLICT)]);
        kit.put(&format!("/networks/ip-services/{}", created.id()), body)
            .refused(&[("routes[1].value", CONFLICT)]);
    }
    kit.post(&path, json!({"name": "lan", "description": "x".repeat(256), "type": "SOURCE"}))
        .refused(&[("description", LENGTH), ("type", ENUM)]);
    let bare = kit.put(
        &format!("/networks/ip-services/{}", created.id()),
        json!({"name": "lan", "description": "x".repeat(255), "type": "SERVICE_DESTINATION"}),
    );
    assert_eq!(bare.is(200).json["routes"], json!([]));
}

#[test]
fn the_parent_of_a_service_route_is_the_smallest_route_around_it() {
    let mut kit = Kit::new();
    kit.put("/settings/wpc/routes-advanced-configuration-enabled", json!(true)).is(200);
    let network = kit
        .post(
            "/networks",
            json!({"name": "n", "routes": [{"value": "10.0.0.0/8"}, {"value": "10.1.0.0/16"}]}),
        )
        .json;
    let id = network["id"].as_str().unwrap();
    let body = json!({"name": "s", "type": "IP_SOURCE", "routes": [{"value": "10.1.2.0/24"}, {"value": "10.2.0.0/16"}]});
    let service = kit.post(&format!("/networks/ip-services?networkId={id}"), body).json;
    assert_eq!(service["routes"][0]["parentRouteId"], network["routes"][1]["id"]);
    assert_eq!(service["routes"][1]["parentRouteId"], network["routes"][0]["id"]);
    kit.delete(&format!("/networks/routes/{}", network["routes"][1]["id"].as_str().unwrap())).is(204);
    let seen = kit.get(&format!("/networks/ip-services/{}", service["id"].as_str().unwrap())).json;
    assert_eq!(seen["routes"][0]["parentRouteId"], network["routes"][0]["id"]);
}

#[test]
fn hosts_and_their_ip_services() {
    let mut kit = Kit::new();
    let body = json!({"name": "web", "domain": "web.example", "egress": true, "connectors": [{"name": "c", "vpnRegionId": "fi-hel",
        "ipSecConfig": {}, "tunnelingProtocol": "IPSEC"}]});
    let host = kit.post("/hosts", body);
    host.is(201);
    let keys: Vec<&str> = host.json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["id", "name", "domain", "internetAccess", "gatewaysIds", "connectors", "systemSubnets"]
    );
    let connector = host.json["connectors"][0].as_object().unwrap();
    assert_eq!(connector["networkItemType"], "HOST");
    assert!(!connector.contains_key("ipSecConfig") && !connector.contains_key("tunnelingProtocol"));
    kit.post("/hosts", json!({"domain": "x".repeat(254)})).refused(&[("name", MISSING), ("domain", LENGTH)]);

    let path = format!("/hosts/ip-services?hostId={}", host.id());
    let service = kit.post(&path, json!({"name": "s", "type": 7, "routes": 7, "config": {}}));
    assert_eq!(
        service.is(201).json,
        json!({"id": service.id(), "name": "s", "networkItemId": host.id(), "networkItemType": "HOST",
            "config": {"serviceTypes": [], "customServiceTypes": []}})
    );
    let updated = kit.put(&format!("/hosts/ip-services/{}", service.id()), json!({"name": "t"}));
    assert_eq!(
        updated.is(200).json,
        json!({"id": service.id(), "name": "t", "networkItemId": host.id(), "networkItemType": "HOST"})
    );
    let updated = kit.put(&format!("/hosts/{}", host.id()), json!({"name": "web2"}));
    assert!(updated.is(200).json.get("domain").is_none());
    assert_eq!(updated.json["connectors"], host.json["connectors"]);
    kit.delete(&format!("/hosts/{}", host.id())).is(204);
    assert_eq!(kit.list("/hosts/connectors"), [] as [Value; 0]);
}
