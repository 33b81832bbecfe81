//! "Sometimes": what every run of these tests is to meet at least once, or it tests less than it says.

use connexa_engine::{
    record::{Growth, Record},
    report::{ErrorType, Origin, Verdict},
    run::Goal,
};

/// What is to be met in a few thousand lives.
pub const EACH: [&str; 19] = [
    "a process dies",
    "… in the first run",
    "… in a recovery",
    "taken up to go on",
    "taken up to be undone",
    "a lost call waits for the settle time",
    "what a joint call left out is made",
    "an inverse is sent",
    "adopted",
    "duplicates are told",
    "drifted",
    "conflict",
    "sent more than once",
    "succeeded",
    "failed",
    "skipped",
    "unknown",
    "undone",
    "stopped",
];

/// What a record shows to have happened.
pub fn of(record: &Record) -> Vec<&'static str> {
    match record {
        Record::RunContinued { goal, .. } => vec![match goal {
            Goal::Forward => "taken up to go on",
            Goal::Retry => "taken up to try again",
            Goal::Settle => "taken up to settle",
            Goal::Undo => "taken up to be undone",
            Goal::Abandon => "taken up to be abandoned",
        }],
        Record::OperationUnsettled { .. } => vec!["a lost call waits for the settle time"],
        Record::OperationAdded { growth, .. } => vec![match growth {
            Growth::Repair => "what a joint call left out is made",
            Growth::Instead => "a joint call is made again without what was refused",
            Growth::Undo => "an inverse is sent",
        }],
        Record::ChangeEnded { verdict, report, .. } => {
            let mut met = Vec::new();
            if report.origin == Some(Origin::Inferred) {
                met.push("adopted");
            }
            if report.duplicates.is_some() {
                met.push("duplicates are told");
            }
            if report.error_type == Some(ErrorType::Drifted) {
                met.push("drifted");
            }
            if report.error_type == Some(ErrorType::Conflict) {
                met.push("conflict");
            }
            if report.attempts.is_some_and(|attempts| attempts > 1) {
                met.push("sent more than once");
            }
            met.push(match verdict {
                Verdict::Succeeded => "succeeded",
                Verdict::Failed => "failed",
                Verdict::Skipped => "skipped",
                Verdict::Unprocessed => "unprocessed",
                Verdict::Unknown => "unknown",
                Verdict::Undone => "undone",
            });
            met
        }
        Record::StopRequested { .. } => vec!["stopped"],
        _ => Vec::new(),
    }
}
