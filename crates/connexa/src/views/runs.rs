//! Runs as a list: for people, spreadsheets and scripts.

use super::{
    csv::guarded,
    table,
    text::{Text, count, list},
};
use connexa_engine::{
    record::RunHead,
    report::{RunOutcome, Verdict},
};
use connexa_types::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The document `connexa.runs/1`.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    schema: &'static str,
    runs: Vec<Line<'a>>,
}

/// One run of it.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    id: &'a str,
    command: &'a str,
    tenant: &'a str,
    outcome: RunOutcome,
    started: Timestamp,
    finished: Option<Timestamp>,
    counts: BTreeMap<&'a str, BTreeMap<Verdict, u64>>,
}

/// The runs as a document.
pub(crate) fn document(heads: &[RunHead]) -> Document<'_> {
    Document { schema: "connexa.runs/1", runs: heads.iter().map(line).collect() }
}

/// One run as it stands in the document.
pub(crate) fn line(head: &RunHead) -> Line<'_> {
    let counts = head.counts.iter().filter(|(_, verdicts)| !verdicts.is_empty());
    Line {
        id: &head.id.0,
        command: &head.command,
        tenant: head.tenant.as_str(),
        outcome: head.outcome,
        started: head.started,
        finished: head.finished,
        counts: counts.map(|(kind, verdicts)| (kind.as_str(), verdicts.clone())).collect(),
    }
}

/// The table for people.
pub(crate) fn text(heads: &[RunHead]) -> Text {
    if heads.is_empty() {
        return Text::line("no runs yet");
    }
    let header = ["run", "command", "started", "outcome", "changes"].map(str::to_owned);
    let rows: Vec<Vec<String>> = heads
        .iter()
        .map(|head| {
            let outcome = if head.abandoned { "abandoned" } else { word(head.outcome) };
            vec![
                head.id.to_string(),
                head.command.clone(),
                format!("{:.0}", head.started),
                outcome.to_owned(),
                changes(head),
            ]
        })
        .collect();
    table::texts(&header, &rows)
}

/// The rows for spreadsheets.
pub(crate) fn csv(heads: &[RunHead]) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    let mut write = |row: Vec<String>| {
        out.write_record(row).expect("rows have the length of the header, and memory does not fail");
    };
    let fixed = ["run", "command", "tenant", "outcome", "started", "finished"].map(str::to_owned);
    write(fixed.into_iter().chain(Verdict::ALL.map(|verdict| verdict.as_str().to_owned())).collect());
    for head in heads {
        let finished = head.finished.map(|at| at.to_string()).unwrap_or_default();
        let fixed = [
            head.id.to_string(),
            guarded(&head.command),
            guarded(head.tenant.as_str()),
            word(head.outcome).to_owned(),
            head.started.to_string(),
            finished,
        ];
        write(
            fixed.into_iter().chain(Verdict::ALL.map(|verdict| number(head, verdict).to_string())).collect(),
        );
    }
    let bytes = out.into_inner().expect("memory does not fail");
    String::from_utf8(bytes).expect("cells are UTF-8")
}

/// An outcome in one word.
pub(crate) const fn word(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Complete => "complete",
        RunOutcome::Partial => "partial",
        RunOutcome::Stopped => "stopped",
        RunOutcome::Stuck => "stuck",
        RunOutcome::Undone => "undone",
        RunOutcome::Refused => "refused",
        RunOutcome::Running => "running",
        RunOutcome::Interrupted => "interrupted",
    }
}

fn number(head: &RunHead, verdict: Verdict) -> u64 {
    head.counts.values().filter_map(|verdicts| verdicts.get(&verdict)).sum()
}

/// What came of its changes so far: `3 succeeded, 1 failed`.
pub(crate) fn changes(head: &RunHead) -> String {
    let told = Verdict::ALL.into_iter().filter(|verdict| number(head, *verdict) > 0);
    let told = list(told.map(|verdict| format!("{} {}", number(head, verdict), verdict.as_str())));
    match (told.is_empty(), usize::try_from(head.open).unwrap_or(usize::MAX)) {
        (true, 0) => "none".to_owned(),
        (true, open) => format!("{} not settled", count(open, "call")),
        (false, 0) => told,
        (false, open) => format!("{told}; {} not settled", count(open, "call")),
    }
}
