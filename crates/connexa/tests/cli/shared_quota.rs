//! Processes that use one key: together they keep within its quota, judged by the ledger of what they speak to.

use crate::support::{Bench, Came, Listening, came, signal};
use serde_json::{Value, json};
use std::{
    fs,
    process::{Child, Stdio},
};

const LIMITS: &str = "--http --limits 20:10:1:shared --ledger ledger.jsonl";

/// A file of networks whose names begin with a word.
fn networks(bench: &Bench, word: &str, count: usize) -> String {
    let items: Vec<Value> =
        (0..count).map(|n| json!({"name": format!("{word}-{n}"), "egress": false})).collect();
    let name = format!("{word}.json");
    bench.file(&name, &Value::from(items).to_string());
    name
}

fn start(bench: &Bench, listening: &Listening, line: &str) -> Child {
    let mut command = listening.command(bench, line);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Came {
    came(child.wait_with_output().unwrap())
}

/// The requests that count against the quota.
fn ledger(bench: &Bench) -> Vec<Value> {
    let text = fs::read_to_string(bench.path().join("ledger.jsonl")).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter(|entry| !entry["class"].is_null()).collect()
}

fn throttled(ledger: &[Value]) -> usize {
    ledger.iter().filter(|entry| entry["throttled"] == true).count()
}

/// So many processes that create so many networks each.
fn together(processes: usize, each: usize) {
    let bench = Bench::new();
    let listening = Listening::start(&bench, LIMITS);
    let running: Vec<Child> = (0..processes)
        .map(|process| {
            let file = networks(&bench, &format!("p{process}"), each);
            start(&bench, &listening, &format!("create networks -f {file} -o json"))
        })
        .collect();
    for child in running {
        let report = end(child).exits(0).json();
        assert_eq!(report["succeeded"].as_array().unwrap().len(), each);
        assert_eq!(report["calls"]["throttled"], 0);
        assert_eq!(report["quota"]["update"]["source"], "observed");
    }
    let ledger = ledger(&bench);
    assert_eq!(throttled(&ledger), 0, "{ledger:#?}");
    assert_eq!(ledger.iter().filter(|entry| entry["status"] == 201).count(), processes * each);
    // All of the bucket is used: 10 tokens a second flow in beside the 20 that are there. How busy this machine is must not
    // decide, so that there is room for much.
    let arrivals = || ledger.iter().map(|entry| entry["arrived_ms"].as_f64().unwrap());
    let took = arrivals().fold(0.0, f64::max) - arrivals().fold(f64::MAX, f64::min);
    let calls = u32::try_from(ledger.len()).unwrap();
    let bound = f64::from(calls.saturating_sub(20)) * 100.0;
    assert!(took >= bound - 1.0, "{took} ms for {calls} calls");
    assert!(took <= 3.0 * bound + 10_000.0, "{took} ms for {calls} calls");
}

#[test]
fn two_processes_pace_as_one() {
    together(2, 30);
}

#[test]
fn four_processes_pace_as_one() {
    together(4, 12);
}

#[test]
fn the_next_process_knows_what_is_left() {
    let bench = Bench::new();
    let listening = Listening::start(&bench, "--http --limits 20:10:1");
    let plan = |word: &str, line: &str| {
        let file = networks(&bench, word, 5);
        listening.run(&bench, &format!("{line} -f {file} -o json")).exits(0).json()
    };
    assert_eq!(plan("a", "create networks --dry-run")["cost"]["quota_source"], "assumed");
    plan("b", "create networks");
    let cost = plan("c", "create networks --dry-run")["cost"].clone();
    assert_eq!(cost["quota_source"], "remembered");
    let text = listening.run(&bench, "create networks -f c.json --dry-run").exits(0);
    assert!(text.stdout.contains("remembered"), "{text:#?}");

    // The file tells neither tenant nor key, and only its owner can read it.
    let files: Vec<_> =
        fs::read_dir(bench.state().join("quota")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    let content = fs::read_to_string(&files[0]).unwrap() + &files[0].file_name().unwrap().to_string_lossy();
    for word in ["emulator", "127.0.0.1"] {
        assert!(!content.contains(word), "{content}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
    }

    // Another key has another bucket.
    let mut other = listening.command(&bench, "create networks -f c.json --dry-run -o json");
    other.env("CLOUDCONNEXA_CLIENT_ID", "other");
    came(other.output().unwrap()).exits(7);
    let update = fs::read_dir(bench.state().join("quota"))
        .unwrap()
        .filter(|file| fs::read_to_string(file.as_ref().unwrap().path()).unwrap().contains("\"burst\":20"));
    assert_eq!(update.count(), 1);
}

#[test]
#[cfg(unix)]
fn nothing_in_the_place_of_the_file_stops_a_run() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    let listening = Listening::start(&bench, LIMITS);
    let create = |word: &str| {
        let file = networks(&bench, word, 3);
        listening.run(&bench, &format!("create networks -f {file} -o json")).exits(0)
    };
    create("a");
    let folder = bench.state().join("quota");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();

    fs::write(&file, b"\xff\xfe{\"format\": 1, \"serial\": 99999").unwrap();
    assert_eq!(create("b").stderr.matches("warning").count(), 0);
    fs::write(&file, "").unwrap();
    assert_eq!(create("c").stderr.matches("warning").count(), 0);

    let told = |came: Came| {
        assert_eq!(came.stderr.matches("is not shared with other processes").count(), 1, "{came:#?}");
    };
    let elsewhere = bench.file("elsewhere", "keep");
    fs::remove_file(&file).unwrap();
    symlink(&elsewhere, &file).unwrap();
    told(create("d"));
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "keep");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    told(create("e"));
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "").unwrap();
    told(create("f"));
    assert_eq!(throttled(&ledger(&bench)), 0);
}

#[test]
#[cfg(unix)]
fn one_that_is_killed_holds_nobody_up() {
    let bench = Bench::new();
    let listening = Listening::start(&bench, LIMITS);
    let file = networks(&bench, "killed", 200);
    let victim = start(&bench, &listening, &format!("create networks -f {file}"));
    while fs::read_to_string(bench.path().join("ledger.jsonl")).unwrap_or_default().lines().count() < 15 {
        std::thread::yield_now();
    }
    signal("KILL", victim.id());
    victim.wait_with_output().unwrap();
    let file = networks(&bench, "heir", 20);
    let report =
        listening.run(&bench, &format!("create networks -f {file} -o json --settle 1s")).exits(0).json();
    assert_eq!(report["succeeded"].as_array().unwrap().len(), 20);
    assert_eq!(throttled(&ledger(&bench)), 0);
}

#[test]
fn the_emulator_in_process_shares_nothing() {
    let bench = Bench::new();
    let file = networks(&bench, "a", 3);
    bench.run(&format!("create networks -f {file} --emulator")).exits(0);
    assert!(!bench.state().join("quota").exists());
}
