//! A 4xx in our words: the server's own follow verbatim, its field names become those of the spec (`path`).

mod path;

use super::ruling::Ruling;
use crate::{
    catalog,
    plan::{Change, Operation, Plan},
    report::ErrorType,
};
use connexa_types::{CallBody, ErrorDetail, Kind, Rejection};
use path::Path;
use std::collections::{BTreeMap, BTreeSet};

/// Field in spec names → messages.
type Details = BTreeMap<String, Vec<String>>;

/// The verdicts of all that a refused call carried, where nothing of it was applied: the principal change gets every
/// detail under its path, a passenger those that name it.
pub(super) fn refused(plan: &Plan, operation: &Operation, rejection: &Rejection) -> Vec<(usize, Ruling)> {
    let error_type = error_type(rejection);
    let error = format!("{}; nothing was changed{}", headline(rejection), server_words(rejection));
    let (principal, mut passengers) = translate(plan, operation, rejection);
    operation
        .carries
        .iter()
        .enumerate()
        .map(|(place, carried)| {
            let detail = if place == 0 {
                principal.clone()
            } else {
                passengers.remove(carried.at.as_str()).unwrap_or_default()
            };
            (carried.change, Ruling { detail, ..Ruling::failed(error_type, error.clone()) })
        })
        .collect()
}

/// The passengers that a refusal names, if it complains of nothing else.
pub(super) fn named(operation: &Operation, rejection: &Rejection) -> BTreeSet<usize> {
    let details = rejection.error.iter().flat_map(|error| &error.error_details);
    let passengers =
        details.map(|(key, _)| Path::parse(key).passenger(operation).map(|carried| carried.change));
    passengers.collect::<Option<BTreeSet<usize>>>().unwrap_or_default()
}

/// What the status and the server's words are, in one line.
pub(super) fn summary(rejection: &Rejection) -> String {
    format!("{}{}", headline(rejection), server_words(rejection))
}

pub(super) fn error_type(rejection: &Rejection) -> ErrorType {
    match rejection.status {
        403 => ErrorType::PermissionDenied,
        _ if rejection.gone.is_some() => ErrorType::NotFound,
        404 => ErrorType::NotFound,
        409 => ErrorType::Conflict,
        _ => ErrorType::Rejected,
    }
}

fn headline(rejection: &Rejection) -> String {
    let reason = rejection.error.as_ref().and_then(|error| error.status_error.as_deref());
    let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
    format!("refused by the service ({}{reason})", rejection.status)
}

fn server_words(rejection: &Rejection) -> String {
    let words = rejection.words();
    if words.is_empty() { words } else { format!(": {words}") }
}

/// The details of the principal change, and those of each passenger by its place in the body.
fn translate(
    plan: &Plan,
    operation: &Operation,
    rejection: &Rejection,
) -> (Details, BTreeMap<String, Details>) {
    let mut principal = Details::new();
    let mut passengers: BTreeMap<String, Details> = BTreeMap::new();
    let details = rejection.error.iter().flat_map(|error| &error.error_details);
    let body = operation.call.body.as_ref().and_then(|body| match body {
        CallBody::Json(body) => Some(body),
        CallBody::Text(_) => None,
    });
    for (key, list) in details {
        let messages: Vec<String> = list.iter().map(ErrorDetail::text).collect();
        let path = Path::parse(key);
        let principal_kind = operation.carries.first().map(|carried| &plan.changes[carried.change]);
        let name = match path.passenger(operation) {
            Some(carried) => {
                let change = &plan.changes[carried.change];
                // Without a field, the complaint is about the one that says what the passenger is.
                let inner = path.below(2).named(change, None).unwrap_or_else(|| key_name(change));
                let place = passengers.entry(carried.at.as_str().to_owned()).or_default();
                place.entry(inner.clone()).or_default().extend(messages.iter().cloned());
                format!("{}.{inner}", path.head(2))
            }
            None => principal_kind.and_then(|change| path.named(change, body)).unwrap_or_else(|| key.clone()),
        };
        principal.entry(name).or_default().extend(messages);
    }
    (principal, passengers)
}

fn key_name(change: &Change) -> String {
    let kind = change.kind.parse::<Kind>();
    kind.map_or_else(|_| "name".to_owned(), |kind| catalog::definition(kind).key_name.to_owned())
}
