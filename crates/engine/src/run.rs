//! The run: carries a plan out, one verdict for each change.
//!
//! [`Run`] is a machine: it asks for permits, records its intents, sends, and judges answers. Its invariants:
//!
//! - The permit comes first, then the intent, then the call: no byte leaves before its intent is durable (`after` of
//!   [`Output::Send`]; guarded by `nothing_is_sent_before_its_intent_is_durable` in `tests/run_faults.rs`).
//! - A mutating call whose outcome is not known is never blindly sent again, but as the table in `effect` says: a list that
//!   is read once the settle time has passed says what became of it.
//! - An operation starts when all that it needs has succeeded and all that it comes after has ended.
//! - Each change gets exactly one verdict, whatever happens.
//!
//! - The run may grow operations (repairs of what a joint call left out); records hold them.
//!
//! What starts, and when, is in `starting`; what an answer means in `judging`, with `applied` (2xx), `refusal` (4xx),
//! `joint` and `effect` (lost answers), `settle` and `settled` (what became of them); lists read on the way in `reading`,
//! `drift`; the end of operations and of the run in `ending` and `last`, with `ledger` for the verdicts and `ruling` for the
//! words.

mod applied;
mod brake;
mod drift;
mod effect;
mod ending;
mod fill;
mod graph;
mod joint;
mod judging;
mod last;
mod ledger;
mod options;
mod reading;
mod refusal;
mod replay;
mod ruling;
mod settle;
mod settled;
mod stages;
mod starting;
mod stopwatch;
mod undo;
mod units;

pub use brake::{FirstAlike, RefusalSignature};
pub use options::{Goal, OnFailure, Overrides, ParseWaveError, RunOptions, WaveSize};
pub use replay::ReplayError;
pub use ruling::Ruling;

use crate::{
    machine::{AttemptId, Input, JournalFailure, Machine, Output, Seq, Stop, TimerId},
    plan::{Operation, Plan},
    read::pages::PageId,
    record::{Event, Record, RunId, Tick, Waiting},
    report::{Report, ReportFold, Verdict},
    retry::RetryBudget,
};
use brake::Brake;
use connexa_types::{Attempt, Call, Class, Kind, Mono, Now, Rejection};
use drift::Fresh;
use effect::Reading;
use fill::Outputs;
use graph::Graph;
use last::LastLook;
use ledger::{Ledger, Sent};
use reading::LookUp;
use settle::Settling;
use stages::Stages;
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    ops::Deref,
    sync::Arc,
    time::Duration,
};
use stopwatch::Stopwatch;
use undo::Undo;
use units::Units;

/// The machine that carries out a plan.
#[derive(Debug)]
pub struct Run {
    id: RunId,
    plan: Arc<Plan>,
    options: RunOptions,
    seed: u64,
    random: fastrand::Rng,
    budget: RetryBudget,

    graph: Graph,
    outputs: Outputs,
    /// Operations that the run added to those of the plan; numbered on from them.
    grown: Vec<Arc<Operation>>,
    /// One for each operation.
    tasks: Vec<Task>,
    /// Operations that have not ended.
    tasks_open: u64,
    /// Objects that an operation is at work on, and those that wait for it.
    busy: HashMap<Target, VecDeque<usize>>,
    /// Calls of readings, ahead of operations.
    pages: VecDeque<Page>,
    look_ups: BTreeMap<Reading, LookUp>,
    settling: Settling,
    last: LastLook,
    fresh: Fresh,
    /// Ids of the objects that the plan knew; found out when it matters.
    known: Option<HashSet<String>>,
    /// Attempts from asking for a permit to answer: at most `parallel`.
    active: HashMap<AttemptId, Active>,
    /// Answers whose product is on its way to its place.
    delivering: BTreeMap<AttemptId, (Active, Attempt)>,
    stages: Stages,
    backing_off: HashMap<TimerId, Job>,
    numbers: u64,

    brake: Brake,
    /// Kinds that the brake stops at the end of this step.
    stopping: Vec<Kind>,
    /// Operations, and items refused by the plan, that have failed.
    failures: u64,
    /// The numbers of operations that waves end at; the last is all of them.
    waves: Vec<usize>,
    /// The wave at work, from 0.
    wave: usize,
    /// Whether somebody is being asked whether the next wave is to begin.
    asking: bool,
    deadline: Option<TimerId>,
    /// Whether calls may share a request; not any more once the service has refused one.
    batching: bool,
    /// The period of the update class, as seen.
    update_period: Option<Duration>,

    units: Units,
    undo: Undo,

    ledger: Ledger,
    fold: ReportFold,
    stopwatch: Stopwatch,
    last_tick: Option<Tick>,

    /// Records of this step, not yet handed out.
    records: Vec<Record>,
    /// The number of the last record.
    seq: u64,
    halt: Option<Halt>,
    /// A halt that takes effect at the end of this step.
    halting: Option<Halt>,
    /// Whether something was not started because of the halt.
    halted_work: bool,
    /// To what end: under [`Goal::Settle`] nothing that changes anything is sent.
    goal: Goal,
    /// How it was taken up from its journal, until it has started.
    resumed: Option<replay::Resumed>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Working,
    /// All is said; the last record has to become durable.
    Finishing(Seq),
    Ended,
}

/// Why nothing new is started.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Halt {
    Stop,
    /// A failure, and failures are to stop the run.
    Failure,
    /// So many failures are enough.
    Failures(u64),
    /// What was carried out is taken back; why.
    Undo(String),
    Deadline,
    /// The next wave is not wanted.
    Wave(usize),
    Unauthorized,
    /// The run is given up.
    Abandoned,
    Journal(JournalFailure),
}

impl Halt {
    /// Why, in words.
    fn reason(&self) -> String {
        match self {
            Self::Stop => "told to stop".to_owned(),
            Self::Failure => "something failed, and a failure stops the run".to_owned(),
            Self::Failures(number) => format!("{number} failures were to stop the run"),
            Self::Undo(why) => why.clone(),
            Self::Deadline => "the deadline has passed".to_owned(),
            Self::Wave(wave) => format!("not continued after wave {}", wave + 1),
            Self::Unauthorized => "the service refused the credentials".to_owned(),
            Self::Abandoned => "the run was abandoned".to_owned(),
            Self::Journal(failure) => failure.to_string(),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Stop => "not started: the run was stopped".to_owned(),
            Self::Failure => "not started: the run was stopped by a failure".to_owned(),
            Self::Failures(number) => format!("not started: the run was stopped by {number} failures"),
            Self::Wave(wave) => format!("not started: the run was not continued after wave {}", wave + 1),
            Self::Undo(why) => format!("not started: the run is undone, {why}"),
            Self::Deadline | Self::Unauthorized | Self::Abandoned | Self::Journal(_) => {
                format!("not started: {}", self.reason())
            }
        }
    }

    /// Whether nobody waits for settle times any more: who stops a run wants it to end, and `resume` settles the rest.
    const fn cuts_settling(&self) -> bool {
        match self {
            Self::Failure | Self::Failures(_) | Self::Undo(_) | Self::Wave(_) => false,
            Self::Stop | Self::Deadline | Self::Unauthorized | Self::Abandoned | Self::Journal(_) => true,
        }
    }

    /// Whether what has been sent is not even looked after any more.
    const fn is_final(&self) -> bool {
        match self {
            Self::Stop
            | Self::Failure
            | Self::Failures(_)
            | Self::Undo(_)
            | Self::Deadline
            | Self::Wave(_) => false,
            Self::Unauthorized | Self::Abandoned | Self::Journal(_) => true,
        }
    }

    /// Whether what is to be taken back is, all the same.
    const fn takes_back(&self) -> bool {
        match self {
            Self::Failure | Self::Failures(_) | Self::Undo(_) => true,
            Self::Stop
            | Self::Deadline
            | Self::Wave(_)
            | Self::Unauthorized
            | Self::Abandoned
            | Self::Journal(_) => false,
        }
    }

    /// Whether it takes the place of another one: it forbids more.
    const fn is_stronger_than(&self, other: &Self) -> bool {
        matches!(self, Self::Journal(_))
            || (self.is_final() && !other.is_final())
            || (!self.takes_back() && other.takes_back())
    }
}

/// An operation at work.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Task {
    /// All that it carries has been ruled on, or handed over to what has grown from it.
    ended: bool,
    /// What it came to, for those that need it.
    verdict: Option<Verdict>,
    call: Option<Arc<Call>>,
    sent: Sent,
    /// Attempts of earlier legs of the run among those: they do not count as tries of this one.
    earlier: u32,
    /// What is known of an attempt whose effect is not: whatever comes after it, it may have been applied.
    lost: Option<String>,
    /// The refusal that it failed by.
    refusal: Option<Box<Rejection>>,
    /// Operations grown from it that have not ended: those that need it wait for them too.
    grown: u32,
    /// The operation that it has grown from.
    from: Option<usize>,
    /// Whether it was made in place of that one: what it comes to, that one comes to.
    instead: bool,
    /// The object that it is at work on.
    target: Option<Target>,
    /// Readings that it waits for before it may be sent.
    reads_open: usize,
    /// Its base has just been read again.
    just_read: bool,
    /// How often its base turned out to be old again while it waited for its permit.
    aged: usize,
    /// When the settle time of its last lost attempt has passed.
    settled_at: Option<Mono>,
    /// How often an attempt was lost, or found not applied once it was settled: not resent without end.
    losses: u32,
    /// When an attempt last ended that did something, or may have.
    touched: Option<Mono>,
    /// A list has said what it can of its lost attempts.
    looked_for: bool,
    /// Taken up from a journal whose end may be missing: before its call is sent, a list says whether it has been already.
    unproven: bool,
    /// The operation that it takes back.
    undoes: Option<usize>,
    /// Its own object is there, some of what it was to bring with it is not.
    partial: Option<Box<Partial>>,
}

/// An operation of which only children are looked for: what it made is known.
#[derive(Clone, Debug)]
struct Partial {
    /// The id of its object.
    parent: String,
    /// What is known of its changes and not recorded yet.
    rulings: Vec<(usize, Ruling)>,
    /// The changes of the children that are looked for.
    missing: Vec<usize>,
}

/// An object that a call changes: its path without what is done to it.
type Target = (&'static str, String);

/// Something to send.
#[derive(Clone, Debug)]
enum Job {
    Operation(usize),
    Page(Page),
}

/// A call of a reading.
#[derive(Clone, Debug)]
struct Page {
    what: Reading,
    /// The reading's number: an answer that comes after its reading has ended is no answer to the next one of its kind.
    look_up: u64,
    id: PageId,
    call: Arc<Call>,
    attempts: u32,
}

/// A job with an attempt.
#[derive(Debug)]
struct Active {
    job: Job,
    call: Arc<Call>,
    asked: Mono,
    /// Set once the permit is there and the intent recorded.
    granted: Option<Mono>,
}

/// An operation, of the plan or grown.
enum Subject {
    Planned(Arc<Plan>, usize),
    Grown(Arc<Operation>),
}

impl Deref for Subject {
    type Target = Operation;

    fn deref(&self) -> &Operation {
        match self {
            Self::Planned(plan, index) => &plan.operations[*index],
            Self::Grown(operation) => operation,
        }
    }
}

type Outs = Vec<Output<Box<Report>>>;

impl Run {
    /// A run of a plan that has not begun. `seed` decides all chance in it.
    pub fn new(id: RunId, plan: Arc<Plan>, options: RunOptions, seed: u64) -> Self {
        let waves = starting::waves(&options.waves, &plan);
        let units = Units::of(&plan);
        Self {
            id,
            seed,
            random: fastrand::Rng::with_seed(seed),
            budget: RetryBudget::new(options.retry),
            graph: Graph::new(&plan, &units, waves[0], options.on_failure),
            outputs: Outputs::wanted_by(&plan.operations),
            grown: Vec::new(),
            tasks: vec![Task::default(); plan.operations.len()],
            tasks_open: plan.operations.len() as u64,
            busy: HashMap::new(),
            pages: VecDeque::new(),
            look_ups: BTreeMap::new(),
            settling: Settling::default(),
            last: LastLook::default(),
            known: None,
            fresh: Fresh::new(plan.tenant.clone()),
            active: HashMap::new(),
            delivering: BTreeMap::new(),
            stages: Stages::of(&plan),
            backing_off: HashMap::new(),
            numbers: 0,
            brake: Brake::new(options.brake),
            stopping: Vec::new(),
            failures: 0,
            waves,
            wave: 0,
            asking: false,
            deadline: None,
            batching: options.batch > 1,
            update_period: options.update_period,
            units,
            undo: Undo::default(),
            ledger: Ledger::new(&plan),
            fold: ReportFold::new(),
            stopwatch: Stopwatch::default(),
            last_tick: None,
            records: Vec::new(),
            seq: 0,
            halt: None,
            halting: None,
            halted_work: false,
            goal: Goal::Forward,
            resumed: None,
            phase: Phase::Working,
            options,
            plan,
        }
    }

    /// An operation by its number.
    fn subject(&self, operation: usize) -> Subject {
        match self.grown.get(operation.wrapping_sub(self.plan.operations.len())) {
            Some(grown) => Subject::Grown(Arc::clone(grown)),
            None => Subject::Planned(Arc::clone(&self.plan), operation),
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn record(&mut self, record: Record) -> Seq {
        self.fold.apply(&record);
        self.records.push(record);
        self.seq += 1;
        Seq(self.seq)
    }

    /// Tells how far things are, if that has changed.
    fn tick(&mut self, now: Mono, out: &mut Outs) {
        let (mut in_flight, mut waiting) = (0, BTreeMap::<Class, u64>::new());
        let delivering = self.delivering.values().map(|(active, _)| active);
        for active in self.active.values().chain(delivering) {
            if active.granted.is_some() {
                in_flight += 1;
            } else {
                *waiting.entry(active.call.class()).or_default() += 1;
            }
        }
        let most = waiting.into_iter().max_by_key(|(_, attempts)| *attempts);
        let tick = Tick::Run {
            // What was never started has a verdict too, and is not done.
            ended: self.ledger.ended - self.ledger.count(Verdict::Unprocessed),
            bad: self.ledger.bad,
            changes: self.plan.changes.len() as u64,
            calls_left: self.tasks_open,
            in_flight,
            waiting: most.filter(|_| in_flight == 0).map(|(class, attempts)| Waiting { class, attempts }),
            settling: self.settle_wait(now).filter(|_| in_flight == 0 && most.is_none()),
        };
        if self.last_tick.as_ref() != Some(&tick) {
            self.last_tick = Some(tick.clone());
            out.push(Output::Tell(Box::new(Event::Tick(tick))));
        }
    }
}

impl Machine for Run {
    type Done = Box<Report>;

    fn handle(&mut self, now: Now, input: Input) -> Outs {
        let mut out = Vec::new();
        match (self.phase, input) {
            (Phase::Ended, _) | (Phase::Working, Input::Durable(_)) => return out,
            (Phase::Finishing(last), input) => {
                let over = match input {
                    Input::Durable(seq) => seq >= last,
                    // What was learned stays true although it could not be written down.
                    Input::NotDurable(_) => true,
                    _ => false,
                };
                if over {
                    self.done(&mut out);
                }
                return out;
            }
            (Phase::Working, Input::Start) => self.start(now, &mut out),
            (Phase::Working, Input::NotDurable(failure)) => self.halt(Halt::Journal(failure), now, &mut out),
            (Phase::Working, Input::Granted(permit)) => self.granted(permit.attempt, now, &mut out),
            (Phase::Working, Input::Answered(attempt, answer)) => {
                self.answered(attempt, *answer, now, &mut out);
            }
            (Phase::Working, Input::Delivered(attempt, place)) => {
                self.delivered(attempt, place, now, &mut out);
            }
            (Phase::Working, Input::Confirmed(yes)) => self.confirmed(yes, now, &mut out),
            (Phase::Working, Input::Woke(timer)) => self.woke(timer, now, &mut out),
            (Phase::Working, Input::Stop(Stop::Finish)) => self.halt(Halt::Stop, now, &mut out),
        }
        self.fill_slots(now, &mut out);
        self.next_wave(now, &mut out);
        self.plan_next_look(now, &mut out);
        if self.is_over() && self.looks_once_more(now) {
            self.fill_slots(now, &mut out);
        }
        self.finish(now);
        self.tick(now.mono, &mut out);
        if !self.records.is_empty() {
            let records = std::mem::take(&mut self.records);
            let first = Seq(self.seq + 1 - records.len() as u64);
            // Ahead of the sends that rest on them.
            out.insert(0, Output::Append { first, records });
        }
        if let (Phase::Finishing(_), Some(Halt::Journal(_))) = (self.phase, &self.halt) {
            // Nothing becomes durable any more.
            self.done(&mut out);
        }
        out
    }
}
