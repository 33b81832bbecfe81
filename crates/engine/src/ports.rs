//! The ports: what the engine needs from its host, all usable as `dyn`.

use crate::machine::{AttemptId, JournalFailure, Permit, Question, Seq};
use crate::plan::Plan;
use crate::record::{Record, RunHead, RunId, Stored};
use connexa_types::{
    Attempt, Call, Class, Endpoint, Mono, Now, SecretHash, SecretRef, SecretValue, SecretValues, TenantId,
    Timestamp,
};
use futures_util::future::{self, BoxFuture};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// The tenant's API: one call, one attempt.
pub trait Provider: Send + Sync {
    /// The tenant.
    fn tenant(&self) -> &TenantId;
    /// Sends one call once. A lost answer is a value of the attempt, never a panic or an endless wait: `limit` bounds it.
    /// Dropping the future abandons the attempt, whose outcome is then not known.
    fn attempt<'a>(
        &'a self,
        call: &'a Call,
        secrets: &'a SecretValues,
        limit: Duration,
    ) -> BoxFuture<'a, Attempt>;
    /// Sends several calls as one request, each an attempt of its own: as many answers as calls, in their order. `None`,
    /// with nothing sent, if there is no such thing here; a service without it is
    /// [`Reason::NoBatches`](connexa_types::Reason) for each. Otherwise as [`Self::attempt`].
    fn attempt_many<'a>(
        &'a self,
        _calls: &'a [(Arc<Call>, SecretValues)],
        _limit: Duration,
    ) -> BoxFuture<'a, Option<Vec<Attempt>>> {
        Box::pin(future::ready(None))
    }
}

/// The journal: where runs are remembered.
pub trait Journal: Send + Sync {
    /// Takes the run, and the keys that it touches, into this process's hands.
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Lease, ClaimError>>;
    /// The plan that a run carries out.
    fn plan<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Arc<Plan>, ReadJournalError>>;
    /// One line of [`Self::runs`].
    fn head<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<RunHead, ReadJournalError>>;
    /// Asks whoever owns a run to stop it; `false` if nobody does.
    fn ask_to_stop<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<bool, ReadJournalError>>;
    /// Whether somebody has asked for the run to be stopped since it was claimed.
    fn asked_to_stop<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool, ReadJournalError>>;
    /// Marks a run as given up: it is neither continued nor settled any more. What a run whose records cannot be read had
    /// claimed is returned: of these keys nothing is known.
    fn abandon<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<String>, ReadJournalError>>;
    /// Appends records in order. They are queued when this is called; the future resolves when they are durable, with the
    /// number of the last one. Calls may overlap: later records become durable after earlier ones.
    fn append(&self, lease: &Lease, records: Vec<Record>) -> BoxFuture<'static, Result<Seq, JournalFailure>>;
    /// Reads records of a run from a number on, at most `limit`.
    fn read<'a>(
        &'a self,
        run: &'a RunId,
        from: Seq,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>, ReadJournalError>>;
    /// Lists the runs of a tenant, newest first, after a run, at most `limit`.
    fn runs<'a>(
        &'a self,
        tenant: &'a TenantId,
        after: Option<RunId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunHead>, ReadJournalError>>;
    /// Gives the run out of hand.
    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<(), JournalFailure>>;
}

/// What a run claims.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// The tenant.
    pub tenant: TenantId,
    /// The command, for `runs`.
    pub command: String,
    /// When it started.
    pub started: Timestamp,
    /// `kind/key` of what it touches.
    pub keys: Vec<String>,
    /// The plan of a new run; `None` to take up one that the journal holds.
    pub plan: Option<Arc<Plan>>,
    /// Take the run although its owner was another machine, of which nobody here can tell whether it lives.
    pub take_over: bool,
    /// Who takes it, for the audit.
    pub actor: Actor,
}

/// Who does something, for the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user of the operating system.
    pub user: String,
    /// The host.
    pub host: String,
    /// The id of the API key.
    pub key_id: String,
    /// The version of this program.
    pub version: String,
}

/// Proof of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// Counts the owners of the run.
    pub epoch: u64,
}

/// Why a claim is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Another run has a key.
    #[error("run {run} is at work on `{key}`")]
    Taken {
        /// That run.
        run: RunId,
        /// The first key that both touch.
        key: String,
    },
    /// The run is in the hands of a process that lives.
    #[error("run {run} is at work in another process ({owner})")]
    Owned {
        /// The run.
        run: RunId,
        /// Its owner, for people.
        owner: String,
    },
    /// The run belongs to another machine, of which nobody here can tell whether it is still at work.
    #[error("run {run} was started on another machine ({owner})")]
    OtherMachine {
        /// The run.
        run: RunId,
        /// Its owner, for people.
        owner: String,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadJournalError),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalFailure),
}

/// Why a journal cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadJournalError {
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// What is stored of a run is not what was written.
    #[error("the journal of run {run} is damaged at record {seq}: {why}")]
    Damaged {
        /// The run.
        run: RunId,
        /// The first record that is not as it was written.
        seq: Seq,
        /// In words.
        why: String,
    },
    /// The journal was written by a newer version.
    #[error("the journal has format {found}; this version reads up to {supported}")]
    Newer {
        /// The format found.
        found: u32,
        /// The newest one that can be read.
        supported: u32,
    },
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Io(String),
}

/// Time.
pub trait Clock: Send + Sync {
    /// Both clocks, now.
    fn now(&self) -> Now;
    /// Resolves at `at`, or at once if that has passed.
    fn sleep_until(&self, at: Mono) -> BoxFuture<'static, ()>;
}

/// Secrets.
pub trait Secrets: Send + Sync {
    /// Finds the value of a reference.
    fn resolve<'a>(
        &'a self,
        reference: &'a SecretRef,
    ) -> BoxFuture<'a, Result<Arc<SecretValue>, SecretMissing>>;
    /// Hashes a value, to compare it.
    fn seal(&self, field: &str, value: &str) -> SecretHash;
}

/// A secret that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct SecretMissing {
    /// In words, without the value: which variable is not set, which file cannot be read…
    pub why: String,
}

/// Leave to send: keeps a run within the quota of its key.
pub trait Pacer: Send + Sync {
    /// Waits for leave to send one call of a class. Dropping the future gives the place in the queue up.
    fn acquire(&self, attempt: AttemptId, class: Class, urgent: bool) -> BoxFuture<'static, Permit>;
    /// Gives a permit back unused.
    fn release(&self, permit: Permit);
    /// Takes in what the attempt of a permit came to: rate headers, a 429, how many requests went out.
    fn observe(&self, permit: Permit, attempt: &Attempt);
}

/// Where the product of a call goes: a profile, a token, a bundle.
pub trait Deliver: Send + Sync {
    /// Brings a product to where it belongs, and says in words where that is (`paris-1.ovpn`). It must be durable when
    /// the future resolves: only then the outcome of its call is recorded, and the service does not give it out again.
    fn deliver(&self, of: DeliveryLabel, product: SecretValue)
    -> BoxFuture<'_, Result<String, DeliverError>>;
}

/// What a product is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryLabel {
    /// The kind of the object that it was made for.
    pub kind: String,
    /// Its key string.
    pub key: String,
    /// Its id.
    pub id: Option<String>,
    /// The call that it came from.
    pub endpoint: Endpoint,
}

/// A product that could not be brought to its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct DeliverError {
    /// In words, without the product.
    pub why: String,
    /// Where it is all the same, if it was kept: what was to be done next has failed.
    pub kept: Option<String>,
}

impl DeliverError {
    /// It is nowhere.
    pub fn lost(why: impl Into<String>) -> Self {
        Self { why: why.into(), kept: None }
    }
}

/// For runs without products: refuses each.
#[derive(Clone, Copy, Debug)]
pub struct NoDelivery;

impl Deliver for NoDelivery {
    fn deliver(&self, _: DeliveryLabel, _: SecretValue) -> BoxFuture<'_, Result<String, DeliverError>> {
        Box::pin(future::ready(Err(DeliverError::lost("nobody takes what the call gave out"))))
    }
}

/// Who is asked in the middle of a run.
pub trait Confirm: Send + Sync {
    /// Whether to go on. Dropping the future takes the question back.
    fn confirm(&self, question: Question) -> BoxFuture<'_, bool>;
}

/// Always the same answer: nobody is there to ask (no), or all has been said beforehand (yes).
#[derive(Clone, Copy, Debug)]
pub struct FixedAnswer(pub bool);

impl Confirm for FixedAnswer {
    fn confirm(&self, _: Question) -> BoxFuture<'_, bool> {
        Box::pin(future::ready(self.0))
    }
}
