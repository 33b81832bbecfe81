//! Processes that die after any record, and runs that go on: judged by what the service then holds and did.

#![expect(clippy::unwrap_used, reason = "tests; what is not there has failed them")]

mod sim;

use connexa_engine::{
    plan::Plan,
    record::Record,
    report::Report,
    run::{Goal, RunOptions},
};
use connexa_types::{Endpoint, Kind};
use serde_json::json;
use sim::{
    clock::SimClock,
    cut::{Life, live, machine},
    delays::Delays,
    judge::{Promises, judge},
    plans,
    service::{Buckets, Faults, Objects, Service},
};
use std::{sync::Arc, time::Duration};

/// What a run is to live through.
#[derive(Clone, Debug)]
struct Ordeal {
    seed: u64,
    faults: Faults,
    /// Each process but the last dies after so many records; of what is then in its journal, so many are lost.
    deaths: Vec<(usize, usize)>,
}

/// What came of it.
struct Lived {
    plan: Arc<Plan>,
    service: Arc<Service>,
    before: Objects,
    report: Box<Report>,
    records: Vec<Record>,
}

const NONE: Faults = Faults {
    not_sent: 0,
    reset_before: 0,
    reset_after: 0,
    error_before: 0,
    error_after: 0,
    throttled: 0,
    rejected: 0,
    half_applied: 0,
    child_lost: 0,
    unauthorized: 0,
    no_batches: 0,
};

const MANY: Faults = Faults {
    not_sent: 2,
    reset_before: 4,
    reset_after: 4,
    error_before: 3,
    error_after: 3,
    throttled: 2,
    rejected: 3,
    half_applied: 5,
    child_lost: 5,
    ..NONE
};

/// Creates of all shapes, and changes, deletes and actions on what is there.
fn plan(seed: u64, with_one_shots: bool) -> (Arc<Plan>, Objects) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut builder = plans::random_builder(&mut random, 4);
    let host = |name: &str| json!({ "id": format!("h-{name}"), "name": name, "domain": "old.example", "connectors": [] });
    let user = |name: &str| json!({ "id": format!("u-{name}"), "username": name, "status": "ACTIVE" });
    let mut objects = Objects::new();
    objects.insert("hosts", vec![host("changed"), host("removed"), host("left")]);
    objects.insert("users", vec![user("ada"), user("eva")]);
    builder.update(Kind::Host, &host("changed"), json!({ "name": "changed", "domain": "new.example" }));
    builder.delete(Kind::Host, &host("removed"));
    builder.act(Endpoint::UserSuspend, Kind::User, "suspend", &user("ada"));
    if with_one_shots {
        builder.act(Endpoint::UserResetMfa, Kind::User, "reset-mfa", &user("eva"));
    }
    (builder.plan(), objects)
}

fn lives(ordeal: &Ordeal) -> Lived {
    let Ordeal { seed, faults, deaths } = ordeal;
    // Of a call that nothing shows, a lost intent cannot be made up for.
    let (plan, before) = plan(*seed, deaths.iter().all(|(_, lost)| *lost == 0));
    let clock = SimClock::new();
    let service = Service::new(&clock, Buckets::None, *seed);
    let mut state = service.state();
    state.faults = *faults;
    state.objects.clone_from(&before);
    if faults.reset_before > 0 {
        // Late, but never later than the settle time.
        state.delays = Delays { late: 4, late_by: 0..58_000, ..Delays::default() };
    }
    drop(state);
    let options = RunOptions { parallel: 4, ..RunOptions::default() };
    let mut records = Vec::new();
    for (most, lost) in deaths.iter().copied().chain([(usize::MAX, 0)]) {
        let machine = machine(&plan, &records, &options, *seed, Goal::Forward);
        match live(&clock, &service, &plan, &records, machine, most) {
            Life::Died(mut made) => {
                made.truncate(made.len().saturating_sub(lost).max(1));
                records = made;
            }
            Life::Ended(report, records) => {
                let done = service.state().all_done();
                if let Some(done) = done {
                    service.state().catch_up(done);
                }
                return Lived { plan, service, before, report, records };
            }
        }
    }
    unreachable!("the last one lives");
}

impl Lived {
    fn judge(&self, ordeal: &Ordeal) {
        let promises = Promises {
            in_time: true,
            once: true,
            lists: true,
            alone: true,
            journal: ordeal.deaths.iter().all(|(_, lost)| *lost == 0),
            settle: RunOptions::SETTLE,
            lag: Duration::ZERO,
            window: Duration::from_mins(1),
        };
        let complaints = judge(&self.service, &self.plan, &self.report, &self.before, promises);
        assert!(complaints.is_empty(), "{ordeal:?}\n{complaints:#?}");
        // The report is a fold over all records, whatever the process that made it has seen of them.
        let mut fold = Report::fold(&self.records);
        fold.calls.one_per_object = self.report.calls.one_per_object;
        assert_eq!(fold, *self.report, "{ordeal:?}");
    }
}

#[test]
fn a_process_may_die_after_any_record() {
    for seed in cases(6) {
        let faults = if seed % 4 == 0 { NONE } else { MANY };
        let whole = Ordeal { seed, faults, deaths: vec![] };
        let lived = lives(&whole);
        lived.judge(&whole);
        for most in 1..lived.records.len() {
            let ordeal = Ordeal { deaths: vec![(most, 0)], ..whole.clone() };
            lives(&ordeal).judge(&ordeal);
        }
    }
}

/// Processes die again and again, during recovery too, and the journal may have lost its end each time.
#[test]
fn processes_may_die_again_and_a_journal_may_lose_its_end() {
    for seed in cases(150) {
        let mut random = fastrand::Rng::with_seed(seed);
        let faults = if random.u8(0..4) == 0 { NONE } else { MANY };
        let deaths = (0..random.usize(1..4)).map(|_| {
            let lost = if random.bool() { 0 } else { random.usize(0..12) };
            (random.usize(1..60), lost)
        });
        let ordeal = Ordeal { seed, faults, deaths: deaths.collect() };
        lives(&ordeal).judge(&ordeal);
    }
}

#[test]
fn the_same_seed_and_the_same_deaths_give_the_same_records() {
    for seed in cases(10) {
        let ordeal = Ordeal { seed, faults: MANY, deaths: vec![(20, 3), (15, 0)] };
        assert_eq!(lives(&ordeal).records, lives(&ordeal).records, "{ordeal:?}");
    }
}

/// So many seeds; `SEEDS=FROM..TO` has others tried.
fn cases(number: u64) -> std::ops::Range<u64> {
    let given = std::env::var("SEEDS").ok();
    let given = given.as_deref().and_then(|given| given.split_once(".."));
    given.map_or(0..number, |(from, to)| from.parse().unwrap()..to.parse().unwrap())
}
