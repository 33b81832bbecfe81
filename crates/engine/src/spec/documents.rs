//! Documents: top-level keys, bare lists, and the kinds of their items (spec sections 1.1 and 2).

use super::{
    Mode,
    items::{Stand, declared_kind},
    names,
    node::{Budget, Entry, Mapping, Node, Spot, Value, exceeded},
    reader::{Reader, wrong_type},
    source,
};
use crate::problem::{Code, Problem};
use connexa_types::Kind;

/// Keys of a spec that are kept for later versions of the format (spec section 2).
const RESERVED: [&str; 4] = ["vars", "for_each", "defaults", "protect"];

impl Reader<'_> {
    pub(super) fn sources(&mut self) {
        let limits = &self.options.limits;
        let mut budget = Budget::new(limits);
        for (index, source) in self.sources.iter().enumerate() {
            self.source = u32::try_from(index).unwrap_or(u32::MAX);
            if index as u64 >= limits.max_files {
                let flaw = exceeded(Spot { line: 1, column: 1 }, "max_files", limits.max_files, "files");
                self.flaw(None, &flaw);
                return;
            }
            let parsed = source::parse(source, self.options.mode.only(), limits, &mut budget);
            self.flawed = parsed.flawed;
            for document in &parsed.documents {
                self.document(document);
            }
            for flaw in &parsed.fatal {
                self.fatal_flaw(flaw);
            }
            if self.full || parsed.fatal.iter().any(|f| f.code == Code::error(4)) {
                return;
            }
        }
    }

    fn document(&mut self, root: &Node) {
        match root.value() {
            Value::Null => {}
            Value::List(nodes) => self.bare_list(nodes),
            Value::Mapping(mapping) => self.spec(mapping),
            Value::Broken(flaw) => self.flaw(None, flaw),
            _ => {
                let problem = Problem::new(
                    Code::error(105),
                    format!("a spec is a mapping or a list of items; this is {}", root.describe()),
                )
                .expected("a mapping such as `networks: [...]`, or a list of items");
                self.report(None, root.at, problem);
            }
        }
    }

    /// Reads a spec: lists of items under the names of their kinds.
    fn spec(&mut self, mapping: &Mapping) {
        for flaw in &mapping.flaws {
            self.flaw(None, flaw);
        }
        for entry in &mapping.entries {
            if self.full {
                return;
            }
            let name = &*entry.name;
            if name == "$schema" || name.starts_with("x-") || name.starts_with('_') {
                self.flaws(None, &entry.value);
                continue;
            }
            let only = self.options.mode.only();
            let kind = spec_kinds().chain(only).find(|k| k.plural() == name);
            match (kind, only) {
                (Some(kind), Some(own)) if kind != own => {
                    let message =
                        format!("`{name}` are no items of this command, which takes {}", own.plural());
                    self.foreign(
                        kind.singular(),
                        Some(kind),
                        entry,
                        &Problem::new(Code::error(8), message).path(name),
                    );
                }
                (Some(Kind::Setting), _) => self.settings(entry),
                (Some(kind), _) => self.list(kind, entry),
                (None, _) if name == "dependencies" => self.dependencies(entry),
                (None, _) if RESERVED.contains(&name) => {
                    let message = format!("the key `{name}` is reserved for later versions");
                    self.report_file(entry.at, name, Problem::new(Code::error(102), message));
                }
                (None, _) => {
                    let problem = unknown_key(name, mapping);
                    match self.options.mode {
                        Mode::Spec => self.report_file(entry.at, name, problem),
                        Mode::Items(_) | Mode::Names(_) => {
                            self.foreign(name, None, entry, &problem.path(name));
                        }
                    }
                }
            }
        }
    }

    /// Makes failed items, in a batch, of what stands under a key that is not the command's: its problem is each one's.
    fn foreign(&mut self, word: &str, kind: Option<Kind>, entry: &Entry, problem: &Problem) {
        if kind == Some(Kind::Setting) && matches!(entry.value.value(), Value::Mapping(_)) {
            // Each setting is an item, wherever it is nested.
            let first = self.drafts.len();
            self.settings(entry);
            for draft in first..self.drafts.len() {
                self.drafts[draft].item.kind = Err(word.to_owned());
                let at = if draft == first { entry.at } else { self.drafts[draft].at };
                self.report(Some(draft), at, problem.clone());
            }
            return;
        }
        let nodes = match entry.value.value() {
            Value::List(nodes) if !nodes.is_empty() => nodes,
            _ => return self.report_file(entry.at, &entry.name, problem.clone()),
        };
        for (index, node) in nodes.iter().enumerate() {
            let Some(draft) = self.draft(Err(word.to_owned()), node.at, &Stand::Top { index }) else {
                return;
            };
            self.refuse_kind(draft, node, kind);
            // The key is the problem of all its items: it shows first at its own place.
            let at = if index == 0 { entry.at } else { node.at };
            self.report(Some(draft), at, problem.clone());
        }
    }

    /// Reads the list under a top-level key.
    fn list(&mut self, kind: Kind, entry: &Entry) {
        self.names_kind(kind);
        match entry.value.value() {
            Value::Null => {}
            Value::Broken(flaw) => self.flaw(None, flaw),
            Value::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.item(kind, node, &Stand::Top { index });
                }
            }
            _ => {
                let problem = wrong_type(kind.plural(), &entry.value, "a list of items");
                self.report_file(entry.value.at, kind.plural(), problem);
            }
        }
    }

    /// Reads a list of items that stands for itself.
    fn bare_list(&mut self, nodes: &[Node]) {
        let of_file =
            source::kind_of_name(&self.sources[self.source as usize].name).filter(|k| is_in_specs(*k));
        for (index, node) in nodes.iter().enumerate() {
            if self.full {
                return;
            }
            let word = declared_kind(node);
            let kind = match (self.options.mode.only(), word) {
                (Some(kind), _) => Ok(kind),
                (None, Some((word, at))) => match word.parse() {
                    Ok(kind) if is_in_specs(kind) => Ok(kind),
                    _ => Err((unknown_kind(word), at)),
                },
                (None, None) => of_file.ok_or_else(|| (no_kind(), node.at)),
            };
            match kind {
                Ok(kind) => {
                    self.names_kind(kind);
                    self.item(kind, node, &Stand::Top { index });
                }
                Err(_) if matches!(node.value(), Value::Broken(_)) => self.flaws(None, node),
                Err((problem, at)) => {
                    // In a batch it fails, and the rest goes on.
                    let word = word.map_or_else(|| "-".to_owned(), |(word, _)| word.to_owned());
                    let draft = match self.options.mode {
                        Mode::Spec => None,
                        Mode::Items(_) | Mode::Names(_) => {
                            self.draft(Err(word), node.at, &Stand::Top { index })
                        }
                    };
                    if let Some(draft) = draft {
                        self.refuse_kind(draft, node, None);
                    }
                    self.report(draft, at, problem);
                }
            }
        }
    }
}

/// The kinds that have a top-level key in a spec.
pub(super) fn spec_kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.iter().copied().filter(|k| is_in_specs(*k))
}

/// Whether specs have items of a kind. Domains of Cyber Shield are for imperative commands only.
fn is_in_specs(kind: Kind) -> bool {
    !matches!(kind, Kind::AllowDomain | Kind::BlockDomain)
}

pub(super) fn unknown_kind(word: &str) -> Problem {
    let problem = Problem::new(Code::error(6), format!("unknown kind `{word}`"));
    match names::nearest(word, spec_kinds().map(Kind::singular).chain(spec_kinds().map(Kind::plural))) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}

fn no_kind() -> Problem {
    Problem::new(Code::error(6), "the kind of this item is not known").expected(
        "a field `kind`, a file name that begins with a kind, or a mapping such as `networks: [...]`",
    )
}

/// E101.
fn unknown_key(name: &str, mapping: &Mapping) -> Problem {
    let problem = Problem::new(Code::error(101), format!("unknown top-level key `{name}`"));
    let looks_like_item = mapping
        .entries
        .iter()
        .any(|e| matches!(&*e.name, "kind" | "name" | "username" | "subnet" | "domain"));
    match names::nearest(name, spec_kinds().map(Kind::plural)) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None if looks_like_item => problem.hint("an item stands in a list, or on a line of JSON Lines"),
        None => {
            let known: Vec<_> = spec_kinds().map(|k| format!("`{}`", k.plural())).collect();
            problem.expected(format!("one of {}", known.join(", ")))
        }
    }
}
