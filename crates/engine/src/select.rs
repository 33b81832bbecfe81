//! Expressions that pick objects: CEL over the fields of spec section 5 (`--where`, `--prune KIND:EXPR`).

/// A checked expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    source: String,
}

impl Expression {
    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }
}
