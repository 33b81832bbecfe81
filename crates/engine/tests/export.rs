//! What is exported is a spec that plans empty on the same tenant (spec section 9).

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod export_support;

use connexa_engine::{
    catalog,
    current::CurrentState,
    export::{self, Children, Purpose, Section},
    plan::{Action, Mode, PlanOptions, Planning, plan},
    spec::{self, Format, Limits, ReadOptions, SourceText},
};
use connexa_types::{Kind, TenantId};
use export_support::{Choices, seal, tenant};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All kinds that an export without arguments writes.
fn all() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Kind::ALL.to_vec();
    kinds.retain(|kind| kind.parent().is_none() && (catalog::is_listed(*kind) || *kind == Kind::Setting));
    kinds
}

/// How many items a spec has, if its plan on the tenant is empty; else what is wrong with it.
fn planned(text: &str, current: &CurrentState) -> Result<usize, String> {
    let source = SourceText {
        name: "export.json".to_owned(),
        format: Some(Format::Json),
        bytes: text.as_bytes().to_vec(),
    };
    let options =
        ReadOptions { mode: spec::Mode::Spec, strict: false, limits: Limits::default(), creating: false };
    let reading = spec::read(&[source], &options, &seal);
    if reading.has_errors() {
        return Err(format!("{:#?}", reading.problems));
    }
    match plan(&reading.desired, current, &PlanOptions::new(Mode::Apply, "apply")) {
        Planning::Ready(plan) => {
            let changes: Vec<_> =
                plan.changes.iter().filter(|change| change.action != Action::NoOp).collect();
            if changes.is_empty() && plan.operations.is_empty() {
                Ok(plan.changes.len())
            } else {
                Err(format!("{changes:#?}"))
            }
        }
        other => Err(format!("{other:#?}")),
    }
}

fn export_of(current: &CurrentState, kinds: &[Kind], children: Children) -> String {
    serde_json::to_string_pretty(&export::spec(export::document(current, kinds, children).sections)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// In whole and by kind, nested and flat.
    #[test]
    fn an_export_plans_empty(choices in proptest::collection::vec(any::<u16>(), 0..400), kind in 0..100_usize) {
        let current = tenant(&mut Choices::new(&choices));
        for children in [Children::Nested, Children::Flat] {
            let text = export_of(&current, &all(), children);
            let came = planned(&text, &current);
            prop_assert!(came.is_ok(), "{}\n{text}", came.unwrap_err());
        }
        let readable: Vec<Kind> =
            Kind::ALL.iter().copied().filter(|k| catalog::is_listed(*k) || *k == Kind::Setting).collect();
        let kind = readable[kind % readable.len()];
        let text = export_of(&current, &[kind], Children::Nested);
        let came = planned(&text, &current);
        prop_assert!(came.is_ok(), "{kind}: {}\n{text}", came.unwrap_err());
    }

    /// What is looked at reads back too; of settings what is set.
    #[test]
    fn a_view_plans_empty(choices in proptest::collection::vec(any::<u16>(), 0..400)) {
        let current = tenant(&mut Choices::new(&choices));
        for kind in Kind::ALL.iter().copied().filter(|kind| catalog::is_listed(*kind)) {
            let objects = &current.kind(kind).unwrap().objects;
            let items: Vec<_> = objects.iter().map(|live| export::item(&current, live, Purpose::View)).collect();
            let mut sections = vec![Section { kind, items }];
            if kind == Kind::NetworkRoute {
                sections.insert(0, Section::allowing_overlap());
                if current.overlap() != connexa_engine::current::OverlapSetting::Allowed {
                    sections.remove(0);
                }
            }
            let text = export::spec(sections).to_string();
            let came = planned(&text, &current);
            prop_assert!(came.as_ref() == Ok(&(objects.len() + usize::from(text.contains("settings")))), "{kind}: {came:?}\n{text}");
        }
    }

    /// The order in which lists and sets come says nothing.
    #[test]
    fn the_same_state_gives_the_same_bytes(choices in proptest::collection::vec(any::<u16>(), 0..400)) {
        let current = tenant(&mut Choices::new(&choices));
        let mut turned = current.clone();
        for kind in Kind::ALL.iter().copied().filter(|kind| catalog::is_listed(*kind) && catalog::listed_with(*kind) == *kind) {
            let whole = catalog::nested(kind).any(|child| child.carried_by_parent);
            if whole {
                continue;
            }
            let mut list: Vec<_> = current.kind(kind).unwrap().objects.iter()
                .map(|live| (turn((*live.object).clone()), live.sealed.clone()))
                .collect();
            list.reverse();
            turned.put_list(kind, list, 1, true).unwrap();
        }
        prop_assert_eq!(export_of(&current, &all(), Children::Nested), export_of(&turned, &all(), Children::Nested));
    }
}

/// Turns every list around.
fn turn(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().rev().map(turn).collect(),
        Value::Object(map) => map.into_iter().map(|(name, value)| (name, turn(value))).collect(),
        other => other,
    }
}

/// A tenant of these lists.
fn with(lists: &[(Kind, Value)]) -> CurrentState {
    let mut current = CurrentState::new(TenantId::new("https://acme.api.openvpn.com"));
    for (kind, list) in lists {
        let list = list.as_array().unwrap().iter().map(|object| (object.clone(), BTreeMap::new())).collect();
        current.put_list(*kind, list, 1, true).unwrap();
    }
    current
}

#[test]
fn left_out_and_told() {
    let user = |id: &str, name: &str, role: &str, auth: &str| {
        json!({"id": id, "username": name, "groupId": "g1", "role": role, "authType": auth,
               "devices": [{"id": format!("d{id}"), "name": "laptop", "clientUUID": "x"}]})
    };
    let current = with(&[
        (
            Kind::UserGroup,
            json!([{"id": "g1", "name": "all", "vpnRegionIds": ["x"], "allRegionsIncluded": true}]),
        ),
        (
            Kind::User,
            json!([
                user("1", "ada", "MEMBER", "INTERNAL"),
                user("2", "owner", "OWNER", "INTERNAL"),
                user("3", "saml", "ADMIN", "SAML")
            ]),
        ),
        (
            Kind::AccessGroup,
            json!([{"id": "a1", "name": "none", "source": [], "destination": [
            {"type": "USER_GROUP", "allCovered": true}]}]),
        ),
    ]);
    let document =
        export::document(&current, &[Kind::User, Kind::UserGroup, Kind::AccessGroup], Children::Nested);
    assert_eq!(
        export::spec(document.sections),
        json!({
            "user_groups": [{"name": "all", "all_regions_included": true}],
            "users": [{"username": "ada", "group": "all", "role": "member", "devices": ["laptop"]}],
            "access_groups": [{"name": "none", "destination": [{"user_groups": "all"}]}],
        })
    );
    assert_eq!(
        document.notes,
        [
            "left out: the owner, 1 user of an identity provider, 2 devices of such users",
            "the source of the access group `none` is empty, and left out",
        ]
    );
    let devices = export::document(&current, &[Kind::Device], Children::Nested);
    assert_eq!(export::spec(devices.sections), json!({"devices": [{"user": "ada", "name": "laptop"}]}));
}

#[test]
fn ids_stand_where_names_do_not_say_enough() {
    let current = with(&[
        (
            Kind::Network,
            json!([
                {"id": "n1", "name": "Twin", "gatewaysIds": ["n2", "n3", "n9"]},
                {"id": "n2", "name": "twin", "routes": [{"id": "r1", "subnet": "10.0.0.0/8"}]},
                {"id": "n3", "name": "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
            ]),
        ),
        (Kind::NetworkApplication, json!([])),
        (Kind::NetworkIpService, json!([])),
    ]);
    let document = export::document(&current, &[Kind::Network], Children::Nested);
    assert_eq!(
        export::spec(document.sections),
        json!({"networks": [
            {"name": "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
            {"id": "n1", "name": "Twin", "gateways": [
                {"name": "6f9619ff-8b86-d011-b42d-00c04fc964ff"}, {"id": "n2"}, {"id": "n9"}]},
            {"id": "n2", "name": "twin", "routes": ["10.0.0.0/8"]},
        ]})
    );
    let routes = export::document(&current, &[Kind::NetworkRoute], Children::Nested);
    assert_eq!(
        export::spec(routes.sections),
        json!({"network_routes": [{"network": {"id": "n2"}, "subnet": "10.0.0.0/8"}]})
    );
}

#[test]
fn routes_that_overlap_take_their_setting_along() {
    let networks = |second: &str| {
        with(&[(
            Kind::Network,
            json!([
                {"id": "n1", "name": "a", "routes": [{"id": "r1", "subnet": "10.0.0.0/8"}, {"id": "r2", "subnet": "10.1.0.0/16"}]},
                {"id": "n2", "name": "b", "routes": [{"id": "r3", "subnet": second}]},
            ]),
        )])
    };
    let sections = |current: &CurrentState, kinds: &[Kind]| {
        let sections = export::document(current, kinds, Children::Nested).sections;
        sections.into_iter().map(|section| section.kind).collect::<Vec<_>>()
    };
    let overlapping = networks("10.1.2.0/24");
    assert_eq!(sections(&overlapping, &[Kind::Network]), [Kind::Setting, Kind::Network]);
    assert_eq!(sections(&overlapping, &[Kind::NetworkRoute]), [Kind::Setting, Kind::NetworkRoute]);
    assert_eq!(sections(&overlapping, &[Kind::NetworkConnector]), []);
    assert_eq!(sections(&networks("11.0.0.0/8"), &[Kind::Network]), [Kind::Network]);
}

#[test]
fn sides_of_access_groups() {
    let current = with(&[
        (Kind::UserGroup, json!([{"id": "g1", "name": "b"}, {"id": "g2", "name": "A"}])),
        (Kind::Network, json!([{"id": "n1", "name": "paris"}, {"id": "n2", "name": "hq"}])),
        (Kind::Host, json!([{"id": "h1", "name": "bastion"}])),
        (Kind::NetworkApplication, json!([{"id": "a1", "name": "wiki", "networkItemId": "n1"}])),
        (
            Kind::NetworkIpService,
            json!([
                {"id": "s1", "name": "twin", "networkItemId": "n1"},
                {"id": "s2", "name": "twin", "networkItemId": "n1"},
                {"id": "s3", "name": "lan", "networkItemId": "n2"},
            ]),
        ),
        (Kind::HostApplication, json!([])),
        (Kind::HostIpService, json!([{"id": "t1", "name": "ssh", "networkItemId": "h1"}])),
        (
            Kind::AccessGroup,
            json!([{"id": "x", "name": "x",
            "source": [
                {"type": "HOST", "allCovered": false, "parent": "h1", "children": ["t1"]},
                {"type": "NETWORK_SERVICE", "allCovered": true, "parent": "n1", "children": ["a1"]},
                {"type": "USER_GROUP", "allCovered": false, "children": ["g1"]},
                {"type": "USER_GROUP", "allCovered": false, "children": ["g2", "g9"]},
            ],
            "destination": [
                {"type": "PUBLISHED_SERVICE", "allCovered": false, "children": ["p2", "p1"]},
                {"type": "HOST_SERVICE", "allCovered": false, "parent": "h1", "children": ["t1"]},
                {"type": "NETWORK_SERVICE", "allCovered": false, "parent": "n1", "children": ["s2", "a1", "s3"]},
                {"type": "NETWORK_SERVICE", "allCovered": true, "parent": "n2"},
                {"type": "HOST_SERVICE", "allCovered": true},
                {"type": "TUNNEL", "allCovered": true, "parent": "t"},
            ]}]),
        ),
    ]);
    let document = export::document(&current, &[Kind::AccessGroup], Children::Nested);
    assert_eq!(
        export::spec(document.sections).to_string(),
        json!({"access_groups": [{"name": "x",
        "source": [
            {"user_groups": ["A", "b"]},
            {"network": "paris", "all": true},
            {"host": "bastion", "all": true},
            {"type": "user_group", "all_covered": false, "children": ["g9"]},
        ],
        "destination": [
            {"network": "hq", "all": true},
            {"network": "paris", "applications": ["wiki"], "ip_services": [{"id": "s2"}]},
            {"hosts": "all"},
            {"host": "bastion", "ip_services": ["ssh"]},
            {"published_services": ["p1", "p2"]},
            {"type": "network_service", "all_covered": false, "parent": "n1", "children": ["s3"]},
            {"type": "TUNNEL", "all_covered": true, "parent": "t"},
        ]}]})
        .to_string()
    );
    assert_eq!(planned(&export_of(&current, &[Kind::AccessGroup], Children::Nested), &current), Ok(1));
}

#[test]
fn settings_that_the_service_does_not_tell_are_told() {
    let mut current = with(&[]);
    current.put_setting(catalog::setting("wpc.snat").unwrap(), Some(json!(true)));
    current.put_setting(catalog::setting("wpc.ip_allocation_mode").unwrap(), None);
    current.put_setting(catalog::setting("dns.default_suffix").unwrap(), Some(json!("")));
    let document = export::document(&current, &[Kind::Setting], Children::Nested);
    assert_eq!(export::spec(document.sections), json!({"settings": {"wpc": {"snat": true}}}));
    assert_eq!(
        document.notes,
        ["left out: 1 setting that the service does not tell (wpc.ip_allocation_mode)"]
    );
}
