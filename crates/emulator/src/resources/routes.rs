//! IP routes of networks (API sections 5.4 and 6.6), which may not overlap each other nor the tenant's own subnets
//! (row 20 of section 10). That routes of different networks may not overlap was seen; within one network, it is assumed.
//!
//! With advanced route configuration everything may overlap, the tenant's own subnets too: the row lifts the whole rule.

use super::{body, description, find, networks::take_objects, parent_id, shown};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::{
        State,
        routes::{IndexedRoute, RouteIndex},
        table::text,
    },
    validate::{Rule, Schema, format, optional, required, schema},
};
use connexa_types::Kind;
use ipnet::IpNet;
use serde_json::{Map, Value};

const KIND: Kind = Kind::NetworkRoute;

/// `NetworkRouteRequest`.
pub(super) static REQUEST: Schema =
    schema(&[required("value", Rule::Cidr), optional("description", description())]);

pub(super) fn create(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let network = parent_id(request, KIND);
    find(state, Kind::Network, network)?;
    let route = body(request, &REQUEST, state)?;
    check_overlap(state, &route, None, &mut RouteIndex::default(), "")?;
    let id = store(state, network, route);
    shown(state, KIND, &id)
}

pub(super) fn update(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, KIND, id)?;
    let route = body(request, &REQUEST, state)?;
    check_overlap(state, &route, Some(id), &mut RouteIndex::default(), "")?;
    state.update(KIND, id, stored_form(route));
    shown(state, KIND, id)
}

/// Stores a checked route.
pub(super) fn store(state: &mut State, network: &str, route: Map<String, Value>) -> String {
    state.create(KIND, Some(network), stored_form(route))
}

/// Refuses a checked route that overlaps another than `except`, or an earlier one of the same call; else it joins
/// those. `place` is where the route stands in the body.
pub(super) fn check_overlap(
    state: &State,
    route: &Map<String, Value>,
    except: Option<&str>,
    siblings: &mut RouteIndex,
    place: &str,
) -> Result<(), Refusal> {
    let Some(net) = format::cidr(text(route, "value")) else { return Ok(()) };
    if state.settings().overlap_allowed() {
        return Ok(());
    }
    let key = format!("{place}value");
    if let Some(own) = state.settings().reserved().find(|own| overlap(own, &net)) {
        return Err(Refusal::conflict(key, format!("The route overlaps the subnet {own} of the service")));
    }
    if state.routes().overlapping(&net, except).or_else(|| siblings.overlapping(&net, None)).is_some() {
        return Err(Refusal::conflict(key, "The route overlaps an existing route"));
    }
    siblings.insert(&net, IndexedRoute { id: String::new(), network: String::new() });
    Ok(())
}

fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// `value` in the request is `subnet` in the answer, and the type follows from it.
fn stored_form(mut route: Map<String, Value>) -> Map<String, Value> {
    let mut stored = typed_subnet(route.shift_remove("value").unwrap_or_default());
    stored.extend(route);
    stored
}

/// The fields `type` and `subnet` of a checked CIDR.
pub(super) fn typed_subnet(value: Value) -> Map<String, Value> {
    let word = match value.as_str().and_then(format::cidr) {
        Some(IpNet::V6(_)) => "IP_V6",
        Some(IpNet::V4(_)) | None => "IP_V4",
    };
    Map::from_iter([("type".to_owned(), word.into()), ("subnet".to_owned(), value)])
}

/// Gives ids to the routes inside an application or IP service; one whose `key` was there before keeps its id.
pub(super) fn identified(
    state: &mut State,
    mut fields: Map<String, Value>,
    old: &[Value],
    key: &str,
    stored_form: impl Fn(Map<String, Value>) -> Map<String, Value>,
) -> Map<String, Value> {
    let routes = take_objects(&mut fields, "routes");
    let mut known: Vec<&Value> = old.iter().collect();
    let mut identified = Vec::with_capacity(routes.len());
    for route in routes {
        let route = stored_form(route);
        let place = known.iter().position(|k| k.get(key) == route.get(key));
        let id = match place.and_then(|place| known.swap_remove(place).get("id").cloned()) {
            Some(id) => id,
            None => state.new_id().into(),
        };
        let mut all = Map::from_iter([("id".to_owned(), id)]);
        all.extend(route);
        identified.push(Value::Object(all));
    }
    fields.insert("routes".to_owned(), identified.into());
    fields
}
