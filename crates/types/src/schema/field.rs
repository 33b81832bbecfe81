//! How schemas are declared: the three macros and what they ask of a field's type.
//!
//! - `request!`: what is only sent. `Option` fields are left out while `None`; plain fields are always written.
//! - `response!`: what is only received. Anything may be missing or null; unknown fields are kept.
//! - `shared!`: what is received and sent back under one name: read like a response, written like a request, so that
//!   unknown fields ride along in a read-modify-write.
//!
//! Each of them also tells the [`Shape`](super::Shape) of the schema. A field may carry a doc comment and, where its name
//! on the wire is not the camel case of its own, `#[serde(rename = "…")]`.

use crate::id::{
    AccessGroupId, AuditLogId, DeviceId, DevicePostureId, DnsRecordId, HostApplicationId, HostConnectorId,
    HostId, HostIpServiceId, LocationContextId, NetworkApplicationId, NetworkConnectorId, NetworkId,
    NetworkIpServiceId, NetworkRouteId, RegionId, ServiceRouteId, SessionId, UserGroupId, UserId,
};
use serde::{Deserialize, Deserializer};

/// A type that a schema's field can have.
pub(crate) trait Field {
    /// Whether a request leaves the field out.
    fn unsent(&self) -> bool {
        false
    }
    /// Whether a response leaves the field out: what is missing on arrival is missing when written again.
    fn unset(&self) -> bool {
        self.unsent()
    }
}

impl<T> Field for Option<T> {
    fn unsent(&self) -> bool {
        self.is_none()
    }
}

// Row 55 of API section 10: arrays are sent empty.
impl<T> Field for Vec<T> {}

impl Field for String {
    fn unset(&self) -> bool {
        self.is_empty()
    }
}

macro_rules! id_fields {
    ($($id:ident)*) => {$(
        impl Field for $id {
            fn unset(&self) -> bool {
                self.is_empty()
            }
        }
    )*};
}
id_fields! {
    AccessGroupId AuditLogId DevicePostureId DeviceId DnsRecordId HostApplicationId HostConnectorId HostId
    HostIpServiceId LocationContextId NetworkApplicationId NetworkConnectorId NetworkId NetworkIpServiceId
    NetworkRouteId RegionId ServiceRouteId SessionId UserGroupId UserId
}

/// Reads a field, null like a missing one.
pub(crate) fn lenient<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Declares what is only sent.
macro_rules! request {
    ($(
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $($(#[doc = $field_about:literal])* $(#[serde(rename = $wire:literal)])? pub $field:ident: $type:ty,)*
        }
    )+) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $(
                $(#[doc = $field_about])*
                $(#[serde(rename = $wire)])?
                #[serde(skip_serializing_if = "crate::schema::field::Field::unsent")]
                pub $field: $type,
            )*
        }

        $crate::schema::field::described! {
            sent [$($about)*] $name { $([$($field_about)*] [$($wire)?] $field: $type,)* }
        }
    )+};
}

/// Declares what is only received.
macro_rules! response {
    ($(
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $($(#[doc = $field_about:literal])* $(#[serde(rename = $wire:literal)])? pub $field:ident: $type:ty,)*
        }
    )+) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $(
                $(#[doc = $field_about])*
                $(#[serde(rename = $wire)])?
                #[serde(
                    deserialize_with = "crate::schema::field::lenient",
                    skip_serializing_if = "crate::schema::field::Field::unset"
                )]
                pub $field: $type,
            )*
            /// Fields that this version does not know, as received.
            #[serde(flatten)]
            pub unknown: serde_json::Map<String, serde_json::Value>,
        }

        $crate::schema::field::described! {
            received [$($about)*] $name { $([$($field_about)*] [$($wire)?] $field: $type,)* }
        }
    )+};
}

/// Declares what is received and sent back under one name.
macro_rules! shared {
    ($(
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $($(#[doc = $field_about:literal])* $(#[serde(rename = $wire:literal)])? pub $field:ident: $type:ty,)*
        }
    )+) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $(
                $(#[doc = $field_about])*
                $(#[serde(rename = $wire)])?
                #[serde(
                    deserialize_with = "crate::schema::field::lenient",
                    skip_serializing_if = "crate::schema::field::Field::unsent"
                )]
                pub $field: $type,
            )*
            /// Fields that this version does not know, as received; sent back with the rest.
            #[serde(flatten)]
            pub unknown: serde_json::Map<String, serde_json::Value>,
        }

        $crate::schema::field::described! {
            received [$($about)*] $name { $([$($field_about)*] [$($wire)?] $field: $type,)* }
        }
    )+};
}

/// Tells the shape of a schema.
macro_rules! described {
    ($way:ident [$($about:literal)*] $name:ident {
        $([$($field_about:literal)*] [$($wire:literal)?] $field:ident: $type:ty,)*
    }) => {
        impl $crate::schema::shape::Described for $name {
            const SHAPE: $crate::schema::Shape = $crate::schema::Shape::Object(&$crate::schema::ObjectShape {
                name: stringify!($name),
                about: &[$($about),*],
                fields: &[$($crate::schema::FieldShape {
                    field: stringify!($field),
                    renamed: $crate::schema::field::described!(@wire $($wire)?),
                    about: &[$($field_about),*],
                    required: $crate::schema::field::described!(@required $way $type),
                    shape: <$type as $crate::schema::shape::Described>::SHAPE,
                }),*],
            });
        }
    };
    (@wire) => { None };
    (@wire $wire:literal) => { Some($wire) };
    (@required sent $type:ty) => { !<$type as $crate::schema::shape::Described>::OPTIONAL };
    (@required received $type:ty) => { false };
}

pub(crate) use {described, request, response, shared};

/// A text for an update: an empty one is left out, for most fields refuse it (API section 10, row 18), and what a full
/// replacement omits is unset.
pub(super) fn filled(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A list for an update that is better left out than sent empty.
pub(super) fn listed<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

/// The request forms of a list of response forms.
pub(super) fn each<'a, Response, Request>(list: &'a [Response]) -> Vec<Request>
where
    Request: From<&'a Response>,
{
    list.iter().map(Request::from).collect()
}
