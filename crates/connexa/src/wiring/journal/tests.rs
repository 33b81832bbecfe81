//! The journal on disk, tested from all sides; what the tests share.

mod claims;
mod damage;
mod failing;
mod laws;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod outside;
mod places;

use super::*;
use connexa_engine::{
    plan::{Base, Cost},
    record::RunTimings,
    report::RunOutcome,
    run::RunOptions,
};
use connexa_types::Timestamp;
use rusqlite::Connection;
use serde_json::json;

fn tenant() -> TenantId {
    TenantId::new("https://acme.example")
}

fn done<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn run(number: u32) -> RunId {
    RunId(format!("01999999-0000-7000-8000-{number:012}"))
}

fn plan() -> Plan {
    let plan = json!({
        "format": Plan::FORMAT, "tenant": tenant(), "command": "apply", "base": Base::default(), "changes": [],
        "operations": [], "cost": Cost::default(), "warnings": ["mind the gap"], "fingerprint": "f",
    });
    serde_json::from_value(plan).unwrap()
}

fn claim(number: u32, keys: &[&str]) -> Claim {
    Claim {
        run: run(number),
        tenant: tenant(),
        command: "apply".to_owned(),
        started: at(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        plan: Some(Arc::new(plan())),
        take_over: false,
        actor: Actor { user: "ada".to_owned(), host: "here".to_owned(), ..Actor::default() },
    }
}

fn again(number: u32, keys: &[&str]) -> Claim {
    Claim { plan: None, ..claim(number, keys) }
}

fn at() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn started(number: u32) -> Record {
    Record::RunStarted {
        run: run(number),
        tenant: tenant(),
        command: "apply".to_owned(),
        fingerprint: "f".to_owned(),
        options: Box::new(RunOptions::default()),
        seed: 7,
        changes: 0,
        operations: 0,
        at: at(),
    }
}

fn note(reason: impl fmt::Display) -> Record {
    Record::StopRequested { reason: reason.to_string(), at: at() }
}

fn finished(outcome: RunOutcome) -> Record {
    Record::RunFinished { outcome, timings: RunTimings::default(), at: at() }
}

/// Called before each commit, which fails if it does.
pub(super) type BeforeCommit = Box<dyn FnMut(&Connection) -> rusqlite::Result<()> + Send>;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
    /// Where nothing waits for a disk, if there is such a place: for tests that ask other questions.
    fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self { folder: folder.or_else(|_| tempfile::tempdir()).unwrap() }
    }
    fn path(&self) -> PathBuf {
        self.folder.path().join("journal/acme.example.db")
    }
    fn open(&self) -> Arc<SqliteJournal> {
        SqliteJournal::open_at(&self.path(), &tenant()).unwrap()
    }
    /// As another process would.
    fn open_as(&self, here: Process) -> Arc<SqliteJournal> {
        SqliteJournal::start(&self.path(), &tenant(), here, |_| {}).unwrap()
    }
    fn open_with(
        &self,
        before_commit: impl FnMut(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Arc<SqliteJournal> {
        SqliteJournal::start(&self.path(), &tenant(), Process::this(), |writer| {
            writer.disk.before_commit = Some(Box::new(before_commit));
        })
        .unwrap()
    }
    /// What stands in the journal, changed behind its back.
    fn sql(&self, sql: &str) {
        Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }
}

/// A run with this many records, given out of hand.
fn recorded(journal: &SqliteJournal, number: u32, records: u64) -> Lease {
    let lease = done(journal.claim(claim(number, &["network/a"]))).unwrap();
    let all = std::iter::once(started(number)).chain((2..=records).map(note));
    for record in all {
        done(journal.append(&lease, vec![record])).unwrap();
    }
    lease
}

/// The records of a run.
fn read(journal: &dyn Journal, number: u32) -> Result<Vec<Record>, ReadJournalError> {
    let read = done(journal.read(&run(number), Seq(1), usize::MAX))?;
    assert!(read.iter().zip(1..).all(|(stored, seq)| stored.seq == Seq(seq)), "{read:?}");
    Ok(read.into_iter().map(|stored| stored.record).collect())
}

/// The number of the first record that is not as it was written.
fn damaged_at(outcome: Result<Vec<Record>, ReadJournalError>) -> u64 {
    match outcome {
        Err(ReadJournalError::Damaged { seq, .. }) => seq.0,
        other => panic!("{other:?}"),
    }
}
