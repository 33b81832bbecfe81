//! Typed calls: a call together with the type of its answer.

use crate::client::Client;
use connexa_types::{
    Answer, AnswerBody, Attempt, Call, Endpoint, JsonPointer, Outcome, SecretRef, SecretSource, SecretValue,
    SecretValues, body, secret::SECRET_FIELDS,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt, sync::Arc, time::Duration};

/// A call that answers with a `T`. The functions of [`api`](crate::api) make it.
///
/// The call itself holds no secret: those of the request are in `secrets`, and references to them in the
/// call.
pub struct TypedCall<T> {
    /// The call.
    pub call: Call,
    /// The secrets of its body.
    pub secrets: SecretValues,
    decode: Decode<T>,
}

/// Reads an answer and the attempt's product.
pub(crate) type Decode<T> = fn(&Answer, Option<&SecretValue>) -> Result<T, Misfit>;

/// What does not fit.
pub(crate) struct Misfit(String);

/// An answer that was applied, but does not fit the type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer to `{endpoint}` does not fit: {reason}")]
pub struct DecodeError {
    /// The operation.
    pub endpoint: Endpoint,
    /// What was found, and what was expected; of a secret, only the latter.
    pub reason: String,
}

/// An attempt at a typed call.
#[derive(Clone, Debug)]
pub struct TypedAttempt<T> {
    /// The attempt.
    pub attempt: Attempt,
    /// The answer, if the outcome is [`Outcome::Applied`].
    pub answer: Option<Result<T, DecodeError>>,
}

impl<T> TypedCall<T> {
    pub(crate) fn new(call: Call, secrets: SecretValues, decode: Decode<T>) -> Self {
        Self { call, secrets, decode }
    }

    /// Reads what the call answered with; `product` is that of the attempt.
    pub fn decode(&self, answer: &Answer, product: Option<&SecretValue>) -> Result<T, DecodeError> {
        let endpoint = self.call.endpoint;
        (self.decode)(answer, product).map_err(|Misfit(reason)| DecodeError { endpoint, reason })
    }
}

impl<T> Clone for TypedCall<T> {
    fn clone(&self) -> Self {
        Self { call: self.call.clone(), secrets: self.secrets.clone(), decode: self.decode }
    }
}

impl<T> fmt::Debug for TypedCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedCall").field("call", &self.call).finish_non_exhaustive()
    }
}

impl Client {
    /// Makes one attempt at a typed call and reads its answer.
    pub async fn execute<T>(&self, typed: &TypedCall<T>, limit: Duration) -> TypedAttempt<T> {
        let attempt = self.attempt(&typed.call, &typed.secrets, limit).await;
        let answer = match &attempt.outcome {
            Outcome::Applied(answer) => Some(typed.decode(answer, attempt.product.as_ref())),
            _ => None,
        };
        TypedAttempt { attempt, answer }
    }
}

/// The ways of reading an answer, one for each shape of it.
pub(crate) mod decode {
    use super::{Answer, AnswerBody, DeserializeOwned, Misfit, SecretValue, Value};

    /// JSON; no body is read as null, so that it is `None` where the type allows it.
    pub(crate) fn json<T: DeserializeOwned>(answer: &Answer, _: Option<&SecretValue>) -> Result<T, Misfit> {
        let read = match &answer.body {
            AnswerBody::Json(value) => T::deserialize(value),
            AnswerBody::Empty => T::deserialize(&Value::Null),
            AnswerBody::Text(_) => return Err(Misfit("a text where JSON was due".to_owned())),
        };
        read.map_err(|error| Misfit(error.to_string()))
    }

    /// Nothing to look at.
    #[expect(clippy::unnecessary_wraps, reason = "one signature for all shapes")]
    pub(crate) fn empty<T: From<()>>(_: &Answer, _: Option<&SecretValue>) -> Result<T, Misfit> {
        Ok(().into())
    }

    /// Raw text.
    pub(crate) fn text<T: for<'a> From<&'a str>>(
        answer: &Answer,
        _: Option<&SecretValue>,
    ) -> Result<T, Misfit> {
        match &answer.body {
            AnswerBody::Text(text) => Ok(text.as_str().into()),
            AnswerBody::Empty => Ok("".into()),
            AnswerBody::Json(_) => Err(Misfit("JSON where a text was due".to_owned())),
        }
    }

    /// A text that is a secret.
    pub(crate) fn secret<T: From<SecretValue>>(
        _: &Answer,
        product: Option<&SecretValue>,
    ) -> Result<T, Misfit> {
        product.map(|text| text.clone().into()).ok_or_else(|| Misfit("no text".to_owned()))
    }

    /// JSON that holds credentials.
    pub(crate) fn secret_json<T: DeserializeOwned>(
        _: &Answer,
        product: Option<&SecretValue>,
    ) -> Result<T, Misfit> {
        // serde's own words would repeat what was found, which may be a secret.
        let read = product.and_then(|text| serde_json::from_str(text.expose()).ok());
        read.ok_or_else(|| Misfit("expected credentials".to_owned()))
    }
}

/// Gives `call` a JSON body. Its secrets are kept apart: the call holds null and a reference in their places.
pub(crate) fn with_body(call: Call, value: &(impl Serialize + ?Sized)) -> (Call, SecretValues) {
    let mut json = body::to_value(value).expect("wire schemas have only texts as keys");
    let mut secrets = SecretValues::none();
    let mut call = call;
    part(&mut json, &JsonPointer::default(), &mut secrets, &mut call);
    (call.json(json), secrets)
}

/// Takes the secrets out of `json` at `place`.
fn part(json: &mut Value, place: &JsonPointer, secrets: &mut SecretValues, call: &mut Call) {
    match json {
        Value::Object(map) => {
            for (name, value) in map {
                let place = place.child(name);
                let secret = SECRET_FIELDS.iter().find(|(field, _)| field == name);
                match (secret, &mut *value) {
                    (Some((_, field)), Value::String(text)) => {
                        let text = Arc::new(SecretValue::new(std::mem::take(text)));
                        *value = Value::Null;
                        let reference = SecretRef {
                            field: (*field).to_owned(),
                            source: SecretSource::Inline,
                            hash: None,
                        };
                        call.secrets.insert(place.clone(), reference);
                        secrets.0.insert(place, text);
                    }
                    (_, value) => part(value, &place, secrets, call),
                }
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter_mut().enumerate() {
                part(value, &place.child(index), secrets, call);
            }
        }
        _ => {}
    }
}
