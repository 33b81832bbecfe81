//! Random lives: everything is drawn from a seed.

use crate::{
    plans::mixed,
    scenario::{Crash, Life, RECHECK, SETTLE, Scenario},
    sim::{
        fate::{Fate, PartAnswer, Swarm},
        judge::Promises,
        operator::{Did, Operator},
    },
};
use connexa_engine::run::RunOptions;
use std::time::Duration;

const LOST_PART: Fate = Fate::Part(PartAnswer::Lost);

/// Lives the life of a seed.
pub fn live(seed: u64) -> Life {
    let mut random = fastrand::Rng::with_seed(seed);
    let size = if random.u8(0..4) == 0 { random.usize(10..=30) } else { random.usize(3..10) };
    let (plan, before) = mixed(&mut random, size);
    let once = random.u8(0..6) > 0;
    let alone = random.u8(0..4) > 0;
    let undo = random.u8(0..4) == 0;
    // What comes later than the settle time may come after the undo too, and stay.
    let in_time = random.u8(0..8) > 0 || undo;
    let mut swarm = Swarm::drawn(&mut random, SETTLE, !once);
    if !in_time {
        swarm.updates.push((random.u8(5..30), Fate::Late(SETTLE * random.u32(1..4))));
    }
    let lists = swarm.reads.is_empty();
    // A list that lags behind what the run itself has just done misleads its undo.
    let lag = if random.bool() && !undo { SETTLE.mul_f64(random.f64() / 2.0) } else { Duration::ZERO };
    if lag > Duration::ZERO {
        // What a call that was answered left out is looked for at once.
        swarm.updates.retain(|(_, fate)| !matches!(fate, Fate::Part(_)) || *fate == LOST_PART);
    }
    let mut crashes = Vec::new();
    if random.bool() {
        for _ in 0..random.usize(1..4) {
            // Of an undo nothing may be forgotten: it takes back what is told to have been done.
            let tail = if random.u8(0..4) == 0 && !undo { random.usize(1..6) } else { 0 };
            let pause = SETTLE.mul_f64(random.f64() * random.f64());
            crashes.push(Crash {
                at: 1 + random.usize(0..40).min(random.usize(0..200)),
                arrives: random.bool().then(|| SETTLE.mul_f64(random.f64() / 2.0)),
                tail,
                pause,
            });
        }
    }
    let journal = crashes.iter().all(|crash| crash.tail == 0);
    let options = RunOptions {
        parallel: random.usize(1..9),
        settle: SETTLE,
        recheck: Some(RECHECK),
        brake: random.u8(0..4) == 0,
        ..RunOptions::default()
    };
    let journal_delay = if random.bool() { random.u64(1..5_000) } else { 0 };
    let operator = (!alone).then(|| {
        let all = [Did::AddedEqual, Did::AddedDifferent, Did::AddedChild, Did::Edited, Did::Deleted];
        let mut odds = Vec::new();
        for did in all {
            if random.bool() {
                odds.push((random.u8(2..20), did));
            }
        }
        Operator { odds, left: random.usize(1..5), random: fastrand::Rng::with_seed(seed ^ 1) }
    });
    let window = RECHECK + lag + SETTLE * 2 + Duration::from_mins(1);
    let promises = Promises { in_time, once, lists, alone, journal, settle: SETTLE, lag, window };
    let unique = random.bool();
    let page_size = if random.u8(0..4) == 0 { random.usize(1..6) } else { 1000 };
    if std::env::var("CONNEXA_SEED").is_ok() {
        println!(
            "{promises:?}\nlag {lag:?}, unique {unique}, pages of {page_size}, undo {undo}, journal {journal_delay} µs"
        );
        println!("{swarm:?}\n{crashes:?}\n{operator:?}");
    }
    let scenario = Scenario { plan, before, options, seed, crashes, undo, journal_delay, promises };
    let mut fates = fastrand::Rng::with_seed(seed ^ 2);
    let way = if random.bool() { 1_000..60_000 } else { 1_000..2_000_000 };
    scenario.live(|state| {
        state.delays.lag = lag;
        state.unique = unique;
        state.page_size = page_size;
        state.way = way;
        state.operator = operator;
        state.fates = Some(Box::new(move |call| swarm.draw(&mut fates, call)));
    })
}
