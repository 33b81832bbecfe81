//! Before a call takes something back: the lists must show what we left, and nothing that would be lost with it.

use super::super::{
    Job, Outs, Run,
    drift::{Base, Since},
    effect::Reading,
    reading::{Waiter, Wish},
    ruling::Ruling,
    settled::{body_of, parent_of},
    starting::is_delete,
};
use crate::{plan::Operation, report::ErrorType};
use connexa_types::{Call, Kind, Mono, Now};

impl Run {
    /// Whether an operation takes something back.
    pub(in crate::run) fn is_back(&self, operation: usize) -> bool {
        self.tasks[operation].undoes.is_some()
    }

    /// From when on what an operation rests on must have been read, and what this run did by then is no excuse for
    /// differences; `None` for those of the plan.
    pub(in crate::run) fn since(&self, operation: usize) -> Option<Since> {
        self.tasks[operation].undoes?;
        let (scope, _) = self.undo.at_work.get(&self.undone_by(operation))?;
        let scope = &self.undo.scopes[*scope];
        let again = self.undo.lagging.get(&operation).copied().unwrap_or(Mono::ZERO);
        Some(Since { read: scope.began.max(again), touches: scope.touches })
    }

    /// The operation that takes something back, of which another one may have grown.
    fn undone_by(&self, operation: usize) -> usize {
        self.tasks[operation].from.map_or(operation, |from| self.undone_by(from))
    }

    /// Whether an operation that takes something back may be sent; else it has ended, or waits.
    pub(in crate::run) fn left_is_same(
        &mut self,
        operation: usize,
        subject: &Operation,
        now: Now,
        out: &mut Outs,
    ) -> bool {
        let Some(call) = self.tasks[operation].call.clone() else { return true };
        let Some(since) = self.since(operation) else { return true };
        let just_read = std::mem::take(&mut self.tasks[operation].just_read);
        let made = Reading::list(subject.kind).filter(|_| call.endpoint.creates());
        if let Some(what) = made.filter(|what| !just_read && !self.fresh.is_read_since(*what, since)) {
            self.tasks[operation].reads_open = 1;
            self.look_up(what, Waiter { operation, why: Wish::Base }, now);
            return false;
        }
        if let Some(id) = made.and_then(|_| self.is_made_by_others(subject, &call)) {
            let why = format!("another object with its key is there by now (id {id})");
            self.end_all(operation, &Ruling::failed(ErrorType::Conflict, why), now);
            return false;
        }
        let (window, plan) = (self.window(), std::sync::Arc::clone(&self.plan));
        match self.fresh.look(&plan, subject, window, just_read, Some(since), now.mono) {
            Base::Same => return true,
            Base::Stale(readings) => {
                self.tasks[operation].reads_open = readings.len();
                for what in readings {
                    self.look_up(what, Waiter { operation, why: Wish::Base }, now);
                }
            }
            // The list may not show yet what we did last.
            Base::Gone | Base::Drifted(_) if self.may_lag(operation, now, out) => {}
            Base::Gone if is_delete(subject) => {
                self.end_all(operation, &Ruling::succeeded(None).noted("already gone"), now);
            }
            Base::Gone => {
                let why = "the object is gone";
                self.end_all(operation, &Ruling::failed(ErrorType::NotFound, why), now);
            }
            Base::Drifted(what) => {
                let why = format!("{what} since the run left it");
                self.end_all(operation, &Ruling::failed(ErrorType::Drifted, why), now);
            }
        }
        false
    }

    /// Whether a list may still lag behind what an operation did that is taken back. If so, it is read again once it cannot
    /// any more.
    fn may_lag(&mut self, operation: usize, now: Now, out: &mut Outs) -> bool {
        let touched = self.tasks[operation].undoes.and_then(|undoes| self.tasks[undoes].touched);
        let shows = touched.map_or(Mono::ZERO, |at| at + self.options.settle);
        // What was read since then shows it.
        if self.undo.lagging.contains_key(&operation) || shows <= now.mono {
            return false;
        }
        self.undo.lagging.insert(operation, shows);
        self.back_off(Job::Operation(operation), shows, out);
        true
    }

    /// The id of an object with the key of one that is to be made again, made by somebody else.
    fn is_made_by_others(&mut self, subject: &Operation, call: &Call) -> Option<String> {
        // Names of other children may be there more than once.
        if subject.kind.parent().is_some() && subject.kind != Kind::NetworkRoute {
            return None;
        }
        self.know_what_was();
        let found = self.strangers(subject.kind, parent_of(subject.kind, call), body_of(call));
        found.first().map(|live| live.id.to_string())
    }
}
