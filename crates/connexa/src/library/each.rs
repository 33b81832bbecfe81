//! Any work for each of many items, under quota, retries and brake.

#[cfg(doc)]
use super::Stopper;
use super::{Api, Batch, CallError};
use crate::session::pacing::Pacing;
use connexa_engine::{
    record::{Event, Tick},
    report::Verdict,
    run::{FirstAlike, OnFailure, RefusalSignature},
};
use connexa_types::Endpoint;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::{
    any::Any,
    collections::HashSet,
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// What became of one item of [`Batch::for_each`].
#[derive(Clone, Debug)]
pub struct Done<R, E> {
    /// Its verdict: *succeeded*, *failed*, *unprocessed*, or *unknown* where the work failed and a change that it sent may
    /// have been carried out.
    pub verdict: Verdict,
    /// What the work came to.
    pub result: Result<R, ItemError<E>>,
}

/// Why the work for an item came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError<E> {
    /// The work said so.
    #[error("{0}")]
    Failed(E),
    /// The work panicked.
    #[error("panicked: {0}")]
    Panicked(String),
    /// The work was never begun.
    #[error("not started: {0}")]
    NotStarted(NotStarted),
}

/// Why the work for an item was never begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotStarted {
    /// The first items to end failed alike.
    #[error("the first items failed alike: {0}")]
    Brake(String),
    /// The service refused the credentials.
    #[error("the service refused the credentials")]
    Unauthorized,
    /// Another item failed, and [`OnFailure::Stop`] was asked for.
    #[error("another item failed")]
    OnFailure,
    /// As many items failed as may.
    #[error("{0} items failed")]
    MaxFailures(u64),
    /// The time is up.
    #[error("the time for it was up")]
    Deadline,
    /// [`Stopper::stop`].
    #[error("it was stopped")]
    Stopped,
}

impl Batch {
    /// Does any work for each item, as many at once as [`Batch::parallel`] says, and returns what came of it in the order
    /// of the items, each once.
    ///
    /// The work gets the item and an [`Api`], whose calls keep to the quota, to [`Batch::max_rate`] and to the rules of
    /// sending again. An error or a panic of one item is that item's alone, unless the brake or [`Batch::on_failure`] makes
    /// it a reason to start no more: then the rest is *unprocessed*.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use connexa::{Batch, Limits, Tenant, api, schema::NetworkCreateRequest};
    ///
    /// let tenant = Tenant::emulator(Limits::DEFAULT)?;
    /// let batch = Batch::new(&tenant).max_rate("50/s".parse()?);
    /// let done = batch
    ///     .for_each(["paris", "berlin"], async |name, api| {
    ///         let network = NetworkCreateRequest { name: name.into(), ..NetworkCreateRequest::default() };
    ///         api.call(&api::networks::create(&network)).await
    ///     })
    ///     .await;
    /// assert!(done.iter().all(|done| done.result.is_ok()));
    /// # Ok(()) }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn for_each<T, R, E, W>(&self, items: impl IntoIterator<Item = T>, work: W) -> Vec<Done<R, E>>
    where
        W: AsyncFn(T, Api) -> Result<R, E>,
        E: fmt::Display,
    {
        let items: Vec<T> = items.into_iter().collect();
        let course = Course::new(self, items.len());
        let pacing = Pacing::new(self.tenant.session(), self.tenant.batches(), self.options.max_rate);
        let api = Api::new(&self.tenant, pacing);
        let (course, work, api) = (&course, &work, &api);
        let begun = items.into_iter().map(|item| async move {
            if let Some(why) = course.begin() {
                let done = Done { verdict: Verdict::Unprocessed, result: Err(ItemError::NotStarted(why)) };
                course.tell(done.verdict);
                return done;
            }
            let marks = Arc::new(Marks::new(Arc::clone(&course.answered)));
            let api = api.marking(Arc::clone(&marks));
            // What the work leaves half-done is its own: nothing of ours is in it.
            let worked = AssertUnwindSafe(async { work(item, api).await }).catch_unwind().await;
            let result = match worked {
                Ok(Ok(result)) => Ok(result),
                Ok(Err(error)) => Err(ItemError::Failed(error)),
                Err(panic) => Err(ItemError::Panicked(words_of(&*panic))),
            };
            course.end(result, &marks)
        });
        stream::iter(begun).buffered(self.options.parallel.max(1)).collect().await
    }
}

/// The text of a panic.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text").to_owned()
}

/// What makes failures of two items alike: the last refusal, else their words.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Signature {
    Refused(RefusalSignature),
    Words(String),
}

/// The course of one `for_each`.
struct Course<'a> {
    batch: &'a Batch,
    began: Instant,
    items: u64,
    state: Mutex<State>,
    /// Operations of the API that had an answer.
    answered: Arc<Mutex<HashSet<Endpoint>>>,
}

#[derive(Default)]
struct State {
    alike: FirstAlike<Signature>,
    failures: u64,
    halted: Option<NotStarted>,
    in_flight: u64,
    ended: u64,
    bad: u64,
}

impl<'a> Course<'a> {
    fn new(batch: &'a Batch, items: usize) -> Self {
        Self {
            batch,
            began: Instant::now(),
            items: items as u64,
            state: Mutex::default(),
            answered: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing below panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the next item is not begun, if it is not.
    fn begin(&self) -> Option<NotStarted> {
        let mut state = self.state();
        let options = &self.batch.options;
        if state.halted.is_none() {
            if self.batch.stopper.is_stopped() {
                state.halted = Some(NotStarted::Stopped);
            } else if options.deadline.is_some_and(|deadline| self.began.elapsed() >= deadline) {
                state.halted = Some(NotStarted::Deadline);
            }
        }
        if state.halted.is_none() {
            state.in_flight += 1;
        }
        state.halted.clone()
    }

    /// Gives an item its verdict, and decides what that means for the rest.
    fn end<R, E: fmt::Display>(&self, result: Result<R, ItemError<E>>, marks: &Marks) -> Done<R, E> {
        let marked = marks.state();
        let verdict = match &result {
            Ok(_) => Verdict::Succeeded,
            Err(_) if marked.indeterminate => Verdict::Unknown,
            Err(_) => Verdict::Failed,
        };
        let options = &self.batch.options;
        {
            let mut state = self.state();
            state.in_flight -= 1;
            let signature = result.as_ref().err().map(|error| match marked.refused.clone() {
                Some(refused) => Signature::Refused(refused),
                None => Signature::Words(error.to_string()),
            });
            let alike = state.alike.ended(signature);
            let mut halt = None;
            if let Err(error) = &result {
                state.failures += 1;
                halt = if marked.unauthorized {
                    Some(NotStarted::Unauthorized)
                } else if options.brake && (alike || marked.forbidden) {
                    Some(NotStarted::Brake(error.to_string()))
                } else if options.on_failure == OnFailure::Stop {
                    Some(NotStarted::OnFailure)
                } else {
                    let many = options.max_failures.filter(|most| state.failures >= *most);
                    many.map(|_| NotStarted::MaxFailures(state.failures))
                };
            }
            if state.halted.is_none() {
                state.halted = halt;
            }
        }
        self.tell(verdict);
        Done { verdict, result }
    }

    /// Tells whoever watches how far things are.
    fn tell(&self, verdict: Verdict) {
        let mut state = self.state();
        state.ended += 1;
        state.bad += u64::from(!matches!(verdict, Verdict::Succeeded | Verdict::Unprocessed));
        let tick = Tick::Run {
            ended: state.ended,
            bad: state.bad,
            changes: self.items,
            calls_left: self.items - state.ended,
            in_flight: state.in_flight,
            waiting: None,
            settling: None,
        };
        self.batch.watchers.tell(&Event::Tick(tick));
    }
}

/// What befell the calls of one item.
pub(super) struct Marks {
    state: Mutex<Marked>,
    answered: Arc<Mutex<HashSet<Endpoint>>>,
}

#[derive(Default)]
struct Marked {
    /// The last refusal.
    refused: Option<RefusalSignature>,
    /// A change may have been carried out, or not.
    indeterminate: bool,
    /// The service refused the credentials.
    unauthorized: bool,
    /// The first answer to an operation was a 403.
    forbidden: bool,
}

impl Marks {
    fn new(answered: Arc<Mutex<HashSet<Endpoint>>>) -> Self {
        Self { state: Mutex::default(), answered }
    }

    fn state(&self) -> MutexGuard<'_, Marked> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a call came to.
    pub(super) fn note(&self, endpoint: Endpoint, error: Option<&CallError>) {
        let mut state = self.state();
        let first = || self.answered.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint);
        match error {
            None => {
                first();
            }
            Some(CallError::Rejected(rejection)) => {
                state.forbidden |= first() && rejection.status == 403;
                state.refused = Some(RefusalSignature::of(rejection));
            }
            Some(CallError::Unauthorized) => state.unauthorized = true,
            Some(CallError::Indeterminate(_)) => state.indeterminate = true,
            Some(_) => {}
        }
    }
}
