//! `connexa completions`: a script for a shell.

use crate::{
    cli::{Cli, Completions},
    exit::Exit,
    screen::Screen,
};
use clap::CommandFactory as _;

/// Prints the script.
pub(crate) fn run(arguments: &Completions, screen: &Screen) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "connexa", &mut script);
    screen.document(&String::from_utf8_lossy(&script));
    Exit::Complete
}
