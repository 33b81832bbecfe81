//! Guards: how many existing objects may be updated or deleted without being said so (design: plan).
//!
//! What counts is a call on an existing object: what goes with a deleted parent costs no call and is meant with it.

use super::types::{Action, Change, Plan};
use connexa_types::{Kind, Method};
use std::{collections::BTreeMap, fmt};

/// A kind with fewer objects than this may be changed freely.
const FEW: u64 = 10;

/// More than this share of a kind, in percent, must be said.
const SHARE: u64 = 30;

/// How many changes of existing objects are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// `--max-updates`: at most so many updates and replaces in the whole plan.
    pub max_updates: Option<u64>,
    /// `--max-deletes`: at most so many deletes in the whole plan.
    pub max_deletes: Option<u64>,
    /// Whether each object to be deleted was named by the user: then it counts as meant.
    pub named: bool,
    /// Whether every delete must be said, few as they are: the objects were found by an expression (`--where`).
    pub always: bool,
}

/// A guard that holds a plan back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// `--max-updates` or `--max-deletes`.
    pub flag: &'static str,
    /// What it would have to be for this plan.
    pub needed: u64,
    /// Why.
    pub why: Why,
}

/// Why a guard holds a plan back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// More than the flag allows.
    MoreThanMeant(u64),
    /// A large part of a kind: of so many objects so many.
    LargePart {
        /// The kind.
        kind: Kind,
        /// How many of its objects are changed.
        changed: u64,
        /// How many there are.
        of: u64,
    },
    /// Objects that no one named.
    NotNamed,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.flag == "--max-updates" { "updates" } else { "deletes" };
        let (objects, were) = if self.needed == 1 { ("object", "was") } else { ("objects", "were") };
        write!(f, "the plan {verb} {} {objects}", self.needed)?;
        match &self.why {
            Why::MoreThanMeant(meant) => write!(f, ", more than the {meant} of `{}`", self.flag),
            Why::LargePart { kind, changed, of } => {
                let kinds = kind.plural().replace('_', " ");
                write!(f, ", {changed} of {of} {kinds} among them, which is more than {SHARE} %")
            }
            Why::NotNamed => write!(f, " that {were} not named one by one"),
        }
    }
}

impl Guards {
    /// What holds a plan back, if anything does.
    pub fn exceeded(&self, plan: &Plan) -> Vec<Exceeded> {
        let (mut updates, mut deletes) = (Counts::default(), Counts::default());
        let mut unnamed = false;
        for operation in &plan.operations {
            let Some(change) = operation.carries.first().map(|carried| &plan.changes[carried.change]) else {
                continue;
            };
            match (change.action, operation.call.endpoint.info().method) {
                // A replace has several calls; it counts with the one that ends the old object.
                (Action::Update, _) | (Action::Replace, Method::Delete) => updates.add(operation.kind),
                (Action::Delete, _) => {
                    deletes.add(operation.kind);
                    unnamed |= is_pruned(change);
                }
                _ => {}
            }
        }
        let deletes_said = self.max_deletes.is_some() || (self.named && !unnamed);
        let guarded = [
            ("--max-updates", &updates, self.max_updates, self.max_updates.is_some(), false),
            ("--max-deletes", &deletes, self.max_deletes, deletes_said, self.always || unnamed),
        ];
        guarded
            .into_iter()
            .filter_map(|(flag, counts, meant, said, always)| {
                let needed = counts.total();
                let why = match meant {
                    Some(meant) => (needed > meant).then_some(Why::MoreThanMeant(meant)),
                    None if said || needed == 0 => None,
                    None if always => Some(Why::NotNamed),
                    None => counts.large_part(plan),
                };
                why.map(|why| Exceeded { flag, needed, why })
            })
            .collect()
    }
}

/// Whether no item asked for a delete.
fn is_pruned(change: &Change) -> bool {
    change.source.is_none() && change.item.is_none()
}

/// Calls on existing objects, by kind.
#[derive(Default)]
struct Counts(BTreeMap<Kind, u64>);

impl Counts {
    fn add(&mut self, kind: Kind) {
        *self.0.entry(kind).or_default() += 1;
    }

    fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The first kind of which a large part is changed. Settings are left out: they are no objects that a slip could
    /// sweep along, each one is named; and whoever restores an export into an empty tenant changes most of them.
    fn large_part(&self, plan: &Plan) -> Option<Why> {
        self.0.iter().filter(|(kind, _)| **kind != Kind::Setting).find_map(|(kind, changed)| {
            let of = plan.base.kinds.get(kind)?.objects;
            let large = of >= FEW && changed * 100 > of * SHARE;
            large.then_some(Why::LargePart { kind: *kind, changed: *changed, of })
        })
    }
}
