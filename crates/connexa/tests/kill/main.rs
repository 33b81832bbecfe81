//! The real binary under `kill -9`: at any moment of a run, and again while it recovers.
//!
//! Each cycle has a tenant, a state directory and an emulator of its own, over HTTPS and with faults. `apply` is killed
//! after so many of its requests; `resume` too, up to three times; then one goes to the end. The judge is the emulator's
//! ledger, and at the end the live objects, read with another key. What counts: nothing is lost, nothing is there twice,
//! nothing that we made goes unreported, and what belongs to others is not touched.
//!
//! | variable | what it does |
//! |---|---|
//! | `CONNEXA_KILL_CYCLES` | how many cycles; 200 by default, 2000 for the figure of the manual |
//! | `CONNEXA_KILL_SEED` | the seed of the first cycle |
//! | `CONNEXA_KILL_ONE` | one cycle, by its seed, as the line of a failure says |
//! | `CONNEXA_KILL_PARALLEL` | cycles side by side |
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests; what cannot be had is a failed test")]

mod cycle;
mod judge;
mod plan;

use cycle::Counts;
use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// Cycles where nothing is said.
const CYCLES: u64 = 200;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("`{name}` is `{text}`, expected a number")))
}

#[test]
fn nothing_is_lost_doubled_or_left_behind() {
    let (first, cycles) = match number("CONNEXA_KILL_ONE") {
        Some(seed) => (seed, 1),
        None => (number("CONNEXA_KILL_SEED").unwrap_or(1), number("CONNEXA_KILL_CYCLES").unwrap_or(CYCLES)),
    };
    // Most of a cycle is waiting for settle times.
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let parallel = number("CONNEXA_KILL_PARALLEL").map_or(cores * 4, |n| usize::try_from(n).unwrap());
    let shared = tempfile::tempdir().unwrap();
    let tls = shared.path().join("tls");
    cycle::make_certificate(&tls);

    let (next, began) = (AtomicU64::new(0), Instant::now());
    let (counts, failures) =
        (Mutex::new(Counts::default()), Mutex::new(Vec::<(u64, PathBuf, String)>::new()));
    std::thread::scope(|scope| {
        for _ in 0..parallel {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= cycles {
                        return;
                    }
                    let seed = first + index;
                    let came = cycle::run(seed, &tls);
                    counts.lock().unwrap().add(&came.counts);
                    if let Err(why) = came.verdict {
                        failures.lock().unwrap().push((seed, came.folder.keep(), why));
                    }
                }
            });
        }
    });
    let counts = counts.into_inner().unwrap();
    println!("{counts} in {:.0} s", began.elapsed().as_secs_f64());
    let failures = failures.into_inner().unwrap();
    for (seed, folder, why) in &failures {
        println!(
            "\nseed {seed}: {}\n  all of it is in {}\n  again: CONNEXA_KILL_ONE={seed} cargo test -p connexa --test kill -- --nocapture",
            why.lines().take(4).collect::<Vec<_>>().join("\n"),
            folder.display()
        );
    }
    assert!(failures.is_empty(), "{} of {cycles} cycles went wrong", failures.len());
    if cycles >= CYCLES {
        // A harness that kills nothing finds nothing.
        assert!(counts.killed > cycles / 2 && counts.killed_again > cycles / 10, "{counts}");
        assert!(counts.open_intents > cycles / 10, "{counts}");
    }
}
