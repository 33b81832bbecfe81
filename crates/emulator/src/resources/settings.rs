//! Settings (API sections 5.20 and 6.24; rows 36 to 39 of section 10).
//!
//! A PUT takes the bare value and answers what is stored. The content type of a request says nothing: the official
//! client sends `default-suffix` as text where the schema wants JSON. What is wrong with a bare value is reported under
//! `body`, and under `body[i]` for an element of a bare list; fields of objects have their own names (row 58).

use crate::{
    refusal::{Code, Refusal},
    request::{Answer, Request},
    state::State,
    validate::{self, Absent, MANY, Rule, Schema, optional, required, schema},
};
use connexa_types::{
    Method,
    schema::{ConnectAuth, DeviceEnforcement, IpAllocationMode, ProfileDistribution, Topology},
};
use serde_json::Value;

/// What the value of a setting is, and how it travels.
enum Shape {
    /// A bare JSON value.
    Json(Rule),
    /// Raw text without quotes.
    Text(Rule),
    /// Any raw text, or a quoted JSON string (row 38).
    Suffix,
    /// A JSON object.
    Object(&'static Schema),
}

static SUBNET: Schema = schema(&[
    optional("ipV4Address", Rule::List(0, MANY, &Rule::CidrV4)),
    optional("ipV6Address", Rule::List(0, MANY, &Rule::CidrV6)),
]);

static DOMAIN_ROUTING_SUBNET: Schema =
    schema(&[required("ipV4Address", Rule::CidrV4), optional("ipV6Address", Rule::CidrV6)]);

static DNS_ZONE: Schema =
    schema(&[required("name", Rule::Length(1, 120)), optional("addresses", Rule::List(0, MANY, &Rule::Ip))]);

static DNS_ZONES: Schema = schema(&[optional("zones", Rule::List(0, MANY, &Rule::Object(&DNS_ZONE)))]);

static DNS_SERVERS: Schema =
    schema(&[required("primaryIpV4", Rule::Ipv4), optional("secondaryIpV4", Rule::Ipv4)]);

/// The settings by their path. Those that cannot be set are objects whose schema is never asked for.
static SHAPES: [(&str, Shape); 22] = [
    ("wpc/topology", Shape::Text(Rule::Word(Topology::VALUES))),
    (SUBNET_PATH, Shape::Object(&SUBNET)),
    ("wpc/snat", Shape::Json(Rule::Bool)),
    ("wpc/routes-advanced-configuration-enabled", Shape::Json(Rule::Bool)),
    ("wpc/ip-allocation-mode", Shape::Text(Rule::Word(IpAllocationMode::VALUES))),
    (DOMAIN_ROUTING_PATH, Shape::Object(&DOMAIN_ROUTING_SUBNET)),
    ("wpc/default-region", Shape::Text(Rule::Region)),
    ("wpc/client-options", Shape::Json(Rule::List(0, MANY, &Rule::Text))),
    ("users/connection-timeout", Shape::Json(Rule::Integer)),
    ("user/profile-distribution", Shape::Text(Rule::Word(ProfileDistribution::VALUES))),
    ("user/device-enforcement", Shape::Text(Rule::Word(DeviceEnforcement::VALUES))),
    ("user/device-allowance", Shape::Json(Rule::Integer)),
    ("user/device-allowance-force-update", Shape::Json(Rule::Bool)),
    ("user/connect-auth", Shape::Text(Rule::Word(ConnectAuth::VALUES))),
    ("dns/zones", Shape::Object(&DNS_ZONES)),
    ("dns/proxy-enabled", Shape::Json(Rule::Bool)),
    ("dns/default-suffix", Shape::Suffix),
    (CUSTOM_SERVERS_PATH, Shape::Object(&DNS_SERVERS)),
    ("auth/two-factor-auth", Shape::Json(Rule::Bool)),
    ("auth/trusted-devices-allowed", Shape::Json(Rule::Bool)),
    ("auth/saml/group-mappings", Shape::Object(&READ_ONLY)),
    ("auth/ldap/group-mappings", Shape::Object(&READ_ONLY)),
];

static READ_ONLY: Schema = schema(&[]);

const SUBNET_PATH: &str = "wpc/subnet";
const CUSTOM_SERVERS_PATH: &str = "dns/custom-servers";
const DOMAIN_ROUTING_PATH: &str = "wpc/domain-routing-subnet";

/// Reads or sets the setting that the path names.
pub(super) fn run(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let info = request.endpoint.info();
    let path = info.path.strip_prefix("/settings/").unwrap_or_default();
    let (_, shape) = SHAPES.iter().find(|(known, _)| *known == path).ok_or(Refusal::Forbidden)?;
    if info.method == Method::Put {
        let value = read(request, path, shape, state)?;
        state.set_setting(path, value);
    }
    Ok(shown(path, shape, state))
}

fn read(request: &Request<'_>, path: &str, shape: &Shape, state: &State) -> Result<Value, Refusal> {
    match shape {
        Shape::Json(rule) => validate::check_value(rule, &request.json()?, "body", state),
        Shape::Text(rule) => validate::check_value(rule, &text(request)?.into(), "body", state),
        Shape::Suffix => {
            let text = text(request)?;
            Ok(serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned()).into())
        }
        Shape::Object(schema) => {
            let mut body = request.json_object()?;
            // The official client writes an absent IPv6 subnet as an empty text.
            if path == DOMAIN_ROUTING_PATH && body.get("ipV6Address").is_some_and(|v| v == "") {
                body.remove("ipV6Address");
            }
            if path == CUSTOM_SERVERS_PATH && body.is_empty() {
                return Ok(Value::Null);
            }
            validate::check(schema, &body, state, Absent::Default).map(Value::Object)
        }
    }
}

fn text<'a>(request: &Request<'a>) -> Result<&'a str, Refusal> {
    std::str::from_utf8(request.body)
        .map_err(|_| Refusal::one("body", Code::Format, "The request body is not text"))
}

fn shown(path: &str, shape: &Shape, state: &State) -> Answer {
    let mut value = state.settings().get(path).clone();
    match shape {
        Shape::Text(_) | Shape::Suffix => Answer::Text(value.as_str().unwrap_or_default().to_owned()),
        Shape::Json(_) => Answer::Json(value),
        // Only custom servers can be unset: their answer has no body then (row 36).
        Shape::Object(_) if value.is_null() => Answer::Empty,
        Shape::Object(_) => {
            if let Value::Object(fields) = &mut value
                && [SUBNET_PATH, DOMAIN_ROUTING_PATH].contains(&path)
                && state.settings().ipv4_only()
            {
                fields.remove("ipV6Address");
            }
            Answer::Json(value)
        }
    }
}
