//! A tenant as a service, written from the tables of the catalog: creates with children on board, full replacement,
//! cascades, references that are checked, and dropped where their object goes; lists that may lag behind.

use super::sim::clock::SimClock;
use connexa_engine::{
    catalog::{self, DEFINITIONS, Definition, Field, FieldType},
    ports::{Clock as _, Provider},
};
use connexa_types::{
    Answer, AnswerBody, Attempt, Call, CallBody, Class, Endpoint, ErrorResponse, Gone, Kind, Method, Mono,
    Outcome, Reason, Rejection, SecretValues, TenantId, Why,
};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

/// What becomes of a changing call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Fine,
    Rejected(u16),
    Throttled,
    LostBefore,
    LostAfter,
    Unauthorized,
}

/// Decides on changing calls, told how many came before.
pub type Fates = Box<dyn FnMut(&Call, usize) -> Fate + Send>;

#[derive(Clone, Debug)]
pub struct Object {
    pub kind: Kind,
    pub id: String,
    pub parent: Option<String>,
    /// In the response's form, children left out.
    pub fields: Map<String, Value>,
}

/// All that the tenant holds.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub objects: Vec<Object>,
    pub settings: BTreeMap<&'static str, Value>,
}

pub struct State {
    pub content: Content,
    /// What it held after each change.
    history: Vec<(Mono, Content)>,
    /// Lists show what was there so long ago.
    pub lag: Duration,
    pub fates: Option<Fates>,
    /// Changing calls that arrived, and whether they were applied.
    pub ledger: Vec<(Call, bool)>,
    /// Reading calls that arrived.
    pub reads: Vec<Call>,
    /// Called before each call: somebody else changes things.
    #[allow(clippy::type_complexity, reason = "named nowhere else")]
    pub meddle: Option<Box<dyn FnMut(&Call, &mut Content) + Send>>,
    numbers: u64,
}

pub struct Tenant {
    clock: SimClock,
    id: TenantId,
    state: Mutex<State>,
}

type Refused = (u16, Option<Gone>, &'static str);

impl Tenant {
    pub fn new(clock: &SimClock) -> Arc<Self> {
        let state = State {
            content: Content::default(),
            history: Vec::new(),
            lag: Duration::ZERO,
            fates: None,
            ledger: Vec::new(),
            reads: Vec::new(),
            meddle: None,
            numbers: 0,
        };
        let id = "https://simulated.example".into();
        Arc::new(Self { clock: clock.clone(), id, state: Mutex::new(state) })
    }

    /// Another one that holds the same.
    pub fn fork(&self, clock: &SimClock) -> Arc<Self> {
        let fork = Self::new(clock);
        let own = self.state();
        let mut state = fork.state();
        state.content.clone_from(&own.content);
        state.numbers = own.numbers;
        drop((own, state));
        fork
    }

    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn send(&self, call: &Call) -> Attempt {
        const WAY: Duration = Duration::from_millis(5);
        let sent_at = self.clock.now().mono;
        self.clock.pass_until(sent_at + WAY).await;
        let now = self.clock.now().mono;
        let outcome = self.state().arrive(call, now);
        self.clock.pass_until(now + WAY).await;
        let ended_at = self.clock.now().mono;
        Attempt { outcome, quota: None, wire_calls: 1, token_calls: 0, sent_at, ended_at, product: None }
    }
}

impl Provider for Tenant {
    fn tenant(&self) -> &TenantId {
        &self.id
    }

    fn attempt<'a>(&'a self, call: &'a Call, _: &'a SecretValues, _: Duration) -> BoxFuture<'a, Attempt> {
        Box::pin(self.send(call))
    }
}

impl State {
    fn arrive(&mut self, call: &Call, now: Mono) -> Outcome {
        if let Some(meddle) = &mut self.meddle {
            meddle(call, &mut self.content);
        }
        if call.class() == Class::Read {
            self.reads.push(call.clone());
            return match self.read(call, now) {
                Ok(value) => answer(call, &value),
                Err(refused) => refusal(refused),
            };
        }
        let before = self.ledger.len();
        let fate = self.fates.as_mut().map_or(Fate::Fine, |fates| fates(call, before));
        let lost = || Outcome::Indeterminate(Why::new(Reason::Reset, "simulated"));
        let done = match fate {
            Fate::Fine | Fate::LostAfter => self.change(call, now),
            Fate::Rejected(status) => Err((status, None, "simulated refusal")),
            Fate::LostBefore | Fate::Throttled | Fate::Unauthorized => Err((0, None, "")),
        };
        self.ledger.push((call.clone(), done.is_ok()));
        match (fate, done) {
            (Fate::LostBefore | Fate::LostAfter, _) => lost(),
            (Fate::Throttled, _) => Outcome::Throttled(None),
            (Fate::Unauthorized, _) => Outcome::Unauthorized,
            (_, Ok(value)) => answer(call, &value),
            (_, Err(refused)) => refusal(refused),
        }
    }

    fn change(&mut self, call: &Call, now: Mono) -> Result<Value, Refused> {
        let before = self.content.clone();
        if self.history.is_empty() {
            self.history.push((Mono::ZERO, before.clone()));
        }
        let done = self.apply(call);
        if done.is_err() {
            self.content = before;
        }
        self.history.push((now, self.content.clone()));
        done
    }

    #[allow(clippy::unnecessary_wraps, reason = "as the other calls")]
    fn read(&self, call: &Call, now: Mono) -> Result<Value, Refused> {
        let content = if self.lag.is_zero() {
            &self.content
        } else {
            let seen = self.history.iter().rev().find(|(at, _)| *at + self.lag <= now);
            seen.map_or(&self.content, |(_, content)| content)
        };
        if let Some(definition) =
            DEFINITIONS.iter().find(|d| d.calls.is_some_and(|c| c.list == call.endpoint))
        {
            let all = content.list(definition.kind);
            return Ok(json!({
                "content": all, "totalElements": all.len(), "totalPages": 1, "page": 0, "size": 1000,
                "numberOfElements": all.len(),
            }));
        }
        let path = call.endpoint.info().path;
        Ok(content.settings.get(path).cloned().unwrap_or(json!(false)))
    }

    fn apply(&mut self, call: &Call) -> Result<Value, Refused> {
        let endpoint = call.endpoint;
        for definition in DEFINITIONS {
            let Some(calls) = definition.calls else { continue };
            if calls.create == endpoint {
                return self.create(definition, call);
            } else if calls.update == endpoint {
                return self.update(definition, call);
            } else if calls.delete == endpoint {
                return self.delete(definition, call);
            }
        }
        let info = endpoint.info();
        if info.path.starts_with("/settings/") && info.method == Method::Put {
            let value = match &call.body {
                Some(CallBody::Json(value)) => value.clone(),
                Some(CallBody::Text(text)) => json!(text),
                None => Value::Null,
            };
            self.content.settings.insert(info.path, value.clone());
            return Ok(value);
        }
        let status = match endpoint {
            Endpoint::UserSuspend => "SUSPENDED",
            Endpoint::UserActivate => "ACTIVE",
            _ => return Ok(Value::Null),
        };
        let user = self.content.find_mut(Kind::User, &call.path_args[0])?;
        user.fields.insert("status".to_owned(), json!(status));
        let user = user.clone();
        Ok(self.content.shown(&user))
    }

    fn create(&mut self, definition: &'static Definition, call: &Call) -> Result<Value, Refused> {
        let parent = match definition.kind.parent() {
            Some(kind) => {
                let name = definition.parent_query.unwrap();
                let (_, id) =
                    call.query.iter().find(|(query, _)| query == name).ok_or((400, None, "parent"))?;
                Some(self.content.find(kind, id)?.id.clone())
            }
            None => None,
        };
        let Some(CallBody::Json(body)) = &call.body else { return Err((400, None, "body")) };
        let id = self.make(definition, body, parent)?;
        let object = self.content.find(definition.kind, &id)?.clone();
        Ok(self.content.shown(&object))
    }

    fn make(
        &mut self,
        definition: &'static Definition,
        body: &Value,
        parent: Option<String>,
    ) -> Result<String, Refused> {
        self.numbers += 1;
        let kind = definition.kind;
        let id = format!("{}-{}", kind.singular(), self.numbers);
        let mut fields = Map::new();
        self.content.fill(definition, &mut fields, body, true)?;
        if kind == Kind::User {
            fields.insert("status".to_owned(), json!("ACTIVE"));
        }
        self.content.objects.push(Object { kind, id: id.clone(), parent, fields });
        self.content.check(definition)?;
        for child in catalog::nested(kind).filter(|child| child.carried_by_parent) {
            let list = body.get(child.nested_as.unwrap()).and_then(Value::as_array);
            for element in list.into_iter().flatten() {
                self.make(child, element, Some(id.clone()))?;
            }
        }
        Ok(id)
    }

    fn update(&mut self, definition: &'static Definition, call: &Call) -> Result<Value, Refused> {
        let Some(CallBody::Json(body)) = &call.body else { return Err((400, None, "body")) };
        let mut fields = self.content.find(definition.kind, &call.path_args[0])?.fields.clone();
        self.content.fill(definition, &mut fields, body, false)?;
        let object = self.content.find_mut(definition.kind, &call.path_args[0])?;
        object.fields = fields;
        let object = object.clone();
        self.content.check(definition)?;
        Ok(self.content.shown(&object))
    }

    fn delete(&mut self, definition: &'static Definition, call: &Call) -> Result<Value, Refused> {
        let id = self.content.find(definition.kind, &call.path_args[0])?.id.clone();
        let mut gone = vec![id.clone()];
        gone.extend(
            self.content.objects.iter().filter(|o| o.parent.as_ref() == Some(&id)).map(|o| o.id.clone()),
        );
        let content = &mut self.content;
        content.objects.retain(|object| !gone.contains(&object.id));
        for object in &mut content.objects {
            for field in catalog::definition(object.kind).fields {
                let Some(value) = object.fields.get_mut(field.response) else { continue };
                match field.ty {
                    FieldType::Reference(_) if names(value, &gone) => return Err((400, None, "has members")),
                    FieldType::References(Kind::Network) if names(value, &gone) => {
                        return Err((400, None, "is a gateway"));
                    }
                    FieldType::References(_) if object.kind == Kind::User && names(value, &gone) => {
                        return Err((400, None, "has members"));
                    }
                    FieldType::References(_) | FieldType::AccessItems(_) => drop_names(value, &gone),
                    _ => {}
                }
            }
        }
        Ok(Value::Null)
    }
}

impl Content {
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(move |object| object.kind == kind)
    }

    /// The list of a kind.
    pub fn list(&self, kind: Kind) -> Vec<Value> {
        self.of(kind).map(|object| self.shown(object)).collect()
    }

    pub fn named(&mut self, kind: Kind, key: &str) -> &mut Object {
        let field = catalog::definition(kind).key_field().response;
        self.objects.iter_mut().find(|o| o.kind == kind && o.fields[field] == key).unwrap()
    }

    fn find(&self, kind: Kind, id: &str) -> Result<&Object, Refused> {
        self.of(kind).find(|object| object.id == id).ok_or((404, Some(Gone::Target), "not found"))
    }

    fn find_mut(&mut self, kind: Kind, id: &str) -> Result<&mut Object, Refused> {
        let found = self.objects.iter_mut().find(|object| object.kind == kind && object.id == id);
        found.ok_or((404, Some(Gone::Target), "not found"))
    }

    /// An object as lists and answers show it.
    fn shown(&self, object: &Object) -> Value {
        let mut shown = Map::from_iter([("id".to_owned(), json!(object.id))]);
        shown.extend(object.fields.clone());
        if let (Some(parent), false) = (&object.parent, catalog::definition(object.kind).carried_by_parent) {
            shown.insert("networkItemId".to_owned(), json!(parent));
        }
        for child in catalog::nested(object.kind).filter(|child| child.carried_by_parent) {
            let children = self.of(child.kind).filter(|o| o.parent.as_ref() == Some(&object.id));
            shown.insert(child.nested_as.unwrap().to_owned(), children.map(|o| self.shown(o)).collect());
        }
        Value::Object(shown)
    }

    /// Writes a request's fields: a full replacement, defaults filled in.
    fn fill(
        &self,
        definition: &'static Definition,
        fields: &mut Map<String, Value>,
        body: &Value,
        creating: bool,
    ) -> Result<(), Refused> {
        for field in definition.fields.iter().filter(|field| creating || !field.create_only) {
            let place = |names: &str| format!("/{names}");
            let sent = body.pointer(&place(field.request)).filter(|value| !value.is_null());
            let stored = match sent {
                Some(value) => Some(self.stored(field, value)?),
                None => field.default.map(|json| serde_json::from_str(json).unwrap()),
            };
            let mut object = Value::Object(std::mem::take(fields));
            let names: Vec<&str> = field.response.split('/').collect();
            match stored {
                Some(value) => {
                    let mut at = &mut object;
                    for name in &names {
                        at = &mut at[*name];
                    }
                    *at = value;
                }
                None => {
                    object.as_object_mut().unwrap().shift_remove(names[0]);
                }
            }
            let Value::Object(kept) = object else { unreachable!() };
            *fields = kept;
        }
        Ok(())
    }

    /// A value in the response's form. What it refers to must be there.
    fn stored(&self, field: &Field, value: &Value) -> Result<Value, Refused> {
        let known = |id: &Value| {
            let is_there = self.objects.iter().any(|object| id == object.id.as_str());
            if is_there { Ok(()) } else { Err((400, None, "names what is not there")) }
        };
        let shown_as = |name: &str| -> Value {
            let list = value.as_array().unwrap().iter().map(|element| {
                let mut element = element.clone();
                if let Some(value) = element.as_object_mut().and_then(|element| element.shift_remove("value"))
                {
                    element[name] = value;
                }
                element
            });
            list.collect()
        };
        match field.ty {
            FieldType::Reference(_) => known(value)?,
            FieldType::References(_) => value.as_array().unwrap().iter().try_for_each(known)?,
            FieldType::AccessItems(_) => {
                for item in value.as_array().unwrap() {
                    item.get("parent").into_iter().try_for_each(known)?;
                    let children = item.get("children").and_then(Value::as_array).into_iter().flatten();
                    for child in children {
                        known(child)?;
                    }
                }
            }
            FieldType::Domains { .. } => return Ok(shown_as("domain")),
            FieldType::Subnets => return Ok(shown_as("subnet")),
            _ => {}
        }
        Ok(value.clone())
    }

    /// Keys of top-level objects are unique, networks and hosts together.
    fn check(&self, definition: &Definition) -> Result<(), Refused> {
        if definition.kind.parent().is_some() {
            return Ok(());
        }
        let space = |kind: Kind| if kind == Kind::Host { Kind::Network } else { kind };
        let mut seen = std::collections::BTreeSet::new();
        for object in self.objects.iter().filter(|object| space(object.kind) == space(definition.kind)) {
            let of = catalog::definition(object.kind);
            let key = of.key.canonical(object.fields[of.key_field().response].as_str().unwrap());
            if !seen.insert(key) {
                return Err((400, None, "the name is taken"));
            }
        }
        Ok(())
    }

    /// The tenant without ids: each object under its names, references by name, sets in one order.
    pub fn canonical(&self) -> BTreeMap<String, Value> {
        let name = |object: &Object| -> String {
            let own = &object.fields[catalog::definition(object.kind).key_field().response];
            let parent = object.parent.as_ref().and_then(|id| self.objects.iter().find(|o| o.id == *id));
            let of = parent.map_or(Value::Null, |parent| {
                parent.fields[catalog::definition(parent.kind).key_field().response].clone()
            });
            format!("{}/{of}/{own}", object.kind)
        };
        let names: BTreeMap<&str, String> =
            self.objects.iter().map(|object| (object.id.as_str(), name(object))).collect();
        let mut canonical: BTreeMap<String, Value> = BTreeMap::new();
        for object in &self.objects {
            let fields = nameless(&Value::Object(object.fields.clone()), &names);
            let mut at = names[object.id.as_str()].clone();
            while canonical.contains_key(&at) {
                at.push('+');
            }
            canonical.insert(at, fields);
        }
        // What was never set is off.
        for (path, value) in self.settings.iter().filter(|(_, value)| **value != json!(false)) {
            canonical.insert((*path).to_owned(), value.clone());
        }
        canonical
    }
}

fn nameless(value: &Value, names: &BTreeMap<&str, String>) -> Value {
    match value {
        Value::String(text) => json!(names.get(text.as_str()).unwrap_or(text)),
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(|value| nameless(value, names)).collect();
            list.sort_by_key(Value::to_string);
            list.into()
        }
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| **value != json!([]) && !value.is_null());
            let mut kept: Vec<_> = kept.map(|(name, value)| (name.clone(), nameless(value, names))).collect();
            kept.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(kept.into_iter().collect())
        }
        other => other.clone(),
    }
}

fn names(value: &Value, gone: &[String]) -> bool {
    match value {
        Value::String(text) => gone.contains(text),
        Value::Array(list) => list.iter().any(|value| names(value, gone)),
        _ => false,
    }
}

fn drop_names(value: &mut Value, gone: &[String]) {
    let is_gone = |value: &Value| value.as_str().is_some_and(|id| gone.iter().any(|gone| gone == id));
    let Value::Array(list) = value else { return };
    list.retain_mut(|element| {
        if is_gone(element) || element.get("parent").is_some_and(is_gone) {
            return false;
        }
        if let Some(children) = element.get_mut("children").and_then(Value::as_array_mut) {
            let before = children.len();
            children.retain(|child| !is_gone(child));
            return before == children.len() || !children.is_empty();
        }
        true
    });
}

fn answer(call: &Call, value: &Value) -> Outcome {
    let body = if value.is_null() { AnswerBody::Empty } else { AnswerBody::Json(value.clone()) };
    Outcome::Applied(Answer { status: call.endpoint.info().status, body, sealed: BTreeMap::new() })
}

fn refusal((status, gone, text): Refused) -> Outcome {
    let error = ErrorResponse { error_message: Some(text.to_owned()), ..ErrorResponse::default() };
    Outcome::Rejected(Rejection { status, gone, error: Some(error), text: String::new() })
}
