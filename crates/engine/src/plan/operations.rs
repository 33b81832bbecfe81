//! The operations of a plan: calls in the making become call templates, in the order in which they would start.

use super::{
    body::Body,
    decide::Decided,
    find::{Finder, ParentOf},
    names, settings,
    steps::{Draft, Step, Steps},
    types::{Barrier, CallTemplate, Carried, Operation, OperationId, Output, TemplateText},
    waits::Graph,
};
use crate::{catalog, current::Live, shared_json::SharedJson};
use connexa_types::{CallBody, JsonPointer, Kind};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// The operations, and the barriers between them.
pub(super) struct Ordered {
    pub(super) operations: Vec<Operation>,
    pub(super) barriers: Vec<Barrier>,
}

/// What operations are made of.
pub(super) struct Parts<'p, 'a> {
    pub(super) finder: &'p Finder<'a>,
    pub(super) steps: &'p Steps<'a>,
    pub(super) graph: &'p Graph,
    /// Access groups in which references move → their bodies.
    pub(super) moves: HashMap<&'a str, Body>,
}

/// Makes the operations.
pub(super) fn operations(parts: Parts<'_, '_>, decided: Decided<'_>) -> Ordered {
    let sequence = parts.graph.sequence();
    let mut place = vec![0; parts.steps.drafts.len()];
    for (at, draft) in sequence.iter().enumerate() {
        place[*draft] = at;
    }
    let mut writer = Writer { bodies: decided.bodies, parts, place };
    let operations = sequence.iter().map(|own| writer.operation(*own)).collect();
    let barriers = &writer.parts.graph.barriers;
    let barriers = barriers
        .iter()
        .map(|barrier| Barrier {
            kinds: barrier.kinds,
            first: writer.places(&barrier.first),
            then: writer.places(&barrier.then),
        })
        .collect();
    Ordered { operations, barriers }
}

struct Writer<'p, 'a> {
    parts: Parts<'p, 'a>,
    bodies: Vec<Option<Body>>,
    /// Call in the making → its place among the operations.
    place: Vec<usize>,
}

impl<'a> Writer<'_, 'a> {
    fn id(&self, draft: usize) -> OperationId {
        OperationId(format!("op-{}", self.place[draft] + 1))
    }

    fn places(&self, drafts: &[usize]) -> Vec<usize> {
        let mut places: Vec<usize> = drafts.iter().map(|draft| self.place[*draft]).collect();
        places.sort_unstable();
        places
    }

    /// The id of the object that an item's call makes.
    fn output(&self, item: usize) -> Option<Output> {
        let of = self.id(self.parts.steps.made_by[item]?);
        Some(Output { of, change: item, pointer: JsonPointer::new("/id") })
    }

    fn operation(&mut self, own: usize) -> Operation {
        let steps = self.parts.steps;
        let draft = &steps.drafts[own];
        let (mut body, carries) = self.body(own, draft);
        let (mut outputs, mut secrets, mut cleared) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        if let Some(body) = &mut body {
            let open = std::mem::take(&mut body.outputs);
            outputs = open.into_iter().filter_map(|(at, item)| Some((at, self.output(item)?))).collect();
            secrets = std::mem::take(&mut body.secrets);
            cleared = std::mem::take(&mut body.cleared);
        }
        let json = body.map(|body| body.json);
        let call = match (draft.step, &json) {
            (Step::Update(_, live), Some(json)) if draft.kind == Kind::Setting => settings::call(live, json),
            _ => None,
        };
        let call = call.unwrap_or_else(|| {
            let (path_args, query) = self.addressed(draft);
            let calls = catalog::definition(draft.kind).calls();
            let endpoint = match draft.step {
                Step::Create(_) => calls.create,
                Step::Update(..) | Step::Free(..) | Step::Move(_) => calls.update,
                Step::Delete(_) => calls.delete,
            };
            let body = json.map(|json| CallBody::Json(Value::Object(json)));
            CallTemplate { endpoint, path_args, query, body, outputs, secrets }
        });
        Operation {
            id: self.id(own),
            call,
            carries,
            needs: self.places(&self.parts.graph.needs[own]),
            after: self.places(&self.parts.graph.after[own]),
            kind: draft.kind,
            cleared,
            unit: draft.unit.map(str::to_owned),
            base: self.base(own, draft),
            stage: None,
        }
    }

    /// The body, and the place of each change in it.
    fn body(&mut self, own: usize, draft: &Draft<'a>) -> (Option<Body>, Vec<Carried>) {
        let finder = self.parts.finder;
        let body = match draft.step {
            Step::Create(item) | Step::Update(item, _) => self.bodies[item].take(),
            Step::Free(item, live) => Some(freed(finder, item, live)),
            Step::Move(live) => self.parts.moves.remove(live.id.as_str()),
            Step::Delete(_) => None,
        };
        let Some(mut body) = body else {
            let root = |change: &usize| Carried { change: *change, at: JsonPointer::default() };
            return (None, draft.carries.iter().map(root).collect());
        };
        let mut carries = Vec::with_capacity(draft.carries.len());
        for (place, &change) in draft.carries.iter().enumerate() {
            let passenger = match self.parts.steps.made_by.get(change) {
                _ if place == 0 => None,
                // An item on board of its parent's call.
                Some(made_by) if *made_by == Some(own) => self.bodies[change].take().zip(finder.kind(change)),
                // A replace that moves this reference.
                Some(_) => None,
                // A child that comes along with its parent's new object.
                None => {
                    let live = self.parts.steps.extras[change - finder.standing.len()].live;
                    Some((Body::carried_over(finder, live), live.kind))
                }
            };
            let list = passenger.as_ref().and_then(|(_, kind)| catalog::definition(*kind).nested_as);
            let at = match (passenger, list) {
                (Some((passenger, _)), Some(list)) => body.board(list, passenger),
                _ => JsonPointer::default(),
            };
            carries.push(Carried { change, at });
        }
        (Some(body), carries)
    }

    /// Path and query.
    fn addressed(&self, draft: &Draft<'a>) -> (Vec<TemplateText>, Vec<(String, TemplateText)>) {
        let finder = self.parts.finder;
        let definition = catalog::definition(draft.kind);
        let (live, item) = match draft.step {
            Step::Create(item) => (None, Some(item)),
            Step::Update(_, live) | Step::Free(_, live) | Step::Delete(live) | Step::Move(live) => {
                (Some(live), None)
            }
        };
        let path = live.map(|live| TemplateText::Text(live.id.to_string())).into_iter().collect();
        let mut query = Vec::new();
        if let Some(name) =
            definition.parent_query.filter(|_| live.is_none() || definition.parent_query_always)
        {
            let parent =
                match (item.map(|item| finder.parents[item]), live.and_then(|live| live.parent.as_ref())) {
                    (Some(ParentOf::Live(parent, _)), _) => Some(TemplateText::Text(parent.id.to_string())),
                    (Some(ParentOf::Item(parent)), _) => self.output(parent).map(TemplateText::Output),
                    (_, Some(parent)) => Some(TemplateText::Text(parent.to_string())),
                    (Some(ParentOf::None | ParentOf::Missing) | None, None) => None,
                };
            query.extend(parent.map(|parent| (name.to_owned(), parent)));
        }
        (path, query)
    }

    /// What the call rests on, as it will be when it starts.
    fn base(&self, own: usize, draft: &Draft<'a>) -> Vec<Live> {
        match draft.step {
            Step::Create(_) => Vec::new(),
            Step::Free(_, live) | Step::Move(live) => vec![live.clone()],
            Step::Update(item, live) => {
                let freed = self.parts.steps.of[item].first().is_some_and(|first| *first != own);
                vec![if freed { renamed_for_now(live) } else { live.clone() }]
            }
            Step::Delete(live) => {
                let steps = self.parts.steps;
                let goes = |child: &&Live| {
                    steps.ended_by.get(&(child.kind, child.id.as_str())) == Some(&own) && child.id != live.id
                };
                let mut with: Vec<&Live> = catalog::nested(live.kind)
                    .flat_map(|child| self.parts.finder.children.of(child.kind, live.id.as_str()))
                    .copied()
                    .filter(goes)
                    .collect();
                with.sort_by_key(|live| live.kind);
                std::iter::once(live).chain(with).cloned().collect()
            }
        }
    }
}

/// The body that gives an object a name for the time being, and changes nothing else.
fn freed(finder: &Finder<'_>, item: usize, live: &Live) -> Body {
    debug_assert!(finder.kind(item) == Some(live.kind));
    let mut body = Body::as_read(finder, live);
    let field = catalog::definition(live.kind).key_field();
    body.json.insert(field.request.to_owned(), names::for_now(&live.key.own.text).into());
    body
}

/// An object as it is under its name for the time being.
fn renamed_for_now(live: &Live) -> Live {
    let definition = catalog::definition(live.kind);
    let name = names::for_now(&live.key.own.text);
    let mut object = Value::clone(&live.object);
    if let Some(shown) = object.get_mut(definition.key_field().response) {
        *shown = name.as_str().into();
    }
    let mut renamed = live.clone();
    renamed.object = SharedJson::from(object);
    renamed.key.own = crate::key::KeyPart::new(&name, definition.key);
    renamed
}
