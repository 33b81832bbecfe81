//! The law of the token bucket, in exact integers.
//!
//! A [`Bucket`] starts full. Credit flows in continuously, `rate` tokens in each `period`, up to `burst`. A call takes
//! one whole token; a call that finds less is refused and costs nothing. What a caller is told remains is the floor.
//!
//! Credit is counted in units of 1/(period in nanoseconds) of a token: each nanosecond adds `rate` units and a token is
//! worth `period` nanoseconds of them, so that nothing is ever rounded and no drift can build up.

use connexa_types::Mono;
use std::{num::NonZeroU32, time::Duration};

/// The three numbers of a bucket, as the `X-RateLimit-*` headers tell them (API section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BucketSpec {
    /// Bucket size in tokens (`X-RateLimit-Burst-Capacity`).
    pub burst: NonZeroU32,
    /// Tokens added in each period (`X-RateLimit-Replenish-Rate`).
    pub rate: NonZeroU32,
    /// Length of a period in seconds (`X-RateLimit-Replenish-Time`).
    pub period: NonZeroU32,
}

impl BucketSpec {
    /// Makes a spec; `None` if one of the numbers is 0.
    pub const fn new(burst: u32, rate: u32, period: u32) -> Option<Self> {
        match (NonZeroU32::new(burst), NonZeroU32::new(rate), NonZeroU32::new(period)) {
            (Some(burst), Some(rate), Some(period)) => Some(Self { burst, rate, period }),
            _ => None,
        }
    }

    /// The credit that one token is worth.
    const fn token(self) -> u128 {
        self.period.get() as u128 * NANOS_PER_SECOND
    }

    /// The credit of a full bucket.
    const fn capacity(self) -> u128 {
        self.burst.get() as u128 * self.token()
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// What a bucket answers to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether the call got its token.
    pub allowed: bool,
    /// Whole tokens left after the call (`X-RateLimit-Remaining`).
    pub remaining: u32,
}

/// A bucket and the instant up to which its credit has been counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    spec: BucketSpec,
    credit: u128,
    counted_to: Mono,
}

impl Bucket {
    /// Makes a full bucket.
    pub const fn new(spec: BucketSpec, now: Mono) -> Self {
        Self { spec, credit: spec.capacity(), counted_to: now }
    }

    /// The bucket's numbers.
    pub const fn spec(&self) -> BucketSpec {
        self.spec
    }

    /// Takes a token at `now` if there is a whole one.
    ///
    /// A `now` before an earlier one counts as that earlier one: time never runs back in a bucket.
    pub fn take(&mut self, now: Mono) -> Taken {
        self.refill(now);
        let allowed = self.credit >= self.spec.token();
        if allowed {
            self.credit -= self.spec.token();
        }
        Taken { allowed, remaining: self.whole_tokens() }
    }

    /// Whether a [`take`](Self::take) at `now` would get its token.
    pub fn has_token(&self, now: Mono) -> bool {
        let mut later = self.clone();
        later.refill(now);
        later.credit >= later.spec.token()
    }

    /// Whole tokens at `now`.
    pub fn remaining(&self, now: Mono) -> u32 {
        let mut later = self.clone();
        later.refill(now);
        later.whole_tokens()
    }

    /// Returns the time from `now` to the next whole token; zero if there is one. A [`take`](Self::take) after exactly
    /// this wait succeeds, one a nanosecond earlier does not.
    pub fn wait(&self, now: Mono) -> Duration {
        let mut later = self.clone();
        later.refill(now);
        let missing = later.spec.token().saturating_sub(later.credit);
        let nanos = missing.div_ceil(u128::from(self.spec.rate.get()));
        // Counted from the caller's `now`, which may lie before the instant up to which credit is counted.
        later.counted_to.saturating_since(now) + duration_from_nanos(nanos)
    }

    fn refill(&mut self, now: Mono) {
        let elapsed = now.saturating_since(self.counted_to).as_nanos();
        let gained = elapsed.saturating_mul(u128::from(self.spec.rate.get()));
        self.credit = self.credit.saturating_add(gained).min(self.spec.capacity());
        self.counted_to = self.counted_to.max(now);
    }

    fn whole_tokens(&self) -> u32 {
        u32::try_from(self.credit / self.spec.token()).expect("credit never exceeds `burst` tokens, a u32")
    }
}

/// At most one period: `nanos` never exceeds `u32::MAX` seconds.
fn duration_from_nanos(nanos: u128) -> Duration {
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos % NANOS_PER_SECOND).expect("a remainder below 10^9");
    Duration::new(seconds, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(nanos: u64) -> Mono {
        Mono::from_origin(Duration::from_nanos(nanos))
    }

    fn spec(burst: u32, rate: u32, period: u32) -> BucketSpec {
        BucketSpec::new(burst, rate, period).expect("numbers above 0")
    }

    /// The law once more, written without a state of its own: the level is a fraction of tokens over the fixed
    /// denominator `period_ns`, and each step is worked out from the list of all calls before it.
    struct Model {
        burst: u128,
        rate: u128,
        period_ns: u128,
        /// Level in tokens as (whole, parts of `period_ns`), right after the last call, and the time of that call.
        level: (u128, u128),
        last: u64,
    }

    impl Model {
        fn new(s: BucketSpec) -> Self {
            let (burst, rate) = (u128::from(s.burst.get()), u128::from(s.rate.get()));
            let period_ns = Duration::from_secs(u64::from(s.period.get())).as_nanos();
            Self { burst, rate, period_ns, level: (burst, 0), last: 0 }
        }

        fn call(&mut self, time: u64) -> (bool, u128) {
            // Whole periods bring `rate` tokens each; the rest of the time brings a fraction.
            let elapsed = u128::from(time - self.last);
            let whole_periods = elapsed / self.period_ns;
            let parts = self.level.1 + (elapsed % self.period_ns) * self.rate;
            let tokens = self.level.0 + whole_periods * self.rate + parts / self.period_ns;
            self.level =
                if tokens >= self.burst { (self.burst, 0) } else { (tokens, parts % self.period_ns) };
            self.last = time;
            let allowed = self.level.0 > 0;
            if allowed {
                self.level.0 -= 1;
            }
            (allowed, self.level.0)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn every_answer_is_the_one_of_the_law(
            (burst, rate, period) in (1_u32..60, 1_u32..40, 1_u32..20),
            gaps in prop::collection::vec(prop_oneof![
                Just(0), 1_u64..1_000, 1_u64..3_000_000_000, 1_u64..90_000_000_000
            ], 1..150),
        ) {
            let s = spec(burst, rate, period);
            let (mut bucket, mut model) = (Bucket::new(s, at(0)), Model::new(s));
            let mut time = 0;
            for gap in gaps {
                time += gap;
                let (allowed, remaining) = model.call(time);
                let taken = bucket.take(at(time));
                prop_assert_eq!((taken.allowed, u128::from(taken.remaining)), (allowed, remaining));
            }
        }

        #[test]
        fn a_call_after_the_wait_succeeds_and_one_a_nanosecond_earlier_does_not(
            (burst, rate, period) in (1_u32..10, 1_u32..50, 1_u32..100), pause in 0_u64..5_000_000_000,
        ) {
            let mut bucket = Bucket::new(spec(burst, rate, period), at(0));
            while bucket.take(at(pause)).allowed {}
            let wait = bucket.wait(at(pause));
            prop_assert!(wait > Duration::ZERO);
            let due = at(pause) + wait;
            prop_assert!(!bucket.clone().take(due - Duration::from_nanos(1)).allowed);
            prop_assert!(bucket.take(due).allowed);
        }

        #[test]
        fn n_calls_in_a_row_get_exactly_the_burst_and_then_one_each_refill(
            (burst, rate, period) in (1_u32..50, 1_u32..10, 1_u32..30), n in 1_u32..100,
        ) {
            let mut bucket = Bucket::new(spec(burst, rate, period), at(0));
            for k in 0..n {
                let expected = Taken { allowed: k < burst, remaining: burst.saturating_sub(k + 1) };
                prop_assert_eq!(bucket.take(at(0)), expected);
            }
            // Refusals cost nothing: after one period there are `rate` tokens on top of what was left, at most a burst.
            let left = burst.saturating_sub(n);
            let there = (left + rate).min(burst);
            let period = Duration::from_secs(u64::from(period));
            prop_assert_eq!(bucket.take(at(0) + period).remaining, there - 1);
        }

        #[test]
        fn no_drift_over_a_long_time(rate in 1_u32..1000, period in 1_u32..1000) {
            // Drawn as soon as they are there, tokens come at exactly `rate` a period: not one more, not one less. Waits are
            // whole nanoseconds; what a wait rounds up stays in the bucket (which has room for it: a burst of 2).
            let mut bucket = Bucket::new(spec(2, rate, period), at(0));
            prop_assert!(bucket.take(at(0)).allowed && bucket.take(at(0)).allowed);
            let mut now = at(0);
            for drawn in 1..=500_u32 {
                now = now + bucket.wait(now);
                prop_assert!(bucket.take(now).allowed);
                let exact = u128::from(drawn) * u128::from(period) * NANOS_PER_SECOND;
                prop_assert_eq!(now.since_origin().as_nanos(), exact.div_ceil(u128::from(rate)));
            }
        }
    }

    #[test]
    fn time_never_runs_back() {
        let mut bucket = Bucket::new(spec(1, 1, 10), at(5_000_000_000));
        assert!(bucket.take(at(5_000_000_000)).allowed);
        assert!(!bucket.take(at(0)).allowed);
        assert_eq!(bucket.wait(at(0)), Duration::from_secs(15));
        assert!(!bucket.take(at(14_999_999_999)).allowed);
        assert!(bucket.take(at(15_000_000_000)).allowed);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let mut bucket = Bucket::new(spec(u32::MAX, u32::MAX, u32::MAX), Mono::ZERO);
        assert_eq!(bucket.take(Mono::FAR), Taken { allowed: true, remaining: u32::MAX - 1 });
    }
}
