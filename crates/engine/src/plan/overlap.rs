//! Routes to be created that overlap live ones (E404, W405).
//!
//! Networks of one family either hold one another or are apart, so two lookups find all overlaps of one: its holders,
//! one hash lookup for each prefix length in use, and those that it holds, one range of the sorted list.

use super::{
    find::{Finder, ParentOf, Standing},
    problems::Problems,
};
use crate::{
    current::Live,
    key::parse_cidr,
    problem::{Code, Problem},
};
use connexa_types::Kind;
use ipnet::IpNet;
use std::collections::{BTreeSet, HashMap};

/// Checks the routes to be created against live ones. Returns whether the tenant's setting that allows overlap is needed
/// for that.
pub(super) fn check<'a>(finder: &Finder<'a>, problems: &mut Problems<'a>) -> bool {
    let is_new_route = |index: &usize| {
        matches!(finder.standing[*index], Standing::New) && finder.kind(*index) == Some(Kind::NetworkRoute)
    };
    let new: Vec<usize> =
        (0..finder.standing.len()).filter(is_new_route).filter(|index| !problems.refuses(*index)).collect();
    if new.is_empty() {
        return false;
    }
    let live = LiveRoutes::of(finder);
    let mut wanted = false;
    for index in new {
        let Some(subnet) = finder.item(index).key.as_ref().and_then(|key| parse_cidr(&key.own.text)) else {
            continue;
        };
        let network = match finder.parents[index] {
            ParentOf::Live(parent, _) => Some(&parent.id),
            ParentOf::None | ParentOf::Item(_) | ParentOf::Missing => None,
        };
        let is_own = |route: &Live| network.is_some() && route.parent.as_ref() == network;
        let (mut own, mut other) = (None, None);
        live.overlapping(subnet, |route| {
            let first = if is_own(route) { &mut own } else { &mut other };
            first.get_or_insert(route);
            own.is_none() || other.is_none()
        });
        if let Some(route) = own {
            let message =
                format!("`{subnet}` overlaps the live route `{}` of the same network", route.key.own.text);
            problems.push(index, Problem::new(Code::warning(405), message).path("subnet"));
        }
        if let Some(route) = other {
            match finder.current.overlap_allowed {
                Some(true) => {}
                Some(false) => problems.push(index, foreign(subnet, route)),
                None => wanted = true,
            }
        }
    }
    wanted
}

fn foreign(subnet: IpNet, route: &Live) -> Problem {
    let network = route.key.parent.as_ref().map_or("", |part| part.text.as_str());
    let message =
        format!("`{subnet}` overlaps the live route `{}` of network `{network}`", route.key.own.text);
    Problem::new(Code::error(404), message)
        .path("subnet")
        .hint("the setting `wpc.routes_advanced_configuration_enabled` lets networks share addresses")
}

struct LiveRoutes<'a> {
    exact: HashMap<IpNet, Vec<&'a Live>>,
    sorted: Vec<(IpNet, &'a Live)>,
    /// (IPv6, prefix length) of all routes.
    lengths: BTreeSet<(bool, u8)>,
}

impl<'a> LiveRoutes<'a> {
    fn of(finder: &Finder<'a>) -> Self {
        let routes = finder.current.kind(Kind::NetworkRoute).into_iter().flat_map(|kind| &kind.objects);
        let mut sorted: Vec<(IpNet, &Live)> =
            routes.filter_map(|live| Some((parse_cidr(&live.key.own.canonical)?, live))).collect();
        sorted.sort_by_key(|(net, _)| (net.network(), net.prefix_len()));
        let mut exact: HashMap<IpNet, Vec<&Live>> = HashMap::with_capacity(sorted.len());
        let mut lengths = BTreeSet::new();
        for (net, live) in &sorted {
            exact.entry(*net).or_default().push(live);
            lengths.insert((is_v6(*net), net.prefix_len()));
        }
        Self { exact, sorted, lengths }
    }

    /// Visits the routes that overlap a network, until the visitor has enough.
    fn overlapping(&self, net: IpNet, mut visit: impl FnMut(&'a Live) -> bool) {
        let holders = self.lengths.range((is_v6(net), 0)..=(is_v6(net), net.prefix_len()));
        for (_, length) in holders {
            let Ok(holder) = IpNet::new(net.network(), *length).map(|n| n.trunc()) else { continue };
            for live in self.exact.get(&holder).into_iter().flatten() {
                if !visit(live) {
                    return;
                }
            }
        }
        let first = self.sorted.partition_point(|(n, _)| n.network() < net.network());
        let held = self.sorted[first..].iter().take_while(|(n, _)| net.contains(&n.network()));
        for (_, live) in held.filter(|(n, _)| n.prefix_len() > net.prefix_len()) {
            if !visit(live) {
                return;
            }
        }
    }
}

fn is_v6(net: IpNet) -> bool {
    matches!(net, IpNet::V6(_))
}
