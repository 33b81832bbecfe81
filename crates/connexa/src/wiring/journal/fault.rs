//! What goes wrong with a journal that is open, and what it means to whoever reads or writes.

use connexa_engine::{
    machine::{JournalFailure, Seq},
    ports::ReadJournalError,
    record::RunId,
};
use rusqlite::ErrorCode;

/// Something that goes wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite says so.
    Database(rusqlite::Error),
    /// What is stored of a run is not what was written; `seq` is the first record that this touches.
    Damaged { seq: u64, why: String },
    /// There is no such run.
    NoSuchRun,
    /// The run has a newer owner, or has been given out of hand.
    Fenced,
    /// It was written by a newer version.
    Newer { found: u32, supported: u32 },
    /// Anything else, in words.
    Other(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Fault {
    /// Damage of a run as a whole.
    pub(super) fn damaged(why: impl Into<String>) -> Self {
        Self::Damaged { seq: 0, why: why.into() }
    }

    /// In words, if it is damage; any other fault is passed on.
    pub(super) fn damage(self) -> Result<String, Self> {
        match self {
            Self::Damaged { why, .. } => Ok(why),
            Self::Database(error) if is_damage(&error) => Ok(words(&error)),
            other => Err(other),
        }
    }

    /// To a reader of a run.
    pub(super) fn reading(self, run: &RunId) -> ReadJournalError {
        match self {
            Self::Database(error) if is_damage(&error) => {
                ReadJournalError::Damaged { run: run.clone(), seq: Seq(0), why: words(&error) }
            }
            Self::Database(error) => ReadJournalError::Io(words(&error)),
            Self::Damaged { seq, why } => ReadJournalError::Damaged { run: run.clone(), seq: Seq(seq), why },
            Self::NoSuchRun => ReadJournalError::NoSuchRun(run.clone()),
            Self::Newer { found, supported } => ReadJournalError::Newer { found, supported },
            Self::Fenced => ReadJournalError::Io(JournalFailure::Fenced.to_string()),
            Self::Other(why) => ReadJournalError::Io(why),
        }
    }

    /// To a writer.
    pub(super) fn writing(self) -> JournalFailure {
        match self {
            Self::Fenced => JournalFailure::Fenced,
            Self::Database(error) => JournalFailure::Write(words(&error)),
            Self::Damaged { why, .. } | Self::Other(why) => JournalFailure::Write(why),
            Self::Newer { .. } => JournalFailure::Write("a newer version has written to it".to_owned()),
            Self::NoSuchRun => JournalFailure::Write("it does not know the run".to_owned()),
        }
    }
}

/// Whether SQLite says that what the file holds makes no sense.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || matches!(
            error,
            rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)
        )
}

/// What SQLite says, in words for people.
pub(super) fn words(error: &rusqlite::Error) -> String {
    let plain = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::SystemIoFailure) => "the disk reports an error",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process holds it and does not give it back"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "it may not be written",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "its file is damaged",
        Some(ErrorCode::CannotOpen) => "it cannot be opened",
        _ => return error.to_string(),
    };
    format!("{plain} ({error})")
}
