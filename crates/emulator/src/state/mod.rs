//! The tenant: every object, its indexes, and the one way to change it.
//!
//! [`State`] keeps objects as JSON in the shape of their answers (an [`Object`]), in one [`Table`] per kind. All changes
//! go through [`State::create`], [`State::update`], [`State::act`], [`State::delete_tree`] and [`State::set_setting`],
//! which keep the indexes, the audit log and the records for the store in step. The rules of the API are not here but
//! in [`resources`](crate::resources), which look before they change: what is here never refuses.

pub(crate) mod addresses;
pub(crate) mod audit;
mod cascade;
pub(crate) mod changes;
pub(crate) mod ids;
pub(crate) mod routes;
mod seed;
pub(crate) mod settings;
pub(crate) mod table;
pub(crate) mod watch;

use crate::{
    resources::{internet_access::is_egress, regions},
    validate::format,
};
use addresses::{BlockSize, Blocks};
use audit::{AuditEntry, AuditLog, Event, Origin, differences, display_name};
use changes::{RestoreError, StateChange};
use connexa_types::Kind;
use ids::IdSource;
use ipnet::IpNet;
use routes::{IndexedRoute, RouteIndex};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use settings::Settings;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use table::{Object, Table};

/// The tenant.
#[derive(Debug)]
pub(crate) struct State {
    tables: BTreeMap<Kind, Table>,
    /// (kind, folded name) → id, for kinds whose names are unique (API section 10, row 19).
    names: HashMap<(Kind, String), String>,
    /// Id → the objects whose fields name it.
    references: HashMap<String, BTreeSet<(Kind, u64)>>,
    routes: RouteIndex,
    /// How many networks can act as internet gateway.
    egress: usize,
    blocks: Blocks,
    settings: Settings,
    audit: AuditLog,
    ids: IdSource,
    next_sequence: u64,
    /// On whose account changes are made; none while a fresh tenant is set up, which leaves no trace in the log.
    origin: Option<Origin>,
    changes: Vec<StateChange>,
    /// Whether anybody takes the changes. They cost about as much as what they tell of.
    stored: bool,
    /// What is done, while somebody wants to know.
    watch: watch::Watch,
}

/// The counters, as they are stored.
#[derive(Serialize, Deserialize)]
struct Counters {
    ids: u64,
    sequence: u64,
}

const COUNTERS: &str = "counters";
const AUDIT_LOG: &str = "audit_log";

impl State {
    fn empty(seed: u64) -> Self {
        Self {
            tables: BTreeMap::new(),
            names: HashMap::new(),
            references: HashMap::new(),
            routes: RouteIndex::default(),
            egress: 0,
            blocks: Blocks::default(),
            settings: Settings::new(regions::default_region()),
            audit: AuditLog::default(),
            ids: IdSource::new(seed, 0),
            next_sequence: 0,
            origin: None,
            changes: Vec::new(),
            stored: true,
            watch: watch::Watch::default(),
        }
    }

    /// A fresh tenant (API section 7.11).
    pub(crate) fn fresh(seed: u64) -> Self {
        let mut state = Self::empty(seed);
        seed::plant(&mut state);
        state
    }

    /// The tenant whose changes were stored; a fresh one if there are none.
    pub(crate) fn restore(
        seed: u64,
        changes: impl IntoIterator<Item = StateChange>,
    ) -> Result<Self, RestoreError> {
        let mut state = Self::empty(seed);
        let mut any = false;
        for change in changes {
            any = true;
            match change {
                StateChange::Put { collection, id, json } => state.restore_row(&collection, &id, &json)?,
                StateChange::Delete { collection, id } => state.restore_deletion(&collection, &id)?,
                StateChange::Meta { key, json } if key == COUNTERS => {
                    let counters: Counters = serde_json::from_str(&json)
                        .map_err(|source| RestoreError::Meta { key: key.into_owned(), source })?;
                    state.ids = IdSource::new(seed, counters.ids);
                    state.next_sequence = counters.sequence;
                }
                StateChange::Meta { key, .. } => return Err(RestoreError::UnknownMeta(key.into_owned())),
            }
        }
        if !any {
            seed::plant(&mut state);
        }
        Ok(state)
    }

    fn restore_row(&mut self, collection: &str, id: &str, json: &str) -> Result<(), RestoreError> {
        let failed =
            |source| RestoreError::Row { collection: collection.to_owned(), id: id.to_owned(), source };
        if collection == AUDIT_LOG {
            let entry: AuditEntry = serde_json::from_str(json).map_err(failed)?;
            self.audit.restore(entry);
            return Ok(());
        }
        let kind = stored_kind(collection)?;
        if kind == Kind::Setting {
            let value = serde_json::from_str(json).map_err(failed)?;
            self.settings.set(id, value);
        } else {
            let object: Object = serde_json::from_str(json).map_err(failed)?;
            self.take(kind, object.id());
            self.put(kind, object);
        }
        Ok(())
    }

    fn restore_deletion(&mut self, collection: &str, id: &str) -> Result<(), RestoreError> {
        if collection == AUDIT_LOG {
            if let Ok(sequence) = id.parse() {
                self.audit.forget(sequence);
            }
            return Ok(());
        }
        let kind = stored_kind(collection)?;
        self.take(kind, id);
        Ok(())
    }

    /// Notes on whose account the changes that follow are made.
    pub(crate) fn begin(&mut self, origin: Origin) {
        self.origin = Some(origin);
    }

    /// Takes what a store has to write, oldest first.
    pub(crate) fn take_changes(&mut self) -> Vec<StateChange> {
        if !self.changes.is_empty() {
            let counters = Counters { ids: self.ids.count(), sequence: self.next_sequence };
            self.changes.push(StateChange::Meta { key: COUNTERS.into(), json: to_json(&counters) });
        }
        std::mem::take(&mut self.changes)
    }

    /// From now on keeps no changes for a store.
    pub(crate) fn forget_changes(&mut self) {
        self.stored = false;
        self.changes = Vec::new();
    }

    // Looking.

    /// The object `id` of a kind.
    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<&Object> {
        self.tables.get(&kind)?.get(id)
    }

    /// The objects of a kind, or of one parent, oldest first (row 24).
    pub(crate) fn objects<'a>(
        &'a self,
        kind: Kind,
        parent: Option<&str>,
    ) -> impl ExactSizeIterator<Item = &'a Object> + DoubleEndedIterator + use<'a> {
        self.page(kind, parent, 0, usize::MAX)
    }

    /// The objects from the `offset`-th on, `limit` at most; those before cost nothing.
    pub(crate) fn page<'a>(
        &'a self,
        kind: Kind,
        parent: Option<&str>,
        offset: usize,
        limit: usize,
    ) -> impl ExactSizeIterator<Item = &'a Object> + DoubleEndedIterator + use<'a> {
        let table = self.tables.get(&kind);
        let order = table.map_or(&[][..], |t| t.order(parent));
        let rest = order.get(offset..).unwrap_or_default();
        rest[..limit.min(rest.len())].iter().map(move |sequence| {
            table.and_then(|t| t.by_sequence(*sequence)).expect("the order names objects of the table")
        })
    }

    /// The id of the object that holds a name, where names are unique.
    pub(crate) fn holder_of_name(&self, kind: Kind, name: &str) -> Option<&str> {
        self.names.get(&(name_space(kind), fold(name))).map(String::as_str)
    }

    /// The objects of a kind whose fields name `id`.
    pub(crate) fn referrers(&self, kind: Kind, id: &str) -> impl Iterator<Item = &Object> {
        let references = self.references.get(id).into_iter();
        references
            .flat_map(move |set| set.range((kind, 0)..=(kind, u64::MAX)))
            .filter_map(move |(_, sequence)| self.tables.get(&kind)?.by_sequence(*sequence))
    }

    /// The index of all IP routes.
    pub(crate) fn routes(&self) -> &RouteIndex {
        &self.routes
    }

    /// Whether any network can act as internet gateway.
    pub(crate) const fn has_egress(&self) -> bool {
        self.egress > 0
    }

    /// The settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The audit log.
    pub(crate) fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// Adds the addresses of an object to the fields of its answer, IPv6 only where the tenant has it.
    pub(crate) fn add_addresses(&self, kind: Kind, object: &Object, fields: &mut Map<String, Value>) {
        let Some(size) = block_size(kind) else { return };
        let Some(block) = object.block else { return };
        let (v4, v6) = (self.settings.v4(size, block), self.settings.v6(size, block));
        match size {
            BlockSize::Single => {
                if let Some(net) = v4 {
                    fields.insert("ipV4Address".into(), net.addr().to_string().into());
                }
                if let Some(net) = v6 {
                    fields.insert("ipV6Address".into(), net.addr().to_string().into());
                }
            }
            BlockSize::Sixteen | BlockSize::Whole => {
                let subnets = v4.map(|n| n.to_string()).into_iter().chain(v6.map(|n| n.to_string()));
                fields.insert("systemSubnets".into(), subnets.collect());
            }
        }
    }

    // Changing.

    /// Returns an id that nothing has.
    pub(crate) fn new_id(&mut self) -> String {
        self.ids.next_uuid()
    }

    /// Stores a new object and returns its id.
    pub(crate) fn create(&mut self, kind: Kind, parent: Option<&str>, fields: Map<String, Value>) -> String {
        let id = self.new_id();
        let mut all = Map::from_iter([("id".to_owned(), Value::from(id.as_str()))]);
        all.extend(fields);
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let block = block_size(kind).map(|size| self.blocks.take(size));
        let object =
            Object { sequence, parent: parent.map(str::to_owned), block, fields: all, hidden: Map::new() };
        self.log("CREATE", kind, None, Some(&object));
        self.record(kind, &object);
        self.put(kind, object);
        id
    }

    /// Replaces the fields of an object; its id, parent and addresses stay.
    pub(crate) fn update(&mut self, kind: Kind, id: &str, fields: Map<String, Value>) {
        self.change("UPDATE", kind, id, |object| {
            let mut all = Map::from_iter([("id".to_owned(), Value::from(id))]);
            all.extend(fields);
            object.fields = all;
        });
    }

    /// Changes an object by an action other than an update; `operation` is the word of the audit log.
    pub(crate) fn act(&mut self, operation: &str, kind: Kind, id: &str, change: impl FnOnce(&mut Object)) {
        self.change(operation, kind, id, change);
    }

    /// Changes an object without an entry in the audit log, for what is no act of a key.
    pub(crate) fn observe(&mut self, kind: Kind, id: &str, change: impl FnOnce(&mut Object)) {
        self.origin = None;
        self.change("OBSERVE", kind, id, change);
    }

    fn change(&mut self, operation: &str, kind: Kind, id: &str, change: impl FnOnce(&mut Object)) {
        let Some(old) = self.get(kind, id).cloned() else { return };
        let mut new = old.clone();
        change(&mut new);
        self.log(operation, kind, Some(&old), Some(&new));
        if new != old {
            self.record(kind, &new);
            self.unindex(kind, &old);
            self.put(kind, new);
        }
    }

    /// Deletes one object that has no children.
    pub(crate) fn delete(&mut self, kind: Kind, id: &str) {
        if let Some(old) = self.take(kind, id) {
            self.log("DELETE", kind, Some(&old), None);
            self.note(|| StateChange::Delete { collection: kind.plural().into(), id: id.to_owned() });
        }
    }

    /// Stores the value of a setting.
    pub(crate) fn set_setting(&mut self, path: &str, value: Value) {
        self.note(|| StateChange::Put {
            collection: Kind::Setting.plural().into(),
            id: path.to_owned(),
            json: value.to_string(),
        });
        let old = self.settings.set(path, value.clone());
        let wrap = |value: Value| Object {
            sequence: 0,
            parent: None,
            block: None,
            fields: Map::from_iter([
                ("id".to_owned(), Value::from(path)),
                ("name".to_owned(), Value::from(path)),
                ("value".to_owned(), value),
            ]),
            hidden: Map::new(),
        };
        self.log("UPDATE", Kind::Setting, Some(&wrap(old)), Some(&wrap(value)));
    }

    fn log(&mut self, operation: &str, kind: Kind, old: Option<&Object>, new: Option<&Object>) {
        self.watch.note(kind, old, new);
        let Some(origin) = &self.origin else { return };
        let Some(object) = new.or(old) else { return };
        let parent = object.parent.as_deref().zip(kind.parent()).map(|(id, parent_kind)| {
            let parent = self.tables.get(&parent_kind).and_then(|t| t.get(id));
            (parent_kind, id, parent.map_or("", |p| display_name(&p.fields)))
        });
        let event = Event {
            operation,
            kind,
            id: object.id(),
            name: display_name(&object.fields),
            parent,
            fields: differences(old, new),
        };
        let (entry, gone) = self.audit.append(origin, event);
        if !self.stored {
            return;
        }
        let put = StateChange::Put {
            collection: AUDIT_LOG.into(),
            id: entry.sequence.to_string(),
            json: to_json(entry),
        };
        let delete = gone
            .map(|sequence| StateChange::Delete { collection: AUDIT_LOG.into(), id: sequence.to_string() });
        self.changes.extend([Some(put), delete].into_iter().flatten());
    }

    fn note(&mut self, change: impl FnOnce() -> StateChange) {
        if self.stored {
            self.changes.push(change());
        }
    }

    fn record(&mut self, kind: Kind, object: &Object) {
        self.note(|| StateChange::Put {
            collection: kind.plural().into(),
            id: object.id().to_owned(),
            json: to_json(object),
        });
    }

    /// Stores a new object in its table and in every index.
    fn put(&mut self, kind: Kind, object: Object) {
        self.index(kind, &object);
        self.tables.entry(kind).or_default().put(object);
    }

    /// Takes an object out of its table and of every index.
    fn take(&mut self, kind: Kind, id: &str) -> Option<Object> {
        let object = self.tables.get_mut(&kind)?.remove(id)?;
        self.unindex(kind, &object);
        if let Some(block) = object.block {
            self.blocks.release(block);
        }
        Some(object)
    }

    fn index(&mut self, kind: Kind, object: &Object) {
        if let Some(name) = unique_name(kind, object) {
            self.names.insert((name_space(kind), name), object.id().to_owned());
        }
        for target in references(kind, object) {
            self.references.entry(target.to_owned()).or_default().insert((kind, object.sequence));
        }
        if let (Some(size), Some(block)) = (block_size(kind), object.block) {
            self.blocks.mark(size, block);
        }
        if kind == Kind::Network && is_egress(object) {
            self.egress += 1;
        }
        if let Some((net, network)) = indexed_route(kind, object) {
            self.routes
                .insert(&net, IndexedRoute { id: object.id().to_owned(), network: network.to_owned() });
        }
    }

    fn unindex(&mut self, kind: Kind, object: &Object) {
        if let Some(name) = unique_name(kind, object) {
            let key = (name_space(kind), name);
            if self.names.get(&key).is_some_and(|id| id == object.id()) {
                self.names.remove(&key);
            }
        }
        for target in references(kind, object) {
            if let Some(set) = self.references.get_mut(target) {
                set.remove(&(kind, object.sequence));
                if set.is_empty() {
                    self.references.remove(target);
                }
            }
        }
        if kind == Kind::Network && is_egress(object) {
            self.egress = self.egress.saturating_sub(1);
        }
        if let Some((net, _)) = indexed_route(kind, object) {
            self.routes.remove(&net, object.id());
        }
    }
}

fn stored_kind(collection: &str) -> Result<Kind, RestoreError> {
    Kind::ALL
        .iter()
        .copied()
        .find(|kind| kind.plural() == collection)
        .ok_or_else(|| RestoreError::UnknownCollection(collection.to_owned()))
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("maps with text keys always have a JSON form")
}

/// Names are compared without regard to case and surrounding space.
pub(crate) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Networks and hosts share their names (row 19).
const fn name_space(kind: Kind) -> Kind {
    match kind {
        Kind::Host => Kind::Network,
        other => other,
    }
}

/// The folded name of an object whose kind has unique names.
fn unique_name(kind: Kind, object: &Object) -> Option<String> {
    let name = match kind {
        Kind::Network
        | Kind::Host
        | Kind::UserGroup
        | Kind::AccessGroup
        | Kind::LocationContext
        | Kind::DevicePosture => object.text("name"),
        Kind::User => object.text("username"),
        Kind::DnsRecord | Kind::AllowDomain | Kind::BlockDomain => object.text("domain"),
        Kind::NetworkConnector
        | Kind::HostConnector
        | Kind::NetworkRoute
        | Kind::NetworkApplication
        | Kind::HostApplication
        | Kind::NetworkIpService
        | Kind::HostIpService
        | Kind::Device
        | Kind::Setting => return None,
    };
    Some(fold(name))
}

/// The ids that an object's fields name (API section 7.1); its parent is not among them.
fn references(kind: Kind, object: &Object) -> Vec<&str> {
    match kind {
        Kind::Network | Kind::Host | Kind::UserGroup => object.texts("gatewaysIds").collect(),
        Kind::User => {
            std::iter::once(object.text("groupId")).chain(object.texts("secondaryGroupIds")).collect()
        }
        Kind::LocationContext | Kind::DevicePosture => object.texts("userGroupsIds").collect(),
        Kind::AccessGroup => {
            let items = object.list("source").iter().chain(object.list("destination"));
            items
                .filter_map(Value::as_object)
                .flat_map(|item| {
                    let parent = table::text(item, "parent");
                    let children = table::list(item, "children").iter().filter_map(Value::as_str);
                    std::iter::once(parent).filter(|p| !p.is_empty()).chain(children)
                })
                .collect()
        }
        Kind::NetworkConnector
        | Kind::HostConnector
        | Kind::NetworkRoute
        | Kind::NetworkApplication
        | Kind::HostApplication
        | Kind::NetworkIpService
        | Kind::HostIpService
        | Kind::Device
        | Kind::DnsRecord
        | Kind::Setting
        | Kind::AllowDomain
        | Kind::BlockDomain => Vec::new(),
    }
}

/// How many addresses of its own an object has (row 34).
const fn block_size(kind: Kind) -> Option<BlockSize> {
    match kind {
        Kind::Network | Kind::Host => Some(BlockSize::Sixteen),
        Kind::UserGroup => Some(BlockSize::Whole),
        Kind::NetworkConnector | Kind::HostConnector | Kind::Device => Some(BlockSize::Single),
        Kind::NetworkRoute
        | Kind::NetworkApplication
        | Kind::HostApplication
        | Kind::NetworkIpService
        | Kind::HostIpService
        | Kind::User
        | Kind::AccessGroup
        | Kind::LocationContext
        | Kind::DevicePosture
        | Kind::DnsRecord
        | Kind::Setting
        | Kind::AllowDomain
        | Kind::BlockDomain => None,
    }
}

fn indexed_route(kind: Kind, object: &Object) -> Option<(IpNet, &str)> {
    if kind != Kind::NetworkRoute {
        return None;
    }
    Some((format::cidr(object.text("subnet"))?, object.parent.as_deref()?))
}
