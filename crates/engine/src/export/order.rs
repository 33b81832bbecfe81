//! The order of things in what is written: the same state must give the same bytes (spec section 9).

use crate::key::Compare;
use ipnet::IpNet;
use serde_json::Value;
use std::{borrow::Cow, net::IpAddr};

/// As texts are ordered: folded, then to the letter.
pub(super) fn text_order(text: &str) -> (String, &str) {
    (Compare::Folded.canonical(text), text)
}

/// Orders the elements of a set by their texts (of a reference that says how it names: by name or id), without repetition.
pub(super) fn by_text(mut elements: Vec<Value>) -> Vec<Value> {
    elements.sort_by_cached_key(|element| {
        let text = label(element);
        (Compare::Folded.canonical(&text), text.into_owned())
    });
    elements.dedup();
    elements
}

/// The text that an element is known by.
fn label(element: &Value) -> Cow<'_, str> {
    match element {
        Value::String(text) => Cow::Borrowed(text),
        Value::Object(map) => match map.values().next() {
            Some(Value::String(text)) => Cow::Borrowed(text),
            _ => Cow::Owned(element.to_string()),
        },
        other => Cow::Owned(other.to_string()),
    }
}

/// Orders words as `known` does; others come last, by their texts. Without repetition.
pub(super) fn by_table(mut words: Vec<Value>, known: &[&str]) -> Vec<Value> {
    let place = |word: &Value| {
        let text = word.as_str().unwrap_or_default();
        (known.iter().position(|k| k.eq_ignore_ascii_case(text)).unwrap_or(known.len()), word.to_string())
    };
    words.sort_by_cached_key(place);
    words.dedup();
    words
}

/// Orders networks or addresses by family and number, what is neither last; without repetition.
pub(super) fn by_number(mut elements: Vec<Value>) -> Vec<Value> {
    elements.sort_by_cached_key(|element| {
        let text = label(element);
        (number(&text), text.into_owned())
    });
    elements.dedup();
    elements
}

/// `IpAddr` and `IpNet` put IPv4 first, and shorter prefixes first among equal addresses.
fn number(text: &str) -> (bool, Option<(IpAddr, u8)>) {
    let net = text.parse::<IpNet>().map(|net| (net.addr(), net.prefix_len()));
    let found = net.or_else(|_| text.parse::<IpAddr>().map(|address| (address, u8::MAX))).ok();
    (found.is_none(), found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(value: &Value) -> Vec<Value> {
        value.as_array().unwrap().clone()
    }

    #[test]
    fn sets_have_one_order() {
        let texts = by_text(list(&json!(["b", {"id": "C"}, "a", "A", "b"])));
        assert_eq!(texts, list(&json!(["A", "a", "b", {"id": "C"}])));
        let words = by_table(list(&json!(["raw:X", "eset", "avg", "avg"])), &["AVG", "ESET"]);
        assert_eq!(words, list(&json!(["avg", "eset", "raw:X"])));
        let nets = by_number(list(&json!([
            "2001:db8::/32",
            "10.10.0.0/16",
            "10.9.0.0/16",
            "10.9.0.0/8",
            {"ip": "9.0.0.0/8", "description": "x"},
            "odd"
        ])));
        assert_eq!(
            nets,
            list(&json!([
                {"ip": "9.0.0.0/8", "description": "x"},
                "10.9.0.0/8",
                "10.9.0.0/16",
                "10.10.0.0/16",
                "2001:db8::/32",
                "odd"
            ]))
        );
        assert_eq!(
            by_number(list(&json!(["10.0.0.10", "10.0.0.9"]))),
            list(&json!(["10.0.0.9", "10.0.0.10"]))
        );
    }
}
