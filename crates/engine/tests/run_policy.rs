//! When a run stops by itself: failures, waves, the deadline; and where the products of calls go.

mod sim;

use connexa_engine::{
    machine::Question,
    ports::{Confirm, Deliver, DeliverError, DeliveryLabel, FixedAnswer},
    record::Record,
    report::{ErrorType, RunOutcome, Verdict},
    run::{OnFailure, RunOptions, WaveSize},
};
use connexa_types::{Call, CallBody, Endpoint, Kind, Outcome, SecretValue};
use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::json;
use sim::{
    bucket::{Bucket, Numbers},
    plans::Builder,
    ran::{Ran, run_as, world},
    service::{Buckets, rejection},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

fn hosts(count: usize) -> Builder {
    let mut builder = Builder::default();
    for index in 0..count {
        builder.host(&format!("h{index}"));
    }
    builder
}

fn refuses(names: &'static [&str]) -> impl FnMut(&Call) -> Option<Outcome> + Send {
    move |call| {
        let Some(CallBody::Json(body)) = &call.body else { return None };
        names.iter().any(|name| body["name"] == *name).then(|| rejection(422, &[("name", "odd")]))
    }
}

fn serial() -> RunOptions {
    RunOptions { parallel: 1, ..RunOptions::default() }
}

fn reasons(ran: &Ran) -> Vec<&str> {
    let reasons = ran.outcome.records.iter().filter_map(|record| match record {
        Record::StopRequested { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    reasons.collect()
}

#[test]
fn the_first_failure_stops_the_run_if_it_is_to() {
    let play = |on_failure| {
        let options = RunOptions { on_failure, ..serial() };
        run_as(options, Buckets::None, hosts(6), Box::new(refuses(&["h2"])))
    };
    let ran = play(OnFailure::Continue);
    assert_eq!((ran.outcome(), ran.outcome.report.lists.succeeded.len()), (RunOutcome::Partial, 5));
    let ran = play(OnFailure::Stop);
    assert_eq!((ran.outcome(), ran.world.service.ledger().len()), (RunOutcome::Stopped, 3));
    assert_eq!(ran.change("h2").0, Verdict::Failed);
    let (verdict, rest) = ran.change("h5");
    let error = "not started: the run was stopped by a failure";
    assert_eq!((verdict, rest.error.as_deref()), (Verdict::Unprocessed, Some(error)));
    assert_eq!(reasons(&ran), ["something failed, and a failure stops the run"]);
}

#[test]
fn so_many_failures_are_enough_and_what_is_no_good_from_the_start_counts() {
    let play = |most, invalid| {
        let mut builder = hosts(8);
        if invalid {
            builder.invalid(Kind::Host, "invalid");
        }
        let options = RunOptions { max_failures: Some(most), ..serial() };
        run_as(options, Buckets::None, builder, Box::new(refuses(&["h1", "h3", "h5"])))
    };
    assert_eq!(play(2, false).world.service.ledger().len(), 4);
    assert_eq!(play(2, true).world.service.ledger().len(), 2);
    assert_eq!(play(1, true).world.service.ledger().len(), 0);
    let ran = play(4, false);
    assert_eq!((ran.outcome(), ran.world.service.ledger().len()), (RunOutcome::Partial, 8));
}

/// A joint call that fails with all on board is one failure.
#[test]
fn a_call_fails_once_whatever_it_carries() {
    let mut builder = Builder::default();
    builder.network("paris", 5, 5);
    let builder_with_hosts = {
        for index in 0..3 {
            builder.host(&format!("h{index}"));
        }
        builder
    };
    let options = RunOptions { max_failures: Some(2), ..serial() };
    let ran = run_as(options, Buckets::None, builder_with_hosts, Box::new(refuses(&["paris"])));
    assert_eq!((ran.outcome.report.lists.failed.len(), ran.outcome.report.lists.succeeded.len()), (11, 3));
}

#[test]
fn the_deadline_starts_nothing_new_and_lets_what_is_in_flight_end() {
    let bucket = || Bucket::full(Numbers::new(2, 1, 10));
    let buckets = Buckets::Apart { read: bucket(), update: bucket() };
    let options = RunOptions { deadline: Some(Duration::from_secs(35)), ..RunOptions::default() };
    let ran = run_as(options.clone(), buckets, hosts(20), Box::new(|_| None));
    // Two at once, then one each ten seconds.
    assert_eq!((ran.outcome.report.lists.succeeded.len(), ran.outcome()), (5, RunOutcome::Stopped));
    let error = ran.change("h19").1.error.clone();
    assert_eq!(error.as_deref(), Some("not started: the deadline has passed"));
    // What is done in time does not wait for it.
    let ran = run_as(options, Buckets::None, hosts(3), Box::new(|_| None));
    assert_eq!(ran.outcome(), RunOutcome::Complete);
    assert!(ran.outcome.ended.since_origin() < Duration::from_secs(1));
}

/// Says yes so many times.
struct Patience {
    yes: usize,
    asked: Arc<Mutex<Vec<Question>>>,
}

impl Confirm for Patience {
    fn confirm(&self, question: Question) -> BoxFuture<'_, bool> {
        let mut asked = self.asked.lock().expect("nobody panics");
        asked.push(question);
        std::future::ready(asked.len() <= self.yes).boxed()
    }
}

#[test]
fn waves_ask_in_between_and_go_on_or_stop() {
    let sizes = vec![WaveSize::Operations(1), WaveSize::Operations(5), WaveSize::Percent(50)];
    for (yes, done) in [(0, 1), (1, 5), (2, 10), (3, 20)] {
        let mut world = world(Buckets::None, Box::new(refuses(&["h3"])));
        let asked = Arc::default();
        world.confirm = Box::new(Patience { yes, asked: Arc::clone(&asked) });
        let options = RunOptions { waves: sizes.clone(), ..RunOptions::default() };
        let outcome = world.run(&hosts(20).plan(), options, 1, None);
        let ran = Ran { outcome, world };
        assert_eq!(ran.world.service.ledger().len(), done, "{yes}");
        let expected = if yes == 3 { RunOutcome::Partial } else { RunOutcome::Stopped };
        assert_eq!(ran.outcome(), expected);
        let asked = asked.lock().expect("nobody panics").clone();
        let first = Question::NextWave { wave: 1, ended: 1, bad: 0, next: 4, left: 19 };
        assert_eq!((asked[0], asked.len()), (first, (yes + 1).min(3)));
        if yes > 0 {
            assert_eq!(asked[1], Question::NextWave { wave: 2, ended: 5, bad: 1, next: 5, left: 15 });
        }
        if yes == 0 {
            let error = ran.change("h19").1.error.clone();
            assert_eq!(error.as_deref(), Some("not started: the run was not continued after wave 1"));
            assert_eq!(reasons(&ran), ["not continued after wave 1"]);
        }
        let waves = ran.outcome.records.iter().filter(|record| matches!(record, Record::WaveStarted { .. }));
        assert_eq!(waves.count(), yes + 1);
    }
}

/// A wave of which nothing can start is not asked for; what needs something of a later wave does not hold a wave up.
#[test]
fn a_wave_with_nothing_to_start_is_passed_over() {
    let mut builder = hosts(6);
    for index in [1, 2, 3] {
        builder.operations[index].needs = vec![0];
    }
    let mut world = world(Buckets::None, Box::new(refuses(&["h0"])));
    let asked = Arc::default();
    world.confirm = Box::new(Patience { yes: 9, asked: Arc::clone(&asked) });
    let waves = vec![WaveSize::Operations(1), WaveSize::Operations(4)];
    let outcome = world.run(&builder.plan(), RunOptions { waves, ..RunOptions::default() }, 1, None);
    assert_eq!((outcome.report.lists.skipped.len(), outcome.report.lists.succeeded.len()), (3, 2));
    let asked = asked.lock().expect("nobody panics").clone();
    assert_eq!(asked, [Question::NextWave { wave: 2, ended: 4, bad: 4, next: 2, left: 2 }]);
}

#[test]
fn a_stop_while_somebody_is_asked_ends_the_run() {
    struct Never;
    impl Confirm for Never {
        fn confirm(&self, _: Question) -> BoxFuture<'_, bool> {
            std::future::pending().boxed()
        }
    }
    let mut world = world(Buckets::None, Box::new(|_| None));
    world.confirm = Box::new(Never);
    let stop = Some(connexa_types::Mono::from_origin(Duration::from_mins(1)));
    let options = RunOptions { waves: vec![WaveSize::Operations(2)], ..RunOptions::default() };
    let outcome = world.run(&hosts(4).plan(), options, 1, stop);
    assert_eq!((outcome.report.outcome, outcome.report.lists.unprocessed.len()), (RunOutcome::Stopped, 2));
    assert_eq!(
        FixedAnswer(true)
            .confirm(Question::NextWave { wave: 1, ended: 0, bad: 0, next: 0, left: 0 })
            .now_or_never(),
        Some(true)
    );
}

/// Keeps what it is given.
#[derive(Default)]
struct Folder {
    full: bool,
    files: Arc<Mutex<Vec<(DeliveryLabel, String)>>>,
}

impl Deliver for Folder {
    fn deliver(
        &self,
        of: DeliveryLabel,
        product: SecretValue,
    ) -> BoxFuture<'_, Result<String, DeliverError>> {
        let place = format!("{}.ovpn", of.key);
        self.files.lock().expect("nobody panics").push((of, product.expose().to_owned()));
        let done = if self.full { Err(DeliverError::lost("no space left")) } else { Ok(place) };
        std::future::ready(done).boxed()
    }
}

#[test]
fn a_profile_goes_to_its_file_before_its_outcome_is_recorded() {
    for full in [false, true] {
        let connector = json!({ "id": "c1", "name": "paris-1" });
        let mut builder = Builder::default();
        let operation =
            builder.act(Endpoint::NetworkConnectorProfile, Kind::NetworkConnector, "profile", &connector);
        builder.operations[operation].base.clear();
        let mut world = world(Buckets::None, Box::new(|_| None));
        world.service.state().objects.insert("networks", vec![connector]);
        world.service.state().product = Some("SECRET PROFILE".to_owned());
        let folder = Folder { full, ..Folder::default() };
        let files = Arc::clone(&folder.files);
        world.deliver = Box::new(folder);
        let outcome = world.run(&builder.plan(), RunOptions::default(), 1, None);
        let ran = Ran { outcome, world };
        let files = files.lock().expect("nobody panics");
        let (label, text) = &files[0];
        assert_eq!(
            (label.key.as_str(), label.id.as_deref(), text.as_str()),
            ("paris-1", Some("c1"), "SECRET PROFILE")
        );
        let (verdict, change) = ran.change("paris-1");
        if full {
            assert_eq!((verdict, change.error_type), (Verdict::Unknown, Some(ErrorType::Indeterminate)));
            assert!(change.error.as_deref().is_some_and(|error| error.ends_with("no space left")));
        } else {
            assert_eq!(
                (verdict, change.note.as_deref()),
                (Verdict::Succeeded, Some("written to paris-1.ovpn"))
            );
        }
        let records = format!("{:?}", ran.outcome.records);
        assert!(!records.contains("SECRET"), "no record holds it");
    }
}
