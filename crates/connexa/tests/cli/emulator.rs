//! `connexa emulator` as a process, and `apply` against it over HTTPS.

use crate::support::{Bench, EXAMPLES, Listening, assert_valid, signal};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::mpsc,
    thread,
};

#[test]
fn apply_over_https_makes_one_update_call_for_each_object() {
    let bench = Bench::new();
    let emulator = Listening::start(&bench, "--limits r=50:50:1,u=20:50:1");
    assert!(emulator.url.starts_with("https://127.0.0.1:"));
    let line = format!("apply -f {EXAMPLES}/branch-offices.yaml --yes -o json");
    let first = emulator.run(&bench, &line).exits(4).json();
    assert_valid(&first);
    // And one more for the office that was refused for one of its routes: it is made without that route.
    assert_eq!(first["calls"]["update"], 25 + 3 + 8 + 7 + 1);
    assert_eq!(first["calls"]["throttled"], 0);
    assert_eq!(first["run"]["tenant"], emulator.url.as_str());

    let spec = fs::read_to_string(format!("{EXAMPLES}/branch-offices.yaml")).unwrap();
    bench.file("mended.yaml", &spec.replace("100.112.7.0/24", "10.14.7.0/24"));
    emulator.run(&bench, "apply -f mended.yaml --yes").exits(0);
    let second = emulator.run(&bench, "apply -f mended.yaml --yes -o json").exits(0).json();
    assert_eq!(second["calls"]["update"], 0);
    assert_eq!(second["calls"]["throttled"], 0);

    // A difference in an owned field is one call.
    bench.file("other.yaml", "networks: [{ name: Paris, description: New office }]\n");
    let third = emulator.run(&bench, "apply -f other.yaml --yes -o json").exits(0).json();
    assert_eq!(third["calls"]["update"], 1);
    assert_eq!(third["succeeded"][0]["action"], "update");
}

#[test]
fn without_the_authority_nothing_is_sent() {
    let bench = Bench::new();
    let emulator = Listening::start(&bench, "--limits unlimited");
    let mut command = bench.command(["get", "networks"]);
    command.env("CLOUDCONNEXA_BASE_URL", &emulator.url);
    command.env("CLOUDCONNEXA_CLIENT_ID", "emulator").env("CLOUDCONNEXA_CLIENT_SECRET", "emulator");
    let came = crate::support::came(command.output().unwrap()).exits(7);
    assert!(came.stderr.contains("--ca-file"), "{came:#?}");
}

#[test]
fn a_signal_ends_it_cleanly() {
    for name in ["TERM", "INT"] {
        let bench = Bench::new();
        let emulator = Listening::start(&bench, "--http");
        assert_eq!(emulator.ca_file, None);
        signal(name, emulator.id());
        assert_eq!(emulator.wait(), Some(0));
    }
}

#[test]
fn a_port_that_is_taken_is_refused() {
    let bench = Bench::new();
    let emulator = Listening::start(&bench, "--http");
    let address = emulator.url.trim_start_matches("http://");
    let came = bench.run(&format!("emulator --http --listen {address}")).exits(3);
    assert!(came.stderr.contains("already in use"), "{came:#?}");
    assert_eq!(came.stdout, "");
}

#[test]
fn plain_http_is_for_loopback() {
    let bench = Bench::new();
    bench.run("emulator --http --listen 0.0.0.0:0").exits(64);
    bench.run("emulator --http --tls-dir x").exits(64);
}

#[test]
fn the_environment_is_printed_for_a_shell() {
    let bench = Bench::new();
    let mut child = bench
        .command(["emulator", "--listen", "127.0.0.1:0", "--print-env", "--key", "one:two"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let lines: Vec<String> = (0..4).map(|_| lines.next().unwrap().unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lines[0].starts_with("export CLOUDCONNEXA_BASE_URL=https://127.0.0.1:"), "{lines:?}");
    assert_eq!(lines[1], "export CLOUDCONNEXA_CLIENT_ID=one");
    assert_eq!(lines[2], "export CLOUDCONNEXA_CLIENT_SECRET=two");
    assert!(lines[3].starts_with("export SSL_CERT_FILE=") && lines[3].ends_with("/ca.pem"), "{lines:?}");
}

#[test]
fn acknowledged_writes_survive_a_kill() {
    let bench = Bench::new();
    bench.file("spec.yaml", "networks: [{ name: paris, egress: false, routes: [10.20.0.0/16] }]\n");
    for round in 0..3 {
        let emulator = Listening::start(&bench, "--http --limits unlimited --store tenant.db");
        let report = emulator.run(&bench, "apply -f spec.yaml --yes -o json").exits(0).json();
        assert_eq!(report["calls"]["update"], u64::from(round == 0));
        emulator.kill();
    }
}

#[test]
fn a_kill_in_the_middle_of_writes_loses_no_acknowledged_one() {
    let bench = Bench::new();
    let sign_in = |emulator: &Listening| {
        let path = "POST /api/v1/oauth/token?client_id=emulator&client_secret=emulator";
        call(emulator, path, "", &Value::Null)["access_token"].as_str().unwrap().to_owned()
    };
    let start = || Listening::start(&bench, "--http --limits unlimited --store tenant.db");
    let mut acknowledged = BTreeSet::new();
    for round in 0..4 {
        let emulator = start();
        let (url, token) = (emulator.url.clone(), sign_in(&emulator));
        let (acks, heard) = mpsc::channel();
        thread::scope(|scope| {
            for writer in 0..4 {
                let (acks, token, url) = (acks.clone(), &token, &url);
                scope.spawn(move || {
                    // Until the kill, which breaks a request at whatever moment it has come to.
                    for n in 0.. {
                        let domain = format!("r{round}-w{writer}-n{n}.example");
                        let record = json!({"domain": domain, "ipv4Addresses": ["10.0.0.1"]});
                        match try_call(url, "POST /api/v1/dns-records", token, &record) {
                            Some(answer) => acks.send(answer["domain"].as_str().unwrap().to_owned()).unwrap(),
                            None => return,
                        }
                    }
                });
            }
            drop(acks);
            // So many have been heard of; four others are on their way.
            acknowledged.extend(heard.iter().take(40 + 7 * round));
            emulator.kill();
            acknowledged.extend(heard.iter());
        });
    }
    let emulator = start();
    let token = sign_in(&emulator);
    let list = call(&emulator, "GET /api/v1/dns-records?size=1000", &token, &Value::Null);
    let there: Vec<&str> =
        list["content"].as_array().unwrap().iter().map(|r| r["domain"].as_str().unwrap()).collect();
    let kept: BTreeSet<String> = there.iter().map(|&domain| domain.to_owned()).collect();
    assert_eq!(kept.len(), there.len(), "nothing is there twice");
    let lost: Vec<&String> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty() && acknowledged.len() >= 160, "{lost:?} of {}", acknowledged.len());
    // What is there beyond the acknowledged ones was on its way at a kill: at most one a writer.
    assert!(kept.len() - acknowledged.len() <= 4 * 4);
}

#[test]
fn the_tenant_in_process_is_kept_and_used_by_one_at_a_time() {
    let bench = Bench::new();
    bench.file("spec.yaml", "networks: [{ name: paris, egress: false }]\n");
    let first = bench.run("apply -f spec.yaml --emulator --yes").exits(0);
    let store = bench.state().join("emulator.db");
    assert!(
        first.stderr.contains(&format!("rm -f {}", fs::canonicalize(&store).unwrap().display())),
        "{first:#?}"
    );
    let second = bench.run("apply -f spec.yaml --emulator --yes").exits(0);
    assert!(!second.stderr.contains("rm -f"), "{second:#?}");

    let _holder = Listening::start(&bench, &format!("--http --store {}", store.display()));
    let refused = bench.run("apply -f spec.yaml --emulator --yes -o json").exits(3);
    assert!(refused.stderr.contains("in use"), "{refused:#?}");
    assert_valid(&refused.json());
}

/// A plain HTTP call to an emulator: the JSON of the answer.
fn call(emulator: &Listening, line: &str, token: &str, body: &Value) -> Value {
    try_call(&emulator.url, line, token, body).expect("the emulator answers")
}

/// As [`call`]; `None` where no whole answer comes.
fn try_call(url: &str, line: &str, token: &str, body: &Value) -> Option<Value> {
    let body = body.to_string();
    let mut socket = TcpStream::connect(url.trim_start_matches("http://")).ok()?;
    let length = body.len();
    write!(
        socket,
        "{line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

#[test]
fn a_tenant_behaves_as_its_switches_say() {
    let operations = json!({"operations": [
        {"method": "POST", "path": "/hosts", "body": {"name": "web"}},
        {"method": "POST", "path": "/networks", "body": {"name": "WEB"}},
        {"method": "GET", "path": "/hosts/x"},
    ]});
    for (switches, expected) in
        [("--names-unique yes", [201, 400, 400]), ("--names-unique no --not-found 404", [201, 201, 404])]
    {
        let bench = Bench::new();
        let emulator =
            Listening::start(&bench, &format!("--http --limits unlimited --batch-endpoint {switches}"));
        let path = "POST /api/v1/oauth/token?client_id=emulator&client_secret=emulator";
        let token = call(&emulator, path, "", &Value::Null)["access_token"].as_str().unwrap().to_owned();
        let results = &call(&emulator, "POST /api/v1/batch", &token, &operations)["results"];
        let statuses: Vec<u64> =
            results.as_array().unwrap().iter().map(|r| r["status"].as_u64().unwrap()).collect();
        assert_eq!(statuses, expected, "{switches}");
    }
    let bench = Bench::new();
    bench.run("emulator --http --names-unique sometimes").exits(64);
}
