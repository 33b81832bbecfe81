//! Names that would steer a terminal, colours, and secrets.

use crate::support::{Bench, came};
use std::fs;

#[test]
fn a_name_cannot_steer_the_terminal() {
    let bench = Bench::new();
    let name = "a\u{1b}[2J\u{202e}b\u{9b}1m";
    let quoted = serde_json::to_string(name).unwrap();
    bench.file(
        "spec.json",
        &format!("{{\"networks\": [{{\"name\": {quoted}, \"routes\": [\"100.112.7.0/24\"]}}]}}"),
    );
    bench.file("bad.json", &format!("{{\"networks\": [{{\"name\": {quoted}, {quoted}: 1}}]}}"));
    for line in [
        "plan -f spec.json --emulator",
        "apply -f spec.json --emulator --yes -v",
        "apply -f spec.json --emulator --yes -o json",
        "apply -f bad.json --emulator --yes",
        "validate -f bad.json -o json",
        "get networks --emulator -o yaml",
    ] {
        let came = bench.run(line);
        for text in [&came.stdout, &came.stderr] {
            let hazard =
                text.chars().find(|c| c.is_control() && *c != '\n' || ('\u{202a}'..='\u{202e}').contains(c));
            assert_eq!(hazard, None, "{line}: {came:#?}");
        }
    }
}

#[test]
fn colour_is_shown_where_it_was_asked_for() {
    let bench = Bench::new();
    bench.file("spec.yaml", "networks: [{ name: paris, egress: false }]\n");
    let shows_colour = |line: &str, no_color: bool| {
        let mut command = bench.command(line.split(' '));
        if no_color {
            command.env("NO_COLOR", "1");
        }
        came(command.output().unwrap()).stdout.contains('\u{1b}')
    };
    assert!(!shows_colour("plan -f spec.yaml --emulator", false));
    assert!(!shows_colour("plan -f spec.yaml --emulator", true));
    assert!(shows_colour("plan -f spec.yaml --emulator --color always", false));
    assert!(!shows_colour("plan -f spec.yaml --emulator --color never", false));
}

#[test]
fn no_secret_is_found_anywhere() {
    let bench = Bench::new();
    let spec = "\
networks:
  - name: plant
    egress: false
    tunneling_protocol: ipsec
    connectors:
      - name: plant-fw
        region: it-mxp
        ipsec:
          platform: cisco
          authentication_type: shared_secret
          remote_site_public_ip: 203.0.113.9
          pre_shared_key: PSK
          ike_protocol:
            protocol_version: ike_v2
            phase1: &phase { encryption_algorithms: [aes256], integrity_algorithms: [sha2_256], diffie_hellman_groups: [g_14], lifetime_sec: 3600 }
            phase2: *phase
            rekey: { margin_time_sec: 270, fuzz_percent: 100, replay_window_size: 1024 }
            dead_peer_detection: { timeout_sec: 30, dead_peer_handling: restart }
            startup_action: start
";
    let sources = [
        ("inline", "canary-psk-value"),
        ("env", "{ env: PLANT_PSK }"),
        // The client secret is kept from the command: it would be in the value, and the value would differ.
        ("command", "{ command: [sh, -c, 'printf %s \"$PLANT_PSK$CLOUDCONNEXA_CLIENT_SECRET\"'] }"),
    ];
    let emulator =
        crate::support::Listening::start(&bench, "--http --limits unlimited --key me:canary-client-secret");
    for (name, source) in sources {
        let text = spec.replace("PSK\n", &format!("{source}\n")).replace("plant", name);
        fs::write(bench.path().join("spec.yaml"), &text).unwrap();
        let with_secrets = |line: &str| {
            let mut command = emulator.command(&bench, line);
            command
                .env("CLOUDCONNEXA_CLIENT_ID", "me")
                .env("CLOUDCONNEXA_CLIENT_SECRET", "canary-client-secret");
            command.env("PLANT_PSK", "canary-psk-value");
            came(command.output().unwrap())
        };
        let lines = [
            ("plan -f spec.yaml -o json", 0),
            ("apply -f spec.yaml --yes -o json -vvv --events events.jsonl --report report.txt", 0),
            ("apply -f spec.yaml --yes -vvv --log-format json", 0),
            ("get network-connectors -o yaml", 0),
        ];
        for (line, code) in lines {
            let came = with_secrets(line).exits(code);
            assert!(
                !came.stdout.contains("canary") && !came.stderr.contains("canary"),
                "{name} {line}: {came:#?}"
            );
        }
        // The second apply compared the secret and found it equal.
        let report = with_secrets("apply -f spec.yaml --yes -o json").exits(0).json();
        assert_eq!(report["calls"]["update"], 0, "{report:#}");
        fs::remove_file(bench.path().join("spec.yaml")).unwrap();
        for file in bench.files() {
            let bytes = fs::read(&file).unwrap();
            assert!(!bytes.windows(6).any(|w| w == b"canary"), "{name}: {}", file.display());
        }
    }
}
