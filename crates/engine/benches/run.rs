//! What the engine itself costs for each call, at a service that answers at once: `cargo bench -p connexa-engine --bench run`.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

mod support;

use connexa_engine::{
    drive::{Ports, Recording, drive},
    journal::MemoryJournal,
    pacer::{LocalPacer, PacerOptions},
    plan::Plan,
    ports::{Actor, Claim, Clock, FixedAnswer, Journal as _, NoDelivery, Provider, SecretMissing, Secrets},
    record::RunId,
    report::{Report, RunOutcome},
    run::{Run, RunOptions},
    spec::Format,
};
use connexa_types::{
    Answer, AnswerBody, Attempt, Call, CallBody, Mono, Now, Outcome, SealingKey, SecretHash, SecretRef,
    SecretValue, SecretValues, TenantId, Timestamp,
};
use futures_util::{
    FutureExt as _,
    future::{self, BoxFuture},
    stream,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};
use support::{each_alone, measured, peak_mib, planned, read, spec_value, tenant};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const PARALLEL: [usize; 3] = [1, 8, 64];

fn main() {
    let heading = format!(
        "{:>9} {:>11} {:>9} {:>9} {:>14} {:>9}",
        "changes", "operations", "parallel", "time", "per operation", "memory"
    );
    each_alone(&heading, SIZES.len() * PARALLEL.len(), |row| {
        let (size, parallel) = (SIZES[row / PARALLEL.len()], PARALLEL[row % PARALLEL.len()]);
        let text = spec_value(size / 10).to_string();
        let reading = read(Format::Json, &text);
        let plan = Arc::new(planned(&reading, &tenant(0..0, "")));
        drop(reading);
        let before = peak_mib();
        let run = measured(|| run(&plan, parallel));
        assert_eq!(run.value.outcome, RunOutcome::Complete);
        let operations = u32::try_from(plan.operations.len()).unwrap_or(u32::MAX);
        println!(
            "{:>9} {operations:>11} {parallel:>9} {:>6} ms {:>11} µs {:>5} MiB, {before} MiB of them before",
            plan.changes.len(),
            run.time.as_millis(),
            (run.time / operations).as_micros(),
            peak_mib(),
        );
    });
}

fn run(plan: &Arc<Plan>, parallel: usize) -> Report {
    let clock = Real(Instant::now());
    let journal = MemoryJournal::new();
    let pacer = LocalPacer::new(Arc::new(clock), PacerOptions::default());
    let provider = Echo { tenant: plan.tenant.clone(), clock };
    let id = RunId("01999999-0000-7000-8000-000000000001".to_owned());
    let claim = Claim {
        run: id.clone(),
        tenant: plan.tenant.clone(),
        command: plan.command.clone(),
        started: clock.now().wall,
        keys: Vec::new(),
        plan: Some(Arc::clone(plan)),
        take_over: false,
        actor: Actor::default(),
    };
    let options = RunOptions { parallel, ..RunOptions::default() };
    at_once(async {
        let lease = journal.claim(claim).await.expect("nobody else is here");
        let ports = Ports {
            provider: &provider,
            recording: Some(Recording { journal: &journal, lease: &lease }),
            clock: &clock,
            secrets: &NoSecrets,
            pacer: &pacer,
            deliver: &NoDelivery,
            confirm: &FixedAnswer(false),
        };
        *drive(Run::new(id, Arc::clone(plan), options, 1), ports, &mut |_| {}, stream::pending()).await
    })
}

/// Runs a future that never has to wait.
fn at_once<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}

/// The time since the start.
#[derive(Clone, Copy)]
struct Real(Instant);

impl Clock for Real {
    fn now(&self) -> Now {
        Now { mono: Mono::from_origin(self.0.elapsed()), wall: Timestamp::now() }
    }

    fn sleep_until(&self, _at: Mono) -> BoxFuture<'static, ()> {
        unreachable!("nothing is throttled or fails")
    }
}

struct NoSecrets;

impl Secrets for NoSecrets {
    fn resolve<'a>(
        &'a self,
        _reference: &'a SecretRef,
    ) -> BoxFuture<'a, Result<Arc<SecretValue>, SecretMissing>> {
        unreachable!("the spec holds no secret")
    }

    fn seal(&self, field: &str, value: &str) -> SecretHash {
        SealingKey::new([7; 32]).seal(field, value)
    }
}

/// A service without limits that makes whatever it is told to.
struct Echo {
    tenant: TenantId,
    clock: Real,
}

impl Provider for Echo {
    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn attempt<'a>(
        &'a self,
        call: &'a Call,
        _secrets: &'a SecretValues,
        _limit: Duration,
    ) -> BoxFuture<'a, Attempt> {
        let sent_at = self.clock.now().mono;
        let Some(CallBody::Json(mut body)) = call.body.clone() else { unreachable!("all calls are creates") };
        for list in ["connectors", "routes", "devices"] {
            for child in body.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                child["id"] = json!("00000000-0000-0000-0000-000000000000");
                if let Some(subnet) = child.as_object_mut().and_then(|route| route.shift_remove("value")) {
                    child["subnet"] = subnet;
                }
            }
        }
        body["id"] = json!("00000000-0000-0000-0000-000000000000");
        let answer = Answer { status: 200, body: AnswerBody::Json(body), sealed: BTreeMap::new() };
        future::ready(Attempt {
            outcome: Outcome::Applied(answer),
            quota: None,
            wire_calls: 1,
            token_calls: 0,
            sent_at,
            ended_at: self.clock.now().mono,
            product: None,
        })
        .boxed()
    }
}
