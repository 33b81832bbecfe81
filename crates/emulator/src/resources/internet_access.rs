//! How networks, hosts and user groups reach the internet: the rules that they share (API sections 6.27 and 7.1; row 44
//! of section 10, assumed but for the text of the refusal).

use crate::{
    refusal::{Code, Refusal},
    state::{
        State,
        table::{Object, list, text},
    },
    validate::{Default, Field, MANY, Rule, defaulted, optional},
};
use connexa_types::{Kind, schema::InternetAccess};
use serde_json::{Map, Value};

/// The rule of `internetAccess`.
pub(super) const RULE: Rule = Rule::Word(InternetAccess::VALUES);

/// `internetAccess`, with Terraform's default.
pub(super) const FIELD: Field = defaulted("internetAccess", RULE, Default::Word("SPLIT_TUNNEL_ON"));

/// `gatewaysIds`.
pub(super) const GATEWAYS: Field = optional("gatewaysIds", Rule::List(0, MANY, &Rule::Text));

/// Refuses `SPLIT_TUNNEL_OFF` in a tenant without a way out, and gateways that are none.
pub(super) fn check(state: &State, fields: &Map<String, Value>) -> Result<(), Refusal> {
    if text(fields, "internetAccess") == "SPLIT_TUNNEL_OFF" && !state.has_egress() {
        return Err(Refusal::conflict("internetAccess", "Such access to the internet cannot be selected"));
    }
    for (index, gateway) in list(fields, "gatewaysIds").iter().filter_map(Value::as_str).enumerate() {
        let key = format!("gatewaysIds[{index}]");
        match state.get(Kind::Network, gateway) {
            None => return Err(Refusal::one(key, Code::NotFound, "network not found")),
            Some(network) if !is_egress(network) => {
                return Err(Refusal::conflict(key, "The network is not an internet gateway"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Whether a network can act as internet gateway.
pub(crate) fn is_egress(network: &Object) -> bool {
    network.fields.get("egress") == Some(&Value::Bool(true))
}
