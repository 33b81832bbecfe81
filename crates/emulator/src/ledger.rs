//! The ledger: what came, what became of it and what it did, line by line, so that anybody can judge from outside
//! whether a client kept its promises.
//!
//! The emulator makes an [`Entry`] for each request; [`Embedded`](crate::Embedded) hands it to a [`LedgerSink`] before
//! the answer leaves. No entry holds a body, a token, or the value of a query parameter.

use connexa_types::{Class, Endpoint, Kind, Method, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::{
    collections::VecDeque,
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The number of the request. A late commit has the number of its request; everything else has one of its own.
    pub number: u64,
    /// What happened.
    pub event: LedgerEvent,
    /// When the request came.
    pub arrived_at: Timestamp,
    /// The same in milliseconds since the emulator started.
    pub arrived_ms: Milliseconds,
    /// When what it did took effect; null if it did nothing (yet).
    pub committed_at: Option<Timestamp>,
    /// The same in milliseconds since the emulator started.
    pub committed_ms: Option<Milliseconds>,
    /// The client id of the key, or the initiator of a change by somebody else; null without a valid token.
    pub client: Option<String>,
    /// Which budget it counts against; null for token calls and what is no request of the API.
    pub class: Option<Class>,
    /// The method.
    pub method: String,
    /// The path as sent, without the query.
    pub path: String,
    /// The path of the operation below `/api/v1`, parameters in braces; null if no operation was found.
    pub template: Option<&'static str>,
    /// The names of the query parameters.
    pub query: Vec<String>,
    /// The status of the answer, or the one that a lost answer would have had; null if there never was one.
    pub status: Option<u16>,
    /// What was made.
    pub created: Vec<Touched>,
    /// What was changed or acted upon.
    pub updated: Vec<Touched>,
    /// What was deleted.
    pub deleted: Vec<Touched>,
    /// The faults that took effect, joined by `+`; null without any.
    pub fault: Option<String>,
    /// How much of the answer was let out. Whether the client still listened is not known here.
    pub delivered: Delivered,
    /// Whether the answer is a 429.
    pub throttled: bool,
    /// The number of the request that this is a second execution of.
    pub duplicate_of: Option<u64>,
}

impl Entry {
    /// The operation, found again by method and template.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let template = self.template?;
        Endpoint::ALL.iter().copied().find(|endpoint| {
            let info = endpoint.info();
            info.path == template && Method::as_str(info.method) == self.method
        })
    }
}

/// What a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerEvent {
    /// A request came.
    Request,
    /// A request that came earlier took effect now (`late-commit`).
    Commit,
    /// Somebody else changed something, by the control.
    Change,
    /// The control made objects; they are not listed.
    Seed,
    /// The control started the tenant over: everything before is gone.
    Reset,
}

/// How much of an answer was let out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivered {
    /// All of it.
    Yes,
    /// A part of its body.
    Partly,
    /// Nothing.
    No,
}

/// A thing that a request made, changed or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// Its kind.
    pub kind: Kind,
    /// Its id; the path of a setting.
    pub id: String,
    /// Its natural key after the change (before it, for what was deleted): name, username, domain or subnet.
    pub key: String,
    /// The id of the network, host or user that owns it.
    pub parent: Option<String>,
}

/// A span in milliseconds, to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milliseconds {
    micros: u64,
}

impl Milliseconds {
    /// Rounds a duration down to the microsecond.
    pub fn from_duration(duration: std::time::Duration) -> Self {
        Self { micros: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX) }
    }

    /// The whole milliseconds in it.
    pub const fn whole(self) -> u64 {
        self.micros / 1000
    }
}

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
        serializer.serialize_f64(self.micros as f64 / 1000.0)
    }
}

/// Where entries go.
pub trait LedgerSink: Send + fmt::Debug {
    /// Writes one entry. When this returns, the line outlives a crash of the process.
    fn write(&mut self, entry: &Entry) -> io::Result<()>;

    /// The number of the last entry of an earlier process, so that numbers go on from there.
    fn last_number(&self) -> u64 {
        0
    }
}

/// A file of JSON Lines. Each entry is one write to the end of the file.
#[derive(Debug)]
pub struct LedgerFile {
    file: File,
    last_number: u64,
}

impl LedgerFile {
    /// Opens the file for appending, made if there is none. A line that a crash of the machine has cut is ended.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let tail = tail(&mut file)?;
        if tail.last().is_some_and(|byte| *byte != b'\n') {
            file.write_all(b"\n")?;
        }
        let numbers = tail.split(|byte| *byte == b'\n').rev().filter_map(|line| {
            let entry: Value = serde_json::from_slice(line).ok()?;
            entry.get("number")?.as_u64()
        });
        // A late commit has the number of an earlier request.
        let last_number = numbers.max().unwrap_or(0);
        Ok(Self { file, last_number })
    }
}

/// The end of a file: enough to hold the last lines.
fn tail(file: &mut File) -> io::Result<Vec<u8>> {
    const LENGTH: u64 = 1 << 20;
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(end.saturating_sub(LENGTH)))?;
    let mut tail = Vec::new();
    file.take(LENGTH).read_to_end(&mut tail)?;
    Ok(tail)
}

impl LedgerSink for LedgerFile {
    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }

    fn last_number(&self) -> u64 {
        self.last_number
    }
}

/// The newest entries in memory, for hosts in the same process. Clones share them.
#[derive(Clone, Debug)]
pub struct LedgerMemory {
    entries: Arc<Mutex<VecDeque<Entry>>>,
    capacity: usize,
}

impl LedgerMemory {
    /// Keeps the last `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { entries: Arc::default(), capacity }
    }

    /// The entries kept, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LedgerSink for LedgerMemory {
    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let mut entries = self.lock();
        entries.push_back(entry.clone());
        while entries.len() > self.capacity {
            entries.pop_front();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, time::Duration};

    fn entry(number: u64) -> Entry {
        Entry {
            number,
            event: LedgerEvent::Request,
            arrived_at: "2025-06-01T12:00:00Z".parse().unwrap(),
            arrived_ms: Milliseconds::from_duration(Duration::from_micros(1500)),
            committed_at: None,
            committed_ms: None,
            client: Some("emulator".into()),
            class: Some(Class::Update),
            method: "DELETE".into(),
            path: "/api/v1/networks/1".into(),
            template: Some("/networks/{id}"),
            query: Vec::new(),
            status: Some(204),
            created: Vec::new(),
            updated: Vec::new(),
            deleted: vec![Touched { kind: Kind::Network, id: "1".into(), key: "paris".into(), parent: None }],
            fault: None,
            delivered: Delivered::Yes,
            throttled: false,
            duplicate_of: None,
        }
    }

    #[test]
    fn a_line_is_this() {
        assert_eq!(
            serde_json::to_string(&entry(7)).unwrap(),
            "{\"number\":7,\"event\":\"request\",\"arrived_at\":\"2025-06-01T12:00:00Z\",\"arrived_ms\":1.5,\
             \"committed_at\":null,\"committed_ms\":null,\"client\":\"emulator\",\"class\":\"update\",\
             \"method\":\"DELETE\",\"path\":\"/api/v1/networks/1\",\"template\":\"/networks/{id}\",\"query\":[],\
             \"status\":204,\"created\":[],\"updated\":[],\"deleted\":[{\"kind\":\"network\",\"id\":\"1\",\
             \"key\":\"paris\",\"parent\":null}],\"fault\":null,\"delivered\":\"yes\",\"throttled\":false,\
             \"duplicate_of\":null}"
        );
        assert_eq!(entry(7).endpoint(), Some(Endpoint::NetworkDelete));
    }

    #[test]
    fn a_file_goes_on_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let mut first = LedgerFile::open(&path).unwrap();
        assert_eq!(first.last_number(), 0);
        for number in [8, 9, 8] {
            first.write(&entry(number)).unwrap();
        }
        // A cut line, as a crash of the machine may leave it.
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"number\":1");
        fs::write(&path, text).unwrap();
        let mut second = LedgerFile::open(&path).unwrap();
        assert_eq!(second.last_number(), 9);
        second.write(&entry(10)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert!(lines[4].starts_with("{\"number\":10,"));
    }

    #[test]
    fn memory_keeps_the_newest() {
        let memory = LedgerMemory::new(2);
        let mut sink = memory.clone();
        for number in 1..=5 {
            sink.write(&entry(number)).unwrap();
        }
        assert_eq!(memory.entries().iter().map(|e| e.number).collect::<Vec<_>>(), [4, 5]);
    }
}
