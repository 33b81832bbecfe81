//! Users (API sections 5.11, 6.12 and 7.9), created with devices in one call.

use super::{body, devices, find, networks::take_objects, shown, unique};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::{
        State,
        table::{Object, text},
    },
    validate::{self, Absent, Default, Field, MANY, Rule, Schema, defaulted, optional, required, schema},
};
use connexa_types::{
    Kind,
    schema::{UserRole, UserStatus},
};
use serde_json::{Map, Value, json};

const KIND: Kind = Kind::User;

const EMAIL: Field = optional("email", Rule::Length(1, 120));
const FIRST_NAME: Field = optional("firstName", Rule::Length(1, 20));
const LAST_NAME: Field = optional("lastName", Rule::Length(1, 20));
const GROUP: Field = required("groupId", Rule::UserGroup);
const SECONDARY_GROUPS: Field = optional("secondaryGroupIds", Rule::List(0, MANY, &Rule::UserGroup));
const ROLE: Rule = Rule::Word(UserRole::VALUES);

static CREATE: Schema = schema(&[
    required("username", Rule::Length(1, 120)),
    EMAIL,
    FIRST_NAME,
    LAST_NAME,
    GROUP,
    SECONDARY_GROUPS,
    defaulted("role", ROLE, Default::Word("MEMBER")),
    optional("devices", Rule::List(0, MANY, &Rule::Object(&devices::REQUEST))),
]);

static UPDATE: Schema = schema(&[
    EMAIL,
    FIRST_NAME,
    LAST_NAME,
    GROUP,
    SECONDARY_GROUPS,
    optional("role", ROLE),
    optional("status", Rule::Word(UserStatus::VALUES)),
]);

/// Seen, in essence, for the owner's email, role and status, and for its deletion.
const OWNER_STAYS: &str =
    "Cannot update email, role, status, use temporary password or delete owner's account";

pub(super) fn create(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let mut user = body(request, &CREATE, state)?;
    let nested = take_objects(&mut user, "devices");
    unique(request, state, KIND, "username", &user, None)?;
    no_second_owner(&user)?;
    if nested.len() > devices::limit(state, text(&user, "groupId")) {
        return Err(Refusal::conflict("devices", devices::LIMIT_EXCEEDED));
    }
    for (name, value) in [
        ("status", json!("INVITED")),
        ("authType", json!("INTERNAL")),
        ("connectionStatus", json!("OFFLINE")),
        ("licensed", json!(true)),
    ] {
        user.insert(name.to_owned(), value);
    }
    let id = state.create(KIND, None, user);
    for device in nested {
        devices::store(state, &id, device);
    }
    shown(state, KIND, &id)
}

/// Changes what the body names; what it leaves out stays (seen; row 46 of API section 10).
pub(super) fn update(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, KIND, id)?;
    let changes = validate::check(&UPDATE, &request.json_object()?, state, Absent::Unchanged)?;
    no_second_owner(&changes)?;
    let user = find(state, KIND, id)?;
    let differs = |name: &str| changes.get(name).is_some_and(|new| user.fields.get(name) != Some(new));
    if is_owner(user) && (differs("email") || differs("role") || differs("status")) {
        return Err(Refusal::conflict("role", OWNER_STAYS));
    }
    let mut fields = user.fields.clone();
    fields.extend(changes);
    state.update(KIND, id, fields);
    shown(state, KIND, id)
}

/// Only the seeded owner has the role (row 31).
fn no_second_owner(user: &Map<String, Value>) -> Result<(), Refusal> {
    if text(user, "role") == "OWNER" {
        return Err(Refusal::conflict("role", "The role OWNER cannot be given"));
    }
    Ok(())
}

fn is_owner(user: &Object) -> bool {
    user.text("role") == "OWNER"
}

pub(super) fn delete(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    if is_owner(find(state, KIND, request.id())?) {
        return Err(Refusal::not_possible(OWNER_STAYS));
    }
    state.delete_tree(KIND, request.id());
    Ok(Answer::Empty)
}

/// Suspends or activates; doing it again changes nothing (row 32).
pub(super) fn suspend(request: &Request<'_>, state: &mut State, suspended: bool) -> Result<Answer, Refusal> {
    let user = find(state, KIND, request.id())?;
    let (status, operation) = if suspended { ("SUSPENDED", "SUSPEND") } else { ("ACTIVE", "ACTIVATE") };
    if user.text("status") == status {
        return Ok(Answer::Empty);
    }
    if is_owner(user) {
        return Err(Refusal::not_possible(OWNER_STAYS));
    }
    state.act(operation, KIND, request.id(), |user| {
        user.fields.insert("status".into(), status.into());
    });
    Ok(Answer::Empty)
}

/// Leaves its trace in the audit log, and nothing else to see.
pub(super) fn reset_mfa(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    note(request, state, "RESET_MFA")?;
    Ok(Answer::Json(json!({"success": true})))
}

/// Leaves its trace in the audit log, and nothing else to see.
pub(super) fn note(request: &Request<'_>, state: &mut State, operation: &str) -> Result<Answer, Refusal> {
    find(state, KIND, request.id())?;
    state.act(operation, KIND, request.id(), |_| {});
    Ok(Answer::Empty)
}
