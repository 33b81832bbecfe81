//! Values as people read them: as specs write them, enums small, references by name, secrets by hash.

use super::find::{Finder, Resolved};
use crate::{
    catalog::{Field, FieldType},
    desired::{AccessItem, DesiredSecret, FieldValue, Reference, Target},
    export, forms,
};
use connexa_types::{Kind, SecretHash};
use serde_json::{Map, Value, json};

/// The desired value of a field.
pub(super) fn desired(finder: &Finder<'_>, field: &Field, value: &FieldValue) -> Value {
    match value {
        FieldValue::Clear => Value::Null,
        FieldValue::Value(value) => plain(finder, field, value),
        FieldValue::Reference(reference) => named(finder, reference).into(),
        FieldValue::References(references) => references.iter().map(|r| named(finder, r)).collect(),
        FieldValue::Access(items) => items.iter().map(|item| access(finder, item)).collect(),
        FieldValue::Object(leaves) => {
            let FieldType::Object(fields) = field.ty else { return Value::Null };
            let shown = fields.iter().filter_map(|leaf| {
                Some((leaf.name.to_owned(), desired(finder, leaf, leaves.get(leaf.name)?)))
            });
            Value::Object(shown.collect())
        }
        FieldValue::Secret(DesiredSecret::HashOnly(hash)) => hash.as_str().into(),
        FieldValue::Secret(DesiredSecret::Reference(reference)) => match &reference.hash {
            Some(hash) => hash.as_str().into(),
            // Not hashed yet: where it comes from says as much, and no more.
            None => serde_json::to_value(&reference.source).unwrap_or(Value::Null),
        },
    }
}

/// The live value of a field.
pub(super) fn live(
    finder: &Finder<'_>,
    field: &Field,
    value: Option<&Value>,
    sealed: Option<&SecretHash>,
) -> Value {
    if let Some(hash) = sealed {
        return hash.as_str().into();
    }
    let Some(value) = value else { return Value::Null };
    match field.ty {
        FieldType::Secret => Value::Null,
        FieldType::Reference(kind) => by_id(finder, kind, value),
        FieldType::References(kind) => match value {
            Value::Array(list) => list.iter().map(|id| by_id(finder, kind, id)).collect(),
            other => by_id(finder, kind, other),
        },
        FieldType::Object(fields) => {
            let shown: Map<String, Value> = fields
                .iter()
                .filter_map(|leaf| {
                    let value = super::fields::at(Some(value), leaf.response)?;
                    Some((leaf.name.to_owned(), live(finder, leaf, Some(value), None)))
                })
                .collect();
            Value::Object(shown)
        }
        _ => plain(finder, field, value),
    }
}

/// What a reference names, as given.
pub(super) fn target(reference: &Reference) -> String {
    match &reference.target {
        Target::Key(key) => key.to_string(),
        Target::Id(id) | Target::Unchecked(id) => id.to_string(),
    }
}

/// What a reference names, by its key.
pub(super) fn named(finder: &Finder<'_>, reference: &Reference) -> String {
    match finder.reference(reference) {
        Resolved::Item(item) => finder.key(item),
        Resolved::Live(live) => live.key.to_string(),
        Resolved::Unchecked | Resolved::Missing | Resolved::Ambiguous => target(reference),
    }
}

fn by_id(finder: &Finder<'_>, kind: Kind, id: &Value) -> Value {
    let name =
        id.as_str().and_then(|id| finder.current.kind(kind)?.by_id(id)).map(|live| live.key.to_string());
    name.map_or_else(|| id.clone(), Value::String)
}

/// A value in the request's or the answer's form.
fn plain(finder: &Finder<'_>, field: &Field, value: &Value) -> Value {
    match (field.ty, value) {
        (FieldType::Enum(known), Value::String(text)) => word(known, text),
        (FieldType::EnumSet(known), Value::Array(list)) => {
            list.iter().map(|v| v.as_str().map_or_else(|| v.clone(), |text| word(known, text))).collect()
        }
        (
            FieldType::Domains { .. }
            | FieldType::Subnets
            | FieldType::Services
            | FieldType::AccessItems(_)
            | FieldType::IpRanges
            | FieldType::Zones,
            _,
        ) => {
            let answer = forms::response(field.ty, value);
            export::shown(finder.current, field, &answer).unwrap_or_else(|| json!([]))
        }
        _ => value.clone(),
    }
}

/// An item of a side of an access group in the short form of spec section 5.10; children by their own names.
fn access(finder: &Finder<'_>, item: &AccessItem) -> Value {
    let own = |reference: &Reference| match finder.reference(reference) {
        Resolved::Item(item) => {
            finder.item(item).key.as_ref().map_or_else(|| target(reference), |key| key.own.text.clone())
        }
        Resolved::Live(live) => live.key.own.text.clone(),
        Resolved::Unchecked | Resolved::Missing | Resolved::Ambiguous => target(reference),
    };
    let of_kinds = |kinds: [Kind; 2]| -> Vec<String> {
        item.children.iter().filter(|child| kinds.contains(&child.kind)).map(own).collect()
    };
    let all: Vec<String> = item.children.iter().map(own).collect();
    let is_raw = |reference: &Reference| matches!(reference.target, Target::Unchecked(_));
    let is_raw = item.parent.as_ref().is_some_and(is_raw) || item.children.iter().any(is_raw);
    let (one, many) = match item.of.as_str() {
        "USER_GROUP" if !is_raw && item.parent.is_none() => {
            return if item.all { json!({"user_groups": "all"}) } else { json!({"user_groups": all}) };
        }
        "PUBLISHED_SERVICE" if item.parent.is_none() => {
            return if item.all {
                json!({"published_services": "all"})
            } else {
                json!({"published_services": all})
            };
        }
        "NETWORK_SERVICE" if !is_raw => ("network", "networks"),
        "HOST" | "HOST_SERVICE" if !is_raw => ("host", "hosts"),
        of => {
            let parent = item.parent.as_ref().map(own);
            return json!({"type": of.to_lowercase(), "all_covered": item.all, "parent": parent, "children": all});
        }
    };
    let Some(parent) = &item.parent else { return json!({many: "all"}) };
    let mut shown = Map::from_iter([(one.to_owned(), own(parent).into())]);
    if item.all {
        shown.insert("all".to_owned(), true.into());
    }
    for (name, kinds) in [
        ("applications", [Kind::NetworkApplication, Kind::HostApplication]),
        ("ip_services", [Kind::NetworkIpService, Kind::HostIpService]),
    ] {
        let children = of_kinds(kinds);
        if !children.is_empty() {
            shown.insert(name.to_owned(), children.into());
        }
    }
    shown.into()
}

/// An enum value as specs write it: small, or `raw:VALUE` if this version does not know it.
fn word(known: &[&str], text: &str) -> Value {
    if known.contains(&text) { text.to_lowercase().into() } else { json!(format!("raw:{text}")) }
}
