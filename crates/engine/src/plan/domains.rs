//! Domains of Cyber Shield lists: a thousand to a call, added or removed, never read (API sections 5.19 and 7.4).
//!
//! Each domain is a change. No call shows the lists, so that nothing can be compared, nor taken back.

use super::{
    Mode, PlanOptions, Planning, act, changes, cost,
    fates::Fate,
    find::{self, Finder},
    fingerprint,
    problems::Problems,
    scope,
    types::{Action, Base, CallTemplate, Carried, Operation, OperationId, Plan},
};
use crate::{
    current::CurrentState,
    desired::{DesiredState, FieldValue, Item},
    problem::{Code, Problem},
};
use connexa_types::{CallBody, Endpoint, JsonPointer, Kind};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most domains of one call.
const MOST: usize = 1000;

/// The most characters of a domain and its comment together.
const LONGEST: usize = 150;

/// What the allow list, which wants a comment with each domain, is told where none is given.
const COMMENT: &str = "added by connexa";

/// Whether a kind is one of domains on a list.
pub const fn is_list(kind: Kind) -> bool {
    matches!(kind, Kind::AllowDomain | Kind::BlockDomain)
}

/// Computes the calls that add (`Mode::Create`) or remove (`Mode::Delete`) domains.
///
/// Pure and total; the tenant is not looked at, for there is nothing to see.
pub fn domains(desired: &DesiredState, current: &CurrentState, options: &PlanOptions) -> Planning {
    let mut problems = Problems::new(desired, options.strict);
    let finder = find::find(desired, current, Mode::Create, &mut problems);
    for (index, item) in desired.items.iter().enumerate() {
        if !problems.refuses(index)
            && let Some(problem) = refusal(item, options)
        {
            problems.push(index, problem);
        }
    }
    let fates: Vec<Fate> = (0..desired.items.len())
        .map(|index| if problems.refuses(index) { Fate::Invalid } else { Fate::Open })
        .collect();
    Planning::Ready(Box::new(assemble(&finder, &fates, problems, options)))
}

fn refusal(item: &Item, options: &PlanOptions) -> Option<Problem> {
    let Ok(kind) = item.kind.as_ref().copied() else {
        return Some(Problem::new(Code::error(6), "the kind is unknown"));
    };
    if !is_list(kind) {
        return Some(Problem::new(Code::error(8), format!("a {kind} is not on a list of domains")));
    }
    let Some(key) = &item.key else {
        return Some(Problem::new(Code::error(106), "the item has no `domain`"));
    };
    if scope::selects(&options.protect, kind, &key.to_string()) {
        let message = format!("`protect` keeps the domain `{key}` as it is");
        return Some(Problem::new(Code::error(505), message).path("domain"));
    }
    let length = key.own.text.chars().count() + comment(item).map_or(0, |text| text.chars().count());
    if options.mode == Mode::Create && length > LONGEST {
        let message = format!("domain and comment have {length} characters together");
        let problem = Problem::new(Code::warning(208), message).path("comment");
        let mut problem = problem.expected(format!("at most {LONGEST}"));
        // Documented, so that the whole call would be refused for it.
        problem.level = crate::problem::Level::Error;
        return Some(problem);
    }
    None
}

fn comment(item: &Item) -> Option<&str> {
    match item.fields.get("comment") {
        Some(FieldValue::Value(Value::String(text))) => Some(text),
        _ => None,
    }
}

fn assemble<'a>(finder: &Finder<'a>, fates: &[Fate], problems: Problems<'a>, options: &PlanOptions) -> Plan {
    let adds = options.mode == Mode::Create;
    let errors = problems.errors_by_item();
    let mut planned = Vec::with_capacity(fates.len());
    let wanted = act::wanted(finder, fates.iter().map(|fate| *fate == Fate::Open).collect(), options);
    let mut batches: Vec<Batch<'_>> = Vec::new();
    for (index, fate) in fates.iter().enumerate().filter(|(index, _)| wanted[*index]) {
        let errors = errors.get(&index).map_or(&[][..], Vec::as_slice);
        let mut change = changes::change(finder, index, Mode::Create, None, *fate, errors);
        change.action = if adds { Action::Create } else { Action::Delete };
        let item = finder.item(index);
        if let (Fate::Open, Ok(kind)) = (fate, &item.kind) {
            change.irreversible =
                Some("what stood on the list before cannot be read, so nothing can be put back".to_owned());
            if let (true, Some(comment)) = (adds, sent_comment(*kind, item)) {
                change.fields.insert("comment".to_owned(), [Value::Null, comment.into()]);
            }
            let (unit, entry) = (item.unit.as_deref(), (index, planned.len()));
            let fits = |batch: &&mut Batch<'_>| {
                (batch.kind, batch.unit) == (*kind, unit) && batch.entries.len() < MOST
            };
            match batches.iter_mut().rev().find(fits) {
                Some(batch) => batch.entries.push(entry),
                None => batches.push(Batch { kind: *kind, unit, entries: vec![entry] }),
            }
        }
        planned.push(change);
    }
    drop(errors);
    let operations: Vec<Operation> =
        batches.into_iter().enumerate().map(|(place, batch)| operation(finder, place, batch, adds)).collect();
    let tenant = finder.current.tenant.clone();
    let fingerprint = fingerprint::fingerprint(finder, &tenant, &planned, &operations, &[]);
    let updates = u64::try_from(operations.len()).unwrap_or(u64::MAX);
    Plan {
        format: Plan::FORMAT,
        tenant,
        command: options.command.clone(),
        base: Base::default(),
        cost: cost::cost(&planned, options.reads, updates, &options.quota),
        changes: planned,
        operations,
        barriers: Vec::new(),
        warnings: finder.desired.notes.clone(),
        problems: problems.warnings(),
        fingerprint,
        delivery: None,
        referrers: Vec::new(),
    }
}

/// The comment that is sent with a domain.
fn sent_comment(kind: Kind, item: &Item) -> Option<&str> {
    comment(item).or((kind == Kind::AllowDomain).then_some(COMMENT))
}

/// Domains of one call: of one list and one unit.
struct Batch<'a> {
    kind: Kind,
    unit: Option<&'a str>,
    /// Indexes of items and of their changes.
    entries: Vec<(usize, usize)>,
}

fn operation(finder: &Finder<'_>, place: usize, batch: Batch<'_>, adds: bool) -> Operation {
    let Batch { kind, unit, entries } = batch;
    let domain = |item: usize| finder.item(item).key.as_ref().map_or("", |key| key.own.text.as_str());
    let (list, body) = if adds {
        let entry = |(item, _): &(usize, usize)| {
            let mut entry = json!({ "domain": domain(*item) });
            if let Some(comment) = sent_comment(kind, finder.item(*item)) {
                entry["comment"] = comment.into();
            }
            entry
        };
        ("domainAndComments", entries.iter().map(entry).collect::<Vec<Value>>())
    } else {
        ("domains", entries.iter().map(|(item, _)| domain(*item).into()).collect())
    };
    let endpoint = match (kind, adds) {
        (Kind::AllowDomain, true) => Endpoint::AllowListAddDomains,
        (Kind::AllowDomain, false) => Endpoint::AllowListRemoveDomains,
        (_, true) => Endpoint::BlockListAddDomains,
        (_, false) => Endpoint::BlockListRemoveDomains,
    };
    let at = |place: usize| JsonPointer::default().child(list).child(place);
    Operation {
        id: OperationId(format!("op-{}", place + 1)),
        call: CallTemplate {
            endpoint,
            path_args: Vec::new(),
            query: Vec::new(),
            body: Some(CallBody::Json(json!({ list: body }))),
            outputs: BTreeMap::new(),
            secrets: BTreeMap::new(),
        },
        carries: entries
            .into_iter()
            .enumerate()
            .map(|(place, (_, change))| Carried { change, at: at(place) })
            .collect(),
        needs: Vec::new(),
        after: Vec::new(),
        kind,
        cleared: Vec::new(),
        unit: unit.map(str::to_owned),
        base: Vec::new(),
        stage: None,
    }
}
