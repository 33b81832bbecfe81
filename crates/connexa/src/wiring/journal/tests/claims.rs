//! Who may have a run: owners that live, that are dead, and that are somewhere else.

use super::*;
use std::process::{Child, Command, Stdio};

/// A process of this boot of this machine that has ended: its id is taken by nobody, or by a later process.
fn dead() -> Process {
    Process { start: "0".to_owned(), pid: std::process::id(), ..Process::this() }
}

/// The run of an owner that had no lock to hold, or whose lock went with it.
fn left_by(place: &Place, owner: Process) {
    let journal = place.open_as(owner);
    let lease = done(journal.claim(claim(1, &["network/a"]))).unwrap();
    done(journal.append(&lease, vec![started(1)])).unwrap();
}

#[test]
fn one_that_holds_its_lock_lives_whatever_else_is_said_of_it() {
    for owner in [dead(), Process { boot: "another".to_owned(), ..Process::this() }] {
        let place = Place::new();
        let theirs = place.open_as(owner.clone());
        done(theirs.claim(claim(1, &["network/a"]))).unwrap();
        let ours = place.open();
        let refused = done(ours.claim(again(1, &[]))).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("run {} is at work in another process (process {} of ada on here)", run(1), owner.pid)
        );
        let taken = done(ours.claim(claim(2, &["network/a"])));
        assert!(matches!(taken, Err(ClaimError::Taken { .. })), "{taken:?}");
        // Not even to be taken over: it is there.
        let refused = done(ours.claim(Claim { take_over: true, ..again(1, &[]) }));
        assert!(matches!(refused, Err(ClaimError::Owned { .. })), "{refused:?}");
        assert_eq!(done(ours.ask_to_stop(&run(1))), Ok(true));
        assert_eq!(done(ours.head(&run(1))).unwrap().outcome, RunOutcome::Running);
    }
}

#[test]
fn dead_owners_stand_in_nobodys_way() {
    let this = Process::this();
    let owners = [
        // This process, whose journal is gone.
        this.clone(),
        // Another boot.
        Process { boot: "another".to_owned(), ..this.clone() },
        // An id that no process has: they end far below.
        Process { pid: u32::MAX - 1, ..this.clone() },
        // An id that another process has by now.
        Process { pid: 1, start: "no start of any process".to_owned(), ..this },
    ];
    for owner in owners {
        let place = Place::new();
        left_by(&place, owner.clone());
        let ours = place.open();
        assert_eq!(done(ours.head(&run(1))).unwrap().outcome, RunOutcome::Interrupted, "{owner:?}");
        assert_eq!(done(ours.ask_to_stop(&run(1))), Ok(false));
        let other = done(ours.claim(claim(2, &["network/a"]))).unwrap();
        done(ours.release(other)).unwrap();
        assert_eq!(done(ours.claim(again(1, &["network/a"]))).unwrap().epoch, 2);
    }
}

/// A process, as the journal would name it.
#[cfg(target_os = "linux")]
fn process_of(child: &Child) -> Process {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let start = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().to_owned();
    Process { pid: child.id(), start, ..Process::this() }
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_lives_until_it_ends_though_its_parent_does_not_look() {
    let mut child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
    let place = Place::new();
    // Without its lock, as where files cannot be locked.
    left_by(&place, process_of(&child));
    let ours = place.open();
    let refused = done(ours.claim(again(1, &[])));
    assert!(matches!(refused, Err(ClaimError::Owned { .. })), "{refused:?}");
    assert!(matches!(done(ours.claim(claim(2, &["network/a"]))), Err(ClaimError::Taken { .. })));
    child.kill().unwrap();
    // Killed and not waited for, it is still on the list of processes; nothing tells when the kill has reached it.
    while done(ours.head(&run(1))).unwrap().outcome == RunOutcome::Running {
        std::thread::yield_now();
    }
    done(ours.claim(again(1, &["network/a"]))).unwrap();
    child.wait().unwrap();
}

#[test]
fn a_run_of_another_machine_is_taken_over_only_when_asked_to() {
    let elsewhere = Process { machine: "another".to_owned(), ..Process::this() };
    let place = Place::new();
    left_by(&place, elsewhere.clone());
    let ours = place.open();
    let refused = done(ours.claim(again(1, &[]))).unwrap_err();
    assert!(matches!(refused, ClaimError::OtherMachine { .. }), "{refused}");
    // Nobody here can tell whether it is at work, so its keys are its own.
    assert!(matches!(done(ours.claim(claim(2, &["network/a"]))), Err(ClaimError::Taken { .. })));
    done(ours.claim(claim(3, &["network/b"]))).unwrap();
    assert_eq!(done(ours.ask_to_stop(&run(1))), Ok(false));
    let lease = done(ours.claim(Claim { take_over: true, ..again(1, &["network/a"]) })).unwrap();
    assert_eq!((lease.epoch, done(ours.append(&lease, vec![note("here")]))), (2, Ok(Seq(2))));
    done(ours.release(lease)).unwrap();

    // Nor is one that was given out of hand: the journal may be a copy.
    let theirs = place.open_as(elsewhere);
    let refused = done(theirs.claim(again(1, &[]))).unwrap_err();
    assert!(matches!(refused, ClaimError::OtherMachine { .. }), "{refused}");
}

#[test]
fn an_abandoned_run_claims_nothing() {
    let place = Place::new();
    left_by(&place, Process { machine: "another".to_owned(), ..Process::this() });
    let ours = place.open();
    done(ours.abandon(&run(1))).unwrap();
    done(ours.claim(claim(2, &["network/a"]))).unwrap();
}

#[test]
fn the_journal_of_a_tenant_takes_no_other() {
    let place = Place::new();
    let journal = place.open();
    let refused = done(journal.claim(Claim { tenant: "https://other.example".into(), ..claim(1, &[]) }));
    assert!(matches!(refused, Err(ClaimError::Journal(_))), "{refused:?}");
    drop(journal);
    let refused = SqliteJournal::open_at(&place.path(), &"https://other.example".into()).unwrap_err();
    assert!(matches!(refused, OpenJournalError::OtherTenant { .. }), "{refused}");
}

#[test]
fn owners_leave_nothing_behind_and_the_dead_are_cleared_away() {
    let place = Place::new();
    let owners = || {
        let folder = std::fs::read_dir(place.folder.path().join("journal/acme.example.db.owners"));
        folder.map_or(0, Iterator::count)
    };
    let one = place.open();
    assert_eq!(owners(), 0);
    done(one.claim(claim(1, &[]))).unwrap();
    done(one.claim(claim(2, &[]))).unwrap();
    assert_eq!(owners(), 1);
    std::fs::write(place.folder.path().join("journal/acme.example.db.owners/dead.lock"), "").unwrap();
    let other = place.open();
    done(other.claim(claim(3, &[]))).unwrap();
    assert_eq!(owners(), 2);
    drop((one, other));
    assert_eq!(owners(), 0);
}

#[test]
fn several_processes_write_side_by_side() {
    let place = Place::new();
    let journals: Vec<_> = (1..=4).map(|number| (number, place.open())).collect();
    std::thread::scope(|scope| {
        for (number, journal) in &journals {
            scope.spawn(move || {
                let lease = done(journal.claim(claim(*number, &[&format!("network/{number}")]))).unwrap();
                let appends: Vec<_> = (0..100).map(|n| journal.append(&lease, vec![note(n)])).collect();
                for append in appends {
                    done(append).unwrap();
                }
                done(journal.release(lease)).unwrap();
            });
        }
    });
    for (number, journal) in &journals {
        assert_eq!(read(&**journal, *number).unwrap(), (0..100).map(note).collect::<Vec<_>>());
    }
}
