//! What the command line picks: names, ids, globs and an expression become items of a desired state.
//!
//! Exact names come in the order in which they were given, what a glob or the expression finds by key. Each object is
//! picked once, however many ways lead to it. A name that nothing has is an item all the same: what that means is for the
//! plan to say, for one who deletes all is well.

mod overlay;

pub use overlay::{Assignment, BadAssignment, Overlay, Seal};

use crate::{
    catalog,
    catalog::FieldType,
    current::{CurrentState, Live, LiveKind},
    desired::{DesiredState, Item, Parent, Reference, Source, Target},
    export::{self, Purpose},
    key::{Compare, Key, KeyPart},
    plan::{self, NoSelector},
    problem::{Place, Problem},
    select::{EvalError, Expression},
    sorted_map::SortedMap,
    spec::{Identity, identity},
};
use connexa_types::{Kind, ResourceId};
use globset::GlobMatcher;
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

/// What stands in place of a file's name for what was named on the command line.
pub const COMMAND_LINE: &str = "command line";

/// The kinds that sides of access groups name.
const NAMED_BY_SIDES: [Kind; 7] = [
    Kind::Network,
    Kind::Host,
    Kind::NetworkApplication,
    Kind::HostApplication,
    Kind::NetworkIpService,
    Kind::HostIpService,
    Kind::UserGroup,
];

/// What the command line picks of one kind.
#[derive(Debug)]
pub struct Selection {
    kind: Kind,
    wanted: Vec<Wanted>,
    matching: Option<Expression>,
}

/// A name or a glob.
#[derive(Debug)]
struct Wanted {
    text: String,
    glob: Option<Pattern>,
}

/// A glob over keys, over each part of a child's key by itself.
#[derive(Debug)]
struct Pattern {
    parent: Option<GlobMatcher>,
    own: GlobMatcher,
}

/// What was picked.
#[derive(Debug, Default)]
pub struct Picked {
    /// An item for each object and each name that nothing has.
    pub items: Vec<Item>,
    /// Globs that match nothing.
    pub unmatched: Vec<String>,
}

impl Selection {
    /// Reads names and globs; the expression must be one of the kind ([`Expression::of_kind`]).
    ///
    /// # Errors
    /// A text that looks like a glob and is none.
    pub fn new(kind: Kind, names: &[String], matching: Option<Expression>) -> Result<Self, NoSelector> {
        let wanted = names.iter().map(|text| Wanted::new(kind, text)).collect::<Result<_, _>>()?;
        Ok(Self { kind, wanted, matching })
    }

    /// Whether nothing is picked, whatever there is.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.matching.is_none()
    }

    /// Whether all that is picked was named one by one.
    pub fn is_by_name(&self) -> bool {
        self.matching.is_none() && self.wanted.iter().all(|wanted| wanted.glob.is_none())
    }

    /// Whether there is an expression.
    pub fn is_by_expression(&self) -> bool {
        self.matching.is_some()
    }

    /// The lists that must be read before anything can be picked.
    pub fn lists(&self) -> Vec<Kind> {
        if self.is_empty() || !catalog::is_listed(self.kind) {
            return Vec::new();
        }
        let mut kinds: BTreeSet<Kind> = [Some(self.kind), self.kind.parent()].into_iter().flatten().collect();
        if let Some(expression) = &self.matching {
            // Names in place of ids, where the expression asks for them.
            for field in catalog::definition(self.kind).fields.iter().filter(|f| expression.asks(f.name)) {
                match field.ty {
                    FieldType::Reference(kind) | FieldType::References(kind) => {
                        kinds.insert(kind);
                    }
                    FieldType::AccessItems(_) => kinds.extend(NAMED_BY_SIDES),
                    _ => {}
                }
            }
        }
        let lists: BTreeSet<Kind> = kinds.into_iter().map(catalog::listed_with).collect();
        lists.into_iter().collect()
    }

    /// Picks. What the items of `desired` stand for already is not picked again.
    ///
    /// # Errors
    /// The expression says nothing about an object.
    pub fn pick(&self, current: &CurrentState, desired: &DesiredState) -> Result<Picked, EvalError> {
        let nothing = LiveKind::default();
        let live = current.kind(self.kind).unwrap_or(&nothing);
        let mut picking = Picking { kind: self.kind, live, seen: HashSet::new(), picked: Picked::default() };
        for item in desired.items.iter().filter(|item| item.kind.as_ref() == Ok(&self.kind)) {
            picking.see(item);
        }
        for wanted in &self.wanted {
            picking.wanted(wanted);
        }
        if let Some(expression) = &self.matching {
            let mut found = Vec::new();
            for object in &live.objects {
                if expression.matches(&export::item(current, object, Purpose::View))? {
                    found.push(object);
                }
            }
            picking.by_key(found);
        }
        Ok(picking.picked)
    }
}

impl Wanted {
    fn new(kind: Kind, text: &str) -> Result<Self, NoSelector> {
        let is_glob = text.contains(['*', '?', '[', '{']);
        let glob = if is_glob { Some(Pattern::new(kind, text)?) } else { None };
        Ok(Self { text: text.to_owned(), glob })
    }
}

impl Pattern {
    fn new(kind: Kind, text: &str) -> Result<Self, NoSelector> {
        let parts = kind.parent().and_then(|_| text.split_once('/'));
        Ok(match parts {
            Some((parent, own)) => Self { parent: Some(plan::glob(parent)?), own: plan::glob(own)? },
            None => Self { parent: None, own: plan::glob(text)? },
        })
    }

    fn matches(&self, key: &Key) -> bool {
        let parent = key.parent.as_ref().map_or("", |part| &part.text);
        self.own.is_match(&key.own.text) && self.parent.as_ref().is_none_or(|glob| glob.is_match(parent))
    }
}

/// A picking in progress.
struct Picking<'a> {
    kind: Kind,
    live: &'a LiveKind,
    /// Ids of objects, and names that nothing has, that were picked.
    seen: HashSet<String>,
    picked: Picked,
}

impl<'a> Picking<'a> {
    /// Takes note of what an item stands for.
    fn see(&mut self, item: &Item) {
        if let Some(id) = &item.id {
            self.seen.insert(id.to_string());
        } else if let Some(key) = &item.key {
            match only(&self.with_key(key)) {
                Some(live) => self.seen.insert(live.id.to_string()),
                None => self.seen.insert(unknown(key)),
            };
        }
    }

    fn with_key(&self, key: &Key) -> Vec<&'a Live> {
        let by_name: Vec<&Live> = self.live.by_key(key).collect();
        if !by_name.is_empty() {
            return by_name;
        }
        // A parent may be named by its id; looking at all objects is for that alone.
        let (Some(parent), Some(kind)) = (&key.parent, self.kind.parent()) else { return Vec::new() };
        if !matches!(identity(kind, &parent.text), Ok(Identity::Id(_))) {
            return Vec::new();
        }
        let is_it = |live: &&Live| {
            live.parent.as_ref().is_some_and(|id| id.as_str() == parent.text)
                && live.key.own.canonical == key.own.canonical
        };
        self.live.objects.iter().filter(is_it).collect()
    }

    fn wanted(&mut self, wanted: &Wanted) {
        let named = identity(self.kind, &wanted.text);
        if let Some(glob) = &wanted.glob {
            // A name may well hold what looks like a glob.
            let exact = match &named {
                Ok(Identity::Key(key)) => self.with_key(key),
                Ok(Identity::Id(_)) | Err(_) => Vec::new(),
            };
            if exact.is_empty() {
                let found: Vec<&Live> =
                    self.live.objects.iter().filter(|live| glob.matches(&live.key)).collect();
                if found.is_empty() {
                    self.picked.unmatched.push(wanted.text.clone());
                }
                return self.by_key(found);
            }
        }
        match named {
            Ok(Identity::Id(id)) => match self.live.by_id(id.as_str()) {
                Some(live) => self.pick(live, wanted.text.trim()),
                None => {
                    if self.seen.insert(id.to_string()) {
                        let item = self.blank(wanted.text.trim().into());
                        self.picked.items.push(Item { id: Some(id), ..item });
                    }
                }
            },
            Ok(Identity::Key(key)) => match only(&self.with_key(&key)) {
                Some(live) => self.pick(live, wanted.text.trim()),
                None => {
                    if self.seen.insert(unknown(&key)) {
                        let item = self.blank(wanted.text.trim().into());
                        let parent = self.parent_of(&key);
                        self.picked.items.push(Item { key: Some(key), parent, ..item });
                    }
                }
            },
            Err(problem) => {
                let item = self.blank(wanted.text.clone().into());
                let key = Key::top(KeyPart::new(&wanted.text, Compare::Exact));
                let problem: Problem = problem.at(&item.place).of(self.kind, Some(&key.to_string()));
                self.picked.items.push(Item { key: Some(key), problems: vec![problem], ..item });
            }
        }
    }

    /// Picks what was found among all, by key.
    fn by_key(&mut self, mut found: Vec<&'a Live>) {
        found.sort_by(|a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
        for live in found {
            let unique = self.live.by_key(&live.key).count() == 1;
            let given = if unique { live.key.to_string() } else { live.id.to_string() };
            self.pick(live, &given);
        }
    }

    fn pick(&mut self, live: &Live, given: &str) {
        if !self.seen.insert(live.id.to_string()) {
            return;
        }
        let item = self.blank(given.into());
        let parent = live.parent.as_ref().zip(self.kind.parent());
        let parent = parent.map(|(id, kind)| self.reference(kind, Target::Id(id.clone())));
        self.picked.items.push(Item {
            key: Some(live.key.clone()),
            id: Some(live.id.clone()),
            parent: parent.map(Parent::Reference),
            ..item
        });
    }

    fn parent_of(&self, key: &Key) -> Option<Parent> {
        let (kind, part) = (self.kind.parent()?, key.parent.as_ref()?);
        let target = match identity(kind, &part.text) {
            Ok(Identity::Id(id)) => Target::Id(id),
            _ => Target::Key(Key::top(part.clone())),
        };
        Some(Parent::Reference(self.reference(kind, target)))
    }

    fn reference(&self, kind: Kind, target: Target) -> Reference {
        let path = catalog::definition(self.kind).parent_names.first().copied().unwrap_or("parent");
        Reference { kind, target, place: place(), path: path.to_owned(), within: None }
    }

    /// An item with nothing in it.
    fn blank(&self, given: Value) -> Item {
        let index = u32::try_from(self.picked.items.len()).unwrap_or(u32::MAX);
        Item {
            kind: Ok(self.kind),
            key: None,
            id: None::<ResourceId>,
            parent: None,
            renamed_from: None,
            unit: None,
            depends_on: Vec::new(),
            fields: SortedMap::new(),
            given: given.into(),
            source: Source { file: COMMAND_LINE.to_owned(), line: 1, index },
            place: place(),
            prefix: String::new(),
            spots: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// The object, if there is just one.
fn only<'a>(found: &[&'a Live]) -> Option<&'a Live> {
    match found {
        [one] => Some(one),
        _ => None,
    }
}

/// How a name that nothing has is kept apart from ids.
fn unknown(key: &Key) -> String {
    let (parent, own) = key.comparable();
    format!("{}\0{own}", parent.unwrap_or_default())
}

fn place() -> Place {
    Place { file: Arc::from(COMMAND_LINE), line: 1, column: 1 }
}
