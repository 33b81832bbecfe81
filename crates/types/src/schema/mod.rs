//! The wire schemas (API section 6): what requests and answers hold, by the reference's own names.
//!
//! | module | schemas of API section |
//! |---|---|
//! | `oauth` | 6.1, 6.25: credentials |
//! | `pages` | 6.2: [`Page`](crate::Page) of each kind |
//! | `networks`, `hosts` | 6.3, 6.10 |
//! | `connectors`, `ipsec` | 6.4, 6.11, 6.5 |
//! | `routes`, `applications`, `ip_services`, `service_config` | 6.6, 6.7, 6.8, 6.9 |
//! | `users`, `user_groups`, `devices`, `device_postures` | 6.12 to 6.15 |
//! | `access_groups`, `location_contexts`, `dns_records` | 6.16 to 6.18 |
//! | `sessions`, `audit_log`, `dns_log`, `regions` | 6.19 to 6.22 |
//! | `cybershield`, `settings` | 6.23, 6.24 |
//! | `enums` | 6.27 and the enums of all others |
//!
//! Rules that hold for all of them:
//!
//! - A *request* leaves out what is `None`. Plain fields are those that no useful call can lack.
//! - A *response* reads any answer of versions 1.0 to 1.2.3: a missing or null field is `None`, an empty list, an
//!   empty text or id. What it does not know it keeps in `unknown`.
//! - What is read and sent under one name (`IkeProtocol`, `RangeInteger`, the settings) keeps its unknown fields in
//!   both directions.
//! - Texts that the service writes (addresses, CIDRs, times, enum values) are kept as written.
//! - `Request::from(&response)` is the update that changes nothing: the base of a read-modify-write. It carries enum
//!   values that this version does not know, and no unknown field of the response itself.
//! - What a schema looks like can be asked for as data, by its name: [`shape()`].
//! - Secrets are [`Secret`](crate::Secret): only [`crate::body`] writes them.

mod access_groups;
mod applications;
mod audit_log;
mod connectors;
mod cybershield;
mod device_postures;
mod devices;
mod dns_log;
mod dns_records;
mod enums;
pub(crate) mod field;
mod hosts;
mod ip_services;
mod ipsec;
mod location_contexts;
mod networks;
mod oauth;
mod pages;
mod regions;
mod routes;
mod service_config;
mod sessions;
mod settings;
mod shape;
mod user_groups;
mod users;

pub use crate::error_body::{ErrorDetail as ErrorDetails, ErrorResponse};
pub use access_groups::*;
pub use applications::*;
pub use audit_log::*;
pub use connectors::*;
pub use cybershield::*;
pub use device_postures::*;
pub use devices::*;
pub use dns_log::*;
pub use dns_records::*;
pub use enums::*;
pub use hosts::*;
pub use ip_services::*;
pub use ipsec::*;
pub use location_contexts::*;
pub use networks::*;
pub use oauth::*;
pub use pages::*;
pub use regions::*;
pub use routes::*;
pub use service_config::*;
pub use sessions::*;
pub use settings::*;
pub use shape::{FieldShape, ObjectShape, Shape, shape};
pub use user_groups::*;
pub use users::*;
