//! Values of time: a monotonic instant for waiting, a wall-clock instant for showing and storing.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// A wall-clock instant, written as RFC 3339 in UTC. For display, journal and reports only: waits use [`Mono`].
pub type Timestamp = jiff::Timestamp;

/// A monotonic instant: the time since an origin that means something only inside one process.
///
/// It has no serialised form on purpose: records hold wall times and durations (a stored monotonic
/// instant would be read back against another origin).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(Duration);

impl Mono {
    /// The origin.
    pub const ZERO: Self = Self(Duration::ZERO);
    /// Later than every instant that a process can reach.
    pub const FAR: Self = Self(Duration::from_secs(u64::MAX / 4));

    /// The instant that lies `since` after the origin.
    pub const fn from_origin(since: Duration) -> Self {
        Self(since)
    }

    /// Time since the origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// Time from `earlier` to `self`; zero if `earlier` is not earlier.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Mono {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(d))
    }
}

impl Sub<Duration> for Mono {
    type Output = Self;
    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(d))
    }
}

impl fmt::Debug for Mono {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t+{:?}", self.0)
    }
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For waiting.
    pub mono: Mono,
    /// For showing and storing.
    pub wall: Timestamp,
}
