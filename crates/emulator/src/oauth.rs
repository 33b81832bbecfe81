//! Tokens: who may call, for how long (API sections 1.2 to 1.4; rows 4, 6 and 7 of section 10).

use crate::{
    config::{Access, ApiKey, Config},
    request::Query,
    state::ids::{digest, hex},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use connexa_types::{Mono, Now};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};

/// The tokens that were given out. They live in memory only: a restart ends them all.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// Token → the place of its key in the configuration, and when it ends.
    live: HashMap<String, (usize, Mono)>,
    /// Tokens by their end. All live equally long, so they end in the order in which they were given out.
    by_end: VecDeque<(Mono, String)>,
    count: u64,
}

impl Tokens {
    /// The key whose live token the request bears.
    pub(crate) fn bearer(&self, headers: &HeaderMap, now: Mono) -> Option<usize> {
        let token = credentials(headers, "bearer")?;
        let (key, end) = self.live.get(token)?;
        (now < *end).then_some(*key)
    }

    /// Ends the token that the request bears.
    pub(crate) fn expire(&mut self, headers: &HeaderMap) {
        // Its place in the order of ends stays, and finds nothing when its time comes.
        if let Some(token) = credentials(headers, "bearer") {
            self.live.remove(token);
        }
    }

    fn issue(&mut self, key: usize, config: &Config, now: Now) -> String {
        while self.by_end.front().is_some_and(|(end, _)| *end <= now.mono) {
            if let Some((_, token)) = self.by_end.pop_front() {
                self.live.remove(&token);
            }
        }
        self.count += 1;
        // The wall time keeps tokens of a restarted emulator apart from those of the one before.
        let input = [self.count.to_be_bytes(), now.wall.as_microsecond().to_be_bytes()].concat();
        let token = hex(&digest("token", config.seed, &input));
        let end = now.mono + config.token_ttl;
        self.live.insert(token.clone(), (key, end));
        self.by_end.push_back((end, token.clone()));
        token
    }

    /// Answers a token call. Credentials come by HTTP Basic, in the query or in a form; a JSON body may name the grant
    /// type beside HTTP Basic. No content type is asked for: the official client sends none.
    pub(crate) fn answer(
        &mut self,
        config: &Config,
        now: Now,
        headers: &HeaderMap,
        query: &Query,
        body: &[u8],
    ) -> Response<Bytes> {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let (form, json) = match serde_json::from_str::<Value>(text) {
            Ok(json) => (Query::default(), json),
            Err(_) => (Query::parse(text.trim()), Value::Null),
        };
        let parameter = |name| query.get(name).or_else(|| form.get(name));
        let key = match basic(headers) {
            Some((id, secret)) => find_key(config, &id, &secret),
            None => parameter("client_id")
                .zip(parameter("client_secret"))
                .and_then(|(id, secret)| find_key(config, id, secret)),
        };
        let Some(key) = key else {
            return refused(StatusCode::UNAUTHORIZED, "invalid_client", "Bad client credentials");
        };
        let grant = parameter("grant_type").or_else(|| json.get("grant_type").and_then(Value::as_str));
        if grant.is_some_and(|grant| grant != "client_credentials") {
            return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", "Unsupported grant type");
        }
        let token = self.issue(key, config, now);
        let answer = json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": i32::try_from(config.token_ttl.as_secs()).unwrap_or(i32::MAX),
            "scope": "read write",
        });
        response(StatusCode::OK, &answer)
    }
}

/// Whether a request shows a key that may modify, by HTTP Basic.
pub(crate) fn shows_key(headers: &HeaderMap, config: &Config) -> bool {
    let key = basic(headers).and_then(|(id, secret)| find_key(config, &id, &secret));
    key.is_some_and(|key| config.keys[key].access == Access::Modify)
}

/// What follows the scheme in `Authorization`.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (found, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let decoded = STANDARD.decode(credentials(headers, "basic")?).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn find_key(config: &Config, id: &str, secret: &str) -> Option<usize> {
    let matches = |key: &ApiKey| key.id == id && key.secret.expose() == secret;
    config.keys.iter().position(matches)
}

fn refused(status: StatusCode, error: &str, description: &str) -> Response<Bytes> {
    let mut response = response(status, &json!({"error": error, "error_description": description}));
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth\""));
    }
    response
}

fn response(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
