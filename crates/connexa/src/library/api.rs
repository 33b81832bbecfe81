//! Single calls, typed.

use super::{Tenant, each::Marks};
use crate::session::{
    calling::{CallError, Retries},
    pacing::Pacing,
    seed,
};
use connexa_client::TypedCall;
use std::{fmt, sync::Arc};

/// Makes typed calls under the quota of a tenant, and sends again what may be sent again: calls that were not sent or
/// throttled, and reads that were not answered well. A change is never sent twice.
#[derive(Clone)]
pub struct Api {
    tenant: Tenant,
    pacing: Arc<Pacing>,
    retries: Arc<Retries>,
    /// What befalls the calls of one item of [`Batch::for_each`](crate::Batch::for_each).
    marks: Option<Arc<Marks>>,
}

impl Api {
    /// With a retry budget of its own.
    pub(super) fn of(tenant: &Tenant) -> Self {
        let pacing = Pacing::new(tenant.session(), tenant.batches(), None);
        Self::new(tenant, pacing)
    }

    pub(super) fn new(tenant: &Tenant, pacing: Pacing) -> Self {
        Self {
            tenant: tenant.clone(),
            pacing: Arc::new(pacing),
            retries: Arc::new(Retries::new(seed())),
            marks: None,
        }
    }

    /// The same, for one item.
    pub(super) fn marking(&self, marks: Arc<Marks>) -> Self {
        Self { marks: Some(marks), ..self.clone() }
    }

    /// The tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Makes a call of [`crate::api`] and reads its answer.
    ///
    /// # Errors
    /// What the service refused, or what is not known. After [`CallError::Indeterminate`] and [`CallError::Unreadable`] a
    /// change may have been carried out.
    pub async fn call<T>(&self, call: &TypedCall<T>) -> Result<T, CallError> {
        let session = self.tenant.session();
        let made = session.call(&call.call, &call.secrets, &*self.pacing, &self.retries).await;
        if let Some(marks) = &self.marks {
            marks.note(call.call.endpoint, made.as_ref().err());
        }
        let (answer, product) = made?;
        Ok(call.decode(&answer, product.as_ref())?)
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
