//! An emulator and its store as one value that many tasks can use, with the rule of durability kept.
//!
//! The rule: nothing that a request changed, and nothing that it saw, is told before it is on disk. So an answer waits
//! until the store has committed everything that was queued when the answer was made; a read that comes right behind a
//! write waits for that write as well, or it might show an object that a crash then takes away.
//!
//! The line of the ledger is written at that moment too: after the disk has what it tells of, before the answer leaves.
//!
//! A thread of its own writes: it takes all that is queued at once into one commit, so that many waiting requests share
//! one sync of the disk.

use crate::{
    Config, Delivery, Emulator, StateChange, What,
    clock::Clock,
    ledger::{Entry, LedgerSink},
    statistics::Gauge,
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
    ledger: Ledger,
}

/// Where the ledger goes, if anybody wants one; shared with the thread that writes.
type Ledger = Arc<Mutex<Option<Box<dyn LedgerSink>>>>;

#[derive(Debug)]
struct Shared {
    emulator: Emulator,
    /// To the writer; `None` without a store. Unbounded, since each request in flight queues at most one batch.
    queue: Option<mpsc::Sender<Batch>>,
    /// Without a store there is no writer, and the ledger alone can fail.
    told: Option<watch::Sender<Durable>>,
    ledger: Ledger,
    /// Number of the last batch queued.
    queued: u64,
}

/// The changes of one request.
struct Batch {
    number: u64,
    changes: Vec<StateChange>,
    entries: Vec<Entry>,
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
    pub fn in_memory(mut emulator: Emulator) -> Self {
        emulator.forget_changes();
        let (told, durable) = watch::channel(Durable::UpTo(0));
        let ledger = Ledger::default();
        let shared =
            Shared { emulator, queue: None, told: Some(told), ledger: Arc::clone(&ledger), queued: 0 };
        Self { shared: Mutex::new(shared), handled: Notify::new(), durable, writer: None, ledger }
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
        Self::stored(emulator, store)
    }

    /// Wraps an emulator whose state so far is in `store`.
    fn stored(emulator: Emulator, store: Store) -> Result<Self, StoreError> {
        let (queue, batches) = mpsc::channel();
        let (told, durable) = watch::channel(Durable::UpTo(0));
        let ledger = Ledger::default();
        let writer = std::thread::Builder::new()
            .name("emulator-store".to_owned())
            .spawn({
                let ledger = Arc::clone(&ledger);
                move || write_batches(store, &batches, &told, &ledger)
            })
            .map_err(|source| StoreError::Thread { source })?;
        let shared =
            Shared { emulator, queue: Some(queue), told: None, ledger: Arc::clone(&ledger), queued: 0 };
        Ok(Self { shared: Mutex::new(shared), handled: Notify::new(), durable, writer: Some(writer), ledger })
    }

    /// Writes a line into `sink` for each request from now on, before its answer leaves. Once a line cannot be written
    /// no answer leaves any more, as when a store has failed.
    #[must_use]
    pub fn with_ledger(self, sink: impl LedgerSink + 'static) -> Self {
        self.lock().emulator.keep_ledger(sink.last_number());
        *self.ledger.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(sink));
        self
    }

    /// Counts the requests that are under way.
    pub(crate) fn gauge(&self) -> Gauge {
        self.lock().emulator.gauge.clone()
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
        let failure = match durable.wait_for(|d| matches!(d, Durable::Failed(_))).await.as_deref() {
            Ok(Durable::Failed(why)) => Some(Arc::clone(why)),
            // Without a store, or with one that was closed in order, the channel ends and nothing has failed.
            Ok(Durable::UpTo(_)) | Err(_) => None,
        };
        match failure {
            Some(why) => why,
            None => std::future::pending().await,
        }
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
        let entries = self.emulator.take_entries();
        let Some(queue) = &self.queue else {
            if let (Some(told), Err(error)) = (&self.told, write_entries(&self.ledger, &entries)) {
                told.send_replace(Durable::Failed(Arc::new(error)));
            }
            return 0;
        };
        if !changes.is_empty() || !entries.is_empty() {
            self.queued += 1;
            // Fails only when the writer has gone, which those who wait learn from its channel.
            let _ = queue.send(Batch { number: self.queued, changes, entries });
        }
        self.queued
    }
}

/// The writer's loop: one commit for all that is queued, until the last sender is gone or the store fails.
fn write_batches(
    mut store: Store,
    batches: &mpsc::Receiver<Batch>,
    told: &watch::Sender<Durable>,
    ledger: &Ledger,
) {
    while let Ok(Batch { mut number, mut changes, mut entries }) = batches.recv() {
        for batch in batches.try_iter() {
            number = batch.number;
            changes.extend(batch.changes);
            entries.extend(batch.entries);
        }
        // The ledger comes second: its lines tell only of what is kept.
        let written = store.commit(&changes).and_then(|()| write_entries(ledger, &entries));
        let outcome = match written {
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

fn write_entries(ledger: &Ledger, entries: &[Entry]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut sink = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(sink) = sink.as_mut() else { return Ok(()) };
    entries.iter().try_for_each(|entry| sink.write(entry)).map_err(|source| StoreError::Ledger { source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Limits,
        clock::system_clock,
        server::{Deadlines, ServeError, ServeOptions, ServeTransport, Server},
    };
    use std::path::PathBuf;

    fn config() -> Config {
        Config { limits: Limits::UNLIMITED, ..Config::default() }
    }

    fn now() -> Now {
        system_clock()()
    }

    async fn token(emulator: &Embedded) -> String {
        let request = Request::post("/api/v1/oauth/token?client_id=emulator&client_secret=emulator");
        let delivery = emulator.handle(now(), request.body(Bytes::new()).unwrap()).await;
        let answer: serde_json::Value =
            serde_json::from_slice(delivery.into_answer().unwrap().body()).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    fn request(token: &str, method: &str, path: &str, body: &str) -> Request<Bytes> {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        request.header("authorization", format!("Bearer {token}")).body(Bytes::from(body.to_owned())).unwrap()
    }

    fn record(number: usize) -> String {
        format!(r#"{{"domain": "h{number}.example", "ipv4Addresses": ["10.0.0.1"]}}"#)
    }

    async fn count(emulator: &Embedded) -> u64 {
        let token = token(emulator).await;
        let delivery = emulator.handle(now(), request(&token, "GET", "/dns-records", "")).await;
        let page: serde_json::Value = serde_json::from_slice(delivery.into_answer().unwrap().body()).unwrap();
        page["totalElements"].as_u64().unwrap()
    }

    /// The files of a store as a crash at this moment would leave them.
    fn crashed(path: &Path) -> PathBuf {
        let copy = path.with_extension("crashed");
        for suffix in ["", "-wal"] {
            let named = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            std::fs::copy(named(path), named(&copy)).unwrap();
        }
        copy
    }

    #[tokio::test]
    async fn what_was_answered_survives_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let emulator = Embedded::open(&path, config(), now()).unwrap();
        assert!(matches!(Embedded::open(&path, config(), now()), Err(StoreError::InUse { .. })));
        let token = token(&emulator).await;
        for number in 0..20 {
            let created =
                emulator.handle(now(), request(&token, "POST", "/dns-records", &record(number))).await;
            assert_eq!(created.into_answer().unwrap().status(), 201);
            if number % 7 == 0 {
                let copy = Embedded::open(&crashed(&path), config(), now()).unwrap();
                assert_eq!(count(&copy).await, number as u64 + 1);
            }
        }
        drop(emulator);
        assert_eq!(count(&Embedded::open(&path, config(), now()).unwrap()).await, 20);
    }

    #[tokio::test]
    async fn many_at_once_share_commits_and_all_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let emulator = Embedded::open(&path, config(), now()).unwrap();
        let token = token(&emulator).await;
        let requests =
            (0..200).map(|n| emulator.handle(now(), request(&token, "POST", "/dns-records", &record(n))));
        let answers = futures_util::future::join_all(requests).await;
        assert!(answers.into_iter().all(|a| a.into_answer().unwrap().status() == 201));
        assert_eq!(count(&Embedded::open(&crashed(&path), config(), now()).unwrap()).await, 200);
    }

    #[tokio::test]
    async fn a_request_whose_future_is_dropped_is_kept_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let emulator = Embedded::open(&path, config(), now()).unwrap();
        let token = token(&emulator).await;
        let mut handled =
            Box::pin(emulator.handle(now(), request(&token, "POST", "/dns-records", &record(0))));
        let _ = futures_util::poll!(&mut handled);
        drop(handled);
        drop(emulator);
        assert_eq!(count(&Embedded::open(&path, config(), now()).unwrap()).await, 1);
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_once_the_store_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("a.db")).unwrap();
        let mut emulator = Emulator::new(config(), now());
        store.commit(&emulator.take_changes()).unwrap();
        store.refuse_writes();
        let emulator = Embedded::stored(emulator, store).unwrap();
        let token = token(&emulator).await;
        // A read before any write rests on what is on disk.
        assert_eq!(count(&emulator).await, 0);
        let lost = emulator.handle(now(), request(&token, "POST", "/dns-records", &record(0))).await;
        assert!(matches!(lost.what, What::Reset));
        assert!(matches!(*emulator.failed().await, StoreError::Database { action: "write", .. }));
        // Reads would show what was lost, and writes are lost too.
        for method in ["GET", "DELETE"] {
            let after = emulator.handle(now(), request(&token, method, "/dns-records", "")).await;
            assert!(matches!(after.what, What::Reset));
        }
    }

    #[tokio::test]
    async fn a_server_ends_when_its_store_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("a.db")).unwrap();
        store.refuse_writes();
        // What the fresh tenant starts with is still to be written, and the first request has it queued.
        let emulator = Arc::new(Embedded::stored(Emulator::new(config(), now()), store).unwrap());
        let options = ServeOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            transport: ServeTransport::PlainHttp,
            deadlines: Deadlines::default(),
        };
        let server = Server::bind(options).await.unwrap();
        let serving = tokio::spawn(server.run(Arc::clone(&emulator), system_clock(), std::future::pending()));
        let request = Request::get("/").body(Bytes::new()).unwrap();
        assert!(matches!(emulator.handle(now(), request).await.what, What::Reset));
        assert!(matches!(serving.await.unwrap(), Err(ServeError::Store { .. })));
    }

    #[tokio::test]
    async fn many_objects_are_opened_again_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let emulator = Embedded::open(&path, config(), now()).unwrap();
        let token = token(&emulator).await;
        let page = |token: &str| request(token, "GET", "/dns-records?size=1000", "");
        let creates =
            (0..500).map(|n| emulator.handle(now(), request(&token, "POST", "/dns-records", &record(n))));
        futures_util::future::join_all(creates).await;
        let before = emulator.handle(now(), page(&token)).await.into_answer().unwrap();
        drop(emulator);
        let emulator = Embedded::open(&path, config(), now()).unwrap();
        let token = self::token(&emulator).await;
        let after = emulator.handle(now(), page(&token)).await.into_answer().unwrap();
        assert_eq!(before.body(), after.body());
    }
}
