//! YAML 1.2, core schema: events of the parser become the tree.
//!
//! Scalars are resolved here, by the core schema alone: `no` and `on` are texts. Merge keys, foreign tags and keys that
//! are no strings are flaws (E005) that do not end the reading.

mod broken;

use super::node::{Budget, Entry, Flaw, Mapping, Node, Parsed, Spot, Value, too_deep};
use crate::problem::Code;
use broken::Lost;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// Reads all documents of a text.
pub(super) fn parse(text: &str, budget: &mut Budget) -> Parsed {
    let mut builder =
        Builder { budget, stack: Vec::new(), anchors: HashMap::new(), parsed: Parsed::default() };
    let mut understood = Spot { line: 1, column: 1 };
    for event in Parser::new_from_str(text) {
        let done = match event {
            Ok((event, span)) => {
                // What is empty, such as the end of a block, stands where the next thing begins.
                if !span.is_empty() {
                    understood = understood.max(spot(&span.end));
                }
                builder.take(event, span)
            }
            // The parser has a limit of its own, which it can reach while it looks ahead.
            Err(error) if error.info() == "recursion limit exceeded" => {
                Err(too_deep(spot(error.marker()), builder.budget.max_depth))
            }
            Err(error) => Err(builder.syntax(text, &error, understood)),
        };
        if let Err(flaw) = done {
            builder.parsed.fatal.push(flaw);
            break;
        }
    }
    builder.parsed
}

fn spot(marker: &Marker) -> Spot {
    let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Spot { line: clamp(marker.line()).max(1), column: clamp(marker.col()).saturating_add(1) }
}

/// A list or mapping that is being read.
struct Frame {
    at: Spot,
    /// Its anchor; 0 = none.
    anchor: usize,
    /// Whether it stands where a key does: it is read, and dropped.
    as_key: bool,
    /// Set for a tag that is not of the core schema.
    foreign_tag: Option<Flaw>,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Mapping { mapping: Mapping, key: Key },
}

/// Where a mapping is between key and value.
enum Key {
    Awaited,
    Read(Box<str>, Spot),
    /// It was no string: the value is read, and dropped.
    Dropped,
}

struct Builder<'a> {
    budget: &'a mut Budget,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Arc<Node>>,
    parsed: Parsed,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Flaw> {
        let at = spot(&span.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::Scalar(text, style, anchor, tag) => {
                self.budget.scalar(at, text.len())?;
                let value = scalar(&text, style, tag.as_deref(), at);
                if self.awaits_key() {
                    let plain_merge = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
                    self.key(value, at, plain_merge);
                    if anchor > 0 {
                        let node = Node::new(at, at.line, Value::Text(text.into()));
                        self.anchors.insert(anchor, Arc::new(node));
                    }
                    return Ok(());
                }
                self.budget.node(at)?;
                self.parsed.flawed |= matches!(value, Value::Broken(_));
                let end_line = spot(&span.end).line;
                self.complete(Node::new(at, end_line, value), anchor);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => self.open(at, anchor, tag, "seq", Content::List(Vec::new())),
            Event::MappingStart(anchor, tag) => {
                let content = Content::Mapping { mapping: Mapping::default(), key: Key::Awaited };
                self.open(at, anchor, tag, "map", content)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.stack.pop() else { return Ok(()) };
                let value = match (frame.foreign_tag, frame.content) {
                    (Some(flaw), _) => {
                        self.parsed.flawed = true;
                        Value::Broken(Box::new(flaw))
                    }
                    (None, Content::List(nodes)) => Value::List(nodes),
                    (None, Content::Mapping { mapping, .. }) => {
                        let mapping = mapping.finish();
                        self.parsed.flawed |= !mapping.flaws.is_empty();
                        Value::Mapping(Box::new(mapping))
                    }
                };
                let node = Node::new(frame.at, spot(&span.end).line, value);
                if frame.as_key {
                    self.key(Value::Null, frame.at, false);
                } else {
                    self.complete(node, frame.anchor);
                }
                Ok(())
            }
        }
    }

    fn alias(&mut self, anchor: usize, at: Spot) -> Result<(), Flaw> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            if self.stack.iter().any(|f| f.anchor == anchor) {
                let flaw = Flaw::new(Code::error(5), at, "an alias stands inside the value that it names");
                if self.awaits_key() {
                    self.key(Value::Broken(Box::new(flaw)), at, false);
                } else {
                    self.parsed.flawed = true;
                    self.complete(Node::new(at, at.line, Value::Broken(Box::new(flaw))), 0);
                }
                return Ok(());
            }
            return Err(Flaw::new(Code::error(2), at, "not valid YAML: unknown anchor"));
        };
        if self.awaits_key() {
            let text = node.text();
            self.budget.repeat(at, text.map_or(0, str::len))?;
            let value = text.map_or(Value::Null, |t| Value::Text(t.into()));
            self.key(value, at, false);
            return Ok(());
        }
        let depth = self.level();
        self.budget.alias(at, depth, &node)?;
        self.complete(Node::new(at, at.line, Value::Shared(node)), 0);
        Ok(())
    }

    fn syntax(&self, text: &str, error: &ScanError, understood: Spot) -> Flaw {
        let open = self.stack.last().map(|frame| frame.at);
        let lost = Lost { text, noticed: spot(error.marker()), info: error.info(), understood, open };
        let (at, info) = lost.place();
        Flaw::new(Code::error(2), at, format!("not valid YAML: {info}"))
    }

    /// The level that a list or mapping opened now would have.
    fn level(&self) -> u32 {
        u32::try_from(self.stack.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn awaits_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { content: Content::Mapping { key: Key::Awaited, .. }, .. }))
    }

    fn open(
        &mut self,
        at: Spot,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        own: &str,
        content: Content,
    ) -> Result<(), Flaw> {
        self.budget.node(at)?;
        self.budget.depth(at, self.level())?;
        let foreign_tag = tag.filter(|t| !matches!(core_tag(t), Some(s) if s == own || s == "!"));
        let foreign_tag = foreign_tag.map(|t| foreign(&t, at));
        self.stack.push(Frame { at, anchor, as_key: self.awaits_key(), foreign_tag, content });
        Ok(())
    }

    /// Takes a key; one that is no string drops its value too.
    fn key(&mut self, value: Value, at: Spot, merge: bool) {
        let Some(Frame { content: Content::Mapping { mapping, key }, .. }) = self.stack.last_mut() else {
            return;
        };
        *key = match value {
            Value::Text(_) if merge => {
                mapping.flaws.push(
                    Flaw::new(Code::error(5), at, "merge keys (`<<`) are not taken")
                        .hint("write the members out, or use an alias for a whole value"),
                );
                Key::Dropped
            }
            Value::Text(name) => Key::Read(name, at),
            Value::Broken(flaw) => {
                mapping.flaws.push(*flaw);
                Key::Dropped
            }
            _ => {
                mapping
                    .flaws
                    .push(Flaw::new(Code::error(5), at, "a key is not a string").expected("a string as key"));
                Key::Dropped
            }
        };
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, mut node: Node, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.share());
        }
        match self.stack.last_mut().map(|f| &mut f.content) {
            None => self.parsed.documents.push(node),
            Some(Content::List(nodes)) => nodes.push(node),
            Some(Content::Mapping { mapping, key }) => {
                if let Key::Read(name, at) = std::mem::replace(key, Key::Awaited) {
                    mapping.entries.push(Entry { name, at, value: node });
                }
            }
        }
    }
}

/// The core schema's name of a tag; `!` for the non-specific one.
fn core_tag(tag: &Tag) -> Option<&str> {
    const CORE: &str = "tag:yaml.org,2002:";
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("", "!") | ("!", "") => Some("!"),
        (CORE, suffix) => Some(suffix),
        ("" | "!", verbatim) => verbatim.strip_prefix(CORE),
        _ => None,
    }
}

fn foreign(tag: &Tag, at: Spot) -> Flaw {
    Flaw::new(Code::error(5), at, format!("the tag `{tag}` is not of YAML's core schema"))
        .hint("leave the tag out")
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Spot) -> Value {
    let as_text = || Value::Text(text.into());
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { resolve(text) } else { as_text() };
    };
    let resolved = match core_tag(tag) {
        Some("str" | "!") => return as_text(),
        Some(name @ ("null" | "bool" | "int" | "float")) => (name, resolve(text)),
        _ => return Value::Broken(Box::new(foreign(tag, at))),
    };
    match resolved {
        ("null", v @ Value::Null)
        | ("bool", v @ Value::Boolean(_))
        | ("int", v @ Value::Integer(_))
        | ("float", v @ (Value::Number(_) | Value::Integer(_))) => v,
        ("int", Value::Number(n)) if n.bytes().all(|b| b.is_ascii_digit() || b == b'-') => Value::Number(n),
        _ => Value::Broken(Box::new(Flaw::new(
            Code::error(5),
            at,
            format!("the value does not fit its tag `{tag}`"),
        ))),
    }
}

/// Resolves a plain scalar by the core schema.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Boolean(true),
        "false" | "False" | "FALSE" => return Value::Boolean(false),
        _ => {}
    }
    // Most scalars are words; only these can begin a number.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::Text(text.into());
    }
    if let Some(integer) = integer(text) {
        return integer;
    }
    if is_float(text) { Value::Number(text.into()) } else { Value::Text(text.into()) }
}

fn integer(text: &str) -> Option<Value> {
    let of_radix = |digits: &str, radix: u32| {
        (!digits.is_empty() && digits.chars().all(|c| c.is_digit(radix))).then(|| {
            i64::from_str_radix(digits, radix).map_or_else(|_| Value::Number(text.into()), Value::Integer)
        })
    };
    if let Some(octal) = text.strip_prefix("0o") {
        return of_radix(octal, 8);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return of_radix(hexadecimal, 16);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().map_or_else(|_| Value::Number(text.into()), Value::Integer))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, the infinities and `.nan`.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((m, e)) => (m, Some(e.strip_prefix(['+', '-']).unwrap_or(e))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|e| !e.is_empty() && all_digits(e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Limits;

    fn one(text: &str) -> Node {
        let mut parsed = parse(text, &mut Budget::new(&Limits::default()));
        assert!(parsed.fatal.is_empty(), "{text}: {:?}", parsed.fatal);
        parsed.documents.remove(0)
    }

    fn show(node: &Node) -> String {
        match node.value() {
            Value::Null => "null".into(),
            Value::Boolean(b) => b.to_string(),
            Value::Integer(i) => i.to_string(),
            Value::Number(n) => format!("number {n}"),
            Value::Text(t) => format!("'{t}'"),
            Value::List(l) => format!("[{}]", l.iter().map(show).collect::<Vec<_>>().join(" ")),
            Value::Mapping(m) => {
                let members: Vec<_> =
                    m.entries.iter().map(|e| format!("{}: {}", e.name, show(&e.value))).collect();
                format!("{{{}}}", members.join(" "))
            }
            Value::Shared(_) => unreachable!("value() follows"),
            Value::Broken(f) => format!("broken {}", f.code),
        }
    }

    #[test]
    fn core_schema() {
        for (text, shown) in [
            ("no", "'no'"),
            ("on", "'on'"),
            ("Yes", "'Yes'"),
            ("True", "true"),
            ("tRue", "'tRue'"),
            ("~", "null"),
            ("\"\"", "''"),
            ("0o17", "15"),
            ("0x1F", "31"),
            ("-0x1F", "'-0x1F'"),
            ("017", "17"),
            ("+12", "12"),
            ("99999999999999999999", "number 99999999999999999999"),
            ("1.5e3", "number 1.5e3"),
            ("1.", "number 1."),
            (".5", "number .5"),
            (".", "'.'"),
            ("-.inf", "number -.inf"),
            ("-.nan", "'-.nan'"),
            ("1.2.3", "'1.2.3'"),
            ("10.0.0.0/8", "'10.0.0.0/8'"),
            ("12e", "'12e'"),
            ("2001-01-01", "'2001-01-01'"),
            ("!!str 12", "'12'"),
            ("! 12", "'12'"),
            ("!<tag:yaml.org,2002:str> 12", "'12'"),
            ("!!int \"12\"", "12"),
            ("!!int x", "broken E005"),
            ("!!set {a}", "broken E005"),
            ("!mine x", "broken E005"),
            ("[a, b: c]", "['a' {b: 'c'}]"),
            ("{a: &x [1], b: *x}", "{a: [1] b: [1]}"),
            ("a: &x [*x]", "{a: [broken E005]}"),
            ("{? [a] : b, c: d}", "{c: 'd'}"),
            ("{1: a, c: d}", "{c: 'd'}"),
            ("{<<: {a: b}, c: d}", "{c: 'd'}"),
            ("{a: 1, a: 2}", "{a: 1}"),
            ("&k a: 1\nb: *k", "{a: 1 b: 'a'}"),
            ("a: |\n  x\n  y\n", "{a: 'x\ny\n'}"),
        ] {
            assert_eq!(show(&one(text)), shown, "{text}");
        }
    }

    #[test]
    fn places() {
        let node = one("a: 1\nlist:\n  - name: x\n    é: [p, \"q\"]\n  - {b: 2}\n");
        let Value::Mapping(m) = node.value() else { panic!() };
        assert_eq!(node.at, Spot { line: 1, column: 1 });
        assert_eq!(m.entries[0].value.at, Spot { line: 1, column: 4 });
        let Value::List(items) = m.entries[1].value.value() else { panic!() };
        assert_eq!(items[0].at, Spot { line: 3, column: 5 });
        assert_eq!(items[1].at, Spot { line: 5, column: 5 });
        let Value::Mapping(first) = items[0].value() else { panic!() };
        assert_eq!(first.entries[1].at, Spot { line: 4, column: 5 });
        let Value::List(pq) = first.entries[1].value.value() else { panic!() };
        assert_eq!(pq[1].at, Spot { line: 4, column: 12 });
    }

    #[test]
    fn documents_and_errors() {
        let parsed = parse("a: 1\n---\nb: [\n", &mut Budget::new(&Limits::default()));
        assert_eq!((parsed.documents.len(), parsed.fatal.len()), (1, 1));
        assert_eq!(parsed.fatal[0].code, Code::error(2));
        let parsed = parse("&x a\n---\n*x\n", &mut Budget::new(&Limits::default()));
        assert_eq!(parsed.fatal.len(), 1);
        assert_eq!(parsed.fatal[0].code, Code::error(2));
    }
}
