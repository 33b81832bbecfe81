//! The library: what the command line does, for Rust programs, without anything of the terminal.

mod api;
mod batch;
mod each;
mod events;
mod items;
mod options;
mod spec;
mod tenant;

pub use crate::{session::calling::CallError, wiring::state_dir::StateDirError};
pub use api::Api;
pub use batch::{Batch, BatchError, Profile};
pub use each::{Done, ItemError, NotStarted};
pub use events::{Events, Stopper};
pub use options::{PlanOptions, RunOptions};
pub use spec::{Plan, PlanError, RunError, Spec};
pub use tenant::{ConnectError, EmulatorOptions, Tenant, TenantOptions};
