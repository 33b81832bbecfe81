//! What an item owns, and where values stand in live objects.
//!
//! One field does not speak for itself: `regions: all` is `all_regions_included: true`, and a list of regions implies
//! that it is false (spec section 5.7). This file is the only one of the planner that knows.

use crate::{
    catalog::{Field, FieldType},
    desired::FieldValue,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Fields by spec name, as an item or an object in it owns them.
pub(super) type Owned = BTreeMap<&'static str, FieldValue>;

const ALL_REGIONS: &str = "all_regions_included";
const REGIONS: &str = "regions";

static NO: FieldValue = FieldValue::Value(Value::Bool(false));
static YES: FieldValue = FieldValue::Value(Value::Bool(true));

/// What a field of an item is to be; `None` if the item does not own it.
pub(super) fn wanted<'a>(owned: &'a Owned, field: &Field) -> Option<&'a FieldValue> {
    match field.ty {
        FieldType::Regions if all_regions(owned) => None,
        FieldType::Boolean if field.name == ALL_REGIONS => match owned.get(REGIONS) {
            Some(FieldValue::Value(Value::String(word))) if word == "all" => Some(&YES),
            Some(FieldValue::Value(_)) => owned.get(ALL_REGIONS).or(Some(&NO)),
            _ => owned.get(ALL_REGIONS),
        },
        _ => owned.get(field.name),
    }
}

/// Whether a request holds this field empty because another one stands for it.
pub(super) fn sent_empty(owned: &Owned, field: &Field) -> bool {
    matches!(field.ty, FieldType::Regions) && all_regions(owned)
}

fn all_regions(owned: &Owned) -> bool {
    let is = |name: &str, value: &Value| matches!(owned.get(name), Some(FieldValue::Value(v)) if v == value);
    is(ALL_REGIONS, &Value::Bool(true)) || is(REGIONS, &Value::String("all".to_owned()))
}

/// The value at a place of the catalog (member names joined by `/`) in an object; null counts as absent.
pub(super) fn at<'v>(object: Option<&'v Value>, place: &str) -> Option<&'v Value> {
    place.split('/').try_fold(object?, |value, name| value.get(name)).filter(|value| !value.is_null())
}

/// Whether a live value is as good as none.
pub(super) fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.values().all(|value| is_unset(Some(value))),
        Some(Value::Bool(_) | Value::Number(_)) => false,
    }
}

/// A field's way from the item: `ipsec`, `ike_protocol`, `phase1`. A linked list on the stack, so that it costs nothing
/// until somebody wants to see it.
#[derive(Clone, Copy)]
pub(super) struct Trail<'t> {
    pub(super) up: Option<&'t Trail<'t>>,
    pub(super) field: &'static Field,
}

impl Trail<'_> {
    /// The way in spec names, joined by dots.
    pub(super) fn path(&self) -> String {
        self.joined('.', |field| field.name)
    }

    /// The place in the response, as the text of a JSON pointer.
    pub(super) fn response(&self) -> String {
        format!("/{}", self.joined('/', |field| field.response))
    }

    fn joined(&self, separator: char, part: fn(&'static Field) -> &'static str) -> String {
        match self.up {
            None => part(self.field).to_owned(),
            Some(up) => format!("{}{separator}{}", up.joined(separator, part), part(self.field)),
        }
    }
}
