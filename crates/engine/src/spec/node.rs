//! The tree that both parsers build: values with their places, and flaws where a value could not be taken.
//!
//! The tree keeps YAML aliases as shared nodes, so that expanding them costs no memory here; [`Budget`] still counts what
//! they stand for.

use crate::problem::Code;
use std::{collections::HashSet, sync::Arc};

/// A place within one file; both count from 1, columns in Unicode scalar values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A value at its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Spot,
    /// Line on which it ends, as far as it is known: exact for scalars.
    pub(super) end_line: u32,
    value: Value,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    /// A number that is no integer of 64 bits, as written.
    Number(Box<str>),
    Text(Box<str>),
    List(Vec<Node>),
    Mapping(Box<Mapping>),
    /// An anchored value, and each alias of it.
    Shared(Arc<Node>),
    /// A value that could not be taken; the flaw says why.
    Broken(Box<Flaw>),
}

/// A mapping, in the order written; no name occurs twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Mapping {
    pub(super) entries: Vec<Entry>,
    /// Keys that were dropped: not a string, or given before.
    pub(super) flaws: Vec<Flaw>,
}

/// One member of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Box<str>,
    pub(super) at: Spot,
    pub(super) value: Node,
}

/// A problem that a parser found.
#[derive(Clone, Debug)]
pub(super) struct Flaw {
    pub(super) code: Code,
    pub(super) at: Spot,
    pub(super) message: String,
    pub(super) expected: Option<&'static str>,
    pub(super) hint: Option<&'static str>,
}

/// What a parser made of a text: the documents before the first fatal flaw, and that flaw.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) documents: Vec<Node>,
    /// Flaws that end the reading of a document (JSON Lines: of a line).
    pub(super) fatal: Vec<Flaw>,
    /// Whether any node of the documents is broken or any mapping flawed.
    pub(super) flawed: bool,
}

impl Flaw {
    pub(super) fn new(code: Code, at: Spot, message: impl Into<String>) -> Self {
        Self { code, at, message: message.into(), expected: None, hint: None }
    }
    pub(super) fn expected(mut self, expected: &'static str) -> Self {
        self.expected = Some(expected);
        self
    }
    pub(super) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

impl Node {
    pub(super) fn new(at: Spot, end_line: u32, value: Value) -> Self {
        Self { at, end_line, value }
    }

    /// The value, aliases followed.
    pub(super) fn value(&self) -> &Value {
        match &self.value {
            Value::Shared(node) => node.value(),
            own => own,
        }
    }

    /// The value, and not the place.
    pub(super) fn into_value(self) -> Value {
        self.value
    }

    /// The mapping, if it is one of its own.
    pub(super) fn mapping_mut(&mut self) -> Option<&mut Mapping> {
        match &mut self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self.value() {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Makes the node shareable and returns a handle to it.
    pub(super) fn share(&mut self) -> Arc<Node> {
        let own = std::mem::replace(&mut self.value, Value::Null);
        let shared = Arc::new(Node { at: self.at, end_line: self.end_line, value: own });
        self.value = Value::Shared(Arc::clone(&shared));
        shared
    }

    /// What the value is, in words.
    pub(super) fn describe(&self) -> &'static str {
        match self.value() {
            Value::Null => "null",
            Value::Boolean(true) => "`true`",
            Value::Boolean(false) => "`false`",
            Value::Integer(_) | Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Shared(_) | Value::Broken(_) => "unreadable",
        }
    }

    /// Calls `visit` with every flaw in the tree, in order.
    pub(super) fn flaws(&self, visit: &mut impl FnMut(&Flaw)) {
        match self.value() {
            Value::Broken(flaw) => visit(flaw),
            Value::List(nodes) => nodes.iter().for_each(|n| n.flaws(visit)),
            Value::Mapping(mapping) => {
                mapping.flaws.iter().for_each(&mut *visit);
                mapping.entries.iter().for_each(|e| e.value.flaws(visit));
            }
            _ => {}
        }
    }
}

impl Mapping {
    /// Finishes a mapping: members whose name was given before become flaws.
    pub(super) fn finish(mut self) -> Self {
        // A set costs more than it saves on the small mappings that specs are made of.
        const SMALL: usize = 12;
        let mut repeated = Vec::new();
        if self.entries.len() <= SMALL {
            for (i, entry) in self.entries.iter().enumerate() {
                if self.entries[..i].iter().any(|e| e.name == entry.name) {
                    repeated.push(i);
                }
            }
        } else {
            let mut seen = HashSet::with_capacity(self.entries.len());
            for (i, entry) in self.entries.iter().enumerate() {
                if !seen.insert(&*entry.name) {
                    repeated.push(i);
                }
            }
        }
        if !repeated.is_empty() {
            let mut index = 0;
            let mut next = repeated.iter().copied().peekable();
            let flaws = &mut self.flaws;
            self.entries.retain(|entry| {
                let drop = next.next_if_eq(&index).is_some();
                index += 1;
                if drop {
                    flaws.push(Flaw::new(
                        Code::error(3),
                        entry.at,
                        format!("the key `{}` is given twice in one mapping", entry.name),
                    ));
                }
                !drop
            });
        }
        self
    }
}

/// What may still be read, of all files of a command together.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) max_depth: u32,
    max_nodes: u64,
    max_scalar_bytes: u64,
    /// Text that aliases may repeat. The limit on the size of a file is of use only if a file cannot be more than it seems.
    max_repeated_bytes: u64,
    nodes: u64,
    repeated_bytes: u64,
}

impl Budget {
    pub(super) fn new(limits: &super::Limits) -> Self {
        Self {
            max_depth: limits.max_depth.min(super::DEEPEST),
            max_nodes: limits.max_nodes,
            max_scalar_bytes: limits.max_scalar_bytes,
            max_repeated_bytes: limits.max_file_bytes,
            nodes: 0,
            repeated_bytes: 0,
        }
    }

    /// Counts one node.
    pub(super) fn node(&mut self, at: Spot) -> Result<(), Flaw> {
        self.nodes += 1;
        if self.nodes > self.max_nodes {
            return Err(exceeded(at, "max_nodes", self.max_nodes, "values"));
        }
        Ok(())
    }

    /// Checks the level of a list or mapping, from 1.
    pub(super) fn depth(&self, at: Spot, depth: u32) -> Result<(), Flaw> {
        if depth > self.max_depth {
            return Err(too_deep(at, self.max_depth));
        }
        Ok(())
    }

    /// Checks the length of a scalar or key.
    pub(super) fn scalar(&self, at: Spot, bytes: usize) -> Result<(), Flaw> {
        if bytes as u64 > self.max_scalar_bytes {
            return Err(exceeded(at, "max_scalar_bytes", self.max_scalar_bytes, "bytes in one value"));
        }
        Ok(())
    }

    /// Counts all that an alias at level `depth` stands for.
    pub(super) fn alias(&mut self, at: Spot, depth: u32, node: &Node) -> Result<(), Flaw> {
        self.node(at)?;
        match node.value() {
            Value::Text(text) | Value::Number(text) => self.repeat(at, text.len()),
            Value::List(nodes) => {
                self.depth(at, depth)?;
                nodes.iter().try_for_each(|n| self.alias(at, depth + 1, n))
            }
            Value::Mapping(mapping) => {
                self.depth(at, depth)?;
                mapping.entries.iter().try_for_each(|e| {
                    self.repeat(at, e.name.len())?;
                    self.alias(at, depth + 1, &e.value)
                })
            }
            _ => Ok(()),
        }
    }

    /// Counts text that stands once in the input and again here.
    pub(super) fn repeat(&mut self, at: Spot, bytes: usize) -> Result<(), Flaw> {
        self.repeated_bytes += bytes as u64;
        if self.repeated_bytes > self.max_repeated_bytes {
            return Err(exceeded(at, "max_file_bytes", self.max_repeated_bytes, "bytes, aliases expanded"));
        }
        Ok(())
    }
}

/// E004.
pub(super) fn exceeded(at: Spot, name: &'static str, limit: u64, unit: &str) -> Flaw {
    Flaw::new(Code::error(4), at, format!("the input is larger than `{name}` allows: {limit} {unit}"))
        .hint("split the input")
}

/// E004 for nesting.
pub(super) fn too_deep(at: Spot, limit: u32) -> Flaw {
    exceeded(at, "max_depth", u64::from(limit), "levels")
}
