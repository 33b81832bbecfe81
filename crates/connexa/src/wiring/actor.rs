//! Who does something, for the audit in the journal.

use connexa_engine::ports::Actor;
use std::{env, fs};

/// The user of this process on this machine, with the API key of this id.
pub(crate) fn actor(key_id: &str) -> Actor {
    Actor {
        user: user(),
        host: host(),
        key_id: key_id.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The name of the user, as far as the environment tells; else the number.
fn user() -> String {
    let named = ["LOGNAME", "USER", "USERNAME"].iter().find_map(|name| env::var(name).ok());
    named.filter(|name| !name.is_empty()).or_else(number).unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(unix)]
fn number() -> Option<String> {
    // What belongs to this process belongs to its user.
    let of = fs::metadata("/proc/self").ok()?;
    Some(format!("uid {}", std::os::unix::fs::MetadataExt::uid(&of)))
}

#[cfg(not(unix))]
fn number() -> Option<String> {
    None
}

/// The name of this machine.
fn host() -> String {
    let kept =
        ["/proc/sys/kernel/hostname", "/etc/hostname"].iter().find_map(|path| fs::read_to_string(path).ok());
    let named = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| env::var(name).ok());
    let host = kept.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty()).or_else(named);
    host.unwrap_or_else(|| "unknown".to_owned())
}
