//! The desired state: what a spec asks for, decoded, with values in the API's canonical form.

mod stored;

use crate::{
    key::{Key, KeyPart},
    problem::{Place, Problem},
    shared_json::SharedJson,
    sorted_map::SortedMap,
};
use connexa_types::{Kind, ResourceId, SecretHash, SecretRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{borrow::Cow, sync::Arc};

/// Where an item came from, as documents show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file as the user named it; `-` for standard input.
    pub file: String,
    /// Line of the item, from 1.
    pub line: u32,
    /// Zero-based place in its list.
    pub index: u32,
}

/// All items of one command, in the order of the input: a parent before its nested children, children in the order in
/// which the document writes them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DesiredState {
    /// The items. A parent has a lower index than its nested children; a flat child may come before its parent.
    pub items: Vec<Item>,
    /// Kinds that the input names, with or without items.
    pub kinds: Vec<Kind>,
    /// Remarks that are no problems (a response-only field was ignored…), one per kind and field.
    pub notes: Vec<String>,
    /// `dependencies`: barriers between kinds, in the order of kinds; cycles within them are gone (E304).
    pub dependencies: Vec<Dependency>,
}

/// One entry of `dependencies`: all items of a kind wait for all items of others (spec section 7.1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dependency {
    /// The kind that waits.
    pub kind: Kind,
    /// The kind that it waits for.
    pub on: Kind,
    /// Where that is written.
    pub place: Place,
}

/// One entry of the input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    /// Its kind; `Err` holds the word as given where it names none (imperative batches only).
    pub kind: Result<Kind, String>,
    /// Its key; `None` if it could not be read or is absent (beside `id`).
    pub key: Option<Key>,
    /// `id`, if given: pins the identity.
    pub id: Option<ResourceId>,
    /// The parent of a child.
    pub parent: Option<Parent>,
    /// `renamed_from`: the old key; of a child its own part under the same parent.
    pub renamed_from: Option<KeyPart>,
    /// The unit that it belongs to: its own `unit`, its parent's for a nested child, one made for an `atomic` parent and
    /// all its children (named `kind/key`; no `unit` of a spec can hold what that may, so both never meet).
    #[serde(with = "stored::unit", default)]
    pub unit: Option<Arc<str>>,
    /// `depends_on`: the items that must have succeeded before, by index; of `settings` for each setting in it.
    pub depends_on: Vec<usize>,
    /// The fields that the item owns, by their spec name (`catalog`), values in the API's form. What one field says of
    /// another is in it: `regions: all` has become `all_regions_included: true`, beside a list of regions it is false.
    #[serde(with = "stored::fields")]
    pub fields: SortedMap<&'static str, FieldValue>,
    /// The item as given, nested children left out, secrets removed; `_…` fields left out.
    pub given: SharedJson,
    /// Where it stands.
    pub source: Source,
    /// Where it stands, for problems found later.
    pub place: Place,
    /// Its path in the top-level item that it stands in: `connectors[0]` for a nested child, else empty.
    pub prefix: String,
    /// Where the values of its fields stand, by path in spec names: line and column.
    pub spots: Vec<(Cow<'static, str>, u32, u32)>,
    /// Errors of this item. Not empty only in imperative batches (a spec with errors is refused whole).
    pub problems: Vec<Problem>,
}

impl Item {
    /// The key string of documents: the key, the id for an item without one, else `FILE:LINE:INDEX`.
    pub fn label(&self) -> String {
        match (&self.key, &self.id) {
            (Some(key), _) => key.to_string(),
            (None, Some(id)) => id.to_string(),
            (None, None) => format!("{}:{}:{}", self.source.file, self.source.line, self.source.index),
        }
    }

    /// Where a field's value stands, else the object around it, else the item.
    pub fn place_of(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some((_, line, column)) = self.spots.iter().find(|(known, ..)| known == path) {
                return Place { file: Arc::clone(&self.place.file), line: *line, column: *column };
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.place.clone(),
            }
        }
    }
}

/// The parent of a child.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Parent {
    /// Another item of the same desired state, by index (nested, or flat with a parent that the spec holds).
    Item(usize),
    /// An object of the tenant.
    Reference(Reference),
}

/// A reference to an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// The kind of the object.
    pub kind: Kind,
    /// How it is named.
    pub target: Target,
    /// Where the reference stands.
    pub place: Place,
    /// The field, in spec names (`secondary_groups[1]`).
    pub path: String,
    /// The network or host under which an application or IP service is looked for by its own part of the key.
    pub within: Option<Box<Reference>>,
}

/// How a reference names its object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// By key: looked for in the spec, then in the tenant.
    Key(Key),
    /// By id: looked for in the tenant.
    Id(ResourceId),
    /// By id, as it stands: no list shows such objects (published services), or the item is the API's own.
    Unchecked(ResourceId),
}

/// The desired value of one owned field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FieldValue {
    /// null: owned and cleared, as the catalog says for the field.
    Clear,
    /// A value in the API's request form: enums in capitals, CIDRs and addresses canonical.
    Value(Value),
    /// A reference to one object; sent as its id.
    Reference(Box<Reference>),
    /// References to several objects; sent as a list of ids.
    References(Vec<Reference>),
    /// Items of a side of an access group, children of equal type and parent joined.
    Access(Vec<AccessItem>),
    /// An object whose leaves are owned one by one, by spec name.
    Object(#[serde(with = "stored::fields")] SortedMap<&'static str, FieldValue>),
    /// A secret.
    Secret(DesiredSecret),
}

impl FieldValue {
    /// Visits each reference in the value, leaves of objects included.
    pub fn for_each_reference<'a>(&'a self, visit: &mut dyn FnMut(&'a Reference)) {
        match self {
            Self::Reference(reference) => visit(reference),
            Self::References(references) => references.iter().for_each(visit),
            Self::Access(items) => {
                items.iter().flat_map(|item| item.parent.iter().chain(&item.children)).for_each(visit);
            }
            Self::Object(leaves) => leaves.values().for_each(|leaf| leaf.for_each_reference(visit)),
            Self::Clear | Self::Value(_) | Self::Secret(_) => {}
        }
    }
}

/// One item of a side of an access group, as the API has it (spec section 5.10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessItem {
    /// `type` of the API.
    pub of: String,
    /// `allCovered`.
    pub all: bool,
    /// The network or host.
    pub parent: Option<Reference>,
    /// User groups, applications and IP services, published services.
    pub children: Vec<Reference>,
}

/// A secret that an item gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DesiredSecret {
    /// By reference (an inline secret too: its value stays with the reader of the spec, under its hash).
    Reference(Box<SecretRef>),
    /// `{hash: …}` alone: enough to compare, not to send.
    HashOnly(SecretHash),
}
