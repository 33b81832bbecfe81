//! The run.

mod options;

pub use options::RunOptions;
