//! A run of a plan built by hand against a scripted service, and what it said of each change.

use super::{
    Outcome as Played, World,
    clock::SimClock,
    plans::Builder,
    service::{Buckets, Script, Service, rejection},
};
use connexa_engine::{
    journal::MemoryJournal,
    pacer::PacerOptions,
    report::{ErrorType, ReportedChange, RunOutcome, Verdict},
    run::RunOptions,
};
use connexa_types::{Answer, AnswerBody, Call, Endpoint, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;

pub struct Ran {
    pub outcome: Played,
    pub world: World,
}

pub fn run(builder: Builder, script: impl FnMut(&Call) -> Option<Outcome> + Send + 'static) -> Ran {
    run_in(Buckets::None, builder, Box::new(script))
}

pub fn run_in(buckets: Buckets, builder: Builder, script: Script) -> Ran {
    run_as(RunOptions::default(), buckets, builder, script)
}

pub fn run_as(options: RunOptions, buckets: Buckets, builder: Builder, script: Script) -> Ran {
    let world = world(buckets, script);
    let outcome = world.run(&builder.plan(), options, 1, None);
    Ran { outcome, world }
}

/// A world whose service follows a script.
pub fn world(buckets: Buckets, script: Script) -> World {
    let clock = SimClock::new();
    let service = Service::new(&clock, buckets, 1);
    service.state().script = Some(script);
    World::new(clock, service, MemoryJournal::new(), PacerOptions::default())
}

impl Ran {
    pub fn change(&self, key: &str) -> (Verdict, &ReportedChange) {
        let lists = &self.outcome.report.lists;
        let all =
            Verdict::ALL.into_iter().flat_map(|verdict| lists.of(verdict).iter().map(move |c| (verdict, c)));
        let mut found = all.filter(|(_, change)| change.key == key);
        let only = found.next().expect("the change is there");
        assert!(found.next().is_none());
        only
    }

    pub fn error(&self, key: &str) -> (Verdict, ErrorType, &str) {
        let (verdict, change) = self.change(key);
        (verdict, change.error_type.expect("a type"), change.error.as_deref().expect("words"))
    }

    pub fn detail(&self, key: &str) -> BTreeMap<String, Vec<String>> {
        self.change(key).1.error_detail.clone().unwrap_or_default()
    }

    pub fn outcome(&self) -> RunOutcome {
        self.outcome.report.outcome
    }
}

pub fn applied(body: Value) -> Outcome {
    Outcome::Applied(Answer { status: 201, body: AnswerBody::Json(body), sealed: BTreeMap::new() })
}

pub fn is_create(call: &Call) -> bool {
    call.endpoint.creates()
}

pub fn details(list: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    list.iter().map(|(field, text)| ((*field).to_owned(), vec![(*text).to_owned()])).collect()
}

/// A refusal of calls to one endpoint.
pub fn rejection_of(call: &Call, endpoint: Endpoint, status: u16) -> Option<Outcome> {
    (call.endpoint == endpoint).then(|| rejection(status, &[]))
}
