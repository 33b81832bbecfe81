//! Raw calls in the journal: a run of one call that no plan was made for.
//!
//! Bodies are not recorded, neither that of the call nor that of the answer: nobody knows what secrets they hold. So such a
//! run cannot be settled, continued or undone; one that broke off is closed as *unknown*.

use super::{
    history::{self, RAW, blank},
    running::{Place, TakeUpError},
};
use connexa_client::RawCall;
use connexa_engine::{
    machine::{AttemptId, JournalFailure, Seq},
    plan::{Action, Base, Change, Cost, OperationId, Plan},
    ports::{Claim, ClaimError, Journal, Lease},
    record::{Purpose, Record, RunHead, RunId, RunTimings},
    report::{ErrorType, ReportedChange, RunOutcome, Verdict},
    run::RunOptions,
    sorted_map::SortedMap,
};
use connexa_types::{Answer, AnswerBody, Attempt, Call, Outcome, Rejection, TenantId, Timestamp};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The kind under which a raw call stands in a report.
const KIND: &str = "api_call";

/// A raw call that is recorded as begun.
pub(crate) struct Begun<'a> {
    journal: &'a dyn Journal,
    lease: Lease,
    change: ReportedChange,
    /// Whether the journal has an intent of it.
    intended: bool,
}

/// Records that a call is about to be sent; it may be, once this is done.
pub(crate) async fn begin<'a>(
    id: &RunId,
    call: &RawCall,
    tenant: &TenantId,
    place: Place<'a>,
    now: Timestamp,
) -> Result<Begun<'a>, ClaimError> {
    // What stands in a query may be a secret.
    let path = call.target().split('?').next().unwrap_or_default();
    let plan = plan(call.method(), path, tenant);
    let claim = Claim {
        run: id.clone(),
        tenant: tenant.clone(),
        command: RAW.to_owned(),
        started: now,
        keys: Vec::new(),
        plan: Some(Arc::new(plan)),
        take_over: place.take_over,
        actor: place.actor.clone(),
    };
    let lease = place.journal.claim(claim).await?;
    let mut change = blank(KIND, format!("{} {path}", call.method()), Action::Do);
    change.verb = Some(call.method().to_owned());
    let mut records = vec![Record::RunStarted {
        run: id.clone(),
        tenant: tenant.clone(),
        command: RAW.to_owned(),
        fingerprint: String::new(),
        options: Box::new(RunOptions::default()),
        seed: 0,
        changes: 1,
        operations: 1,
        at: now,
    }];
    if let Some(endpoint) = call.endpoint() {
        records.push(Record::AttemptStarted {
            attempt: AttemptId(1),
            purpose: Purpose::Operation(OperationId(RAW.to_owned())),
            number: 1,
            call: Call::new(endpoint),
            waited: Duration::ZERO,
            at: now,
            send_by: Timestamp::MAX,
        });
    }
    let begun = Begun { journal: place.journal, lease, change, intended: call.endpoint().is_some() };
    if let Err(failure) = place.journal.append(&begun.lease, records).await {
        let _ = place.journal.release(begun.lease).await;
        return Err(failure.into());
    }
    Ok(begun)
}

impl Begun<'_> {
    /// Records what came of it; without an attempt nobody knows, unless it was never sent.
    pub(crate) async fn end(
        mut self,
        attempt: Option<&Attempt>,
        never_sent: bool,
        now: Timestamp,
    ) -> Result<(), JournalFailure> {
        let (verdict, error) = match attempt.map(|attempt| &attempt.outcome) {
            Some(Outcome::Applied(_)) => (Verdict::Succeeded, None),
            Some(Outcome::Rejected(_)) => (Verdict::Failed, Some(ErrorType::Rejected)),
            Some(Outcome::Throttled(_)) => (Verdict::Failed, Some(ErrorType::RateLimited)),
            Some(Outcome::NotSent(_)) => (Verdict::Failed, Some(ErrorType::NetworkError)),
            Some(Outcome::Unauthorized) => (Verdict::Failed, Some(ErrorType::Unauthorized)),
            None if never_sent => (Verdict::Unprocessed, None),
            Some(Outcome::Indeterminate(_)) | None => (Verdict::Unknown, Some(ErrorType::Indeterminate)),
        };
        self.change.error_type = error;
        self.change.error = error.map(|_| match verdict {
            Verdict::Failed => "the call was not carried out".to_owned(),
            _ => "it is not known whether the call was carried out".to_owned(),
        });
        let mut records = Vec::new();
        if let (Some(attempt), true) = (attempt, self.intended) {
            self.change.attempts = Some(1);
            let outcome = without_body(&attempt.outcome);
            self.change.status = status(&outcome);
            records.push(Record::AttemptEnded {
                attempt: AttemptId(1),
                outcome,
                quota: attempt.quota,
                wire_calls: attempt.wire_calls,
                token_calls: attempt.token_calls,
                took: attempt.ended_at.saturating_since(attempt.sent_at),
                at: now,
            });
        }
        let outcome = match verdict {
            Verdict::Succeeded => RunOutcome::Complete,
            Verdict::Failed => RunOutcome::Partial,
            Verdict::Unprocessed => RunOutcome::Stopped,
            _ => RunOutcome::Stuck,
        };
        records.extend(closing(verdict, self.change, outcome, now));
        let recorded = self.journal.append(&self.lease, records).await.map(drop);
        let released = self.journal.release(self.lease).await;
        recorded.and(released)
    }
}

/// Closes a raw call whose process ended before its answer came: what came of it stays unknown.
pub(crate) async fn give_up(head: &RunHead, plan: &Plan, place: Place<'_>) -> Result<(), TakeUpError> {
    let claim = Claim {
        run: head.id.clone(),
        tenant: head.tenant.clone(),
        command: head.command.clone(),
        started: head.started,
        keys: Vec::new(),
        plan: None,
        take_over: place.take_over,
        actor: place.actor.clone(),
    };
    let lease = place.journal.claim(claim).await?;
    let records = history::records(place.journal, &head.id, Seq(1)).await;
    let open = match &records {
        Ok(records) => !matches!(records.last().map(|last| &last.record), Some(Record::RunFinished { .. })),
        Err(_) => false,
    };
    let closed = if open {
        let (_, mut change) = history::planned(plan, 0);
        change.error = Some("the program ended before an answer came".to_owned());
        change.error_type = Some(ErrorType::Indeterminate);
        let records = closing(Verdict::Unknown, change, RunOutcome::Stuck, Timestamp::now());
        place.journal.append(&lease, records).await.map(drop)
    } else {
        Ok(())
    };
    let released = place.journal.release(lease).await;
    records?;
    closed.and(released).map_err(|failure| ClaimError::from(failure).into())
}

fn closing(verdict: Verdict, change: ReportedChange, outcome: RunOutcome, at: Timestamp) -> Vec<Record> {
    vec![
        Record::ChangeEnded { change: 0, verdict, report: Box::new(change), at },
        Record::RunFinished { outcome, timings: RunTimings::default(), at },
    ]
}

/// The outcome without what the service said.
fn without_body(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Applied(answer) => Outcome::Applied(Answer {
            status: answer.status,
            body: AnswerBody::Empty,
            sealed: BTreeMap::new(),
        }),
        Outcome::Rejected(rejection) => Outcome::Rejected(Rejection {
            status: rejection.status,
            gone: None,
            error: None,
            text: String::new(),
        }),
        other => other.clone(),
    }
}

fn status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Applied(answer) => Some(answer.status),
        Outcome::Rejected(rejection) => Some(rejection.status),
        Outcome::Throttled(_) => Some(429),
        Outcome::Unauthorized => Some(401),
        Outcome::NotSent(_) => None,
        Outcome::Indeterminate(why) => why.status,
    }
}

/// What stands for the plan of a raw call.
fn plan(method: &str, path: &str, tenant: &TenantId) -> Plan {
    Plan {
        format: Plan::FORMAT,
        tenant: tenant.clone(),
        command: RAW.to_owned(),
        base: Base::default(),
        changes: vec![Change {
            kind: KIND.to_owned(),
            key: format!("{method} {path}"),
            action: Action::Do,
            verb: Some(method.to_owned()),
            unit: None,
            id: None,
            fields: SortedMap::default(),
            irreversible: Some("nobody knows what takes a raw call back".to_owned()),
            notice: None,
            source: None,
            item: None,
            object: None,
            note: None,
            parent: None,
            preset: None,
        }],
        operations: Vec::new(),
        barriers: Vec::new(),
        cost: Cost { update: 1, one_per_object: 1, ..Cost::default() },
        warnings: Vec::new(),
        problems: Vec::new(),
        referrers: Vec::new(),
        fingerprint: String::new(),
        delivery: None,
    }
}
