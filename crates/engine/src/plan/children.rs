//! Live children by their parents, made for a kind when first asked for.
//!
//! The index of [`CurrentState`] goes by the parent's name, which an item may be about to change; this one goes by its id.

use crate::current::{CurrentState, Live};
use connexa_types::Kind;
use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap},
};

/// Live children by their parents' ids.
#[derive(Debug)]
pub(super) struct LiveChildren<'a> {
    current: &'a CurrentState,
    by_kind: BTreeMap<Kind, OnceCell<Index<'a>>>,
}

#[derive(Debug, Default)]
struct Index<'a> {
    by_name: HashMap<(&'a str, &'a str), Vec<&'a Live>>,
    by_parent: OnceCell<HashMap<&'a str, Vec<&'a Live>>>,
}

impl<'a> LiveChildren<'a> {
    pub(super) fn new(current: &'a CurrentState) -> Self {
        let kinds = current.kinds.keys().filter(|kind| kind.parent().is_some());
        Self { current, by_kind: kinds.map(|kind| (*kind, OnceCell::new())).collect() }
    }

    fn index(&self, kind: Kind) -> Option<&Index<'a>> {
        let cell = self.by_kind.get(&kind)?;
        Some(cell.get_or_init(|| {
            let mut index = Index::default();
            for live in self.objects(kind) {
                let parent = live.parent.as_ref().map_or("", |id| id.as_str());
                index.by_name.entry((parent, live.key.own.canonical.as_str())).or_default().push(live);
            }
            index
        }))
    }

    fn objects(&self, kind: Kind) -> impl Iterator<Item = &'a Live> {
        self.current.kind(kind).into_iter().flat_map(|read| &read.objects)
    }

    /// The children of a kind, and of an object, with a key of their own.
    pub(super) fn named<'s>(&'s self, kind: Kind, parent: &'s str, own: &'s str) -> &'s [&'a Live] {
        self.index(kind).and_then(|index| index.by_name.get(&(parent, own))).map_or(&[], Vec::as_slice)
    }

    /// All children of a kind, and of an object, in the order of the list.
    pub(super) fn of(&self, kind: Kind, parent: &str) -> &[&'a Live] {
        let Some(index) = self.index(kind) else { return &[] };
        let by_parent = index.by_parent.get_or_init(|| {
            let mut by_parent: HashMap<&'a str, Vec<&'a Live>> = HashMap::new();
            for live in self.objects(kind) {
                let parent = live.parent.as_ref().map_or("", |id| id.as_str());
                by_parent.entry(parent).or_default().push(live);
            }
            by_parent
        });
        by_parent.get(parent).map_or(&[], Vec::as_slice)
    }
}
