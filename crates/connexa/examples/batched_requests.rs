//! Several calls in one request: only where the operator says that the service takes them, which CloudConnexa does not.

#![expect(clippy::print_stdout, reason = "a program for people to look at")]

use connexa::{
    Batch, EmulatorOptions, Kind, Report, RunOptions, Tenant,
    emulator::{Config, Limits},
};
use serde_json::json;
use std::error::Error;

/// Forty networks, up to twenty calls in a request. Where the service knows no such requests, they go one by one.
pub(crate) async fn example(tenant: &Tenant) -> Result<Report, Box<dyn Error>> {
    let options = RunOptions { server_batch: Some(20), ..RunOptions::default() };
    let networks = (1..=40).map(|number| json!({"name": format!("branch-{number:02}")}));
    Ok(Batch::new(tenant).options(options).create(Kind::Network, networks).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { limits: Limits::UNLIMITED, batch_endpoint: true, ..Config::default() };
    let tenant = Tenant::emulator_with(EmulatorOptions { config, ..EmulatorOptions::default() })?;
    println!("{} networks made", example(&tenant).await?.lists.succeeded.len());
    Ok(())
}
