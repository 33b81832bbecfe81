//! References to objects that are gone and made again: who named them, and the ids that they have now.

use super::{Impossible, set_back};
use crate::{
    catalog::{self, FieldType},
    current::{CurrentState, Live},
    forms,
    plan::{CallTemplate, Operation, TemplateText, references},
};
use connexa_types::{CallBody, Kind};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// The ids of objects that a run has deleted, and those under which they have been made again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renamed {
    ids: HashMap<String, Option<String>>,
}

impl Renamed {
    /// Notes that an object has been deleted.
    pub(crate) fn gone(&mut self, id: &str) {
        self.ids.entry(id.to_owned()).or_insert(None);
    }

    /// Notes that it has been made again.
    pub(crate) fn made_again(&mut self, old: &str, new: &str) {
        self.ids.insert(old.to_owned(), Some(new.to_owned()));
    }

    /// Whether an object was deleted and has been made again.
    pub(crate) fn is_made_again(&self, id: &str) -> bool {
        self.ids.get(id).is_some_and(Option::is_some)
    }

    /// The id that an object has now; `None` if it is gone.
    pub(crate) fn now<'i>(&'i self, id: &'i str) -> Option<&'i str> {
        match self.ids.get(id) {
            Some(new) => new.as_deref(),
            None => Some(id),
        }
    }

    /// Puts the ids of now into a call; references to what is gone are taken out of lists.
    pub(crate) fn put(&self, operation: &mut Operation) {
        if self.ids.is_empty() {
            return;
        }
        let call = &mut operation.call;
        for text in call.path_args.iter_mut().chain(call.query.iter_mut().map(|(_, text)| text)) {
            if let TemplateText::Text(id) = text
                && let Some(new) = self.now(id)
                && new != id
            {
                *id = new.to_owned();
            }
        }
        let Some(CallBody::Json(body)) = &mut call.body else { return };
        for field in catalog::definition(operation.kind).fields {
            let mut names = field.request.split('/');
            let value = names.try_fold(&mut *body, |value, name| value.get_mut(name));
            if let Some(value) = value {
                self.put_in(field.ty, value);
            }
        }
    }

    fn put_in(&self, ty: FieldType, value: &mut Value) {
        match (ty, value) {
            (FieldType::Reference(_), Value::String(id)) => {
                if let Some(new) = self.now(id) {
                    *id = new.to_owned();
                }
            }
            (FieldType::References(_), Value::Array(ids)) => self.put_in_list(ids),
            (FieldType::AccessItems(_), Value::Array(items)) => {
                items.retain_mut(|item| self.put_in_item(item));
            }
            _ => {}
        }
    }

    fn put_in_list(&self, ids: &mut Vec<Value>) {
        ids.retain_mut(|id| match id {
            Value::String(text) => match self.now(text) {
                Some(new) => {
                    *text = new.to_owned();
                    true
                }
                None => false,
            },
            _ => true,
        });
    }

    /// Whether anything of an item of an access group is left.
    fn put_in_item(&self, item: &mut Value) -> bool {
        if let Some(Value::String(parent)) = item.get_mut("parent") {
            let Some(new) = self.now(parent) else { return false };
            *parent = new.to_owned();
        }
        let is_all = item.get("allCovered") == Some(&Value::Bool(true));
        match item.get_mut("children") {
            Some(Value::Array(children)) if !children.is_empty() => {
                self.put_in_list(children);
                is_all || !children.is_empty()
            }
            _ => true,
        }
    }
}

/// What an object names, of some objects by their ids.
pub(crate) fn named(live: &Live, among: &HashMap<&str, usize>) -> Vec<usize> {
    let mut named: Vec<usize> =
        references(live).into_iter().filter_map(|(_, id)| among.get(id).copied()).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// The call that lets an object name again what it named before.
pub(crate) fn named_again(before: &Live) -> Result<Operation, Impossible> {
    set_back(before, &before.object, &[], &[])
}

/// The kinds of objects that silently lose references to deleted objects of a kind. Where the service refuses the delete of
/// what is named (a gateway, a group with members), nothing is lost.
pub(crate) const fn losers(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Network
        | Kind::Host
        | Kind::NetworkApplication
        | Kind::HostApplication
        | Kind::NetworkIpService
        | Kind::HostIpService => &[Kind::AccessGroup],
        Kind::UserGroup => &[Kind::AccessGroup, Kind::LocationContext, Kind::DevicePosture],
        _ => &[],
    }
}

/// An object as a call that changes it leaves it.
pub(crate) fn overlaid(live: &Live, call: &CallTemplate) -> Live {
    let Some(CallBody::Json(body)) = &call.body else { return live.clone() };
    let mut object = Value::clone(&live.object);
    for field in catalog::definition(live.kind).fields.iter().filter(|field| !field.request.contains('/')) {
        if let (Some(sent), Value::Object(object)) = (body.get(field.request), &mut object) {
            object.insert(field.response.to_owned(), forms::response(field.ty, sent));
        }
    }
    Live { object: object.into(), ..live.clone() }
}

/// The objects of a tenant that name others which are to be deleted.
pub(crate) fn named_by<'a>(current: &'a CurrentState, deleted: &HashSet<&str>) -> Vec<&'a Live> {
    if deleted.is_empty() {
        return Vec::new();
    }
    let kinds = current.kinds.iter().filter(|(kind, _)| catalog::is_listed(**kind));
    kinds
        .flat_map(|(_, kind)| &kind.objects)
        .filter(|live| !deleted.contains(live.id.as_str()))
        .filter(|live| references(live).iter().any(|(_, id)| deleted.contains(id)))
        .collect()
}
