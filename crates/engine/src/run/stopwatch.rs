//! Where the time of a run goes.

use crate::record::RunTimings;
use connexa_types::Mono;
use std::time::Duration;

/// Collects spans of time; they may overlap and come in any order.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    first_intent: Option<Mono>,
    last_outcome: Option<Mono>,
    /// Attempts that waited for a permit.
    waiting: Vec<(Mono, Mono)>,
    /// Attempts that had a permit and were not in their call: a worker that the engine kept waiting.
    idle: Vec<(Mono, Mono)>,
}

impl Stopwatch {
    pub(super) fn intent(&mut self, at: Mono) {
        self.first_intent.get_or_insert(at);
    }

    pub(super) fn outcome(&mut self, at: Mono) {
        self.last_outcome = self.last_outcome.max(Some(at));
    }

    pub(super) fn waited(&mut self, from: Mono, to: Mono) {
        push(&mut self.waiting, from, to);
    }

    pub(super) fn idled(&mut self, from: Mono, to: Mono) {
        push(&mut self.idle, from, to);
    }

    pub(super) fn timings(&self) -> RunTimings {
        let Some((from, to)) = self.first_intent.zip(self.last_outcome) else { return RunTimings::default() };
        RunTimings {
            run: to.saturating_since(from),
            // The first permit is waited for before the first intent; that counts too.
            waiting: covered(&self.waiting, Mono::ZERO, to),
            engine: covered(&self.idle, from, to),
        }
    }
}

fn push(spans: &mut Vec<(Mono, Mono)>, from: Mono, to: Mono) {
    if from < to {
        spans.push((from, to));
    }
}

/// The time in `from..to` that lies in at least one span.
fn covered(spans: &[(Mono, Mono)], from: Mono, to: Mono) -> Duration {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    let mut reached = from;
    let mut sum = Duration::ZERO;
    for (start, end) in spans {
        let end = end.min(to);
        sum += end.saturating_since(start.max(reached));
        reached = reached.max(end);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::from_origin(Duration::from_secs(seconds))
    }

    #[test]
    fn spans_that_overlap_count_once_and_only_inside_the_run() {
        let mut watch = Stopwatch::default();
        assert_eq!(watch.timings(), RunTimings::default());
        watch.waited(at(5), at(20));
        watch.intent(at(10));
        for (from, to) in [(30, 35), (8, 12), (11, 13), (34, 90), (50, 50), (7, 6)] {
            watch.idled(at(from), at(to));
        }
        watch.outcome(at(40));
        let expected = RunTimings {
            run: Duration::from_secs(30),
            waiting: Duration::from_secs(15),
            engine: Duration::from_secs(3 + 10),
        };
        assert_eq!(watch.timings(), expected);
    }
}
