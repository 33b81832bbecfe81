//! One life of a run: begun, killed at given moments, taken up again until it ends, undone perhaps; then judged.

use crate::sim::{
    SimSecrets,
    clock::SimClock,
    crash::{Points, SimJournal},
    judge::{Promises, judge},
    run_id,
    service::{Buckets, Objects, Service},
};
use connexa_engine::{
    drive::{Ports, Recording, drive},
    pacer::{LocalPacer, PacerOptions},
    plan::Plan,
    ports::{FixedAnswer, Lease, NoDelivery},
    record::{Event, Record},
    report::{Report, RunOutcome},
    run::{Goal, Overrides, Run, RunOptions},
};
use connexa_types::Mono;
use futures_util::stream;
use std::{collections::BTreeSet, fmt::Write as _, sync::Arc, time::Duration};

/// The settle time of all runs here.
pub const SETTLE: Duration = Duration::from_secs(16);

/// How old a base may be.
pub const RECHECK: Duration = Duration::from_secs(8);

/// A crash: at which moment of its process, and what it takes with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crash {
    /// The point at which the process dies, counted from its start.
    pub at: usize,
    /// How long after it the requests that are on their way arrive; `None`: never.
    pub arrives: Option<Duration>,
    /// How many of the last durable records are lost too.
    pub tail: usize,
    /// How long the next process takes to begin.
    pub pause: Duration,
}

/// All that decides a life.
pub struct Scenario {
    pub plan: Arc<Plan>,
    pub before: Objects,
    pub options: RunOptions,
    pub seed: u64,
    /// The crashes of the processes, one after the other.
    pub crashes: Vec<Crash>,
    /// Whether the run is undone once it has ended.
    pub undo: bool,
    /// How long the journal takes, in microseconds.
    pub journal_delay: u64,
    pub promises: Promises,
}

/// What a life came to.
pub struct Life {
    /// Records that the journal holds at the end.
    pub records: Vec<Record>,
    /// Which of what may happen happened.
    pub sometimes: BTreeSet<&'static str>,
    pub complaints: Vec<String>,
    pub service: Arc<Service>,
    /// All that was decided and done, to compare two lives.
    pub trace: String,
}

/// More processes than any run needs: one that does not end by then never does.
const MOST_PROCESSES: usize = 30;

impl Scenario {
    /// Lives it through. `prepare` sets the service up.
    pub fn live(&self, prepare: impl FnOnce(&mut crate::sim::service::State)) -> Life {
        let clock = SimClock::new();
        let service = Service::new(&clock, Buckets::None, self.seed);
        {
            let mut state = service.state();
            state.objects = self.before.clone();
            prepare(&mut state);
        }
        let journal = SimJournal::new(&clock, self.journal_delay);
        let mut sometimes = BTreeSet::new();
        let mut crashes = self.crashes.iter();
        let mut goal = Goal::Forward;
        let mut calm = false;
        for process in 0..MOST_PROCESSES {
            let crash = crashes.next();
            let points = Points::new(crash.map(|crash| crash.at));
            let ended = self.process(&clock, &service, &journal, goal, &points, process as u64);
            let Some(report) = ended else {
                let crash = crash.expect("only a crash ends a process");
                sometimes.insert("a process dies");
                sometimes.insert(match goal {
                    Goal::Undo => "… in an undo",
                    _ if process > 0 => "… in a recovery",
                    _ => "… in the first run",
                });
                journal.crash(crash.tail);
                service.state().crash(clock.mono(), crash.arrives);
                Self::pause(&clock, crash.pause);
                continue;
            };
            let unfinished = matches!(report.outcome, RunOutcome::Stopped | RunOutcome::Stuck);
            if unfinished && !calm {
                // Whatever stood in the way is over: the rest is done, or told.
                calm = true;
                sometimes.insert("taken up after it had stopped or was stuck");
                let mut state = service.state();
                state.fates = None;
                state.operator = None;
                continue;
            }
            if self.undo && goal != Goal::Undo {
                goal = Goal::Undo;
                calm = false;
                sometimes.insert("undone");
                continue;
            }
            return self.judged(&clock, service, &journal, &report, sometimes);
        }
        panic!("it never ends: seed {}", self.seed)
    }

    fn pause(clock: &SimClock, pause: Duration) {
        let until = clock.mono() + pause;
        clock.run(clock.pass_until(until));
    }

    /// One process; `None` if it died.
    fn process(
        &self,
        clock: &SimClock,
        service: &Arc<Service>,
        journal: &SimJournal,
        goal: Goal,
        points: &Points,
        number: u64,
    ) -> Option<Report> {
        let records = journal.records();
        let (plan, seed) = (Arc::clone(&self.plan), self.seed);
        let machine = if records.is_empty() {
            Run::new(run_id(), plan, self.options.clone(), seed)
        } else {
            Run::replay(plan, records, goal, Overrides::default())
                .expect("it was recorded by a run of this plan")
        };
        journal.begin(points.clone());
        service.state().points = Some(points.clone());
        let lease = Lease { run: run_id(), epoch: journal.epoch() };
        let pacer = LocalPacer::new(
            Arc::new(clock.clone()),
            PacerOptions { max_rate: None, seed: seed.wrapping_add(number) },
        );
        let ports = Ports {
            provider: &**service,
            recording: Some(Recording { journal, lease: &lease }),
            clock,
            secrets: &SimSecrets,
            pacer: &pacer,
            deliver: &NoDelivery,
            confirm: &FixedAnswer(true),
        };
        let mut watch = |_: &Event| {};
        let driven = drive(machine, ports, &mut watch, stream::pending());
        clock.run(points.or_death(driven)).map(|report| *report)
    }

    fn judged(
        &self,
        clock: &SimClock,
        service: Arc<Service>,
        journal: &SimJournal,
        report: &Report,
        mut sometimes: BTreeSet<&'static str>,
    ) -> Life {
        let last = service.state().all_done();
        if let Some(last) = last {
            let mut state = service.state();
            state.catch_up(last.max(clock.mono()));
        }
        let complaints = judge(&service, &self.plan, report, &self.before, self.promises);
        let records = journal.records();
        for record in &records {
            sometimes.extend(crate::points::of(record));
        }
        let trace = format!("{records:?}\n{:?}", report.lists);
        Life { records, sometimes, complaints, service, trace }
    }
}

impl Life {
    /// What was sent, and what was done, in order: for people.
    pub fn told(&self) -> String {
        let mut lines = Vec::new();
        let state = self.service.state();
        for entry in &state.ledger {
            lines.push((
                entry.arrived,
                format!(
                    "sent {:?} {} {:?} {} → {} {}{}",
                    entry.sent.saturating_since(Mono::ZERO),
                    entry.call.endpoint,
                    entry.call.path_args,
                    entry.call.body.as_ref().map(|body| format!("{body:?}")).unwrap_or_default(),
                    entry.status,
                    if entry.applied { "applied " } else { "" },
                    if entry.delivered { "" } else { "LOST" },
                ),
            ));
        }
        for deed in &state.deeds {
            let name = deed.call.endpoint;
            lines.push((deed.at, format!("  did {name} {:?}, made {:?}", deed.call.path_args, deed.made)));
        }
        for foreign in &state.foreign {
            lines
                .push((foreign.at, format!("  other {:?} {} of {}", foreign.what, foreign.id, foreign.list)));
        }
        lines.sort_by_key(|(at, _)| *at);
        let mut told = String::new();
        for (at, line) in lines {
            writeln!(told, "{:>12?} {line}", at.saturating_since(Mono::ZERO)).expect("a string takes it");
        }
        for record in &self.records {
            let text = format!("{record:?}");
            writeln!(told, "{}", text.chars().take(600).collect::<String>()).expect("a string takes it");
        }
        told
    }
}
