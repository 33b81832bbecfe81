//! The kinds of things that connexa manages.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $singular:literal $plural:literal $parent:expr;)*) => {
        /// A kind of object, setting or list entry, in the order in which specs and reports name them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in JSON documents: singular, with `_`.
            pub const fn singular(self) -> &'static str {
                match self { $(Self::$name => $singular,)* }
            }
            /// The name of a top-level list of a spec: plural, with `_`.
            pub const fn plural(self) -> &'static str {
                match self { $(Self::$name => $plural,)* }
            }
            /// The kind whose objects own objects of this kind, if any.
            pub const fn parent(self) -> Option<Self> {
                use Kind::{Host, Network, User};
                match self { $(Self::$name => $parent,)* }
            }
        }
    };
}

kinds! {
    /// A network.
    Network "network" "networks" None;
    /// A host.
    Host "host" "hosts" None;
    /// A connector of a network.
    NetworkConnector "network_connector" "network_connectors" Some(Network);
    /// A connector of a host.
    HostConnector "host_connector" "host_connectors" Some(Host);
    /// An IP route of a network.
    NetworkRoute "network_route" "network_routes" Some(Network);
    /// An application (domains) of a network.
    NetworkApplication "network_application" "network_applications" Some(Network);
    /// An application (domains) of a host.
    HostApplication "host_application" "host_applications" Some(Host);
    /// An IP service of a network.
    NetworkIpService "network_ip_service" "network_ip_services" Some(Network);
    /// An IP service of a host.
    HostIpService "host_ip_service" "host_ip_services" Some(Host);
    /// A user group.
    UserGroup "user_group" "user_groups" None;
    /// A user.
    User "user" "users" None;
    /// A device of a user.
    Device "device" "devices" Some(User);
    /// An access group.
    AccessGroup "access_group" "access_groups" None;
    /// A location context.
    LocationContext "location_context" "location_contexts" None;
    /// A device posture policy.
    DevicePosture "device_posture" "device_postures" None;
    /// A DNS record.
    DnsRecord "dns_record" "dns_records" None;
    /// One setting of the tenant, named by its path.
    Setting "setting" "settings" None;
    /// A domain on Cyber Shield's allow list.
    AllowDomain "allow_domain" "allow_domains" None;
    /// A domain on Cyber Shield's block list.
    BlockDomain "block_domain" "block_domains" None;
}

/// A word that names no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind `{0}`")]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    /// Reads a kind with `_` or `-`, singular or plural.
    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        let folded = word.trim().to_ascii_lowercase().replace('-', "_");
        Self::ALL
            .iter()
            .copied()
            .find(|k| k.singular() == folded || k.plural() == folded)
            .ok_or_else(|| UnknownKind(word.to_owned()))
    }
}

impl TryFrom<String> for Kind {
    type Error = UnknownKind;
    fn try_from(word: String) -> Result<Self, UnknownKind> {
        word.parse()
    }
}

impl From<Kind> for &'static str {
    fn from(kind: Kind) -> Self {
        kind.singular()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.singular())
    }
}
