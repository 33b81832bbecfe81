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

fn everything() -> Bench {
    let bench = Bench::new();
    bench.file("everything.yaml", include_str!("everything.yaml"));
    bench.file("psk", "swordfish");
    bench
        .run("apply -f everything.yaml --yes --max-updates 99 --emulator --emulator-limits unlimited")
        .exits(0);
    bench
}

#[test]
fn all_kinds_read_back_in_all_forms() {
    let bench = everything();
    let kinds = connexa_types::Kind::ALL.iter().map(|kind| kind.plural());
    for kind in kinds.filter(|kind| !kind.ends_with("_domains")) {
        for format in ["yaml", "json", "jsonl", "csv"] {
            let came =
                bench.run(&format!("get {kind} --emulator --emulator-limits unlimited -o {format}")).exits(0);
            let file = format!("{kind}.{format}");
            bench.file(&file, &came.stdout);
            let file = if file == "network_routes.csv" {
                assert!(came.stderr.contains("routes of two networks overlap"), "{came:#?}");
                bench.file(
                    "settings.allow.csv",
                    "key,value\nwpc.routes_advanced_configuration_enabled,true\n",
                );
                "network_routes.csv -f settings.allow.csv".to_owned()
            } else {
                file
            };
            let plan = bench.run(&format!(
                "plan -f {file} --emulator --emulator-limits unlimited --detailed-exitcode -o json"
            ));
            assert_eq!(plan.code, 0, "{file}\n{}\n{plan:#?}", came.stdout);
            assert!(plan.json()["changes"].as_array().is_some_and(|changes| !changes.is_empty()), "{file}");
        }
    }
}

#[test]
fn objects_are_chosen_by_an_expression() {
    let bench = everything();
    let names = |line: &str| bench.run(&format!("get {line} --emulator --emulator-limits unlimited -o name"));
    assert_eq!(names("users --where group==\"on-call\"").exits(0).stdout, "yes\n");
    assert_eq!(names("users --where role!=\"owner\" --sort-by -username --limit 1").exits(0).stdout, "yes\n");
    assert_eq!(
        names("network-routes --where network==\"paris\"&&has(item.description)").exits(0).stdout,
        "paris/10.21.0.0/16\n"
    );
    assert_eq!(names("settings --where key.startsWith(\"dns.\")&&value==true").exits(0).stdout, "");
    let unknown = names("users --where gruop==\"x\"").exits(64);
    assert!(unknown.stderr.contains("did you mean `group`?"), "{unknown:#?}");
}

#[test]
fn settings_by_path_and_glob() {
    let bench = everything();
    let get = |line: &str| bench.run(&format!("get settings {line} --emulator --emulator-limits unlimited"));
    insta::assert_snapshot!(get("dns.* wpc.snat -o yaml").exits(0).stdout, @r"
    settings:
      wpc:
        snat: true
      dns:
        zones:
          - name: paris.corp.example
            addresses:
              - 10.20.0.9
              - 10.20.0.53
          - name: a.corp.example
            addresses:
              - 2001:db8::1
        proxy_enabled: false
        default_suffix: corp.example
        custom_servers:
          primary: 10.10.0.53
          secondary: 10.10.0.54
    ");
    assert_eq!(get("user.connection_timeout -o name").exits(0).stdout, "users.connection_timeout\n");
    let unknown = get("wpc.snot").exits(3);
    assert!(unknown.stderr.contains("there is no setting `wpc.snot`"), "{unknown:#?}");
}

#[test]
fn settings_that_are_unset_are_left_out_of_what_reads_back() {
    let bench = Bench::new();
    for format in ["yaml", "json", "jsonl", "csv"] {
        let came = bench.run(&format!("get settings --emulator -o {format}")).exits(0);
        assert!(
            came.stdout.contains("topology") && !came.stdout.contains("custom_servers"),
            "{}",
            came.stdout
        );
        bench.file(&format!("settings.{format}"), &came.stdout);
        bench.run(&format!("plan -f settings.{format} --emulator --detailed-exitcode")).exits(0);
    }
    assert!(bench.run("get settings --emulator").exits(0).stdout.contains("dns.custom_servers"));
}

#[test]
fn what_the_api_only_shows() {
    let bench = everything();
    let get = |line: &str| bench.run(&format!("get {line} --emulator --emulator-limits unlimited"));
    // Two days hold a whole one, on which two sessions begin at least, whatever the time is now.
    for kind in ["sessions --from 48h", "audit-log", "dns-log", "regions"] {
        let all = get(&format!("{kind} -o json")).exits(0).json().as_array().unwrap().len();
        assert!(all > 1, "{kind}");
        assert_eq!(get(&format!("{kind} -o jsonl")).exits(0).stdout.lines().count(), all, "{kind}");
        assert_eq!(get(&format!("{kind} -o csv --limit 1")).exits(0).stdout.lines().count(), 2, "{kind}");
        assert_eq!(get(&format!("{kind} --limit 1")).exits(0).stdout.lines().count(), 2, "{kind}");
    }
    // More entries than one page holds, each once.
    let records: Vec<_> = (0..120)
        .map(|n| serde_json::json!({"domain": format!("r{n}.example"), "ipv4": ["10.0.0.1"]}))
        .collect();
    bench.file("dns_records.json", &serde_json::json!(records).to_string());
    bench.run("create dns-records -f dns_records.json --yes --emulator --emulator-limits unlimited").exits(0);
    let made = "--where operation==\"CREATE\"&&entityType==\"DNS_RECORD\"";
    let ids = get(&format!("audit-log {made} -o name")).exits(0).stdout;
    let unique: std::collections::BTreeSet<_> = ids.lines().collect();
    assert_eq!((ids.lines().count(), unique.len()), (121, 121));
    assert_eq!(get("audit-log --limit 110 -o name").exits(0).stdout.lines().count(), 110);
    let past = get("sessions --from 29d --only-new -o json").exits(0).json();
    let past = past.as_array().unwrap();
    let ended = get("sessions --from 29d --only-new --status completed -o json").exits(0).json();
    let completed: Vec<_> = past.iter().filter(|session| session["status"] == "COMPLETED").cloned().collect();
    assert!(completed.len() > 10 && completed.len() < past.len(), "{} of {}", completed.len(), past.len());
    assert_eq!(*ended.as_array().unwrap(), completed);
    for line in
        ["users --from 1h", "sessions --initiator x", "audit-log --status active", "sessions --from soon"]
    {
        get(line).exits(64);
    }
}
