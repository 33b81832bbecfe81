//! The pacer of one process: keeps its calls within the quota of its key.
//!
//! All arithmetic is [`Quota`]'s. This module makes callers wait their turn: first come, first served within a class, the
//! urgent ones ahead.

use crate::{
    machine::{AttemptId, Permit},
    ports::{Clock, Pacer},
    quota::{Leave, Quota, QuotaView, Rate},
};
use connexa_types::{Attempt, Class, Mono};
use event_listener::Event;
use futures_util::{
    FutureExt as _,
    future::{self, BoxFuture},
};
use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a permit holds.
const PERMIT_HOLDS: Duration = Duration::from_secs(30);

/// How a pacer paces.
#[derive(Clone, Copy, Debug, Default)]
pub struct PacerOptions {
    /// A cap on all calls together.
    pub max_rate: Option<Rate>,
    /// Seed of the jitter.
    pub seed: u64,
}

/// A pacer for one key in one process.
pub struct LocalPacer {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Something has changed: whoever waits looks again.
    changed: Event,
}

struct State {
    quota: Quota,
    queues: [BTreeSet<Ticket>; 2],
    tickets: u64,
}

/// A place in a queue; the least is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket {
    /// False sorts first.
    patient: bool,
    number: u64,
}

impl fmt::Debug for LocalPacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalPacer").finish_non_exhaustive()
    }
}

impl LocalPacer {
    /// A pacer that knows nothing yet.
    pub fn new(clock: Arc<dyn Clock>, options: PacerOptions) -> Self {
        let quota = Quota::new(options.max_rate, options.seed);
        let state = State { quota, queues: Default::default(), tickets: 0 };
        Self { inner: Arc::new(Inner { clock, state: Mutex::new(state), changed: Event::new() }) }
    }

    /// What is known of the quota now.
    pub fn snapshot(&self) -> QuotaView {
        let now = self.inner.clock.now().mono;
        self.inner.state().quota.view(now)
    }
}

impl Pacer for LocalPacer {
    fn acquire(&self, attempt: AttemptId, class: Class, urgent: bool) -> BoxFuture<'static, Permit> {
        // The place is taken now, not when the future is first polled: first come, first served.
        let place = Place::take(&self.inner, attempt, class, urgent);
        // Where nothing holds the call up, which is nearly always, no waiting is set up at all.
        match place.try_go() {
            Turn::Granted(permit) => {
                let unclaimed = Unclaimed { inner: Arc::clone(&self.inner), permit, claimed: false };
                future::lazy(move |_| unclaimed.claim()).boxed()
            }
            Turn::NotBefore(_) | Turn::Later => place.wait().boxed(),
        }
    }

    fn release(&self, permit: Permit) {
        self.inner.release(permit);
    }

    fn observe(&self, permit: Permit, attempt: &Attempt) {
        let now = self.inner.clock.now().mono;
        self.inner.state().quota.observe(now, permit.attempt, permit.class, attempt);
        self.inner.changed.notify(usize::MAX);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // The arithmetic is total; a poisoned lock still guards a sound state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, permit: Permit) {
        let now = self.clock.now().mono;
        self.state().quota.release(now, permit.attempt, permit.class);
        self.changed.notify(usize::MAX);
    }
}

/// A permit that was there at once, until it is taken. Whoever drops the future first has not sent anything.
struct Unclaimed {
    inner: Arc<Inner>,
    permit: Permit,
    claimed: bool,
}

impl Unclaimed {
    fn claim(mut self) -> Permit {
        self.claimed = true;
        self.permit
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if !self.claimed {
            self.inner.release(self.permit);
        }
    }
}

impl State {
    fn queue(&mut self, class: Class) -> &mut BTreeSet<Ticket> {
        match class {
            Class::Read => &mut self.queues[0],
            Class::Update => &mut self.queues[1],
        }
    }
}

/// A place in the queue of a class; given up when dropped.
struct Place {
    inner: Arc<Inner>,
    attempt: AttemptId,
    class: Class,
    ticket: Ticket,
}

/// What a look at the queue says.
enum Turn {
    Granted(Permit),
    /// First in the queue, and its time is known.
    NotBefore(Mono),
    /// When something changes.
    Later,
}

impl Place {
    fn take(inner: &Arc<Inner>, attempt: AttemptId, class: Class, urgent: bool) -> Self {
        let mut state = inner.state();
        state.tickets += 1;
        let ticket = Ticket { patient: !urgent, number: state.tickets };
        state.queue(class).insert(ticket);
        drop(state);
        Self { inner: Arc::clone(inner), attempt, class, ticket }
    }

    fn try_go(&self) -> Turn {
        let now = self.inner.clock.now().mono;
        let mut state = self.inner.state();
        if state.queue(self.class).first() != Some(&self.ticket) {
            return Turn::Later;
        }
        match state.quota.leave(now, self.class) {
            Leave::Now => {
                state.quota.permit(now, self.attempt, self.class);
                let until = now + PERMIT_HOLDS;
                Turn::Granted(Permit { attempt: self.attempt, class: self.class, until })
            }
            Leave::At(at) => Turn::NotBefore(at),
            Leave::AfterAnswer => Turn::Later,
        }
    }

    async fn wait(self) -> Permit {
        loop {
            // Listening starts before the look, so that no change in between is missed.
            let changed = self.inner.changed.listen();
            match self.try_go() {
                Turn::Granted(permit) => return permit,
                Turn::NotBefore(at) => {
                    future::select(changed, self.inner.clock.sleep_until(at)).await;
                }
                Turn::Later => changed.await,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.state().queue(self.class).remove(&self.ticket);
        self.inner.changed.notify(usize::MAX);
    }
}
