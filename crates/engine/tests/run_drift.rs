//! What a run does about changes that somebody else made since the plan: nothing is overwritten unseen.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod sim;

use connexa_engine::{
    plan::{Action, TemplateText},
    report::{ErrorType, RunOutcome, Verdict},
    run::RunOptions,
};
use connexa_types::{Call, CallBody, Class, Endpoint, Kind, Method, Timestamp};
use serde_json::{Value, json};
use sim::{
    bucket::{Bucket, Numbers},
    plans::{Builder, live},
    ran::{Ran, rejection_of, world},
    service::{Buckets, Entry},
};
use std::time::Duration;

/// The run begins at the first moment of 2026.
fn read_before(seconds: u32) -> Option<Timestamp> {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    start.checked_sub(Duration::from_secs(seconds.into())).ok()
}

fn host(index: usize) -> Value {
    json!({
        "id": format!("h{index}"), "name": format!("host-{index}"), "domain": "old.example",
        "internetAccess": "SPLIT_TUNNEL_ON", "gatewaysIds": ["g1", "g2"], "connectors": [],
    })
}

/// An update of each of so many hosts.
fn updates(count: usize, read_at: Option<Timestamp>) -> Builder {
    let mut builder = Builder { read_at, ..Builder::default() };
    for index in 0..count {
        let to = json!({ "name": format!("host-{index}"), "domain": "new.example" });
        builder.update(Kind::Host, &host(index), to);
    }
    builder
}

/// Runs against a service that holds hosts, after somebody has been at them.
fn play(builder: Builder, options: RunOptions, others: impl FnOnce(&mut Vec<Value>)) -> Ran {
    let world = world(Buckets::None, Box::new(|_| None));
    let mut hosts: Vec<Value> = (0..builder.changes.len()).map(host).collect();
    others(&mut hosts);
    world.service.state().objects.insert("hosts", hosts);
    let outcome = world.run(&builder.plan(), options, 1, None);
    Ran { outcome, world }
}

fn reads(ran: &Ran) -> Vec<Entry> {
    ran.world.service.ledger().into_iter().filter(|entry| entry.call.class() == Class::Read).collect()
}

fn changed(ran: &Ran) -> Vec<Call> {
    let ledger = ran.world.service.ledger().into_iter();
    ledger.map(|entry| entry.call).filter(|call| call.class() == Class::Update).collect()
}

#[test]
fn a_young_base_is_relied_on_and_an_old_one_is_read_again_once_for_all() {
    for (age, lists) in [(Some(59), 0), (Some(60), 1), (Some(3600), 1), (None, 1)] {
        let ran = play(updates(8, age.and_then(read_before)), RunOptions::default(), |_| {});
        assert_eq!(ran.outcome(), RunOutcome::Complete);
        let reads = reads(&ran);
        assert_eq!(reads.len(), lists, "{age:?}");
        assert!(reads.iter().all(|entry| entry.call.endpoint == Endpoint::HostList));
    }
}

#[test]
fn what_somebody_changed_is_not_overwritten_and_the_rest_goes_on() {
    let ran = play(updates(4, None), RunOptions::default(), |hosts| {
        hosts[1]["internetAccess"] = json!("RESTRICTED_INTERNET");
        hosts[1]["description"] = json!("hands off");
        // Written otherwise, in another order, or not ours to look at: no drift.
        hosts[2]["domain"] = json!("OLD.example.");
        hosts[2]["gatewaysIds"] = json!(["g2", "g1"]);
        hosts[2]["systemSubnets"] = json!(["100.96.0.0/16"]);
        hosts[2]["description"] = json!("");
    });
    let (verdict, error_type, error) = ran.error("host-1");
    assert_eq!((verdict, error_type), (Verdict::Failed, ErrorType::Drifted));
    let expected =
        "not sent: host `host-1` has changed in `description`, `internet_access` since the plan was made";
    assert_eq!((error, ran.change("host-1").1.attempts), (expected, Some(0)));
    for key in ["host-0", "host-2", "host-3"] {
        assert_eq!(ran.change(key).0, Verdict::Succeeded, "{key}");
    }
    assert_eq!((changed(&ran).len(), reads(&ran).len(), ran.outcome()), (3, 1, RunOutcome::Partial));
}

#[test]
fn what_is_gone_cannot_be_updated_and_need_not_be_deleted() {
    let mut builder = updates(1, None);
    builder.delete(Kind::Host, &host(1));
    builder.delete(Kind::Host, &host(2));
    let ran = play(builder, RunOptions::default(), |hosts| {
        hosts.retain(|host| host["id"] == "h2");
    });
    assert_eq!(ran.error("host-0").1, ErrorType::NotFound);
    let (verdict, deleted) = ran.change("host-1");
    assert_eq!((verdict, deleted.note.as_deref()), (Verdict::Succeeded, Some("already gone")));
    assert_eq!(ran.change("host-2").0, Verdict::Succeeded);
    let calls = changed(&ran);
    assert_eq!((calls.len(), calls[0].path_args[0].as_str()), (1, "h2"));
}

#[test]
fn a_child_that_came_since_is_not_deleted_with_its_parent() {
    let network = json!({ "id": "n1", "name": "paris", "connectors": [], "routes": [] });
    for connectors in [json!([]), json!([{ "id": "c1", "name": "somebody's" }])] {
        let mut builder = Builder::default();
        builder.delete(Kind::Network, &network);
        let world = world(Buckets::None, Box::new(|_| None));
        let now = json!({ "id": "n1", "name": "paris", "connectors": connectors });
        world.service.state().objects.insert("networks", vec![now]);
        let outcome = world.run(&builder.plan(), RunOptions::default(), 1, None);
        let ran = Ran { outcome, world };
        if connectors == json!([]) {
            assert_eq!(ran.change("paris").0, Verdict::Succeeded);
        } else {
            let (_, error_type, error) = ran.error("paris");
            assert_eq!(error_type, ErrorType::Drifted);
            let expected = "network connector `paris/somebody's`, which would go with it, has come since";
            assert!(error.contains(expected), "{error}");
            assert_eq!(changed(&ran).len(), 0);
        }
    }
}

#[test]
fn recheck_zero_looks_before_each_call_and_a_large_one_never() {
    let options = |recheck| RunOptions { recheck: Some(recheck), parallel: 1, ..RunOptions::default() };
    let ran = play(updates(5, read_before(1)), options(Duration::ZERO), |_| {});
    assert_eq!((reads(&ran).len(), ran.outcome()), (5, RunOutcome::Complete));
    let ran = play(updates(5, read_before(86_400)), options(Duration::from_secs(86_401)), |hosts| {
        hosts[0]["domain"] = json!("other.example");
    });
    assert_eq!((reads(&ran).len(), ran.outcome()), (0, RunOutcome::Complete));
}

/// Somebody changes a host while the run is paced: seen, if the last look is longer ago than allowed.
#[test]
fn no_call_of_a_long_run_rests_on_what_was_read_too_long_ago() {
    for (seconds, recheck) in [(10_u64, None), (10, Some(30)), (1, None)] {
        let numbers = Numbers::new(3, 1, u32::try_from(seconds).unwrap());
        let buckets = Buckets::Apart { read: Bucket::full(numbers), update: Bucket::full(numbers) };
        let world = world(buckets, Box::new(|_| None));
        world.service.state().objects.insert("hosts", (0..40).map(host).collect());
        let options = RunOptions { recheck: recheck.map(Duration::from_secs), ..RunOptions::default() };
        let outcome = world.run(&updates(40, read_before(0)).plan(), options, 1, None);
        let ran = Ran { outcome, world };
        assert_eq!((ran.outcome(), ran.outcome.report.calls.throttled), (RunOutcome::Complete, 0));
        let window = Duration::from_secs(recheck.unwrap_or(60.max(20 * seconds)));
        let mut read = connexa_types::Mono::ZERO;
        let mut lists = 0;
        for entry in ran.world.service.ledger() {
            if entry.call.class() == Class::Read {
                read = entry.arrived;
                lists += 1;
            } else {
                // The permit that came with it went to somebody else; the next one is a period away.
                let slack = Duration::from_secs(seconds * 2);
                assert!(entry.sent.saturating_since(read) <= window + slack, "{entry:?} {read:?} {window:?}");
            }
        }
        let all = ran.outcome.ended.since_origin();
        let most = all.as_secs() / window.as_secs() + 1;
        assert!(lists <= most * 2, "{lists} lists in {all:?}");
    }
}

#[test]
fn two_updates_of_one_object_follow_each_other_and_are_no_drift() {
    let mut builder = updates(1, None);
    let to = json!({ "name": "host-0", "domain": "newer.example" });
    let second = builder.update(Kind::Host, &host(0), to);
    // Nothing in the plan parts them.
    assert!(builder.operations[second].needs.is_empty());
    builder.changes[1].key = "host-0 again".to_owned();
    let ran = play(builder, RunOptions { recheck: Some(Duration::ZERO), ..RunOptions::default() }, |_| {});
    assert_eq!(ran.outcome(), RunOutcome::Complete);
    let puts: Vec<Entry> =
        ran.world.service.ledger().into_iter().filter(|entry| entry.call.method() == Method::Put).collect();
    assert_eq!(puts.len(), 2);
    assert!(puts[1].sent > puts[0].arrived, "one at a time");
}

/// What this run removes disappears from other objects too: that is its own doing.
#[test]
fn references_to_what_the_run_deleted_are_no_drift() {
    let mut builder = Builder::default();
    let mut owner = host(0);
    owner["gatewaysIds"] = json!(["g1", "h1"]);
    let deleted = builder.delete(Kind::Host, &host(1));
    let update = builder.update(Kind::Host, &owner, json!({ "name": "host-0" }));
    builder.operations[update].needs.push(deleted);
    let world = world(Buckets::None, Box::new(|_| None));
    world.service.state().objects.insert("hosts", vec![owner, host(1)]);
    world.service.state().meddle = Some(Box::new(|call, objects| {
        if call.method() == Method::Delete {
            objects.get_mut("hosts").unwrap()[0]["gatewaysIds"] = json!(["g1"]);
        }
    }));
    let options = RunOptions { recheck: Some(Duration::ZERO), ..RunOptions::default() };
    let outcome = world.run(&builder.plan(), options, 1, None);
    assert_eq!(outcome.report.outcome, RunOutcome::Complete, "{:?}", outcome.report.lists.failed);
}

#[test]
fn a_setting_is_read_by_its_own_call() {
    let setting = |base: &str| {
        let mut builder = Builder::default();
        let change = builder.change(Kind::Setting, "dns.default_suffix", Action::Update);
        let operation =
            builder.operation(Endpoint::SettingDnsDefaultSuffixSet, Kind::Setting, change, Value::Null);
        operation.call.body = Some(CallBody::Text("new.example".to_owned()));
        let mut base_of = live(Kind::Setting, &json!({ "value": base }));
        base_of.id = "dns.default_suffix".into();
        operation.base = vec![base_of];
        builder
    };
    for (base, expected) in [("Corp.example.", Verdict::Succeeded), ("other.example", Verdict::Failed)] {
        let world = world(Buckets::None, Box::new(|_| None));
        world.service.state().settings.insert("/settings/dns/default-suffix", json!("corp.example"));
        let outcome = world.run(&setting(base).plan(), RunOptions::default(), 1, None);
        let ran = Ran { outcome, world };
        assert_eq!(ran.change("dns.default_suffix").0, expected);
        let read: Vec<_> = reads(&ran).iter().map(|entry| entry.call.endpoint).collect();
        assert_eq!(read, [Endpoint::SettingDnsDefaultSuffixGet]);
    }
}

#[test]
fn nothing_is_sent_on_a_base_that_cannot_be_read_again() {
    let mut builder = updates(3, None);
    builder.host("new");
    let world = world(Buckets::None, Box::new(|call| rejection_of(call, Endpoint::HostList, 403)));
    world.service.state().objects.insert("hosts", (0..3).map(host).collect());
    let outcome = world.run(&builder.plan(), RunOptions::default(), 1, None);
    let ran = Ran { outcome, world };
    let (verdict, error_type, error) = ran.error("host-1");
    assert_eq!((verdict, error_type), (Verdict::Failed, ErrorType::PermissionDenied));
    assert!(error.starts_with("not sent: the list of hosts had to be read again before the call"), "{error}");
    assert_eq!((changed(&ran).len(), ran.change("new").0), (1, Verdict::Succeeded));
}

/// Actions rest on their object too.
#[test]
fn an_action_on_what_is_gone_is_not_sent() {
    let mut builder = Builder::default();
    let user = json!({ "id": "u1", "username": "ada", "status": "ACTIVE" });
    let operation = builder.act(Endpoint::UserSuspend, Kind::User, "suspend", &user);
    assert_eq!(builder.operations[operation].call.path_args, [TemplateText::Text("u1".to_owned())]);
    let world = world(Buckets::None, Box::new(|_| None));
    let outcome = world.run(&builder.plan(), RunOptions::default(), 1, None);
    let ran = Ran { outcome, world };
    assert_eq!((ran.error("ada").1, changed(&ran).len()), (ErrorType::NotFound, 0));
    assert_eq!(ran.change("ada").1.verb.as_deref(), Some("suspend"));
}
