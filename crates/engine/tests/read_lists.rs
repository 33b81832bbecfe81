//! Reading a tenant: whole lists by as few calls as there are pages, steady although others write.

mod plan_support;
mod sim;

use connexa_engine::{
    current::{CurrentState, OverlapSetting},
    journal::MemoryJournal,
    pacer::PacerOptions,
    plan::{Planning, plan},
    problem::Problem,
    read::{Read, ReadDone, ReadError, ReadOptions},
    record::{Event, Tick},
    retry::RetryPolicy,
};
use connexa_types::{Answer, AnswerBody, Kind, Outcome, Reason};
use serde_json::{Value, json};
use sim::{
    World,
    clock::SimClock,
    service::{Buckets, Service, rejection, why},
};
use std::{collections::BTreeMap, time::Duration};

fn world(seed: u64) -> World {
    let clock = SimClock::new();
    let service = Service::new(&clock, Buckets::None, seed);
    World::new(clock, service, MemoryJournal::new(), PacerOptions::default())
}

fn host(index: usize) -> Value {
    json!({ "id": format!("h{index}"), "name": format!("host-{index}") })
}

fn put(world: &World, hosts: usize) {
    world.service.state().objects.insert("hosts", (0..hosts).map(host).collect());
}

fn read(world: &World, options: ReadOptions) -> Result<ReadDone, ReadError> {
    world.read(Read::new("t".into(), options, None)).0
}

fn hosts() -> ReadOptions {
    ReadOptions { lists: vec![Kind::Host], ..ReadOptions::default() }
}

fn shown(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(plan_support::shown).collect()
}

fn names(state: &CurrentState, kind: Kind) -> Vec<String> {
    state.kind(kind).expect("it was read").objects.iter().map(|live| live.key.to_string()).collect()
}

#[test]
fn a_page_is_a_call_and_children_come_with_their_parents() {
    let world = world(1);
    let connector = json!({ "id": "c1", "name": "paris-1", "vpnRegionId": "eu-central-1" });
    let route = json!({ "id": "r1", "subnet": "10.1.0.0/16" });
    let network = json!({ "id": "n1", "name": "Paris", "connectors": [connector], "routes": [route] });
    world.service.state().objects.insert("networks", vec![network]);
    put(&world, 2001);
    let options = ReadOptions {
        lists: vec![Kind::NetworkRoute, Kind::Network, Kind::Host, Kind::UserGroup],
        regions: true,
        overlap_setting: true,
        ..ReadOptions::default()
    };
    let done = read(&world, options).expect("all is well");
    // Networks, groups, regions, the setting, and three pages of hosts.
    assert_eq!((done.calls.read, world.service.ledger().len()), (7, 7));
    assert_eq!(names(&done.state, Kind::Network), ["Paris"]);
    assert_eq!(names(&done.state, Kind::NetworkConnector), ["Paris/paris-1"]);
    assert_eq!(names(&done.state, Kind::NetworkRoute), ["Paris/10.1.0.0/16"]);
    assert_eq!(names(&done.state, Kind::UserGroup), [""; 0]);
    assert_eq!(names(&done.state, Kind::Host).len(), 2001);
    assert_eq!(done.state.regions.as_deref(), Some(&["eu-central-1".to_owned(), "us-east-1".to_owned()][..]));
    assert_eq!(done.state.overlap(), OverlapSetting::Allowed);
    let kind = |kind| done.state.kind(kind).expect("it was read");
    assert!(kind(Kind::Network).stable && kind(Kind::UserGroup).stable && !kind(Kind::Host).stable);
    assert_eq!((kind(Kind::Host).pages, kind(Kind::NetworkConnector).pages), (3, 0));
    // Rounds of 2 ms: one call to learn the quota, the other first pages, then the rest side by side.
    assert_eq!(done.took, Duration::from_millis(6));
    assert!(done.state.kind(Kind::User).is_none());
}

#[test]
fn a_second_pass_that_shows_the_same_makes_absence_sure() {
    let world = world(1);
    put(&world, 1500);
    let first = read(&world, hosts()).expect("all is well");
    assert!(!first.state.kind(Kind::Host).expect("read").stable);
    let again = ReadOptions { again: vec![Kind::Host], ..ReadOptions::default() };
    let second = world.read(Read::new("t".into(), again.clone(), Some(first.state.clone()))).0;
    let second = second.expect("all is well");
    assert!(second.state.kind(Kind::Host).expect("read").stable);
    assert_eq!(second.calls.read, 2);
    // Somebody adds a host in between: two passes that agree are needed.
    put(&world, 1501);
    let third = world.read(Read::new("t".into(), again, Some(first.state))).0.expect("all is well");
    assert_eq!((third.calls.read, names(&third.state, Kind::Host).len()), (4, 1501));
    assert!(third.state.kind(Kind::Host).expect("read").stable);
}

#[test]
fn a_list_that_moves_is_read_again_and_one_that_never_stands_still_is_an_error() {
    for moves in [1, 2, 3, 100] {
        let world = world(1);
        put(&world, 1500);
        let mut pages = 0;
        world.service.state().meddle = Some(Box::new(move |call, objects| {
            let later_page = call.query.iter().any(|(name, value)| name == "page" && value != "0");
            if later_page && pages < moves {
                pages += 1;
                // The first one goes, so that all others move up and the total changes.
                objects.get_mut("hosts").unwrap().remove(0);
            }
        }));
        let done = read(&world, hosts());
        if moves <= 3 {
            let done = done.expect("it comes to rest");
            assert_eq!(names(&done.state, Kind::Host).len(), 1500 - moves);
            assert_eq!(done.calls.read, 2 + 2 * moves as u64);
        } else {
            assert_eq!(done.unwrap_err(), ReadError::Unstable { what: "the list of hosts".to_owned() });
            assert_eq!(world.service.ledger().len(), 8);
        }
    }
}

/// One in, one out: the total stays the same, but an object is seen twice or not at all.
#[test]
fn a_page_shift_that_keeps_the_total_is_seen() {
    let world = world(1);
    put(&world, 1500);
    let mut moved = false;
    world.service.state().meddle = Some(Box::new(move |call, objects| {
        let later_page = call.query.iter().any(|(name, value)| name == "page" && value != "0");
        if later_page && !moved {
            moved = true;
            objects.get_mut("hosts").unwrap().insert(0, host(9_000));
            objects.get_mut("hosts").unwrap().pop();
        }
    }));
    let done = read(&world, hosts()).expect("it comes to rest");
    assert_eq!(done.calls.read, 4);
    let mut all = names(&done.state, Kind::Host);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 1500);
}

#[test]
fn what_passes_is_tried_again() {
    let passing: Vec<Outcome> = vec![
        Outcome::Throttled(Some(Duration::from_secs(7))),
        Outcome::Indeterminate(why(Reason::ServerError, Some(503))),
        Outcome::Indeterminate(why(Reason::Timeout, None)),
        Outcome::NotSent(why(Reason::Connect, None)),
    ];
    for outcome in passing {
        let world = world(1);
        put(&world, 1);
        let mut times = 0;
        let answer = outcome.clone();
        world.service.state().script = Some(Box::new(move |_| {
            times += 1;
            (times <= 2).then(|| answer.clone())
        }));
        let done = read(&world, hosts()).expect("it passes");
        assert_eq!((done.calls.read, done.calls.retried), (3, 2), "{outcome:?}");
        if let Outcome::Throttled(_) = outcome {
            assert_eq!(done.calls.throttled, 2);
            let ledger = world.service.ledger();
            assert!(ledger.windows(2).all(|pair| pair[1].sent >= pair[0].arrived + Duration::from_secs(7)));
        }
    }
}

#[test]
fn what_does_not_pass_is_told_apart_within_bounds() {
    let connect = why(Reason::Connect, None);
    let error = why(Reason::ServerError, Some(503));
    let what = || "the list of hosts".to_owned();
    let cases = [
        (Outcome::Unauthorized, ReadError::Unauthorized, 1),
        (rejection(403, &[]), ReadError::Forbidden { what: what(), text: "Simulated refusal".to_owned() }, 1),
        (
            rejection(404, &[]),
            ReadError::Rejected { what: what(), status: 404, text: "Simulated refusal".to_owned() },
            1,
        ),
        (
            Outcome::Indeterminate(why(Reason::Redirect, Some(302))),
            ReadError::Redirect { what: what(), detail: "simulated".to_owned() },
            1,
        ),
        (Outcome::NotSent(connect.clone()), ReadError::Unreachable { why: connect }, 5),
        (Outcome::Indeterminate(error.clone()), ReadError::Unanswered { what: what(), why: error }, 5),
        (Outcome::Throttled(None), ReadError::Throttled { what: what() }, 30),
    ];
    for (outcome, expected, calls) in cases {
        let world = world(1);
        let answer = outcome.clone();
        world.service.state().script = Some(Box::new(move |_| Some(answer.clone())));
        assert_eq!(read(&world, hosts()).unwrap_err(), expected);
        assert_eq!(world.service.ledger().len(), calls, "{outcome:?}");
        assert!(expected.is_refusal() && !expected.to_string().ends_with('.'));
    }
}

#[test]
fn a_setting_that_cannot_be_read_is_no_error() {
    let world = world(1);
    world.service.state().script = Some(Box::new(|call| {
        call.endpoint.info().path.starts_with("/settings").then(|| rejection(403, &[]))
    }));
    let options = ReadOptions { overlap_setting: true, ..hosts() };
    let done = read(&world, options).expect("it is only a rule");
    assert_eq!(done.state.overlap(), OverlapSetting::Unreadable);
}

#[test]
fn settings_are_read_by_one_call_each_whatever_form_their_answers_have() {
    let world = world(1);
    world.service.state().script = Some(Box::new(|call| {
        let body = match call.endpoint.info().path {
            "/settings/wpc/topology" => AnswerBody::Text("FULL_MESH".to_owned()),
            "/settings/dns/zones" => AnswerBody::Json(json!({ "zones": [] })),
            "/settings/dns/custom-servers" => AnswerBody::Empty,
            "/dns-log/user-dns-resolutions/enabled" => AnswerBody::Json(json!(false)),
            _ => return None,
        };
        Some(Outcome::Applied(Answer { status: 200, body, sealed: BTreeMap::new() }))
    }));
    let settings = vec!["dns_log", "dns.custom_servers", "dns.zones", "wpc.topology", "dns.zones"];
    let options = ReadOptions { settings, ..ReadOptions::default() };
    let done = read(&world, options).expect("all is well");
    assert_eq!(done.calls.read, 4);
    let all = &done.state.kind(Kind::Setting).expect("read").objects;
    let shown: Vec<_> = all.iter().map(|live| (live.key.to_string(), (*live.object).clone())).collect();
    let expected = [
        ("wpc.topology", json!({ "value": "FULL_MESH" })),
        ("dns.zones", json!({ "value": { "zones": [] } })),
        ("dns.custom_servers", json!({ "value": null })),
        ("dns_log", json!({ "value": false })),
    ];
    assert_eq!(shown, expected.map(|(path, object)| (path.to_owned(), object)));
    assert_eq!(done.state.overlap(), OverlapSetting::Unread);
    // One that an item names must be had: nothing can be compared with it otherwise.
    world.service.state().script = Some(Box::new(|_| Some(rejection(403, &[]))));
    let options = ReadOptions { settings: vec!["wpc.snat"], ..ReadOptions::default() };
    let error = read(&world, options).unwrap_err().to_string();
    assert!(error.starts_with("the key may not read the setting `wpc.snat`"), "{error}");
}

#[test]
fn children_with_a_list_of_their_own_are_named_by_their_parents_whichever_comes_first() {
    let application = |id: &str, network: &str| json!({ "id": id, "name": "wiki", "networkItemId": network });
    let networks = || vec![(json!({ "id": "n1", "name": "Paris", "routes": [] }), BTreeMap::new())];
    let applications =
        || vec![application("a1", "n1"), application("a2", "n2")].into_iter().map(|a| (a, BTreeMap::new()));
    for parents_first in [true, false] {
        let mut state = CurrentState::new("t".into());
        if parents_first {
            state.put_list(Kind::Network, networks(), 1, true).unwrap();
        }
        state.put_list(Kind::NetworkApplication, applications().collect(), 3, false).unwrap();
        if !parents_first {
            state.put_list(Kind::Network, networks(), 1, true).unwrap();
        }
        // The network of the other one was made, or is gone, since the networks were read.
        assert_eq!(names(&state, Kind::NetworkApplication), ["Paris/wiki", "n2/wiki"]);
        let kind = state.kind(Kind::NetworkApplication).unwrap();
        assert_eq!((kind.pages, kind.stable), (3, false));
        let paris = plan_support::key(Kind::NetworkApplication, Some("paris"), "wiki");
        assert_eq!(kind.by_key(&paris).map(|live| live.id.as_str()).collect::<Vec<_>>(), ["a1"]);
        assert_eq!(kind.by_id("a2").unwrap().parent.as_ref().unwrap().as_str(), "n2");
        // Parents that are read again under another name take their children along.
        let renamed = vec![(json!({ "id": "n1", "name": "Lutetia" }), BTreeMap::new())];
        state.put_list(Kind::Network, renamed, 1, true).unwrap();
        assert_eq!(names(&state, Kind::NetworkApplication), ["Lutetia/wiki", "n2/wiki"]);
    }
    let odd = vec![(json!({ "id": "a1", "name": "wiki" }), BTreeMap::new())];
    let error = CurrentState::default().put_list(Kind::HostApplication, odd, 1, true).unwrap_err();
    assert_eq!(error.field, "networkItemId");
}

#[test]
fn planning_and_reading_in_turns_come_to_an_end() {
    let mut spec = plan_support::Spec::default();
    let rome = spec.top(Kind::Network, "rome", []);
    spec.child(Kind::NetworkRoute, rome, "10.1.7.0/24", []);
    spec.child(Kind::NetworkConnector, rome, "rome-1", [("region", plan_support::value("eu-central-1"))]);
    for (answer, expected) in [
        (Some(json!(true)), "planned, warned of []"),
        (Some(json!(false)), "refused: [\"E404 subnet\"]"),
        // What the service does not tell is for the operator to judge.
        (Some(json!("odd")), "planned, warned of [\"E404 subnet\"]"),
        (None, "planned, warned of [\"E404 subnet\"]"),
    ] {
        let world = world(1);
        let paris =
            json!({ "id": "n1", "name": "paris", "routes": [{ "id": "r1", "subnet": "10.1.0.0/16" }] });
        world.service.state().objects.insert("networks", vec![paris]);
        let setting = answer.map_or(rejection(403, &[]), |body| {
            Outcome::Applied(Answer { status: 200, body: AnswerBody::Json(body), sealed: BTreeMap::new() })
        });
        world.service.state().script = Some(Box::new(move |call| {
            call.endpoint.info().path.starts_with("/settings").then(|| setting.clone())
        }));
        let mut state = CurrentState::new("t".into());
        let mut turns = 0;
        let came_to = loop {
            let wants = match plan(&spec.0, &state, &plan_support::apply()) {
                Planning::Wants(wants) => wants,
                Planning::Ready(plan) => break format!("planned, warned of {:?}", shown(&plan.problems)),
                Planning::Refused(problems) => break format!("refused: {:?}", shown(&problems)),
            };
            turns += 1;
            assert!(turns <= 2, "the lists, then what an overlap and a region ask for; not {wants:?} again");
            let options = ReadOptions {
                lists: wants.unread,
                again: wants.second_pass,
                regions: wants.regions,
                overlap_setting: wants.overlap_setting,
                settings: wants.settings,
                ..ReadOptions::default()
            };
            state = world.read(Read::new("t".into(), options, Some(state))).0.expect("it can be read").state;
        };
        assert_eq!((came_to.as_str(), world.service.ledger().len()), (expected, 3));
    }
}

#[test]
fn pages_of_a_list_that_has_moved_are_not_asked_for() {
    let world = world(1);
    let mut calls = 0;
    world.service.state().script = Some(Box::new(move |_| {
        calls += 1;
        // Twenty pages at first; while they are read, all but one object go.
        let (elements, pages) = if calls == 1 { (20_000, 20) } else { (1, 1) };
        let body = json!({ "content": [host(1)], "totalElements": elements, "totalPages": pages });
        Some(Outcome::Applied(Answer { status: 200, body: AnswerBody::Json(body), sealed: BTreeMap::new() }))
    }));
    let done = read(&world, hosts()).expect("it stands still the second time");
    assert_eq!(names(&done.state, Kind::Host), ["host-1"]);
    // The first page, those that were on their way when the second one came, and the list as it is now.
    assert_eq!(done.calls.read, 1 + 8 + 1);
}

#[test]
fn progress_is_told() {
    let world = world(1);
    put(&world, 1500);
    let (_, events) = world.read(Read::new("t".into(), hosts(), None));
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Tick(Tick::Read { what, objects, total }) => Some((what.as_str(), *objects, *total)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [("hosts", 1000, Some(1500)), ("hosts", 1500, Some(1500))]);
}

#[test]
fn nothing_to_read_is_no_call() {
    let world = world(1);
    let options = ReadOptions { retry: RetryPolicy::default(), ..ReadOptions::default() };
    let done = read(&world, options).expect("nothing can go wrong");
    assert_eq!((done.calls.read, done.took, world.service.ledger().len()), (0, Duration::ZERO, 0));
}
