//! `--prune`: live objects that no item stands for (spec section 7.3).
//!
//! Child kinds are pruned under parents that are items, top-level kinds in the whole tenant, and only if the spec names
//! the kind. What is protected is passed over, and so is what items of the spec refer to: deleting it would break them.

use super::{
    PlanOptions, Prune,
    find::{Finder, ParentOf, Resolved, Standing, words},
    problems::Problems,
    protected,
};
use crate::{
    current::{CurrentState, Live},
    export,
    problem::{Code, Problem},
};
use connexa_types::Kind;
use std::collections::HashSet;

/// What is pruned, and what is to be said about it.
#[derive(Debug, Default)]
pub(super) struct Pruned<'a> {
    /// The objects, in the order of kinds and lists.
    pub(super) objects: Vec<&'a Live>,
    /// What was passed over, for people.
    pub(super) notes: Vec<String>,
}

/// The kinds of listed objects that are to be pruned, in the order of kinds.
pub(super) fn kinds(options: &PlanOptions) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = options.prune.iter().map(|prune| prune.kind).collect();
    kinds.retain(|kind| crate::catalog::is_listed(*kind));
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Finds what is to be pruned.
pub(super) fn find<'a>(
    finder: &Finder<'a>,
    options: &PlanOptions,
    problems: &mut Problems<'a>,
) -> Pruned<'a> {
    let mut pruned = Pruned::default();
    if options.prune.is_empty() {
        return pruned;
    }
    let standing = Standings::new(finder);
    for kind in kinds(options) {
        if kind.parent().is_none() && !finder.desired.kinds.contains(&kind) {
            let message = format!(
                "{} are to be pruned, but the spec does not name them: all of them would be deleted",
                kind.plural()
            );
            let problem = Problem::new(Code::error(106), message)
                .hint(format!("if that is meant, add `{}: []`", kind.plural()));
            problems.push_general(problem);
            continue;
        }
        if standing.unreadable.contains(&kind) {
            pruned.notes.push(format!(
                "{} are not pruned: the key of an item cannot be read, so what it stands for is not known",
                kind.plural()
            ));
            continue;
        }
        let flags: Vec<&Prune> = options.prune.iter().filter(|prune| prune.kind == kind).collect();
        for live in finder.current.kind(kind).into_iter().flat_map(|read| &read.objects) {
            if !standing.is_free(live) {
                continue;
            }
            match matches(&flags, finder.current, live) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(why) => {
                    pruned.notes.push(format!("{} `{}` is not pruned: {why}", words(kind), live.key));
                    continue;
                }
            }
            if let Some(who) = protected::who(live) {
                pruned.notes.push(format!("{who} is not pruned"));
            } else if let Some(held) = protected::held_by(finder, live, options) {
                let held = format!("{} `{}`", words(held.kind), held.key);
                pruned.notes.push(format!(
                    "{} `{}` is not pruned: `protect` keeps {held}",
                    words(kind),
                    live.key
                ));
            } else if standing.referred.contains(&(kind, live.id.as_str())) {
                pruned.notes.push(format!(
                    "{} `{}` is not pruned: items of the spec refer to it",
                    words(kind),
                    live.key
                ));
            } else {
                pruned.objects.push(live);
            }
        }
    }
    pruned
}

/// Whether any of the flags for a kind means an object.
fn matches(flags: &[&Prune], current: &CurrentState, live: &Live) -> Result<bool, String> {
    let mut item = None;
    for prune in flags {
        let Some(expression) = &prune.matching else { return Ok(true) };
        let item = item.get_or_insert_with(|| export::fields(current, live));
        if expression.matches(item).map_err(|error| error.to_string())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Which objects items stand for, sound or not.
struct Standings<'a> {
    /// Objects that items are found to stand for.
    taken: HashSet<(Kind, &'a str)>,
    /// Keys of items that are refused: (kind, parent's key, own key); the parent's is not asked for.
    keys: HashSet<(Kind, &'a str)>,
    /// Ids of items that are refused.
    ids: HashSet<(Kind, &'a str)>,
    /// Kinds with an item whose key cannot be read.
    unreadable: HashSet<Kind>,
    /// Objects that items refer to, as parents or in their fields.
    referred: HashSet<(Kind, &'a str)>,
}

impl<'a> Standings<'a> {
    fn new(finder: &Finder<'a>) -> Self {
        let mut standing = Self {
            taken: HashSet::new(),
            keys: HashSet::new(),
            ids: HashSet::new(),
            unreadable: HashSet::new(),
            referred: HashSet::new(),
        };
        for (index, item) in finder.desired.items.iter().enumerate() {
            let Some(kind) = finder.kind(index) else { continue };
            match finder.standing[index] {
                Standing::Live(live) => {
                    standing.taken.insert((kind, live.id.as_str()));
                }
                Standing::New => {}
                // It still stands for its object, whichever of these finds it.
                Standing::Undecided => {
                    if item.key.is_none() && item.id.is_none() {
                        standing.unreadable.insert(kind);
                    }
                    let keys = item.key.iter().map(|key| &key.own).chain(&item.renamed_from);
                    standing.keys.extend(keys.map(|part| (kind, part.canonical.as_str())));
                    standing.ids.extend(item.id.iter().map(|id| (kind, id.as_str())));
                }
            }
            if let ParentOf::Live(parent, _) = finder.parents[index] {
                standing.referred.insert((parent.kind, parent.id.as_str()));
            }
            for value in item.fields.values() {
                value.for_each_reference(&mut |reference| {
                    if let Resolved::Live(live) = finder.reference(reference) {
                        standing.referred.insert((live.kind, live.id.as_str()));
                    }
                });
            }
        }
        standing
    }

    /// Whether no item stands for an object, and one stands for its parent, if it has one.
    fn is_free(&self, live: &'a Live) -> bool {
        let id = live.id.as_str();
        if self.taken.contains(&(live.kind, id))
            || self.ids.contains(&(live.kind, id))
            || self.keys.contains(&(live.kind, live.key.own.canonical.as_str()))
        {
            return false;
        }
        match (live.kind.parent(), &live.parent) {
            (None, _) => true,
            (Some(kind), Some(parent)) => self.taken.contains(&(kind, parent.as_str())),
            (Some(_), None) => false,
        }
    }
}
