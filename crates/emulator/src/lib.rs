//! The CloudConnexa API on this machine.
//!
//! [`Emulator`] is the API of one tenant as a value: requests in, answers out, without I/O, sleeping or a clock of its
//! own. A request goes through `service` (token, quota, path, permission) to its operation in `resources`, which checks
//! its body against the tables of `validate` and changes the tenant in `state`. What is to go wrong with it is decided by
//! [`faults`]; what it did is told in the [`ledger`]. The control, which is no part of the API, is in `control`.

pub mod clock;
pub mod config;
mod control;
mod delivery;
mod docs;
mod embedded;
pub mod faults;
pub mod ledger;
pub mod limits;
mod oauth;
pub mod quota;
mod refusal;
mod request;
mod resources;
mod router;
pub mod server;
mod service;
mod state;
mod statistics;
pub mod store;
pub mod tls;
mod tower;
mod validate;

pub use config::{Access, ApiKey, Config, Control, Names, NotFound, NotFoundStatus};
pub use delivery::{Delivery, Trickle, What};
pub use embedded::Embedded;
pub use limits::Limits;
pub use quota::{Bucket, BucketSpec, Taken};
pub use service::Emulator;
pub use state::changes::{RestoreError, StateChange};
pub use tower::EmulatorService;
