//! Every named schema of API section 6 by its name, and what can be done with one whose type is known by name only.

use connexa_types::{AnswerShape, Endpoint, RequestShape, body, schema::*};
use serde_json::Value;
use std::{any::type_name, collections::BTreeSet};

/// Which way a schema goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Only in requests.
    Sent,
    /// Only in answers.
    Received,
    /// In both, under one name.
    Shared,
    /// In answers of errors, which nothing is sent back from.
    Error,
    /// In answers that are credentials.
    Credentials,
}

/// A schema by name.
pub(crate) struct Schema {
    pub(crate) name: &'static str,
    pub(crate) way: Way,
    /// Reads a body and writes it again.
    pub(crate) rewrite: fn(&[u8]) -> Result<Value, serde_json::Error>,
    /// The number of fields that the type knows, where it has a default value to count them on.
    pub(crate) fields: fn() -> Option<usize>,
}

fn rewrite<T: serde::Serialize + serde::de::DeserializeOwned>(
    bytes: &[u8],
) -> Result<Value, serde_json::Error> {
    let read: T = serde_json::from_slice(bytes)?;
    let written = body::write(&read).expect("what was read can be written");
    assert_eq!(
        body::to_value(&read).expect("as above"),
        serde_json::from_slice::<Value>(&written).expect("as above")
    );
    serde_json::from_slice(&written)
}

/// Counts the fields in the pretty form of the default value, one a line.
fn count<T: Default + std::fmt::Debug>() -> usize {
    let pretty = format!("{:#?}", T::default());
    let field = |line: &&str| line.starts_with("    ") && !line.starts_with("     ");
    pretty
        .lines()
        .filter(field)
        .filter(|line| line.contains(": ") && !line.trim().starts_with("unknown:"))
        .count()
}

macro_rules! schemas {
    ($($way:ident { $($name:ident)* })*) => {
        &[$($(Schema {
            name: stringify!($name),
            way: Way::$way,
            rewrite: rewrite::<$name>,
            fields: || schemas!(@count $way $name),
        },)*)*]
    };
    (@count Credentials OAuthResponse) => { None };
    (@count Page $name:ident) => { None };
    (@count $way:ident $name:ident) => { Some(count::<$name>()) };
}

/// The 99 schemas that are not pages.
pub(crate) const OBJECTS: &[Schema] = schemas! {
    Credentials { OAuthResponse AuthCredentials }
    Sent {
        NetworkCreateRequest NetworkUpdateRequest NetworkConnectorRequest IpSecConfigRequest NetworkRouteRequest
        NetworkApplicationRequest NetworkApplicationRouteRequest HostApplicationRequest HostApplicationRouteRequest
        NetworkIpServiceRequest ServiceRouteRequest HostIpServiceRequest ServiceConfigRequest CustomServiceTypeRequest
        HostCreateRequest HostUpdateRequest HostConnectorRequest UserCreateRequest UserUpdateRequest UserGroupRequest
        TunnelBypassRequest DeviceRequest DevicePostureRequest WindowsRequest MacOSRequest LinuxRequest AndroidRequest
        IOSRequest AccessGroupRequest AccessItemSourceRequest AccessItemDestinationRequest LocationContextRequest
        IpCheckRequest IpRequest CountryCheckRequest DefaultCheckRequest DnsRecordRequest AddDomainsRequest
        DomainAndComment RemoveDomainsRequest
    }
    Received {
        NetworkResponse NetworkConnectorResponse IpSecConfigResponse NetworkRouteResponse NetworkApplicationResponse
        NetworkDomainRouteResponse HostApplicationResponse HostDomainRouteResponse NetworkIpServiceResponse
        IpRouteResponse HostIpServiceResponse ServiceConfigResponse CustomServiceTypeResponse HostResponse
        HostConnectorResponse UserResponse GenericResponseVoid UserGroupResponse TunnelBypassResponse DeviceResponse
        PlatformResponse DevicePostureResponse WindowsResponse MacOSResponse LinuxResponse AndroidResponse IOSResponse
        AccessGroupResponse AccessItemSourceResponse AccessItemDestinationResponse LocationContextResponse
        IpCheckResponse IpResponse CountryCheckResponse DefaultCheckResponse DnsRecordResponse SessionsResponse
        SessionResponse AuditLogsResponse AuditLogResponse VpnRegionResponse GroupMappingResponse
        GroupMappingRecordResponse
    }
    Shared {
        IkeProtocol IkePhase IkeRekey IkeDeadPeerDetection RangeInteger VersionPolicy DiskEncryption Subnet
        DomainRoutingSubnet DnsZones DnsZone DnsServerAddresses
    }
    Error { ErrorResponse ErrorDetails }
};

macro_rules! pages {
    ($($name:ident)*) => {
        &[$(Schema { name: stringify!($name), way: Way::Received, rewrite: rewrite::<$name>, fields: || None }),*]
    };
}

/// The 16 pages.
pub(crate) const PAGES: &[Schema] = pages! {
    PageNetworkResponse PageNetworkRouteResponse PageNetworkIpServiceResponse PageNetworkConnectorResponse
    PageNetworkApplicationResponse PageHostResponse PageHostIpServiceResponse PageHostConnectorResponse
    PageHostApplicationResponse PageUserResponse PageUserGroupResponse PageDeviceResponse PageDevicePostureResponse
    PageAccessGroupResponse PageLocationContextResponse PageDnsRecordResponse
};

/// What the reference describes without a name.
pub(crate) const UNNAMED: &[Schema] = &[
    Schema {
        name: "DnsResolution",
        way: Way::Received,
        rewrite: rewrite::<DnsResolution>,
        fields: || Some(count::<DnsResolution>()),
    },
    Schema {
        name: "PageDnsResolution",
        way: Way::Received,
        rewrite: rewrite::<PageDnsResolution>,
        fields: || None,
    },
];

/// All schemas.
pub(crate) fn all() -> impl Iterator<Item = &'static Schema> {
    OBJECTS.iter().chain(PAGES).chain(UNNAMED)
}

/// The schema of a name.
pub(crate) fn find(name: &str) -> &'static Schema {
    all().find(|schema| schema.name == name).unwrap_or_else(|| panic!("no schema `{name}`"))
}

#[test]
fn all_115_schemas_of_the_reference_exist() {
    let names: BTreeSet<_> = OBJECTS.iter().chain(PAGES).map(|schema| schema.name).collect();
    assert_eq!((OBJECTS.len(), PAGES.len(), names.len()), (99, 16, 115));
    // A page is the page of the item that its name says.
    assert_eq!(
        type_name::<PageHostApplicationResponse>(),
        type_name::<connexa_types::Page<HostApplicationResponse>>()
    );
}

#[test]
fn every_schema_of_the_endpoint_table_exists() {
    let plain = ["boolean", "int32", "string"];
    for endpoint in Endpoint::ALL {
        let info = endpoint.info();
        let sent = match info.request {
            RequestShape::Json(name) => Some((name, [Way::Sent, Way::Shared].as_slice())),
            RequestShape::NoBody | RequestShape::TextBody => None,
        };
        let received = match info.answer {
            AnswerShape::Json(name) | AnswerShape::MaybeJson(name) => {
                Some((name, [Way::Received, Way::Shared].as_slice()))
            }
            AnswerShape::SecretJson(name) => Some((name, [Way::Credentials].as_slice())),
            AnswerShape::Empty | AnswerShape::Text | AnswerShape::SecretText => None,
        };
        for (name, ways) in sent.into_iter().chain(received) {
            let name = name.strip_prefix("array of ").unwrap_or(name);
            assert!(plain.contains(&name) || ways.contains(&find(name).way), "{endpoint}: {name}");
        }
    }
}
