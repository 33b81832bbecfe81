//! Access groups (API section 6.16).

use super::{
    enums::{AccessItemDestinationType, AccessItemSourceType},
    field::{each, request, response},
};
use crate::id::{AccessGroupId, NetworkItemId, ResourceId};
use serde::{Deserialize, Serialize};

request! {
    /// `AccessGroupRequest`: for create and update, which replaces both lists (API section 6.16).
    pub struct AccessGroupRequest {
        /// Name; unique (assumed).
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// Who may reach; at least one.
        pub source: Vec<AccessItemSourceRequest>,
        /// What may be reached; at least one.
        pub destination: Vec<AccessItemDestinationRequest>,
    }

    /// `AccessItemSourceRequest`: who may reach (API section 6.16).
    pub struct AccessItemSourceRequest {
        /// What the item names; required.
        pub r#type: Option<AccessItemSourceType>,
        /// Whether all of the type, or of the parent, are meant; required.
        pub all_covered: Option<bool>,
        /// A network or host.
        pub parent: Option<NetworkItemId>,
        /// User groups, or IP services of type `IP_SOURCE` of the parent.
        pub children: Option<Vec<ResourceId>>,
    }

    /// `AccessItemDestinationRequest`: what may be reached (API section 6.16).
    pub struct AccessItemDestinationRequest {
        /// What the item names; required.
        pub r#type: Option<AccessItemDestinationType>,
        /// Whether all of the type, or of the parent, are meant; required.
        pub all_covered: Option<bool>,
        /// A network or host.
        pub parent: Option<NetworkItemId>,
        /// User groups, or applications and IP services of the parent.
        pub children: Option<Vec<ResourceId>>,
    }
}

response! {
    /// `AccessGroupResponse`: an access group (API section 6.16).
    pub struct AccessGroupResponse {
        /// Id.
        pub id: AccessGroupId,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// Whether it is the tenant's default one.
        pub default_group: Option<DefaultGroup>,
        /// Who may reach.
        pub source: Vec<AccessItemSourceResponse>,
        /// What may be reached.
        pub destination: Vec<AccessItemDestinationResponse>,
    }

    /// `AccessItemSourceResponse`: who may reach (API section 6.16).
    pub struct AccessItemSourceResponse {
        /// What the item names; a free string in the schema.
        pub r#type: Option<AccessItemSourceType>,
        /// Whether all of the type, or of the parent, are meant.
        pub all_covered: Option<bool>,
        /// A network or host.
        pub parent: Option<NetworkItemId>,
        /// User groups or IP services; may be listed although all are covered.
        pub children: Vec<ResourceId>,
    }

    /// `AccessItemDestinationResponse`: what may be reached (API section 6.16).
    pub struct AccessItemDestinationResponse {
        /// What the item names.
        pub r#type: Option<AccessItemDestinationType>,
        /// Whether all of the type, or of the parent, are meant.
        pub all_covered: Option<bool>,
        /// A network or host.
        pub parent: Option<NetworkItemId>,
        /// User groups, applications or IP services; may be listed although all are covered.
        pub children: Vec<ResourceId>,
    }
}

/// `defaultGroup` as it was received: the property table says string, its example and 1.1.0 say boolean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DefaultGroup {
    /// A boolean.
    Flag(bool),
    /// A string, such as `true`.
    Text(String),
}

impl DefaultGroup {
    /// Whether the value says yes.
    pub fn is_default(&self) -> bool {
        match self {
            Self::Flag(flag) => *flag,
            Self::Text(text) => text.eq_ignore_ascii_case("true"),
        }
    }
}

impl AccessGroupResponse {
    /// Whether this is the tenant's default access group.
    pub fn is_default(&self) -> bool {
        self.default_group.as_ref().is_some_and(DefaultGroup::is_default)
    }
}

impl From<&AccessGroupResponse> for AccessGroupRequest {
    /// The update that changes nothing.
    fn from(group: &AccessGroupResponse) -> Self {
        Self {
            name: group.name.clone(),
            description: group.description.clone(),
            source: each(&group.source),
            destination: each(&group.destination),
        }
    }
}

impl From<&AccessItemSourceResponse> for AccessItemSourceRequest {
    fn from(item: &AccessItemSourceResponse) -> Self {
        Self {
            r#type: item.r#type.clone(),
            all_covered: item.all_covered,
            parent: item.parent.clone(),
            children: named(item.all_covered, &item.children),
        }
    }
}

impl From<&AccessItemDestinationResponse> for AccessItemDestinationRequest {
    fn from(item: &AccessItemDestinationResponse) -> Self {
        Self {
            r#type: item.r#type.clone(),
            all_covered: item.all_covered,
            parent: item.parent.clone(),
            children: named(item.all_covered, &item.children),
        }
    }
}

/// The children to send: none where all are covered, for then the answer may list them without being asked.
fn named(all_covered: Option<bool>, children: &[ResourceId]) -> Option<Vec<ResourceId>> {
    (all_covered != Some(true) && !children.is_empty()).then(|| children.to_vec())
}
