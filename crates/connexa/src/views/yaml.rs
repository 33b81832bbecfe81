//! YAML as specs are written: block style, two spaces, texts plain where they read back as such, else in JSON quotes
//! (spec section 9).

use super::{json, text::is_hazard};
use serde_json::Value;

/// A value as a YAML document, with a final line end.
pub(crate) fn document(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(map, 0, false, &mut out),
        Value::Array(items) if !items.is_empty() => sequence(items, 0, &mut out),
        other => {
            out.push_str(&flat(other));
            out.push('\n');
        }
    }
    out
}

/// Writes a mapping; `in_line` if the first key continues a line (after `- `).
fn mapping(map: &serde_json::Map<String, Value>, indent: usize, in_line: bool, out: &mut String) {
    for (at, (key, value)) in map.iter().enumerate() {
        if !(in_line && at == 0) {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&text(key));
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                mapping(inner, indent + 2, false, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                sequence(items, indent + 2, out);
            }
            other => {
                out.push(' ');
                out.push_str(&flat(other));
                out.push('\n');
            }
        }
    }
}

fn sequence(items: &[Value], indent: usize, out: &mut String) {
    for item in items {
        out.push_str(&" ".repeat(indent));
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => mapping(map, indent + 2, true, out),
            // A list in a list: in flow style, which JSON is.
            Value::Array(_) => {
                out.push_str(&json::line(item));
                out.push('\n');
            }
            other => {
                out.push_str(&flat(other));
                out.push('\n');
            }
        }
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::String(s) => text(s),
        other => json::line(other),
    }
}

fn text(text: &str) -> String {
    if reads_back(text) { text.to_owned() } else { json::line(&text) }
}

/// Whether a plain scalar of this text is this text again, under the core schema of YAML 1.2.
fn reads_back(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let indicator = "-?:,[]{}#&*!|>'\"%@`".contains(first);
    let ends_badly = text.ends_with(':') || text.trim() != text;
    let odd_inside = text.contains(": ") || text.contains(" #") || text.chars().any(is_hazard);
    !(indicator || ends_badly || odd_inside || resolves(text))
}

/// Whether the core schema takes the text for something else than a text: null, a boolean, a number. A little more than
/// it does, for readers of YAML 1.1.
fn resolves(text: &str) -> bool {
    let folded = text.to_ascii_lowercase();
    let word = matches!(
        folded.as_str(),
        "~" | "null"
            | "true"
            | "false"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "y"
            | "n"
            | "---"
            | "..."
            | "="
            | "<<"
    );
    let unsigned = folded.trim_start_matches(['-', '+']);
    let special = matches!(unsigned, ".inf" | ".nan" | ".");
    let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && (unsigned.replace('_', "").parse::<f64>().is_ok()
            || unsigned.starts_with("0x")
            || unsigned.starts_with("0o")
            // Dates and sexagesimal numbers of YAML 1.1.
            || unsigned.chars().all(|c| c.is_ascii_digit() || "-:._".contains(c)) && !is_dotted(unsigned));
    word || special || numeric
}

/// An IPv4 address looks like no number to any reader.
fn is_dotted(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_engine::spec::{self, Format, Limits, Mode, ReadOptions, SourceText};
    use connexa_types::SealingKey;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        /// What we write is what the reader of specs reads.
        #[test]
        fn texts_read_back(text in "\\PC{0,12}|[-?:,#&*!|>'\"%@` \\[\\]{}a0.~]{1,8}|[0-9:._xoe+-]{1,8}|\\s{0,2}[a-z]\\s{0,2}") {
            let item = json!({"name": "x", "description": text});
            let source = SourceText {
                name: "x.yaml".to_owned(),
                format: Some(Format::Yaml),
                bytes: document(&json!({"networks": [item]})).into_bytes(),
            };
            let options =
                ReadOptions { mode: Mode::Spec, strict: false, limits: Limits::default(), creating: false };
            let key = SealingKey::new([0; 32]);
            let reading = spec::read(&[source], &options, &|field, value| key.seal(field, value));
            prop_assert_eq!(&*reading.desired.items[0].given, &item);
        }
    }

    /// Any value that JSON has, names that the reader ignores excepted.
    fn any_value() -> impl Strategy<Value = Value> {
        let text = || "[a-z\\-:#'\"\\\\ ~0\\n\\t\u{e9}\u{202e}]{0,6}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(text(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Nested as they may be.
        #[test]
        fn values_read_back(value in any_value()) {
            let item = json!({"name": "x", "odd": value});
            let source = SourceText {
                name: "x.yaml".to_owned(),
                format: Some(Format::Yaml),
                bytes: document(&json!({"networks": [item]})).into_bytes(),
            };
            let options = ReadOptions {
                mode: Mode::Items(connexa_types::Kind::Network),
                strict: false,
                limits: Limits::default(),
                creating: true,
            };
            let key = SealingKey::new([0; 32]);
            let reading = spec::read(&[source], &options, &|field, value| key.seal(field, value));
            prop_assert_eq!(&*reading.desired.items[0].given, &item);
        }
    }

    #[test]
    fn block_style() {
        let value = json!({"networks": [
            {"name": "paris", "egress": false, "routes": ["10.20.0.0/16", {"subnet": "10.21.0.0/16"}], "x": []},
            {"name": "no", "description": "a: b", "y": null, "z": [[1, "a"]]},
        ], "dns": {"ip": "10.0.0.1", "six": "2001:db8::5", "m": 3}});
        let expected = "\
networks:
  - name: paris
    egress: false
    routes:
      - 10.20.0.0/16
      - subnet: 10.21.0.0/16
    x: []
  - name: \"no\"
    description: \"a: b\"
    \"y\": null
    z:
      - [1,\"a\"]
dns:
  ip: 10.0.0.1
  six: 2001:db8::5
  m: 3
";
        assert_eq!(document(&value), expected);
    }

    #[test]
    fn what_is_quoted() {
        for plain in ["a", "10.0.0.0/8", "a:b", "a#b", "rue de Rivoli", "é", "2001:db8::/32", "x-1", "1 a"] {
            assert_eq!(text(plain), plain);
        }
        for quoted in [
            "",
            " a",
            "a ",
            "~",
            "Null",
            "1",
            "-1.5",
            "1e3",
            "0x1f",
            ".5",
            "- a",
            "a: b",
            "a #b",
            "a\nb",
            "2020-01-01",
            "12:30",
            "*x",
            "\u{202e}",
        ] {
            assert!(text(quoted).starts_with('"'), "{quoted:?}");
        }
    }
}
