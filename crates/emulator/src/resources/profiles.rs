//! Profiles and tokens: text that looks the part, the same for one connector or device until it is revoked (row 40 of
//! API section 10). Nothing can be reached with it.

use crate::state::{
    State,
    ids::{digest, hex},
    table::Object,
};
use connexa_types::Kind;
use serde_json::Value;

/// How many profiles of the object were revoked.
const REVOKED: &str = "revokedProfiles";

fn revoked(object: &Object) -> u64 {
    object.hidden.get(REVOKED).and_then(Value::as_u64).unwrap_or(0)
}

/// An `.ovpn` profile.
pub(super) fn profile(object: &Object, region: &str) -> String {
    let key = hex(&digest("profile", revoked(object), object.id().as_bytes()));
    format!(
        "# {id}\nclient\ndev tun\nproto udp\nremote {region}.emulator.invalid 1194\nnobind\nremote-cert-tls server\n\
         <tls-crypt>\n{key}\n</tls-crypt>\n",
        id = object.id(),
    )
}

/// A connector token.
pub(super) fn token(object: &Object) -> String {
    hex(&digest("connector-token", revoked(object), object.id().as_bytes()))
}

/// Makes the next profile and token differ. Whoever is connected with the old one is thrown off: assumed, since nobody has
/// written down what becomes of it.
pub(super) fn revoke(state: &mut State, kind: Kind, id: &str) {
    state.act("REVOKE_PROFILE", kind, id, |object| {
        let count = revoked(object).saturating_add(1);
        object.hidden.insert(REVOKED.into(), count.into());
    });
    state.observe(kind, id, |object| {
        if object.fields.contains_key("connectionStatus") {
            object.fields.insert("connectionStatus".into(), "OFFLINE".into());
        }
    });
}
