//! The law of the token bucket, written down independently of the engine: full at first, continuous exact refill, one
//! whole token a call, a refusal costs nothing, what it says remains is the floor.

use connexa_types::{Mono, QuotaHeaders};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    pub burst: u64,
    pub rate: u64,
    pub seconds: u64,
}

impl Numbers {
    pub const fn new(burst: u64, rate: u64, seconds: u64) -> Self {
        Self { burst, rate, seconds }
    }

    pub fn period(self) -> Duration {
        Duration::from_secs(self.seconds).div_f64(self.rate as f64)
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
        Self::with_tokens(numbers, numbers.burst as f64)
    }

    pub fn with_tokens(numbers: Numbers, tokens: f64) -> Self {
        let token = u128::from(numbers.seconds) * 1_000_000_000;
        Self { numbers, credit: (token as f64 * tokens) as u128, at: Mono::ZERO }
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
            burst: Some(self.numbers.burst),
            rate: Some(self.numbers.rate),
            seconds: Some(self.numbers.seconds),
            remaining: Some((self.credit / self.token()) as u64),
        };
        (allowed, headers)
    }
}
