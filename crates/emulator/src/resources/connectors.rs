//! Connectors of networks and hosts (API sections 5.3, 5.8, 6.4, 6.5, 6.11 and 7.8).

use super::{body, description, find, ipsec, keep, parent_id, profiles, shown};
use crate::{
    refusal::Refusal,
    request::{Answer, Request},
    state::{State, table::Object},
    validate::{Field, Rule, Schema, optional, present, required, schema},
};
use connexa_types::{Kind, schema::BundleType};
use serde_json::{Map, Value};

const NAME: Field = required("name", Rule::Length(1, 120));
const REGION: Field = required("vpnRegionId", Rule::Region);

/// `NetworkConnectorRequest`.
pub(super) static NETWORK_REQUEST: Schema = schema(&[
    NAME,
    optional("description", description()),
    REGION,
    optional("ipSecConfig", Rule::Object(&ipsec::CONFIG)),
]);

/// `HostConnectorRequest`.
pub(super) static HOST_REQUEST: Schema = schema(&[NAME, optional("description", description()), REGION]);

const fn request_schema(kind: Kind) -> &'static Schema {
    match kind {
        Kind::HostConnector => &HOST_REQUEST,
        _ => &NETWORK_REQUEST,
    }
}

pub(super) fn create(request: &Request<'_>, state: &mut State, kind: Kind) -> Result<Answer, Refusal> {
    let parent = parent_id(request, kind);
    let owner = find(state, if kind == Kind::HostConnector { Kind::Host } else { Kind::Network }, parent)?;
    let connector = body(request, request_schema(kind), state)?;
    if kind == Kind::NetworkConnector {
        check_protocol(owner.text("tunnelingProtocol"), &connector, "ipSecConfig")?;
    }
    let id = store(state, kind, parent, connector);
    shown(state, kind, &id)
}

pub(super) fn update(request: &Request<'_>, state: &mut State, kind: Kind) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, kind, id)?;
    let mut connector = body(request, request_schema(kind), state)?;
    let old = find(state, kind, id)?;
    if kind == Kind::NetworkConnector {
        let network = state.get(Kind::Network, old.parent.as_deref().unwrap_or_default());
        let protocol = network.map_or("", |n| n.text("tunnelingProtocol"));
        check_protocol(protocol, &connector, "ipSecConfig")?;
    }
    let before = ipsec_state(old);
    keep(
        old,
        &mut connector,
        &["networkItemId", "networkItemType", "tunnelingProtocol", "connectionStatus", "licensed"],
    );
    set_ipsec_state(&mut connector, before);
    state.update(kind, id, connector);
    shown(state, kind, id)
}

/// Stores a checked connector. It is offline until something connects (row 33).
pub(super) fn store(state: &mut State, kind: Kind, parent: &str, request: Map<String, Value>) -> String {
    let mut connector = request;
    let host = kind == Kind::HostConnector;
    connector.insert("networkItemId".into(), parent.into());
    connector.insert("networkItemType".into(), if host { "HOST" } else { "NETWORK" }.into());
    if !host {
        connector.insert("tunnelingProtocol".into(), protocol(&connector).into());
    }
    connector.insert("connectionStatus".into(), "OFFLINE".into());
    connector.insert("licensed".into(), true.into());
    set_ipsec_state(&mut connector, SUSPENDED);
    state.create(kind, Some(parent), connector)
}

/// A connector with an IPsec configuration is an IPsec connector (row 42).
fn protocol(connector: &Map<String, Value>) -> &'static str {
    if present(connector, "ipSecConfig") { "IPSEC" } else { "OPENVPN" }
}

/// A network takes only connectors of its own protocol (row 42).
pub(super) fn check_protocol(
    network: &str,
    connector: &Map<String, Value>,
    key: &str,
) -> Result<(), Refusal> {
    if protocol(connector) == network {
        return Ok(());
    }
    Err(Refusal::conflict(key, format!("The network takes only connectors of the protocol {network}")))
}

fn is_ipsec(connector: &Object) -> bool {
    present(&connector.fields, "ipSecConfig")
}

// The state of an IPsec connector: started by its own call, never by its creation (API section 7.8).
const ACTIVE: &str = "ACTIVE";
const SUSPENDED: &str = "SUSPENDED";

fn ipsec_state(connector: &Object) -> &'static str {
    let config = connector.fields.get("ipSecConfig");
    if config.and_then(|c| c.get("connectorState")).is_some_and(|s| s == ACTIVE) { ACTIVE } else { SUSPENDED }
}

fn set_ipsec_state(connector: &mut Map<String, Value>, state: &str) {
    if let Some(Value::Object(config)) = connector.get_mut("ipSecConfig") {
        config.insert("connectorState".into(), state.into());
    }
}

/// Starts or stops IPsec; the text of the refusal was seen.
pub(super) fn run_ipsec(request: &Request<'_>, state: &mut State, start: bool) -> Result<Answer, Refusal> {
    let (kind, id) = (Kind::NetworkConnector, request.id());
    let connector = find(state, kind, id)?;
    if !is_ipsec(connector) {
        return Err(Refusal::not_possible("Connect/Stop actions are forbidden for non IPSEC connector"));
    }
    let (wanted, operation) = if start { (ACTIVE, "START_IPSEC") } else { (SUSPENDED, "STOP_IPSEC") };
    if ipsec_state(connector) != wanted {
        state.act(operation, kind, id, |c| set_ipsec_state(&mut c.fields, wanted));
    }
    Ok(Answer::Empty)
}

/// Blocks or restores a connector; doing it again changes nothing (row 32). Of an IPsec connector it is the
/// `connectorState` that tells, of others no answer does (API section 6.4).
pub(super) fn suspend(
    request: &Request<'_>,
    state: &mut State,
    kind: Kind,
    suspended: bool,
) -> Result<Answer, Refusal> {
    let connector = find(state, kind, request.id())?;
    let before = if is_ipsec(connector) {
        ipsec_state(connector) == SUSPENDED
    } else {
        connector.hidden.get("suspended") == Some(&Value::Bool(true))
    };
    if before != suspended {
        let (wanted, operation) = if suspended { (SUSPENDED, "SUSPEND") } else { (ACTIVE, "ACTIVATE") };
        state.act(operation, kind, request.id(), |c| {
            c.hidden.insert("suspended".into(), suspended.into());
            set_ipsec_state(&mut c.fields, wanted);
        });
    }
    Ok(Answer::Empty)
}

pub(super) fn profile(request: &Request<'_>, state: &State, kind: Kind) -> Result<Answer, Refusal> {
    let connector = openvpn(request, state, kind)?;
    Ok(Answer::Text(profiles::profile(connector, connector.text("vpnRegionId"))))
}

pub(super) fn token(request: &Request<'_>, state: &State, kind: Kind) -> Result<Answer, Refusal> {
    let connector = openvpn(request, state, kind)?;
    Ok(Answer::Text(profiles::token(connector)))
}

/// Finds the connector of the path, which has a profile only if it is no IPsec connector (row 40).
fn openvpn<'a>(request: &Request<'_>, state: &'a State, kind: Kind) -> Result<&'a Object, Refusal> {
    let connector = find(state, kind, request.id())?;
    if is_ipsec(connector) {
        return Err(Refusal::not_possible("An IPSEC connector has no profile"));
    }
    Ok(connector)
}

/// Answers where an installer with the profile can be had: always the same text (row 43).
pub(super) fn bundle(request: &Request<'_>, state: &State, kind: Kind) -> Result<Answer, Refusal> {
    let word = request.query.word("type", BundleType::VALUES)?.unwrap_or_default();
    find(state, kind, request.id())?;
    Ok(Answer::Text(format!("https://emulator.invalid/connector.{}", word.to_ascii_lowercase())))
}

pub(super) fn revoke(request: &Request<'_>, state: &mut State, kind: Kind) -> Result<Answer, Refusal> {
    find(state, kind, request.id())?;
    profiles::revoke(state, kind, request.id());
    Ok(Answer::Json(true.into()))
}
