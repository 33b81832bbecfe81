//! CSV as specs are read from it (spec section 1.2).

use serde_json::{Map, Value};

/// Items of one kind as rows: the named columns, then one for each other leaf in use, in the order of first use.
pub(crate) fn table(items: &[Map<String, Value>], columns: &[String]) -> String {
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
    fn cells() {
        let items = [
            json!({"name": "=1+1", "egress": false, "routes": ["10.0.0.0/8", "a|b"], "ipsec": {"platform": "aws"}}),
            json!({"name": "a, b", "group": {"id": "7"}, "note": null, "tags": ["[x"]}),
        ];
        let items: Vec<_> = items.iter().map(|i| i.as_object().unwrap().clone()).collect();
        assert_eq!(
            table(&items, &[]),
            "name,egress,routes,ipsec.platform,group,note,tags\n\
             '=1+1,false,10.0.0.0/8|a\\|b,aws,,,\n\
             \"a, b\",,,,\"{\"\"id\"\":\"\"7\"\"}\",\\N,\"[\"\"[x\"\"]\"\n"
        );
        assert_eq!(table(&[], &[]), "");
    }
}
