//! A 2xx, compared with what was sent: each change's own part of the answer, and what is not as it should be.

use super::ruling::Ruling;
use crate::{
    catalog::{self, Definition, Field, FieldType},
    current::is_unset,
    forms::canonical,
    key::Compare,
    plan::{Carried, Cleared, Operation, Plan},
    report::{ErrorType, Origin},
    shared_json::SharedJson,
};
use connexa_types::{Answer, Call, CallBody, Kind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What an object shows of one change of an operation.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) change: usize,
    /// The verdict; `None` for a passenger that is not there.
    pub(super) ruling: Option<Ruling>,
    /// The fields that are shown otherwise than they were sent, in spec names.
    pub(super) differing: Vec<String>,
}

/// What an object shows of all that a call carried.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) changes: Vec<Shown>,
    /// Whether it shows a child that was not sent.
    pub(super) has_others: bool,
}

/// Compares what a call sent with an object: its 2xx, or what a list shows.
pub(super) fn look(plan: &Plan, operation: &Operation, call: &Call, answer: &Answer) -> Sight {
    let sent = match &call.body {
        Some(CallBody::Json(body)) => Some(body),
        Some(CallBody::Text(_)) | None => None,
    };
    let mut children = Children { sent, answer: answer.json(), taken: BTreeMap::new() };
    let changes = operation
        .carries
        .iter()
        .enumerate()
        .map(|(place, carried)| {
            let change = &plan.changes[carried.change];
            let kind = change.kind.parse::<Kind>().ok();
            let definition = kind.filter(|kind| catalog::is_listed(*kind)).map(catalog::definition);
            // What a delete takes with it, and domains of a list, have no part of their own in the answer.
            let on_board = place > 0 && operation.call.endpoint.creates() && !carried.at.is_root();
            let object = if on_board {
                children.find(carried, definition)
            } else {
                // A replace is carried by calls about other objects too.
                let own = place == 0 && kind == Some(operation.kind);
                answer.json().filter(|_| own).map(|object| without_children(object, definition))
            };
            let mut shown = Shown { change: carried.change, ruling: None, differing: Vec::new() };
            if on_board && object.is_none() {
                return shown;
            }
            let mut ruling = Ruling::succeeded(object.map(SharedJson::from));
            if operation.call.endpoint.creates() && ruling.object.is_some() {
                ruling.origin = Some(Origin::Confirmed);
            }
            if let (Some(definition), Some(object), Some(sent)) =
                (definition, &ruling.object, sent.and_then(|body| carried.at.get(body)))
            {
                shown.differing = differences(definition, sent, object);
                ruling.note = normalised(&shown.differing);
            }
            if place == 0 {
                kept(&operation.cleared, &mut ruling);
            }
            shown.ruling = Some(ruling);
            shown
        })
        .collect();
    Sight { changes, has_others: children.others() }
}

/// An object without the nested children that have changes of their own.
fn without_children(object: &Value, definition: Option<&Definition>) -> Value {
    let mut object = object.clone();
    if let (Some(map), Some(definition)) = (object.as_object_mut(), definition) {
        for list in catalog::nested(definition.kind).filter_map(|child| child.nested_as) {
            map.shift_remove(list);
        }
    }
    object
}

/// The lists of children that creates carry.
const CHILD_LISTS: [&str; 3] = ["connectors", "routes", "devices"];

/// The children of an answer, each given to one passenger.
struct Children<'a> {
    sent: Option<&'a Value>,
    answer: Option<&'a Value>,
    /// List → the places in it that are given away.
    taken: BTreeMap<String, BTreeSet<usize>>,
}

impl Children<'_> {
    /// Finds a passenger in the answer by its key: at the same place if that fits, since keys of connectors and devices
    /// may repeat, else at the first place that does.
    fn find(&mut self, carried: &Carried, definition: Option<&'static Definition>) -> Option<Value> {
        let mut tokens = carried.at.tokens();
        let (list_name, index) = (tokens.next()?, tokens.next()?.parse::<usize>().ok()?);
        let list = self.answer?.get(&list_name)?.as_array()?;
        let taken = self.taken.entry(list_name).or_default();
        // A kind without a key that we know has its place only.
        let key = definition.map(|definition| (definition.key, definition.key_field()));
        let canonical = |rule: Compare, value: Option<&Value>| Some(rule.canonical(value?.as_str()?));
        let sent = match key {
            Some((rule, field)) => Some(canonical(rule, carried.at.get(self.sent?)?.get(field.request))?),
            None => None,
        };
        let fits = |place: usize| {
            let shown = key.and_then(|(rule, field)| canonical(rule, list.get(place)?.get(field.response)));
            place < list.len() && !taken.contains(&place) && shown == sent
        };
        let place =
            if fits(index) { index } else { (0..list.len()).find(|place| key.is_some() && fits(*place))? };
        taken.insert(place);
        Some(list[place].clone())
    }

    /// Whether the answer holds a child that no passenger stands for.
    fn others(&self) -> bool {
        let lists = self.answer.and_then(Value::as_object).into_iter().flatten();
        lists.filter(|(name, _)| CHILD_LISTS.contains(&name.as_str())).any(|(name, list)| {
            list.as_array().is_some_and(|list| list.len() > self.taken.get(name).map_or(0, BTreeSet::len))
        })
    }
}

/// A field that was to be cleared and is still there: the change failed, whatever else of it was applied.
fn kept(cleared: &[Cleared], ruling: &mut Ruling) {
    let Some(object) = &ruling.object else { return };
    let kept: Vec<&Cleared> = cleared.iter().filter(|field| !is_unset(field.at.get(object))).collect();
    if kept.is_empty() {
        return;
    }
    let names: Vec<String> = kept.iter().map(|field| format!("`{}`", field.field)).collect();
    let object = ruling.object.take();
    let detail = kept
        .iter()
        .map(|field| (field.field.clone(), vec!["still there after it was cleared".to_owned()]))
        .collect();
    let error =
        format!("the service kept {}, which was to be cleared; the rest was applied", names.join(", "));
    *ruling = Ruling { detail, object, ..Ruling::failed(ErrorType::Rejected, error) };
}

/// A note on fields that the service shows otherwise than they were sent.
fn normalised(names: &[String]) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("the service shows {} otherwise than sent", names.join(", ")))
}

/// The fields that an object shows otherwise than they were sent, in spec names.
fn differences(definition: &Definition, sent: &Value, shown: &Value) -> Vec<String> {
    let mut names = Vec::new();
    differing(definition.fields, sent, shown, "", &mut names);
    // A key that is written otherwise is still the same key.
    let key = definition.key_field();
    let same_key = |value: &Value, place| {
        value.get(place).and_then(Value::as_str).map(|text| definition.key.canonical(text))
    };
    if same_key(sent, key.request) == same_key(shown, key.response) {
        names.retain(|name| name != key.name);
    }
    names
}

fn differing(fields: &[Field], sent: &Value, shown: &Value, prefix: &str, names: &mut Vec<String>) {
    let pointer = |place: &str| format!("/{place}");
    for field in fields.iter().filter(|field| !field.volatile) {
        let (Some(sent), Some(shown)) =
            (sent.pointer(&pointer(field.request)), shown.pointer(&pointer(field.response)))
        else {
            // What is not shown cannot be compared.
            continue;
        };
        if sent.is_null() {
            continue;
        }
        let name = format!("{prefix}{}", field.name);
        if let FieldType::Object(leaves) = field.ty {
            differing(leaves, sent, shown, &format!("{name}."), names);
        } else if !same(field.ty, sent, shown) {
            names.push(name);
        }
    }
}

/// Whether two values of a field are the same, however they are written.
pub(super) fn same(ty: FieldType, one: &Value, other: &Value) -> bool {
    if let FieldType::Secret | FieldType::Certificate = ty {
        // Taken out of answers.
        return true;
    }
    one == other || canonical(ty, Some(one)) == canonical(ty, Some(other))
}
