//! What a fresh tenant holds (API section 7.11): the default user group, the default access group and the owner.

use super::State;
use connexa_types::Kind;
use serde_json::{Map, Value, json};

/// Sets up a fresh tenant. Names of groups were seen; the owner's are made up.
pub(super) fn plant(state: &mut State) {
    let group = state.create(
        Kind::UserGroup,
        None,
        object(json!({
            "name": "Default",
            "vpnRegionIds": [],
            "allRegionsIncluded": true,
            "internetAccess": "SPLIT_TUNNEL_ON",
            "maxDevice": 3,
            "connectAuth": "ON_PRIOR_AUTH",
            "gatewaysIds": [],
        })),
    );
    state.act("SEED", Kind::UserGroup, &group, |g| {
        g.hidden.insert("default".into(), true.into());
    });
    state.create(
        Kind::User,
        None,
        object(json!({
            "username": "owner",
            "email": "owner@example.com",
            "firstName": "Tenant",
            "lastName": "Owner",
            "groupId": group,
            "secondaryGroupIds": [],
            "role": "OWNER",
            "status": "ACTIVE",
            "authType": "INTERNAL",
            "connectionStatus": "OFFLINE",
            "licensed": true,
        })),
    );
    let all = |kinds: &[&str]| -> Vec<Value> {
        kinds.iter().map(|kind| json!({"type": kind, "allCovered": true, "children": []})).collect()
    };
    state.create(
        Kind::AccessGroup,
        None,
        object(json!({
            "name": "Default Full Mesh Access Group",
            "defaultGroup": true,
            "source": all(&["USER_GROUP", "NETWORK_SERVICE", "HOST"]),
            "destination": all(&["USER_GROUP", "NETWORK_SERVICE", "HOST_SERVICE"]),
        })),
    );
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
