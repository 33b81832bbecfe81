//! From trees to items: top-level keys, kinds, keys, parents and nested children (spec sections 2 and 3).
//!
//! The [`Reader`] goes through all documents once and keeps a [`Draft`] of each item; problems are collected with the
//! item that they belong to, and are put into their final form at the end, when every key is known.

use super::{
    Mode, ReadOptions, Reading, SourceText, across,
    excerpt::Excerpts,
    given,
    names::{self, Common, Names, Role},
    node::{Budget, Entry, Flaw, Mapping, Node, Spot, Value, exceeded},
    source,
};
use crate::{
    catalog::{self, Definition, FieldType},
    desired::{DesiredState, FieldValue, Item, Parent, Reference, Source},
    key::{Compare, Key, KeyPart},
    problem::{Code, Level, Place, Problem},
};
use connexa_types::{Kind, ResourceId, SecretHash, SecretValue};
use serde_json::Value as Json;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
    sync::Arc,
};

/// Keys of a spec that are kept for later versions of the format (spec section 2).
const RESERVED: [&str; 4] = ["vars", "for_each", "defaults", "protect"];

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
}

/// Where an item stands.
enum Stand {
    /// In a list of the document itself.
    Top { index: usize },
    /// In the list `name` of another item.
    Nested { parent: usize, name: &'static str, index: usize },
}

pub(super) struct Reader<'a> {
    pub(super) options: &'a ReadOptions,
    pub(super) seal: &'a dyn Fn(&str, &str) -> SecretHash,
    pub(super) drafts: Vec<Draft>,
    pub(super) inline_secrets: HashMap<SecretHash, Arc<SecretValue>>,
    sources: &'a [SourceText],
    files: Vec<Arc<str>>,
    /// Index of the source that is being read.
    source: u32,
    /// Whether the document that is being read has flaws in it.
    flawed: bool,
    /// Whether `max_items` was reached: nothing more is read.
    full: bool,
    found: Vec<Found>,
    kinds: Vec<Kind>,
    notes: Vec<String>,
    noted: BTreeSet<(Kind, String)>,
    names: BTreeMap<Kind, Rc<Names>>,
    /// By source: lines on which a secret stands in clear text.
    secret_lines: Vec<BTreeSet<u32>>,
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
    };
    match options.mode {
        Mode::Items(kind) if !catalog::is_planned(kind) => {
            let start = Spot { line: 1, column: 1 };
            reader.report(None, start, not_yet(kind.plural()));
        }
        _ => reader.sources(),
    }
    across::check(&mut reader);
    reader.finish()
}

impl Reader<'_> {
    fn sources(&mut self) {
        let limits = &self.options.limits;
        let mut budget = Budget::new(limits);
        for (index, source) in self.sources.iter().enumerate() {
            self.source = u32::try_from(index).unwrap_or(u32::MAX);
            if index as u64 >= limits.max_files {
                let flaw = exceeded(Spot { line: 1, column: 1 }, "max_files", limits.max_files, "files");
                self.flaw(None, &flaw);
                return;
            }
            let parsed = source::parse(source, limits, &mut budget);
            self.flawed = parsed.flawed;
            for document in &parsed.documents {
                self.document(document);
            }
            for flaw in &parsed.fatal {
                self.flaw(None, flaw);
                if let Some(found) = self.found.last_mut() {
                    found.parsed = false;
                }
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
            let kind = spec_kinds().find(|k| k.plural() == name);
            match (kind, self.options.mode) {
                (Some(kind), Mode::Items(own)) if kind != own => {
                    let message =
                        format!("`{name}` are no items of this command, which takes {}", own.plural());
                    self.foreign(
                        kind.singular(),
                        Some(kind),
                        entry,
                        &Problem::new(Code::error(8), message).path(name),
                    );
                }
                (Some(kind), _) if catalog::is_planned(kind) => self.list(kind, entry),
                (Some(_), _) => self.report_file(entry.at, name, not_yet(name)),
                (None, _) if name == "dependencies" => self.report_file(entry.at, name, not_yet(name)),
                (None, _) if RESERVED.contains(&name) => {
                    let message = format!("the key `{name}` is reserved for later versions");
                    self.report_file(entry.at, name, Problem::new(Code::error(102), message));
                }
                (None, mode) => {
                    let problem = self.unknown_key(name, mapping);
                    match mode {
                        Mode::Spec => self.report_file(entry.at, name, problem),
                        Mode::Items(_) => self.foreign(name, None, entry, &problem.path(name)),
                    }
                }
            }
        }
    }

    fn unknown_key(&self, name: &str, mapping: &Mapping) -> Problem {
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

    /// Makes failed items, in a batch, of what stands under a key that is not the command's: its problem is each one's.
    fn foreign(&mut self, word: &str, kind: Option<Kind>, entry: &Entry, problem: &Problem) {
        let nodes = match entry.value.value() {
            Value::List(nodes) => &nodes[..],
            Value::Null => &[],
            _ => std::slice::from_ref(&entry.value),
        };
        if nodes.is_empty() {
            return self.report_file(entry.at, &entry.name, problem.clone());
        }
        for (index, node) in nodes.iter().enumerate() {
            let Some(draft) = self.draft(Err(word.to_owned()), node, &Stand::Top { index }) else { return };
            self.refuse_kind(draft, node, kind);
            // One key is one problem to see, and the error of each of its items.
            if index == 0 {
                self.report(Some(draft), entry.at, problem.clone());
            } else {
                self.report(Some(draft), node.at, problem.clone());
            }
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
        let of_file = source::kind_of_name(&self.sources[self.source as usize].name);
        for (index, node) in nodes.iter().enumerate() {
            if self.full {
                return;
            }
            let word = declared_kind(node);
            let kind = match self.options.mode {
                Mode::Items(kind) => Ok(kind),
                Mode::Spec => match word {
                    Some((word, at)) => word.parse().map_err(|_| (unknown_kind(word), at)),
                    None => of_file.ok_or_else(|| (no_kind(), node.at)),
                },
            };
            match kind {
                Ok(kind) if catalog::is_planned(kind) => {
                    self.names_kind(kind);
                    self.item(kind, node, &Stand::Top { index });
                }
                Ok(kind) => {
                    let at = word.map_or(node.at, |(_, at)| at);
                    self.report(None, at, not_yet(kind.plural()));
                }
                Err(_) if matches!(node.value(), Value::Broken(_)) => self.flaws(None, node),
                Err((problem, at)) => self.report(None, at, problem),
            }
        }
    }

    fn names_kind(&mut self, kind: Kind) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    /// Opens a draft; `None` if there are too many.
    fn draft(&mut self, kind: Result<Kind, String>, node: &Node, stand: &Stand) -> Option<usize> {
        let number = self.drafts.len();
        let limit = self.options.limits.max_items;
        if number as u64 >= limit {
            if !self.full {
                self.full = true;
                self.flaw(None, &exceeded(node.at, "max_items", limit, "items"));
            }
            return None;
        }
        let (index, top, prefix, parent) = match stand {
            Stand::Top { index } => (*index, number, String::new(), None),
            Stand::Nested { parent, name, index } => {
                let outer = &self.drafts[*parent];
                let dot = if outer.prefix.is_empty() { "" } else { "." };
                (*index, outer.top, format!("{}{dot}{name}[{index}]", outer.prefix), Some(*parent))
            }
        };
        let place = self.place(node.at);
        let item = Item {
            kind,
            key: None,
            id: None,
            parent: parent.map(Parent::Item),
            fields: BTreeMap::new(),
            given: Json::Null,
            source: Source {
                file: place.file.to_string(),
                line: node.at.line,
                index: u32::try_from(index).unwrap_or(u32::MAX),
            },
            place,
            prefix: String::new(),
            spots: Vec::new(),
            problems: Vec::new(),
        };
        self.drafts.push(Draft {
            item,
            source: self.source,
            at: node.at,
            top,
            prefix,
            spots: Vec::new(),
            bad: Vec::new(),
        });
        Some(number)
    }

    /// Fills in what can be told of an item whose kind is not taken.
    fn refuse_kind(&mut self, draft: usize, node: &Node, kind: Option<Kind>) {
        self.flaws(Some(draft), node);
        let key_name =
            kind.filter(|k| catalog::is_planned(*k)).map_or("name", |k| catalog::definition(k).key_name);
        let text = match node.value() {
            Value::Mapping(mapping) => member(mapping, key_name).and_then(|e| e.value.text()),
            _ => node.text(),
        };
        let key = text.filter(|t| !t.trim().is_empty()).map(|t| Key::top(KeyPart::new(t, Compare::Exact)));
        self.drafts[draft].item.key = key;
        self.hide_secrets(node);
        self.drafts[draft].item.given = given::item(node, None, self.seal);
    }

    /// Reads an item, then its nested children.
    fn item(&mut self, kind: Kind, node: &Node, stand: &Stand) {
        let definition = catalog::definition(kind);
        let Some(draft) = self.draft(Ok(kind), node, stand) else { return };
        let names = self.names_of(definition);
        if let Some((word, at)) = declared_kind(node) {
            let problem = match word.parse::<Kind>() {
                Ok(declared) if declared == kind => None,
                Ok(declared) => Some(Problem::new(
                    Code::error(8),
                    format!("an item of kind `{declared}` where a `{kind}` is expected"),
                )),
                Err(_) => Some(unknown_kind(word)),
            };
            if let Some(problem) = problem {
                self.drafts[draft].item.kind = Err(word.to_owned());
                self.refuse_kind(draft, node, word.parse().ok());
                return self.report(Some(draft), at, problem.path("kind").expected(format!("`{kind}`")));
            }
        }
        match node.value() {
            Value::Mapping(mapping) => self.mapping(draft, definition, &names, node, mapping, stand),
            Value::Text(_) if matches!(kind, Kind::NetworkRoute | Kind::Device) => {
                let field = definition.key_field();
                self.drafts[draft].item.given = given::item(node, None, self.seal);
                self.field(draft, &names, field, false, node);
                self.identify(draft, definition, stand, true);
            }
            Value::Broken(flaw) => self.flaw(Some(draft), flaw),
            _ => {
                let problem = Problem::new(
                    Code::error(105),
                    format!("an item of kind `{kind}` is {}", node.describe()),
                );
                self.report(Some(draft), node.at, problem.expected("a mapping"));
            }
        }
    }

    fn mapping(
        &mut self,
        draft: usize,
        definition: &'static Definition,
        names: &Names,
        node: &Node,
        mapping: &Mapping,
        stand: &Stand,
    ) {
        let nested = matches!(stand, Stand::Nested { .. });
        let is_child_list = |name: &str| matches!(names.role(name), Some(Role::Children(_)));
        if self.flawed {
            mapping.flaws.iter().for_each(|f| self.flaw(Some(draft), f));
            for entry in mapping.entries.iter().filter(|e| !is_child_list(&e.name)) {
                self.flaws(Some(draft), &entry.value);
            }
        }
        self.drafts[draft].item.given = given::item(node, Some(names), self.seal);
        let mut children = Vec::new();
        let mut seen: Vec<(&str, &str)> = Vec::new();
        let mut key_given = false;
        let mut parent_given = false;
        let mut status = None;
        for entry in &mapping.entries {
            let name = &*entry.name;
            if name.starts_with('_') {
                continue;
            }
            let Some(role) = names.role(name) else {
                self.unknown_field(draft, definition.kind.singular(), names, "", entry);
                continue;
            };
            // One field under two names.
            let own_name = match role {
                Role::Field { field, .. } => field.name,
                Role::Parent { response, .. } if !(nested && response) => definition.parent_names[0],
                _ => "",
            };
            if !own_name.is_empty() {
                if let Some((_, first)) = seen.iter().find(|(own, _)| *own == own_name) {
                    let problem = twice(own_name, first, name);
                    self.report(Some(draft), entry.at, problem.path(own_name));
                    continue;
                }
                seen.push((own_name, name));
            }
            match role {
                Role::Kind => {
                    if entry.value.text().is_none() {
                        let problem = wrong_type("kind", &entry.value, "text");
                        self.report_value(draft, &entry.value, "kind", problem);
                    }
                }
                Role::Id => self.id(draft, &entry.value),
                Role::Field { field, ids } => {
                    key_given |= field.name == definition.key_name;
                    if matches!(field.ty, FieldType::Regions) && entry.value.text() == Some("all") {
                        self.all_regions(draft, entry);
                    } else {
                        self.field(draft, names, field, ids, &entry.value);
                    }
                }
                Role::Parent { response: true, .. } if nested => self.note(definition.kind, name),
                Role::Parent { .. } if nested => {
                    let message = format!("`{name}` in a nested child: its parent is the item around it");
                    let problem = Problem::new(Code::error(107), message).hint(format!("remove `{name}`"));
                    self.report(Some(draft), entry.at, problem.path(name));
                }
                Role::Parent { ids, .. } => {
                    parent_given = true;
                    self.parent(draft, definition, ids, entry);
                }
                Role::Children(child) => children.push((child, entry)),
                Role::ChildrenNotYet => {
                    self.report(Some(draft), entry.at, not_yet(name).path(name));
                }
                Role::CommonNotYet(common) => {
                    let allowed = match common {
                        Common::RenamedFrom => true,
                        Common::Unit | Common::DependsOn => !nested,
                        Common::Atomic => {
                            !nested && matches!(definition.kind, Kind::Network | Kind::Host | Kind::User)
                        }
                    };
                    let problem = if allowed {
                        not_yet(name)
                    } else {
                        let place = if nested {
                            "a nested child".to_owned()
                        } else {
                            format!("a {}", definition.kind)
                        };
                        Problem::new(Code::error(107), format!("`{name}` is not allowed in {place}"))
                    };
                    self.report(Some(draft), entry.at, problem.path(name));
                }
                Role::ResponseOnly if name == "status" && definition.kind == Kind::User => {
                    status = Some(entry.at);
                    self.note(definition.kind, name);
                }
                Role::ResponseOnly => self.note(definition.kind, name),
            }
        }
        let without_id = self.drafts[draft].item.id.is_none();
        if let Some(at) = status.filter(|_| without_id) {
            let problem = Problem::new(Code::warning(110), "`status` is not set by specs: it is ignored")
                .path("status")
                .hint("use `suspend users` and `activate users`");
            self.report(Some(draft), at, problem);
        }
        self.imply_regions(draft, definition);
        if !nested && !definition.parent_names.is_empty() && !parent_given && without_id {
            let parent = definition.parent_names[0];
            let problem =
                Problem::new(Code::error(106), format!("the {} has no `{parent}`", definition.kind))
                    .path(parent)
                    .expected(format!("`{parent}`, or `id`"));
            self.report(Some(draft), self.drafts[draft].at, problem);
        }
        self.identify(draft, definition, stand, key_given);
        for (child, entry) in children {
            self.children(draft, child, entry);
        }
    }

    /// Gives the item its key, or says that it has none.
    fn identify(&mut self, draft: usize, definition: &'static Definition, stand: &Stand, key_given: bool) {
        let item = &self.drafts[draft].item;
        let own = match item.fields.get(definition.key_name) {
            Some(FieldValue::Value(Json::String(text))) => Some(KeyPart::new(text, definition.key)),
            _ => None,
        };
        if own.is_none() && !key_given && item.id.is_none() {
            let name = definition.key_name;
            let problem = Problem::new(Code::error(106), format!("the {} has no `{name}`", definition.kind))
                .path(name)
                .expected(format!("`{name}`, or `id`"));
            self.report(Some(draft), self.drafts[draft].at, problem);
        }
        let key = own.and_then(|own| match stand {
            Stand::Top { .. } if definition.parent_names.is_empty() => Some(Key::top(own)),
            // The parent's part of a flat child is known when all items are: see `across`.
            Stand::Top { .. } => {
                Some(Key { parent: across::parent_part(self.drafts[draft].item.parent.as_ref()?, &[]), own })
            }
            Stand::Nested { parent, .. } => {
                let part = across::own_part(&self.drafts[*parent])?;
                Some(Key::child(part, own))
            }
        });
        self.drafts[draft].item.key = key;
    }

    fn children(&mut self, parent: usize, definition: &'static Definition, entry: &Entry) {
        let name = definition.nested_as.expect("nested kinds have a nested name");
        self.names_kind(definition.kind);
        match entry.value.value() {
            Value::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.item(definition.kind, node, &Stand::Nested { parent, name, index });
                }
            }
            Value::Null => {
                let problem = Problem::new(
                    Code::error(108),
                    format!("`{name}` cannot be null: children are only added"),
                )
                .hint("leave it out");
                self.report_value(parent, &entry.value, name, problem);
            }
            Value::Broken(flaw) => self.flaw(Some(parent), flaw),
            _ => {
                let problem = wrong_type(name, &entry.value, "a list");
                self.report_value(parent, &entry.value, name, problem);
            }
        }
    }

    fn id(&mut self, draft: usize, node: &Node) {
        let problem = match node.value() {
            Value::Text(text) if !text.trim().is_empty() => {
                self.drafts[draft].spots.push((Cow::Borrowed("id"), node.at));
                self.drafts[draft].item.id = Some(ResourceId::new(text.trim()));
                return;
            }
            Value::Text(_) => Problem::new(Code::error(109), "`id` is empty"),
            Value::Null => Problem::new(Code::error(108), "`id` cannot be null"),
            _ => wrong_type("id", node, "text"),
        };
        self.report_value(draft, node, "id", problem);
    }

    fn parent(&mut self, draft: usize, definition: &'static Definition, ids: bool, entry: &Entry) {
        let Some(kind) = definition.kind.parent() else { return };
        let path = definition.parent_names[0];
        self.drafts[draft].spots.push((Cow::Borrowed(path), entry.value.at));
        let reference = if matches!(entry.value.value(), Value::Null) {
            let problem = Problem::new(Code::error(108), format!("`{path}` cannot be null"));
            self.report_value(draft, &entry.value, path, problem);
            None
        } else {
            self.reference(draft, kind, ids, &entry.value, path)
        };
        self.drafts[draft].item.parent = reference.map(Parent::Reference);
    }

    /// Reads a field of the item itself.
    fn field(&mut self, draft: usize, names: &Names, field: &'static catalog::Field, ids: bool, node: &Node) {
        let path = Cow::Borrowed(field.name);
        self.drafts[draft].spots.push((path.clone(), node.at));
        match self.value(draft, field, ids, names, node, field.name) {
            Some(value) => {
                self.drafts[draft].item.fields.insert(field.name, value);
            }
            None => self.drafts[draft].bad.push(path),
        }
    }

    /// `regions: all` is `all_regions_included: true`.
    fn all_regions(&mut self, draft: usize, entry: &Entry) {
        let own = &mut self.drafts[draft];
        own.spots.push((Cow::Borrowed("regions"), entry.value.at));
        // Kept until the whole item is read; `imply_regions` takes it out.
        own.item.fields.insert("regions", FieldValue::Value(Json::Bool(true)));
    }

    /// Brings `regions` and `all_regions_included` together (spec section 5.7).
    fn imply_regions(&mut self, draft: usize, definition: &Definition) {
        const ALL: &str = "all_regions_included";
        if definition.kind != Kind::UserGroup {
            return;
        }
        let own = &mut self.drafts[draft];
        let all = own.item.fields.get(ALL).and_then(|v| match v {
            FieldValue::Value(Json::Bool(b)) => Some(*b),
            _ => None,
        });
        match own.item.fields.get("regions") {
            Some(FieldValue::Value(Json::Bool(true))) => {
                own.item.fields.remove("regions");
                if all == Some(false) {
                    let at = own.spot(ALL);
                    let problem = Problem::new(
                        Code::error(104),
                        "`regions: all` and `all_regions_included: false` contradict each other",
                    );
                    return self.report(Some(draft), at, problem.path(ALL));
                }
                own.item.fields.insert(ALL, FieldValue::Value(Json::Bool(true)));
            }
            Some(FieldValue::Value(Json::Array(list))) if list.is_empty() => {
                own.item.fields.remove("regions");
                // Beside `all_regions_included: true` an empty list is what the service itself shows.
                if all != Some(true) {
                    let at = own.spot("regions");
                    own.bad.push(Cow::Borrowed("regions"));
                    let problem = Problem::new(Code::error(108), "`regions` cannot be cleared")
                        .path("regions")
                        .expected("region ids, or `all`");
                    self.report(Some(draft), at, problem);
                }
            }
            Some(_) if all.is_none() && !own.bad.iter().any(|b| b == ALL) => {
                own.item.fields.insert(ALL, FieldValue::Value(Json::Bool(false)));
            }
            _ => {}
        }
    }

    /// E103, with the nearest name. The value may be a secret under a misspelt name: its lines are not shown.
    pub(super) fn unknown_field(
        &mut self,
        draft: usize,
        of: &str,
        names: &Names,
        prefix: &str,
        entry: &Entry,
    ) {
        if !prefix.is_empty() || names::sounds_secret(&entry.name) {
            self.hide(&entry.value);
        }
        let name = &*entry.name;
        let problem = Problem::new(Code::error(103), format!("`{of}` has no field `{name}`"))
            .path(format!("{prefix}{name}"));
        let problem = match names.nearest(name) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        };
        self.report(Some(draft), entry.at, problem);
    }

    /// Notes once that a response-only field was ignored.
    pub(super) fn note(&mut self, kind: Kind, name: &str) {
        if self.noted.insert((kind, catalog::snake(name))) {
            self.notes.push(format!("`{name}` of {} is set by the service alone: ignored", kind.plural()));
        }
    }

    fn names_of(&mut self, definition: &'static Definition) -> Rc<Names> {
        Rc::clone(self.names.entry(definition.kind).or_insert_with(|| Rc::new(Names::of(definition))))
    }

    /// Keeps the lines of a value out of excerpts.
    pub(super) fn hide(&mut self, node: &Node) {
        let lines = &mut self.secret_lines[self.source as usize];
        let end = last_line(node);
        lines.extend(node.at.line..=end);
    }

    /// Keeps the lines of all that sounds secret out of excerpts.
    fn hide_secrets(&mut self, node: &Node) {
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

    fn flaw(&mut self, item: Option<usize>, flaw: &Flaw) {
        let mut problem = Problem::new(flaw.code, flaw.message.clone());
        problem.expected = flaw.expected.map(str::to_owned);
        problem.hint = flaw.hint.map(str::to_owned);
        self.report(item, flaw.at, problem);
    }

    /// Reports the flaws in a tree.
    fn flaws(&mut self, item: Option<usize>, node: &Node) {
        if self.flawed {
            let mut flaws = Vec::new();
            node.flaws(&mut |flaw| flaws.push(flaw.clone()));
            flaws.iter().for_each(|f| self.flaw(item, f));
        }
    }

    /// Reports a problem at a place of the source that is being read.
    pub(super) fn report(&mut self, item: Option<usize>, at: Spot, problem: Problem) {
        self.found.push(Found { source: self.source, at, item, problem, parsed: true });
    }

    /// Reports a problem of an item, wherever that stands.
    pub(super) fn report_item(&mut self, item: usize, at: Spot, problem: Problem) {
        let source = self.drafts[item].source;
        self.found.push(Found { source, at, item: Some(item), problem, parsed: true });
    }

    /// Reports a problem of the document as a whole, with the top-level key as its path.
    fn report_file(&mut self, at: Spot, key: &str, problem: Problem) {
        self.report(None, at, problem.path(key));
    }

    /// Reports a problem of a field at its value, unless the value is broken: then the problem is known already.
    pub(super) fn report_value(&mut self, draft: usize, node: &Node, path: &str, problem: Problem) {
        if !matches!(node.value(), Value::Broken(_)) {
            self.report(Some(draft), node.at, problem.path(path));
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

/// The kinds that have a top-level key in a spec.
fn spec_kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.iter().copied().filter(|k| !matches!(k, Kind::AllowDomain | Kind::BlockDomain))
}

fn member<'a>(mapping: &'a Mapping, name: &str) -> Option<&'a Entry> {
    mapping.entries.iter().find(|e| &*e.name == name)
}

/// The word of an item's `kind`, and where it stands.
fn declared_kind(node: &Node) -> Option<(&str, Spot)> {
    let Value::Mapping(mapping) = node.value() else { return None };
    let entry = member(mapping, "kind")?;
    Some((entry.value.text()?, entry.value.at))
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

fn unknown_kind(word: &str) -> Problem {
    let problem = Problem::new(Code::error(6), format!("unknown kind `{word}`"));
    match names::nearest(word, spec_kinds().map(Kind::singular)) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}

fn no_kind() -> Problem {
    Problem::new(Code::error(6), "the kind of this item is not known").expected(
        "a field `kind`, a file name that begins with a kind, or a mapping such as `networks: [...]`",
    )
}

/// E102 for what the format has and this version has not.
fn not_yet(what: &str) -> Problem {
    let verb = if what.ends_with('s') { "are" } else { "is" };
    Problem::new(Code::error(102), format!("`{what}` {verb} not supported by this version yet"))
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

/// A reference of an item, if it is one.
pub(super) fn references(value: &FieldValue) -> &[Reference] {
    match value {
        FieldValue::Reference(reference) => std::slice::from_ref(reference),
        FieldValue::References(references) => references,
        _ => &[],
    }
}
