//! The law of all values: what a plan has made is what its spec asks for. Random values of every type of field, written as
//! a spec, carried out, and read back in the forms of the API's answers, plan to nothing.

mod kinds_support;

use kinds_support::Tenant;
use proptest::{prelude::*, sample::subsequence};
use serde_json::{Map, Value, json};

fn some(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(texts, 0..=texts.len()).prop_shuffle()
}

fn one(texts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    proptest::sample::select(texts).prop_map(Value::from)
}

fn list(texts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    some(texts).prop_map(Value::from)
}

/// A value, or null, or the field left out.
fn perhaps(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    prop_oneof![4 => value.prop_map(Some), 1 => Just(Some(Value::Null)), 2 => Just(None)].boxed()
}

/// A value that cannot be cleared, or the field left out.
fn given(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    prop_oneof![4 => value.prop_map(Some), 1 => Just(None)].boxed()
}

fn always(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    value.prop_map(Some).boxed()
}

fn object(fields: Vec<(&'static str, BoxedStrategy<Option<Value>>)>) -> impl Strategy<Value = Value> {
    let (names, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    values.prop_map(move |values| {
        let present = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
        Value::Object(present.collect::<Map<_, _>>())
    })
}

fn described(
    of: &'static str,
    elements: &'static [&'static str],
    flags: &'static [&'static str],
) -> impl Strategy<Value = Value> {
    (some(elements), any::<u8>()).prop_map(move |(elements, bits)| {
        let element = |(number, element): (usize, &'static str)| {
            let mut object = json!({of: element});
            for (flag, name) in flags.iter().enumerate() {
                if bits & (1 << ((number * 2 + flag) % 8)) != 0 {
                    object[*name] = if *name == "description" { json!("about it") } else { json!(true) };
                }
            }
            if object.as_object().is_some_and(|object| object.len() == 1) { json!(element) } else { object }
        };
        elements.into_iter().enumerate().map(element).collect()
    })
}

fn description() -> BoxedStrategy<Option<Value>> {
    perhaps(one(&["a", "é – \"b\""]))
}

fn services() -> BoxedStrategy<Option<Value>> {
    perhaps(list(&[
        "https",
        "ssh",
        "raw:QUIC",
        "tcp/80",
        "tcp/1-9",
        "tcp/80-81",
        "udp",
        "udp/53",
        "icmp/8",
        "icmp",
    ]))
}

const DOMAINS: &[&str] = &["a.example", "B.example", "c.example.", "d.e.example"];

fn network() -> impl Strategy<Value = Value> {
    let application = object(vec![
        ("name", always(Just(json!("wiki")))),
        ("description", description()),
        ("domains", always(described("domain", DOMAINS, &["allow_embedded_ip", "exact_match"]))),
        ("services", services()),
    ]);
    let ip_service = object(vec![
        ("name", always(Just(json!("lan")))),
        ("description", description()),
        ("type", always(Just(json!("ip_source")))),
        ("routes", perhaps(described("subnet", &["10.10.0.0/16", "10.10.4.0/24", "10.10.4.0/25"], &[]))),
        ("services", services()),
    ]);
    (application, ip_service).prop_map(|(application, ip_service)| {
        json!({"name": "hq", "applications": [application], "ip_services": [ip_service]})
    })
}

fn host() -> impl Strategy<Value = Value> {
    let application = object(vec![
        ("name", always(Just(json!("wiki")))),
        ("domains", always(described("domain", DOMAINS, &["allow_embedded_ip"]))),
        ("services", services()),
    ]);
    let ip_service = object(vec![("name", always(Just(json!("ssh")))), ("services", services())]);
    (application, ip_service).prop_map(|(application, ip_service)| {
        json!({"name": "bastion", "applications": [application], "ip_services": [ip_service]})
    })
}

fn access_group() -> impl Strategy<Value = Value> {
    let side = |forms: Vec<Value>| {
        let count = forms.len();
        subsequence(forms, 1..=count).prop_shuffle().prop_map(Value::from)
    };
    let source = vec![
        json!({"user_groups": "all"}),
        json!({"user_groups": ["engineers"]}),
        json!({"user_groups": ["Default", "engineers"]}),
        json!({"networks": "all"}),
        json!({"network": "hq", "all": true}),
        json!({"network": "hq", "ip_services": ["lan"]}),
        json!({"hosts": ["bastion"]}),
        json!({"type": "host", "all_covered": false, "parent": "h1"}),
    ];
    let destination = vec![
        json!({"user_groups": ["engineers"]}),
        json!({"networks": ["hq"]}),
        json!({"network": "hq", "applications": ["wiki"], "ip_services": ["lan"]}),
        json!({"network": "hq", "ip_services": ["lan"]}),
        json!({"hosts": "all"}),
        json!({"host": "bastion", "ip_services": ["ssh"], "applications": ["wiki"]}),
        json!({"published_services": ["p2", "p1"]}),
        json!({"published_services": "all"}),
    ];
    object(vec![
        ("name", always(Just(json!("all of it")))),
        ("source", always(side(source))),
        ("destination", always(side(destination))),
    ])
}

fn location_context() -> impl Strategy<Value = Value> {
    let ips = described("ip", &["192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"], &["description"]);
    let ips = ips.prop_filter("not empty", |ips| ips != &json!([]));
    object(vec![
        ("name", always(Just(json!("offices")))),
        ("description", description()),
        ("user_groups", perhaps(list(&["engineers", "default"]))),
        (
            "ip_check",
            always(object(vec![
                ("allowed", given(any::<bool>().prop_map(Value::from))),
                ("ips", always(ips)),
            ])),
        ),
        (
            "country_check",
            perhaps(object(vec![
                ("allowed", given(any::<bool>().prop_map(Value::from))),
                ("countries", always(list(&["FR", "it", "De"]))),
            ])),
        ),
        ("default_check", always(any::<bool>().prop_map(Value::from))),
    ])
}

fn device_posture() -> impl Strategy<Value = Value> {
    let allowed = || given(any::<bool>().prop_map(Value::from));
    let version = || {
        perhaps(object(vec![
            ("version", given(one(&["10.0", "11"]))),
            ("condition", given(one(&["gte", "lte", "equal"]))),
        ]))
    };
    let antiviruses = || perhaps(list(&["avast", "eset", "raw:NEWER"]));
    object(vec![
        ("name", always(Just(json!("patched")))),
        (
            "windows",
            perhaps(object(vec![
                ("allowed", allowed()),
                ("version", version()),
                ("antiviruses", antiviruses()),
                (
                    "disk_encryption",
                    perhaps(object(vec![("type", given(one(&["full_disk", "specific_volume"])))])),
                ),
                ("certificate", perhaps(one(&["PEM 1", "PEM 2"]))),
            ])),
        ),
        (
            "macos",
            perhaps(object(vec![
                ("allowed", allowed()),
                ("version", version()),
                ("disk_encrypted", perhaps(any::<bool>().prop_map(Value::from))),
            ])),
        ),
        ("linux", perhaps(any::<bool>().prop_map(Value::from))),
    ])
}

fn settings() -> impl Strategy<Value = Value> {
    let boolean = || given(any::<bool>().prop_map(Value::from));
    let zones = some(DOMAINS).prop_flat_map(|names| {
        let zone = |name: &'static str| {
            list(&["10.0.0.1", "10.0.0.2", "2001:db8::1"])
                .prop_map(move |a| json!({"name": name, "addresses": a}))
        };
        names.into_iter().map(zone).collect::<Vec<_>>().prop_map(Value::from)
    });
    let wpc = object(vec![
        ("topology", given(one(&["full_mesh", "custom"]))),
        (
            "subnet",
            given(object(vec![
                (
                    "ipv4",
                    given(list(&["100.96.0.0/11", "10.200.0.0/16"]).prop_filter("some", |l| l != &json!([]))),
                ),
                (
                    "ipv6",
                    given(list(&["fd00:1::/48", "fd00:2::/48"]).prop_filter("some", |l| l != &json!([]))),
                ),
            ])),
        ),
        ("snat", boolean()),
        ("routes_advanced_configuration_enabled", boolean()),
        (
            "domain_routing_subnet",
            given(object(vec![("ipv4", given(one(&["100.64.0.0/12", "100.80.0.0/12"])))])),
        ),
        ("default_region", given(one(&["eu-central-1", "it-mxp"]))),
        ("client_options", perhaps(list(&["a", "b", "c"]))),
    ]);
    let user = object(vec![
        ("device_allowance", given((0..9).prop_map(Value::from))),
        ("device_enforcement", given(one(&["off", "enforce"]))),
    ]);
    let dns = object(vec![
        ("zones", perhaps(zones)),
        ("default_suffix", perhaps(one(&["a.example", "B.example"]))),
        (
            "custom_servers",
            perhaps(object(vec![
                ("primary", always(one(&["10.0.0.1", "10.0.0.2"]))),
                ("secondary", given(one(&["10.0.0.3"]))),
            ])),
        ),
    ]);
    object(vec![
        ("wpc", always(wpc)),
        ("user", always(user)),
        ("dns", always(dns)),
        ("dns_log", boolean()),
        ("access_visibility", boolean()),
    ])
}

fn spec() -> impl Strategy<Value = String> {
    let lists = (network(), host(), access_group(), location_context(), device_posture(), settings());
    lists.prop_map(|(network, host, access_group, location_context, device_posture, settings)| {
        json!({
            "networks": [network], "hosts": [host], "access_groups": [access_group],
            "location_contexts": [location_context], "device_postures": [device_posture], "settings": settings,
        })
        .to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_made_is_what_was_asked_for(first in spec(), second in spec()) {
        let mut tenant = Tenant::new();
        for text in [&first, &second, &first] {
            let plan = tenant.plan(text);
            tenant.carry_out(&plan);
            let again = tenant.plan(text);
            let left: Vec<_> = again.changes.iter().filter(|change| !change.fields.is_empty()).collect();
            prop_assert!(again.is_empty(), "{left:#?}\n{:#?}", tenant.settings);
        }
    }
}
