//! The objects of one kind, in creation order.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// An object as the state keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Place in the order of creation, over all kinds.
    pub(crate) sequence: u64,
    /// The network, host or user that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
    /// The first address of the block that it owns, counted from the start of the tenant's pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) block: Option<u64>,
    /// What answers show, under the names of the response schema, `id` first. Addresses and children are added by
    /// whoever renders.
    pub(crate) fields: Map<String, Value>,
    /// What no answer shows, such as whether a connector is suspended.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) hidden: Map<String, Value>,
}

impl Object {
    /// The object's id.
    pub(crate) fn id(&self) -> &str {
        self.text("id")
    }

    /// A text field; empty if unset.
    pub(crate) fn text(&self, name: &str) -> &str {
        text(&self.fields, name)
    }

    /// A list field; empty if unset.
    pub(crate) fn list(&self, name: &str) -> &[Value] {
        list(&self.fields, name)
    }

    /// The texts of a list field.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.list(name).iter().filter_map(Value::as_str)
    }
}

/// A text field of a JSON object; empty if unset.
pub(crate) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A list field of a JSON object; empty if unset.
pub(crate) fn list<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    fields.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// All objects of one kind. Finding one, and a page of all or of one parent's, costs no look at the others.
#[derive(Debug, Default)]
pub(crate) struct Table {
    objects: HashMap<u64, Object>,
    sequences: HashMap<String, u64>,
    order: Vec<u64>,
    children: HashMap<String, Vec<u64>>,
}

impl Table {
    pub(crate) fn get(&self, id: &str) -> Option<&Object> {
        self.objects.get(self.sequences.get(id)?)
    }

    pub(crate) fn by_sequence(&self, sequence: u64) -> Option<&Object> {
        self.objects.get(&sequence)
    }

    /// The places of all objects, or of those of one parent, oldest first.
    pub(crate) fn order(&self, parent: Option<&str>) -> &[u64] {
        match parent {
            None => &self.order,
            Some(parent) => self.children.get(parent).map_or(&[], Vec::as_slice),
        }
    }

    /// Stores an object, new or in place of the one with its sequence.
    pub(crate) fn put(&mut self, object: Object) {
        let sequence = object.sequence;
        if let Some(known) = self.objects.get_mut(&sequence) {
            *known = object;
            return;
        }
        self.sequences.insert(object.id().to_owned(), sequence);
        insert_sorted(&mut self.order, sequence);
        if let Some(parent) = &object.parent {
            insert_sorted(self.children.entry(parent.clone()).or_default(), sequence);
        }
        self.objects.insert(sequence, object);
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Object> {
        let sequence = self.sequences.remove(id)?;
        let object = self.objects.remove(&sequence)?;
        remove_sorted(&mut self.order, sequence);
        if let Some(parent) = &object.parent
            && let Some(siblings) = self.children.get_mut(parent)
        {
            remove_sorted(siblings, sequence);
            if siblings.is_empty() {
                self.children.remove(parent);
            }
        }
        Some(object)
    }
}

fn insert_sorted(order: &mut Vec<u64>, sequence: u64) {
    // New objects come last; only a restore may bring them in another order.
    match order.last() {
        Some(last) if *last >= sequence => {
            let place = order.partition_point(|s| *s < sequence);
            order.insert(place, sequence);
        }
        Some(_) | None => order.push(sequence),
    }
}

fn remove_sorted(order: &mut Vec<u64>, sequence: u64) {
    if let Ok(place) = order.binary_search(&sequence) {
        order.remove(place);
    }
}
