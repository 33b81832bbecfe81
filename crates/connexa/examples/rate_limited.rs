//! Any work for many items, at most so many calls a second, in the order of the items; what goes wrong with one stays its own.

#![expect(clippy::print_stdout, reason = "a program for people to look at")]

use connexa::{
    Batch, CallError, Done, Limits, Tenant, api,
    schema::{NetworkCreateRequest, NetworkRouteRequest},
};
use std::error::Error;

/// Not faster than this, parallel work included.
pub(crate) const RATE: &str = "20/s";

/// Makes a network for each site, then a route in it; returns the ids of the routes.
pub(crate) async fn example(
    tenant: &Tenant,
    sites: &[(&str, &str)],
) -> Result<Vec<Done<String, CallError>>, Box<dyn Error>> {
    let batch = Batch::new(tenant).parallel(3).max_rate(RATE.parse()?);
    let done = batch.for_each(sites, async |(name, subnet), api| {
        let network = NetworkCreateRequest { name: (*name).into(), ..Default::default() };
        let network = api.call(&api::networks::create(&network)).await?;
        let route = NetworkRouteRequest { value: (*subnet).into(), ..Default::default() };
        let route = api.call(&api::network_routes::create(&network.id, &route)).await?;
        Ok(route.id.to_string())
    });
    Ok(done.await)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sites = [("paris", "10.1.0.0/16"), ("berlin", "nonsense"), ("madrid", "10.3.0.0/16")];
    let done = example(&Tenant::emulator(Limits::DEFAULT)?, &sites).await?;
    for ((name, _), done) in sites.iter().zip(&done) {
        match &done.result {
            Ok(route) => println!("{name}: route {route}"),
            Err(error) => println!("{name}: {} ({error})", done.verdict.as_str()),
        }
    }
    Ok(())
}
