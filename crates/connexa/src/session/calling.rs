//! One call, paced, and sent again where that is safe.

use super::Session;
use connexa_client::DecodeError;
use connexa_engine::{
    machine::AttemptId,
    ports::{Pacer, Provider as _},
    retry::{Cause, RetryBudget, RetryPolicy},
};
use connexa_types::{Answer, Call, Class, Outcome, Reason, Rejection, SecretValue, SecretValues, Why};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long one attempt may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Why a call came to nothing, or to nothing that is known.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The service refused it: a 4xx. It was not carried out.
    #[error("the service refused it ({status}{})", words(.0), status = .0.status)]
    Rejected(Rejection),
    /// The service refused the credentials. It was not carried out.
    #[error("the service refused the credentials")]
    Unauthorized,
    /// Every attempt was answered by 429. It was not carried out.
    #[error("it was throttled too often")]
    Throttled,
    /// No attempt reached the service. It was not carried out.
    #[error("it could not be sent: {}", .0.detail)]
    NotSent(Why),
    /// A read was not answered well.
    #[error("it was not answered well: {}", .0.detail)]
    Unanswered(Why),
    /// A change was sent, and whether it was carried out is not known. It is never sent again.
    #[error("whether it was carried out is not known: {}", .0.detail)]
    Indeterminate(Why),
    /// It was carried out, but the answer is none that this version can read.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
}

/// The service's own words.
fn words(rejection: &Rejection) -> String {
    let details = rejection.error.iter().flat_map(|error| &error.error_details);
    let words: Vec<String> = details
        .flat_map(|(field, details)| {
            details.iter().filter_map(move |detail| {
                detail.message.as_ref().map(|message| format!("{field}: {message}"))
            })
        })
        .collect();
    let message = rejection.error.as_ref().and_then(|error| error.error_message.clone());
    match (words.is_empty(), message) {
        (false, _) => format!(": {}", words.join("; ")),
        (true, Some(message)) => format!(": {message}"),
        (true, None) => String::new(),
    }
}

/// What calls that belong together may spend on being sent again, and their numbers.
pub(crate) struct Retries {
    budget: Mutex<(RetryBudget, fastrand::Rng)>,
    attempts: AtomicU64,
}

impl Retries {
    /// A full budget.
    pub(crate) fn new(seed: u64) -> Self {
        let budget = RetryBudget::new(RetryPolicy::default());
        Self { budget: Mutex::new((budget, fastrand::Rng::with_seed(seed))), attempts: AtomicU64::new(0) }
    }

    fn again(&self, cause: Cause, attempts: u32, server: Option<Duration>) -> Option<Duration> {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let (budget, random) = &mut *budget;
        budget.again(cause, attempts, server, random)
    }

    fn succeeded(&self) {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).0.succeeded();
    }
}

impl Session {
    /// Makes one call, with the secrets of its body. What was not sent, was throttled, or only reads is sent again within
    /// the budget; a change of which nobody can tell is not.
    pub(crate) async fn call(
        &self,
        call: &Call,
        secrets: &SecretValues,
        pacer: &dyn Pacer,
        retries: &Retries,
    ) -> Result<(Answer, Option<SecretValue>), CallError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let id = AttemptId(retries.attempts.fetch_add(1, Ordering::Relaxed) + 1);
            let permit = pacer.acquire(id, call.class(), false).await;
            let made = self.provider.attempt(call, secrets, LIMIT).await;
            pacer.observe(permit, &made);
            let (cause, server, error) = match made.outcome {
                Outcome::Applied(answer) => {
                    retries.succeeded();
                    return Ok((answer, made.product));
                }
                Outcome::Rejected(rejection) => return Err(CallError::Rejected(rejection)),
                Outcome::Unauthorized => return Err(CallError::Unauthorized),
                Outcome::NotSent(why) if why.reason == Reason::Unbuildable => {
                    return Err(CallError::NotSent(why));
                }
                Outcome::Indeterminate(why) if call.class() == Class::Update => {
                    return Err(CallError::Indeterminate(why));
                }
                Outcome::Throttled(server) => (Cause::Throttled, server, CallError::Throttled),
                Outcome::NotSent(why) => (Cause::Failure, None, CallError::NotSent(why)),
                Outcome::Indeterminate(why) => (Cause::Failure, None, CallError::Unanswered(why)),
            };
            match retries.again(cause, attempts, server) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    /// Makes one call of class read that the engine has no list for.
    pub(crate) async fn fetch(&self, call: &Call) -> Result<Answer, CallError> {
        let retries = Retries::new(super::seed());
        let made = self.call(call, &SecretValues::none(), &*self.pacer, &retries).await;
        made.map(|(answer, _)| answer)
    }
}
