//! Laws of the quota arithmetic that hold whatever a service answers, and of the pacer over it.

mod sim;

use connexa_engine::{
    machine::AttemptId,
    pacer::{LocalPacer, PacerOptions},
    ports::Pacer as _,
    quota::{Leave, Quota},
    report::QuotaSource,
};
use connexa_types::{Answer, AnswerBody, Attempt, Class, Mono, Outcome, QuotaHeaders, Reason, Why};
use futures_util::{FutureExt as _, future};
use proptest::prelude::*;
use sim::clock::SimClock;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

fn seconds(seconds: f64) -> Mono {
    Mono::from_origin(Duration::from_secs_f64(seconds))
}

fn attempt(outcome: Outcome, quota: Option<QuotaHeaders>, sent_at: Mono, ended_at: Mono) -> Attempt {
    Attempt { outcome, quota, wire_calls: 1, token_calls: 0, sent_at, ended_at, product: None }
}

fn applied() -> Outcome {
    Outcome::Applied(Answer { status: 200, body: AnswerBody::Empty, sealed: BTreeMap::new() })
}

fn headers(burst: u64, rate: u64, seconds: u64, remaining: u64) -> QuotaHeaders {
    QuotaHeaders { burst: Some(burst), rate: Some(rate), seconds: Some(seconds), remaining: Some(remaining) }
}

fn number() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(0)),
        1 => Just(Some(u64::MAX)),
        1 => any::<u64>().prop_map(Some),
        6 => (0_u64..100).prop_map(Some),
    ]
}

fn any_headers() -> impl Strategy<Value = Option<QuotaHeaders>> {
    let four = (number(), number(), number(), number());
    prop_oneof![
        1 => Just(None),
        4 => four.prop_map(|(burst, rate, seconds, remaining)| Some(QuotaHeaders { burst, rate, seconds, remaining })),
    ]
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let lost = |reason| Outcome::Indeterminate(Why::new(reason, ""));
    prop_oneof![
        6 => Just(applied()),
        2 => Just(Outcome::Throttled(None)),
        1 => (0_u64..100_000_000).prop_map(|s| Outcome::Throttled(Some(Duration::from_secs(s)))),
        1 => Just(lost(Reason::Reset)),
        1 => Just(lost(Reason::ServerError)),
        1 => Just(Outcome::NotSent(Why::new(Reason::Connect, ""))),
        1 => Just(Outcome::Unauthorized),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Pass(Duration),
    Ask(Class),
    /// One of those on their way ends.
    End(usize, Outcome, Option<QuotaHeaders>),
    Release(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u64..20_000).prop_map(|ms| Step::Pass(Duration::from_millis(ms))),
        any::<bool>().prop_map(|read| Step::Ask(if read { Class::Read } else { Class::Update })),
        (any::<usize>(), any_outcome(), any_headers()).prop_map(|(i, o, h)| Step::End(i, o, h)),
        any::<usize>().prop_map(Step::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a service answers: nothing panics, an answer of "not before" is kept, and nobody waits for ever.
    #[test]
    fn no_answer_breaks_the_quota(steps in prop::collection::vec(step(), 1..120), seed: u64) {
        let mut quota = Quota::new(None, seed);
        let mut now = Mono::ZERO;
        let mut numbers = 0;
        let mut flying: Vec<(AttemptId, Class, Mono)> = vec![];
        for step in steps {
            match step {
                Step::Pass(time) => now = now + time,
                Step::Ask(class) => {
                    if quota.leave(now, class) == Leave::Now {
                        numbers += 1;
                        quota.permit(now, AttemptId(numbers), class);
                        flying.push((AttemptId(numbers), class, now));
                    }
                }
                Step::End(..) | Step::Release(_) if flying.is_empty() => {}
                Step::End(index, outcome, quota_headers) => {
                    let (id, class, sent) = flying.swap_remove(index % flying.len());
                    quota.observe(now, id, class, &attempt(outcome, quota_headers, sent, now));
                }
                Step::Release(index) => {
                    let (id, class, _) = flying.swap_remove(index % flying.len());
                    quota.release(now, id, class);
                }
            }
            let _ = quota.view(now);
        }
        for (id, class, _) in flying {
            quota.release(now, id, class);
        }
        for class in Class::ALL {
            // Nothing is on its way: the next moment is known, is not years away, and is kept.
            let at = match quota.leave(now, class) {
                Leave::Now => now,
                Leave::At(at) => at,
                Leave::AfterAnswer => return Err(TestCaseError::fail("waits for an answer that nobody owes")),
            };
            // A hundred refusals that could each have asked for an hour, or a bucket drawn on far below nothing.
            prop_assert!(at <= now + Duration::from_secs(200 * 3_700), "{at:?}");
            prop_assert_eq!(quota.leave(at, class), Leave::Now);
            if at > now {
                prop_assert_ne!(quota.leave(at - Duration::from_nanos(1), class), Leave::AfterAnswer);
            }
        }
    }

    /// A wait that a server asks for is kept to the letter (up to an hour).
    #[test]
    fn nothing_goes_before_retry_after(wait in 1_u64..3_600, known: bool, class in prop_oneof![Just(Class::Read), Just(Class::Update)]) {
        let mut quota = Quota::new(None, 1);
        let shown = known.then(|| headers(20, 10, 1, 19));
        quota.permit(Mono::ZERO, AttemptId(1), class);
        let hint = Some(Duration::from_secs(wait));
        quota.observe(seconds(1.0), AttemptId(1), class, &attempt(Outcome::Throttled(hint), shown, Mono::ZERO, seconds(1.0)));
        let opens = seconds(1.0) + Duration::from_secs(wait);
        prop_assert_ne!(quota.leave(opens - Duration::from_nanos(1), class), Leave::Now);
        prop_assert_eq!(quota.leave(opens + Duration::from_secs(2), class), Leave::Now);
    }
}

/// A refusal by a bucket that gives thousands of millions a second, then one that gives one: found by
/// `no_answer_breaks_the_quota`.
#[test]
fn the_guard_of_a_fast_bucket_does_not_hold_a_slow_one_up() {
    let mut quota = Quota::new(None, 0);
    let limit = |rate| QuotaHeaders { remaining: None, ..headers(u64::MAX, rate, 1, 0) };
    let mut end = |number, class, outcome, headers| {
        let attempt = attempt(outcome, headers, Mono::ZERO, Mono::ZERO);
        quota.observe(Mono::ZERO, AttemptId(number), class, &attempt);
        quota.permit(Mono::ZERO, AttemptId(number + 1), Class::Read);
        quota.leave(Mono::ZERO, Class::Read)
    };
    end(0, Class::Read, applied(), None);
    end(1, Class::Read, applied(), Some(limit(u64::MAX)));
    end(2, Class::Read, Outcome::Throttled(None), None);
    match end(3, Class::Read, applied(), Some(limit(1))) {
        Leave::At(at) => assert!(at <= seconds(130.0), "{at:?}"),
        leave => assert_eq!(leave, Leave::Now),
    }
}

/// One call finds out; headers may come in any order of their calls.
#[test]
fn an_unknown_class_has_one_call_on_its_way() {
    let mut quota = Quota::new(None, 1);
    assert_eq!(quota.leave(Mono::ZERO, Class::Update), Leave::Now);
    quota.permit(Mono::ZERO, AttemptId(1), Class::Update);
    assert_eq!(quota.leave(seconds(9.0), Class::Update), Leave::AfterAnswer);
    // Neither a lost answer nor a refusal of the credentials says anything.
    let lost = Outcome::Indeterminate(Why::new(Reason::Reset, ""));
    quota.observe(seconds(9.0), AttemptId(1), Class::Update, &attempt(lost, None, Mono::ZERO, seconds(9.0)));
    quota.permit(seconds(9.0), AttemptId(2), Class::Update);
    assert_eq!(quota.leave(seconds(9.0), Class::Update), Leave::AfterAnswer);
    let answer = attempt(applied(), Some(headers(3, 1, 60, 2)), seconds(9.0), seconds(9.1));
    quota.observe(seconds(9.1), AttemptId(2), Class::Update, &answer);
    for id in 3..5 {
        assert_eq!(quota.leave(seconds(9.2), Class::Update), Leave::Now);
        quota.permit(seconds(9.2), AttemptId(id), Class::Update);
    }
    let Leave::At(at) = quota.leave(seconds(9.2), Class::Update) else { panic!("the bucket is empty") };
    // Anchor + period + guard: 9.1 + 60 + 0.01.
    assert_eq!(at, seconds(69.11));
    // The later call's answer comes first and shows less; the earlier one's, when it comes, changes nothing.
    let late = |remaining, at| attempt(applied(), Some(headers(3, 1, 60, remaining)), seconds(9.2), at);
    quota.observe(seconds(9.3), AttemptId(4), Class::Update, &late(0, seconds(9.3)));
    quota.observe(seconds(9.4), AttemptId(3), Class::Update, &late(1, seconds(9.4)));
    assert_eq!(quota.leave(seconds(9.5), Class::Update), Leave::At(seconds(69.11)));
    let view = quota.view(seconds(9.5));
    let update = view.classes[&Class::Update];
    assert_eq!((update.burst, update.rate, update.seconds, update.tokens), (3, 1, 60, 0));
    assert_eq!((update.source, view.shared, view.classes.len()), (QuotaSource::Observed, false, 1));
}

/// A read lowers the update count: from then on a refusal of one class closes both.
#[test]
fn one_bucket_for_both_is_found_out() {
    let mut quota = Quota::new(None, 1);
    let mut id = 0;
    let mut call = |quota: &mut Quota, class, remaining, at: f64| {
        id += 1;
        assert_eq!(quota.leave(seconds(at), class), Leave::Now);
        quota.permit(seconds(at), AttemptId(id), class);
        let answer = attempt(applied(), Some(headers(20, 1, 15, remaining)), seconds(at), seconds(at + 0.01));
        quota.observe(seconds(at + 0.01), AttemptId(id), class, &answer);
    };
    call(&mut quota, Class::Update, 19, 0.1);
    for (remaining, at) in [(18, 0.2), (17, 0.3), (16, 0.4), (15, 0.5), (14, 0.6)] {
        call(&mut quota, Class::Read, remaining, at);
    }
    assert!(!quota.view(seconds(1.0)).shared);
    call(&mut quota, Class::Update, 13, 1.0);
    let view = quota.view(seconds(1.1));
    assert!(view.shared);
    assert_eq!((view.classes[&Class::Read].tokens, view.classes[&Class::Update].tokens), (13, 13));
    quota.permit(seconds(1.2), AttemptId(99), Class::Update);
    let refused = attempt(Outcome::Throttled(None), Some(headers(20, 1, 15, 0)), seconds(1.2), seconds(1.3));
    quota.observe(seconds(1.3), AttemptId(99), Class::Update, &refused);
    for class in Class::ALL {
        let Leave::At(at) = quota.leave(seconds(1.4), class) else { panic!("{class} is closed") };
        assert!(at >= seconds(16.3) && at <= seconds(17.3), "{at:?}");
    }
}

/// Refused without a word: 1 s doubling to 60 s with jitter, one call at a time.
#[test]
fn silent_refusals_back_off_with_one_probe() {
    let mut quota = Quota::new(None, 5);
    let mut now = Mono::ZERO;
    let mut waits = vec![];
    for id in 0..10 {
        quota.permit(now, AttemptId(id), Class::Update);
        assert_eq!(quota.leave(now + Duration::from_hours(1), Class::Update), Leave::AfterAnswer);
        quota.observe(now, AttemptId(id), Class::Update, &attempt(Outcome::Throttled(None), None, now, now));
        let Leave::At(at) = quota.leave(now, Class::Update) else { panic!("it is closed") };
        waits.push(at.saturating_since(now).as_secs_f64());
        now = at;
    }
    for (wait, step) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0]) {
        assert!((step / 2.0..=step).contains(wait), "{waits:?}");
    }
}

fn pacer(clock: &SimClock) -> LocalPacer {
    LocalPacer::new(Arc::new(clock.clone()), PacerOptions::default())
}

#[test]
fn first_come_first_served_but_for_the_urgent() {
    let clock = SimClock::new();
    let pacer = pacer(&clock);
    // One call finds out that there is a token a second.
    let first = clock.run(pacer.acquire(AttemptId(0), Class::Update, false));
    let waiting: Vec<_> = (1..=4)
        .map(|id| {
            let done = clock.clone();
            pacer
                .acquire(AttemptId(id), Class::Update, id == 4)
                .map(move |permit| (permit.attempt.0, done.mono()))
        })
        .collect();
    pacer.observe(first, &attempt(applied(), Some(headers(20, 1, 1, 0)), Mono::ZERO, Mono::ZERO));
    let mut order = clock.run(future::join_all(waiting));
    order.sort_by_key(|(_, at)| *at);
    assert_eq!(order.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [4, 1, 2, 3]);
}

#[test]
fn a_place_in_the_queue_is_given_up_by_dropping_it() {
    let clock = SimClock::new();
    let pacer = pacer(&clock);
    let first = clock.run(pacer.acquire(AttemptId(0), Class::Update, false));
    let given_up = pacer.acquire(AttemptId(1), Class::Update, false);
    let next = pacer.acquire(AttemptId(2), Class::Update, false);
    drop(given_up);
    pacer.release(first);
    assert_eq!(clock.run(next).attempt, AttemptId(2));
    assert_eq!(clock.mono(), Mono::ZERO);
}
