//! Which changes are wanted: `--only`, `--exclude`, `--limit`, and what `--protect` keeps as it is.

use connexa_types::Kind;

/// `KIND` or `KIND/GLOB`: objects of a kind, by their key string.
#[derive(Clone, Debug)]
pub struct Selector {
    /// The kind.
    pub kind: Kind,
    /// A glob over key strings; all, if there is none.
    pub glob: Option<globset::GlobMatcher>,
}

/// Which changes are wanted; all, by default. What is left out still stands for its objects.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only these, if there are any.
    pub only: Vec<Selector>,
    /// None of these.
    pub exclude: Vec<Selector>,
    /// At most so many changes, in input order.
    pub limit: Option<usize>,
}
