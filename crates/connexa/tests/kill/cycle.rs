//! One cycle: an emulator, an apply that is killed, resumes that are killed, and one that is not.

use crate::{
    judge,
    plan::{Cycle, LATEST_MS},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fmt, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a process may take, however loaded the machine is.
const LONG: Duration = Duration::from_mins(2);

/// What all cycles came to.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) cycles: u64,
    /// Kills of an apply.
    pub(crate) killed: u64,
    /// Kills of a resume.
    pub(crate) killed_again: u64,
    /// Kills with a change on its way.
    pub(crate) open_intents: u64,
    pub(crate) changes: u64,
    pub(crate) inferred: u64,
    pub(crate) resent: u64,
    pub(crate) undone: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.cycles += other.cycles;
        self.killed += other.killed;
        self.killed_again += other.killed_again;
        self.open_intents += other.open_intents;
        self.changes += other.changes;
        self.inferred += other.inferred;
        self.resent += other.resent;
        self.undone += other.undone;
        self.failed += other.failed;
        self.unknown += other.unknown;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cycles,
            killed,
            killed_again,
            open_intents,
            changes,
            inferred,
            resent,
            undone,
            failed,
            unknown,
        } = self;
        write!(
            f,
            "{cycles} cycles: {killed} kills of apply, {killed_again} of resume, {open_intents} with a change on its way; \
             {changes} changes: {inferred} adopted, {resent} sent more than once, {undone} undone, {failed} failed, {unknown} unknown"
        )
    }
}

/// What one came to.
pub(crate) struct Came {
    pub(crate) counts: Counts,
    pub(crate) verdict: Result<(), String>,
    pub(crate) folder: TempDir,
}

/// Has an emulator make its certificate, so that it is made once.
pub(crate) fn make_certificate(tls: &Path) {
    let folder = tempfile::tempdir().unwrap();
    Emulator::start(folder.path(), tls, &serde_json::json!({"rules": []}), 0).end();
}

pub(crate) fn run(seed: u64, tls: &Path) -> Came {
    let folder = tempfile::Builder::new().prefix(&format!("connexa-kill-{seed}-")).tempdir().unwrap();
    let mut counts = Counts { cycles: 1, ..Counts::default() };
    let verdict = go(seed, folder.path(), tls, &mut counts);
    if let Err(why) = &verdict {
        fs::write(folder.path().join("wrong.txt"), why).unwrap();
    }
    Came { counts, verdict, folder }
}

fn go(seed: u64, folder: &Path, tls: &Path, counts: &mut Counts) -> Result<(), String> {
    let cycle = Cycle::of(seed);
    fs::write(folder.join("before.yaml"), &cycle.before).unwrap();
    fs::write(folder.join("spec.yaml"), &cycle.spec).unwrap();
    let emulator = Emulator::start(folder, tls, &cycle.faults, seed);
    let made = emulator.other(&["apply", "-f", "before.yaml", "--yes"]);
    expect(&made, &[0], "the tenant cannot be made")?;

    let mut apply: Vec<String> =
        ["apply", "-f", "spec.yaml", "--yes", "-o", "json"].map(str::to_owned).into();
    apply.extend(cycle.flags.iter().cloned());
    let resume: Vec<String> = ["resume", "--yes", "-o", "json"].map(str::to_owned).into();
    let mut last = None;
    let mut begun = false;
    for (number, (after, delay)) in cycle.kills.iter().zip(&cycle.delays).enumerate() {
        let words = if begun { &resume } else { &apply };
        let ended = emulator.killed(words, number, *after, *delay);
        if let Some(output) = ended {
            // It was through before its time came.
            let is_through = matches!(output.status.code(), Some(0 | 4 | 6));
            if !is_through && !is_unbegun(&output) {
                return Err(format!("{} ended with {}", words[0], told(&output)));
            }
            begun &= is_through;
            last = is_through.then_some(output);
            if is_through {
                break;
            }
            continue;
        }
        last = None;
        *(if begun { &mut counts.killed_again } else { &mut counts.killed }) += 1;
        counts.open_intents += u64::from(has_open_intent(&folder.join(format!("events-{number}.jsonl"))));
        begun = true;
    }
    let mut tries = 0;
    let output = loop {
        if let Some(output) = last.take() {
            break output;
        }
        tries += 1;
        if tries > 5 {
            return Err("it does not come to an end".to_owned());
        }
        let output = emulator.ours(if begun { &resume } else { &apply }, &format!("last-{tries}"));
        match output.status.code() {
            Some(0 | 4 | 6) => last = Some(output),
            _ if begun && is_unbegun(&output) => begun = false,
            _ => return Err(format!("the last one ended with {}", told(&output))),
        }
    };
    fs::write(folder.join("report.json"), &output.stdout).unwrap();
    let report: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("no report: {error}"))?;
    // Lists may lag behind the last answer by so much.
    std::thread::sleep(Duration::from_millis(LATEST_MS + 100));
    let live = emulator.other(&["export", "-o", "json"]);
    expect(&live, &[0], "the tenant cannot be read")?;
    fs::write(folder.join("live.json"), &live.stdout).unwrap();
    emulator.end();
    let live = serde_json::from_slice(&live.stdout).map_err(|error| format!("no export: {error}"))?;
    let ledger = fs::read_to_string(folder.join("ledger.jsonl")).unwrap();
    judge::judge(&report, &ledger, &live, counts)
}

/// Whether a run was killed before it was written down, so that the command itself is to be given again.
fn is_unbegun(output: &Output) -> bool {
    let text = String::from_utf8_lossy(&output.stderr);
    output.status.code() == Some(3)
        && ["there is no run", "ended before it began", "no unfinished run"]
            .iter()
            .any(|words| text.contains(words))
}

fn expect(output: &Output, codes: &[i32], words: &str) -> Result<(), String> {
    match output.status.code() {
        Some(code) if codes.contains(&code) => Ok(()),
        _ => Err(format!("{words}: {}", told(output))),
    }
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(3000).collect::<String>();
    format!("{}\n{}\n{}", output.status, text(&output.stderr), text(&output.stdout))
}

/// Whether an event file ends with a change on its way.
fn has_open_intent(path: &Path) -> bool {
    let mut open = BTreeSet::new();
    for line in fs::read_to_string(path).unwrap_or_default().lines() {
        // The last line may be cut.
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        let record = &event["record"];
        let attempt = record["attempt"].as_u64();
        match record["type"].as_str() {
            Some("attempt_started") if record["purpose"]["operation"].is_string() => open.extend(attempt),
            Some("attempt_ended") => {
                attempt.map(|attempt| open.remove(&attempt));
            }
            _ => {}
        }
    }
    !open.is_empty()
}

struct Emulator {
    folder: PathBuf,
    child: Child,
    url: String,
    ca_file: String,
}

impl Emulator {
    fn start(folder: &Path, tls: &Path, faults: &Value, seed: u64) -> Self {
        fs::write(folder.join("faults.json"), faults.to_string()).unwrap();
        let seed = seed.to_string();
        let mut child = command(folder)
            .args([
                "emulator",
                "--listen",
                "127.0.0.1:0",
                "--quiet",
                "--limits",
                "unlimited",
                "--names-unique",
                "no",
            ])
            .args(["--key", "emulator:emulator", "--key", "other:other", "--faults", "faults.json"])
            .args(["--ledger", "ledger.jsonl", "--seed", &seed, "--tls-dir"])
            .arg(tls)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.join("emulator.txt")).unwrap())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        let ready: Value = serde_json::from_str(&ready).unwrap_or_else(|error| panic!("{error}: {ready}"));
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { folder: folder.to_owned(), child, url: text("url"), ca_file: text("ca_file") }
    }

    fn end(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn command(&self, key: &str, state: &str) -> Command {
        let mut command = command(&self.folder);
        command
            .env("CONNEXA_STATE_DIR", self.folder.join(state))
            .env("CLOUDCONNEXA_API_URL", &self.url)
            .env("CLOUDCONNEXA_CLIENT_ID", key)
            .env("CLOUDCONNEXA_CLIENT_SECRET", key)
            .args(["--ca-file", &self.ca_file]);
        command
    }

    /// Somebody else does something.
    fn other(&self, words: &[&str]) -> Output {
        self.command("other", "state-of-others").args(words).output().unwrap()
    }

    /// We do something, to its end.
    fn ours(&self, words: &[String], name: &str) -> Output {
        let child = self.spawn(words, name);
        let ended = wait(child, || false, 0);
        ended.unwrap_or_else(|()| panic!("nothing kills it")).with(&self.folder, name)
    }

    /// We do something, and are killed after so many requests; `None` if we were.
    fn killed(&self, words: &[String], number: usize, after: u64, delay: u64) -> Option<Output> {
        let name = format!("{number}");
        let before = self.requests();
        let child = self.spawn(words, &name);
        match wait(child, || self.requests() >= before + after, delay) {
            Ok(ended) => Some(ended.with(&self.folder, &name)),
            Err(()) => None,
        }
    }

    fn spawn(&self, words: &[String], name: &str) -> Child {
        let file = |what: &str| fs::File::create(self.folder.join(format!("{what}-{name}.txt"))).unwrap();
        self.command("emulator", "state")
            .args(words)
            .args(["--events", &format!("events-{name}.jsonl")])
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap()
    }

    /// Requests of ours that arrived.
    fn requests(&self) -> u64 {
        let ledger = fs::read(self.folder.join("ledger.jsonl")).unwrap_or_default();
        let ours = b"\"client\":\"emulator\"";
        ledger.split(|byte| *byte == b'\n').filter(|line| line.windows(ours.len()).any(|w| w == ours)).count()
            as u64
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_connexa"));
    command
        .env_clear()
        .env("HOME", folder)
        .env("CONNEXA_STATE_DIR", folder.join("state"))
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// A process that has ended by itself.
struct Ended(ExitStatus);

impl Ended {
    /// With what it wrote.
    fn with(self, folder: &Path, name: &str) -> Output {
        let read = |what: &str| fs::read(folder.join(format!("{what}-{name}.txt"))).unwrap();
        Output { status: self.0, stdout: read("stdout"), stderr: read("stderr") }
    }
}

/// Waits for the end of a process, or for the moment to kill it.
fn wait(mut child: Child, is_time: impl Fn() -> bool, delay: u64) -> Result<Ended, ()> {
    let until = Instant::now() + LONG;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Ok(Ended(status));
        }
        if is_time() {
            std::thread::sleep(Duration::from_millis(delay));
            child.kill().unwrap();
            let status = child.wait().unwrap();
            // It may have ended in this moment.
            return if status.code().is_some() { Ok(Ended(status)) } else { Err(()) };
        }
        if Instant::now() >= until {
            let _ = child.kill();
            let _ = child.wait();
            panic!("a command has not ended within {LONG:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
