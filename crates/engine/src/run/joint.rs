//! Joint calls: what a refused one left behind, which children a 2xx did not show, and the operations that grow from it
//! (design: run).

use super::{
    Run, Task,
    applied::{self, Sight},
    refusal,
    ruling::Ruling,
};
use crate::{
    catalog,
    current::{CurrentState, Live},
    key::{Key, KeyPart},
    plan::{CallTemplate, Carried, Operation, OperationId, Plan, TemplateText},
    record::{Growth, Record},
    report::{Origin, Verdict},
};
use connexa_types::{Answer, AnswerBody, Call, CallBody, JsonPointer, Kind, Now, Rejection};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

impl Run {
    /// A fresh list says what a refused joint create left behind.
    pub(super) fn leftovers(&mut self, operation: usize, rejection: &Rejection, now: Now) {
        let plan = Arc::clone(&self.plan);
        let subject = self.subject(operation);
        let Some(call) = self.tasks[operation].call.clone() else { return };
        let parents = parents(self.fresh.state(), &subject, &call);
        match parents[..] {
            [] => self.nothing_left(operation, &subject, &call, rejection, now),
            [parent] => {
                let answer = as_answer(self.fresh.state(), parent);
                let parent = parent.id.to_string();
                let sight = applied::look(&plan, &subject, &call, &answer);
                self.adopt(operation, &parent, sight, rejection, now);
            }
            [..] => {
                let ids: Vec<String> = parents.iter().map(|live| live.id.to_string()).collect();
                let error = format!(
                    "{}; yet the list of {} shows {} objects with this key",
                    refusal::summary(rejection),
                    plural(subject.kind),
                    ids.len()
                );
                self.end_all(operation, &Ruling { duplicates: ids, ..Ruling::unknown(error) }, now);
            }
        }
    }

    /// Nothing of a refused call is there: it is made once more without the passengers that the refusal names, if it
    /// names those alone.
    fn nothing_left(
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
        if named.is_empty() || self.tasks[operation].instead || self.halt.is_some() {
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

    /// The parent of a refused call is there: it is taken for ours, if it is as it was sent.
    fn adopt(&mut self, operation: usize, parent: &str, sight: Sight, rejection: &Rejection, now: Now) {
        let plan = Arc::clone(&self.plan);
        let subject = self.subject(operation);
        let refusal = refusal::summary(rejection);
        let seen =
            format!("{refusal}; yet the list of {} shows an object with this key", plural(subject.kind));
        let differing: Vec<String> = sight
            .changes
            .iter()
            .filter(|shown| !shown.differing.is_empty())
            .map(|shown| {
                let change = &plan.changes[shown.change];
                let names: Vec<String> = shown.differing.iter().map(|name| format!("`{name}`")).collect();
                format!("{} `{}` differs in {}", change.kind.replace('_', " "), change.key, names.join(", "))
            })
            .collect();
        if !differing.is_empty() || sight.has_others {
            let why = if differing.is_empty() {
                "it has children that were not sent".to_owned()
            } else {
                differing.join("; ")
            };
            let error = format!("{seen} (id {parent}) that is not as it was sent: {why}");
            return self.end_all(operation, &Ruling::conflict(error), now);
        }
        let mut failures: BTreeMap<usize, Ruling> =
            refusal::refused(&plan, &subject, rejection).into_iter().collect();
        let named = refusal::named(&subject, rejection);
        let (mut rulings, mut missing) = (Vec::new(), Vec::new());
        for shown in sight.changes {
            match shown.ruling {
                Some(ruling) => {
                    let adopted = Ruling { origin: Some(Origin::Inferred), ..ruling };
                    rulings.push((
                        shown.change,
                        adopted.noted(format!("adopted: found after the call was {refusal}")),
                    ));
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
            if self.halt.is_some() {
                let error = format!("its parent was made without it; {}", self.halt_words());
                rulings.push((*change, Ruling::unprocessed(error, None)));
                self.halted_work = true;
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
    fn grown_id(&self, from: &OperationId) -> OperationId {
        OperationId(format!("{from}+{}", self.grown.len() + 1))
    }

    /// Adds an operation to the run.
    fn grow(&mut self, operation: Operation, from: usize, growth: Growth, now: Now) {
        self.record(Record::OperationAdded {
            operation: Box::new(operation.clone()),
            from: self.subject(from).id.clone(),
            growth,
            at: now.wall,
        });
        let index = self.graph.grow();
        debug_assert_eq!(index, self.tasks.len(), "operations and tasks are numbered alike");
        self.grown.push(Arc::new(operation));
        self.tasks.push(Task::grown(from, growth));
        self.tasks[from].grown += 1;
        self.tasks_open += 1;
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

/// Objects with the key of the one that a call was to make.
fn parents<'s>(state: &'s CurrentState, operation: &Operation, call: &Call) -> Vec<&'s Live> {
    let definition = catalog::definition(operation.kind);
    let Some(CallBody::Json(body)) = &call.body else { return Vec::new() };
    let Some(own) = body.get(definition.key_field().request).and_then(Value::as_str) else {
        return Vec::new();
    };
    let key = Key::top(KeyPart::new(own, definition.key));
    state.kind(operation.kind).map(|kind| kind.by_key(&key).collect()).unwrap_or_default()
}

/// A live object in the form of the answer to its create, children included.
fn as_answer(state: &CurrentState, live: &Live) -> Answer {
    let mut object = Value::clone(&live.object);
    for child in catalog::nested(live.kind).filter(|child| child.carried_by_parent) {
        let (Some(name), Some(kind)) = (child.nested_as, state.kind(child.kind)) else { continue };
        let children = kind.objects.iter().filter(|child| child.parent.as_ref() == Some(&live.id));
        object[name] = children.map(|child| Value::clone(&child.object)).collect();
    }
    Answer { status: 200, body: AnswerBody::Json(object), sealed: BTreeMap::new() }
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
fn without(from: &Operation, call: &Call, named: &BTreeSet<usize>, id: OperationId) -> Operation {
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

fn plural(kind: Kind) -> String {
    kind.plural().replace('_', " ")
}
