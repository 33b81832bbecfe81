//! What a run says of its changes, case by case.

mod sim;

use connexa_engine::{
    journal::MemoryJournal,
    pacer::PacerOptions,
    plan::{Action, Carried, Cleared},
    record::{Event, Purpose, Record, Tick, Waiting},
    report::{ErrorType, Origin, RunOutcome, Verdict},
    run::RunOptions,
};
use connexa_types::{
    Class, Endpoint, Gone, JsonPointer, Kind, Mono, Outcome, Reason, Rejection, SecretRef, SecretSource,
};
use serde_json::{Value, json};
use sim::{
    World,
    bucket::{Bucket, Numbers},
    clock::SimClock,
    plans::Builder,
    ran::{Ran, applied, details, is_create, run, run_in},
    service::{Buckets, Script, Service, rejection, why},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

#[test]
fn a_joint_create_gives_each_change_its_own_part() {
    let mut builder = Builder::default();
    builder.network("paris", 2, 1);
    let ran = run(builder, |_| None);
    assert_eq!(ran.outcome(), RunOutcome::Complete);
    let (_, network) = ran.change("paris");
    assert_eq!(network.object.as_deref(), Some(&json!({ "name": "paris", "id": "id-1" })));
    assert_eq!((network.id.as_deref(), network.origin), (Some("id-1"), Some(Origin::Confirmed)));
    assert_eq!((network.attempts, network.status, &network.note), (Some(1), Some(201), &None));
    let (_, route) = ran.change("paris/10.0.0.0/16");
    assert_eq!(route.object.as_deref(), Some(&json!({ "id": "id-4", "subnet": "10.0.0.0/16" })));
    let (_, connector) = ran.change("paris/c1");
    assert_eq!(connector.object.as_ref().map(|object| &object["name"]), Some(&json!("c1")));
    assert_eq!(ran.outcome.report.calls.one_per_object, Some(4));
}

#[test]
fn children_are_found_by_key_whatever_their_order_and_twins_by_their_place() {
    let mut builder = Builder::default();
    let operation = builder.network("paris", 3, 0);
    let body =
        json!({ "name": "paris", "connectors": [{ "name": "a" }, { "name": "twin" }, { "name": "twin" }] });
    builder.operations[operation].call.body = Some(connexa_types::CallBody::Json(body));
    let ran = run(builder, |call| {
        is_create(call).then(|| {
            let twin = |id: &str| json!({ "id": id, "name": "twin" });
            let connectors = json!([twin("t1"), twin("t2"), { "id": "a", "name": "a" }]);
            applied(json!({ "id": "n", "name": "paris", "connectors": connectors }))
        })
    });
    let id = |key: &str| ran.change(key).1.id.clone().expect("an id");
    assert_eq!((id("paris/c0"), id("paris/c1"), id("paris/c2")), ("a".into(), "t2".into(), "t1".into()));
}

#[test]
fn refusals_have_types_by_status_and_the_servers_words_after_ours() {
    for (status, error_type) in [
        (400, ErrorType::Rejected),
        (403, ErrorType::PermissionDenied),
        (404, ErrorType::NotFound),
        (409, ErrorType::Conflict),
        (422, ErrorType::Rejected),
    ] {
        let mut builder = Builder::default();
        builder.host("a");
        builder.host("b");
        let ran = run(builder, move |call| {
            let Some(connexa_types::CallBody::Json(body)) = &call.body else { return None };
            (body["name"] == "a").then(|| rejection(status, &[("gatewaysIds[0]", "unknown")]))
        });
        let (verdict, found, error) = ran.error("a");
        assert_eq!((verdict, found), (Verdict::Failed, error_type));
        let expected =
            format!("refused by the service ({status} Bad Request); nothing was changed: Simulated refusal");
        assert_eq!(error, expected);
        assert_eq!(ran.detail("a"), details(&[("gateways[0]", "unknown")]));
        // The brake: who may not make the first host may not make the second.
        let other = if status == 403 { Verdict::Unprocessed } else { Verdict::Succeeded };
        assert_eq!((ran.change("a").1.status, ran.change("b").0), (Some(status), other));
        assert_eq!((ran.outcome(), ran.outcome.report.calls.read), (RunOutcome::Partial, 0));
    }
}

#[test]
fn a_parent_that_is_gone_is_not_found_and_words_are_made_of_details_if_there_are_no_others() {
    let mut builder = Builder::default();
    builder.host("a");
    let ran = run(builder, |_| {
        let Outcome::Rejected(refusal) = rejection(400, &[("id", "no such thing")]) else { unreachable!() };
        let error = refusal.error.map(|e| connexa_types::ErrorResponse { error_message: None, ..e });
        Some(Outcome::Rejected(Rejection { gone: Some(Gone::Parent), error, ..refusal }))
    });
    let (_, error_type, error) = ran.error("a");
    assert_eq!(error_type, ErrorType::NotFound);
    assert_eq!(error, "refused by the service (400 Bad Request); nothing was changed: no such thing");
}

#[test]
fn a_refused_joint_create_that_left_nothing_fails_with_all_on_board() {
    let mut builder = Builder::default();
    let network = builder.network("paris", 2, 1);
    builder.connector("paris/late", network);
    builder.host("other");
    let ran = run(builder, |call| {
        (call.endpoint == Endpoint::NetworkCreate).then(|| {
            rejection(
                400,
                &[("name", "odd"), ("connectors[1].vpnRegionId", "unknown"), ("routes[0].value", "overlaps")],
            )
        })
    });
    // One read, of the kind of the parent.
    let reads: Vec<_> =
        ran.world.service.ledger().into_iter().filter(|e| e.call.class() == Class::Read).collect();
    assert_eq!((reads.len(), reads[0].call.endpoint), (1, Endpoint::NetworkList));
    let looked = ran.outcome.records.iter().any(|record| match record {
        Record::AttemptStarted { purpose: Purpose::LookUp(operations), .. } => operations.len() == 1,
        _ => false,
    });
    assert!(looked);
    for key in ["paris", "paris/c0", "paris/c1", "paris/10.0.0.0/16"] {
        let (verdict, error_type, error) = ran.error(key);
        assert_eq!((verdict, error_type), (Verdict::Failed, ErrorType::Rejected), "{key}");
        assert!(error.contains("nothing was changed: Simulated refusal"), "{error}");
    }
    assert_eq!(ran.detail("paris/c0"), BTreeMap::new());
    assert_eq!(ran.detail("paris/c1"), details(&[("region", "unknown")]));
    assert_eq!(ran.detail("paris/10.0.0.0/16"), details(&[("subnet", "overlaps")]));
    let all =
        details(&[("connectors[1].region", "unknown"), ("name", "odd"), ("routes[0].subnet", "overlaps")]);
    assert_eq!(ran.detail("paris"), all);
    let (verdict, skipped) = ran.change("paris/late");
    assert_eq!((verdict, skipped.cause.as_deref()), (Verdict::Skipped, Some("network/paris")));
    assert_eq!(skipped.error.as_deref(), Some("needs `network/paris`, which failed"));
    assert_eq!((ran.change("other").0, ran.outcome()), (Verdict::Succeeded, RunOutcome::Partial));
}

#[test]
fn a_look_up_that_fails_leaves_all_unknown() {
    let answers = [
        Outcome::Indeterminate(why(Reason::ServerError, Some(500))),
        rejection(403, &[]),
        Outcome::Throttled(None),
        applied(json!("no page")),
    ];
    for answer in answers {
        let mut builder = Builder::default();
        builder.network("paris", 1, 0);
        let list = answer.clone();
        let ran = run(builder, move |call| match call.endpoint {
            Endpoint::NetworkCreate => Some(rejection(400, &[])),
            _ => Some(list.clone()),
        });
        let (verdict, _, error) = ran.error("paris/c0");
        assert_eq!(verdict, Verdict::Unknown, "{answer:?}");
        assert!(error.contains("whether it was applied in part is not known"), "{error}");
        // Tried within the budget, and once more at the end of the run.
        assert!(ran.outcome.report.calls.read <= 60, "{}", ran.outcome.report.calls.read);
    }
}

#[test]
fn a_list_that_moves_while_it_is_looked_at_is_begun_again_without_the_rest_of_its_pages() {
    let mut builder = Builder::default();
    builder.network("paris", 1, 0);
    let mut pages = Vec::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let ran = run(builder, move |call| {
        if call.endpoint == Endpoint::NetworkCreate {
            return Some(rejection(400, &[]));
        }
        let page: usize = call.query[0].1.parse().expect("a number");
        pages.push(page);
        log.lock().expect("nobody panics").push(page);
        // Twenty pages at first; while they are read, all but one object go.
        let (elements, all) = if pages.len() == 1 { (20_000, 20) } else { (1, 1) };
        Some(applied(json!({
            "content": [{ "id": "n1", "name": "rome" }], "totalElements": elements, "totalPages": all,
        })))
    });
    assert_eq!(ran.error("paris/c0").0, Verdict::Failed);
    let asked = asked.lock().expect("nobody panics");
    assert_eq!(asked[0], 0);
    assert!(asked.len() <= 1 + 8 + 1, "no page of the old list after it is known to have moved: {asked:?}");
}

/// A page of a look that has ended is on its way when the next look of the same kind begins: it is no part of that one.
#[test]
fn an_answer_to_a_look_that_has_ended_tells_the_next_one_nothing() {
    for seed in 0..40 {
        let mut builder = Builder::default();
        let first = builder.network("paris", 1, 0);
        let second = builder.network("rome", 1, 0);
        builder.operations[second].after.push(first);
        let (mut creates, mut lists) = (0, 0);
        let script: Script = Box::new(move |call| {
            if call.endpoint == Endpoint::NetworkCreate {
                creates += 1;
                return Some(rejection(400, &[]));
            }
            lists += 1;
            // The second page ends the first look; what the other pages say may come at any time.
            if lists == 2 {
                return Some(rejection(403, &[]));
            }
            let page = &call.query[0].1;
            let name = if creates == 1 { "rome" } else { "other" };
            Some(applied(json!({
                "content": [{ "id": page, "name": name }], "totalElements": 4, "totalPages": 4,
            })))
        });
        let clock = SimClock::new();
        let service = Service::new(&clock, Buckets::None, seed);
        service.state().script = Some(script);
        service.state().way = 1_000..30_000;
        let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
        let outcome = world.run(&builder.plan(), RunOptions::default(), seed, None);
        let ran = Ran { outcome, world };
        assert_eq!(ran.error("paris/c0").0, Verdict::Unknown);
        assert_eq!(ran.error("rome/c0").0, Verdict::Failed, "seed {seed}");
    }
}

#[test]
fn refusals_at_the_same_time_share_one_look() {
    let mut builder = Builder::default();
    for index in 0..6 {
        builder.network(&format!("n{index}"), 1, 0);
    }
    let ran = run(builder, |call| is_create(call).then(|| rejection(400, &[])));
    assert_eq!(ran.outcome.report.lists.failed.len(), 12);
    // The first refusal, of the one call that finds out about the quota, has its own.
    assert!(ran.outcome.report.calls.read <= 3, "{}", ran.outcome.report.calls.read);
}

#[test]
fn a_call_whose_answers_are_all_lost_fails_once_the_list_says_so() {
    let mut builder = Builder::default();
    let network = builder.network("paris", 1, 0);
    builder.connector("paris/late", network);
    let ran = run(builder, |call| {
        is_create(call).then(|| Outcome::Indeterminate(why(Reason::ServerError, Some(502))))
    });
    let ledger = ran.world.service.ledger();
    let mutating: Vec<Mono> = ledger.iter().filter(|e| e.call.mutates()).map(|e| e.sent).collect();
    assert_eq!((mutating.len(), ledger.len()), (3, 6));
    assert!(mutating.is_sorted_by(|one, next| next.saturating_since(*one) >= RunOptions::SETTLE));
    let (verdict, error_type, error) = ran.error("paris/c0");
    assert_eq!((verdict, error_type), (Verdict::Failed, ErrorType::ServerError));
    let expected = "not applied: 3 attempts without an answer that tells (the service had an error (502): simulated), and the list of networks does not show it";
    assert_eq!((error, ran.change("paris").1.status), (expected, Some(502)));
    assert_eq!((ran.change("paris/late").0, ran.outcome()), (Verdict::Skipped, RunOutcome::Partial));
}

#[test]
fn a_spent_budget_fails_with_its_own_type() {
    for (answer, error_type, most) in [
        (Outcome::Throttled(None), ErrorType::RateLimited, 30),
        (Outcome::NotSent(why(Reason::Connect, None)), ErrorType::NetworkError, 6),
    ] {
        let mut builder = Builder::default();
        builder.host("a");
        let answer = answer.clone();
        let ran = run(builder, move |_| Some(answer.clone()));
        let (verdict, found, _) = ran.error("a");
        assert_eq!((verdict, found), (Verdict::Failed, error_type));
        assert_eq!(ran.change("a").1.attempts, Some(most));
        assert_eq!(ran.outcome.report.calls.retried, u64::from(most) - 1);
    }
}

/// Hundreds of operations meet a service that is gone: the retries are bounded by the budget, not by their number.
#[test]
fn an_outage_ends_within_bounds() {
    let mut builder = Builder::default();
    for index in 0..500 {
        builder.host(&format!("h{index}"));
    }
    let ran = run(builder, |_| Some(Outcome::NotSent(why(Reason::Connect, None))));
    assert_eq!(ran.outcome.report.lists.failed.len(), 500);
    assert_eq!(ran.outcome.report.calls.retried, 100);
}

#[test]
fn a_missing_secret_leaves_its_change_unprocessed_and_no_call_is_made() {
    let mut builder = Builder::default();
    let network = builder.network("paris", 1, 0);
    builder.connector("paris/late", network);
    builder.host("other");
    let reference =
        SecretRef { field: "missing".into(), source: SecretSource::Env("MISSING".into()), hash: None };
    let place = JsonPointer::new("/connectors/0/ipSecConfig/preSharedKey");
    builder.operations[network].call.secrets.insert(place, reference);
    let ran = run(builder, |_| None);
    for key in ["paris", "paris/c0"] {
        let (verdict, error_type, error) = ran.error(key);
        assert_eq!((verdict, error_type), (Verdict::Unprocessed, ErrorType::SecretMissing));
        assert!(error.contains("`MISSING` is not set"), "{error}");
    }
    assert_eq!((ran.change("paris/late").0, ran.change("other").0), (Verdict::Skipped, Verdict::Succeeded));
    assert_eq!((ran.outcome(), ran.world.service.ledger().len()), (RunOutcome::Partial, 1));
}

#[test]
fn refused_credentials_leave_the_rest_unprocessed() {
    let mut builder = Builder::default();
    let group = builder.group("g");
    builder.user("u", group);
    let ran = run(builder, |_| Some(Outcome::Unauthorized));
    let (verdict, error_type, _) = ran.error("g");
    assert_eq!((verdict, error_type), (Verdict::Unprocessed, ErrorType::Unauthorized));
    let (verdict, rest) = ran.change("u");
    assert_eq!((verdict, rest.error_type, rest.attempts), (Verdict::Unprocessed, None, Some(0)));
    assert_eq!(ran.outcome(), RunOutcome::Stopped);
}

#[test]
fn an_update_is_checked_against_its_answer() {
    let update = |answer: Value| {
        let mut builder = Builder::default();
        let change = builder.change(Kind::Host, "a", Action::Update);
        builder.changes[change].id = Some("h1".to_owned());
        let body = json!({ "name": "a", "domain": "A.example", "internetAccess": "SPLIT_TUNNEL_ON", "gatewaysIds": ["1", "2"] });
        let operation = builder.operation(Endpoint::HostUpdate, Kind::Host, change, body);
        let at = JsonPointer::new("/description");
        operation.cleared = vec![Cleared { field: "description".to_owned(), at }];
        run(builder, move |_| Some(applied(answer.clone())))
    };
    // Written otherwise, but the same.
    let same = json!({ "id": "h1", "name": "a", "domain": "a.example.", "internetAccess": "SPLIT_TUNNEL_ON", "gatewaysIds": ["2", "1"], "description": "" });
    let ran = update(same.clone());
    assert_eq!((ran.change("a").0, &ran.change("a").1.note), (Verdict::Succeeded, &None));
    assert_eq!(ran.change("a").1.origin, None);

    let mut other = same.clone();
    other["internetAccess"] = json!("RESTRICTED_INTERNET");
    let ran = update(other);
    let note = "the service shows `internet_access` otherwise than sent";
    assert_eq!((ran.change("a").0, ran.change("a").1.note.as_deref()), (Verdict::Succeeded, Some(note)));

    let mut kept = same;
    kept["description"] = json!("still here");
    let ran = update(kept);
    let (verdict, error_type, error) = ran.error("a");
    assert_eq!((verdict, error_type), (Verdict::Failed, ErrorType::Rejected));
    assert_eq!(error, "the service kept `description`, which was to be cleared; the rest was applied");
    assert_eq!(ran.detail("a"), details(&[("description", "still there after it was cleared")]));
}

#[test]
fn what_is_gone_already_need_not_be_deleted() {
    let mut builder = Builder::default();
    let change = builder.change(Kind::Host, "a", Action::Delete);
    builder.operation(Endpoint::HostDelete, Kind::Host, change, json!({}));
    let ran = run(builder, |_| {
        let Outcome::Rejected(refusal) = rejection(400, &[("id", "not found")]) else { unreachable!() };
        Some(Outcome::Rejected(Rejection { gone: Some(Gone::Target), ..refusal }))
    });
    assert_eq!(
        (ran.change("a").0, ran.change("a").1.note.as_deref()),
        (Verdict::Succeeded, Some("already gone"))
    );
}

#[test]
fn ids_made_by_one_call_are_filled_into_the_next() {
    let mut builder = Builder::default();
    let network = builder.network("paris", 0, 0);
    builder.connector("paris/c", network);
    let group = builder.group("engineers");
    builder.user("ada", group);
    let ran = run(builder, |_| None);
    let ledger = ran.world.service.ledger();
    let of =
        |endpoint| &ledger.iter().find(|entry| entry.call.endpoint == endpoint).expect("it was sent").call;
    let id = |key: &str| ran.change(key).1.id.clone().expect("an id");
    assert_eq!(of(Endpoint::NetworkConnectorCreate).query, [("networkId".to_owned(), id("paris"))]);
    let Some(connexa_types::CallBody::Json(user)) = &of(Endpoint::UserCreate).body else { panic!("a body") };
    assert_eq!(user, &json!({ "username": "ada", "groupId": id("engineers") }));
}

#[test]
fn what_needs_a_child_that_was_not_returned_is_skipped() {
    let mut builder = Builder::default();
    let network = builder.network("paris", 1, 0);
    let change = builder.change(Kind::Host, "h", Action::Create);
    let output = connexa_engine::plan::Output { change: 1, ..builder.id_of(network) };
    let operation =
        builder.operation(Endpoint::HostCreate, Kind::Host, change, json!({ "name": "h", "x": null }));
    operation.call.outputs.insert(JsonPointer::new("/x"), output);
    operation.needs.push(network);
    let ran = run(builder, |call| match call.endpoint {
        Endpoint::NetworkCreate => Some(applied(json!({ "id": "n", "name": "paris", "connectors": [] }))),
        Endpoint::NetworkList => Some(rejection(403, &[])),
        _ => None,
    });
    let (verdict, skipped) = ran.change("h");
    assert_eq!((verdict, skipped.cause.as_deref()), (Verdict::Skipped, Some("network_connector/paris/c0")));
    assert_eq!(ran.change("paris/c0").0, Verdict::Unknown);
    assert_eq!(ran.world.service.ledger().len(), 2);
}

/// A replace is two operations for one change.
#[test]
fn a_change_of_two_operations_has_one_verdict_and_half_of_it_is_unknown() {
    for (second, expected) in [(None, Verdict::Succeeded), (Some(rejection(400, &[])), Verdict::Unknown)] {
        let mut builder = Builder::default();
        let change = builder.change(Kind::Host, "a", Action::Replace);
        builder.operation(Endpoint::HostCreate, Kind::Host, change, json!({ "name": "a" }));
        let carried = Carried { change, at: JsonPointer::default() };
        let operation =
            builder.operation(Endpoint::UserGroupCreate, Kind::UserGroup, change, json!({ "name": "b" }));
        operation.carries = vec![carried];
        operation.needs.push(0);
        let ran =
            run(builder, move |call| second.clone().filter(|_| call.endpoint == Endpoint::UserGroupCreate));
        let (verdict, replaced) = ran.change("a");
        assert_eq!((verdict, replaced.attempts), (expected, Some(2)));
        if expected == Verdict::Unknown {
            let error = replaced.error.as_deref().expect("words");
            assert!(error.starts_with("applied in part (1 of 2 calls): refused"), "{error}");
        }
    }
}

#[test]
fn a_plan_without_calls_is_done_at_once() {
    let mut builder = Builder::default();
    builder.no_op(Kind::Host, "there");
    let ran = run(builder, |_| None);
    assert_eq!(
        (ran.outcome(), ran.change("there").1.note.as_deref()),
        (RunOutcome::Complete, Some("already there"))
    );
    assert!(ran.outcome.report.timings.run_ms < f64::EPSILON);

    let mut builder = Builder::default();
    builder.invalid(Kind::Host, "bad");
    let ran = run(builder, |_| None);
    assert_eq!((ran.outcome(), ran.error("bad").1), (RunOutcome::Partial, ErrorType::ValidationError));
    assert_eq!(ran.detail("bad"), details(&[("name", "too long")]));

    assert_eq!(run(Builder::default(), |_| None).outcome(), RunOutcome::Complete);
}

#[test]
fn a_circle_is_a_bug_and_not_a_hang() {
    let mut builder = Builder::default();
    builder.host("a");
    builder.host("b");
    builder.operations[0].needs.push(1);
    builder.operations[1].needs.push(0);
    let ran = run(builder, |_| None);
    assert_eq!((ran.error("a").1, ran.error("b").1), (ErrorType::InternalError, ErrorType::InternalError));
}

#[test]
fn progress_and_timings_tell_how_the_time_went() {
    let mut builder = Builder::default();
    for index in 0..7 {
        builder.host(&format!("h{index}"));
    }
    let bucket = || Bucket::full(Numbers::new(5, 1, 10));
    let ran = run_in(Buckets::Apart { read: bucket(), update: bucket() }, builder, Box::new(|_| None));
    let ticks: Vec<&Tick> = ran
        .outcome
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Tick(tick) => Some(tick),
            Event::Record(_) => None,
        })
        .collect();
    assert!(ticks.windows(2).all(|pair| pair[0] != pair[1]));
    let paced = Waiting { class: Class::Update, attempts: 2 };
    assert!(ticks.iter().any(
        |tick| matches!(tick, Tick::Run { ended: 5, calls_left: 2, waiting: Some(w), .. } if *w == paced)
    ));
    let last = Tick::Run {
        ended: 7,
        bad: 0,
        changes: 7,
        calls_left: 0,
        in_flight: 0,
        waiting: None,
        settling: None,
    };
    assert_eq!(ticks.last(), Some(&&last));

    let timings = ran.outcome.report.timings;
    let (run_ms, waiting_ms) = (timings.run_ms, timings.waiting_ms);
    assert!((20_000.0..21_000.0).contains(&run_ms), "{run_ms}");
    assert!((19_900.0..=run_ms).contains(&waiting_ms), "{waiting_ms}");
    assert!(timings.engine_ms < f64::EPSILON);
    let quota = &ran.outcome.report.quota[&Class::Update];
    assert_eq!((quota.burst, quota.rate, quota.seconds), (Some(5), Some(1), Some(10)));
    assert_eq!(
        ran.outcome.report.run.finished.map(|at| at.duration_since(ran.outcome.report.run.started).as_secs()),
        Some(20)
    );
}

/// What an index of the request stands for is told by the request and the item.
#[test]
fn complaints_about_items_of_access_groups_are_in_the_words_of_the_spec() {
    let mut builder = Builder::default();
    let change = builder.change(Kind::AccessGroup, "all to paris", Action::Create);
    let item = json!({
        "source": [{ "user_groups": ["a", "b"] }],
        "destination": [{ "network": "paris", "ip_services": ["lan", "printers"] }],
    });
    builder.changes[change].item = Some(item.into());
    let body = json!({
        "source": [{ "type": "USER_GROUP", "allCovered": false, "children": ["1", "2"] }],
        "destination":
            [{ "type": "NETWORK_SERVICE", "allCovered": false, "parent": "3", "children": ["4", "5"] }],
    });
    builder.operation(Endpoint::AccessGroupCreate, Kind::AccessGroup, change, body);
    let ran = run(builder, |_| {
        Some(rejection(400, &[("source[0].children[1]", "unknown"), ("destination[0].children[0]", "odd")]))
    });
    let expected =
        details(&[("destination[0].ip_services[0]", "odd"), ("source[0].user_groups[1]", "unknown")]);
    assert_eq!(ran.detail("all to paris"), expected);
}
