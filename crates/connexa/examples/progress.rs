//! Watching a long batch: each verdict as it comes, and how far things are.

#![expect(clippy::print_stdout, reason = "a program for people to look at")]

use connexa::{Batch, Event, Kind, Limits, Record, Report, Tenant, Tick};
use serde_json::json;
use std::error::Error;

/// What was seen on the way, and what came of it.
pub(crate) async fn example(tenant: &Tenant) -> Result<(Vec<String>, Report), Box<dyn Error>> {
    let batch = Batch::new(tenant);
    let mut events = batch.events();
    let watching = tokio::spawn(async move {
        let mut lines = Vec::new();
        while let Some(event) = events.next().await {
            match event {
                Event::Record(stored) => {
                    if let Record::ChangeEnded { verdict, report, .. } = stored.record {
                        lines.push(format!("{} {}: {}", report.kind, report.key, verdict.as_str()));
                    }
                }
                Event::Tick(Tick::Run { ended, changes, .. }) => lines.push(format!("{ended} of {changes}")),
                Event::Tick(Tick::Read { .. }) => {}
            }
        }
        lines
    });
    let names = (1..=5).map(|number| json!({"name": format!("branch-{number}")}));
    let report = batch.create(Kind::Network, names).await?;
    // The stream ends with the batch.
    drop(batch);
    Ok((watching.await?, report))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (lines, _) = example(&Tenant::emulator(Limits::DEFAULT)?).await?;
    for line in lines {
        println!("{line}");
    }
    Ok(())
}
