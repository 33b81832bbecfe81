//! Request bodies as templates: known values in place, open places on record (spec section 3.5).
//!
//! A create sends what the item owns. An update sends all request fields of the kind: owned ones as desired, others as
//! read. Response-only fields are in no table and so in no body.

use super::{
    fields::{self, Owned, Trail, at, sent_empty, wanted},
    find::Finder,
    settings,
};
use crate::{
    catalog::{self, Field, FieldType, Null},
    current::{Live, is_unset},
    desired::{AccessItem, DesiredSecret, FieldValue, Reference},
    forms,
    plan::Cleared,
};
use connexa_types::{JsonPointer, Kind, SecretRef};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A body with open places.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// The JSON; open places hold null.
    pub(super) json: Map<String, Value>,
    /// Places that hold the id of the object that an item will make.
    pub(super) outputs: Vec<(JsonPointer, usize)>,
    /// Places that hold a secret.
    pub(super) secrets: BTreeMap<JsonPointer, SecretRef>,
    /// Fields that an update clears.
    pub(super) cleared: Vec<Cleared>,
    /// Secrets that must be sent and cannot be had, in spec names.
    pub(super) missing_secrets: Vec<String>,
}

impl Body {
    /// The body of a create, without passengers.
    pub(super) fn create(finder: &Finder<'_>, index: usize) -> Self {
        let item = finder.item(index);
        let Some(kind) = finder.kind(index) else { return Self::default() };
        let mut body = Self::default();
        let mut writer = Writer { finder, live: None, creating: true, kept: None, body: &mut body };
        let fields = fields::of_kind(kind, item.key.as_ref());
        let json = writer.fields(fields, &item.fields, None, &JsonPointer::default(), None);
        body.json = json;
        body
    }

    /// What an item owns, in the request's form; null for what it clears, and something for references and secrets.
    pub(super) fn owned(finder: &Finder<'_>, index: usize) -> Self {
        let mut body = Self::create(finder, index);
        let open: Vec<JsonPointer> =
            body.outputs.iter().map(|(at, _)| at.clone()).chain(body.secrets.keys().cloned()).collect();
        let mut json = Value::Object(std::mem::take(&mut body.json));
        for at in open {
            at.put(&mut json, Value::Bool(true));
        }
        let Some(kind) = finder.kind(index) else { return body };
        let item = finder.item(index);
        put_cleared(fields::of_kind(kind, item.key.as_ref()), &item.fields, &mut json);
        if let Value::Object(json) = json {
            body.json = json;
        }
        body
    }

    /// The body of an update.
    pub(super) fn update(finder: &Finder<'_>, index: usize, live: &Live) -> Self {
        let item = finder.item(index);
        let definition = catalog::definition(live.kind);
        let mut body = Self::default();
        // A key that is equal but written otherwise is no change: it stays as it is.
        let kept = (!finder.owns_form(index)
            && item.key.as_ref().is_none_or(|key| key.comparable().1 == live.key.comparable().1))
        .then_some(definition.key_name);
        let mut writer = Writer { finder, live: Some(live), creating: false, kept, body: &mut body };
        let root = JsonPointer::default();
        let fields = fields::of_kind(live.kind, Some(&live.key));
        let json = writer.fields(fields, &item.fields, Some(&live.object), &root, None);
        body.json = json;
        body
    }

    /// The body of a create in place of a live object: owned fields as desired, others as read.
    pub(super) fn replace(finder: &Finder<'_>, index: usize, live: &Live) -> Self {
        Self::from_live(finder, &finder.item(index).fields, live, true)
    }

    /// An object as read, in the form of an update.
    pub(super) fn as_read(finder: &Finder<'_>, live: &Live) -> Self {
        Self::from_live(finder, &Owned::new(), live, false)
    }

    /// An object as read, in the form of a create: a child that goes to a new parent with the others.
    pub(super) fn carried_over(finder: &Finder<'_>, live: &Live) -> Self {
        Self::from_live(finder, &Owned::new(), live, true)
    }

    fn from_live(finder: &Finder<'_>, owned: &Owned, live: &Live, creating: bool) -> Self {
        let mut body = Self::default();
        let mut writer = Writer { finder, live: Some(live), creating, kept: None, body: &mut body };
        let fields = fields::of_kind(live.kind, Some(&live.key));
        let json = writer.fields(fields, owned, Some(&live.object), &JsonPointer::default(), None);
        body.json = json;
        body
    }

    /// Takes a passenger on board: its body becomes the next element of `list`. Returns its place.
    pub(super) fn board(&mut self, list: &'static str, passenger: Self) -> JsonPointer {
        let Value::Array(elements) = self.json.entry(list).or_insert_with(|| Value::Array(Vec::new())) else {
            unreachable!("no field of a parent has the name of a child list")
        };
        let place = JsonPointer::default().child(list).child(elements.len());
        elements.push(Value::Object(passenger.json));
        let moved = |inner: &JsonPointer| JsonPointer::new(format!("{place}{inner}"));
        self.outputs.extend(passenger.outputs.iter().map(|(at, item)| (moved(at), *item)));
        self.secrets.extend(passenger.secrets.into_iter().map(|(at, secret)| (moved(&at), secret)));
        self.missing_secrets.extend(passenger.missing_secrets);
        place
    }
}

/// Fields of the owner that no call changes (spec section 7.3).
pub(crate) fn is_owner(live: &Live) -> bool {
    live.kind == Kind::User && live.object.get("role").and_then(Value::as_str) == Some("OWNER")
}

/// Names of the fields that an update of the owner leaves out.
pub(crate) const OWNERS: [&str; 2] = ["email", "role"];

struct Writer<'w, 'a> {
    finder: &'w Finder<'a>,
    /// The object, for an update or in whose place another is created.
    live: Option<&'w Live>,
    /// Whether it is the body of a create.
    creating: bool,
    /// The key field, where it is to be sent as read.
    kept: Option<&'static str>,
    body: &'w mut Body,
}

impl Writer<'_, '_> {
    fn fields(
        &mut self,
        fields: &'static [Field],
        owned: &Owned,
        read: Option<&Value>,
        place: &JsonPointer,
        up: Option<&Trail<'_>>,
    ) -> Map<String, Value> {
        let mut json = Map::new();
        for field in fields {
            let trail = Trail { up, field };
            if self.is_left_out(field, up) {
                continue;
            }
            let live = at(read, field.response);
            let value = if sent_empty(owned, field) {
                Some(Value::Array(Vec::new()))
            } else {
                match wanted(owned, field) {
                    Some(_) if up.is_none() && self.kept == Some(field.name) => self.as_read(&trail, live),
                    Some(desired) => self.desired(desired, live, &pointer(place, field.request), &trail),
                    None => self.as_read(&trail, live),
                }
            };
            if let Some(value) = value.or_else(|| field.always_sent.then(|| Value::Array(Vec::new()))) {
                insert(&mut json, field.request, value);
            }
        }
        json
    }

    fn is_left_out(&self, field: &Field, up: Option<&Trail<'_>>) -> bool {
        let Some(live) = self.live.filter(|_| !self.creating) else { return false };
        field.create_only || (up.is_none() && OWNERS.contains(&field.name) && is_owner(live))
    }

    /// The owned value of a field; `None` = not sent.
    fn desired(
        &mut self,
        desired: &FieldValue,
        live: Option<&Value>,
        place: &JsonPointer,
        trail: &Trail<'_>,
    ) -> Option<Value> {
        if self.live.is_some_and(|object| settings::is_hidden(self.finder, object, trail.field, live)) {
            return None;
        }
        match desired {
            FieldValue::Clear => self.clear(live, trail),
            FieldValue::Value(Value::Array(zones)) if matches!(trail.field.ty, FieldType::Zones) => {
                Some(Value::Array(settings::merged_zones(self.finder, live, zones)))
            }
            FieldValue::Value(value) => Some(value.clone()),
            FieldValue::Reference(reference) => Some(self.reference(reference, place.clone())),
            FieldValue::References(references) => Some(Value::Array(
                references.iter().enumerate().map(|(i, r)| self.reference(r, place.child(i))).collect(),
            )),
            FieldValue::Access(items) => Some(self.access(items, place)),
            FieldValue::Object(leaves) => {
                let FieldType::Object(fields) = trail.field.ty else { return None };
                Some(Value::Object(self.fields(fields, leaves, live, place, Some(trail))))
            }
            FieldValue::Secret(DesiredSecret::Reference(reference)) => {
                self.body.secrets.insert(place.clone(), SecretRef::clone(reference));
                Some(Value::Null)
            }
            FieldValue::Secret(DesiredSecret::HashOnly(_)) => {
                self.body.missing_secrets.push(trail.path());
                None
            }
        }
    }

    fn clear(&mut self, live: Option<&Value>, trail: &Trail<'_>) -> Option<Value> {
        // null is not sent on create.
        self.live?;
        if !is_unset(live) || self.sealed(trail) {
            let response = trail.response();
            // The answer to the call that sets a setting is its bare value.
            let in_answer = match self.live {
                Some(live) if live.kind == Kind::Setting => {
                    response.strip_prefix("/value").unwrap_or_default()
                }
                _ => &response,
            };
            self.body.cleared.push(Cleared { field: trail.path(), at: JsonPointer::new(in_answer) });
        }
        match trail.field.null {
            Null::EmptyList if matches!(trail.field.ty, FieldType::Services) => {
                Some(json!({"serviceTypes": [], "customServiceTypes": []}))
            }
            Null::EmptyList => Some(Value::Array(Vec::new())),
            Null::EmptyText => Some(Value::String(String::new())),
            Null::Omit | Null::Replace | Null::Forbidden => None,
        }
    }

    /// Items of an access group.
    fn access(&mut self, items: &[AccessItem], place: &JsonPointer) -> Value {
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let place = place.child(index);
            let mut json = Map::new();
            json.insert("type".to_owned(), item.of.as_str().into());
            json.insert("allCovered".to_owned(), item.all.into());
            if let Some(parent) = &item.parent {
                json.insert("parent".to_owned(), self.reference(parent, place.child("parent")));
            }
            if !item.children.is_empty() {
                let children = item.children.iter().enumerate();
                let ids = children
                    .map(|(i, child)| self.reference(child, place.child("children").child(i)))
                    .collect();
                json.insert("children".to_owned(), Value::Array(ids));
            }
            list.push(Value::Object(json));
        }
        Value::Array(list)
    }

    /// The id of an object that exists, or an open place for one that does not.
    fn reference(&mut self, reference: &Reference, place: JsonPointer) -> Value {
        if let Some(id) = self.finder.id(reference) {
            return id.into();
        }
        if let Some(item) = self.finder.awaited(reference) {
            self.body.outputs.push((place, item));
        }
        Value::Null
    }

    /// A field that the item does not own: in an update as read, in the request's form; `None` = not sent.
    fn as_read(&mut self, trail: &Trail<'_>, live: Option<&Value>) -> Option<Value> {
        self.live?;
        if self.sealed(trail) {
            // The service returned it, but no secret is kept beyond its hash.
            self.body.missing_secrets.push(trail.path());
            return None;
        }
        match (trail.field.ty, live?) {
            (FieldType::Object(fields), object @ Value::Object(_)) => {
                let place = JsonPointer::default();
                let json = self.fields(fields, &Owned::new(), Some(object), &place, Some(trail));
                (!json.is_empty()).then_some(Value::Object(json))
            }
            // An empty text is what the service refuses, except where the catalog sends one to clear (API section 10,
            // row 18); an unset field is left out.
            (_, Value::String(text)) if text.is_empty() && trail.field.null != Null::EmptyText => None,
            (ty, value) => Some(forms::request(ty, value)),
        }
    }

    fn sealed(&self, trail: &Trail<'_>) -> bool {
        self.live.is_some_and(|live| {
            !live.sealed.is_empty() && live.sealed.contains_key(&JsonPointer::new(trail.response()))
        })
    }
}

/// Puts null where fields are cleared.
fn put_cleared(fields: &'static [Field], owned: &Owned, json: &mut Value) {
    for field in fields {
        let place = || pointer(&JsonPointer::default(), field.request);
        match (owned.get(field.name), field.ty) {
            (Some(FieldValue::Clear), _) => {
                place().put(json, Value::Null);
            }
            (Some(FieldValue::Object(leaves)), FieldType::Object(fields)) => {
                if let Some(inner) = json.pointer_mut(place().as_str()) {
                    put_cleared(fields, leaves, inner);
                }
            }
            _ => {}
        }
    }
}

fn pointer(place: &JsonPointer, names: &str) -> JsonPointer {
    names.split('/').fold(place.clone(), |place, name| place.child(name))
}

fn insert(json: &mut Map<String, Value>, names: &str, value: Value) {
    match names.split_once('/') {
        None => {
            json.insert(names.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = json.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
