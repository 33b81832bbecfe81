//! Where a leg of a run ends: what it left open, and what the next one opens again.

use super::Replay;
use crate::{
    plan::Operation,
    report::Verdict,
    run::{
        Goal,
        effect::{self, LostAnswer},
        ruling,
    },
};
use connexa_types::{Class, Mono};

impl Replay {
    /// The leg has come to its end, or broken off: what was on its way is lost, what has no verdict is unproven.
    pub(super) fn break_off(&mut self) {
        let mut on_their_way: Vec<_> = self.attempts.drain().collect();
        on_their_way.sort_unstable_by_key(|(attempt, _)| *attempt);
        for (_, (class, operation)) in on_their_way {
            let Some(operation) = operation.filter(|_| class == Class::Update) else { continue };
            let task = &mut self.run.tasks[operation];
            task.touched = Some(Mono::ZERO);
            task.losses += 1;
            task.lost = Some(ruling::lost("the run broke off before the answer came"));
        }
        // What grew from an operation that has not ended grows again, if it is still needed: nothing of it was sent, or
        // the list that shows what to do shows that too.
        let mut young: Vec<usize> = self.young.drain().flat_map(|(_, grown)| grown).collect();
        young.sort_unstable();
        for index in young {
            let task = &mut self.run.tasks[index];
            task.ended = true;
            if let Some(from) = task.from {
                self.run.tasks[from].grown -= 1;
            }
            self.run.tasks_open -= 1;
            self.dropped.insert(index);
        }
        for index in 0..self.run.tasks.len() {
            let task = &mut self.run.tasks[index];
            if task.ended {
                continue;
            }
            task.unproven = task.lost.is_none();
            if task.undoes.is_some() {
                continue;
            }
            // The last of its records may be missing.
            let subject = self.run.subject(index);
            let at_stake = self.partial.get(&index);
            for change in subject.carries.iter().map(|carried| carried.change) {
                if at_stake.is_none_or(|some| some.contains(&change)) {
                    self.run.ledger.retract(change);
                }
            }
        }
    }

    /// Opens again what the next leg is to try again.
    pub(super) fn reopen(&mut self, goal: Goal) {
        let wanted = |verdict: Verdict| match verdict {
            Verdict::Unknown => goal != Goal::Abandon,
            Verdict::Unprocessed => matches!(goal, Goal::Forward | Goal::Retry),
            Verdict::Failed => goal == Goal::Retry,
            // As what they need is.
            Verdict::Skipped | Verdict::Succeeded | Verdict::Undone => false,
        };
        let held = self.held_units(goal);
        if goal == Goal::Retry {
            self.reopen_undone();
        }
        // Grown ones first: what they grew from is open as long as they are.
        for index in self.run.plan.operations.len()..self.run.tasks.len() {
            if self.run.tasks[index].ended
                && self.run.tasks[index].undoes.is_none()
                && !self.dropped.contains(&index)
                && !self.is_held(&held, index)
            {
                self.reopen_if(index, &wanted);
            }
        }
        let plan = std::sync::Arc::clone(&self.run.plan);
        for (index, operation) in plan.operations.iter().enumerate() {
            let task = &self.run.tasks[index];
            if !task.ended || self.is_held(&held, index) {
                continue;
            }
            if task.verdict == Some(Verdict::Skipped) {
                let tries = matches!(goal, Goal::Forward | Goal::Retry);
                if tries && operation.needs.iter().all(|needed| self.may_succeed(*needed)) {
                    self.open(index, operation);
                }
            } else {
                self.reopen_if(index, &wanted);
            }
        }
    }

    /// Whether an operation has succeeded, or is open.
    fn may_succeed(&self, operation: usize) -> bool {
        let task = &self.run.tasks[operation];
        !task.ended || task.grown > 0 || task.verdict == Some(Verdict::Succeeded)
    }

    fn reopen_if(&mut self, index: usize, wanted: &impl Fn(Verdict) -> bool) {
        let subject = self.run.subject(index);
        let Some(principal) = subject.carries.first().map(|carried| carried.change) else { return };
        let handed = self.handed.get(&index);
        let is_own = |change: usize| handed.is_none_or(|handed| !handed.contains(&change));
        let verdict_by = |change| self.run.ledger.verdict_by(change, index);
        let Some(verdict) = verdict_by(principal).filter(|_| is_own(principal)) else { return };
        // An undo that did not succeed is gone on with as such.
        let is_stuck = verdict == Verdict::Unknown && self.run.undo.has_left(index);
        if !is_stuck && wanted(verdict) {
            // What must never be sent twice, and nothing shows, stays as it is.
            let hopeless = verdict == Verdict::Unknown && effect::row(&subject) == LostAnswer::Never;
            if !hopeless {
                self.open(index, &subject);
            }
        }
    }

    /// Opens an operation again, for all that it has ruled on itself.
    pub(super) fn open(&mut self, index: usize, subject: &Operation) {
        let principal = subject.carries.first().map(|carried| carried.change);
        let verdict = principal.and_then(|change| self.run.ledger.verdict_by(change, index));
        let error = principal.and_then(|change| self.run.fold.error_of(change));
        let lost = (verdict == Some(Verdict::Unknown)).then(|| {
            let words = self.lost.get(&index).cloned().or(error);
            words.unwrap_or_else(|| ruling::lost("nobody can tell"))
        });
        self.unsettle(index);
        let task = &mut self.run.tasks[index];
        task.ended = false;
        task.verdict = None;
        task.refusal = None;
        task.earlier = task.sent.attempts;
        task.unproven = lost.is_none();
        if lost.is_none() {
            task.losses = 0;
            // It is filled again: what it needs may have another id now.
            task.call = None;
        }
        task.lost = lost;
        let sent = task.sent;
        self.run.undo.forget(index);
        self.run.tasks_open += 1;
        let handed = self.handed.get(&index);
        for change in subject.carries.iter().map(|carried| carried.change) {
            if handed.is_none_or(|handed| !handed.contains(&change)) {
                self.run.ledger.reopen(change, index, sent);
            }
        }
    }

    /// What an operation grew from waits for it again.
    fn unsettle(&mut self, index: usize) {
        let task = &self.run.tasks[index];
        let was_over = task.ended && task.grown == 0;
        if let Some(from) = task.from.filter(|_| was_over) {
            self.unsettle(from);
            self.run.tasks[from].grown += 1;
        }
    }
}
