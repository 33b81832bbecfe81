//! What IP services need of the tenant: a route of their network around each of their own (W510), and the right type where
//! they are a source of traffic (W453).

use super::{
    find::{Finder, ParentOf, Resolved, Standing},
    human,
    problems::Problems,
};
use crate::{
    desired::{FieldValue, Reference},
    key::parse_cidr,
    problem::{Code, Problem},
};
use connexa_types::Kind;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::HashSet;

/// Checks all that acts.
pub(super) fn check<'a>(finder: &Finder<'a>, acting: &[bool], problems: &mut Problems<'a>) {
    let mut routes = None;
    for index in (0..acting.len()).filter(|index| acting[*index]) {
        if problems.refuses(index) {
            continue;
        }
        match finder.kind(index) {
            Some(Kind::NetworkIpService) => {
                check_routes(finder, index, routes.get_or_insert_with(|| Routes::new(finder)), problems);
            }
            Some(Kind::AccessGroup) => check_sources(finder, index, problems),
            _ => {}
        }
    }
}

/// W510: the service places each route in the smallest one of the network around it, and must find one.
fn check_routes<'a>(finder: &Finder<'a>, index: usize, routes: &Routes<'a>, problems: &mut Problems<'a>) {
    let Some(FieldValue::Value(Value::Array(own))) = finder.item(index).fields.get("routes") else { return };
    let Some(network) = Network::of(finder.parents[index]) else { return };
    for (number, route) in own.iter().enumerate() {
        let Some(net) = route.get("value").and_then(Value::as_str).and_then(parse_cidr) else { continue };
        if !routes.hold(network, net) {
            let message = format!("`{net}` lies in no route of the network");
            let problem = Problem::new(Code::warning(510), message).path(format!("routes[{number}]"));
            problems.push(index, problem.hint(format!("add a route to the network that contains `{net}`")));
        }
    }
}

/// W453, for services whose type only the tenant tells; the reader of specs has told of the others.
fn check_sources<'a>(finder: &Finder<'a>, index: usize, problems: &mut Problems<'a>) {
    let Some(FieldValue::Access(items)) = finder.item(index).fields.get("source") else { return };
    for service in items.iter().flat_map(|item| &item.children) {
        if service.kind == Kind::NetworkIpService
            && live_type(finder, service).is_some_and(|of| of != "IP_SOURCE")
        {
            let name = human::named(finder, service);
            let message = format!("the IP service `{name}` is of another type than `ip_source`");
            let problem = Problem::new(Code::warning(453), message).at(&service.place).path(&service.path);
            problems.push(index, problem.expected("IP services of type `ip_source`"));
        }
    }
}

/// The type of a service that no item of the spec gives.
fn live_type<'a>(finder: &Finder<'a>, service: &Reference) -> Option<&'a str> {
    let live = match finder.reference(service) {
        Resolved::Item(item) if finder.item(item).fields.contains_key("type") => return None,
        Resolved::Item(item) => finder.standing[item].live()?,
        Resolved::Live(live) => live,
        Resolved::Unchecked | Resolved::Missing | Resolved::Ambiguous => return None,
    };
    live.object.get("type")?.as_str()
}

/// The network of a route or service.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Network<'a> {
    Live(&'a str),
    Item(usize),
}

impl<'a> Network<'a> {
    fn of(parent: ParentOf<'a>) -> Option<Self> {
        match parent {
            ParentOf::Item(item) => Some(Self::Item(item)),
            ParentOf::Live(live, _) => Some(Self::Live(live.id.as_str())),
            ParentOf::None | ParentOf::Missing => None,
        }
    }
}

/// The routes of all networks, as they will be.
struct Routes<'a>(HashSet<(Network<'a>, IpNet)>);

impl<'a> Routes<'a> {
    fn new(finder: &Finder<'a>) -> Self {
        let live = finder.current.kind(Kind::NetworkRoute).into_iter().flat_map(|kind| &kind.objects);
        let live = live.filter_map(|live| {
            let network = Network::Live(live.parent.as_ref()?.as_str());
            Some((network, parse_cidr(&live.key.own.canonical)?))
        });
        let new = (0..finder.standing.len()).filter_map(|index| {
            let is_new = finder.kind(index) == Some(Kind::NetworkRoute)
                && matches!(finder.standing[index], Standing::New);
            let key = finder.item(index).key.as_ref().filter(|_| is_new)?;
            Some((Network::of(finder.parents[index])?, parse_cidr(&key.own.text)?))
        });
        Self(live.chain(new).collect())
    }

    /// Whether a route of the network contains another one.
    fn hold(&self, network: Network<'a>, net: IpNet) -> bool {
        let around = (0..=net.prefix_len()).filter_map(|length| IpNet::new(net.network(), length).ok());
        around.map(|around| around.trunc()).any(|around| self.0.contains(&(network, around)))
    }
}
