//! The tables of access groups, location contexts and device postures (spec sections 5.10 to 5.12).

use super::{
    Calls, Definition, Field, FieldType, Null, Required, Side,
    tables::{description, field, name, user_groups},
};
use crate::key::Compare;
use connexa_types::{Endpoint, Kind};

const fn allowed() -> Field {
    field("allowed", "allowed", FieldType::Boolean)
}

const fn policy(kind: Kind, fields: &'static [Field], response_only: &'static [&'static str]) -> Definition {
    Definition {
        kind,
        key_name: "name",
        key: Compare::Folded,
        fields,
        parent_names: &[],
        nested_as: None,
        carried_by_parent: false,
        response_only,
        calls: Some(Calls {
            list: Endpoint::AccessGroupList,
            create: Endpoint::AccessGroupCreate,
            update: Endpoint::AccessGroupUpdate,
            delete: Endpoint::AccessGroupDelete,
        }),
        parent_query: None,
        parent_query_always: false,
    }
}

pub(super) const ACCESS_GROUP: Definition = policy(
    Kind::AccessGroup,
    &[
        name(Compare::Exact, 120),
        description().length(0, 120),
        field("source", "source", FieldType::AccessItems(Side::Source)).required(Required::Seen),
        field("destination", "destination", FieldType::AccessItems(Side::Destination))
            .required(Required::Seen),
    ],
    &["defaultGroup"],
);

pub(super) const LOCATION_CONTEXT: Definition = Definition {
    calls: Some(Calls {
        list: Endpoint::LocationContextList,
        create: Endpoint::LocationContextCreate,
        update: Endpoint::LocationContextUpdate,
        delete: Endpoint::LocationContextDelete,
    }),
    ..policy(
        Kind::LocationContext,
        &[
            name(Compare::Exact, 120),
            description(),
            user_groups().always_sent(),
            field("ip_check", "ipCheck", FieldType::Object(IP_CHECK)).null(Null::Omit).shorthand("allowed"),
            field("country_check", "countryCheck", FieldType::Object(COUNTRY_CHECK))
                .null(Null::Omit)
                .shorthand("allowed"),
            field("default_check", "defaultCheck", FieldType::Object(&[allowed()]))
                .required(Required::Seen)
                .shorthand("allowed"),
        ],
        &[],
    )
};

const IP_CHECK: &[Field] = &[allowed(), field("ips", "ips", FieldType::IpRanges)];

const COUNTRY_CHECK: &[Field] = &[allowed(), field("countries", "countries", FieldType::Countries)];

pub(super) const DEVICE_POSTURE: Definition = Definition {
    calls: Some(Calls {
        list: Endpoint::DevicePostureList,
        create: Endpoint::DevicePostureCreate,
        update: Endpoint::DevicePostureUpdate,
        delete: Endpoint::DevicePostureDelete,
    }),
    ..policy(
        Kind::DevicePosture,
        &[
            name(Compare::Exact, 120),
            description(),
            user_groups(),
            platform("windows", WINDOWS),
            platform("macos", MACOS),
            platform("linux", PLAIN),
            platform("android", PLAIN),
            platform("ios", PLAIN),
        ],
        &[],
    )
};

const fn platform(name: &'static str, leaves: &'static [Field]) -> Field {
    field(name, name, FieldType::Object(leaves)).null(Null::Omit).shorthand("allowed")
}

const PLAIN: &[Field] = &[allowed()];

const ANTIVIRUSES: &[&str] = &[
    "AVAST",
    "AVG",
    "AVIRA",
    "BITDEFENDER",
    "CROWDSTRIKE_FALCON",
    "ESET",
    "MALWAREBYTES",
    "MCAFEE",
    "MICROSOFT_DEFENDER",
    "NORTON",
    "SENTINEL_ONE",
    "CORTEX_XDR",
];

const VERSION: &[Field] = &[
    field("version", "version", FieldType::Text(Compare::Exact)),
    field("condition", "condition", FieldType::Enum(&["GTE", "LTE", "EQUAL"])),
];

const DISK_ENCRYPTION: &[Field] = &[
    field("type", "type", FieldType::Enum(&["FULL_DISK", "SPECIFIC_VOLUME"])),
    field("volume", "volume", FieldType::Text(Compare::Exact)),
];

const fn version() -> Field {
    field("version", "version", FieldType::Object(VERSION)).null(Null::Omit)
}

const fn antiviruses() -> Field {
    field("antiviruses", "antiviruses", FieldType::EnumSet(ANTIVIRUSES)).null(Null::EmptyList)
}

const fn certificate() -> Field {
    field("certificate", "certificate", FieldType::Certificate).null(Null::Omit)
}

const WINDOWS: &[Field] = &[
    allowed(),
    version(),
    antiviruses(),
    field("disk_encryption", "diskEncryption", FieldType::Object(DISK_ENCRYPTION)).null(Null::Omit),
    certificate(),
];

const MACOS: &[Field] = &[
    allowed(),
    version(),
    antiviruses(),
    field("disk_encrypted", "diskEncrypted", FieldType::Boolean).null(Null::Omit),
    certificate(),
];
