//! A made-up past (row 48): sessions of the tenant's owner, and the names that were looked up.
//!
//! Each day and each hour is drawn from the seed and its own number, so that nothing has to be kept and a clock that
//! moves on never changes what was.

use super::{DAY, HISTORY, after, before};
use crate::state::{State, addresses::BlockSize, ids::digest, table::Object};
use connexa_types::{Kind, Timestamp, schema::SessionStatus};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    /// 24 hex digits, rising with the start.
    pub(super) id: String,
    pub(super) start: Timestamp,
    /// None while it goes on.
    pub(super) end: Option<Timestamp>,
    pub(super) status: SessionStatus,
    draw: Draw,
}

/// Numbers that look random and depend on what they were drawn for.
#[derive(Debug)]
struct Draw([u8; 32]);

impl Draw {
    fn new(purpose: &str, seed: u64, number: i64, index: u8) -> Self {
        let mut input = number.to_be_bytes().to_vec();
        input.push(index);
        Self(digest(purpose, seed, &input))
    }

    /// A number below `end` (which is above 0); each `place` from 0 to 7 is drawn by itself.
    fn below(&self, place: usize, end: u32) -> u32 {
        let bytes = [0, 1, 2, 3].map(|i| self.0[place * 4 + i]);
        u32::from_be_bytes(bytes) % end
    }

    fn pick<'a, T: ?Sized>(&self, place: usize, from: &[&'a T]) -> &'a T {
        let end = u32::try_from(from.len()).expect("short lists");
        from[self.below(place, end) as usize]
    }
}

const SECONDS_PER_DAY: i64 = 86_400;

/// The sessions that began within the kept history up to `now`, by their start.
pub(super) fn sessions(seed: u64, now: Timestamp) -> Vec<Session> {
    let today = now.as_second().div_euclid(SECONDS_PER_DAY);
    let oldest = before(now, HISTORY);
    let days = today - HISTORY.as_secs() / DAY.as_secs()..=today;
    let mut sessions: Vec<Session> = days.flat_map(|day| sessions_of(seed, day, now)).collect();
    sessions.retain(|s| s.start >= oldest && s.start <= now);
    sessions.sort_by(|a, b| a.id.cmp(&b.id));
    sessions
}

/// Two to four sessions begin on a day.
fn sessions_of(seed: u64, day: i64, now: Timestamp) -> impl Iterator<Item = Session> {
    let count = 2 + Draw::new("sessions", seed, day, 0).below(0, 3);
    (0..u8::try_from(count).unwrap_or(u8::MAX)).filter_map(move |index| {
        let draw = Draw::new("session", seed, day, index);
        let second = day * SECONDS_PER_DAY + i64::from(draw.below(0, 86_400));
        let start = Timestamp::from_second(second).ok()?;
        let failed = draw.below(1, 12) == 0;
        let length = if failed { 0 } else { 60 + i64::from(draw.below(2, 8 * 3600)) };
        let end = Some(after(start, SignedDuration::from_secs(length))).filter(|end| *end <= now);
        let status = match end {
            _ if failed => SessionStatus::Failed,
            Some(_) => SessionStatus::Completed,
            None => SessionStatus::Active,
        };
        Some(Session { id: format!("{:016x}{index:08x}", second.max(0)), start, end, status, draw })
    })
}

impl Session {
    /// The `SessionResponse`. Users, groups and addresses are those that the tenant has now.
    pub(super) fn render(&self, state: &State) -> Value {
        let owner = state.objects(Kind::User, None).next();
        let group = owner.and_then(|owner| state.get(Kind::UserGroup, owner.text("groupId")));
        let text = |object: Option<&Object>, name: &str| {
            object.map(|o| o.text(name)).filter(|text| !text.is_empty()).map(Value::from)
        };
        let (os, version) = *self.draw.pick(3, &[&("Windows", "11"), &("macOS", "15.5"), &("Linux", "6.8")]);
        let over = self.end.is_some();
        let seconds = self.end.map(|end| end.duration_since(self.start).as_secs());
        let device = hex_id(&self.draw.0[16..]);
        let (settings, single) = (state.settings(), BlockSize::Single);
        let address = 10 + u64::from(self.draw.below(7, 200));
        let tunnel_v4 = settings.v4(single, address).map(|net| net.addr().to_string());
        let tunnel_v6 = settings.v6(single, address);
        let fields = [
            ("id", Some(self.id.as_str().into())),
            ("userName", text(owner, "username")),
            ("userId", text(owner, "id")),
            ("userGroup", text(group, "name")),
            ("primaryGroupName", text(group, "name")),
            ("secondaryGroupNames", Some(json!([]))),
            ("deviceName", Some(format!("{}-laptop", os.to_lowercase()).into())),
            ("deviceId", Some(device.as_str().into())),
            ("clientUUID", Some(device.as_str().into())),
            ("osType", Some(os.into())),
            ("osVersion", Some(version.into())),
            ("region", Some(state.settings().get("wpc/default-region").clone())),
            ("sessionStartTime", Some(self.start.to_string().into())),
            ("status", Some(self.status.as_str().into())),
            ("disconnectReason", over.then(|| self.reason().0.into())),
            ("disconnectReasonDescription", over.then(|| self.reason().1.into())),
            ("firstName", text(owner, "firstName")),
            ("lastName", text(owner, "lastName")),
            ("email", text(owner, "email")),
            ("bytesIn", Some(self.bytes(4).into())),
            ("bytesOut", Some(self.bytes(5).into())),
            ("protocol", Some("UDP".into())),
            ("publicIp", Some(format!("203.0.113.{}", 1 + self.draw.below(6, 254)).into())),
            ("tunnelIpV4", tunnel_v4.map(Value::from)),
            ("tunnelIpV6", tunnel_v6.map(|net| net.addr().to_string().into())),
            ("sessionEndTime", self.end.map(|end| end.to_string().into())),
            ("sessionDurationSeconds", seconds.map(Value::from)),
        ];
        let set = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(set.collect::<Map<_, _>>())
    }

    fn reason(&self) -> (&'static str, &'static str) {
        if self.status == SessionStatus::Failed {
            ("AUTH_FAILED", "Authentication failed")
        } else {
            ("CLIENT_DISCONNECT", "The client disconnected")
        }
    }

    fn bytes(&self, place: usize) -> u64 {
        if self.status == SessionStatus::Failed { 0 } else { u64::from(self.draw.below(place, u32::MAX)) }
    }
}

/// Sixteen bytes in the shape of a UUID.
fn hex_id(bytes: &[u8]) -> String {
    let text = crate::state::ids::hex(&bytes[..16]);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// Names that are looked up, and whether they are the tenant's own.
const LOOKED_UP: [(&str, bool); 8] = [
    ("wiki.corp.example", true),
    ("git.corp.example", true),
    ("mail.corp.example", true),
    ("www.example.com", false),
    ("updates.example.net", false),
    ("cdn.example.org", false),
    ("time.example.net", false),
    ("ads.example.org", false),
];

/// What was looked up in an hour since the epoch: up to one line for each name.
pub(super) fn resolutions(seed: u64, hour: i64, state: &State) -> Vec<Value> {
    let owner = state.objects(Kind::User, None).next();
    let member = format!("{}@emulator", owner.map_or("owner", |o| o.text("username")));
    let lines = LOOKED_UP.iter().enumerate().filter_map(|(index, (domain, internal))| {
        let draw = Draw::new("resolutions", seed, hour, u8::try_from(index).unwrap_or_default());
        (draw.below(0, 4) > 0).then(|| {
            json!({
                "time": hour * 3_600_000,
                "domain": domain,
                "memberId": member,
                "internalDomain": internal,
                "allowedCount": 1 + draw.below(1, 40),
                "blockedCount": if *domain == "ads.example.org" { draw.below(2, 10) } else { 0 },
                "failedCount": u32::from(draw.below(3, 20) == 0),
            })
        })
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_past_does_not_change_as_time_goes_by() {
        let (early, late) = (at("2025-06-01T12:00:00Z"), at("2025-06-03T03:00:00Z"));
        let (before, after) = (sessions(5, early), sessions(5, late));
        assert!(before.len() >= 60, "{}", before.len());
        let oldest = super::before(late, HISTORY);
        for session in before.iter().filter(|s| s.start >= oldest) {
            let same = after.iter().find(|s| s.id == session.id).expect("kept");
            assert_eq!(same.start, session.start);
            // What was over is over in the same way; what went on may have ended since.
            if session.end.is_some() {
                assert_eq!((same.end, &same.status), (session.end, &session.status));
            }
        }
        assert!(before.windows(2).all(|w| w[0].start <= w[1].start && w[0].id < w[1].id));
        assert_ne!(sessions(6, early)[0].start, before[0].start);
    }
}
