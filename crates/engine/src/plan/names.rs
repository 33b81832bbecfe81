//! Names and networks that changes take and free (spec sections 4 and 7.1).
//!
//! A change that takes a key waits for the change that frees it. Names that change places wait for each other all the way
//! round: one of the objects gets a name for the time being, or, where a new object takes the place of each, the old ones
//! go first.

use super::{
    find::{Finder, Owner, Standing},
    overlap::Routes,
    removals::Removals,
};
use crate::{current::Live, key::parse_cidr};
use connexa_types::Kind;
use std::collections::{BTreeSet, HashMap};

/// A key in its name space: kind, id of the parent, own part.
type Name<'a> = (Kind, &'a str, &'a str);

/// What frees a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freer<'a> {
    /// The item that renames its object.
    Rename(usize),
    /// The end of an object.
    End(Kind, &'a str),
}

/// Who frees what, and which names change places.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    freed: HashMap<Name<'a>, Vec<Freer<'a>>>,
    /// Networks of routes that go.
    routes: Option<Routes<'a>>,
    ended_routes: Vec<&'a Live>,
    /// Items whose object gets a name for the time being.
    for_now: BTreeSet<usize>,
    /// Items whose old object goes before the new one comes.
    ends_first: BTreeSet<usize>,
}

/// Networks and hosts share one name space (spec section 2).
fn space(kind: Kind) -> Kind {
    if kind == Kind::Host { Kind::Network } else { kind }
}

fn old_name(live: &Live) -> Name<'_> {
    (space(live.kind), live.parent.as_ref().map_or("", |id| id.as_str()), &live.key.own.canonical)
}

/// The key that an item's call takes: of a new object, or by a rename.
fn new_name<'a>(finder: &Finder<'a>, index: usize) -> Option<Name<'a>> {
    if !finder.is_new(index) && !finder.is_renamed(index) {
        return None;
    }
    let kind = finder.kind(index)?;
    let own = match (&finder.item(index).key, finder.standing[index]) {
        (Some(key), _) => key.own.canonical.as_str(),
        (None, Standing::Live(live)) => live.key.own.canonical.as_str(),
        (None, Standing::New | Standing::Undecided) => return None,
    };
    match finder.owner(index) {
        None => Some((space(kind), "", own)),
        Some(Owner::Live(parent)) => Some((kind, parent, own)),
        // Nothing is there yet that could have the name.
        Some(Owner::Item(_)) => None,
    }
}

impl<'a> Names<'a> {
    /// Finds them, for the items that are carried out and what goes.
    pub(super) fn find(finder: &Finder<'a>, removals: &Removals<'a>, acts: impl Fn(usize) -> bool) -> Self {
        let mut names = Self::default();
        let renames = |index: usize| acts(index) && !finder.replaced[index] && finder.is_renamed(index);
        for index in 0..finder.standing.len() {
            if let (true, Standing::Live(live)) = (renames(index), finder.standing[index]) {
                names.freed.entry(old_name(live)).or_default().push(Freer::Rename(index));
            }
        }
        for live in removals.objects() {
            let end = Freer::End(live.kind, live.id.as_str());
            names.freed.entry(old_name(live)).or_default().push(end);
            if live.kind == Kind::NetworkRoute {
                names.ended_routes.push(live);
            }
        }
        if !names.ended_routes.is_empty() {
            let nets = names.ended_routes.iter().map(|live| parse_cidr(&live.key.own.canonical));
            names.routes = Some(Routes::numbered(nets));
        }
        if !names.freed.is_empty() {
            names.find_swaps(finder, &acts);
        }
        names
    }

    /// What frees the key that an item takes; not what the item itself does.
    pub(super) fn freed_for(&self, finder: &Finder<'a>, index: usize) -> Vec<Freer<'a>> {
        if self.freed.is_empty() {
            return Vec::new();
        }
        let mut freers: Vec<Freer<'a>> = new_name(finder, index)
            .and_then(|name| self.freed.get(&name))
            .into_iter()
            .flatten()
            .copied()
            .filter(|freer| *freer != Freer::Rename(index))
            .collect();
        freers.extend(
            self.overlapped(finder, index).into_iter().map(|live| Freer::End(live.kind, live.id.as_str())),
        );
        if let Standing::Live(live) = finder.standing[index] {
            let own = Freer::End(live.kind, live.id.as_str());
            freers.retain(|freer| *freer != own || self.ends_first(index));
        }
        freers
    }

    /// The routes that go and overlap the one that an item makes.
    fn overlapped(&self, finder: &Finder<'a>, index: usize) -> Vec<&'a Live> {
        let mut found = Vec::new();
        if let (Some(routes), Some(Kind::NetworkRoute), Some(key), true) =
            (&self.routes, finder.kind(index), &finder.item(index).key, finder.is_new(index))
            && let Some(net) = parse_cidr(&key.own.canonical)
        {
            routes.numbers_overlapping(net, |number| found.push(self.ended_routes[number]));
        }
        found
    }

    /// Whether an item's object gets a name for the time being.
    pub(super) fn is_freed(&self, index: usize) -> bool {
        self.for_now.contains(&index)
    }

    /// Whether an item's old object goes before the new one comes.
    pub(super) fn ends_first(&self, index: usize) -> bool {
        self.ends_first.contains(&index)
    }

    fn find_swaps(&mut self, finder: &Finder<'a>, acts: &impl Fn(usize) -> bool) {
        // Each item has one name to take, so that following who frees it goes round at most once.
        let by_end: HashMap<(Kind, &str), usize> = finder
            .standing
            .iter()
            .enumerate()
            .filter(|(index, _)| finder.replaced[*index])
            .filter_map(|(index, standing)| {
                Some(((standing.live()?.kind, standing.live()?.id.as_str()), index))
            })
            .collect();
        let next: Vec<Option<usize>> = (0..finder.standing.len())
            .map(|index| {
                if !acts(index) {
                    return None;
                }
                let live = finder.standing[index].live()?;
                if finder.replaced[index] {
                    let own = new_name(finder, index) == Some(old_name(live));
                    if own || !self.overlapped(finder, index).is_empty() {
                        self.ends_first.insert(index);
                    }
                }
                self.freed.get(&new_name(finder, index)?)?.iter().find_map(|freer| match freer {
                    Freer::Rename(item) => Some(*item),
                    Freer::End(kind, id) => by_end.get(&(*kind, *id)).copied(),
                })
            })
            .collect();
        let mut seen = vec![usize::MAX; next.len()];
        for start in 0..next.len() {
            let mut way = Vec::new();
            let mut at = Some(start);
            while let Some(index) = at.filter(|index| seen[*index] == usize::MAX) {
                seen[index] = start;
                way.push(index);
                at = next[index];
            }
            let Some(entry) = at.filter(|index| seen[*index] == start) else { continue };
            let round: Vec<usize> = way.into_iter().skip_while(|index| *index != entry).collect();
            if round.len() < 2 {
                continue;
            }
            if round.iter().any(|index| finder.replaced[*index]) {
                self.ends_first.extend(round.iter().filter(|index| finder.replaced[**index]));
            } else {
                self.for_now.extend(round.iter().min());
            }
        }
    }
}

/// The name for the time being.
pub(super) fn for_now(name: &str) -> String {
    const KEPT: usize = 36;
    name.chars().take(KEPT).chain("~tmp".chars()).collect()
}
