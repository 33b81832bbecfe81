//! Settings: which must be read, what of them cannot be, and the calls that set them (spec section 6, API section 5.20).

use super::{
    find::Finder,
    problems::Problems,
    types::{CallTemplate, TemplateText},
};
use crate::{
    catalog::{self, Field, FieldType, SetCall},
    current::{CurrentState, Live},
    desired::{DesiredState, FieldValue},
    forms,
};
use connexa_types::{CallBody, Kind};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The setting that says whether answers hold IPv6 (API section 6.28).
const ALLOCATION_MODE: &str = "wpc.ip_allocation_mode";
const ALLOCATION_MODE_IPV4_ONLY: &str = "IP_V4_ONLY";

/// The settings that must be read before items can be compared with them.
pub(super) fn unread(
    desired: &DesiredState,
    current: &CurrentState,
    problems: &Problems<'_>,
) -> Vec<&'static str> {
    let mut wanted = Vec::new();
    for (index, item) in desired.items.iter().enumerate() {
        if item.kind != Ok(Kind::Setting) || problems.refuses(index) {
            continue;
        }
        let Some(setting) = item.key.as_ref().and_then(|key| catalog::setting(&key.own.text)) else {
            continue;
        };
        match current.setting(setting.path) {
            None => wanted.push(setting.path),
            // Only now it is seen that the answer may leave something out.
            Some(live) if owns_what_is_not_shown(&setting.value, item.fields.get("value"), live) => {
                wanted.push(ALLOCATION_MODE);
            }
            Some(_) => {}
        }
    }
    wanted.retain(|path| current.setting(path).is_none());
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

fn owns_what_is_not_shown(field: &Field, value: Option<&FieldValue>, live: &Live) -> bool {
    let (FieldType::Object(leaves), Some(FieldValue::Object(owned))) = (field.ty, value) else {
        return false;
    };
    let shown = live.object.get("value");
    leaves.iter().any(|leaf| {
        owned.contains_key(leaf.name)
            && is_ipv6(leaf)
            && shown.and_then(|shown| shown.get(leaf.response)).is_none()
    })
}

const fn is_ipv6(field: &Field) -> bool {
    matches!(field.ty, FieldType::Ipv6Cidr | FieldType::Ipv6CidrSet)
}

/// Whether a part of a setting is one that the tenant's answers leave out, whatever it is: it is left alone.
pub(super) fn is_hidden(finder: &Finder<'_>, live: &Live, field: &Field, shown: Option<&Value>) -> bool {
    live.kind == Kind::Setting
        && is_ipv6(field)
        && shown.is_none()
        && finder.current.setting(ALLOCATION_MODE).is_some_and(|mode| {
            mode.object.get("value").and_then(Value::as_str) == Some(ALLOCATION_MODE_IPV4_ONLY)
        })
}

/// The zones that there will be: those that are listed, and live ones that `--prune` does not remove (spec section 7.3).
pub(super) fn merged_zones(finder: &Finder<'_>, live: Option<&Value>, listed: &[Value]) -> Vec<Value> {
    forms::merged_zones(live, listed, |zone| {
        !finder.zone_prunes.iter().any(|prune| match (&prune.matching, zone) {
            (None, _) => true,
            // What an expression cannot be asked about is kept.
            (Some(expression), Value::Object(zone)) => expression.matches(zone).unwrap_or(false),
            (Some(_), _) => false,
        })
    })
}

/// The call that sets a setting to the `value` of a body.
pub(crate) fn call(live: &Live, body: &Map<String, Value>) -> Option<CallTemplate> {
    let setting = catalog::setting(live.id.as_str())?;
    let value = body.get("value");
    let (endpoint, body) = match setting.set {
        SetCall::Text(endpoint) => {
            let text = value.and_then(Value::as_str).unwrap_or_default();
            (endpoint, Some(CallBody::Text(text.to_owned())))
        }
        SetCall::Json(endpoint) => {
            let json = match (setting.value.ty, value) {
                (FieldType::Zones, zones) => json!({ "zones": zones.cloned().unwrap_or_else(|| json!([])) }),
                // Cleared (API section 6.24: all of its fields may be left out).
                (FieldType::Object(_), None) => json!({}),
                (_, value) => value.cloned().unwrap_or_default(),
            };
            (endpoint, Some(CallBody::Json(json)))
        }
        SetCall::Switch { enable, disable } => {
            (if value == Some(&Value::Bool(true)) { enable } else { disable }, None)
        }
    };
    Some(CallTemplate {
        endpoint,
        path_args: Vec::<TemplateText>::new(),
        query: Vec::new(),
        body,
        outputs: BTreeMap::new(),
        secrets: BTreeMap::new(),
    })
}
