//! Imperative batches of creates: one bad item never hurts the rest.

mod plan_support;

use connexa_engine::{
    plan::{PlanTimings, document},
    problem::{Code, Problem},
    report::{ErrorType, Verdict},
};
use connexa_types::Kind;
use plan_support::{Spec, Tenant, actions, call, create, gateways, overlap, ready, value};
use serde_json::{Value, json};

fn bad(spec: &mut Spec, item: usize) {
    spec.spoil(item, Problem::new(Code::error(109), "`name` is empty").path("name"));
    spec.spoil(
        item,
        Problem::new(Code::error(201), "`internet_access` is `INVALID_OPTION`")
            .path("internet_access")
            .expected("one of `split_tunnel_on`"),
    );
}

#[test]
fn a_bad_item_fails_and_takes_only_what_hangs_on_it_along() {
    let mut spec = Spec::default();
    spec.top(Kind::Network, "one", []);
    let two = spec.top(Kind::Network, "two", []);
    bad(&mut spec, two);
    spec.child(Kind::NetworkConnector, two, "two-1", [("region", value("it-mxp"))]);
    let off = ("internet_access", value("SPLIT_TUNNEL_OFF"));
    spec.top(Kind::Network, "three", [off.clone(), ("gateways", gateways(&["two"]))]);
    spec.top(Kind::Network, "four", [off, ("gateways", gateways(&["three"]))]);
    let plan = ready(&spec, &Tenant::default(), &create());
    assert_eq!(plan.operations.len(), 1);
    assert_eq!(call(&plan, 0)["body"], json!({"name": "one"}));
    let preset = plan.changes[1].preset.as_ref().unwrap();
    assert_eq!((preset.verdict, preset.error_type), (Verdict::Failed, ErrorType::ValidationError));
    assert_eq!(
        json!(preset.error_detail),
        json!({
            "internet_access": ["`internet_access` is `INVALID_OPTION`, expected one of `split_tunnel_on` (E201)"],
            "name": ["`name` is empty (E109)"],
        })
    );
    for index in [2, 3, 4] {
        let preset = plan.changes[index].preset.as_ref().unwrap();
        assert_eq!((preset.verdict, preset.error_type), (Verdict::Skipped, ErrorType::DependencyFailed));
        assert_eq!(preset.cause.as_deref(), Some("network/two"));
    }
}

#[test]
fn a_bad_child_does_not_keep_its_parent_back() {
    let mut spec = Spec::default();
    let paris = spec.top(Kind::Network, "paris", []);
    spec.child(Kind::NetworkConnector, paris, "a", [("region", value("mars-1"))]);
    spec.child(Kind::NetworkConnector, paris, "b", [("region", value("it-mxp"))]);
    let plan = ready(&spec, &Tenant::default(), &create());
    assert_eq!(call(&plan, 0)["carries"], json!([[0, ""], [2, "/connectors/0"]]));
    let preset = plan.changes[1].preset.as_ref().unwrap();
    assert_eq!(json!(preset.error_detail), json!({"region": ["there is no region `mars-1` (E506)"]}));
}

#[test]
fn a_live_key_is_there_already_or_a_conflict() {
    let there = |id: &str, name: &str| json!({"id": id, "name": name, "egress": true, "routes": [{"id": format!("{id}-r"), "subnet": "10.0.0.0/16"}]});
    let tenant =
        Tenant::default().with(Kind::Network, there("n1", "Equal")).with(Kind::Network, there("n2", "other"));
    let mut spec = Spec::default();
    let equal = spec.top(Kind::Network, "equal", [("egress", value(true))]);
    spec.child(Kind::NetworkRoute, equal, "10.0.0.0/16", []);
    spec.child(Kind::NetworkRoute, equal, "10.1.0.0/16", []);
    let other = spec.top(Kind::Network, "other", [("egress", value(false))]);
    spec.child(Kind::NetworkRoute, other, "10.0.0.0/16", []);
    spec.child(Kind::NetworkRoute, other, "10.2.0.0/16", []);
    let mut options = create();
    options.reads = 1;
    let mut current = tenant.current();
    overlap(&mut current, true);
    let connexa_engine::plan::Planning::Ready(plan) = connexa_engine::plan::plan(&spec.0, &current, &options)
    else {
        panic!("no plan")
    };
    assert_eq!(actions(&plan), ["no-op", "no-op", "create", "create", "no-op", "create"]);
    assert_eq!(plan.changes[0].note.as_deref(), Some("already there"));
    assert_eq!(plan.operations.len(), 1);
    assert_eq!(call(&plan, 0)["query"], json!(["networkId=n1"]));
    let conflict = plan.changes[3].preset.as_ref().unwrap();
    assert_eq!((conflict.verdict, conflict.error_type), (Verdict::Failed, ErrorType::Conflict));
    assert_eq!(
        conflict.error,
        "network `other` is already there and differs in `egress`; use `update` to change it"
    );
    assert_eq!(json!(conflict.error_detail), json!({"egress": ["is true, not false"]}));
    assert_eq!(plan.changes[3].id.as_deref(), Some("n2"));
    // What is there needs nothing; what is not may not go into a network that is another than was meant.
    assert_eq!(plan.changes[5].preset.as_ref().unwrap().cause.as_deref(), Some("network/other"));
}

#[test]
fn unknown_kinds_and_cycles_are_failed_changes() {
    let mut spec = Spec::default();
    let odd = spec.top(Kind::Network, "odd", []);
    spec.0.items[odd].kind = Err("networkz".to_owned());
    let off = || ("internet_access", value("SPLIT_TUNNEL_OFF"));
    spec.top(Kind::Network, "a", [off(), ("gateways", gateways(&["b"]))]);
    spec.top(Kind::Network, "b", [off(), ("gateways", gateways(&["a"]))]);
    spec.top(Kind::Network, "c", []);
    let plan = ready(&spec, &Tenant::default(), &create());
    let types: Vec<_> = plan.changes.iter().map(|c| c.preset.as_ref().map(|p| p.error_type)).collect();
    let invalid = Some(ErrorType::ValidationError);
    assert_eq!(types, [Some(ErrorType::UnknownKind), invalid, invalid, None]);
    assert_eq!(plan.changes[0].kind, "networkz");
    assert!(
        plan.changes[2].preset.as_ref().unwrap().error_detail["gateways[0]"][0]
            .contains("network/a → network/b")
    );
}

#[test]
fn the_document_counts_in_its_own_changes() {
    let mut spec = Spec::default();
    let bad_one = spec.top(Kind::Network, "bad", []);
    bad(&mut spec, bad_one);
    let good = spec.top(Kind::Network, "good", []);
    spec.child(Kind::NetworkRoute, good, "10.0.0.0/16", []);
    let plan = ready(&spec, &Tenant::default(), &create());
    let document = serde_json::to_value(document(&plan, PlanTimings { read_ms: 1.5, plan_ms: 2.5 })).unwrap();
    assert_eq!(document["schema"], "connexa.plan/1");
    assert_eq!(document["changes"].as_array().unwrap().len(), 2);
    assert_eq!(
        document["operations"],
        json!([{"id": "op-1", "method": "POST", "path": "/networks", "class": "update", "changes": [0, 1], "needs": []}])
    );
    assert_eq!(document["changes"][1]["operation"], "op-1");
    assert_eq!(document["changes"][1]["fields"], json!({"subnet": [null, "10.0.0.0/16"]}));
    assert_eq!(document["refused"][0]["error_type"], "ValidationError");
    assert_eq!(document["refused"][0]["item"], json!({"given": "bad"}));
    assert_eq!(document["timings"], json!({"read_ms": 1.5, "plan_ms": 2.5}));
    assert_eq!(document["cost"]["update"], 1);
    // Two calls one by one: the network and its route; the bad one costs none.
    assert_eq!(document["cost"]["one_per_object"], 2);
    assert_eq!(document["cost"]["quota_source"], "assumed");
    assert_eq!(document["cost"]["assumed_seconds"], json!({"default": 0.0, "2024": 0.0}));
    assert!(document["fingerprint"].as_str().unwrap().starts_with("sha256:"));
    assert!(document.get("problems").is_none_or(Value::is_array));
}
