//! Rules and faults as they are written.

use super::pattern::Pattern;
use connexa_types::Method;
use http::StatusCode;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        self, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::{Map, Value};
use std::{fmt, marker::PhantomData};

/// A document of rules: what `--faults` reads and the control takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultDocument {
    /// Where chance starts from; without it, from the emulator's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The rules, first come, first served.
    #[serde(default)]
    pub rules: Vec<FaultRule>,
}

impl FaultDocument {
    /// Reads JSON, a document or a bare list of rules; an error names line and column.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        // Some editors put a byte order mark there.
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_start().starts_with('[') {
            return Ok(Self { seed: None, rules: serde_json::from_str(text)? });
        }
        serde_json::from_str(text)
    }
}

/// Which requests meet which fault. What is left out matches everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenRule")]
pub struct FaultRule {
    /// A name to tell it by in what the control lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Methods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub method: Vec<Method>,
    /// A path below `/api/v1`: as sent, as the template of an operation, or with `*` and `**`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Pattern>,
    /// The client id of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it fires.
    #[serde(flatten)]
    pub when: When,
    /// How often it fires at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens.
    pub fault: Fault,
}

/// Which of the matching requests a rule fires for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// These, counted from 1.
    Nth(Vec<u64>),
    /// Every so many.
    Every(u64),
    /// By chance.
    Probability(f64),
}

impl When {
    /// All of them.
    pub const ALWAYS: Self = Self::Every(1);
}

/// A rule before its parts are looked at together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    name: Option<String>,
    #[serde(default)]
    method: OneOrMany<Method>,
    path: Option<Pattern>,
    key: Option<String>,
    #[serde(default)]
    nth: OneOrMany<u64>,
    every: Option<u64>,
    probability: Option<f64>,
    times: Option<u64>,
    fault: Fault,
}

/// A value, or a list of values.
struct OneOrMany<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not an untagged enum, whose error would not say what is wrong with the value.
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of values")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<OneOrMany<T>, E> {
                T::deserialize(number.into_deserializer()).map(|one| OneOrMany(vec![one]))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
                T::deserialize(text.into_deserializer()).map(|one| OneOrMany(vec![one]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMany<T>, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMany)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> From<OneOrMany<T>> for Vec<T> {
    fn from(value: OneOrMany<T>) -> Self {
        value.0
    }
}

impl TryFrom<WrittenRule> for FaultRule {
    type Error = String;

    fn try_from(written: WrittenRule) -> Result<Self, String> {
        let nth: Vec<u64> = written.nth.into();
        if nth.contains(&0) {
            return Err("`nth` counts from 1".to_owned());
        }
        let when = match (nth.is_empty(), written.every, written.probability) {
            (true, None, None) => When::ALWAYS,
            (false, None, None) => When::Nth(nth),
            (true, Some(0), None) => return Err("`every` is at least 1".to_owned()),
            (true, Some(every), None) => When::Every(every),
            (true, None, Some(p)) if (0.0..=1.0).contains(&p) => When::Probability(p),
            (true, None, Some(p)) => return Err(format!("`probability` is {p}, expected 0 to 1")),
            _ => return Err("only one of `nth`, `every` and `probability` can be given".to_owned()),
        };
        written.fault.check()?;
        Ok(Self {
            name: written.name,
            method: written.method.into(),
            path: written.path,
            key: written.key,
            when,
            times: written.times,
            fault: written.fault,
        })
    }
}

/// Before or after the operation took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Commit {
    /// Nothing has happened.
    Before,
    /// It has.
    After,
}

/// The body of an error of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorBody {
    /// An `ErrorResponse` (API section 3.2).
    #[default]
    Json,
    /// A page of some proxy.
    Html,
    /// None.
    Empty,
}

/// What the sender of a call that takes effect later sees now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LateAnswer {
    /// A reset.
    #[default]
    Reset,
    /// Nothing.
    Stall,
    /// An error with the `status` and `body` of the fault.
    Error,
}

/// How JSON is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrokenJson {
    /// The first half of it, as a whole body.
    #[default]
    Cut,
    /// No JSON at all.
    Garbage,
    /// A page of HTML.
    Html,
    /// Valid JSON of another type: a list with the answer in it.
    WrongType,
}

/// Which of two answers the sender sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhichAnswer {
    /// That of the first execution.
    #[default]
    First,
    /// That of the second.
    Second,
}

/// How a list moves between two of its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shift {
    /// An object came in before this page: the last one of the page before is seen again.
    Appear,
    /// An object before this page has gone: the first one of this page is never seen.
    Vanish,
}

/// What stands in the four headers of the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateHeaders {
    /// They are left out.
    Absent,
    /// No numbers.
    Garbage,
    /// 0.
    Zero,
    /// More than fits into 64 bits.
    Huge,
    /// Below 0.
    Negative,
}

/// What is answered to a joint create that was applied in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartialAnswer {
    /// 400, which names the children that are missing.
    Rejected,
    /// The status of success, and the object without them.
    Created,
    /// Nothing: a reset.
    Lost,
}

/// How `errorDetails` name nested fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DetailsForm {
    /// `routes[1].value`.
    #[default]
    Indexed,
    /// `routes.value`.
    WithoutIndexes,
    /// Not at all: `errorDetails` is empty.
    Absent,
}

/// Which children of a joint create are missing.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingChildren {
    /// One of them, by chance.
    #[default]
    One,
    /// Each by chance, at least one.
    Random,
    /// All of them.
    All,
    /// These, such as `routes[1]`.
    #[serde(untagged)]
    These(Vec<String>),
}

/// A fault: one name, and its settings in braces (`"reset"` alone is short for `{"reset": {}}`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, remote = "Self")]
pub enum Fault {
    /// The connection is reset.
    Reset {
        /// Before or after the operation.
        commit: Commit,
    },
    /// The sender loses its answer now, and the operation takes effect later.
    LateCommit {
        /// How much later.
        after_ms: u64,
        /// What the sender sees now.
        #[serde(default)]
        answer: LateAnswer,
        /// The status with `answer: error`.
        #[serde(default = "Status::gateway_timeout")]
        status: Status,
        /// The body with `answer: error`.
        #[serde(default)]
        body: ErrorBody,
    },
    /// A 5xx (or whatever status is given).
    Error {
        /// The status.
        #[serde(default = "Status::internal_server_error")]
        status: Status,
        /// The body.
        #[serde(default)]
        body: ErrorBody,
        /// Before or after the operation.
        commit: Commit,
    },
    /// No answer, on a connection that stays open.
    Stall {
        /// Before or after the operation.
        commit: Commit,
    },
    /// The answer is slow.
    Slow {
        /// How long nothing comes.
        #[serde(default)]
        delay_ms: u64,
        /// The pause before each piece of the body; 0 sends it whole.
        #[serde(default)]
        trickle_ms: u64,
        /// Bytes in a piece.
        #[serde(default = "one_byte")]
        trickle_bytes: usize,
    },
    /// The connection breaks in the middle of the body.
    Truncated {
        /// How much of the body is sent; half of it if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<usize>,
    },
    /// The body comes whole, and is no JSON that was promised.
    InvalidJson {
        /// How it is broken.
        #[serde(default)]
        form: BrokenJson,
    },
    /// The body is larger than anybody wants.
    Oversized {
        /// How large.
        #[serde(default = "eleven_mebibytes")]
        bytes: usize,
    },
    /// 429, although tokens are there.
    Throttle {
        /// Whether the quota is told in the headers.
        #[serde(default = "yes")]
        headers: bool,
        /// `Retry-After`, as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
        /// Whether the operation took effect all the same.
        #[serde(default)]
        applied: bool,
    },
    /// The token of the request ends now: 401, and so on until there is a new one.
    TokenExpiry {},
    /// 401, although the token lives on.
    Unauthorized {
        /// Whether the operation took effect all the same.
        #[serde(default)]
        applied: bool,
    },
    /// 403.
    Forbidden {},
    /// A redirect.
    Redirect {
        /// The status.
        #[serde(default = "Status::found")]
        status: Status,
        /// Where to.
        location: String,
    },
    /// What the call changes is seen by reads only later.
    ReadLag {
        /// How much later.
        for_ms: u64,
    },
    /// The operation is executed twice, as when a proxy sends it again.
    Duplicate {
        /// Which answer the sender sees.
        #[serde(default)]
        answer: WhichAnswer,
    },
    /// A list has moved since its last page. Only pages after the first are met.
    PageShift {
        /// How.
        change: Shift,
    },
    /// The headers of the quota are not what they should be.
    RateHeaders {
        /// What stands there.
        value: RateHeaders,
    },
    /// A network, host or user is created without some of the children that came with it.
    Partial {
        /// What is answered.
        answer: PartialAnswer,
        /// Which children are missing.
        #[serde(default)]
        missing: MissingChildren,
        /// How a rejection names them.
        #[serde(default)]
        details: DetailsForm,
    },
    /// A rejection names its fields in another form.
    ErrorDetails {
        /// The form.
        form: DetailsForm,
    },
    /// The service keeps other values than those sent.
    Normalise {
        /// Names, usernames, addresses and domains in lower case.
        #[serde(default)]
        case: bool,
        /// Texts without space around them.
        #[serde(default)]
        trim: bool,
        /// Subnets in canonical form: host bits cleared, IPv6 shortened.
        #[serde(default)]
        cidr: bool,
        /// Lists sorted.
        #[serde(default)]
        order: bool,
    },
}

/// A status of HTTP, from 300 to 599: the others are no failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub StatusCode);

impl Serialize for Status {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.0.as_u16())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u16::deserialize(deserializer)?;
        let status = StatusCode::from_u16(number).ok().filter(|_| (300..600).contains(&number));
        status.map(Self).ok_or_else(|| de::Error::custom(format!("`{number}` is no status from 300 to 599")))
    }
}

impl Status {
    const fn gateway_timeout() -> Self {
        Self(StatusCode::GATEWAY_TIMEOUT)
    }
    const fn internal_server_error() -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR)
    }
    const fn found() -> Self {
        Self(StatusCode::FOUND)
    }
}

const fn one_byte() -> usize {
    1
}

const fn yes() -> bool {
    true
}

/// More than the 10 MiB that a careful client reads.
const fn eleven_mebibytes() -> usize {
    11 << 20
}

/// The most bytes of an oversized body.
const OVERSIZED_AT_MOST: usize = 256 << 20;

impl Fault {
    /// Refuses settings that make no sense together.
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Oversized { bytes } if *bytes > OVERSIZED_AT_MOST => {
                Err(format!("`bytes` is {bytes}, expected at most {OVERSIZED_AT_MOST}"))
            }
            Self::Error { status, .. } | Self::LateCommit { status, .. } if status.0.is_redirection() => {
                Err(format!("`status` of an error is {}, expected 400 to 599", status.0.as_u16()))
            }
            Self::Slow { trickle_bytes: 0, .. } => Err("`trickle_bytes` is at least 1".to_owned()),
            Self::Redirect { location, .. } if http::HeaderValue::from_str(location).is_err() => {
                Err("`location` cannot stand in a header".to_owned())
            }
            Self::Throttle { retry_after: Some(text), .. } if http::HeaderValue::from_str(text).is_err() => {
                Err("`retry_after` cannot stand in a header".to_owned())
            }
            Self::Redirect { status, .. } if !status.0.is_redirection() => {
                Err(format!("`status` of a redirect is {}, expected 300 to 399", status.0.as_u16()))
            }
            Self::Normalise { case: false, trim: false, cidr: false, order: false } => {
                Err("`normalise` needs one of `case`, `trim`, `cidr` and `order`".to_owned())
            }
            Self::Partial { missing: MissingChildren::These(these), .. } => {
                match these.iter().find(|child| super::partial::place(child).is_none()) {
                    Some(child) => Err(format!("`{child}` names no child, expected a form like `routes[0]`")),
                    None if these.is_empty() => Err("`missing` names no child".to_owned()),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrMap;
        impl<'de> Visitor<'de> for NameOrMap {
            type Value = Fault;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a fault, or a name with settings such as {\"reset\": {\"commit\": \"after\"}}")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Fault, E> {
                let map = Map::from_iter([(name.to_owned(), Value::Object(Map::new()))]);
                Fault::deserialize(Value::Object(map)).map_err(E::custom)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fault, A::Error> {
                // The inherent function, which the derive made.
                Fault::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(NameOrMap)
    }
}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The inherent function, which the derive made.
        Self::serialize(self, serializer)
    }
}

impl Fault {
    /// The word for it in the ledger and in the statistics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Reset { commit: Commit::Before } => "reset-before-commit",
            Self::Reset { commit: Commit::After } => "reset-after-commit",
            Self::LateCommit { .. } => "late-commit",
            Self::Error { commit: Commit::Before, .. } => "error-before-commit",
            Self::Error { commit: Commit::After, .. } => "error-after-commit",
            Self::Stall { commit: Commit::Before } => "stall-before-commit",
            Self::Stall { commit: Commit::After } => "stall-after-commit",
            Self::Slow { .. } => "slow",
            Self::Truncated { .. } => "truncated",
            Self::InvalidJson { .. } => "invalid-json",
            Self::Oversized { .. } => "oversized",
            Self::Throttle { applied: false, .. } => "throttle",
            Self::Throttle { applied: true, .. } => "throttle-applied",
            Self::TokenExpiry {} => "token-expiry",
            Self::Unauthorized { applied: false } => "unauthorized",
            Self::Unauthorized { applied: true } => "unauthorized-applied",
            Self::Forbidden {} => "forbidden",
            Self::Redirect { .. } => "redirect",
            Self::ReadLag { .. } => "read-lag",
            Self::Duplicate { .. } => "duplicate",
            Self::PageShift { change: Shift::Appear } => "page-shift-appear",
            Self::PageShift { change: Shift::Vanish } => "page-shift-vanish",
            Self::RateHeaders { .. } => "rate-headers",
            Self::Partial { answer: PartialAnswer::Rejected, .. } => "partial-rejected",
            Self::Partial { answer: PartialAnswer::Created, .. } => "partial-created",
            Self::Partial { answer: PartialAnswer::Lost, .. } => "partial-lost",
            Self::ErrorDetails { .. } => "error-details",
            Self::Normalise { .. } => "normalise",
        }
    }
}
