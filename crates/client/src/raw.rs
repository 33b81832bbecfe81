//! Raw calls: any method, any path, any body, for an API that is newer than we are.
//!
//! They share all of an attempt with typed calls: token, renewal, limits, and what an outcome is. What differs is that
//! nothing is expected of the answer, and that it is handed out as received, secrets taken out of it by their names.

use crate::{
    client::Client,
    request::BASE_PATH,
    text::{self, Redactor},
};
use bytes::Bytes;
use connexa_types::{
    AnswerShape, Attempt, Class, Endpoint, JsonPointer, RequestShape, secret::SECRET_FIELDS,
};
use http::{Method, Response};
use serde_json::Value;
use std::time::Duration;

/// Fields that hold secrets, besides those of the objects that specs describe.
const CREDENTIAL_FIELDS: &[&str] = &[
    "access_token",
    "refresh_token",
    "accessToken",
    "refreshToken",
    "client_secret",
    "clientSecret",
    "password",
    "privateKey",
];

/// One HTTP request below the tenant's origin.
#[derive(Clone, Debug)]
pub struct RawCall {
    pub(crate) method: Method,
    /// Path and query, encoded.
    pub(crate) target: String,
    pub(crate) body: Bytes,
    endpoint: Option<Endpoint>,
}

/// A text that is no raw call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RawCallError {
    /// The method.
    #[error("`{0}` is no method of the API; expected GET, POST, PUT, PATCH or DELETE")]
    Method(String),
    /// The path does not begin with a slash.
    #[error("`{0}` is no path; a path begins with a slash, such as `/networks?size=100`")]
    NoPath(String),
    /// A URL where a path is due.
    #[error("`{0}` is a URL; expected the path alone, such as `/networks`")]
    Url(String),
    /// A parameter of the reference that was not filled in.
    #[error("`{0}` still holds a placeholder; put an id in its place")]
    Placeholder(String),
    /// A character that cannot stand in a path or query.
    #[error("the path holds {0:?}, which has to be percent-encoded")]
    Character(char),
    /// `.` or `..`, which a URL parser would resolve.
    #[error("the path holds the segment `{0}`, which names no object")]
    Dots(String),
}

impl RawCall {
    /// A call without a body. The path may have the prefix `/api/v1` or not, and a query.
    pub fn new(method: &str, path: &str) -> Result<Self, RawCallError> {
        let shown = || text::escape(&text::cut(path, 80));
        let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let method = known
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(method))
            .ok_or_else(|| RawCallError::Method(text::escape(&text::cut(method, 40))))?;
        if path.contains("://") && !path.starts_with('/') {
            return Err(RawCallError::Url(shown()));
        }
        if !path.starts_with('/') || path.starts_with("//") || path == "/" {
            return Err(RawCallError::NoPath(shown()));
        }
        if path.contains('{') || path.contains('}') {
            return Err(RawCallError::Placeholder(shown()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(c);
        if let Some(c) = path.chars().find(|c| !allowed(*c)) {
            return Err(RawCallError::Character(c));
        }
        let hexadecimal = |part: &str| part.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
        if path.split('%').skip(1).any(|part| !hexadecimal(part)) {
            return Err(RawCallError::Character('%'));
        }
        let (only, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        for segment in only.split('/') {
            // As the HTTP library will read it.
            let plain = segment.replace("%2e", ".").replace("%2E", ".");
            if plain == "." || plain == ".." {
                return Err(RawCallError::Dots(segment.to_owned()));
            }
        }
        let prefixed = only == "/api" || only.starts_with("/api/");
        let mut target = if prefixed { only.to_owned() } else { format!("{BASE_PATH}{only}") };
        let endpoint = target.strip_prefix(BASE_PATH).and_then(|path| endpoint(&method, path));
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        Ok(Self { method, target, body: Bytes::new(), endpoint })
    }

    /// Gives it a body, sent as it is.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Path and query, as they are sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The rate-limit class: GET is read, every other method is update (API section 2.3).
    pub fn class(&self) -> Class {
        if self.method == Method::GET { Class::Read } else { Class::Update }
    }

    /// The operation, if the reference has it.
    pub const fn endpoint(&self) -> Option<Endpoint> {
        self.endpoint
    }

    /// Whether a body is JSON: unless the operation takes text, or the body is none.
    pub fn takes_json(&self) -> bool {
        self.endpoint.is_none_or(|endpoint| !matches!(endpoint.info().request, RequestShape::TextBody))
    }

    /// The `Content-Type` of the body, if there is one.
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        if self.body.is_empty() {
            None
        } else if self.takes_json() && serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).is_ok() {
            Some("application/json")
        } else {
            Some("text/plain")
        }
    }

    /// Whether the answer is a secret as a whole.
    fn hands_out_secret(&self) -> bool {
        self.endpoint.is_some_and(|endpoint| {
            matches!(endpoint.info().answer, AnswerShape::SecretText | AnswerShape::SecretJson(_))
        })
    }
}

/// The operation of a path below the base path; those without parameters at a place before those with one.
fn endpoint(method: &Method, path: &str) -> Option<Endpoint> {
    let fits = |endpoint: &Endpoint| {
        let info = endpoint.info();
        info.method.as_str() == method.as_str()
            && info.path.split('/').count() == path.split('/').count()
            && info.path.split('/').zip(path.split('/')).all(|(template, segment)| {
                template == segment || template.starts_with('{') && !segment.is_empty()
            })
    };
    Endpoint::ALL.iter().copied().filter(fits).min_by_key(|endpoint| endpoint.path_params())
}

/// What came back, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body, without secrets.
    pub body: RawBody,
    /// Places of a JSON body from which a secret was taken.
    pub removed: Vec<JsonPointer>,
}

/// The body of a raw answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawBody {
    /// Nothing.
    Empty,
    /// JSON: as received if no secret was in it.
    Json(String),
    /// Any other text.
    Text(String),
    /// A secret as a whole, such as a profile; it is not kept.
    Secret,
    /// Something that is no text; so many bytes.
    Binary(usize),
}

/// An attempt at a raw call.
#[derive(Clone, Debug)]
pub struct RawAttempt {
    /// The attempt. A 2xx is [`Applied`](connexa_types::Outcome::Applied) whatever it holds.
    pub attempt: Attempt,
    /// The answer, if a whole one came.
    pub answer: Option<RawAnswer>,
}

impl Client {
    /// Makes one attempt at a raw call, as [`Self::attempt`] does at others.
    pub async fn attempt_raw(&self, call: &RawCall, limit: Duration) -> RawAttempt {
        let (attempt, answer) = self.raw(call, limit).await;
        RawAttempt { attempt, answer }
    }
}

/// Reads an answer of any status.
pub(crate) fn read(call: &RawCall, response: &Response<Bytes>, redactor: &Redactor) -> RawAnswer {
    let mut removed = Vec::new();
    let body = response.body();
    let success = response.status().is_success();
    let body = if body.trim_ascii().is_empty() {
        RawBody::Empty
    } else if success && call.hands_out_secret() {
        RawBody::Secret
    } else {
        match str::from_utf8(body) {
            Err(_) => RawBody::Binary(body.len()),
            Ok(text) => match serde_json::from_str::<Value>(text) {
                Ok(mut json) => {
                    scrub(&mut json, &JsonPointer::default(), &mut removed);
                    let text = if removed.is_empty() { text.to_owned() } else { json.to_string() };
                    RawBody::Json(redactor.apply(&text))
                }
                Err(_) if is_key(text) => RawBody::Secret,
                Err(_) => RawBody::Text(redactor.apply(text)),
            },
        }
    };
    RawAnswer { status: response.status().as_u16(), body, removed }
}

/// Whether a text holds a private key, as profiles do.
fn is_key(text: &str) -> bool {
    text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----")
}

/// Takes out what is secret by its name, and private keys under any name.
fn scrub(json: &mut Value, at: &JsonPointer, removed: &mut Vec<JsonPointer>) {
    match json {
        Value::Object(map) => {
            let secret = |name: &str, value: &Value| match value {
                Value::Null => false,
                _ if SECRET_FIELDS.iter().any(|(field, _)| *field == name) => true,
                _ if CREDENTIAL_FIELDS.contains(&name) => true,
                Value::String(text) => is_key(text),
                _ => false,
            };
            map.retain(|name, value| {
                let found = secret(name, value);
                if found {
                    removed.push(at.child(name));
                }
                !found
            });
            map.iter_mut().for_each(|(name, value)| scrub(value, &at.child(name), removed));
        }
        Value::Array(list) => {
            for (index, value) in list.iter_mut().enumerate() {
                scrub(value, &at.child(index), removed);
            }
        }
        Value::String(text) if is_key(text) => {
            removed.push(at.clone());
            *json = Value::Null;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_sent_as_they_are() {
        for (path, target) in [
            ("/networks", "/api/v1/networks"),
            ("/api/v1/networks?size=100&page=0", "/api/v1/networks?size=100&page=0"),
            ("/users/a%2Fb", "/api/v1/users/a%2Fb"),
            ("/apiary", "/api/v1/apiary"),
            ("/api/v2/new-things", "/api/v2/new-things"),
            ("/networks?next=/../x", "/api/v1/networks?next=/../x"),
        ] {
            assert_eq!(RawCall::new("get", path).unwrap().target(), target);
        }
    }

    #[test]
    fn what_is_no_call_is_told() {
        use RawCallError as E;
        let error = |path: &str| RawCall::new("GET", path).unwrap_err();
        for path in ["", "/", "networks", "//evil.example/networks", "?size=3"] {
            assert_eq!(error(path), E::NoPath(path.to_owned()));
        }
        assert!(matches!(error("https://acme.example/networks"), E::Url(_)));
        assert!(matches!(error("/networks/{id}"), E::Placeholder(_)));
        for (path, c) in [
            ("/a b", ' '),
            ("/a#b", '#'),
            ("/é", 'é'),
            ("/a\nb", '\n'),
            ("/a%2", '%'),
            ("/%zz", '%'),
            ("/a\\b", '\\'),
        ] {
            assert_eq!(error(path), E::Character(c));
        }
        for path in ["/..", "/networks/../users", "/networks/%2e%2E", "/./x"] {
            assert!(matches!(error(path), E::Dots(_)), "{path}");
        }
        assert!(matches!(RawCall::new("BREW", "/networks").unwrap_err(), E::Method(_)));
    }

    #[test]
    fn operations_are_recognised() {
        let endpoint = |method: &str, path: &str| RawCall::new(method, path).unwrap().endpoint();
        assert_eq!(endpoint("GET", "/networks/connectors?size=1"), Some(Endpoint::NetworkConnectorList));
        assert_eq!(endpoint("GET", "/api/v1/networks/abc"), Some(Endpoint::NetworkGet));
        assert_eq!(endpoint("POST", "/devices/1/profile"), Some(Endpoint::DeviceProfile));
        assert_eq!(endpoint("PATCH", "/networks/abc"), None);
        assert_eq!(endpoint("GET", "/networks/"), None);
        assert_eq!(endpoint("GET", "/api/beta/networks"), None);
        for known in Endpoint::ALL {
            let path = known.info().path.split('/').map(|s| if s.starts_with('{') { "1" } else { s });
            let path = path.collect::<Vec<_>>().join("/");
            let found = endpoint(known.info().method.as_str(), &path);
            assert_eq!(found, Some(*known), "{path}");
        }
    }

    fn answer(call: &RawCall, status: u16, body: &str) -> RawAnswer {
        let mut redactor = Redactor::default();
        redactor.add("canary-token");
        let response = Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap();
        read(call, &response, &redactor)
    }

    #[test]
    fn an_answer_is_as_received_but_for_its_secrets() {
        let call = RawCall::new("GET", "/networks/x").unwrap();
        let odd = "{ \"a\": 1.50, \"b\" :[1e3] }";
        assert_eq!(answer(&call, 200, odd).body, RawBody::Json(odd.to_owned()));
        assert_eq!(answer(&call, 404, "<p>no</p>").body, RawBody::Text("<p>no</p>".to_owned()));
        assert_eq!(answer(&call, 204, " \n").body, RawBody::Empty);
        let found = answer(
            &call,
            200,
            r#"{"a": [{"preSharedKey": "canary-1", "b": "canary-token"}], "access_token": "canary-2", "privateKey": null,
               "x": "-----BEGIN RSA PRIVATE KEY-----\ncanary-3"}"#,
        );
        let RawBody::Json(text) = found.body else { panic!("{found:?}") };
        assert_eq!(text, r#"{"a":[{"b":"[secret]"}],"privateKey":null}"#);
        let places: Vec<String> = found.removed.iter().map(ToString::to_string).collect();
        assert_eq!(places, ["/access_token", "/x", "/a/0/preSharedKey"]);

        let profile = RawCall::new("POST", "/devices/1/profile?userId=1").unwrap();
        assert_eq!(answer(&profile, 200, "client\nremote x").body, RawBody::Secret);
        assert!(matches!(answer(&profile, 400, "{\"errorMessage\": \"no\"}").body, RawBody::Json(_)));
        let unknown = RawCall::new("POST", "/things/1/profile").unwrap();
        let body = "<key>\n-----BEGIN PRIVATE KEY-----\ncanary\n</key>";
        assert_eq!(answer(&unknown, 200, body).body, RawBody::Secret);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_accepted_stays_below_the_origin(path in "[/a-z.%2eE:@?#{}\\\\ é-]{0,24}") {
            let Ok(call) = RawCall::new("GET", &path) else { return Ok(()) };
            let url = url::Url::parse(&format!("https://acme.example{}", call.target())).unwrap();
            prop_assert_eq!(url.origin().ascii_serialization(), "https://acme.example");
            let sent = url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()));
            prop_assert_eq!(sent, call.target());
        }
    }
}
