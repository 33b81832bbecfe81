//! JSON for scripts, which may well be read on a terminal too.

use super::text::is_hazard;
use connexa_types::Kind;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// A document on several lines, with a final line end.
pub(crate) fn document(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("documents have text keys and no secret");
    text.push('\n');
    escaped(&text)
}

/// A value on one line, without a line end.
pub(crate) fn line(value: &impl Serialize) -> String {
    escaped(&serde_json::to_string(value).expect("documents have text keys and no secret"))
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
