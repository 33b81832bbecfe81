//! Creating networks, one after the other or several at once; a bad one never hurts the rest.

#![expect(clippy::print_stdout, reason = "a program for people to look at")]

use connexa::{Batch, Kind, Limits, Report, Tenant};
use serde_json::{Value, json};
use std::error::Error;

/// Two networks and what is none.
pub(crate) fn networks() -> [Value; 3] {
    [
        json!({"name": "batch-network-1", "description": "First network in batch", "egress": false}),
        json!({"name": "batch-network-2", "description": "Second network in batch", "egress": true}),
        // Intentionally invalid.
        json!({"name": "", "description": "Invalid network in batch", "internet_access": "invalid_option"}),
    ]
}

/// One after the other.
pub(crate) async fn serial(tenant: &Tenant) -> Result<Report, Box<dyn Error>> {
    Ok(Batch::new(tenant).parallel(1).create(Kind::Network, &networks()).await?)
}

/// Three at once.
pub(crate) async fn parallel(tenant: &Tenant) -> Result<Report, Box<dyn Error>> {
    Ok(Batch::new(tenant).parallel(3).create(Kind::Network, &networks()).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let report = parallel(&Tenant::emulator(Limits::DEFAULT)?).await?;
    println!("created {} networks", report.lists.succeeded.len());
    for network in &report.lists.succeeded {
        println!("  - {} (id {})", network.key, network.id.as_deref().unwrap_or_default());
    }
    println!("failed to create {} networks", report.lists.failed.len());
    for failure in &report.lists.failed {
        println!("  - {}: {}", failure.key, failure.error.as_deref().unwrap_or_default());
    }
    let report = serial(&Tenant::emulator(Limits::DEFAULT)?).await?;
    println!("one after the other: {} created", report.lists.succeeded.len());
    Ok(())
}
