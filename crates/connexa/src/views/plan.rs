//! The plan, for people: what will change, what it costs, what to think of before.

use super::{
    table,
    text::{Text, Tone, count, key_for_people, list, short_list, span_of_time},
};
use connexa_engine::{
    plan::{Action, Change, Plan},
    report::QuotaSource,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// More than this that people will notice is counted, not shown.
const MOST_NOTICES: usize = 3;

/// The whole plan: each change, then the summary.
pub(crate) fn text(plan: &Plan) -> Text {
    let mut text = Text::new();
    let mut shown = false;
    for change in &plan.changes {
        if change.action == Action::NoOp && change.preset.is_none() {
            continue;
        }
        shown = true;
        text = text.then(one(change));
    }
    if shown {
        text = text.end();
    }
    text.then(summary(plan)).then(Text::line(format_args!("fingerprint: {}", plan.fingerprint)))
}

/// Changes by kind and action, cost, warnings.
pub(crate) fn summary(plan: &Plan) -> Text {
    let todo = plan.changes.iter().filter(|c| c.action != Action::NoOp && c.preset.is_none()).count();
    let mut text = if todo == 0 {
        Text::line(format_args!("nothing to do: {} as the spec says", as_wanted(plan)))
    } else {
        Text::new()
            .plain("plan for ")
            .toned(Tone::Strong, &plan.tenant)
            .plain(format_args!(": {}", count(todo, "change")))
            .end()
            .end()
            .then(by_kind(plan))
            .end()
            .then(cost(plan))
    };
    let refused: Vec<&Change> = plan.changes.iter().filter(|c| c.preset.is_some()).collect();
    if !refused.is_empty() {
        text = text.then(Text::titled(
            Tone::Error,
            "error",
            format_args!("{} will not be made (see above)", count(refused.len(), "change")),
        ));
    }
    for (reason, keys) in grouped(plan, |c| c.irreversible.as_deref()) {
        let line = format_args!("cannot be undone: {} ({reason})", short_list(keys, 5));
        text = text.then(Text::titled(Tone::Warning, "warning", line));
    }
    let notices = grouped(plan, |c| c.notice.as_deref());
    let more = notices.len().saturating_sub(MOST_NOTICES);
    for (notice, keys) in notices.into_iter().take(MOST_NOTICES) {
        let line = format_args!("people will notice: {notice} ({})", short_list(keys, 5));
        text = text.then(Text::titled(Tone::Hint, "note", line));
    }
    if more > 0 {
        let line = format_args!("people will notice {more} more of these; `plan --output json` has them all");
        text = text.then(Text::titled(Tone::Hint, "note", line));
    }
    for warning in &plan.warnings {
        text = text.then(Text::titled(Tone::Warning, "warning", warning));
    }
    text
}

/// One line about the cost, for a question: `52 update calls, about 3 s`.
pub(crate) fn cost_in_short(plan: &Plan) -> String {
    let calls = usize::try_from(plan.cost.update).unwrap_or(usize::MAX);
    format!("{}, about {}", count(calls, "update call"), span_of_time(plan.cost.seconds))
}

fn as_wanted(plan: &Plan) -> String {
    let all = plan.changes.len();
    format!("{} {}", count(all, "object"), if all == 1 { "is" } else { "are" })
}

fn one(change: &Change) -> Text {
    let tone = match change.action {
        _ if change.preset.is_some() => Tone::Error,
        Action::Create => Tone::Good,
        Action::Delete | Action::Replace => Tone::Error,
        Action::Update | Action::Do => Tone::Warning,
        Action::NoOp => Tone::Dim,
    };
    let mut text = Text::new()
        .toned(tone, format_args!("{:<7}", doing(change)))
        .plain(" ")
        .toned(Tone::Dim, &change.kind)
        .plain(" ")
        .toned(Tone::Strong, key_for_people(&change.key, change.source.as_ref()))
        .end();
    if let Some(preset) = &change.preset {
        text = text.then(Text::line(format_args!("        {}: {}", preset.verdict.as_str(), preset.error)));
        for (field, messages) in &preset.error_detail {
            for message in messages {
                text = text.then(Text::line(format_args!("        {field}: {message}")));
            }
        }
        return text;
    }
    for (field, [old, new]) in &change.fields {
        let line = if change.action == Action::Create {
            format!("        {field}: {}", value(new))
        } else {
            format!("        {field}: {} → {}", value(old), value(new))
        };
        text = text.then(Text::line(line));
    }
    text
}

/// What a change does, in a word.
fn doing(change: &Change) -> &str {
    match &change.verb {
        Some(verb) if change.action == Action::Do => verb,
        _ => change.action.as_str(),
    }
}

/// A value as people write it.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "unset".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(self::value).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let parts: Vec<_> = map.iter().map(|(k, v)| format!("{k}: {}", self::value(v))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn by_kind(plan: &Plan) -> Text {
    let mut counts: BTreeMap<&str, BTreeMap<Action, usize>> = BTreeMap::new();
    let mut kinds: Vec<&str> = Vec::new();
    for change in plan.changes.iter().filter(|c| c.preset.is_none()) {
        if !kinds.contains(&change.kind.as_str()) {
            kinds.push(&change.kind);
        }
        *counts.entry(&change.kind).or_default().entry(change.action).or_default() += 1;
    }
    let actions: Vec<Action> =
        [Action::Create, Action::Update, Action::Replace, Action::Delete, Action::Do, Action::NoOp]
            .into_iter()
            .filter(|action| counts.values().any(|by| by.contains_key(action)))
            .collect();
    // All actions of one plan are the same one.
    let verb = plan.changes.iter().find_map(|change| change.verb.as_deref());
    let word = |action: &Action| match verb {
        Some(verb) if *action == Action::Do => verb.to_owned(),
        _ => action.as_str().to_owned(),
    };
    let words: Vec<String> = actions.iter().map(word).collect();
    let header = std::iter::once("kind").chain(words.iter().map(String::as_str));
    let rows = kinds.iter().map(|kind| {
        let numbers = actions.iter().map(|a| counts[kind].get(a).copied().unwrap_or(0).to_string());
        std::iter::once((*kind).to_owned()).chain(numbers).collect()
    });
    table::counts(header, rows)
}

fn cost(plan: &Plan) -> Text {
    let cost = &plan.cost;
    let update = usize::try_from(cost.update).unwrap_or(usize::MAX);
    let mut text = Text::line(format_args!(
        "calls: {update} update (a call per object: {}), {} read",
        cost.one_per_object, cost.read
    ));
    let known = match cost.quota_source {
        Some(QuotaSource::Observed) => "rate limit as observed",
        Some(QuotaSource::Remembered) => "rate limit as remembered",
        Some(QuotaSource::None) => "no rate limit seen",
        Some(QuotaSource::Assumed) | None => "rate limit assumed",
    };
    text = text.then(Text::line(format_args!("time:  about {} ({known})", span_of_time(cost.seconds))));
    // What takes no time takes none under any limit.
    if cost.assumed_seconds.values().any(|seconds| *seconds >= 1.0) {
        let each =
            cost.assumed_seconds.iter().map(|(profile, s)| format!("{} under {profile}", span_of_time(*s)));
        text = text.then(Text::line(format_args!("       {}", list(each))));
    }
    text
}

/// The keys of changes that share a remark.
fn grouped<'a>(
    plan: &'a Plan,
    remark: impl Fn(&'a Change) -> Option<&'a str>,
) -> BTreeMap<&'a str, Vec<String>> {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for change in &plan.changes {
        if let Some(remark) = remark(change) {
            groups.entry(remark).or_default().push(format!("{} `{}`", change.kind, change.key));
        }
    }
    groups
}
