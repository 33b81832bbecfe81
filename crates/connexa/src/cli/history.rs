//! Commands on runs: what the journal tells of them, and what can be done about them.

use super::RunFlags;
use clap::Args;
use std::{num::NonZeroUsize, path::PathBuf};

/// `runs`.
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Show no more than the newest N.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<NonZeroUsize>,
}

/// Which run.
#[derive(Clone, Debug, Args)]
pub(crate) struct OfRun {
    /// Id of the run, or the beginning of one; without it, the only unfinished run, else the last.
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
}

/// `show`, `watch`, `stop`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Which run.
    #[command(flatten)]
    pub(crate) of: OfRun,
}

/// `report`, `verify`.
#[derive(Debug, Args)]
pub(crate) struct ReportOf {
    /// Which run.
    #[command(flatten)]
    pub(crate) of: OfRun,
    /// Write the report to a file too: .json, .csv or .md (Markdown) by its name, anything else is text.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write what did not succeed to this file, as a spec.
    #[arg(long, value_name = "FILE")]
    pub(crate) failures: Option<PathBuf>,
}

/// `abandon`.
#[derive(Debug, Args)]
pub(crate) struct Abandon {
    /// Which run.
    #[command(flatten)]
    pub(crate) of: OfRun,
    /// Take a run of another machine, which must not be at work any more.
    #[arg(long)]
    pub(crate) take_over: bool,
}

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Which run.
    #[command(flatten)]
    pub(crate) of: OfRun,
    /// Write the report to a file too: .json, .csv or .md (Markdown) by its name, anything else is text.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// `resume`, `retry`, `undo`.
#[derive(Debug, Args)]
pub(crate) struct Again {
    /// Which run.
    #[command(flatten)]
    pub(crate) of: OfRun,
    /// How it goes on: what is not said here is as the run had it.
    #[command(flatten)]
    pub(crate) run: RunFlags,
}
