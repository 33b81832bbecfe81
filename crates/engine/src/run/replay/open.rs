//! Where a leg of a run ends: what it left open, and what the next one opens again.

use super::Replay;
use crate::{
    plan::Operation,
    report::Verdict,
    run::{
        Goal, Partial, Subject,
        effect::{self, LostAnswer},
        ruling,
    },
};
use connexa_types::{Class, Mono, Outcome, Reason, Why};
use std::{collections::BTreeSet, sync::Arc};

/// What a leg makes of a verdict of the one before.
fn is_open_again(goal: Goal, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Unknown => goal != Goal::Abandon,
        Verdict::Unprocessed => matches!(goal, Goal::Forward | Goal::Retry),
        Verdict::Failed => goal == Goal::Retry,
        // As what they need is.
        Verdict::Skipped | Verdict::Succeeded | Verdict::Undone => false,
    }
}

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
            let subject = self.run.subject(operation);
            let nothing_came = Outcome::Indeterminate(Why::new(Reason::Cancelled, ""));
            self.run.note_create(operation, &subject, &nothing_came, Mono::ZERO);
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
            task.unproven = true;
            task.earlier = task.sent.attempts;
            // A crash says nothing against the service: each leg may try as often as the first.
            task.losses = task.losses.min(1);
            if task.undoes.is_some() {
                continue;
            }
            // Of an operation that ended the last record may be missing.
            let at_stake = task.partial.as_ref().map(|partial| partial.missing.clone());
            for carried in &self.run.subject(index).carries {
                if at_stake.as_ref().is_none_or(|some| some.contains(&carried.change)) {
                    self.run.ledger.retract(carried.change);
                }
            }
        }
        self.said.clear();
        let ledger = &self.run.ledger;
        self.told.retain(|(change, _, _)| ledger.has_verdict(*change));
        self.believe();
    }

    /// Opens again what the next leg is to try again.
    pub(super) fn reopen(&mut self, goal: Goal) {
        self.again.clear();
        let held = self.held_units(goal);
        if goal == Goal::Retry {
            self.reopen_undone();
        }
        // Grown ones first: what they grew from is open as long as they are.
        for index in self.run.plan.operations.len()..self.run.tasks.len() {
            if self.dropped.contains(&index) || self.is_held(&held, index) {
                continue;
            }
            match self.run.tasks[index].from {
                // Made in place of the whole, and failed: the whole is tried again.
                Some(from) if goal == Goal::Retry && self.has_failed_instead(index) => {
                    self.handed.remove(&from);
                    self.reopen_whole(from, Some(index));
                }
                _ => self.reopen_one(index, goal),
            }
        }
        let plan = Arc::clone(&self.run.plan);
        let tries = matches!(goal, Goal::Forward | Goal::Retry);
        for (index, operation) in plan.operations.iter().enumerate() {
            if self.is_held(&held, index) {
                continue;
            }
            if self.run.tasks[index].verdict == Some(Verdict::Skipped) && self.run.tasks[index].ended {
                // The plan has those that it needs before it.
                if tries && operation.needs.iter().all(|needed| self.may_succeed(*needed)) {
                    self.reopen_whole(index, None);
                }
            } else {
                self.reopen_one(index, goal);
            }
        }
    }

    /// Whether an operation has succeeded, or is open.
    fn may_succeed(&self, operation: usize) -> bool {
        let task = &self.run.tasks[operation];
        !task.ended || task.grown > 0 || task.verdict == Some(Verdict::Succeeded)
    }

    fn has_failed_instead(&self, index: usize) -> bool {
        let task = &self.run.tasks[index];
        task.ended && task.instead && task.verdict == Some(Verdict::Failed) && {
            // Of what may be done twice the rest is sent alone.
            effect::row(&self.run.subject(index)) != LostAnswer::Resend
        }
    }

    /// The changes that an operation has ruled on itself and that are open again.
    fn open_again(&self, index: usize, subject: &Operation, goal: Goal) -> BTreeSet<usize> {
        let handed = self.handed.get(&index);
        let carried = subject.carries.iter().map(|carried| carried.change);
        carried
            .filter(|change| handed.is_none_or(|handed| !handed.contains(change)))
            .filter(|change| {
                let verdict = self.run.ledger.verdict_by(*change, index);
                verdict.is_some_and(|verdict| is_open_again(goal, verdict))
            })
            .collect()
    }

    fn reopen_one(&mut self, index: usize, goal: Goal) {
        let task = &self.run.tasks[index];
        if !task.ended || task.undoes.is_some() {
            return;
        }
        let subject = self.run.subject(index);
        let open = self.open_again(index, &subject, goal);
        let Some(principal) = subject.carries.first().map(|carried| carried.change) else { return };
        let row = effect::row(&subject);
        if open.is_empty() {
            return;
        }
        if open.contains(&principal) && row != LostAnswer::Resend {
            let unknown = self.run.ledger.verdict_by(principal, index) == Some(Verdict::Unknown);
            // What is never sent twice, and nothing shows, stays as it is; an undo that did not succeed is gone on with as
            // such.
            if !(unknown && (row == LostAnswer::Never || self.run.undo.has_left(index))) {
                self.reopen_whole(index, None);
            }
        } else if row == LostAnswer::Resend {
            let all = subject.carries.len() == open.len();
            if all {
                self.reopen_whole(index, None);
            } else {
                self.again.push((index, open));
            }
        } else if subject.call.endpoint.creates() {
            self.reopen_children(index, principal, open);
        }
    }

    /// Opens an operation again that made its own object, for children that it did not: only they are looked for.
    fn reopen_children(&mut self, index: usize, principal: usize, missing: BTreeSet<usize>) {
        let Some(parent) = self.run.fold.id_of(principal) else { return };
        self.unsettle(index);
        let task = &mut self.run.tasks[index];
        task.ended = false;
        task.unproven = true;
        task.lost = None;
        task.refusal = None;
        task.losses = task.losses.min(1);
        let sent = task.sent;
        for change in &missing {
            self.run.ledger.reopen(*change, &[index], sent);
        }
        let missing = missing.into_iter().collect();
        self.run.tasks[index].partial = Some(Box::new(Partial { parent, rulings: Vec::new(), missing }));
        self.run.tasks_open += 1;
    }

    /// Opens an operation again, for all that it ruled on itself; `instead`: and what was made in its place.
    pub(super) fn reopen_whole(&mut self, index: usize, instead: Option<usize>) {
        let subject: Subject = self.run.subject(index);
        let principal = subject.carries.first().map(|carried| carried.change);
        let by = instead.unwrap_or(index);
        let verdict = principal.and_then(|change| self.run.ledger.verdict_by(change, by));
        let lost = (verdict == Some(Verdict::Unknown)).then(|| {
            let error = principal.and_then(|change| self.run.fold.error_of(change));
            let words = self.lost.get(&index).cloned().or(error);
            words.unwrap_or_else(|| ruling::lost("nobody can tell"))
        });
        self.unsettle(index);
        let task = &mut self.run.tasks[index];
        task.ended = false;
        task.verdict = None;
        task.refusal = None;
        task.earlier = task.sent.attempts;
        task.unproven = true;
        task.losses = u32::from(lost.is_some());
        if lost.is_none() {
            // It is filled again: what it needs may have another id now.
            task.call = None;
        }
        task.lost = lost;
        let sent = task.sent;
        self.run.undo.forget(index);
        self.run.tasks_open += 1;
        let handed = self.handed.get(&index);
        for carried in &subject.carries {
            if handed.is_none_or(|handed| !handed.contains(&carried.change)) {
                self.run.ledger.reopen(carried.change, &[index, by], sent);
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
