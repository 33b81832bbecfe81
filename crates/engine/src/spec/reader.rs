//! The state of one reading: drafts of items, and problems until they get their final form.
//!
//! The [`Reader`] goes through all documents once (`documents`, `items`) and keeps a
//! [`Draft`] of each item; problems are collected with the item that they belong to, and are put into their final form
//! at the end, when every key is known.

use super::{
    ReadOptions, Reading, SourceText, across,
    excerpt::{self, Excerpts},
    names::{self, Names},
    node::{Flaw, Node, Spot, Value},
    relations, source,
};
use crate::{
    catalog::{self, Definition},
    desired::{Dependency, DesiredState, Item},
    problem::{Code, Level, Place, Problem},
};
use connexa_types::{Kind, SecretHash, SecretValue};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
    sync::Arc,
};

/// An item while it is read.
pub(super) struct Draft {
    pub(super) item: Item,
    /// Where it stands: index of its source, and the place there.
    pub(super) source: u32,
    pub(super) at: Spot,
    /// The top-level item that it stands in; itself, if it is one.
    pub(super) top: usize,
    /// Its path in the top-level item: empty, or `connectors[0]`.
    pub(super) prefix: String,
    /// Fields that were given, by path in spec names, and where their values stand.
    pub(super) spots: Vec<(Cow<'static, str>, Spot)>,
    /// Paths of fields that were given and could not be read.
    pub(super) bad: Vec<Cow<'static, str>>,
    /// `depends_on` as written: each entry and its place.
    pub(super) depends_on: Vec<(Box<str>, Spot)>,
    /// `atomic: true`.
    pub(super) atomic: bool,
}

impl Draft {
    /// Where a field stands, else the object around it, else the item.
    pub(super) fn spot(&self, path: &str) -> Spot {
        let mut path = path;
        loop {
            if let Some((_, at)) = self.spots.iter().find(|(p, _)| p == path) {
                return *at;
            }
            match path.rsplit_once('.') {
                Some((outer, _)) => path = outer,
                None => return self.at,
            }
        }
    }

    /// The item, with what later problems of it need to know.
    fn into_item(self) -> Item {
        let spots = self.spots.into_iter().map(|(path, at)| (path, at.line, at.column)).collect();
        Item { prefix: self.prefix, spots, ..self.item }
    }

    /// The kind, if the item has one that could be told.
    pub(super) fn kind(&self) -> Option<Kind> {
        self.item.kind.as_ref().ok().copied()
    }
}

/// A problem, its item and its place, before both are written into it.
struct Found {
    source: u32,
    at: Spot,
    item: Option<usize>,
    problem: Problem,
    /// Whether the text could be parsed, so that lines with secrets are known.
    parsed: bool,
    /// Whether it is one unless what is named is live ([`Reading::alone`]).
    unless_live: bool,
}

pub(super) struct Reader<'a> {
    pub(super) options: &'a ReadOptions,
    pub(super) seal: &'a dyn Fn(&str, &str) -> SecretHash,
    pub(super) drafts: Vec<Draft>,
    pub(super) inline_secrets: HashMap<SecretHash, Arc<SecretValue>>,
    pub(super) sources: &'a [SourceText],
    files: Vec<Arc<str>>,
    /// Index of the source that is being read.
    pub(super) source: u32,
    /// Whether the document that is being read has flaws in it.
    pub(super) flawed: bool,
    /// Whether `max_items` was reached: nothing more is read.
    pub(super) full: bool,
    found: Vec<Found>,
    kinds: Vec<Kind>,
    notes: Vec<String>,
    noted: BTreeSet<(Kind, String)>,
    names: BTreeMap<Kind, Rc<Names>>,
    /// By source: lines on which a secret stands in clear text.
    secret_lines: Vec<BTreeSet<u32>>,
    /// `dependencies` as written, with the source that each stands in.
    pub(super) dependencies: Vec<(u32, Dependency)>,
    /// The items of settings by their path.
    pub(super) settings: BTreeMap<&'static str, usize>,
}

/// Reads the input of one command; see [`super::read`].
pub(super) fn read(
    sources: &[SourceText],
    options: &ReadOptions,
    seal: &dyn Fn(&str, &str) -> SecretHash,
) -> Reading {
    let mut reader = Reader {
        options,
        seal,
        drafts: Vec::new(),
        inline_secrets: HashMap::new(),
        sources,
        files: sources.iter().map(|s| Arc::from(s.name.as_str())).collect(),
        source: 0,
        flawed: false,
        full: false,
        found: Vec::new(),
        kinds: Vec::new(),
        notes: Vec::new(),
        noted: BTreeSet::new(),
        names: BTreeMap::new(),
        secret_lines: vec![BTreeSet::new(); sources.len()],
        dependencies: Vec::new(),
        settings: BTreeMap::new(),
    };
    reader.sources();
    across::check(&mut reader);
    relations::check(&mut reader);
    reader.finish()
}

impl Reader<'_> {
    pub(super) fn names_kind(&mut self, kind: Kind) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    /// Notes once that a response-only field was ignored.
    pub(super) fn note(&mut self, kind: Kind, name: &str) {
        if self.noted.insert((kind, catalog::snake(name))) {
            self.notes.push(format!("`{name}` of {} is set by the service alone: ignored", kind.plural()));
        }
    }

    pub(super) fn names_of(&mut self, definition: &'static Definition) -> Rc<Names> {
        Rc::clone(self.names.entry(definition.kind).or_insert_with(|| Rc::new(Names::of(definition))))
    }

    /// Keeps the lines of a value out of excerpts.
    pub(super) fn hide(&mut self, node: &Node) {
        let lines = &mut self.secret_lines[self.source as usize];
        let end = last_line(node);
        lines.extend(node.at.line..=end);
    }

    /// Keeps the lines of all that sounds secret out of excerpts.
    pub(super) fn hide_secrets(&mut self, node: &Node) {
        match node.value() {
            Value::List(nodes) => nodes.iter().for_each(|n| self.hide_secrets(n)),
            Value::Mapping(mapping) => {
                for entry in &mapping.entries {
                    if names::sounds_secret(&entry.name) {
                        self.hide(&entry.value);
                    } else {
                        self.hide_secrets(&entry.value);
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn place(&self, at: Spot) -> Place {
        Place { file: Arc::clone(&self.files[self.source as usize]), line: at.line, column: at.column }
    }

    /// The folder of the file that is being read.
    pub(super) fn folder(&self) -> &str {
        source::folder(&self.sources[self.source as usize].name)
    }

    pub(super) fn flaw(&mut self, item: Option<usize>, flaw: &Flaw) {
        let mut problem = Problem::new(flaw.code, flaw.message.clone());
        problem.expected = flaw.expected.map(str::to_owned);
        problem.hint = flaw.hint.map(str::to_owned);
        self.report(item, flaw.at, problem);
    }

    /// Reports a flaw that ended the parsing of a text.
    pub(super) fn fatal_flaw(&mut self, flaw: &Flaw) {
        self.flaw(None, flaw);
        if let Some(found) = self.found.last_mut() {
            found.parsed = false;
        }
    }

    /// Reports the flaws in a tree.
    pub(super) fn flaws(&mut self, item: Option<usize>, node: &Node) {
        if self.flawed {
            let mut flaws = Vec::new();
            node.flaws(&mut |flaw| flaws.push(flaw.clone()));
            for flaw in &flaws {
                self.flaw(item, flaw);
            }
        }
    }

    /// Reports a problem at a place of the source that is being read.
    pub(super) fn report(&mut self, item: Option<usize>, at: Spot, problem: Problem) {
        self.found.push(Found { source: self.source, at, item, problem, parsed: true, unless_live: false });
    }

    /// Reports a problem of an item, wherever that stands.
    pub(super) fn report_item(&mut self, item: usize, at: Spot, problem: Problem) {
        let source = self.drafts[item].source;
        self.found.push(Found { source, at, item: Some(item), problem, parsed: true, unless_live: false });
    }

    /// Reports a problem that there is unless what is named is live; its file is in it.
    pub(super) fn report_unless_live(&mut self, item: Option<usize>, at: Spot, problem: Problem) {
        let file = self.files.iter().position(|file| problem.file.as_deref() == Some(file));
        let source = file.and_then(|file| u32::try_from(file).ok()).unwrap_or_default();
        self.found.push(Found { source, at, item, problem, parsed: true, unless_live: true });
    }

    /// Reports a problem of the document as a whole, with the top-level key as its path.
    pub(super) fn report_file(&mut self, at: Spot, key: &str, problem: Problem) {
        self.report(None, at, problem.path(key));
    }

    /// Reports a problem of a field at its value, unless the value is broken: then the problem is known already.
    pub(super) fn report_value(&mut self, draft: usize, node: &Node, path: &str, problem: Problem) {
        if !matches!(node.value(), Value::Broken(_)) {
            self.report(Some(draft), node.at, problem.path(path));
        }
    }

    /// Takes back the last item. Its problems become those of another that stands for the same, or of the document.
    pub(super) fn withdraw(&mut self, other: Option<usize>) {
        self.drafts.pop();
        let last = self.drafts.len();
        for found in self.found.iter_mut().rev().take_while(|f| f.item == Some(last)) {
            found.item = other;
        }
    }

    /// Puts problems into their final form and order, and hands out what was read.
    fn finish(mut self) -> Reading {
        self.found.sort_by_key(|f| (f.source, f.at));
        let mut reading = Reading { inline_secrets: self.inline_secrets, ..Reading::default() };
        let mut excerpts: BTreeMap<u32, Excerpts<'_>> = BTreeMap::new();
        for found in self.found {
            let source = found.source as usize;
            let mut problem = found.problem;
            if let Some(file) = self.files.get(source) {
                let place = Place { file: Arc::clone(file), line: found.at.line, column: found.at.column };
                problem = problem.at(&place);
                let excerpts = excerpts.entry(found.source).or_insert_with(|| {
                    Excerpts::new(&self.sources[source].bytes, &self.secret_lines[source])
                });
                problem.excerpt = excerpts.at(found.at, found.parsed);
            }
            if self.options.strict {
                problem.level = Level::Error;
            }
            // Names of the input stand in messages: they must not reach a terminal's controls.
            problem.message = excerpt::printable(&problem.message);
            problem.hint = problem.hint.map(|h| excerpt::printable(&h));
            if found.unless_live {
                let problem = match found.item {
                    Some(item) => name(problem, &self.drafts[item].item),
                    None => problem,
                };
                reading.unless_live.push((reading.problems.len(), problem));
                continue;
            }
            let Some(index) = found.item else {
                reading.unreadable |= problem.is_error();
                reading.problems.push(problem);
                continue;
            };
            if problem.is_error() {
                let own = name(problem.clone(), &self.drafts[index].item);
                self.drafts[index].item.problems.push(own);
            }
            let draft = &self.drafts[index];
            problem.path = match (draft.prefix.as_str(), problem.path) {
                ("", path) => path,
                (prefix, None) => Some(prefix.to_owned()),
                (prefix, Some(path)) => Some(format!("{prefix}.{path}")),
            };
            reading.problems.push(name(problem, &self.drafts[draft.top].item));
        }
        reading.desired = DesiredState {
            items: self.drafts.into_iter().map(Draft::into_item).collect(),
            kinds: self.kinds,
            notes: self.notes,
            dependencies: self.dependencies.into_iter().map(|(_, dependency)| dependency).collect(),
        };
        reading
    }
}

/// Names the item of a problem.
fn name(mut problem: Problem, item: &Item) -> Problem {
    problem.kind = Some(match &item.kind {
        Ok(kind) => kind.singular().to_owned(),
        Err(word) => word.clone(),
    });
    problem.key = item.key.as_ref().map(ToString::to_string);
    problem
}

/// The last line of a value, as far as it is known.
fn last_line(node: &Node) -> u32 {
    let inner = match node.value() {
        Value::List(nodes) => nodes.iter().map(last_line).max(),
        Value::Mapping(mapping) => mapping.entries.iter().map(|e| last_line(&e.value)).max(),
        _ => None,
    };
    inner.unwrap_or(node.end_line).max(node.end_line)
}

/// E104.
pub(super) fn twice(field: &str, first: &str, second: &str) -> Problem {
    Problem::new(Code::error(104), format!("`{field}` is given twice: as `{first}` and as `{second}`"))
        .hint("keep one of them")
}

/// E105.
pub(super) fn wrong_type(path: &str, node: &Node, expected: &str) -> Problem {
    Problem::new(Code::error(105), format!("`{path}` is {}", node.describe())).expected(expected)
}
