//! Random tenants of all kinds, as lists and settings answer: with namesakes, unknown values, sets in any order, unset
//! fields in all their guises.

use connexa_engine::{catalog, current::CurrentState};
use connexa_types::{JsonPointer, Kind, SealingKey, SecretHash, TenantId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The hash of a secret under the key of these tests.
pub(crate) fn seal(field: &str, value: &str) -> SecretHash {
    SealingKey::new([7; 32]).seal(field, value)
}

/// Choices that a test makes for us; all the same once they are used up.
pub(crate) struct Choices<'a>(std::slice::Iter<'a, u16>);

impl<'a> Choices<'a> {
    pub(crate) fn new(choices: &'a [u16]) -> Self {
        Self(choices.iter())
    }

    fn below(&mut self, n: usize) -> usize {
        self.0.next().map_or(0, |choice| usize::from(*choice) % n.max(1))
    }

    fn one<'v, T: ?Sized>(&mut self, of: &[&'v T]) -> &'v T {
        of[self.below(of.len())]
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Some of them, in another order.
    fn some<'v>(&mut self, of: &[&'v str]) -> Vec<&'v str> {
        let mut left = of.to_vec();
        let wanted = self.below(of.len() + 1);
        (0..wanted).map(|_| left.swap_remove(self.below(left.len()))).collect()
    }
}

/// Texts that a format may take for something else.
const TEXTS: &[&str] = &[
    "plain",
    "no",
    "null",
    "1",
    "- a",
    "a: b",
    "=1+1",
    "a|b\\c",
    "[x",
    "it's",
    "Straße",
    "'q'",
    "{\"a\": 1}",
    "x\ty",
];
const NAMES: &[&str] =
    &["Paris", "hq", "yes", "=1+1", "a/b\\c", "6f9619ff-8b86-d011-b42d-00c04fc964ff", "{x}", "ÉTÉ", "08"];
const REGIONS: &[&str] = &["eu-central-1", "it-mxp", "us-east-1", "EU-x"];
const ACCESS: &[&str] = &["SPLIT_TUNNEL_ON", "SPLIT_TUNNEL_OFF", "RESTRICTED_INTERNET", "NEW_MODE"];

fn id(of: &str, n: usize) -> String {
    // Some ids look like ids, some do not.
    if n.is_multiple_of(2) {
        format!("{of}{n}")
    } else {
        format!("0000000{n}-0000-4000-8000-0000000000{:02x}", of.len())
    }
}

fn texts(values: &[String]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}

/// Leaves out, empties or keeps what is unset.
fn unset(choices: &mut Choices<'_>, object: &mut Value, name: &str, empty: Value) {
    match choices.below(3) {
        0 => {}
        1 => object[name] = Value::Null,
        _ => object[name] = empty,
    }
}

fn description(choices: &mut Choices<'_>, object: &mut Value) {
    if choices.yes() {
        object["description"] = choices.one(TEXTS).into();
    } else {
        unset(choices, object, "description", json!(""));
    }
}

fn services(choices: &mut Choices<'_>, object: &mut Value) {
    const CUSTOM: &[&str] = &["tcp", "tcp-range", "udp", "icmp"];
    if choices.yes() {
        return unset(choices, object, "config", json!({"serviceTypes": [], "customServiceTypes": []}));
    }
    let mut named = choices.some(&["SSH", "ANY", "HTTPS", "QUIC"]);
    let custom: Vec<Value> = choices
        .some(CUSTOM)
        .into_iter()
        .map(|what| match what {
            "tcp" => {
                json!({"protocol": "TCP", "port": [{"value": 80}, {"lowerValue": 443, "upperValue": 443}]})
            }
            "tcp-range" => json!({"protocol": "TCP", "port": [{"lowerValue": 8000, "upperValue": 8100}]}),
            "udp" => json!({"protocol": "UDP"}),
            _ => json!({"protocol": "ICMP", "icmpType": [{"lowerValue": 8, "upperValue": 8}]}),
        })
        .collect();
    if !custom.is_empty() {
        named.push("CUSTOM");
    }
    object["config"] = json!({"serviceTypes": named, "customServiceTypes": custom});
}

fn connector(choices: &mut Choices<'_>, n: usize, ipsec: bool) -> Value {
    let mut connector = json!({
        "id": id("c", n), "name": choices.one(NAMES), "vpnRegionId": choices.one(REGIONS),
        "networkItemType": "NETWORK", "licensed": true,
    });
    description(choices, &mut connector);
    if ipsec {
        let phase = json!({
            "encryptionAlgorithms": choices.some(&["AES256", "AES128", "AES512"]),
            "integrityAlgorithms": ["SHA2_256"], "diffieHellmanGroups": ["G_20", "G_2"], "lifetimeSec": 3600,
        });
        connector["ipSecConfig"] = json!({
            "platform": "CISCO", "authenticationType": "SHARED_SECRET",
            "remoteSitePublicIp": choices.one(&["203.0.113.9", "2001:DB8:0::9"]),
            "connectorState": "ACTIVE", "hostname": choices.one(TEXTS),
            "ikeProtocol": {
                "protocolVersion": "IKE_V2", "phase1": phase, "phase2": phase, "startupAction": "START",
                "rekey": {"marginTimeSec": 270, "fuzzPercent": 100, "replayWindowSize": 0},
                "autoInitiate": choices.yes(),
            },
        });
    }
    connector
}

/// An element of a list, with the secrets that were taken out of it.
type Element = (Value, BTreeMap<JsonPointer, SecretHash>);

/// The lists and settings of a tenant.
pub(crate) fn tenant(choices: &mut Choices<'_>) -> CurrentState {
    let mut lists: BTreeMap<Kind, Vec<Element>> = BTreeMap::new();
    let mut add = |kind: Kind, object: Value| lists.entry(kind).or_default().push((object, BTreeMap::new()));
    let ids = |of: &str, n: usize| (0..n).map(|i| id(of, i)).collect::<Vec<String>>();
    let overlap = choices.yes();

    let network_ids = ids("n", choices.below(4));
    let host_ids = ids("h", choices.below(3));
    let group_ids = ids("g", 1 + choices.below(3));
    let user_ids = ids("u", choices.below(4));
    let mut networks = Vec::new();
    let mut serial = 0;
    for (n, network_id) in network_ids.iter().enumerate() {
        let ipsec = choices.yes();
        let mut network = json!({
            "id": network_id, "name": choices.one(NAMES), "internetAccess": choices.one(ACCESS),
            "egress": choices.yes(), "tunnelingProtocol": if ipsec { "IPSEC" } else { "OPENVPN" },
            "gatewaysIds": choices.some(&texts(&network_ids)), "systemSubnets": ["100.96.4.0/28"],
        });
        description(choices, &mut network);
        let mut sealed = BTreeMap::new();
        let connectors: Vec<Value> = (0..choices.below(3))
            .map(|c| {
                serial += 1;
                if ipsec {
                    sealed.insert(
                        JsonPointer::new(format!("/connectors/{c}/ipSecConfig/preSharedKey")),
                        seal("ipsec.pre_shared_key", "canary"),
                    );
                }
                connector(choices, serial, ipsec)
            })
            .collect();
        network["connectors"] = connectors.into();
        let routes: Vec<Value> = (0..choices.below(3))
            .map(|r| {
                serial += 1;
                // Where overlap is allowed, networks share what they route.
                let second = if overlap && choices.yes() { 99 } else { n };
                let mut route = json!({"id": id("r", serial), "type": "IP_V4", "subnet": format!("10.{second}.{r}.0/24")});
                description(choices, &mut route);
                route
            })
            .collect();
        network["routes"] = routes.into();
        networks.push((network, sealed));
    }
    let mut services_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (parents, application, ip_service) in [
        (&network_ids, Kind::NetworkApplication, Kind::NetworkIpService),
        (&host_ids, Kind::HostApplication, Kind::HostIpService),
    ] {
        let of_network = application == Kind::NetworkApplication;
        for parent in parents {
            for _ in 0..choices.below(3) {
                serial += 1;
                let of = id("s", serial);
                services_of.entry(parent.clone()).or_default().push(of.clone());
                let mut object = json!({"id": of, "name": choices.one(NAMES), "networkItemId": parent});
                description(choices, &mut object);
                services(choices, &mut object);
                if choices.yes() {
                    let domains: Vec<Value> = choices
                        .some(&["Wiki.Example", "a.example", "b.example."])
                        .into_iter()
                        .map(|domain| {
                            let mut route = json!({"id": domain, "type": "DOMAIN", "domain": domain, "allowEmbeddedIp": choices.yes()});
                            if of_network {
                                route["exactMatch"] = choices.yes().into();
                            }
                            route
                        })
                        .collect();
                    object["routes"] = domains.into();
                    add(application, object);
                } else {
                    if of_network {
                        object["type"] = choices.one(&["IP_SOURCE", "SERVICE_DESTINATION", "ODD"]).into();
                        let routes = choices.some(&["10.10.0.0/16", "10.9.1.2/24", "2001:db8::/32"]);
                        object["routes"] = routes
                            .iter()
                            .map(|net| json!({"id": net, "type": "IP_V4", "subnet": net, "parentRouteId": "r1"}))
                            .collect();
                    }
                    add(ip_service, object);
                }
            }
        }
    }
    for host_id in &host_ids {
        let connectors: Vec<Value> = (0..choices.below(2))
            .map(|_| {
                serial += 1;
                connector(choices, serial, false)
            })
            .collect();
        let mut host = json!({
            "id": host_id, "name": choices.one(NAMES), "internetAccess": choices.one(ACCESS),
            "gatewaysIds": choices.some(&texts(&network_ids)), "connectors": connectors, "domain": "h.example",
        });
        description(choices, &mut host);
        add(Kind::Host, host);
    }
    for group_id in &group_ids {
        add(
            Kind::UserGroup,
            json!({
                "id": group_id, "name": choices.one(NAMES), "internetAccess": choices.one(ACCESS),
                "gatewaysIds": choices.some(&texts(&network_ids)), "vpnRegionIds": choices.some(REGIONS),
                "allRegionsIncluded": choices.yes(), "maxDevice": 3, "connectAuth": "NO_AUTH",
                "tunnelBypass": {"ipv4Subnets": choices.some(&["198.51.100.0/24", "10.1.2.3/8"])},
            }),
        );
    }
    for (n, user_id) in user_ids.iter().enumerate() {
        let devices: Vec<Value> = (0..choices.below(3))
            .map(|_| {
                serial += 1;
                let mut device = json!({
                    "id": id("d", serial), "userId": user_id, "name": choices.one(NAMES), "clientUUID": "x",
                    "platform": {"os": "Windows"},
                });
                description(choices, &mut device);
                device
            })
            .collect();
        add(
            Kind::User,
            json!({
                "id": user_id, "username": format!("user {n}"), "email": "A@example.com",
                "firstName": choices.one(TEXTS), "lastName": null,
                "groupId": choices.one(&texts(&group_ids)), "secondaryGroupIds": choices.some(&texts(&group_ids)),
                "role": choices.one(&["MEMBER", "ADMIN", "OWNER"]), "status": "ACTIVE",
                "authType": choices.one(&["INTERNAL", "SAML"]), "devices": devices,
            }),
        );
    }
    for kind in [Kind::AccessGroup, Kind::LocationContext, Kind::DevicePosture] {
        for n in 0..choices.below(3) {
            let mut object = json!({"id": id("p", n), "name": format!("{} {n}", choices.one(NAMES))});
            description(choices, &mut object);
            match kind {
                Kind::AccessGroup => {
                    let mut side = |source: bool| -> Value {
                        let items = 0..choices.below(4);
                        items
                            .map(|_| {
                                access_item(
                                    choices,
                                    source,
                                    &group_ids,
                                    &network_ids,
                                    &host_ids,
                                    &services_of,
                                )
                            })
                            .collect()
                    };
                    object["source"] = side(true);
                    object["destination"] = side(false);
                }
                Kind::LocationContext => context(choices, &mut object, &group_ids),
                _ => posture(choices, &mut object, &group_ids),
            }
            add(kind, object);
        }
    }
    for n in 0..choices.below(3) {
        let mut record = json!({
            "id": id("x", n), "domain": format!("R{n}.Example"),
            "ipv4Addresses": choices.some(&["10.0.0.10", "10.0.0.9"]),
            "ipv6Addresses": ["2001:DB8:0:0:0:0:0:5"],
        });
        description(choices, &mut record);
        add(Kind::DnsRecord, record);
    }
    lists.insert(Kind::Network, networks);

    let mut current = CurrentState::new(TenantId::new("https://acme.api.openvpn.com"));
    current.regions = Some(REGIONS.iter().map(|region| (*region).to_owned()).collect());
    for definition in catalog::DEFINITIONS {
        if catalog::is_listed(definition.kind) && catalog::listed_with(definition.kind) == definition.kind {
            let list = lists.remove(&definition.kind).unwrap_or_default();
            current.put_list(definition.kind, list, 1, true).expect("the lists are sound");
        }
    }
    settings(choices, overlap, &mut current);
    current
}

fn access_item(
    choices: &mut Choices<'_>,
    source: bool,
    groups: &[String],
    networks: &[String],
    hosts: &[String],
    services: &BTreeMap<String, Vec<String>>,
) -> Value {
    let host = if source { "HOST" } else { "HOST_SERVICE" };
    let of = choices.one(&["USER_GROUP", "NETWORK_SERVICE", host, "PUBLISHED_SERVICE", "ODD"]);
    let parents = match of {
        "NETWORK_SERVICE" => networks,
        "HOST" | "HOST_SERVICE" => hosts,
        _ => &[],
    };
    let mut item =
        Map::from_iter([("type".to_owned(), json!(of)), ("allCovered".to_owned(), json!(choices.yes()))]);
    let mut children: Vec<&str> = Vec::new();
    if !parents.is_empty() && choices.yes() {
        let parent = choices.one(&texts(parents));
        item.insert("parent".to_owned(), parent.into());
        children = services.get(parent).map(|own| choices.some(&texts(own))).unwrap_or_default();
    } else if of == "USER_GROUP" {
        children = choices.some(&texts(groups));
    }
    if choices.below(4) == 1 {
        children.push("gone");
    }
    item.insert("children".to_owned(), json!(children));
    item.into()
}

fn context(choices: &mut Choices<'_>, object: &mut Value, groups: &[String]) {
    object["userGroupsIds"] = json!(choices.some(&texts(groups)));
    object["defaultCheck"] = json!({"allowed": choices.yes()});
    object["ipCheck"] = json!({"allowed": choices.yes(), "ips": [
        {"ip": "198.51.100.7/32", "description": choices.one(TEXTS)},
        {"ip": "192.0.2.0/24", "description": ""},
    ]});
    if choices.yes() {
        object["countryCheck"] =
            json!({"allowed": choices.yes(), "countries": choices.some(&["NO", "FR", "DE"])});
    }
}

fn posture(choices: &mut Choices<'_>, object: &mut Value, groups: &[String]) {
    object["userGroupsIds"] = json!(choices.some(&texts(groups)));
    object["linux"] = json!({"allowed": choices.yes()});
    unset(choices, object, "ios", json!({}));
    if choices.yes() {
        object["windows"] = json!({
            "allowed": choices.yes(), "antiviruses": choices.some(&["ESET", "AVG", "NEW"]),
            "version": {"version": "10.0", "condition": "GTE"},
            "diskEncryption": {"type": "SPECIFIC_VOLUME", "volume": choices.one(TEXTS)},
        });
    }
    object["macos"] = json!({"diskEncrypted": choices.yes(), "certificate": "-----BEGIN\nx\n-----END\n"});
}

fn settings(choices: &mut Choices<'_>, overlap: bool, current: &mut CurrentState) {
    for setting in catalog::SETTINGS {
        let value = match setting.path {
            "wpc.topology" => json!("FULL_MESH"),
            "wpc.subnet" => json!({"ipV4Address": ["100.96.0.0/11"], "ipV6Address": ["FD:0:0:8000::/49"]}),
            "wpc.routes_advanced_configuration_enabled" => json!(overlap),
            "wpc.ip_allocation_mode" => json!("BOTH"),
            "wpc.domain_routing_subnet" => json!({"ipV4Address": "100.80.0.0/12", "ipV6Address": ""}),
            "wpc.default_region" => json!(choices.one(REGIONS)),
            "wpc.client_options" => json!(choices.some(TEXTS)),
            "users.connection_timeout" | "user.device_allowance" => json!(choices.below(9)),
            "user.profile_distribution" => json!("MANUAL"),
            "user.device_enforcement" => json!("OFF"),
            "user.connect_auth" => json!("EVERY_TIME"),
            "dns.zones" => choices
                .some(&["b.example", "A.Example"])
                .into_iter()
                .map(|name| json!({"name": name, "addresses": choices.some(&["10.0.0.10", "10.0.0.9"])}))
                .collect::<Vec<_>>()
                .into(),
            "dns.default_suffix" => json!(choices.one(&["", "corp.example"])),
            "dns.custom_servers" => {
                [Value::Null, json!({"primaryIpV4": "10.0.0.1"})][choices.below(2)].clone()
            }
            _ => json!(choices.yes()),
        };
        let value = if setting.path == "dns.zones" { json!({ "zones": value }) } else { value };
        current.put_setting(setting, Some(value));
    }
}
