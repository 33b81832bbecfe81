//! Lines of the input for people, except those that hold a secret.

use super::{names, node::Spot, source};
use std::collections::BTreeSet;

/// Longest excerpt, in characters.
const LONGEST: usize = 160;

/// Reads excerpts of one source.
pub(super) struct Excerpts<'a> {
    lines: Vec<&'a str>,
    /// Lines on which a secret stands in clear text.
    secret: &'a BTreeSet<u32>,
}

impl<'a> Excerpts<'a> {
    pub(super) fn new(bytes: &'a [u8], secret: &'a BTreeSet<u32>) -> Self {
        Self { lines: source::text(bytes).map(|t| t.split('\n').collect()).unwrap_or_default(), secret }
    }

    /// The line at a place. `parsed`: whether the text could be parsed at all, so that its secrets are known.
    pub(super) fn at(&self, at: Spot, parsed: bool) -> Option<String> {
        let line = self.lines.get(usize::try_from(at.line).ok()?.checked_sub(1)?)?;
        // In a text that is no YAML or JSON nobody knows where a value ends: it shows only if nothing sounds secret.
        let hidden = if parsed {
            self.secret.contains(&at.line)
        } else {
            self.lines.iter().any(|l| names::sounds_secret(l))
        };
        let shown = line.trim_end();
        (!hidden && !shown.is_empty()).then(|| match shown.char_indices().nth(LONGEST) {
            None => shown.to_owned(),
            Some((end, _)) => format!("{}…", &shown[..end]),
        })
    }
}
