//! The judge: what a report says of each change, against what the service holds and what it did.
//!
//! It knows nothing of the engine but the plan that it was given and the report that it made. What it asks is in the names
//! of the invariants (N1 each change one verdict, N2 no unreported duplicate, N3 nothing left behind unreported, N4 nothing
//! that is said not to be applied is, N5 nothing of others' touched, N8 an end within bounds).

use super::{
    operator::{Did, Foreign},
    service::{CHILD_LISTS, Deed, Entry, Objects, Service},
};
use connexa_engine::{
    plan::{Action, Change, Operation, Plan},
    report::{Report, ReportedChange, RunOutcome, Verdict},
};
use connexa_types::{CallBody, Class, Endpoint, Kind, Method};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What the service promised, so far as a verdict depends on it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a promise of its own")]
pub struct Promises {
    /// Each request is applied within the settle time, or never; lists show it by then.
    pub in_time: bool,
    /// Each request is applied at most once.
    pub once: bool,
    /// Lists can be read.
    pub lists: bool,
    /// Nobody else is at work.
    pub alone: bool,
    /// The journal holds all that it called durable.
    pub journal: bool,
    /// How long the service may take to do what it was asked for, and lists to show it.
    pub settle: Duration,
    /// How old lists may be.
    pub lag: Duration,
    /// How old what others wrote may be, to be overwritten unseen.
    pub window: Duration,
}

/// Looks at the end of a run from outside.
pub struct Judge<'a> {
    pub plan: &'a Plan,
    pub report: &'a Report,
    pub before: &'a Objects,
    pub after: &'a Objects,
    pub effects: &'a BTreeMap<String, usize>,
    pub settings: &'a BTreeMap<&'static str, Value>,
    pub deeds: &'a [Deed],
    pub foreign: &'a [Foreign],
    pub ledger: &'a [Entry],
    pub promises: Promises,
}

/// What is said of each change, by kind and key.
type Said<'r> = BTreeMap<(&'r str, &'r str), (Verdict, &'r ReportedChange)>;

/// Calls that are never made a second time while the first may have worked.
const ONE_SHOT: [Endpoint; 3] =
    [Endpoint::UserResetMfa, Endpoint::UserResendInvitation, Endpoint::UserForcePasswordChange];

impl Judge<'_> {
    /// Everything that is not as promised, in words.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let said = self.said(&mut complaints);
        for (index, change) in self.plan.changes.iter().enumerate() {
            let Some((verdict, report)) = said.get(&(change.kind.as_str(), change.key.as_str())) else {
                complaints.push(format!("N1: no verdict on {}/{}", change.kind, change.key));
                continue;
            };
            if let Err(why) = self.change(index, change, *verdict, report, &said) {
                let error = report.error.as_deref().unwrap_or_default();
                let note = report.note.as_deref().unwrap_or_default();
                complaints.push(format!(
                    "{why}: {:?} {}/{} is {verdict:?} (id {:?}, error {error:?}, note {note:?})",
                    change.action, change.kind, change.key, report.id
                ));
            }
        }
        complaints.extend(self.others());
        complaints.extend(self.undone());
        let most = 60 * (self.plan.changes.len() + 5);
        if self.ledger.len() > most {
            complaints.push(format!("N8: {} calls", self.ledger.len()));
        }
        complaints
    }

    /// N1: the six lists together are the changes.
    fn said(&self, complaints: &mut Vec<String>) -> Said<'_> {
        let mut said = BTreeMap::new();
        for verdict in Verdict::ALL {
            for change in self.report.lists.of(verdict) {
                if said.insert((change.kind.as_str(), change.key.as_str()), (verdict, change)).is_some() {
                    complaints.push(format!("N1: two verdicts on {}/{}", change.kind, change.key));
                }
            }
        }
        if said.len() != self.plan.changes.len() {
            complaints.push(format!("N1: {} verdicts on {} changes", said.len(), self.plan.changes.len()));
        }
        said
    }

    fn change(
        &self,
        index: usize,
        change: &Change,
        verdict: Verdict,
        report: &ReportedChange,
        said: &Said<'_>,
    ) -> Result<(), String> {
        let carriers = self.plan.operations.iter().filter_map(|operation| {
            let carried = operation.carries.iter().find(|carried| carried.change == index)?;
            Some((operation, carried))
        });
        let Some((operation, carried)) = carriers.reduce(|_, last| last) else { return Ok(()) };
        if verdict == Verdict::Unknown {
            return self.unknown(operation, report);
        }
        match change.action {
            // In no list: its calls are actions.
            Action::Create if list_of(&change.kind).is_empty() => self.acted(change, operation, verdict),
            Action::Create => {
                let body = body_of(operation).and_then(|body| carried.at.get(body)).cloned();
                self.created(change, &body.unwrap_or_default(), verdict, report, said)
            }
            Action::Update if operation.kind == Kind::Setting => self.set(operation, verdict),
            Action::Update => self.updated(change, operation, verdict),
            Action::Delete => self.deleted(change, verdict),
            Action::Do => self.acted(change, operation, verdict),
            Action::Replace | Action::NoOp => Ok(()),
        }
    }

    /// G9: where lists work, the service keeps its promises and nobody else is at work, nothing stays unknown.
    fn unknown(&self, operation: &Operation, report: &ReportedChange) -> Result<(), String> {
        let Promises { in_time, once, lists, alone, .. } = self.promises;
        let endpoint = operation.call.endpoint;
        let readable = !ONE_SHOT.contains(&endpoint)
            && Kind::Setting != operation.kind
            && !list_of(operation.kind.singular()).is_empty()
            && !matches!(endpoint, Endpoint::NetworkConnectorSuspend | Endpoint::NetworkConnectorActivate);
        // What is left open when the service refuses the credentials is not looked for again if its parent is settled.
        let cut = self.report.outcome == RunOutcome::Stopped || self.ledger.iter().any(|e| e.status == 401);
        let undoing = report.error.as_deref().is_some_and(|error| error.contains("undo"));
        if in_time && once && lists && alone && readable && !cut && !undoing {
            return Err("G9: it could have been told".to_owned());
        }
        Ok(())
    }

    fn created(
        &self,
        change: &Change,
        sent: &Value,
        verdict: Verdict,
        report: &ReportedChange,
        said: &Said<'_>,
    ) -> Result<(), String> {
        let parent = change.parent.map(|parent| self.plan.changes[parent].key.as_str());
        let own = parent.map_or(change.key.as_str(), |parent| &change.key[parent.len() + 1..]);
        let holders = holders(self.after, list_of(&change.kind), &change.kind, parent, own);
        let ours: Vec<&str> = holders.iter().copied().filter(|holder| self.is_ours(holder)).map(id).collect();
        if self.came_after_the_last_look(list_of(&change.kind)) {
            return Ok(());
        }
        match verdict {
            Verdict::Succeeded => {
                let named = report.id.as_deref().ok_or("N3: without an id")?;
                match find(self.after, named) {
                    None if self.touched(named) || self.parent_touched(change) => {}
                    None => return Err("N4: it is not there".to_owned()),
                    Some(_) if self.touched(named) => {}
                    Some(object) => same_fields(sent, object)?,
                }
                self.nothing_more(change, named, report, &ours, said)
            }
            // What was forgotten with the journal's end is found again by its list alone, and only if it is asked.
            Verdict::Failed | Verdict::Skipped | Verdict::Unprocessed
                if !self.promises.journal
                    && (verdict == Verdict::Skipped || !self.promises.lists || !self.promises.alone) =>
            {
                Ok(())
            }
            Verdict::Failed | Verdict::Skipped | Verdict::Unprocessed if !ours.is_empty() => {
                Err(format!("N4: it is there, as {ours:?}"))
            }
            // Where the service does twice what it was asked for once, the end of an undo does not look.
            Verdict::Undone if !ours.is_empty() && self.promises.once => {
                Err(format!("N3: it is still there, as {ours:?}"))
            }
            _ => Ok(()),
        }
    }

    /// The limit of the promise: what the service does later than the settle time, and after the run has looked for the last
    /// time, nobody can tell.
    fn came_after_the_last_look(&self, list: &str) -> bool {
        let Promises { settle, lag, in_time, .. } = self.promises;
        let reads =
            self.ledger.iter().filter(|entry| entry.call.class() == Class::Read && entry.status == 200);
        let last = reads.filter(|entry| path(&entry.call) == list).map(|entry| entry.arrived).max();
        let late = |deed: &Deed| {
            path(&deed.call) == list
                && deed.at.saturating_since(deed.sent) + lag > settle
                && last.is_none_or(|last| deed.at + lag > last)
        };
        !in_time && self.deeds.iter().any(late)
    }

    /// Whether the service did something to an object later than the settle time: what is not made is not looked for again.
    fn came_late(&self, id: &str) -> bool {
        let Promises { settle, lag, .. } = self.promises;
        let on = |deed: &&Deed| deed.call.path_args.first().is_some_and(|arg| arg == id);
        self.deeds.iter().filter(on).any(|deed| deed.at.saturating_since(deed.sent) + lag > settle)
    }

    /// N2: whatever of ours there is beside what is named, is named too.
    fn nothing_more(
        &self,
        change: &Change,
        named: &str,
        report: &ReportedChange,
        ours: &[&str],
        said: &Said<'_>,
    ) -> Result<(), String> {
        // What goes with a parent that is told to be there more than once is told with it.
        let mut told: BTreeSet<&str> = report.duplicates.iter().flatten().map(String::as_str).collect();
        let parents = change.parent.and_then(|parent| said.get(&self.key(parent)));
        for parent in parents.into_iter().flat_map(|(_, report)| report.duplicates.iter().flatten()) {
            told.extend(find(self.after, parent).into_iter().flat_map(children_of).map(id));
        }
        let surplus: Vec<&&str> = ours.iter().filter(|id| **id != named && !told.contains(**id)).collect();
        // Where the service does twice what it answers once, the run looks only if it has a doubt of its own.
        if surplus.is_empty() || !self.promises.once {
            return Ok(());
        }
        Err(format!("N2: there is more of it, and not told: {surplus:?}"))
    }

    fn updated(&self, change: &Change, operation: &Operation, verdict: Verdict) -> Result<(), String> {
        let id = change.id.as_deref().expect("what is updated has an id");
        let desired = body_of(operation).cloned().unwrap_or_default();
        if self.came_late(id) {
            return Ok(());
        }
        let put = self.deeds_on(id, Method::Put);
        let object = find(self.after, id);
        match (verdict, object) {
            (Verdict::Succeeded, Some(object)) if !self.touched(id) => same_fields(&desired, object),
            (Verdict::Succeeded, None) if !self.touched(id) => Err("N4: it is gone".to_owned()),
            (Verdict::Failed | Verdict::Skipped | Verdict::Unprocessed, _) if put > 0 => {
                Err("N4: it was applied".to_owned())
            }
            (Verdict::Undone, Some(object)) if !self.touched(id) => {
                same_fields(find(self.before, id).expect("it was there"), object)
            }
            _ => Ok(()),
        }
    }

    fn deleted(&self, change: &Change, verdict: Verdict) -> Result<(), String> {
        let id = change.id.as_deref().expect("what is deleted has an id");
        let there = find(self.after, id).is_some();
        if self.came_late(id) {
            return Ok(());
        }
        match verdict {
            Verdict::Succeeded if there => Err("N4: it is there".to_owned()),
            Verdict::Failed | Verdict::Skipped | Verdict::Unprocessed
                if self.deeds_on(id, Method::Delete) > 0 =>
            {
                Err("N4: it was deleted".to_owned())
            }
            Verdict::Undone if !there => {
                let holders = holders(self.after, list_of(&change.kind), &change.kind, None, &change.key);
                let ours = holders.iter().filter(|holder| self.is_ours(holder)).count();
                if ours == 1 || !self.promises.alone || !self.promises.once {
                    Ok(())
                } else {
                    Err(format!("N3: it is there {ours} times"))
                }
            }
            _ => Ok(()),
        }
    }

    fn acted(&self, change: &Change, operation: &Operation, verdict: Verdict) -> Result<(), String> {
        let endpoint = operation.call.endpoint;
        let args: Vec<String> = operation
            .call
            .path_args
            .iter()
            .map(|text| match text {
                connexa_engine::plan::TemplateText::Text(text) => text.clone(),
                connexa_engine::plan::TemplateText::Output(_) => String::new(),
            })
            .collect();
        let times = match args.first() {
            None => self.effects.get(&format!("{endpoint} {}", change.key)).copied().unwrap_or(0),
            Some(id) if endpoint.info().method == Method::Put => self
                .deeds
                .iter()
                .filter(|d| d.call.endpoint == endpoint && d.call.path_args[0] == *id)
                .count(),
            Some(_) => self.effects.get(&format!("{endpoint} {args:?}")).copied().unwrap_or(0),
        };
        if ONE_SHOT.contains(&endpoint) && times > 1 && self.promises.once && self.promises.journal {
            return Err(format!("N2: it was done {times} times"));
        }
        if !self.promises.journal {
            // Of what was forgotten and shows nowhere nobody can tell.
            return Ok(());
        }
        match verdict {
            Verdict::Succeeded if times == 0 && self.promises.alone => Err("N4: it was not done".to_owned()),
            Verdict::Failed | Verdict::Skipped | Verdict::Unprocessed
                if times > 0 && !args.first().is_some_and(|id| self.came_late(id) || self.touched(id)) =>
            {
                Err(format!("N4: it was done {times} times"))
            }
            _ => Ok(()),
        }
    }

    fn set(&self, operation: &Operation, verdict: Verdict) -> Result<(), String> {
        let value = self.settings.get(operation.call.endpoint.info().path);
        let desired = body_of(operation);
        if !self.promises.journal {
            return Ok(());
        }
        match verdict {
            Verdict::Succeeded if value != desired => Err(format!("N4: it is {value:?}")),
            Verdict::Failed | Verdict::Skipped | Verdict::Unprocessed
                if self.deeds.iter().any(|deed| deed.call.endpoint == operation.call.endpoint) =>
            {
                Err("N4: it was applied".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// N5: what is not ours is not deleted, and what others wrote is overwritten only if they had just written it.
    fn others(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for deed in self.deeds.iter().filter(|deed| deed.before.is_some()) {
            let id = deed.call.path_args[0].as_str();
            let method = deed.call.method();
            if id.starts_with("other-") {
                complaints.push(format!("N5: {method:?} of {id}, which is another's"));
            }
            // What an earlier call of ours has overwritten is not there any more.
            let earlier = self.deeds.iter().filter(|other| {
                other.at < deed.at && other.call.path_args.first().is_some_and(|arg| arg == id)
            });
            let since = earlier.map(|deed| deed.at).max();
            let last = self.foreign.iter().filter(|foreign| {
                foreign.at < deed.sent
                    && since.is_none_or(|since| foreign.at > since)
                    && match foreign.what {
                        Did::Edited => foreign.id == id,
                        Did::AddedChild => {
                            method == Method::Delete
                                && deed.before.as_ref().is_some_and(|before| has_child(before, &foreign.id))
                        }
                        Did::AddedEqual | Did::AddedDifferent | Did::Deleted => false,
                    }
            });
            for foreign in last {
                let age = deed.sent.saturating_since(foreign.at);
                if age > self.promises.window {
                    complaints.push(format!("N5: {method:?} of {id}, {:?} {age:?} before", foreign.what));
                }
            }
        }
        complaints
    }

    /// Once all is undone, the tenant is as it was.
    fn undone(&self) -> Vec<String> {
        if self.report.outcome != RunOutcome::Undone || !self.promises.alone || !self.promises.once {
            return Vec::new();
        }
        let (before, after) = (shape(self.before), shape(self.after));
        if before == after {
            Vec::new()
        } else {
            vec![format!("N3: undone, and yet {before:?} became {after:?}")]
        }
    }

    fn key(&self, change: usize) -> (&str, &str) {
        let change = &self.plan.changes[change];
        (change.kind.as_str(), change.key.as_str())
    }

    fn is_ours(&self, object: &Value) -> bool {
        let id = id(object);
        self.deeds.iter().any(|deed| deed.made.iter().any(|made| made == id))
    }

    /// Whether somebody else edited or deleted an object, or may have taken it along with its parent.
    fn touched(&self, id: &str) -> bool {
        self.foreign.iter().any(|foreign| foreign.id == id) || id.starts_with("other-")
    }

    fn parent_touched(&self, change: &Change) -> bool {
        let deleted = self.foreign.iter().any(|foreign| foreign.what == Did::Deleted);
        deleted && matches!(change.kind.as_str(), "network_connector" | "network_route" | "device")
    }

    fn deeds_on(&self, id: &str, method: Method) -> usize {
        let on = |deed: &&Deed| {
            deed.call.method() == method && deed.call.path_args.first().is_some_and(|arg| arg == id)
        };
        self.deeds.iter().filter(on).count()
    }
}

/// Judges the end of a run; the complaints.
pub fn judge(
    service: &Service,
    plan: &Plan,
    report: &Report,
    before: &Objects,
    promises: Promises,
) -> Vec<String> {
    let state = service.state();
    Judge {
        plan,
        report,
        before,
        after: &state.objects,
        effects: &state.effects,
        settings: &state.settings,
        deeds: &state.deeds,
        foreign: &state.foreign,
        ledger: &state.ledger,
        promises,
    }
    .complaints()
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap_or_default()
}

fn path(call: &connexa_types::Call) -> &'static str {
    call.endpoint.info().path.split('/').nth(1).unwrap_or_default()
}

fn body_of(operation: &Operation) -> Option<&Value> {
    match &operation.call.body {
        Some(CallBody::Json(body)) => Some(body),
        _ => None,
    }
}

/// The list that holds a kind.
pub fn list_of(kind: &str) -> &'static str {
    match kind {
        "network" | "network_connector" | "network_route" => "networks",
        "host" | "host_connector" => "hosts",
        "user_group" => "user-groups",
        "user" | "device" => "users",
        _ => "",
    }
}

fn member_of(kind: &str) -> Option<&'static str> {
    match kind {
        "network_connector" | "host_connector" => Some("connectors"),
        "network_route" => Some("routes"),
        "device" => Some("devices"),
        _ => None,
    }
}

/// All that has a key; of children, under any parent with the parent's key.
fn holders<'o>(
    objects: &'o Objects,
    list: &str,
    kind: &str,
    parent: Option<&str>,
    own: &str,
) -> Vec<&'o Value> {
    let named = |object: &&Value, name: &str| {
        ["name", "username", "subnet"].iter().any(|member| object[*member] == name)
    };
    let all = objects.get(list).map(Vec::as_slice).unwrap_or_default();
    match member_of(kind) {
        None => all.iter().filter(|object| named(object, own)).collect(),
        Some(member) => all
            .iter()
            .filter(|object| parent.is_none_or(|parent| named(object, parent)))
            .flat_map(|object| object[member].as_array().into_iter().flatten())
            .filter(|child| named(child, own))
            .collect(),
    }
}

fn find<'o>(objects: &'o Objects, wanted: &str) -> Option<&'o Value> {
    let all = objects.values().flatten();
    let children = all.clone().flat_map(children_of);
    all.chain(children).find(|object| id(object) == wanted)
}

fn children_of(object: &Value) -> impl Iterator<Item = &Value> + Clone {
    CHILD_LISTS.into_iter().flat_map(|list| object[list].as_array().into_iter().flatten())
}

fn has_child(object: &Value, wanted: &str) -> bool {
    children_of(object).any(|child| id(child) == wanted)
}

/// Whether an object holds what was sent.
fn same_fields(sent: &Value, object: &Value) -> Result<(), String> {
    for (name, value) in sent.as_object().into_iter().flatten() {
        let open = value.is_null() || CHILD_LISTS.contains(&name.as_str()) || name == "id" || name == "value";
        if !open && object[name] != *value {
            return Err(format!("N4: `{name}` is {} instead of {value}", object[name]));
        }
    }
    Ok(())
}

/// What there is, without ids and order.
fn shape(objects: &Objects) -> BTreeMap<&'static str, BTreeSet<String>> {
    fn bare(value: &Value) -> Value {
        match value {
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .filter(|(name, value)| *name != "id" && !value.as_array().is_some_and(Vec::is_empty))
                    .map(|(name, value)| (name.clone(), bare(value)))
                    .collect::<BTreeMap<_, _>>()
                    .into_iter()
                    .collect(),
            ),
            Value::Array(list) => {
                let mut list: Vec<Value> = list.iter().map(bare).collect();
                list.sort_by_key(Value::to_string);
                Value::Array(list)
            }
            other => other.clone(),
        }
    }
    objects
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| (*name, list.iter().map(|object| bare(object).to_string()).collect()))
        .collect()
}

/// Whether a call of a class was lost.
pub fn lost(ledger: &[Entry], class: Class) -> bool {
    ledger.iter().any(|entry| entry.call.class() == class && (!entry.delivered || entry.status >= 500))
}
