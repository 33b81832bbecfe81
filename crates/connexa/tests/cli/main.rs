//! The real binary, from outside: what it prints, what it exits with, what it leaves behind.

#![expect(clippy::unwrap_used, reason = "what tests share fails as a test does")]

mod act;
mod api;
mod batches;
mod branch_offices;
mod canary;
mod clients;
mod create;
mod delete;
mod documents;
mod domains;
mod emulator;
mod events;
mod exits;
mod export;
mod failures;
mod faults;
mod fewest_calls;
mod get;
mod hostile;
mod journal;
mod profiles;
mod resume;
mod rotate;
mod runs;
mod secrets;
mod shared_quota;
mod stop;
mod support;
mod tenant;
mod undo;
mod update;
mod where_;
