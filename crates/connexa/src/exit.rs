//! Exit codes: scripts depend on them, so they never change their meaning.

use connexa_engine::report::{ErrorType, Report, RunOutcome, Verdict};
use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All succeeded, or there was nothing to do.
    Complete = 0,
    /// A bug; it says so and asks for a report.
    Bug = 1,
    /// `plan --detailed-exitcode`: changes are pending.
    Pending = 2,
    /// Refused before any change: an invalid spec, a name that is not there, no `--yes`, a port that is taken.
    Refused = 3,
    /// Something failed or was skipped; the rest is done.
    Partial = 4,
    /// Stopped before the end; the rest was never started.
    Stopped = 5,
    /// Something is unknown: it was sent, and the service cannot be made to tell.
    Stuck = 6,
    /// The tenant cannot be reached or does not accept the key; nothing was changed.
    Unreachable = 7,
    /// Declined at the prompt; nothing was changed.
    Declined = 8,
    /// The command line or the environment is wrong.
    Usage = 64,
}

impl Exit {
    /// The code of a finished run: what is unknown weighs more than a stop, a stop more than a failure.
    pub fn of_run(report: &Report) -> Self {
        match report.outcome {
            RunOutcome::Refused => Self::Refused,
            _ if !report.lists.unknown.is_empty() => Self::Stuck,
            RunOutcome::Stuck => Self::Stuck,
            RunOutcome::Stopped | RunOutcome::Running | RunOutcome::Interrupted => Self::Stopped,
            RunOutcome::Partial => Self::Partial,
            // What the command was to do is undone because of a failure, unless it was to be undone.
            RunOutcome::Undone if report.run.command != "undo" => Self::Partial,
            RunOutcome::Complete | RunOutcome::Undone => {
                let bad = |v: Verdict| !report.lists.of(v).is_empty();
                if bad(Verdict::Failed) || bad(Verdict::Skipped) { Self::Partial } else { Self::Complete }
            }
        }
    }

    /// Whether nothing was changed because the tenant did not let us in: then a run counts as refused.
    pub fn is_unreachable(report: &Report) -> bool {
        let lists = &report.lists;
        let touched = [&lists.succeeded, &lists.unknown, &lists.undone].into_iter().flatten();
        let mut bad = [&lists.failed, &lists.skipped, &lists.unprocessed].into_iter().flatten().peekable();
        touched.count() == 0
            && bad.peek().is_some()
            && lists
                .failed
                .iter()
                .chain(&lists.unprocessed)
                .all(|c| matches!(c.error_type, Some(ErrorType::Unauthorized | ErrorType::NetworkError)))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
