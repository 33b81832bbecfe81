//! Overlap among the networks (CIDRs) of many routes, in time that grows with their number alone.
//!
//! Two CIDRs overlap if and only if one contains the other. Sorted by address and prefix length, the ones that contain a
//! CIDR are the ones still open when it comes: a stack of at most 129 different ones.

use ipnet::IpNet;
use std::collections::HashMap;

/// One route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) net: IpNet,
    /// Which network it belongs to.
    pub(super) owner: usize,
}

/// Two routes that overlap, by their index; `earlier` is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overlap {
    pub(super) route: usize,
    pub(super) earlier: usize,
}

/// The earliest route of a set, and the earliest one of any other owner: enough to find an earlier route of a different
/// owner for any route.
#[derive(Clone, Copy, Debug, Default)]
struct Earliest {
    first: Option<(usize, usize)>,
    other: Option<(usize, usize)>,
}

impl Earliest {
    fn add(&mut self, (index, owner): (usize, usize)) {
        match self.first {
            None => self.first = Some((index, owner)),
            Some((first, first_owner)) if index < first => {
                if first_owner != owner {
                    self.other = self.first;
                }
                self.first = Some((index, owner));
            }
            Some((_, first_owner)) if first_owner != owner && self.other.is_none_or(|(o, _)| index < o) => {
                self.other = Some((index, owner));
            }
            Some(_) => {}
        }
    }

    fn merge(&mut self, other: &Self) {
        other.first.into_iter().chain(other.other).for_each(|r| self.add(r));
    }

    /// The earliest route before `index` of another owner.
    fn before(&self, index: usize, owner: usize) -> Option<usize> {
        [self.first, self.other]
            .into_iter()
            .flatten()
            .find(|(i, o)| *i < index && *o != owner)
            .map(|(i, _)| i)
    }
}

/// Equal CIDRs: where they lie in `order`, what they are and what lies below them.
struct Open {
    net: IpNet,
    members: std::ops::Range<usize>,
    own: Earliest,
    below: Earliest,
}

/// For each route that overlaps an earlier one of another owner: the earliest such one. In ascending order.
pub(super) fn between_owners(routes: &[Route]) -> Vec<Overlap> {
    let mut order: Vec<usize> = (0..routes.len()).collect();
    order.sort_by_key(|i| (routes[*i].net, *i));
    let mut earliest: Vec<Option<usize>> = vec![None; routes.len()];
    let mut note = |route: usize, found: Option<usize>| {
        if let Some(found) = found {
            let known = &mut earliest[route];
            *known = Some(known.map_or(found, |k| k.min(found)));
        }
    };
    let mut stack: Vec<Open> = Vec::new();
    let mut at = 0;
    while at <= order.len() {
        let next = order.get(at).map(|i| routes[*i].net);
        // Close what does not contain the next one; its members see what lies below them.
        while stack.last().is_some_and(|open| next.is_none_or(|n| !open.net.contains(&n))) {
            let Some(open) = stack.pop() else { break };
            for i in &order[open.members.clone()] {
                note(*i, open.below.before(*i, routes[*i].owner));
            }
            if let Some(outer) = stack.last_mut() {
                outer.below.merge(&open.own);
                outer.below.merge(&open.below);
            }
        }
        let Some(net) = next else { break };
        let end = at + order[at..].iter().take_while(|i| routes[**i].net == net).count();
        let mut own = Earliest::default();
        order[at..end].iter().for_each(|i| own.add((*i, routes[*i].owner)));
        for i in &order[at..end] {
            note(*i, own.before(*i, routes[*i].owner));
            for open in &stack {
                note(*i, open.own.before(*i, routes[*i].owner));
            }
        }
        stack.push(Open { net, members: at..end, own, below: Earliest::default() });
        at = end;
    }
    pairs(earliest)
}

/// For each route that overlaps an earlier one of its own owner, equal ones excepted: such a one. In ascending order.
pub(super) fn within_owner(routes: &[Route]) -> Vec<Overlap> {
    let mut by_owner: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, route) in routes.iter().enumerate() {
        by_owner.entry(route.owner).or_default().push(index);
    }
    let mut earliest: Vec<Option<usize>> = vec![None; routes.len()];
    for mut own in by_owner.into_values() {
        own.sort_by_key(|i| (routes[*i].net, *i));
        own.dedup_by_key(|i| routes[*i].net);
        let mut stack: Vec<usize> = Vec::new();
        for index in own {
            while stack.last().is_some_and(|open| !routes[*open].net.contains(&routes[index].net)) {
                stack.pop();
            }
            for open in &stack {
                let (route, found) = (index.max(*open), index.min(*open));
                let known = &mut earliest[route];
                *known = Some(known.map_or(found, |k| k.min(found)));
            }
            stack.push(index);
        }
    }
    pairs(earliest)
}

fn pairs(earliest: Vec<Option<usize>>) -> Vec<Overlap> {
    earliest
        .into_iter()
        .enumerate()
        .filter_map(|(route, earlier)| Some(Overlap { route, earlier: earlier? }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn overlaps(a: &IpNet, b: &IpNet) -> bool {
        a.contains(b) || b.contains(a)
    }

    prop_compose! {
        fn route()(a in 0u8..4, b in 0u8..4, prefix in 6u8..18, owner in 0usize..4, v6 in 0u8..8) -> Route {
            let net: IpNet = if v6 == 0 {
                format!("{a:x}00:{b:x}00::/{prefix}").parse().unwrap()
            } else {
                format!("{a}.{}.0.0/{prefix}", b << 6).parse().unwrap()
            };
            Route { net: net.trunc(), owner }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        /// Equal to looking at every pair.
        #[test]
        fn as_pair_by_pair(routes in prop::collection::vec(route(), 0..24)) {
            let pairs = |same: bool| -> Vec<Overlap> {
                (0..routes.len())
                    .filter_map(|route| {
                        let r = routes[route];
                        (0..route)
                            .find(|e| {
                                let e = routes[*e];
                                overlaps(&r.net, &e.net)
                                    && (e.owner == r.owner) == same
                                    && !(same && e.net == r.net)
                            })
                            .map(|earlier| Overlap { route, earlier })
                    })
                    .collect()
            };
            prop_assert_eq!(between_owners(&routes), pairs(false));
            // Repeated CIDRs of one owner are another problem: only the first of them is looked at.
            let mut seen = std::collections::HashSet::new();
            let unique: Vec<_> = routes.iter().copied().filter(|r| seen.insert((r.owner, r.net))).collect();
            let expected: Vec<Overlap> = (0..unique.len())
                .filter_map(|route| {
                    (0..route)
                        .find(|e| unique[*e].owner == unique[route].owner && overlaps(&unique[*e].net, &unique[route].net))
                        .map(|earlier| Overlap { route, earlier })
                })
                .collect();
            prop_assert_eq!(within_owner(&unique), expected);
        }
    }
}
