//! Runs that are taken up again: judged by what the service then holds.

mod sim;

use connexa_engine::{
    journal::MemoryJournal,
    pacer::PacerOptions,
    report::{RunOutcome, Verdict},
    run::{Goal, Overrides, RunOptions},
};
use connexa_types::Mono;
use sim::{
    World,
    clock::SimClock,
    plans,
    service::{Buckets, Service},
};
use std::time::Duration;

#[test]
fn what_a_stop_left_is_carried_out_when_the_run_is_taken_up_again() {
    let plan = plans::hosts(40);
    let clock = SimClock::new();
    let service = Service::new(&clock, Buckets::None, 1);
    let world = World::new(clock, service, MemoryJournal::new(), PacerOptions::default());
    let stop = Mono::from_origin(Duration::from_millis(3));
    let stopped = world.run(&plan, RunOptions::default(), 1, Some(stop));
    assert_eq!(stopped.report.outcome, RunOutcome::Stopped);
    let done = stopped.report.lists.succeeded.len();
    assert!(done > 0 && done < 40, "{done}");
    let resumed = world.resume(&plan, Goal::Forward, Overrides::default(), None);
    assert_eq!(resumed.report.outcome, RunOutcome::Complete);
    assert_eq!(resumed.report.counts["host"], [(Verdict::Succeeded, 40)].into());
    let names = world.service.state().objects["hosts"].len();
    assert_eq!(names, 40, "each once");
}
