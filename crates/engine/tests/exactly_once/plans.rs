//! The plans of these tests: one for each kind of call, and mixtures of all.

use crate::sim::{
    plans::{Builder, live},
    service::Objects,
};
use connexa_engine::plan::{Action, Carried, Plan};
use connexa_types::{Endpoint, JsonPointer, Kind};
use serde_json::{Value, json};
use std::sync::Arc;

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    Create,
    Joint,
    /// A child of a parent that another call makes.
    Nested,
    Update,
    Delete,
    /// Its effect shows in the list.
    Suspend,
    /// Its effect shows nowhere.
    OneShot,
    /// Its effect shows nowhere, and twice is once.
    Domains,
    Setting,
}

/// A plan on its way, and the tenant that it is for.
#[derive(Default)]
pub struct Making {
    pub builder: Builder,
    pub before: Objects,
    number: usize,
}

impl Making {
    /// Adds what makes one call of a sort, under a name of its own.
    pub fn add(&mut self, sort: Sort) {
        self.number += 1;
        let number = self.number;
        let name = format!("item-{number}");
        match sort {
            Sort::Create => {
                let change = self.builder.change(Kind::Host, &name, Action::Create);
                let body = json!({ "name": name, "description": "as planned" });
                self.builder.operation(Endpoint::HostCreate, Kind::Host, change, body);
            }
            Sort::Joint => {
                self.builder.network(&name, 2, 1);
            }
            Sort::Nested => {
                let network = self.builder.network(&name, 0, 1);
                self.builder.connector(&format!("{name}-c"), network);
            }
            Sort::Update => {
                let host = self.live_host(&name);
                let to = json!({ "name": name, "description": "as planned" });
                self.builder.update(Kind::Host, &host, to);
            }
            Sort::Delete => {
                let host = self.live_host(&name);
                self.builder.delete(Kind::Host, &host);
            }
            Sort::Suspend => {
                let user = self.live_user(&name);
                self.builder.act(Endpoint::UserSuspend, Kind::User, "suspend", &user);
            }
            Sort::OneShot => {
                let user = self.live_user(&name);
                self.builder.act(Endpoint::UserResetMfa, Kind::User, "reset-mfa", &user);
            }
            Sort::Domains => {
                let domain = format!("bad{number}.example");
                let change = self.builder.change(Kind::BlockDomain, &domain, Action::Create);
                let body = json!({ "domains": [domain] });
                self.builder
                    .operation(Endpoint::BlockListAddDomains, Kind::BlockDomain, change, body)
                    .carries = vec![Carried { change, at: JsonPointer::new("/domains/0") }];
            }
            Sort::Setting => self.setting(),
        }
    }

    fn live_host(&mut self, name: &str) -> Value {
        let number = self.number;
        let host = json!({
            "id": format!("h{number}"), "name": name, "description": "as before",
            "internetAccess": "SPLIT_TUNNEL_ON", "connectors": [],
        });
        self.before.entry("hosts").or_default().push(host.clone());
        host
    }

    fn live_user(&mut self, name: &str) -> Value {
        let user = json!({ "id": format!("u{}", self.number), "username": name, "status": "ACTIVE" });
        self.before.entry("users").or_default().push(user.clone());
        user
    }

    /// The setting can be set once in a plan.
    fn setting(&mut self) {
        if self.builder.changes.iter().any(|change| change.kind == "setting") {
            return;
        }
        let change = self.builder.change(Kind::Setting, "wpc.snat", Action::Update);
        let mut base = live(Kind::Setting, &json!({ "value": true }));
        base.id = "wpc.snat".into();
        self.builder.operation(Endpoint::SettingWpcSnatSet, Kind::Setting, change, json!(false)).base =
            vec![base];
    }

    pub fn plan(self) -> (Arc<Plan>, Objects) {
        (self.builder.plan(), self.before)
    }
}

/// Calls of all sorts, some of which wait for others.
pub fn mixed(random: &mut fastrand::Rng, size: usize) -> (Arc<Plan>, Objects) {
    let mut making = Making::default();
    while making.builder.operations.len() < size {
        let sort = match random.u8(0..20) {
            0..6 => Sort::Create,
            6..9 => Sort::Joint,
            9..11 => Sort::Nested,
            11..14 => Sort::Update,
            14..16 => Sort::Delete,
            16 => Sort::Suspend,
            17 => Sort::OneShot,
            18 => Sort::Domains,
            _ => Sort::Setting,
        };
        let before = making.builder.operations.len();
        making.add(sort);
        let last = making.builder.operations.len();
        if last > before && before > 0 && random.u8(0..4) == 0 {
            let other = random.usize(0..before);
            let needs = &mut making.builder.operations[before].needs;
            if !needs.contains(&other) {
                needs.push(other);
            }
        }
    }
    making.plan()
}
