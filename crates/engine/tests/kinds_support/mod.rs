//! A tenant that answers as the API reference shows it: ids and fields of its own, lists that are sets in another order,
//! defaults filled in, what is covered as a whole shown with its children.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

use connexa_engine::{
    catalog::{self, SETTINGS, SetCall, definition},
    current::CurrentState,
    plan::{Mode, Operation, Plan, PlanOptions, Planning, TemplateText, Wants, plan},
    spec::{self, Format, Limits, ReadOptions, Reading, SourceText},
};
use connexa_types::{CallBody, Kind, Method, SealingKey};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A tenant.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) lists: BTreeMap<Kind, Vec<Value>>,
    pub(crate) settings: BTreeMap<&'static str, Value>,
    made: u32,
}

/// Reads a spec in YAML, which must be sound.
pub(crate) fn read(text: &str) -> Reading {
    let source = SourceText { name: "spec.yaml".to_owned(), format: Some(Format::Yaml), bytes: text.into() };
    let options =
        ReadOptions { mode: spec::Mode::Spec, strict: false, limits: Limits::default(), creating: false };
    let key = SealingKey::new([3; 32]);
    let reading = spec::read(&[source], &options, &|field, value| key.seal(field, value));
    let errors: Vec<_> = reading.problems.iter().filter(|problem| problem.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    reading
}

impl Tenant {
    /// A network `hq` with a route, a host `bastion`, and two user groups.
    pub(crate) fn new() -> Self {
        let network = json!({
            "id": "n1", "name": "hq", "egress": true, "connectors": [], "systemSubnets": [],
            "routes": [{"id": "r1", "type": "IP_V4", "subnet": "10.10.0.0/16"}],
        });
        let group = |id: &str, name: &str| json!({"id": id, "name": name, "allRegionsIncluded": true, "vpnRegionIds": [], "maxDevice": 3});
        let lists = BTreeMap::from([
            (Kind::Network, vec![network]),
            (Kind::Host, vec![json!({"id": "h1", "name": "bastion", "connectors": []})]),
            (Kind::UserGroup, vec![group("g0", "Default"), group("g1", "engineers")]),
        ]);
        let settings = BTreeMap::from([
            ("wpc.topology", json!("FULL_MESH")),
            ("wpc.subnet", json!({"ipV4Address": ["100.96.0.0/11"], "ipV6Address": ["fd:0:0:8000::/49"]})),
            ("wpc.snat", json!(false)),
            ("wpc.routes_advanced_configuration_enabled", json!(false)),
            ("wpc.ip_allocation_mode", json!("BOTH")),
            (
                "wpc.domain_routing_subnet",
                json!({"ipV4Address": "100.80.0.0/12", "ipV6Address": "fd:0:0:4000::/50"}),
            ),
            ("wpc.default_region", json!("eu-central-1")),
            ("wpc.client_options", json!([])),
            ("users.connection_timeout", json!(0)),
            ("user.device_allowance", json!(3)),
            ("user.profile_distribution", json!("AUTOMATIC")),
            ("user.device_enforcement", json!("OFF")),
            ("user.device_allowance_force_update", json!(false)),
            ("user.connect_auth", json!("ON_PRIOR_AUTH")),
            ("dns.zones", json!({"zones": []})),
            ("dns.proxy_enabled", json!(false)),
            ("dns.default_suffix", json!("")),
            ("dns.custom_servers", Value::Null),
            ("auth.two_factor_auth", json!(false)),
            ("auth.trusted_devices_allowed", json!(true)),
            ("dns_log", json!(false)),
            ("access_visibility", json!(false)),
        ]);
        assert_eq!(settings.len(), SETTINGS.len());
        Self { lists, settings, made: 0 }
    }

    /// What reading the wanted parts of it shows.
    fn answer(&self, wants: Wants, current: &mut CurrentState) {
        for kind in wants.unread.into_iter().chain(wants.second_pass) {
            let list = self.lists.get(&kind).cloned().unwrap_or_default();
            let objects = list.into_iter().map(|object| (object, BTreeMap::new())).collect();
            current.put_list(kind, objects, 1, true).unwrap();
        }
        if wants.regions {
            current.regions = Some(vec!["eu-central-1".to_owned(), "it-mxp".to_owned()]);
        }
        let overlap = wants.overlap_setting.then_some(connexa_engine::current::OVERLAP);
        for path in wants.settings.into_iter().chain(overlap) {
            current.put_setting(catalog::setting(path).unwrap(), Some(self.settings[path].clone()));
        }
    }

    /// What planning comes to, after reading what it wants.
    pub(crate) fn planning(&self, text: &str) -> Planning {
        self.planning_with(text, &PlanOptions::new(Mode::Apply, "apply"))
    }

    /// The same under options.
    pub(crate) fn planning_with(&self, text: &str, options: &PlanOptions) -> Planning {
        let reading = read(text);
        let mut current = CurrentState::new("https://acme.api.openvpn.com".into());
        for _turn in 0..4 {
            match plan(&reading.desired, &current, options) {
                Planning::Wants(wants) => self.answer(wants, &mut current),
                done => return done,
            }
        }
        panic!("planning wants more and more");
    }

    /// The plan, which must be ready.
    pub(crate) fn plan(&self, text: &str) -> Plan {
        match self.planning(text) {
            Planning::Ready(plan) => *plan,
            other => panic!("{other:#?}\n{text}"),
        }
    }

    /// Problems as `CODE path`, of a plan or of a refused spec.
    pub(crate) fn problems(&self, text: &str) -> Vec<String> {
        let problems = match self.planning(text) {
            Planning::Ready(plan) => plan.problems,
            Planning::Refused(problems) => problems,
            other @ Planning::Wants(_) => panic!("{other:#?}"),
        };
        problems.iter().map(|p| format!("{} {}", p.code, p.path.as_deref().unwrap_or("-"))).collect()
    }

    /// Carries a plan out.
    pub(crate) fn carry_out(&mut self, plan: &Plan) {
        let mut ids: BTreeMap<usize, String> = BTreeMap::new();
        for operation in &plan.operations {
            let answer = self.call(operation, &ids);
            for carried in &operation.carries {
                if let Some(id) = carried.at.get(&answer).and_then(|object| object["id"].as_str()) {
                    ids.insert(carried.change, id.to_owned());
                }
            }
        }
    }

    fn call(&mut self, operation: &Operation, ids: &BTreeMap<usize, String>) -> Value {
        if operation.kind == Kind::Setting {
            self.set(operation);
            return Value::Null;
        }
        let text = |text: &TemplateText| match text {
            TemplateText::Text(text) => text.clone(),
            TemplateText::Output(output) => ids[&output.change].clone(),
        };
        let Some(CallBody::Json(mut body)) = operation.call.body.clone() else { panic!("a body") };
        for (at, output) in &operation.call.outputs {
            assert_eq!(at.get(&body), Some(&Value::Null), "an open place holds null");
            assert!(at.put(&mut body, json!(ids[&output.change])));
        }
        let kind = operation.kind;
        match operation.call.endpoint.info().method {
            Method::Post => {
                let parent = operation.call.query.first().map(|(_, id)| text(id));
                self.made += 1;
                let mut object = json!({"id": format!("{}-{}", kind.singular(), self.made)});
                for child in catalog::nested(kind).filter(|child| child.carried_by_parent) {
                    let name = child.nested_as.unwrap();
                    let children =
                        body.as_object_mut().unwrap().shift_remove(name).unwrap_or_else(|| json!([]));
                    let children =
                        children.as_array().unwrap().iter().enumerate().map(|(index, child_body)| {
                            let mut object = json!({"id": format!("{name}-{}-{index}", self.made)});
                            write(child.kind, child_body, &mut object);
                            object
                        });
                    object[name] = children.collect();
                }
                write(kind, &body, &mut object);
                if let Some(parent) = parent {
                    assert!(!definition(kind).carried_by_parent, "the tests make no single nested children");
                    object["networkItemId"] = parent.into();
                    object["networkItemType"] = kind.parent().unwrap().singular().to_uppercase().into();
                }
                self.lists.entry(kind).or_default().push(object.clone());
                object
            }
            Method::Put => {
                let id = text(&operation.call.path_args[0]);
                let object = self.lists.get_mut(&kind).unwrap().iter_mut().find(|o| o["id"] == *id).unwrap();
                write(kind, &body, object);
                object.clone()
            }
            other => panic!("no plan of these tests makes a {other}"),
        }
    }

    fn set(&mut self, operation: &Operation) {
        let endpoint = operation.call.endpoint;
        let (setting, value) = SETTINGS
            .iter()
            .find_map(|setting| {
                let value = match (setting.set, &operation.call.body) {
                    (SetCall::Json(known), Some(CallBody::Json(value))) if known == endpoint => value.clone(),
                    (SetCall::Text(known), Some(CallBody::Text(text))) if known == endpoint => json!(text),
                    (SetCall::Switch { enable, .. }, None) if enable == endpoint => json!(true),
                    (SetCall::Switch { disable, .. }, None) if disable == endpoint => json!(false),
                    _ => return None,
                };
                Some((setting, value))
            })
            .unwrap_or_else(|| panic!("no setting is set by {endpoint} with {:?}", operation.call.body));
        let stored = match setting.path {
            "dns.custom_servers" if value == json!({}) => Value::Null,
            "wpc.subnet" => turned(&value),
            _ => value,
        };
        self.settings.insert(setting.path, stored);
    }
}

/// Replaces an object's own fields by those of a request, in the answer's form.
fn write(kind: Kind, body: &Value, object: &mut Value) {
    let mut shown = Map::new();
    let mut known = Vec::new();
    for field in definition(kind).fields {
        let first = field.request.split('/').next().unwrap();
        known.push(first);
        if let Some(sent) = body.get(first).filter(|sent| !sent.is_null()) {
            let name = field.response.split('/').next().unwrap();
            shown.insert(name.to_owned(), answered(kind, name, sent));
        }
    }
    for name in body.as_object().unwrap().keys() {
        assert!(known.contains(&name.as_str()), "{kind} takes no `{name}`: {body}");
    }
    let object = object.as_object_mut().unwrap();
    for field in definition(kind).fields {
        object.shift_remove(field.response.split('/').next().unwrap());
    }
    object.extend(shown);
}

/// A field as the API reference shows it in answers.
fn answered(kind: Kind, name: &str, sent: &Value) -> Value {
    let list =
        || sent.as_array().unwrap_or_else(|| panic!("{kind}: `{name}` is no list: {sent}")).iter().rev();
    match (kind, name) {
        (Kind::NetworkApplication | Kind::HostApplication, "routes") => list()
            .enumerate()
            .map(|(index, route)| {
                members(route, &["value", "allowEmbeddedIp", "exactMatch"]);
                let mut shown = json!({
                    "id": format!("d{index}"), "type": "DOMAIN", "domain": route["value"],
                    "allowEmbeddedIp": route["allowEmbeddedIp"],
                });
                if kind == Kind::NetworkApplication {
                    shown["exactMatch"] = route["exactMatch"].clone();
                } else {
                    members(route, &["value", "allowEmbeddedIp"]);
                }
                shown
            })
            .collect(),
        (Kind::NetworkIpService, "routes") => list()
            .enumerate()
            .map(|(index, route)| {
                members(route, &["value"]);
                // Host bits are kept as somebody else may have sent them.
                let subnet = route["value"].as_str().unwrap().replace(".0.0/16", ".7.9/16");
                json!({"id": format!("s{index}"), "parentRouteId": "r1", "type": "IP_V4", "subnet": subnet})
            })
            .collect(),
        (_, "config") => {
            members(sent, &["serviceTypes", "customServiceTypes"]);
            let mut config = turned(sent);
            for entry in config["customServiceTypes"].as_array_mut().into_iter().flatten() {
                members(entry, &["protocol", "port", "icmpType"]);
                for ranges in ["port", "icmpType"] {
                    for range in entry.get_mut(ranges).and_then(Value::as_array_mut).into_iter().flatten() {
                        members(range, &["lowerValue", "upperValue"]);
                        if range["lowerValue"] == range["upperValue"] {
                            *range = json!({"value": range["lowerValue"]});
                        }
                    }
                }
                let other = if entry["protocol"] == "ICMP" { "port" } else { "icmpType" };
                entry[other] = json!([]);
            }
            config
        }
        (Kind::AccessGroup, "source" | "destination") => list()
            .map(|item| {
                members(item, &["type", "allCovered", "parent", "children"]);
                let mut shown = turned(item);
                if item["allCovered"] == json!(true) && item.get("parent").is_some() {
                    shown["children"] = json!(["some", "others"]);
                }
                shown
            })
            .collect(),
        (_, "ipCheck") => {
            let mut check = turned(sent);
            for range in check["ips"].as_array_mut().into_iter().flatten() {
                members(range, &["ip", "description"]);
                if range.get("description").is_none() {
                    range["description"] = json!("");
                }
            }
            check
        }
        (Kind::NetworkRoute, _) => sent.clone(),
        _ => turned(sent),
    }
}

fn members(object: &Value, known: &[&str]) {
    let odd: Vec<_> =
        object.as_object().unwrap().keys().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(odd.is_empty(), "a request takes no {odd:?}: {object}");
}

/// A value whose lists run backwards.
fn turned(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().rev().map(turned).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, value)| (name.clone(), turned(value))).collect())
        }
        other => other.clone(),
    }
}
