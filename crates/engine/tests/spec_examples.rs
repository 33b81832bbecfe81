//! Whole inputs: the usage example of the batch pattern, the examples of spec section 10, and all the ways of saying the same.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod spec_support;

use connexa_engine::{
    desired::{DesiredSecret, FieldValue, Item, Parent},
    spec::{Format, Mode, Reading},
};
use connexa_types::{Kind, SecretSource};
use serde_json::{Value, json};
use spec_support::{items, lines, options, read_with, source, spec, spec_as, state};

const BATCH: &str = r#"[
  {"name": "batch-network-1", "description": "First network in batch", "internet_access": "split_tunnel_on", "egress": false},
  {"name": "batch-network-2", "description": "Second network in batch", "internet_access": "split_tunnel_on", "egress": true},
  {"name": "", "description": "Invalid network in batch", "internet_access": "invalid_option", "egress": false}
]"#;

/// Two good items and one with two bad fields: the good ones go on, the bad one says both.
#[test]
fn usage_example() {
    let reading = read_with(&[source("-", BATCH)], &options(Mode::Items(Kind::Network)));
    assert!(!reading.unreadable);
    assert_eq!(lines(&reading), ["E109 4:12 name", "E201 4:78 internet_access"]);
    let items = &reading.desired.items;
    assert_eq!(items.len(), 3);
    assert!(items[0].problems.is_empty() && items[1].problems.is_empty());
    let bad: Vec<_> =
        items[2].problems.iter().map(|p| (p.code.to_string(), p.path.clone().unwrap())).collect();
    assert_eq!(bad, [("E109".into(), "name".into()), ("E201".into(), "internet_access".to_owned())]);
    assert_eq!((items[2].label(), items[2].source.index), ("-:4:2".to_owned(), 2));
    assert_eq!(items[2].given["internet_access"], "invalid_option");
    assert_eq!(
        state(&reading)[0],
        "network batch-network-1: description=\"First network in batch\" egress=false \
         internet_access=\"SPLIT_TUNNEL_ON\" name=\"batch-network-1\""
    );
}

/// Spec sections 10.1 to 10.3.
const BRANCH_OFFICE: &str = include_str!("spec_support/branch-office.yaml");
const ONBOARDING: &str = include_str!("spec_support/onboarding.yaml");
const ACCESS: &str = include_str!("spec_support/access.yaml");

/// Keys of all items, a child's after its parent's.
fn keys(reading: &Reading) -> Vec<String> {
    reading.desired.items.iter().map(Item::label).collect()
}

#[test]
fn branch_office() {
    let reading = spec(BRANCH_OFFICE);
    assert_eq!(lines(&reading), [""; 0]);
    assert_eq!(
        keys(&reading),
        [
            "wpc.snat",
            "dns.zones",
            "hq",
            "hq/hq-1",
            "hq/10.10.0.0/16",
            "paris",
            "paris/paris-1",
            "paris/paris-2",
            "paris/10.20.0.0/16",
            "paris/10.21.0.0/16",
            "paris/wiki",
            "paris/paris-lan",
            "paris/printers",
            "plant",
            "plant/10.30.0.0/16",
            "plant/plant-fw",
            "bastion",
            "bastion/bastion-1",
            "bastion/ssh",
            "hq/10.11.0.0/16"
        ]
    );
    let state = state(&reading);
    assert_eq!(
        state[1],
        "setting dns.zones: value=[{\"name\":\"paris.corp.example\",\"addresses\":[\"10.20.0.53\"]}]"
    );
    assert_eq!(state[19], "network_route hq/10.11.0.0/16 in 2: subnet=\"10.11.0.0/16\"");
    assert!(state[5].contains("gateways=[@hq]"));
    assert_eq!(
        state[10],
        "network_application paris/wiki in 5: \
         domains=[{\"value\":\"wiki.corp.example\",\"allowEmbeddedIp\":false,\"exactMatch\":false},\
         {\"value\":\"docs.corp.example\",\"allowEmbeddedIp\":false,\"exactMatch\":true}] name=\"wiki\" \
         services={\"serviceTypes\":[\"HTTPS\",\"CUSTOM\"],\"customServiceTypes\":[\
         {\"protocol\":\"TCP\",\"port\":[{\"lowerValue\":8000,\"upperValue\":8100}]},\
         {\"protocol\":\"ICMP\",\"icmpType\":[{\"lowerValue\":8,\"upperValue\":8}]}]}"
    );
    assert_eq!(
        state[11],
        "network_ip_service paris/paris-lan in 5: name=\"paris-lan\" routes=[{\"value\":\"10.20.0.0/16\"}] \
         services={\"serviceTypes\":[\"ANY\"],\"customServiceTypes\":[]} type=\"IP_SOURCE\""
    );
    let FieldValue::Object(ipsec) = &reading.desired.items[15].fields["ipsec"] else { panic!() };
    let FieldValue::Secret(DesiredSecret::Reference(key)) = &ipsec["pre_shared_key"] else { panic!() };
    assert_eq!(
        (key.field.as_str(), &key.source),
        ("ipsec.pre_shared_key", &SecretSource::Env("PLANT_PSK".into()))
    );
    let FieldValue::Object(ike) = &ipsec["ike_protocol"] else { panic!() };
    assert_eq!(ike["phase1"], ike["phase2"]);
    // Children stand in `given` of their own items alone.
    assert_eq!(reading.desired.items[2].given, json!({"name": "hq", "egress": true}));
    assert_eq!(reading.desired.items[4].given, json!("10.10.0.0/16"));
    let kinds: Vec<_> = reading.desired.kinds.iter().map(|k| k.plural()).collect();
    assert_eq!(
        kinds,
        [
            "settings",
            "networks",
            "network_connectors",
            "network_routes",
            "network_applications",
            "network_ip_services",
            "hosts",
            "host_connectors",
            "host_ip_services"
        ]
    );
}

#[test]
fn user_onboarding() {
    let reading = spec(ONBOARDING);
    assert_eq!(lines(&reading), [""; 0]);
    assert_eq!(
        state(&reading),
        [
            "user_group engineers: all_regions_included=true connect_auth=\"ON_PRIOR_AUTH\" max_device=3 name=\"engineers\"",
            "user_group on-call: all_regions_included=false max_device=2 name=\"on-call\" \
             regions=[\"eu-central-1\",\"it-mxp\"] tunnel_bypass=[\"198.51.100.0/24\"]",
            "user ada: email=\"ada@example.com\" first_name=\"Ada\" group=@engineers secondary_groups=[@on-call] \
             username=\"ada\"",
            "device ada/laptop in 2: name=\"laptop\"",
            "device ada/phone in 2: description=\"company phone\" name=\"phone\"",
            "user grace.hopper: email=\"grace@example.com\" group=@engineers secondary_groups=clear \
             username=\"grace.hopper\"",
            "dns_record ada.dev.corp.example: domain=\"ada.dev.corp.example\" ipv4=[\"10.10.7.1\"]",
            "location_context offices only: country_check={allowed=true countries=[\"FR\",\"IT\"]} \
             default_check={allowed=false} ip_check={allowed=true ips=[{\"ip\":\"192.0.2.0/24\"},\
             {\"ip\":\"198.51.100.7/32\",\"description\":\"plant\"}]} name=\"offices only\" user_groups=[@on-call]",
            "device_posture patched: linux={allowed=true} name=\"patched\" user_groups=[@engineers] \
             windows={allowed=true disk_encryption={type=\"FULL_DISK\"} version={condition=\"GTE\" version=\"10.0\"}}",
        ]
    );
    let grace = &reading.desired.items[5];
    assert_eq!(grace.renamed_from.as_ref().unwrap().text, "grace.murray");
    assert_eq!(grace.depends_on, [2]);
}

#[test]
fn access_and_dns() {
    let reading = spec(ACCESS);
    assert_eq!(lines(&reading), [""; 0]);
    assert_eq!(
        state(&reading),
        [
            "access_group engineers to paris: \
             destination=(NETWORK_SERVICE false @paris [@wiki @printers])(NETWORK_SERVICE true @hq [])\
             (HOST_SERVICE false @bastion [@ssh]) name=\"engineers to paris\" \
             source=(USER_GROUP false  [@engineers])(HOST true @bastion [])",
            "access_group paris lan to services: \
             destination=(NETWORK_SERVICE true @hq [])(NETWORK_SERVICE true @plant [])(HOST_SERVICE true  []) \
             name=\"paris lan to services\" source=(NETWORK_SERVICE false @paris [@paris-lan])",
            "dns_record wiki.corp.example: description=clear domain=\"wiki.corp.example\" ipv4=[\"10.20.0.5\"] \
             ipv6=[\"2001:db8::5\"]",
            "dns_record docs.corp.example: domain=\"docs.corp.example\" ipv4=[\"10.20.0.5\",\"10.20.0.6\"]",
            "setting dns.default_suffix: value=\"corp.example\"",
            "setting dns.custom_servers: value={primary=\"10.10.0.53\" secondary=\"10.10.0.54\"}",
            "setting access_visibility: value=true",
        ]
    );
    let [barrier] = &reading.desired.dependencies[..] else { panic!() };
    assert_eq!((barrier.kind, barrier.on), (Kind::AccessGroup, Kind::DnsRecord));
}

/// All items with their children nested where they stand, each with its kind.
fn nested(reading: &Reading) -> Vec<Value> {
    let items = &reading.desired.items;
    let mut given: Vec<Value> = items.iter().map(|item| Value::clone(&item.given)).collect();
    let mut top = Vec::new();
    // Children come after their parents: from the end, each is whole when it is put into its parent.
    for at in (0..items.len()).rev() {
        let item = &items[at];
        let own = std::mem::take(&mut given[at]);
        match &item.parent {
            Some(Parent::Item(parent)) if !item.prefix.is_empty() => {
                let name = item.prefix.rsplit('.').next().unwrap().split('[').next().unwrap();
                let list = given[*parent].as_object_mut().unwrap().entry(name).or_insert_with(|| json!([]));
                list.as_array_mut().unwrap().insert(0, own);
            }
            _ => {
                let mut own = own;
                own["kind"] = json!(item.kind.as_ref().unwrap().singular());
                top.insert(0, own);
            }
        }
    }
    top
}

/// The examples say the same in every format that holds any spec, and read back from what documents show of them.
#[test]
fn examples_in_all_formats() {
    for text in [BRANCH_OFFICE, ONBOARDING, ACCESS] {
        let yaml = spec(text);
        let items = nested(&yaml);
        let json_lines: Vec<String> = items.iter().map(Value::to_string).collect();
        let json_lines = json_lines.join("\n");
        let mut by_kind = serde_json::Map::new();
        for item in &items {
            let kind: Kind = item["kind"].as_str().unwrap().parse().unwrap();
            let list = by_kind.entry(kind.plural()).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(item.clone());
        }
        let whole = Value::Object(by_kind).to_string();
        for (format, text) in [
            (Format::Json, whole.as_str()),
            (Format::Yaml, whole.as_str()),
            (Format::JsonLines, json_lines.as_str()),
        ] {
            let other = spec_as(format, text);
            assert_eq!(lines(&other), [""; 0], "{text}");
            assert_eq!(told(&other), told(&yaml), "{format:?}");
        }
    }
}

/// All that an item says, children sorted by key: formats write those of several kinds in an order of their own.
fn told(reading: &Reading) -> Vec<String> {
    let items = &reading.desired.items;
    let state = state(reading);
    let mut told: Vec<String> = items
        .iter()
        .zip(state)
        .map(|(item, state)| {
            let fields = state.split_once(": ").map_or("", |(_, fields)| fields);
            let after: Vec<_> = item.depends_on.iter().map(|at| items[*at].label()).collect();
            let (kind, key) = (item.kind.as_ref().unwrap(), item.label());
            format!("{kind} {key} {:?} {:?} {after:?} {fields}", item.unit, item.renamed_from)
        })
        .collect();
    told.sort();
    told
}

#[test]
fn one_small_spec_in_other_formats() {
    let json = spec_as(
        Format::Json,
        r#"{"networks": [{"name": "rome", "egress": false, "description": null, "routes": ["10.40.0.0/16", "10.41.0.0/16"]},
              {"name": "oslo", "internet_access": "split_tunnel_on", "routes": ["10.50.0.0/16"]}]}"#,
    );
    let json_lines = r#"{"kind": "network", "name": "rome", "egress": false, "description": null, "routes": ["10.40.0.0/16", "10.41.0.0/16"]}
{"kind": "network", "name": "oslo", "internetAccess": "SPLIT_TUNNEL_ON", "routes": ["10.50.0.0/16"]}
"#;
    let by_line = read_with(&[source("-", json_lines)], &options(Mode::Spec));
    assert_eq!(state(&json), state(&by_line));
    assert_eq!(state(&json).len(), 5);
    assert!(json.problems.is_empty() && by_line.problems.is_empty());
    assert_eq!((by_line.desired.items[3].source.line, by_line.desired.items[3].source.index), (2, 1));
}

/// Names of the API's request and answer, in both spellings, and every form of a reference.
#[test]
fn aliases_and_references() {
    let same: &[(&str, &[&str])] = &[
        (
            "networks: [{name: a, internet_access: split_tunnel_off, gateways: [{id: x}]}]",
            &[
                "networks: [{name: a, internetAccess: SPLIT_TUNNEL_OFF, gatewaysIds: [x]}]",
                "networks: [{name: a, internet_access: Split-Tunnel-Off, gateways_ids: [{id: x}]}]",
                "- {kind: network, name: a, internet_access: split_tunnel_off, gateways: [{id: x}], _error: e}",
                "$schema: s\nx-anchors: 1\nnetworks: [{name: ' a ', internet_access: split_tunnel_off, gateways: [{id: x, _n: 1}, {id: x}]}]",
            ],
        ),
        (
            "network_routes: [{network: {id: n}, subnet: \"2001:db8::/32\"}]",
            &[
                "network_routes: [{networkId: n, value: \"2001:DB8::/32\"}]",
                "network_routes: [{networkItemId: n, subnet: \"2001:db8:0::/32\"}]",
                "network_routes: [{network_item_id: n, subnet: \"2001:db8::/32\", type: IP_V6}]",
                "network_routes: [{network_id: {id: n}, subnet: ' 2001:db8::/32'}]",
            ],
        ),
        (
            "users: [{username: a, group: {name: g}, secondary_groups: [{id: h}], first_name: A}]",
            &[
                "users: [{username: a, group: g, secondaryGroupIds: [h], firstName: A}]",
                "users: [{username: a, group: ' G ', secondary_group_ids: [h], first_name: A, devices: []}]",
            ],
        ),
        (
            "users: [{username: a, group: 6f9619ff-8b86-d011-b42d-00c04fc964ff}]",
            &[
                "users: [{username: a, groupId: 6f9619ff-8b86-d011-b42d-00c04fc964ff}]",
                "users: [{username: a, group: {id: 6f9619ff-8b86-d011-b42d-00c04fc964ff}}]",
            ],
        ),
        (
            "user_groups: [{name: g, regions: [r], tunnel_bypass: [10.0.0.0/8], max_device: 2}]",
            &[
                "user_groups: [{name: g, vpnRegionIds: [r, r], tunnelBypass: {ipv4Subnets: [10.0.0.0/8]}, maxDevice: 2}]",
                "user_groups: [{name: g, vpn_region_ids: [r], all_regions_included: false, tunnel_bypass: {ipv4_subnets: [10.0.0.0/8]}, max_device: 0x2}]",
            ],
        ),
        (
            "devices: [{user: {id: u}, name: d, client_uuid: c}]",
            &[
                "devices: [{userId: u, name: d, clientUUID: c}]",
                "devices: [{user_id: u, name: d, client_uuid: c, platform: {os: x}}]",
            ],
        ),
        (
            "dns_records: [{domain: a.b, ipv4: [10.0.0.1], ipv6: []}]",
            &["dns_records: [{domain: a.b, ipv4Addresses: [10.0.0.1], ipv6_addresses: null}]"],
        ),
    ];
    for (plain, others) in same {
        let plain = spec(plain);
        assert_eq!(lines(&plain), [""; 0]);
        for other in *others {
            let other_reading = spec(other);
            assert_eq!(lines(&other_reading), [""; 0], "{other}");
            assert_eq!(state(&other_reading), state(&plain), "{other}");
        }
    }
}

/// An item as the service shows it reads back: response-only fields are noted once.
#[test]
fn answers_read_back() {
    let reading = spec(
        "networks:
  - {id: n1, name: a, systemSubnets: [100.96.0.0/20], connectors: [{id: c1, name: c, networkItemId: n1, networkItemType: NETWORK, vpnRegionId: r, ipV4Address: 100.96.0.1, licensed: true, connectionStatus: OFFLINE, tunnelingProtocol: OPENVPN}], routes: [{id: r1, type: IP_V4, subnet: 10.0.0.0/8}]}
  - {id: n2, name: b, system_subnets: []}
users: [{id: u1, username: u, status: ACTIVE, authType: INTERNAL, devices: [{id: d1, userId: u1, name: d}]}]
",
    );
    assert_eq!(lines(&reading), [""; 0]);
    assert_eq!(reading.desired.notes.len(), 11, "{:?}", reading.desired.notes);
    assert_eq!(state(&reading)[1], "network_connector a/c id=c1 in 0: name=\"c\" region=\"r\"");
}

#[test]
fn kinds_of_bare_items() {
    let read = |name: &str, text: &str| read_with(&[source(name, text)], &options(Mode::Spec));
    let by_name = read(
        "dir/users.berlin.yaml",
        "- {username: a}\n- {kind: dns_records, domain: b, ipv4: [10.0.0.1]}\n",
    );
    assert_eq!(state(&by_name)[0], "user a: username=\"a\"");
    assert_eq!(by_name.desired.kinds, [Kind::User, Kind::DnsRecord]);
    let several =
        read("a.yaml", "networks: ~\n---\n\n---\n- {kind: host, name: h}\n---\nhosts: [{name: i}]\n");
    assert_eq!(several.desired.kinds, [Kind::Network, Kind::Host]);
    assert_eq!(several.desired.items.len(), 2);
    assert_eq!(lines(&several), [""; 0]);
}

/// A batch of one kind: foreign kinds and unknown keys are failed items, everything else goes on.
#[test]
fn batches_take_one_kind() {
    let reading = items(
        Kind::Network,
        "networks: [{name: a}, {kind: host, name: b}, {kind: netwrok, name: c}, {kind: network, name: d}]
hosts: [{name: e}]
netwroks: [{name: f}, {name: g}]
",
    );
    assert!(!reading.unreadable);
    assert_eq!(
        lines(&reading),
        ["E008 1:30 kind", "E006 1:53 kind", "E008 2:1 hosts", "E101 3:1 netwroks", "E101 3:23 netwroks"]
    );
    let shown: Vec<_> = reading
        .desired
        .items
        .iter()
        .map(|i| {
            format!(
                "{} {} {}",
                i.kind.as_ref().map_or_else(String::as_str, |k| k.singular()),
                i.label(),
                i.problems.len()
            )
        })
        .collect();
    assert_eq!(
        shown,
        ["network a 0", "host b 1", "netwrok c 1", "network d 0", "host e 1", "netwroks f 1", "netwroks g 1"]
    );
    // A lone item is no list: nothing is guessed.
    let lone = read_with(&[source("-", "{\"name\": \"a\"}")], &options(Mode::Items(Kind::Network)));
    assert_eq!((lines(&lone), lone.unreadable), (vec!["E101 1:2 name".to_owned()], true));
    assert_eq!(
        lone.problems[0].hint.as_deref(),
        Some("an item stands in a list, or on a line of JSON Lines")
    );
    assert!(items(Kind::Network, "networks: [").unreadable);
    // What concerns one item only is that item's, also where a parser found it.
    let twice =
        items(Kind::Network, "- {name: a}\n- {name: b, egress: true, egress: false}\n- {name: !x c}\n");
    assert!(!twice.unreadable);
    let problems: Vec<_> = twice.desired.items.iter().map(|i| i.problems.len()).collect();
    assert_eq!(problems, [0, 1, 1]);
}

/// A nested child has its problems under its own names in the batch, under its parent's in the list of all.
#[test]
fn problems_of_children() {
    let reading = items(Kind::Network, "- {name: a, connectors: [{name: b, region: 1}]}");
    assert_eq!(lines(&reading), ["E105 1:44 connectors[0].region"]);
    assert_eq!(reading.problems[0].key.as_deref(), Some("a"));
    let child = &reading.desired.items[1];
    assert!(reading.desired.items[0].problems.is_empty());
    assert_eq!(child.problems[0].path.as_deref(), Some("region"));
    assert_eq!(child.problems[0].key.as_deref(), Some("a/b"));
}

#[test]
fn parents_by_id_and_by_name() {
    let reading = spec(
        "network_connectors:
  - {network: p/q, name: c}
  - {network: {id: i}, name: d}
  - {network: elsewhere, name: e}
  - {network_id: j, name: f}
  - {id: k, name: g}
networks: [{name: P/Q}, {id: i}]
",
    );
    assert_eq!(lines(&reading), [""; 0]);
    assert_eq!(
        state(&reading),
        [
            "network_connector P\\/Q/c in 5: name=\"c\"",
            "network_connector i/d in 6: name=\"d\"",
            "network_connector elsewhere/e in @elsewhere: name=\"e\"",
            "network_connector j/f in #j: name=\"f\"",
            "network_connector - id=k: name=\"g\"",
            "network P\\/Q: name=\"P/Q\"".replace("\\/", "/").as_str(),
            "network - id=i: ",
        ]
    );
}

/// No secret in clear text outside `inline_secrets`: not in given items, problems, excerpts or debug output.
#[test]
fn secrets_stay_secret() {
    let text = "networks:
  - name: n
    connectors:
      - name: c
        preSharedKey: canary-0
        ipsec:
          pre_shared_key: canary-1
          preSharedKey: canary-2
          peer_certificate_private_key: |
            canary-3
            canary-4
          peer_certificate_key_passphrase: [canary-5]
          pre_shared_kye: canary-6
          hostname: 5
      - {name: d, ipSecConfig: {preSharedKey: canary-7, platform: nope}}
      - {name: e, ipsec: {pre_shared_key: {value: canary-8}}}
      - {name: f, ipsec: {pre_shared_key: {hash: canary-9}}}
      - {name: g, ipsec: {pre_shared_key: {file: keys/g, hash: ignored, env: both}}}
netwroks:
  - {name: n, passphrase: canary-10, ipsec: {pre_shared_key: canary-11}}
";
    for reading in [spec(text), items(Kind::Network, text)] {
        let shown = format!("{:?} {:?} {:?}", reading.desired, reading.problems, reading.inline_secrets);
        assert!(!shown.contains("canary"), "{shown}");
        assert!(reading.inline_secrets.values().any(|v| v.expose() == "canary-1"));
    }
    let broken = spec("networks:\n  - pre_shared_key: \"canary\n");
    assert!(!format!("{:?}", broken.problems).contains("canary"));
    let reading = spec(text);
    let c = &reading.desired.items[1].given;
    assert!(c["ipsec"]["pre_shared_key"]["hash"].as_str().unwrap().starts_with("hmac-sha256:"));
    let FieldValue::Object(ipsec) = &reading.desired.items[1].fields["ipsec"] else { panic!() };
    let FieldValue::Secret(DesiredSecret::Reference(key)) = &ipsec["pre_shared_key"] else { panic!() };
    assert_eq!(key.hash.as_ref().unwrap().as_str(), c["ipsec"]["pre_shared_key"]["hash"]);
}

#[test]
fn secrets_by_reference() {
    let sources = [source(
        "specs/a.yaml",
        "network_connectors:
  - {network: n, name: a, ipsec: {pre_shared_key: {file: keys/a}}}
  - {network: n, name: b, ipsec: {pre_shared_key: {file: /etc/b}, ca_certificate: {file: ca.pem}}}
  - {network: n, name: c, ipsec: {pre_shared_key: {command: [pass, show, c]}}}
  - {network: n, name: d, ipsec: {pre_shared_key: {hash: \"hmac-sha256:01234567:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}}}
",
    )];
    let reading = read_with(&sources, &options(Mode::Spec));
    let secrets: Vec<_> = reading
        .desired
        .items
        .iter()
        .map(|item| match &item.fields["ipsec"] {
            FieldValue::Object(leaves) => match &leaves["pre_shared_key"] {
                FieldValue::Secret(DesiredSecret::Reference(r)) => format!("{:?}", r.source),
                FieldValue::Secret(DesiredSecret::HashOnly(h)) => h.key_id().to_owned(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        secrets,
        ["File(\"specs/keys/a\")", "File(\"/etc/b\")", "Command([\"pass\", \"show\", \"c\"])", "01234567"]
    );
    // Where a secret comes from is no secret, and stays as the user wrote it.
    assert_eq!(reading.desired.items[0].given["ipsec"]["pre_shared_key"], json!({"file": "keys/a"}));
}
