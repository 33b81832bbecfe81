//! Order: who needs whom, cycles, and the sequence in which operations would start one by one.

use petgraph::{algo::kosaraju_scc, graph::DiGraph};
use std::{cmp::Reverse, collections::BinaryHeap};

/// A graph of `needs`: node → nodes that must come before it. Each list is sorted and free of repetition.
pub(crate) type Needs = Vec<Vec<usize>>;

/// The nodes in a sequence in which each comes after what it needs: what is needed first, longest remaining path first,
/// then lower numbers. Nodes that are in a cycle, or need one, are left out.
pub(super) fn sequence(needs: &Needs) -> Vec<usize> {
    let (dependents, mut open) = turned(needs);
    let remaining = remaining_path(needs, &dependents);
    let mut ready: BinaryHeap<(usize, Reverse<usize>)> =
        open.iter().enumerate().filter(|(_, n)| **n == 0).map(|(i, _)| (remaining[i], Reverse(i))).collect();
    let mut sequence = Vec::with_capacity(needs.len());
    while let Some((_, Reverse(node))) = ready.pop() {
        sequence.push(node);
        for &dependent in &dependents[node] {
            open[dependent] -= 1;
            if open[dependent] == 0 {
                ready.push((remaining[dependent], Reverse(dependent)));
            }
        }
    }
    sequence
}

/// The cycles: for each knot of nodes that need each other one way round it, from its lowest node along what is needed.
/// The second part of each is all nodes of the knot.
pub(crate) fn cycles(needs: &Needs) -> Vec<(Vec<usize>, Vec<usize>)> {
    // Mostly there is none, which one pass shows.
    let reached = sequence(needs);
    if reached.len() == needs.len() {
        return Vec::new();
    }
    let mut left = vec![true; needs.len()];
    for node in reached {
        left[node] = false;
    }
    let edges = needs
        .iter()
        .enumerate()
        .filter(|(node, _)| left[*node])
        .flat_map(|(node, needed)| needed.iter().map(move |n| (node, *n)))
        .filter(|(_, needed)| left[*needed]);
    let mut graph = DiGraph::<(), (), usize>::with_capacity(needs.len(), 0);
    for _ in 0..needs.len() {
        graph.add_node(());
    }
    for (node, needed) in edges {
        graph.add_edge(node.into(), needed.into(), ());
    }
    // Not Tarjan's algorithm: petgraph's recurses, and a chain of a hundred thousand networks would end the stack.
    let mut knots: Vec<Vec<usize>> = kosaraju_scc(&graph)
        .into_iter()
        .map(|knot| knot.into_iter().map(petgraph::graph::NodeIndex::index).collect::<Vec<_>>())
        .filter(|knot| knot.len() > 1 || needs[knot[0]].contains(&knot[0]))
        .collect();
    for knot in &mut knots {
        knot.sort_unstable();
    }
    knots.sort_unstable();
    knots.into_iter().map(|knot| (way_round(needs, &knot), knot)).collect()
}

/// Whether edges from each of `waiting` to each other node of `first` would close a cycle in a graph that has none.
pub(crate) fn closes_circle(needs: &Needs, waiting: &[usize], first: &[usize]) -> bool {
    let mut waits = vec![false; needs.len()];
    for node in waiting {
        waits[*node] = true;
    }
    // A node on both sides does not wait for itself, but two of them wait for each other.
    if first.iter().filter(|node| waits[**node]).count() > 1 {
        return true;
    }
    let mut seen = vec![false; needs.len()];
    let mut left = first.to_vec();
    while let Some(node) = left.pop() {
        for &needed in &needs[node] {
            if waits[needed] {
                return true;
            }
            if !std::mem::replace(&mut seen[needed], true) {
                left.push(needed);
            }
        }
    }
    false
}

/// A shortest way from the lowest node of a knot back to itself.
fn way_round(needs: &Needs, knot: &[usize]) -> Vec<usize> {
    let start = knot[0];
    let mut came_from: std::collections::HashMap<usize, usize> = std::collections::HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &needed in &needs[node] {
            if needed == start {
                let mut way = vec![node];
                while let Some(previous) = came_from.get(way.last().expect("the way is never empty")) {
                    way.push(*previous);
                }
                way.reverse();
                return way;
            }
            if knot.binary_search(&needed).is_ok() && !came_from.contains_key(&needed) {
                came_from.insert(needed, node);
                queue.push_back(needed);
            }
        }
    }
    knot.to_vec()
}

/// The graph turned round, and the number of needs of each node.
fn turned(needs: &Needs) -> (Vec<Vec<usize>>, Vec<usize>) {
    let mut dependents = vec![Vec::new(); needs.len()];
    for (node, needed) in needs.iter().enumerate() {
        for &n in needed {
            dependents[n].push(node);
        }
    }
    (dependents, needs.iter().map(Vec::len).collect())
}

/// The number of nodes on the longest path from each node through what waits for it.
fn remaining_path(needs: &Needs, dependents: &[Vec<usize>]) -> Vec<usize> {
    let mut remaining = vec![0; needs.len()];
    let mut open: Vec<usize> = dependents.iter().map(Vec::len).collect();
    let mut ready: Vec<usize> = (0..needs.len()).filter(|node| open[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for &needed in &needs[node] {
            remaining[needed] = remaining[needed].max(remaining[node] + 1);
            open[needed] -= 1;
            if open[needed] == 0 {
                ready.push(needed);
            }
        }
    }
    remaining
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn longest_remaining_path_goes_first() {
        // 0 and 1 are free; 3 needs 1, 4 needs 3, 2 needs 0.
        let needs = vec![vec![], vec![], vec![0], vec![1], vec![3]];
        assert_eq!(sequence(&needs), [1, 0, 3, 2, 4]);
    }

    #[test]
    fn cycles_are_shown_by_a_shortest_way() {
        let needs = vec![vec![1], vec![2, 3], vec![0], vec![1], vec![4], vec![0], vec![]];
        assert_eq!(cycles(&needs), [(vec![0, 1, 2], vec![0, 1, 2, 3]), (vec![4], vec![4])]);
        assert_eq!(sequence(&needs), [6]);
    }

    #[test]
    fn barriers_close_circles() {
        // 1 needs 0, 3 needs 2.
        let needs = vec![vec![], vec![0], vec![], vec![2]];
        assert!(closes_circle(&needs, &[0], &[1]) && !closes_circle(&needs, &[1], &[0]));
        assert!(!closes_circle(&needs, &[0, 1], &[2, 3]));
        assert!(!closes_circle(&needs, &[0, 2], &[0]) && closes_circle(&needs, &[0, 2], &[0, 2]));
    }

    #[test]
    fn a_long_cycle_does_not_end_the_stack() {
        let count = 200_000;
        let needs: Needs = (0..count).map(|i| vec![(i + 1) % count]).collect();
        assert_eq!(cycles(&needs)[0].0.len(), count);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_sequence_holds_all_once_and_in_order(raw in prop::collection::vec(prop::collection::btree_set(0usize..40, 0..5), 0..40)) {
            // Needs point to lower numbers only, so there is no cycle.
            let needs: Needs =
                raw.iter().enumerate().map(|(i, set)| set.iter().copied().filter(|n| *n < i).collect()).collect();
            prop_assert!(cycles(&needs).is_empty());
            let sequence = sequence(&needs);
            prop_assert_eq!(sequence.len(), needs.len());
            let mut place = vec![usize::MAX; needs.len()];
            for (at, node) in sequence.iter().enumerate() {
                prop_assert_eq!(place[*node], usize::MAX);
                place[*node] = at;
            }
            for (node, needed) in needs.iter().enumerate() {
                prop_assert!(needed.iter().all(|n| place[*n] < place[node]));
            }
        }
    }
}
