//! The service: buckets, objects, seeded faults, and a ledger of all that arrived.

use super::{
    bucket::Bucket,
    clock::SimClock,
    crash::Points,
    delays::{Delays, Late},
    fate::{Fate, Fates, PartAnswer},
    operator::{Foreign, Operator},
};
use connexa_engine::ports::{Clock as _, Provider};
use connexa_types::{
    Answer, AnswerBody, Attempt, Call, CallBody, Class, Endpoint, ErrorDetail, ErrorResponse, Method, Mono,
    Outcome, QuotaHeaders, Reason, Rejection, SecretValue, SecretValues, TenantId, Why,
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};

/// What the buckets are.
#[derive(Clone, Debug)]
pub enum Buckets {
    /// No limit and no headers.
    None,
    /// No headers, but a limit.
    Silent(Bucket),
    Apart {
        read: Bucket,
        update: Bucket,
    },
    Shared(Bucket),
}

/// How likely each fault is, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub not_sent: u8,
    pub reset_before: u8,
    pub reset_after: u8,
    pub error_before: u8,
    pub error_after: u8,
    /// A 429 although there is a token.
    pub throttled: u8,
    pub rejected: u8,
    /// Of joint creates: the parent is made, some children are not, and the answer is 400.
    pub half_applied: u8,
    /// Of joint creates: a child is left out of a 2xx.
    pub child_lost: u8,
    pub unauthorized: u8,
    /// Of batched requests: the service has no such thing any more.
    pub no_batches: u8,
}

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Entry {
    pub sent: Mono,
    pub arrived: Mono,
    pub call: Call,
    pub status: u16,
    /// Whether it changed something, wholly or in part.
    pub applied: bool,
    /// Whether its answer reached us.
    pub delivered: bool,
    /// The batched request that it came in, counted from 1.
    pub batch: Option<usize>,
}

/// Something that a call of ours did, at the moment that the service did it.
#[derive(Clone, Debug)]
pub struct Deed {
    pub sent: Mono,
    pub at: Mono,
    pub call: Call,
    /// Ids of what it made.
    pub made: Vec<String>,
    /// The object that it changed or removed, as it was before.
    pub before: Option<Value>,
}

/// Objects by the first word of their path.
pub type Objects = BTreeMap<&'static str, Vec<Value>>;
pub type Meddle = Box<dyn FnMut(&Call, &mut Objects) + Send>;
pub type Script = Box<dyn FnMut(&Call) -> Option<Outcome> + Send>;

pub struct Service {
    clock: SimClock,
    tenant: TenantId,
    state: Mutex<State>,
    /// Told of each call at the moment it is sent.
    on_send: Box<dyn Fn(&Call) + Send + Sync>,
}

pub struct State {
    pub buckets: Buckets,
    pub faults: Faults,
    pub delays: Delays,
    pub late: Late,
    /// Whether a create with the name of another object of its kind is refused.
    pub unique: bool,
    now: Mono,
    /// One way takes so many microseconds.
    pub way: Range<u64>,
    pub random: fastrand::Rng,
    pub objects: Objects,
    /// What calls give out beside their answers.
    pub product: Option<String>,
    /// Values of settings by their path in the API.
    pub settings: BTreeMap<&'static str, Value>,
    pub ledger: Vec<Entry>,
    pub numbers: u64,
    pub page_size: usize,
    pub in_flight: usize,
    pub most_in_flight: usize,
    /// Batched requests that arrived; `None` where there is no such thing.
    pub batches: Option<usize>,
    /// Called before each request is handled: the tenant of another operator, who changes things.
    pub meddle: Option<Meddle>,
    /// Decides on requests, ahead of all else.
    pub script: Option<Script>,
    /// Decides what becomes of each request, ahead of the faults by percent.
    pub fates: Option<Fates>,
    /// What our calls did, in that order.
    pub deeds: Vec<Deed>,
    /// What others did, in that order.
    pub foreign: Vec<Foreign>,
    /// Somebody else who is at work on the tenant.
    pub operator: Option<Operator>,
    /// Actions without an object that shows them: how often each was done.
    pub effects: BTreeMap<String, usize>,
    /// Requests on their way to the service, by number.
    on_the_way: BTreeMap<u64, (Mono, Call)>,
    departures: u64,
    /// Counts the moments at which the client's process may die.
    pub points: Option<Points>,
}

impl Service {
    pub fn new(clock: &SimClock, buckets: Buckets, seed: u64) -> Arc<Self> {
        Self::watched(clock, buckets, seed, |_| {})
    }

    pub fn watched(
        clock: &SimClock,
        buckets: Buckets,
        seed: u64,
        on_send: impl Fn(&Call) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            tenant: "https://simulated.example".into(),
            state: Mutex::new(State {
                buckets,
                faults: Faults::default(),
                delays: Delays::default(),
                late: Late::default(),
                unique: false,
                now: Mono::ZERO,
                way: 1_000..1_001,
                random: fastrand::Rng::with_seed(seed),
                objects: BTreeMap::new(),
                product: None,
                settings: BTreeMap::new(),
                ledger: Vec::new(),
                numbers: 0,
                page_size: 1000,
                in_flight: 0,
                most_in_flight: 0,
                batches: None,
                meddle: None,
                script: None,
                fates: None,
                deeds: Vec::new(),
                foreign: Vec::new(),
                operator: None,
                effects: BTreeMap::new(),
                on_the_way: BTreeMap::new(),
                departures: 0,
                points: None,
            }),
            on_send: Box::new(on_send),
        })
    }

    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The requests that arrived.
    pub fn ledger(&self) -> Vec<Entry> {
        self.state().ledger.clone()
    }

    async fn send(&self, call: &Call, limit: Duration) -> Attempt {
        (self.on_send)(call);
        let sent_at = self.clock.now().mono;
        let (up, down, unsent, fate) = {
            let mut state = self.state();
            let way = state.way.clone();
            let (up, down) = (state.random.u64(way.clone()), state.random.u64(way));
            let percent = state.faults.not_sent;
            let unsent = state.chance(percent);
            (up, down, unsent, state.fate(call))
        };
        if unsent || fate == Fate::NotSent {
            return self.attempt(sent_at, Outcome::NotSent(Why::new(Reason::Connect, "refused")), None, 0);
        }
        let number = self.state().depart(sent_at, call);
        self.clock.pass_until(sent_at + Duration::from_micros(up)).await;
        self.point().await;
        let arrived = self.clock.now().mono;
        let (outcome, quota) = {
            let mut state = self.state();
            state.on_the_way.remove(&number);
            state.arrive(sent_at, arrived, call, fate)
        };
        self.point().await;
        let answered = match fate {
            Fate::Stall { .. } => sent_at + limit,
            _ => arrived + Duration::from_micros(down),
        };
        self.clock.pass_until(answered).await;
        self.state().in_flight -= 1;
        self.point().await;
        self.attempt(sent_at, outcome, quota, 1)
    }

    /// A moment at which the client's process may die.
    async fn point(&self) {
        let point = self.state().points.clone();
        if point.is_some_and(|points| points.reached()) {
            std::future::pending::<()>().await;
        }
    }

    /// Several calls in one request: one way up, one way down, and lost together.
    async fn send_many(&self, calls: &[(Arc<Call>, SecretValues)]) -> Vec<Attempt> {
        let all = |sent_at, outcome: Outcome| {
            calls.iter().map(|_| self.attempt(sent_at, outcome.clone(), None, 0)).collect()
        };
        let sent_at = self.clock.now().mono;
        let (up, down, unsent, refused) = {
            let mut state = self.state();
            let way = state.way.clone();
            let (up, down) = (state.random.u64(way.clone()), state.random.u64(way));
            let Faults { not_sent, no_batches, .. } = state.faults;
            if state.chance(no_batches) {
                state.batches = None;
            }
            (up, down, state.chance(not_sent), state.batches.is_none())
        };
        if refused {
            return all(sent_at, Outcome::NotSent(why(Reason::NoBatches, Some(404))));
        }
        for (call, _) in calls {
            (self.on_send)(call);
        }
        if unsent {
            return all(sent_at, Outcome::NotSent(why(Reason::Connect, None)));
        }
        self.state().departs();
        self.clock.pass_until(sent_at + Duration::from_micros(up)).await;
        let arrived = self.clock.now().mono;
        let came: Vec<_> = {
            let mut state = self.state();
            let number = state.batches.map_or(1, |before| before + 1);
            state.batches = Some(number);
            let first = state.ledger.len();
            let came: Vec<_> = calls
                .iter()
                .map(|(call, _)| {
                    let fate = state.fate(call);
                    state.arrive(sent_at, arrived, call, fate)
                })
                .collect();
            let lost = state.ledger[first..].iter().any(|entry| !entry.delivered);
            for entry in &mut state.ledger[first..] {
                entry.batch = Some(number);
                entry.delivered &= !lost;
            }
            let reset = || (Outcome::Indeterminate(why(Reason::Reset, None)), None);
            if lost { came.iter().map(|_| reset()).collect() } else { came }
        };
        self.clock.pass_until(arrived + Duration::from_micros(down)).await;
        self.state().in_flight -= 1;
        came.into_iter().map(|(outcome, quota)| self.attempt(sent_at, outcome, quota, 1)).collect()
    }

    fn attempt(
        &self,
        sent_at: Mono,
        outcome: Outcome,
        quota: Option<QuotaHeaders>,
        wire_calls: u8,
    ) -> Attempt {
        let ended_at = self.clock.now().mono;
        let product = self.state().product.clone().map(SecretValue::new);
        let product = product.filter(|_| matches!(outcome, Outcome::Applied(_)));
        Attempt { outcome, quota, wire_calls, token_calls: 0, sent_at, ended_at, product }
    }
}

impl Provider for Service {
    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn attempt<'a>(
        &'a self,
        call: &'a Call,
        _secrets: &'a SecretValues,
        limit: Duration,
    ) -> BoxFuture<'a, Attempt> {
        Box::pin(self.send(call, limit))
    }

    fn attempt_many<'a>(
        &'a self,
        calls: &'a [(Arc<Call>, SecretValues)],
        _limit: Duration,
    ) -> BoxFuture<'a, Option<Vec<Attempt>>> {
        Box::pin(async move { Some(self.send_many(calls).await) })
    }
}

pub fn why(reason: Reason, status: Option<u16>) -> Why {
    Why { reason, status, detail: "simulated".to_owned() }
}

pub fn rejection(status: u16, details: &[(&str, &str)]) -> Outcome {
    let detail = |text: &str| ErrorDetail { message: Some(text.to_owned()), ..ErrorDetail::default() };
    let error_details = details.iter().map(|(key, text)| ((*key).to_owned(), vec![detail(text)])).collect();
    Outcome::Rejected(Rejection {
        status,
        gone: None,
        error: Some(ErrorResponse {
            error_details,
            error_message: Some("Simulated refusal".to_owned()),
            status_error: Some("Bad Request".to_owned()),
        }),
        text: String::new(),
    })
}

impl State {
    fn departs(&mut self) {
        self.in_flight += 1;
        self.most_in_flight = self.most_in_flight.max(self.in_flight);
    }

    fn depart(&mut self, sent: Mono, call: &Call) -> u64 {
        self.departs();
        self.departures += 1;
        self.on_the_way.insert(self.departures, (sent, call.clone()));
        self.departures
    }

    fn fate(&mut self, call: &Call) -> Fate {
        self.fates.as_mut().map_or(Fate::Fine, |fates| fates(call))
    }

    /// The client's process has died. What it had on its way never arrives, or so long after.
    pub fn crash(&mut self, now: Mono, arrives: Option<Duration>) {
        for (sent, call) in std::mem::take(&mut self.on_the_way).into_values() {
            if let Some(after) = arrives {
                self.late.pending.push((now + after, self.ledger.len(), call.clone()));
                let arrived = now + after;
                let (status, applied, delivered) = (0, false, false);
                self.ledger.push(Entry { sent, arrived, call, status, applied, delivered, batch: None });
            }
        }
        self.in_flight = 0;
    }

    /// When the last call that the service has still to do will have been done.
    pub fn all_done(&self) -> Option<Mono> {
        self.late.pending.iter().map(|(due, _, _)| *due).max()
    }

    /// Does what a call says, and notes it; `None` if it is refused, or its object is not there.
    fn does(&mut self, sent: Mono, call: &Call) -> Option<Value> {
        if self.refusal(call).is_some() {
            return None;
        }
        let before = self.target(call).cloned();
        let first = self.numbers;
        let done = self.apply(call)?;
        if call.mutates() {
            let made = (first + 1..=self.numbers).map(|number| format!("id-{number}")).collect();
            self.deeds.push(Deed { sent, at: self.now, call: call.clone(), made, before });
        }
        Some(done)
    }

    /// The object that a call is for.
    fn target(&self, call: &Call) -> Option<&Value> {
        let id = call.path_args.first()?;
        self.objects.get(list_of(call))?.iter().find(|object| object["id"] == id.as_str())
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.random.u8(0..100) < percent
    }

    fn arrive(
        &mut self,
        sent: Mono,
        arrived: Mono,
        call: &Call,
        fate: Fate,
    ) -> (Outcome, Option<QuotaHeaders>) {
        self.catch_up(arrived);
        if let Some(mut operator) = self.operator.take() {
            operator.acts(self, arrived, call);
            self.operator = Some(operator);
        }
        let (allowed, quota) = match &mut self.buckets {
            Buckets::None => (true, None),
            Buckets::Silent(bucket) => (bucket.take(arrived).0, None),
            Buckets::Shared(bucket) => some(bucket.take(arrived)),
            Buckets::Apart { read, update } => some(match call.class() {
                Class::Read => read.take(arrived),
                Class::Update => update.take(arrived),
            }),
        };
        let scripted = if allowed { self.script.as_mut().and_then(|script| script(call)) } else { None };
        let (outcome, status, applied, delivered) = if !allowed {
            (Outcome::Throttled(None), 429, false, true)
        } else if let Some(outcome) = scripted {
            (outcome, 0, false, true)
        } else {
            match self.meet(fate, sent, arrived, call) {
                Some(met) => met,
                None => self.handle(sent, call),
            }
        };
        self.late.note(arrived, &self.objects, self.delays.lag);
        self.ledger.push(Entry {
            sent,
            arrived,
            call: call.clone(),
            status,
            applied,
            delivered,
            batch: None,
        });
        (outcome, quota.filter(|_| delivered))
    }

    /// Applies what has been on its way until `now`.
    pub fn catch_up(&mut self, now: Mono) {
        while let Some((at, entry, call)) = self.late.due(now) {
            self.now = at;
            let applied = self.does(self.ledger[entry].sent, &call).is_some();
            self.ledger[entry].applied |= applied;
            self.late.note(at, &self.objects, self.delays.lag);
        }
        self.now = now;
        self.late.note(now, &self.objects, self.delays.lag);
    }

    /// A create whose name is taken is refused, where names are unique.
    fn refusal(&self, call: &Call) -> Option<Outcome> {
        if !self.unique || call.method() != Method::Post || !call.query.is_empty() {
            return None;
        }
        let list = call.endpoint.info().path.split('/').nth(1).unwrap_or_default();
        let own = body(call);
        let same = |object: &Value| {
            ["name", "username"].iter().any(|key| own[*key].is_string() && own[*key] == object[*key])
        };
        let taken = self.objects.get(list).is_some_and(|objects| objects.iter().any(same));
        taken.then(|| rejection(400, &[("name", "is taken")]))
    }

    /// A request meets its fate; `None` if that is nothing special.
    fn meet(
        &mut self,
        fate: Fate,
        sent: Mono,
        arrived: Mono,
        call: &Call,
    ) -> Option<(Outcome, u16, bool, bool)> {
        let lost = |reason, status| Outcome::Indeterminate(why(reason, status));
        let did = |service: &mut Self| service.does(sent, call).is_some() && call.mutates();
        Some(match fate {
            Fate::Fine | Fate::NotSent => return None,
            Fate::LostBefore => (lost(Reason::Reset, None), 0, false, false),
            Fate::LostAfter => (lost(Reason::Reset, None), 0, did(self), false),
            Fate::ErrorBefore => (lost(Reason::ServerError, Some(503)), 503, false, true),
            Fate::ErrorAfter => (lost(Reason::ServerError, Some(500)), 500, did(self), true),
            Fate::Late(after) => {
                if call.mutates() {
                    self.late.pending.push((arrived + after, self.ledger.len(), call.clone()));
                }
                (lost(Reason::Timeout, None), 0, false, false)
            }
            Fate::Twice | Fate::TwiceLost => {
                let (outcome, status, applied, delivered) = self.handle(sent, call);
                let again = self.does(sent, call).is_some();
                if fate == Fate::Twice {
                    (outcome, status, applied, delivered)
                } else {
                    (lost(Reason::Reset, None), 0, call.mutates() && (applied || again), false)
                }
            }
            Fate::Throttled => (Outcome::Throttled(Some(Duration::from_secs(1))), 429, false, true),
            Fate::Rejected(status) => (rejection(status, &[("name", "is odd")]), status, false, true),
            Fate::Unauthorized => (Outcome::Unauthorized, 401, false, true),
            Fate::Stall { applied } => {
                let applied = applied && did(self);
                (lost(Reason::Timeout, None), 0, applied, false)
            }
            Fate::Unreadable => (lost(Reason::Unreadable, Some(200)), 200, did(self), false),
            Fate::Redirect => (lost(Reason::Redirect, Some(307)), 307, false, true),
            Fate::Part(answer) => {
                children(call).next()?;
                let (half, left_out) = half_of(call);
                let done = self.does(sent, &half)?;
                match answer {
                    PartAnswer::Named => {
                        let named: Vec<(&str, &str)> =
                            left_out.iter().map(|place| (place.as_str(), "is odd")).collect();
                        (rejection(400, &named), 400, true, true)
                    }
                    PartAnswer::Unnamed => (rejection(400, &[]), 400, true, true),
                    PartAnswer::Applied => {
                        let body = AnswerBody::Json(done);
                        (
                            Outcome::Applied(Answer { status: 201, body, sealed: BTreeMap::new() }),
                            201,
                            true,
                            true,
                        )
                    }
                    PartAnswer::Lost => (lost(Reason::Reset, None), 0, true, false),
                }
            }
        })
    }

    fn handle(&mut self, sent: Mono, call: &Call) -> (Outcome, u16, bool, bool) {
        if let Some(meddle) = &mut self.meddle {
            meddle(call, &mut self.objects);
        }
        let faults = self.faults;
        let joint = children(call).next().is_some();
        let lost = |reason, status| Outcome::Indeterminate(why(reason, status));
        if self.chance(faults.unauthorized) {
            return (Outcome::Unauthorized, 401, false, true);
        }
        if self.chance(faults.throttled) {
            return (Outcome::Throttled(Some(Duration::from_secs(2))), 429, false, true);
        }
        if self.chance(faults.reset_before) {
            return (lost(Reason::Reset, None), 0, false, false);
        }
        if self.chance(faults.error_before) {
            return (lost(Reason::ServerError, Some(503)), 503, false, true);
        }
        if call.mutates() && self.chance(faults.rejected) {
            let status = [400, 403, 404, 409, 422][self.random.usize(0..5)];
            return (rejection(status, &[("name", "is odd")]), status, false, true);
        }
        if call.mutates() && self.chance(self.delays.late) {
            let by = Duration::from_millis(self.random.u64(self.delays.late_by.clone()));
            self.late.pending.push((self.now + by, self.ledger.len(), call.clone()));
            return (lost(Reason::Timeout, None), 0, false, false);
        }
        if let Some(refusal) = self.refusal(call) {
            return (refusal, 400, false, true);
        }
        if joint && self.chance(faults.half_applied) {
            let mut half = call.clone();
            if let Some(CallBody::Json(body)) = &mut half.body {
                for list in CHILD_LISTS {
                    if let Some(children) = body.get_mut(list).and_then(Value::as_array_mut) {
                        children.truncate(1);
                    }
                }
            }
            self.does(sent, &half);
            return (rejection(400, &[("connectors[1].vpnRegionId", "is odd")]), 400, true, true);
        }
        let answer = self.does(sent, call);
        if call.mutates() && self.chance(self.delays.twice) {
            self.does(sent, call);
        }
        let Some(mut answer) = answer else { return (rejection(404, &[]), 404, false, true) };
        if joint && self.chance(faults.child_lost) {
            for list in CHILD_LISTS {
                if let Some(children) = answer.get_mut(list).and_then(Value::as_array_mut) {
                    children.pop();
                }
            }
        }
        if self.chance(faults.reset_after) {
            return (lost(Reason::Reset, None), 0, call.mutates(), false);
        }
        if self.chance(faults.error_after) {
            return (lost(Reason::ServerError, Some(500)), 500, call.mutates(), true);
        }
        let status = call.endpoint.info().status;
        let body = if answer.is_null() { AnswerBody::Empty } else { AnswerBody::Json(answer) };
        let answer = Answer { status, body, sealed: BTreeMap::new() };
        (Outcome::Applied(answer), status, call.mutates(), true)
    }

    /// Does what a call says; `None` if its object is not there.
    fn apply(&mut self, call: &Call) -> Option<Value> {
        let info = call.endpoint.info();
        let list = list_of(call);
        match (info.method, call.endpoint) {
            (Method::Get, Endpoint::RegionList) => Some(json!([{"id": "eu-central-1"}, {"id": "us-east-1"}])),
            (Method::Get, _) if info.path.starts_with("/settings") => {
                Some(self.settings.get(info.path).cloned().unwrap_or(json!(true)))
            }
            (Method::Put, _) if info.path.starts_with("/settings") => {
                self.settings.insert(info.path, body(call));
                Some(body(call))
            }
            (Method::Get, _) => Some(self.page(list, call)),
            (Method::Post, _) if list == "cybershield" => {
                let body = body(call);
                for domain in body["domains"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    *self.effects.entry(format!("{} {domain}", call.endpoint)).or_default() += 1;
                }
                Some(Value::Null)
            }
            (Method::Post, _) if !call.path_args.is_empty() => {
                *self.effects.entry(format!("{} {:?}", call.endpoint, call.path_args)).or_default() += 1;
                Some(Value::Null)
            }
            (Method::Post, _) => {
                let mut object = body(call);
                self.give_ids(&mut object);
                for name in CHILD_LISTS {
                    for child in object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
                        self.give_ids(child);
                        // The request says `value`, the response `subnet` (API section 6.6).
                        if let Some(value) = child.as_object_mut().and_then(|c| c.shift_remove("value")) {
                            child["subnet"] = value;
                        }
                    }
                }
                match call.query.iter().find(|(name, _)| name.ends_with("Id")) {
                    Some((_, parent)) => self.board(call.endpoint, parent, object.clone())?,
                    None => self.objects.entry(list).or_default().push(object.clone()),
                }
                Some(object)
            }
            (Method::Put, _) => {
                let id = call.path_args.first()?;
                let object = self.objects.get_mut(list)?.iter_mut().find(|o| o["id"] == id.as_str())?;
                match info.path.rsplit('/').next() {
                    Some("suspend") => object["status"] = json!("SUSPENDED"),
                    Some("activate") => object["status"] = json!("ACTIVE"),
                    _ => {}
                }
                for (name, value) in body(call).as_object()? {
                    object[name] = value.clone();
                }
                Some(object.clone())
            }
            (Method::Delete, _) => {
                let id = call.path_args.first()?;
                let objects = self.objects.get_mut(list)?;
                let at = objects.iter().position(|o| o["id"] == id.as_str())?;
                objects.remove(at);
                Some(Value::Null)
            }
        }
    }

    /// Puts a child into its parent; `None` if that is not there.
    fn board(&mut self, endpoint: Endpoint, parent: &str, mut child: Value) -> Option<()> {
        let (list, name) = match endpoint {
            Endpoint::NetworkConnectorCreate => ("networks", "connectors"),
            Endpoint::NetworkRouteCreate => ("networks", "routes"),
            Endpoint::HostConnectorCreate => ("hosts", "connectors"),
            Endpoint::DeviceCreate => ("users", "devices"),
            _ => panic!("no child that this service knows: {endpoint}"),
        };
        let parent = self.objects.get_mut(list)?.iter_mut().find(|object| object["id"] == parent)?;
        if let Some(value) = child.as_object_mut().and_then(|child| child.shift_remove("value")) {
            child["subnet"] = value;
        }
        if !parent[name].is_array() {
            parent[name] = json!([]);
        }
        parent[name].as_array_mut().unwrap().push(child);
        Some(())
    }

    fn give_ids(&mut self, object: &mut Value) {
        self.numbers += 1;
        object["id"] = json!(format!("id-{}", self.numbers));
    }

    fn page(&mut self, list: &str, call: &Call) -> Value {
        let lag = u64::try_from(self.delays.lag.as_millis()).unwrap_or(u64::MAX);
        let ago = Duration::from_millis(if lag > 0 { self.random.u64(0..=lag) } else { 0 });
        let shown = self.late.at(self.now - ago).filter(|_| lag > 0).unwrap_or(&self.objects);
        let number = |name: &str| {
            call.query.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.parse::<usize>().ok()).unwrap_or(0)
        };
        let size = number("size").min(self.page_size).max(1);
        let all = shown.get(list).map(Vec::as_slice).unwrap_or_default();
        let content: Vec<_> = all.iter().skip(number("page") * size).take(size).collect();
        json!({
            "content": content, "totalElements": all.len(), "totalPages": all.len().div_ceil(size),
            "numberOfElements": content.len(), "page": number("page"), "size": size,
        })
    }
}

/// The first word of a call's path.
fn list_of(call: &Call) -> &'static str {
    call.endpoint.info().path.split('/').nth(1).unwrap_or_default()
}

/// A joint create without every second child, from the first on, of each of its lists; and the places of those left out.
fn half_of(call: &Call) -> (Call, Vec<String>) {
    let mut half = call.clone();
    let mut left_out = Vec::new();
    if let Some(CallBody::Json(body)) = &mut half.body {
        for list in CHILD_LISTS {
            if let Some(children) = body.get_mut(list).and_then(Value::as_array_mut) {
                left_out.extend((0..children.len()).step_by(2).map(|index| format!("{list}[{index}].name")));
                let mut place = 0_usize;
                children.retain(|_| {
                    place += 1;
                    place.is_multiple_of(2)
                });
            }
        }
    }
    (half, left_out)
}

pub const CHILD_LISTS: [&str; 3] = ["connectors", "routes", "devices"];

fn some((allowed, headers): (bool, QuotaHeaders)) -> (bool, Option<QuotaHeaders>) {
    (allowed, Some(headers))
}

fn body(call: &Call) -> Value {
    match &call.body {
        Some(CallBody::Json(body)) => body.clone(),
        _ => json!({}),
    }
}

/// The children that a create carries.
pub fn children(call: &Call) -> impl Iterator<Item = Value> {
    let body = if call.method() == Method::Post { body(call) } else { Value::Null };
    CHILD_LISTS
        .into_iter()
        .flat_map(move |list| body.get(list).and_then(Value::as_array).cloned().unwrap_or_default())
}
