//! The `connexa` command.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Chosen here and not in the library: the allocator is for the program to choose.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    connexa::run(std::env::args_os()).into()
}
