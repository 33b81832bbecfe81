//! The database: opened only if it is a journal, of this tenant, of a format that is known, and as durable as promised.

use super::{fault::is_damage, files::Files};
use crate::wiring::state_dir::StateDirError;
use connexa_types::TenantId;
use rusqlite::{
    Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, config::DbConfig, params,
};
use std::{path::PathBuf, time::Duration};

/// The format that this version writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// Says what kind of SQLite file it is: "CONX".
const APPLICATION: u32 = 0x434f_4e58;
/// How long another process may hold the journal. Each does so for one commit at a time.
const BUSY: Duration = Duration::from_secs(30);

/// `records.place` is the run's number in the upper half and the record's in the lower: records of a run lie together, in
/// order, and none can be there twice.
const TABLES: &str = "
    CREATE TABLE journal (tenant TEXT NOT NULL) STRICT;
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, owned INTEGER NOT NULL,
        identity TEXT NOT NULL, origin BLOB NOT NULL, state TEXT NOT NULL, seal BLOB NOT NULL
    ) STRICT;
    CREATE INDEX owned_runs ON runs (number) WHERE owned;
    CREATE TABLE plans (
        run INTEGER PRIMARY KEY, tenant TEXT NOT NULL, epoch INTEGER NOT NULL, plan TEXT NOT NULL
    ) STRICT;
    CREATE TABLE keys (
        run INTEGER PRIMARY KEY, tenant TEXT NOT NULL, epoch INTEGER NOT NULL, keys TEXT NOT NULL, seal BLOB NOT NULL
    ) STRICT;
    CREATE TABLE owners (
        run INTEGER NOT NULL, epoch INTEGER NOT NULL, tenant TEXT NOT NULL, owner TEXT NOT NULL, seal BLOB NOT NULL,
        PRIMARY KEY (run, epoch)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE records (
        place INTEGER PRIMARY KEY, tenant TEXT NOT NULL, epoch INTEGER NOT NULL, payload TEXT NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
";

/// Why a journal cannot be opened. It is left as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenJournalError {
    /// Its folder or one of its files is not what it should be.
    #[error(transparent)]
    Place(#[from] StateDirError),
    /// The file is something else.
    #[error("`{}` is no journal", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version wrote it.
    #[error("the journal `{}` has format {found}; this version reads up to {supported}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The newest one that can be read.
        supported: u32,
    },
    /// It holds the runs of another tenant.
    #[error("the journal `{}` is that of `{found}`, not of `{expected}`", path.display())]
    OtherTenant {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: TenantId,
    },
    /// It cannot be kept as safely as it must be.
    #[error("the journal `{}` cannot be kept safely: SQLite has `{setting}` at `{found}`", path.display())]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// What SQLite would not take.
        setting: &'static str,
        /// What it has instead.
        found: String,
    },
    /// It is damaged where nothing can be read without it.
    #[error("the journal `{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// SQLite could not do something.
    #[error("cannot {action} the journal `{}`", path.display())]
    Database {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The threads that read and write could not be started.
    #[error("cannot start a thread for the journal")]
    Thread {
        /// Why not.
        source: std::io::Error,
    },
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Writing,
    Reading,
}

/// Opens a connection to a journal whose file is there; an empty one is set up.
pub(super) fn connect(
    files: &Files,
    tenant: &TenantId,
    purpose: Use,
) -> Result<Connection, OpenJournalError> {
    let path = || files.main.clone();
    let failed = |action, source| judge(files, action, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut db = Connection::open_with_flags(&files.main, flags).map_err(|source| failed("open", source))?;
    // Closed again unread, it must be left as it was: with its log.
    keep_log_at_close(&db, true).map_err(|source| failed("open", source))?;
    db.busy_timeout(BUSY).map_err(|source| failed("open", source))?;
    let found = identify(&db).map_err(|source| failed("read", source))?;
    match found {
        (0, 0, true) => {}
        (APPLICATION, format, false) if format <= FORMAT => {}
        (APPLICATION, found, _) => {
            return Err(OpenJournalError::Newer { path: path(), found, supported: FORMAT });
        }
        _ => return Err(OpenJournalError::Foreign { path: path() }),
    }
    settings(&db).map_err(|source| failed("set up", source))?;
    read_back(&db, files)?;
    if found.2 {
        create(&mut db, tenant).map_err(|source| failed("set up", source))?;
    }
    let whose = db.query_row("SELECT tenant FROM journal", [], |row| row.get::<_, String>(0));
    let whose = whose.map_err(|source| failed("read", source))?;
    if whose != tenant.to_string() {
        return Err(OpenJournalError::OtherTenant { path: path(), found: whose, expected: tenant.clone() });
    }
    if purpose == Use::Reading {
        complete(&db, "PRAGMA query_only = ON").map_err(|source| failed("set up", source))?;
    }
    keep_log_at_close(&db, false).map_err(|source| failed("open", source))?;
    Ok(db)
}

/// Whether closing the last connection leaves the log alone, instead of folding it into the journal and removing it by its
/// name, whatever file has that name by then.
pub(super) fn keep_log_at_close(db: &Connection, keep: bool) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(drop)
}

/// The kind of file, its format, whether it is empty.
fn identify(db: &Connection) -> rusqlite::Result<(u32, u32, bool)> {
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let table = db.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(())).optional()?;
    Ok((number("application_id")?.cast_unsigned(), number("user_version")?.cast_unsigned(), table.is_none()))
}

fn settings(db: &Connection) -> rusqlite::Result<()> {
    for setting in [
        "journal_mode = WAL",
        "synchronous = FULL",
        // Where the system has a sync that reaches the disk and one that does not, the former.
        "fullfsync = ON",
        "checkpoint_fullfsync = ON",
        // What does not fit into memory goes nowhere else than into the journal.
        "temp_store = MEMORY",
        // Pages are looked at more closely, and nothing that the file itself says is carried out.
        "cell_size_check = ON",
        "trusted_schema = OFF",
    ] {
        complete(db, &format!("PRAGMA {setting}"))?;
    }
    Ok(())
}

/// Carries a statement out to its end. One that gives out rows is not at its end with the first: what it writes is
/// committed behind the last, and may fail there.
fn complete(db: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// SQLite may take a setting without a word and keep another one; a journal is safe only with these.
fn read_back(db: &Connection, files: &Files) -> Result<(), OpenJournalError> {
    for (setting, expected) in [("journal_mode", "wal"), ("synchronous", "2")] {
        let found = db
            .pragma_query_value(None, setting, |row| {
                Ok(match row.get_ref(0)? {
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    other => other.as_str()?.to_owned(),
                })
            })
            .map_err(|source| judge(files, "read", source))?;
        if found != expected {
            return Err(OpenJournalError::Unsafe { path: files.main.clone(), setting, found });
        }
    }
    Ok(())
}

fn create(db: &mut Connection, tenant: &TenantId) -> rusqlite::Result<()> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done so in the meantime.
    if identify(&transaction)?.2 {
        transaction.execute_batch(TABLES)?;
        transaction.execute("INSERT INTO journal (tenant) VALUES (?1)", params![tenant.to_string()])?;
        complete(&transaction, &format!("PRAGMA application_id = {APPLICATION}"))?;
        complete(&transaction, &format!("PRAGMA user_version = {FORMAT}"))?;
    }
    transaction.commit()?;
    // While the tables are in the log alone, damage of the log makes the whole file look new.
    complete(db, "PRAGMA wal_checkpoint(TRUNCATE)")
}

fn judge(files: &Files, action: &'static str, source: rusqlite::Error) -> OpenJournalError {
    let path = files.main.clone();
    if source.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
        OpenJournalError::Foreign { path }
    } else if is_damage(&source) || matches!(source, rusqlite::Error::QueryReturnedNoRows) {
        OpenJournalError::Damaged { path, source }
    } else {
        OpenJournalError::Database { action, path, source }
    }
}
