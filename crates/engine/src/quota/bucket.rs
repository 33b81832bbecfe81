//! A mirror of one token bucket of the server, in exact integers.
//!
//! The law of the bucket: it starts full, refills continuously and exactly, gives one whole token a call, a refusal costs
//! nothing, and what it says remains is the floor. What is not known is *when* between sending and answer a call took its
//! token, and whether somebody else draws too. So the mirror holds two bounds:
//!
//! - `credit`: the bucket holds at least this much more than the calls on their way will take. A call may go when this is
//!   a whole token: it finds one, whatever the network does.
//! - `ceiling`: the bucket holds at most this much more than the calls on their way will take. It is good for nothing but
//!   proof: a server that shows more keeps another bucket than we thought.
//!
//! Credit is counted in units of 1/(seconds × 10⁹) of a token: each nanosecond adds `rate` units. Nothing is rounded, so
//! the k-th call after the burst goes at anchor + k × period, and nothing accumulates.

use connexa_types::{Mono, QuotaHeaders};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The three numbers of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limit {
    pub(super) burst: u64,
    pub(super) rate: u64,
    pub(super) seconds: u64,
}

/// A service that gives less than a call in so long a time is not believed.
const LONGEST_PERIOD: u64 = 3600;
/// Larger numbers are all the same.
const LARGEST: u64 = u32::MAX as u64;

impl Limit {
    /// The numbers that an answer shows; `None` where they are absent or make no sense.
    pub(super) fn shown(headers: &QuotaHeaders) -> Option<Self> {
        let positive = |n: Option<u64>| n.filter(|n| *n > 0).map(|n| n.min(LARGEST));
        let (rate, seconds) = (positive(headers.rate)?, positive(headers.seconds)?);
        // A bucket that names no size holds at least what remained beside the call itself.
        let burst = match headers.burst {
            Some(burst) => positive(Some(burst))?,
            None => headers.remaining.unwrap_or(0).saturating_add(1).min(LARGEST),
        };
        Self { burst, rate, seconds }.believable()
    }

    /// Itself, if it makes sense.
    pub(super) fn believable(self) -> Option<Self> {
        let sized = [self.burst, self.rate, self.seconds].iter().all(|n| (1..=LARGEST).contains(n));
        (sized && self.seconds <= self.rate.saturating_mul(LONGEST_PERIOD)).then_some(self)
    }

    /// Whether more than a thousand calls a second are allowed: no process comes near that.
    pub(super) fn is_vast(self) -> bool {
        const VAST: u64 = 1000;
        self.burst >= VAST && self.rate / self.seconds >= VAST
    }

    /// What a token is worth.
    pub(super) const fn token(self) -> i128 {
        self.seconds as i128 * 1_000_000_000
    }

    /// What `tokens` are worth.
    pub(super) fn worth(self, tokens: u64) -> i128 {
        self.token().saturating_mul(i128::from(tokens))
    }

    pub(super) fn full(self) -> i128 {
        self.worth(self.burst)
    }

    /// What flows in during a time.
    pub(super) fn inflow(self, time: Duration) -> i128 {
        i128::try_from(time.as_nanos()).unwrap_or(i128::MAX).saturating_mul(i128::from(self.rate))
    }

    /// The time in which so much flows in, rounded up.
    fn time_for(self, credit: i128) -> Duration {
        let nanos = u128::try_from(credit).unwrap_or(0).div_ceil(u128::from(self.rate));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The time from one token to the next.
    pub(super) fn period(self) -> Duration {
        self.time_for(self.token())
    }
}

/// The calls on their way, as a bucket sees them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OnTheirWay {
    /// Permitted and not ended.
    pub(super) calls: u64,
    /// Those of them that are on their way for longer than `least_trip`.
    pub(super) late: u64,
    /// The shortest time that a call took from sending to answer.
    pub(super) least_trip: Duration,
}

/// The mirror.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) limit: Limit,
    pub(super) credit: i128,
    pub(super) ceiling: i128,
    pub(super) at: Mono,
}

/// What was known of a bucket when a call was permitted; compared with what its answer shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) limit: Limit,
    /// Lower bound of what is left after the call, if it is the last to arrive.
    pub(super) low: i128,
    /// Upper bound of what is left after the call, at the moment of the permit.
    pub(super) high: i128,
}

/// What an answer says of the bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// Whole tokens left after its call.
    pub(super) remaining: u64,
    /// From permit to answer: how old that is at most.
    pub(super) age: Duration,
    /// Calls that may have arrived after it.
    pub(super) after: u64,
    /// How much later than it could to send again.
    pub(super) guard: Duration,
}

impl Bucket {
    /// A bucket seen for the first time. Its level was that of the sight or up to a token more; the least is taken.
    pub(super) fn seen(limit: Limit, sight: Sight, now: Mono) -> Self {
        let mut bucket = Self { limit, credit: i128::MIN / 4, ceiling: limit.full(), at: now };
        bucket.see(sight);
        bucket
    }

    /// Lets time pass.
    ///
    /// A bucket that is full while calls are on their way loses what flows in, and they may then arrive all at once. The
    /// way there takes as long as it takes at least; a call that takes longer is held to be still on its way, and its token
    /// to lie in the bucket: so much less can flow in.
    pub(super) fn advance(&mut self, now: Mono, way: OnTheirWay) {
        let time = now.saturating_since(self.at);
        self.at = self.at.max(now);
        self.flow(time, way);
    }

    /// Lets a time pass that the clock of this process need not have seen.
    pub(super) fn flow(&mut self, time: Duration, way: OnTheirWay) {
        let inflow = self.limit.inflow(time);
        self.credit = self.credit.saturating_add(inflow).min(self.limit.full());
        self.ceiling = self.ceiling.saturating_add(inflow).min(self.limit.full());
        let room = self.limit.full() - self.limit.worth(way.late) + self.limit.inflow(way.least_trip);
        self.credit = self.credit.min(room);
    }

    /// When a call may go, if nothing else happens; `None` if an answer has to come first. Called right after `advance`.
    pub(super) fn ready(&self, way: OnTheirWay) -> Option<Mono> {
        let missing = self.limit.token() - self.credit;
        let room = self.limit.full() - self.limit.worth(way.late) + self.limit.inflow(way.least_trip);
        if missing <= 0 {
            Some(self.at)
        } else if room < self.limit.token() {
            None
        } else {
            Some(self.at + self.limit.time_for(missing))
        }
    }

    /// Takes a token for a call; `others` are on their way already.
    pub(super) fn book(&mut self, others: u64) -> Mark {
        self.credit -= self.limit.token();
        self.ceiling -= self.limit.token();
        let high = self.ceiling + self.limit.worth(others);
        Mark { limit: self.limit, low: self.credit, high: high.min(self.limit.full() - self.limit.token()) }
    }

    /// Takes further tokens for a call that went out more than once.
    pub(super) fn book_more(&mut self, calls: u64) {
        self.credit -= self.limit.worth(calls);
    }

    /// Gives the token of a call back that took none.
    pub(super) fn refund(&mut self) {
        self.credit += self.limit.token();
        self.ceiling += self.limit.token();
    }

    /// Notes a call of which nobody knows whether it took its token.
    pub(super) fn lost(&mut self) {
        self.ceiling += self.limit.token();
    }

    /// Takes in what an answer shows.
    pub(super) fn see(&mut self, sight: Sight) {
        let remaining = self.limit.worth(sight.remaining.min(self.limit.burst));
        let least = remaining - self.limit.worth(sight.after) - self.limit.inflow(sight.guard);
        // Less than the next whole token remained, and no more than a token less than a full bucket.
        let most = (remaining + self.limit.token()).min(self.limit.full() - self.limit.token())
            + self.limit.inflow(sight.age);
        if self.credit > most {
            // Somebody else has drawn: what we reckoned is worth nothing.
            self.credit = least;
        }
        self.credit = self.credit.max(least);
        self.ceiling = self.ceiling.min(most);
    }

    /// Takes in a refusal: there was less than a token, and the anchor moves. `others` are on their way and may find the
    /// next tokens.
    pub(super) fn refused(&mut self, others: u64, guard: Duration, age: Duration) {
        let empty = -self.limit.inflow(guard) - self.limit.worth(others);
        self.credit = self.credit.min(empty);
        self.ceiling = self.ceiling.min(self.limit.token() + self.limit.inflow(age));
    }

    /// Takes over new numbers. A debt of tokens stays one of as many tokens; the guard in it stays a time, or the guard of
    /// a fast bucket would hold a slow one up for ages.
    pub(super) fn set_limit(&mut self, limit: Limit, guard: Duration) {
        if limit == self.limit {
            return;
        }
        let owes = self.credit < 0;
        if owes {
            self.credit = self.credit.saturating_add(self.limit.inflow(guard)).min(0);
        }
        let scale =
            |credit: i128| credit.saturating_mul(i128::from(limit.seconds)) / i128::from(self.limit.seconds);
        // A level is a number of tokens: only its unit changes. What a larger bucket holds more is for an answer to show.
        self.credit = scale(self.credit).min(limit.full());
        if owes {
            self.credit = self.credit.saturating_sub(limit.inflow(guard));
        }
        self.ceiling = limit.full();
        self.limit = limit;
    }

    /// Whole tokens that a call would find.
    pub(super) fn tokens(&self) -> u64 {
        u64::try_from(self.credit.max(0) / self.limit.token()).unwrap_or(u64::MAX)
    }
}

impl Mark {
    /// Whether so few tokens left prove that somebody has drawn whom this mirror does not count, `since` calls having been
    /// permitted after the call.
    pub(super) fn is_less(&self, limit: Limit, remaining: u64, since: u64) -> bool {
        self.limit == limit && limit.worth(remaining.saturating_add(1)) <= self.low - limit.worth(since)
    }

    /// Whether so many tokens left prove that not all that this mirror counts has drawn on the bucket.
    pub(super) fn is_more(&self, limit: Limit, remaining: u64, age: Duration) -> bool {
        self.limit == limit && limit.worth(remaining) > self.high + limit.inflow(age)
    }
}
