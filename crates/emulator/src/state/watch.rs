//! What one request did to the tenant, for the ledger, and how the tenant looked before, for reads that lag.

use super::{
    State,
    audit::display_name,
    table::{Object, Table},
};
use crate::ledger::Touched;
use connexa_types::{Kind, secret::SECRET_FIELDS};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};

/// Notes what is done while somebody wants to know.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    on: bool,
    keep_versions: bool,
    seen: Seen,
}

/// What was done since the watch was set.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Made, oldest first.
    pub(crate) created: Vec<Touched>,
    /// Changed, or acted upon.
    pub(crate) updated: Vec<Touched>,
    /// Deleted, children before their parents.
    pub(crate) deleted: Vec<Touched>,
    /// What each of them was before, oldest change first; only where versions are kept.
    pub(crate) versions: Vec<Version>,
}

impl Seen {
    /// Whether anything was done.
    pub(crate) const fn is_empty(&self) -> bool {
        self.created.is_empty() && self.updated.is_empty() && self.deleted.is_empty()
    }
}

/// What a thing is or was; nothing if it does not exist.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    kind: Kind,
    id: String,
    object: Option<Object>,
}

impl Watch {
    pub(super) fn note(&mut self, kind: Kind, old: Option<&Object>, new: Option<&Object>) {
        if !self.on {
            return;
        }
        let Some(object) = new.or(old) else { return };
        let list = match (old, new) {
            (None, _) => &mut self.seen.created,
            (Some(_), Some(_)) => &mut self.seen.updated,
            (Some(_), None) => &mut self.seen.deleted,
        };
        let thing = Touched {
            kind,
            id: object.id().to_owned(),
            key: display_name(&object.fields).to_owned(),
            parent: object.parent.clone(),
        };
        list.push(thing);
        if self.keep_versions {
            self.seen.versions.push(Version { kind, id: object.id().to_owned(), object: old.cloned() });
        }
    }
}

impl State {
    /// From now on notes what is done.
    pub(crate) fn watch(&mut self, keep_versions: bool) {
        self.watch = Watch { on: true, keep_versions, seen: Seen::default() };
    }

    /// Notes nothing any more; returns what was done.
    pub(crate) fn unwatch(&mut self) -> Seen {
        let mut seen = std::mem::take(&mut self.watch).seen;
        // One call may change an object several times, which is one thing done to it.
        let mut known = HashSet::new();
        seen.updated.retain(|thing| known.insert((thing.kind, thing.id.clone())));
        seen
    }

    /// Changes leave no trace in the audit log until the next request.
    pub(crate) fn leave_no_trace(&mut self) {
        self.origin = None;
    }

    /// Puts other versions of things in place, in the order given, and returns what stood there, in the same order;
    /// giving that back in reverse order restores everything.
    ///
    /// For reads only: names, routes and addresses stay those of the present, and nothing is recorded.
    pub(crate) fn show(&mut self, versions: impl IntoIterator<Item = Version>) -> Vec<Version> {
        let mut before = Vec::new();
        for Version { kind, id, object } in versions {
            let stood = if kind == Kind::Setting {
                let value = object.and_then(|mut o| o.fields.remove("value")).unwrap_or_default();
                let value = self.settings.set(&id, value);
                let fields = Map::from_iter([("value".to_owned(), value)]);
                Some(Object { sequence: 0, parent: None, block: None, fields, hidden: Map::new() })
            } else {
                let table: &mut Table = self.tables.entry(kind).or_default();
                let stood = table.remove(&id);
                if let Some(object) = object {
                    table.put(object);
                }
                stood
            };
            before.push(Version { kind, id, object: stood });
        }
        before
    }

    /// Every object of a kind as the control shows it: fields, addresses, the id of the parent; no secrets.
    pub(crate) fn laid_open(&self, kind: Kind) -> Vec<Value> {
        let open = |object: &Object| {
            let mut fields = object.fields.clone();
            self.add_addresses(kind, object, &mut fields);
            if let Some(parent) = &object.parent {
                fields.insert("parentId".to_owned(), parent.as_str().into());
            }
            let mut value = Value::Object(fields);
            remove_secrets(&mut value);
            value
        };
        self.objects(kind, None).map(open).collect()
    }

    /// The natural keys that several objects have: kind, parent, key, ids. Keys are compared as names are.
    pub(crate) fn doubled(&self) -> Vec<(Kind, Option<&str>, String, Vec<&str>)> {
        let mut doubled = Vec::new();
        for (kind, table) in &self.tables {
            let mut by_key: BTreeMap<(Option<&str>, String), Vec<&str>> = BTreeMap::new();
            for object in table.order(None).iter().filter_map(|sequence| table.by_sequence(*sequence)) {
                let key = super::fold(display_name(&object.fields));
                by_key.entry((object.parent.as_deref(), key)).or_default().push(object.id());
            }
            let several = by_key.into_iter().filter(|(_, ids)| ids.len() > 1);
            doubled.extend(several.map(|((parent, key), ids)| (*kind, parent, key, ids)));
        }
        doubled
    }

    /// The changes that take everything out of a store.
    pub(crate) fn erased(&self) -> Vec<super::StateChange> {
        let erase = |collection: &'static str, id: String| super::StateChange::Delete {
            collection: collection.into(),
            id,
        };
        let objects = self.tables.iter().flat_map(|(kind, table)| {
            let ids = table.order(None).iter().filter_map(|sequence| table.by_sequence(*sequence));
            ids.map(|object| erase(kind.plural(), object.id().to_owned()))
        });
        let settings = self.settings.paths().map(|path| erase(Kind::Setting.plural(), path.to_owned()));
        let audit = self.audit.sequences().map(|sequence| erase(super::AUDIT_LOG, sequence.to_string()));
        objects.chain(settings).chain(audit).collect()
    }

    /// Replaces the tenant by a fresh one; a store learns of it like of any other change.
    pub(crate) fn start_over(&mut self, seed: u64) {
        let mut fresh = Self::fresh(seed);
        if self.stored {
            let mut changes = std::mem::take(&mut self.changes);
            changes.extend(self.erased());
            changes.append(&mut fresh.changes);
            fresh.changes = changes;
        } else {
            fresh.forget_changes();
        }
        *self = fresh;
    }
}

/// Takes the secrets out of a JSON value, at any depth.
fn remove_secrets(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|name, _| !SECRET_FIELDS.iter().any(|(secret, _)| secret == name));
            map.values_mut().for_each(remove_secrets);
        }
        Value::Array(list) => list.iter_mut().for_each(remove_secrets),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
