//! Guards: how many existing objects may be updated or deleted without being said so (design: plan).

/// How many changes of existing objects are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// `--max-updates`.
    pub max_updates: Option<u64>,
    /// `--max-deletes`.
    pub max_deletes: Option<u64>,
    /// Whether each deleted object was named by the user: then it counts as meant.
    pub named: bool,
    /// Whether deletes always need `max_deletes`, few as they are (`--prune`, `--where`).
    pub always: bool,
}
