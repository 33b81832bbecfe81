//! Devices above the limit of their user's group (E431), live ones counted.

use super::{
    fields::{at, wanted},
    find::{Finder, ParentOf, Resolved, Standing},
    problems::Problems,
};
use crate::{catalog, desired::FieldValue, spec::rules};
use connexa_types::Kind;
use serde_json::Value;
use std::collections::HashMap;

/// Whose devices are counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Owner<'a> {
    Item(usize),
    Live(&'a str),
}

/// Checks the devices to be created.
pub(super) fn check<'a>(finder: &Finder<'a>, problems: &mut Problems<'a>) {
    let mut counts: HashMap<Owner<'a>, (u64, Option<i64>)> = HashMap::new();
    let mut live_counts: Option<HashMap<&'a str, u64>> = None;
    for index in 0..finder.standing.len() {
        if finder.kind(index) != Some(Kind::Device)
            || !matches!(finder.standing[index], Standing::New)
            || problems.refuses(index)
        {
            continue;
        }
        let (owner, user) = match finder.parents[index] {
            ParentOf::Item(user) => (Owner::Item(user), Some(user)),
            ParentOf::Live(live, user) => (Owner::Live(live.id.as_str()), user),
            ParentOf::None | ParentOf::Missing => continue,
        };
        let (count, limit) = counts.entry(owner).or_insert_with(|| {
            let live = match owner {
                Owner::Item(user) => match finder.standing[user].live().filter(|_| finder.replaced[user]) {
                    // A new user in place of another takes its devices along.
                    Some(old) => {
                        let all = live_counts.get_or_insert_with(|| devices_by_user(finder));
                        all.get(old.id.as_str()).copied().unwrap_or_default()
                    }
                    None => 0,
                },
                Owner::Live(id) => {
                    let all = live_counts.get_or_insert_with(|| devices_by_user(finder));
                    all.get(id).copied().unwrap_or_default()
                }
            };
            (live, limit(finder, owner, user))
        });
        *count += 1;
        if let Some(problem) = limit.and_then(|most| rules::device_allowance(most, *count)) {
            problems.push(index, problem);
        }
    }
}

fn devices_by_user<'a>(finder: &Finder<'a>) -> HashMap<&'a str, u64> {
    let mut counts = HashMap::new();
    for live in finder.current.kind(Kind::Device).into_iter().flat_map(|kind| &kind.objects) {
        if let Some(user) = &live.parent {
            *counts.entry(user.as_str()).or_default() += 1;
        }
    }
    counts
}

/// The limit of a user's group as it will be, `None` if that was not read.
fn limit(finder: &Finder<'_>, owner: Owner<'_>, user: Option<usize>) -> Option<i64> {
    let named = user.and_then(|user| match finder.item(user).fields.get("group") {
        Some(FieldValue::Reference(reference)) => Some(finder.reference(reference)),
        _ => None,
    });
    let field = catalog::definition(Kind::UserGroup).field("max_device")?;
    let group = match (named, owner) {
        (Some(group), _) => group,
        (None, Owner::Live(id)) => {
            let live = finder.current.kind(Kind::User)?.by_id(id)?;
            let group = live.object.get("groupId")?.as_str()?;
            Resolved::Live(finder.current.kind(Kind::UserGroup)?.by_id(group)?)
        }
        (None, Owner::Item(_)) => return None,
    };
    let (item, live) = match group {
        Resolved::Item(item) => (Some(item), finder.standing[item].live()),
        Resolved::Live(live) => (finder.item_of(live), Some(live)),
        Resolved::Unchecked | Resolved::Missing | Resolved::Ambiguous => return None,
    };
    let owned = item.and_then(|item| match wanted(&finder.item(item).fields, field) {
        Some(FieldValue::Value(value)) => value.as_i64(),
        _ => None,
    });
    let read = || live.and_then(|live| at(Some(&live.object), field.response)).and_then(Value::as_i64);
    let filled_in = || field.default.and_then(|json| json.parse().ok()).filter(|_| live.is_none());
    owned.or_else(read).or_else(filled_in)
}
