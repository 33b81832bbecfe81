//! How plans are made and carried out.

use connexa_engine::{
    plan::{Guards, Prune, Scope, Selector},
    quota::Rate,
    run::{self, OnFailure},
};
use std::time::Duration;

/// How a batch or a plan is carried out.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The most calls in flight at once; 1 is one after the other.
    pub parallel: usize,
    /// A cap on the calls, below the quota of the key, which is always kept.
    pub max_rate: Option<Rate>,
    /// What a failure means for the rest.
    pub on_failure: OnFailure,
    /// Start nothing new once so many have failed.
    pub max_failures: Option<u64>,
    /// Start nothing new so long after the start.
    pub deadline: Option<Duration>,
    /// Look again before changing what was read longer ago; by default a minute, or 20 periods of the quota if that is more.
    pub recheck: Option<Duration>,
    /// Put up to so many calls into one request, where the service takes several in one (`POST /batch`, which the API of
    /// CloudConnexa does not have). Never tried unless it is asked for.
    pub server_batch: Option<usize>,
    /// Whether a kind of work whose first calls are all refused alike is stopped.
    pub brake: bool,
    /// How many changes of existing objects a plan of a spec may hold. Items of a batch are named one by one, and count as
    /// meant.
    pub guards: Guards,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            parallel: 8,
            max_rate: None,
            on_failure: OnFailure::Continue,
            max_failures: None,
            deadline: None,
            recheck: None,
            server_batch: None,
            brake: true,
            guards: Guards::default(),
        }
    }
}

impl RunOptions {
    /// As the engine has them.
    pub(super) fn of_run(&self) -> run::RunOptions {
        run::RunOptions {
            parallel: self.parallel.max(1),
            on_failure: self.on_failure,
            max_failures: self.max_failures,
            deadline: self.deadline,
            recheck: self.recheck,
            batch: self.server_batch.map_or(1, |most| most.max(1)),
            brake: self.brake,
            ..run::RunOptions::default()
        }
    }
}

/// How a plan of a spec is made.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Take the items that are sound; bad ones are failed changes. Otherwise one error refuses the whole spec.
    pub skip_invalid: bool,
    /// Whether warnings are errors.
    pub strict: bool,
    /// Kinds whose objects are deleted unless an item stands for them.
    pub prune: Vec<Prune>,
    /// Which changes are wanted.
    pub scope: Scope,
    /// What is never changed at all.
    pub protect: Vec<Selector>,
}
