//! `export`: a tenant with every kind, there and back again.

use crate::support::{Bench, Came};
use std::fs;

/// Every kind, and the odd forms of most.
const EVERYTHING: &str = include_str!("everything.yaml");
/// The owner is left out, and one secret is a hash.
const NOTES: &str = "\
note: left out: the owner
note: 1 secret is written as its hash: another tenant needs `env`, `file` or `command` in their place
";

fn full() -> Bench {
    let bench = Bench::new();
    bench.file("everything.yaml", EVERYTHING);
    bench.file("psk", "swordfish");
    emulator(&bench, "apply -f everything.yaml --yes --max-updates 99").exits(0);
    bench
}

fn emulator(bench: &Bench, line: &str) -> Came {
    bench.run(&format!("{line} --emulator --emulator-limits unlimited"))
}

/// The spec plans empty, and says something.
#[track_caller]
fn plans_empty(bench: &Bench, path: &str) {
    let plan = emulator(bench, &format!("plan -f {path} --detailed-exitcode -o json")).exits(0).json();
    let changes = plan["changes"].as_array().unwrap();
    assert!(!changes.is_empty() && changes.iter().all(|change| change["action"] == "no-op"), "{plan:#}");
}

#[test]
fn there_and_back_again() {
    let bench = full();
    for format in ["yaml", "json", "jsonl"] {
        let first = emulator(&bench, &format!("export -o {format}")).exits(0);
        let second = emulator(&bench, &format!("export -o {format}")).exits(0);
        assert_eq!(first.stdout, second.stdout, "two exports are equal");
        assert_eq!(first.stderr.replace("note: the emulator keeps", ""), NOTES);
        bench.file(&format!("export.{format}"), &first.stdout);
        plans_empty(&bench, &format!("export.{format}"));

        // The same secrets have the same hashes only under the same key.
        let other = Bench::new();
        fs::create_dir_all(other.state()).unwrap();
        fs::copy(bench.state().join("sealing.key"), other.state().join("sealing.key")).unwrap();
        other.file("psk", "swordfish");
        let hash = first.stdout.split('"').find(|text| text.starts_with("hmac-")).map(str::to_owned);
        let hash =
            hash.or_else(|| Some(first.stdout.split("hash: ").nth(1)?.lines().next()?.to_owned())).unwrap();
        let filled = match format {
            "yaml" => first.stdout.replace(&format!("hash: {hash}"), "file: psk"),
            "json" => first.stdout.replace(&format!("\"hash\": \"{hash}\""), "\"file\": \"psk\""),
            _ => first.stdout.replace(&format!("\"hash\":\"{hash}\""), "\"file\":\"psk\""),
        };
        assert_ne!(filled, first.stdout);
        other.file(&format!("filled.{format}"), &filled);
        // Most settings change; no guard holds that back.
        emulator(&other, &format!("apply -f filled.{format} --yes")).exits(0);
        let restored = emulator(&other, &format!("export -o {format}")).exits(0);
        assert_eq!(restored.stdout, first.stdout, "the same state, from nothing");
    }
}

#[test]
fn a_folder_of_files() {
    let bench = full();
    for format in ["yaml", "json", "jsonl", "csv"] {
        let dir = format!("export-{format}");
        emulator(&bench, &format!("export --dir {dir} -o {format}")).exits(0);
        let named = |name: &str| fs::read_to_string(bench.path().join(&dir).join(name)).unwrap();
        assert!(named(&format!("users.{format}")).contains("ada@example.com"));
        plans_empty(&bench, &dir);

        let again = emulator(&bench, &format!("export --dir {dir} -o {format}")).exits(0);
        assert!(again.stderr.contains("wrote 0 files"), "{again:#?}");
        if format == "json" {
            let document = again.json();
            assert_eq!((&document["dir"], &document["changed"]), (&dir.as_str().into(), &0.into()));
            assert!(document["files"].as_array().unwrap().contains(&"users.json".into()), "{document:#}");
        } else {
            assert_eq!(again.stdout, "");
        }
        bench.file(&format!("{dir}/users.{format}"), "by hand");
        emulator(&bench, &format!("export --dir {dir} -o {format}")).exits(3);
        assert_eq!(named(&format!("users.{format}")), "by hand");
        emulator(&bench, &format!("export users --dir {dir} -o {format} --force")).exits(0);
        plans_empty(&bench, &dir);
    }
}

#[test]
fn some_kinds() {
    let bench = full();
    let export = |line: &str| emulator(&bench, &format!("export {line}")).exits(0).stdout;
    // A child alone is flat, and overlapping routes take their setting along.
    insta::assert_snapshot!(export("network-routes host-connectors"), @r"
    settings:
      wpc:
        routes_advanced_configuration_enabled: true
    network_routes:
      - network: hq
        subnet: 10.10.0.0/16
      - network: paris
        subnet: 10.20.0.0/16
      - network: paris
        subnet: 10.21.0.0/16
        description: lab
      - network: paris
        subnet: 2001:db8:20::/48
      - network: plant
        subnet: 10.10.5.0/24
      - network: plant
        subnet: 10.30.0.0/16
    host_connectors:
      - host: bastion
        name: bastion-1
        region: eu-central-1
    ");
    insta::assert_snapshot!(export("location-contexts -o csv"), @r#"
    name,user_groups,ip_check.allowed,ip_check.ips,country_check.allowed,country_check.countries,default_check.allowed
    offices only,engineers|on-call,true,"[""192.0.2.0/24"",{""ip"":""198.51.100.7/32"",""description"":""plant""}]",true,FR|IT|NO,false
    other,,,,false,DE,true
    "#);
    insta::assert_snapshot!(export("settings -o csv"), @r#"
    key,value
    wpc.topology,full_mesh
    wpc.subnet,"{""ipv4"":[""100.96.0.0/11""],""ipv6"":[""fd:0:0:8000::/49""]}"
    wpc.snat,true
    wpc.routes_advanced_configuration_enabled,true
    wpc.ip_allocation_mode,both
    wpc.domain_routing_subnet,"{""ipv4"":""100.80.0.0/12"",""ipv6"":""fd:0:0:4000::/50""}"
    wpc.default_region,us-east-1
    wpc.client_options,b|a
    users.connection_timeout,30
    user.device_allowance,5
    user.profile_distribution,automatic
    user.device_enforcement,off
    user.device_allowance_force_update,false
    user.connect_auth,every_time
    dns.zones,"[{""name"":""paris.corp.example"",""addresses"":[""10.20.0.9"",""10.20.0.53""]},{""name"":""a.corp.example"",""addresses"":[""2001:db8::1""]}]"
    dns.proxy_enabled,false
    dns.default_suffix,corp.example
    dns.custom_servers,"{""primary"":""10.10.0.53"",""secondary"":""10.10.0.54""}"
    auth.two_factor_auth,false
    auth.trusted_devices_allowed,true
    dns_log,true
    access_visibility,true
    "#);
    let networks = emulator(&bench, "export networks -o csv").exits(0);
    assert!(networks.stderr.contains("left out, and written by `--dir`"), "{networks:#?}");
    for line in ["users -o name", "networks users -o csv", "sessions", "block-domains", "users --force"] {
        emulator(&bench, &format!("export {line}")).exits(64);
    }
}

#[test]
fn a_kind_costs_its_lists_and_those_that_it_names() {
    let bench = full();
    let listening =
        crate::support::Listening::start(&bench, "--http --limits unlimited --ledger ledger.jsonl");
    listening.run(&bench, "apply -f everything.yaml --yes --max-updates 99").exits(0);
    let calls = |line: &str| {
        let before = fs::read_to_string(bench.path().join("ledger.jsonl")).unwrap().lines().count();
        listening.run(&bench, line).exits(0);
        let ledger = fs::read_to_string(bench.path().join("ledger.jsonl")).unwrap();
        let paths = ledger.lines().skip(before).map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["path"].as_str().unwrap().trim_start_matches("/api/v1").to_owned()
        });
        let mut paths: Vec<String> = paths.filter(|path| !path.contains("oauth")).collect();
        paths.sort();
        paths
    };
    assert_eq!(calls("export dns-records"), ["/dns-records"]);
    assert_eq!(calls("export users"), ["/user-groups", "/users"]);
    assert_eq!(calls("get users -o name"), ["/users"]);
    assert_eq!(calls("get users ada"), ["/user-groups", "/users"]);
    assert_eq!(calls("get network-applications paris/wiki"), ["/networks", "/networks/applications"]);
    assert_eq!(
        calls("get settings wpc.snat dns.*suffix"),
        ["/settings/dns/default-suffix", "/settings/wpc/snat"]
    );
    assert_eq!(calls("export").len(), 12 + 22);
}
