//! The order of operations: what may start, and what first.

use crate::plan::Operation;
use std::{cmp::Reverse, collections::BTreeSet};

/// The operations of a plan as a graph, and how far each is from starting.
#[derive(Debug)]
pub(super) struct Graph {
    /// Operations that must have succeeded first, and how many of them have not ended.
    waits: Vec<usize>,
    /// The operations that need each one.
    needed_by: Vec<Vec<usize>>,
    /// The operations that come after each one, however it ends.
    followed_by: Vec<Vec<usize>>,
    /// Operations on the longest way from each one to an end, itself included.
    path: Vec<usize>,
    /// What may start: longest remaining path first, then the order of the plan.
    ready: BTreeSet<(Reverse<usize>, usize)>,
}

impl Graph {
    pub(super) fn new(operations: &[Operation]) -> Self {
        let mut graph = Self {
            waits: vec![0; operations.len()],
            needed_by: vec![Vec::new(); operations.len()],
            followed_by: vec![Vec::new(); operations.len()],
            path: vec![1; operations.len()],
            ready: BTreeSet::new(),
        };
        for (index, operation) in operations.iter().enumerate() {
            graph.waits[index] = operation.needs.len() + operation.after.len();
            for needed in &operation.needs {
                graph.needed_by[*needed].push(index);
            }
            for before in &operation.after {
                graph.followed_by[*before].push(index);
            }
        }
        // The order of the plan puts each operation after what it waits for, so backwards every way on is known.
        for index in (0..operations.len()).rev() {
            let on = graph.needed_by[index].iter().chain(&graph.followed_by[index]);
            graph.path[index] = 1 + on.map(|next| graph.path[*next]).max().unwrap_or(0);
        }
        for index in 0..operations.len() {
            if graph.waits[index] == 0 {
                graph.put_back(index);
            }
        }
        graph
    }

    /// The next operation to start.
    pub(super) fn take(&mut self) -> Option<usize> {
        self.ready.pop_first().map(|(_, index)| index)
    }

    /// Whether something may start.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Lets an operation start again.
    pub(super) fn put_back(&mut self, index: usize) {
        self.ready.insert((Reverse(self.path[index]), index));
    }

    /// Notes that an operation has ended; `lost` hears of each operation that needed it, if it did not succeed.
    pub(super) fn end(&mut self, index: usize, succeeded: bool, mut lost: impl FnMut(usize)) {
        for next in std::mem::take(&mut self.followed_by[index]) {
            self.step(next);
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
    use crate::plan::{CallTemplate, OperationId};
    use connexa_types::{Endpoint, Kind};

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
        let mut graph = Graph::new(&operations);
        let started: Vec<_> = std::iter::from_fn(|| graph.take()).collect();
        assert_eq!(started, [1, 0, 4]);
        graph.end(1, true, |_| unreachable!());
        assert_eq!((graph.take(), graph.take()), (Some(2), None));
        let mut lost = vec![];
        graph.end(2, false, |index| lost.push(index));
        assert_eq!((lost, graph.take()), (vec![3], None));
    }

    #[test]
    fn what_comes_after_starts_however_it_ended() {
        let mut graph = Graph::new(&[operation(&[], &[]), operation(&[], &[0])]);
        assert_eq!((graph.take(), graph.take()), (Some(0), None));
        graph.end(0, false, |_| unreachable!());
        assert_eq!(graph.take(), Some(1));
    }
}
