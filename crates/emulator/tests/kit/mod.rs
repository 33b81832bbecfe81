//! A test kit: an emulator in process, a token, and calls in one line.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part of the kit, and may panic"
)]

use bytes::Bytes;
use connexa_emulator::{Config, Emulator, Limits, StateChange};
use connexa_types::{Mono, Now, Timestamp};
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// The wall time at which every kit starts.
pub const START: &str = "2025-06-01T12:00:00Z";

/// An emulator with a clock of its own and a live token.
pub struct Kit {
    pub emulator: Emulator,
    pub now: Now,
    pub token: String,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl Kit {
    /// A fresh tenant without limits.
    pub fn new() -> Self {
        Self::with(Config { limits: Limits::UNLIMITED, ..Config::default() })
    }

    pub fn with(config: Config) -> Self {
        let now = start();
        let key = config.keys[0].clone();
        let emulator = Emulator::new(config, now);
        let mut kit = Self { emulator, now, token: String::new() };
        kit.token = kit.token_for(&key.id, key.secret.expose());
        kit
    }

    /// The tenant that stored changes describe.
    pub fn restored(changes: Vec<StateChange>) -> Self {
        let config = Config { limits: Limits::UNLIMITED, ..Config::default() };
        let key = config.keys[0].clone();
        let now = start();
        let emulator = Emulator::restore(config, now, changes).unwrap();
        let mut kit = Self { emulator, now, token: String::new() };
        kit.token = kit.token_for(&key.id, key.secret.expose());
        kit
    }

    /// A token for a key, by the documented query form.
    pub fn token_for(&mut self, id: &str, secret: &str) -> String {
        let uri = format!("/api/v1/oauth/token?client_id={id}&client_secret={secret}");
        let answered = self.send(Request::post(uri).body(Bytes::new()).unwrap());
        assert_eq!(answered.status, 200, "{}", answered.text);
        answered.json["access_token"].as_str().unwrap().to_owned()
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        self.now.mono = self.now.mono + time;
        self.now.wall = self.now.wall.checked_add(jiff::SignedDuration::try_from(time).unwrap()).unwrap();
    }

    /// Sends a request as it is.
    pub fn send(&mut self, request: Request<Bytes>) -> Answered {
        let response = self.emulator.handle(self.now, request).into_answer().expect("an answer");
        let (head, body) = response.into_parts();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answered { status: head.status, headers: head.headers, text, json }
    }

    /// Calls `path` below the base path with the kit's token; a null body is no body, a text goes as it is.
    pub fn call(&mut self, method: &str, path: &str, body: Value) -> Answered {
        let body = match body {
            Value::Null => Bytes::new(),
            Value::String(text) => Bytes::from(text),
            other => Bytes::from(other.to_string()),
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .body(body)
            .unwrap();
        self.send(request)
    }

    pub fn get(&mut self, path: &str) -> Answered {
        self.call("GET", path, Value::Null)
    }

    pub fn post(&mut self, path: &str, body: Value) -> Answered {
        self.call("POST", path, body)
    }

    pub fn put(&mut self, path: &str, body: Value) -> Answered {
        self.call("PUT", path, body)
    }

    pub fn delete(&mut self, path: &str) -> Answered {
        self.call("DELETE", path, Value::Null)
    }

    /// Creates an object and returns its id.
    pub fn created(&mut self, path: &str, body: Value) -> String {
        let answered = self.post(path, body);
        assert!(answered.status.is_success(), "{path}: {}", answered.text);
        answered.id()
    }

    /// The objects of the first page of a list.
    pub fn list(&mut self, path: &str) -> Vec<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let answered = self.get(&format!("{path}{joint}size=1000"));
        assert_eq!(answered.status, 200, "{path}: {}", answered.text);
        answered.json["content"].as_array().unwrap().clone()
    }
}

impl Answered {
    /// The `id` of the body.
    pub fn id(&self) -> String {
        self.json["id"].as_str().expect("an id").to_owned()
    }

    /// Asserts success with `status`.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Asserts a refusal with exactly these (key, code) pairs, in any order.
    #[track_caller]
    pub fn refused(&self, expected: &[(&str, &str)]) -> &Self {
        assert_eq!(self.status, 400, "{}", self.text);
        let details = self.json["errorDetails"].as_object().expect("errorDetails");
        let mut found: Vec<(&str, &str)> = details
            .iter()
            .flat_map(|(key, list)| {
                let codes = list.as_array().unwrap().iter();
                codes.map(move |c| (key.as_str(), c["errorCode"].as_str().unwrap()))
            })
            .collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{}", self.text);
        assert!(self.json["errorMessage"].is_string() && self.json["statusError"] == "Bad Request");
        self
    }
}

pub fn start() -> Now {
    Now { mono: Mono::from_origin(Duration::from_secs(1000)), wall: START.parse::<Timestamp>().unwrap() }
}

/// Code of a missing field or parameter.
pub const MISSING: &str = "0-10-1";
/// Code of a value outside its enum.
pub const ENUM: &str = "0-10-2";
/// Code of a wrong type or form.
pub const FORMAT: &str = "0-10-3";
/// Code of a wrong length.
pub const LENGTH: &str = "0-10-25";
/// Code of a broken rule.
pub const CONFLICT: &str = "0-20-1";
/// Code of an unknown id.
pub const NOT_FOUND: &str = "0-30-1";
