//! JSON (RFC 8259, to the letter) and JSON Lines.
//!
//! A reader of our own, because problems need the place of every value and key, and a key given twice must be seen;
//! serde's data model has neither.

use super::node::{Budget, Entry, Flaw, Mapping, Node, Parsed, Spot, Value};
use crate::problem::Code;

/// Reads a text that is one JSON value.
pub(super) fn parse(text: &str, budget: &mut Budget) -> Parsed {
    let mut parsed = Parsed::default();
    let mut reader = Reader::new(text, 1, budget);
    match reader.whole() {
        Ok(node) => parsed.documents.push(node),
        Err(flaw) => parsed.fatal.push(flaw),
    }
    parsed.flawed = reader.flawed;
    parsed
}

/// Reads JSON Lines into one document, the list of the lines' values. A line that is no JSON does not end the reading.
pub(super) fn parse_lines(text: &str, budget: &mut Budget) -> Parsed {
    let mut parsed = Parsed::default();
    let mut nodes = Vec::new();
    for (line, number) in text.split('\n').zip(1..) {
        if line.trim_matches([' ', '\t', '\r']).is_empty() {
            continue;
        }
        let mut reader = Reader::new(line, number, budget);
        // A line is an element of a list, one level down, as the same item is in any other format.
        reader.depth = 1;
        let result = reader.whole();
        parsed.flawed |= reader.flawed;
        match result {
            Ok(node) => nodes.push(node),
            Err(flaw) => {
                let over = flaw.code == Code::error(4);
                parsed.fatal.push(flaw);
                if over {
                    break;
                }
            }
        }
    }
    parsed.documents.push(Node::new(Spot { line: 1, column: 1 }, 1, Value::List(nodes)));
    parsed
}

/// Reads a JSON value within another text: all of it has one place. `depth` is the level of the value, from 1.
pub(super) fn within(text: &str, at: Spot, depth: u32, budget: &mut Budget) -> Result<Value, Flaw> {
    let mut reader = Reader::new(text, at.line, budget);
    reader.fixed = Some(at);
    reader.depth = depth.saturating_sub(1);
    let node = reader.whole()?;
    // A key given twice spoils the value.
    let mut first = None;
    if reader.flawed {
        node.flaws(&mut |flaw| first = first.take().or_else(|| Some(flaw.clone())));
    }
    first.map_or_else(|| Ok(node.into_value()), Err)
}

/// Whether a second value follows the first: then a text of unknown format is JSON Lines.
pub(super) fn has_second_value(text: &str) -> bool {
    let limits =
        super::Limits { max_nodes: u64::MAX, max_scalar_bytes: u64::MAX, ..super::Limits::default() };
    let mut budget = Budget::new(&limits);
    let mut reader = Reader::new(text, 1, &mut budget);
    reader.value().is_ok() && {
        reader.blank();
        matches!(reader.peek(), Some(b'{' | b'['))
    }
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: u32,
    /// Up to where columns were counted, and the column there. Places are asked for in ascending order, so that counting
    /// stays linear however long a line is.
    counted: usize,
    column: u32,
    depth: u32,
    budget: &'a mut Budget,
    flawed: bool,
    /// The place of all that is read, if it has one place.
    fixed: Option<Spot>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, line: u32, budget: &'a mut Budget) -> Self {
        let bytes = text.as_bytes();
        Self { text, bytes, at: 0, line, counted: 0, column: 1, depth: 0, budget, flawed: false, fixed: None }
    }

    fn whole(&mut self) -> Result<Node, Flaw> {
        let node = self.value()?;
        self.blank();
        if self.at < self.bytes.len() {
            return Err(self.unexpected("the end of the text"));
        }
        Ok(node)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
            if self.bytes[self.at - 1] == b'\n' {
                self.line += 1;
                self.column = 1;
                self.counted = self.at;
            }
        }
    }

    /// The place of the next byte.
    fn spot(&mut self) -> Spot {
        if let Some(at) = self.fixed {
            return at;
        }
        let passed = &self.bytes[self.counted..self.at];
        let characters = passed.iter().filter(|b| **b & 0xc0 != 0x80).count();
        self.column = self.column.saturating_add(u32::try_from(characters).unwrap_or(u32::MAX));
        self.counted = self.at;
        Spot { line: self.line, column: self.column }
    }

    fn unexpected(&mut self, expected: &'static str) -> Flaw {
        let at = self.spot();
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let message = match found {
            None => "not valid JSON: the text ends here".to_owned(),
            Some(c) => format!("not valid JSON: unexpected `{}`", c.escape_default()),
        };
        Flaw::new(Code::error(2), at, message).expected(expected)
    }

    fn value(&mut self) -> Result<Node, Flaw> {
        self.blank();
        let at = self.spot();
        self.budget.node(at)?;
        let value = match self.peek() {
            Some(b'{') => self.nested(at, Self::mapping)?,
            Some(b'[') => self.nested(at, Self::list)?,
            Some(b'"') => Value::Text(self.string()?.into()),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Value::Boolean(true))?,
            Some(b'f') => self.word("false", Value::Boolean(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node::new(at, self.line, value))
    }

    fn nested(&mut self, at: Spot, read: fn(&mut Self) -> Result<Value, Flaw>) -> Result<Value, Flaw> {
        self.depth += 1;
        self.budget.depth(at, self.depth)?;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn list(&mut self) -> Result<Value, Flaw> {
        let mut nodes = Vec::new();
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(nodes));
        }
        loop {
            nodes.push(self.value()?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(nodes));
                }
                _ => return Err(self.unexpected("`,` or `]`")),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, Flaw> {
        let mut mapping = Mapping::default();
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Mapping(Box::new(mapping)));
        }
        loop {
            self.blank();
            let at = self.spot();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let name = self.string()?.into();
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.at += 1;
            mapping.entries.push(Entry { name, at, value: self.value()? });
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    let mapping = mapping.finish();
                    self.flawed |= !mapping.flaws.is_empty();
                    return Ok(Value::Mapping(Box::new(mapping)));
                }
                _ => return Err(self.unexpected("`,` or `}`")),
            }
        }
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, Flaw> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Flaw> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected("a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        let text = &self.text[start..self.at];
        let at = Spot { line: self.line, column: self.column };
        self.budget.scalar(at, text.len())?;
        Ok(text.parse().map_or_else(|_| Value::Number(text.into()), Value::Integer))
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), Flaw> {
        if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return Err(self.unexpected("a digit"));
        }
        self.digits();
        Ok(())
    }

    fn string(&mut self) -> Result<String, Flaw> {
        let place = self.spot();
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|b| b >= 0x20 && b != b'"' && b != b'\\') {
                self.at += 1;
            }
            out.push_str(&self.text[start..self.at]);
            self.budget.scalar(place, out.len())?;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.unexpected("`\"` at the end of the text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Flaw> {
        self.at += 1;
        let plain = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.unexpected("one of `\"\\/bfnrtu` after `\\`")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, Flaw> {
        let unit = self.code_unit()?;
        let code = match unit {
            0xd800..=0xdbff => {
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return Err(self.unexpected("the second half of a surrogate pair"));
                }
                self.at += 1;
                let low = self.code_unit()?;
                if !(0xdc00..=0xdfff).contains(&low) {
                    return Err(self.unexpected("the second half of a surrogate pair"));
                }
                0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.unexpected("a Unicode scalar value"))
    }

    /// Reads `uXXXX`.
    fn code_unit(&mut self) -> Result<u32, Flaw> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|b| char::from(b).to_digit(16)) else {
                return Err(self.unexpected("four hexadecimal digits after `\\u`"));
            };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Limits;
    use proptest::prelude::*;

    fn read(text: &str) -> Parsed {
        parse(text, &mut Budget::new(&Limits::default()))
    }

    fn as_json(node: &Node) -> serde_json::Value {
        match node.value() {
            Value::Null => serde_json::Value::Null,
            Value::Boolean(b) => (*b).into(),
            Value::Integer(i) => (*i).into(),
            Value::Number(n) => serde_json::from_str(n).unwrap(),
            Value::Text(t) => (&**t).into(),
            Value::List(l) => l.iter().map(as_json).collect(),
            Value::Mapping(m) => m
                .entries
                .iter()
                .map(|e| (e.name.to_string(), as_json(&e.value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Shared(_) | Value::Broken(_) => unreachable!(),
        }
    }

    #[test]
    fn places_of_errors() {
        for (text, line, column) in [
            ("", 1, 1),
            ("[1,]", 1, 4),
            ("{\"a\": 01}", 1, 8),
            ("{\"é\": tru}", 1, 7),
            ("[\n  \"a\nb\"]", 2, 5),
            ("[1] x", 1, 5),
            ("{'a': 1}", 1, 2),
            ("[\"\\ud800\"]", 1, 9),
            ("[\"\\x\"]", 1, 4),
            ("[1.]", 1, 4),
            ("[.5]", 1, 2),
            ("[NaN]", 1, 2),
        ] {
            let parsed = read(text);
            assert_eq!(parsed.fatal.len(), 1, "{text}");
            assert_eq!((parsed.fatal[0].at.line, parsed.fatal[0].at.column), (line, column), "{text}");
        }
    }

    #[test]
    fn lines() {
        let text = "{\"a\": 1}\r\n\n  [2]\nx\n{\"b\": 3}";
        let parsed = parse_lines(text, &mut Budget::new(&Limits::default()));
        assert_eq!(as_json(&parsed.documents[0]), serde_json::json!([{"a": 1}, [2], {"b": 3}]));
        assert_eq!(parsed.fatal.len(), 1);
        assert_eq!(parsed.fatal[0].at, Spot { line: 4, column: 1 });
        assert!(has_second_value("{\"a\": 1}\n{\"a\": 2}") && !has_second_value(" [1, 2] \n"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever serde_json takes we take, with the same value; whatever it refuses we refuse.
        #[test]
        fn agrees_with_serde_json(text in r#"[ \[\]{},:"a\\u0041\-1.eE+tfnrulse\n]{0,24}"#) {
            let ours = read(&text);
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(theirs) => {
                    prop_assert!(ours.fatal.is_empty(), "{:?}", ours.fatal);
                    if !ours.flawed {
                        prop_assert_eq!(as_json(&ours.documents[0]), theirs);
                    }
                }
                // serde_json refuses numbers beyond a double; they are valid JSON.
                Err(e) if e.to_string().contains("out of range") => {}
                Err(_) => prop_assert!(!ours.fatal.is_empty()),
            }
        }
    }
}
