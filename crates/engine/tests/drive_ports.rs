//! The driver, with machines that do one thing each.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod sim;

use connexa_engine::{
    drive::{Ports, Recording, drive},
    journal::MemoryJournal,
    machine::{AttemptId, Input, JournalFailure, Machine, Output, Seq, Stop, TimerId},
    pacer::{LocalPacer, PacerOptions},
    ports::{Actor, Claim, ClaimError, Clock as _, FixedAnswer, Journal as _, Lease, NoDelivery, Pacer as _},
    record::{Event, Record, RunId, RunTimings},
    report::RunOutcome,
    run::{Run, RunOptions},
};
use connexa_types::{Call, Class, Endpoint, Mono, Now, Outcome};
use futures_util::{FutureExt as _, future, stream};
use sim::{
    SimSecrets,
    bucket::{Bucket, Numbers},
    clock::SimClock,
    plans,
    service::{Buckets, Service},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// A machine that follows a script and keeps what it is told.
struct Scripted<F> {
    script: F,
    told: Vec<String>,
}

impl<F: FnMut(Now, &Input) -> Vec<Output<()>> + Send> Machine for Scripted<F> {
    type Done = Vec<String>;
    fn handle(&mut self, now: Now, input: Input) -> Vec<Output<Vec<String>>> {
        let outputs = (self.script)(now, &input);
        self.told.push(match input {
            Input::Answered(id, attempt) => match attempt.outcome {
                Outcome::NotSent(why) => format!("{id} not sent: {:?}", why.reason),
                _ => format!("{id} answered"),
            },
            Input::Granted(permit) => format!("{} granted", permit.attempt),
            Input::Durable(seq) => format!("durable {seq}"),
            other => format!("{other:?}"),
        });
        outputs
            .into_iter()
            .map(|output| match output {
                Output::Append { first, records } => Output::Append { first, records },
                Output::Acquire { attempt, class, urgent } => Output::Acquire { attempt, class, urgent },
                Output::Release(attempt) => Output::Release(attempt),
                Output::Send { attempt, call, after, not_after, limit, batch } => {
                    Output::Send { attempt, call, after, not_after, limit, batch }
                }
                Output::Deliver { attempt, label, product } => Output::Deliver { attempt, label, product },
                Output::Ask(question) => Output::Ask(question),
                Output::Wake(timer, at) => Output::Wake(timer, at),
                Output::Tell(event) => Output::Tell(event),
                Output::Done(()) => Output::Done(std::mem::take(&mut self.told)),
            })
            .collect()
    }
}

struct Stage {
    clock: SimClock,
    service: Arc<Service>,
    pacer: LocalPacer,
    journal: MemoryJournal,
    lease: Lease,
}

impl Stage {
    fn new(journal: MemoryJournal) -> Self {
        Self::at(SimClock::new(), journal)
    }

    fn at(clock: SimClock, journal: MemoryJournal) -> Self {
        let service = Service::new(&clock, Buckets::None, 1);
        let pacer = LocalPacer::new(Arc::new(clock.clone()), PacerOptions::default());
        let lease = clock.run(journal.claim(claim("run-1", &[]))).expect("nobody else is here");
        Self { clock, service, pacer, journal, lease }
    }

    fn ports(&self) -> Ports<'_> {
        Ports {
            provider: &*self.service,
            recording: Some(Recording { journal: &self.journal, lease: &self.lease }),
            clock: &self.clock,
            secrets: &SimSecrets,
            pacer: &self.pacer,
            deliver: &NoDelivery,
            confirm: &FixedAnswer(false),
        }
    }

    fn play(
        &self,
        ports: Ports<'_>,
        script: impl FnMut(Now, &Input) -> Vec<Output<()>> + Send,
    ) -> Vec<String> {
        let machine = Scripted { script, told: vec![] };
        self.clock.run(drive(machine, ports, &mut |_| {}, stream::pending()))
    }
}

fn claim(run: &str, keys: &[&str]) -> Claim {
    Claim {
        run: RunId(run.to_owned()),
        tenant: "t".into(),
        command: "apply".to_owned(),
        started: "2026-01-01T00:00:00Z".parse().unwrap(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        plan: None,
        take_over: false,
        actor: Actor::default(),
    }
}

fn record(reason: &str) -> Record {
    Record::StopRequested { reason: reason.to_owned(), at: "2026-01-01T00:00:00Z".parse().unwrap() }
}

fn acquire(id: u64) -> Output<()> {
    Output::Acquire { attempt: AttemptId(id), class: Class::Update, urgent: false }
}

fn send(id: u64, after: u64, not_after: Mono) -> Output<()> {
    let call = Arc::new(Call::new(Endpoint::HostCreate).json(serde_json::json!({ "name": id })));
    Output::Send {
        attempt: AttemptId(id),
        call,
        after: Seq(after),
        not_after,
        limit: Duration::from_secs(30),
        batch: 1,
    }
}

fn append(first: u64, count: u64) -> Output<()> {
    Output::Append { first: Seq(first), records: (0..count).map(|n| record(&n.to_string())).collect() }
}

/// A journal whose n-th append takes so many milliseconds.
fn slow(clock: &SimClock, millis: &'static [u64]) -> MemoryJournal {
    let (clock, count) = (clock.clone(), Mutex::new(0));
    MemoryJournal::with_durability(move |_, _| {
        let mut count = count.lock().unwrap();
        let at = clock.mono() + Duration::from_millis(millis[*count]);
        *count += 1;
        clock.pass_until(at).map(Ok).boxed()
    })
}

#[test]
fn a_send_waits_for_its_intent_and_appends_become_durable_in_order() {
    let clock = SimClock::new();
    // The second append would be ready before the first.
    let stage = Stage::at(clock.clone(), slow(&clock, &[50, 10]));
    let told = stage.play(stage.ports(), |now, input| match input {
        Input::Start => vec![acquire(1)],
        Input::Granted(_) => {
            vec![append(1, 1), Output::Wake(TimerId(1), now.mono + Duration::from_millis(1))]
        }
        Input::Woke(_) => vec![append(2, 2), send(1, 2, Mono::FAR)],
        Input::Answered(..) => vec![Output::Done(())],
        _ => vec![],
    });
    assert_eq!(told, ["Start", "1 granted", "Woke(TimerId(1))", "durable 1", "durable 3", "1 answered"]);
    assert_eq!(stage.service.ledger()[0].sent, Mono::from_origin(Duration::from_millis(50)));
}

#[test]
fn records_of_one_moment_become_durable_together() {
    let groups = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&groups);
    let journal = MemoryJournal::with_durability(move |first, records| {
        seen.lock().unwrap().push((first.0, records.len()));
        future::ready(Ok(())).boxed()
    });
    let stage = Stage::new(journal);
    let told = stage.play(stage.ports(), |_, input| match input {
        // The permit comes at once, so that the intent goes with what was there before it.
        Input::Start => vec![append(1, 2), acquire(1)],
        Input::Granted(_) => vec![append(3, 1), send(1, 3, Mono::FAR)],
        Input::Answered(..) => vec![append(4, 1)],
        Input::Durable(Seq(4)) => vec![Output::Done(())],
        _ => vec![],
    });
    assert_eq!(told, ["Start", "1 granted", "durable 3", "1 answered", "durable 4"]);
    assert_eq!(*groups.lock().unwrap(), [(1, 3), (4, 1)]);
}

#[test]
fn what_has_not_begun_in_time_is_not_begun() {
    let clock = SimClock::new();
    let stage = Stage::at(clock.clone(), slow(&clock, &[5_001]));
    let told = stage.play(stage.ports(), |now, input| match input {
        Input::Start => vec![acquire(1)],
        Input::Granted(_) => vec![append(1, 1), send(1, 1, now.mono + Duration::from_secs(5))],
        Input::Answered(..) => vec![Output::Done(())],
        _ => vec![],
    });
    assert_eq!(told.last().map(String::as_str), Some("1 not sent: TooLate"));
    assert!(stage.service.ledger().is_empty());
}

#[test]
fn after_a_failed_append_nothing_is_sent_or_written() {
    let journal = MemoryJournal::with_durability(|first, _| {
        let failed = first == Seq(2);
        future::ready(if failed { Err(JournalFailure::Write("full".into())) } else { Ok(()) }).boxed()
    });
    let stage = Stage::new(journal);
    let told = stage.play(stage.ports(), |now, input| match input {
        Input::Start => vec![append(1, 1), Output::Wake(TimerId(1), now.mono + Duration::from_millis(1))],
        Input::Woke(_) => vec![append(2, 1), append(3, 1), acquire(1)],
        Input::NotDurable(_) => vec![append(4, 1)],
        Input::Granted(_) => vec![send(1, 3, Mono::FAR)],
        Input::Answered(..) => vec![Output::Done(())],
        _ => vec![],
    });
    let failed = r#"NotDurable(Write("full"))"#;
    assert!(
        told.contains(&failed.to_owned()) && told.contains(&"1 not sent: TooLate".to_owned()),
        "{told:?}"
    );
    assert_eq!(told.iter().filter(|text| text.starts_with("NotDurable")).count(), 1);
    let kept = stage.clock.run(stage.journal.read(&stage.lease.run, Seq(1), 10)).expect("the run is there");
    assert_eq!(kept.len(), 1);
}

#[test]
fn a_machine_without_a_journal_cannot_write() {
    let stage = Stage::new(MemoryJournal::new());
    let told = stage.play(Ports { recording: None, ..stage.ports() }, |_, input| match input {
        Input::Start => vec![append(1, 1)],
        _ => vec![Output::Done(())],
    });
    assert!(told[1].starts_with("NotDurable"), "{told:?}");
}

#[test]
fn a_permit_given_back_goes_to_the_next() {
    let stage = Stage::new(MemoryJournal::new());
    // Nothing is known of the quota: the second waits until the first has ended.
    let told = stage.play(stage.ports(), |_, input| match input {
        Input::Start => vec![acquire(1), acquire(2), acquire(3)],
        Input::Granted(permit) if permit.attempt == AttemptId(1) => {
            vec![Output::Release(AttemptId(1)), Output::Release(AttemptId(2))]
        }
        Input::Granted(_) => vec![Output::Done(())],
        _ => vec![],
    });
    assert_eq!(told, ["Start", "1 granted", "3 granted"]);
}

/// While nothing is known of the quota one call is on its way: a permit that got lost would hold up all others for ever.
#[test]
fn a_permit_that_nobody_took_goes_to_the_next() {
    let clock = SimClock::new();
    let pacer = LocalPacer::new(Arc::new(clock), PacerOptions::default());
    drop(pacer.acquire(AttemptId(1), Class::Update, false));
    let mut second = pacer.acquire(AttemptId(2), Class::Update, false);
    let mut third = pacer.acquire(AttemptId(3), Class::Update, false);
    let permit = second.as_mut().now_or_never().expect("the first gave its permit back");
    assert!(third.as_mut().now_or_never().is_none());
    pacer.release(permit);
    assert_eq!(third.now_or_never().expect("its turn").attempt, AttemptId(3));
}

#[test]
fn timers_stops_and_ticks_pass_through() {
    let stage = Stage::new(MemoryJournal::new());
    let script = |now: Now, input: &Input| match input {
        Input::Start => vec![Output::Wake(TimerId(7), now.mono + Duration::from_secs(3))],
        Input::Woke(TimerId(7)) => vec![Output::Wake(TimerId(8), now.mono + Duration::from_hours(1))],
        Input::Stop(Stop::Finish) => vec![Output::Done(())],
        _ => vec![],
    };
    let stop = stage.clock.sleep_until(Mono::from_origin(Duration::from_secs(10))).map(|()| Stop::Finish);
    let machine = Scripted { script, told: vec![] };
    let told = stage.clock.run(drive(machine, stage.ports(), &mut |_| {}, stop.into_stream()));
    assert_eq!(told, ["Start", "Woke(TimerId(7))", "Stop(Finish)"]);
    assert_eq!(stage.clock.mono(), Mono::from_origin(Duration::from_secs(10)));
}

/// Dropping the driver in the middle of a run: the pacer takes the calls on their way for lost, and goes on.
#[test]
fn a_dropped_driver_leaves_a_sound_pacer() {
    let clock = SimClock::new();
    let numbers = Numbers::new(20, 1, 1);
    let buckets = Buckets::Apart { read: Bucket::full(numbers), update: Bucket::full(numbers) };
    let mut stage = Stage::at(clock.clone(), MemoryJournal::new());
    stage.service = Service::new(&clock, buckets, 1);
    stage.service.state().way = 200_000..200_001;
    let run = |id: &str| Run::new(RunId(id.to_owned()), plans::hosts(40), RunOptions::default(), 1);
    {
        let mut watch = |_: &Event| {};
        let driven = drive(run("run-1"), stage.ports(), &mut watch, stream::pending());
        let cut = clock.sleep_until(Mono::from_origin(Duration::from_millis(700)));
        futures_util::pin_mut!(driven);
        assert!(
            clock.run(future::select(driven, cut).map(|first| matches!(first, future::Either::Right(_))))
        );
    }
    stage.lease = clock.run(stage.journal.claim(claim("run-1", &[]))).expect("the owner is gone");
    let report = clock.run(drive(run("run-1"), stage.ports(), &mut |_| {}, stream::pending()));
    assert_eq!((report.outcome, report.calls.throttled), (RunOutcome::Complete, 0));
    let idle = stage.pacer.acquire(AttemptId(1), Class::Update, false);
    clock.run(idle);
}

#[test]
fn a_journal_in_memory_keeps_what_it_promises() {
    let journal = MemoryJournal::new();
    let clock = SimClock::new();
    let first = clock.run(journal.claim(claim("run-1", &["host/a", "host/b"]))).expect("nobody is here");
    let taken = clock.run(journal.claim(claim("run-2", &["host/c", "host/b"])));
    assert_eq!(taken, Err(ClaimError::Taken { run: RunId("run-1".into()), key: "host/b".into() }));
    let second = clock.run(journal.claim(claim("run-2", &["host/c"]))).expect("no overlap");

    assert_eq!(clock.run(journal.append(&first, vec![record("a"), record("b")])), Ok(Seq(2)));
    assert_eq!(clock.run(journal.append(&first, vec![record("c")])), Ok(Seq(3)));
    let read = |from, limit| clock.run(journal.read(&first.run, Seq(from), limit)).expect("the run is there");
    assert_eq!(read(2, 10).iter().map(|stored| stored.seq.0).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(read(1, 1).len(), 1);

    // A new owner fences the old one.
    let newer = clock.run(journal.claim(claim("run-1", &["host/a"]))).expect("the same run");
    assert_eq!(clock.run(journal.append(&first, vec![record("x")])), Err(JournalFailure::Fenced));
    let finished = Record::RunFinished {
        outcome: RunOutcome::Complete,
        timings: RunTimings::default(),
        at: "2026-01-01T00:00:09Z".parse().unwrap(),
    };
    assert_eq!(clock.run(journal.append(&newer, vec![finished])), Ok(Seq(4)));
    clock.run(journal.release(newer.clone())).expect("it is ours");
    assert_eq!(clock.run(journal.append(&newer, vec![])), Err(JournalFailure::Fenced));

    let runs = |after| clock.run(journal.runs(&"t".into(), after, 10)).expect("readable");
    let heads: Vec<_> = runs(None).into_iter().map(|head| (head.id.0, head.outcome)).collect();
    assert_eq!(heads, [("run-2".into(), RunOutcome::Running), ("run-1".into(), RunOutcome::Complete)]);
    assert_eq!(runs(Some(RunId("run-2".into()))).len(), 1);
    clock.run(journal.release(second)).expect("it is ours");
    assert_eq!(runs(None)[0].outcome, RunOutcome::Interrupted);
}
