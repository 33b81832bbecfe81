//! Sessions, the audit log, the DNS log and their two switches (API sections 4.2, 4.3, 5.18 and 6.19 to 6.21).
//!
//! The audit log is real: [`crate::state::audit`] keeps what calls have changed. Sessions and the DNS log are made up
//! ([`past`]), from the seed and the date alone, so that the same moment always has the same past. Everything is given
//! out oldest first; a cursor is the id of the entry that comes next, 24 hex digits (row 49).

mod past;

use super::page_answer;
use crate::{
    refusal::{Code, Complaints, Refusal},
    request::{Answer, PageRequest, Query, Request},
    state::{State, audit::AuditEntry, settings::Settings},
};
use connexa_types::{Timestamp, schema::SessionStatus};
use jiff::SignedDuration;
use serde_json::{Map, Value};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How far back sessions and the DNS log go. The audit log's depth depends on the plan; this one has the same.
const HISTORY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// `GET /sessions`.
pub(super) fn sessions(request: &Request<'_>, state: &State) -> Result<Answer, Refusal> {
    let (query, now) = (&request.query, request.now.wall);
    let mut complaints = Complaints::default();
    let size = PageRequest { page: 0, size: query.integer("size", 1, 1, 100, &mut complaints) }.limit();
    let from = history_instant(query, "startDate", now, &mut complaints).unwrap_or_else(|| before(now, DAY));
    let to = instant(query, "endDate", &mut complaints);
    let status = word(query, "status", SessionStatus::VALUES, &mut complaints);
    let only_new = boolean(query, "returnOnlyNew", &mut complaints);
    let all = past::sessions(request.config.seed, now);
    let first = cursor(query, all.iter().map(|s| s.id.as_str()), &mut complaints);
    complaints.into_result()?;

    let inside = |at: Timestamp| at >= from && to.is_none_or(|to| at < to);
    let mut wanted = all.iter().skip(first).filter(|s| {
        // A session that goes on is updated all the time, so at this moment too.
        let updated = s.end.unwrap_or(now);
        (inside(s.start) || !only_new && inside(updated))
            && status.is_none_or(|word| s.status.as_str() == word)
    });
    let content: Vec<Value> = wanted.by_ref().take(size).map(|s| s.render(state)).collect();
    Ok(page("sessions", content, wanted.next().map(|s| s.id.clone())))
}

/// `GET /audit-log`.
pub(super) fn audit_log(request: &Request<'_>, state: &State) -> Result<Answer, Refusal> {
    let (query, now) = (&request.query, request.now.wall);
    let mut complaints = Complaints::default();
    let size = PageRequest { page: 0, size: query.integer("size", 1, 1, 100, &mut complaints) }.limit();
    let start = history_instant(query, "startDate", now, &mut complaints);
    let end = instant(query, "endDate", &mut complaints);
    if let (Some(start), Some(end)) = (start, end)
        && end.duration_since(start) > DAY
    {
        complaints.add("endDate", Code::Conflict, "At most 24 hours can be asked for at once");
    }
    let from = start.unwrap_or_else(|| before(now, DAY));
    // Without an end: a whole window, or all that has happened by now.
    let to = end.or_else(|| start.map(|start| after(start, DAY))).unwrap_or(Timestamp::MAX);
    let initiator = query.get("initiatorId");
    let wanted =
        || state.audit().between(from, to).filter(|e| initiator.is_none_or(|id| *e.initiator == *id));
    let first = match query.get("cursor") {
        None => 0,
        Some(cursor) => wanted().position(|e| e.id() == cursor).unwrap_or_else(|| {
            unknown_cursor(&mut complaints);
            0
        }),
    };
    complaints.into_result()?;

    let mut wanted = wanted().skip(first);
    let content =
        wanted.by_ref().take(size).map(|e| serde_json::from_str(&e.json).unwrap_or_default()).collect();
    Ok(page("auditLogs", content, wanted.next().map(AuditEntry::id)))
}

/// `GET /dns-log/user-dns-resolutions/page`.
pub(super) fn dns_log(request: &Request<'_>, state: &State) -> Result<Answer, Refusal> {
    let (query, now) = (&request.query, request.now.wall);
    let mut complaints = Complaints::default();
    let start = history_instant(query, "startHour", now, &mut complaints);
    let hours_back = query.integer("hoursBack", 1, 1, 2, &mut complaints);
    let page = query.integer("page", 0, 0, i32::MAX.unsigned_abs(), &mut complaints);
    let size = query.integer("size", 500, 10, 10_000, &mut complaints);
    complaints.into_result()?;

    let page = PageRequest { page, size };
    let last_hour = start.unwrap_or(now).as_second().div_euclid(3600);
    let hours = (last_hour + 1 - i64::from(hours_back))..=last_hour;
    let all: Vec<Value> = hours
        .filter(|hour| *hour * 3600 <= now.as_second())
        .flat_map(|hour| past::resolutions(request.config.seed, hour, state))
        .collect();
    let total = all.len();
    let content: Vec<Value> = all.into_iter().skip(page.offset()).take(page.limit()).collect();
    Ok(page_answer(page, total, content))
}

/// Turns a switch on or off; a body is ignored (the official client sends one).
pub(super) fn switch(state: &mut State, path: &str, on: bool) -> Answer {
    state.set_setting(path, on.into());
    Answer::Empty
}

/// Answers whether a switch is on.
pub(super) fn switched(state: &State, path: &str) -> Answer {
    Answer::Json(state.settings().get(path).clone())
}

/// The switch of the DNS log.
pub(super) const DNS_LOG: &str = Settings::DNS_LOG;
/// The switch of Access Visibility.
pub(super) const ACCESS_VISIBILITY: &str = Settings::ACCESS_VISIBILITY;

fn page(name: &str, content: Vec<Value>, next: Option<String>) -> Answer {
    let mut page = Map::from_iter([(name.to_owned(), content.into())]);
    if let Some(next) = next {
        page.insert("nextCursor".into(), next.into());
    }
    Answer::Json(page.into())
}

/// Finds the place of the cursor among ids; 0 without one.
fn cursor<'a>(query: &Query, mut ids: impl Iterator<Item = &'a str>, complaints: &mut Complaints) -> usize {
    let Some(cursor) = query.get("cursor") else { return 0 };
    ids.position(|id| id == cursor).unwrap_or_else(|| {
        unknown_cursor(complaints);
        0
    })
}

fn unknown_cursor(complaints: &mut Complaints) {
    complaints.add("cursor", Code::NotFound, "cursor not found");
}

/// An instant of the query.
fn instant(query: &Query, name: &str, complaints: &mut Complaints) -> Option<Timestamp> {
    let text = query.get(name)?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        complaints.add(name, Code::Format, "Must be an ISO 8601 instant, such as 2022-11-08T14:53:43Z");
    }
    parsed
}

/// An instant of the query that lies within what is kept.
fn history_instant(
    query: &Query,
    name: &str,
    now: Timestamp,
    complaints: &mut Complaints,
) -> Option<Timestamp> {
    let at = instant(query, name, complaints)?;
    if at < before(now, HISTORY) {
        complaints.add(name, Code::Format, "Must not lie more than 30 days back");
    }
    Some(at)
}

fn word(
    query: &Query,
    name: &str,
    words: &[&'static str],
    complaints: &mut Complaints,
) -> Option<&'static str> {
    let text = query.get(name)?;
    let found = words.iter().copied().find(|word| *word == text);
    if found.is_none() {
        complaints.add(name, Code::Enum, format!("Must be one of {}", words.join(", ")));
    }
    found
}

fn boolean(query: &Query, name: &str, complaints: &mut Complaints) -> bool {
    match query.get(name) {
        Some("true") => true,
        None | Some("false") => false,
        Some(_) => {
            complaints.add(name, Code::Format, "Must be true or false");
            false
        }
    }
}

/// `at - duration`, or the first instant that there is.
fn before(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

/// `at + duration`, or the last instant that there is.
fn after(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}
