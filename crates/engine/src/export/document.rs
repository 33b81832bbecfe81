//! A whole export: items of several kinds in the order of spec section 9, and remarks about what is not in it.

use super::{Purpose, item, lists, nested, order};
use crate::{
    catalog::{self, Definition},
    current::{CurrentState, Live},
    key::parse_cidr,
};
use connexa_types::{Kind, ResourceId};
use ipnet::IpNet;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Where children stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Children {
    /// Inside their parents, if their parents' kind is asked for.
    Nested,
    /// Under their own kinds, as files that hold one kind need it.
    Flat,
}

/// The items of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// The kind.
    pub kind: Kind,
    /// Its items; of settings each holds `key` and `value`.
    pub items: Vec<Map<String, Value>>,
}

impl Section {
    /// The setting that routes of two networks need, to overlap.
    pub fn allowing_overlap() -> Self {
        let item = Map::from_iter([("key".to_owned(), OVERLAP.into()), ("value".to_owned(), true.into())]);
        Self { kind: Kind::Setting, items: vec![item] }
    }
}

/// An export.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The kinds that have items, in the order of an export.
    pub sections: Vec<Section>,
    /// What is not in it, and why.
    pub notes: Vec<String>,
}

/// The kinds of an export, in its order; those of children follow their parents.
const ORDER: &[Kind] = &[
    Kind::Setting,
    Kind::UserGroup,
    Kind::Network,
    Kind::NetworkConnector,
    Kind::NetworkRoute,
    Kind::NetworkApplication,
    Kind::NetworkIpService,
    Kind::Host,
    Kind::HostConnector,
    Kind::HostApplication,
    Kind::HostIpService,
    Kind::User,
    Kind::Device,
    Kind::DevicePosture,
    Kind::LocationContext,
    Kind::AccessGroup,
    Kind::DnsRecord,
];

/// The setting without which routes of two networks may not overlap.
const OVERLAP: &str = "wpc.routes_advanced_configuration_enabled";

/// Whether an export leaves an object out: the owner, users of an identity provider, and their devices.
pub fn is_left_out(current: &CurrentState, live: &Live) -> bool {
    lists::is_foreign(current, live)
}

/// An export of these kinds; children come with their parents. All that they refer to must have been read.
pub fn document(current: &CurrentState, kinds: &[Kind], children: Children) -> Document {
    let asked = |kind: Kind| kinds.contains(&kind);
    let with_parent = |kind: Kind| kind.parent().is_some_and(asked);
    let mut notes = Notes::default();
    let mut sections = Vec::new();
    let mut overlapping = false;
    for kind in ORDER.iter().copied().filter(|kind| asked(*kind) || with_parent(*kind)) {
        let objects = sorted(current, kind, &mut notes);
        if kind == Kind::NetworkRoute {
            overlapping = routes_overlap(objects.iter().map(|live| {
                (live.key.own.text.as_str(), live.parent.as_ref().map_or("", ResourceId::as_str))
            }));
        }
        if children == Children::Nested && with_parent(kind) {
            continue;
        }
        let nest = match children {
            Children::Nested => Nest::new(current, kind),
            Children::Flat => Nest::default(),
        };
        let items: Vec<_> = objects.iter().map(|live| nest.item(current, live)).collect();
        if kind == Kind::AccessGroup {
            notes.empty_sides(&items);
        }
        if !items.is_empty() {
            sections.push(Section { kind, items });
        }
    }
    if overlapping && !asked(Kind::Setting) {
        sections.insert(0, Section::allowing_overlap());
    }
    Document { sections, notes: notes.finish() }
}

/// The objects of a kind that an export holds: settings in the order of their table, others by folded key, key and id.
fn sorted<'a>(current: &'a CurrentState, kind: Kind, notes: &mut Notes) -> Vec<&'a Live> {
    let objects = current.kind(kind).map_or(&[][..], |live| &live.objects);
    let mut objects: Vec<&Live> = objects.iter().filter(|live| notes.keeps(current, live)).collect();
    if kind == Kind::Setting {
        let place =
            |live: &&Live| catalog::SETTINGS.iter().position(|setting| setting.path == live.key.own.text);
        notes.untold.extend(
            objects.iter().filter(|live| live.object.get("value").is_none()).map(|live| live.key.to_string()),
        );
        objects.retain(|live| item(current, live, Purpose::Export).contains_key("value"));
        objects.sort_by_key(place);
    } else {
        objects.sort_by_cached_key(|live| {
            let key = live.key.to_string();
            let (folded, _) = order::text_order(&key);
            (folded, key, live.id.clone())
        });
    }
    for live in &objects {
        notes.secrets += live.sealed.len();
    }
    objects
}

/// The children of the objects of one kind, by parent.
#[derive(Default)]
struct Nest<'a> {
    kinds: Vec<(&'static Definition, HashMap<&'a str, Vec<&'a Live>>)>,
}

impl<'a> Nest<'a> {
    fn new(current: &'a CurrentState, kind: Kind) -> Self {
        let kinds = catalog::nested(kind).map(|child| {
            let mut by_parent: HashMap<&str, Vec<&Live>> = HashMap::new();
            // Nothing is counted twice: who is left out has been counted with the kind.
            for live in sorted(current, child.kind, &mut Notes::default()) {
                by_parent.entry(live.parent.as_ref().map_or("", ResourceId::as_str)).or_default().push(live);
            }
            (child, by_parent)
        });
        Self { kinds: kinds.collect() }
    }

    fn item(&self, current: &CurrentState, live: &Live) -> Map<String, Value> {
        let mut item = item(current, live, Purpose::Export);
        for (child, by_parent) in &self.kinds {
            let (Some(children), Some(name)) = (by_parent.get(live.id.as_str()), child.nested_as) else {
                continue;
            };
            item.insert(name.to_owned(), children.iter().map(|child| nested(current, child)).collect());
        }
        item
    }
}

/// Whether routes of two owners overlap: each is given as its network and its owner. What is no network overlaps nothing.
pub fn routes_overlap<'a>(routes: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
    let mut nets: Vec<(IpNet, &str)> =
        routes.into_iter().filter_map(|(net, owner)| Some((parse_cidr(net)?, owner))).collect();
    // Sorted by address and prefix length, the ones that hold a net are the ones still open when it comes.
    nets.sort_unstable();
    let mut open: Vec<(IpNet, &str)> = Vec::new();
    for (net, owner) in nets {
        while open.last().is_some_and(|(outer, _)| !outer.contains(&net)) {
            open.pop();
        }
        // Up to the first overlap all that are open belong to one owner.
        if open.last().is_some_and(|(_, other)| *other != owner) {
            return true;
        }
        open.push((net, owner));
    }
    false
}

/// Counts what is not in an export, or not whole.
#[derive(Default)]
struct Notes {
    owners: HashSet<String>,
    foreign: usize,
    foreign_devices: usize,
    secrets: usize,
    empty: Vec<String>,
    /// Settings that the service does not tell.
    untold: Vec<String>,
}

impl Notes {
    fn keeps(&mut self, current: &CurrentState, live: &Live) -> bool {
        if !is_left_out(current, live) {
            return true;
        }
        if live.kind == Kind::Device {
            self.foreign_devices += 1;
        } else if live.object.get("role").and_then(Value::as_str) == Some("OWNER") {
            self.owners.insert(live.key.to_string());
        } else {
            self.foreign += 1;
        }
        false
    }

    fn empty_sides(&mut self, groups: &[Map<String, Value>]) {
        for group in groups {
            for side in ["source", "destination"] {
                if !group.contains_key(side) {
                    let name = group.get("name").and_then(Value::as_str).unwrap_or_default();
                    self.empty
                        .push(format!("the {side} of the access group `{name}` is empty, and left out"));
                }
            }
        }
    }

    fn finish(self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut left_out = Vec::new();
        if !self.owners.is_empty() {
            left_out.push(if self.owners.len() == 1 {
                "the owner".to_owned()
            } else {
                format!("{} owners", self.owners.len())
            });
        }
        if self.foreign > 0 {
            left_out.push(count(
                self.foreign,
                "user of an identity provider",
                "users of an identity provider",
            ));
        }
        if self.foreign_devices > 0 {
            left_out.push(count(self.foreign_devices, "device of such users", "devices of such users"));
        }
        if !left_out.is_empty() {
            notes.push(format!("left out: {}", left_out.join(", ")));
        }
        if !self.untold.is_empty() {
            let settings = count(self.untold.len(), "setting", "settings");
            notes.push(format!(
                "left out: {settings} that the service does not tell ({})",
                self.untold.join(", ")
            ));
        }
        notes.extend(self.empty);
        if self.secrets > 0 {
            let secrets =
                count(self.secrets, "secret is written as its hash", "secrets are written as their hashes");
            notes.push(format!("{secrets}: another tenant needs `env`, `file` or `command` in their place"));
        }
        notes
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
