//! What an item owns, and where values stand in live objects.
//!
//! One field does not speak for itself: beside `all_regions_included: true` regions are sent empty and not compared (spec
//! section 5.7). This file is the only one of the planner that knows.

use crate::{
    catalog::{self, Field, FieldType},
    desired::FieldValue,
    key::Key,
    sorted_map::SortedMap,
};
use connexa_types::Kind;
use serde_json::Value;

/// Fields by spec name, as an item or an object in it owns them.
pub(super) type Owned = SortedMap<&'static str, FieldValue>;

/// The fields of a kind; of a setting, which its key names, the value.
pub(super) fn of_kind(kind: Kind, key: Option<&Key>) -> &'static [Field] {
    match kind {
        Kind::Setting => {
            let setting = key.and_then(|key| catalog::setting(&key.own.text));
            setting.map_or(&[], |setting| std::slice::from_ref(&setting.value))
        }
        _ => catalog::definition(kind).fields,
    }
}

/// What a field of an item is to be; `None` if the item does not own it, or another field stands for it.
pub(super) fn wanted<'a>(owned: &'a Owned, field: &Field) -> Option<&'a FieldValue> {
    owned.get(field.name).filter(|_| !sent_empty(owned, field))
}

/// Whether a request holds this field empty because another one stands for it.
pub(super) fn sent_empty(owned: &Owned, field: &Field) -> bool {
    matches!(field.ty, FieldType::Regions)
        && owned.get("all_regions_included") == Some(&FieldValue::Value(Value::Bool(true)))
}

/// The value at a place of the catalog (member names joined by `/`) in an object; null counts as absent.
pub(super) fn at<'v>(object: Option<&'v Value>, place: &str) -> Option<&'v Value> {
    place.split('/').try_fold(object?, |value, name| value.get(name)).filter(|value| !value.is_null())
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
