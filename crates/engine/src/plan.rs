//! The plan: what will be changed, by which calls, in which order, at what cost.
//!
//! One serialised form, the same wherever a plan is kept: its operations hold call templates, never live state.

pub mod types;

pub use types::{
    Action, Base, BaseKind, CallTemplate, Carried, Change, Cleared, Cost, Operation, OperationId, Output,
    Plan, Preset, TemplateText,
};
