//! Imperative batches: the usage example of three networks, one of them wrong.

use crate::support::{Bench, EXAMPLES, assert_valid, keys};
use serde_json::Value;

/// A list of a report without what may differ between two runs.
fn comparable(report: &Value, list: &str) -> Vec<Value> {
    let mut changes = report[list].as_array().unwrap().clone();
    for change in &mut changes {
        let change = change.as_object_mut().unwrap();
        change.remove("object");
        change.remove("id");
        change.remove("source");
    }
    changes
}

#[test]
fn the_invalid_item_fails_alone_and_serial_is_as_parallel() {
    let mut seen = Vec::new();
    for (parallel, file) in
        [(1, "batch-networks.yaml"), (8, "batch-networks.yaml"), (3, "batch-networks.json")]
    {
        let bench = Bench::new();
        let line = format!("create networks -f {EXAMPLES}/{file} --parallel {parallel} --emulator -o json");
        let report = bench.run(&line).exits(4).json();
        assert_valid(&report);
        assert_eq!(keys(&report, "succeeded"), ["network/batch-network-1", "network/batch-network-2"]);
        let failed = &report["failed"][0];
        assert_eq!(failed["error_type"], "ValidationError");
        let fields: Vec<&String> = failed["error_detail"].as_object().unwrap().keys().collect();
        assert_eq!(fields, ["internet_access", "name"]);
        assert_eq!(failed["attempts"].as_u64().unwrap_or(0), 0);
        assert_eq!(failed["item"]["description"], "Invalid network in batch");
        assert_eq!(report["calls"]["update"], 2);
        assert_eq!(report["outcome"], "partial");
        seen.push((
            comparable(&report, "succeeded"),
            comparable(&report, "failed")[0]["error_detail"].clone(),
        ));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:#?}");
}

#[test]
fn what_is_already_there_succeeds_or_is_in_conflict() {
    let bench = Bench::new();
    bench.file("one.yaml", "- { name: paris, egress: false }\n");
    bench.run("create networks -f one.yaml --emulator").exits(0);
    let again = bench.run("create network -f one.yaml --emulator -o json").exits(0).json();
    assert_eq!(again["succeeded"][0]["action"], "no-op");
    assert_eq!(again["calls"]["update"], 0);

    bench.file("other.yaml", "- { name: Paris, egress: true }\n");
    let conflict = bench.run("create networks -f other.yaml --emulator -o json").exits(4).json();
    assert_valid(&conflict);
    assert_eq!(conflict["failed"][0]["error_type"], "Conflict");
    assert!(conflict["failed"][0]["error"].as_str().unwrap().contains("update"), "{conflict:#}");
}

#[test]
fn a_dry_run_changes_nothing_and_lists_what_is_refused() {
    let bench = Bench::new();
    let plan = bench
        .run(&format!("create networks -f {EXAMPLES}/batch-networks.json -n --emulator -o json"))
        .exits(4)
        .json();
    assert_valid(&plan);
    assert_eq!(keys(&plan, "refused").len(), 1);
    assert_eq!(plan["operations"].as_array().unwrap().len(), 2);
    assert_eq!(bench.run("get networks -o name --emulator").exits(0).stdout, "");
}

#[test]
fn kinds_are_read_in_every_spelling() {
    let bench = Bench::new();
    bench.file("records.yaml", "- { domain: wiki.corp.example, ipv4: [10.0.0.5] }\n");
    for kind in ["dns-records", "dns_records", "dns-record", "dns_record"] {
        bench.run(&format!("create {kind} -f records.yaml --emulator")).exits(0);
    }
    bench.run("create dns -f records.yaml --emulator").exits(64);
}

#[test]
fn a_route_in_another_network_is_refused_before_any_call() {
    let bench = Bench::new();
    bench.file("one.yaml", "networks: [{ name: paris, egress: false, routes: [10.20.0.0/16] }]\n");
    bench.run("apply -f one.yaml --emulator --yes").exits(0);
    bench.file(
        "two.yaml",
        "networks: [{ name: rome, egress: false, routes: [10.20.3.0/24] }, { name: oslo, egress: false }]\n",
    );
    // The plan asks once whether the tenant allows it.
    let refused = bench.run("apply -f two.yaml --emulator --yes -o json").exits(3).json();
    assert_eq!(refused["problems"][0]["code"], "E404");
    let report = bench.run("create networks -f two.yaml --emulator -o json").exits(4).json();
    assert_valid(&report);
    assert_eq!(report["failed"][0]["error_type"], "ValidationError");
    assert_eq!(report["calls"]["read"], 2);
}
