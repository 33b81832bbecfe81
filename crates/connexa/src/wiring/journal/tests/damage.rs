//! Journals that are not as they were written: cut, with bits turned over, with rows missing, swapped or doubled.
//!
//! Each is refused, or it shows the first records of the run and says that there were more; never others. And whoever takes
//! the run up from there adds to just these.
//!
//! Every byte is too much for each day: `CONNEXA_TEST_EVERY_BYTE=1` looks at all of them.

use super::*;
use std::{fs, thread};

/// Records of the run that is damaged.
const RECORDS: u64 = 40;

/// The files of a journal, and what stands in it.
struct Sample {
    main: Vec<u8>,
    log: Vec<u8>,
    marks: Vec<u8>,
    records: Vec<Record>,
    /// How the run stood after each commit.
    heads: Vec<RunHead>,
}

impl Sample {
    /// As a process leaves it that is killed (all is in the log), or that has ended in order (all is in the main file).
    fn take(killed: bool) -> Self {
        let place = Place::new();
        let journal = place.open();
        let lease = done(journal.claim(claim(1, &["network/a"]))).unwrap();
        let mut records: Vec<Record> = std::iter::once(started(1)).chain((2..RECORDS).map(note)).collect();
        records.push(finished(RunOutcome::Stopped));
        let mut heads = vec![done(journal.head(&run(1))).unwrap()];
        for some in records.chunks(5) {
            done(journal.append(&lease, some.to_vec())).unwrap();
            heads.push(done(journal.head(&run(1))).unwrap());
        }
        let beside = |ending: &str| fs::read(format!("{}{ending}", place.path().display())).unwrap();
        let (main, log, marks) = if killed {
            (beside(""), beside("-wal"), beside(".marks"))
        } else {
            done(journal.release(lease)).unwrap();
            drop(journal);
            (beside(""), Vec::new(), beside(".marks"))
        };
        // Nobody is at work on it any more.
        for head in &mut heads {
            if head.outcome == RunOutcome::Running {
                head.outcome = RunOutcome::Interrupted;
            }
        }
        Self { main, log, marks, records, heads }
    }

    /// Looks at a journal of these files: how many of its records it shows, `None` if it is refused. Anything else fails.
    fn look(&self, folder: &Path, main: &[u8], log: &[u8], what: &dyn fmt::Debug) -> Option<usize> {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let path = folder.path().join("j/acme.example.db");
        fs::create_dir(folder.path().join("j")).unwrap();
        let beside = |ending: &str| format!("{}{ending}", path.display());
        fs::write(&path, main).unwrap();
        fs::write(beside("-wal"), log).unwrap();
        fs::write(beside(".marks"), &self.marks).unwrap();

        let journal = SqliteJournal::open_at(&path, &tenant()).ok()?;
        if let Ok(plan_read) = done(journal.plan(&run(1))) {
            assert_eq!(*plan_read, plan(), "{what:?}");
        }
        let shown = match read(&*journal, 1) {
            Ok(shown) => shown,
            Err(ReadJournalError::NoSuchRun(_)) => return Some(0),
            Err(_) => return None,
        };
        assert_eq!(shown, self.records[..shown.len()], "{what:?}");
        if let Ok(mut head) = done(journal.head(&run(1))) {
            // What was lost is known to be.
            assert_eq!(head.tail_lost, shown.len() < self.records.len(), "{what:?}");
            head.tail_lost = false;
            assert!(self.heads.contains(&head), "{what:?}: {head:?}");
        }
        // Whoever takes it up adds to what is there, or is refused.
        if let Ok(lease) = done(journal.claim(again(1, &["network/a"])))
            && done(journal.append(&lease, vec![note("next")])).is_ok()
            && let Ok(after) = read(&*journal, 1)
        {
            let (before, added) = after.split_at(shown.len());
            assert_eq!(before, shown, "{what:?}");
            // That something was lost is in the records from here on, whoever goes on from them.
            let (last, said) = added.split_last().unwrap();
            assert_eq!(*last, note("next"), "{what:?}");
            let lost = !shown.is_empty() && shown.len() < self.records.len();
            assert_eq!(said.len(), usize::from(lost), "{what:?}");
            assert!(said.iter().all(|said| matches!(said, Record::StopRequested { .. })), "{what:?}");
        }
        Some(shown.len())
    }
}

/// What is looked at: all, or a part that is never the same twice in a page.
fn places(length: usize, share: usize) -> Vec<usize> {
    let step = if std::env::var_os("CONNEXA_TEST_EVERY_BYTE").is_some() { 1 } else { share };
    (0..length).step_by(step).collect()
}

/// Looks at one damaged journal for each case, on all processors.
fn each_case<T: Send + Sync + fmt::Debug>(
    cases: &[T],
    look: impl Fn(&Path, &T) -> Option<usize> + Sync,
) -> Vec<Option<usize>> {
    let folder = Place::in_memory();
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = cases.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let (folder, look) = (folder.folder.path(), &look);
        let at_work: Vec<_> = cases
            .chunks(share)
            .map(|cases| scope.spawn(move || cases.iter().map(|case| look(folder, case)).collect::<Vec<_>>()))
            .collect();
        at_work.into_iter().flat_map(|work| work.join().unwrap()).collect()
    })
}

/// How often each outcome was seen: refused, all records, none, some.
fn summary(what: &str, outcomes: &[Option<usize>]) -> (usize, usize, usize, usize) {
    let count = |of: &dyn Fn(Option<usize>) -> bool| outcomes.iter().filter(|outcome| of(**outcome)).count();
    let all = usize::try_from(RECORDS).unwrap();
    let refused = count(&|outcome| outcome.is_none());
    let whole = count(&|outcome| outcome == Some(all));
    let none = count(&|outcome| outcome == Some(0));
    let some = outcomes.len() - refused - whole - none;
    eprintln!("{what}: {refused} refused, {whole} whole, {some} in part, {none} not at all");
    (refused, whole, some, none)
}

#[test]
fn what_is_undamaged_is_whole() {
    for killed in [true, false] {
        let sample = Sample::take(killed);
        let folder = tempfile::tempdir().unwrap();
        let shown = sample.look(folder.path(), &sample.main, &sample.log, &"nothing");
        assert_eq!(shown, Some(sample.records.len()));
    }
}

#[test]
fn a_bit_turned_over_anywhere_is_found_or_does_not_matter() {
    let turned = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        // Another bit at each place.
        bytes[at] ^= 1 << (at * 5 % 8);
        bytes
    };
    let killed = Sample::take(true);
    let outcomes = each_case(&places(killed.log.len(), 211), |folder, at| {
        killed.look(folder, &killed.main, &turned(&killed.log, *at), &("log", at))
    });
    let (_, whole, some, none) = summary("a bit of the log", &outcomes);
    // SQLite sees each, and takes the log to end there.
    assert!(some > none && none > 0 && whole < outcomes.len() / 5, "{outcomes:?}");
    let outcomes = each_case(&places(killed.main.len(), 211), |folder, at| {
        killed.look(folder, &turned(&killed.main, *at), &killed.log, &("main file, with a log", at))
    });
    summary("a bit of the main file below a log", &outcomes);

    let ended = Sample::take(false);
    let outcomes = each_case(&places(ended.main.len(), 61), |folder, at| {
        ended.look(folder, &turned(&ended.main, *at), &[], &("main file", at))
    });
    let (refused, whole, some, _) = summary("a bit of the main file", &outcomes);
    // Its pages have no checksum: it is our hashes that see it. Much of it is empty.
    assert!(refused > 0 && whole > 0 && some == 0, "{outcomes:?}");
}

#[test]
fn a_file_cut_anywhere_shows_its_first_records_or_nothing() {
    let killed = Sample::take(true);
    let frames = (0..killed.log.len()).filter(|at| at % 4120 == 32);
    let edges = frames.flat_map(|at| [at - 1, at, at + 1]);
    let mut cuts: Vec<usize> = places(killed.log.len(), 499).into_iter().chain(edges).collect();
    cuts.push(killed.log.len());
    cuts.sort_unstable();
    let outcomes =
        each_case(&cuts, |folder, at| killed.look(folder, &killed.main, &killed.log[..*at], &("log", at)));
    summary("the log cut", &outcomes);
    // Each commit that is whole is there, whatever comes behind it.
    let shown: Vec<usize> = outcomes.iter().map(|outcome| outcome.expect("the main file is whole")).collect();
    assert!(shown.is_sorted(), "{shown:?}");
    let mut different = shown;
    different.dedup();
    assert_eq!(different, [0, 5, 10, 15, 20, 25, 30, 35, 40]);

    let ended = Sample::take(false);
    let pages = (0..ended.main.len()).step_by(4096).skip(1).flat_map(|at| [at - 1, at, at + 1]);
    let cuts: Vec<usize> = places(ended.main.len(), 499).into_iter().chain(pages).collect();
    let outcomes =
        each_case(&cuts, |folder, at| ended.look(folder, &ended.main[..*at], &[], &("main file", at)));
    summary("the main file cut", &outcomes);
    // An empty file is a new journal; the mark of the run that it has lost does not make it one of its own.
    assert!(outcomes.iter().all(|outcome| matches!(outcome, None | Some(0))), "{outcomes:?}");
}

/// Two runs, given out of hand, in a closed journal.
fn two_runs() -> Place {
    let place = Place::new();
    let journal = place.open();
    for number in [1, 2] {
        let lease = done(journal.claim(claim(number, &["network/a", "host/b"]))).unwrap();
        let records: Vec<_> = std::iter::once(started(number)).chain((2..=RECORDS).map(note)).collect();
        done(journal.append(&lease, records)).unwrap();
        done(journal.release(lease)).unwrap();
    }
    place
}

/// Where a record of a run lies.
fn lies(number: u64, seq: u64) -> u64 {
    number << 32 | seq
}

#[test]
fn rows_that_are_missing_swapped_doubled_or_changed_are_found_and_hurt_no_other_run() {
    let cases: Vec<(u64, String)> = (1..=RECORDS)
        .map(|seq| (seq, format!("DELETE FROM records WHERE place = {}", lies(1, seq))))
        .chain([1, 17, 40].into_iter().flat_map(|seq| {
            let (this, other) = (lies(1, seq), lies(1, seq % RECORDS + 1));
            let first = seq.min(seq % RECORDS + 1);
            let swap = |what: &str| {
                format!(
                    "UPDATE records SET {what} = o.{what} FROM records o
                     WHERE (records.place, o.place) IN (({this}, {other}), ({other}, {this}))"
                )
            };
            [
                (first, swap("payload")),
                (first, swap("hash")),
                (first, format!("{}; {}", swap("payload"), swap("hash"))),
                (seq, format!("UPDATE records SET payload = payload || ' ' WHERE place = {this}")),
                (
                    seq,
                    format!("UPDATE records SET payload = replace(payload, 't', 'T') WHERE place = {this}"),
                ),
                (seq, format!("UPDATE records SET hash = zeroblob(32) WHERE place = {this}")),
                (seq, format!("UPDATE records SET hash = x'00' WHERE place = {this}")),
                (seq, format!("UPDATE records SET epoch = 0 WHERE place = {this}")),
                (seq, format!("UPDATE records SET epoch = 2 WHERE place = {this}")),
                (seq, format!("UPDATE records SET tenant = 'https://evil.example' WHERE place = {this}")),
                // One of the other run in its place.
                (
                    seq,
                    format!(
                        "UPDATE records SET payload = o.payload, hash = o.hash FROM records o
                         WHERE records.place = {this} AND o.place = {}",
                        lies(2, seq)
                    ),
                ),
                // All behind it one place further, and it twice.
                (
                    (seq + 1).min(RECORDS + 1),
                    format!(
                        "UPDATE records SET place = -place - 1 WHERE place > {this} AND place < {end};
                         UPDATE records SET place = -place WHERE place < 0;
                         INSERT INTO records SELECT place + 1, tenant, epoch, payload, hash FROM records
                         WHERE place = {this}",
                        end = lies(2, 0)
                    ),
                ),
            ]
        }))
        .collect();
    let place = two_runs();
    let sound = fs::read(place.path()).unwrap();
    for (seq, sql) in cases {
        fs::write(place.path(), &sound).unwrap();
        place.sql(&sql);
        let journal = place.open();
        assert_eq!(damaged_at(read(&*journal, 1)), seq, "{sql}");
        assert_eq!(read(&*journal, 2).unwrap().len() as u64, RECORDS, "{sql}");
        // What lies before it can be read by itself; but the last is followed by nothing.
        let before = usize::try_from(seq.min(RECORDS) - 1).unwrap();
        assert_eq!(done(journal.read(&run(1), Seq(1), before)).unwrap().len(), before, "{sql}");
    }
}

#[test]
fn a_run_that_is_damaged_as_a_whole_is_listed_as_such() {
    let place = two_runs();
    let sound = fs::read(place.path()).unwrap();
    for sql in [
        "UPDATE runs SET state = replace(state, 'false', 'true') WHERE number = 1",
        "UPDATE runs SET state = 'x' WHERE number = 1",
        "UPDATE runs SET seal = zeroblob(32) WHERE number = 1",
        "UPDATE runs SET identity = replace(identity, 'apply', 'erase') WHERE number = 1",
        "UPDATE runs SET owned = 1 WHERE number = 1",
        "UPDATE runs SET tenant = 'https://evil.example' WHERE number = 1",
        // How the other run stands.
        "UPDATE runs SET state = o.state, seal = o.seal FROM runs o WHERE runs.number = 1 AND o.number = 2",
    ] {
        fs::write(place.path(), &sound).unwrap();
        place.sql(sql);
        let journal = place.open();
        damaged_at(read(&*journal, 1));
        let heads = done(journal.runs(&tenant(), None, 9)).unwrap();
        let told: Vec<_> = heads.iter().map(|head| (head.id.clone(), head.damaged.is_some())).collect();
        assert_eq!(told, [(run(2), false), (run(1), true)], "{sql}");
        assert!(heads[1].is_unfinished(), "{sql}");
        let refused = done(journal.claim(again(1, &[])));
        assert!(
            matches!(refused, Err(ClaimError::Unreadable(ReadJournalError::Damaged { .. }))),
            "{refused:?}"
        );
        // The way out: what it touched is named, and it stands in nobody's way any more.
        assert_eq!(done(journal.abandon(&run(1))).unwrap(), ["network/a", "host/b"], "{sql}");
        let head = done(journal.head(&run(1))).unwrap();
        assert!(head.abandoned && !head.is_unfinished(), "{sql}");
        assert_eq!(read(&*journal, 2).unwrap().len() as u64, RECORDS);
    }
}

#[test]
fn abandoning_a_run_with_damaged_records_names_its_keys() {
    let place = two_runs();
    place.sql(&format!("DELETE FROM records WHERE place = {}", lies(1, 20)));
    let journal = place.open();
    assert_eq!(done(journal.abandon(&run(2))).unwrap(), [] as [String; 0]);
    assert_eq!(done(journal.abandon(&run(1))).unwrap(), ["network/a", "host/b"]);
    assert!(done(journal.head(&run(1))).unwrap().abandoned);
}

#[test]
fn a_plan_that_is_not_the_one_that_was_stored_is_refused() {
    for sql in [
        "UPDATE plans SET plan = replace(plan, 'mind', 'mend') WHERE run = 1",
        "UPDATE plans SET plan = o.plan || ' ' FROM plans o WHERE plans.run = 1 AND o.run = 2",
        "DELETE FROM plans WHERE run = 1",
    ] {
        let place = two_runs();
        place.sql(sql);
        let journal = place.open();
        let refused = done(journal.plan(&run(1)));
        assert!(matches!(refused, Err(ReadJournalError::Damaged { .. })), "{refused:?}");
        assert_eq!(*done(journal.plan(&run(2))).unwrap(), plan());
    }
}

#[test]
fn an_earlier_state_with_later_records_is_no_honest_end() {
    let place = Place::new();
    let journal = place.open();
    let lease = recorded(&journal, 1, 10);
    let copy = Place::new();
    fs::create_dir(copy.path().parent().unwrap()).unwrap();
    for ending in ["", "-wal"] {
        let of = |place: &Place| format!("{}{ending}", place.path().display());
        fs::copy(of(&place), of(&copy)).unwrap();
    }
    done(journal.append(&lease, vec![finished(RunOutcome::Complete)])).unwrap();
    drop(journal);
    let state = "UPDATE runs SET owned = o.owned, state = o.state, seal = o.seal FROM old.runs o";
    place.sql(&format!("ATTACH '{}' AS old; {state}", copy.path().display()));
    assert_eq!(damaged_at(read(&*place.open(), 1)), 11);
}

#[test]
fn a_tail_that_was_lost_is_known_and_said_in_the_records() {
    let sample = Sample::take(true);
    let place = Place::new();
    fs::create_dir(place.path().parent().unwrap()).unwrap();
    fs::write(place.path(), &sample.main).unwrap();
    fs::write(format!("{}-wal", place.path().display()), &sample.log[..sample.log.len() / 2]).unwrap();
    fs::write(format!("{}.marks", place.path().display()), &sample.marks).unwrap();
    let lost = |journal: &SqliteJournal| done(journal.head(&run(1))).unwrap().tail_lost;
    let journal = place.open();
    assert!(lost(&journal));
    let left = read(&*journal, 1).unwrap().len();
    assert!(0 < left && left < sample.records.len());
    // Whoever takes it up and dies before a word finds it in the records, and so does the next.
    let lease = done(journal.claim(again(1, &[]))).unwrap();
    let last = read(&*journal, 1).unwrap().pop().unwrap();
    assert!(matches!(&last, Record::StopRequested { reason, .. } if reason.contains("lost")), "{last:?}");
    assert!(!lost(&journal));
    done(journal.release(lease)).unwrap();
    done(journal.claim(again(1, &[]))).unwrap();
    assert_eq!(read(&*journal, 1).unwrap().len(), left + 1);
}

#[test]
fn without_marks_nobody_knows_and_nothing_else_is_missing() {
    let place = Place::new();
    let journal = place.open();
    let lease = recorded(&journal, 1, 3);
    fs::remove_file(format!("{}.marks", place.path().display())).unwrap();
    let head = done(journal.head(&run(1))).unwrap();
    assert!(!head.tail_lost);
    done(journal.append(&lease, vec![note("next")])).unwrap();
    assert_eq!(read(&*journal, 1).unwrap().len(), 4);
}
