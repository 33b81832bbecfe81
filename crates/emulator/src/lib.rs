//! The CloudConnexa API on this machine.

pub mod config;
pub mod limits;
pub mod quota;
pub mod tls;

pub use config::{Access, ApiKey, Config, NotFound, NotFoundStatus};
pub use limits::Limits;
pub use quota::{Bucket, BucketSpec, Taken};
