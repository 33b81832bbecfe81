//! Routes to be created that overlap live ones (E404, W405), or one another in networks of which only the plan knows
//! that they are two (E404; the reader of specs has told the others).
//!
//! Networks of one family either hold one another or are apart, so two lookups find all overlaps of one: its holders,
//! one hash lookup for each prefix length in use, and those that it holds, one range of the sorted list.

use super::{
    find::{Finder, ParentOf, Standing},
    problems::Problems,
};
use crate::{
    current::{OVERLAP, OverlapSetting},
    desired::FieldValue,
    key::parse_cidr,
    problem::{Code, Level, Problem},
};
use connexa_types::Kind;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// The network of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner<'a> {
    Live(&'a str),
    New(usize),
}

/// A route that is there or will be.
#[derive(Clone, Copy, Debug)]
struct Route<'a> {
    net: IpNet,
    owner: Owner<'a>,
    /// The item, for a route that is to be created.
    item: Option<usize>,
}

/// Checks the routes to be created. Returns whether the tenant's setting that allows overlap is needed for that.
pub(super) fn check<'a>(finder: &Finder<'a>, problems: &mut Problems<'a>) -> bool {
    let new: Vec<Route<'a>> = new_routes(finder, problems);
    if new.is_empty() {
        return false;
    }
    let live = live_routes(finder);
    let all = Routes::new(live.chain(new.iter().copied()).collect());
    let mut setting_needed = false;
    for route in new {
        let Some(index) = route.item else { continue };
        let (mut own, mut other) = (None, None);
        all.overlapping(route.net, |found| {
            match (found.item, found.owner == route.owner) {
                // Each pair of new ones is told once, at the later one; those of one network are the reader's.
                (Some(item), same) if same || item >= index => {}
                (_, true) => own = own.or(Some(found.net)),
                (_, false) => other = other.or(Some(found)),
            }
            own.is_none() || other.is_none()
        });
        if let Some(net) = own {
            let message = format!("`{}` overlaps the live route `{net}` of the same network", route.net);
            problems.push(index, Problem::new(Code::warning(405), message).path("subnet"));
        }
        if let Some(other) = other {
            match allowed(finder) {
                OverlapSetting::Allowed => {}
                OverlapSetting::Forbidden => problems.push(index, foreign(finder, route.net, other)),
                OverlapSetting::Unreadable => {
                    let mut problem = foreign(finder, route.net, other);
                    problem.level = Level::Warning;
                    problems.push(index, problem.expected("a tenant that allows it, which it does not tell"));
                }
                OverlapSetting::Unread => setting_needed = true,
            }
        }
    }
    setting_needed
}

/// Whether routes of different networks may overlap, once the spec's settings are as desired.
fn allowed(finder: &Finder<'_>) -> OverlapSetting {
    let wanted = finder.item_by_key(Kind::Setting, OVERLAP).map(|item| finder.item(item).fields.get("value"));
    match wanted {
        Some(Some(FieldValue::Value(Value::Bool(true)))) => OverlapSetting::Allowed,
        Some(Some(FieldValue::Value(Value::Bool(false)))) => OverlapSetting::Forbidden,
        _ => finder.current.overlap(),
    }
}

fn new_routes<'a>(finder: &Finder<'a>, problems: &Problems<'a>) -> Vec<Route<'a>> {
    let new = |index: usize| {
        let is_new = finder.replaced[index] || matches!(finder.standing[index], Standing::New);
        if !is_new || finder.kind(index) != Some(Kind::NetworkRoute) || problems.refuses(index) {
            return None;
        }
        let owner = match finder.parents[index] {
            ParentOf::Live(parent, _) => Owner::Live(parent.id.as_str()),
            ParentOf::Item(parent) => Owner::New(parent),
            ParentOf::None | ParentOf::Missing => return None,
        };
        let net = parse_cidr(&finder.item(index).key.as_ref()?.own.text)?;
        Some(Route { net, owner, item: Some(index) })
    };
    (0..finder.standing.len()).filter_map(new).collect()
}

fn live_routes<'a>(finder: &Finder<'a>) -> impl Iterator<Item = Route<'a>> {
    let routes = finder.current.kind(Kind::NetworkRoute).into_iter().flat_map(|kind| &kind.objects);
    routes.filter(|live| !finder.gone.contains(&(live.kind, live.id.as_str()))).filter_map(|live| {
        let net = parse_cidr(&live.key.own.canonical)?;
        Some(Route { net, owner: Owner::Live(live.parent.as_ref()?.as_str()), item: None })
    })
}

fn foreign(finder: &Finder<'_>, subnet: IpNet, other: Route<'_>) -> Problem {
    let network = match other.owner {
        Owner::New(item) => finder.key(item),
        Owner::Live(id) => {
            let live = finder.current.kind(Kind::Network).and_then(|kind| kind.by_id(id));
            live.map_or_else(|| id.to_owned(), |live| live.key.to_string())
        }
    };
    let what = if other.item.is_some() { "route" } else { "live route" };
    Problem::new(
        Code::error(404),
        format!("`{subnet}` overlaps the {what} `{}` of network `{network}`", other.net),
    )
    .path("subnet")
    .hint("the setting `wpc.routes_advanced_configuration_enabled` lets networks share addresses")
}

/// Routes, found by what they overlap.
#[derive(Debug)]
pub(super) struct Routes<'a> {
    exact: HashMap<IpNet, Vec<Route<'a>>>,
    sorted: Vec<Route<'a>>,
    /// (IPv6, prefix length) of all routes.
    lengths: BTreeSet<(bool, u8)>,
}

impl<'a> Routes<'a> {
    fn new(mut routes: Vec<Route<'a>>) -> Self {
        // Live ones before new ones, these in the order of the input.
        routes.sort_by_key(|route| (route.net.network(), route.net.prefix_len(), route.item));
        let mut exact: HashMap<IpNet, Vec<Route<'a>>> = HashMap::with_capacity(routes.len());
        let mut lengths = BTreeSet::new();
        for route in &routes {
            exact.entry(route.net).or_default().push(*route);
            lengths.insert((is_v6(route.net), route.net.prefix_len()));
        }
        Self { exact, sorted: routes, lengths }
    }

    /// Routes that are told apart by their places in a list; those without a network are left out.
    pub(super) fn numbered(nets: impl Iterator<Item = Option<IpNet>>) -> Self {
        let routes = nets.enumerate().filter_map(|(number, net)| {
            Some(Route { net: net?, owner: Owner::New(number), item: Some(number) })
        });
        Self::new(routes.collect())
    }

    /// Visits the numbers of the routes that overlap a network.
    pub(super) fn numbers_overlapping(&self, net: IpNet, mut visit: impl FnMut(usize)) {
        self.overlapping(net, |route| {
            route.item.into_iter().for_each(&mut visit);
            true
        });
    }

    /// Visits the numbers of the routes that hold a network, itself among them.
    pub(super) fn numbers_holding(&self, net: IpNet, mut visit: impl FnMut(usize)) {
        self.overlapping(net, |route| {
            if route.net.prefix_len() <= net.prefix_len() {
                route.item.into_iter().for_each(&mut visit);
                true
            } else {
                // Those that it holds come last.
                false
            }
        });
    }

    /// Visits the routes that overlap a network, until the visitor has enough.
    fn overlapping(&self, net: IpNet, mut visit: impl FnMut(Route<'a>) -> bool) {
        let lengths = self.lengths.range((is_v6(net), 0)..=(is_v6(net), net.prefix_len()));
        for (_, length) in lengths {
            let Ok(holder) = IpNet::new(net.network(), *length).map(|net| net.trunc()) else { continue };
            if !self.exact.get(&holder).into_iter().flatten().all(|route| visit(*route)) {
                return;
            }
        }
        let first = self.sorted.partition_point(|route| route.net.network() < net.network());
        let held = self.sorted[first..].iter().take_while(|route| net.contains(&route.net.network()));
        for route in held.filter(|route| route.net.prefix_len() > net.prefix_len()) {
            if !visit(*route) {
                return;
            }
        }
    }
}

fn is_v6(net: IpNet) -> bool {
    matches!(net, IpNet::V6(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn finds_what_comparing_all_pairs_finds(raw in prop::collection::vec((0u32..64, 0u8..=6), 1..30), at in (0u32..64, 0u8..=6)) {
            // Networks within 10.0.0.0/26, so that they meet often.
            let net = |(host, length): (u32, u8)| {
                let address = std::net::Ipv4Addr::from(0x0a00_0000 | host);
                IpNet::new(address.into(), 26 + length).unwrap().trunc()
            };
            let routes: Vec<Route<'_>> = raw
                .into_iter()
                .enumerate()
                .map(|(item, at)| Route { net: net(at), owner: Owner::New(0), item: Some(item) })
                .collect();
            let at = net(at);
            let overlaps = |other: IpNet| at.contains(&other) || other.contains(&at);
            let mut expected: Vec<usize> = routes.iter().filter(|r| overlaps(r.net)).filter_map(|r| r.item).collect();
            let mut found = Vec::new();
            Routes::new(routes).overlapping(at, |route| {
                found.extend(route.item);
                true
            });
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
