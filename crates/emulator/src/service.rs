//! The emulator as a value: requests in, answers out.
//!
//! [`Emulator::handle`] takes a request through the checks in the order of row 57 of API section 10, up to the point
//! where its operation is known to run; the rest is in [`resources`]. What goes wrong on the way is in `exchange`.

mod batch;
mod connections;
mod exchange;

use crate::{
    config::{Access, BODY_LIMIT, Config, Control},
    control,
    delivery::Delivery,
    docs,
    faults::{FaultDocument, Faults},
    ledger::Entry,
    limits::Limits,
    oauth::Tokens,
    quota::{Bucket, Taken},
    refusal::Refusal,
    request::{Answer, Query, Request},
    resources,
    router::{Route, Router},
    state::{
        State,
        audit::Origin,
        changes::{RestoreError, StateChange},
        ids::{digest, hex},
    },
    statistics::{Gauge, Statistics},
};
use bytes::Bytes;
use connections::Connections;
use connexa_types::{Class, Endpoint, Kind, Method, Mono, Now};
use exchange::{Incoming, Lagging, Late};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::json;
use std::collections::BTreeMap;

/// The API of one tenant.
///
/// It does no I/O, never sleeps and has no clock: time comes in with each call, ids from a seed. Equal configurations
/// and equal calls give equal answers.
#[derive(Debug)]
pub struct Emulator {
    pub(crate) config: Config,
    pub(crate) router: Router,
    tokens: Tokens,
    /// The buckets of each key, in the order of the configuration.
    buckets: Vec<Buckets>,
    pub(crate) state: State,
    /// How many requests came, for their ids.
    pub(crate) requests: u64,
    pub(crate) faults: Faults,
    pub(crate) statistics: Statistics,
    pub(crate) gauge: Gauge,
    /// Calls that take effect later, by when and by number.
    late: BTreeMap<(Mono, u64), Late>,
    connections: Connections,
    /// What reads may not see yet, oldest change first.
    lagging: Vec<Lagging>,
    /// Whether anybody takes the entries of the ledger.
    keep_ledger: bool,
    entries: Vec<Entry>,
    /// Where the offsets of the ledger are counted from.
    started: Mono,
}

#[derive(Debug)]
enum Buckets {
    Separate { read: Bucket, update: Bucket },
    Shared(Bucket),
}

impl Buckets {
    fn of(&mut self, class: Class) -> &mut Bucket {
        match (self, class) {
            (Self::Shared(both), Class::Read | Class::Update) => both,
            (Self::Separate { read, .. }, Class::Read) => read,
            (Self::Separate { update, .. }, Class::Update) => update,
        }
    }

    const fn at(&self, class: Class) -> &Bucket {
        match (self, class) {
            (Self::Shared(both), Class::Read | Class::Update) => both,
            (Self::Separate { read, .. }, Class::Read) => read,
            (Self::Separate { update, .. }, Class::Update) => update,
        }
    }

    fn full(limits: Limits, now: Mono) -> Self {
        let bucket = |class| Bucket::new(limits.bucket(class), now);
        if limits.is_shared() {
            Self::Shared(bucket(Class::Read))
        } else {
            Self::Separate { read: bucket(Class::Read), update: bucket(Class::Update) }
        }
    }
}

impl Emulator {
    /// Makes the emulator of a fresh tenant, all buckets full.
    pub fn new(config: Config, now: Now) -> Self {
        let state = State::fresh(config.seed);
        Self::with_state(config, now, state)
    }

    /// Makes the emulator of the tenant that `changes` describe: what [`take_changes`](Self::take_changes) gave, oldest
    /// first, or the last record of each thing in any order. Without any change, the tenant is a fresh one. Tokens are
    /// not kept, and all buckets are full.
    pub fn restore(
        config: Config,
        now: Now,
        changes: impl IntoIterator<Item = StateChange>,
    ) -> Result<Self, RestoreError> {
        let state = State::restore(config.seed, changes)?;
        Ok(Self::with_state(config, now, state))
    }

    fn with_state(config: Config, now: Now, state: State) -> Self {
        let buckets = config.keys.iter().map(|_| Buckets::full(config.limits, now.mono)).collect();
        let faults = Faults::new(config.seed);
        Self {
            config,
            router: Router::new(),
            tokens: Tokens::default(),
            buckets,
            state,
            requests: 0,
            faults,
            statistics: Statistics::default(),
            gauge: Gauge::default(),
            late: BTreeMap::new(),
            connections: Connections::default(),
            lagging: Vec::new(),
            keep_ledger: false,
            entries: Vec::new(),
            started: now.mono,
        }
    }

    /// Answers a request. What was due by then happens first.
    pub fn handle(&mut self, now: Now, request: http::Request<Bytes>) -> Delivery {
        self.catch_up(now);
        if let Some(document) = docs::answer(request.method(), request.uri().path()) {
            return Delivery::at_once(document);
        }
        let (head, body) = request.into_parts();
        if self.config.control != Control::Off
            && let Some(below) = control::below(head.uri.path())
        {
            let below = below.to_owned();
            return Delivery::at_once(control::answer(self, now, &head, &below, &body));
        }
        if self.config.batch_endpoint && batch::PATHS.contains(&head.uri.path()) {
            return self.batch(now, &head, &body);
        }
        self.receive(now, http::Request::from_parts(head, body))
    }

    /// Takes in a request to the API itself.
    fn receive(&mut self, now: Now, request: http::Request<Bytes>) -> Delivery {
        let (head, body) = request.into_parts();
        self.requests += 1;
        let query = Query::parse(head.uri.query().unwrap_or_default());
        let route = self.router.route(&head.method, head.uri.path());
        self.exchange(&Incoming { number: self.requests, now, head, query, body, route })
    }

    /// Adds faults behind those that are there. A seed in the document is the seed of all.
    pub fn add_faults(&mut self, document: FaultDocument) {
        self.faults.add(document);
    }

    /// Takes all faults away.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// From now on makes an entry for each request; numbers go on from `last_number`. The host takes them by
    /// [`take_entries`](Self::take_entries) after each call, or they pile up.
    pub fn keep_ledger(&mut self, last_number: u64) {
        self.keep_ledger = true;
        self.requests = self.requests.max(last_number);
    }

    /// Takes the entries of the ledger since the last call, oldest first.
    pub fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// Gives every key other buckets, all full.
    pub(crate) fn set_limits(&mut self, limits: Limits, now: Now) {
        self.config.limits = limits;
        self.buckets = self.config.keys.iter().map(|_| Buckets::full(limits, now.mono)).collect();
    }

    /// Starts the tenant, the buckets and all counts over. Tokens live on, and so do the rules of faults.
    pub(crate) fn start_over(&mut self, now: Now) {
        self.state.start_over(self.config.seed);
        self.set_limits(self.config.limits, now);
        self.late.clear();
        self.connections.forget();
        self.lagging.clear();
        self.faults.recount();
        self.statistics = Statistics::default();
        self.gauge.forget();
    }

    /// Takes what changed since the last call, for a store to write.
    pub fn take_changes(&mut self) -> Vec<StateChange> {
        self.state.take_changes()
    }

    /// From now on keeps nothing for a store: [`take_changes`](Self::take_changes) gives nothing any more.
    pub fn forget_changes(&mut self) {
        self.state.forget_changes();
    }

    /// Returns the earliest moment at which something happens by itself: a late commit, a connector that connects. Tokens
    /// end by comparison, buckets fill by arithmetic.
    pub fn next_due(&self) -> Option<Mono> {
        let late = self.late.first_key_value().map(|((due, _), _)| *due);
        late.into_iter().chain(self.connections.next_due()).min()
    }

    /// Lets everything happen that is due at `now`. A host that does not call it loses nothing but the punctual line
    /// in the ledger: [`handle`](Self::handle) does so too.
    pub fn advance(&mut self, now: Now) {
        self.catch_up(now);
    }

    /// Sets what a connector, device or user says of its connection (row 33): `ONLINE`, `OFFLINE` or
    /// `ONLINE_WITH_ISSUES`. Returns whether there is such an object. It is no act of a key, so the audit log is silent.
    pub fn set_connection_status(&mut self, kind: Kind, id: &str, status: &str) -> bool {
        let connects =
            matches!(kind, Kind::NetworkConnector | Kind::HostConnector | Kind::Device | Kind::User);
        if !connects || self.state.get(kind, id).is_none() {
            return false;
        }
        self.state.observe(kind, id, |object| {
            object.fields.insert("connectionStatus".into(), status.into());
        });
        true
    }

    fn answer_within_quota(
        &mut self,
        incoming: &Incoming,
        key: usize,
        query: Query,
        body: &[u8],
    ) -> Response<Bytes> {
        let (now, path) = (incoming.now, incoming.path());
        let (endpoint, parameters) = match &incoming.route {
            Route::Found(endpoint, parameters) => (*endpoint, parameters.clone()),
            Route::WrongMethod(methods) => return self.wrong_method(now, path, methods),
            Route::Unknown => return self.gateway_error(now, path, StatusCode::NOT_FOUND),
        };
        let api_key = &self.config.keys[key];
        match api_key.access {
            Access::Modify => {}
            Access::Read if endpoint.class() == Class::Read => {}
            Access::Read => return empty(StatusCode::FORBIDDEN),
        }
        // The tenant's permission, where the others are the key's (row 50).
        if endpoint == Endpoint::AccountCloudId && !self.config.account_enabled {
            return empty(StatusCode::FORBIDDEN);
        }
        if body.len() > BODY_LIMIT {
            return self.gateway_error(now, path, StatusCode::PAYLOAD_TOO_LARGE);
        }
        self.state.begin(Origin {
            client: Box::from(api_key.id.as_str()),
            request_id: self.request_id(incoming.number),
            at: now.wall,
        });
        let request = Request { endpoint, parameters, query, body, now, config: &self.config };
        let answer = request.require_query().and_then(|()| resources::run(&request, &mut self.state));
        if answer.is_ok() {
            let parameters = request.parameters;
            self.note_connection(endpoint, &parameters, now);
        }
        finish(endpoint, answer, &self.config)
    }

    fn request_id(&self, number: u64) -> String {
        hex(&digest("request", self.config.seed, &number.to_be_bytes())[..8])
    }

    fn wrong_method(&self, now: Now, path: &str, methods: &[Method]) -> Response<Bytes> {
        let mut response = self.gateway_error(now, path, StatusCode::METHOD_NOT_ALLOWED);
        let allowed = methods.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(", ");
        if let Ok(value) = HeaderValue::from_str(&allowed) {
            response.headers_mut().insert(header::ALLOW, value);
        }
        response
    }

    /// The error object of the gateway (API section 3.3; seen for unknown paths).
    fn gateway_error(&self, now: Now, path: &str, status: StatusCode) -> Response<Bytes> {
        let body = json!({
            "path": path,
            "requestId": self.request_id(self.requests),
            "status": status.as_u16(),
            "statusError": status.canonical_reason().unwrap_or_default(),
            "timestamp": now.wall.as_millisecond(),
        });
        with_body(status, "application/json", body.to_string())
    }
}

fn finish(endpoint: Endpoint, answer: Result<Answer, Refusal>, config: &Config) -> Response<Bytes> {
    let status = StatusCode::from_u16(endpoint.info().status).expect("the table holds valid statuses");
    match answer {
        Ok(Answer::Empty) => empty(status),
        Ok(Answer::Json(value)) => with_body(status, "application/json", value.to_string()),
        Ok(Answer::Text(text)) => with_body(status, "text/plain;charset=UTF-8", text),
        Err(refusal) => refusal.into_response(config),
    }
}

fn with_body(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

fn unauthorized() -> Response<Bytes> {
    let mut response = empty(StatusCode::UNAUTHORIZED);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn add_quota_headers(headers: &mut HeaderMap, spec: crate::quota::BucketSpec, taken: Taken) {
    let values = [
        ("x-ratelimit-burst-capacity", spec.burst.get()),
        ("x-ratelimit-replenish-rate", spec.rate.get()),
        ("x-ratelimit-replenish-time", spec.period.get()),
        ("x-ratelimit-remaining", taken.remaining),
    ];
    for (name, value) in values {
        headers.insert(HeaderName::from_static(name), value.into());
    }
}
