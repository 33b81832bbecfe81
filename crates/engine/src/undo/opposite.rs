//! Calls that are not about how an object is: what takes them back, and why nothing takes others back (the table of calls
//! whose effect cannot be read; design: run).

use crate::{
    catalog::{self, SetCall},
    current::Live,
    forms,
    plan::{self, CallTemplate},
};
use connexa_types::{CallBody, Endpoint};
use serde_json::{Map, Value};

/// The life-cycle action that takes another one back.
pub(super) const fn of(endpoint: Endpoint) -> Option<Endpoint> {
    use Endpoint as E;
    Some(match endpoint {
        E::UserSuspend => E::UserActivate,
        E::UserActivate => E::UserSuspend,
        E::NetworkConnectorSuspend => E::NetworkConnectorActivate,
        E::NetworkConnectorActivate => E::NetworkConnectorSuspend,
        E::HostConnectorSuspend => E::HostConnectorActivate,
        E::HostConnectorActivate => E::HostConnectorSuspend,
        E::NetworkConnectorIpsecStart => E::NetworkConnectorIpsecStop,
        E::NetworkConnectorIpsecStop => E::NetworkConnectorIpsecStart,
        _ => return None,
    })
}

/// Why no call takes another one back.
pub(super) const fn why_none(endpoint: Endpoint) -> &'static str {
    use Endpoint as E;
    match endpoint {
        E::AllowListAddDomains
        | E::AllowListRemoveDomains
        | E::BlockListAddDomains
        | E::BlockListRemoveDomains => "the list cannot be read: what was on it before is not known",
        E::UserResetMfa => "the old second factor is gone",
        E::UserResendInvitation => "a mail cannot be called back",
        E::UserForcePasswordChange => "the old password is gone",
        E::NetworkConnectorProfileRevoke | E::HostConnectorProfileRevoke | E::DeviceProfileRevoke => {
            "a revoked profile stays so; `profile` makes a new one"
        }
        E::NetworkConnectorProfile
        | E::NetworkConnectorProfileEncrypt
        | E::NetworkConnectorProfileBundle
        | E::HostConnectorProfile
        | E::HostConnectorProfileEncrypt
        | E::HostConnectorProfileBundle
        | E::DeviceProfile => "a profile that was given out stays so, until `revoke-profile`",
        _ => "no call takes it back",
    }
}

/// Why the opposite of an action does not bring back what an object was before.
pub(super) fn is_no_way_back(opposite: Endpoint, before: &Live) -> Option<String> {
    let status = before.object.get("status").and_then(Value::as_str)?;
    (opposite == Endpoint::UserSuspend && !status.starts_with("SUSPENDED"))
        .then(|| format!("it was `{}` before, which no call brings back", status.to_lowercase()))
}

/// The call that gives a setting its old value, and the setting as it was left.
pub(super) fn setting(before: &Live, call: &CallTemplate) -> Option<(CallTemplate, Live)> {
    let setting = catalog::setting(before.id.as_str())?;
    let was = before.object.get("value")?;
    let old = Map::from_iter([("value".to_owned(), forms::request(setting.value.ty, was))]);
    let left = match (setting.set, &call.body) {
        (SetCall::Switch { enable, .. }, _) => Value::Bool(call.endpoint == enable),
        (_, Some(CallBody::Json(value))) => value.clone(),
        (_, Some(CallBody::Text(text))) => Value::String(text.clone()),
        (_, None) => return None,
    };
    let left = Map::from_iter([("value".to_owned(), left)]);
    let call = plan::setting_call(before, &old)?;
    Some((call, Live { object: Value::Object(left).into(), ..before.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposites_come_in_pairs() {
        for endpoint in Endpoint::ALL.iter().copied() {
            if let Some(opposite) = of(endpoint) {
                assert_eq!(of(opposite), Some(endpoint));
            }
        }
    }
}
