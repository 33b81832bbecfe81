//! Laws of the spec reader over random input, and its speed on large ones.

mod spec_support;

use connexa_engine::spec::{Format, Mode, SourceText};
use connexa_types::Kind;
use proptest::prelude::*;
use serde_json::{Value, json};
use spec_support::{lines, options, read_with, spec_as, state};

/// Values that mostly are what a field takes, and sometimes are not.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-5i64..5_000_000_000).prop_map(Value::from),
        Just(json!(1.5)),
        "[a-z .@/0-9é\"\\\\\n#:-]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "paris",
            "10.0.0.0/8",
            "a@b",
            "split_tunnel_off",
            "ipsec",
            "all",
            "10.0.0.1",
            "true",
            "https",
            "tcp/1-9",
            "wpc.snat",
            "FR",
            "~"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4).prop_map(object),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "name",
        "kind",
        "id",
        "username",
        "domain",
        "subnet",
        "egress",
        "connectors",
        "routes",
        "devices",
        "gateways",
        "group",
        "groupId",
        "regions",
        "ipsec",
        "pre_shared_key",
        "ike_protocol",
        "phase1",
        "internet_access",
        "ipv4",
        "network",
        "user",
        "unit",
        "description",
        "max_device",
        "_error",
        "colour",
        "email",
        "status",
        "domains",
        "services",
        "config",
        "serviceTypes",
        "custom_service_types",
        "protocol",
        "port",
        "value",
        "source",
        "destination",
        "user_groups",
        "networks",
        "hosts",
        "all",
        "applications",
        "ip_services",
        "type",
        "children",
        "ip_check",
        "ips",
        "ip",
        "country_check",
        "countries",
        "allowed",
        "windows",
        "linux",
        "version",
        "key",
        "wpc",
        "dns",
        "zones",
        "addresses",
    ])
    .prop_map(str::to_owned)
}

fn object(members: Vec<(String, Value)>) -> Value {
    Value::Object(members.into_iter().collect())
}

fn spec_value() -> impl Strategy<Value = Value> {
    let lists = prop::sample::select(vec![
        "networks",
        "hosts",
        "users",
        "user_groups",
        "dns_records",
        "network_routes",
        "network_connectors",
        "devices",
        "host_connectors",
        "network_applications",
        "host_ip_services",
        "access_groups",
        "location_contexts",
        "device_postures",
        "x-a",
        "settings",
        "colours",
    ]);
    let item = prop::collection::vec((name(), value()), 0..6).prop_map(object);
    prop::collection::vec((lists, prop::collection::vec(item, 0..4)), 0..4)
        .prop_map(|kinds| object(kinds.into_iter().map(|(k, items)| (k.to_owned(), items.into())).collect()))
}

/// Block style YAML, every text in JSON quotes.
fn yaml(value: &Value, indent: usize, out: &mut String) {
    let pad = "  ".repeat(indent);
    match value {
        Value::Array(list) if !list.is_empty() => {
            for element in list {
                *out += "\n";
                *out += &pad;
                *out += "-";
                yaml(element, indent + 1, out);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                *out += "\n";
                *out += &pad;
                *out += &Value::from(name.as_str()).to_string();
                *out += ":";
                yaml(member, indent + 1, out);
            }
        }
        flat => {
            *out += " ";
            *out += &flat.to_string();
        }
    }
}

fn without_places(reading: &connexa_engine::spec::Reading) -> Vec<String> {
    let mut found: Vec<_> = reading
        .problems
        .iter()
        .map(|p| format!("{} {:?} {} {:?} {:?}", p.code, p.path, p.message, p.kind, p.key))
        .map(|line| {
            // Messages that point at another item name its line.
            line.split(", line ")
                .next()
                .unwrap_or_default()
                .split(" on line ")
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// The format makes no difference: same items, same problems.
    #[test]
    fn yaml_and_json_agree(value in spec_value()) {
        let json = spec_as(Format::Json, &value.to_string());
        let mut text = String::new();
        yaml(&value, 0, &mut text);
        let yaml = spec_as(Format::Yaml, &text);
        prop_assert_eq!(state(&json), state(&yaml), "{}", text);
        prop_assert_eq!(without_places(&json), without_places(&yaml), "{}", text);
        // JSON is YAML too.
        let flow = spec_as(Format::Yaml, &value.to_string());
        prop_assert_eq!(state(&json), state(&flow));
    }

    /// What is given can be given again: an item's `given` reads as the item.
    #[test]
    fn given_reads_back(value in spec_value()) {
        let first = spec_as(Format::Json, &value.to_string());
        for item in first.desired.items.iter().filter(|i| i.kind.is_ok() && i.parent.is_none()) {
            let kind = *item.kind.as_ref().unwrap();
            let text = json!({ kind.plural(): [item.given] }).to_string();
            let again = spec_as(Format::Json, &text);
            if first.inline_secrets.is_empty() {
                prop_assert_eq!(&again.desired.items[0].fields.len(), &item.fields.len(), "{}", text);
            }
            prop_assert_eq!(&again.desired.items[0].given, &item.given);
        }
    }

    /// Random bytes never panic, and every problem has a place inside the text.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64), kind in 0usize..4) {
        let format = [Format::Yaml, Format::Json, Format::JsonLines, Format::Csv][kind];
        let lines = bytes.iter().filter(|b| matches!(b, b'\n' | b'\r')).count() + 1;
        let source = SourceText { name: "a".into(), format: Some(format), bytes };
        let reading = read_with(&[source], &options(Mode::Spec));
        for problem in &reading.problems {
            prop_assert!(problem.line.unwrap() as usize <= lines + 1 && problem.column.unwrap() >= 1);
        }
    }

    /// Text that looks like YAML never panics, in any mode.
    #[test]
    fn any_yaml(text in "(networks|users|- |: |name|\\[|\\]|\\{|\\}|,|\n|  |&a |\\*a|!!str |<<|\\||>|'|\"|#|\\?|%|---\n|\t|é|0|~){0,24}") {
        for mode in [Mode::Spec, Mode::Items(Kind::Network), Mode::Items(Kind::Device)] {
            let source = SourceText { name: "a.yaml".into(), format: None, bytes: text.clone().into_bytes() };
            let reading = read_with(&[source], &options(mode));
            prop_assert!(!reading.unreadable || reading.has_errors());
        }
    }

    /// A truncated spec is refused, or is a shorter spec; it never panics.
    #[test]
    fn truncated(value in spec_value(), cut in 0usize..400) {
        let text = value.to_string();
        let cut = (0..=cut.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap();
        spec_as(Format::Json, &text[..cut]);
        spec_as(Format::Yaml, &text[..cut]);
    }
}

/// The cost grows with the input, not with its square: a large input of every shape that a quadratic algorithm would
/// choke on still ends.
#[test]
fn large_inputs() {
    use std::fmt::Write;
    let count = 20_000;
    let mut text = "networks:\n".to_owned();
    for i in 0..count {
        let (a, b) = (i / 250, i % 250);
        let _ = write!(
            text,
            "  - name: n{i}\n    connectors: [{{name: c, region: r}}]\n    routes: [10.{a}.{b}.0/24, 10.0.0.0/8]\n"
        );
    }
    let reading = spec_as(Format::Yaml, &text);
    assert_eq!(reading.desired.items.len(), count * 4);
    // Each network's own two routes overlap, and both overlap the /8 of the first network.
    assert_eq!(reading.problems.len(), count + 2 * (count - 1), "{:?}", &lines(&reading)[..4]);
    // One long line of JSON, many members in one mapping, many names in one list.
    let gateways: Vec<_> = (0..count).map(|i| format!("g{i}")).collect();
    let mut members: serde_json::Map<_, _> = (0..count).map(|i| (format!("_{i}"), json!(1))).collect();
    members.insert("name".into(), json!("é"));
    members.insert("gateways".into(), json!(gateways));
    let wide = spec_as(Format::Json, &json!({ "networks": [members] }).to_string());
    assert_eq!(lines(&wide), [""; 0]);
}
