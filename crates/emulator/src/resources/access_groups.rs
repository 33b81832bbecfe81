//! Access groups (API sections 5.15 and 6.16; rows 25, 29 and 51 of section 10).

use super::{body, find, shown, unique};
use crate::{
    refusal::{Code, Refusal},
    request::{Answer, Request},
    state::{
        State,
        table::{Object, list, text},
    },
    validate::{Field, MANY, Nest, Rule, Schema, optional, required, schema},
};
use connexa_types::{
    Kind,
    schema::{AccessItemDestinationType, AccessItemSourceRemovalType, AccessItemSourceType},
};
use serde_json::{Map, Value};

const KIND: Kind = Kind::AccessGroup;

/// The fields of an item after its type.
const ALL_COVERED: Field = required("allCovered", Rule::Bool);
const PARENT: Field = optional("parent", Rule::Text);
const CHILDREN: Field = optional("children", Rule::List(0, MANY, &Rule::Text));

static SOURCE_ITEM: Schema = Schema {
    fields: &[required("type", Rule::Word(AccessItemSourceType::VALUES)), ALL_COVERED, PARENT, CHILDREN],
    also: Some(known_user_groups),
};

static DESTINATION_ITEM: Schema = Schema {
    fields: &[required("type", Rule::Word(AccessItemDestinationType::VALUES)), ALL_COVERED, PARENT, CHILDREN],
    also: Some(known_user_groups),
};

/// The description may be empty (row 18).
static REQUEST: Schema = schema(&[
    required("name", Rule::Length(1, 120)),
    optional("description", Rule::Length(0, 120)),
    required("source", Rule::List(1, MANY, &Rule::Object(&SOURCE_ITEM))),
    required("destination", Rule::List(1, MANY, &Rule::Object(&DESTINATION_ITEM))),
]);

/// Unknown user groups are faults of fields (row 57), other references are looked up later.
fn known_user_groups(item: &Map<String, Value>, nest: &mut Nest<'_>) {
    if item.get("type").is_some_and(|word| word == "USER_GROUP") {
        nest.check(item, "children", &Rule::List(0, MANY, &Rule::UserGroup));
    }
}

/// The two sides of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Destination,
}

impl Side {
    const fn field(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }

    fn item(self) -> &'static Schema {
        match self {
            Self::Source => &SOURCE_ITEM,
            Self::Destination => &DESTINATION_ITEM,
        }
    }

    /// The types that a removal can name.
    fn removable(self) -> &'static [&'static str] {
        match self {
            Self::Source => AccessItemSourceRemovalType::VALUES,
            Self::Destination => AccessItemDestinationType::VALUES,
        }
    }
}

pub(super) fn create(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let mut group = checked(request, state, None)?;
    group.insert("defaultGroup".into(), false.into());
    let id = state.create(KIND, None, ordered(group));
    shown(state, KIND, &id)
}

pub(super) fn update(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    let id = request.id();
    find(state, KIND, id)?;
    let mut group = checked(request, state, Some(id))?;
    super::keep(find(state, KIND, id)?, &mut group, &["defaultGroup"]);
    state.update(KIND, id, ordered(group));
    shown(state, KIND, id)
}

pub(super) fn delete(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    if is_default(find(state, KIND, request.id())?) {
        return Err(Refusal::not_possible("The default access group cannot be deleted"));
    }
    state.delete_tree(KIND, request.id());
    Ok(Answer::Empty)
}

/// Adds the item of the body to a side.
pub(super) fn add(request: &Request<'_>, state: &mut State, side: Side) -> Result<Answer, Refusal> {
    find(state, KIND, request.id())?;
    let item = body(request, side.item(), state)?;
    known_references(&item, side, "", state)?;
    state.act("UPDATE", KIND, request.id(), |group| {
        if let Some(Value::Array(items)) = group.fields.get_mut(side.field()) {
            items.push(item.into());
        }
    });
    shown(state, KIND, request.id())
}

/// Removes what the query names from a side: items of a type, of a type and parent, or one child of such items (an item
/// that loses its last child goes whole). A side may end up empty, as it may by a cascade (row 25).
pub(super) fn remove(request: &Request<'_>, state: &mut State, side: Side) -> Result<Answer, Refusal> {
    let kind = request.query.word("type", side.removable())?;
    find(state, KIND, request.id())?;
    let (parent, child) = (request.query.get("parentId"), request.query.get("childId"));
    state.act("UPDATE", KIND, request.id(), |group| {
        let Some(Value::Array(items)) = group.fields.get_mut(side.field()) else { return };
        items.retain_mut(|item| {
            let Value::Object(item) = item else { return true };
            let named = Some(text(item, "type")) == kind && parent.is_none_or(|p| text(item, "parent") == p);
            !named || child.is_some_and(|child| keeps_others(item, child))
        });
    });
    shown(state, KIND, request.id())
}

/// Takes a child out of an item; returns whether the item stays: it did not name the child, or it names others.
fn keeps_others(item: &mut Map<String, Value>, child: &str) -> bool {
    let Some(Value::Array(children)) = item.get_mut("children") else { return true };
    let before = children.len();
    children.retain(|c| c != child);
    children.len() == before || !children.is_empty()
}

fn is_default(group: &Object) -> bool {
    group.fields.get("defaultGroup") == Some(&Value::Bool(true))
}

/// The fields of the body in the order of the answer.
fn ordered(mut group: Map<String, Value>) -> Map<String, Value> {
    let names = ["name", "description", "defaultGroup", "source", "destination"];
    names.into_iter().filter_map(|name| Some((name.to_owned(), group.remove(name)?))).collect()
}

fn checked(
    request: &Request<'_>,
    state: &State,
    except: Option<&str>,
) -> Result<Map<String, Value>, Refusal> {
    let group = body(request, &REQUEST, state)?;
    unique(request, state, KIND, "name", &group, except)?;
    for side in [Side::Source, Side::Destination] {
        for (index, item) in list(&group, side.field()).iter().enumerate() {
            if let Value::Object(item) = item {
                known_references(item, side, &format!("{}[{index}].", side.field()), state)?;
            }
        }
    }
    Ok(group)
}

/// Checks parent and children of an item (row 51): they exist, the children belong to the parent, and what is a source
/// of traffic is an `IP_SOURCE` service. User groups have been looked up already.
fn known_references(
    item: &Map<String, Value>,
    side: Side,
    place: &str,
    state: &State,
) -> Result<(), Refusal> {
    let (parents, services): (&[Kind], &[Kind]) = match text(item, "type") {
        "USER_GROUP" => return Ok(()),
        "NETWORK_SERVICE" => (&[Kind::Network], &[Kind::NetworkApplication, Kind::NetworkIpService]),
        "HOST" | "HOST_SERVICE" => (&[Kind::Host], &[Kind::HostApplication, Kind::HostIpService]),
        // Published services: nothing in this API makes one.
        _ => (&[], &[]),
    };
    let parent = item.get("parent").and_then(Value::as_str);
    if let Some(parent) = parent
        && !parents.iter().any(|kind| state.get(*kind, parent).is_some())
    {
        return Err(Refusal::one(format!("{place}parent"), Code::NotFound, "parent not found"));
    }
    for (index, child) in list(item, "children").iter().filter_map(Value::as_str).enumerate() {
        let key = format!("{place}children[{index}]");
        let Some(service) = services.iter().find_map(|kind| state.get(*kind, child)) else {
            return Err(Refusal::one(key, Code::NotFound, "service not found"));
        };
        if service.parent.as_deref() != parent {
            return Err(Refusal::conflict(key, "The service does not belong to the parent"));
        }
        if side == Side::Source && service.text("type") != "IP_SOURCE" {
            return Err(Refusal::conflict(key, "Only services of type IP_SOURCE can be a source"));
        }
    }
    Ok(())
}
