//! Imperative batches: the same done to many objects of a kind, each item by itself.

use super::{
    Events, PlanError, RunError, RunOptions, Stopper, Tenant,
    events::Watchers,
    items::Items,
    spec::{Hands, Plan, read_options},
};
use crate::session::planning::Make;
use connexa_engine::{
    plan::{self, Act, Mode, ProfileForm, Verb},
    ports::{Deliver, DeliverError, DeliveryLabel, NoDelivery},
    quota::Rate,
    report::Report,
    run::OnFailure,
    spec,
};
use connexa_types::{Kind, SecretValue};
use futures_util::future::{self, BoxFuture};
use serde::Serialize;
use std::sync::{Mutex, PoisonError};

/// Does the same to many objects: create, update, delete, a life-cycle action, or any work at all.
///
/// Items are taken one by one: a bad one fails, without a call, and never keeps the others from being done. They are
/// whatever serialises to a JSON object with the fields of a spec, and stay as they are. A [`Report`] has one verdict for
/// each item and each nested child; its lists are in the order of the items.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use connexa::{Batch, Kind, Limits, Tenant};
/// use serde_json::json;
///
/// let tenant = Tenant::emulator(Limits::DEFAULT)?;
/// let networks = [json!({"name": "paris", "egress": false}), json!({"name": "berlin"})];
/// let report = Batch::new(&tenant).parallel(4).create(Kind::Network, &networks).await?;
/// assert_eq!(report.lists.succeeded.len(), 2);
/// # Ok(()) }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    pub(super) tenant: Tenant,
    pub(super) options: RunOptions,
    pub(super) watchers: Watchers,
    pub(super) stopper: Stopper,
}

/// Why a batch did not begin. Nothing has been changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The API has no such call.
    #[error("`{action}` is not for {kind} objects")]
    Unsupported {
        /// The kind.
        kind: Kind,
        /// What was to be done.
        action: &'static str,
    },
    /// There is no plan for it.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It cannot be started.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// What [`Batch::profiles`] was given out.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The kind of the object that it is for.
    pub kind: Kind,
    /// The object's key, `parent/name`.
    pub key: String,
    /// The profile.
    pub text: SecretValue,
}

impl Batch {
    /// A batch with the default options: 8 calls at once, the brake on, a failure keeps nothing else from being done.
    pub fn new(tenant: &Tenant) -> Self {
        Self {
            tenant: tenant.clone(),
            options: RunOptions::default(),
            watchers: Watchers::default(),
            stopper: Stopper::new(),
        }
    }

    /// The most calls in flight at once; 1 is one after the other.
    #[must_use]
    pub fn parallel(mut self, parallel: usize) -> Self {
        self.options.parallel = parallel;
        self
    }

    /// A cap on the calls, parallel ones together, such as `"5/s".parse()?`. The quota of the key is kept in any case.
    #[must_use]
    pub fn max_rate(mut self, rate: Rate) -> Self {
        self.options.max_rate = Some(rate);
        self
    }

    /// What a failure means for the rest.
    #[must_use]
    pub fn on_failure(mut self, policy: OnFailure) -> Self {
        self.options.on_failure = policy;
        self
    }

    /// All options at once.
    #[must_use]
    pub fn options(mut self, options: RunOptions) -> Self {
        self.options = options;
        self
    }

    /// What happens in this batch from now on, whatever it is asked to do. The stream ends when the batch and its clones are
    /// dropped.
    pub fn events(&self) -> Events {
        self.watchers.add()
    }

    /// What stops this batch.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Creates objects. What is there already and is as its item says succeeds, with a note; what differs fails.
    ///
    /// # Errors
    /// A tenant that cannot be read. What is wrong with an item is in the report.
    pub async fn create<T: Serialize>(
        &self,
        kind: Kind,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Report, BatchError> {
        self.go("create", Input::items(kind, true), objects(kind, Mode::Create), items).await
    }

    /// Changes the fields that items name, of objects that they name by `id` or by key. An item that names no object fails,
    /// before any call is made for it.
    ///
    /// # Errors
    /// A kind that cannot be updated, and a tenant that cannot be read. What is wrong with an item is in the report.
    pub async fn update<T: Serialize>(
        &self,
        kind: Kind,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Report, BatchError> {
        if plan::is_domain_list(kind) {
            return Err(BatchError::Unsupported { kind, action: "update" });
        }
        self.go("update", Input::items(kind, false), objects(kind, Mode::Update), items).await
    }

    /// Deletes objects, which items name: texts, which are names or ids, or what has a name or an `id`. What is gone already
    /// succeeds, with a note.
    ///
    /// # Errors
    /// A kind that cannot be deleted, and a tenant that cannot be read.
    pub async fn delete<T: Serialize>(
        &self,
        kind: Kind,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Report, BatchError> {
        if kind == Kind::Setting {
            return Err(BatchError::Unsupported { kind, action: "delete" });
        }
        self.go("delete", Input::names(kind), objects(kind, Mode::Delete), items).await
    }

    /// Does a life-cycle action to objects, named as in [`Batch::delete`].
    ///
    /// # Errors
    /// A verb that is not for the kind (profiles are for [`Batch::profiles`]), and a tenant that cannot be read.
    pub async fn act<T: Serialize>(
        &self,
        verb: Verb,
        kind: Kind,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Report, BatchError> {
        if verb == Verb::Profile || !verb.kinds().contains(&kind) {
            return Err(BatchError::Unsupported { kind, action: verb.as_str() });
        }
        let act = Act { verb, form: ProfileForm::default(), region: None, online_within: None };
        self.go(verb.as_str(), Input::names(kind), Make::Act(act), items).await
    }

    /// Has the profiles of objects made, named as in [`Batch::delete`]; those of devices for a region.
    ///
    /// # Errors
    /// A kind without profiles, and a tenant that cannot be read.
    pub async fn profiles<T: Serialize>(
        &self,
        kind: Kind,
        form: ProfileForm,
        region: Option<&str>,
        items: impl IntoIterator<Item = T>,
    ) -> Result<(Report, Vec<Profile>), BatchError> {
        let verb = Verb::Profile;
        if !verb.kinds().contains(&kind) {
            return Err(BatchError::Unsupported { kind, action: verb.as_str() });
        }
        let make = Make::Act(Act { verb, form, region: region.map(str::to_owned), online_within: None });
        let kept = Kept { kind, profiles: Mutex::default() };
        let report = self.deliver("profile", Input::names(kind), make, items, &kept).await?;
        Ok((report, kept.profiles.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    async fn go<T: Serialize>(
        &self,
        command: &str,
        input: Input,
        make: Make,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Report, BatchError> {
        self.deliver(command, input, make, items, &NoDelivery).await
    }

    async fn deliver<T: Serialize>(
        &self,
        command: &str,
        input: Input,
        make: Make,
        items: impl IntoIterator<Item = T>,
        deliver: &dyn Deliver,
    ) -> Result<Report, BatchError> {
        let items = Items::write(items);
        let read = read_options(input.mode, false, input.creating);
        let seal = |field: &str, value: &str| self.tenant.seal(field, value);
        let reading = spec::read(std::slice::from_ref(&items.source), &read, &seal);
        let options = plan::PlanOptions::new(make.mode(), command);
        let hands =
            Hands { watchers: self.watchers.clone(), stopper: self.stopper.clone(), run: &self.options };
        let plan = Plan::make(&self.tenant, reading, &make, options, hands).await?;
        // Items are named one by one: that is what guards ask for.
        let mut report = plan.carry_out(&self.options, deliver).await?;
        items.explain(&mut report);
        Ok(report)
    }
}

/// How items are read.
struct Input {
    mode: spec::Mode,
    creating: bool,
}

impl Input {
    const fn items(kind: Kind, creating: bool) -> Self {
        Self { mode: spec::Mode::Items(kind), creating }
    }

    const fn names(kind: Kind) -> Self {
        Self { mode: spec::Mode::Names(Some(kind)), creating: false }
    }
}

fn objects(kind: Kind, mode: Mode) -> Make {
    if plan::is_domain_list(kind) { Make::Domains(mode) } else { Make::Objects(mode) }
}

/// Keeps profiles in memory.
struct Kept {
    kind: Kind,
    profiles: Mutex<Vec<Profile>>,
}

impl Deliver for Kept {
    fn deliver(
        &self,
        of: DeliveryLabel,
        product: SecretValue,
    ) -> BoxFuture<'_, Result<String, DeliverError>> {
        let profile = Profile { kind: self.kind, key: of.key, text: product };
        self.profiles.lock().unwrap_or_else(PoisonError::into_inner).push(profile);
        Box::pin(future::ready(Ok("the memory of this process".to_owned())))
    }
}
