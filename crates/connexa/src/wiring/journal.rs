//! The journal: what runs did and were about to do, in an SQLite file for each tenant.
//!
//! Behind [`Journal`] stand two threads with a connection each: one [writes](writer), in groups, and answers when what it
//! wrote is on the disk; one [reads](reading) and checks each byte against its [hash](chain) first. Who has a run in hand,
//! and whether it lives, is told by [owners]; what [files] there are, and how they are kept, by those modules.
//!
//! | table | holds |
//! |---|---|
//! | `runs` | who a run is, and how it stands; changed in the transaction that adds its records |
//! | `plans`, `keys`, `owners` | what it carries out, what it touches, who had it in hand |
//! | `records` | its records, numbered without a gap, each hashed with the one before it |

mod chain;
mod claims;
mod fault;
mod files;
mod marks;
mod owners;
mod reading;
mod rows;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use store::OpenJournalError;

use crate::{exit::Exit, failure::Failure, views::shell::quoted, wiring::state_dir::StateDir};
use connexa_engine::{
    machine::{JournalFailure, Seq},
    plan::Plan,
    ports::{Actor, Claim, ClaimError, Journal, Lease, ReadJournalError},
    record::{Record, RunHead, RunId, Stored},
};
use connexa_types::TenantId;
use files::Files;
use futures_channel::oneshot;
use futures_util::future::{self, BoxFuture, FutureExt as _};
use owners::Process;
use reading::Reader;
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering, mpsc},
    thread::{self, JoinHandle},
};
use store::Use;
use writer::{Append, Job, Writer};

/// What the reading thread is asked.
type Question = Box<dyn FnOnce(&Reader) + Send>;

/// The journal of a tenant.
///
/// Dropping it waits until all that was queued is written. Runs that it has in hand then have no owner any more, as after a
/// crash.
pub struct SqliteJournal {
    tenant: TenantId,
    path: PathBuf,
    /// Stands before the reader, and so ends before it.
    writer: Thread<Job>,
    reader: Thread<Question>,
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJournal").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A thread that works as long as somebody can ask it.
struct Thread<T> {
    asks: Option<mpsc::Sender<T>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Thread<T> {
    fn start(name: &str, work: impl FnOnce(&mpsc::Receiver<T>) + Send + 'static) -> io::Result<Self> {
        // Without a limit: whoever asks waits for the answers, so that the machine bounds what is queued.
        let (asks, asked) = mpsc::channel();
        // The subscriber of logs is that of whoever opens the journal, not of the process.
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || tracing::dispatcher::with_default(&dispatch, || work(&asked)))?;
        Ok(Self { asks: Some(asks), thread: Some(thread) })
    }

    /// A thread that has ended drops what it is asked, and with it the channel of the answer.
    fn ask(&self, ask: T) {
        if let Some(asks) = &self.asks {
            let _ = asks.send(ask);
        }
    }
}

impl<T> Drop for Thread<T> {
    fn drop(&mut self) {
        self.asks = None;
        if let Some(thread) = self.thread.take() {
            // That it panicked was said then, and what was asked of it went unanswered.
            let _ = thread.join();
        }
    }
}

impl SqliteJournal {
    /// Opens the journal of a tenant, made if there is none.
    pub(crate) fn open(state: &StateDir, tenant: &TenantId) -> Result<Arc<Self>, OpenJournalError> {
        Self::open_at(&state.journal_file(tenant), tenant)
    }

    /// Opens the journal of a tenant if there is one.
    pub(crate) fn open_existing(
        state: &StateDir,
        tenant: &TenantId,
    ) -> Result<Option<Arc<Self>>, OpenJournalError> {
        let path = state.journal_file(tenant);
        let files = Files { main: path.clone() };
        if files.check()? { Self::open_at(&path, tenant).map(Some) } else { Ok(None) }
    }

    /// Opens the journal in a file, made if there is none.
    ///
    /// Its folder, made as well, is the journal's own: rights that others have on it are taken away.
    pub fn open_at(path: &Path, tenant: &TenantId) -> Result<Arc<Self>, OpenJournalError> {
        Self::start(path, tenant, Process::this(), |_| {})
    }

    fn start(
        path: &Path,
        tenant: &TenantId,
        here: Process,
        prepare: impl FnOnce(&mut Writer),
    ) -> Result<Arc<Self>, OpenJournalError> {
        let files = Files { main: path.to_owned() };
        if !files.check()? {
            files.make()?;
        }
        let writing = store::connect(&files, tenant, Use::Writing)?;
        let reading = store::connect(&files, tenant, Use::Reading)?;
        let thread = |source| OpenJournalError::Thread { source };
        let mut writer = Writer::new(writing, files.clone(), here.clone()).map_err(thread)?;
        prepare(&mut writer);
        let hands_off = Arc::clone(&writer.hands_off);
        let reader = Reader { db: reading, files, here };
        Ok(Arc::new(Self {
            tenant: tenant.clone(),
            path: path.to_owned(),
            writer: Thread::start("journal writer", move |jobs| writer.work(jobs)).map_err(thread)?,
            reader: Thread::start("journal reader", move |questions: &mpsc::Receiver<Question>| {
                while let Ok(question) = questions.recv() {
                    question(&reader);
                }
                // The writer has ended before: it is dropped first.
                if hands_off.load(Ordering::Acquire) {
                    let _ = store::keep_log_at_close(&reader.db, true);
                }
            })
            .map_err(thread)?,
        }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks the reading thread.
    fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader) -> Result<T, ReadJournalError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, ReadJournalError>> {
        let (reply, answer) = oneshot::channel();
        self.reader.ask(Box::new(move |reader| drop(reply.send(look(reader)))));
        answer.map(|answer| answer.unwrap_or_else(|_| Err(ReadJournalError::Io(gone())))).boxed()
    }

    /// Asks the writing thread.
    fn change<T, E>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Job,
        lost: impl FnOnce(String) -> E + Send + 'static,
    ) -> BoxFuture<'static, Result<T, E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.writer.ask(job(reply));
        answer.map(|answer| answer.unwrap_or_else(|_| Err(lost(gone())))).boxed()
    }
}

fn gone() -> String {
    "its thread has ended".to_owned()
}

impl Journal for SqliteJournal {
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Lease, ClaimError>> {
        if claim.tenant != self.tenant {
            let why = format!("it is that of `{}`", self.tenant);
            return future::ready(Err(JournalFailure::Write(why).into())).boxed();
        }
        self.change(|reply| Job::Claim(Box::new(claim), reply), |why| JournalFailure::Write(why).into())
    }

    fn plan<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Arc<Plan>, ReadJournalError>> {
        let run = run.clone();
        self.look(move |reader| reader.plan(&run))
    }

    fn head<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<RunHead, ReadJournalError>> {
        let run = run.clone();
        self.look(move |reader| reader.head(&run))
    }

    fn ask_to_stop<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<bool, ReadJournalError>> {
        self.change(|reply| Job::AskToStop(run.clone(), reply), ReadJournalError::Io)
    }

    fn asked_to_stop<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<bool, ReadJournalError>> {
        let lease = lease.clone();
        self.look(move |reader| reader.asked_to_stop(&lease.run, lease.epoch))
    }

    fn abandon<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<String>, ReadJournalError>> {
        self.change(|reply| Job::Abandon(run.clone(), reply), ReadJournalError::Io)
    }

    fn append(&self, lease: &Lease, records: Vec<Record>) -> BoxFuture<'static, Result<Seq, JournalFailure>> {
        self.change(
            |reply| Job::Append(Append { lease: lease.clone(), records, reply }),
            JournalFailure::Write,
        )
    }

    fn read<'a>(
        &'a self,
        run: &'a RunId,
        from: Seq,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>, ReadJournalError>> {
        let run = run.clone();
        self.look(move |reader| reader.read(&run, from, limit))
    }

    fn runs<'a>(
        &'a self,
        tenant: &'a TenantId,
        after: Option<RunId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunHead>, ReadJournalError>> {
        if *tenant != self.tenant {
            return future::ready(Ok(Vec::new())).boxed();
        }
        self.look(move |reader| reader.runs(after.as_ref(), limit))
    }

    fn release(&self, lease: Lease) -> BoxFuture<'_, Result<(), JournalFailure>> {
        self.change(|reply| Job::Release(lease, reply), JournalFailure::Write)
    }
}

/// Who uses an API key here, for the audit.
pub(crate) fn actor(key_id: &str) -> Actor {
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    Actor {
        user: user.unwrap_or_default(),
        host: owners::host_name(),
        key_id: key_id.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Adds what SQLite says as a cause.
fn because(mut failure: Failure, error: &rusqlite::Error) -> Failure {
    failure.causes.push(fault::words(error));
    failure
}

impl From<OpenJournalError> for Failure {
    fn from(error: OpenJournalError) -> Self {
        let failure = Self::new(Exit::Refused, error.to_string());
        let away = |path: &Path| {
            let path = path.display().to_string();
            format!(
                "move it away with `mv {path}* ELSEWHERE`; runs begin a new one, and know nothing of those in it",
                path = quoted(&path)
            )
        };
        match error {
            OpenJournalError::Place(error) => error.into(),
            OpenJournalError::Foreign { path } | OpenJournalError::OtherTenant { path, .. } => {
                failure.hint(away(&path))
            }
            OpenJournalError::Damaged { path, source } => because(failure, &source).hint(away(&path)),
            OpenJournalError::Newer { .. } => failure.hint("use the version that wrote it, or a later one"),
            OpenJournalError::Unsafe { .. } => {
                failure.hint("name a state directory on another file system with `--state-dir`")
            }
            OpenJournalError::Database { source, .. } => because(failure, &source),
            OpenJournalError::Thread { source } => failure.because(&source),
        }
    }
}
