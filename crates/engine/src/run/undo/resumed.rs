//! Undos of runs that are taken up again.

use super::super::{Goal, Halt, Run, ruling::Ruling};
use super::Undo;
use crate::{record::UndoScope, report::Verdict};
use connexa_types::Now;

impl Undo {
    /// An operation of an earlier leg takes another one back.
    pub(in crate::run) fn known(&mut self, operation: usize, inverse: usize) {
        self.earlier.entry(operation).or_default().push(inverse);
    }

    /// An operation is carried out again: what it left is taken back already.
    pub(in crate::run) fn forget(&mut self, operation: usize) {
        self.left.remove(&operation);
        self.earlier.remove(&operation);
    }
}

impl Run {
    /// Goes on with what was to be taken back, or begins to.
    pub(in crate::run) fn go_on_taking_back(&mut self, now: Now) {
        for index in 0..self.tasks.len() {
            let task = &mut self.tasks[index];
            if task.touched.is_some() {
                // Clocks of earlier processes say nothing here.
                task.touched = Some(now.mono);
            }
            if self.is_back(index) {
                // It goes out when its turn comes.
                self.graph.retire(index);
            } else if self.tasks[index].ended {
                self.no_way_back(index);
            }
        }
        self.resume_units();
        if self.goal == Goal::Undo {
            let reason = "as it was asked for".to_owned();
            self.record_undo(UndoScope::Run, reason.clone(), now);
            self.halt = Some(Halt::Undo(reason));
            self.graph.raise(usize::MAX);
        }
        if self.goal == Goal::Retry {
            self.stuck_no_more(now);
        }
    }

    /// What could not be taken back is as desired, now that it is to stay.
    fn stuck_no_more(&mut self, now: Now) {
        let mut left: Vec<_> =
            self.undo.left.iter().filter(|(operation, _)| self.tasks[**operation].ended).collect();
        left.sort_unstable_by_key(|(operation, _)| **operation);
        let left: Vec<_> = left.into_iter().flat_map(|(_, left)| left.clone()).collect();
        for left in left {
            if self.ledger.verdict(left.change) == Some(Verdict::Unknown) {
                let ruling = Ruling { origin: left.origin, ..Ruling::succeeded(left.object) };
                self.rule_again(left.change, ruling, now);
            }
        }
    }
}
