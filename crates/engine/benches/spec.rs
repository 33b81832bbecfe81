//! How long specs take to read and check, and how much memory: `cargo bench -p connexa-engine --bench spec`.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

mod support;

use connexa_engine::spec::Format;
use serde_json::{Value, json};
use support::{each_alone, measured, peak_mib, read, spec_value, yaml};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn main() {
    let heading =
        format!("{:>9} {:>9} {:>8} {:>10} {:>9} {:>9}", "items", "kinds", "format", "text", "time", "memory");
    each_alone(&heading, SIZES.len() * 5, |row| {
        let size = SIZES[row / 5];
        let (kinds, name, format, text) = match row % 5 {
            0 => ("offices", "json", Format::Json, spec_value(size / 10).to_string()),
            1 => ("offices", "yaml", Format::Yaml, yaml(&spec_value(size / 10))),
            2 => ("services", "json", Format::Json, services_value(size / 5).to_string()),
            3 => ("services", "yaml", Format::Yaml, yaml(&services_value(size / 5))),
            _ => ("users", "csv", Format::Csv, users(size / 3)),
        };
        let before = peak_mib();
        let read = measured(|| read(format, &text));
        assert!(read.value.problems.is_empty(), "{:?}", read.value.problems.first());
        println!(
            "{:>9} {kinds:>9} {name:>8} {:>6} KiB {:>6} ms {:>5} MiB, {before} MiB of them for the text",
            read.value.desired.items.len(),
            text.len() / 1024,
            read.time.as_millis(),
            peak_mib(),
        );
    });
}

/// Networks with an application and an IP service each, and a location context and an access group for each that refers
/// to them: the values that are more than a word.
fn services_value(networks: usize) -> Value {
    let numbers = || 0..networks;
    json!({
        "networks": numbers().map(|number| json!({
            "name": format!("network-{number}"),
            "applications": [{
                "name": "wiki",
                "domains": [format!("wiki-{number}.corp.example"), {"domain": format!("docs-{number}.corp.example"), "exact_match": true}],
                "services": ["https", "tcp/8000-8100", "icmp/8"],
            }],
            "ip_services": [{
                "name": "lan",
                "type": "ip_source",
                "routes": [format!("10.{}.{}.0/24", number / 256 % 256, number % 256)],
                "services": ["any"],
            }],
        })).collect::<Value>(),
        "location_contexts": numbers().map(|number| json!({
            "name": format!("context-{number}"),
            "ip_check": {"allowed": true, "ips": ["192.0.2.0/24", {"ip": "198.51.100.7/32", "description": "plant"}]},
            "country_check": {"allowed": true, "countries": ["FR", "it"]},
            "default_check": false,
        })).collect::<Value>(),
        "access_groups": numbers().map(|number| json!({
            "name": format!("group-{number}"),
            "source": [{"user_groups": all_or_some(number)}, {"network": format!("network-{number}"), "ip_services": ["lan"]}],
            "destination": [{"network": format!("network-{number}"), "applications": ["wiki"], "ip_services": ["lan"]}, {"hosts": "all"}],
        })).collect::<Value>(),
    })
}

fn all_or_some(number: usize) -> Value {
    if number.is_multiple_of(2) { json!("all") } else { json!(["engineers", "on-call"]) }
}

/// Users with two devices each, one a row.
fn users(count: usize) -> String {
    let mut text = String::from("kind,username,email,first_name,last_name,group,role,devices\n");
    for number in 0..count {
        text.push_str("user,user-");
        text.push_str(&number.to_string());
        text.push_str(",\"user@example.com\",Ada,,engineers,member,laptop|phone\n");
    }
    text
}
