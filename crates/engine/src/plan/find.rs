//! Which live object each item stands for, and what references mean (spec sections 3.3 and 3.4).
//!
//! An item with `id` is pinned to that object, all others are found by key; references are looked for in the spec, then
//! in the tenant. All lookups are by hash, so that 100,000 items cost 100,000 lookups.

use super::{human, problems::Problems};
use crate::{
    catalog,
    current::{CurrentState, Live},
    desired::{DesiredState, Item, Parent, Reference, Target},
    key::{Key, KeyPart},
    problem::{Code, Problem},
};
use connexa_types::Kind;
use std::collections::{BTreeSet, HashMap};

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

/// Whether items that pin an object may rename it: that frees its old key for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renames {
    /// They may.
    Happen,
    /// They do not (imperative creates).
    Never,
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
    /// Items that free the key of their object by renaming it: (kind, old canonical key) → item.
    pub(super) freed: HashMap<(Kind, &'a str), usize>,
    /// Top-level items by key; `None` = several, told apart by their ids.
    by_key: HashMap<(Kind, &'a str), Option<usize>>,
    /// Top-level items by the id of the object that they stand for.
    by_id: HashMap<(Kind, &'a str), usize>,
    /// Children of the kinds that references look for under a parent, by that parent and their own key; `None` = several,
    /// told apart by their ids.
    children: HashMap<(Kind, Holder<'a>, &'a str), Option<usize>>,
    /// The same of the tenant.
    live_children: LiveChildren<'a>,
}

/// A parent under which children are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Holder<'a> {
    /// A live object, by its id.
    Live(&'a str),
    /// An item whose object does not exist yet.
    Item(usize),
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
        if let Some(Some(item)) = self.children.get(&(kind, holder, own)) {
            return Resolved::Item(*item);
        }
        match self.live_children.under(kind, holder, own) {
            [] => Resolved::Missing,
            [live] => Resolved::Live(live),
            [_, _, ..] => Resolved::Ambiguous,
        }
    }

    fn holder(&self, parent: &Reference) -> Option<Holder<'a>> {
        match self.reference(parent) {
            Resolved::Item(item) => Some(
                self.standing[item].live().map_or(Holder::Item(item), |live| Holder::Live(live.id.as_str())),
            ),
            Resolved::Live(live) => Some(Holder::Live(live.id.as_str())),
            Resolved::Unchecked | Resolved::Missing | Resolved::Ambiguous => None,
        }
    }

    fn holds(&self, parent: &Reference, child: &Live) -> bool {
        let parent = self.live(parent).map(|live| &live.id);
        parent.is_some() && parent == child.parent.as_ref()
    }

    /// The live object that a reference means, if it exists already.
    pub(super) fn live(&self, reference: &Reference) -> Option<&'a Live> {
        match self.reference(reference) {
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
            Resolved::Item(item) if self.standing[item].live().is_none() => Some(item),
            Resolved::Item(_)
            | Resolved::Live(_)
            | Resolved::Unchecked
            | Resolved::Missing
            | Resolved::Ambiguous => None,
        }
    }

    /// The only top-level item with a key, given in its canonical form.
    pub(super) fn item_by_key(&self, kind: Kind, key: &str) -> Option<usize> {
        self.by_key.get(&(kind, key)).copied().flatten()
    }

    /// The item that stands for a live top-level object.
    pub(super) fn item_of(&self, live: &Live) -> Option<usize> {
        self.by_id.get(&(live.kind, live.id.as_str())).copied()
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
    renames: Renames,
    problems: &mut Problems<'a>,
) -> Finder<'a> {
    let count = desired.items.len();
    let mut finder = Finder {
        desired,
        current,
        standing: vec![Standing::Undecided; count],
        parents: vec![ParentOf::None; count],
        freed: HashMap::new(),
        by_key: HashMap::with_capacity(count),
        by_id: HashMap::with_capacity(count),
        children: HashMap::new(),
        live_children: LiveChildren::default(),
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
    let claims = pin(&mut finder, renames, problems);
    find_top_level(&mut finder, &claims, problems);
    for index in 0..count {
        if let Some(live) = finder.standing[index].live().filter(|live| live.parent.is_none()) {
            finder.by_id.insert((live.kind, live.id.as_str()), index);
        }
    }
    find_children(&mut finder, &claims, problems);
    index_children(&mut finder);
    finder
}

/// Makes the children ready that references look for under a parent.
fn index_children(finder: &mut Finder<'_>) {
    let mut kinds = BTreeSet::new();
    for value in finder.desired.items.iter().flat_map(|item| item.fields.values()) {
        value.for_each_reference(&mut |reference| {
            if reference.within.is_some() {
                kinds.insert(reference.kind);
            }
        });
    }
    for kind in &kinds {
        finder.live_children.ready(finder.current, *kind);
    }
    for (index, item) in finder.desired.items.iter().enumerate() {
        let (Some(kind), Some(key)) = (planned_kind(item).filter(|kind| kinds.contains(kind)), &item.key)
        else {
            continue;
        };
        let holder = match finder.parents[index] {
            ParentOf::Item(parent) => Holder::Item(parent),
            ParentOf::Live(live, _) => Holder::Live(live.id.as_str()),
            ParentOf::None | ParentOf::Missing => continue,
        };
        let child = (kind, holder, key.comparable().1);
        finder.children.entry(child).and_modify(|known| *known = None).or_insert(Some(index));
    }
}

/// Objects that an item holds by `id`: (kind, id) → item, and whether the item renames the object.
type Claims<'a> = HashMap<(Kind, &'a str), (usize, bool)>;

/// Gives items with `id` their objects.
fn pin<'a>(finder: &mut Finder<'a>, renames: Renames, problems: &mut Problems<'a>) -> Claims<'a> {
    let mut claims = Claims::new();
    for (index, item) in finder.desired.items.iter().enumerate() {
        let (Some(kind), Some(id)) = (planned_kind(item), &item.id) else { continue };
        if problems.refuses(index) {
            continue;
        }
        let Some(live) = finder.current.kind(kind).and_then(|k| k.by_id(id.as_str())) else {
            let message = format!("no {} has the id `{id}`", words(kind));
            problems.push(index, Problem::new(Code::error(503), message).path("id"));
            continue;
        };
        let renamed = renames == Renames::Happen
            && item.key.as_ref().is_some_and(|key| key.comparable().1 != live.key.comparable().1);
        if let Some((other, _)) = claims.insert((kind, live.id.as_str()), (index, renamed)) {
            let message =
                format!("the {} with the id `{id}` stands in {} already", words(kind), at(finder, other));
            problems.push(index, Problem::new(Code::error(301), message).path("id"));
            continue;
        }
        if renamed && kind.parent().is_none() {
            finder.freed.insert((kind, live.key.comparable().1), index);
        }
        finder.standing[index] = Standing::Live(live);
    }
    claims
}

fn find_top_level<'a>(finder: &mut Finder<'a>, claims: &Claims<'a>, problems: &mut Problems<'a>) {
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
                }
            }
            Found::One(live, claimed) => match pinned {
                Some(pinned) if pinned.id != live.id => {
                    let message =
                        format!("the name is taken by another {} with the id `{}`", words(kind), live.id);
                    let path = catalog::definition(kind).key_name;
                    problems.push(index, Problem::new(Code::error(504), message).path(path));
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

fn find_children<'a>(finder: &mut Finder<'a>, claims: &Claims<'a>, problems: &mut Problems<'a>) {
    let mut live_children = std::mem::take(&mut finder.live_children);
    // Parents may be named in several ways, so only here two items can be seen to be one.
    let mut seen: HashMap<(Kind, &'a str, &'a str), usize> = HashMap::new();
    for (index, item) in finder.desired.items.iter().enumerate() {
        let Some(kind) = planned_kind(item) else { continue };
        let Some(parent_kind) = kind.parent() else { continue };
        let parent = parent_of(finder, index, parent_kind, problems);
        finder.parents[index] = parent;
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
                }
            }
            ParentOf::Live(parent, _) => {
                let own = (kind, parent.id.as_str(), key.comparable().1);
                if let Some(first) = seen.insert(own, index) {
                    let message =
                        format!("the {} `{key}` stands in {} already", words(kind), at(finder, first));
                    let path = catalog::definition(kind).key_name;
                    problems.push(index, Problem::new(Code::error(301), message).path(path));
                    continue;
                }
                live_children.ready(finder.current, kind);
                let candidates =
                    live_children.under(kind, Holder::Live(parent.id.as_str()), key.comparable().1);
                match single(kind, candidates.iter().copied(), claims) {
                    Found::None => finder.standing[index] = Standing::New,
                    Found::One(live, claimed) => settle(finder, index, kind, live, claimed, problems),
                    Found::Several(ids) => {
                        let path = catalog::definition(kind).key_name;
                        problems.push(index, ambiguous(kind, &key.to_string(), &ids).path(path));
                    }
                }
            }
            ParentOf::None | ParentOf::Missing => {}
        }
    }
    finder.live_children = live_children;
}

/// The parent of a child item; puts it on record if there is none.
fn parent_of<'a>(
    finder: &Finder<'a>,
    index: usize,
    parent_kind: Kind,
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
            Resolved::Live(live) => ParentOf::Live(live, None),
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
                .map_or(ParentOf::Missing, |live| ParentOf::Live(live, None))
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

/// Live children by parent and own key, made for each kind when first asked for. The index of [`CurrentState`] goes by the
/// parent's name, which an item may be about to change.
#[derive(Debug, Default)]
struct LiveChildren<'a> {
    by_kind: HashMap<Kind, HashMap<(&'a str, &'a str), Vec<&'a Live>>>,
}

impl<'a> LiveChildren<'a> {
    /// Makes the children of a kind ready.
    fn ready(&mut self, current: &'a CurrentState, kind: Kind) {
        self.by_kind.entry(kind).or_insert_with(|| {
            let mut index: HashMap<_, Vec<_>> = HashMap::new();
            for live in current.kind(kind).into_iter().flat_map(|k| &k.objects) {
                let parent = live.parent.as_ref().map_or("", |id| id.as_str());
                index.entry((parent, live.key.comparable().1)).or_default().push(live);
            }
            index
        });
    }

    fn under<'s>(&'s self, kind: Kind, holder: Holder<'s>, own: &'s str) -> &'s [&'a Live] {
        let Holder::Live(parent) = holder else { return &[] };
        self.by_kind.get(&kind).and_then(|index| index.get(&(parent, own))).map_or(&[], Vec::as_slice)
    }

    /// All of a kind under a live parent.
    fn all(&self, kind: Kind, holder: Holder<'_>) -> impl Iterator<Item = &'a Live> {
        let index = self.by_kind.get(&kind).into_iter().flatten();
        index
            .filter(move |((parent, _), _)| holder == Holder::Live(parent))
            .flat_map(|(_, live)| live.iter().copied())
    }
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
                Some((_, holder)) => finder.live_children.under(reference.kind, holder, own).to_vec(),
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
                let names = finder.by_key.len() + finder.children.len() + kind.map_or(0, |k| k.objects.len());
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
fn nearest<'a>(finder: &Finder<'a>, kind: Kind, holder: Option<Holder<'_>>, given: &str) -> Option<&'a str> {
    let own = |item: &Option<usize>| Some(&finder.item((*item)?).key.as_ref()?.own);
    let mut names: Vec<&KeyPart> = Vec::new();
    match holder {
        Some(holder) => {
            let items = finder.children.iter().filter(|((k, parent, _), _)| *k == kind && *parent == holder);
            names.extend(items.filter_map(|(_, item)| own(item)));
            names.extend(finder.live_children.all(kind, holder).map(|live| &live.key.own));
        }
        None => {
            let items = finder.by_key.iter().filter(|((k, _), _)| *k == kind);
            names.extend(items.filter_map(|(_, item)| own(item)));
            let live = finder.current.kind(kind).into_iter().flat_map(|k| &k.objects);
            names.extend(live.map(|live| &live.key.own));
        }
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
