//! A report as a table for spreadsheets: a row for each change.

use super::csv::guarded;
use connexa_engine::report::{Report, ReportedChange, Verdict};

const HEADER: [&str; 14] = [
    "verdict",
    "kind",
    "key",
    "action",
    "id",
    "attempts",
    "status",
    "note",
    "error_type",
    "error",
    "error_detail",
    "cause",
    "file",
    "line",
];

/// The rows, verdict by verdict in the order of the document.
pub(crate) fn table(report: &Report) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    let mut write = |row: [String; 14]| {
        out.write_record(row).expect("rows have the length of the header, and memory does not fail");
    };
    write(HEADER.map(str::to_owned));
    for verdict in Verdict::ALL {
        for change in report.lists.of(verdict) {
            write(row(verdict, change));
        }
    }
    let bytes = out.into_inner().expect("memory does not fail");
    String::from_utf8(bytes).expect("cells are UTF-8")
}

fn row(verdict: Verdict, change: &ReportedChange) -> [String; 14] {
    let text = |text: &Option<String>| text.as_deref().map(guarded).unwrap_or_default();
    let word = |value: Option<serde_json::Value>| {
        value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let detail = change.error_detail.as_ref().and_then(|detail| serde_json::to_string(detail).ok());
    let source = change.source.as_ref();
    let action = change.verb.as_deref().unwrap_or(change.action.as_str());
    [
        verdict.as_str().to_owned(),
        guarded(&change.kind),
        guarded(&change.key),
        action.to_owned(),
        text(&change.id),
        change.attempts.map(|n| n.to_string()).unwrap_or_default(),
        change.status.map(|n| n.to_string()).unwrap_or_default(),
        text(&change.note),
        word(change.error_type.and_then(|error| serde_json::to_value(error).ok())),
        text(&change.error),
        detail.unwrap_or_default(),
        text(&change.cause),
        source.map(|source| guarded(&source.file)).unwrap_or_default(),
        source.map(|source| source.line.to_string()).unwrap_or_default(),
    ]
}
