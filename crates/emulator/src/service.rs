//! The emulator as a value: requests in, answers out.
//!
//! [`Emulator::handle`] takes a request through the checks in the order of row 57 of API section 10, up to the point
//! where its operation is known to run; the rest is in [`resources`].

use crate::{
    config::{Access, BODY_LIMIT, Config},
    delivery::Delivery,
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
};
use bytes::Bytes;
use connexa_types::{Class, Endpoint, Kind, Method, Mono, Now};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::json;

/// The API of one tenant.
///
/// It does no I/O, never sleeps and has no clock: time comes in with each call, ids from a seed. Equal configurations
/// and equal calls give equal answers.
#[derive(Debug)]
pub struct Emulator {
    config: Config,
    router: Router,
    tokens: Tokens,
    /// The buckets of each key, in the order of the configuration.
    buckets: Vec<Buckets>,
    state: State,
    /// How many requests came, for their ids.
    requests: u64,
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
        let limits = config.limits;
        let bucket = |class| Bucket::new(limits.bucket(class), now.mono);
        let buckets = config
            .keys
            .iter()
            .map(|_| {
                if limits.is_shared() {
                    Buckets::Shared(bucket(Class::Read))
                } else {
                    Buckets::Separate { read: bucket(Class::Read), update: bucket(Class::Update) }
                }
            })
            .collect();
        Self { config, router: Router::new(), tokens: Tokens::default(), buckets, state, requests: 0 }
    }

    /// Answers a request.
    pub fn handle(&mut self, now: Now, request: http::Request<Bytes>) -> Delivery {
        let (head, body) = request.into_parts();
        self.requests += 1;
        let query = Query::parse(head.uri.query().unwrap_or_default());
        Delivery::at_once(self.answer(now, &head.method, head.uri.path(), query, &head.headers, &body))
    }

    /// Takes what changed since the last call, for a store to write.
    pub fn take_changes(&mut self) -> Vec<StateChange> {
        self.state.take_changes()
    }

    /// Returns the earliest moment at which something happens by itself. Nothing does yet: tokens end by comparison,
    /// buckets fill by arithmetic.
    pub const fn next_due(&self) -> Option<Mono> {
        None
    }

    /// Lets everything happen that is due at `now`.
    pub const fn advance(&mut self, _now: Now) {}

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

    fn answer(
        &mut self,
        now: Now,
        method: &http::Method,
        path: &str,
        query: Query,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Response<Bytes> {
        let route = self.router.route(method, path);
        if matches!(route, Route::Found(Endpoint::OauthToken, _)) {
            return self.tokens.answer(&self.config, now, headers, &query, body);
        }
        let Some(key) = self.tokens.bearer(headers, now.mono) else {
            return match route {
                Route::Found(..) => unauthorized(),
                Route::WrongMethod(methods) => self.wrong_method(now, path, &methods),
                Route::Unknown => self.gateway_error(now, path, StatusCode::NOT_FOUND),
            };
        };
        let class = if method == http::Method::GET { Class::Read } else { Class::Update };
        let bucket = self.buckets[key].of(class);
        let taken = bucket.take(now.mono);
        let mut response = if taken.allowed {
            self.answer_within_quota(now, key, route, path, query, body)
        } else {
            let mut response = empty(StatusCode::TOO_MANY_REQUESTS);
            if self.config.retry_after {
                let wait = bucket.wait(now.mono);
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            response
        };
        let spec = self.buckets[key].of(class).spec();
        add_quota_headers(response.headers_mut(), spec, taken);
        response
    }

    fn answer_within_quota(
        &mut self,
        now: Now,
        key: usize,
        route: Route,
        path: &str,
        query: Query,
        body: &[u8],
    ) -> Response<Bytes> {
        let (endpoint, parameters) = match route {
            Route::Found(endpoint, parameters) => (endpoint, parameters),
            Route::WrongMethod(methods) => return self.wrong_method(now, path, &methods),
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
            request_id: self.request_id(),
            at: now.wall,
        });
        let request = Request { endpoint, parameters, query, body, now, config: &self.config };
        let answer = request.require_query().and_then(|()| resources::run(&request, &mut self.state));
        finish(endpoint, answer, &self.config)
    }

    fn request_id(&self) -> String {
        hex(&digest("request", self.config.seed, &self.requests.to_be_bytes())[..8])
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
            "requestId": self.request_id(),
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
