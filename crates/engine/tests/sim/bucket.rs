//! The law of the token bucket, written down independently of the engine: full at first, continuous exact refill, one
//! whole token a call, a refusal costs nothing, what it says remains is the floor.

use connexa_types::{Mono, QuotaHeaders};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    pub burst: u32,
    pub rate: u32,
    pub seconds: u32,
}

impl Numbers {
    pub const fn new(burst: u32, rate: u32, seconds: u32) -> Self {
        Self { burst, rate, seconds }
    }

    pub fn period(self) -> Duration {
        Duration::from_secs(u64::from(self.seconds)) / self.rate
    }
}

/// The level is `credit` / `seconds × 10⁹` tokens.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub numbers: Numbers,
    credit: u128,
    at: Mono,
}

impl Bucket {
    pub fn full(numbers: Numbers) -> Self {
        Self::with_tenths(numbers, u64::from(numbers.burst) * 10)
    }

    /// A bucket that holds so many tenths of a token.
    pub fn with_tenths(numbers: Numbers, tenths: u64) -> Self {
        let tenth = u128::from(numbers.seconds) * 100_000_000;
        Self { numbers, credit: tenth * u128::from(tenths), at: Mono::ZERO }
    }

    fn token(&self) -> u128 {
        u128::from(self.numbers.seconds) * 1_000_000_000
    }

    pub fn take(&mut self, now: Mono) -> (bool, QuotaHeaders) {
        let inflow = now.saturating_since(self.at).as_nanos() * u128::from(self.numbers.rate);
        self.credit = (self.credit + inflow).min(self.token() * u128::from(self.numbers.burst));
        self.at = self.at.max(now);
        let allowed = self.credit >= self.token();
        if allowed {
            self.credit -= self.token();
        }
        let headers = QuotaHeaders {
            burst: Some(self.numbers.burst.into()),
            rate: Some(self.numbers.rate.into()),
            seconds: Some(self.numbers.seconds.into()),
            remaining: u64::try_from(self.credit / self.token()).ok(),
        };
        (allowed, headers)
    }
}
