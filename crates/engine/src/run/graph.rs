//! The order of operations: what may start, and what first.

use super::{options::OnFailure, stages, units::Units};
use crate::{plan::Plan, undo};
use std::{cmp::Reverse, collections::BTreeSet};

/// The operations of a plan as a graph, and how far each is from starting.
///
/// A barrier is a node of its own: a hundred operations that wait for another hundred are two hundred edges.
#[derive(Debug)]
pub(super) struct Graph {
    /// What must come first, and how much of it has not ended.
    waits: Vec<usize>,
    /// The operations that need each one.
    needed_by: Vec<Vec<usize>>,
    /// The operations that come after each one, however it ends.
    followed_by: Vec<Vec<usize>>,
    barriers: Vec<Barrier>,
    /// The barriers that each operation holds down.
    holds: Vec<Vec<usize>>,
    /// By unit: the operations outside of it that need one of it, and so the whole.
    gates: Vec<Vec<usize>>,
    /// Operations on the longest way from each one to an end, itself included.
    path: Vec<usize>,
    /// What may start: longest remaining path first, then the order of the plan.
    ready: BTreeSet<(Reverse<usize>, usize)>,
    /// What may start, but belongs to a later wave.
    later: BTreeSet<usize>,
    /// What may start and takes something back.
    back: BTreeSet<usize>,
    /// Whether each operation takes something back.
    takes_back: Vec<bool>,
    /// Operations of the plan from this one on belong to a later wave.
    limit: usize,
    /// Operations of the plan; what is beyond has grown in the run, and belongs to no wave.
    planned: usize,
}

/// A set of operations that waits for another one.
#[derive(Debug)]
struct Barrier {
    /// Operations that have not ended.
    open: usize,
    then: Vec<usize>,
}

/// Which operations may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Starts {
    /// None.
    Nothing,
    /// Those that take something back.
    Back,
    /// All.
    All,
}

impl Graph {
    /// The graph of a plan whose first wave holds `limit` operations.
    pub(super) fn new(plan: &Plan, units: &Units, limit: usize, on_failure: OnFailure) -> Self {
        let count = plan.operations.len();
        let mut graph = Self {
            waits: vec![0; count],
            needed_by: vec![Vec::new(); count],
            followed_by: vec![Vec::new(); count],
            barriers: Vec::with_capacity(plan.barriers.len()),
            holds: vec![Vec::new(); count],
            gates: vec![Vec::new(); units.count()],
            path: vec![1; count],
            ready: BTreeSet::new(),
            later: BTreeSet::new(),
            back: BTreeSet::new(),
            takes_back: vec![false; count],
            limit,
            planned: count,
        };
        for (index, operation) in plan.operations.iter().enumerate() {
            graph.waits[index] = operation.needs.len() + operation.after.len();
            for needed in &operation.needs {
                match units.unit(*needed).filter(|unit| units.unit(index) != Some(*unit)) {
                    // Waiting for the whole of a unit once is enough.
                    Some(unit) if graph.gates[unit].last() == Some(&index) => graph.waits[index] -= 1,
                    Some(unit) => graph.gates[unit].push(index),
                    None => graph.needed_by[*needed].push(index),
                }
            }
            for before in &operation.after {
                graph.followed_by[*before].push(index);
            }
        }
        for barrier in plan.barriers.iter().filter(|barrier| !barrier.first.is_empty()) {
            graph.bar(&barrier.first, barrier.then.clone());
        }
        graph.put_last(plan, units, on_failure);
        graph.measure(plan, units);
        for index in 0..count {
            if graph.waits[index] == 0 {
                graph.put_back(index);
            }
        }
        graph
    }

    /// Lets operations wait for all of others, however they end.
    fn bar(&mut self, first: &[usize], then: Vec<usize>) {
        for first in first {
            self.holds[*first].push(self.barriers.len());
        }
        for then in &then {
            self.waits[*then] += 1;
        }
        self.barriers.push(Barrier { open: first.len(), then });
    }

    /// Puts what cannot be taken back behind all else, where failures are to be: in units (their needs see to the members
    /// that can) and in runs that are to succeed as a whole. The first of them goes alone: if the service refuses it, all is
    /// still as it was. Each list is in the order of the plan, so that no circle can come of it.
    fn put_last(&mut self, plan: &Plan, units: &Units, on_failure: OnFailure) {
        let whole = on_failure == OnFailure::Undo;
        if !whole && units.count() == 0 {
            return;
        }
        let is_last: Vec<bool> =
            plan.operations.iter().map(|operation| undo::is_irreversible(plan, operation)).collect();
        let lines: Vec<Vec<usize>> = if whole {
            vec![(0..is_last.len()).filter(|index| is_last[*index]).collect()]
        } else {
            let members = (0..units.count()).map(|unit| units.members(unit));
            members.map(|members| members.iter().copied().filter(|index| is_last[*index]).collect()).collect()
        };
        for line in &lines {
            let Some((first, others)) = line.split_first() else { continue };
            for other in others {
                self.followed_by[*first].push(*other);
                self.waits[*other] += 1;
            }
        }
        if let (true, Some(first)) = (whole, lines[0].first()) {
            let hangs = self.hanging(plan, units, &is_last);
            let before: Vec<usize> = (0..hangs.len()).filter(|index| !hangs[*index]).collect();
            if !before.is_empty() {
                self.bar(&before, vec![*first]);
            }
        }
    }

    /// Which operations are some of `these`, or wait for one.
    fn hanging(&self, plan: &Plan, units: &Units, these: &[bool]) -> Vec<bool> {
        let mut hangs = these.to_vec();
        let mut behind_barrier = vec![false; self.barriers.len()];
        let mut behind_gate = vec![false; units.count()];
        let mut waiting_at: Vec<Vec<usize>> = vec![Vec::new(); hangs.len()];
        for (barrier, held) in self.barriers.iter().enumerate() {
            for then in &held.then {
                waiting_at[*then].push(barrier);
            }
        }
        for (index, operation) in plan.operations.iter().enumerate() {
            let gates = operation.needs.iter().filter_map(|needed| units.unit(*needed));
            let mut gates = gates.filter(|unit| units.unit(index) != Some(*unit));
            hangs[index] |= operation.needs.iter().chain(&operation.after).any(|first| hangs[*first])
                || gates.any(|unit| behind_gate[unit])
                || waiting_at[index].iter().any(|barrier| behind_barrier[*barrier]);
            if hangs[index] {
                for barrier in &self.holds[index] {
                    behind_barrier[*barrier] = true;
                }
                if let Some(unit) = units.unit(index) {
                    behind_gate[unit] = true;
                }
            }
        }
        hangs
    }

    /// Finds the longest ways. The order of the plan puts each operation after what it waits for, so backwards every way
    /// on is known.
    fn measure(&mut self, plan: &Plan, units: &Units) {
        let mut waiting_at: Vec<Vec<usize>> = vec![Vec::new(); self.waits.len()];
        for (barrier, held) in self.barriers.iter().enumerate() {
            for then in &held.then {
                waiting_at[*then].push(barrier);
            }
        }
        let mut behind = vec![0; self.barriers.len()];
        let mut behind_gates = vec![0; self.gates.len()];
        let mut gates_of: Vec<Vec<usize>> = vec![Vec::new(); self.waits.len()];
        for (unit, outsiders) in self.gates.iter().enumerate() {
            for outsider in outsiders {
                gates_of[*outsider].push(unit);
            }
        }
        for index in (0..plan.operations.len()).rev() {
            let on =
                self.needed_by[index].iter().chain(&self.followed_by[index]).map(|next| self.path[*next]);
            let on = on.chain(self.holds[index].iter().map(|barrier| behind[*barrier]));
            let on = on.chain(units.unit(index).map(|unit| behind_gates[unit]));
            self.path[index] = 1 + on.max().unwrap_or(0);
            for unit in &gates_of[index] {
                behind_gates[*unit] = behind_gates[*unit].max(self.path[index]);
            }
            for barrier in &waiting_at[index] {
                behind[*barrier] = behind[*barrier].max(self.path[index]);
            }
        }
        for (index, _) in
            plan.operations.iter().enumerate().filter(|(_, operation)| stages::goes_on(operation))
        {
            // What has been begun is not kept waiting by what has not.
            self.path[index] = usize::MAX;
        }
    }

    /// Adds an operation that has grown in the run; it waits for nothing. `takes_back`: whether it takes something back.
    pub(super) fn grow(&mut self, takes_back: bool) -> usize {
        let index = self.waits.len();
        self.waits.push(0);
        self.needed_by.push(Vec::new());
        self.followed_by.push(Vec::new());
        self.holds.push(Vec::new());
        // What it repairs holds others up.
        self.path.push(usize::MAX);
        self.takes_back.push(takes_back);
        self.put_back(index);
        index
    }

    /// Takes an operation out that is not to start, whatever comes before it.
    pub(super) fn retire(&mut self, index: usize) {
        // So many never end.
        self.waits[index] = usize::MAX;
        self.ready.remove(&(Reverse(self.path[index]), index));
        self.later.remove(&index);
        self.back.remove(&index);
    }

    /// The next operation to start.
    pub(super) fn take(&mut self, starts: Starts) -> Option<usize> {
        match starts {
            Starts::Nothing => None,
            Starts::Back => self.back.pop_first(),
            Starts::All => self.back.pop_first().or_else(|| self.ready.pop_first().map(|(_, index)| index)),
        }
    }

    /// Whether something may start that takes something back.
    pub(super) fn is_ready_back(&self) -> bool {
        !self.back.is_empty()
    }

    /// The next operation to start of those that may.
    pub(super) fn take_where(&mut self, may_start: impl Fn(usize) -> bool) -> Option<usize> {
        let next = *self.ready.iter().find(|(_, index)| may_start(*index))?;
        self.ready.remove(&next);
        Some(next.1)
    }

    /// Whether something may start.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether something may start in a later wave.
    pub(super) fn is_ready_later(&self) -> bool {
        !self.later.is_empty()
    }

    /// Whether one of the first `limit` operations of the plan may start in a later wave.
    pub(super) fn is_ready_before(&self, limit: usize) -> bool {
        self.later.first().is_some_and(|first| *first < limit)
    }

    /// Begins the wave that holds all operations up to `limit`.
    pub(super) fn raise(&mut self, limit: usize) {
        self.limit = limit;
        let beyond = self.later.split_off(&limit);
        for index in std::mem::replace(&mut self.later, beyond) {
            self.put_back(index);
        }
    }

    /// Lets an operation start again.
    pub(super) fn put_back(&mut self, index: usize) {
        if self.takes_back[index] {
            self.back.insert(index);
        } else if (self.limit..self.planned).contains(&index) {
            self.later.insert(index);
        } else {
            self.ready.insert((Reverse(self.path[index]), index));
        }
    }

    /// Notes that an operation has ended; `lost` hears of each operation that needed it, if it did not succeed.
    pub(super) fn end(&mut self, index: usize, succeeded: bool, mut lost: impl FnMut(usize)) {
        for next in std::mem::take(&mut self.followed_by[index]) {
            self.step(next);
        }
        for barrier in std::mem::take(&mut self.holds[index]) {
            self.barriers[barrier].open -= 1;
            if self.barriers[barrier].open == 0 {
                for next in std::mem::take(&mut self.barriers[barrier].then) {
                    self.step(next);
                }
            }
        }
        for next in std::mem::take(&mut self.needed_by[index]) {
            if succeeded {
                self.step(next);
            } else {
                // It never gets to zero, so it never starts.
                lost(next);
            }
        }
    }

    /// A unit has ended; `lost` hears of each outsider that needed it, if it did not succeed.
    pub(super) fn open_gate(&mut self, unit: usize, succeeded: bool, mut lost: impl FnMut(usize)) {
        for next in std::mem::take(&mut self.gates[unit]) {
            if succeeded {
                self.step(next);
            } else {
                lost(next);
            }
        }
    }

    fn step(&mut self, index: usize) {
        self.waits[index] -= 1;
        if self.waits[index] == 0 {
            self.put_back(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Base, CallTemplate, Cost, Operation, OperationId, types};
    use connexa_types::{Endpoint, Kind, TenantId};

    fn graph(operations: Vec<Operation>, barriers: &[(&[usize], &[usize])], limit: usize) -> Graph {
        let barrier = |(first, then): &(&[usize], &[usize])| types::Barrier {
            kinds: [Kind::Host, Kind::Host],
            first: first.to_vec(),
            then: then.to_vec(),
        };
        let plan = Plan {
            format: Plan::FORMAT,
            tenant: TenantId::default(),
            command: String::new(),
            base: Base::default(),
            changes: vec![],
            barriers: barriers.iter().map(barrier).collect(),
            operations,
            cost: Cost::default(),
            warnings: vec![],
            problems: vec![],
            fingerprint: String::new(),
            delivery: None,
            referrers: Vec::new(),
        };
        Graph::new(&plan, &Units::of(&plan), limit, OnFailure::Continue)
    }

    fn operation(needs: &[usize], after: &[usize]) -> Operation {
        Operation {
            id: OperationId(String::new()),
            call: CallTemplate {
                endpoint: Endpoint::HostCreate,
                path_args: vec![],
                query: vec![],
                body: None,
                outputs: std::collections::BTreeMap::new(),
                secrets: std::collections::BTreeMap::new(),
            },
            carries: vec![],
            needs: needs.to_vec(),
            after: after.to_vec(),
            kind: Kind::Host,
            cleared: vec![],
            unit: None,
            base: vec![],
            stage: None,
        }
    }

    #[test]
    fn the_longest_way_starts_first_then_the_plan_decides() {
        // 3 needs 2 needs 1; 0 and 4 stand alone.
        let operations = [
            operation(&[], &[]),
            operation(&[], &[]),
            operation(&[1], &[]),
            operation(&[2], &[]),
            operation(&[], &[]),
        ];
        let mut graph = graph(operations.to_vec(), &[], usize::MAX);
        let started: Vec<_> = std::iter::from_fn(|| graph.take(Starts::All)).collect();
        assert_eq!(started, [1, 0, 4]);
        graph.end(1, true, |_| unreachable!());
        assert_eq!((graph.take(Starts::All), graph.take(Starts::All)), (Some(2), None));
        let mut lost = vec![];
        graph.end(2, false, |index| lost.push(index));
        assert_eq!((lost, graph.take(Starts::All)), (vec![3], None));
    }

    #[test]
    fn what_comes_after_starts_however_it_ended() {
        let mut graph = graph(vec![operation(&[], &[]), operation(&[], &[0])], &[], usize::MAX);
        assert_eq!((graph.take(Starts::All), graph.take(Starts::All)), (Some(0), None));
        graph.end(0, false, |_| unreachable!());
        assert_eq!(graph.take(Starts::All), Some(1));
    }

    #[test]
    fn a_barrier_holds_until_all_before_it_have_ended() {
        let operations = (0..5).map(|_| operation(&[], &[])).collect();
        let mut graph = graph(operations, &[(&[0, 1], &[3, 4])], usize::MAX);
        // What holds others up comes first.
        let started: Vec<_> = std::iter::from_fn(|| graph.take(Starts::All)).collect();
        assert_eq!(started, [0, 1, 2]);
        graph.end(0, false, |_| unreachable!());
        assert_eq!(graph.take(Starts::All), None);
        graph.end(1, true, |_| unreachable!());
        assert_eq!(
            (graph.take(Starts::All), graph.take(Starts::All), graph.take(Starts::All)),
            (Some(3), Some(4), None)
        );
    }

    #[test]
    fn a_wave_holds_the_first_operations_of_the_plan_and_what_grows() {
        let operations = (0..4).map(|_| operation(&[], &[])).collect();
        let mut graph = graph(operations, &[], 1);
        assert_eq!((graph.take(Starts::All), graph.take(Starts::All)), (Some(0), None));
        assert!(graph.is_ready_later() && !graph.is_ready());
        assert_eq!(graph.grow(false), 4);
        assert_eq!((graph.take(Starts::All), graph.take(Starts::All)), (Some(4), None));
        graph.raise(3);
        assert_eq!(
            (graph.take(Starts::All), graph.take(Starts::All), graph.take(Starts::All)),
            (Some(1), Some(2), None)
        );
        graph.raise(4);
        assert_eq!((graph.take(Starts::All), graph.is_ready_later()), (Some(3), false));
    }
}
