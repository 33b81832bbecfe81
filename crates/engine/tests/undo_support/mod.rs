//! What the tests of undo share: a tenant as a service, runs against it, and specs that change it.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![expect(unreachable_pub, reason = "a module of each test crate, written like a library")]
#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

pub mod shapes;
pub mod tenant;

use super::sim::{
    SimSecrets,
    clock::SimClock,
    crash::{Points, SimJournal},
    run_id,
};
use super::{sim, spec_support};
use connexa_engine::{
    current::CurrentState,
    drive::{Ports, Recording, drive},
    machine::Stop,
    pacer::{LocalPacer, PacerOptions},
    plan::{Mode, Plan, PlanOptions, Planning, plan},
    ports::{Actor, Claim, Clock as _, FixedAnswer, Journal as _, NoDelivery},
    record::Record,
    report::{Report, ReportedChange, RunOutcome, Verdict},
    run::{Goal, OnFailure, Overrides, Run, RunOptions},
};
use connexa_types::Mono;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tenant::Tenant;

pub const SETTLE: Duration = Duration::from_mins(1);

/// A tenant, a clock and a journal; processes come and go.
pub struct World {
    pub clock: SimClock,
    pub tenant: Arc<Tenant>,
    pub journal: SimJournal,
}

/// What one process came to; nothing if it died.
pub type Ended = Option<Report>;

impl World {
    /// A tenant that is as a spec says.
    pub fn with(spec: &str) -> Self {
        let clock = SimClock::new();
        let tenant = Tenant::new(&clock);
        let journal = SimJournal::new(&clock, 100);
        let mut world = Self { clock, tenant, journal };
        let plan = world.plan(spec, Mode::Apply);
        let report = world.run(&plan, RunOptions::default());
        assert_eq!(report.outcome, RunOutcome::Complete, "{:#?}", report.lists);
        // Its run is over.
        world.journal = SimJournal::new(&world.clock, 100);
        world.tenant.state().ledger.clear();
        world.tenant.state().reads.clear();
        world
    }

    /// Another one in which nothing has been done yet.
    pub fn fork(&self) -> Self {
        let clock = SimClock::new();
        let tenant = self.tenant.fork(&clock);
        let journal = SimJournal::new(&clock, 100);
        Self { clock, tenant, journal }
    }

    /// All that lists show.
    pub fn current(&self) -> CurrentState {
        let mut current = CurrentState::new(connexa_engine::ports::Provider::tenant(&*self.tenant).clone());
        current.regions = Some(vec!["eu-central-1".to_owned(), "it-mxp".to_owned()]);
        let state = self.tenant.state();
        for definition in connexa_engine::catalog::DEFINITIONS {
            if definition.calls.is_some() && !definition.carried_by_parent {
                let list = state.content.list(definition.kind);
                let list = list.into_iter().map(|object| (object, BTreeMap::new())).collect();
                current.put_list(definition.kind, list, 1, true).unwrap();
            }
        }
        for setting in connexa_engine::catalog::SETTINGS {
            let path = setting.get.info().path;
            let value = state.content.settings.get(path).cloned().unwrap_or(Value::Bool(false));
            current.put_setting(setting, Some(value));
        }
        current
    }

    /// The plan that makes the tenant what a spec says, or deletes what it names.
    pub fn plan(&self, spec: &str, mode: Mode) -> Arc<Plan> {
        let mut spec = spec.to_owned();
        for object in &self.tenant.state().content.objects {
            let key = connexa_engine::catalog::definition(object.kind).key_field().response;
            let name = format!("<{}/{}>", object.kind, object.fields[key].as_str().unwrap());
            spec = spec.replace(&name, &object.id);
        }
        let reading = spec_support::spec(&spec);
        assert!(
            !reading.problems.iter().any(connexa_engine::problem::Problem::is_error),
            "{:?}",
            spec_support::lines(&reading)
        );
        let options = PlanOptions { read_at: Some(self.clock.now().wall), ..PlanOptions::new(mode, "apply") };
        match plan(&reading.desired, &self.current(), &options) {
            Planning::Ready(plan) => Arc::new(*plan),
            other => panic!("no plan: {other:#?}"),
        }
    }

    pub fn run(&self, plan: &Arc<Plan>, options: RunOptions) -> Report {
        let run = Run::new(run_id(), Arc::clone(plan), options, 1);
        self.drive(plan, run, Points::default(), None).expect("nobody dies")
    }

    pub fn resume(&self, plan: &Arc<Plan>, goal: Goal, overrides: Overrides) -> Report {
        self.resume_until(plan, goal, overrides, Points::default(), None).expect("nobody dies")
    }

    pub fn resume_until(
        &self,
        plan: &Arc<Plan>,
        goal: Goal,
        overrides: Overrides,
        points: Points,
        stop: Option<Mono>,
    ) -> Ended {
        let run = Run::replay(Arc::clone(plan), self.journal.records(), goal, overrides).unwrap();
        self.drive(plan, run, points, stop)
    }

    /// Drives a run until it ends, or its process dies.
    #[allow(clippy::needless_pass_by_value, reason = "each drive has points of its own")]
    pub fn drive(&self, plan: &Arc<Plan>, run: Run, points: Points, stop: Option<Mono>) -> Ended {
        self.journal.begin(points.clone());
        let pacer = LocalPacer::new(Arc::new(self.clock.clone()), PacerOptions::default());
        let claim = Claim {
            run: run_id(),
            tenant: plan.tenant.clone(),
            command: "apply".to_owned(),
            started: self.clock.now().wall,
            keys: vec![],
            plan: Some(Arc::clone(plan)),
            take_over: false,
            actor: Actor::default(),
        };
        let ended = self.clock.run(points.or_death(async {
            let lease = self.journal.claim(claim).await.unwrap();
            let ports = Ports {
                provider: &*self.tenant,
                recording: Some(Recording { journal: &self.journal, lease: &lease }),
                clock: &self.clock,
                secrets: &SimSecrets,
                pacer: &pacer,
                deliver: &NoDelivery,
                confirm: &FixedAnswer(true),
            };
            let stops = match stop {
                Some(at) => self.clock.sleep_until(at).map(|()| Stop::Finish).into_stream().left_stream(),
                None => stream::pending().right_stream(),
            };
            drive(run, ports, &mut |_| {}, stops).await
        }));
        if ended.is_none() {
            self.journal.crash(0);
        }
        ended.map(|report| *report)
    }

    /// The tenant without ids.
    pub fn canonical(&self) -> BTreeMap<String, Value> {
        self.tenant.state().content.canonical()
    }

    /// Changing calls so far.
    pub fn changes(&self) -> usize {
        self.tenant.state().ledger.len()
    }

    pub fn records(&self) -> Vec<Record> {
        self.journal.records()
    }
}

/// Options under which a failure takes the run back.
pub fn all_or_nothing() -> RunOptions {
    RunOptions { on_failure: OnFailure::Undo, settle: SETTLE, ..RunOptions::default() }
}

/// The change of a key, and its verdict.
pub fn change<'r>(report: &'r Report, key: &str) -> (Verdict, &'r ReportedChange) {
    let lists = &report.lists;
    let all = Verdict::ALL.into_iter().flat_map(|v| lists.of(v).iter().map(move |c| (v, c)));
    let mut found = all.filter(|(_, change)| change.key == key);
    let only = found.next().unwrap_or_else(|| panic!("no change {key}"));
    assert!(found.next().is_none(), "two changes {key}");
    only
}

/// Verdicts and their numbers.
pub fn counts(report: &Report) -> BTreeMap<&'static str, usize> {
    let of = |verdict: Verdict| (verdict.as_str(), report.lists.of(verdict).len());
    Verdict::ALL.into_iter().map(of).filter(|(_, number)| *number > 0).collect()
}

/// How the tenant differs from what it was.
pub fn differences(world: &World, before: &BTreeMap<String, Value>) -> Vec<String> {
    let now = world.canonical();
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    keys.into_iter()
        .filter(|key| before.get(*key) != now.get(*key))
        .map(|key| format!("{key}: {} was {}", shown(now.get(key)), shown(before.get(key))))
        .collect()
}

const NONE: [String; 0] = [];

/// The tenant must be as it was.
pub fn is_as_before(world: &World, before: &BTreeMap<String, Value>, what: &str) {
    assert_eq!(differences(world, before), NONE, "{what}");
}
