//! What a lost answer means for each call: the table of calls whose effect cannot be read (design: run), and how the
//! effect of the others shows.

use crate::{
    catalog::{self, SETTINGS, SetCall, Setting},
    plan::{Operation, Stage},
};
use connexa_types::{AnswerBody, CallBody, Endpoint, Kind};
use serde_json::Value;

use super::applied::same;

/// What is done after an answer that was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LostAnswer {
    /// Sent again: what it does is done once however often it is sent, and nothing shows it.
    Resend,
    /// Sent again once; after that nobody can tell.
    ResendOnce,
    /// Never sent again: it mails people, ends sessions or gives out secrets.
    Never,
    /// Looked for, and sent again if it does not show.
    Read(Sign),
    /// The list of its kind settles it, once the settle time has passed.
    Settle,
}

/// How the effect of a call shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A member of the object in the list of its kind has one of these values.
    Member(&'static str, &'static [&'static str]),
    /// The value of a setting.
    Setting,
}

const USER_STATUS: &str = "/status";
const CONNECTOR_STATE: &str = "/ipSecConfig/connectorState";

/// The row of a call.
pub(super) fn lost_answer(endpoint: Endpoint) -> LostAnswer {
    use Endpoint as E;
    match endpoint {
        E::AllowListAddDomains
        | E::AllowListRemoveDomains
        | E::BlockListAddDomains
        | E::BlockListRemoveDomains => LostAnswer::Resend,
        E::NetworkConnectorSuspend
        | E::NetworkConnectorActivate
        | E::HostConnectorSuspend
        | E::HostConnectorActivate => LostAnswer::ResendOnce,
        E::UserResetMfa
        | E::UserResendInvitation
        | E::UserForcePasswordChange
        | E::NetworkConnectorProfile
        | E::NetworkConnectorProfileEncrypt
        | E::NetworkConnectorProfileBundle
        | E::NetworkConnectorProfileRevoke
        | E::HostConnectorProfile
        | E::HostConnectorProfileEncrypt
        | E::HostConnectorProfileBundle
        | E::HostConnectorProfileRevoke
        | E::DeviceProfile
        | E::DeviceProfileRevoke
        | E::AccountCloudId => LostAnswer::Never,
        E::UserSuspend => LostAnswer::Read(Sign::Member(USER_STATUS, &["SUSPENDED"])),
        // Whoever had not logged in before is invited again.
        E::UserActivate => LostAnswer::Read(Sign::Member(USER_STATUS, &["ACTIVE", "INVITED"])),
        E::NetworkConnectorIpsecStart => LostAnswer::Read(Sign::Member(CONNECTOR_STATE, &["ACTIVE"])),
        E::NetworkConnectorIpsecStop => LostAnswer::Read(Sign::Member(CONNECTOR_STATE, &["SUSPENDED"])),
        _ if setting_of(endpoint).is_some() => LostAnswer::Read(Sign::Setting),
        _ => LostAnswer::Settle,
    }
}

/// The row of an operation: that of its call, but for what may be asked for again.
pub(super) fn row(operation: &Operation) -> LostAnswer {
    match (&operation.stage, lost_answer(operation.call.endpoint)) {
        (Some(Stage::Fetch), LostAnswer::Never) => LostAnswer::Resend,
        (_, row) => row,
    }
}

/// The setting that a call sets; of a switch also what to.
fn setting_of(endpoint: Endpoint) -> Option<(&'static Setting, Option<bool>)> {
    SETTINGS.iter().find_map(|setting| match setting.set {
        SetCall::Json(set) | SetCall::Text(set) => (set == endpoint).then_some((setting, None)),
        SetCall::Switch { enable, disable } => {
            (enable == endpoint || disable == endpoint).then_some((setting, Some(enable == endpoint)))
        }
    })
}

/// What is read to see an operation's effect, or whether what it rests on has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reading {
    /// The list that shows a kind.
    List(Kind),
    /// One setting, by its path.
    Setting(&'static str),
}

impl Reading {
    /// The reading that shows an operation's object; `None` for what nothing shows.
    pub(super) fn of(operation: &Operation) -> Option<Self> {
        match operation.kind {
            Kind::Setting => {
                setting_of(operation.call.endpoint).map(|(setting, _)| Self::Setting(setting.path))
            }
            kind => Self::list(kind),
        }
    }

    /// The list that shows a kind, if one does.
    pub(super) fn list(kind: Kind) -> Option<Self> {
        catalog::is_listed(kind).then(|| Self::List(catalog::listed_with(kind)))
    }

    /// The call that begins it.
    pub(super) fn endpoint(self) -> Endpoint {
        match self {
            Self::List(kind) => catalog::definition(kind).calls().list,
            Self::Setting(path) => catalog::setting(path).expect("readings name settings of the table").get,
        }
    }

    /// Its name for people.
    pub(super) fn words(self) -> String {
        match self {
            Self::List(kind) => format!("the list of {}", kind.plural().replace('_', " ")),
            Self::Setting(path) => format!("the setting `{path}`"),
        }
    }
}

/// Whether the value of a setting is as a call sets it.
pub(super) fn is_set(endpoint: Endpoint, body: Option<&CallBody>, shown: &Value) -> bool {
    match (setting_of(endpoint), body) {
        (Some((_, Some(switched))), _) => shown.as_bool() == Some(switched),
        (Some((setting, None)), Some(CallBody::Json(sent))) => same(setting.value.ty, sent, shown),
        (Some((setting, None)), Some(CallBody::Text(sent))) => {
            same(setting.value.ty, &Value::String(sent.clone()), shown)
        }
        (Some((_, None)), None) | (None, _) => false,
    }
}

/// The value of a setting as its answer holds it.
pub(super) fn value(body: AnswerBody) -> Value {
    match body {
        AnswerBody::Json(value) => value,
        AnswerBody::Text(text) => Value::String(text),
        AnswerBody::Empty => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_types::Class;

    /// Only what is proven harmless is ever sent twice without a look; objects are settled by lists.
    #[test]
    fn every_update_call_has_a_row_and_creates_are_never_resent() {
        for endpoint in Endpoint::ALL.iter().copied().filter(|e| e.class() == Class::Update) {
            let row = lost_answer(endpoint);
            if endpoint.creates() || endpoint.info().name.ends_with("Delete") {
                assert_eq!(row, LostAnswer::Settle, "{endpoint}");
            }
            if matches!(endpoint.info().answer, connexa_types::AnswerShape::SecretText) {
                assert_eq!(row, LostAnswer::Never, "{endpoint}");
            }
            if endpoint.info().path.starts_with("/settings/") {
                assert_eq!(row, LostAnswer::Read(Sign::Setting), "{endpoint}");
            }
        }
    }

    #[test]
    fn a_setting_is_as_it_was_set_however_it_is_written() {
        let json = |value| CallBody::Json(value);
        let set = Endpoint::SettingDnsDefaultSuffixSet;
        let text = CallBody::Text("Corp.Example".to_owned());
        assert!(is_set(set, Some(&text), &Value::from("corp.example.")));
        assert!(!is_set(set, Some(&text), &Value::Null));
        let on = json(Value::Bool(true));
        assert!(is_set(Endpoint::SettingWpcSnatSet, Some(&on), &Value::Bool(true)));
        assert!(!is_set(Endpoint::SettingWpcSnatSet, Some(&on), &Value::Bool(false)));
        assert!(is_set(Endpoint::DnsLogDisable, None, &Value::Bool(false)));
        assert!(!is_set(Endpoint::DnsLogEnable, None, &Value::Bool(false)));
    }
}
