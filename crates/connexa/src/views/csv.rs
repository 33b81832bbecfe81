//! CSV as specs are read from it (spec section 1.2).

use connexa_engine::catalog::{self, FieldType};
use connexa_types::Kind;
use serde_json::{Map, Value};

/// Items of a kind of specs as rows that read back, columns in the order of the kind's table; of other objects as they
/// are.
///
/// Columns are leaves of objects, so an object has them in every row, also where a plain value could stand for it. The
/// value of a setting is one cell, whatever it holds.
pub(crate) fn of_kind(kind: Option<Kind>, mut items: Vec<Map<String, Value>>, columns: &[String]) -> String {
    match kind {
        Some(Kind::Setting) => {
            for value in items.iter_mut().filter_map(|item| item.get_mut("value")) {
                if value.is_object() {
                    *value = Value::String(value.to_string());
                }
            }
            table(&items, columns, &|_| Vec::new())
        }
        Some(kind) => {
            let short =
                catalog::definition(kind).fields.iter().filter_map(|field| Some((field, field.shorthand?)));
            for (field, leaf) in short {
                for value in items.iter_mut().filter_map(|item| item.get_mut(field.name)) {
                    if !value.is_object() {
                        *value = Value::Object(Map::from_iter([(leaf.to_owned(), value.take())]));
                    }
                }
            }
            table(&items, columns, &|column| rank(kind, column))
        }
        None => table(&items, columns, &|_| Vec::new()),
    }
}

/// The place of a column: `kind`, `id` and the parent first, then fields and their leaves in the order of the tables, then
/// all others.
fn rank(kind: Kind, column: &str) -> Vec<usize> {
    let definition = catalog::definition(kind);
    let mut fields = definition.fields;
    let mut ranks = Vec::new();
    for name in column.split('.') {
        if ranks.is_empty() && (name == "id" || definition.parent_names.first() == Some(&name)) {
            return vec![usize::from(name != "id")];
        }
        let place = fields.iter().position(|field| field.name == name);
        // The first places are taken.
        ranks.push(place.map_or(usize::MAX, |place| place + 2));
        fields = match place.map(|place| fields[place].ty) {
            Some(FieldType::Object(leaves)) => leaves,
            _ => &[],
        };
    }
    ranks
}

/// Items as rows: the named columns, then one for each other leaf in use, by rank, those of equal rank in the order of first
/// use.
fn table(items: &[Map<String, Value>], columns: &[String], rank: &dyn Fn(&str) -> Vec<usize>) -> String {
    let mut header: Vec<String> = columns.to_vec();
    let rows: Vec<Vec<(String, String)>> = items
        .iter()
        .map(|item| {
            let mut row = Vec::new();
            leaves("", item, &mut row);
            for (name, _) in &row {
                if !header.contains(name) {
                    header.push(name.clone());
                }
            }
            row
        })
        .collect();
    header[columns.len()..].sort_by_cached_key(|column| rank(column));
    let mut out = csv::Writer::from_writer(Vec::new());
    let mut write = |record: Vec<&str>| {
        // A row with one empty cell would read back as a blank line; the writer quotes it.
        out.write_record(record).expect("rows have the length of the header, and memory does not fail");
    };
    if header.is_empty() {
        return String::new();
    }
    write(header.iter().map(String::as_str).collect());
    for row in &rows {
        let cell = |name: &String| row.iter().find(|(n, _)| n == name).map_or("", |(_, cell)| cell.as_str());
        write(header.iter().map(cell).collect());
    }
    let bytes = out.into_inner().expect("memory does not fail");
    String::from_utf8(bytes).expect("cells are UTF-8")
}

fn leaves(prefix: &str, item: &Map<String, Value>, row: &mut Vec<(String, String)>) {
    for (name, value) in item {
        match value {
            Value::Object(map) if !is_reference(map) => leaves(&format!("{prefix}{name}."), map, row),
            value => row.push((format!("{prefix}{name}"), cell(value))),
        }
    }
}

/// A reference or a hash is a cell, not a group of columns.
fn is_reference(map: &Map<String, Value>) -> bool {
    map.len() == 1 && ["name", "id", "hash"].iter().any(|name| map.contains_key(*name))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "\\N".to_owned(),
        Value::String(text) => guarded(text),
        Value::Array(items) if items.iter().all(|item| matches!(item, Value::String(_))) => {
            let texts: Vec<String> = items
                .iter()
                .filter_map(Value::as_str)
                .map(|text| text.replace('\\', "\\\\").replace('|', "\\|"))
                .collect();
            let joined = texts.join("|");
            // Such a list would be taken for JSON.
            if joined.starts_with(['[', '{']) { value.to_string() } else { guarded(&joined) }
        }
        other => other.to_string(),
    }
}

/// A text that a spreadsheet would take for a formula gets a `'`, which reading drops.
pub(super) fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_stand_in_the_order_of_the_tables() {
        let items = [
            json!({"name": "a", "windows": true}),
            json!({"id": "7", "name": "b", "windows": {"version": {"version": "10"}}, "description": "x"}),
        ];
        let items: Vec<_> = items.iter().map(|i| i.as_object().unwrap().clone()).collect();
        assert_eq!(
            of_kind(Some(Kind::DevicePosture), items, &[]),
            "id,name,description,windows.allowed,windows.version.version\n,a,,true,\n7,b,x,,10\n"
        );
        let setting = json!({"key": "dns.custom_servers", "value": {"primary": "10.0.0.1"}});
        assert_eq!(
            of_kind(Some(Kind::Setting), vec![setting.as_object().unwrap().clone()], &[]),
            "key,value\ndns.custom_servers,\"{\"\"primary\"\":\"\"10.0.0.1\"\"}\"\n"
        );
    }

    #[test]
    fn cells() {
        let items = [
            json!({"name": "=1+1", "egress": false, "routes": ["10.0.0.0/8", "a|b"], "ipsec": {"platform": "aws"}}),
            json!({"name": "a, b", "group": {"id": "7"}, "note": null, "tags": ["[x"]}),
        ];
        let items: Vec<_> = items.iter().map(|i| i.as_object().unwrap().clone()).collect();
        assert_eq!(
            of_kind(None, items, &[]),
            "name,egress,routes,ipsec.platform,group,note,tags\n\
             '=1+1,false,10.0.0.0/8|a\\|b,aws,,,\n\
             \"a, b\",,,,\"{\"\"id\"\":\"\"7\"\"}\",\\N,\"[\"\"[x\"\"]\"\n"
        );
        assert_eq!(of_kind(None, Vec::new(), &[]), "");
    }
}
