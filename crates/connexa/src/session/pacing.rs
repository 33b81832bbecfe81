//! The pace of one batch: that of its session, and a cap of its own.

use super::Session;
use crate::wiring::clock::TokioClock;
use connexa_engine::{
    machine::{AttemptId, Permit},
    pacer::LocalPacer,
    ports::{Clock as _, Pacer},
    quota::Rate,
};
use connexa_types::{Attempt, Class, Mono};
use futures_util::future::BoxFuture;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// The attempts of one batch; no batch has more.
const ATTEMPTS: u64 = 1 << 32;

/// Numbers the batches of a session: the attempts of each are numbered from 1, and the pacer must tell them apart.
#[derive(Debug, Default)]
pub(crate) struct Batches(AtomicU64);

/// The pacer of one batch.
pub(crate) struct Pacing {
    pacer: Arc<LocalPacer>,
    clock: TokioClock,
    /// Added to the numbers of attempts.
    base: u64,
    cap: Option<Cap>,
}

/// One call in each interval.
struct Cap {
    rate: Rate,
    /// When the next call may go.
    next: Mutex<Mono>,
}

impl Pacing {
    /// The pace of a session for one more batch.
    pub(crate) fn new(session: &Session, batches: &Batches, max_rate: Option<Rate>) -> Self {
        let number = batches.0.fetch_add(1, Ordering::Relaxed) + 1;
        Self {
            pacer: Arc::clone(&session.pacer),
            clock: session.clock,
            base: number * ATTEMPTS,
            cap: max_rate.map(|rate| Cap { rate, next: Mutex::new(Mono::ZERO) }),
        }
    }
}

impl Cap {
    /// Books the next place.
    fn book(&self, now: Mono) -> Mono {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (*next).max(now);
        *next = place + self.rate.interval();
        place
    }
}

impl Pacer for Pacing {
    fn acquire(&self, attempt: AttemptId, class: Class, urgent: bool) -> BoxFuture<'static, Permit> {
        let own = AttemptId(self.base + attempt.0);
        let rename = move |permit| Permit { attempt, ..permit };
        let Some(cap) = &self.cap else {
            let granted = self.pacer.acquire(own, class, urgent);
            return Box::pin(async move { rename(granted.await) });
        };
        // The cap comes first: a permit that waits for it would be lost to others.
        let place = cap.book(self.clock.mono());
        let (pacer, clock) = (Arc::clone(&self.pacer), self.clock);
        Box::pin(async move {
            clock.sleep_until(place).await;
            rename(pacer.acquire(own, class, urgent).await)
        })
    }

    fn release(&self, permit: Permit) {
        self.pacer.release(Permit { attempt: AttemptId(self.base + permit.attempt.0), ..permit });
    }

    fn observe(&self, permit: Permit, attempt: &Attempt) {
        self.pacer.observe(Permit { attempt: AttemptId(self.base + permit.attempt.0), ..permit }, attempt);
    }
}
