//! User groups (API section 6.13).

use super::{
    enums::{ConnectAuth, InternetAccess},
    field::{listed, request, response},
};
use crate::id::{NetworkId, RegionId, UserGroupId};

request! {
    /// `UserGroupRequest`: for create and update, which replaces all (API sections 6.13, 7.7).
    pub struct UserGroupRequest {
        /// Name, 1 to 40 characters; unique.
        pub name: String,
        /// Regions; this or `all_regions_included`.
        pub vpn_region_ids: Option<Vec<RegionId>>,
        /// Whether all regions are included, future ones too.
        pub all_regions_included: Option<bool>,
        /// Where traffic to the internet goes; an update needs it.
        pub internet_access: Option<InternetAccess>,
        /// Devices per user; an update needs it.
        pub max_device: Option<i32>,
        /// When users must authenticate; an update needs it.
        pub connect_auth: Option<ConnectAuth>,
        /// Internet gateways, for [`InternetAccess::SplitTunnelOff`]; empty otherwise.
        pub gateways_ids: Option<Vec<NetworkId>>,
        /// What stays outside the tunnel; since 1.2.3.
        pub tunnel_bypass: Option<TunnelBypassRequest>,
    }

    /// `TunnelBypassRequest`: what stays outside the tunnel (API section 6.13).
    pub struct TunnelBypassRequest {
        /// IPv4 CIDRs.
        pub ipv4_subnets: Option<Vec<String>>,
    }
}

response! {
    /// `UserGroupResponse`: a user group (API section 6.13).
    pub struct UserGroupResponse {
        /// Id.
        pub id: UserGroupId,
        /// Name.
        pub name: String,
        /// Regions.
        pub vpn_region_ids: Vec<RegionId>,
        /// Whether all regions are included, future ones too.
        pub all_regions_included: Option<bool>,
        /// Where traffic to the internet goes.
        pub internet_access: Option<InternetAccess>,
        /// Devices per user.
        pub max_device: Option<i32>,
        /// When users must authenticate.
        pub connect_auth: Option<ConnectAuth>,
        /// Internet gateways.
        pub gateways_ids: Vec<NetworkId>,
        /// What stays outside the tunnel; since 1.2.3.
        pub tunnel_bypass: Option<TunnelBypassResponse>,
        /// Subnets that the service assigned, IPv4 and IPv6.
        pub system_subnets: Vec<String>,
    }

    /// `TunnelBypassResponse`: what stays outside the tunnel (API section 6.13).
    pub struct TunnelBypassResponse {
        /// IPv4 CIDRs.
        pub ipv4_subnets: Vec<String>,
    }
}

impl From<&UserGroupResponse> for UserGroupRequest {
    /// The update that changes nothing.
    fn from(group: &UserGroupResponse) -> Self {
        Self {
            name: group.name.clone(),
            vpn_region_ids: listed(&group.vpn_region_ids),
            all_regions_included: group.all_regions_included,
            internet_access: group.internet_access.clone(),
            max_device: group.max_device,
            connect_auth: group.connect_auth.clone(),
            gateways_ids: listed(&group.gateways_ids),
            tunnel_bypass: group.tunnel_bypass.as_ref().map(TunnelBypassRequest::from),
        }
    }
}

impl From<&TunnelBypassResponse> for TunnelBypassRequest {
    fn from(bypass: &TunnelBypassResponse) -> Self {
        Self { ipv4_subnets: Some(bypass.ipv4_subnets.clone()) }
    }
}
