//! JSON for scripts, which may well be read on a terminal too.

use super::text::is_hazard;
use connexa_types::Kind;
use serde::Serialize;
use serde_json::{
    Map, Serializer, Value,
    ser::{CompactFormatter, Formatter, PrettyFormatter},
};
use std::{fmt::Write as _, io};

/// Writes a document on several lines, with a final line end. It is never in memory as a whole.
pub(crate) fn write(value: &impl Serialize, mut to: impl io::Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut to, Harmless(PrettyFormatter::new())))?;
    to.write_all(b"\n")
}

/// A document on several lines, with a final line end.
pub(crate) fn document(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    write(value, &mut text).expect("documents have text keys and no secret");
    String::from_utf8(text).expect("JSON is text")
}

/// A value on one line, without a line end.
pub(crate) fn line(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    let mut to = Serializer::with_formatter(&mut text, Harmless(CompactFormatter));
    value.serialize(&mut to).expect("documents have text keys and no secret");
    String::from_utf8(text).expect("JSON is text")
}

/// An item of a spec as a line of JSON Lines, which says its kind; without a line end.
pub(crate) fn item(kind: Kind, item: Map<String, Value>) -> String {
    let mut named = Map::from_iter([("kind".to_owned(), kind.singular().into())]);
    named.extend(item);
    line(&named)
}

/// Escapes what could steer a terminal. JSON itself does so for C0 only; outside of texts there is nothing else.
pub(crate) fn escaped(json: &str) -> String {
    if !json.chars().any(|c| c != '\n' && is_hazard(c)) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c != '\n' && is_hazard(c) {
            // All hazards lie in the basic plane, where one escape is one character.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Writes as another formatter does, and escapes what could steer a terminal.
struct Harmless<F>(F);

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return self.0.write_string_fragment(writer, fragment);
        }
        self.0.write_string_fragment(writer, &escaped(fragment))
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn escaping_changes_no_value(text in any::<String>()) {
            let value = serde_json::json!({ "a": text });
            let json = document(&value);
            prop_assert!(json.chars().all(|c| c == '\n' || !is_hazard(c)));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
        }
    }
}
