//! What happens to items that cannot be carried out, or are not wanted, and to what hangs on them.

use super::{
    Mode, PlanOptions,
    decide::Decided,
    find::{Finder, ParentOf, Resolved},
    problems::Problems,
    prune::Pruned,
    scope::Scoped,
};
use crate::current::Live;
use connexa_types::Kind;
use std::collections::VecDeque;

/// What the plan decides about an item without a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing: it goes on.
    Open,
    /// It has errors.
    Invalid,
    /// Its object is there and differs.
    Conflict,
    /// It hangs on an item that fails.
    Skipped(usize),
    /// It is not wanted.
    LeftOut,
}

/// Decides about all items. In a plan for a whole spec they are open or left out.
pub(super) fn fates(
    finder: &Finder<'_>,
    decided: &Decided<'_>,
    problems: &Problems<'_>,
    mode: Mode,
    wanted: &[bool],
) -> Vec<Fate> {
    let count = finder.standing.len();
    let differs =
        |index: usize| decided.comparisons[index].as_ref().is_some_and(|c| !c.differences.is_empty());
    let mut fates: Vec<Fate> = (0..count)
        .map(|index| {
            if !wanted[index] {
                Fate::LeftOut
            } else if problems.refuses(index) {
                Fate::Invalid
            } else if mode == Mode::Create && differs(index) {
                Fate::Conflict
            } else {
                Fate::Open
            }
        })
        .collect();
    let fails = |fate: Fate| !matches!(fate, Fate::Open | Fate::LeftOut);
    let mut queue: VecDeque<usize> = (0..count).filter(|index| fails(fates[*index])).collect();
    if queue.is_empty() {
        return fates;
    }
    let mut hang_on: Vec<Vec<usize>> = vec![Vec::new(); count];
    each_need(finder, decided, mode, |index, needed| hang_on[needed].push(index));
    while let Some(failed) = queue.pop_front() {
        let cause = match fates[failed] {
            Fate::Skipped(cause) => cause,
            Fate::Open | Fate::Invalid | Fate::Conflict | Fate::LeftOut => failed,
        };
        for &index in &hang_on[failed] {
            if fates[index] == Fate::Open {
                fates[index] = Fate::Skipped(cause);
                queue.push_back(index);
            }
        }
    }
    fates
}

/// Visits each item with each that must succeed, if it is anything but done already, before it can. What is as desired
/// needs nothing.
fn each_need(finder: &Finder<'_>, decided: &Decided<'_>, mode: Mode, mut visit: impl FnMut(usize, usize)) {
    for (index, item) in finder.desired.items.iter().enumerate() {
        if mode == Mode::Delete {
            // Deletes run against the edges: what depends on an item goes before it.
            if finder.standing[index].live().is_some() {
                item.depends_on.iter().for_each(|other| visit(*other, index));
            }
            continue;
        }
        let is_new = finder.is_new(index);
        if !is_new && !decided.acting[index] {
            continue;
        }
        match finder.parents[index] {
            ParentOf::Item(parent) => visit(index, parent),
            // A new child of a network that is another than was meant is not made.
            ParentOf::Live(_, Some(parent)) if is_new => visit(index, parent),
            ParentOf::Live(..) | ParentOf::None | ParentOf::Missing => {}
        }
        for value in item.fields.values() {
            value.for_each_reference(&mut |reference| {
                if let Resolved::Item(other) = finder.reference(reference)
                    && (is_new || finder.is_new(other))
                {
                    visit(index, other);
                }
            });
        }
        item.depends_on.iter().for_each(|other| visit(index, *other));
    }
}

/// Items and pruned objects as a scope sees them.
struct All<'s, 'a> {
    finder: &'s Finder<'a>,
    pruned: &'s [&'a Live],
    acts: Vec<bool>,
    needs: Vec<Vec<usize>>,
}

impl Scoped for All<'_, '_> {
    fn count(&self) -> usize {
        self.acts.len()
    }

    fn named(&self, index: usize) -> Option<(Kind, String)> {
        match index.checked_sub(self.finder.standing.len()) {
            Some(pruned) => Some((self.pruned[pruned].kind, self.pruned[pruned].key.to_string())),
            None => Some((*self.finder.item(index).kind.as_ref().ok()?, self.finder.key(index))),
        }
    }

    fn acts(&self, index: usize) -> bool {
        self.acts[index]
    }

    fn needs(&self, index: usize) -> Vec<usize> {
        self.needs[index].clone()
    }
}

/// Which items and pruned objects are wanted: `--only`, `--exclude`, `--limit`. Items first, then what is pruned.
pub(super) fn wanted<'a>(
    finder: &Finder<'a>,
    decided: &Decided<'a>,
    pruned: &Pruned<'a>,
    options: &PlanOptions,
) -> Vec<bool> {
    let items = finder.standing.len();
    let count = items + pruned.objects.len();
    if options.scope.is_all() {
        return vec![true; count];
    }
    let deletes = |index: usize| options.mode == Mode::Delete && finder.standing[index].live().is_some();
    let acts: Vec<bool> =
        (0..count).map(|index| index >= items || decided.acting[index] || deletes(index)).collect();
    let mut needs = vec![Vec::new(); count];
    each_need(finder, decided, options.mode, |index, needed| {
        // What is there already is not needed to be wanted.
        if acts[index] && acts[needed] {
            needs[index].push(needed);
        }
    });
    options.scope.wanted(&All { finder, pruned: &pruned.objects, acts, needs })
}
