//! What goes along when an object is deleted (API section 10, rows 25 to 27).

use super::State;
use connexa_types::Kind;
use serde_json::{Map, Value};

impl State {
    /// Deletes an object with all its children, and drops what policies and access groups say of any of them.
    pub(crate) fn delete_tree(&mut self, kind: Kind, id: &str) {
        for child_kind in Kind::ALL.iter().copied().filter(|k| k.parent() == Some(kind)) {
            let children: Vec<String> =
                self.objects(child_kind, Some(id)).map(|child| child.id().to_owned()).collect();
            for child in children {
                self.forget(&child);
                self.delete(child_kind, &child);
            }
        }
        self.forget(id);
        self.delete(kind, id);
    }

    /// Drops an id from location contexts, device postures and access groups. A side of an access group may end up
    /// empty.
    fn forget(&mut self, id: &str) {
        for kind in [Kind::LocationContext, Kind::DevicePosture] {
            for policy in self.ids_of_referrers(kind, id) {
                self.act("UPDATE", kind, &policy, |policy| {
                    if let Some(Value::Array(groups)) = policy.fields.get_mut("userGroupsIds") {
                        groups.retain(|group| group != id);
                    }
                });
            }
        }
        for group in self.ids_of_referrers(Kind::AccessGroup, id) {
            self.act("UPDATE", Kind::AccessGroup, &group, |group| {
                for side in ["source", "destination"] {
                    if let Some(Value::Array(items)) = group.fields.get_mut(side) {
                        items.retain_mut(|item| item.as_object_mut().is_none_or(|item| survives(item, id)));
                    }
                }
            });
        }
    }

    fn ids_of_referrers(&self, kind: Kind, id: &str) -> Vec<String> {
        self.referrers(kind, id).map(|object| object.id().to_owned()).collect()
    }
}

/// Takes an id out of an access item; an item that named nothing else goes whole.
fn survives(item: &mut Map<String, Value>, id: &str) -> bool {
    if item.get("parent").is_some_and(|parent| parent == id) {
        return false;
    }
    match item.get_mut("children") {
        Some(Value::Array(children)) => {
            let before = children.len();
            children.retain(|child| child != id);
            let remaining = children.len();
            let all_covered = item.get("allCovered") == Some(&Value::Bool(true));
            remaining == before || remaining > 0 || all_covered
        }
        Some(_) | None => true,
    }
}
