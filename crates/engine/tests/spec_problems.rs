//! One bad example of every rule: the exact problems, each at its line and column, with its path.

mod spec_support;

use connexa_engine::{
    problem::Level,
    spec::{Format, Limits, Mode, ReadOptions, SourceText},
};
use connexa_types::Kind;
use spec_support::{items, lines, options, read_with, source, spec, spec_as};

/// A text, and its problems as `CODE LINE:COLUMN PATH`.
type Case = (&'static str, &'static [&'static str]);

const SPECS: &[Case] = &[
    ("networks:\n  - name: a\n  - name: [\n", &["E002 4:1 -"]),
    ("networks: []\nnetworks: []\n", &["E003 2:1 -"]),
    ("networks:\n  - name: a\n    name: b\n", &["E003 3:5 -"]),
    ("networks:\n  - name: a\n    connectors:\n      - {name: b, name: c}\n", &["E003 4:19 connectors[0]"]),
    ("networks: [!mine {name: a}, {name: !mine b}]", &["E005 1:12 -", "E005 1:36 -"]),
    ("networks:\n  - <<: {egress: true}\n    1: x\n    name: a\n", &["E005 2:5 -", "E005 3:5 -"]),
    ("- {name: a}", &["E006 1:3 -"]),
    ("- {kind: netwrok, name: a}", &["E006 1:10 -"]),
    ("networks: [{kind: host, name: a}]", &["E008 1:19 kind"]),
    (
        "networks: [{name: a, connectors: [{kind: host_connector, name: b}]}]",
        &["E008 1:42 connectors[0].kind"],
    ),
    ("networks: []\nnetwroks: []\nallow_domains: []\n", &["E101 2:1 netwroks", "E101 3:1 allow_domains"]),
    (
        "vars: {}\nfor_each: {}\ndefaults: {}\nprotect: {}\n",
        &["E102 1:1 vars", "E102 2:1 for_each", "E102 3:1 defaults", "E102 4:1 protect"],
    ),
    ("networks:\n  - name: a\n    connectors: [{name: b, regoin: c}]\n", &["E103 3:28 connectors[0].regoin"]),
    ("networks: [{name: a, Egress: true, colour: red}]", &["E103 1:22 Egress", "E103 1:36 colour"]),
    (
        "networks: [{name: a, internet_access: split_tunnel_on, internetAccess: SPLIT_TUNNEL_ON}]",
        &["E104 1:56 internet_access"],
    ),
    ("network_routes: [{network: a, networkId: b, subnet: 10.0.0.0/8}]", &["E104 1:31 network"]),
    (
        "user_groups: [{name: a, regions: all, all_regions_included: false}]",
        &["E104 1:61 all_regions_included"],
    ),
    (
        "networks: [{name: 12, egress: \"true\", gateways: hq, routes: 10.0.0.0/8}]",
        &["E105 1:19 name", "E105 1:31 egress", "E105 1:49 gateways", "E105 1:61 routes"],
    ),
    ("networks: {name: a}\nusers: [a]\nhosts: 1\n", &["E105 1:11 networks", "E105 2:9 -", "E105 3:8 hosts"]),
    ("just text", &["E105 1:1 -"]),
    (
        "user_groups: [{name: a, regions: every, max_device: 1.5}]",
        &["E105 1:34 regions", "E105 1:53 max_device"],
    ),
    (
        "users: [{username: a, group: [b], secondary_groups: [{name: b, id: c}, 1]}]",
        &["E105 1:30 group", "E105 1:54 secondary_groups[0]", "E105 1:72 secondary_groups[1]"],
    ),
    (
        "networks:\n  - egress: true\ndevices: [{name: a}, b]\n",
        &["E106 2:5 name", "E106 3:11 user", "E106 3:22 user"],
    ),
    ("devices: [{}]", &["E106 1:11 user", "E106 1:11 name"]),
    (
        "users: [{username: a, devices: [{name: b, user: a, unit: u, depends_on: [], atomic: true}]}]",
        &[
            "E107 1:43 devices[0].user",
            "E107 1:52 devices[0].unit",
            "E107 1:61 devices[0].depends_on",
            "E107 1:77 devices[0].atomic",
        ],
    ),
    ("dns_records: [{domain: a, ipv4: [10.0.0.1], atomic: true}]", &["E107 1:45 atomic"]),
    (
        "networks: [{name: a, egress: null, connectors: ~, id: null}]\nuser_groups: [{name: b, regions: []}]",
        &["E108 1:30 egress", "E108 1:48 connectors", "E108 1:55 id", "E108 2:34 regions"],
    ),
    (
        "networks: [{name: \"\"}, {name: \" \\t\"}]\ndns_records: [{domain: \"\"}]\nnetwork_routes: [{network: \"\", subnet: 10.0.0.0/8}]",
        &["E109 1:19 name", "E109 1:31 name", "E109 2:24 domain", "E109 3:28 network"],
    ),
    ("users: [{username: a, status: active}, {id: i, username: b, status: active}]", &["W110 1:23 status"]),
    (
        "networks: [{name: a, internet_access: open, tunneling_protocol: raw:X}]\nuser_groups: [{name: g, connect_auth: AUTO}]",
        &["E201 1:39 internet_access", "E201 2:39 connect_auth"],
    ),
    (
        "user_groups: [{name: g, max_device: 2147483648}, {name: h, max_device: 99999999999999999999}]",
        &["E202 1:37 max_device", "E202 1:72 max_device"],
    ),
    (
        "dns_records: [{domain: a, ipv4: [10.0.0.256, \"::1\"], ipv6: [1.2.3.4]}]\nnetworks: [{name: n, routes: [10.0.0.1/8, 10.0.0.0]}]",
        &[
            "E203 1:34 ipv4[0]",
            "E203 1:46 ipv4[1]",
            "E203 1:61 ipv6[0]",
            "E203 2:31 routes[0].subnet",
            "E203 2:43 routes[1].subnet",
        ],
    ),
    ("user_groups: [{name: g, tunnel_bypass: [\"2001:db8::/32\"]}]", &["E203 1:41 tunnel_bypass[0]"]),
    (
        "hosts: [{name: h, domain: a..b}]\ndns_records: [{domain: a b}]",
        &["E205 1:27 domain", "E205 2:24 domain"],
    ),
    ("networks: [{name: a, description: \"\"}]", &["E207 1:35 description"]),
    (
        "hosts: [{name: a, description: \"\"}]\nuser_groups: [{name: a, max_device: 0}]",
        &["W208 1:32 description", "W208 2:37 max_device"],
    ),
    ("users: [{username: a, email: ada}]", &["W209 1:30 email"]),
    ("networks: [{name: a}, {name: \" A \"}]", &["E301 1:30 name"]),
    ("networks: [{name: a, id: i}, {name: a, id: j}, {name: a}]", &["E301 1:55 name"]),
    ("networks: [{name: a, id: i}, {name: b, id: i}]", &["E301 1:44 id"]),
    (
        "networks: [{name: a, routes: [10.0.0.0/8]}]\nnetwork_routes: [{network: A, subnet: 10.0.0.0/8}]",
        &["E301 2:39 subnet"],
    ),
    (
        "dns_records: [{domain: a.b, ipv4: [10.0.0.1]}, {domain: A.B., ipv4: [10.0.0.2]}]",
        &["E301 1:57 domain"],
    ),
    (
        "devices: [{user: a, name: x}, {user: a, name: X}, {user: b, name: x}, {user: A, name: x}]",
        &["E301 1:87 name"],
    ),
    ("hosts: [{name: a}]\nnetworks: [{name: A}]", &["W309 2:19 name"]),
    ("networks: [{name: a, internet_access: split_tunnel_on, gateways: [b]}]", &["W401 1:66 gateways"]),
    (
        "networks: [{name: a, internet_access: split_tunnel_off, gateways: [b, c]}, {name: C, egress: false}]",
        &["W402 1:71 gateways[1]"],
    ),
    (
        "networks: [{name: a, tunneling_protocol: openvpn, connectors: [{name: c, ipsec: {platform: aws}}]}]",
        &["W403 1:81 connectors[0].ipsec"],
    ),
    (
        "networks: [{name: a, routes: [10.0.0.0/8]}, {name: b, routes: [10.1.0.0/16, 11.0.0.0/8]}]",
        &["E404 1:64 routes[0].subnet"],
    ),
    // An id, or an item with an id, may be the network that another route names: left to the planner.
    (
        "networks: [{id: i, routes: [10.0.0.0/8]}, {name: b, routes: [12.0.0.0/8]}]\nnetwork_routes:
  - {network: a, subnet: 10.1.0.0/16}
  - {network_id: j, subnet: 10.2.0.0/16}
  - {network: a, subnet: 12.0.0.0/16}
  - {network_id: k, subnet: 10.2.0.0/24}
",
        &["E404 5:26 subnet", "E404 6:29 subnet"],
    ),
    ("networks: [{name: a, routes: [10.0.0.0/16, 10.0.0.0/8]}]", &["W405 1:44 routes[1].subnet"]),
    (
        "user_groups: [{name: g, max_device: 1}]\nusers: [{username: a, group: g, devices: [x, y]}]\ndevices: [{user: a, name: z}]",
        &["E431 2:46 devices[1]", "E431 3:11 -"],
    ),
    // Devices with an id are there already.
    (
        "user_groups: [{name: g, max_device: 1}]\nusers: [{username: a, group: g, devices: [x, {id: i}]}, {username: b, group: g, devices: [{id: j}, {id: k}]}]",
        &["E431 2:43 devices[0]"],
    ),
    ("users: [{username: a, role: owner}]", &["W432 1:29 role"]),
    ("user_groups: [{name: a, regions: [x], all_regions_included: true}]", &["W441 1:34 regions"]),
    ("dns_records: [{domain: a, ipv4: [], ipv6: null}]", &["W481 1:15 -"]),
];

#[test]
fn specs() {
    for (text, expected) in SPECS {
        assert_eq!(lines(&spec(text)), *expected, "{text}");
    }
}

const IPSEC: &str = "networks:
  - name: n
    tunneling_protocol: ipsec
    connectors:
      - name: c
        region: r
        ipsec:
          platform: cisco
          authentication_type: shared_secret
          remote_site_public_ip: 192.0.2.1
          pre_shared_key: { env: PSK }
          ike_protocol:
            protocol_version: ike_v2
            phase1: { encryption_algorithms: [aes256], integrity_algorithms: [sha2_256], diffie_hellman_groups: [g_14], lifetime_sec: 3600 }
            phase2: { encryption_algorithms: [aes256], integrity_algorithms: [sha2_256], diffie_hellman_groups: [g_14], lifetime_sec: 3600 }
            rekey: { margin_time_sec: 270, fuzz_percent: 100, replay_window_size: 1024 }
            startup_action: start
            auto_initiate: true
";

/// Changes of [`IPSEC`], and the problems of each in a spec and in `create networks`.
#[test]
fn ipsec() {
    let in_ipsec = |rest: &str| format!("connectors[0].ipsec.{rest}");
    let detection = in_ipsec("ike_protocol.dead_peer_detection");
    let cases: &[(&str, &str, Vec<String>, Vec<String>)] = &[
        ("", "", vec![], vec![]),
        ("            auto_initiate: true\n", "", vec![], vec![format!("W412 13:13 {detection}")]),
        (
            "auto_initiate: true",
            "dead_peer_detection: { timeout_sec: 30 }",
            vec![],
            vec![format!("E411 18:34 {detection}")],
        ),
        (
            "auto_initiate: true",
            "auto_initiate: true\n            dead_peer_detection: { timeout_sec: 30, dead_peer_handling: restart }",
            vec![format!("W412 19:34 {detection}")],
            vec![format!("W412 19:34 {detection}")],
        ),
        (
            "          pre_shared_key: { env: PSK }\n",
            "",
            vec![],
            vec![format!("W413 8:11 {}", in_ipsec("pre_shared_key"))],
        ),
        (
            "{ env: PSK }",
            "[canary]",
            vec![format!("E211 11:27 {}", in_ipsec("pre_shared_key"))],
            vec![format!("E211 11:27 {}", in_ipsec("pre_shared_key"))],
        ),
        (
            "{ env: PSK }",
            "{ env: PSK }\n          ca_certificate: x",
            vec![format!("W414 12:27 {}", in_ipsec("ca_certificate"))],
            vec![format!("W414 12:27 {}", in_ipsec("ca_certificate"))],
        ),
        (
            "phase1: { encryption_algorithms: [aes256]",
            "phase1: { encryption_algorithms: []",
            vec![format!("W415 14:46 {}", in_ipsec("ike_protocol.phase1.encryption_algorithms"))],
            vec![format!("W415 14:46 {}", in_ipsec("ike_protocol.phase1.encryption_algorithms"))],
        ),
        (
            "            startup_action: start\n",
            "",
            vec![],
            vec![format!("W111 13:13 {}", in_ipsec("ike_protocol.startup_action"))],
        ),
        (
            "tunneling_protocol: ipsec",
            "egress: true",
            vec![],
            vec!["W403 8:11 connectors[0].ipsec".to_owned()],
        ),
        (
            "platform: cisco",
            "platfrom: cisco",
            vec![format!("E103 8:11 {}", in_ipsec("platfrom"))],
            vec![
                format!("W111 8:11 {}", in_ipsec("platform")),
                format!("E103 8:11 {}", in_ipsec("platfrom")),
            ],
        ),
    ];
    for (from, to, in_spec, in_create) in cases {
        let text = IPSEC.replacen(from, to, 1);
        assert_eq!(lines(&spec(&text)), *in_spec, "spec, {from} → {to}");
        let created = lines(&items(Kind::Network, &text));
        let mut sorted = (created.clone(), in_create.clone());
        sorted.0.sort();
        sorted.1.sort();
        assert_eq!(sorted.0, sorted.1, "create, {from} → {to}");
    }
}

/// Rules on what is missing hold for creates; in a spec the live object decides.
#[test]
fn starred_rules_of_creates() {
    let cases: &[(Kind, Case)] = &[
        (Kind::User, ("[{username: a}]", &["E113 1:2 group"])),
        (Kind::User, ("[{username: a, group: 1}]", &["E105 1:23 group"])),
        (Kind::User, ("[{id: i, username: a}]", &[])),
        (Kind::UserGroup, ("[{name: a}]", &["W441 1:2 regions"])),
        (Kind::UserGroup, ("[{name: a, all_regions_included: false}]", &["W441 1:2 regions"])),
        (Kind::UserGroup, ("[{name: a, regions: all}, {name: b, regions: [r]}]", &[])),
        (Kind::UserGroup, ("[{name: a, vpnRegionIds: [], allRegionsIncluded: true}]", &[])),
        (Kind::HostConnector, ("[{host: h, name: a}]", &["W111 1:2 region"])),
        (Kind::Network, ("[{name: a, gateways: [b]}]", &["W401 1:22 gateways"])),
        (Kind::Network, ("[{name: a, connectors: [{name: c}]}]", &["W111 1:25 connectors[0].region"])),
        (Kind::DnsRecord, ("[{domain: a}]", &["W481 1:2 -"])),
    ];
    for (kind, (text, expected)) in cases {
        assert_eq!(lines(&items(*kind, text)), *expected, "{text}");
        let of_spec = spec(&format!("{}: {text}", kind.plural()));
        assert!(!of_spec.problems.iter().any(|p| matches!(p.code.to_string().as_str(), "E113" | "W111")));
    }
}

#[test]
fn lengths_count_characters() {
    let long = "é".repeat(121);
    let fits = "é".repeat(120);
    assert_eq!(lines(&spec(&format!("networks: [{{name: {long}}}]"))), ["W208 1:19 name"]);
    assert!(spec(&format!("networks: [{{name: {fits}, description: {fits}}}]")).problems.is_empty());
}

#[test]
fn encodings_and_json() {
    let read = |bytes: &[u8]| {
        let source = SourceText { name: "a.yaml".into(), format: None, bytes: bytes.to_vec() };
        lines(&read_with(&[source], &options(Mode::Spec)))
    };
    assert_eq!(read(b"networks:\n - name: \xff\n"), ["E001 2:10 -"]);
    assert_eq!(read(b"networks:\n - name: a\0\n"), ["E001 2:11 -"]);
    assert_eq!(read(b"\xff\xfen\0"), ["E001 1:1 -"]);
    assert!(read("\u{feff}networks:\r\n  - name: a\r\n".as_bytes()).is_empty());
    let json = |text: &str| lines(&spec_as(Format::Json, text));
    assert_eq!(json("{\"networks\": [{\"name\": \"a\",}]}"), ["E002 1:28 -"]);
    assert_eq!(json("{\"networks\": [{\"name\": \"a\", \"name\": \"b\"}]}"), ["E003 1:29 -"]);
    assert_eq!(json("{\"networks\": [{\"name\": \"a\"}]} []"), ["E002 1:31 -"]);
    let json_lines =
        "{\"kind\": \"network\"}\n\nx\n{\"kind\": \"host\", \"name\": \"h\", \"egress\": true}\n";
    assert_eq!(
        lines(&spec_as(Format::JsonLines, json_lines)),
        ["E106 1:1 name", "E002 3:1 -", "E103 4:31 egress"]
    );
}

#[test]
fn limits() {
    let with = |limits: Limits, text: &str| {
        let options = ReadOptions { limits, ..options(Mode::Spec) };
        let mut found = lines(&read_with(&[source("a.yaml", text)], &options));
        found.extend(lines(&read_with(&[source("a.json", text)], &options)));
        found
    };
    let text = "{\"networks\": [{\"name\": \"abcd\", \"routes\": [\"10.0.0.0/8\"]}]}";
    assert!(
        with(
            Limits { max_nodes: 6, max_depth: 4, max_items: 2, max_scalar_bytes: 10, ..Limits::default() },
            text
        )
        .is_empty()
    );
    let twice = |line: &str| vec![line.to_owned(); 2];
    assert_eq!(with(Limits { max_nodes: 5, ..Limits::default() }, text), twice("E004 1:43 -"));
    assert_eq!(with(Limits { max_depth: 3, ..Limits::default() }, text), twice("E004 1:42 -"));
    assert_eq!(with(Limits { max_items: 1, ..Limits::default() }, text), twice("E004 1:43 -"));
    assert_eq!(with(Limits { max_scalar_bytes: 9, ..Limits::default() }, text), twice("E004 1:43 -"));
    assert_eq!(with(Limits { max_file_bytes: 20, ..Limits::default() }, text), twice("E004 1:1 -"));
    // A parser that looks ahead reaches a limit of its own first.
    assert_eq!(spec(&"[".repeat(1000)).problems[0].code.to_string(), "E004");
    assert_eq!(spec(&"- ".repeat(1000)).problems[0].code.to_string(), "E004");
    assert_eq!(spec_as(Format::Json, &"[".repeat(100_000)).problems[0].code.to_string(), "E004");
    let three = vec![source("a.yaml", "networks: []"); 3];
    let options = ReadOptions { limits: Limits { max_files: 2, ..Limits::default() }, ..options(Mode::Spec) };
    assert_eq!(lines(&read_with(&three, &options)), ["E004 1:1 -"]);
}

/// A few hundred bytes that stand for billions of values are refused before they are expanded.
/// A short text may not become a large one, nor take the time of one.
#[test]
fn hostile_texts_are_dealt_with_in_their_own_time() {
    let key = "k".repeat(10_000);
    let aliased = format!("x-key: &k {key}\nnetworks:\n{}", "- {name: n, *k : 1}\n".repeat(200));
    let limits = Limits { max_file_bytes: 100_000, ..Limits::default() };
    let found = read_with(&[source("a.yaml", &aliased)], &ReadOptions { limits, ..options(Mode::Spec) });
    assert_eq!(lines(&found).last().map(String::as_str), Some("E004 13:13 -"));
    // Comparing letter by letter would take 10^12 steps.
    let name = "n".repeat(1_000_000);
    for text in [
        format!("{{\"networks\": [{{\"name\": \"a\", \"{name}\": 1}}]}}"),
        format!("{{\"networks\": [{{\"name\": \"a\", \"internet_access\": \"{name}\"}}]}}"),
        format!("{{\"{name}\": 1}}"),
        format!("[{{\"kind\": \"{name}\"}}]"),
    ] {
        let found = spec_as(Format::Json, &text);
        assert_eq!((found.problems.len(), found.problems[0].hint.as_deref()), (1, None));
    }
}

#[test]
fn aliases_count_expanded() {
    let mut text = "x-0: &a0 [z, z, z, z, z, z, z, z, z]\n".to_owned();
    for i in 1..12 {
        let before = format!("*a{}", i - 1);
        let aliases = vec![before; 9].join(", ");
        text.extend(["x-", &i.to_string(), ": &a", &i.to_string(), " [", &aliases, "]\n"]);
    }
    let found = spec(&text);
    assert_eq!(found.problems[0].code.to_string(), "E004");
    let heavy = format!("x-a: &a \"{}\"\nx-b: [{}]\n", "z".repeat(1 << 20), vec!["*a"; 600].join(", "));
    assert_eq!(spec(&heavy).problems[0].code.to_string(), "E004");
}

#[test]
fn problems_say_what_was_expected() {
    let reading = spec(
        "networks:\n  - name: paris\n    connectors: [{ name: a, regoin: x }]\n    internet_access: global_internet\n",
    );
    let [unknown, beta] = &reading.problems[..] else { panic!("{:?}", lines(&reading)) };
    assert_eq!(unknown.hint.as_deref(), Some("did you mean `region`?"));
    assert_eq!((unknown.kind.as_deref(), unknown.key.as_deref()), (Some("network"), Some("paris")));
    assert_eq!(unknown.file.as_deref(), Some("spec.yaml"));
    assert_eq!(unknown.excerpt.as_deref(), Some("    connectors: [{ name: a, regoin: x }]"));
    assert_eq!(
        beta.expected.as_deref(),
        Some("`split_tunnel_on`, `split_tunnel_off`, `restricted_internet`")
    );
    assert_eq!(beta.hint.as_deref(), Some("`split_tunnel_off` is its name now"));
    assert_eq!(spec("netwroks: []").problems[0].hint.as_deref(), Some("did you mean `networks`?"));
}

#[test]
fn strict_makes_errors_of_warnings() {
    let options = ReadOptions { strict: true, ..options(Mode::Spec) };
    let reading = read_with(&[source("a.yaml", "users: [{username: a, role: owner}]")], &options);
    assert_eq!(lines(&reading), ["W432 1:29 role"]);
    assert_eq!(reading.problems[0].level, Level::Error);
    assert_eq!(reading.desired.items[0].problems.len(), 1);
}

/// Problems come in the order of the input: by file, then by line.
#[test]
fn order_of_problems() {
    let sources = [
        source("b.yaml", "networks:\n  - name: a\n    connectors: 1\n    egress: x\n"),
        source("a.yaml", "users: [{}]\nnetworks: [{name: A}]\n"),
    ];
    let reading = read_with(&sources, &options(Mode::Spec));
    let found: Vec<_> =
        reading.problems.iter().map(|p| format!("{} {}", p.file.as_deref().unwrap(), p.code)).collect();
    assert_eq!(found, ["b.yaml E105", "b.yaml E105", "a.yaml E106", "a.yaml E301"]);
    assert_eq!(
        reading.problems[3].message,
        "the network `A` is given twice; the first is in `b.yaml`, line 2"
    );
}
