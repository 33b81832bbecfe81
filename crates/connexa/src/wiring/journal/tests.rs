//! The laws of a journal on disk.

use super::*;
use connexa_engine::{
    plan::{Base, Cost},
    record::RunTimings,
    report::RunOutcome,
    run::RunOptions,
};
use connexa_types::Timestamp;
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

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
    fn path(&self) -> PathBuf {
        self.folder.path().join("journal/acme.example.db")
    }
    fn open(&self) -> Arc<SqliteJournal> {
        SqliteJournal::open_at(&self.path(), &tenant()).unwrap()
    }
}

#[test]
fn what_was_appended_is_read_by_this_and_by_a_later_process() {
    let place = Place::new();
    let journal = place.open();
    let lease = done(journal.claim(claim(1, &["network/a"]))).unwrap();
    assert_eq!(done(journal.append(&lease, vec![started(1), note("a")])), Ok(Seq(2)));
    assert_eq!(done(journal.append(&lease, vec![finished(RunOutcome::Complete)])), Ok(Seq(3)));
    let expected = [started(1), note("a"), finished(RunOutcome::Complete)];
    let check = |journal: &SqliteJournal| {
        let read = done(journal.read(&run(1), Seq(1), 100)).unwrap();
        assert_eq!(read.iter().map(|stored| stored.seq).collect::<Vec<_>>(), [Seq(1), Seq(2), Seq(3)]);
        assert_eq!(read.into_iter().map(|stored| stored.record).collect::<Vec<_>>(), expected);
        assert_eq!(*done(journal.plan(&run(1))).unwrap(), plan());
        let heads = done(journal.runs(&tenant(), None, 10)).unwrap();
        assert_eq!(heads.len(), 1);
        assert_eq!(heads[0].outcome, RunOutcome::Complete);
        assert_eq!(heads[0].finished, Some(at()));
        assert!(!heads[0].tail_lost);
    };
    check(&journal);
    done(journal.release(lease)).unwrap();
    drop(journal);
    check(&place.open());
}

#[test]
fn a_run_without_owner_is_interrupted_and_can_be_claimed_again() {
    let place = Place::new();
    let journal = place.open();
    let lease = done(journal.claim(claim(1, &["network/a"]))).unwrap();
    done(journal.append(&lease, vec![started(1)])).unwrap();
    assert_eq!(done(journal.head(&run(1))).unwrap().outcome, RunOutcome::Running);
    let other = place.open();
    assert_eq!(done(other.head(&run(1))).unwrap().outcome, RunOutcome::Running);
    assert!(matches!(done(other.claim(again(1, &[]))), Err(ClaimError::Owned { .. })));
    let taken = done(other.claim(claim(2, &["host/x", "network/a"])));
    assert_eq!(taken, Err(ClaimError::Taken { run: run(1), key: "network/a".to_owned() }));
    drop(journal);
    assert_eq!(done(other.head(&run(1))).unwrap().outcome, RunOutcome::Interrupted);
    done(other.claim(claim(2, &["network/a"]))).unwrap();
    let next = done(other.claim(again(1, &["network/b"]))).unwrap();
    assert_eq!(next.epoch, 2);
    assert_eq!(done(other.append(&lease, vec![note("late")])), Err(JournalFailure::Fenced));
    assert_eq!(done(other.append(&next, vec![note("next")])), Ok(Seq(2)));
    let unknown = done(other.claim(again(9, &[])));
    assert_eq!(unknown, Err(ReadJournalError::NoSuchRun(run(9)).into()));
}
