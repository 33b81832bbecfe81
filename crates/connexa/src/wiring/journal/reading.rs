//! Reading: records, plans and how runs stand, each checked against its hash before anything is made of it.

use super::{
    chain::Hash,
    fault::Fault,
    files::Files,
    marks::Marks,
    owners::{Life, Process},
    rows::{COLUMNS, Counted, RunRow, number},
};
use connexa_engine::{
    machine::Seq,
    plan::Plan,
    ports::ReadJournalError,
    record::{Record, RunHead, RunId, Standing, Stored},
    report::RunOutcome,
};
use connexa_types::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::{collections::BTreeMap, sync::Arc};

/// Reads a journal through a connection of its own.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) db: Connection,
    pub(super) files: Files,
    pub(super) here: Process,
}

impl Reader {
    /// Records of a run from a number on.
    pub(super) fn read(&self, run: &RunId, from: Seq, limit: usize) -> Result<Vec<Stored>, ReadJournalError> {
        let snapshot = || -> Result<Vec<Stored>, Fault> {
            // One transaction, so that the run and its records are of one moment.
            let transaction = self.db.unchecked_transaction()?;
            let row = RunRow::get(&transaction, run)?;
            records(&transaction, &row, from.0, limit)
        };
        snapshot().map_err(|fault| fault.reading(run))
    }

    /// The plan of a run.
    pub(super) fn plan(&self, run: &RunId) -> Result<Arc<Plan>, ReadJournalError> {
        let found = || -> Result<Arc<Plan>, Fault> {
            let transaction = self.db.unchecked_transaction()?;
            let row = RunRow::get(&transaction, run)?;
            plan(&transaction, &row).map(Arc::new)
        };
        found().map_err(|fault| fault.reading(run))
    }

    /// How a run stands.
    pub(super) fn head(&self, run: &RunId) -> Result<RunHead, ReadJournalError> {
        let found = || -> Result<RunHead, Fault> {
            let transaction = self.db.unchecked_transaction()?;
            let row = RunRow::get(&transaction, run)?;
            self.head_of(&transaction, row)
        };
        found().map_err(|fault| fault.reading(run))
    }

    /// How the runs stand, newest first.
    pub(super) fn runs(&self, after: Option<&RunId>, limit: usize) -> Result<Vec<RunHead>, ReadJournalError> {
        let found = || -> Result<Vec<RunHead>, Fault> {
            let transaction = self.db.unchecked_transaction()?;
            // Ids sort by start.
            let sql = format!("SELECT {COLUMNS} FROM runs WHERE run < ?1 ORDER BY run DESC LIMIT ?2");
            let mut rows = transaction.prepare_cached(&sql)?;
            // Greater than any text.
            let first = after.map_or("\u{10ffff}", |after| after.0.as_str());
            let mut rows = rows.query(params![first, i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut heads = Vec::new();
            while let Some(row) = rows.next()? {
                let id = RunId(row.get(1)?);
                let head = RunRow::read(row).and_then(|row| self.head_of(&transaction, row));
                heads.push(head.or_else(|fault| damaged_head(id, row, fault))?);
            }
            Ok(heads)
        };
        found().map_err(|fault| match fault {
            Fault::Database(error) => ReadJournalError::Io(super::fault::words(&error)),
            other => other.reading(&RunId(String::new())),
        })
    }

    /// Whether the owner of a run was asked to stop it.
    pub(super) fn asked_to_stop(&self, run: &RunId, epoch: u64) -> Result<bool, ReadJournalError> {
        let row = RunRow::get(&self.db, run).map_err(|fault| fault.reading(run))?;
        Ok(row.state.stop && row.state.epoch == epoch)
    }

    fn head_of(&self, db: &Connection, row: RunRow) -> Result<RunHead, Fault> {
        let mut damaged = None;
        let lives = match row.state.ending {
            None if row.state.owned => {
                let life = row.owner(db).map(|owner| owner.life(&self.here, &self.files));
                unless_damaged(life, &mut damaged)? == Some(Life::Living)
            }
            _ => false,
        };
        let (outcome, finished) = match row.state.ending {
            Some(ending) => (ending.outcome, Some(ending.at)),
            None if lives => (RunOutcome::Running, None),
            None => (RunOutcome::Interrupted, None),
        };
        let counted = if let Some(counted) = row.state.standing.clone() {
            counted
        } else {
            let counted = standing(db, &row).map(|standing| Counted::from(&standing));
            unless_damaged(counted, &mut damaged)?.unwrap_or_default()
        };
        let tail_lost = tail_is_lost(&row, &self.files);
        Ok(RunHead {
            outcome,
            finished,
            counts: counted.counts,
            open: counted.open,
            abandoned: row.state.abandoned,
            tail_lost,
            damaged,
            id: row.identity.run,
            command: row.identity.command,
            tenant: row.identity.tenant,
            started: row.identity.started,
        })
    }
}

/// Whether the run had come further once than its records do.
pub(super) fn tail_is_lost(row: &RunRow, files: &Files) -> bool {
    Marks::at(files.marks()).get(row.number, &row.origin).is_some_and(|mark| mark > row.state.last)
}

/// What was found; nothing if it is damaged, which is noted.
fn unless_damaged<T>(found: Result<T, Fault>, damaged: &mut Option<String>) -> Result<Option<T>, Fault> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(fault) => {
            damaged.get_or_insert(fault.damage()?);
            Ok(None)
        }
    }
}

/// What can be said of a run that cannot be read; any other fault is passed on.
fn damaged_head(id: RunId, row: &rusqlite::Row<'_>, fault: Fault) -> Result<RunHead, Fault> {
    Ok(RunHead {
        id,
        command: String::new(),
        tenant: connexa_types::TenantId::new(row.get::<_, String>(2)?),
        outcome: RunOutcome::Interrupted,
        started: Timestamp::UNIX_EPOCH,
        finished: None,
        counts: BTreeMap::new(),
        open: 0,
        abandoned: false,
        tail_lost: false,
        damaged: Some(fault.damage()?),
    })
}

/// Records of a run from a number on, at most `limit`.
pub(super) fn records(db: &Connection, row: &RunRow, from: u64, limit: usize) -> Result<Vec<Stored>, Fault> {
    let mut found = Vec::new();
    walk(db, row, from, limit, |seq, payload| {
        let record = serde_json::from_str::<Record>(payload)
            .map_err(|error| Fault::Damaged { seq, why: format!("it cannot be understood: {error}") })?;
        found.push(Stored { seq: Seq(seq), record });
        Ok(())
    })?;
    Ok(found)
}

/// How a run stands by its records.
pub(super) fn standing(db: &Connection, row: &RunRow) -> Result<Standing, Fault> {
    let mut standing = Standing::default();
    walk(db, row, 1, usize::MAX, |seq, payload| {
        let record = serde_json::from_str::<Record>(payload)
            .map_err(|error| Fault::Damaged { seq, why: format!("it cannot be understood: {error}") })?;
        standing.apply(&record);
        Ok(())
    })?;
    Ok(standing)
}

/// Walks along the chain of a run's records, each checked before it is handed on.
fn walk(
    db: &Connection,
    row: &RunRow,
    from: u64,
    limit: usize,
    mut each: impl FnMut(u64, &str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let first = from.max(1);
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let last = row.state.last.min(first.saturating_add(limit).saturating_sub(1));
    let tenant = row.tenant();
    let mut expected = first;
    let damaged = |seq: u64, why: &str| Fault::Damaged { seq, why: why.to_owned() };
    let mut hash = row.origin;
    let mut epoch = 0;
    if first > 1 && first <= last {
        let before = db
            .prepare_cached("SELECT hash, epoch FROM records WHERE place = ?1")?
            .query_row([row.place(first - 1)], |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, i64>(1)?)))
            .optional()
            .map_err(|error| at(first - 1, error))?
            .ok_or_else(|| damaged(first - 1, "it is missing"))?;
        hash = Hash(before.0);
        epoch = u64::try_from(before.1).map_err(|_| damaged(first - 1, "its epoch is none"))?;
    }
    let mut find = db.prepare_cached(
        "SELECT place, tenant, epoch, payload, hash FROM records WHERE place BETWEEN ?1 AND ?2 ORDER BY place",
    )?;
    // One more than is expected behind the last, so that a row too many is seen.
    let end = if last == row.state.last { row.place(u64::from(u32::MAX)) } else { row.place(last) };
    let mut rows = find.query(params![row.place(first), end])?;
    while let Some(found) = rows.next().map_err(|error| at(expected, error))? {
        let seq = expected;
        let place: i64 = found.get(0)?;
        if place != row.place(seq) {
            return Err(damaged(seq, "it is missing"));
        }
        if seq > last {
            return Err(damaged(seq, "it was never written"));
        }
        let its_epoch: i64 = found.get(2)?;
        let its_epoch = u64::try_from(its_epoch).map_err(|_| damaged(seq, "its epoch is none"))?;
        if its_epoch < epoch || its_epoch > row.state.epoch {
            return Err(damaged(seq, "its owner is none of the run's, or not in turn"));
        }
        epoch = its_epoch;
        let payload = found.get_ref(3)?.as_bytes().map_err(|_| damaged(seq, "it is no text"))?;
        hash = hash.next(seq, epoch, payload);
        let its_tenant = found.get_ref(1)?.as_bytes().map_err(|_| damaged(seq, "its tenant is no text"))?;
        let its_hash: [u8; 32] = found.get(4).map_err(|error| at(seq, error))?;
        if its_hash != hash.0 || its_tenant != tenant.as_bytes() {
            return Err(damaged(seq, "its hash is not that of what was written"));
        }
        let payload = std::str::from_utf8(payload).map_err(|_| damaged(seq, "it is no text"))?;
        each(seq, payload)?;
        expected += 1;
    }
    if expected <= last {
        return Err(damaged(expected, "it is missing"));
    }
    let at_the_end = last == row.state.last && (first <= last || first == 1);
    if at_the_end && Hash::from_hex(&row.state.chain) != Some(hash) {
        return Err(damaged(last, "the run does not end with it"));
    }
    Ok(())
}

/// An error of SQLite at a record.
fn at(seq: u64, error: rusqlite::Error) -> Fault {
    if super::fault::is_damage(&error) {
        Fault::Damaged { seq, why: super::fault::words(&error) }
    } else {
        Fault::Database(error)
    }
}

/// The number of a plan's format, whatever else stands in it.
#[derive(serde::Deserialize)]
struct Format {
    format: u32,
}

/// The plan of a run.
pub(super) fn plan(db: &Connection, row: &RunRow) -> Result<Plan, Fault> {
    let damaged = |why: &str| Fault::damaged(format!("its plan {why}"));
    let text = db
        .prepare_cached("SELECT plan FROM plans WHERE run = ?1")?
        .query_row([row.number], |row| row.get::<_, String>(0))
        .optional()?
        .ok_or_else(|| damaged("is missing"))?;
    if plan_hash(&text).to_hex() != row.identity.plan {
        return Err(damaged("is not what was written"));
    }
    match serde_json::from_str::<Format>(&text) {
        Ok(Format { format }) if format > Plan::FORMAT => {
            Err(Fault::Newer { found: format, supported: Plan::FORMAT })
        }
        _ => serde_json::from_str(&text).map_err(|error| damaged(&format!("cannot be understood: {error}"))),
    }
}

/// The hash of a plan as it is stored.
pub(super) fn plan_hash(text: &str) -> Hash {
    Hash::origin(b"plan").seal("plan", text.as_bytes())
}

/// Stores the plan of a run.
pub(super) fn set_plan(db: &Connection, row: &RunRow, text: &str) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO plans (run, tenant, epoch, plan) VALUES (?1, ?2, ?3, ?4)",
        params![row.number, row.tenant(), number(row.state.epoch), text],
    )?;
    Ok(())
}
