//! The tenant's settings.

use super::operations;
use connexa_types::{
    id::RegionId,
    schema::{
        ConnectAuth, DeviceEnforcement, DnsServerAddresses, DnsZones, DomainRoutingSubnet,
        GroupMappingResponse, IpAllocationMode, ProfileDistribution, Subnet, Topology,
    },
};

operations! {
    /// Settings (API section 5.20), each named by its path.
    mod settings {
        /// Reads how the tenant's members reach each other.
        wpc_topology() -> text Topology = SettingWpcTopologyGet;
        /// Sets how the tenant's members reach each other.
        set_wpc_topology(text value: &Topology) -> text Topology = SettingWpcTopologySet;
        /// Reads the tenant's address ranges.
        wpc_subnet() -> json Subnet = SettingWpcSubnetGet;
        /// Sets the tenant's address ranges.
        set_wpc_subnet(body value: &Subnet) -> json Subnet = SettingWpcSubnetSet;
        /// Reads whether source addresses are translated.
        wpc_snat() -> json bool = SettingWpcSnatGet;
        /// Sets whether source addresses are translated.
        set_wpc_snat(body value: bool) -> json bool = SettingWpcSnatSet;
        /// Reads whether routes may be configured in the advanced way.
        wpc_routes_advanced_configuration_enabled()
            -> json bool = SettingWpcRoutesAdvancedConfigurationEnabledGet;
        /// Sets whether routes may be configured in the advanced way.
        set_wpc_routes_advanced_configuration_enabled(body value: bool)
            -> json bool = SettingWpcRoutesAdvancedConfigurationEnabledSet;
        /// Reads which families of addresses are handed out.
        wpc_ip_allocation_mode() -> text IpAllocationMode = SettingWpcIpAllocationModeGet;
        /// Sets which families of addresses are handed out.
        set_wpc_ip_allocation_mode(text value: &IpAllocationMode)
            -> text IpAllocationMode = SettingWpcIpAllocationModeSet;
        /// Reads the address ranges that domains are mapped into.
        wpc_domain_routing_subnet() -> json DomainRoutingSubnet = SettingWpcDomainRoutingSubnetGet;
        /// Sets the address ranges that domains are mapped into.
        set_wpc_domain_routing_subnet(body value: &DomainRoutingSubnet)
            -> json DomainRoutingSubnet = SettingWpcDomainRoutingSubnetSet;
        /// Reads the default region.
        wpc_default_region() -> text RegionId = SettingWpcDefaultRegionGet;
        /// Sets the default region.
        set_wpc_default_region(text value: &RegionId) -> text RegionId = SettingWpcDefaultRegionSet;
        /// Reads the options pushed to clients.
        wpc_client_options() -> json Vec<String> = SettingWpcClientOptionsGet;
        /// Sets the options pushed to clients.
        set_wpc_client_options(body value: &[String]) -> json Vec<String> = SettingWpcClientOptionsSet;
        /// Reads the connection timeout.
        users_connection_timeout() -> json i32 = SettingUsersConnectionTimeoutGet;
        /// Sets the connection timeout.
        set_users_connection_timeout(body value: i32) -> json i32 = SettingUsersConnectionTimeoutSet;
        /// Reads how profiles reach users.
        user_profile_distribution() -> text ProfileDistribution = SettingUserProfileDistributionGet;
        /// Sets how profiles reach users.
        set_user_profile_distribution(text value: &ProfileDistribution)
            -> text ProfileDistribution = SettingUserProfileDistributionSet;
        /// Reads whether unknown devices may connect.
        user_device_enforcement() -> text DeviceEnforcement = SettingUserDeviceEnforcementGet;
        /// Sets whether unknown devices may connect.
        set_user_device_enforcement(text value: &DeviceEnforcement)
            -> text DeviceEnforcement = SettingUserDeviceEnforcementSet;
        /// Reads how many devices a user may have.
        user_device_allowance() -> json i32 = SettingUserDeviceAllowanceGet;
        /// Sets how many devices a user may have.
        set_user_device_allowance(body value: i32) -> json i32 = SettingUserDeviceAllowanceSet;
        /// Reads whether the device allowance overrides that of users.
        user_device_allowance_force_update() -> json bool = SettingUserDeviceAllowanceForceUpdateGet;
        /// Sets whether the device allowance overrides that of users.
        set_user_device_allowance_force_update(body value: bool)
            -> json bool = SettingUserDeviceAllowanceForceUpdateSet;
        /// Reads when users authenticate.
        user_connect_auth() -> text ConnectAuth = SettingUserConnectAuthGet;
        /// Sets when users authenticate.
        set_user_connect_auth(text value: &ConnectAuth) -> text ConnectAuth = SettingUserConnectAuthSet;
        /// Reads the DNS zones, all at once.
        dns_zones() -> json DnsZones = SettingDnsZonesGet;
        /// Sets the DNS zones, all at once.
        set_dns_zones(body value: &DnsZones) -> json DnsZones = SettingDnsZonesSet;
        /// Reads whether the DNS proxy is on.
        dns_proxy_enabled() -> json bool = SettingDnsProxyEnabledGet;
        /// Sets whether the DNS proxy is on.
        set_dns_proxy_enabled(body value: bool) -> json bool = SettingDnsProxyEnabledSet;
        /// Reads the default DNS suffix.
        dns_default_suffix() -> text String = SettingDnsDefaultSuffixGet;
        /// Sets the default DNS suffix.
        set_dns_default_suffix(text value: &str) -> text String = SettingDnsDefaultSuffixSet;
        /// Reads the tenant's own DNS servers.
        dns_custom_servers() -> json Option<DnsServerAddresses> = SettingDnsCustomServersGet;
        /// Sets the tenant's own DNS servers.
        set_dns_custom_servers(body value: &DnsServerAddresses)
            -> json Option<DnsServerAddresses> = SettingDnsCustomServersSet;
        /// Reads whether two factors are asked for.
        auth_two_factor_auth() -> json bool = SettingAuthTwoFactorAuthGet;
        /// Sets whether two factors are asked for.
        set_auth_two_factor_auth(body value: bool) -> json bool = SettingAuthTwoFactorAuthSet;
        /// Reads whether devices may be trusted.
        auth_trusted_devices_allowed() -> json bool = SettingAuthTrustedDevicesAllowedGet;
        /// Sets whether devices may be trusted.
        set_auth_trusted_devices_allowed(body value: bool) -> json bool = SettingAuthTrustedDevicesAllowedSet;
        /// Reads how SAML groups become user groups.
        auth_saml_group_mappings() -> json GroupMappingResponse = SettingAuthSamlGroupMappingsGet;
        /// Reads how LDAP groups become user groups.
        auth_ldap_group_mappings() -> json GroupMappingResponse = SettingAuthLdapGroupMappingsGet;
    }
}
