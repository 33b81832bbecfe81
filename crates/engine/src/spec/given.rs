//! Items as given, for reports and mended specs: without nested children, `_…` names and secrets.

use super::{
    names,
    node::{Node, Value},
};
use connexa_types::SecretHash;
use serde_json::{Map, Value as Json};

/// Writes an item. `leave_out` says which members of the item itself are its nested children.
pub(super) fn item(
    node: &Node,
    leave_out: &dyn Fn(&str) -> bool,
    seal: &dyn Fn(&str, &str) -> SecretHash,
) -> Json {
    write(node, leave_out, "", seal)
}

fn write(
    node: &Node,
    leave_out: &dyn Fn(&str) -> bool,
    prefix: &str,
    seal: &dyn Fn(&str, &str) -> SecretHash,
) -> Json {
    match node.value() {
        Value::Null | Value::Shared(_) | Value::Broken(_) => Json::Null,
        Value::Boolean(b) => Json::Bool(*b),
        Value::Integer(i) => Json::from(*i),
        // Numbers beyond JSON's own are in error wherever they stand; their text tells more than a null.
        Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::from(&**text)),
        Value::Text(text) => Json::from(&**text),
        Value::List(nodes) => nodes.iter().map(|n| write(n, &|_| false, prefix, seal)).collect(),
        Value::Mapping(mapping) => {
            let mut members = Map::new();
            for entry in &mapping.entries {
                if entry.name.starts_with('_') || leave_out(&entry.name) {
                    continue;
                }
                let path = format!("{prefix}{}", crate::catalog::snake(&entry.name));
                let value = if names::sounds_secret(&entry.name) {
                    match secret(&entry.value, &path, seal) {
                        Some(value) => value,
                        None => continue,
                    }
                } else {
                    write(&entry.value, &|_| false, &format!("{path}."), seal)
                };
                members.insert(entry.name.to_string(), value);
            }
            Json::Object(members)
        }
    }
}

/// A secret as it may be shown: a reference as it stands, a text as its hash; other shapes not at all.
fn secret(node: &Node, path: &str, seal: &dyn Fn(&str, &str) -> SecretHash) -> Option<Json> {
    match node.value() {
        Value::Null => Some(Json::Null),
        Value::Text(text) => {
            // The API's name of `ipsec` gives another path than the one that is hashed everywhere else.
            let path = path.replacen("ip_sec_config.", "ipsec.", 1);
            Some(serde_json::json!({"hash": seal(&path, text).as_str()}))
        }
        Value::Mapping(mapping)
            if mapping.entries.iter().all(|e| {
                matches!(&*e.name, "env" | "file" | "command" | "hash") || e.name.starts_with('_')
            }) =>
        {
            Some(write(node, &|_| false, "", seal))
        }
        _ => None,
    }
}
