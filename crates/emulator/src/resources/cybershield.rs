//! Cyber Shield domain filtering (API sections 5.19 and 6.23): two lists that can be changed and not read.

use super::body;
use crate::{
    refusal::{Code, Complaints, Refusal},
    request::{Answer, Request},
    state::{State, fold, table::list},
    validate::{Field, MANY, Nest, Rule, Schema, optional, required, schema},
};
use connexa_types::Kind;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// The most characters of a domain and its comment together.
const DOMAIN_AND_COMMENT: usize = 150;

const DOMAIN: Field = required("domain", Rule::Domain);

/// The page of the allow list calls the comment mandatory.
static ALLOWED: Schema =
    Schema { fields: &[DOMAIN, required("comment", Rule::Text)], also: Some(not_too_long) };
static BLOCKED: Schema =
    Schema { fields: &[DOMAIN, optional("comment", Rule::Text)], also: Some(not_too_long) };

static ADD_ALLOWED: Schema =
    schema(&[required("domainAndComments", Rule::List(0, MANY, &Rule::Object(&ALLOWED)))]);
static ADD_BLOCKED: Schema =
    schema(&[required("domainAndComments", Rule::List(0, MANY, &Rule::Object(&BLOCKED)))]);

/// No limit of the number of removals is stated.
static REMOVE: Schema = schema(&[required("domains", Rule::List(0, usize::MAX, &Rule::Domain))]);

fn not_too_long(entry: &Map<String, Value>, nest: &mut Nest<'_>) {
    let length = |name| entry.get(name).and_then(Value::as_str).map_or(0, |text| text.chars().count());
    let domain = length("domain");
    match DOMAIN_AND_COMMENT.checked_sub(domain) {
        None => nest.length("domain", 1, DOMAIN_AND_COMMENT),
        Some(room) if length("comment") > room => nest.length("comment", 0, room),
        Some(_) => {}
    }
}

/// Adds domains, or replaces their comments; of a domain that stands twice the last entry counts.
pub(super) fn add(request: &Request<'_>, state: &mut State, kind: Kind) -> Result<Answer, Refusal> {
    let request_schema = if kind == Kind::AllowDomain { &ADD_ALLOWED } else { &ADD_BLOCKED };
    let added = body(request, request_schema, state)?;
    for entry in list(&added, "domainAndComments").iter().filter_map(Value::as_object) {
        let domain = entry.get("domain").and_then(Value::as_str).unwrap_or_default();
        match state.holder_of_name(kind, domain).map(str::to_owned) {
            Some(id) => state.update(kind, &id, entry.clone()),
            None => {
                state.create(kind, None, entry.clone());
            }
        }
    }
    Ok(Answer::Empty)
}

/// Removes domains; one that is not on the list is gone already.
pub(super) fn remove(request: &Request<'_>, state: &mut State, kind: Kind) -> Result<Answer, Refusal> {
    let removed = body(request, &REMOVE, state)?;
    let domains: Vec<&str> = list(&removed, "domains").iter().filter_map(Value::as_str).collect();
    let (mut seen, mut complaints) = (HashSet::new(), Complaints::default());
    for (index, domain) in domains.iter().enumerate() {
        if !seen.insert(fold(domain)) {
            complaints.add(format!("domains[{index}]"), Code::Conflict, "This domain stands here twice");
        }
    }
    complaints.into_result()?;
    for domain in domains {
        if let Some(id) = state.holder_of_name(kind, domain).map(str::to_owned) {
            state.delete(kind, &id);
        }
    }
    Ok(Answer::Empty)
}
