//! Live objects as items of a spec: the same names and values, with `id` and response-only fields, so that what `get`
//! writes reads back (spec section 9).

use connexa_engine::{
    catalog::{self, Definition, Field, FieldType},
    current::{CurrentState, Live},
};
use connexa_types::{JsonPointer, Kind, SecretHash};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// An object as an item, empty values left out.
pub(crate) fn item(live: &Live, current: &CurrentState) -> Map<String, Value> {
    let definition = catalog::definition(live.kind);
    let mut item = Map::new();
    item.insert("id".to_owned(), live.id.as_str().into());
    if let (Some(parent), Some(kind), Some(name)) =
        (&live.parent, live.kind.parent(), definition.parent_names.first())
    {
        item.insert((*name).to_owned(), reference(kind, parent.as_str(), current));
    }
    let scope = Scope { current, sealed: &live.sealed };
    for field in definition.fields {
        if let Some(value) = scope.value(field, &live.object, &JsonPointer::default()) {
            item.insert(field.name.to_owned(), value);
        }
    }
    // The flag says it all; a list beside it says nothing.
    if item.get("all_regions_included") == Some(&Value::Bool(true)) {
        item.remove("regions");
    }
    response_only(definition, live, &mut item);
    item
}

/// What a reference is written as: the key if it is unique and does not look like an id.
fn reference(kind: Kind, id: &str, current: &CurrentState) -> Value {
    let Some(of_kind) = current.kind(kind) else { return by_id(id) };
    match of_kind.by_id(id) {
        Some(live) if of_kind.by_key(&live.key).count() == 1 => {
            let key = live.key.to_string();
            if looks_like_id(&key) { json!({ "name": key }) } else { key.into() }
        }
        _ => by_id(id),
    }
}

fn by_id(id: &str) -> Value {
    if looks_like_id(id) { id.into() } else { json!({ "id": id }) }
}

fn looks_like_id(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}

struct Scope<'a> {
    current: &'a CurrentState,
    sealed: &'a BTreeMap<JsonPointer, SecretHash>,
}

impl Scope<'_> {
    /// The value of a field of the object at `at`; `None` where it is unset or empty.
    fn value(&self, field: &Field, object: &Value, at: &JsonPointer) -> Option<Value> {
        let place = field.response.split('/').fold(at.clone(), |place, member| place.child(member));
        if matches!(field.ty, FieldType::Secret) {
            return self.sealed.get(&place).map(|hash| json!({ "hash": hash.as_str() }));
        }
        let value = place.get(object).filter(|value| !is_empty(value))?;
        let shown = match field.ty {
            FieldType::Object(leaves) => {
                let leaves = leaves
                    .iter()
                    .filter_map(|leaf| Some((leaf.name.to_owned(), self.value(leaf, object, &place)?)));
                Value::Object(leaves.collect())
            }
            FieldType::Enum(known) => word(known, value),
            FieldType::EnumSet(known) => each(value, |value| word(known, value)),
            FieldType::Reference(kind) => self.named(kind, value),
            FieldType::References(kind) => each(value, |value| self.named(kind, value)),
            FieldType::Text(_)
            | FieldType::Domain
            | FieldType::Boolean
            | FieldType::Integer(..)
            | FieldType::Region
            | FieldType::Regions
            | FieldType::Ip
            | FieldType::Ipv4
            | FieldType::Ipv4Cidr
            | FieldType::Ipv6Cidr
            | FieldType::Ipv6CidrSet
            | FieldType::TextList
            | FieldType::Domains { .. }
            | FieldType::Subnets
            | FieldType::Services
            | FieldType::AccessItems(_)
            | FieldType::IpRanges
            | FieldType::Countries
            | FieldType::Zones
            | FieldType::Ipv4Set
            | FieldType::Ipv6Set
            | FieldType::Cidr
            | FieldType::Ipv4CidrSet
            | FieldType::Certificate
            | FieldType::Secret => value.clone(),
        };
        (!is_empty(&shown)).then_some(shown)
    }

    fn named(&self, kind: Kind, value: &Value) -> Value {
        value.as_str().map_or_else(|| value.clone(), |id| reference(kind, id, self.current))
    }
}

fn each(value: &Value, one: impl Fn(&Value) -> Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        other => one(other),
    }
}

/// An enum value as specs write it.
fn word(known: &[&str], value: &Value) -> Value {
    match value.as_str() {
        Some(text) if known.contains(&text) => text.to_lowercase().into(),
        Some(text) => format!("raw:{text}").into(),
        None => value.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Adds what the service alone decides, in the order of the catalog.
fn response_only(definition: &Definition, live: &Live, item: &mut Map<String, Value>) {
    // Of a flat child the parent stands there already, and under one name only.
    let is_parent = |name: &str| definition.parent_names.contains(&name);
    for name in definition.response_only.iter().filter(|name| !is_parent(name)) {
        let place = name.split('/').fold(JsonPointer::default(), |place, member| place.child(member));
        let Some(value) = place.get(&live.object).filter(|value| !is_empty(value)) else { continue };
        match name.split_once('/') {
            None => {
                item.entry(catalog::snake(name)).or_insert_with(|| value.clone());
            }
            Some((within, leaf)) => {
                let field = definition.fields.iter().find(|field| field.response == within);
                if let Some(Value::Object(map)) = field.and_then(|field| item.get_mut(field.name)) {
                    map.entry(catalog::snake(leaf)).or_insert_with(|| value.clone());
                }
            }
        }
    }
}

/// The kinds whose lists name the references of a kind's objects.
pub(crate) fn referred(kind: Kind) -> impl Iterator<Item = Kind> {
    catalog::definition(kind).fields.iter().filter_map(|field| match field.ty {
        FieldType::Reference(kind) | FieldType::References(kind) => Some(kind),
        _ => None,
    })
}
