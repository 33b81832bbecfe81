//! Taking back what was carried out (design: undo).
//!
//! An undo has a [`Scope`]: the whole run, or one unit. What each operation left behind is kept until then
//! ([`Undo::remember`]); the calls that take it back are found by [`crate::undo`], and grow in the run like repairs do.
//! They go in the reverse order of what they take back: whatever waited for an operation is taken back before it. One
//! that does not succeed leaves what it was for *stuck*, and with it all that would have come after; the rest goes on.
//!
//! When an undo begins is decided in `units` (a unit) and `ending` (the run); before any of its calls goes out, the lists
//! say that nobody has changed what we left (`back`).

mod back;
mod changes;
mod resumed;

use super::{Halt, Run, ruling, ruling::Ruling};
use crate::{
    current::Live,
    plan::{Operation, TemplateText, references},
    record::{Growth, OpenRuling, UndoScope},
    report::{ErrorType, Verdict},
    undo::{self, Done, Impossible, Inverse, Left, Order, Renamed, Turn},
};
use changes::Back;
use connexa_types::{Mono, Now};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

/// What is known for the case that things have to be taken back.
#[derive(Debug, Default)]
pub(super) struct Undo {
    /// What operations left behind.
    left: HashMap<usize, Vec<Left>>,
    /// Operations that have been taken back, and those that could not be.
    taken: HashMap<usize, bool>,
    /// Ids of deleted objects, and those of the objects that were made in their place.
    renamed: Renamed,
    /// Deleted objects: the operation that deleted each, and the change that it belongs to.
    deleted: HashMap<String, (usize, usize)>,
    scopes: Vec<Scope>,
    /// For which step of which scope operations are at work that take something back.
    at_work: BTreeMap<usize, (usize, usize)>,
    /// Operations that take something back: what must have been read again since when, because a list may lag behind.
    lagging: HashMap<usize, Mono>,
    /// Why the run is taken back: the change that failed.
    pub(super) cause: Option<usize>,
    /// What operations that take something back came to.
    rulings: HashMap<usize, Vec<OpenRuling>>,
    /// Operations of earlier legs of the run that take something back, by what they take back.
    earlier: BTreeMap<usize, Vec<usize>>,
    /// What earlier legs of the run have begun to take back.
    pub(super) told: Vec<UndoScope>,
    /// Something was left that was to be taken back, because the run was stopped.
    pub(super) interrupted: bool,
    /// Something that cannot be taken back has been carried out: from here on only forward.
    pub(super) no_return: bool,
}

/// Something that is being taken back.
#[derive(Debug)]
struct Scope {
    what: UndoScope,
    /// Why, in words, and the change that it is for.
    reason: String,
    cause: Option<usize>,
    order: Order,
    steps: Vec<Step>,
    /// By step: the changes of which it takes something back.
    concerns: Vec<Vec<usize>>,
    running: HashMap<usize, Running>,
    changes: BTreeMap<usize, Back>,
    began: Mono,
    /// How often this run had touched objects when it began.
    touches: u64,
    over: bool,
}

/// A step of an undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// What an operation did is taken back.
    Operation(usize),
    /// Nothing but order: others wait for all that it waits for.
    Joint,
    /// An object names again what it named before; its place among those that the plan remembers.
    Referrer(usize),
}

/// A step at work.
#[derive(Debug, Default)]
struct Running {
    /// Calls at work.
    open: usize,
    /// What comes after them, if they succeed.
    rest: VecDeque<Vec<Operation>>,
    well: bool,
}

impl Undo {
    /// Keeps what an operation left behind. `touched`: whether any attempt of it may have done something.
    pub(super) fn remember(
        &mut self,
        operation: usize,
        subject: &Operation,
        touched: bool,
        ruled: &[OpenRuling],
    ) {
        let creates = subject.call.endpoint.creates();
        let left = ruled.iter().filter(|ruled| match ruled.ruling.verdict {
            Verdict::Succeeded => true,
            // Applied, but not wholly as it was to be.
            Verdict::Failed => ruled.ruling.object.is_some(),
            Verdict::Skipped | Verdict::Unprocessed | Verdict::Unknown | Verdict::Undone => false,
        });
        let left = left.filter(|ruled| if creates { ruled.ruling.object.is_some() } else { touched });
        // Of what was ruled on before, and is not now, stays what is known.
        let before = self.left.remove(&operation).unwrap_or_default().into_iter();
        let before = before.filter(|left| ruled.iter().all(|ruled| ruled.change != left.change));
        let left = left.map(|OpenRuling { change, ruling }| Left {
            change: *change,
            object: ruling.object.clone(),
            origin: ruling.origin,
        });
        let left: Vec<Left> = before.chain(left).collect();
        if !left.is_empty() {
            self.left.insert(operation, left);
        }
    }

    /// Whether an operation left something behind.
    pub(super) fn has_left(&self, operation: usize) -> bool {
        self.left.contains_key(&operation)
    }

    /// Takes in what an operation that takes something back came to.
    pub(super) fn ruled(&mut self, operation: usize, rulings: Vec<OpenRuling>) {
        // What grew from it adds to that.
        self.rulings.insert(operation, rulings);
    }

    /// The operations at work that take something back.
    pub(super) fn at_work(&self) -> impl Iterator<Item = usize> {
        self.at_work.keys().copied()
    }

    /// Whether the whole run has been taken back, as far as it could be.
    pub(super) fn is_run_undone(&self) -> bool {
        self.scopes.iter().any(|scope| scope.what == UndoScope::Run && scope.over)
    }

    /// Whether something is being taken back.
    pub(super) fn is_at_work(&self) -> bool {
        self.scopes.iter().any(|scope| !scope.over)
    }

    /// Whether the undo of the run has begun.
    fn has_begun(&self, what: &UndoScope) -> bool {
        self.scopes.iter().any(|scope| scope.what == *what)
    }
}

impl Run {
    /// Whether the run is to be taken back, and has not begun to be.
    pub(super) fn undo_is_wanted(&self) -> bool {
        self.undo.told.contains(&UndoScope::Run) && !self.undo.has_begun(&UndoScope::Run)
    }

    /// Begins to take everything back, once nothing that was sent is on its way any more.
    pub(super) fn undo_run_when_quiet(&mut self, now: Now) {
        if !matches!(self.halt, Some(Halt::Undo(_)))
            || !self.undo_is_wanted()
            || self.at_work()
            || self.graph.is_ready()
        {
            return;
        }
        self.close_the_rest(now);
        let operations: Vec<usize> =
            (0..self.tasks.len()).filter(|task| self.tasks[*task].undoes.is_none()).collect();
        let reason = self.halt.as_ref().map(Halt::reason).unwrap_or_default();
        self.begin_undo(UndoScope::Run, reason, self.undo.cause, &operations, now);
    }

    /// Takes back what some operations did; all of them have ended.
    pub(super) fn begin_undo(
        &mut self,
        what: UndoScope,
        reason: String,
        cause: Option<usize>,
        operations: &[usize],
        now: Now,
    ) {
        for operation in operations {
            self.note_deleted(*operation);
        }
        let (steps, order) = self.steps(operations);
        let concerns: Vec<Vec<usize>> = steps.iter().map(|step| self.concerned(*step)).collect();
        let mut changes: BTreeMap<usize, Back> = BTreeMap::new();
        for change in concerns.iter().flatten() {
            changes.entry(*change).or_default().open += 1;
        }
        for left in operations.iter().filter_map(|operation| self.undo.left.get(operation)).flatten() {
            if let Some(back) = changes.get_mut(&left.change) {
                back.left(left);
            }
        }
        let turns = order.begin();
        self.undo.scopes.push(Scope {
            what,
            reason,
            cause,
            order,
            steps,
            concerns,
            running: HashMap::new(),
            changes,
            began: now.mono,
            touches: self.fresh.touches(),
            over: false,
        });
        self.take_turns(self.undo.scopes.len() - 1, turns, now);
    }

    /// Notes which objects an operation deleted.
    fn note_deleted(&mut self, operation: usize) {
        let subject = self.subject(operation);
        if !undo::deletes(&subject) || !self.undo.left.contains_key(&operation) {
            return;
        }
        let carried: Vec<usize> = subject.carries.iter().map(|carried| carried.change).collect();
        for live in &subject.base {
            let is_own =
                |change: &&usize| self.plan.changes[**change].id.as_deref() == Some(live.id.as_str());
            if let Some(change) = carried.iter().find(is_own).or(carried.first()) {
                self.undo.deleted.insert(live.id.to_string(), (operation, *change));
                self.undo.renamed.gone(live.id.as_str());
            }
        }
    }

    /// The changes of which a step takes something back.
    fn concerned(&self, step: Step) -> Vec<usize> {
        match step {
            Step::Operation(operation) => {
                let left = self.undo.left.get(&operation);
                left.into_iter().flatten().map(|left| left.change).collect()
            }
            Step::Joint => Vec::new(),
            Step::Referrer(place) => {
                let named = references(&self.plan.referrers[place]).into_iter();
                let deleted = named.filter_map(|(_, id)| self.undo.deleted.get(id));
                let mut changes: Vec<usize> = deleted.map(|(_, change)| *change).collect();
                changes.sort_unstable();
                changes.dedup();
                changes
            }
        }
    }

    /// The steps of an undo, in an order that is the other way round: what waited for an operation comes before it.
    fn steps(&self, operations: &[usize]) -> (Vec<Step>, Order) {
        let plan = &self.plan;
        let places: BTreeMap<usize, usize> = operations.iter().copied().zip(0..).collect();
        let mut steps: Vec<Step> = operations.iter().copied().map(Step::Operation).collect();
        let mut waits: Vec<(usize, usize, bool)> = Vec::new();
        // What has grown from an operation is taken back before it, and after all that needed the operation.
        let mut joints: BTreeMap<usize, usize> = BTreeMap::new();
        for (operation, place) in &places {
            let Some(from) = self.tasks[*operation].from else { continue };
            let Some(of_from) = places.get(&from) else { continue };
            waits.push((*of_from, *place, true));
            let root = self.root(*operation);
            let joint = *joints.entry(root).or_insert_with(|| {
                steps.push(Step::Joint);
                steps.len() - 1
            });
            waits.push((*place, joint, true));
        }
        for (root, joint) in &joints {
            waits.extend(places.get(root).map(|place| (*place, *joint, true)));
        }
        for (operation, place) in &places {
            let Some(planned) = plan.operations.get(*operation) else { continue };
            let needs = planned.needs.iter().map(|needed| (needed, true));
            for (first, needs) in needs.chain(planned.after.iter().map(|first| (first, false))) {
                let first = joints.get(first).or_else(|| places.get(first));
                waits.extend(first.map(|first| (*first, *place, needs)));
            }
        }
        for barrier in &plan.barriers {
            let joint = steps.len();
            steps.push(Step::Joint);
            waits.extend(barrier.then.iter().filter_map(|then| Some((joint, *places.get(then)?, false))));
            waits.extend(barrier.first.iter().filter_map(|first| Some((*places.get(first)?, joint, false))));
        }
        self.referrers(&places, &mut steps, &mut waits);
        let mut order = Order::new(steps.len());
        waits.sort_unstable();
        for (step, first, needs) in waits {
            order.wait(step, first, needs);
        }
        (steps, order)
    }

    /// Objects that named what was deleted name it again once it is there again, after all else that is done to them.
    fn referrers(
        &self,
        places: &BTreeMap<usize, usize>,
        steps: &mut Vec<Step>,
        waits: &mut Vec<(usize, usize, bool)>,
    ) {
        if self.plan.referrers.is_empty() {
            return;
        }
        let mut deletes: HashMap<&str, usize> = HashMap::new();
        let mut writes: HashMap<&str, Vec<usize>> = HashMap::new();
        for (operation, place) in places {
            let Some(planned) = self.plan.operations.get(*operation) else { continue };
            if undo::deletes(planned) {
                if self.undo.left.contains_key(operation) {
                    deletes.extend(planned.base.iter().map(|live| (live.id.as_str(), *place)));
                }
            } else if let Some(live) = planned.base.first() {
                writes.entry(live.id.as_str()).or_default().push(*place);
            }
        }
        for (place, live) in self.plan.referrers.iter().enumerate() {
            let named = undo::named(live, &deletes);
            if named.is_empty() || deletes.contains_key(live.id.as_str()) {
                continue;
            }
            let step = steps.len();
            steps.push(Step::Referrer(place));
            let writes = writes.get(live.id.as_str()).into_iter().flatten().copied();
            waits.extend(named.into_iter().chain(writes).map(|first| (step, first, false)));
        }
    }

    /// The operation of the plan that one has grown from, or itself.
    pub(super) fn root(&self, operation: usize) -> usize {
        let task = &self.tasks[operation];
        task.from.or(task.undoes).map_or(operation, |from| self.root(from))
    }

    /// Goes through steps whose turn it is, and those whose turn that makes it.
    fn take_turns(&mut self, scope: usize, mut turns: Vec<Turn>, now: Now) {
        turns.reverse();
        while let Some(turn) = turns.pop() {
            if let Some(well) = self.take_turn(scope, turn, now) {
                self.step_ended(scope, turn.step, now);
                let next = self.undo.scopes[scope].order.end(turn.step, well);
                turns.extend(next.into_iter().rev());
            }
        }
        let scope = &mut self.undo.scopes[scope];
        if scope.order.is_over()
            && !std::mem::replace(&mut scope.over, true)
            && let UndoScope::Unit(unit) = &scope.what
        {
            let unit = unit.clone();
            self.unit_taken_back(&unit, now);
        }
    }

    /// A step's turn: whether it has ended well, if it has ended.
    fn take_turn(&mut self, scope: usize, turn: Turn, now: Now) -> Option<bool> {
        match self.undo.scopes[scope].steps[turn.step] {
            Step::Joint => Some(!turn.lost),
            Step::Operation(operation) => self.take_back(scope, turn, operation, now),
            Step::Referrer(place) => self.name_again(scope, turn.step, place, now),
        }
    }

    fn take_back(&mut self, scope: usize, turn: Turn, operation: usize, now: Now) -> Option<bool> {
        let Some(left) = self.undo.left.get(&operation) else { return Some(!turn.lost) };
        if self.undo.taken.get(&operation) == Some(&true) {
            return Some(true);
        }
        if turn.lost {
            let why = "what came after it could not be undone".to_owned();
            self.is_stuck(scope, operation, &Impossible { why, error_type: ErrorType::DependencyFailed });
            return Some(false);
        }
        let plan = Arc::clone(&self.plan);
        let subject = self.subject(operation);
        let call = self.tasks[operation].call.clone();
        let done = Done { plan: &plan, operation: &subject, call: call.as_deref(), left };
        let secrets = undo::secrets_of(&plan, &subject);
        match undo::inverse(done, self.options.undo_inferred, &secrets) {
            Inverse::Impossible(impossible) => {
                self.is_stuck(scope, operation, &impossible);
                Some(false)
            }
            Inverse::Steps(steps) => {
                let running = Running { open: 0, rest: steps.into(), well: true };
                self.undo.scopes[scope].running.insert(turn.step, running);
                self.next_calls(scope, turn.step, operation, now)
            }
        }
    }

    /// An object names what it named before, as far as that is there again.
    fn name_again(&mut self, scope: usize, step: usize, place: usize, now: Now) -> Option<bool> {
        let plan = Arc::clone(&self.plan);
        let live = &plan.referrers[place];
        let named = references(live);
        let again = named.iter().filter(|(_, id)| self.undo.renamed.is_made_again(id));
        let Some((operation, _)) = again.filter_map(|(_, id)| self.undo.deleted.get(*id)).min().copied()
        else {
            return Some(true);
        };
        match undo::named_again(live) {
            Ok(call) => {
                let changes = self.concerned(Step::Referrer(place));
                let carries = changes.into_iter().map(undo::root).collect();
                let call = Operation { carries, base: vec![self.as_left_earlier(live)], ..call };
                let running = Running { open: 0, rest: VecDeque::from([vec![call]]), well: true };
                self.undo.scopes[scope].running.insert(step, running);
                self.next_calls(scope, step, operation, now)
            }
            Err(impossible) => {
                for change in self.concerned(Step::Referrer(place)) {
                    self.change_is_stuck(scope, change, operation, &impossible);
                }
                Some(false)
            }
        }
    }

    /// Lets the next calls of a step grow; whether it has ended well, if there are none.
    fn next_calls(&mut self, scope: usize, step: usize, operation: usize, now: Now) -> Option<bool> {
        loop {
            let running = self.undo.scopes[scope].running.get_mut(&step)?;
            if !running.well {
                return Some(false);
            }
            let Some(calls) = running.rest.pop_front() else { return Some(true) };
            for mut call in calls {
                self.undo.renamed.put(&mut call);
                match self.known_inverse(operation, &call) {
                    Some(known) if self.tasks[known].ended => self.take_in(scope, known),
                    Some(known) => self.works_for(known, scope, step),
                    None => {
                        call.id = self.grown_id(&self.subject(operation).id);
                        let grown = self.grow(call, operation, Growth::Undo, now);
                        self.works_for(grown, scope, step);
                    }
                }
            }
            if self.undo.scopes[scope].running.get(&step)?.open > 0 {
                return None;
            }
        }
    }

    /// An operation of an earlier leg of the run that makes the same call to take the same back, unless it did not succeed.
    fn known_inverse(&self, operation: usize, call: &Operation) -> Option<usize> {
        self.undo.earlier.get(&operation)?.iter().copied().find(|earlier| {
            let task = &self.tasks[*earlier];
            let is_good = !task.ended || task.verdict.is_none_or(|verdict| verdict == Verdict::Succeeded);
            is_good && self.subject(*earlier).call == call.call
        })
    }

    /// An object as an earlier leg of the run left it when it took something back; as it was, if none did.
    fn as_left_earlier(&self, live: &Live) -> Live {
        let path = [TemplateText::Text(live.id.to_string())];
        let earlier = self.undo.earlier.values().flatten().copied().filter(|earlier| {
            let task = &self.tasks[*earlier];
            task.ended
                && task.verdict == Some(Verdict::Succeeded)
                && self.subject(*earlier).call.path_args == path
        });
        let last = earlier.max().map(|last| self.subject(last));
        last.map_or_else(|| live.clone(), |last| undo::overlaid(live, &last.call))
    }

    fn works_for(&mut self, operation: usize, scope: usize, step: usize) {
        self.undo.at_work.insert(operation, (scope, step));
        if let Some(running) = self.undo.scopes[scope].running.get_mut(&step) {
            running.open += 1;
        }
        self.graph.put_back(operation);
    }

    /// An operation that takes something back has ended with what grew from it.
    pub(super) fn taken_back(&mut self, operation: usize, now: Now) {
        let Some((scope, step)) = self.undo.at_work.remove(&operation) else { return };
        self.take_in(scope, operation);
        let well = self.tasks[operation].verdict.unwrap_or(Verdict::Succeeded) == Verdict::Succeeded;
        let Some(running) = self.undo.scopes[scope].running.get_mut(&step) else { return };
        running.open -= 1;
        running.well &= well;
        if running.open > 0 {
            return;
        }
        let from = self.tasks[operation].undoes.unwrap_or(operation);
        if let Some(well) = self.next_calls(scope, step, from, now) {
            if let Step::Operation(operation) = self.undo.scopes[scope].steps[step] {
                self.undo.taken.insert(operation, well);
            }
            self.step_ended(scope, step, now);
            let turns = self.undo.scopes[scope].order.end(step, well);
            self.take_turns(scope, turns, now);
        }
    }

    /// Takes in what an operation that takes something back came to for its changes.
    fn take_in(&mut self, scope: usize, operation: usize) {
        let subject = self.subject(operation);
        for OpenRuling { change, ruling } in self.undo.rulings.get(&operation).cloned().unwrap_or_default() {
            if ruling.verdict != Verdict::Succeeded {
                let why = ruling.error.clone().unwrap_or_default();
                let error_type = ruling.error_type.unwrap_or(ErrorType::Indeterminate);
                let undoes = self.tasks[operation].undoes.unwrap_or(operation);
                self.change_is_stuck(scope, change, undoes, &Impossible { why, error_type });
                continue;
            }
            let new = ruling.object.as_ref().and_then(|object| object.get("id")?.as_str().map(str::to_owned));
            if subject.call.endpoint.creates()
                && let (Some(old), Some(new)) = (&self.plan.changes[change].id, new)
            {
                self.undo.renamed.made_again(old, &new);
            }
            if let Some(back) = self.undo.scopes[scope].changes.get_mut(&change) {
                back.succeeded(&subject, &ruling);
            }
        }
    }

    /// Closes what is not to be started any more.
    pub(super) fn close_the_rest(&mut self, now: Now) {
        let rest: Vec<usize> = (0..self.tasks.len()).filter(|task| !self.tasks[*task].ended).collect();
        for operation in rest {
            if self.tasks[operation].ended || self.tasks[operation].undoes.is_some() {
                continue;
            }
            let ruling = if self.starts_nothing() {
                self.unstarted()
            } else {
                // Nothing is at work, yet something waits: its needs go round in a circle.
                Ruling::failed(ErrorType::InternalError, "the plan goes round in a circle, which is a bug")
            };
            self.close(operation, ruling::for_all(&self.subject(operation), &ruling), &[], now);
        }
    }
}
