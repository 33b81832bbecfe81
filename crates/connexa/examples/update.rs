//! Changing networks by id: an update without an id is caught before any call, and the caller's list stays as it is.

#![expect(clippy::print_stdout, reason = "a program for people to look at")]

use connexa::{Batch, Kind, Limits, Report, Tenant};
use serde_json::{Value, json};
use std::error::Error;

/// The updates as they still are, and what came of them.
pub(crate) async fn example(tenant: &Tenant) -> Result<(Vec<Value>, Report), Box<dyn Error>> {
    let batch = Batch::new(tenant).parallel(5);
    let created = batch.create(Kind::Network, [json!({"name": "paris"}), json!({"name": "berlin"})]).await?;
    let ids = created.lists.succeeded.iter().map(|network| network.id.as_deref());

    let mut updates: Vec<Value> =
        ids.map(|id| json!({"id": id, "description": "moved to the new data centre"})).collect();
    updates.insert(1, json!({"description": "whose?"}));
    updates.push(json!({"id": "00000000-0000-4000-8000-000000000000", "description": "gone"}));
    let report = batch.update(Kind::Network, &updates).await?;
    Ok((updates, report))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (updates, report) = example(&Tenant::emulator(Limits::DEFAULT)?).await?;
    println!("{} of {} updates made", report.lists.succeeded.len(), updates.len());
    for failure in &report.lists.failed {
        println!("  - {}: {}", failure.key, failure.error.as_deref().unwrap_or_default());
    }
    Ok(())
}
