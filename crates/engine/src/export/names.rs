//! How a reference is written: by key, or by id where the key does not say which object is meant (spec section 9).

use crate::{
    current::{CurrentState, Live},
    key::is_uuid,
};
use connexa_types::Kind;
use serde_json::{Value, json};

/// Names of live objects.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    current: &'a CurrentState,
}

impl<'a> Names<'a> {
    pub(super) const fn new(current: &'a CurrentState) -> Self {
        Self { current }
    }

    /// A reference to an object of a kind.
    pub(super) fn reference(self, kind: Kind, id: &str) -> Value {
        self.live(kind, id)
            .filter(|live| is_unique(self.current, live))
            .map_or_else(|| by_id(id), |live| by_name(&live.key.own.text))
    }

    /// The object with an id, if it is known.
    pub(super) fn live(self, kind: Kind, id: &str) -> Option<&'a Live> {
        self.current.kind(kind)?.by_id(id)
    }
}

/// Whether an object's key means it and no other live object. Not so for a child whose parent has a namesake with an equal
/// child.
pub(super) fn is_unique(current: &CurrentState, live: &Live) -> bool {
    current.kind(live.kind).is_none_or(|kind| kind.by_key(&live.key).nth(1).is_none())
}

/// A text in the form of an id would be taken for one.
fn by_name(name: &str) -> Value {
    if is_uuid(name) { json!({ "name": name }) } else { name.into() }
}

fn by_id(id: &str) -> Value {
    if is_uuid(id) { id.into() } else { json!({ "id": id }) }
}
