//! The tables of applications and IP services (spec sections 5.4 to 5.6).

use super::{
    Calls, Definition, Field, FieldType, Null, Required,
    tables::{description, field, name},
};
use crate::key::Compare;
use connexa_types::{Endpoint, Kind};

/// Named types of services, in the API's order (API section 6.9).
pub const SERVICE_TYPES: &[&str] = &[
    "ANY", "CUSTOM", "BGP", "DHCP", "DNS", "FTP", "HTTP", "HTTPS", "IMAP", "IMAPS", "NTP", "POP3", "POP3S",
    "SMTP", "SMTPS", "SNMP", "SSH", "TELNET", "TFTP",
];

/// Protocols of custom service types, in the order in which they are sent.
pub const PROTOCOLS: &[&str] = &["TCP", "UDP", "ICMP"];

const IP_SERVICE_TYPE: &[&str] = &["IP_SOURCE", "SERVICE_DESTINATION"];

const fn domains(exact_match: bool) -> Field {
    field("domains", "routes", FieldType::Domains { exact_match }).required(Required::Terraform)
}

const fn services() -> Field {
    field("services", "config", FieldType::Services).null(Null::EmptyList)
}

const NETWORK: &[&str] = &["network", "network_id", "networkId", "networkItemId", "network_item_id"];
const HOST: &[&str] = &["host", "host_id", "hostId", "networkItemId", "network_item_id"];
const RESPONSE_ONLY: &[&str] = &["networkItemId", "networkItemType"];

pub(super) const NETWORK_APPLICATION: Definition = Definition {
    kind: Kind::NetworkApplication,
    key_name: "name",
    key: Compare::Exact,
    fields: &[name(Compare::Exact, 40), description(), domains(true), services()],
    parent_names: NETWORK,
    nested_as: Some("applications"),
    carried_by_parent: false,
    response_only: RESPONSE_ONLY,
    calls: Some(Calls {
        list: Endpoint::NetworkApplicationList,
        create: Endpoint::NetworkApplicationCreate,
        update: Endpoint::NetworkApplicationUpdate,
        delete: Endpoint::NetworkApplicationDelete,
    }),
    parent_query: Some("networkId"),
    parent_query_always: false,
};

pub(super) const HOST_APPLICATION: Definition = Definition {
    kind: Kind::HostApplication,
    fields: &[name(Compare::Exact, 40), description(), domains(false), services()],
    parent_names: HOST,
    calls: Some(Calls {
        list: Endpoint::HostApplicationList,
        create: Endpoint::HostApplicationCreate,
        update: Endpoint::HostApplicationUpdate,
        delete: Endpoint::HostApplicationDelete,
    }),
    parent_query: Some("hostId"),
    ..NETWORK_APPLICATION
};

pub(super) const NETWORK_IP_SERVICE: Definition = Definition {
    kind: Kind::NetworkIpService,
    key_name: "name",
    key: Compare::Exact,
    fields: &[
        name(Compare::Exact, 120),
        description().length(1, 255),
        field("type", "type", FieldType::Enum(IP_SERVICE_TYPE)).required(Required::Terraform),
        field("routes", "routes", FieldType::Subnets).null(Null::EmptyList),
        services(),
    ],
    parent_names: NETWORK,
    nested_as: Some("ip_services"),
    carried_by_parent: false,
    response_only: RESPONSE_ONLY,
    calls: Some(Calls {
        list: Endpoint::NetworkIpServiceList,
        create: Endpoint::NetworkIpServiceCreate,
        update: Endpoint::NetworkIpServiceUpdate,
        delete: Endpoint::NetworkIpServiceDelete,
    }),
    parent_query: Some("networkId"),
    parent_query_always: false,
};

pub(super) const HOST_IP_SERVICE: Definition = Definition {
    kind: Kind::HostIpService,
    fields: &[name(Compare::Exact, 120), description().length(1, 255), services()],
    parent_names: HOST,
    calls: Some(Calls {
        list: Endpoint::HostIpServiceList,
        create: Endpoint::HostIpServiceCreate,
        update: Endpoint::HostIpServiceUpdate,
        delete: Endpoint::HostIpServiceDelete,
    }),
    parent_query: Some("hostId"),
    ..NETWORK_IP_SERVICE
};
