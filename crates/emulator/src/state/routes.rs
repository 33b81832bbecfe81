//! All IP routes of all networks, so that overlap and containment are found without a look at every one.
//!
//! Two CIDRs are either nested or apart. So what overlaps a CIDR is found in two steps: the CIDRs around it, one look-up
//! per prefix length in use, and those inside it, which all start between its first and its last address.

use super::addresses::bounds;
use ipnet::IpNet;
use std::collections::BTreeMap;

/// A route in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexedRoute {
    /// The route.
    pub(crate) id: String,
    /// Its network.
    pub(crate) network: String,
}

#[derive(Debug, Default)]
struct Family {
    /// (first address, prefix length) → the routes of that CIDR; several only while overlap is allowed.
    routes: BTreeMap<(u128, u8), Vec<IndexedRoute>>,
    /// Prefix length → how many CIDRs have it.
    prefixes: BTreeMap<u8, usize>,
}

/// The index.
#[derive(Debug, Default)]
pub(crate) struct RouteIndex {
    v4: Family,
    v6: Family,
}

impl RouteIndex {
    fn family(&self, v6: bool) -> &Family {
        if v6 { &self.v6 } else { &self.v4 }
    }

    fn family_mut(&mut self, v6: bool) -> &mut Family {
        if v6 { &mut self.v6 } else { &mut self.v4 }
    }

    pub(crate) fn insert(&mut self, net: &IpNet, route: IndexedRoute) {
        let (v6, first, _) = bounds(net);
        let family = self.family_mut(v6);
        let routes = family.routes.entry((first, net.prefix_len())).or_default();
        if routes.is_empty() {
            *family.prefixes.entry(net.prefix_len()).or_default() += 1;
        }
        routes.push(route);
    }

    pub(crate) fn remove(&mut self, net: &IpNet, id: &str) {
        let (v6, first, _) = bounds(net);
        let family = self.family_mut(v6);
        let key = (first, net.prefix_len());
        let Some(routes) = family.routes.get_mut(&key) else { return };
        routes.retain(|r| r.id != id);
        if routes.is_empty() {
            family.routes.remove(&key);
            if let Some(count) = family.prefixes.get_mut(&net.prefix_len()) {
                *count -= 1;
                if *count == 0 {
                    family.prefixes.remove(&net.prefix_len());
                }
            }
        }
    }

    /// Returns a route that overlaps `net`, other than the route `except`.
    pub(crate) fn overlapping(&self, net: &IpNet, except: Option<&str>) -> Option<&IndexedRoute> {
        let (v6, first, last) = bounds(net);
        let inside =
            self.family(v6).routes.range((first, 0)..=(last, u8::MAX)).flat_map(|(_, routes)| routes);
        self.around(net).chain(inside).find(|route| Some(route.id.as_str()) != except)
    }

    /// Returns the smallest route of `network` in which `net` lies.
    pub(crate) fn parent_of(&self, net: &IpNet, network: &str) -> Option<&IndexedRoute> {
        self.around(net).find(|route| route.network == network)
    }

    /// The routes that contain or equal `net`, the smallest first.
    fn around(&self, net: &IpNet) -> impl Iterator<Item = &IndexedRoute> {
        let (v6, first, _) = bounds(net);
        let family = self.family(v6);
        let bits = if v6 { 128 } else { 32 };
        family.prefixes.range(..=net.prefix_len()).rev().flat_map(move |(prefix, _)| {
            let inside = u32::from(bits - *prefix);
            let start = first.checked_shr(inside).and_then(|n| n.checked_shl(inside)).unwrap_or(0);
            family.routes.get(&(start, *prefix)).into_iter().flatten()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn overlap(a: &IpNet, b: &IpNet) -> bool {
        a.contains(b) || b.contains(a)
    }

    fn nets() -> impl Strategy<Value = IpNet> {
        // Few distinct high bits, so that overlaps happen.
        let v4 =
            (0u8..4, 0u8..4, 0u8..=32).prop_map(|(a, b, p)| format!("10.{a}.{b}.0/{p}").parse().unwrap());
        let v6 = (0u8..4, 0u8..4, 0u8..=128).prop_map(|(a, b, p)| format!("fd{a}::{b}/{p}").parse().unwrap());
        prop_oneof![v4, v6]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_index_agrees_with_looking_at_every_route(
            stored in prop::collection::vec((nets(), 0u8..3), 0..20),
            removed in prop::collection::vec(0usize..20, 0..6),
            asked in nets(),
        ) {
            let mut index = RouteIndex::default();
            let mut plain: Vec<(IpNet, IndexedRoute)> = Vec::new();
            for (number, (net, network)) in stored.into_iter().enumerate() {
                let route = IndexedRoute { id: number.to_string(), network: network.to_string() };
                index.insert(&net, route.clone());
                plain.push((net, route));
            }
            for place in removed {
                if place < plain.len() {
                    let (net, route) = plain.swap_remove(place);
                    index.remove(&net, &route.id);
                }
            }
            let expected = plain.iter().any(|(net, _)| overlap(net, &asked));
            prop_assert_eq!(index.overlapping(&asked, None).is_some(), expected);
            let longest = plain.iter().filter(|(n, r)| n.contains(&asked) && r.network == "1").map(|(n, _)| n.prefix_len()).max();
            let found = index.parent_of(&asked, "1").map(|r| plain.iter().find(|(_, p)| p == r).unwrap().0.prefix_len());
            prop_assert_eq!(found, longest);
        }
    }
}
