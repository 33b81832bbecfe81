//! Virtual time, and an executor for one future on it.

use connexa_engine::ports::Clock;
use connexa_types::{Mono, Now, Timestamp};
use futures_util::future::BoxFuture;
use std::{
    collections::BTreeMap,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

/// A clock that stands still while there is something to do, then jumps to the next moment that somebody waits for.
#[derive(Clone)]
pub struct SimClock(Arc<Mutex<State>>);

struct State {
    now: Mono,
    number: u64,
    sleepers: BTreeMap<(Mono, u64), Waker>,
    /// Sleepers wake up to so much late, as real timers do.
    lateness: Duration,
    random: fastrand::Rng,
}

impl SimClock {
    pub fn new() -> Self {
        Self::with_lateness(Duration::ZERO, 0)
    }

    pub fn with_lateness(lateness: Duration, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let sleepers = BTreeMap::new();
        Self(Arc::new(Mutex::new(State { now: Mono::ZERO, number: 0, sleepers, lateness, random })))
    }

    pub fn mono(&self) -> Mono {
        self.0.lock().unwrap().now
    }

    /// Sleeps exactly until a moment: for what is no timer, such as a request on its way.
    pub fn pass_until(&self, at: Mono) -> impl Future<Output = ()> + Send + 'static {
        let mut state = self.0.lock().unwrap();
        state.number += 1;
        Sleep { key: (at, state.number), clock: self.clone() }
    }

    /// Runs a future to its end.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            while flag.0.swap(false, Ordering::Relaxed) {
                if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                    return done;
                }
            }
            let mut state = self.0.lock().unwrap();
            let ((at, _), waker) = state.sleepers.pop_first().expect("somebody waits for something");
            state.now = state.now.max(at);
            drop(state);
            waker.wake();
        }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Now {
        let mono = self.0.lock().unwrap().now;
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        Now { mono, wall: start.checked_add(mono.since_origin()).unwrap_or(Timestamp::MAX) }
    }

    fn sleep_until(&self, at: Mono) -> BoxFuture<'static, ()> {
        let lateness = {
            let mut state = self.0.lock().unwrap();
            let most = u64::try_from(state.lateness.as_nanos()).unwrap();
            Duration::from_nanos(state.random.u64(0..=most))
        };
        Box::pin(self.pass_until(at + lateness))
    }
}

struct Sleep {
    key: (Mono, u64),
    clock: SimClock,
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.0.lock().unwrap();
        if state.now >= self.key.0 {
            state.sleepers.remove(&self.key);
            return Poll::Ready(());
        }
        state.sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.lock().unwrap().sleepers.remove(&self.key);
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
