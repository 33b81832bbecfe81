//! Reading the tenant and planning, in turns until the plan needs nothing more.
//!
//! A secret that an item gives by reference is resolved here only where the tenant holds one to compare it with.

use super::{Session, seed};
use connexa_engine::{
    current::CurrentState,
    desired::{DesiredSecret, DesiredState, FieldValue},
    drive::{Ports, drive},
    plan::{self, Act, Plan, PlanOptions, PlanTimings, Planning, Wants},
    ports::{Pacer, Secrets},
    problem::Problem,
    read::{Read, ReadDone, ReadError, ReadOptions},
    record::Event,
};
use connexa_types::{Mono, SecretRef, Timestamp};
use futures_util::stream;
use std::time::Duration;

/// What a plan makes of items.
#[derive(Clone, Debug)]
pub(crate) enum Make {
    /// Objects as the items say.
    Objects(plan::Mode),
    /// Something done to the objects that the items name.
    Act(Act),
    /// Domains on a list of Cyber Shield, or off it.
    Domains(plan::Mode),
}

impl Make {
    /// Whether a spec is taken or refused as a whole.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Self::Objects(plan::Mode::Apply))
    }

    /// The mode of the plan.
    pub(crate) fn mode(&self) -> plan::Mode {
        match self {
            Self::Objects(mode) | Self::Domains(mode) => *mode,
            // An action changes what is there.
            Self::Act(_) => plan::Mode::Update,
        }
    }

    /// What becomes of an item of which nothing more is known.
    pub(crate) fn action(&self) -> plan::Action {
        match self {
            Self::Act(_) => plan::Action::Do,
            Self::Objects(plan::Mode::Delete) | Self::Domains(plan::Mode::Delete) => plan::Action::Delete,
            Self::Objects(plan::Mode::Update) => plan::Action::Update,
            Self::Objects(_) | Self::Domains(_) => plan::Action::Create,
        }
    }
}

/// Who is told how reading goes.
pub(crate) trait Watch: Send + Sync {
    /// A reading begins: what is returned is told its events, and dropped at its end.
    fn begin(&self) -> Box<dyn FnMut(&Event) + Send + '_>;
}

/// What planning needs beside the tenant.
pub(crate) struct Request<'a> {
    /// What the plan makes of the items.
    pub(crate) make: &'a Make,
    /// What the plan depends on, as far as it is known before any call.
    pub(crate) options: PlanOptions,
    /// When the command began, for the times.
    pub(crate) began: Mono,
}

/// What planning came to.
pub(crate) struct Planned {
    /// A plan, or all that is wrong with the items.
    pub(crate) planning: Planning,
    /// What it took.
    pub(crate) spent: Spent,
}

/// What looking at the tenant took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// Calls of class read that were sent.
    pub(crate) reads: u64,
    /// Answers 429.
    pub(crate) throttled: u64,
    /// Attempts beyond the first of their call.
    pub(crate) retried: u64,
    /// How long it took.
    pub(crate) timings: PlanTimings,
}

/// A look at the tenant: what is known of it so far, and how to know more.
pub(crate) struct Looking<'a> {
    session: &'a Session,
    secrets: &'a dyn Secrets,
    pacer: &'a dyn Pacer,
    watch: &'a dyn Watch,
    parallel: usize,
    /// What was read.
    pub(crate) current: CurrentState,
    spent: Spent,
    took: Duration,
    read_at: Option<Timestamp>,
}

impl<'a> Looking<'a> {
    /// Nothing has been looked at yet.
    pub(crate) fn new(
        session: &'a Session,
        secrets: &'a dyn Secrets,
        pacer: &'a dyn Pacer,
        watch: &'a dyn Watch,
        parallel: usize,
    ) -> Self {
        Self {
            session,
            secrets,
            pacer,
            watch,
            parallel,
            current: CurrentState::new(session.tenant().clone()),
            spent: Spent::default(),
            took: Duration::ZERO,
            read_at: None,
        }
    }

    /// Reads what is not known yet.
    pub(crate) async fn read(&mut self, wants: Wants) -> Result<(), ReadError> {
        if wants.is_empty() {
            return Ok(());
        }
        self.read_at.get_or_insert_with(|| self.session.now().wall);
        let options = ReadOptions {
            lists: wants.unread,
            again: wants.second_pass,
            regions: wants.regions,
            overlap_setting: wants.overlap_setting,
            settings: wants.settings,
            parallel: self.parallel,
            seed: seed(),
            ..ReadOptions::default()
        };
        let known = std::mem::take(&mut self.current);
        let ports = Ports { pacer: self.pacer, ..self.session.ports(self.secrets) };
        let done = read(self.session, ports, options, Some(known), self.watch).await?;
        self.spent.reads += done.calls.read;
        self.spent.throttled += done.calls.throttled;
        self.spent.retried += done.calls.retried;
        self.took += done.took;
        self.current = done.state;
        Ok(())
    }
}

/// Reads what the plan needs, and plans. Secrets that were compared are in `desired` by their hash then.
///
/// Nothing is changed by it: dropping the future ends it at any moment.
pub(crate) async fn plan(
    desired: &mut DesiredState,
    request: &Request<'_>,
    looking: &mut Looking<'_>,
) -> Result<Planned, ReadError> {
    let mut sealed = false;
    loop {
        let options = PlanOptions {
            reads: looking.spent.reads,
            read_at: looking.read_at,
            quota: looking.session.quota(),
            ..request.options.clone()
        };
        let planning = match request.make {
            Make::Objects(_) => plan::plan(desired, &looking.current, &options),
            Make::Act(act) => plan::act(desired, &looking.current, act, &options),
            Make::Domains(_) => plan::domains(desired, &looking.current, &options),
        };
        let planning = match planning {
            Planning::Ready(plan) if !std::mem::replace(&mut sealed, true) => {
                if seal_references(desired, &plan, looking.secrets).await {
                    continue;
                }
                Planning::Ready(plan)
            }
            planning => planning,
        };
        let Planning::Wants(wants) = planning else {
            let spent = &mut looking.spent;
            spent.timings = PlanTimings {
                read_ms: millis(looking.took),
                plan_ms: millis(looking.session.now().mono.saturating_since(request.began)),
            };
            return Ok(Planned { planning, spent: *spent });
        };
        looking.read(wants).await?;
    }
}

/// Puts the hash of each secret that is given by reference beside it, where the tenant holds an object to compare it with.
/// One that cannot be had stays without: it counts as equal, and the plan says so. Returns whether any was had.
async fn seal_references(desired: &mut DesiredState, plan: &Plan, secrets: &dyn Secrets) -> bool {
    let mut references = Vec::new();
    // A plan has one change for each item that is not left out, in the order of the items, then those of no item.
    let mut items = desired.items.iter_mut();
    for change in plan.changes.iter().filter(|change| change.source.is_some()) {
        let Some(item) = items.find(|item| change.source.as_ref() == Some(&item.source)) else { break };
        if change.id.is_some() && change.preset.is_none() {
            item.fields.values_mut().for_each(|value| unsealed(value, &mut references));
        }
    }
    let mut known = false;
    for reference in references {
        if let Ok(value) = secrets.resolve(reference).await {
            reference.hash = Some(secrets.seal(&reference.field, value.expose()));
            known = true;
        }
    }
    known
}

/// The references to secrets in a value whose hash is not known.
fn unsealed<'a>(value: &'a mut FieldValue, found: &mut Vec<&'a mut SecretRef>) {
    match value {
        FieldValue::Secret(DesiredSecret::Reference(reference)) if reference.hash.is_none() => {
            found.push(reference);
        }
        FieldValue::Object(leaves) => leaves.values_mut().for_each(|leaf| unsealed(leaf, found)),
        _ => {}
    }
}

/// Problems of reading and of planning, each once, in file order within each part.
pub(crate) fn merged(reading: &[Problem], planning: &[Problem]) -> Vec<Problem> {
    let mut all: Vec<Problem> = reading.to_vec();
    all.extend(planning.iter().filter(|problem| !reading.contains(problem)).cloned());
    all
}

/// Reads lists.
pub(crate) async fn read(
    session: &Session,
    ports: Ports<'_>,
    options: ReadOptions,
    known: Option<CurrentState>,
    watch: &dyn Watch,
) -> Result<ReadDone, ReadError> {
    let mut told = watch.begin();
    let machine = Read::new(session.tenant().clone(), options, known);
    drive(machine, ports, &mut *told, stream::pending()).await
}

/// A duration in the documents' milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
