//! Units: members succeed or are taken back together, and the rest of the run goes on.

mod sim;
mod spec_support;
mod undo_support;

use connexa_engine::{
    plan::{Mode, Plan},
    record::Record,
    report::{Report, RunOutcome, Verdict},
    run::{Goal, OnFailure, Overrides, Run, RunOptions},
};
use connexa_types::{Call, CallBody, Kind};
use serde_json::json;
use sim::crash::Points;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use undo_support::{World, change, is_as_before, shapes, tenant::Fate};

/// Two units, and others: of those one needs a member of a unit.
const TWO_UNITS: &str = r"
networks:
  - { name: lyon, unit: lyon, egress: false, connectors: [{ name: l-1, region: it-mxp }], routes: [10.40.0.0/16], applications: [{ name: w, domains: [w.example], services: [ssh] }] }
  - { name: branch, unit: nice, description: new }
user_groups:
  - { name: lyonnais, unit: lyon, regions: all }
  - { name: nicois, unit: nice, regions: all }
users:
  - { username: eve, email: e@example.com, group: lyonnais, unit: lyon }
  - { username: fay, email: f@example.com, group: nicois, unit: nice }
  - { username: gus, email: g@example.com, group: lyonnais }
access_groups:
  - { name: lyon, unit: lyon, source: [{ user_groups: [lyonnais] }], destination: [{ network: lyon, all: true }] }
hosts:
  - { name: alone }
  - { name: jump, unit: nice, description: new }
";

fn unit_of(plan: &Plan) -> BTreeMap<String, Option<String>> {
    plan.changes
        .iter()
        .map(|change| (format!("{}/{}", change.kind, change.key), change.unit.clone()))
        .collect()
}

/// Of each unit all members have succeeded, or none has.
fn all_or_none(plan: &Plan, report: &Report, what: &str) -> BTreeMap<String, bool> {
    let units = unit_of(plan);
    let mut seen: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for verdict in Verdict::ALL {
        for change in report.lists.of(verdict) {
            if let Some(unit) = &units[&format!("{}/{}", change.kind, change.key)] {
                seen.entry(unit.clone()).or_default().insert(verdict == Verdict::Succeeded);
            }
        }
    }
    let one = |(unit, seen): (String, BTreeSet<bool>)| {
        assert_eq!(seen.len(), 1, "{what}: unit {unit} is neither whole nor undone: {:#?}", report.lists);
        (unit, seen.contains(&true))
    };
    seen.into_iter().map(one).collect()
}

/// A tenant in which just some units, and what belongs to none, have been carried out.
fn with_units(start: &World, whole: &BTreeMap<String, bool>) -> World {
    let world = start.fork();
    let spec: String = TWO_UNITS
        .lines()
        .filter(|line| {
            let of = |unit: &str| line.contains(&format!("unit: {unit}"));
            let needs_lyon = line.contains("username: gus") && !whole["lyon"];
            !(of("lyon") && !whole["lyon"] || of("nice") && !whole["nice"] || needs_lyon)
        })
        .fold(String::new(), |spec, line| spec + line + "\n");
    // Lists of which nothing is left.
    let empty = ["networks:", "user_groups:", "users:", "access_groups:", "hosts:"];
    let lines: Vec<&str> = spec.lines().collect();
    let kept = lines.iter().enumerate().filter(|(at, line)| {
        !empty.contains(line) || lines.get(at + 1).is_some_and(|next| next.starts_with("  - "))
    });
    let spec = kept.fold(String::new(), |spec, (_, line)| spec + line + "\n");
    let plan = world.plan(&spec, Mode::Apply);
    assert_eq!(world.run(&plan, RunOptions::default()).outcome, RunOutcome::Complete);
    world
}

fn fail(world: &World, which: impl Fn(&Call, usize) -> Option<Fate> + Send + 'static) {
    let decide = move |call: &Call, number: usize| which(call, number).unwrap_or(Fate::Fine);
    world.tenant.state().fates = Some(Box::new(decide));
}

fn names(call: &Call, name: &str) -> bool {
    matches!(&call.body, Some(CallBody::Json(body)) if body["name"] == name || body["username"] == name)
}

#[test]
fn whichever_call_fails_its_unit_is_taken_back_and_the_rest_goes_on() {
    let start = World::with(shapes::before());
    let plan = start.plan(TWO_UNITS, Mode::Apply);
    let clean = start.fork();
    assert_eq!(clean.run(&plan, RunOptions::default()).outcome, RunOutcome::Complete);
    let mut seen = BTreeSet::new();
    for failing in 0..clean.changes() {
        for (parallel, fate) in [(1, Fate::Rejected(422)), (8, Fate::Rejected(422)), (8, Fate::LostBefore)] {
            let world = start.fork();
            let first = std::sync::Mutex::new(None);
            // One call, however often it is sent again.
            fail(&world, move |call, number| {
                let mut first = first.lock().unwrap();
                if number == failing {
                    *first = Some(call.clone());
                }
                (first.as_ref() == Some(call)).then_some(fate)
            });
            let report = world.run(&plan, RunOptions { parallel, ..RunOptions::default() });
            let what = format!("call {failing}, {parallel} at once, {fate:?}");
            assert_eq!(report.outcome, RunOutcome::Partial, "{what}: {:#?}", report.lists);
            let whole = all_or_none(&plan, &report, &what);
            if change(&report, "alone").0 == Verdict::Succeeded && change(&report, "gus").0 != Verdict::Failed
            {
                is_as_before(&world, &with_units(&start, &whole).canonical(), &what);
            }
            let gus = change(&report, "gus").0;
            assert_eq!(gus == Verdict::Skipped, !whole["lyon"], "{what}: {gus:?}");
            seen.insert(whole);
        }
    }
    assert_eq!(seen.len(), 3, "each unit has failed, and none: {seen:?}");
}

#[test]
fn words_for_a_unit_that_was_undone() {
    let world = World::with(shapes::before());
    let plan = world.plan(TWO_UNITS, Mode::Apply);
    fail(&world, |call, _| {
        (names(call, "lyon") && call.endpoint.creates() && call.endpoint.info().path == "/access-groups")
            .then_some(Fate::Rejected(422))
    });
    let report = world.run(&plan, RunOptions::default());
    assert_eq!(report.outcome, RunOutcome::Partial);
    let failed = &report.lists.failed;
    assert_eq!((failed.len(), failed[0].kind.as_str(), failed[0].key.as_str()), (1, "access_group", "lyon"));
    let (verdict, undone) = change(&report, "lyon/l-1");
    assert_eq!((verdict, undone.cause.as_deref()), (Verdict::Undone, Some("access_group/lyon")));
    assert_eq!(undone.error.as_deref(), Some("undone: `access_group/lyon` of its unit did not succeed"));
    let (verdict, skipped) = change(&report, "gus");
    assert_eq!((verdict, skipped.cause.as_deref()), (Verdict::Skipped, Some("access_group/lyon")));
    let error = "needs the unit `lyon`, of which `access_group/lyon` did not succeed";
    assert_eq!(skipped.error.as_deref(), Some(error));
    let told = world.records().iter().filter(|record| matches!(record, Record::UndoStarted { .. })).count();
    assert_eq!(told, 1);
}

/// Nobody outside sees a unit in the making.
#[test]
fn outsiders_wait_for_the_whole_unit() {
    let world = World::with(shapes::before());
    let plan = world.plan(TWO_UNITS, Mode::Apply);
    world.run(&plan, RunOptions::default());
    let ledger = &world.tenant.state().ledger;
    let gus = ledger.iter().position(|(call, _)| names(call, "gus")).unwrap();
    let lyon: Vec<usize> = ["lyonnais", "eve", "lyon", "w"]
        .into_iter()
        .map(|name| ledger.iter().rposition(|(call, _)| names(call, name)).unwrap())
        .collect();
    assert!(lyon.iter().all(|at| *at < gus), "{lyon:?} before {gus}");
}

/// A policy for the rest of the run does not keep a unit from being taken back.
#[test]
fn a_unit_is_taken_back_although_failures_stop_the_run() {
    let world = World::with(shapes::before());
    let before = world.canonical();
    let plan = world.plan(
        "hosts: [{ name: a, unit: u }, { name: b, unit: u }, { name: c, unit: u, depends_on: [host/a, host/b] }]\ndns_records: [{ domain: x.example, ipv4: [10.10.0.9], depends_on: [host/c] }]",
        Mode::Apply,
    );
    fail(&world, |call, _| names(call, "c").then_some(Fate::Rejected(422)));
    let options = RunOptions { on_failure: OnFailure::Stop, ..RunOptions::default() };
    let report = world.run(&plan, options);
    is_as_before(&world, &before, "stopped");
    assert_eq!(report.lists.undone.len(), 2, "{:#?}", report.lists);
    assert_eq!(change(&report, "x.example").0, Verdict::Skipped);
}

#[test]
fn a_stop_leaves_a_unit_as_it_is_for_later() {
    let start = World::with(shapes::before());
    let plan = start.plan(TWO_UNITS, Mode::Apply);
    let clean = start.fork();
    clean.run(&plan, RunOptions::default());
    let mut stopped = 0;
    for after in 1..20 {
        let world = start.fork();
        let run = Run::new(
            sim::run_id(),
            Arc::clone(&plan),
            RunOptions { parallel: 2, ..RunOptions::default() },
            1,
        );
        let stop = world.clock.mono() + Duration::from_millis(after * 5);
        let report = world.drive(&plan, run, Points::default(), Some(stop)).unwrap();
        assert_eq!(
            report.lists.undone.len() + report.lists.failed.len() + report.lists.skipped.len(),
            0,
            "{after}"
        );
        stopped += usize::from(report.outcome == RunOutcome::Stopped && !report.lists.succeeded.is_empty());
        let report = world.resume(&plan, Goal::Forward, Overrides::default());
        assert_eq!(report.outcome, RunOutcome::Complete, "{after}: {:#?}", report.lists);
        is_as_before(&world, &clean.canonical(), &after.to_string());
    }
    assert!(stopped > 3, "{stopped}");
}

/// The process dies at each moment of a unit that fails and is taken back; another one goes on.
#[test]
fn the_undo_of_a_unit_goes_on_after_a_crash_at_any_moment() {
    let start = World::with(shapes::before());
    let plan = start.plan(TWO_UNITS, Mode::Apply);
    let refuse = |world: &World| {
        fail(world, |call, _| {
            let is_last = call.endpoint.info().path == "/access-groups" && call.endpoint.creates();
            is_last.then_some(Fate::Rejected(422))
        });
    };
    let whole = BTreeMap::from([("lyon".to_owned(), false), ("nice".to_owned(), true)]);
    let expected = with_units(&start, &whole).canonical();
    for dies_at in 1.. {
        let world = start.fork();
        refuse(&world);
        let options = RunOptions { undo_inferred: true, ..RunOptions::default() };
        let run = Run::new(sim::run_id(), Arc::clone(&plan), options, 1);
        let ended = world.drive(&plan, run, Points::new(Some(dies_at)), None);
        let over = ended.is_some();
        if !over && world.records().is_empty() {
            continue;
        }
        let report = ended.unwrap_or_else(|| world.resume(&plan, Goal::Forward, Overrides::default()));
        let what = format!("dead at {dies_at}");
        assert_eq!(report.outcome, RunOutcome::Partial, "{what}: {:#?}", report.lists);
        assert_eq!(all_or_none(&plan, &report, &what), whole);
        is_as_before(&world, &expected, &what);
        if over {
            assert!(dies_at > 50, "{dies_at}");
            break;
        }
    }
}

/// A unit whose undo fails is stuck; the other one is not held up by it.
#[test]
fn a_stuck_unit_is_told_and_gone_on_with() {
    let world = World::with(shapes::before());
    let plan = world.plan(TWO_UNITS, Mode::Apply);
    let stuck = |call: &Call| call.endpoint.info().path == "/user-groups/{id}";
    fail(&world, move |call, _| {
        let last = call.endpoint.info().path == "/access-groups" && call.endpoint.creates();
        (last || stuck(call)).then_some(Fate::Rejected(403))
    });
    let report = world.run(&plan, RunOptions::default());
    assert_eq!(report.outcome, RunOutcome::Stuck);
    let (verdict, group) = change(&report, "lyonnais");
    let id = group.id.as_deref().unwrap();
    let error = group.error.as_deref().unwrap();
    assert_eq!(verdict, Verdict::Unknown);
    assert!(
        error.starts_with("not undone: ")
            && error.ends_with(&format!("`connexa delete user_groups {id}` removes what was made")),
        "{error}"
    );
    assert_eq!(change(&report, "fay").0, Verdict::Succeeded);
    assert_eq!(change(&report, "eve").0, Verdict::Undone);
    world.tenant.state().fates = None;
    // Gone on with: the unit stays undone, and what was stuck is taken back.
    let report = world.resume(&plan, Goal::Forward, Overrides::default());
    assert_eq!(
        (report.outcome, change(&report, "lyonnais").0),
        (RunOutcome::Partial, Verdict::Undone),
        "{:#?}",
        report.lists
    );
    // Tried again it is carried out.
    let report = world.resume(&plan, Goal::Retry, Overrides::default());
    assert_eq!(report.outcome, RunOutcome::Complete, "{:#?}", report.lists);
    assert!(world.canonical().contains_key("access_group/null/\"lyon\""));
}

/// Members that cannot be taken back come last; after the first of them the unit only goes forward.
#[test]
fn what_cannot_be_undone_ends_the_unit() {
    let world = World::with(shapes::before());
    let mut plan = Plan::clone(&world.plan(
        "hosts: [{ name: a, unit: u }, { name: b, unit: u }, { name: c, unit: u, depends_on: [host/a, host/b] }, { name: d, unit: u, depends_on: [host/a, host/b] }]",
        Mode::Apply,
    ));
    for change in plan.changes.iter_mut().filter(|change| ["c", "d"].contains(&change.key.as_str())) {
        change.irreversible = Some("simulated".to_owned());
    }
    let plan = Arc::new(plan);
    for (failing, kept) in [("a", 0), ("c", 0), ("d", 3)] {
        let world = world.fork();
        let before = world.canonical();
        fail(&world, move |call, _| names(call, failing).then_some(Fate::Rejected(422)));
        let report = world.run(&plan, RunOptions::default());
        assert_eq!(report.lists.succeeded.len(), kept, "{failing}: {:#?}", report.lists);
        if kept == 0 {
            is_as_before(&world, &before, failing);
        }
    }
}

/// An object that somebody else changed meanwhile is not taken back with its unit.
#[test]
fn a_member_that_others_changed_is_left_alone() {
    let world = World::with(shapes::before());
    let plan = world.plan(TWO_UNITS, Mode::Apply);
    fail(&world, |call, _| {
        let last = call.endpoint.info().path == "/access-groups" && call.endpoint.creates();
        last.then_some(Fate::Rejected(422))
    });
    world.tenant.state().meddle = Some(Box::new(|call, content| {
        if call.endpoint.info().path == "/access-groups" && call.endpoint.creates() {
            content.named(Kind::UserGroup, "lyonnais").fields.insert("maxDevice".to_owned(), json!(17));
        }
    }));
    let report = world.run(&plan, RunOptions::default());
    let (verdict, group) = change(&report, "lyonnais");
    assert_eq!((report.outcome, verdict), (RunOutcome::Stuck, Verdict::Unknown));
    assert!(group.error.as_deref().unwrap().contains("user group `lyonnais` has changed in `max_device`"));
    assert_eq!(change(&report, "eve").0, Verdict::Undone);
    assert!(world.canonical().contains_key("user_group/null/\"lyonnais\""));
}
