//! Canaries: secrets of every sort, and all places to which they must not come.
//!
//! Every command that meets a secret runs with all that it can be made to write: logs, events, reports of every form,
//! journal. Then each file below the folder is searched, and all that was printed; so are the command lines of the
//! programs that were run, and, for the secret of the API key, their environment.
#![cfg(unix)]

use crate::{
    faults::control,
    support::{Bench, Came, Listening, came},
};
use std::{fs, path::Path};

const CLIENT_SECRET: &str = "canary-client-secret-5309";
/// What begins every one of them, of whatever sort.
const CANARY: &str = "canary-";

struct Yard {
    bench: Bench,
    listening: Listening,
    printed: Vec<(String, String)>,
    /// Commands that did not come to what they were to.
    odd: Vec<String>,
}

impl Yard {
    fn new() -> Self {
        let bench = Bench::new();
        let listening = Listening::start(
            &bench,
            &format!("--http --limits unlimited --key keeper:{CLIENT_SECRET} --ledger ledger.jsonl"),
        );
        Self { bench, listening, printed: Vec::new(), odd: Vec::new() }
    }

    /// Runs a command that says and writes all that it can; its number names its files.
    fn run(&mut self, words: &[&str], writes: bool, code: i32) -> Came {
        let number = self.printed.len();
        let mut command = self.listening.command(&self.bench, "");
        command
            .args(words)
            .args(["-vvv", "--log-format", if number.is_multiple_of(2) { "text" } else { "json" }])
            .env("CLOUDCONNEXA_CLIENT_ID", "keeper")
            .env("CLOUDCONNEXA_CLIENT_SECRET", CLIENT_SECRET)
            .env("PLANT_PSK", "canary-psk-of-the-environment")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUST_BACKTRACE", "1");
        if writes {
            let form = ["json", "csv", "md", "txt"][number % 4];
            command.args(["--events", &format!("events-{number}.jsonl")]);
            command.args(["--report", &format!("report-{number}.{form}")]);
        }
        let came = came(command.output().unwrap());
        self.printed.push((words.join(" "), format!("{}\n{}", came.stdout, came.stderr)));
        if came.code != code {
            let all = format!("{}\n{}", came.stderr, came.stdout);
            let short: String = all.chars().take(1500).collect();
            self.odd.push(format!("`{}`: exit {} instead of {code}\n{short}", words.join(" "), came.code));
        }
        came
    }

    /// Everything that holds a canary, or a token, and should not.
    fn leaks(&self, allowed: &[&str]) -> Vec<String> {
        let telling =
            |text: &str| text.contains(CANARY) || text.contains("Bearer ey") || text.contains("tls-crypt>");
        let printed = self.printed.iter().filter(|(_, text)| telling(text)).map(|(words, text)| {
            let line = text.lines().find(|line| telling(line)).unwrap_or_default();
            format!("printed by `{words}`: {line}")
        });
        let is_allowed = |path: &Path| {
            let path = path.strip_prefix(self.bench.path()).unwrap().display().to_string();
            allowed.iter().any(|allowed| path.starts_with(allowed))
        };
        let files = self.bench.files().into_iter().filter(|path| {
            let bytes = fs::read(path).unwrap();
            !is_allowed(path) && telling(&String::from_utf8_lossy(&bytes))
        });
        printed.chain(files.map(|path| path.display().to_string())).collect()
    }
}

/// An IPsec network for each source of a secret, one with a certificate among them.
fn spec(description: &str) -> String {
    let sources = [
        ("env", "{ env: PLANT_PSK }"),
        ("file", "{ file: psk.txt }"),
        (
            "command",
            "{ command: [sh, -c, 'tr \"\\0\" \"\\n\" < /proc/$$/environ >> seen-environ; tr \"\\0\" \" \" < /proc/$PPID/cmdline >> seen-cmdline; cat specs/psk.txt'] }",
        ),
        ("inline", "canary-psk-inline"),
    ];
    let phases = "protocol_version: ike_v2
            phase1: &phase { encryption_algorithms: [aes256], integrity_algorithms: [sha2_256], diffie_hellman_groups: [g_14], lifetime_sec: 3600 }
            phase2: *phase
            rekey: { margin_time_sec: 270, fuzz_percent: 100, replay_window_size: 1024 }
            dead_peer_detection: { timeout_sec: 30, dead_peer_handling: restart }
            startup_action: start";
    let network = |name: &str, authentication: &str| {
        format!(
            "  - name: {name}
    egress: false
    description: {description}
    tunneling_protocol: ipsec
    connectors:
      - name: fw
        region: it-mxp
        description: {description}
        ipsec:
          platform: cisco
          remote_site_public_ip: 203.0.113.9
          {authentication}
          ike_protocol:
            {}
",
            phases.replace("&phase", &format!("&phase-{name}")).replace("*phase", &format!("*phase-{name}"))
        )
    };
    let mut spec = "networks:\n".to_owned();
    for (name, source) in sources {
        spec += &network(
            name,
            &format!("authentication_type: shared_secret\n          pre_shared_key: {source}"),
        );
    }
    let certificate = "authentication_type: certificate
          ca_certificate: { file: ca.pem }
          peer_certificate: { file: ca.pem }
          peer_certificate_private_key: { file: key.pem }
          peer_certificate_key_passphrase: canary-passphrase
          remote_gateway_certificate: { file: ca.pem }";
    spec += &network("certificate", &certificate.replace("{ file: ca.pem }", "certificate-of-the-gateway"));
    spec + "  - { name: paris, egress: false, connectors: [{ name: paris-1, region: eu-central-1 }, { name: paris-2, region: eu-central-1 }] }\n"
}

#[test]
fn no_secret_comes_to_any_place_but_the_tenant() {
    let mut yard = Yard::new();
    yard.bench.file("specs/psk.txt", "canary-psk-of-a-file\n");
    yard.bench.file("specs/key.pem", "canary-private-key\n");
    yard.bench.file("specs/plant.yaml", &spec("one"));
    let fault = |yard: &Yard, rule: &str| {
        assert_eq!(control(&yard.listening, "POST /_emulator/faults", rule).0, 201);
    };
    // Lost, refused, and answered with something else: whatever is told of it, the secret is not.
    fault(
        &yard,
        r#"{"method": "POST", "path": "/networks", "nth": 1, "fault": {"reset": {"commit": "after"}}}"#,
    );
    fault(
        &yard,
        r#"{"method": "POST", "path": "/networks", "nth": 4, "fault": {"error": {"status": 400, "commit": "before"}}}"#,
    );
    fault(
        &yard,
        r#"{"method": "POST", "path": "/networks", "nth": 3, "fault": {"invalid-json": {"form": "cut"}}}"#,
    );
    // One after the other, so that the refused one is that with the inline secret, which no journal holds: it cannot be
    // tried again.
    let apply =
        ["apply", "-f", "specs/plant.yaml", "--yes", "--settle", "1s", "-o", "json", "--parallel", "1"];
    yard.run(&["plan", "-f", "specs/plant.yaml", "-o", "json", "--out", "plan.json"], false, 0);
    yard.run(&["plan", "-f", "specs/plant.yaml"], false, 0);
    yard.run(&["validate", "-f", "specs/plant.yaml", "-o", "json"], false, 0);
    yard.run(&apply, true, 4);
    yard.run(&["show", "-o", "json"], false, 0);
    yard.run(&["retry", "--yes"], true, 4);
    yard.run(&apply, true, 0);
    control(&yard.listening, "DELETE /_emulator/faults", "");
    yard.run(&apply, true, 0);

    // Others see hashes only; a key that is changed shows as another hash.
    yard.bench.file("specs/psk.txt", "canary-psk-of-another-file\n");
    yard.run(&["plan", "-f", "specs/plant.yaml", "-o", "markdown"], false, 0);
    fault(
        &yard,
        r#"{"method": "PUT", "path": "/networks/connectors/{id}", "nth": 1, "fault": {"reset": {"commit": "before"}}}"#,
    );
    yard.run(&["apply", "-f", "specs/plant.yaml", "--yes", "--settle", "1s"], true, 0);
    control(&yard.listening, "DELETE /_emulator/faults", "");
    for output in ["json", "yaml", "jsonl", "csv", "text"] {
        yard.run(&["get", "network-connectors", "-o", output], false, 0);
    }
    yard.run(&["export", "--dir", "exported"], false, 0);
    yard.run(&["api", "GET", "/networks/connectors?size=100", "-o", "json"], false, 0);
    yard.run(&["set", "nothing"], false, 64);

    // What calls give out comes to its file, and nowhere else.
    yard.run(&["profile", "network-connectors", "paris/*", "--dir", "profiles", "--yes"], true, 0);
    let hook = r#"tr "\0" "\n" < /proc/$$/environ >> seen-environ; tr "\0" " " < /proc/$$/cmdline >> seen-cmdline; tr "\0" " " < /proc/$PPID/cmdline >> seen-cmdline; cat "$1""#;
    let rotate = ["rotate-profile", "connectors", "paris/*", "--dir", "profiles", "--yes", "--hook", hook];
    fault(
        &yard,
        r#"{"method": "POST", "path": "/networks/connectors/{id}/profile", "nth": 1, "fault": {"reset": {"commit": "after"}}}"#,
    );
    yard.run(&rotate, true, 0);
    let id =
        yard.run(&["get", "network-connectors", "paris/paris-1", "-o", "jsonl", "--fields", "id"], false, 0);
    let id: serde_json::Value = serde_json::from_str(id.stdout.lines().next().unwrap()).unwrap();
    let path = format!("/networks/connectors/{}/profile", id["id"].as_str().unwrap());
    yard.run(&["api", "POST", &path, "--yes"], false, 0);
    let token = format!("{path}/encrypt");
    yard.run(&["api", "POST", &token, "--yes", "-o", "json"], false, 0);

    // The past, and taking it back.
    for line in ["runs", "runs -o json", "show", "show -o json", "report", "report -o json"] {
        yard.run(&line.split(' ').collect::<Vec<_>>(), false, 0);
    }
    yard.bench.file("specs/gone.yaml", "networks:\n  - { name: file, egress: false }\n");
    yard.run(&["delete", "networks", "file", "env", "--yes"], true, 0);
    yard.run(&["undo", "--yes", "--settle", "1s"], true, 6);

    let seen = fs::read_to_string(yard.bench.path().join("seen-environ")).unwrap();
    assert!(seen.contains("PLANT_PSK"), "programs see what they are given: {seen}");
    assert!(!seen.contains(CLIENT_SECRET), "{seen}");
    // The environment of the operator holds a secret of the spec, which is theirs.
    let leaks = yard.leaks(&["specs/", "profiles/", "seen-environ"]);
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert!(yard.odd.is_empty(), "{}", yard.odd.join("\n\n"));
    assert!(yard.bench.path().join("seen-cmdline").exists());
}
