//! The `connexa` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    connexa::run(std::env::args_os()).into()
}
