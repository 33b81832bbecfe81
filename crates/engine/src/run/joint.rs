//! Joint calls: what a refused one left behind, which children a 2xx did not show, and the operations that grow from it
//! (design: run).

use super::{
    Run, Task,
    applied::{self, Sight},
    refusal,
    ruling::{self, Ruling},
    settled::body_of,
};
use crate::{
    catalog,
    current::{CurrentState, Live},
    plan::{CallTemplate, Carried, Operation, OperationId, Plan, TemplateText},
    record::{Growth, Record},
    report::{ErrorType, Origin, Verdict},
};
use connexa_types::{Answer, AnswerBody, Call, CallBody, JsonPointer, Kind, Now, Rejection};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How an object was found that may be what a call was to make.
pub(super) struct Found<'r> {
    /// What is said of it if it is taken for that.
    pub(super) note: String,
    /// What is said of it if it is not as it was sent, up to its id.
    pub(super) seen: String,
    /// The refusal of the call: passengers that it names are not made.
    pub(super) refusal: Option<&'r Rejection>,
    /// Whether the call has been sent, as far as is known.
    pub(super) may_be_ours: bool,
}

impl Run {
    /// A fresh list says what a refused joint create left behind.
    pub(super) fn leftovers(&mut self, operation: usize, rejection: &Rejection, now: Now) {
        let plan = Arc::clone(&self.plan);
        let subject = self.subject(operation);
        let Some(call) = self.tasks[operation].call.clone() else { return };
        self.know_what_was();
        let parents = self.strangers(subject.kind, None, body_of(&call));
        let refusal = refusal::summary(rejection);
        let list = format!("the list of {}", plural(subject.kind));
        match parents[..] {
            [] => self.nothing_left(operation, &subject, &call, rejection, now),
            [parent] => {
                let answer = as_answer(self.fresh.state(), parent);
                let parent = parent.id.to_string();
                let sight = applied::look_in_list(&plan, &subject, &call, &answer);
                let found = Found {
                    note: format!("adopted: found after the call was {refusal}"),
                    seen: format!("{refusal}; yet {list} shows an object with this key"),
                    refusal: Some(rejection),
                    may_be_ours: true,
                };
                self.adopt(operation, &parent, sight, &found, now);
            }
            [..] => {
                let ids: Vec<String> = parents.iter().map(|live| live.id.to_string()).collect();
                let error = format!("{refusal}; yet {list} shows {} objects with this key", ids.len());
                self.end_all(operation, &Ruling { duplicates: ids, ..Ruling::unknown(error) }, now);
            }
        }
    }

    /// Nothing of a refused call is there: it is made once more without the passengers that the refusal names, if it
    /// names those alone.
    pub(super) fn nothing_left(
        &mut self,
        operation: usize,
        subject: &Operation,
        call: &Call,
        rejection: &Rejection,
        now: Now,
    ) {
        let plan = Arc::clone(&self.plan);
        let mut refused = refusal::refused(&plan, subject, rejection);
        let named = refusal::named(subject, rejection);
        if named.is_empty() || self.tasks[operation].instead || self.is_held(operation) {
            return self.end(operation, refused, now);
        }
        let number = self.grown_id(&subject.id);
        let rest = without(subject, call, &named, number);
        refused.retain(|(change, _)| named.contains(change));
        let handed: Vec<usize> = rest.carries.iter().map(|carried| carried.change).collect();
        self.grow(rest, operation, Growth::Instead, now);
        self.close(operation, refused, &handed, now);
        self.settled(operation, now);
    }

    /// An object with the key of what a call was to make is there: it is taken for what the call made, if it is as that was
    /// sent.
    pub(super) fn adopt(
        &mut self,
        operation: usize,
        parent: &str,
        sight: Sight,
        found: &Found<'_>,
        now: Now,
    ) {
        let plan = Arc::clone(&self.plan);
        let subject = self.subject(operation);
        if let Some(why) = otherwise(&plan, &sight) {
            let error = format!("{} (id {parent}) that is not as it was sent: {why}", found.seen);
            let ruling = if found.may_be_ours {
                Ruling::conflict(error)
            } else {
                Ruling::failed(ErrorType::Conflict, error)
            };
            return self.end_all(operation, &ruling, now);
        }
        self.tasks[operation].lost = None;
        let (failures, named) = match found.refusal {
            Some(rejection) => {
                (refusal::refused(&plan, &subject, rejection), refusal::named(&subject, rejection))
            }
            None => (Vec::new(), BTreeSet::new()),
        };
        let mut failures: BTreeMap<usize, Ruling> = failures.into_iter().collect();
        let (mut rulings, mut missing) = (Vec::new(), Vec::new());
        for shown in sight.changes {
            match shown.ruling {
                Some(ruling) => {
                    let adopted = Ruling { origin: Some(Origin::Inferred), ..ruling };
                    rulings.push((shown.change, adopted.noted(found.note.clone())));
                }
                None if named.contains(&shown.change) => {
                    rulings.extend(failures.remove(&shown.change).map(|ruling| (shown.change, ruling)));
                }
                None => missing.push(shown.change),
            }
        }
        self.keep(&rulings);
        self.repair(operation, parent, rulings, &missing, now);
    }

    /// A list read after a 2xx says whether the children that it did not show are there.
    pub(super) fn missing(
        &mut self,
        operation: usize,
        parent: &str,
        mut rulings: Vec<(usize, Ruling)>,
        missing: &[usize],
        now: Now,
    ) {
        let plan = Arc::clone(&self.plan);
        let subject = self.subject(operation);
        let Some(call) = self.tasks[operation].call.clone() else { return };
        let Some(live) = self.fresh.state().kind(subject.kind).and_then(|kind| kind.by_id(parent)) else {
            let error = format!(
                "it was sent with its parent, which was applied (id {parent}), but the list of {} does not show that",
                plural(subject.kind)
            );
            rulings.extend(missing.iter().map(|change| (*change, Ruling::unknown(error.clone()))));
            return self.end(operation, rulings, now);
        };
        let sight = applied::look(&plan, &subject, &call, &as_answer(self.fresh.state(), live));
        let mut absent = Vec::new();
        let mut found = Vec::new();
        for shown in sight.changes.into_iter().filter(|shown| missing.contains(&shown.change)) {
            match shown.ruling {
                Some(ruling) if shown.differing.is_empty() => {
                    let ruling = Ruling { origin: Some(Origin::Inferred), ..ruling };
                    found.push((shown.change, ruling.noted("found in the list: the answer did not show it")));
                }
                Some(_) => {
                    let error = "the answer did not show it, and the list shows one with its key that is not as it was sent";
                    found.push((shown.change, Ruling::conflict(error)));
                }
                None => absent.push(shown.change),
            }
        }
        self.keep(&found);
        rulings.extend(found);
        self.repair(operation, parent, rulings, &absent, now);
    }

    /// Ends an operation; each of its children that is not there is made by an operation of its own.
    fn repair(
        &mut self,
        operation: usize,
        parent: &str,
        mut rulings: Vec<(usize, Ruling)>,
        missing: &[usize],
        now: Now,
    ) {
        let plan = Arc::clone(&self.plan);
        let subject = self.subject(operation);
        let mut handed = Vec::new();
        for change in missing {
            if self.is_held(operation) {
                let held = self.held(operation);
                let why = held.error.as_deref().unwrap_or_default();
                let error = Some(format!("its parent was made without it; {why}"));
                rulings.push((*change, Ruling { error, ..held }));
                continue;
            }
            let id = self.grown_id(&subject.id);
            let repair = self.tasks[operation]
                .call
                .as_deref()
                .and_then(|call| repair(&plan, &subject, call, *change, parent, id));
            match repair {
                Some(repair) => {
                    self.grow(repair, operation, Growth::Repair, now);
                    handed.push(*change);
                }
                None => {
                    rulings.push((*change, Ruling::unknown("it was sent with its parent, and is not there")));
                }
            }
        }
        rulings.sort_by_key(|(change, _)| place(&subject, *change));
        self.close(operation, rulings, &handed, now);
        self.settled(operation, now);
    }

    /// The id of the next operation that grows from one.
    pub(super) fn grown_id(&self, from: &OperationId) -> OperationId {
        OperationId(format!("{from}+{}", self.grown.len() + 1))
    }

    /// Adds an operation to the run; its number.
    pub(super) fn grow(&mut self, operation: Operation, from: usize, growth: Growth, now: Now) -> usize {
        self.record(Record::OperationAdded {
            operation: Box::new(operation.clone()),
            from: self.subject(from).id.clone(),
            growth,
            at: now.wall,
        });
        let task = Task::grown(from, &self.tasks[from], growth);
        let index = self.graph.grow(task.undoes.is_some());
        debug_assert_eq!(index, self.tasks.len(), "operations and tasks are numbered alike");
        self.grown.push(Arc::new(operation));
        if task.from.is_some() {
            self.tasks[from].grown += 1;
        }
        self.tasks.push(task);
        self.tasks_open += 1;
        index
    }

    /// Sends a refused call again without the passengers that the refusal names: for calls of which nothing can be left
    /// behind, since what they do may be done twice.
    pub(super) fn again_without(&mut self, operation: usize, rejection: &Rejection, now: Now) -> bool {
        let subject = self.subject(operation);
        let named = refusal::named(&subject, rejection);
        let Some(call) = self.tasks[operation].call.clone() else { return false };
        if named.is_empty() || named.len() == subject.carries.len() {
            return false;
        }
        self.nothing_left(operation, &subject, &call, rejection, now);
        true
    }

    /// Keeps what later operations want to know of objects.
    pub(super) fn keep(&mut self, rulings: &[(usize, Ruling)]) {
        for (change, ruling) in rulings {
            if let (Verdict::Succeeded, Some(object)) = (ruling.verdict, &ruling.object) {
                self.outputs.keep(*change, object);
                if let Some(id) = object.get("id").and_then(Value::as_str) {
                    self.fresh.made(id);
                }
            }
        }
    }
}

/// A live object in the form of the answer to its create, children included.
pub(super) fn as_answer(state: &CurrentState, live: &Live) -> Answer {
    let mut object = Value::clone(&live.object);
    let mut sealed = live.sealed.clone();
    for child in catalog::nested(live.kind).filter(|child| child.carried_by_parent) {
        let (Some(name), Some(kind)) = (child.nested_as, state.kind(child.kind)) else { continue };
        let children = kind.objects.iter().filter(|child| child.parent.as_ref() == Some(&live.id));
        let mut list = Vec::new();
        for child in children {
            let at = JsonPointer::default().child(name).child(list.len());
            let secrets = child.sealed.iter();
            sealed.extend(
                secrets.map(|(inner, hash)| (JsonPointer::new(format!("{at}{inner}")), hash.clone())),
            );
            list.push(Value::clone(&child.object));
        }
        object[name] = list.into();
    }
    Answer { status: 200, body: AnswerBody::Json(object), sealed }
}

/// What makes an object that was found not be the one that was sent, in words; `None` if it is as sent.
pub(super) fn otherwise(plan: &Plan, sight: &Sight) -> Option<String> {
    let differing: Vec<String> = sight
        .changes
        .iter()
        .filter(|shown| !shown.differing.is_empty())
        .map(|shown| {
            let change = &plan.changes[shown.change];
            let names = ruling::quoted(&shown.differing);
            format!("{} `{}` differs in {names}", change.kind.replace('_', " "), change.key)
        })
        .collect();
    match (differing.is_empty(), !sight.others.is_empty()) {
        (false, _) => Some(differing.join("; ")),
        (true, true) => Some("it has children that were not sent".to_owned()),
        (true, false) => None,
    }
}

/// An operation that makes one child of a parent that is there.
fn repair(
    plan: &Plan,
    from: &Operation,
    call: &Call,
    change: usize,
    parent: &str,
    id: OperationId,
) -> Option<Operation> {
    let kind: Kind = plan.changes[change].kind.parse().ok()?;
    let definition = catalog::definition(kind);
    let carried = from.carries.iter().find(|carried| carried.change == change)?;
    let Some(CallBody::Json(body)) = &call.body else { return None };
    let prefix = carried.at.as_str();
    let secrets = call.secrets.iter().filter_map(|(at, secret)| {
        let inner = at.as_str().strip_prefix(prefix).filter(|inner| inner.starts_with('/'))?;
        Some((JsonPointer::new(inner), secret.clone()))
    });
    Some(Operation {
        id,
        call: CallTemplate {
            endpoint: definition.calls.as_ref()?.create,
            path_args: Vec::new(),
            query: vec![(definition.parent_query?.to_owned(), TemplateText::Text(parent.to_owned()))],
            body: Some(CallBody::Json(carried.at.get(body)?.clone())),
            outputs: BTreeMap::new(),
            secrets: secrets.collect(),
        },
        carries: vec![Carried { change, at: JsonPointer::default() }],
        needs: Vec::new(),
        after: Vec::new(),
        kind,
        cleared: Vec::new(),
        unit: from.unit.clone(),
        base: Vec::new(),
        stage: None,
    })
}

/// The same operation without some of its passengers.
pub(super) fn without(from: &Operation, call: &Call, named: &BTreeSet<usize>, id: OperationId) -> Operation {
    let gone = |at: &JsonPointer| {
        from.carries.iter().any(|carried| {
            let inner = at.as_str().strip_prefix(carried.at.as_str());
            named.contains(&carried.change)
                && inner.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    // List → the places in it that stay, in order.
    let mut kept: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for carried in from.carries.iter().filter(|carried| !carried.at.is_root()) {
        let Some((list, index)) = element(&carried.at) else { continue };
        let places = kept.entry(list).or_default();
        if !named.contains(&carried.change) {
            places.push(index);
        }
    }
    let moved = |at: &JsonPointer| -> JsonPointer {
        let Some((list, index)) = element(at) else { return at.clone() };
        let Some(place) = kept.get(&list).and_then(|places| places.iter().position(|place| *place == index))
        else {
            return at.clone();
        };
        let rest = at.as_str().splitn(4, '/').nth(3).map(|rest| format!("/{rest}")).unwrap_or_default();
        JsonPointer::new(format!("{}{rest}", JsonPointer::default().child(&list).child(place)))
    };
    let mut body = call.body.clone();
    if let Some(CallBody::Json(body)) = &mut body {
        for (list, places) in &kept {
            if let Some(Value::Array(elements)) = body.get_mut(list) {
                *elements = places.iter().filter_map(|place| elements.get(*place).cloned()).collect();
            }
        }
    }
    let secrets = call.secrets.iter().filter(|(at, _)| !gone(at));
    Operation {
        id,
        call: CallTemplate {
            endpoint: call.endpoint,
            path_args: call.path_args.iter().cloned().map(TemplateText::Text).collect(),
            query: call
                .query
                .iter()
                .map(|(name, value)| (name.clone(), TemplateText::Text(value.clone())))
                .collect(),
            body,
            outputs: BTreeMap::new(),
            secrets: secrets.map(|(at, secret)| (moved(at), secret.clone())).collect(),
        },
        carries: from
            .carries
            .iter()
            .filter(|carried| !named.contains(&carried.change))
            .map(|carried| Carried { change: carried.change, at: moved(&carried.at) })
            .collect(),
        needs: Vec::new(),
        after: Vec::new(),
        ..from.clone()
    }
}

/// The list and the index that a place begins with: `connectors`, 1.
fn element(at: &JsonPointer) -> Option<(String, usize)> {
    let mut tokens = at.tokens();
    Some((tokens.next()?, tokens.next()?.parse().ok()?))
}

fn place(operation: &Operation, change: usize) -> usize {
    operation.carries.iter().position(|carried| carried.change == change).unwrap_or(usize::MAX)
}

pub(super) fn plural(kind: Kind) -> String {
    kind.plural().replace('_', " ")
}
