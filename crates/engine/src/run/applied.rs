//! A 2xx, or an object as a list shows it, compared with what was sent: each change's own part, and what is not as it should
//! be.

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
use connexa_types::{Answer, Call, CallBody, JsonPointer, Kind, SecretHash};
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
    /// The children that it shows and that were not sent, by the lists that hold them.
    pub(super) others: Vec<(String, Value)>,
}

/// What an object is shown by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// The answer to a call: what it leaves out cannot be compared.
    Answer,
    /// A list: what it leaves out is not set.
    List,
}

/// Compares what a call sent with its 2xx, or with children that are known to be ours.
pub(super) fn look(plan: &Plan, operation: &Operation, call: &Call, answer: &Answer) -> Sight {
    look_at(View::Answer, plan, operation, call, answer)
}

/// Compares what a call sent with an object that a list shows, and that may be another's.
pub(super) fn look_in_list(plan: &Plan, operation: &Operation, call: &Call, answer: &Answer) -> Sight {
    look_at(View::List, plan, operation, call, answer)
}

/// The fields in which an object that a list shows is not as an update sent it, in spec names.
pub(super) fn differing_in_list(
    kind: Kind,
    call: &Call,
    shown: &Value,
    sealed: &BTreeMap<JsonPointer, SecretHash>,
) -> Vec<String> {
    let (Some(CallBody::Json(sent)), true) = (&call.body, catalog::is_listed(kind)) else {
        return Vec::new();
    };
    let definition = catalog::definition(kind);
    let mut names = differences(View::List, definition, sent, shown);
    names.extend(other_secrets(definition.fields, call, "", sealed, ""));
    names
}

/// The fields in which an object that a list shows is not as a create sent it, in spec names.
pub(super) fn differing_from(kind: Kind, sent: &Value, shown: &Value) -> Vec<String> {
    differences(View::List, catalog::definition(kind), sent, shown)
}

fn look_at(view: View, plan: &Plan, operation: &Operation, call: &Call, answer: &Answer) -> Sight {
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
            let (place_shown, object) = if on_board {
                children
                    .find(carried, definition)
                    .map_or((String::new(), None), |(at, child)| (at, Some(child)))
            } else {
                // A replace is carried by calls about other objects too.
                let own = place == 0 && kind == Some(operation.kind);
                let object = answer.json().filter(|_| own).map(|object| without_children(object, definition));
                (String::new(), object)
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
                shown.differing = differences(view, definition, sent, object);
                if view == View::List {
                    let sent_at = carried.at.as_str();
                    let other = other_secrets(definition.fields, call, sent_at, &answer.sealed, &place_shown);
                    shown.differing.extend(other);
                }
                ruling.note = normalised(&shown.differing);
            }
            if place == 0 {
                kept(&operation.cleared, &mut ruling);
            }
            shown.ruling = Some(ruling);
            shown
        })
        .collect();
    Sight { changes, others: children.others(operation.kind) }
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
    /// Where it is, and it.
    fn find(
        &mut self,
        carried: &Carried,
        definition: Option<&'static Definition>,
    ) -> Option<(String, Value)> {
        let mut tokens = carried.at.tokens();
        let (list_name, index) = (tokens.next()?, tokens.next()?.parse::<usize>().ok()?);
        let list = self.answer?.get(&list_name)?.as_array()?;
        let at = JsonPointer::default().child(&list_name);
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
        Some((at.child(place).to_string(), list[place].clone()))
    }

    /// The children that no passenger stands for. `kind`: that of the object as a whole; fields of others have the names of
    /// lists of children.
    fn others(&self, kind: Kind) -> Vec<(String, Value)> {
        let lists = catalog::nested(kind).filter(|child| child.carried_by_parent);
        let children = lists.filter_map(|child| child.nested_as).flat_map(|name| {
            let list = self.answer.and_then(|answer| answer.get(name)?.as_array());
            let taken = self.taken.get(name);
            let is_taken = move |place: &usize| taken.is_some_and(|taken| taken.contains(place));
            let children = list.into_iter().flatten().enumerate();
            children
                .filter(move |(place, _)| !is_taken(place))
                .map(move |(_, child)| (name.to_owned(), child.clone()))
        });
        children.collect()
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
fn differences(view: View, definition: &Definition, sent: &Value, shown: &Value) -> Vec<String> {
    let mut names = Vec::new();
    differing(view, definition.fields, sent, Some(shown), "", &mut names);
    // A key that is written otherwise is still the same key.
    let key = definition.key_field();
    let same_key = |value: &Value, place| {
        value.get(place).and_then(Value::as_str).map(|text| definition.key.canonical(text))
    };
    if names.iter().any(|name| name == key.name)
        && same_key(sent, key.request) == same_key(shown, key.response)
    {
        names.retain(|name| name != key.name);
    }
    names
}

fn differing(
    view: View,
    fields: &[Field],
    sent: &Value,
    shown: Option<&Value>,
    prefix: &str,
    names: &mut Vec<String>,
) {
    fn at<'v>(object: &'v Value, place: &str) -> Option<&'v Value> {
        place.split('/').try_fold(object, |object, name| object.get(name))
    }
    for field in fields.iter().filter(|field| !field.volatile) {
        let Some(sent) = at(sent, field.request).filter(|sent| !sent.is_null()) else {
            continue;
        };
        let shown = shown.and_then(|shown| at(shown, field.response));
        if shown.is_none() && view == View::Answer {
            continue;
        }
        if let FieldType::Object(leaves) = field.ty {
            differing(view, leaves, sent, shown, &format!("{prefix}{}.", field.name), names);
            continue;
        }
        let is_same = match shown {
            Some(shown) => same(field.ty, sent, shown),
            None => {
                is_hidden(field.ty) || canonical(field.ty, Some(sent)).is_null() || is_default(field, sent)
            }
        };
        if !is_same {
            names.push(format!("{prefix}{}", field.name));
        }
    }
}

/// Whether a value is what the service fills in.
fn is_default(field: &Field, sent: &Value) -> bool {
    field.default.is_some_and(|json| serde_json::from_str(json).is_ok_and(|value: Value| value == *sent))
}

/// The secrets of a call that a list shows to be others, by their hashes, in spec names.
fn other_secrets(
    fields: &[Field],
    call: &Call,
    sent_at: &str,
    sealed: &BTreeMap<JsonPointer, SecretHash>,
    shown_at: &str,
) -> Vec<String> {
    if call.secrets.is_empty() || sealed.is_empty() {
        return Vec::new();
    }
    let mut names = Vec::new();
    for field in fields {
        let (sent_at, shown_at) =
            (format!("{sent_at}/{}", field.request), format!("{shown_at}/{}", field.response));
        match field.ty {
            FieldType::Object(leaves) => {
                let inner = other_secrets(leaves, call, &sent_at, sealed, &shown_at);
                names.extend(inner.into_iter().map(|name| format!("{}.{name}", field.name)));
            }
            FieldType::Secret => {
                let sent = call.secrets.get(&JsonPointer::new(sent_at)).and_then(|sent| sent.hash.as_ref());
                let shown = sealed.get(&JsonPointer::new(shown_at));
                // Hashes of different keys say nothing.
                if let (Some(sent), Some(shown)) = (sent, shown)
                    && sent.key_id() == shown.key_id()
                    && sent != shown
                {
                    names.push(field.name.to_owned());
                }
            }
            _ => {}
        }
    }
    names
}

/// What is taken out of answers, or left out of them.
const fn is_hidden(ty: FieldType) -> bool {
    matches!(ty, FieldType::Secret | FieldType::Certificate)
}

/// Whether two values of a field are the same, however they are written.
pub(super) fn same(ty: FieldType, one: &Value, other: &Value) -> bool {
    is_hidden(ty) || one == other || canonical(ty, Some(one)) == canonical(ty, Some(other))
}
