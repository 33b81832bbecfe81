//! An exhaustive model of how one change is made exactly once: create, update, delete, a one-shot action, and their undo.
//!
//! Every interleaving of crashes, lost answers, calls that are applied late, lists that lag and a second operator is
//! visited. As designed, no end breaks a promise; and each way of doing less breaks one, so the model can tell.
//!
//! `cargo test -p connexa-engine --test protocol_model -- --nocapture` prints the table.

#![expect(unreachable_pub, reason = "the modules of a test crate, written like a library")]

mod client;
mod explore;
mod world;

use client::{FinalList, Kind, Protocol, Setting};
use explore::{Found, explore};
use std::thread;
use world::Other;

/// What an exploration is expected to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// No end breaks a promise.
    Nothing,
    Unreported,
    FalseFailed,
    LeftBehind,
    Hurt,
}

/// The circumstances of a row, besides those that every row goes through.
#[derive(Clone, Copy, Debug)]
struct Circumstances {
    crashes: u8,
    losses: u8,
    meddlings: u8,
    later_than_settle: bool,
    loses_tail: bool,
}

/// Two crashes, and as many lost answers as there are sendings.
const USUAL: Circumstances =
    Circumstances { crashes: 2, losses: 3, meddlings: 1, later_than_settle: false, loses_tail: false };

/// Enough for what is weaker to be found out.
const FEW: Circumstances = Circumstances { crashes: 1, losses: 2, ..USUAL };

struct Row {
    name: &'static str,
    protocol: Protocol,
    circumstances: Circumstances,
    kinds: &'static [Kind],
    /// Each must be found, in the sum over the row's kinds; [`Expected::Nothing`]: for each kind.
    expected: &'static [Expected],
}

const READABLE: &[Kind] = &[Kind::Create, Kind::Update, Kind::Delete];
const DESIGN: Protocol = Protocol::DESIGN;

fn rows() -> Vec<Row> {
    use Expected::{FalseFailed, Hurt, LeftBehind, Nothing, Unreported};
    let row = |name, protocol, kinds, expected| Row { name, protocol, circumstances: FEW, kinds, expected };
    let later = Circumstances { later_than_settle: true, ..FEW };
    let tail = Circumstances { loses_tail: true, ..FEW };
    vec![
        Row { circumstances: USUAL, ..row("as designed", DESIGN, &Kind::ALL, &[Nothing]) },
        Row {
            circumstances: Circumstances { crashes: 3, losses: 2, meddlings: 2, ..USUAL },
            ..row("… with 3 crashes, 2 foreign writes, 2 losses", DESIGN, &Kind::ALL, &[Nothing])
        },
        Row { circumstances: tail, ..row("journal tail lost, as designed", DESIGN, READABLE, &[Nothing]) },
        Row {
            circumstances: later,
            ..row(
                "applied after the settle time, final list always",
                Protocol { final_list: FinalList::Always, ..DESIGN },
                &[Kind::Create],
                &[Nothing],
            )
        },
        row(
            "a lost answer is sent again at once",
            Protocol { resends_at_once: true, ..DESIGN },
            &Kind::ALL,
            &[Unreported, FalseFailed, LeftBehind, Hurt],
        ),
        row(
            "a lost answer is a failure",
            Protocol { error_is_failed: true, ..DESIGN },
            READABLE,
            &[FalseFailed, LeftBehind],
        ),
        row(
            "looked up at once, no settling",
            Protocol { settles: false, ..DESIGN },
            READABLE,
            &[Unreported, FalseFailed, LeftBehind],
        ),
        row(
            "intent not durable, the journal trusted",
            Protocol { intent_first: false, trusts_journal: true, ..DESIGN },
            &Kind::ALL,
            &[Unreported, FalseFailed, LeftBehind],
        ),
        row(
            "open intents ignored by the next run",
            Protocol { ignores_open_intents: true, ..DESIGN },
            READABLE,
            &[Unreported, LeftBehind],
        ),
        Row {
            circumstances: tail,
            ..row(
                "journal tail lost, the rest trusted",
                Protocol { trusts_journal: true, ..DESIGN },
                READABLE,
                &[Unreported, FalseFailed, LeftBehind],
            )
        },
        Row {
            circumstances: tail,
            ..row(
                "journal tail lost, undo at once",
                Protocol { undoes_at_once: true, ..DESIGN },
                &[Kind::Delete],
                &[Unreported],
            )
        },
        Row {
            circumstances: tail,
            ..row("journal tail lost, a one-shot action", DESIGN, &[Kind::OneShot], &[Unreported])
        },
        row(
            "found before the settle time, taken",
            Protocol { adopts_early: true, ..DESIGN },
            &[Kind::Create],
            &[Unreported],
        ),
        row("undo by name", Protocol { undoes_by_name: true, ..DESIGN }, &[Kind::Create], &[Hurt]),
        row("undo of the inferred", Protocol { undoes_inferred: true, ..DESIGN }, &[Kind::Create], &[Hurt]),
        row(
            "undo before a lost answer is settled",
            Protocol { undoes_unsettled: true, ..DESIGN },
            READABLE,
            &[LeftBehind],
        ),
        row("undo without a look", Protocol { undoes_unchecked: true, ..DESIGN }, READABLE, &[Hurt]),
        row(
            "undo by a list that lags",
            Protocol { undoes_by_lagging_list: true, ..DESIGN },
            &[Kind::Create, Kind::Update],
            &[LeftBehind],
        ),
        Row {
            circumstances: later,
            ..row(
                "applied after the settle time, no final list",
                Protocol { final_list: FinalList::Never, ..DESIGN },
                &[Kind::Create],
                &[Unreported, FalseFailed, LeftBehind],
            )
        },
        Row {
            circumstances: later,
            ..row(
                "… \"done\" recorded before the final list",
                Protocol { final_list: FinalList::AfterDone, ..DESIGN },
                &[Kind::Create],
                &[Unreported, FalseFailed],
            )
        },
    ]
}

/// Names unique or not, a second operator of each sort, lists that lag or not: as far as the kind minds.
fn settings(kind: Kind, circumstances: Circumstances) -> Vec<Setting> {
    let Circumstances { crashes, losses, meddlings, later_than_settle, loses_tail } = circumstances;
    let mut settings = Vec::new();
    for (other, unique, lagging) in Other::ALL
        .into_iter()
        .flat_map(|other| [false, true].map(|unique| (other, unique)))
        .flat_map(|(other, unique)| [false, true].map(|lagging| (other, unique, lagging)))
    {
        let minds = match kind {
            Kind::Create | Kind::Delete => true,
            Kind::Update => !unique,
            Kind::OneShot => other == Other::Nothing && !unique && !lagging,
        };
        if minds {
            let meddlings = if other == Other::Nothing { 0 } else { meddlings };
            settings.push(Setting {
                kind,
                other,
                unique,
                lagging,
                later_than_settle,
                loses_tail,
                crashes,
                losses,
                meddlings,
            });
        }
    }
    settings
}

fn explored(row: &Row) -> Vec<(Kind, Found)> {
    let sum =
        |kind| settings(kind, row.circumstances).iter().map(|setting| explore(&row.protocol, setting)).sum();
    row.kinds.iter().map(|kind| (*kind, sum(*kind))).collect()
}

#[test]
fn the_protocol_keeps_its_promises_and_nothing_less_does() {
    let rows = rows();
    let found: Vec<Vec<(Kind, Found)>> = thread::scope(|scope| {
        let workers: Vec<_> = rows.iter().map(|row| scope.spawn(|| explored(row))).collect();
        workers.into_iter().map(|worker| worker.join().expect("the exploration ends")).collect()
    });
    println!(
        "{:<50} {:>9} {:>9} {:>11} {:>9} {:>10} {:>9} {:>8}",
        "", "states", "ends", "unreported", "f.failed", "f.success", "left", "foreign"
    );
    for (row, by_kind) in rows.iter().zip(&found) {
        println!("{}", row.name);
        for (kind, found) in by_kind {
            let Found { states, ends, unreported, false_failed, false_succeeded, left_behind, hurt } = found;
            let name = format!("  {kind:?}");
            println!(
                "{name:<50} {states:>9} {ends:>9} {unreported:>11} {false_failed:>9} {false_succeeded:>10} {left_behind:>9} {hurt:>8}"
            );
        }
    }
    for (row, by_kind) in rows.iter().zip(&found) {
        let sum: Found = by_kind.iter().map(|(_, found)| *found).sum();
        for expected in row.expected {
            let number = match expected {
                Expected::Nothing => {
                    assert_eq!(sum.violations(), 0, "{}: {by_kind:?}", row.name);
                    assert!(sum.ends > 0, "{}: it ends", row.name);
                    continue;
                }
                Expected::Unreported => sum.unreported,
                Expected::FalseFailed => sum.false_failed,
                Expected::LeftBehind => sum.left_behind,
                Expected::Hurt => sum.hurt,
            };
            assert!(number > 0, "{}: {expected:?} is to be found", row.name);
        }
    }
}
