//! Every example, run on the emulator in process and judged by the emulator's ledger and state.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use connexa::{
    EmulatorOptions, ErrorType, Rate, Tenant, Verdict,
    api::{self, PageRequest},
    emulator::{
        Config, Limits,
        ledger::{Entry, LedgerMemory},
    },
};
use serde_json::json;
use std::time::Instant;

#[path = "../examples/batched_requests.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod batched_requests;
#[path = "../examples/create.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod create;
#[path = "../examples/delete.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod delete;
#[path = "../examples/dependencies.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod dependencies;
#[path = "../examples/network_with_resources.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod network_with_resources;
#[path = "../examples/progress.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod progress;
#[path = "../examples/rate_limited.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod rate_limited;
#[path = "../examples/update.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod update;

/// A fresh tenant without limits, and its ledger.
struct Bench {
    tenant: Tenant,
    ledger: LedgerMemory,
}

impl Bench {
    fn new() -> Self {
        let ledger = LedgerMemory::new(10_000);
        let config = Config { limits: Limits::UNLIMITED, batch_endpoint: true, ..Config::default() };
        let options = EmulatorOptions { config, ledger: Some(ledger.clone()), ..EmulatorOptions::default() };
        Self { tenant: Tenant::emulator_with(options).unwrap(), ledger }
    }

    /// `METHOD path` and status of each request that could change something.
    fn updates(&self) -> Vec<(String, u16)> {
        self.entries()
            .into_iter()
            .map(|e| (format!("{} {}", e.method, e.template.unwrap()), e.status.unwrap()))
            .collect()
    }

    fn entries(&self) -> Vec<Entry> {
        let is_update = |entry: &Entry| entry.method != "GET" && !entry.path.ends_with("/oauth/token");
        self.ledger.entries().into_iter().filter(is_update).collect()
    }

    /// Name and description of each network that there is, by name.
    async fn networks(&self) -> Vec<(String, String)> {
        let page = self.tenant.call(&api::networks::list(PageRequest::default())).await.unwrap();
        let mut networks: Vec<_> =
            page.content.into_iter().map(|n| (n.name, n.description.unwrap_or_default())).collect();
        networks.sort();
        networks
    }
}

fn named(calls: &[(String, u16)], what: &str) -> usize {
    calls.iter().filter(|(call, _)| call == what).count()
}

#[tokio::test]
async fn create_takes_items_one_by_one_in_either_way() {
    for parallel in [false, true] {
        let bench = Bench::new();
        let report = if parallel {
            create::parallel(&bench.tenant).await
        } else {
            create::serial(&bench.tenant).await
        };
        let report = report.unwrap();

        let keys: Vec<_> = report.lists.succeeded.iter().map(|network| network.key.as_str()).collect();
        assert_eq!(keys, ["batch-network-1", "batch-network-2"]);
        assert_eq!(report.lists.failed.len(), 1);
        assert_eq!(report.lists.failed[0].error_type, Some(ErrorType::ValidationError));
        // No call was made for the bad one.
        assert_eq!(bench.updates(), vec![("POST /networks".to_owned(), 201); 2]);
        let described = |name: &str, description: &str| (name.to_owned(), description.to_owned());
        assert_eq!(
            bench.networks().await,
            [
                described("batch-network-1", "First network in batch"),
                described("batch-network-2", "Second network in batch"),
            ]
        );
    }
}

#[tokio::test]
async fn update_catches_what_names_nothing_and_keeps_the_list() {
    let bench = Bench::new();
    let (updates, report) = update::example(&bench.tenant).await.unwrap();

    assert_eq!(updates.len(), 4);
    assert_eq!(updates[1], json!({"description": "whose?"}));
    assert!([0, 2, 3].iter().all(|at| updates[*at]["id"].is_string()), "{updates:?}");
    let types: Vec<_> = report.lists.failed.iter().map(|failed| failed.error_type.unwrap()).collect();
    assert_eq!(types, [ErrorType::ValidationError; 2]);
    assert_eq!(report.lists.succeeded.len(), 2);
    assert_eq!(named(&bench.updates(), "PUT /networks/{id}"), 2);
    let networks = bench.networks().await;
    assert!(
        networks.iter().all(|(_, description)| description == "moved to the new data centre"),
        "{networks:?}"
    );
}

#[tokio::test]
async fn delete_takes_names_and_ids() {
    let bench = Bench::new();
    let report = delete::example(&bench.tenant).await.unwrap();

    assert_eq!(report.lists.succeeded.len(), 3);
    assert_eq!(report.lists.succeeded[2].note.as_deref(), Some("already gone"));
    assert_eq!(named(&bench.updates(), "DELETE /networks/{id}"), 2);
    assert_eq!(bench.networks().await, [("madrid".to_owned(), String::new())]);
}

#[tokio::test]
async fn dependencies_go_first_and_a_circle_goes_nowhere() {
    let bench = Bench::new();
    let report = dependencies::in_order(&bench.tenant).await.unwrap();
    assert_eq!(report.lists.succeeded.len(), 6);
    let calls = bench.updates();
    let at = |what: &str| calls.iter().position(|(call, _)| call == what).unwrap();
    assert!(at("POST /user-groups") < at("POST /users"), "{calls:?}");
    assert!(at("POST /user-groups") < at("POST /access-groups"), "{calls:?}");
    assert!(at("POST /networks") < at("POST /access-groups"), "{calls:?}");
    assert!(at("POST /networks") < at("POST /dns-records"), "{calls:?}");

    let empty = Bench::new();
    let error = dependencies::in_a_circle(&empty.tenant).await.unwrap().to_string();
    assert!(error.contains("paris") && error.contains("berlin"), "{error}");
    assert!(empty.ledger.entries().is_empty());
}

#[tokio::test]
async fn a_network_and_its_resources_are_one_unit() {
    let bench = Bench::new();
    let plan = network_with_resources::example(&bench.tenant).await.unwrap();
    assert_eq!(plan.changes().len(), 7);
    assert!(plan.operations().iter().all(|operation| operation.unit.as_deref() == Some("lyon")));
    // The network carries its connector and routes.
    assert_eq!(plan.cost().update, 4);
    assert!(bench.updates().is_empty());

    let report = plan.run(&connexa::RunOptions::default()).await.unwrap();
    assert_eq!(report.lists.succeeded.len(), 7);
    assert_eq!(bench.updates().len(), 4);
    assert_eq!(bench.entries().iter().map(|entry| entry.created.len()).sum::<usize>(), 7);
}

#[tokio::test]
async fn rate_limited_work_keeps_the_order_and_the_rate() {
    let bench = Bench::new();
    let sites = [("paris", "10.1.0.0/16"), ("berlin", "nonsense"), ("madrid", "10.3.0.0/16")];
    let before = Instant::now();
    let done = rate_limited::example(&bench.tenant, &sites).await.unwrap();
    let took = before.elapsed();

    let verdicts: Vec<_> = done.iter().map(|done| done.verdict).collect();
    assert_eq!(verdicts, [Verdict::Succeeded, Verdict::Failed, Verdict::Succeeded]);
    let routes: Vec<_> =
        bench.entries().into_iter().filter(|entry| entry.template == Some("/networks/routes")).collect();
    for (site, id) in
        [(0, &done[0].result), (2, &done[2].result)].map(|(site, it)| (site, it.as_ref().unwrap()))
    {
        assert!(routes.iter().any(|entry| entry.created.iter().any(|made| made.id == *id)), "{site}");
    }
    // The sixth call goes five intervals after the first at the earliest, whoever makes it: slow machines take longer.
    assert_eq!(bench.entries().len(), 6);
    assert!(took >= 5 * rate_limited::RATE.parse::<Rate>().unwrap().interval(), "{took:?}");
}

#[tokio::test]
async fn calls_go_in_one_request_where_the_operator_says_so() {
    let bench = Bench::new();
    let report = batched_requests::example(&bench.tenant).await.unwrap();
    assert_eq!(report.lists.succeeded.len(), 40);
    assert_eq!(bench.networks().await.len(), 40);
    // Calls of one request arrive at the same moment. The first goes ahead, to learn what the quota allows.
    let mut arrivals: Vec<_> = bench.entries().into_iter().map(|entry| entry.arrived_at).collect();
    assert_eq!(arrivals.len(), 40);
    arrivals.dedup();
    assert!(arrivals.len() <= 4, "{arrivals:?}");
}

#[tokio::test]
async fn progress_tells_each_verdict_and_ends_with_the_batch() {
    let bench = Bench::new();
    let (lines, report) = progress::example(&bench.tenant).await.unwrap();
    assert_eq!(report.lists.succeeded.len(), 5);
    for number in 1..=5 {
        let line = format!("network branch-{number}: succeeded");
        assert_eq!(lines.iter().filter(|seen| **seen == line).count(), 1, "{lines:?}");
    }
    assert!(lines.iter().any(|line| line == "5 of 5"), "{lines:?}");
    assert_eq!(bench.networks().await.len(), 5);
}
