//! The library where the examples do not go: work for each of many items, stops, profiles, domains, one quota for all.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use connexa::{
    Batch, CallError, EmulatorOptions, ErrorType, ItemError, Kind, Limits, NotStarted, OnFailure, Plan,
    PlanError, PlanOptions, ProfileForm, RunError, RunOptions, Spec, Tenant, Verb, Verdict,
    api::{self, PageRequest},
    emulator::{Config, ledger::LedgerMemory},
    schema::NetworkCreateRequest,
};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::HashMap;

fn tenant_with(limits: Limits, faults: Value) -> (Tenant, LedgerMemory) {
    let ledger = LedgerMemory::new(10_000);
    let options = EmulatorOptions {
        config: Config { limits, ..Config::default() },
        ledger: Some(ledger.clone()),
        faults: serde_json::from_value(faults).unwrap(),
        ..EmulatorOptions::default()
    };
    (Tenant::emulator_with(options).unwrap(), ledger)
}

fn tenant() -> (Tenant, LedgerMemory) {
    tenant_with(Limits::UNLIMITED, json!({}))
}

fn network(name: &str) -> connexa::TypedCall<connexa::schema::NetworkResponse> {
    api::networks::create(&NetworkCreateRequest { name: name.into(), ..NetworkCreateRequest::default() })
}

async fn number_of_networks(tenant: &Tenant) -> usize {
    tenant.call(&api::networks::list(PageRequest::default())).await.unwrap().content.len()
}

#[tokio::test]
async fn an_error_or_a_panic_is_one_items_own_and_results_keep_the_order() {
    let (tenant, _) = tenant();
    let names: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
    let done = Batch::new(&tenant)
        .for_each(&names, async |name, api| {
            match name.as_str() {
                "n3" => panic!("three"),
                "n7" => return Err("seven".to_owned()),
                _ => {}
            }
            let made = api.call(&network(name)).await.map_err(|error| error.to_string())?;
            Ok(made.name)
        })
        .await;
    for (index, (name, done)) in names.iter().zip(&done).enumerate() {
        match index {
            3 => assert_eq!(done.result, Err(ItemError::Panicked("three".to_owned()))),
            7 => assert_eq!(done.result, Err(ItemError::Failed("seven".to_owned()))),
            _ => assert_eq!(done.result.as_ref(), Ok(name)),
        }
        let verdict = if matches!(index, 3 | 7) { Verdict::Failed } else { Verdict::Succeeded };
        assert_eq!(done.verdict, verdict);
    }
    assert_eq!(done.len(), 20);
    assert_eq!(number_of_networks(&tenant).await, 18);
}

#[tokio::test]
async fn the_brake_stops_work_whose_first_items_fail_alike() {
    for (brake, called) in [(true, 5), (false, 30)] {
        let (tenant, ledger) = tenant();
        let options = RunOptions { parallel: 1, brake, ..RunOptions::default() };
        let done = Batch::new(&tenant)
            .options(options)
            .for_each(0..30, async |_, api| api.call(&network("")).await.map(|_| ()))
            .await;
        assert_eq!(done.len(), 30);
        let failed = done.iter().take_while(|done| done.verdict == Verdict::Failed).count();
        assert_eq!(failed, called);
        for rest in &done[called..] {
            assert_eq!(rest.verdict, Verdict::Unprocessed);
            assert!(matches!(rest.result, Err(ItemError::NotStarted(NotStarted::Brake(_)))), "{rest:?}");
        }
        assert_eq!(ledger.entries().iter().filter(|entry| entry.path.ends_with("/networks")).count(), called);
    }
}

#[tokio::test]
async fn a_failure_stops_the_rest_where_that_is_asked_for() {
    let (tenant, _) = tenant();
    let batch = Batch::new(&tenant).parallel(1).on_failure(OnFailure::Stop);
    let work = async |number: u32, _| if number == 2 { Err("two") } else { Ok(number) };
    let done = batch.for_each(0..5, work).await;
    let verdicts: Vec<Verdict> = done.iter().map(|done| done.verdict).collect();
    let (good, rest) = (Verdict::Succeeded, Verdict::Unprocessed);
    assert_eq!(verdicts, [good, good, Verdict::Failed, rest, rest]);
    assert_eq!(done[4].result, Err(ItemError::NotStarted(NotStarted::OnFailure)));

    // The next work of the same batch begins anew, until it is stopped for good.
    assert_eq!(batch.for_each(0..2, work).await.len(), 2);
    batch.stopper().stop();
    let done = batch.for_each(0..2, work).await;
    assert!(done.iter().all(|done| done.result == Err(ItemError::NotStarted(NotStarted::Stopped))));
    let report = batch.create(Kind::Network, [json!({"name": "paris"})]).await.unwrap();
    assert_eq!(report.lists.unprocessed.len(), 1);
    assert_eq!(number_of_networks(&tenant).await, 0);
}

#[tokio::test]
async fn reads_are_sent_again_and_lost_changes_are_not() {
    let faults = json!({"rules": [
        {"method": "GET", "path": "/networks", "nth": 1, "fault": {"error": {"status": 503, "commit": "before"}}},
        {"method": "POST", "path": "/networks", "nth": 1, "fault": {"error": {"status": 503, "commit": "after"}}},
    ]});
    let (tenant, ledger) = tenant_with(Limits::UNLIMITED, faults);
    assert_eq!(number_of_networks(&tenant).await, 0);

    let batch = Batch::new(&tenant).parallel(1);
    let done = batch.for_each(["paris", "berlin"], async |name, api| api.call(&network(name)).await).await;
    assert_eq!(done[0].verdict, Verdict::Unknown);
    assert!(
        matches!(done[0].result, Err(ItemError::Failed(CallError::Indeterminate(_)))),
        "{:?}",
        done[0].result
    );
    assert_eq!(done[1].verdict, Verdict::Succeeded);
    assert_eq!(
        ledger
            .entries()
            .iter()
            .filter(|entry| entry.method == "POST" && entry.path.ends_with("/networks"))
            .count(),
        2
    );
}

#[tokio::test]
async fn batches_side_by_side_share_one_quota() {
    let (tenant, ledger) = tenant_with("5:100:1".parse().unwrap(), json!({}));
    let one = Batch::new(&tenant);
    let two = Batch::new(&tenant);
    let networks = (0..20).map(|number| json!({"name": format!("one-{number}")}));
    let names: Vec<String> = (0..20).map(|number| format!("two-{number}")).collect();
    let (report, done) = tokio::join!(
        one.create(Kind::Network, networks),
        two.for_each(&names, async |name, api| api.call(&network(name)).await),
    );
    assert_eq!(report.unwrap().lists.succeeded.len(), 20);
    assert!(done.iter().all(|done| done.verdict == Verdict::Succeeded));
    assert_eq!(ledger.entries().iter().filter(|entry| entry.throttled).count(), 0);
    assert_eq!(number_of_networks(&tenant).await, 40);
}

/// Something that no JSON can hold.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no words for it"))
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_written_fails_in_its_place() {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Item {
        Good { name: &'static str },
        Bad(Unwritable),
    }
    let (tenant, _) = tenant();
    let items = [Item::Good { name: "paris" }, Item::Bad(Unwritable), Item::Good { name: "rome" }];
    let report = Batch::new(&tenant).create(Kind::Network, &items).await.unwrap();
    assert_eq!(report.lists.succeeded.len(), 2, "{report:?}");
    let [failed] = report.lists.failed.as_slice() else { panic!("{report:?}") };
    assert_eq!(failed.error_type, Some(ErrorType::ValidationError));
    assert_eq!(failed.error.as_deref(), Some("the item cannot be written as JSON: no words for it"));
    assert_eq!(failed.source.as_ref().unwrap().index, 1);
}

#[tokio::test]
async fn every_kind_of_batch() {
    let (tenant, ledger) = tenant();
    let batch = Batch::new(&tenant);
    batch.create(Kind::UserGroup, [json!({"name": "staff", "regions": "all"})]).await.unwrap();
    let users = [json!({"username": "ada", "email": "ada@example.com", "group": "staff"})];
    assert_eq!(batch.create(Kind::User, &users).await.unwrap().lists.succeeded.len(), 1);
    let report = batch.act(Verb::Suspend, Kind::User, ["ada", "nobody"]).await.unwrap();
    assert_eq!((report.lists.succeeded.len(), report.lists.failed.len()), (1, 1));

    let domains: Vec<Value> = (0..1500).map(|n| json!(format!("d{n}.example"))).collect();
    let report = batch.create(Kind::BlockDomain, &domains).await.unwrap();
    assert_eq!((report.lists.succeeded.len(), report.calls.update), (1500, 2));
    let report = batch.delete(Kind::BlockDomain, &domains[..10]).await.unwrap();
    assert_eq!((report.lists.succeeded.len(), report.calls.update), (10, 1));

    let connector = json!({"name": "paris-1", "region": "eu-central-1"});
    batch.create(Kind::Network, [json!({"name": "paris", "connectors": [connector]})]).await.unwrap();
    let form = ProfileForm::Ovpn;
    let kind = Kind::NetworkConnector;
    let (report, profiles) = batch.profiles(kind, form, None, ["paris/paris-1"]).await.unwrap();
    assert_eq!(report.lists.succeeded.len(), 1);
    assert_eq!(profiles[0].key, "paris/paris-1");
    assert!(profiles[0].text.expose().contains("client"));

    for refused in [
        batch.update(Kind::BlockDomain, ["x"]).await,
        batch.delete(Kind::Setting, ["wpc.snat"]).await,
        batch.act(Verb::Profile, kind, ["paris/paris-1"]).await,
        batch.act(Verb::ResetMfa, kind, ["paris/paris-1"]).await,
    ] {
        assert!(matches!(refused, Err(connexa::BatchError::Unsupported { .. })), "{refused:?}");
    }
    let mut by_status: HashMap<u16, usize> = HashMap::new();
    ledger
        .entries()
        .iter()
        .filter_map(|entry| entry.status)
        .for_each(|s| *by_status.entry(s).or_default() += 1);
    assert!(by_status.keys().all(|status| *status < 300), "{by_status:?}");
}

#[tokio::test]
async fn a_plan_is_refused_whole_and_held_back_by_its_guards() {
    let (tenant, ledger) = tenant();
    let bad = Spec::yaml("networks: [{ name: paris, egres: true }, { name: rome }]");
    assert_eq!(bad.problems().iter().filter(|problem| problem.is_error()).count(), 1);
    let refused = Plan::of(&tenant, &bad, &PlanOptions::default()).await.unwrap_err();
    assert!(matches!(&refused, PlanError::Refused(problems) if problems[0].line == Some(1)), "{refused:?}");
    assert!(ledger.entries().is_empty());
    let options = PlanOptions { skip_invalid: true, ..PlanOptions::default() };
    let report = Plan::of(&tenant, &bad, &options).await.unwrap().run(&RunOptions::default()).await.unwrap();
    assert_eq!((report.lists.succeeded.len(), report.lists.failed.len()), (1, 1));

    let spec = |description: &str| {
        let networks: Vec<Value> =
            (0..12).map(|n| json!({"name": format!("n{n}"), "description": description})).collect();
        Spec::of(&json!({ "networks": networks })).unwrap()
    };
    let plan =
        async |description| Plan::of(&tenant, &spec(description), &PlanOptions::default()).await.unwrap();
    plan("one").await.run(&RunOptions::default()).await.unwrap();
    assert!(plan("one").await.is_empty());
    let held_back = plan("two").await.run(&RunOptions::default()).await.unwrap_err();
    assert!(matches!(held_back, RunError::Guarded(_)), "{held_back:?}");
    let mut options = RunOptions::default();
    options.guards.max_updates = Some(12);
    assert_eq!(plan("two").await.run(&options).await.unwrap().lists.succeeded.len(), 12);
    // Items of a batch are named one by one: they are meant.
    let updates = (0..12).map(|n| json!({"name": format!("n{n}"), "description": "three"}));
    let report = Batch::new(&tenant).update(Kind::Network, updates).await.unwrap();
    assert_eq!(report.lists.succeeded.len(), 12);
}

#[tokio::test]
async fn a_tenant_of_the_emulator_can_be_kept_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let store = Some(folder.path().join("emulator.db"));
        Tenant::emulator_with(EmulatorOptions { store, ..EmulatorOptions::default() })
    };
    let tenant = open().unwrap();
    Batch::new(&tenant).create(Kind::Network, [json!({"name": "paris"})]).await.unwrap();
    assert!(open().is_err(), "it is in use");
    tenant.close().await;
    let again = open().unwrap();
    assert_eq!(number_of_networks(&again).await, 1);
}

#[tokio::test]
async fn work_can_be_spawned() {
    let (tenant, _) = tenant();
    let batch = Batch::new(&tenant);
    let created = tokio::spawn({
        let (batch, of) = (batch.clone(), tenant.clone());
        async move {
            let (spec, options) = (Spec::yaml("networks: [{ name: a }]"), PlanOptions::default());
            let plan = Plan::of(&of, &spec, &options).await.unwrap();
            plan.run(&RunOptions::default()).await.unwrap();
            batch.create(Kind::Network, [json!({"name": "b"})]).await.unwrap()
        }
    });
    assert_eq!(created.await.unwrap().lists.succeeded.len(), 1);
    let names = vec!["c".to_owned(), "d".to_owned()];
    let done = tokio::spawn(async move {
        batch.for_each(names, async |name: String, api: connexa::Api| api.call(&network(&name)).await).await
    });
    assert_eq!(done.await.unwrap().len(), 2);
    assert_eq!(number_of_networks(&tenant).await, 4);
}
