//! Documents: one on standard output, valid against its published schema, whichever way a command ends.

use crate::support::{Bench, Listening, assert_valid, keys};
use std::fs;

const SPEC: &str = "\
networks: [{ name: paris, egress: false, routes: [10.20.0.0/16] }]
user_groups: [{ name: engineers, regions: all }]
users: [{ username: ada, email: ada@example.com, group: engineers, devices: [laptop] }]
dns_records: [{ domain: wiki.corp.example, ipv4: [10.20.0.5] }]
";

#[test]
fn every_document_is_valid() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    bench.file("bad.yaml", "networks: [{ name: x, egres: 1 }, { name: y }]\n");

    assert_valid(&bench.run("validate -f spec.yaml -o json").exits(0).json());
    let problems = bench.run("validate -f bad.yaml -o json").exits(3).json();
    assert_valid(&problems);
    assert_eq!(problems["problems"][0]["code"], "E103");
    assert_valid(&bench.run("plan -f bad.yaml --emulator -o json").exits(3).json());
    assert_valid(&bench.run("plan -f spec.yaml --emulator -o json --detailed-exitcode").exits(2).json());
    assert_valid(&bench.run("apply -f spec.yaml --emulator -n -o json").exits(0).json());

    // Nobody can confirm: refused, all of it unprocessed.
    let refused = bench.run("apply -f spec.yaml --emulator -o json").exits(3).json();
    assert_valid(&refused);
    assert_eq!((&refused["outcome"], keys(&refused, "unprocessed").len()), (&"refused".into(), 6));
    // The look at the tenant was not free.
    assert!(refused["calls"]["read"].as_u64() >= Some(4), "{refused:#}");
    assert!(refused["timings"]["plan_ms"].as_f64() > Some(0.0), "{refused:#}");

    // An invalid spec: the bad item failed, the rest unprocessed.
    let refused = bench.run("apply -f bad.yaml --emulator --yes -o json").exits(3).json();
    assert_valid(&refused);
    assert_eq!(refused["outcome"], "refused");
    assert_eq!(keys(&refused, "failed"), ["network/x"]);
    assert_eq!(keys(&refused, "unprocessed"), ["network/y"]);

    let report = bench.run("apply -f spec.yaml --emulator --yes -o json").exits(0).json();
    assert_valid(&report);
    assert_eq!(report["outcome"], "complete");
    assert_valid(&bench.run("plan -f spec.yaml --emulator -o json --detailed-exitcode").exits(0).json());
}

#[test]
fn schemas_are_printed_as_published() {
    let bench = Bench::new();
    for name in ["report", "plan", "runs", "problems", "reports", "events", "spec"] {
        let path = format!("{}/../../schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(bench.run(&format!("schema {name}")).exits(0).stdout, fs::read_to_string(path).unwrap());
    }
}

#[test]
fn a_tenant_out_of_reach_is_a_refused_run() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    // A port that nobody listens on: it was ours a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = |command: &str| {
        let mut command = bench.command(command.split_whitespace());
        command.env("CLOUDCONNEXA_CLIENT_ID", "a").env("CLOUDCONNEXA_CLIENT_SECRET", "b");
        command.args(["--api-url", &format!("http://127.0.0.1:{free}")]);
        crate::support::came(command.output().unwrap()).exits(7)
    };
    let report = run("apply -f spec.yaml --yes -o json").json();
    assert_valid(&report);
    assert_eq!((&report["outcome"], keys(&report, "unprocessed").len()), (&"refused".into(), 6));
    assert_valid(&run("plan -f spec.yaml -o json").json());
    assert_valid(&run("get networks -o json").json());
}

#[test]
fn a_key_that_is_not_accepted_is_a_refused_run() {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    let emulator = Listening::start(&bench, "--http --limits unlimited --key reader:canary-reader:read");
    let with_key = |id: &str, secret: &str| {
        let mut command = emulator.command(&bench, "apply -f spec.yaml --yes -o json");
        command.env("CLOUDCONNEXA_CLIENT_ID", id).env("CLOUDCONNEXA_CLIENT_SECRET", secret);
        crate::support::came(command.output().unwrap())
    };
    let report = with_key("reader", "wrong").exits(7).json();
    assert_valid(&report);
    // A key that may only read: every call is refused, one by one or by the brake of a later version.
    let report = with_key("reader", "canary-reader").exits(4).json();
    assert_valid(&report);
    assert_eq!(report["failed"][0]["error_type"], "PermissionDenied");
}

#[test]
fn a_dry_run_tells_every_warning() {
    let bench = Bench::new();
    bench.file("spec.yaml", "networks: [{ name: a, egress: false, routes: [10.7.0.0/16, 10.7.1.0/24] }]\n");
    for line in ["plan -f spec.yaml", "create networks -f spec.yaml -n"] {
        let plan = bench.run(&format!("{line} --emulator -o json")).exits(0).json();
        assert_valid(&plan);
        assert_eq!(plan["problems"][0]["code"], "W405", "{line}: {plan:#}");
    }
}

#[test]
fn an_item_without_a_key_is_known_by_its_place() {
    let bench = Bench::new();
    bench.file("items.json", "[\n  {\"name\": \"a\", \"egress\": false},\n  {\"egress\": true}\n]\n");
    let line = "create networks -f items.json --emulator";
    let report = bench.run(&format!("{line} -o json")).exits(4).json();
    assert_eq!(keys(&report, "failed"), ["network/items.json:3:1"]);
    let text = bench.run(line).exits(4).stdout;
    assert!(text.contains("create network `items.json:3`: invalid"), "{text}");
}

#[test]
fn a_key_that_is_not_valid_names_its_item_all_the_same() {
    let bench = Bench::new();
    bench.file(
        "spec.yaml",
        "networks: [{ name: a, egress: false, routes: [10.0.0.1/16] }]\n\
         network_routes: [{ network: a, subnet: ten }]\n\
         dns_records: [{ domain: \"a b\", ipv4: [10.0.0.1] }]\n",
    );
    let refused = bench.run("apply -f spec.yaml --emulator --yes -o json").exits(3).json();
    // The network too is one that holds a mistake.
    assert_eq!(
        keys(&refused, "failed"),
        ["network/a", "network_route/a/10.0.0.1/16", "network_route/a/ten", "dns_record/a b"]
    );
    // What is no item at all is shown as it was given.
    bench.file("items.yaml", "[7, stray]\n");
    let report = bench.run("create networks -f items.yaml --emulator -o json").exits(4).json();
    assert_valid(&report);
    assert_eq!((&report["failed"][0]["item"], &report["failed"][1]["item"]), (&7.into(), &"stray".into()));
}
