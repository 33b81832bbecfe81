//! DNS records (API sections 5.17 and 6.18): the model of a resource.

use super::{body, description, find, shown, unique};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::{State, table::list},
    validate::{MANY, Rule, Schema, optional, required, schema},
};
use connexa_types::Kind;
use serde_json::{Map, Value};

const KIND: Kind = Kind::DnsRecord;

/// Addresses stay as they are written (a live test of the Terraform provider expects the long form of an IPv6 address
/// back).
static REQUEST: Schema = schema(&[
    required("domain", Rule::Domain),
    optional("description", description()),
    optional("ipv4Addresses", Rule::List(0, MANY, &Rule::Ipv4)),
    optional("ipv6Addresses", Rule::List(0, MANY, &Rule::Ipv6)),
]);

pub(super) fn create(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let record = body(request, &REQUEST, state)?;
    unique(request, state, KIND, "domain", &record, None)?;
    needs_an_address(&record)?;
    let id = state.create(KIND, None, record);
    shown(state, KIND, &id)
}

pub(super) fn update(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, KIND, id)?;
    let record = body(request, &REQUEST, state)?;
    unique(request, state, KIND, "domain", &record, Some(id))?;
    needs_an_address(&record)?;
    state.update(KIND, id, record);
    shown(state, KIND, id)
}

fn needs_an_address(record: &Map<String, Value>) -> Result<(), Refusal> {
    if list(record, "ipv4Addresses").is_empty() && list(record, "ipv6Addresses").is_empty() {
        return Err(Refusal::conflict("ipv4Addresses", "A record needs at least one IPv4 or IPv6 address"));
    }
    Ok(())
}
