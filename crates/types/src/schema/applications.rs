//! Applications of networks and hosts (API section 6.7). A route's request says `value` where the response says
//! `domain`; `exactMatch` exists for networks only.

use super::{
    enums::{DomainRouteType, NetworkItemType},
    field::{each, filled, request, response},
    service_config::{ServiceConfigRequest, ServiceConfigResponse},
};
use crate::id::{HostApplicationId, NetworkApplicationId, NetworkItemId, ServiceRouteId};

request! {
    /// `NetworkApplicationRequest`: for create and update (API section 6.7).
    pub struct NetworkApplicationRequest {
        /// Name, 1 to 40 characters; may repeat.
        pub name: String,
        /// Description, 1 to 120 characters.
        pub description: Option<String>,
        /// Domains; Terraform wants at least one.
        pub routes: Vec<NetworkApplicationRouteRequest>,
        /// Which traffic.
        pub config: Option<ServiceConfigRequest>,
    }

    /// `NetworkApplicationRouteRequest`: one domain of a network application (API section 6.7).
    pub struct NetworkApplicationRouteRequest {
        /// Domain name.
        pub value: String,
        /// Whether names with an embedded IP address are allowed.
        pub allow_embedded_ip: Option<bool>,
        /// Whether subdomains are left out (assumed); since 1.2.3.
        pub exact_match: Option<bool>,
    }

    /// `HostApplicationRequest`: for create and update (API section 6.7).
    pub struct HostApplicationRequest {
        /// Name, 1 to 40 characters; may repeat.
        pub name: String,
        /// Description, 1 to 120 characters.
        pub description: Option<String>,
        /// Domains; Terraform wants at least one.
        pub routes: Vec<HostApplicationRouteRequest>,
        /// Which traffic.
        pub config: Option<ServiceConfigRequest>,
    }

    /// `HostApplicationRouteRequest`: one domain of a host application (API section 6.7).
    pub struct HostApplicationRouteRequest {
        /// Domain name.
        pub value: String,
        /// Whether names with an embedded IP address are allowed.
        pub allow_embedded_ip: Option<bool>,
    }
}

response! {
    /// `NetworkApplicationResponse`: an application of a network (API section 6.7).
    pub struct NetworkApplicationResponse {
        /// Id.
        pub id: NetworkApplicationId,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// The network; fixed.
        pub network_item_id: Option<NetworkItemId>,
        /// [`NetworkItemType::Network`].
        pub network_item_type: Option<NetworkItemType>,
        /// Domains.
        pub routes: Vec<NetworkDomainRouteResponse>,
        /// Which traffic.
        pub config: Option<ServiceConfigResponse>,
    }

    /// `NetworkDomainRouteResponse`: one domain of a network application (API section 6.7).
    pub struct NetworkDomainRouteResponse {
        /// Id.
        pub id: ServiceRouteId,
        /// [`DomainRouteType::Domain`].
        pub r#type: Option<DomainRouteType>,
        /// Domain name.
        pub domain: String,
        /// Whether names with an embedded IP address are allowed.
        pub allow_embedded_ip: Option<bool>,
        /// Whether subdomains are left out (assumed); since 1.2.3.
        pub exact_match: Option<bool>,
    }

    /// `HostApplicationResponse`: an application of a host (API section 6.7).
    pub struct HostApplicationResponse {
        /// Id.
        pub id: HostApplicationId,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// The host; fixed.
        pub network_item_id: Option<NetworkItemId>,
        /// [`NetworkItemType::Host`].
        pub network_item_type: Option<NetworkItemType>,
        /// Domains.
        pub routes: Vec<HostDomainRouteResponse>,
        /// Which traffic.
        pub config: Option<ServiceConfigResponse>,
    }

    /// `HostDomainRouteResponse`: one domain of a host application (API section 6.7).
    pub struct HostDomainRouteResponse {
        /// Id.
        pub id: ServiceRouteId,
        /// [`DomainRouteType::Domain`].
        pub r#type: Option<DomainRouteType>,
        /// Domain name.
        pub domain: String,
        /// Whether names with an embedded IP address are allowed.
        pub allow_embedded_ip: Option<bool>,
    }
}

impl From<&NetworkApplicationResponse> for NetworkApplicationRequest {
    /// The update that changes nothing.
    fn from(application: &NetworkApplicationResponse) -> Self {
        Self {
            name: application.name.clone(),
            description: filled(application.description.as_deref()),
            routes: each(&application.routes),
            config: application.config.as_ref().map(ServiceConfigRequest::from),
        }
    }
}

impl From<&NetworkDomainRouteResponse> for NetworkApplicationRouteRequest {
    fn from(route: &NetworkDomainRouteResponse) -> Self {
        Self {
            value: route.domain.clone(),
            allow_embedded_ip: route.allow_embedded_ip,
            exact_match: route.exact_match,
        }
    }
}

impl From<&HostApplicationResponse> for HostApplicationRequest {
    /// The update that changes nothing.
    fn from(application: &HostApplicationResponse) -> Self {
        Self {
            name: application.name.clone(),
            description: filled(application.description.as_deref()),
            routes: each(&application.routes),
            config: application.config.as_ref().map(ServiceConfigRequest::from),
        }
    }
}

impl From<&HostDomainRouteResponse> for HostApplicationRouteRequest {
    fn from(route: &HostDomainRouteResponse) -> Self {
        Self { value: route.domain.clone(), allow_embedded_ip: route.allow_embedded_ip }
    }
}
