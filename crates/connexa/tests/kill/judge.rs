//! The judge: what the report says, against the emulator's ledger and the live objects.

use crate::cycle::Counts;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An object by its kind, its parent's id and its key.
type Name = (String, String, String);

/// What the ledger tells.
#[derive(Default)]
struct Tenant {
    /// Live objects by their ids.
    live: BTreeMap<String, Name>,
    /// Ids that we made.
    ours: BTreeSet<String>,
    /// Ids that others made, and those of them that we have changed or deleted.
    theirs: BTreeMap<String, String>,
    touched: BTreeSet<String>,
}

impl Tenant {
    fn of(ledger: &str) -> Self {
        let mut tenant = Self::default();
        for line in ledger.lines() {
            let line: Value = serde_json::from_str(line).expect("a line of JSON");
            let is_ours = line["client"] == "emulator";
            let text = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
            let list = |name: &str| line[name].as_array().cloned().unwrap_or_default();
            for made in list("created") {
                let (id, key) = (text(&made, "id"), text(&made, "key"));
                tenant.live.insert(id.clone(), (text(&made, "kind"), text(&made, "parent"), key.clone()));
                if is_ours {
                    tenant.ours.insert(id);
                } else {
                    tenant.theirs.insert(id, key);
                }
            }
            for touched in list("updated").iter().chain(&list("deleted")) {
                if is_ours && tenant.theirs.contains_key(&text(touched, "id")) {
                    tenant.touched.insert(text(touched, "id"));
                }
            }
            for gone in list("deleted") {
                tenant.live.remove(&text(&gone, "id"));
            }
        }
        tenant
    }

    /// How many live objects have a kind and a key string, as reports write it.
    fn count(&self, kind: &str, key: &str) -> usize {
        let (parent, own) = match key.split_once('/') {
            Some((parent, own)) if Self::has_parent(kind) => (Some(parent), own),
            _ => (None, key),
        };
        let is_it = |(of, parent_id, name): &Name| {
            let parent_is =
                parent.is_none_or(|parent| self.live.get(parent_id).is_some_and(|(_, _, key)| key == parent));
            of == kind && name == own && parent_is
        };
        self.live.values().filter(|name| is_it(name)).count()
    }

    fn has_parent(kind: &str) -> bool {
        ["network_connector", "network_route", "host_connector", "device"].contains(&kind)
    }
}

pub(crate) fn judge(report: &Value, ledger: &str, live: &Value, counts: &mut Counts) -> Result<(), String> {
    let tenant = Tenant::of(ledger);
    let mut wrong = Vec::new();
    let text = |change: &Value, name: &str| change[name].as_str().unwrap_or_default().to_owned();
    for list in ["succeeded", "failed", "skipped", "unprocessed", "unknown", "undone"] {
        for change in report[list].as_array().into_iter().flatten() {
            let (kind, key, action) = (text(change, "kind"), text(change, "key"), text(change, "action"));
            let there = tenant.count(&kind, &key);
            let name = format!("{kind}/{key} ({action}, {list}: {})", change["error"]);
            counts.changes += 1;
            counts.inferred += u64::from(change["origin"] == "inferred");
            counts.resent += u64::from(change["attempts"].as_u64().is_some_and(|attempts| attempts > 1));
            counts.undone += u64::from(list == "undone");
            counts.failed += u64::from(list == "failed");
            counts.unknown += u64::from(list == "unknown");
            match (action.as_str(), list) {
                // All sendings were lost, one after the other: that is the end of trying, and said.
                (_, "unknown") if text(change, "error").contains("3 attempts without an answer") => {}
                (_, "unknown") => wrong.push(format!("{name} is unknown, although lists can be read")),
                ("create", "succeeded") if there == 0 => wrong.push(format!("{name} is lost")),
                ("create", "failed" | "skipped" | "unprocessed" | "undone") if there > 0 => {
                    wrong.push(format!("{name} is there"));
                }
                ("delete", "succeeded") if there > 0 => wrong.push(format!("{name} is still there")),
                ("delete", "failed" | "skipped" | "unprocessed" | "undone") if there == 0 => {
                    wrong.push(format!("{name} is gone"));
                }
                ("update", _) => {
                    let wanted = if list == "succeeded" { "new" } else { "old" };
                    let shown = description(live, &key);
                    if shown.as_deref() != Some(wanted) {
                        wrong.push(format!("{name} shows {shown:?}, not {wanted}"));
                    }
                }
                _ => {}
            }
            if there > 1 {
                wrong.push(format!("{name} is there {there} times"));
            }
        }
    }
    let said = report.to_string();
    for id in tenant.ours.iter().filter(|id| tenant.live.contains_key(*id)) {
        if !said.contains(id.as_str()) {
            wrong.push(format!("{:?} with id {id} goes unreported", tenant.live[id]));
        }
    }
    for id in &tenant.touched {
        // What is to be updated or deleted was made by others as well.
        let key = &tenant.theirs[id];
        if !key.starts_with("up-") && !key.starts_with("gone-") {
            wrong.push(format!("`{key}` of others was touched"));
        }
    }
    for (id, key) in tenant.theirs.iter().filter(|(_, key)| key.starts_with("other")) {
        if !tenant.live.contains_key(id) {
            wrong.push(format!("`{key}` of others is gone"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n  ")) }
}

/// The description of a network as it is.
fn description(live: &Value, name: &str) -> Option<String> {
    let networks = live["networks"].as_array()?;
    let network = networks.iter().find(|network| network["name"] == name)?;
    network["description"].as_str().map(str::to_owned)
}
