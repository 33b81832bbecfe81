//! Calls whose answer was lost: what becomes of them, judged by what the service then holds.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]
#![allow(clippy::single_match_else, reason = "what becomes of each call reads as a table")]

mod sim;

use connexa_engine::{
    plan::{Action, TemplateText},
    record::{Event, Record, Tick},
    report::{ErrorType, Origin, RunOutcome, Verdict},
    run::{Goal, OnFailure, Overrides, RunOptions},
};
use connexa_types::{Call, CallBody, Class, Endpoint, JsonPointer, Kind, Mono, SecretRef, SecretSource};
use futures_util::{FutureExt as _, future};
use serde_json::{Value, json};
use sim::{
    World,
    fate::Fate,
    plans::Builder,
    ran::{Ran, world},
    service::{Buckets, Entry},
};
use std::time::Duration;

/// The settle time.
const S: Duration = RunOptions::SETTLE;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What becomes of the first mutating calls, one after the other; after them the service behaves.
fn fates(list: &[Fate]) -> World {
    let mut list = Vec::from(list).into_iter();
    fates_of(move |_| list.next())
}

fn fates_of(mut decide: impl FnMut(&Call) -> Option<Fate> + Send + 'static) -> World {
    let world = world(Buckets::None, Box::new(|_| None));
    world.service.state().fates = Some(Box::new(move |call| {
        Some(call).filter(|call| call.mutates()).and_then(&mut decide).unwrap_or(Fate::Fine)
    }));
    world
}

/// What becomes of the calls for one name, one after the other.
fn fates_for(name: &'static str, list: &[Fate]) -> World {
    let mut list = Vec::from(list).into_iter();
    fates_of(move |call| (name_of(call) == Some(name)).then(|| list.next()).flatten())
}

fn name_of(call: &Call) -> Option<&str> {
    match &call.body {
        Some(CallBody::Json(body)) => body["name"].as_str(),
        _ => None,
    }
}

fn play(world: World, builder: Builder) -> Ran {
    play_as(RunOptions::default(), world, builder)
}

fn play_as(options: RunOptions, world: World, builder: Builder) -> Ran {
    let outcome = world.run(&builder.plan(), options, 1, None);
    Ran { outcome, world }
}

fn put(world: &World, list: &'static str, objects: &Value) {
    world.service.state().objects.insert(list, objects.as_array().unwrap().clone());
}

/// The objects of a list that the service holds, with what had been on its way until the end of the run.
fn held(ran: &Ran, list: &str) -> Vec<Value> {
    let mut state = ran.world.service.state();
    state.catch_up(ran.outcome.ended);
    state.objects.get(list).cloned().unwrap_or_default()
}

fn sent(ran: &Ran, class: Class) -> Vec<Entry> {
    ran.world.service.ledger().into_iter().filter(|entry| entry.call.class() == class).collect()
}

/// Updates and reads that arrived.
fn calls(ran: &Ran) -> (usize, usize) {
    (sent(ran, Class::Update).len(), sent(ran, Class::Read).len())
}

fn host(name: &str) -> Builder {
    let mut builder = Builder::default();
    builder.host(name);
    builder
}

// ── Creates ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_was_made_without_an_answer_is_found_and_not_made_again() {
    for fate in [Fate::LostAfter, Fate::Late(seconds(59))] {
        let ran = play(fates_of_one(fate), host("a"));
        let (verdict, change) = ran.change("a");
        assert_eq!((verdict, change.origin), (Verdict::Succeeded, Some(Origin::Inferred)), "{fate:?}");
        assert_eq!(
            change.note.as_deref(),
            Some("adopted: found in the list of hosts after an answer was lost")
        );
        let held = held(&ran, "hosts");
        assert_eq!((held.len(), held[0]["id"].as_str()), (1, change.id.as_deref()), "{fate:?}");
        // The list that found it is the last look too.
        assert_eq!((calls(&ran), ran.outcome()), ((1, 1), RunOutcome::Complete), "{fate:?}");
        assert!(sent(&ran, Class::Read)[0].sent.since_origin() >= S, "{fate:?}");
    }
}

fn fates_of_one(fate: Fate) -> World {
    let mut fate = Some(fate);
    fates_of(move |_| fate.take())
}

#[test]
fn what_was_not_made_is_sent_again_at_most_twice() {
    let tries: [(&[Fate], Verdict, usize); 5] = [
        (&[Fate::LostBefore], Verdict::Succeeded, 2),
        (&[Fate::LostBefore, Fate::LostBefore], Verdict::Succeeded, 3),
        (&[Fate::LostBefore, Fate::LostAfter], Verdict::Succeeded, 2),
        (&[Fate::LostBefore, Fate::LostBefore, Fate::LostAfter], Verdict::Succeeded, 3),
        (&[Fate::LostBefore, Fate::LostBefore, Fate::LostBefore], Verdict::Failed, 3),
    ];
    for (list, verdict, times) in tries {
        let ran = play(fates(list), host("a"));
        assert_eq!(ran.change("a").0, verdict, "{list:?}");
        assert_eq!(sent(&ran, Class::Update).len(), times, "{list:?}");
        assert_eq!(held(&ran, "hosts").len(), usize::from(verdict == Verdict::Succeeded), "{list:?}");
        for pair in sent(&ran, Class::Update).windows(2) {
            assert!(pair[1].sent.saturating_since(pair[0].arrived) >= S, "{list:?}");
        }
    }
    let ran = play(fates(&[Fate::LostBefore; 3]), host("a"));
    let (_, error_type, error) = ran.error("a");
    let expected = "not applied: 3 attempts without an answer that tells (simulated), and the list of hosts does not show it";
    assert_eq!((error_type, error), (ErrorType::NetworkError, expected));
}

#[test]
fn what_comes_later_than_the_settle_time_is_reported_twice_and_not_picked() {
    let mut builder = host("a");
    builder.host("b");
    let (mut first, mut lost_b) = (true, 0);
    let world = fates_of(move |call| match name_of(call) {
        // Sent again after a minute, and then the first comes nevertheless.
        Some("a") => std::mem::take(&mut first).then_some(Fate::Late(seconds(65))),
        // Keeps the run at work.
        _ => {
            lost_b += 1;
            Some(Fate::LostBefore).filter(|_| lost_b <= 2)
        }
    });
    let ran = play(world, builder);
    let (verdict, change) = ran.change("a");
    assert_eq!((verdict, ran.outcome()), (Verdict::Unknown, RunOutcome::Stuck));
    let mut ids = change.duplicates.clone().unwrap();
    ids.sort_unstable();
    let there = held(&ran, "hosts").into_iter().filter(|host| host["name"] == "a");
    let mut there: Vec<String> = there.map(|host| host["id"].as_str().unwrap().to_owned()).collect();
    there.sort_unstable();
    assert_eq!((ids.len(), &ids), (2, &there));
    let error = change.error.as_deref().unwrap();
    assert!(
        error.contains("at the end of the run the list of hosts shows 2 objects with this key"),
        "{error}"
    );
    // The change has two last words; the report holds the later one.
    let words = ran.outcome.records.iter().filter(|r| matches!(r, Record::ChangeEnded { change: 0, .. }));
    assert_eq!(words.count(), 2);
    assert_eq!(ran.change("b").0, Verdict::Succeeded);
    assert!(matches!(ran.outcome.records.last(), Some(Record::RunFinished { .. })));
}

#[test]
fn what_the_service_made_twice_is_reported_with_its_ids() {
    let ran = play(fates(&[Fate::TwiceLost]), host("a"));
    let (verdict, change) = ran.change("a");
    assert_eq!((verdict, change.error_type), (Verdict::Unknown, Some(ErrorType::Indeterminate)));
    assert_eq!((change.duplicates.as_ref().unwrap().len(), held(&ran, "hosts").len()), (2, 2));
    // Answered, but another create of the kind was in doubt: seen by the last look.
    let mut builder = host("a");
    builder.host("b");
    let mut lost = false;
    let world = fates_of(move |call| match name_of(call) {
        Some("a") => Some(Fate::Twice),
        _ => (!std::mem::replace(&mut lost, true)).then_some(Fate::LostBefore),
    });
    let ran = play(world, builder);
    assert_eq!((ran.change("a").0, ran.change("b").0), (Verdict::Unknown, Verdict::Succeeded));
    assert_eq!(ran.change("a").1.duplicates.as_ref().unwrap().len(), 2);
}

#[test]
fn an_object_that_another_operator_made_is_adopted_only_if_it_is_as_ours() {
    let cases = [
        (json!({ "id": "x", "name": "A ", "domain": "one.example" }), Verdict::Succeeded),
        (json!({ "id": "x", "name": "a", "domain": "two.example" }), Verdict::Unknown),
        // A field that a list leaves out is not set.
        (json!({ "id": "x", "name": "a" }), Verdict::Unknown),
        (
            json!({ "id": "x", "name": "a", "domain": "one.example", "connectors": [{ "id": "c", "name": "c" }] }),
            Verdict::Unknown,
        ),
    ];
    for (theirs, expected) in cases {
        let mut builder = Builder::default();
        let change = builder.change(Kind::Host, "a", Action::Create);
        let body = json!({ "name": "a", "domain": "one.example", "description": "" });
        builder.operation(Endpoint::HostCreate, Kind::Host, change, body);
        let world = fates(&[Fate::LostBefore]);
        let made = theirs.clone();
        let mut once = true;
        world.service.state().meddle = Some(Box::new(move |call, objects| {
            if call.class() == Class::Read && std::mem::take(&mut once) {
                objects.entry("hosts").or_default().push(made.clone());
            }
        }));
        let ran = play(world, builder);
        let (verdict, change) = ran.change("a");
        assert_eq!(verdict, expected, "{theirs}");
        // Whatever was decided, nothing of theirs was touched and nothing of ours came beside it.
        assert_eq!((held(&ran, "hosts"), calls(&ran).0), (vec![theirs.clone()], 1));
        if expected == Verdict::Unknown {
            assert_eq!(change.error_type, Some(ErrorType::Conflict), "{theirs}");
            let error = change.error.as_deref().unwrap();
            assert!(error.contains("(id x) that is not as it was sent"), "{error}");
        } else {
            assert_eq!((change.id.as_deref(), change.origin), (Some("x"), Some(Origin::Inferred)));
        }
    }
}

#[test]
fn ours_and_anothers_are_not_told_apart() {
    let world = fates(&[Fate::LostAfter]);
    let mut once = true;
    world.service.state().meddle = Some(Box::new(move |call, objects| {
        if call.class() == Class::Read && std::mem::take(&mut once) {
            objects.entry("hosts").or_default().push(json!({ "id": "x", "name": "a" }));
        }
    }));
    let ran = play(world, host("a"));
    let (verdict, change) = ran.change("a");
    assert_eq!((verdict, change.duplicates.as_ref().unwrap().len()), (Verdict::Unknown, 2));
    assert_eq!((change.id.as_deref(), change.origin), (None, None));
}

#[test]
fn a_refusal_after_a_lost_answer_is_looked_up_before_it_is_believed() {
    // The first was never applied: what it is refused for now is the truth.
    let ran = play(fates(&[Fate::LostBefore, Fate::Rejected(400)]), host("a"));
    let (verdict, error_type, error) = ran.error("a");
    assert_eq!((verdict, error_type, held(&ran, "hosts").len()), (Verdict::Failed, ErrorType::Rejected, 0));
    assert!(error.starts_with("refused by the service (400 Bad Request); nothing was changed"), "{error}");
    // The first comes late, and takes the name: the refusal is about our own.
    let world = fates(&[Fate::Late(seconds(60) + Duration::from_millis(6))]);
    world.service.state().unique = true;
    world.service.state().way = 2_000..2_001;
    let ran = play(world, host("a"));
    let (verdict, change) = ran.change("a");
    assert_eq!((verdict, held(&ran, "hosts").len()), (Verdict::Succeeded, 1), "{change:?}");
    assert_eq!((change.origin, change.attempts), (Some(Origin::Inferred), Some(2)), "{change:?}");
    let note = change.note.as_deref().unwrap();
    assert!(
        note.contains("after an answer was lost and the call was then refused by the service (400"),
        "{note}"
    );
}

#[test]
fn without_a_settle_time_the_look_follows_at_once() {
    let options = RunOptions { settle: Duration::ZERO, ..RunOptions::default() };
    let ran = play_as(options, fates(&[Fate::LostBefore, Fate::LostAfter]), host("a"));
    assert_eq!((ran.change("a").0, held(&ran, "hosts").len()), (Verdict::Succeeded, 1));
    assert!(ran.outcome.ended.since_origin() < seconds(1), "{:?}", ran.outcome.ended);
}

#[test]
fn one_list_settles_all_and_what_does_not_hang_on_them_goes_on() {
    let mut builder = Builder::default();
    for index in 0..20 {
        builder.host(&format!("lost-{index}"));
    }
    let group = builder.group("lost-group");
    builder.user("ada", group);
    for index in 0..20 {
        builder.host(&format!("fine-{index}"));
    }
    let lost = |call: &Call| name_of(call).is_some_and(|name| name.starts_with("lost"));
    let world = fates_of(move |call| lost(call).then_some(Fate::LostAfter));
    world.service.state().way = 100_000..1_000_000;
    let ran = play(world, builder);
    assert_eq!(ran.outcome(), RunOutcome::Complete);
    assert_eq!((held(&ran, "hosts").len(), calls(&ran)), (40, (42, 2)));
    // Twenty calls that wait take no place of those that can be made.
    for entry in sent(&ran, Class::Update).iter().filter(|entry| !lost(&entry.call)) {
        let waits = entry.call.endpoint == Endpoint::UserCreate;
        assert_eq!(entry.sent.since_origin() > S, waits, "{entry:?}");
    }
    // Whoever watches is told what everything waits for.
    let waits = ran.outcome.events.iter().filter_map(|event| match event {
        Event::Tick(Tick::Run { settling, in_flight, .. }) => settling.filter(|_| *in_flight == 0),
        _ => None,
    });
    let most = waits.max_by_key(|wait| wait.calls).unwrap();
    assert!(most.calls == 21 && most.left <= S && most.left > seconds(30), "{most:?}");
    let unsettled = ran.outcome.records.iter().filter(|r| matches!(r, Record::OperationUnsettled { .. }));
    assert_eq!(unsettled.count(), 21);
}

/// Answers that are lost one after the other share lists, but none of them waits for others without end.
#[test]
fn a_list_waits_for_others_no_longer_than_the_settle_time() {
    let mut builder = Builder::default();
    for index in 0..30 {
        builder.host(&format!("h{index}"));
    }
    let world = fates_of(|_| Some(Fate::LostAfter));
    // One after the other, 10 seconds each: five minutes.
    world.service.state().way = 5_000_000..5_000_001;
    let options = RunOptions { parallel: 1, ..RunOptions::default() };
    let ran = play_as(options, world, builder);
    assert_eq!((ran.outcome(), held(&ran, "hosts").len()), (RunOutcome::Complete, 30));
    let lists = sent(&ran, Class::Read);
    assert!((3..=6).contains(&lists.len()), "{}", lists.len());
    // The first was lost at 10 s and due at 70 s.
    assert!(lists[0].sent.since_origin() <= seconds(70) + S + seconds(10), "{:?}", lists[0].sent);
}

#[test]
fn children_that_a_lost_joint_create_left_out_are_made() {
    let mut builder = Builder::default();
    builder.network("paris", 2, 1);
    let world = fates(&[Fate::LostAfter]);
    let mut once = true;
    world.service.state().meddle = Some(Box::new(move |call, objects| {
        if call.class() == Class::Read && std::mem::take(&mut once) {
            let network = &mut objects.get_mut("networks").unwrap()[0];
            network["connectors"].as_array_mut().unwrap().remove(0);
        }
    }));
    let ran = play(world, builder);
    assert_eq!(ran.outcome(), RunOutcome::Complete);
    for (key, origin) in [
        ("paris", Origin::Inferred),
        ("paris/c0", Origin::Confirmed),
        ("paris/c1", Origin::Inferred),
        ("paris/10.0.0.0/16", Origin::Inferred),
    ] {
        assert_eq!(ran.change(key).1.origin, Some(origin), "{key}");
    }
    let networks = held(&ran, "networks");
    assert_eq!((networks.len(), networks[0]["connectors"].as_array().unwrap().len()), (1, 2));
}

#[test]
fn a_child_is_looked_for_under_its_own_parent() {
    let network = |id: &str, connectors: Value| json!({ "id": id, "name": id, "connectors": connectors });
    for (fate, times) in [(Fate::LostAfter, 1), (Fate::LostBefore, 2)] {
        let mut builder = Builder::default();
        let change = builder.change(Kind::NetworkConnector, "n1/c", Action::Create);
        let body = json!({ "name": "c", "vpnRegionId": "eu-central-1" });
        let endpoint = Endpoint::NetworkConnectorCreate;
        let operation = builder.operation(endpoint, Kind::NetworkConnector, change, body);
        operation.call.query.push(("networkId".to_owned(), TemplateText::Text("n1".to_owned())));
        let world = fates_of_one(fate);
        // Another network has a connector of the same name.
        let other = json!([{ "id": "x", "name": "c", "vpnRegionId": "eu-central-1" }]);
        put(&world, "networks", &json!([network("n2", other), network("n1", json!([]))]));
        let ran = play(world, builder);
        assert_eq!((ran.change("n1/c").0, calls(&ran).0), (Verdict::Succeeded, times));
        assert_ne!(ran.change("n1/c").1.id.as_deref(), Some("x"));
        let networks = held(&ran, "networks");
        let own = networks.iter().find(|network| network["id"] == "n1").unwrap();
        assert_eq!(own["connectors"].as_array().unwrap().len(), 1);
    }
}

/// Of a replace the old object has the same key, and is no doubt about the new one.
#[test]
fn what_was_there_before_is_not_what_was_made() {
    for (fate, times) in [(Fate::LostAfter, 1), (Fate::LostBefore, 2)] {
        let mut builder = host("a");
        builder.changes[0].action = Action::Replace;
        builder.changes[0].id = Some("old".to_owned());
        let world = fates_of_one(fate);
        put(&world, "hosts", &json!([{ "id": "old", "name": "a" }]));
        let ran = play(world, builder);
        let (verdict, change) = ran.change("a");
        assert_eq!((verdict, calls(&ran).0, held(&ran, "hosts").len()), (Verdict::Succeeded, times, 2));
        assert_ne!(change.id.as_deref(), Some("old"));
    }
}

// ── Updates and deletes ──────────────────────────────────────────────────────────────────────────────────────────────────

fn live(domain: &str) -> Value {
    json!({ "id": "h", "name": "h", "domain": domain })
}

/// An update of a host from `old.example` to `new.example`.
fn update() -> Builder {
    let mut builder =
        Builder { read_at: Some("2026-01-01T00:00:00Z".parse().unwrap()), ..Builder::default() };
    builder.update(Kind::Host, &live("old.example"), json!({ "name": "h", "domain": "new.example" }));
    builder
}

fn with_host(world: World) -> World {
    put(&world, "hosts", &json!([live("old.example")]));
    world
}

/// Before the first list is read, somebody does something to the hosts.
fn others(world: World, mut what: impl FnMut(&mut Vec<Value>) + Send + 'static) -> World {
    let mut once = true;
    world.service.state().meddle = Some(Box::new(move |call, objects| {
        if call.class() == Class::Read && std::mem::take(&mut once) {
            what(objects.get_mut("hosts").unwrap());
        }
    }));
    world
}

#[test]
fn an_update_is_settled_by_how_its_object_is_shown() {
    let cases: [(&[Fate], usize); 5] = [
        (&[Fate::LostAfter], 1),
        (&[Fate::Late(Duration::from_secs(59))], 1),
        (&[Fate::LostBefore], 2),
        (&[Fate::LostBefore, Fate::LostBefore], 3),
        (&[Fate::LostBefore, Fate::LostBefore, Fate::LostAfter], 3),
    ];
    for (list, times) in cases {
        let ran = play(with_host(fates(list)), update());
        let (verdict, change) = ran.change("h");
        assert_eq!((verdict, calls(&ran).0), (Verdict::Succeeded, times), "{list:?}");
        assert_eq!(held(&ran, "hosts"), [live("new.example")], "{list:?}");
        assert_eq!(change.object.as_ref().unwrap()["domain"], "new.example");
    }
    let ran = play(with_host(fates(&[Fate::LostBefore; 3])), update());
    assert_eq!((ran.change("h").0, calls(&ran).0), (Verdict::Failed, 3));
    assert_eq!(held(&ran, "hosts"), [live("old.example")]);
}

#[test]
fn an_object_that_somebody_changed_meanwhile_is_not_written_to_again() {
    let changed = |hosts: &mut Vec<Value>| hosts[0]["domain"] = json!("theirs.example");
    for fate in [Fate::LostBefore, Fate::LostAfter] {
        let ran = play(others(with_host(fates_of_one(fate)), changed), update());
        let (verdict, error_type, error) = ran.error("h");
        assert_eq!((verdict, error_type), (Verdict::Unknown, ErrorType::Conflict), "{fate:?}");
        assert!(error.contains("it differs in `domain`"), "{error}");
        assert_eq!((held(&ran, "hosts"), calls(&ran).0), (vec![live("theirs.example")], 1));
    }
    let ran = play(others(with_host(fates(&[Fate::LostBefore])), Vec::clear), update());
    let (verdict, error_type, error) = ran.error("h");
    assert_eq!((verdict, error_type, calls(&ran).0), (Verdict::Unknown, ErrorType::Indeterminate, 1));
    assert!(error.ends_with("the list of hosts does not show the object any more"), "{error}");
}

#[test]
fn nothing_else_is_written_to_an_object_until_it_is_settled() {
    let mut builder = update();
    let to = json!({ "name": "h", "domain": "newer.example" });
    builder.update(Kind::Host, &live("new.example"), to);
    builder.changes[1].key = "h again".to_owned();
    builder.host("other");
    // The first comes late: were the second sent before, it would be lost.
    let world = with_host(fates_for("h", &[Fate::Late(Duration::from_secs(50))]));
    let ran = play(world, builder);
    assert_eq!(ran.outcome(), RunOutcome::Complete);
    let hosts = held(&ran, "hosts");
    assert_eq!(hosts.iter().find(|host| host["id"] == "h").unwrap()["domain"], "newer.example");
    let puts: Vec<Entry> = sent(&ran, Class::Update);
    let second = puts.iter().find(
        |entry| matches!(&entry.call.body, Some(CallBody::Json(body)) if body["domain"] == "newer.example"),
    );
    assert!(second.unwrap().sent.since_origin() >= S);
    let other = puts.iter().find(|entry| name_of(&entry.call) == Some("other"));
    assert!(other.unwrap().sent.since_origin() < seconds(1));
}

/// No list shows a secret: the same content is sent again, which settles it.
#[test]
fn an_update_of_a_secret_alone_is_sent_again_until_it_is_answered() {
    for (list, verdict, times) in [
        (&[Fate::LostAfter][..], Verdict::Succeeded, 2),
        (&[Fate::LostBefore, Fate::LostAfter], Verdict::Succeeded, 3),
        (&[Fate::LostBefore, Fate::LostAfter, Fate::LostBefore], Verdict::Unknown, 3),
    ] {
        let connector = json!({ "id": "c", "name": "c", "vpnRegionId": "eu-central-1" });
        let mut builder = Builder::default();
        let operation = builder.act(Endpoint::NetworkConnectorUpdate, Kind::NetworkConnector, "", &connector);
        builder.changes[0].action = Action::Update;
        let call = &mut builder.operations[operation].call;
        call.body = Some(CallBody::Json(json!({ "name": "c", "ipSecConfig": { "preSharedKey": null } })));
        let source = SecretSource::Env("KEY".to_owned());
        let secret = SecretRef { field: "psk".to_owned(), source, hash: None };
        call.secrets.insert(JsonPointer::new("/ipSecConfig/preSharedKey"), secret);
        builder.operations[operation].base[0].parent = Some("n".into());
        let world = fates(list);
        // The simulated service looks for what a PUT changes among all that it keeps below `networks`.
        let put_here = json!({ "id": "c", "name": "where the PUT goes" });
        put(&world, "networks", &json!([{ "id": "n", "name": "n", "connectors": [connector] }, put_here]));
        let ran = play(world, builder);
        assert_eq!((ran.change("c").0, calls(&ran).0), (verdict, times), "{:?}", ran.change("c"));
    }
}

#[test]
fn a_delete_is_settled_by_the_absence_of_its_object() {
    let delete = || {
        let mut builder = Builder::default();
        builder.delete(Kind::Host, &live("old.example"));
        builder
    };
    let cases: [(&[Fate], usize); 4] = [
        (&[Fate::LostAfter], 1),
        (&[Fate::Late(Duration::from_secs(59))], 1),
        (&[Fate::LostBefore], 2),
        (&[Fate::LostBefore, Fate::LostAfter], 2),
    ];
    for (list, times) in cases {
        let ran = play(with_host(fates(list)), delete());
        assert_eq!((ran.change("h").0, calls(&ran).0), (Verdict::Succeeded, times), "{list:?}");
        assert!(held(&ran, "hosts").is_empty(), "{list:?}");
    }
    let ran = play(with_host(fates(&[Fate::LostBefore; 3])), delete());
    assert_eq!((ran.change("h").0, calls(&ran).0, held(&ran, "hosts").len()), (Verdict::Failed, 3, 1));
    let mut settled = 0;
    let world = with_host(fates(&[Fate::LostBefore]));
    world.service.state().meddle = Some(Box::new(move |call, objects| {
        settled += usize::from(call.class() == Class::Read);
        // Not when its base is read before the call, but when it is settled.
        if settled == 2 {
            objects.get_mut("hosts").unwrap()[0]["domain"] = json!("theirs.example");
        }
    }));
    let ran = play(world, delete());
    let (verdict, error_type, error) = ran.error("h");
    assert_eq!((verdict, error_type, calls(&ran).0), (Verdict::Unknown, ErrorType::Conflict, 1));
    assert!(error.contains("the list of hosts shows the object, changed in `domain`"), "{error}");
}

// ── What a member or a setting shows ─────────────────────────────────────────────────────────────────────────────────────

/// What a lost call was to do may come late: it is not believed to be missing before that.
#[test]
fn a_status_and_a_setting_are_not_believed_to_be_missing_before_their_time() {
    for (fate, times) in [(Fate::Late(seconds(59)), 1), (Fate::LostAfter, 1), (Fate::LostBefore, 2)] {
        let user = json!({ "id": "u", "username": "ada", "status": "ACTIVE" });
        let mut builder = Builder::default();
        builder.act(Endpoint::UserSuspend, Kind::User, "suspend", &user);
        let world = fates_of_one(fate);
        put(&world, "users", &json!([user]));
        let ran = play(world, builder);
        assert_eq!((ran.outcome(), calls(&ran).0), (RunOutcome::Complete, times), "{fate:?}");
        assert_eq!(held(&ran, "users")[0]["status"], "SUSPENDED");

        let mut builder = Builder::default();
        let change = builder.change(Kind::Setting, "wpc.snat", Action::Update);
        builder.operation(Endpoint::SettingWpcSnatSet, Kind::Setting, change, json!(false));
        let ran = play(fates_of_one(fate), builder);
        assert_eq!((ran.outcome(), calls(&ran)), (RunOutcome::Complete, (times, 1)), "{fate:?}");
        let mut state = ran.world.service.state();
        state.catch_up(ran.outcome.ended);
        assert_eq!(state.settings.values().collect::<Vec<_>>(), [&json!(false)]);
    }
}

// ── Stops ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn who_stops_a_run_does_not_wait_for_settle_times() {
    for deadline in [false, true] {
        let at = Mono::from_origin(seconds(10));
        let mut builder = host("a");
        let group = builder.group("g");
        builder.user("ada", group);
        let world = fates_of(|call| (call.endpoint == Endpoint::HostCreate).then_some(Fate::LostAfter));
        world.service.state().way = 1_000_000..1_000_001;
        let options = RunOptions { deadline: deadline.then(|| seconds(10)), ..RunOptions::default() };
        let outcome = world.run(&builder.plan(), options, 1, Some(at).filter(|_| !deadline));
        let ran = Ran { outcome, world };
        let (verdict, error_type, error) = ran.error("a");
        assert_eq!((verdict, error_type), (Verdict::Unknown, ErrorType::Indeterminate));
        let reason = if deadline { "the deadline has passed" } else { "told to stop" };
        assert!(error.ends_with(&format!("not looked for: {reason}; `resume` settles it")), "{error}");
        assert_eq!((ran.outcome(), calls(&ran).1), (RunOutcome::Stuck, 0));
        assert!(ran.outcome.ended <= at + seconds(1), "{:?}", ran.outcome.ended);
        // And so it does.
        let plan = {
            let mut builder = host("a");
            let group = builder.group("g");
            builder.user("ada", group);
            builder.plan()
        };
        let resumed = ran.world.resume(&plan, Goal::Forward, Overrides::default(), None);
        let ran = Ran { outcome: resumed, world: ran.world };
        assert_eq!((ran.outcome(), ran.change("a").1.origin), (RunOutcome::Complete, Some(Origin::Inferred)));
        assert_eq!((held(&ran, "hosts").len(), calls(&ran)), (1, (3, 1)));
    }
}

/// A failure stops the run, but what is on its way is waited for; it is not sent again.
#[test]
fn a_failure_that_stops_the_run_cuts_no_settling() {
    let options = RunOptions { on_failure: OnFailure::Stop, ..RunOptions::default() };
    for (fate, verdict) in [(Fate::LostAfter, Verdict::Succeeded), (Fate::LostBefore, Verdict::Unprocessed)] {
        let mut builder = host("a");
        builder.host("bad");
        let world = fates_of(move |call| match name_of(call) {
            Some("bad") => Some(Fate::Rejected(400)),
            _ => Some(fate),
        });
        let ran = play_as(options.clone(), world, builder);
        assert_eq!((ran.change("a").0, calls(&ran)), (verdict, (2, 1)), "{fate:?}");
        assert_eq!(held(&ran, "hosts").len(), usize::from(verdict == Verdict::Succeeded));
        if verdict == Verdict::Unprocessed {
            let error = ran.change("a").1.error.clone().unwrap();
            assert_eq!(error, "not applied: the list of hosts does not show it; `resume` carries it out");
        }
    }
}

// ── Runs taken up again ──────────────────────────────────────────────────────────────────────────────────────────────────

/// The process of a run dies at a moment.
fn die(world: &World, builder: impl Fn() -> Builder, at: Duration) {
    let plan = builder().plan();
    let run = world.running(&plan, RunOptions::default(), 1, None).boxed();
    let death = world.clock.pass_until(Mono::from_origin(at)).boxed();
    let died = world.clock.run(future::select(run, death));
    assert!(matches!(died, future::Either::Right(_)), "the run was over before");
}

fn many_hosts() -> Builder {
    let mut builder = Builder::default();
    for index in 0..300 {
        builder.host(&format!("h{index}"));
    }
    builder
}

#[test]
fn after_a_crash_one_list_says_of_all_what_had_been_sent() {
    let world = world(Buckets::None, Box::new(|_| None));
    world.service.state().way = 40_000..60_000;
    die(&world, many_hosts, seconds(1));
    let before = world.service.ledger().len();
    assert!((50..250).contains(&before), "{before}");
    let began = world.clock.mono();
    let outcome = world.resume(&many_hosts().plan(), Goal::Forward, Overrides::default(), None);
    let ran = Ran { outcome, world };
    assert_eq!((ran.outcome(), held(&ran, "hosts").len()), (RunOutcome::Complete, 300));
    // One list says of all; what the process left on its way was lost, so that the end of the run looks once more.
    assert_eq!((ran.outcome.report.lists.succeeded.len(), calls(&ran)), (300, (300, 2)));
    let later = &ran.world.service.ledger()[before..];
    let lists: Vec<usize> = (0..later.len()).filter(|at| !later[*at].call.mutates()).collect();
    assert_eq!(lists, [0, later.len() - 1]);
    assert!(later.iter().all(|entry| entry.sent >= began + S), "nothing goes out before the settle time");
    let inferred = ran.outcome.report.lists.succeeded.iter().filter(|c| c.origin == Some(Origin::Inferred));
    // Those whose answers the death of the process cut off.
    assert!((1..=8).contains(&inferred.count()));
}

/// One reading of a list serves operations that become ready much later, too.
#[test]
fn those_that_wait_for_others_are_not_read_for_again() {
    let chain = || {
        let mut builder = Builder::default();
        for index in 0..40 {
            builder.host(&format!("h{index}"));
            if index > 0 {
                builder.operations[index].needs.push(index - 1);
            }
        }
        builder
    };
    let world = world(Buckets::None, Box::new(|_| None));
    world.service.state().way = 5_000_000..5_000_001;
    die(&world, chain, seconds(95));
    let outcome = world.resume(&chain().plan(), Goal::Forward, Overrides::default(), None);
    let ran = Ran { outcome, world };
    assert_eq!((ran.outcome(), held(&ran, "hosts").len()), (RunOutcome::Complete, 40));
    // The second is that of the end of the run: what was on its way when the process died was lost.
    assert_eq!(calls(&ran), (40, 2));
    assert!(!ran.world.service.ledger().last().unwrap().call.mutates());
}

#[test]
fn what_others_did_meanwhile_is_seen_before_anything_is_sent() {
    let plan = || {
        let mut builder = Builder::default();
        let (one, two, three) = (
            json!({ "id": "1", "name": "one", "domain": "old.example" }),
            json!({ "id": "2", "name": "two", "domain": "old.example" }),
            json!({ "id": "3", "name": "three", "domain": "old.example" }),
        );
        builder.host("first");
        builder.update(Kind::Host, &one, json!({ "name": "one", "domain": "new.example" }));
        builder.update(Kind::Host, &two, json!({ "name": "two", "domain": "new.example" }));
        builder.update(Kind::Host, &three, json!({ "name": "three", "domain": "new.example" }));
        builder.delete(Kind::Host, &json!({ "id": "4", "name": "four" }));
        builder.host("same");
        let change = builder.change(Kind::Host, "other", Action::Create);
        builder.operation(
            Endpoint::HostCreate,
            Kind::Host,
            change,
            json!({ "name": "other", "domain": "x.example" }),
        );
        for operation in 1..builder.operations.len() {
            builder.operations[operation].needs.push(0);
        }
        builder
    };
    let world = world(Buckets::None, Box::new(|_| None));
    world.service.state().way = 2_000_000..2_000_001;
    let objects = json!([
        { "id": "1", "name": "one", "domain": "old.example" },
        { "id": "2", "name": "two", "domain": "old.example" },
        { "id": "3", "name": "three", "domain": "old.example" },
        { "id": "4", "name": "four" },
    ]);
    put(&world, "hosts", &objects);
    die(&world, plan, seconds(1));
    {
        let mut state = world.service.state();
        let hosts = state.objects.get_mut("hosts").unwrap();
        hosts[0]["domain"] = json!("theirs.example");
        hosts[1]["domain"] = json!("new.example");
        hosts.retain(|host| host["id"] != "3" && host["id"] != "4");
        hosts.push(json!({ "id": "5", "name": "same" }));
        hosts.push(json!({ "id": "6", "name": "other", "domain": "y.example" }));
    }
    let outcome = world.resume(&plan().plan(), Goal::Forward, Overrides::default(), None);
    let ran = Ran { outcome, world };
    assert_eq!(ran.error("one").1, ErrorType::Drifted);
    assert_eq!(ran.change("two").1.note.as_deref(), Some("the list of hosts shows that it is so already"));
    assert_eq!(ran.error("three").1, ErrorType::NotFound);
    let (verdict, change) = ran.change("four");
    assert_eq!((verdict, change.attempts), (Verdict::Succeeded, Some(0)));
    let (verdict, change) = ran.change("same");
    assert_eq!(
        (verdict, change.id.as_deref(), change.origin),
        (Verdict::Succeeded, Some("5"), Some(Origin::Inferred))
    );
    let (verdict, error_type, _) = ran.error("other");
    assert_eq!((verdict, error_type), (Verdict::Failed, ErrorType::Conflict));
    // But for the first, whose intent was open, nothing was sent.
    assert!(sent(&ran, Class::Update).iter().all(|entry| name_of(&entry.call) == Some("first")));
}

#[test]
fn a_run_that_is_only_settled_sends_nothing_that_changes_anything() {
    for applied in [true, false] {
        let plan = || {
            let mut builder = host("a");
            let group = builder.group("g");
            builder.user("ada", group);
            builder.operations[1].needs.push(0);
            builder
        };
        let world = fates_of_one(if applied { Fate::LostAfter } else { Fate::LostBefore });
        die(&world, plan, seconds(1));
        let before = world.service.ledger().len();
        let outcome = world.resume(&plan().plan(), Goal::Settle, Overrides::default(), None);
        let ran = Ran { outcome, world };
        assert!(ran.world.service.ledger()[before..].iter().all(|entry| entry.call.class() == Class::Read));
        let verdict = if applied { Verdict::Succeeded } else { Verdict::Unprocessed };
        assert_eq!((ran.change("a").0, ran.outcome()), (verdict, RunOutcome::Stopped), "{applied}");
        for key in ["g", "ada"] {
            let error = ran.change(key).1.error.clone().unwrap();
            assert_eq!(ran.change(key).0, Verdict::Unprocessed, "{key}");
            assert_eq!(error, "not started: the run was only settled; `resume` carries it out", "{key}");
        }
        // And then carried out.
        let outcome = ran.world.resume(&plan().plan(), Goal::Forward, Overrides::default(), None);
        let ran = Ran { outcome, world: ran.world };
        assert_eq!((ran.outcome(), held(&ran, "hosts").len()), (RunOutcome::Complete, 1), "{applied}");
        assert_eq!(held(&ran, "users").len(), 1);
    }
}
