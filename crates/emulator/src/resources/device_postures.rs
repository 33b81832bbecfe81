//! Device posture policies (API sections 5.14 and 6.15). Create and delete answer 200.

use super::{body, description, find, shown, unique};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::State,
    validate::{MANY, Rule, Schema, optional, required, schema},
};
use connexa_types::{
    Kind,
    schema::{Antivirus, DiskEncryptionType, VersionCondition},
};

const KIND: Kind = Kind::DevicePosture;

static VERSION: Schema =
    schema(&[optional("version", Rule::Text), optional("condition", Rule::Word(VersionCondition::VALUES))]);

static DISK_ENCRYPTION: Schema =
    schema(&[optional("type", Rule::Word(DiskEncryptionType::VALUES)), optional("volume", Rule::Text)]);

const ANTIVIRUSES: Rule = Rule::List(0, MANY, &Rule::Word(Antivirus::VALUES));

static WINDOWS: Schema = schema(&[
    optional("allowed", Rule::Bool),
    optional("version", Rule::Object(&VERSION)),
    optional("antiviruses", ANTIVIRUSES),
    optional("diskEncryption", Rule::Object(&DISK_ENCRYPTION)),
    optional("certificate", Rule::Text),
]);

static MACOS: Schema = schema(&[
    optional("allowed", Rule::Bool),
    optional("version", Rule::Object(&VERSION)),
    optional("antiviruses", ANTIVIRUSES),
    optional("diskEncrypted", Rule::Bool),
    optional("certificate", Rule::Text),
]);

/// Linux, Android and iOS: a policy lets all their devices in or none.
static ALLOWED_ALONE: Schema = schema(&[optional("allowed", Rule::Bool)]);

static REQUEST: Schema = schema(&[
    required("name", Rule::Length(1, 120)),
    optional("description", description()),
    optional("userGroupsIds", Rule::List(0, MANY, &Rule::UserGroup)),
    optional("windows", Rule::Object(&WINDOWS)),
    optional("macos", Rule::Object(&MACOS)),
    optional("linux", Rule::Object(&ALLOWED_ALONE)),
    optional("android", Rule::Object(&ALLOWED_ALONE)),
    optional("ios", Rule::Object(&ALLOWED_ALONE)),
]);

pub(super) fn create(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let policy = body(request, &REQUEST, state)?;
    unique(request, state, KIND, "name", &policy, None)?;
    let id = state.create(KIND, None, policy);
    shown(state, KIND, &id)
}

pub(super) fn update(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, KIND, id)?;
    let policy = body(request, &REQUEST, state)?;
    unique(request, state, KIND, "name", &policy, Some(id))?;
    state.update(KIND, id, policy);
    shown(state, KIND, id)
}
