//! What an emulator is told before its first request.

use crate::limits::Limits;
use connexa_types::{Kind, SecretValue};
use std::{collections::BTreeMap, str::FromStr, time::Duration};

/// The most bytes that the body of a request may have (API section 10, row 52).
pub const BODY_LIMIT: usize = 10 << 20;

/// The settings of an emulator that no request can change.
#[derive(Clone, Debug)]
pub struct Config {
    /// The buckets of each key.
    pub limits: Limits,
    /// The API keys; the first one is the one to show.
    pub keys: Vec<ApiKey>,
    /// How long a token lives, in whole seconds on the wire.
    pub token_ttl: Duration,
    /// Where ids, tokens, addresses of the made-up past, and seeded data start from: equal seeds, equal answers.
    pub seed: u64,
    /// The status of an answer about an unknown id.
    pub not_found: NotFound,
    /// Whether objects of one kind may have the same name (API section 10, row 19).
    pub names: Names,
    /// Whether a 429 carries `Retry-After` (API section 10, row 3).
    pub retry_after: bool,
    /// Whether this tenant may make further Cloud IDs (API section 10, row 50).
    pub account_enabled: bool,
    /// Whether there is a `POST /batch`, which the real API does not have.
    pub batch_endpoint: bool,
    /// Who may use the control under `/_emulator/`.
    pub control: Control,
}

/// Who may use the control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Control {
    /// Nobody: its paths are unknown ones.
    #[default]
    Off,
    /// Whoever reaches the emulator. For loopback addresses.
    Open,
    /// Who shows id and secret of a key that may modify, by HTTP Basic.
    WithKey,
}

impl Config {
    /// The key of a configuration that names none.
    pub const DEFAULT_KEY: &'static str = "emulator:emulator";
    /// About twelve hours, as the service gives.
    pub const DEFAULT_TOKEN_TTL: Duration = Duration::from_secs(43_199);
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::DEFAULT,
            keys: vec![ApiKey {
                id: "emulator".to_owned(),
                secret: SecretValue::new("emulator"),
                access: Access::Modify,
            }],
            token_ttl: Self::DEFAULT_TOKEN_TTL,
            seed: 0,
            not_found: NotFound::default(),
            names: Names::default(),
            retry_after: false,
            account_enabled: false,
            batch_endpoint: false,
            control: Control::Off,
        }
    }
}

/// What a key may do (API section 10, row 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// GET only.
    Read,
    /// Everything.
    Modify,
}

/// An API key, written `ID:SECRET` or `ID:SECRET:read`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: SecretValue,
    /// What it may do.
    pub access: Access,
}

/// A text that is no [`ApiKey`]. It never holds the text, which may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// Not two or three parts.
    #[error("expected `ID:SECRET` or `ID:SECRET:read`")]
    Form,
    /// The id is empty.
    #[error("the id of the key is empty, expected `ID:SECRET` or `ID:SECRET:read`")]
    EmptyId,
    /// The secret is empty.
    #[error("the secret of the key is empty, expected `ID:SECRET` or `ID:SECRET:read`")]
    EmptySecret,
    /// The third part is not `read`.
    #[error("the third part of the key is not `read`, the only permission that can be named")]
    Permission,
}

impl FromStr for ApiKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        let mut parts = text.split(':');
        let (Some(id), Some(secret)) = (parts.next(), parts.next()) else { return Err(ParseKeyError::Form) };
        let access = match (parts.next(), parts.next()) {
            (None, _) => Access::Modify,
            (Some("read"), None) => Access::Read,
            (Some(_), None) => return Err(ParseKeyError::Permission),
            (Some(_), Some(_)) => return Err(ParseKeyError::Form),
        };
        if id.is_empty() {
            return Err(ParseKeyError::EmptyId);
        }
        if secret.is_empty() {
            return Err(ParseKeyError::EmptySecret);
        }
        Ok(Self { id: id.to_owned(), secret: SecretValue::new(secret), access })
    }
}

/// Whether names are unique where they are believed to be (API section 10, row 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Names {
    /// A name that is taken is refused, without regard to case.
    #[default]
    Unique,
    /// Names may repeat. Domains of the Cyber Shield lists never do: a second one replaces the first.
    MayRepeat,
}

/// How an unknown id is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NotFoundStatus {
    /// 400 with an `ErrorResponse` that ends in `not found`, as seen for DNS records.
    #[default]
    BadRequest,
    /// 404 with the same body.
    NotFound,
}

/// The status of answers about unknown ids, for all kinds or kind by kind (API section 10, row 10).
///
/// Written as a list parted by commas of `400` or `404` (for all kinds) and `KIND=400` or `KIND=404`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NotFound {
    /// For kinds that are not in `kinds`.
    pub default: NotFoundStatus,
    /// For single kinds.
    pub kinds: BTreeMap<Kind, NotFoundStatus>,
}

impl NotFound {
    /// The status for objects of `kind`.
    pub fn status(&self, kind: Kind) -> http::StatusCode {
        match self.kinds.get(&kind).copied().unwrap_or(self.default) {
            NotFoundStatus::BadRequest => http::StatusCode::BAD_REQUEST,
            NotFoundStatus::NotFound => http::StatusCode::NOT_FOUND,
        }
    }
}

/// A text that is no [`NotFound`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseNotFoundError {
    /// Neither of the two statuses.
    #[error("`{0}` is not a status for unknown ids, expected `400` or `404`")]
    Status(String),
    /// The word before `=` names no kind.
    #[error("unknown kind `{0}`")]
    Kind(String),
}

impl FromStr for NotFound {
    type Err = ParseNotFoundError;

    fn from_str(text: &str) -> Result<Self, ParseNotFoundError> {
        let status = |word: &str| match word.trim() {
            "400" => Ok(NotFoundStatus::BadRequest),
            "404" => Ok(NotFoundStatus::NotFound),
            other => Err(ParseNotFoundError::Status(other.to_owned())),
        };
        let mut parsed = Self::default();
        for entry in text.split(',') {
            if let Some((kind, word)) = entry.split_once('=') {
                let kind = kind.parse::<Kind>().map_err(|e| ParseNotFoundError::Kind(e.0))?;
                parsed.kinds.insert(kind, status(word)?);
            } else {
                parsed.default = status(entry)?;
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_never_shown() {
        let key: ApiKey = "id:canary".parse().unwrap();
        assert_eq!((key.id.as_str(), key.secret.expose(), key.access), ("id", "canary", Access::Modify));
        assert!(!format!("{key:?}").contains("canary"));
        assert_eq!("id:canary:read".parse::<ApiKey>().unwrap().access, Access::Read);
        assert_eq!(Config::default().keys, [Config::DEFAULT_KEY.parse().unwrap()]);
    }

    #[test]
    fn bad_keys_are_named_without_their_text() {
        let error = |text: &str| text.parse::<ApiKey>().unwrap_err();
        assert_eq!(error("canary"), ParseKeyError::Form);
        assert_eq!(error("a:canary:read:x"), ParseKeyError::Form);
        assert_eq!(error(":canary"), ParseKeyError::EmptyId);
        assert_eq!(error("canary:"), ParseKeyError::EmptySecret);
        assert_eq!(error("a:canary:write"), ParseKeyError::Permission);
        assert_eq!(error("a:canary:"), ParseKeyError::Permission);
    }

    #[test]
    fn unknown_ids_are_answered_kind_by_kind() {
        let policy: NotFound = "404,dns-records=400".parse().unwrap();
        assert_eq!(policy.status(Kind::Network), 404);
        assert_eq!(policy.status(Kind::DnsRecord), 400);
        assert_eq!(NotFound::default().status(Kind::Host), 400);
        assert_eq!("410".parse::<NotFound>(), Err(ParseNotFoundError::Status("410".into())));
        assert_eq!("lamp=404".parse::<NotFound>(), Err(ParseNotFoundError::Kind("lamp".into())));
    }
}
