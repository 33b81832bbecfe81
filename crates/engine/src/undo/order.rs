//! The order in which things are taken back: a graph of steps, each of which waits for others.

/// Steps and what each of them waits for, counted down as they end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// How many each waits for.
    waits: Vec<usize>,
    /// Whether something that it needs did not end well.
    lost: Vec<bool>,
    /// What waits for each, and whether it needs it to end well.
    then: Vec<Vec<(usize, bool)>>,
    ended: Vec<bool>,
    left: usize,
}

/// A step whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) step: usize,
    /// Whether something that it needs did not end well.
    pub(crate) lost: bool,
}

impl Order {
    /// So many steps that wait for nothing.
    pub(crate) fn new(steps: usize) -> Self {
        Self {
            waits: vec![0; steps],
            lost: vec![false; steps],
            then: vec![Vec::new(); steps],
            ended: vec![false; steps],
            left: steps,
        }
    }

    /// Lets a step wait for another one; `needs`: it makes no sense unless that ends well.
    pub(crate) fn wait(&mut self, step: usize, first: usize, needs: bool) {
        self.waits[step] += 1;
        self.then[first].push((step, needs));
    }

    /// The steps that wait for nothing, in their order.
    pub(crate) fn begin(&self) -> Vec<Turn> {
        let free = (0..self.waits.len()).filter(|step| self.waits[*step] == 0 && !self.ended[*step]);
        free.map(|step| Turn { step, lost: self.lost[step] }).collect()
    }

    /// Notes that a step has ended, and calls those whose turn it is now.
    pub(crate) fn end(&mut self, step: usize, well: bool) -> Vec<Turn> {
        if std::mem::replace(&mut self.ended[step], true) {
            return Vec::new();
        }
        self.left -= 1;
        let mut turns = Vec::new();
        for (next, needs) in std::mem::take(&mut self.then[step]) {
            self.waits[next] -= 1;
            self.lost[next] |= needs && !well;
            if self.waits[next] == 0 {
                turns.push(Turn { step: next, lost: self.lost[next] });
            }
        }
        turns
    }

    /// Whether all have ended.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_waits_for_all_and_is_lost_with_what_it_needs() {
        let mut order = Order::new(4);
        order.wait(2, 0, true);
        order.wait(2, 1, false);
        order.wait(3, 2, true);
        let turn = |step, lost| Turn { step, lost };
        assert_eq!(order.begin(), [turn(0, false), turn(1, false)]);
        assert_eq!(order.end(1, false), []);
        assert_eq!(order.end(0, true), [turn(2, false)]);
        assert_eq!(order.end(2, false), [turn(3, true)]);
        assert_eq!(order.end(2, true), [], "a step ends once");
        assert!(!order.is_over());
        order.end(3, false);
        assert!(order.is_over());
    }
}
