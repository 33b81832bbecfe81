//! Breadth-first over all that may happen, and the judgement of every end.

use crate::{
    client::{Kind, Protocol, Setting, State, Step, Verdict},
    world::{Content, Maker},
};
use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hasher},
    iter::Sum,
    ops::Add,
};

/// What an exploration found: end states that break a promise, by promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub states: usize,
    pub ends: usize,
    /// An object of ours, or a second effect, that no verdict tells of.
    pub unreported: usize,
    /// *Failed*, and yet applied.
    pub false_failed: usize,
    /// *Succeeded*, and not so, although nobody else was at work.
    pub false_succeeded: usize,
    /// *Undone*, and yet there, or not restored although nobody else was at work.
    pub left_behind: usize,
    /// Something of the second operator's deleted or overwritten that the client could have known.
    pub hurt: usize,
}

impl Found {
    pub const fn violations(&self) -> usize {
        self.unreported + self.false_failed + self.false_succeeded + self.left_behind + self.hurt
    }
}

impl Add for Found {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            states: self.states + other.states,
            ends: self.ends + other.ends,
            unreported: self.unreported + other.unreported,
            false_failed: self.false_failed + other.false_failed,
            false_succeeded: self.false_succeeded + other.false_succeeded,
            left_behind: self.left_behind + other.left_behind,
            hurt: self.hurt + other.hurt,
        }
    }
}

impl Sum for Found {
    fn sum<I: Iterator<Item = Self>>(iterator: I) -> Self {
        iterator.fold(Self::default(), Add::add)
    }
}

/// A hash of small fields: most of the time would go into a better one.
#[derive(Default)]
struct Multiplying(u64);

type Quick = BuildHasherDefault<Multiplying>;

impl Hasher for Multiplying {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value.cast_unsigned() as u64);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

/// Visits every state that can be reached.
pub fn explore(protocol: &Protocol, setting: &Setting) -> Found {
    let first = State::initial(setting);
    let mut seen = HashSet::<State, Quick>::from_iter([first]);
    let mut front = vec![first];
    let mut found = Found::default();
    let (mut next, mut successors) = (Vec::new(), Vec::new());
    while !front.is_empty() {
        for state in front.drain(..) {
            judge(&state, setting, &mut found);
            state.successors(protocol, setting, &mut successors);
            next.extend(successors.drain(..).filter(|state| seen.insert(*state)));
        }
        std::mem::swap(&mut front, &mut next);
    }
    found.states = seen.len();
    found
}

/// Judges a state in which the client has ended and nothing is on its way any more, by what the service holds.
fn judge(state: &State, setting: &Setting, found: &mut Found) {
    if state.step != Step::End || state.world.late.len() > 0 {
        return;
    }
    found.ends += 1;
    let world = &state.world;
    let (forward, undo) = state.verdicts();
    let forward = forward.expect("every change has a verdict");
    let ours = world.live.iter().filter(|object| object.maker == Maker::Client);
    let alone = state.meddlings == setting.meddlings;
    let is_named = |verdict: Verdict, id: u8| match verdict {
        Verdict::Confirmed(named) | Verdict::Inferred(named) | Verdict::Already(named) => named == id,
        // The list that this rests on is told whole.
        Verdict::Unknown | Verdict::Stuck => true,
        Verdict::Failed | Verdict::Undone => false,
    };
    let there = |content: Content| world.live.iter().any(|object| object.content == content);
    found.hurt += usize::from(world.hurt);

    if setting.kind == Kind::OneShot {
        found.unreported += usize::from(world.effects > 1);
        found.false_failed += usize::from(forward == Verdict::Failed && world.effects > 0);
        found.false_succeeded += usize::from(matches!(forward, Verdict::Confirmed(_)) && world.effects == 0);
        return;
    }
    let Some(undo) = undo else {
        let applied = match setting.kind {
            Kind::Create => ours.clone().count() > 0,
            Kind::Update => world.applied && there(Content::New),
            Kind::Delete | Kind::OneShot => world.applied,
        };
        let desired = match setting.kind {
            Kind::Create | Kind::Update => there(Content::New),
            Kind::Delete | Kind::OneShot => world.live.len() == 0,
        };
        match forward {
            Verdict::Failed => found.false_failed += usize::from(applied),
            Verdict::Confirmed(_) | Verdict::Inferred(_) | Verdict::Already(_) => {
                found.false_succeeded += usize::from(alone && !desired);
                found.unreported += usize::from(ours.clone().any(|object| !is_named(forward, object.id)));
            }
            Verdict::Unknown => {}
            Verdict::Undone | Verdict::Stuck => unreachable!("verdicts of an undo"),
        }
        return;
    };
    if undo != Verdict::Undone {
        return;
    }
    let left = match setting.kind {
        // What was already there before this run's plan is not this run's to take back.
        Kind::Create if matches!(forward, Verdict::Already(_)) => false,
        Kind::Create => ours.count() > 0,
        Kind::Update => there(Content::New),
        Kind::Delete | Kind::OneShot => alone && !there(Content::Base),
    };
    found.left_behind += usize::from(left);
    if setting.kind == Kind::Delete {
        let restored = world.live.iter().filter(|object| object.maker == Maker::Client);
        found.unreported += usize::from(restored.count() > 1);
    }
}
