//! The structure of specs: settings by path, common fields, units, dependencies, and the forms of imperative commands
//! (spec sections 1 to 3, 6 and 7).

mod spec_support;

use connexa_engine::{
    desired::Item,
    spec::{Mode, Reading},
};
use connexa_types::Kind;
use spec_support::{items, lines, options, read_with, source, spec, state};

fn names(kind: Option<Kind>, text: &str) -> Reading {
    read_with(&[source("items.yaml", text)], &options(Mode::Names(kind)))
}

fn item<'a>(reading: &'a Reading, key: &str) -> &'a Item {
    let found = reading.desired.items.iter().find(|item| item.label() == key);
    found.unwrap_or_else(|| panic!("no item {key} in {:?}", state(reading)))
}

/// Units by key, and what each item depends on.
fn relations(reading: &Reading) -> Vec<String> {
    let items = &reading.desired.items;
    items
        .iter()
        .map(|item| {
            let on: Vec<_> = item.depends_on.iter().map(|at| items[*at].label()).collect();
            format!("{} {} [{}]", item.label(), item.unit.as_deref().unwrap_or("-"), on.join(" "))
        })
        .collect()
}

#[test]
fn settings_are_items_by_path() {
    let reading = spec(
        "settings:\n  wpc: {snat: true, subnet: {ipv4: [10.0.0.0/16]}}\n  user: {connection_timeout: 30}\n  dns: {zones: [], custom_servers: ~}\n  access_visibility: false\n",
    );
    assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
    assert_eq!(
        state(&reading),
        [
            "setting wpc.snat: value=true",
            "setting wpc.subnet: value={ipv4=[\"10.0.0.0/16\"]}",
            "setting users.connection_timeout: value=30",
            "setting dns.zones: value=clear",
            "setting dns.custom_servers: value=clear",
            "setting access_visibility: value=false",
        ]
    );
    let snat = item(&reading, "wpc.snat");
    assert_eq!(*snat.given, serde_json::json!({"key": "wpc.snat", "value": true}));
    assert_eq!((snat.source.line, snat.source.index), (2, 0));
    assert_eq!(item(&reading, "wpc.subnet").place_of("value").column, 29);
}

#[test]
fn a_bare_setting_is_the_same_item() {
    let nested = spec("settings: {wpc: {snat: true}, user: {connection_timeout: 5}}");
    for text in [
        "- {kind: setting, key: wpc.snat, value: true}\n- {kind: setting, key: user.connection_timeout, value: 5}",
        "settings: [{key: wpc.snat, value: true, _note: x}, {key: users.connection_timeout, value: 5}]",
    ] {
        let bare = spec(text);
        assert!(lines(&bare).is_empty(), "{:?}", lines(&bare));
        assert_eq!(state(&bare), state(&nested));
    }
    let batch =
        items(Kind::Setting, "[{key: wpc.snat, value: true}, {key: users.connection_timeout, value: 5}]");
    assert_eq!(state(&batch), state(&nested));
}

#[test]
fn settings_of_several_files_are_merged_leaf_by_leaf() {
    let files = |second: &str| {
        let first = "settings: {wpc: {snat: true, subnet: {ipv4: [10.0.0.0/16]}}}";
        read_with(&[source("a.yaml", first), source("b.yaml", second)], &options(Mode::Spec))
    };
    let same = files("settings: {wpc: {snat: true, subnet: {ipv6: [\"fd00::/64\"]}}, dns_log: true}");
    assert!(lines(&same).is_empty(), "{:?}", lines(&same));
    assert_eq!(
        state(&same),
        [
            "setting wpc.snat: value=true",
            "setting wpc.subnet: value={ipv4=[\"10.0.0.0/16\"] ipv6=[\"fd00::/64\"]}",
            "setting dns_log: value=true",
        ]
    );
    assert_eq!(
        item(&same, "wpc.subnet").given["value"],
        serde_json::json!({"ipv4": ["10.0.0.0/16"], "ipv6": ["fd00::/64"]})
    );
    let different = files("settings: {wpc: {snat: false, subnet: {ipv4: [10.1.0.0/16]}}}");
    assert_eq!(lines(&different), ["E310 1:24 wpc.snat", "E310 1:39 wpc.subnet"]);
    assert_eq!(different.problems[0].file.as_deref(), Some("b.yaml"));
    let alias = spec("settings: {user: {connection_timeout: 5}, users: {connection_timeout: 6}}");
    assert_eq!(lines(&alias), ["E310 1:71 users.connection_timeout"]);
}

#[test]
fn settings_in_error() {
    for (text, expected) in [
        (
            "settings: {wpc: {snat: 1, nat: true}, dsn_log: true}",
            &["E105 1:24 wpc.snat", "E103 1:27 wpc.nat", "E103 1:39 dsn_log"][..],
        ),
        ("settings: {wpc: true, wpc.snat: true}", &["E105 1:17 wpc", "E103 1:23 wpc.snat"]),
        ("settings: {wpc: {snat: ~}}", &["E108 1:24 wpc.snat"]),
        ("settings: true", &["E105 1:11 settings"]),
        ("settings: {atomic: true, renamed_from: x}", &["E107 1:12 atomic", "E107 1:26 renamed_from"]),
        (
            "settings: [{key: wpc.snat}, {value: 1}, {key: wpc, value: 1}, {key: wpc.snta, value: 1}, 7]",
            &["E106 1:12 value", "E106 1:29 key", "E103 1:47 key", "E103 1:69 key", "E105 1:90 -"],
        ),
        (
            "settings: [{key: wpc.snat, value: true, id: x, colour: red, atomic: true}]",
            &["E107 1:41 id", "E103 1:48 colour", "E107 1:61 atomic"],
        ),
    ] {
        assert_eq!(lines(&spec(text)), expected, "{text}");
    }
    let near = spec("settings: {wpc: {snatt: true}}");
    assert_eq!(near.problems[0].hint.as_deref(), Some("did you mean `wpc.snat`?"));
    assert_eq!(near.problems[0].kind.as_deref(), Some("setting"));
}

#[test]
fn read_only_settings_are_noted() {
    for text in [
        "settings: {auth: {saml: {group_mappings: [{a: b}]}, ldap: {group_mappings: []}, two_factor_auth: true}}",
        "- {kind: setting, key: auth.saml.group_mappings, value: []}\n- {kind: setting, key: auth.ldap.group_mappings, value: []}\n- {kind: setting, key: auth.two_factor_auth, value: true}",
    ] {
        let reading = spec(text);
        assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
        assert_eq!(state(&reading), ["setting auth.two_factor_auth: value=true"]);
        assert_eq!(reading.desired.notes.len(), 2, "{:?}", reading.desired.notes);
    }
}

#[test]
fn units_hold_nested_children_and_all_of_an_atomic_parent() {
    let reading = spec(
        "networks:
  - {name: a, unit: u, connectors: [{name: c}], routes: [10.0.0.0/16]}
  - {name: b, atomic: true, connectors: [{name: c}]}
  - {name: d, atomic: true, unit: v}
network_routes:
  - {network: a, subnet: 10.1.0.0/16}
  - {network: b, subnet: 10.2.0.0/16}
  - {network: d, subnet: 10.3.0.0/16, unit: v}
settings: {unit: s, depends_on: [network/a], dns_log: true, wpc: {snat: true}}
",
    );
    assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
    assert_eq!(
        relations(&reading),
        [
            "a u []",
            "a/c u []",
            "a/10.0.0.0/16 u []",
            "b network/b []",
            "b/c network/b []",
            "d v []",
            "a/10.1.0.0/16 - []",
            "b/10.2.0.0/16 network/b []",
            "d/10.3.0.0/16 v []",
            "dns_log s [a]",
            "wpc.snat s [a]",
        ]
    );
    // A unit that is called like the one of an atomic item is another.
    let reading = spec("networks: [{name: a, atomic: true}, {name: b, unit: network/a}]");
    assert_ne!(reading.desired.items[0].unit, reading.desired.items[1].unit);
}

#[test]
fn depends_on_names_items_of_the_spec() {
    let reading = spec(
        r"networks: [{name: 'a/b\c', routes: [10.0.0.0/16], connectors: [{name: x/y}]}]
users: [{username: Ada, devices: [laptop]}]
dns_records:
  - {domain: w.example, depends_on: ['network/a/b\c', network-routes/a\/b\\c/10.0.0.0/16, network_connector/a\/b\\c/x/y]}
  - {domain: v.example, depends_on: [users/ADA, device/ada/laptop, dns_record/W.example., setting/user.connection_timeout, user/ada]}
settings: {users: {connection_timeout: 3}}
",
    );
    assert!(lines(&reading).is_empty(), "{:?}", reading.problems);
    let relations = relations(&reading);
    assert_eq!(relations[5], r"w.example - [a/b\c a\/b\\c/10.0.0.0/16 a\/b\\c/x/y]");
    assert_eq!(relations[6], "v.example - [Ada Ada/laptop w.example users.connection_timeout]");
}

#[test]
fn relations_in_error() {
    for (text, expected) in [
        (
            "users:\n  - {username: a, depends_on: [user/b, a, usr/a, network_route/x, '', 1]}",
            &[
                "E302 2:32 depends_on[0]",
                "E302 2:40 depends_on[1]",
                "E302 2:43 depends_on[2]",
                "E302 2:50 depends_on[3]",
                "E109 2:67 depends_on[4]",
                "E105 2:71 depends_on[5]",
            ][..],
        ),
        (
            "users: [{username: a, unit: '', depends_on: a, atomic: 1, renamed_from: ' '}]",
            &["E109 1:29 unit", "E105 1:45 depends_on", "E105 1:56 atomic", "E109 1:73 renamed_from"],
        ),
        (
            "users: [{username: a, unit: ~, depends_on: ~, atomic: ~, renamed_from: ~}]",
            &["E108 1:29 unit", "E108 1:44 depends_on", "E108 1:55 atomic", "E108 1:72 renamed_from"],
        ),
        ("user_groups: [{name: g, atomic: true}]", &["E107 1:25 atomic"]),
        (
            "networks: [{name: a, connectors: [{name: c, unit: u, atomic: true, depends_on: [], renamed_from: d}]}]",
            &[
                "E107 1:45 connectors[0].unit",
                "E107 1:54 connectors[0].atomic",
                "E107 1:68 connectors[0].depends_on",
            ],
        ),
        (
            "networks: [{name: a, atomic: true}, {name: b, atomic: true, unit: u}]\nnetwork_routes:\n  - {network: a, subnet: 10.0.0.0/16, unit: x}\n  - {network: b, subnet: 10.1.0.0/16, unit: x}\n  - {network: b, subnet: 10.2.0.0/16, unit: u}\n",
            &["E306 3:45 unit", "E306 4:45 unit"],
        ),
        (
            "network_routes: [{network: a, subnet: 10.0.0.0/16, renamed_from: 10.1.1.1/16}]",
            &["E203 1:66 renamed_from"],
        ),
        ("dns_records: [{domain: a.b, renamed_from: a..b}]", &["E205 1:43 renamed_from"]),
        (
            "networks: [{name: a, renamed_from: x}, {name: b, renamed_from: X}, {name: c, renamed_from: d}, {name: d}]",
            &["E308 1:64 renamed_from", "E308 1:92 renamed_from"],
        ),
        // Names that change places, the written form of a name, an item told by its id.
        (
            "networks: [{name: a, renamed_from: b}, {name: b, renamed_from: a}, {name: C, renamed_from: c}]",
            &[],
        ),
        ("networks: [{name: a, renamed_from: b}, {id: i, name: b}]", &[]),
        (
            "networks: [{name: n, connectors: [{name: a, renamed_from: b}]}, {name: m, connectors: [{name: b}]}]",
            &[],
        ),
        (
            "dependencies: {users: [groups], grups: [users], hosts: users, networks: [1]}",
            &[
                "E006 1:24 dependencies.users[0]",
                "E006 1:33 dependencies.grups",
                "E105 1:56 dependencies.hosts",
                "E105 1:74 dependencies.networks[0]",
            ],
        ),
        ("dependencies: [a]", &["E105 1:15 dependencies"]),
        ("dependencies: {users: [user]}", &["E304 1:24 dependencies"]),
        (
            "dependencies:\n  hosts: [networks]\n  dns_records: [user_groups, users]\n  users: [dns-record]\n",
            &["E304 4:11 dependencies"],
        ),
    ] {
        assert_eq!(lines(&spec(text)), expected, "{text}");
    }
    let circle = spec("dependencies:\n  dns_records: [user_groups, users]\n  users: [dns-record]\n");
    assert!(
        circle.problems[0].message.ends_with("users → dns_records → users"),
        "{}",
        circle.problems[0].message
    );
    let near = spec("users: [{username: ada}, {username: b, depends_on: [user/adda]}]");
    assert_eq!(near.problems[0].hint.as_deref(), Some("did you mean `user/ada`?"));
}

#[test]
fn dependencies_are_united_and_in_the_order_of_kinds() {
    let a = "dependencies: {users: [networks, routes], host: [connectors]}";
    let b = "dependencies: {user: [network, ip-services], hosts: ~}";
    let reading = read_with(&[source("a.yaml", a), source("b.yaml", b)], &options(Mode::Spec));
    assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
    let edges: Vec<_> = reading
        .desired
        .dependencies
        .iter()
        .map(|d| format!("{} {} {}", d.kind, d.on, d.place.file))
        .collect();
    assert_eq!(
        edges,
        [
            "host network_connector a.yaml",
            "host host_connector a.yaml",
            "user network a.yaml",
            "user network_route a.yaml",
            "user network_ip_service b.yaml",
            "user host_ip_service b.yaml",
        ]
    );
}

#[test]
fn delete_and_do_take_names() {
    const ID: &str = "6f1c0a52-8a1e-4f6e-9a55-0c8a1d1f9b11";
    let reading = names(
        Some(Kind::NetworkConnector),
        &format!(
            "- paris/paris-1\n- {ID}\n- {{network: paris, name: x, colour: red, region: 7}}\n- {{id: i}}\n"
        ),
    );
    assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
    assert_eq!(
        state(&reading),
        [
            "network_connector paris/paris-1 in @paris: ".to_owned(),
            format!("network_connector - id={ID}: "),
            "network_connector paris/x in @paris: ".to_owned(),
            "network_connector - id=i: ".to_owned(),
        ]
    );
    // The spec that made them takes them away: of each item its name, with its nested children.
    let reading = names(
        None,
        "networks: [{name: a, egress: 1, routes: [10.0.0.0/16], connectors: [{name: c, region: x}]}, b]\nusers: [{username: u, unit: 7}]\nsettings: {wpc: {snat: true}}\nnothing: [x]\n",
    );
    assert_eq!(lines(&reading), ["E101 4:1 nothing"]);
    assert!(!reading.unreadable);
    assert_eq!(
        state(&reading),
        [
            "network a: ",
            "network_route a/10.0.0.0/16 in 0: ",
            "network_connector a/c in 0: ",
            "network b: ",
            "user u: ",
            "setting wpc.snat: ",
            "?nothing x: ",
        ]
    );
    for (kind, text, expected) in [
        (
            Kind::NetworkConnector,
            "[a, '', {}, {name: b}, 1]",
            &[
                "E106 1:2 name",
                "E109 1:5 name",
                "E106 1:9 network",
                "E106 1:9 name",
                "E106 1:13 network",
                "E105 1:24 -",
            ][..],
        ),
        (
            Kind::NetworkRoute,
            "[a/10.0.0.1/8, {network: a, subnet: 10.0.0.1/8}]",
            &["E203 1:2 subnet", "E203 1:37 subnet"],
        ),
        (Kind::User, "networks: [a]", &["E008 1:1 networks"]),
        (Kind::Setting, "[wpc.snat, wpc.nat, {key: dns_log}]", &["E103 1:12 key"]),
        (Kind::User, "[{kind: network, name: a}]", &["E008 1:9 kind"]),
    ] {
        let reading = names(Some(kind), text);
        assert_eq!(lines(&reading), expected, "{text}");
        assert!(!reading.unreadable, "{text}");
    }
}

#[test]
fn domains_are_plain_strings_or_mappings() {
    for reading in [
        items(Kind::BlockDomain, "[bad.example, {domain: Worse.example}]"),
        items(Kind::BlockDomain, "block_domains: [bad.example, {domain: Worse.example}]"),
    ] {
        assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
        assert_eq!(
            state(&reading),
            [
                "block_domain bad.example: domain=\"bad.example\"",
                "block_domain Worse.example: domain=\"Worse.example\"",
            ]
        );
    }
    let named = names(Some(Kind::AllowDomain), "[good.example]");
    assert_eq!(state(&named), ["allow_domain good.example: "]);
    assert_eq!(
        lines(&items(Kind::BlockDomain, "[a..b, {domain: a, id: x, unit: u, colour: red}, {}]")),
        ["E205 1:2 domain", "E107 1:20 id", "E107 1:27 unit", "E103 1:36 colour", "E106 1:50 domain"]
    );
    assert_eq!(lines(&spec("allow_domains: [a]")), ["E101 1:1 allow_domains"]);
    assert_eq!(lines(&spec("[{kind: allow_domain, domain: a}]")), ["E006 1:9 -"]);
}

#[test]
fn updates_need_a_key_or_an_id_and_no_more() {
    let mut update = options(Mode::Items(Kind::User));
    update.creating = false;
    let text = "[{id: i, group: g}, {username: a, secondary_groups: ~, grup: h}, {email: a@b}]";
    let reading = read_with(&[source("items.yaml", text)], &update);
    assert_eq!(lines(&reading), ["E103 1:56 grup", "E106 1:66 username"]);
    assert!(!reading.unreadable);
    assert_eq!(
        state(&reading),
        ["user - id=i: group=@g", "user a: secondary_groups=clear username=\"a\"", "user -: email=\"a@b\""]
    );
    let failing: Vec<_> = reading.desired.items.iter().map(|i| !i.problems.is_empty()).collect();
    assert_eq!(failing, [false, true, true]);
}

#[test]
fn circles_are_printed() {
    for (text, expected, message) in [
        (
            "users:\n  - {username: a, depends_on: [user/b]}\n  - {username: b, depends_on: [user/c]}\n  - {username: c, depends_on: [user/a]}\n",
            "E303 2:31 depends_on",
            "items need each other: user `a` → user `b` → user `c` → user `a`",
        ),
        (
            "users: [{username: a, depends_on: [user/a]}]",
            "E303 1:35 depends_on",
            "items need each other: user `a` → user `a`",
        ),
        // A reference and its opposite.
        (
            "users: [{username: a, group: g}]\nuser_groups: [{name: g, depends_on: [user/a]}]",
            "E303 2:37 depends_on",
            "items need each other: user `a` → user_group `g` → user `a`",
        ),
        // A parent and its child.
        (
            "networks: [{name: n, connectors: [{name: c}], depends_on: [network_connector/n/c]}]",
            "E303 1:59 depends_on",
            "items need each other: network `n` → network_connector `n/c` → network `n`",
        ),
        // An access group reaches an application by its network.
        (
            "access_groups: [{name: a, source: [{user_groups: all}], destination: [{network: n, applications: [w]}]}]\nnetworks: [{name: n, applications: [{name: w, domains: [w.example], services: [any]}], depends_on: [access_group/a]}]",
            "E303 2:100 depends_on",
            "items need each other: access_group `a` → network `n` → access_group `a`",
        ),
        // The user stands between two members of one unit.
        (
            "user_groups: [{name: g, unit: u}]\nusers: [{username: a, group: g}]\ndns_records: [{domain: d.example, unit: u, depends_on: [user/a]}]",
            "E303 3:41 unit",
            "units need each other: unit `u` → user `a` → unit `u`",
        ),
    ] {
        let reading = spec(text);
        assert_eq!(lines(&reading), [expected], "{text}");
        assert_eq!(reading.problems[0].message, message);
        assert!(reading.problems[0].excerpt.is_some());
    }
    // Members of one unit need each other as they like.
    assert_eq!(
        lines(&spec("user_groups: [{name: g, unit: u}]\nusers: [{username: a, unit: u, group: g}]")),
        [""; 0]
    );
    let batch = items(
        Kind::User,
        "[{username: a, depends_on: [user/b], group: g}, {username: b, depends_on: [user/a], group: g}, {username: c, group: g}]",
    );
    let failing: Vec<_> = batch.desired.items.iter().map(|i| i.problems.len()).collect();
    assert_eq!((failing, batch.unreadable), (vec![1, 1, 0], false));
}

#[test]
fn what_holds_unless_all_is_there_already() {
    let told = |text: &str| {
        let reading = spec(text);
        assert!(!reading.has_errors(), "{:?}", reading.problems);
        lines(&reading.alone())
    };
    let gateways = "networks:\n  - {name: a, internet_access: split_tunnel_off, gateways: [c, b]}\n  - {name: b, internet_access: split_tunnel_off, gateways: [a]}\n";
    assert_eq!(told(gateways), ["E303 2:64 gateways[1]"]);
    let of_users = "user_groups: [{name: g}]\nusers: [{username: a, group: g}]\n";
    for (dependencies, expected) in [
        ("{user_groups: [users]}", &["W305 3:30 dependencies.user_groups"][..]),
        ("{users: [user_groups]}", &[]),
        ("{networks: [connectors]}", &[]),
        // The first in the order of kinds stands: groups before records, so that users cannot be before them.
        ("{user_groups: [dns_records], dns_records: [users]}", &["W305 3:58 dependencies.dns_records"]),
    ] {
        let records = "dns_records: [{domain: d.example}]\n";
        let text = format!("{of_users}dependencies: {dependencies}\n{records}");
        assert_eq!(told(&text), expected, "{text}");
    }
    let connectors = "networks: [{name: n, connectors: [{name: c}]}]\ndependencies: {networks: [connectors]}";
    assert_eq!(told(connectors), ["W305 2:27 dependencies.networks"]);
}
