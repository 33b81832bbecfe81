//! Lines of the input for people, except those that hold a secret.

use super::{names, node::Spot, source};
use std::{cell::OnceCell, collections::BTreeSet};

/// Longest excerpt, in characters.
const LONGEST: usize = 160;

/// Reads excerpts of one source.
pub(super) struct Excerpts<'a> {
    lines: Vec<&'a str>,
    /// Lines on which a secret stands in clear text.
    secret: &'a BTreeSet<u32>,
    /// Whether any line mentions a secret.
    mentions: OnceCell<bool>,
}

impl<'a> Excerpts<'a> {
    pub(super) fn new(bytes: &'a [u8], secret: &'a BTreeSet<u32>) -> Self {
        let lines = source::text(bytes).map(|text| text.split('\n').collect()).unwrap_or_default();
        Self { lines, secret, mentions: OnceCell::new() }
    }

    /// The line at a place, if it can be shown up to there. `parsed`: whether the text could be parsed at all, so that
    /// its secrets are known.
    pub(super) fn at(&self, at: Spot, parsed: bool) -> Option<String> {
        let line = self.lines.get(usize::try_from(at.line).ok()?.checked_sub(1)?)?;
        // In a text that is no YAML or JSON nobody knows where a value ends: it shows only if nothing sounds secret.
        let hidden = if parsed {
            self.secret.contains(&at.line)
        } else {
            *self.mentions.get_or_init(|| self.lines.iter().any(|l| names::mentions_secret(l)))
        };
        let shown = line.trim_end();
        if hidden || shown.is_empty() || at.column as usize > LONGEST {
            return None;
        }
        Some(match shown.char_indices().nth(LONGEST) {
            None => printable(shown),
            Some((end, _)) => format!("{}…", printable(&shown[..end])),
        })
    }
}

/// A text without control characters; each becomes one other character, so that columns stay.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}
