//! Carrying a plan out: the run machine, driven and recorded; and what its report says beside its verdicts.

use super::{Session, planning::Spent, seed};
use connexa_engine::{
    drive::{Ports, Recording, drive},
    journal::MemoryJournal,
    machine::Stop,
    plan::Plan,
    ports::{Actor, Claim, ClaimError, Journal as _},
    problem::Problem,
    quota::QuotaView,
    record::{Event, RunId},
    report::{QuotaReport, QuotaSource, Report},
    run::{Run, RunOptions},
};
use connexa_types::Class;
use futures_util::Stream;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What a run carries out, and how.
pub(crate) struct Request<'a> {
    /// The plan.
    pub(crate) plan: Arc<Plan>,
    /// The command, such as `apply`.
    pub(crate) command: &'a str,
    /// How.
    pub(crate) options: RunOptions,
    /// What it is driven with; where it is recorded is added.
    pub(crate) ports: Ports<'a>,
}

/// A run's id: sorts by start.
pub(crate) fn new_id() -> RunId {
    RunId(uuid::Uuid::now_v7().to_string())
}

/// Carries a plan out. What comes on `stops` is passed on to it.
///
/// Dropping the future ends it at once: of calls in flight nobody knows then whether they are carried out.
pub(crate) async fn run(
    id: &RunId,
    request: Request<'_>,
    session: &Session,
    watch: &mut (dyn FnMut(&Event) + Send),
    stops: impl Stream<Item = Stop>,
) -> Result<Report, ClaimError> {
    let Request { plan, command, options, ports } = request;
    let journal = MemoryJournal::new();
    let claim = Claim {
        run: id.clone(),
        tenant: plan.tenant.clone(),
        command: command.to_owned(),
        started: session.now().wall,
        keys: plan.changes.iter().map(|change| format!("{}/{}", change.kind, change.key)).collect(),
        plan: Some(Arc::clone(&plan)),
        take_over: false,
        actor: Actor::default(),
    };
    let lease = journal.claim(claim).await?;
    tracing::info!(run = %id, operations = plan.operations.len(), "run started");
    let options = RunOptions { update_period: update_period(session), ..options };
    let machine = Run::new(id.clone(), plan, options, seed());
    let ports = Ports { recording: Some(Recording { journal: &journal, lease: &lease }), ..ports };
    let report = drive(machine, ports, watch, stops).await;
    tracing::info!(run = %id, "run ended");
    Ok(*report)
}

/// The period of the update class, as far as it is known.
fn update_period(session: &Session) -> Option<Duration> {
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
    for (class, known) in quota(&session.quota()) {
        report.quota.entry(class).or_insert(known);
    }
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
