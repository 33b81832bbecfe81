//! The body that makes an object as it was: to make it again, or to set it back.

use crate::{
    catalog::{self, Field, FieldType, Null},
    current::{Live, is_unset},
    forms,
    plan::{Cleared, OWNERS, is_owner},
};
use connexa_types::{JsonPointer, SecretHash, SecretRef};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a body is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form<'f> {
    /// To make the object again.
    Create,
    /// To set it back; `left` is how it is now.
    Update { left: &'f Value },
}

/// A body in the request's form.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) json: Map<String, Value>,
    /// Places that a secret fills.
    pub(super) secrets: BTreeMap<JsonPointer, SecretRef>,
    /// Fields that were not set before, and must not be any more.
    pub(super) cleared: Vec<Cleared>,
}

impl Body {
    /// Takes a child on board: its body becomes the next element of `list`. Returns its place.
    pub(super) fn board(&mut self, list: &'static str, child: Self) -> JsonPointer {
        let elements = self.json.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        let place = JsonPointer::default().child(list).child(elements.as_array().map_or(0, Vec::len));
        if let Value::Array(elements) = elements {
            elements.push(Value::Object(child.json));
        }
        let moved = |(at, secret)| (JsonPointer::new(format!("{place}{at}")), secret);
        self.secrets.extend(child.secrets.into_iter().map(moved));
        place
    }
}

/// The body that makes an object as `live` shows it. The error names the secrets that it had and that none of `secrets`
/// is, in spec names.
pub(super) fn of(live: &Live, form: Form<'_>, secrets: &[&SecretRef]) -> Result<Body, Vec<String>> {
    let mut writer = Writer { live, form, secrets, body: Body::default(), missing: Vec::new() };
    let left = match form {
        Form::Create => None,
        Form::Update { left } => Some(left),
    };
    let place = Place { request: JsonPointer::default(), response: String::new(), name: String::new() };
    let fields = catalog::definition(live.kind).fields;
    writer.body.json = writer.fields(fields, Some(&live.object), left, &place);
    if writer.missing.is_empty() { Ok(writer.body) } else { Err(writer.missing) }
}

struct Writer<'w> {
    live: &'w Live,
    form: Form<'w>,
    secrets: &'w [&'w SecretRef],
    body: Body,
    missing: Vec<String>,
}

/// Where a field stands.
struct Place {
    request: JsonPointer,
    response: String,
    name: String,
}

impl Writer<'_> {
    fn fields(
        &mut self,
        fields: &'static [Field],
        was: Option<&Value>,
        left: Option<&Value>,
        place: &Place,
    ) -> Map<String, Value> {
        let mut json = Map::new();
        for field in fields {
            if self.is_left_out(field, place) {
                continue;
            }
            let at = |object: Option<&'_ Value>| -> Option<Value> {
                let value = field.response.split('/').try_fold(object?, |value, name| value.get(name));
                value.filter(|value| !value.is_null()).cloned()
            };
            let own = Place {
                request: field
                    .request
                    .split('/')
                    .fold(place.request.clone(), |place, name| place.child(name)),
                response: format!("{}/{}", place.response, field.response),
                name: join(&place.name, field.name),
            };
            let value = self.field(field, at(was), at(left).as_ref(), &own);
            if let Some(value) = value.or_else(|| field.always_sent.then(|| Value::Array(Vec::new()))) {
                insert(&mut json, field.request, value);
            }
        }
        json
    }

    fn is_left_out(&self, field: &Field, place: &Place) -> bool {
        matches!(self.form, Form::Update { .. })
            && (field.create_only
                || (place.name.is_empty() && is_owner(self.live) && OWNERS.contains(&field.name)))
    }

    fn field(
        &mut self,
        field: &'static Field,
        was: Option<Value>,
        left: Option<&Value>,
        place: &Place,
    ) -> Option<Value> {
        if let Some(hash) = self.live.sealed.get(&JsonPointer::new(place.response.as_str())) {
            return self.secret(hash, place);
        }
        match (field.ty, was) {
            (FieldType::Object(leaves), Some(was @ Value::Object(_))) => {
                let json = self.fields(leaves, Some(&was), left, place);
                (!json.is_empty()).then_some(Value::Object(json))
            }
            // An empty text is what the service refuses, but where one is sent to clear.
            (_, Some(Value::String(text))) if text.is_empty() && field.null != Null::EmptyText => {
                self.unset(field, left, place)
            }
            (ty, Some(was)) => Some(forms::request(ty, &was)),
            (_, None) => self.unset(field, left, place),
        }
    }

    /// A secret that the object had: only its hash is known, so that it must have been sent under one with the same.
    fn secret(&mut self, hash: &SecretHash, place: &Place) -> Option<Value> {
        if let Some(secret) = self.secrets.iter().find(|secret| secret.hash.as_ref() == Some(hash)) {
            self.body.secrets.insert(place.request.clone(), SecretRef::clone(secret));
            Some(Value::Null)
        } else {
            self.missing.push(place.name.clone());
            None
        }
    }

    /// A field that was not set. If it is set now, it is cleared, as far as there is a way to.
    fn unset(&mut self, field: &Field, left: Option<&Value>, place: &Place) -> Option<Value> {
        if is_unset(left) || forms::canonical(field.ty, left).is_null() {
            return None;
        }
        if !field.volatile {
            let at = JsonPointer::new(place.response.as_str());
            self.body.cleared.push(Cleared { field: place.name.clone(), at });
        }
        match field.null {
            Null::EmptyList if matches!(field.ty, FieldType::Services) => {
                Some(json!({"serviceTypes": [], "customServiceTypes": []}))
            }
            Null::EmptyList => Some(Value::Array(Vec::new())),
            Null::EmptyText => Some(Value::String(String::new())),
            Null::Omit | Null::Replace | Null::Forbidden => None,
        }
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
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
