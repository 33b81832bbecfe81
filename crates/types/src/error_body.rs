//! The error body of 400 and 500 answers (API section 3.2).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `ErrorResponse`: one entry of `error_details` per rejected field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorResponse {
    /// Field or property name → what is wrong with it, in the order of the answer.
    #[serde(deserialize_with = "lenient_details", serialize_with = "details_as_object")]
    pub error_details: Vec<(String, Vec<ErrorDetail>)>,
    /// Overall text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Reason phrase, such as `Bad Request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_error: Option<String>,
}

/// `ErrorDetails`: one complaint about one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorDetail {
    /// Three numbers joined by hyphens, such as `0-10-25`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text; may hold placeholders such as `{min}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Values for the placeholders; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Map<String, Value>>,
}

impl ErrorDetail {
    /// The message with its placeholders filled from `params`; a placeholder without a value stays as it is.
    pub fn text(&self) -> String {
        let mut text = self.message.clone().unwrap_or_default();
        for (name, value) in self.params.iter().flatten() {
            let value = match value {
                Value::String(s) => s.clone(),
                other => other.to_string(),
            };
            text = text.replace(&format!("{{{name}}}"), &value);
        }
        text
    }
}

impl ErrorResponse {
    /// Reads an error body; `None` where the text is not a JSON object with at least one of the three fields.
    ///
    /// Never fails on a body of odd shape: a part that does not fit is left out.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let map = value.as_object()?;
        if !["errorDetails", "errorMessage", "statusError"].iter().any(|k| map.contains_key(*k)) {
            return None;
        }
        let text = |k: &str| map.get(k).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            error_details: map.get("errorDetails").map(details).unwrap_or_default(),
            error_message: text("errorMessage"),
            status_error: text("statusError"),
        })
    }
}

fn details(value: &Value) -> Vec<(String, Vec<ErrorDetail>)> {
    let Some(map) = value.as_object() else { return Vec::new() };
    map.iter()
        .map(|(field, list)| {
            let one = |v: &Value| ErrorDetail {
                error_code: v.get("errorCode").and_then(Value::as_str).map(str::to_owned),
                message: v.get("message").and_then(Value::as_str).map(str::to_owned),
                params: v.get("params").and_then(Value::as_object).cloned(),
            };
            let list = match list {
                Value::Array(items) => items.iter().map(one).collect(),
                other => vec![one(other)],
            };
            (field.clone(), list)
        })
        .collect()
}

/// Writes the details in the form of the wire, so that what was read is an error body again.
fn details_as_object<S: serde::Serializer>(
    details: &[(String, Vec<ErrorDetail>)],
    s: S,
) -> Result<S::Ok, S::Error> {
    s.collect_map(details.iter().map(|(field, list)| (field, list)))
}

fn lenient_details<'de, D: serde::Deserializer<'de>>(
    d: D,
) -> Result<Vec<(String, Vec<ErrorDetail>)>, D::Error> {
    Ok(details(&Value::deserialize(d)?))
}
