//! Plans and reports in Markdown, for a pull request or a ticket.
//!
//! Names come from the tenant and from files: whatever Markdown or HTML would take for its own is escaped in one place.

use super::{
    plan::value,
    text::{count, harmless, list, span_of_time},
};
use connexa_engine::{
    plan::{Action, Change, Plan},
    report::{QuotaSource, Report, ReportedChange, Verdict},
};
use std::{collections::BTreeMap, fmt::Write as _};

/// More rows than this are folded away.
const MOST_OPEN: usize = 25;

/// A plan.
pub(crate) fn plan(plan: &Plan) -> String {
    let mut out = format!("## Plan for {}\n\n", code(plan.tenant.as_str()));
    let acting: Vec<&Change> =
        plan.changes.iter().filter(|c| c.action != Action::NoOp && c.preset.is_none()).collect();
    let same = plan.changes.iter().filter(|c| c.action == Action::NoOp && c.preset.is_none()).count();
    if acting.is_empty() {
        let _ = writeln!(out, "**Nothing to do**: {} as the spec says.", count(same, "object"));
    } else {
        let mut by_action: BTreeMap<Action, usize> = BTreeMap::new();
        for change in &acting {
            *by_action.entry(change.action).or_default() += 1;
        }
        let actions = list(by_action.iter().map(|(action, n)| format!("{n} {}", action.as_str())));
        let _ = writeln!(out, "**{}**: {actions}; {same} unchanged.\n", count(acting.len(), "change"));
        let _ = writeln!(out, "{}\n", cost(plan));
        let rows = acting.iter().map(|change| {
            [change.action.as_str().to_owned(), code(&change.kind), code(&change.key), fields(change)]
        });
        table(&mut out, "changes", ["Action", "Kind", "Key", "Fields"], rows.collect());
    }
    let refused: Vec<&Change> = plan.changes.iter().filter(|c| c.preset.is_some()).collect();
    if !refused.is_empty() {
        let _ = writeln!(out, "\n### Will not be made\n");
        let rows = refused.iter().map(|change| {
            let why = change.preset.as_ref().map(|preset| escaped(&preset.error)).unwrap_or_default();
            [code(&change.kind), code(&change.key), why]
        });
        table(&mut out, "items", ["Kind", "Key", "Why"], rows.collect());
    }
    remarks(&mut out, "Cannot be undone", plan, |change| change.irreversible.as_deref());
    remarks(&mut out, "People will notice", plan, |change| change.notice.as_deref());
    let warnings = plan.warnings.iter().cloned().chain(plan.problems.iter().map(|problem| {
        let place = match (&problem.file, problem.line) {
            (Some(file), Some(line)) => format!("{file}:{line}: "),
            _ => String::new(),
        };
        format!("{place}{} ({})", problem.message, problem.code)
    }));
    bullets(&mut out, "Warnings", warnings);
    let _ = writeln!(out, "\nFingerprint: {}", code(&plan.fingerprint));
    out
}

/// A report.
pub(crate) fn report(report: &Report) -> String {
    let outcome = match serde_json::to_value(report.outcome) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    };
    let mut out = format!("## {} of {}: {outcome}\n\n", code(&report.run.command), code(&report.run.tenant));
    let number = |verdict: Verdict| report.lists.of(verdict).len();
    let counts = Verdict::ALL.iter().filter(|verdict| number(**verdict) > 0);
    let counts = list(counts.map(|verdict| format!("{} {}", number(*verdict), verdict.as_str())));
    let _ = writeln!(out, "**{}**\n", if counts.is_empty() { "Nothing to do".to_owned() } else { counts });
    let _ = writeln!(
        out,
        "Run {} started {}; {} update and {} read calls, {} throttled; {}.",
        code(&report.run.id),
        report.run.started,
        report.calls.update,
        report.calls.read,
        report.calls.throttled,
        span_of_time(report.timings.run_ms / 1000.0)
    );
    for verdict in
        [Verdict::Unknown, Verdict::Failed, Verdict::Skipped, Verdict::Unprocessed, Verdict::Undone]
    {
        let changes = report.lists.of(verdict);
        if changes.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n### {}\n", capital(verdict.as_str()));
        let rows = changes.iter().map(|change| {
            [change.action.as_str().to_owned(), code(&change.kind), code(&change.key), why(change)]
        });
        table(&mut out, "changes", ["Action", "Kind", "Key", "Why"], rows.collect());
    }
    let made: Vec<&ReportedChange> =
        report.lists.succeeded.iter().filter(|change| change.action != Action::NoOp).collect();
    if !made.is_empty() {
        let _ = writeln!(out, "\n### Succeeded\n");
        let rows = made.iter().map(|change| {
            let note = change.note.as_deref().map(escaped).unwrap_or_default();
            let id = change.id.as_deref().map(code).unwrap_or_default();
            [change.action.as_str().to_owned(), code(&change.kind), code(&change.key), id, note]
        });
        table(&mut out, "changes", ["Action", "Kind", "Key", "Id", "Note"], rows.collect());
    }
    bullets(&mut out, "Warnings", report.warnings.iter().cloned());
    if let Some(file) = &report.failures_file {
        let _ = writeln!(out, "\nWhat did not succeed stands in {}.", code(file));
    }
    out
}

fn cost(plan: &Plan) -> String {
    let cost = &plan.cost;
    let known = match cost.quota_source {
        Some(QuotaSource::Observed) => "rate limit as observed",
        Some(QuotaSource::Remembered) => "rate limit as remembered",
        Some(QuotaSource::None) => "no rate limit seen",
        Some(QuotaSource::Assumed) | None => "rate limit assumed",
    };
    format!(
        "{} update calls (a call per object: {}), about {} ({known}).",
        cost.update,
        cost.one_per_object,
        span_of_time(cost.seconds)
    )
}

/// What changes in an object.
fn fields(change: &Change) -> String {
    let shown = change.fields.iter().map(|(field, [old, new])| match change.action {
        Action::Create => format!("{}: {}", code(field), escaped(&value(new))),
        _ => format!("{}: {} → {}", code(field), escaped(&value(old)), escaped(&value(new))),
    });
    let verb = change.verb.iter().map(|verb| code(verb));
    verb.chain(shown).collect::<Vec<_>>().join("<br>")
}

fn why(change: &ReportedChange) -> String {
    let reasons = super::report::reasons(change, code).join("<br>");
    match &change.cause {
        Some(cause) => format!("{} (needs {})", escaped_but_code(&reasons), code(cause)),
        None => escaped_but_code(&reasons),
    }
}

/// Lines of reasons hold field names in code already; the words around them are escaped with the rest.
fn escaped_but_code(text: &str) -> String {
    text.split("<br>").map(|line| escape(line, |c| c == '`')).collect::<Vec<_>>().join("<br>")
}

fn remarks<'a>(
    out: &mut String,
    title: &str,
    plan: &'a Plan,
    remark: impl Fn(&'a Change) -> Option<&'a str>,
) {
    let lines = plan
        .changes
        .iter()
        .filter_map(|change| Some(format!("{} {}: {}", change.kind, change.key, remark(change)?)));
    bullets(out, title, lines);
}

fn bullets(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (at, line) in lines.enumerate() {
        if at == 0 {
            let _ = writeln!(out, "\n### {title}\n");
        }
        let _ = writeln!(out, "- {}", escaped(&line));
    }
}

fn table<const N: usize>(out: &mut String, noun: &str, header: [&str; N], rows: Vec<[String; N]>) {
    let folded = rows.len() > MOST_OPEN;
    if folded {
        let _ = writeln!(out, "<details><summary>{} {noun}</summary>\n", rows.len());
    }
    let _ = writeln!(out, "| {} |", header.join(" | "));
    let _ = writeln!(out, "|{}", " --- |".repeat(N));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    if folded {
        out.push_str("\n</details>\n");
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A text as code; a back quote in it cannot end it.
fn code(text: &str) -> String {
    let text = harmless(text).replace('`', "'").replace('|', "\\|");
    format!("`{text}`")
}

/// A text as it stands.
fn escaped(text: &str) -> String {
    escape(text, |_| false)
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in harmless(text).chars() {
        match letter {
            letter if keep(letter) => out.push(letter),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '@' => {
                out.push('\\');
                out.push(letter);
            }
            '\n' | '\r' => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_only_names() {
        assert_eq!(code("a`b|c"), "`a'b\\|c`");
        assert_eq!(escaped("<b>*x*</b> @all"), "&lt;b&gt;\\*x\\*&lt;/b&gt; \\@all");
    }
}
