//! How a run is carried out.

use crate::retry::RetryPolicy;
use connexa_types::milliseconds;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};

/// How a run is carried out. Part of its first record, so that a run continued later is carried out alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// The most operations at work at once, waiting for their permits included; at least 1.
    pub parallel: usize,
    /// The most calls that go in one batched request; 1: each goes by itself. So many operations may then be at work at
    /// once, if that is more than `parallel`.
    pub batch: usize,
    /// How often calls are tried again.
    pub retry: RetryPolicy,
    /// How long one attempt may take.
    #[serde(rename = "attempt_limit_ms", with = "milliseconds")]
    pub attempt_limit: Duration,
    /// A call that has not begun so long after its intent is not begun.
    #[serde(rename = "send_within_ms", with = "milliseconds")]
    pub send_within: Duration,
    /// Take permits ahead of other runs of the same key.
    pub urgent: bool,
    /// What a failure means for the rest.
    pub on_failure: OnFailure,
    /// Start nothing new once so many operations, and items that the plan itself refuses, have failed.
    pub max_failures: Option<u64>,
    /// Carry the plan out in waves, and ask between them. Sizes count operations, in the order of the plan, from its
    /// first: the last wave, with all of them, need not be named.
    pub waves: Vec<WaveSize>,
    /// Start nothing new so long after the start.
    #[serde(rename = "deadline_ms", with = "milliseconds::option")]
    pub deadline: Option<Duration>,
    /// An operation that rests on a base older than this reads the kind's list again first: zero does so always. `None`:
    /// the longer of [`RunOptions::RECHECK`] and [`RunOptions::RECHECK_PERIODS`] periods of the update class.
    #[serde(rename = "recheck_ms", with = "milliseconds::option")]
    pub recheck: Option<Duration>,
    /// The period of the update class, as far as it is known at the start.
    #[serde(rename = "update_period_ms", with = "milliseconds::option")]
    pub update_period: Option<Duration>,
    /// Whether a kind whose calls are all refused is stopped.
    pub brake: bool,
    /// The settle time: how long after the last byte of an attempt the service may still apply it, and lists may still not
    /// show it. Zero only for services known to be synchronous.
    #[serde(rename = "settle_ms", with = "milliseconds")]
    pub settle: Duration,
    /// Whether an undo takes back what is only inferred to be ours.
    pub undo_inferred: bool,
}

impl RunOptions {
    /// The least default age of a base that is read again.
    pub const RECHECK: Duration = Duration::from_mins(1);
    /// The same in periods of the update class.
    pub const RECHECK_PERIODS: u32 = 20;
    /// The default settle time.
    pub const SETTLE: Duration = Duration::from_mins(1);
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            parallel: 8,
            batch: 1,
            retry: RetryPolicy::default(),
            attempt_limit: Duration::from_secs(30),
            send_within: Duration::from_secs(5),
            urgent: false,
            on_failure: OnFailure::Continue,
            max_failures: None,
            waves: Vec::new(),
            deadline: None,
            recheck: None,
            update_period: None,
            brake: true,
            settle: Self::SETTLE,
            undo_inferred: false,
        }
    }
}

/// What a failure means for the rest of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// What does not need it goes on.
    #[default]
    Continue,
    /// Nothing new is started.
    Stop,
    /// Nothing new is started, and what was carried out is taken back.
    Undo,
}

/// To what end a run is taken up again from its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// All that has no verdict, or was never started, is carried out; what is unknown is settled.
    Forward,
    /// The same, and what failed or was skipped is tried again.
    Retry,
    /// What was sent and is not known is settled; nothing that changes anything is sent.
    Settle,
    /// What was carried out is taken back.
    Undo,
    /// Nothing is sent: what is not known stays unknown, and the run is given up.
    Abandon,
}

/// What is to be otherwise than the options of the run say, when it is taken up again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// [`RunOptions::parallel`].
    pub parallel: Option<usize>,
    /// [`RunOptions::urgent`].
    pub urgent: Option<bool>,
    /// [`RunOptions::on_failure`].
    pub on_failure: Option<OnFailure>,
    /// [`RunOptions::max_failures`].
    pub max_failures: Option<u64>,
    /// [`RunOptions::waves`]; of what is left.
    pub waves: Option<Vec<WaveSize>>,
    /// [`RunOptions::deadline`]; from when it is taken up. Without one there is none.
    pub deadline: Option<Duration>,
    /// [`RunOptions::recheck`].
    pub recheck: Option<Duration>,
    /// [`RunOptions::update_period`], as known now.
    pub update_period: Option<Duration>,
    /// [`RunOptions::brake`].
    pub brake: Option<bool>,
    /// [`RunOptions::settle`].
    pub settle: Option<Duration>,
    /// [`RunOptions::undo_inferred`].
    pub undo_inferred: Option<bool>,
}

/// How many operations the waves up to one hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaveSize {
    /// So many.
    Operations(u64),
    /// So many in a hundred, rounded up.
    Percent(u8),
}

impl WaveSize {
    /// The number of operations, out of `all`.
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::Operations(number) => usize::try_from(number).unwrap_or(usize::MAX).min(all),
            Self::Percent(percent) => (all * usize::from(percent)).div_ceil(100).min(all),
        }
    }
}

impl fmt::Display for WaveSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operations(number) => write!(f, "{number}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// A text that is no size of a wave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no size of a wave; expected a number of operations such as `5`, or a share such as `25%`")]
pub struct ParseWaveError(String);

impl FromStr for WaveSize {
    type Err = ParseWaveError;

    fn from_str(text: &str) -> Result<Self, ParseWaveError> {
        let trimmed = text.trim();
        let size = match trimmed.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|n| (1..=100).contains(n)).map(Self::Percent),
            None => trimmed.parse().ok().filter(|number| *number > 0).map(Self::Operations),
        };
        size.ok_or_else(|| ParseWaveError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        for text in ["1", "25%", "100%", "400"] {
            assert_eq!(text.parse::<WaveSize>().expect("a size").to_string(), text);
        }
        for text in ["", "0", "0%", "101%", "-1", "5.5", "%", "all"] {
            assert!(text.parse::<WaveSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_round_up_and_no_wave_is_larger_than_the_plan() {
        assert_eq!(WaveSize::Percent(25).of(10), 3);
        assert_eq!(WaveSize::Percent(1).of(1), 1);
        assert_eq!(WaveSize::Percent(100).of(7), 7);
        assert_eq!(WaveSize::Operations(9).of(7), 7);
    }
}
