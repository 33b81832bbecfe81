//! The client as the engine's provider.

use connexa_client::Client;
use connexa_engine::ports::Provider;
use connexa_types::{Attempt, Call, Outcome, SecretValues, TenantId, Why};
use futures_util::future::BoxFuture;
use std::time::Duration;

/// CloudConnexa, one attempt at a time.
pub(crate) struct CloudConnexa(pub(crate) Client);

impl Provider for CloudConnexa {
    fn tenant(&self) -> &TenantId {
        self.0.tenant()
    }

    fn attempt<'a>(
        &'a self,
        call: &'a Call,
        secrets: &'a SecretValues,
        limit: Duration,
    ) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let attempt = self.0.attempt(call, secrets, limit).await;
            log(call, &attempt);
            attempt
        })
    }
}

/// Tells what an attempt came to; neither its path parameters nor its bodies.
fn log(call: &Call, attempt: &Attempt) {
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
    let (method, endpoint) = (call.method(), call.endpoint);
    tracing::debug!(%method, ?endpoint, outcome, remaining, milliseconds, token_calls = attempt.token_calls, "attempt");
}

fn words(why: &Why) -> String {
    if why.detail.is_empty() { format!("{:?}", why.reason) } else { why.detail.clone() }
}
