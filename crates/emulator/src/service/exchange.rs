//! One request from its arrival to its delivery: the quota, the operation, and what goes wrong on the way.
//!
//! A [`Plan`] says what goes wrong; here it is carried out. Whatever happened is told to the statistics and, if
//! anybody reads one, to the ledger.

use super::{Emulator, add_quota_headers, empty, unauthorized};
use crate::{
    delivery::{Delivery, What},
    faults::{self, Admission, Facts, Fault, PartialAnswer, Plan, Stage, WhichAnswer},
    ledger::{Delivered, Entry, LedgerEvent, Milliseconds},
    quota::Taken,
    refusal::Refusal,
    request::{Query, Request},
    resources,
    router::Route,
    state::{
        audit::Origin,
        watch::{Seen, Version},
    },
};
use bytes::Bytes;
use connexa_types::{Class, Endpoint, Mono, Now};
use http::{Response, StatusCode, header};
use std::time::Duration;

/// A request and what is known of it at once.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) number: u64,
    pub(super) now: Now,
    pub(super) head: http::request::Parts,
    pub(super) query: Query,
    pub(super) body: Bytes,
    pub(super) route: Route,
}

impl Incoming {
    pub(super) fn path(&self) -> &str {
        self.head.uri.path()
    }

    pub(super) const fn endpoint(&self) -> Option<Endpoint> {
        match &self.route {
            Route::Found(endpoint, _) => Some(*endpoint),
            Route::WrongMethod(_) | Route::Unknown => None,
        }
    }

    /// GET counts as read, everything else as update.
    fn class(&self) -> Class {
        if self.head.method == http::Method::GET { Class::Read } else { Class::Update }
    }
}

/// A call whose effect is still to come.
#[derive(Debug)]
pub(super) struct Late {
    incoming: Incoming,
    key: usize,
    due: Now,
}

/// How something was until reads may see what it is.
#[derive(Debug)]
pub(super) struct Lagging {
    until: Mono,
    version: Version,
}

/// What an execution came to, for the ledger.
#[derive(Debug, Default)]
struct Done {
    /// The status of the answer, sent or not.
    status: Option<u16>,
    seen: Seen,
}

impl Emulator {
    pub(super) fn exchange(&mut self, incoming: &Incoming) -> Delivery {
        let admission = self.admit(incoming);
        let mut plan = if self.faults.is_empty() { Plan::default() } else { self.plan(incoming, admission) };
        let mut done = Done::default();
        let mut second = None;
        let mut what = match admission {
            Admission::Stranger => What::Answer(self.answer_stranger(incoming)),
            Admission::Token => self.answer_token_call(incoming, &mut plan, &mut done),
            Admission::Throttled(key) => What::Answer(self.refuse_for_quota(incoming, key)),
            Admission::Admitted(key) => {
                self.answer_admitted(incoming, key, &mut plan, &mut done, &mut second)
            }
        };
        if let What::Answer(response) | What::Truncated { response, .. } = &mut what {
            // Of two executions each knows its own.
            if second.is_none() {
                done.status = Some(response.status().as_u16());
            }
            if let Some(value) = plan.rate_headers {
                plan.labels.push("rate-headers");
                faults::set_rate_headers(response.headers_mut(), value);
            }
        }
        let mut delivery = Delivery { after: Duration::ZERO, what };
        if let Some(slow) = plan.slow {
            plan.labels.push("slow");
            delivery.after = slow.delay;
            if let (What::Answer(response), Some(trickle)) = (&mut delivery.what, slow.trickle) {
                response.extensions_mut().insert(trickle);
            }
        }
        self.account(incoming, admission, &plan, done, second, &delivery.what);
        delivery
    }

    /// How far a request comes by itself. Takes no token yet.
    fn admit(&self, incoming: &Incoming) -> Admission {
        if incoming.endpoint() == Some(Endpoint::OauthToken) {
            return Admission::Token;
        }
        match self.tokens.bearer(&incoming.head.headers, incoming.now.mono) {
            None => Admission::Stranger,
            Some(key) if self.buckets[key].at(incoming.class()).has_token(incoming.now.mono) => {
                Admission::Admitted(key)
            }
            Some(key) => Admission::Throttled(key),
        }
    }

    fn plan(&mut self, incoming: &Incoming, admission: Admission) -> Plan {
        let key = match admission {
            Admission::Throttled(key) | Admission::Admitted(key) => Some(key),
            Admission::Token | Admission::Stranger => None,
        };
        self.faults.decide(&Facts {
            method: &incoming.head.method,
            path: incoming.path(),
            endpoint: incoming.endpoint(),
            client: key.map(|key| self.config.keys[key].id.as_str()),
            admission,
            page: incoming.query.get("page").and_then(|text| text.parse().ok()).unwrap_or(0),
            body: &incoming.body,
        })
    }

    fn answer_stranger(&self, incoming: &Incoming) -> Response<Bytes> {
        match &incoming.route {
            Route::Found(..) => unauthorized(),
            Route::WrongMethod(methods) => self.wrong_method(incoming.now, incoming.path(), methods),
            Route::Unknown => self.gateway_error(incoming.now, incoming.path(), StatusCode::NOT_FOUND),
        }
    }

    fn answer_token_call(&mut self, incoming: &Incoming, plan: &mut Plan, done: &mut Done) -> What {
        if let Some(fate) = plan.fate.as_ref().filter(|fate| fate.stage() != Stage::Carried) {
            plan.labels.push(fate.label());
            return faults::answer_instead(fate);
        }
        let response = self.tokens.answer(
            &self.config,
            incoming.now,
            &incoming.head.headers,
            &incoming.query,
            &incoming.body,
        );
        done.status = Some(response.status().as_u16());
        act_out(plan, response)
    }

    fn refuse_for_quota(&mut self, incoming: &Incoming, key: usize) -> Response<Bytes> {
        let bucket = self.buckets[key].of(incoming.class());
        let taken = bucket.take(incoming.now.mono);
        let (spec, wait) = (bucket.spec(), bucket.wait(incoming.now.mono));
        let mut response = empty(StatusCode::TOO_MANY_REQUESTS);
        if self.config.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        add_quota_headers(response.headers_mut(), spec, taken);
        response
    }

    fn answer_admitted(
        &mut self,
        incoming: &Incoming,
        key: usize,
        plan: &mut Plan,
        done: &mut Done,
        second: &mut Option<Done>,
    ) -> What {
        let class = incoming.class();
        let spec = self.buckets[key].at(class).spec();
        let stage = plan.fate.as_ref().map(Fault::stage);
        let no_tokens = Taken { allowed: false, remaining: 0 };
        let (mut what, taken) = if let (Some(Stage::BeforeQuota), Some(fate)) = (stage, &plan.fate) {
            if matches!(fate, Fault::TokenExpiry {}) {
                self.tokens.expire(&incoming.head.headers);
            }
            plan.labels.push(fate.label());
            (faults::answer_instead(fate), no_tokens)
        } else {
            let taken = self.buckets[key].of(class).take(incoming.now.mono);
            self.statistics.charged(class);
            let what = match (stage, &plan.fate) {
                (Some(Stage::BeforeCommit), Some(fate)) => {
                    plan.labels.push(fate.label());
                    faults::answer_instead(fate)
                }
                (Some(Stage::Late), Some(Fault::LateCommit { after_ms, .. })) => {
                    self.postpone(incoming, key, Duration::from_millis(*after_ms));
                    plan.labels.push("late-commit");
                    plan.fate.as_ref().map_or(What::Reset, faults::answer_instead)
                }
                _ => {
                    let response = self.operate(incoming, key, plan, done, second);
                    act_out(plan, response)
                }
            };
            (what, taken)
        };
        let taken = match &plan.fate {
            Some(Fault::Throttle { headers: true, .. }) => Some(no_tokens),
            Some(Fault::Throttle { .. } | Fault::Unauthorized { .. } | Fault::TokenExpiry {}) => None,
            _ => Some(taken),
        };
        if let (What::Answer(response) | What::Truncated { response, .. }, Some(taken)) = (&mut what, taken) {
            add_quota_headers(response.headers_mut(), spec, taken);
        }
        what
    }

    /// Has the operation happen, in the way that the plan wants it.
    fn operate(
        &mut self,
        incoming: &Incoming,
        key: usize,
        plan: &mut Plan,
        done: &mut Done,
        second: &mut Option<Done>,
    ) -> Response<Bytes> {
        let body = plan.body_read(&incoming.body);
        let body = body.as_ref().unwrap_or(&incoming.body);
        let mut response = self.execute(incoming, key, body, plan, done);
        if let Some(Fault::Duplicate { answer }) = plan.fate {
            let mut again = Done::default();
            let other = self.execute(incoming, key, body, plan, &mut again);
            *second = Some(again);
            if answer == WhichAnswer::Second {
                response = other;
            }
        }
        if let Some(Fault::Partial { answer: PartialAnswer::Rejected, details, .. }) = &plan.fate
            && response.status().is_success()
        {
            plan.labels.push("partial-rejected");
            response = faults::rejection(&plan.missing, *details);
            done.status = Some(response.status().as_u16());
        }
        if let Some(form) = plan.details
            && response.status().is_client_error()
            && faults::reword(&mut response, form)
        {
            plan.labels.push("error-details");
        }
        response
    }

    /// Executes a request once.
    fn execute(
        &mut self,
        incoming: &Incoming,
        key: usize,
        body: &[u8],
        plan: &mut Plan,
        done: &mut Done,
    ) -> Response<Bytes> {
        if self.keep_ledger || plan.lag.is_some() {
            self.state.watch(plan.lag.is_some());
        }
        let past =
            if incoming.class() == Class::Read { self.show_past(incoming.now.mono) } else { Vec::new() };
        let response = match plan.shift {
            None => self.answer_within_quota(incoming, key, incoming.query.clone(), body),
            Some(shift) => {
                let asked = incoming.query.get("page").and_then(|text| text.parse().ok()).unwrap_or(0);
                let (earlier, later) = faults::window(shift, asked);
                let mut page = |number: u32| {
                    let query = incoming.query.with("page", number.to_string());
                    self.answer_within_quota(incoming, key, query, body)
                };
                let (earlier, later) = (page(earlier), page(later));
                if let Some(moved) = faults::shifted(shift, &earlier, &later) {
                    plan.labels.push(Fault::PageShift { change: shift }.label());
                    moved
                } else if shift == faults::Shift::Appear {
                    later
                } else {
                    earlier
                }
            }
        };
        self.state.show(past.into_iter().rev());
        let mut seen = self.state.unwatch();
        if let Some(lag) = plan.lag
            && !seen.versions.is_empty()
        {
            plan.labels.push("read-lag");
            let until = incoming.now.mono + lag;
            let versions = std::mem::take(&mut seen.versions);
            self.lagging.extend(versions.into_iter().map(|version| Lagging { until, version }));
        }
        *done = Done { status: Some(response.status().as_u16()), seen };
        response
    }

    /// Hides from the read that follows what it may not see yet; returns what was hidden.
    fn show_past(&mut self, now: Mono) -> Vec<Version> {
        if self.lagging.is_empty() {
            return Vec::new();
        }
        self.lagging.retain(|lagging| now < lagging.until);
        // The newest change is taken back first.
        self.state.show(self.lagging.iter().rev().map(|lagging| lagging.version.clone()))
    }

    fn postpone(&mut self, incoming: &Incoming, key: usize, delay: Duration) {
        let Now { mono, wall } = incoming.now;
        let signed = jiff::SignedDuration::try_from(delay).unwrap_or(jiff::SignedDuration::MAX);
        // The end of the calendar is late enough.
        let wall = wall.checked_add(signed).unwrap_or(connexa_types::Timestamp::MAX);
        let due = Now { mono: mono + delay, wall };
        self.late.insert((due.mono, incoming.number), Late { incoming: incoming.clone(), key, due });
    }

    /// Has the calls happen whose time has come, at the moments that were theirs: nobody has looked since.
    pub(super) fn catch_up(&mut self, now: Now) {
        self.commit_late(now);
        self.connect(now);
    }

    fn commit_late(&mut self, now: Now) {
        while let Some(first) = self.late.first_entry() {
            if first.key().0 > now.mono {
                return;
            }
            let Late { incoming, key, due } = first.remove();
            let arrived = incoming.now;
            let incoming = Incoming { now: due, ..incoming };
            let mut done = Done::default();
            let body = incoming.body.clone();
            self.execute(&incoming, key, &body, &mut Plan::default(), &mut done);
            if self.keep_ledger {
                let incoming = Incoming { now: arrived, ..incoming };
                let entry = self.entry(&incoming, Some(key), LedgerEvent::Commit, done, due);
                let fault = Some("late-commit".to_owned());
                self.entries.push(Entry { fault, delivered: Delivered::No, ..entry });
            }
        }
    }

    /// Carries out an operation on somebody else's account, or on nobody's, which leaves no trace in the audit log. No
    /// quota, no faults.
    pub(crate) fn act_for(
        &mut self,
        now: Now,
        initiator: Option<&str>,
        endpoint: Endpoint,
        parameters: Vec<String>,
        query: Query,
        body: &[u8],
    ) -> Response<Bytes> {
        match initiator {
            None => self.state.leave_no_trace(),
            Some(client) => {
                let request_id = self.request_id(self.requests);
                self.state.begin(Origin { client: Box::from(client), request_id, at: now.wall });
            }
        }
        let request = Request { endpoint, parameters, query, body, now, config: &self.config };
        let answer = match endpoint {
            Endpoint::OauthToken => Err(Refusal::Forbidden),
            _ => request.require_query().and_then(|()| resources::run(&request, &mut self.state)),
        };
        super::finish(endpoint, answer, &self.config)
    }

    /// Tells the statistics and the ledger.
    fn account(
        &mut self,
        incoming: &Incoming,
        admission: Admission,
        plan: &Plan,
        done: Done,
        second: Option<Done>,
        what: &What,
    ) {
        let answered = match what {
            What::Answer(response) | What::Truncated { response, .. } => Some(response.status().as_u16()),
            What::Reset | What::Stall => None,
        };
        self.statistics.came(incoming.endpoint(), answered);
        for label in &plan.labels {
            self.statistics.failed(label);
        }
        if second.is_some() {
            // The second execution is a request of its own to everybody but the sender.
            self.requests += 1;
        }
        if !self.keep_ledger {
            return;
        }
        let key = match admission {
            Admission::Throttled(key) | Admission::Admitted(key) => Some(key),
            Admission::Token | Admission::Stranger => None,
        };
        let delivered = match what {
            What::Answer(_) => Delivered::Yes,
            What::Truncated { .. } => Delivered::Partly,
            What::Reset | What::Stall => Delivered::No,
        };
        let fault = Some(plan.labels.join("+")).filter(|text| !text.is_empty());
        let second_is_sent = matches!(plan.fate, Some(Fault::Duplicate { answer: WhichAnswer::Second }));
        let (first_delivered, second_delivered) =
            if second_is_sent { (Delivered::No, delivered) } else { (delivered, Delivered::No) };
        let first_delivered = if second.is_some() { first_delivered } else { delivered };
        let entry = self.entry(incoming, key, LedgerEvent::Request, done, incoming.now);
        self.entries.push(Entry { fault: fault.clone(), delivered: first_delivered, ..entry });
        if let Some(second) = second {
            let entry = self.entry(incoming, key, LedgerEvent::Request, second, incoming.now);
            self.entries.push(Entry {
                number: self.requests,
                duplicate_of: Some(incoming.number),
                fault,
                delivered: second_delivered,
                ..entry
            });
        }
    }

    fn entry(
        &self,
        incoming: &Incoming,
        key: Option<usize>,
        event: LedgerEvent,
        done: Done,
        committed: Now,
    ) -> Entry {
        let since = |mono: Mono| Milliseconds::from_duration(mono.saturating_since(self.started));
        let endpoint = incoming.endpoint();
        let counted = endpoint != Some(Endpoint::OauthToken);
        let did_something = !done.seen.is_empty();
        Entry {
            number: incoming.number,
            event,
            arrived_at: incoming.now.wall,
            arrived_ms: since(incoming.now.mono),
            committed_at: did_something.then_some(committed.wall),
            committed_ms: did_something.then(|| since(committed.mono)),
            client: key.map(|key| self.config.keys[key].id.clone()),
            class: counted.then(|| incoming.class()),
            method: incoming.head.method.as_str().to_owned(),
            path: incoming.path().to_owned(),
            template: endpoint.map(|endpoint| endpoint.info().path),
            query: incoming.query.names().map(str::to_owned).collect(),
            throttled: done.status == Some(StatusCode::TOO_MANY_REQUESTS.as_u16()),
            status: done.status,
            created: done.seen.created,
            updated: done.seen.updated,
            deleted: done.seen.deleted,
            fault: None,
            delivered: Delivered::Yes,
            duplicate_of: None,
        }
    }

    /// Notes what the control did by `line`: a method and a path, or the path of a POST.
    pub(crate) fn note_control(
        &mut self,
        now: Now,
        event: LedgerEvent,
        line: &str,
        initiator: Option<String>,
        status: Option<u16>,
        seen: Seen,
    ) {
        self.requests += 1;
        let (method, path) = line.split_once(' ').unwrap_or(("POST", line));
        if !self.keep_ledger {
            return;
        }
        let at = Milliseconds::from_duration(now.mono.saturating_since(self.started));
        self.entries.push(Entry {
            number: self.requests,
            event,
            arrived_at: now.wall,
            arrived_ms: at,
            committed_at: Some(now.wall),
            committed_ms: Some(at),
            client: initiator,
            class: None,
            method: method.to_owned(),
            path: path.to_owned(),
            template: None,
            query: Vec::new(),
            status,
            created: seen.created,
            updated: seen.updated,
            deleted: seen.deleted,
            fault: None,
            delivered: Delivered::Yes,
            throttled: false,
            duplicate_of: None,
        });
    }
}

/// Does to the answer of an operation what the fate wants, if there is anything to do it to.
fn act_out(plan: &mut Plan, response: Response<Bytes>) -> What {
    let Some(fate) = plan.fate.as_ref().filter(|fate| fate.stage() == Stage::Carried) else {
        return What::Answer(response);
    };
    let holds = match fate {
        Fault::Truncated { .. } | Fault::InvalidJson { .. } | Fault::Oversized { .. } => {
            !response.body().is_empty()
        }
        // What is left of the call was refused: the refusal stands.
        Fault::Partial { answer: PartialAnswer::Created | PartialAnswer::Lost, .. } => {
            response.status().is_success()
        }
        Fault::Partial { answer: PartialAnswer::Rejected, .. } => false,
        _ => true,
    };
    if !holds {
        return What::Answer(response);
    }
    plan.labels.push(fate.label());
    faults::act_out(fate, response)
}
