use super::*;
use crate::spec::{Format, Limits, Mode, ReadOptions, SourceText, cells::as_json, node::Budget, read, yaml};
use connexa_types::SealingKey;

const PUBLISHED: &str = include_str!("../../../../../schemas/spec.schema.json");

fn documents(text: &str) -> Vec<Value> {
    let parsed = yaml::parse(text, &mut Budget::new(&Limits::default()));
    assert!(parsed.fatal.is_empty() && !parsed.flawed, "{text}");
    parsed.documents.iter().map(as_json).collect()
}

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&schema()).expect("a schema")
}

/// What a validator says against a text in YAML.
fn complaints(validator: &jsonschema::Validator, text: &str) -> Vec<String> {
    let documents = documents(text);
    documents
        .iter()
        .flat_map(|document| validator.iter_errors(document))
        .map(|error| error.to_string())
        .collect()
}

/// Whether the reader has errors that the form of a spec decides.
fn refused(text: &str) -> bool {
    let source =
        SourceText { name: "-".to_owned(), format: Some(Format::Yaml), bytes: text.as_bytes().to_vec() };
    let options = ReadOptions { mode: Mode::Spec, strict: false, limits: Limits::default(), creating: false };
    let key = SealingKey::new([7; 32]);
    read(&[source], &options, &|field, value| key.seal(field, value)).has_errors()
}

/// `SCHEMA_UPDATE=1 cargo test -p connexa-engine schema` writes the file anew.
#[test]
fn the_published_schema_is_the_one_that_is_made() {
    if std::env::var_os("SCHEMA_UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/spec.schema.json");
        std::fs::write(path, schema_text()).unwrap();
        return;
    }
    assert!(PUBLISHED == schema_text(), "schemas/spec.schema.json is old: SCHEMA_UPDATE=1 makes it anew");
}

#[test]
fn it_is_a_valid_schema() {
    jsonschema::draft202012::meta::validate(&schema()).expect("a schema of the draft that it names");
}

#[test]
fn every_name_is_described() {
    fn names(schema: &Value, path: &str, bare: &mut Vec<String>) {
        match schema {
            Value::Object(members) => {
                if let Some(Value::Object(properties)) = members.get("properties") {
                    for (name, property) in properties {
                        let described = property
                            .get("description")
                            .and_then(Value::as_str)
                            .is_some_and(|d| !d.is_empty());
                        let described = described || property.get("$ref").is_some();
                        // Members of single forms explain themselves by their form.
                        if !described && !path.starts_with("/$defs/") {
                            bare.push(format!("{path}/{name}"));
                        }
                    }
                }
                members.iter().for_each(|(name, inner)| names(inner, &format!("{path}/{name}"), bare));
            }
            Value::Array(list) => list.iter().for_each(|inner| names(inner, path, bare)),
            _ => {}
        }
    }
    let mut bare = Vec::new();
    let whole = schema();
    names(&whole, "", &mut bare);
    for kind in crate::spec::documents::spec_kinds() {
        names(&whole["$defs"][kind.singular()], kind.singular(), &mut bare);
    }
    bare.retain(|path| !path.contains("/if/"));
    assert!(bare.is_empty(), "{bare:?}");
}

#[test]
fn examples_are_valid() {
    let validator = validator();
    for text in [
        include_str!("../../../tests/spec_support/branch-office.yaml"),
        include_str!("../../../tests/spec_support/onboarding.yaml"),
        include_str!("../../../tests/spec_support/access.yaml"),
        include_str!("../../../../../examples/branch-offices.yaml"),
        include_str!("../../../../../examples/batch-networks.yaml"),
        include_str!("../../../../../examples/batch-networks.json"),
        "",
        "networks:\nusers: []\nx-anchors: {a: 1}\n_note: x\n$schema: https://example/spec.schema.json",
        "- {kind: network, name: rome, egress: false, description: ~, routes: [10.40.0.0/16]}\n- {name: x, whatever: 1}",
        "networks: [{name: oslo, internetAccess: SPLIT_TUNNEL_ON, gatewaysIds: [{id: x}], systemSubnets: [a], id: i}]",
        "network_connectors: [{networkId: n, name: c, vpnRegionId: r, ipSecConfig: {remoteSitePublicIp: '::1', server_ip: x}}]",
        "network_routes: [{network: {name: n}, value: '2001:db8::/32', type: IP_V6}]",
        "user_groups: [{name: g, regions: all, tunnelBypass: {ipv4Subnets: [10.0.0.0/8]}}, {name: h, vpn_region_ids: [a], connect_auth: raw:NEW}]",
        "network_applications: [{network: n, name: a, domains: [a.b, {value: c.d, exactMatch: true, id: x}], services: {serviceTypes: [CUSTOM], customServiceTypes: [{protocol: TCP, port: [{value: 1}]}]}}]",
        "settings: {user: {connection_timeout: 5}, dns: {zones: {zones: []}}, auth: {saml: {group_mappings: [x]}}, unit: u}",
        "settings: [{key: wpc.snat, value: true}]\ndependencies: {routes: [ip-services], users: ~}",
        "users: [{username: a, devices: [x, {name: y, description: ~}], secondaryGroupIds: ~, status: ACTIVE, unit: u, depends_on: [user/b]}]",
        "location_contexts: [{name: l, default_check: true, ip_check: ~, country_check: {allowed: true, countries: [fr]}}]",
    ] {
        assert_eq!(complaints(&validator, text), [""; 0], "{text}");
    }
}

#[test]
fn common_errors_are_told() {
    let validator = validator();
    for text in [
        "netwroks: []",
        "vars: {}",
        "networks: {name: a}",
        "networks: [a]",
        "networks: [{}]",
        "networks: [{egress: true}]",
        "networks: [{name: 12}]",
        "networks: [{name: a, colour: red}]",
        "networks: [{name: a, egress: 'true'}]",
        "networks: [{name: a, egress: ~}]",
        "networks: [{name: a, connectors: ~}]",
        "networks: [{name: a, gateways: hq}]",
        "networks: [{name: a, internet_access: open}]",
        "networks: [{name: a, routes: [10.0.0.0]}]",
        "networks: [{name: a, routes: [{description: lab}]}]",
        "networks: [{name: a, connectors: [{name: c, regoin: r}]}]",
        "networks: [{name: a, connectors: [{name: c, network: a}]}]",
        "networks: [{name: a, connectors: [{name: c, unit: u}]}]",
        "networks: [{name: a, ip_services: [{name: s, services: [tcp/http]}]}]",
        "networks: [{name: a, kind: host}]",
        "network_connectors: [{name: a}]",
        "network_connectors: [{network: n, name: a, ipsec: {pre_shared_key: {vault: x}}}]",
        "network_connectors: [{network: n, name: a, ipsec: {platfrom: aws}}]",
        "host_applications: [{host: h, name: a, domains: [{domain: a.b, exact_match: true}]}]",
        "user_groups: [{name: a, regions: every}]",
        "user_groups: [{name: a, max_device: many}]",
        "user_groups: [{name: a, max_device: 2147483648}]",
        "user_groups: [{name: a, atomic: true}]",
        "users: [{username: a, group: [b]}]",
        "users: [{username: a, depends_on: [b]}]",
        "access_groups: [{name: a, source: [{user_groups: [b], networks: all}], destination: [{network: n}]}]",
        "access_groups: [{name: a, source: [{published_services: all}]}]",
        "location_contexts: [{name: l, country_check: {countries: [FRA]}}]",
        "dns_records: [{domain: a..b}]",
        "dns_records: [{domain: a.b, ipv4: ['::1']}]",
        "settings: {wpc: {nat: true}}",
        "settings: {wpc: {snat: 1}}",
        "settings: {wpc: {snat: ~}}",
        "settings: [{key: wpc.snat}]",
        "settings: [{key: wpc.snat, value: 1}]",
        "dependencies: {groups: [users]}",
        "- {kind: netwrok, name: a}",
        "- {kind: network, naem: a}",
        "allow_domains: [a.b]",
    ] {
        assert!(refused(text), "the reader takes {text}");
        assert!(!complaints(&validator, text).is_empty(), "the schema takes {text}");
    }
}

/// Every name that the reader takes in an item the schema takes, and the other way round.
#[test]
fn names_are_those_of_the_reader() {
    let whole = schema();
    for kind in crate::spec::documents::spec_kinds().filter(|kind| *kind != Kind::Setting) {
        let definition = catalog::definition(kind);
        let names = crate::spec::names::Names::of(definition);
        let item = &whole["$defs"][kind.singular()];
        let item = item["anyOf"].get(1).unwrap_or(item);
        let patterns: Vec<_> = item["patternProperties"]
            .as_object()
            .unwrap()
            .keys()
            .flat_map(|p| {
                p.trim_start_matches("^(")
                    .trim_end_matches(")$")
                    .split('|')
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        let shown = item["properties"].as_object().unwrap().keys();
        let known: Vec<&str> = shown
            .map(String::as_str)
            .chain(patterns.iter().map(String::as_str))
            .filter(|n| *n != "^_")
            .collect();
        for name in &known {
            assert!(names.role(name).is_some(), "{kind} {name}");
        }
        for name in names.all().filter(|name| *name != "atomic") {
            assert!(known.contains(&name), "{kind} {name}");
        }
    }
}
