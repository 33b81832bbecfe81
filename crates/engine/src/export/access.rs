//! Sides of access groups: from the API's items to the forms of spec section 5.10.
//!
//! A side is a set of atoms (type, parent, child); what comes out has one item for each type and parent, forms in the
//! order of the table. What no form can say without losing an id stands as the API has it.

use super::{names::Names, order};
use crate::catalog::Side;
use connexa_types::{
    Kind,
    schema::{AccessItemDestinationType, AccessItemSourceType},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is named of one type under one parent.
#[derive(Default)]
struct Atoms<'a> {
    all: bool,
    children: BTreeSet<&'a str>,
}

/// The items of a side.
pub(super) fn items(names: Names<'_>, side: Side, items: &[Value]) -> Vec<Value> {
    let mut groups: BTreeMap<(&str, Option<&str>), Atoms<'_>> = BTreeMap::new();
    for item in items {
        let of = item.get("type").and_then(Value::as_str).unwrap_or_default();
        let parent = item.get("parent").and_then(Value::as_str).filter(|parent| !parent.is_empty());
        let covered = item.get("allCovered") == Some(&Value::Bool(true));
        // A host as source is one as a whole, whatever `allCovered` says.
        let whole = covered || of == "HOST" && parent.is_some();
        let atoms = groups.entry((of, parent)).or_default();
        if whole {
            atoms.all = true;
        } else {
            let children = item.get("children").and_then(Value::as_array).into_iter().flatten();
            atoms.children.extend(children.filter_map(Value::as_str));
        }
    }
    let mut forms = Vec::new();
    for ((of, parent), atoms) in &groups {
        Forms { names, side, of, parent: *parent, out: &mut forms }.write(atoms);
    }
    // Stable: what is equal in rank and parent comes in the order in which it was written.
    forms.sort_by(|a, b| (a.rank, &a.parent).cmp(&(b.rank, &b.parent)));
    forms.into_iter().map(|form| form.item).collect()
}

/// One item with its place in the order.
struct Form {
    rank: u8,
    parent: (String, String),
    item: Value,
}

/// Writes the forms of one type and parent.
struct Forms<'a, 'o> {
    names: Names<'a>,
    side: Side,
    of: &'a str,
    parent: Option<&'a str>,
    out: &'o mut Vec<Form>,
}

/// What hangs on a network or host.
struct Family {
    kind: Kind,
    applications: Kind,
    ip_services: Kind,
    /// Names of one and of all of them.
    one: &'static str,
    many: &'static str,
    /// The first of its three ranks.
    rank: u8,
    /// Whether single services of it may be named on this side.
    divisible: bool,
}

const RAW: u8 = 10;

impl Forms<'_, '_> {
    fn write(&mut self, atoms: &Atoms<'_>) {
        let network = Family {
            kind: Kind::Network,
            applications: Kind::NetworkApplication,
            ip_services: Kind::NetworkIpService,
            one: "network",
            many: "networks",
            rank: 2,
            divisible: true,
        };
        let host = Family {
            kind: Kind::Host,
            applications: Kind::HostApplication,
            ip_services: Kind::HostIpService,
            one: "host",
            many: "hosts",
            rank: 5,
            divisible: self.side == Side::Destination,
        };
        match (self.of, self.side, self.parent) {
            ("USER_GROUP", _, None) => self.user_groups(atoms),
            ("NETWORK_SERVICE", ..) => self.family(&network, atoms),
            ("HOST", Side::Source, _) | ("HOST_SERVICE", Side::Destination, _) => self.family(&host, atoms),
            ("PUBLISHED_SERVICE", Side::Destination, None) => {
                if atoms.all {
                    self.push(8, json!({ "published_services": "all" }));
                }
                if !atoms.children.is_empty() {
                    self.push(9, json!({ "published_services": atoms.children }));
                }
            }
            _ => {
                if atoms.all {
                    self.raw(true, &BTreeSet::new());
                }
                self.raw_children(&atoms.children);
            }
        }
    }

    fn user_groups(&mut self, atoms: &Atoms<'_>) {
        if atoms.all {
            self.push(0, json!({ "user_groups": "all" }));
        }
        let (known, gone): (BTreeSet<&str>, BTreeSet<&str>) =
            atoms.children.iter().partition(|id| self.names.live(Kind::UserGroup, id).is_some());
        if !known.is_empty() {
            let groups = known.iter().map(|id| self.names.reference(Kind::UserGroup, id)).collect();
            self.push(1, json!({ "user_groups": order::by_text(groups) }));
        }
        self.raw_children(&gone);
    }

    fn family(&mut self, family: &Family, atoms: &Atoms<'_>) {
        let Some(parent) = self.parent else {
            if atoms.all {
                self.push(family.rank, json!({ family.many: "all" }));
            }
            self.raw_children(&atoms.children);
            return;
        };
        // An id that no list shows cannot be looked for: only the API's own form is taken as it stands.
        let is_known = self.names.live(family.kind, parent).is_some();
        let reference = self.names.reference(family.kind, parent);
        if atoms.all {
            if is_known {
                self.push(family.rank + 1, json!({ family.one: reference, "all": true }));
            } else {
                self.raw(true, &BTreeSet::new());
            }
        }
        let mut rest = BTreeSet::new();
        let (mut applications, mut ip_services) = (Vec::new(), Vec::new());
        for id in &atoms.children {
            let child = |kind: Kind| {
                let live = self.names.live(kind, id)?;
                (live.parent.as_ref()?.as_str() == parent).then(|| self.names.reference(kind, id))
            };
            if !is_known || !family.divisible {
                rest.insert(*id);
            } else if let Some(name) = child(family.applications) {
                applications.push(name);
            } else if let Some(name) = child(family.ip_services) {
                ip_services.push(name);
            } else {
                rest.insert(*id);
            }
        }
        let mut item = Map::from_iter([(family.one.to_owned(), reference)]);
        for (name, children) in [("applications", applications), ("ip_services", ip_services)] {
            if !children.is_empty() {
                item.insert(name.to_owned(), order::by_text(children).into());
            }
        }
        if item.len() > 1 {
            self.push(family.rank + 2, item.into());
        }
        self.raw_children(&rest);
    }

    fn raw_children(&mut self, children: &BTreeSet<&str>) {
        if !children.is_empty() {
            self.raw(false, children);
        }
    }

    /// The item as the API has it, ids only.
    fn raw(&mut self, all: bool, children: &BTreeSet<&str>) {
        let known = AccessItemSourceType::VALUES.iter().chain(AccessItemDestinationType::VALUES);
        // What is no known type is sent as it is written.
        let of = if known.into_iter().any(|known| *known == self.of) {
            self.of.to_lowercase()
        } else {
            self.of.to_owned()
        };
        let mut item = Map::new();
        item.insert("type".to_owned(), of.into());
        item.insert("all_covered".to_owned(), all.into());
        item.extend(self.parent.map(|parent| ("parent".to_owned(), parent.into())));
        if !children.is_empty() {
            item.insert("children".to_owned(), json!(children));
        }
        self.push(RAW, item.into());
    }

    fn push(&mut self, rank: u8, item: Value) {
        let kind = match self.of {
            "NETWORK_SERVICE" => Kind::Network,
            _ => Kind::Host,
        };
        let parent = self.parent.unwrap_or_default();
        let name = self.names.live(kind, parent).map_or(parent, |live| &live.key.own.text);
        let (folded, text) = order::text_order(name);
        self.out.push(Form { rank, parent: (folded, text.to_owned()), item });
    }
}
