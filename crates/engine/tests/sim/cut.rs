//! Processes that die: a run is cut after any of its records, and taken up again by another process from what its journal
//! then holds.

use super::{World, clock::SimClock, run_id, service::Service};
use connexa_engine::{
    drive::drive,
    journal::MemoryJournal,
    pacer::PacerOptions,
    plan::Plan,
    ports::{Actor, Claim, Clock as _, Journal as _},
    record::{Event, Record},
    report::Report,
    run::{Goal, Overrides, Run, RunOptions},
};
use futures_util::{
    FutureExt as _,
    future::{self, Either},
    stream,
};
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

/// What a process came to.
pub enum Life {
    /// It died; these records are in its journal.
    Died(Vec<Record>),
    /// It ended the run; these are all its records.
    Ended(Box<Report>, Vec<Record>),
}

/// A machine for a run: its first, or one from its records.
pub fn machine(plan: &Arc<Plan>, before: &[Record], options: &RunOptions, seed: u64, goal: Goal) -> Run {
    if before.is_empty() {
        Run::new(run_id(), Arc::clone(plan), options.clone(), seed)
    } else {
        Run::replay(Arc::clone(plan), before.to_vec(), goal, Overrides::default())
            .expect("records of this plan")
    }
}

/// Runs a process that finds `before` in its journal, and dies as soon as it has made more than `most` records, none of
/// which after the `most`-th is ever durable. What it then has on its way may still arrive.
pub fn live(
    clock: &SimClock,
    service: &Arc<Service>,
    plan: &Arc<Plan>,
    before: &[Record],
    machine: Run,
    most: usize,
) -> Life {
    let is_dying = Arc::new(AtomicBool::new(false));
    let dying = Arc::clone(&is_dying);
    let journal = MemoryJournal::with_durability(move |_, records| {
        let is_lost = dying.load(Ordering::Relaxed) && !records.is_empty();
        if is_lost { future::pending().boxed() } else { future::ready(Ok(())).boxed() }
    });
    let world = World::new(clock.clone(), Arc::clone(service), journal, PacerOptions::default());
    let mut records = before.to_vec();
    let report =
        clock.run(async {
            let lease = world.journal.claim(claim(plan, clock)).await.expect("nobody else is here");
            if !before.is_empty() {
                world.journal.append(&lease, before.to_vec()).await.expect("it holds");
            }
            let mut made = 0;
            let mut watch = |event: &Event| {
                let Event::Record(stored) = event else { return };
                if made < most {
                    assert_eq!(stored.seq.0, records.len() as u64 + 1, "numbers are dense");
                    records.push(stored.record.clone());
                }
                made += 1;
                // Told of a record before the journal is: the whole step that it belongs to is never durable.
                is_dying.store(made > most, Ordering::Relaxed);
            };
            let death = future::poll_fn(|_| {
                if is_dying.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
            });
            let ports = world.ports(&lease);
            let driving = pin!(drive(machine, ports, &mut watch, stream::pending()));
            // The run first: it is by what it does itself that it dies.
            match future::select(driving, death).await {
                Either::Left((report, _)) => Some(report),
                Either::Right(((), _)) => None,
            }
        });
    let Some(report) = report else {
        let mut state = service.state();
        // It never arrives, or as late as it can.
        let arrives = state.random.bool().then_some(RunOptions::SETTLE.mul_f64(0.9));
        state.crash(clock.mono(), arrives);
        return Life::Died(records);
    };
    Life::Ended(report, records)
}

fn claim(plan: &Arc<Plan>, clock: &SimClock) -> Claim {
    Claim {
        run: run_id(),
        tenant: plan.tenant.clone(),
        command: "apply".to_owned(),
        started: clock.now().wall,
        keys: vec![],
        plan: Some(Arc::clone(plan)),
        take_over: false,
        actor: Actor::default(),
    }
}
