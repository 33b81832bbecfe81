//! What the journal costs: `cargo bench -p connexa --bench journal`.
//!
//! Operations are recorded as a run records them: the intent of each is on the disk before it counts as sent, what came of
//! it is queued and not waited for. Then all is read back, as whoever takes the run up again does. `-- --operations N
//! --folder DIR` change the size and the disk.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people to look at, which may panic"
)]

use connexa::SqliteJournal;
use connexa_engine::{
    machine::{AttemptId, Seq},
    plan::{OperationId, Plan},
    ports::{Actor, Claim, Journal},
    record::{Purpose, Record, RunId, RunTimings},
    report::RunOutcome,
    run::RunOptions,
};
use connexa_types::{Answer, AnswerBody, Call, Endpoint, Outcome, TenantId, Timestamp};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    future::Future,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// Records of one operation.
const RECORDS: usize = 4;

fn main() {
    let (mut operations, mut folder) = (10_000_usize, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--operations" => {
                operations = arguments.next().and_then(|n| n.parse().ok()).expect("a number follows");
            }
            "--folder" => folder = Some(PathBuf::from(arguments.next().expect("a folder follows"))),
            // Cargo says so to every benchmark.
            "--bench" => {}
            other => panic!("unknown argument {other}"),
        }
    }
    let folder = match folder {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let path = folder.path().join("journal/acme.db");
    let tenant = TenantId::new("https://acme.example");

    println!("{operations} operations, {RECORDS} records each");
    for parallel in [1, 8, 64] {
        // Alone, each waits for a sync of its own.
        let operations = if parallel == 1 { operations.min(1000) } else { operations };
        let run = RunId(format!("01999999-0000-7000-8000-{parallel:012}"));
        let journal = SqliteJournal::open_at(&path, &tenant).unwrap();
        let lease = done(journal.claim(claim(&run, &tenant, operations))).unwrap();
        done(journal.append(&lease, vec![started(&run, &tenant, operations)])).unwrap();
        let begin = Instant::now();
        done(stream::iter(0..operations).for_each_concurrent(parallel, |number| {
            let (journal, lease) = (&journal, &lease);
            async move {
                journal.append(lease, vec![intent(number)]).await.unwrap();
                drop(journal.append(lease, outcome(number)));
            }
        }));
        done(journal.append(&lease, vec![finished()])).unwrap();
        let time = begin.elapsed();
        let rate = |number: usize| f64::from(u32::try_from(number).unwrap()) / time.as_secs_f64();
        println!(
            "{:<44}{:>9} ms {:>9.0} operations/s {:>9.0} records/s",
            format!("recording, {parallel} at once"),
            time.as_millis(),
            rate(operations),
            rate(operations * RECORDS)
        );
        done(journal.release(lease)).unwrap();
    }

    let run = RunId(format!("01999999-0000-7000-8000-{:012}", 8));
    let (journal, opening) = measured(|| SqliteJournal::open_at(&path, &tenant).unwrap());
    line("opening", opening, "");
    let (plan, time) = measured(|| done(journal.plan(&run)).unwrap());
    line("reading the plan", time, &format!("{} operations", plan.operations.len()));
    let (records, time) = measured(|| done(journal.read(&run, Seq(1), usize::MAX)).unwrap());
    line("reading the records", time, &format!("{} records", records.len()));
    let again = Claim { plan: None, ..claim(&run, &tenant, operations) };
    let (lease, time) = measured(|| done(journal.claim(again)).unwrap());
    line("taking the run up again", time, "");
    let (heads, time) = measured(|| done(journal.runs(&tenant, None, 100)).unwrap());
    line("listing the runs", time, &format!("{} runs", heads.len()));
    let ((), time) = measured(|| done(journal.release(lease)).unwrap());
    line("giving it out of hand", time, "");
    drop(journal);
    let size = std::fs::metadata(&path).unwrap().len();
    println!("the file has {} bytes an operation", size / u64::try_from(operations * 2).unwrap());
}

fn line(what: &str, time: Duration, note: &str) {
    println!("{what:<44}{:>9.1} ms {note}", time.as_secs_f64() * 1000.0);
}

fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let value = work();
    (value, begin.elapsed())
}

fn done<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn claim(run: &RunId, tenant: &TenantId, operations: usize) -> Claim {
    Claim {
        run: run.clone(),
        tenant: tenant.clone(),
        command: "apply".to_owned(),
        started: Timestamp::UNIX_EPOCH,
        // Each run has keys of its own.
        keys: (0..operations).map(|number| format!("network/{run}-{number}")).collect(),
        plan: Some(Arc::new(plan(tenant, operations))),
        take_over: false,
        actor: Actor::default(),
    }
}

fn item(number: usize) -> Value {
    json!({
        "name": format!("branch-{number}"), "egress": false, "description": "a branch office",
        "connectors": [{ "name": format!("branch-{number}-1"), "region": "eu-central-1" }],
        "routes": [format!("10.{}.{}.0/24", number / 256 % 256, number % 256)],
    })
}

fn body(number: usize) -> Value {
    json!({
        "name": format!("branch-{number}"), "internetAccess": "SPLIT_TUNNEL_ON", "egress": false,
        "description": "a branch office", "tunnelingProtocol": "OPENVPN",
        "connectors": [{ "name": format!("branch-{number}-1"), "vpnRegionId": "eu-central-1" }],
        "routes": [{ "subnet": format!("10.{}.{}.0/24", number / 256 % 256, number % 256), "type": "IP_V4" }],
    })
}

fn answer(number: usize) -> Value {
    let mut answer = body(number);
    answer["id"] = json!(format!("0d5d3c7e-0000-4000-8000-{number:012}"));
    answer["systemSubnets"] = json!(["100.96.0.0/11", "fd:0:0:8000::/49"]);
    answer["connectors"][0]["id"] = json!(format!("0d5d3c7e-0001-4000-8000-{number:012}"));
    answer["routes"][0]["id"] = json!(format!("0d5d3c7e-0002-4000-8000-{number:012}"));
    answer
}

fn plan(tenant: &TenantId, operations: usize) -> Plan {
    let changes: Vec<Value> = (0..operations)
        .map(|number| {
            json!({
                "kind": "network", "key": format!("branch-{number}"), "action": "create", "item": item(number),
                "source": { "file": "spec.yaml", "line": number + 1, "index": number },
            })
        })
        .collect();
    let calls: Vec<Value> = (0..operations)
        .map(|number| {
            json!({
                "id": format!("create-network-{number}"), "kind": "network", "needs": [],
                "call": { "endpoint": Endpoint::NetworkCreate, "body": { "json": body(number) } },
                "carries": [{ "change": number, "at": "" }],
            })
        })
        .collect();
    let plan = json!({
        "format": Plan::FORMAT, "tenant": tenant, "command": "apply",
        "base": { "read_at": null, "kinds": {} }, "changes": changes, "operations": calls,
        "cost": { "read": 1, "update": operations, "one_per_object": operations, "seconds": 0.0, "quota_source": null },
        "warnings": [], "fingerprint": "f",
    });
    serde_json::from_value(plan).unwrap()
}

fn started(run: &RunId, tenant: &TenantId, operations: usize) -> Record {
    Record::RunStarted {
        run: run.clone(),
        tenant: tenant.clone(),
        command: "apply".to_owned(),
        fingerprint: "f".to_owned(),
        options: Box::new(RunOptions::default()),
        seed: 1,
        changes: operations as u64,
        operations: operations as u64,
        at: Timestamp::UNIX_EPOCH,
    }
}

fn intent(number: usize) -> Record {
    Record::AttemptStarted {
        attempt: AttemptId(number as u64),
        purpose: Purpose::Operation(OperationId(format!("create-network-{number}"))),
        number: 1,
        call: Call::new(Endpoint::NetworkCreate).json(body(number)),
        waited: Duration::ZERO,
        at: Timestamp::UNIX_EPOCH,
        send_by: Timestamp::UNIX_EPOCH,
    }
}

fn outcome(number: usize) -> Vec<Record> {
    let answer = Answer { status: 201, body: AnswerBody::Json(answer(number)), sealed: BTreeMap::new() };
    let report = json!({
        "kind": "network", "key": format!("branch-{number}"), "action": "create", "item": item(number),
        "id": format!("0d5d3c7e-0000-4000-8000-{number:012}"), "object": answer.json(), "attempts": 1, "status": 201,
        "origin": "confirmed", "source": { "file": "spec.yaml", "line": number + 1, "index": number },
    });
    let verdict = connexa_engine::report::Verdict::Succeeded;
    vec![
        Record::AttemptEnded {
            attempt: AttemptId(number as u64),
            outcome: Outcome::Applied(answer),
            quota: None,
            wire_calls: 1,
            token_calls: 0,
            took: Duration::from_millis(3),
            at: Timestamp::UNIX_EPOCH,
        },
        Record::ChangeEnded {
            change: number,
            verdict,
            report: Box::new(serde_json::from_value(report).unwrap()),
            at: Timestamp::UNIX_EPOCH,
        },
        Record::OperationEnded {
            operation: OperationId(format!("create-network-{number}")),
            verdict,
            open: Vec::new(),
            unsettled: false,
            at: Timestamp::UNIX_EPOCH,
        },
    ]
}

fn finished() -> Record {
    Record::RunFinished {
        outcome: RunOutcome::Complete,
        timings: RunTimings::default(),
        at: Timestamp::UNIX_EPOCH,
    }
}
