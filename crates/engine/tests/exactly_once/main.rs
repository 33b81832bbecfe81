//! Exactly once: whatever is lost, late, doubled or killed, each change is made once or not at all, and what is said of it
//! is so. Judged by what the service holds and did, never by the client's word.

#![expect(clippy::print_stdout, reason = "a failure says how to see it again, and how much was tried")]
#![expect(unreachable_pub, reason = "modules of a test, written like a library")]

#[path = "../sim/mod.rs"]
mod sim;

mod plans;
mod points;
mod random;
mod scenario;

use std::{collections::BTreeMap, env, panic, sync::Mutex, thread};

/// How many seeds there are to try: `CONNEXA_SEEDS`, or so many.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let first = env::var("CONNEXA_SEED").ok().and_then(|text| text.parse().ok());
    if let Some(first) = first {
        return first..first + 1;
    }
    0..env::var("CONNEXA_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_happens_each_change_is_made_once_or_not_at_all() {
    let seeds = seeds(2_000);
    let began = std::time::Instant::now();
    let failures: Mutex<BTreeMap<u64, Vec<String>>> = Mutex::default();
    let met: Mutex<BTreeMap<&'static str, u64>> = Mutex::default();
    let workers = thread::available_parallelism().map_or(1, usize::from) as u64;
    let (first, last) = (seeds.start, seeds.end);
    thread::scope(|scope| {
        for worker in 0..workers {
            let (failures, met) = (&failures, &met);
            scope.spawn(move || {
                for seed in (first..last).filter(|seed| seed % workers == worker) {
                    let lived = panic::catch_unwind(|| random::live(seed));
                    let complaints = match lived {
                        Ok(life) => {
                            let mut met = met.lock().unwrap();
                            for point in &life.sometimes {
                                *met.entry(*point).or_default() += 1;
                            }
                            if first + 1 == last {
                                println!("{}", life.told());
                            }
                            life.complaints
                        }
                        Err(_) => vec!["panicked".to_owned()],
                    };
                    if !complaints.is_empty() {
                        failures.lock().unwrap().insert(seed, complaints);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!("{} seeds in {:?}", last - first, began.elapsed());
    let met = met.into_inner().unwrap();
    println!("{met:#?}");
    for (seed, complaints) in failures.iter().take(40) {
        println!("seed {seed}: {complaints:#?}");
        println!(
            "  again: CONNEXA_SEED={seed} cargo test -p connexa-engine --test exactly_once -- --nocapture"
        );
    }
    assert!(failures.is_empty(), "{} seeds failed", failures.len());
    if last - first >= 2_000 {
        for point in points::EACH {
            assert!(met.contains_key(point), "it is never met: {point}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_records_and_the_same_report() {
    for seed in seeds(300) {
        let (one, other) = (random::live(seed).trace, random::live(seed).trace);
        let at = one.bytes().zip(other.bytes()).position(|(a, b)| a != b);
        let around = |text: &str| {
            let at = at.unwrap_or_default();
            text.chars().skip(at.saturating_sub(300)).take(600).collect::<String>()
        };
        assert!(one == other, "seed {seed}:\n{}\n\n{}", around(&one), around(&other));
    }
}
