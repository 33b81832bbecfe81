//! Forms of values, by the type of their field.

use crate::catalog::{FieldType, PROTOCOLS, SERVICE_TYPES, Side};
use serde_json::{Map, Value, json};

/// An IPv4 address.
const IPV4: &str = r"\d{1,3}(\.\d{1,3}){3}";
/// An IPv6 address, as far as a pattern should tell.
const IPV6: &str = r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*";

fn reference_to(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// A reference to one object.
pub(super) fn reference() -> Value {
    reference_to("reference")
}

/// Or null.
pub(super) fn or_null(schema: Value) -> Value {
    or(schema, json!({"type": "null"}))
}

fn or(schema: Value, other: Value) -> Value {
    match schema {
        Value::Object(members) if members.keys().all(|key| key == "anyOf") => {
            let Some(Value::Array(mut forms)) = members.into_iter().next().map(|(_, forms)| forms) else {
                return other;
            };
            forms.push(other);
            json!({"anyOf": forms})
        }
        schema => json!({"anyOf": [schema, other]}),
    }
}

/// Or the same within an object of the API.
pub(super) fn or_within(schema: Value, inner: &str) -> Value {
    let mut names = vec![inner.to_owned(), crate::catalog::snake(inner)];
    names.dedup();
    // Known, and not offered.
    let within = json!({
        "type": "object",
        "patternProperties": {"^_": true, format!("^({})$", names.join("|")): schema.clone()},
        "additionalProperties": false,
        "minProperties": 1,
    });
    or(schema, within)
}

/// The API's values, as they are written and as the API has them.
fn enumeration(values: &[&str]) -> Value {
    let written = values.iter().map(|value| value.to_lowercase());
    let mut all: Vec<String> = written.collect();
    all.extend(values.iter().map(|value| (*value).to_owned()).filter(|value| value.to_lowercase() != *value));
    json!({"anyOf": [{"enum": all}, {"type": "string", "pattern": "^raw:."}]})
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn pattern(pattern: &str) -> Value {
    json!({"type": "string", "pattern": format!("^\\s*{pattern}\\s*$")})
}

/// An object: names, their aliases and values, and those that it must have under some name.
fn object(members: &[(&str, &[&str], Value)], required: &[&str]) -> Value {
    let mut properties = Map::new();
    let mut patterns = Map::from_iter([("^_".to_owned(), Value::Bool(true))]);
    let mut needed = Vec::new();
    for (name, aliases, schema) in members {
        properties.insert((*name).to_owned(), schema.clone());
        let aliases: Vec<&str> = aliases.iter().copied().filter(|alias| alias != name).collect();
        if !aliases.is_empty() {
            patterns.insert(format!("^({})$", aliases.join("|")), schema.clone());
        }
        if required.contains(name) {
            needed.push(super::any_of(std::iter::once(*name).chain(aliases)));
        }
    }
    let mut object = json!({
        "type": "object", "properties": properties, "patternProperties": patterns, "additionalProperties": false,
    });
    if !needed.is_empty() {
        object["allOf"] = needed.into();
    }
    object
}

/// The values of a type that is no object of leaves.
pub(super) fn form(ty: FieldType) -> Value {
    match ty {
        FieldType::Text(_) => json!({"type": "string"}),
        FieldType::Region => json!({"type": "string", "pattern": "\\S"}),
        FieldType::Domain => reference_to("domain"),
        FieldType::Boolean => json!({"type": "boolean"}),
        FieldType::Integer(least, most) => json!({
            "type": "integer", "minimum": if least > 0 { least } else { i32::MIN }, "maximum": most,
        }),
        FieldType::Enum(values) => enumeration(values),
        FieldType::EnumSet(values) => list(&enumeration(values)),
        FieldType::Regions => {
            json!({"anyOf": [{"enum": ["all"]}, list(&json!({"type": "string", "pattern": "\\S"}))]})
        }
        FieldType::Ip => reference_to("ip"),
        FieldType::Cidr => reference_to("cidr"),
        FieldType::Ipv4 => pattern(IPV4),
        FieldType::Ipv4Set => list(&pattern(IPV4)),
        FieldType::Ipv6Set => list(&pattern(IPV6)),
        FieldType::Ipv4Cidr => pattern(&format!("{IPV4}/\\d{{1,2}}")),
        FieldType::Ipv6Cidr => pattern(&format!("{IPV6}/\\d{{1,3}}")),
        FieldType::Ipv4CidrSet => list(&pattern(&format!("{IPV4}/\\d{{1,2}}"))),
        FieldType::Ipv6CidrSet => list(&pattern(&format!("{IPV6}/\\d{{1,3}}"))),
        FieldType::TextList => list(&json!({"type": "string"})),
        FieldType::Domains { exact_match: true } => list(&reference_to("application_domain")),
        FieldType::Domains { exact_match: false } => list(&reference_to("host_application_domain")),
        FieldType::Subnets => list(&reference_to("subnet")),
        FieldType::Services => {
            json!({"anyOf": [list(&reference_to("service")), reference_to("service_config")]})
        }
        FieldType::AccessItems(Side::Source) => list(&reference_to("access_source")),
        FieldType::AccessItems(Side::Destination) => list(&reference_to("access_destination")),
        FieldType::IpRanges => list(&reference_to("ip_range")),
        FieldType::Countries => list(&json!({"type": "string", "pattern": "^[A-Za-z]{2}$"})),
        FieldType::Zones => or_within(list(&reference_to("zone")), "zones"),
        FieldType::Reference(_) => reference(),
        FieldType::References(_) => list(&reference()),
        FieldType::Secret | FieldType::Certificate => reference_to("secret"),
        FieldType::Object(leaves) => unreachable!("{} leaves have names of their own", leaves.len()),
    }
}

/// Forms that stand in several places.
pub(super) fn definitions() -> Map<String, Value> {
    let text = || json!({"type": "string", "pattern": "\\S"});
    let flag = || json!({"type": "boolean"});
    let described = |description: &str, schema: Value| super::with_description(schema, description);
    let domain = pattern(r"[^\s.]+(\.[^\s.]+)*\.?");
    let ip = json!({"anyOf": [pattern(IPV4), pattern(IPV6)]});
    let cidr =
        json!({"anyOf": [pattern(&format!("{IPV4}/\\d{{1,2}}")), pattern(&format!("{IPV6}/\\d{{1,3}}"))]});
    let element = |name: &'static str, form: Value, others: &[(&str, &[&str], Value)], ignored: &str| {
        let mut members: Vec<(&str, &[&str], Value)> = vec![(name, &["value"], form.clone())];
        members.extend(others.iter().cloned());
        let mut mapping = object(&members, &[name]);
        if !ignored.is_empty() {
            mapping["patternProperties"][format!("^({ignored})$")] = Value::Bool(true);
        }
        json!({"anyOf": [form, mapping]})
    };
    let embedded: (&str, &[&str], Value) = ("allow_embedded_ip", &["allowEmbeddedIp"], flag());
    let exact: (&str, &[&str], Value) = ("exact_match", &["exactMatch"], flag());
    let range = object(
        &[
            ("value", &[], json!({"type": ["integer", "null"]})),
            ("lower_value", &["lowerValue"], json!({"type": ["integer", "null"]})),
            ("upper_value", &["upperValue"], json!({"type": ["integer", "null"]})),
        ],
        &[],
    );
    let ranges = json!({"type": ["array", "null"], "items": range});
    let custom = object(
        &[
            ("protocol", &[], enumeration(PROTOCOLS)),
            ("port", &[], ranges.clone()),
            ("icmp_type", &["icmpType"], ranges),
        ],
        &["protocol"],
    );
    let config = object(
        &[
            (
                "service_types",
                &["serviceTypes"],
                json!({"type": ["array", "null"], "items": enumeration(&with_custom())}),
            ),
            (
                "custom_service_types",
                &["customServiceTypes"],
                json!({"type": ["array", "null"], "items": custom}),
            ),
        ],
        &[],
    );
    let named: Vec<String> =
        SERVICE_TYPES.iter().filter(|t| **t != "CUSTOM").map(|t| t.to_lowercase()).collect();
    let capitals: Vec<&str> = SERVICE_TYPES.iter().copied().filter(|t| *t != "CUSTOM").collect();
    let protocols = "([Tt][Cc][Pp]|[Uu][Dd][Pp]|[Ii][Cc][Mm][Pp])";
    let service = json!({"anyOf": [
        {"enum": named.iter().map(String::as_str).chain(capitals).chain(["tcp", "udp", "icmp"]).collect::<Vec<_>>()},
        pattern(&format!("{protocols}(/\\d{{1,5}}(-\\d{{1,5}})?)?")),
        {"type": "string", "pattern": "^raw:."},
    ]});
    let command = json!({"type": "array", "minItems": 1, "items": {"type": "string"}});
    let hash = json!({"type": "string", "pattern": "^hmac-sha256:"});
    let source =
        |name: &'static str, form: Value| object(&[(name, &[], form), ("hash", &[], hash.clone())], &[name]);
    Map::from_iter(
        [
            (
                "reference",
                described(
                    "A name, or an id in UUID form; a mapping says which.",
                    json!({"anyOf": [
                        text(),
                        object(&[("name", &[], text())], &["name"]),
                        object(&[("id", &[], text())], &["id"]),
                    ]}),
                ),
            ),
            ("domain", described("A domain name.", domain.clone())),
            ("ip", described("An address.", ip.clone())),
            ("cidr", described("A network with its prefix length and no host bits.", cidr.clone())),
            (
                "secret",
                described(
                    "A secret: where it comes from, or its text.",
                    json!({"anyOf": [
                        source("env", text()),
                        source("file", text()),
                        source("command", command),
                        object(&[("hash", &[], hash.clone())], &["hash"]),
                        {"type": "string"},
                    ]}),
                ),
            ),
            ("application_domain", element("domain", domain.clone(), &[embedded.clone(), exact], "id|type")),
            ("host_application_domain", element("domain", domain.clone(), &[embedded], "id|type")),
            ("subnet", element("subnet", cidr.clone(), &[], "id|type|parentRouteId|parent_route_id")),
            (
                "ip_range",
                json!({"anyOf": [cidr.clone(), object(
                    &[("ip", &[], cidr), ("description", &[], json!({"type": ["string", "null"]}))],
                    &["ip"],
                )]}),
            ),
            ("zone", object(&[("name", &[], domain), ("addresses", &[], list(&ip))], &["name", "addresses"])),
            (
                "service",
                described(
                    "A named type such as `https`, or `tcp/8000-8100`, `udp/53`, `icmp/8`, `tcp`.",
                    service,
                ),
            ),
            ("service_config", described("Services in the API's form.", config)),
            ("access_source", access(Side::Source)),
            ("access_destination", access(Side::Destination)),
        ]
        .map(|(name, schema)| (name.to_owned(), schema)),
    )
}

/// Named types of services, with the one that the API adds.
fn with_custom() -> Vec<&'static str> {
    let mut types = SERVICE_TYPES.to_vec();
    if !types.contains(&"CUSTOM") {
        types.push("CUSTOM");
    }
    types
}

/// The forms of an item of an access group (spec section 5.10).
fn access(side: Side) -> Value {
    let all_or = |items: Value| json!({"anyOf": [{"enum": ["all"]}, list(&items)]});
    let all = || json!({"enum": [true]});
    let some = || json!({"type": "array", "items": reference()});
    let lone = |name: &'static str| object(&[(name, &[], all_or(reference()))], &[name]);
    let of_parent = |name: &'static str| {
        let whole = object(&[(name, &[], reference()), ("all", &[], all())], &[name, "all"]);
        let part = object(
            &[(name, &[], reference()), ("applications", &[], some()), ("ip_services", &[], some())],
            &[name],
        );
        let part = json!({"allOf": [part, super::any_of(["applications", "ip_services"].into_iter())]});
        [whole, part]
    };
    let mut forms = vec![lone("user_groups"), lone("networks")];
    forms.extend(of_parent("network"));
    forms.push(lone("hosts"));
    let [host, services] = of_parent("host");
    forms.push(host);
    if side == Side::Destination {
        forms.push(services);
        forms.push(lone("published_services"));
    }
    let ids = json!({"type": ["array", "null"], "items": reference()});
    forms.push(object(
        &[
            ("type", &[], json!({"type": "string"})),
            ("all_covered", &["allCovered"], json!({"type": ["boolean", "null"]})),
            ("parent", &[], or_null(reference())),
            ("children", &[], ids),
        ],
        &["type"],
    ));
    let description = match side {
        Side::Source => "Who may reach: one of these forms.",
        Side::Destination => "What may be reached: one of these forms.",
    };
    json!({"description": description, "anyOf": forms})
}
