//! `rotate-profile`: what is called for each connector, what is kept, and when it stops.

use crate::{
    faults::control,
    support::{Came, assert_valid, keys},
    tenant::{OBJECTS, Tenant},
};
use serde_json::Value;
use std::{fs, path::PathBuf};

const REVOKE: &str = "DELETE /networks/connectors/{id}/profile";
const FETCH: &str = "POST /networks/connectors/{id}/profile";

/// Networks and a host with connectors, which come online by themselves so long after a profile was given out.
fn tenant(after_ms: Option<u64>) -> Tenant {
    let host = "hosts: [{ name: bastion, connectors: [{ name: bastion-1, region: eu-central-1 }] }]";
    let tenant = Tenant::with(&format!("{OBJECTS}{host}\n"));
    let body = after_ms.map_or("{}".to_owned(), |after| format!("{{\"after_ms\": {after}}}"));
    assert_eq!(control(&tenant.listening, "PUT /_emulator/connections", &body).0, 200);
    tenant.calls();
    tenant
}

fn file(tenant: &Tenant, name: &str) -> PathBuf {
    tenant.bench.path().join("profiles").join(name)
}

fn rotate(tenant: &Tenant, words: &[&str]) -> Came {
    let mut line = vec!["rotate-profile", "connectors"];
    line.extend(words);
    line.extend(["--dir", "profiles", "-y", "-o", "json"]);
    tenant.words(&line)
}

fn note(report: &Value, list: &str, at: usize) -> String {
    report[list][at]["note"].as_str().unwrap_or_else(|| panic!("no note: {report:#}")).to_owned()
}

#[test]
fn each_connector_is_revoked_fetched_and_waited_for_one_after_the_other() {
    let tenant = tenant(Some(300));
    let report = rotate(&tenant, &["paris/*", "bastion/bastion-1", "--wait", "online=30s"]).exits(0).json();
    assert_valid(&report);
    assert_eq!(
        keys(&report, "succeeded"),
        [
            "network_connector/paris/paris-1",
            "network_connector/paris/paris-2",
            "host_connector/bastion/bastion-1"
        ]
    );
    let mut calls = tenant.calls();
    calls.dedup();
    let host = |call: &str| call.replace("networks", "hosts");
    assert_eq!(
        calls,
        [
            "GET /networks",
            "GET /hosts",
            REVOKE,
            FETCH,
            "GET /networks",
            REVOKE,
            FETCH,
            "GET /networks",
            &host(REVOKE),
            &host(FETCH),
            "GET /hosts"
        ]
    );
    for (at, name) in ["paris-1", "paris-2", "bastion-1"].into_iter().enumerate() {
        let text = fs::read_to_string(file(&tenant, &format!("{name}.ovpn"))).unwrap();
        assert!(text.contains(report["succeeded"][at]["id"].as_str().unwrap()), "{text}");
        assert!(note(&report, "succeeded", at).contains("shown as `ONLINE`"));
        assert_eq!(report["succeeded"][at]["object"]["connectionStatus"], "ONLINE");
    }
    assert_eq!(report["calls"]["update"], 6);
}

#[test]
fn what_was_there_is_kept_and_said() {
    let tenant = tenant(None);
    rotate(&tenant, &["paris/paris-1"]).exits(0);
    let first = fs::read_to_string(file(&tenant, "paris-1.ovpn")).unwrap();
    let report = rotate(&tenant, &["paris/paris-1"]).exits(0).json();
    let second = fs::read_to_string(file(&tenant, "paris-1.ovpn")).unwrap();
    assert_ne!(first, second);
    assert_eq!(fs::read_to_string(file(&tenant, "paris-1.ovpn.old")).unwrap(), first);
    let note = note(&report, "succeeded", 0);
    assert!(note.contains("what was there is in") && note.contains("paris-1.ovpn.old"), "{note}");
}

#[cfg(unix)]
#[test]
fn the_hook_is_run_for_each_file_and_its_failure_stops_the_rest() {
    let tenant = tenant(None);
    let hook = r#"echo "to $3"; cat "$1"; echo "$CONNEXA_KIND $CONNEXA_ID ${CLOUDCONNEXA_CLIENT_SECRET-none}" >> seen; test "$3" != paris/paris-2"#;
    let came = rotate(&tenant, &["paris/*", "rome/*", "--hook", hook]).exits(5);
    let report = came.json();
    assert_valid(&report);
    assert_eq!(keys(&report, "succeeded"), ["network_connector/paris/paris-1"]);
    assert_eq!(keys(&report, "failed"), ["network_connector/paris/paris-2"]);
    assert_eq!(keys(&report, "unprocessed"), ["network_connector/rome/rome-1"]);
    assert_eq!(report["failed"][0]["error"], "the hook ended with exit status: 1");
    assert!(note(&report, "failed", 0).contains("paris-2.ovpn"), "its file is there, and that is said");
    assert!(file(&tenant, "paris-2.ovpn").exists());
    assert_eq!(tenant.updates(), [REVOKE, FETCH, REVOKE, FETCH]);
    let seen = fs::read_to_string(tenant.bench.path().join("seen")).unwrap();
    let expected: Vec<String> = ["succeeded", "failed"]
        .map(|list| format!("network_connector {} none", report[list][0]["id"].as_str().unwrap()))
        .into();
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected);
    // What the hook says is shown, the profile is not.
    assert!(came.stderr.contains("to paris/paris-1"), "{came:#?}");
    let profile = fs::read_to_string(file(&tenant, "paris-1.ovpn")).unwrap();
    let key = profile.lines().max_by_key(|line| line.len()).unwrap();
    assert!(!came.stderr.contains(key) && came.stderr.contains("(a line of the profile)"), "{came:#?}");

    // The rest goes on, if that is wanted.
    let on = ["paris/paris-2", "rome/*", "--hook", hook, "--on-failure", "continue"];
    let report = rotate(&tenant, &on).exits(4).json();
    assert_eq!(keys(&report, "succeeded"), ["network_connector/rome/rome-1"]);
}

#[test]
fn one_that_does_not_come_back_fails_and_stops_the_rest() {
    let tenant = tenant(None);
    let report = rotate(&tenant, &["paris/*", "--wait", "online=1s"]).exits(5).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "failed"), ["network_connector/paris/paris-1"]);
    assert_eq!(report["failed"][0]["error"], "not shown as `ONLINE` within 1s: the list shows `OFFLINE`");
    assert_eq!(keys(&report, "unprocessed"), ["network_connector/paris/paris-2"]);
    assert_eq!(tenant.updates(), [REVOKE, FETCH]);
}

#[test]
fn several_at_once_share_their_looks() {
    let tenant = tenant(Some(1000));
    let report = rotate(&tenant, &["*/*", "--wait", "online=30s", "--parallel", "8"]).exits(0).json();
    assert_eq!(report["succeeded"].as_array().unwrap().len(), 4);
    let looks = tenant.calls().iter().filter(|call| call.starts_with("GET /networks")).count();
    assert!(looks <= 1 + 6, "{looks} looks for three connectors that wait for a second");
}

#[test]
fn waves_count_connectors() {
    let tenant = tenant(None);
    let came = tenant.words(&[
        "rotate-profile",
        "network-connectors",
        "*/*",
        "--dir",
        "profiles",
        "--wave",
        "1,2",
        "-y",
    ]);
    let came = came.exits(0);
    assert!(came.stderr.contains("wave 1 has ended: 1 connector done"), "{came:#?}");
    assert!(came.stderr.contains("the next one has 1 connector, 2 are left"), "{came:#?}");
}

#[test]
fn a_lost_profile_is_asked_for_again_and_a_lost_revoke_is_not() {
    let tenant = tenant(None);
    let rule = |method: &str| {
        format!(
            r#"{{"method": "{method}", "path": "/networks/connectors/{{id}}/profile", "times": 1, "fault": {{"reset": {{"commit": "after"}}}}}}"#
        )
    };
    control(&tenant.listening, "POST /_emulator/faults", &rule("POST"));
    let report = rotate(&tenant, &["paris/paris-1"]).exits(0).json();
    assert!(note(&report, "succeeded", 0).starts_with("asked for again: the answer was lost"));
    assert_eq!(tenant.updates(), [REVOKE, FETCH, FETCH]);

    control(&tenant.listening, "POST /_emulator/faults", &rule("DELETE"));
    let report = rotate(&tenant, &["paris/paris-2", "--settle", "1s"]).exits(6).json();
    assert_eq!(keys(&report, "unknown"), ["network_connector/paris/paris-2"]);
    // Dark or not, its new profile is there.
    assert!(note(&report, "unknown", 0).contains("paris-2.ovpn"));
    assert_eq!(tenant.updates(), [REVOKE, FETCH]);
}

#[test]
fn the_plan_says_what_people_will_notice_and_changes_nothing() {
    let tenant = tenant(None);
    let line = ["rotate-profile", "connectors", "paris/*", "--dir", "profiles", "--wait", "online=5m", "-n"];
    let shown = tenant.words(&line).exits(0).stdout;
    assert!(shown.contains("connectors go dark until the new profile reaches them"), "{shown}");
    assert!(shown.contains("calls: 4 update"), "{shown}");
    let mut json = line.to_vec();
    json.extend(["-o", "json"]);
    let plan = tenant.words(&json).exits(0).json();
    assert_valid(&plan);
    let paths: Vec<&str> =
        plan["operations"].as_array().unwrap().iter().map(|op| op["path"].as_str().unwrap()).collect();
    let profile = "/networks/connectors/{id}/profile";
    assert_eq!(paths, [profile; 4]);
    assert_eq!(plan["changes"][0]["verb"], "rotate-profile");
    assert_eq!(tenant.updates(), [""; 0]);
    assert!(!file(&tenant, "").exists());
}

#[test]
fn what_is_wrong_is_told_before_any_call() {
    let tenant = tenant(None);
    let came = rotate(&tenant, &["paris/nobody", "bastion/bastion-1"]).exits(5).json();
    assert_eq!(keys(&came, "failed"), ["network_connector/paris/nobody"]);
    assert_eq!(keys(&came, "unprocessed"), ["host_connector/bastion/bastion-1"]);
    for (words, message) in [
        ("rotate-profile devices ada/laptop --dir d", "is not for `devices`"),
        ("rotate-profile connectors --dir d", "nothing is named"),
        ("rotate-profile connectors paris/paris-1 --dir d --wait 5m", "expected online=DURATION"),
        ("rotate-profile connectors paris/paris-1", "--dir"),
        ("do rotate-profile network-connectors paris/paris-1", "a command of its own"),
    ] {
        let came = tenant.run(words).exits(64);
        assert!(came.stderr.contains(message), "{came:#?}");
    }
}

/// Takes up what was killed.
#[cfg(unix)]
fn resumed(tenant: &Tenant) -> Value {
    let report = tenant.run("resume --yes -o json").exits(0).json();
    assert_valid(&report);
    report
}

#[cfg(unix)]
#[test]
fn a_crash_after_the_file_has_it_fetched_again_and_says_so() {
    let tenant = tenant(Some(200));
    // The hook kills us, once: the file is there, and what came of it is not recorded.
    let hook = r"test -e killed && exit 0; touch killed; kill -9 $PPID";
    let line = ["rotate-profile", "connectors", "paris/*", "--dir", "profiles", "-y", "--settle", "1s"];
    let mut command = tenant.listening.command(&tenant.bench, "");
    command.args(line).args(["--wait", "online=60s", "--hook", hook]);
    assert_eq!(command.output().unwrap().status.code(), None, "it is killed");
    assert_eq!(tenant.updates(), [REVOKE, FETCH]);
    let first = fs::read_to_string(file(&tenant, "paris-1.ovpn")).unwrap();

    let report = resumed(&tenant);
    assert_eq!(keys(&report, "succeeded").len(), 2);
    assert!(note(&report, "succeeded", 0).starts_with("asked for again: the answer was lost"), "{report:#}");
    assert!(!note(&report, "succeeded", 1).contains("asked for again"), "{report:#}");
    // Revoked once each; no second file of the same profile.
    assert_eq!(tenant.updates(), [FETCH, REVOKE, FETCH]);
    assert_eq!(fs::read_to_string(file(&tenant, "paris-1.ovpn")).unwrap(), first);
    assert!(!file(&tenant, "paris-1.ovpn.old").exists());
}

#[cfg(unix)]
#[test]
fn a_crash_between_revoking_and_fetching_loses_no_profile() {
    let tenant = tenant(Some(200));
    let rule = r#"{"method": "POST", "path": "/networks/connectors/{id}/profile", "times": 1, "fault": {"stall": {"commit": "before"}}}"#;
    control(&tenant.listening, "POST /_emulator/faults", rule);
    let line = ["rotate-profile", "connectors", "paris/paris-1", "--dir", "profiles", "-y", "--settle", "1s"];
    let mut command = tenant.listening.command(&tenant.bench, "");
    let mut child = command.args(line).args(["--wait", "online=60s"]).spawn().unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while control(&tenant.listening, "GET /_emulator/faults", "").1["rules"][0]["fired"] != 1 {
        assert!(std::time::Instant::now() < until, "the fetch never came");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!file(&tenant, "paris-1.ovpn").exists());

    let report = resumed(&tenant);
    assert_eq!(keys(&report, "succeeded"), ["network_connector/paris/paris-1"]);
    assert!(file(&tenant, "paris-1.ovpn").exists());
    let revokes = tenant.updates().iter().filter(|call| *call == REVOKE).count();
    assert_eq!(revokes, 1);
}
