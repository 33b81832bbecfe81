//! Live objects as a table for people.

use super::{table, text::Text};
use serde_json::{Map, Value};

/// Which columns a table has unless its reader names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One for each field in use.
    AllFields,
    /// One for each field in use that holds no object; the ids of objects, which are long and tell nothing, come last.
    IdLast,
    /// These, as far as they are in use.
    These(&'static [&'static str]),
}

/// A table of objects.
pub(crate) fn table(items: &[Map<String, Value>], layout: Layout, fields: &[String]) -> Text {
    if items.is_empty() {
        return Text::new();
    }
    let mut header: Vec<String> = fields.to_vec();
    if fields.is_empty() {
        let is_used = |name: &str| items.iter().any(|item| item.contains_key(name));
        match layout {
            Layout::These(names) => {
                header.extend(names.iter().filter(|name| is_used(name)).map(|name| (*name).to_owned()));
            }
            Layout::AllFields | Layout::IdLast => {
                let id_last = layout == Layout::IdLast;
                for (name, value) in items.iter().flatten() {
                    let hidden = id_last && (value.is_object() || name == "id");
                    if !hidden && !header.contains(name) {
                        header.push(name.clone());
                    }
                }
                if id_last && is_used("id") {
                    header.push("id".to_owned());
                }
            }
        }
    }
    let cells = items
        .iter()
        .map(|item| header.iter().map(|name| item.get(name).map_or_else(String::new, cell)).collect())
        .collect::<Vec<Vec<String>>>();
    table::texts(&header, &cells)
}

/// A value as people read it.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(element).collect::<Vec<_>>().join(", "),
        Value::Object(map) => members(map),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn element(value: &Value) -> String {
    match value {
        Value::Object(map) => format!("{{{}}}", members(map)),
        Value::Array(items) => format!("[{}]", items.iter().map(element).collect::<Vec<_>>().join(", ")),
        other => cell(other),
    }
}

fn members(map: &Map<String, Value>) -> String {
    map.iter().map(|(name, value)| format!("{name}: {}", element(value))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_and_cells() {
        let items = [
            json!({"id": "7", "name": "a", "source": [{"user_groups": ["x", "y"]}], "hidden": {"a": 1}}),
            json!({"id": "8", "name": "b", "egress": false}),
        ];
        let items: Vec<_> = items.iter().map(|item| item.as_object().unwrap().clone()).collect();
        let shown = |layout, fields: &[String]| table(&items, layout, fields).render_plain();
        assert_eq!(
            shown(Layout::IdLast, &[]),
            "name  source                 egress  id\n\
             a     {user_groups: [x, y]}          7\n\
             b                            false   8\n"
        );
        assert_eq!(
            shown(Layout::These(&["egress", "other", "name"]), &[]),
            "egress  name\n        a\nfalse   b\n"
        );
        assert_eq!(shown(Layout::AllFields, &["hidden".to_owned()]), "hidden\na: 1\n\n");
        assert_eq!(table(&[], Layout::AllFields, &[]).render_plain(), "");
    }
}
