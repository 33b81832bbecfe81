//! Laws of a quota that several processes share: together they pace as one, and nothing that can happen to what they share
//! makes any of them hang, panic or run wild.

#![expect(clippy::unwrap_used, reason = "tests; a poisoned lock is a failed test")]

mod sim;

use connexa_engine::{
    machine::AttemptId,
    pacer::{LocalPacer, LockedQuota, PacerOptions, QuotaStore},
    ports::{Clock, Pacer as _},
    quota::{Owner, SharedQuota, elapsed},
    report::QuotaSource,
};
use connexa_types::{Answer, AnswerBody, Attempt, Class, Mono, Now, Outcome, QuotaHeaders, Timestamp};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all, select},
};
use proptest::prelude::*;
use sim::{
    bucket::{Bucket, Numbers},
    clock::SimClock,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

/// The store: some bytes that everybody can get at, and that can be made unavailable.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<(Vec<u8>, bool)>>);

struct AtTable<'a>(MutexGuard<'a, (Vec<u8>, bool)>);

impl Table {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }
    fn put(&self, bytes: Vec<u8>) {
        self.0.lock().unwrap().0 = bytes;
    }
    fn shut(&self) {
        self.0.lock().unwrap().1 = true;
    }
}

impl QuotaStore for Table {
    fn lock(&self) -> Result<Box<dyn LockedQuota + '_>, String> {
        let table = self.0.lock().unwrap();
        if table.1 { Err("shut".to_owned()) } else { Ok(Box::new(AtTable(table))) }
    }
}

impl LockedQuota for AtTable<'_> {
    fn read(&mut self) -> Result<Vec<u8>, String> {
        Ok(self.0.0.clone())
    }
    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0.0 = bytes.to_vec();
        Ok(())
    }
}

/// The clocks of one process: time began when it started, and the wall clock is one that all share and somebody can set.
#[derive(Clone)]
struct ProcessClock {
    sim: SimClock,
    origin: Duration,
    wall: Arc<Mutex<i64>>,
}

impl Clock for ProcessClock {
    fn now(&self) -> Now {
        let now = self.sim.now();
        let set = jiff::SignedDuration::from_millis(*self.wall.lock().unwrap());
        Now { mono: now.mono - self.origin, wall: now.wall.checked_add(set).unwrap() }
    }
    fn sleep_until(&self, at: Mono) -> BoxFuture<'static, ()> {
        self.sim.sleep_until(at + self.origin)
    }
}

/// The service: one bucket for both classes or one for each, and a count of what it has seen.
struct Server {
    buckets: [Bucket; 2],
    shared: bool,
    served: u64,
    refused: u64,
}

struct World {
    sim: SimClock,
    wall: Arc<Mutex<i64>>,
    table: Table,
    server: Arc<Mutex<Server>>,
    random: Arc<Mutex<fastrand::Rng>>,
}

impl World {
    fn new(numbers: Numbers, shared: bool, seed: u64) -> Self {
        let bucket = Bucket::full(numbers);
        let server = Server { buckets: [bucket.clone(), bucket], shared, served: 0, refused: 0 };
        Self {
            sim: SimClock::with_lateness(Duration::from_millis(1), seed),
            wall: Arc::default(),
            table: Table::default(),
            server: Arc::new(Mutex::new(server)),
            random: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))),
        }
    }

    /// A process that starts now.
    fn process(&self, number: u64) -> Process {
        let clock = ProcessClock {
            sim: self.sim.clone(),
            origin: self.sim.mono().since_origin(),
            wall: Arc::clone(&self.wall),
        };
        let table = Arc::new(self.table.clone());
        let options = PacerOptions { seed: number, ..PacerOptions::default() };
        let pacer = LocalPacer::shared(Arc::new(clock.clone()), options, Owner(number), table);
        Process {
            clock,
            pacer: Arc::new(pacer),
            server: Arc::clone(&self.server),
            random: Arc::clone(&self.random),
        }
    }

    fn refused(&self) -> u64 {
        self.server.lock().unwrap().refused
    }
    fn served(&self) -> u64 {
        self.server.lock().unwrap().served
    }
}

#[derive(Clone)]
struct Process {
    clock: ProcessClock,
    pacer: Arc<LocalPacer>,
    server: Arc<Mutex<Server>>,
    random: Arc<Mutex<fastrand::Rng>>,
}

impl Process {
    fn trip(&self) -> Duration {
        Duration::from_micros(self.random.lock().unwrap().u64(500..40_000))
    }

    /// Makes one call, again and again until it is served.
    async fn call(&self, attempt: u64, class: Class) {
        loop {
            let permit = self.pacer.acquire(AttemptId(attempt), class, false).await;
            let sent_at = self.clock.now().mono;
            let made = self.send(class, sent_at).await;
            self.pacer.observe(permit, &made);
            if matches!(made.outcome, Outcome::Applied(_)) {
                return;
            }
        }
    }

    async fn send(&self, class: Class, sent_at: Mono) -> Attempt {
        self.clock.sim.pass_until(self.clock.sim.mono() + self.trip()).await;
        let (allowed, quota) = {
            let mut server = self.server.lock().unwrap();
            let index = usize::from(class == Class::Update && !server.shared);
            let taken = server.buckets[index].take(self.clock.sim.mono());
            *if taken.0 { &mut server.served } else { &mut server.refused } += 1;
            taken
        };
        self.clock.sim.pass_until(self.clock.sim.mono() + self.trip()).await;
        self.attempt(allowed, Some(quota), sent_at)
    }

    fn attempt(&self, allowed: bool, quota: Option<QuotaHeaders>, sent_at: Mono) -> Attempt {
        let answer = Answer { status: 200, body: AnswerBody::Empty, sealed: BTreeMap::new() };
        let outcome = if allowed { Outcome::Applied(answer) } else { Outcome::Throttled(None) };
        let ended_at = self.clock.now().mono;
        Attempt { outcome, quota, wire_calls: 1, token_calls: 0, sent_at, ended_at, product: None }
    }

    /// Makes `calls` calls with so many workers, alive until the last is served.
    async fn work(&self, calls: u64, workers: u64, class: impl Fn(u64) -> Class + Copy) {
        let all = join_all((0..workers).map(|worker| async move {
            for number in (worker..calls).step_by(usize::try_from(workers).unwrap()) {
                self.call(number, class(number)).await;
            }
        }));
        let alive = async {
            loop {
                self.clock.sleep_until(self.clock.now().mono + Duration::from_secs(3)).await;
                self.pacer.keep_alive();
            }
        };
        select(all.boxed_local(), alive.boxed_local()).await;
    }
}

fn updates(_: u64) -> Class {
    Class::Update
}

fn numbers() -> impl Strategy<Value = Numbers> {
    (1_u32..30, 1_u32..20, 1_u32..20).prop_map(|(burst, rate, seconds)| Numbers::new(burst, rate, seconds))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Several processes that start together and use one bucket: not one refusal, and all of the bucket is used.
    #[test]
    fn together_they_pace_as_one(
        numbers in numbers(), seed: u64, processes in 1_u64..5, workers in 1_u64..9, calls in 1_u64..40,
    ) {
        let world = World::new(numbers, true, seed);
        let all: Vec<Process> = (0..processes).map(|number| world.process(number)).collect();
        world.sim.run(join_all(all.iter().map(|process| process.work(calls, workers, updates))));
        prop_assert_eq!(world.served(), calls * processes);
        // A bucket of one token forgives nothing: a call that is quicker on its way than any before may come too early once.
        prop_assert!(world.refused() <= u64::from(numbers.burst == 1), "{}", world.refused());
        let missing = u32::try_from(calls * processes).unwrap().saturating_sub(numbers.burst);
        let bound = (numbers.period() * missing).mul_f64(1.01) + Duration::from_secs(1);
        // Each of them puts what it has heard to the proof once, and all wait for the very first answer.
        let probes = Duration::from_millis(100 * (processes + 1));
        // A bucket of one token banks nothing: how much later than the one before a call arrives is lost, and a pace that
        // is never refused waits for the slowest way there.
        let unbanked = if numbers.burst == 1 { Duration::from_millis(50) * missing } else { Duration::ZERO };
        let took = world.sim.mono().since_origin();
        // One call after the other takes its time however many tokens there are.
        let latency = Duration::from_millis(90) * u32::try_from(calls.div_ceil(workers)).unwrap();
        let bound = (bound + unbanked).max(latency) + probes;
        prop_assert!(took <= bound, "{took:?} > {bound:?}");
    }

    /// Two buckets, both classes, processes that come and go: one that comes later knows what is left, and one that dies with
    /// calls on their way takes no more than their tokens with it.
    #[test]
    fn who_comes_later_knows_what_is_left(
        numbers in numbers(), shared: bool, seed: u64, workers in 1_u64..9, calls in 1_u64..30,
    ) {
        let world = World::new(numbers, shared, seed);
        let mixed = |number: u64| if number.is_multiple_of(3) { Class::Read } else { Class::Update };
        let first = world.process(1);
        world.sim.run(first.work(calls, workers, mixed));
        let refused = world.refused();
        // One bucket for both classes is found out by two calls of different classes, at the price of a refusal at most.
        prop_assert!(refused <= 1, "{refused}");

        // Dies with a call on its way.
        let second = world.process(2);
        let permit = world.sim.run(second.pacer.acquire(AttemptId(1), Class::Update, false));
        let _ = world.sim.run(second.send(Class::Update, permit.until));
        drop(second);

        let third = world.process(3);
        let before = world.sim.mono();
        world.sim.run(third.work(calls, workers, mixed));
        prop_assert!(world.refused() <= refused + u64::from(shared), "{} > {refused}", world.refused());
        let total = u32::try_from(calls + 1).unwrap();
        let took = world.sim.mono().saturating_since(before);
        // Nobody waits for the dead one for long.
        let bound = numbers.period() * (total + 1) + Duration::from_secs(12);
        prop_assert!(took <= bound, "{took:?} > {bound:?}");
    }

    /// Whatever becomes of the store and of the wall clock, every call is made, in about the time that one process alone
    /// would take, with no more refusals than things that went wrong.
    #[test]
    fn mishaps_cost_little(
        numbers in numbers(), seed: u64,
        mishaps in prop::collection::vec((0_u64..20_000, 0_u8..6), 1..6), calls in 1_u64..30,
    ) {
        let world = World::new(numbers, true, seed);
        let all: Vec<Process> = (0..2).map(|number| world.process(number)).collect();
        let work = join_all(all.iter().map(|process| process.work(calls, 4, updates)));
        let mut old = Vec::new();
        let trouble = async {
            for (wait, what) in &mishaps {
                world.sim.pass_until(world.sim.mono() + Duration::from_millis(*wait)).await;
                let bytes = world.table.bytes();
                match what {
                    0 => world.table.put(Vec::new()),
                    1 => world.table.put(bytes[..bytes.len() / 2].to_vec()),
                    2 => world.table.put(b"{\"format\": 1}\n\xff\0".to_vec()),
                    3 => world.table.put(std::mem::replace(&mut old, bytes)),
                    4 => *world.wall.lock().unwrap() += 3_600_000,
                    _ => *world.wall.lock().unwrap() -= 7_200_000,
                }
            }
            if mishaps.len() == 5 {
                world.table.shut();
            }
            std::future::pending::<()>().await;
        };
        world.sim.run(select(work.boxed_local(), trouble.boxed_local()));
        prop_assert_eq!(world.served(), 2 * calls);
        // What is lost of the common knowledge, the calls on their way then or after it may pay for. Two that have become
        // strangers to one another meet at each token.
        let strangers = if mishaps.len() == 5 { 2 * calls } else { 0 };
        let most = u64::try_from(mishaps.len()).unwrap() * 8 + strangers;
        prop_assert!(world.refused() <= most, "{}", world.refused());
        let took = world.sim.mono().since_origin();
        let bound = numbers.period() * u32::try_from(2 * calls + 20).unwrap() * 2 + Duration::from_mins(5);
        prop_assert!(took <= bound, "{took:?} > {bound:?}");
    }

    /// No bytes are a panic, and nothing that can be read makes a process wait for long.
    #[test]
    fn no_value_is_a_trap(at in any::<prop::sample::Index>(), to: u8, seed: u64, number: i128) {
        let world = World::new(Numbers::new(2, 1, 2), true, seed);
        world.sim.run(world.process(1).work(3, 2, updates));
        let good = world.table.bytes();
        prop_assert!(SharedQuota::parse(&good).is_some_and(|quota| quota.to_line() == good));
        let mut flipped = good.clone();
        *at.get_mut(&mut flipped) = to;
        let levels = |text: &str, level: i128| {
            let (before, rest) = text.split_once("\"credit\":").unwrap();
            let (_, after) = rest.split_once(',').unwrap();
            format!("{before}\"credit\":{level},{after}").into_bytes()
        };
        let text = String::from_utf8(good).unwrap();
        for bytes in [flipped, levels(&text, number), levels(&text, i128::MIN), levels(&text, i128::MAX)] {
            world.table.put(bytes);
            let before = world.sim.mono();
            world.sim.run(world.process(2).work(3, 1, updates));
            let took = world.sim.mono().saturating_since(before);
            prop_assert!(took <= Duration::from_mins(70), "{took:?}");
        }
    }
}

#[test]
fn what_an_earlier_process_saw_is_remembered() {
    let world = World::new(Numbers::new(5, 1, 10), false, 1);
    world.sim.run(world.process(1).work(4, 1, updates));
    let next = world.process(2);
    let view = next.pacer.snapshot();
    let update = view.classes[&Class::Update];
    assert_eq!((update.burst, update.rate, update.seconds, update.tokens), (5, 1, 10, 1));
    assert_eq!((update.source, view.classes.len()), (QuotaSource::Remembered, 1));
    // Tokens flow while nobody is there.
    world.sim.run(world.sim.pass_until(world.sim.mono() + Duration::from_mins(2)));
    assert_eq!(world.process(3).pacer.snapshot().classes[&Class::Update].tokens, 5);
    world.sim.run(next.work(1, 1, updates));
    assert_eq!(next.pacer.snapshot().classes[&Class::Update].source, QuotaSource::Observed);
}

/// What others say is put to the proof by one call: here the service was given another bucket meanwhile.
#[test]
fn hearsay_is_put_to_the_proof_by_one_call() {
    let world = World::new(Numbers::new(20, 1, 10), true, 1);
    world.sim.run(world.process(1).work(3, 1, updates));
    world.sim.run(world.sim.pass_until(world.sim.mono() + Duration::from_hours(1)));
    world.server.lock().unwrap().buckets[0] = Bucket::with_tenths(Numbers::new(2, 1, 1), 0);
    world.sim.run(world.sim.pass_until(world.sim.mono() + Duration::from_millis(10)));
    world.sim.run(world.process(2).work(6, 6, updates));
    assert_eq!(world.refused(), 0, "an hour has filled the new bucket, and one call has shown it");
}

#[test]
fn a_process_that_cannot_get_at_the_store_paces_alone_and_says_so_once() {
    let world = World::new(Numbers::new(2, 1, 1), true, 1);
    let process = world.process(1);
    world.sim.run(process.work(2, 1, updates));
    assert_eq!(process.pacer.take_reason_to_be_alone(), None);
    world.table.shut();
    world.sim.run(process.work(4, 2, updates));
    assert_eq!(process.pacer.take_reason_to_be_alone().as_deref(), Some("shut"));
    assert_eq!(process.pacer.take_reason_to_be_alone(), None);
    assert_eq!((world.served(), world.refused()), (6, 0));
}

#[test]
fn so_much_of_the_time_is_believed() {
    let at = |mono: f64, wall: &str| Now {
        mono: Mono::from_origin(Duration::from_secs_f64(mono)),
        wall: wall.parse::<Timestamp>().unwrap(),
    };
    let written: Timestamp = "2026-01-01T00:00:10Z".parse().unwrap();
    let last = Some(at(1.0, "2026-01-01T00:00:01Z"));
    let believed = |now, last| elapsed(written, now, last).as_secs_f64();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
    close(believed(at(15.0, "2026-01-01T00:00:15Z"), last), 5.0);
    close(believed(at(15.0, "2026-01-01T00:00:15.005Z"), last), 5.005);
    // Set forward by an hour, back by an hour; and a process that has nothing to compare with.
    close(believed(at(15.0, "2026-01-01T01:00:15Z"), last), 5.0);
    close(believed(at(15.0, "2025-12-31T23:00:15Z"), last), 0.0);
    close(believed(at(0.0, "2026-01-01T01:00:10Z"), None), 3600.0);
    close(believed(at(0.0, "2025-01-01T01:00:10Z"), None), 0.0);
}
