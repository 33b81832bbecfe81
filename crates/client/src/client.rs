//! One attempt: a token, a request, at most one replay after a 401, and the verdict on the answer.

mod batch;

use crate::{
    base_url::BaseUrl,
    classify::{Classified, Reading, classify, classify_raw},
    headers,
    raw::{self, RawAnswer, RawCall},
    request::{self, Prepared},
    text::Redactor,
    token::{self, Credentials, NoToken, Token, Tokens, Urgency},
    transport::{BODY_CAP, TOKEN_BODY_CAP, Transport, TransportError},
};
use bytes::Bytes;
use connexa_types::{
    Attempt, Call, Endpoint, Mono, Outcome, QuotaHeaders, Reason, SealingKey, SecretValues, TenantId, Why,
};
use http::{HeaderValue, Request, Response, StatusCode};
use std::{fmt, sync::Arc, time::Duration};

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where the API is.
    pub base: BaseUrl,
    /// The API key.
    pub credentials: Credentials,
    /// Under which secrets of answers are hashed.
    pub sealing_key: SealingKey,
    /// The `User-Agent`; text that cannot stand in a header is replaced by the default.
    pub user_agent: String,
    /// Each answer has to begin within this time.
    pub first_byte: Duration,
    /// A token request has to be answered within this time.
    pub token_timeout: Duration,
}

impl ClientOptions {
    /// The `User-Agent` by default: `connexa/VERSION`.
    pub const USER_AGENT: &'static str = concat!("connexa/", env!("CARGO_PKG_VERSION"));

    /// Options with the default times: 30 s each.
    pub fn new(base: BaseUrl, credentials: Credentials, sealing_key: SealingKey) -> Self {
        Self {
            base,
            credentials,
            sealing_key,
            user_agent: Self::USER_AGENT.to_owned(),
            first_byte: Duration::from_secs(30),
            token_timeout: Duration::from_secs(30),
        }
    }
}

/// The clock by which a client measures: monotonic, supplied from outside.
pub type MonoClock = Arc<dyn Fn() -> Mono + Send + Sync>;

/// Makes attempts against one tenant with one key. All attempts share one token.
pub struct Client {
    options: ClientOptions,
    transport: Arc<dyn Transport>,
    clock: MonoClock,
    tokens: Tokens,
    user_agent: HeaderValue,
    basic: HeaderValue,
}

/// What is counted and measured on the way.
struct Course {
    deadline: Mono,
    wire_calls: u8,
    token_calls: u8,
    sent_at: Mono,
    quota: Option<QuotaHeaders>,
    redactor: Redactor,
}

impl Client {
    /// A client; nothing is sent yet.
    pub fn new(options: ClientOptions, transport: Arc<dyn Transport>, clock: MonoClock) -> Self {
        let user_agent = HeaderValue::from_str(&options.user_agent)
            .unwrap_or_else(|_| HeaderValue::from_static(ClientOptions::USER_AGENT));
        let basic = options.credentials.basic();
        Self { options, transport, clock, tokens: Tokens::default(), user_agent, basic }
    }

    /// The tenant: the origin of the API URL.
    pub fn tenant(&self) -> &TenantId {
        self.options.base.tenant()
    }

    /// Makes one attempt at `call`, `limit` being the deadline for all of it, renewals of the token included.
    ///
    /// A 401 is answered by one renewal and one replay. Nothing else is ever sent a second time. Whether the
    /// call may still begin is for the caller to say; an attempt whose time is up before it begins is
    /// `NotSent(TooLate)`.
    ///
    /// A client has no timers of its own: an attempt that waits for another's renewal of the token may end up to
    /// [`ClientOptions::token_timeout`] after its deadline, as `NotSent(TooLate)`.
    ///
    /// Dropping the future abandons the attempt: its outcome is then unknown.
    pub async fn attempt(&self, call: &Call, secrets: &SecretValues, limit: Duration) -> Attempt {
        let mut course = self.begin(limit);
        let classified = match request::prepare(&self.options.base, call, secrets) {
            Err(why) => Outcome::NotSent(why).into(),
            Ok(prepared) => {
                let by_token = call.endpoint != Endpoint::OauthToken;
                match self.exchange(&prepared, by_token, &mut course).await {
                    Err(outcome) => outcome.into(),
                    Ok(received) => classify(call, received, self.reading(&course)),
                }
            }
        };
        self.end(classified, &course)
    }

    /// The same for a raw call; with it comes whatever whole answer there is.
    pub(crate) async fn raw(&self, call: &RawCall, limit: Duration) -> (Attempt, Option<RawAnswer>) {
        let mut course = self.begin(limit);
        let mut answer = None;
        let classified = match request::prepare_raw(&self.options.base, call) {
            Err(why) => Outcome::NotSent(why).into(),
            Ok(prepared) => match self.exchange(&prepared, true, &mut course).await {
                Err(outcome) => outcome.into(),
                Ok(received) => {
                    answer = received.as_ref().ok().map(|it| raw::read(call, it, &course.redactor));
                    classify_raw(received, self.reading(&course))
                }
            },
        };
        (self.end(classified, &course), answer)
    }

    fn begin(&self, limit: Duration) -> Course {
        let start = (self.clock)();
        Course {
            deadline: start + limit,
            wire_calls: 0,
            token_calls: 0,
            sent_at: start,
            quota: None,
            redactor: Redactor::default(),
        }
    }

    fn end(&self, classified: Classified, course: &Course) -> Attempt {
        Attempt {
            outcome: classified.outcome,
            quota: course.quota,
            wire_calls: course.wire_calls,
            token_calls: course.token_calls,
            sent_at: course.sent_at,
            ended_at: (self.clock)(),
            product: classified.product,
        }
    }

    fn reading<'a>(&'a self, course: &'a Course) -> Reading<'a> {
        Reading { key: &self.options.sealing_key, redactor: &course.redactor }
    }

    /// Sends a request, and once more with a new token after a 401. An error is the outcome of an attempt that had no
    /// token to go with.
    async fn exchange(
        &self,
        prepared: &Prepared,
        by_token: bool,
        course: &mut Course,
    ) -> Result<Result<Response<Bytes>, TransportError>, Outcome> {
        let request = |token: &Token| prepared.request(&token.header, &self.user_agent);
        course.redactor.extend(&prepared.redactor);
        self.hide_credentials(&mut course.redactor);
        if !by_token {
            // The call that asks for a token takes the key itself, and nothing is gained by its replay.
            let request = token::request(self.options.base.as_str(), &self.basic, &self.user_agent);
            return Ok(self.send(request, course).await);
        }
        let token = self.token(None, course).await?;
        let received = self.send(request(&token), course).await;
        if received.as_ref().is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED) {
            // The 401 says that the call was not applied.
            let token = self.token(Some(&token), course).await?;
            return Ok(self.send(request(&token), course).await);
        }
        Ok(received)
    }

    /// A token that is not `refused`, or the outcome of an attempt that cannot have one.
    async fn token(&self, refused: Option<&Token>, course: &mut Course) -> Result<Arc<Token>, Outcome> {
        let (deadline, token_calls) = (course.deadline, &mut course.token_calls);
        let fetch = async |urgency| {
            let remaining = match (urgency, deadline.saturating_since((self.clock)())) {
                (Urgency::Now, remaining) => remaining,
                (Urgency::Early, remaining) => remaining / 2,
            };
            let total = remaining.min(self.options.token_timeout);
            if total.is_zero() {
                return (Err(NoToken::Unavailable(too_late())), false);
            }
            *token_calls = token_calls.saturating_add(1);
            let request = token::request(self.options.base.as_str(), &self.basic, &self.user_agent);
            let received = self.transport.send(request, total.min(self.options.first_byte), total).await;
            let timed_out =
                matches!(&received, Err(TransportError::Lost(why)) if why.reason == Reason::Timeout);
            let mut redactor = Redactor::default();
            self.hide_credentials(&mut redactor);
            let issued = token::read(received.and_then(|answer| capped(answer, TOKEN_BODY_CAP)), &redactor);
            // Having run out of one attempt's own time says nothing to the others who wait for a token.
            (issued, !(timed_out && remaining < self.options.token_timeout))
        };
        match self.tokens.get(refused, &*self.clock, fetch).await {
            Ok(token) => {
                course.redactor.add(token.text.expose());
                Ok(token)
            }
            Err(NoToken::Refused) => Err(Outcome::Unauthorized),
            Err(NoToken::Unavailable(why)) => Err(Outcome::NotSent(why)),
        }
    }

    /// Sends once and books it.
    async fn send(
        &self,
        request: Request<Bytes>,
        course: &mut Course,
    ) -> Result<Response<Bytes>, TransportError> {
        let now = (self.clock)();
        let remaining = course.deadline.saturating_since(now);
        if remaining.is_zero() {
            return Err(TransportError::NotSent(too_late()));
        }
        course.sent_at = now;
        let received = self.transport.send(request, remaining.min(self.options.first_byte), remaining).await;
        if !matches!(received, Err(TransportError::NotSent(_))) {
            course.wire_calls += 1;
        }
        let answer = received?;
        course.quota = headers::quota(answer.headers()).or(course.quota);
        capped(answer, BODY_CAP)
    }

    fn hide_credentials(&self, redactor: &mut Redactor) {
        redactor.add(self.options.credentials.client_secret.expose());
        let basic = self.basic.to_str().unwrap_or_default();
        redactor.add(basic.strip_prefix("Basic ").unwrap_or_default());
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.options.base).finish_non_exhaustive()
    }
}

fn too_late() -> Why {
    Why::new(Reason::TooLate, "the time for this attempt was up before it was sent")
}

/// Holds any transport to the cap, also one that does not know it.
fn capped(answer: Response<Bytes>, cap: usize) -> Result<Response<Bytes>, TransportError> {
    if answer.body().len() <= cap {
        return Ok(answer);
    }
    let status = Some(answer.status().as_u16());
    let detail = format!("the answer is over {cap} bytes");
    Err(TransportError::Lost(Why { reason: Reason::TooLarge, status, detail }))
}
