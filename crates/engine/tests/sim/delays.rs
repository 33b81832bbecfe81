//! What a service does late: commits that come after their answer was lost, and lists that show what was there before.

use super::service::Objects;
use connexa_types::{Call, Mono};
use std::{collections::VecDeque, ops::Range, time::Duration};

/// How late the service is.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    /// How likely it is, in percent, that a mutating call gets no answer, and is applied so many milliseconds later.
    pub late: u8,
    pub late_by: Range<u64>,
    /// How likely it is, in percent, that a mutating call is applied twice.
    pub twice: u8,
    /// Lists show what was there up to so long ago.
    pub lag: Duration,
}

/// What is still to come, and what was there.
#[derive(Default)]
pub struct Late {
    /// Calls to be applied, by when, and where they stand in the ledger.
    pub pending: Vec<(Mono, usize, Call)>,
    /// What was there from each moment on.
    past: VecDeque<(Mono, Objects)>,
}

impl Late {
    /// The next call that is to be applied by `now`.
    pub fn due(&mut self, now: Mono) -> Option<(Mono, usize, Call)> {
        let next = (0..self.pending.len()).min_by_key(|at| (self.pending[*at].0, self.pending[*at].1))?;
        (self.pending[next].0 <= now).then(|| self.pending.remove(next))
    }

    /// Notes what is there from `now` on.
    pub fn note(&mut self, now: Mono, objects: &Objects, lag: Duration) {
        if lag.is_zero() || self.past.back().is_some_and(|(_, last)| last == objects) {
            return;
        }
        self.past.push_back((now, objects.clone()));
        // Older than the lists ever are.
        while self.past.len() > 1 && self.past[1].0 + lag <= now {
            self.past.pop_front();
        }
    }

    /// What was there at a moment, if that was something else than what is there now.
    pub fn at(&self, moment: Mono) -> Option<&Objects> {
        let known = self.past.iter().rev().find(|(from, _)| *from <= moment);
        known.or(self.past.front()).map(|(_, objects)| objects)
    }
}
