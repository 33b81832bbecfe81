//! Text that came from a server, made fit to be shown: cut, on one line, without control characters and
//! without what was secret in the request.

use connexa_types::SecretValue;
use serde_json::Value;
use std::fmt::Write as _;

/// The most characters of a foreign text that are kept.
pub(crate) const EXCERPT: usize = 2048;

/// What stands in the place of a secret.
const REDACTED: &str = "[secret]";

/// Secrets shorter than this are not looked for in foreign text: `1` or `abc` would hit everywhere.
const SHORTEST: usize = 4;

/// What must not be repeated from an answer, whatever the server put into it.
#[derive(Debug, Default)]
pub(crate) struct Redactor(Vec<SecretValue>);

impl Redactor {
    /// Adds a secret, in the forms in which a server may send it back: as it is, as inside a JSON string,
    /// and, for a text of several lines such as a private key, line by line.
    pub(crate) fn add(&mut self, secret: &str) {
        let quoted = Value::from(secret).to_string();
        let inner = &quoted[1..quoted.len() - 1];
        let lines = secret.lines().filter(|line| line.len() >= 2 * SHORTEST);
        for needle in [secret, inner].into_iter().chain(lines) {
            if needle.len() >= SHORTEST && !self.0.iter().any(|known| known.expose() == needle) {
                self.0.push(SecretValue::new(needle));
            }
        }
        // The longest first, since what contains another must not be left with a part of it.
        self.0.sort_by_key(|needle| std::cmp::Reverse(needle.expose().len()));
    }

    /// Adds all that `other` knows.
    pub(crate) fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|needle| self.add(needle.expose()));
    }

    /// Replaces each known secret in `text`.
    pub(crate) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, needle| {
            if text.contains(needle.expose()) { text.replace(needle.expose(), REDACTED) } else { text }
        })
    }

    /// A foreign body as one line for people: secrets out, cut, escaped.
    pub(crate) fn excerpt(&self, body: &[u8]) -> String {
        // Before the cut, which could halve a secret; and of the whole body, for the same reason.
        let body = self.apply(&String::from_utf8_lossy(body));
        escape(&cut(body.trim(), EXCERPT))
    }
}

/// At most `most` characters of `text`, with `…` where it was cut.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Makes visible what a terminal or a log would act on: control characters, bidirectional marks, invisible
/// characters and line separators.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_are_found_in_every_form() {
        let mut r = Redactor::default();
        r.add("line-one-long\nline \"two\" long");
        r.add("abc");
        let body = r#"{"message": "bad key line-one-long\nline \"two\" long and line-one-long"}"#;
        assert_eq!(r.excerpt(body.as_bytes()), r#"{"message": "bad key [secret] and [secret]"}"#);
        assert_eq!(r.apply("abc"), "abc", "too short to be told from other text");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn an_excerpt_is_one_short_harmless_line(body in proptest::collection::vec(any::<u8>(), 0..5000)) {
            let text = Redactor::default().excerpt(&body);
            prop_assert!(text.chars().all(|c| !c.is_control() && !is_invisible(c)));
            prop_assert!(text.chars().count() <= EXCERPT * 10 + 1);
        }

        #[test]
        fn a_secret_is_never_left(secret in "[a-z\"\\\\]{4,12}", before in ".{0,8}", after in ".{0,8}") {
            let mut r = Redactor::default();
            r.add(&secret);
            let raw = format!("{before}{secret}{after}");
            // The replacement itself may be next to text that completes the secret; it is looked for in what
            // is left.
            prop_assert!(!r.apply(&raw).split(REDACTED).any(|part| part.contains(&secret)));
        }
    }
}
