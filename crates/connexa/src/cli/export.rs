//! The command line of `export`.

use clap::Args;
use std::path::PathBuf;

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Kinds to export, with what is nested in them; without any, all.
    #[arg(value_name = "KIND")]
    pub(crate) kinds: Vec<String>,
    /// Folder to write to, one file for each kind, instead of standard output.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Replace files in the folder that another hand has written or changed.
    #[arg(long, requires = "dir")]
    pub(crate) force: bool,
}
