//! The tenant on disk: one SQLite file, used by one process at a time.
//!
//! WAL with `synchronous=FULL`: when [`Store::commit`] has returned, its changes survive a crash of the process and of
//! the machine. The file stays locked while the store is open; the lock dies with the process, so that nothing is left
//! to clear away after a `kill -9`.

use crate::{RestoreError, StateChange};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};
use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
};

/// The format that this version writes, and the newest that it reads.
const FORMAT: i64 = 1;
/// Says what kind of SQLite file it is: "CXEM".
const APPLICATION: i64 = 0x4358_454d;

/// An error while a store is opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process (or another store of this one) has the file open.
    #[error("the store `{path}` is in use by another process")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or made.
    #[error("cannot open the store `{path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is something else.
    #[error("`{path}` is not a store of the emulator")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version wrote the file.
    #[error("the store `{path}` has format {found}; this version reads up to {supported}")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: i64,
        /// The newest format that this version reads.
        supported: i64,
    },
    /// SQLite could not do something.
    #[error("cannot {action} the store `{path}`")]
    Database {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// What the file holds makes no tenant.
    #[error("the store `{path}` holds something that this version does not understand")]
    Content {
        /// The file.
        path: PathBuf,
        /// What it is.
        source: RestoreError,
    },
    /// A line of the ledger cannot be written.
    #[error("cannot write the ledger")]
    Ledger {
        /// Why.
        source: io::Error,
    },
    /// The thread that writes could not be started.
    #[error("cannot start the thread that writes the store")]
    Thread {
        /// Why.
        source: io::Error,
    },
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the file at `path` for this process alone, made if there is none (its folder must be there).
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        create_private(path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        let connection = Connection::open(path).map_err(|source| judge("open", path, source))?;
        let store = Self { connection, path: path.to_owned() };
        store.attempt("lock", Self::lock)?;
        let (application, format) = store.attempt("read", |db| {
            let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            Ok((number("application_id")?, number("user_version")?))
        })?;
        let empty = store.attempt("read", |db| {
            let first = db.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(()));
            first.optional().map(|found| found.is_none())
        })?;
        match (application, format) {
            (0, 0) if empty => store.attempt("set up", Self::create_tables)?,
            (APPLICATION, FORMAT) => {}
            (APPLICATION, found) if found > FORMAT => {
                return Err(StoreError::TooNew { path: store.path, found, supported: FORMAT });
            }
            _ => return Err(StoreError::Foreign { path: store.path }),
        }
        Ok(store)
    }

    /// Takes the lock that lasts until the connection closes. Without a wait: a store in use stays in use.
    fn lock(db: &Connection) -> rusqlite::Result<()> {
        db.busy_timeout(std::time::Duration::ZERO)?;
        // Before WAL: in exclusive mode the index of the log is kept in memory and the lock is never given back.
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        // The first write transaction takes the lock, and exclusive mode keeps it.
        db.execute_batch("BEGIN IMMEDIATE; COMMIT")
    }

    fn create_tables(db: &Connection) -> rusqlite::Result<()> {
        db.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             CREATE TABLE rows (
                 number INTEGER PRIMARY KEY, collection TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL,
                 UNIQUE (collection, id)
             );
             CREATE TABLE meta (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
             PRAGMA application_id = {APPLICATION};
             PRAGMA user_version = {FORMAT};
             COMMIT"
        ))
    }

    /// Reads all that is kept, as the changes that make it from nothing: each row where it was first put, so that what
    /// was made in order is made again in order.
    pub fn load(&self) -> Result<Vec<StateChange>, StoreError> {
        self.attempt("read", |db| {
            let mut changes = Vec::new();
            let mut meta = db.prepare("SELECT key, json FROM meta")?;
            let meta = meta.query_map([], |row| {
                Ok(StateChange::Meta { key: row.get::<_, String>(0)?.into(), json: row.get(1)? })
            })?;
            for change in meta {
                changes.push(change?);
            }
            let mut rows = db.prepare("SELECT collection, id, json FROM rows ORDER BY number")?;
            let rows = rows.query_map([], |row| {
                let collection = row.get::<_, String>(0)?.into();
                Ok(StateChange::Put { collection, id: row.get(1)?, json: row.get(2)? })
            })?;
            for change in rows {
                changes.push(change?);
            }
            Ok(changes)
        })
    }

    /// Writes `changes` in their order, all or none; they are on disk when this returns.
    pub fn commit(&mut self, changes: &[StateChange]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        Self::write(&mut self.connection, changes).map_err(|source| judge("write", &self.path, source))
    }

    fn write(db: &mut Connection, changes: &[StateChange]) -> rusqlite::Result<()> {
        let transaction = db.transaction()?;
        {
            let mut put = transaction.prepare_cached(
                "INSERT INTO rows (collection, id, json) VALUES (?1, ?2, ?3)
                 ON CONFLICT (collection, id) DO UPDATE SET json = excluded.json",
            )?;
            let mut delete =
                transaction.prepare_cached("DELETE FROM rows WHERE collection = ?1 AND id = ?2")?;
            let mut meta = transaction.prepare_cached(
                "INSERT INTO meta (key, json) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET json = excluded.json",
            )?;
            for change in changes {
                match change {
                    StateChange::Put { collection, id, json } => {
                        put.execute(params![collection, id, json])?
                    }
                    StateChange::Delete { collection, id } => delete.execute(params![collection, id])?,
                    StateChange::Meta { key, json } => meta.execute(params![key, json])?,
                };
            }
        }
        transaction.commit()
    }

    /// Makes every later commit fail, as a full disk would.
    #[cfg(test)]
    pub(crate) fn refuse_writes(&self) {
        self.connection.pragma_update(None, "query_only", true).expect("a switch of the connection");
    }

    fn attempt<T>(
        &self,
        action: &'static str,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        run(&self.connection).map_err(|source| judge(action, &self.path, source))
    }
}

/// Tells the errors that have a meaning of their own from the others.
fn judge(action: &'static str, path: &Path, source: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse { path },
        Some(ErrorCode::NotADatabase) => StoreError::Foreign { path },
        Some(_) | None => StoreError::Database { action, path, source },
    }
}

/// Makes the file with mode 0600 if there is none: it holds pre-shared keys. SQLite gives its log the same mode.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(id: &str, json: &str) -> StateChange {
        StateChange::Put { collection: "networks".into(), id: id.to_owned(), json: json.to_owned() }
    }

    #[test]
    fn a_second_opening_is_refused_at_once_and_a_later_one_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut first = Store::open(&path).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })));
        first.commit(&[put("1", "{}")]).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })));
        drop(first);
        assert_eq!(Store::open(&path).unwrap().load().unwrap(), [put("1", "{}")]);
    }

    #[test]
    fn other_files_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("text");
        std::fs::write(&text, "no database, but long enough to be taken for one by its size alone").unwrap();
        let before = std::fs::read(&text).unwrap();
        assert!(matches!(Store::open(&text), Err(StoreError::Foreign { .. })));
        assert_eq!(std::fs::read(&text).unwrap(), before);

        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(matches!(Store::open(&other), Err(StoreError::Foreign { .. })));

        let newer = folder.path().join("newer.db");
        drop(Store::open(&newer).unwrap());
        Connection::open(&newer).unwrap().pragma_update(None, "user_version", FORMAT + 1).unwrap();
        let error = Store::open(&newer).unwrap_err();
        assert!(matches!(error, StoreError::TooNew { found: 2, supported: 1, .. }), "{error}");

        let nowhere = folder.path().join("no/such/folder.db");
        assert!(matches!(Store::open(&nowhere), Err(StoreError::Open { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn the_files_are_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("a.db")).unwrap();
        store.commit(&[put("1", "{}")]).unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
    }

    #[test]
    fn what_was_committed_is_there_without_an_orderly_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut store = Store::open(&path).unwrap();
        store.commit(&[put("1", "{}"), StateChange::Meta { key: "count".into(), json: "7".into() }]).unwrap();
        // As after a kill: the files as they are at this moment, the log not yet folded in.
        let copy = folder.path().join("copy.db");
        std::fs::copy(&path, &copy).unwrap();
        std::fs::copy(folder.path().join("a.db-wal"), folder.path().join("copy.db-wal")).unwrap();
        let kept = Store::open(&copy).unwrap().load().unwrap();
        assert_eq!(kept, [StateChange::Meta { key: "count".into(), json: "7".into() }, put("1", "{}")]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn a_store_holds_the_last_value_of_each_row(
            batches in prop::collection::vec(prop::collection::vec((0_u8..6, prop::option::of("[a-z]{0,3}")), 0..6), 1..5)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.db");
            // Rows in the order of their first put.
            let mut model: Vec<(String, String)> = Vec::new();
            for batch in batches {
                // Opened anew each time: what is kept does not hang on one connection.
                let mut store = Store::open(&path).unwrap();
                let changes: Vec<_> = batch.into_iter().map(|(id, json)| {
                    let id = id.to_string();
                    if let Some(json) = json {
                        match model.iter_mut().find(|(known, _)| *known == id) {
                            Some((_, known)) => known.clone_from(&json),
                            None => model.push((id.clone(), json.clone())),
                        }
                        put(&id, &json)
                    } else {
                        model.retain(|(known, _)| *known != id);
                        StateChange::Delete { collection: "networks".into(), id }
                    }
                }).collect();
                store.commit(&changes).unwrap();
            }
            let kept = Store::open(&path).unwrap().load().unwrap();
            let expected: Vec<_> = model.into_iter().map(|(id, json)| put(&id, &json)).collect();
            prop_assert_eq!(kept, expected);
        }
    }
}
