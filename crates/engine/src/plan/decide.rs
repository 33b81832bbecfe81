//! What each item comes to, as far as it alone decides: compared with its object, and the body of its call.
//!
//! An item whose fixed fields differ gets a new object in place of the old one (spec section 4). That is known only once
//! it is compared, and changes what others that refer to it come to: so first all are compared, then those again.

use super::{
    Mode, PlanOptions,
    body::{self, Body},
    compare::{self, Comparison, Difference},
    find::{self, Finder, ParentOf, Standing},
    moves::{self, Moves},
    problems::Problems,
    protected, scope,
};
use crate::{
    catalog,
    current::Live,
    problem::{Code, Problem},
};
use connexa_types::Kind;

/// What each item comes to.
pub(super) struct Decided<'a> {
    /// The comparison of each item that stands for a live object.
    pub(super) comparisons: Vec<Option<Comparison>>,
    /// The body of each item that has one to send.
    pub(super) bodies: Vec<Option<Body>>,
    /// Whether an item creates, updates or replaces its object.
    pub(super) acting: Vec<bool>,
    /// Access groups that no item stands for and that name what is replaced.
    pub(super) moves: Moves<'a>,
}

impl<'a> Decided<'a> {
    pub(super) fn new(finder: &mut Finder<'a>, options: &PlanOptions, problems: &mut Problems<'a>) -> Self {
        let count = finder.standing.len();
        let mut decided = Self {
            comparisons: std::iter::repeat_with(|| None).take(count).collect(),
            bodies: std::iter::repeat_with(|| None).take(count).collect(),
            acting: vec![false; count],
            moves: Moves::default(),
        };
        if options.mode == Mode::Delete {
            for index in 0..count {
                check_delete(finder, index, options, problems);
            }
            return decided;
        }
        for index in 0..count {
            if !problems.refuses(index) {
                find::check_references(finder, index, problems);
            }
            if !problems.refuses(index)
                && let Standing::Live(live) = finder.standing[index]
            {
                let compared = compare::compare(finder, index, live);
                if options.mode.updates() {
                    finder.replaced[index] = compared.differences.iter().any(|d| d.replaces);
                }
                decided.comparisons[index] = Some(compared);
            }
        }
        if finder.replaced.contains(&true) {
            decided.replace(finder, problems);
        }
        for index in 0..count {
            decided.write(finder, index, options, problems);
        }
        decided
    }

    /// Follows what is replaced to its children and to what refers to it.
    fn replace(&mut self, finder: &mut Finder<'a>, problems: &Problems<'a>) {
        for index in 0..finder.standing.len() {
            if let ParentOf::Live(_, Some(parent)) = finder.parents[index]
                && finder.replaced[parent]
            {
                // The new object has its children made anew, in its own create call.
                finder.parents[index] = ParentOf::Item(parent);
                finder.replaced[index] = finder.standing[index].live().is_some();
            }
        }
        let refers_to_replaced = |index: usize| {
            let mut found = false;
            for value in finder.item(index).fields.values() {
                value.for_each_reference(&mut |reference| {
                    found |= finder.awaited(reference).is_some_and(|item| finder.replaced[item]);
                });
            }
            found
        };
        for index in 0..finder.standing.len() {
            if let (Some(known), Standing::Live(live)) =
                (&mut self.comparisons[index], finder.standing[index])
                && !problems.refuses(index)
                && refers_to_replaced(index)
            {
                *known = compare::compare(finder, index, live);
            }
        }
        self.moves = Moves::find(finder, |index| !problems.refuses(index));
        for (item, differences) in self.moves.of_items(finder) {
            if let Some(known) = &mut self.comparisons[item] {
                for (side, old, new) in differences {
                    if known.differences.iter().all(|difference| difference.path != side) {
                        let path = side.to_owned();
                        known.differences.push(Difference { path, old, new, replaces: false });
                    }
                }
            }
        }
    }

    /// Writes the body of an item that acts.
    fn write(
        &mut self,
        finder: &Finder<'a>,
        index: usize,
        options: &PlanOptions,
        problems: &mut Problems<'a>,
    ) {
        if problems.refuses(index) {
            return;
        }
        let mut body = match (finder.standing[index], &self.comparisons[index]) {
            (Standing::New, _) if options.mode == Mode::Update => {
                problems.push(index, not_there(finder, index));
                return;
            }
            (Standing::New, _) => {
                check_child_of_protected(finder, index, options, problems);
                Body::create(finder, index)
            }
            (Standing::Live(live), Some(compared))
                if options.mode.updates() && (finder.replaced[index] || !compared.differences.is_empty()) =>
            {
                check_update(index, live, compared, options, problems);
                if finder.replaced[index] {
                    Body::replace(finder, index, live)
                } else {
                    Body::update(finder, index, live)
                }
            }
            _ => return,
        };
        if let Standing::Live(live) = finder.standing[index]
            && live.kind == Kind::AccessGroup
        {
            moves::substitute(&mut body, finder, &self.moves);
        }
        for secret in &body.missing_secrets {
            let message =
                format!("`{secret}` must be sent, and neither the spec nor the service gives its value");
            let hint = format!(
                "give `{secret}` in the spec too, such as `{{env: NAME}}`: every update of the object sends it"
            );
            problems.push(index, Problem::new(Code::error(507), message).path(secret).hint(hint));
        }
        self.acting[index] = true;
        self.bodies[index] = Some(body);
    }

    /// The items that create, update or replace.
    pub(super) fn acting(&self) -> impl Iterator<Item = usize> {
        self.acting.iter().enumerate().filter(|(_, acts)| **acts).map(|(index, _)| index)
    }
}

/// An update of what is not there.
fn not_there(finder: &Finder<'_>, index: usize) -> Problem {
    let kind = finder.kind(index);
    let words = kind.map_or_else(String::new, find::words);
    let message = format!("there is no {words} `{}` to update", finder.key(index));
    let path = kind.map_or("id", |kind| catalog::definition(kind).key_name);
    Problem::new(Code::error(503), message).path(path).hint("`create` makes it")
}

/// What may not be deleted (spec section 7.3).
fn check_delete<'a>(finder: &Finder<'a>, index: usize, options: &PlanOptions, problems: &mut Problems<'a>) {
    let Some(live) = finder.standing[index].live().filter(|_| !problems.refuses(index)) else { return };
    let path = catalog::definition(live.kind).key_name;
    if let Some(who) = protected::who(live) {
        let message = format!("{who} cannot be deleted");
        problems.push(index, Problem::new(Code::error(505), message).path(path));
    } else if let Some(child) = protected::held_by(finder, live, options) {
        let message = format!("`protect` keeps {} `{}` as it is", find::words(child.kind), child.key);
        problems.push(index, Problem::new(Code::error(505), message).path(path));
    }
}

/// What an update may not do: change what is protected (spec section 7.3).
fn check_update(
    index: usize,
    live: &Live,
    comparison: &Comparison,
    options: &PlanOptions,
    problems: &mut Problems<'_>,
) {
    if scope::selects(&options.protect, live.kind, &live.key.to_string()) {
        let message = format!("`protect` keeps the {} `{}` as it is", find::words(live.kind), live.key);
        let problem = Problem::new(Code::error(505), message);
        let path = comparison.differences.first().map(|difference| difference.path.clone());
        problems.push(index, path.into_iter().fold(problem, Problem::path));
        return;
    }
    let who = protected::who(live);
    for difference in &comparison.differences {
        let path = &difference.path;
        if body::is_owner(live) && body::OWNERS.contains(&path.as_str()) {
            let message = format!("`{path}` of the owner cannot be changed");
            problems.push(index, Problem::new(Code::error(505), message).path(path));
        } else if let Some(who) = who
            && (difference.replaces || path == catalog::definition(live.kind).key_name)
        {
            let verb = if difference.replaces { "replaced" } else { "renamed" };
            let message = format!("{who} cannot be {verb}");
            problems.push(index, Problem::new(Code::error(505), message).path(path));
        }
    }
}

/// A new child would change its parent, which may be protected.
fn check_child_of_protected<'a>(
    finder: &Finder<'a>,
    index: usize,
    options: &PlanOptions,
    problems: &mut Problems<'a>,
) {
    if let ParentOf::Live(parent, _) = finder.parents[index]
        && scope::selects(&options.protect, parent.kind, &parent.key.to_string())
    {
        let message = format!("`protect` keeps the {} `{}` as it is", find::words(parent.kind), parent.key);
        problems.push(index, Problem::new(Code::error(505), message));
    }
}
