//! Verification: whether the tenant still is as a run left it (design: `verify`).
//!
//! Pure: what the run's report says of each change is compared with lists that were read since. What no list shows (the
//! domains of Cyber Shield, actions without a trace) cannot be verified, and is not.

use crate::{
    catalog::{self, Field, FieldType},
    current::{CurrentState, Live, LiveKind, is_unset},
    forms::canonical,
    plan::Action,
    report::{Report, ReportedChange, Verdict},
};
use connexa_types::Kind;
use serde_json::Value;
use std::collections::BTreeSet;

/// What has to be read to verify a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToRead {
    /// The kinds whose lists show what it touched.
    pub lists: BTreeSet<Kind>,
    /// The settings that it touched, by their paths.
    pub settings: BTreeSet<&'static str>,
}

impl ToRead {
    /// For the changes of a report of which something may be there.
    pub fn of(report: &Report) -> Self {
        let mut reads = Self::default();
        let verdicts = [Verdict::Succeeded, Verdict::Unknown, Verdict::Undone];
        for change in verdicts.into_iter().flat_map(|verdict| report.lists.of(verdict)) {
            let Ok(kind) = change.kind.parse::<Kind>() else { continue };
            if kind == Kind::Setting {
                reads.settings.extend(catalog::setting(&change.key).map(|setting| setting.path));
            } else if catalog::is_listed(kind) {
                reads.lists.insert(catalog::listed_with(kind));
            }
        }
        reads
    }
}

/// What a look at a change came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is as the run left it.
    AsLeft,
    /// Nothing shows it.
    NotShown,
    /// What was made, changed or found is not there any more.
    Missing,
    /// What was deleted, or undone, is there.
    StillThere,
    /// It differs in these fields, in spec names.
    Differs(Vec<String>),
    /// There is more than one object with the key of what was made; their ids, that of the run first.
    Duplicates(Vec<String>),
    /// Of a change that is unknown: the ids of objects with its key.
    Found(Vec<String>),
}

/// Looks at one change of a report.
pub fn verify(verdict: Verdict, change: &ReportedChange, current: &CurrentState) -> Finding {
    let Ok(kind) = change.kind.parse::<Kind>() else { return Finding::NotShown };
    if kind == Kind::Setting {
        return setting(verdict, change, current);
    }
    let Some(live) = current.kind(kind) else { return Finding::NotShown };
    let there = change.id.as_deref().and_then(|id| live.by_id(id));
    let gone = matches!(
        (verdict, change.action),
        (Verdict::Succeeded, Action::Delete) | (Verdict::Undone, Action::Create | Action::Replace)
    );
    match verdict {
        Verdict::Unknown => Finding::Found(with_key(live, change, None)),
        Verdict::Succeeded | Verdict::Undone if gone => match there {
            Some(_) => Finding::StillThere,
            None => Finding::AsLeft,
        },
        Verdict::Succeeded => {
            // What was already gone has no id, and nothing to be there.
            let Some(there) = there else {
                return if change.id.is_some() { Finding::Missing } else { Finding::NotShown };
            };
            let ids = with_key(live, change, Some(there));
            let made = matches!(change.action, Action::Create | Action::Replace);
            if made && ids.len() > 1 {
                return Finding::Duplicates(ids);
            }
            match (&change.object, change.action) {
                // Of what an action does, an object shows something at most.
                (Some(left), Action::Create | Action::Update | Action::Replace | Action::NoOp) => {
                    let mut names = Vec::new();
                    fields(catalog::definition(kind).fields, Some(left), Some(&there.object), "", &mut names);
                    if names.is_empty() { Finding::AsLeft } else { Finding::Differs(names) }
                }
                _ => Finding::AsLeft,
            }
        }
        Verdict::Undone | Verdict::Failed | Verdict::Skipped | Verdict::Unprocessed => Finding::NotShown,
    }
}

fn setting(verdict: Verdict, change: &ReportedChange, current: &CurrentState) -> Finding {
    let shown = catalog::setting(&change.key).zip(current.setting(&change.key));
    let Some((setting, live)) = shown.filter(|_| verdict == Verdict::Succeeded) else {
        return Finding::NotShown;
    };
    let left = change.object.as_ref().and_then(|object| object.get("value"));
    let (Some(left), Some(is)) = (left, live.object.get("value")) else { return Finding::NotShown };
    if same(setting.value.ty, Some(left), Some(is)) {
        Finding::AsLeft
    } else {
        Finding::Differs(vec![setting.path.to_owned()])
    }
}

/// The ids of the objects with the key of a change; that of `first` comes first.
fn with_key(live: &LiveKind, change: &ReportedChange, first: Option<&Live>) -> Vec<String> {
    if let Some(first) = first {
        let others = live.by_key(&first.key).filter(|other| other.id != first.id);
        std::iter::once(first).chain(others).map(|live| live.id.to_string()).collect()
    } else {
        let same = live.objects.iter().filter(|live| live.key.to_string() == change.key);
        same.map(|live| live.id.to_string()).collect()
    }
}

/// The fields in which an object is not as it was left. What is not shown is unset.
fn fields(all: &[Field], was: Option<&Value>, is: Option<&Value>, prefix: &str, names: &mut Vec<String>) {
    for field in all.iter().filter(|field| !field.volatile) {
        let at = |object: Option<&Value>| {
            field.response.split('/').try_fold(object?, |value, name| value.get(name)).cloned()
        };
        let (was, is) = (at(was), at(is));
        match field.ty {
            FieldType::Object(leaves) => {
                let prefix = format!("{prefix}{}.", field.name);
                fields(leaves, was.as_ref(), is.as_ref(), &prefix, names);
            }
            FieldType::Secret => {}
            ty if !same(ty, was.as_ref(), is.as_ref()) => names.push(format!("{prefix}{}", field.name)),
            _ => {}
        }
    }
}

fn same(ty: FieldType, was: Option<&Value>, is: Option<&Value>) -> bool {
    is_unset(was) && is_unset(is) || was == is || canonical(ty, was) == canonical(ty, is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[expect(clippy::needless_pass_by_value, reason = "calls read better")]
    fn change(action: Action, id: Option<&str>, object: Option<Value>) -> ReportedChange {
        let change =
            json!({ "kind": "network", "key": "paris", "action": action, "id": id, "object": object });
        serde_json::from_value(change).unwrap()
    }

    fn tenant(networks: &[Value]) -> CurrentState {
        let mut current = CurrentState::new("https://acme.example".into());
        let objects = networks.iter().map(|network| (network.clone(), BTreeMap::new())).collect();
        current.put_list(Kind::Network, objects, 1, true).unwrap();
        current
    }

    fn paris(id: &str, description: &str) -> Value {
        json!({ "id": id, "name": "paris", "description": description, "egress": false, "routes": [], "connectors": [] })
    }

    #[test]
    fn what_was_made_is_looked_for_by_its_id() {
        let made = change(Action::Create, Some("1"), Some(paris("1", "lab")));
        let look = |networks: &[Value]| verify(Verdict::Succeeded, &made, &tenant(networks));
        assert_eq!(look(&[paris("1", "lab")]), Finding::AsLeft);
        assert_eq!(look(&[paris("1", "office")]), Finding::Differs(vec!["description".to_owned()]));
        assert_eq!(look(&[]), Finding::Missing);
        assert_eq!(look(&[paris("2", "lab")]), Finding::Missing);
        assert_eq!(
            look(&[paris("2", "lab"), paris("1", "lab")]),
            Finding::Duplicates(vec!["1".to_owned(), "2".to_owned()])
        );
    }

    #[test]
    fn what_was_deleted_or_undone_is_gone() {
        let gone = change(Action::Delete, Some("1"), None);
        assert_eq!(verify(Verdict::Succeeded, &gone, &tenant(&[])), Finding::AsLeft);
        assert_eq!(verify(Verdict::Succeeded, &gone, &tenant(&[paris("1", "")])), Finding::StillThere);
        // Somebody has made another one since.
        assert_eq!(verify(Verdict::Succeeded, &gone, &tenant(&[paris("2", "")])), Finding::AsLeft);
        let undone = change(Action::Create, Some("1"), None);
        assert_eq!(verify(Verdict::Undone, &undone, &tenant(&[paris("1", "")])), Finding::StillThere);
    }

    #[test]
    fn of_what_is_unknown_it_is_told_what_is_there() {
        let unknown = change(Action::Create, None, None);
        let look = |networks: &[Value]| verify(Verdict::Unknown, &unknown, &tenant(networks));
        assert_eq!(look(&[]), Finding::Found(Vec::new()));
        assert_eq!(look(&[paris("7", "")]), Finding::Found(vec!["7".to_owned()]));
    }

    #[test]
    fn what_no_list_shows_is_not_verified() {
        let mut other = change(Action::Create, Some("1"), None);
        other.kind = "block_domain".to_owned();
        assert_eq!(verify(Verdict::Succeeded, &other, &tenant(&[])), Finding::NotShown);
        assert_eq!(
            verify(Verdict::Failed, &change(Action::Create, None, None), &tenant(&[])),
            Finding::NotShown
        );
    }
}
