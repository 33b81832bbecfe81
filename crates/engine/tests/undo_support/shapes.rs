//! Shapes of plans: what the tenant is like, and what is to be done to it.

use connexa_engine::plan::Mode;
use std::fmt::Write as _;

/// One shape. All that it does can be taken back.
#[derive(Clone, Debug)]
pub struct Shape {
    pub name: String,
    /// The tenant before.
    pub before: String,
    /// What is applied, or deleted; `<host/jump>` is the id of that host.
    pub then: String,
    pub mode: Mode,
}

const BEFORE: &str = r"
networks:
  - name: hub
    egress: true
    connectors: [{ name: hub-1, region: eu-central-1 }, { name: hub-2, region: it-mxp, description: spare }]
    routes: [10.10.0.0/16, { subnet: 10.11.0.0/16, description: lab }]
    applications: [{ name: wiki, domains: [wiki.corp.example], services: [https] }]
    ip_services: [{ name: lan, type: ip_source, routes: [10.10.0.0/16], services: [any] }]
  - { name: branch, description: old, egress: false, routes: [10.12.0.0/16] }
hosts:
  - { name: bastion, domain: bastion.corp.example, connectors: [{ name: b-1, region: eu-central-1 }] }
  - { name: jump }
user_groups:
  - { name: engineers, regions: all, max_device: 3 }
  - { name: guests, regions: [it-mxp] }
users:
  - { username: ada, email: ada@example.com, first_name: Ada, group: engineers, devices: [{ name: laptop }] }
  - { username: bob, email: bob@example.com, group: engineers }
access_groups:
  - name: all to hub
    source: [{ user_groups: [engineers, guests] }]
    destination: [{ network: hub, applications: [wiki] }, { network: branch, all: true }, { host: jump, all: true }]
  - { name: jumping, description: by foot, source: [{ user_groups: [engineers] }], destination: [{ host: jump, all: true }] }
location_contexts:
  - { name: offices, user_groups: [guests], country_check: { allowed: true, countries: [FR] }, default_check: false }
dns_records:
  - { domain: wiki.corp.example, ipv4: [10.10.0.5], description: the wiki }
";

/// All shapes.
pub fn all() -> Vec<Shape> {
    let mut shapes = written();
    shapes.extend(generated());
    shapes
}

fn written() -> Vec<Shape> {
    let apply = |name: &str, then: &str| shape(name, then, Mode::Apply);
    let delete = |name: &str, then: &str| shape(name, then, Mode::Delete);
    vec![
        apply("one create", "hosts: [{ name: new }]"),
        apply("two creates", "hosts: [{ name: new }, { name: newer }]"),
        apply(
            "a joint create",
            "networks: [{ name: paris, egress: false, connectors: [{ name: p1, region: it-mxp }, { name: p2, region: it-mxp }], routes: [10.20.0.0/16, 10.21.0.0/16] }]",
        ),
        apply(
            "a joint create and what cannot be on board",
            "networks: [{ name: paris, egress: false, routes: [10.20.0.0/16], applications: [{ name: w, domains: [w.example], services: [ssh] }], ip_services: [{ name: s, type: ip_source, routes: [10.20.0.0/16], services: [any] }] }]",
        ),
        apply(
            "children of what is there",
            "networks: [{ name: hub, connectors: [{ name: hub-3, region: it-mxp }], routes: [10.30.0.0/16] }]",
        ),
        apply(
            "a group and its users",
            "user_groups: [{ name: ops, regions: all }]\nusers: [{ username: eve, email: e@example.com, group: ops, devices: [{ name: pad }] }, { username: fay, email: f@example.com, group: ops }]",
        ),
        apply(
            "a diamond",
            "user_groups: [{ name: ops, regions: all }]\nusers: [{ username: eve, email: e@example.com, group: ops }]\nnetworks: [{ name: paris, egress: false }]\naccess_groups: [{ name: ops to paris, source: [{ user_groups: [ops] }], destination: [{ network: paris, all: true }] }]",
        ),
        apply("one update", "hosts: [{ name: jump, description: new }]"),
        apply(
            "updates of several kinds",
            "networks: [{ name: branch, description: new }]\nhosts: [{ name: bastion, domain: other.corp.example }]\nuser_groups: [{ name: guests, max_device: 9 }]\nusers: [{ username: ada, first_name: Augusta }]\ndns_records: [{ domain: wiki.corp.example, ipv4: [10.10.0.6, 10.10.0.7] }]",
        ),
        apply(
            "fields that are cleared",
            "networks: [{ name: branch, description: null }]\nhosts: [{ name: bastion, domain: null }]",
        ),
        apply(
            "a field that was not set",
            "hosts: [{ name: jump, domain: jump.corp.example, description: first }]",
        ),
        apply(
            "a user who moves to a new group",
            "user_groups: [{ name: ops, regions: all }]\nusers: [{ username: bob, group: ops }]",
        ),
        apply("a renamed network", "networks: [{ name: limb, renamed_from: branch }]"),
        apply(
            "names that change places",
            "hosts: [{ name: jump, id: <host/bastion> }, { name: bastion, id: <host/jump> }]",
        ),
        apply(
            "names that go round",
            "networks: [{ name: branch, id: <network/hub> }, { name: leg, id: <network/branch> }]\nhosts: [{ name: hub, id: <host/bastion> }, { name: bastion, id: <host/jump> }]",
        ),
        apply("a replaced user", "users: [{ username: lovelace, renamed_from: ada, group: engineers }]"),
        apply(
            "a replaced route",
            "networks: [{ name: hub, routes: [{ subnet: 10.99.0.0/16, renamed_from: 10.11.0.0/16 }] }]",
        ),
        apply(
            "a replaced record",
            "dns_records: [{ domain: docs.corp.example, renamed_from: wiki.corp.example }]",
        ),
        apply(
            "an access group that takes more",
            "user_groups: [{ name: ops, regions: all }]\naccess_groups: [{ name: jumping, source: [{ user_groups: [engineers, ops] }] }]",
        ),
        apply("a setting", "settings: { wpc: { snat: true } }"),
        apply(
            "settings and others",
            "settings: { wpc: { snat: true }, dns: { proxy_enabled: true } }\nhosts: [{ name: new }]",
        ),
        delete("one delete", "dns_records: [{ domain: wiki.corp.example }]"),
        delete("a deleted user with a device", "users: [{ username: ada }]"),
        delete("a deleted host that is named", "hosts: [{ name: jump }]"),
        delete("a deleted network with all it has", "networks: [{ name: hub }]"),
        delete("two deleted networks, named in one group", "networks: [{ name: hub }, { name: branch }]"),
        delete("a deleted group that is named", "user_groups: [{ name: guests }]"),
        delete(
            "a group deleted with its users",
            "users: [{ username: ada }, { username: bob }]\nuser_groups: [{ name: engineers }]",
        ),
        delete(
            "what names is deleted, too",
            "access_groups: [{ name: jumping }]\nhosts: [{ name: jump }, { name: bastion }]",
        ),
        delete(
            "single children",
            "networks: [{ name: hub, routes: [10.11.0.0/16], connectors: [{ name: hub-2 }] }]",
        ),
        delete(
            "everything",
            "networks: [{ name: hub }, { name: branch }]\nhosts: [{ name: bastion }, { name: jump }]\nuser_groups: [{ name: engineers }, { name: guests }]\nusers: [{ username: ada }, { username: bob }]\naccess_groups: [{ name: all to hub }, { name: jumping }]\nlocation_contexts: [{ name: offices }]\ndns_records: [{ domain: wiki.corp.example }]",
        ),
        apply(
            "a bit of all",
            "networks: [{ name: paris, egress: false, connectors: [{ name: p1, region: it-mxp }], routes: [10.20.0.0/16] }, { name: branch, description: new }]\nhosts: [{ name: jump, id: <host/bastion> }, { name: bastion, id: <host/jump> }]\nusers: [{ username: lovelace, renamed_from: ada, group: engineers }, { username: bob, first_name: Bob }]\ndns_records: [{ domain: paris.corp.example, ipv4: [10.20.0.5], depends_on: [network/paris] }]",
        ),
    ]
}

/// Chains, fans, trees and random orders of hosts that are made and changed, by `depends_on`.
#[allow(clippy::type_complexity, reason = "named nowhere else")]
fn generated() -> Vec<Shape> {
    let mut shapes = Vec::new();
    let mut random = fastrand::Rng::with_seed(7);
    let named: [(&str, fn(usize, &mut fastrand::Rng) -> Vec<usize>); 5] = [
        ("a chain", |index, _| index.checked_sub(1).into_iter().collect()),
        ("a fan out", |index, _| (index > 0).then_some(0).into_iter().collect()),
        ("a fan in", |index, _| if index == 5 { (0..5).collect() } else { vec![] }),
        ("a tree", |index, _| index.checked_sub(1).map(|below| below / 2).into_iter().collect()),
        ("side by side", |index, _| index.checked_sub(2).into_iter().collect()),
    ];
    for (name, needs) in named {
        shapes.push(of_hosts(name, 6, needs, &mut random));
    }
    for number in 0..6 {
        let needs = |index: usize, random: &mut fastrand::Rng| {
            (0..index).filter(|_| random.u8(0..3) == 0).collect::<Vec<usize>>()
        };
        shapes.push(of_hosts(&format!("random {number}"), 7, needs, &mut random));
    }
    shapes
}

fn of_hosts(
    name: &str,
    size: usize,
    needs: impl Fn(usize, &mut fastrand::Rng) -> Vec<usize>,
    random: &mut fastrand::Rng,
) -> Shape {
    let (mut before, mut then) = ("hosts:\n".to_owned(), "hosts:\n".to_owned());
    for index in 0..size {
        if random.bool() {
            writeln!(before, "  - {{ name: h{index}, description: old }}").unwrap();
        }
        let needs: Vec<String> =
            needs(index, random).into_iter().map(|other| format!("host/h{other}")).collect();
        let description = if random.u8(0..4) > 0 { "new" } else { "newer" };
        writeln!(
            then,
            "  - {{ name: h{index}, description: {description}, depends_on: [{}] }}",
            needs.join(", ")
        )
        .unwrap();
    }
    if before == "hosts:\n" {
        before.push_str("  - { name: other }\n");
    }
    Shape { name: name.to_owned(), before, then, mode: Mode::Apply }
}

fn shape(name: &str, then: &str, mode: Mode) -> Shape {
    Shape { name: name.to_owned(), before: BEFORE.to_owned(), then: then.to_owned(), mode }
}

/// The tenant of the written shapes.
pub fn before() -> &'static str {
    BEFORE
}
