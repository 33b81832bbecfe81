//! Batched requests: what goes together, how much of it, and what is done about a service that has no such thing.

mod sim;

use connexa_engine::{
    record::Record,
    report::{ErrorType, RunOutcome, Verdict},
    run::RunOptions,
};
use connexa_types::{Call, CallBody, Endpoint, JsonPointer, Kind, Outcome, SecretRef, SecretSource};
use serde_json::json;
use sim::{
    bucket::{Bucket, Numbers},
    plans::Builder,
    ran::{Ran, world},
    service::{Buckets, Faults, rejection},
};

fn hosts(count: usize) -> Builder {
    let mut builder = Builder::default();
    for index in 0..count {
        builder.host(&format!("h{index}"));
    }
    builder
}

fn up_to(batch: usize) -> RunOptions {
    RunOptions { batch, ..RunOptions::default() }
}

fn plenty() -> Buckets {
    apart(1000)
}

fn apart(burst: u32) -> Buckets {
    let bucket = Bucket::full(Numbers::new(burst, 1, 10));
    Buckets::Apart { read: bucket.clone(), update: bucket }
}

fn play(
    options: RunOptions,
    buckets: Buckets,
    builder: Builder,
    script: impl FnMut(&Call) -> Option<Outcome> + Send + 'static,
) -> Ran {
    let world = world(buckets, Box::new(script));
    world.service.state().batches = Some(0);
    let outcome = world.run(&builder.plan(), options, 1, None);
    Ran { outcome, world }
}

/// How many calls each request held, in their order.
fn requests(ran: &Ran) -> Vec<usize> {
    let ledger = ran.world.service.ledger();
    let mut requests: Vec<(Option<usize>, usize)> = Vec::new();
    for entry in ledger {
        match requests.last_mut() {
            Some((batch @ Some(_), calls)) if *batch == entry.batch => *calls += 1,
            _ => requests.push((entry.batch, 1)),
        }
    }
    requests.into_iter().map(|(_, calls)| calls).collect()
}

#[test]
fn without_the_option_each_call_goes_by_itself() {
    let ran = play(RunOptions::default(), plenty(), hosts(20), |_| None);
    assert_eq!((requests(&ran), ran.outcome()), (vec![1; 20], RunOutcome::Complete));
    assert_eq!(ran.world.service.state().batches, Some(0));
}

/// The first call goes ahead: until it is answered nobody knows what the quota allows.
#[test]
fn what_may_start_goes_together_up_to_the_number() {
    let ran = play(up_to(50), plenty(), hosts(120), |_| None);
    assert_eq!((requests(&ran), ran.outcome()), (vec![1, 50, 50, 19], RunOutcome::Complete));
    // To all who count, they are calls.
    assert_eq!((ran.outcome.report.calls.update, ran.outcome.report.calls.retried), (120, 0));
    let intents = |record: &&Record| matches!(record, Record::AttemptStarted { .. });
    assert_eq!(ran.outcome.records.iter().filter(intents).count(), 120);
}

#[test]
fn no_more_go_than_there_are_tokens() {
    let ran = play(up_to(50), apart(20), hosts(30), |_| None);
    let requests = requests(&ran);
    // The burst, less what the answer to the first call leaves open; then one whenever there is a token.
    assert!(requests[0] == 1 && (15..20).contains(&requests[1]), "{requests:?}");
    assert!(requests[2..].iter().all(|calls| *calls == 1), "{requests:?}");
    assert_eq!(ran.outcome.report.calls.throttled, 0);
}

#[test]
fn what_needs_another_waits_for_its_answer() {
    let mut builder = hosts(1);
    let groups: Vec<usize> = (0..5).map(|index| builder.group(&format!("g{index}"))).collect();
    for (index, group) in groups.iter().enumerate() {
        builder.user(&format!("u{index}"), *group);
    }
    let ran = play(up_to(50), plenty(), builder, |_| None);
    // A group; the other groups, the user of the first, and the host; the other users.
    assert_eq!((requests(&ran), ran.outcome()), (vec![1, 6, 4], RunOutcome::Complete));
    let ledger = ran.world.service.ledger();
    assert!(ledger[7..].iter().all(|entry| entry.call.endpoint == Endpoint::UserCreate));
}

#[test]
fn large_calls_share_a_request_only_as_far_as_it_stays_small() {
    let mut builder = hosts(1);
    for index in 0..6 {
        let operation = builder.host(&format!("large-{index}"));
        let body = json!({ "name": format!("large-{index}"), "description": "x".repeat(400_000) });
        builder.operations[operation].call.body = Some(CallBody::Json(body));
    }
    let ran = play(up_to(50), plenty(), builder, |_| None);
    assert_eq!((requests(&ran), ran.outcome()), (vec![1, 2, 2, 2], RunOutcome::Complete));
}

/// Refused, throttled, without a secret: each has its own outcome, whatever the others have.
#[test]
fn each_result_is_judged_on_its_own() {
    let mut builder = hosts(8);
    let reference = SecretRef { field: "missing".to_owned(), source: SecretSource::Inline, hash: None };
    builder.operations[7].call.secrets.insert(JsonPointer::new("/name"), reference);
    let mut throttled = false;
    let ran = play(up_to(50), plenty(), builder, move |call| {
        let Some(CallBody::Json(body)) = &call.body else { return None };
        match body["name"].as_str()? {
            "h3" => Some(rejection(422, &[("name", "odd")])),
            "h4" => (!std::mem::replace(&mut throttled, true)).then_some(Outcome::Throttled(None)),
            _ => None,
        }
    });
    assert_eq!(requests(&ran)[..2], [1, 6]);
    assert_eq!(ran.error("h3").1, ErrorType::Rejected);
    assert_eq!((ran.change("h4").0, ran.change("h4").1.attempts), (Verdict::Succeeded, Some(2)));
    let (verdict, error_type, _) = ran.error("h7");
    assert_eq!((verdict, error_type), (Verdict::Unprocessed, ErrorType::SecretMissing));
    assert_eq!(ran.outcome.report.lists.succeeded.len(), 6);
}

/// A lost answer is that of all of them: one list says what became of each, and they are sent again together.
#[test]
fn calls_whose_answer_is_lost_together_are_settled_by_one_list() {
    let world = world(plenty(), Box::new(|_| None));
    world.service.state().batches = Some(0);
    let mut times = 0;
    world.service.state().script = Some(Box::new(move |call| {
        let Some(CallBody::Json(body)) = &call.body else { return None };
        times += usize::from(body["name"] == "h1");
        (body["name"] != "h0" && times < 3)
            .then(|| Outcome::Indeterminate(sim::service::why(connexa_types::Reason::Reset, None)))
    }));
    let outcome = world.run(&hosts(7).plan(), up_to(50), 1, None);
    let ran = Ran { outcome, world };
    // A call by itself, then twice six that are lost, each time a list, and six that are not; at the end one list more.
    assert_eq!((requests(&ran), ran.outcome()), (vec![1, 6, 1, 6, 1, 6, 1], RunOutcome::Complete));
    assert_eq!(ran.outcome.report.lists.succeeded.len(), 7);
}

#[test]
fn a_service_without_batches_is_told_of_once_and_gets_calls_one_by_one() {
    let world = world(plenty(), Box::new(|_| None));
    let options = RunOptions { parallel: 3, ..up_to(50) };
    let outcome = world.run(&hosts(30).plan(), options, 1, None);
    let ran = Ran { outcome, world };
    assert_eq!((requests(&ran), ran.outcome()), (vec![1; 30], RunOutcome::Complete));
    let warnings = &ran.outcome.report.warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("the service takes no batched requests (404)"), "{warnings:?}");
    let told = |record: &&Record| matches!(record, Record::BatchesRefused { .. });
    assert_eq!(ran.outcome.records.iter().filter(told).count(), 1);
    assert!(ran.world.service.state().most_in_flight <= 3);
}

/// What a call gives out once only is not to be lost with the answers of others.
#[test]
fn calls_that_give_something_out_go_by_themselves() {
    let mut builder = hosts(1);
    for index in 0..4 {
        let id = format!("c{index}");
        let live = json!({ "id": id, "name": id });
        let operation =
            builder.act(Endpoint::NetworkConnectorProfile, Kind::NetworkConnector, "profile", &live);
        builder.operations[operation].base.clear();
    }
    let world = world(plenty(), Box::new(|_| None));
    world.service.state().batches = Some(0);
    world.service.state().faults = Faults::default();
    let outcome = world.run(&builder.plan(), up_to(50), 1, None);
    assert_eq!(requests(&Ran { outcome, world }), [1; 5]);
}
