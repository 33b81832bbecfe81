//! What the command line picks: laws over random names, globs and tenants.

#![expect(clippy::unwrap_used, reason = "what tests share fails as a test does")]

use connexa_engine::{
    current::CurrentState,
    desired::DesiredState,
    select::Expression,
    selection::{Assignment, Overlay, Selection},
};
use connexa_types::{Kind, SealingKey, TenantId};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn tenant(names: &[String]) -> CurrentState {
    let mut current = CurrentState::new(TenantId::new("https://acme.api.openvpn.com"));
    let network = |(i, name): (usize, &String)| {
        let object: Value = json!({
            "id": format!("00000000-0000-4000-8000-{i:012}"), "name": name, "egress": i % 2 == 0,
            "connectors": [{ "id": format!("00000000-0000-4000-9000-{i:012}"), "name": "c", "vpnRegionId": "it-mxp",
                             "networkItemId": format!("00000000-0000-4000-8000-{i:012}") }],
            "routes": [],
        });
        (object, BTreeMap::new())
    };
    let objects = names.iter().enumerate().map(network).collect();
    current.put_list(Kind::Network, objects, 1, true).unwrap();
    current
}

fn ids(picked: &connexa_engine::selection::Picked) -> Vec<String> {
    picked.items.iter().filter_map(|item| item.id.as_ref().map(ToString::to_string)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each object is picked once, in the order of the names, and what is not there is an item of its own.
    #[test]
    fn each_object_is_picked_once(
        live in proptest::collection::btree_set("[a-d]{1,3}", 0..8),
        asked in proptest::collection::vec("[A-Da-d]{1,3}|[a-d]\\*|\\*", 0..6),
        even: bool,
    ) {
        let live: Vec<String> = live.into_iter().collect();
        let current = tenant(&live);
        let expression = even.then(|| Expression::parse("egress").unwrap().of_kind(Kind::Network).unwrap());
        let selection = Selection::new(Kind::Network, &asked, expression).unwrap();
        let picked = selection.pick(&current, &DesiredState::default()).unwrap();
        let found = ids(&picked);
        prop_assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());

        let folded: Vec<String> = asked.iter().map(|name| name.to_lowercase()).collect();
        let matches = |name: &str| folded.iter().any(|asked| match asked.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => asked == name,
        });
        let wanted = live.iter().enumerate().filter(|(i, name)| matches(name) || even && i % 2 == 0).count();
        prop_assert_eq!(found.len(), wanted);
        let unknown: BTreeSet<&String> =
            folded.iter().filter(|name| !name.ends_with('*') && !live.contains(name)).collect();
        prop_assert_eq!(picked.items.len() - found.len(), unknown.len());

        // Picked again beside what was picked, nothing is left.
        let desired = DesiredState { items: picked.items, ..DesiredState::default() };
        prop_assert!(selection.pick(&current, &desired).unwrap().items.is_empty());
    }

    /// Elements that are added are there, those that are removed are not, all others stay.
    #[test]
    fn lists_change_by_what_is_said(
        before in proptest::collection::btree_set(0_u8..12, 1..6),
        add in proptest::collection::btree_set(0_u8..12, 0..4),
        remove in proptest::collection::btree_set(0_u8..12, 0..4),
    ) {
        let cidr = |n: &u8| format!("198.51.{n}.0/24");
        let list = |set: &BTreeSet<u8>| set.iter().map(cidr).collect::<Vec<_>>().join("|");
        let remove: BTreeSet<u8> = remove.difference(&add).copied().collect();
        let after: BTreeSet<u8> = before.union(&add).copied().filter(|n| !remove.contains(n)).collect();
        prop_assume!(!after.is_empty());
        let mut flags = Vec::new();
        if !add.is_empty() {
            flags.push(Assignment::Add("tunnel_bypass".to_owned(), list(&add)));
        }
        if !remove.is_empty() {
            flags.push(Assignment::Remove("tunnelBypass".to_owned(), list(&remove)));
        }
        let key = SealingKey::new([7; 32]);
        let seal = |field: &str, value: &str| key.seal(field, value);
        let overlay = Overlay::read(Kind::UserGroup, &flags, &seal).unwrap();
        let mut current = CurrentState::new(TenantId::new("https://acme.api.openvpn.com"));
        let group = json!({ "id": "00000000-0000-4000-8000-000000000001", "name": "g", "vpnRegionIds": ["it-mxp"],
            "tunnelBypass": { "ipv4Subnets": before.iter().map(cidr).collect::<Vec<_>>() } });
        current.put_list(Kind::UserGroup, vec![(group, BTreeMap::new())], 1, true).unwrap();
        let selection = Selection::new(Kind::UserGroup, &["g".to_owned()], None).unwrap();
        let items = selection.pick(&current, &DesiredState::default()).unwrap().items;
        let mut desired = DesiredState { items, ..DesiredState::default() };
        overlay.apply(Kind::UserGroup, &mut desired, &current, &seal);

        let item = &desired.items[0];
        prop_assert!(item.problems.is_empty(), "{:?}", item.problems);
        if overlay.is_empty() {
            prop_assert!(item.fields.is_empty());
        } else {
            let given: BTreeSet<String> = item.given["tunnel_bypass"].as_array().unwrap().iter()
                .map(|value| value.as_str().unwrap().to_owned()).collect();
            prop_assert_eq!(given, after.iter().map(cidr).collect::<BTreeSet<_>>());
            prop_assert!(item.fields.contains_key("tunnel_bypass"));
        }
    }
}

#[test]
fn children_are_named_under_their_parents_by_name_or_id() {
    let current = tenant(&["a".to_owned(), "b".to_owned()]);
    let pick = |name: &str| {
        let selection = Selection::new(Kind::NetworkConnector, &[name.to_owned()], None).unwrap();
        selection.pick(&current, &DesiredState::default()).unwrap()
    };
    assert_eq!(ids(&pick("A/c")), ["00000000-0000-4000-9000-000000000000"]);
    assert_eq!(
        ids(&pick("00000000-0000-4000-8000-000000000001/c")),
        ["00000000-0000-4000-9000-000000000001"]
    );
    assert_eq!(ids(&pick("*/c")).len(), 2);
    assert_eq!(ids(&pick("c*")).len(), 2);
    let unknown = pick("x/c");
    assert!(unknown.items[0].id.is_none() && unknown.items[0].parent.is_some());
    let without_parent = pick("c");
    assert_eq!(without_parent.items[0].problems[0].code.to_string(), "E106");
    assert_eq!(pick("z*").unmatched, ["z*"]);
}
