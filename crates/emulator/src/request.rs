//! A request that found its operation: parameters of path and query, body, and the answer it can get.

use crate::{
    config::Config,
    refusal::{Code, Complaints, Refusal},
};
use connexa_types::{Endpoint, Now};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// A request on its way to the operation that it names.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The operation.
    pub(crate) endpoint: Endpoint,
    /// Parameters of the path, decoded, in order.
    pub(crate) parameters: Vec<String>,
    /// Parameters of the query.
    pub(crate) query: Query,
    /// The body, whatever it is.
    pub(crate) body: &'a [u8],
    /// When it came.
    pub(crate) now: Now,
    /// What the emulator was told at its start.
    pub(crate) config: &'a Config,
}

impl Request<'_> {
    /// The id in the path; empty, and so unknown, for an operation without one.
    pub(crate) fn id(&self) -> &str {
        self.parameters.first().map_or("", String::as_str)
    }

    /// Refuses with every required query parameter that is absent or empty (row 59).
    pub(crate) fn require_query(&self) -> Result<(), Refusal> {
        let mut complaints = Complaints::default();
        for parameter in self.endpoint.info().query.iter().filter(|p| p.required) {
            if self.query.get(parameter.name).is_none() {
                complaints.missing(parameter.name);
            }
        }
        complaints.into_result()
    }

    /// The body as any JSON value.
    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(self.body)
            .map_err(|_| Refusal::one("body", Code::Format, "The request body is not valid JSON"))
    }

    /// The body as a JSON object.
    pub(crate) fn json_object(&self) -> Result<Map<String, Value>, Refusal> {
        match self.json()? {
            Value::Object(map) => Ok(map),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Refusal::one("body", Code::Format, "The request body is not a JSON object"))
            }
        }
    }

    /// Page and size of an ordinary list: 0 and up, 1 to 1000, 10 by default (API section 4.1).
    pub(crate) fn page(&self) -> Result<PageRequest, Refusal> {
        self.page_between(10, 1, 1000)
    }

    /// Page and size of a list with bounds of its own.
    pub(crate) fn page_between(&self, default: u32, min: u32, max: u32) -> Result<PageRequest, Refusal> {
        let mut complaints = Complaints::default();
        let page = self.query.integer("page", 0, 0, i32::MAX.unsigned_abs(), &mut complaints);
        let size = self.query.integer("size", default, min, max, &mut complaints);
        complaints.into_result()?;
        Ok(PageRequest { page, size })
    }
}

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRequest {
    /// Number of the page, from 0.
    pub(crate) page: u32,
    /// Objects on a page.
    pub(crate) size: u32,
}

impl PageRequest {
    /// How many objects come before the page.
    pub(crate) fn offset(self) -> usize {
        let offset = u64::from(self.page) * u64::from(self.size);
        usize::try_from(offset).unwrap_or(usize::MAX)
    }

    /// How many objects the page has room for.
    pub(crate) fn limit(self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }
}

/// Parameters of a query string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=1&b=2`, percent-decoded, with `+` for a space. Never fails: what is no pair has an empty value.
    pub(crate) fn parse(text: &str) -> Self {
        let decode =
            |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    /// The value of a parameter. An empty one counts as absent (row 59); of several, the first counts.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// The names of all parameters, as sent.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The same parameters, one of them with another value.
    pub(crate) fn with(&self, name: &str, value: String) -> Self {
        let others = self.0.iter().filter(|(n, _)| n != name).cloned();
        Self(others.chain([(name.to_owned(), value)]).collect())
    }

    /// An integer parameter within bounds; what is none is complained about and read as the default.
    pub(crate) fn integer(
        &self,
        name: &str,
        default: u32,
        min: u32,
        max: u32,
        complaints: &mut Complaints,
    ) -> u32 {
        let Some(text) = self.get(name) else { return default };
        match text.parse::<u32>() {
            Ok(number) if (min..=max).contains(&number) => number,
            Ok(_) | Err(_) => {
                let expected = if max == i32::MAX.unsigned_abs() {
                    format!("Must be an integer of at least {min}")
                } else {
                    format!("Must be an integer from {min} to {max}")
                };
                complaints.add(name, Code::Format, expected);
                default
            }
        }
    }

    /// An enum parameter; `None` if absent.
    pub(crate) fn word(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match words.iter().find(|w| **w == text) {
            Some(word) => Ok(Some(word)),
            None => Err(Refusal::one(name, Code::Enum, format!("Must be one of {}", words.join(", ")))),
        }
    }
}

/// What an operation answers; the status is the one of the table of operations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// No body.
    Empty,
    /// JSON.
    Json(Value),
    /// Raw text.
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_as_forms_write_them() {
        let query = Query::parse("a=1&b=x%20y+z&a=2&c&&d=");
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.get("b"), Some("x y z"));
        for absent in ["c", "d", "e", ""] {
            assert_eq!(query.get(absent), None);
        }
    }

    #[test]
    fn integers_out_of_bounds_are_complaints() {
        for (text, ok) in
            [("0", false), ("1", true), ("1000", true), ("1001", false), ("-1", false), ("x", false)]
        {
            let mut complaints = Complaints::default();
            Query::parse(&format!("size={text}")).integer("size", 10, 1, 1000, &mut complaints);
            assert_eq!(complaints.into_result().is_ok(), ok, "{text}");
        }
    }
}
