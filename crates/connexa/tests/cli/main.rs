//! The real binary, from outside: what it prints, what it exits with, what it leaves behind.

#![expect(clippy::unwrap_used, reason = "what tests share fails as a test does")]

mod api;
mod branch_offices;
mod clients;
mod create;
mod documents;
mod emulator;
mod exits;
mod faults;
mod fewest_calls;
mod get;
mod hostile;
mod profiles;
mod secrets;
mod shared_quota;
mod stop;
mod support;
