//! Laws of settling: while the service keeps what the promise rests on, nothing is made twice, no verdict is untrue, and
//! nothing stays unknown.

mod sim;

use connexa_engine::{
    journal::MemoryJournal,
    pacer::PacerOptions,
    plan::Plan,
    record::Record,
    report::Verdict,
    run::{Goal, Overrides, RunOptions},
};
use connexa_types::Mono;
use futures_util::{FutureExt as _, future};
use sim::{
    Outcome, World,
    clock::SimClock,
    delays::Delays,
    fate::{Fate, PartAnswer},
    judge::{Promises, judge},
    plans,
    service::{Buckets, Service},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The settle time.
const S: Duration = RunOptions::SETTLE;

/// All that may become of a call that is lost, and how late what is lost and what is listed may be.
fn lossy(seed: u64, percent: u8) -> (World, Arc<Plan>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let plan = plans::random(&mut random, 1 + usize::try_from(seed % 24).unwrap_or_default());
    let clock = SimClock::with_lateness(Duration::from_millis(1), seed);
    let service = Service::new(&clock, Buckets::None, seed);
    {
        let mut state = service.state();
        state.way = 1_000..400_000;
        state.unique = seed.is_multiple_of(2);
        // Half of the settle time for what is late, half for the lists.
        if seed.is_multiple_of(3) {
            state.delays = Delays { lag: S / 2, ..Delays::default() };
        }
        let mut chance = random.fork();
        state.fates = Some(Box::new(move |call| {
            if !call.mutates() || chance.u8(0..100) >= percent {
                return Fate::Fine;
            }
            let late = Fate::Late((S / 2).mul_f64(chance.f64()));
            let fates = [
                Fate::LostBefore,
                Fate::LostAfter,
                Fate::ErrorBefore,
                Fate::ErrorAfter,
                Fate::Unreadable,
                Fate::Part(PartAnswer::Lost),
                Fate::Throttled,
                late,
                late,
            ];
            fates[chance.usize(0..fates.len())]
        }));
    }
    let options = PacerOptions { max_rate: None, seed };
    (World::new(clock, service, MemoryJournal::new(), options), plan)
}

/// What the service promises in these worlds.
const KEPT: Promises = Promises {
    in_time: true,
    once: true,
    lists: true,
    alone: true,
    journal: true,
    settle: S,
    lag: Duration::ZERO,
    window: Duration::ZERO,
};

fn assert_kept(seed: u64, world: &World, plan: &Plan, outcome: &Outcome, promises: Promises) {
    // Whatever is still on its way is on its way within the settle time.
    world.service.state().catch_up(outcome.ended + S);
    let complaints = judge(&world.service, plan, &outcome.report, &BTreeMap::new(), promises);
    assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}");
}

#[test]
fn nothing_is_made_twice_no_verdict_is_untrue_and_nothing_stays_unknown() {
    let mut reached: BTreeMap<Verdict, usize> = BTreeMap::new();
    let (mut settled, mut inferred) = (0, 0);
    for seed in 0..300 {
        let (world, plan) = lossy(seed, 30);
        let outcome = world.run(&plan, RunOptions::default(), seed, None);
        assert_kept(seed, &world, &plan, &outcome, KEPT);
        assert!(outcome.report.lists.unknown.is_empty(), "seed {seed}: {:?}", outcome.report.lists.unknown);
        for verdict in Verdict::ALL {
            *reached.entry(verdict).or_default() += outcome.report.lists.of(verdict).len();
        }
        let unsettled = |record: &&Record| matches!(record, Record::OperationUnsettled { .. });
        settled += outcome.records.iter().filter(unsettled).count();
        inferred += outcome
            .report
            .lists
            .succeeded
            .iter()
            .filter(|change| change.origin == Some(connexa_engine::report::Origin::Inferred))
            .count();
    }
    assert!(settled > 500 && inferred > 300, "{settled} {inferred}");
    assert!(reached[&Verdict::Failed] > 20 && reached[&Verdict::Succeeded] > 2000, "{reached:?}");
}

/// The process dies at any moment, several times, and at last the run is carried out.
#[test]
fn the_same_holds_however_often_the_process_dies() {
    let mut died = 0;
    for seed in 0..150 {
        let (world, plan) = lossy(seed, 20);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut begun = false;
        for _ in 0..3 {
            let life = world.clock.mono() + S.mul_f64(random.f64() * random.f64() * 3.0);
            let death = world.clock.pass_until(life).boxed();
            let run = if begun {
                world.resuming(&plan, Goal::Forward, Overrides::default(), None).boxed()
            } else {
                world.running(&plan, RunOptions::default(), seed, None).boxed()
            };
            begun = true;
            if let future::Either::Left(_) = world.clock.run(future::select(run, death)) {
                break;
            }
            died += 1;
        }
        let outcome = world.resume(&plan, Goal::Forward, Overrides::default(), None);
        assert_kept(seed, &world, &plan, &outcome, KEPT);
        assert!(outcome.report.lists.unknown.is_empty(), "seed {seed}: {:?}", outcome.report.lists.unknown);
    }
    assert!(died > 150, "{died}");
}

/// Stopped at any moment, settled without anything being sent, and then carried out.
#[test]
fn a_run_that_is_stopped_and_settled_says_the_truth_at_each_step() {
    for seed in 0..100 {
        let (world, plan) = lossy(seed, 30);
        let stop = Mono::from_origin(S.mul_f64(fastrand::Rng::with_seed(seed).f64() * 2.0));
        let outcome = world.run(&plan, RunOptions::default(), seed, Some(stop));
        // What was cut off is unknown; all else is so.
        assert_kept(seed, &world, &plan, &outcome, Promises { in_time: false, ..KEPT });
        let before = world.service.ledger().len();
        let outcome = world.resume(&plan, Goal::Settle, Overrides::default(), None);
        assert_kept(seed, &world, &plan, &outcome, KEPT);
        let later = world.service.ledger().split_off(before);
        assert!(later.iter().all(|entry| !entry.call.mutates()), "seed {seed}");
        assert!(outcome.report.lists.unknown.is_empty(), "seed {seed}: {:?}", outcome.report.lists.unknown);
        let outcome = world.resume(&plan, Goal::Forward, Overrides::default(), None);
        assert_kept(seed, &world, &plan, &outcome, KEPT);
        assert!(outcome.report.lists.unprocessed.is_empty(), "seed {seed}");
    }
}
