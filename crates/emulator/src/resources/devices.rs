//! Devices (API sections 5.13 and 6.14). Every call but the list names the owner beside the device.

use super::{body, find, keep, parent_id, profiles, regions, shown};
use crate::{
    refusal::{Code, Refusal},
    request::{Answer, Request},
    state::{State, table::Object},
    validate::{Rule, Schema, optional, required, schema},
};
use connexa_types::Kind;
use serde_json::{Map, Value};

const KIND: Kind = Kind::Device;

/// `DeviceRequest`. Its description may be empty (Terraform's limit).
pub(super) static REQUEST: Schema = schema(&[
    required("name", Rule::Length(1, 32)),
    optional("description", Rule::Length(0, 120)),
    optional("clientUUID", Rule::Text),
]);

/// Seen when a user has as many devices as the group allows.
pub(super) const LIMIT_EXCEEDED: &str = "Device limit is exceeded";

/// How many devices each user of a group may have.
pub(super) fn limit(state: &State, group: &str) -> usize {
    let group = state.get(Kind::UserGroup, group);
    let limit = group.and_then(|g| g.fields.get("maxDevice")).and_then(Value::as_u64);
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0)
}

pub(super) fn create(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let owner = parent_id(request, KIND);
    let user = find(state, Kind::User, owner)?;
    let device = body(request, &REQUEST, state)?;
    if state.objects(KIND, Some(owner)).len() >= limit(state, user.text("groupId")) {
        return Err(Refusal::conflict("name", LIMIT_EXCEEDED));
    }
    let id = store(state, owner, device);
    shown(state, KIND, &id)
}

/// Stores a checked device.
pub(super) fn store(state: &mut State, owner: &str, request: Map<String, Value>) -> String {
    let mut device = Map::from_iter([("userId".to_owned(), Value::from(owner))]);
    device.extend(request);
    device.insert("connectionStatus".into(), "OFFLINE".into());
    state.create(KIND, Some(owner), device)
}

/// Finds the device of the path, if it belongs to the user that the query names.
fn owned<'a>(request: &Request<'_>, state: &'a State) -> Result<&'a Object, Refusal> {
    let owner = parent_id(request, KIND);
    let device = find(state, KIND, request.id())?;
    if device.parent.as_deref() == Some(owner) { Ok(device) } else { Err(Refusal::Gone(KIND)) }
}

pub(super) fn get(request: &Request<'_>, state: &State) -> Result<Answer, Refusal> {
    owned(request, state)?;
    shown(state, KIND, request.id())
}

pub(super) fn update(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    owned(request, state)?;
    let changes = body(request, &REQUEST, state)?;
    let old = owned(request, state)?;
    let mut device = Map::new();
    keep(old, &mut device, &["userId"]);
    device.extend(changes);
    keep(old, &mut device, &["platform", "connectionStatus"]);
    state.update(KIND, request.id(), device);
    shown(state, KIND, request.id())
}

pub(super) fn delete(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    owned(request, state)?;
    state.delete_tree(KIND, request.id());
    Ok(Answer::Empty)
}

pub(super) fn profile(request: &Request<'_>, state: &State) -> Result<Answer, Refusal> {
    let device = owned(request, state)?;
    let region = request.query.get("regionId").unwrap_or_default();
    if !regions::exists(region) {
        return Err(Refusal::one("regionId", Code::NotFound, "region not found"));
    }
    Ok(Answer::Text(profiles::profile(device, region)))
}

/// Answers an empty text (row 41).
pub(super) fn revoke(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    owned(request, state)?;
    profiles::revoke(state, KIND, request.id());
    Ok(Answer::Text(String::new()))
}
