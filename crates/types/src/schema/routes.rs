//! Routes of networks (API section 6.6). The request says `value` where the response says `subnet`.

use super::{
    enums::RouteType,
    field::{filled, request, response},
};
use crate::id::NetworkRouteId;

request! {
    /// `NetworkRouteRequest`: for create, update and inside a new network (API section 6.6).
    pub struct NetworkRouteRequest {
        /// IPv4 or IPv6 CIDR; the type is derived from it. Terraform treats it as fixed although PUT carries it.
        pub value: String,
        /// Description; no limit is known.
        pub description: Option<String>,
    }
}

response! {
    /// `NetworkRouteResponse`: a route; it does not name its network (API section 6.6).
    pub struct NetworkRouteResponse {
        /// Id.
        pub id: NetworkRouteId,
        /// Address family.
        pub r#type: Option<RouteType>,
        /// CIDR.
        pub subnet: String,
        /// Description.
        pub description: Option<String>,
    }
}

impl From<&NetworkRouteResponse> for NetworkRouteRequest {
    /// The update that changes nothing.
    fn from(route: &NetworkRouteResponse) -> Self {
        Self { value: route.subnet.clone(), description: filled(route.description.as_deref()) }
    }
}
