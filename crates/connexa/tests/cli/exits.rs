//! Exit codes and streams.

use crate::support::{Bench, assert_valid, came, keys};
use std::process::Stdio;

const SPEC: &str = "networks: [{ name: paris, egress: false }]\n";

#[test]
fn wrong_usage_is_64() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    for line in [
        "",
        "frobnicate",
        "apply",
        "apply -f spec.yaml",
        "apply -f spec.yaml --no-such-flag",
        "apply -f spec.yaml --emulator --cloud-id acme",
        "--api-url https://x.example apply -f spec.yaml --emulator",
        "apply -f spec.yaml --cloud-id acme",
        "apply -f spec.yaml --emulator --max-rate 4/day",
        "apply -f spec.yaml --emulator --parallel 0",
        "apply -f spec.yaml --emulator -o csv",
        "apply -f spec.yaml --emulator-limits nonsense --emulator",
        "get gadgets --emulator",
        "schema nonsense",
    ] {
        let came = bench.run(line).exits(64);
        assert_eq!(came.stdout, "", "{line}: {came:#?}");
        assert!(came.stderr.contains("error"), "{line}: {came:#?}");
    }
    bench.run("--help").exits(0);
    bench.run("--version").exits(0);
}

#[test]
fn plain_http_to_elsewhere_is_refused() {
    let bench = Bench::new();
    let mut command = bench.command(["get", "networks", "--api-url", "http://acme.example"]);
    command.env("CLOUDCONNEXA_CLIENT_ID", "a").env("CLOUDCONNEXA_CLIENT_SECRET", "canary");
    let came = came(command.output().unwrap()).exits(64);
    assert!(came.stderr.contains("https"), "{came:#?}");
}

#[test]
fn the_emulator_wins_over_the_environment() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    let mut command = bench.command("apply -f spec.yaml --emulator --yes -o json".split(' '));
    command.env("CLOUDCONNEXA_API_URL", "https://acme.api.openvpn.com");
    command.env("CLOUDCONNEXA_CLIENT_ID", "a").env("CLOUDCONNEXA_CLIENT_SECRET", "b");
    let report = came(command.output().unwrap()).exits(0).json();
    assert_eq!(report["run"]["tenant"], "https://emulator.localhost");
}

#[test]
fn nothing_to_do_asks_nobody() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    let refused = bench.run("apply -f spec.yaml --emulator").exits(3);
    assert!(refused.stderr.contains("--yes"), "{refused:#?}");
    bench.run("apply -f spec.yaml --emulator --yes").exits(0);
    bench.run("apply -f spec.yaml --emulator").exits(0);
}

#[test]
fn every_problem_of_a_spec_is_shown_at_its_line() {
    let bench = Bench::new();
    bench.file(
        "bad.yaml",
        "networks:\n  - name: a\n    egres: true\n  - name: b\n    egress: 3\nthings: []\n",
    );
    let came = bench.run("apply -f bad.yaml --emulator --yes").exits(3);
    for place in ["bad.yaml:3:", "bad.yaml:5:", "bad.yaml:6:"] {
        assert!(came.stderr.contains(place), "{place}: {came:#?}");
    }
    assert_eq!(came.stdout, "");
}

#[test]
fn specs_come_from_standard_input_and_folders() {
    let bench = Bench::new();
    bench.file("specs/a.yaml", SPEC);
    bench.file("specs/b/c.json", "{\"networks\": [{\"name\": \"lyon\", \"egress\": false}]}");
    bench.run("apply -f specs --emulator --yes").exits(0);
    assert_eq!(bench.run("get networks --emulator -o name --sort-by name").exits(0).stdout, "lyon\nparis\n");

    let mut child = bench
        .command(["validate", "-f", "json:-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"{\"networks\": [{\"name\": 3}]}").unwrap();
    let came = came(child.wait_with_output().unwrap()).exits(3);
    assert!(came.stdout.contains("standard input:1:"), "{came:#?}");
    let missing = bench.run("apply -f nowhere.yaml --emulator --yes").exits(3);
    assert!(missing.stderr.contains("error[E001]"), "{missing:#?}");
}

#[test]
fn a_reader_that_has_gone_changes_neither_run_nor_exit_code() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = bench.command("apply -f spec.yaml --emulator --yes -o json".split(' '));
    let writer_for_errors = writer.try_clone().unwrap();
    let status = command.stdout(writer).stderr(writer_for_errors).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(bench.run("get networks --emulator -o name").exits(0).stdout, "paris\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_is_lost_is_no_success() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = |line: &str| {
        let output = bench.command(line.split(' ')).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let came = came(output);
        assert!(came.stderr.contains("the result could not be written"), "{line}: {came:#?}");
        came.code
    };
    assert_eq!(run("plan -f spec.yaml --emulator -o json"), 3);
    assert_eq!(run("get networks --emulator -o json"), 3);
    assert_eq!(run("schema report"), 3);
    // What a run came to is not undone by that.
    assert_eq!(run("apply -f spec.yaml --emulator --yes -o json"), 0);
    assert_eq!(bench.run("get networks --emulator -o name").exits(0).stdout, "paris\n");
}

#[test]
fn bad_items_of_a_spec_can_be_left_out() {
    let bench = Bench::new();
    bench.file(
        "spec.yaml",
        "\
networks:
  - { name: good, egress: false, description: one }
  - { name: bad, egres: true, routes: [10.7.0.0/16] }
  - { name: child, egress: false, connectors: [{ name: c, regoin: it-mxp }], routes: [10.8.0.0/16] }
user_groups: [{ name: lost, regions: all, gateways: [bad] }]
users: [{ username: ada, email: ada@example.com, group: lost }, { username: bob, email: bob@example.com, group: Default }]
",
    );
    bench.run("apply -f spec.yaml --emulator --yes").exits(3);
    let plan = bench.run("plan -f spec.yaml --emulator --skip-invalid -o json").exits(4).json();
    assert_valid(&plan);
    let refused = [
        "network/bad",
        "network_route/bad/10.7.0.0/16",
        "network_connector/child/c",
        "user_group/lost",
        "user/ada",
    ];
    assert_eq!(keys(&plan, "refused"), refused);

    let report = bench.run("apply -f spec.yaml --emulator --yes --skip-invalid -o json").exits(4).json();
    assert_valid(&report);
    assert_eq!(report["outcome"], "partial");
    assert_eq!(
        keys(&report, "succeeded"),
        ["network/good", "network/child", "network_route/child/10.8.0.0/16", "user/bob"]
    );
    assert_eq!(keys(&report, "failed"), ["network/bad", "network_connector/child/c"]);
    assert_eq!(report["failed"][0]["error_type"], "ValidationError");
    assert_eq!(keys(&report, "skipped"), ["network_route/bad/10.7.0.0/16", "user_group/lost", "user/ada"]);
    assert_eq!(report["skipped"][2]["cause"], "network/bad");

    // Unlike a batch of creates it changes what differs.
    bench.file("spec.yaml", "networks: [{ name: good, description: two }, { name: bad, egres: true }]\n");
    let report = bench.run("apply -f spec.yaml --emulator --yes --skip-invalid -o json").exits(4).json();
    assert_eq!(report["succeeded"][0]["action"], "update");
    // What cannot be read at all has no sound part.
    bench.file("spec.yaml", "networks: [{ name: good }]\nthings: []\n");
    bench.run("apply -f spec.yaml --emulator --yes --skip-invalid").exits(3);
}
