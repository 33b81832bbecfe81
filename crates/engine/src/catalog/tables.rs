//! The tables of spec section 5, for the kinds that this version plans.

use super::{
    Calls, Definition, Field, FieldType, Null, Required,
    policies::{ACCESS_GROUP, DEVICE_POSTURE, LOCATION_CONTEXT},
    services::{HOST_APPLICATION, HOST_IP_SERVICE, NETWORK_APPLICATION, NETWORK_IP_SERVICE},
    settings::{ALLOW_DOMAIN, BLOCK_DOMAIN, SETTING},
};
use crate::key::Compare;
use connexa_types::{Endpoint, Kind};

const INTERNET_ACCESS: &[&str] = &["SPLIT_TUNNEL_ON", "SPLIT_TUNNEL_OFF", "RESTRICTED_INTERNET"];
const TUNNELING_PROTOCOL: &[&str] = &["OPENVPN", "IPSEC"];
pub(super) const CONNECT_AUTH: &[&str] = &["NO_AUTH", "ON_PRIOR_AUTH", "EVERY_TIME"];

/// Names of the beta API that are no values any more: set of values, old name, new name (API section 6.27).
pub const BETA_NAMES: &[(&[&str], &str, &str)] = &[
    (INTERNET_ACCESS, "LOCAL", "SPLIT_TUNNEL_ON"),
    (INTERNET_ACCESS, "GLOBAL_INTERNET", "SPLIT_TUNNEL_OFF"),
    (INTERNET_ACCESS, "BLOCKED", "RESTRICTED_INTERNET"),
    (CONNECT_AUTH, "AUTO", "NO_AUTH"),
    (CONNECT_AUTH, "AUTH", "ON_PRIOR_AUTH"),
    (CONNECT_AUTH, "STRICT_AUTH", "EVERY_TIME"),
];

/// A field whose request and response names are the same, optional, not clearable; the builder methods change that.
pub(super) const fn field(name: &'static str, api: &'static str, ty: FieldType) -> Field {
    Field {
        name,
        request: api,
        response: api,
        ty,
        required: Required::No,
        fixed: false,
        create_only: false,
        null: Null::Forbidden,
        default: None,
        length: None,
        volatile: false,
        always_sent: false,
        shorthand: None,
    }
}

impl Field {
    pub(super) const fn response(mut self, name: &'static str) -> Self {
        self.response = name;
        self
    }
    pub(super) const fn required(mut self, required: Required) -> Self {
        self.required = required;
        self
    }
    pub(super) const fn fixed(mut self) -> Self {
        self.fixed = true;
        self
    }
    pub(super) const fn create_only(mut self) -> Self {
        self.create_only = true;
        self
    }
    pub(super) const fn null(mut self, null: Null) -> Self {
        self.null = null;
        self
    }
    pub(super) const fn default(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self
    }
    pub(super) const fn length(mut self, least: u32, most: u32) -> Self {
        self.length = Some((least, most));
        self
    }
    pub(super) const fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }
    pub(super) const fn always_sent(mut self) -> Self {
        self.always_sent = true;
        self
    }
    pub(super) const fn shorthand(mut self, leaf: &'static str) -> Self {
        self.shorthand = Some(leaf);
        self
    }
}

pub(super) const fn name(compare: Compare, most: u32) -> Field {
    field("name", "name", FieldType::Text(compare)).required(Required::Format).length(1, most)
}

pub(super) const fn description() -> Field {
    field("description", "description", FieldType::Text(Compare::Exact)).null(Null::Omit).length(1, 120)
}

pub(super) const fn internet_access() -> Field {
    field("internet_access", "internetAccess", FieldType::Enum(INTERNET_ACCESS))
        .default("\"SPLIT_TUNNEL_ON\"")
}

pub(super) const fn user_groups() -> Field {
    field("user_groups", "userGroupsIds", FieldType::References(Kind::UserGroup)).null(Null::EmptyList)
}

pub(super) const fn gateways() -> Field {
    field("gateways", "gatewaysIds", FieldType::References(Kind::Network)).null(Null::EmptyList)
}

pub(super) const fn region() -> Field {
    field("region", "vpnRegionId", FieldType::Region).required(Required::Terraform)
}

const PHASE: &[Field] = &[
    field(
        "encryption_algorithms",
        "encryptionAlgorithms",
        FieldType::EnumSet(&["AES128", "AES256", "AES128_GCM_16", "AES256_GCM_16"]),
    ),
    field(
        "integrity_algorithms",
        "integrityAlgorithms",
        FieldType::EnumSet(&["SHA1", "SHA2_256", "SHA2_384", "SHA2_512"]),
    ),
    field(
        "diffie_hellman_groups",
        "diffieHellmanGroups",
        FieldType::EnumSet(&["G_1", "G_2", "G_5", "G_14", "G_15", "G_16", "G_19", "G_20", "G_24"]),
    ),
    field("lifetime_sec", "lifetimeSec", FieldType::Integer(i32::MIN, i32::MAX)),
];

const REKEY: &[Field] = &[
    field("margin_time_sec", "marginTimeSec", FieldType::Integer(i32::MIN, i32::MAX)),
    field("fuzz_percent", "fuzzPercent", FieldType::Integer(i32::MIN, i32::MAX)),
    field("replay_window_size", "replayWindowSize", FieldType::Integer(i32::MIN, i32::MAX)),
];

const DEAD_PEER_DETECTION: &[Field] = &[
    field("timeout_sec", "timeoutSec", FieldType::Integer(i32::MIN, i32::MAX)),
    field("dead_peer_handling", "deadPeerHandling", FieldType::Enum(&["RESTART", "NONE"])),
];

const IKE_PROTOCOL: &[Field] = &[
    field("protocol_version", "protocolVersion", FieldType::Enum(&["IKE_V1", "IKE_V2"]))
        .required(Required::Terraform),
    field("phase1", "phase1", FieldType::Object(PHASE)).required(Required::Terraform),
    field("phase2", "phase2", FieldType::Object(PHASE)).required(Required::Terraform),
    field("rekey", "rekey", FieldType::Object(REKEY)).required(Required::Terraform),
    field("dead_peer_detection", "deadPeerDetection", FieldType::Object(DEAD_PEER_DETECTION))
        .null(Null::Omit),
    field("startup_action", "startupAction", FieldType::Enum(&["START", "ATTACH"]))
        .required(Required::Terraform),
    field("auto_initiate", "autoInitiate", FieldType::Boolean).null(Null::Omit),
];

const IPSEC: &[Field] = &[
    field("platform", "platform", FieldType::Enum(&["AWS", "CISCO", "AZURE", "GCP", "OTHER"]))
        .required(Required::Terraform),
    field("authentication_type", "authenticationType", FieldType::Enum(&["SHARED_SECRET", "CERTIFICATE"]))
        .required(Required::Terraform),
    field("remote_site_public_ip", "remoteSitePublicIp", FieldType::Ip).required(Required::Terraform),
    field("pre_shared_key", "preSharedKey", FieldType::Secret),
    field("hostname", "hostname", FieldType::Text(Compare::Exact)).null(Null::Omit),
    field("domain", "domain", FieldType::Text(Compare::Exact)).null(Null::Omit),
    field("ca_certificate", "caCertificate", FieldType::Certificate).null(Null::Omit),
    field("peer_certificate", "peerCertificate", FieldType::Certificate).null(Null::Omit),
    field("remote_gateway_certificate", "remoteGatewayCertificate", FieldType::Certificate).null(Null::Omit),
    field("peer_certificate_private_key", "peerCertificatePrivateKey", FieldType::Secret).null(Null::Omit),
    field("peer_certificate_key_passphrase", "peerCertificateKeyPassphrase", FieldType::Secret)
        .null(Null::Omit),
    field("ike_protocol", "ikeProtocol", FieldType::Object(IKE_PROTOCOL)).required(Required::Terraform),
];

/// The kinds that this version plans, in the order of kinds.
pub const DEFINITIONS: &[Definition] = &[
    Definition {
        kind: Kind::Network,
        key_name: "name",
        key: Compare::Folded,
        fields: &[
            name(Compare::Exact, 120),
            description(),
            internet_access(),
            gateways(),
            field("egress", "egress", FieldType::Boolean).default("true"),
            field("tunneling_protocol", "tunnelingProtocol", FieldType::Enum(TUNNELING_PROTOCOL))
                .default("\"OPENVPN\""),
        ],
        parent_names: &[],
        nested_as: None,
        carried_by_parent: false,
        response_only: &["systemSubnets"],
        calls: Some(Calls {
            list: Endpoint::NetworkList,
            create: Endpoint::NetworkCreate,
            update: Endpoint::NetworkUpdate,
            delete: Endpoint::NetworkDelete,
        }),
        parent_query: None,
        parent_query_always: false,
    },
    Definition {
        kind: Kind::Host,
        key_name: "name",
        key: Compare::Folded,
        fields: &[
            name(Compare::Exact, 120),
            description(),
            internet_access(),
            gateways(),
            field("domain", "domain", FieldType::Domain).null(Null::Omit).length(1, 253),
        ],
        parent_names: &[],
        nested_as: None,
        carried_by_parent: false,
        response_only: &["systemSubnets"],
        calls: Some(Calls {
            list: Endpoint::HostList,
            create: Endpoint::HostCreate,
            update: Endpoint::HostUpdate,
            delete: Endpoint::HostDelete,
        }),
        parent_query: None,
        parent_query_always: false,
    },
    Definition {
        kind: Kind::NetworkConnector,
        key_name: "name",
        key: Compare::Exact,
        fields: &[
            name(Compare::Exact, 120),
            description(),
            region(),
            field("ipsec", "ipSecConfig", FieldType::Object(IPSEC)).null(Null::Replace),
        ],
        parent_names: &["network", "network_id", "networkId", "networkItemId", "network_item_id"],
        nested_as: Some("connectors"),
        carried_by_parent: true,
        response_only: &[
            "networkItemId",
            "networkItemType",
            "ipV4Address",
            "ipV6Address",
            "tunnelingProtocol",
            "connectionStatus",
            "licensed",
            "ipSecConfig/connectorState",
            "ipSecConfig/pairedAwsConnectorId",
            "ipSecConfig/serverId",
            "ipSecConfig/serverIp",
            "ipSecConfig/caCertificateFileName",
        ],
        calls: Some(Calls {
            list: Endpoint::NetworkConnectorList,
            create: Endpoint::NetworkConnectorCreate,
            update: Endpoint::NetworkConnectorUpdate,
            delete: Endpoint::NetworkConnectorDelete,
        }),
        parent_query: Some("networkId"),
        parent_query_always: false,
    },
    Definition {
        kind: Kind::HostConnector,
        key_name: "name",
        key: Compare::Exact,
        fields: &[name(Compare::Exact, 120), description(), region()],
        parent_names: &["host", "host_id", "hostId", "networkItemId", "network_item_id"],
        nested_as: Some("connectors"),
        carried_by_parent: true,
        response_only: &[
            "networkItemId",
            "networkItemType",
            "ipV4Address",
            "ipV6Address",
            "connectionStatus",
            "licensed",
        ],
        calls: Some(Calls {
            list: Endpoint::HostConnectorList,
            create: Endpoint::HostConnectorCreate,
            update: Endpoint::HostConnectorUpdate,
            delete: Endpoint::HostConnectorDelete,
        }),
        parent_query: Some("hostId"),
        parent_query_always: false,
    },
    Definition {
        kind: Kind::NetworkRoute,
        key_name: "subnet",
        key: Compare::Cidr,
        fields: &[
            field("subnet", "value", FieldType::Cidr).response("subnet").required(Required::Format).fixed(),
            description(),
        ],
        parent_names: &["network", "network_id", "networkId", "networkItemId", "network_item_id"],
        nested_as: Some("routes"),
        carried_by_parent: true,
        response_only: &["type"],
        calls: Some(Calls {
            list: Endpoint::NetworkRouteList,
            create: Endpoint::NetworkRouteCreate,
            update: Endpoint::NetworkRouteUpdate,
            delete: Endpoint::NetworkRouteDelete,
        }),
        parent_query: Some("networkId"),
        parent_query_always: false,
    },
    NETWORK_APPLICATION,
    HOST_APPLICATION,
    NETWORK_IP_SERVICE,
    HOST_IP_SERVICE,
    Definition {
        kind: Kind::UserGroup,
        key_name: "name",
        key: Compare::Folded,
        fields: &[
            name(Compare::Exact, 40),
            internet_access(),
            gateways(),
            field("regions", "vpnRegionIds", FieldType::Regions).required(Required::Terraform),
            field("all_regions_included", "allRegionsIncluded", FieldType::Boolean),
            field("max_device", "maxDevice", FieldType::Integer(1, i32::MAX)).default("3"),
            field("connect_auth", "connectAuth", FieldType::Enum(CONNECT_AUTH)),
            field("tunnel_bypass", "tunnelBypass/ipv4Subnets", FieldType::Ipv4CidrSet).null(Null::EmptyList),
        ],
        parent_names: &[],
        nested_as: None,
        carried_by_parent: false,
        response_only: &["systemSubnets"],
        calls: Some(Calls {
            list: Endpoint::UserGroupList,
            create: Endpoint::UserGroupCreate,
            update: Endpoint::UserGroupUpdate,
            delete: Endpoint::UserGroupDelete,
        }),
        parent_query: None,
        parent_query_always: false,
    },
    Definition {
        kind: Kind::User,
        key_name: "username",
        key: Compare::Folded,
        fields: &[
            field("username", "username", FieldType::Text(Compare::Folded))
                .required(Required::Format)
                .fixed()
                .create_only()
                .length(1, 120),
            field("email", "email", FieldType::Text(Compare::Folded)).length(1, 120),
            field("first_name", "firstName", FieldType::Text(Compare::Exact)).length(1, 20),
            field("last_name", "lastName", FieldType::Text(Compare::Exact)).length(1, 20),
            field("group", "groupId", FieldType::Reference(Kind::UserGroup)).required(Required::Seen),
            field("secondary_groups", "secondaryGroupIds", FieldType::References(Kind::UserGroup))
                .null(Null::EmptyList),
            field("role", "role", FieldType::Enum(&["OWNER", "MEMBER", "ADMIN"])).default("\"MEMBER\""),
        ],
        parent_names: &[],
        nested_as: None,
        carried_by_parent: false,
        response_only: &["authType", "connectionStatus", "licensed", "status"],
        calls: Some(Calls {
            list: Endpoint::UserList,
            create: Endpoint::UserCreate,
            update: Endpoint::UserUpdate,
            delete: Endpoint::UserDelete,
        }),
        parent_query: None,
        parent_query_always: false,
    },
    Definition {
        kind: Kind::Device,
        key_name: "name",
        key: Compare::Exact,
        fields: &[
            name(Compare::Exact, 32),
            field("description", "description", FieldType::Text(Compare::Exact))
                .null(Null::EmptyText)
                .length(0, 120),
            field("client_uuid", "clientUUID", FieldType::Text(Compare::Exact))
                .fixed()
                .create_only()
                .volatile(),
        ],
        parent_names: &["user", "user_id", "userId"],
        nested_as: Some("devices"),
        carried_by_parent: true,
        response_only: &["userId", "ipV4Address", "ipV6Address", "platform", "connectionStatus"],
        calls: Some(Calls {
            list: Endpoint::DeviceList,
            create: Endpoint::DeviceCreate,
            update: Endpoint::DeviceUpdate,
            delete: Endpoint::DeviceDelete,
        }),
        parent_query: Some("userId"),
        parent_query_always: true,
    },
    ACCESS_GROUP,
    LOCATION_CONTEXT,
    DEVICE_POSTURE,
    Definition {
        kind: Kind::DnsRecord,
        key_name: "domain",
        key: Compare::Domain,
        fields: &[
            field("domain", "domain", FieldType::Domain).required(Required::Format).fixed(),
            description(),
            field("ipv4", "ipv4Addresses", FieldType::Ipv4Set).null(Null::EmptyList),
            field("ipv6", "ipv6Addresses", FieldType::Ipv6Set).null(Null::EmptyList),
        ],
        parent_names: &[],
        nested_as: None,
        carried_by_parent: false,
        response_only: &[],
        calls: Some(Calls {
            list: Endpoint::DnsRecordList,
            create: Endpoint::DnsRecordCreate,
            update: Endpoint::DnsRecordUpdate,
            delete: Endpoint::DnsRecordDelete,
        }),
        parent_query: None,
        parent_query_always: false,
    },
    SETTING,
    ALLOW_DOMAIN,
    BLOCK_DOMAIN,
];
