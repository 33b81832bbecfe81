//! Flags that say which changes are wanted, and how many are meant.

use clap::Args;
use connexa_engine::plan::{Guards, Scope, Selector};

/// Which changes are wanted, and how many are meant.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Scope and guards")]
pub(crate) struct ScopeFlags {
    /// Only changes of these objects, and what they need: a kind, or KIND/GLOB such as 'network/paris*'. Repeatable.
    #[arg(long, value_name = "KIND[/GLOB]")]
    pub(crate) only: Vec<Selector>,
    /// No changes of these objects, nor of what needs them. Repeatable.
    #[arg(long, value_name = "KIND[/GLOB]")]
    pub(crate) exclude: Vec<Selector>,
    /// At most so many changes, the first of the input, beside what these need.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Never change these objects, whatever the input says. Repeatable; added to those of the configuration.
    #[arg(long, value_name = "KIND[/GLOB]")]
    pub(crate) protect: Vec<Selector>,
    /// At most so many updates of existing objects. Needed where they are more than 30 % of a kind.
    #[arg(long, value_name = "N")]
    pub(crate) max_updates: Option<u64>,
    /// At most so many deletes. Needed where they are more than 30 % of a kind, or were not named one by one.
    #[arg(long, value_name = "N")]
    pub(crate) max_deletes: Option<u64>,
}

impl ScopeFlags {
    /// Which changes are wanted.
    pub(crate) fn scope(&self) -> Scope {
        Scope { only: self.only.clone(), exclude: self.exclude.clone(), limit: self.limit }
    }

    /// How many changes are meant.
    pub(crate) fn guards(&self) -> Guards {
        Guards { max_updates: self.max_updates, max_deletes: self.max_deletes, ..Guards::default() }
    }
}
