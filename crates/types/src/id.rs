//! Ids as types of their own.
//!
//! The API's ids are opaque strings (UUIDs by convention, API section 5); nothing here parses them.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! string_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text of an id.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
            /// Whether the id has no text; no call is ever made with such an id.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.0)
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

string_ids! {
    /// The id of an object whose kind is known only at run time.
    ResourceId;
    /// The id of a network.
    NetworkId;
    /// The id of a network connector.
    NetworkConnectorId;
    /// The id of a network route.
    NetworkRouteId;
    /// The id of a network application.
    NetworkApplicationId;
    /// The id of a network IP service.
    NetworkIpServiceId;
    /// The id of a host.
    HostId;
    /// The id of a host connector.
    HostConnectorId;
    /// The id of a host application.
    HostApplicationId;
    /// The id of a host IP service.
    HostIpServiceId;
    /// The id of a network or a host, where the schema does not say which (`networkItemId`).
    NetworkItemId;
    /// The id of a user.
    UserId;
    /// The id of a user group.
    UserGroupId;
    /// The id of a device.
    DeviceId;
    /// The id of a device posture policy.
    DevicePostureId;
    /// The id of an access group.
    AccessGroupId;
    /// The id of a location context.
    LocationContextId;
    /// The id of a DNS record.
    DnsRecordId;
    /// The id of a session.
    SessionId;
    /// The id of an audit log entry.
    AuditLogId;
    /// The id of a domain or IP route inside an application or IP service.
    ServiceRouteId;
    /// A VPN region, such as `eu-central-1` or `it-mxp` (API section 6.22).
    RegionId;
    /// A tenant ("WPC"): the origin of its API URL, such as `https://acme.api.openvpn.com`.
    TenantId;
}
