//! Runs that are taken up again to some end: what is tried again, what is left alone, and what others did meanwhile.

mod sim;

use Verdict::{Failed, Skipped, Succeeded, Unknown};
use connexa_engine::{
    plan::{Carried, Plan},
    ports::FixedAnswer,
    record::{Purpose, Record, Standing},
    report::{ErrorType, Origin, RunOutcome, Verdict},
    run::{Goal, Overrides, ReplayError, Run, RunOptions, WaveSize},
};
use connexa_types::{Call, CallBody, Class, Endpoint, JsonPointer, Kind, Mono};
use futures_util::{FutureExt as _, future};
use serde_json::{Value, json};
use sim::{
    World,
    fate::{Fate, PartAnswer},
    plans::{self, Builder},
    ran::{Ran, rejection_of, world},
    service::{Buckets, Objects, rejection},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

fn quiet() -> World {
    world(Buckets::None, Box::new(|_| None))
}

fn run(world: World, plan: &Arc<Plan>) -> Ran {
    run_as(world, plan, RunOptions::default())
}

fn run_as(world: World, plan: &Arc<Plan>, options: RunOptions) -> Ran {
    let outcome = world.run(plan, options, 1, None);
    Ran { outcome, world }
}

impl Ran {
    fn again(self, plan: &Arc<Plan>, goal: Goal) -> Self {
        self.again_with(plan, goal, Overrides::default())
    }

    fn again_with(self, plan: &Arc<Plan>, goal: Goal, overrides: Overrides) -> Self {
        let outcome = self.world.resume(plan, goal, overrides, None);
        Self { outcome, world: self.world }
    }

    /// From here on the service refuses nothing and loses nothing.
    fn mended(self) -> Self {
        let mut state = self.world.service.state();
        (state.script, state.fates) = (None, None);
        drop(state);
        self
    }

    fn names(&self, list: &'static str) -> Vec<String> {
        let state = self.world.service.state();
        let objects = state.objects.get(list).into_iter().flatten();
        objects.map(|object| object["name"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn updates(&self) -> usize {
        self.world.service.ledger().iter().filter(|entry| entry.call.class() == Class::Update).count()
    }

    fn verdicts(&self, keys: &[&str]) -> Vec<Verdict> {
        keys.iter().map(|key| self.change(key).0).collect()
    }
}

fn name_of(call: &Call) -> Option<&str> {
    match &call.body {
        Some(CallBody::Json(body)) => body["name"].as_str(),
        _ => None,
    }
}

/// The process of a run dies at a moment.
fn die(world: &World, plan: &Arc<Plan>, at: Duration) {
    let run = world.running(plan, RunOptions::default(), 1, None).boxed();
    let death = world.clock.pass_until(Mono::from_origin(at)).boxed();
    let died = world.clock.run(future::select(run, death));
    assert!(matches!(died, future::Either::Right(_)), "the run was over before");
    let now = world.clock.mono();
    world.service.state().crash(now, None);
}

fn put(world: &World, list: &'static str, objects: &[Value]) {
    world.service.state().objects.insert(list, objects.to_vec());
}

// ── Forward ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_a_stop_left_is_carried_out_when_the_run_is_taken_up_again() {
    let plan = plans::hosts(40);
    let world = quiet();
    let stop = Mono::from_origin(Duration::from_millis(3));
    let stopped = world.run(&plan, RunOptions::default(), 1, Some(stop));
    assert_eq!(stopped.report.outcome, RunOutcome::Stopped);
    let done = stopped.report.lists.succeeded.len();
    assert!(done > 0 && done < 40, "{done}");
    let ran = Ran { outcome: stopped, world }.again(&plan, Goal::Forward);
    assert_eq!((ran.outcome(), ran.names("hosts").len()), (RunOutcome::Complete, 40));
    assert_eq!(ran.outcome.report.counts["host"], [(Verdict::Succeeded, 40)].into());
    // A clean end needs no settle time, and one list is enough.
    assert!(ran.outcome.ended.since_origin() < Duration::from_secs(1));
    assert_eq!((ran.updates(), ran.world.service.ledger().len()), (40, 41));
}

#[test]
fn a_run_that_is_complete_has_nothing_left_to_do() {
    let plan = plans::hosts(3);
    let ran = run(quiet(), &plan);
    let calls = ran.world.service.ledger().len();
    for goal in [Goal::Forward, Goal::Retry, Goal::Settle] {
        let again = ran.world.resume(&plan, goal, Overrides::default(), None);
        assert_eq!(again.report.outcome, RunOutcome::Complete, "{goal:?}");
        assert_eq!(ran.world.service.ledger().len(), calls, "{goal:?}: no call is made");
        assert_eq!(again.report.lists, ran.outcome.report.lists);
    }
}

/// Under Forward what failed stays so, and so does what hangs on it; what hangs on nothing but what is open does not.
#[test]
fn what_was_skipped_is_open_again_with_its_cause() {
    let mut builder = Builder::default();
    let (bad, lost) = (builder.group("bad"), builder.group("lost"));
    builder.user("of-bad", bad);
    builder.user("of-lost", lost);
    let plan = builder.plan();
    let world = quiet();
    world.service.state().fates = Some(Box::new(|call| match name_of(call) {
        Some("bad") => Fate::Rejected(400),
        Some("lost") => Fate::LostAfter,
        _ => Fate::Fine,
    }));
    // Told to stop before it was settled.
    let outcome = world.run(&plan, RunOptions::default(), 1, Some(Mono::from_origin(Duration::from_secs(9))));
    let ran = Ran { outcome, world };
    let keys = ["bad", "lost", "of-bad", "of-lost"];
    assert_eq!(ran.verdicts(&keys), [Failed, Unknown, Skipped, Skipped]);
    let ran = ran.mended().again(&plan, Goal::Forward);
    assert_eq!(ran.verdicts(&keys), [Failed, Succeeded, Skipped, Succeeded]);
    assert_eq!(ran.change("lost").1.origin, Some(Origin::Inferred));
    let ran = ran.again(&plan, Goal::Retry);
    assert_eq!(ran.verdicts(&keys), [Succeeded; 4]);
    assert_eq!((ran.names("user-groups").len(), ran.names("users").len()), (2, 2));
    assert_eq!(ran.outcome(), RunOutcome::Complete);
}

#[test]
fn one_list_of_each_kind_is_read_before_anything_is_sent() {
    let mut builder = Builder::default();
    let host = |name: &str| json!({ "id": name, "name": name, "domain": "old.example", "connectors": [] });
    for index in 0..20 {
        builder.network(&format!("n{index}"), 1, 1);
        let group = builder.group(&format!("g{index}"));
        builder.user(&format!("u{index}"), group);
    }
    let hosts: Vec<Value> = (0..20).map(|index| host(&format!("h{index}"))).collect();
    for live in &hosts {
        builder.update(Kind::Host, live, json!({ "name": live["name"], "domain": "new.example" }));
    }
    let plan = builder.plan();
    let world = quiet();
    put(&world, "hosts", &hosts);
    world.service.state().way = 40_000..60_000;
    die(&world, &plan, Duration::from_millis(350));
    let before = world.service.ledger().len();
    let outcome = world.resume(&plan, Goal::Forward, Overrides::default(), None);
    assert_eq!(outcome.report.outcome, RunOutcome::Complete);
    let mut lists: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let later = &world.service.ledger()[before..];
    for (place, entry) in later.iter().enumerate().filter(|(_, entry)| !entry.call.mutates()) {
        lists.entry(entry.call.endpoint.to_string()).or_default().push(place);
    }
    assert_eq!(lists.len(), 4, "{lists:?}");
    let last_update = later.iter().rposition(|entry| entry.call.mutates()).unwrap();
    for (list, read) in lists {
        // A second one comes at the end of the run, where something was on its way when the process died.
        let recovering = read.iter().filter(|place| **place < last_update).count();
        assert_eq!(recovering, 1, "{list}: {read:?}");
    }
    // What was settled is not part of the time that recovery took.
    assert_eq!(outcome.report.timings.recovery_ms, Some(0.0));
}

// ── Retry ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_failed_is_tried_again_once_and_so_is_what_hung_on_it() {
    let mut builder = Builder::default();
    let group = builder.group("g");
    builder.user("u", group);
    builder.host("h");
    builder.invalid(Kind::Host, "odd");
    let plan = builder.plan();
    let refusing = world(Buckets::None, Box::new(|call| rejection_of(call, Endpoint::UserGroupCreate, 400)));
    let ran = run(refusing, &plan);
    let keys = ["g", "u", "h", "odd"];
    assert_eq!(ran.verdicts(&keys), [Failed, Skipped, Succeeded, Failed]);
    let ran = ran.mended().again(&plan, Goal::Forward);
    assert_eq!((ran.verdicts(&keys), ran.updates()), (vec![Failed, Skipped, Succeeded, Failed], 2));
    let ran = ran.again(&plan, Goal::Retry);
    // What the plan itself refuses stays refused.
    assert_eq!(ran.verdicts(&keys), [Succeeded, Succeeded, Succeeded, Failed]);
    assert_eq!((ran.updates(), ran.change("g").1.attempts), (4, Some(2)));
    assert_eq!(ran.names("hosts"), ["h"]);
}

/// Children that a joint create failed to bring are made in the parent that it did make.
#[test]
fn a_child_that_failed_is_made_alone() {
    let mut builder = Builder::default();
    builder.network("n", 2, 1);
    let plan = builder.plan();
    let world = quiet();
    let mut first = true;
    world.service.state().fates = Some(Box::new(move |call| match call.endpoint {
        Endpoint::NetworkCreate if std::mem::take(&mut first) => Fate::Part(PartAnswer::Named),
        _ => Fate::Fine,
    }));
    let ran = run(world, &plan);
    let keys = ["n", "n/c0", "n/c1", "n/10.0.0.0/16"];
    assert_eq!(ran.verdicts(&keys), [Succeeded, Failed, Succeeded, Failed]);
    let ran = ran.mended().again(&plan, Goal::Retry);
    assert_eq!(ran.verdicts(&keys), [Succeeded; 4]);
    let state = ran.world.service.state();
    let networks = &state.objects["networks"];
    assert_eq!(networks.len(), 1);
    let count = |list: &str| networks[0][list].as_array().unwrap().len();
    assert_eq!((count("connectors"), count("routes")), (2, 1));
    drop(state);
    // And once more: it is all there.
    let calls = ran.updates();
    let ran = ran.again(&plan, Goal::Retry);
    assert_eq!((ran.updates(), ran.outcome()), (calls, RunOutcome::Complete));
}

/// A joint create of which nothing was made is tried again as the whole that it was.
#[test]
fn a_joint_create_that_failed_is_tried_again_as_a_whole() {
    let mut builder = Builder::default();
    builder.network("n", 2, 0);
    let plan = builder.plan();
    let mut calls = 0;
    let world = world(
        Buckets::None,
        Box::new(move |call| {
            calls += u32::from(call.endpoint == Endpoint::NetworkCreate);
            let details: &[(&str, &str)] = if calls == 1 { &[("connectors[1].name", "is odd")] } else { &[] };
            (call.endpoint == Endpoint::NetworkCreate).then(|| rejection(400, details))
        }),
    );
    let ran = run(world, &plan);
    let keys = ["n", "n/c0", "n/c1"];
    assert_eq!(ran.verdicts(&keys), [Verdict::Failed; 3]);
    assert_eq!(ran.updates(), 2, "once with all, once without the one that was named");
    let ran = ran.mended().again(&plan, Goal::Retry);
    assert_eq!((ran.verdicts(&keys), ran.updates()), (vec![Verdict::Succeeded; 3], 3));
    let connectors = ran.world.service.state().objects["networks"][0]["connectors"].as_array().unwrap().len();
    assert_eq!(connectors, 2);
}

/// Of a call whose effect nothing shows, only the part that failed is sent again.
#[test]
fn of_a_list_of_domains_those_that_failed_are_sent_again() {
    let mut builder = Builder::default();
    let changes: Vec<usize> = ["a.example", "b.example", "c.example"]
        .iter()
        .map(|domain| builder.change(Kind::AllowDomain, domain, connexa_engine::plan::Action::Create))
        .collect();
    let body = json!({ "domains": ["a.example", "b.example", "c.example"] });
    builder.operation(Endpoint::AllowListAddDomains, Kind::AllowDomain, changes[0], body).carries = changes
        .iter()
        .enumerate()
        .map(|(place, change)| Carried { change: *change, at: JsonPointer::new(format!("/domains/{place}")) })
        .collect();
    let plan = builder.plan();
    let mut calls = 0;
    let world = world(
        Buckets::None,
        Box::new(move |_| {
            calls += 1;
            (calls == 1).then(|| rejection(400, &[("domains[1]", "is odd")]))
        }),
    );
    let ran = run(world, &plan);
    let keys = ["a.example", "b.example", "c.example"];
    assert_eq!(ran.verdicts(&keys), [Succeeded, Failed, Succeeded]);
    let ran = ran.mended().again(&plan, Goal::Retry);
    assert_eq!((ran.verdicts(&keys), ran.outcome()), (vec![Succeeded; 3], RunOutcome::Complete));
    let ledger = ran.world.service.ledger();
    let Some(CallBody::Json(last)) = &ledger.last().unwrap().call.body else { panic!("a body") };
    assert_eq!(last["domains"], json!(["b.example"]));
}

// ── What others did meanwhile ────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_others_changed_or_removed_meanwhile_is_left_alone() {
    let host = |name: &str| json!({ "id": name, "name": name, "domain": "old.example", "connectors": [] });
    let names = ["same", "changed", "gone", "away"];
    let mut builder = Builder::default();
    let first = builder.group("first");
    for name in &names[..3] {
        let update =
            builder.update(Kind::Host, &host(name), json!({ "name": name, "domain": "new.example" }));
        builder.operations[update].after.push(first);
    }
    let delete = builder.delete(Kind::Host, &host("away"));
    builder.operations[delete].after.push(first);
    let plan = builder.plan();
    let world = quiet();
    put(&world, "hosts", &names.map(host));
    let outcome =
        world.run(&plan, RunOptions::default(), 1, Some(Mono::from_origin(Duration::from_millis(1))));
    assert_eq!(outcome.report.lists.succeeded.len(), 1, "only the first was sent");
    let other = json!({ "id": "changed", "name": "changed", "domain": "other.example", "connectors": [] });
    put(&world, "hosts", &[host("same"), other.clone()]);
    let ran = Ran { outcome, world }.again(&plan, Goal::Forward);
    let of = |key: &str| (ran.change(key).0, ran.change(key).1.error_type);
    assert_eq!(of("same"), (Verdict::Succeeded, None));
    assert_eq!(of("changed"), (Verdict::Failed, Some(ErrorType::Drifted)));
    assert_eq!(of("gone"), (Verdict::Failed, Some(ErrorType::NotFound)));
    assert_eq!(of("away"), (Verdict::Succeeded, None));
    let state = ran.world.service.state();
    let domain = |at: usize| state.objects["hosts"][at]["domain"].as_str().unwrap().to_owned();
    assert_eq!((domain(0).as_str(), domain(1).as_str()), ("new.example", "other.example"));
    assert_eq!(state.objects["hosts"].len(), 2);
}

/// What a run has made, and somebody has removed since, is not made again; what needed it finds that it is gone.
#[test]
fn what_was_made_and_then_removed_by_others_is_not_made_again() {
    let mut builder = Builder::default();
    let network = builder.network("n", 1, 0);
    builder.connector("late", network);
    let plan = builder.plan();
    let world = quiet();
    let outcome =
        world.run(&plan, RunOptions::default(), 1, Some(Mono::from_origin(Duration::from_millis(1))));
    assert_eq!(outcome.report.lists.succeeded.len(), 2, "the network with its connector");
    put(&world, "networks", &[]);
    let ran = Ran { outcome, world }.again(&plan, Goal::Forward);
    assert_eq!(
        ran.verdicts(&["n", "n/c0", "late"]),
        [Verdict::Succeeded, Verdict::Succeeded, Verdict::Failed]
    );
    assert_eq!(ran.names("networks"), Vec::<String>::new());
}

// ── Settle, abandon ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn an_abandoned_run_is_sent_nothing_of_and_cannot_be_taken_up() {
    let plan = plans::hosts(30);
    let world = quiet();
    world.service.state().way = 400_000..400_001;
    die(&world, &plan, Duration::from_secs(1));
    let before = world.service.ledger().len();
    let outcome = world.resume(&plan, Goal::Abandon, Overrides::default(), None);
    let ran = Ran { outcome, world };
    assert_eq!(ran.world.service.ledger().len(), before, "nothing is sent");
    let counts = &ran.outcome.report.counts["host"];
    // One had its answer, by which the quota is known; eight were on their way.
    assert_eq!(*counts, [(Verdict::Succeeded, 1), (Verdict::Unknown, 8), (Verdict::Unprocessed, 21)].into());
    assert_eq!(ran.outcome(), RunOutcome::Stuck);
    let unknown = &ran.outcome.report.lists.unknown[0];
    let error = "sent, but whether it was applied is not known: the run broke off before the answer came; given up: the run was abandoned";
    assert_eq!(unknown.error.as_deref(), Some(error));
    let records = ran.world.clock.run(ran.world.recorded());
    for goal in [Goal::Forward, Goal::Retry, Goal::Settle, Goal::Undo, Goal::Abandon] {
        let refused = Run::replay(Arc::clone(&plan), records.clone(), goal, Overrides::default());
        assert_eq!(refused.err(), Some(ReplayError::Abandoned), "{goal:?}");
    }
}

/// A run is told to be settled until nothing of it is open; then it is not again.
#[test]
fn what_is_settled_is_not_open_any_more() {
    let plan = plans::hosts(10);
    let world = quiet();
    world.service.state().way = 400_000..400_001;
    die(&world, &plan, Duration::from_secs(1));
    let open = |world: &World| Standing::of(&world.clock.run(world.recorded())).open();
    assert_eq!(open(&world), 8);
    let outcome = world.resume(&plan, Goal::Settle, Overrides::default(), None);
    assert_eq!(outcome.report.counts["host"], [(Verdict::Succeeded, 1), (Verdict::Unprocessed, 9)].into());
    assert_eq!(open(&world), 0);
    let ran = Ran { outcome, world }.again(&plan, Goal::Forward);
    assert_eq!((ran.outcome(), ran.names("hosts").len()), (RunOutcome::Complete, 10));
}

/// A list has said of it what it could: reading it once more would say nothing else.
#[test]
fn what_no_list_can_tell_is_not_settled_again_and_again() {
    let mut builder = Builder::default();
    builder.host("other");
    let user = json!({ "id": "u1", "username": "ada", "status": "ACTIVE" });
    builder.act(Endpoint::UserResetMfa, Kind::User, "reset-mfa", &user);
    let plan = builder.plan();
    let world = quiet();
    put(&world, "users", &[user]);
    world.service.state().fates =
        Some(Box::new(|call| if call.mutates() { Fate::LostBefore } else { Fate::Fine }));
    // Somebody else makes a host of that name meanwhile, and another one than ours was to be.
    let mut once = true;
    world.service.state().meddle = Some(Box::new(move |_, objects: &mut Objects| {
        if std::mem::take(&mut once) {
            let strange = json!({ "id": "x", "name": "other", "connectors": [{ "id": "c", "name": "c" }] });
            objects.insert("hosts", vec![strange]);
        }
    }));
    let ran = run(world, &plan);
    assert_eq!(ran.verdicts(&["other", "ada"]), [Verdict::Unknown; 2]);
    assert_eq!(ran.change("other").1.error_type, Some(ErrorType::Conflict));
    let records = ran.world.clock.run(ran.world.recorded());
    assert_eq!(Standing::of(&records).open(), 0);
}

// ── Waves, options, numbers ──────────────────────────────────────────────────────────────────────────────────────────────

fn waves(ran: &Ran) -> Vec<(u32, u64)> {
    let records = ran.world.clock.run(ran.world.recorded());
    let waves = records.iter().filter_map(|record| match record {
        Record::WaveStarted { wave, operations, .. } => Some((*wave, *operations)),
        _ => None,
    });
    waves.collect()
}

#[test]
fn what_is_left_goes_on_in_the_wave_that_it_was_in() {
    let plan = plans::hosts(20);
    let sizes = vec![WaveSize::Operations(2), WaveSize::Operations(8)];
    let options = RunOptions { waves: sizes, ..RunOptions::default() };
    // Nobody is there to say yes.
    let mut ran = run_as(quiet(), &plan, options);
    assert_eq!((ran.names("hosts").len(), waves(&ran)), (2, vec![(1, 2)]));
    ran.world.confirm = Box::new(FixedAnswer(true));
    let ran = ran.again(&plan, Goal::Forward);
    assert_eq!((ran.names("hosts").len(), waves(&ran)), (20, vec![(1, 2), (2, 8), (3, 20)]));
}

#[test]
fn new_waves_count_what_is_left() {
    let plan = plans::hosts(20);
    let options = RunOptions { waves: vec![WaveSize::Operations(4)], ..RunOptions::default() };
    let mut ran = run_as(quiet(), &plan, options);
    assert_eq!(ran.names("hosts").len(), 4);
    let overrides = Overrides { waves: Some(vec![WaveSize::Percent(25)]), ..Overrides::default() };
    let again = ran.again_with(&plan, Goal::Forward, overrides);
    assert_eq!((again.names("hosts").len(), waves(&again)), (8, vec![(1, 4), (1, 8)]));
    // Which the next leg knows.
    ran = again;
    ran.world.confirm = Box::new(FixedAnswer(true));
    let ran = ran.again(&plan, Goal::Forward);
    assert_eq!((ran.names("hosts").len(), waves(&ran)), (20, vec![(1, 4), (1, 8), (2, 20)]));
}

/// Options are those of the last leg, but for the deadline, which is given anew; numbers go on; calls add up.
#[test]
fn a_leg_goes_on_with_the_options_and_numbers_of_the_last_one() {
    let plan = plans::hosts(60);
    let deadline = Some(Duration::from_millis(5));
    let options = RunOptions { parallel: 3, deadline, ..RunOptions::default() };
    let ran = run_as(quiet(), &plan, options);
    assert_eq!(ran.outcome(), RunOutcome::Stopped);
    let overrides = Overrides { parallel: Some(5), deadline, ..Overrides::default() };
    let ran = ran.again_with(&plan, Goal::Forward, overrides);
    assert_eq!(ran.outcome(), RunOutcome::Stopped);
    let ran = ran.again(&plan, Goal::Forward);
    assert_eq!(ran.outcome(), RunOutcome::Complete);
    let records = ran.world.clock.run(ran.world.recorded());
    let continued: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::RunContinued { options, .. } => Some((options.parallel, options.deadline)),
            _ => None,
        })
        .collect();
    assert_eq!(continued, [(5, deadline), (5, None)]);
    let mut attempts: Vec<u64> = records
        .iter()
        .filter_map(|record| match record {
            Record::AttemptStarted { attempt, purpose: Purpose::Operation(_), .. } => Some(attempt.0),
            _ => None,
        })
        .collect();
    assert!(attempts.is_sorted());
    attempts.dedup();
    assert_eq!(attempts.len(), 60);
    assert_eq!(ran.outcome.report.calls.update, 60);
    assert_eq!(ran.outcome.report.calls.one_per_object, Some(60));
    assert!(ran.outcome.report.timings.run_ms > 10.0);
}

// ── Records that are not what they should be ─────────────────────────────────────────────────────────────────────────────

#[test]
fn records_of_something_else_are_refused() {
    let plan = plans::hosts(2);
    let ran = run(quiet(), &plan);
    let records = ran.world.clock.run(ran.world.recorded());
    let refused = |plan: &Arc<Plan>, records: &[Record]| {
        Run::replay(Arc::clone(plan), records.to_vec(), Goal::Forward, Overrides::default()).err().unwrap()
    };
    assert_eq!(refused(&plan, &[]), ReplayError::Empty);
    assert_eq!(refused(&plan, &records[1..]), ReplayError::OutOfPlace(1));
    let twice: Vec<Record> = records.iter().chain(&records[..1]).cloned().collect();
    assert_eq!(refused(&plan, &twice), ReplayError::OutOfPlace(twice.len() as u64));
    let mut other = Plan::clone(&plan);
    other.fingerprint = "sha256:1".to_owned();
    let (recorded, given) = ("sha256:0".to_owned(), "sha256:1".to_owned());
    assert_eq!(refused(&Arc::new(other), &records), ReplayError::OtherPlan { recorded, given });
    let mut smaller = Plan::clone(&plan);
    smaller.operations.pop();
    assert!(matches!(refused(&Arc::new(smaller), &records), ReplayError::UnknownOperation { .. }));
    let mut emptier = Plan::clone(&plan);
    emptier.changes.pop();
    emptier.operations.pop();
    assert!(matches!(
        refused(&Arc::new(emptier), &records),
        ReplayError::UnknownOperation { .. } | ReplayError::UnknownChange { .. }
    ));
}
