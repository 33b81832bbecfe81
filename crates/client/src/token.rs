//! OAuth client credentials: one token for all, renewed once before it expires and once when it is refused
//! (API sections 1.2 to 1.4).
//!
//! The credentials travel as the official clients send them: HTTP Basic, with a JSON body without a
//! `Content-Type`. The documented form puts the secret into the query string, from where it would get into
//! every log on the way.

use crate::{
    request::BASE_PATH,
    text::Redactor,
    transport::{TOKEN_BODY_CAP, TransportError},
};
use base64::Engine as _;
use bytes::Bytes;
use connexa_types::{ErrorResponse, Mono, Reason, SecretValue, Why};
use http::{
    HeaderValue, Method, Request, Response, Uri,
    header::{ACCEPT, AUTHORIZATION, USER_AGENT},
};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A token is renewed this long before it expires, or a tenth of its life if that is shorter.
const MARGIN: Duration = Duration::from_mins(1);

/// While a token still works, a renewal that failed is tried again after this.
const RENEW_AGAIN: Duration = Duration::from_secs(5);

/// No life is taken to be longer; keeps absurd numbers out of the arithmetic.
const LONGEST_LIFE: u64 = 10 * 366 * 24 * 60 * 60;

/// The key of an API user. The secret is never shown.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The key's id.
    pub client_id: String,
    /// The key's secret.
    pub client_secret: SecretValue,
}

impl Credentials {
    /// The value of the `Authorization` header of a token request.
    pub(crate) fn basic(&self) -> HeaderValue {
        let pair = SecretValue::new(format!("{}:{}", self.client_id, self.client_secret.expose()));
        let coded = base64::engine::general_purpose::STANDARD.encode(pair.expose());
        sensitive(&format!("Basic {coded}")).expect("base64 is visible ASCII")
    }
}

/// A header value that `Debug` does not show; `None` if it cannot stand in a header.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The token request.
pub(crate) fn request(origin: &str, basic: &HeaderValue, user_agent: &HeaderValue) -> Request<Bytes> {
    let body = br#"{"grant_type":"client_credentials","scope":"default"}"#;
    let mut request = Request::new(Bytes::from_static(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("{origin}{BASE_PATH}/oauth/token")
        .parse::<Uri>()
        .expect("an origin and a constant path make a URL");
    request.headers_mut().insert(AUTHORIZATION, basic.clone());
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(USER_AGENT, user_agent.clone());
    request.extensions_mut().insert(crate::transport::BodyCap(TOKEN_BODY_CAP));
    request
}

/// A token, fit to be sent.
#[derive(Debug)]
pub(crate) struct Token {
    /// Counts the tokens of this client.
    serial: u64,
    pub(crate) header: HeaderValue,
    pub(crate) text: SecretValue,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoToken {
    /// The credentials were refused.
    Refused,
    /// Anything else; the same credentials may do later.
    Unavailable(Why),
}

/// Why a token is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// There is none that works.
    Now,
    /// The old one works for a while yet; the attempt must be left with time to use it.
    Early,
}

/// What a token answer holds.
#[derive(Debug)]
pub(crate) struct Issued {
    text: SecretValue,
    header: HeaderValue,
    life: Option<Duration>,
}

/// Reads the answer to a token request.
pub(crate) fn read(
    received: Result<Response<Bytes>, TransportError>,
    redactor: &Redactor,
) -> Result<Issued, NoToken> {
    let unavailable = |status, detail: String| {
        let detail = redactor.apply(&format!("no access token: {detail}"));
        NoToken::Unavailable(Why { reason: Reason::NoToken, status, detail })
    };
    let response = match received {
        Ok(response) => response,
        Err(TransportError::NotSent(why) | TransportError::Lost(why)) => {
            return Err(unavailable(why.status, why.detail));
        }
    };
    let status = response.status();
    let body = response.body();
    if status.is_success() {
        return issued(body).map_err(|what| {
            unavailable(Some(status.as_u16()), format!("the token endpoint answered {status} with {what}"))
        });
    }
    let refused = match status.as_u16() {
        401 | 403 => true,
        400 => {
            let error = serde_json::from_slice::<Value>(body).ok();
            let code = error.as_ref().and_then(|e| e.get("error")).and_then(Value::as_str);
            matches!(code, Some("invalid_client" | "unauthorized_client"))
        }
        _ => false,
    };
    if refused {
        return Err(NoToken::Refused);
    }
    let message = ErrorResponse::parse(body).and_then(|e| e.error_message);
    let words = match &message {
        Some(message) => redactor.excerpt(message.as_bytes()),
        // A token under an odd status is a token all the same.
        None if body.windows(12).any(|part| part == b"access_token") => String::new(),
        None => redactor.excerpt(body),
    };
    let colon = if words.is_empty() { "" } else { ": " };
    Err(unavailable(Some(status.as_u16()), format!("the token endpoint answered {status}{colon}{words}")))
}

/// Reads the body of a 2xx; the error says what is wrong without repeating any of it.
fn issued(body: &[u8]) -> Result<Issued, &'static str> {
    let json: Value = serde_json::from_slice(body).map_err(|_| "something other than JSON")?;
    let text = json.get("access_token").and_then(Value::as_str).filter(|text| !text.is_empty());
    let text = SecretValue::new(text.ok_or("no `access_token`")?);
    let header = sensitive(&format!("Bearer {}", text.expose())).ok_or("an unusable `access_token`")?;
    Ok(Issued { header, text, life: json.get("expires_in").and_then(life) })
}

/// A life in seconds; `None` for what is no positive number: such a token is used until it is refused.
fn life(value: &Value) -> Option<Duration> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let seconds: f64 = text.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "a cap, far from the limits of precision")]
    let capped = seconds.min(LONGEST_LIFE as f64);
    (seconds > 0.0).then(|| Duration::try_from_secs_f64(capped).ok()).flatten()
}

/// The token that all attempts share.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// Held by the one task that renews.
    gate: tokio::sync::Mutex<()>,
    /// Never held across a wait.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// Renewals that have ended, either way.
    ended: u64,
    /// How the last one failed, if it did and others may take it for their own.
    failed: Option<NoToken>,
}

#[derive(Debug)]
struct Held {
    token: Arc<Token>,
    renew_at: Mono,
    expires_at: Mono,
}

impl State {
    /// The token, unless it is the refused one or an older, and while it is before `due`.
    fn usable(&self, refused: Option<u64>, now: Mono, due: impl Fn(&Held) -> Mono) -> Option<Arc<Token>> {
        let held = self.held.as_ref()?;
        let fits = refused.is_none_or(|serial| held.token.serial > serial) && now < due(held);
        fits.then(|| held.token.clone())
    }
}

impl Tokens {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one assignment; a panic between two leaves nothing half-done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a token that is not `refused`, asking for a new one with `fetch` if need be.
    ///
    /// However many tasks ask at once, one of them fetches: the others wait for it and share what came of it,
    /// or go on with the old token as long as that is alive. `fetch` says whether its failure is for all (and
    /// not just because this one task had no time left). Dropping the future lets the next task fetch.
    pub(crate) async fn get<F>(
        &self,
        refused: Option<&Token>,
        clock: &(dyn Fn() -> Mono + Send + Sync),
        fetch: impl FnOnce(Urgency) -> F,
    ) -> Result<Arc<Token>, NoToken>
    where
        F: Future<Output = (Result<Issued, NoToken>, bool)>,
    {
        let refused = refused.map(|token| token.serial);
        let (seen, alive) = {
            let state = self.state();
            let now = clock();
            if let Some(token) = state.usable(refused, now, |held| held.renew_at) {
                return Ok(token);
            }
            (state.ended, state.usable(refused, now, |held| held.expires_at))
        };
        let _gate = match &alive {
            None => self.gate.lock().await,
            Some(token) => match self.gate.try_lock() {
                Ok(gate) => gate,
                Err(_) => return Ok(token.clone()),
            },
        };
        {
            let state = self.state();
            if let Some(token) = state.usable(refused, clock(), |held| held.renew_at) {
                return Ok(token);
            }
            if let Some(failed) = state.failed.clone().filter(|_| state.ended > seen) {
                return alive.ok_or(failed);
            }
        }
        let asked_at = clock();
        let urgency = if alive.is_some() { Urgency::Early } else { Urgency::Now };
        let (fetched, for_all) = fetch(urgency).await;
        let mut state = self.state();
        state.ended += 1;
        match fetched {
            Ok(issued) => {
                state.failed = None;
                let token = Arc::new(Token { serial: state.ended, header: issued.header, text: issued.text });
                let due = |before: Duration| {
                    issued.life.map_or(Mono::FAR, |life| asked_at + life.saturating_sub(before))
                };
                let margin = issued.life.map_or(MARGIN, |life| MARGIN.min(life / 10));
                let (renew_at, expires_at) = (due(margin), due(Duration::ZERO));
                state.held = Some(Held { token: token.clone(), renew_at, expires_at });
                Ok(token)
            }
            Err(failure) => {
                state.failed = for_all.then(|| failure.clone());
                let again = clock() + RENEW_AGAIN;
                if let (Some(held), true) = (&mut state.held, alive.is_some()) {
                    held.renew_at = again.min(held.expires_at);
                }
                alive.ok_or(failure)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, future::join_all};
    use std::sync::atomic::{AtomicU64, Ordering};

    fn answer(status: u16, body: &str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()
    }

    fn token(life: &str) -> Result<Issued, NoToken> {
        let body = format!(r#"{{"access_token": "canary-token", "expires_in": {life}}}"#);
        read(Ok(answer(200, &body)), &Redactor::default())
    }

    #[test]
    fn refusals_are_told_from_outages() {
        let read = |status, body| read(Ok(answer(status, body)), &Redactor::default()).err().unwrap();
        for (status, body) in [(401, ""), (403, ""), (401, "<html>"), (400, r#"{"error": "invalid_client"}"#)]
        {
            assert_eq!(read(status, body), NoToken::Refused, "{status} {body}");
        }
        let odd = [
            (200, ""),
            (200, "<html>"),
            (200, "[]"),
            (200, r#"{"access_token": ""}"#),
            (200, r#"{"access_token": 7}"#),
            (200, "{\"access_token\": \"a\\nb\"}"),
            (400, r#"{"error": "unsupported_grant_type"}"#),
            (404, ""),
            (429, ""),
            (302, ""),
            (503, "<html>"),
        ];
        for (status, body) in odd {
            let NoToken::Unavailable(why) = read(status, body) else { panic!("{status} {body}") };
            assert_eq!((why.reason, why.status), (Reason::NoToken, Some(status)), "{status} {body}");
        }
    }

    #[test]
    fn no_text_holds_a_secret() {
        let credentials =
            Credentials { client_id: "id".to_owned(), client_secret: SecretValue::new("canary-secret") };
        let basic = credentials.basic();
        let mut redactor = Redactor::default();
        redactor.add("canary-secret");
        redactor.add(basic.to_str().unwrap().strip_prefix("Basic ").unwrap());
        let echo = format!("<p>canary-secret {}", basic.to_str().unwrap());
        let failure = read(Ok(answer(502, &echo)), &redactor).err().unwrap();
        let debug = format!("{credentials:?} {basic:?} {failure:?} {:?}", token("60").unwrap());
        assert!(!debug.contains("canary"), "{debug}");
        assert!(!debug.contains("aWQ6"), "{debug}");
    }

    #[test]
    fn lives_that_make_no_sense_are_no_lives() {
        let read = |text: &str| token(text).unwrap().life;
        assert_eq!(read("43199"), Some(Duration::from_secs(43199)));
        assert_eq!(read("\"60\""), Some(Duration::from_mins(1)));
        assert_eq!(read("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(read("1e300"), Some(Duration::from_secs(LONGEST_LIFE)));
        for garbage in ["0", "-1", "null", "\"soon\"", "{}", "\"NaN\"", "true"] {
            assert_eq!(read(garbage), None, "{garbage}");
        }
    }

    /// Tokens, a clock that is set by hand, and a count of fetches.
    #[derive(Default)]
    struct Bench {
        tokens: Tokens,
        now: AtomicU64,
        fetches: AtomicU64,
    }

    impl Bench {
        async fn get(
            &self,
            refused: Option<&Token>,
            result: fn() -> Result<Issued, NoToken>,
        ) -> Result<Arc<Token>, NoToken> {
            let clock = || Mono::from_origin(Duration::from_secs(self.now.load(Ordering::SeqCst)));
            let fetch = async |_| {
                tokio::task::yield_now().await;
                self.fetches.fetch_add(1, Ordering::SeqCst);
                (result(), true)
            };
            self.tokens.get(refused, &clock, fetch).await
        }

        fn fetches(&self) -> u64 {
            self.fetches.load(Ordering::SeqCst)
        }
    }

    fn down() -> Result<Issued, NoToken> {
        read(Ok(answer(503, "")), &Redactor::default())
    }

    #[tokio::test]
    async fn many_ask_and_one_fetches() {
        let bench = Bench::default();
        let all = join_all((0..50).map(|_| bench.get(None, || token("600")))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(bench.fetches(), 1);

        // All of them see it refused: one renewal. One who comes late with the same old token: none.
        let old = all[0].clone().unwrap();
        let all = join_all((0..50).map(|_| bench.get(Some(&old), || token("600")))).await;
        assert!(all.iter().all(|t| t.as_ref().is_ok_and(|t| t.serial > old.serial)));
        assert!(bench.get(Some(&old), || token("600")).await.is_ok());
        assert_eq!(bench.fetches(), 2);
    }

    #[tokio::test]
    async fn a_failure_is_shared_by_those_who_waited_for_it_and_by_no_other() {
        let bench = Bench::default();
        let all = join_all((0..50).map(|_| bench.get(None, down))).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(bench.fetches(), 1);
        assert!(bench.get(None, || token("600")).await.is_ok());
        assert_eq!(bench.fetches(), 2);
    }

    #[tokio::test]
    async fn renewal_is_early_and_its_failure_does_no_harm_while_the_old_token_lives() {
        let bench = Bench::default();
        let first = bench.get(None, || token("1000")).await.unwrap();
        bench.now.store(939, Ordering::SeqCst);
        assert_eq!(bench.get(None, down).await.unwrap().serial, first.serial);
        assert_eq!(bench.fetches(), 1, "60 s before the end, not earlier");
        bench.now.store(940, Ordering::SeqCst);
        let all = join_all((0..9).map(|_| bench.get(None, down))).await;
        assert!(all.iter().all(|t| t.as_ref().is_ok_and(|t| t.serial == first.serial)));
        assert_eq!(bench.fetches(), 2, "and not again at once");
        bench.now.store(945, Ordering::SeqCst);
        assert!(bench.get(None, || token("1000")).await.unwrap().serial > first.serial);
        assert_eq!(bench.fetches(), 3);
        bench.now.store(3000, Ordering::SeqCst);
        assert!(bench.get(None, down).await.is_err());
    }

    #[tokio::test]
    async fn an_abandoned_renewal_blocks_nobody() {
        let bench = Bench::default();
        {
            let mut abandoned = Box::pin(bench.get(None, || token("600")));
            assert!((&mut abandoned).now_or_never().is_none());
        }
        assert!(bench.get(None, || token("600")).await.is_ok());
    }
}
