//! Lost answers of calls whose effect no list shows: sent again, looked for, or left unknown, as the table says.

mod sim;

use connexa_engine::{
    plan::{Action, Carried},
    report::{ErrorType, RunOutcome, Verdict},
    run::RunOptions,
};
use connexa_types::{CallBody, Class, Endpoint, JsonPointer, Kind, Outcome, Reason};
use serde_json::{Value, json};
use sim::{
    plans::Builder,
    ran::{Ran, applied, details, run, world},
    service::{Buckets, rejection, why},
};

fn lost() -> Outcome {
    Outcome::Indeterminate(why(Reason::Timeout, None))
}

/// What the first sendings of a call come to; after them the service behaves.
#[derive(Clone, Copy)]
enum Fate {
    Lost,
    Refused,
}

fn play(builder: Builder, object: Option<(&'static str, Value)>, fates: &'static [Fate]) -> Ran {
    let mut sent = 0;
    let service = world(
        Buckets::None,
        Box::new(move |call| {
            if call.class() == Class::Read {
                return None;
            }
            sent += 1;
            match fates.get(sent - 1) {
                Some(Fate::Lost) => Some(lost()),
                Some(Fate::Refused) => Some(rejection(400, &[])),
                None => None,
            }
        }),
    );
    if let Some((list, object)) = object {
        service.service.state().objects.insert(list, vec![object]);
    }
    let outcome = service.run(&builder.plan(), RunOptions::default(), 1, None);
    Ran { outcome, world: service }
}

fn updates(ran: &Ran) -> usize {
    ran.world.service.ledger().iter().filter(|entry| entry.call.class() == Class::Update).count()
}

fn domains(count: usize) -> Builder {
    let mut builder = Builder::default();
    let names: Vec<String> = (0..count).map(|index| format!("bad{index}.example")).collect();
    let changes: Vec<usize> =
        names.iter().map(|name| builder.change(Kind::BlockDomain, name, Action::Create)).collect();
    let body = json!({ "domains": names });
    let operation = builder.operation(Endpoint::BlockListAddDomains, Kind::BlockDomain, changes[0], body);
    operation.carries = changes
        .iter()
        .enumerate()
        .map(|(index, change)| Carried { change: *change, at: JsonPointer::new(format!("/domains/{index}")) })
        .collect();
    builder
}

#[test]
fn domains_are_sent_again_until_it_is_known() {
    let ran = play(domains(3), None, &[Fate::Lost, Fate::Lost]);
    assert_eq!((ran.outcome(), updates(&ran), ran.outcome.report.calls.read), (RunOutcome::Complete, 3, 0));
    assert_eq!(ran.outcome.report.lists.succeeded.len(), 3);
    // Refused after that: the first may have done it.
    let ran = play(domains(3), None, &[Fate::Lost, Fate::Refused]);
    let (verdict, _, error) = ran.error("bad0.example");
    assert_eq!(verdict, Verdict::Unknown);
    assert!(
        error.starts_with("sent, but whether it was applied is not known")
            && error.contains("Simulated refusal"),
        "{error}"
    );
    let ran = play(domains(1), None, &[Fate::Lost; 40]);
    assert_eq!((ran.error("bad0.example").0, updates(&ran)), (Verdict::Unknown, 6));
}

#[test]
fn domains_that_are_refused_by_name_stay_out_and_the_rest_goes_in() {
    let mut sent = 0;
    let ran = run(domains(3), move |_| {
        sent += 1;
        (sent == 1).then(|| rejection(400, &[("domains[1]", "is no domain")]))
    });
    assert_eq!((ran.error("bad1.example").1, updates(&ran)), (ErrorType::Rejected, 2));
    assert_eq!(ran.detail("bad1.example"), details(&[("domain", "is no domain")]));
    let second = ran.world.service.ledger().pop().and_then(|entry| entry.call.body);
    assert_eq!(second, Some(CallBody::Json(json!({ "domains": ["bad0.example", "bad2.example"] }))));
    for key in ["bad0.example", "bad2.example"] {
        assert_eq!(ran.change(key).0, Verdict::Succeeded);
    }
}

fn connector(endpoint: Endpoint, verb: &str) -> (Builder, Option<(&'static str, Value)>) {
    let object = json!({ "id": "c1", "name": "paris-1" });
    let mut builder = Builder::default();
    let operation = builder.act(endpoint, Kind::NetworkConnector, verb, &object);
    builder.operations[operation].base.clear();
    (builder, Some(("networks", object)))
}

#[test]
fn a_connector_is_suspended_once_more_and_no_more() {
    let suspend = || connector(Endpoint::NetworkConnectorSuspend, "suspend");
    for (fates, verdict, sent) in [
        (&[Fate::Lost][..], Verdict::Succeeded, 2),
        (&[Fate::Lost, Fate::Lost], Verdict::Unknown, 2),
        (&[Fate::Lost, Fate::Refused], Verdict::Unknown, 2),
        (&[Fate::Refused], Verdict::Failed, 1),
    ] {
        let (builder, object) = suspend();
        let ran = play(builder, object, fates);
        assert_eq!((ran.change("paris-1").0, updates(&ran)), (verdict, sent));
    }
}

#[test]
fn what_mails_people_or_gives_out_secrets_is_never_sent_again() {
    for (endpoint, verb) in [
        (Endpoint::UserResetMfa, "reset-mfa"),
        (Endpoint::UserResendInvitation, "resend-invitation"),
        (Endpoint::UserForcePasswordChange, "force-password-change"),
        (Endpoint::NetworkConnectorProfile, "profile"),
        (Endpoint::NetworkConnectorProfileRevoke, "revoke-profile"),
    ] {
        let (builder, object) = connector(endpoint, verb);
        let ran = play(builder, object, &[Fate::Lost]);
        assert_eq!((ran.error("paris-1").0, updates(&ran)), (Verdict::Unknown, 1), "{endpoint}");
        assert_eq!(ran.outcome.report.calls.read, 0);
    }
}

#[test]
fn the_status_of_a_user_says_whether_it_was_suspended() {
    let user = |status: &str| json!({ "id": "u1", "username": "ada", "status": status });
    let suspend = |now, fates| {
        let mut builder = Builder::default();
        let operation = builder.act(Endpoint::UserSuspend, Kind::User, "suspend", &user("ACTIVE"));
        builder.operations[operation].base.clear();
        play(builder, Some(("users", user(now))), fates)
    };
    // Carried out: found so, and not sent again.
    let ran = suspend("SUSPENDED", &[Fate::Lost]);
    assert_eq!((ran.outcome(), updates(&ran), ran.outcome.report.calls.read), (RunOutcome::Complete, 1, 1));
    let note = ran.change("ada").1.note.clone().unwrap_or_default();
    assert_eq!(note, "the list of users shows that it was applied: its answer was lost");
    // Not carried out: sent again.
    let ran = suspend("ACTIVE", &[Fate::Lost]);
    assert_eq!((ran.outcome(), updates(&ran), ran.outcome.report.calls.read), (RunOutcome::Complete, 2, 1));
    // Refused when sent again: looked for once more, and not there.
    let ran = suspend("ACTIVE", &[Fate::Lost, Fate::Refused]);
    assert_eq!((ran.error("ada").1, ran.outcome.report.calls.read), (ErrorType::Rejected, 2));
}

#[test]
fn the_value_of_a_setting_says_whether_it_was_set() {
    for (now, sent) in [(false, 1), (true, 2)] {
        let mut builder = Builder::default();
        let change = builder.change(Kind::Setting, "wpc.snat", Action::Update);
        builder.operation(Endpoint::SettingWpcSnatSet, Kind::Setting, change, json!(false));
        let mut calls = 0;
        let ran = run(builder, move |call| {
            calls += usize::from(call.endpoint == Endpoint::SettingWpcSnatSet);
            match call.endpoint {
                Endpoint::SettingWpcSnatSet if calls == 1 => Some(lost()),
                Endpoint::SettingWpcSnatGet => Some(applied(json!(now))),
                _ => None,
            }
        });
        assert_eq!(
            (ran.outcome(), updates(&ran), ran.outcome.report.calls.read),
            (RunOutcome::Complete, sent, 1)
        );
    }
}
