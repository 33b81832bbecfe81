//! Disks that are full, that fail, and files that are taken away: after the first failure nothing is written any more.

use super::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn io_error() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC), None)
}

fn failure(outcome: Result<Seq, JournalFailure>) -> String {
    match outcome {
        Err(JournalFailure::Write(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn after_a_failed_commit_nothing_is_written_though_the_disk_is_well_again() {
    let place = Place::new();
    let fails = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&fails);
    let tried = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tried);
    let journal = place.open_with(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        if switch.swap(false, Ordering::Relaxed) { Err(io_error()) } else { Ok(()) }
    });
    let lease = recorded(&journal, 1, 3);
    let before = tried.load(Ordering::Relaxed);
    fails.store(true, Ordering::Relaxed);
    // All that were queued, those behind the one that failed too.
    let appends: Vec<_> = (0..5).map(|n| journal.append(&lease, vec![note(n)])).collect();
    let why: Vec<_> = appends.into_iter().map(|append| failure(done(append))).collect();
    assert!(why[0].starts_with("the disk reports an error"), "{why:?}");
    assert!(why.iter().all(|other| *other == why[0]), "{why:?}");
    assert_eq!(failure(done(journal.append(&lease, vec![note("later")]))), why[0]);
    assert!(matches!(done(journal.claim(claim(2, &[]))), Err(ClaimError::Journal(_))));
    assert!(done(journal.ask_to_stop(&run(1))).is_err());
    assert!(done(journal.abandon(&run(1))).is_err());
    assert!(done(journal.release(lease)).is_err());
    // It was tried once, and never again.
    assert_eq!(tried.load(Ordering::Relaxed), before + 1);
    // What is known can still be read.
    assert_eq!(read(&*journal, 1).unwrap().len(), 3);
    drop(journal);
    let journal = place.open();
    assert_eq!(read(&*journal, 1).unwrap().len(), 3);
    let lease = done(journal.claim(again(1, &[]))).unwrap();
    assert_eq!(done(journal.append(&lease, vec![note("next")])), Ok(Seq(4)));
}

#[test]
fn a_full_disk_is_called_one_and_loses_nothing_that_was_acknowledged() {
    let place = Place::new();
    let mut pages = None;
    let journal = place.open_with(move |db| {
        // Room for a few more pages than there are at the first commit.
        if pages.is_none() {
            let now: i64 = db.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            pages = Some(now + 6);
            db.query_row(&format!("PRAGMA max_page_count = {}", now + 6), [], |_| Ok(()))?;
        }
        Ok(())
    });
    let lease = done(journal.claim(claim(1, &[]))).unwrap();
    let mut written = 0_u64;
    let why = loop {
        match done(journal.append(&lease, vec![note("x".repeat(3000))])) {
            Ok(Seq(seq)) => written = seq,
            Err(failure) => break failure,
        }
        assert!(written < 100, "the disk is never full");
    };
    assert!(written > 0);
    assert_eq!(why.to_string(), "the journal cannot be written: the disk is full (database or disk is full)");
    drop(journal);
    assert_eq!(read(&*place.open(), 1).unwrap().len() as u64, written);
}

#[test]
#[cfg(unix)]
fn files_that_are_taken_away_or_replaced_are_missed() {
    use std::fs;
    type Doing = fn(&Path);
    fn log(path: &Path) -> PathBuf {
        PathBuf::from(format!("{}-wal", path.display()))
    }
    let cases: [(&str, Doing); 5] = [
        ("db` is gone", |path| fs::remove_file(path).unwrap()),
        ("wal` is gone", |path| fs::remove_file(log(path)).unwrap()),
        ("db` was replaced", |path| {
            fs::copy(path, path.with_extension("new")).unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("wal` was replaced", |path| {
            fs::remove_file(log(path)).unwrap();
            fs::write(log(path), "").unwrap();
        }),
        ("db` is gone", |path| {
            fs::rename(path.parent().unwrap(), path.parent().unwrap().with_extension("moved")).unwrap();
        }),
    ];
    for (expected, doing) in cases {
        let place = Place::new();
        let journal = place.open();
        let lease = recorded(&journal, 1, 2);
        doing(&place.path());
        let why = failure(done(journal.append(&lease, vec![note("into nothing")])));
        assert!(why.contains(expected), "{why}");
        let left = || {
            let mut left: Vec<_> = fs::read_dir(place.folder.path().join("journal"))
                .into_iter()
                .flatten()
                .map(|entry| (entry.as_ref().unwrap().file_name(), entry.unwrap().metadata().unwrap().len()))
                .filter(|(name, _)| !name.to_string_lossy().contains("owners"))
                .collect();
            left.sort();
            left
        };
        let before = left();
        // Nor is a file removed at the end that is another's by now.
        drop(journal);
        assert_eq!(left(), before, "{expected}");
    }
}

#[test]
fn one_commit_carries_what_waited_for_the_one_before() {
    let place = Place::new();
    let commits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&commits);
    let (entered, has_entered) = std::sync::mpsc::channel();
    let (leave, may_leave) = std::sync::mpsc::channel();
    let journal = place.open_with(move |db| {
        // As safe at this commit as when it was opened.
        let setting = |name| {
            db.query_row(&format!("PRAGMA {name}"), [], |row| row.get_ref(0).map(|v| format!("{v:?}")))
        };
        assert_eq!(setting("synchronous")?, "Integer(2)");
        assert!(setting("journal_mode")?.contains("[119, 97, 108]"), "{}", setting("journal_mode")?);
        // The claim is the first, the first append the second.
        if count.fetch_add(1, Ordering::Relaxed) == 1 {
            entered.send(()).unwrap();
            may_leave.recv().unwrap();
        }
        Ok(())
    });
    let lease = done(journal.claim(claim(1, &[]))).unwrap();
    let first = journal.append(&lease, vec![started(1)]);
    has_entered.recv().unwrap();
    let waiting: Vec<_> = (0..100).map(|n| journal.append(&lease, vec![note(n)])).collect();
    leave.send(()).unwrap();
    done(first).unwrap();
    for append in waiting {
        done(append).unwrap();
    }
    assert_eq!(commits.load(Ordering::Relaxed), 3);
    assert_eq!(read(&*journal, 1).unwrap().len(), 101);
}
