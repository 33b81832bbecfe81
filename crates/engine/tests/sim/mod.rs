//! A small simulation kit: virtual time, a service with the law of the token bucket, seeded faults, and plans.
//!
//! Everything is deterministic: the same seed gives the same run, in no time. The service keeps its own ledger; tests
//! judge by that, not by what the engine says of itself.

#![allow(dead_code, reason = "each test file uses its own part of the kit")]
#![expect(unreachable_pub, reason = "the kit is a module of each test crate, written like a library")]
#![expect(clippy::unwrap_used, reason = "tests; a poisoned lock is a failed test")]

pub mod bucket;
pub mod clock;
pub mod crash;
pub mod cut;
pub mod delays;
pub mod fate;
pub mod judge;
pub mod operator;
pub mod plans;
pub mod ran;
pub mod service;

use clock::SimClock;
use connexa_engine::{
    drive::{Ports, Recording, drive},
    journal::MemoryJournal,
    machine::{Machine, Seq, Stop},
    pacer::{LocalPacer, PacerOptions},
    plan::Plan,
    ports::{
        Actor, Claim, Clock, Confirm, Deliver, FixedAnswer, Journal as _, Lease, NoDelivery, SecretMissing,
        Secrets,
    },
    record::{Event, Record, RunId},
    report::Report,
    run::{Goal, Overrides, Run, RunOptions},
};
use connexa_types::{Mono, SealingKey, SecretHash, SecretRef, SecretValue};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{self, BoxFuture},
    stream,
};
use service::Service;
use std::sync::Arc;

/// Secrets that are there, but for those whose field is `missing`.
pub struct SimSecrets;

impl Secrets for SimSecrets {
    fn resolve<'a>(
        &'a self,
        reference: &'a SecretRef,
    ) -> BoxFuture<'a, Result<Arc<SecretValue>, SecretMissing>> {
        future::ready(if reference.field == "missing" {
            Err(SecretMissing { why: "the variable `MISSING` is not set".to_owned() })
        } else {
            Ok(Arc::new(SecretValue::new("secret")))
        })
        .boxed()
    }

    fn seal(&self, field: &str, value: &str) -> SecretHash {
        SealingKey::new([7; 32]).seal(field, value)
    }
}

/// The run of each test.
pub fn run_id() -> RunId {
    RunId("01999999-0000-7000-8000-000000000001".to_owned())
}

/// One simulated run, and all that was seen of it.
pub struct Outcome {
    pub report: Report,
    /// All records that the machine made, in this leg of the run.
    pub records: Vec<Record>,
    pub events: Vec<Event>,
    pub ended: Mono,
}

/// Everything that a run is driven with.
pub struct World {
    pub clock: SimClock,
    pub service: Arc<Service>,
    pub journal: MemoryJournal,
    pub pacer: LocalPacer,
    pub deliver: Box<dyn Deliver>,
    pub confirm: Box<dyn Confirm>,
}

impl World {
    pub fn new(
        clock: SimClock,
        service: Arc<Service>,
        journal: MemoryJournal,
        options: PacerOptions,
    ) -> Self {
        let pacer = LocalPacer::new(Arc::new(clock.clone()), options);
        let (deliver, confirm) = (Box::new(NoDelivery), Box::new(FixedAnswer(false)));
        Self { clock, service, journal, pacer, deliver, confirm }
    }

    /// What a run is driven with.
    pub fn ports<'a>(&'a self, lease: &'a Lease) -> Ports<'a> {
        Ports {
            provider: &*self.service,
            recording: Some(Recording { journal: &self.journal, lease }),
            clock: &self.clock,
            secrets: &SimSecrets,
            pacer: &self.pacer,
            deliver: &*self.deliver,
            confirm: &*self.confirm,
        }
    }

    /// Drives a machine without a journal.
    pub fn read<M: Machine>(&self, machine: M) -> (M::Done, Vec<Event>) {
        let mut events = Vec::new();
        let done = self.clock.run(async {
            let ports = Ports {
                provider: &*self.service,
                recording: None,
                clock: &self.clock,
                secrets: &SimSecrets,
                pacer: &self.pacer,
                deliver: &*self.deliver,
                confirm: &*self.confirm,
            };
            drive(machine, ports, &mut |event| events.push(event.clone()), stream::pending()).await
        });
        (done, events)
    }

    /// Runs a plan; a stop comes at `stop`, if that is given.
    pub fn run(&self, plan: &Arc<Plan>, options: RunOptions, seed: u64, stop: Option<Mono>) -> Outcome {
        self.clock.run(self.running(plan, options, seed, stop))
    }

    /// The same as a future, for tests in which something else happens meanwhile.
    pub async fn running(
        &self,
        plan: &Arc<Plan>,
        options: RunOptions,
        seed: u64,
        stop: Option<Mono>,
    ) -> Outcome {
        let machine = Run::new(run_id(), Arc::clone(plan), options, seed);
        self.driving(plan, machine, 1, stop).await
    }

    /// Takes the run up again from its journal.
    pub fn resume(&self, plan: &Arc<Plan>, goal: Goal, overrides: Overrides, stop: Option<Mono>) -> Outcome {
        self.clock.run(self.resuming(plan, goal, overrides, stop))
    }

    /// The same as a future.
    pub async fn resuming(
        &self,
        plan: &Arc<Plan>,
        goal: Goal,
        overrides: Overrides,
        stop: Option<Mono>,
    ) -> Outcome {
        let records = self.recorded().await;
        let next = records.len() as u64 + 1;
        let machine = Run::replay(Arc::clone(plan), records, goal, overrides).expect("records of this plan");
        self.driving(plan, machine, next, stop).await
    }

    /// The records of the run that are durable.
    pub async fn recorded(&self) -> Vec<Record> {
        let stored = self.journal.read(&run_id(), Seq(1), usize::MAX).await.expect("there is a run");
        stored.into_iter().map(|stored| stored.record).collect()
    }

    /// Drives a run whose next record is `first`.
    async fn driving(&self, plan: &Arc<Plan>, machine: Run, first: u64, stop: Option<Mono>) -> Outcome {
        let mut events = Vec::new();
        let report = {
            let claim = Claim {
                run: run_id(),
                tenant: plan.tenant.clone(),
                command: "apply".to_owned(),
                started: self.clock.now().wall,
                keys: vec![],
                plan: Some(Arc::clone(plan)),
                take_over: false,
                actor: Actor::default(),
            };
            let lease = self.journal.claim(claim).await.expect("nobody else is here");
            let ports = self.ports(&lease);
            let stops = match stop {
                Some(at) => self.clock.sleep_until(at).map(|()| Stop::Finish).into_stream().left_stream(),
                None => stream::pending().right_stream(),
            };
            drive(machine, ports, &mut |event| events.push(event.clone()), stops).await
        };
        let stored = events.iter().filter_map(|event| match event {
            Event::Record(stored) => Some(stored),
            Event::Tick(_) => None,
        });
        let records = stored
            .zip(first..)
            .map(|(stored, number)| {
                assert_eq!(stored.seq, Seq(number), "numbers are dense");
                stored.record.clone()
            })
            .collect();
        Outcome { report: *report, records, events, ended: self.clock.now().mono }
    }
}
