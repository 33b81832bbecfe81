//! User groups (API sections 5.12 and 6.13).

use super::{body, find, internet_access, shown, unique};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::{State, table::list},
    validate::{Default, Field, MANY, Nest, Rule, Schema, defaulted, optional, present, required, schema},
};
use connexa_types::{Kind, schema::ConnectAuth};
use serde_json::{Map, Value};

const KIND: Kind = Kind::UserGroup;

const NAME: Field = required("name", Rule::Length(1, 40));
const REGIONS: Field = optional("vpnRegionIds", Rule::List(0, MANY, &Rule::Region));
const ALL_REGIONS: Field = optional("allRegionsIncluded", Rule::Bool);
const CONNECT_AUTH: Rule = Rule::Word(ConnectAuth::VALUES);
const TUNNEL_BYPASS: Field = optional("tunnelBypass", Rule::Object(&BYPASS));

static CREATE: Schema = Schema {
    fields: &[
        NAME,
        REGIONS,
        ALL_REGIONS,
        internet_access::FIELD,
        defaulted("maxDevice", Rule::Integer, Default::Integer(3)),
        // Terraform's own default is a value of the beta API; this one is the tenant-wide default (row 36).
        defaulted("connectAuth", CONNECT_AUTH, Default::Word("ON_PRIOR_AUTH")),
        internet_access::GATEWAYS,
        TUNNEL_BYPASS,
    ],
    also: Some(names_regions),
};

/// An update takes the full body: a partial one was seen to fail (API section 7.7).
static UPDATE: Schema = Schema {
    fields: &[
        NAME,
        REGIONS,
        ALL_REGIONS,
        required("internetAccess", internet_access::RULE),
        required("maxDevice", Rule::Integer),
        required("connectAuth", CONNECT_AUTH),
        internet_access::GATEWAYS,
        TUNNEL_BYPASS,
    ],
    also: Some(names_regions),
};

static BYPASS: Schema = schema(&[optional("ipv4Subnets", Rule::List(0, MANY, &Rule::CidrV4))]);

/// A group has regions of its own or all of them (row 45).
fn names_regions(group: &Map<String, Value>, nest: &mut Nest<'_>) {
    let no_list =
        !present(group, "vpnRegionIds") || group.get("vpnRegionIds") == Some(&Value::Array(Vec::new()));
    let not_all =
        !present(group, "allRegionsIncluded") || group.get("allRegionsIncluded") == Some(&Value::Bool(false));
    if no_list && not_all {
        nest.missing("vpnRegionIds");
    }
}

pub(super) fn create(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let group = checked(request, state, &CREATE, None)?;
    let id = state.create(KIND, None, group);
    shown(state, KIND, &id)
}

pub(super) fn update(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, KIND, id)?;
    let group = checked(request, state, &UPDATE, Some(id))?;
    state.update(KIND, id, group);
    shown(state, KIND, id)
}

fn checked(
    request: &Request<'_>,
    state: &State,
    schema: &Schema,
    except: Option<&str>,
) -> Result<Map<String, Value>, Refusal> {
    let mut group = body(request, schema, state)?;
    unique(request, state, KIND, "name", &group, except)?;
    internet_access::check(state, &group)?;
    // Where both forms are sent, all regions win (row 45).
    let all = group.get("allRegionsIncluded") == Some(&Value::Bool(true));
    let regions = if all { Vec::new() } else { list(&group, "vpnRegionIds").to_vec() };
    group.insert("vpnRegionIds".into(), regions.into());
    group.insert("allRegionsIncluded".into(), all.into());
    Ok(group)
}

/// The default group and a group with members stay (rows 27 and 29); policies and access groups forget any other.
pub(super) fn delete(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    if find(state, KIND, id)?.hidden.contains_key("default") {
        return Err(Refusal::not_possible("The default user group cannot be deleted"));
    }
    if state.referrers(Kind::User, id).next().is_some() {
        return Err(Refusal::not_possible("A user group with users cannot be deleted"));
    }
    state.delete_tree(KIND, id);
    Ok(Answer::Empty)
}
