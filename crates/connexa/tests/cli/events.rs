//! `--events`: what happens, line by line, as the published schema says.

use crate::support::{Bench, Listening};
use serde_json::Value;
use std::fs;

const SPEC: &str = "\
networks:
  - { name: paris, egress: false, connectors: [{ name: paris-1, region: it-mxp }], routes: [10.20.0.0/16] }
user_groups: [{ name: engineers, regions: all }]
users: [{ username: ada, email: ada@example.com, group: engineers, devices: [laptop] }]
dns_records: [{ domain: wiki.corp.example, ipv4: [10.20.0.5] }]
";

/// The lines of a file, each of them valid, numbered without gaps.
fn lines(bench: &Bench, file: &str) -> Vec<Value> {
    let path = format!("{}/../../schemas/events.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let text = fs::read_to_string(bench.path().join(file)).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (line, number) in lines.iter().zip(1_u64..) {
        let errors: Vec<String> =
            schema.iter_errors(line).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{line:#}");
        assert_eq!(line["seq"], number);
    }
    assert_eq!(lines.first().unwrap()["record"]["type"], "run_started");
    assert_eq!(lines.last().unwrap()["record"]["type"], "run_finished");
    lines
}

fn count(lines: &[Value], of: &str) -> usize {
    lines.iter().filter(|line| line["record"]["type"] == of).count()
}

#[test]
fn every_line_of_every_command_is_valid() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    bench.file(
        "faults.json",
        r#"{"rules": [
            {"method": "POST", "path": "/networks", "nth": 1, "fault": {"throttle": {"retry_after": "1"}}},
            {"method": "POST", "path": "/dns-records", "nth": 1, "fault": {"error": {"status": 503, "commit": "before"}}}
        ]}"#,
    );
    let emulator = Listening::start(&bench, "--http --limits unlimited --faults faults.json");
    let line = "apply -f spec.yaml --yes -o json --events apply.jsonl --settle 1s";
    let report = emulator.run(&bench, line).exits(0).json();
    let applied = lines(&bench, "apply.jsonl");
    // Each change of the report has its line, and each call its two.
    let changes: usize = ["succeeded", "failed", "skipped", "unprocessed", "unknown"]
        .iter()
        .map(|list| report[*list].as_array().unwrap().len())
        .sum();
    assert_eq!(count(&applied, "change_ended"), changes);
    assert_eq!(count(&applied, "attempt_started"), count(&applied, "attempt_ended"));
    assert!(applied.iter().any(|line| !line["record"]["outcome"]["throttled"].is_null()));
    assert!(applied.iter().any(|line| !line["record"]["outcome"]["indeterminate"].is_null()));

    for (line, code) in [
        ("update networks paris --set description=x", 0),
        ("suspend users ada", 0),
        ("profile network_connectors paris/* --dir out", 0),
        ("delete networks paris", 0),
        ("create networks rome --set egress=maybe", 4),
    ] {
        let file = format!("{}-{code}.jsonl", line.split(' ').next().unwrap());
        emulator.run(&bench, &format!("{line} --yes --events {file}")).exits(code);
        lines(&bench, &file);
    }
    // What a connector connects with is in its file alone.
    let told = fs::read_to_string(bench.path().join("profile-0.jsonl")).unwrap();
    assert!(told.contains("written to") && !told.contains("PRIVATE KEY") && !told.contains("<ca>"), "{told}");
}

#[test]
fn standard_output_is_for_the_result() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    let came = bench.run("apply -f spec.yaml --emulator --yes --events -").exits(64);
    assert!(came.stderr.contains("standard output is for the result"), "{came:#?}");
    let came = bench.run("apply -f spec.yaml --emulator --yes --events no/such/folder.jsonl").exits(3);
    assert!(came.stderr.contains("cannot write events"), "{came:#?}");
    bench.run("get networks --emulator -o name").exits(0);
}

#[test]
fn events_cannot_steer_a_terminal() {
    let bench = Bench::new();
    let name = serde_json::to_string("a\u{1b}[2J\u{202e}b\u{9b}1m").unwrap();
    bench.file("spec.json", &format!("{{\"networks\": [{{\"name\": {name}, \"egress\": false}}]}}"));
    bench.run("apply -f spec.json --emulator --yes --events events.jsonl");
    let text = fs::read_to_string(bench.path().join("events.jsonl")).unwrap_or_default();
    let hazard = text.chars().find(|c| c.is_control() && *c != '\n' || ('\u{202a}'..='\u{202e}').contains(c));
    assert_eq!(hazard, None, "{text}");
}
