//! What the schemas look like, as data: for documents that are made from them, such as the emulator's.

use super::{AuthCredentials, DefaultGroup, ErrorDetails, ErrorResponse, OAuthResponse, VpnRegionResponse};
use crate::{Secret, id};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What a value looks like on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text,
    /// A text that is a secret.
    Secret,
    /// A boolean.
    Boolean,
    /// An integer of 32 bits.
    Integer32,
    /// An integer of 64 bits.
    Integer64,
    /// A boolean, or a text that says the same.
    BooleanOrText,
    /// Any JSON.
    Any,
    /// An object whose field names are values, all fields of one shape.
    MapOf(&'static Shape),
    /// One of the words of the named enum; the service may learn further ones.
    Words(&'static str, &'static [&'static str]),
    /// A list.
    List(&'static Shape),
    /// An object of a schema.
    Object(&'static ObjectShape),
}

/// The fields of a schema.
#[derive(Debug, PartialEq, Eq)]
pub struct ObjectShape {
    /// The reference's name of it.
    pub name: &'static str,
    /// What is said of it, line by line.
    pub about: &'static [&'static str],
    /// Its known fields.
    pub fields: &'static [FieldShape],
}

/// A field of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldShape {
    /// Its name here.
    pub(super) field: &'static str,
    /// Its name on the wire, where that is not the camel case of its name here.
    pub(super) renamed: Option<&'static str>,
    /// What is said of it, line by line.
    pub about: &'static [&'static str],
    /// Whether no useful request can lack it. Never set of what is received: any answer may lack any field.
    pub required: bool,
    /// What its value looks like.
    pub shape: Shape,
}

impl FieldShape {
    /// The field's name on the wire.
    pub fn name(&self) -> Cow<'static, str> {
        if let Some(name) = self.renamed {
            return name.into();
        }
        let mut words = self.field.trim_start_matches("r#").split('_');
        let mut name = words.next().unwrap_or_default().to_owned();
        for word in words {
            let (first, rest) = word.split_at(word.len().min(1));
            name += &first.to_ascii_uppercase();
            name += rest;
        }
        name.into()
    }
}

/// A type whose values have one shape.
pub(crate) trait Described {
    /// The shape.
    const SHAPE: Shape;
    /// Whether a value may be absent.
    const OPTIONAL: bool = false;
}

impl<T: Described> Described for Option<T> {
    const SHAPE: Shape = T::SHAPE;
    const OPTIONAL: bool = true;
}

impl<T: Described> Described for Vec<T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE);
}

macro_rules! plain {
    ($($type:ty: $shape:ident),* $(,)?) => {$(
        impl Described for $type {
            const SHAPE: Shape = Shape::$shape;
        }
    )*};
}

plain! {
    String: Text,
    Secret: Secret,
    bool: Boolean,
    i32: Integer32,
    i64: Integer64,
    Value: Any,
    DefaultGroup: BooleanOrText,
    id::ResourceId: Text,
    id::NetworkId: Text,
    id::NetworkConnectorId: Text,
    id::NetworkRouteId: Text,
    id::NetworkApplicationId: Text,
    id::NetworkIpServiceId: Text,
    id::HostId: Text,
    id::HostConnectorId: Text,
    id::HostApplicationId: Text,
    id::HostIpServiceId: Text,
    id::NetworkItemId: Text,
    id::UserId: Text,
    id::UserGroupId: Text,
    id::DeviceId: Text,
    id::DevicePostureId: Text,
    id::AccessGroupId: Text,
    id::LocationContextId: Text,
    id::DnsRecordId: Text,
    id::SessionId: Text,
    id::AuditLogId: Text,
    id::ServiceRouteId: Text,
    id::RegionId: Text,
}

impl Described for Map<String, Value> {
    const SHAPE: Shape = Shape::MapOf(&Shape::Any);
}

/// A field of a schema whose type has fields of its own making.
const fn field(name: &'static str, about: &'static [&'static str], shape: Shape) -> FieldShape {
    FieldShape { field: name, renamed: Some(name), about, required: false, shape }
}

impl Described for OAuthResponse {
    const SHAPE: Shape = Shape::Object(&ObjectShape {
        name: "OAuthResponse",
        about: &["`OAuthResponse`: a token and how long it lasts (API section 1.3)."],
        fields: &[
            field("access_token", &["The token; opaque."], Shape::Secret),
            field("token_type", &["`bearer`."], Shape::Text),
            field("expires_in", &["Lifetime in seconds."], Shape::Integer32),
            field("scope", &["Such as `read write`."], Shape::Text),
        ],
    });
}

impl Described for AuthCredentials {
    const SHAPE: Shape = Shape::Object(&ObjectShape {
        name: "AuthCredentials",
        about: &[
            "`AuthCredentials`: the API key of a new Cloud ID; its fields are assumed (API section 6.25).",
        ],
        fields: &[
            field("clientId", &["Client id."], Shape::Text),
            field("clientSecret", &["Client secret."], Shape::Secret),
        ],
    });
}

impl Described for ErrorResponse {
    const SHAPE: Shape = Shape::Object(&ObjectShape {
        name: "ErrorResponse",
        about: &["`ErrorResponse`: what is wrong with a request (API section 3.2)."],
        fields: &[
            field(
                "errorDetails",
                &["Field or parameter → what is wrong with it."],
                Shape::MapOf(&Shape::List(&ErrorDetails::SHAPE)),
            ),
            field("errorMessage", &["Overall text."], Shape::Text),
            field("statusError", &["Reason phrase, such as `Bad Request`."], Shape::Text),
        ],
    });
}

impl Described for ErrorDetails {
    const SHAPE: Shape = Shape::Object(&ObjectShape {
        name: "ErrorDetails",
        about: &["`ErrorDetails`: one complaint about one field (API section 3.2)."],
        fields: &[
            field("errorCode", &["Three numbers joined by hyphens, such as `0-10-25`."], Shape::Text),
            field("message", &["Text; may hold placeholders such as `{min}`."], Shape::Text),
            field("params", &["Values for the placeholders."], Shape::MapOf(&Shape::Any)),
        ],
    });
}

macro_rules! shapes {
    (schemas { $($name:ident)* } pages { $($page:ident: $item:ident)* }) => {
        /// Returns the shape of a schema of the reference, of a page, or of a bare value as the table of
        /// [`Endpoint`](crate::Endpoint) names it (`boolean`, `int32`, `array of string`, `array of VpnRegionResponse`);
        /// `None` for any other name.
        pub fn shape(name: &str) -> Option<Shape> {
            match name {
                $(stringify!($name) => Some(super::$name::SHAPE),)*
                $(stringify!($page) => Some(const { Shape::Object(&ObjectShape {
                    name: stringify!($page),
                    about: &["A page of a list (API section 4.1)."],
                    fields: &[
                        field("content", &["The items of this page."], Shape::List(&super::$item::SHAPE)),
                        field("totalElements", &["All items of the list."], Shape::Integer32),
                        field("totalPages", &["⌈all items / size⌉; 0 for an empty list."], Shape::Integer32),
                        field("numberOfElements", &["Items in this page."], Shape::Integer32),
                        field("page", &["Number of this page, from 0."], Shape::Integer32),
                        field("size", &["Asked-for page size."], Shape::Integer32),
                    ],
                }) }),)*
                "string" => Some(Shape::Text),
                "boolean" => Some(Shape::Boolean),
                "int32" => Some(Shape::Integer32),
                "array of string" => Some(Vec::<String>::SHAPE),
                "array of VpnRegionResponse" => Some(Vec::<VpnRegionResponse>::SHAPE),
                _ => None,
            }
        }
    };
}

shapes! {
    schemas {
        OAuthResponse AuthCredentials ErrorResponse ErrorDetails
        NetworkCreateRequest NetworkUpdateRequest NetworkResponse NetworkConnectorRequest NetworkConnectorResponse
        IpSecConfigRequest IpSecConfigResponse IkeProtocol IkePhase IkeRekey IkeDeadPeerDetection
        NetworkRouteRequest NetworkRouteResponse NetworkApplicationRequest NetworkApplicationResponse
        NetworkApplicationRouteRequest NetworkDomainRouteResponse HostApplicationRequest HostApplicationResponse
        HostApplicationRouteRequest HostDomainRouteResponse NetworkIpServiceRequest NetworkIpServiceResponse
        ServiceRouteRequest IpRouteResponse HostIpServiceRequest HostIpServiceResponse ServiceConfigRequest
        ServiceConfigResponse CustomServiceTypeRequest CustomServiceTypeResponse RangeInteger
        HostCreateRequest HostUpdateRequest HostResponse HostConnectorRequest HostConnectorResponse
        UserCreateRequest UserUpdateRequest UserResponse GenericResponseVoid UserGroupRequest UserGroupResponse
        TunnelBypassRequest TunnelBypassResponse DeviceRequest DeviceResponse PlatformResponse
        DevicePostureRequest DevicePostureResponse WindowsRequest WindowsResponse MacOSRequest MacOSResponse
        LinuxRequest LinuxResponse AndroidRequest AndroidResponse IOSRequest IOSResponse VersionPolicy DiskEncryption
        AccessGroupRequest AccessGroupResponse AccessItemSourceRequest AccessItemSourceResponse
        AccessItemDestinationRequest AccessItemDestinationResponse LocationContextRequest LocationContextResponse
        IpCheckRequest IpCheckResponse IpRequest IpResponse CountryCheckRequest CountryCheckResponse
        DefaultCheckRequest DefaultCheckResponse DnsRecordRequest DnsRecordResponse
        SessionsResponse SessionResponse AuditLogsResponse AuditLogResponse DnsResolution VpnRegionResponse
        AddDomainsRequest DomainAndComment RemoveDomainsRequest
        Subnet DomainRoutingSubnet DnsZones DnsZone DnsServerAddresses GroupMappingResponse GroupMappingRecordResponse
    }
    pages {
        PageNetworkResponse: NetworkResponse
        PageNetworkRouteResponse: NetworkRouteResponse
        PageNetworkIpServiceResponse: NetworkIpServiceResponse
        PageNetworkConnectorResponse: NetworkConnectorResponse
        PageNetworkApplicationResponse: NetworkApplicationResponse
        PageHostResponse: HostResponse
        PageHostIpServiceResponse: HostIpServiceResponse
        PageHostConnectorResponse: HostConnectorResponse
        PageHostApplicationResponse: HostApplicationResponse
        PageUserResponse: UserResponse
        PageUserGroupResponse: UserGroupResponse
        PageDeviceResponse: DeviceResponse
        PageDevicePostureResponse: DevicePostureResponse
        PageAccessGroupResponse: AccessGroupResponse
        PageLocationContextResponse: LocationContextResponse
        PageDnsRecordResponse: DnsRecordResponse
        PageDnsResolution: DnsResolution
    }
}
