//! What the benchmarks share: specs and tenants of any size, and how a step is measured.

#![allow(dead_code, reason = "each benchmark uses its own part")]
#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use connexa_engine::{
    catalog,
    current::{CurrentState, OVERLAP},
    plan::{Mode, Plan, PlanOptions, Planning, plan},
    spec::{self, Format, Limits, ReadOptions, Reading, SourceText},
};
use connexa_types::{Kind, SealingKey};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    process::Command,
    time::{Duration, Instant},
};

/// Measures `rows` one by one, each in a process of its own, so that none finds memory that another has left.
///
/// `cargo test --all-targets` starts benchmarks too, and wants nothing of them: without `--bench` nothing is done.
pub(crate) fn each_alone(heading: &str, rows: usize, measure: impl Fn(usize)) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(row) = arguments.iter().find_map(|argument| argument.strip_prefix("--row=")) {
        measure(row.parse().expect("written below"));
    } else if arguments.iter().any(|argument| argument == "--bench") {
        println!("{heading}");
        for row in 0..rows {
            let program = std::env::current_exe().expect("it runs");
            let status = Command::new(program).arg(format!("--row={row}")).status().expect("it ran just now");
            assert!(status.success(), "row {row}");
        }
    }
}

/// What a step took.
pub(crate) struct Measured<T> {
    pub(crate) value: T,
    pub(crate) time: Duration,
}

/// Does a step once.
pub(crate) fn measured<T>(step: impl FnOnce() -> T) -> Measured<T> {
    let start = Instant::now();
    let value = step();
    Measured { value, time: start.elapsed() }
}

/// The most memory that this process has held so far; 0 where the system does not tell.
pub(crate) fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// A spec as a JSON value. `offices` networks bring a connector and three routes each, as many users a device each, and
/// there is a DNS record for each: ten items an office.
pub(crate) fn spec_value(offices: usize) -> Value {
    let numbers = || 0..offices;
    json!({
        "networks": numbers().map(|number| json!({
            "name": format!("office-{number}"),
            "description": "Branch office",
            "egress": false,
            "connectors": [{ "name": format!("office-{number}-1"), "region": "eu-central-1" }],
            "routes": [subnet(3 * number), subnet(3 * number + 1), { "subnet": subnet(3 * number + 2), "description": "lab" }],
        })).collect::<Value>(),
        "user_groups": [{ "name": "engineers", "regions": "all", "max_device": 3 }],
        "users": numbers().map(|number| json!({
            "username": format!("user-{number}"),
            "email": format!("user-{number}@example.com"),
            "first_name": "Ada",
            "group": "engineers",
            "devices": ["laptop", "phone"],
        })).collect::<Value>(),
        "dns_records": numbers().map(|number| json!({
            "domain": format!("office-{number}.corp.example"),
            "ipv4": [format!("10.{}.{}.5", number / 256 % 256, number % 256)],
        })).collect::<Value>(),
        "hosts": numbers().map(|number| json!({ "name": format!("host-{number}") })).collect::<Value>(),
    })
}

/// Distinct networks that do not overlap.
fn subnet(number: usize) -> String {
    format!("2001:db8:{:x}:{:x}::/64", number >> 16, number & 0xffff)
}

/// A value in YAML's block style, as people write it.
pub(crate) fn yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(members) if indent == 0 => {
            for (name, value) in members {
                let _ = writeln!(text, "{name}:");
                block(value, 2, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut lead = "- ";
                for (name, value) in item.as_object().into_iter().flatten() {
                    let _ = writeln!(text, "{:indent$}{lead}{name}: {value}", "");
                    lead = "  ";
                }
            }
        }
        other => text.push_str(&other.to_string()),
    }
}

/// Reads a spec, which must be sound.
pub(crate) fn read(format: Format, text: &str) -> Reading {
    let source =
        SourceText { name: "spec".to_owned(), format: Some(format), bytes: text.as_bytes().to_vec() };
    let options =
        ReadOptions { mode: spec::Mode::Spec, strict: false, limits: Limits::default(), creating: false };
    let key = SealingKey::new([7; 32]);
    let reading = spec::read(&[source], &options, &|field, value| key.seal(field, value));
    assert!(reading.problems.is_empty(), "{:?}", &reading.problems[..1]);
    reading
}

/// A tenant that holds the offices `from..to` of the spec, with their children; `description` is that of each network.
pub(crate) fn tenant(offices: std::ops::Range<usize>, description: &str) -> CurrentState {
    let id = |kind: &str, number: usize| format!("{kind}-{number:036}");
    let numbers = || offices.clone();
    let networks = numbers().map(|number| {
        let route = |part: usize| json!({
            "id": id("route", 3 * number + part), "type": "IP_V6", "subnet": subnet(3 * number + part),
            "description": if part == 2 { "lab" } else { "" }, "networkItemId": id("network", number),
        });
        json!({
            "id": id("network", number), "name": format!("office-{number}"), "description": description,
            "egress": false, "internetAccess": "SPLIT_TUNNEL_ON", "gatewaysIds": [], "tunnelingProtocol": "OPENVPN",
            "systemSubnets": ["100.96.0.0/28", "fd:0:0:8100::/60"],
            "routes": [route(0), route(1), route(2)],
            "connectors": [{
                "id": id("connector", number), "name": format!("office-{number}-1"), "description": "",
                "networkItemId": id("network", number), "networkItemType": "NETWORK", "vpnRegionId": "eu-central-1",
                "ipV4Address": "100.96.0.1", "ipV6Address": "fd::1", "connectionStatus": "ONLINE",
            }],
        })
    });
    let users = numbers().map(|number| {
        let device = |name: &str| json!({
            "id": id(name, number), "name": name, "userId": id("user", number), "description": "",
            "ipV4Address": "100.96.1.1", "ipV6Address": "fd::2", "connectionStatus": "OFFLINE",
        });
        json!({
            "id": id("user", number), "username": format!("user-{number}"), "email": format!("user-{number}@example.com"),
            "firstName": "Ada", "lastName": "", "groupId": "group-1", "secondaryGroupIds": [], "role": "MEMBER",
            "authType": "INTERNAL", "status": "ACTIVE", "connectionStatus": "OFFLINE",
            "devices": [device("laptop"), device("phone")],
        })
    });
    let groups = [json!({
        "id": "group-1", "name": "engineers", "allRegionsIncluded": true, "vpnRegionIds": [], "maxDevice": 3,
        "internetAccess": "SPLIT_TUNNEL_ON", "gatewaysIds": [], "connectAuth": "NO_AUTH",
    })];
    let records = numbers().map(|number| {
        json!({
            "id": id("record", number), "domain": format!("office-{number}.corp.example"), "description": "",
            "ipv4Addresses": [format!("10.{}.{}.5", number / 256 % 256, number % 256)], "ipv6Addresses": [],
        })
    });
    let hosts = numbers().map(|number| {
        json!({
            "id": id("host", number), "name": format!("host-{number}"), "description": "", "connectors": [],
            "internetAccess": "SPLIT_TUNNEL_ON", "gatewaysIds": [], "systemSubnets": [],
        })
    });
    let mut state = CurrentState::new("https://acme.api.openvpn.com".into());
    state.regions = Some(vec!["eu-central-1".to_owned()]);
    state.put_setting(catalog::setting(OVERLAP).expect("a known setting"), Some(json!(false)));
    let mut put = |kind, objects: Vec<Value>| {
        let objects = objects.into_iter().map(|object| (object, BTreeMap::new())).collect();
        state.put_list(kind, objects, 1, true).expect("sound objects");
    };
    put(Kind::Network, networks.collect());
    put(Kind::Host, hosts.collect());
    put(Kind::UserGroup, groups.to_vec());
    put(Kind::User, users.collect());
    put(Kind::DnsRecord, records.collect());
    state
}

/// Plans a spec, which must be sound.
pub(crate) fn planned(reading: &Reading, current: &CurrentState) -> Plan {
    let options = PlanOptions::new(Mode::Apply, "apply");
    match plan(&reading.desired, current, &options) {
        Planning::Ready(plan) => *plan,
        other => panic!("no plan: {other:?}"),
    }
}
