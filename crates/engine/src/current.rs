//! The current state: what lists of the tenant showed, split into objects of their kinds.

use crate::{
    catalog,
    key::{Key, KeyPart},
    shared_json::SharedJson,
};
use connexa_types::{JsonPointer, Kind, ResourceId, SecretHash, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// One live object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: ResourceId,
    /// The id of its parent, for a child.
    pub parent: Option<ResourceId>,
    /// Its natural key.
    pub key: Key,
    /// The object as the list showed it, secrets and nested children taken out.
    pub object: SharedJson,
    /// Places of `object` from which a secret was taken, and its hash.
    pub sealed: BTreeMap<JsonPointer, SecretHash>,
}

/// What was read of one kind.
#[derive(Clone, Debug, Default)]
pub struct LiveKind {
    /// The objects, in the order of the list.
    pub objects: Vec<Live>,
    /// Pages of the list that showed them (0 for a kind that came with its parents).
    pub pages: u32,
    /// Whether absence can be relied on: one page, or two passes with equal ids.
    pub stable: bool,
    by_id: HashMap<ResourceId, usize>,
    by_key: HashMap<(Option<String>, String), Vec<usize>>,
}

impl LiveKind {
    /// The object with an id.
    pub fn by_id(&self, id: &str) -> Option<&Live> {
        self.by_id.get(id).map(|i| &self.objects[*i])
    }

    /// The objects with a key; more than one where the service allows it.
    pub fn by_key(&self, key: &Key) -> impl Iterator<Item = &Live> {
        let (parent, own) = key.comparable();
        self.by_key
            .get(&(parent.map(str::to_owned), own.to_owned()))
            .into_iter()
            .flatten()
            .map(|i| &self.objects[*i])
    }

    fn push(&mut self, live: Live) {
        let at = self.objects.len();
        let (parent, own) = live.key.comparable();
        self.by_key.entry((parent.map(str::to_owned), own.to_owned())).or_default().push(at);
        self.by_id.insert(live.id.clone(), at);
        self.objects.push(live);
    }
}

/// The tenant as read.
#[derive(Clone, Debug, Default)]
pub struct CurrentState {
    /// The tenant.
    pub tenant: TenantId,
    /// What was read, by kind. A kind that was not read has no entry.
    pub kinds: BTreeMap<Kind, LiveKind>,
    /// The region ids, if the list of regions was read.
    pub regions: Option<Vec<String>>,
    /// Whether routes of different networks may overlap.
    pub overlap: OverlapSetting,
}

/// What is known of the setting `wpc.routes_advanced_configuration_enabled`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlapSetting {
    /// It was not asked for.
    #[default]
    Unread,
    /// Routes of different networks may overlap.
    Allowed,
    /// They may not.
    Forbidden,
    /// It was asked for, and the service does not tell.
    Unreadable,
}

/// An object of a list that is not what its kind promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an object in the list of {kind}s has no usable `{field}`")]
pub struct OddObject {
    /// The kind of the list.
    pub kind: Kind,
    /// The field that is missing or of another type.
    pub field: &'static str,
}

impl CurrentState {
    /// An empty state of a tenant.
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, ..Self::default() }
    }

    /// What was read of a kind; `None` if it was not read.
    pub fn kind(&self, kind: Kind) -> Option<&LiveKind> {
        self.kinds.get(&kind)
    }

    /// Takes in the whole list of a top-level kind, in place of what was known of it and its nested kinds.
    ///
    /// `objects` holds each element of the list's `content` with the secrets that were taken out of it (pointers
    /// relative to the element).
    ///
    /// # Errors
    /// An object without a text `id` or key is an error: nothing may be decided on it.
    pub fn put_list(
        &mut self,
        kind: Kind,
        objects: Vec<(Value, BTreeMap<JsonPointer, SecretHash>)>,
        pages: u32,
        stable: bool,
    ) -> Result<(), OddObject> {
        let definition = catalog::definition(kind);
        let mut own = LiveKind { pages, stable, ..LiveKind::default() };
        let mut nested: Vec<(Kind, LiveKind)> = catalog::nested(kind)
            .filter(|child| child.carried_by_parent)
            .map(|child| (child.kind, LiveKind { pages: 0, stable, ..LiveKind::default() }))
            .collect();
        for (mut object, sealed) in objects {
            let id = text(&object, kind, "id")?;
            let key_part =
                KeyPart::new(&text(&object, kind, definition.key_field().response)?, definition.key);
            for (child_kind, live) in &mut nested {
                let child = catalog::definition(*child_kind);
                let list_name = child.nested_as.expect("nested() yields nested kinds only");
                let Some(list) = object.as_object_mut().and_then(|o| o.shift_remove(list_name)) else {
                    continue;
                };
                let Value::Array(list) = list else { continue };
                for (index, element) in list.into_iter().enumerate() {
                    let prefix = format!("/{list_name}/{index}");
                    let child_sealed = sealed
                        .iter()
                        .filter_map(|(p, h)| {
                            let rest = p.as_str().strip_prefix(&prefix)?;
                            rest.starts_with('/').then(|| (JsonPointer::new(rest), h.clone()))
                        })
                        .collect();
                    let own_part =
                        KeyPart::new(&text(&element, *child_kind, child.key_field().response)?, child.key);
                    live.push(Live {
                        kind: *child_kind,
                        id: text(&element, *child_kind, "id")?.into(),
                        parent: Some(id.as_str().into()),
                        key: Key::child(key_part.clone(), own_part),
                        object: element.into(),
                        sealed: child_sealed,
                    });
                }
            }
            let is_nested = |p: &JsonPointer| {
                let first = p.tokens().next();
                nested.iter().any(|(k, _)| catalog::definition(*k).nested_as.map(str::to_owned) == first)
            };
            let sealed = sealed.into_iter().filter(|(p, _)| !is_nested(p)).collect();
            own.push(Live {
                kind,
                id: id.into(),
                parent: None,
                key: Key::top(key_part),
                object: object.into(),
                sealed,
            });
        }
        self.kinds.insert(kind, own);
        self.kinds.extend(nested);
        Ok(())
    }
}

/// Whether a live value is as good as none: a field that an answer lacks is unset (spec section 3.1).
pub(crate) fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.values().all(|value| is_unset(Some(value))),
        Some(Value::Bool(_) | Value::Number(_)) => false,
    }
}

fn text(object: &Value, kind: Kind, field: &'static str) -> Result<String, OddObject> {
    match object.get(field).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(OddObject { kind, field }),
    }
}
