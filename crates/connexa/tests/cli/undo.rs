//! Runs that are taken back: later, by a failure, as far as that goes.

use crate::support::{Bench, Listening, assert_valid, keys};

const FIRST: &str = "\
networks:
  - { name: paris, egress: false, description: old, routes: [10.20.0.0/16] }
  - { name: lyon, egress: false }
";
const SECOND: &str = "\
networks:
  - { name: paris, egress: false, description: new, routes: [10.20.0.0/16] }
  - { name: nice, egress: false, routes: [10.30.0.0/16] }
user_groups: [{ name: engineers, regions: all }]
";

/// The tenant as a spec.
fn tenant(bench: &Bench) -> String {
    bench.run("export --emulator").exits(0).stdout
}

#[test]
fn a_run_is_taken_back_later() {
    let bench = Bench::new();
    bench.file("first.yaml", FIRST);
    bench.file("second.yaml", SECOND);
    bench.run("apply -f first.yaml --emulator --yes").exits(0);
    let before = tenant(&bench);
    let run = bench.run("apply -f second.yaml --emulator --yes -o json").exits(0).json();
    assert_ne!(tenant(&bench), before);

    let shown = bench.run("undo --emulator --dry-run -o json").exits(0).json();
    assert_valid(&shown);
    let actions: Vec<_> = shown["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| format!("{} {}", change["action"].as_str().unwrap(), change["key"].as_str().unwrap()))
        .collect();
    assert_eq!(actions, ["delete engineers", "delete nice/10.30.0.0/16", "delete nice", "update paris"]);
    assert_eq!(shown["changes"][3]["fields"]["description"], serde_json::json!(["new", "old"]));
    assert!(bench.run("undo --emulator").exits(3).stderr.contains("nobody is there to confirm the undo"));

    let report = bench.run("undo --emulator --yes -o json").exits(0).json();
    assert_valid(&report);
    assert_eq!((&report["outcome"], &report["run"]["command"]), (&"undone".into(), &"undo".into()));
    assert_eq!(report["run"]["id"], run["run"]["id"]);
    assert_eq!(keys(&report, "undone").len(), 4);
    assert_eq!(tenant(&bench), before);
    assert_eq!(bench.run("runs --emulator -o json").exits(0).json()["runs"][0]["outcome"], "undone");
    let again = bench.run("undo --emulator --yes").exits(0);
    assert!(again.stderr.contains("nothing is left to undo"), "{again:#?}");
}

#[test]
fn a_failure_takes_all_of_the_run_back() {
    let bench = Bench::new();
    bench.file("spec.yaml", "networks: [{ name: a, egress: false }, { name: b, egress: false }]\n");
    let rule = r#"{"rules": [{"method": "POST", "path": "/networks", "nth": 2, "fault": {"error": {"status": 403, "commit": "before"}}}]}"#;
    bench.file("faults.json", rule);
    let emulator = Listening::start(&bench, "--http --limits unlimited --faults faults.json");
    let line = "apply -f spec.yaml --yes --parallel 1 --on-failure undo --settle 0s -o json";
    let report = emulator.run(&bench, line).exits(4).json();
    assert_valid(&report);
    assert_eq!(report["outcome"], "undone");
    assert_eq!(keys(&report, "undone"), ["network/a"]);
    assert_eq!(keys(&report, "failed"), ["network/b"]);
    assert_eq!(emulator.run(&bench, "get networks -o name").exits(0).stdout, "");
}

#[test]
fn what_others_have_changed_is_not_touched() {
    let bench = Bench::new();
    bench.file("spec.yaml", "networks: [{ name: a, egress: false }, { name: b, egress: false }]\n");
    bench.run("apply -f spec.yaml --emulator --yes").exits(0);
    let run = bench.run("runs --emulator -o name").exits(0).stdout.trim().to_owned();
    bench.run("update networks a --set description=mine --emulator --yes").exits(0);
    let report = bench.run(&format!("undo {run} --emulator --yes --settle 0s -o json")).exits(6).json();
    assert_valid(&report);
    assert_eq!(report["outcome"], "stuck");
    assert_eq!(keys(&report, "undone"), ["network/b"]);
    assert_eq!(keys(&report, "unknown"), ["network/a"]);
    // What is left, and the command that tries again, as it is called here.
    let stuck = &report["unknown"][0]["stuck"];
    assert_eq!(stuck["ids"][0], report["unknown"][0]["id"]);
    let command = stuck["command"].as_str().unwrap();
    assert!(command.contains(&format!("connexa undo {run}")) && command.ends_with("--emulator"), "{command}");
    assert_eq!(bench.run("get networks -o name --emulator").exits(0).stdout, "a\n");
}
