//! CSV (spec section 1.2): one kind a file; rows become items whose cells are typed by their field.
//!
//! A reader of our own: problems need line and column of every cell, and whether it was quoted, which the usual readers do
//! not tell.

use super::{
    cells::{self, Shape},
    names::Names,
    node::{Budget, Entry, Flaw, Mapping, Node, Parsed, Spot, Value},
};
use crate::{catalog, problem::Code};
use connexa_types::Kind;
use std::{borrow::Cow, collections::HashSet};

/// Reads a text into one document, the list of its rows. `only` is the kind that the command takes, `of_file` the one that
/// the file's name tells; between them goes a row's own `kind`.
pub(super) fn parse(text: &str, only: Option<Kind>, of_file: Option<Kind>, budget: &mut Budget) -> Parsed {
    let mut parsed = Parsed::default();
    let mut nodes = Vec::new();
    if let Err(flaw) = rows(text, only, of_file, budget, &mut nodes, &mut parsed.flawed) {
        parsed.fatal.push(flaw);
    }
    parsed.documents.push(Node::new(Spot { line: 1, column: 1 }, 1, Value::List(nodes)));
    parsed
}

fn rows(
    text: &str,
    only: Option<Kind>,
    of_file: Option<Kind>,
    budget: &mut Budget,
    nodes: &mut Vec<Node>,
    flawed: &mut bool,
) -> Result<(), Flaw> {
    let mut rows = Rows { rest: text, line: 1, delimiter: ',' };
    rows.skip_blank();
    rows.delimiter = delimiter(rows.rest);
    let mut cells = Vec::new();
    if !rows.next(&mut cells)? {
        let start = Spot { line: 1, column: 1 };
        return Err(
            Flaw::new(Code::error(7), start, "the text has no header").expected("a line of field names")
        );
    }
    let header = header(&cells, budget)?;
    let kind_column = header.iter().position(|name| name == "kind").filter(|_| only.is_none());
    let key_column = header.iter().position(|name| name == "key");
    // By kind: mostly all rows have one.
    let mut known: Vec<(Option<Kind>, Vec<Column>)> = Vec::new();
    while rows.next(&mut cells)? {
        let at = Spot { column: 1, ..cells[0].at };
        budget.node(at)?;
        let declared = kind_column.and_then(|c| cells.get(c)).filter(|cell| !cell.text.is_empty());
        let kind = only.or_else(|| declared.map_or(of_file, |cell| cell.text.trim().parse().ok()));
        let known_at = known.iter().position(|(k, _)| *k == kind).unwrap_or_else(|| {
            known.push((kind, columns(kind, &header)));
            known.len() - 1
        });
        let setting = key_column.filter(|_| kind == Some(Kind::Setting)).and_then(|c| cells.get(c));
        let of_value = setting.and_then(|cell| catalog::setting(cell.text.trim()));
        let of_value = of_value.map(|setting| Names::of_field(&setting.value));
        let mut row = Mapping::default();
        if cells.len() != header.len() {
            let message = format!("the row has {} cells, the header {}", cells.len(), header.len());
            row.flaws
                .push(Flaw::new(Code::error(7), at, message).expected("a cell for each field of the header"));
        }
        let mut end_line = at.line;
        for (cell, column) in cells.iter().zip(&known[known_at].1) {
            end_line = cell.end_line;
            if column.names.is_empty() {
                continue;
            }
            let shape = match &of_value {
                Some(names) if &*column.names[0] == "value" => {
                    let path = column.names.join(".");
                    cells::resolve(names, &path).map_or(Shape::Text, |(_, shape)| shape)
                }
                _ => column.shape,
            };
            let depth = u32::try_from(column.names.len()).unwrap_or(u32::MAX).saturating_add(2);
            if let Some(node) = cells::value(shape, &cell.text, cell.at, cell.end_line, depth, budget) {
                if let Value::Broken(flaw) = node.value() {
                    *flawed = true;
                    // What is too large ends the reading; what is no JSON, an item.
                    if flaw.code == Code::error(4) {
                        return Err((**flaw).clone());
                    }
                }
                put(&mut row, &column.names, node, budget)?;
            }
        }
        *flawed |= !row.flaws.is_empty();
        nodes.push(Node::new(at, end_line, Value::Mapping(Box::new(row))));
    }
    Ok(())
}

/// The names of the header, each once.
fn header(cells: &[Cell<'_>], budget: &Budget) -> Result<Vec<String>, Flaw> {
    let mut seen = HashSet::new();
    for cell in cells {
        budget.scalar(cell.at, cell.text.len())?;
        let name = cell.text.trim();
        if name.is_empty() {
            return Err(Flaw::new(Code::error(7), cell.at, "a field of the header has no name"));
        }
        if !seen.insert(name) {
            let message = format!("the field `{name}` stands twice in the header");
            return Err(Flaw::new(Code::error(7), cell.at, message).hint("keep one of them"));
        }
    }
    Ok(cells.iter().map(|cell| cell.text.trim().to_owned()).collect())
}

/// A column of one kind.
struct Column {
    /// The names that lead to its value, as written; none if its cells are ignored.
    names: Vec<Box<str>>,
    shape: Shape,
}

fn columns(kind: Option<Kind>, header: &[String]) -> Vec<Column> {
    let names = kind.map(|kind| Names::of(catalog::definition(kind)));
    let column = |name: &String| {
        if name.starts_with('_') {
            return Column { names: Vec::new(), shape: Shape::Text };
        }
        let found = names.as_ref().and_then(|names| cells::resolve(names, name));
        let is_response_only = names.as_ref().is_some_and(|names| cells::is_response_only(names, name));
        // The value of a setting is typed row by row. What is unknown stays in one piece, to be named as it stands.
        let dotted =
            found.is_some() || is_response_only || kind == Some(Kind::Setting) && name.starts_with("value.");
        let names =
            if dotted { name.split('.').map(Into::into).collect() } else { vec![name.as_str().into()] };
        Column { names, shape: found.map_or(Shape::Text, |(_, shape)| shape) }
    };
    header.iter().map(column).collect()
}

/// Puts a value under its names.
fn put(mapping: &mut Mapping, names: &[Box<str>], node: Node, budget: &mut Budget) -> Result<(), Flaw> {
    let Some((first, rest)) = names.split_first() else { return Ok(()) };
    let at = node.at;
    let known = mapping.entries.iter_mut().find(|entry| entry.name == *first);
    match known {
        None if rest.is_empty() => mapping.entries.push(Entry { name: first.clone(), at, value: node }),
        None => {
            budget.node(at)?;
            let mut inner = Mapping::default();
            put(&mut inner, rest, node, budget)?;
            let value = Node::new(at, at.line, Value::Mapping(Box::new(inner)));
            mapping.entries.push(Entry { name: first.clone(), at, value });
        }
        Some(entry) => {
            if let Some(inner) = entry.value.mapping_mut().filter(|_| !rest.is_empty()) {
                return put(inner, rest, node, budget);
            }
            let message = format!("`{first}` is given twice: whole, and in a column of its own for a leaf");
            mapping.flaws.push(Flaw::new(Code::error(3), at, message));
        }
    }
    Ok(())
}

/// The delimiter that is most frequent in the first line outside quotes.
fn delimiter(text: &str) -> char {
    const DELIMITERS: [char; 3] = [',', ';', '\t'];
    let mut counts = [0_usize; 3];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '\n' if !quoted => break,
            _ if quoted => {}
            c => {
                if let Some(i) = DELIMITERS.iter().position(|d| *d == c) {
                    counts[i] += 1;
                }
            }
        }
    }
    let most = counts.into_iter().max().unwrap_or_default();
    let first = counts.iter().position(|count| *count == most).unwrap_or_default();
    DELIMITERS[first]
}

/// A cell as it stands.
struct Cell<'t> {
    /// Its text: trimmed, unless it is quoted; quotes taken away.
    text: Cow<'t, str>,
    at: Spot,
    end_line: u32,
}

/// The rows of a text.
struct Rows<'t> {
    rest: &'t str,
    line: u32,
    delimiter: char,
}

impl<'t> Rows<'t> {
    /// Skips lines that hold nothing.
    fn skip_blank(&mut self) {
        // With tabs between the cells, a line of tabs is a row.
        let is_blank = |c: char| c == ' ' || c == '\r' || c == '\t' && self.delimiter != '\t';
        loop {
            let content = self.rest.trim_start_matches(is_blank);
            let Some(next) = content.strip_prefix('\n') else {
                if content.is_empty() {
                    self.rest = content;
                }
                return;
            };
            self.rest = next;
            self.line += 1;
        }
    }

    /// Reads the cells of the next row; false at the end of the text.
    fn next(&mut self, cells: &mut Vec<Cell<'t>>) -> Result<bool, Flaw> {
        cells.clear();
        self.skip_blank();
        if self.rest.is_empty() {
            return Ok(false);
        }
        let mut column = 1;
        let delimiter = self.delimiter;
        let is_blank = |c: char| c == ' ' || c == '\t' && delimiter != '\t';
        loop {
            let start = self.rest.trim_start_matches(is_blank);
            column += count(&self.rest[..self.rest.len() - start.len()]);
            self.rest = start;
            let at = Spot { line: self.line, column };
            let text = if start.starts_with('"') {
                let text = self.quoted(at, &mut column)?;
                let after = self.rest.trim_start_matches(is_blank);
                column += count(&self.rest[..self.rest.len() - after.len()]);
                self.rest = after;
                text
            } else {
                let end = start.find([self.delimiter, '\n']).unwrap_or(start.len());
                column += count(&start[..end]);
                self.rest = &start[end..];
                // A carriage return before the end of the line is part of that.
                Cow::Borrowed(start[..end].trim())
            };
            cells.push(Cell { text, at, end_line: self.line });
            let ended = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n'));
            if let Some(next) = self.rest.strip_prefix(self.delimiter) {
                self.rest = next;
                column += 1;
            } else if let Some(next) = ended {
                self.rest = next;
                self.line += 1;
                return Ok(true);
            } else if self.rest.trim_start_matches('\r').is_empty() {
                self.rest = "";
                return Ok(true);
            } else {
                let spot = Spot { line: self.line, column };
                let flaw =
                    Flaw::new(Code::error(2), spot, "not valid CSV: text stands after the quotes of a cell");
                return Err(flaw.expected("a delimiter; a quote within a cell is written twice"));
            }
        }
    }

    /// Reads a cell in quotes, from the first quote to after the last.
    fn quoted(&mut self, at: Spot, column: &mut u32) -> Result<Cow<'t, str>, Flaw> {
        let inner = &self.rest[1..];
        let mut text = Cow::Borrowed("");
        let mut from = 0;
        loop {
            let Some(quote) = inner[from..].find('"').map(|i| i + from) else {
                return Err(Flaw::new(
                    Code::error(2),
                    at,
                    "not valid CSV: the quotes of this cell do not end",
                ));
            };
            let part = &inner[from..quote];
            match &mut text {
                Cow::Borrowed("") => text = Cow::Borrowed(part),
                other => other.to_mut().push_str(part),
            }
            if inner[quote + 1..].starts_with('"') {
                text.to_mut().push('"');
                from = quote + 2;
                continue;
            }
            let whole = &self.rest[..quote + 2];
            match whole.rfind('\n') {
                None => *column += count(whole),
                Some(last) => {
                    let lines = whole.bytes().filter(|b| *b == b'\n').count();
                    self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
                    *column = count(&whole[last + 1..]).saturating_add(1);
                }
            }
            self.rest = &self.rest[quote + 2..];
            return Ok(text);
        }
    }
}

/// The number of Unicode scalar values.
fn count(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|b| b & 0xc0 != 0x80).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<Vec<String>>, (Code, u32, u32)> {
        let mut rows = Rows { rest: text, line: 1, delimiter: delimiter(text) };
        let mut cells = Vec::new();
        let mut found = Vec::new();
        loop {
            match rows.next(&mut cells) {
                Ok(false) => return Ok(found),
                Ok(true) => found.push(
                    cells.iter().map(|c| format!("{}:{} {}", c.at.line, c.at.column, c.text)).collect(),
                ),
                Err(flaw) => return Err((flaw.code, flaw.at.line, flaw.at.column)),
            }
        }
    }

    #[test]
    fn cells_and_their_places() {
        assert_eq!(
            read("a, b ,\" c \"\r\n\n  \n é,\"x\"\"y\nz\" , w\n,,").unwrap(),
            [
                vec!["1:1 a", "1:4 b", "1:7  c "],
                vec!["4:2 é", "4:4 x\"y\nz", "5:6 w"],
                vec!["6:1 ", "6:2 ", "6:3 "]
            ]
        );
        assert_eq!(read("a\"b,c\n").unwrap(), [["1:1 a\"b", "1:5 c"]]);
        assert_eq!(read("a,\"b\" c\n"), Err((Code::error(2), 1, 7)));
        assert_eq!(read("a\n\"b\n"), Err((Code::error(2), 2, 1)));
        assert_eq!(read("\"\"\n").unwrap(), [["1:1 "]]);
    }

    #[test]
    fn delimiters() {
        for (line, found) in [
            ("a", ','),
            ("a;b", ';'),
            ("a\tb", '\t'),
            ("a;b,c", ','),
            ("a;b;c,d", ';'),
            ("\"a,b,c\";d\n,,,,", ';'),
            ("a\tb;c", ';'),
        ] {
            assert_eq!(delimiter(line), found, "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is written with quotes is read, cell by cell.
        #[test]
        fn quoted_cells_read_back(
            rows in prop::collection::vec(prop::collection::vec("[a,;\t \"\n\ré\\\\|']{0,6}", 1..4), 1..4),
            delimiter in prop::sample::select(vec![',', ';', '\t']),
        ) {
            let line = |row: &Vec<String>| {
                let cells: Vec<_> = row.iter().map(|c| format!("\"{}\"", c.replace('"', "\"\""))).collect();
                cells.join(&delimiter.to_string())
            };
            let text = rows.iter().map(line).collect::<Vec<_>>().join("\r\n");
            let mut reader = Rows { rest: &text, line: 1, delimiter };
            let mut cells = Vec::new();
            for row in &rows {
                prop_assert!(reader.next(&mut cells).unwrap());
                let read: Vec<_> = cells.iter().map(|c| c.text.to_string()).collect();
                prop_assert_eq!(&read, row);
            }
            prop_assert!(!reader.next(&mut cells).unwrap());
        }
    }
}
