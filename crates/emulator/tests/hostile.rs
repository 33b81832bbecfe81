//! Hostile input to every endpoint: wrong types, huge and deep JSON, unknown ids, bad paging, bad tokens, odd bytes.
//!
//! Whatever comes, the emulator does not panic, answers no 5xx, and says no in the forms of the reference (API section 3).

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod kit;

use bytes::Bytes;
use connexa_types::{Endpoint, Method};
use http::Request;
use kit::{Answered, Kit};
use proptest::{prelude::*, sample::Index, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::{Map, Value, json};

/// Bodies that are right, or nearly, for what an endpoint wants: a start for getting them wrong.
fn seed_body(endpoint: Endpoint, group: &str) -> Value {
    let connector = json!({"name": "c", "vpnRegionId": "it-mxp", "description": "d"});
    let phase = json!({
        "encryptionAlgorithms": ["AES128"], "integrityAlgorithms": ["SHA1"], "diffieHellmanGroups": ["G_14"], "lifetimeSec": 3600,
    });
    let ipsec = json!({
        "platform": "AWS", "authenticationType": "SHARED_SECRET", "remoteSitePublicIp": "192.0.2.1", "preSharedKey": "k",
        "ikeProtocol": {
            "protocolVersion": "IKE_V2", "phase1": phase, "phase2": phase,
            "rekey": {"marginTimeSec": 270, "fuzzPercent": 100, "replayWindowSize": 1024},
            "deadPeerDetection": {"timeoutSec": 30, "deadPeerHandling": "NONE"}, "startupAction": "START",
        },
    });
    let config = json!({
        "serviceTypes": ["CUSTOM"],
        "customServiceTypes": [{"protocol": "TCP", "port": [{"lowerValue": 1, "upperValue": 2}, {"value": 7}]}],
    });
    let item = json!({"type": "USER_GROUP", "allCovered": false, "parent": null, "children": [group]});
    let path = endpoint.info().path;
    match path {
        p if p.starts_with("/networks/connectors") => {
            let mut connector = connector;
            connector["ipSecConfig"] = ipsec;
            connector
        }
        p if p.starts_with("/hosts/connectors") => connector,
        p if p.starts_with("/networks/routes") => json!({"value": "10.9.0.0/16", "description": "d"}),
        p if p.contains("/applications") => json!({
            "name": "a", "description": "d", "config": config,
            "routes": [{"value": "a.example", "allowEmbeddedIp": true, "exactMatch": false}],
        }),
        p if p.contains("/ip-services") => json!({
            "name": "s", "type": "IP_SOURCE", "routes": [{"value": "10.9.1.0/24"}], "config": config,
        }),
        p if p.starts_with("/networks") => json!({
            "name": "n", "description": "d", "internetAccess": "SPLIT_TUNNEL_ON", "egress": true, "tunnelingProtocol": "OPENVPN",
            "gatewaysIds": [], "connectors": [connector], "routes": [{"value": "10.9.0.0/16"}],
        }),
        p if p.starts_with("/hosts") => json!({
            "name": "h", "domain": "h.example", "internetAccess": "SPLIT_TUNNEL_ON", "gatewaysIds": [], "connectors": [connector],
        }),
        p if p.starts_with("/users") => json!({
            "username": "u", "email": "u@example.com", "firstName": "f", "lastName": "l", "groupId": group, "role": "MEMBER",
            "secondaryGroupIds": [group], "status": "ACTIVE", "devices": [{"name": "d", "description": "", "clientUUID": "x"}],
        }),
        p if p.starts_with("/user-groups") => json!({
            "name": "g", "vpnRegionIds": ["it-mxp"], "allRegionsIncluded": false, "internetAccess": "SPLIT_TUNNEL_ON",
            "maxDevice": 3, "connectAuth": "NO_AUTH", "gatewaysIds": [], "tunnelBypass": {"ipv4Subnets": ["10.0.0.0/8"]},
        }),
        p if p.starts_with("/devices") => json!({"name": "d", "description": "", "clientUUID": "x"}),
        p if p.starts_with("/device-postures") => json!({
            "name": "p", "userGroupsIds": [group],
            "windows": {"allowed": true, "version": {"version": "1", "condition": "GTE"}, "antiviruses": ["AVG"],
                "diskEncryption": {"type": "FULL_DISK", "volume": "C"}, "certificate": "c"},
            "macos": {"diskEncrypted": true}, "linux": {"allowed": true},
        }),
        p if p.ends_with("/source") || p.ends_with("/destination") => item,
        p if p.starts_with("/access-groups") => json!({"name": "a", "source": [item], "destination": [item]}),
        p if p.starts_with("/location-contexts") => json!({
            "name": "l", "userGroupsIds": [group], "defaultCheck": {"allowed": true},
            "ipCheck": {"allowed": true, "ips": [{"ip": "192.0.2.0/24", "description": ""}]},
            "countryCheck": {"allowed": true, "countries": ["DE"]},
        }),
        p if p.starts_with("/dns-records") => {
            json!({"domain": "d.example", "ipv4Addresses": ["10.0.0.1"], "ipv6Addresses": ["::1"]})
        }
        p if p.contains("-remove-domains") => json!({"domains": ["a.example"]}),
        p if p.contains("-add-domains") => {
            json!({"domainAndComments": [{"domain": "a.example", "comment": "c"}]})
        }
        "/settings/wpc/subnet" => json!({"ipV4Address": ["10.0.0.0/8"], "ipV6Address": ["fd00::/8"]}),
        "/settings/wpc/domain-routing-subnet" => {
            json!({"ipV4Address": "10.0.0.0/8", "ipV6Address": "fd00::/8"})
        }
        "/settings/dns/zones" => json!({"zones": [{"name": "a.example", "addresses": ["10.0.0.1"]}]}),
        "/settings/dns/custom-servers" => json!({"primaryIpV4": "10.0.0.1", "secondaryIpV4": "10.0.0.2"}),
        _ => json!([true]),
    }
}

fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("\u{0}".to_owned()),
        Just("\u{202e}\u{1f4a3}é".to_owned()),
        Just("x".repeat(5000)),
        Just("255.255.255.255/0".to_owned()),
        Just("::/0".to_owned()),
        Just("0.0.0.0/32".to_owned()),
        Just("-1".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("' OR 1=1; --".to_owned()),
        Just("../../etc/passwd".to_owned()),
        ".{0,12}",
    ]
}

fn odd_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        odd_text().prop_map(Value::from),
        Just(Value::Array(vec![Value::Null; 1001])),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((odd_text(), inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// How a body differs from the one wanted.
#[derive(Clone, Debug)]
enum BodyFault {
    /// Some values inside are replaced.
    Mutated(Vec<(Index, Value)>),
    /// Some values inside are left out.
    Shrunk(Vec<Index>),
    Other(Value),
    Bytes(Vec<u8>),
    Deep(usize),
    Huge,
}

fn body_fault() -> impl Strategy<Value = BodyFault> {
    prop_oneof![
        6 => prop::collection::vec((any::<Index>(), odd_value()), 0..4).prop_map(BodyFault::Mutated),
        2 => prop::collection::vec(any::<Index>(), 1..4).prop_map(BodyFault::Shrunk),
        1 => odd_value().prop_map(BodyFault::Other),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(BodyFault::Bytes),
        1 => (1_usize..100_000).prop_map(BodyFault::Deep),
        1 => Just(BodyFault::Huge),
    ]
}

/// Every place inside a value, the value itself first.
fn places(value: &Value, here: String, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, format!("{here}/{index}"), found);
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                places(item, format!("{here}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found.push(here);
}

impl BodyFault {
    fn apply(&self, mut wanted: Value) -> Bytes {
        let place = |index: &Index, wanted: &Value| {
            let mut found = Vec::new();
            places(wanted, String::new(), &mut found);
            found.swap_remove(index.index(found.len()))
        };
        match self {
            Self::Mutated(faults) => {
                for (index, fault) in faults {
                    let pointer = place(index, &wanted);
                    *wanted.pointer_mut(&pointer).expect("a place of the value") = fault.clone();
                }
            }
            Self::Shrunk(indexes) => {
                for index in indexes {
                    let pointer = place(index, &wanted);
                    let Some((parent, name)) = pointer.rsplit_once('/') else { continue };
                    match wanted.pointer_mut(parent) {
                        Some(Value::Object(map)) => drop(map.remove(name)),
                        Some(Value::Array(items)) => drop(items.pop()),
                        _ => {}
                    }
                }
            }
            Self::Other(value) => wanted = value.clone(),
            Self::Bytes(bytes) => return Bytes::from(bytes.clone()),
            Self::Deep(depth) => return Bytes::from("[".repeat(*depth) + &"]".repeat(*depth)),
            Self::Huge => return Bytes::from(vec![b' '; (10 << 20) + 1]),
        }
        Bytes::from(wanted.to_string())
    }
}

#[derive(Clone, Debug)]
struct Attack {
    endpoint: Index,
    /// Which id stands in the path: one that exists, or an odd text.
    ids: Vec<Result<Index, String>>,
    /// Which declared parameters are given, and what they hold.
    query: Vec<(Index, Result<Index, String>)>,
    body: BodyFault,
    /// Seldom another method, seldom another token.
    method: Option<String>,
    token: Option<String>,
}

fn attack() -> impl Strategy<Value = Attack> {
    let value = || prop_oneof![3 => any::<Index>().prop_map(Ok), 1 => odd_text().prop_map(Err)];
    let numbers = prop_oneof![Just("0"), Just("10"), Just("-1"), Just("2147483648"), Just("1e3")];
    let query_value = prop_oneof![value(), numbers.prop_map(|n| Err(n.to_owned()))];
    (
        any::<Index>(),
        prop::collection::vec(value(), 2),
        prop::collection::vec((any::<Index>(), query_value), 0..4),
        body_fault(),
        prop::option::weighted(0.05, "[A-Z]{1,8}"),
        prop::option::weighted(0.05, "[ -~]{0,20}"),
    )
        .prop_map(|(endpoint, ids, query, body, method, token)| Attack {
            endpoint,
            ids,
            query,
            body,
            method,
            token,
        })
}

fn encoded(text: &str) -> String {
    percent_encode(text.as_bytes())
}

fn percent_encode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|b| {
            if b.is_ascii_alphanumeric() || *b == b'-' {
                char::from(*b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// Every id that the tenant shows in its lists.
fn live_ids(kit: &mut Kit) -> Vec<String> {
    let lists = Endpoint::ALL
        .iter()
        .map(|e| e.info())
        .filter(|i| i.method == Method::Get && i.name.ends_with("List"));
    let mut ids = Vec::new();
    for info in lists {
        let page = kit.get(&format!("{}?size=20", info.path)).json;
        let content = page["content"].as_array().into_iter().flatten();
        ids.extend(content.filter_map(|o| o["id"].as_str()).map(str::to_owned));
    }
    ids
}

fn launch(kit: &mut Kit, attack: &Attack, ids: &[String]) -> Answered {
    let endpoint = Endpoint::ALL[attack.endpoint.index(Endpoint::ALL.len())];
    let info = endpoint.info();
    let text = |choice: &Result<Index, String>| match choice {
        Ok(index) => ids[index.index(ids.len())].clone(),
        Err(odd) => odd.clone(),
    };
    let mut chosen = attack.ids.iter();
    let path: Vec<String> = info
        .path
        .split('/')
        .map(|segment| {
            if segment.starts_with('{') {
                encoded(&text(chosen.next().expect("two ids")))
            } else {
                segment.to_owned()
            }
        })
        .collect();
    let mut query: Vec<String> = Vec::new();
    if !info.query.is_empty() {
        for (index, value) in &attack.query {
            let name = info.query[index.index(info.query.len())].name;
            query.push(format!("{name}={}", encoded(&text(value))));
        }
    }
    let group = ids.first().cloned().unwrap_or_default();
    let token = attack.token.clone().unwrap_or_else(|| kit.token.clone());
    let request = Request::builder()
        .method(attack.method.as_deref().unwrap_or(info.method.as_str()))
        .uri(format!("/api/v1{}?{}", path.join("/"), query.join("&")))
        .header("authorization", format!("Bearer {token}"))
        .body(attack.body.apply(seed_body(endpoint, &group)))
        .unwrap();
    kit.send(request)
}

/// What every answer looks like, good or bad.
fn is_well_formed(answered: &Answered) -> Result<(), TestCaseError> {
    let (status, text) = (answered.status.as_u16(), &answered.text);
    prop_assert!(status < 500, "{status} {text}");
    match status {
        200 | 201 => {}
        204 => prop_assert!(text.is_empty()),
        // The token endpoint has refusals of its own form.
        400 | 401 if answered.json.get("error").is_some() => {
            prop_assert!(answered.json["error_description"].is_string());
        }
        401 | 403 | 429 => prop_assert!(text.is_empty(), "{text}"),
        404 | 405 | 413 => {
            prop_assert_eq!(&answered.json["status"], &json!(status));
            for name in ["path", "requestId", "statusError"] {
                prop_assert!(answered.json[name].is_string(), "{}", text);
            }
            prop_assert!(answered.json["timestamp"].is_i64());
        }
        400 => {
            let details = answered.json["errorDetails"].as_object().expect("errorDetails");
            prop_assert!(!details.is_empty(), "{}", text);
            for complaints in details.values() {
                let complaints = complaints.as_array().expect("a list");
                prop_assert!(!complaints.is_empty() && complaints.iter().all(|c| c["errorCode"].is_string()));
            }
            prop_assert!(answered.json["errorMessage"].is_string());
            prop_assert_eq!(&answered.json["statusError"], "Bad Request");
        }
        other => prop_assert!(false, "status {} is none of the reference: {}", other, text),
    }
    if (200..500).contains(&status) && status != 401 {
        let limited = answered.headers.contains_key("x-ratelimit-remaining");
        // Without a live token: the token endpoint, or a path that is known to nobody.
        prop_assert!(
            limited
                || answered.json.get("access_token").is_some()
                || answered.json.get("error").is_some()
                || status >= 404
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_request_breaks_the_emulator(attacks in prop::collection::vec(attack(), 24)) {
        let mut kit = Kit::new();
        let mut ids = live_ids(&mut kit);
        ids.push("nobody".to_owned());
        for attack in &attacks {
            let answered = launch(&mut kit, attack, &ids);
            is_well_formed(&answered)?;
            if let Some(id) = answered.json.get("id").and_then(Value::as_str) {
                ids.push(id.to_owned());
            }
        }
        // The tenant is whole: it can be read, and restored as it is.
        let changes = kit.emulator.take_changes();
        let before = live_ids(&mut kit);
        prop_assert_eq!(live_ids(&mut Kit::restored(changes)), before);
    }
}

/// The memory of this process in bytes, where the system tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(1024 * line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()?)
}

#[test]
fn ten_thousand_random_requests_to_one_emulator_take_bounded_memory() {
    let mut runner = TestRunner::deterministic();
    let strategy = attack();
    let mut kit = Kit::new();
    let mut ids = live_ids(&mut kit);
    ids.push("nobody".to_owned());
    let before = memory();
    for number in 0..10_000 {
        let attack = strategy.new_tree(&mut runner).unwrap().current();
        let answered = launch(&mut kit, &attack, &ids);
        if let Err(error) = is_well_formed(&answered) {
            panic!("request {number}, {attack:?}: {error}");
        }
        if let (Some(id), true) = (answered.json["id"].as_str(), ids.len() < 1000) {
            ids.push(id.to_owned());
        }
        // As a host without a store does after each request.
        drop(kit.emulator.take_changes());
    }
    // Far more than the objects and the log of what made them need, far less than the bodies that were sent.
    if let (Some(before), Some(after)) = (before, memory()) {
        let grown = after.saturating_sub(before) >> 20;
        assert!(grown < 256, "grown by {grown} MiB");
    }
}

#[test]
fn every_endpoint_withstands_every_kind_of_body_and_id() {
    let mut kit = Kit::new();
    let mut ids = live_ids(&mut kit);
    ids.push("nobody".to_owned());
    let bodies = [
        "",
        "null",
        "0",
        "\"\"",
        "[]",
        "{}",
        "{\"name\":",
        "\u{feff}{}",
        "[[[[",
        "1e999",
        "{\"name\":{\"name\":[]}}",
    ];
    for endpoint in Endpoint::ALL {
        let info = endpoint.info();
        for body in bodies {
            for id in ["nobody", "%00", "%FF%FE", "..", "%2F", "%25", ids[0].as_str()] {
                let query: Vec<String> = info.query.iter().map(|q| format!("{}={id}", q.name)).collect();
                let path = info.path.replace("{id}", id).replace("{userId}", id);
                let uri = format!("/api/v1{path}?{}", query.join("&"));
                let request = Request::builder()
                    .method(info.method.as_str())
                    .uri(uri)
                    .header("authorization", format!("Bearer {}", kit.token))
                    .body(Bytes::from_static(body.as_bytes()))
                    .unwrap();
                if let Err(error) = is_well_formed(&kit.send(request)) {
                    panic!("{endpoint} {id} {body}: {error}");
                }
            }
        }
    }
}

#[test]
fn no_header_breaks_the_emulator() {
    let mut kit = Kit::new();
    let long = "x".repeat(100_000);
    let values = [
        "",
        "Bearer",
        "Bearer ",
        "bearer  x",
        "Basic",
        "Basic =",
        "Basic !!!",
        "Basic Og==",
        "Basic AAAA",
        &long,
    ];
    for value in values {
        for path in [
            "/api/v1/oauth/token",
            "/api/v1/networks",
            "/",
            "/api/v1/oauth/token?client_id=%FF&client_secret=",
        ] {
            let request = Request::post(path).header("authorization", value).body(Bytes::new()).unwrap();
            let answered = kit.send(request);
            assert!(matches!(answered.status.as_u16(), 401 | 404), "{value:.20} {path}: {}", answered.status);
        }
    }
}
