//! Items as given, for reports and mended specs: without nested children, `_…` names and secrets.

use super::{
    names::{self, Names, Role},
    node::{Node, Value},
};
use crate::catalog::FieldType;
use connexa_types::SecretHash;
use serde_json::{Map, Value as Json};

/// Writes an item. `names` are those of its kind, if that is known; names that are unknown hold a secret if they sound so.
pub(super) fn item(node: &Node, names: Option<&Names>, seal: &dyn Fn(&str, &str) -> SecretHash) -> Json {
    write(node, names, "", seal)
}

fn write(node: &Node, names: Option<&Names>, prefix: &str, seal: &dyn Fn(&str, &str) -> SecretHash) -> Json {
    match node.value() {
        Value::Null | Value::Shared(_) | Value::Broken(_) => Json::Null,
        Value::Boolean(b) => Json::Bool(*b),
        Value::Integer(i) => Json::from(*i),
        // Numbers beyond JSON's own are in error wherever they stand; their text tells more than a null.
        Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::from(&**text)),
        Value::Text(text) => Json::from(&**text),
        Value::List(nodes) => nodes.iter().map(|n| write(n, None, prefix, seal)).collect(),
        Value::Mapping(mapping) => {
            let mut members = Map::with_capacity(mapping.entries.len());
            for entry in mapping.entries.iter().filter(|e| !e.name.starts_with('_')) {
                let name = &*entry.name;
                let value = match names.and_then(|n| n.role(name)) {
                    Some(Role::Children(_)) => None,
                    Some(Role::Field { field, .. }) if matches!(field.ty, FieldType::Secret) => {
                        secret(&entry.value, &format!("{prefix}{}", field.name), seal)
                    }
                    Some(Role::Field { field, .. }) => {
                        let inner = names.and_then(|n| n.object(field.name));
                        let prefix =
                            if inner.is_some() { format!("{prefix}{}.", field.name) } else { String::new() };
                        Some(write(&entry.value, inner, &prefix, seal))
                    }
                    Some(_) => Some(write(&entry.value, None, "", seal)),
                    None if names::sounds_secret(name) => {
                        secret(&entry.value, &format!("{prefix}{name}"), seal)
                    }
                    None => Some(write(&entry.value, None, prefix, seal)),
                };
                members.extend(value.map(|v| (name.to_owned(), v)));
            }
            Json::Object(members)
        }
    }
}

/// A secret as it may be shown: a reference as it stands, a text as its hash; other shapes not at all.
fn secret(node: &Node, path: &str, seal: &dyn Fn(&str, &str) -> SecretHash) -> Option<Json> {
    match node.value() {
        Value::Null => Some(Json::Null),
        Value::Text(text) => Some(serde_json::json!({"hash": seal(path, text).as_str()})),
        Value::Mapping(mapping) => {
            let mut members = Map::new();
            for entry in mapping.entries.iter().filter(|e| !e.name.starts_with('_')) {
                let harmless = match (&*entry.name, entry.value.value()) {
                    ("hash", Value::Text(hash)) => SecretHash::parse(hash).is_some(),
                    ("env" | "file", Value::Text(_)) | ("command", Value::List(_)) => true,
                    _ => false,
                };
                if !harmless {
                    return None;
                }
                members.insert(entry.name.to_string(), write(&entry.value, None, "", seal));
            }
            Some(Json::Object(members))
        }
        _ => None,
    }
}
