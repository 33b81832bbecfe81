//! Ports through which nothing goes out: for runs that only come to an end in their journal.

use super::clock::TokioClock;
use connexa_engine::{
    drive::Ports,
    machine::{AttemptId, Permit},
    ports::{FixedAnswer, NoDelivery, Pacer, Provider, SecretMissing, Secrets},
};
use connexa_types::{
    Attempt, Call, Class, Mono, Outcome, Reason, SealingKey, SecretHash, SecretRef, SecretValue,
    SecretValues, TenantId, Why,
};
use futures_util::future::{self, BoxFuture};
use std::{sync::Arc, time::Duration};

/// A tenant that no call reaches.
pub(crate) struct Nothing {
    tenant: TenantId,
}

impl Nothing {
    /// In the place of this tenant.
    pub(crate) const fn new(tenant: TenantId) -> Self {
        Self { tenant }
    }

    /// The ports.
    pub(crate) fn ports<'a>(&'a self, clock: &'a TokioClock) -> Ports<'a> {
        Ports {
            provider: self,
            recording: None,
            clock,
            secrets: self,
            pacer: self,
            deliver: &NoDelivery,
            confirm: &FixedAnswer(false),
        }
    }
}

impl Provider for Nothing {
    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn attempt<'a>(&'a self, _: &'a Call, _: &'a SecretValues, _: Duration) -> BoxFuture<'a, Attempt> {
        let outcome = Outcome::NotSent(Why::new(Reason::Cancelled, "nothing is sent here"));
        let (at, nothing) = (Mono::ZERO, 0);
        Box::pin(future::ready(Attempt {
            outcome,
            quota: None,
            wire_calls: nothing,
            token_calls: nothing,
            sent_at: at,
            ended_at: at,
            product: None,
        }))
    }
}

impl Pacer for Nothing {
    fn acquire(&self, attempt: AttemptId, class: Class, _: bool) -> BoxFuture<'static, Permit> {
        Box::pin(future::ready(Permit { attempt, class, until: Mono::FAR }))
    }

    fn release(&self, _: Permit) {}

    fn observe(&self, _: Permit, _: &Attempt) {}
}

impl Secrets for Nothing {
    fn resolve<'a>(&'a self, _: &'a SecretRef) -> BoxFuture<'a, Result<Arc<SecretValue>, SecretMissing>> {
        Box::pin(future::ready(Err(SecretMissing { why: "nothing is sent here".to_owned() })))
    }

    fn seal(&self, field: &str, value: &str) -> SecretHash {
        // Nothing is compared with it.
        SealingKey::new([0; 32]).seal(field, value)
    }
}
