//! The sixteen pages (API section 6.2), all of one shape, and that of the DNS log, which has no name there.

use super::{
    AccessGroupResponse, DevicePostureResponse, DeviceResponse, DnsRecordResponse, DnsResolution,
    HostApplicationResponse, HostConnectorResponse, HostIpServiceResponse, HostResponse,
    LocationContextResponse, NetworkApplicationResponse, NetworkConnectorResponse, NetworkIpServiceResponse,
    NetworkResponse, NetworkRouteResponse, UserGroupResponse, UserResponse,
};
use crate::Page;

/// A page of networks.
pub type PageNetworkResponse = Page<NetworkResponse>;
/// A page of network routes.
pub type PageNetworkRouteResponse = Page<NetworkRouteResponse>;
/// A page of network IP services.
pub type PageNetworkIpServiceResponse = Page<NetworkIpServiceResponse>;
/// A page of network connectors.
pub type PageNetworkConnectorResponse = Page<NetworkConnectorResponse>;
/// A page of network applications.
pub type PageNetworkApplicationResponse = Page<NetworkApplicationResponse>;
/// A page of hosts.
pub type PageHostResponse = Page<HostResponse>;
/// A page of host IP services.
pub type PageHostIpServiceResponse = Page<HostIpServiceResponse>;
/// A page of host connectors.
pub type PageHostConnectorResponse = Page<HostConnectorResponse>;
/// A page of host applications; inferred from the split of 1.2.
pub type PageHostApplicationResponse = Page<HostApplicationResponse>;
/// A page of users.
pub type PageUserResponse = Page<UserResponse>;
/// A page of user groups.
pub type PageUserGroupResponse = Page<UserGroupResponse>;
/// A page of devices.
pub type PageDeviceResponse = Page<DeviceResponse>;
/// A page of device posture policies.
pub type PageDevicePostureResponse = Page<DevicePostureResponse>;
/// A page of access groups.
pub type PageAccessGroupResponse = Page<AccessGroupResponse>;
/// A page of location contexts.
pub type PageLocationContextResponse = Page<LocationContextResponse>;
/// A page of DNS records.
pub type PageDnsRecordResponse = Page<DnsRecordResponse>;
/// A page of the DNS log (API section 4.3).
pub type PageDnsResolution = Page<DnsResolution>;
