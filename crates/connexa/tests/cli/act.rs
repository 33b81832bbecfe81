//! Life-cycle actions, and profiles as files.

use crate::{
    support::{assert_valid, keys},
    tenant::{OBJECTS, Tenant},
};
use serde_json::json;
use std::fs;

#[test]
fn each_object_is_one_call_and_what_is_so_already_none() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    let report = tenant.run("suspend users bob cyd -y -o json").exits(0).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "succeeded"), ["user/bob", "user/cyd"]);
    assert_eq!(report["succeeded"][0]["action"], "do");
    assert_eq!(report["succeeded"][0]["verb"], "suspend");
    assert_eq!(tenant.calls(), ["GET /users", "PUT /users/{id}/suspend", "PUT /users/{id}/suspend"]);
    assert_eq!(tenant.get("users", "bob")["status"], "SUSPENDED");

    tenant.calls();
    let words = ["suspend", "users", "--where", "status == 'suspended'", "ada", "-y", "-o", "json"];
    let again = tenant.words(&words).exits(0).json();
    assert_eq!(again["succeeded"][1]["action"], "no-op");
    assert_eq!(again["succeeded"][1]["note"], "already suspended");
    assert_eq!(tenant.updates(), ["PUT /users/{id}/suspend"]);
    tenant.run("do activate user ada bob cyd -y").exits(0);
    assert_eq!(tenant.updates().len(), 3);
    assert_eq!(tenant.get("users", "cyd")["status"], "ACTIVE");
}

#[test]
fn names_that_are_not_there_fail_alone() {
    let tenant = Tenant::with(OBJECTS);
    let owner = owner(&tenant);
    tenant.bench.file("who.yaml", "- ada\n- adda\n- { username: bob, email: ignored@example.com }\n");
    tenant.calls();
    let report =
        tenant.words(&["reset-mfa", "users", "-f", "who.yaml", "nobody", "-y", "-o", "json"]).exits(4).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "succeeded"), ["user/ada", "user/bob"]);
    assert_eq!(keys(&report, "failed"), ["user/adda", "user/nobody"]);
    assert_eq!(report["failed"][0]["error_type"], "ValidationError");
    assert_eq!(tenant.updates(), ["POST /users/{userId}/reset-mfa"; 2]);

    let refused = tenant.words(&["suspend", "users", &owner, "-y", "-o", "json"]).exits(4).json();
    assert_eq!(refused["failed"][0]["error_type"], "ValidationError");
    assert_eq!(tenant.updates(), [""; 0], "the owner cannot be suspended");
}

fn owner(tenant: &Tenant) -> String {
    let users = tenant.words(&["get", "users", "-o", "json"]).exits(0).json();
    let owner =
        users["users"].as_array().unwrap().iter().find(|user| user["role"] == "owner").unwrap().clone();
    owner["username"].as_str().unwrap().to_owned()
}

#[test]
fn every_verb_makes_its_call() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    for (line, call) in [
        ("resend-invitation users bob", "POST /users/{id}/resend-invitation"),
        ("force-password-change users bob", "POST /users/{id}/force-password-change"),
        ("suspend network-connectors paris/paris-1", "PUT /networks/connectors/{id}/suspend"),
        ("activate network-connectors paris/paris-1", "PUT /networks/connectors/{id}/activate"),
        ("revoke-profile network-connectors paris/paris-1", "DELETE /networks/connectors/{id}/profile"),
        ("revoke-profile devices ada/laptop", "DELETE /devices/{id}/profile"),
        ("do force_password_change user bob", "POST /users/{id}/force-password-change"),
    ] {
        tenant.run(&format!("{line} -y")).exits(0);
        assert_eq!(tenant.updates(), [call], "{line}");
    }
    // Whether a connector is suspended cannot be read, so it is said again.
    tenant.run("suspend network-connectors paris/paris-1 -y").exits(0);
    tenant.run("suspend network-connectors paris/paris-1 -y").exits(0);
    assert_eq!(tenant.updates().len(), 2);
}

#[test]
fn ipsec_is_for_ipsec_connectors_and_says_what_is_so() {
    let tenant = Tenant::with(
        "networks: [{ name: plant, tunneling_protocol: ipsec, egress: false, connectors: [{ name: fw, region: it-mxp, ipsec: {
  platform: cisco, authentication_type: shared_secret, remote_site_public_ip: 203.0.113.9, pre_shared_key: abc-def-ghi,
  ike_protocol: { protocol_version: ike_v2,
    phase1: { encryption_algorithms: [aes256], integrity_algorithms: [sha2_256], diffie_hellman_groups: [g_14], lifetime_sec: 3600 },
    phase2: { encryption_algorithms: [aes256], integrity_algorithms: [sha2_256], diffie_hellman_groups: [g_14], lifetime_sec: 3600 },
    rekey: { margin_time_sec: 270, fuzz_percent: 100, replay_window_size: 1024 },
    dead_peer_detection: { timeout_sec: 30, dead_peer_handling: restart }, startup_action: start } } }] },
  { name: rome, connectors: [{ name: rome-1, region: it-mxp }] }]",
    );
    tenant.calls();
    tenant.run("ipsec-start network-connectors plant/fw -y").exits(0);
    assert_eq!(tenant.updates(), ["POST /networks/connectors/{id}/ipsec/start"]);
    let again = tenant.run("ipsec-start network-connectors plant/fw -y -o json").exits(0).json();
    assert_eq!(again["succeeded"][0]["note"], "already started");
    assert_eq!(tenant.updates(), [""; 0]);
    let report = tenant.run("ipsec-stop network-connectors * -y -o json").exits(4).json();
    assert_eq!(keys(&report, "succeeded"), ["network_connector/plant/fw"]);
    assert_eq!(keys(&report, "failed"), ["network_connector/rome/rome-1"]);
    assert_eq!(tenant.updates(), ["POST /networks/connectors/{id}/ipsec/stop"]);
    let profile = tenant.run("profile network-connectors plant/fw -y -o json").exits(4).json();
    assert_eq!(profile["failed"][0]["error_type"], "ValidationError");
    assert_eq!(tenant.updates(), [""; 0]);
}

#[test]
fn profiles_are_private_files_and_nothing_is_written_over() {
    let tenant = Tenant::with(OBJECTS);
    let folder = tenant.bench.path().join("out");
    tenant.calls();
    tenant.run("profile network-connectors paris/* --dir out -n").exits(0);
    assert!(!folder.exists(), "a dry run writes nothing");
    let report = tenant.run("profile network-connectors paris/* --dir out -y -o json").exits(0);
    assert_valid(&report.json());
    assert_eq!(tenant.updates(), ["POST /networks/connectors/{id}/profile"; 2]);
    let mut files: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, ["paris-1.ovpn", "paris-2.ovpn"]);
    let text = fs::read_to_string(folder.join("paris-1.ovpn")).unwrap();
    assert!(text.contains("client"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.join("paris-1.ovpn")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // The text is nowhere but in its file.
    let secret = text.lines().max_by_key(|line| line.len()).unwrap();
    assert!(!report.stdout.contains(secret) && !report.stderr.contains(secret));
    for file in tenant.bench.files().iter().filter(|file| file.parent() != Some(folder.as_path())) {
        let content = fs::read(file).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains(secret), "{}", file.display());
    }

    fs::write(folder.join("paris-1.ovpn"), "mine").unwrap();
    fs::remove_file(folder.join("paris-2.ovpn")).unwrap();
    let report = tenant.run("profile network-connectors paris/* --dir out -y -o json").exits(4).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "failed"), ["network_connector/paris/paris-1"]);
    assert_eq!(keys(&report, "succeeded"), ["network_connector/paris/paris-2"]);
    assert_eq!(tenant.updates().len(), 1, "no call for a file that cannot be written");
    assert_eq!(fs::read_to_string(folder.join("paris-1.ovpn")).unwrap(), "mine");
    tenant.run("profile network-connectors paris/paris-1 --dir out --overwrite -y").exits(0);
    assert_eq!(fs::read_to_string(folder.join("paris-1.ovpn")).unwrap(), text);
}

#[test]
fn profiles_of_devices_are_for_a_region() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    tenant.run("profile devices ada/laptop -y").exits(64);
    let report = tenant.run("profile devices ada/laptop --region mars-1 -y -o json").exits(4).json();
    assert_eq!(report["failed"][0]["error_type"], "ValidationError");
    assert_eq!(tenant.updates(), [""; 0]);
    tenant.run("do profile devices ada/laptop --region it-mxp --dir out -y").exits(0);
    assert_eq!(tenant.updates(), ["POST /devices/{id}/profile"]);
    assert!(tenant.bench.path().join("out/laptop.ovpn").exists());
    tenant.run("profile network-connectors paris/paris-1 --form token --dir out -y").exits(0);
    assert!(tenant.bench.path().join("out/paris-1.token").exists());
}

#[test]
fn scopes_and_protection_hold_for_actions_too() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    let plan = tenant.run("suspend users ada bob cyd --limit 2 --exclude user/a* -n -o json").exits(0).json();
    assert_eq!(keys(&plan, "changes"), ["user/bob", "user/cyd"]);
    let report = tenant.run("suspend users ada bob --limit 1 -y -o json").exits(0).json();
    assert_eq!(keys(&report, "succeeded"), ["user/ada"]);
    assert_eq!(tenant.updates(), ["PUT /users/{id}/suspend"]);
    let report = tenant.run("suspend users bob cyd --protect user/b* -y -o json").exits(4).json();
    assert_eq!(keys(&report, "failed"), ["user/bob"]);
    assert_eq!(tenant.updates(), ["PUT /users/{id}/suspend"]);
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    let tenant = Tenant::with("");
    for (line, said) in [
        ("suspend networks paris", "users"),
        ("reset-mfa users", "--where"),
        ("do restart users ada", "the actions are"),
        ("do suspend users ada --dir out", "profile"),
        ("profile host-connectors a/b --region it-mxp", "--region"),
        ("profile devices a/b --region it-mxp --form token", "ovpn"),
    ] {
        let came = tenant.run(line).exits(64);
        assert!(came.stderr.contains(said), "{line}: {}", came.stderr);
    }
}

#[test]
fn a_dry_run_tells_what_people_notice_and_what_cannot_be_undone() {
    let tenant = Tenant::with(OBJECTS);
    let plan = tenant.run("resend-invitation users bob -n -o json").exits(0).json();
    assert_valid(&plan);
    let change = &plan["changes"][0];
    assert_eq!(change["action"], "do");
    assert_eq!(change["notice"], "an invitation is mailed to bob@example.com");
    assert_eq!(change["irreversible"], "a mail cannot be called back");
    assert_eq!(plan["operations"][0]["path"], json!("/users/{id}/resend-invitation"));
}
