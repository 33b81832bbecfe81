//! Coalescing: the fewest calls that carry all changes, and their order (design: plan, run).
//!
//! A new parent carries its new children where the API nests them; a new child of an existing parent is one call;
//! all changes of one object are one PUT.

use super::{
    body::Body,
    egress::Egress,
    fields::at,
    find::{Finder, ParentOf, Standing},
    order::{self, Needs},
    settings,
    types::{CallTemplate, Carried, Operation, OperationId, Output, TemplateText},
};
use crate::{catalog, current::Live, desired::FieldValue};
use connexa_types::{CallBody, JsonPointer, Kind};
use serde_json::Value;

/// A call in the making: items in place of operations.
struct Draft {
    item: usize,
    kind: Kind,
    call: CallTemplate,
    body: Body,
    /// An item whose object's id goes into the query.
    parent: Option<(&'static str, usize)>,
    carries: Vec<Carried>,
}

/// The item whose call carries an item that is to be created: its new parent, if that takes it on board, else itself.
pub(super) fn carrier(finder: &Finder<'_>, index: usize) -> usize {
    match (finder.kind(index), finder.parents[index]) {
        (Some(kind), ParentOf::Item(parent)) if catalog::definition(kind).carried_by_parent => parent,
        _ => index,
    }
}

/// Items that must be there before an item's call, other than those on board of the same call.
pub(super) fn needs(finder: &Finder<'_>, index: usize, body: &Body) -> Vec<usize> {
    let mut needs: Vec<usize> = body.outputs.iter().map(|(_, item)| carrier(finder, *item)).collect();
    if let ParentOf::Item(parent) = finder.parents[index]
        && carrier(finder, index) == index
    {
        needs.push(parent);
    }
    // A key that another item's rename frees.
    if let (Some(kind), Some(key)) = (finder.kind(index), &finder.item(index).key)
        && kind.parent().is_none()
        && let Some(freeing) = finder.freed.get(&(kind, key.comparable().1))
        && *freeing != index
    {
        needs.push(*freeing);
    }
    if let (ParentOf::Live(live, Some(network)), Standing::New) =
        (finder.parents[index], finder.standing[index])
        && finder.kind(index) == Some(Kind::NetworkConnector)
        && takes_protocol(finder, network, live)
            .is_some_and(|protocol| protocol == own_protocol(finder, index))
    {
        needs.push(network);
    }
    needs
}

/// The tunneling protocol that an item gives to its live network, which has another one.
fn takes_protocol<'a>(finder: &Finder<'a>, network: usize, live: &Live) -> Option<&'a str> {
    let FieldValue::Value(wanted) = finder.item(network).fields.get("tunneling_protocol")? else {
        return None;
    };
    let is = at(Some(&live.object), "tunnelingProtocol").and_then(Value::as_str);
    wanted.as_str().filter(|wanted| Some(*wanted) != is)
}

/// The protocol of a connector that is to be created.
fn own_protocol(finder: &Finder<'_>, connector: usize) -> &'static str {
    if finder.item(connector).fields.contains_key("ipsec") { "IPSEC" } else { "OPENVPN" }
}

/// Makes the operations of all items that act. `bodies` holds a body for each of them and nothing for the others.
pub(super) fn operations(
    finder: &Finder<'_>,
    mut bodies: Vec<Option<Body>>,
    egress: &Egress,
) -> Vec<Operation> {
    let count = bodies.len();
    let needed: Vec<Vec<usize>> = bodies
        .iter()
        .enumerate()
        .map(|(index, body)| body.as_ref().map_or_else(Vec::new, |body| needs(finder, index, body)))
        .collect();
    let mut draft_of: Vec<Option<usize>> = vec![None; count];
    let mut drafts: Vec<Draft> = Vec::new();
    for index in 0..count {
        if carrier(finder, index) == index
            && let Some(body) = bodies[index].take()
            && let Some(draft) = draft(finder, index, body)
        {
            draft_of[index] = Some(drafts.len());
            drafts.push(draft);
        }
    }
    // Passengers second: a flat child may stand before its parent, and all come on board in input order.
    for index in 0..count {
        let (Some(passenger), Some(kind)) = (bodies[index].take(), finder.kind(index)) else { continue };
        let (Some(draft), Some(list)) =
            (draft_of[carrier(finder, index)], catalog::definition(kind).nested_as)
        else {
            continue;
        };
        draft_of[index] = Some(draft);
        let at = drafts[draft].body.board(list, passenger);
        drafts[draft].carries.push(Carried { change: index, at });
    }
    let graph: Needs = drafts
        .iter()
        .enumerate()
        .map(|(own, draft)| {
            let all = draft.carries.iter().flat_map(|carried| &needed[carried.change]);
            let mut drafts: Vec<usize> =
                all.filter_map(|item| draft_of[*item]).filter(|d| *d != own).collect();
            drafts.sort_unstable();
            drafts.dedup();
            drafts
        })
        .collect();
    let after = waits(&graph, egress, &draft_of);
    finish(drafts, &draft_of, &graph, &after)
}

fn draft(finder: &Finder<'_>, index: usize, body: Body) -> Option<Draft> {
    let kind = finder.kind(index)?;
    let carries = vec![Carried { change: index, at: JsonPointer::default() }];
    if kind == Kind::Setting {
        let call = settings::call(finder.standing[index].live()?, &body.json)?;
        return Some(Draft { item: index, kind, call, body, parent: None, carries });
    }
    let definition = catalog::definition(kind);
    let (endpoint, path_args, query_needed) = match finder.standing[index] {
        Standing::New => (definition.calls().create, Vec::new(), true),
        Standing::Live(live) => (
            definition.calls().update,
            vec![TemplateText::Text(live.id.to_string())],
            definition.parent_query_always,
        ),
        Standing::Undecided => return None,
    };
    let mut query = Vec::new();
    let mut parent = None;
    if let Some(name) = definition.parent_query.filter(|_| query_needed) {
        match (finder.parents[index], finder.standing[index].live().and_then(|live| live.parent.as_ref())) {
            (ParentOf::Live(live, _), _) => {
                query.push((name.to_owned(), TemplateText::Text(live.id.to_string())));
            }
            (ParentOf::Item(item), _) => parent = Some((name, item)),
            (_, Some(id)) => query.push((name.to_owned(), TemplateText::Text(id.to_string()))),
            (ParentOf::None | ParentOf::Missing, None) => {}
        }
    }
    let call = CallTemplate {
        endpoint,
        path_args,
        query,
        body: None,
        outputs: std::collections::BTreeMap::new(),
        secrets: std::collections::BTreeMap::new(),
    };
    Some(Draft { item: index, kind, call, body, parent, carries })
}

/// Order edges: drafts that wait for others without needing them.
///
/// All that ask for `split_tunnel_off` wait for all that make an egress network. So that many of both do not make a
/// graph of their product, one of the waiting waits for all of these, the others for that one. What makes an egress
/// network but needs one that waits would close a cycle and is left out.
fn waits(graph: &Needs, egress: &Egress, draft_of: &[Option<usize>]) -> Vec<Vec<usize>> {
    let mut after = vec![Vec::new(); graph.len()];
    if egress.waiting.is_empty() || egress.makers.is_empty() {
        return after;
    }
    let mut waits = vec![false; graph.len()];
    for draft in egress.waiting.iter().filter_map(|item| draft_of[*item]) {
        waits[draft] = true;
    }
    let sequence = order::sequence(graph);
    let mut hangs = waits.clone();
    for draft in &sequence {
        hangs[*draft] |= graph[*draft].iter().any(|needed| hangs[*needed]);
    }
    let mut makers: Vec<usize> =
        egress.makers.iter().filter_map(|item| draft_of[*item]).filter(|draft| !hangs[*draft]).collect();
    makers.sort_unstable();
    makers.dedup();
    // The first in sequence needs none of the others, so that waiting for it closes no cycle.
    let mut waiting = sequence.into_iter().filter(|draft| waits[*draft]);
    if let Some(first) = waiting.next()
        && !makers.is_empty()
    {
        after[first] = makers;
        for draft in waiting {
            after[draft] = vec![first];
        }
    }
    after
}

fn finish(
    drafts: Vec<Draft>,
    draft_of: &[Option<usize>],
    needs: &Needs,
    after: &[Vec<usize>],
) -> Vec<Operation> {
    let both: Needs = needs
        .iter()
        .zip(after)
        .map(|(needs, after)| {
            let mut all: Vec<usize> = needs.iter().chain(after).copied().collect();
            all.sort_unstable();
            all.dedup();
            all
        })
        .collect();
    let sequence = order::sequence(&both);
    let mut place = vec![0; drafts.len()];
    for (at, draft) in sequence.iter().enumerate() {
        place[*draft] = at;
    }
    let id = |draft: usize| OperationId(format!("op-{}", place[draft] + 1));
    let places = |drafts: &[usize]| -> Vec<usize> {
        let mut places: Vec<usize> = drafts.iter().map(|d| place[*d]).collect();
        places.sort_unstable();
        places
    };
    let output = |item: usize| -> Option<Output> {
        Some(Output { of: id(draft_of[item]?), change: item, pointer: JsonPointer::new("/id") })
    };
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    sequence
        .iter()
        .filter_map(|own| {
            let draft = drafts[*own].take()?;
            let mut call = draft.call;
            if let Some((name, item)) = draft.parent {
                call.query.extend(output(item).map(|output| (name.to_owned(), TemplateText::Output(output))));
            }
            call.outputs =
                draft.body.outputs.into_iter().filter_map(|(at, item)| Some((at, output(item)?))).collect();
            call.secrets = draft.body.secrets;
            // The call of a setting holds its value already, in the form that it takes.
            if draft.kind != Kind::Setting {
                call.body = Some(CallBody::Json(Value::Object(draft.body.json)));
            }
            debug_assert_eq!(draft.carries[0].change, draft.item);
            Some(Operation {
                id: id(*own),
                call,
                carries: draft.carries,
                needs: places(&needs[*own]),
                after: places(&after[*own]),
                kind: draft.kind,
                cleared: draft.body.cleared,
                unit: None,
                base: Vec::new(),
            })
        })
        .collect()
}
