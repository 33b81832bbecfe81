//! Reading the tenant: whole lists, by as few calls as there are pages.
//!
//! [`Read`] is a machine without records: it is never replayed, its conclusions are what counts. It owns the page loops,
//! the second passes and the retries; which lists are needed is the planner's to say.

mod error;
pub(crate) mod pages;

pub use error::ReadError;

use crate::{
    catalog::{self, Setting},
    current::{CurrentState, OVERLAP},
    machine::{AttemptId, Input, Machine, Output, Seq, TimerId},
    record::{Event, Tick},
    report::CallCounts,
    retry::{Cause, RetryBudget, RetryPolicy},
};
use connexa_types::{
    Answer, AnswerBody, Attempt, Call, Endpoint, Kind, Mono, Now, Outcome, Reason, TenantId,
};
use pages::{PageId, Pages, Progress};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// What is read, and how.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// The kinds whose lists are read. A nested kind is read with its parent's list.
    pub lists: Vec<Kind>,
    /// The kinds whose lists are read a second time: they must show the ids that are known of them, else they are read
    /// until two passes agree.
    pub again: Vec<Kind>,
    /// Read the regions.
    pub regions: bool,
    /// Read whether routes of networks may overlap. A service that does not tell is no error.
    pub overlap_setting: bool,
    /// The settings that are read, by their paths: one call each.
    pub settings: Vec<&'static str>,
    /// Whether a setting that the service does not tell (an older API has not all of them) is no error.
    pub settings_may_lack: bool,
    /// The most calls at once; at least 1.
    pub parallel: usize,
    /// How often calls are tried again.
    pub retry: RetryPolicy,
    /// How long one attempt may take.
    pub attempt_limit: Duration,
    /// Seed of the jitter.
    pub seed: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            lists: Vec::new(),
            again: Vec::new(),
            regions: false,
            overlap_setting: false,
            settings: Vec::new(),
            settings_may_lack: false,
            parallel: 8,
            // Nothing has changed yet, and somebody waits for an answer: a service that is not there is said so soon.
            retry: RetryPolicy {
                budget: 100,
                attempts: 5,
                cap: Duration::from_secs(3),
                ..RetryPolicy::default()
            },
            attempt_limit: Duration::from_secs(30),
            seed: 0,
        }
    }
}

/// What reading came to.
#[derive(Clone, Debug)]
pub struct ReadDone {
    /// The tenant: what was known before, with what was read in its place.
    pub state: CurrentState,
    /// The calls that it took.
    pub calls: CallCounts,
    /// First call sent to last answer.
    pub took: Duration,
}

/// The machine that reads.
#[derive(Debug)]
pub struct Read {
    options: ReadOptions,
    state: CurrentState,
    lists: Vec<List>,
    /// Settings that were asked for, and those of them that are known.
    settings: (u64, u64),
    budget: RetryBudget,
    random: fastrand::Rng,
    queue: VecDeque<Request>,
    /// Waiting for a permit or an answer.
    active: HashMap<AttemptId, Request>,
    backing_off: HashMap<TimerId, Request>,
    numbers: u64,
    calls: CallCounts,
    first_sent: Option<Mono>,
    last_answer: Option<Mono>,
    ended: bool,
}

/// One list.
#[derive(Debug)]
struct List {
    kind: Kind,
    pages: Pages,
    /// The ids that the next pass must show, where one pass is not enough.
    confirm: Option<BTreeSet<String>>,
}

/// A call to make.
#[derive(Clone, Debug)]
struct Request {
    what: What,
    call: Arc<Call>,
    attempts: u32,
    /// Whether it has been handed over to be sent.
    sent: bool,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// A page of the list at this index.
    Page(usize, PageId),
    Regions,
    /// A setting, and whether the plan can do without it.
    Setting(&'static Setting, bool),
}

impl Request {
    fn new(what: What, call: Call) -> Self {
        Self { what, call: Arc::new(call), attempts: 0, sent: false }
    }
}

type Outputs = Vec<Output<Result<ReadDone, ReadError>>>;

impl Read {
    /// A machine that reads what `options` say, on top of what is known.
    ///
    /// # Panics
    /// If a kind has no list that this version knows.
    pub fn new(tenant: TenantId, options: ReadOptions, known: Option<CurrentState>) -> Self {
        let state = known.unwrap_or_else(|| CurrentState::new(tenant));
        let again: BTreeSet<Kind> = options.again.iter().map(|kind| catalog::listed_with(*kind)).collect();
        let all: BTreeSet<Kind> = options
            .lists
            .iter()
            .map(|kind| catalog::listed_with(*kind))
            .chain(again.iter().copied())
            .collect();
        let lists = all
            .into_iter()
            .map(|kind| {
                let known = state.kind(kind).filter(|_| again.contains(&kind));
                let confirm = known
                    .map(|known| known.objects.iter().map(|live| live.id.to_string()).collect())
                    .or_else(|| again.contains(&kind).then(BTreeSet::new));
                List { kind, pages: Pages::new(catalog::definition(kind).calls().list), confirm }
            })
            .collect();
        Self {
            budget: RetryBudget::new(options.retry),
            random: fastrand::Rng::with_seed(options.seed),
            options,
            state,
            lists,
            settings: (0, 0),
            queue: VecDeque::new(),
            active: HashMap::new(),
            backing_off: HashMap::new(),
            numbers: 0,
            calls: CallCounts::default(),
            first_sent: None,
            last_answer: None,
            ended: false,
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn start(&mut self) {
        if self.options.regions {
            self.queue.push_back(Request::new(What::Regions, Call::new(Endpoint::RegionList)));
        }
        let named: BTreeSet<&str> = self.options.settings.iter().copied().collect();
        for setting in catalog::SETTINGS {
            let is_named = named.contains(setting.path);
            if is_named || (self.options.overlap_setting && setting.path == OVERLAP) {
                self.settings.0 += 1;
                let what = What::Setting(setting, !is_named || self.options.settings_may_lack);
                self.queue.push_back(Request::new(what, Call::new(setting.get)));
            }
        }
        for list in 0..self.lists.len() {
            self.ask_for_pages(list);
        }
    }

    fn ask_for_pages(&mut self, list: usize) {
        while let Some((page, call)) = self.lists[list].pages.next_call() {
            self.queue.push_back(Request::new(What::Page(list, page), call));
        }
    }

    /// Asks no more for the pages of a list that have not been sent.
    fn drop_pages(&mut self, list: usize, out: &mut Outputs) {
        let is_page = |request: &Request| matches!(request.what, What::Page(of, _) if of == list);
        self.queue.retain(|request| !is_page(request));
        self.backing_off.retain(|_, request| !is_page(request));
        let mut given_up: Vec<AttemptId> = self
            .active
            .extract_if(|_, request| !request.sent && is_page(request))
            .map(|(attempt, _)| attempt)
            .collect();
        given_up.sort_unstable();
        out.extend(given_up.into_iter().map(Output::Release));
    }

    fn answered(
        &mut self,
        attempt: AttemptId,
        answer: Attempt,
        now: Now,
        out: &mut Outputs,
    ) -> Result<(), ReadError> {
        let Some(mut request) = self.active.remove(&attempt) else { return Ok(()) };
        request.attempts += 1;
        request.sent = false;
        self.calls.read += u64::from(answer.wire_calls);
        if answer.wire_calls > 0 {
            self.first_sent.get_or_insert(answer.sent_at);
            self.last_answer = self.last_answer.max(Some(answer.ended_at));
        }
        let what = self.name(request.what);
        let (cause, server) = match answer.outcome {
            Outcome::Applied(answer) => {
                self.budget.succeeded();
                return self.take(request.what, answer, out);
            }
            Outcome::Rejected(rejection) => {
                let What::Setting(setting, true) = request.what else {
                    return Err(ReadError::rejected(what, &rejection));
                };
                self.settings.1 += 1;
                self.state.put_setting(setting, None);
                return Ok(());
            }
            Outcome::Unauthorized => return Err(ReadError::Unauthorized),
            Outcome::Indeterminate(ref why) if why.reason == Reason::Redirect => {
                return Err(ReadError::Redirect { what, detail: why.detail.clone() });
            }
            Outcome::NotSent(ref why)
                if matches!(why.reason, Reason::SecretMissing | Reason::Unbuildable) =>
            {
                return Err(ReadError::Unreachable { why: why.clone() });
            }
            Outcome::Throttled(server) => {
                self.calls.throttled += 1;
                (Cause::Throttled, server)
            }
            Outcome::NotSent(_) | Outcome::Indeterminate(_) => (Cause::Failure, None),
        };
        let Some(wait) = self.budget.again(cause, request.attempts, server, &mut self.random) else {
            return Err(match answer.outcome {
                Outcome::NotSent(why) => ReadError::Unreachable { why },
                Outcome::Indeterminate(why) => ReadError::Unanswered { what, why },
                _ => ReadError::Throttled { what },
            });
        };
        self.calls.retried += 1;
        let timer = TimerId(self.number());
        self.backing_off.insert(timer, request);
        out.push(Output::Wake(timer, now.mono + wait));
        Ok(())
    }

    /// Takes in a good answer.
    fn take(&mut self, what: What, answer: Answer, out: &mut Outputs) -> Result<(), ReadError> {
        match what {
            What::Regions => {
                let ids = answer.json().and_then(Value::as_array).map(|list| {
                    list.iter().filter_map(|r| r.get("id")?.as_str().map(str::to_owned)).collect()
                });
                let ids: Vec<String> = ids.ok_or_else(|| ReadError::Odd { what: self.name(what) })?;
                self.state.regions = Some(ids);
            }
            What::Setting(setting, _) => {
                let value = match answer.body {
                    AnswerBody::Json(value) => value,
                    AnswerBody::Text(text) => text.into(),
                    // An unset value has no body (API section 5.20).
                    AnswerBody::Empty => Value::Null,
                };
                self.state.put_setting(setting, Some(value));
                self.settings.1 += 1;
                out.push(Output::Tell(Box::new(Event::Tick(Tick::Read {
                    what: Kind::Setting.plural().to_owned(),
                    objects: self.settings.1,
                    total: Some(self.settings.0),
                }))));
            }
            What::Page(index, page) => {
                let progress = self.lists[index].pages.take(page, answer);
                let (list, name) = (&self.lists[index], self.name(what));
                out.push(Output::Tell(Box::new(Event::Tick(Tick::Read {
                    what: list.kind.plural().to_owned(),
                    objects: list.pages.objects(),
                    total: list.pages.total(),
                }))));
                match progress {
                    Progress::More => self.ask_for_pages(index),
                    Progress::Restarted => {
                        self.drop_pages(index, out);
                        self.ask_for_pages(index);
                    }
                    Progress::Whole => self.whole(index)?,
                    Progress::NeverStill => return Err(ReadError::Unstable { what: name }),
                    Progress::NoPage => return Err(ReadError::Odd { what: name }),
                }
            }
        }
        Ok(())
    }

    /// A pass over a list is at its end.
    fn whole(&mut self, index: usize) -> Result<(), ReadError> {
        let list = &mut self.lists[index];
        let mut confirmed = false;
        if let Some(expected) = &list.confirm {
            let ids: BTreeSet<String> = list.pages.ids().map(str::to_owned).collect();
            confirmed = ids == *expected;
            // One page is one moment of the tenant: nothing to confirm.
            if !confirmed && list.pages.count() > 1 {
                list.confirm = Some(ids);
                if list.pages.restart() == Progress::NeverStill {
                    return Err(ReadError::Unstable {
                        what: self.name(What::Page(index, PageId::default())),
                    });
                }
                self.ask_for_pages(index);
                return Ok(());
            }
        }
        let kind = list.kind;
        let pages = std::mem::replace(&mut list.pages, Pages::new(catalog::definition(kind).calls().list));
        let (elements, pages) = pages.into_elements();
        Ok(self.state.put_list(kind, elements, pages, pages <= 1 || confirmed)?)
    }

    /// The name of what is read, for people.
    fn name(&self, what: What) -> String {
        match what {
            What::Page(list, _) => {
                format!("the list of {}", self.lists[list].kind.plural().replace('_', " "))
            }
            What::Regions => "the list of regions".to_owned(),
            What::Setting(setting, _) => format!("the setting `{}`", setting.path),
        }
    }

    /// Starts what may start, or ends.
    fn go_on(&mut self, out: &mut Outputs) {
        while self.active.len() < self.options.parallel.max(1) {
            let Some(request) = self.queue.pop_front() else { break };
            let attempt = AttemptId(self.number());
            out.push(Output::Acquire { attempt, class: request.call.class(), urgent: false });
            self.active.insert(attempt, request);
        }
        if self.active.is_empty() && self.backing_off.is_empty() {
            let took =
                self.last_answer.zip(self.first_sent).map(|(last, first)| last.saturating_since(first));
            let done = ReadDone {
                state: std::mem::take(&mut self.state),
                calls: self.calls,
                took: took.unwrap_or_default(),
            };
            self.end(Ok(done), out);
        }
    }

    fn end(&mut self, done: Result<ReadDone, ReadError>, out: &mut Outputs) {
        self.ended = true;
        // Reads that are still in flight change nothing: the driver drops them.
        out.push(Output::Done(done));
    }
}

impl Machine for Read {
    type Done = Result<ReadDone, ReadError>;

    fn handle(&mut self, now: Now, input: Input) -> Outputs {
        let mut out = Vec::new();
        if self.ended {
            return out;
        }
        let outcome = match input {
            Input::Start => {
                self.start();
                Ok(())
            }
            Input::Granted(permit) => {
                if let Some(request) = self.active.get_mut(&permit.attempt) {
                    request.sent = true;
                    out.push(Output::Send {
                        attempt: permit.attempt,
                        call: Arc::clone(&request.call),
                        after: Seq(0),
                        not_after: Mono::FAR,
                        limit: self.options.attempt_limit,
                        batch: 1,
                    });
                }
                return out;
            }
            Input::Answered(attempt, answer) => self.answered(attempt, *answer, now, &mut out),
            Input::Woke(timer) => {
                if let Some(request) = self.backing_off.remove(&timer) {
                    self.queue.push_front(request);
                }
                Ok(())
            }
            Input::Stop(_) => Err(ReadError::Stopped),
            // It makes no records, asks nothing, and its calls give nothing out.
            Input::Durable(_) | Input::NotDurable(_) | Input::Delivered(..) | Input::Confirmed(_) => Ok(()),
        };
        match outcome {
            Ok(()) => self.go_on(&mut out),
            Err(error) => self.end(Err(error), &mut out),
        }
        out
    }
}
