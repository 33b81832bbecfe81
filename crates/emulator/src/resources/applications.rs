//! Applications of networks and hosts: domains and services under a name (API sections 5.5, 5.9 and 6.7).

use super::{body, description, find, keep, parent_id, routes::identified, service_config, shown};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::State,
    validate::{Default, Field, MANY, Rule, Schema, defaulted, optional, required, schema},
};
use connexa_types::Kind;
use serde_json::{Map, Value};

const NAME: Field = required("name", Rule::Length(1, 40));
const VALUE: Field = required("value", Rule::Domain);
/// Both flags of a domain are filled in with false (assumed).
const ALLOW_EMBEDDED_IP: Field = defaulted("allowEmbeddedIp", Rule::Bool, Default::Bool(false));

static NETWORK_REQUEST: Schema = schema(&[
    NAME,
    optional("description", description()),
    required("routes", Rule::List(1, MANY, &Rule::Object(&NETWORK_ROUTE))),
    service_config::FIELD,
]);

static NETWORK_ROUTE: Schema =
    schema(&[VALUE, ALLOW_EMBEDDED_IP, defaulted("exactMatch", Rule::Bool, Default::Bool(false))]);

static HOST_REQUEST: Schema = schema(&[
    NAME,
    optional("description", description()),
    required("routes", Rule::List(1, MANY, &Rule::Object(&HOST_ROUTE))),
    service_config::FIELD,
]);

static HOST_ROUTE: Schema = schema(&[VALUE, ALLOW_EMBEDDED_IP]);

const fn of_host(kind: Kind) -> bool {
    matches!(kind, Kind::HostApplication)
}

const fn request_schema(kind: Kind) -> &'static Schema {
    if of_host(kind) { &HOST_REQUEST } else { &NETWORK_REQUEST }
}

pub(super) fn create(request: &Request<'_>, state: &mut State, kind: Kind) -> Result<Answer, Refusal> {
    let parent = parent_id(request, kind);
    find(state, if of_host(kind) { Kind::Host } else { Kind::Network }, parent)?;
    let application = body(request, request_schema(kind), state)?;
    let mut application = identified(state, application, &[], "domain", domain_route);
    application.insert("networkItemId".into(), parent.into());
    application.insert("networkItemType".into(), if of_host(kind) { "HOST" } else { "NETWORK" }.into());
    let id = state.create(kind, Some(parent), application);
    shown(state, kind, &id)
}

pub(super) fn update(request: &Request<'_>, state: &mut State, kind: Kind) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, kind, id)?;
    let application = body(request, request_schema(kind), state)?;
    let old = find(state, kind, id)?.clone();
    let mut application = identified(state, application, old.list("routes"), "domain", domain_route);
    keep(&old, &mut application, &["networkItemId", "networkItemType"]);
    state.update(kind, id, application);
    shown(state, kind, id)
}

/// `value` in the request is `domain` in the answer.
fn domain_route(mut route: Map<String, Value>) -> Map<String, Value> {
    let domain = route.shift_remove("value").unwrap_or_default();
    let mut stored = Map::from_iter([("type".to_owned(), "DOMAIN".into()), ("domain".to_owned(), domain)]);
    stored.extend(route);
    stored
}
