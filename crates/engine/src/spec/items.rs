//! Items: kinds, keys, parents, fields and nested children (spec sections 2 and 3).

use super::{
    Mode, across,
    documents::unknown_kind,
    given,
    names::{self, Names, Role},
    node::{Entry, Mapping, Node, Spot, Value, exceeded},
    reader::{Draft, Reader, twice, wrong_type},
};
use crate::{
    catalog::{self, Definition, FieldType},
    desired::{FieldValue, Item, Parent, Source},
    key::{Compare, Key, KeyPart},
    problem::{Code, Problem},
    shared_json::SharedJson,
    sorted_map::SortedMap,
};
use connexa_types::{Kind, ResourceId};
use serde_json::Value as Json;
use std::borrow::Cow;

/// Where an item stands.
pub(super) enum Stand {
    /// In a list of the document itself.
    Top { index: usize },
    /// In the list `name` of another item.
    Nested { parent: usize, name: &'static str, index: usize },
}

impl Reader<'_> {
    /// Opens a draft; `None` if there are too many.
    pub(super) fn draft(&mut self, kind: Result<Kind, String>, at: Spot, stand: &Stand) -> Option<usize> {
        let number = self.drafts.len();
        let limit = self.options.limits.max_items;
        if number as u64 >= limit {
            if !self.full {
                self.full = true;
                self.flaw(None, &exceeded(at, "max_items", limit, "items"));
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
        let place = self.place(at);
        let item = Item {
            kind,
            key: None,
            id: None,
            parent: parent.map(Parent::Item),
            renamed_from: None,
            unit: None,
            depends_on: Vec::new(),
            fields: SortedMap::new(),
            given: SharedJson::default(),
            source: Source {
                file: place.file.to_string(),
                line: at.line,
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
            at,
            top,
            prefix,
            spots: Vec::new(),
            bad: Vec::new(),
            depends_on: Vec::new(),
            atomic: false,
        });
        Some(number)
    }

    /// Fills in what can be told of an item whose kind is not taken.
    pub(super) fn refuse_kind(&mut self, draft: usize, node: &Node, kind: Option<Kind>) {
        self.flaws(Some(draft), node);
        let key_name = kind.map_or("name", |k| catalog::definition(k).key_name);
        let text = match node.value() {
            Value::Mapping(mapping) => member(mapping, key_name).and_then(|e| e.value.text()),
            _ => node.text(),
        };
        let key = text.filter(|t| !t.trim().is_empty()).map(|t| Key::top(KeyPart::new(t, Compare::Exact)));
        self.drafts[draft].item.key = key;
        self.hide_secrets(node);
        self.drafts[draft].item.given = given::item(node, None, self.seal).into();
    }

    /// Reads an item, then its nested children.
    pub(super) fn item(&mut self, kind: Kind, node: &Node, stand: &Stand) {
        let definition = catalog::definition(kind);
        let Some(draft) = self.draft(Ok(kind), node.at, stand) else { return };
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
        if matches!(self.options.mode, Mode::Names(_)) {
            return self.named(draft, definition, node, stand);
        }
        if kind == Kind::Setting {
            return self.bare_setting(draft, node);
        }
        let names = self.names_of(definition);
        match node.value() {
            Value::Mapping(mapping) => self.mapping(draft, definition, &names, node, mapping, stand),
            Value::Text(_) if takes_text(kind) => {
                let field = definition.key_field();
                self.drafts[draft].item.given = given::item(node, None, self.seal).into();
                self.field(draft, &names, field, false, node);
                self.identify(draft, definition, stand, Some(node), false);
            }
            _ => self.no_item(draft, kind, node, "a mapping"),
        }
    }

    /// E105 for what cannot be an item.
    pub(super) fn no_item(&mut self, draft: usize, kind: Kind, node: &Node, expected: &str) {
        if let Value::Broken(flaw) = node.value() {
            return self.flaw(Some(draft), flaw);
        }
        let problem =
            Problem::new(Code::error(105), format!("an item of kind `{kind}` is {}", node.describe()));
        // A list may hold anything; a scalar that has gone astray is shown as it stands.
        if !matches!(node.value(), Value::List(_)) {
            self.drafts[draft].item.given = given::item(node, None, self.seal).into();
        }
        self.report(Some(draft), node.at, problem.expected(expected));
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
        self.drafts[draft].item.given = given::item(node, Some(names), self.seal).into();
        let mut children = Vec::new();
        let mut seen: Vec<(&str, &str)> = Vec::new();
        let mut key_given = None;
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
                Role::Id if catalog::is_listed(definition.kind) => self.id(draft, &entry.value),
                Role::Id => {
                    let message = format!("`id` is not allowed in a {}", definition.kind);
                    self.report(Some(draft), entry.at, Problem::new(Code::error(107), message).path("id"));
                }
                Role::Field { field, ids } => {
                    if field.name == definition.key_name {
                        key_given = Some(&entry.value);
                    }
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
                Role::Common(common) => self.common(draft, definition.kind, nested, common, entry),
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
        self.identify(draft, definition, stand, key_given, parent_given);
        for (child, entry) in children {
            self.children(draft, child, entry);
        }
    }

    /// Gives the item its key, or says that it has none, or no parent. `key_given` is the key as it stands: one that is
    /// not valid names its item all the same.
    fn identify(
        &mut self,
        draft: usize,
        definition: &'static Definition,
        stand: &Stand,
        key_given: Option<&Node>,
        parent_given: bool,
    ) {
        let item = &self.drafts[draft].item;
        let own = if let Some(FieldValue::Value(Json::String(text))) = item.fields.get(definition.key_name) {
            Some(KeyPart::new(text, definition.key))
        } else {
            let text = key_given.and_then(Node::text).filter(|text| !text.trim().is_empty());
            text.map(|text| KeyPart::new(text, Compare::Exact))
        };
        self.key_of(draft, definition, stand, own, key_given.is_some(), parent_given);
    }

    /// Makes the key of its own part, or says what is missing.
    pub(super) fn key_of(
        &mut self,
        draft: usize,
        definition: &'static Definition,
        stand: &Stand,
        own: Option<KeyPart>,
        key_given: bool,
        parent_given: bool,
    ) {
        let without_id = self.drafts[draft].item.id.is_none();
        let parent =
            definition.parent_names.first().filter(|_| matches!(stand, Stand::Top { .. }) && !parent_given);
        let key = Some(&definition.key_name).filter(|_| own.is_none() && !key_given);
        for name in parent.into_iter().chain(key).filter(|_| without_id) {
            let problem = Problem::new(Code::error(106), format!("the {} has no `{name}`", definition.kind))
                .path(*name)
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

    pub(super) fn children(&mut self, parent: usize, definition: &'static Definition, entry: &Entry) {
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

    pub(super) fn id(&mut self, draft: usize, node: &Node) {
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

    pub(super) fn parent(&mut self, draft: usize, definition: &'static Definition, ids: bool, entry: &Entry) {
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
}

/// Whether a plain string is an item of the kind: its key.
pub(super) const fn takes_text(kind: Kind) -> bool {
    matches!(kind, Kind::NetworkRoute | Kind::Device | Kind::AllowDomain | Kind::BlockDomain)
}

fn member<'a>(mapping: &'a Mapping, name: &str) -> Option<&'a Entry> {
    mapping.entries.iter().find(|e| &*e.name == name)
}

/// The word of an item's `kind`, and where it stands.
pub(super) fn declared_kind(node: &Node) -> Option<(&str, Spot)> {
    let Value::Mapping(mapping) = node.value() else { return None };
    let entry = member(mapping, "kind")?;
    Some((entry.value.text()?, entry.value.at))
}
