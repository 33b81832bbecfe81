//! Reader and planner together: the text of a spec to the calls that carry it out.

mod plan_support;

use connexa_engine::{
    plan::{Plan, Planning, plan},
    spec::{Format, Limits, Mode, ReadOptions, Reading, SourceText, read},
};
use connexa_types::{Kind, SealingKey};
use plan_support::{Tenant, actions, apply, call, create};
use serde_json::json;

const OFFICES: &str = "
user_groups:
  - { name: engineers, regions: all, max_device: 3, connect_auth: on_prior_auth }
users:
  - username: ada
    email: ada@example.com
    group: engineers
    secondary_groups: [Default]
    devices: [laptop, { name: phone, description: company phone }]
networks:
  - name: hq
    egress: true
    connectors: [{ name: hq-1, region: eu-central-1 }]
    routes: [10.10.0.0/16]
  - name: paris
    egress: false
    internet_access: split_tunnel_off
    gateways: [HQ]
    connectors: [{ name: paris-1, region: it-mxp, description: standby }]
    routes: [10.20.0.0/16, { subnet: 10.21.0.0/16, description: lab }]
hosts:
  - name: bastion
    domain: bastion.corp.example
    connectors: [{ name: bastion-1, region: eu-central-1 }]
network_routes:
  - { network: hq, subnet: 10.11.0.0/16 }
dns_records:
  - { domain: wiki.corp.example, ipv4: [10.20.0.5], ipv6: ['2001:db8::5'], description: null }
";

fn reading(text: &str, mode: Mode) -> Reading {
    let source = SourceText { name: "spec.yaml".to_owned(), format: Some(Format::Yaml), bytes: text.into() };
    let creating = mode != Mode::Spec;
    let options = ReadOptions { mode, strict: false, limits: Limits::default(), creating };
    let key = SealingKey::new([3; 32]);
    read(&[source], &options, &|field, value| key.seal(field, value))
}

fn tenant() -> Tenant {
    let default = json!({"id": "g0", "name": "Default", "allRegionsIncluded": true, "vpnRegionIds": [], "maxDevice": 3});
    Tenant::default().with(Kind::UserGroup, default)
}

fn planned(text: &str, tenant: &Tenant) -> Plan {
    let reading = reading(text, Mode::Spec);
    assert!(reading.problems.is_empty(), "{:?}", reading.problems);
    match plan(&reading.desired, &tenant.current(), &apply()) {
        Planning::Ready(plan) => *plan,
        other => panic!("no plan: {other:#?}"),
    }
}

#[test]
fn one_call_for_each_new_top_level_object_and_none_the_second_time() {
    let mut tenant = tenant();
    let first = planned(OFFICES, &tenant);
    assert!(first.problems.is_empty(), "{:?}", first.problems);
    assert_eq!(first.operations.len(), 6);
    assert_eq!(first.changes.len(), 15);
    let hq = first.operations.iter().position(|o| first.changes[o.carries[0].change].key == "hq").unwrap();
    let body = &call(&first, hq)["body"];
    assert_eq!(body["routes"], json!([{"value": "10.10.0.0/16"}, {"value": "10.11.0.0/16"}]));
    tenant.carry_out(&first);
    let second = planned(OFFICES, &tenant);
    assert!(second.is_empty() && actions(&second).iter().all(|a| *a == "no-op"), "{:?}", second.operations);
    // One owned field differs: one PUT.
    let third = planned(&OFFICES.replace("max_device: 3", "max_device: 4"), &tenant);
    assert_eq!(third.operations.len(), 1);
    assert_eq!(call(&third, 0)["call"], "PUT /user-groups/{id}");
}

#[test]
fn problems_stand_at_their_fields() {
    let text =
        OFFICES.replace("region: it-mxp", "region: it-mpx").replace("group: engineers", "group: enginers");
    let reading = reading(&text, Mode::Spec);
    let Planning::Refused(problems) = plan(&reading.desired, &tenant().current(), &apply()) else { panic!() };
    let shown: Vec<_> = problems
        .iter()
        .map(|p| {
            (
                p.code.to_string(),
                p.line.unwrap(),
                p.column.unwrap(),
                p.path.clone().unwrap(),
                p.hint.clone().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("E501", 7, 12, "group", "did you mean `engineers`?"),
        ("E506", 19, 43, "connectors[0].region", "did you mean `it-mxp`?"),
    ];
    let expected: Vec<_> =
        expected.map(|(c, l, k, p, h)| (c.to_owned(), l, k, p.to_owned(), h.to_owned())).into();
    assert_eq!(shown, expected);
    assert_eq!(problems[1].key.as_deref(), Some("paris"));
}

#[test]
fn the_batch_of_three_networks_of_whom_one_is_bad() {
    let text = "
- { name: one, description: first, egress: true, internet_access: split_tunnel_on }
- { name: '', description: bad, internet_access: invalid_option }
- { name: three, description: third, connectors: [{ name: c, region: it-mxp }] }
";
    let reading = reading(text, Mode::Items(Kind::Network));
    assert!(!reading.unreadable);
    let Planning::Ready(plan) = plan(&reading.desired, &tenant().current(), &create()) else {
        panic!("no plan")
    };
    assert_eq!(plan.operations.len(), 2);
    let detail = &plan.changes[1].preset.as_ref().unwrap().error_detail;
    assert_eq!(detail.keys().map(String::as_str).collect::<Vec<_>>(), ["internet_access", "name"]);
    assert!(
        detail["name"][0].ends_with("(E109)") && detail["internet_access"][0].ends_with("(E201)"),
        "{detail:?}"
    );
    assert_eq!(plan.changes[1].key, "spec.yaml:3:1");
}
