//! A report is a fold over the records of a run.

use super::{
    CallCounts, Lists, QuotaReport, QuotaSource, Report, ReportedChange, RunHeader, RunOutcome, Timings,
    Verdict,
};
use crate::{machine::AttemptId, record::Record};
use connexa_types::{Class, Outcome, Timestamp};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// The schema that a report says it follows.
pub const REPORT_SCHEMA: &str = "connexa.report/1";

/// A report on its way.
#[derive(Clone, Debug)]
pub struct ReportFold {
    run: RunHeader,
    outcome: RunOutcome,
    calls: CallCounts,
    quota: BTreeMap<Class, QuotaReport>,
    timings: Timings,
    warnings: Vec<String>,
    /// Verdicts by the place of their change in the plan, which is that in the input.
    changes: BTreeMap<usize, (Verdict, Box<ReportedChange>)>,
    /// Classes of the attempts that have not ended.
    open: HashMap<AttemptId, Class>,
}

impl ReportFold {
    /// A fold that has seen nothing.
    pub fn new() -> Self {
        Self {
            run: RunHeader {
                id: String::new(),
                command: String::new(),
                tenant: String::new(),
                profile: None,
                started: Timestamp::UNIX_EPOCH,
                finished: None,
            },
            outcome: RunOutcome::Running,
            calls: CallCounts::default(),
            quota: BTreeMap::new(),
            timings: Timings::default(),
            warnings: Vec::new(),
            changes: BTreeMap::new(),
            open: HashMap::new(),
        }
    }

    /// Takes in the next record.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::RunStarted { run, tenant, command, at, .. } => {
                self.run.id.clone_from(&run.0);
                self.run.command.clone_from(command);
                self.run.tenant = tenant.to_string();
                self.run.started = *at;
            }
            Record::AttemptStarted { attempt, number, call, .. } => {
                self.open.insert(*attempt, call.class());
                self.calls.retried += u64::from(*number > 1);
            }
            Record::AttemptEnded { attempt, outcome, quota, wire_calls, .. } => {
                let Some(class) = self.open.remove(attempt) else { return };
                match class {
                    Class::Read => self.calls.read += u64::from(*wire_calls),
                    Class::Update => self.calls.update += u64::from(*wire_calls),
                }
                self.calls.throttled += u64::from(matches!(outcome, Outcome::Throttled(_)));
                match quota {
                    Some(headers) => {
                        let seen = QuotaReport {
                            burst: headers.burst,
                            rate: headers.rate,
                            seconds: headers.seconds,
                            source: QuotaSource::Observed,
                        };
                        self.quota.insert(class, seen);
                    }
                    None if matches!(outcome, Outcome::Applied(_) | Outcome::Rejected(_)) => {
                        let none =
                            QuotaReport { burst: None, rate: None, seconds: None, source: QuotaSource::None };
                        self.quota.entry(class).or_insert(none);
                    }
                    None => {}
                }
            }
            Record::ChangeEnded { change, verdict, report, .. } => {
                self.changes.insert(*change, (*verdict, report.clone()));
            }
            Record::BatchesRefused { reason, .. } => {
                self.warnings.push(format!("{reason}: calls went one by one"));
            }
            Record::RunContinued { .. } => {
                self.outcome = RunOutcome::Running;
                self.run.finished = None;
            }
            Record::OperationAdded { .. }
            | Record::OperationUnsettled { .. }
            | Record::OperationEnded { .. }
            | Record::UndoStarted { .. }
            | Record::WaveStarted { .. }
            | Record::KindStopped { .. }
            | Record::StopRequested { .. } => {}
            Record::RunFinished { outcome, timings, at } => {
                self.outcome = *outcome;
                self.run.finished = Some(*at);
                // Each leg of a run has its own.
                self.timings.run_ms += milliseconds(timings.run);
                self.timings.waiting_ms += milliseconds(timings.waiting);
                self.timings.engine_ms += milliseconds(timings.engine);
                if let Some(recovery) = timings.recovery {
                    *self.timings.recovery_ms.get_or_insert(0.0) += milliseconds(recovery);
                }
            }
        }
    }

    /// What went wrong with a change, as far as is known.
    pub(crate) fn error_of(&self, change: usize) -> Option<String> {
        self.changes.get(&change)?.1.error.clone()
    }

    /// What is said of a change so far.
    pub(crate) fn change(&self, change: usize) -> Option<&(Verdict, Box<ReportedChange>)> {
        self.changes.get(&change)
    }

    /// The id of the object of a change that succeeded.
    pub(crate) fn id_of(&self, change: usize) -> Option<String> {
        let (verdict, report) = self.changes.get(&change)?;
        report.id.clone().filter(|_| *verdict == Verdict::Succeeded)
    }

    /// The report so far.
    pub fn finish(self) -> Report {
        let mut counts: BTreeMap<String, BTreeMap<Verdict, u64>> = BTreeMap::new();
        let mut lists = Lists::default();
        for (verdict, change) in self.changes.into_values() {
            *counts.entry(change.kind.clone()).or_default().entry(verdict).or_default() += 1;
            lists.of_mut(verdict).push(*change);
        }
        Report {
            schema: REPORT_SCHEMA.to_owned(),
            run: self.run,
            outcome: self.outcome,
            counts,
            calls: self.calls,
            quota: self.quota,
            timings: self.timings,
            failures_file: None,
            warnings: self.warnings,
            lists,
            problems: Vec::new(),
        }
    }
}

impl Default for ReportFold {
    fn default() -> Self {
        Self::new()
    }
}

impl Report {
    /// Folds the records of a run, from the first on, into its report. What the process knows beyond the records (the
    /// profile, times and calls of planning, the file of failures) is for the caller to add.
    pub fn fold<'r>(records: impl IntoIterator<Item = &'r Record>) -> Self {
        let mut fold = ReportFold::new();
        for record in records {
            fold.apply(record);
        }
        fold.finish()
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
