//! What the records tell of undos: what operations left behind, and what was taken back.

use super::Replay;
use crate::{
    plan::Operation,
    record::{OpenRuling, UndoScope},
    report::Verdict,
    run::{Goal, Ruling, ledger::Sent},
};
use std::collections::HashSet;

impl Replay {
    /// To what end a leg really goes: a run that was to be undone is not carried out any further, unless all of it is
    /// tried again.
    pub(super) fn goal_of(&self, goal: Goal) -> Goal {
        let undone = self.run.undo.told.contains(&UndoScope::Run);
        if undone && goal == Goal::Forward { Goal::Undo } else { goal }
    }

    /// An operation has ended: what it left behind.
    pub(super) fn left(&mut self, operation: usize, subject: &Operation, open: &[(usize, Ruling)]) {
        let ruled = subject.carries.iter().filter_map(|carried| {
            let shared = open.iter().find(|(change, _)| *change == carried.change);
            let ruling = match shared {
                Some((_, ruling)) => ruling.clone(),
                None => self.said.get(&carried.change)?.clone(),
            };
            Some(OpenRuling { change: carried.change, ruling })
        });
        let ruled: Vec<OpenRuling> = ruled.collect();
        self.said.clear();
        let touched = self.run.tasks[operation].touched.is_some();
        self.run.undo.remember(operation, subject, touched, &ruled);
    }

    /// An operation that takes something back has ended.
    pub(super) fn back_ended(
        &mut self,
        operation: usize,
        subject: &Operation,
        sent: Sent,
        open: Vec<(usize, Ruling)>,
    ) {
        for carried in &subject.carries {
            self.run.ledger.hand_over(carried.change, sent);
        }
        self.run.keep(&open);
        let ruled = open.into_iter().map(|(change, ruling)| OpenRuling { change, ruling });
        self.run.undo.ruled(operation, ruled.collect());
    }

    /// Units of which nothing is started again: a member has not succeeded, or the unit was to be taken back.
    pub(super) fn held_units(&self, goal: Goal) -> HashSet<usize> {
        if goal == Goal::Retry {
            return HashSet::new();
        }
        (0..self.run.units.count()).filter(|unit| self.run.cause_of_failure(*unit).is_some()).collect()
    }

    /// Whether an operation belongs to one of them, and could be started but for that.
    pub(super) fn is_held(&self, held: &HashSet<usize>, operation: usize) -> bool {
        if held.is_empty() || self.run.tasks[operation].verdict == Some(Verdict::Unknown) {
            return false;
        }
        self.run.units.unit(self.run.root(operation)).is_some_and(|unit| held.contains(&unit))
    }

    /// What was taken back is carried out again.
    pub(super) fn reopen_undone(&mut self) {
        for index in (0..self.run.tasks.len()).rev() {
            let task = &self.run.tasks[index];
            let subject = self.run.subject(index);
            let undone = subject
                .carries
                .first()
                .is_some_and(|principal| self.run.ledger.verdict(principal.change) == Some(Verdict::Undone));
            if task.ended && task.undoes.is_none() && undone {
                if task.from.is_some() {
                    // What it has grown from is carried out again, and grows it again if need be.
                    self.run.undo.forget(index);
                } else {
                    self.reopen_whole(index, None);
                }
            }
        }
        self.run.undo.told.clear();
    }
}
