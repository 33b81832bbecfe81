//! The plan: what will be changed, by which calls, in which order, at what cost.
//!
//! [`plan()`] compares the desired with the current state and is a pure function. In short: find the live object of each
//! item (`find`), compare and write one body for each item that acts (`decide`), find what goes (`prune`, `removals`),
//! check the rules that need the tenant, decide what fails or is left out (`fates`), put all of it into the fewest calls
//! (`steps`), find who needs and waits for whom (`names`, `edges`, `waits`), and make operations of them (`operations`).
//! A plan has one serialised form, the same wherever it is kept: its operations hold call templates, and of live state
//! only the objects that they change.

mod act;
mod body;
mod changes;
mod children;
mod compare;
mod cost;
mod decide;
mod devices;
mod document;
mod domains;
mod edges;
mod egress;
mod fates;
mod fields;
mod file;
mod find;
mod fingerprint;
mod guards;
mod human;
mod irreversible;
mod moves;
mod names;
pub(crate) mod nearest;
mod operations;
pub(crate) mod order;
mod overlap;
mod problems;
mod protected;
mod prune;
mod regions;
mod removals;
mod reserved;
mod scope;
mod services;
mod settings;
mod starred;
mod steps;
pub mod types;
mod waits;

use crate::{
    catalog,
    current::CurrentState,
    desired::{DesiredState, Parent, Target},
    problem::{Code, Problem},
    quota::QuotaView,
    select::Expression,
    undo,
};
use connexa_types::{Kind, Timestamp};
use decide::Decided;
use edges::Edges;
use fates::Fate;
use find::{Finder, ParentOf, Standing, planned_kind};
use names::Names;
use operations::Parts;
use problems::Problems;
use prune::Pruned;
use removals::Removals;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap, HashSet};
use steps::{Step, Steps};
use waits::Graph;

pub use act::{Act, ProfileForm, UnknownVerb, Verb, act};
pub use domains::{domains, is_list as is_domain_list};
pub use file::{Freshness, NoPlanFile, PlanFile};
pub use guards::{Exceeded, Guards, Why};
pub use scope::{NoSelector, Scope, Selector, glob, selects};

pub(crate) use body::{OWNERS, is_owner};
pub use document::{PlanDocument, PlanTimings, document};
pub(crate) use edges::references;
pub(crate) use settings::call as setting_call;
pub use types::{
    Action, Await, Base, BaseKind, CallTemplate, Carried, Change, Cleared, Cost, Delivery, Existing,
    Operation, OperationId, Output, Plan, Preset, Stage, TemplateText,
};

/// How items are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// The lists that a plan needs: those of [`kinds_to_read`], and the kinds that are pruned. Of deletes only what they name:
/// their fields are not looked at.
fn lists(desired: &DesiredState, options: &PlanOptions) -> Vec<Kind> {
    if options.mode != Mode::Delete {
        let mut kinds = kinds_to_read(desired);
        kinds.extend(prune::kinds(options).into_iter().map(catalog::listed_with));
        kinds.sort_unstable();
        kinds.dedup();
        return kinds;
    }
    let mut kinds = BTreeSet::new();
    for item in desired.items.iter().filter(|item| !item.problems.iter().any(Problem::is_error)) {
        kinds.extend(planned_kind(item).map(catalog::listed_with));
        if let Some(Parent::Reference(reference)) = &item.parent {
            kinds.insert(reference.kind);
        }
    }
    kinds.into_iter().filter(|kind| catalog::is_listed(*kind)).collect()
}

/// Computes the operations that turn `current` into `desired`.
///
/// Pure and total: the same inputs always give the same plan, byte for byte.
pub fn plan(desired: &DesiredState, current: &CurrentState, options: &PlanOptions) -> Planning {
    let unread: Vec<Kind> =
        lists(desired, options).into_iter().filter(|kind| current.kind(*kind).is_none()).collect();
    let mut problems = Problems::new(desired, options.strict);
    check_kinds(desired, options.mode, &mut problems);
    let settings = match options.mode {
        Mode::Delete => Vec::new(),
        _ => settings::unread(desired, current, &problems),
    };
    if !unread.is_empty() || !settings.is_empty() {
        return Planning::Wants(Wants { unread, settings, ..Wants::default() });
    }
    let mut finder = find::find(desired, current, options.mode, &mut problems);
    finder.zone_prunes = options.prune.iter().filter(|prune| prune.kind == Kind::Setting).collect();
    let decided = Decided::new(&mut finder, options, &mut problems);
    let mut pruned = prune::find(&finder, options, &mut problems);
    let all = Removals::find(&finder, options.mode, &pruned.objects, |index| !problems.refuses(index));
    let unread = more_lists(&finder, &all, &problems);
    if !unread.is_empty() {
        return Planning::Wants(Wants { unread, ..Wants::default() });
    }
    finder.gone = all.objects().map(|live| (live.kind, live.id.as_str())).collect();
    let egress = egress::check(&finder, &decided.acting, &mut problems);
    egress::check_gateways(&finder, decided.acting(), &mut problems);
    let mut wants = Wants {
        regions: regions::check(&finder, decided.acting(), &mut problems),
        overlap_setting: overlap::check(&finder, &mut problems),
        ..Wants::default()
    };
    // What is wanted anyway is wanted at once, unless a second pass can be asked for with it.
    if !wants.is_empty() && second_pass(&finder).is_empty() {
        return Planning::Wants(wants);
    }
    reserved::check(&finder, &mut problems);
    services::check(&finder, &decided.acting, &mut problems);
    devices::check(&finder, &mut problems);
    if options.mode.updates() {
        starred::check(&finder, &decided.bodies, &mut problems);
    }
    let made = make(&finder, &decided, &mut pruned, &egress, options, &mut problems);
    if !problems.refuses_all() && (!options.mode.is_whole() || !problems.any_error()) {
        wants.second_pass = second_pass(&finder);
    }
    if !wants.is_empty() {
        return Planning::Wants(wants);
    }
    match made {
        Some(made) if !problems.refuses_all() && (!options.mode.is_whole() || !problems.any_error()) => {
            Planning::Ready(Box::new(assemble(&finder, decided, made, &pruned, problems, options)))
        }
        _ => Planning::Refused(problems.in_file_order()),
    }
}

/// Lists that only what the plan does makes it need: children that go with their parents, access groups that name what is
/// replaced, and whatever loses a reference without a call of its own, so that an undo can give it back.
fn more_lists(finder: &Finder<'_>, removals: &Removals<'_>, problems: &Problems<'_>) -> Vec<Kind> {
    let mut kinds = removals.unread(finder);
    kinds.extend(removals.objects().flat_map(|live| undo::losers(live.kind)).copied());
    kinds.retain(|kind| finder.current.kind(*kind).is_none());
    let moves = (0..finder.standing.len()).any(|index| {
        finder.replaced[index] && !problems.refuses(index) && finder.kind(index).is_some_and(moves::is_named)
    });
    if moves && finder.current.kind(Kind::AccessGroup).is_none() {
        kinds.push(Kind::AccessGroup);
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// All calls of a plan and their order.
struct Made<'a> {
    fates: Vec<Fate>,
    steps: Steps<'a>,
    graph: Graph,
    moves: HashMap<&'a str, body::Body>,
    irreversible: Vec<Option<String>>,
}

/// Puts all that is carried out into calls and orders them; `None` if items of a spec need each other. In a batch those are
/// invalid, and the rest goes on.
fn make<'a>(
    finder: &Finder<'a>,
    decided: &Decided<'a>,
    pruned: &mut Pruned<'a>,
    egress: &egress::Egress,
    options: &PlanOptions,
    problems: &mut Problems<'a>,
) -> Option<Made<'a>> {
    let mode = options.mode;
    let wanted = fates::wanted(finder, decided, pruned, options);
    let mut of_pruned = wanted[finder.standing.len()..].iter();
    pruned.objects.retain(|_| of_pruned.next() == Some(&true));
    loop {
        let fates = fates::fates(finder, decided, problems, mode, &wanted);
        let open = |index: usize| fates[index] == Fate::Open;
        let removals = Removals::find(finder, mode, &pruned.objects, open);
        let names = Names::find(finder, &removals, |index| open(index) && decided.acting[index]);
        let steps = steps::steps(finder, decided, &removals, &names, &fates, mode);
        let moves: HashMap<&'a str, body::Body> = steps
            .drafts
            .iter()
            .filter_map(|draft| match draft.step {
                Step::Move(group) => {
                    let mut body = body::Body::as_read(finder, group);
                    moves::substitute(&mut body, finder, &decided.moves);
                    Some((group.id.as_str(), body))
                }
                _ => None,
            })
            .collect();
        let edges =
            Edges { finder, decided, removals: &removals, names: &names, steps: &steps, moves: &moves, mode };
        let units: Vec<Option<&str>> = steps.drafts.iter().map(|draft| draft.unit).collect();
        let mut graph = Graph::new(edges::needs(&edges), &units);
        let cycles = graph.cycles();
        if cycles.is_empty() {
            let irreversible = irreversible::reasons(finder, decided, &steps);
            let flags: Vec<bool> = irreversible.iter().map(Option::is_some).collect();
            waits::add(&mut graph, finder, &steps, egress, &flags, mode, problems);
            return Some(Made { fates, steps, graph, moves, irreversible });
        }
        if !tell_cycles(finder, &steps, &cycles, mode, problems) {
            return None;
        }
    }
}

/// Tells of items that need each other (E303). Returns whether the rest goes on without them.
fn tell_cycles<'a>(
    finder: &Finder<'a>,
    steps: &Steps<'a>,
    cycles: &[(Vec<usize>, Vec<usize>)],
    mode: Mode,
    problems: &mut Problems<'a>,
) -> bool {
    let count = finder.standing.len();
    let name = |draft: &usize| match steps.drafts[*draft].carries[0] {
        change if change < count => finder.name(change),
        change => {
            let live = steps.extras[change - count].live;
            format!("{}/{}", live.kind.singular(), live.key)
        }
    };
    let mut told = false;
    for (way, knot) in cycles {
        let mut names: Vec<String> = way.iter().map(name).collect();
        names.dedup();
        names.extend(names.first().cloned());
        let message = format!("items need each other: {}", names.join(" → "));
        let mut items: Vec<usize> = knot
            .iter()
            .map(|draft| steps.drafts[*draft].carries[0])
            .filter(|change| *change < count)
            .collect();
        items.sort_unstable();
        items.dedup();
        if items.is_empty() {
            problems.push_general(Problem::new(Code::error(303), message));
            return false;
        }
        // One problem for each cycle in a spec; in a batch each of its items is an invalid one.
        let named = if mode.is_whole() { &items[..1] } else { &items[..] };
        for index in named {
            told |= !problems.refuses(*index);
            let problem = cycle_problem(finder, *index, &message);
            problems.push(*index, problem);
        }
    }
    told && !mode.is_whole()
}

/// Kinds that this version does not plan are refused, not ignored; so are settings, of which none can be deleted.
fn check_kinds(desired: &DesiredState, mode: Mode, problems: &mut Problems<'_>) {
    for (index, item) in desired.items.iter().enumerate() {
        if problems.refuses(index) {
            continue;
        }
        match &item.kind {
            Ok(kind) if planned_kind(item).is_none() => {
                let message = format!("this version does not plan {} yet", kind.plural());
                problems.push(index, Problem::new(Code::error(102), message));
            }
            Ok(Kind::Setting) if mode == Mode::Delete => {
                let problem = Problem::new(Code::error(8), "settings cannot be deleted");
                problems.push(index, problem.hint("`update settings` gives one another value"));
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
        None => problem = problem.hint("apply a part of them first"),
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
    decided: Decided<'a>,
    made: Made<'a>,
    pruned: &Pruned<'a>,
    problems: Problems<'a>,
    options: &PlanOptions,
) -> Plan {
    let Made { fates, steps, graph, moves, irreversible } = made;
    let mut changes = item_changes(finder, &decided, &fates, &problems, options.mode);
    changes.extend(steps.extras.iter().map(|extra| changes::extra(finder, extra, &decided.moves)));
    for (change, reason) in changes.iter_mut().zip(irreversible) {
        change.irreversible = reason;
    }
    let deleted: HashSet<&str> = steps.ended_by.keys().map(|(_, id)| *id).collect();
    let referrers = undo::named_by(finder.current, &deleted).into_iter().cloned().collect();
    let parts = Parts { finder, steps: &steps, graph: &graph, moves };
    let mut ordered = operations::operations(parts, decided);
    if fates.contains(&Fate::LeftOut) {
        leave_out(&mut changes, &mut ordered.operations, |index| fates.get(index) == Some(&Fate::LeftOut));
    }
    let operations::Ordered { operations, barriers } = ordered;
    let tenant = finder.current.tenant.clone();
    let fingerprint = fingerprint::fingerprint(finder, &tenant, &changes, &operations, &barriers);
    let updates = u64::try_from(operations.len()).unwrap_or(u64::MAX);
    Plan {
        format: Plan::FORMAT,
        tenant,
        command: options.command.clone(),
        base: base(finder.current, options.read_at),
        cost: cost::cost(&changes, options.reads, updates, &options.quota),
        changes,
        operations,
        barriers,
        warnings: finder.desired.notes.iter().chain(&pruned.notes).cloned().collect(),
        problems: problems.warnings(),
        fingerprint,
        delivery: None,
        referrers,
    }
}

/// The changes of all items, left-out ones included.
fn item_changes(
    finder: &Finder<'_>,
    decided: &Decided<'_>,
    fates: &[Fate],
    problems: &Problems<'_>,
    mode: Mode,
) -> Vec<Change> {
    let errors = problems.errors_by_item();
    let word = match mode {
        Mode::Apply | Mode::ApplyValid | Mode::Update => "no-op",
        Mode::Create => "already there",
        Mode::Delete => "already gone",
    };
    let mut changes = Vec::with_capacity(fates.len());
    for (index, fate) in fates.iter().enumerate() {
        let errors = errors.get(&index).map_or(&[][..], Vec::as_slice);
        let comparison = decided.comparisons[index].as_ref();
        let mut change = changes::change(finder, index, mode, comparison, *fate, errors);
        if *fate == Fate::Open {
            let word = (change.action == Action::NoOp).then_some(word);
            change.note = match comparison {
                Some(comparison) => changes::note(word, comparison),
                None => word.map(str::to_owned),
            };
        }
        changes.push(change);
    }
    changes
}

/// Takes changes that are not wanted out of a plan: no operation carries them.
fn leave_out(changes: &mut Vec<Change>, operations: &mut [Operation], is_out: impl Fn(usize) -> bool) {
    let mut places = Vec::with_capacity(changes.len());
    let mut next = 0;
    for index in 0..changes.len() {
        places.push((!is_out(index)).then_some(next));
        next += usize::from(!is_out(index));
    }
    let mut index = 0;
    changes.retain_mut(|change| {
        change.parent = change.parent.and_then(|parent| places[parent]);
        index += 1;
        places[index - 1].is_some()
    });
    // Whatever an operation carries or takes an id from is in the plan.
    let moved = |change: &mut usize| *change = places[*change].unwrap_or(*change);
    for operation in operations {
        operation.carries.iter_mut().for_each(|carried| moved(&mut carried.change));
        let call = &mut operation.call;
        call.outputs.values_mut().for_each(|output| moved(&mut output.change));
        let texts = call.path_args.iter_mut().chain(call.query.iter_mut().map(|(_, text)| text));
        for text in texts {
            if let TemplateText::Output(output) = text {
                moved(&mut output.change);
            }
        }
    }
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
