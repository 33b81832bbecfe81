//! Which lists a view needs. Each costs calls, so that those for names alone are asked for only if a name is needed.

use crate::{
    catalog::{self, FieldType},
    current::{CurrentState, Live},
};
use connexa_types::{JsonPointer, Kind};
use serde_json::Value;
use std::collections::BTreeSet;

/// The lists that show the objects of these kinds, and the parents of those that have a list of their own.
pub fn own_lists(kinds: impl IntoIterator<Item = Kind>) -> BTreeSet<Kind> {
    let listed = kinds.into_iter().filter(|kind| catalog::is_listed(*kind));
    listed.flat_map(|kind| [catalog::listed_with(kind), kind.parent().unwrap_or(kind)]).collect()
}

/// The lists, not read so far, that name what the objects of these kinds refer to.
pub fn referred(current: &CurrentState, kinds: impl IntoIterator<Item = Kind>) -> BTreeSet<Kind> {
    let mut lists = BTreeSet::new();
    for kind in kinds {
        let fields = catalog::definition(kind).fields;
        for live in current.kind(kind).map_or(&[][..], |live| &live.objects) {
            for field in fields {
                let of = match field.ty {
                    FieldType::Reference(of) | FieldType::References(of) => Some(of),
                    FieldType::AccessItems(_) => None,
                    _ => continue,
                };
                let place = field.response.split('/').fold(JsonPointer::default(), |at, name| at.child(name));
                let Some(value) = place.get(&live.object) else { continue };
                match (of, value) {
                    (Some(of), Value::String(id)) if !id.is_empty() => _ = lists.insert(of),
                    (Some(of), Value::Array(ids)) if !ids.is_empty() => _ = lists.insert(of),
                    (None, Value::Array(items)) => items.iter().for_each(|item| access(item, &mut lists)),
                    _ => {}
                }
            }
        }
    }
    lists.retain(|kind| current.kind(*kind).is_none());
    lists.into_iter().map(catalog::listed_with).collect()
}

/// What an item of a side of an access group names.
fn access(item: &Value, lists: &mut BTreeSet<Kind>) {
    let has_children =
        item.get("children").and_then(Value::as_array).is_some_and(|children| !children.is_empty());
    let has_parent = item.get("parent").and_then(Value::as_str).is_some_and(|parent| !parent.is_empty());
    let single = has_children && item.get("allCovered") != Some(&Value::Bool(true));
    let family: &[Kind] = match item.get("type").and_then(Value::as_str) {
        Some("USER_GROUP") if single => {
            lists.insert(Kind::UserGroup);
            return;
        }
        Some("NETWORK_SERVICE") => &[Kind::Network, Kind::NetworkApplication, Kind::NetworkIpService],
        Some("HOST" | "HOST_SERVICE") => &[Kind::Host, Kind::HostApplication, Kind::HostIpService],
        _ => return,
    };
    if has_parent {
        // Services are named by their parent and name.
        lists.extend(if single { family } else { &family[..1] });
    }
}

/// Whether an object is one of those that an export leaves to the service or to the identity provider: the owner, and
/// users that do not sign in with a password of ours; with their devices.
pub(super) fn is_foreign(current: &CurrentState, live: &Live) -> bool {
    let text = |name: &str| live.object.get(name).and_then(Value::as_str);
    match live.kind {
        Kind::User => {
            text("role") == Some("OWNER") || text("authType").is_some_and(|auth| auth != "INTERNAL")
        }
        Kind::Device => {
            let user = live.parent.as_ref().and_then(|id| current.kind(Kind::User)?.by_id(id.as_str()));
            user.is_some_and(|user| is_foreign(current, user))
        }
        _ => false,
    }
}
