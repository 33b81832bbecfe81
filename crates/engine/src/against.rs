//! A tenant as an export shows it: the current state for `plan --against`, made without a single call.
//!
//! The items of the export stand for live objects: values in the response's form, references as ids. What an export leaves
//! out (ids of objects whose keys are unique, response-only fields) is made up or absent, which no comparison looks at.

use crate::{
    catalog::{self, Field, FieldType, Setting},
    current::CurrentState,
    desired::{DesiredSecret, DesiredState, FieldValue, Item, Parent, Reference, Target},
    forms,
};
use connexa_types::{JsonPointer, Kind, SecretHash, TenantId};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Makes the current state of a tenant out of an export of it. Every kind counts as read.
///
/// # Errors
/// An export that was made of another kind of file may hold items that are no objects; they are named.
pub fn state(tenant: TenantId, export: &DesiredState) -> Result<CurrentState, NoExport> {
    let ids = Ids::new(export)?;
    let mut state = CurrentState::new(tenant);
    let mut elements: BTreeMap<Kind, Vec<(usize, Element)>> = BTreeMap::new();
    let mut regions = BTreeSet::new();
    for (index, item) in export.items.iter().enumerate() {
        let Ok(kind) = item.kind else { continue };
        if kind == Kind::Setting {
            let (setting, value) = setting(item)?;
            state.put_setting(setting, Some(value));
            continue;
        }
        if !catalog::is_listed(kind) {
            continue;
        }
        let element = ids.element(export, index, &mut regions);
        elements.entry(kind).or_default().push((index, element));
    }
    for setting in catalog::SETTINGS {
        if state.kind(Kind::Setting).and_then(|kind| kind.by_id(setting.path)).is_none() {
            state.put_setting(setting, Some(Value::Null));
        }
    }
    board(export, &mut elements);
    for kind in Kind::ALL.iter().copied().filter(|kind| catalog::is_listed(*kind)) {
        if catalog::listed_with(kind) == kind {
            let list = elements.remove(&kind).unwrap_or_default();
            let list = list.into_iter().map(|(_, element)| (element.json, element.sealed)).collect();
            state.put_list(kind, list, 1, true).map_err(|odd| NoExport::Odd(odd.to_string()))?;
        }
    }
    state.regions = Some(regions.into_iter().collect());
    Ok(state)
}

/// Why a spec cannot stand for a tenant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoExport {
    /// An item without a key.
    #[error("{0} has no key; an export gives each object one")]
    NoKey(String),
    /// A parent that the export does not hold.
    #[error("the parent of {0} is not in the export")]
    NoParent(String),
    /// An object that is not what its kind promises.
    #[error("{0}")]
    Odd(String),
}

/// An object in the making.
#[derive(Default)]
struct Element {
    json: Value,
    sealed: BTreeMap<JsonPointer, SecretHash>,
}

/// The ids of the export's objects.
struct Ids<'a> {
    of: Vec<String>,
    by_key: HashMap<(Kind, Option<usize>, &'a str), usize>,
}

impl<'a> Ids<'a> {
    fn new(export: &'a DesiredState) -> Result<Self, NoExport> {
        let mut ids = Self { of: Vec::with_capacity(export.items.len()), by_key: HashMap::new() };
        for (index, item) in export.items.iter().enumerate() {
            ids.of
                .push(item.id.as_ref().map_or_else(|| format!("export-{}", index + 1), ToString::to_string));
            let Ok(kind) = item.kind else { continue };
            let name = || format!("{} `{}`", kind.singular(), item.label());
            let Some(key) = &item.key else { return Err(NoExport::NoKey(name())) };
            let parent = match &item.parent {
                None => None,
                Some(Parent::Item(parent)) => Some(*parent),
                Some(Parent::Reference(_)) => return Err(NoExport::NoParent(name())),
            };
            ids.by_key.entry((kind, parent, key.own.canonical.as_str())).or_insert(index);
        }
        Ok(ids)
    }

    /// The id that a reference means; what the export does not hold is told by its key.
    fn reference(&self, reference: &Reference) -> String {
        match &reference.target {
            Target::Id(id) | Target::Unchecked(id) => id.to_string(),
            Target::Key(key) => {
                let parent = reference.within.as_deref().and_then(|within| self.item(within));
                let found = self.by_key.get(&(reference.kind, parent, key.own.canonical.as_str()));
                found.map_or_else(|| key.to_string(), |index| self.of[*index].clone())
            }
        }
    }

    fn item(&self, reference: &Reference) -> Option<usize> {
        match &reference.target {
            Target::Key(key) => self.by_key.get(&(reference.kind, None, key.own.canonical.as_str())).copied(),
            Target::Id(id) | Target::Unchecked(id) => self.of.iter().position(|own| own == id.as_str()),
        }
    }

    fn element(&self, export: &DesiredState, index: usize, regions: &mut BTreeSet<String>) -> Element {
        let item = &export.items[index];
        let Ok(kind) = item.kind else { return Element::default() };
        let definition = catalog::definition(kind);
        let mut element = Element { json: json!({ "id": self.of[index] }), ..Element::default() };
        if let Some(Parent::Item(parent)) = item.parent {
            let name = if kind == Kind::Device { "userId" } else { "networkItemId" };
            element.json[name] = self.of[parent].as_str().into();
        }
        for field in definition.fields {
            if let Some(value) = item.fields.get(field.name) {
                self.put(field, value, &JsonPointer::default(), &mut element, regions);
            }
        }
        element
    }

    /// Puts a value where the response has it.
    fn put(
        &self,
        field: &Field,
        value: &FieldValue,
        at: &JsonPointer,
        element: &mut Element,
        regions: &mut BTreeSet<String>,
    ) {
        let place = field.response.split('/').fold(at.clone(), |place, name| place.child(name));
        let json = match value {
            FieldValue::Clear => return,
            FieldValue::Value(value) => {
                note_regions(field, value, regions);
                forms::response(field.ty, value)
            }
            FieldValue::Reference(reference) => self.reference(reference).into(),
            FieldValue::References(list) => list.iter().map(|r| self.reference(r)).collect(),
            FieldValue::Access(items) => items
                .iter()
                .map(|item| {
                    let children: Vec<String> = item.children.iter().map(|r| self.reference(r)).collect();
                    let mut json = json!({ "type": item.of, "allCovered": item.all, "children": children });
                    if let Some(parent) = &item.parent {
                        json["parent"] = self.reference(parent).into();
                    }
                    json
                })
                .collect(),
            FieldValue::Object(leaves) => {
                let FieldType::Object(fields) = field.ty else { return };
                insert(&mut element.json, &place, Value::Object(Map::new()));
                for leaf in fields {
                    if let Some(value) = leaves.get(leaf.name) {
                        self.put(leaf, value, &place, element, regions);
                    }
                }
                return;
            }
            FieldValue::Secret(secret) => {
                let hash = match secret {
                    DesiredSecret::HashOnly(hash) => Some(hash.clone()),
                    DesiredSecret::Reference(reference) => reference.hash.clone(),
                };
                element.sealed.extend(hash.map(|hash| (place, hash)));
                return;
            }
        };
        insert(&mut element.json, &place, json);
    }
}

/// Regions that the tenant uses are there.
fn note_regions(field: &Field, value: &Value, regions: &mut BTreeSet<String>) {
    match (field.ty, value) {
        (FieldType::Region, Value::String(region)) => {
            regions.insert(region.clone());
        }
        (FieldType::Regions, Value::Array(list)) => {
            regions.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        _ => {}
    }
}

/// The answer to the call that reads a setting.
fn setting(item: &Item) -> Result<(&'static Setting, Value), NoExport> {
    let name = || format!("setting `{}`", item.label());
    let path = item.key.as_ref().ok_or_else(|| NoExport::NoKey(name()))?;
    let setting = catalog::setting(&path.own.text).ok_or_else(|| NoExport::Odd(name()))?;
    let none = Ids { of: Vec::new(), by_key: HashMap::new() };
    let mut element = Element { json: json!({}), ..Element::default() };
    if let Some(value) = item.fields.get(setting.value.name) {
        none.put(&setting.value, value, &JsonPointer::default(), &mut element, &mut BTreeSet::new());
    }
    Ok((setting, element.json[setting.value.response].take()))
}

/// Puts children into their parents, where the parents' list shows them.
fn board(export: &DesiredState, elements: &mut BTreeMap<Kind, Vec<(usize, Element)>>) {
    let shown: Vec<Kind> =
        elements.keys().copied().filter(|kind| catalog::listed_with(*kind) != *kind).collect();
    for kind in shown {
        let (Some(parent_kind), Some(list)) = (kind.parent(), catalog::definition(kind).nested_as) else {
            continue;
        };
        let children = elements.remove(&kind).unwrap_or_default();
        let parents = elements.entry(parent_kind).or_default();
        let places: HashMap<usize, usize> =
            parents.iter().enumerate().map(|(place, (index, _))| (*index, place)).collect();
        for (index, child) in children {
            let Some(Parent::Item(parent)) = export.items[index].parent else { continue };
            let Some(place) = places.get(&parent) else { continue };
            let parent = &mut parents[*place].1;
            let into = &mut parent.json[list];
            if !into.is_array() {
                *into = json!([]);
            }
            let Some(into) = into.as_array_mut() else { continue };
            let at = JsonPointer::default().child(list).child(into.len());
            into.push(child.json);
            let sealed = child.sealed.into_iter();
            parent
                .sealed
                .extend(sealed.map(|(place, hash)| (JsonPointer::new(format!("{at}{place}")), hash)));
        }
    }
}

/// Puts a value at a place, objects around it made as needed.
fn insert(json: &mut Value, place: &JsonPointer, value: Value) {
    let mut inner = json;
    for name in place.tokens() {
        if !inner.is_object() {
            *inner = json!({});
        }
        inner = &mut inner[name];
    }
    *inner = value;
}
