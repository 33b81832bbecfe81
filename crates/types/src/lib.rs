//! What travels on the wire to CloudConnexa, and what an attempt can come to.
//!
//! This crate is the vocabulary that the client, the engine and the emulator share: the table of
//! [endpoints](Endpoint), the [wire schemas](schema), [kinds](Kind) and ids, one [`Call`] and the
//! [`Outcome`] of an [`Attempt`] to make it, [secrets](secret) that cannot be printed by accident,
//! and values of [time]. It does no I/O and knows no runtime.
//!
//! "API section N" in this workspace means section N of the project's restatement of the
//! CloudConnexa API reference, version 1.2.3; `docs/api-notes.md` holds what the code relies on.

pub mod attempt;
pub mod body;
pub mod call;
pub mod endpoint;
pub mod error_body;
pub mod id;
pub mod kind;
pub mod milliseconds;
mod open_enum;
pub mod page;
pub mod pointer;
pub mod schema;
pub mod secret;
pub mod time;

pub use attempt::{Answer, AnswerBody, Attempt, Gone, Outcome, QuotaHeaders, Reason, Rejection, Why};
pub use call::{Call, CallBody, Class};
pub use endpoint::{AnswerShape, Endpoint, EndpointInfo, Method, QueryParam, RequestShape};
pub use error_body::{ErrorDetail, ErrorResponse};
pub use id::{RegionId, ResourceId, TenantId};
pub use kind::{Kind, UnknownKind};
pub use page::Page;
pub use pointer::JsonPointer;
pub use secret::{SealingKey, Secret, SecretHash, SecretRef, SecretSource, SecretValue, SecretValues};
pub use time::{Mono, Now, Timestamp};
