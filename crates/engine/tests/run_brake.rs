//! The brake: a kind whose calls are all refused costs a few calls, not one for each item.

mod sim;

use connexa_engine::{
    record::Record,
    report::{ErrorType, RunOutcome, Verdict},
    run::RunOptions,
};
use connexa_types::{Call, CallBody, Endpoint, ErrorDetail, Outcome};
use sim::{
    bucket::{Bucket, Numbers},
    plans::Builder,
    ran::{Ran, rejection_of, run_as},
    service::{Buckets, rejection},
};

fn hosts_and_a_group(count: usize) -> Builder {
    let mut builder = Builder::default();
    for index in 0..count {
        builder.host(&format!("h{index}"));
    }
    let group = builder.group("g");
    builder.user("u", group);
    builder
}

fn play(
    options: RunOptions,
    builder: Builder,
    script: impl FnMut(&Call) -> Option<Outcome> + Send + 'static,
) -> Ran {
    run_as(options, Buckets::None, builder, Box::new(script))
}

/// One at a time, so that what is in flight does not blur the count.
fn one_by_one() -> RunOptions {
    RunOptions { parallel: 1, ..RunOptions::default() }
}

fn calls(ran: &Ran, endpoint: Endpoint) -> usize {
    ran.world.service.ledger().iter().filter(|entry| entry.call.endpoint == endpoint).count()
}

#[test]
fn a_403_on_the_first_call_stops_the_kind_and_what_needs_it() {
    let mut builder = Builder::default();
    let group = builder.group("g");
    builder.group("g2");
    builder.user("u", group);
    let second = builder.user("u2", group + 1);
    builder.operations[second].needs = vec![group + 1];
    builder.host("h");
    let ran = play(one_by_one(), builder, |call| rejection_of(call, Endpoint::UserGroupCreate, 403));
    assert_eq!(ran.error("g").1, ErrorType::PermissionDenied);
    let (verdict, stopped) = ran.change("g2");
    assert_eq!(
        (verdict, stopped.attempts, stopped.cause.as_deref()),
        (Verdict::Unprocessed, Some(0), Some("user_group/g"))
    );
    let expected =
        "not started: the key may not create user groups (403), so the rest of the kind was stopped";
    assert_eq!(stopped.error.as_deref(), Some(expected));
    for key in ["u", "u2"] {
        assert_eq!(ran.change(key).0, Verdict::Skipped, "{key}");
    }
    assert_eq!((ran.change("h").0, ran.outcome()), (Verdict::Succeeded, RunOutcome::Partial));
    assert_eq!(calls(&ran, Endpoint::UserGroupCreate), 1);
    assert!(ran.outcome.records.iter().any(|record| matches!(record, Record::KindStopped { .. })));
}

#[test]
fn a_403_after_another_answer_is_the_fault_of_one_item() {
    let mut number = 0;
    let ran = play(one_by_one(), hosts_and_a_group(4), move |call| {
        number += usize::from(call.endpoint == Endpoint::HostCreate);
        rejection_of(call, Endpoint::HostCreate, 403).filter(|_| number == 2)
    });
    assert_eq!(ran.outcome.report.lists.failed.len(), 1);
    assert_eq!((calls(&ran, Endpoint::HostCreate), ran.outcome.report.lists.unprocessed.len()), (4, 0));
}

fn with_code(code: &str, message: &str) -> Outcome {
    let Outcome::Rejected(mut refusal) = rejection(400, &[("name", message)]) else { unreachable!() };
    let detail = ErrorDetail {
        error_code: Some(code.to_owned()),
        message: Some(message.to_owned()),
        ..ErrorDetail::default()
    };
    if let Some(error) = &mut refusal.error {
        error.error_details = vec![("name".to_owned(), vec![detail])];
    }
    Outcome::Rejected(refusal)
}

#[test]
fn the_first_five_that_fail_alike_stop_the_kind() {
    let mut number = 0;
    let ran = play(one_by_one(), hosts_and_a_group(9), move |call| {
        number += 1;
        // The words differ, the code does not.
        (call.endpoint == Endpoint::HostCreate)
            .then(|| with_code("0-10-25", &format!("limit reached {number}")))
    });
    assert_eq!((calls(&ran, Endpoint::HostCreate), ran.outcome.report.lists.failed.len()), (5, 5));
    assert_eq!(ran.outcome.report.lists.unprocessed.len(), 4);
    let error = ran.change("h8").1.error.clone().unwrap_or_default();
    assert!(error.contains("the first 5 calls for hosts were refused alike (400)"), "{error}");
    assert_eq!((ran.change("u").0, ran.outcome()), (Verdict::Succeeded, RunOutcome::Partial));
}

#[test]
fn what_fails_for_different_reasons_or_after_a_success_goes_on() {
    let codes = |of: fn(usize) -> Option<&'static str>| {
        let mut number = 0;
        play(one_by_one(), hosts_and_a_group(9), move |call| {
            if call.endpoint != Endpoint::HostCreate {
                return None;
            }
            number += 1;
            of(number).map(|code| with_code(code, "odd"))
        })
    };
    let all_tried = |ran: &Ran| {
        assert_eq!((calls(ran, Endpoint::HostCreate), ran.outcome.report.lists.unprocessed.len()), (9, 0));
    };
    all_tried(&codes(|number| Some(if number == 3 { "1" } else { "2" })));
    all_tried(&codes(|number| (number != 2).then_some("1")));
    // Without a code the words of each field count: five bad items are no bad kind.
    let ran = play(one_by_one(), hosts_and_a_group(9), |call| {
        let Some(CallBody::Json(body)) = &call.body else { return None };
        let words = format!("{} is odd", body["name"]);
        (call.endpoint == Endpoint::HostCreate).then(|| rejection(400, &[("name", words.as_str())]))
    });
    all_tried(&ran);
}

#[test]
fn without_the_brake_each_item_has_its_call() {
    for status in [400, 403] {
        let options = RunOptions { brake: false, ..one_by_one() };
        let ran =
            play(options, hosts_and_a_group(9), move |call| rejection_of(call, Endpoint::HostCreate, status));
        assert_eq!((calls(&ran, Endpoint::HostCreate), ran.outcome.report.lists.failed.len()), (9, 9));
    }
}

/// What waits for its permit when the brake is pulled is not sent either.
#[test]
fn what_is_in_line_is_stopped_too() {
    let bucket = || Bucket::full(Numbers::new(1, 1, 10));
    let ran = run_as(
        RunOptions::default(),
        Buckets::Apart { read: bucket(), update: bucket() },
        hosts_and_a_group(60),
        Box::new(|call| rejection_of(call, Endpoint::HostCreate, 403)),
    );
    assert_eq!(calls(&ran, Endpoint::HostCreate), 1);
    assert_eq!((ran.outcome.report.lists.unprocessed.len(), ran.change("u").0), (59, Verdict::Succeeded));
}
