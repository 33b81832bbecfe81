//! CSV as specs are read from it (spec section 1.2).

use connexa_engine::{
    catalog::{self, FieldType},
    spec,
};
use connexa_types::Kind;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

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
    written(&header, &rows)
}

/// A header and rows under it, each with the cells that it has.
fn written(header: &[String], rows: &[Vec<(String, String)>]) -> String {
    let mut out = String::new();
    if header.is_empty() {
        return out;
    }
    line(&mut out, header.iter().map(String::as_str));
    for row in rows {
        let cell = |name: &String| row.iter().find(|(n, _)| n == name).map_or("", |(_, cell)| cell.as_str());
        line(&mut out, header.iter().map(cell));
    }
    out
}

/// Writes a row.
///
/// Readers trim cells that are not quoted, so blanks around a text want quotes too; and a row with one empty cell would
/// read back as a blank line.
fn line<'c>(out: &mut String, cells: impl Iterator<Item = &'c str>) {
    let start = out.len();
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) || cell.trim().len() != cell.len() {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    if out.len() == start {
        out.push_str("\"\"");
    }
    out.push('\n');
}

/// Items of any kinds as they were given, as rows that read back: the names of `columns` that are in use, in their order, then
/// all others as they come; `_error` last.
///
/// What is no object in the kind's table is one cell, as the reader takes it: a secret's `{env: NAME}`, a list of children.
pub(super) fn as_given(items: &[(Option<Kind>, Map<String, Value>)], columns: &[String]) -> String {
    let mut objects = HashMap::new();
    let mut seen = HashSet::new();
    let mut header: Vec<String> = Vec::new();
    let rows: Vec<_> = items
        .iter()
        .map(|(kind, item)| {
            let mut row = Vec::new();
            cells_of(*kind, "", item, &mut objects, &mut row);
            row
        })
        .collect();
    let found = rows.iter().flatten().map(|(name, _)| name);
    for name in columns.iter().chain(found) {
        if seen.insert(name) {
            header.push(name.clone());
        }
    }
    // Stable: all others keep their order.
    header.sort_by_key(|name| name == "_error");
    written(&header, &rows)
}

/// The columns of an item as it was given.
pub(super) fn columns_of(kind: Option<Kind>, item: &Map<String, Value>) -> Vec<String> {
    let mut row = Vec::new();
    cells_of(kind, "", item, &mut HashMap::new(), &mut row);
    row.into_iter().map(|(name, _)| name).collect()
}

fn cells_of(
    kind: Option<Kind>,
    prefix: &str,
    item: &Map<String, Value>,
    known: &mut HashMap<(Kind, String), bool>,
    row: &mut Vec<(String, String)>,
) {
    for (name, value) in item {
        let path = format!("{prefix}{name}");
        match (kind.filter(|kind| *kind != Kind::Setting), value) {
            (Some(of), Value::Object(map))
                if !map.is_empty()
                    && map.keys().all(|leaf| is_column(of, format!("{path}.{leaf}"), known)) =>
            {
                cells_of(kind, &format!("{path}."), map, known, row);
            }
            _ => row.push((path, cell(value))),
        }
    }
}

/// Whether a name with dots leads to a leaf that has a column of its own.
fn is_column(kind: Kind, path: String, known: &mut HashMap<(Kind, String), bool>) -> bool {
    *known.entry((kind, path)).or_insert_with_key(|(kind, path)| spec::cell(*kind, path, "").is_ok())
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
            // Such a list would be taken for JSON, and such elements would be lost.
            let is_plain = |text: &str| !text.is_empty() && text.trim().len() == text.len();
            let all_plain = !items.is_empty() && items.iter().filter_map(Value::as_str).all(is_plain);
            if joined.starts_with(['[', '{']) || !all_plain { value.to_string() } else { guarded(&joined) }
        }
        other => other.to_string(),
    }
}

/// A text that a spreadsheet would take for a formula gets a `'`, which reading drops; so does one that would lose its own.
pub(super) fn guarded(text: &str) -> String {
    if text.trim_start_matches('\'').starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_engine::spec::{Format, Limits, Mode, ReadOptions, SourceText};
    use connexa_types::SealingKey;
    use proptest::prelude::*;
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

    /// What the reader makes of a text.
    fn read(text: String) -> Vec<Value> {
        let source = SourceText { name: "-".to_owned(), format: Some(Format::Csv), bytes: text.into_bytes() };
        let options =
            ReadOptions { mode: Mode::Spec, strict: false, limits: Limits::default(), creating: false };
        let key = SealingKey::new([7; 32]);
        let reading = spec::read(&[source], &options, &|field, value| key.seal(field, value));
        reading.desired.items.iter().map(|item| (*item.given).clone()).collect()
    }

    #[test]
    fn what_was_given_reads_back() {
        let items = [
            json!({"kind": "network_connector", "network": "paris", "name": "-1", "ipsec": {
                "platform": "AWS", "authentication_type": null, "pre_shared_key": {"env": "KEY"},
            }}),
            json!({"kind": "network", "name": "'=x", "egress": false, "gateways": [" a", "'+", ""], "atomic": true}),
            json!({"kind": "network", "name": "a", "gateways": []}),
            json!({"kind": "setting", "key": "dns.custom_servers", "value": {"primary": "10.0.0.1"}}),
        ];
        let rows: Vec<_> = items
            .iter()
            .map(|item| (item["kind"].as_str().unwrap().parse().ok(), item.as_object().unwrap().clone()))
            .collect();
        let text = as_given(&rows, &["kind".to_owned(), "name".to_owned(), "note".to_owned()]);
        assert!(
            text.starts_with("kind,name,note,network,ipsec.platform,ipsec.authentication_type,ipsec."),
            "{text}"
        );
        assert_eq!(read(text), items);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever a cell can hold reads back as it was; alone, `\\N` is null.
        #[test]
        fn cells_read_back(
            text in r#"['=+@{N|,;\" \n\r\ta-]{1,6}"#.prop_filter("null", |text| text.trim() != "\\N"),
            list in prop::collection::vec(r#"['=+@\[{N|,;\" \n\ra-]{0,4}"#, 0..4),
        ) {
            let item = json!({"kind": "network", "name": "n", "description": text, "gateways": list});
            let row = item.as_object().unwrap().clone();
            prop_assert_eq!(read(as_given(&[(Some(Kind::Network), row.clone())], &[])), [item.clone()]);
            prop_assert_eq!(read(of_kind(Some(Kind::Network), vec![row], &[])), [item]);
        }
    }
}
