//! The catalog: each kind's fields as tables, the one place that knows how a spec field is called in the API, what values
//! it takes, how it is compared and how it is cleared (spec sections 2 to 5).
//!
//! Parser, planner and exporter work from these tables and hold no knowledge of single kinds beyond them.

mod policies;
mod services;
mod settings;
mod tables;

use crate::key::Compare;
use connexa_types::{Endpoint, Kind};

pub use services::{PROTOCOLS, SERVICE_TYPES};
pub use settings::{SETTINGS, SetCall, Setting, setting};
pub use tables::{BETA_NAMES, DEFINITIONS};

/// One kind.
#[derive(Debug)]
pub struct Definition {
    /// The kind.
    pub kind: Kind,
    /// The field that is the item's own part of the key.
    pub key_name: &'static str,
    /// How keys are compared.
    pub key: Compare,
    /// Its fields, in the order of the tables of spec section 5.
    pub fields: &'static [Field],
    /// Names of the parent in a flat child, aliases included; the first is the one shown. Ids under those that end in
    /// `Id` or `_id`.
    pub parent_names: &'static [&'static str],
    /// Its name inside its parent's item and inside the parent's API objects, for a child.
    pub nested_as: Option<&'static str>,
    /// Whether the parent's create call carries it, and the parent's list shows it (API sections 7.4 and 7.5). Children of
    /// other kinds have a list of their own, whose objects name their parent in `networkItemId`.
    pub carried_by_parent: bool,
    /// Response-only fields of the kind, in the API's names, member names joined by `/`: ignored in items, with a note.
    pub response_only: &'static [&'static str],
    /// Its calls, if it is a kind of listed objects; settings have calls of their own ([`Setting`]), domains on Cyber
    /// Shield lists can only be added and removed.
    pub calls: Option<Calls>,
    /// Query parameter of the parent at create, for a child.
    pub parent_query: Option<&'static str>,
    /// Whether update and delete need the parent's query parameter too (devices, API section 5.13).
    pub parent_query_always: bool,
}

/// The calls of a kind of listed objects.
#[derive(Debug, Clone, Copy)]
pub struct Calls {
    /// The list.
    pub list: Endpoint,
    /// The create call.
    pub create: Endpoint,
    /// The update call.
    pub update: Endpoint,
    /// The delete call.
    pub delete: Endpoint,
}

/// One field of a kind, or one leaf of an object field.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own, as in the spec's tables")]
pub struct Field {
    /// Its name in specs.
    pub name: &'static str,
    /// Its place in the request, member names joined by `/`.
    pub request: &'static str,
    /// Its place in the response.
    pub response: &'static str,
    /// The values that it takes.
    pub ty: FieldType,
    /// Whether a create needs it, and how well that is known.
    pub required: Required,
    /// Whether it is fixed after create.
    pub fixed: bool,
    /// Whether only the create call takes it; an update never sends it.
    pub create_only: bool,
    /// What null does.
    pub null: Null,
    /// What the service fills in, as JSON text; `None` = unset (false, empty).
    pub default: Option<&'static str>,
    /// Allowed length in Unicode scalar values.
    pub length: Option<(u32, u32)>,
    /// Whether it changes by itself: in no drift check and no fingerprint.
    pub volatile: bool,
    /// Whether a request without it is refused (API section 6.17): unset, it is sent as an empty list.
    pub always_sent: bool,
    /// The leaf that a plain boolean in place of the object stands for (`default_check: false`).
    pub shorthand: Option<&'static str>,
}

/// A side of an access group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who may reach.
    Source,
    /// What may be reached.
    Destination,
}

/// The values that a field takes.
#[derive(Debug, Clone, Copy)]
pub enum FieldType {
    /// Text, compared under the rule.
    Text(Compare),
    /// A domain name (E205), compared as such.
    Domain,
    /// True or false.
    Boolean,
    /// An integer in the range.
    Integer(i32, i32),
    /// One of the API's values.
    Enum(&'static [&'static str]),
    /// A set of the API's values.
    EnumSet(&'static [&'static str]),
    /// A region id.
    Region,
    /// A set of region ids; the word `all` sets `all_regions_included`.
    Regions,
    /// One address of either family.
    Ip,
    /// A set of IPv4 addresses.
    Ipv4Set,
    /// A set of IPv6 addresses.
    Ipv6Set,
    /// One network of either family.
    Cidr,
    /// One IPv4 address.
    Ipv4,
    /// One IPv4 network.
    Ipv4Cidr,
    /// One IPv6 network.
    Ipv6Cidr,
    /// A set of IPv4 networks.
    Ipv4CidrSet,
    /// A set of IPv6 networks.
    Ipv6CidrSet,
    /// Texts, in order.
    TextList,
    /// Domains of an application, and whether an element has `exact_match` (spec section 5.4). Canonical form: the
    /// request's objects, every sub-field named.
    Domains {
        /// Networks have it, hosts have not.
        exact_match: bool,
    },
    /// Networks of an IP service (spec section 5.5): CIDRs in specs, objects `{value}` in the request (the canonical
    /// form), `{subnet}` in the response.
    Subnets,
    /// Services (spec section 5.6). Canonical form: the request's `config` object, types in the API's order, ranges
    /// ascending and always with both ends.
    Services,
    /// Items of a side of an access group (spec section 5.10).
    AccessItems(Side),
    /// Address ranges of a location context (spec section 5.11): CIDRs or `{ip, description}`; objects in the API.
    IpRanges,
    /// Country codes (spec section 5.11), in capitals.
    Countries,
    /// DNS zones, merged by name (spec section 6). Canonical form: the request's list.
    Zones,
    /// A reference to one object, sent and read as its id.
    Reference(Kind),
    /// A set of references, sent and read as ids.
    References(Kind),
    /// An object, owned and compared leaf by leaf.
    Object(&'static [Field]),
    /// A secret.
    Secret,
    /// A certificate, PEM text: no secret, but it takes the same forms and may or may not be returned (spec section 3.6).
    Certificate,
}

impl FieldType {
    /// How a text of the field, or each text of a set, is compared.
    pub fn compare(self) -> Compare {
        match self {
            Self::Text(rule) => rule,
            Self::Ip | Self::Ipv4 | Self::Ipv4Set | Self::Ipv6Set => Compare::Ip,
            Self::Cidr
            | Self::Ipv4Cidr
            | Self::Ipv6Cidr
            | Self::Ipv4CidrSet
            | Self::Ipv6CidrSet
            | Self::Subnets
            | Self::IpRanges => Compare::Cidr,
            Self::Domain | Self::Domains { .. } | Self::Zones => Compare::Domain,
            Self::Boolean
            | Self::Integer(..)
            | Self::Enum(_)
            | Self::EnumSet(_)
            | Self::Region
            | Self::Regions
            | Self::Reference(_)
            | Self::References(_)
            | Self::Object(_)
            | Self::TextList
            | Self::Services
            | Self::AccessItems(_)
            | Self::Countries
            | Self::Secret
            | Self::Certificate => Compare::Exact,
        }
    }
}

/// Whether a create needs a field, with the evidence (spec section 5, column *Set*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// No.
    No,
    /// A rule of the format: E106 or E109 where it is a key.
    Format,
    /// Seen: E113.
    Seen,
    /// Terraform only: W111.
    Terraform,
}

/// What null does to a field (spec section 5, column *null*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Null {
    /// E108.
    Forbidden,
    /// Left out of the PUT.
    Omit,
    /// Sent as an empty list.
    EmptyList,
    /// Sent as an empty text.
    EmptyText,
    /// Only by a replace of the object.
    Replace,
}

impl Definition {
    /// The calls of a kind of listed objects.
    ///
    /// # Panics
    /// For settings and domains of Cyber Shield; ask [`is_listed`] first.
    pub fn calls(&self) -> &Calls {
        self.calls.as_ref().unwrap_or_else(|| panic!("{} is no kind of listed objects", self.kind))
    }

    /// The field that is the key.
    pub fn key_field(&self) -> &'static Field {
        self.field(self.key_name).expect("the tables name an existing field as key")
    }

    /// A field by its spec name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

/// The definition of a kind.
///
/// # Panics
/// Never: `every_kind_has_a_definition` holds the table against all kinds.
pub fn definition(kind: Kind) -> &'static Definition {
    DEFINITIONS.iter().find(|d| d.kind == kind).unwrap_or_else(|| panic!("no definition of {kind}"))
}

/// Whether a kind is one of objects that have an id and a list.
pub fn is_listed(kind: Kind) -> bool {
    definition(kind).calls.is_some()
}

/// The catalog's own copy of a field's name, leaves of objects and `value` of settings included.
pub fn field_name(name: &str) -> Option<&'static str> {
    fn among(fields: &'static [Field], name: &str) -> Option<&'static str> {
        fields.iter().find_map(|field| {
            let inner = match field.ty {
                FieldType::Object(leaves) => among(leaves, name),
                _ => None,
            };
            Some(field.name).filter(|known| *known == name).or(inner)
        })
    }
    let settings = SETTINGS.iter().map(|setting| std::slice::from_ref(&setting.value));
    DEFINITIONS.iter().map(|d| d.fields).chain(settings).find_map(|fields| among(fields, name))
}

/// The kinds nested in items of a kind, in the order of kinds.
pub fn nested(kind: Kind) -> impl Iterator<Item = &'static Definition> {
    DEFINITIONS.iter().filter(move |d| d.kind.parent() == Some(kind))
}

/// The kind whose list shows a kind: itself, or its parent's.
pub fn listed_with(kind: Kind) -> Kind {
    let definition = definition(kind);
    kind.parent().filter(|_| definition.carried_by_parent).unwrap_or(kind)
}

/// The two aliases that an API name gives: itself, and its snake form (`vpnRegionId` → `vpn_region_id`; spec section 3.1).
pub fn snake(api_name: &str) -> String {
    let mut out = String::with_capacity(api_name.len() + 4);
    let mut previous: Option<char> = None;
    for c in api_name.chars() {
        if c.is_ascii_uppercase() && previous.is_some_and(|p| p.is_ascii_lowercase() || p.is_ascii_digit()) {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        previous = Some(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_names() {
        for (api, snaked) in [
            ("vpnRegionId", "vpn_region_id"),
            ("clientUUID", "client_uuid"),
            ("gatewaysIds", "gateways_ids"),
            ("ipv4Addresses", "ipv4_addresses"),
            ("ipV4Address", "ip_v4_address"),
        ] {
            assert_eq!(snake(api), snaked);
        }
    }

    #[test]
    fn every_kind_has_a_definition() {
        let defined: Vec<Kind> = DEFINITIONS.iter().map(|d| d.kind).collect();
        assert_eq!(defined, Kind::ALL);
        for s in SETTINGS {
            assert_eq!(setting(s.path).unwrap().path, s.path);
        }
    }

    #[test]
    fn definitions_are_sound() {
        for d in DEFINITIONS {
            assert!(d.field(d.key_name).is_some(), "{}", d.kind);
            assert_eq!(d.kind.parent().is_some(), d.parent_query.is_some(), "{}", d.kind);
            assert_eq!(d.kind.parent().is_some(), !d.parent_names.is_empty(), "{}", d.kind);
            let names: std::collections::BTreeSet<_> = d.fields.iter().map(|f| f.name).collect();
            assert_eq!(names.len(), d.fields.len(), "{}", d.kind);
        }
    }
}
