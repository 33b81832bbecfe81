//! Items of the sides of access groups (spec section 5.10): each form of an item becomes items of the API, and children of
//! equal type and parent are joined.

use super::{
    elements::{Member, Shape},
    node::{Node, Value},
    reader::{Reader, wrong_type},
};
use crate::{
    catalog::Side,
    desired::{AccessItem, FieldValue, Reference, Target},
    problem::{Code, Problem},
};
use connexa_types::{Kind, ResourceId};
use std::collections::{HashMap, HashSet};

const USER_GROUP: &str = "USER_GROUP";
const NETWORK_SERVICE: &str = "NETWORK_SERVICE";
const PUBLISHED_SERVICE: &str = "PUBLISHED_SERVICE";
/// A host as a source, and as a destination.
const HOST: &str = "HOST";
const HOST_SERVICE: &str = "HOST_SERVICE";
/// All types of items that the API has.
const TYPES: [&str; 5] = [USER_GROUP, NETWORK_SERVICE, HOST, HOST_SERVICE, PUBLISHED_SERVICE];

/// Published services are of no kind that any call lists; their references are unchecked, and need one all the same.
const PUBLISHED: Kind = Kind::NetworkApplication;

const ITEM: Shape = Shape {
    what: "an item of an access group",
    members: &[
        ("user_groups", &[]),
        ("networks", &[]),
        ("network", &[]),
        ("hosts", &[]),
        ("host", &[]),
        ("published_services", &[]),
        ("all", &[]),
        ("applications", &[]),
        ("ip_services", &[]),
        ("type", &[]),
        ("all_covered", &["allCovered"]),
        ("parent", &[]),
        ("children", &[]),
    ],
    response_only: &[],
};

/// Members of the API's own item.
const RAW: [&str; 4] = ["type", "all_covered", "parent", "children"];
/// Members that stand beside `network` or `host`.
const BESIDE: [&str; 3] = ["all", "applications", "ip_services"];

/// What a list, or the word `all`, says.
enum Listed {
    All,
    These(Vec<Reference>),
}

impl Reader<'_> {
    /// Reads a side of an access group.
    pub(super) fn access(&mut self, draft: usize, side: Side, node: &Node, path: &str) -> Option<FieldValue> {
        let Value::List(nodes) = node.value() else {
            self.report_value(draft, node, path, wrong_type(path, node, "a list of items"));
            return None;
        };
        if nodes.is_empty() {
            let problem = Problem::new(Code::error(451), format!("`{path}` is empty"))
                .expected("at least one item, such as `{user_groups: all}`");
            self.report_value(draft, node, path, problem);
            return None;
        }
        let mut items = Vec::with_capacity(nodes.len());
        let mut sound = true;
        for (index, element) in nodes.iter().enumerate() {
            match self.access_item(draft, side, element, &format!("{path}[{index}]")) {
                Some(some) => items.extend(some),
                None => sound = false,
            }
        }
        sound.then(|| FieldValue::Access(joined(items)))
    }

    fn access_item(&mut self, draft: usize, side: Side, node: &Node, path: &str) -> Option<Vec<AccessItem>> {
        let Value::Mapping(mapping) = node.value() else {
            let expected = "a mapping such as `{user_groups: [NAME]}`";
            self.report_value(draft, node, path, wrong_type(path, node, expected));
            return None;
        };
        let members = self.members(draft, &ITEM, mapping, path);
        // With a member that is none, its form is not known.
        let members = Some(members.list).filter(|_| members.sound)?;
        for member in members.iter().filter(|m| !RAW.contains(&m.name)) {
            if matches!(member.node.value(), Value::Null) {
                let problem = Problem::new(Code::error(108), format!("`{}` cannot be null", member.path));
                self.report_value(draft, member.node, &member.path, problem.hint("leave it out"));
                return None;
            }
        }
        let find = |name: &str| members.iter().find(|member| member.name == name);
        let is_raw = members.iter().any(|member| RAW.contains(&member.name));
        let mut heads = members.iter().filter(|m| !RAW.contains(&m.name) && !BESIDE.contains(&m.name));
        let (head, more) = (heads.next(), heads.next());
        let found = match (head, more) {
            (None, None) if is_raw && !members.iter().any(|m| BESIDE.contains(&m.name)) => {
                return self.raw_item(draft, side, node, path, &members);
            }
            (None, None) => Err("an item that names none of its forms".to_owned()),
            (Some(first), Some(second)) => Err(format!("`{}` and `{}` in one item", first.name, second.name)),
            (Some(head), None) if is_raw => Err(format!("`{}` in an item in the API's form", head.name)),
            (Some(head), _) => Ok(head),
            (None, Some(_)) => return None,
        };
        let head = match found {
            Ok(head) => head,
            Err(message) => return self.no_form(draft, side, node, path, &message),
        };
        match head.name {
            "network" | "host" => self.of_parent(
                draft,
                side,
                node,
                path,
                head,
                [find("all"), find("applications"), find("ip_services")],
            ),
            _ if members.len() > 1 => {
                let beside = members.iter().find(|m| m.name != head.name).map_or("all", |m| m.name);
                self.no_form(draft, side, node, path, &format!("`{beside}` beside `{}`", head.name))
            }
            "published_services" if side == Side::Source => {
                self.no_form(draft, side, node, path, "`published_services` in a source")
            }
            _ => self.listed(draft, side, node, path, head),
        }
    }

    /// E452.
    fn no_form(
        &mut self,
        draft: usize,
        side: Side,
        node: &Node,
        path: &str,
        message: &str,
    ) -> Option<Vec<AccessItem>> {
        let expected = match side {
            Side::Source => {
                "one of `{user_groups: …}`, `{networks: …}`, `{network: NAME, all: true}`, \
                 `{network: NAME, ip_services: […]}`, `{hosts: …}`, `{host: NAME, all: true}`"
            }
            Side::Destination => {
                "one of `{user_groups: …}`, `{networks: …}`, `{network: NAME, all: true}`, \
                 `{network: NAME, applications: […], ip_services: […]}`, the same with `host`, \
                 `{published_services: …}`"
            }
        };
        let problem = Problem::new(Code::error(452), message).expected(expected);
        self.report_value(draft, node, path, problem);
        None
    }

    /// `user_groups`, `networks`, `hosts`, `published_services`: `all`, or a list.
    fn listed(
        &mut self,
        draft: usize,
        side: Side,
        node: &Node,
        path: &str,
        head: &Member<'_>,
    ) -> Option<Vec<AccessItem>> {
        let (of, kind) = match head.name {
            "user_groups" => (USER_GROUP, Kind::UserGroup),
            "networks" => (NETWORK_SERVICE, Kind::Network),
            "hosts" => (host_type(side), Kind::Host),
            _ => (PUBLISHED_SERVICE, PUBLISHED),
        };
        let item = |all, parent, children| AccessItem { of: of.to_owned(), all, parent, children };
        let references = match self.all_or_list(draft, kind, head)? {
            Listed::All => return Some(vec![item(true, None, Vec::new())]),
            Listed::These(references) if references.is_empty() => {
                return self.no_form(draft, side, node, path, &format!("`{}` is empty", head.name));
            }
            Listed::These(references) => references,
        };
        Some(match head.name {
            "networks" | "hosts" => {
                references.into_iter().map(|parent| item(true, Some(parent), Vec::new())).collect()
            }
            "user_groups" => vec![item(false, None, references)],
            _ => vec![item(false, None, references.into_iter().map(unchecked).collect())],
        })
    }

    fn all_or_list(&mut self, draft: usize, kind: Kind, head: &Member<'_>) -> Option<Listed> {
        match head.node.value() {
            Value::Text(word) if &**word == "all" => Some(Listed::All),
            Value::List(_) => {
                let ids = head.name == "published_services";
                self.reference_list(draft, kind, ids, head.node, &head.path).map(Listed::These)
            }
            _ => {
                let problem = wrong_type(&head.path, head.node, "`all`, or a list");
                self.report_value(draft, head.node, &head.path, problem);
                None
            }
        }
    }

    /// `{network: …}` and `{host: …}`: all of it, or some applications and IP services.
    fn of_parent(
        &mut self,
        draft: usize,
        side: Side,
        node: &Node,
        path: &str,
        head: &Member<'_>,
        [all, applications, ip_services]: [Option<&Member<'_>>; 3],
    ) -> Option<Vec<AccessItem>> {
        let (kind, of, kinds) = match head.name {
            "network" => (Kind::Network, NETWORK_SERVICE, [Kind::NetworkApplication, Kind::NetworkIpService]),
            _ => (Kind::Host, host_type(side), [Kind::HostApplication, Kind::HostIpService]),
        };
        let parent = self.reference(draft, kind, false, head.node, &head.path);
        let some = [applications, ip_services];
        if let Some(all) = all {
            let message = match all.node.value() {
                Value::Boolean(true) if some.iter().all(Option::is_none) => {
                    let parent = Some(parent?);
                    return Some(vec![AccessItem {
                        of: of.to_owned(),
                        all: true,
                        parent,
                        children: Vec::new(),
                    }]);
                }
                Value::Boolean(true) => "`all: true` beside single services",
                Value::Boolean(false) => "`all` is `false`",
                _ => {
                    self.report_value(draft, all.node, &all.path, wrong_type(&all.path, all.node, "`true`"));
                    return None;
                }
            };
            return self.no_form(draft, side, node, path, message);
        }
        if some.iter().all(Option::is_none) {
            let message = format!("`{0}` alone: all of the {0}, or which of its services?", head.name);
            return self.no_form(draft, side, node, path, &message);
        }
        if (head.name, side) == ("host", Side::Source) {
            return self.no_form(draft, side, node, path, "services of a host in a source");
        }
        if let Some(applications) = applications.filter(|_| side == Side::Source) {
            let problem = Problem::new(Code::warning(453), "applications in a source")
                .expected("IP services of type `ip_source`");
            self.report_value(draft, applications.node, &applications.path, problem);
        }
        let mut children = Vec::new();
        let mut sound = parent.is_some();
        for (kind, member) in kinds.into_iter().zip(some).filter_map(|(kind, m)| Some((kind, m?))) {
            match self.reference_list(draft, kind, false, member.node, &member.path) {
                Some(list) => children.extend(list),
                None => sound = false,
            }
        }
        let parent = parent.filter(|_| sound)?;
        if children.is_empty() {
            return self.no_form(draft, side, node, path, "an item that names no service");
        }
        for child in &mut children {
            child.within = Some(Box::new(parent.clone()));
        }
        Some(vec![AccessItem { of: of.to_owned(), all: false, parent: Some(parent), children }])
    }

    /// The API's own item: as it stands, ids only.
    fn raw_item(
        &mut self,
        draft: usize,
        side: Side,
        node: &Node,
        path: &str,
        members: &[Member<'_>],
    ) -> Option<Vec<AccessItem>> {
        let given =
            |name: &str| members.iter().find(|m| m.name == name && !matches!(m.node.value(), Value::Null));
        let Some(of) = given("type") else {
            return self.no_form(draft, side, node, path, "an item in the API's form without `type`");
        };
        let of = self.expect_text(draft, of.node, &of.path)?;
        let spelt = of.to_uppercase().replace('-', "_");
        let known = TYPES.iter().find(|known| **known == spelt);
        let of = known.map_or(of, |known| *known);
        let all = match given("all_covered").map(|m| (m, m.node.value())) {
            None => false,
            Some((_, Value::Boolean(all))) => *all,
            Some((m, _)) => {
                self.report_value(draft, m.node, &m.path, wrong_type(&m.path, m.node, "`true` or `false`"));
                return None;
            }
        };
        let (parents, kind) = match of {
            USER_GROUP => (Kind::Network, Kind::UserGroup),
            HOST | HOST_SERVICE => (Kind::Host, Kind::HostIpService),
            PUBLISHED_SERVICE => (Kind::Network, PUBLISHED),
            _ => (Kind::Network, Kind::NetworkIpService),
        };
        let parent = match given("parent") {
            None => None,
            Some(m) => Some(self.reference(draft, parents, true, m.node, &m.path)?),
        };
        let children = match given("children") {
            None => Vec::new(),
            Some(m) => self.reference_list(draft, kind, true, m.node, &m.path)?,
        };
        let children = children.into_iter().map(unchecked).collect();
        Some(vec![AccessItem { of: of.to_owned(), all, parent: parent.map(unchecked), children }])
    }
}

const fn host_type(side: Side) -> &'static str {
    match side {
        Side::Source => HOST,
        Side::Destination => HOST_SERVICE,
    }
}

/// An id as it stands.
fn unchecked(reference: Reference) -> Reference {
    let id = match reference.target {
        Target::Id(id) | Target::Unchecked(id) => id,
        Target::Key(key) => ResourceId::new(key.own.text),
    };
    Reference { target: Target::Unchecked(id), ..reference }
}

/// What tells one target from another.
fn target(reference: &Reference) -> (Kind, bool, String) {
    match &reference.target {
        Target::Key(key) => (reference.kind, false, key.own.canonical.clone()),
        Target::Id(id) | Target::Unchecked(id) => (reference.kind, true, id.to_string()),
    }
}

/// Joins children of equal type and parent, in the order written; what is given again is left out.
fn joined(items: Vec<AccessItem>) -> Vec<AccessItem> {
    if items.len() == 1 {
        return items;
    }
    let mut places = HashMap::new();
    let mut children = HashSet::new();
    let mut out: Vec<AccessItem> = Vec::with_capacity(items.len());
    for mut item in items {
        let own = std::mem::take(&mut item.children);
        let place = *places
            .entry((item.of.clone(), item.all, item.parent.as_ref().map(target)))
            .or_insert_with(|| {
                out.push(item);
                out.len() - 1
            });
        out[place].children.extend(own.into_iter().filter(|child| children.insert((place, target(child)))));
    }
    out
}
