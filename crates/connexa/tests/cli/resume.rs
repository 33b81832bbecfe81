//! Runs that were cut off: seen from a second terminal, stopped, killed, continued, given up.

use crate::support::{Bench, Came, Listening, assert_valid, came, keys, signal, wait_until};
use serde_json::Value;
use std::{
    fs,
    process::{Child, Stdio},
};

/// Three networks, one after the other; the service goes silent at the second.
const SPEC: &str =
    "networks: [{ name: a, egress: false }, { name: b, egress: false }, { name: c, egress: false }]\n";
const APPLY: &str = "apply -f spec.yaml --yes --parallel 1 -o json --events events.jsonl --settle 0s";

fn silent(bench: &Bench, commit: &str) -> Listening {
    let rule = format!(
        r#"{{"rules": [{{"method": "POST", "path": "/networks", "nth": 2, "fault": {{"stall": {{"commit": "{commit}"}}}}}}]}}"#
    );
    bench.file("faults.json", &rule);
    bench.file("spec.yaml", SPEC);
    Listening::start(bench, "--http --limits unlimited --faults faults.json --ledger ledger.jsonl")
}

fn begin(emulator: &Listening, bench: &Bench, line: &str) -> Child {
    let mut command = emulator.command(bench, line);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn events(bench: &Bench, name: &str) -> usize {
    let events = fs::read_to_string(bench.path().join("events.jsonl")).unwrap_or_default();
    events.matches(&format!("\"{name}\"")).count()
}

/// Begins a run and kills it while its second create waits for an answer.
fn killed(emulator: &Listening, bench: &Bench) {
    let mut child = begin(emulator, bench, APPLY);
    wait_until("the second create is on its way", || {
        made(bench) >= 2 && events(bench, "attempt_started") == 2
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Creates that have reached the service.
fn made(bench: &Bench) -> usize {
    let ledger = fs::read_to_string(bench.path().join("ledger.jsonl")).unwrap_or_default();
    ledger.matches(r#""method":"POST","path":"/api/v1/networks""#).count()
}

/// The names of the networks that there are.
fn networks(emulator: &Listening, bench: &Bench) -> Vec<String> {
    let names = emulator.run(bench, "get networks -o name").exits(0).stdout;
    let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
    names.sort();
    names
}

fn outcome(emulator: &Listening, bench: &Bench) -> String {
    let runs = emulator.run(bench, "runs -o json").exits(0).json();
    assert_valid(&runs);
    runs["runs"][0]["outcome"].as_str().unwrap().to_owned()
}

fn whole(came: &Came) -> Value {
    let report = came.json();
    assert_valid(&report);
    assert_eq!(report["outcome"], "complete");
    assert_eq!(keys(&report, "succeeded"), ["network/a", "network/b", "network/c"]);
    report
}

#[test]
fn a_killed_run_is_continued_and_nothing_is_done_twice() {
    for commit in ["before", "after"] {
        let bench = Bench::new();
        let emulator = silent(&bench, commit);
        killed(&emulator, &bench);
        assert_eq!(outcome(&emulator, &bench), "interrupted");
        let shown = emulator.run(&bench, "show -o json").exits(0).json();
        assert_valid(&shown);
        assert_eq!((&shown["outcome"], &shown["run"]["finished"]), (&"interrupted".into(), &Value::Null));
        assert_eq!(keys(&shown, "unknown"), ["network/b"]);
        assert_eq!(keys(&shown, "unprocessed"), ["network/c"]);
        let left = emulator.run(&bench, "resume --dry-run -o json").exits(0).json();
        assert_valid(&left);
        assert_eq!(left["changes"].as_array().unwrap().len(), 2);

        // Nothing new is begun on top of it, and nobody is there to be asked.
        let refused = emulator.run(&bench, "apply -f spec.yaml --yes").exits(3);
        for word in ["resume", "undo", "abandon"] {
            assert!(refused.stderr.contains(&format!("connexa {word} ")), "{refused:#?}");
        }
        assert!(
            emulator.run(&bench, "resume").exits(3).stderr.contains("nobody is there to confirm the resume")
        );

        let came = emulator.run(&bench, "resume --yes --settle 0s -o json --events all.jsonl").exits(0);
        let report = whole(&came);
        assert_eq!(report["run"]["id"], shown["run"]["id"]);
        assert_eq!(report["run"]["command"], "apply");
        assert!(report["timings"]["recovery_ms"].as_f64().unwrap() > 0.0);
        assert_eq!(networks(&emulator, &bench), ["a", "b", "c"]);
        // The file has all of the run, numbered without a gap.
        let all = fs::read_to_string(bench.path().join("all.jsonl")).unwrap();
        let numbers =
            all.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap());
        assert!(numbers.eq(1..=all.lines().count() as u64));
        emulator.run(&bench, "verify").exits(0);
        emulator.run(&bench, "apply -f spec.yaml --yes").exits(0);
    }
}

#[test]
fn what_another_command_finds_open_is_settled_first() {
    let bench = Bench::new();
    let emulator = silent(&bench, "after");
    killed(&emulator, &bench);
    let came = emulator.run(&bench, "create networks d --set egress=false --settle 0s").exits(0);
    assert!(
        came.stderr.contains("left 1 call open") && came.stderr.contains("is settled: 2 succeeded"),
        "{came:#?}"
    );
    assert_eq!(networks(&emulator, &bench), ["a", "b", "d"]);
    // It is settled, and no more in the way.
    let came = emulator.run(&bench, "create networks e --set egress=false").exits(0);
    assert!(!came.stderr.contains("open"), "{came:#?}");
    emulator.run(&bench, "apply -f spec.yaml --yes").exits(0);
    assert_eq!(networks(&emulator, &bench), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_run_is_given_up() {
    let bench = Bench::new();
    let emulator = silent(&bench, "before");
    killed(&emulator, &bench);
    let came = emulator.run(&bench, "abandon").exits(0);
    assert!(came.stdout.contains("`network/b`"), "{came:#?}");
    let report = emulator.run(&bench, "show -o json").exits(0).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "unknown"), ["network/b"]);
    assert!(emulator.run(&bench, "resume --yes").exits(3).stderr.contains("was abandoned"));
    emulator.run(&bench, "apply -f spec.yaml --yes").exits(0);
    assert_eq!(networks(&emulator, &bench), ["a", "b", "c"]);
}

#[test]
fn a_second_terminal_sees_and_stops_a_run() {
    let bench = Bench::new();
    let networks: Vec<String> =
        (0..40).map(|n| format!("  - {{ name: net-{n}, egress: false }}\n")).collect();
    bench.file("many.yaml", &format!("networks:\n{}", networks.concat()));
    // A burst of 5, then one call in ten seconds: it would take minutes.
    let emulator = Listening::start(&bench, "--http --limits r=100:100:1,u=5:1:10");
    let run = begin(&emulator, &bench, "apply -f many.yaml --yes -o json --events events.jsonl");
    wait_until("five networks are made", || events(&bench, "change_ended") >= 5);
    let shown = emulator.run(&bench, "show -o json").exits(0).json();
    assert_valid(&shown);
    assert_eq!(shown["outcome"], "running");
    assert_eq!(keys(&shown, "succeeded").len(), 5);
    for refused in ["resume --yes", "undo --yes", "abandon", "verify", "report"] {
        assert!(emulator.run(&bench, refused).exits(3).stderr.contains("is at work"), "{refused}");
    }

    // What it has claimed nobody else touches; the rest is free.
    let taken = emulator.run(&bench, "create networks net-39 --set egress=false").exits(3);
    assert!(taken.stderr.contains("is at work on `network/net-39`"), "{taken:#?}");
    assert!(taken.stderr.contains("connexa watch ") && taken.stderr.contains("--lock-timeout"), "{taken:#?}");
    let waited = emulator.run(&bench, "create networks net-39 --set egress=false --lock-timeout 1s").exits(3);
    assert!(waited.stderr.contains("waiting up to 1.0 s for run"), "{waited:#?}");
    let patient =
        begin(&emulator, &bench, "create networks net-39 --set egress=false --lock-timeout 5m -o json");
    let watcher = begin(&emulator, &bench, "watch -o jsonl");

    let stopped = emulator.run(&bench, "stop").exits(0);
    assert!(stopped.stdout.contains("has stopped: 5 succeeded and 35 unprocessed"), "{stopped:#?}");
    assert!(stopped.stdout.contains("connexa resume "), "{stopped:#?}");
    let report = came(run.wait_with_output().unwrap()).exits(5).json();
    assert_eq!((&report["outcome"], keys(&report, "unprocessed").len()), (&"stopped".into(), 35));
    let watched = came(watcher.wait_with_output().unwrap()).exits(5);
    let last: Value = serde_json::from_str(watched.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["record"]["type"], "run_finished");
    // Its turn has come, and it has looked again.
    signal("INT", patient.id());
    let code = came(patient.wait_with_output().unwrap()).code;
    assert!(code == 0 || code == 5, "{code}");
    assert!(emulator.run(&bench, "stop").exits(3).stderr.contains("no run is at work"));
    // A run that was stopped cleanly does not stand in the way.
    emulator.run(&bench, "apply -f many.yaml --yes --dry-run").exits(0);
}

#[test]
fn a_run_that_was_stopped_goes_on() {
    let bench = Bench::new();
    let networks: Vec<String> =
        (0..12).map(|n| format!("  - {{ name: net-{n}, egress: false }}\n")).collect();
    bench.file("many.yaml", &format!("networks:\n{}", networks.concat()));
    let emulator = Listening::start(&bench, "--http --limits r=100:100:1,u=6:3:2");
    let run = begin(&emulator, &bench, "apply -f many.yaml --yes --events events.jsonl");
    wait_until("six networks are made", || events(&bench, "change_ended") >= 6);
    signal("INT", run.id());
    let came = came(run.wait_with_output().unwrap()).exits(5);
    assert!(came.stdout.contains("hint: the run can be continued:"), "{came:#?}");
    let report = emulator.run(&bench, "resume --yes -o json").exits(0).json();
    assert_valid(&report);
    assert_eq!(report["outcome"], "complete");
    assert_eq!(keys(&report, "succeeded").len(), 12);
    let again = emulator.run(&bench, "resume --yes -o json").exits(0);
    assert!(again.stderr.contains("nothing is left to resume"), "{again:#?}");
    assert_eq!(again.json()["succeeded"], report["succeeded"]);
}

#[test]
fn what_failed_is_tried_again() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    let rule = r#"{"rules": [{"method": "POST", "path": "/networks", "nth": 2, "fault": {"error": {"status": 403, "commit": "before"}}}]}"#;
    bench.file("faults.json", rule);
    let emulator = Listening::start(&bench, "--http --limits unlimited --faults faults.json");
    let first = emulator.run(&bench, "apply -f spec.yaml --yes --parallel 1 -o json").exits(4).json();
    assert_eq!(keys(&first, "failed"), ["network/b"]);
    whole(&emulator.run(&bench, "retry --yes -o json").exits(0));
}

#[test]
fn of_a_damaged_journal_only_the_run_is_refused() {
    let bench = Bench::new();
    let emulator = silent(&bench, "before");
    emulator.run(&bench, "create user-groups first --set regions=all").exits(0);
    killed(&emulator, &bench);
    let journals = fs::read_dir(bench.state().join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let journal =
        journals.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "db")).unwrap();
    let database = rusqlite::Connection::open(journal).unwrap();
    let changed = database
        .execute(
            "UPDATE records SET payload = replace(payload, 'ended', 'endet')
             WHERE place = (SELECT max(place) - 1 FROM records)",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(database);

    let ids = emulator.run(&bench, "runs -o name").exits(0).stdout;
    let ids: Vec<&str> = ids.lines().collect();
    for command in ["show", "resume --yes", "undo --yes", "report", "verify"] {
        let came = emulator.run(&bench, &command.replacen(' ', &format!(" {} ", ids[0]), 1));
        assert!(came.stderr.contains("is damaged at record") && came.code == 3, "{command}: {came:#?}");
        assert!(came.stderr.contains("connexa abandon "), "{command}: {came:#?}");
    }
    // The rest of the journal is as good as before.
    emulator.run(&bench, &format!("show {}", ids[1])).exits(0);
    let came = emulator.run(&bench, "create user-groups second --set regions=all").exits(0);
    assert!(came.stderr.contains("cannot be settled"), "{came:#?}");
    emulator.run(&bench, "apply -f spec.yaml --yes").exits(3);
    // Of what it had touched nothing is known.
    let report = emulator.run(&bench, &format!("abandon {} -o json", ids[0])).exits(0).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "unknown"), ["network/a", "network/b", "network/c"]);
    emulator.run(&bench, "apply -f spec.yaml --yes").exits(0);
    assert_eq!(networks(&emulator, &bench), ["a", "b", "c"]);
}
