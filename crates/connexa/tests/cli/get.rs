//! `get`: what it shows, and that what it writes reads back.

use crate::support::Bench;

const SPEC: &str = "\
networks:
  - name: Paris
    description: \"no: yes\"
    egress: false
    connectors: [{ name: paris-1, region: eu-central-1 }]
    routes: [10.20.0.0/16, { subnet: 10.21.0.0/16, description: lab }]
  - { name: hq, egress: true }
hosts: [{ name: bastion, connectors: [{ name: bastion-1, region: it-mxp }] }]
user_groups:
  - { name: engineers, regions: all, max_device: 3 }
  - { name: on-call, regions: [eu-central-1], tunnel_bypass: [198.51.100.0/24] }
users:
  - { username: ada, email: ada@example.com, group: engineers, secondary_groups: [on-call], devices: [laptop] }
dns_records: [{ domain: wiki.corp.example, ipv4: [10.20.0.5] }]
";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("spec.yaml", SPEC);
    bench.run("apply -f spec.yaml --emulator --yes").exits(0);
    bench
}

#[test]
fn what_get_writes_applies_back_without_changes() {
    let bench = bench();
    for kind in [
        "networks",
        "network-connectors",
        "network-routes",
        "hosts",
        "host-connectors",
        "user-groups",
        "users",
        "devices",
        "dns-records",
    ] {
        for format in ["yaml", "json", "jsonl"] {
            let came = bench.run(&format!("get {kind} --emulator -o {format}")).exits(0);
            assert!(!came.stdout.is_empty());
            bench.file(&format!("back.{format}"), &came.stdout);
            let plan = bench.run(&format!("plan -f back.{format} --emulator --detailed-exitcode -o json"));
            assert_eq!(plan.code, 0, "{kind} {format}\n{}\n{plan:#?}", came.stdout);
            assert!(plan.json()["changes"].as_array().is_some_and(|changes| !changes.is_empty()));
        }
    }
}

#[test]
fn names_are_folded_and_globs_match() {
    let bench = bench();
    let names = |line: &str| bench.run(&format!("get {line} --emulator -o name"));
    assert_eq!(names("networks paris").exits(0).stdout, "Paris\n");
    assert_eq!(names("networks P* --sort-by name").exits(0).stdout, "Paris\n");
    assert_eq!(names("network-routes paris/10.20.0.0/16").exits(0).stdout, "Paris/10.20.0.0/16\n");
    assert_eq!(names("devices laptop").exits(0).stdout, "ada/laptop\n");

    let found = names("networks paris nowhere").exits(3);
    assert_eq!(found.stdout, "Paris\n");
    assert!(found.stderr.contains("there is no network `nowhere`"), "{found:#?}");
    let none = names("networks x*").exits(0);
    assert_eq!(none.stdout, "");
    assert!(none.stderr.contains("warning: no network matches `x*`"), "{none:#?}");
}

#[test]
fn forms_of_output() {
    let bench = bench();
    let table = bench.run("get users --fields username,group,secondary_groups,email --emulator").exits(0);
    insta::assert_snapshot!(table.stdout, @r"
    username  group      secondary_groups  email
    owner     Default                      owner@example.com
    ada       engineers  on-call           ada@example.com
    ");
    let csv = bench.run("get network-routes --fields network,subnet,description --emulator -o csv").exits(0);
    insta::assert_snapshot!(csv.stdout, @r"
    network,subnet,description
    Paris,10.20.0.0/16,
    Paris,10.21.0.0/16,lab
    ");
    let regions = bench.run("get regions --emulator -o json").exits(0).json();
    assert!(regions.as_array().unwrap().iter().any(|region| region["id"] == "it-mxp"), "{regions:#}");
    bench.run("get networks --fields nonsense --emulator").exits(64);
}
