//! The fewest calls: random tenants and specs with everything that can happen to an object, and the number of update calls
//! that the design allows for it, counted from what was drawn and not by the planner.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod plan_support;

use connexa_engine::{
    catalog::definition,
    desired::{AccessItem, FieldValue},
    key::KeyPart,
    plan::{Mode, Plan, PlanOptions, Planning, Prune, plan},
};
use connexa_types::Kind;
use plan_support::{Spec, Tenant, apply, by_name, gateways, group, ready, value};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is neither there nor wanted.
    Nothing,
    New,
    Kept,
    Changed,
    /// It gets another key: an update, or another object in its place.
    Renamed,
    /// No item stands for it any more.
    Gone,
}

use Fate::{Changed, Gone, Kept, New, Nothing, Renamed};

fn fate() -> impl Strategy<Value = Fate> {
    prop::sample::select(vec![Nothing, New, Kept, Kept, Changed, Renamed, Gone])
}

#[derive(Clone, Debug)]
struct Net {
    fate: Fate,
    routes: Vec<Fate>,
    connectors: Vec<Fate>,
    applications: Vec<Fate>,
    /// Whether the first application moves to the next network, where both stay.
    moves: bool,
    gateway: bool,
}

#[derive(Clone, Debug)]
struct World {
    nets: Vec<Net>,
    /// Whether the first two networks that stay change places.
    swap: bool,
    users: Vec<(Fate, Vec<Fate>)>,
    records: Vec<Fate>,
    access: Vec<Fate>,
}

fn world() -> impl Strategy<Value = World> {
    let some = |most| prop::collection::vec(fate(), 0..most);
    let net = (fate(), some(4), some(3), some(3), any::<bool>(), any::<bool>()).prop_map(
        |(fate, routes, connectors, applications, moves, gateway)| Net {
            fate,
            routes,
            connectors,
            applications,
            moves,
            gateway,
        },
    );
    let nets = prop::collection::vec(net, 1..5);
    let users = prop::collection::vec((fate(), some(3)), 0..4);
    (nets, any::<bool>(), users, some(4), some(4)).prop_map(|(nets, swap, users, records, access)| World {
        nets,
        swap,
        users,
        records,
        access,
    })
}

/// Whether an object is there before, and whether an item stands for it.
fn there(fate: Fate) -> bool {
    !matches!(fate, Nothing | New)
}
fn wanted(fate: Fate) -> bool {
    !matches!(fate, Nothing | Gone)
}

/// What a child comes to under its parent: a new one has new children only, one that goes has none that stay.
fn under(parent: Fate, child: Fate) -> Fate {
    match (parent, child) {
        (Nothing, _) | (New, Nothing | Gone) | (Gone, Nothing | New) => Nothing,
        (New, _) => New,
        (Gone, _) => Gone,
        (_, child) => child,
    }
}

fn renamed_from(spec: &mut Spec, item: usize, old: &str) {
    let kind = *spec.0.items[item].kind.as_ref().unwrap();
    spec.0.items[item].renamed_from = Some(KeyPart::new(old, definition(kind).key));
}

/// The tenant, the spec, and the update calls from one to the other.
struct Case {
    tenant: Tenant,
    spec: Spec,
    calls: usize,
}

/// Calls for an object that is one call whatever happens to it.
fn one(fate: Fate) -> usize {
    usize::from(!matches!(fate, Nothing | Kept))
}

/// Calls for a child: none with a parent that is new or goes, two if it is replaced.
fn child_calls(parent: Fate, own: Fate, replaces: bool) -> usize {
    match (parent, own) {
        (New | Gone | Nothing, _) => 0,
        (_, Renamed) if replaces => 2,
        (_, own) => one(own),
    }
}

fn case(world: &World) -> Case {
    let mut case = Case { tenant: Tenant::default(), spec: Spec::default(), calls: 0 };
    case.tenant = case.tenant.with(Kind::UserGroup, json!({"id": "g0", "name": "Default", "maxDevice": 9}));
    let mut stay: Vec<usize> =
        (0..world.nets.len()).filter(|i| matches!(world.nets[*i].fate, Kept | Changed)).take(2).collect();
    if !world.swap || stay.len() < 2 {
        stay.clear();
    }
    let new_name = |i: usize| match stay.as_slice() {
        [a, b] if *a == i => format!("net{b}"),
        [a, b] if *b == i => format!("net{a}"),
        _ if world.nets[i].fate == Renamed => format!("renamed{i}"),
        _ => format!("net{i}"),
    };
    // Two names change places: one object each, and one call more.
    case.calls += usize::from(!stay.is_empty());
    let egress = (0..world.nets.len()).find(|i| matches!(world.nets[*i].fate, Kept | Changed | Renamed));
    let mut items = vec![None; world.nets.len()];
    for (i, net) in world.nets.iter().enumerate() {
        networks(&mut case, world, i, net, &new_name(i), stay.contains(&i), egress, &mut items);
    }
    let replaced = applications(&mut case, world, &items, &new_name);
    access_groups(&mut case, world, &replaced, &items, &new_name);
    users(&mut case, world);
    for (i, fate) in world.records.iter().enumerate() {
        let old = format!("r{i}.example");
        if there(*fate) {
            let live = json!({"id": format!("r{i}"), "domain": old, "ipv4Addresses": ["10.0.0.1"]});
            case.tenant = std::mem::take(&mut case.tenant).with(Kind::DnsRecord, live);
        }
        if wanted(*fate) {
            let name = if *fate == Renamed { format!("new-{old}") } else { old.clone() };
            let ip = if *fate == Changed { "10.0.0.2" } else { "10.0.0.1" };
            let item = case.spec.top(Kind::DnsRecord, &name, [("ipv4", value(json!([ip])))]);
            if *fate == Renamed {
                renamed_from(&mut case.spec, item, &old);
            }
        }
        case.calls += if *fate == Renamed { 2 } else { one(*fate) };
    }
    case.spec.0.kinds = vec![Kind::Network, Kind::User, Kind::AccessGroup, Kind::DnsRecord];
    case
}

#[expect(clippy::too_many_arguments, reason = "the parts of one case")]
fn networks(
    case: &mut Case,
    world: &World,
    i: usize,
    net: &Net,
    name: &str,
    swapped: bool,
    egress: Option<usize>,
    items: &mut [Option<usize>],
) {
    let routes: Vec<Fate> = net.routes.iter().map(|child| under(net.fate, *child)).collect();
    let connectors: Vec<Fate> = net.connectors.iter().map(|child| under(net.fate, *child)).collect();
    let gateway = egress.filter(|other| *other < i && net.gateway);
    if there(net.fate) {
        let list = |fates: &[Fate], make: &dyn Fn(usize) -> Value| -> Value {
            (0..fates.len()).filter(|k| there(fates[*k])).map(make).collect()
        };
        let live = json!({
            "id": format!("n{i}"), "name": format!("net{i}"), "egress": true, "description": "old",
            "internetAccess": if gateway.is_some() { "SPLIT_TUNNEL_OFF" } else { "SPLIT_TUNNEL_ON" },
            "gatewaysIds": gateway.map(|other| format!("n{other}")).into_iter().collect::<Vec<_>>(),
            "tunnelingProtocol": "OPENVPN",
            "routes": list(&routes, &|k| json!({"id": format!("n{i}-r{k}"), "subnet": format!("10.{i}.{k}.0/24"), "description": "old"})),
            "connectors": list(&connectors, &|k| json!({"id": format!("n{i}-c{k}"), "name": format!("c{k}"), "vpnRegionId": "it-mxp"})),
        });
        case.tenant = std::mem::take(&mut case.tenant).with(Kind::Network, live);
    }
    case.calls += if swapped { 1 } else { one(net.fate) };
    if !wanted(net.fate) {
        return;
    }
    let about = if net.fate == Changed { "new" } else { "old" };
    let item = case.spec.top(Kind::Network, name, [("description", value(about))]);
    items[i] = Some(item);
    if net.fate == Renamed || swapped {
        renamed_from(&mut case.spec, item, &format!("net{i}"));
    }
    if let (New, Some(other)) = (net.fate, gateway) {
        let fields = &mut case.spec.0.items[item].fields;
        let other =
            if world.nets[other].fate == Renamed { format!("renamed{other}") } else { format!("net{other}") };
        if !world.swap {
            fields.insert("internet_access", value("SPLIT_TUNNEL_OFF"));
            fields.insert("gateways", gateways(&[&other]));
        }
    }
    for (k, fate) in routes.iter().enumerate() {
        case.calls += child_calls(net.fate, *fate, true);
        if wanted(*fate) {
            // Renamed routes overlap what they were, or not.
            let subnet = match fate {
                Renamed if k % 2 == 0 => format!("10.{i}.{k}.0/25"),
                Renamed => format!("10.{}.{k}.0/24", i + 100),
                _ => format!("10.{i}.{k}.0/24"),
            };
            let about = if *fate == Changed { "new" } else { "old" };
            let route = case.spec.child(Kind::NetworkRoute, item, &subnet, [("description", value(about))]);
            if *fate == Renamed {
                renamed_from(&mut case.spec, route, &format!("10.{i}.{k}.0/24"));
            }
        }
    }
    for (k, fate) in connectors.iter().enumerate() {
        case.calls += child_calls(net.fate, *fate, false);
        if wanted(*fate) {
            let region = if *fate == Changed { "eu-central-1" } else { "it-mxp" };
            let name = if *fate == Renamed { format!("renamed{k}") } else { format!("c{k}") };
            let connector = case.spec.child(Kind::NetworkConnector, item, &name, [("region", value(region))]);
            if *fate == Renamed {
                renamed_from(&mut case.spec, connector, &format!("c{k}"));
            }
        }
    }
}

/// Applications; returns those that move: (network, new network, name).
fn applications(
    case: &mut Case,
    world: &World,
    items: &[Option<usize>],
    new_name: &dyn Fn(usize) -> String,
) -> Vec<(usize, usize)> {
    let mut moved = Vec::new();
    for (i, net) in world.nets.iter().enumerate() {
        for (k, fate) in net.applications.iter().enumerate() {
            let mut fate = under(net.fate, *fate);
            let live = there(fate);
            if live {
                let live = json!({
                    "id": format!("app{i}-{k}"), "networkItemId": format!("n{i}"), "networkItemType": "NETWORK",
                    "name": format!("a{k}"), "description": "old", "routes": [{"domain": "x.example"}],
                });
                case.tenant = std::mem::take(&mut case.tenant).with(Kind::NetworkApplication, live);
            }
            let next = (i + 1) % world.nets.len();
            let moves = net.moves && k == 0 && live && wanted(fate) && next != i && items[next].is_some();
            if moves {
                fate = Renamed;
                moved.push((i, next));
            }
            // Never on board of the parent's call; gone with it.
            case.calls += match (net.fate, fate) {
                (Nothing | Gone, _) => 0,
                _ if moves => 2,
                (_, fate) => one(fate),
            };
            if !wanted(fate) {
                continue;
            }
            let about = if fate == Changed { "new" } else { "old" };
            let name = match fate {
                _ if moves => format!("moved{i}"),
                Renamed => format!("renamed{k}"),
                _ => format!("a{k}"),
            };
            let parent = if moves { items[next].unwrap() } else { items[i].unwrap() };
            let item =
                case.spec.child(Kind::NetworkApplication, parent, &name, [("description", value(about))]);
            let domains = json!([{"value": "x.example", "allowEmbeddedIp": false, "exactMatch": false}]);
            case.spec.0.items[item].fields.insert("domains", value(domains));
            if moves {
                case.spec.pin(item, &format!("app{i}-{k}"), false);
            } else if fate == Renamed {
                renamed_from(&mut case.spec, item, &format!("a{k}"));
            }
        }
    }
    let _ = new_name;
    moved
}

/// Access groups that name networks and what moves.
fn access_groups(
    case: &mut Case,
    world: &World,
    moved: &[(usize, usize)],
    items: &[Option<usize>],
    new_name: &dyn Fn(usize) -> String,
) {
    let stays: Vec<usize> =
        (0..world.nets.len()).filter(|i| matches!(world.nets[*i].fate, Kept | Changed | Renamed)).collect();
    let Some(first) = stays.first() else { return };
    for (i, fate) in world.access.iter().enumerate() {
        let names_moved = moved.get(i).filter(|_| there(*fate));
        let destination = match names_moved {
            Some((from, _)) => json!([{
                "type": "NETWORK_SERVICE", "allCovered": false, "parent": format!("n{from}"),
                "children": [format!("app{from}-0")],
            }]),
            None => json!([{"type": "NETWORK_SERVICE", "allCovered": true, "parent": format!("n{first}")}]),
        };
        if there(*fate) {
            let live = json!({
                "id": format!("ag{i}"), "name": format!("ag{i}"), "description": "old",
                "source": [{"type": "USER_GROUP", "allCovered": true}], "destination": destination,
            });
            case.tenant = std::mem::take(&mut case.tenant).with(Kind::AccessGroup, live);
        }
        if wanted(*fate) {
            let about = if *fate == Changed { "new" } else { "old" };
            let name = if *fate == Renamed { format!("renamed-ag{i}") } else { format!("ag{i}") };
            let item = case.spec.top(Kind::AccessGroup, &name, [("description", value(about))]);
            if *fate == Renamed {
                renamed_from(&mut case.spec, item, &format!("ag{i}"));
            }
            if *fate == New {
                let all =
                    |of: &str, parent| AccessItem { of: of.to_owned(), all: true, parent, children: vec![] };
                let network = by_name(Kind::Network, &new_name(*first), "destination[0].network");
                let fields = &mut case.spec.0.items[item].fields;
                fields.insert("source", FieldValue::Access(vec![all("USER_GROUP", None)]));
                fields.insert("destination", FieldValue::Access(vec![all("NETWORK_SERVICE", Some(network))]));
            }
        }
        // A moved reference makes it one call if it was none.
        case.calls += one(*fate).max(usize::from(names_moved.is_some()));
    }
    let _ = items;
}

fn users(case: &mut Case, world: &World) {
    for (i, (fate, devices)) in world.users.iter().enumerate() {
        let devices: Vec<Fate> = devices.iter().map(|child| under(*fate, *child)).collect();
        if there(*fate) {
            let list: Value = (0..devices.len())
                .filter(|k| there(devices[*k]))
                .map(|k| json!({"id": format!("u{i}-d{k}"), "name": format!("d{k}"), "description": "old"}))
                .collect();
            let live = json!({
                "id": format!("u{i}"), "username": format!("user{i}"), "email": "old@example.com", "groupId": "g0",
                "secondaryGroupIds": [], "role": "MEMBER", "authType": "INTERNAL", "devices": list,
            });
            case.tenant = std::mem::take(&mut case.tenant).with(Kind::User, live);
        }
        case.calls += if *fate == Renamed { 2 } else { one(*fate) };
        let item = wanted(*fate).then(|| {
            let name = if *fate == Renamed { format!("renamed{i}") } else { format!("user{i}") };
            let email = if *fate == Changed { "new@example.com" } else { "old@example.com" };
            let item =
                case.spec.top(Kind::User, &name, [("group", group("default")), ("email", value(email))]);
            if *fate == Renamed {
                renamed_from(&mut case.spec, item, &format!("user{i}"));
            }
            item
        });
        for (k, own) in devices.iter().enumerate() {
            // A replaced user takes all its devices along.
            case.calls += if *fate == Renamed { 0 } else { child_calls(*fate, *own, false) };
            if let (Some(item), true) = (item, wanted(*own) && *own != Renamed) {
                let about = if *own == Changed { "new" } else { "old" };
                case.spec.child(Kind::Device, item, &format!("d{k}"), [("description", value(about))]);
            } else if let (Some(item), Renamed) = (item, *own) {
                let device = case.spec.child(
                    Kind::Device,
                    item,
                    &format!("renamed{k}"),
                    [("description", value("old"))],
                );
                renamed_from(&mut case.spec, device, &format!("d{k}"));
            }
        }
    }
}

fn pruning() -> PlanOptions {
    let kinds = [
        Kind::Network,
        Kind::NetworkRoute,
        Kind::NetworkConnector,
        Kind::NetworkApplication,
        Kind::User,
        Kind::Device,
        Kind::AccessGroup,
        Kind::DnsRecord,
    ];
    PlanOptions { prune: kinds.map(|kind| Prune { kind, matching: None }).to_vec(), ..apply() }
}

/// Each change that does something is carried, each operation comes after what it needs, and all items have their change.
fn is_sound(plan: &Plan, spec: &Spec) -> Result<(), TestCaseError> {
    let items = spec.0.items.len();
    prop_assert!(plan.changes.len() >= items);
    for (index, change) in plan.changes.iter().enumerate() {
        prop_assert_eq!(change.source.is_some(), index < items);
        let carried = plan.operations.iter().filter(|o| o.carries.iter().any(|c| c.change == index)).count();
        prop_assert_eq!(carried > 0, change.action.as_str() != "no-op", "{:?}", change);
    }
    let extras: Vec<(&str, &str)> =
        plan.changes[items..].iter().map(|change| (change.kind.as_str(), change.key.as_str())).collect();
    let order = |kind: &str| kind.parse::<Kind>().unwrap();
    prop_assert!(extras.is_sorted_by_key(|(kind, key)| (order(kind), (*key).to_owned())), "{extras:?}");
    for (index, operation) in plan.operations.iter().enumerate() {
        prop_assert!(operation.needs.iter().chain(&operation.after).all(|earlier| *earlier < index));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn update_calls_are_the_fewest(world in world()) {
        let Case { mut tenant, spec, calls } = case(&world);
        let mut current = tenant.current();
        plan_support::overlap(&mut current, true);
        let planned = plan(&spec.0, &current, &pruning());
        let Planning::Ready(first) = planned else {
            return Err(TestCaseError::fail(format!("no plan: {planned:#?}")));
        };
        is_sound(&first, &spec)?;
        prop_assert_eq!(first.operations.len(), calls, "{:#?}", first.changes);
        prop_assert_eq!(first.cost.update, calls as u64);
        // The tenant checks that nothing is deleted that is still named, and that no key is there twice.
        tenant.carry_out(&first);
        let mut spec = spec;
        for item in &mut spec.0.items {
            // What was pinned is another object now, and names that changed places would change back.
            item.id = None;
            item.renamed_from = item.renamed_from.take().filter(|_| !world.swap);
        }
        let again = ready(&spec, &tenant, &pruning());
        prop_assert!(again.is_empty(), "{:#?}", again.changes);

        // All of it goes again: top-level objects one call each, and what is not named stays.
        let deleted = ready(&spec, &tenant, &PlanOptions::new(Mode::Delete, "delete"));
        is_sound(&deleted, &spec)?;
        let top = spec.0.items.iter().filter(|item| item.kind.as_ref().unwrap().parent().is_none()).count();
        prop_assert_eq!(deleted.operations.len(), top);
        tenant.carry_out(&deleted);
        let left = ready(&spec, &tenant, &PlanOptions::new(Mode::Delete, "delete"));
        prop_assert!(left.is_empty());
    }
}
