//! How a run is carried out.

use crate::retry::RetryPolicy;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a run is carried out. Part of its first record, so that a run continued later is carried out alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// The most operations at work at once, waiting for their permits included; at least 1.
    pub parallel: usize,
    /// How often calls are tried again.
    pub retry: RetryPolicy,
    /// How long one attempt may take.
    pub attempt_limit: Duration,
    /// A call that has not begun so long after its intent is not begun.
    pub send_within: Duration,
    /// Take permits ahead of other runs of the same key.
    pub urgent: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            parallel: 8,
            retry: RetryPolicy::default(),
            attempt_limit: Duration::from_secs(30),
            send_within: Duration::from_secs(5),
            urgent: false,
        }
    }
}
