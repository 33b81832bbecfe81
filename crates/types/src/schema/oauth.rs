//! Answers that are credentials (API sections 1.3, 6.1, 6.25).
//!
//! What such an answer holds beyond the known fields may be a secret too, so it is kept as one.

use crate::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;
use std::collections::BTreeMap;

/// `OAuthResponse`: a token and how long it lasts (API section 1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthResponse {
    /// The token; opaque.
    pub access_token: Secret,
    /// `bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// Lifetime in seconds, such as 43199.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i32>,
    /// Such as `read write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Fields that this version does not know; secret, since a `refresh_token` would be among them.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, SecretJson>,
}

/// `AuthCredentials`: the API key of a new Cloud ID (API section 6.25).
///
/// The reference has not seen its fields; client id and client secret are assumed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthCredentials {
    /// Client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Client secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// Fields that this version does not know; secret, since the secret may be among them under another name.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, SecretJson>,
}

/// A JSON value of any type that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretJson(Secret);

impl SecretJson {
    /// Shows the JSON text of the value.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl<'de> Deserialize<'de> for SecretJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        serde_json::to_string(&value).map(|text| Self(Secret::new(text))).map_err(de::Error::custom)
    }
}

impl Serialize for SecretJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The secret itself decides whether it may be written here.
        serde_json::to_value(&self.0).map_err(ser::Error::custom)?;
        serde_json::from_str::<Value>(self.expose()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_of_credentials_are_secret_and_survive() {
        let answer =
            r#"{"accessKey":"canary","clientId":"a","clientSecret":"canary","limits":[1,{"n":null}]}"#;
        let read: AuthCredentials = serde_json::from_str(answer).unwrap();
        assert!(!format!("{read:?}").contains("canary"));
        let error =
            serde_json::to_string(&AuthCredentials { client_secret: None, ..read.clone() }).unwrap_err();
        assert!(!error.to_string().contains("canary"));
        let written: Value = serde_json::from_slice(&crate::body::write(&read).unwrap()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(answer).unwrap());
    }
}
