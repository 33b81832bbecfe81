//! Values of applications, IP services, policies and settings: each form, its canonical value, and each rule broken once.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod spec_support;

use connexa_engine::{
    desired::{FieldValue, Item, Target},
    spec::Reading,
};
use connexa_types::Kind;
use proptest::prelude::*;
use serde_json::{Value, json};
use spec_support::{items, lines, spec, state};

/// The value of a field of the last item.
fn last(reading: &Reading, field: &str) -> FieldValue {
    reading.desired.items.last().unwrap().fields[field].clone()
}

/// The canonical JSON of one field of an item of a kind, with every other needed field around it.
fn canonical(kind: &str, item: &str, field: &str) -> Value {
    let reading = spec(&format!("{kind}: [{{{item}}}]"));
    assert_eq!(lines(&reading), [""; 0], "{item}");
    match last(&reading, field) {
        FieldValue::Value(value) => value,
        FieldValue::Clear => Value::Null,
        other => panic!("{other:?}"),
    }
}

#[test]
fn services() {
    let read = |text: &str| {
        canonical("host_ip_services", &format!("host: h, name: s, services: {text}"), "services")
    };
    let range = |lower: i64, upper: i64| json!({"lowerValue": lower, "upperValue": upper});
    let paris = json!({
        "serviceTypes": ["HTTPS", "CUSTOM"],
        "customServiceTypes": [
            {"protocol": "TCP", "port": [range(80, 80), range(8000, 8100)]},
            {"protocol": "ICMP", "icmpType": [range(8, 8)]},
        ],
    });
    for same in [
        "[https, tcp/8000-8100, icmp/8, tcp/80]",
        "[tcp/80, Icmp/8, HTTPS, TCP/8000-8100, https, tcp/80-80]",
        "{service_types: [https], custom_service_types: [{protocol: tcp, port: [{value: 80}, {lower_value: 8000, upper_value: 8100}]}, {protocol: icmp, icmp_type: [{value: 8}]}]}",
        "{serviceTypes: [HTTPS, CUSTOM], customServiceTypes: [{protocol: ICMP, icmpType: [{value: null, lowerValue: 8, upperValue: 8}], port: null}, {protocol: TCP, port: [{value: 80}]}, {protocol: TCP, port: [{lowerValue: 8000, upperValue: 8100}]}]}",
    ] {
        assert_eq!(read(same), paris, "{same}");
    }
    assert_eq!(read("[any]"), json!({"serviceTypes": ["ANY"], "customServiceTypes": []}));
    // The whole protocol swallows its ranges.
    let udp = json!({"serviceTypes": ["CUSTOM"], "customServiceTypes": [{"protocol": "UDP"}]});
    for same in
        ["[udp/53, udp]", "{custom_service_types: [{protocol: udp}, {protocol: udp, port: [{value: 53}]}]}"]
    {
        assert_eq!(read(same), udp, "{same}");
    }
    assert_eq!(read("[ssh, raw:GOPHER, bgp]")["serviceTypes"], json!(["BGP", "SSH", "GOPHER"]));
    for none in
        ["[]", "null", "{}", "{service_types: [], custom_service_types: null}", "{service_types: [custom]}"]
    {
        assert_eq!(read(none), Value::Null, "{none}");
    }
}

#[test]
fn domains_and_networks() {
    let domains = |kind: &str, text: &str| {
        let parent = kind.split('_').next().unwrap();
        canonical(kind, &format!("{parent}: p, name: a, domains: {text}"), "domains")
    };
    let plain = |domain: &str| json!({"value": domain, "allowEmbeddedIp": false, "exactMatch": false});
    let exact = json!({"value": "b.c.", "allowEmbeddedIp": false, "exactMatch": true});
    assert_eq!(
        domains(
            "network_applications",
            "[A.b, {domain: b.c., exact_match: true}, a.b., {value: A.B, allow_embedded_ip: false}]"
        ),
        json!([plain("A.b"), exact])
    );
    assert_eq!(
        domains(
            "network_applications",
            "[{id: r, type: DOMAIN, domain: b.c., allowEmbeddedIp: false, exactMatch: true, _n: 1}]"
        ),
        json!([exact])
    );
    // Applications of hosts know no exact match.
    assert_eq!(
        domains("host_applications", "[a.b, {domain: c, allow_embedded_ip: true}]"),
        json!([{"value": "a.b", "allowEmbeddedIp": false}, {"value": "c", "allowEmbeddedIp": true}])
    );
    let routes = |text: &str| {
        canonical(
            "network_ip_services",
            &format!("network: n, name: a, type: ip_source, routes: {text}"),
            "routes",
        )
    };
    assert_eq!(
        routes(
            "[10.0.0.0/8, {subnet: \"2001:DB8::/32\"}, {value: 10.0.0.0/8}, {id: r, parentRouteId: p, type: IP_V4, subnet: 10.0.0.0/8}]"
        ),
        json!([{"value": "10.0.0.0/8"}, {"value": "2001:db8::/32"}])
    );
    assert_eq!(routes("[]"), Value::Null);
}

const CONTEXT: &str = "name: c, default_check: false";

#[test]
fn checks_and_platforms() {
    let context = |rest: &str| state(&spec(&format!("location_contexts: [{{{CONTEXT}, {rest}}}]"))).remove(0);
    let full = "location_context c: country_check={allowed=true countries=[\"FR\",\"IT\"]} default_check={allowed=false} \
                ip_check={allowed=true ips=[{\"ip\":\"192.0.2.0/24\"},{\"ip\":\"198.51.100.7/32\",\"description\":\"plant\"}]} \
                name=\"c\"";
    for same in [
        "ip_check: {allowed: true, ips: [192.0.2.0/24, {ip: 198.51.100.7/32, description: plant}]}, country_check: {allowed: true, countries: [FR, it]}",
        "ipCheck: {allowed: true, ips: [{ip: 192.0.2.0/24, description: null}, {ip: 198.51.100.7/32, description: plant}, 192.0.2.0/24]}, countryCheck: {allowed: true, countries: [fr, IT, FR]}",
    ] {
        assert_eq!(context(same), full);
    }
    assert_eq!(
        context("ip_check: true, country_check: null"),
        "location_context c: country_check=clear default_check={allowed=false} ip_check={allowed=true} name=\"c\""
    );
    let posture = spec(
        "device_postures: [{name: p, userGroupsIds: [g], windows: {allowed: true, version: {version: \"10.0\", condition: gte}, antiviruses: [avg, AVAST, avg], diskEncryption: {type: full_disk}, certificate: PEM}, macos: {antiviruses: [], disk_encrypted: null}, linux: true, android: {allowed: false}, ios: null}]",
    );
    assert_eq!(lines(&posture), [""; 0]);
    assert_eq!(
        state(&posture),
        [
            "device_posture p: android={allowed=false} ios=clear linux={allowed=true} macos={antiviruses=clear disk_encrypted=clear} \
             name=\"p\" user_groups=[#g] windows={allowed=true antiviruses=[\"AVG\",\"AVAST\"] certificate=\"PEM\" \
             disk_encryption={type=\"FULL_DISK\"} version={condition=\"GTE\" version=\"10.0\"}}"
        ]
    );
}

/// Every form of an item, by side, and the API's items that it stands for.
#[test]
fn access_items() {
    let side = |side: &str, text: &str| {
        let other = if side == "source" { "destination" } else { "source" };
        let reading =
            spec(&format!("access_groups: [{{name: a, {other}: [{{user_groups: all}}], {side}: {text}}}]"));
        assert_eq!(lines(&reading), [""; 0], "{text}");
        let all = state(&reading).remove(0);
        let start = all.find(&format!(" {side}=")).unwrap() + side.len() + 2;
        all[start..].split(" name=").next().unwrap().to_owned()
    };
    for (name, text, expected) in [
        ("source", "[{user_groups: all}]", "(USER_GROUP true  [])"),
        ("source", "[{user_groups: [a, {id: b}]}]", "(USER_GROUP false  [@a #b])"),
        ("source", "[{networks: all}]", "(NETWORK_SERVICE true  [])"),
        ("source", "[{network: n, all: true}]", "(NETWORK_SERVICE true @n [])"),
        ("source", "[{networks: [n, {id: m}]}]", "(NETWORK_SERVICE true @n [])(NETWORK_SERVICE true #m [])"),
        ("source", "[{network: n, ip_services: [s, t]}]", "(NETWORK_SERVICE false @n [@s @t])"),
        ("source", "[{hosts: all}]", "(HOST true  [])"),
        ("source", "[{host: h, all: true}]", "(HOST true @h [])"),
        ("source", "[{hosts: [h, i]}]", "(HOST true @h [])(HOST true @i [])"),
        (
            "destination",
            "[{hosts: all}, {host: h, all: true}]",
            "(HOST_SERVICE true  [])(HOST_SERVICE true @h [])",
        ),
        (
            "destination",
            "[{host: h, applications: [a], ip_services: [b]}]",
            "(HOST_SERVICE false @h [@a @b])",
        ),
        ("destination", "[{published_services: all}]", "(PUBLISHED_SERVICE true  [])"),
        ("destination", "[{published_services: [x, y]}]", "(PUBLISHED_SERVICE false  [!x !y])"),
        (
            "destination",
            "[{type: network-service, allCovered: false, parent: p, children: [c, c]}, {type: NEW, all_covered: true, parent: null}]",
            "(NETWORK_SERVICE false !p [!c])(NEW true  [])",
        ),
        // Children of equal type and parent are joined, in the order written.
        (
            "destination",
            "[{network: n, applications: [b]}, {user_groups: [g]}, {network: N, ip_services: [a], applications: [b, c]}, {user_groups: [h, g]}]",
            "(NETWORK_SERVICE false @n [@b @c @a])(USER_GROUP false  [@g @h])",
        ),
        ("destination", "[{networks: [n]}, {network: n, all: true}]", "(NETWORK_SERVICE true @n [])"),
    ] {
        assert_eq!(side(name, text).trim_end(), expected, "{text}");
    }
}

/// Applications and IP services are looked for under the network or host beside them.
#[test]
fn references_of_access_items() {
    let reading = spec(
        "access_groups: [{name: a, source: [{user_groups: all}], destination: [{network: n, applications: [x], ip_services: [{id: y}]}, {host: h, ip_services: [z]}]}]",
    );
    let FieldValue::Access(items) = last(&reading, "destination") else { panic!() };
    let told: Vec<_> = items
        .iter()
        .flat_map(|item| &item.children)
        .map(|child| {
            let within = child.within.as_ref().unwrap();
            let Target::Key(parent) = &within.target else { panic!() };
            format!("{} {} in {} {}", child.path, child.kind, within.kind, parent)
        })
        .collect();
    assert_eq!(
        told,
        [
            "destination[0].applications[0] network_application in network n",
            "destination[0].ip_services[0] network_ip_service in network n",
            "destination[1].ip_services[0] host_ip_service in host h",
        ]
    );
    let mut seen = 0;
    last(&reading, "destination").for_each_reference(&mut |_| seen += 1);
    assert_eq!(seen, 5);
}

/// A text, and its problems as `CODE LINE:COLUMN PATH`.
type Case = (&'static str, &'static [&'static str]);

const SPECS: &[Case] = &[
    // Services.
    (
        "host_applications: [{host: h, name: a, domains: [b], services: [htps, tcp/70000, icmp/256, udp/9-8, custom, tcp/, 80, sctp/1]}]",
        &[
            "E204 1:65 services[0]",
            "E204 1:71 services[1]",
            "E204 1:82 services[2]",
            "E204 1:92 services[3]",
            "E204 1:101 services[4]",
            "E204 1:109 services[5]",
            "E105 1:115 services[6]",
            "E204 1:119 services[7]",
        ],
    ),
    (
        "host_ip_services:\n  - host: h\n    name: a\n    services:\n      service_types: [gopher]\n      custom_service_types:\n        - {protocol: sctp}\n        - {protocol: tcp, icmp_type: [{value: 8}]}\n        - {protocol: icmp, port: [{value: 8}]}\n        - {port: []}\n        - {protocol: tcp, port: [{lower_value: 1}]}\n        - {protocol: tcp, port: [{value: 65536}]}\n        - {protocol: tcp, port: [{value: x}]}\n        - {protocol: tcp, ports: []}\n        - tcp\n",
        &[
            "E201 5:23 services.service_types[0]",
            "E201 7:22 services.custom_service_types[0].protocol",
            "E204 8:38 services.custom_service_types[1].icmp_type",
            "E204 9:34 services.custom_service_types[2].port",
            "E204 10:11 services.custom_service_types[3]",
            "E204 11:34 services.custom_service_types[4].port[0]",
            "E204 12:34 services.custom_service_types[5].port[0]",
            "E105 13:42 services.custom_service_types[6].port[0].value",
            "E103 14:27 services.custom_service_types[7].ports",
            "E105 15:11 services.custom_service_types[8]",
        ],
    ),
    ("host_ip_services: [{host: h, name: a, services: {types: [any]}}]", &["E103 1:50 services.types"]),
    ("host_ip_services: [{host: h, name: a, services: https}]", &["E105 1:49 services"]),
    ("host_ip_services: [{host: h, name: a, services: [any, https]}]", &["W422 1:49 services"]),
    ("host_ip_services: [{host: h, name: a, services: [tcp/1, any]}]", &["W422 1:49 services"]),
    // Domains and networks.
    (
        "network_applications: [{network: n, name: a, domains: [a..b, {domain: a b}, {exact_match: true}, {domain: c, exact: true}, 1]}]",
        &[
            "E205 1:56 domains[0]",
            "E205 1:71 domains[1].domain",
            "E106 1:77 domains[2]",
            "E103 1:110 domains[3].exact",
            "E105 1:124 domains[4]",
        ],
    ),
    (
        "network_applications: [{network: n, name: a, domains: [a.b, {domain: A.B., exact_match: true}]}]",
        &["E206 1:61 domains[1]"],
    ),
    (
        "network_applications: [{network: n, name: a, domains: [{domain: a.b, value: c}, {domain: d, exact_match: 1}]}]",
        &["E104 1:70 domains[0].domain", "E105 1:106 domains[1].exact_match"],
    ),
    ("host_applications: [{host: h, name: a, domains: [{domain: b, exact_match: true}]}]", &["E103 1:62 domains[0].exact_match"]),
    ("host_applications: [{host: h, name: a, domains: []}]", &["W421 1:49 domains"]),
    ("host_applications: [{host: h, name: a, domains: null}]", &["E108 1:49 domains"]),
    (
        "network_ip_services: [{network: n, name: a, type: source, routes: [10.0.0.1/8, {subnet: 10.0.0.0}, {}]}]",
        &["E201 1:51 type", "E203 1:68 routes[0]", "E203 1:89 routes[1].subnet", "E106 1:100 routes[2]"],
    ),
    (
        "hosts: [{name: h, applications: [{name: a, domains: [b c]}], ip_services: [{name: s, type: ip_source}]}]",
        &["E205 1:54 applications[0].domains[0]", "E103 1:86 ip_services[0].type"],
    ),
    // All that is wrong with one element is told at once.
    (
        "network_applications: [{network: n, name: a, domains: [{domain: a b, exact: true, allow_embedded_ip: 1}], services: {custom_service_types: [{protocol: tcp, port: [{value: -1}, {valu: 1}, {lower_value: 2, upper_value: 1}]}]}}]",
        &[
            "E205 1:65 domains[0].domain",
            "E103 1:70 domains[0].exact",
            "E105 1:102 domains[0].allow_embedded_ip",
            "E204 1:164 services.custom_service_types[0].port[0]",
            "E103 1:178 services.custom_service_types[0].port[1].valu",
            "E204 1:188 services.custom_service_types[0].port[2]",
        ],
    ),
    // Access groups.
    (
        "access_groups: [{name: a, source: [], destination: null}]",
        &["E451 1:35 source", "E108 1:52 destination"],
    ),
    (
        "access_groups:\n  - name: a\n    source:\n      - {}\n      - {network: n}\n      - {network: n, all: false}\n      - {network: n, all: true, ip_services: [s]}\n      - {network: n, host: h}\n      - {user_groups: [g], all: true}\n      - {user_groups: []}\n      - {network: n, ip_services: []}\n      - {published_services: all}\n      - {host: h, ip_services: [s]}\n      - {allCovered: true}\n      - {type: HOST, host: h}\n      - {applications: [x]}\n      - engineers\n      - {user_groups: every}\n      - {user_group: [g]}\n      - {networks: null}\n    destination: [{user_groups: all}]\n",
        &[
            "E452 4:9 source[0]",
            "E452 5:9 source[1]",
            "E452 6:9 source[2]",
            "E452 7:9 source[3]",
            "E452 8:9 source[4]",
            "E452 9:9 source[5]",
            "E452 10:9 source[6]",
            "E452 11:9 source[7]",
            "E452 12:9 source[8]",
            "E452 13:9 source[9]",
            "E452 14:9 source[10]",
            "E452 15:9 source[11]",
            "E452 16:9 source[12]",
            "E105 17:9 source[13]",
            "E105 18:23 source[14].user_groups",
            "E103 19:10 source[15].user_group",
            "E108 20:20 source[16].networks",
        ],
    ),
    (
        "access_groups: [{name: a, source: [{network: n, applications: [x]}], destination: [{hosts: all}]}]",
        &["W453 1:63 source[0].applications"],
    ),
    // IP services of the spec: nested and flat, by name and by id.
    (
        "networks: [{name: n, ip_services: [{name: s, type: service_destination}, {name: t, type: ip_source}]}]
network_ip_services: [{network: m, name: s, type: service_destination}, {id: i, type: service_destination}]
access_groups:
  - name: a
    source: [{network: N, ip_services: [s, t, u]}, {network: m, ip_services: [s, {id: i}]}]
    destination: [{network: n, ip_services: [s]}]
",
        &[
            "W453 5:41 source[0].ip_services[0]",
            "W453 5:79 source[1].ip_services[0]",
            "W453 5:82 source[1].ip_services[1]",
        ],
    ),
    // Location contexts.
    (
        "location_contexts: [{name: a, default_check: maybe, ip_check: {allowed: true, ips: []}, country_check: {allowed: true, countries: []}}]",
        &["E105 1:46 default_check", "E462 1:84 ip_check.ips", "W463 1:131 country_check.countries"],
    ),
    (
        "location_contexts: [{name: a, ip_check: {ips: [192.0.2.1, {ip: 10.0.0.0/8}, {ip: 10.0.0.0/8, description: x}, {cidr: x}]}, country_check: {countries: [FRA, f1, fr]}}]",
        &[
            "E203 1:48 ip_check.ips[0]",
            "E206 1:77 ip_check.ips[2]",
            "E103 1:112 ip_check.ips[3].cidr",
            "E205 1:152 country_check.countries[0]",
            "E205 1:157 country_check.countries[1]",
        ],
    ),
    ("location_contexts: [{name: a, ip_check: null, country_check: null}]", &["E461 1:21 -"]),
    // Device postures.
    (
        "device_postures: [{name: a, windows: {disk_encryption: {type: full_disk, volume: C}, antiviruses: [cortex-xdr, norten]}, macos: {antiviruses: [cortex_xdr], disk_encryption: {}}, linux: {allowed: yes}}]",
        &[
            "W471 1:82 windows.disk_encryption.volume",
            "E201 1:112 windows.antiviruses[1]",
            "W472 1:144 macos.antiviruses[0]",
            "E103 1:157 macos.disk_encryption",
            "E105 1:196 linux.allowed",
        ],
    ),
];

#[test]
fn problems() {
    for (text, expected) in SPECS {
        assert_eq!(lines(&spec(text)), *expected, "{text}");
    }
}

/// Rules on what is missing hold for creates; in a spec the live object decides.
#[test]
fn problems_of_creates() {
    let cases: &[(Kind, Case)] = &[
        (Kind::AccessGroup, ("[{name: a, source: [{hosts: all}]}]", &["E113 1:2 destination"])),
        (
            Kind::AccessGroup,
            ("[{name: a, source: [], destination: 1}]", &["E451 1:20 source", "E105 1:37 destination"]),
        ),
        (Kind::LocationContext, ("[{name: a}]", &["E113 1:2 default_check", "E461 1:2 -"])),
        (
            Kind::LocationContext,
            ("[{name: a, default_check: true, ip_check: true}]", &["E462 1:43 ip_check.ips"]),
        ),
        (Kind::NetworkApplication, ("[{network: n, name: a}]", &["W111 1:2 domains"])),
        (Kind::NetworkIpService, ("[{network: n, name: a, services: [any]}]", &["W111 1:2 type"])),
        (Kind::HostIpService, ("[{host: n, name: a, services: [any]}]", &[])),
        (
            Kind::DevicePosture,
            (
                "[{name: a, windows: {disk_encryption: {volume: C}}}]",
                &["W471 1:48 windows.disk_encryption.volume"],
            ),
        ),
    ];
    for (kind, (text, expected)) in cases {
        assert_eq!(lines(&items(*kind, text)), *expected, "{text}");
    }
    let part = "location_contexts: [{name: a, ip_check: true}]\ndevice_postures: [{name: a, windows: {disk_encryption: {volume: C}}}]";
    assert_eq!(lines(&spec(part)), [""; 0]);
}

#[test]
fn certificates() {
    let posture = spec("device_postures: [{name: a, macos: {certificate: {file: ca.pem}}}]");
    assert_eq!(lines(&posture), [""; 0]);
    let ipsec = spec(
        "network_connectors: [{network: n, name: a, ipsec: {ca_certificate: PEM, peer_certificate_private_key: {env: K}, pre_shared_key: {env: P}}}]",
    );
    assert_eq!(
        lines(&ipsec),
        ["W414 1:68 ipsec.ca_certificate", "W414 1:103 ipsec.peer_certificate_private_key"]
    );
}

/// What is said of a problem: what was expected, and what was probably meant.
#[test]
fn words() {
    let said = |text: &str| {
        let problem = spec(text).problems.remove(0);
        [Some(problem.message), problem.expected, problem.hint].map(Option::unwrap_or_default).join(" | ")
    };
    let of =
        |services: &str| said(&format!("host_ip_services: [{{host: h, name: a, services: {services}}}]"));
    assert_eq!(
        of("[htps]"),
        "`htps` is not a service | a named type such as `https`, or `tcp/8000-8100`, `udp/53`, `icmp/8`, `tcp` | did you mean `https`?"
    );
    assert_eq!(of("[tcp/70000]"), "`tcp/70000` is out of range | ports from 0 to 65535 | ");
    assert_eq!(of("[icmp/300]"), "`icmp/300` is out of range | ICMP types from 0 to 255 | ");
    assert_eq!(of("[udp/9-8]"), "the range `udp/9-8` ends before it begins |  | did you mean `udp/8-9`?");
    assert_eq!(
        of("[any, ssh]"),
        "`any` beside other services, which it includes |  | remove `any`, or all others"
    );
    let access = |item: &str| {
        said(&format!("access_groups: [{{name: a, source: [{{user_groups: all}}], destination: [{item}]}}]"))
    };
    assert!(access("{network: n}").starts_with(
        "`network` alone: all of the network, or which of its services? | one of `{user_groups"
    ));
    assert_eq!(
        access("{user_group: [g]}"),
        "an item of an access group has no field `user_group` |  | did you mean `user_groups`?"
    );
    assert_eq!(
        said("network_applications: [{network: n, name: a, domains: [a,\n {domain: a, exact_match: true}]}]"),
        "`domains[1]` says something else than the same element on line 1 |  | keep one of them"
    );
    assert_eq!(
        said("location_contexts: [{name: a, country_check: {countries: [France]}}]"),
        "`France` is not a country code | two letters, such as `FR` | "
    );
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "any", "https", "SSH", "tcp", "udp", "icmp", "tcp/80", "tcp/1-9", "udp/53", "icmp/8", "raw:X",
        "custom", "x", "tcp/9-1",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The canonical form of services reads as itself.
    #[test]
    fn services_read_back(words in prop::collection::vec(word(), 0..6)) {
        let read = |services: &Value| {
            let reading = spec(&json!({"host_ip_services": [{"host": "h", "name": "a", "services": services}]}).to_string());
            reading.desired.items[0].fields.get("services").cloned()
        };
        let bad = words.iter().any(|word| matches!(*word, "custom" | "x" | "tcp/9-1"));
        match read(&json!(words)) {
            None => prop_assert!(bad),
            Some(FieldValue::Clear) => prop_assert!(words.is_empty()),
            Some(FieldValue::Value(config)) => {
                prop_assert!(!bad);
                let mut raw = config.clone();
                // A type that the API does not have yet needs its `raw:` again.
                for of in raw["serviceTypes"].as_array_mut().unwrap() {
                    if of == "X" {
                        *of = "raw:X".into();
                    }
                }
                prop_assert_eq!(read(&raw), Some(FieldValue::Value(config)));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// However domains are written, the request's objects read as themselves.
    #[test]
    fn domains_read_back(domains in prop::collection::btree_map("[a-c]\\.[a-c]", (any::<bool>(), any::<bool>()), 1..4)) {
        let elements: Vec<Value> = domains
            .iter()
            .map(|(domain, (embedded, exact))| match (embedded, exact) {
                (false, false) => json!(domain),
                (true, false) => json!({"domain": domain, "allow_embedded_ip": true}),
                (embedded, exact) => json!({"value": domain, "allowEmbeddedIp": embedded, "exact_match": exact}),
            })
            .collect();
        let read = |domains: &Value| {
            let reading = spec(&json!({"network_applications": [{"network": "n", "name": "a", "domains": domains}]}).to_string());
            reading.desired.items[0].fields.get("domains").cloned()
        };
        let Some(FieldValue::Value(once)) = read(&json!(elements)) else { panic!() };
        prop_assert_eq!(once.as_array().unwrap().len(), domains.len());
        prop_assert_eq!(read(&once), Some(FieldValue::Value(once)));
    }
}

/// All that is not said is not owned.
#[test]
fn absent_fields_are_not_owned() {
    let reading =
        spec("network_ip_services: [{network: n, name: a}]\ndevice_postures: [{name: p, windows: {}}]");
    assert_eq!(lines(&reading), [""; 0]);
    let owned = |item: &Item| item.fields.keys().copied().collect::<Vec<_>>();
    assert_eq!(owned(&reading.desired.items[0]), ["name"]);
    assert_eq!(state(&reading)[1], "device_posture p: name=\"p\" windows={}");
}

/// The value of a setting, as documents show it.
fn setting(text: &str) -> String {
    let reading = spec(&format!("settings: {{{text}}}"));
    assert_eq!(lines(&reading), [""; 0], "{text}");
    state(&reading).pop().unwrap().split_once(" value=").unwrap().1.to_owned()
}

#[test]
fn settings() {
    for (text, expected) in [
        ("wpc: {topology: full-mesh}", "\"FULL_MESH\""),
        (
            "wpc: {subnet: {ipV4Address: [10.0.0.0/8], ipv6: [\"2001:DB8::/32\"]}}",
            "{ipv4=[\"10.0.0.0/8\"] ipv6=[\"2001:db8::/32\"]}",
        ),
        (
            "wpc: {domain_routing_subnet: {ipv4: 10.0.0.0/24, ip_v6_address: \"2001:db8::/96\"}}",
            "{ipv4=\"10.0.0.0/24\" ipv6=\"2001:db8::/96\"}",
        ),
        ("wpc: {client_options: [b, a, b]}", "[\"b\",\"a\",\"b\"]"),
        ("wpc: {client_options: []}", "clear"),
        ("wpc: {default_region: it-mxp}", "\"it-mxp\""),
        ("wpc: {ip_allocation_mode: raw:IP_V6_ONLY}", "\"IP_V6_ONLY\""),
        ("users: {connection_timeout: 12}", "12"),
        ("user: {device_enforcement: \"off\"}", "\"OFF\""),
        ("dns: {default_suffix: Corp.Example.}", "\"Corp.Example.\""),
        ("dns: {default_suffix: null}", "clear"),
        ("dns: {custom_servers: {primaryIpV4: 10.0.0.1}}", "{primary=\"10.0.0.1\"}"),
        ("dns: {custom_servers: null}", "clear"),
        ("dns: {zones: null}", "clear"),
        ("dns: {zones: {zones: []}}", "clear"),
        ("dns_log: false", "false"),
    ] {
        assert_eq!(setting(text), expected, "{text}");
    }
    let zones = "[{\"name\":\"b.c\",\"addresses\":[\"10.0.0.2\",\"2001:db8::1\"]},{\"name\":\"A.b.\",\"addresses\":[\"10.0.0.1\"]}]";
    for same in [
        "dns: {zones: [{name: b.c, addresses: [10.0.0.2, \"2001:DB8::1\"]}, {name: A.b., addresses: [10.0.0.1, 10.0.0.1]}]}",
        "dns: {zones: {zones: [{name: b.c, addresses: [10.0.0.2, \"2001:db8::1\"]}, {name: A.b., addresses: [10.0.0.1]}, {name: B.C, addresses: [\"2001:db8::1\", 10.0.0.2]}]}}",
    ] {
        assert_eq!(setting(same), zones);
    }
}

const SETTINGS: &[Case] = &[
    (
        "settings:\n  wpc: {topology: star, snat: null, subnet: {ipv4: [], ipv6: [10.0.0.0/8]}, client_options: [1]}\n",
        &[
            "E201 2:19 wpc.topology",
            "E108 2:31 wpc.snat",
            "E108 2:52 wpc.subnet.ipv4",
            "E203 2:63 wpc.subnet.ipv6[0]",
            "E105 2:94 wpc.client_options[0]",
        ],
    ),
    (
        "settings:\n  dns:\n    zones:\n      - {name: a..b, addresses: [x]}\n      - {name: c}\n      - {name: d, addresses: [10.0.0.1]}\n      - {name: D., addresses: [10.0.0.2]}\n      - e\n    default_suffix: \"a b\"\n    custom_servers: {primary: \"::1\", third: 1}\n    proxy_enabled: 1\n",
        &[
            "E205 4:16 dns.zones[0].name",
            "E203 4:34 dns.zones[0].addresses[0]",
            "E206 7:9 dns.zones[3]",
            "E105 8:9 dns.zones[4]",
            "E205 9:21 dns.default_suffix",
            "E203 10:31 dns.custom_servers.primary",
            "E103 10:38 dns.custom_servers.third",
            "E105 11:20 dns.proxy_enabled",
        ],
    ),
    ("settings: {users: {connection_timeout: 2147483648}}", &["E202 1:40 users.connection_timeout"]),
    // Routes against the subnets of the spec.
    (
        "settings: {wpc: {subnet: {ipv4: [100.96.0.0/11]}, domain_routing_subnet: {ipv4: 100.80.0.0/16}}}
networks: [{name: n, routes: [100.96.1.0/24, 100.64.0.0/10, 100.80.0.0/16, 10.0.0.0/8]}]
",
        &[
            "W406 2:31 routes[0].subnet",
            "W405 2:46 routes[1].subnet",
            "W406 2:46 routes[1].subnet",
            "W405 2:61 routes[2].subnet",
            "W406 2:61 routes[2].subnet",
        ],
    ),
    // Networks may share addresses if the spec says so; within one network an overlap is told all the same.
    (
        "networks: [{name: a, routes: [10.0.0.0/8]}, {name: b, routes: [10.0.0.0/8, 10.1.0.0/16]}]
settings: {wpc: {routes_advanced_configuration_enabled: true}}
",
        &["W405 1:76 routes[1].subnet"],
    ),
    (
        "networks: [{name: a, routes: [10.0.0.0/8]}, {name: b, routes: [10.0.0.0/8]}]
settings: {wpc: {routes_advanced_configuration_enabled: false}}
",
        &["E404 1:64 routes[0].subnet"],
    ),
    // An absent part is sent as read, so that only the planner can tell; a bare item is told by its own names.
    ("settings: {dns: {custom_servers: {secondary: 10.0.0.1}}, wpc: {domain_routing_subnet: {}}}", &[]),
    ("- {kind: setting, key: dns.custom_servers, value: {primary: x}}", &["E203 1:61 value.primary"]),
];

#[test]
fn problems_of_settings() {
    for (text, expected) in SETTINGS {
        assert_eq!(lines(&spec(text)), *expected, "{text}");
    }
    let update = items(Kind::Setting, "- {key: dns.custom_servers, value: {secondary: 10.0.0.1}}");
    assert_eq!(lines(&update), ["W491 1:36 value"]);
}
