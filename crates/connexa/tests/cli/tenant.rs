//! A tenant behind a listener, with its ledger as judge of what was called.

use crate::support::{Bench, Came, Listening};
use serde_json::Value;
use std::{cell::Cell, fs};

/// A few objects of several kinds.
pub(crate) const OBJECTS: &str = "
networks:
  - { name: paris, egress: false, description: office, connectors: [{ name: paris-1, region: eu-central-1 }, { name: paris-2, region: it-mxp }], routes: [10.20.0.0/16] }
  - { name: rome, egress: true, connectors: [{ name: rome-1, region: eu-central-1 }] }
  - { name: oslo, egress: true }
user_groups:
  - { name: engineers, regions: [eu-central-1], max_device: 3, tunnel_bypass: [198.51.100.0/24] }
  - { name: interns, regions: all, max_device: 2 }
users:
  - { username: ada, email: ada@example.com, group: engineers, devices: [laptop] }
  - { username: bob, email: bob@example.com, group: interns }
  - { username: cyd, email: cyd@example.com, group: interns, first_name: Cyd }
";

/// A tenant that commands talk to.
pub(crate) struct Tenant {
    pub(crate) bench: Bench,
    pub(crate) listening: Listening,
    seen: Cell<usize>,
}

impl Tenant {
    /// A tenant that holds what a spec says.
    pub(crate) fn with(spec: &str) -> Self {
        let bench = Bench::new();
        let listening = Listening::start(&bench, "--http --limits unlimited --ledger ledger.jsonl");
        let tenant = Self { bench, listening, seen: Cell::new(0) };
        if !spec.is_empty() {
            tenant.bench.file("tenant.yaml", spec);
            tenant.run("apply -f tenant.yaml --yes").exits(0);
        }
        tenant
    }

    /// Runs words parted by blanks; the ledger starts anew.
    pub(crate) fn run(&self, line: &str) -> Came {
        self.listening.run(&self.bench, line)
    }

    /// Runs words as they are.
    pub(crate) fn words(&self, words: &[&str]) -> Came {
        let mut command = self.listening.command(&self.bench, "");
        command.args(words);
        crate::support::came(command.output().unwrap())
    }

    /// Updates that were called since this was last asked, as `METHOD template`, in their order.
    pub(crate) fn updates(&self) -> Vec<String> {
        self.calls().into_iter().filter(|call| !call.starts_with("GET ")).collect()
    }

    /// All calls since this was last asked, tokens left out.
    pub(crate) fn calls(&self) -> Vec<String> {
        let ledger = fs::read_to_string(self.bench.path().join("ledger.jsonl")).unwrap();
        let from = self.seen.replace(ledger.lines().count());
        ledger
            .lines()
            .skip(from)
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["template"].as_str().is_some_and(|template| !template.contains("oauth")))
            .map(|line| {
                format!("{} {}", line["method"].as_str().unwrap(), line["template"].as_str().unwrap())
            })
            .collect()
    }

    /// One live object as `get` shows it.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Value {
        let came = self.words(&["get", kind, name, "-o", "json"]).exits(0);
        let spec = came.json();
        let list = spec.as_object().unwrap().values().next().unwrap();
        list[0].clone()
    }

    /// Names of a kind, sorted.
    pub(crate) fn names(&self, kind: &str) -> Vec<String> {
        let came = self.words(&["get", kind, "-o", "name"]).exits(0);
        let mut names: Vec<String> = came.stdout.lines().map(str::to_owned).collect();
        names.sort();
        names
    }
}
