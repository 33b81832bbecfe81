//! The journal of another process, watched from outside: which files it syncs and when, what it does once a sync fails, and
//! what it leaves when it is killed.
//!
//! A small library stands between that process and the C library and notes its syncs. It is compiled where the tests run:
//! what links this program compiles it.

use super::*;
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

const FILE: &str = "CONNEXA_TEST_JOURNAL";
const APPENDS: &str = "CONNEXA_TEST_APPENDS";

/// What the other process does: it appends records one by one, says of each that it is durable, and waits to be let go.
#[test]
#[ignore = "the other process of the tests beside it"]
fn child() {
    let (Some(path), Ok(appends)) = (std::env::var_os(FILE), std::env::var(APPENDS)) else { return };
    let mut out = std::io::stderr();
    let journal = match SqliteJournal::open_at(Path::new(&path), &tenant()) {
        Ok(journal) => journal,
        Err(error) => {
            writeln!(out, "cannot open: {error}").unwrap();
            return;
        }
    };
    let lease = match done(journal.claim(claim(1, &[]))) {
        Ok(lease) => lease,
        Err(error) => {
            writeln!(out, "cannot claim: {error}").unwrap();
            return;
        }
    };
    for number in 1..=appends.parse().unwrap() {
        let (first, second) = (journal.append(&lease, vec![note(number)]), journal.append(&lease, vec![]));
        match done(first) {
            Ok(seq) => writeln!(out, "durable {seq}").unwrap(),
            Err(failure) => {
                writeln!(out, "failed: {failure}").unwrap();
                assert_eq!(done(second), Err(failure.clone()));
                assert_eq!(done(journal.append(&lease, vec![note("later")])), Err(failure));
                break;
            }
        }
    }
    writeln!(out, "waiting").unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// The library.
fn shim(folder: &Path) -> PathBuf {
    let library = folder.join("syncs.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/syncs.c");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let status = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status();
    assert!(status.unwrap().success());
    library
}

/// Another process at work.
struct Other {
    said: Vec<String>,
    /// Lines of `synced PATH` and `failed PATH`.
    syncs: Vec<String>,
}

impl Other {
    /// How far it says that its records are durable.
    fn durable(&self) -> u64 {
        let last = self.said.iter().filter_map(|line| line.strip_prefix("durable ")).next_back();
        last.map_or(0, |seq| seq.parse().unwrap())
    }

    fn synced(&self, ending: &str) -> usize {
        self.syncs.iter().filter(|line| line.starts_with("synced ") && line.ends_with(ending)).count()
    }
}

enum End {
    Orderly,
    Killed,
}

fn other(place: &Place, shim: &Path, appends: u64, fail_at: Option<usize>, end: &End) -> Other {
    let log = place.folder.path().join("syncs.log");
    let _ = fs::remove_file(&log);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "wiring::journal::tests::outside::child", "--ignored", "--nocapture"])
        .env(FILE, place.path())
        .env(APPENDS, appends.to_string())
        .env("LD_PRELOAD", shim)
        .env("SYNCS_LOG", &log)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if let Some(fail_at) = fail_at {
        command.env("SYNCS_FAIL_AT", fail_at.to_string());
    }
    let mut child = command.spawn().unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "waiting" {
            match end {
                End::Orderly => drop(child.stdin.take()),
                End::Killed => child.kill().unwrap(),
            }
        } else {
            said.push(line);
        }
    }
    assert_eq!(child.wait().unwrap().success(), matches!(end, End::Orderly), "{said:?}");
    let syncs = fs::read_to_string(&log).unwrap_or_default().lines().map(str::to_owned).collect();
    Other { said, syncs }
}

#[test]
fn each_commit_is_one_sync_of_the_log_and_new_folders_are_synced_in_theirs() {
    let tools = tempfile::tempdir().unwrap();
    let shim = shim(tools.path());
    let syncs = |appends| {
        let place = Place::new();
        let other = other(&place, &shim, appends, None, &End::Killed);
        assert_eq!(other.durable(), appends);
        assert_eq!(read(&*place.open(), 1).unwrap(), (1..=appends).map(note).collect::<Vec<_>>());
        let folder = place.folder.path().canonicalize().unwrap();
        for folder in [folder.join("journal"), folder] {
            assert!(other.synced(&format!(" {}", folder.display())) > 0, "{folder:?}: {:?}", other.syncs);
        }
        other.synced(".db-wal")
    };
    let (few, many) = (syncs(10), syncs(35));
    assert!(few >= 11, "{few}");
    assert_eq!(many - few, 25);
}

#[test]
fn after_a_sync_that_failed_nothing_is_synced_or_acknowledged_any_more() {
    let tools = tempfile::tempdir().unwrap();
    let shim = shim(tools.path());
    let all = other(&Place::new(), &shim, 4, None, &End::Killed).syncs;
    assert!(all.len() > 6, "{all:?}");
    for fail_at in 1..=all.len() {
        // Ours of a folder are the first; of those that SQLite adds when it makes a file it takes no notice if they fail.
        if fail_at > 2 && all[fail_at - 1].ends_with("/journal") {
            continue;
        }
        let place = Place::new();
        let failed = other(&place, &shim, 4, Some(fail_at), &End::Orderly);
        assert!(failed.durable() < 4);
        let why = failed.said.last().unwrap();
        // A journal that could not be made was nothing yet, and SQLite may take back what there was of it.
        if !why.starts_with("cannot open") {
            assert_eq!(failed.syncs.len(), fail_at, "{:?} after {:?}", failed.said, failed.syncs);
            assert!(why.starts_with("failed: ") || why.starts_with("cannot claim"), "{why}");
        }
        // What was said to be durable is there, and nothing is that was not written: what the sync failed on may be.
        let journal = place.open();
        match read(&*journal, 1) {
            Ok(records) => {
                let number = records.len() as u64;
                assert!((failed.durable()..=failed.durable() + 1).contains(&number));
                assert_eq!(records, (1..=number).map(note).collect::<Vec<_>>());
            }
            Err(ReadJournalError::NoSuchRun(_)) => assert_eq!(failed.durable(), 0),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn files_are_private_whatever_the_umask() {
    let place = Place::new();
    let mut child = Command::new("sh");
    child
        .args(["-c", "umask 000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "wiring::journal::tests::outside::child", "--ignored"])
        .env(FILE, place.path())
        .env(APPENDS, "3")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "waiting"));
    let found = super::places::modes(place.folder.path());
    let named = |end: &str| found.iter().any(|(name, _)| name.ends_with(end));
    assert!([".db", "-wal", "-shm", ".marks", ".owners", ".lock"].into_iter().all(named), "{found:?}");
    for (name, mode) in &found {
        assert_eq!(mode & 0o077, 0, "{name}");
    }
    // It lives, and says so.
    assert_eq!(done(place.open().head(&run(1))).unwrap().outcome, RunOutcome::Running);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(done(place.open().head(&run(1))).unwrap().outcome, RunOutcome::Interrupted);
}
