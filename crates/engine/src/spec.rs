//! Reading specs: texts in YAML, JSON or JSON Lines become a [`DesiredState`], and all that is wrong with them becomes
//! [`Problem`]s (spec sections 1 to 3 and 8).
//!
//! [`read`] is pure: files and folders are read by the caller, secrets are hashed by a function that it hands in. A text
//! is parsed into a tree with places (`node`), items are decoded from it by the catalog's tables (`documents`, `items`,
//! `values`), and rules that concern several items are checked at the end (`across`). What an item alone cannot decide is
//! left to the planner, which finds the rules in [`rules`].

mod access;
mod across;
mod cells;
mod circles;
mod csv;
mod documents;
mod elements;
mod excerpt;
mod formats;
mod given;
mod identities;
mod items;
mod json;
mod names;
mod node;
mod overlap;
mod reader;
mod relations;
pub mod rules;
mod schema;
mod services;
mod settings;
mod source;
mod values;
mod yaml;

use crate::{desired::DesiredState, problem::Problem};
use connexa_types::{Kind, SecretHash, SecretValue};
use std::{collections::HashMap, sync::Arc};

pub(crate) use cells::is_list;
pub use cells::{Cell, cell};
pub use identities::{Identity, identity};

pub use schema::{schema, schema_text};

/// The deepest nesting that any limit can allow: the tree is read and walked by recursion, on any thread's stack.
const DEEPEST: u32 = 250;

/// One input text.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// Its name, as the user gave it; `-` for standard input.
    pub name: String,
    /// Its format, if the user said it.
    pub format: Option<Format>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A format of specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2, core schema.
    Yaml,
    /// One JSON value.
    Json,
    /// One item a line.
    JsonLines,
    /// One kind a file.
    Csv,
}

/// What the input is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A spec of all kinds, taken or refused as a whole.
    Spec,
    /// The items of `create` ([`ReadOptions::creating`]) or `update`, of one kind, domains of Cyber Shield included; each
    /// is taken or refused by itself.
    Items(Kind),
    /// What `delete` and `do` name, of one kind or of all that a spec has; each item is taken or refused by itself. Of an
    /// item only what identifies it is read, a plain string is its key or id ([`identity`]), and all other fields are
    /// ignored. Nested children are items too, of their own kinds.
    Names(Option<Kind>),
}

/// How to read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// What the input is for.
    pub mode: Mode,
    /// Whether warnings are errors.
    pub strict: bool,
    /// What input is too large.
    pub limits: Limits,
    /// Whether every item is to be created, so that rules on missing fields hold now.
    pub creating: bool,
}

/// What input is too large (spec section 1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub max_file_bytes: u64,
    /// Levels of nesting; more than 250 counts as 250.
    pub max_depth: u32,
    /// Scalars, lists and mappings of all files, aliases expanded.
    pub max_nodes: u64,
    /// Items, nested ones included.
    pub max_items: u64,
    /// Bytes of one scalar.
    pub max_scalar_bytes: u64,
    /// Files.
    pub max_files: u64,
}

impl Mode {
    /// The only kind that the command takes, if it takes only one.
    pub const fn only(self) -> Option<Kind> {
        match self {
            Self::Items(kind) | Self::Names(Some(kind)) => Some(kind),
            Self::Spec | Self::Names(None) => None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 512 << 20,
            max_depth: 64,
            max_nodes: 5_000_000,
            max_items: 1_000_000,
            max_scalar_bytes: 1 << 20,
            max_files: 10_000,
        }
    }
}

/// What an input came to.
#[derive(Debug, Default)]
pub struct Reading {
    /// The items. With an error among the problems, a spec is refused whole, and a batch is refused whole if the error
    /// is no item's own.
    pub desired: DesiredState,
    /// All problems, in the order of the input.
    pub problems: Vec<Problem>,
    /// What holds of a spec unless its objects are there already, each with its place among the problems.
    unless_live: Vec<(usize, Problem)>,
    /// Whether an error concerns the input as a whole, no single item: then a batch too is refused.
    pub unreadable: bool,
    /// Secrets that the input holds in clear text, by their hash.
    pub inline_secrets: HashMap<SecretHash, Arc<SecretValue>>,
}

impl Reading {
    /// What was read at another time, when all was well with it.
    pub fn of(desired: DesiredState) -> Self {
        Self { desired, ..Self::default() }
    }

    /// Adds the problems that there are unless what the spec names is there already: for those who look at the spec alone.
    /// The planner, which knows what is there, says them where it is so.
    #[must_use]
    pub fn alone(mut self) -> Self {
        for (place, problem) in std::mem::take(&mut self.unless_live).into_iter().rev() {
            self.unreadable |= problem.is_error();
            self.problems.insert(place, problem);
        }
        self
    }

    /// Whether any problem is an error.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }
}

/// Reads the input of one command.
///
/// `seal` hashes a secret: it gets the field's path in spec names and the value.
pub fn read(
    sources: &[SourceText],
    options: &ReadOptions,
    seal: &dyn Fn(&str, &str) -> SecretHash,
) -> Reading {
    reader::read(sources, options, seal)
}
