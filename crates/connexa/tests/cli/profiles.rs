//! The configuration file and its profiles.

use crate::support::{Bench, Came, Listening, came};

/// A file with a profile for what listens, one for a tenant that is not there, and one whose secret has no source yet.
fn config(bench: &Bench, listening: &Listening, more: &str) {
    let url = &listening.url;
    let text = format!(
        "{more}
[profiles.here]
api_url = \"{url}\"
client_id = \"emulator\"
client_secret = {{ file = \"secret.txt\" }}

[profiles.command]
api_url = \"{url}/api/v1\"
client_id = \"emulator\"
client_secret = {{ command = [\"sh\", \"-c\", \"test -z \\\"$HIDDEN$CLOUDCONNEXA_CLIENT_SECRET\\\" && cat secret.txt\"] }}

[profiles.variable]
api_url = \"{url}\"
client_id = \"emulator\"
client_secret = {{ env = \"HERE_SECRET\" }}

[profiles.elsewhere]
api_url = \"http://127.0.0.1:9\"
client_id = \"emulator\"
client_secret = {{ file = \"secret.txt\" }}
"
    );
    bench.file("conf/config.toml", &text);
    bench.file("conf/secret.txt", "emulator\n");
}

/// Runs a command with the file of [`config`] and some variables.
fn run(bench: &Bench, line: &str, variables: &[(&str, &str)]) -> Came {
    let mut command = bench.command(line.split_whitespace());
    command.env("CONNEXA_CONFIG", bench.path().join("conf/config.toml"));
    command.envs(variables.iter().copied());
    came(command.output().unwrap())
}

const ELSEWHERE: [(&str, &str); 3] = [
    ("CLOUDCONNEXA_API_URL", "http://127.0.0.1:9"),
    ("CLOUDCONNEXA_CLIENT_ID", "canary-id"),
    ("CLOUDCONNEXA_CLIENT_SECRET", "canary-secret"),
];

#[test]
fn a_profile_names_the_tenant_and_brings_its_key() {
    let bench = Bench::new();
    let listening = Listening::start(&bench, "--http");
    config(&bench, &listening, "");
    let get = |profile: &str, variables: &[(&str, &str)]| {
        run(&bench, &format!("get networks -o name --profile {profile}"), variables)
    };
    get("here", &[]).exits(0);
    get("command", &[]).exits(0);
    get("variable", &[("HERE_SECRET", "emulator")]).exits(0);
    let unset = get("variable", &[]).exits(64);
    assert!(unset.stderr.contains("`HERE_SECRET` is not set"), "{unset:#?}");
    // Whatever the environment names: the flag is meant.
    get("here", &ELSEWHERE).exits(0);
    get("command", &ELSEWHERE).exits(0);
    get("elsewhere", &[]).exits(7);
    run(&bench, "get networks", &[("CONNEXA_PROFILE", "here")]).exits(0);
    // Without a flag the environment's tenant counts, with the environment's key.
    run(&bench, "get networks", &ELSEWHERE).exits(7);

    let both = run(&bench, "get networks", &[("CONNEXA_PROFILE", "here"), ELSEWHERE[0]]).exits(64);
    assert!(both.stderr.contains("name two tenants"), "{both:#?}");
    let unknown = get("hree", &[]).exits(64);
    assert!(unknown.stderr.contains("there is no profile `hree`"), "{unknown:#?}");
    run(&bench, "get networks --profile here --emulator", &[]).exits(64);
    run(&bench, "get networks --profile here --cloud-id acme", &[]).exits(64);
    // The emulator in process never minds what the environment says.
    run(&bench, "get networks --emulator", &[("CONNEXA_PROFILE", "here")]).exits(0);

    config(&bench, &listening, "default_profile = \"here\"");
    run(&bench, "get networks", &[]).exits(0);
    run(&bench, "get networks", &ELSEWHERE).exits(7);
}

#[test]
fn the_report_names_the_profile() {
    let bench = Bench::new();
    let listening = Listening::start(&bench, "--http");
    config(&bench, &listening, "default_profile = \"here\"");
    bench.file("spec.yaml", "networks: [{ name: paris, egress: false }]\n");
    let report = run(&bench, "apply -f spec.yaml --yes -o json", &[]).exits(0).json();
    assert_eq!(
        (&report["run"]["profile"], &report["run"]["tenant"]),
        (&"here".into(), &(&*listening.url).into())
    );
    let refused = run(&bench, "apply -f spec.yaml --profile elsewhere --yes -o json", &[]).exits(7).json();
    assert_eq!(refused["run"]["profile"], "elsewhere");
}

#[test]
fn a_profile_sets_the_pace() {
    let bench = Bench::new();
    let listening = Listening::start(&bench, "--http");
    config(&bench, &listening, "");
    let config = bench.path().join("conf/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        text.replacen("[profiles.here]\n", "[profiles.here]\nparallel = 300\nmax_rate = \"x\"\n", 1),
    )
    .unwrap();
    let wrong = run(&bench, "get networks --profile here", &[]).exits(64);
    for place in [
        "line 3, column 12: `parallel` is not a number from 1 to 256",
        "line 4, column 12: `x` is not a rate",
    ] {
        assert!(wrong.stderr.contains(place), "{wrong:#?}");
    }
}

#[test]
fn what_is_wrong_with_the_file_is_told_before_anything_is_done() {
    let bench = Bench::new();
    bench.file(
        ".config/connexa/config.toml",
        "[profiles.a]\ncloud_id = \"a\"\nclient_id = \"b\"\nclient_secret = \"canary\"\nparalel = 3\n",
    );
    let came = bench.run("get networks --profile a").exits(64);
    assert!(
        came.stderr.contains("line 4, column 17: the secret itself must not stand in this file"),
        "{came:#?}"
    );
    assert!(
        came.stderr.contains("line 5, column 1: unknown key `paralel`; did you mean `parallel`?"),
        "{came:#?}"
    );
    assert!(!came.stderr.contains("canary"), "{came:#?}");
    assert!(!bench.state().exists());
}

#[test]
fn limits_of_the_input_come_from_the_file() {
    let bench = Bench::new();
    bench.file(".config/connexa/config.toml", "[input]\nmax_items = 2\n");
    bench.file("spec.yaml", "networks: [{ name: a }, { name: b }, { name: c }]\n");
    let came = bench.run("validate -f spec.yaml").exits(3);
    assert!(came.stdout.contains("E004") || came.stderr.contains("E004"), "{came:#?}");
    bench.run("plan -f spec.yaml --emulator").exits(3);
}

#[test]
fn what_the_file_protects_is_not_changed() {
    let bench = Bench::new();
    bench.file(
        "one.yaml",
        "networks: [{ name: hq-paris, description: one }, { name: lyon, description: one }]\n",
    );
    bench.run("apply -f one.yaml --emulator --yes").exits(0);
    bench.file(".config/connexa/config.toml", "protect = [\"network/hq*\"]\n");
    bench.file(
        "two.yaml",
        "networks: [{ name: hq-paris, description: two }, { name: lyon, description: two }]\n",
    );
    let came = bench.run("apply -f two.yaml --emulator --yes").exits(3);
    assert!(came.stderr.contains("E505"), "{came:#?}");
}
