//! What a rejected joint create left behind: one look at the list of its kind for all that wait for it.

use crate::{
    catalog,
    plan::Operation,
    read::pages::{Element, PageId, Pages},
};
use connexa_types::{Call, CallBody, Kind, Rejection};
use serde_json::Value;

/// A look at the list of one kind.
#[derive(Debug)]
pub(super) struct LookUp {
    pub(super) pages: Pages,
    /// The operations whose parents are looked for. They were rejected before the look began.
    pub(super) operations: Vec<(usize, Rejection)>,
    /// Rejected after the look began: they need one of their own, right after it.
    pub(super) next: Vec<(usize, Rejection)>,
    /// Whether its first call is on its way.
    pub(super) begun: bool,
}

impl LookUp {
    /// A look for one operation, others may join; `None` for a kind whose list is not known.
    pub(super) fn new(kind: Kind, operation: usize, rejection: Rejection) -> Option<Self> {
        let list = catalog::is_planned(kind).then(|| catalog::definition(kind).list)?;
        let operations = vec![(operation, rejection)];
        Some(Self { pages: Pages::new(list), operations, next: Vec::new(), begun: false })
    }

    /// Adds an operation: to this look if it has not begun.
    pub(super) fn join(&mut self, operation: usize, rejection: Rejection) {
        if self.begun {
            self.next.push((operation, rejection));
        } else {
            self.operations.push((operation, rejection));
        }
    }

    /// The calls to make now.
    pub(super) fn calls(&mut self) -> Vec<(PageId, Call)> {
        std::iter::from_fn(|| self.pages.next_call()).collect()
    }
}

/// The ids of the objects of a list that have the key of the object that a call was to create.
pub(super) fn found(operation: &Operation, call: &Call, elements: &[Element]) -> Vec<String> {
    let definition = catalog::definition(operation.kind);
    let field = definition.key_field();
    let canonical = |object: &Value, place: &str| {
        object.get(place).and_then(Value::as_str).map(|text| definition.key.canonical(text))
    };
    let Some(CallBody::Json(body)) = &call.body else { return Vec::new() };
    let Some(key) = canonical(body, field.request) else { return Vec::new() };
    elements
        .iter()
        .filter(|(object, _)| canonical(object, field.response).as_ref() == Some(&key))
        .map(|(object, _)| object.get("id").and_then(Value::as_str).unwrap_or("without id").to_owned())
        .collect()
}
