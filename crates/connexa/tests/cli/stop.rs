//! Signals to a run: once to stop cleanly, twice to stop at once.

use crate::support::{Bench, Listening, assert_valid, came, keys, signal, wait_until};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Stdio,
    thread,
};

fn events(bench: &Bench, name: &str) -> usize {
    let events = fs::read_to_string(bench.path().join("events.jsonl")).unwrap_or_default();
    events.matches(&format!("\"{name}\"")).count()
}

#[test]
fn once_ends_what_is_in_flight_and_says_what_is_left() {
    let bench = Bench::new();
    let networks: Vec<String> =
        (0..40).map(|n| format!("  - {{ name: net-{n}, egress: false }}\n")).collect();
    bench.file("many.yaml", &format!("networks:\n{}", networks.concat()));
    // A burst of 5, then one call in ten seconds: it would take minutes.
    let emulator = Listening::start(&bench, "--http --limits r=100:100:1,u=5:1:10");
    let mut command = emulator.command(&bench, "apply -f many.yaml --yes -o json --events events.jsonl");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("five networks are made", || events(&bench, "change_ended") >= 5);
    signal("INT", child.id());
    let came = came(child.wait_with_output().unwrap()).exits(5);
    assert!(came.stderr.contains("once more stops at once"), "{came:#?}");
    let report = came.json();
    assert_valid(&report);
    assert_eq!(report["outcome"], "stopped");
    assert_eq!(keys(&report, "succeeded").len(), 5);
    assert_eq!(keys(&report, "unprocessed").len(), 35);
    // What was not started can be applied from the file that the report names.
    let failures = report["failures_file"].as_str().unwrap();
    let plan = bench.run(&format!("plan -f {failures} --emulator -o json")).exits(0).json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 35);
}

#[test]
fn twice_ends_at_once_and_leaves_nothing_unsaid() {
    let bench = Bench::new();
    bench.file("two.yaml", "networks: [{ name: a, egress: false }, { name: b, egress: false }]\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        listener.incoming().for_each(|stream| drop(thread::spawn(|| answer(stream.unwrap()))));
    });

    let mut command = bench
        .command("apply -f two.yaml --yes -o json --parallel 1 --events events.jsonl --api-url".split(' '));
    command.arg(url).env("CLOUDCONNEXA_CLIENT_ID", "a").env("CLOUDCONNEXA_CLIENT_SECRET", "b");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("a create is in flight", || events(&bench, "attempt_started") == 1);
    signal("TERM", child.id());
    wait_until("the first signal is heard", || events(&bench, "stop_requested") == 1);
    signal("TERM", child.id());
    let report = came(child.wait_with_output().unwrap()).exits(6).json();
    assert_valid(&report);
    assert_eq!(report["outcome"], "stuck");
    assert_eq!(keys(&report, "unknown"), ["network/a"]);
    assert_eq!(report["unknown"][0]["error_type"], "Indeterminate");
    assert_eq!(keys(&report, "unprocessed"), ["network/b"]);
}

/// A service that has no networks, and never answers a create.
fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let json = if head.contains("/oauth/token") {
        r#"{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}"#
    } else if head.starts_with("GET") {
        r#"{"content": [], "totalElements": 0, "totalPages": 0, "numberOfElements": 0, "page": 0, "size": 1000}"#
    } else {
        // Until the client goes.
        let _ = reader.read_to_end(&mut body);
        return;
    };
    let length = json.len();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{json}"
    );
}
