//! The end: of operations, of all that hangs on them, and of the run.

use super::{
    Goal, Halt, Job, Outs, Phase, Run,
    effect::Reading,
    options::OnFailure,
    reading::Wish,
    ruling::{self, Ruling},
};
use crate::{
    machine::{AttemptId, Output},
    record::{OpenRuling, Record},
    report::{ErrorType, RunOutcome, Verdict},
};
use connexa_types::Now;
use std::sync::Arc;

impl Run {
    /// Ends an operation alike for all that it carries; what needs it is skipped, if it did not succeed.
    pub(super) fn end_all(&mut self, operation: usize, ruling: &Ruling, now: Now) {
        let rulings = ruling::for_all(&self.subject(operation), ruling);
        self.end(operation, rulings, now);
    }

    /// Ends an operation.
    pub(super) fn end(&mut self, operation: usize, rulings: Vec<(usize, Ruling)>, now: Now) {
        self.close(operation, rulings, &[], now);
        self.settled(operation, now);
    }

    /// An operation has ended; so has what it grew from, if it was the last that did.
    pub(super) fn settled(&mut self, operation: usize, now: Now) {
        let task = &self.tasks[operation];
        if !task.ended || task.grown > 0 {
            return;
        }
        let (verdict, instead) = (task.verdict, task.instead);
        let Some(from) = task.from else { return self.over(operation, now) };
        self.tasks[from].grown -= 1;
        if instead {
            self.tasks[from].verdict = verdict;
        }
        self.settled(from, now);
    }

    /// An operation of the plan is over with all that grew from it: what needs it may start, or is skipped.
    pub(super) fn over(&mut self, operation: usize, now: Now) {
        let plan = Arc::clone(&self.plan);
        // An operation that carries nothing has nothing to fail.
        let verdict = self.tasks[operation].verdict.unwrap_or(Verdict::Succeeded);
        let root = self.subject(operation).carries.first().map_or(0, |carried| carried.change);
        let mut lost = Vec::new();
        let halted = self.starts_nothing() && verdict == Verdict::Unprocessed;
        self.graph.end(operation, verdict == Verdict::Succeeded, |next| lost.push(next));
        // Under a halt the rest is unprocessed, not skipped: it hangs on nothing but the halt.
        while !halted && let Some(next) = lost.pop() {
            if self.tasks[next].ended {
                continue;
            }
            let skipped = Ruling::skipped(&plan.changes[root], verdict);
            self.close(next, ruling::for_all(&plan.operations[next], &skipped), &[], now);
            self.graph.end(next, false, |after| lost.push(after));
        }
    }

    /// Records the verdicts of an operation; those of `handed` are for what has grown from it to find.
    pub(super) fn close(
        &mut self,
        operation: usize,
        rulings: Vec<(usize, Ruling)>,
        handed: &[usize],
        now: Now,
    ) {
        let plan = Arc::clone(&self.plan);
        let subject = self.subject(operation);
        self.vacate(operation, now);
        let task = &mut self.tasks[operation];
        debug_assert!(!task.ended, "an operation ends once");
        task.ended = true;
        let (sent, lost, refusal) = (task.sent, task.lost.take(), task.refusal.take());
        self.tasks_open -= 1;
        for change in handed {
            self.ledger.hand_over(*change, sent);
        }
        let principal = subject.carries.first().map(|carried| carried.change);
        let mut failed = false;
        let mut open = Vec::new();
        for (change, ruling) in rulings {
            let ruling = match &lost {
                // An attempt that may have been applied stays so, whatever became of later ones.
                Some(lost) if matches!(ruling.verdict, Verdict::Failed | Verdict::Unprocessed) => {
                    let later = ruling.error.unwrap_or_default();
                    Ruling::unknown(format!("{lost}; then: {later}"))
                }
                _ => ruling,
            };
            failed |= matches!(ruling.verdict, Verdict::Failed | Verdict::Unknown);
            if principal == Some(change) {
                self.tasks[operation].verdict = Some(ruling.verdict);
            }
            if self.ledger.is_shared(change) {
                open.push(OpenRuling { change, ruling: ruling.clone() });
            }
            if let Some((verdict, report)) = self.ledger.rule(&plan, change, operation, ruling, sent) {
                self.record(Record::ChangeEnded { change, verdict, report, at: now.wall });
            }
        }
        let verdict = self.tasks[operation].verdict.unwrap_or(Verdict::Succeeded);
        self.record(Record::OperationEnded { operation: subject.id.clone(), verdict, open, at: now.wall });
        self.failed(u64::from(failed));
        let refused = refusal.filter(|_| self.tasks[operation].verdict == Some(Verdict::Failed));
        if sent.attempts > 0 && self.brake.ended(&subject, refused.as_deref()) {
            self.stopping.push(subject.kind);
        }
    }

    /// Counts failures, and stops the run if they are to.
    pub(super) fn failed(&mut self, more: u64) {
        if more == 0 {
            return;
        }
        self.failures += more;
        if self.options.on_failure == OnFailure::Stop {
            self.halting.get_or_insert(Halt::Failure);
        } else if self.options.max_failures.is_some_and(|most| self.failures >= most) {
            self.halting.get_or_insert(Halt::Failures(self.failures));
        }
    }

    /// The ruling on what a halt keeps from being started.
    pub(super) fn unstarted(&mut self) -> Ruling {
        self.halted_work = true;
        let words = match &self.halt {
            Some(halt) => halt.words(),
            None => "not started: the run was only settled; `resume` carries it out".to_owned(),
        };
        Ruling::unprocessed(words, None)
    }

    /// Whether nothing that changes anything is sent any more.
    pub(super) fn starts_nothing(&self) -> bool {
        self.halt.is_some() || self.goal == Goal::Settle
    }

    /// Whether nothing at all is sent any more.
    pub(super) fn sends_nothing(&self) -> bool {
        self.halt.as_ref().is_some_and(Halt::is_final)
    }

    pub(super) fn halt_words(&self) -> String {
        self.halt.as_ref().map(Halt::words).unwrap_or_default()
    }

    /// Starts nothing new from now on.
    pub(super) fn halt(&mut self, halt: Halt, now: Now, out: &mut Outs) {
        if self.halt.is_none() {
            self.record(Record::StopRequested { reason: halt.reason(), at: now.wall });
        }
        // The first reason is told; a later one that forbids more takes its place.
        let stronger = match (&self.halt, &halt) {
            (None, _) | (_, Halt::Journal(_)) => true,
            (Some(known), halt) => !known.is_final() && halt.is_final(),
        };
        if stronger {
            self.halt = Some(halt);
        }
        self.asking = false;
        self.backing_off.retain(|_, job| matches!(job, Job::Page(_)));
        self.give_up(now, out, |job| matches!(job, Job::Operation(_)));
        self.forget(|_, waiter| matches!(waiter.why, Wish::Base), now, out);
        if self.halt.as_ref().is_some_and(Halt::cuts_settling) {
            self.cut_settling(now, out);
        }
        if self.sends_nothing() {
            let on_its_way = |run: &Self, what| {
                run.active.values().any(|active| {
                    active.granted.is_some() && matches!(&active.job, Job::Page(page) if page.what == what)
                })
            };
            let readings: Vec<Reading> =
                self.look_ups.keys().copied().filter(|what| !on_its_way(self, *what)).collect();
            for what in readings {
                let why = Ruling::unknown(self.halt_words());
                self.end_look_up(what, &why, now, out);
            }
        }
    }

    /// Stops waiting for permits.
    pub(super) fn give_up(&mut self, now: Now, out: &mut Outs, whose: impl Fn(&Job) -> bool) {
        let mut given_up: Vec<AttemptId> = self
            .active
            .iter()
            .filter(|(_, active)| active.granted.is_none() && whose(&active.job))
            .map(|(attempt, _)| *attempt)
            .collect();
        given_up.sort_unstable();
        for attempt in given_up {
            if let Some(active) = self.active.remove(&attempt) {
                self.stopwatch.waited(active.asked, now.mono);
                out.push(Output::Release(attempt));
            }
        }
    }

    /// Whether something is on its way, or somebody is being asked.
    pub(super) fn at_work(&self) -> bool {
        self.asking
            || !self.active.is_empty()
            || !self.delivering.is_empty()
            || !self.backing_off.is_empty()
            || !self.pages.is_empty()
            || !self.settling.is_idle()
            || self.settling.held().any(|target| self.busy.get(target).is_some_and(|line| !line.is_empty()))
    }

    /// Whether nothing is left to start or to wait for.
    pub(super) fn is_over(&self) -> bool {
        let may_start = match (&self.halt, self.goal) {
            (Some(_), _) => false,
            (None, Goal::Settle) => self.graph.is_ready(),
            (None, _) => self.graph.is_ready() || self.graph.is_ready_later(),
        };
        self.phase == Phase::Working && !self.at_work() && !may_start
    }

    /// Says the last word, if nothing is left to wait for.
    pub(super) fn finish(&mut self, now: Now) {
        if !self.is_over() {
            return;
        }
        let rest: Vec<usize> = (0..self.tasks.len()).filter(|task| !self.tasks[*task].ended).collect();
        for operation in rest {
            let ruling = match self.starts_nothing() {
                true => self.unstarted(),
                // Nothing is at work, yet something waits: its needs go round in a circle.
                false => Ruling::failed(
                    ErrorType::InternalError,
                    "the plan goes round in a circle, which is a bug",
                ),
            };
            self.close(operation, ruling::for_all(&self.subject(operation), &ruling), &[], now);
        }
        let count = |verdict| self.ledger.count(verdict);
        let outcome = if count(Verdict::Unknown) > 0 {
            RunOutcome::Stuck
        } else if self.halted_work && count(Verdict::Unprocessed) > 0 {
            RunOutcome::Stopped
        } else if count(Verdict::Succeeded) < self.plan.changes.len() as u64 {
            RunOutcome::Partial
        } else {
            RunOutcome::Complete
        };
        let last =
            self.record(Record::RunFinished { outcome, timings: self.stopwatch.timings(), at: now.wall });
        self.phase = Phase::Finishing(last);
    }

    pub(super) fn done(&mut self, out: &mut Outs) {
        self.phase = Phase::Ended;
        let mut report = std::mem::take(&mut self.fold).finish();
        report.calls.one_per_object = Some(self.plan.cost.one_per_object);
        out.push(Output::Done(Box::new(report)));
    }
}
