//! How a typed call is put together and its answer taken apart; the rows of the table are made of these.

use super::{CursorRequest, PageRequest};
use crate::typed::{Decode, TypedCall};
use connexa_types::{Call, Endpoint, SecretValues};
use serde::Serialize;
use std::fmt::Display;

/// A typed call in the making.
pub(super) struct Builder {
    call: Call,
    secrets: SecretValues,
}

/// The roles that an argument of a row can have.
impl Builder {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self { call: Call::new(endpoint), secrets: SecretValues::none() }
    }

    /// A parameter of the path.
    pub(super) fn path(mut self, id: impl AsRef<str>) -> Self {
        self.call = self.call.arg(id.as_ref());
        self
    }

    /// A required parameter of the query.
    pub(super) fn query(mut self, name: &str, value: impl Display) -> Self {
        self.call = self.call.query(name, value);
        self
    }

    /// An optional parameter of the query.
    pub(super) fn optional(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// The page of a list.
    pub(super) fn page(self, page: PageRequest) -> Self {
        self.query("page", page.page).query("size", page.size)
    }

    /// The stretch of a log.
    pub(super) fn cursor(self, cursor: CursorRequest<'_>) -> Self {
        self.query("size", cursor.size).optional("cursor", cursor.cursor)
    }

    /// A JSON body, secrets apart.
    pub(super) fn body(mut self, value: impl Serialize) -> Self {
        let (call, secrets) = crate::typed::with_body(self.call, &value);
        self.call = call;
        self.secrets = secrets;
        self
    }

    /// A text body.
    pub(super) fn text(mut self, value: impl Display) -> Self {
        self.call = self.call.text(value.to_string());
        self
    }

    /// Says how the answer is read.
    pub(super) fn answer<T>(self, decode: Decode<T>) -> TypedCall<T> {
        TypedCall::new(self.call, self.secrets, decode)
    }
}
