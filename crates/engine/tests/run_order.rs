//! The order of random graphs of 500 operations: nothing starts before what it waits for, and a failure costs exactly
//! what needs it.

mod sim;

use connexa_engine::{
    plan::{Plan, types::Barrier},
    record::{Purpose, Record},
    report::Verdict,
    run::RunOptions,
};
use connexa_types::{CallBody, Kind};
use serde_json::json;
use sim::{
    bucket::{Bucket, Numbers},
    plans::Builder,
    ran::{Ran, world},
    service::{Buckets, rejection, why},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

const SIZE: usize = 500;

/// A random graph: needs, operations after others, barriers between sets; some delete what others need, last first.
fn graph(random: &mut fastrand::Rng) -> Builder {
    let mut builder =
        Builder { read_at: Some("2026-01-01T00:00:00Z".parse().expect("a time")), ..Builder::default() };
    for index in 0..SIZE {
        let name = format!("o{index}");
        if random.u8(0..4) == 0 {
            builder.delete(Kind::Host, &json!({ "id": name, "name": name }));
        } else {
            builder.host(&name);
        }
        for _ in 0..random.usize(0..3) {
            let Some(last) = index.checked_sub(1) else { continue };
            let other = random.usize(last.saturating_sub(40)..=last);
            let operation = &mut builder.operations[index];
            if !operation.needs.contains(&other) && !operation.after.contains(&other) {
                let list = if random.u8(0..3) == 0 { &mut operation.after } else { &mut operation.needs };
                list.push(other);
            }
        }
    }
    for _ in 0..random.usize(0..4) {
        let part = random.usize(50..SIZE - 50);
        let pick = |range: std::ops::Range<usize>, random: &mut fastrand::Rng| -> Vec<usize> {
            range.filter(|_| random.u8(0..3) == 0).collect()
        };
        let (first, then) = (pick(0..part, random), pick(part..SIZE, random));
        builder.barriers.push(Barrier { kinds: [Kind::Host, Kind::Host], first, then });
    }
    builder
}

struct Played {
    ran: Ran,
    plan: Arc<Plan>,
    /// Operations that are made to fail, or to lose their answer.
    bad: BTreeSet<usize>,
}

fn play(seed: u64, failing: u8) -> Played {
    let mut random = fastrand::Rng::with_seed(seed);
    let plan = graph(&mut random).plan();
    let bad: BTreeSet<usize> = (0..SIZE).filter(|_| random.u8(0..100) < failing).collect();
    let names = bad.clone();
    let script = move |call: &connexa_types::Call| {
        let name = match &call.body {
            Some(CallBody::Json(body)) => body["name"].as_str().unwrap_or_default().to_owned(),
            _ => call.path_args.first().cloned().unwrap_or_default(),
        };
        let index: usize = name.trim_start_matches('o').parse().ok()?;
        names.contains(&index).then(|| {
            if index.is_multiple_of(2) {
                rejection(422, &[("name", name.as_str())])
            } else {
                connexa_types::Outcome::Indeterminate(why(connexa_types::Reason::Reset, None))
            }
        })
    };
    let world = world(Buckets::None, Box::new(script));
    // What is deleted is there.
    let deletes = plan.operations.iter().filter_map(|operation| operation.base.first());
    let hosts = deletes.map(|live| json!({ "id": live.id, "name": live.id }));
    world.service.state().objects.insert("hosts", hosts.collect());
    world.service.state().way = 1_000..90_000;
    let options = RunOptions { parallel: random.usize(1..20), ..RunOptions::default() };
    let outcome = world.run(&plan, options, seed, None);
    Played { ran: Ran { outcome, world }, plan, bad }
}

impl Played {
    /// Place in the records of what happened to an operation.
    fn places(&self, what: impl Fn(&Record) -> Option<String>) -> HashMap<String, usize> {
        let records = self.ran.outcome.records.iter().enumerate();
        records.filter_map(|(at, record)| Some((what(record)?, at))).collect()
    }

    /// All that an operation waits for.
    fn before(&self, index: usize) -> BTreeSet<usize> {
        let operation = &self.plan.operations[index];
        let barriers = self.plan.barriers.iter().filter(|barrier| barrier.then.contains(&index));
        let first = barriers.flat_map(|barrier| barrier.first.iter().copied());
        operation.needs.iter().chain(&operation.after).copied().chain(first).collect()
    }
}

#[test]
fn nothing_starts_before_what_it_waits_for() {
    for seed in 0..6 {
        let played = play(seed, if seed % 2 == 0 { 0 } else { 6 });
        let started = played.places(|record| match record {
            Record::AttemptStarted { purpose: Purpose::Operation(id), .. } => Some(id.to_string()),
            _ => None,
        });
        let ended = played.places(|record| match record {
            Record::ChangeEnded { change, .. } => Some(format!("op-{}", change + 1)),
            _ => None,
        });
        assert_eq!(ended.len(), SIZE, "seed {seed}");
        let mut waits = 0;
        for index in 0..SIZE {
            let Some(start) = started.get(&format!("op-{}", index + 1)) else { continue };
            for before in played.before(index) {
                assert!(
                    ended[&format!("op-{}", before + 1)] < *start,
                    "seed {seed}: {index} before {before}"
                );
                waits += 1;
            }
        }
        assert!(waits > 200, "seed {seed}: {waits}");
    }
}

#[test]
fn a_failure_skips_what_needs_it_and_nothing_else() {
    let mut skipped_in_all = 0;
    for seed in 0..6 {
        let played = play(seed, 4);
        // Down the edges of need alone: what only comes after, by an edge or a barrier, goes on.
        let mut lost: BTreeSet<usize> = BTreeSet::new();
        for index in 0..SIZE {
            let needs = &played.plan.operations[index].needs;
            if needs.iter().any(|needed| lost.contains(needed) || played.bad.contains(needed)) {
                lost.insert(index);
            }
        }
        for index in 0..SIZE {
            let (verdict, change) = played.ran.change(&format!("o{index}"));
            let expected = match (lost.contains(&index), played.bad.contains(&index)) {
                (true, _) => Verdict::Skipped,
                // Refused, or lost each time it was sent.
                (false, true) => Verdict::Failed,
                (false, false) => Verdict::Succeeded,
            };
            assert_eq!(verdict, expected, "seed {seed}, {index}: {change:?}");
            if verdict == Verdict::Skipped {
                let cause = change.cause.as_deref().unwrap_or_default();
                let root: usize = cause.trim_start_matches("host/o").parse().expect("a change");
                assert!(played.bad.contains(&root) && !lost.contains(&root), "seed {seed}: {cause}");
                assert_eq!(change.attempts, Some(0));
            }
        }
        skipped_in_all += lost.len();
    }
    assert!(skipped_in_all > 100, "{skipped_in_all}");
}

/// A hundred thousand edges are a few sets: barriers cost nothing, and hold.
#[test]
fn barriers_do_not_multiply() {
    let mut builder = Builder::default();
    for index in 0..2_000 {
        builder.host(&format!("h{index}"));
    }
    builder.barriers.push(Barrier {
        kinds: [Kind::Host, Kind::Host],
        first: (0..1_000).collect(),
        then: (1_000..2_000).collect(),
    });
    let bucket = Bucket::full(Numbers::new(1_000, 100, 1));
    let world = world(Buckets::Apart { read: bucket.clone(), update: bucket }, Box::new(|_| None));
    let outcome = world.run(&builder.plan(), RunOptions::default(), 1, None);
    let ledger = world.service.ledger();
    let name = |at: usize| match &ledger[at].call.body {
        Some(CallBody::Json(body)) => {
            body["name"].as_str().map(|name| name[1..].parse::<usize>().expect("a number"))
        }
        _ => None,
    };
    assert!((0..1_000).all(|at| name(at) < Some(1_000)) && (1_000..2_000).all(|at| name(at) >= Some(1_000)));
    // The burst, then a hundred a second: waiting for the barrier cost no token.
    assert!(outcome.ended.since_origin() < Duration::from_millis(10_200), "{:?}", outcome.ended);
    assert_eq!(outcome.report.calls.throttled, 0);
}
