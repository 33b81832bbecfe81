//! A network with its connectors, its routes and its users as one unit, seen before it is made.

#![expect(clippy::print_stdout, reason = "a program for people to look at")]

use connexa::{Limits, Plan, PlanOptions, Spec, Tenant};
use serde_json::json;
use std::error::Error;

/// The plan; nothing is made yet.
pub(crate) async fn example(tenant: &Tenant) -> Result<Plan, Box<dyn Error>> {
    let spec = Spec::of(&json!({
        "networks": [{
            "name": "lyon",
            "unit": "lyon",
            "connectors": [{"name": "lyon-1", "region": "eu-central-1"}],
            "routes": ["10.14.0.0/22", "10.14.4.0/24"],
        }],
        "user_groups": [{"name": "lyon staff", "unit": "lyon", "regions": "all"}],
        "users": [{"username": "ada", "email": "ada@example.com", "group": "lyon staff", "unit": "lyon"}],
        // No user belongs to a network: an access group ties them to it.
        "access_groups": [{
            "name": "lyon staff to lyon",
            "unit": "lyon",
            "source": [{"user_groups": ["lyon staff"]}],
            "destination": [{"network": "lyon", "all": true}],
        }],
    }))?;
    Ok(Plan::of(tenant, &spec, &PlanOptions::default()).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tenant = Tenant::emulator(Limits::DEFAULT)?;
    let plan = example(&tenant).await?;
    for operation in plan.operations() {
        let unit = operation.unit.as_deref().unwrap_or("-");
        println!("unit {unit}: {} for {} changes", operation.call.endpoint, operation.carries.len());
    }
    let report = plan.run(&connexa::RunOptions::default()).await?;
    println!("{} of {} made", report.lists.succeeded.len(), 7);
    Ok(())
}
