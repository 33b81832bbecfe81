//! IP services of networks and hosts (API sections 5.6, 5.10 and 6.8).

use super::{
    body, find, keep, parent_id,
    routes::{identified, typed_subnet},
    service_config, shown,
};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::{
        State,
        table::{Object, list},
    },
    validate::{Field, MANY, Rule, Schema, format, optional, required, schema},
};
use connexa_types::{Kind, schema::IpServiceType};
use serde_json::{Map, Value};

const NAME: Field = required("name", Rule::Length(1, 120));
/// Longer than elsewhere (Terraform's limit).
const DESCRIPTION: Field = optional("description", Rule::Length(1, 255));

static NETWORK_REQUEST: Schema = schema(&[
    NAME,
    DESCRIPTION,
    required("type", Rule::Word(IpServiceType::VALUES)),
    optional("routes", Rule::List(0, MANY, &Rule::Object(&ROUTE))),
    service_config::FIELD,
]);

static ROUTE: Schema = schema(&[required("value", Rule::Cidr)]);

static HOST_REQUEST: Schema = schema(&[NAME, DESCRIPTION, service_config::FIELD]);

pub(super) fn create_for_network(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let kind = Kind::NetworkIpService;
    let network = parent_id(request, kind);
    find(state, Kind::Network, network)?;
    let service = body(request, &NETWORK_REQUEST, state)?;
    lies_in_network(state, &service, network)?;
    let mut service = identified(state, service, &[], "subnet", subnet_route);
    service.insert("networkItemId".into(), network.into());
    service.insert("networkItemType".into(), "NETWORK".into());
    let id = state.create(kind, Some(network), service);
    shown(state, kind, &id)
}

pub(super) fn update_of_network(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let (kind, id) = (Kind::NetworkIpService, request.id());
    find(state, kind, id)?;
    let service = body(request, &NETWORK_REQUEST, state)?;
    let old = find(state, kind, id)?.clone();
    lies_in_network(state, &service, old.parent.as_deref().unwrap_or_default())?;
    let mut service = identified(state, service, old.list("routes"), "subnet", subnet_route);
    keep(&old, &mut service, &["networkItemId", "networkItemType"]);
    state.update(kind, id, service);
    shown(state, kind, id)
}

pub(super) fn create_for_host(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let kind = Kind::HostIpService;
    let host = parent_id(request, kind);
    find(state, Kind::Host, host)?;
    let mut service = body(request, &HOST_REQUEST, state)?;
    service.insert("networkItemId".into(), host.into());
    service.insert("networkItemType".into(), "HOST".into());
    let id = state.create(kind, Some(host), service);
    shown(state, kind, &id)
}

pub(super) fn update_of_host(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let (kind, id) = (Kind::HostIpService, request.id());
    find(state, kind, id)?;
    let mut service = body(request, &HOST_REQUEST, state)?;
    keep(find(state, kind, id)?, &mut service, &["networkItemId", "networkItemType"]);
    state.update(kind, id, service);
    shown(state, kind, id)
}

/// Every route of a service lies inside a route of its network (row 21).
fn lies_in_network(state: &State, service: &Map<String, Value>, network: &str) -> Result<(), Refusal> {
    for (index, route) in list(service, "routes").iter().enumerate() {
        let net = route.get("value").and_then(Value::as_str).and_then(format::cidr);
        if net.is_some_and(|net| state.routes().parent_of(&net, network).is_none()) {
            let key = format!("routes[{index}].value");
            return Err(Refusal::conflict(key, "The subnet lies in no route of the network"));
        }
    }
    Ok(())
}

fn subnet_route(mut route: Map<String, Value>) -> Map<String, Value> {
    typed_subnet(route.shift_remove("value").unwrap_or_default())
}

/// Adds to each route the smallest route of the network that holds it now. It has none once that route was deleted or
/// moved away: what happens then on the real service is unknown.
pub(super) fn add_parent_routes(state: &State, service: &Object, fields: &mut Map<String, Value>) {
    let Some(Value::Array(routes)) = fields.get_mut("routes") else { return };
    let network = service.parent.as_deref().unwrap_or_default();
    for route in routes.iter_mut().filter_map(Value::as_object_mut) {
        let net = route.get("subnet").and_then(Value::as_str).and_then(format::cidr);
        if let Some(parent) = net.and_then(|net| state.routes().parent_of(&net, network)) {
            route.insert("parentRouteId".into(), parent.id.as_str().into());
        }
    }
}
