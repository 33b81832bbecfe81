//! What the tests of the planner share: specs written by hand, and a small model of a tenant that carries plans out.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

use connexa_engine::{
    catalog::{self, definition},
    current::{CurrentState, OVERLAP},
    desired::{DesiredState, FieldValue, Item, Parent, Reference, Source, Target},
    key::{Key, KeyPart},
    plan::{Mode, Operation, Plan, PlanOptions, Planning, TemplateText, plan},
    problem::{Place, Problem},
    sorted_map::SortedMap,
};
use connexa_types::{CallBody, Kind, Method, TenantId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Options of a plan for a spec.
pub(crate) fn apply() -> PlanOptions {
    PlanOptions { reads: 3, ..PlanOptions::new(Mode::Apply, "apply") }
}

/// Options of a plan for an imperative batch of creates.
pub(crate) fn create() -> PlanOptions {
    PlanOptions { reads: 3, ..PlanOptions::new(Mode::Create, "create") }
}

/// A value in the API's form.
pub(crate) fn value(json: impl Into<Value>) -> FieldValue {
    FieldValue::Value(json.into())
}

/// The place of everything.
pub(crate) fn place(line: u32) -> Place {
    Place { file: "spec.yaml".into(), line, column: 5 }
}

pub(crate) fn key(kind: Kind, parent: Option<&str>, own: &str) -> Key {
    let own = KeyPart::new(own, definition(kind).key);
    match (kind.parent(), parent) {
        (Some(parent_kind), Some(parent)) => {
            Key::child(KeyPart::new(parent, definition(parent_kind).key), own)
        }
        _ => Key::top(own),
    }
}

/// A reference by name.
pub(crate) fn by_name(kind: Kind, name: &str, path: &str) -> Reference {
    Reference {
        kind,
        target: Target::Key(key(kind, None, name)),
        place: place(99),
        path: path.to_owned(),
        within: None,
    }
}

/// A reference to a user group, as a field.
pub(crate) fn group(name: &str) -> FieldValue {
    FieldValue::Reference(Box::new(by_name(Kind::UserGroup, name, "group")))
}

/// References to networks, as a field.
pub(crate) fn gateways(names: &[&str]) -> FieldValue {
    FieldValue::References(
        names
            .iter()
            .enumerate()
            .map(|(i, name)| by_name(Kind::Network, name, &format!("gateways[{i}]")))
            .collect(),
    )
}

/// A spec in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spec(pub(crate) DesiredState);

impl Spec {
    fn push(
        &mut self,
        kind: Kind,
        key: Option<Key>,
        parent: Option<Parent>,
        mut fields: SortedMap<&'static str, FieldValue>,
    ) -> usize {
        let index = self.0.items.len();
        let line = u32::try_from(index + 1).unwrap();
        if let Some(key) = &key {
            fields.insert(definition(kind).key_name, value(key.own.text.clone()));
        }
        self.0.items.push(Item {
            kind: Ok(kind),
            given: json!({"given": key.as_ref().map(ToString::to_string)}).into(),
            key,
            id: None,
            parent,
            renamed_from: None,
            unit: None,
            depends_on: Vec::new(),
            fields,
            source: Source { file: "spec.yaml".to_owned(), line, index: line - 1 },
            place: place(line),
            prefix: String::new(),
            spots: Vec::new(),
            problems: Vec::new(),
        });
        index
    }

    /// Adds a top-level item.
    pub(crate) fn top<const N: usize>(
        &mut self,
        kind: Kind,
        name: &str,
        fields: [(&'static str, FieldValue); N],
    ) -> usize {
        self.push(kind, Some(key(kind, None, name)), None, fields.into())
    }

    /// Adds a child of an item.
    pub(crate) fn child<const N: usize>(
        &mut self,
        kind: Kind,
        parent: usize,
        name: &str,
        fields: [(&'static str, FieldValue); N],
    ) -> usize {
        let of = self.0.items[parent].key.as_ref().unwrap().own.text.clone();
        self.push(kind, Some(key(kind, Some(&of), name)), Some(Parent::Item(parent)), fields.into())
    }

    /// Adds a child of an object of the tenant.
    pub(crate) fn flat<const N: usize>(
        &mut self,
        kind: Kind,
        parent: &str,
        name: &str,
        fields: [(&'static str, FieldValue); N],
    ) -> usize {
        let reference = by_name(kind.parent().unwrap(), parent, kind.parent().unwrap().singular());
        self.push(
            kind,
            Some(key(kind, Some(parent), name)),
            Some(Parent::Reference(reference)),
            fields.into(),
        )
    }

    /// Pins an item to an object; with no name of its own if `nameless`.
    pub(crate) fn pin(&mut self, index: usize, id: &str, nameless: bool) {
        let item = &mut self.0.items[index];
        item.id = Some(id.into());
        if nameless {
            item.key = None;
            let Ok(kind) = &item.kind else { return };
            item.fields.remove(definition(*kind).key_name);
        }
    }

    /// Gives an item an error, as the reader of an imperative batch does.
    pub(crate) fn spoil(&mut self, index: usize, problem: Problem) {
        self.0.items[index].problems.push(problem);
    }
}

/// A tenant, as far as plans can tell: objects in the response form, by list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant {
    pub(crate) lists: BTreeMap<Kind, Vec<Value>>,
    made: u32,
}

impl Tenant {
    /// Adds an object.
    pub(crate) fn with(mut self, kind: Kind, object: Value) -> Self {
        self.lists.entry(kind).or_default().push(object);
        self
    }

    /// What reading it all shows.
    pub(crate) fn current(&self) -> CurrentState {
        let mut current = CurrentState::new(TenantId::new("https://acme.api.openvpn.com"));
        current.regions = Some(vec!["eu-central-1".to_owned(), "it-mxp".to_owned()]);
        let own_lists = catalog::DEFINITIONS.iter().filter(|d| d.calls.is_some() && !d.carried_by_parent);
        for definition in own_lists {
            let list = self.lists.get(&definition.kind).cloned().unwrap_or_default();
            let objects = list.into_iter().map(|object| (object, BTreeMap::new())).collect();
            current.put_list(definition.kind, objects, 1, true).unwrap();
        }
        current
    }

    /// Carries a plan out. Each call is checked against the form that the API wants.
    pub(crate) fn carry_out(&mut self, plan: &Plan) {
        let mut ids: BTreeMap<usize, String> = BTreeMap::new();
        for operation in &plan.operations {
            let answer = self.call(operation, &ids);
            if operation.call.endpoint.info().method == Method::Delete {
                continue;
            }
            for carried in &operation.carries {
                // A replace is carried by the calls that move references to its object, too.
                if plan.changes[carried.change].kind != operation.kind.singular() && carried.at.is_root() {
                    continue;
                }
                let request = match &operation.call.body {
                    Some(CallBody::Json(body)) => carried.at.get(body).unwrap().clone(),
                    _ => Value::Null,
                };
                // An answer lists the children of the request in its order.
                let object =
                    carried.at.get(&answer).unwrap_or_else(|| panic!("{answer} lacks {}", carried.at));
                assert!(!request.is_null());
                ids.insert(carried.change, object["id"].as_str().unwrap().to_owned());
            }
        }
    }

    fn call(&mut self, operation: &Operation, ids: &BTreeMap<usize, String>) -> Value {
        let text = |text: &TemplateText| match text {
            TemplateText::Text(text) => text.clone(),
            TemplateText::Output(output) => ids[&output.change].clone(),
        };
        let mut body = match operation.call.body.clone() {
            Some(CallBody::Json(body)) => body,
            None => Value::Null,
            other => panic!("a setting has no list: {other:?}"),
        };
        for (at, output) in &operation.call.outputs {
            assert_eq!(at.get(&body), Some(&Value::Null), "an open place holds null");
            assert!(at.put(&mut body, json!(ids[&output.change])));
        }
        let endpoint = operation.call.endpoint;
        let args: Vec<String> = operation.call.path_args.iter().map(text).collect();
        assert_eq!(args.len(), endpoint.path_params());
        let query: BTreeMap<&str, String> =
            operation.call.query.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let required: Vec<&str> =
            endpoint.info().query.iter().filter(|q| q.required).map(|q| q.name).collect();
        assert!(required.iter().all(|name| query.contains_key(name)), "{endpoint} needs {required:?}");
        match endpoint.info().method {
            Method::Post => self.post(operation.kind, body, query.values().next().map(String::as_str)),
            Method::Put => self.put(operation.kind, &args[0], &body),
            Method::Delete => self.delete(operation.kind, &args[0]),
            Method::Get => panic!("a plan reads nothing"),
        }
    }

    fn post(&mut self, kind: Kind, body: Value, parent: Option<&str>) -> Value {
        let mut object = self.make(kind, body);
        let own_list = kind.parent().is_some() && !definition(kind).carried_by_parent;
        if let (true, Some(parent)) = (own_list, parent) {
            object["networkItemId"] = json!(parent);
        }
        let list = match (kind.parent(), parent) {
            (None, None) => self.lists.entry(kind).or_default(),
            (Some(_), Some(_)) if own_list => self.lists.entry(kind).or_default(),
            (Some(parent_kind), Some(parent)) => {
                let parents = self.lists.get_mut(&parent_kind).unwrap();
                let parent = parents.iter_mut().find(|p| p["id"] == parent).unwrap();
                let name = definition(kind).nested_as.unwrap();
                parent
                    .as_object_mut()
                    .unwrap()
                    .entry(name)
                    .or_insert_with(|| json!([]))
                    .as_array_mut()
                    .unwrap()
            }
            _ => panic!("a parent exactly where the kind has one"),
        };
        list.push(object.clone());
        self.assert_unique(kind);
        object
    }

    /// Keys of top-level objects are unique, and no two routes are one network.
    fn assert_unique(&self, kind: Kind) {
        let definition = definition(kind);
        let mut seen = std::collections::BTreeSet::new();
        let list = self.lists.get(&kind).filter(|_| kind.parent().is_none()).into_iter().flatten();
        for object in list {
            let key = definition.key.canonical(object[definition.key_field().response].as_str().unwrap());
            assert!(seen.insert(key.clone()), "two {} are called {key}", kind.plural());
        }
        let networks = self.lists.get(&Kind::Network).into_iter().flatten();
        let routes = networks.filter_map(|network| network["routes"].as_array()).flatten();
        let mut seen = std::collections::BTreeSet::new();
        for route in routes {
            assert!(seen.insert(route["subnet"].as_str().unwrap()), "two routes are {}", route["subnet"]);
        }
    }

    /// The object that a create makes of its body.
    fn make(&mut self, kind: Kind, mut body: Value) -> Value {
        self.made += 1;
        let mut object = json!({"id": format!("{}-{}", kind.singular(), self.made)});
        for child in catalog::nested(kind).filter(|child| child.carried_by_parent) {
            let name = child.nested_as.unwrap();
            let children = body.as_object_mut().unwrap().shift_remove(name).unwrap_or_else(|| json!([]));
            object[name] =
                children.as_array().unwrap().iter().map(|c| self.make(child.kind, c.clone())).collect();
        }
        fill(kind, &mut object, &body, true);
        object
    }

    /// Takes an object away, and its children with it. What others still refer to cannot be deleted.
    fn delete(&mut self, kind: Kind, id: &str) -> Value {
        for (holder, list) in &self.lists {
            let others = list.iter().filter(|object| object["id"] != id && object["networkItemId"] != id);
            let referrer = others.clone().find(|object| names(object, id));
            assert!(referrer.is_none(), "{kind} {id} is still named by {holder} {referrer:?}");
        }
        let mut gone = 0;
        for (holder, list) in &mut self.lists {
            let before = list.len();
            list.retain(|object| object["networkItemId"] != id && (*holder != kind || object["id"] != id));
            gone += before - list.len();
            if let Some(nested) = definition(kind).nested_as.filter(|_| kind.parent() == Some(*holder)) {
                for children in list.iter_mut().filter_map(|object| object[nested].as_array_mut()) {
                    let before = children.len();
                    children.retain(|child| child["id"] != id);
                    gone += before - children.len();
                }
            }
        }
        assert!(gone > 0, "there is no {kind} {id}");
        Value::Null
    }

    fn put(&mut self, kind: Kind, id: &str, body: &Value) -> Value {
        let object = match kind.parent().filter(|_| definition(kind).carried_by_parent) {
            None => self.lists.get_mut(&kind).unwrap().iter_mut().find(|o| o["id"] == id).unwrap(),
            Some(parent) => {
                let name = definition(kind).nested_as.unwrap();
                let parents = self.lists.get_mut(&parent).unwrap().iter_mut();
                let mut children = parents.flat_map(|p| p[name].as_array_mut().unwrap());
                children.find(|o| o["id"] == id).unwrap()
            }
        };
        fill(kind, object, body, false);
        let object = object.clone();
        self.assert_unique(kind);
        object
    }
}

/// Whether an object refers to another; its own children do not count.
fn names(object: &Value, id: &str) -> bool {
    match object {
        Value::String(text) => text == id,
        Value::Array(list) => list.iter().any(|value| names(value, id)),
        Value::Object(map) => {
            let own = ["id", "name", "connectors", "routes", "devices", "networkItemId"];
            map.iter().any(|(name, value)| !own.contains(&name.as_str()) && names(value, id))
        }
        _ => false,
    }
}

/// Writes a request's fields into an object in the response form: a full replacement, defaults filled in.
fn fill(kind: Kind, object: &mut Value, body: &Value, creating: bool) {
    let mut known = Map::new();
    for field in definition(kind).fields {
        if field.create_only && !creating {
            assert!(body.pointer(&format!("/{}", field.request)).is_none(), "an update sends {}", field.name);
            continue;
        }
        let sent = body.pointer(&format!("/{}", field.request)).cloned();
        let stored = sent.or_else(|| field.default.map(|json| serde_json::from_str(json).unwrap()));
        let place: Vec<&str> = field.response.split('/').collect();
        let holder = place[..place.len() - 1].iter().fold(&mut *object, |o, name| {
            o.as_object_mut().unwrap().entry(*name).or_insert_with(|| json!({}))
        });
        let last = place[place.len() - 1];
        match stored {
            Some(stored) => holder[last] = stored,
            None => {
                holder.as_object_mut().unwrap().shift_remove(last);
            }
        }
        known.insert(field.request.split('/').next().unwrap().to_owned(), Value::Null);
    }
    for name in body.as_object().unwrap().keys() {
        assert!(known.contains_key(name), "{kind} takes no `{name}`");
    }
}

/// Puts on record whether routes of different networks may overlap.
pub(crate) fn overlap(current: &mut CurrentState, allowed: bool) {
    current.put_setting(catalog::setting(OVERLAP).unwrap(), Some(json!(allowed)));
}

/// The plan, which must be ready.
pub(crate) fn ready(spec: &Spec, tenant: &Tenant, options: &PlanOptions) -> Plan {
    match plan(&spec.0, &tenant.current(), options) {
        Planning::Ready(plan) => *plan,
        other => panic!("no plan: {other:#?}"),
    }
}

/// The problems of a spec that is refused, as `CODE path`.
pub(crate) fn refused(spec: &Spec, tenant: &Tenant) -> Vec<String> {
    match plan(&spec.0, &tenant.current(), &apply()) {
        Planning::Refused(problems) => problems.iter().map(shown).collect(),
        other => panic!("not refused: {other:#?}"),
    }
}

/// A problem as `CODE path`.
pub(crate) fn shown(problem: &Problem) -> String {
    format!("{} {}", problem.code, problem.path.as_deref().unwrap_or("-"))
}

/// An operation's call on one line, with its body.
pub(crate) fn call(plan: &Plan, operation: usize) -> Value {
    let operation = &plan.operations[operation];
    let text = |text: &TemplateText| match text {
        TemplateText::Text(text) => text.clone(),
        TemplateText::Output(output) => format!("<{} {} {}>", output.of, output.change, output.pointer),
    };
    let mut shown = json!({
        "id": operation.id.0,
        "call": operation.call.endpoint.to_string(),
        "carries": operation.carries.iter().map(|c| json!([c.change, c.at.as_str()])).collect::<Value>(),
    });
    if !operation.call.path_args.is_empty() {
        shown["args"] = operation.call.path_args.iter().map(|t| json!(text(t))).collect();
    }
    if !operation.call.query.is_empty() {
        shown["query"] =
            operation.call.query.iter().map(|(n, t)| json!(format!("{n}={}", text(t)))).collect();
    }
    if let Some(CallBody::Json(body)) = &operation.call.body {
        shown["body"] = body.clone();
    }
    if !operation.call.outputs.is_empty() {
        shown["outputs"] = operation
            .call
            .outputs
            .iter()
            .map(|(at, o)| (at.to_string(), json!(format!("{} {} {}", o.of, o.change, o.pointer))))
            .collect::<Map<_, _>>()
            .into();
    }
    if !operation.needs.is_empty() {
        shown["needs"] = json!(operation.needs);
    }
    if !operation.after.is_empty() {
        shown["after"] = json!(operation.after);
    }
    shown
}

/// Actions of all changes, in order.
pub(crate) fn actions(plan: &Plan) -> Vec<&'static str> {
    plan.changes.iter().map(|c| c.action.as_str()).collect()
}
