//! Where the time of a run goes.

use crate::record::RunTimings;
use connexa_types::Mono;
use std::time::Duration;

/// Collects spans of time; they may overlap and come in any order.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    first_intent: Option<Mono>,
    last_outcome: Option<Mono>,
    /// When a run was taken up again, and how long it then waited for what may still come late.
    continued: Option<(Mono, Duration)>,
    /// When the first list was asked for.
    first_list: Option<Mono>,
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

    /// The run was taken up again.
    pub(super) fn continued(&mut self, at: Mono, settle: Duration) {
        self.continued = Some((at, settle));
    }

    /// A call of a list was asked for.
    pub(super) fn list(&mut self, asked: Mono) {
        self.first_list.get_or_insert(asked);
    }

    fn recovery(&self) -> Option<Duration> {
        let (from, settle) = self.continued?;
        let to = self.first_list.unwrap_or(from);
        // Who waited did so from the start on.
        let from = if from + settle <= to { from + settle } else { from };
        Some(to.saturating_since(from))
    }

    pub(super) fn waited(&mut self, from: Mono, to: Mono) {
        push(&mut self.waiting, from, to);
    }

    pub(super) fn idled(&mut self, from: Mono, to: Mono) {
        push(&mut self.idle, from, to);
    }

    pub(super) fn timings(&self) -> RunTimings {
        let recovery = self.recovery();
        let Some((from, to)) = self.first_intent.zip(self.last_outcome) else {
            return RunTimings { recovery, ..RunTimings::default() };
        };
        RunTimings {
            run: to.saturating_since(from),
            // The first permit is waited for before the first intent; that counts too.
            waiting: covered(&self.waiting, Mono::ZERO, to),
            engine: covered(&self.idle, from, to),
            recovery,
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
            recovery: None,
        };
        assert_eq!(watch.timings(), expected);
    }

    #[test]
    fn recovery_ends_with_the_first_list_and_does_not_count_the_settle_time() {
        let minute = Duration::from_mins(1);
        let recovery = |settle, list: Option<u64>| {
            let mut watch = Stopwatch::default();
            watch.continued(at(10), settle);
            if let Some(seconds) = list {
                watch.list(at(seconds));
            }
            watch.list(at(100));
            watch.timings().recovery
        };
        assert_eq!(recovery(Duration::ZERO, Some(12)), Some(Duration::from_secs(2)));
        assert_eq!(recovery(minute, Some(71)), Some(Duration::from_secs(1)));
        // What need not wait is read at once, although something else has to.
        assert_eq!(recovery(minute, Some(11)), Some(Duration::from_secs(1)));
        assert_eq!(recovery(minute, None), Some(Duration::from_secs(30)));
    }
}
