//! Joint calls that the service applied in part: what is there is adopted, what is missing is made, what was named fails.

mod sim;

use connexa_engine::{
    plan::{Action, Output},
    record::{Purpose, Record},
    report::{ErrorType, Origin, RunOutcome, Verdict},
    run::RunOptions,
};
use connexa_types::{
    Answer, AnswerBody, Call, CallBody, Endpoint, JsonPointer, Kind, Outcome, SecretRef, SecretSource,
};
use serde_json::{Value, json};
use sim::{
    plans::Builder,
    ran::{Ran, details, run, run_as},
    service::{Buckets, rejection},
};
use std::collections::BTreeMap;

/// Does something else than it is told with the first create of a network, then behaves.
fn first_create(
    mut tamper: impl FnMut(&Call) -> Option<Outcome> + Send,
) -> impl FnMut(&Call) -> Option<Outcome> + Send {
    let mut creates = 0;
    move |call| {
        creates += usize::from(call.endpoint == Endpoint::NetworkCreate);
        (call.endpoint == Endpoint::NetworkCreate && creates == 1).then(|| tamper(call)).flatten()
    }
}

fn body(call: &Call) -> Value {
    match &call.body {
        Some(CallBody::Json(body)) => body.clone(),
        _ => panic!("a body"),
    }
}

fn list(networks: &Value) -> Outcome {
    let count = networks.as_array().map_or(0, Vec::len);
    let page = json!({ "content": networks, "totalElements": count, "totalPages": 1 });
    Outcome::Applied(Answer { status: 200, body: AnswerBody::Json(page), sealed: BTreeMap::new() })
}

fn created(object: Value) -> Outcome {
    Outcome::Applied(Answer { status: 201, body: AnswerBody::Json(object), sealed: BTreeMap::new() })
}

fn calls(ran: &Ran) -> Vec<Endpoint> {
    ran.world.service.ledger().iter().map(|entry| entry.call.endpoint).collect()
}

fn grown(ran: &Ran) -> Vec<String> {
    let ids = ran.outcome.records.iter().filter_map(|record| match record {
        Record::OperationAdded { operation, .. } => Some(operation.id.to_string()),
        _ => None,
    });
    ids.collect()
}

/// A service that leaves children out of the network that it makes: `(in its answer, in its lists)`.
fn forgetful(answer: &'static [&str], lists: &'static [&str]) -> impl FnMut(&Call) -> Option<Outcome> + Send {
    let network = |names: &[&str]| {
        let connectors: Vec<Value> =
            names.iter().map(|name| json!({ "id": format!("id-{name}"), "name": name })).collect();
        json!({ "id": "n", "name": "paris", "connectors": connectors })
    };
    move |call| match call.endpoint {
        Endpoint::NetworkCreate => Some(created(network(answer))),
        Endpoint::NetworkList => Some(list(&json!([network(lists)]))),
        Endpoint::NetworkConnectorCreate => {
            assert_eq!(call.query, [("networkId".to_owned(), "n".to_owned())]);
            let mut connector = body(call);
            connector["id"] = json!("made");
            Some(created(connector))
        }
        _ => None,
    }
}

#[test]
fn a_child_that_a_2xx_and_the_list_lack_is_made() {
    let mut builder = Builder::default();
    let network = builder.network("paris", 2, 0);
    let change = builder.change(Kind::Host, "h", Action::Create);
    let output = Output { change: 2, ..builder.id_of(network) };
    let operation =
        builder.operation(Endpoint::HostCreate, Kind::Host, change, json!({ "name": "h", "x": null }));
    operation.call.outputs.insert(JsonPointer::new("/x"), output);
    operation.needs.push(network);
    let ran = run(builder, forgetful(&["c0"], &["c0"]));
    assert_eq!(ran.outcome(), RunOutcome::Complete);
    let expected = [
        Endpoint::NetworkCreate,
        Endpoint::NetworkList,
        Endpoint::NetworkConnectorCreate,
        Endpoint::HostCreate,
    ];
    assert_eq!((calls(&ran), grown(&ran)), (expected.to_vec(), vec!["op-1+1".to_owned()]));
    let (_, repaired) = ran.change("paris/c1");
    assert_eq!((repaired.id.as_deref(), repaired.attempts), (Some("made"), Some(2)));
    assert_eq!(repaired.origin, Some(Origin::Confirmed));
    // What needs the child has waited for it.
    let host = ran.world.service.ledger().pop().map(|entry| body(&entry.call));
    assert_eq!(host, Some(json!({ "name": "h", "x": "made" })));
    // The record says all that a replay needs.
    let sent = ran.outcome.records.iter().any(|record| match record {
        Record::AttemptStarted { purpose: Purpose::Operation(id), .. } => id.to_string() == "op-1+1",
        _ => false,
    });
    assert!(sent);
}

#[test]
fn a_child_that_only_the_answer_lacks_is_not_made_twice() {
    let mut builder = Builder::default();
    builder.network("paris", 2, 0);
    let ran = run(builder, forgetful(&["c1"], &["c0", "c1"]));
    assert_eq!((ran.outcome(), grown(&ran).len()), (RunOutcome::Complete, 0));
    let (_, found) = ran.change("paris/c0");
    assert_eq!((found.id.as_deref(), found.origin), (Some("id-c0"), Some(Origin::Inferred)));
    assert_eq!(found.note.as_deref(), Some("found in the list: the answer did not show it"));
    assert_eq!(ran.change("paris").1.origin, Some(Origin::Confirmed));
}

#[test]
fn a_repair_that_is_refused_fails_alone() {
    let mut builder = Builder::default();
    let network = builder.network("paris", 1, 0);
    builder.connector("paris/late", network);
    let mut connectors = 0;
    let mut service = forgetful(&[], &[]);
    let ran = run(builder, move |call| {
        connectors += usize::from(call.endpoint == Endpoint::NetworkConnectorCreate);
        if call.endpoint == Endpoint::NetworkConnectorCreate && connectors == 1 {
            return Some(rejection(400, &[("vpnRegionId", "unknown")]));
        }
        service(call)
    });
    assert_eq!((ran.change("paris").0, ran.change("paris/late").0), (Verdict::Succeeded, Verdict::Succeeded));
    let (verdict, error_type, _) = ran.error("paris/c0");
    assert_eq!((verdict, error_type), (Verdict::Failed, ErrorType::Rejected));
    assert_eq!(ran.detail("paris/c0"), details(&[("region", "unknown")]));
}

#[test]
fn what_a_refused_call_left_is_adopted_and_completed() {
    let mut builder = Builder::default();
    builder.network("paris", 4, 1);
    let service = first_create(|_| Some(rejection(400, &[("connectors[2].vpnRegionId", "unknown")])));
    let mut service = service;
    let ran = run(builder, move |call| {
        if call.endpoint == Endpoint::NetworkList {
            // The key is the same although it is written otherwise.
            let connectors = json!([{ "id": "c1", "name": "c1", "vpnRegionId": "eu-central-1" }]);
            return Some(list(
                &json!([{ "id": "n", "name": " PARIS", "connectors": connectors, "routes": [] }]),
            ));
        }
        if let Endpoint::NetworkConnectorCreate | Endpoint::NetworkRouteCreate = call.endpoint {
            assert_eq!(call.query[0].1, "n");
            let mut child = body(call);
            child["id"] = json!("made");
            child["subnet"] = child["value"].clone();
            return Some(created(child));
        }
        service(call)
    });
    let (_, network) = ran.change("paris");
    assert_eq!((network.id.as_deref(), network.origin), (Some("n"), Some(Origin::Inferred)));
    let note = network.note.as_deref().unwrap_or_default();
    assert!(note.starts_with("adopted: found after the call was refused by the service (400"), "{note}");
    assert_eq!(ran.change("paris/c1").1.origin, Some(Origin::Inferred));
    for key in ["paris/c0", "paris/c3", "paris/10.0.0.0/16"] {
        let (verdict, child) = ran.change(key);
        assert_eq!(
            (verdict, child.origin, child.attempts),
            (Verdict::Succeeded, Some(Origin::Confirmed), Some(2))
        );
    }
    assert_eq!(ran.error("paris/c2").0, Verdict::Failed);
    assert_eq!(ran.detail("paris/c2"), details(&[("region", "unknown")]));
    // One list says what is there; one more, at the end of the run, that nothing is there twice.
    assert_eq!((grown(&ran).len(), ran.outcome.report.calls.read), (3, 2));
    assert_eq!(ran.outcome(), RunOutcome::Partial);
}

#[test]
fn what_is_not_as_it_was_sent_is_not_ours() {
    let networks = [
        (json!([{ "id": "n7", "name": "paris", "egress": true }]), "differs in `egress`"),
        (
            json!([{ "id": "n7", "name": "paris", "egress": false, "connectors": [{ "id": "x", "name": "other" }] }]),
            "it has children that were not sent",
        ),
    ];
    for (networks, words) in networks {
        let mut builder = Builder::default();
        let operation = builder.network("paris", 1, 0);
        if let Some(CallBody::Json(body)) = &mut builder.operations[operation].call.body {
            body["egress"] = json!(false);
        }
        let ran = run(builder, move |call| match call.endpoint {
            Endpoint::NetworkCreate => Some(rejection(400, &[])),
            Endpoint::NetworkList => Some(list(&networks)),
            _ => None,
        });
        for key in ["paris", "paris/c0"] {
            let (verdict, error_type, error) = ran.error(key);
            assert_eq!((verdict, error_type), (Verdict::Unknown, ErrorType::Conflict));
            assert!(
                error.contains("Simulated refusal") && error.contains("(id n7)") && error.contains(words),
                "{error}"
            );
        }
        assert_eq!((ran.outcome(), calls(&ran).len()), (RunOutcome::Stuck, 2));
    }
}

#[test]
fn more_than_one_is_reported_and_none_is_picked() {
    let mut builder = Builder::default();
    builder.network("paris", 1, 0);
    let ran = run(builder, |call| match call.endpoint {
        Endpoint::NetworkCreate => Some(rejection(400, &[])),
        Endpoint::NetworkList => {
            Some(list(&json!([{ "id": "n1", "name": "paris" }, { "id": "n2", "name": "Paris" }])))
        }
        _ => None,
    });
    let (verdict, network) = ran.change("paris");
    assert_eq!((verdict, network.error_type), (Verdict::Unknown, Some(ErrorType::Indeterminate)));
    assert_eq!(network.duplicates, Some(vec!["n1".to_owned(), "n2".to_owned()]));
}

#[test]
fn the_passengers_that_a_refusal_names_stay_behind() {
    let mut builder = Builder::default();
    let network = builder.network("paris", 3, 2);
    builder.connector("paris/late", network);
    let reference = SecretRef { field: "psk".into(), source: SecretSource::Env("PSK".into()), hash: None };
    for index in [0, 1, 2] {
        let place = JsonPointer::new(format!("/connectors/{index}/ipSecConfig/preSharedKey"));
        builder.operations[network].call.secrets.insert(place, reference.clone());
    }
    let details_of = [("connectors[1].vpnRegionId", "unknown"), ("routes[0].value", "overlaps")];
    let ran = run(builder, first_create(move |_| Some(rejection(400, &details_of))));
    for key in ["paris", "paris/c0", "paris/c2", "paris/10.1.0.0/16", "paris/late"] {
        assert_eq!(ran.change(key).0, Verdict::Succeeded, "{key}");
    }
    assert_eq!(ran.change("paris").1.attempts, Some(2));
    for (key, field, words) in
        [("paris/c1", "region", "unknown"), ("paris/10.0.0.0/16", "subnet", "overlaps")]
    {
        let (verdict, failed) = ran.change(key);
        assert_eq!((verdict, failed.attempts), (Verdict::Failed, Some(1)));
        assert_eq!(ran.detail(key), details(&[(field, words)]));
    }
    let ledger = ran.world.service.ledger();
    let creates: Vec<&Call> = ledger
        .iter()
        .map(|entry| &entry.call)
        .filter(|call| call.endpoint == Endpoint::NetworkCreate)
        .collect();
    let names = |list: &Value| -> Vec<Value> {
        let of =
            |child: &Value| child.get("name").or_else(|| child.get("value")).cloned().unwrap_or_default();
        list.as_array().into_iter().flatten().map(of).collect()
    };
    let second = body(creates[1]);
    assert_eq!(
        (names(&second["connectors"]), names(&second["routes"])),
        (vec![json!("c0"), json!("c2")], vec![json!("10.1.0.0/16")])
    );
    let places: Vec<&str> = creates[1].secrets.keys().map(JsonPointer::as_str).collect();
    assert_eq!(places, ["/connectors/0/ipSecConfig/preSharedKey", "/connectors/1/ipSecConfig/preSharedKey"]);
}

#[test]
fn a_second_refusal_is_the_last() {
    let mut builder = Builder::default();
    let network = builder.network("paris", 2, 0);
    builder.connector("paris/late", network);
    let ran = run(builder, |call| {
        (call.endpoint == Endpoint::NetworkCreate).then(|| rejection(400, &[("connectors[0].name", "odd")]))
    });
    assert_eq!(calls(&ran).iter().filter(|endpoint| **endpoint == Endpoint::NetworkCreate).count(), 2);
    for key in ["paris", "paris/c0", "paris/c1"] {
        assert_eq!(ran.change(key).0, Verdict::Failed, "{key}");
    }
    let (verdict, skipped) = ran.change("paris/late");
    assert_eq!((verdict, skipped.cause.as_deref()), (Verdict::Skipped, Some("network/paris")));
}

/// A stop between the call and its repair: the parent is there, the child was never made, and both are said.
#[test]
fn a_stop_leaves_repairs_undone_and_says_so() {
    let mut builder = Builder::default();
    builder.network("paris", 1, 0);
    builder.host("bad");
    let mut service = forgetful(&[], &[]);
    let options = RunOptions { on_failure: connexa_engine::run::OnFailure::Stop, ..RunOptions::default() };
    let ran = run_as(
        options,
        Buckets::None,
        builder,
        Box::new(move |call| match call.endpoint {
            Endpoint::HostCreate => Some(rejection(422, &[])),
            _ => service(call),
        }),
    );
    assert_eq!(ran.change("paris").0, Verdict::Succeeded);
    let (verdict, child) = ran.change("paris/c0");
    assert_eq!(verdict, Verdict::Unprocessed);
    let error = "its parent was made without it; not started: the run was stopped by a failure";
    assert_eq!((child.error.as_deref(), ran.outcome()), (Some(error), RunOutcome::Stopped));
}
