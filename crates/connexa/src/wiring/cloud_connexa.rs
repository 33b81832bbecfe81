//! The client as the engine's provider.

use connexa_client::Client;
use connexa_engine::ports::Provider;
use connexa_types::{Attempt, Call, SecretValues, TenantId};
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
        Box::pin(self.0.attempt(call, secrets, limit))
    }
}
