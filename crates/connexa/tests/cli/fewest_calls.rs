//! The fewest calls, on the server's own ledger: creates, a look again, mixed changes and deletes, for 300 networks.

use crate::support::{Bench, Listening};
use serde_json::{Value, json};
use std::fs;

const NETWORKS: usize = 300;

/// A network with all kinds of children.
fn network(i: usize) -> Value {
    let (x, y) = (i / 250, i % 250);
    json!({
        "name": format!("branch-{i:03}"),
        "description": "a branch office",
        "egress": false,
        "connectors": [{ "name": format!("branch-{i:03}-1"), "region": "eu-central-1" }],
        "routes": [format!("10.{x}.{y}.0/24"), { "subnet": format!("10.{}.{y}.0/24", x + 10), "description": "lab" }],
        "applications": [{ "name": "wiki", "domains": [format!("wiki-{i}.corp.example")], "services": ["https"] }],
        "ip_services": [{ "name": "lan", "type": "ip_source", "routes": [format!("10.{x}.{y}.0/24")], "services": ["any"] }],
    })
}

/// Calls of the ledger from a line on: (reads, updates), tokens left out.
fn calls(ledger: &str, from: usize) -> (usize, usize) {
    let lines: Vec<Value> =
        ledger.lines().skip(from).map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_call = |line: &&Value| line["path"].as_str().is_some_and(|path| !path.contains("/oauth/"));
    let reads = lines.iter().filter(is_call).filter(|line| line["method"] == "GET").count();
    (reads, lines.iter().filter(is_call).count() - reads)
}

#[test]
fn update_calls_are_the_lower_bound() {
    let bench = Bench::new();
    let listening = Listening::start(&bench, "--http --limits unlimited --ledger ledger.jsonl");
    let ledger = || fs::read_to_string(bench.path().join("ledger.jsonl")).unwrap();
    let lines = || ledger().lines().count();
    let apply = |spec: &Value, flags: &str| {
        bench.file("spec.json", &spec.to_string());
        let from = lines();
        let report =
            listening.run(&bench, &format!("apply -f spec.json --yes -o json {flags}")).exits(0).json();
        let (reads, updates) = calls(&ledger(), from);
        assert_eq!(report["calls"]["update"], updates, "the report tells what the ledger shows");
        assert_eq!(report["calls"]["throttled"], 0);
        (reads, updates)
    };

    let mut networks: Vec<Value> = (0..NETWORKS).map(network).collect();
    let spec = |networks: &[Value]| json!({ "networks": networks });

    // A call for each network, which carries connector and routes; one for each application and IP service.
    let (_, updates) = apply(&spec(&networks), "");
    assert_eq!(updates, NETWORKS * 3);

    // Again: a list for each kind, regions not asked for, and nothing to do.
    let (reads, updates) = apply(&spec(&networks), "");
    assert_eq!((reads, updates), (3, 0));

    // Mixed: of ten networks two fields and nothing else (a call each), of ten a new route (a call each), of ten a route's
    // description (a call each), ten new ones (three calls each), ten routes replaced (two calls each).
    for (i, network) in networks.iter_mut().enumerate().take(50) {
        match i / 10 {
            0 => {
                network["description"] = json!("changed");
                network["internet_access"] = json!("restricted_internet");
            }
            1 => network["routes"].as_array_mut().unwrap().push(json!(format!("10.20.{i}.0/24"))),
            2 => network["routes"][1]["description"] = json!("another lab"),
            3 => {
                let from = format!("10.10.{i}.0/24");
                network["routes"][1] = json!({ "subnet": format!("10.30.{i}.0/24"), "renamed_from": from });
            }
            _ => {}
        }
    }
    networks.extend((NETWORKS..NETWORKS + 10).map(network));
    let (_, updates) = apply(&spec(&networks), "");
    assert_eq!(updates, 10 + 10 + 10 + 2 * 10 + 3 * 10);
    assert_eq!(apply(&spec(&networks), "").1, 0);

    // Deletes: a call for each network, whatever hangs on it.
    let names: Vec<String> = (0..100).map(|i| format!("branch-{i:03}")).collect();
    bench.file("names.json", &json!(names).to_string());
    let from = lines();
    let deleted = listening.run(&bench, "delete networks -f names.json --yes -o json").exits(0).json();
    assert_eq!(calls(&ledger(), from).1, 100);
    assert_eq!(deleted["calls"]["update"], 100);

    // Prune: what the spec does not list.
    let (_, updates) = apply(&spec(&networks[100..200]), "--prune network --max-deletes 110");
    assert_eq!(updates, 110);
}
