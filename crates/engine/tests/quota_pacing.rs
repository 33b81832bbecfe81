//! The promise of exact pacing, against the law of the bucket, on virtual time.

mod sim;

use connexa_engine::{
    journal::MemoryJournal,
    pacer::PacerOptions,
    quota::Rate,
    read::{Read, ReadOptions},
    report::RunOutcome,
    run::RunOptions,
};
use connexa_types::{Class, Kind, Mono};
use futures_util::future;
use sim::{
    World,
    bucket::{Bucket, Numbers},
    clock::SimClock,
    plans,
    service::{Buckets, Service},
};
use std::{ops::Range, time::Duration};

/// One way of the network, in microseconds.
const NEAR: Range<u64> = 1_000..1_001;
const JUMPY: Range<u64> = 1_000..60_000;

struct Case {
    numbers: Numbers,
    /// Tenths of a token in the bucket at the start.
    tenths: u32,
    way: Range<u64>,
    lateness: Duration,
    parallel: u32,
    calls: u32,
}

impl Case {
    fn new(numbers: Numbers, way: Range<u64>, parallel: u32) -> Self {
        let calls = numbers.burst + 40;
        let lateness = Duration::from_micros(1_100);
        Self { numbers, tenths: numbers.burst * 10, way, lateness, parallel, calls }
    }

    /// Runs so many creates and checks the promise.
    fn check(&self, seed: u64) {
        let what = format!(
            "{:?}, {} tenths of a token, way {:?}, {} in parallel, {} calls, seed {seed}",
            self.numbers, self.tenths, self.way, self.parallel, self.calls
        );
        let clock = SimClock::with_lateness(self.lateness, seed);
        let update = Bucket::with_tenths(self.numbers, self.tenths.into());
        let read = Bucket::full(Numbers::new(20, 1, 1));
        let service = Service::new(&clock, Buckets::Apart { read, update }, seed);
        service.state().way = self.way.clone();
        let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
        let options = RunOptions { parallel: self.parallel as usize, ..RunOptions::default() };
        let outcome = world.run(&plans::hosts(self.calls as usize), options, seed, None);
        assert_eq!(outcome.report.outcome, RunOutcome::Complete, "{what}");
        assert_eq!(outcome.report.calls.throttled, 0, "no 429: {what}");
        assert_eq!(world.service.ledger().len(), self.calls as usize, "{what}");
        let round = Duration::from_micros(2 * self.way.end);
        // The burst goes out `parallel` at a time: what that takes beyond a second is not the pacer's.
        let tokens = self.tenths / 10;
        let rounds = self.calls.min(tokens).div_ceil(self.parallel) + 2;
        let bound = bound(self.numbers, self.calls.saturating_sub(tokens)) + round * rounds;
        let took = outcome.ended.since_origin();
        assert!(took <= bound, "{took:?} > {bound:?}: {what}");
    }
}

/// The promise: 1.01 × missing tokens × period + 1 s.
fn bound(numbers: Numbers, missing: u32) -> Duration {
    numbers.period() * missing * 101 / 100 + Duration::from_secs(1)
}

const BUCKETS: [Numbers; 9] = [
    Numbers::new(20, 1, 4),
    Numbers::new(20, 1, 15),
    Numbers::new(20, 1, 1),
    Numbers::new(20, 10, 1),
    Numbers::new(5, 2, 3),
    Numbers::new(2, 1, 1),
    Numbers::new(3, 7, 60),
    Numbers::new(100, 3, 1),
    Numbers::new(4, 1, 60),
];

#[test]
fn the_makespan_is_the_least_that_the_bucket_allows() {
    for numbers in BUCKETS {
        for way in [NEAR, JUMPY] {
            for parallel in [1, 8, 32] {
                Case::new(numbers, way.clone(), parallel).check(u64::from(parallel));
            }
        }
    }
}

#[test]
fn it_does_not_matter_how_full_the_bucket_is_at_the_start() {
    // Less than a token refuses the very first call, which nobody could know.
    for tenths in [10, 17, 63, 199] {
        let mut case = Case::new(Numbers::new(20, 1, 4), JUMPY, 8);
        case.tenths = tenths;
        case.check(3);
    }
}

#[test]
fn a_bucket_of_one_token_is_paced_exactly_over_a_steady_network() {
    for numbers in [Numbers::new(1, 1, 1), Numbers::new(1, 1, 15), Numbers::new(1, 4, 1)] {
        for parallel in [1, 8] {
            let mut case = Case::new(numbers, 20_000..20_001, parallel);
            case.lateness = Duration::ZERO;
            case.check(1);
        }
    }
}

/// A bucket of one token forgives nothing: what a call loses on its way is lost to the next. No pace but a slower one keeps
/// clear of 429, and none is met.
#[test]
fn a_bucket_of_one_token_is_not_overdrawn_over_a_jumpy_network() {
    for seed in 0..20 {
        let clock = SimClock::with_lateness(Duration::from_millis(1), seed);
        let read = Bucket::full(Numbers::new(20, 1, 1));
        let update = Bucket::full(Numbers::new(1, 1, 1));
        let service = Service::new(&clock, Buckets::Apart { read, update }, seed);
        service.state().way = JUMPY;
        let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
        let outcome = world.run(&plans::hosts(50), RunOptions::default(), seed, None);
        assert_eq!((outcome.report.calls.throttled, outcome.report.outcome), (0, RunOutcome::Complete));
        // No more is given away than the network takes.
        let most = Duration::from_secs(51) + Duration::from_micros(50 * 2 * JUMPY.end);
        assert!(outcome.ended.since_origin() <= most, "{:?}", outcome.ended);
    }
}

#[test]
fn slow_networks_and_many_calls_on_their_way_draw_no_429() {
    for seed in 0..10 {
        for numbers in
            [Numbers::new(20, 10, 1), Numbers::new(10, 100, 1), Numbers::new(3, 5, 1), Numbers::new(2, 1, 1)]
        {
            let clock = SimClock::new();
            let read = Bucket::full(Numbers::new(20, 1, 1));
            let service = Service::new(&clock, Buckets::Apart { read, update: Bucket::full(numbers) }, seed);
            service.state().way = 100_000..900_000;
            let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
            let options = RunOptions { parallel: 32, ..RunOptions::default() };
            let outcome = world.run(&plans::hosts(200), options, seed, None);
            assert_eq!(outcome.report.calls.throttled, 0, "{numbers:?} seed {seed}");
        }
    }
}

#[test]
fn huge_limits_slow_nothing_down() {
    let clock = SimClock::new();
    let plenty = Bucket::full(Numbers::new(1_000_000_000, 1_000_000_000, 1));
    let service = Service::new(&clock, Buckets::Apart { read: plenty.clone(), update: plenty }, 1);
    let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
    let outcome = world.run(&plans::hosts(801), RunOptions::default(), 1, None);
    // One call finds the limit, the others go 8 at a time, each 2 ms.
    assert_eq!(outcome.ended.since_origin(), Duration::from_millis(2 + 100 * 2));
    assert_eq!(world.service.state().most_in_flight, 8);
    assert!(outcome.report.timings.engine_ms < f64::EPSILON);
}

/// Reads, then updates, on one bucket for both.
#[test]
fn a_shared_bucket_is_not_overdrawn() {
    for (numbers, objects) in
        [(Numbers::new(20, 1, 15), 5), (Numbers::new(20, 1, 15), 30), (Numbers::new(6, 1, 2), 12)]
    {
        for pause in [0, 20, 4_000] {
            for seed in 0..5 {
                let clock = SimClock::with_lateness(Duration::from_millis(1), seed);
                let service = Service::new(&clock, Buckets::Shared(Bucket::full(numbers)), seed);
                service.state().way = JUMPY;
                service.state().page_size = 1;
                let hosts =
                    (0..objects).map(|i| serde_json::json!({"id": format!("h{i}"), "name": format!("h{i}")}));
                service.state().objects.insert("hosts", hosts.collect());
                let world = World::new(clock.clone(), service, MemoryJournal::new(), PacerOptions::default());
                let reading =
                    ReadOptions { lists: vec![Kind::Host], regions: true, ..ReadOptions::default() };
                let (done, _) = world.read(Read::new("t".into(), reading, None));
                let read = done.expect("the service is there");
                assert_eq!((read.calls.read, read.calls.throttled), (u64::from(objects) + 1, 0));
                // Somebody looks at the plan.
                let begun = world.clock.mono() + Duration::from_secs(pause);
                clock.run(clock.pass_until(begun));
                let outcome = world.run(&plans::hosts(40), RunOptions::default(), seed, None);
                let what = format!("{numbers:?} {objects} objects, pause {pause} s, seed {seed}");
                assert_eq!(outcome.report.calls.throttled, 0, "{what}");
                let missing = (objects + 41_u32).saturating_sub(numbers.burst);
                let bound = bound(numbers, missing) + Duration::from_secs(pause + 2);
                assert!(outcome.ended.since_origin() <= bound, "{:?} > {bound:?}: {what}", outcome.ended);
            }
        }
    }
}

#[test]
fn separate_buckets_are_found_apart_and_used_side_by_side() {
    let numbers = Numbers::new(20, 1, 15);
    let clock = SimClock::new();
    let buckets = Buckets::Apart { read: Bucket::full(numbers), update: Bucket::full(numbers) };
    let service = Service::new(&clock, buckets, 1);
    service.state().page_size = 1;
    let hosts = (0..15).map(|i| serde_json::json!({"id": format!("h{i}"), "name": format!("h{i}")}));
    service.state().objects.insert("hosts", hosts.collect());
    let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
    let reading = ReadOptions { lists: vec![Kind::Host], ..ReadOptions::default() };
    world.read(Read::new("t".into(), reading, None)).0.expect("the service is there");
    // 15 of 20 tokens are spent, should they be shared; the first update shows that they are not.
    let outcome = world.run(&plans::hosts(20), RunOptions::default(), 1, None);
    assert!(outcome.ended.since_origin() < Duration::from_secs(1), "{:?}", outcome.ended);
    let view = world.pacer.snapshot();
    assert!(!view.shared);
    assert_eq!((view.classes[&Class::Read].tokens, view.classes[&Class::Update].tokens), (5, 0));
}

#[test]
fn without_headers_nothing_is_paced_until_the_first_refusal() {
    let clock = SimClock::new();
    let service = Service::new(&clock, Buckets::None, 1);
    let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
    let outcome = world.run(&plans::hosts(81), RunOptions::default(), 1, None);
    assert_eq!(outcome.ended.since_origin(), Duration::from_millis(2 + 10 * 2));

    let clock = SimClock::new();
    let service = Service::new(&clock, Buckets::Silent(Bucket::full(Numbers::new(20, 1, 4))), 1);
    let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
    let outcome = world.run(&plans::hosts(40), RunOptions::default(), 1, None);
    assert_eq!(outcome.report.outcome, RunOutcome::Complete);
    // Found by trying: dearer than to be told, but neither a storm nor a standstill.
    assert!(outcome.report.calls.throttled <= 40, "{}", outcome.report.calls.throttled);
    assert!(outcome.ended <= Mono::from_origin(Duration::from_secs(200)), "{:?}", outcome.ended);
}

#[test]
fn a_rate_given_by_the_user_caps_all_calls() {
    let clock = SimClock::with_lateness(Duration::from_millis(1), 1);
    let service = Service::new(&clock, Buckets::None, 1);
    let max_rate = Some("5/s".parse::<Rate>().expect("a rate"));
    let world = World::new(clock, service, MemoryJournal::new(), PacerOptions { max_rate, seed: 0 });
    let outcome = world.run(&plans::hosts(51), RunOptions::default(), 1, None);
    let took = outcome.ended.since_origin();
    assert!((Duration::from_secs(10)..Duration::from_millis(10_100)).contains(&took), "{took:?}");
}

/// Another process draws on the same bucket.
#[test]
fn tokens_that_others_take_cost_no_more_than_refusals() {
    for seed in 0..10 {
        let clock = SimClock::new();
        let read = Bucket::full(Numbers::new(20, 1, 1));
        let update = Bucket::full(Numbers::new(20, 1, 1));
        let service = Service::new(&clock, Buckets::Apart { read, update }, seed);
        service.state().way = JUMPY;
        let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
        let others = async {
            let mut taken = 0_u64;
            for second in (5..70).step_by(5) {
                let at = Mono::from_origin(Duration::from_secs(second));
                world.clock.pass_until(at).await;
                if let Buckets::Apart { update, .. } = &mut world.service.state().buckets {
                    taken += u64::from(update.take(at).0);
                }
            }
            taken
        };
        let plan = plans::hosts(80);
        let ours = world.running(&plan, RunOptions::default(), seed, None);
        let (outcome, taken) = world.clock.run(future::join(ours, others));
        assert_eq!(outcome.report.outcome, RunOutcome::Complete);
        let throttled = outcome.report.calls.throttled;
        assert!(throttled <= taken, "{throttled} refusals for {taken} tokens, seed {seed}");
    }
}
