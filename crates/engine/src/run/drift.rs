//! Drift: whether what an operation rests on is still so, when its call is about to go out (design: run).
//!
//! The plan's base says how the objects were when it was made. Once that is too old, the lists that show them are read
//! again, one list for all operations that rest on it, and compared field by field.

use super::{applied::same, effect::Reading, ruling::quoted};
use crate::{
    catalog::{self, Field, FieldType},
    current::{CurrentState, Live, is_unset},
    forms::canonical,
    plan::{Operation, Plan},
    shared_json::SharedJson,
};
use connexa_types::{Call, CallBody, Kind, Method, Mono, TenantId};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

/// What is known of the tenant since the plan was made.
#[derive(Debug)]
pub(super) struct Fresh {
    /// How old the plan's base was when the run began.
    base_age: Duration,
    began: Mono,
    /// Lists as they were read again.
    state: CurrentState,
    settings: BTreeMap<&'static str, Value>,
    /// When each reading began and ended last.
    read: BTreeMap<Reading, (Mono, Mono)>,
    /// Ids of objects that this run has changed, made or removed: no drift.
    changed: HashMap<String, u64>,
    made: HashMap<String, u64>,
    removed: HashMap<String, u64>,
    /// How often that was noted: what an undo rests on is what this run has done by then, so that only what it did later
    /// is no drift.
    touches: u64,
    /// Changed objects as this run left them.
    left: HashMap<String, SharedJson>,
}

/// What is taken for new by what takes something back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    /// What was read since then.
    pub(super) read: Mono,
    /// What this run touched after so many times.
    pub(super) touches: u64,
}

/// What a look at an operation's base came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// As it was.
    Same,
    /// These must be read again before that can be said.
    Stale(BTreeSet<Reading>),
    /// The object that the call is for is not there any more.
    Gone,
    /// In words, what has changed.
    Drifted(String),
}

impl Fresh {
    /// Nothing is known but the plan. `base_age`: how old its base is; `None` if nobody knows.
    pub(super) fn new(tenant: TenantId) -> Self {
        Self {
            base_age: Duration::MAX,
            began: Mono::ZERO,
            state: CurrentState::new(tenant),
            settings: BTreeMap::new(),
            read: BTreeMap::new(),
            changed: HashMap::new(),
            made: HashMap::new(),
            removed: HashMap::new(),
            touches: 0,
            left: HashMap::new(),
        }
    }

    /// The run begins. `base_age`: how old the plan's base is; `None` if nobody knows.
    pub(super) fn begin(&mut self, base_age: Option<Duration>, now: Mono) {
        self.base_age = base_age.unwrap_or(Duration::MAX);
        self.began = now;
    }

    /// The lists as they were read last.
    pub(super) fn state(&self) -> &CurrentState {
        &self.state
    }

    pub(super) fn state_mut(&mut self) -> &mut CurrentState {
        &mut self.state
    }

    /// Notes that something has been read.
    pub(super) fn read(&mut self, what: Reading, begun: Mono, now: Mono) {
        self.read.insert(what, (begun, now));
    }

    /// When the last whole reading of something began; `None` before there was one.
    pub(super) fn begun(&self, what: Reading) -> Option<Mono> {
        self.read.get(&what).map(|(begun, _)| *begun)
    }

    pub(super) fn put_setting(&mut self, path: &'static str, value: Value, begun: Mono, now: Mono) {
        self.settings.insert(path, value);
        self.read(Reading::Setting(path), begun, now);
    }

    pub(super) fn setting(&self, path: &str) -> Option<&Value> {
        self.settings.get(path)
    }

    /// Notes what an operation did to its object.
    pub(super) fn applied(&mut self, operation: &Operation, method: Method) {
        self.touches += 1;
        for (place, live) in operation.base.iter().enumerate() {
            match method {
                // What goes with a deleted object is gone too.
                Method::Delete => {
                    self.removed.insert(live.id.to_string(), self.touches);
                }
                _ if place == 0 => {
                    self.changed.insert(live.id.to_string(), self.touches);
                }
                _ => {}
            }
        }
    }

    /// How often this run has touched objects.
    pub(super) const fn touches(&self) -> u64 {
        self.touches
    }

    /// Whether something has been read since an undo began.
    pub(super) fn is_read_since(&self, what: Reading, since: Since) -> bool {
        self.begun(what).is_some_and(|begun| begun >= since.read)
    }

    /// Notes an object that this run made.
    pub(super) fn made(&mut self, id: &str) {
        self.touches += 1;
        self.made.insert(id.to_owned(), self.touches);
    }

    /// Whether this run made an object.
    pub(super) fn has_made(&self, id: &str) -> bool {
        self.made.contains_key(id)
    }

    /// Notes how this run left an object that it changed.
    pub(super) fn left(&mut self, id: &str, object: SharedJson) {
        self.left.insert(id.to_owned(), object);
    }

    /// The fields in which an object is not as it was before an operation that rests on it, in spec names: as the plan's
    /// base has it, or as an earlier operation of this run left it.
    pub(super) fn changed_in(&self, base: &Live, live: &Live) -> Vec<String> {
        match self.left.get(base.id.as_str()).filter(|_| self.changed.contains_key(base.id.as_str())) {
            Some(left) => self.differing(&Live { object: left.clone(), ..base.clone() }, live),
            None => self.differing(base, live),
        }
    }

    fn age(&self, what: Reading, now: Mono) -> Duration {
        match self.read.get(&what) {
            Some((_, at)) => now.saturating_since(*at),
            None => self.base_age.saturating_add(now.saturating_since(self.began)),
        }
    }

    /// Looks at the base of an operation. `window`: how old what it rests on may be. `just_read`: whether it has been
    /// read for this operation, so that it is as new as it can be.
    pub(super) fn look(
        &self,
        plan: &Plan,
        operation: &Operation,
        window: Duration,
        just_read: bool,
        since: Option<Since>,
        now: Mono,
    ) -> Base {
        let readings: BTreeSet<Reading> = operation.base.iter().filter_map(reading).collect();
        if !just_read {
            let is_stale = |what: &Reading| {
                self.age(*what, now) >= window || since.is_some_and(|since| !self.is_read_since(*what, since))
            };
            let stale: BTreeSet<Reading> = readings.iter().copied().filter(is_stale).collect();
            if !stale.is_empty() {
                return Base::Stale(stale);
            }
        }
        for (place, base) in operation.base.iter().enumerate() {
            let Some(what) = reading(base).filter(|what| self.read.contains_key(what)) else { continue };
            if is_later(&self.removed, base.id.as_str(), since)
                || is_later(&self.changed, base.id.as_str(), since)
            {
                continue;
            }
            let words = || format!("{} `{}`", base.kind.singular().replace('_', " "), base.key);
            let differing = match what {
                Reading::Setting(path) => self.setting_differs(base, path),
                Reading::List(_) => {
                    match self.state.kind(base.kind).and_then(|kind| kind.by_id(base.id.as_str())) {
                        Some(live) => self.differing(base, live),
                        None if place == 0 => return Base::Gone,
                        None => return Base::Drifted(format!("{} is gone", words())),
                    }
                }
            };
            if !differing.is_empty() {
                return Base::Drifted(format!("{} has changed in {}", words(), quoted(&differing)));
            }
        }
        match self.stranger(plan, operation, since) {
            Some(stranger) => Base::Drifted(format!(
                "{} `{}`, which would go with it, has come",
                stranger.kind.singular().replace('_', " "),
                stranger.key
            )),
            None => Base::Same,
        }
    }

    /// A call as it would be sent now: without the ids of objects that this run has removed meanwhile.
    pub(super) fn as_it_is_now<'c>(&self, call: &'c Call) -> Cow<'c, Call> {
        match &call.body {
            Some(CallBody::Json(body)) if !self.removed.is_empty() => {
                let body = Some(CallBody::Json(self.without_removed(body.clone())));
                Cow::Owned(Call { body, ..call.clone() })
            }
            _ => Cow::Borrowed(call),
        }
    }

    /// A child that a delete would take with it although the plan does not know it.
    fn stranger(&self, plan: &Plan, operation: &Operation, since: Option<Since>) -> Option<&Live> {
        let target = operation.base.first()?;
        if operation.call.endpoint != deletes(target.kind)? || !self.read.contains_key(&reading(target)?) {
            return None;
        }
        let carried =
            operation.carries.iter().filter_map(|carried| plan.changes[carried.change].id.as_deref());
        let known: HashSet<&str> =
            operation.base.iter().map(|live| live.id.as_str()).chain(carried).collect();
        catalog::nested(target.kind)
            .filter_map(|child| self.state.kind(child.kind))
            .flat_map(|kind| &kind.objects)
            .filter(|live| live.parent.as_ref() == Some(&target.id))
            .find(|live| {
                let id = live.id.as_str();
                // A list may still show what has been removed meanwhile.
                let is_ours = is_later(&self.made, id, since) || is_later(&self.removed, id, since);
                !known.contains(id) && !is_ours
            })
    }

    fn setting_differs(&self, base: &Live, path: &'static str) -> Vec<String> {
        let (Some(setting), Some(shown)) = (catalog::setting(path), self.settings.get(path)) else {
            return Vec::new();
        };
        let was = base.object.get("value").unwrap_or(&Value::Null);
        let equal = is_unset(Some(was)) && is_unset(Some(shown)) || same(setting.value.ty, was, shown);
        if equal { Vec::new() } else { vec![path.to_owned()] }
    }

    /// The fields in which an object is not as it was, in spec names.
    fn differing(&self, base: &Live, live: &Live) -> Vec<String> {
        let definition = catalog::definition(base.kind);
        let mut names = Vec::new();
        if base.parent != live.parent {
            names.extend(definition.parent_names.first().map(|name| (*name).to_owned()));
        }
        self.fields(definition.fields, Some(&base.object), Some(&live.object), "", &mut names);
        for (place, was) in &base.sealed {
            // Hashes of different keys say nothing.
            if live.sealed.get(place).is_some_and(|is| is.key_id() == was.key_id() && is != was) {
                names.push(place.as_str().trim_start_matches('/').replace('/', "."));
            }
        }
        names
    }

    fn fields(
        &self,
        fields: &[Field],
        was: Option<&Value>,
        is: Option<&Value>,
        prefix: &str,
        names: &mut Vec<String>,
    ) {
        for field in fields.iter().filter(|field| !field.volatile) {
            let at = |object: Option<&Value>| {
                field.response.split('/').try_fold(object?, |value, name| value.get(name)).cloned()
            };
            let (was, is) = (at(was), at(is));
            let name = format!("{prefix}{}", field.name);
            match field.ty {
                FieldType::Object(leaves) => {
                    self.fields(leaves, was.as_ref(), is.as_ref(), &format!("{name}."), names);
                }
                FieldType::Secret => {}
                ty => {
                    let form = |value: Option<Value>| {
                        canonical(ty, value.map(|value| self.without_removed(value)).as_ref())
                    };
                    if was != is && form(was) != form(is) {
                        names.push(name);
                    }
                }
            }
        }
    }

    /// A value without what named objects that this run has removed: the service drops those everywhere.
    fn without_removed(&self, value: Value) -> Value {
        if self.removed.is_empty() {
            return value;
        }
        let is_removed = |value: Option<&Value>| {
            value.and_then(Value::as_str).is_some_and(|id| self.removed.contains_key(id))
        };
        match value {
            Value::Array(list) => {
                let kept = list
                    .into_iter()
                    .filter(|element| !is_removed(Some(element)) && !is_removed(element.get("parent")))
                    .map(|element| self.without_removed(element));
                Value::Array(kept.collect())
            }
            Value::Object(members) => Value::Object(
                members.into_iter().map(|(name, value)| (name, self.without_removed(value))).collect(),
            ),
            other => other,
        }
    }
}

/// Whether this run touched an object, as far as that counts.
fn is_later(touched: &HashMap<String, u64>, id: &str, since: Option<Since>) -> bool {
    touched.get(id).is_some_and(|at| since.is_none_or(|since| *at > since.touches))
}

/// What shows an object.
fn reading(live: &Live) -> Option<Reading> {
    match live.kind {
        Kind::Setting => catalog::setting(live.id.as_str()).map(|setting| Reading::Setting(setting.path)),
        kind => Reading::list(kind),
    }
}

fn deletes(kind: Kind) -> Option<connexa_types::Endpoint> {
    catalog::definition(kind).calls.as_ref().map(|calls| calls.delete)
}
