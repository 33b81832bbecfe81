//! Networks (API section 6.3).

use super::{
    connectors::{NetworkConnectorRequest, NetworkConnectorResponse},
    enums::{InternetAccess, TunnelingProtocol},
    field::{filled, listed, request, response},
    routes::{NetworkRouteRequest, NetworkRouteResponse},
};
use crate::id::NetworkId;

request! {
    /// `NetworkCreateRequest`: a new network with its routes and connectors (API section 6.3).
    pub struct NetworkCreateRequest {
        /// Name; unique (assumed).
        pub name: String,
        /// Description, 1 to 120 characters; an empty one is rejected.
        pub description: Option<String>,
        /// Where traffic to the internet goes.
        pub internet_access: Option<InternetAccess>,
        /// Whether the network can act as internet gateway.
        pub egress: Option<bool>,
        /// How its connectors reach the service.
        pub tunneling_protocol: Option<TunnelingProtocol>,
        /// Internet gateways, for [`InternetAccess::SplitTunnelOff`]; left out otherwise.
        pub gateways_ids: Option<Vec<NetworkId>>,
        /// Routes to create with it.
        pub routes: Option<Vec<NetworkRouteRequest>>,
        /// Connectors to create with it, IPsec configuration included.
        pub connectors: Option<Vec<NetworkConnectorRequest>>,
    }

    /// `NetworkUpdateRequest`: a network's own attributes; children have calls of their own (API section 6.3).
    pub struct NetworkUpdateRequest {
        /// Name; unique (assumed).
        pub name: String,
        /// Description, 1 to 120 characters; an empty one is rejected.
        pub description: Option<String>,
        /// Where traffic to the internet goes.
        pub internet_access: Option<InternetAccess>,
        /// Whether the network can act as internet gateway.
        pub egress: Option<bool>,
        /// How its connectors reach the service.
        pub tunneling_protocol: Option<TunnelingProtocol>,
        /// Internet gateways, for [`InternetAccess::SplitTunnelOff`]; left out otherwise.
        pub gateways_ids: Option<Vec<NetworkId>>,
    }
}

response! {
    /// `NetworkResponse`: a network with its routes and connectors (API section 6.3).
    pub struct NetworkResponse {
        /// Id.
        pub id: NetworkId,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// Where traffic to the internet goes.
        pub internet_access: Option<InternetAccess>,
        /// Whether the network can act as internet gateway.
        pub egress: Option<bool>,
        /// How its connectors reach the service.
        pub tunneling_protocol: Option<TunnelingProtocol>,
        /// Internet gateways.
        pub gateways_ids: Vec<NetworkId>,
        /// Routes.
        pub routes: Vec<NetworkRouteResponse>,
        /// Connectors.
        pub connectors: Vec<NetworkConnectorResponse>,
        /// Subnets that the service assigned, IPv4 and IPv6.
        pub system_subnets: Vec<String>,
    }
}

impl From<&NetworkResponse> for NetworkUpdateRequest {
    /// The update that changes nothing.
    fn from(network: &NetworkResponse) -> Self {
        Self {
            name: network.name.clone(),
            description: filled(network.description.as_deref()),
            internet_access: network.internet_access.clone(),
            egress: network.egress,
            tunneling_protocol: network.tunneling_protocol.clone(),
            gateways_ids: listed(&network.gateways_ids),
        }
    }
}
