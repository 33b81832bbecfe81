//! Secrets by reference: compared when planning, and found again from a failures spec in another folder.

use crate::support::{Bench, Came, came};
use std::fs;

/// An IPsec network whose key is `source`.
pub(crate) fn spec(name: &str, source: &str) -> String {
    format!(
        "networks:
  - name: {name}
    egress: false
    tunneling_protocol: ipsec
    connectors:
      - name: fw
        region: it-mxp
        ipsec:
          platform: cisco
          authentication_type: shared_secret
          remote_site_public_ip: 203.0.113.9
          pre_shared_key: {source}
          ike_protocol:
            protocol_version: ike_v2
            phase1: &phase {{ encryption_algorithms: [aes256], integrity_algorithms: [sha2_256], diffie_hellman_groups: [g_14], lifetime_sec: 3600 }}
            phase2: *phase
            rekey: {{ margin_time_sec: 270, fuzz_percent: 100, replay_window_size: 1024 }}
            dead_peer_detection: {{ timeout_sec: 30, dead_peer_handling: restart }}
            startup_action: start
"
    )
}

#[test]
fn a_secret_by_reference_is_compared_with_that_of_the_tenant() {
    let bench = Bench::new();
    let by = |key: Option<&str>, line: &str| -> Came {
        let mut command = bench.command(line.split(' '));
        command.envs(key.map(|key| ("PLANT_PSK", key)));
        if let Some(key) = key {
            bench.file("specs/key.txt", &format!("{key}\n"));
        } else {
            let _ = fs::remove_file(bench.path().join("specs/key.txt"));
        }
        came(command.output().unwrap())
    };
    let sources = [
        ("env", "{ env: PLANT_PSK }"),
        ("file", "{ file: key.txt }"),
        ("command", "{ command: [cat, specs/key.txt] }"),
    ];
    for (name, source) in sources {
        bench.file("specs/plant.yaml", &spec(name, source));
        let apply = "apply -f specs/plant.yaml --emulator --yes -o json";
        by(Some("canary-one"), apply).exits(0);
        assert_eq!(by(Some("canary-one"), apply).exits(0).json()["calls"]["update"], 0, "{name}");

        let plan = by(Some("canary-two"), "plan -f specs/plant.yaml --emulator -o json").exits(0);
        assert!(!plan.stdout.contains("canary"), "{plan:#?}");
        let plan = plan.json();
        assert_eq!(plan["changes"][1]["action"], "update", "{name}: {plan:#}");
        let [old, new] =
            [0, 1].map(|at| plan["changes"][1]["fields"]["ipsec.pre_shared_key"][at].to_string());
        assert!(old.contains("hmac-sha256:") && new.contains("hmac-sha256:") && old != new, "{old} {new}");

        assert_eq!(by(Some("canary-two"), apply).exits(0).json()["calls"]["update"], 1, "{name}");
        assert_eq!(by(Some("canary-two"), apply).exits(0).json()["calls"]["update"], 0, "{name}");

        // One that cannot be had counts as equal, and that is said.
        let report = by(None, apply).exits(0).json();
        assert_eq!(report["calls"]["update"], 0, "{name}");
        let note = report["succeeded"][1]["note"].as_str().unwrap();
        assert!(note.contains("cannot be compared"), "{name}: {note}");
    }
}

#[test]
fn a_failures_spec_finds_the_files_of_the_spec() {
    let bench = Bench::new();
    bench.file("specs/plant.yaml", &spec("plant", "{ file: key.txt }"));
    let report = bench.run("apply -f specs/plant.yaml --emulator --yes -o json").exits(4).json();
    assert_eq!(report["unprocessed"][0]["error_type"], "SecretMissing");
    bench.file("specs/key.txt", "canary\n");
    let failures = report["failures_file"].as_str().unwrap();
    bench.run(&format!("apply -f {failures} --emulator --yes")).exits(0);
    bench.run("apply -f specs/plant.yaml --emulator").exits(0);
}
