//! The lines of `--events`: every record of runs of all sorts is as its published schema says, and can be read again.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod sim;

use connexa_engine::{
    journal::MemoryJournal,
    machine::Seq,
    pacer::PacerOptions,
    ports::FixedAnswer,
    record::Stored,
    run::{Goal, Overrides, RunOptions, WaveSize},
};
use connexa_types::{Endpoint, JsonPointer, Kind, Mono, SecretRef, SecretSource};
use serde_json::{Value, json};
use sim::{
    SimSecrets, World,
    bucket::{Bucket, Numbers},
    clock::SimClock,
    fate::Fate,
    plans::{self, Builder},
    ran::{rejection_of, world},
    service::{Buckets, Faults, Service},
};
use std::{collections::BTreeSet, time::Duration};

/// The published schema, and what it has met.
struct Lines {
    schema: jsonschema::Validator,
    types: BTreeSet<String>,
    outcomes: BTreeSet<String>,
    purposes: BTreeSet<String>,
    verdicts: BTreeSet<String>,
}

impl Lines {
    fn new() -> Self {
        let schema: Value =
            serde_json::from_str(include_str!("../../../schemas/events.schema.json")).unwrap();
        Self {
            schema: jsonschema::options().should_validate_formats(true).build(&schema).unwrap(),
            types: BTreeSet::new(),
            outcomes: BTreeSet::new(),
            purposes: BTreeSet::new(),
            verdicts: BTreeSet::new(),
        }
    }

    fn meet(&mut self, outcome: &sim::Outcome) {
        for (record, seq) in outcome.records.iter().zip(1..) {
            let stored = Stored { seq: Seq(seq), record: record.clone() };
            let line = serde_json::to_string(&stored).unwrap();
            assert_eq!(serde_json::from_str::<Stored>(&line).unwrap(), stored, "{line}");
            let line: Value = serde_json::from_str(&line).unwrap();
            let errors: Vec<String> =
                self.schema.iter_errors(&line).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(errors.is_empty(), "{errors:#?}\n{line:#}");
            self.note(&line["record"]);
        }
    }

    fn note(&mut self, record: &Value) {
        let word = |value: &Value| match value {
            Value::String(word) => Some(word.clone()),
            Value::Object(members) => members.keys().next().cloned(),
            _ => None,
        };
        self.types.extend(word(&record["type"]));
        self.outcomes.extend(word(&record["outcome"]).filter(|_| record["type"] == "attempt_ended"));
        self.purposes.extend(word(&record["purpose"]));
        self.verdicts.extend(word(&record["verdict"]));
    }
}

fn assert_met(met: &BTreeSet<String>, all: &[&str]) {
    assert_eq!(met.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

/// Random plans under all faults at once, some of them stopped, some with batched requests.
fn random(seed: u64) -> sim::Outcome {
    let mut random = fastrand::Rng::with_seed(seed);
    let plan = plans::random(&mut random, 25);
    let clock = SimClock::with_lateness(Duration::from_millis(1), seed);
    let bucket = Bucket::full(Numbers::new(5, 5, 1));
    let buckets = if seed.is_multiple_of(2) { Buckets::Shared(bucket) } else { Buckets::None };
    let service = Service::new(&clock, buckets, seed);
    service.state().faults = Faults {
        not_sent: 5,
        reset_before: 3,
        reset_after: 3,
        error_before: 3,
        error_after: 3,
        throttled: 5,
        rejected: 10,
        half_applied: 20,
        child_lost: 20,
        unauthorized: u8::from(seed.is_multiple_of(5)),
        no_batches: 10,
    };
    service.state().batches = Some(0);
    let world = World::new(clock, service, MemoryJournal::new(), PacerOptions { max_rate: None, seed });
    let options = RunOptions {
        batch: if seed.is_multiple_of(3) { 5 } else { 1 },
        deadline: Some(Duration::from_mins(90)),
        recheck: Some(Duration::from_millis(1)),
        max_failures: Some(50),
        ..RunOptions::default()
    };
    let stop = (seed.is_multiple_of(4)).then(|| Mono::from_origin(Duration::from_millis(seed * 10)));
    world.run(&plan, options, seed, stop)
}

/// Updates, deletes, actions and settings, of which some have drifted; in waves; and a secret.
fn changes() -> sim::Outcome {
    let mut builder = Builder { read_at: "2025-12-31T23:00:00Z".parse().ok(), ..Builder::default() };
    let host = |id: &str| json!({ "id": id, "name": id, "domain": "old.example", "connectors": [] });
    for id in ["h1", "h2", "h3"] {
        builder.update(Kind::Host, &host(id), json!({ "name": id, "domain": "new.example" }));
    }
    builder.delete(Kind::Host, &host("h4"));
    let ada = json!({ "id": "u1", "username": "ada", "status": "ACTIVE" });
    builder.act(Endpoint::UserSuspend, Kind::User, "suspend", &ada);
    let profile =
        builder.act(Endpoint::NetworkConnectorProfile, Kind::NetworkConnector, "profile", &host("c1"));
    builder.operations[profile].base.clear();
    for (name, source) in [
        ("one", SecretSource::Env("KEY".to_owned())),
        ("two", SecretSource::File("key.txt".to_owned())),
        ("three", SecretSource::Command(vec!["pass".to_owned(), "show".to_owned()])),
        ("four", SecretSource::Inline),
    ] {
        let hash = connexa_engine::ports::Secrets::seal(&SimSecrets, "ipsec.pre_shared_key", name);
        let operation = builder.host(name);
        let reference = SecretRef { field: "ipsec.pre_shared_key".to_owned(), source, hash: Some(hash) };
        builder.operations[operation].call.secrets.insert(JsonPointer::new("/name"), reference);
    }
    let mut world = world(Buckets::None, Box::new(|_| None));
    world.confirm = Box::new(FixedAnswer(true));
    let drifted = json!({ "id": "h2", "name": "h2", "domain": "other.example", "connectors": [] });
    let mut state = world.service.state();
    state.objects.insert("hosts", vec![host("h1"), drifted, host("h3"), host("h4")]);
    state.objects.insert("users", vec![ada]);
    state.product = Some("client\nremote vpn.example".to_owned());
    drop(state);
    let waves = vec![WaveSize::Operations(2), WaveSize::Percent(50)];
    world.run(&builder.plan(), RunOptions { waves, ..RunOptions::default() }, 1, None)
}

/// A kind that is refused as a whole.
fn braked() -> sim::Outcome {
    let mut builder = Builder::default();
    for name in ["a", "b", "c"] {
        builder.group(name);
    }
    let world = world(Buckets::None, Box::new(|call| rejection_of(call, Endpoint::UserGroupCreate, 403)));
    world.run(&builder.plan(), RunOptions { parallel: 1, ..RunOptions::default() }, 1, None)
}

/// A run that is stopped while it settles, and then settled; one that is stopped, and taken back; both are taken up twice.
fn legs() -> Vec<sim::Outcome> {
    let mut outcomes = Vec::new();
    for goals in [[Goal::Settle, Goal::Forward], [Goal::Retry, Goal::Undo]] {
        let world = world(Buckets::None, Box::new(|_| None));
        let mut losses = 2;
        world.service.state().fates = Some(Box::new(move |call| {
            losses -= i32::from(call.mutates());
            if call.mutates() && losses >= 0 { Fate::LostAfter } else { Fate::Fine }
        }));
        let plan = plans::hosts(30);
        let stop = Mono::from_origin(Duration::from_millis(9));
        outcomes.push(world.run(&plan, RunOptions::default(), 1, Some(stop)));
        for goal in goals {
            outcomes.push(world.resume(&plan, goal, Overrides::default(), None));
        }
    }
    outcomes
}

#[test]
fn every_line_is_as_its_schema_says() {
    let mut lines = Lines::new();
    for seed in 0..60 {
        lines.meet(&random(seed));
    }
    lines.meet(&changes());
    lines.meet(&braked());
    for leg in legs() {
        lines.meet(&leg);
    }
    // All that there is has been met.
    assert_met(
        &lines.types,
        &[
            "attempt_ended",
            "attempt_started",
            "batches_refused",
            "change_ended",
            "kind_stopped",
            "operation_added",
            "operation_ended",
            "operation_unsettled",
            "run_continued",
            "run_finished",
            "run_started",
            "stop_requested",
            "undo_started",
            "wave_started",
        ],
    );
    assert_met(
        &lines.outcomes,
        &["applied", "indeterminate", "not_sent", "rejected", "throttled", "unauthorized"],
    );
    assert_met(&lines.purposes, &["look_up", "operation"]);
    assert_met(&lines.verdicts, &["failed", "skipped", "succeeded", "undone", "unknown", "unprocessed"]);
}
