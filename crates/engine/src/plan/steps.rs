//! Coalescing: the fewest calls that carry all changes (design: plan).
//!
//! A new parent carries its new children where the API nests them; a new child of an existing parent is one call; all
//! changes of one object are one PUT; a deleted parent takes its children along. A call carries members of one unit only.
//! What is replaced takes two calls, and one more for each access group that names it; names that change places take one
//! more for all of them.

use super::{
    Mode,
    decide::Decided,
    fates::Fate,
    find::{Finder, ParentOf, Standing, words},
    names::Names,
    removals::{By, Companion, Removals},
    types::Action,
};
use crate::{catalog, current::Live};
use connexa_types::Kind;
use std::collections::HashMap;

/// What a call does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// Makes the object of an item.
    Create(usize),
    /// Makes the object of an item as it is to be.
    Update(usize, &'a Live),
    /// Gives an item's object a name for the time being, so that its own is free.
    Free(usize, &'a Live),
    /// Deletes an object.
    Delete(&'a Live),
    /// Lets an access group that no item stands for name new objects in place of old ones.
    Move(&'a Live),
}

/// A call in the making.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) step: Step<'a>,
    pub(super) kind: Kind,
    pub(super) unit: Option<&'a str>,
    /// The changes that it carries, the one that it is for first.
    pub(super) carries: Vec<usize>,
}

/// A change that no item asks for.
#[derive(Debug)]
pub(super) struct Extra<'a> {
    pub(super) live: &'a Live,
    pub(super) action: Action,
    pub(super) unit: Option<&'a str>,
    /// A remark for people.
    pub(super) note: Option<String>,
    /// What it goes with, or because of which it is made: the parent's change.
    pub(super) parent: Option<usize>,
    /// The item whose create call takes it along.
    pub(super) carried_over: Option<usize>,
}

/// All calls, and who is in which. Changes are items by their index, then the extra ones.
#[derive(Debug)]
pub(super) struct Steps<'a> {
    pub(super) drafts: Vec<Draft<'a>>,
    pub(super) extras: Vec<Extra<'a>>,
    /// By change: the calls that carry it.
    pub(super) of: Vec<Vec<usize>>,
    /// By item: the call that makes its object, or makes it as it is to be.
    pub(super) made_by: Vec<Option<usize>>,
    /// The call that ends a live object.
    pub(super) ended_by: HashMap<(Kind, &'a str), usize>,
    /// The call that changes a live object, the last of them.
    pub(super) written_by: HashMap<(Kind, &'a str), usize>,
}

/// The item whose call carries an item that is to be created: its new parent, if that takes it on board, else itself.
pub(super) fn carrier(finder: &Finder<'_>, index: usize) -> usize {
    let (Some(kind), ParentOf::Item(parent)) = (finder.kind(index), finder.parents[index]) else {
        return index;
    };
    let item = finder.item(index);
    let boards = catalog::definition(kind).carried_by_parent
        && item.depends_on.is_empty()
        && item.unit == finder.item(parent).unit;
    if boards { parent } else { index }
}

/// Makes the calls of all items that are carried out, and of what goes.
pub(super) fn steps<'a>(
    finder: &Finder<'a>,
    decided: &Decided<'a>,
    removals: &Removals<'a>,
    names: &Names<'a>,
    fates: &[Fate],
    mode: Mode,
) -> Steps<'a> {
    let count = finder.standing.len();
    let extras = extras(finder, decided, removals, fates);
    let mut steps = Steps {
        drafts: Vec::new(),
        of: vec![Vec::new(); count + extras.len()],
        made_by: vec![None; count],
        ended_by: HashMap::new(),
        written_by: HashMap::new(),
        extras,
    };
    for (index, fate) in fates.iter().enumerate() {
        if *fate != Fate::Open || carrier(finder, index) != index {
            continue;
        }
        if decided.bodies[index].is_some() {
            steps.write(finder, index, names);
        }
        if (mode == Mode::Delete || finder.replaced[index])
            && let Standing::Live(live) = finder.standing[index]
        {
            steps.end(finder, live, index, removals);
        }
    }
    // A flat child may stand before its parent, and all come on board in input order.
    for (index, fate) in fates.iter().enumerate() {
        let carrier = carrier(finder, index);
        if *fate == Fate::Open
            && carrier != index
            && decided.bodies[index].is_some()
            && let Some(draft) = steps.made_by[carrier]
        {
            steps.board(draft, index);
            steps.made_by[index] = Some(draft);
            if let (true, Standing::Live(live)) = (finder.replaced[index], finder.standing[index]) {
                steps.end(finder, live, index, removals);
            }
        }
    }
    for extra in 0..steps.extras.len() {
        let change = count + extra;
        let Extra { live, action, carried_over, .. } = steps.extras[extra];
        if let Some(draft) = carried_over.and_then(|item| steps.made_by[item]) {
            steps.board(draft, change);
        }
        match action {
            Action::Update => {
                let draft = steps.push(Step::Move(live), live.kind, steps.extras[extra].unit, change);
                steps.written_by.insert((live.kind, live.id.as_str()), draft);
            }
            _ if removals.root(live.kind, live.id.as_str()) == Some(By::Prune) => {
                steps.end(finder, live, change, removals);
            }
            _ => {}
        }
    }
    steps.go_along(finder, removals);
    steps.carry_moves(finder, decided);
    steps
}

/// The changes that no item asks for, by kind and key: what is pruned, what goes with its parent, references that move.
fn extras<'a>(
    finder: &Finder<'a>,
    decided: &Decided<'a>,
    removals: &Removals<'a>,
    fates: &[Fate],
) -> Vec<Extra<'a>> {
    let mut extras = Vec::new();
    for (live, by) in &removals.roots {
        if *by == By::Prune {
            extras.push(Extra {
                live,
                action: Action::Delete,
                unit: None,
                note: Some("pruned: no item stands for it".to_owned()),
                parent: None,
                carried_over: None,
            });
        }
    }
    for Companion { live, parent, carried_over } in removals.companions.iter().copied() {
        let verb = if carried_over.is_some() { "is made again with" } else { "goes with" };
        let unit = match removals.root(parent.kind, parent.id.as_str()) {
            Some(By::Item(item)) => finder.item(item).unit.as_deref(),
            Some(By::Prune) | None => None,
        };
        extras.push(Extra {
            live,
            action: if carried_over.is_some() { Action::Replace } else { Action::Delete },
            unit,
            note: Some(format!("{verb} its {} `{}`", words(parent.kind), parent.key)),
            parent: None,
            carried_over,
        });
    }
    for group in &decided.moves.groups {
        let goes = removals.root(group.kind, group.id.as_str()).is_some();
        if finder.item_of(group).is_none() && !goes {
            let moved = decided.moves.named_in(group);
            let mut items = moved.values().flatten().filter(|item| fates[**item] == Fate::Open);
            let Some(first) = items.next() else { continue };
            extras.push(Extra {
                live: group,
                action: Action::Update,
                // With what is replaced, or it would be left with old names.
                unit: finder.item(*first).unit.as_deref(),
                note: Some("names what is replaced".to_owned()),
                parent: None,
                carried_over: None,
            });
        }
    }
    extras.sort_by_cached_key(|extra| (extra.live.kind, extra.live.key.to_string(), extra.live.id.clone()));
    let count = finder.standing.len();
    let places: HashMap<(Kind, &str), usize> = extras
        .iter()
        .enumerate()
        .map(|(place, extra)| ((extra.live.kind, extra.live.id.as_str()), count + place))
        .collect();
    for extra in &mut extras {
        let parent = extra.live.kind.parent().zip(extra.live.parent.as_ref());
        extra.parent = parent.and_then(|(kind, id)| {
            finder.item_by_id(kind, id.as_str()).or_else(|| places.get(&(kind, id.as_str())).copied())
        });
    }
    extras
}

impl<'a> Steps<'a> {
    fn push(&mut self, step: Step<'a>, kind: Kind, unit: Option<&'a str>, change: usize) -> usize {
        let draft = self.drafts.len();
        self.drafts.push(Draft { step, kind, unit, carries: Vec::new() });
        self.board(draft, change);
        draft
    }

    fn board(&mut self, draft: usize, change: usize) {
        if !self.of[change].contains(&draft) {
            self.drafts[draft].carries.push(change);
            self.of[change].push(draft);
        }
    }

    /// The calls that make an item's object, or make it as it is to be.
    fn write(&mut self, finder: &Finder<'a>, index: usize, names: &Names<'a>) {
        let Some(kind) = finder.kind(index) else { return };
        let unit = finder.item(index).unit.as_deref();
        let draft = match finder.standing[index] {
            Standing::Live(live) if !finder.replaced[index] => {
                if names.is_freed(index) {
                    self.push(Step::Free(index, live), kind, unit, index);
                }
                let draft = self.push(Step::Update(index, live), kind, unit, index);
                self.written_by.insert((kind, live.id.as_str()), draft);
                draft
            }
            Standing::New | Standing::Live(_) => self.push(Step::Create(index), kind, unit, index),
            Standing::Undecided => return,
        };
        self.made_by[index] = Some(draft);
    }

    /// The call that ends an object, unless it goes with its parent in the same unit.
    fn end(&mut self, finder: &Finder<'a>, live: &'a Live, change: usize, removals: &Removals<'a>) {
        let unit = |by: By| match by {
            By::Item(item) => finder.item(item).unit.as_deref(),
            By::Prune => None,
        };
        let own = removals.root(live.kind, live.id.as_str()).map(unit);
        let parent = live.kind.parent().zip(live.parent.as_ref());
        let parent = parent.and_then(|(kind, id)| removals.root(kind, id.as_str())).map(unit);
        if parent.is_none() || parent != own {
            let draft = self.push(Step::Delete(live), live.kind, own.flatten(), change);
            self.ended_by.insert((live.kind, live.id.as_str()), draft);
        }
    }

    /// What goes with its parent is carried by the call that ends that.
    fn go_along(&mut self, finder: &Finder<'a>, removals: &Removals<'a>) {
        let count = finder.standing.len();
        let extras: HashMap<(Kind, &'a str), usize> = self
            .extras
            .iter()
            .enumerate()
            .map(|(place, extra)| ((extra.live.kind, extra.live.id.as_str()), count + place))
            .collect();
        let children = removals
            .roots
            .iter()
            .filter_map(|(live, by)| match by {
                By::Item(item) => Some((*live, *item)),
                By::Prune => Some((*live, *extras.get(&(live.kind, live.id.as_str()))?)),
            })
            .chain(removals.companions.iter().filter_map(|child| {
                Some((child.live, *extras.get(&(child.live.kind, child.live.id.as_str()))?))
            }));
        // Items in input order, then the others by kind and key.
        let mut children: Vec<(&'a Live, usize)> = children.collect();
        children.sort_by_key(|(_, change)| *change);
        for (live, change) in children {
            let id = (live.kind, live.id.as_str());
            if self.ended_by.contains_key(&id) {
                continue;
            }
            let parent = live.kind.parent().zip(live.parent.as_ref());
            let draft = parent.and_then(|(kind, id)| self.ended_by.get(&(kind, id.as_str())).copied());
            if let Some(draft) = draft {
                self.board(draft, change);
                self.ended_by.insert(id, draft);
            }
        }
    }

    /// A replace is carried by the calls that move references to it, too.
    fn carry_moves(&mut self, finder: &Finder<'a>, decided: &Decided<'a>) {
        for group in &decided.moves.groups {
            let Some(&draft) = self.written_by.get(&(group.kind, group.id.as_str())) else { continue };
            let mut replaced: Vec<usize> = decided.moves.named_in(group).into_values().flatten().collect();
            replaced.sort_unstable();
            replaced.dedup();
            for item in replaced {
                if self.made_by[item].is_some() && finder.replaced[item] {
                    self.board(draft, item);
                }
            }
        }
    }
}
