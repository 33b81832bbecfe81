//! When to try again: full-jitter backoff within a budget, as plain values.
//!
//! Retries of one machine share one [`RetryBudget`]: in an outage the load that they add is bounded, however many calls
//! there are. Which outcomes may be tried again at all is decided where the call's effect is known.

use connexa_types::milliseconds;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often and how fast calls are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Units that all retries of a machine share; see [`Cause`] for their prices. A call that succeeds gives one back.
    pub budget: u32,
    /// The most attempts of one call for other causes than a 429.
    pub attempts: u32,
    /// The most attempts of one call that is throttled.
    pub throttled_attempts: u32,
    /// The first backoff is at most this; each further one doubles.
    #[serde(rename = "base_ms", with = "milliseconds")]
    pub base: Duration,
    /// No backoff is longer, unless the server asked for it.
    #[serde(rename = "cap_ms", with = "milliseconds")]
    pub cap: Duration,
}

impl Default for RetryPolicy {
    /// The budget is that of the AWS SDKs: 100 retries after which nothing succeeded.
    fn default() -> Self {
        Self {
            budget: 500,
            attempts: 6,
            throttled_attempts: 30,
            base: Duration::from_millis(200),
            cap: Duration::from_secs(10),
        }
    }
}

/// Why a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It could not be sent, or a read was not answered well.
    Failure,
    /// 429. Cheap: where others draw on the same bucket, one refusal for each success can go on for ever.
    Throttled,
}

impl Cause {
    const fn price(self) -> u32 {
        match self {
            Self::Failure => 5,
            Self::Throttled => 1,
        }
    }
}

/// What is left for retries.
#[derive(Clone, Copy, Debug)]
pub struct RetryBudget {
    policy: RetryPolicy,
    left: u32,
}

impl RetryBudget {
    /// A full budget.
    pub const fn new(policy: RetryPolicy) -> Self {
        Self { policy, left: policy.budget }
    }

    /// Takes leave to try a call again that has been tried `attempts` times, and says how long to wait first; `None` if
    /// the call or the budget is at its end. `server` is the least wait that the server asked for.
    pub fn again(
        &mut self,
        cause: Cause,
        attempts: u32,
        server: Option<Duration>,
        random: &mut fastrand::Rng,
    ) -> Option<Duration> {
        let most = match cause {
            Cause::Failure => self.policy.attempts,
            Cause::Throttled => self.policy.throttled_attempts,
        };
        if attempts >= most || self.left < cause.price() {
            return None;
        }
        self.left -= cause.price();
        Some(self.policy.backoff(attempts, random).max(server.unwrap_or_default()))
    }

    /// Notes a call that succeeded.
    pub fn succeeded(&mut self) {
        self.left = (self.left + 1).min(self.policy.budget);
    }
}

impl RetryPolicy {
    /// A wait after the `attempts`-th failure: anything up to base × 2^(attempts − 1), at most the cap.
    fn backoff(&self, attempts: u32, random: &mut fastrand::Rng) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        let most = self.base.saturating_mul(1 << doublings).min(self.cap);
        most.mul_f64(random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn waits_stay_within_their_bounds(seed: u64, attempts in 1_u32..40, server in 0_u64..100) {
            let policy = RetryPolicy { throttled_attempts: 100, ..RetryPolicy::default() };
            let server = Duration::from_secs(server);
            let mut random = fastrand::Rng::with_seed(seed);
            let wait = RetryBudget::new(policy)
                .again(Cause::Throttled, attempts, Some(server), &mut random)
                .expect("a full budget");
            let most = policy.base.saturating_mul(1 << (attempts - 1).min(31)).min(policy.cap).max(server);
            prop_assert!(wait >= server && wait <= most);
        }

        #[test]
        fn retries_are_bounded_by_budget_and_successes(seed: u64, wins in prop::collection::vec(any::<bool>(), 0..400)) {
            let mut budget = RetryBudget::new(RetryPolicy::default());
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut retries, mut successes) = (0, 0);
            for win in wins {
                if win {
                    budget.succeeded();
                    successes += 1;
                } else if budget.again(Cause::Failure, 1, None, &mut random).is_some() {
                    retries += 1;
                }
            }
            prop_assert!(retries * 5 <= 500 + successes);
        }
    }

    #[test]
    fn a_call_has_an_end_even_with_a_full_budget() {
        let mut budget = RetryBudget::new(RetryPolicy::default());
        let mut random = fastrand::Rng::with_seed(1);
        assert!(budget.again(Cause::Failure, 5, None, &mut random).is_some());
        assert!(budget.again(Cause::Failure, 6, None, &mut random).is_none());
        assert!(budget.again(Cause::Throttled, 6, None, &mut random).is_some());
    }
}
