//! A call: one HTTP request to the API, as a value that can be stored.

use crate::{
    endpoint::{Endpoint, Method},
    pointer::JsonPointer,
    secret::SecretRef,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// The rate-limit class of a call (API section 2.3): GET is read, every other verb is update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// GET.
    Read,
    /// All other verbs, also those that only read.
    Update,
}

impl Class {
    /// Both classes.
    pub const ALL: [Self; 2] = [Self::Read, Self::Update];

    /// `read` or `update`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Update => "update",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The body of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallBody {
    /// `application/json`. Holes for secrets hold null until they are sent.
    Json(Value),
    /// `text/plain` (string settings, API section 5.20).
    Text(String),
}

/// One HTTP request to the API. It holds no secret value, only references, so that it can be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Which operation of the API.
    pub endpoint: Endpoint,
    /// Values of the path's parameters, in the order of the template; unescaped, never empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path_args: Vec<String>,
    /// Query parameters, unescaped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, String)>,
    /// The body, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<CallBody>,
    /// Places of the JSON body that a secret fills just before sending.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<JsonPointer, SecretRef>,
}

impl Call {
    /// A call without parameters or body.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, path_args: Vec::new(), query: Vec::new(), body: None, secrets: BTreeMap::new() }
    }

    /// Adds the next path parameter.
    #[must_use]
    pub fn arg(mut self, value: impl Into<String>) -> Self {
        self.path_args.push(value.into());
        self
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(CallBody::Json(body));
        self
    }

    /// Sets a text body.
    #[must_use]
    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.body = Some(CallBody::Text(body.into()));
        self
    }

    /// The call's HTTP method.
    pub fn method(&self) -> Method {
        self.endpoint.info().method
    }

    /// The call's rate-limit class.
    pub fn class(&self) -> Class {
        self.endpoint.class()
    }

    /// Whether the call can change the tenant (every class-update call is taken to).
    pub fn mutates(&self) -> bool {
        self.class() == Class::Update
    }
}
