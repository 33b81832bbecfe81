//! Who needs whom: the need edges of spec section 7.1 between calls.

use super::{
    Mode,
    body::Body,
    decide::Decided,
    fields::at,
    find::{Finder, Owner, ParentOf},
    names::{Freer, Names},
    order::Needs,
    overlap::Routes,
    removals::Removals,
    steps::{Step, Steps},
};
use crate::{
    catalog::{self, Field, FieldType},
    current::Live,
    desired::FieldValue,
    key::parse_cidr,
};
use connexa_types::Kind;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// What the edges are made of.
pub(super) struct Edges<'e, 'a> {
    pub(super) finder: &'e Finder<'a>,
    pub(super) decided: &'e Decided<'a>,
    pub(super) removals: &'e Removals<'a>,
    pub(super) names: &'e Names<'a>,
    pub(super) steps: &'e Steps<'a>,
    pub(super) moves: &'e HashMap<&'a str, Body>,
    pub(super) mode: Mode,
}

/// Call → the calls that must have succeeded before it, each list sorted and free of repetition.
pub(super) fn needs(edges: &Edges<'_, '_>) -> Needs {
    let mut needs: Needs = vec![Vec::new(); edges.steps.drafts.len()];
    for (own, draft) in edges.steps.drafts.iter().enumerate() {
        match draft.step {
            Step::Create(_) | Step::Update(..) => {
                for change in draft.carries.iter().filter(|change| **change < edges.finder.standing.len()) {
                    // A replace is carried by calls of others, too, whose needs are not its own.
                    if edges.steps.made_by[*change] == Some(own) {
                        edges.of_item(*change, own, &mut needs[own]);
                    }
                }
                if let Step::Update(item, live) = draft.step {
                    edges.of_update(item, live, &mut needs[own]);
                }
            }
            Step::Free(..) => {}
            Step::Delete(live) => edges.of_delete(live, &mut needs[own]),
            Step::Move(group) => {
                let body = edges.moves.get(group.id.as_str());
                let outputs = body.into_iter().flat_map(|body| &body.outputs);
                needs[own].extend(outputs.filter_map(|(_, item)| edges.steps.made_by[*item]));
            }
        }
    }
    edges.ends_of_references(&mut needs);
    edges.routes_of_services(&mut needs);
    for list in &mut needs {
        list.sort_unstable();
        list.dedup();
    }
    needs
}

impl<'a> Edges<'_, 'a> {
    /// What an item's call needs for it, as principal or passenger.
    fn of_item(&self, index: usize, own: usize, all: &mut Vec<usize>) {
        let (finder, steps) = (self.finder, self.steps);
        let mut needs = Vec::new();
        if let ParentOf::Item(parent) = finder.parents[index] {
            needs.extend(steps.made_by[parent]);
        }
        for other in &finder.item(index).depends_on {
            needs.extend(&steps.of[*other]);
        }
        for freer in self.names.freed_for(finder, index) {
            needs.extend(match freer {
                Freer::Rename(item) => steps.of[item].first().copied(),
                Freer::End(kind, id) => steps.ended_by.get(&(kind, id)).copied(),
            });
        }
        if let (ParentOf::Live(live, Some(network)), true, Some(Kind::NetworkConnector)) =
            (finder.parents[index], finder.is_new(index), finder.kind(index))
            && takes_protocol(finder, network, live)
                .is_some_and(|protocol| protocol == self.own_protocol(index))
        {
            needs.extend(steps.made_by[network]);
        }
        all.extend(needs.into_iter().filter(|needed| *needed != own));
        // A new object that refers to itself is a cycle.
        if let Some(body) = &self.decided.bodies[index] {
            all.extend(body.outputs.iter().filter_map(|(_, item)| steps.made_by[*item]));
        }
    }

    /// What an update needs beside.
    fn of_update(&self, item: usize, live: &'a Live, needs: &mut Vec<usize>) {
        if self.names.is_freed(item) {
            needs.extend(self.steps.of[item].first());
        }
        if live.kind != Kind::Network {
            return;
        }
        let Some(new) = takes_protocol(self.finder, item, live) else { return };
        for connector in self.finder.children.of(Kind::NetworkConnector, live.id.as_str()) {
            if live_protocol(connector) != new {
                needs.extend(self.steps.ended_by.get(&(connector.kind, connector.id.as_str())));
            }
        }
    }

    /// The protocol of a connector that is to be created.
    fn own_protocol(&self, index: usize) -> &'static str {
        let body = self.decided.bodies[index].as_ref();
        if body.is_some_and(|body| body.json.contains_key("ipSecConfig")) { "IPSEC" } else { "OPENVPN" }
    }

    /// What the end of an object needs: its new object, if that comes first, the ends of children that have calls of their
    /// own, and in a batch of deletes whatever depends on it.
    fn of_delete(&self, live: &'a Live, needs: &mut Vec<usize>) {
        let (finder, steps) = (self.finder, self.steps);
        let Some(own) = steps.ended_by.get(&(live.kind, live.id.as_str())) else { return };
        for change in &steps.drafts[*own].carries {
            let Some(draft) = steps.made_by.get(*change).copied().flatten() else { continue };
            if finder.replaced[*change] && !self.names.ends_first(*change) {
                needs.push(draft);
            }
        }
        for child in catalog::nested(live.kind) {
            for child in finder.children.of(child.kind, live.id.as_str()) {
                let end = steps.ended_by.get(&(child.kind, child.id.as_str()));
                needs.extend(end.filter(|end| *end != own));
            }
        }
    }

    /// Deletes wait for the changes that end live references to their object, and in a batch of deletes for those of what
    /// depends on it.
    fn ends_of_references(&self, needs: &mut Needs) {
        let steps = self.steps;
        if steps.ended_by.is_empty() {
            return;
        }
        let gone: HashSet<&str> = self.removals.objects().map(|live| live.id.as_str()).collect();
        let mut wait = |referrer: &'a Live, draft: usize, still: &HashSet<String>| {
            for (kind, id) in references(referrer) {
                if gone.contains(id)
                    && !still.contains(id)
                    && let Some(end) = steps.ended_by.get(&(kind, id)).filter(|end| **end != draft)
                {
                    needs[*end].push(draft);
                }
            }
        };
        for (own, draft) in steps.drafts.iter().enumerate() {
            match draft.step {
                Step::Update(item, live) => {
                    let body = self.decided.bodies[item].as_ref();
                    wait(live, own, &body.map(|body| still_named(live.kind, body)).unwrap_or_default());
                }
                Step::Move(live) => {
                    let body = self.moves.get(live.id.as_str());
                    wait(live, own, &body.map(|body| still_named(live.kind, body)).unwrap_or_default());
                }
                Step::Create(_) | Step::Free(..) | Step::Delete(_) => {}
            }
        }
        for live in self.removals.objects() {
            if let Some(own) = steps.ended_by.get(&(live.kind, live.id.as_str())) {
                wait(live, *own, &HashSet::new());
            }
        }
        if self.mode == Mode::Delete {
            for (index, item) in self.finder.desired.items.iter().enumerate() {
                for other in &item.depends_on {
                    let ends = |item: usize| {
                        let live = self.finder.standing[item].live()?;
                        steps.ended_by.get(&(live.kind, live.id.as_str())).copied()
                    };
                    if let (Some(first), Some(then)) = (ends(index), ends(*other))
                        && first != then
                    {
                        needs[then].push(first);
                    }
                }
            }
        }
    }

    /// An IP service waits for the new routes of its network that hold its own, unless a live one does.
    fn routes_of_services(&self, needs: &mut Needs) {
        let (finder, steps) = (self.finder, self.steps);
        let wanted = |index: usize| match finder.item(index).fields.get("routes") {
            Some(FieldValue::Value(Value::Array(list))) => list
                .iter()
                .filter_map(|route| parse_cidr(route.get("value").unwrap_or(route).as_str()?))
                .collect::<Vec<IpNet>>(),
            _ => Vec::new(),
        };
        let services: Vec<(usize, usize)> = (0..finder.standing.len())
            .filter(|index| finder.kind(*index) == Some(Kind::NetworkIpService))
            .filter_map(|index| Some((index, steps.made_by[index]?)))
            .collect();
        if services.is_empty() {
            return;
        }
        let mut by_network: HashMap<Owner<'a>, Vec<(Option<IpNet>, usize)>> = HashMap::new();
        for (index, draft) in steps.made_by.iter().enumerate() {
            if let (Some(Kind::NetworkRoute), Some(draft), true) =
                (finder.kind(index), draft, finder.is_new(index))
                && let (Some(owner), Some(key)) = (finder.owner(index), &finder.item(index).key)
            {
                by_network.entry(owner).or_default().push((parse_cidr(&key.own.canonical), *draft));
            }
        }
        let new: HashMap<Owner<'a>, Routes<'a>> = by_network
            .iter()
            .map(|(owner, routes)| (*owner, Routes::numbered(routes.iter().map(|(net, _)| *net))))
            .collect();
        let mut live: HashMap<&'a str, Routes<'a>> = HashMap::new();
        for (index, draft) in services {
            let Some(owner) = finder.owner(index) else { continue };
            let Some(routes) = new.get(&owner) else { continue };
            for net in wanted(index) {
                let mut held = false;
                if let Owner::Live(network) = owner {
                    let staying = live.entry(network).or_insert_with(|| {
                        let routes = finder.children.of(Kind::NetworkRoute, network).iter();
                        let staying = routes
                            .filter(|route| !steps.ended_by.contains_key(&(route.kind, route.id.as_str())));
                        Routes::numbered(staying.map(|route| parse_cidr(&route.key.own.canonical)))
                    });
                    staying.numbers_holding(net, |_| held = true);
                }
                if !held {
                    routes.numbers_holding(net, |number| needs[draft].push(by_network[&owner][number].1));
                }
            }
        }
    }
}

/// The tunneling protocol that an item gives to its live network, which has another one.
pub(super) fn takes_protocol<'a>(finder: &Finder<'a>, network: usize, live: &Live) -> Option<&'a str> {
    let FieldValue::Value(wanted) = finder.item(network).fields.get("tunneling_protocol")? else {
        return None;
    };
    let is = at(Some(&live.object), "tunnelingProtocol").and_then(Value::as_str);
    wanted.as_str().filter(|wanted| Some(*wanted) != is)
}

/// The protocol of a live connector.
fn live_protocol(live: &Live) -> &str {
    match at(Some(&live.object), "tunnelingProtocol").and_then(Value::as_str) {
        Some(protocol) => protocol,
        None if at(Some(&live.object), "ipSecConfig").is_some() => "IPSEC",
        None => "OPENVPN",
    }
}

/// The objects that a live object refers to.
pub(crate) fn references(live: &Live) -> Vec<(Kind, &str)> {
    let mut found = Vec::new();
    for field in catalog::definition(live.kind).fields {
        if let Some(value) = at(Some(&live.object), field.response) {
            each_id(field, value, &mut |kind, id| found.push((kind, id)));
        }
    }
    found
}

/// The ids that the body of an update still names.
fn still_named(kind: Kind, body: &Body) -> HashSet<String> {
    let mut found = HashSet::new();
    for field in catalog::definition(kind).fields {
        let value = field.request.split('/').try_fold(None, |value: Option<&Value>, name| match value {
            None => Some(body.json.get(name)),
            Some(value) => Some(value.get(name)),
        });
        if let Some(Some(value)) = value {
            each_id(field, value, &mut |_, id| {
                found.insert(id.to_owned());
            });
        }
    }
    found
}

fn each_id<'v>(field: &Field, value: &'v Value, visit: &mut dyn FnMut(Kind, &'v str)) {
    match field.ty {
        FieldType::Reference(kind) => value.as_str().into_iter().for_each(|id| visit(kind, id)),
        FieldType::References(kind) => {
            let ids = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            ids.for_each(|id| visit(kind, id));
        }
        FieldType::AccessItems(_) => {
            for item in value.as_array().into_iter().flatten() {
                let text = |name: &str| item.get(name).and_then(Value::as_str);
                let (parent, children): (Kind, &[Kind]) = match text("type") {
                    Some("HOST" | "HOST_SERVICE") => {
                        (Kind::Host, &[Kind::HostApplication, Kind::HostIpService])
                    }
                    Some("USER_GROUP") => (Kind::UserGroup, &[Kind::UserGroup]),
                    _ => (Kind::Network, &[Kind::NetworkApplication, Kind::NetworkIpService]),
                };
                if let Some(id) = text("parent") {
                    visit(parent, id);
                }
                let ids = item.get("children").and_then(Value::as_array).into_iter().flatten();
                for id in ids.filter_map(Value::as_str) {
                    for kind in children {
                        visit(*kind, id);
                    }
                }
            }
        }
        _ => {}
    }
}
