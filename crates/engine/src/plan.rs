//! The plan: what will be changed, by which calls, in which order, at what cost.
//!
//! [`plan()`] compares the desired with the current state and is a pure function. In short: find the live object of each
//! item, compare, check the rules that need the tenant, write one body for each item that acts, put passengers on board
//! of their parents' calls, and order these. A plan has one serialised form, the same wherever it is kept: its operations
//! hold call templates, never live state.

mod act;
mod body;
mod changes;
mod compare;
mod cost;
mod devices;
mod document;
mod domains;
mod egress;
mod fields;
mod find;
mod fingerprint;
mod guards;
mod human;
pub(crate) mod nearest;
mod operations;
pub(crate) mod order;
mod overlap;
mod problems;
mod regions;
mod reserved;
mod scope;
mod services;
mod settings;
mod starred;
pub mod types;

use crate::{
    catalog,
    current::CurrentState,
    desired::{DesiredState, Parent, Target},
    problem::{Code, Problem},
    quota::QuotaView,
    select::Expression,
};
use body::Body;
use changes::Fate;
use compare::Comparison;
use connexa_types::{Kind, Timestamp};
use find::{Finder, ParentOf, Renames, Resolved, Standing, planned_kind};
use problems::Problems;
use std::collections::{BTreeSet, VecDeque};

pub use act::{Act, ProfileForm, UnknownVerb, Verb, act};
pub use domains::{domains, is_list as is_domain_list};
pub use guards::{Exceeded, Guards, Why};
pub use scope::{NoSelector, Scope, Selector, glob, selects};

pub use document::{PlanDocument, PlanTimings, document};
pub use types::{
    Action, Base, BaseKind, CallTemplate, Carried, Change, Cleared, Cost, Operation, OperationId, Output,
    Plan, Preset, TemplateText,
};

/// How items are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As a spec: refused whole if anything in it is wrong; what differs is updated.
    Apply,
    /// As a spec of which only the sound items are wanted: a bad one is a failed change, the rest goes on.
    ApplyValid,
    /// As an imperative batch of creates: a bad item is a failed change, the rest goes on; what is there is never changed.
    Create,
    /// As an imperative batch of updates: an item without a live object is a failed change; nothing is created.
    Update,
    /// As an imperative batch of deletes: items only say which objects are meant; what is not there is already gone.
    Delete,
}

impl Mode {
    /// Whether one bad item refuses all of them.
    const fn is_whole(self) -> bool {
        matches!(self, Self::Apply)
    }

    /// Whether what is there may be changed.
    const fn updates(self) -> bool {
        matches!(self, Self::Apply | Self::ApplyValid | Self::Update)
    }
}

/// What a plan depends on beside the two states.
///
/// Secrets are compared by the hashes that the desired state holds: a host that wants one by reference compared puts the
/// hash of its value there first. Without it the secret counts as equal, with a note.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// How items are taken.
    pub mode: Mode,
    /// The command, such as `apply`.
    pub command: String,
    /// Whether warnings are errors.
    pub strict: bool,
    /// Read calls made so far.
    pub reads: u64,
    /// When the lists were read.
    pub read_at: Option<Timestamp>,
    /// What is known of the quota.
    pub quota: QuotaView,
    /// Kinds whose objects are deleted unless an item stands for them.
    pub prune: Vec<Prune>,
    /// Which of the changes are wanted.
    pub scope: Scope,
    /// What is never changed at all.
    pub protect: Vec<Selector>,
    /// How many changes of existing objects are meant.
    pub guards: Guards,
}

impl PlanOptions {
    /// Options of a command without flags, before any call.
    pub fn new(mode: Mode, command: impl Into<String>) -> Self {
        Self {
            mode,
            command: command.into(),
            strict: false,
            reads: 0,
            read_at: None,
            quota: QuotaView::default(),
            prune: Vec::new(),
            scope: Scope::default(),
            protect: Vec::new(),
            guards: Guards::default(),
        }
    }
}

/// `--prune KIND[:EXPR]` (spec section 7.3).
#[derive(Clone, Debug)]
pub struct Prune {
    /// The kind.
    pub kind: Kind,
    /// Which of its objects; all, if there is none.
    pub matching: Option<Expression>,
}

/// What planning came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Planning {
    /// A plan.
    Ready(Box<Plan>),
    /// The spec is refused; all its problems, in file order, warnings included.
    Refused(Vec<Problem>),
    /// More must be read first; then [`plan()`] is asked again.
    Wants(Wants),
}

/// What must be read before a plan can be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Lists of these kinds, which [`kinds_to_read`] names and the current state does not hold.
    pub unread: Vec<Kind>,
    /// The list of regions: an id is to be sent that no object read so far uses.
    pub regions: bool,
    /// Whether overlap of routes is allowed: a route to be created overlaps one of another network.
    pub overlap_setting: bool,
    /// Settings by their paths: one call each.
    pub settings: Vec<&'static str>,
    /// Second passes over these lists: they have more than one page, and something that they do not show is to be created.
    pub second_pass: Vec<Kind>,
}

impl Wants {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The lists that a plan needs: the kinds of items, or of the parents that show them, and those that references name;
/// in the order of kinds.
///
/// Items with errors are never looked up, so they cost no call.
pub fn kinds_to_read(desired: &DesiredState) -> Vec<Kind> {
    let mut kinds = BTreeSet::new();
    for item in desired.items.iter().filter(|item| !item.problems.iter().any(Problem::is_error)) {
        let Some(kind) = planned_kind(item) else { continue };
        kinds.insert(catalog::listed_with(kind));
        // Children with a list of their own have the names of their parents there.
        kinds.extend(kind.parent());
        if let Some(Parent::Reference(reference)) = &item.parent {
            kinds.insert(reference.kind);
        }
        for value in item.fields.values() {
            value.for_each_reference(&mut |reference| {
                if !matches!(reference.target, Target::Unchecked(_)) {
                    kinds.insert(reference.kind);
                    kinds.extend(reference.kind.parent());
                }
            });
        }
    }
    kinds.into_iter().filter(|kind| catalog::is_listed(*kind)).map(catalog::listed_with).collect()
}

/// Computes the operations that turn `current` into `desired`.
///
/// Pure and total: the same inputs always give the same plan, byte for byte.
pub fn plan(desired: &DesiredState, current: &CurrentState, options: &PlanOptions) -> Planning {
    let unread: Vec<Kind> =
        kinds_to_read(desired).into_iter().filter(|kind| current.kind(*kind).is_none()).collect();
    let mut problems = Problems::new(desired, options.strict);
    check_kinds(desired, &mut problems);
    let settings = settings::unread(desired, current, &problems);
    if !unread.is_empty() || !settings.is_empty() {
        return Planning::Wants(Wants { unread, settings, ..Wants::default() });
    }
    let renames = if options.mode.updates() { Renames::Happen } else { Renames::Never };
    let finder = find::find(desired, current, renames, &mut problems);
    let decided = Decided::new(&finder, options.mode, &mut problems);
    let egress = egress::check(&finder, &decided.acting, &mut problems);
    egress::check_gateways(&finder, decided.acting(), &mut problems);
    let mut wants = Wants {
        regions: regions::check(&finder, decided.acting(), &mut problems),
        overlap_setting: overlap::check(&finder, &mut problems),
        ..Wants::default()
    };
    reserved::check(&finder, &mut problems);
    services::check(&finder, &decided.acting, &mut problems);
    devices::check(&finder, &mut problems);
    if options.mode.updates() {
        starred::check(&finder, &decided.bodies, &mut problems);
    }
    check_cycles(&finder, &decided, options.mode, &mut problems);
    if !options.mode.is_whole() || !problems.any_error() {
        wants.second_pass = second_pass(&finder);
    }
    if !wants.is_empty() {
        return Planning::Wants(wants);
    }
    if options.mode.is_whole() && problems.any_error() {
        return Planning::Refused(problems.in_file_order());
    }
    Planning::Ready(Box::new(assemble(&finder, decided, &egress, problems, options)))
}

/// What each item comes to, as far as it alone decides.
struct Decided {
    /// The comparison of each item that stands for a live object.
    comparisons: Vec<Option<Comparison>>,
    /// The body of each item that acts.
    bodies: Vec<Option<Body>>,
    /// Whether an item needs a call.
    acting: Vec<bool>,
}

impl Decided {
    fn new<'a>(finder: &Finder<'a>, mode: Mode, problems: &mut Problems<'a>) -> Self {
        let count = finder.standing.len();
        let mut decided = Self {
            comparisons: Vec::with_capacity(count),
            bodies: Vec::with_capacity(count),
            acting: vec![false; count],
        };
        for index in 0..count {
            if !problems.refuses(index) {
                find::check_references(finder, index, problems);
            }
            let (mut comparison, mut body) = (None, None);
            if !problems.refuses(index) {
                match finder.standing[index] {
                    Standing::Undecided => {}
                    Standing::New => body = Some(Body::create(finder, index)),
                    Standing::Live(live) => {
                        let compared = compare::compare(finder, index, live);
                        if mode.updates() && !compared.differences.is_empty() {
                            check_update(finder, index, &compared, problems);
                            body = Some(Body::update(finder, index, live));
                        }
                        comparison = Some(compared);
                    }
                }
            }
            for secret in body.iter().flat_map(|body| &body.missing_secrets) {
                let message =
                    format!("`{secret}` must be sent, and neither the spec nor the service gives its value");
                let hint = format!(
                    "give `{secret}` in the spec too, such as `{{env: NAME}}`: every update of the object sends it"
                );
                problems.push(index, Problem::new(Code::error(507), message).path(secret).hint(hint));
            }
            decided.acting[index] = body.is_some();
            decided.comparisons.push(comparison);
            decided.bodies.push(body);
        }
        decided
    }

    fn acting(&self) -> impl Iterator<Item = usize> {
        self.acting.iter().enumerate().filter(|(_, acts)| **acts).map(|(index, _)| index)
    }
}

/// Kinds that this version does not plan are refused, not ignored.
fn check_kinds(desired: &DesiredState, problems: &mut Problems<'_>) {
    for (index, item) in desired.items.iter().enumerate() {
        if problems.refuses(index) {
            continue;
        }
        match &item.kind {
            Ok(kind) if planned_kind(item).is_none() => {
                let message = format!("this version does not plan {} yet", kind.plural());
                problems.push(index, Problem::new(Code::error(102), message));
            }
            Ok(_) if item.key.is_none() && item.id.is_none() => {
                problems
                    .push(index, Problem::new(Code::error(106), "the item has neither a key nor an `id`"));
            }
            Ok(_) => {}
            Err(word) => problems.push(index, Problem::new(Code::error(6), format!("unknown kind `{word}`"))),
        }
    }
}

/// What an update may not do: replace its object, or change what is protected (spec sections 4 and 7.3).
fn check_update<'a>(finder: &Finder<'a>, index: usize, comparison: &Comparison, problems: &mut Problems<'a>) {
    let Some(live) = finder.standing[index].live() else { return };
    let words = find::words(live.kind);
    for difference in &comparison.differences {
        let path = &difference.path;
        if body::is_owner(live) && body::OWNERS.contains(&path.as_str()) {
            let message = format!("`{path}` of the owner cannot be changed");
            problems.push(index, Problem::new(Code::error(505), message).path(path));
        } else if is_default_group(live) && path == "name" {
            let message = "the user group `Default` cannot be renamed";
            problems.push(index, Problem::new(Code::error(505), message).path(path));
        } else if difference.replaces {
            let message =
                format!("changing `{path}` replaces the {words}; this version does not do that yet");
            let problem = Problem::new(Code::error(102), message)
                .path(path)
                .hint(format!("keep `{path}`, or delete the {words} and make a new one"));
            problems.push(index, problem);
        }
    }
}

fn is_default_group(live: &crate::current::Live) -> bool {
    live.kind == Kind::UserGroup && live.key.own.text == "Default"
}

/// Items that need each other, calls contracted (E303).
fn check_cycles<'a>(finder: &Finder<'a>, decided: &Decided, mode: Mode, problems: &mut Problems<'a>) {
    let mut needs: order::Needs = vec![Vec::new(); finder.standing.len()];
    for (index, body) in decided.bodies.iter().enumerate() {
        if let Some(body) = body {
            needs[operations::carrier(finder, index)].extend(operations::needs(finder, index, body));
        }
    }
    for list in &mut needs {
        list.sort_unstable();
        list.dedup();
    }
    for (way, knot) in order::cycles(&needs) {
        let mut names: Vec<String> = way.iter().map(|index| finder.name(*index)).collect();
        names.push(finder.name(way[0]));
        let message = format!("items need each other: {}", names.join(" → "));
        for index in knot {
            // One problem for each cycle in a spec; in a batch each of its items is an invalid one.
            if index == way[0] || !mode.is_whole() {
                problems.push(index, cycle_problem(finder, index, &message));
            }
        }
    }
}

/// The problem of one item of a cycle, at the reference that closes it.
fn cycle_problem(finder: &Finder<'_>, index: usize, message: &str) -> Problem {
    let mut problem = Problem::new(Code::error(303), message);
    let mut found = None;
    for value in finder.item(index).fields.values() {
        value.for_each_reference(&mut |reference| {
            if found.is_none() && finder.awaited(reference).is_some() {
                found = Some(reference);
            }
        });
    }
    match found {
        Some(reference) => {
            problem = problem
                .at(&reference.place)
                .path(&reference.path)
                .hint("create one of them without the reference first, then apply the whole");
        }
        // Nothing refers to anything new: the objects are there, and take each other's names.
        None => {
            problem = problem.hint(
                "names that change places are not supported by this version yet: rename one of the objects to a third name first",
            );
        }
    }
    problem
}

/// Lists that must be read again before what they do not show may be created.
fn second_pass(finder: &Finder<'_>) -> Vec<Kind> {
    let created: BTreeSet<Kind> = (0..finder.standing.len())
        .filter(|index| matches!(finder.standing[*index], Standing::New))
        // A child of a new parent cannot be there.
        .filter(|index| !matches!(finder.parents[*index], ParentOf::Item(_)))
        .filter_map(|index| finder.kind(index).map(catalog::listed_with))
        .collect();
    created
        .into_iter()
        .filter(|kind| finder.current.kind(*kind).is_some_and(|read| read.pages > 1 && !read.stable))
        .collect()
}

fn assemble<'a>(
    finder: &Finder<'a>,
    decided: Decided,
    egress: &egress::Egress,
    problems: Problems<'a>,
    options: &PlanOptions,
) -> Plan {
    let Decided { comparisons, mut bodies, .. } = decided;
    let fates = fates(finder, &comparisons, &problems, options.mode);
    let errors = problems.errors_by_item();
    let word = match options.mode {
        Mode::Apply | Mode::ApplyValid | Mode::Update => "no-op",
        Mode::Create => "already there",
        Mode::Delete => "already gone",
    };
    let mut changes = Vec::with_capacity(fates.len());
    for (index, fate) in fates.iter().enumerate() {
        let errors = errors.get(&index).map_or(&[][..], Vec::as_slice);
        let mut change = changes::change(finder, index, comparisons[index].as_ref(), *fate, errors);
        if let (Fate::Open, Some(comparison)) = (fate, &comparisons[index]) {
            change.note = changes::note((change.action == Action::NoOp).then_some(word), comparison);
        }
        if *fate != Fate::Open {
            bodies[index] = None;
        }
        changes.push(change);
    }
    drop(errors);
    let operations = operations::operations(finder, bodies, egress);
    let tenant = finder.current.tenant.clone();
    let fingerprint = fingerprint::fingerprint(finder, &tenant, &changes, &operations);
    let updates = u64::try_from(operations.len()).unwrap_or(u64::MAX);
    Plan {
        format: Plan::FORMAT,
        tenant,
        command: options.command.clone(),
        base: base(finder.current, options.read_at),
        cost: cost::cost(&changes, options.reads, updates, &options.quota),
        changes,
        operations,
        barriers: Vec::new(),
        warnings: finder.desired.notes.clone(),
        problems: problems.warnings(),
        fingerprint,
    }
}

/// Decides what happens to items of a batch that cannot be carried out, and to what hangs on them. In a plan for a spec
/// all fates are open.
fn fates(
    finder: &Finder<'_>,
    comparisons: &[Option<Comparison>],
    problems: &Problems<'_>,
    mode: Mode,
) -> Vec<Fate> {
    let count = finder.standing.len();
    let mut fates: Vec<Fate> = (0..count)
        .map(|index| {
            let differs = comparisons[index].as_ref().is_some_and(|c| !c.differences.is_empty());
            if problems.refuses(index) {
                Fate::Invalid
            } else if !mode.updates() && differs {
                Fate::Conflict
            } else {
                Fate::Open
            }
        })
        .collect();
    let mut queue: VecDeque<usize> = (0..count).filter(|index| fates[*index] != Fate::Open).collect();
    if queue.is_empty() {
        return fates;
    }
    let mut hang_on: Vec<Vec<usize>> = vec![Vec::new(); count];
    for index in 0..count {
        for needed in hangs_on(finder, index) {
            hang_on[needed].push(index);
        }
    }
    while let Some(failed) = queue.pop_front() {
        let cause = match fates[failed] {
            Fate::Skipped(cause) => cause,
            Fate::Open | Fate::Invalid | Fate::Conflict => failed,
        };
        for &index in &hang_on[failed] {
            // What is there already needs nothing.
            if fates[index] == Fate::Open && finder.standing[index].live().is_none() {
                fates[index] = Fate::Skipped(cause);
                queue.push_back(index);
            }
        }
    }
    fates
}

/// Items that an item's object needs: its parent, and those that it refers to.
fn hangs_on(finder: &Finder<'_>, index: usize) -> Vec<usize> {
    let mut needed = Vec::new();
    if let ParentOf::Item(parent) | ParentOf::Live(_, Some(parent)) = finder.parents[index] {
        needed.push(parent);
    }
    for value in finder.item(index).fields.values() {
        value.for_each_reference(&mut |reference| {
            if let Resolved::Item(item) = finder.reference(reference) {
                needed.push(item);
            }
        });
    }
    needed
}

fn base(current: &CurrentState, read_at: Option<Timestamp>) -> Base {
    let kinds = current
        .kinds
        .iter()
        .map(|(kind, read)| {
            let objects = u64::try_from(read.objects.len()).unwrap_or(u64::MAX);
            (*kind, BaseKind { objects, pages: read.pages })
        })
        .collect();
    Base { read_at, kinds }
}
