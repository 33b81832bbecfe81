//! The changes of a plan: one for each item, in input order, then those that no item asks for; with what people are told
//! about them.

use super::{
    Mode,
    compare::Comparison,
    fates::Fate,
    fields::{Owned, wanted},
    find::{Finder, ParentOf, Standing, words},
    human,
    moves::Moves,
    steps::Extra,
    types::{Action, Change, Preset},
};
use crate::{
    catalog::{self, Field, FieldType},
    current::Live,
    desired::FieldValue,
    problem::{Code, Problem},
    report::{ErrorType, Verdict},
    sorted_map::SortedMap,
};
use connexa_types::Kind;
use serde_json::Value;
use std::collections::BTreeMap;

/// Makes the change of an item.
pub(super) fn change(
    finder: &Finder<'_>,
    index: usize,
    mode: Mode,
    comparison: Option<&Comparison>,
    fate: Fate,
    errors: &[&Problem],
) -> Change {
    let item = finder.item(index);
    let live = finder.standing[index].live();
    let mut change = Change {
        kind: match &item.kind {
            Ok(kind) => kind.singular().to_owned(),
            Err(word) => word.clone(),
        },
        key: finder.key(index),
        action: action(finder, index, mode, comparison),
        verb: None,
        unit: item.unit.as_deref().map(str::to_owned),
        // Settings have no ids, only paths.
        id: live.filter(|live| live.kind != Kind::Setting).map(|live| live.id.to_string()),
        fields: SortedMap::new(),
        irreversible: None,
        notice: None,
        source: Some(item.source.clone()),
        item: Some(item.given.clone()),
        object: None,
        note: None,
        parent: match finder.parents[index] {
            ParentOf::Item(parent) | ParentOf::Live(_, Some(parent)) => Some(parent),
            ParentOf::None | ParentOf::Live(_, None) | ParentOf::Missing => None,
        },
        preset: preset(finder, index, comparison, fate, errors),
    };
    if fate != Fate::Open {
        return change;
    }
    match change.action {
        Action::NoOp => {
            change.object = live.filter(|_| mode != Mode::Delete).map(|live| live.object.clone());
        }
        Action::Update | Action::Replace => {
            for difference in comparison.into_iter().flat_map(|comparison| &comparison.differences) {
                change
                    .fields
                    .insert(difference.path.clone(), [difference.old.clone(), difference.new.clone()]);
            }
        }
        Action::Create => {
            if let Some(kind) = finder.kind(index) {
                created_fields(
                    finder,
                    catalog::definition(kind).fields,
                    &item.fields,
                    "",
                    &mut change.fields,
                );
            }
        }
        Action::Delete | Action::Do => {}
    }
    change.notice = finder.kind(index).and_then(|kind| notice(kind, live, &change));
    change
}

/// What an item does.
fn action(finder: &Finder<'_>, index: usize, mode: Mode, comparison: Option<&Comparison>) -> Action {
    match (finder.standing[index], comparison) {
        (Standing::New, _) if mode == Mode::Delete => Action::NoOp,
        (Standing::Live(_) | Standing::Undecided, _) if mode == Mode::Delete => Action::Delete,
        (Standing::Live(_), _) if finder.replaced[index] => Action::Replace,
        (Standing::Live(_), Some(comparison)) if comparison.differences.is_empty() => Action::NoOp,
        (Standing::Live(_), Some(_)) if mode != Mode::Create => Action::Update,
        _ if mode == Mode::Update => Action::Update,
        _ => Action::Create,
    }
}

/// Makes the change of what no item asks for.
pub(super) fn extra(finder: &Finder<'_>, extra: &Extra<'_>, moves: &Moves<'_>) -> Change {
    let live = extra.live;
    let mut change = Change {
        kind: live.kind.singular().to_owned(),
        key: live.key.to_string(),
        action: extra.action,
        verb: None,
        unit: extra.unit.map(str::to_owned),
        id: Some(live.id.to_string()),
        fields: SortedMap::new(),
        irreversible: None,
        notice: None,
        source: None,
        item: None,
        object: None,
        note: extra.note.clone(),
        parent: extra.parent,
        preset: None,
    };
    if extra.action == Action::Update {
        for (side, old, new) in moves.shown(finder, live) {
            change.fields.insert(side.to_owned(), [old, new]);
        }
    }
    change.notice = notice(live.kind, Some(live), &change);
    change
}

/// Notes on the result of a comparison: `word`, and the secrets that count as equal because they cannot be compared.
pub(super) fn note(word: Option<&str>, comparison: &Comparison) -> Option<String> {
    let secrets = match comparison.not_compared.as_slice() {
        [] => None,
        [one] => Some(format!("`{one}` cannot be compared and counts as equal")),
        several => {
            let names: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("{} cannot be compared and count as equal", names.join(", ")))
        }
    };
    match (word, secrets) {
        (Some(word), Some(secrets)) => Some(format!("{word}; {secrets}")),
        (Some(word), None) => Some(word.to_owned()),
        (None, secrets) => secrets,
    }
}

fn created_fields(
    finder: &Finder<'_>,
    fields: &'static [Field],
    owned: &Owned,
    prefix: &str,
    shown: &mut SortedMap<String, [Value; 2]>,
) {
    for field in fields {
        match wanted(owned, field) {
            // null is not sent on create.
            None | Some(FieldValue::Clear) => {}
            Some(FieldValue::Object(leaves)) => {
                if let FieldType::Object(inner) = field.ty {
                    created_fields(finder, inner, leaves, &format!("{prefix}{}.", field.name), shown);
                }
            }
            Some(value) => {
                let new = human::desired(finder, field, value);
                shown.insert(format!("{prefix}{}", field.name), [Value::Null, new]);
            }
        }
    }
}

fn preset(
    finder: &Finder<'_>,
    index: usize,
    comparison: Option<&Comparison>,
    fate: Fate,
    errors: &[&Problem],
) -> Option<Preset> {
    match fate {
        Fate::Open | Fate::LeftOut => None,
        Fate::Invalid => Some(invalid(finder, index, errors)),
        Fate::Conflict => Some(conflict(finder, index, comparison)),
        Fate::Skipped(cause) => Some(Preset {
            verdict: Verdict::Skipped,
            error: format!(
                "{} `{}`, which it needs, cannot be had",
                kind_words(finder, cause),
                finder.key(cause)
            ),
            error_type: ErrorType::DependencyFailed,
            error_detail: BTreeMap::new(),
            cause: Some(finder.name(cause)),
        }),
    }
}

fn kind_words(finder: &Finder<'_>, index: usize) -> String {
    match &finder.item(index).kind {
        Ok(kind) => words(*kind),
        Err(word) => word.clone(),
    }
}

fn invalid(finder: &Finder<'_>, index: usize, errors: &[&Problem]) -> Preset {
    let key_field = finder.kind(index).map_or("kind", |kind| catalog::definition(kind).key_name);
    let mut detail: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for problem in errors {
        let field = problem.path.clone().unwrap_or_else(|| key_field.to_owned());
        let mut message = problem.message.clone();
        if let Some(expected) = &problem.expected {
            message = format!("{message}, expected {expected}");
        }
        detail.entry(field).or_default().push(format!("{message} ({})", problem.code));
    }
    // E006, E008 and E101 say that the kind is unknown, or not one that this command takes.
    let unknown = |p: &&Problem| [6, 8, 101].map(Code::error).contains(&p.code);
    let messages: Vec<&str> = errors.iter().map(|p| p.message.as_str()).collect();
    Preset {
        verdict: Verdict::Failed,
        error: match messages.as_slice() {
            [one] => format!("the item is not valid: {one}"),
            several => format!("the item has {} problems: {}", several.len(), several.join("; ")),
        },
        error_type: if finder.item(index).kind.is_err() || errors.iter().any(unknown) {
            ErrorType::UnknownKind
        } else {
            ErrorType::ValidationError
        },
        error_detail: detail,
        cause: None,
    }
}

fn conflict(finder: &Finder<'_>, index: usize, comparison: Option<&Comparison>) -> Preset {
    let differences = comparison.map_or(&[][..], |comparison| &comparison.differences);
    let names: Vec<String> = differences.iter().map(|d| format!("`{}`", d.path)).collect();
    let mut detail: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for d in differences {
        detail.entry(d.path.clone()).or_default().push(format!("is {}, not {}", d.old, d.new));
    }
    Preset {
        verdict: Verdict::Failed,
        error: format!(
            "{} `{}` is already there and differs in {}; use `update` to change it",
            kind_words(finder, index),
            finder.key(index),
            names.join(", ")
        ),
        error_type: ErrorType::Conflict,
        error_detail: detail,
        cause: None,
    }
}

/// What people will notice.
fn notice(kind: Kind, live: Option<&Live>, change: &Change) -> Option<String> {
    let new = |field: &str| change.fields.get(field).map(|[_, new]| new);
    let told = match (kind, change.action) {
        (Kind::User, Action::Create) => {
            format!("an invitation is mailed to {}", new("email")?.as_str()?)
        }
        (Kind::NetworkConnector, Action::Create) => {
            change.fields.keys().find(|field| field.starts_with("ipsec."))?;
            "the IPsec connector starts only with `ipsec-start`".to_owned()
        }
        (Kind::NetworkConnector | Kind::HostConnector, Action::Update) => {
            let region = new("region").and_then(Value::as_str);
            if change.fields.keys().any(|field| field.starts_with("ipsec")) {
                "the tunnel goes down until `ipsec-start`".to_owned()
            } else if live.is_some_and(is_ipsec) {
                // The other end does not connect by itself.
                format!("the tunnel goes down; `ipsec-start` brings it up in {}", region?)
            } else {
                format!("the connector goes dark until it has connected to {}", region?)
            }
        }
        (Kind::Network, Action::Update) if change.fields.contains_key("tunneling_protocol") => {
            "the connectors of the other protocol go dark".to_owned()
        }
        (Kind::Network, Action::Update) if new("egress") == Some(&Value::Bool(false)) => {
            "the network is no longer an internet gateway".to_owned()
        }
        (Kind::Network | Kind::Host | Kind::UserGroup, Action::Update) => {
            format!("traffic to the internet takes another way: `{}`", new("internet_access")?.as_str()?)
        }
        (_, Action::Replace) => replaced(kind, live, change)?,
        (_, Action::Delete) => deleted(kind)?.to_owned(),
        _ => return None,
    };
    Some(told)
}

fn is_ipsec(live: &Live) -> bool {
    live.object.get("ipSecConfig").is_some_and(Value::is_object)
}

/// What is lost, or to be done, beside the id (spec section 4).
fn replaced(kind: Kind, live: Option<&Live>, change: &Change) -> Option<String> {
    let was_ipsec = live.is_some_and(is_ipsec);
    let [cleared, given] =
        [Value::is_null, |value: &Value| !value.is_null()].map(|is: fn(&Value) -> bool| {
            change.fields.iter().any(|(f, [_, new])| f.starts_with("ipsec") && is(new))
        });
    Some(match kind {
        Kind::NetworkConnector if (was_ipsec && !cleared) || given => {
            "the tunnel goes down and the addresses are new: start it with `ipsec-start`".to_owned()
        }
        Kind::NetworkConnector | Kind::HostConnector => {
            "the connector goes dark until its new profile or token is installed, and has new addresses"
                .to_owned()
        }
        Kind::NetworkRoute => "IP services are placed in a route again by the service".to_owned(),
        Kind::User => {
            let email = match change.fields.get("email") {
                Some([_, new]) => new.as_str(),
                None => live.and_then(|live| live.object.get("email")).and_then(Value::as_str),
            };
            format!(
                "password, second factor and device profiles are lost; a new invitation is mailed to {}",
                email.unwrap_or("the user")
            )
        }
        Kind::Device => "its profile and its addresses are lost".to_owned(),
        _ => return None,
    })
}

/// What goes with a deleted object, beside its id.
fn deleted(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Network | Kind::Host => Some("what is behind it can no longer be reached"),
        Kind::NetworkConnector | Kind::HostConnector => Some("the connector goes dark"),
        Kind::User => {
            Some("the user can no longer connect; password, second factor and device profiles are lost")
        }
        Kind::Device => Some("its profile no longer connects"),
        _ => None,
    }
}
