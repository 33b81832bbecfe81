//! Changes that go in stages: what has been begun with an object is gone through with, and waited for.
//!
//! Each stage is an operation of the plan ([`Stage`]). A second stage goes ahead of everything else, and is started even where
//! nothing new is; no more objects than there are workers are in the middle of their stages, those that are waited for
//! included. All that wait for what lists show are served by one reading at a time.

use super::{
    Goal, Halt, Job, Outs, Run,
    effect::Reading,
    graph::Starts,
    reading::{Waiter, Wish},
    ruling::Ruling,
};
use crate::{
    machine::{Output, TimerId},
    plan::{Action, Await, Operation, Plan, Stage},
    report::ErrorType,
};
use connexa_types::{Mono, Now};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// The longest time between two looks at a list, and the shortest.
const LOOKS: [Duration; 2] = [Duration::from_secs(10), Duration::from_millis(500)];
/// How many looks there are at least, time and quota permitting.
const LEAST_LOOKS: u32 = 30;

/// How far the changes in stages are.
#[derive(Debug, Default)]
pub(super) struct Stages {
    /// Whether the plan has any.
    any: bool,
    /// Changes whose first stage has been started and whose last one has not ended.
    begun: BTreeSet<usize>,
    /// Operations that wait for what a list shows.
    awaiting: BTreeMap<usize, Awaiting>,
    /// When the lists are looked at next.
    next_look: Option<TimerId>,
}

/// An operation that waits.
#[derive(Debug)]
struct Awaiting {
    until: Mono,
    /// Whether a reading for it is on its way.
    looking: bool,
    /// What a list has shown in place of what is waited for.
    otherwise: Option<String>,
}

impl Stages {
    pub(super) fn of(plan: &Plan) -> Self {
        Self { any: plan.operations.iter().any(|operation| operation.stage.is_some()), ..Self::default() }
    }

    /// Whether something is waited for.
    pub(super) fn are_open(&self) -> bool {
        !self.awaiting.is_empty()
    }

    /// A change has its verdict.
    pub(super) fn over(&mut self, change: usize) {
        self.begun.remove(&change);
    }
}

/// Whether an operation goes on with what an earlier one has begun.
pub(super) fn goes_on(operation: &Operation) -> bool {
    matches!(operation.stage, Some(Stage::Fetch | Stage::Await(_)))
}

/// The operations of a plan at which something begins: all but the later stages.
pub(super) fn beginnings(plan: &Plan) -> Vec<usize> {
    (0..plan.operations.len()).filter(|operation| !goes_on(&plan.operations[*operation])).collect()
}

/// The beginnings of what is open, wholly or in its later stages.
pub(super) fn open(plan: &Plan, is_open: impl Fn(usize) -> bool) -> Vec<usize> {
    let beginnings = beginnings(plan);
    let ends = beginnings.iter().skip(1).copied().chain([plan.operations.len()]);
    let spans = beginnings.iter().copied().zip(ends);
    spans.filter(|(from, to)| (*from..*to).any(&is_open)).map(|(from, _)| from).collect()
}

/// Whether a change goes in stages, so that what they come to is the sum of them and not the worst.
pub(super) fn is_staged(plan: &Plan, change: usize, carriers: u32) -> bool {
    carriers > 1 && plan.changes[change].action == Action::Do
}

impl Run {
    /// The next operation to start.
    pub(super) fn next_operation(&mut self) -> Option<usize> {
        if !self.stages.any {
            return self.graph.take(self.starts());
        }
        if self.starts() != Starts::Nothing
            && let Some(operation) = self.graph.take(Starts::Back)
        {
            return Some(operation);
        }
        let most = self.options.parallel.max(1);
        let (halt, begun, plan) = (&self.halt, &self.stages.begun, &self.plan);
        let may_start = |operation: usize| {
            let planned = plan.operations.get(operation);
            match planned.and_then(|operation| operation.stage.as_ref()) {
                None => halt.is_none(),
                Some(Stage::Begin) => {
                    let carried = planned.and_then(|operation| operation.carries.first());
                    let is_begun = carried.is_some_and(|carried| begun.contains(&carried.change));
                    halt.is_none() && (is_begun || begun.len() < most)
                }
                Some(Stage::Fetch) => !halt.as_ref().is_some_and(Halt::is_final),
                Some(Stage::Await(_)) => !halt.as_ref().is_some_and(Halt::cuts_settling),
            }
        };
        let operation = self.graph.take_where(may_start)?;
        let subject = self.subject(operation);
        if let (Some(_), Some(carried)) = (&subject.stage, subject.carries.first()) {
            self.stages.begun.insert(carried.change);
        }
        Some(operation)
    }

    /// Whether an operation is started, or tried again, although nothing new is.
    pub(super) fn is_gone_through_with(&self, operation: usize) -> bool {
        let is_wanted = matches!(self.goal, Goal::Forward | Goal::Retry) && !self.sends_nothing();
        self.stages.any && is_wanted && goes_on(&self.subject(operation))
    }

    /// Those of them that are waiting for something.
    pub(super) fn gone_through_with(&self) -> BTreeSet<usize> {
        let active = self.active.values().map(|active| &active.job);
        let operations = active.chain(self.backing_off.values()).filter_map(|job| match job {
            Job::Operation(operation) => Some(*operation),
            Job::Page(_) => None,
        });
        operations.filter(|operation| self.is_gone_through_with(*operation)).collect()
    }

    /// Begins to wait, if that is what the operation does.
    pub(super) fn waits(&mut self, operation: usize, now: Now) -> bool {
        let subject = self.subject(operation);
        let Some(Stage::Await(wish)) = &subject.stage else { return false };
        if !self.is_wanted(operation, &subject, now) {
            return true;
        }
        let until = now.mono + wish.within;
        self.stages.awaiting.insert(operation, Awaiting { until, looking: false, otherwise: None });
        true
    }

    /// Sees to it that lists are looked at as long as something is waited for.
    pub(super) fn plan_next_look(&mut self, now: Now, out: &mut Outs) {
        let stages = &self.stages;
        let idle = stages.next_look.is_none() && stages.awaiting.values().all(|waiting| !waiting.looking);
        let Some(soonest) = stages.awaiting.values().map(|waiting| waiting.until).min().filter(|_| idle)
        else {
            return;
        };
        let longest = stages.awaiting.keys().filter_map(|operation| Some(self.awaits(*operation)?.within));
        let [most, least] = LOOKS;
        let pause = (longest.max().unwrap_or_default() / LEAST_LOOKS).clamp(least, most);
        // Where calls are scarce they are for those that have not had their turn.
        let pause = pause.max(self.update_period.unwrap_or_default().saturating_mul(2));
        let timer = TimerId(self.number());
        self.stages.next_look = Some(timer);
        // The last look is at the end of the time, so that nothing is given up that has just come.
        let at = (now.mono + pause).min(soonest.max(now.mono));
        out.push(Output::Wake(timer, at));
    }

    fn awaits(&self, operation: usize) -> Option<Await> {
        match &self.subject(operation).stage {
            Some(Stage::Await(wish)) => Some(wish.clone()),
            Some(Stage::Begin | Stage::Fetch) | None => None,
        }
    }

    /// A timer went off; whether it was one of the stages.
    pub(super) fn stage_woke(&mut self, timer: TimerId, now: Now) -> bool {
        if self.stages.next_look != Some(timer) {
            return false;
        }
        self.stages.next_look = None;
        let waiting: Vec<usize> = self.stages.awaiting.keys().copied().collect();
        for operation in waiting {
            let Some(what) = Reading::of(&self.subject(operation)) else { continue };
            if let Some(waiting) = self.stages.awaiting.get_mut(&operation) {
                waiting.looking = true;
            }
            self.look_up(what, Waiter { operation, why: Wish::Shown }, now);
        }
        true
    }

    /// A list has been read: whether it shows what an operation waits for.
    pub(super) fn look_at(&mut self, operation: usize, now: Now) {
        let Some(wish) = self.awaits(operation) else { return };
        let subject = self.subject(operation);
        let id = subject.carries.first().and_then(|carried| self.plan.changes[carried.change].id.clone());
        let live = self
            .fresh
            .state()
            .kind(subject.kind)
            .and_then(|kind| kind.by_id(id.as_deref().unwrap_or_default()))
            .cloned();
        let Some(waiting) = self.stages.awaiting.get_mut(&operation) else { return };
        waiting.looking = false;
        let Some(live) = live else {
            let error = "the object is gone";
            return self.stop_waiting(operation, &Ruling::failed(ErrorType::NotFound, error), now);
        };
        let shown = wish.at.get(&live.object).and_then(Value::as_str).unwrap_or("nothing").to_owned();
        let is_there = wish.values.iter().any(|value| value.eq_ignore_ascii_case(&shown));
        if is_there {
            let note = match &waiting.otherwise {
                Some(otherwise) => format!("shown as `{shown}` again, after `{otherwise}`"),
                // It may never have noticed.
                None => format!("shown as `{shown}`, and never otherwise meanwhile"),
            };
            self.stop_waiting(operation, &Ruling::succeeded(Some(live.object)).noted(note), now);
        } else if now.mono < waiting.until {
            waiting.otherwise = Some(shown);
        } else {
            let error = format!(
                "not shown as `{}` within {:?}: the list shows `{shown}`",
                wish.values.first().map_or("", String::as_str),
                wish.within
            );
            self.stop_waiting(operation, &Ruling::failed(ErrorType::NetworkError, error), now);
        }
    }

    /// The list that was to show it cannot be read now.
    pub(super) fn not_seen(&mut self, operation: usize, why: &str, now: Now) {
        let Some(waiting) = self.stages.awaiting.get_mut(&operation) else { return };
        waiting.looking = false;
        if now.mono >= waiting.until || self.sends_nothing() {
            let error = format!("all else was done, but whether it worked could not be seen: {why}");
            self.stop_waiting(operation, &Ruling::unknown(error), now);
        }
    }

    fn stop_waiting(&mut self, operation: usize, ruling: &Ruling, now: Now) {
        self.stages.awaiting.remove(&operation);
        self.end_all(operation, ruling, now);
    }

    /// What only waits is not waited for any more.
    pub(super) fn cut_waiting(&mut self, now: Now) {
        let reason = self.halt.as_ref().map(Halt::reason).unwrap_or_default();
        let ruling = Ruling::unprocessed(format!("not waited for: {reason}"), None);
        for operation in std::mem::take(&mut self.stages.awaiting).into_keys() {
            self.halted_work = true;
            self.end_all(operation, &ruling, now);
        }
    }
}
