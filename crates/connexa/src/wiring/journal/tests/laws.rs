//! What any journal does, in memory or on disk; and what only one that outlives its process can show.

use super::*;
use connexa_engine::{
    journal::MemoryJournal,
    machine::AttemptId,
    plan::{Operation, OperationId},
    record::{Growth, OpenRuling, Purpose, UndoScope},
    report::{ReportedChange, Verdict},
    run::Goal,
};
use connexa_types::{
    Answer, AnswerBody, Call, Endpoint, Kind, Outcome, QuotaHeaders, Reason, Rejection, Why,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

/// Runs a law on each journal.
fn each(law: impl Fn(&dyn Journal)) {
    law(&MemoryJournal::new());
    law(&*Place::new().open());
}

fn read_from(journal: &dyn Journal, from: u64, limit: usize) -> Vec<u64> {
    let read = done(journal.read(&run(1), Seq(from), limit)).unwrap();
    read.into_iter().map(|stored| stored.seq.0).collect()
}

#[test]
fn records_come_back_in_order_from_any_number_on() {
    each(|journal| {
        let lease = done(journal.claim(claim(1, &[]))).unwrap();
        assert_eq!(read_from(journal, 1, 10), [0; 0]);
        assert_eq!(done(journal.append(&lease, vec![started(1), note("a")])), Ok(Seq(2)));
        assert_eq!(done(journal.append(&lease, vec![])), Ok(Seq(2)));
        assert_eq!(done(journal.append(&lease, vec![note("b"), note("c")])), Ok(Seq(4)));
        assert_eq!(read(journal, 1).unwrap(), [started(1), note("a"), note("b"), note("c")]);
        assert_eq!(read_from(journal, 0, 2), [1, 2]);
        assert_eq!(read_from(journal, 2, 2), [2, 3]);
        assert_eq!(read_from(journal, 4, 9), [4]);
        assert_eq!(read_from(journal, 5, 9), [0; 0]);
        assert_eq!(read_from(journal, 50, 9), [0; 0]);
        assert_eq!(read_from(journal, 1, 0), [0; 0]);
        assert_eq!(read(journal, 2), Err(ReadJournalError::NoSuchRun(run(2))));
    });
}

#[test]
fn appends_overlap_and_keep_their_order() {
    each(|journal| {
        let lease = done(journal.claim(claim(1, &[]))).unwrap();
        let appends: Vec<_> =
            (0..500_u64).map(|number| journal.append(&lease, vec![note(number), note(number)])).collect();
        // The last is asked first: all were queued when they were made, in this order.
        for (number, append) in appends.into_iter().enumerate().rev() {
            assert_eq!(done(append), Ok(Seq(2 * number as u64 + 2)));
        }
        let expected: Vec<Record> = (0..500_u64).flat_map(|number| [note(number), note(number)]).collect();
        assert_eq!(read(journal, 1).unwrap(), expected);
    });
}

#[test]
fn what_was_queued_is_written_though_nobody_waits() {
    each(|journal| {
        let lease = done(journal.claim(claim(1, &[]))).unwrap();
        drop(journal.append(&lease, vec![started(1)]));
        assert_eq!(done(journal.append(&lease, vec![note("b")])), Ok(Seq(2)));
        drop(journal.release(lease.clone()));
        assert_eq!(done(journal.append(&lease, vec![note("c")])), Err(JournalFailure::Fenced));
        assert_eq!(read(journal, 1).unwrap(), [started(1), note("b")]);
    });
}

#[test]
fn a_run_given_out_of_hand_is_taken_up_and_earlier_leases_are_worth_nothing() {
    each(|journal| {
        let first = done(journal.claim(claim(1, &["network/a"]))).unwrap();
        done(journal.append(&first, vec![started(1)])).unwrap();
        done(journal.release(first.clone())).unwrap();
        assert_eq!(done(journal.append(&first, vec![note("late")])), Err(JournalFailure::Fenced));
        let second = done(journal.claim(again(1, &["network/a"]))).unwrap();
        assert!(second.epoch > first.epoch);
        assert_eq!(done(journal.append(&first, vec![note("late")])), Err(JournalFailure::Fenced));
        assert_eq!(done(journal.release(first)), Err(JournalFailure::Fenced));
        assert_eq!(done(journal.append(&second, vec![note("next")])), Ok(Seq(2)));
        assert_eq!(read(journal, 1).unwrap(), [started(1), note("next")]);
        assert_eq!(*done(journal.plan(&run(1))).unwrap(), plan());
    });
}

#[test]
fn runs_that_touch_the_same_keep_out_of_each_others_way() {
    each(|journal| {
        let lease = done(journal.claim(claim(1, &["network/a", "network/b"]))).unwrap();
        let taken = done(journal.claim(claim(2, &["host/x", "network/b", "network/a"])));
        assert_eq!(taken, Err(ClaimError::Taken { run: run(1), key: "network/b".to_owned() }));
        assert_eq!(done(journal.head(&run(2))).unwrap_err(), ReadJournalError::NoSuchRun(run(2)));
        done(journal.claim(claim(3, &["host/x"]))).unwrap();
        done(journal.release(lease)).unwrap();
        done(journal.claim(claim(2, &["network/b"]))).unwrap();
        // What the first had once claimed is no longer its own.
        let taken = done(journal.claim(again(1, &["network/a", "network/b"])));
        assert_eq!(taken, Err(ClaimError::Taken { run: run(2), key: "network/b".to_owned() }));
        done(journal.claim(again(1, &["network/a"]))).unwrap();
    });
}

#[test]
fn the_newest_runs_come_first_and_page_by_page() {
    each(|journal| {
        for number in 1..=5 {
            let lease = done(journal.claim(claim(number, &[]))).unwrap();
            done(journal.append(&lease, vec![started(number)])).unwrap();
            if number == 2 {
                done(journal.append(&lease, vec![finished(RunOutcome::Stopped)])).unwrap();
            }
            if number != 3 {
                done(journal.release(lease)).unwrap();
            }
        }
        let page = |after: Option<RunId>, limit| {
            let heads = done(journal.runs(&tenant(), after, limit)).unwrap();
            heads.into_iter().map(|head| (head.id, head.outcome)).collect::<Vec<_>>()
        };
        let (interrupted, running) = (RunOutcome::Interrupted, RunOutcome::Running);
        assert_eq!(page(None, 3), [(run(5), interrupted), (run(4), interrupted), (run(3), running)]);
        assert_eq!(page(Some(run(3)), 3), [(run(2), RunOutcome::Stopped), (run(1), interrupted)]);
        assert_eq!(page(Some(run(1)), 3), []);
        assert_eq!(done(journal.runs(&"https://other.example".into(), None, 9)).unwrap(), []);
        let head = done(journal.head(&run(2))).unwrap();
        assert_eq!((head.started, head.finished), (at(), Some(at())));
        assert_eq!((head.command.as_str(), head.tenant), ("apply", tenant()));
    });
}

#[test]
fn a_stop_is_asked_of_whoever_has_the_run_in_hand() {
    each(|journal| {
        let first = done(journal.claim(claim(1, &[]))).unwrap();
        assert_eq!(done(journal.asked_to_stop(&first)), Ok(false));
        assert_eq!(done(journal.ask_to_stop(&run(1))), Ok(true));
        assert_eq!(done(journal.ask_to_stop(&run(1))), Ok(true));
        assert_eq!(done(journal.asked_to_stop(&first)), Ok(true));
        done(journal.release(first)).unwrap();
        let second = done(journal.claim(again(1, &[]))).unwrap();
        assert_eq!(done(journal.asked_to_stop(&second)), Ok(false));
        let unknown = done(journal.ask_to_stop(&run(7)));
        assert_eq!(unknown, Err(ReadJournalError::NoSuchRun(run(7))));
    });
}

#[test]
fn an_abandoned_run_says_so() {
    each(|journal| {
        let lease = done(journal.claim(claim(1, &["network/a"]))).unwrap();
        done(journal.append(&lease, vec![started(1)])).unwrap();
        done(journal.release(lease)).unwrap();
        assert!(done(journal.head(&run(1))).unwrap().is_unfinished());
        assert_eq!(done(journal.abandon(&run(1))), Ok(vec![]));
        let head = done(journal.head(&run(1))).unwrap();
        assert!(head.abandoned && !head.is_unfinished());
        assert_eq!(read(journal, 1).unwrap(), [started(1)]);
        let unknown = done(journal.abandon(&run(7)));
        assert_eq!(unknown, Err(ReadJournalError::NoSuchRun(run(7))));
    });
}

#[test]
fn every_record_survives_a_round_trip_and_is_counted() {
    each(|journal| {
        let lease = done(journal.claim(claim(1, &[]))).unwrap();
        let records = one_of_each();
        done(journal.append(&lease, records.clone())).unwrap();
        assert_eq!(read(journal, 1).unwrap(), records);
        let head = done(journal.head(&run(1))).unwrap();
        assert_eq!(
            head.counts,
            BTreeMap::from([("network".to_owned(), BTreeMap::from([(Verdict::Succeeded, 1)]))])
        );
        // The attempt without an outcome and the lost one.
        assert_eq!(head.open, 2);
        assert_eq!(head.outcome, RunOutcome::Stuck);
    });
}

/// Records of all kinds. The match makes the compiler ask for new ones.
fn one_of_each() -> Vec<Record> {
    let seen = |record: &Record| match record {
        Record::RunStarted { .. } => 0,
        Record::RunContinued { .. } => 1,
        Record::AttemptStarted { .. } => 2,
        Record::AttemptEnded { .. } => 3,
        Record::OperationUnsettled { .. } => 4,
        Record::OperationEnded { .. } => 5,
        Record::ChangeEnded { .. } => 6,
        Record::OperationAdded { .. } => 7,
        Record::WaveStarted { .. } => 8,
        Record::KindStopped { .. } => 9,
        Record::BatchesRefused { .. } => 10,
        Record::StopRequested { .. } => 11,
        Record::UndoStarted { .. } => 12,
        Record::RunFinished { .. } => 13,
    };
    let operation = |name: &str| OperationId(name.to_owned());
    let call =
        || Call::new(Endpoint::NetworkCreate).json(json!({ "name": "\u{0}é\"\n", "n": 1.5e300, "z": null }));
    let intent = |attempt, name: &str| Record::AttemptStarted {
        attempt: AttemptId(attempt),
        purpose: Purpose::Operation(operation(name)),
        number: 1,
        call: call(),
        waited: Duration::from_micros(1_234_567),
        at: at(),
        send_by: at(),
    };
    let ended = |attempt, outcome| Record::AttemptEnded {
        attempt: AttemptId(attempt),
        outcome,
        quota: Some(QuotaHeaders { burst: Some(20), ..QuotaHeaders::default() }),
        wire_calls: 1,
        token_calls: 0,
        took: Duration::from_millis(3),
        at: at(),
    };
    let change: ReportedChange = serde_json::from_value(json!({
        "kind": "network", "key": "a", "action": "create", "item": { "name": "a" }, "attempts": 1,
    }))
    .unwrap();
    let added: Operation = serde_json::from_value(json!({
        "id": "repair", "kind": "network_route", "needs": [], "carries": [{ "change": 0, "at": "" }],
        "call": { "endpoint": Endpoint::NetworkRouteCreate, "body": { "json": { "subnet": "10.0.0.0/8" } } },
    }))
    .unwrap();
    let json_body = AnswerBody::Json(json!({ "id": "1", "f": 0.1, "big": u64::MAX }));
    let outcomes = [
        Outcome::Applied(Answer { status: 201, body: json_body, sealed: BTreeMap::new() }),
        Outcome::Rejected(Rejection { status: 400, gone: None, error: None, text: "no".to_owned() }),
        Outcome::Throttled(Some(Duration::from_secs(2))),
        Outcome::NotSent(Why::new(Reason::TooLate, "slept")),
        Outcome::Unauthorized,
        Outcome::Indeterminate(Why::new(Reason::TooLate, "slept")),
    ];
    let mut records = vec![started(1)];
    for (outcome, attempt) in outcomes.into_iter().zip(1..) {
        records.extend([intent(attempt, &format!("o{attempt}")), ended(attempt, outcome)]);
    }
    records.extend([
        intent(9, "o9"),
        Record::OperationUnsettled { operation: operation("o6"), until: at(), at: at() },
        Record::ChangeEnded {
            change: 0,
            verdict: Verdict::Unknown,
            report: Box::new(change.clone()),
            at: at(),
        },
        Record::ChangeEnded { change: 0, verdict: Verdict::Succeeded, report: Box::new(change), at: at() },
        Record::OperationEnded {
            operation: operation("o1"),
            verdict: Verdict::Succeeded,
            open: Vec::<OpenRuling>::new(),
            unsettled: false,
            at: at(),
        },
        Record::OperationAdded {
            operation: Box::new(added),
            from: operation("o1"),
            growth: Growth::Repair,
            at: at(),
        },
        Record::WaveStarted { wave: 1, operations: 2, at: at() },
        Record::KindStopped { kind: Kind::Network, reason: "403".to_owned(), at: at() },
        Record::BatchesRefused { reason: "404".to_owned(), at: at() },
        note("enough"),
        Record::UndoStarted {
            scope: UndoScope::Unit("office".to_owned()),
            reason: "failed".to_owned(),
            at: at(),
        },
        Record::RunContinued { goal: Goal::Forward, options: Box::new(RunOptions::default()), at: at() },
        finished(RunOutcome::Stuck),
    ]);
    let kinds: std::collections::BTreeSet<i32> = records.iter().map(seen).collect();
    assert_eq!(kinds, (0..14).collect());
    records
}

#[test]
fn a_later_process_finds_it_all_and_counts_on() {
    let place = Place::new();
    let journal = place.open();
    let lease = done(journal.claim(claim(1, &[]))).unwrap();
    done(journal.append(&lease, one_of_each())).unwrap();
    let before = done(journal.head(&run(1))).unwrap();
    // As after a kill: nothing is given out of hand.
    drop(journal);
    let journal = place.open();
    assert_eq!(done(journal.head(&run(1))).unwrap(), before);
    let lease = done(journal.claim(again(1, &[]))).unwrap();
    done(journal.append(&lease, vec![note("next")])).unwrap();
    // Nobody has counted since the run was taken up: whoever asks does.
    let running = done(journal.head(&run(1))).unwrap();
    assert_eq!((running.outcome, &running.counts, running.open), (RunOutcome::Running, &before.counts, 2));
    done(journal.release(lease)).unwrap();
    let released = done(journal.head(&run(1))).unwrap();
    assert_eq!(
        (released.outcome, &released.counts, released.open),
        (RunOutcome::Interrupted, &before.counts, 2)
    );
}

/// What is done to a journal.
#[derive(Clone, Debug)]
enum Step {
    /// Claims a run, new or not, with the keys of these bits; only if nobody has it in hand.
    Claim {
        run: u32,
        keys: u8,
    },
    /// Appends so many records with the lease of a claim, be it the last or an earlier one.
    Append {
        claim: usize,
        records: usize,
    },
    Finish {
        claim: usize,
    },
    Release {
        claim: usize,
    },
    AskToStop {
        run: u32,
    },
    Abandon {
        run: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (runs, claims) = (1_u32..4, 0_usize..6);
    prop_oneof![
        3 => (runs.clone(), 0_u8..8).prop_map(|(run, keys)| Step::Claim { run, keys }),
        4 => (claims.clone(), 0_usize..4).prop_map(|(claim, records)| Step::Append { claim, records }),
        1 => claims.clone().prop_map(|claim| Step::Finish { claim }),
        2 => claims.prop_map(|claim| Step::Release { claim }),
        1 => runs.clone().prop_map(|run| Step::AskToStop { run }),
        1 => runs.prop_map(|run| Step::Abandon { run }),
    ]
}

/// Goes the steps, and tells all that the journal answers and shows.
fn go(journal: &dyn Journal, steps: &[Step]) -> Vec<String> {
    let mut told = Vec::new();
    let mut leases: Vec<Lease> = Vec::new();
    let mut held: BTreeMap<u32, Lease> = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        let lease = |at: usize| leases.get(leases.len().wrapping_sub(at + 1)).cloned();
        match *step {
            Step::Claim { run, keys } if !held.contains_key(&run) => {
                let all = ["network/a", "network/b", "host/c"].into_iter().enumerate();
                let keys: Vec<&str> =
                    all.filter(|(bit, _)| keys >> *bit & 1 == 1).map(|(_, key)| key).collect();
                let claimed = done(journal.claim(claim(run, &keys)));
                told.push(format!("{claimed:?}"));
                if let Ok(lease) = claimed {
                    leases.push(lease.clone());
                    held.insert(run, lease);
                }
            }
            Step::Claim { .. } => {}
            Step::Append { claim, records } => {
                let Some(lease) = lease(claim) else { continue };
                let records = (0..records).map(|record| note(format!("{number}.{record}"))).collect();
                told.push(format!("{:?}", done(journal.append(&lease, records))));
            }
            Step::Finish { claim } => {
                let Some(lease) = lease(claim) else { continue };
                let finished = vec![finished(RunOutcome::Stopped)];
                told.push(format!("{:?}", done(journal.append(&lease, finished))));
            }
            Step::Release { claim } => {
                let Some(lease) = lease(claim) else { continue };
                held.retain(|_, theirs| *theirs != lease);
                told.push(format!("{:?}", done(journal.release(lease))));
            }
            Step::AskToStop { run: of } => told.push(format!("{:?}", done(journal.ask_to_stop(&run(of))))),
            Step::Abandon { run: of } => told.push(format!("{:?}", done(journal.abandon(&run(of))))),
        }
        for lease in held.values() {
            told.push(format!("{:?}", done(journal.asked_to_stop(lease))));
        }
    }
    told.push(format!("{:?}", done(journal.runs(&tenant(), None, 9))));
    told.extend((1..4).map(|number| format!("{:?}", read(journal, number))));
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    /// Both journals answer alike, whatever is done to them; and a later process finds what there was.
    #[test]
    fn a_journal_on_disk_is_like_one_in_memory(steps in proptest::collection::vec(step(), 1..40)) {
        let place = Place::in_memory();
        let journal = place.open();
        let told = go(&*journal, &steps);
        prop_assert_eq!(&told, &go(&MemoryJournal::new(), &steps));
        let shown = |journal: &SqliteJournal| {
            (1..4).map(|number| format!("{:?}", read(journal, number))).collect::<Vec<_>>()
        };
        drop(journal);
        prop_assert_eq!(&shown(&place.open())[..], &told[told.len() - 3..]);
    }
}
