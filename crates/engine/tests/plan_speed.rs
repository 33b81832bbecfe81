//! How long large plans take. No clock is asserted on: the measurement is for people, and the plan itself is checked.

mod plan_support;

use connexa_engine::plan::{Planning, plan};
use connexa_types::Kind;
use plan_support::{Spec, Tenant, apply, group, value};
use serde_json::json;
use std::time::{Duration, Instant};

/// A tenant of `count` users and networks with a route each; half of them are in the spec, and as many new ones.
fn scene(count: usize) -> (Spec, connexa_engine::current::CurrentState) {
    let mut tenant = Tenant::default();
    let mut spec = Spec::default();
    let list = tenant.lists.entry(Kind::UserGroup).or_default();
    list.push(json!({"id": "g0", "name": "Default", "allRegionsIncluded": true, "maxDevice": 3}));
    for number in 0..count {
        let name = format!("user{number}");
        tenant.lists.entry(Kind::User).or_default().push(json!({
            "id": format!("u{number}"), "username": name, "email": format!("{name}@example.com"), "groupId": "g0",
            "secondaryGroupIds": [], "role": "MEMBER", "status": "ACTIVE", "authType": "INTERNAL", "devices": [],
        }));
        let subnet = format!("10.{}.{}.0/28", number / 256 % 256, number % 256);
        tenant.lists.entry(Kind::Network).or_default().push(json!({
            "id": format!("n{number}"), "name": format!("net{number}"), "egress": true, "connectors": [],
            "routes": [{"id": format!("r{number}"), "subnet": subnet}],
        }));
        let shifted = number + count / 2;
        spec.top(
            Kind::User,
            &format!("user{shifted}"),
            [("group", group("default")), ("role", value("MEMBER"))],
        );
        let network = spec.top(Kind::Network, &format!("net{shifted}"), [("egress", value(true))]);
        let subnet = format!("2001:db8:{:x}:{:x}::/64", shifted >> 16, shifted & 0xffff);
        spec.child(Kind::NetworkRoute, network, &subnet, []);
    }
    (spec, tenant.current())
}

fn time(count: usize) -> Duration {
    let (spec, current) = scene(count);
    let start = Instant::now();
    let Planning::Ready(plan) = plan(&spec.0, &current, &apply()) else { panic!("no plan") };
    let took = start.elapsed();
    assert_eq!(plan.changes.len(), 3 * count);
    // A new user and a new network with its route for each of one half, a route of the network that is there for each of
    // the other.
    assert_eq!(plan.operations.len(), count + count / 2);
    took
}

#[test]
fn a_plan_of_a_few_thousand_resources() {
    time(1_000);
}

#[test]
#[ignore = "a measurement, for people: --ignored --nocapture"]
fn a_plan_of_100_000_resources() {
    eprintln!("100,000 items against 100,000 objects: {:?}", time(33_334));
}
