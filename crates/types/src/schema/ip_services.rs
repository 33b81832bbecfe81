//! IP services of networks and hosts (API section 6.8). A route's request says `value` where the response says
//! `subnet`; those of hosts have neither type nor routes.

use super::{
    enums::{IpServiceType, NetworkItemType, RouteType},
    field::{each, filled, request, response},
    service_config::{ServiceConfigRequest, ServiceConfigResponse},
};
use crate::id::{HostIpServiceId, NetworkIpServiceId, NetworkItemId, NetworkRouteId, ServiceRouteId};

request! {
    /// `NetworkIpServiceRequest`: for create and update (API section 6.8).
    pub struct NetworkIpServiceRequest {
        /// Name; may repeat.
        pub name: String,
        /// Description, 1 to 255 characters.
        pub description: Option<String>,
        /// What it may be used for; Terraform requires it.
        pub r#type: Option<IpServiceType>,
        /// Subnets, each inside a route of the same network.
        pub routes: Option<Vec<ServiceRouteRequest>>,
        /// Which traffic.
        pub config: Option<ServiceConfigRequest>,
    }

    /// `ServiceRouteRequest`: one subnet of an IP service (API section 6.8).
    pub struct ServiceRouteRequest {
        /// CIDR.
        pub value: String,
    }

    /// `HostIpServiceRequest`: for create and update (API section 6.8).
    pub struct HostIpServiceRequest {
        /// Name; may repeat.
        pub name: String,
        /// Description, 1 to 255 characters.
        pub description: Option<String>,
        /// Which traffic.
        pub config: Option<ServiceConfigRequest>,
    }
}

response! {
    /// `NetworkIpServiceResponse`: an IP service of a network (API section 6.8).
    pub struct NetworkIpServiceResponse {
        /// Id.
        pub id: NetworkIpServiceId,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// The network; fixed.
        pub network_item_id: Option<NetworkItemId>,
        /// [`NetworkItemType::Network`].
        pub network_item_type: Option<NetworkItemType>,
        /// What it may be used for.
        pub r#type: Option<IpServiceType>,
        /// Subnets.
        pub routes: Vec<IpRouteResponse>,
        /// Which traffic.
        pub config: Option<ServiceConfigResponse>,
    }

    /// `IpRouteResponse`: one subnet of an IP service (API section 6.8).
    pub struct IpRouteResponse {
        /// Id.
        pub id: ServiceRouteId,
        /// The network route that it lies in.
        pub parent_route_id: Option<NetworkRouteId>,
        /// Address family.
        pub r#type: Option<RouteType>,
        /// CIDR.
        pub subnet: String,
    }

    /// `HostIpServiceResponse`: an IP service of a host (API section 6.8).
    pub struct HostIpServiceResponse {
        /// Id.
        pub id: HostIpServiceId,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// The host; fixed.
        pub network_item_id: Option<NetworkItemId>,
        /// [`NetworkItemType::Host`].
        pub network_item_type: Option<NetworkItemType>,
        /// Which traffic.
        pub config: Option<ServiceConfigResponse>,
    }
}

impl From<&NetworkIpServiceResponse> for NetworkIpServiceRequest {
    /// The update that changes nothing.
    fn from(service: &NetworkIpServiceResponse) -> Self {
        Self {
            name: service.name.clone(),
            description: filled(service.description.as_deref()),
            r#type: service.r#type.clone(),
            routes: Some(each(&service.routes)),
            config: service.config.as_ref().map(ServiceConfigRequest::from),
        }
    }
}

impl From<&IpRouteResponse> for ServiceRouteRequest {
    fn from(route: &IpRouteResponse) -> Self {
        Self { value: route.subnet.clone() }
    }
}

impl From<&HostIpServiceResponse> for HostIpServiceRequest {
    /// The update that changes nothing.
    fn from(service: &HostIpServiceResponse) -> Self {
        Self {
            name: service.name.clone(),
            description: filled(service.description.as_deref()),
            config: service.config.as_ref().map(ServiceConfigRequest::from),
        }
    }
}
