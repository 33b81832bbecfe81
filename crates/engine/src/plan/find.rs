//! Which live object each item stands for, and what references mean (spec sections 3.3 and 3.4).
//!
//! An item with `id` is pinned to that object, one with `renamed_from` to the object with its old key if that is there,
//! all others are found by key; references are looked for in the spec, then in the tenant. All lookups are by hash, so
//! that 100,000 items cost 100,000 lookups.

use super::{Mode, Prune, children::LiveChildren, human, problems::Problems};
use crate::{
    catalog,
    current::{CurrentState, Live},
    desired::{DesiredState, Item, Parent, Reference, Target},
    key::{Key, KeyPart},
    problem::{Code, Problem},
};
use connexa_types::Kind;
use std::collections::{HashMap, HashSet, hash_map::Entry};

/// What an item stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing<'a> {
    /// No live object: it is to be created.
    New,
    /// This object.
    Live(&'a Live),
    /// That cannot be said: the item, or its parent, has a problem.
    Undecided,
}

/// The parent of a child item.
#[derive(Clone, Copy, Debug)]
pub(super) enum ParentOf<'a> {
    /// A top-level item has none.
    None,
    /// An item whose object does not exist yet, or is undecided.
    Item(usize),
    /// A live object, and the item that stands for it, if there is one.
    Live(&'a Live, Option<usize>),
    /// It cannot be had; the problem is on record.
    Missing,
}

/// What a reference means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resolved<'a> {
    /// An item of the spec.
    Item(usize),
    /// An object of the tenant that no item of the spec stands for by this key.
    Live(&'a Live),
    /// An id that is taken as it stands.
    Unchecked,
    /// No such object.
    Missing,
    /// Several objects.
    Ambiguous,
}

/// Whose child something is: an object that is there, or one that an item will make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner<'a> {
    /// The object with this id.
    Live(&'a str),
    /// The object of this item.
    Item(usize),
}

/// The answers to all questions of identity.
#[derive(Debug)]
pub(super) struct Finder<'a> {
    /// What is asked for.
    pub(super) desired: &'a DesiredState,
    /// What is there.
    pub(super) current: &'a CurrentState,
    /// By item: what it stands for.
    pub(super) standing: Vec<Standing<'a>>,
    /// By item: its parent.
    pub(super) parents: Vec<ParentOf<'a>>,
    /// By item: whether only a new object in place of the live one can be as it wants it (spec section 4).
    pub(super) replaced: Vec<bool>,
    /// Live objects that the plan deletes, those that go with their parents among them.
    pub(super) gone: HashSet<(Kind, &'a str)>,
    /// What removes DNS zones that no item lists.
    pub(super) zone_prunes: Vec<&'a Prune>,
    /// Live children by parent.
    pub(super) children: LiveChildren<'a>,
    /// Top-level items by key; `None` = several, told apart by their ids.
    by_key: HashMap<(Kind, &'a str), Option<usize>>,
    /// Child items by parent and own key; `None` = several, told apart by their ids.
    by_parent: HashMap<(Kind, Owner<'a>, &'a str), Option<usize>>,
    /// Items by the id of the object that they stand for.
    by_id: HashMap<(Kind, &'a str), usize>,
}

impl<'a> Standing<'a> {
    /// The live object.
    pub(super) fn live(self) -> Option<&'a Live> {
        match self {
            Self::Live(live) => Some(live),
            Self::New | Self::Undecided => None,
        }
    }
}

impl<'a> Finder<'a> {
    /// An item.
    pub(super) fn item(&self, index: usize) -> &'a Item {
        &self.desired.items[index]
    }

    /// The item's kind, if it has one that this version plans.
    pub(super) fn kind(&self, index: usize) -> Option<Kind> {
        planned_kind(self.item(index))
    }

    /// What a reference means. Says nothing about problems; those are found once, by [`check_references`].
    pub(super) fn reference(&self, reference: &Reference) -> Resolved<'a> {
        match (&reference.target, &reference.within) {
            (Target::Unchecked(_), _) => Resolved::Unchecked,
            (Target::Id(id), within) => self
                .current
                .kind(reference.kind)
                .and_then(|kind| kind.by_id(id.as_str()))
                .filter(|live| within.as_ref().is_none_or(|within| self.holds(within, live)))
                .map_or(Resolved::Missing, Resolved::Live),
            (Target::Key(key), Some(within)) => self.child(reference.kind, key.comparable().1, within),
            (Target::Key(key), None) => {
                if let Some(Some(item)) = self.by_key.get(&(reference.kind, key.comparable().1)) {
                    return Resolved::Item(*item);
                }
                let Some(kind) = self.current.kind(reference.kind) else { return Resolved::Missing };
                let mut found = kind.by_key(key);
                match (found.next(), found.next()) {
                    (None, _) => Resolved::Missing,
                    (Some(live), None) => Resolved::Live(live),
                    (Some(_), Some(_)) => Resolved::Ambiguous,
                }
            }
        }
    }

    /// What an own key means under a parent.
    fn child(&self, kind: Kind, own: &str, within: &Reference) -> Resolved<'a> {
        let Some(holder) = self.holder(within) else { return Resolved::Missing };
        if let Some(Some(item)) = self.by_parent.get(&(kind, holder, own)) {
            return Resolved::Item(*item);
        }
        match self.under(kind, holder, own) {
            [] => Resolved::Missing,
            [live] => Resolved::Live(live),
            [_, _, ..] => Resolved::Ambiguous,
        }
    }

    /// The live children of a kind with a key of their own.
    fn under<'s>(&'s self, kind: Kind, holder: Owner<'s>, own: &'s str) -> &'s [&'a Live] {
        match holder {
            Owner::Live(parent) => self.children.named(kind, parent, own),
            Owner::Item(_) => &[],
        }
    }

    /// The parent that a reference names.
    fn holder(&self, parent: &Reference) -> Option<Owner<'a>> {
        match self.reference(parent) {
            Resolved::Item(item) => Some(
                self.standing[item].live().map_or(Owner::Item(item), |live| Owner::Live(live.id.as_str())),
            ),
            Resolved::Live(live) => Some(Owner::Live(live.id.as_str())),
            Resolved::Unchecked | Resolved::Missing | Resolved::Ambiguous => None,
        }
    }

    fn holds(&self, parent: &Reference, child: &Live) -> bool {
        match self.holder(parent) {
            Some(Owner::Live(parent)) => child.parent.as_ref().is_some_and(|id| id.as_str() == parent),
            Some(Owner::Item(_)) | None => false,
        }
    }

    /// The live object that a reference means, if it exists already and stays.
    pub(super) fn live(&self, reference: &Reference) -> Option<&'a Live> {
        match self.reference(reference) {
            Resolved::Item(item) if self.replaced[item] => None,
            Resolved::Item(item) => self.standing[item].live(),
            Resolved::Live(live) => Some(live),
            Resolved::Unchecked | Resolved::Missing | Resolved::Ambiguous => None,
        }
    }

    /// The id of the object that a reference means, if it is known already.
    pub(super) fn id<'r>(&self, reference: &'r Reference) -> Option<&'r str>
    where
        'a: 'r,
    {
        match &reference.target {
            Target::Unchecked(id) => Some(id.as_str()),
            Target::Id(_) | Target::Key(_) => self.live(reference).map(|live| live.id.as_str()),
        }
    }

    /// The item that a reference means, if its object does not exist yet.
    pub(super) fn awaited(&self, reference: &Reference) -> Option<usize> {
        match self.reference(reference) {
            Resolved::Item(item) if self.is_new(item) => Some(item),
            Resolved::Item(_)
            | Resolved::Live(_)
            | Resolved::Unchecked
            | Resolved::Missing
            | Resolved::Ambiguous => None,
        }
    }

    /// Whether an item's object is still to be made: there is none, or not the one that is meant.
    pub(super) fn is_new(&self, index: usize) -> bool {
        self.replaced[index] || self.standing[index].live().is_none()
    }

    /// The object that a new object of an item is, or will be, a child of.
    pub(super) fn owner(&self, index: usize) -> Option<Owner<'a>> {
        match self.parents[index] {
            ParentOf::Item(item) => Some(Owner::Item(item)),
            ParentOf::Live(live, _) => Some(Owner::Live(live.id.as_str())),
            ParentOf::None | ParentOf::Missing => None,
        }
    }

    /// Whether an item gives its object another key of its own.
    pub(super) fn is_renamed(&self, index: usize) -> bool {
        match (self.standing[index].live(), &self.item(index).key) {
            (Some(live), Some(key)) => key.own.canonical != live.key.own.canonical,
            _ => false,
        }
    }

    /// Whether an item owns the written form of its key (spec section 3.3): it names the same key as its old one.
    pub(super) fn owns_form(&self, index: usize) -> bool {
        let item = self.item(index);
        matches!((&item.renamed_from, &item.key), (Some(old), Some(key)) if old.canonical == key.own.canonical)
    }

    /// The only top-level item with a key, given in its canonical form.
    pub(super) fn item_by_key(&self, kind: Kind, key: &str) -> Option<usize> {
        self.by_key.get(&(kind, key)).copied().flatten()
    }

    /// The item that stands for a live object.
    pub(super) fn item_of(&self, live: &Live) -> Option<usize> {
        self.by_id.get(&(live.kind, live.id.as_str())).copied()
    }

    /// The item that stands for the live object with an id.
    pub(super) fn item_by_id(&self, kind: Kind, id: &str) -> Option<usize> {
        self.by_id.get(&(kind, id)).copied()
    }

    /// The key string of an item's change: its key, under the live parent's name where the spec only has that one's id.
    pub(super) fn key(&self, index: usize) -> String {
        let item = self.item(index);
        match (&item.key, &self.standing[index], &self.parents[index]) {
            (Some(key), _, ParentOf::Live(parent, owner))
                if owner.is_none_or(|owner| self.item(owner).key.is_none()) =>
            {
                Key::child(parent.key.own.clone(), key.own.clone()).to_string()
            }
            (None, Standing::Live(live), _) => live.key.to_string(),
            _ => item.label(),
        }
    }

    /// `kind/key` of an item, as causes name it.
    pub(super) fn name(&self, index: usize) -> String {
        let kind = match &self.item(index).kind {
            Ok(kind) => kind.singular(),
            Err(word) => word,
        };
        format!("{kind}/{}", self.key(index))
    }
}

/// The kind of an item, if it has one that this version plans.
pub(super) fn planned_kind(item: &Item) -> Option<Kind> {
    item.kind.as_ref().ok().copied().filter(|kind| catalog::is_listed(*kind) || *kind == Kind::Setting)
}

/// Finds the live object of each item.
pub(super) fn find<'a>(
    desired: &'a DesiredState,
    current: &'a CurrentState,
    mode: Mode,
    problems: &mut Problems<'a>,
) -> Finder<'a> {
    let count = desired.items.len();
    let mut finder = Finder {
        desired,
        current,
        standing: vec![Standing::Undecided; count],
        parents: vec![ParentOf::None; count],
        replaced: vec![false; count],
        gone: HashSet::new(),
        zone_prunes: Vec::new(),
        children: LiveChildren::new(current),
        by_key: HashMap::with_capacity(count),
        by_parent: HashMap::new(),
        by_id: HashMap::with_capacity(count),
    };
    for (index, item) in desired.items.iter().enumerate() {
        if let (Some(kind), Some(key)) = (planned_kind(item), &item.key)
            && kind.parent().is_none()
        {
            finder
                .by_key
                .entry((kind, key.comparable().1))
                .and_modify(|known| *known = None)
                .or_insert(Some(index));
        }
    }
    let mut claims = pin(&mut finder, mode, problems);
    claim_renames(&mut finder, mode, &mut claims, problems, |kind| kind.parent().is_none());
    find_top_level(&mut finder, mode, &claims, problems);
    for index in 0..count {
        if let Some(live) = finder.standing[index].live().filter(|live| live.parent.is_none()) {
            finder.by_id.insert((live.kind, live.id.as_str()), index);
        }
    }
    for (index, item) in desired.items.iter().enumerate() {
        if let Some(parent_kind) = planned_kind(item).and_then(Kind::parent) {
            finder.parents[index] = parent_of(&finder, index, parent_kind, mode, problems);
        }
    }
    claim_renames(&mut finder, mode, &mut claims, problems, |kind| kind.parent().is_some());
    find_children(&mut finder, mode, &claims, problems);
    for index in 0..count {
        if let Some(live) = finder.standing[index].live().filter(|live| live.parent.is_some()) {
            finder.by_id.insert((live.kind, live.id.as_str()), index);
        }
    }
    forget(&mut finder);
    finder
}

/// Lets go of what was made to find all children: mostly few kinds of them, or none, are asked for again.
fn forget(finder: &mut Finder<'_>) {
    let mut referred = HashSet::new();
    for value in finder.desired.items.iter().flat_map(|item| item.fields.values()) {
        value.for_each_reference(&mut |reference| {
            if reference.within.is_some() {
                referred.insert(reference.kind);
            }
        });
    }
    finder.by_parent.retain(|(kind, ..), _| referred.contains(kind));
    finder.by_parent.shrink_to_fit();
    finder.children = LiveChildren::new(finder.current);
}

/// Objects that an item holds by `id` or by its old key: (kind, id) → item, and whether the item renames the object.
type Claims<'a> = HashMap<(Kind, &'a str), (usize, bool)>;

/// Gives items with `id` their objects.
fn pin<'a>(finder: &mut Finder<'a>, mode: Mode, problems: &mut Problems<'a>) -> Claims<'a> {
    let mut claims = Claims::new();
    for (index, item) in finder.desired.items.iter().enumerate() {
        let (Some(kind), Some(id)) = (planned_kind(item), &item.id) else { continue };
        if problems.refuses(index) {
            continue;
        }
        let Some(live) = finder.current.kind(kind).and_then(|k| k.by_id(id.as_str())) else {
            if mode == Mode::Delete {
                // Already gone.
                finder.standing[index] = Standing::New;
                continue;
            }
            let message = format!("no {} has the id `{id}`", words(kind));
            problems.push(index, Problem::new(Code::error(503), message).path("id"));
            continue;
        };
        let renamed = mode.updates()
            && item.key.as_ref().is_some_and(|key| key.comparable().1 != live.key.comparable().1);
        if let Some((other, _)) = claims.insert((kind, live.id.as_str()), (index, renamed)) {
            let message =
                format!("the {} with the id `{id}` stands in {} already", words(kind), at(finder, other));
            problems.push(index, Problem::new(Code::error(301), message).path("id"));
            continue;
        }
        finder.standing[index] = Standing::Live(live);
    }
    claims
}

/// Gives items with `renamed_from` the objects that still have the old key (spec section 3.3).
fn claim_renames<'a>(
    finder: &mut Finder<'a>,
    mode: Mode,
    claims: &mut Claims<'a>,
    problems: &mut Problems<'a>,
    takes: impl Fn(Kind) -> bool,
) {
    if !mode.updates() {
        return;
    }
    let mut renamed = Vec::new();
    for (index, item) in finder.desired.items.iter().enumerate() {
        let (Some(kind), Some(old), Some(key)) = (planned_kind(item), &item.renamed_from, &item.key) else {
            continue;
        };
        if !takes(kind) || item.id.is_some() || old.canonical == key.own.canonical || problems.refuses(index)
        {
            continue;
        }
        let candidates = finder.named(index, kind, old);
        let free: Vec<&'a Live> =
            candidates.into_iter().filter(|live| !claims.contains_key(&(kind, live.id.as_str()))).collect();
        match free.as_slice() {
            [] => {}
            [live] => renamed.push((index, kind, *live)),
            several => {
                let ids: Vec<&str> = several.iter().map(|live| live.id.as_str()).collect();
                problems.push(index, ambiguous(kind, &old.text, &ids).path("renamed_from"));
            }
        }
    }
    for (index, kind, live) in &renamed {
        claims.insert((*kind, live.id.as_str()), (*index, true));
        finder.standing[*index] = Standing::Live(live);
    }
    // Only now it is known which of the new keys others are about to leave.
    for (index, kind, live) in renamed {
        let Some(key) = &finder.item(index).key else { continue };
        let taken = finder
            .named(index, kind, &key.own)
            .into_iter()
            .find(|other| !claims.get(&(kind, other.id.as_str())).is_some_and(|(_, renamed)| *renamed));
        if let Some(other) = taken {
            let message = format!(
                "both names are live: `{}` with the id `{}`, and `{}` with the id `{}`",
                live.key.own.text, live.id, other.key.own.text, other.id
            );
            let problem = Problem::new(Code::error(504), message)
                .path("renamed_from")
                .hint("delete one of them, or leave `renamed_from` out");
            problems.push(index, problem);
        }
    }
}

impl<'a> Finder<'a> {
    /// The live objects with a key of their own where an item's object is or will be.
    fn named(&self, index: usize, kind: Kind, own: &KeyPart) -> Vec<&'a Live> {
        match (kind.parent(), self.parents[index]) {
            (None, _) => {
                let key = Key::top(own.clone());
                self.current.kind(kind).into_iter().flat_map(|k| k.by_key(&key)).collect()
            }
            (Some(_), ParentOf::Live(parent, _)) => {
                self.children.named(kind, parent.id.as_str(), &own.canonical).to_vec()
            }
            (Some(_), ParentOf::None | ParentOf::Item(_) | ParentOf::Missing) => Vec::new(),
        }
    }
}

/// W508: there is nothing to rename.
fn nothing_to_rename<'a>(finder: &Finder<'a>, index: usize, mode: Mode, problems: &mut Problems<'a>) {
    let item = finder.item(index);
    let (Some(old), Some(key)) = (&item.renamed_from, &item.key) else { return };
    if mode.updates() && mode != Mode::Update && old.canonical != key.own.canonical {
        let message = format!("there is no `{}` to rename: `{}` is created", old.text, key.own.text);
        problems.push(index, Problem::new(Code::warning(508), message).path("renamed_from"));
    }
}

fn find_top_level<'a>(finder: &mut Finder<'a>, mode: Mode, claims: &Claims<'a>, problems: &mut Problems<'a>) {
    for (index, item) in finder.desired.items.iter().enumerate() {
        let Some(kind) = planned_kind(item).filter(|kind| kind.parent().is_none()) else { continue };
        let Some(key) = &item.key else { continue };
        if problems.refuses(index) {
            continue;
        }
        let pinned = finder.standing[index].live();
        let candidates = finder.current.kind(kind).into_iter().flat_map(|k| k.by_key(key));
        match single(kind, candidates, claims) {
            Found::None => {
                if pinned.is_none() && item.id.is_none() {
                    finder.standing[index] = Standing::New;
                    nothing_to_rename(finder, index, mode, problems);
                }
            }
            Found::One(live, claimed) => match pinned {
                Some(pinned) if pinned.id != live.id => {
                    // Of an item that only says which object is meant, the id does.
                    if mode != Mode::Delete {
                        let message =
                            format!("the name is taken by another {} with the id `{}`", words(kind), live.id);
                        let path = catalog::definition(kind).key_name;
                        problems.push(index, Problem::new(Code::error(504), message).path(path));
                    }
                }
                Some(_) => {}
                None if item.id.is_some() => {}
                None => settle(finder, index, kind, live, claimed, problems),
            },
            Found::Several(ids) if pinned.is_none() && item.id.is_none() => {
                problems.push(
                    index,
                    ambiguous(kind, &key.to_string(), &ids).path(catalog::definition(kind).key_name),
                );
            }
            // A pinned object shares its key with others: `id` says which one is meant.
            Found::Several(_) => {}
        }
    }
}

fn find_children<'a>(finder: &mut Finder<'a>, mode: Mode, claims: &Claims<'a>, problems: &mut Problems<'a>) {
    for (index, item) in finder.desired.items.iter().enumerate() {
        let Some(kind) = planned_kind(item).filter(|kind| kind.parent().is_some()) else { continue };
        let parent = finder.parents[index];
        if let (Some(owner), Some(key)) = (finder.owner(index), &item.key) {
            // Parents may be named in several ways, so only here two items can be seen to be one.
            let own = (kind, owner, key.comparable().1);
            let first = match finder.by_parent.entry(own) {
                Entry::Vacant(entry) => {
                    entry.insert(Some(index));
                    None
                }
                Entry::Occupied(mut entry) => entry.insert(None),
            };
            if let Some(first) = first
                && [first, index].iter().all(|item| finder.item(*item).id.is_none())
                && matches!(owner, Owner::Live(_))
                && !problems.refuses(index)
            {
                let message = format!("the {} `{key}` stands in {} already", words(kind), at(finder, first));
                let path = catalog::definition(kind).key_name;
                problems.push(index, Problem::new(Code::error(301), message).path(path));
                continue;
            }
        }
        if problems.refuses(index) || matches!(finder.standing[index], Standing::Live(_)) {
            continue;
        }
        let Some(key) = &item.key else { continue };
        if item.id.is_some() {
            continue;
        }
        match parent {
            ParentOf::Item(parent) => {
                if let Standing::New = finder.standing[parent] {
                    finder.standing[index] = Standing::New;
                    nothing_to_rename(finder, index, mode, problems);
                }
            }
            ParentOf::Live(parent, _) => {
                let candidates = finder.children.named(kind, parent.id.as_str(), key.comparable().1).to_vec();
                match single(kind, candidates.into_iter(), claims) {
                    Found::None => {
                        finder.standing[index] = Standing::New;
                        nothing_to_rename(finder, index, mode, problems);
                    }
                    Found::One(live, claimed) => settle(finder, index, kind, live, claimed, problems),
                    Found::Several(ids) => {
                        let path = catalog::definition(kind).key_name;
                        problems.push(index, ambiguous(kind, &key.to_string(), &ids).path(path));
                    }
                }
            }
            // What has no parent is gone with it.
            ParentOf::Missing if mode == Mode::Delete => finder.standing[index] = Standing::New,
            ParentOf::None | ParentOf::Missing => {}
        }
    }
}

/// The parent of a child item; puts it on record if there is none.
fn parent_of<'a>(
    finder: &Finder<'a>,
    index: usize,
    parent_kind: Kind,
    mode: Mode,
    problems: &mut Problems<'a>,
) -> ParentOf<'a> {
    let of_item = |item: usize| match finder.standing[item] {
        Standing::Live(live) => ParentOf::Live(live, Some(item)),
        Standing::New | Standing::Undecided => ParentOf::Item(item),
    };
    match &finder.item(index).parent {
        Some(Parent::Item(parent)) => of_item(*parent),
        Some(Parent::Reference(reference)) => match finder.reference(reference) {
            Resolved::Item(parent) => of_item(parent),
            Resolved::Live(live) => ParentOf::Live(live, finder.item_of(live)),
            Resolved::Missing if mode == Mode::Delete => ParentOf::Missing,
            Resolved::Unchecked | Resolved::Missing | Resolved::Ambiguous => {
                if !problems.refuses(index) {
                    let problem = unresolved(finder, reference, problems);
                    problems.push(index, problem);
                }
                ParentOf::Missing
            }
        },
        None => {
            // Absent only beside `id`: the object says whose it is.
            let parent = finder.standing[index].live().and_then(|live| live.parent.as_ref());
            parent
                .and_then(|id| finder.current.kind(parent_kind)?.by_id(id.as_str()))
                .map_or(ParentOf::Missing, |live| ParentOf::Live(live, finder.item_of(live)))
        }
    }
}

/// Decides that an item found by key stands for a live object, unless another item holds that by `id`.
fn settle<'a>(
    finder: &mut Finder<'a>,
    index: usize,
    kind: Kind,
    live: &'a Live,
    claimed: Option<usize>,
    problems: &mut Problems<'a>,
) {
    if let Some(other) = claimed {
        let message =
            format!("the {} `{}` stands in {} already, by its id", words(kind), live.key, at(finder, other));
        problems
            .push(index, Problem::new(Code::error(301), message).path(catalog::definition(kind).key_name));
    } else {
        finder.standing[index] = Standing::Live(live);
    }
}

enum Found<'a> {
    None,
    /// The object, and the item that holds it by `id`.
    One(&'a Live, Option<usize>),
    Several(Vec<&'a str>),
}

/// The only candidate, those left out that another item renames away from this key.
fn single<'a>(kind: Kind, candidates: impl Iterator<Item = &'a Live>, claims: &Claims<'a>) -> Found<'a> {
    let claim = |live: &Live| claims.get(&(kind, live.id.as_str())).copied();
    let mut left = candidates.filter(|live| !claim(live).is_some_and(|(_, renamed)| renamed));
    let Some(first) = left.next() else { return Found::None };
    let more: Vec<&'a str> = left.map(|live| live.id.as_str()).collect();
    if more.is_empty() {
        return Found::One(first, claim(first).map(|(item, _)| item));
    }
    Found::Several(std::iter::once(first.id.as_str()).chain(more).collect())
}

/// Puts on record every reference that means nothing, or too much.
pub(super) fn check_references<'a>(finder: &Finder<'a>, index: usize, problems: &mut Problems<'a>) {
    for value in finder.item(index).fields.values() {
        value.for_each_reference(&mut |reference| match finder.reference(reference) {
            Resolved::Item(_) | Resolved::Live(_) | Resolved::Unchecked => {}
            // Of a child whose parent cannot be had nothing is to be said beyond that.
            Resolved::Missing | Resolved::Ambiguous
                if reference.within.as_ref().is_some_and(|within| finder.holder(within).is_none()) => {}
            Resolved::Missing | Resolved::Ambiguous => {
                let problem = unresolved(finder, reference, problems);
                problems.push(index, problem);
            }
        });
    }
}

fn unresolved(finder: &Finder<'_>, reference: &Reference, problems: &mut Problems<'_>) -> Problem {
    let kind = finder.current.kind(reference.kind);
    // A child is looked for under its parent alone.
    let parent = reference.within.as_deref().and_then(|within| Some((within, finder.holder(within)?)));
    let place = parent.map_or_else(String::new, |(within, _)| {
        format!(" in {} `{}`", words(within.kind), human::named(finder, within))
    });
    let problem = match &reference.target {
        Target::Id(id) | Target::Unchecked(id) => {
            Problem::new(Code::error(501), format!("no {}{place} has the id `{id}`", words(reference.kind)))
        }
        Target::Key(key) => {
            let own = key.comparable().1;
            let found: Vec<&Live> = match parent {
                Some((_, holder)) => finder.under(reference.kind, holder, own).to_vec(),
                None => kind.into_iter().flat_map(|k| k.by_key(key)).collect(),
            };
            let ids: Vec<&str> = found.iter().map(|live| live.id.as_str()).collect();
            if ids.len() > 1 {
                ambiguous(reference.kind, &key.own.text, &ids)
            } else {
                let name = if parent.is_some() { key.own.text.clone() } else { key.to_string() };
                let message = format!(
                    "there is no {} `{name}`{place}, neither in the spec nor in the tenant",
                    words(reference.kind)
                );
                let problem = Problem::new(Code::error(501), message);
                let names =
                    finder.by_key.len() + finder.by_parent.len() + kind.map_or(0, |k| k.objects.len());
                let near = if problems.may_compare(names) {
                    nearest(finder, reference.kind, parent.map(|(_, holder)| holder), own)
                } else {
                    None
                };
                match near {
                    Some(name) => problem.hint(format!("did you mean `{name}`?")),
                    None => problem,
                }
            }
        }
    };
    problem.at(&reference.place).path(&reference.path)
}

/// The name most like the one that was given, among items and live objects of a kind, under a parent if one is named.
fn nearest<'a>(finder: &Finder<'a>, kind: Kind, holder: Option<Owner<'_>>, given: &str) -> Option<&'a str> {
    let own = |item: &Option<usize>| Some(&finder.item((*item)?).key.as_ref()?.own);
    let mut names: Vec<&KeyPart> = Vec::new();
    if let Some(holder) = holder {
        let items = finder.by_parent.iter().filter(|((k, parent, _), _)| *k == kind && *parent == holder);
        names.extend(items.filter_map(|(_, item)| own(item)));
        if let Owner::Live(parent) = holder {
            names.extend(finder.children.of(kind, parent).iter().map(|live| &live.key.own));
        }
    } else {
        let items = finder.by_key.iter().filter(|((k, _), _)| *k == kind);
        names.extend(items.filter_map(|(_, item)| own(item)));
        let live = finder.current.kind(kind).into_iter().flat_map(|k| &k.objects);
        names.extend(live.map(|live| &live.key.own));
    }
    super::nearest::nearest(
        given,
        names.into_iter().map(|part| (part.canonical.as_str(), part.text.as_str())),
    )
}

fn ambiguous(kind: Kind, key: &str, ids: &[&str]) -> Problem {
    let list: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    Problem::new(
        Code::error(502),
        format!("{} {} are called `{key}`: {}", ids.len(), plural(kind), list.join(", ")),
    )
    .hint("name one of them by its id")
}

/// Where an item stands, as messages say it.
fn at(finder: &Finder<'_>, index: usize) -> String {
    let source = &finder.item(index).source;
    format!("{}:{}", source.file, source.line)
}

/// The kind in words.
pub(super) fn words(kind: Kind) -> String {
    kind.singular().replace('_', " ")
}

fn plural(kind: Kind) -> String {
    kind.plural().replace('_', " ")
}
