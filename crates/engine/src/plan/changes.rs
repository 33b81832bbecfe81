//! The changes of a plan: one for each item, in input order, with what people are told about it.

use super::{
    compare::Comparison,
    fields::{Owned, wanted},
    find::{Finder, ParentOf, Standing, words},
    human,
    types::{Action, Change, Preset},
};
use crate::{
    catalog::{self, Field, FieldType},
    desired::FieldValue,
    problem::{Code, Problem},
    report::{ErrorType, Verdict},
    sorted_map::SortedMap,
};
use connexa_types::Kind;
use serde_json::Value;
use std::collections::BTreeMap;

/// What the plan decides about an item without a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing: it goes on.
    Open,
    /// It has errors.
    Invalid,
    /// Its object is there and differs.
    Conflict,
    /// It hangs on an item that fails.
    Skipped(usize),
}

/// Makes the change of an item.
pub(super) fn change(
    finder: &Finder<'_>,
    index: usize,
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
        action: Action::Create,
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
    match (finder.standing[index], comparison) {
        (Standing::Live(live), Some(comparison)) if comparison.differences.is_empty() => {
            change.action = Action::NoOp;
            change.object = Some(live.object.clone());
        }
        (Standing::Live(_), Some(comparison)) => {
            change.action = Action::Update;
            for difference in &comparison.differences {
                change
                    .fields
                    .insert(difference.path.clone(), [difference.old.clone(), difference.new.clone()]);
            }
        }
        _ => {
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
    }
    change.notice = notice(finder, index, &change);
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
        Fate::Open => None,
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
fn notice(finder: &Finder<'_>, index: usize, change: &Change) -> Option<String> {
    let kind = finder.kind(index)?;
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
            if change.fields.keys().any(|field| field.starts_with("ipsec")) {
                "the tunnel goes down until `ipsec-start`".to_owned()
            } else {
                format!("the connector goes dark until it has connected to {}", new("region")?.as_str()?)
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
        _ => return None,
    };
    Some(told)
}
