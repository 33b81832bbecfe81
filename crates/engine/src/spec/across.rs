//! What is decided when all items are known: parents of flat children, keys given twice, and the rules of spec section 8
//! that concern several items or an item as a whole.

use super::{
    node::Spot,
    overlap::{self, Route},
    reader::{Draft, Reader},
    rules,
};
use crate::{
    catalog::{self, Field},
    desired::{FieldValue, Parent, Reference, Target},
    key::{Key, KeyPart, parse_cidr},
    problem::{Code, Problem},
    sorted_map::SortedMap,
};
use connexa_types::Kind;
use ipnet::IpNet;
use serde_json::{Map, Value as Json};
use std::collections::{HashMap, HashSet};

/// The part of a child's key that its parent gives.
pub(super) fn parent_part(parent: &Parent, drafts: &[Draft]) -> Option<KeyPart> {
    match parent {
        Parent::Item(index) => drafts.get(*index).and_then(own_part),
        Parent::Reference(reference) => Some(match &reference.target {
            Target::Key(key) => key.own.clone(),
            Target::Id(id) | Target::Unchecked(id) => KeyPart::new(id.as_str(), crate::key::Compare::Exact),
        }),
    }
}

/// What an item is called in its children's keys: its own part, else its id.
pub(super) fn own_part(draft: &Draft) -> Option<KeyPart> {
    match (&draft.item.key, &draft.item.id) {
        (Some(key), _) => Some(key.own.clone()),
        (None, Some(id)) => Some(KeyPart::new(id.as_str(), crate::key::Compare::Exact)),
        (None, None) => None,
    }
}

/// Items by key and by id, for references. Only top-level kinds are referred to.
#[derive(Default)]
struct Index {
    /// `None`: several items, told apart by their ids.
    by_key: HashMap<(Kind, String), Option<usize>>,
    by_id: HashMap<(Kind, String), usize>,
}

impl Index {
    fn new(drafts: &[Draft]) -> Self {
        let mut index = Self::default();
        for (at, draft) in drafts.iter().enumerate() {
            let Some(kind) = draft.kind().filter(|k| k.parent().is_none()) else { continue };
            if let Some(key) = &draft.item.key {
                index
                    .by_key
                    .entry((kind, key.own.canonical.clone()))
                    .and_modify(|known| *known = None)
                    .or_insert(Some(at));
            }
            if let Some(id) = &draft.item.id {
                index.by_id.entry((kind, id.to_string())).or_insert(at);
            }
        }
        index
    }

    fn find(&self, kind: Kind, target: &Target) -> Option<usize> {
        match target {
            Target::Key(key) => self.by_key.get(&(kind, key.own.canonical.clone())).copied().flatten(),
            Target::Id(id) | Target::Unchecked(id) => self.by_id.get(&(kind, id.to_string())).copied(),
        }
    }
}

/// Who the parent of a child is, as far as the spec tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Item(usize),
    Key(String),
    Id(String),
}

impl Owner {
    fn of(parent: &Parent) -> Self {
        match parent {
            Parent::Item(index) => Self::Item(*index),
            Parent::Reference(reference) => match &reference.target {
                Target::Key(key) => Self::Key(key.own.canonical.clone()),
                Target::Id(id) | Target::Unchecked(id) => Self::Id(id.to_string()),
            },
        }
    }
}

/// The references that a value holds.
fn references(value: &FieldValue) -> &[Reference] {
    match value {
        FieldValue::Reference(reference) => std::slice::from_ref(&**reference),
        FieldValue::References(references) => references,
        _ => &[],
    }
}

/// Resolves parents and checks all rules that need more than one field.
pub(super) fn check(reader: &mut Reader<'_>) {
    let index = Index::new(&reader.drafts);
    resolve_parents(reader, &index);
    repeated(reader);
    shared_names(reader);
    gateways(reader, &index);
    overlaps(reader);
    subnets(reader);
    access_sources(reader, &index);
    device_allowances(reader, &index);
    protocols(reader);
    item_rules(reader);
}

/// Flat children whose parent is an item of the spec hang on it, and take its name into their key.
fn resolve_parents(reader: &mut Reader<'_>, index: &Index) {
    for at in 0..reader.drafts.len() {
        let Some(Parent::Reference(reference)) = &reader.drafts[at].item.parent else { continue };
        let Some(parent) = index.find(reference.kind, &reference.target) else { continue };
        let part = own_part(&reader.drafts[parent]);
        let item = &mut reader.drafts[at].item;
        item.parent = Some(Parent::Item(parent));
        if let (Some(key), Some(part)) = (item.key.take(), part) {
            item.key = Some(Key::child(part, key.own));
        }
    }
}

/// E301: a key or an id twice.
fn repeated(reader: &mut Reader<'_>) {
    /// The first item with a key, and the first that has no `id` to tell it apart.
    struct Known {
        first: usize,
        without_id: Option<usize>,
    }
    let mut keys: HashMap<(Kind, Option<Owner>, String), Known> = HashMap::new();
    let mut ids: HashMap<(Kind, String), usize> = HashMap::new();
    for at in 0..reader.drafts.len() {
        let draft = &reader.drafts[at];
        // A setting given twice is joined, or E310.
        let Some(kind) = draft.kind().filter(|kind| *kind != Kind::Setting) else { continue };
        let id = draft.item.id.as_ref().map(ToString::to_string);
        if let Some(id) = &id {
            if let Some(first) = ids.get(&(kind, id.clone())).copied() {
                let message =
                    format!("two items have the id `{id}`; the first is {}", shown(reader, at, first));
                reader.report_item(at, draft.spot("id"), Problem::new(Code::error(301), message).path("id"));
                continue;
            }
            ids.insert((kind, id.clone()), at);
        }
        let Some(key) = &draft.item.key else { continue };
        let name = catalog::definition(kind).key_name;
        let owner = draft.item.parent.as_ref().map(Owner::of);
        let map_key = (kind, owner, key.own.canonical.clone());
        let Some(known) = keys.get_mut(&map_key) else {
            keys.insert(map_key, Known { first: at, without_id: id.is_none().then_some(at) });
            continue;
        };
        let clash = if id.is_none() { Some(known.first) } else { known.without_id };
        if id.is_none() {
            known.without_id.get_or_insert(at);
        }
        if let Some(first) = clash {
            let message =
                format!("the {kind} `{key}` is given twice; the first is {}", shown(reader, at, first));
            let problem = Problem::new(Code::error(301), message)
                .path(name)
                .hint("remove one; two live objects with one name are told apart by `id`");
            reader.report_item(at, draft.spot(name), problem);
        }
    }
}

/// Where another item stands, in words.
fn shown(reader: &Reader<'_>, from: usize, other: usize) -> String {
    let (from, other) = (&reader.drafts[from].item.place, &reader.drafts[other].item.place);
    if from.file == other.file {
        format!("on line {}", other.line)
    } else {
        format!("in `{}`, line {}", other.file, other.line)
    }
}

/// W309: networks and hosts share one name space.
fn shared_names(reader: &mut Reader<'_>) {
    let mut names: HashMap<String, (Kind, usize)> = HashMap::new();
    for at in 0..reader.drafts.len() {
        let draft = &reader.drafts[at];
        let (Some(kind @ (Kind::Network | Kind::Host)), Some(key)) = (draft.kind(), &draft.item.key) else {
            continue;
        };
        match names.get(&key.own.canonical) {
            None => {
                names.insert(key.own.canonical.clone(), (kind, at));
            }
            Some((other, _)) if *other == kind => {}
            Some((other, first)) => {
                let message = format!("a {other} has the name `{key}` too, {}", shown(reader, at, *first));
                let problem = Problem::new(Code::warning(309), message)
                    .path("name")
                    .expected("names that no network shares with a host");
                reader.report_item(at, draft.spot("name"), problem);
            }
        }
    }
}

/// W402: a gateway that the spec itself keeps from being one.
fn gateways(reader: &mut Reader<'_>, index: &Index) {
    let mut found = Vec::new();
    for (at, draft) in reader.drafts.iter().enumerate() {
        let Some(value) = draft.item.fields.get("gateways") else { continue };
        for reference in references(value) {
            let Some(network) = index.find(reference.kind, &reference.target) else { continue };
            let egress = reader.drafts[network].item.fields.get("egress");
            if egress == Some(&FieldValue::Value(Json::Bool(false))) {
                let name = reader.drafts[network].item.label();
                let problem = Problem::new(
                    Code::warning(402),
                    format!("the gateway `{name}` has `egress: false` in this spec"),
                )
                .path(reference.path.clone())
                .hint("set `egress: true` there, or use another gateway");
                let spot = Spot { line: reference.place.line, column: reference.place.column };
                found.push((at, spot, problem));
            }
        }
    }
    report_all(reader, found);
}

fn report_all(reader: &mut Reader<'_>, found: Vec<(usize, Spot, Problem)>) {
    for (item, at, problem) in found {
        reader.report_item(item, at, problem);
    }
}

/// A setting of the spec, and its value.
fn setting<'d>(drafts: &'d [Draft], path: &str) -> Option<(usize, &'d FieldValue)> {
    drafts.iter().enumerate().find_map(|(at, draft)| {
        let is_it = draft.kind() == Some(Kind::Setting)
            && draft.item.key.as_ref().is_some_and(|key| key.own.text == path);
        Some((at, draft.item.fields.get("value").filter(|_| is_it)?))
    })
}

/// Whether the spec itself lets networks share addresses.
fn overlap_is_allowed(drafts: &[Draft]) -> bool {
    let setting = setting(drafts, "wpc.routes_advanced_configuration_enabled");
    setting.is_some_and(|(_, value)| *value == FieldValue::Value(Json::Bool(true)))
}

/// W406: routes that overlap a subnet of the spec's settings.
fn subnets(reader: &mut Reader<'_>) {
    let mut subnets: Vec<(IpNet, usize)> = Vec::new();
    for path in ["wpc.subnet", "wpc.domain_routing_subnet"] {
        let Some((at, FieldValue::Object(parts))) = setting(&reader.drafts, path) else { continue };
        let texts = parts.values().flat_map(|part| match part {
            FieldValue::Value(Json::Array(list)) => list.as_slice(),
            FieldValue::Value(one) => std::slice::from_ref(one),
            _ => &[],
        });
        subnets.extend(texts.filter_map(|text| Some((parse_cidr(text.as_str()?)?, at))));
    }
    if subnets.is_empty() {
        return;
    }
    let mut found = Vec::new();
    for (at, draft) in reader.drafts.iter().enumerate() {
        let Some(net) = route(draft) else { continue };
        let overlaps = |other: &IpNet| net.contains(other) || other.contains(&net);
        let Some((subnet, of)) = subnets.iter().find(|(subnet, _)| overlaps(subnet)) else { continue };
        let name = reader.drafts[*of].item.label();
        let message = format!(
            "the route {net} overlaps the subnet {subnet} of the setting `{name}`, {}",
            shown(reader, at, *of)
        );
        let problem = Problem::new(Code::warning(406), message).path("subnet");
        found.push((
            at,
            draft.spot("subnet"),
            problem.expected("routes apart from the subnets of the service"),
        ));
    }
    report_all(reader, found);
}

/// The network of a route.
fn route(draft: &Draft) -> Option<IpNet> {
    if draft.kind() != Some(Kind::NetworkRoute) {
        return None;
    }
    match draft.item.fields.get("subnet")? {
        FieldValue::Value(Json::String(text)) => text.parse().ok(),
        _ => None,
    }
}

/// W453: IP services of the spec that are in a source, and of another type than `ip_source`.
fn access_sources(reader: &mut Reader<'_>, index: &Index) {
    let sources = || {
        reader.drafts.iter().enumerate().filter_map(|(at, draft)| match draft.item.fields.get("source") {
            Some(FieldValue::Access(items)) => Some((at, items)),
            _ => None,
        })
    };
    let is_service = |reference: &Reference| reference.kind == Kind::NetworkIpService;
    if !sources().any(|(_, items)| items.iter().flat_map(|item| &item.children).any(is_service)) {
        return;
    }
    let mut by_name: HashMap<(Owner, &str), usize> = HashMap::new();
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    for (at, draft) in reader.drafts.iter().enumerate() {
        if draft.kind() != Some(Kind::NetworkIpService) {
            continue;
        }
        if let (Some(key), Some(parent)) = (&draft.item.key, &draft.item.parent) {
            by_name.insert((Owner::of(parent), key.own.canonical.as_str()), at);
        }
        if let Some(id) = &draft.item.id {
            by_id.insert(id.as_str(), at);
        }
    }
    let service = |reference: &Reference| match &reference.target {
        Target::Id(id) | Target::Unchecked(id) => by_id.get(id.as_str()).copied(),
        Target::Key(key) => {
            let network = reference.within.as_deref()?;
            let owner = match index.find(network.kind, &network.target) {
                Some(item) => Owner::Item(item),
                None => Owner::of(&Parent::Reference(network.clone())),
            };
            by_name.get(&(owner, key.own.canonical.as_str())).copied()
        }
    };
    let mut found = Vec::new();
    for (at, items) in sources() {
        for reference in items.iter().flat_map(|item| &item.children).filter(|child| is_service(child)) {
            let Some(service) = service(reference) else { continue };
            match reader.drafts[service].item.fields.get("type") {
                Some(FieldValue::Value(of)) if of != "IP_SOURCE" => {}
                _ => continue,
            }
            let name = reader.drafts[service].item.label();
            let message = format!(
                "the IP service `{name}` is of another type than `ip_source`, {}",
                shown(reader, at, service)
            );
            let problem = Problem::new(Code::warning(453), message)
                .path(reference.path.clone())
                .expected("in a source, IP services of type `ip_source`");
            let spot = Spot { line: reference.place.line, column: reference.place.column };
            found.push((at, spot, problem));
        }
    }
    report_all(reader, found);
}

/// E404 and W405 among the routes of the spec.
fn overlaps(reader: &mut Reader<'_>) {
    let allowed = overlap_is_allowed(&reader.drafts);
    let mut owners: HashMap<Owner, usize> = HashMap::new();
    let mut items = Vec::new();
    let mut routes = Vec::new();
    // One network can be named in several ways. Only where two of them surely stand for two networks is an overlap an
    // error here; the rest is compared at plan time, when ids are known.
    let (mut of_items, mut by_name, mut by_id) = (Vec::new(), Vec::new(), Vec::new());
    for (at, draft) in reader.drafts.iter().enumerate() {
        let (Some(net), Some(parent)) = (route(draft), &draft.item.parent) else { continue };
        let owner = Owner::of(parent);
        match &owner {
            Owner::Item(network) => {
                of_items.push(routes.len());
                // An item with an id may stand for a network that has another name now.
                if reader.drafts[*network].item.id.is_none() {
                    by_name.push(routes.len());
                }
            }
            Owner::Key(_) => by_name.push(routes.len()),
            Owner::Id(_) => by_id.push(routes.len()),
        }
        let next = owners.len();
        routes.push(Route { net, owner: *owners.entry(owner).or_insert(next) });
        items.push(at);
    }
    let mut reported = HashSet::new();
    for set in [of_items, by_name, by_id].into_iter().filter(|_| !allowed) {
        let some: Vec<Route> = set.iter().map(|i| routes[*i]).collect();
        for o in overlap::between_owners(&some) {
            if reported.insert(set[o.route]) {
                report_overlap(reader, items[set[o.route]], items[set[o.earlier]], Code::error(404));
            }
        }
    }
    for o in overlap::within_owner(&routes) {
        report_overlap(reader, items[o.route], items[o.earlier], Code::warning(405));
    }
}

fn report_overlap(reader: &mut Reader<'_>, at: usize, earlier: usize, code: Code) {
    let own =
        |item: usize| reader.drafts[item].item.key.as_ref().map_or_else(String::new, |k| k.own.text.clone());
    let whose = match code.level() {
        crate::problem::Level::Warning => "of the same network".to_owned(),
        crate::problem::Level::Error => {
            let parent = reader.drafts[earlier].item.parent.as_ref();
            let part = parent.and_then(|p| parent_part(p, &reader.drafts));
            format!("of the network `{}`", part.map_or_else(String::new, |p| p.text))
        }
    };
    let message = format!(
        "the route {} overlaps the route {} {whose}, {}",
        own(at),
        own(earlier),
        shown(reader, at, earlier)
    );
    let problem = Problem::new(code, message).path("subnet").expected("routes that do not overlap");
    reader.report_item(at, reader.drafts[at].spot("subnet"), problem);
}

/// E431: more devices of a user than the user's group, if it is an item of the spec, allows.
fn device_allowances(reader: &mut Reader<'_>, index: &Index) {
    let allowance = |user: usize| {
        let group = reader.drafts[user].item.fields.get("group")?;
        let group = index.find(Kind::UserGroup, &references(group).first()?.target)?;
        match reader.drafts[group].item.fields.get("max_device")? {
            FieldValue::Value(number) => number.as_i64(),
            _ => None,
        }
    };
    let devices = || {
        reader.drafts.iter().enumerate().filter_map(|(at, draft)| match (draft.kind(), &draft.item.parent) {
            (Some(Kind::Device), Some(Parent::Item(user))) => Some((at, *user, draft)),
            _ => None,
        })
    };
    // Devices with an `id` are there already: they count first.
    let mut numbers: HashMap<usize, (Option<i64>, u64)> = HashMap::new();
    for (_, user, draft) in devices() {
        let (_, number) = numbers.entry(user).or_insert_with(|| (allowance(user), 0));
        *number += u64::from(draft.item.id.is_some());
    }
    let mut found = Vec::new();
    for (at, user, _) in devices().filter(|(_, _, draft)| draft.item.id.is_none()) {
        let Some((allowed, number)) = numbers.get_mut(&user) else { continue };
        *number += 1;
        if let Some(problem) = allowed.and_then(|most| rules::device_allowance(most, *number)) {
            found.push((at, reader.drafts[at].at, problem));
        }
    }
    report_all(reader, found);
}

/// W403 for connectors whose network is an item of the spec.
fn protocols(reader: &mut Reader<'_>) {
    let mut found = Vec::new();
    for (at, draft) in reader.drafts.iter().enumerate() {
        let (Some(Kind::NetworkConnector), Some(Parent::Item(network))) = (draft.kind(), &draft.item.parent)
        else {
            continue;
        };
        let whole = is_whole(reader, at) && is_whole(reader, *network);
        if let Some(problem) = rules::connector_protocol(&view(&reader.drafts[*network]), &view(draft), whole)
        {
            found.push((at, draft.spot("ipsec"), problem));
        }
    }
    report_all(reader, found);
}

/// Whether an item holds all that its object will have: it is to be created, and nothing of it is in error.
fn is_whole(reader: &Reader<'_>, at: usize) -> bool {
    let draft = &reader.drafts[at];
    reader.options.creating && draft.item.id.is_none() && draft.bad.is_empty()
}

/// The starred rules, as far as each item decides them by itself.
fn item_rules(reader: &mut Reader<'_>) {
    let mut found = Vec::new();
    for (at, draft) in reader.drafts.iter().enumerate() {
        let Some(kind) = draft.kind().filter(|_| !draft.item.fields.is_empty()) else { continue };
        // The usual case of large inputs: nothing to look at.
        if !reader.options.creating && !rules::combines(kind) {
            continue;
        }
        let view = view(draft);
        let problems = if is_whole(reader, at) {
            rules::check(kind, &view, true)
        } else {
            let mut problems = rules::check_part(kind, &view);
            if reader.options.creating && draft.item.id.is_none() {
                let bad = |path: &str| draft.bad.iter().any(|b| b == path);
                problems.extend(rules::missing(kind, &view, &bad));
            }
            problems
        };
        for mut problem in problems {
            if kind == Kind::Setting {
                problem.path = problem.path.map(|path| setting_path(draft, &path));
            }
            let spot = problem.path.as_deref().map_or(draft.at, |path| draft.spot(path));
            found.push((at, spot, problem));
        }
    }
    report_all(reader, found);
}

/// The path of a setting's value as the spec has it: by the setting's own path, or in a bare item.
fn setting_path(draft: &Draft, path: &str) -> String {
    match &draft.item.key {
        Some(key) if path == "value" && draft.spots.iter().any(|(known, _)| *known == key.own.text) => {
            key.own.text.clone()
        }
        _ => path.to_owned(),
    }
}

/// What an item owns, in the API's request form. References and secrets, which no rule looks into, are their mere
/// presence.
fn view(draft: &Draft) -> Json {
    let Some(kind) = draft.kind() else { return Json::Null };
    if kind != Kind::Setting {
        return object(catalog::definition(kind).fields, &draft.item.fields);
    }
    let Some(setting) = draft.item.key.as_ref().and_then(|key| catalog::setting(&key.own.text)) else {
        return Json::Null;
    };
    let mut object = object(std::slice::from_ref(&setting.value), &draft.item.fields);
    object["key"] = setting.path.into();
    object
}

fn object(fields: &'static [Field], owned: &SortedMap<&'static str, FieldValue>) -> Json {
    let mut members = Map::new();
    for (name, value) in owned {
        let Some(field) = fields.iter().find(|f| f.name == *name) else { continue };
        let value = match (value, field.ty) {
            (FieldValue::Clear, _) => Json::Null,
            (FieldValue::Value(value), _) => value.clone(),
            (FieldValue::Reference(_) | FieldValue::Secret(_), _) => Json::Bool(true),
            (FieldValue::References(list), _) => list.iter().map(|_| Json::Bool(true)).collect(),
            (FieldValue::Object(leaves), catalog::FieldType::Object(fields)) => object(fields, leaves),
            (FieldValue::Access(items), _) => items.iter().map(|_| Json::Bool(true)).collect(),
            (FieldValue::Object(_), _) => continue,
        };
        let (first, inner) = field.request.split_once('/').unwrap_or((field.request, ""));
        let value = inner
            .rsplit('/')
            .filter(|name| !name.is_empty())
            .fold(value, |value, name| Json::Object(Map::from_iter([(name.to_owned(), value)])));
        members.insert(first.to_owned(), value);
    }
    Json::Object(members)
}
