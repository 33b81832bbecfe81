//! Plans to run: built by hand, so that the run is tested without the planner.

use connexa_engine::{
    current::Live,
    key::{Compare, Key, KeyPart},
    plan::{
        Action, Base, CallTemplate, Carried, Change, Cost, Operation, OperationId, Output, Plan, Preset,
        TemplateText, types::Barrier,
    },
    report::{ErrorType, Verdict},
    sorted_map::SortedMap,
};
use connexa_types::{CallBody, Endpoint, JsonPointer, Kind, TenantId, Timestamp};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Default)]
pub struct Builder {
    pub changes: Vec<Change>,
    pub operations: Vec<Operation>,
    pub barriers: Vec<Barrier>,
    /// When the plan's lists were read; runs begin at the first moment of 2026.
    pub read_at: Option<Timestamp>,
}

impl Builder {
    pub fn change(&mut self, kind: Kind, key: &str, action: Action) -> usize {
        self.changes.push(Change {
            kind: kind.singular().to_owned(),
            key: key.to_owned(),
            action,
            verb: None,
            unit: None,
            id: None,
            fields: SortedMap::new(),
            irreversible: None,
            notice: None,
            source: None,
            item: Some(json!({ "name": key }).into()),
            object: None,
            note: None,
            parent: None,
            preset: None,
        });
        self.changes.len() - 1
    }

    pub fn no_op(&mut self, kind: Kind, key: &str) -> usize {
        let change = self.change(kind, key, Action::NoOp);
        self.changes[change].note = Some("already there".to_owned());
        change
    }

    pub fn invalid(&mut self, kind: Kind, key: &str) -> usize {
        let change = self.change(kind, key, Action::Create);
        self.changes[change].preset = Some(Preset {
            verdict: Verdict::Failed,
            error: "invalid".to_owned(),
            error_type: ErrorType::ValidationError,
            error_detail: BTreeMap::from([("name".to_owned(), vec!["too long".to_owned()])]),
            cause: None,
        });
        change
    }

    pub fn operation(
        &mut self,
        endpoint: Endpoint,
        kind: Kind,
        change: usize,
        body: Value,
    ) -> &mut Operation {
        let id = OperationId(format!("op-{}", self.operations.len() + 1));
        self.operations.push(Operation {
            id,
            call: CallTemplate {
                endpoint,
                path_args: vec![],
                query: vec![],
                body: Some(CallBody::Json(body)),
                outputs: BTreeMap::new(),
                secrets: BTreeMap::new(),
            },
            carries: vec![Carried { change, at: JsonPointer::default() }],
            needs: vec![],
            after: vec![],
            kind,
            cleared: vec![],
            unit: None,
            base: vec![],
            stage: None,
        });
        self.operations.last_mut().unwrap()
    }

    /// A host of its own; the operation's index.
    pub fn host(&mut self, name: &str) -> usize {
        let change = self.change(Kind::Host, name, Action::Create);
        self.operation(Endpoint::HostCreate, Kind::Host, change, json!({ "name": name }));
        self.operations.len() - 1
    }

    /// A network with connectors and routes on board.
    pub fn network(&mut self, name: &str, connectors: usize, routes: usize) -> usize {
        let change = self.change(Kind::Network, name, Action::Create);
        let mut carries = vec![Carried { change, at: JsonPointer::default() }];
        let mut body = json!({ "name": name, "connectors": [], "routes": [] });
        for index in 0..connectors {
            let child = self.change(Kind::NetworkConnector, &format!("{name}/c{index}"), Action::Create);
            self.changes[child].parent = Some(change);
            carries.push(Carried { change: child, at: JsonPointer::new(format!("/connectors/{index}")) });
            let connector = json!({ "name": format!("c{index}"), "vpnRegionId": "eu-central-1" });
            body["connectors"].as_array_mut().unwrap().push(connector);
        }
        for index in 0..routes {
            let subnet = format!("10.{index}.0.0/16");
            let child = self.change(Kind::NetworkRoute, &format!("{name}/{subnet}"), Action::Create);
            self.changes[child].parent = Some(change);
            carries.push(Carried { change: child, at: JsonPointer::new(format!("/routes/{index}")) });
            body["routes"].as_array_mut().unwrap().push(json!({ "value": subnet }));
        }
        self.operation(Endpoint::NetworkCreate, Kind::Network, change, body).carries = carries;
        self.operations.len() - 1
    }

    /// A PUT of a live object; the operation's index.
    pub fn update(&mut self, kind: Kind, live: &Value, to: Value) -> usize {
        let endpoint = match kind {
            Kind::Host => Endpoint::HostUpdate,
            Kind::Network => Endpoint::NetworkUpdate,
            Kind::AccessGroup => Endpoint::AccessGroupUpdate,
            _ => panic!("no update of {kind} here"),
        };
        self.on_object(endpoint, kind, Action::Update, live, Some(to))
    }

    /// A DELETE of a live object; the operation's index.
    pub fn delete(&mut self, kind: Kind, live: &Value) -> usize {
        let endpoint = if kind == Kind::Host { Endpoint::HostDelete } else { Endpoint::NetworkDelete };
        self.on_object(endpoint, kind, Action::Delete, live, None)
    }

    /// A life-cycle action on a live object; the operation's index.
    pub fn act(&mut self, endpoint: Endpoint, kind: Kind, verb: &str, live: &Value) -> usize {
        let operation = self.on_object(endpoint, kind, Action::Do, live, None);
        self.changes.last_mut().unwrap().verb = Some(verb.to_owned());
        operation
    }

    fn on_object(
        &mut self,
        endpoint: Endpoint,
        kind: Kind,
        action: Action,
        live: &Value,
        body: Option<Value>,
    ) -> usize {
        let base = self::live(kind, live);
        let change = self.change(kind, &base.key.to_string(), action);
        self.changes[change].id = Some(base.id.to_string());
        let id = TemplateText::Text(base.id.to_string());
        let operation = self.operation(endpoint, kind, change, Value::Null);
        operation.call.path_args.push(id);
        operation.call.body = body.map(CallBody::Json);
        operation.base.push(base);
        self.operations.len() - 1
    }

    pub fn group(&mut self, name: &str) -> usize {
        let change = self.change(Kind::UserGroup, name, Action::Create);
        self.operation(Endpoint::UserGroupCreate, Kind::UserGroup, change, json!({ "name": name }));
        self.operations.len() - 1
    }

    /// A user of a group that another operation makes.
    pub fn user(&mut self, name: &str, group: usize) -> usize {
        let change = self.change(Kind::User, name, Action::Create);
        let output = self.id_of(group);
        let body = json!({ "username": name, "groupId": null });
        let operation = self.operation(Endpoint::UserCreate, Kind::User, change, body);
        operation.call.outputs.insert(JsonPointer::new("/groupId"), output);
        operation.needs.push(group);
        self.operations.len() - 1
    }

    /// A connector of a network that another operation makes.
    pub fn connector(&mut self, name: &str, network: usize) -> usize {
        let change = self.change(Kind::NetworkConnector, name, Action::Create);
        let output = self.id_of(network);
        let operation = self.operation(
            Endpoint::NetworkConnectorCreate,
            Kind::NetworkConnector,
            change,
            json!({ "name": name }),
        );
        operation.call.query.push(("networkId".to_owned(), TemplateText::Output(output)));
        operation.needs.push(network);
        self.operations.len() - 1
    }

    pub fn id_of(&self, operation: usize) -> Output {
        let operation = &self.operations[operation];
        Output {
            of: operation.id.clone(),
            change: operation.carries[0].change,
            pointer: JsonPointer::new("/id"),
        }
    }

    pub fn plan(self) -> Arc<Plan> {
        Arc::new(Plan {
            format: Plan::FORMAT,
            tenant: TenantId::from("https://simulated.example"),
            command: "apply".to_owned(),
            base: Base { read_at: self.read_at, ..Base::default() },
            cost: Cost { one_per_object: self.changes.len() as u64, ..Cost::default() },
            changes: self.changes,
            operations: self.operations,
            barriers: self.barriers,
            warnings: vec![],
            problems: vec![],
            fingerprint: "sha256:0".to_owned(),
            delivery: None,
            referrers: Vec::new(),
        })
    }
}

/// A live object of a kind without a parent.
pub fn live(kind: Kind, object: &Value) -> Live {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let key = if kind == Kind::User { text("username") } else { text("name") };
    Live {
        kind,
        id: text("id").into(),
        parent: None,
        key: Key::top(KeyPart::new(key, Compare::Folded)),
        object: object.clone().into(),
        sealed: BTreeMap::new(),
    }
}

/// So many hosts that need nothing.
pub fn hosts(count: usize) -> Arc<Plan> {
    let mut builder = Builder::default();
    for index in 0..count {
        builder.host(&format!("host-{index}"));
    }
    builder.plan()
}

/// A plan of any shape.
pub fn random(random: &mut fastrand::Rng, size: usize) -> Arc<Plan> {
    random_builder(random, size).plan()
}

/// The same, to be added to.
pub fn random_builder(random: &mut fastrand::Rng, size: usize) -> Builder {
    let mut builder = Builder::default();
    let mut groups = vec![];
    let mut networks = vec![];
    for index in 0..size {
        let name = format!("item-{index}");
        match random.u8(0..10) {
            0 => {
                builder.no_op(Kind::Host, &name);
            }
            1 => {
                builder.invalid(Kind::Host, &name);
            }
            2 | 3 => groups.push(builder.group(&name)),
            4 | 5 => {
                let (connectors, routes) = (random.usize(0..4), random.usize(0..3));
                networks.push(builder.network(&name, connectors, routes));
            }
            6 if !groups.is_empty() => {
                builder.user(&name, groups[random.usize(0..groups.len())]);
            }
            7 if !networks.is_empty() => {
                builder.connector(&name, networks[random.usize(0..networks.len())]);
            }
            _ => {
                builder.host(&name);
            }
        }
        // Edges without an output, by `depends_on` or an order of kinds.
        if let Some(last) = builder.operations.len().checked_sub(1).filter(|last| *last > 0) {
            let other = random.usize(0..last);
            let known = builder.operations[last].needs.contains(&other);
            match random.u8(0..6) {
                0 if !known => builder.operations[last].needs.push(other),
                1 if !known && !builder.operations[last].after.contains(&other) => {
                    builder.operations[last].after.push(other);
                }
                _ => {}
            }
        }
    }
    builder
}
