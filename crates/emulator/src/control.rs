//! The control: what a test does to the tenant behind the API's back, under `/_emulator/`.
//!
//! Nothing here takes a token of a bucket, counts in the statistics, or leaves a trace in the audit log, except for a
//! change by somebody else, which is an act of that somebody. docs/emulator.md is its manual.

mod seed;

use crate::{
    config::Control,
    faults::{FaultDocument, FaultRule},
    ledger::LedgerEvent,
    limits::Limits,
    oauth,
    request::Query,
    router::Route,
    service::Emulator,
    state::watch::Seen,
};
use bytes::Bytes;
use connexa_types::{Class, Endpoint, Kind, Now};
use http::{Response, StatusCode, header};
use seed::SeedRequest;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What stands below the control's path, if a path is one of the control.
pub(crate) fn below(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/_emulator")?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// Why the control does not do something.
struct Refused {
    status: StatusCode,
    message: String,
}

impl Refused {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

/// Every operation: method, path, what it does.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("GET", "state", "every object by kind, without secrets; ?kind=networks narrows it"),
    (
        "GET",
        "stats",
        "calls by operation and status, reads, updates, throttled, faults, duplicates, most in flight",
    ),
    ("POST", "reset", "a fresh tenant, full buckets, counts at zero; tokens and rules of faults stay"),
    ("GET", "limits", "the rate limits"),
    ("PUT", "limits", "{\"limits\": \"2024\"}: other limits, full buckets"),
    ("GET", "faults", "the rules, and how often each matched and fired"),
    ("POST", "faults", "adds a rule, or {\"rules\": […]}"),
    ("DELETE", "faults", "removes all rules"),
    ("DELETE", "faults/{id}", "removes one rule"),
    ("POST", "seed", "{\"networks\": 1000, \"routes_per_network\": 2, …}: makes objects"),
    (
        "POST",
        "change",
        "{\"method\", \"path\", \"body\", \"initiator\"}: a call of somebody else, outside the quota",
    ),
    (
        "PUT",
        "connections",
        "{\"after_ms\": 2000}: connectors are online so long after a profile was given out for them",
    ),
    ("POST", "connectors/{id}/status", "{\"status\": \"ONLINE\"}; likewise devices/{id} and users/{id}"),
];

/// Answers a request for the control.
pub(crate) fn answer(
    emulator: &mut Emulator,
    now: Now,
    head: &http::request::Parts,
    below: &str,
    body: &[u8],
) -> Response<Bytes> {
    if emulator.config.control == Control::WithKey && !oauth::shows_key(&head.headers, &emulator.config) {
        let mut response = json_response(
            StatusCode::UNAUTHORIZED,
            &json!({"error": "this address is no loopback address, so the control wants a key that may modify, by HTTP Basic"}),
        );
        let challenge = header::HeaderValue::from_static("Basic realm=\"emulator control\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        return response;
    }
    match run(emulator, now, head, below, body) {
        Ok((status, value)) => json_response(status, &value),
        Err(Refused { status, message }) => json_response(status, &json!({"error": message})),
    }
}

fn run(
    emulator: &mut Emulator,
    now: Now,
    head: &http::request::Parts,
    below: &str,
    body: &[u8],
) -> Result<(StatusCode, Value), Refused> {
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let segments: Vec<&str> = below.split('/').collect();
    let ok = |value| Ok((StatusCode::OK, value));
    match (head.method.as_str(), segments.as_slice()) {
        ("GET", [""]) => ok(index()),
        ("GET", ["state"]) => ok(state(emulator, query.get("kind"))?),
        ("GET", ["stats"]) => ok(stats(emulator)),
        ("POST", ["reset"]) => {
            emulator.start_over(now);
            emulator.note_control(now, LedgerEvent::Reset, "/_emulator/reset", None, None, Seen::default());
            ok(json!({}))
        }
        ("GET", ["limits"]) => ok(limits(emulator.config.limits)),
        ("PUT", ["limits"]) => {
            let LimitsRequest { limits: text } = read(body)?;
            let new = text.parse::<Limits>().map_err(|error| Refused::bad(error.to_string()))?;
            emulator.set_limits(new, now);
            ok(limits(new))
        }
        ("GET", ["faults"]) => ok(emulator.faults.listed()),
        ("POST", ["faults"]) => {
            let ids = emulator.faults.add(fault_document(body)?);
            Ok((StatusCode::CREATED, json!({"ids": ids})))
        }
        ("DELETE", ["faults"]) => {
            emulator.faults.clear();
            ok(json!({}))
        }
        ("DELETE", ["faults", id]) => {
            let removed = id.parse().is_ok_and(|id| emulator.faults.remove(id));
            let unknown = || Refused::new(StatusCode::NOT_FOUND, format!("there is no rule `{id}`"));
            removed.then(|| (StatusCode::OK, json!({}))).ok_or_else(unknown)
        }
        ("POST", ["seed"]) => {
            let request: SeedRequest = read(body)?;
            let made = seed::plant(emulator, now, &request);
            emulator.note_control(now, LedgerEvent::Seed, "/_emulator/seed", None, None, Seen::default());
            made.map(|made| (StatusCode::CREATED, made)).map_err(Refused::bad)
        }
        ("POST", ["change"]) => ok(change(emulator, now, read(body)?)?),
        ("PUT", ["connections"]) => {
            let ConnectionsRequest { after_ms } = read(body)?;
            emulator.connect_after(after_ms.map(Duration::from_millis));
            ok(json!({}))
        }
        ("POST", [things @ ("connectors" | "devices" | "users"), id, "status"]) => {
            ok(connection_status(emulator, things, id, read(body)?)?)
        }
        (method, segments) => Err(no_operation(method, segments)),
    }
}

fn no_operation(method: &str, segments: &[&str]) -> Refused {
    let fits = |path: &str| {
        let parts: Vec<&str> = path.split('/').collect();
        parts.len() == segments.len() && parts.iter().zip(segments).all(|(p, s)| p == s || p.starts_with('{'))
    };
    let methods: Vec<&str> = OPERATIONS.iter().filter(|(_, path, _)| fits(path)).map(|(m, ..)| *m).collect();
    let path = segments.join("/");
    if methods.is_empty() {
        let message = format!("the control has no `{path}`; GET /_emulator/ lists what it has");
        Refused::new(StatusCode::NOT_FOUND, message)
    } else {
        let message = format!("`{path}` takes {}, not {method}", methods.join(" and "));
        Refused::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }
}

fn index() -> Value {
    let operations = OPERATIONS.iter().map(
        |(method, path, text)| json!({"method": method, "path": format!("/_emulator/{path}"), "does": text}),
    );
    json!({"operations": operations.collect::<Vec<_>>()})
}

fn state(emulator: &Emulator, only: Option<&str>) -> Result<Value, Refused> {
    let only = only.map(|word| word.parse::<Kind>().map_err(|e| Refused::bad(e.to_string()))).transpose()?;
    let mut state = Map::new();
    for kind in Kind::ALL.iter().copied().filter(|kind| only.is_none_or(|only| only == *kind)) {
        let shown = if kind == Kind::Setting {
            let settings = emulator.state.settings();
            let values = settings.paths().map(|path| (path.to_owned(), settings.get(path).clone()));
            Value::Object(values.collect())
        } else {
            emulator.state.laid_open(kind).into()
        };
        state.insert(kind.plural().to_owned(), shown);
    }
    Ok(state.into())
}

fn stats(emulator: &Emulator) -> Value {
    let mut stats = emulator.statistics.shown();
    let duplicates = emulator.state.doubled().into_iter().map(
        |(kind, parent, key, ids)| json!({"kind": kind.singular(), "parent": parent, "key": key, "ids": ids}),
    );
    stats.insert("duplicates".to_owned(), duplicates.collect());
    stats.insert("most_in_flight".to_owned(), emulator.gauge.most().into());
    stats.into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsRequest {
    limits: String,
}

fn limits(limits: Limits) -> Value {
    let bucket = |class| {
        let spec = limits.bucket(class);
        json!({"burst": spec.burst, "rate": spec.rate, "seconds": spec.period})
    };
    json!({
        "limits": limits.to_string(),
        "shared": limits.is_shared(),
        "read": bucket(Class::Read),
        "update": bucket(Class::Update),
    })
}

/// A document, or one rule.
fn fault_document(body: &[u8]) -> Result<FaultDocument, Refused> {
    // Looked at first, so that the error of the second reading is about what was meant, and has its place.
    let value: Value = read(body)?;
    if value.get("rules").is_some() || value.get("seed").is_some() {
        return read(body);
    }
    let rule: FaultRule = read(body)?;
    Ok(FaultDocument { seed: None, rules: vec![rule] })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRequest {
    method: String,
    path: String,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default = "somebody_else")]
    initiator: String,
}

fn somebody_else() -> String {
    "somebody-else".to_owned()
}

fn change(emulator: &mut Emulator, now: Now, change: ChangeRequest) -> Result<Value, Refused> {
    let ChangeRequest { method, path, body, initiator } = change;
    let (bare, query) = path.split_once('?').unwrap_or((&path, ""));
    let full = if bare.starts_with("/api/v1/") { bare.to_owned() } else { format!("/api/v1{bare}") };
    let name = http::Method::from_bytes(method.as_bytes())
        .map_err(|_| Refused::bad(format!("`{method}` is no method")))?;
    let (endpoint, parameters) = match emulator.router.route(&name, &full) {
        Route::Found(Endpoint::OauthToken, _) => return Err(Refused::bad("a token changes nothing")),
        Route::Found(endpoint, parameters) => (endpoint, parameters),
        Route::WrongMethod(methods) => {
            let methods: Vec<&str> = methods.iter().map(|m| m.as_str()).collect();
            return Err(Refused::bad(format!("`{bare}` takes {}, not {method}", methods.join(" and "))));
        }
        Route::Unknown => return Err(Refused::bad(format!("`{bare}` is no path of the API"))),
    };
    let body = match body {
        // A text is a raw body, as some settings take it.
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
        None => String::new(),
    };
    emulator.state.watch(false);
    let response =
        emulator.act_for(now, Some(&initiator), endpoint, parameters, Query::parse(query), body.as_bytes());
    let seen = emulator.state.unwatch();
    let status = response.status().as_u16();
    let line = format!("{name} {full}");
    emulator.note_control(now, LedgerEvent::Change, &line, Some(initiator), Some(status), seen);
    let text = String::from_utf8_lossy(response.body());
    let answered: Value = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.into_owned()));
    Ok(json!({"status": status, "body": answered}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectionsRequest {
    /// Left out or null: connectors stay as they are.
    #[serde(default)]
    after_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusRequest {
    status: String,
}

fn connection_status(
    emulator: &mut Emulator,
    things: &str,
    id: &str,
    request: StatusRequest,
) -> Result<Value, Refused> {
    const STATUSES: [&str; 3] = ["ONLINE", "OFFLINE", "ONLINE_WITH_ISSUES"];
    let StatusRequest { status } = request;
    if !STATUSES.contains(&status.as_str()) {
        return Err(Refused::bad(format!("`status` is `{status}`, expected one of {}", STATUSES.join(", "))));
    }
    let kinds: &[Kind] = match things {
        "devices" => &[Kind::Device],
        "users" => &[Kind::User],
        _ => &[Kind::NetworkConnector, Kind::HostConnector],
    };
    if kinds.iter().any(|kind| emulator.set_connection_status(*kind, id, &status)) {
        return Ok(json!({}));
    }
    Err(Refused::new(StatusCode::NOT_FOUND, format!("there is no `{id}` among the {things}")))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    // What needs no settings needs no body.
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Refused::bad(error.to_string()))
}

fn json_response(status: StatusCode, value: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_is_what_lies_below_its_path() {
        assert_eq!(below("/_emulator"), Some(""));
        assert_eq!(below("/_emulator/"), Some(""));
        assert_eq!(below("/_emulator/faults/3"), Some("faults/3"));
        assert_eq!(below("/_emulators"), None);
        assert_eq!(below("/api/v1/_emulator/state"), None);
    }
}
