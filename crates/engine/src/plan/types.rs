//! The parts of a plan.

use crate::{
    current::Live,
    desired::Source,
    problem::Problem,
    report::{ErrorType, QuotaSource, Verdict},
    shared_json::SharedJson,
    sorted_map::SortedMap,
};
use connexa_types::{CallBody, Class, Endpoint, JsonPointer, Kind, SecretRef, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Makes an object.
    #[serde(rename = "create")]
    Create,
    /// Changes an object.
    #[serde(rename = "update")]
    Update,
    /// Makes an object in place of another.
    #[serde(rename = "replace")]
    Replace,
    /// Removes an object.
    #[serde(rename = "delete")]
    Delete,
    /// Nothing: all is as desired.
    #[serde(rename = "no-op")]
    NoOp,
    /// A life-cycle action.
    #[serde(rename = "do")]
    Do,
}

impl Action {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::NoOp => "no-op",
            Self::Do => "do",
        }
    }
}

/// An operation's id: stable within its plan, and the same for the same plan made again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub String);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A plan. Changes stand in input order; operations in the order in which they would start one by one, so that each
/// comes after what it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Number of the format, [`Plan::FORMAT`].
    pub format: u32,
    /// The tenant.
    pub tenant: TenantId,
    /// The command that made it, such as `apply`.
    pub command: String,
    /// What it rests on.
    pub base: Base,
    /// One change for each item and each nested child, refused ones included.
    pub changes: Vec<Change>,
    /// The calls.
    pub operations: Vec<Operation>,
    /// Order between kinds: what waits for whole sets of operations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barriers: Vec<Barrier>,
    /// What it costs.
    pub cost: Cost,
    /// Remarks for people.
    pub warnings: Vec<String>,
    /// Warnings about items, each with its code and place; no error among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// Objects that name others which are deleted, as they were read: they lose these references, and an undo gives them
    /// back. The plan does not rest on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referrers: Vec<Live>,
    /// Hash of what it rests on and does, volatile fields excluded.
    pub fingerprint: String,
    /// Where that goes which its calls give out, and what is done with it: for the host that carries the plan out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
}

impl Plan {
    /// The format that this version writes.
    pub const FORMAT: u32 = 1;

    /// Whether there is a call to make.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

/// Where that goes which the calls of a plan give out. The plan only keeps it, so that a run that is continued finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The folder.
    pub folder: String,
    /// What is done about a file that is there.
    pub existing: Existing,
    /// The file of each change, by its index.
    pub files: BTreeMap<usize, String>,
    /// A command that is run once a file is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
}

/// What is done about a file that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// It stays, and the new one is not written.
    #[default]
    Refuse,
    /// The new one takes its place.
    Replace,
    /// It is kept under another name.
    Keep,
}

/// A barrier: one set of operations starts when all of another have ended, however they ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barrier {
    /// The kind that waits, and the one that it waits for: for people.
    pub kinds: [Kind; 2],
    /// Indexes of the operations that must have ended.
    pub first: Vec<usize>,
    /// Indexes of the operations that wait.
    pub then: Vec<usize>,
}

/// What a plan rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// When the lists were read.
    pub read_at: Option<Timestamp>,
    /// What was read, by kind.
    pub kinds: BTreeMap<Kind, BaseKind>,
}

/// What was read of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseKind {
    /// Objects.
    pub objects: u64,
    /// Pages.
    pub pages: u32,
}

/// What happens to one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The kind, or the word as given where it names none.
    pub kind: String,
    /// The key string.
    pub key: String,
    /// What it does.
    pub action: Action,
    /// The word of a life-cycle action (`suspend`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// The unit that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The object's id, if it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Field in spec names → old and new value, as people write them; a secret shows as its hash.
    #[serde(default, skip_serializing_if = "SortedMap::is_empty")]
    pub fields: SortedMap<String, [Value; 2]>,
    /// Why it cannot be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub irreversible: Option<String>,
    /// What people will notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// Where its item stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The item as given, secrets removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<SharedJson>,
    /// The live object, where the change is a no-op.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<SharedJson>,
    /// A remark, such as `already there`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The change of its parent, for a child whose parent is in the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
    /// The verdict, where the plan itself decides it (an invalid item of a batch, a conflict, what hangs on these).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
}

/// A verdict that no call is needed for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    /// *failed* or *skipped*.
    pub verdict: Verdict,
    /// In words.
    pub error: String,
    /// For machines.
    pub error_type: ErrorType,
    /// Field in spec names → messages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub error_detail: BTreeMap<String, Vec<String>>,
    /// `kind/key` of the change that this one hangs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// One call with all it carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The call.
    pub call: CallTemplate,
    /// The changes that it carries: first the one it is for, then passengers, or what goes with a deleted object.
    ///
    /// A replace is carried by each of its operations (create, moved references, delete); its verdict is there when the
    /// last of them has ended, and is the worst of theirs.
    pub carries: Vec<Carried>,
    /// Indexes of the operations that must have succeeded before.
    pub needs: Vec<usize>,
    /// Indexes of operations that must have ended before, however they ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<usize>,
    /// The kind of the principal change; its list settles the operation.
    pub kind: Kind,
    /// Fields that the answer must show as cleared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleared: Vec<Cleared>,
    /// The unit of all that it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What an update, delete or action rests on, as read: first the object that the call is for, then those that go with
    /// it. If they are no longer so, the operation has `Drifted`; it is undone from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base: Vec<Live>,
    /// Which of several stages of one change it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
}

/// One of several stages of a change of one object, each an operation of its own that carries the same change and needs the one before.
/// What has been begun is gone through with, even where nothing new is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The first one. If nobody can tell whether it was applied, the next one is made all the same.
    Begin,
    /// Asks for something that is given out. It is asked for again when the answer was lost, whatever the table of lost
    /// answers says of its call, and that is said.
    Fetch,
    /// Waits until a list shows the object so. The call is the list's; one reading serves all that wait.
    Await(Await),
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Await {
    /// A member of the object.
    pub at: JsonPointer,
    /// It has one of these values, in whatever case.
    pub values: Vec<String>,
    /// How long that may take.
    #[serde(rename = "within_ms", with = "connexa_types::milliseconds")]
    pub within: std::time::Duration,
}

impl Operation {
    /// The call's class.
    pub fn class(&self) -> Class {
        self.call.endpoint.class()
    }
}

/// A change on board of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Index of the change.
    pub change: usize,
    /// Its place in the request body: the whole for the principal change, `/connectors/0` for a passenger. The answer
    /// holds it in the same list, found by its key.
    pub at: JsonPointer,
}

/// A field that a PUT clears: if the answer still holds a value there, the change failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleared {
    /// The field in spec names.
    pub field: String,
    /// Its place in the answer.
    pub at: JsonPointer,
}

/// A call whose open places are filled when it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallTemplate {
    /// Which operation of the API.
    pub endpoint: Endpoint,
    /// Values of the path's parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path_args: Vec<TemplateText>,
    /// Query parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, TemplateText)>,
    /// The body; open places hold null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<CallBody>,
    /// Places of the JSON body that hold the id of an object made by another operation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<JsonPointer, Output>,
    /// Places of the JSON body that hold a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<JsonPointer, SecretRef>,
}

/// A text that is known, or will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateText {
    /// Known.
    Text(String),
    /// From the answer of another operation.
    Output(Output),
}

/// A value in the answer of another operation of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The operation.
    pub of: OperationId,
    /// The change whose object holds it (the principal's or a passenger's).
    pub change: usize,
    /// Its place in that object, such as `/id`.
    pub pointer: JsonPointer,
}

/// What a plan costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Calls of class read, those made for the plan included.
    pub read: u64,
    /// Calls of class update.
    pub update: u64,
    /// What a call per object would have cost.
    pub one_per_object: u64,
    /// Seconds of the whole run under the quota, waiting included.
    pub seconds: f64,
    /// Profile → seconds, when the quota is not known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assumed_seconds: BTreeMap<String, f64>,
    /// Where the quota is known from.
    pub quota_source: Option<QuotaSource>,
}
