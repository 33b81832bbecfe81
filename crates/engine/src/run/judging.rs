//! What an answer means for its operation.

use super::{
    Active, Halt, Job, Outs, Run, applied,
    effect::{self, LostAnswer, Reading},
    reading::{Waiter, Wish},
    refusal,
    ruling::{self, Ruling},
    starting::is_delete,
};
use crate::{
    machine::{AttemptId, Output, TimerId},
    plan::Stage,
    ports::{DeliverError, DeliveryLabel},
    record::Record,
    report::ErrorType,
    retry::Cause,
};
use connexa_types::{
    Answer, Attempt, Call, Class, Gone, Mono, Now, Outcome, QuotaHeaders, Reason, Rejection, Why,
};
use std::{sync::Arc, time::Duration};

/// Where the product of a call is, if it had one.
type Delivery = Option<Result<String, DeliverError>>;

impl Run {
    pub(super) fn answered(&mut self, attempt: AttemptId, mut answer: Attempt, now: Now, out: &mut Outs) {
        let Some(active) = self.active.remove(&attempt) else { return };
        if let (Job::Operation(operation), Outcome::Applied(_), Some(product)) =
            (&active.job, &answer.outcome, answer.product.take())
        {
            // Its outcome is recorded once the product is where it belongs.
            let subject = self.subject(*operation);
            let change = subject.carries.first().map(|carried| &self.plan.changes[carried.change]);
            let label = DeliveryLabel {
                kind: change.map_or_else(|| subject.kind.to_string(), |change| change.kind.clone()),
                key: change.map(|change| change.key.clone()).unwrap_or_default(),
                id: active.call.path_args.first().cloned(),
                endpoint: active.call.endpoint,
            };
            out.push(Output::Deliver { attempt, label, product });
            self.delivering.insert(attempt, (active, answer));
            return;
        }
        self.conclude(attempt, &active, answer, None, now, out);
    }

    pub(super) fn delivered(
        &mut self,
        attempt: AttemptId,
        place: Result<String, DeliverError>,
        now: Now,
        out: &mut Outs,
    ) {
        if let Some((active, answer)) = self.delivering.remove(&attempt) {
            self.conclude(attempt, &active, answer, Some(place), now, out);
        }
    }

    fn conclude(
        &mut self,
        attempt: AttemptId,
        active: &Active,
        answer: Attempt,
        delivery: Delivery,
        now: Now,
        out: &mut Outs,
    ) {
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
        self.note_period(active.call.class(), answer.quota);
        match active.job.clone() {
            Job::Operation(operation) => {
                if matches!(answer.outcome, Outcome::Applied(_) | Outcome::Indeterminate(_)) {
                    self.tasks[operation].touched = Some(answer.ended_at);
                }
                let status = status(&answer.outcome).or(self.tasks[operation].sent.status);
                self.tasks[operation].sent.status = status;
                self.note_sending(operation, &active.call, &answer);
                self.judge(operation, &active.call, answer.outcome, delivery, now, out);
            }
            Job::Page(page) => self.looked(page, answer.outcome, now, out),
        }
    }

    /// Keeps the period of the update class, where an answer tells it.
    pub(super) fn note_period(&mut self, class: Class, quota: Option<QuotaHeaders>) {
        if let (Class::Update, Some((Some(rate), Some(seconds)))) =
            (class, quota.map(|quota| (quota.rate, quota.seconds)))
            && let Some(rate) = u32::try_from(rate).ok().filter(|rate| *rate > 0)
        {
            self.update_period = Some(Duration::from_secs(seconds) / rate);
        }
    }

    /// Decides what an attempt means for its operation.
    fn judge(
        &mut self,
        operation: usize,
        call: &Arc<Call>,
        outcome: Outcome,
        delivery: Delivery,
        now: Now,
        out: &mut Outs,
    ) {
        match outcome {
            Outcome::Applied(answer) => self.applied(operation, call, &answer, delivery, now),
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
                Reason::NoBatches => self.one_by_one(operation, &why, now),
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
            Outcome::Indeterminate(why) => self.lost(operation, &why, now, out),
            Outcome::Unauthorized => {
                self.halt(Halt::Unauthorized, now, out);
                self.halted_work = true;
                let error = "the service refused the credentials (401); nothing was changed";
                let ruling = Ruling::unprocessed(error, Some(ErrorType::Unauthorized));
                self.end_all(operation, &ruling, now);
            }
        }
    }

    /// The service takes no batched requests, and has done nothing of this one: from here on each call goes by itself.
    fn one_by_one(&mut self, operation: usize, why: &Why, now: Now) {
        if std::mem::take(&mut self.batching) {
            self.record(Record::BatchesRefused { reason: ruling::words(why), at: now.wall });
        }
        self.again_unless_held(operation, now);
    }

    pub(super) fn applied(
        &mut self,
        operation: usize,
        call: &Call,
        answer: &Answer,
        delivery: Delivery,
        now: Now,
    ) {
        let plan = Arc::clone(&self.plan);
        let subject = self.subject(operation);
        let lost = self.tasks[operation].lost.take();
        self.watch_brake(operation, None);
        self.fresh.applied(&subject, call.method());
        let (mut rulings, mut missing) = (Vec::new(), Vec::new());
        for shown in applied::look(&plan, &subject, call, answer).changes {
            match shown.ruling {
                Some(ruling) => rulings.push((shown.change, ruling)),
                None => missing.push(shown.change),
            }
        }
        if let (Some(delivery), Some((_, ruling))) = (delivery, rulings.first_mut()) {
            if lost.is_some() {
                *ruling = ruling.clone().noted("asked for again: the answer was lost");
            }
            *ruling = match delivery {
                Ok(place) => ruling.clone().noted(format!("written to {place}")),
                Err(DeliverError { why, kept: Some(place) }) => {
                    Ruling::failed(ErrorType::Rejected, why).noted(format!("written to {place}"))
                }
                // It can be had again.
                Err(error) if subject.stage == Some(Stage::Fetch) => {
                    Ruling::failed(ErrorType::Rejected, format!("it could not be kept: {error}"))
                }
                // As if the answer had been lost: it may be given out once only.
                Err(error) => {
                    Ruling::unknown(format!("the service gave it out, but it could not be kept: {error}"))
                }
            };
        }
        self.keep(&rulings);
        if let (Some(base), Some((_, Ruling { object: Some(object), .. }))) =
            (subject.base.first(), rulings.first())
        {
            self.fresh.left(base.id.as_str(), object.clone());
        }
        let parent = answer.json().and_then(|object| object.get("id")?.as_str());
        match parent {
            Some(parent) if !missing.is_empty() => {
                let why = Wish::Missing { parent: parent.to_owned(), rulings, missing };
                self.look_up(Reading::List(subject.kind), Waiter { operation, why }, now);
            }
            _ => {
                let error =
                    "it was sent with its parent, which was applied, but the service did not return it";
                rulings.extend(missing.into_iter().map(|change| (change, Ruling::unknown(error))));
                self.end(operation, rulings, now);
            }
        }
    }

    pub(super) fn rejected(&mut self, operation: usize, call: &Call, rejection: Rejection, now: Now) {
        let subject = self.subject(operation);
        self.watch_brake(operation, Some(&rejection));
        if is_delete(&subject) && rejection.gone == Some(Gone::Target) {
            self.tasks[operation].lost = None;
            self.fresh.applied(&subject, call.method());
            self.end_all(operation, &Ruling::succeeded(None).noted("already gone"), now);
            return;
        }
        self.tasks[operation].refusal = Some(Box::new(rejection.clone()));
        let task = &mut self.tasks[operation];
        match (effect::row(&subject), Reading::of(&subject)) {
            (LostAnswer::Read(_) | LostAnswer::Settle, Some(what)) if task.losses > 0 => {
                // An attempt that was lost may be what it is refused for now.
                let lost = task.lost.take().unwrap_or_else(|| ruling::lost("an earlier answer was lost"));
                task.lost = Some(format!("{lost}; then {}", refusal::summary(&rejection)));
                self.settle(operation, what, now);
            }
            _ if let Some(lost) = &task.lost => {
                let error = format!("{lost}; then {}", refusal::summary(&rejection));
                self.end_all(operation, &Ruling::unknown(error), now);
            }
            _ if call.endpoint.creates() && subject.carries.len() > 1 => {
                // It may have been applied in part: the list says. The answer has come, so that nothing of it is still on its
                // way: what the list shows need not wait for the settle time.
                let waiter = Waiter { operation, why: Wish::Leftovers(rejection) };
                self.look_up(Reading::List(subject.kind), waiter, now);
            }
            _ => self.refused(operation, &rejection, now),
        }
    }

    /// A refused call of which nothing was applied, or nothing can be left behind.
    pub(super) fn refused(&mut self, operation: usize, rejection: &Rejection, now: Now) {
        let subject = self.subject(operation);
        let Some(call) = self.tasks[operation].call.clone() else { return };
        let with_passengers = call.endpoint.creates() && subject.carries.len() > 1;
        if with_passengers {
            return self.nothing_left(operation, &subject, &call, rejection, now);
        }
        if effect::lost_answer(call.endpoint) != LostAnswer::Resend
            || !self.again_without(operation, rejection, now)
        {
            let rulings = refusal::refused(&self.plan, &subject, rejection);
            self.end(operation, rulings, now);
        }
    }

    /// A mutating call whose outcome is not known.
    fn lost(&mut self, operation: usize, why: &Why, now: Now, out: &mut Outs) {
        let subject = self.subject(operation);
        let error = ruling::lost(&ruling::words(why));
        let resent = self.tasks[operation].lost.replace(error.clone()).is_some();
        match (effect::row(&subject), Reading::of(&subject)) {
            (LostAnswer::Read(_) | LostAnswer::Settle, Some(what)) => self.settle(operation, what, now),
            (LostAnswer::Resend, _) => self.resend(operation, error, now, out),
            (LostAnswer::ResendOnce, _) if !resent => self.resend(operation, error, now, out),
            (LostAnswer::ResendOnce | LostAnswer::Never | LostAnswer::Settle | LostAnswer::Read(_), _) => {
                self.end_all(operation, &Ruling::unknown(error), now);
            }
        }
    }

    /// Notes what follows from an attempt whatever it means for its operation: until when a lost one may come late, and what
    /// the end of the run has to look at once more.
    fn note_sending(&mut self, operation: usize, call: &Call, attempt: &Attempt) {
        let lost = matches!(attempt.outcome, Outcome::Indeterminate(_)) && call.mutates();
        if lost {
            let task = &mut self.tasks[operation];
            task.losses += 1;
            task.looked_for = false;
            task.settled_at = Some(attempt.ended_at + self.options.settle);
        }
        let subject = self.subject(operation);
        self.note_create(operation, &subject, &attempt.outcome, attempt.ended_at);
    }

    fn resend(&mut self, operation: usize, lost: String, now: Now, out: &mut Outs) {
        self.again(Job::Operation(operation), Cause::Failure, None, now, out, |_| Ruling::unknown(lost));
    }

    /// Tries a job again later, if the budget allows; else an operation ends with `spent`, told its attempts, and a reading
    /// says nothing.
    pub(super) fn again(
        &mut self,
        job: Job,
        cause: Cause,
        server: Option<Duration>,
        now: Now,
        out: &mut Outs,
        spent: impl FnOnce(u32) -> Ruling,
    ) {
        let attempts = match &job {
            Job::Operation(operation) => {
                self.tasks[*operation].sent.attempts - self.tasks[*operation].earlier
            }
            Job::Page(page) => page.attempts,
        };
        match &job {
            // Whatever was tried came to nothing, and is not tried again.
            Job::Operation(operation) if self.is_held(*operation) => {
                return self.again_unless_held(*operation, now);
            }
            Job::Page(page) if self.sends_nothing() => {
                return self.end_look_up(page.what, &spent(attempts), now, out);
            }
            Job::Operation(_) | Job::Page(_) => {}
        }
        if let Some(wait) = self.budget.again(cause, attempts, server, &mut self.random) {
            return self.back_off(job, now.mono + wait, out);
        }
        match job {
            Job::Operation(operation) => self.end_all(operation, &spent(attempts), now),
            Job::Page(page) => self.end_look_up(page.what, &spent(attempts), now, out),
        }
    }

    /// Lets an operation start again that has not been applied; if nothing of it is to be sent any more, it has ended.
    fn again_unless_held(&mut self, operation: usize, now: Now) {
        if !self.is_held(operation) {
            self.graph.put_back(operation);
        } else if !self.is_back(operation) {
            let ruling = self.held(operation);
            self.end_all(operation, &ruling, now);
        }
        // What takes something back is left as it is: the run goes on with it when it is taken up again.
    }

    /// Lets a job go on at a moment.
    pub(super) fn back_off(&mut self, job: Job, until: Mono, out: &mut Outs) {
        let timer = TimerId(self.number());
        self.backing_off.insert(timer, job);
        out.push(Output::Wake(timer, until));
    }

    /// Shows the brake an answer.
    fn watch_brake(&mut self, operation: usize, refusal: Option<&Rejection>) {
        if self.is_back(operation) {
            return;
        }
        let subject = self.subject(operation);
        let Some(principal) = subject.carries.first() else { return };
        if self.brake.answered(&subject, &self.plan.changes[principal.change], refusal) {
            self.stopping.push(subject.kind);
        }
    }
}

pub(super) fn status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Applied(answer) => Some(answer.status),
        Outcome::Rejected(rejection) => Some(rejection.status),
        Outcome::Throttled(_) => Some(429),
        Outcome::Unauthorized => Some(401),
        Outcome::NotSent(Why { status, .. }) | Outcome::Indeterminate(Why { status, .. }) => *status,
    }
}
