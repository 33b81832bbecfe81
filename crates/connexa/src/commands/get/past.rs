//! Sessions, the audit log and the DNS log (API sections 4.2, 4.3 and 5.18), as the API gives them.

use super::rows::Row;
use crate::{cli::Past, exit::Exit, failure::Failure, looking::Tenant};
use connexa_types::{Call, Endpoint, Timestamp};
use jiff::{SignedDuration, civil::Date, tz::TimeZone};
use serde_json::Value;
use std::num::NonZeroUsize;

/// What the service keeps of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    Sessions,
    Audit,
    Dns,
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// The longest time that one call to the audit log may span.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Most entries that one call shows: of sessions and the audit log, of the DNS log.
const CURSOR_PAGE: usize = 100;
const DNS_PAGE: usize = 10_000;

impl Past {
    /// Whether anything of the past is asked for.
    pub(super) fn is_given(&self) -> bool {
        let Self { from, to, status, only_new, initiator } = self;
        from.is_some() || to.is_some() || status.is_some() || *only_new || initiator.is_some()
    }
}

impl Log {
    pub(super) const fn one(self) -> &'static str {
        match self {
            Self::Sessions => "session",
            Self::Audit => "audit-log entry",
            Self::Dns => "dns-log entry",
        }
    }

    /// The fields that an entry can have (API sections 6.19 to 6.21).
    pub(super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Sessions => &[
                "id",
                "userName",
                "userId",
                "userGroup",
                "primaryGroupName",
                "secondaryGroupNames",
                "hostName",
                "hostId",
                "networkName",
                "networkId",
                "deviceName",
                "deviceId",
                "clientUUID",
                "osType",
                "osVersion",
                "connectorName",
                "connectorId",
                "region",
                "sessionStartTime",
                "status",
                "disconnectReason",
                "disconnectReasonDescription",
                "firstName",
                "lastName",
                "email",
                "bytesIn",
                "bytesOut",
                "protocol",
                "publicIp",
                "tunnelIpV4",
                "tunnelIpV6",
                "sessionEndTime",
                "sessionDurationSeconds",
            ],
            Self::Audit => &[
                "id",
                "tenantId",
                "timestamp",
                "initiatorType",
                "initiatorId",
                "initiatorFirstName",
                "initiatorLastName",
                "initiatorEmail",
                "initiatorName",
                "initiatorPublicIp",
                "initiatorAttributes",
                "operation",
                "entityType",
                "entityId",
                "entityName",
                "entityParentType",
                "entityParentId",
                "entityParentName",
                "description",
                "requestId",
                "additionalInfo",
                "fields",
                "initiatorDeleted",
            ],
            Self::Dns => &[
                "time",
                "domain",
                "memberId",
                "internalDomain",
                "allowedCount",
                "blockedCount",
                "failedCount",
            ],
        }
    }

    /// The columns for people, unless they name theirs.
    pub(super) const fn shown(self) -> &'static [&'static str] {
        match self {
            Self::Sessions => &[
                "sessionStartTime",
                "status",
                "userName",
                "deviceName",
                "networkName",
                "hostName",
                "connectorName",
                "region",
                "publicIp",
                "tunnelIpV4",
                "sessionDurationSeconds",
            ],
            Self::Audit => &[
                "timestamp",
                "initiatorName",
                "operation",
                "entityType",
                "entityName",
                "entityParentName",
                "description",
            ],
            Self::Dns => self.fields(),
        }
    }

    /// The fields that a name on the command line is held against; the first is the key.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Sessions => &["id", "userName", "deviceName", "connectorName"],
            Self::Audit => &["id", "entityName", "entityId"],
            Self::Dns => &["domain"],
        }
    }

    /// The filters that it has not.
    fn check(self, past: &Past) -> Result<(), Failure> {
        let sessions = self == Self::Sessions;
        let foreign = [
            ("--status", past.status.is_some() && !sessions),
            ("--only-new", past.only_new && !sessions),
            ("--initiator", past.initiator.is_some() && self != Self::Audit),
        ];
        match foreign.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failure::usage(format!("`{flag}` is not for {}", self.plural()))),
            None => Ok(()),
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Audit => "the audit log",
            Self::Dns => "the DNS log",
        }
    }
}

/// Reads entries in the order of the service; no more calls than it takes for `enough` of them.
pub(super) async fn read(
    log: Log,
    past: &Past,
    enough: Option<NonZeroUsize>,
    tenant: &mut Tenant<'_>,
) -> Result<Vec<Row>, Failure> {
    log.check(past)?;
    let now = tenant.now();
    let from = past.from.as_deref().map(|text| moment(text, "--from", now)).transpose()?;
    let to = past.to.as_deref().map(|text| moment(text, "--to", now)).transpose()?;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(Failure::usage("`--from` is not before `--to`"));
    }
    let enough = enough.map_or(usize::MAX, NonZeroUsize::get);
    let mut entries = Vec::new();
    match log {
        Log::Sessions => {
            let mut call = Call::new(Endpoint::SessionList);
            call = with_times(call, from, to);
            if let Some(status) = &past.status {
                call = call.query("status", status.to_uppercase());
            }
            if past.only_new {
                call = call.query("returnOnlyNew", true);
            }
            cursor(&call, "sessions", enough, &mut entries, tenant).await?;
        }
        Log::Audit => {
            for (from, to) in windows(from, to, now) {
                let mut call = with_times(Call::new(Endpoint::AuditLogList), from, to);
                if let Some(initiator) = &past.initiator {
                    call = call.query("initiatorId", initiator);
                }
                cursor(&call, "auditLogs", enough, &mut entries, tenant).await?;
            }
        }
        Log::Dns => {
            for (hour, back) in hours(from, to, now) {
                let call = Call::new(Endpoint::DnsLogList).query("startHour", hour).query("hoursBack", back);
                pages(&call, enough, &mut entries, tenant).await?;
            }
        }
    }
    entries.truncate(enough);
    Ok(entries.into_iter().filter_map(|entry| Row::of_answer(entry, log.names())).collect())
}

fn with_times(mut call: Call, from: Option<Timestamp>, to: Option<Timestamp>) -> Call {
    if let Some(from) = from {
        call = call.query("startDate", from);
    }
    if let Some(to) = to {
        call = call.query("endDate", to);
    }
    call
}

/// Follows the cursors of a list.
async fn cursor(
    call: &Call,
    name: &str,
    enough: usize,
    entries: &mut Vec<Value>,
    tenant: &mut Tenant<'_>,
) -> Result<(), Failure> {
    let mut next: Option<String> = None;
    while entries.len() < enough {
        let size = CURSOR_PAGE.min(enough - entries.len());
        let mut page = call.clone().query("size", size);
        if let Some(cursor) = &next {
            page = page.query("cursor", cursor);
        }
        let answer = tenant.fetch(&page).await?;
        let content = answer.json().and_then(|json| json.get(name)).and_then(Value::as_array);
        let Some(content) = content else { return Err(odd(name)) };
        entries.extend(content.iter().cloned());
        let following = answer.json().and_then(|json| json.get("nextCursor")).and_then(Value::as_str);
        match following.filter(|cursor| !cursor.is_empty()) {
            None => break,
            // It would go on for ever.
            Some(cursor) if next.as_deref() == Some(cursor) => return Err(odd(name)),
            Some(cursor) => next = Some(cursor.to_owned()),
        }
    }
    Ok(())
}

/// Reads the pages of a list.
async fn pages(
    call: &Call,
    enough: usize,
    entries: &mut Vec<Value>,
    tenant: &mut Tenant<'_>,
) -> Result<(), Failure> {
    let mut number = 0;
    while entries.len() < enough {
        let answer = tenant.fetch(&call.clone().query("page", number).query("size", DNS_PAGE)).await?;
        let page = answer.json().unwrap_or(&Value::Null);
        let Some(content) = page.get("content").and_then(Value::as_array) else {
            return Err(odd("content"));
        };
        entries.extend(content.iter().cloned());
        number += 1;
        if content.is_empty() || number >= page.get("totalPages").and_then(Value::as_u64).unwrap_or(0) {
            break;
        }
    }
    Ok(())
}

fn odd(name: &str) -> Failure {
    Failure::new(
        Exit::Unreachable,
        format!("the service answered with something other than a page of `{name}`"),
    )
}

/// Parts a time into windows that one call may ask for, the earliest first. Without a beginning it is the service's.
fn windows(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    now: Timestamp,
) -> Vec<(Option<Timestamp>, Option<Timestamp>)> {
    let Some(mut start) = from else { return vec![(None, to)] };
    let end = to.unwrap_or(now);
    let mut windows = Vec::new();
    while let Some(next) = start.checked_add(DAY).ok().filter(|next| *next < end) {
        windows.push((Some(start), Some(next)));
        start = next;
    }
    windows.push((Some(start), to));
    windows
}

/// The hours of a time, as calls to the DNS log name them: an hour, and how many up to it. The earliest first.
fn hours(from: Option<Timestamp>, to: Option<Timestamp>, now: Timestamp) -> Vec<(Timestamp, i64)> {
    let hour_of = |at: Timestamp| at.as_second().div_euclid(3600);
    // What ends at a full hour holds nothing of it.
    let last = to.map_or_else(|| hour_of(now), |to| (to.as_second() - 1).div_euclid(3600));
    let first = from.map_or_else(|| hour_of(to.unwrap_or(now).saturating_sub(HOUR).unwrap_or(now)), hour_of);
    let mut hours = Vec::new();
    let mut hour = first.min(last);
    while hour <= last {
        let back = (last - hour + 1).min(2);
        hour += back;
        // A count of hours within the range of timestamps is within it again.
        if let Ok(start) = Timestamp::from_second((hour - 1) * 3600) {
            hours.push((start, back));
        }
    }
    hours
}

/// Reads a moment: an instant, a date, or how long ago.
fn moment(text: &str, flag: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let text = text.trim();
    let instant = || text.parse::<Timestamp>().ok();
    let date = || Some(text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let ago = || now.checked_sub(text.parse::<SignedDuration>().ok()?).ok();
    let days_ago = || {
        let days: i64 = text.strip_suffix('d')?.trim().parse().ok()?;
        now.checked_sub(SignedDuration::from_hours(days.checked_mul(24)?)).ok()
    };
    let found =
        instant().or_else(date).or_else(ago).or_else(days_ago).filter(|at| *at <= now || flag == "--to");
    found.ok_or_else(|| {
        Failure::usage(format!("`{flag}` cannot be `{text}`")).hint(
            "an instant of the past such as 2026-01-31T08:00:00Z, a date such as 2026-01-31, or how long ago, such as 90m or 7d",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn moments() {
        let now = at("2026-01-31T12:00:00Z");
        let read = |text: &str| moment(text, "--from", now).map(|at| at.to_string()).ok();
        assert_eq!(read("2026-01-31T08:00:00Z").as_deref(), Some("2026-01-31T08:00:00Z"));
        assert_eq!(read("2026-01-30").as_deref(), Some("2026-01-30T00:00:00Z"));
        assert_eq!(read("90m").as_deref(), Some("2026-01-31T10:30:00Z"));
        assert_eq!(read("7d").as_deref(), Some("2026-01-24T12:00:00Z"));
        assert_eq!(read("2026-02-01"), None);
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn the_audit_log_is_read_day_by_day() {
        let now = at("2026-01-31T12:00:00Z");
        assert_eq!(windows(None, None, now), [(None, None)]);
        let start = at("2026-01-29T12:00:00Z");
        let middle = at("2026-01-30T12:00:00Z");
        assert_eq!(windows(Some(start), None, now), [(Some(start), Some(middle)), (Some(middle), None)]);
        let end = at("2026-01-30T13:00:00Z");
        assert_eq!(
            windows(Some(start), Some(end), now),
            [(Some(start), Some(middle)), (Some(middle), Some(end))]
        );
    }

    #[test]
    fn the_dns_log_is_read_two_hours_at_a_time() {
        let now = at("2026-01-31T12:30:00Z");
        assert_eq!(hours(None, None, now), [(at("2026-01-31T12:00:00Z"), 2)]);
        assert_eq!(
            hours(Some(at("2026-01-31T08:10:00Z")), Some(at("2026-01-31T11:00:00Z")), now),
            [(at("2026-01-31T09:00:00Z"), 2), (at("2026-01-31T10:00:00Z"), 1)]
        );
    }
}
