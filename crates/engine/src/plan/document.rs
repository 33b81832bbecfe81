//! The document `connexa.plan/1`.

use super::types::{Action, Change, Cost, Plan, Stage};
use crate::{
    desired::Source,
    problem::Problem,
    report::{ErrorType, QuotaSource},
    shared_json::SharedJson,
    sorted_map::SortedMap,
};
use connexa_types::{Class, Endpoint, Method};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Times of a plan, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PlanTimings {
    /// First list call to last answer.
    pub read_ms: f64,
    /// Parsing to plan, reading included.
    pub plan_ms: f64,
}

/// The document `connexa.plan/1`.
#[derive(Clone, Debug, Serialize)]
pub struct PlanDocument<'p> {
    schema: &'static str,
    tenant: &'p str,
    changes: Vec<PlannedChange<'p>>,
    operations: Vec<PlannedOperation<'p>>,
    cost: DocumentCost<'p>,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "<[Problem]>::is_empty")]
    problems: &'p [Problem],
    fingerprint: &'p str,
    timings: PlanTimings,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<RefusedChange<'p>>,
}

#[derive(Clone, Debug, Serialize)]
struct PlannedChange<'p> {
    kind: &'p str,
    key: &'p str,
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'p str>,
    #[serde(skip_serializing_if = "SortedMap::is_empty")]
    fields: &'p SortedMap<String, [Value; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    irreversible: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'p Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verb: Option<&'p str>,
}

#[derive(Clone, Debug, Serialize)]
struct PlannedOperation<'p> {
    id: &'p str,
    method: Method,
    path: &'static str,
    class: Class,
    changes: Vec<usize>,
    needs: Vec<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'p str>,
}

#[derive(Clone, Debug, Serialize)]
struct DocumentCost<'p> {
    read: u64,
    update: u64,
    one_per_object: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    assumed_seconds: &'p BTreeMap<String, f64>,
    quota_source: QuotaSource,
}

#[derive(Clone, Debug, Serialize)]
struct RefusedChange<'p> {
    kind: &'p str,
    key: &'p str,
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'p SharedJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'p Source>,
    error: &'p str,
    error_type: ErrorType,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    error_detail: &'p BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'p str>,
}

/// The document of a plan. What the plan itself refuses (invalid items, conflicts, what hangs on them) stands in
/// `refused` and not in `changes`; operations count in the document's own `changes`.
pub fn document(plan: &Plan, timings: PlanTimings) -> PlanDocument<'_> {
    let mut carrier: Vec<Option<&str>> = vec![None; plan.changes.len()];
    for operation in &plan.operations {
        for carried in &operation.carries {
            carrier[carried.change].get_or_insert(&operation.id.0);
        }
    }
    let mut place = vec![0; plan.changes.len()];
    let mut changes = Vec::new();
    let mut refused = Vec::new();
    for (index, change) in plan.changes.iter().enumerate() {
        if let Some(refusal) = refused_change(change) {
            refused.push(refusal);
            continue;
        }
        place[index] = changes.len();
        changes.push(PlannedChange {
            kind: &change.kind,
            key: &change.key,
            action: change.action,
            id: change.id.as_deref(),
            fields: &change.fields,
            operation: carrier[index],
            irreversible: change.irreversible.as_deref(),
            notice: change.notice.as_deref(),
            source: change.source.as_ref(),
            unit: change.unit.as_deref(),
            verb: change.verb.as_deref(),
        });
    }
    // Who only waits makes no call of its own.
    let calls = plan.operations.iter().filter(|operation| !matches!(operation.stage, Some(Stage::Await(_))));
    let operations = calls
        .map(|operation| {
            let endpoint: Endpoint = operation.call.endpoint;
            PlannedOperation {
                id: &operation.id.0,
                method: endpoint.info().method,
                path: endpoint.info().path,
                class: operation.class(),
                changes: operation.carries.iter().map(|carried| place[carried.change]).collect(),
                needs: operation.needs.iter().map(|need| plan.operations[*need].id.0.as_str()).collect(),
                unit: operation.unit.as_deref(),
            }
        })
        .collect();
    let warnings = plan.warnings.iter().cloned().chain(plan.problems.iter().map(warning)).collect();
    PlanDocument {
        schema: "connexa.plan/1",
        tenant: plan.tenant.as_str(),
        changes,
        operations,
        cost: document_cost(&plan.cost),
        warnings,
        problems: &plan.problems,
        fingerprint: &plan.fingerprint,
        timings,
        refused,
    }
}

fn refused_change(change: &Change) -> Option<RefusedChange<'_>> {
    let preset = change.preset.as_ref()?;
    Some(RefusedChange {
        kind: &change.kind,
        key: &change.key,
        action: change.action,
        id: change.id.as_deref(),
        item: change.item.as_ref(),
        source: change.source.as_ref(),
        error: &preset.error,
        error_type: preset.error_type,
        error_detail: &preset.error_detail,
        cause: preset.cause.as_deref(),
    })
}

fn document_cost(cost: &Cost) -> DocumentCost<'_> {
    DocumentCost {
        read: cost.read,
        update: cost.update,
        one_per_object: cost.one_per_object,
        seconds: cost.seconds,
        assumed_seconds: &cost.assumed_seconds,
        quota_source: cost.quota_source.unwrap_or(QuotaSource::Assumed),
    }
}

/// A warning about an item as one line.
fn warning(problem: &Problem) -> String {
    let place = match (&problem.file, problem.line) {
        (Some(file), Some(line)) => format!("{file}:{line}: "),
        _ => String::new(),
    };
    format!("{place}{} ({})", problem.message, problem.code)
}
