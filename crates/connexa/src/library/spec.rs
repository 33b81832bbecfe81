//! Specs, their plans, and running them.

use super::{Events, RunOptions, Stopper, Tenant, events::Watchers, options::PlanOptions};
use crate::{
    session::{
        pacing::Pacing,
        planning::{self, Looking, Make, Spent},
        running::{self, New, Place},
    },
    wiring::secrets::HostSecrets,
};
use connexa_engine::{
    drive::Ports,
    journal::MemoryJournal,
    plan::{self, Change, Cost, Exceeded, Mode, Operation, PlanDocument, Planning},
    ports::{ClaimError, Deliver, Journal, NoDelivery},
    problem::Problem,
    read::ReadError,
    report::Report,
    spec::{self, Format, ReadOptions, Reading, SourceText},
};
use serde::Serialize;
use std::{fmt, io, path::Path, sync::Arc};

/// A spec: what a tenant should be like, in one or more texts.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    sources: Vec<SourceText>,
}

impl Spec {
    /// A spec in YAML, or in JSON, which is YAML too.
    pub fn yaml(text: impl Into<String>) -> Self {
        Self::text("spec", Some(Format::Yaml), text.into().into_bytes())
    }

    /// A value that is written as JSON: a mapping of kinds to items, such as `{"networks": [{"name": "paris"}]}`.
    ///
    /// # Errors
    /// Whatever keeps the value from being written.
    pub fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        Ok(Self::text("spec", Some(Format::Json), serde_json::to_vec(value)?))
    }

    /// A file in any of the formats.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        Ok(Self::text(&path.display().to_string(), None, std::fs::read(path)?))
    }

    /// This spec and another one, as one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.sources.extend(other.sources);
        self
    }

    fn text(name: &str, format: Option<Format>, bytes: Vec<u8>) -> Self {
        Self { sources: vec![SourceText { name: name.to_owned(), format, bytes }] }
    }

    /// All that is wrong with the spec, as far as it can be seen without a tenant.
    pub fn problems(&self) -> Vec<Problem> {
        // No hash is shown, so any does.
        let key = connexa_types::SealingKey::new([0; 32]);
        let options = read_options(spec::Mode::Spec, false, false);
        spec::read(&self.sources, &options, &|field, value| key.seal(field, value)).alone().problems
    }
}

pub(super) fn read_options(mode: spec::Mode, strict: bool, creating: bool) -> ReadOptions {
    ReadOptions { mode, strict, limits: spec::Limits::default(), creating }
}

/// Why there is no plan. Nothing has been changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The input is refused as a whole; all its problems, in their order, warnings included.
    #[error("{}", summary(.0))]
    Refused(Vec<Problem>),
    /// The tenant cannot be read.
    #[error("cannot read the tenant")]
    Read(#[from] ReadError),
}

fn summary(problems: &[Problem]) -> String {
    let errors: Vec<&Problem> = problems.iter().filter(|problem| problem.is_error()).collect();
    let Some(first) = errors.first() else { return "the input is refused".to_owned() };
    let more = match errors.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("the input is refused: {} ({}){more}", first.message, first.code)
}

/// Why a plan is not carried out. Nothing has been changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It changes more of what is there than [`RunOptions::guards`] says.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Guarded(Vec<Exceeded>),
    /// The run cannot be started.
    #[error("the run cannot be started")]
    Claim(#[from] ClaimError),
}

/// What will be changed, by which calls, and what that costs. Nothing is changed before [`Plan::run`].
pub struct Plan {
    tenant: Tenant,
    content: Arc<plan::Plan>,
    problems: Vec<Problem>,
    spent: Spent,
    secrets: HostSecrets,
    watchers: Watchers,
    stopper: Stopper,
}

impl Plan {
    /// Reads the tenant and plans.
    ///
    /// # Errors
    /// A spec that is refused, and a tenant that cannot be read.
    pub async fn of(tenant: &Tenant, spec: &Spec, options: &PlanOptions) -> Result<Self, PlanError> {
        let mode = if options.skip_invalid { Mode::ApplyValid } else { Mode::Apply };
        let reading = options_of(spec, options, tenant);
        let make = Make::Objects(mode);
        let planned = plan::PlanOptions {
            strict: options.strict,
            prune: options.prune.clone(),
            scope: options.scope.clone(),
            protect: options.protect.clone(),
            ..plan::PlanOptions::new(mode, "apply")
        };
        let watchers = Watchers::default();
        Self::make(
            tenant,
            reading,
            &make,
            planned,
            Hands { watchers, stopper: Stopper::new(), run: &RunOptions::default() },
        )
        .await
    }

    /// What makes the plan of a spec makes that of a batch too.
    pub(super) async fn make(
        tenant: &Tenant,
        mut reading: Reading,
        make: &Make,
        options: plan::PlanOptions,
        hands: Hands<'_>,
    ) -> Result<Self, PlanError> {
        let session = tenant.session();
        let began = session.now().mono;
        if reading.unreadable || make.is_whole() && reading.has_errors() {
            return Err(PlanError::Refused(reading.problems));
        }
        let secrets = tenant.secrets(std::mem::take(&mut reading.inline_secrets));
        let Hands { watchers, stopper, run } = hands;
        let pacing = Pacing::new(session, tenant.batches(), run.max_rate);
        let planned = {
            let mut looking = Looking::new(session, &secrets, &pacing, &watchers, run.parallel.max(1));
            planning::plan(&mut reading.desired, &planning::Request { make, options, began }, &mut looking)
                .await?
        };
        let found = match planned.planning {
            Planning::Ready(plan) => plan,
            Planning::Refused(found) => {
                return Err(PlanError::Refused(planning::merged(&reading.problems, &found)));
            }
            Planning::Wants(_) => unreachable!("planning goes on until nothing is wanted"),
        };
        let problems = planning::merged(&reading.problems, &found.problems);
        let mut plan = *found;
        plan.problems = problems.iter().filter(|problem| !problem.is_error()).cloned().collect();
        let (tenant, spent) = (tenant.clone(), planned.spent);
        Ok(Self { tenant, content: Arc::new(plan), problems, spent, secrets, watchers, stopper })
    }

    /// One change for each item and nested child, in the order of the input.
    pub fn changes(&self) -> &[Change] {
        &self.content.changes
    }

    /// The calls, each after what it needs.
    pub fn operations(&self) -> &[Operation] {
        &self.content.operations
    }

    /// What it costs.
    pub fn cost(&self) -> &Cost {
        &self.content.cost
    }

    /// Remarks on the whole.
    pub fn warnings(&self) -> &[String] {
        &self.content.warnings
    }

    /// Problems of items: warnings, and with [`PlanOptions::skip_invalid`] errors too.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// The plan as the document `connexa.plan/1`, to be serialised.
    pub fn document(&self) -> PlanDocument<'_> {
        plan::document(&self.content, self.spent.timings)
    }

    /// What will happen when it is run.
    pub fn events(&self) -> Events {
        self.watchers.add()
    }

    /// What stops it while it is run.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Carries the plan out: each change has one verdict in the report.
    ///
    /// Dropping the future ends it at once: of calls in flight nobody knows then whether they are carried out.
    ///
    /// # Errors
    /// A plan that is held back by its guards.
    pub async fn run(self, options: &RunOptions) -> Result<Report, RunError> {
        let exceeded = options.guards.exceeded(&self.content);
        if !exceeded.is_empty() {
            return Err(RunError::Guarded(exceeded));
        }
        self.carry_out(options, &NoDelivery).await
    }

    pub(super) async fn carry_out(
        self,
        options: &RunOptions,
        deliver: &dyn Deliver,
    ) -> Result<Report, RunError> {
        let session = self.tenant.session();
        let pacing = Pacing::new(session, self.tenant.batches(), options.max_rate);
        let ports = session.ports(&self.secrets);
        let id = running::new_id();
        let new = New {
            id: &id,
            plan: Arc::clone(&self.content),
            command: &self.content.command,
            options: options.of_run(),
        };
        // Without a journal of the tenant nothing outlives the run.
        let (kept, own) = (self.tenant.journal(), MemoryJournal::new());
        let journal: &dyn Journal = kept.map_or(&own, |kept| &**kept);
        let actor = self.tenant.actor();
        let mut held = running::begin(new, Place { journal, actor, take_over: false }, session).await?;
        let ports = Ports { pacer: &pacing, deliver, ..ports };
        let mut watch = |event: &_| self.watchers.tell(event);
        let mut report = held.go(ports, &mut watch, self.stopper.stops()).await;
        held.release().await;
        running::complete(&mut report, &self.content, self.problems.clone(), &self.spent, session);
        Ok(report)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("tenant", &self.tenant)
            .field("plan", &self.content)
            .finish_non_exhaustive()
    }
}

/// Who watches and stops, and how calls are paced.
pub(super) struct Hands<'a> {
    pub(super) watchers: Watchers,
    pub(super) stopper: Stopper,
    pub(super) run: &'a RunOptions,
}

fn options_of(spec: &Spec, options: &PlanOptions, tenant: &Tenant) -> Reading {
    let read = read_options(spec::Mode::Spec, options.strict, false);
    spec::read(&spec.sources, &read, &|field, value| tenant.seal(field, value))
}
