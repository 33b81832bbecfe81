//! What starts, and when: permits, waves, the brake, one call at a time for each object, bases that are read again.

use super::{
    Active, Goal, Halt, Job, Outs, Run, Target, WaveSize,
    drift::Base,
    reading::{Waiter, Wish},
    ruling::Ruling,
    stages,
};
use crate::{
    machine::{AttemptId, Output, Question, TimerId},
    plan::{Change, Operation, Plan},
    record::{Purpose, Record},
    report::{ErrorType, Verdict},
};
use connexa_types::{AnswerShape, Call, Class, Endpoint, Kind, Method, Now, Timestamp};
use std::{collections::VecDeque, sync::Arc, time::Duration};

impl Run {
    pub(super) fn start(&mut self, now: Now, out: &mut Outs) {
        if let Some(resumed) = self.resumed.take() {
            return self.go_on(resumed, now, out);
        }
        let plan = Arc::clone(&self.plan);
        self.record(Record::RunStarted {
            run: self.id.clone(),
            tenant: plan.tenant.clone(),
            command: plan.command.clone(),
            fingerprint: plan.fingerprint.clone(),
            options: Box::new(self.options.clone()),
            seed: self.seed,
            changes: plan.changes.len() as u64,
            operations: plan.operations.len() as u64,
            at: now.wall,
        });
        let age = plan.base.read_at.map(|at| now.wall.duration_since(at));
        self.fresh.begin(age.map(|age| Duration::try_from(age).unwrap_or_default()), now.mono);
        let refused = self.presets(now);
        self.refused_members();
        let failed = |change: &Change| change.preset.is_some();
        self.failed(refused, plan.changes.iter().position(failed));
        if self.waves.len() > 1 {
            self.wave_started(now);
        }
        self.set_deadline(now, out);
    }

    /// Records the verdicts that the plan itself knows; how many of them have failed.
    pub(super) fn presets(&mut self, now: Now) -> u64 {
        let plan = Arc::clone(&self.plan);
        let presets = self.ledger.presets(&plan);
        let refused = presets.iter().filter(|(_, verdict, _)| *verdict == Verdict::Failed).count();
        for (change, verdict, report) in presets {
            self.record(Record::ChangeEnded { change, verdict, report, at: now.wall });
        }
        refused as u64
    }

    pub(super) fn set_deadline(&mut self, now: Now, out: &mut Outs) {
        if let Some(deadline) = self.options.deadline.filter(|_| self.tasks_open > 0) {
            let timer = TimerId(self.number());
            self.deadline = Some(timer);
            out.push(Output::Wake(timer, now.mono + deadline));
        }
    }

    /// Asks for permits for what may start, as long as there are workers, and begins the readings whose time has come.
    pub(super) fn fill_slots(&mut self, now: Now, out: &mut Outs) {
        self.settle_due(now, out);
        loop {
            self.start_what_may(now, out);
            // What has just been taken up may be due at once.
            if !self.settle_due(now, out) {
                return;
            }
        }
    }

    fn start_what_may(&mut self, now: Now, out: &mut Outs) {
        loop {
            for kind in std::mem::take(&mut self.stopping) {
                self.stop_kind(kind, now, out);
            }
            if let Some(halt) = self.halting.take() {
                self.halt(halt, now, out);
            }
            self.hold_units(now, out);
            self.undo_run_when_quiet(now);
            if self.active.len() + self.delivering.len() >= self.slots() {
                return;
            }
            // A reading is part of an operation that has been sent: it goes on while nothing new is started.
            let (job, call) = if !self.sends_nothing()
                && let Some(page) = self.pages.pop_front()
            {
                let call = Arc::clone(&page.call);
                (Job::Page(page), call)
            } else if let Some(operation) = self.next_operation() {
                if self.waits(operation, now) {
                    continue;
                }
                match self.prepare(operation, now, out) {
                    Some(call) => (Job::Operation(operation), call),
                    None => continue,
                }
            } else {
                return;
            };
            let attempt = AttemptId(self.number());
            // What has waited its turn and was read for again does not wait a second one: it would grow old again.
            let had_its_turn = matches!(job, Job::Operation(operation) if self.tasks[operation].aged > 0);
            let goes_on = matches!(job, Job::Operation(operation) if self.is_gone_through_with(operation));
            let urgent = self.options.urgent || had_its_turn || goes_on;
            out.push(Output::Acquire { attempt, class: call.class(), urgent });
            self.active.insert(attempt, Active { job, call, asked: now.mono, granted: None });
        }
    }

    /// The most operations at work at once.
    fn slots(&self) -> usize {
        let batch = if self.batching { self.options.batch } else { 1 };
        self.options.parallel.max(batch).max(1)
    }

    /// The call of an operation that may be sent now; else it has ended, or waits for something.
    fn prepare(&mut self, operation: usize, now: Now, out: &mut Outs) -> Option<Arc<Call>> {
        if self.tasks[operation].ended {
            // It was held back after its turn had come.
            return None;
        }
        let subject = self.subject(operation);
        // What may have been sent already is looked for whatever keeps it from being sent.
        if !self.tasks[operation].unproven && !self.is_wanted(operation, &subject, now) {
            return None;
        }
        let call = match self.call(operation, &subject) {
            Ok(call) => call,
            Err(change) => {
                let verdict = self.ledger.verdict(change).unwrap_or(Verdict::Succeeded);
                let ruling = Ruling::skipped(&self.plan.changes[change], verdict);
                self.end_all(operation, &ruling, now);
                return None;
            }
        };
        (self.occupies(operation, &call)
            && self.is_proven(operation, &subject, now)
            && self.is_wanted(operation, &subject, now)
            && self.base_is_same(operation, &subject, now, out))
        .then_some(call)
    }

    /// Whether an operation is to be started at all; else it has ended.
    pub(super) fn is_wanted(&mut self, operation: usize, subject: &Operation, now: Now) -> bool {
        if self.is_back(operation) {
            return true;
        }
        let ruling = if self.is_held(operation) {
            self.held(operation)
        } else if let Some(stopped) = self.brake.stopped(subject.kind).filter(|_| !stages::goes_on(subject)) {
            let cause = super::ruling::name(&self.plan.changes[stopped.cause]);
            let error = format!("not started: {}, so the rest of the kind was stopped", stopped.why);
            Ruling { cause: Some(cause), ..Ruling::unprocessed(error, None) }
        } else if self.goal == Goal::Settle {
            self.unstarted()
        } else {
            return true;
        };
        self.end_all(operation, &ruling, now);
        false
    }

    /// The call of an operation, ids filled in; the error is the change whose id is not known.
    fn call(&mut self, operation: usize, subject: &Operation) -> Result<Arc<Call>, usize> {
        if let Some(call) = &self.tasks[operation].call {
            return Ok(Arc::clone(call));
        }
        let call = Arc::new(super::fill::fill(&subject.call, &self.outputs)?);
        self.tasks[operation].call = Some(Arc::clone(&call));
        Ok(call)
    }

    /// Whether an operation has its object for itself; else it waits for whoever has.
    fn occupies(&mut self, operation: usize, call: &Call) -> bool {
        if self.tasks[operation].target.is_some() {
            return true;
        }
        let Some(target) = target(call) else { return true };
        if let Some(waiting) = self.busy.get_mut(&target) {
            waiting.push_back(operation);
            return false;
        }
        self.busy.insert(target.clone(), VecDeque::new());
        self.tasks[operation].target = Some(target);
        true
    }

    /// Lets the next operation have an object.
    pub(super) fn vacate(&mut self, operation: usize, now: Now) {
        if self.hold(operation, now.mono) {
            return;
        }
        if let Some(target) = self.tasks[operation].target.take() {
            self.let_go(&target);
        }
    }

    /// Nobody has an object any more.
    pub(super) fn let_go(&mut self, target: &Target) {
        for waiting in self.busy.remove(target).into_iter().flatten() {
            // The first to start takes it; the others wait again.
            self.graph.put_back(waiting);
        }
    }

    /// Whether an operation may be sent as far as its base goes; else it has ended, or waits for a reading.
    fn base_is_same(&mut self, operation: usize, subject: &Operation, now: Now, out: &mut Outs) -> bool {
        if self.is_back(operation) {
            return self.left_is_same(operation, subject, now, out);
        }
        if subject.base.is_empty() {
            return true;
        }
        let just_read = std::mem::take(&mut self.tasks[operation].just_read);
        match self.fresh.look(&self.plan, subject, self.window(), just_read, None, now.mono) {
            Base::Same => return true,
            Base::Stale(readings) => {
                self.tasks[operation].reads_open = readings.len();
                for what in readings {
                    self.look_up(what, Waiter { operation, why: Wish::Base }, now);
                }
            }
            Base::Gone if is_delete(subject) => {
                let ruling = Ruling::succeeded(None).noted("already gone");
                self.end_all(operation, &ruling, now);
            }
            Base::Gone => {
                let error = "not sent: the object is gone since the plan was made";
                self.end_all(operation, &Ruling::failed(ErrorType::NotFound, error), now);
            }
            Base::Drifted(what) => {
                let error = format!("not sent: {what} since the plan was made");
                self.end_all(operation, &Ruling::failed(ErrorType::Drifted, error), now);
            }
        }
        false
    }

    /// How old a base may be.
    pub(super) fn window(&self) -> Duration {
        use super::RunOptions;
        self.options.recheck.unwrap_or_else(|| {
            let period = self.update_period.unwrap_or_default();
            RunOptions::RECHECK.max(period.saturating_mul(RunOptions::RECHECK_PERIODS))
        })
    }

    /// A permit is there: the intent is recorded, and the call handed over to be sent once that is durable.
    pub(super) fn granted(&mut self, attempt: AttemptId, now: Now, out: &mut Outs) {
        let Some(active) = self.active.get(&attempt) else {
            // Given up meanwhile; the driver has been told.
            return;
        };
        let (call, asked, job) = (Arc::clone(&active.call), active.asked, active.job.clone());
        self.stopwatch.waited(asked, now.mono);
        if let Job::Page(_) = job {
            self.stopwatch.list(asked);
        }
        if let Job::Operation(operation) = job
            && self.has_aged(operation, now)
        {
            self.active.remove(&attempt);
            out.push(Output::Release(attempt));
            self.tasks[operation].aged += 1;
            self.graph.put_back(operation);
            return;
        }
        if let Some(active) = self.active.get_mut(&attempt) {
            active.granted = Some(now.mono);
        }
        let (purpose, number) = match &job {
            Job::Operation(operation) => {
                let sent = &mut self.tasks[*operation].sent;
                sent.attempts += 1;
                let number = sent.attempts;
                (Purpose::Operation(self.subject(*operation).id.clone()), number)
            }
            Job::Page(page) => {
                if self.look_ups.get(&page.what).is_some_and(|look_up| look_up.begun.is_none()) {
                    let joined = self.join(page.what, now.mono);
                    if let Some(look_up) = self.look_ups.get_mut(&page.what) {
                        look_up.begun = Some(now.mono);
                        look_up.waiters.extend(joined);
                    }
                }
                (Purpose::LookUp(self.read_for(page.what)), page.attempts + 1)
            }
        };
        let batch = if self.batching && shares_requests(&call) { self.options.batch } else { 1 };
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
            batch,
        });
    }

    /// Whether the base of an operation has become too old while it waited for its permit.
    ///
    /// All that wait in line share one reading, and one of them goes right after it: none is read for more often than
    /// there are others before it. Where nothing is ever new enough, what was read right before it asked has to do.
    fn has_aged(&self, operation: usize, now: Now) -> bool {
        let subject = self.subject(operation);
        let window = self.window();
        !subject.base.is_empty()
            && !window.is_zero()
            && self.tasks[operation].aged <= self.slots()
            && matches!(
                self.fresh.look(&self.plan, &subject, window, false, self.since(operation), now.mono),
                Base::Stale(_)
            )
    }

    pub(super) fn woke(&mut self, timer: TimerId, now: Now, out: &mut Outs) {
        if self.deadline == Some(timer) {
            return self.halt(Halt::Deadline, now, out);
        }
        if self.stage_woke(timer, now) {
            return;
        }
        if self.is_settle_timer(timer) {
            // What is due is begun in any case.
            return;
        }
        match self.backing_off.remove(&timer) {
            Some(Job::Operation(operation)) => self.graph.put_back(operation),
            Some(Job::Page(page)) => self.pages.push_front(page),
            // Given up meanwhile.
            None => {}
        }
    }

    /// A kind is stopped by the brake: what waits for permits is taken again, and then not started.
    fn stop_kind(&mut self, kind: Kind, now: Now, out: &mut Outs) {
        let reason = self.brake.stopped(kind).map(|stopped| stopped.why.clone()).unwrap_or_default();
        self.record(Record::KindStopped { kind, reason, at: now.wall });
        let waiting: Vec<usize> = self
            .active
            .values()
            .filter(|active| active.granted.is_none())
            .filter_map(|active| match active.job {
                Job::Operation(operation) => Some(operation),
                Job::Page(_) => None,
            })
            .filter(|operation| self.subject(*operation).kind == kind && !self.is_back(*operation))
            .collect();
        self.give_up(now, out, |job| matches!(job, Job::Operation(operation) if waiting.contains(operation)));
        for operation in waiting {
            self.graph.put_back(operation);
        }
    }

    // ── Waves ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Asks whether the next wave is to begin, if nothing of this one is left to start or to wait for.
    pub(super) fn next_wave(&mut self, now: Now, out: &mut Outs) {
        if self.halt.is_some()
            || self.at_work()
            || self.graph.is_ready()
            || self.graph.is_ready_back()
            || !self.graph.is_ready_later()
        {
            return;
        }
        let limit = self.waves.get(self.wave + 1).copied().unwrap_or(self.tasks.len());
        if !self.graph.is_ready_before(limit) {
            // Nothing of the next wave can start: there is nothing to ask.
            self.begin_wave(now);
            return self.next_wave(now, out);
        }
        let planned = self.plan.operations.len();
        // Stages of one change count as one.
        let all_open = stages::open(&self.plan, |operation| !self.tasks[operation].ended);
        let open = |upto: usize| all_open.iter().filter(|from| **from < upto).count() as u64;
        let steps = stages::beginnings(&self.plan).len() as u64;
        self.asking = true;
        out.push(Output::Ask(Question::NextWave {
            wave: u32::try_from(self.wave + 1).unwrap_or(u32::MAX),
            ended: steps - open(planned),
            bad: self.ledger.bad,
            next: open(limit.min(planned)),
            left: open(planned),
        }));
    }

    pub(super) fn confirmed(&mut self, yes: bool, now: Now, out: &mut Outs) {
        if !std::mem::take(&mut self.asking) {
            // The run has been stopped meanwhile.
            return;
        }
        if yes {
            self.begin_wave(now);
        } else {
            self.halt(Halt::Wave(self.wave), now, out);
        }
    }

    fn begin_wave(&mut self, now: Now) {
        self.wave += 1;
        self.graph.raise(self.waves.get(self.wave).copied().unwrap_or(usize::MAX));
        self.wave_started(now);
    }

    pub(super) fn wave_started(&mut self, now: Now) {
        self.record(Record::WaveStarted {
            wave: u32::try_from(self.wave + 1).unwrap_or(u32::MAX),
            operations: self.waves.get(self.wave).copied().unwrap_or(self.tasks.len()) as u64,
            at: now.wall,
        });
    }
}

/// The numbers of operations that waves end at: ascending, the last is all. Sizes count what begins; later stages go with it.
pub(super) fn waves(sizes: &[WaveSize], plan: &Plan) -> Vec<usize> {
    waves_of(sizes, &stages::beginnings(plan), plan)
}

/// The same, where only what begins at some operations counts.
pub(super) fn waves_of(sizes: &[WaveSize], beginnings: &[usize], plan: &Plan) -> Vec<usize> {
    let ends = limits(sizes, beginnings.len());
    ends.into_iter().map(|end| beginnings.get(end).copied().unwrap_or(plan.operations.len())).collect()
}

/// What waves end at, of so many.
fn limits(sizes: &[WaveSize], all: usize) -> Vec<usize> {
    let mut limits: Vec<usize> = sizes.iter().map(|size| size.of(all)).chain([all]).collect();
    limits.sort_unstable();
    limits.dedup();
    limits
}

/// The object that a call changes; `None` for creates, and for lists to which is added.
fn target(call: &Call) -> Option<Target> {
    if call.class() == Class::Read || call.endpoint.creates() {
        return None;
    }
    let path = call.endpoint.info().path;
    match (path.split_once('{'), call.path_args.first()) {
        (Some((of, _)), Some(id)) => Some((of, id.clone())),
        // A setting has its path.
        (None, _) if call.method() == Method::Put => Some((path, String::new())),
        _ => None,
    }
}

/// Whether a call may be one of several in a request. What a call gives out once only goes by itself: it is not to be lost
/// with the answers of others.
fn shares_requests(call: &Call) -> bool {
    call.mutates() && !gives_out(call.endpoint)
}

/// Whether a call gives something out, once.
pub(super) fn gives_out(endpoint: Endpoint) -> bool {
    matches!(endpoint.info().answer, AnswerShape::SecretText | AnswerShape::SecretJson(_))
}

/// Whether an operation deletes its object.
pub(super) fn is_delete(operation: &Operation) -> bool {
    operation.call.endpoint.info().method == Method::Delete
        && operation.call.endpoint.info().name.ends_with("Delete")
}

/// A wall-clock time so much later; the latest there is, if that is beyond the calendar.
pub(super) fn later(at: Timestamp, wait: Duration) -> Timestamp {
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_ascend_and_end_with_all() {
        use WaveSize::{Operations, Percent};
        assert_eq!(limits(&[], 7), [7]);
        assert_eq!(limits(&[Operations(1), Operations(5), Percent(25)], 100), [1, 5, 25, 100]);
        assert_eq!(limits(&[Percent(25), Operations(5), Operations(5)], 8), [2, 5, 8]);
        assert_eq!(limits(&[Operations(50)], 8), [8]);
        assert_eq!(limits(&[Operations(50)], 0), [0]);
    }

    #[test]
    fn calls_about_one_object_have_one_target() {
        let suspend = Call::new(connexa_types::Endpoint::UserSuspend).arg("u1");
        let update = Call::new(connexa_types::Endpoint::UserUpdate).arg("u1");
        assert!(target(&suspend).is_some());
        assert_eq!(target(&suspend), target(&update));
        assert_ne!(target(&update), target(&Call::new(connexa_types::Endpoint::UserUpdate).arg("u2")));
        assert_eq!(target(&Call::new(connexa_types::Endpoint::UserCreate)), None);
        assert_eq!(target(&Call::new(connexa_types::Endpoint::AllowListAddDomains)), None);
    }
}
