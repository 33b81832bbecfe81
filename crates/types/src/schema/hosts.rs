//! Hosts (API section 6.10).

use super::{
    connectors::{HostConnectorRequest, HostConnectorResponse},
    enums::InternetAccess,
    field::{filled, listed, request, response},
};
use crate::id::{HostId, NetworkId};

request! {
    /// `HostCreateRequest`: a new host with its connectors (API section 6.10).
    pub struct HostCreateRequest {
        /// Name; unique (assumed).
        pub name: String,
        /// Description, 1 to 120 characters.
        pub description: Option<String>,
        /// Domain, 1 to 253 characters.
        pub domain: Option<String>,
        /// Where traffic to the internet goes.
        pub internet_access: Option<InternetAccess>,
        /// Internet gateways, for [`InternetAccess::SplitTunnelOff`].
        pub gateways_ids: Option<Vec<NetworkId>>,
        /// Connectors to create with it.
        pub connectors: Option<Vec<HostConnectorRequest>>,
    }

    /// `HostUpdateRequest`: a host's own attributes (API section 6.10).
    pub struct HostUpdateRequest {
        /// Name; unique (assumed).
        pub name: String,
        /// Description, 1 to 120 characters.
        pub description: Option<String>,
        /// Domain, 1 to 253 characters.
        pub domain: Option<String>,
        /// Where traffic to the internet goes.
        pub internet_access: Option<InternetAccess>,
        /// Internet gateways, for [`InternetAccess::SplitTunnelOff`].
        pub gateways_ids: Option<Vec<NetworkId>>,
    }
}

response! {
    /// `HostResponse`: a host with its connectors (API section 6.10).
    pub struct HostResponse {
        /// Id.
        pub id: HostId,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// Domain.
        pub domain: Option<String>,
        /// Where traffic to the internet goes.
        pub internet_access: Option<InternetAccess>,
        /// Internet gateways.
        pub gateways_ids: Vec<NetworkId>,
        /// Connectors.
        pub connectors: Vec<HostConnectorResponse>,
        /// Subnets that the service assigned, IPv4 and IPv6.
        pub system_subnets: Vec<String>,
    }
}

impl From<&HostResponse> for HostUpdateRequest {
    /// The update that changes nothing.
    fn from(host: &HostResponse) -> Self {
        Self {
            name: host.name.clone(),
            description: filled(host.description.as_deref()),
            domain: filled(host.domain.as_deref()),
            internet_access: host.internet_access.clone(),
            gateways_ids: listed(&host.gateways_ids),
        }
    }
}
