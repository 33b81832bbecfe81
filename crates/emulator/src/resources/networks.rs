//! Networks (API sections 5.2 and 6.3), created with connectors and routes in one call: all of them, or nothing.

use super::{body, connectors, description, find, internet_access, routes, shown, unique};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::{State, routes::RouteIndex, table::text},
    validate::{Default, Field, MANY, Rule, Schema, defaulted, optional, required, schema},
};
use connexa_types::{Kind, schema::TunnelingProtocol};
use serde_json::{Map, Value};

const KIND: Kind = Kind::Network;

const NAME: Field = required("name", Rule::Length(1, 120));
const EGRESS: Field = defaulted("egress", Rule::Bool, Default::Bool(true));
const TUNNELING_PROTOCOL: Field =
    defaulted("tunnelingProtocol", Rule::Word(TunnelingProtocol::VALUES), Default::Word("OPENVPN"));

static CREATE: Schema = schema(&[
    NAME,
    optional("description", description()),
    internet_access::FIELD,
    EGRESS,
    TUNNELING_PROTOCOL,
    internet_access::GATEWAYS,
    optional("routes", Rule::List(0, MANY, &Rule::Object(&routes::REQUEST))),
    optional("connectors", Rule::List(0, MANY, &Rule::Object(&connectors::NETWORK_REQUEST))),
]);

static UPDATE: Schema = schema(&[
    NAME,
    optional("description", description()),
    internet_access::FIELD,
    EGRESS,
    TUNNELING_PROTOCOL,
    internet_access::GATEWAYS,
]);

pub(super) fn create(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let mut network = body(request, &CREATE, state)?;
    let nested_routes = take_objects(&mut network, "routes");
    let nested_connectors = take_objects(&mut network, "connectors");
    unique(request, state, KIND, "name", &network, None)?;
    internet_access::check(state, &network)?;
    let mut siblings = RouteIndex::default();
    for (index, route) in nested_routes.iter().enumerate() {
        routes::check_overlap(state, route, None, &mut siblings, &format!("routes[{index}]."))?;
    }
    for (index, connector) in nested_connectors.iter().enumerate() {
        let key = format!("connectors[{index}].ipSecConfig");
        connectors::check_protocol(text(&network, "tunnelingProtocol"), connector, &key)?;
    }

    let id = state.create(KIND, None, network);
    for route in nested_routes {
        routes::store(state, &id, route);
    }
    for connector in nested_connectors {
        connectors::store(state, Kind::NetworkConnector, &id, connector);
    }
    shown(state, KIND, &id)
}

/// Changes the network's own attributes; what it owns stays as it is.
pub(super) fn update(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, KIND, id)?;
    let network = body(request, &UPDATE, state)?;
    unique(request, state, KIND, "name", &network, Some(id))?;
    internet_access::check(state, &network)?;
    let protocol = text(&network, "tunnelingProtocol");
    if state.objects(Kind::NetworkConnector, Some(id)).any(|c| c.text("tunnelingProtocol") != protocol) {
        return Err(Refusal::conflict("tunnelingProtocol", "Connectors of the network use another protocol"));
    }
    state.update(KIND, id, network);
    shown(state, KIND, id)
}

pub(super) fn delete(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, KIND, id)?;
    let used = [Kind::Network, Kind::Host, Kind::UserGroup]
        .iter()
        .any(|kind| state.referrers(*kind, id).any(|referrer| referrer.id() != id));
    if used {
        return Err(Refusal::not_possible("The network is used as a gateway"));
    }
    state.delete_tree(KIND, id);
    Ok(Answer::Empty)
}

/// Takes nested objects out of a checked body.
pub(super) fn take_objects(fields: &mut Map<String, Value>, name: &str) -> Vec<Map<String, Value>> {
    let Some(Value::Array(elements)) = fields.shift_remove(name) else { return Vec::new() };
    let object = |element| match element {
        Value::Object(map) => Some(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    };
    elements.into_iter().filter_map(object).collect()
}
