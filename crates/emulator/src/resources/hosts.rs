//! Hosts (API sections 5.7 and 6.10), created with connectors in one call.

use super::{body, connectors, description, find, internet_access, networks::take_objects, shown, unique};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::State,
    validate::{Field, MANY, Rule, Schema, optional, required, schema},
};
use connexa_types::Kind;

const KIND: Kind = Kind::Host;

const NAME: Field = required("name", Rule::Length(1, 120));
/// Its length is Terraform's; no source says that its form is looked at.
const DOMAIN: Field = optional("domain", Rule::Length(1, 253));

static CREATE: Schema = schema(&[
    NAME,
    optional("description", description()),
    DOMAIN,
    internet_access::FIELD,
    internet_access::GATEWAYS,
    optional("connectors", Rule::List(0, MANY, &Rule::Object(&connectors::HOST_REQUEST))),
]);

static UPDATE: Schema = schema(&[
    NAME,
    optional("description", description()),
    DOMAIN,
    internet_access::FIELD,
    internet_access::GATEWAYS,
]);

pub(super) fn create(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let mut host = body(request, &CREATE, state)?;
    let nested = take_objects(&mut host, "connectors");
    unique(request, state, KIND, "name", &host, None)?;
    internet_access::check(state, &host)?;
    let id = state.create(KIND, None, host);
    for connector in nested {
        connectors::store(state, Kind::HostConnector, &id, connector);
    }
    shown(state, KIND, &id)
}

/// Changes the host's own attributes; what it owns stays as it is.
pub(super) fn update(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, KIND, id)?;
    let host = body(request, &UPDATE, state)?;
    unique(request, state, KIND, "name", &host, Some(id))?;
    internet_access::check(state, &host)?;
    state.update(KIND, id, host);
    shown(state, KIND, id)
}
