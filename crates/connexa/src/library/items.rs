//! Items of a program, as the text of a list that the reader of specs takes: so they are checked as those of a file.

use connexa_engine::{
    report::{Report, ReportedChange},
    spec::{Format, SourceText},
};
use serde::Serialize;

/// How sources of items are named.
const NAME: &str = "items";

/// Items as text, and which of them could not be written.
pub(super) struct Items {
    pub(super) source: SourceText,
    /// Their places, and why.
    unwritten: Vec<(usize, String)>,
}

impl Items {
    /// Writes each item on a line of its own.
    pub(super) fn write<T: Serialize>(items: impl IntoIterator<Item = T>) -> Self {
        let mut unwritten = Vec::new();
        let mut text = String::from("[");
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                text.push_str(",\n");
            }
            match serde_json::to_string(&item) {
                Ok(item) => text.push_str(&item),
                // It keeps its place: the item is not valid, and the rest goes on.
                Err(error) => {
                    text.push_str("null");
                    unwritten.push((index, error.to_string()));
                }
            }
        }
        text.push(']');
        let source =
            SourceText { name: NAME.to_owned(), format: Some(Format::Json), bytes: text.into_bytes() };
        Self { source, unwritten }
    }

    /// Says of the items that could not be written why.
    pub(super) fn explain(&self, report: &mut Report) {
        for (index, why) in &self.unwritten {
            let stands_there = |change: &&mut ReportedChange| {
                change.source.as_ref().is_some_and(|source| usize::try_from(source.index) == Ok(*index))
            };
            for change in report.lists.failed.iter_mut().filter(stands_there) {
                change.error = Some(format!("the item cannot be written as JSON: {why}"));
            }
        }
    }
}
