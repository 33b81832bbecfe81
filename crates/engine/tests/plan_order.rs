//! Who waits for whom: `depends_on`, units, barriers, settings, services, and random graphs.

mod plan_support;

use connexa_engine::{
    desired::{Dependency, FieldValue},
    plan::{Mode, Plan, PlanOptions, Planning, plan},
    problem::{Code, Level},
};
use connexa_types::Kind;
use plan_support::{Spec, Tenant, actions, apply, call, gateways, group, place, ready, value};
use proptest::prelude::*;
use serde_json::json;

fn first(plan: &Plan) -> Vec<usize> {
    plan.operations.iter().map(|operation| operation.carries[0].change).collect()
}

fn record(spec: &mut Spec, name: &str) -> usize {
    spec.top(Kind::DnsRecord, &format!("{name}.example"), [("ipv4", value(json!(["10.0.0.1"])))])
}

#[test]
fn depends_on_is_a_need() {
    let mut spec = Spec::default();
    let a = record(&mut spec, "a");
    let b = record(&mut spec, "b");
    let network = spec.top(Kind::Network, "n", []);
    let route = spec.child(Kind::NetworkRoute, network, "10.0.0.0/8", []);
    spec.0.items[a].depends_on = vec![b];
    spec.0.items[b].depends_on = vec![route];
    let plan = ready(&spec, &Tenant::default(), &apply());
    assert_eq!(first(&plan), [network, b, a]);
    assert_eq!((&plan.operations[1].needs[..], &plan.operations[2].needs[..]), (&[0][..], &[1][..]));
    // A child that depends on something is a call of its own.
    spec.0.items[b].depends_on.clear();
    spec.0.items[route].depends_on = vec![a];
    let plan = ready(&spec, &Tenant::default(), &apply());
    assert_eq!(plan.operations.len(), 4);
    let own = plan.operations.iter().find(|o| o.carries[0].change == route).unwrap();
    assert_eq!(own.needs.len(), 2);
    // Round it goes.
    spec.0.items[b].depends_on = vec![route];
    let Planning::Refused(problems) = plan_of(&spec) else { panic!("not refused") };
    assert_eq!(problems[0].code, Code::error(303));
}

fn plan_of(spec: &Spec) -> Planning {
    plan(&spec.0, &Tenant::default().current(), &apply())
}

#[test]
fn what_depends_on_a_failed_item_is_skipped_and_what_is_done_needs_nothing() {
    let live = json!({"id": "r1", "domain": "b.example", "ipv4Addresses": ["10.0.0.9"]});
    let tenant = Tenant::default().with(Kind::DnsRecord, live);
    let mut spec = Spec::default();
    let a = record(&mut spec, "a");
    let b = record(&mut spec, "b");
    spec.0.items[b].depends_on = vec![a];
    spec.spoil(a, connexa_engine::problem::Problem::new(Code::error(103), "no such field").path("x"));
    let options = PlanOptions::new(Mode::ApplyValid, "apply");
    let plan = ready(&spec, &tenant, &options);
    assert!(plan.is_empty());
    assert_eq!(plan.changes[b].preset.as_ref().unwrap().cause.as_deref(), Some("dns_record/a.example"));
}

#[test]
fn a_call_carries_members_of_one_unit() {
    let mut spec = Spec::default();
    let network = spec.top(Kind::Network, "n", []);
    let same = spec.child(Kind::NetworkRoute, network, "10.0.0.0/16", []);
    let other = spec.child(Kind::NetworkRoute, network, "10.1.0.0/16", []);
    spec.0.items[network].unit = Some("u".into());
    spec.0.items[same].unit = Some("u".into());
    let plan = ready(&spec, &Tenant::default(), &apply());
    assert_eq!(call(&plan, 0)["carries"], json!([[network, ""], [same, "/routes/0"]]));
    assert_eq!((plan.operations[0].unit.as_deref(), plan.operations[1].unit.as_deref()), (Some("u"), None));
    assert_eq!(plan.operations[1].carries[0].change, other);
    assert_eq!(plan.changes[same].unit.as_deref(), Some("u"));
}

#[test]
fn units_are_one_node() {
    // x needs a, which is in the unit; b, which is in it too, needs x.
    let mut spec = Spec::default();
    let a = record(&mut spec, "a");
    let b = record(&mut spec, "b");
    let x = record(&mut spec, "x");
    spec.0.items[x].depends_on = vec![a];
    assert!(matches!(plan_of(&spec), Planning::Ready(_)));
    spec.0.items[b].depends_on = vec![x];
    assert!(matches!(plan_of(&spec), Planning::Ready(_)));
    spec.0.items[a].unit = Some("u".into());
    spec.0.items[b].unit = Some("u".into());
    let Planning::Refused(problems) = plan_of(&spec) else { panic!("not refused") };
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].code, Code::error(303));
    assert!(
        problems[0].message.contains("dns_record/b.example → dns_record/x.example"),
        "{}",
        problems[0].message
    );
    // An outsider comes after the whole unit.
    spec.0.items[b].depends_on.clear();
    let Planning::Ready(plan) = plan_of(&spec) else { panic!("no plan") };
    assert_eq!(first(&plan)[2], x);
}

fn depend(spec: &mut Spec, kind: Kind, on: Kind) {
    spec.0.dependencies.push(Dependency { kind, on, place: place(50) });
}

#[test]
fn barriers_stand_between_sets_of_calls() {
    let tenant = Tenant::default().with(Kind::UserGroup, json!({"id": "g0", "name": "g0"}));
    let mut spec = Spec::default();
    let a = record(&mut spec, "a");
    let b = record(&mut spec, "b");
    let user = spec.top(Kind::User, "ada", [("group", group("g0"))]);
    let device = spec.child(Kind::Device, user, "laptop", []);
    depend(&mut spec, Kind::DnsRecord, Kind::Device);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(first(&plan), [user, a, b]);
    assert_eq!(plan.barriers.len(), 1);
    let barrier = &plan.barriers[0];
    assert_eq!(
        (barrier.kinds, &barrier.first[..], &barrier.then[..]),
        ([Kind::DnsRecord, Kind::Device], &[0][..], &[1, 2][..])
    );
    assert!(plan.operations.iter().all(|o| o.after.is_empty() && o.needs.is_empty()));
    // Nothing to wait for: no barrier.
    spec.0.items.truncate(device);
    assert!(ready(&spec, &tenant, &apply()).barriers.is_empty());
}

#[test]
fn a_barrier_that_closes_a_cycle_is_dropped() {
    let mut spec = Spec::default();
    let members = spec.top(Kind::UserGroup, "g", [("all_regions_included", value(true))]);
    let user = spec.top(Kind::User, "ada", [("group", group("g"))]);
    depend(&mut spec, Kind::UserGroup, Kind::User);
    let plan = ready(&spec, &Tenant::default(), &apply());
    assert_eq!(first(&plan), [members, user]);
    assert!(plan.barriers.is_empty());
    let told = &plan.problems[0];
    assert_eq!((told.code, told.level, told.line), (Code::warning(305), Level::Warning, Some(50)));
    let strict = PlanOptions { strict: true, ..apply() };
    assert!(matches!(plan_with(&spec, &strict), Planning::Refused(_)));
}

fn plan_with(spec: &Spec, options: &PlanOptions) -> Planning {
    plan(&spec.0, &Tenant::default().current(), options)
}

#[test]
fn deletes_run_against_barriers() {
    let live = |id: &str| json!({"id": id, "domain": format!("{id}.example"), "ipv4Addresses": ["10.0.0.1"]});
    let tenant = Tenant::default()
        .with(Kind::DnsRecord, live("a"))
        .with(Kind::Host, json!({"id": "h1", "name": "h", "connectors": []}));
    let mut spec = Spec::default();
    let host = spec.top(Kind::Host, "h", []);
    let a = record(&mut spec, "a");
    depend(&mut spec, Kind::DnsRecord, Kind::Host);
    let plan = ready(&spec, &tenant, &PlanOptions::new(Mode::Delete, "delete"));
    assert_eq!(first(&plan), [a, host]);
    assert_eq!((&plan.barriers[0].first[..], &plan.barriers[0].then[..]), (&[0][..], &[1][..]));
}

#[test]
fn services_wait_for_the_routes_that_hold_theirs() {
    let live = json!({"id": "n1", "name": "paris", "egress": true, "routes": [{"id": "r1", "subnet": "10.1.0.0/16"}], "connectors": []});
    let tenant = Tenant::default().with(Kind::Network, live);
    let mut spec = Spec::default();
    let service = |spec: &mut Spec, name: &str, subnet: &str| {
        let routes = value(json!([{"value": subnet}]));
        spec.flat(
            Kind::NetworkIpService,
            "paris",
            name,
            [("type", value("SERVICE_DESTINATION")), ("routes", routes)],
        )
    };
    let held = service(&mut spec, "held", "10.1.2.0/24");
    let waiting = service(&mut spec, "waiting", "10.2.2.0/24");
    let route = spec.flat(Kind::NetworkRoute, "paris", "10.2.0.0/16", []);
    let other = spec.flat(Kind::NetworkRoute, "paris", "10.3.0.0/16", []);
    let plan = ready(&spec, &tenant, &apply());
    let needs = |change: usize| {
        let own = plan.operations.iter().find(|o| o.carries[0].change == change).unwrap();
        own.needs.iter().map(|need| plan.operations[*need].carries[0].change).collect::<Vec<_>>()
    };
    assert_eq!(needs(waiting), [route]);
    assert!(needs(held).is_empty() && needs(other).is_empty());
}

#[test]
fn routes_wait_for_settings() {
    let tenant = Tenant::default();
    let mut current = tenant.current();
    plan_support::overlap(&mut current, false);
    let mut spec = Spec::default();
    let network = spec.top(Kind::Network, "n", []);
    spec.child(Kind::NetworkRoute, network, "10.0.0.0/8", []);
    let lonely = spec.top(Kind::Network, "lonely", []);
    let setting = spec.top(Kind::Setting, connexa_engine::current::OVERLAP, [("value", value(true))]);
    let Planning::Ready(plan) = plan(&spec.0, &current, &apply()) else { panic!("no plan") };
    assert_eq!(first(&plan), [setting, network, lonely]);
    assert_eq!((&plan.operations[1].after[..], &plan.operations[2].after[..]), (&[0][..], &[][..]));
}

/// Names of networks.
fn name(node: usize) -> String {
    format!("n{node}")
}

/// A spec of networks, each with gateways among those before it, in any order.
fn graph(edges: &[Vec<usize>]) -> Spec {
    let mut spec = Spec::default();
    for node in (0..edges.len()).rev() {
        let names: Vec<String> = edges[node].iter().map(|other| name(*other)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let off = ("internet_access", value("SPLIT_TUNNEL_OFF"));
        spec.top(Kind::Network, &name(node), [off, ("gateways", gateways(&names))]);
    }
    spec
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_comes_before_what_it_needs(raw in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 500), units in any::<u8>()) {
        let edges: Vec<Vec<usize>> = raw
            .iter()
            .enumerate()
            .map(|(node, chosen)| {
                let mut list: Vec<usize> = chosen.iter().filter(|_| node > 0).map(|i| i.index(node)).collect();
                list.sort_unstable();
                list.dedup();
                list
            })
            .collect();
        let mut spec = graph(&edges);
        // A unit of two that nothing lies between.
        let last = edges.len() - 1;
        for item in [0, 1] {
            spec.0.items[item].unit = (units % 2 == 0 && !edges[last].contains(&(last - 1))).then(|| "u".into());
        }
        let mut tenant = Tenant::default();
        let created = ready(&spec, &tenant, &apply());
        let place = |plan: &Plan| {
            let mut place = vec![usize::MAX; edges.len()];
            for (at, operation) in plan.operations.iter().enumerate() {
                place[last - operation.carries[0].change] = at;
            }
            place
        };
        let at = place(&created);
        for (node, needed) in edges.iter().enumerate() {
            let needs: Vec<usize> = created.operations[at[node]].needs.iter().map(|n| last - created.operations[*n].carries[0].change).collect();
            prop_assert!(needed.iter().all(|other| at[*other] < at[node] && needs.contains(other)));
            prop_assert_eq!(needs.len(), needed.len());
        }
        tenant.carry_out(&created);
        prop_assert!(ready(&spec, &tenant, &apply()).is_empty());
        // Deletes run in reverse.
        let deleted = ready(&spec, &tenant, &PlanOptions::new(Mode::Delete, "delete"));
        prop_assert_eq!(deleted.operations.len(), edges.len());
        let at = place(&deleted);
        for (node, needed) in edges.iter().enumerate() {
            prop_assert!(needed.iter().all(|other| at[*other] > at[node]));
        }
        tenant.carry_out(&deleted);
        prop_assert!(tenant.lists[&Kind::Network].is_empty());
        prop_assert!(actions(&ready(&spec, &tenant, &PlanOptions::new(Mode::Delete, "delete"))).iter().all(|a| *a == "no-op"));
    }
}

#[test]
fn fields_of_deletes_are_not_looked_at() {
    let tenant = Tenant::default().with(Kind::Host, json!({"id": "h1", "name": "h", "connectors": []}));
    let mut spec = Spec::default();
    spec.top(Kind::Host, "h", [("gateways", gateways(&["nowhere"])), ("domain", FieldValue::Clear)]);
    let mut current = tenant.current();
    current.kinds.retain(|kind, _| *kind != Kind::Network);
    let Planning::Ready(plan) = plan(&spec.0, &current, &PlanOptions::new(Mode::Delete, "delete")) else {
        panic!("no plan")
    };
    assert_eq!(plan.operations.len(), 1);
}
