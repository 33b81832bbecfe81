//! Lists whose elements may be objects: domains of applications, networks of IP services, address ranges, zones (spec
//! sections 5.4, 5.5, 5.11 and 6). A list of elements is owned whole, so an element is canonical with all its parts: what
//! it lacks has its default.

use super::{
    formats::{cidr, domain, ip},
    names,
    node::{Mapping, Node, Value},
    reader::{Reader, twice, wrong_type},
};
use crate::{
    catalog::{Field, FieldType},
    desired::FieldValue,
    key::Compare,
    problem::{Code, Problem},
};
use serde_json::{Map, Value as Json, json};
use std::hash::Hash;

/// The names that an object within a value takes.
pub(super) struct Shape {
    /// What the object is, in words, with an article.
    pub(super) what: &'static str,
    /// Its members: the name in specs, then the API's names for it.
    pub(super) members: &'static [(&'static str, &'static [&'static str])],
    /// What only answers hold: ignored, with a note.
    pub(super) response_only: &'static [&'static str],
}

/// The members of an object within a value.
pub(super) struct Members<'n> {
    /// Those that are known, each once.
    pub(super) list: Vec<Member<'n>>,
    /// Whether there is nothing else; what else there is has been reported.
    pub(super) sound: bool,
}

/// A member of an object within a value.
pub(super) struct Member<'n> {
    /// Its name in specs.
    pub(super) name: &'static str,
    pub(super) node: &'n Node,
    pub(super) path: String,
}

/// An element: what tells it from others, the rest of it, and its value.
pub(super) type Element<K, P, T> = (K, P, T);

const DOMAIN: Shape = Shape {
    what: "a domain",
    members: &[
        ("domain", &["value"]),
        ("allow_embedded_ip", &["allowEmbeddedIp"]),
        ("exact_match", &["exactMatch"]),
    ],
    response_only: &["id", "type"],
};

/// Applications of hosts have no `exact_match`.
const HOST_DOMAIN: Shape = Shape { members: DOMAIN.members.split_at(2).0, ..DOMAIN };

const SUBNET: Shape = Shape {
    what: "a network of an IP service",
    members: &[("subnet", &["value"])],
    response_only: &["id", "type", "parentRouteId", "parent_route_id"],
};

const IP_RANGE: Shape =
    Shape { what: "an address range", members: &[("ip", &[]), ("description", &[])], response_only: &[] };

const ZONE: Shape =
    Shape { what: "a zone", members: &[("name", &[]), ("addresses", &[])], response_only: &[] };

impl<'n> Members<'n> {
    /// The member of a name.
    pub(super) fn find(&self, name: &str) -> Option<&Member<'n>> {
        self.list.iter().find(|member| member.name == name)
    }
}

impl Reader<'_> {
    /// The elements of a member that is a list; none for null. `None`: it is something else, which has been reported.
    pub(super) fn list_of<'n>(&mut self, draft: usize, member: &Member<'n>) -> Option<&'n [Node]> {
        match member.node.value() {
            Value::Null => Some(&[]),
            Value::List(nodes) => Some(nodes),
            _ => {
                let problem = wrong_type(&member.path, member.node, "a list");
                self.report_value(draft, member.node, &member.path, problem);
                None
            }
        }
    }

    /// Reads the members of an object within a value, under their names in specs.
    pub(super) fn members<'n>(
        &mut self,
        draft: usize,
        shape: &Shape,
        mapping: &'n Mapping,
        path: &str,
    ) -> Members<'n> {
        let mut list: Vec<Member<'n>> = Vec::with_capacity(mapping.entries.len());
        let mut given: Vec<&str> = Vec::with_capacity(mapping.entries.len());
        let mut sound = mapping.flaws.is_empty();
        for entry in mapping.entries.iter().filter(|e| !e.name.starts_with('_')) {
            let word = &*entry.name;
            let known = shape.members.iter().find(|(name, aliases)| *name == word || aliases.contains(&word));
            let Some((name, _)) = known else {
                if shape.response_only.contains(&word) {
                    if let Some(kind) = self.drafts[draft].kind() {
                        self.note(kind, word);
                    }
                } else {
                    sound = false;
                    self.unknown_member(draft, shape, word, entry.at, path);
                }
                continue;
            };
            let path = format!("{path}.{name}");
            if let Some(first) = list.iter().position(|member| member.name == *name) {
                sound = false;
                self.report(Some(draft), entry.at, twice(name, given[first], word).path(path));
                continue;
            }
            list.push(Member { name, node: &entry.value, path });
            given.push(word);
        }
        Members { list, sound }
    }

    fn unknown_member(&mut self, draft: usize, shape: &Shape, word: &str, at: super::node::Spot, path: &str) {
        let problem = Problem::new(Code::error(103), format!("{} has no field `{word}`", shape.what))
            .path(format!("{path}.{word}"));
        let problem = match names::nearest(word, shape.members.iter().map(|(name, _)| *name)) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        };
        self.report(Some(draft), at, problem);
    }

    /// Reads the elements of a list. One that is given again is left out; one that is given again with other parts is
    /// E206; with one in error there is no list.
    pub(super) fn elements<K: Eq + Hash, P: PartialEq, T>(
        &mut self,
        draft: usize,
        node: &Node,
        path: &str,
        mut read: impl FnMut(&mut Self, &Node, &str) -> Option<Element<K, P, T>>,
    ) -> Option<Vec<T>> {
        let Value::List(nodes) = node.value() else {
            self.report_value(draft, node, path, wrong_type(path, node, "a list"));
            return None;
        };
        let mut seen = std::collections::HashMap::with_capacity(nodes.len());
        let mut values = Vec::with_capacity(nodes.len());
        let mut sound = true;
        for (index, element) in nodes.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let Some((own, parts, value)) = read(self, element, &path) else {
                sound = false;
                continue;
            };
            match seen.get(&own) {
                None => {
                    seen.insert(own, (parts, element.at.line));
                    values.push(value);
                }
                Some((first, _)) if *first == parts => {}
                Some((_, line)) => {
                    let message =
                        format!("`{path}` says something else than the same element on line {line}");
                    let problem = Problem::new(Code::error(206), message).hint("keep one of them");
                    self.report_value(draft, element, &path, problem);
                    sound = false;
                }
            }
        }
        sound.then_some(values)
    }

    /// Reads an element that is a text, or an object with that text as its first member. Returns the text, its node and
    /// path, and the other members.
    fn element<'n>(
        &mut self,
        draft: usize,
        shape: &Shape,
        node: &'n Node,
        path: &str,
    ) -> Option<(&'n str, &'n Node, String, Members<'n>)> {
        let first = shape.members[0].0;
        let mapping = match node.value() {
            Value::Text(text) => {
                return Some((text, node, path.to_owned(), Members { list: Vec::new(), sound: true }));
            }
            Value::Mapping(mapping) => mapping,
            _ => {
                let expected = match shape.members.len() {
                    1 => format!("text, or `{{{first}: …}}`"),
                    _ => format!("text, or a mapping with `{first}`"),
                };
                self.report_value(draft, node, path, wrong_type(path, node, &expected));
                return None;
            }
        };
        let mut members = self.members(draft, shape, mapping, path);
        let Some(at) = members.list.iter().position(|member| member.name == first) else {
            if members.sound {
                let problem = Problem::new(Code::error(106), format!("{} has no `{first}`", shape.what));
                self.report_value(draft, node, path, problem.expected(format!("`{first}`")));
            }
            return None;
        };
        let own = members.list.remove(at);
        let text = self.expect_text(draft, own.node, &own.path)?;
        Some((text, own.node, own.path, members))
    }

    fn flag(&mut self, draft: usize, members: &Members<'_>, name: &str) -> Option<bool> {
        let Some(member) = members.find(name) else { return Some(false) };
        if let Value::Boolean(value) = member.node.value() {
            return Some(*value);
        }
        let problem = wrong_type(&member.path, member.node, "`true` or `false`");
        self.report_value(draft, member.node, &member.path, problem);
        None
    }

    /// Domains of an application.
    pub(super) fn domains(
        &mut self,
        draft: usize,
        exact_match: bool,
        node: &Node,
        path: &str,
    ) -> Option<FieldValue> {
        let shape = if exact_match { &DOMAIN } else { &HOST_DOMAIN };
        let list = self.elements(draft, node, path, |reader, element, path| {
            let (text, at, own_path, members) = reader.element(draft, shape, element, path)?;
            let sound = reader.accept(draft, at, &own_path, domain(text));
            let embedded = reader.flag(draft, &members, "allow_embedded_ip");
            let exact = reader.flag(draft, &members, "exact_match");
            let ((), embedded, exact) = (sound.filter(|()| members.sound)?, embedded?, exact?);
            let mut object = json!({"value": text, "allowEmbeddedIp": embedded});
            if exact_match {
                object["exactMatch"] = exact.into();
            }
            Some((Compare::Domain.canonical(text), (embedded, exact), object))
        })?;
        if list.is_empty() {
            let problem = Problem::new(Code::warning(421), format!("`{path}` is empty"));
            self.report_value(draft, node, path, problem.expected("at least one domain"));
        }
        Some(FieldValue::Value(Json::Array(list)))
    }

    /// Networks of an IP service.
    pub(super) fn subnets(&mut self, draft: usize, node: &Node, path: &str) -> Option<Vec<Json>> {
        self.elements(draft, node, path, |reader, element, path| {
            let (text, at, own_path, members) = reader.element(draft, &SUBNET, element, path)?;
            let net = reader.accept(draft, at, &own_path, cidr(text, None))?;
            members.sound.then(|| (net.clone(), (), json!({"value": net})))
        })
    }

    /// Address ranges of a location context.
    pub(super) fn ip_ranges(&mut self, draft: usize, node: &Node, path: &str) -> Option<Vec<Json>> {
        self.elements(draft, node, path, |reader, element, path| {
            let (text, at, own_path, members) = reader.element(draft, &IP_RANGE, element, path)?;
            let net = reader.accept(draft, at, &own_path, cidr(text, None));
            let description = match members.find("description") {
                Some(member) if !matches!(member.node.value(), Value::Null) => {
                    reader.expect_text(draft, member.node, &member.path)?
                }
                _ => "",
            };
            let net = net.filter(|_| members.sound)?;
            let mut object = Map::from_iter([("ip".to_owned(), net.as_str().into())]);
            if !description.is_empty() {
                object.insert("description".to_owned(), description.into());
            }
            Some((net, description.to_owned(), Json::Object(object)))
        })
    }

    /// DNS zones: a list, or the API's object around it.
    pub(super) fn zones(
        &mut self,
        draft: usize,
        field: &Field,
        node: &Node,
        path: &str,
    ) -> Option<Vec<Json>> {
        debug_assert!(matches!(field.ty, FieldType::Zones));
        let list = self.unwrap_object(draft, "zones", node, path)?;
        self.elements(draft, list, path, |reader, element, path| {
            let Value::Mapping(mapping) = element.value() else {
                let problem = wrong_type(path, element, "a mapping with `name` and `addresses`");
                reader.report_value(draft, element, path, problem);
                return None;
            };
            let members = reader.members(draft, &ZONE, mapping, path);
            let name = members.find("name");
            if name.is_none() && members.sound {
                let problem = Problem::new(Code::error(106), format!("{} has no `name`", ZONE.what));
                reader.report_value(draft, element, path, problem.expected("`name`"));
            }
            let text = name.and_then(|name| {
                let text = reader.expect_text(draft, name.node, &name.path)?;
                reader.accept(draft, name.node, &name.path, domain(text).map(|()| text))
            });
            let addresses = match members.find("addresses") {
                Some(list) => reader.elements(draft, list.node, &list.path, |reader, address, path| {
                    let text = reader.expect_text(draft, address, path)?;
                    let address = reader.accept(draft, address, path, ip(text, None))?;
                    Some((address.clone(), (), address))
                }),
                None => Some(Vec::new()),
            };
            let (text, addresses) = (text?, addresses.filter(|_| members.sound)?);
            let mut set = addresses.clone();
            set.sort_unstable();
            Some((Compare::Domain.canonical(text), set, json!({"name": text, "addresses": addresses})))
        })
    }
}

/// Reads a country code, in capitals.
pub(super) fn country(text: &str) -> super::formats::Checked<String> {
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_uppercase());
    }
    let shown: String = text.chars().take(60).collect();
    let problem = Problem::new(Code::error(205), format!("`{shown}` is not a country code"));
    Err(Box::new(problem.expected("two letters, such as `FR`")))
}
