//! Runs of random plans under random faults, on virtual time: whatever happens, each change gets one verdict, and it is
//! true. Judged by the service's own ledger.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod sim;

use connexa_engine::{
    journal::MemoryJournal,
    machine::{JournalFailure, Seq},
    pacer::PacerOptions,
    plan::{Change, Operation, Plan, TemplateText},
    ports::Journal as _,
    record::{Event, Purpose, Record, RunId, Tick},
    report::{Report, ReportedChange, RunOutcome, Verdict},
    run::RunOptions,
};
use connexa_types::{Call, CallBody, Class, Mono};
use futures_util::FutureExt as _;
use serde_json::Value;
use sim::{
    Outcome, World,
    bucket::{Bucket, Numbers},
    clock::SimClock,
    plans,
    service::{Buckets, Entry, Faults, Objects, Service},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

/// One simulated world, all of it drawn from a seed.
struct Case {
    seed: u64,
    plan: Arc<Plan>,
    options: RunOptions,
    faults: Faults,
    stop: Option<Mono>,
    /// Appends take up to so many milliseconds.
    journal_delay: u64,
    /// Which append fails.
    journal_fails: Option<u64>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let size = random.usize(1..25);
        let plan = plans::random(&mut random, size);
        // Swarm testing: each seed has a few of the faults, and those often.
        let mut percent = || if random.u8(0..3) == 0 { random.u8(5..40) } else { 0 };
        let faults = Faults {
            not_sent: percent(),
            reset_before: percent() / 2,
            reset_after: percent() / 2,
            error_before: percent() / 2,
            error_after: percent() / 2,
            throttled: percent(),
            rejected: percent(),
            half_applied: percent(),
            child_lost: percent(),
            unauthorized: 0,
            no_batches: 0,
        };
        let options = RunOptions { parallel: random.usize(1..9), ..RunOptions::default() };
        let journal_delay = random.u64(0..20);
        Self { seed, plan, options, faults, stop: None, journal_delay, journal_fails: None }
    }

    /// The same with calls that share requests, which some services take, and some stop to take.
    fn batched(seed: u64) -> Self {
        let mut case = Self::new(seed);
        case.options.batch = 2 + usize::try_from(seed % 9).unwrap();
        case.faults.no_batches = if seed.is_multiple_of(3) { 20 } else { 0 };
        case
    }

    fn run(&self) -> (Outcome, Arc<Service>) {
        let clock = SimClock::with_lateness(Duration::from_millis(1), self.seed);
        let journal = self.journal(&clock);
        let watched = journal.clone();
        let sent: Mutex<BTreeMap<String, usize>> = Mutex::default();
        let service = Service::watched(&clock, self.buckets(), self.seed, move |call| {
            // No byte before its intent (N6).
            let text = serde_json::to_string(call).unwrap();
            let mut sent = sent.lock().unwrap();
            let times = sent.entry(text).or_default();
            *times += 1;
            assert!(durable_intents(&watched, call) >= *times, "sent before its intent is durable: {call:?}");
        });
        service.state().faults = self.faults;
        service.state().way = 1_000..80_000;
        service.state().batches = Some(0).filter(|_| !self.seed.is_multiple_of(7));
        let world = World::new(clock, service, journal, PacerOptions { max_rate: None, seed: self.seed });
        let outcome = world.run(&self.plan, self.options.clone(), self.seed, self.stop);
        (outcome, world.service)
    }

    fn buckets(&self) -> Buckets {
        let bucket = Bucket::full(Numbers::new(10, 5, 1));
        match self.seed % 4 {
            0 => Buckets::None,
            1 => Buckets::Shared(bucket),
            2 => Buckets::Silent(bucket),
            _ => Buckets::Apart { read: bucket.clone(), update: bucket },
        }
    }

    fn journal(&self, clock: &SimClock) -> MemoryJournal {
        let (clock, delay, fails) = (clock.clone(), self.journal_delay, self.journal_fails);
        let state = Mutex::new((fastrand::Rng::with_seed(self.seed), 0_u64));
        MemoryJournal::with_durability(move |_, _| {
            let mut state = state.lock().unwrap();
            state.1 += 1;
            let failed = fails == Some(state.1);
            let at = clock.mono() + Duration::from_millis(state.0.u64(0..=delay));
            let passed = clock.pass_until(at);
            async move {
                passed.await;
                if failed { Err(JournalFailure::Write("no space left on device".to_owned())) } else { Ok(()) }
            }
            .boxed()
        })
    }

    fn check(&self) -> (Outcome, Arc<Service>) {
        let (outcome, service) = self.run();
        let ledger = service.ledger();
        let objects = service.state().objects.clone();
        let (report, records) = (&outcome.report, &outcome.records);
        let judge = Judge { case: self, report, records, ledger: &ledger, objects: &objects };
        judge.lists();
        judge.order();
        judge.sendings();
        judge.truth();
        judge.sums();
        let most = self.options.parallel.max(self.options.batch);
        assert!(service.state().most_in_flight <= most, "seed {}", self.seed);
        (outcome, service)
    }
}

fn durable_intents(journal: &MemoryJournal, call: &Call) -> usize {
    let run = RunId("01999999-0000-7000-8000-000000000001".to_owned());
    let records = journal.read(&run, Seq(1), usize::MAX).now_or_never().unwrap().unwrap();
    let intents = records.iter().filter(|stored| match &stored.record {
        Record::AttemptStarted { call: intended, .. } => intended == call,
        _ => false,
    });
    intents.count()
}

/// Looks at a run from outside.
struct Judge<'a> {
    case: &'a Case,
    report: &'a Report,
    records: &'a [Record],
    ledger: &'a [Entry],
    objects: &'a Objects,
}

impl Judge<'_> {
    fn verdicts(&self) -> BTreeMap<(String, String), (Verdict, &ReportedChange)> {
        let mut all = BTreeMap::new();
        for verdict in Verdict::ALL {
            for change in self.report.lists.of(verdict) {
                let before = all.insert((change.kind.clone(), change.key.clone()), (verdict, change));
                assert!(before.is_none(), "one verdict only: {change:?}");
            }
        }
        all
    }

    /// N1: the six lists together are the changes, each in the order of the input.
    fn lists(&self) {
        let seed = self.case.seed;
        assert_eq!(self.verdicts().len(), self.case.plan.changes.len(), "seed {seed}");
        for verdict in Verdict::ALL {
            let places: Vec<_> =
                self.report.lists.of(verdict).iter().map(|change| self.place(change)).collect();
            assert!(places.is_sorted(), "seed {seed}, {verdict:?}: {places:?}");
        }
        for verdict in [Verdict::Failed, Verdict::Skipped, Verdict::Unknown] {
            for change in self.report.lists.of(verdict) {
                assert!(change.error.is_some() && change.error_type.is_some(), "seed {seed}: {change:?}");
                assert_eq!(change.cause.is_some(), verdict == Verdict::Skipped, "seed {seed}: {change:?}");
            }
        }
    }

    fn place(&self, change: &ReportedChange) -> usize {
        let changes = &self.case.plan.changes;
        changes.iter().position(|c| c.kind == change.kind && c.key == change.key).expect("it is in the plan")
    }

    /// Nothing starts before what it needs has succeeded and what it comes after has ended.
    fn order(&self) {
        let operations = &self.case.plan.operations;
        let ended = |operation: &Operation| {
            let change = operation.carries[0].change;
            self.records
                .iter()
                .position(|r| matches!(r, Record::ChangeEnded { change: c, .. } if *c == change))
        };
        for (at, record) in self.records.iter().enumerate() {
            let Record::AttemptStarted { purpose: Purpose::Operation(id), .. } = record else { continue };
            let Some(operation) = operations.iter().find(|o| o.id == *id) else {
                assert!(self.operations().iter().any(|o| o.id == *id), "it has grown in the run");
                continue;
            };
            for before in operation.needs.iter().chain(&operation.after) {
                assert!(ended(&operations[*before]).is_some_and(|end| end < at), "seed {}", self.case.seed);
            }
            for needed in &operation.needs {
                let verdict = self.verdict(operations[*needed].carries[0].change);
                assert_eq!(verdict, Verdict::Succeeded, "seed {}", self.case.seed);
            }
        }
    }

    fn verdict(&self, change: usize) -> Verdict {
        let change = &self.case.plan.changes[change];
        self.verdicts()[&(change.kind.clone(), change.key.clone())].0
    }

    /// The operations of the plan, and those that grew in the run.
    fn operations(&self) -> Vec<&Operation> {
        let grown = self.records.iter().filter_map(|record| match record {
            Record::OperationAdded { operation, .. } => Some(&**operation),
            _ => None,
        });
        self.case.plan.operations.iter().chain(grown).collect()
    }

    /// The requests of an operation that arrived. Calls that take the place of another make the same object, so they are
    /// told apart by their bodies.
    fn arrived(&self, operation: &Operation) -> Vec<&Entry> {
        let shape = |endpoint, body: &Option<CallBody>| {
            let Some(CallBody::Json(body)) = body else { return (endpoint, String::new()) };
            let mut body = body.clone();
            // Filled in when it was sent.
            if let Some(members) = body.as_object_mut() {
                members.remove("groupId");
            }
            (endpoint, body.to_string())
        };
        let own = shape(operation.call.endpoint, &operation.call.body);
        let parent = |query: &[(String, String)]| query.iter().map(|(_, id)| id.clone()).next();
        let own_parent = operation.call.query.iter().find_map(|(_, text)| match text {
            TemplateText::Text(text) => Some(text.clone()),
            TemplateText::Output(_) => None,
        });
        self.ledger
            .iter()
            .filter(|entry| shape(entry.call.endpoint, &entry.call.body) == own)
            .filter(|entry| own_parent.is_none() || parent(&entry.call.query) == own_parent)
            .collect()
    }

    /// What may have been applied is sent again only after a list that could be believed, and at most twice; reads are
    /// look-ups, and nothing else is sent.
    fn sendings(&self) {
        let seed = self.case.seed;
        let mut updates = 0;
        for operation in self.operations() {
            let arrived = self.arrived(operation);
            updates += arrived.len();
            let ambiguous: Vec<&Entry> = arrived.iter().copied().filter(|e| e.status != 429).collect();
            assert!(ambiguous.len() <= 3, "seed {seed}: {arrived:?}");
            for pair in ambiguous.windows(2) {
                let [first, second] = pair else { unreachable!("windows of two") };
                assert!(
                    !first.delivered || first.status >= 500,
                    "seed {seed}: answered, and sent again: {pair:?}"
                );
                let list = self.ledger.iter().any(|entry| {
                    entry.call.class() == Class::Read
                        && entry.sent >= first.arrived + RunOptions::SETTLE
                        && entry.arrived <= second.sent
                });
                assert!(list, "seed {seed}: sent again without a look: {pair:?}");
            }
        }
        let all = self.ledger.iter().filter(|entry| entry.call.class() == Class::Update).count();
        assert_eq!(updates, all, "seed {seed}");
        if let Some(stop) = self.case.stop {
            for entry in self.ledger.iter().filter(|entry| entry.call.class() == Class::Update) {
                // The intent was there before the stop; its record may have taken a moment.
                let late = Duration::from_millis(self.case.journal_delay * 2 + 2);
                assert!(entry.sent <= stop + late, "seed {}: {entry:?}", self.case.seed);
            }
        }
    }

    /// N4: what is said of each change is so, by what the service holds and by the answers that were lost.
    fn truth(&self) {
        let seed = self.case.seed;
        for (index, change) in self.case.plan.changes.iter().enumerate() {
            let (verdict, report) = self.verdicts()[&(change.kind.clone(), change.key.clone())];
            let carriers: Vec<&Operation> = self
                .operations()
                .into_iter()
                .filter(|o| o.carries.iter().any(|c| c.change == index))
                .collect();
            if carriers.is_empty() {
                continue;
            }
            let arrived: Vec<&Entry> =
                carriers.iter().flat_map(|operation| self.arrived(operation)).collect();
            let there = self.there(change);
            let what = format!("seed {seed}: {report:?}\n{arrived:?}");
            match verdict {
                Verdict::Succeeded => {
                    assert!(there == 1 && report.id.is_some() && report.origin.is_some(), "{there} {what}");
                }
                Verdict::Failed | Verdict::Skipped | Verdict::Unprocessed => {
                    assert!(there == 0, "{what}");
                    assert!(!arrived.iter().any(|e| e.applied && e.status != 400), "{what}");
                }
                // Nobody could tell: the run was stopped before it was looked for, or the list could not be read.
                Verdict::Unknown => {
                    let reads = self.ledger.iter().any(|e| e.call.class() == Class::Read && e.status != 200);
                    let halted = self.records.iter().any(|r| matches!(r, Record::StopRequested { .. }));
                    assert!(reads || halted || self.case.faults.not_sent > 0, "{what}");
                }
                Verdict::Undone => panic!("nothing undoes: {what}"),
            }
            if verdict == Verdict::Skipped || verdict == Verdict::Unprocessed && report.attempts == Some(0) {
                assert!(arrived.is_empty(), "{what}");
            }
        }
    }

    /// How often the service holds what a change was to make.
    fn there(&self, change: &Change) -> usize {
        let (parent, own) = match change.parent {
            Some(parent) => {
                let parent = &self.case.plan.changes[parent].key;
                (Some(parent.as_str()), change.key[parent.len() + 1..].to_owned())
            }
            None => (None, change.key.clone()),
        };
        let list = match change.kind.as_str() {
            "network" | "network_connector" | "network_route" => "networks",
            "host" => "hosts",
            "user_group" => "user-groups",
            "user" => "users",
            other => panic!("no kind of these plans: {other}"),
        };
        let named = |object: &&Value, name: &str| {
            ["name", "username", "subnet"].iter().any(|member| object[*member] == name)
        };
        let objects = self.objects.get(list).map(Vec::as_slice).unwrap_or_default();
        match (change.kind.as_str(), parent) {
            // A connector that is an item of its own: its network is that of its operation.
            ("network_connector", None) => {
                let children = objects.iter().filter_map(|object| object["connectors"].as_array()).flatten();
                children.filter(|child| named(child, &own)).count()
            }
            (_, None) => objects.iter().filter(|object| named(object, &own)).count(),
            (kind, Some(parent)) => {
                let name = if kind == "network_route" { "routes" } else { "connectors" };
                let parents = objects.iter().filter(|object| named(object, parent));
                let children = parents.filter_map(|object| object[name].as_array()).flatten();
                children.filter(|child| named(child, &own)).count()
            }
        }
    }

    /// What is counted was so.
    fn sums(&self) {
        let seed = self.case.seed;
        let count = |class| self.ledger.iter().filter(|e| e.call.class() == class).count() as u64;
        let calls = self.report.calls;
        assert_eq!((calls.read, calls.update), (count(Class::Read), count(Class::Update)), "seed {seed}");
        let throttled = self.ledger.iter().filter(|e| e.status == 429 && e.delivered).count() as u64;
        assert_eq!(calls.throttled, throttled, "seed {seed}");
        let counted: u64 = self.report.counts.values().flat_map(|verdicts| verdicts.values()).sum();
        assert_eq!(counted, self.case.plan.changes.len() as u64, "seed {seed}");
        let none = |verdict| self.report.lists.of(verdict).is_empty();
        let outcome = self.report.outcome;
        assert_eq!(outcome == RunOutcome::Stuck, !none(Verdict::Unknown), "seed {seed}");
        if outcome == RunOutcome::Complete {
            assert_eq!(self.report.lists.succeeded.len(), self.case.plan.changes.len(), "seed {seed}");
        }
        assert!(matches!(self.records.first(), Some(Record::RunStarted { .. })), "seed {seed}");
        assert!(matches!(self.records.last(), Some(Record::RunFinished { .. })), "seed {seed}");
        assert_eq!(
            &Report { calls: self.report.calls, ..Report::fold(self.records) },
            self.report,
            "seed {seed}"
        );
        let timings = self.report.timings;
        assert!(timings.engine_ms <= timings.run_ms, "seed {seed}: {timings:?}");
    }
}

#[test]
fn every_change_gets_one_true_verdict() {
    let mut reached: BTreeMap<Verdict, u64> = BTreeMap::new();
    let mut look_ups = 0;
    for seed in 0..400 {
        let (outcome, _) = Case::new(seed).check();
        for verdict in Verdict::ALL {
            *reached.entry(verdict).or_default() += outcome.report.lists.of(verdict).len() as u64;
        }
        look_ups += outcome.report.calls.read;
    }
    // The faults have bitten.
    for verdict in [Verdict::Succeeded, Verdict::Failed, Verdict::Skipped] {
        assert!(reached[&verdict] > 100, "{verdict:?}: {reached:?}");
    }
    assert!(reached[&Verdict::Unknown] > 0 && look_ups > 500, "{look_ups}: {reached:?}");
}

#[test]
fn without_faults_each_operation_is_one_call() {
    for seed in 0..100 {
        let case = Case { faults: Faults::default(), ..Case::new(seed) };
        let silent = matches!(case.buckets(), Buckets::Silent(_));
        let (outcome, _) = case.check();
        let extra = if silent { outcome.report.calls.throttled } else { 0 };
        assert_eq!(outcome.report.calls.update, case.plan.operations.len() as u64 + extra, "seed {seed}");
        assert_eq!((outcome.report.calls.read, outcome.report.lists.unknown.len()), (0, 0), "seed {seed}");
        assert_eq!(outcome.report.lists.skipped.len(), 0, "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_records() {
    for seed in 0..60 {
        let (one, other) = (Case::new(seed).run().0, Case::new(seed).run().0);
        assert_eq!(one.records, other.records, "seed {seed}");
        assert_eq!(one.report, other.report, "seed {seed}");
    }
}

#[test]
fn a_stop_at_any_moment_leaves_a_whole_report() {
    let mut stopped = 0;
    for seed in 0..25 {
        let (outcome, _) = Case::new(seed).run();
        let end = outcome.ended.since_origin();
        for part in 0..=12 {
            let stop = Some(Mono::from_origin(end * part / 12));
            let (outcome, _) = Case { stop, ..Case::new(seed) }.check();
            stopped += u64::from(outcome.report.outcome == RunOutcome::Stopped);
            // The last word on the progress does not count what was never started.
            let left = outcome.events.iter().rev().find_map(|event| match event {
                Event::Tick(Tick::Run { ended, changes, .. }) => Some(changes - ended),
                _ => None,
            });
            let unprocessed = outcome.report.lists.unprocessed.len() as u64;
            assert_eq!(left.unwrap_or(unprocessed), unprocessed, "seed {seed}, part {part}");
        }
    }
    assert!(stopped > 50, "{stopped}");
}

/// Each append in turn fails. What was sent had a durable intent; nothing is sent after the failure; the report is whole.
#[test]
fn nothing_is_sent_after_the_journal_has_failed() {
    let mut stopped = 0;
    for seed in 0..20 {
        for fails in 1..30 {
            let case = Case { journal_fails: Some(fails), ..Case::new(seed) };
            let (outcome, _) = case.check();
            let error = |change: &ReportedChange| change.error.clone().unwrap_or_default();
            let unprocessed = outcome.report.lists.unprocessed.iter().map(error);
            if unprocessed.into_iter().any(|error| error.contains("no space left")) {
                assert!(
                    matches!(outcome.report.outcome, RunOutcome::Stopped | RunOutcome::Stuck),
                    "seed {seed}"
                );
                stopped += 1;
            }
        }
    }
    assert!(stopped > 100, "{stopped}");
}

/// The intents of a journal that takes its time.
#[test]
fn nothing_is_sent_before_its_intent_is_durable() {
    for seed in 0..40 {
        // The service itself checks each call as it is sent.
        Case { journal_delay: 500, ..Case::new(seed) }.check();
    }
}

/// Whatever happens in and around batched requests, each call of them has an outcome of its own.
#[test]
fn calls_that_share_requests_are_judged_each_on_its_own() {
    let mut reached: BTreeMap<Verdict, u64> = BTreeMap::new();
    let (mut shared, mut refused) = (0, 0);
    for seed in 0..240 {
        let (outcome, service) = Case::batched(seed).check();
        for verdict in Verdict::ALL {
            *reached.entry(verdict).or_default() += outcome.report.lists.of(verdict).len() as u64;
        }
        let ledger = service.ledger();
        assert!(ledger.iter().all(|entry| entry.batch.is_none() || entry.call.mutates()), "seed {seed}");
        shared += ledger.iter().filter(|entry| entry.batch.is_some()).count();
        let told = |record: &&Record| matches!(record, Record::BatchesRefused { .. });
        let times = outcome.records.iter().filter(told).count();
        assert!(times <= 1 && outcome.report.warnings.len() == times, "seed {seed}");
        refused += times;
    }
    for verdict in [Verdict::Succeeded, Verdict::Failed, Verdict::Skipped] {
        assert!(reached[&verdict] > 50, "{verdict:?}: {reached:?}");
    }
    assert!(shared > 800 && refused > 40, "{shared} {refused}");
}

#[test]
fn a_stop_or_a_broken_journal_amid_batches_leaves_a_whole_report() {
    for seed in 0..8 {
        let (outcome, _) = Case::batched(seed).run();
        let end = outcome.ended.since_origin();
        for part in 0..=8 {
            let stop = Some(Mono::from_origin(end * part / 8));
            Case { stop, ..Case::batched(seed) }.check();
            let fails = Some(1 + u64::from(part) * 3);
            Case { journal_fails: fails, ..Case::batched(seed) }.check();
        }
    }
}

#[test]
fn refused_credentials_stop_the_run() {
    for seed in 0..60 {
        let mut case = Case::new(seed);
        case.faults.unauthorized = 10;
        let (outcome, service) = case.check();
        let Some(refused) = service.ledger().iter().find(|entry| entry.status == 401).cloned() else {
            continue;
        };
        for entry in service.ledger() {
            // What was on its way ends; a moment later nothing is sent any more.
            assert!(entry.sent <= refused.arrived + Duration::from_millis(120), "seed {seed}: {entry:?}");
        }
        // Unless all was done, and only the last look at a list was refused.
        let is_whole = outcome.report.lists.unprocessed.is_empty();
        let halted = matches!(outcome.report.outcome, RunOutcome::Stopped | RunOutcome::Stuck);
        assert!(halted || is_whole && !refused.call.mutates(), "seed {seed}");
    }
}
