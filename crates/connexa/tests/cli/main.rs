//! The real binary, from outside: what it prints, what it exits with, what it leaves behind.

mod branch_offices;
mod create;
mod documents;
mod emulator;
mod exits;
mod get;
mod hostile;
mod support;
