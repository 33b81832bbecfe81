//! When the next call of a class may go.

use super::{
    ClassQuota, QuotaView, Rate,
    bucket::{Bucket, Limit, Mark, OnTheirWay, Sight},
};
use crate::{machine::AttemptId, report::QuotaSource};
use connexa_types::{Attempt, Class, Mono, Outcome, QuotaHeaders};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// The longest wait that a `Retry-After` is obeyed for.
pub(super) const LONGEST_HINT: Duration = Duration::from_hours(1);
/// The first and the longest wait after a 429 that says nothing.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
pub(super) const LONGEST_BACKOFF: Duration = Duration::from_mins(1);
/// The guard after many refusals.
pub(super) const LARGEST_GUARD: Duration = Duration::from_secs(1);

/// The quota of one key, as far as its answers have shown it.
#[derive(Debug)]
pub struct Quota {
    max_rate: Option<Pace>,
    pub(super) read: Lane,
    pub(super) update: Lane,
    /// All calls, should both classes draw on one bucket.
    pub(super) both: Lane,
    pub(super) sharing: Sharing,
    /// The calls on their way, those of other processes included.
    pub(super) flights: Vec<Flight>,
    pub(super) trips: Trips,
    random: fastrand::Rng,
    /// Who this is among those that share the bucket.
    pub(super) me: Owner,
    /// Others that share the bucket, and when they were last seen alive.
    pub(super) partners: Vec<(Owner, Mono)>,
    /// Whether what is known comes, at least in part, from others or from earlier.
    pub(super) adopted: bool,
    /// The classes that an answer to this process has shown.
    proven: BTreeSet<Class>,
}

/// One of those that share a bucket: a number that each picks at random.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(pub u64);

/// Whether a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Now.
    Now,
    /// Not before this moment; ask again then.
    At(Mono),
    /// Not before a call on its way has ended.
    AfterAnswer,
}

/// What is known of both classes' buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sharing {
    /// Not known: every call is booked against both.
    Unknown,
    /// Each has its own.
    Apart,
    /// They are one.
    Shared,
}

/// The calls that draw on one bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    /// Permitted so far.
    pub(super) permitted: u64,
    /// Ended so far.
    pub(super) ended: u64,
    pub(super) bucket: Option<Bucket>,
    /// Whether answers have come that show no quota.
    pub(super) headerless: bool,
    /// Until when no call goes.
    pub(super) closed: Mono,
    /// Kept between a token and the call that takes it, once for each anchor.
    pub(super) guard: Duration,
    /// The last refusal.
    pub(super) refused_at: Option<Mono>,
    /// Refusals in a row, each of a call that was permitted after the one before.
    pub(super) refusals: u32,
    /// The wait after the next refusal that says nothing; zero before the first.
    pub(super) backoff: Duration,
}

/// A call on its way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) owner: Owner,
    pub(super) attempt: AttemptId,
    pub(super) class: Class,
    pub(super) permitted_at: Mono,
    pub(super) own: Seat,
    pub(super) both: Seat,
}

/// A call's place among those of its lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    /// Calls ended when it was permitted: they have arrived before it.
    pub(super) ended: u64,
    /// Calls permitted, itself included.
    pub(super) permitted: u64,
    pub(super) mark: Option<Mark>,
}

/// How long calls take from sending to answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trips {
    pub(super) seen: u32,
    pub(super) least: Duration,
    pub(super) mean: Duration,
}

impl Trips {
    /// So many trips have to be seen before anything is made of them.
    const ENOUGH: u32 = 8;
    const REMEMBERED: u32 = 32;

    fn add(&mut self, trip: Duration) {
        self.seen = self.seen.saturating_add(1);
        if self.seen == 1 {
            (self.least, self.mean) = (trip, trip);
            return;
        }
        // The mean of all at first, of the latest later on.
        let weight = self.seen.min(Self::REMEMBERED);
        self.mean = self.mean * (weight - 1) / weight + trip / weight;
        // It rises slowly, should the way have become longer for good.
        self.least = trip.min(self.least + self.mean.saturating_sub(self.least) / 64);
    }

    /// A time that no trip falls below: on a steady way the shortest seen, on a jumpy one less, since the shortest of a few
    /// is not the shortest of all.
    fn least(self) -> Duration {
        if self.seen < Self::ENOUGH {
            return Duration::ZERO;
        }
        self.least.saturating_sub(self.mean.saturating_sub(self.least) * 2)
    }
}

/// A cap given by the user.
#[derive(Debug)]
struct Pace {
    interval: Duration,
    next: Mono,
}

impl Pace {
    fn take(&mut self, now: Mono) {
        // Time lost between the moment a call could go and the moment it went is made up for, but for no more than one
        // interval: a pause saves up nothing.
        let due = if now.saturating_since(self.next) < self.interval { self.next } else { now };
        self.next = due + self.interval;
    }
}

impl Quota {
    /// Nothing is known yet.
    pub fn new(max_rate: Option<Rate>, seed: u64) -> Self {
        Self {
            max_rate: max_rate.map(|rate| Pace { interval: rate.interval(), next: Mono::ZERO }),
            read: Lane::default(),
            update: Lane::default(),
            both: Lane::default(),
            sharing: Sharing::Unknown,
            flights: Vec::new(),
            trips: Trips::default(),
            random: fastrand::Rng::with_seed(seed),
            me: Owner::default(),
            partners: Vec::new(),
            adopted: false,
            proven: BTreeSet::new(),
        }
    }

    /// Says when a call of a class may go.
    pub fn leave(&mut self, now: Mono, class: Class) -> Leave {
        let way = self.way(class, now);
        let own = self.lane(class);
        if own.is_alone() && own.on_their_way() > 0 {
            return Leave::AfterAnswer;
        }
        // What others have found out, or found out long ago, one call puts to the proof.
        if self.is_hearsay(class) && self.flights.iter().any(|f| f.owner == self.me && f.class == class) {
            return Leave::AfterAnswer;
        }
        let own = if self.sharing == Sharing::Shared { Some(now) } else { self.lane(class).leave(now, way) };
        let both = if self.sharing == Sharing::Apart {
            Some(now)
        } else {
            let way = self.way_of_all(now);
            self.both.leave(now, way)
        };
        let (Some(own), Some(both)) = (own, both) else { return Leave::AfterAnswer };
        let pace = self.max_rate.as_ref().map_or(now, |pace| pace.next);
        let at = own.max(both).max(pace);
        if at <= now { Leave::Now } else { Leave::At(at) }
    }

    /// Notes that a call has its permit.
    pub fn permit(&mut self, now: Mono, attempt: AttemptId, class: Class) {
        if let Some(pace) = &mut self.max_rate {
            pace.take(now);
        }
        let (own_way, all) = (self.way(class, now), self.way_of_all(now));
        let own = self.lane(class).permit(now, own_way);
        let both = self.both.permit(now, all);
        self.flights.push(Flight { owner: self.me, attempt, class, permitted_at: now, own, both });
    }

    /// Notes that a permit was not used.
    pub fn release(&mut self, now: Mono, attempt: AttemptId, class: Class) {
        self.end(now, attempt, class, |lane| {
            if let Some(bucket) = &mut lane.bucket {
                bucket.refund();
            }
        });
    }

    /// Learns from what the attempt of a permit came to.
    pub fn observe(&mut self, now: Mono, attempt: AttemptId, class: Class, what: &Attempt) {
        let headers = what.quota.unwrap_or_default();
        let limit = Limit::shown(&headers);
        let answered = matches!(what.outcome, Outcome::Applied(_) | Outcome::Rejected(_));
        if answered || limit.is_some() {
            self.proven.insert(class);
        }
        let token = token_of(what);
        let extra = u64::from(what.wire_calls.saturating_sub(1));
        let Some(flight) = self.end(now, attempt, class, |lane| {
            let Some(bucket) = &mut lane.bucket else { return };
            match token {
                Token::NotTaken => bucket.refund(),
                Token::Taken => bucket.book_more(extra),
                Token::Unsure => bucket.lost(),
            }
        }) else {
            return;
        };
        if answered {
            self.trips.add(what.ended_at.saturating_since(what.sent_at));
        }
        if let Some(limit) = limit {
            self.see(now, &flight, limit, &headers, matches!(what.outcome, Outcome::Throttled(_)));
        } else if answered && self.lane(class).bucket.is_none() {
            self.lane(class).headerless = true;
        }
        match what.outcome {
            Outcome::Throttled(hint) => {
                // How long to wait is drawn once, so that both lanes open together.
                let jitter = 0.5 + self.random.f64() / 2.0;
                self.lane(class).refused(now, &flight, hint, jitter);
                self.both.refused(now, &flight, hint, jitter);
            }
            Outcome::Applied(_) | Outcome::Rejected(_) => {
                self.lane(class).accepted();
                self.both.accepted();
            }
            Outcome::NotSent(_) | Outcome::Indeterminate(_) | Outcome::Unauthorized => {}
        }
    }

    /// Whether calls of this process are on their way.
    pub fn is_waiting(&self) -> bool {
        self.flights.iter().any(|flight| flight.owner == self.me)
    }

    /// Whether so much is allowed, of both classes, that it makes no difference who else draws.
    pub fn is_vast(&self) -> bool {
        let vast = |class, lane: &Lane| {
            self.proven.contains(&class)
                && match &lane.bucket {
                    Some(bucket) => bucket.limit.is_vast(),
                    None => lane.headerless && lane.refused_at.is_none(),
                }
        };
        vast(Class::Read, &self.read) && vast(Class::Update, &self.update)
    }

    /// What is known now.
    pub fn view(&mut self, now: Mono) -> QuotaView {
        let mut classes = BTreeMap::new();
        for class in Class::ALL {
            let source = if self.is_hearsay(class) { QuotaSource::Remembered } else { QuotaSource::Observed };
            let shared = self.sharing == Sharing::Shared;
            let way = if shared { self.way_of_all(now) } else { self.way(class, now) };
            let lane = if shared { &mut self.both } else { self.lane(class) };
            let quota = match &mut lane.bucket {
                Some(bucket) => {
                    bucket.advance(now, way);
                    let Limit { burst, rate, seconds } = bucket.limit;
                    ClassQuota { burst, rate, seconds, tokens: bucket.tokens(), source }
                }
                None if lane.headerless => {
                    ClassQuota { burst: 0, rate: 0, seconds: 0, tokens: 0, source: QuotaSource::None }
                }
                None => continue,
            };
            classes.insert(class, quota);
        }
        QuotaView { classes, shared: self.sharing == Sharing::Shared }
    }

    /// Whether what is known of a class is what others have seen, or what was seen earlier.
    fn is_hearsay(&self, class: Class) -> bool {
        let proven =
            self.proven.contains(&class) || self.sharing == Sharing::Shared && !self.proven.is_empty();
        self.adopted && !proven
    }

    fn lane(&mut self, class: Class) -> &mut Lane {
        match class {
            Class::Read => &mut self.read,
            Class::Update => &mut self.update,
        }
    }

    pub(super) fn way(&self, class: Class, now: Mono) -> OnTheirWay {
        self.count(now, |flight| flight.class == class)
    }

    pub(super) fn way_of_all(&self, now: Mono) -> OnTheirWay {
        self.count(now, |_| true)
    }

    fn count(&self, now: Mono, counts: impl Fn(&Flight) -> bool) -> OnTheirWay {
        let least_trip = self.trips.least();
        let mut way = OnTheirWay { least_trip, ..OnTheirWay::default() };
        for flight in self.flights.iter().filter(|flight| counts(flight)) {
            way.calls += 1;
            way.late += u64::from(now.saturating_since(flight.permitted_at) > least_trip);
        }
        way
    }

    /// Takes a call off its way; `settle` says what becomes of its token.
    fn end(
        &mut self,
        now: Mono,
        attempt: AttemptId,
        class: Class,
        settle: impl Fn(&mut Lane),
    ) -> Option<Flight> {
        let is_it = |f: &Flight| f.owner == self.me && f.attempt == attempt && f.class == class;
        let at = self.flights.iter().position(is_it)?;
        // Time passes while the call is still counted as on its way: it was, until now.
        let (way, all) = (self.way(class, now), self.way_of_all(now));
        self.lane(class).advance(now, way);
        self.both.advance(now, all);
        let flight = self.flights.swap_remove(at);
        settle(self.lane(class));
        settle(&mut self.both);
        self.lane(class).ended += 1;
        self.both.ended += 1;
        Some(flight)
    }

    /// Takes in the headers of an answer.
    fn see(&mut self, now: Mono, flight: &Flight, limit: Limit, headers: &QuotaHeaders, refused: bool) {
        let class = flight.class;
        let age = now.saturating_since(flight.permitted_at);
        let changed = self.lane(class).bucket.as_ref().is_some_and(|bucket| bucket.limit != limit);
        let other = match class {
            Class::Read => self.update.bucket.as_ref(),
            Class::Update => self.read.bucket.as_ref(),
        }
        .map(|bucket| bucket.limit);
        if changed && self.sharing != Sharing::Unknown {
            self.sharing = Sharing::Unknown;
        }
        if other.is_some_and(|other| other != limit) {
            self.sharing = Sharing::Apart;
        } else if let (Some(remaining), false) = (headers.remaining, refused) {
            self.compare(flight, limit, remaining, age);
        }
        // The law: a bucket starts full. Without a number of its own, ours is the first call to draw on it.
        let remaining = headers.remaining.unwrap_or(if refused { 0 } else { limit.burst - 1 });
        let known = headers.remaining.is_some();
        self.lane(class).see(now, &flight.own, limit, remaining, known, age);
        self.both.see(now, &flight.both, limit, remaining, known, age);
    }

    /// Looks for proof that both classes draw on one bucket, or that they do not.
    fn compare(&mut self, flight: &Flight, limit: Limit, remaining: u64, age: Duration) {
        let own_since = self.lane(flight.class).permitted.saturating_sub(flight.own.permitted);
        let both_since = self.both.permitted.saturating_sub(flight.both.permitted);
        let less_than_own = flight.own.mark.is_some_and(|m| m.is_less(limit, remaining, own_since));
        let less_than_both = flight.both.mark.is_some_and(|m| m.is_less(limit, remaining, both_since));
        let more_than_both = flight.both.mark.is_some_and(|m| m.is_more(limit, remaining, age));
        if more_than_both {
            self.sharing = Sharing::Apart;
        } else if self.sharing == Sharing::Unknown && less_than_own && !less_than_both {
            // The calls of the other class explain what those of this class alone do not.
            self.sharing = Sharing::Shared;
        }
    }
}

/// Whether a call took a token.
#[derive(Clone, Copy, Debug)]
enum Token {
    Taken,
    NotTaken,
    Unsure,
}

fn token_of(attempt: &Attempt) -> Token {
    match &attempt.outcome {
        // A refusal costs nothing.
        Outcome::NotSent(_) | Outcome::Throttled(_) => Token::NotTaken,
        Outcome::Applied(_) | Outcome::Rejected(_) => Token::Taken,
        Outcome::Indeterminate(_) | Outcome::Unauthorized if attempt.quota.is_some() => Token::Taken,
        Outcome::Indeterminate(_) | Outcome::Unauthorized => Token::Unsure,
    }
}

impl Lane {
    fn on_their_way(&self) -> u64 {
        self.permitted.saturating_sub(self.ended)
    }

    /// Whether one call at a time goes: as long as nothing is known, and where refusals are all that is known.
    fn is_alone(&self) -> bool {
        self.bucket.is_none() && (!self.headerless || self.refused_at.is_some())
    }

    fn advance(&mut self, now: Mono, way: OnTheirWay) {
        if let Some(bucket) = &mut self.bucket {
            bucket.advance(now, way);
        }
    }

    /// When a call may go; `None` if an answer has to come first.
    fn leave(&mut self, now: Mono, way: OnTheirWay) -> Option<Mono> {
        let token = match &mut self.bucket {
            None => now,
            Some(bucket) => {
                bucket.advance(now, way);
                bucket.ready(way)?
            }
        };
        Some(token.max(self.closed))
    }

    fn permit(&mut self, now: Mono, way: OnTheirWay) -> Seat {
        let mark = self.bucket.as_mut().map(|bucket| {
            bucket.advance(now, way);
            bucket.book(way.calls)
        });
        self.permitted += 1;
        Seat { ended: self.ended, permitted: self.permitted, mark }
    }

    fn see(&mut self, now: Mono, seat: &Seat, limit: Limit, remaining: u64, known: bool, age: Duration) {
        // All that was not ended when this call got its permit, and all permitted since, may have arrived after it.
        let after = self.permitted.saturating_sub(seat.ended).saturating_sub(1);
        if self.guard.is_zero() {
            self.guard = (limit.period() / 100).min(Duration::from_millis(10));
        }
        let sight = Sight { remaining, age, after, guard: self.guard };
        match &mut self.bucket {
            None => self.bucket = Some(Bucket::seen(limit, sight, now)),
            Some(bucket) => {
                bucket.set_limit(limit, self.guard);
                if known {
                    bucket.see(sight);
                }
            }
        }
    }

    fn accepted(&mut self) {
        self.refusals = 0;
        self.backoff /= 2;
    }

    /// Takes in a 429.
    fn refused(&mut self, now: Mono, flight: &Flight, hint: Option<Duration>, jitter: f64) {
        let anew = self.refused_at.is_none_or(|before| flight.permitted_at >= before);
        self.refused_at = Some(now);
        let mut wait = Duration::ZERO;
        if anew {
            self.refusals += 1;
            self.guard = (self.guard * 2 + Duration::from_millis(10)).min(LARGEST_GUARD);
            if self.bucket.is_none() {
                self.backoff = (self.backoff * 2).clamp(FIRST_BACKOFF, LONGEST_BACKOFF);
                wait = self.backoff.mul_f64(jitter);
            } else if self.refusals > 1 {
                // The bucket is not what it says it is.
                let doubled = FIRST_BACKOFF * (1 << (self.refusals - 2).min(6));
                wait = doubled.min(LONGEST_BACKOFF).mul_f64(jitter);
            }
        }
        let wait = wait.max(hint.unwrap_or_default().min(LONGEST_HINT));
        self.closed = self.closed.max(now + wait);
        let others = self.on_their_way();
        if let Some(bucket) = &mut self.bucket {
            bucket.refused(others, self.guard, now.saturating_since(flight.permitted_at));
        }
    }
}
