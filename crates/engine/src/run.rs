//! The run: carries a plan out, one verdict for each change.
//!
//! [`Run`] is a machine: it asks for permits, records its intents, sends, and judges answers. Its invariants:
//!
//! - The permit comes first, then the intent, then the call: no byte leaves before its intent is durable (`after` of
//!   [`Output::Send`]; guarded by `nothing_is_sent_before_its_intent_is_durable` in `tests/run_faults.rs`).
//! - A mutating call whose outcome is not known is never sent again: its changes are *unknown*.
//! - An operation starts when all that it needs has succeeded and all that it comes after has ended.
//! - Each change gets exactly one verdict, whatever happens.
//!
//! What a call came to is judged by `applied` (2xx) and `refusal` (4xx), words are in `ruling`, verdicts in `ledger`.

mod applied;
mod fill;
mod graph;
mod joint;
mod ledger;
mod options;
mod refusal;
mod ruling;
mod stopwatch;

pub use options::{OnFailure, ParseWaveError, RunOptions, WaveSize};

use crate::{
    machine::{AttemptId, Input, JournalFailure, Machine, Output, Seq, Stop, TimerId},
    plan::Plan,
    read::pages::PageId,
    record::{Event, Purpose, Record, RunId, Tick, Waiting},
    report::{ErrorType, Report, ReportFold, RunOutcome, Verdict},
    retry::{Cause, RetryBudget},
};
use connexa_types::{
    Answer, Attempt, Call, Class, Gone, Kind, Method, Mono, Now, Outcome, Reason, Rejection, Timestamp, Why,
};
use fill::Outputs;
use graph::Graph;
use joint::LookUp;
use ledger::{Ledger, Sent};
use ruling::Ruling;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use stopwatch::Stopwatch;

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
    /// One for each operation of the plan.
    tasks: Vec<Task>,
    /// Operations that have not ended.
    tasks_open: u64,
    /// Pages of lists to read, ahead of operations.
    pages: VecDeque<Page>,
    look_ups: BTreeMap<Kind, LookUp>,
    /// Attempts from asking for a permit to answer: at most `parallel`.
    active: HashMap<AttemptId, Active>,
    backing_off: HashMap<TimerId, Job>,
    numbers: u64,

    ledger: Ledger,
    fold: ReportFold,
    stopwatch: Stopwatch,
    last_tick: Option<Tick>,

    /// Records of this step, not yet handed out.
    records: Vec<Record>,
    /// The number of the last record.
    seq: u64,
    halt: Option<Halt>,
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
    Unauthorized,
    Journal(JournalFailure),
}

impl Halt {
    fn words(&self) -> String {
        match self {
            Self::Stop => "not started: the run was stopped".to_owned(),
            Self::Unauthorized => "not started: the service refused the credentials".to_owned(),
            Self::Journal(failure) => format!("not started: {failure}"),
        }
    }
}

/// An operation at work.
#[derive(Clone, Debug, Default)]
struct Task {
    ended: bool,
    call: Option<Arc<Call>>,
    sent: Sent,
}

/// Something to send.
#[derive(Clone, Debug)]
enum Job {
    Operation(usize),
    Page(Page),
}

/// A page of a look-up.
#[derive(Clone, Debug)]
struct Page {
    kind: Kind,
    /// The look-up's number: an answer that comes after its look-up has ended is no answer to the next one of the kind.
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

type Outs = Vec<Output<Box<Report>>>;

impl Run {
    /// A run of a plan that has not begun. `seed` decides all chance in it.
    pub fn new(id: RunId, plan: Arc<Plan>, options: RunOptions, seed: u64) -> Self {
        Self {
            id,
            seed,
            random: fastrand::Rng::with_seed(seed),
            budget: RetryBudget::new(options.retry),
            graph: Graph::new(&plan.operations),
            outputs: Outputs::wanted_by(&plan.operations),
            tasks: vec![Task::default(); plan.operations.len()],
            tasks_open: plan.operations.len() as u64,
            pages: VecDeque::new(),
            look_ups: BTreeMap::new(),
            active: HashMap::new(),
            backing_off: HashMap::new(),
            numbers: 0,
            ledger: Ledger::new(&plan),
            fold: ReportFold::new(),
            stopwatch: Stopwatch::default(),
            last_tick: None,
            records: Vec::new(),
            seq: 0,
            halt: None,
            phase: Phase::Working,
            options,
            plan,
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

    fn start(&mut self, now: Now) {
        let plan = Arc::clone(&self.plan);
        self.record(Record::RunStarted {
            run: self.id.clone(),
            tenant: plan.tenant.clone(),
            command: plan.command.clone(),
            fingerprint: plan.fingerprint.clone(),
            options: self.options.clone(),
            seed: self.seed,
            changes: plan.changes.len() as u64,
            operations: plan.operations.len() as u64,
            at: now.wall,
        });
        for (change, verdict, report) in self.ledger.presets(&plan) {
            self.record(Record::ChangeEnded { change, verdict, report, at: now.wall });
        }
    }

    // ── Starting ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Asks for permits for what may start, as long as there are workers.
    fn fill_slots(&mut self, now: Now, out: &mut Outs) {
        while self.active.len() < self.options.parallel.max(1) {
            // A look-up is part of an operation that has been sent: it goes on while nothing new is started.
            let job = if !self.sends_nothing()
                && let Some(page) = self.pages.pop_front()
            {
                Job::Page(page)
            } else if self.halt.is_none()
                && let Some(operation) = self.graph.take()
            {
                Job::Operation(operation)
            } else {
                return;
            };
            let call = match &job {
                Job::Page(page) => Arc::clone(&page.call),
                Job::Operation(operation) => match self.call(*operation) {
                    Ok(call) => call,
                    Err(change) => {
                        self.lacks(*operation, change, now);
                        continue;
                    }
                },
            };
            let attempt = AttemptId(self.number());
            out.push(Output::Acquire { attempt, class: call.class(), urgent: self.options.urgent });
            self.active.insert(attempt, Active { job, call, asked: now.mono, granted: None });
        }
    }

    /// The call of an operation, ids filled in; the error is the change whose id is not known.
    fn call(&mut self, operation: usize) -> Result<Arc<Call>, usize> {
        if let Some(call) = &self.tasks[operation].call {
            return Ok(Arc::clone(call));
        }
        let call = Arc::new(fill::fill(&self.plan.operations[operation].call, &self.outputs)?);
        self.tasks[operation].call = Some(Arc::clone(&call));
        Ok(call)
    }

    /// An operation cannot be sent, since the object of a change is not known.
    fn lacks(&mut self, operation: usize, change: usize, now: Now) {
        let plan = Arc::clone(&self.plan);
        let verdict = self.ledger.verdict(change).unwrap_or(Verdict::Succeeded);
        let ruling = Ruling::skipped(&plan.changes[change], verdict);
        self.end_all(operation, &ruling, now);
    }

    /// A permit is there: the intent is recorded, and the call handed over to be sent once that is durable.
    fn granted(&mut self, attempt: AttemptId, now: Now, out: &mut Outs) {
        let Some(active) = self.active.get_mut(&attempt) else {
            // Given up meanwhile; the driver has been told.
            return;
        };
        active.granted = Some(now.mono);
        let (call, asked, job) = (Arc::clone(&active.call), active.asked, active.job.clone());
        let id = |operation: usize| self.plan.operations[operation].id.clone();
        let (purpose, number) = match &job {
            Job::Operation(operation) => {
                let sent = &mut self.tasks[*operation].sent;
                sent.attempts += 1;
                (Purpose::Operation(id(*operation)), sent.attempts)
            }
            Job::Page(page) => {
                let look_up = self.look_ups.get_mut(&page.kind).expect("a page belongs to a look-up");
                look_up.begun = true;
                let operations = look_up.operations.iter().map(|(operation, _)| id(*operation)).collect();
                (Purpose::LookUp(operations), page.attempts + 1)
            }
        };
        self.stopwatch.waited(asked, now.mono);
        self.stopwatch.intent(now.mono);
        let after = self.record(Record::AttemptStarted {
            attempt,
            purpose,
            number,
            call: Call::clone(&call),
            waited: now.mono.saturating_since(asked),
            at: now.wall,
            send_by: later(now.wall, self.options.send_within),
        });
        out.push(Output::Send {
            attempt,
            call,
            after,
            not_after: now.mono + self.options.send_within,
            limit: self.options.attempt_limit,
        });
    }

    // ── Answers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    fn answered(&mut self, attempt: AttemptId, answer: Attempt, now: Now, out: &mut Outs) {
        let Some(active) = self.active.remove(&attempt) else { return };
        let granted = active.granted.unwrap_or(now.mono);
        self.stopwatch.idled(granted, answer.sent_at);
        self.stopwatch.idled(answer.ended_at, now.mono);
        self.stopwatch.outcome(answer.ended_at);
        self.record(Record::AttemptEnded {
            attempt,
            outcome: answer.outcome.clone(),
            quota: answer.quota,
            wire_calls: answer.wire_calls,
            token_calls: answer.token_calls,
            took: answer.ended_at.saturating_since(answer.sent_at),
            at: now.wall,
        });
        if matches!(answer.outcome, Outcome::Applied(_)) {
            self.budget.succeeded();
        }
        match active.job {
            Job::Operation(operation) => {
                self.tasks[operation].sent.status =
                    status(&answer.outcome).or(self.tasks[operation].sent.status);
                self.judge(operation, &active.call, answer.outcome, now, out);
            }
            Job::Page(page) => self.looked(page, answer.outcome, now, out),
        }
    }

    /// Decides what an attempt means for its operation.
    fn judge(&mut self, operation: usize, call: &Arc<Call>, outcome: Outcome, now: Now, out: &mut Outs) {
        let plan = Arc::clone(&self.plan);
        let subject = &plan.operations[operation];
        match outcome {
            Outcome::Applied(answer) => self.applied(operation, call, &answer, now),
            Outcome::Rejected(rejection) => self.rejected(operation, call, rejection, now),
            Outcome::Throttled(hint) => {
                self.again(Job::Operation(operation), Cause::Throttled, hint, now, out, |attempts| {
                    let error =
                        format!("throttled each time, {}; nothing was changed", ruling::attempts(attempts));
                    Ruling::failed(ErrorType::RateLimited, error)
                });
            }
            Outcome::NotSent(why) => match why.reason {
                Reason::SecretMissing => {
                    let error = format!("not sent: {}", ruling::words(&why));
                    let ruling = Ruling::unprocessed(error, Some(ErrorType::SecretMissing));
                    self.end_all(operation, &ruling, now);
                }
                Reason::Unbuildable => {
                    let error = format!("not sent: {}, which is a bug", ruling::words(&why));
                    self.end_all(operation, &Ruling::failed(ErrorType::InternalError, error), now);
                }
                _ => self.again(Job::Operation(operation), Cause::Failure, None, now, out, |attempts| {
                    let error =
                        format!("could not be sent, {}: {}", ruling::attempts(attempts), ruling::words(&why));
                    Ruling::failed(ErrorType::NetworkError, error)
                }),
            },
            Outcome::Indeterminate(why) if call.class() == Class::Read => {
                self.again(Job::Operation(operation), Cause::Failure, None, now, out, |attempts| {
                    let error =
                        format!("not answered well, {}: {}", ruling::attempts(attempts), ruling::words(&why));
                    Ruling::failed(ErrorType::ServerError, error)
                });
            }
            Outcome::Indeterminate(why) => {
                let error = format!("sent, but whether it was applied is not known: {}", ruling::words(&why));
                self.end_all(operation, &Ruling::unknown(error), now);
            }
            Outcome::Unauthorized => {
                self.halt(Halt::Unauthorized, now, out);
                let error = "the service refused the credentials (401); nothing was changed";
                let ruling = Ruling::unprocessed(error, Some(ErrorType::Unauthorized));
                let rulings = ruling::for_all(subject, &ruling);
                self.end(operation, rulings, now);
            }
        }
    }

    fn applied(&mut self, operation: usize, call: &Call, answer: &Answer, now: Now) {
        let plan = Arc::clone(&self.plan);
        let rulings = applied::applied(&plan, &plan.operations[operation], call, answer);
        for (change, ruling) in &rulings {
            if let (Verdict::Succeeded, Some(object)) = (ruling.verdict, &ruling.object) {
                self.outputs.keep(*change, object);
            }
        }
        self.end(operation, rulings, now);
    }

    fn rejected(&mut self, operation: usize, call: &Call, rejection: Rejection, now: Now) {
        let plan = Arc::clone(&self.plan);
        let subject = &plan.operations[operation];
        if call.method() == Method::Delete && rejection.gone == Some(Gone::Target) {
            let ruling = Ruling { note: Some("already gone".to_owned()), ..Ruling::succeeded(None) };
            self.end_all(operation, &ruling, now);
        } else if call.endpoint.creates() && subject.carries.len() > 1 {
            // It may have been applied in part: the list says.
            self.look_up(operation, rejection, now);
        } else {
            let rulings = refusal::refused(&plan, subject, &rejection);
            self.end(operation, rulings, now);
        }
    }

    /// Tries a job again later, if the budget allows; else an operation ends with `spent`, told its attempts, and a look-up
    /// says nothing.
    fn again(
        &mut self,
        job: Job,
        cause: Cause,
        server: Option<Duration>,
        now: Now,
        out: &mut Outs,
        spent: impl FnOnce(u32) -> Ruling,
    ) {
        let attempts = match &job {
            Job::Operation(operation) => self.tasks[*operation].sent.attempts,
            Job::Page(page) => page.attempts,
        };
        match (&job, &self.halt) {
            // Whatever was tried came to nothing, and is not tried again.
            (Job::Operation(operation), Some(halt)) => {
                let ruling = Ruling::unprocessed(halt.words(), None);
                let rulings = ruling::for_all(&self.plan.operations[*operation], &ruling);
                return self.end(*operation, rulings, now);
            }
            (Job::Page(page), _) if self.sends_nothing() => {
                return self.end_look_up(page.kind, &spent(attempts), now, out);
            }
            (_, None) | (Job::Page(_), Some(_)) => {}
        }
        if let Some(wait) = self.budget.again(cause, attempts, server, &mut self.random) {
            let timer = TimerId(self.number());
            self.backing_off.insert(timer, job);
            out.push(Output::Wake(timer, now.mono + wait));
            return;
        }
        match job {
            Job::Operation(operation) => self.end_all(operation, &spent(attempts), now),
            Job::Page(page) => self.end_look_up(page.kind, &spent(attempts), now, out),
        }
    }

    fn woke(&mut self, timer: TimerId) {
        match self.backing_off.remove(&timer) {
            Some(Job::Operation(operation)) => self.graph.put_back(operation),
            Some(Job::Page(page)) => self.pages.push_front(page),
            // Given up meanwhile.
            None => {}
        }
    }

    /// Whether nothing at all is sent any more.
    fn sends_nothing(&self) -> bool {
        match self.halt {
            None | Some(Halt::Stop) => false,
            Some(Halt::Unauthorized | Halt::Journal(_)) => true,
        }
    }

    fn halt_words(&self) -> String {
        self.halt.as_ref().map(Halt::words).unwrap_or_default()
    }

    // ── Ending ────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Ends an operation alike for all that it carries; what needs it is skipped, if it did not succeed.
    fn end_all(&mut self, operation: usize, ruling: &Ruling, now: Now) {
        let rulings = ruling::for_all(&self.plan.operations[operation], ruling);
        self.end(operation, rulings, now);
    }

    /// Ends an operation. Its first ruling is that of the change it is for.
    fn end(&mut self, operation: usize, rulings: Vec<(usize, Ruling)>, now: Now) {
        let plan = Arc::clone(&self.plan);
        let principal = rulings.first().map(|(change, ruling)| (*change, ruling.verdict));
        // An operation that carries nothing has nothing to fail.
        let (root, verdict) = principal.unwrap_or((0, Verdict::Succeeded));
        self.close(operation, rulings, now);
        let mut lost = Vec::new();
        let halted = self.halt.is_some() && verdict == Verdict::Unprocessed;
        self.graph.end(operation, verdict == Verdict::Succeeded, |next| lost.push(next));
        // Under a halt the rest is unprocessed, not skipped: it hangs on nothing but the halt.
        while !halted && let Some(next) = lost.pop() {
            if self.tasks[next].ended {
                continue;
            }
            let skipped = Ruling::skipped(&plan.changes[root], verdict);
            self.close(next, ruling::for_all(&plan.operations[next], &skipped), now);
            self.graph.end(next, false, |after| lost.push(after));
        }
    }

    /// Records the verdicts of an operation.
    fn close(&mut self, operation: usize, rulings: Vec<(usize, Ruling)>, now: Now) {
        let plan = Arc::clone(&self.plan);
        let task = &mut self.tasks[operation];
        debug_assert!(!task.ended, "an operation ends once");
        task.ended = true;
        let sent = task.sent;
        self.tasks_open -= 1;
        for (change, ruling) in rulings {
            if let Some((verdict, report)) = self.ledger.rule(&plan, change, ruling, sent) {
                self.record(Record::ChangeEnded { change, verdict, report, at: now.wall });
            }
        }
    }

    /// Starts nothing new from now on.
    fn halt(&mut self, halt: Halt, now: Now, out: &mut Outs) {
        if self.halt.is_none() {
            let reason = match &halt {
                Halt::Stop => "told to stop".to_owned(),
                Halt::Unauthorized => "the service refused the credentials".to_owned(),
                Halt::Journal(failure) => failure.to_string(),
            };
            self.record(Record::StopRequested { reason, at: now.wall });
        }
        // The first reason is told; a later one that forbids more takes its place.
        if matches!((&self.halt, &halt), (None | Some(Halt::Stop), _) | (_, Halt::Journal(_))) {
            self.halt = Some(halt);
        }
        self.backing_off.retain(|_, job| matches!(job, Job::Page(_)));
        self.give_up(now, out, |job| matches!(job, Job::Operation(_)));
        if self.sends_nothing() {
            let kinds: Vec<Kind> = self.look_ups.keys().copied().collect();
            let on_its_way = |run: &Self, kind| {
                run.active.values().any(|active| {
                    active.granted.is_some() && matches!(&active.job, Job::Page(page) if page.kind == kind)
                })
            };
            for kind in kinds.into_iter().filter(|kind| !on_its_way(self, *kind)).collect::<Vec<_>>() {
                let why = Ruling::unknown(self.halt_words());
                self.end_look_up(kind, &why, now, out);
            }
        }
    }

    /// Stops waiting for permits.
    fn give_up(&mut self, now: Now, out: &mut Outs, whose: impl Fn(&Job) -> bool) {
        let mut given_up: Vec<AttemptId> = self
            .active
            .iter()
            .filter(|(_, active)| active.granted.is_none() && whose(&active.job))
            .map(|(attempt, _)| *attempt)
            .collect();
        given_up.sort_unstable();
        for attempt in given_up {
            if let Some(active) = self.active.remove(&attempt) {
                self.stopwatch.waited(active.asked, now.mono);
                out.push(Output::Release(attempt));
            }
        }
    }

    /// Says the last word, if nothing is left to wait for.
    fn finish(&mut self, now: Now) {
        let at_work = !self.active.is_empty() || !self.backing_off.is_empty() || !self.pages.is_empty();
        if self.phase != Phase::Working || at_work || (self.halt.is_none() && self.graph.is_ready()) {
            return;
        }
        let rest: Vec<usize> = (0..self.tasks.len()).filter(|task| !self.tasks[*task].ended).collect();
        for operation in rest {
            let ruling = match &self.halt {
                Some(halt) => Ruling::unprocessed(halt.words(), None),
                // Nothing is at work, yet something waits: its needs go round in a circle.
                None => Ruling::failed(
                    ErrorType::InternalError,
                    "the plan goes round in a circle, which is a bug",
                ),
            };
            self.close(operation, ruling::for_all(&self.plan.operations[operation], &ruling), now);
        }
        let count = |verdict| self.ledger.count(verdict);
        let outcome = if count(Verdict::Unknown) > 0 {
            RunOutcome::Stuck
        } else if self.halt.is_some() && count(Verdict::Unprocessed) > 0 {
            RunOutcome::Stopped
        } else if count(Verdict::Succeeded) < self.plan.changes.len() as u64 {
            RunOutcome::Partial
        } else {
            RunOutcome::Complete
        };
        let last =
            self.record(Record::RunFinished { outcome, timings: self.stopwatch.timings(), at: now.wall });
        self.phase = Phase::Finishing(last);
    }

    fn done(&mut self, out: &mut Outs) {
        self.phase = Phase::Ended;
        let mut report = std::mem::take(&mut self.fold).finish();
        report.calls.one_per_object = Some(self.plan.cost.one_per_object);
        out.push(Output::Done(Box::new(report)));
    }

    /// Tells how far things are, if that has changed.
    fn tick(&mut self, out: &mut Outs) {
        let (mut in_flight, mut waiting) = (0, BTreeMap::<Class, u64>::new());
        for active in self.active.values() {
            if active.granted.is_some() {
                in_flight += 1;
            } else {
                *waiting.entry(active.call.class()).or_default() += 1;
            }
        }
        let most = waiting.into_iter().max_by_key(|(_, attempts)| *attempts);
        let tick = Tick::Run {
            ended: self.ledger.ended,
            bad: self.ledger.bad,
            changes: self.plan.changes.len() as u64,
            calls_left: self.tasks_open,
            in_flight,
            waiting: most.filter(|_| in_flight == 0).map(|(class, attempts)| Waiting { class, attempts }),
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
            (Phase::Working, Input::Start) => self.start(now),
            (Phase::Working, Input::NotDurable(failure)) => self.halt(Halt::Journal(failure), now, &mut out),
            (Phase::Working, Input::Granted(permit)) => self.granted(permit.attempt, now, &mut out),
            (Phase::Working, Input::Answered(attempt, answer)) => {
                self.answered(attempt, *answer, now, &mut out);
            }
            (Phase::Working, Input::Woke(timer)) => self.woke(timer),
            (Phase::Working, Input::Delivered(..) | Input::Confirmed(_)) => {}
            (Phase::Working, Input::Stop(Stop::Finish)) => self.halt(Halt::Stop, now, &mut out),
        }
        self.fill_slots(now, &mut out);
        self.finish(now);
        self.tick(&mut out);
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

fn status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Applied(answer) => Some(answer.status),
        Outcome::Rejected(rejection) => Some(rejection.status),
        Outcome::Throttled(_) => Some(429),
        Outcome::Unauthorized => Some(401),
        Outcome::NotSent(Why { status, .. }) | Outcome::Indeterminate(Why { status, .. }) => *status,
    }
}

/// A wall-clock time so much later; the latest there is, if that is beyond the calendar.
fn later(at: Timestamp, wait: Duration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}
