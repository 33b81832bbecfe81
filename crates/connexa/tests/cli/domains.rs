//! Domains on the lists of Cyber Shield: a thousand to a call.

use crate::{
    support::{assert_valid, keys},
    tenant::Tenant,
};
use serde_json::json;

#[test]
fn domains_go_a_thousand_to_a_call() {
    let tenant = Tenant::with("");
    let domains: Vec<String> = (0..2001).map(|i| format!("bad-{i}.example")).collect();
    tenant.bench.file("domains.json", &json!(domains).to_string());
    tenant.calls();
    let report = tenant.run("create block-domains -f domains.json -y -o json").exits(0).json();
    assert_valid(&report);
    assert_eq!(report["succeeded"].as_array().unwrap().len(), 2001);
    assert_eq!(tenant.calls(), ["POST /cybershield/block-list-add-domains"; 3]);
    let report = tenant.run("delete block-domains -f domains.json -y -o json").exits(0).json();
    assert_eq!(report["succeeded"][0]["action"], "delete");
    assert_eq!(tenant.calls(), ["POST /cybershield/block-list-remove-domains"; 3]);
}

#[test]
fn the_allow_list_wants_a_comment_and_gets_one() {
    let tenant = Tenant::with("");
    tenant.calls();
    let report = tenant.run("create allow-domain good.example fine.example -y -o json").exits(0).json();
    assert_eq!(keys(&report, "succeeded"), ["allow_domain/good.example", "allow_domain/fine.example"]);
    tenant
        .words(&["create", "allow-domains", "good.example", "--set", "comment=our own, of old", "-y"])
        .exits(0);
    assert_eq!(tenant.calls(), ["POST /cybershield/allow-list-add-domains"; 2]);
    tenant.run("delete allow-domains good.example -y").exits(0);
    assert_eq!(tenant.calls(), ["POST /cybershield/allow-list-remove-domains"]);
}

#[test]
fn bad_domains_fail_alone() {
    let tenant = Tenant::with("");
    let long = format!("- {{ domain: long.example, comment: {} }}\n", "x".repeat(200));
    tenant.bench.file("items.yaml", &format!("- good.example\n- \"not a domain\"\n{long}"));
    tenant.calls();
    let plan = tenant.run("create block-domains -f items.yaml -n -o json").exits(4).json();
    assert_valid(&plan);
    assert_eq!(plan["refused"].as_array().unwrap().len(), 2);
    assert!(plan["changes"][0]["irreversible"].is_string());
    let report = tenant.run("create block-domains -f items.yaml -y -o json").exits(4).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "succeeded"), ["block_domain/good.example"]);
    for failed in report["failed"].as_array().unwrap() {
        assert_eq!(failed["error_type"], "ValidationError", "{failed:#}");
    }
    assert_eq!(tenant.calls().len(), 1);
    tenant.words(&["delete", "block-domains", "--where", "true", "-y"]).exits(64);
    tenant.run("update block-domains good.example --set comment=x").exits(64);
}
