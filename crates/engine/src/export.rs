//! Live objects as items of a spec (spec section 9): what `get`, `export`, `--where` and mended specs show of an object.
//!
//! [`fields`] is one object in the names and forms of spec section 5. [`item`] adds what makes it an item, for one of two
//! readers: an export, which makes the same object in another tenant, or a view of this one. [`document`](document())
//! puts the items of several kinds together. All of it is pure, and the same state gives the same bytes.

mod access;
mod document;
mod lists;
mod names;
mod order;
mod services;
mod settings;
mod values;

use crate::{
    catalog::{self, Definition, Field},
    current::{CurrentState, Live, is_unset},
};
use connexa_types::{JsonPointer, Kind};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub use document::{Children, Document, Section, document, is_left_out, routes_overlap};
pub use lists::{own_lists, referred};
pub use settings::{mapping as settings_mapping, value as setting_value};

use names::Names;
use values::Writer;

/// Who an item is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To make the same object elsewhere: without response-only fields and what belongs to one client alone; `id` only
    /// where the key is not unique.
    Export,
    /// To look at: with `id` and response-only fields.
    View,
}

/// The fields of spec section 5 that an object holds, in spec names and their shortest forms, in the order of the tables;
/// the parent first. Unset and empty values are left out. A setting has `key` and `value`.
pub fn fields(current: &CurrentState, live: &Live) -> Map<String, Value> {
    let definition = catalog::definition(live.kind);
    let names = Names::new(current);
    let mut fields = Map::new();
    if live.kind == Kind::Setting {
        let path = live.key.own.text.as_str();
        fields.insert(definition.key_name.to_owned(), path.into());
        // There is no value where the service does not tell it.
        let value = catalog::setting(path)
            .and_then(|setting| setting_value(setting, live.object.get("value").unwrap_or(&Value::Null)));
        fields.extend(value.map(|value| ("value".to_owned(), value)));
        return fields;
    }
    if let (Some(parent), Some(kind), Some(name)) =
        (&live.parent, live.kind.parent(), definition.parent_names.first())
    {
        fields.insert((*name).to_owned(), names.reference(kind, parent.as_str()));
    }
    let writer = Writer { names, sealed: &live.sealed };
    for field in definition.fields {
        if let Some(value) = writer.value(field, &live.object, &JsonPointer::default()) {
            fields.insert(field.name.to_owned(), value);
        }
    }
    // The flag says it all; a list beside it says nothing.
    if fields.get("all_regions_included") == Some(&Value::Bool(true)) {
        fields.shift_remove("regions");
    }
    fields
}

/// An object as an item of its kind, the parent named.
pub fn item(current: &CurrentState, live: &Live, purpose: Purpose) -> Map<String, Value> {
    let mut item = Map::new();
    let named = names::is_unique(current, live);
    // Settings have no ids.
    if live.kind != Kind::Setting && (purpose == Purpose::View || !named) {
        item.insert("id".to_owned(), live.id.as_str().into());
    }
    item.extend(fields(current, live));
    let definition = catalog::definition(live.kind);
    match purpose {
        Purpose::Export => {
            for field in definition.fields.iter().filter(|field| field.volatile) {
                item.shift_remove(field.name);
            }
        }
        Purpose::View => response_only(definition, live, &mut item),
    }
    item
}

/// A value of a field, whole and in the answer's form, as specs write it; `None` where it is unset or empty.
pub(crate) fn shown(current: &CurrentState, field: &Field, answer: &Value) -> Option<Value> {
    let sealed = BTreeMap::new();
    let writer = Writer { names: Names::new(current), sealed: &sealed };
    writer.value_at(field, answer, &JsonPointer::default())
}

/// An exported child as it stands inside its parent: its key alone, where it holds nothing else.
fn nested(current: &CurrentState, live: &Live) -> Value {
    let definition = catalog::definition(live.kind);
    let mut item = item(current, live, Purpose::Export);
    if let Some(parent) = definition.parent_names.first() {
        item.shift_remove(*parent);
    }
    let may_be_plain = matches!(live.kind, Kind::NetworkRoute | Kind::Device);
    match item.get(definition.key_name) {
        Some(key) if may_be_plain && item.len() == 1 => key.clone(),
        _ => Value::Object(item),
    }
}

/// Adds what the service alone decides, in the order of the catalog.
fn response_only(definition: &Definition, live: &Live, item: &mut Map<String, Value>) {
    // Of a child the parent stands there already, and under one name only.
    let is_parent = |name: &str| definition.parent_names.contains(&name);
    for name in definition.response_only.iter().filter(|name| !is_parent(name)) {
        let place = name.split('/').fold(JsonPointer::default(), |place, member| place.child(member));
        let Some(value) = place.get(&live.object).filter(|value| !is_unset(Some(value))) else { continue };
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

/// A spec of sections, for YAML and JSON: lists by kind, settings as a mapping by their paths.
pub fn spec(sections: Vec<Section>) -> Value {
    let list = |section: Section| {
        let value = match section.kind {
            Kind::Setting => settings_mapping(section.items),
            _ => json!(section.items),
        };
        (section.kind.plural().to_owned(), value)
    };
    Value::Object(sections.into_iter().map(list).collect())
}
