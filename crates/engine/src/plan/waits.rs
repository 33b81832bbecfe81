//! The whole graph of a plan: need edges, units, and the order edges that only wait (spec section 7.1).
//!
//! Nodes are calls, and gates: a gate stands for a whole set of calls that others wait for, so that sets of many do not
//! make a graph of their product. What needs a member of a unit waits for the whole unit. Order edges are added after
//! that, and only where they close no cycle.

use super::{
    Mode,
    egress::Egress,
    find::{Finder, ParentOf, Resolved},
    order::{self, Needs},
    problems::Problems,
    steps::{Draft, Step, Steps, carrier},
    types::Barrier,
};
use crate::{
    desired::Dependency,
    problem::{Code, Problem},
};
use connexa_types::Kind;
use std::collections::{BTreeMap, HashMap};

/// Calls, then gates.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    /// Edges that must have succeeded, between calls only.
    pub(super) needs: Needs,
    /// Edges that only wait, between calls only.
    pub(super) after: Needs,
    /// Sets of calls that wait for sets of calls.
    pub(super) barriers: Vec<Barrier>,
    /// All of them, gates included.
    nodes: Needs,
}

impl Graph {
    /// The graph of what is needed, a gate for each unit that outsiders need something of.
    pub(super) fn new(needs: Needs, units: &[Option<&str>]) -> Self {
        let mut nodes = needs.clone();
        let mut members: HashMap<&str, Vec<usize>> = HashMap::new();
        for (node, unit) in units.iter().enumerate() {
            if let Some(unit) = unit {
                members.entry(unit).or_default().push(node);
            }
        }
        let mut gates: HashMap<&str, usize> = HashMap::new();
        if !members.is_empty() {
            for (own, needed) in needs.iter().enumerate() {
                for other in needed {
                    if let Some(unit) = units[*other]
                        && units[own] != Some(unit)
                    {
                        let gate = *gates.entry(unit).or_insert_with(|| {
                            nodes.push(members[unit].clone());
                            nodes.len() - 1
                        });
                        if !nodes[own].contains(&gate) {
                            nodes[own].push(gate);
                        }
                    }
                }
            }
        }
        let after = vec![Vec::new(); needs.len()];
        Self { needs, after, barriers: Vec::new(), nodes }
    }

    /// The calls, each after what it needs and waits for.
    pub(super) fn sequence(&self) -> Vec<usize> {
        let mut sequence = order::sequence(&self.nodes);
        sequence.retain(|node| *node < self.needs.len());
        sequence
    }

    /// Calls that need each other, gates left out.
    pub(super) fn cycles(&self) -> Vec<(Vec<usize>, Vec<usize>)> {
        let mut cycles = order::cycles(&self.nodes);
        for (way, knot) in &mut cycles {
            way.retain(|node| *node < self.needs.len());
            knot.retain(|node| *node < self.needs.len());
        }
        cycles
    }

    /// Lets calls wait for others through a gate, unless that closes a cycle.
    fn gate(&mut self, first: &[usize], then: &[usize]) -> bool {
        let before = self.nodes.len();
        self.nodes.push(first.to_vec());
        for node in then {
            self.nodes[*node].push(before);
        }
        let sound = order::sequence(&self.nodes).len() == self.nodes.len();
        if !sound {
            self.nodes.truncate(before);
            for node in then {
                self.nodes[*node].pop();
            }
        }
        sound
    }

    /// Lets each of some calls wait for each of some others, `needed` or not, where that closes no cycle.
    fn wait(&mut self, first: &[usize], then: &[usize], needed: bool) {
        let then: Vec<usize> = then.iter().copied().filter(|node| !first.contains(node)).collect();
        let mut kept: Vec<(usize, usize)> = Vec::new();
        if first.is_empty() || then.is_empty() {
            return;
        }
        if self.gate(first, &then) {
            kept.extend(then.iter().flat_map(|node| first.iter().map(|other| (*node, *other))));
        } else {
            for node in then {
                kept.extend(
                    first.iter().filter(|other| self.gate(&[**other], &[node])).map(|other| (node, *other)),
                );
            }
        }
        let edges = if needed { &mut self.needs } else { &mut self.after };
        for (node, other) in kept {
            if let Err(at) = edges[node].binary_search(&other) {
                edges[node].insert(at, other);
            }
        }
    }
}

/// Adds the order edges, in the order of the table of spec section 7.1.
pub(super) fn add<'a>(
    graph: &mut Graph,
    finder: &Finder<'a>,
    steps: &Steps<'a>,
    egress: &Egress,
    irreversible: &[bool],
    mode: Mode,
    problems: &mut Problems<'a>,
) {
    add_irreversible(graph, &steps.drafts, irreversible);
    add_egress(graph, egress, steps);
    add_settings(graph, finder, steps);
    add_routes(graph, finder, steps);
    add_barriers(graph, finder, steps, mode, problems);
}

/// Irreversible members of a unit run last.
fn add_irreversible(graph: &mut Graph, drafts: &[Draft<'_>], irreversible: &[bool]) {
    let mut units: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (node, draft) in drafts.iter().enumerate() {
        if let Some(unit) = draft.unit {
            let (first, last) = units.entry(unit).or_default();
            if draft.carries.iter().any(|change| irreversible[*change]) {
                last.push(node);
            } else {
                first.push(node);
            }
        }
    }
    for (first, last) in units.into_values() {
        graph.wait(&first, &last, true);
    }
}

/// All that ask for `split_tunnel_off` wait for all that make an egress network. So that many of both do not make a graph
/// of their product, one of the waiting waits for all of these, the others for that one. What makes an egress network but
/// needs one that waits would close a cycle and is left out.
fn add_egress(graph: &mut Graph, egress: &Egress, steps: &Steps<'_>) {
    if egress.waiting.is_empty() || egress.makers.is_empty() {
        return;
    }
    let mut waits = vec![false; graph.nodes.len()];
    for draft in egress.waiting.iter().filter_map(|item| steps.made_by[*item]) {
        waits[draft] = true;
    }
    let sequence = order::sequence(&graph.nodes);
    let mut hangs = waits.clone();
    for node in &sequence {
        hangs[*node] |= graph.nodes[*node].iter().any(|needed| hangs[*needed]);
    }
    let makers = egress.makers.iter().filter_map(|item| steps.made_by[*item]);
    let mut makers: Vec<usize> = makers.filter(|draft| !hangs[*draft]).collect();
    makers.sort_unstable();
    makers.dedup();
    // The first in sequence needs none of the others, so that waiting for it closes no cycle.
    let mut waiting = sequence.into_iter().filter(|draft| waits[*draft]);
    if let Some(first) = waiting.next()
        && !makers.is_empty()
    {
        graph.nodes[first].extend(&makers);
        graph.after[first] = makers;
        for draft in waiting {
            graph.nodes[draft].push(first);
            graph.after[draft] = vec![first];
        }
    }
}

/// Routes wait for the settings that say which there may be.
fn add_settings(graph: &mut Graph, finder: &Finder<'_>, steps: &Steps<'_>) {
    const PATHS: [&str; 3] =
        ["wpc.subnet", "wpc.domain_routing_subnet", "wpc.routes_advanced_configuration_enabled"];
    let is_setting = |index: usize| {
        finder.item(index).kind == Ok(Kind::Setting)
            && finder.item(index).key.as_ref().is_some_and(|key| PATHS.contains(&key.own.text.as_str()))
    };
    let items = 0..finder.standing.len();
    let of = |takes: &dyn Fn(usize) -> bool| {
        let mut drafts: Vec<usize> =
            items.clone().filter(|index| takes(*index)).filter_map(|index| steps.made_by[index]).collect();
        drafts.sort_unstable();
        drafts.dedup();
        drafts
    };
    let settings = of(&is_setting);
    if !settings.is_empty() {
        let routes = of(&|index| finder.kind(index) == Some(Kind::NetworkRoute));
        graph.wait(&settings, &routes, false);
    }
}

/// A route goes after the changes of the IP services that lie in it: the service says in which they do.
fn add_routes(graph: &mut Graph, finder: &Finder<'_>, steps: &Steps<'_>) {
    let mut waits: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (own, draft) in steps.drafts.iter().enumerate() {
        let (Step::Update(_, live) | Step::Delete(live)) = draft.step else { continue };
        if live.kind != Kind::NetworkIpService {
            continue;
        }
        let routes = live.object.get("routes").and_then(serde_json::Value::as_array);
        for route in routes.into_iter().flatten().filter_map(|route| route.get("parentRouteId")?.as_str()) {
            let end = finder.current.kind(Kind::NetworkRoute).and_then(|kind| kind.by_id(route));
            let end = end.and_then(|live| steps.ended_by.get(&(live.kind, live.id.as_str())));
            if let Some(end) = end.filter(|end| **end != own) {
                waits.entry(*end).or_default().push(own);
            }
        }
    }
    for (end, mut services) in waits {
        services.dedup();
        graph.wait(&services, &[end], false);
    }
}

/// `dependencies`: sets of calls that wait for sets of calls. One that closes a cycle over all items of the spec is
/// dropped, with W305.
fn add_barriers<'a>(
    graph: &mut Graph,
    finder: &Finder<'a>,
    steps: &Steps<'a>,
    mode: Mode,
    problems: &mut Problems<'a>,
) {
    if finder.desired.dependencies.is_empty() {
        return;
    }
    let mut spec = spec_graph(finder);
    let items = |kind: Kind| -> Vec<usize> {
        (0..finder.standing.len()).filter(|index| finder.item(*index).kind == Ok(kind)).collect()
    };
    for Dependency { kind, on, place } in &finder.desired.dependencies {
        let (then, first) = (items(*kind), items(*on));
        let calls = |items: &[usize]| {
            let mut calls: Vec<usize> = items.iter().flat_map(|item| steps.of[*item].clone()).collect();
            calls.sort_unstable();
            calls.dedup();
            calls
        };
        let sound = keeps(&mut spec, &nodes(finder, &first), &nodes(finder, &then));
        // Deletes run against the edges.
        let (kinds, first, then) = match mode {
            Mode::Delete => ([*on, *kind], calls(&then), calls(&first)),
            _ => ([*kind, *on], calls(&first), calls(&then)),
        };
        // A call that carries both kinds cannot wait for itself.
        let then: Vec<usize> = then.into_iter().filter(|call| first.binary_search(call).is_err()).collect();
        if sound && (first.is_empty() || then.is_empty()) {
            continue;
        }
        if sound && graph.gate(&first, &then) {
            graph.barriers.push(Barrier { kinds, first, then });
            continue;
        }
        let message = format!(
            "{} cannot wait for {}: that closes a cycle, so this order is not kept",
            kind.plural(),
            on.plural()
        );
        problems.push_general(Problem::new(Code::warning(305), message).at(place));
    }
}

/// Lets all of one kind wait for all of another, unless that closes a cycle. What is both waits for all the others, so
/// there can be one such at most.
fn keeps(spec: &mut Graph, first: &[usize], then: &[usize]) -> bool {
    let (both, then): (Vec<usize>, Vec<usize>) =
        then.iter().copied().partition(|node| first.binary_search(node).is_ok());
    match both.as_slice() {
        [] => spec.gate(first, &then),
        [one] => {
            let others: Vec<usize> = first.iter().copied().filter(|node| node != one).collect();
            let before = spec.clone();
            let sound = spec.gate(&others, &[*one]) && spec.gate(first, &then);
            if !sound {
                *spec = before;
            }
            sound
        }
        _ => false,
    }
}

/// Items as nodes of the spec's graph: those on board of another's call are one with it.
fn nodes(finder: &Finder<'_>, items: &[usize]) -> Vec<usize> {
    let mut nodes: Vec<usize> = items.iter().map(|item| carrier(finder, *item)).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// The need edges over all items of the spec, whether they act or not.
fn spec_graph(finder: &Finder<'_>) -> Graph {
    let mut needs: Needs = vec![Vec::new(); finder.standing.len()];
    for (index, item) in finder.desired.items.iter().enumerate() {
        let own = carrier(finder, index);
        let mut need = |other: usize| {
            let other = carrier(finder, other);
            if other != own {
                needs[own].push(other);
            }
        };
        if let ParentOf::Item(parent) | ParentOf::Live(_, Some(parent)) = finder.parents[index] {
            need(parent);
        }
        for value in item.fields.values() {
            value.for_each_reference(&mut |reference| match finder.reference(reference) {
                Resolved::Item(other) => need(other),
                Resolved::Live(live) => finder.item_of(live).into_iter().for_each(&mut need),
                Resolved::Unchecked | Resolved::Missing | Resolved::Ambiguous => {}
            });
        }
        item.depends_on.iter().copied().for_each(&mut need);
    }
    for list in &mut needs {
        list.sort_unstable();
        list.dedup();
    }
    let units: Vec<Option<&str>> = finder.desired.items.iter().map(|item| item.unit.as_deref()).collect();
    Graph::new(needs, &units)
}
