//! The report of a run, for people: what did not succeed and why, in what state it was left, and how to go on.

use super::{
    table,
    text::{Text, Tone, count, key_for_people, list, plural, short_list, span_of_time},
};
use connexa_engine::{
    catalog,
    plan::{Action, Verb},
    report::{ErrorType, Origin, Report, ReportedChange, RunOutcome, Verdict},
    selection::COMMAND_LINE,
};
use connexa_types::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// More changes than this that did not succeed are counted, not shown; the whole is in the report file and in JSON.
const MOST_SHOWN: usize = 40;

/// The verdicts that are told change by change, the gravest first.
const TOLD: [Verdict; 4] = [Verdict::Unknown, Verdict::Failed, Verdict::Skipped, Verdict::Unprocessed];

/// How to go on from a report.
pub(crate) struct NextSteps<'a> {
    /// The command that applies the mended failures file.
    pub(crate) mend: Option<&'a str>,
    /// The command that was given, to be given again.
    pub(crate) again: Option<&'a str>,
    /// The command that continues the run.
    pub(crate) resume: Option<&'a str>,
    /// The command that takes back what it did.
    pub(crate) undo: Option<&'a str>,
}

/// The whole report.
pub(crate) fn text(report: &Report, next: &NextSteps<'_>) -> Text {
    let mut text = headline(report).then(files(report));
    let mut shown = 0;
    let (unstarted, with_reason): (Vec<_>, Vec<_>) = TOLD
        .iter()
        .flat_map(|verdict| families(*verdict, report.lists.of(*verdict)))
        .partition(|family| family.verdict == Verdict::Unprocessed && family.head.error_type.is_none());
    for family in &with_reason {
        shown += 1;
        if shown <= MOST_SHOWN {
            text = text.then(family.text());
        }
    }
    if shown > MOST_SHOWN {
        let more = format_args!("  and {} more in the report", shown - MOST_SHOWN);
        text = text.then(Text::line(more));
    }
    if !unstarted.is_empty() {
        text = text.then(not_started(&unstarted));
    }
    if !report.counts.is_empty() {
        text = text.end().then(counts(report));
    }
    text = text.end().then(figures(report));
    for warning in &report.warnings {
        text = text.then(Text::titled(Tone::Warning, "warning", warning));
    }
    text.then(hints(report, next))
}

/// One sentence on the whole.
fn headline(report: &Report) -> Text {
    let number = |v: Verdict| report.lists.of(v).len();
    let total: usize = Verdict::ALL.iter().map(|v| number(*v)).sum();
    let others = |but: &[Verdict]| {
        let rest = Verdict::ALL.iter().filter(|v| !but.contains(v) && number(**v) > 0);
        list(rest.map(|v| format!("{} {}", number(*v), v.as_str())))
    };
    let of = |n: usize| format!("{n} of {}", count(total, "change"));
    let because = |but: &[Verdict], text: String| match others(but) {
        rest if rest.is_empty() => text,
        rest => format!("{text}; {rest}"),
    };
    match report.outcome {
        RunOutcome::Complete | RunOutcome::Undone if total == 0 => Text::line("nothing to do"),
        RunOutcome::Undone => {
            let text = Text::new().toned(Tone::Good, "undone").plain(": ");
            let back = format!("{} taken back", count(number(Verdict::Undone), "change"));
            text.plain(because(&[Verdict::Undone], back)).end()
        }
        RunOutcome::Complete => {
            let no_op = report.lists.succeeded.iter().filter(|c| c.action == Action::NoOp).count();
            let text = Text::new().toned(Tone::Good, "done").plain(": ");
            if no_op == total {
                text.plain(format_args!(
                    "nothing to do, {} already {}",
                    count(total, "object"),
                    as_wanted(report)
                ))
                .end()
            } else {
                let rest = if no_op > 0 {
                    format!(", {no_op} already {}", as_wanted(report))
                } else {
                    String::new()
                };
                text.plain(format_args!("{} made{rest}", count(total - no_op, "change"))).end()
            }
        }
        RunOutcome::Refused => {
            Text::titled(Tone::Error, "error", format_args!("refused, nothing was changed; {}", others(&[])))
        }
        RunOutcome::Stuck => Text::titled(
            Tone::Error,
            "error",
            because(
                &[Verdict::Unknown],
                format!("the outcome of {} is not known", of(number(Verdict::Unknown))),
            ),
        ),
        RunOutcome::Running => Text::line(because(
            &[Verdict::Unprocessed],
            format!("at work; {} open", of(number(Verdict::Unprocessed))),
        )),
        RunOutcome::Interrupted => Text::titled(
            Tone::Error,
            "error",
            because(
                &[Verdict::Unprocessed],
                format!("interrupted; {} not started", of(number(Verdict::Unprocessed))),
            ),
        ),
        RunOutcome::Stopped => Text::titled(
            Tone::Error,
            "error",
            because(
                &[Verdict::Unprocessed],
                format!("stopped; {} not started", of(number(Verdict::Unprocessed))),
            ),
        ),
        RunOutcome::Partial => {
            let failed = number(Verdict::Failed);
            let (n, word, but) = if failed > 0 {
                (failed, "failed", Verdict::Failed)
            } else if number(Verdict::Skipped) > 0 {
                (number(Verdict::Skipped), "skipped", Verdict::Skipped)
            } else {
                (number(Verdict::Unprocessed), "not started", Verdict::Unprocessed)
            };
            Text::titled(Tone::Error, "error", because(&[but], format!("{} {word}", of(n))))
        }
    }
}

/// Where the files are that profiles went to.
fn files(report: &Report) -> Text {
    let mut text = Text::new();
    if report.run.command != Verb::Profile.as_str() {
        return text;
    }
    let mut notes = report.lists.succeeded.iter().filter_map(|change| change.note.as_deref());
    for note in notes.by_ref().take(MOST_SHOWN) {
        text = text.then(Text::line(format_args!("  {note}")));
    }
    match notes.count() {
        0 => text,
        more => text.then(Text::line(format_args!("  and {more} more in the report"))),
    }
}

/// How an object is of which nothing had to be changed.
fn as_wanted(report: &Report) -> &'static str {
    let no_op = |change: &&ReportedChange| change.action == Action::NoOp;
    let all = |note: &str| {
        report.lists.succeeded.iter().filter(no_op).all(|change| change.note.as_deref() == Some(note))
    };
    match report.run.command.as_str() {
        "delete" if all("already gone") => "gone",
        "plan" | "apply" => "as the spec says",
        "create" => "there",
        _ => "as wanted",
    }
}

/// Why a change did not succeed, each thing said once. `field` writes a field's name.
pub(super) fn reasons(change: &ReportedChange, field: impl Fn(&str) -> String) -> Vec<String> {
    let details = change.error_detail.iter().flatten();
    let details: Vec<(&String, &String)> =
        details.flat_map(|(field, messages)| messages.iter().map(move |message| (field, message))).collect();
    let found_by_us = matches!(change.error_type, Some(ErrorType::ValidationError | ErrorType::UnknownKind));
    let repeated = |error: &String| details.iter().any(|(_, message)| error.ends_with(message.as_str()));
    // Our own error is the sum of its details, and the service's words stand beside their field.
    let error = change.error.clone().filter(|error| details.is_empty() || !(found_by_us || repeated(error)));
    error
        .into_iter()
        .chain(details.iter().map(|(name, message)| format!("{}: {message}", field(name))))
        .collect()
}

/// A change that did not succeed, and its children that share its fate.
struct Family<'a> {
    verdict: Verdict,
    head: &'a ReportedChange,
    children: Vec<&'a ReportedChange>,
}

/// Joins children to their parent where both came to the same for the same reason.
fn families(verdict: Verdict, changes: &[ReportedChange]) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    // Parents come before their children, so that one look back is enough.
    let mut of: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for change in changes {
        let parent = parent_of(change).and_then(|parent| of.get(&parent).copied());
        let shares = parent.filter(|at| {
            let head = families[*at].head;
            change.error == head.error || change.cause.is_some() && change.cause == head.cause
        });
        if let Some(at) = shares {
            families[at].children.push(change);
        } else {
            of.insert((&change.kind, escaped(&change.key)), families.len());
            families.push(Family { verdict, head: change, children: Vec::new() });
        }
    }
    families
}

/// Kind and escaped key of a child's parent.
fn parent_of(change: &ReportedChange) -> Option<(&'static str, String)> {
    let parent = change.kind.parse::<Kind>().ok()?.parent()?;
    // The first slash that is not escaped ends the parent's name.
    let mut escaped = false;
    let end = change.key.char_indices().find_map(|(at, c)| match c {
        '\\' if !escaped => {
            escaped = true;
            None
        }
        '/' if !escaped => Some(at),
        _ => {
            escaped = false;
            None
        }
    })?;
    Some((parent.singular(), change.key[..end].to_owned()))
}

/// A top-level key as it stands inside the key of a child.
fn escaped(key: &str) -> String {
    key.replace('\\', "\\\\").replace('/', "\\/")
}

impl Family<'_> {
    fn text(&self) -> Text {
        let change = self.head;
        let tone = match self.verdict {
            Verdict::Unknown | Verdict::Failed => Tone::Error,
            _ => Tone::Warning,
        };
        let mut text = Text::new()
            .plain("  ")
            .toned(tone, change.verb.as_deref().unwrap_or(change.action.as_str()))
            .plain(format_args!(" {} `{}`", change.kind, key_for_people(&change.key, change.source.as_ref())))
            .plain(format_args!(": {}", self.fate()))
            .end();
        for line in reasons(change, |field| self.named(field)) {
            text = text.then(Text::line(format_args!("    {line}")));
        }
        if !self.children.is_empty() {
            text = text.then(Text::line(format_args!("    with it: {}", self.passengers())));
        }
        // What stands on the command line needs no looking for.
        if let Some(source) = change.source.as_ref().filter(|source| source.file != COMMAND_LINE) {
            let file = if source.file == "-" { "standard input" } else { &source.file };
            text = text.then(
                Text::new().plain("    ").toned(Tone::Dim, format_args!("at {file}:{}", source.line)).end(),
            );
        }
        text
    }

    /// A field, and the child that it is about: `routes[2].subnet (100.112.7.0/24)`.
    fn named(&self, field: &str) -> String {
        let child = || {
            let (nested_as, rest) = field.split_once('[')?;
            let index: usize = rest.split_once(']')?.0.parse().ok()?;
            let of_kind = |child: &&&ReportedChange| {
                let kind = child.kind.parse::<Kind>().ok().filter(|kind| catalog::is_listed(*kind));
                kind.is_some_and(|kind| catalog::definition(kind).nested_as == Some(nested_as))
            };
            let children: Vec<&&ReportedChange> = self.children.iter().filter(of_kind).collect();
            // Places in the call are places in the document only if all children stand there in one list.
            let as_written = |(at, child): (usize, &&&ReportedChange)| {
                child.source.as_ref().is_some_and(|source| source.index as usize == at)
            };
            children.iter().enumerate().all(as_written).then_some(())?;
            children.get(index).map(|child| &child.key[parent_part(&child.key)..])
        };
        match child() {
            Some(child) => format!("{field} ({child})"),
            None => field.to_owned(),
        }
    }

    /// What became of it and in what state it was left.
    fn fate(&self) -> String {
        let change = self.head;
        let left = match change.action {
            Action::Create => "nothing of it was made",
            Action::Update | Action::Do => "left unchanged",
            Action::Replace | Action::Delete => "left in place",
            Action::NoOp => "left as it is",
        };
        let attempts = change.attempts.unwrap_or(0) as usize;
        let sent = match (change.status, attempts) {
            (Some(status), n) => format!(" (status {status}, {})", count(n.max(1), "attempt")),
            (None, 0) => String::new(),
            (None, n) => format!(" ({})", count(n, "attempt")),
        };
        match self.verdict {
            Verdict::Failed => match change.error_type {
                Some(ErrorType::ValidationError | ErrorType::UnknownKind) => {
                    "invalid, no call was made".to_owned()
                }
                // A conflict that the plan saw has no attempt: there is a live object under that key.
                Some(ErrorType::Conflict) if attempts == 0 => "in conflict, left as it is".to_owned(),
                Some(ErrorType::PermissionDenied) => format!("not permitted by the API, {left}{sent}"),
                Some(ErrorType::NotFound) => format!("gone{sent}"),
                Some(ErrorType::Rejected | ErrorType::Conflict) => {
                    format!("rejected by the API, {left}{sent}")
                }
                Some(ErrorType::Unauthorized) => format!("the API did not accept the key, {left}{sent}"),
                Some(ErrorType::InternalError) => format!("a bug of connexa, {left}{sent}"),
                _ => format!("failed, {left}{sent}"),
            },
            Verdict::Skipped => match &change.cause {
                Some(cause) => format!("skipped, {left}; it needs {cause}"),
                None => format!("skipped, {left}"),
            },
            Verdict::Unprocessed => "not started".to_owned(),
            Verdict::Unknown => format!("sent, and it is not known whether it was done{sent}"),
            Verdict::Succeeded | Verdict::Undone => match change.origin {
                Some(Origin::Inferred) => "found after a lost answer".to_owned(),
                _ => self.verdict.as_str().to_owned(),
            },
        }
    }

    fn passengers(&self) -> String {
        let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
        for child in &self.children {
            match kinds.iter_mut().find(|(kind, _)| *kind == child.kind) {
                Some((_, keys)) => keys.push(key_for_people(&child.key, child.source.as_ref())),
                None => {
                    kinds.push((&child.kind, vec![key_for_people(&child.key, child.source.as_ref())]));
                }
            }
        }
        let own_part = |key: &&str| {
            let parent = parent_part(key);
            format!("`{}`", &key[parent..])
        };
        list(kinds.into_iter().map(|(kind, keys)| {
            format!("{} {}", plural(keys.len(), kind), short_list(keys.iter().map(own_part), 4))
        }))
    }
}

/// What was never started needs no reason of its own.
fn not_started(families: &[Family<'_>]) -> Text {
    let mut kinds: Vec<(&str, Vec<String>)> = Vec::new();
    for family in families {
        let key = format!("`{}`", key_for_people(&family.head.key, family.head.source.as_ref()));
        match kinds.iter_mut().find(|(kind, _)| *kind == family.head.kind) {
            Some((_, keys)) => keys.push(key),
            None => kinds.push((&family.head.kind, vec![key])),
        }
    }
    let text = kinds.into_iter().fold(Text::new(), |text, (kind, keys)| {
        let kind = plural(keys.len(), kind);
        let line = Text::new()
            .plain("  ")
            .toned(Tone::Warning, "not started")
            .plain(format_args!(": {kind} {}", short_list(keys, 4)))
            .end();
        text.then(line)
    });
    let reasons: BTreeSet<&str> = families.iter().filter_map(|family| family.head.error.as_deref()).collect();
    reasons.into_iter().fold(text, |text, reason| {
        let reason = reason.strip_prefix("not started: ").unwrap_or(reason);
        text.then(Text::line(format_args!("    {reason}")))
    })
}

/// Length of the parent's part of a child's key, the slash included.
fn parent_part(key: &str) -> usize {
    let mut escaped = false;
    for (at, c) in key.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '/' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    0
}

fn counts(report: &Report) -> Text {
    let verdicts: Vec<Verdict> = Verdict::ALL
        .into_iter()
        .filter(|v| report.counts.values().any(|by| by.get(v).is_some_and(|n| *n > 0)))
        .collect();
    let mut kinds: Vec<&String> = report.counts.keys().collect();
    kinds.sort_by_key(|kind| kind.parse::<Kind>().map_or(usize::MAX, |k| k as usize));
    let header = std::iter::once("kind").chain(verdicts.iter().map(|v| v.as_str()));
    let rows = kinds.into_iter().map(|kind| {
        let numbers = verdicts.iter().map(|v| report.counts[kind].get(v).copied().unwrap_or(0).to_string());
        std::iter::once(kind.clone()).chain(numbers).collect()
    });
    table::counts(header, rows)
}

fn figures(report: &Report) -> Text {
    let calls = &report.calls;
    let each = match calls.one_per_object {
        Some(n) if n > calls.update => format!(" (a call per object: {n})"),
        _ => String::new(),
    };
    let mut line = format!("calls: {} update{each}, {} read", calls.update, calls.read);
    for (n, word) in [(calls.throttled, "throttled"), (calls.retried, "retried")] {
        if n > 0 {
            line = format!("{line}, {n} {word}");
        }
    }
    let timings = &report.timings;
    let mut time = format!("time:  {}", span_of_time((timings.plan_ms + timings.run_ms) / 1000.0));
    if timings.waiting_ms >= 100.0 {
        // The last wait of a stopped run outlasts its last call.
        let waiting = span_of_time(timings.waiting_ms.min(timings.plan_ms + timings.run_ms) / 1000.0);
        time = format!("{time}, {waiting} of it waiting for the rate limit");
    }
    Text::line(line).then(Text::line(time)).then(Text::line(format_args!("run:   {}", report.run.id)))
}

/// Whether something of the run is left that goes on with it.
pub(crate) fn is_unfinished(report: &Report) -> bool {
    let lists = &report.lists;
    !lists.unknown.is_empty() || matches!(report.outcome, RunOutcome::Stopped | RunOutcome::Interrupted)
}

fn hints(report: &Report, next: &NextSteps<'_>) -> Text {
    let hint = |words: &str| Text::new().end().then(Text::titled(Tone::Hint, "hint", words));
    let lists = &report.lists;
    let mut text = Text::new();
    let unfinished = is_unfinished(report);
    // What was not started needs no mending, and what is unknown must be looked at: the run does both when it goes on.
    match (next.resume, next.again) {
        (Some(resume), _) if unfinished => {
            text = text.then(hint("the run can be continued:")).then(Text::line(format_args!("  {resume}")));
        }
        (None, Some(again)) if unfinished => {
            text = text.then(hint("the same command looks first, then does just what is missing:"));
            text = text.then(Text::line(format_args!("  {again}")));
        }
        _ => {}
    }
    if let Some(file) = &report.failures_file {
        let words = if report.outcome == RunOutcome::Undone {
            "what was taken back is written as a spec, too:"
        } else if lists.failed.is_empty() {
            "what was not done is written as a spec, too:"
        } else {
            "what did not succeed is written as a spec; mend it, then apply it:"
        };
        text = text.then(hint(words)).then(Text::line(format_args!("  {file}")));
        if let Some(command) = next.mend {
            text = text.then(Text::line(format_args!("  {command}")));
        }
    }
    let made = lists.succeeded.iter().any(|change| change.action != Action::NoOp);
    let whole = matches!(report.outcome, RunOutcome::Complete | RunOutcome::Running | RunOutcome::Refused);
    match next.undo {
        Some(undo) if made && !whole => {
            text.then(hint("what was done can be taken back:")).then(Text::line(format_args!("  {undo}")))
        }
        _ => text,
    }
}
