//! The pacer of one process: keeps its calls within the quota of its key.
//!
//! All arithmetic is [`Quota`]'s. This module makes callers wait their turn: first come, first served within a class, the
//! urgent ones ahead. Processes that use one key can share its quota through a [`QuotaStore`]: each look, each permit and
//! each answer is then one exchange with it. A process that cannot get at the store paces alone from then on, with what it
//! knows.

use crate::{
    machine::{AttemptId, Permit},
    ports::{Clock, Pacer},
    quota::{Leave, Owner, Quota, QuotaView, Rate, SharedQuota, elapsed},
};
use connexa_types::{Attempt, Class, Mono, Now};
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
/// How soon to look again for what other processes have changed: the answer that all wait for, or a permit given back.
const LOOK_FOR_ANSWER: Duration = Duration::from_millis(20);
const LOOK_FOR_TOKEN: Duration = Duration::from_millis(250);

/// How a pacer paces.
#[derive(Clone, Copy, Debug, Default)]
pub struct PacerOptions {
    /// A cap on all calls together.
    pub max_rate: Option<Rate>,
    /// Seed of the jitter.
    pub seed: u64,
}

/// Where the quota of a key is kept for all processes that use it.
pub trait QuotaStore: Send + Sync {
    /// Takes the store for this process alone, until what is returned is dropped. Waits for others, but not for ever; the
    /// error says in words why it is not to be had.
    fn lock(&self) -> Result<Box<dyn LockedQuota + '_>, String>;
}

/// A [`QuotaStore`] that this process has for itself.
pub trait LockedQuota {
    /// What was written last; nothing at first. It may have been damaged since.
    fn read(&mut self) -> Result<Vec<u8>, String>;
    /// Replaces it.
    fn write(&mut self, bytes: &[u8]) -> Result<(), String>;
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
    /// Where the quota is shared; `None` if this process paces alone.
    shared: Option<Shared>,
    /// Why it paces alone, if it was not meant to.
    alone: Option<String>,
    queues: [BTreeSet<Ticket>; 2],
    tickets: u64,
}

/// The other side of a shared quota.
struct Shared {
    store: Arc<dyn QuotaStore>,
    /// What this process has last seen there or left there: while it stands, the quota in memory is the shared one.
    last: Vec<u8>,
    /// The number of that hand.
    serial: u64,
    /// The clocks then.
    looked: Option<Now>,
}

/// Whether work on a quota has changed it, so that others must see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changed {
    Yes,
    No,
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
        Self::with(clock, options, None)
    }

    /// A pacer that shares the quota with other processes, and knows what the last of them has left. `me` is a number that
    /// no other process has picked.
    pub fn shared(
        clock: Arc<dyn Clock>,
        options: PacerOptions,
        me: Owner,
        store: Arc<dyn QuotaStore>,
    ) -> Self {
        let shared = Shared { store, last: Vec::new(), serial: 0, looked: None };
        let pacer = Self::with(clock, options, Some(shared));
        pacer.inner.state().quota.join(me);
        // A first look: what is remembered is known from the beginning.
        pacer.snapshot();
        pacer
    }

    fn with(clock: Arc<dyn Clock>, options: PacerOptions, shared: Option<Shared>) -> Self {
        let quota = Quota::new(options.max_rate, options.seed);
        let state = State { quota, shared, alone: None, queues: Default::default(), tickets: 0 };
        Self { inner: Arc::new(Inner { clock, state: Mutex::new(state), changed: Event::new() }) }
    }

    /// What is known of the quota now.
    pub fn snapshot(&self) -> QuotaView {
        self.inner.exchange(|quota, now| (quota.view(now), Changed::No))
    }

    /// Shows other processes that the calls of this one are still on their way; to be called every few seconds while there
    /// are any.
    pub fn keep_alive(&self) {
        self.inner.exchange(|quota, _| ((), if quota.is_waiting() { Changed::Yes } else { Changed::No }));
    }

    /// Why this process paces alone although it was to share the quota; told once.
    pub fn take_reason_to_be_alone(&self) -> Option<String> {
        self.inner.state().alone.take()
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
        self.inner.exchange(|quota, now| {
            quota.observe(now, permit.attempt, permit.class, attempt);
            ((), Changed::Yes)
        });
        self.inner.changed.notify(usize::MAX);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // The arithmetic is total; a poisoned lock still guards a sound state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, permit: Permit) {
        self.exchange(|quota, now| {
            quota.release(now, permit.attempt, permit.class);
            ((), Changed::Yes)
        });
        self.changed.notify(usize::MAX);
    }

    /// Works on the quota as all who share it know it.
    fn exchange<T>(&self, work: impl FnOnce(&mut Quota, Mono) -> (T, Changed)) -> T {
        self.state().exchange(&*self.clock, work)
    }
}

impl State {
    fn exchange<T>(&mut self, clock: &dyn Clock, work: impl FnOnce(&mut Quota, Mono) -> (T, Changed)) -> T {
        let Self { quota, shared, alone, .. } = self;
        let exchanged = match shared {
            Some(shared) => shared.exchange(quota, clock, work),
            None => Ok(work(quota, clock.now().mono).0),
        };
        exchanged.unwrap_or_else(|(why, work)| {
            *alone = Some(why);
            *shared = None;
            quota.part(clock.now().mono);
            match work {
                Work::Done(done) => done,
                Work::Open(work) => work(quota, clock.now().mono).0,
            }
        })
    }

    fn go_alone(&mut self, clock: &dyn Clock) {
        if self.shared.take().is_some() {
            self.quota.part(clock.now().mono);
        }
    }
}

/// How far an exchange came before the store failed.
enum Work<T, W> {
    /// The work is done, but nobody else knows.
    Done(T),
    /// The work is still to do.
    Open(W),
}

impl Shared {
    /// Gets the quota from the store, works on it, and puts it back if that has changed it.
    fn exchange<T, W>(
        &mut self,
        quota: &mut Quota,
        clock: &dyn Clock,
        work: W,
    ) -> Result<T, (String, Work<T, W>)>
    where
        W: FnOnce(&mut Quota, Mono) -> (T, Changed),
    {
        let locked = self.store.lock().and_then(|mut locked| {
            let bytes = locked.read()?;
            Ok((locked, bytes))
        });
        let (mut locked, bytes) = match locked {
            Ok(locked) => locked,
            Err(why) => return Err((why, Work::Open(work))),
        };
        // Waiting for others took time.
        let now = clock.now();
        if bytes != self.last {
            // What cannot be read, or is older than what this process has seen, is worth less than what it knows itself.
            if let Some(found) = SharedQuota::parse(&bytes).filter(|found| found.serial() > self.serial) {
                quota.adopt(&found, now.mono, elapsed(found.written(), now, self.looked));
                self.serial = found.serial();
            }
            self.last = bytes;
        }
        self.looked = Some(now);
        quota.forget_the_lost(now.mono);
        let (done, changed) = work(quota, now.mono);
        if changed == Changed::Yes {
            self.serial += 1;
            let line = quota.share(now, self.serial).to_line();
            if let Err(why) = locked.write(&line) {
                return Err((why, Work::Done(done)));
            }
            self.last = line;
        }
        Ok(done)
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
        let mut state = self.inner.state();
        if state.queue(self.class).first() != Some(&self.ticket) {
            return Turn::Later;
        }
        if state.quota.is_vast() {
            // Who else draws makes no difference: not worth an exchange for each call.
            state.go_alone(&*self.inner.clock);
        }
        let sharing = state.shared.is_some();
        let (attempt, class) = (self.attempt, self.class);
        state.exchange(&*self.inner.clock, |quota, now| {
            let soon = |time| if sharing { now + time } else { Mono::FAR };
            let turn = match quota.leave(now, class) {
                Leave::Now => {
                    quota.permit(now, attempt, class);
                    let permit = Permit { attempt, class, until: now + PERMIT_HOLDS };
                    return (Turn::Granted(permit), Changed::Yes);
                }
                Leave::At(at) => Turn::NotBefore(at.min(soon(LOOK_FOR_TOKEN))),
                Leave::AfterAnswer if sharing => Turn::NotBefore(soon(LOOK_FOR_ANSWER)),
                Leave::AfterAnswer => Turn::Later,
            };
            (turn, Changed::No)
        })
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
