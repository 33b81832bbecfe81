//! Carrying a plan out: the run machine, claimed, driven and recorded; and what its report says beside its verdicts.

use super::{Session, history, planning::Spent, seed};
use connexa_engine::{
    drive::{Ports, Recording, drive},
    machine::{Seq, Stop},
    plan::Plan,
    ports::{Actor, Claim, ClaimError, Journal, Lease, ReadJournalError},
    problem::Problem,
    quota::QuotaView,
    record::{Event, RunId, Stored},
    report::{QuotaReport, QuotaSource, Report},
    run::{Goal, Overrides, ReplayError, Run, RunOptions},
};
use connexa_types::{Class, Timestamp};
use futures_util::{FutureExt as _, Stream, stream};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How often a run looks whether it has been asked to stop from elsewhere.
const LOOK: Duration = Duration::from_millis(250);

/// Where a run is recorded, and in whose name.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The journal.
    pub(crate) journal: &'a dyn Journal,
    /// Who does it.
    pub(crate) actor: &'a Actor,
    /// Whether runs of another machine are taken over.
    pub(crate) take_over: bool,
}

/// A run that is to begin.
pub(crate) struct New<'a> {
    /// Its id.
    pub(crate) id: &'a RunId,
    /// What it carries out.
    pub(crate) plan: Arc<Plan>,
    /// The command, such as `apply`.
    pub(crate) command: &'a str,
    /// How.
    pub(crate) options: RunOptions,
}

/// A run in our hands. Dropping it gives it out of hand; [`Held::release`] waits until that is done.
pub(crate) struct Held<'a> {
    journal: &'a dyn Journal,
    lease: Option<Lease>,
    machine: Option<Run>,
}

/// A run's id: sorts by start.
pub(crate) fn new_id() -> RunId {
    RunId(uuid::Uuid::now_v7().to_string())
}

/// `kind/key` of what a plan touches, each once: of changes that no call carries nothing is claimed.
pub(crate) fn touched(plan: &Plan) -> Vec<String> {
    let mut carried: Vec<usize> = plan
        .operations
        .iter()
        .flat_map(|operation| &operation.carries)
        .map(|carried| carried.change)
        .collect();
    carried.sort_unstable();
    carried.dedup();
    let changes = carried.into_iter().map(|index| &plan.changes[index]);
    changes.map(|change| format!("{}/{}", change.kind, change.key)).collect()
}

/// Claims what a plan touches. Nothing is sent before [`Held::go`].
pub(crate) async fn begin<'a>(
    new: New<'_>,
    place: Place<'a>,
    session: &Session,
) -> Result<Held<'a>, ClaimError> {
    let New { id, plan, command, options } = new;
    let claim = Claim {
        run: id.clone(),
        tenant: plan.tenant.clone(),
        command: command.to_owned(),
        started: session.now().wall,
        keys: touched(&plan),
        plan: Some(Arc::clone(&plan)),
        take_over: place.take_over,
        actor: place.actor.clone(),
    };
    let lease = place.journal.claim(claim).await?;
    tracing::info!(run = %id, operations = plan.operations.len(), "run started");
    let options = RunOptions { update_period: update_period(session), ..options };
    let machine = Run::new(id.clone(), plan, options, seed());
    Ok(Held { journal: place.journal, lease: Some(lease), machine: Some(machine) })
}

/// A run that is to be taken up again.
pub(crate) struct Again<'a> {
    /// Its id.
    pub(crate) id: &'a RunId,
    /// Its plan.
    pub(crate) plan: Arc<Plan>,
    /// The command that it was started by.
    pub(crate) command: &'a str,
    /// When that was.
    pub(crate) started: Timestamp,
    /// To what end.
    pub(crate) goal: Goal,
    /// What is to be otherwise than before.
    pub(crate) overrides: Overrides,
    /// Whether nothing is sent: then nothing is claimed, either.
    pub(crate) sends_nothing: bool,
}

/// Why a run is not taken up again. Nothing has been sent.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum TakeUpError {
    /// It cannot be claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// Its records cannot be read.
    #[error(transparent)]
    Read(#[from] ReadJournalError),
    /// Its records are not those of a run.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Claims a run again, and reads its records: once it is ours, nobody else adds to them.
pub(crate) async fn take_up<'a>(
    again: Again<'_>,
    place: Place<'a>,
) -> Result<(Held<'a>, Vec<Stored>), TakeUpError> {
    let Again { id, plan, command, started, goal, overrides, sends_nothing } = again;
    let claim = Claim {
        run: id.clone(),
        tenant: plan.tenant.clone(),
        command: command.to_owned(),
        started,
        keys: if sends_nothing { Vec::new() } else { touched(&plan) },
        plan: None,
        take_over: place.take_over,
        actor: place.actor.clone(),
    };
    let lease = place.journal.claim(claim).await?;
    // From here on it is given out of hand whatever happens.
    let mut held = Held { journal: place.journal, lease: Some(lease), machine: None };
    let records = history::records(place.journal, id, Seq(1)).await?;
    let machine = Run::replay(plan, records.iter().map(|stored| stored.record.clone()), goal, overrides)?;
    held.machine = Some(machine);
    tracing::info!(run = %id, records = records.len(), "run taken up again");
    Ok((held, records))
}

impl Held<'_> {
    /// Carries it out. What comes on `stops` is passed on to it, and so is what other processes ask of it. `ports`: where
    /// it is recorded is added.
    ///
    /// Dropping the future ends it at once: of calls in flight nobody knows then whether they are carried out.
    pub(crate) async fn go(
        &mut self,
        ports: Ports<'_>,
        watch: &mut (dyn FnMut(&Event) + Send),
        stops: impl Stream<Item = Stop>,
    ) -> Report {
        let (lease, machine) =
            self.lease.as_ref().zip(self.machine.take()).expect("a run is carried out once");
        let ports = Ports { recording: Some(Recording { journal: self.journal, lease }), ..ports };
        // Asked from elsewhere once; not any more once the run has been told to stop from here.
        let asked = stream::once(asked_to_stop(self.journal, lease));
        let report = drive(machine, ports, watch, stream::select(stops, asked)).await;
        tracing::info!(run = %lease.run, "run ended");
        *report
    }

    /// Gives the run out of hand, once all that was recorded is durable.
    pub(crate) async fn release(mut self) {
        if let Some(lease) = self.lease.take() {
            // Whoever looks next finds an owner that is gone, which comes to the same.
            if let Err(failure) = self.journal.release(lease).await {
                tracing::debug!("the run is not given out of hand: {failure}");
            }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            let _ = self.journal.release(lease).now_or_never();
        }
    }
}

/// Waits until somebody asks the owner of a run to stop it.
async fn asked_to_stop(journal: &dyn Journal, lease: &Lease) -> Stop {
    loop {
        tokio::time::sleep(LOOK).await;
        // A journal that cannot be read will say so where it is written to.
        if matches!(journal.asked_to_stop(lease).await, Ok(true)) {
            return Stop::Finish;
        }
    }
}

/// The period of the update class, as far as it is known.
pub(crate) fn update_period(session: &Session) -> Option<Duration> {
    let quota = session.quota().classes.get(&Class::Update).copied()?;
    let rate = u32::try_from(quota.rate).ok().filter(|rate| *rate > 0)?;
    Some(Duration::from_secs(quota.seconds) / rate)
}

/// Adds to the report of a run what the run itself does not know: what planning cost and found, and the quota.
pub(crate) fn complete(
    report: &mut Report,
    plan: &Plan,
    problems: Vec<Problem>,
    spent: &Spent,
    session: &Session,
) {
    add_planning(report, spent);
    add_quota(report, session);
    report.calls.one_per_object.get_or_insert(plan.cost.one_per_object);
    for warning in &plan.warnings {
        if !report.warnings.contains(warning) {
            report.warnings.push(warning.clone());
        }
    }
    if report.problems.is_empty() {
        report.problems = problems;
    }
}

/// Adds what is known of the quota, where the run itself has seen nothing of it.
pub(crate) fn add_quota(report: &mut Report, session: &Session) {
    for (class, known) in quota(&session.quota()) {
        report.quota.entry(class).or_insert(known);
    }
}

/// Takes in what planning cost.
pub(crate) fn add_planning(report: &mut Report, spent: &Spent) {
    report.calls.read += spent.reads;
    report.calls.throttled += spent.throttled;
    report.calls.retried += spent.retried;
    report.timings.read_ms = spent.timings.read_ms;
    report.timings.plan_ms = spent.timings.plan_ms;
}

/// What is known of the quota, for a report.
fn quota(view: &QuotaView) -> BTreeMap<Class, QuotaReport> {
    let of = |quota: &connexa_engine::quota::ClassQuota| {
        let known = quota.source != QuotaSource::None;
        QuotaReport {
            burst: known.then_some(quota.burst),
            rate: known.then_some(quota.rate),
            seconds: known.then_some(quota.seconds),
            source: quota.source,
        }
    };
    view.classes.iter().map(|(class, quota)| (*class, of(quota))).collect()
}
