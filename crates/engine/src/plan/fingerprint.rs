//! The fingerprint: the same for plans that rest on the same and do the same.
//!
//! SHA-256 over canonical JSON (members sorted by name): the changes without source, item, notices and live object; the
//! operations; and of each object that an item stands for the fields of the catalog that do not change by themselves.
//! Times, cost and page counts are not in it.

use super::{
    find::Finder,
    types::{Barrier, CallTemplate, Carried, Change, Operation},
};
use crate::current::Live;
use connexa_types::TenantId;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{collections::HashSet, fmt::Write as _};

/// Hashes a plan's content.
pub(super) fn fingerprint(
    finder: &Finder<'_>,
    tenant: &TenantId,
    changes: &[Change],
    operations: &[Operation],
    barriers: &[Barrier],
) -> String {
    let mut hasher = Canonical { hasher: Sha256::new(), buffer: Vec::with_capacity(BUFFER * 2) };
    hasher.text(tenant.as_str());
    for change in changes {
        hasher.text(&change.kind);
        hasher.text(&change.key);
        hasher.text(change.action.as_str());
        hasher.text(change.id.as_deref().unwrap_or_default());
        for (field, [old, new]) in &change.fields {
            hasher.text(field);
            hasher.value(old);
            hasher.value(new);
        }
        if let Some(preset) = &change.preset {
            hasher.text(preset.verdict.as_str());
            hasher.text(&preset.error);
        }
    }
    for operation in operations {
        hasher.value(&json!(Does::new(operation)));
    }
    for barrier in barriers {
        hasher.value(&json!(barrier));
    }
    for standing in &finder.standing {
        if let Some(live) = standing.live() {
            hasher.base(live);
        }
    }
    // What no item stands for: objects that are deleted, or whose references move.
    let items: HashSet<&str> =
        finder.standing.iter().filter_map(|standing| Some(standing.live()?.id.as_str())).collect();
    for live in operations.iter().flat_map(|operation| &operation.base) {
        if !items.contains(live.id.as_str()) {
            hasher.base(live);
        }
    }
    hasher.finish()
}

/// An operation without what it rests on, which holds volatile fields.
#[derive(Serialize)]
struct Does<'o> {
    id: &'o str,
    call: &'o CallTemplate,
    carries: &'o [Carried],
    needs: &'o [usize],
    after: &'o [usize],
    unit: Option<&'o str>,
}

impl<'o> Does<'o> {
    fn new(operation: &'o Operation) -> Self {
        Self {
            id: &operation.id.0,
            call: &operation.call,
            carries: &operation.carries,
            needs: &operation.needs,
            after: &operation.after,
            unit: operation.unit.as_deref(),
        }
    }
}

/// How much is gathered before it is hashed.
const BUFFER: usize = 1 << 16;

struct Canonical {
    hasher: Sha256,
    buffer: Vec<u8>,
}

impl Canonical {
    fn base(&mut self, live: &Live) {
        self.text(live.kind.singular());
        self.text(live.id.as_str());
        if let Some(parent) = &live.parent {
            self.text(parent.as_str());
        }
        for field in super::fields::of_kind(live.kind, Some(&live.key)).iter().filter(|field| !field.volatile)
        {
            self.text(field.name);
            self.value(super::fields::at(Some(&live.object), field.response).unwrap_or(&Value::Null));
        }
        for (place, hash) in &live.sealed {
            self.text(place.as_str());
            self.text(hash.as_str());
        }
    }

    fn text(&mut self, text: &str) {
        write_text(&mut self.buffer, text);
        self.buffer.push(b'\n');
        self.drain();
    }

    fn value(&mut self, value: &Value) {
        write_value(&mut self.buffer, value);
        self.buffer.push(b'\n');
        self.drain();
    }

    fn drain(&mut self) {
        if self.buffer.len() >= BUFFER {
            self.hasher.update(&self.buffer);
            self.buffer.clear();
        }
    }

    fn finish(mut self) -> String {
        self.hasher.update(&self.buffer);
        self.hasher.finalize().iter().fold(String::from("sha256:"), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

fn write_text(buffer: &mut Vec<u8>, text: &str) {
    // Writing to memory does not fail, and a text has no key that JSON could refuse.
    let _ = serde_json::to_writer(buffer, text);
}

fn write_value(buffer: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut members: Vec<(&String, &Value)> = map.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            buffer.push(b'{');
            for (i, (name, value)) in members.into_iter().enumerate() {
                if i > 0 {
                    buffer.push(b',');
                }
                write_text(buffer, name);
                buffer.push(b':');
                write_value(buffer, value);
            }
            buffer.push(b'}');
        }
        Value::Array(list) => {
            buffer.push(b'[');
            for (i, value) in list.iter().enumerate() {
                if i > 0 {
                    buffer.push(b',');
                }
                write_value(buffer, value);
            }
            buffer.push(b']');
        }
        scalar => {
            let _ = serde_json::to_writer(buffer, scalar);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_sorted() {
        let mut buffer = Vec::new();
        write_value(&mut buffer, &json!({"b": [1, {"d": null, "c": "x\n"}], "a": true}));
        assert_eq!(String::from_utf8(buffer).unwrap(), r#"{"a":true,"b":[1,{"c":"x\n","d":null}]}"#);
    }
}
