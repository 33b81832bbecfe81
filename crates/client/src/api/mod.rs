//! A typed function for each of the 163 operations (API section 5): it makes a [`TypedCall`], which
//! [`Client::execute`](crate::Client::execute) sends.
//!
//! ```
//! use connexa_client::api;
//! use connexa_types::schema::NetworkCreateRequest;
//!
//! let call = api::networks::create(&NetworkCreateRequest { name: "paris".into(), ..Default::default() });
//! assert_eq!(call.call.endpoint.to_string(), "POST /networks");
//! ```

mod access;
mod builder;
mod hosts_table;
mod logs;
mod networks_table;
mod settings_table;
mod users_table;

pub use access::{access_groups, device_postures, dns_records, location_contexts};
pub use hosts_table::{host_applications, host_connectors, host_ip_services, hosts};
pub use logs::{access_visibility, account, audit_log, cybershield, dns_log, oauth, regions, sessions};
pub use networks_table::{
    network_applications, network_connectors, network_ip_services, network_routes, networks,
};
pub use settings_table::settings;
pub use users_table::{devices, user_groups, users};

#[cfg(doc)]
use crate::TypedCall;

/// Which page of a list (API section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Number of the page, from 0.
    pub page: u32,
    /// Its size, 1 to 1000 (DNS log: 10 to 10000).
    pub size: u32,
}

impl PageRequest {
    /// The page of this number, of the largest size that every list knows.
    pub const fn number(page: u32) -> Self {
        Self { page, size: 1000 }
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self::number(0)
    }
}

/// Which stretch of a log (API section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorRequest<'a> {
    /// Its size, 1 to 100.
    pub size: u32,
    /// The `nextCursor` of the stretch before; none for the first.
    pub cursor: Option<&'a str>,
}

impl Default for CursorRequest<'_> {
    fn default() -> Self {
        Self { size: 100, cursor: None }
    }
}

/// Makes a module for each group of operations, and a function for each row:
/// `name(role "wire name" argument: Type, …) -> shape Type = Endpoint;`, where a role is a method of
/// [`Builder`](builder::Builder) and a shape a function of [`decode`](crate::typed::decode).
macro_rules! operations {
    ($(
        $(#[$module_doc:meta])*
        mod $module:ident {$(
            $(#[$doc:meta])*
            $name:ident($($role:ident $($wire:literal)? $argument:ident: $type:ty),*)
                -> $shape:ident $answer:ty = $endpoint:ident;
        )*}
    )*) => {$(
        $(#[$module_doc])*
        pub mod $module {
            #[allow(unused_imports, reason = "a module whose rows are all of plain types needs none of them")]
            use super::*;
            use $crate::{api::builder::Builder, typed::{TypedCall, decode}};
            use connexa_types::Endpoint;

            $(
                $(#[$doc])*
                #[doc = concat!("\n\nThe call is [`Endpoint::", stringify!($endpoint), "`].")]
                pub fn $name($($argument: $type),*) -> TypedCall<$answer> {
                    Builder::new(Endpoint::$endpoint)
                        $(.$role($($wire,)? $argument))*
                        .answer(decode::$shape)
                }
            )*

            #[cfg(test)]
            pub(crate) const TABLE: &[$crate::api::tests::Row] = &[$((
                Endpoint::$endpoint,
                stringify!($shape),
                std::any::type_name::<$answer>,
            )),*];
        }
    )*};
}
pub(crate) use operations;

#[cfg(test)]
mod tests;
