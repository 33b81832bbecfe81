//! Reports of commands that were refused before any change, and of runs that were cut off.

use crate::session::history::{blank, planned};
use connexa_engine::{
    desired::{DesiredState, Item},
    plan::{Action, Plan},
    problem::Problem,
    report::{CallCounts, ErrorType, Lists, Report, ReportedChange, RunHeader, RunOutcome, Timings, Verdict},
};
use connexa_types::Timestamp;
use std::collections::BTreeMap;

/// A report in which nothing was done.
pub(crate) fn report(command: &str, tenant: &str, started: Timestamp) -> Report {
    Report {
        schema: "connexa.report/1".to_owned(),
        run: RunHeader {
            id: uuid::Uuid::now_v7().to_string(),
            command: command.to_owned(),
            tenant: tenant.to_owned(),
            profile: None,
            started,
            finished: Some(Timestamp::now().max(started)),
        },
        outcome: RunOutcome::Refused,
        counts: BTreeMap::new(),
        calls: CallCounts::default(),
        quota: BTreeMap::new(),
        timings: Timings::default(),
        failures_file: None,
        warnings: Vec::new(),
        lists: Lists::default(),
        problems: Vec::new(),
    }
}

/// Puts changes into the lists of a report, in their order.
pub(crate) fn fill(report: &mut Report, changes: impl IntoIterator<Item = (Verdict, ReportedChange)>) {
    for (verdict, change) in changes {
        *report.counts.entry(change.kind.clone()).or_default().entry(verdict).or_default() += 1;
        report.lists.of_mut(verdict).push(change);
    }
}

/// Items before a plan: those with errors failed, the others were never started.
pub(crate) fn items<'a>(
    desired: &'a DesiredState,
    problems: &'a [Problem],
    action: Action,
) -> impl Iterator<Item = (Verdict, ReportedChange)> + 'a {
    desired.items.iter().map(move |item| {
        let mut change = blank(kind_of(item), item.label(), action);
        change.item = Some(item.given.clone());
        change.source = Some(item.source.clone());
        let own: Vec<&Problem> = if item.problems.is_empty() {
            let is_own = |p: &&Problem| {
                p.is_error()
                    && p.kind.as_deref() == Some(change.kind.as_str())
                    && p.key.as_deref() == Some(&change.key)
            };
            problems.iter().filter(is_own).collect()
        } else {
            item.problems.iter().filter(|p| p.is_error()).collect()
        };
        if own.is_empty() {
            return (Verdict::Unprocessed, change);
        }
        invalid(&mut change, &own);
        (Verdict::Failed, change)
    })
}

fn kind_of(item: &Item) -> &str {
    match &item.kind {
        Ok(kind) => kind.singular(),
        Err(word) => word,
    }
}

fn invalid(change: &mut ReportedChange, problems: &[&Problem]) {
    let mut detail: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for problem in problems {
        let field = problem.path.clone().unwrap_or_else(|| "kind".to_owned());
        let message = match &problem.expected {
            Some(expected) => format!("{}, expected {expected} ({})", problem.message, problem.code),
            None => format!("{} ({})", problem.message, problem.code),
        };
        detail.entry(field).or_default().push(message);
    }
    let messages: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    change.error = Some(match messages.as_slice() {
        [one] => format!("the item is not valid: {one}"),
        several => format!("the item has {} problems: {}", several.len(), several.join("; ")),
    });
    change.error_type = Some(ErrorType::ValidationError);
    change.error_detail = Some(detail);
}

/// Changes of a plan that is not carried out: what the plan itself decided stands, the rest was never started.
pub(crate) fn changes(plan: &Plan) -> impl Iterator<Item = (Verdict, ReportedChange)> + '_ {
    (0..plan.changes.len()).map(|index| planned(plan, index))
}
