//! Undo: from an operation that was carried out, and what it left behind, to the calls that take it back (design: undo).
//!
//! Pure: what a created object is deleted by, a changed one is set back by, a deleted one is made again by. A call knows
//! objects by the ids that they had; [`Renamed`] puts in those of the objects that were made again in the meantime.
//! When which call goes out, and what it means if it does not succeed, is the run's.

mod body;
mod opposite;
mod order;
mod references;

pub(crate) use order::Order;
pub(crate) use order::Turn;
pub(crate) use references::{Renamed, losers, named, named_again, named_by, overlaid};

use crate::{
    catalog,
    current::Live,
    key::{Key, KeyPart},
    plan::{CallTemplate, Carried, Operation, OperationId, Plan, TemplateText},
    report::{ErrorType, Origin},
    shared_json::SharedJson,
};
use body::Form;
use connexa_types::{Call, CallBody, Endpoint, JsonPointer, Kind, SecretRef};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an operation came to for one of its changes.
#[derive(Clone, Debug)]
pub(crate) struct Left {
    /// The change.
    pub(crate) change: usize,
    /// Its object, as it was last answered or seen in a list.
    pub(crate) object: Option<SharedJson>,
    /// How well it is known to be ours, if it was made.
    pub(crate) origin: Option<Origin>,
}

/// An operation that was carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done<'d> {
    pub(crate) plan: &'d Plan,
    pub(crate) operation: &'d Operation,
    /// The call, ids filled in.
    pub(crate) call: Option<&'d Call>,
    pub(crate) left: &'d [Left],
}

/// How an operation is taken back.
#[derive(Debug)]
pub(crate) enum Inverse {
    /// By these calls: each list once all of the one before have succeeded.
    Steps(Vec<Vec<Operation>>),
    /// By none.
    Impossible(Impossible),
}

/// Why something cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Impossible {
    pub(crate) why: String,
    pub(crate) error_type: ErrorType,
}

impl Impossible {
    fn new(error_type: ErrorType, why: impl Into<String>) -> Self {
        Self { why: why.into(), error_type }
    }
}

/// Finds the calls that take an operation back. `inferred`: whether what is only inferred to be ours may be deleted.
pub(crate) fn inverse(done: Done<'_>, inferred: bool, secrets: &[&SecretRef]) -> Inverse {
    let found = match doing(done.operation) {
        Doing::Create => done.created(inferred),
        Doing::Update => done.updated(secrets),
        Doing::Delete => done.deleted(secrets),
        Doing::Set => done.set(),
        Doing::Act(opposite) => done.acted(opposite),
        Doing::Irreversible(why) => Err(Impossible::new(ErrorType::Rejected, done.told().unwrap_or(why))),
    };
    match found {
        Ok(steps) => Inverse::Steps(steps),
        Err(impossible) => Inverse::Impossible(impossible),
    }
}

/// Whether no call takes an operation back, as far as that can be said before it is carried out.
pub(crate) fn is_irreversible(plan: &Plan, operation: &Operation) -> bool {
    match doing(operation) {
        Doing::Irreversible(_) => true,
        // Its opposite takes it back, though nothing shows how it was before.
        Doing::Act(_) => false,
        Doing::Create | Doing::Update | Doing::Delete | Doing::Set => {
            operation.carries.iter().any(|carried| plan.changes[carried.change].irreversible.is_some())
        }
    }
}

/// What a call does, as far as taking it back goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Create,
    Update,
    Delete,
    /// Gives a setting another value.
    Set,
    /// A life-cycle action that another one takes back.
    Act(Endpoint),
    /// Why no call takes it back.
    Irreversible(&'static str),
}

fn doing(operation: &Operation) -> Doing {
    let endpoint = operation.call.endpoint;
    if let Some(opposite) = opposite::of(endpoint) {
        return Doing::Act(opposite);
    }
    if operation.kind == Kind::Setting {
        return Doing::Set;
    }
    match &catalog::definition(operation.kind).calls {
        Some(calls) if calls.create == endpoint => Doing::Create,
        Some(calls) if calls.update == endpoint => Doing::Update,
        Some(calls) if calls.delete == endpoint => Doing::Delete,
        _ => Doing::Irreversible(opposite::why_none(endpoint)),
    }
}

type Steps = Vec<Vec<Operation>>;

impl Done<'_> {
    /// What the plan says of why its principal change cannot be undone.
    fn told(&self) -> Option<&str> {
        let principal = self.operation.carries.first()?;
        self.plan.changes[principal.change].irreversible.as_deref()
    }

    /// What was left of the principal change.
    fn principal(&self) -> Option<&Left> {
        let principal = self.operation.carries.first()?;
        self.left.iter().find(|left| left.change == principal.change)
    }

    /// A created object is deleted; what its call carried goes with it.
    fn created(&self, inferred: bool) -> Result<Steps, Impossible> {
        let unknown = || Impossible::new(ErrorType::Indeterminate, "the id of what was made is not known");
        let is_confirmed = self.principal().is_some_and(|left| left.origin == Some(Origin::Confirmed));
        let is_inferred = self.left.iter().any(|left| left.origin == Some(Origin::Inferred));
        if !inferred && (is_inferred || !is_confirmed) {
            let why = "it was found after a lost answer, so that it may be somebody else's";
            return Err(Impossible::new(ErrorType::Conflict, why));
        }
        let principal = self.principal().ok_or_else(unknown)?;
        let parent = self.parent();
        let made = self.live(principal, parent.as_deref(), None).ok_or_else(unknown)?;
        let definition = catalog::definition(made.kind);
        let mut query = Vec::new();
        if let (Some(name), Some(parent)) = (definition.parent_query, &parent)
            && definition.parent_query_always
        {
            query.push((name.to_owned(), TemplateText::Text(parent.clone())));
        }
        let children = self.left.iter().filter(|left| left.change != principal.change);
        let children: Vec<Live> = children
            .filter_map(|left| self.live(left, Some(made.id.as_str()), Some(&made.key.own)))
            .collect();
        let carries = self.left.iter().map(|left| root(left.change)).collect();
        let call = template(definition.calls().delete, made.id.as_str(), query, None);
        let base = std::iter::once(made).chain(children).collect();
        Ok(vec![vec![self.operation_of(call, carries, base)]])
    }

    /// A changed object is set back to what it was.
    fn updated(&self, secrets: &[&SecretRef]) -> Result<Steps, Impossible> {
        let unknown = || Impossible::new(ErrorType::Indeterminate, "how it was before is not known");
        let before = self.operation.base.first().ok_or_else(unknown)?;
        let left = self.principal().and_then(|left| left.object.clone()).ok_or_else(unknown)?;
        let secrets: Vec<&SecretRef> =
            self.operation.call.secrets.values().chain(secrets.iter().copied()).collect();
        let mut step = set_back(before, &left, &self.operation.call.query, &secrets)?;
        step.base = vec![Live { object: left, ..before.clone() }];
        step.carries = self.operation.carries.iter().map(|carried| root(carried.change)).collect();
        step.unit.clone_from(&self.operation.unit);
        Ok(vec![vec![step]])
    }

    /// A deleted object is made again, with the children that its create call carries; then those that have calls of
    /// their own.
    fn deleted(&self, secrets: &[&SecretRef]) -> Result<Steps, Impossible> {
        let unknown = || Impossible::new(ErrorType::Indeterminate, "how it was before is not known");
        let (target, gone) = self.operation.base.split_first().ok_or_else(unknown)?;
        let (boarding, others): (Vec<&Live>, Vec<&Live>) = gone
            .iter()
            .filter(|live| live.parent.as_ref() == Some(&target.id))
            .partition(|live| catalog::definition(live.kind).carried_by_parent);
        let change = |live: &Live| {
            let carried = self.operation.carries.iter().map(|carried| carried.change);
            let mut carried = carried.filter(|change| is_of(&self.plan.changes[*change].kind, live));
            carried.find(|change| self.plan.changes[*change].id.as_deref() == Some(live.id.as_str()))
        };
        let mut steps = Vec::new();
        steps.push(vec![self.made_again(target, &boarding, change, secrets)?]);
        let later: Vec<Operation> = others
            .into_iter()
            .map(|live| self.made_again(live, &[], change, secrets))
            .collect::<Result<_, _>>()?;
        if !later.is_empty() {
            steps.push(later);
        }
        // A new user is not suspended.
        if target.kind == Kind::User
            && target.object.get("status").and_then(Value::as_str) == Some("SUSPENDED")
        {
            let call = template(Endpoint::UserSuspend, target.id.as_str(), Vec::new(), None);
            steps.push(vec![self.operation_of(
                call,
                change(target).map(root).into_iter().collect(),
                Vec::new(),
            )]);
        }
        // What a replace's delete took with it, and nothing stands for, is told by the replace.
        if let Some(principal) = self.operation.carries.first()
            && steps[0][0].carries.is_empty()
        {
            steps[0][0].carries.push(root(principal.change));
        }
        Ok(steps)
    }

    fn made_again(
        &self,
        live: &Live,
        children: &[&Live],
        change: impl Fn(&Live) -> Option<usize>,
        secrets: &[&SecretRef],
    ) -> Result<Operation, Impossible> {
        let definition = catalog::definition(live.kind);
        let lost = |names: Vec<String>| lost(live, &names);
        let mut body = body::of(live, Form::Create, secrets).map_err(lost)?;
        let mut carries: Vec<Carried> = change(live).map(root).into_iter().collect();
        for child in children {
            let Some(list) = catalog::definition(child.kind).nested_as else { continue };
            let board = body::of(child, Form::Create, secrets).map_err(lost)?;
            let at = body.board(list, board);
            carries.extend(change(child).map(|change| Carried { change, at }));
        }
        let parent = definition.parent_query.zip(live.parent.as_ref());
        let query = parent.map(|(name, id)| (name.to_owned(), TemplateText::Text(id.to_string())));
        let call = CallTemplate {
            endpoint: definition.calls().create,
            path_args: Vec::new(),
            query: query.into_iter().collect(),
            body: Some(CallBody::Json(body.json.into())),
            outputs: BTreeMap::new(),
            secrets: body.secrets,
        };
        Ok(Operation { kind: live.kind, ..self.operation_of(call, carries, Vec::new()) })
    }

    /// A setting gets its old value.
    fn set(&self) -> Result<Steps, Impossible> {
        let unknown = || Impossible::new(ErrorType::Indeterminate, "what it was before cannot be read");
        let before = self.operation.base.first().ok_or_else(unknown)?;
        let (call, left) = opposite::setting(before, &self.operation.call).ok_or_else(unknown)?;
        let carries = self.operation.carries.iter().map(|carried| root(carried.change)).collect();
        Ok(vec![vec![self.operation_of(call, carries, vec![left])]])
    }

    /// A life-cycle action is taken back by its opposite.
    fn acted(&self, opposite: Endpoint) -> Result<Steps, Impossible> {
        if let Some(before) = self.operation.base.first()
            && let Some(why) = opposite::is_no_way_back(opposite, before)
        {
            return Err(Impossible::new(ErrorType::Rejected, why));
        }
        let call = CallTemplate { endpoint: opposite, ..self.operation.call.clone() };
        let carries = self.operation.carries.iter().map(|carried| root(carried.change)).collect();
        Ok(vec![vec![self.operation_of(
            call,
            carries,
            self.operation.base.iter().take(1).cloned().collect(),
        )]])
    }

    /// The id of the parent in whose call a child was made.
    fn parent(&self) -> Option<String> {
        let name = catalog::definition(self.operation.kind).parent_query?;
        let filled = self.call.and_then(|call| call.query.iter().find(|(query, _)| query == name));
        if let Some((_, id)) = filled {
            return Some(id.clone());
        }
        let template = self.operation.call.query.iter().find(|(query, _)| query == name);
        template.and_then(|(_, text)| match text {
            TemplateText::Text(id) => Some(id.clone()),
            TemplateText::Output(_) => None,
        })
    }

    /// What an operation left of a change, as a list shows it.
    fn live(&self, left: &Left, parent: Option<&str>, parent_key: Option<&KeyPart>) -> Option<Live> {
        let change = &self.plan.changes[left.change];
        let kind: Kind = change.kind.parse().ok()?;
        let definition = catalog::definition(kind);
        let object = left.object.clone()?;
        let id = object.get("id")?.as_str()?.into();
        let own = object.get(definition.key_field().response).and_then(Value::as_str).unwrap_or(&change.key);
        let own = KeyPart::new(own, definition.key);
        let parent = kind.parent().and(parent);
        let key = match parent {
            Some(parent) => {
                let part =
                    parent_key.cloned().unwrap_or_else(|| KeyPart::new(parent, crate::key::Compare::Exact));
                Key::child(part, own)
            }
            None => Key::top(own),
        };
        Some(Live { kind, id, parent: parent.map(Into::into), key, object, sealed: BTreeMap::new() })
    }

    fn operation_of(&self, call: CallTemplate, carries: Vec<Carried>, base: Vec<Live>) -> Operation {
        Operation {
            id: OperationId(String::new()),
            call,
            carries,
            needs: Vec::new(),
            after: Vec::new(),
            kind: self.operation.kind,
            cleared: Vec::new(),
            unit: self.operation.unit.clone(),
            base,
            stage: None,
        }
    }
}

/// The call that sets an object back to what it was before. `left`: how it is now.
fn set_back(
    before: &Live,
    left: &Value,
    query: &[(String, TemplateText)],
    secrets: &[&SecretRef],
) -> Result<Operation, Impossible> {
    let body = body::of(before, Form::Update { left }, secrets).map_err(|names| lost(before, &names))?;
    let mut call = template(
        catalog::definition(before.kind).calls().update,
        before.id.as_str(),
        query.to_vec(),
        Some(CallBody::Json(body.json.into())),
    );
    call.secrets = body.secrets;
    Ok(Operation {
        id: OperationId(String::new()),
        call,
        carries: Vec::new(),
        needs: Vec::new(),
        after: Vec::new(),
        kind: before.kind,
        cleared: body.cleared,
        unit: None,
        base: vec![before.clone()],
        stage: None,
    })
}

/// The secrets of an object are kept nowhere.
fn lost(live: &Live, names: &[String]) -> Impossible {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let kind = live.kind.singular().replace('_', " ");
    let why = format!("{} of {kind} `{}` is kept nowhere", names.join(", "), live.key);
    Impossible::new(ErrorType::SecretMissing, why)
}

fn template(
    endpoint: Endpoint,
    id: &str,
    query: Vec<(String, TemplateText)>,
    body: Option<CallBody>,
) -> CallTemplate {
    CallTemplate {
        endpoint,
        path_args: vec![TemplateText::Text(id.to_owned())],
        query,
        body,
        outputs: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}

/// A change as a whole.
pub(crate) fn root(change: usize) -> Carried {
    Carried { change, at: JsonPointer::default() }
}

fn is_of(kind: &str, live: &Live) -> bool {
    kind == live.kind.singular()
}

/// Whether a call deletes an object that can be made again.
pub(crate) fn deletes(operation: &Operation) -> bool {
    doing(operation) == Doing::Delete
}

/// The secrets that the calls of an operation's principal change send: one of them may be one that its object had.
pub(crate) fn secrets_of<'p>(plan: &'p Plan, operation: &Operation) -> Vec<&'p SecretRef> {
    let Some(principal) = operation.carries.first().map(|carried| carried.change) else { return Vec::new() };
    // Only then anybody asks.
    if operation.base.iter().all(|live| live.sealed.is_empty()) {
        return Vec::new();
    }
    let carries = |other: &&Operation| other.carries.iter().any(|carried| carried.change == principal);
    plan.operations.iter().filter(carries).flat_map(|other| other.call.secrets.values()).collect()
}
