//! The start of a leg that goes on where the records of its run end.

use super::Resumed;
use crate::{
    plan::Stage,
    record::{Growth, Record},
    run::{
        Goal, Halt, Outs, Partial, Run, applied, joint,
        ledger::Sent,
        refusal,
        ruling::{self, Ruling},
        starting::gives_out,
    },
};
use connexa_types::{Answer, Call, Now, Outcome, Rejection};
use std::{collections::BTreeSet, time::Duration};

impl Run {
    /// Goes on where the records of the run end.
    pub(in crate::run) fn go_on(&mut self, resumed: Resumed, now: Now, out: &mut Outs) {
        let Resumed { clean, waves_anew, answered, again } = resumed;
        let options = Box::new(self.options.clone());
        self.record(Record::RunContinued { goal: self.goal, options, at: now.wall });
        // However new its base may look by a clock that may have been set since: all that it rests on is read again.
        self.fresh.begin(None, now.mono);
        self.presets(now);
        if waves_anew && self.waves.len() > 1 {
            self.wave_started(now);
        }
        self.set_deadline(now, out);
        for (operation, changes) in again {
            self.send_part_again(operation, &changes, now);
        }
        let mut longest = Duration::ZERO;
        for index in 0..self.tasks.len() {
            let task = &mut self.tasks[index];
            if task.ended {
                self.graph.retire(index);
            } else {
                // What a process left on its way may be applied yet, and a journal may have lost its end. After a clean end
                // only lost attempts are in doubt.
                let is_sure = clean && task.lost.is_none();
                let wait = if is_sure { Duration::ZERO } else { self.options.settle };
                task.settled_at = (!wait.is_zero()).then(|| now.mono + wait);
                longest = longest.max(wait);
            }
        }
        self.stopwatch.continued(now.mono, longest);
        self.last.taken_up(now.mono + if clean { Duration::ZERO } else { self.options.settle });
        self.go_on_taking_back(now);
        for index in 0..self.plan.operations.len() {
            if self.tasks[index].ended && self.tasks[index].grown == 0 {
                self.over(index, now);
            }
        }
        for (operation, answer) in answered {
            self.judge_again(operation, answer, now);
        }
        if self.goal == Goal::Abandon {
            self.abandon(now, out);
        }
    }

    /// Decides what a recorded answer means for its operation, where it is not recorded what it came to. What needs a list
    /// besides is left to the list that settles what has no verdict.
    fn judge_again(&mut self, operation: usize, outcome: Outcome, now: Now) {
        let Some(call) = self.tasks[operation].call.clone().filter(|_| !self.tasks[operation].ended) else {
            return;
        };
        match outcome {
            Outcome::Applied(_) if self.subject(operation).stage == Some(Stage::Fetch) => {
                // It is asked for again.
                self.tasks[operation].lost = Some(ruling::lost("what it gave out may not have been kept"));
            }
            Outcome::Applied(_) if gives_out(call.endpoint) => {
                let error = "it was applied, but whether what it gave out was kept is not recorded";
                self.end_all(operation, &Ruling::unknown(error), now);
            }
            Outcome::Applied(answer) => self.applied_before(operation, &call, &answer, now),
            Outcome::Rejected(rejection) => self.rejected_before(operation, &call, rejection, now),
            Outcome::Throttled(_)
            | Outcome::NotSent(_)
            | Outcome::Indeterminate(_)
            | Outcome::Unauthorized => {}
        }
    }

    fn applied_before(&mut self, operation: usize, call: &Call, answer: &Answer, now: Now) {
        let subject = self.subject(operation);
        let (mut rulings, mut missing) = (Vec::new(), Vec::new());
        for shown in applied::look(&self.plan, &subject, call, answer).changes {
            match shown.ruling {
                Some(ruling) => rulings.push((shown.change, ruling)),
                None => missing.push(shown.change),
            }
        }
        match answer.json().and_then(|object| object.get("id")?.as_str()) {
            Some(parent) if !missing.is_empty() => {
                // Children may have been made since by operations whose records are lost: they are looked for once that
                // cannot be so any more.
                self.keep(&rulings);
                let parent = parent.to_owned();
                self.tasks[operation].partial = Some(Box::new(Partial { parent, rulings, missing }));
            }
            _ => {
                self.graph.retire(operation);
                self.applied(operation, call, answer, None, now);
            }
        }
    }

    fn rejected_before(&mut self, operation: usize, call: &Call, rejection: Rejection, now: Now) {
        let with_passengers = call.endpoint.creates() && self.subject(operation).carries.len() > 1;
        let task = &mut self.tasks[operation];
        if task.losses == 0 && !with_passengers {
            self.graph.retire(operation);
            return self.rejected(operation, call, rejection, now);
        }
        let summary = refusal::summary(&rejection);
        task.lost = Some(match task.lost.take() {
            Some(lost) => format!("{lost}; then {summary}"),
            None => format!("{summary}; whether it was applied in part is not known"),
        });
        task.refusal = Some(Box::new(rejection));
    }

    /// Sends that part of a call again of which these changes are.
    fn send_part_again(&mut self, operation: usize, changes: &BTreeSet<usize>, now: Now) {
        let subject = self.subject(operation);
        let Some(call) = self.tasks[operation].call.clone() else { return };
        let others = subject.carries.iter().map(|carried| carried.change);
        let others = others.filter(|change| !changes.contains(change)).collect();
        let part = joint::without(&subject, &call, &others, self.grown_id(&subject.id));
        for change in changes {
            self.ledger.reopen(*change, &[operation], Sent::default());
        }
        self.grow(part, operation, Growth::Instead, now);
    }

    /// Gives the run up: what is not known stays so, and nothing is sent any more.
    fn abandon(&mut self, now: Now, out: &mut Outs) {
        self.halt(Halt::Abandoned, now, out);
        for operation in 0..self.tasks.len() {
            let task = &self.tasks[operation];
            if let Some(lost) = task.lost.clone().filter(|_| !task.ended) {
                let error = format!("{lost}; given up: the run was abandoned");
                self.end_all(operation, &Ruling::unknown(error), now);
            }
        }
    }
}
