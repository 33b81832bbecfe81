//! Resources that need one another: the order is found from their references, and a cycle is named before any call.

#![expect(clippy::print_stdout, reason = "a program for people to look at")]

use connexa::{Limits, Plan, PlanError, PlanOptions, Report, RunOptions, Spec, Tenant};
use serde_json::json;
use std::error::Error;

/// Each is made after what it needs.
pub(crate) async fn in_order(tenant: &Tenant) -> Result<Report, Box<dyn Error>> {
    // Written with dependents first. `dependencies` makes whole kinds wait, beside what references say.
    let spec = Spec::of(&json!({
        "dependencies": {"dns_records": ["networks"]},
        "dns_records": [{"domain": "wiki.corp.example", "ipv4": ["10.20.0.5"]}],
        "access_groups": [{
            "name": "engineers to paris",
            "source": [{"user_groups": ["engineers"]}],
            "destination": [{"network": "paris", "all": true}],
        }],
        "users": [{"username": "ada", "email": "ada@example.com", "group": "engineers"}],
        "user_groups": [{"name": "engineers", "regions": "all"}],
        "networks": [{"name": "paris", "egress": false, "routes": ["10.20.0.0/16"]}],
    }))?;
    let plan = Plan::of(tenant, &spec, &PlanOptions::default()).await?;
    println!("{} changes in {} calls", plan.changes().len(), plan.cost().update);
    Ok(plan.run(&RunOptions::default()).await?)
}

/// Nothing is made.
pub(crate) async fn in_a_circle(tenant: &Tenant) -> Result<PlanError, Box<dyn Error>> {
    let spec = Spec::of(&json!({
        "networks": [
            {"name": "paris", "depends_on": ["network/berlin"]},
            {"name": "berlin", "depends_on": ["network/paris"]},
        ],
    }))?;
    Plan::of(tenant, &spec, &PlanOptions::default())
        .await
        .err()
        .ok_or_else(|| "the circle was not seen".into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tenant = Tenant::emulator(Limits::DEFAULT)?;
    let report = in_order(&tenant).await?;
    println!("{} made", report.lists.succeeded.len());
    println!("{}", in_a_circle(&tenant).await?);
    Ok(())
}
