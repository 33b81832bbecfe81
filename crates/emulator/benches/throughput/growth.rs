//! What a call costs in a small tenant and in a large one, in process: nothing that is looked up may grow with it.

use super::load::network;
use bytes::Bytes;
use connexa_emulator::{Config, Emulator, Limits};
use connexa_types::{Mono, Now, Timestamp};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SMALL: u32 = 1_000;
const LARGE: u32 = 100_000;
const CALLS: u32 = 2_000;

struct Tenant {
    emulator: Emulator,
    token: String,
    ids: Vec<String>,
}

/// Times each call in tenants of both sizes and prints the ratio.
pub(crate) fn run() {
    let mut small = Tenant::of(SMALL);
    let mut large = Tenant::of(LARGE);
    println!("\n{:<28}{SMALL:>12}{LARGE:>12}{:>8}   (networks there; ns a call)", "in process", "ratio");
    for (name, call) in CASES {
        // The best of several rounds, turn by turn, so that what disturbs the machine disturbs both.
        let rounds = (0..5).map(|round| (small.time(*call, round), large.time(*call, round)));
        let (few, many) = rounds
            .fold((Duration::MAX, Duration::MAX), |best, both| (best.0.min(both.0), best.1.min(both.1)));
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        println!("{name:<28}{:>12}{:>12}{ratio:>8.2}", few.as_nanos(), many.as_nanos());
    }
}

type Call = fn(&Tenant, u32) -> (&'static str, String, Value, StatusCode);

const CASES: &[(&str, Call)] = &[
    ("read by id", |tenant, n| {
        let id = &tenant.ids[n as usize * 7919 % tenant.ids.len()];
        ("GET", format!("/networks/{id}"), Value::Null, StatusCode::OK)
    }),
    ("page of 10, in the middle", |tenant, _| {
        ("GET", format!("/networks?page={}", tenant.ids.len() / 20), Value::Null, StatusCode::OK)
    }),
    ("refused: name taken", |_, n| {
        (
            "POST",
            "/networks".to_owned(),
            json!({"name": format!("Network-{}", n % SMALL)}),
            StatusCode::BAD_REQUEST,
        )
    }),
    ("refused: route overlaps", |_, n| {
        let overlapping =
            json!({"name": "new", "routes": [{"value": format!("fd01:0:{:x}::1/128", n % SMALL)}]});
        ("POST", "/networks".to_owned(), overlapping, StatusCode::BAD_REQUEST)
    }),
    ("network created", |_, n| ("POST", "/networks".to_owned(), network(1 << 24 | n), StatusCode::CREATED)),
    ("network replaced", |tenant, n| {
        let place = n as usize * 7919 % tenant.ids.len();
        let body = json!({"name": format!("network-{place}")});
        ("PUT", format!("/networks/{}", tenant.ids[place]), body, StatusCode::OK)
    }),
];

impl Tenant {
    fn of(networks: u32) -> Self {
        let config = Config { limits: Limits::UNLIMITED, ..Config::default() };
        let mut tenant =
            Self { emulator: Emulator::new(config, now()), token: String::new(), ids: Vec::new() };
        let path = "/oauth/token?client_id=emulator&client_secret=emulator";
        let token = tenant.call("POST", path, &Value::Null, StatusCode::OK);
        token["access_token"].as_str().unwrap().clone_into(&mut tenant.token);
        for number in 0..networks {
            let made = tenant.call("POST", "/networks", &network(number), StatusCode::CREATED);
            tenant.ids.push(made["id"].as_str().unwrap().to_owned());
        }
        tenant
    }

    /// The mean time of a call over a round of calls.
    fn time(&mut self, call: Call, round: u32) -> Duration {
        let requests: Vec<_> = (0..CALLS)
            .map(|n| {
                let (method, path, body, status) = call(self, round * CALLS + n);
                (self.request(method, &path, &body), status)
            })
            .collect();
        let start = Instant::now();
        for (request, expected) in requests {
            let response = self.emulator.handle(now(), request).into_answer().unwrap();
            assert_eq!(response.status(), expected, "{}", String::from_utf8_lossy(response.body()));
        }
        let taken = start.elapsed() / CALLS;
        // A host takes what it does not store as well.
        drop(self.emulator.take_changes());
        taken
    }

    fn call(&mut self, method: &str, path: &str, body: &Value, expected: StatusCode) -> Value {
        let request = self.request(method, path, body);
        let response = self.emulator.handle(now(), request).into_answer().unwrap();
        drop(self.emulator.take_changes());
        assert_eq!(response.status(), expected, "{}", String::from_utf8_lossy(response.body()));
        serde_json::from_slice(response.body()).unwrap()
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Request<Bytes> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .body(body)
            .unwrap()
    }
}

fn now() -> Now {
    Now { mono: Mono::ZERO, wall: Timestamp::UNIX_EPOCH }
}
