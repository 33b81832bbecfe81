//! The quota of a key: mirrors of the server's token buckets, as pure arithmetic.
//!
//! [`Quota`] says when the next call of a class may go, and learns from every answer; time and chance come in as values.
//! [`QuotaView`] is what a plan or a report needs to know of it. [`SharedQuota`] is the quota as a value that processes with
//! one key hand to one another. The async port over it all is [`crate::pacer`].

mod bucket;
mod gate;
mod rate;
mod shared;

pub use gate::{Leave, Owner, Quota};
pub use rate::{ParseRateError, Rate};
pub use shared::{SharedQuota, elapsed};

use crate::report::QuotaSource;
use connexa_types::Class;
use std::{collections::BTreeMap, time::Duration};

/// What is known of the quota of a key at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaView {
    /// What is known, by class. A class of which nothing is known has no entry.
    pub classes: BTreeMap<Class, ClassQuota>,
    /// Whether both classes draw on one bucket.
    pub shared: bool,
}

/// What is known of the bucket of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassQuota {
    /// Bucket size.
    pub burst: u64,
    /// Tokens that flow in a period; 0 where the service names no limit ([`QuotaSource::None`]).
    pub rate: u64,
    /// Seconds of a period.
    pub seconds: u64,
    /// Whole tokens there now.
    pub tokens: u64,
    /// Where this is known from.
    pub source: QuotaSource,
}

impl ClassQuota {
    /// A full bucket of a published profile, assumed.
    const fn assumed(burst: u64, rate: u64, seconds: u64) -> Self {
        Self { burst, rate, seconds, tokens: burst, source: QuotaSource::Assumed }
    }

    /// The least time that this many calls take: the tokens that are missing now have to flow in.
    pub fn time_for(&self, calls: u64) -> Duration {
        let missing = u128::from(calls.saturating_sub(self.tokens));
        if self.rate == 0 {
            return Duration::ZERO;
        }
        let nanos = missing * u128::from(self.seconds) * 1_000_000_000 / u128::from(self.rate);
        Duration::from_secs(u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX))
            + Duration::from_nanos(u64::try_from(nanos % 1_000_000_000).unwrap_or(0))
    }
}

impl QuotaView {
    /// The profiles that costs are told for while the quota is not known: name and view (API sections 2.2 and 10, row 1).
    pub fn profiles() -> [(&'static str, Self); 2] {
        let year_2024 = ClassQuota::assumed(20, 1, 15);
        [
            ("default", Self::apart(ClassQuota::assumed(20, 1, 1), ClassQuota::assumed(20, 1, 4))),
            ("2024", Self { shared: true, ..Self::apart(year_2024, year_2024) }),
        ]
    }

    fn apart(read: ClassQuota, update: ClassQuota) -> Self {
        Self { classes: BTreeMap::from([(Class::Read, read), (Class::Update, update)]), shared: false }
    }

    /// The least time that so many calls of each class take; `None` where the bucket of a class with calls is not known.
    pub fn time_for(&self, reads: u64, updates: u64) -> Option<Duration> {
        let of = |class, calls| match self.classes.get(&class) {
            Some(quota) => Some(quota.time_for(calls)),
            None => (calls == 0).then_some(Duration::ZERO),
        };
        if self.shared {
            let known = self.classes.values().min_by_key(|quota| quota.tokens)?;
            return Some(known.time_for(reads.saturating_add(updates)));
        }
        // The classes flow side by side.
        Some(of(Class::Read, reads)?.max(of(Class::Update, updates)?))
    }
}
