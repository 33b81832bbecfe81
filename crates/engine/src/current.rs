//! The current state: what lists of the tenant showed, split into objects of their kinds.

use crate::{
    catalog::{self, SETTINGS, Setting},
    key::{Compare, Key, KeyPart},
    shared_json::SharedJson,
};
use connexa_types::{JsonPointer, Kind, ResourceId, SecretHash, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher as _, Hash, RandomState},
};

/// One live object. A setting is one too: its id and key are its path, its object is `{"value": …}`.
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
    /// Pages of the list that showed them (0 for a kind that came with its parents); calls that read settings.
    pub pages: u32,
    /// Whether absence can be relied on: one page, or two passes with equal ids.
    pub stable: bool,
    by_id: Index,
    by_key: Index,
}

/// Places of objects by what they are looked up by. The objects hold that themselves, so only its hash is kept: of 100,000
/// objects, copies of keys and ids would take more than 20 MiB.
#[derive(Clone, Debug, Default)]
struct Index {
    hasher: RandomState,
    /// The first and the last place of each hash.
    ends: HashMap<u64, (u32, u32)>,
    /// By place: the next one of the same hash, or itself at the end.
    next: Vec<u32>,
}

impl Index {
    /// Takes in what the next object is looked up by.
    fn push(&mut self, key: impl Hash) {
        let at = u32::try_from(self.next.len()).expect("so many objects have no room in memory");
        self.next.push(at);
        let (_, last) = self.ends.entry(self.hasher.hash_one(key)).or_insert((at, at));
        self.next[*last as usize] = at;
        *last = at;
    }

    /// The places of objects that may be the ones looked for, in their order.
    fn places(&self, key: impl Hash) -> impl Iterator<Item = usize> {
        let first = self.ends.get(&self.hasher.hash_one(key)).map(|(first, _)| *first);
        let next = |at: &u32| Some(self.next[*at as usize]).filter(|next| next != at);
        std::iter::successors(first, next).map(|at| at as usize)
    }
}

impl LiveKind {
    /// The object with an id.
    pub fn by_id(&self, id: &str) -> Option<&Live> {
        self.by_id.places(id).map(|at| &self.objects[at]).filter(|live| live.id.as_str() == id).last()
    }

    /// The objects with a key; more than one where the service allows it.
    pub fn by_key(&self, key: &Key) -> impl Iterator<Item = &Live> {
        let wanted = key.comparable();
        let found = self.by_key.places(wanted).map(|at| &self.objects[at]);
        found.filter(move |live| live.key.comparable() == wanted)
    }

    fn push(&mut self, live: Live) {
        self.by_key.push(live.key.comparable());
        self.by_id.push(live.id.as_str());
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
}

/// The path of the setting that lets routes of different networks overlap.
pub const OVERLAP: &str = "wpc.routes_advanced_configuration_enabled";

/// What is known of the setting [`OVERLAP`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverlapSetting {
    /// It was not asked for.
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

    /// What was read of a setting, by its path; `None` if it was not read. Its object holds no `value` if the service
    /// does not tell it.
    pub fn setting(&self, path: &str) -> Option<&Live> {
        self.kind(Kind::Setting)?.by_id(path)
    }

    /// What is known of the setting that lets routes of different networks overlap.
    pub fn overlap(&self) -> OverlapSetting {
        let Some(live) = self.setting(OVERLAP) else { return OverlapSetting::Unread };
        match live.object.get("value").and_then(Value::as_bool) {
            Some(true) => OverlapSetting::Allowed,
            Some(false) => OverlapSetting::Forbidden,
            None => OverlapSetting::Unreadable,
        }
    }

    /// Takes in the value of a setting, in place of what was known of it: the whole answer to the call that reads it, null
    /// for an empty one; `None` where the service does not tell.
    pub fn put_setting(&mut self, setting: &Setting, value: Option<Value>) {
        let object = value.map(|value| Map::from_iter([("value".to_owned(), value)])).unwrap_or_default();
        let live = Live {
            kind: Kind::Setting,
            id: setting.path.into(),
            parent: None,
            key: Key::top(KeyPart::new(setting.path, Compare::Exact)),
            object: Value::Object(object).into(),
            sealed: BTreeMap::new(),
        };
        // In the order of the table, whatever the order of the answers.
        let mut all = self.kinds.remove(&Kind::Setting).unwrap_or_default().objects;
        all.retain(|known| known.id != live.id);
        all.push(live);
        all.sort_by_key(|live| SETTINGS.iter().position(|setting| setting.path == live.id.as_str()));
        let mut settings = LiveKind { stable: true, ..LiveKind::default() };
        for live in all {
            settings.pages += 1;
            settings.push(live);
        }
        self.kinds.insert(Kind::Setting, settings);
    }

    /// Takes in the whole list of a kind that has one, in place of what was known of it and of the kinds nested in it.
    ///
    /// `objects` holds each element of the list's `content` with the secrets that were taken out of it (pointers
    /// relative to the element). Objects that name their parent have its name in their key once its list is here too,
    /// whichever of the two comes first; until then its id.
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
            let parent =
                kind.parent().map(|_| text(&object, kind, PARENT_ID).map(ResourceId::from)).transpose()?;
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
                key: match (kind.parent(), &parent) {
                    (Some(of), Some(id)) => Key::child(self.parent_part(of, id), key_part),
                    _ => Key::top(key_part),
                },
                parent,
                object: object.into(),
                sealed,
            });
        }
        self.kinds.insert(kind, own);
        self.kinds.extend(nested);
        for child in catalog::nested(kind).filter(|child| !child.carried_by_parent) {
            self.name_parents(child.kind, kind);
        }
        Ok(())
    }

    /// The objects of a kind with a key of their own, of one parent for children.
    pub(crate) fn namesakes(&self, kind: Kind, parent: Option<&ResourceId>, own: KeyPart) -> Vec<&Live> {
        let key = match (kind.parent(), parent) {
            (Some(of), Some(id)) => Key::child(self.parent_part(of, id), own),
            _ => Key::top(own),
        };
        let found = self.kind(kind).into_iter().flat_map(|read| read.by_key(&key));
        found.filter(|live| live.parent.as_ref() == parent).collect()
    }

    /// The parent's part of a child's key.
    fn parent_part(&self, kind: Kind, id: &ResourceId) -> KeyPart {
        let live = self.kind(kind).and_then(|parents| parents.by_id(id.as_str()));
        live.map_or_else(|| KeyPart::new(id.as_str(), Compare::Exact), |live| live.key.own.clone())
    }

    /// Gives children with a list of their own the names of parents that were read after them.
    fn name_parents(&mut self, kind: Kind, parents: Kind) {
        let Some(known) = self.kinds.remove(&kind) else { return };
        let mut named = LiveKind { pages: known.pages, stable: known.stable, ..LiveKind::default() };
        for mut live in known.objects {
            live.key.parent = live.parent.as_ref().map(|id| self.parent_part(parents, id));
            named.push(live);
        }
        self.kinds.insert(kind, named);
    }
}

/// The field in which objects of a list of children name their parent (API sections 6.7 and 6.8).
const PARENT_ID: &str = "networkItemId";

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
