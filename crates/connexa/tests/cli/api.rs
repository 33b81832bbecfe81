//! `connexa api`: raw calls, what they print and how they end.

use crate::support::{Bench, Came, Listening, came};
use std::{io::Write as _, process::Stdio};

const NETWORK: &str = r#"{"name": "paris", "internetAccess": "SPLIT_TUNNEL_ON", "egress": false, "connectors": [], "routes": []}"#;

/// With a body on standard input.
fn piped(bench: &Bench, line: &str, body: &str) -> Came {
    let mut command = bench.command(line.split_whitespace());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses before it reads does not mind.
    let _ = child.stdin.take().unwrap().write_all(body.as_bytes());
    came(child.wait_with_output().unwrap())
}

#[test]
fn bodies_are_printed_as_received() {
    let bench = Bench::new();
    let made = piped(&bench, "api post /networks -f - --yes --emulator -q", NETWORK).exits(0);
    assert_eq!(made.stdout.lines().count(), 1, "{made:#?}");
    let network = made.json();
    assert_eq!((network["name"].as_str(), made.stderr.as_str()), (Some("paris"), ""));
    let id = network["id"].as_str().unwrap();

    let listed = bench.run("api GET /api/v1/networks?size=1 --emulator -o json").exits(0);
    assert_eq!(listed.json()["content"][0]["id"], id);
    assert_eq!(bench.run("api GET /networks?size=1 --emulator").exits(0).stdout, listed.stdout);

    bench.file("body.json", &NETWORK.replace("paris", "lyon"));
    let update = bench.run(&format!("api PUT /networks/{id} -f body.json -y --emulator")).exits(0);
    assert_eq!(update.json()["name"], "lyon");
    let deleted = bench.run(&format!("api DELETE /networks/{id} --yes --emulator")).exits(0);
    assert_eq!(deleted.stdout, "");
    assert_eq!(bench.run("get networks -o name --emulator").exits(0).stdout, "");
    let gone = bench.run(&format!("api DELETE /networks/{id} --yes --emulator -o json")).exits(4);
    assert!(gone.json()["errorMessage"].is_string(), "{gone:#?}");
    assert!(gone.stderr.contains("400") || gone.stderr.contains("404"), "{gone:#?}");
}

#[test]
fn an_answer_that_is_no_success_is_4_and_says_what_helps() {
    let bench = Bench::new();
    let unknown = bench.run("api GET /netwroks --emulator").exits(4);
    assert!(
        unknown.stderr.contains("404") && unknown.stderr.contains("did you mean `GET /networks`?"),
        "{unknown:#?}"
    );
    let rejected = piped(&bench, "api POST /networks -f - -y --emulator -o json", "{}").exits(4);
    assert!(rejected.json()["errorDetails"].is_object(), "{rejected:#?}");
    let lacking =
        piped(&bench, "api POST /networks/routes -f - -y --emulator", "{\"subnet\": \"10.0.0.0/8\"}")
            .exits(4);
    assert!(lacking.stderr.contains("needs the query parameter `networkId`"), "{lacking:#?}");
    // Newer than we are: sent all the same.
    bench.run("api PATCH /things/7?dry=true --yes --emulator").exits(4);
}

#[test]
fn what_is_no_call_is_not_made() {
    let bench = Bench::new();
    for line in [
        "api GET networks --emulator",
        "api GET https://acme.example/networks --emulator",
        "api GET /networks/{id} --emulator",
        "api GET /networks/../users --emulator",
        "api BREW /networks --emulator",
        "api GET /networks -f - --emulator",
        "api GET --emulator",
        "api GET /networks --emulator -o yaml",
        "api GET /networks --emulator --profile x",
    ] {
        assert_eq!(bench.run(line).exits(64).stdout, "", "{line}");
    }
    assert!(!bench.state().exists(), "nothing was opened");
    let unread = bench.run("api POST /networks -f nowhere.json --yes --emulator -o json").exits(3);
    assert_eq!(unread.stdout, "null\n");
    let broken = piped(&bench, "api POST /networks -f - --yes --emulator", "name: canary").exits(3);
    assert!(
        broken.stderr.contains("is not JSON: line 1, column") && !broken.stderr.contains("canary"),
        "{broken:#?}"
    );
    // Nobody is there to be asked.
    let unasked = piped(&bench, "api POST /networks -f - --emulator -o json", NETWORK).exits(3);
    assert!(unasked.stderr.contains("--yes"), "{unasked:#?}");
    assert_eq!(bench.run("api GET /networks --emulator").exits(0).json()["totalElements"], 0);
}

#[test]
fn texts_are_sent_and_printed_as_texts() {
    let bench = Bench::new();
    let set = piped(&bench, "api PUT /settings/wpc/topology -f - --yes --emulator", "CUSTOM");
    assert_eq!(set.code, 0, "{set:#?}");
    let text = bench.run("api GET /settings/wpc/topology --emulator").exits(0).stdout;
    assert_eq!(text, "CUSTOM\n");
    assert_eq!(
        bench.run("api GET /settings/wpc/topology --emulator -o json").exits(0).stdout,
        "\"CUSTOM\"\n"
    );
}

#[test]
fn secrets_are_not_printed() {
    let bench = Bench::new();
    let body = r#"{"name": "n", "internetAccess": "SPLIT_TUNNEL_ON", "egress": false,
        "connectors": [{"name": "c", "vpnRegionId": "it-mxp"}]}"#;
    let network = piped(&bench, "api POST /networks -f - --yes --emulator", body).exits(0).json();
    let id = network["connectors"][0]["id"].as_str().unwrap();
    let profile =
        bench.run(&format!("api POST /networks/connectors/{id}/profile --yes --emulator -o json")).exits(0);
    assert_eq!(profile.stdout, "null\n");
    assert!(profile.stderr.contains("is a secret, and is not shown"), "{profile:#?}");
    let token = bench.run("api POST /oauth/token --yes --emulator");
    assert!(!token.stdout.contains("access_token"), "{token:#?}");
}

#[test]
fn a_tenant_that_lets_nobody_in_is_7() {
    let bench = Bench::new();
    let listening = Listening::start(&bench, "--http");
    let mut wrong = listening.command(&bench, "api POST /networks --yes -o json");
    wrong.env("CLOUDCONNEXA_CLIENT_SECRET", "canary-wrong");
    let wrong = came(wrong.output().unwrap()).exits(7);
    assert_eq!(wrong.stdout, "null\n");
    assert!(wrong.stderr.contains(&listening.url) && !wrong.stderr.contains("canary"), "{wrong:#?}");
    let url = listening.url.clone();
    listening.kill();
    let mut gone = bench.command(["api", "GET", "/networks", "--api-url", &url]);
    gone.env("CLOUDCONNEXA_CLIENT_ID", "a").env("CLOUDCONNEXA_CLIENT_SECRET", "b");
    came(gone.output().unwrap()).exits(7);
}

#[test]
fn a_change_without_an_answer_is_6_and_a_look_is_7() {
    let bench = Bench::new();
    let rule = r#"{"rules": [{"path": "/networks", "fault": {"reset": {"commit": "after"}}}]}"#;
    bench.file("faults.json", rule);
    let listening = Listening::start(&bench, "--http --faults faults.json --ledger ledger.jsonl");
    bench.file("body.json", NETWORK);
    let lost = listening.run(&bench, "api POST /networks -f body.json --yes").exits(6);
    assert!(lost.stderr.contains("not known whether this was carried out"), "{lost:#?}");
    listening.run(&bench, "api GET /networks").exits(7);
    let ledger = std::fs::read_to_string(bench.path().join("ledger.jsonl")).unwrap();
    assert_eq!(ledger.matches("\"method\":\"POST\",\"path\":\"/api/v1/networks\"").count(), 1, "{ledger}");
}
