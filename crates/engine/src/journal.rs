//! A journal in memory: for runs that need not outlive their process, and for tests.

use crate::{
    machine::{JournalFailure, Seq},
    plan::Plan,
    ports::{Claim, ClaimError, Journal, Lease, ReadJournalError},
    record::{Record, RunHead, RunId, Standing, Stored},
    report::RunOutcome,
};
use connexa_types::{TenantId, Timestamp};
use event_listener::Event;
use futures_util::future::{self, BoxFuture, FutureExt as _};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Decides when, and whether, appended records become durable. Called when they are queued, with the number of the first.
pub type Durability = dyn Fn(Seq, &[Record]) -> BoxFuture<'static, Result<(), JournalFailure>> + Send + Sync;

/// A journal in memory.
///
/// It keeps the promises of the port: records become durable in the order in which they were queued, and after one
/// failure a run takes nothing more.
#[derive(Clone, Default)]
pub struct MemoryJournal {
    runs: Arc<Mutex<BTreeMap<RunId, Entry>>>,
    durability: Option<Arc<Durability>>,
}

/// One run.
struct Entry {
    tenant: TenantId,
    command: String,
    started: Timestamp,
    plan: Option<Arc<Plan>>,
    abandoned: bool,
    /// Whether somebody has asked for it to be stopped since it was claimed.
    stop: bool,
    /// What it has claimed; `None` once released.
    keys: Option<BTreeSet<String>>,
    epoch: u64,
    /// Records queued and not yet durable may stand behind `durable`.
    records: Vec<Record>,
    durable: u64,
    failed: Option<JournalFailure>,
    /// Wakes appends whose turn may have come.
    moved: Arc<Event>,
}

impl fmt::Debug for MemoryJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryJournal").finish_non_exhaustive()
    }
}

impl MemoryJournal {
    /// An empty journal in which records are durable at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty journal whose records become durable when `durability` says so, in order all the same.
    #[must_use]
    pub fn with_durability(
        durability: impl Fn(Seq, &[Record]) -> BoxFuture<'static, Result<(), JournalFailure>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { durability: Some(Arc::new(durability)), ..Self::default() }
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, Entry>> {
        // Nothing below leaves an entry half-changed, so a poisoned lock still guards sound data.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all records before `first` are durable, then makes those up to `last` durable too.
    async fn settle(
        self,
        run: RunId,
        first: u64,
        last: u64,
        written: BoxFuture<'static, Result<(), JournalFailure>>,
    ) -> Result<Seq, JournalFailure> {
        let written = written.await;
        loop {
            let turn = {
                let mut runs = self.runs();
                let Some(entry) = runs.get_mut(&run) else { return Err(JournalFailure::Fenced) };
                if let Some(failure) = &entry.failed {
                    return Err(failure.clone());
                }
                if entry.durable + 1 == first {
                    let outcome = match written {
                        Ok(()) => {
                            entry.durable = last;
                            Ok(Seq(last))
                        }
                        Err(failure) => {
                            entry.failed = Some(failure.clone());
                            Err(failure)
                        }
                    };
                    entry.moved.notify(usize::MAX);
                    return outcome;
                }
                entry.moved.listen()
            };
            turn.await;
        }
    }
}

impl Journal for MemoryJournal {
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Lease, ClaimError>> {
        let mut runs = self.runs();
        let taken = runs.iter().find_map(|(run, entry)| {
            let keys = entry.keys.as_ref().filter(|_| entry.tenant == claim.tenant && *run != claim.run)?;
            let key = claim.keys.iter().find(|key| keys.contains(*key))?;
            Some(ClaimError::Taken { run: run.clone(), key: key.clone() })
        });
        let outcome = if let Some(taken) = taken {
            Err(taken)
        } else {
            let entry = runs.entry(claim.run.clone()).or_insert_with(|| Entry {
                tenant: claim.tenant,
                command: claim.command,
                started: claim.started,
                plan: claim.plan,
                abandoned: false,
                stop: false,
                keys: None,
                epoch: 0,
                records: Vec::new(),
                durable: 0,
                failed: None,
                moved: Arc::default(),
            });
            // What an earlier owner had queued and did not see durable is lost with it.
            entry.records.truncate(usize::try_from(entry.durable).unwrap_or(usize::MAX));
            entry.stop = false;
            entry.keys = Some(claim.keys.into_iter().collect());
            entry.epoch += 1;
            Ok(Lease { run: claim.run, epoch: entry.epoch })
        };
        future::ready(outcome).boxed()
    }

    fn plan<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Arc<Plan>, ReadJournalError>> {
        let plan = self.runs().get(run).and_then(|entry| entry.plan.clone());
        future::ready(plan.ok_or_else(|| ReadJournalError::NoSuchRun(run.clone()))).boxed()
    }

    fn head<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<RunHead, ReadJournalError>> {
        let head = self.runs().get(run).map(|entry| entry.head(run));
        future::ready(head.ok_or_else(|| ReadJournalError::NoSuchRun(run.clone()))).boxed()
    }

    fn ask_to_stop<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<bool, ReadJournalError>> {
        let mut runs = self.runs();
        let asked = runs.get_mut(run).map(|entry| {
            let owned = entry.keys.is_some();
            entry.stop |= owned;
            owned
        });
        future::ready(asked.ok_or_else(|| ReadJournalError::NoSuchRun(run.clone()))).boxed()
    }

    fn asked_to_stop<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool, ReadJournalError>> {
        let asked = self.runs().get(&lease.run).map(|entry| entry.stop);
        future::ready(asked.ok_or_else(|| ReadJournalError::NoSuchRun(lease.run.clone()))).boxed()
    }

    fn abandon<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<String>, ReadJournalError>> {
        let mut runs = self.runs();
        let abandoned = runs.get_mut(run).map(|entry| {
            entry.abandoned = true;
            Vec::new()
        });
        future::ready(abandoned.ok_or_else(|| ReadJournalError::NoSuchRun(run.clone()))).boxed()
    }

    fn append(&self, lease: &Lease, records: Vec<Record>) -> BoxFuture<'static, Result<Seq, JournalFailure>> {
        let mut runs = self.runs();
        let Some(entry) = runs.get_mut(&lease.run).filter(|e| e.epoch == lease.epoch && e.keys.is_some())
        else {
            return future::ready(Err(JournalFailure::Fenced)).boxed();
        };
        if let Some(failure) = &entry.failed {
            return future::ready(Err(failure.clone())).boxed();
        }
        let first = entry.records.len() as u64 + 1;
        let last = first + records.len() as u64 - 1;
        let written = self.durability.as_ref().map(|durability| durability(Seq(first), &records));
        entry.records.extend(records);
        match written {
            None => {
                entry.durable = last;
                future::ready(Ok(Seq(last))).boxed()
            }
            Some(written) => self.clone().settle(lease.run.clone(), first, last, written).boxed(),
        }
    }

    fn read<'a>(
        &'a self,
        run: &'a RunId,
        from: Seq,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>, ReadJournalError>> {
        let runs = self.runs();
        let outcome = match runs.get(run) {
            None => Err(ReadJournalError::NoSuchRun(run.clone())),
            Some(entry) => {
                let first = from.0.max(1);
                let skipped = usize::try_from(first - 1).unwrap_or(usize::MAX);
                Ok(entry
                    .durable()
                    .iter()
                    .skip(skipped)
                    .take(limit)
                    .zip(first..)
                    .map(|(record, seq)| Stored { seq: Seq(seq), record: record.clone() })
                    .collect())
            }
        };
        future::ready(outcome).boxed()
    }

    fn runs<'a>(
        &'a self,
        tenant: &'a TenantId,
        after: Option<RunId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunHead>, ReadJournalError>> {
        let runs = self.runs();
        // Ids sort by start, so the newest come first.
        let heads = runs
            .iter()
            .rev()
            .filter(|(id, entry)| entry.tenant == *tenant && after.as_ref().is_none_or(|after| *id < after))
            .take(limit)
            .map(|(id, entry)| entry.head(id))
            .collect();
        future::ready(Ok(heads)).boxed()
    }

    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<(), JournalFailure>> {
        let mut runs = self.runs();
        let outcome = match runs.get_mut(&lease.run).filter(|e| e.epoch == lease.epoch) {
            Some(entry) => {
                entry.keys = None;
                Ok(())
            }
            None => Err(JournalFailure::Fenced),
        };
        future::ready(outcome).boxed()
    }
}

impl Entry {
    fn durable(&self) -> &[Record] {
        let durable = usize::try_from(self.durable).unwrap_or(usize::MAX);
        &self.records[..durable.min(self.records.len())]
    }

    fn head(&self, id: &RunId) -> RunHead {
        let (outcome, finished) = match self.durable().last() {
            Some(Record::RunFinished { outcome, at, .. }) => (*outcome, Some(*at)),
            _ if self.keys.is_some() => (RunOutcome::Running, None),
            _ => (RunOutcome::Interrupted, None),
        };
        let known = Standing::of(self.durable());
        RunHead {
            id: id.clone(),
            command: self.command.clone(),
            tenant: self.tenant.clone(),
            outcome,
            started: self.started,
            finished,
            open: known.open(),
            counts: known.counts,
            abandoned: self.abandoned,
            tail_lost: false,
            damaged: None,
        }
    }
}
