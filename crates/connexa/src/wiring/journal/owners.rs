//! Owners: which process has a run in hand, and whether it lives.
//!
//! Two things prove that an owner lives: the lock that it holds on a file of its own, which the operating system takes back
//! however the process ends; and its process id with the start of that process, on the same boot of the same machine.

use super::files::Files;
use connexa_engine::ports::Actor;
use connexa_types::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// A process on a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    /// The machine.
    pub(super) machine: String,
    /// Which boot of it; empty if it does not say.
    pub(super) boot: String,
    /// The process.
    pub(super) pid: u32,
    /// When that process started, in the machine's own words; empty if it does not say.
    pub(super) start: String,
}

/// Who took a run in hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    #[serde(flatten)]
    pub(super) process: Process,
    /// The file that it holds a lock on; `None` where files cannot be locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lock: Option<String>,
    pub(super) actor: Actor,
    pub(super) claimed: Timestamp,
}

/// What is known of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It is at work.
    Living,
    /// It is gone.
    Dead,
    /// It is on another machine, of which nobody here can tell.
    Elsewhere,
}

impl Process {
    /// This process.
    pub(super) fn this() -> Self {
        let pid = std::process::id();
        Self { machine: machine(), boot: boot(), pid, start: start_of(pid).unwrap_or_default() }
    }
}

impl Owner {
    /// Whether it lives, as far as `here`, a process on this machine, can tell.
    pub(super) fn life(&self, here: &Process, files: &Files) -> Life {
        let held = self.lock.as_ref().and_then(|name| files.owner(name)).is_some_and(|path| is_held(&path));
        if held {
            Life::Living
        } else if self.process.machine != here.machine {
            Life::Elsewhere
        } else if self.process.boot != here.boot {
            Life::Dead
        } else if self.process == *here {
            // This very process: it has let the lock go, with the journal that held it.
            if self.lock.is_some() { Life::Dead } else { Life::Living }
        } else if lives(&self.process) {
            Life::Living
        } else {
            Life::Dead
        }
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let Actor { user, host, .. } = &self.actor;
        let process = self.process.pid;
        match (user.as_str(), host.as_str()) {
            ("", "") => format!("process {process}"),
            ("", host) => format!("process {process} on {host}"),
            (user, "") => format!("process {process} of {user}"),
            (user, host) => format!("process {process} of {user} on {host}"),
        }
    }
}

/// The lock that this process holds while it has runs in hand.
#[derive(Debug)]
pub(super) struct OwnerLock {
    /// The file's name.
    pub(super) name: String,
    path: PathBuf,
    /// Open as long as it is locked.
    _file: File,
}

impl OwnerLock {
    /// Makes a file and locks it; `None` where that is not to be had.
    pub(super) fn take(files: &Files) -> io::Result<Option<Self>> {
        let folder = files.owners();
        files.make_owners()?;
        clear(&folder);
        loop {
            let name = format!("{}.lock", uuid::Uuid::now_v7());
            let path = folder.join(&name);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&path)?;
            match file.try_lock() {
                // Another process may have taken it for one that a dead owner had left, and cleared it away.
                Ok(()) if path.exists() => return Ok(Some(Self { name, path, _file: file })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let _ = fs::remove_file(&path);
                }
                Err(TryLockError::Error(_)) => {
                    let _ = fs::remove_file(&path);
                    return Ok(None);
                }
            }
        }
    }
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes what dead owners have left.
fn clear(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // A shared lock: whoever looks is in nobody's way who looks too, and is never taken for an owner.
        if let Ok(file) = File::open(&path)
            && file.try_lock_shared().is_ok()
        {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether somebody holds the lock of a file.
fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The machine: its id, or else its name.
fn machine() -> String {
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    match id.trim() {
        "" => host_name(),
        id => id.to_owned(),
    }
}

/// The name of this host.
pub(super) fn host_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    name
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Whether a process of this boot of this machine lives.
fn lives(process: &Process) -> bool {
    match start_of(process.pid) {
        Some(start) => start == process.start,
        // Where processes have no start to be read, a process with this number is taken for it.
        None => process.start.is_empty() && has_process(process.pid),
    }
}

/// When a process started; `None` if there is none that is more than a name waiting to be taken off the list.
fn start_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything, parentheses too.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    // Field 22 of the line; the state is the third.
    fields.nth(18).map(str::to_owned)
}

fn has_process(pid: u32) -> bool {
    #[cfg(unix)]
    {
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        pid.is_some_and(|pid| {
            // One that may not be signalled is there all the same.
            !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
        })
    }
    #[cfg(not(unix))]
    {
        let _ = pid;
        true
    }
}
