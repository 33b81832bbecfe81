//! Taking a run up again: its state as the records tell it, without carrying anything out again.
//!
//! [`Run::replay`] follows the records one by one, as the machine did when it made them. Where a leg of the run ends, at
//! [`Record::RunContinued`] and behind the last record, it is decided what is open again, and to what end
//! ([`Goal`]); so a run that was taken up twice is rebuilt as the second leg had it.
//!
//! What an operation needs to be started is not in the records: it is in the plan, and the graph is built anew from those
//! that have ended. Kinds that the brake had stopped are tried again: what stopped them may have been mended since, and
//! asking costs one call.

mod go_on;
mod open;
mod undone;

use super::{
    Goal, Graph, LastLook, Overrides, Phase, Ruling, Run, RunOptions, Task, brake::Brake, ledger::Sent,
    ruling, stages, starting,
};
use crate::{
    machine::AttemptId,
    plan::{Action, Operation, OperationId, Plan},
    record::{Growth, Purpose, Record},
    report::{ReportedChange, RunOutcome, Verdict},
    retry::RetryBudget,
};
use connexa_types::{Class, Mono, Outcome};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// Why a run cannot be taken up from its records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// There is no record.
    #[error("the run has no records")]
    Empty,
    /// The first record does not begin a run, or a later one does.
    #[error("record {0} is not where it belongs")]
    OutOfPlace(u64),
    /// The records are of another plan.
    #[error("the records are of the plan {recorded}, not of {given}")]
    OtherPlan {
        /// Its fingerprint.
        recorded: String,
        /// That of the plan given.
        given: String,
    },
    /// A record names an operation that neither the plan nor an earlier record holds.
    #[error("record {record} names the operation `{operation}`, which the plan does not hold")]
    UnknownOperation {
        /// The record.
        record: u64,
        /// The operation.
        operation: OperationId,
    },
    /// A record names a change that the plan does not hold.
    #[error("record {record} names change {change}, which the plan does not hold")]
    UnknownChange {
        /// The record.
        record: u64,
        /// Its index.
        change: usize,
    },
    /// The run was given up.
    #[error("the run was abandoned")]
    Abandoned,
}

/// How a run was taken up, for its start.
#[derive(Debug)]
pub(super) struct Resumed {
    /// Whether the leg before has ended, and not just broken off.
    pub(super) clean: bool,
    /// Whether the waves begin anew.
    pub(super) waves_anew: bool,
    /// Answers that are recorded, but not what they came to.
    pub(super) answered: Vec<(usize, Outcome)>,
    /// Operations of which these changes only are to be sent again.
    pub(super) again: Vec<(usize, BTreeSet<usize>)>,
}

impl Run {
    /// Takes a run up again: `plan` and `records`, from the first on, are as its journal holds them. It goes on where the
    /// records end, to the end of `goal`, with the options of its last leg where `overrides` do not say otherwise.
    ///
    /// # Errors
    ///
    /// If the records are not those of a run of this plan, or the run was abandoned.
    pub fn replay(
        plan: Arc<Plan>,
        records: impl IntoIterator<Item = Record>,
        goal: Goal,
        overrides: Overrides,
    ) -> Result<Self, ReplayError> {
        let mut records = records.into_iter();
        let mut replay = Replay::begin(plan, &records.next().ok_or(ReplayError::Empty)?)?;
        for record in records {
            replay.run.fold.apply(&record);
            replay.run.seq += 1;
            replay.take(record)?;
        }
        replay.finish(goal, overrides)
    }
}

/// A run on its way to where its records end.
struct Replay {
    run: Run,
    /// Operations by their ids.
    operations: HashMap<OperationId, usize>,
    /// Attempts without an outcome: their operation, if they are not of a reading.
    attempts: HashMap<AttemptId, (Class, Option<usize>)>,
    /// Verdicts behind which no operation has ended yet, and which may be the last records of one.
    told: Vec<(usize, Verdict, Box<ReportedChange>)>,
    /// The last answers of operations that have not ended.
    answers: HashMap<usize, Outcome>,
    /// What was known of lost attempts, also of operations that have ended.
    lost: HashMap<usize, String>,
    /// Operations that have grown from one that has not ended since.
    young: HashMap<usize, Vec<usize>>,
    /// The changes that operations handed over to those that grew from them.
    handed: HashMap<usize, HashSet<usize>>,
    /// Operations that grew and were forgotten: what they grew from has not ended, and may grow them again.
    dropped: HashSet<usize>,
    /// What the records said last of changes, up to the operation that they are about.
    said: HashMap<usize, Ruling>,
    /// Operations of which a part is to be sent again, and that part.
    again: Vec<(usize, BTreeSet<usize>)>,
    /// Where the waves would end if they began anew with this leg.
    waves_anew: Vec<usize>,
    /// The legs so far.
    legs: u64,
    /// Whether the last record ends a leg.
    clean: bool,
    /// Whether the run was given up.
    abandoned: bool,
}

impl Replay {
    fn begin(plan: Arc<Plan>, first: &Record) -> Result<Self, ReplayError> {
        let Record::RunStarted { run, fingerprint, options, seed, .. } = first else {
            return Err(ReplayError::OutOfPlace(1));
        };
        if *fingerprint != plan.fingerprint {
            let (recorded, given) = (fingerprint.clone(), plan.fingerprint.clone());
            return Err(ReplayError::OtherPlan { recorded, given });
        }
        let ids = plan.operations.iter().zip(0..).map(|(operation, index)| (operation.id.clone(), index));
        let operations = ids.collect();
        let mut run = Run::new(run.clone(), plan, RunOptions::clone(options), *seed);
        run.fold.apply(first);
        run.seq = 1;
        Ok(Self {
            run,
            operations,
            attempts: HashMap::new(),
            told: Vec::new(),
            answers: HashMap::new(),
            lost: HashMap::new(),
            young: HashMap::new(),
            handed: HashMap::new(),
            dropped: HashSet::new(),
            said: HashMap::new(),
            again: Vec::new(),
            waves_anew: Vec::new(),
            legs: 1,
            clean: false,
            abandoned: false,
        })
    }

    /// Follows one record.
    fn take(&mut self, record: Record) -> Result<(), ReplayError> {
        self.clean = false;
        match record {
            Record::RunStarted { .. } => return Err(ReplayError::OutOfPlace(self.run.seq)),
            Record::RunContinued { goal, options, .. } => {
                let waves_differ = options.waves != self.run.options.waves;
                self.run.options = *options;
                self.next_leg(goal);
                if waves_differ {
                    self.begin_waves_anew();
                }
            }
            Record::AttemptStarted { attempt, purpose, number, call, .. } => {
                self.run.numbers = self.run.numbers.max(attempt.0);
                let class = call.class();
                let operation = match purpose {
                    Purpose::LookUp(_) => None,
                    Purpose::Operation(id) => {
                        let operation = self.operation(id)?;
                        self.answers.remove(&operation);
                        let task = &mut self.run.tasks[operation];
                        task.sent.attempts = number;
                        task.call = Some(Arc::new(call));
                        Some(operation)
                    }
                };
                self.attempts.insert(attempt, (class, operation));
            }
            Record::AttemptEnded { attempt, outcome, quota, .. } => {
                let Some((class, operation)) = self.attempts.remove(&attempt) else { return Ok(()) };
                self.run.note_period(class, quota);
                if let Some(operation) = operation {
                    self.attempt_ended(operation, class, outcome);
                }
            }
            Record::OperationEnded { operation, verdict, open, .. } => {
                let operation = self.operation(operation)?;
                for shared in &open {
                    self.known(shared.change)?;
                }
                let open = open.into_iter().map(|shared| (shared.change, shared.ruling)).collect();
                self.operation_ended(operation, verdict, open);
            }
            Record::ChangeEnded { change, verdict, report, .. } => {
                self.known(change)?;
                self.run.ledger.told(change, verdict, report.status);
                let (object, origin) = (report.object.clone(), report.origin);
                self.said.insert(change, Ruling { object, origin, ..Ruling::bare(verdict) });
                self.told.push((change, verdict, report));
            }
            Record::OperationAdded { operation, from, growth, .. } => {
                let from = self.operation(from)?;
                for carried in &operation.carries {
                    self.known(carried.change)?;
                }
                self.added(*operation, from, growth);
            }
            Record::WaveStarted { wave, .. } => {
                if wave == 1 && self.legs > 1 {
                    self.begin_waves_anew();
                }
                self.run.wave = (wave as usize).saturating_sub(1);
            }
            Record::BatchesRefused { .. } => self.run.batching = false,
            Record::OperationUnsettled { .. } | Record::KindStopped { .. } | Record::StopRequested { .. } => {
            }
            Record::UndoStarted { scope, .. } => self.run.undo.told.push(scope),
            Record::RunFinished { outcome, .. } => {
                self.clean = true;
                if matches!(outcome, RunOutcome::Complete | RunOutcome::Partial) {
                    // It has looked once more at all that it made.
                    self.run.last = LastLook::default();
                }
            }
        }
        Ok(())
    }

    /// An operation has been added to the run.
    fn added(&mut self, operation: Operation, from: usize, growth: Growth) {
        let index = self.run.tasks.len();
        self.operations.insert(operation.id.clone(), index);
        let task = Task::grown(from, &self.run.tasks[from], growth);
        if growth == Growth::Undo {
            self.run.undo.known(from, index);
        } else {
            self.run.tasks[from].grown += 1;
            if self.run.tasks[from].ended {
                // Part of it is sent again.
                for carried in &operation.carries {
                    self.run.ledger.reopen(carried.change, &[from], Sent::default());
                }
                let changes = operation.carries.iter().map(|carried| carried.change);
                self.handed.entry(from).or_default().extend(changes);
            } else {
                self.young.entry(from).or_default().push(index);
            }
        }
        self.run.grown.push(Arc::new(operation));
        self.run.tasks.push(task);
        self.run.tasks_open += 1;
    }

    /// An operation by its id.
    fn operation(&self, operation: OperationId) -> Result<usize, ReplayError> {
        let known = self.operations.get(&operation).copied();
        known.ok_or(ReplayError::UnknownOperation { record: self.run.seq, operation })
    }

    /// Whether the plan holds a change.
    fn known(&self, change: usize) -> Result<(), ReplayError> {
        if change < self.run.plan.changes.len() {
            Ok(())
        } else {
            Err(ReplayError::UnknownChange { record: self.run.seq, change })
        }
    }

    fn attempt_ended(&mut self, operation: usize, class: Class, outcome: Outcome) {
        let subject = self.run.subject(operation);
        self.run.note_create(operation, &subject, &outcome, Mono::ZERO);
        let task = &mut self.run.tasks[operation];
        task.sent.status = super::judging::status(&outcome).or(task.sent.status);
        match &outcome {
            Outcome::Applied(_) => {
                task.touched = Some(Mono::ZERO);
                task.lost = None;
                if let Some(call) = &task.call {
                    self.run.fresh.applied(&subject, call.method());
                }
            }
            Outcome::Indeterminate(why) if class == Class::Update => {
                task.touched = Some(Mono::ZERO);
                task.losses += 1;
                task.lost = Some(ruling::lost(&ruling::words(why)));
            }
            _ => {}
        }
        if matches!(outcome, Outcome::Applied(_) | Outcome::Rejected(_)) {
            self.answers.insert(operation, outcome);
        }
    }

    fn operation_ended(&mut self, operation: usize, verdict: Verdict, open: Vec<(usize, Ruling)>) {
        self.believe();
        let subject = self.run.subject(operation);
        let task = &mut self.run.tasks[operation];
        // A later word, such as that of the last look of a run, takes the place of an earlier one.
        task.verdict = Some(verdict);
        if std::mem::replace(&mut task.ended, true) {
            return;
        }
        let partial = task.partial.take();
        let (sent, undoes) = (task.sent, task.undoes.is_some());
        if let Some(lost) = task.lost.take() {
            self.lost.insert(operation, lost);
        }
        self.run.tasks_open -= 1;
        self.answers.remove(&operation);
        if verdict == Verdict::Succeeded
            && let Some(call) = &self.run.tasks[operation].call
        {
            self.run.fresh.applied(&subject, call.method());
        }
        let carried = subject.carries.iter().map(|carried| carried.change);
        let grown = self.young.remove(&operation).unwrap_or_default();
        let handed: HashSet<usize> = grown
            .iter()
            .flat_map(|grown| self.run.subject(*grown).carries.clone())
            .map(|carried| carried.change)
            .collect();
        if !undoes {
            let at_stake = partial.map(|partial| partial.missing);
            for change in carried.filter(|change| at_stake.as_ref().is_none_or(|some| some.contains(change)))
            {
                if handed.contains(&change) {
                    self.run.ledger.hand_over(change, sent);
                } else {
                    self.run.ledger.carried(change, sent);
                }
            }
        }
        if !handed.is_empty() {
            self.handed.entry(operation).or_default().extend(handed);
        }
        if undoes {
            self.back_ended(operation, &subject, sent, open);
            return self.settle(operation);
        }
        self.left(operation, &subject, &open);
        self.run.keep(&open);
        for (change, ruling) in open {
            self.run.ledger.told_by(change, operation, ruling);
        }
        self.settle(operation);
    }

    /// What verdicts say of objects, where nothing takes them back any more.
    fn believe(&mut self) {
        for (change, verdict, report) in std::mem::take(&mut self.told) {
            let (Verdict::Succeeded, Some(object)) = (verdict, &report.object) else { continue };
            self.run.outputs.keep(change, object);
            if let Some(id) = object.get("id").and_then(Value::as_str) {
                self.run.fresh.made(id);
                if report.action != Action::Create {
                    self.run.fresh.left(id, object.clone());
                }
            }
        }
    }

    /// What grew from an operation has ended with it: one less that those that need the operation wait for.
    fn settle(&mut self, operation: usize) {
        let task = &self.run.tasks[operation];
        if !task.ended || task.grown > 0 {
            return;
        }
        let (verdict, instead) = (task.verdict, task.instead);
        let Some(from) = task.from else { return };
        let from_task = &mut self.run.tasks[from];
        from_task.grown = from_task.grown.saturating_sub(1);
        if instead {
            from_task.verdict = verdict;
        }
        self.settle(from);
    }

    fn begin_waves_anew(&mut self) {
        self.run.waves = std::mem::take(&mut self.waves_anew);
        if self.run.waves.is_empty() {
            self.run.waves = starting::waves(&self.run.options.waves, &self.run.plan);
        }
        self.run.wave = 0;
    }

    /// The leg so far is over: what is open, and what is open again.
    fn next_leg(&mut self, goal: Goal) {
        self.abandoned |= goal == Goal::Abandon;
        self.break_off();
        self.reopen(self.goal_of(goal));
        self.legs += 1;
        // Waves count what is left.
        let plan = &self.run.plan;
        let open = stages::open(plan, |operation| !self.run.tasks[operation].ended);
        self.waves_anew = starting::waves_of(&self.run.options.waves, &open, plan);
    }

    /// The run as it goes on from here.
    fn finish(mut self, goal: Goal, overrides: Overrides) -> Result<Run, ReplayError> {
        let clean = self.clean;
        // What a crash left of giving it up can be gone on with.
        let may_go_on = goal == Goal::Abandon && !clean;
        if self.abandoned && !may_go_on {
            return Err(ReplayError::Abandoned);
        }
        let waves_anew = overrides.waves.is_some();
        let before = std::mem::take(&mut self.run.options);
        self.run.options = before.with(overrides);
        self.next_leg(goal);
        if waves_anew {
            self.begin_waves_anew();
        }
        let leg_goal = self.goal_of(goal);
        let Self { mut run, answers, legs, again, .. } = self;
        let options = &run.options;
        run.random = fastrand::Rng::with_seed(seed_of_leg(run.seed, legs));
        run.budget = RetryBudget::new(options.retry);
        run.brake = Brake::new(options.brake);
        run.batching &= options.batch > 1;
        run.update_period = options.update_period.or(run.update_period);
        let limit = run.waves.get(run.wave).copied().unwrap_or(usize::MAX);
        run.graph = Graph::new(&run.plan, &run.units, limit, run.options.on_failure);
        for grown in &run.tasks[run.plan.operations.len()..] {
            run.graph.grow(grown.undoes.is_some());
        }
        run.goal = leg_goal;
        run.phase = Phase::Working;
        let mut answered: Vec<_> = answers.into_iter().collect();
        answered.sort_unstable_by_key(|(operation, _)| *operation);
        run.resumed = Some(Resumed { clean, waves_anew, answered, again });
        Ok(run)
    }
}

/// The seed of all chance in a leg of a run: another one for each, the same whenever it is rebuilt.
const fn seed_of_leg(seed: u64, leg: u64) -> u64 {
    // Weyl's sequence: legs that follow one another lie far apart.
    seed.wrapping_add((leg - 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

impl RunOptions {
    /// The same, but for what is to be otherwise.
    fn with(self, overrides: Overrides) -> Self {
        let Overrides {
            parallel,
            urgent,
            on_failure,
            max_failures,
            waves,
            deadline,
            recheck,
            update_period,
            brake,
            settle,
            undo_inferred,
        } = overrides;
        Self {
            parallel: parallel.unwrap_or(self.parallel),
            urgent: urgent.unwrap_or(self.urgent),
            on_failure: on_failure.unwrap_or(self.on_failure),
            max_failures: max_failures.or(self.max_failures),
            waves: waves.unwrap_or(self.waves),
            deadline,
            recheck: recheck.or(self.recheck),
            update_period: update_period.or(self.update_period),
            brake: brake.unwrap_or(self.brake),
            settle: settle.unwrap_or(self.settle),
            undo_inferred: undo_inferred.unwrap_or(self.undo_inferred),
            batch: self.batch,
            retry: self.retry,
            attempt_limit: self.attempt_limit,
            send_within: self.send_within,
        }
    }
}

impl Task {
    /// An operation that grew from another: what grows from one that takes something back takes that back, too.
    pub(super) fn grown(from: usize, of: &Self, growth: Growth) -> Self {
        match growth {
            Growth::Undo => Self { undoes: Some(from), ..Self::default() },
            Growth::Repair => Self { from: Some(from), undoes: of.undoes, ..Self::default() },
            Growth::Instead => Self { from: Some(from), instead: true, undoes: of.undoes, ..Self::default() },
        }
    }
}
