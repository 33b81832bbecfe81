//! The client as the engine's provider.

use connexa_client::{Client, RawAttempt, RawCall};
use connexa_engine::ports::Provider;
use connexa_types::{Attempt, Call, Class, Outcome, SecretValues, TenantId, Why};
use futures_util::future::BoxFuture;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// CloudConnexa, one attempt at a time, counted.
pub(crate) struct CloudConnexa {
    client: Client,
    reads: AtomicU64,
    throttled: AtomicU64,
}

impl CloudConnexa {
    /// The service behind a client.
    pub(crate) const fn new(client: Client) -> Self {
        Self { client, reads: AtomicU64::new(0), throttled: AtomicU64::new(0) }
    }

    /// Calls of class read that were sent so far.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Answers 429 so far.
    pub(crate) fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }
}

impl CloudConnexa {
    /// Makes one attempt at a raw call.
    pub(crate) async fn raw(&self, call: &RawCall, limit: Duration) -> RawAttempt {
        let made = self.client.attempt_raw(call, limit).await;
        self.count(call.class(), &made.attempt);
        // Neither path nor query: both may name what is nobody's business.
        let operation = call.endpoint().map(|endpoint| endpoint.to_string());
        tell(call.method(), operation.as_deref().unwrap_or("unknown"), &made.attempt);
        made
    }

    fn count(&self, class: Class, attempt: &Attempt) {
        if class == Class::Read {
            self.reads.fetch_add(u64::from(attempt.wire_calls), Ordering::Relaxed);
        }
        if matches!(attempt.outcome, Outcome::Throttled(_)) {
            self.throttled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Provider for CloudConnexa {
    fn tenant(&self) -> &TenantId {
        self.client.tenant()
    }

    fn attempt<'a>(
        &'a self,
        call: &'a Call,
        secrets: &'a SecretValues,
        limit: Duration,
    ) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let attempt = self.client.attempt(call, secrets, limit).await;
            self.count(call.class(), &attempt);
            tell(call.method().as_str(), &format!("{:?}", call.endpoint), &attempt);
            attempt
        })
    }

    fn attempt_many<'a>(
        &'a self,
        calls: &'a [(Arc<Call>, SecretValues)],
        limit: Duration,
    ) -> BoxFuture<'a, Option<Vec<Attempt>>> {
        Box::pin(async move {
            let attempts = self.client.attempt_many(calls, limit).await;
            tracing::debug!(calls = calls.len(), "batched request");
            for ((call, _), attempt) in calls.iter().zip(&attempts) {
                self.count(call.class(), attempt);
                tell(call.method().as_str(), &format!("{:?}", call.endpoint), attempt);
            }
            Some(attempts)
        })
    }
}

/// Tells what an attempt came to; neither its path parameters nor its bodies.
fn tell(method: &str, endpoint: &str, attempt: &Attempt) {
    let outcome = match &attempt.outcome {
        Outcome::Applied(answer) => format!("applied ({})", answer.status),
        Outcome::Rejected(rejection) => format!("rejected ({})", rejection.status),
        Outcome::Throttled(_) => "throttled".to_owned(),
        Outcome::NotSent(why) => format!("not sent: {}", words(why)),
        Outcome::Indeterminate(why) => format!("indeterminate: {}", words(why)),
        Outcome::Unauthorized => "unauthorized".to_owned(),
    };
    let milliseconds = attempt.ended_at.saturating_since(attempt.sent_at).as_millis();
    let remaining = attempt.quota.and_then(|quota| quota.remaining);
    tracing::debug!(
        method,
        endpoint,
        outcome,
        remaining,
        milliseconds,
        token_calls = attempt.token_calls,
        "attempt"
    );
}

fn words(why: &Why) -> String {
    if why.detail.is_empty() { format!("{:?}", why.reason) } else { why.detail.clone() }
}
