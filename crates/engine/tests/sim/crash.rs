//! Crashes: the moments at which the client's process may die, and a journal that holds no more than it has promised.

use super::clock::SimClock;
use connexa_engine::{
    machine::{JournalFailure, Seq},
    plan::Plan,
    ports::{Claim, ClaimError, Journal, Lease, ReadJournalError},
    record::{Record, RunHead, RunId, Stored},
};
use connexa_types::TenantId;
use futures_util::{
    FutureExt as _,
    future::{self, BoxFuture},
};
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

/// Counts the moments at which the process may die, and says at which it does.
#[derive(Clone, Debug, Default)]
pub struct Points(Arc<Mutex<Count>>);

#[derive(Debug, Default)]
struct Count {
    reached: usize,
    dies_at: Option<usize>,
    dead: bool,
}

impl Points {
    /// The process dies at the given point, counted from 1; never if there is none.
    pub fn new(dies_at: Option<usize>) -> Self {
        Self(Arc::new(Mutex::new(Count { reached: 0, dies_at, dead: false })))
    }

    /// Reaches a point; whether the process is dead.
    pub fn reached(&self) -> bool {
        let mut count = self.0.lock().unwrap();
        if !count.dead {
            count.reached += 1;
            count.dead = count.dies_at == Some(count.reached);
        }
        count.dead
    }

    pub fn is_dead(&self) -> bool {
        self.0.lock().unwrap().dead
    }

    /// How many points there were.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap().reached
    }

    /// Runs a future until it ends, or the process dies: then whatever it was at is dropped.
    pub async fn or_death<F: Future>(&self, future: F) -> Option<F::Output> {
        let future = pin!(future);
        Mortal { points: self, future }.await
    }
}

struct Mortal<'p, F> {
    points: &'p Points,
    future: Pin<&'p mut F>,
}

impl<F: Future> Future for Mortal<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.future.as_mut().poll(context);
        match polled {
            _ if self.points.is_dead() => Poll::Ready(None),
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The journal of one run. What it has not called durable is gone after a crash; how much more, a test says.
#[derive(Clone)]
pub struct SimJournal {
    clock: SimClock,
    state: Arc<Mutex<State>>,
}

struct State {
    records: Vec<Record>,
    durable: usize,
    epoch: u64,
    /// How long appends take, in microseconds.
    delay: u64,
    points: Points,
}

impl SimJournal {
    pub fn new(clock: &SimClock, delay: u64) -> Self {
        let points = Points::default();
        let state = State { records: Vec::new(), durable: 0, epoch: 0, delay, points };
        Self { clock: clock.clone(), state: Arc::new(Mutex::new(state)) }
    }

    /// A process begins, with the points at which it may die.
    pub fn begin(&self, points: Points) {
        self.state.lock().unwrap().points = points;
    }

    /// The process has died. Of what was durable the last `lost` records are gone too, all but the first.
    pub fn crash(&self, lost: usize) {
        let mut state = self.state.lock().unwrap();
        let kept = state.durable.saturating_sub(lost).max(state.durable.min(1));
        state.records.truncate(kept);
        state.durable = kept;
        state.epoch += 1;
    }

    /// What the lease of a process that begins now says.
    pub fn epoch(&self) -> u64 {
        self.state.lock().unwrap().epoch
    }

    pub fn records(&self) -> Vec<Record> {
        let state = self.state.lock().unwrap();
        state.records[..state.durable].to_vec()
    }

    async fn written(self, epoch: u64, last: usize, delay: u64) -> Result<Seq, JournalFailure> {
        let at = self.clock.mono() + Duration::from_micros(delay);
        self.clock.pass_until(at).await;
        if self.state.lock().unwrap().points.reached() {
            return future::pending().await;
        }
        let dead = {
            let mut state = self.state.lock().unwrap();
            if state.epoch != epoch {
                return Err(JournalFailure::Fenced);
            }
            state.durable = state.durable.max(last);
            state.points.reached()
        };
        if dead { future::pending().await } else { Ok(Seq(last as u64)) }
    }
}

impl Journal for SimJournal {
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Lease, ClaimError>> {
        let epoch = self.state.lock().unwrap().epoch;
        future::ready(Ok(Lease { run: claim.run, epoch })).boxed()
    }

    fn append(&self, lease: &Lease, records: Vec<Record>) -> BoxFuture<'static, Result<Seq, JournalFailure>> {
        let mut state = self.state.lock().unwrap();
        if state.epoch != lease.epoch {
            return future::ready(Err(JournalFailure::Fenced)).boxed();
        }
        state.records.extend(records);
        let (last, delay) = (state.records.len(), state.delay);
        if state.points.reached() {
            return future::pending().boxed();
        }
        drop(state);
        self.clone().written(lease.epoch, last, delay).boxed()
    }

    fn read<'a>(
        &'a self,
        _: &'a RunId,
        _: Seq,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>, ReadJournalError>> {
        unreachable!("tests read it whole")
    }

    fn plan<'a>(&'a self, _: &'a RunId) -> BoxFuture<'a, Result<Arc<Plan>, ReadJournalError>> {
        unreachable!("tests hold the plan")
    }

    fn head<'a>(&'a self, _: &'a RunId) -> BoxFuture<'a, Result<RunHead, ReadJournalError>> {
        unreachable!("tests read it whole")
    }

    fn ask_to_stop<'a>(&'a self, _: &'a RunId) -> BoxFuture<'a, Result<bool, ReadJournalError>> {
        unreachable!("tests stop runs by their input")
    }

    fn asked_to_stop<'a>(&'a self, _: &'a Lease) -> BoxFuture<'a, Result<bool, ReadJournalError>> {
        unreachable!("tests stop runs by their input")
    }

    fn abandon<'a>(&'a self, _: &'a RunId) -> BoxFuture<'a, Result<Vec<String>, ReadJournalError>> {
        unreachable!("tests abandon runs by their goal")
    }

    fn runs<'a>(
        &'a self,
        _: &'a TenantId,
        _: Option<RunId>,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<RunHead>, ReadJournalError>> {
        unreachable!("there is one run")
    }

    fn release(&self, _: Lease) -> BoxFuture<'_, Result<(), JournalFailure>> {
        future::ready(Ok(())).boxed()
    }
}
