//! Units: members succeed or are taken back together, whatever the run does about other failures (design: undo).
//!
//! As soon as a member does not succeed, the others are not started, those that have been sent come to their end, and what
//! was carried out is taken back. Outsiders that need a member wait for the whole unit, and are skipped if it did not
//! succeed. Irreversible members come last; once one of them may have been applied, the unit only goes forward. A halt
//! leaves a unit as it is: it is gone on with when the run is.

use super::{Job, Outs, Run, ruling, ruling::Ruling};
use crate::{
    plan::Plan,
    record::{Record, UndoScope},
    report::{ErrorType, Verdict},
    undo,
};
use connexa_types::Now;
use std::{collections::HashMap, sync::Arc};

/// The units of a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Units {
    /// The unit of each operation of the plan.
    of: Vec<Option<usize>>,
    #[expect(clippy::struct_field_names, reason = "a unit is what the plan calls it")]
    units: Vec<Unit>,
    /// Units that have failed in this step.
    failing: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Unit {
    name: String,
    /// Its operations, by number.
    members: Vec<usize>,
    /// Those that are not over.
    open: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At work, or not begun.
    Whole,
    /// A member that no call takes back may have been applied: whatever fails now, the others are gone through with.
    Forward,
    /// This change did not succeed: the rest is not started.
    Failing(usize),
    /// It is being taken back.
    Undoing(usize),
    /// All is over.
    Over,
}

impl Units {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut units = Self::default();
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        for (index, operation) in plan.operations.iter().enumerate() {
            let unit = operation.unit.as_deref().map(|name| {
                *by_name.entry(name).or_insert_with(|| {
                    let name = name.to_owned();
                    units.units.push(Unit { name, members: Vec::new(), open: 0, state: State::Whole });
                    units.units.len() - 1
                })
            });
            if let Some(unit) = unit {
                units.units[unit].members.push(index);
                units.units[unit].open += 1;
            }
            units.of.push(unit);
        }
        units
    }

    /// The unit of an operation of the plan.
    pub(super) fn unit(&self, operation: usize) -> Option<usize> {
        self.of.get(operation).copied().flatten()
    }

    pub(super) fn count(&self) -> usize {
        self.units.len()
    }

    pub(super) fn members(&self, unit: usize) -> &[usize] {
        &self.units[unit].members
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.units.iter().position(|unit| unit.name == name)
    }

    /// Whether nothing of a unit is started any more.
    fn is_failing(&self, unit: usize) -> bool {
        matches!(self.units[unit].state, State::Failing(_) | State::Undoing(_))
    }
}

impl Run {
    /// Whether an operation that has not been applied is not to be sent (again): the run is halted, or its unit has failed.
    pub(super) fn is_held(&self, operation: usize) -> bool {
        if self.is_back(operation) {
            return !self.takes_back();
        }
        if self.is_gone_through_with(operation) {
            return false;
        }
        let unit = self.units.unit(self.root(operation));
        self.starts_nothing() || unit.is_some_and(|unit| self.units.is_failing(unit))
    }

    /// The ruling on an operation that is held.
    pub(super) fn held(&mut self, operation: usize) -> Ruling {
        match self.units.unit(self.root(operation)).map(|unit| self.units.units[unit].state) {
            Some(State::Failing(cause) | State::Undoing(cause)) => self.not_in_a_failed_unit(cause),
            Some(State::Whole | State::Forward | State::Over) | None => self.unstarted(),
        }
    }

    fn not_in_a_failed_unit(&self, cause: usize) -> Ruling {
        let name = ruling::name(&self.plan.changes[cause]);
        Ruling {
            error: Some(format!("not started: `{name}` of its unit did not succeed")),
            error_type: Some(ErrorType::DependencyFailed),
            cause: Some(name),
            ..Ruling::bare(Verdict::Skipped)
        }
    }

    /// A change of an operation has not succeeded: neither does its unit, nor the run if it is to succeed as a whole.
    pub(super) fn member_failed(&mut self, operation: usize, change: usize) {
        if let Some(unit) = self.units.unit(self.root(operation)) {
            self.unit_failed(unit, change);
        }
    }

    fn unit_failed(&mut self, unit: usize, change: usize) {
        let state = &mut self.units.units[unit].state;
        if *state == State::Whole {
            *state = State::Failing(change);
            self.units.failing.push(unit);
        }
    }

    /// Changes that the plan itself refuses belong to units, too.
    pub(super) fn refused_members(&mut self) {
        let plan = Arc::clone(&self.plan);
        for (index, change) in plan.changes.iter().enumerate() {
            if let (Some(_), Some(name)) = (&change.preset, &change.unit)
                && let Some(unit) = self.units.named(name)
            {
                self.unit_failed(unit, index);
            }
        }
    }

    /// The change because of which a unit does not succeed, if it does not: as far as operations have ended.
    pub(super) fn cause_of_failure(&self, unit: usize) -> Option<usize> {
        let bad = |change: usize| {
            let verdict = self.ledger.verdict(change)?;
            matches!(verdict, Verdict::Failed | Verdict::Skipped | Verdict::Unknown).then_some(change)
        };
        let ended = self.units.members(unit).iter().filter(|member| self.tasks[**member].ended);
        let carried = ended.flat_map(|member| &self.plan.operations[*member].carries);
        let mut found: Vec<usize> = carried.filter_map(|carried| bad(carried.change)).collect();
        // What failed tells more than what hangs on it.
        found.sort_by_key(|change| self.ledger.verdict(*change) == Some(Verdict::Skipped));
        let told = || {
            let name = &self.units.units[unit].name;
            let is_told = self.undo.told.contains(&UndoScope::Unit(name.clone()));
            let member = self.units.members(unit).first().filter(|_| is_told)?;
            Some(self.plan.operations[*member].carries.first()?.change)
        };
        found.first().copied().or_else(told)
    }

    /// Units of a run that is taken up again: those that have failed stay so.
    pub(super) fn resume_units(&mut self) {
        self.refused_members();
        for unit in 0..self.units.count() {
            if let Some(cause) = self.cause_of_failure(unit) {
                self.unit_failed(unit, cause);
            }
        }
    }

    /// An operation that no call takes back may have been applied: its unit, and a run that is to succeed as a whole, only go
    /// forward from here on.
    pub(super) fn no_way_back(&mut self, operation: usize) {
        let subject = self.subject(operation);
        if self.tasks[operation].touched.is_none() || !undo::is_irreversible(&self.plan, &subject) {
            return;
        }
        self.undo.no_return = true;
        if let Some(unit) = self.units.unit(self.root(operation)) {
            let state = &mut self.units.units[unit].state;
            if *state == State::Whole {
                *state = State::Forward;
            }
        }
    }

    /// Holds the members of units back that have failed in this step.
    pub(super) fn hold_units(&mut self, now: Now, out: &mut Outs) {
        while let Some(unit) = self.units.failing.pop() {
            let State::Failing(cause) = self.units.units[unit].state else { continue };
            let held: Vec<usize> =
                self.units.members(unit).iter().copied().filter(|member| self.may_be_held(*member)).collect();
            let is_held =
                |job: &Job| matches!(job, Job::Operation(operation) if held.binary_search(operation).is_ok());
            self.backing_off.retain(|_, job| !is_held(job));
            self.give_up(now, out, is_held);
            for member in held {
                if !self.tasks[member].ended {
                    let ruling = self.not_in_a_failed_unit(cause);
                    self.end_all(member, &ruling, now);
                }
            }
            self.unit_when_quiet(unit, now);
        }
    }

    /// Whether an operation that has not ended is neither on its way nor looked for.
    fn may_be_held(&self, operation: usize) -> bool {
        let is_out = self.active.values().any(|active| {
            active.granted.is_some() && matches!(active.job, Job::Operation(other) if other == operation)
        }) || self
            .delivering
            .values()
            .any(|(active, _)| matches!(active.job, Job::Operation(other) if other == operation));
        let task = &self.tasks[operation];
        let was_tried = task.touched.is_some() || task.unproven || task.refusal.is_some();
        !task.ended && !is_out && !was_tried
    }

    /// A member of a unit is over.
    pub(super) fn member_over(&mut self, operation: usize, now: Now) {
        let Some(unit) = self.units.unit(operation) else { return };
        self.units.units[unit].open -= 1;
        self.unit_when_quiet(unit, now);
    }

    /// All members of a unit may be over: it has succeeded, or is taken back.
    fn unit_when_quiet(&mut self, unit: usize, now: Now) {
        if self.units.units[unit].open > 0 || self.units.failing.contains(&unit) {
            return;
        }
        match self.units.units[unit].state {
            State::Whole | State::Forward => {
                self.units.units[unit].state = State::Over;
                self.open_gate(unit, None, now);
            }
            // The undo of the run takes it back with all else.
            State::Failing(_) if !self.takes_back() || self.undo_is_wanted() => {}
            State::Failing(cause) => self.undo_unit(unit, cause, now),
            State::Undoing(_) | State::Over => {}
        }
    }

    fn undo_unit(&mut self, unit: usize, cause: usize, now: Now) {
        self.units.units[unit].state = State::Undoing(cause);
        let name = self.units.units[unit].name.clone();
        let what = UndoScope::Unit(name);
        let reason = format!("`{}` of its unit did not succeed", ruling::name(&self.plan.changes[cause]));
        let mut operations = self.units.members(unit).to_vec();
        let grown = self.plan.operations.len()..self.tasks.len();
        operations.extend(
            grown.filter(|grown| !self.is_back(*grown) && self.units.unit(self.root(*grown)) == Some(unit)),
        );
        if operations.iter().any(|operation| self.undo.has_left(*operation)) {
            self.record_undo(what.clone(), reason.clone(), now);
        }
        self.begin_undo(what, reason, Some(cause), &operations, now);
    }

    /// Tells that an undo begins, once.
    pub(super) fn record_undo(&mut self, scope: UndoScope, reason: String, now: Now) {
        if !self.undo.told.contains(&scope) {
            self.undo.told.push(scope.clone());
            self.record(Record::UndoStarted { scope, reason, at: now.wall });
        }
    }

    /// A unit has been taken back, as far as it could be.
    pub(super) fn unit_taken_back(&mut self, name: &str, now: Now) {
        let Some(unit) = self.units.named(name) else { return };
        let state = &mut self.units.units[unit].state;
        if let State::Undoing(cause) = std::mem::replace(state, State::Over) {
            self.open_gate(unit, Some(cause), now);
        }
    }

    /// Outsiders that need a unit may start, or are skipped.
    fn open_gate(&mut self, unit: usize, failed: Option<usize>, now: Now) {
        let mut lost = Vec::new();
        self.graph.open_gate(unit, failed.is_none(), |next| lost.push(next));
        let Some(cause) = failed else { return };
        let cause = ruling::name(&self.plan.changes[cause]);
        let name = self.units.units[unit].name.clone();
        for next in lost {
            if !self.tasks[next].ended {
                let skipped = Ruling {
                    error: Some(format!("needs the unit `{name}`, of which `{cause}` did not succeed")),
                    error_type: Some(ErrorType::DependencyFailed),
                    cause: Some(cause.clone()),
                    ..Ruling::bare(Verdict::Skipped)
                };
                self.end_all(next, &skipped, now);
            }
        }
    }
}
