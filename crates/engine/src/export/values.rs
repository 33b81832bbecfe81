//! The value of a field as specs write it.

use super::{access, names::Names, order, services};
use crate::{
    catalog::{Field, FieldType},
    current::is_unset,
    key::parse_cidr,
};
use connexa_types::{JsonPointer, SecretHash};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, net::IpAddr};

/// Writes values of one object.
pub(super) struct Writer<'a> {
    pub(super) names: Names<'a>,
    pub(super) sealed: &'a BTreeMap<JsonPointer, SecretHash>,
}

impl Writer<'_> {
    /// The value of a field of the object at `at`; `None` where it is unset or empty.
    pub(super) fn value(&self, field: &Field, object: &Value, at: &JsonPointer) -> Option<Value> {
        let place = field.response.split('/').fold(at.clone(), |place, member| place.child(member));
        self.value_at(field, object, &place)
    }

    /// The value of a field that stands at `place`.
    pub(super) fn value_at(&self, field: &Field, object: &Value, place: &JsonPointer) -> Option<Value> {
        if matches!(field.ty, FieldType::Secret) {
            return self.sealed.get(place).map(|hash| json!({ "hash": hash.as_str() }));
        }
        let value = place.get(object)?;
        // An object that holds nothing but a secret looks empty.
        if is_unset(Some(value)) && !matches!(field.ty, FieldType::Object(_)) {
            return None;
        }
        let written = match field.ty {
            FieldType::Object(leaves) => {
                let leaves = leaves
                    .iter()
                    .filter_map(|leaf| Some((leaf.name.to_owned(), self.value(leaf, object, place)?)));
                shortest(field, leaves.collect())
            }
            FieldType::Enum(known) => word(known, value),
            FieldType::EnumSet(known) => {
                set(value, |word_| word(known, word_), |words| order::by_table(words, known))
            }
            FieldType::Reference(kind) => {
                value.as_str().map_or_else(|| value.clone(), |id| self.names.reference(kind, id))
            }
            FieldType::References(kind) => set(
                value,
                |id| id.as_str().map_or_else(|| id.clone(), |id| self.names.reference(kind, id)),
                order::by_text,
            ),
            FieldType::Regions | FieldType::Countries => set(value, Value::clone, order::by_text),
            FieldType::Ip | FieldType::Ipv4 => address(value),
            FieldType::Ipv4Set | FieldType::Ipv6Set => set(value, address, order::by_number),
            FieldType::Cidr | FieldType::Ipv4Cidr | FieldType::Ipv6Cidr => network(value),
            FieldType::Ipv4CidrSet | FieldType::Ipv6CidrSet => set(value, network, order::by_number),
            FieldType::Subnets => {
                set(value, |route| route.get("subnet").map_or(Value::Null, network), order::by_number)
            }
            FieldType::Domains { .. } => set(value, domain, order::by_text),
            FieldType::IpRanges => set(value, range, order::by_number),
            FieldType::Zones => {
                value.get("zones").map_or(Value::Null, |zones| set(zones, zone, |zones| zones))
            }
            FieldType::Services => services::list(value),
            FieldType::AccessItems(side) => match value {
                Value::Array(items) => access::items(self.names, side, items).into(),
                other => other.clone(),
            },
            FieldType::Text(_)
            | FieldType::Domain
            | FieldType::Boolean
            | FieldType::Integer(..)
            | FieldType::Region
            | FieldType::TextList
            | FieldType::Certificate
            | FieldType::Secret => value.clone(),
        };
        (!is_unset(Some(&written))).then_some(written)
    }
}

/// Each element of a set, in its order. Elements that came to nothing are left out.
fn set(value: &Value, one: impl Fn(&Value) -> Value, ordered: impl Fn(Vec<Value>) -> Vec<Value>) -> Value {
    match value {
        Value::Array(values) => {
            ordered(values.iter().map(one).filter(|value| !value.is_null()).collect()).into()
        }
        other => one(other),
    }
}

/// An object; a plain value, where its one leaf may stand for it.
fn shortest(field: &Field, mut leaves: Map<String, Value>) -> Value {
    match field.shorthand {
        Some(leaf) if leaves.len() == 1 => leaves.shift_remove(leaf).unwrap_or_else(|| leaves.into()),
        _ => leaves.into(),
    }
}

/// An enum value: small, or `raw:VALUE` if this version does not know it.
pub(super) fn word(known: &[&str], value: &Value) -> Value {
    match value.as_str() {
        Some(text) if known.contains(&text) => text.to_lowercase().into(),
        Some(text) => format!("raw:{text}").into(),
        None => value.clone(),
    }
}

/// An address in canonical text, which is what is sent and compared.
fn address(value: &Value) -> Value {
    let parsed = value.as_str().and_then(|text| text.trim().parse::<IpAddr>().ok());
    parsed.map_or_else(|| value.clone(), |address| address.to_string().into())
}

/// A network in canonical text, without the host bits that the service may have kept.
fn network(value: &Value) -> Value {
    let parsed = value.as_str().and_then(parse_cidr);
    parsed.map_or_else(|| value.clone(), |network| network.to_string().into())
}

/// A domain of an application: plain, if none of its flags is set.
fn domain(route: &Value) -> Value {
    let Some(domain) = route.get("domain").filter(|domain| !is_unset(Some(domain))) else {
        return Value::Null;
    };
    let is_set = |name: &str| route.get(name) == Some(&Value::Bool(true));
    let mut element = Map::from_iter([("domain".to_owned(), domain.clone())]);
    for (name, api) in [("allow_embedded_ip", "allowEmbeddedIp"), ("exact_match", "exactMatch")] {
        if is_set(api) {
            element.insert(name.to_owned(), true.into());
        }
    }
    if element.len() == 1 { domain.clone() } else { element.into() }
}

/// An address range: plain, if it has no description.
fn range(range: &Value) -> Value {
    let Some(ip) = range.get("ip").filter(|ip| !is_unset(Some(ip))) else { return Value::Null };
    match range.get("description").filter(|text| !is_unset(Some(text))) {
        None => network(ip),
        Some(description) => json!({ "ip": network(ip), "description": description }),
    }
}

/// A DNS zone.
fn zone(zone: &Value) -> Value {
    let name = zone.get("name").cloned().unwrap_or_default();
    let addresses = zone.get("addresses").map_or_else(|| json!([]), |a| set(a, address, order::by_number));
    json!({ "name": name, "addresses": addresses })
}
