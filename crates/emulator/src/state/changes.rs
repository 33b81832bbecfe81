//! What a store has to know: every mutation of the state as records that can be kept and read back.
//!
//! A record is the whole of one stored thing, so a store is a table of (collection, id) → JSON, and replaying records
//! in any order that keeps the last one of each id gives the same state.

use std::borrow::Cow;

/// One change of the stored state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// The thing `id` of `collection` is now `json`.
    Put {
        /// Which table.
        collection: Cow<'static, str>,
        /// Which row.
        id: String,
        /// The row.
        json: String,
    },
    /// The thing `id` of `collection` is no more.
    Delete {
        /// Which table.
        collection: Cow<'static, str>,
        /// Which row.
        id: String,
    },
    /// A value that exists once, such as a counter.
    Meta {
        /// Its name.
        key: Cow<'static, str>,
        /// The value.
        json: String,
    },
}

/// Stored records that make no state.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A row's JSON is not what its collection holds.
    #[error("row `{id}` of `{collection}` cannot be read")]
    Row {
        /// The collection.
        collection: String,
        /// The row.
        id: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A single value's JSON is not what its name says.
    #[error("the stored value `{key}` cannot be read")]
    Meta {
        /// The value's name.
        key: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Rows of a newer program.
    #[error("unknown collection `{0}`")]
    UnknownCollection(String),
    /// A single value of a newer program.
    #[error("unknown stored value `{0}`")]
    UnknownMeta(String),
}
