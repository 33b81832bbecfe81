//! Deleting networks by name or id; what is gone already counts as done.

#![expect(clippy::print_stdout, reason = "a program for people to look at")]

use connexa::{Batch, Kind, Limits, Report, Tenant};
use serde_json::json;
use std::error::Error;

/// Deletes one by name, one by id, and one that is not there.
pub(crate) async fn example(tenant: &Tenant) -> Result<Report, Box<dyn Error>> {
    let batch = Batch::new(tenant).parallel(5);
    let names = ["paris", "berlin", "madrid"];
    let created = batch.create(Kind::Network, names.map(|name| json!({"name": name}))).await?;
    let berlin = created.lists.succeeded[1].id.clone().unwrap_or_default();

    Ok(batch.delete(Kind::Network, ["paris", &berlin, "atlantis"]).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    for network in &example(&Tenant::emulator(Limits::DEFAULT)?).await?.lists.succeeded {
        println!("{}: {}", network.key, network.note.as_deref().unwrap_or("deleted"));
    }
    Ok(())
}
