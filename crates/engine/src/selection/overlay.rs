//! Fields that the command line gives to whatever is picked: `--set`, `--add`, `--remove`, `--unset`.
//!
//! The texts are read as cells of a table with one row, so that they are typed, checked and explained as those of a file.
//! What is set is the same for all; what is added or removed makes a new whole list from that of each live object.

use crate::{
    catalog::{self, Definition, Field, FieldType},
    current::{CurrentState, Live},
    desired::{DesiredState, FieldValue, Item},
    export,
    problem::Level,
    sorted_map::SortedMap,
    spec::{self, Format, Limits, Mode, ReadOptions, SourceText},
};
use connexa_types::{Kind, SecretHash, SecretValue};
use serde_json::{Map, Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// One flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// `--set FIELD=VALUE`.
    Set(String, String),
    /// `--add FIELD=VALUE`.
    Add(String, String),
    /// `--remove FIELD=VALUE`.
    Remove(String, String),
    /// `--unset FIELD`.
    Unset(String),
}

impl Assignment {
    /// The flag as it was written, for messages.
    pub fn written(&self) -> String {
        match self {
            Self::Set(field, value) => format!("--set {field}={value}"),
            Self::Add(field, value) => format!("--add {field}={value}"),
            Self::Remove(field, value) => format!("--remove {field}={value}"),
            Self::Unset(field) => format!("--unset {field}"),
        }
    }

    fn field(&self) -> &str {
        match self {
            Self::Set(field, _) | Self::Add(field, _) | Self::Remove(field, _) | Self::Unset(field) => {
                field.trim()
            }
        }
    }
}

/// A flag that cannot be what is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{flag}`: {message}")]
pub struct BadAssignment {
    /// The flag as written; the value of what sounds secret is left out.
    pub flag: String,
    /// What is wrong with it.
    pub message: String,
    /// What could be done.
    pub hint: Option<String>,
}

/// Fields for whatever is picked.
#[derive(Debug, Default)]
pub struct Overlay {
    /// The same for all.
    set: SortedMap<&'static str, FieldValue>,
    /// What is set, as it was given.
    given: Map<String, Value>,
    /// Lists that change by elements.
    lists: Vec<ListChange>,
    /// Secrets that the flags hold in clear text, by their hash.
    pub inline_secrets: HashMap<SecretHash, Arc<SecretValue>>,
}

/// Elements that come to a list, and go from it.
#[derive(Debug)]
struct ListChange {
    /// Where the list is: names of a field and of leaves in it.
    path: Vec<&'static str>,
    ty: FieldType,
    add: Vec<Value>,
    remove: Vec<Value>,
}

/// Hashes a secret: it gets the field's path in spec names and the value.
pub type Seal<'a> = &'a dyn Fn(&str, &str) -> SecretHash;

impl Overlay {
    /// Reads the flags for a kind.
    ///
    /// # Errors
    /// The first flag that is wrong: an unknown field, a value of another type, two values for one field.
    pub fn read(kind: Kind, flags: &[Assignment], seal: Seal<'_>) -> Result<Self, BadAssignment> {
        let definition = catalog::definition(kind);
        let mut overlay = Self::default();
        let mut owners: HashMap<String, &Assignment> = HashMap::new();
        for flag in flags {
            let one = read_one(kind, flag, seal)?;
            let bad = |message: String| bad(flag, message, None);
            let (path, value) = path_of(&one.fields)
                .ok_or_else(|| bad("nothing is given; `--unset` clears a field".to_owned()))?;
            let field = find(definition, &path).ok_or_else(|| bad("no such field".to_owned()))?;
            let name = path.join(".");
            match flag {
                Assignment::Set(..) | Assignment::Unset(_) => {
                    if owners.insert(name.clone(), flag).is_some() {
                        return Err(bad(format!("`{name}` is given twice")));
                    }
                    merge_fields(&mut overlay.set, one.fields);
                    merge_json(&mut overlay.given, one.given);
                    overlay.inline_secrets.extend(one.inline_secrets);
                }
                Assignment::Add(..) | Assignment::Remove(..) => {
                    check_list(flag, field, value)?;
                    if owners.contains_key(&name) {
                        return Err(bad(format!("`{name}` is set as a whole already")));
                    }
                    let elements = elements(&one.given);
                    let change = overlay.list(path, field.ty);
                    let list = match flag {
                        Assignment::Add(..) => &mut change.add,
                        _ => &mut change.remove,
                    };
                    list.extend(elements);
                }
            }
        }
        if let Some(change) = overlay.lists.iter().find(|change| owners.contains_key(&change.path.join(".")))
        {
            let name = change.path.join(".");
            let flag = owners[&name];
            return Err(bad(flag, format!("`{name}` is set as a whole, and changed by elements too"), None));
        }
        Ok(overlay)
    }

    fn list(&mut self, path: Vec<&'static str>, ty: FieldType) -> &mut ListChange {
        let known = self.lists.iter().position(|change| change.path == path);
        let at = known.unwrap_or_else(|| {
            self.lists.push(ListChange { path, ty, add: Vec::new(), remove: Vec::new() });
            self.lists.len() - 1
        });
        &mut self.lists[at]
    }

    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.lists.is_empty()
    }

    /// Whether the key itself is set: then only one object can be meant.
    pub fn sets_key(&self, kind: Kind) -> bool {
        self.set.contains_key(catalog::definition(kind).key_name)
    }

    /// The lists that must be read before lists of fields can be changed by elements.
    pub fn lists(&self, kind: Kind) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for change in &self.lists {
            kinds.extend([Some(kind), kind.parent()].into_iter().flatten());
            match change.ty {
                FieldType::References(of) => kinds.push(of),
                FieldType::AccessItems(_) => kinds.extend(super::NAMED_BY_SIDES),
                _ => {}
            }
        }
        kinds.into_iter().map(catalog::listed_with).collect()
    }

    /// Gives the fields to all items of the kind. An item that stands for no live object keeps its lists: it fails anyway.
    pub fn apply(&self, kind: Kind, desired: &mut DesiredState, current: &CurrentState, seal: Seal<'_>) {
        let definition = catalog::definition(kind);
        for item in desired.items.iter_mut().filter(|item| item.kind.as_ref() == Ok(&kind)) {
            merge_fields(&mut item.fields, self.set.clone());
            let named = match &*item.given {
                Value::Object(map) => map.clone(),
                _ => identity_of(definition, item),
            };
            let mut given = named;
            merge_json(&mut given, self.given.clone());
            item.given = Value::Object(given).into();
            if let Some(FieldValue::Value(Value::String(name))) = self.set.get(definition.key_name)
                && let Some(key) = &mut item.key
            {
                key.own = crate::key::KeyPart::new(name, definition.key);
            }
        }
        if !self.lists.is_empty() {
            self.apply_lists(definition, desired, current, seal);
        }
    }

    fn apply_lists(
        &self,
        definition: &'static Definition,
        desired: &mut DesiredState,
        current: &CurrentState,
        seal: Seal<'_>,
    ) {
        let mut which = Vec::new();
        let mut merged = Vec::new();
        for (index, item) in desired.items.iter().enumerate() {
            let Some(live) = live_of(definition, item, current) else { continue };
            let fields = export::fields(current, live);
            let mut whole = Map::new();
            for change in &self.lists {
                let is = at(&fields, &change.path);
                // All regions are in already, and no list is left of which one could be taken.
                let all = definition.kind == Kind::UserGroup
                    && change.path == ["regions"]
                    && fields.get("all_regions_included") == Some(&Value::Bool(true));
                if all && change.remove.is_empty() {
                    continue;
                }
                let list = is.and_then(Value::as_array).cloned().unwrap_or_default();
                put(&mut whole, &change.path, change.of(list, current).into());
            }
            if !whole.is_empty() {
                let mut text = Map::from_iter([("id".to_owned(), Value::from(live.id.as_str()))]);
                text.extend(whole.clone());
                merged.push(Value::Object(text));
                which.push((index, whole));
            }
        }
        let text = SourceText {
            name: super::COMMAND_LINE.to_owned(),
            format: Some(Format::Json),
            bytes: json!(merged).to_string().into_bytes(),
        };
        let reading = spec::read(&[text], &options(definition.kind), seal);
        for ((index, whole), read) in which.into_iter().zip(reading.desired.items) {
            let item = &mut desired.items[index];
            merge_fields(&mut item.fields, read.fields);
            item.problems.extend(read.problems.into_iter().map(|mut problem| {
                problem.key = item.key.as_ref().map(ToString::to_string);
                problem
            }));
            if let Value::Object(given) = &*item.given {
                let mut given = given.clone();
                merge_json(&mut given, whole);
                item.given = Value::Object(given).into();
            }
        }
    }
}

/// What one flag was read as.
struct One {
    fields: SortedMap<&'static str, FieldValue>,
    given: Map<String, Value>,
    inline_secrets: HashMap<SecretHash, Arc<SecretValue>>,
}

fn options(kind: Kind) -> ReadOptions {
    ReadOptions { mode: Mode::Items(kind), strict: false, limits: Limits::default(), creating: false }
}

/// An id for the row of a table that stands for no object.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// Reads one flag as a table of one row.
fn read_one(kind: Kind, flag: &Assignment, seal: Seal<'_>) -> Result<One, BadAssignment> {
    let (field, value) = match flag {
        Assignment::Set(field, value) | Assignment::Add(field, value) | Assignment::Remove(field, value) => {
            (field, value.as_str())
        }
        Assignment::Unset(field) => (field, "\\N"),
    };
    if matches!(field.trim(), "id" | "kind" | "unit" | "depends_on" | "atomic" | "renamed_from") {
        return Err(bad(flag, format!("`{}` says which object is meant, or how", field.trim()), None));
    }
    let text = format!("id,{}\n{NOBODY},{}\n", quoted(field.trim()), quoted(value));
    let source = SourceText {
        name: super::COMMAND_LINE.to_owned(),
        format: Some(Format::Csv),
        bytes: text.into_bytes(),
    };
    let mut reading = spec::read(&[source], &options(kind), seal);
    if let Some(problem) = reading.problems.iter().find(|problem| problem.level == Level::Error) {
        let expected = problem.expected.as_ref().map(|expected| format!(", expected {expected}"));
        let message = format!("{}{}", problem.message, expected.unwrap_or_default());
        return Err(bad(flag, message, problem.hint.clone()));
    }
    let nothing = || bad(flag, "nothing is given; `--unset` clears a field".to_owned(), None);
    let item = reading.desired.items.pop().ok_or_else(nothing)?;
    if item.fields.is_empty() {
        return Err(match reading.desired.notes.first() {
            Some(note) => bad(flag, note.clone(), None),
            None => nothing(),
        });
    }
    let mut given = item.given.as_object().cloned().unwrap_or_default();
    given.shift_remove("id");
    Ok(One { fields: item.fields, given, inline_secrets: reading.inline_secrets })
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

fn bad(flag: &Assignment, message: String, hint: Option<String>) -> BadAssignment {
    let secret = ["key", "secret", "password", "passphrase"].iter().any(|word| flag.field().contains(word));
    let flag = match flag {
        Assignment::Set(field, _) if secret => format!("--set {field}=…"),
        other => other.written(),
    };
    BadAssignment { flag, message, hint }
}

/// The one place that is given in fields; what a value implies beside it is left out.
fn path_of<'f>(
    fields: &'f SortedMap<&'static str, FieldValue>,
) -> Option<(Vec<&'static str>, &'f FieldValue)> {
    let implied = |name: &str| name == "all_regions_included" && fields.contains_key("regions");
    let (name, value) = fields.iter().find(|(name, _)| !implied(name))?;
    let mut path = vec![*name];
    let mut value = value;
    while let FieldValue::Object(leaves) = value {
        let Some((name, leaf)) = leaves.iter().next().filter(|_| leaves.len() == 1) else { break };
        path.push(*name);
        value = leaf;
    }
    Some((path, value))
}

fn find(definition: &'static Definition, path: &[&str]) -> Option<&'static Field> {
    let mut fields = definition.fields;
    let mut found = None;
    for name in path {
        let field: &'static Field = fields.iter().find(|field| field.name == *name)?;
        fields = match field.ty {
            FieldType::Object(leaves) => leaves,
            _ => &[],
        };
        found = Some(field);
    }
    found
}

/// Only lists can be changed by elements.
fn check_list(flag: &Assignment, field: &Field, value: &FieldValue) -> Result<(), BadAssignment> {
    if !spec::is_list(field.ty) {
        let hint = format!("`--set {}=…` gives it another value", flag.field());
        return Err(bad(flag, format!("`{}` is no list", field.name), Some(hint)));
    }
    if matches!(value, FieldValue::Clear) {
        return Err(bad(flag, "nothing is given".to_owned(), None));
    }
    if let (Assignment::Remove(..), FieldType::AccessItems(_)) = (flag, field.ty) {
        let hint = format!("`--set {}=…` gives the side as a whole", field.name);
        return Err(bad(flag, "an item of a side cannot be taken out by itself".to_owned(), Some(hint)));
    }
    Ok(())
}

/// The elements that a flag gives, as they were written.
fn elements(given: &Map<String, Value>) -> Vec<Value> {
    let mut value = given.values().next();
    while let Some(Value::Object(map)) = value {
        // An element in JSON is one; what is around it are leaves of an object, one in each.
        match map.values().next() {
            Some(inner) if map.len() == 1 && (inner.is_object() || inner.is_array()) => value = Some(inner),
            _ => break,
        }
    }
    match value {
        Some(Value::Array(list)) => list.clone(),
        Some(other) => vec![other.clone()],
        None => Vec::new(),
    }
}

impl ListChange {
    /// The list after the change, in its own order, new elements last.
    fn of(&self, list: Vec<Value>, current: &CurrentState) -> Vec<Value> {
        let name = |element: &Value| self.name(element, current);
        let removed: HashSet<String> = self.remove.iter().map(name).collect();
        let added: HashSet<String> = self.add.iter().map(name).collect();
        let mut out: Vec<Value> = list
            .into_iter()
            .filter(|element| {
                let name = name(element);
                // Written again it may say more of itself.
                !removed.contains(&name) && !added.contains(&name)
            })
            .collect();
        let mut seen = HashSet::new();
        out.extend(self.add.iter().filter(|element| seen.insert(name(element))).cloned());
        out
    }

    /// What makes two elements the same.
    fn name(&self, element: &Value, current: &CurrentState) -> String {
        let member = ["domain", "subnet", "ip", "name", "id", "value"];
        let text = match element {
            Value::String(text) => text.clone(),
            Value::Object(map) => match member.iter().find_map(|name| map.get(*name)?.as_str()) {
                Some(text) => text.to_owned(),
                None => return element.to_string(),
            },
            other => return other.to_string(),
        };
        if let FieldType::References(kind) = self.ty {
            let definition = catalog::definition(kind);
            let key = crate::key::Key::top(crate::key::KeyPart::new(&text, definition.key));
            let live = current.kind(kind).and_then(|live| {
                let named = live.by_key(&key).next();
                live.by_id(&text).or(named)
            });
            return live.map_or(key.own.canonical, |live| live.id.to_string());
        }
        match self.ty {
            FieldType::Services | FieldType::EnumSet(_) | FieldType::Countries => text.trim().to_lowercase(),
            ty => ty.compare().canonical(&text),
        }
    }
}

/// What an item stands for, as far as that is certain.
fn live_of<'a>(definition: &'static Definition, item: &Item, current: &'a CurrentState) -> Option<&'a Live> {
    let kind = item.kind.as_ref().ok().filter(|kind| **kind == definition.kind)?;
    let live = current.kind(*kind)?;
    if let Some(id) = &item.id {
        return live.by_id(id.as_str());
    }
    let mut found = live.by_key(item.key.as_ref()?);
    found.next().filter(|_| found.next().is_none())
}

/// An item as it would be written that has nothing but its name.
fn identity_of(definition: &'static Definition, item: &Item) -> Map<String, Value> {
    let mut map = Map::new();
    match (&item.key, &item.id) {
        (Some(key), _) => {
            if let (Some(parent), Some(name)) = (&key.parent, definition.parent_names.first()) {
                map.insert((*name).to_owned(), parent.text.as_str().into());
            }
            map.insert(definition.key_name.to_owned(), key.own.text.as_str().into());
        }
        (None, Some(id)) => {
            map.insert("id".to_owned(), id.as_str().into());
        }
        (None, None) => {}
    }
    map
}

fn at<'a>(fields: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(fields.get(*first)?, |value, name| value.get(name))
}

fn put(fields: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            fields.insert((*name).to_owned(), value);
        }
        [name, rest @ ..] => {
            let inner = fields.entry((*name).to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Puts fields over fields, leaf by leaf of objects.
fn merge_fields(into: &mut SortedMap<&'static str, FieldValue>, from: SortedMap<&'static str, FieldValue>) {
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (Some(FieldValue::Object(inner)), FieldValue::Object(leaves)) => merge_fields(inner, leaves),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}

fn merge_json(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(leaves)) => merge_json(inner, leaves),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}
