//! References that move to a new object (spec section 4): items of access groups that name an application or IP service
//! which is replaced. No other kind that is replaced is referred to by id.

use super::{
    body::Body,
    find::{Finder, ParentOf, Standing},
};
use crate::current::Live;
use connexa_types::{JsonPointer, Kind};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// The sides of an access group.
const SIDES: [&str; 2] = ["source", "destination"];

/// What is replaced and named in access groups, and the access groups that name it.
#[derive(Debug, Default)]
pub(super) struct Moves<'a> {
    /// Old id → the item whose new object takes its place.
    by_id: HashMap<&'a str, usize>,
    /// The access groups that name one of these.
    pub(super) groups: Vec<&'a Live>,
}

/// Whether access groups can name objects of a kind that can be replaced.
pub(super) fn is_named(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::NetworkApplication | Kind::HostApplication | Kind::NetworkIpService | Kind::HostIpService
    )
}

/// What moves on a side of an access group, as people read it: the side, old and new keys.
type Shown = Vec<(&'static str, Value, Value)>;

impl<'a> Moves<'a> {
    /// Finds them, for the items that are carried out.
    pub(super) fn find(finder: &Finder<'a>, open: impl Fn(usize) -> bool) -> Self {
        let mut moves = Self::default();
        for (index, replaced) in finder.replaced.iter().enumerate() {
            if let (true, Standing::Live(live)) = (*replaced && open(index), finder.standing[index])
                && is_named(live.kind)
            {
                moves.by_id.insert(live.id.as_str(), index);
            }
        }
        if !moves.by_id.is_empty() {
            let groups = finder.current.kind(Kind::AccessGroup).into_iter().flat_map(|kind| &kind.objects);
            moves.groups = groups.filter(|live| !moves.named_in(live).is_empty()).collect();
        }
        moves
    }

    /// Whether there is nothing to move.
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The items whose old objects an access group names, by side.
    pub(super) fn named_in(&self, group: &Live) -> BTreeMap<&'static str, Vec<usize>> {
        let mut named: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
        for side in SIDES {
            let items = group.object.get(side).and_then(Value::as_array).into_iter().flatten();
            let children = items.filter_map(|item| item.get("children")?.as_array()).flatten();
            for item in children.filter_map(|child| self.by_id.get(child.as_str()?)) {
                let list = named.entry(side).or_default();
                if !list.contains(item) {
                    list.push(*item);
                }
            }
        }
        named
    }

    /// What moves in an access group, as people read it: side, old and new keys.
    pub(super) fn shown(&self, finder: &Finder<'_>, group: &Live) -> Shown {
        let named = self.named_in(group);
        let show = |(side, items): (&'static str, Vec<usize>)| {
            let old = items.iter().filter_map(|item| finder.standing[*item].live());
            let old: Value = old.map(|live| Value::from(live.key.to_string())).collect();
            let new: Value = items.iter().map(|item| Value::from(finder.key(*item))).collect();
            (side, old, new)
        };
        named.into_iter().map(show).collect()
    }

    /// The items that stand for access groups in which something moves, and what does.
    pub(super) fn of_items(&self, finder: &Finder<'_>) -> Vec<(usize, Shown)> {
        let with_item = |group: &&'a Live| Some((finder.item_of(group)?, self.shown(finder, group)));
        self.groups.iter().filter_map(with_item).collect()
    }
}

/// Puts new objects in the place of replaced ones where the body of an access group names them as they were read.
pub(super) fn substitute(body: &mut Body, finder: &Finder<'_>, moves: &Moves<'_>) {
    if moves.is_empty() {
        return;
    }
    for side in SIDES {
        let own = format!("/{side}/");
        // A side that the item owns refers to the new objects already.
        if body.outputs.iter().any(|(at, _)| at.as_str().starts_with(&own)) {
            continue;
        }
        if let Some(Value::Array(items)) = body.json.get_mut(side) {
            let outputs = moved(items, finder, moves);
            let place = JsonPointer::default().child(side);
            body.outputs.extend(
                outputs.into_iter().map(|(at, item)| (JsonPointer::new(format!("{place}{at}")), item)),
            );
        }
    }
}

/// Takes old ids out of the items of a side and puts new ones in, each under its new parent. Returns the open places.
fn moved(items: &mut Vec<Value>, finder: &Finder<'_>, moves: &Moves<'_>) -> Vec<(JsonPointer, usize)> {
    let mut arrived: Vec<(Value, usize)> = Vec::new();
    for item in items.iter_mut() {
        let of = item.get("type").cloned().unwrap_or_default();
        let Some(Value::Array(children)) = item.get_mut("children") else { continue };
        children.retain(|child| {
            let new = child.as_str().and_then(|id| moves.by_id.get(id));
            arrived.extend(new.map(|new| (of.clone(), *new)));
            new.is_none()
        });
    }
    if arrived.is_empty() {
        return Vec::new();
    }
    let is_all = |item: &Value| item.get("allCovered") == Some(&Value::Bool(true));
    items.retain(|item| is_all(item) || item.get("children").is_none_or(|c| c != &json!([])));
    let mut outputs = Vec::new();
    // New parents that do not exist yet: item → place in the list.
    let mut new_parents: HashMap<usize, usize> = HashMap::new();
    for (of, item) in arrived {
        let (place, parent) = match finder.parents[item] {
            ParentOf::Live(parent, _) => {
                let id = Value::from(parent.id.as_str());
                let same = |other: &Value| other.get("type") == Some(&of) && other.get("parent") == Some(&id);
                if items.iter().any(|other| same(other) && is_all(other)) {
                    continue;
                }
                (items.iter().position(same), id)
            }
            ParentOf::Item(parent) => (new_parents.get(&parent).copied(), Value::Null),
            ParentOf::None | ParentOf::Missing => continue,
        };
        let place = place.unwrap_or_else(|| {
            let at = items.len();
            if let ParentOf::Item(parent) = finder.parents[item] {
                new_parents.insert(parent, at);
                outputs.push((JsonPointer::default().child(at).child("parent"), parent));
            }
            let members =
                [("type", of), ("allCovered", false.into()), ("parent", parent), ("children", json!([]))];
            items.push(Value::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
            ));
            at
        });
        if let Some(Value::Array(children)) = items[place].get_mut("children") {
            outputs.push((JsonPointer::default().child(place).child("children").child(children.len()), item));
            children.push(Value::Null);
        }
    }
    outputs
}
