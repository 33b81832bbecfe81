//! Location contexts (API sections 5.16 and 6.17). Create and delete answer 200.

use super::{body, description, find, shown, unique};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::State,
    validate::{MANY, Rule, Schema, optional, present, required, schema},
};
use connexa_types::Kind;
use serde_json::{Map, Value};

const KIND: Kind = Kind::LocationContext;

/// A bare address was seen to be refused; the description may be empty, as the official client always sends one.
static IP: Schema = schema(&[required("ip", Rule::Cidr), optional("description", Rule::Length(0, 120))]);

static IP_CHECK: Schema =
    schema(&[optional("allowed", Rule::Bool), required("ips", Rule::List(1, MANY, &Rule::Object(&IP)))]);

static COUNTRY_CHECK: Schema =
    schema(&[optional("allowed", Rule::Bool), optional("countries", Rule::List(0, MANY, &Rule::Country))]);

static DEFAULT_CHECK: Schema = schema(&[optional("allowed", Rule::Bool)]);

static REQUEST: Schema = schema(&[
    required("name", Rule::Length(1, 120)),
    optional("description", description()),
    required("userGroupsIds", Rule::List(0, MANY, &Rule::UserGroup)),
    optional("ipCheck", Rule::Object(&IP_CHECK)),
    optional("countryCheck", Rule::Object(&COUNTRY_CHECK)),
    required("defaultCheck", Rule::Object(&DEFAULT_CHECK)),
]);

pub(super) fn create(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let context = checked(request, state, None)?;
    let id = state.create(KIND, None, context);
    shown(state, KIND, &id)
}

pub(super) fn update(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, KIND, id)?;
    let context = checked(request, state, Some(id))?;
    state.update(KIND, id, context);
    shown(state, KIND, id)
}

fn checked(
    request: &Request<'_>,
    state: &State,
    except: Option<&str>,
) -> Result<Map<String, Value>, Refusal> {
    let context = body(request, &REQUEST, state)?;
    unique(request, state, KIND, "name", &context, except)?;
    if !present(&context, "ipCheck") && !present(&context, "countryCheck") {
        return Err(Refusal::conflict("ipCheck", "A location context needs an IP check or a country check"));
    }
    Ok(context)
}
