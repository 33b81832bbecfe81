//! Specs in CSV (spec section 1.2): what is read, what is not, and that what is written reads back.

mod spec_support;

use connexa_engine::spec::{Limits, Mode, ReadOptions, Reading};
use connexa_types::Kind;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use spec_support::{lines, options, read_with, source, spec_as, state};

fn csv(name: &str, text: &str) -> Reading {
    read_with(&[source(name, text)], &options(Mode::Spec))
}

/// The same items as JSON.
fn as_json(items: &Value) -> Vec<String> {
    let reading = spec_as(connexa_engine::spec::Format::Json, &items.to_string());
    assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
    state(&reading)
}

#[test]
fn a_mended_result_file() {
    let reading = csv(
        "dir/networks.berlin.csv",
        "name,egress,description,internet_access,routes,_error\nrome,false,\\N,,10.40.0.0/16|10.41.0.0/16,\noslo,,,split_tunnel_on,10.50.0.0/16,overlapped a route\n",
    );
    assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
    assert_eq!(
        state(&reading),
        as_json(&json!({"networks": [
            {"name": "rome", "egress": false, "description": null, "routes": ["10.40.0.0/16", "10.41.0.0/16"]},
            {"name": "oslo", "internet_access": "split_tunnel_on", "routes": ["10.50.0.0/16"]},
        ]}))
    );
    let oslo = reading.desired.items.iter().find(|i| i.label() == "oslo").unwrap();
    assert_eq!((oslo.source.line, oslo.source.index), (3, 1));
    assert_eq!(oslo.place_of("internet_access").column, 8);
    assert_eq!(*oslo.given, json!({"name": "oslo", "internet_access": "split_tunnel_on"}));
}

#[test]
fn cells_are_typed_by_their_field() {
    let reading = csv(
        "users.csv",
        "\u{feff}username;email;secondaryGroupIds;devices;group;depends_on;unit\r\n'=ada ; a@b ;id1|id2;laptop|phone;g;;u\r\n\r\n\"bob;b\";\"\";[];\"[{\"\"name\"\": \"\"x|y\"\"}]\";\"{\"\"id\"\": \"\"7\"\"}\";user/=ada;\r\n",
    );
    assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
    assert_eq!(
        state(&reading),
        as_json(&json!({"users": [
            {"username": "=ada", "email": "a@b", "secondary_groups": [{"id": "id1"}, {"id": "id2"}],
             "devices": ["laptop", "phone"], "group": "g", "unit": "u"},
            {"username": "bob;b", "secondary_groups": [], "devices": [{"name": "x|y"}], "group": {"id": "7"},
             "depends_on": ["user/=ada"]},
        ]}))
    );
    assert_eq!(reading.desired.items[3].depends_on, [0]);
    let reading = csv(
        "network_connectors.csv",
        "network\tname\tregion\tipsec.platform\tipSecConfig.hostname\nn\tc\tr\taws\t12\n",
    );
    // Two names of one object are two fields.
    assert_eq!(lines(&reading), ["E104 2:11 ipsec"]);
    let reading = csv(
        "network_connectors.csv",
        "network,name,region,ipsec.platform,ipsec.hostname,ipsec.ike_protocol.phase1.lifetime_sec,ipsec.pre_shared_key\nn,c,r,AWS,12,3600,{\"env\": \"X\"}\nn,d,r,,,,\n",
    );
    assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
    assert_eq!(
        state(&reading),
        as_json(&json!({"network_connectors": [
            {"network": "n", "name": "c", "region": "r", "ipsec": {"platform": "aws", "hostname": "12",
             "ike_protocol": {"phase1": {"lifetime_sec": 3600}}, "pre_shared_key": {"env": "X"}}},
            {"network": "n", "name": "d", "region": "r"},
        ]}))
    );
    let reading = csv("user_groups.csv", "name,regions,max_device\na,all,3\nb,x|y,4\n");
    assert_eq!(
        state(&reading),
        as_json(&json!({"user_groups": [
            {"name": "a", "regions": "all", "max_device": 3}, {"name": "b", "regions": ["x", "y"], "max_device": 4},
        ]}))
    );
}

#[test]
fn settings_are_rows_of_key_and_value() {
    let text = "key,value\nwpc.snat,TRUE\nuser.connection_timeout,30\nwpc.subnet,\"{\"\"ipv4\"\": [\"\"10.0.0.0/8\"\"]}\"\ndns.default_suffix,\\N\nwpc.client_options,a|b\n";
    let expected = as_json(&json!({"settings": {
        "wpc": {"snat": true, "subnet": {"ipv4": ["10.0.0.0/8"]}},
        "users": {"connection_timeout": 30}, "dns": {"default_suffix": null},
    }}));
    let reading = csv("settings.csv", text);
    assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
    let mut found = state(&reading);
    assert_eq!(found.pop().unwrap(), "setting wpc.client_options: value=[\"a\",\"b\"]");
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(sorted(found), sorted(expected));
    let dotted =
        csv("setting.csv", "key,value.ipv4,value\nwpc.subnet,10.0.0.0/8|10.1.0.0/16,\nwpc.snat,,false\n");
    assert!(lines(&dotted).is_empty(), "{:?}", lines(&dotted));
    assert_eq!(
        state(&dotted),
        [
            "setting wpc.subnet: value={ipv4=[\"10.0.0.0/8\",\"10.1.0.0/16\"]}",
            "setting wpc.snat: value=false"
        ]
    );
    let wrong = csv("settings.csv", "key,value\nwpc.snat,1\nwpc.nat,true\n,true\ndns_log,\n");
    assert_eq!(lines(&wrong), ["E105 2:10 value", "E103 3:1 key", "E106 4:1 key", "E106 5:1 value"]);
}

#[test]
fn the_kind_is_that_of_the_command_the_row_or_the_file() {
    let by_row = csv("mixed.csv", "kind,name,egress\nnetwork,a,true\nhost,b,\n");
    assert_eq!(state(&by_row), ["network a: egress=true name=\"a\"", "host b: name=\"b\""]);
    let none = csv("list.csv", "name\na\n");
    assert_eq!(lines(&none), ["E006 2:1 -"]);
    let unknown = csv("networks.csv", "kind,name\nnetwrok,a\nhost,b\n");
    assert_eq!(lines(&unknown), ["E006 2:1 -"]);
    let batch =
        read_with(&[source("list.csv", "name,egress\na,true\n")], &options(Mode::Items(Kind::Network)));
    assert_eq!(state(&batch), ["network a: egress=true name=\"a\""]);
    let named = read_with(
        &[source("x.csv", "network,name\nn,c\n")],
        &options(Mode::Names(Some(Kind::NetworkConnector))),
    );
    assert_eq!(state(&named), ["network_connector n/c in @n: "]);
    let domains = read_with(&[source("x.csv", "domain\na.b\n")], &options(Mode::Items(Kind::BlockDomain)));
    assert_eq!(state(&domains), ["block_domain a.b: domain=\"a.b\""]);
}

#[test]
fn rows_in_error() {
    for (text, expected) in [
        ("", &["E007 1:1 -"][..]),
        ("\n \n", &["E007 1:1 -"]),
        ("name,,egress\n", &["E007 1:6 -"]),
        ("name,egress, name\n", &["E007 1:14 -"]),
        ("name,egress\na\nb,true,x\nc,true\n", &["E007 2:1 -", "E007 3:1 -"]),
        ("name,egress\n\"a,true\n", &["E002 2:1 -"]),
        ("name,egress\n\"a\"x,true\n", &["E002 2:4 -"]),
        ("name,egress\nb, yes\n\"x\ny\",maybe\n", &["E105 2:4 egress", "E105 4:4 egress"]),
        ("name,colour,_x\na,red,1\nb,,\n", &["E103 2:3 colour"]),
        ("name,ipsec.platform\na,aws\n", &["E103 2:3 ipsec.platform"]),
        ("name,routes\na,\"[1, \"\n", &["E002 2:3 -"]),
        ("name,routes\na,\"[{\"\"subnet\"\": \"\"10.0.0.0/8\"\", \"\"subnet\"\": 1}]\"\n", &["E003 2:3 -"]),
        ("name,routes\na,10.0.0.0/8||x\n", &["E109 2:3 routes[1].subnet", "E203 2:3 routes[2].subnet"]),
        (",,\n", &["E007 1:1 -"]),
        ("name,egress\n,\n", &["E106 2:1 name"]),
    ] {
        let found = lines(&csv("networks.csv", text));
        assert_eq!(found, expected, "{text:?}");
    }
    // In a batch a row in error fails alone, under its key.
    let batch = read_with(
        &[source("x.csv", "name,egress,routes\na\nb,true,[\nc,true,\n")],
        &options(Mode::Items(Kind::Network)),
    );
    assert!(!batch.unreadable);
    let items: Vec<_> = batch.desired.items.iter().map(|i| (i.label(), i.problems.len())).collect();
    assert_eq!(items, [("a".to_owned(), 1), ("b".to_owned(), 1), ("c".to_owned(), 0)]);
}

#[test]
fn limits_hold() {
    let read = |limits: Limits, text: &str| {
        let options = ReadOptions { mode: Mode::Items(Kind::Network), strict: false, limits, creating: true };
        lines(&read_with(&[source("x.csv", text)], &options))
    };
    let text = "name,description\na,bbbbbbbbbb\nc,d\n";
    assert_eq!(read(Limits { max_scalar_bytes: 9, ..Limits::default() }, text), ["E004 1:6 -"]);
    assert_eq!(read(Limits { max_scalar_bytes: 11, ..Limits::default() }, text), [""; 0]);
    assert_eq!(read(Limits { max_nodes: 5, ..Limits::default() }, text), ["E004 3:3 -"]);
    assert_eq!(read(Limits { max_items: 1, ..Limits::default() }, text), ["E004 3:1 -"]);
    let deep = format!("name,routes\na,\"{}\"\n", "[".repeat(70));
    assert_eq!(read(Limits::default(), &deep), ["E004 2:3 -"]);
}

/// Writes items as CSV: a column for each leaf.
fn write(items: &[Map<String, Value>], delimiter: char, quote_all: bool) -> String {
    fn leaves(prefix: &str, item: &Map<String, Value>, row: &mut Vec<(String, String)>) {
        for (name, value) in item {
            match value {
                Value::Object(map) => leaves(&format!("{prefix}{name}."), map, row),
                value => row.push((format!("{prefix}{name}"), cell(value))),
            }
        }
    }
    fn cell(value: &Value) -> String {
        match value {
            Value::Null => "\\N".to_owned(),
            Value::String(text) if text.trim_start_matches('\'').starts_with(['=', '+', '-', '@']) => {
                format!("'{text}")
            }
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
    let rows: Vec<Vec<(String, String)>> = items
        .iter()
        .map(|item| {
            let mut row = Vec::new();
            leaves("", item, &mut row);
            row
        })
        .collect();
    let mut header: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !header.contains(&name.as_str()) {
            header.push(name);
        }
    }
    let quoted = |text: &str| {
        let plain = !quote_all && !text.contains([delimiter, '"', '\n', '\r']) && text.trim() == text;
        if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
    };
    let line = |cells: Vec<&str>| {
        cells.into_iter().map(quoted).collect::<Vec<_>>().join(&delimiter.to_string()) + "\n"
    };
    let mut out = line(header.clone());
    for row in &rows {
        let cell = |name: &&str| row.iter().find(|(n, _)| n == name).map_or("", |(_, cell)| cell.as_str());
        out.push_str(&line(header.iter().map(cell).collect()));
    }
    out
}

fn item() -> impl Strategy<Value = Map<String, Value>> {
    let text = || "[a-c ,;|'=@\"\\\\\n\té{\\[-]{0,5}x".prop_map(Value::from);
    let nullable = move || prop_oneof![1 => Just(Value::Null), 4 => text()];
    let list = prop::collection::vec("[a-c ,;|'=\\\\é]{0,5}x", 0..3).prop_map(|l| json!(l));
    let leaves = (text(), -5_i64..5_000_000_000, any::<bool>());
    (
        prop::option::of(nullable()),
        prop::option::of(any::<bool>()),
        prop::option::of(list),
        prop::option::of(leaves),
    )
        .prop_map(|(description, atomic, depends_on, ipsec)| {
            let mut item = Map::new();
            item.extend(description.map(|v| ("description".to_owned(), v)));
            item.extend(atomic.map(|v| ("atomic".to_owned(), v.into())));
            item.extend(depends_on.map(|v| ("depends_on".to_owned(), v)));
            item.extend(ipsec.map(|(host, seconds, auto)| {
                let ike = json!({"phase1": {"lifetime_sec": seconds}, "auto_initiate": auto});
                ("ipsec".to_owned(), json!({"hostname": host, "ike_protocol": ike}))
            }));
            item
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Items written as CSV, with any delimiter and any quoting, are the items that JSON makes of them: desired state and
    /// problems.
    #[test]
    fn items_written_as_csv_read_back(
        items in prop::collection::vec(item(), 1..5),
        delimiter in prop::sample::select(vec![',', ';', '\t']),
        quote_all in any::<bool>(),
    ) {
        let items: Vec<_> = items
            .into_iter()
            .enumerate()
            .map(|(number, item)| {
                // More columns than the other delimiters have signs in the header.
                let mut whole = Map::from_iter([
                    ("name".to_owned(), json!(format!("c{number}"))),
                    ("network".to_owned(), json!("n")),
                    ("region".to_owned(), json!("r")),
                ]);
                whole.extend(item);
                whole
            })
            .collect();
        let from_csv = csv("network_connectors.csv", &write(&items, delimiter, quote_all));
        let from_json = spec_as(
            connexa_engine::spec::Format::Json,
            &json!({ "network_connectors": items }).to_string(),
        );
        prop_assert_eq!(state(&from_csv), state(&from_json));
        let codes = |r: &Reading| {
            let mut codes: Vec<_> = r.problems.iter().map(|p| format!("{} {:?} {}", p.code, p.path, p.message)).collect();
            codes.sort();
            codes
        };
        prop_assert_eq!(codes(&from_csv), codes(&from_json));
    }
}

#[test]
fn columns_of_what_only_answers_hold_are_ignored() {
    let reading = csv(
        "network_connectors.csv",
        "network,name,region,ipsec.platform,ipsec.connector_state,ipsec.serverIp\np,a,r,aws,ACTIVE,10.0.0.1\n",
    );
    assert!(lines(&reading).iter().all(|line| !line.starts_with("E1")), "{:?}", lines(&reading));
    let reading = csv("devices.csv", "user,name,platform.os,platform.client_version\nada,laptop,Windows,3\n");
    assert!(lines(&reading).is_empty(), "{:?}", lines(&reading));
    assert_eq!(state(&reading), as_json(&json!({"devices": [{"user": "ada", "name": "laptop"}]})));
}
