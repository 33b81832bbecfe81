//! Plan files, and plans against an export.

#![expect(clippy::unwrap_used, reason = "what tests share fails as a test does")]

use connexa_engine::{
    against,
    plan::{Freshness, Mode, NoPlanFile, Plan, PlanFile, PlanOptions, Planning, plan},
    spec::{self, Limits, ReadOptions, Reading, SourceText},
};
use connexa_types::{SealingKey, TenantId, Timestamp};

fn read(text: &str) -> Reading {
    let source = SourceText { name: "spec.yaml".to_owned(), format: None, bytes: text.as_bytes().to_vec() };
    let key = SealingKey::new([7; 32]);
    let options =
        ReadOptions { mode: spec::Mode::Spec, strict: false, limits: Limits::default(), creating: false };
    let reading = spec::read(&[source], &options, &|field, value| key.seal(field, value));
    assert!(!reading.has_errors(), "{:?}", reading.problems);
    reading
}

fn planned(text: &str, export: &str) -> Plan {
    let state = against::state(TenantId::from("file:export"), &read(export).desired).unwrap();
    match plan(&read(text).desired, &state, &PlanOptions::new(Mode::Apply, "apply")) {
        Planning::Ready(plan) => *plan,
        other => panic!("no plan: {other:?}"),
    }
}

/// A tenant with something of every kind.
const TENANT: &str = "\
settings:
  wpc: { snat: true, subnet: { ipv4: [100.96.0.0/11], ipv6: ['fd00::/8'] } }
  dns: { default_suffix: corp.example, zones: [{ name: a.example, addresses: [10.0.0.1] }] }
  access_visibility: true
networks:
  - name: hq
    egress: true
    connectors: [{ name: hq-1, region: eu-central-1 }]
    routes: [10.10.0.0/16, { subnet: 10.11.0.0/16, description: lab }]
    applications: [{ name: wiki, domains: [wiki.example, { domain: docs.example, exact_match: true }], services: [https, tcp/8000-8100] }]
    ip_services: [{ name: lan, type: ip_source, routes: [10.10.0.0/16], services: [any] }]
  - { name: paris, egress: false, internet_access: split_tunnel_off, gateways: [hq] }
hosts:
  - { name: bastion, domain: bastion.example, connectors: [{ name: b-1, region: it-mxp }], ip_services: [{ name: ssh, services: [ssh] }] }
user_groups: [{ name: engineers, regions: all, max_device: 3 }, { name: ops, regions: [it-mxp] }]
users: [{ username: ada, email: ada@example.com, group: engineers, secondary_groups: [ops], devices: [laptop] }]
access_groups:
  - name: engineers to hq
    source: [{ user_groups: [engineers] }, { host: bastion, all: true }]
    destination: [{ network: hq, applications: [wiki] }, { host: bastion, ip_services: [ssh] }, { networks: all }]
location_contexts:
  - { name: offices, user_groups: [ops], ip_check: { allowed: true, ips: [192.0.2.0/24] }, default_check: false }
device_postures:
  - { name: patched, user_groups: [ops], windows: { allowed: true, version: { version: '10', condition: gte } }, linux: true }
dns_records: [{ domain: wiki.corp.example, ipv4: [10.20.0.5] }]
";

#[test]
fn an_export_of_everything_is_an_empty_plan_against_itself() {
    let plan = planned(TENANT, TENANT);
    assert!(plan.is_empty(), "{:#?}", plan.operations);
    assert!(plan.changes.len() > 15);
}

#[test]
fn what_differs_from_the_export_is_planned() {
    let text =
        TENANT.replace("snat: true", "snat: false").replace("description: lab", "description: library");
    let plan = planned(&text, TENANT);
    let mut keys: Vec<&str> = plan
        .operations
        .iter()
        .map(|operation| plan.changes[operation.carries[0].change].key.as_str())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["hq/10.11.0.0/16", "wpc.snat"]);
}

#[test]
fn a_plan_file_is_fresh_done_or_stale() {
    let text = TENANT.replace("snat: true", "snat: false");
    let desired = read(&text).desired;
    let options = PlanOptions::new(Mode::Apply, "apply");
    let file = PlanFile::new(Timestamp::UNIX_EPOCH, planned(&text, TENANT), desired, &options);
    let written = serde_json::to_vec(&file).unwrap();
    let file = PlanFile::parse(&written).unwrap();
    let now = |export: &str| {
        let state = against::state(TenantId::from("file:export"), &read(export).desired).unwrap();
        match plan(&file.desired, &state, &file.options()) {
            Planning::Ready(plan) => file.freshness(&plan),
            other => panic!("no plan: {other:?}"),
        }
    };
    assert_eq!(now(TENANT), Freshness::Fresh);
    assert_eq!(now(&text), Freshness::Done);
    assert_eq!(now(&TENANT.replace("max_device: 3", "max_device: 4")), Freshness::Stale);
    // An object that the plan does not rest on may be there.
    assert_eq!(now(&format!("{TENANT}  # more\n")), Freshness::Fresh);
}

#[test]
fn other_files_are_no_plans() {
    assert!(matches!(PlanFile::parse(b"networks: []"), Err(NoPlanFile::Other)));
    assert!(matches!(PlanFile::parse(br#"{"schema": "connexa.report/1"}"#), Err(NoPlanFile::Other)));
    let newer = br#"{"schema": "connexa.planfile/1", "plan": {"format": 99}}"#;
    assert!(matches!(PlanFile::parse(newer), Err(NoPlanFile::Newer(99))));
    let cut = br#"{"schema": "connexa.planfile/1", "plan": {"format": 1}}"#;
    assert!(matches!(PlanFile::parse(cut), Err(NoPlanFile::Damaged(_))));
}
