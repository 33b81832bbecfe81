//! The quota of a key as a value that can be stored: what processes that use one key hand to one another, and what the
//! next one remembers.
//!
//! There is one mirror of the buckets for all of them. Whoever is alone with it takes it over ([`Quota::adopt`]), takes a
//! token or tells what an answer showed, and hands it back ([`Quota::share`]): so many processes pace as one would. A token
//! that was taken stands in it as a call on its way, which is the lease: one token at a time, for as long as the call lasts
//! or its owner lives.
//!
//! Monotonic time means nothing to another process. The value holds one wall-clock time, when it was written, and all else
//! as distances from it; [`elapsed`] says how much of the time since then can be believed. It errs to the long wait, which
//! the next answer corrects. What cannot be right is cut to what can: at its worst a value costs some seconds, never a hang
//! or a panic.

use super::{
    bucket::{Bucket, Limit, Mark, OnTheirWay},
    gate::{Flight, LARGEST_GUARD, LONGEST_BACKOFF, LONGEST_HINT, Lane, Owner, Quota, Seat, Sharing, Trips},
};
use crate::machine::AttemptId;
use connexa_types::{Class, Mono, Now, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The calls of a process that has not been seen for so long are no longer waited for.
const LOST_AFTER: Duration = Duration::from_secs(10);
/// For so long after the last look refusals make those that come later careful.
const GRUDGE: Duration = Duration::from_mins(1);
/// Clocks that part by no more than this were not set.
const CLOCK_JITTER: Duration = Duration::from_millis(10);
/// More calls on their way than all processes of a machine can have.
const MOST_FLIGHTS: usize = 4096;
/// No level lies beyond; keeps absurd ones out of the arithmetic.
const HIGHEST: i128 = 1 << 100;
/// No debt of tokens is larger, besides those of the calls on their way.
const LARGEST_DEBT: u64 = 16;

/// The quota of a key, for storing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedQuota {
    format: u32,
    /// Counts the hands that it went through.
    serial: u64,
    written: Timestamp,
    sharing: Sharing,
    read: LaneRecord,
    update: LaneRecord,
    both: LaneRecord,
    trips: TripsRecord,
    owners: Vec<OwnerRecord>,
    flights: Vec<FlightRecord>,
}

/// Nanoseconds before the writing; negative after it.
type Ago = i64;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LaneRecord {
    permitted: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bucket: Option<BucketRecord>,
    headerless: bool,
    /// For how long no call goes, in nanoseconds.
    closed_for: u64,
    guard: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<Ago>,
    refusals: u32,
    backoff: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BucketRecord {
    limit: Limit,
    credit: i128,
    ceiling: i128,
    at: Ago,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TripsRecord {
    seen: u32,
    least: u64,
    mean: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerRecord {
    id: Owner,
    seen: Ago,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FlightRecord {
    owner: Owner,
    attempt: AttemptId,
    class: Class,
    permitted: Ago,
    own: SeatRecord,
    both: SeatRecord,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeatRecord {
    ended: u64,
    permitted: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<MarkRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkRecord {
    limit: Limit,
    low: i128,
    high: i128,
}

/// The time since `written` that can be believed; `last` are the clocks when this process last looked, if it has.
///
/// What the wall clock has gained on the monotonic one since then was no time in which tokens flow for certain: somebody
/// set it, or the machine slept.
pub fn elapsed(written: Timestamp, now: Now, last: Option<Now>) -> Duration {
    let wall = |earlier| Duration::try_from(now.wall.duration_since(earlier)).unwrap_or_default();
    let since = wall(written);
    let gained = last
        .map_or(Duration::ZERO, |last| wall(last.wall).saturating_sub(now.mono.saturating_since(last.mono)));
    if gained > CLOCK_JITTER { since.saturating_sub(gained) } else { since }
}

impl SharedQuota {
    const FORMAT: u32 = 1;

    /// Reads a stored quota: the first line of `bytes`. `None` for all that is none, or that makes no sense.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let line = bytes.split(|b| *b == b'\n').next()?;
        let read: Self = serde_json::from_slice(line).ok()?;
        read.is_believable().then_some(read)
    }

    /// One line.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("numbers and texts can be written");
        line.push(b'\n');
        line
    }

    /// Counts the hands that it went through.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// When it was written.
    pub const fn written(&self) -> Timestamp {
        self.written
    }

    fn is_believable(&self) -> bool {
        let lanes = [&self.read, &self.update, &self.both];
        let limits = lanes.iter().filter_map(|lane| lane.bucket.as_ref()).map(|bucket| bucket.limit);
        self.format == Self::FORMAT
            && self.flights.len() <= MOST_FLIGHTS
            && self.owners.len() <= MOST_FLIGHTS
            && lanes.iter().all(|lane| lane.permitted <= u64::MAX / 2)
            && self.serial <= u64::MAX / 2
            && limits.map(Limit::believable).all(|limit| limit.is_some())
    }
}

impl Quota {
    /// Says who this is among those that share the bucket.
    pub const fn join(&mut self, me: Owner) {
        self.me = me;
    }

    /// The quota as a value, with the number of the hand that it leaves.
    pub fn share(&self, now: Now, serial: u64) -> SharedQuota {
        let ago = |at| ago(at, now.mono);
        let lane = |lane: &Lane| LaneRecord::of(lane, now.mono);
        let me = OwnerRecord { id: self.me, seen: 0 };
        let partners = self.partners.iter().map(|(id, seen)| OwnerRecord { id: *id, seen: ago(*seen) });
        let flights = self.flights.iter().map(|flight| FlightRecord {
            owner: flight.owner,
            attempt: flight.attempt,
            class: flight.class,
            permitted: ago(flight.permitted_at),
            own: SeatRecord::of(flight.own),
            both: SeatRecord::of(flight.both),
        });
        SharedQuota {
            format: SharedQuota::FORMAT,
            serial,
            written: now.wall,
            sharing: self.sharing,
            read: lane(&self.read),
            update: lane(&self.update),
            both: lane(&self.both),
            trips: TripsRecord {
                seen: self.trips.seen,
                least: nanos(self.trips.least),
                mean: nanos(self.trips.mean),
            },
            owners: std::iter::once(me).chain(partners).collect(),
            flights: flights.collect(),
        }
    }

    /// Takes over what others have left, `elapsed` after it was written; all that was known before goes.
    pub fn adopt(&mut self, shared: &SharedQuota, now: Mono, elapsed: Duration) {
        let past = Past { now, elapsed };
        self.adopted = true;
        self.sharing = shared.sharing;
        self.trips = shared.trips.trips();
        let alive = shared.owners.iter().filter(|o| o.id != self.me && past.age(o.seen) <= LOST_AFTER);
        self.partners = alive.map(|owner| (owner.id, past.at(owner.seen))).collect();
        self.flights = shared.flights.iter().map(|flight| flight.flight(past)).collect();
        self.read = shared.read.lane(past, self.way(Class::Read, now));
        self.update = shared.update.lane(past, self.way(Class::Update, now));
        self.both = shared.both.lane(past, self.way_of_all(now));
        self.forget_the_lost(now);
    }

    /// Waits no longer for calls of processes that have not been seen for a while.
    pub fn forget_the_lost(&mut self, now: Mono) {
        self.partners.retain(|(_, seen)| now.saturating_since(*seen) <= LOST_AFTER);
        let (me, partners) = (self.me, &self.partners);
        let is_known = |owner| owner == me || partners.iter().any(|(id, _)| *id == owner);
        let lost: Vec<Flight> = self.flights.extract_if(.., |flight| !is_known(flight.owner)).collect();
        for flight in lost {
            let own = match flight.class {
                Class::Read => &mut self.read,
                Class::Update => &mut self.update,
            };
            for lane in [own, &mut self.both] {
                lane.ended += 1;
                // Nobody will tell whether it has taken its token.
                lane.bucket.iter_mut().for_each(Bucket::lost);
            }
        }
    }

    /// Goes on without the others, from what is known.
    pub fn part(&mut self, now: Mono) {
        self.partners.clear();
        self.forget_the_lost(now);
    }
}

/// The moment of the writing, as this process sees it.
#[derive(Clone, Copy)]
struct Past {
    now: Mono,
    elapsed: Duration,
}

impl Past {
    /// How long ago that was.
    fn age(self, ago: Ago) -> Duration {
        let distance = Duration::from_nanos(ago.unsigned_abs());
        if ago < 0 { self.elapsed.saturating_sub(distance) } else { self.elapsed.saturating_add(distance) }
    }

    /// When that was; the beginning of this process's time for what was before it.
    fn at(self, ago: Ago) -> Mono {
        self.now - self.age(ago)
    }
}

fn ago(at: Mono, now: Mono) -> Ago {
    let distance = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    if at > now { -distance(at.saturating_since(now)) } else { distance(now.saturating_since(at)) }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

const fn level(credit: i128) -> i128 {
    if credit > HIGHEST {
        HIGHEST
    } else if credit < -HIGHEST {
        -HIGHEST
    } else {
        credit
    }
}

impl LaneRecord {
    fn of(lane: &Lane, now: Mono) -> Self {
        let bucket = lane.bucket.as_ref().map(|bucket| BucketRecord {
            limit: bucket.limit,
            credit: level(bucket.credit),
            ceiling: level(bucket.ceiling),
            at: ago(bucket.at, now),
        });
        Self {
            permitted: lane.permitted,
            bucket,
            headerless: lane.headerless,
            closed_for: nanos(lane.closed.saturating_since(now)),
            guard: nanos(lane.guard),
            refused: lane.refused_at.map(|at| ago(at, now)),
            refusals: lane.refusals,
            backoff: nanos(lane.backoff),
        }
    }

    /// The lane with `way` on their way.
    fn lane(&self, past: Past, way: OnTheirWay) -> Lane {
        let closed = Duration::from_nanos(self.closed_for).min(LONGEST_HINT).saturating_sub(past.elapsed);
        let bucket = self.bucket.as_ref().map(|record| {
            let limit = record.limit;
            let least = -limit.worth(way.calls + LARGEST_DEBT) - limit.inflow(LARGEST_GUARD);
            let within = |credit: i128| level(credit).max(least).min(limit.full());
            let mut bucket = Bucket {
                limit,
                credit: within(record.credit),
                ceiling: within(record.ceiling),
                at: past.now,
            };
            bucket.flow(past.age(record.at), way);
            bucket
        });
        let permitted = self.permitted.max(way.calls);
        let lane = Lane {
            permitted,
            ended: permitted - way.calls,
            bucket,
            headerless: self.headerless,
            closed: past.now + closed,
            ..Lane::default()
        };
        if past.elapsed > GRUDGE {
            return lane;
        }
        Lane {
            guard: Duration::from_nanos(self.guard).min(LARGEST_GUARD),
            refused_at: self.refused.map(|ago| past.at(ago)),
            refusals: self.refusals.min(100),
            backoff: Duration::from_nanos(self.backoff).min(LONGEST_BACKOFF),
            ..lane
        }
    }
}

impl TripsRecord {
    fn trips(&self) -> Trips {
        let time = |nanos| Duration::from_nanos(nanos).min(LONGEST_HINT);
        Trips { seen: self.seen, least: time(self.least), mean: time(self.mean) }
    }
}

impl FlightRecord {
    fn flight(&self, past: Past) -> Flight {
        Flight {
            owner: self.owner,
            attempt: self.attempt,
            class: self.class,
            permitted_at: past.at(self.permitted),
            own: self.own.seat(),
            both: self.both.seat(),
        }
    }
}

impl SeatRecord {
    fn of(seat: Seat) -> Self {
        let mark = seat.mark.map(|mark| MarkRecord {
            limit: mark.limit,
            low: level(mark.low),
            high: level(mark.high),
        });
        Self { ended: seat.ended, permitted: seat.permitted, mark }
    }

    fn seat(&self) -> Seat {
        let mark = self.mark.as_ref().and_then(|record| {
            let limit = record.limit.believable()?;
            Some(Mark { limit, low: level(record.low), high: level(record.high) })
        });
        Seat { ended: self.ended, permitted: self.permitted, mark }
    }
}
