//! The end: of operations, of all that hangs on them, and of the run.

use super::{
    Goal, Halt, Job, Outs, Phase, Run,
    effect::{self, LostAnswer, Reading},
    graph::Starts,
    options::OnFailure,
    reading::{Waiter, Wish},
    ruling::{self, Ruling},
};
use crate::{
    machine::{AttemptId, Output},
    plan::Stage,
    record::{OpenRuling, Record, UndoScope},
    report::{RunOutcome, Verdict},
};
use connexa_types::Now;
use std::{collections::HashSet, sync::Arc};

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
        if task.undoes.is_some() && task.from.is_none() {
            return self.taken_back(operation, now);
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
        let goes_on = match verdict {
            Verdict::Succeeded => true,
            Verdict::Unknown => self.subject(operation).stage == Some(Stage::Begin),
            Verdict::Failed | Verdict::Skipped | Verdict::Unprocessed | Verdict::Undone => false,
        };
        self.graph.end(operation, goes_on, |next| lost.push(next));
        self.member_over(operation, now);
        // Under a halt the rest is unprocessed, not skipped: it hangs on nothing but the halt.
        while !halted && let Some(next) = lost.pop() {
            if self.tasks[next].ended {
                continue;
            }
            let skipped = Ruling::skipped(&plan.changes[root], verdict);
            self.close(next, ruling::for_all(&plan.operations[next], &skipped), &[], now);
            self.graph.end(next, false, |after| lost.push(after));
            self.member_over(next, now);
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
        let rulings = match task.partial.take() {
            Some(partial) => {
                let missing = rulings.into_iter().filter(|(change, _)| partial.missing.contains(change));
                partial.rulings.into_iter().chain(missing).collect()
            }
            None => rulings,
        };
        self.tasks_open -= 1;
        for change in handed {
            self.ledger.hand_over(*change, sent);
        }
        let principal = subject.carries.first().map(|carried| carried.change);
        let is_back = self.is_back(operation);
        let mut failed = None;
        let (mut open, mut all) = (Vec::new(), Vec::new());
        for (change, ruling) in rulings {
            let ruling = match &lost {
                // An attempt that may have been applied stays so, whatever became of later ones.
                Some(lost)
                    if matches!(
                        ruling.verdict,
                        Verdict::Failed | Verdict::Unprocessed | Verdict::Skipped
                    ) =>
                {
                    let later = ruling.error.unwrap_or_default();
                    Ruling::unknown(format!("{lost}; then: {later}"))
                }
                _ => ruling,
            };
            let did_fail = match ruling.verdict {
                Verdict::Failed | Verdict::Unknown => Some(true),
                // Neither failed nor to be had: a unit, and a run that is to succeed as a whole, does not.
                Verdict::Skipped => Some(false),
                Verdict::Unprocessed => self.halt.is_none().then_some(false),
                Verdict::Succeeded | Verdict::Undone => None,
            };
            if let Some(did_fail) = did_fail {
                let (_, before) = failed.unwrap_or((change, false));
                failed = Some((failed.map_or(change, |(first, _)| first), before || did_fail));
            }
            if principal == Some(change) {
                self.tasks[operation].verdict = Some(ruling.verdict);
            }
            all.push(OpenRuling { change, ruling: ruling.clone() });
            if is_back {
                continue;
            }
            if self.ledger.is_shared(change) {
                open.push(OpenRuling { change, ruling: ruling.clone() });
            }
            if let Some((verdict, report)) = self.ledger.rule(&plan, change, operation, ruling, sent) {
                self.stages.over(change);
                self.record(Record::ChangeEnded { change, verdict, report, at: now.wall });
            }
        }
        let verdict = self.tasks[operation].verdict.unwrap_or(Verdict::Succeeded);
        if is_back {
            // The verdicts of its changes are those of all that takes something of them back.
            open.clone_from(&all);
            for change in subject.carries.iter().map(|carried| carried.change) {
                self.ledger.hand_over(change, sent);
            }
        }
        let may_be_told = matches!(effect::row(&subject), LostAnswer::Settle | LostAnswer::Read(_));
        let is_unknown = all.iter().any(|ruled| ruled.ruling.verdict == Verdict::Unknown);
        let unsettled = lost.is_some()
            && is_unknown
            && may_be_told
            && !self.tasks[operation].looked_for
            && self.goal != Goal::Abandon;
        let id = subject.id.clone();
        self.record(Record::OperationEnded { operation: id, verdict, open, unsettled, at: now.wall });
        if is_back {
            self.undo.ruled(operation, all);
            return;
        }
        self.undo.remember(operation, &subject, self.tasks[operation].touched.is_some(), &all);
        self.no_way_back(operation);
        if let Some((change, did_fail)) = failed {
            self.member_failed(operation, change);
            self.failed(u64::from(did_fail), Some(change));
        }
        let refused = refusal.filter(|_| self.tasks[operation].verdict == Some(Verdict::Failed));
        if sent.attempts > 0 && self.brake.ended(&subject, refused.as_deref()) {
            self.stopping.push(subject.kind);
        }
    }

    /// Counts failures, and stops the run if they are to.
    pub(super) fn failed(&mut self, more: u64, cause: Option<usize>) {
        if let (OnFailure::Undo, Some(cause), None, false) =
            (self.options.on_failure, cause, &self.halt, self.undo.no_return)
        {
            let name = ruling::name(&self.plan.changes[cause]);
            self.undo.cause.get_or_insert(cause);
            self.halting.get_or_insert(Halt::Undo(format!("`{name}` did not succeed")));
        }
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

    /// Whether calls go out that take something back.
    pub(super) fn takes_back(&self) -> bool {
        self.halt.as_ref().is_none_or(Halt::takes_back)
    }

    /// What may be started.
    pub(super) fn starts(&self) -> Starts {
        match &self.halt {
            None => Starts::All,
            // What is unproven is looked for, the rest ends without having been started.
            Some(Halt::Undo(_)) if self.undo_is_wanted() => Starts::All,
            Some(halt) if halt.takes_back() => Starts::Back,
            Some(_) => Starts::Nothing,
        }
    }

    /// Whether something is there to be started.
    pub(super) fn may_start(&self) -> bool {
        match self.starts() {
            Starts::Nothing => false,
            Starts::Back => self.graph.is_ready_back(),
            Starts::All => {
                let is_later = self.goal != Goal::Settle && self.graph.is_ready_later();
                self.graph.is_ready_back() || self.graph.is_ready() || is_later
            }
        }
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
        match (&self.halt, &halt) {
            (None, Halt::Undo(reason)) => self.record_undo(UndoScope::Run, reason.clone(), now),
            (None | Some(Halt::Undo(_)), _) => {
                self.record(Record::StopRequested { reason: halt.reason(), at: now.wall });
            }
            (Some(_), _) => {}
        }
        // The first reason is told; a later one that forbids more takes its place.
        if self.halt.as_ref().is_none_or(|known| halt.is_stronger_than(known)) {
            if matches!(halt, Halt::Undo(_)) {
                // Waves do not count any more.
                self.graph.raise(usize::MAX);
            }
            self.halt = Some(halt);
        }
        self.asking = false;
        // What takes something back goes on, unless that is not wanted either.
        let mut goes_on: HashSet<usize> =
            if self.takes_back() { self.undo.at_work().collect() } else { HashSet::new() };
        // So does what has been begun with an object.
        goes_on.extend(self.gone_through_with());
        let is_held = |job: &Job| matches!(job, Job::Operation(operation) if !goes_on.contains(operation));
        self.backing_off.retain(|_, job| !is_held(job));
        self.give_up(now, out, is_held);
        let is_forgotten =
            |waiter: &Waiter| matches!(waiter.why, Wish::Base) && !goes_on.contains(&waiter.operation);
        self.forget(|_, waiter| is_forgotten(waiter), now, out);
        if self.halt.as_ref().is_some_and(Halt::cuts_settling) {
            self.cut_settling(now, out);
            self.cut_waiting(now);
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
            || self.stages.are_open()
            || self.settling.held().any(|target| self.busy.get(target).is_some_and(|line| !line.is_empty()))
    }

    /// Whether nothing is left to start or to wait for.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Working && !self.at_work() && !self.may_start()
    }

    /// Says the last word, if nothing is left to wait for.
    pub(super) fn finish(&mut self, now: Now) {
        if !self.is_over() {
            return;
        }
        self.close_the_rest(now);
        self.leave_undo(now);
        let count = |verdict| self.ledger.count(verdict);
        let outcome = if count(Verdict::Unknown) > 0 {
            RunOutcome::Stuck
        } else if self.undo.interrupted {
            RunOutcome::Stopped
        } else if self.undo.is_run_undone() {
            RunOutcome::Undone
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
