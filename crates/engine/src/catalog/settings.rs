//! The table of settings (spec section 6). Each is one item: its key is the path, its one field the value.

use super::{
    Definition, Field, FieldType, Null, Required,
    tables::{CONNECT_AUTH, field},
};
use crate::key::Compare;
use connexa_types::{Endpoint, Kind};

/// One setting of the tenant.
#[derive(Debug)]
pub struct Setting {
    /// Its path in specs, such as `wpc.snat`.
    pub path: &'static str,
    /// Other paths that mean it.
    pub aliases: &'static [&'static str],
    /// Its value. The name is `value`; the answer to `get` as a whole is the live value.
    pub value: Field,
    /// The call that reads it.
    pub get: Endpoint,
    /// The call that sets it.
    pub set: SetCall,
}

/// How a setting is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetCall {
    /// A PUT of the value as JSON.
    Json(Endpoint),
    /// A PUT of the value as plain text.
    Text(Endpoint),
    /// One call for true, another for false, both without a body.
    Switch {
        /// For true.
        enable: Endpoint,
        /// For false.
        disable: Endpoint,
    },
}

/// A setting by its path, or an alias of it.
pub fn setting(path: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.path == path || setting.aliases.contains(&path))
}

/// Settings as a kind: what reads the tables finds key and value here, the rest in
/// [`SETTINGS`].
pub(super) const SETTING: Definition = Definition {
    kind: Kind::Setting,
    key_name: "key",
    key: Compare::Exact,
    fields: SETTING_FIELDS,
    parent_names: &[],
    nested_as: None,
    carried_by_parent: false,
    response_only: &[],
    calls: None,
    parent_query: None,
    parent_query_always: false,
};

const SETTING_FIELDS: &[Field] =
    &[field("key", "key", FieldType::Text(Compare::Exact)).required(Required::Format)];

const DOMAIN_FIELDS: &[Field] = &[
    field("domain", "domain", FieldType::Domain).required(Required::Format),
    field("comment", "comment", FieldType::Text(Compare::Exact)),
];

/// Domains on a Cyber Shield list: added and removed, never read.
const fn domains(kind: Kind) -> Definition {
    Definition { kind, key_name: "domain", key: Compare::Domain, fields: DOMAIN_FIELDS, ..SETTING }
}

pub(super) const ALLOW_DOMAIN: Definition = domains(Kind::AllowDomain);
pub(super) const BLOCK_DOMAIN: Definition = domains(Kind::BlockDomain);

const fn value(ty: FieldType) -> Field {
    field("value", "value", ty)
}

const SUBNET: &[Field] = &[
    field("ipv4", "ipV4Address", FieldType::Ipv4CidrSet),
    field("ipv6", "ipV6Address", FieldType::Ipv6CidrSet),
];

const DOMAIN_ROUTING_SUBNET: &[Field] =
    &[field("ipv4", "ipV4Address", FieldType::Ipv4Cidr), field("ipv6", "ipV6Address", FieldType::Ipv6Cidr)];

const CUSTOM_SERVERS: &[Field] =
    &[field("primary", "primaryIpV4", FieldType::Ipv4), field("secondary", "secondaryIpV4", FieldType::Ipv4)];

/// All settings, in the order of the table of spec section 6.
pub const SETTINGS: &[Setting] = &[
    Setting {
        path: "wpc.topology",
        aliases: &[],
        value: value(FieldType::Enum(&["FULL_MESH", "CUSTOM"])),
        get: Endpoint::SettingWpcTopologyGet,
        set: SetCall::Text(Endpoint::SettingWpcTopologySet),
    },
    Setting {
        path: "wpc.subnet",
        aliases: &[],
        value: value(FieldType::Object(SUBNET)),
        get: Endpoint::SettingWpcSubnetGet,
        set: SetCall::Json(Endpoint::SettingWpcSubnetSet),
    },
    Setting {
        path: "wpc.snat",
        aliases: &[],
        value: value(FieldType::Boolean),
        get: Endpoint::SettingWpcSnatGet,
        set: SetCall::Json(Endpoint::SettingWpcSnatSet),
    },
    Setting {
        path: "wpc.routes_advanced_configuration_enabled",
        aliases: &[],
        value: value(FieldType::Boolean),
        get: Endpoint::SettingWpcRoutesAdvancedConfigurationEnabledGet,
        set: SetCall::Json(Endpoint::SettingWpcRoutesAdvancedConfigurationEnabledSet),
    },
    Setting {
        path: "wpc.ip_allocation_mode",
        aliases: &[],
        value: value(FieldType::Enum(&["BOTH", "IP_V4_ONLY"])),
        get: Endpoint::SettingWpcIpAllocationModeGet,
        set: SetCall::Text(Endpoint::SettingWpcIpAllocationModeSet),
    },
    Setting {
        path: "wpc.domain_routing_subnet",
        aliases: &[],
        value: value(FieldType::Object(DOMAIN_ROUTING_SUBNET)),
        get: Endpoint::SettingWpcDomainRoutingSubnetGet,
        set: SetCall::Json(Endpoint::SettingWpcDomainRoutingSubnetSet),
    },
    Setting {
        path: "wpc.default_region",
        aliases: &[],
        value: value(FieldType::Region),
        get: Endpoint::SettingWpcDefaultRegionGet,
        set: SetCall::Text(Endpoint::SettingWpcDefaultRegionSet),
    },
    Setting {
        path: "wpc.client_options",
        aliases: &[],
        value: value(FieldType::TextList).null(Null::EmptyList),
        get: Endpoint::SettingWpcClientOptionsGet,
        set: SetCall::Json(Endpoint::SettingWpcClientOptionsSet),
    },
    Setting {
        path: "users.connection_timeout",
        aliases: &["user.connection_timeout"],
        value: value(FieldType::Integer(i32::MIN, i32::MAX)),
        get: Endpoint::SettingUsersConnectionTimeoutGet,
        set: SetCall::Json(Endpoint::SettingUsersConnectionTimeoutSet),
    },
    Setting {
        path: "user.device_allowance",
        aliases: &[],
        value: value(FieldType::Integer(i32::MIN, i32::MAX)),
        get: Endpoint::SettingUserDeviceAllowanceGet,
        set: SetCall::Json(Endpoint::SettingUserDeviceAllowanceSet),
    },
    Setting {
        path: "user.profile_distribution",
        aliases: &[],
        value: value(FieldType::Enum(&["AUTOMATIC", "MANUAL"])),
        get: Endpoint::SettingUserProfileDistributionGet,
        set: SetCall::Text(Endpoint::SettingUserProfileDistributionSet),
    },
    Setting {
        path: "user.device_enforcement",
        aliases: &[],
        value: value(FieldType::Enum(&["OFF", "LEARN_AND_ENFORCE", "ENFORCE"])),
        get: Endpoint::SettingUserDeviceEnforcementGet,
        set: SetCall::Text(Endpoint::SettingUserDeviceEnforcementSet),
    },
    Setting {
        path: "user.device_allowance_force_update",
        aliases: &[],
        value: value(FieldType::Boolean),
        get: Endpoint::SettingUserDeviceAllowanceForceUpdateGet,
        set: SetCall::Json(Endpoint::SettingUserDeviceAllowanceForceUpdateSet),
    },
    Setting {
        path: "user.connect_auth",
        aliases: &[],
        value: value(FieldType::Enum(CONNECT_AUTH)),
        get: Endpoint::SettingUserConnectAuthGet,
        set: SetCall::Text(Endpoint::SettingUserConnectAuthSet),
    },
    Setting {
        path: "dns.zones",
        aliases: &[],
        value: value(FieldType::Zones).null(Null::EmptyList),
        get: Endpoint::SettingDnsZonesGet,
        set: SetCall::Json(Endpoint::SettingDnsZonesSet),
    },
    Setting {
        path: "dns.proxy_enabled",
        aliases: &[],
        value: value(FieldType::Boolean),
        get: Endpoint::SettingDnsProxyEnabledGet,
        set: SetCall::Json(Endpoint::SettingDnsProxyEnabledSet),
    },
    Setting {
        path: "dns.default_suffix",
        aliases: &[],
        value: value(FieldType::Domain).null(Null::EmptyText),
        get: Endpoint::SettingDnsDefaultSuffixGet,
        set: SetCall::Text(Endpoint::SettingDnsDefaultSuffixSet),
    },
    Setting {
        path: "dns.custom_servers",
        aliases: &[],
        value: value(FieldType::Object(CUSTOM_SERVERS)).null(Null::Omit),
        get: Endpoint::SettingDnsCustomServersGet,
        set: SetCall::Json(Endpoint::SettingDnsCustomServersSet),
    },
    Setting {
        path: "auth.two_factor_auth",
        aliases: &[],
        value: value(FieldType::Boolean),
        get: Endpoint::SettingAuthTwoFactorAuthGet,
        set: SetCall::Json(Endpoint::SettingAuthTwoFactorAuthSet),
    },
    Setting {
        path: "auth.trusted_devices_allowed",
        aliases: &[],
        value: value(FieldType::Boolean),
        get: Endpoint::SettingAuthTrustedDevicesAllowedGet,
        set: SetCall::Json(Endpoint::SettingAuthTrustedDevicesAllowedSet),
    },
    Setting {
        path: "dns_log",
        aliases: &[],
        value: value(FieldType::Boolean),
        get: Endpoint::DnsLogEnabled,
        set: SetCall::Switch { enable: Endpoint::DnsLogEnable, disable: Endpoint::DnsLogDisable },
    },
    Setting {
        path: "access_visibility",
        aliases: &[],
        value: value(FieldType::Boolean),
        get: Endpoint::AccessVisibilityEnabled,
        set: SetCall::Switch {
            enable: Endpoint::AccessVisibilityEnable,
            disable: Endpoint::AccessVisibilityDisable,
        },
    },
];
