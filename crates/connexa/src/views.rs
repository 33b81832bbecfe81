//! Views: what people and scripts get to see. Pure functions from documents to text.

pub(crate) mod csv;
pub(crate) mod failures;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod objects;
pub(crate) mod plan;
pub(crate) mod problems;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod report_csv;
pub(crate) mod runs;
pub(crate) mod shell;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod yaml;
