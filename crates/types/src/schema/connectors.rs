//! Connectors of networks and hosts (API sections 6.4, 6.11).
//!
//! Whether an OpenVPN connector is suspended cannot be read.

use super::{
    enums::{ConnectionStatus, NetworkItemType, TunnelingProtocol},
    field::{filled, request, response},
    ipsec::{IpSecConfigRequest, IpSecConfigResponse},
};
use crate::id::{HostConnectorId, NetworkConnectorId, NetworkItemId, RegionId};

request! {
    /// `NetworkConnectorRequest`: for create, update and inside a new network (API section 6.4).
    pub struct NetworkConnectorRequest {
        /// Name; may repeat within the tenant.
        pub name: String,
        /// Description, 1 to 120 characters.
        pub description: Option<String>,
        /// The region that the connector connects to; required as far as is known.
        pub vpn_region_id: Option<RegionId>,
        /// What makes it an IPsec connector.
        pub ip_sec_config: Option<IpSecConfigRequest>,
    }

    /// `HostConnectorRequest`: for create, update and inside a new host (API section 6.11).
    pub struct HostConnectorRequest {
        /// Name; may repeat within the tenant.
        pub name: String,
        /// Description, 1 to 120 characters.
        pub description: Option<String>,
        /// The region that the connector connects to; required as far as is known.
        pub vpn_region_id: Option<RegionId>,
    }
}

response! {
    /// `NetworkConnectorResponse`: a connector of a network (API section 6.4).
    pub struct NetworkConnectorResponse {
        /// Id.
        pub id: NetworkConnectorId,
        /// The network; fixed.
        pub network_item_id: Option<NetworkItemId>,
        /// [`NetworkItemType::Network`].
        pub network_item_type: Option<NetworkItemType>,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// The region that the connector connects to.
        pub vpn_region_id: Option<RegionId>,
        /// IPv4 address that the service assigned.
        pub ip_v4_address: Option<String>,
        /// IPv6 address that the service assigned; absent in IPv4-only mode.
        pub ip_v6_address: Option<String>,
        /// How it reaches the service.
        pub tunneling_protocol: Option<TunnelingProtocol>,
        /// IPsec configuration, of IPsec connectors only.
        pub ip_sec_config: Option<IpSecConfigResponse>,
        /// Whether it is connected; compare with [`ConnectionStatus::ignoring_case`].
        pub connection_status: Option<ConnectionStatus>,
        /// Whether the subscription covers it; since 1.1.1.
        pub licensed: Option<bool>,
    }

    /// `HostConnectorResponse`: a connector of a host (API section 6.11).
    pub struct HostConnectorResponse {
        /// Id.
        pub id: HostConnectorId,
        /// The host; fixed.
        pub network_item_id: Option<NetworkItemId>,
        /// [`NetworkItemType::Host`].
        pub network_item_type: Option<NetworkItemType>,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// The region that the connector connects to.
        pub vpn_region_id: Option<RegionId>,
        /// IPv4 address that the service assigned.
        pub ip_v4_address: Option<String>,
        /// IPv6 address that the service assigned; absent in IPv4-only mode.
        pub ip_v6_address: Option<String>,
        /// Whether it is connected; compare with [`ConnectionStatus::ignoring_case`].
        pub connection_status: Option<ConnectionStatus>,
        /// Whether the subscription covers it; since 1.1.1.
        pub licensed: Option<bool>,
    }
}

impl From<&NetworkConnectorResponse> for NetworkConnectorRequest {
    /// The update that changes nothing.
    fn from(connector: &NetworkConnectorResponse) -> Self {
        Self {
            name: connector.name.clone(),
            description: filled(connector.description.as_deref()),
            vpn_region_id: connector.vpn_region_id.clone(),
            ip_sec_config: connector.ip_sec_config.as_ref().map(IpSecConfigRequest::from),
        }
    }
}

impl From<&HostConnectorResponse> for HostConnectorRequest {
    /// The update that changes nothing.
    fn from(connector: &HostConnectorResponse) -> Self {
        Self {
            name: connector.name.clone(),
            description: filled(connector.description.as_deref()),
            vpn_region_id: connector.vpn_region_id.clone(),
        }
    }
}
