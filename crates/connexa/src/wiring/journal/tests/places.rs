//! Where a journal lies: whose its files are, what they are, and what it is not made of.

use super::*;
use crate::{failure::Failure, wiring::state_dir::StateDirError};
use std::fs;

fn open(path: &Path) -> Result<Arc<SqliteJournal>, OpenJournalError> {
    SqliteJournal::open_at(path, &tenant())
}

/// What is in a folder, and how it is kept.
#[cfg(unix)]
pub(super) fn modes(folder: &Path) -> Vec<(String, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            let name = entry.path().strip_prefix(folder).unwrap().display().to_string();
            found.push((name, metadata.permissions().mode() & 0o777));
        }
    }
    found.sort();
    found
}

#[test]
#[cfg(unix)]
fn all_is_its_owners_alone_and_what_was_open_is_closed() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let journal = place.open();
    let lease = recorded(&journal, 1, 3);
    let check = || {
        for (name, mode) in modes(place.folder.path()) {
            let folder = name.ends_with("journal") || name.ends_with(".owners");
            assert_eq!(mode, if folder { 0o700 } else { 0o600 }, "{name}");
        }
    };
    let names: Vec<_> = modes(place.folder.path()).into_iter().map(|(name, _)| name).collect();
    assert!(
        ["db", "db-wal", "db-shm", "db.marks"].iter().all(|end| names.iter().any(|name| name.ends_with(end))),
        "{names:?}"
    );
    check();
    done(journal.release(lease)).unwrap();
    drop(journal);
    let open_to_all =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open_to_all(&place.path(), 0o644);
    open_to_all(&place.folder.path().join("journal/acme.example.db.marks"), 0o666);
    open_to_all(&place.folder.path().join("journal"), 0o755);
    assert_eq!(read(&*place.open(), 1).unwrap().len(), 3);
    check();
}

#[test]
#[cfg(unix)]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let elsewhere = Place::new();
    drop(elsewhere.open());

    let place = Place::new();
    fs::create_dir(place.folder.path().join("journal")).unwrap();
    symlink(elsewhere.path(), place.path()).unwrap();
    let refused = open(&place.path()).unwrap_err();
    assert!(matches!(refused, OpenJournalError::Place(StateDirError::Link { .. })), "{refused}");
    assert!(Failure::from(refused).hint.unwrap().contains("--state-dir"));

    let place = Place::new();
    symlink(elsewhere.path().parent().unwrap(), place.folder.path().join("journal")).unwrap();
    let refused = open(&place.path()).unwrap_err();
    assert!(matches!(refused, OpenJournalError::Place(StateDirError::Link { .. })), "{refused}");

    for beside in ["-wal", "-shm", ".marks"] {
        let place = Place::new();
        drop(place.open());
        let beside = format!("{}{beside}", place.path().display());
        let _ = fs::remove_file(&beside);
        let target = place.folder.path().join("target");
        fs::write(&target, "keep").unwrap();
        symlink(&target, &beside).unwrap();
        let refused = open(&place.path()).unwrap_err();
        assert!(matches!(refused, OpenJournalError::Place(StateDirError::Link { .. })), "{refused}");
        assert_eq!(fs::read(&target).unwrap(), b"keep");
    }

    let place = Place::new();
    fs::create_dir_all(place.path()).unwrap();
    let refused = open(&place.path()).unwrap_err();
    assert!(matches!(refused, OpenJournalError::Place(StateDirError::Other { .. })), "{refused}");
}

#[test]
#[cfg(unix)]
fn what_belongs_to_another_user_is_left_alone() {
    let place = Place::new();
    let refused = if rustix::process::geteuid().is_root() {
        drop(place.open());
        std::os::unix::fs::chown(place.path(), Some(12345), None).unwrap();
        open(&place.path()).unwrap_err()
    } else {
        open(Path::new("/etc/acme.example.db")).unwrap_err()
    };
    assert!(matches!(refused, OpenJournalError::Place(StateDirError::Foreign { .. })), "{refused}");
    assert!(Failure::from(refused).hint.unwrap().contains("as that user"));
}

#[test]
fn other_files_are_refused_and_left_as_they_are() {
    let place = Place::new();
    let path = place.path();
    fs::create_dir(path.parent().unwrap()).unwrap();
    let text =
        "no database, but long enough to be taken for one by its size alone, were it not for its words; ";
    fs::write(&path, text.repeat(9)).unwrap();
    assert!(matches!(open(&path), Err(OpenJournalError::Foreign { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), text.repeat(9));

    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let before = fs::read(&path).unwrap();
    let refused = open(&path).unwrap_err();
    assert!(matches!(refused, OpenJournalError::Foreign { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(Failure::from(refused).hint.unwrap().contains("mv "));
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let journal = place.open();
    let lease = recorded(&journal, 1, 3);
    done(journal.release(lease)).unwrap();
    drop(journal);
    // In its log, as by a newer version that was killed.
    let newer = Connection::open(place.path()).unwrap();
    newer.pragma_update(None, "user_version", store::FORMAT + 1).unwrap();
    let log = format!("{}-wal", place.path().display());
    let before = (fs::read(place.path()).unwrap(), fs::read(&log).unwrap());
    for _ in 0..2 {
        let refused = open(&place.path()).unwrap_err();
        assert!(matches!(refused, OpenJournalError::Newer { found: 2, supported: 1, .. }), "{refused}");
        assert!(Failure::from(refused).hint.unwrap().contains("version that wrote it"));
    }
    assert_eq!((fs::read(place.path()).unwrap(), fs::read(&log).unwrap()), before);
}

#[test]
fn a_journal_that_is_only_looked_for_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(&folder.path().join("state")).unwrap();
    assert!(SqliteJournal::open_existing(&state, &tenant()).unwrap().is_none());
    assert_eq!(fs::read_dir(folder.path().join("state")).unwrap().count(), 0);
    drop(SqliteJournal::open(&state, &tenant()).unwrap());
    let found = SqliteJournal::open_existing(&state, &tenant()).unwrap().unwrap();
    assert_eq!(found.path(), state.journal_file(&tenant()));
    assert!(SqliteJournal::open_existing(&state, &"https://other.example".into()).unwrap().is_none());
}

#[test]
fn a_journal_that_was_never_finished_making_is_made() {
    let place = Place::new();
    fs::create_dir(place.path().parent().unwrap()).unwrap();
    fs::write(place.path(), "").unwrap();
    let journal = place.open();
    recorded(&journal, 1, 2);
    assert_eq!(read(&*journal, 1).unwrap().len(), 2);
}

#[test]
fn what_is_in_the_log_alone_is_not_the_tables() {
    let place = Place::new();
    let journal = place.open();
    // All that is in the main file, before anything else comes to be folded into it.
    let copy = Place::new();
    fs::create_dir(copy.path().parent().unwrap()).unwrap();
    fs::copy(place.path(), copy.path()).unwrap();
    assert_eq!(done(copy.open().runs(&tenant(), None, 9)), Ok(vec![]));
    drop(journal);
}
