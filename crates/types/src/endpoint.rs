//! The 163 operations of the API, version 1.2.3, as one table (API section 5).
//!
//! Client, engine and emulator all work from this table, so that a path or a status is written down once.

use crate::call::Class;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// An HTTP method that the API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

impl Method {
    /// The method's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A query parameter of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryParam {
    /// Its name.
    pub name: &'static str,
    /// Whether the reference marks it as required.
    pub required: bool,
}

const fn opt(name: &'static str) -> QueryParam {
    QueryParam { name, required: false }
}
const fn req(name: &'static str) -> QueryParam {
    QueryParam { name, required: true }
}

/// What an endpoint takes as its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestShape {
    /// Nothing; what is sent is ignored.
    NoBody,
    /// JSON of the named schema (API section 6).
    Json(&'static str),
    /// Raw text.
    TextBody,
}

/// What an endpoint answers with on success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerShape {
    /// Nothing, or nothing to look at.
    Empty,
    /// JSON of the named schema (API section 6).
    Json(&'static str),
    /// JSON of the named schema, or nothing where the value is unset.
    MaybeJson(&'static str),
    /// JSON that holds credentials.
    SecretJson(&'static str),
    /// Raw text.
    Text,
    /// Raw text that is a secret: a profile, a token, a download link.
    SecretText,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointInfo {
    /// The variant's name.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path template below `/api/v1`, parameters in braces.
    pub path: &'static str,
    /// Its query parameters.
    pub query: &'static [QueryParam],
    /// What it takes.
    pub request: RequestShape,
    /// The status of success.
    pub status: u16,
    /// What it answers with.
    pub answer: AnswerShape,
}

macro_rules! endpoints {
    ($($name:ident: $method:ident $path:literal [$($query:expr),*] $request:expr => $status:literal $answer:expr;)*) => {
        /// An operation of the API (method and path).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Endpoint {
            $(#[doc = concat!("`", stringify!($method), " ", $path, "`.")] $name,)*
        }

        impl Endpoint {
            /// Every operation, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What the reference says of the operation.
            pub const fn info(self) -> &'static EndpointInfo {
                use self::{
                    AnswerShape::{Empty, Json, MaybeJson, SecretJson, SecretText, Text},
                    RequestShape::{Json as JsonBody, NoBody, TextBody},
                };
                match self {
                    $(Self::$name => {
                        const INFO: EndpointInfo = EndpointInfo {
                            name: stringify!($name),
                            method: Method::$method,
                            path: $path,
                            query: &[$($query),*],
                            request: $request,
                            status: $status,
                            answer: $answer,
                        };
                        &INFO
                    })*
                }
            }
        }
    };
}

endpoints! {
    OauthToken: Post "/oauth/token" [opt("client_id"), opt("client_secret"), opt("grant_type")] NoBody => 200 SecretJson("OAuthResponse");
    NetworkList: Get "/networks" [opt("page"), opt("size")] NoBody => 200 Json("PageNetworkResponse");
    NetworkCreate: Post "/networks" [] JsonBody("NetworkCreateRequest") => 201 Json("NetworkResponse");
    NetworkGet: Get "/networks/{id}" [] NoBody => 200 Json("NetworkResponse");
    NetworkUpdate: Put "/networks/{id}" [] JsonBody("NetworkUpdateRequest") => 200 Json("NetworkResponse");
    NetworkDelete: Delete "/networks/{id}" [] NoBody => 204 Empty;
    NetworkConnectorList: Get "/networks/connectors" [opt("page"), opt("size"), opt("networkId")] NoBody => 200 Json("PageNetworkConnectorResponse");
    NetworkConnectorCreate: Post "/networks/connectors" [req("networkId")] JsonBody("NetworkConnectorRequest") => 201 Json("NetworkConnectorResponse");
    NetworkConnectorGet: Get "/networks/connectors/{id}" [] NoBody => 200 Json("NetworkConnectorResponse");
    NetworkConnectorUpdate: Put "/networks/connectors/{id}" [] JsonBody("NetworkConnectorRequest") => 200 Json("NetworkConnectorResponse");
    NetworkConnectorDelete: Delete "/networks/connectors/{id}" [] NoBody => 204 Empty;
    NetworkConnectorProfile: Post "/networks/connectors/{id}/profile" [] NoBody => 200 SecretText;
    NetworkConnectorProfileRevoke: Delete "/networks/connectors/{id}/profile" [] NoBody => 200 Json("boolean");
    NetworkConnectorProfileEncrypt: Post "/networks/connectors/{id}/profile/encrypt" [] NoBody => 200 SecretText;
    NetworkConnectorProfileBundle: Post "/networks/connectors/{id}/profile/bundle" [req("type")] NoBody => 200 SecretText;
    NetworkConnectorIpsecStart: Post "/networks/connectors/{id}/ipsec/start" [] NoBody => 200 Empty;
    NetworkConnectorIpsecStop: Post "/networks/connectors/{id}/ipsec/stop" [] NoBody => 200 Empty;
    NetworkConnectorActivate: Put "/networks/connectors/{id}/activate" [] NoBody => 200 Empty;
    NetworkConnectorSuspend: Put "/networks/connectors/{id}/suspend" [] NoBody => 200 Empty;
    NetworkRouteList: Get "/networks/routes" [opt("page"), opt("size"), opt("networkId")] NoBody => 200 Json("PageNetworkRouteResponse");
    NetworkRouteCreate: Post "/networks/routes" [req("networkId")] JsonBody("NetworkRouteRequest") => 201 Json("NetworkRouteResponse");
    NetworkRouteGet: Get "/networks/routes/{id}" [] NoBody => 200 Json("NetworkRouteResponse");
    NetworkRouteUpdate: Put "/networks/routes/{id}" [] JsonBody("NetworkRouteRequest") => 200 Json("NetworkRouteResponse");
    NetworkRouteDelete: Delete "/networks/routes/{id}" [] NoBody => 204 Empty;
    NetworkApplicationList: Get "/networks/applications" [opt("page"), opt("size"), opt("networkId")] NoBody => 200 Json("PageNetworkApplicationResponse");
    NetworkApplicationCreate: Post "/networks/applications" [req("networkId")] JsonBody("NetworkApplicationRequest") => 201 Json("NetworkApplicationResponse");
    NetworkApplicationGet: Get "/networks/applications/{id}" [] NoBody => 200 Json("NetworkApplicationResponse");
    NetworkApplicationUpdate: Put "/networks/applications/{id}" [] JsonBody("NetworkApplicationRequest") => 200 Json("NetworkApplicationResponse");
    NetworkApplicationDelete: Delete "/networks/applications/{id}" [] NoBody => 204 Empty;
    NetworkIpServiceList: Get "/networks/ip-services" [opt("page"), opt("size"), opt("networkId")] NoBody => 200 Json("PageNetworkIpServiceResponse");
    NetworkIpServiceCreate: Post "/networks/ip-services" [req("networkId")] JsonBody("NetworkIpServiceRequest") => 201 Json("NetworkIpServiceResponse");
    NetworkIpServiceGet: Get "/networks/ip-services/{id}" [] NoBody => 200 Json("NetworkIpServiceResponse");
    NetworkIpServiceUpdate: Put "/networks/ip-services/{id}" [] JsonBody("NetworkIpServiceRequest") => 200 Json("NetworkIpServiceResponse");
    NetworkIpServiceDelete: Delete "/networks/ip-services/{id}" [] NoBody => 204 Empty;
    HostList: Get "/hosts" [opt("page"), opt("size")] NoBody => 200 Json("PageHostResponse");
    HostCreate: Post "/hosts" [] JsonBody("HostCreateRequest") => 201 Json("HostResponse");
    HostGet: Get "/hosts/{id}" [] NoBody => 200 Json("HostResponse");
    HostUpdate: Put "/hosts/{id}" [] JsonBody("HostUpdateRequest") => 200 Json("HostResponse");
    HostDelete: Delete "/hosts/{id}" [] NoBody => 204 Empty;
    HostConnectorList: Get "/hosts/connectors" [opt("page"), opt("size"), opt("hostId")] NoBody => 200 Json("PageHostConnectorResponse");
    HostConnectorCreate: Post "/hosts/connectors" [req("hostId")] JsonBody("HostConnectorRequest") => 201 Json("HostConnectorResponse");
    HostConnectorGet: Get "/hosts/connectors/{id}" [] NoBody => 200 Json("HostConnectorResponse");
    HostConnectorUpdate: Put "/hosts/connectors/{id}" [] JsonBody("HostConnectorRequest") => 200 Json("HostConnectorResponse");
    HostConnectorDelete: Delete "/hosts/connectors/{id}" [] NoBody => 204 Empty;
    HostConnectorProfile: Post "/hosts/connectors/{id}/profile" [] NoBody => 200 SecretText;
    HostConnectorProfileRevoke: Delete "/hosts/connectors/{id}/profile" [] NoBody => 200 Json("boolean");
    HostConnectorProfileEncrypt: Post "/hosts/connectors/{id}/profile/encrypt" [] NoBody => 200 SecretText;
    HostConnectorProfileBundle: Post "/hosts/connectors/{id}/profile/bundle" [req("type")] NoBody => 200 SecretText;
    HostConnectorActivate: Put "/hosts/connectors/{id}/activate" [] NoBody => 200 Empty;
    HostConnectorSuspend: Put "/hosts/connectors/{id}/suspend" [] NoBody => 200 Empty;
    HostApplicationList: Get "/hosts/applications" [opt("page"), opt("size"), opt("hostId")] NoBody => 200 Json("PageHostApplicationResponse");
    HostApplicationCreate: Post "/hosts/applications" [req("hostId")] JsonBody("HostApplicationRequest") => 201 Json("HostApplicationResponse");
    HostApplicationGet: Get "/hosts/applications/{id}" [] NoBody => 200 Json("HostApplicationResponse");
    HostApplicationUpdate: Put "/hosts/applications/{id}" [] JsonBody("HostApplicationRequest") => 200 Json("HostApplicationResponse");
    HostApplicationDelete: Delete "/hosts/applications/{id}" [] NoBody => 204 Empty;
    HostIpServiceList: Get "/hosts/ip-services" [opt("page"), opt("size"), opt("hostId")] NoBody => 200 Json("PageHostIpServiceResponse");
    HostIpServiceCreate: Post "/hosts/ip-services" [req("hostId")] JsonBody("HostIpServiceRequest") => 201 Json("HostIpServiceResponse");
    HostIpServiceGet: Get "/hosts/ip-services/{id}" [] NoBody => 200 Json("HostIpServiceResponse");
    HostIpServiceUpdate: Put "/hosts/ip-services/{id}" [] JsonBody("HostIpServiceRequest") => 200 Json("HostIpServiceResponse");
    HostIpServiceDelete: Delete "/hosts/ip-services/{id}" [] NoBody => 204 Empty;
    UserList: Get "/users" [opt("page"), opt("size")] NoBody => 200 Json("PageUserResponse");
    UserCreate: Post "/users" [] JsonBody("UserCreateRequest") => 201 Json("UserResponse");
    UserGet: Get "/users/{id}" [] NoBody => 200 Json("UserResponse");
    UserUpdate: Put "/users/{id}" [] JsonBody("UserUpdateRequest") => 200 Json("UserResponse");
    UserDelete: Delete "/users/{id}" [] NoBody => 204 Empty;
    UserActivate: Put "/users/{id}/activate" [] NoBody => 200 Empty;
    UserSuspend: Put "/users/{id}/suspend" [] NoBody => 200 Empty;
    UserResetMfa: Post "/users/{userId}/reset-mfa" [] NoBody => 200 Json("GenericResponseVoid");
    UserResendInvitation: Post "/users/{id}/resend-invitation" [] NoBody => 200 Empty;
    UserForcePasswordChange: Post "/users/{id}/force-password-change" [] NoBody => 200 Empty;
    UserGroupList: Get "/user-groups" [opt("page"), opt("size")] NoBody => 200 Json("PageUserGroupResponse");
    UserGroupCreate: Post "/user-groups" [] JsonBody("UserGroupRequest") => 201 Json("UserGroupResponse");
    UserGroupGet: Get "/user-groups/{id}" [] NoBody => 200 Json("UserGroupResponse");
    UserGroupUpdate: Put "/user-groups/{id}" [] JsonBody("UserGroupRequest") => 200 Json("UserGroupResponse");
    UserGroupDelete: Delete "/user-groups/{id}" [] NoBody => 204 Empty;
    DeviceList: Get "/devices" [opt("page"), opt("size"), opt("userId")] NoBody => 200 Json("PageDeviceResponse");
    DeviceCreate: Post "/devices" [req("userId")] JsonBody("DeviceRequest") => 201 Json("DeviceResponse");
    DeviceGet: Get "/devices/{id}" [req("userId")] NoBody => 200 Json("DeviceResponse");
    DeviceUpdate: Put "/devices/{id}" [req("userId")] JsonBody("DeviceRequest") => 200 Json("DeviceResponse");
    DeviceDelete: Delete "/devices/{id}" [req("userId")] NoBody => 204 Empty;
    DeviceProfile: Post "/devices/{id}/profile" [req("userId"), req("regionId")] NoBody => 200 SecretText;
    DeviceProfileRevoke: Delete "/devices/{id}/profile" [req("userId")] NoBody => 200 Text;
    DevicePostureList: Get "/device-postures" [opt("page"), opt("size")] NoBody => 200 Json("PageDevicePostureResponse");
    DevicePostureCreate: Post "/device-postures" [] JsonBody("DevicePostureRequest") => 200 Json("DevicePostureResponse");
    DevicePostureGet: Get "/device-postures/{id}" [] NoBody => 200 Json("DevicePostureResponse");
    DevicePostureUpdate: Put "/device-postures/{id}" [] JsonBody("DevicePostureRequest") => 200 Json("DevicePostureResponse");
    DevicePostureDelete: Delete "/device-postures/{id}" [] NoBody => 200 Empty;
    AccessGroupList: Get "/access-groups" [opt("page"), opt("size")] NoBody => 200 Json("PageAccessGroupResponse");
    AccessGroupCreate: Post "/access-groups" [] JsonBody("AccessGroupRequest") => 201 Json("AccessGroupResponse");
    AccessGroupGet: Get "/access-groups/{id}" [] NoBody => 200 Json("AccessGroupResponse");
    AccessGroupUpdate: Put "/access-groups/{id}" [] JsonBody("AccessGroupRequest") => 200 Json("AccessGroupResponse");
    AccessGroupDelete: Delete "/access-groups/{id}" [] NoBody => 204 Empty;
    AccessGroupSourceAdd: Post "/access-groups/{id}/source" [] JsonBody("AccessItemSourceRequest") => 200 Json("AccessGroupResponse");
    AccessGroupSourceRemove: Delete "/access-groups/{id}/source" [req("type"), opt("parentId"), opt("childId")] NoBody => 200 Json("AccessGroupResponse");
    AccessGroupDestinationAdd: Post "/access-groups/{id}/destination" [] JsonBody("AccessItemDestinationRequest") => 200 Json("AccessGroupResponse");
    AccessGroupDestinationRemove: Delete "/access-groups/{id}/destination" [req("type"), opt("parentId"), opt("childId")] NoBody => 200 Json("AccessGroupResponse");
    LocationContextList: Get "/location-contexts" [opt("page"), opt("size")] NoBody => 200 Json("PageLocationContextResponse");
    LocationContextCreate: Post "/location-contexts" [] JsonBody("LocationContextRequest") => 200 Json("LocationContextResponse");
    LocationContextGet: Get "/location-contexts/{id}" [] NoBody => 200 Json("LocationContextResponse");
    LocationContextUpdate: Put "/location-contexts/{id}" [] JsonBody("LocationContextRequest") => 200 Json("LocationContextResponse");
    LocationContextDelete: Delete "/location-contexts/{id}" [] NoBody => 200 Empty;
    DnsRecordList: Get "/dns-records" [opt("page"), opt("size")] NoBody => 200 Json("PageDnsRecordResponse");
    DnsRecordCreate: Post "/dns-records" [] JsonBody("DnsRecordRequest") => 201 Json("DnsRecordResponse");
    DnsRecordGet: Get "/dns-records/{id}" [] NoBody => 200 Json("DnsRecordResponse");
    DnsRecordUpdate: Put "/dns-records/{id}" [] JsonBody("DnsRecordRequest") => 200 Json("DnsRecordResponse");
    DnsRecordDelete: Delete "/dns-records/{id}" [] NoBody => 204 Empty;
    SessionList: Get "/sessions" [opt("startDate"), opt("endDate"), opt("status"), opt("returnOnlyNew"), req("size"), opt("cursor")] NoBody => 200 Json("SessionsResponse");
    AuditLogList: Get "/audit-log" [opt("startDate"), opt("endDate"), req("size"), opt("initiatorId"), opt("cursor")] NoBody => 200 Json("AuditLogsResponse");
    DnsLogList: Get "/dns-log/user-dns-resolutions/page" [req("startHour"), opt("hoursBack"), opt("page"), opt("size")] NoBody => 200 Json("PageDnsResolution");
    DnsLogEnable: Put "/dns-log/user-dns-resolutions/enable" [] NoBody => 200 Empty;
    DnsLogDisable: Put "/dns-log/user-dns-resolutions/disable" [] NoBody => 200 Empty;
    DnsLogEnabled: Get "/dns-log/user-dns-resolutions/enabled" [] NoBody => 200 Json("boolean");
    AccessVisibilityEnable: Put "/access-visibility/enable" [] NoBody => 200 Empty;
    AccessVisibilityDisable: Put "/access-visibility/disable" [] NoBody => 200 Empty;
    AccessVisibilityEnabled: Get "/access-visibility/enabled" [] NoBody => 200 Json("boolean");
    RegionList: Get "/regions" [] NoBody => 200 Json("array of VpnRegionResponse");
    AccountCloudId: Post "/account/cloud-id" [req("id")] NoBody => 200 SecretJson("AuthCredentials");
    AllowListAddDomains: Post "/cybershield/allow-list-add-domains" [] JsonBody("AddDomainsRequest") => 200 Empty;
    AllowListRemoveDomains: Post "/cybershield/allow-list-remove-domains" [] JsonBody("RemoveDomainsRequest") => 200 Empty;
    BlockListAddDomains: Post "/cybershield/block-list-add-domains" [] JsonBody("AddDomainsRequest") => 200 Empty;
    BlockListRemoveDomains: Post "/cybershield/block-list-remove-domains" [] JsonBody("RemoveDomainsRequest") => 200 Empty;
    SettingWpcTopologyGet: Get "/settings/wpc/topology" [] NoBody => 200 Text;
    SettingWpcTopologySet: Put "/settings/wpc/topology" [] TextBody => 200 Text;
    SettingWpcSubnetGet: Get "/settings/wpc/subnet" [] NoBody => 200 Json("Subnet");
    SettingWpcSubnetSet: Put "/settings/wpc/subnet" [] JsonBody("Subnet") => 200 Json("Subnet");
    SettingWpcSnatGet: Get "/settings/wpc/snat" [] NoBody => 200 Json("boolean");
    SettingWpcSnatSet: Put "/settings/wpc/snat" [] JsonBody("boolean") => 200 Json("boolean");
    SettingWpcRoutesAdvancedConfigurationEnabledGet: Get "/settings/wpc/routes-advanced-configuration-enabled" [] NoBody => 200 Json("boolean");
    SettingWpcRoutesAdvancedConfigurationEnabledSet: Put "/settings/wpc/routes-advanced-configuration-enabled" [] JsonBody("boolean") => 200 Json("boolean");
    SettingWpcIpAllocationModeGet: Get "/settings/wpc/ip-allocation-mode" [] NoBody => 200 Text;
    SettingWpcIpAllocationModeSet: Put "/settings/wpc/ip-allocation-mode" [] TextBody => 200 Text;
    SettingWpcDomainRoutingSubnetGet: Get "/settings/wpc/domain-routing-subnet" [] NoBody => 200 Json("DomainRoutingSubnet");
    SettingWpcDomainRoutingSubnetSet: Put "/settings/wpc/domain-routing-subnet" [] JsonBody("DomainRoutingSubnet") => 200 Json("DomainRoutingSubnet");
    SettingWpcDefaultRegionGet: Get "/settings/wpc/default-region" [] NoBody => 200 Text;
    SettingWpcDefaultRegionSet: Put "/settings/wpc/default-region" [] TextBody => 200 Text;
    SettingWpcClientOptionsGet: Get "/settings/wpc/client-options" [] NoBody => 200 Json("array of string");
    SettingWpcClientOptionsSet: Put "/settings/wpc/client-options" [] JsonBody("array of string") => 200 Json("array of string");
    SettingUsersConnectionTimeoutGet: Get "/settings/users/connection-timeout" [] NoBody => 200 Json("int32");
    SettingUsersConnectionTimeoutSet: Put "/settings/users/connection-timeout" [] JsonBody("int32") => 200 Json("int32");
    SettingUserProfileDistributionGet: Get "/settings/user/profile-distribution" [] NoBody => 200 Text;
    SettingUserProfileDistributionSet: Put "/settings/user/profile-distribution" [] TextBody => 200 Text;
    SettingUserDeviceEnforcementGet: Get "/settings/user/device-enforcement" [] NoBody => 200 Text;
    SettingUserDeviceEnforcementSet: Put "/settings/user/device-enforcement" [] TextBody => 200 Text;
    SettingUserDeviceAllowanceGet: Get "/settings/user/device-allowance" [] NoBody => 200 Json("int32");
    SettingUserDeviceAllowanceSet: Put "/settings/user/device-allowance" [] JsonBody("int32") => 200 Json("int32");
    SettingUserDeviceAllowanceForceUpdateGet: Get "/settings/user/device-allowance-force-update" [] NoBody => 200 Json("boolean");
    SettingUserDeviceAllowanceForceUpdateSet: Put "/settings/user/device-allowance-force-update" [] JsonBody("boolean") => 200 Json("boolean");
    SettingUserConnectAuthGet: Get "/settings/user/connect-auth" [] NoBody => 200 Text;
    SettingUserConnectAuthSet: Put "/settings/user/connect-auth" [] TextBody => 200 Text;
    SettingDnsZonesGet: Get "/settings/dns/zones" [] NoBody => 200 Json("DnsZones");
    SettingDnsZonesSet: Put "/settings/dns/zones" [] JsonBody("DnsZones") => 200 Json("DnsZones");
    SettingDnsProxyEnabledGet: Get "/settings/dns/proxy-enabled" [] NoBody => 200 Json("boolean");
    SettingDnsProxyEnabledSet: Put "/settings/dns/proxy-enabled" [] JsonBody("boolean") => 200 Json("boolean");
    SettingDnsDefaultSuffixGet: Get "/settings/dns/default-suffix" [] NoBody => 200 Text;
    SettingDnsDefaultSuffixSet: Put "/settings/dns/default-suffix" [] TextBody => 200 Text;
    SettingDnsCustomServersGet: Get "/settings/dns/custom-servers" [] NoBody => 200 MaybeJson("DnsServerAddresses");
    SettingDnsCustomServersSet: Put "/settings/dns/custom-servers" [] JsonBody("DnsServerAddresses") => 200 MaybeJson("DnsServerAddresses");
    SettingAuthTwoFactorAuthGet: Get "/settings/auth/two-factor-auth" [] NoBody => 200 Json("boolean");
    SettingAuthTwoFactorAuthSet: Put "/settings/auth/two-factor-auth" [] JsonBody("boolean") => 200 Json("boolean");
    SettingAuthTrustedDevicesAllowedGet: Get "/settings/auth/trusted-devices-allowed" [] NoBody => 200 Json("boolean");
    SettingAuthTrustedDevicesAllowedSet: Put "/settings/auth/trusted-devices-allowed" [] JsonBody("boolean") => 200 Json("boolean");
    SettingAuthSamlGroupMappingsGet: Get "/settings/auth/saml/group-mappings" [] NoBody => 200 Json("GroupMappingResponse");
    SettingAuthLdapGroupMappingsGet: Get "/settings/auth/ldap/group-mappings" [] NoBody => 200 Json("GroupMappingResponse");
}

impl Endpoint {
    /// The rate-limit class (API section 2.3).
    pub const fn class(self) -> Class {
        match self.info().method {
            Method::Get => Class::Read,
            Method::Post | Method::Put | Method::Delete => Class::Update,
        }
    }

    /// The number of parameters in the path.
    pub fn path_params(self) -> usize {
        self.info().path.matches('{').count()
    }

    /// Whether the operation makes a new object: a 2xx must then hold an `id`.
    pub fn creates(self) -> bool {
        self.info().name.ends_with("Create")
    }

    /// The query parameter that names the parent of what a create makes, such as `networkId`.
    pub fn parent_param(self) -> Option<&'static str> {
        if !self.creates() {
            return None;
        }
        self.info().query.iter().find(|q| q.required).map(|q| q.name)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.info().method, self.info().path)
    }
}

/// A text that names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown endpoint `{0}`")]
pub struct UnknownEndpoint(pub String);

impl FromStr for Endpoint {
    type Err = UnknownEndpoint;

    /// Reads the form that `Display` writes: method, space, path template.
    fn from_str(text: &str) -> Result<Self, UnknownEndpoint> {
        let found = text.split_once(' ').and_then(|(method, path)| {
            Self::ALL.iter().copied().find(|e| e.info().method.as_str() == method && e.info().path == path)
        });
        found.ok_or_else(|| UnknownEndpoint(text.to_owned()))
    }
}

impl Serialize for Endpoint {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_has_the_counts_of_the_reference() {
        // API section 0.3; `{userId}` and `{id}` name the same place.
        assert_eq!(Endpoint::ALL.len(), 163);
        let paths: BTreeSet<_> =
            Endpoint::ALL.iter().map(|e| e.info().path.replace("{userId}", "{id}")).collect();
        assert_eq!(paths.len(), 90);
    }

    #[test]
    fn every_endpoint_survives_its_text() {
        for e in Endpoint::ALL {
            assert_eq!(e.to_string().parse(), Ok(*e));
        }
    }
}
