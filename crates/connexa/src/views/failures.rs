//! The failures spec: what did not succeed, in the input's own format, to be mended and applied.
//!
//! Items stand as they were given, nested children inside their parent again, each with the reason under `_error` (the
//! reader of specs ignores names that begin with `_`). A child whose parent succeeded stands in a stub of its parent that
//! holds nothing but the key, so that the parent is not changed.

use super::{csv, json, report::reasons, yaml};
use connexa_engine::{
    catalog,
    desired::Source,
    key::Key,
    plan::Plan,
    report::{Report, ReportedChange, Verdict},
    spec::{self, Identity},
};
use connexa_types::Kind;
use serde_json::{Map, Value, json};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    path::Path,
};

/// A format of specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// JSON Lines.
    JsonLines,
    /// CSV.
    Csv,
}

impl Format {
    /// The format of what a plan was made from, by the names of its files.
    pub(crate) fn of(plan: &Plan) -> Self {
        let source = plan.changes.iter().find_map(|change| change.source.as_ref());
        let extension = source.and_then(|source| Path::new(&source.file).extension()?.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("json") => Self::Json,
            Some("jsonl" | "ndjson") => Self::JsonLines,
            Some("csv") => Self::Csv,
            _ => Self::Yaml,
        }
    }

    /// Its file extension.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// The failures spec of a run, as a text; `None` if all succeeded.
///
/// The plan's changes and the report's are the same, in the same order within each verdict. `folder` is where the names of
/// the input's files start from.
pub(crate) fn write(plan: &Plan, report: &Report, format: Format, folder: &Path) -> Option<String> {
    let lost = lost(report);
    let mut top: Vec<(String, Value)> = Vec::new();
    // Where a change stands among the top-level items.
    let mut spots: HashMap<usize, usize> = HashMap::new();
    for (index, change) in plan.changes.iter().enumerate() {
        let Some(reported) = lost.get(&name(&change.kind, &change.key, change.source.as_ref())) else {
            continue;
        };
        let Some(item) = &change.item else { continue };
        let item = &rooted(item, change.source.as_ref(), folder);
        let kind = change.kind.parse::<Kind>().ok();
        let nested_as = kind.filter(|k| is_nested(*k, item)).and_then(|k| catalog::definition(k).nested_as);
        let (Some(nested_as), Some(parent)) = (nested_as, change.parent) else {
            let key = kind.map_or_else(|| change.kind.clone(), |k| k.plural().to_owned());
            spots.insert(index, top.len());
            top.push((key, with_error(kind, item, reported, None)));
            continue;
        };
        let parent_change = &plan.changes[parent];
        let parents_error = lost
            .get(&name(&parent_change.kind, &parent_change.key, parent_change.source.as_ref()))
            .and_then(|parent| parent.error.as_deref());
        let spot = *spots.entry(parent).or_insert_with(|| {
            let (key, stub) = stub(&parent_change.kind, parent_change.item.as_deref(), &parent_change.key);
            top.push((key, stub));
            top.len() - 1
        });
        let Value::Object(map) = &mut top[spot].1 else { continue };
        let children = map.entry(nested_as).or_insert_with(|| json!([]));
        if let Value::Array(children) = children {
            children.push(with_error(kind, item, reported, parents_error));
        }
    }
    match format {
        _ if top.is_empty() => None,
        Format::Csv => Some(rows(top, columns(plan))),
        Format::Yaml | Format::Json | Format::JsonLines => Some(render(top, format)),
    }
}

/// The columns of the input: those of all items, for the ones that failed may leave out what they lack.
fn columns(plan: &Plan) -> Vec<String> {
    let (mut columns, mut seen) = (Vec::new(), HashSet::new());
    for change in &plan.changes {
        let (Some(item), kind) = (change.item.as_deref(), change.kind.parse().ok()) else { continue };
        let (Value::Object(map), false) = (item, kind.is_some_and(|kind| is_nested(kind, item))) else {
            continue;
        };
        for column in csv::columns_of(kind, map) {
            if seen.insert(column.clone()) {
                columns.push(column);
            }
        }
    }
    columns
}

/// Rows that read back, whatever the file is called: each names its kind.
fn rows(top: Vec<(String, Value)>, mut columns: Vec<String>) -> String {
    if !columns.iter().any(|column| column == "kind") {
        columns.insert(0, "kind".to_owned());
    }
    let item = |(plural, item): (String, Value)| {
        let kind = plural.parse::<Kind>().ok();
        let mut map = match item {
            Value::Object(map) => map,
            Value::String(text) => plain(kind, &text),
            other => Map::from_iter([("name".to_owned(), other)]),
        };
        map.entry("kind").or_insert_with(|| kind.map_or(plural, |kind| kind.singular().to_owned()).into());
        (kind, map)
    };
    let items: Vec<_> = top.into_iter().map(item).collect();
    csv::as_given(&items, &columns)
}

/// What tells changes apart: two bad items of a batch may have the same key.
type Name<'a> = (&'a str, &'a str, Option<(&'a str, u32, u32)>);

fn name<'a>(kind: &'a str, key: &'a str, source: Option<&'a Source>) -> Name<'a> {
    (kind, key, source.map(|s| (s.file.as_str(), s.line, s.index)))
}

/// The item with its secrets' files named from the root: the failures spec stands in a folder of its own.
fn rooted<'a>(item: &'a Value, source: Option<&Source>, folder: &Path) -> Cow<'a, Value> {
    if !names_a_file(item) {
        return Cow::Borrowed(item);
    }
    let spec = source.map(|source| Path::new(&source.file)).filter(|file| *file != Path::new("-"));
    let folder = folder.join(spec.and_then(Path::parent).unwrap_or(Path::new("")));
    let mut item = item.clone();
    root(&mut item, &folder);
    Cow::Owned(item)
}

/// Whether there is a `{file: PATH}` in it. No field of a spec but a secret has that form.
fn names_a_file(value: &Value) -> bool {
    match value {
        Value::Object(map) => is_file(map) || map.values().any(names_a_file),
        Value::Array(list) => list.iter().any(names_a_file),
        _ => false,
    }
}

fn is_file(map: &Map<String, Value>) -> bool {
    map.get("file").is_some_and(Value::is_string) && map.keys().all(|name| name == "file" || name == "hash")
}

fn root(value: &mut Value, folder: &Path) {
    match value {
        Value::Object(map) if is_file(map) => {
            if let Some(Value::String(path)) = map.get_mut("file") {
                // An absolute path stays as it is.
                *path = folder.join(&*path).display().to_string();
            }
        }
        Value::Object(map) => map.values_mut().for_each(|value| root(value, folder)),
        Value::Array(list) => list.iter_mut().for_each(|value| root(value, folder)),
        _ => {}
    }
}

/// What is to be done again. What is unknown is not: it may have been done.
fn lost(report: &Report) -> HashMap<Name<'_>, &ReportedChange> {
    let verdicts = [Verdict::Failed, Verdict::Skipped, Verdict::Unprocessed, Verdict::Undone];
    let changes = verdicts.into_iter().flat_map(|v| report.lists.of(v));
    changes.map(|c| (name(&c.kind, &c.key, c.source.as_ref()), c)).collect()
}

/// Whether a child was given inside its parent: a flat one names it.
fn is_nested(kind: Kind, item: &Value) -> bool {
    if !catalog::is_listed(kind) || kind.parent().is_none() {
        return false;
    }
    let names = catalog::definition(kind).parent_names;
    !item
        .as_object()
        .is_some_and(|map| map.contains_key("kind") || names.iter().any(|n| map.contains_key(*n)))
}

/// The item with its reason, unless it is its parent's.
fn with_error(kind: Option<Kind>, item: &Value, reported: &ReportedChange, parents: Option<&str>) -> Value {
    if reported.error.is_none() || reported.error.as_deref() == parents {
        return item.clone();
    }
    let mut map = match item {
        Value::Object(map) => map.clone(),
        // A plain text stands for an item that has only its key, or is an id.
        Value::String(text) => plain(kind, text),
        other => Map::from_iter([("name".to_owned(), other.clone())]),
    };
    let reason = reasons(reported, str::to_owned).join("; ");
    map.insert("_error".to_owned(), Value::String(reason));
    Value::Object(map)
}

/// The item that a plain text stands for.
fn plain(kind: Option<Kind>, text: &str) -> Map<String, Value> {
    let Some(kind) = kind else { return Map::from_iter([("name".to_owned(), text.into())]) };
    let definition = catalog::definition(kind);
    match spec::identity(kind, text) {
        Ok(Identity::Id(id)) => Map::from_iter([("id".to_owned(), id.as_str().into())]),
        Ok(Identity::Key(Key { parent: Some(parent), own })) => {
            let name = definition.parent_names.first().copied().unwrap_or("parent");
            let parent = (name.to_owned(), parent.text.into());
            Map::from_iter([parent, (definition.key_name.to_owned(), own.text.into())])
        }
        Ok(Identity::Key(_)) | Err(_) => Map::from_iter([(definition.key_name.to_owned(), text.into())]),
    }
}

/// An item that holds nothing but what names it.
fn stub(kind: &str, item: Option<&Value>, key: &str) -> (String, Value) {
    let Ok(kind) = kind.parse::<Kind>() else { return (kind.to_owned(), json!({})) };
    let key_name = catalog::definition(kind).key_name;
    let given = item.and_then(Value::as_object);
    let mut map = Map::new();
    for name in ["kind", "id", key_name] {
        if let Some(value) = given.and_then(|given| given.get(name)) {
            map.insert(name.to_owned(), value.clone());
        }
    }
    if !map.contains_key(key_name) && !map.contains_key("id") {
        map.insert(key_name.to_owned(), json!(key));
    }
    (kind.plural().to_owned(), Value::Object(map))
}

fn render(top: Vec<(String, Value)>, format: Format) -> String {
    if format == Format::JsonLines {
        let mut out = String::new();
        for (plural, item) in top {
            let kind = plural.parse::<Kind>().map_or(plural, |kind| kind.singular().to_owned());
            let mut map = Map::from_iter([("kind".to_owned(), Value::String(kind))]);
            match item {
                Value::Object(item) => map.extend(item.into_iter().filter(|(name, _)| name != "kind")),
                other => {
                    map.insert("name".to_owned(), other);
                }
            }
            out.push_str(&json::line(&map));
            out.push('\n');
        }
        return out;
    }
    let mut spec = Map::new();
    for (plural, item) in top {
        if let Value::Array(items) = spec.entry(plural).or_insert_with(|| json!([])) {
            items.push(item);
        }
    }
    let spec = Value::Object(spec);
    match format {
        Format::Yaml => yaml::document(&spec),
        Format::Json | Format::JsonLines | Format::Csv => json::document(&spec),
    }
}
