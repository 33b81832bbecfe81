//! `connexa emulator` with faults, ledger and control.

use crate::support::{Bench, Listening};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

/// Sends a request to the control of an emulator that speaks plain HTTP; returns status and body.
pub(crate) fn control(emulator: &Listening, line: &str, body: &str) -> (u16, Value) {
    let mut socket = TcpStream::connect(emulator.url.trim_start_matches("http://")).unwrap();
    let (method, path) = line.split_once(' ').unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

fn lines(bench: &Bench) -> Vec<Value> {
    let text = fs::read_to_string(bench.path().join("ledger.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_run_gets_over_faults_and_the_ledger_tells_of_each() {
    let bench = Bench::new();
    bench.file("spec.yaml", "networks: [{ name: paris, egress: false }, { name: lyon, egress: false }]\n");
    bench.file(
        "faults.json",
        r#"{"rules": [
            {"method": "GET", "path": "/networks", "nth": 1, "fault": {"error": {"status": 503, "commit": "before"}}},
            {"method": "POST", "path": "/networks", "nth": 1, "fault": {"throttle": {"retry_after": "1"}}}
        ]}"#,
    );
    let flags = "--http --limits unlimited --faults faults.json --ledger ledger.jsonl";
    let emulator = Listening::start(&bench, flags);
    emulator.run(&bench, "apply -f spec.yaml --yes").exits(0);
    // What was answered is on disk as whole lines.
    emulator.kill();

    let lines = lines(&bench);
    let faults: Vec<&str> = lines.iter().filter_map(|l| l["fault"].as_str()).collect();
    assert_eq!(faults, ["error-before-commit", "throttle"]);
    // Exactly once, judged from outside.
    let mut made: Vec<&str> = Vec::new();
    for line in &lines {
        made.extend(line["created"].as_array().unwrap().iter().map(|t| t["key"].as_str().unwrap()));
    }
    made.sort_unstable();
    assert_eq!(made, ["lyon", "paris"]);
    let numbers: Vec<u64> = lines.iter().map(|l| l["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=lines.len() as u64).collect::<Vec<_>>());
}

#[test]
fn bad_faults_are_refused_before_anything_starts() {
    let bench = Bench::new();
    bench.file("faults.json", "{\"rules\": [\n  {\"fault\": \"explode\"}\n]}");
    let came = bench.run("emulator --listen 127.0.0.1:0 --faults faults.json --ledger ledger.jsonl").exits(3);
    assert!(
        came.stderr.contains("faults.json") && came.stderr.contains("unknown variant `explode`"),
        "{came:#?}"
    );
    assert!(came.stderr.contains("line 2"), "{came:#?}");
    assert_eq!(came.stdout, "");
    let came = bench.run("emulator --listen 127.0.0.1:0 --faults none.json").exits(3);
    assert!(came.stderr.contains("none.json"), "{came:#?}");
    let came = bench.run("emulator --listen 127.0.0.1:0 --ledger no/such/folder.jsonl").exits(3);
    assert!(came.stderr.contains("ledger"), "{came:#?}");
    assert!(!bench.state().exists() && !bench.path().join("ledger.jsonl").exists());
}

#[test]
fn the_control_is_there_unless_it_is_left_out() {
    let bench = Bench::new();
    let emulator = Listening::start(&bench, "--http");
    let (status, made) =
        control(&emulator, "POST /_emulator/seed", r#"{"networks": 3, "routes_per_network": 2}"#);
    assert_eq!((status, &made["objects"]["network_routes"]), (201, &json!(6)));
    let (_, state) = control(&emulator, "GET /_emulator/state?kind=networks", "");
    assert_eq!(state["networks"].as_array().unwrap().len(), 3);
    assert_eq!(control(&emulator, "POST /_emulator/reset", "").0, 200);
    let (_, stats) = control(&emulator, "GET /_emulator/stats", "");
    assert_eq!(stats["requests"], 0);

    let without = Listening::start(&bench, "--http --no-control");
    let (status, answer) = control(&without, "GET /_emulator/state", "");
    assert_eq!((status, &answer["statusError"]), (404, &json!("Not Found")));
}

#[test]
fn retry_after_is_sent_when_asked_for() {
    let bench = Bench::new();
    for (flags, expected) in
        [("--http --limits 1:1:60 --retry-after", true), ("--http --limits 1:1:60", false)]
    {
        let emulator = Listening::start(&bench, flags);
        let address = emulator.url.trim_start_matches("http://").to_owned();
        let exchange = |request: String| {
            let mut socket = TcpStream::connect(&address).unwrap();
            socket.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).unwrap();
            answer
        };
        let rest = "host: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let path = "/api/v1/oauth/token?client_id=emulator&client_secret=emulator";
        let answer = exchange(format!("POST {path} HTTP/1.1\r\n{rest}"));
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let token: Value = serde_json::from_str(body).unwrap();
        let token = token["access_token"].as_str().unwrap();
        let read = format!("GET /api/v1/regions HTTP/1.1\r\nauthorization: Bearer {token}\r\n{rest}");
        assert!(exchange(read.clone()).starts_with("HTTP/1.1 200 "));
        let refused = exchange(read);
        assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
        assert_eq!(refused.contains("\r\nretry-after: "), expected, "{refused}");
    }
}
