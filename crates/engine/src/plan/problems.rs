//! Problems that the planner finds, kept by item.

use crate::{
    desired::{DesiredState, Item, Parent},
    problem::{Level, Problem},
};
use std::collections::HashMap;

/// The problems of a plan in the making.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    desired: &'a DesiredState,
    strict: bool,
    found: Vec<(usize, Problem)>,
    /// Problems of no item.
    general: Vec<Problem>,
    refused: Vec<bool>,
    /// Names compared for hints.
    compared: usize,
}

impl<'a> Problems<'a> {
    /// Starts with what the parser found.
    pub(super) fn new(desired: &'a DesiredState, strict: bool) -> Self {
        let mut problems = Self {
            desired,
            strict,
            found: Vec::new(),
            general: Vec::new(),
            refused: vec![false; desired.items.len()],
            compared: 0,
        };
        for (index, item) in desired.items.iter().enumerate() {
            for problem in &item.problems {
                problems.refused[index] |= problem.is_error();
                problems.found.push((index, problem.clone()));
            }
        }
        problems
    }

    /// Puts a problem of an item on record, with the path in the item. A place that it lacks is that of its path.
    pub(super) fn push(&mut self, index: usize, mut problem: Problem) {
        let item = &self.desired.items[index];
        if problem.line.is_none() {
            let place =
                problem.path.as_deref().map_or_else(|| item.place.clone(), |path| item.place_of(path));
            problem = problem.at(&place);
        }
        problem = named(problem, item);
        if self.strict {
            problem.level = Level::Error;
        }
        self.refused[index] |= problem.is_error();
        self.found.push((index, problem));
    }

    /// Puts a problem of no item on record.
    pub(super) fn push_general(&mut self, mut problem: Problem) {
        if self.strict {
            problem.level = Level::Error;
        }
        self.general.push(problem);
    }

    /// Whether there is an error of no item: it refuses all, in a batch too.
    pub(super) fn refuses_all(&self) -> bool {
        self.general.iter().any(Problem::is_error)
    }

    /// Whether an item has an error.
    pub(super) fn refuses(&self, index: usize) -> bool {
        self.refused[index]
    }

    /// Whether the name nearest to a mistyped one may be looked for among so many. The first few hints help; where many
    /// names are wrong among many, all of them would take longer than the plan.
    pub(super) fn may_compare(&mut self, names: usize) -> bool {
        const MOST: usize = 200_000;
        self.compared = self.compared.saturating_add(names);
        self.compared <= MOST
    }

    /// Whether there is any error.
    pub(super) fn any_error(&self) -> bool {
        self.refuses_all() || self.refused.contains(&true)
    }

    /// The errors of each item that has one, in the order in which they were found.
    pub(super) fn errors_by_item(&self) -> HashMap<usize, Vec<&Problem>> {
        let mut by_item: HashMap<usize, Vec<&Problem>> = HashMap::new();
        for (index, problem) in self.found.iter().filter(|(_, p)| p.is_error()) {
            by_item.entry(*index).or_default().push(problem);
        }
        by_item
    }

    /// All problems in file order: files as the items name them, then lines and columns. Those of nested children are told
    /// of the top-level item, as the reader of specs tells them.
    pub(super) fn in_file_order(self) -> Vec<Problem> {
        let mut rank: HashMap<&str, usize> = HashMap::new();
        for item in &self.desired.items {
            let next = rank.len();
            rank.entry(&item.place.file).or_insert(next);
        }
        let desired = self.desired;
        let mut found = self.found;
        // After those of all items, if they have no place.
        found.extend(self.general.into_iter().map(|problem| (usize::MAX, problem)));
        found.sort_by_cached_key(|(index, p)| {
            let file = p.file.as_deref().and_then(|file| rank.get(file)).copied().unwrap_or(usize::MAX);
            (file, p.line, p.column, *index, p.code)
        });
        found.into_iter().map(|(index, problem)| in_whole(desired, index, problem)).collect()
    }

    /// The warnings, in file order.
    pub(super) fn warnings(self) -> Vec<Problem> {
        self.in_file_order().into_iter().filter(|p| !p.is_error()).collect()
    }
}

/// Names the item of a problem.
fn named(mut problem: Problem, item: &Item) -> Problem {
    problem.kind = Some(match &item.kind {
        Ok(kind) => kind.singular().to_owned(),
        Err(word) => word.clone(),
    });
    problem.key = match (&item.key, &item.id) {
        (Some(key), _) => Some(key.to_string()),
        (None, Some(id)) => Some(id.to_string()),
        (None, None) => None,
    };
    problem
}

/// A problem of a nested child as one of the top-level item that it stands in.
fn in_whole(desired: &DesiredState, index: usize, mut problem: Problem) -> Problem {
    let Some(mut item) = desired.items.get(index) else { return problem };
    if item.prefix.is_empty() {
        return problem;
    }
    problem.path = Some(match &problem.path {
        Some(path) => format!("{}.{path}", item.prefix),
        None => item.prefix.clone(),
    });
    while let (false, Some(Parent::Item(parent))) = (item.prefix.is_empty(), &item.parent) {
        item = &desired.items[*parent];
    }
    named(problem, item)
}
