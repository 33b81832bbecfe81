//! `--server-batch`: many calls in one request, where the operator says that the service can.

use crate::{
    secrets::spec,
    support::{Bench, Listening, assert_valid, came},
};
use serde_json::Value;
use std::{fmt::Write as _, fs};

const NETWORKS: usize = 60;

fn bench() -> Bench {
    let bench = Bench::new();
    let mut spec = "networks:\n".to_owned();
    for index in 0..NETWORKS {
        writeln!(spec, "  - {{ name: n{index}, egress: false, routes: [10.{index}.0.0/16] }}").unwrap();
    }
    spec.push_str("user_groups: [{ name: staff, regions: all }]\nusers: [{ username: ada, email: ada@example.com, group: staff }]\n");
    bench.file("spec.yaml", &spec);
    bench
}

/// How many operations arrived at each moment: those of one request arrive together.
fn arrivals(bench: &Bench, template: Option<&str>) -> Vec<usize> {
    let text = fs::read_to_string(bench.path().join("ledger.jsonl")).unwrap();
    let mut arrivals: Vec<(String, usize)> = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["class"] != "update" || line["template"].as_str() != template {
            continue;
        }
        let at = line["arrived_at"].as_str().unwrap();
        match arrivals.last_mut() {
            Some((last, calls)) if last == at => *calls += 1,
            _ => arrivals.push((at.to_owned(), 1)),
        }
    }
    arrivals.into_iter().map(|(_, calls)| calls).collect()
}

fn start(bench: &Bench, flags: &str) -> Listening {
    Listening::start(bench, &format!("--http --limits unlimited --ledger ledger.jsonl {flags}"))
}

#[test]
fn one_request_holds_many_calls_each_with_its_own_result() {
    let bench = bench();
    let emulator = start(&bench, "--batch-endpoint");
    let report = emulator.run(&bench, "apply -f spec.yaml --yes -o json --server-batch=40").exits(0).json();
    assert_valid(&report);
    let calls = NETWORKS + 2;
    assert_eq!((&report["calls"]["update"], &report["warnings"]), (&calls.into(), &Value::Null));
    // The first goes ahead, to learn what the quota allows.
    let networks = arrivals(&bench, Some("/networks"));
    assert!(networks.iter().sum::<usize>() == NETWORKS && networks.len() <= 4, "{networks:?}");
    assert!(networks.contains(&40) || networks.contains(&39), "{networks:?}");
}

#[test]
fn a_refusal_within_is_that_of_its_call_alone() {
    let bench = bench();
    bench.file(
        "faults.json",
        r#"{"rules": [
            {"method": "POST", "path": "/networks", "nth": 7, "fault": {"error": {"status": 409, "commit": "before"}}},
            {"method": "POST", "path": "/networks", "nth": 9, "fault": {"throttle": {}}}
        ]}"#,
    );
    let emulator = start(&bench, "--batch-endpoint --faults faults.json");
    let report = emulator.run(&bench, "apply -f spec.yaml --yes -o json --server-batch=40").exits(4).json();
    assert_valid(&report);
    let failed: Vec<&str> =
        report["failed"].as_array().unwrap().iter().map(|change| change["kind"].as_str().unwrap()).collect();
    assert_eq!(failed, ["network", "network_route"]);
    assert_eq!(report["failed"][0]["error_type"], "Conflict");
    assert_eq!((&report["calls"]["throttled"], &report["outcome"]), (&1.into(), &"partial".into()));
    let attempts = |change: &&Value| change["attempts"] == 2 && change["kind"] == "network";
    assert_eq!(report["succeeded"].as_array().unwrap().iter().filter(attempts).count(), 1);
}

#[test]
fn without_the_flag_nothing_is_batched() {
    let bench = bench();
    let emulator = start(&bench, "--batch-endpoint");
    emulator.run(&bench, "apply -f spec.yaml --yes").exits(0);
    assert_eq!(arrivals(&bench, Some("/networks")), [1; NETWORKS]);
    assert_eq!(arrivals(&bench, None), [0; 0]);
}

#[test]
fn a_service_without_it_is_told_of_and_gets_calls_one_by_one() {
    let bench = bench();
    let emulator = start(&bench, "");
    let line = "apply -f spec.yaml --yes -o json --server-batch --events events.jsonl";
    let report = emulator.run(&bench, line).exits(0).json();
    assert_valid(&report);
    let warnings = report["warnings"].as_array().unwrap();
    assert_eq!(warnings, &["the service takes no batched requests (404): calls went one by one"]);
    // Two that are in flight at once may arrive in the same millisecond.
    assert_eq!(arrivals(&bench, Some("/networks")).iter().sum::<usize>(), NETWORKS);
    // One request found out; it is counted, and no other was made.
    assert_eq!((arrivals(&bench, None), &report["calls"]["update"]), (vec![1], &(NETWORKS + 3).into()));
    let events = fs::read_to_string(bench.path().join("events.jsonl")).unwrap();
    assert_eq!(events.matches("\"batches_refused\"").count(), 1);
}

#[test]
fn an_answer_that_is_lost_is_lost_for_all_and_nothing_is_made_twice() {
    let bench = bench();
    bench.file(
        "faults.json",
        r#"{"rules": [{"method": "POST", "path": "/networks", "nth": 5, "fault": {"reset": {"commit": "after"}}}]}"#,
    );
    let emulator = start(&bench, "--batch-endpoint --faults faults.json");
    let line = "apply -f spec.yaml --yes -o json --server-batch=10 --settle 1s";
    let report = emulator.run(&bench, line).exits(0).json();
    assert_valid(&report);
    // What was carried out is found in the list, what was not is sent again: one request of its own for each.
    let networks = report["succeeded"].as_array().unwrap().iter().filter(|c| c["kind"] == "network");
    let inferred = networks.filter(|change| change["origin"] == "inferred").count();
    assert!((1..=10).contains(&inferred), "{report:#}");
    let live = emulator.run(&bench, "get networks -o json").exits(0).json();
    assert_eq!(live["networks"].as_array().unwrap().len(), NETWORKS);
}

#[test]
fn secrets_arrive_and_are_found_nowhere() {
    let bench = Bench::new();
    let names = ["north", "south", "west"];
    for name in names {
        bench.file(&format!("{name}.yaml"), &spec(name, "{ env: PLANT_PSK }"));
    }
    let emulator = start(&bench, "--batch-endpoint");
    let run = |line: &str| {
        let line =
            format!("{line} -f north.yaml -f south.yaml -f west.yaml --yes -o json --server-batch -vvv");
        let came =
            came(emulator.command(&bench, &line).env("PLANT_PSK", "canary").output().unwrap()).exits(0);
        assert!(!came.stdout.contains("canary") && !came.stderr.contains("canary"), "{came:#?}");
        came.json()
    };
    assert_eq!(run("apply --events events.jsonl")["calls"]["update"], 3);
    assert_eq!(arrivals(&bench, Some("/networks")), [1, 2]);
    // The tenant holds what the variable says.
    assert_eq!(run("apply")["calls"]["update"], 0);
    for file in bench.files() {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "{}", file.display());
    }
}
