//! Objects that will be no more: those that items delete or replace, those that are pruned, and the children that go with
//! them.

use super::{
    Mode,
    find::{Finder, Standing},
};
use crate::{catalog, current::Live};
use connexa_types::Kind;
use std::collections::HashMap;

/// Why an object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// An item deletes it, or has another made in its place.
    Item(usize),
    /// No item stands for it.
    Prune,
}

/// A child that goes with its parent, unasked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Companion<'a> {
    /// The child.
    pub(super) live: &'a Live,
    /// Its parent.
    pub(super) parent: &'a Live,
    /// The item that replaces the parent: its new object takes the child along.
    pub(super) carried_over: Option<usize>,
}

/// All that goes.
#[derive(Debug, Default)]
pub(super) struct Removals<'a> {
    /// What goes by itself: items in input order, then what is pruned.
    pub(super) roots: Vec<(&'a Live, By)>,
    /// What goes with these.
    pub(super) companions: Vec<Companion<'a>>,
    by_id: HashMap<(Kind, &'a str), By>,
}

impl<'a> Removals<'a> {
    /// Finds what goes, for the items that are carried out and what is pruned.
    pub(super) fn find(
        finder: &Finder<'a>,
        mode: Mode,
        pruned: &[&'a Live],
        open: impl Fn(usize) -> bool,
    ) -> Self {
        let mut removals = Self::default();
        for (index, standing) in finder.standing.iter().enumerate() {
            if let Standing::Live(live) = standing
                && (mode == Mode::Delete || finder.replaced[index])
                && open(index)
            {
                removals.push(live, By::Item(index));
            }
        }
        for live in pruned {
            removals.push(live, By::Prune);
        }
        for (live, by) in &removals.roots {
            for child in catalog::nested(live.kind) {
                let replacing = match by {
                    By::Item(item) if finder.replaced[*item] && child.carried_by_parent => Some(*item),
                    _ => None,
                };
                for child in finder.children.of(child.kind, live.id.as_str()) {
                    if !removals.by_id.contains_key(&(child.kind, child.id.as_str())) {
                        removals.companions.push(Companion {
                            live: child,
                            parent: live,
                            carried_over: replacing,
                        });
                    }
                }
            }
        }
        removals
    }

    fn push(&mut self, live: &'a Live, by: By) {
        let known = self.by_id.insert((live.kind, live.id.as_str()), by);
        debug_assert!(known.is_none(), "one object, one reason to go");
        self.roots.push((live, by));
    }

    /// Why an object goes by itself.
    pub(super) fn root(&self, kind: Kind, id: &str) -> Option<By> {
        self.by_id.get(&(kind, id)).copied()
    }

    /// All objects that go.
    pub(super) fn objects(&self) -> impl Iterator<Item = &'a Live> {
        self.roots.iter().map(|(live, _)| *live).chain(self.companions.iter().map(|child| child.live))
    }

    /// The lists that show children of what goes, and are not read yet.
    pub(super) fn unread(&self, finder: &Finder<'_>) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = Vec::new();
        for (live, _) in &self.roots {
            for child in catalog::nested(live.kind) {
                if finder.current.kind(child.kind).is_none() && !kinds.contains(&child.kind) {
                    kinds.push(child.kind);
                }
            }
        }
        kinds
    }
}
