//! What it costs to take a run up again from its records: `cargo bench -p connexa-engine --bench replay`.
//!
//! From the records in memory to the first list call, without the settle time: `timings.recovery_ms` of a report less what
//! the host needs to open and read its journal.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

mod support;

use connexa_engine::{
    machine::{Input, Machine as _, Output, Permit},
    plan::{Action, Base, CallTemplate, Carried, Change, Cost, Operation, OperationId, Plan, TemplateText},
    record::{Record, RunId},
    run::{Goal, Overrides, Run, RunOptions},
    sorted_map::SortedMap,
};
use connexa_types::{
    Answer, AnswerBody, Attempt, Call, CallBody, Class, Endpoint, JsonPointer, Kind, Mono, Now, Outcome,
    TenantId, Timestamp,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use support::{each_alone, measured, peak_mib};

const OPERATIONS: [usize; 3] = [1_000, 10_000, 100_000];
/// How much of the run the process lived through, in percent.
const DONE: [usize; 3] = [10, 50, 100];

fn main() {
    let heading = format!(
        "{:>10} {:>8} {:>9} {:>9} {:>9} {:>9}",
        "operations", "records", "replayed", "to list", "memory", "before"
    );
    each_alone(&heading, OPERATIONS.len() * DONE.len(), |row| {
        let (operations, done) = (OPERATIONS[row / DONE.len()], DONE[row % DONE.len()]);
        let plan = plan(operations);
        let mut records = run(&plan);
        // A whole run has nothing left to look for, so the last process always died before its end.
        records.truncate((records.len() * done / 100).min(records.len() - 1));
        let number = records.len();
        let before = peak_mib();
        let overrides = Overrides { settle: Some(Duration::ZERO), ..Overrides::default() };
        let replayed = measured(|| {
            Run::replay(Arc::clone(&plan), records, Goal::Forward, overrides).expect("records of the plan")
        });
        let mut machine = replayed.value;
        let listed = measured(|| machine.handle(now(), Input::Start));
        let asks =
            listed.value.iter().any(|output| matches!(output, Output::Acquire { class: Class::Read, .. }));
        assert!(asks || done == 100, "a list is asked for first");
        println!(
            "{operations:>10} {number:>8} {:>6.1} ms {:>6.1} ms {:>5} MiB {before:>5} MiB",
            milliseconds(replayed.time),
            milliseconds(listed.time),
            peak_mib(),
        );
    });
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn now() -> Now {
    Now { mono: Mono::ZERO, wall: Timestamp::UNIX_EPOCH }
}

/// Hosts to be made.
fn plan(operations: usize) -> Arc<Plan> {
    let change = |index: usize| Change {
        kind: Kind::Host.singular().to_owned(),
        key: format!("host-{index}"),
        action: Action::Create,
        verb: None,
        unit: None,
        id: None,
        fields: SortedMap::new(),
        irreversible: None,
        notice: None,
        source: None,
        item: Some(json!({ "name": format!("host-{index}"), "description": "of a branch office" }).into()),
        object: None,
        note: None,
        parent: None,
        preset: None,
    };
    let operation = |index: usize| Operation {
        id: OperationId(format!("create-host-{index}")),
        call: CallTemplate {
            endpoint: Endpoint::HostCreate,
            path_args: Vec::<TemplateText>::new(),
            query: Vec::new(),
            body: Some(CallBody::Json(
                json!({ "name": format!("host-{index}"), "description": "of a branch office" }),
            )),
            outputs: BTreeMap::new(),
            secrets: BTreeMap::new(),
        },
        carries: vec![Carried { change: index, at: JsonPointer::default() }],
        needs: Vec::new(),
        after: Vec::new(),
        kind: Kind::Host,
        cleared: Vec::new(),
        unit: None,
        stage: None,
        base: Vec::new(),
    };
    Arc::new(Plan {
        format: Plan::FORMAT,
        tenant: TenantId::from("https://acme.api.openvpn.com"),
        command: "apply".to_owned(),
        base: Base::default(),
        changes: (0..operations).map(change).collect(),
        operations: (0..operations).map(operation).collect(),
        barriers: Vec::new(),
        referrers: Vec::new(),
        delivery: None,
        cost: Cost::default(),
        warnings: Vec::new(),
        problems: Vec::new(),
        fingerprint: "sha256:0".to_owned(),
    })
}

/// The records of a run at a service that does at once whatever it is told to.
fn run(plan: &Arc<Plan>) -> Vec<Record> {
    let id = RunId("01999999-0000-7000-8000-000000000001".to_owned());
    let mut machine = Run::new(id, Arc::clone(plan), RunOptions::default(), 1);
    let mut records = Vec::new();
    let mut inputs = VecDeque::from([Input::Start]);
    while let Some(input) = inputs.pop_front() {
        for output in machine.handle(now(), input) {
            match output {
                Output::Append { first, records: made } => {
                    inputs.push_back(Input::Durable(connexa_engine::machine::Seq(
                        first.0 + made.len() as u64 - 1,
                    )));
                    records.extend(made);
                }
                Output::Acquire { attempt, class, .. } => {
                    inputs.push_back(Input::Granted(Permit { attempt, class, until: Mono::FAR }));
                }
                Output::Send { attempt, call, .. } => {
                    inputs.push_back(Input::Answered(attempt, Box::new(answer(&call))));
                }
                Output::Done(_) => return records,
                _ => {}
            }
        }
    }
    unreachable!("the run comes to an end")
}

fn answer(call: &Call) -> Attempt {
    let Some(CallBody::Json(mut body)) = call.body.clone() else { unreachable!("all calls are creates") };
    body["id"] = Value::from("00000000-0000-0000-0000-000000000000");
    let answer = Answer { status: 201, body: AnswerBody::Json(body), sealed: BTreeMap::new() };
    Attempt {
        outcome: Outcome::Applied(answer),
        quota: None,
        wire_calls: 1,
        token_calls: 0,
        sent_at: Mono::ZERO,
        ended_at: Mono::ZERO,
        product: None,
    }
}
