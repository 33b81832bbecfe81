//! An emulator and its store as one value that many tasks can use, with the rule of durability kept.
//!
//! The rule: nothing that a request changed, and nothing that it saw, is told before it is on disk. So an answer waits
//! until the store has committed everything that was queued when the answer was made; a read that comes right behind a
//! write waits for that write as well, or it might show an object that a crash then takes away.
//!
//! A thread of its own writes: it takes all that is queued at once into one commit, so that many waiting requests share
//! one sync of the disk.

use crate::{
    Config, Delivery, Emulator, StateChange, What,
    clock::Clock,
    store::{Store, StoreError},
};
use bytes::Bytes;
use connexa_types::Now;
use http::Request;
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::{Notify, watch};

/// An emulator that several tasks share, with or without a store.
#[derive(Debug)]
pub struct Embedded {
    shared: Mutex<Shared>,
    /// Told after each request, since it may have made something due.
    handled: Notify,
    durable: watch::Receiver<Durable>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    emulator: Emulator,
    /// To the writer; `None` without a store. Unbounded, since each request in flight queues at most one batch.
    queue: Option<mpsc::Sender<Batch>>,
    /// Number of the last batch queued.
    queued: u64,
}

/// The changes of one request.
struct Batch {
    number: u64,
    changes: Vec<StateChange>,
}

/// How far the store has come.
#[derive(Clone, Debug)]
enum Durable {
    /// Everything up to this batch is on disk.
    UpTo(u64),
    /// The store has failed; nothing after the last `UpTo` will ever be on disk.
    Failed(Arc<StoreError>),
}

impl Embedded {
    /// Wraps an emulator that lives in memory only.
    pub fn in_memory(emulator: Emulator) -> Self {
        let (_, durable) = watch::channel(Durable::UpTo(0));
        let shared = Mutex::new(Shared { emulator, queue: None, queued: 0 });
        Self { shared, handled: Notify::new(), durable, writer: None }
    }

    /// Opens the tenant kept at `path`, made there if there is none.
    ///
    /// Reads and writes the file and starts a thread, so it blocks for a moment; [`StoreError::InUse`] comes at once.
    pub fn open(path: &Path, config: Config, now: Now) -> Result<Self, StoreError> {
        let mut store = Store::open(path)?;
        let kept = store.load()?;
        let mut emulator = Emulator::restore(config, now, kept)
            .map_err(|source| StoreError::Content { path: path.to_owned(), source })?;
        // What a fresh tenant starts with is kept before the first request.
        store.commit(&emulator.take_changes())?;

        let (queue, batches) = mpsc::channel();
        let (told, durable) = watch::channel(Durable::UpTo(0));
        let writer = std::thread::Builder::new()
            .name("emulator-store".to_owned())
            .spawn(move || write_batches(store, &batches, &told))
            .map_err(|source| StoreError::Thread { source })?;
        let shared = Mutex::new(Shared { emulator, queue: Some(queue), queued: 0 });
        Ok(Self { shared, handled: Notify::new(), durable, writer: Some(writer) })
    }

    /// Handles a request; the delivery is given out when all that it rests on is on disk.
    ///
    /// If the store has failed the answer is a reset: the change may be lost, and nobody may be told otherwise; see
    /// [`failed`](Self::failed). Dropping the future takes nothing back.
    pub async fn handle(&self, now: Now, request: Request<Bytes>) -> Delivery {
        let (delivery, number) = {
            let mut shared = self.lock();
            let delivery = shared.emulator.handle(now, request);
            (delivery, shared.queue_changes())
        };
        self.handled.notify_one();
        let mut durable = self.durable.clone();
        let reached = durable.wait_for(|d| match d {
            Durable::UpTo(done) => *done >= number,
            Durable::Failed(_) => true,
        });
        match reached.await.as_deref() {
            Ok(Durable::UpTo(_)) => delivery,
            // Without a store nothing is ever queued, and the first look at the channel succeeds.
            Ok(Durable::Failed(_)) | Err(_) => Delivery { after: Duration::ZERO, what: What::Reset },
        }
    }

    /// Advances the emulator whenever something is due. Never returns; dropping the future stops it.
    pub async fn drive(&self, clock: &Clock) {
        loop {
            let due = self.lock().emulator.next_due();
            let Some(due) = due else {
                self.handled.notified().await;
                continue;
            };
            let now = clock();
            let wait = due.saturating_since(now.mono);
            if wait.is_zero() {
                {
                    let mut shared = self.lock();
                    shared.emulator.advance(now);
                    shared.queue_changes();
                }
                // Whatever is due again at once must not keep others from running.
                tokio::task::yield_now().await;
            } else {
                let _ = tokio::time::timeout(wait, self.handled.notified()).await;
            }
        }
    }

    /// Waits until the store has failed, and says why. Never returns otherwise.
    pub async fn failed(&self) -> Arc<StoreError> {
        let mut durable = self.durable.clone();
        let failure = durable.wait_for(|d| matches!(d, Durable::Failed(_))).await;
        if let Ok(Durable::Failed(why)) = failure.as_deref() {
            return Arc::clone(why);
        }
        std::future::pending().await
    }

    /// Looks at the emulator, or has its hooks do something; what this changes is kept like the changes of a request.
    pub fn with<T>(&self, look: impl FnOnce(&mut Emulator) -> T) -> T {
        let mut shared = self.lock();
        let seen = look(&mut shared.emulator);
        shared.queue_changes();
        drop(shared);
        self.handled.notify_one();
        seen
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic in one request is a bug, and no reason to refuse all others.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Embedded {
    /// Waits for what is queued to be written and the file to be closed, so that it can be opened again at once.
    fn drop(&mut self) {
        self.lock().queue = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been seen as a failed store by all who waited.
            let _ = writer.join();
        }
    }
}

impl Shared {
    /// Queues what the last request changed; returns the number of the batch to wait for.
    ///
    /// Called with the lock held, so that batches are queued in the order in which the requests took effect.
    fn queue_changes(&mut self) -> u64 {
        let changes = self.emulator.take_changes();
        let Some(queue) = &self.queue else { return 0 };
        if !changes.is_empty() {
            self.queued += 1;
            // Fails only when the writer has gone, which those who wait learn from its channel.
            let _ = queue.send(Batch { number: self.queued, changes });
        }
        self.queued
    }
}

/// The writer's loop: one commit for all that is queued, until the last sender is gone or the store fails.
fn write_batches(mut store: Store, batches: &mpsc::Receiver<Batch>, told: &watch::Sender<Durable>) {
    while let Ok(Batch { mut number, mut changes }) = batches.recv() {
        for batch in batches.try_iter() {
            number = batch.number;
            changes.extend(batch.changes);
        }
        let outcome = match store.commit(&changes) {
            Ok(()) => Durable::UpTo(number),
            Err(error) => Durable::Failed(Arc::new(error)),
        };
        let failed = matches!(outcome, Durable::Failed(_));
        told.send_replace(outcome);
        if failed {
            return;
        }
    }
}
