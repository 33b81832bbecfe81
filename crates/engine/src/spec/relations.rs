//! How items hang together: the common fields of spec section 3.2 and `dependencies`, and what becomes of them when all
//! items are known (spec section 7).

use super::{
    Mode,
    circles::{self, Circle},
    documents::spec_kinds,
    formats::{cidr, domain},
    identities::parted,
    names::{self, Common},
    node::{Entry, Node, Spot, Value},
    reader::{Draft, Reader, wrong_type},
};
use crate::{
    catalog,
    desired::{Dependency, Item, Parent},
    key::{Compare, KeyPart},
    plan::order,
    problem::{Code, Problem},
};
use connexa_types::Kind;
use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

impl Reader<'_> {
    /// Reads a common field of an item.
    pub(super) fn common(&mut self, draft: usize, kind: Kind, nested: bool, common: Common, entry: &Entry) {
        let name = &*entry.name;
        let allowed = match common {
            Common::RenamedFrom => catalog::is_listed(kind),
            Common::Unit | Common::DependsOn => {
                !nested && !matches!(kind, Kind::AllowDomain | Kind::BlockDomain)
            }
            Common::Atomic => !nested && matches!(kind, Kind::Network | Kind::Host | Kind::User),
        };
        if !allowed {
            let place = if nested { "a nested child".to_owned() } else { format!("a {kind}") };
            let problem = Problem::new(Code::error(107), format!("`{name}` is not allowed in {place}"));
            return self.report(Some(draft), entry.at, problem.path(name));
        }
        let node = &entry.value;
        if matches!(node.value(), Value::Null) {
            let problem = Problem::new(Code::error(108), format!("`{name}` cannot be null"));
            return self.report_value(draft, node, name, problem.hint("leave it out"));
        }
        match common {
            Common::RenamedFrom => self.renamed_from(draft, kind, node),
            Common::Unit => {
                let Some(text) = self.name_in(draft, node, "unit") else { return };
                self.drafts[draft].spots.push((Cow::Borrowed("unit"), node.at));
                self.drafts[draft].item.unit = Some(Arc::from(text));
            }
            Common::DependsOn => match node.value() {
                Value::List(nodes) => {
                    self.drafts[draft].spots.push((Cow::Borrowed("depends_on"), node.at));
                    for (index, element) in nodes.iter().enumerate() {
                        let path = format!("depends_on[{index}]");
                        if let Some(text) = self.name_in(draft, element, &path) {
                            self.drafts[draft].depends_on.push((text.into(), element.at));
                        }
                    }
                }
                _ => self.report_value(draft, node, name, wrong_type(name, node, "a list of `KIND/KEY`")),
            },
            Common::Atomic => match node.value() {
                Value::Boolean(atomic) => self.drafts[draft].atomic = *atomic,
                _ => self.report_value(draft, node, name, wrong_type(name, node, "`true` or `false`")),
            },
        }
    }

    /// Reads a text that must not be empty, trimmed.
    fn name_in<'n>(&mut self, draft: usize, node: &'n Node, path: &str) -> Option<&'n str> {
        let problem = match node.text().map(str::trim) {
            None => wrong_type(path, node, "text"),
            Some("") => Problem::new(Code::error(109), format!("`{path}` is empty")),
            Some(text) => return Some(text),
        };
        self.report_value(draft, node, path, problem);
        None
    }

    fn renamed_from(&mut self, draft: usize, kind: Kind, node: &Node) {
        const PATH: &str = "renamed_from";
        let Some(text) = self.name_in(draft, node, PATH) else { return };
        let definition = catalog::definition(kind);
        let checked = match definition.key {
            Compare::Cidr => cidr(text, None).map(drop),
            Compare::Domain => domain(text),
            Compare::Exact | Compare::Folded | Compare::Ip => Ok(()),
        };
        if let Err(problem) = checked {
            return self.report_value(draft, node, PATH, *problem);
        }
        self.drafts[draft].spots.push((Cow::Borrowed(PATH), node.at));
        self.drafts[draft].item.renamed_from = Some(KeyPart::new(text, definition.key));
    }

    /// Reads what stands under the top-level key `dependencies`.
    pub(super) fn dependencies(&mut self, entry: &Entry) {
        const PATH: &str = "dependencies";
        let mapping = match entry.value.value() {
            Value::Null => return,
            Value::Broken(flaw) => return self.flaw(None, flaw),
            Value::Mapping(mapping) => mapping,
            _ => {
                let expected = "a mapping such as `access_groups: [dns_records]`";
                let problem = wrong_type(PATH, &entry.value, expected);
                return self.report_file(entry.value.at, PATH, problem);
            }
        };
        self.flaws(None, &entry.value);
        for entry in mapping.entries.iter().filter(|e| !e.name.starts_with('_')) {
            let path = format!("{PATH}.{}", entry.name);
            let waiting = self.kinds_named(&entry.name, entry.at, &path);
            let nodes = match entry.value.value() {
                Value::Null | Value::Broken(_) => continue,
                Value::List(nodes) => nodes,
                _ => {
                    let problem = wrong_type(&path, &entry.value, "a list of kinds");
                    self.report_file(entry.value.at, &path, problem);
                    continue;
                }
            };
            for (index, node) in nodes.iter().enumerate() {
                let path = format!("{path}[{index}]");
                let Some(text) = node.text() else {
                    if !matches!(node.value(), Value::Broken(_)) {
                        self.report_file(node.at, &path, wrong_type(&path, node, "a kind"));
                    }
                    continue;
                };
                let needed = self.kinds_named(text, node.at, &path);
                let place = self.place(node.at);
                for kind in &waiting {
                    self.dependencies.extend(
                        needed.iter().map(|on| {
                            (self.source, Dependency { kind: *kind, on: *on, place: place.clone() })
                        }),
                    );
                }
            }
        }
    }

    /// The kinds that a word of `dependencies` names; none, if it is in error.
    fn kinds_named(&mut self, word: &str, at: Spot, path: &str) -> Vec<Kind> {
        let folded = word.trim().to_ascii_lowercase().replace('-', "_");
        let kinds = match folded.as_str() {
            "route" | "routes" => vec![Kind::NetworkRoute],
            "connector" | "connectors" => vec![Kind::NetworkConnector, Kind::HostConnector],
            "application" | "applications" => vec![Kind::NetworkApplication, Kind::HostApplication],
            "ip_service" | "ip_services" => vec![Kind::NetworkIpService, Kind::HostIpService],
            other => spec_kinds().filter(|k| k.singular() == other || k.plural() == other).collect(),
        };
        if kinds.is_empty() {
            self.report_file(at, path, super::documents::unknown_kind(word));
        }
        kinds
    }
}

/// Resolves what items say of one another, and checks the rules about it.
pub(super) fn check(reader: &mut Reader<'_>) {
    barriers(reader);
    units(reader);
    renames(reader);
    resolve_depends_on(reader);
    circles(reader);
}

/// E303 and W305, as far as the spec alone tells.
fn circles(reader: &mut Reader<'_>) {
    let spot =
        |problem: &Problem| Spot { line: problem.line.unwrap_or(1), column: problem.column.unwrap_or(1) };
    let items: Vec<&Item> = reader.drafts.iter().map(|draft| &draft.item).collect();
    let certain = circles::certain(&items);
    let likely = if reader.options.mode == Mode::Spec {
        let dependencies: Vec<&Dependency> = reader.dependencies.iter().map(|(_, d)| d).collect();
        circles::likely(&items, &dependencies)
    } else {
        Vec::new()
    };
    for (item, problem) in likely {
        reader.report_unless_live(item, spot(&problem), problem);
    }
    for Circle { item, knot, problem } in certain {
        let at = reader.drafts[item].spot(problem.path.as_deref().unwrap_or_default());
        if reader.options.mode == Mode::Spec {
            reader.report_item(item, at, problem);
            continue;
        }
        // In a batch each of them is an invalid item.
        for member in knot {
            let at = if member == item { at } else { reader.drafts[member].at };
            reader.report_item(member, at, problem.clone());
        }
    }
}

/// Puts `dependencies` in order, each once; those in a cycle are E304, and gone.
fn barriers(reader: &mut Reader<'_>) {
    let mut seen = BTreeSet::new();
    let mut dependencies = std::mem::take(&mut reader.dependencies);
    dependencies.retain(|(_, d)| seen.insert((d.kind, d.on)));
    dependencies.sort_by_key(|(_, d)| (d.kind, d.on));
    let number = |kind: Kind| Kind::ALL.iter().position(|k| *k == kind).expect("`ALL` holds every kind");
    let mut needs: order::Needs = vec![Vec::new(); Kind::ALL.len()];
    for (_, d) in &dependencies {
        needs[number(d.kind)].push(number(d.on));
    }
    for (way, knot) in order::cycles(&needs) {
        let first = way[0];
        let second = way[1 % way.len()];
        let words: Vec<_> = way.iter().chain([&first]).map(|kind| Kind::ALL[*kind].plural()).collect();
        let edge = dependencies.iter().find(|(_, d)| number(d.kind) == first && number(d.on) == second);
        let (source, at) = edge.map_or((0, Spot::default()), |(source, d)| {
            (*source, Spot { line: d.place.line, column: d.place.column })
        });
        let problem =
            Problem::new(Code::error(304), format!("`dependencies` go in a circle: {}", words.join(" → ")))
                .path("dependencies")
                .hint("remove one of them");
        reader.source = source;
        reader.report(None, at, problem);
        dependencies.retain(|(_, d)| {
            knot.binary_search(&number(d.kind)).is_err() || knot.binary_search(&number(d.on)).is_err()
        });
    }
    reader.dependencies = dependencies;
}

/// Puts nested children into their parent's unit, and what is under an `atomic` parent into one; E306.
fn units(reader: &mut Reader<'_>) {
    let named: HashSet<Arc<str>> = reader.drafts.iter().filter_map(|d| d.item.unit.clone()).collect();
    let mut interned: HashMap<Arc<str>, Arc<str>> = HashMap::new();
    for draft in &mut reader.drafts {
        if draft.atomic && draft.item.unit.is_none() {
            let kind = draft.kind().map_or("item", Kind::singular);
            let mut name = format!("{kind}/{}", draft.item.label());
            while named.contains(name.as_str()) {
                name.push('\'');
            }
            draft.item.unit = Some(name.into());
        }
        if let Some(unit) = &mut draft.item.unit {
            *unit = Arc::clone(interned.entry(Arc::clone(unit)).or_insert_with(|| Arc::clone(unit)));
        }
    }
    let mut found = Vec::new();
    for at in 0..reader.drafts.len() {
        let Some(Parent::Item(parent)) = reader.drafts[at].item.parent else { continue };
        let (atomic, unit) = {
            let parent = &reader.drafts[parent];
            (parent.atomic, parent.item.unit.clone())
        };
        let draft = &mut reader.drafts[at];
        match (&draft.item.unit, &unit) {
            // It stands in the parent's item.
            _ if draft.top != at => draft.item.unit = unit,
            (Some(own), Some(unit)) if atomic && own != unit => found.push((at, Arc::clone(own), parent)),
            _ if atomic => draft.item.unit = unit,
            _ => {}
        }
    }
    for (at, own, parent) in found {
        let parent = &reader.drafts[parent].item;
        let kind = parent.kind.as_ref().map_or("item", |k| k.singular());
        let message = format!(
            "the unit `{own}`: the {kind} `{}` is atomic, and all its children are in its unit",
            parent.label()
        );
        let problem = Problem::new(Code::error(306), message).path("unit").hint("remove `unit`");
        reader.report_item(at, reader.drafts[at].spot("unit"), problem);
    }
}

/// What tells the objects of a kind under one parent apart.
fn name_of(draft: &Draft, own: &KeyPart) -> Option<(Kind, Option<String>, String)> {
    let kind = draft.kind()?;
    let parent = draft.item.key.as_ref().and_then(|k| k.parent.as_ref());
    Some((kind, parent.map(|p| p.canonical.clone()), own.canonical.clone()))
}

/// E308: an old name that two items claim, or that an item has which stays what it is.
fn renames(reader: &mut Reader<'_>) {
    let is_renamed = |draft: &Draft| {
        // An item with an id may stand for an object that has another name now.
        draft.item.id.is_some()
            || match (&draft.item.renamed_from, &draft.item.key) {
                (Some(old), Some(key)) => old.canonical != key.own.canonical,
                _ => false,
            }
    };
    if !reader.drafts.iter().any(|d| d.item.renamed_from.is_some()) {
        return;
    }
    let mut keys = HashMap::new();
    for (at, draft) in reader.drafts.iter().enumerate() {
        let name = draft.item.key.as_ref().and_then(|key| name_of(draft, &key.own));
        if let Some(name) = name.filter(|_| !is_renamed(draft)) {
            keys.entry(name).or_insert(at);
        }
    }
    let mut claimed = HashMap::new();
    let mut found = Vec::new();
    for (at, draft) in reader.drafts.iter().enumerate() {
        let Some(old) = &draft.item.renamed_from else { continue };
        let Some(name) = name_of(draft, old) else { continue };
        let holder = keys.get(&name).copied().filter(|holder| *holder != at);
        let message = if let Some(first) = claimed.get(&name) {
            format!("two items are renamed from `{}`; the first is {}", old.text, reader.shown(at, *first))
        } else if let Some(holder) = holder {
            format!(
                "`{}` is the name of another item, {}, which keeps it",
                old.text,
                reader.shown(at, holder)
            )
        } else {
            claimed.insert(name, at);
            continue;
        };
        found.push((
            at,
            draft.spot("renamed_from"),
            Problem::new(Code::error(308), message).path("renamed_from"),
        ));
    }
    for (at, spot, problem) in found {
        reader.report_item(at, spot, problem);
    }
}

/// Items by what `depends_on` calls them; `None` for a name of several.
type Named = HashMap<(Kind, Option<String>, String), Option<usize>>;

/// Finds the items that `depends_on` names; E302.
fn resolve_depends_on(reader: &mut Reader<'_>) {
    if reader.drafts.iter().all(|d| d.depends_on.is_empty()) {
        return;
    }
    let mut named = Named::new();
    for (at, draft) in reader.drafts.iter().enumerate() {
        let id = draft.item.id.as_ref().map(|id| KeyPart::new(id.as_str(), Compare::Exact));
        let keys = draft.item.key.as_ref().map(|key| &key.own).into_iter().chain(&id);
        for name in keys.filter_map(|own| name_of(draft, own)) {
            named.entry(name).and_modify(|known| *known = known.filter(|k| *k == at)).or_insert(Some(at));
        }
    }
    let mut found = Vec::new();
    // Settings share one list: what is wrong with it is said once. In a batch it is each one's.
    let mut told = HashSet::new();
    for at in 0..reader.drafts.len() {
        let written = std::mem::take(&mut reader.drafts[at].depends_on);
        for (index, (text, spot)) in written.into_iter().enumerate() {
            match find(&named, &text) {
                Ok(item) => {
                    let depends_on = &mut reader.drafts[at].item.depends_on;
                    if !depends_on.contains(&item) {
                        depends_on.push(item);
                    }
                }
                Err(problem) => {
                    let again = !told.insert((reader.drafts[at].source, spot.line, spot.column, index));
                    if !(again && reader.options.mode == Mode::Spec) {
                        found.push((at, spot, problem.path(format!("depends_on[{index}]"))));
                    }
                }
            }
        }
    }
    for (at, spot, problem) in found {
        reader.report_item(at, spot, problem);
    }
}

fn find(named: &Named, text: &str) -> Result<usize, Box<Problem>> {
    const EXPECTED: &str =
        "`KIND/KEY` of an item of the spec, such as `user/ada` or `network_connector/paris/paris-1`";
    let Some((word, key)) = text.split_once('/') else {
        let problem = Problem::new(Code::error(302), format!("`{text}` names no item"));
        return Err(Box::new(problem.expected(EXPECTED)));
    };
    let Some(kind) = word.parse::<Kind>().ok().filter(|kind| spec_kinds().any(|k| k == *kind)) else {
        let problem = Problem::new(Code::error(302), format!("`{text}`: there is no kind `{word}`"));
        return Err(Box::new(match names::nearest(word, spec_kinds().map(Kind::singular)) {
            Some(near) => problem.hint(format!("did you mean `{near}/{key}`?")),
            None => problem.expected(EXPECTED),
        }));
    };
    let definition = catalog::definition(kind);
    let name = match kind.parent() {
        None if kind == Kind::Setting => {
            (kind, None, catalog::setting(key.trim()).map_or(key.trim(), |s| s.path).to_owned())
        }
        None => (kind, None, definition.key.canonical(key.trim())),
        Some(parent) => {
            let Some((outer, own)) = parted(key) else {
                let problem = Problem::new(Code::error(302), format!("`{text}` names no {parent}"));
                return Err(Box::new(problem.expected(EXPECTED)));
            };
            let outer = catalog::definition(parent).key.canonical(&outer);
            (kind, Some(outer), definition.key.canonical(own.trim()))
        }
    };
    match named.get(&name) {
        Some(Some(item)) => Ok(*item),
        Some(None) => {
            Err(Box::new(Problem::new(Code::error(302), format!("`{text}` is the key of several items"))))
        }
        None => {
            let problem = Problem::new(Code::error(302), format!("no item of the spec is `{text}`"));
            let same_kind = named.keys().filter(|(k, parent, _)| *k == kind && parent.is_none());
            // The nearest of all, whatever the order of the map.
            let own: BTreeSet<&str> = same_kind.map(|(_, _, own)| own.as_str()).collect();
            Err(Box::new(
                match names::nearest(&name.2, own.into_iter()).filter(|_| kind.parent().is_none()) {
                    Some(near) => problem.hint(format!("did you mean `{word}/{near}`?")),
                    None => problem,
                },
            ))
        }
    }
}

impl Reader<'_> {
    /// Where another item stands, in words.
    fn shown(&self, from: usize, other: usize) -> String {
        let (from, other) = (&self.drafts[from].item.place, &self.drafts[other].item.place);
        if from.file == other.file {
            format!("on line {}", other.line)
        } else {
            format!("in `{}`, line {}", other.file, other.line)
        }
    }
}
