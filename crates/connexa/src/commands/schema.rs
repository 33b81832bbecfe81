//! `connexa schema`: the published JSON Schemas.

use crate::{
    cli::{Document, Schema},
    exit::Exit,
    screen::Screen,
};

/// The schema of a document.
pub(crate) const fn text(document: Document) -> &'static str {
    match document {
        Document::Report => include_str!("../../../../schemas/report.schema.json"),
        Document::Plan => include_str!("../../../../schemas/plan.schema.json"),
        Document::Events => include_str!("../../../../schemas/events.schema.json"),
        Document::Runs => include_str!("../../../../schemas/runs.schema.json"),
        Document::Problems => include_str!("../../../../schemas/problems.schema.json"),
        Document::Spec => include_str!("../../../../schemas/spec.schema.json"),
        Document::Reports => include_str!("../../../../schemas/reports.schema.json"),
    }
}

/// Prints a schema.
pub(crate) fn run(arguments: &Schema, screen: &Screen) -> Exit {
    screen.document(text(arguments.document));
    Exit::Complete
}
