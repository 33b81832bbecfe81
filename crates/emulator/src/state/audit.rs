//! The audit log: one entry for each object that a call changed (API section 6.20).
//!
//! An entry is kept as the text of its JSON, which takes a fraction of the memory of the value, and only the newest
//! [`AuditLog::CAPACITY`] entries are kept.

use super::table::{Object, text};
use connexa_types::{Kind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;

/// Who caused a change, and when.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The client id of the API key.
    pub(crate) client: Box<str>,
    /// The request.
    pub(crate) request_id: String,
    /// When it came.
    pub(crate) at: Timestamp,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AuditEntry {
    /// Place in the log; ever rising.
    pub(crate) sequence: u64,
    /// When; never before an earlier entry.
    pub(crate) at: Timestamp,
    /// The `initiatorId`.
    pub(crate) initiator: Box<str>,
    /// The `AuditLogResponse`, as text.
    pub(crate) json: Box<str>,
}

impl AuditEntry {
    /// The id of the entry, which is also the cursor that points at it.
    pub(crate) fn id(&self) -> String {
        entry_id(self.at, self.sequence)
    }
}

/// 24 hex digits (row 49): the second and the place in the log. With the place alone, a cursor made up of zeros would be
/// a known one.
fn entry_id(at: Timestamp, sequence: u64) -> String {
    let second = u32::try_from(at.as_second()).unwrap_or(u32::MAX);
    format!("{second:08x}{sequence:016x}")
}

/// What happened to what.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) operation: &'a str,
    pub(crate) kind: Kind,
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    /// Kind, id and name of the owner of the object.
    pub(crate) parent: Option<(Kind, &'a str, &'a str)>,
    pub(crate) fields: Vec<Value>,
}

/// The log, oldest entry first.
#[derive(Debug, Default)]
pub(crate) struct AuditLog {
    entries: VecDeque<AuditEntry>,
    next: u64,
}

impl AuditLog {
    /// How many entries are kept.
    pub(crate) const CAPACITY: usize = 100_000;

    /// Appends an entry; returns it and the sequence of the one that had to go for it.
    pub(crate) fn append(&mut self, origin: &Origin, event: Event<'_>) -> (&AuditEntry, Option<u64>) {
        let sequence = self.next;
        let at = self.entries.back().map_or(origin.at, |last| last.at.max(origin.at));
        let mut json = json!({
            "id": entry_id(at, sequence),
            "tenantId": "emulator",
            "timestamp": at.to_string(),
            "initiatorType": "API_KEY",
            "initiatorId": &*origin.client,
            "initiatorName": &*origin.client,
            "operation": event.operation,
            "entityType": event.kind.singular().to_ascii_uppercase(),
            "entityId": event.id,
            "entityName": event.name,
        });
        if let (Value::Object(map), Some((kind, id, name))) = (&mut json, event.parent) {
            map.insert("entityParentType".into(), kind.singular().to_ascii_uppercase().into());
            map.insert("entityParentId".into(), id.into());
            map.insert("entityParentName".into(), name.into());
        }
        if let Value::Object(map) = &mut json {
            map.insert("requestId".into(), origin.request_id.clone().into());
            map.insert("additionalInfo".into(), Value::Array(Vec::new()));
            map.insert("fields".into(), event.fields.into());
            map.insert("initiatorDeleted".into(), false.into());
        }
        let gone = if self.entries.len() >= Self::CAPACITY { self.entries.pop_front() } else { None };
        self.push(AuditEntry {
            sequence,
            at,
            initiator: origin.client.clone(),
            json: json.to_string().into_boxed_str(),
        });
        (self.entries.back().expect("an entry was just pushed"), gone.map(|e| e.sequence))
    }

    fn push(&mut self, entry: AuditEntry) {
        self.next = entry.sequence + 1;
        self.entries.push_back(entry);
    }

    /// Takes a stored entry back in, in whatever order they come.
    pub(crate) fn restore(&mut self, entry: AuditEntry) {
        let place = self.entries.partition_point(|e| e.sequence < entry.sequence);
        self.next = self.next.max(entry.sequence.saturating_add(1));
        match self.entries.get_mut(place) {
            Some(known) if known.sequence == entry.sequence => *known = entry,
            Some(_) | None => self.entries.insert(place, entry),
        }
    }

    /// Forgets a stored entry.
    pub(crate) fn forget(&mut self, sequence: u64) {
        if let Ok(place) = self.entries.binary_search_by_key(&sequence, |e| e.sequence) {
            self.entries.remove(place);
        }
    }

    /// The places of all entries, oldest first.
    pub(crate) fn sequences(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().map(|entry| entry.sequence)
    }

    /// The entries of `[from, to)`, oldest first.
    pub(crate) fn between(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl DoubleEndedIterator<Item = &AuditEntry> {
        let start = self.entries.partition_point(|e| e.at < from);
        let end = self.entries.partition_point(|e| e.at < to).max(start);
        self.entries.range(start..end)
    }
}

/// The name under which an object of any kind is known.
pub(crate) fn display_name(fields: &Map<String, Value>) -> &str {
    ["name", "username", "domain", "subnet"]
        .iter()
        .map(|f| text(fields, f))
        .find(|t| !t.is_empty())
        .unwrap_or("")
}

/// The `fields` of an entry: what was, what is, for each field that differs. Secrets are masked.
pub(crate) fn differences(old: Option<&Object>, new: Option<&Object>) -> Vec<Value> {
    let empty = Map::new();
    let (old, new) = (old.map_or(&empty, |o| &o.fields), new.map_or(&empty, |n| &n.fields));
    let names = new.keys().chain(old.keys().filter(|k| !new.contains_key(*k)));
    names
        .filter(|name| *name != "id" && old.get(*name) != new.get(*name))
        .map(|name| {
            let mut entry = Map::from_iter([("name".to_owned(), Value::from(name.as_str()))]);
            for (key, side) in [("oldValue", old), ("newValue", new)] {
                if let Some(value) = side.get(name) {
                    entry.insert(key.to_owned(), masked(value));
                }
            }
            Value::Object(entry)
        })
        .collect()
}

const SECRETS: [&str; 3] = ["preSharedKey", "peerCertificatePrivateKey", "peerCertificateKeyPassphrase"];

fn masked(value: &Value) -> Value {
    let mut value = value.clone();
    if let Value::Object(map) = &mut value {
        for secret in SECRETS {
            if let Some(found) = map.get_mut(secret) {
                *found = "***".into();
            }
        }
    }
    value
}
