//! Laws of the planner over random specs and tenants.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod plan_support;

use connexa_engine::{
    catalog::{self, definition},
    desired::{FieldValue, Parent},
    plan::{Action, Plan, Planning, plan},
};
use connexa_types::{CallBody, Kind};
use plan_support::{Spec, Tenant, apply, gateways, group, ready, value};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a random spec is made of: numbers that choose.
#[derive(Clone, Debug)]
struct Recipe {
    networks: Vec<(u8, u8, u8)>,
    children: Vec<(u8, u8, u8)>,
    groups: Vec<(u8, u8)>,
    users: Vec<(u8, u8, u8)>,
    records: Vec<(u8, u8)>,
    flat_first: bool,
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let few = |most| 0..most;
    (
        prop::collection::vec(any::<(u8, u8, u8)>(), few(5)),
        prop::collection::vec(any::<(u8, u8, u8)>(), few(10)),
        prop::collection::vec(any::<(u8, u8)>(), few(4)),
        prop::collection::vec(any::<(u8, u8, u8)>(), few(5)),
        prop::collection::vec(any::<(u8, u8)>(), few(4)),
        any::<bool>(),
    )
        .prop_map(|(networks, children, groups, users, records, flat_first)| Recipe {
            networks,
            children,
            groups,
            users,
            records,
            flat_first,
        })
}

fn written(name: &str, choice: u8) -> String {
    // Keys that are equal but written otherwise are the same key.
    if choice.is_multiple_of(3) { name.to_uppercase() } else { name.to_owned() }
}

/// Builds a spec in which each key stands once, references point to items that stand before or to `Default`, and routes
/// of different networks never overlap.
fn build(recipe: &Recipe) -> Spec {
    let mut spec = Spec::default();
    let mut networks: Vec<(u8, usize)> = Vec::new();
    for (name, access, extra) in &recipe.networks {
        let number = name % 6;
        if networks.iter().any(|(n, _)| *n == number) {
            continue;
        }
        let at = spec.top(Kind::Network, &written(&format!("net{number}"), *extra), []);
        let fields = &mut spec.0.items[at].fields;
        match access % 4 {
            0 => {}
            1 => drop(fields.insert("egress", value(*extra % 2 == 0))),
            2 => drop(fields.insert("description", value(format!("about {extra}")))),
            _ => {
                if let Some((gateway, _)) = networks.first() {
                    fields.insert("internet_access", value("SPLIT_TUNNEL_OFF"));
                    fields.insert("gateways", gateways(&[&format!("net{gateway}")]));
                } else {
                    fields.insert("description", FieldValue::Clear);
                }
            }
        }
        networks.push((number, at));
    }
    for (number, (parent, kind, extra)) in recipe.children.iter().enumerate() {
        if networks.is_empty() {
            break;
        }
        let (network, at) = networks[usize::from(*parent) % networks.len()];
        if kind % 2 == 0 {
            let name = format!("c{}", extra % 3);
            if !taken(&spec, at, Kind::NetworkConnector, &name) {
                spec.child(Kind::NetworkConnector, at, &name, [("region", region(*extra))]);
            }
        } else {
            let subnet = format!("10.{network}.{}.0/24", (number + usize::from(*extra)) % 4);
            if !taken(&spec, at, Kind::NetworkRoute, &subnet) {
                let route = spec.child(Kind::NetworkRoute, at, &subnet, []);
                if extra % 2 == 0 {
                    spec.0.items[route].fields.insert("description", value(format!("route {}", extra % 5)));
                }
            }
        }
    }
    let mut groups: Vec<u8> = Vec::new();
    for (name, extra) in &recipe.groups {
        let number = name % 4;
        if groups.contains(&number) {
            continue;
        }
        groups.push(number);
        let regions =
            if extra % 2 == 0 { value(json!(["it-mxp", "eu-central-1"])) } else { value(json!(["it-mxp"])) };
        let at = spec.top(
            Kind::UserGroup,
            &format!("group{number}"),
            [("max_device", value(i32::from(*extra) + 9))],
        );
        let fields = &mut spec.0.items[at].fields;
        let all = extra % 3 == 0;
        fields.insert("all_regions_included", value(all));
        if !all {
            fields.insert("regions", regions);
        }
    }
    let mut users: Vec<u8> = Vec::new();
    for (name, extra, devices) in &recipe.users {
        let number = name % 5;
        if users.contains(&number) {
            continue;
        }
        users.push(number);
        let of = groups.get(usize::from(*extra) % groups.len().max(1)).map(|g| format!("group{g}"));
        let at = spec.top(
            Kind::User,
            &written(&format!("user{number}"), *extra),
            [
                ("group", group(of.as_deref().unwrap_or("default"))),
                ("email", value(format!("u{extra}@example.com"))),
            ],
        );
        for device in 0..devices % 3 {
            spec.child(
                Kind::Device,
                at,
                &format!("d{device}"),
                [("description", value(format!("{}", extra % 2)))],
            );
        }
    }
    for (name, extra) in &recipe.records {
        let domain = format!("r{}.example", name % 4);
        if taken_top(&spec, &domain) {
            continue;
        }
        let ips = value(json!([format!("10.9.0.{extra}"), "10.9.9.9"]));
        spec.top(Kind::DnsRecord, &domain, [("ipv4", ips), ("ipv6", FieldValue::Clear)]);
    }
    if recipe.flat_first {
        turn_round(&mut spec);
    }
    spec
}

fn region(choice: u8) -> FieldValue {
    value(if choice.is_multiple_of(2) { "eu-central-1" } else { "it-mxp" })
}

fn taken(spec: &Spec, parent: usize, kind: Kind, own: &str) -> bool {
    spec.0.items.iter().any(|item| {
        item.kind == Ok(kind)
            && matches!(item.parent, Some(Parent::Item(p)) if p == parent)
            && item.key.as_ref().is_some_and(|k| k.own.text == own)
    })
}

fn taken_top(spec: &Spec, own: &str) -> bool {
    spec.0.items.iter().any(|item| item.key.as_ref().is_some_and(|k| k.own.text == own))
}

/// Puts all items in the opposite order: children before their parents, as flat ones may stand.
fn turn_round(spec: &mut Spec) {
    let last = spec.0.items.len().wrapping_sub(1);
    spec.0.items.reverse();
    for item in &mut spec.0.items {
        if let Some(Parent::Item(parent)) = &mut item.parent {
            *parent = last - *parent;
        }
    }
}

fn tenant(before: &Recipe) -> Tenant {
    let default = json!({"id": "g0", "name": "Default", "allRegionsIncluded": true, "maxDevice": 5, "connectAuth": "NO_AUTH"});
    let mut tenant = Tenant::default().with(Kind::UserGroup, default);
    let mut spec = build(before);
    // What is there, but for a few networks that others would refer to, is what an earlier spec made.
    for item in &mut spec.0.items {
        item.fields.remove("gateways");
    }
    let plan = ready(&spec, &tenant, &apply());
    tenant.carry_out(&plan);
    tenant
}

/// The fewest update calls, counted without the planner: new top-level objects, new children of objects that exist,
/// and objects that an independent merge of the item into the object changes.
fn lower_bound(spec: &Spec, tenant: &Tenant) -> usize {
    let current = tenant.current();
    let items = &spec.0.items;
    items
        .iter()
        .filter(|item| {
            let kind = *item.kind.as_ref().unwrap();
            let key = item.key.as_ref().unwrap();
            match current.kind(kind).unwrap().by_key(key).next() {
                Some(live) => item.fields.iter().any(|(name, desired)| {
                    *name != definition(kind).key_name
                        && stored(&live.object, kind, name) != wanted(desired, &current)
                }),
                None => match item.parent {
                    Some(Parent::Item(parent)) => {
                        let parent = &items[parent];
                        let kind = *parent.kind.as_ref().unwrap();
                        current.kind(kind).unwrap().by_key(parent.key.as_ref().unwrap()).next().is_some()
                    }
                    _ => true,
                },
            }
        })
        .count()
}

/// A live value with lists sorted, and what is unset as null.
fn stored(object: &Value, kind: Kind, name: &str) -> Value {
    let field = definition(kind).field(name).unwrap();
    sorted(object.pointer(&format!("/{}", field.response)).cloned().unwrap_or_default())
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(list) if list.is_empty() => Value::Null,
        Value::Array(mut list) => {
            list.sort_by_key(ToString::to_string);
            list.dedup();
            Value::Array(list)
        }
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Bool(false) => Value::Null,
        other => other,
    }
}

fn wanted(desired: &FieldValue, current: &connexa_engine::current::CurrentState) -> Value {
    let id = |reference: &connexa_engine::desired::Reference| {
        let connexa_engine::desired::Target::Key(key) = &reference.target else { panic!("by key") };
        let live = current.kind(reference.kind).unwrap().by_key(key).next();
        live.map_or(json!("not there yet"), |live| json!(live.id.as_str()))
    };
    match desired {
        FieldValue::Clear => Value::Null,
        FieldValue::Value(value) => sorted(value.clone()),
        FieldValue::Reference(reference) => id(reference),
        FieldValue::References(list) => sorted(list.iter().map(id).collect()),
        other => panic!("{other:?}"),
    }
}

fn is_well_formed(plan: &Plan, spec: &Spec) -> Result<(), TestCaseError> {
    prop_assert_eq!(plan.changes.len(), spec.0.items.len());
    for (change, item) in plan.changes.iter().zip(&spec.0.items) {
        prop_assert_eq!(&change.kind, item.kind.as_ref().unwrap().singular());
        prop_assert_eq!(&change.key, &item.label());
        prop_assert_eq!(change.source.as_ref(), Some(&item.source));
        prop_assert_eq!(change.id.is_some(), change.action != Action::Create);
        prop_assert_eq!(change.object.is_some(), change.action == Action::NoOp);
    }
    let mut carried = vec![0; plan.changes.len()];
    for (index, operation) in plan.operations.iter().enumerate() {
        prop_assert_eq!(&operation.id.0, &format!("op-{}", index + 1));
        prop_assert!(operation.needs.iter().chain(&operation.after).all(|earlier| *earlier < index));
        prop_assert!(operation.carries[0].at.is_root());
        let Some(CallBody::Json(body)) = &operation.call.body else { panic!("a body") };
        for passenger in &operation.carries {
            carried[passenger.change] += 1;
            prop_assert!(passenger.at.get(body).is_some_and(Value::is_object));
        }
        for output in operation.call.outputs.values() {
            let maker = plan.operations.iter().position(|o| o.id == output.of).unwrap();
            prop_assert!(operation.needs.contains(&maker));
            prop_assert!(plan.operations[maker].carries.iter().any(|c| c.change == output.change));
        }
    }
    for (change, times) in plan.changes.iter().zip(carried) {
        prop_assert_eq!(times, usize::from(change.action != Action::NoOp), "{:?}", change);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(before in recipe(), after in recipe()) {
        let mut tenant = tenant(&before);
        let spec = build(&after);
        let first = ready(&spec, &tenant, &apply());
        is_well_formed(&first, &spec)?;
        prop_assert_eq!(first.operations.len(), lower_bound(&spec, &tenant));
        prop_assert_eq!(first.cost.update, first.operations.len() as u64);
        // The same again, byte for byte.
        let again = ready(&spec, &tenant, &apply());
        prop_assert_eq!(serde_json::to_string(&first).unwrap(), serde_json::to_string(&again).unwrap());

        tenant.carry_out(&first);
        let second = ready(&spec, &tenant, &apply());
        is_well_formed(&second, &spec)?;
        prop_assert!(second.is_empty(), "{:#?}", second.operations);
        prop_assert!(second.changes.iter().all(|c| c.action == Action::NoOp && c.note.as_deref() == Some("no-op")));
        prop_assert!(spec.0.items.is_empty() || first.is_empty() || first.fingerprint != second.fingerprint);
    }

    #[test]
    fn a_plan_survives_a_round_trip(before in recipe(), after in recipe()) {
        let plan = ready(&build(&after), &tenant(&before), &apply());
        let text = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }

    #[test]
    fn a_batch_of_creates_never_updates(before in recipe(), after in recipe()) {
        let tenant = tenant(&before);
        let spec = build(&after);
        let Planning::Ready(plan) = plan(&spec.0, &tenant.current(), &plan_support::create()) else {
            return Err(TestCaseError::fail("a batch is never refused whole"));
        };
        prop_assert!(plan.operations.iter().all(|o| o.call.endpoint.creates()));
        for (index, change) in plan.changes.iter().enumerate() {
            let carried = plan.operations.iter().any(|o| o.carries.iter().any(|c| c.change == index));
            // Each item is created, there already, or has its verdict.
            let kinds = [carried, change.action == Action::NoOp, change.preset.is_some()];
            prop_assert_eq!(kinds.into_iter().filter(|k| *k).count(), 1, "{:?}", change);
        }
        let live = |item: &connexa_engine::desired::Item| {
            tenant.current().kind(*item.kind.as_ref().unwrap()).unwrap().by_key(item.key.as_ref().unwrap()).next().is_some()
        };
        for (change, item) in plan.changes.iter().zip(&spec.0.items) {
            prop_assert_eq!(change.id.is_some(), live(item));
        }
    }
}

#[test]
fn every_planned_kind_is_in_the_laws() {
    // A new kind in the catalog belongs into `build`, or into this list with a reason.
    let known = [
        Kind::Network,
        Kind::NetworkConnector,
        Kind::NetworkRoute,
        Kind::UserGroup,
        Kind::User,
        Kind::Device,
        Kind::DnsRecord,
        // As networks and their connectors, less fields; exact calls are in `plan_calls.rs`.
        Kind::Host,
        Kind::HostConnector,
        // In `plan_bound.rs`, with all that goes or is replaced.
        Kind::NetworkApplication,
        Kind::AccessGroup,
        // As those, or as policies; exact calls are in `plan_kinds.rs`.
        Kind::HostApplication,
        Kind::NetworkIpService,
        Kind::HostIpService,
        Kind::LocationContext,
        Kind::DevicePosture,
        Kind::Setting,
        // Never in a spec (`domains`).
        Kind::AllowDomain,
        Kind::BlockDomain,
    ];
    assert!(catalog::DEFINITIONS.iter().all(|d| known.contains(&d.kind)));
}
