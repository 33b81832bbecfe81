//! Comparison of what items own with what is there (spec section 3.1).

use super::{
    fields::{self, Owned, Trail, at, wanted},
    find::{Finder, ParentOf, Standing},
    human, settings,
};
use crate::{
    catalog::{self, Definition, Field, FieldType, Null},
    current::{Live, is_unset},
    desired::{AccessItem, DesiredSecret, FieldValue, Parent, Reference},
    forms,
    key::Compare,
};
use connexa_types::{JsonPointer, Kind, SecretHash};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One owned field, or leaf of one, that is not as desired.
#[derive(Debug)]
pub(super) struct Difference {
    /// The field in spec names, leaves after dots.
    pub(super) path: String,
    /// As it is, for people.
    pub(super) old: Value,
    /// As it is to be, for people.
    pub(super) new: Value,
    /// Whether only a new object can have it so.
    pub(super) replaces: bool,
}

/// What a comparison came to.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) differences: Vec<Difference>,
    /// What could not be compared and counts as equal.
    pub(super) not_compared: Vec<String>,
}

/// Compares an item with the object that it stands for.
pub(super) fn compare(finder: &Finder<'_>, index: usize, live: &Live) -> Comparison {
    let item = finder.item(index);
    let definition = catalog::definition(live.kind);
    let owns_form = finder.owns_form(index);
    let mut comparer = Comparer { finder, live, definition, owns_form, done: Comparison::default() };
    comparer.parent(index);
    let fields = fields::of_kind(live.kind, Some(&live.key));
    comparer.fields(fields, &item.fields, Some(&live.object), None);
    comparer.done
}

struct Comparer<'c, 'a> {
    finder: &'c Finder<'a>,
    live: &'c Live,
    definition: &'static Definition,
    /// Whether the written form of the key is owned (spec section 3.3).
    owns_form: bool,
    done: Comparison,
}

impl Comparer<'_, '_> {
    /// A child that `id` pins and that names another parent would have to move.
    fn parent(&mut self, index: usize) {
        let Some(name) = self.definition.parent_names.first() else { return };
        let same = match (&self.finder.item(index).parent, self.finder.parents[index]) {
            (None, _) | (_, ParentOf::None | ParentOf::Missing) => true,
            (Some(_), ParentOf::Live(parent, _)) => Some(&parent.id) == self.live.parent.as_ref(),
            (Some(_), ParentOf::Item(parent)) => matches!(self.finder.standing[parent], Standing::Undecided),
        };
        if same {
            return;
        }
        let new = match (&self.finder.item(index).parent, self.finder.parents[index]) {
            (_, ParentOf::Live(parent, _)) => parent.key.own.text.clone(),
            (_, ParentOf::Item(parent)) => self.finder.key(parent),
            (Some(Parent::Reference(reference)), _) => human::target(reference),
            (Some(Parent::Item(parent)), _) => self.finder.key(*parent),
            (None, _) => String::new(),
        };
        let old = self.live.key.parent.as_ref().map_or(Value::Null, |part| part.text.clone().into());
        self.done.differences.push(Difference {
            path: (*name).to_owned(),
            old,
            new: new.into(),
            replaces: true,
        });
    }

    fn fields(
        &mut self,
        fields: &'static [Field],
        owned: &Owned,
        object: Option<&Value>,
        up: Option<&Trail<'_>>,
    ) {
        for field in fields {
            if let Some(desired) = wanted(owned, field) {
                self.field(desired, at(object, field.response), &Trail { up, field });
            }
        }
    }

    fn field(&mut self, desired: &FieldValue, live: Option<&Value>, trail: &Trail<'_>) {
        let field = trail.field;
        let equal = match desired {
            _ if settings::is_hidden(self.finder, self.live, field, live) => {
                self.done.not_compared.push(trail.path());
                true
            }
            FieldValue::Clear => self.is_cleared(live, trail),
            FieldValue::Value(_) if self.may_be_withheld(field) && live.is_none() => self.not_returned(trail),
            FieldValue::Secret(_)
                if matches!(field.ty, FieldType::Certificate) && !self.may_be_withheld(field) =>
            {
                self.same_certificate(live, trail)
            }
            FieldValue::Value(value) => self.is_equal(field, value, live),
            FieldValue::Reference(reference) => {
                self.finder.id(reference).is_some_and(|id| Some(id) == live.and_then(Value::as_str))
            }
            FieldValue::References(references) => self.same_references(references, live),
            FieldValue::Access(items) => ids(self.finder, items).is_some_and(|items| {
                forms::canonical(field.ty, Some(&items)) == forms::canonical(field.ty, live)
            }),
            FieldValue::Object(leaves) => {
                if let FieldType::Object(fields) = field.ty {
                    let differences = self.done.differences.len();
                    self.fields(fields, leaves, live, Some(trail));
                    // An object that only a new parent object can have: OpenVPN to IPsec.
                    if field.null == Null::Replace && is_unset(live) {
                        for difference in &mut self.done.differences[differences..] {
                            difference.replaces = true;
                        }
                    }
                }
                return;
            }
            FieldValue::Secret(secret) => self.same_secret(secret, trail),
        };
        if !equal {
            let replaces =
                field.fixed || (field.null == Null::Replace && matches!(desired, FieldValue::Clear));
            self.done.differences.push(Difference {
                path: trail.path(),
                old: human::live(self.finder, field, live, self.sealed(trail)),
                new: match desired {
                    // The zones that are not named stay, and show it.
                    FieldValue::Value(Value::Array(zones)) if matches!(field.ty, FieldType::Zones) => {
                        let merged =
                            FieldValue::Value(Value::Array(settings::merged_zones(self.finder, live, zones)));
                        human::desired(self.finder, field, &merged)
                    }
                    _ => human::desired(self.finder, field, desired),
                },
                replaces,
            });
        }
    }

    fn is_cleared(&self, live: Option<&Value>, trail: &Trail<'_>) -> bool {
        let unset = match trail.field.ty {
            // `CUSTOM` alone names no service.
            FieldType::Services => forms::canonical(trail.field.ty, live).is_null(),
            _ => is_unset(live),
        };
        unset && self.sealed(trail).is_none()
    }

    fn is_equal(&self, field: &Field, desired: &Value, live: Option<&Value>) -> bool {
        // A live key that is written otherwise is no change.
        let is_key = std::ptr::eq(field, self.definition.key_field());
        if is_key && self.owns_form {
            return Some(desired) == live;
        }
        let rule = if is_key { self.definition.key } else { field.ty.compare() };
        match (desired, field.ty) {
            (_, FieldType::Boolean) => truth(Some(desired)) == truth(live),
            (Value::Array(zones), FieldType::Zones) => {
                let merged = Value::Array(settings::merged_zones(self.finder, live, zones));
                forms::canonical(field.ty, Some(&merged)) == forms::canonical(field.ty, live)
            }
            (
                _,
                FieldType::Domains { .. }
                | FieldType::Subnets
                | FieldType::Services
                | FieldType::AccessItems(_)
                | FieldType::IpRanges
                | FieldType::Countries
                | FieldType::TextList,
            ) => {
                Some(desired) == live
                    || forms::canonical(field.ty, Some(desired)) == forms::canonical(field.ty, live)
            }
            (Value::String(text), _) => same_text(rule, text, live),
            (Value::Array(_), _) => same_set(rule, desired, live),
            _ => Some(desired) == live,
        }
    }

    fn same_references(&self, references: &[Reference], live: Option<&Value>) -> bool {
        let ids: BTreeSet<&str> =
            live.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut wanted = BTreeSet::new();
        for reference in references {
            match self.finder.id(reference) {
                Some(id) => wanted.insert(id),
                None => return false,
            };
        }
        wanted == ids
    }

    fn same_secret(&mut self, secret: &DesiredSecret, trail: &Trail<'_>) -> bool {
        let desired = match secret {
            DesiredSecret::Reference(reference) => reference.hash.as_ref(),
            DesiredSecret::HashOnly(hash) => Some(hash),
        };
        match (desired, self.sealed(trail)) {
            (Some(desired), Some(sealed)) if desired.key_id() == sealed.key_id() => desired == sealed,
            _ => self.not_returned(trail),
        }
    }

    /// Whether a field may be left out of answers although it is set: certificates of IPsec (spec section 5.2).
    fn may_be_withheld(&self, field: &Field) -> bool {
        matches!(field.ty, FieldType::Certificate) && self.live.kind == Kind::NetworkConnector
    }

    /// A certificate by reference, where the service shows all: only its hash is known, and the answer is in clear text.
    fn same_certificate(&mut self, live: Option<&Value>, trail: &Trail<'_>) -> bool {
        if is_unset(live) {
            return false;
        }
        self.done.not_compared.push(trail.path());
        true
    }

    /// What the service does not show counts as equal, with a note, unless the whole object that would hold it is not
    /// there: then nothing was withheld.
    fn not_returned(&mut self, trail: &Trail<'_>) -> bool {
        let holder_is_unset = trail.up.is_some_and(|up| is_unset(self.live.object.pointer(&up.response())));
        if holder_is_unset && self.live.sealed.is_empty() {
            return false;
        }
        self.done.not_compared.push(trail.path());
        true
    }

    fn sealed(&self, trail: &Trail<'_>) -> Option<&SecretHash> {
        if self.live.sealed.is_empty() {
            return None;
        }
        self.live.sealed.get(&JsonPointer::new(trail.response()))
    }
}

/// A side of an access group in the request's form; `None` while an object that it names does not exist.
fn ids(finder: &Finder<'_>, items: &[AccessItem]) -> Option<Value> {
    let item = |item: &AccessItem| {
        let parent = item.parent.as_ref().map(|parent| finder.id(parent).ok_or(())).transpose().ok()?;
        let children: Vec<&str> =
            item.children.iter().map(|child| finder.id(child)).collect::<Option<_>>()?;
        Some(json!({"type": item.of, "allCovered": item.all, "parent": parent, "children": children}))
    };
    items.iter().map(item).collect()
}

/// A field that an answer lacks is unset: false, empty.
fn truth(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool).unwrap_or_default()
}

fn same_text(rule: Compare, desired: &str, live: Option<&Value>) -> bool {
    let live = live.and_then(Value::as_str).unwrap_or_default();
    desired == live || rule.canonical(desired) == rule.canonical(live)
}

fn same_set(rule: Compare, desired: &Value, live: Option<&Value>) -> bool {
    // Mostly the service gives back what it was sent, in the same order and form.
    if Some(desired) == live {
        return true;
    }
    let set = |value: Option<&Value>| -> BTreeSet<String> {
        let list = value.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(|text| rule.canonical(text)).collect()
    };
    set(Some(desired)) == set(live)
}
