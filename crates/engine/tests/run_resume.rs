//! Runs that are taken up again: judged by what the service then holds.

#![expect(clippy::unwrap_used, reason = "tests; what is not there has failed them")]

mod sim;

use connexa_engine::{
    journal::MemoryJournal,
    pacer::PacerOptions,
    plan::{Action, Plan},
    record::Record,
    report::{Report, RunOutcome, Verdict},
    run::{Goal, Overrides, RunOptions},
};
use connexa_types::{Kind, Mono};
use serde_json::Value;
use sim::{
    World,
    clock::SimClock,
    cut::{Life, live, machine},
    delays::Delays,
    plans,
    service::{Buckets, Faults, Service},
};
use std::{sync::Arc, time::Duration};

/// A service that may apply what it was sent as late as the settle time allows.
fn service(clock: &SimClock, faults: Faults, seed: u64) -> Arc<Service> {
    let service = Service::new(clock, Buckets::None, seed);
    let mut state = service.state();
    state.faults = faults;
    state.delays = Delays { late: 5, late_by: 0..58_000, ..Delays::default() };
    drop(state);
    service
}

/// How often the service holds what a change is to make.
fn held(service: &Service, plan: &Plan, change: usize) -> usize {
    let change = &plan.changes[change];
    let mut state = service.state();
    state.catch_up(Mono::FAR);
    let named = |objects: &[Value], name: &str| {
        objects
            .iter()
            .filter(|object| ["name", "username", "subnet"].iter().any(|n| object[n] == name))
            .count()
    };
    let kind: Kind = change.kind.parse().unwrap();
    let empty = Vec::new();
    let list = |name: &str| state.objects.get(name).unwrap_or(&empty);
    let (parents, nested) = match kind {
        Kind::NetworkConnector => (list("networks"), "connectors"),
        Kind::NetworkRoute => (list("networks"), "routes"),
        Kind::Host => return named(list("hosts"), &change.key),
        Kind::Network => return named(list("networks"), &change.key),
        Kind::UserGroup => return named(list("user-groups"), &change.key),
        Kind::User => return named(list("users"), &change.key),
        kind => panic!("no {kind} here"),
    };
    let (of, own) = change.key.split_once('/').unwrap_or(("", &change.key));
    let parents = parents.iter().filter(|parent| of.is_empty() || parent["name"] == of);
    parents.map(|parent| parent[nested].as_array().map_or(0, |list| named(list, own))).sum()
}

/// Holds a report against what the service holds.
fn judge(service: &Service, plan: &Plan, report: &Report, context: &str) {
    let mut told = 0;
    for verdict in Verdict::ALL {
        for change in report.lists.of(verdict) {
            told += 1;
            if change.action != Action::Create {
                continue;
            }
            let index =
                plan.changes.iter().position(|c| c.kind == change.kind && c.key == change.key).unwrap();
            let number = held(service, plan, index);
            let right = match verdict {
                Verdict::Succeeded => number == 1,
                Verdict::Failed | Verdict::Skipped | Verdict::Unprocessed | Verdict::Undone => number == 0,
                Verdict::Unknown => false,
            };
            assert!(
                right,
                "{context}: {}/{} is {verdict:?}, and there {number} times: {change:#?}",
                change.kind, change.key
            );
        }
    }
    assert_eq!(told, plan.changes.len(), "{context}: each change once");
}

/// Runs a plan whose processes die after so many records each, the last one excepted.
fn lives(
    seed: u64,
    size: usize,
    faults: Faults,
    deaths: &[usize],
) -> (Arc<Plan>, Arc<Service>, Box<Report>, Vec<Record>) {
    let plan = plans::random(&mut fastrand::Rng::with_seed(seed), size);
    let clock = SimClock::new();
    let service = service(&clock, faults, seed);
    let options = RunOptions { parallel: 4, ..RunOptions::default() };
    let mut records = Vec::new();
    for most in deaths.iter().copied().chain([usize::MAX]) {
        let machine = machine(&plan, &records, &options, seed, Goal::Forward);
        match live(&clock, &service, &plan, &records, machine, most) {
            Life::Died(made) => records = made,
            Life::Ended(report, made) => return (plan, service, report, made),
        }
    }
    unreachable!("the last one lives");
}

const LOSSES: Faults = Faults {
    not_sent: 2,
    reset_before: 4,
    reset_after: 4,
    error_before: 3,
    error_after: 3,
    throttled: 2,
    rejected: 0,
    half_applied: 0,
    child_lost: 5,
    unauthorized: 0,
    no_batches: 0,
};

#[test]
fn a_process_may_die_after_any_record() {
    for seed in 0..8 {
        let (plan, service, report, records) = lives(seed, 6, LOSSES, &[]);
        judge(&service, &plan, &report, &format!("seed {seed}, no death"));
        for most in 1..records.len() {
            let context = format!("seed {seed}, death after {most}");
            let (plan, service, report, _) = lives(seed, 6, LOSSES, &[most]);
            judge(&service, &plan, &report, &context);
        }
    }
}

#[test]
fn what_a_stop_left_is_carried_out_when_the_run_is_taken_up_again() {
    let plan = plans::hosts(40);
    let clock = SimClock::new();
    let service = Service::new(&clock, Buckets::None, 1);
    let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
    let stop = Mono::from_origin(Duration::from_millis(3));
    let stopped = world.run(&plan, RunOptions::default(), 1, Some(stop));
    assert_eq!(stopped.report.outcome, RunOutcome::Stopped);
    let done = stopped.report.lists.succeeded.len();
    assert!(done > 0 && done < 40, "{done}");
    let resumed = world.resume(&plan, Goal::Forward, Overrides::default(), None);
    assert_eq!(resumed.report.outcome, RunOutcome::Complete);
    assert_eq!(resumed.report.counts["host"], [(Verdict::Succeeded, 40)].into());
    let names = world.service.state().objects["hosts"].len();
    assert_eq!(names, 40, "each once");
}
