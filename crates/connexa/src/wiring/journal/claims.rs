//! Claims: who may write to a run, and which runs keep out of each other's way.

use super::{
    chain::Hash,
    fault::Fault,
    files::Files,
    owners::{Life, Owner, OwnerLock, Process},
    reading::{self, plan_hash, set_plan},
    rows::{COLUMNS, Counted, Identity, RunRow, State, json},
    writer::{self, Writer},
};
use connexa_engine::{
    machine::JournalFailure,
    ports::{Claim, ClaimError, Lease, ReadJournalError},
    record::{Record, RunId, Standing},
};
use connexa_types::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::HashSet;

impl Writer {
    /// Takes a run in hand.
    pub(super) fn claim(&mut self, claim: Claim) -> Result<Lease, ClaimError> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone().into());
        }
        if self.lock.is_none() {
            // Where files cannot be locked, the process itself is what tells that it lives.
            self.lock = OwnerLock::take(&self.disk.files)
                .map_err(|error| JournalFailure::Write(format!("a file for its owner: {error}")))?;
        }
        let owner = Owner {
            process: self.here.clone(),
            lock: self.lock.as_ref().map(|lock| lock.name.clone()),
            actor: claim.actor.clone(),
            claimed: Timestamp::now(),
        };
        // Put into words before the lock on the journal is taken.
        let plan = match claim.plan.as_deref().map(json).transpose() {
            Ok(plan) => plan,
            Err(fault) => return Err(fault.writing().into()),
        };
        let (files, here) = (self.disk.files.clone(), self.here.clone());
        let change = |db: &Connection| -> Result<Result<(RunRow, bool), ClaimError>, Fault> {
            let found = RunRow::find(db, &claim.run)?;
            if let Some(row) = &found
                && let Some(refused) = held(db, row, claim.take_over, &here, &files)?
            {
                return Ok(Err(refused));
            }
            if let Some(refused) = taken(db, &claim, &here, &files)? {
                return Ok(Err(refused));
            }
            let (mut row, is_new) = match (found, &plan) {
                (Some(row), _) => (row, false),
                (None, None) => return Err(Fault::NoSuchRun),
                (None, Some(plan)) => {
                    let identity = Identity {
                        run: claim.run.clone(),
                        tenant: claim.tenant.clone(),
                        command: claim.command.clone(),
                        started: claim.started,
                        plan: plan_hash(plan).to_hex(),
                    };
                    let row = RunRow::insert(db, identity)?;
                    set_plan(db, &row, plan)?;
                    (row, true)
                }
            };
            row.state.epoch += 1;
            row.state.owned = true;
            row.state.stop = false;
            row.set_owner(db, &owner)?;
            row.set_keys(db, &claim.keys)?;
            if row.state.last > 0 && reading::tail_is_lost(&row, &files) {
                say_that_the_tail_is_lost(db, &mut row, owner.claimed)?;
            }
            row.save(db)?;
            Ok(Ok((row, is_new)))
        };
        let (row, is_new) = match self.commit_change(change)? {
            Ok(claimed) => claimed?,
            Err(fault) => return Err(fault.reading(&claim.run).into()),
        };
        if row.state.last > 0 {
            self.marks.set(row.number, &row.origin, row.state.last);
        }
        if is_new {
            self.standing.insert(row.number, Standing::default());
        } else {
            self.standing.remove(&row.number);
        }
        Ok(Lease { run: claim.run, epoch: row.state.epoch })
    }

    /// Gives a run out of hand.
    pub(super) fn release(&mut self, lease: &Lease) -> Result<(), JournalFailure> {
        let released = self.commit_change(|db| {
            let mut row = RunRow::get(db, &lease.run)?;
            if row.state.epoch != lease.epoch {
                return Err(Fault::Fenced);
            }
            if !row.state.owned {
                return Ok(row.number);
            }
            row.state.owned = false;
            if row.state.standing.is_none() {
                // Counted once here, so that nobody has to who lists runs. What cannot be read is told to whoever reads it.
                row.state.standing =
                    reading::standing(db, &row).ok().map(|standing| Counted::from(&standing));
            }
            row.save(db)?;
            Ok(row.number)
        })?;
        match released {
            Ok(number) => {
                self.standing.remove(&number);
                Ok(())
            }
            Err(fault) => Err(fault.writing()),
        }
    }

    /// Asks the owner of a run to stop it; whether there is one.
    pub(super) fn ask_to_stop(&mut self, run: &RunId) -> Result<bool, ReadJournalError> {
        let (files, here) = (self.disk.files.clone(), self.here.clone());
        let asked = self.commit_change(|db| {
            let mut row = RunRow::get(db, run)?;
            let lives = row.state.owned && row.owner(db)?.life(&here, &files) == Life::Living;
            if lives && !row.state.stop {
                row.state.stop = true;
                row.save(db)?;
            }
            Ok(lives)
        });
        flatten(asked, run)
    }

    /// Marks a run as given up; the keys of one whose records cannot be read.
    pub(super) fn abandon(&mut self, run: &RunId) -> Result<Vec<String>, ReadJournalError> {
        let abandoned = self.commit_change(|db| {
            let found = match RunRow::get(db, run) {
                Ok(mut row) => {
                    row.state.abandoned = true;
                    row.save(db)?;
                    match reading::standing(db, &row) {
                        Ok(_) => return Ok(Vec::new()),
                        Err(fault) => {
                            fault.damage()?;
                            Some(row)
                        }
                    }
                }
                Err(fault) => {
                    fault.damage()?;
                    bury(db, run)?;
                    None
                }
            };
            Ok(keys_of(db, run, found.as_ref()))
        });
        flatten(abandoned, run)
    }
}

fn flatten<T>(outcome: Result<Result<T, Fault>, JournalFailure>, run: &RunId) -> Result<T, ReadJournalError> {
    match outcome {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(fault)) => Err(fault.reading(run)),
        Err(failure) => Err(ReadJournalError::Io(failure.to_string())),
    }
}

/// Why the run itself may not be taken, if so.
fn held(
    db: &Connection,
    row: &RunRow,
    take_over: bool,
    here: &Process,
    files: &Files,
) -> Result<Option<ClaimError>, Fault> {
    let owner = row.owner(db)?;
    let (run, words) = (row.identity.run.clone(), owner.describe());
    if row.state.owned && owner.life(here, files) == Life::Living {
        return Ok(Some(ClaimError::Owned { run, owner: words }));
    }
    // Given out of hand or not: the journal may be a copy, and its run may be taken up over there as well.
    if owner.process.machine != here.machine && !take_over {
        return Ok(Some(ClaimError::OtherMachine { run, owner: words }));
    }
    Ok(None)
}

/// Which other run is at work on a key of this claim, if one is.
fn taken(db: &Connection, claim: &Claim, here: &Process, files: &Files) -> Result<Option<ClaimError>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE owned AND run <> ?1 ORDER BY run");
    let mut find = db.prepare_cached(&sql)?;
    let mut rows = find.query([&claim.run.0])?;
    while let Some(row) = rows.next()? {
        let keys = RunRow::read(row).and_then(|row| {
            let at_work = match row.owner(db)?.life(here, files) {
                Life::Living => true,
                Life::Dead => false,
                // Nobody here can tell, so it is, unless somebody has said otherwise.
                Life::Elsewhere => !row.state.abandoned,
            };
            if !at_work {
                return Ok(None);
            }
            Ok(Some((row.keys(db)?, row.identity.run)))
        });
        match keys {
            Ok(None) => {}
            Ok(Some((keys, run))) => {
                let keys: HashSet<String> = keys.into_iter().collect();
                if let Some(key) = claim.keys.iter().find(|key| keys.contains(*key)) {
                    return Ok(Some(ClaimError::Taken { run, key: key.clone() }));
                }
            }
            // A run that cannot be read stands in nobody's way here: whoever would change something is told of it.
            Err(fault) => drop(fault.damage()?),
        }
    }
    Ok(None)
}

/// Puts a record behind the last that is left, before anybody goes on from there: whatever that one says, and be it the end
/// of the run, more was done than is known.
fn say_that_the_tail_is_lost(db: &Connection, row: &mut RunRow, at: Timestamp) -> Result<(), Fault> {
    let reason = "the journal has lost what came after this".to_owned();
    let standing = row.state.standing.clone();
    writer::append(db, row, &[Record::StopRequested { reason, at }], None)?;
    // It counts for nothing.
    row.state.standing = standing;
    Ok(())
}

/// Puts a run that is given up in the place of one of which nothing can be read any more. Its records stay as they are.
fn bury(db: &Connection, run: &RunId) -> Result<(), Fault> {
    let number: i64 = db
        .query_row("SELECT number FROM runs WHERE run = ?1", [&run.0], |row| row.get(0))
        .optional()?
        .ok_or(Fault::NoSuchRun)?;
    let tenant: String = db.query_row("SELECT tenant FROM journal", [], |row| row.get(0))?;
    let identity = Identity {
        run: run.clone(),
        tenant: connexa_types::TenantId::new(tenant),
        command: String::new(),
        started: Timestamp::now(),
        plan: String::new(),
    };
    let text = json(&identity)?;
    let origin = Hash::origin(text.as_bytes());
    let state = State {
        epoch: 0,
        owned: false,
        last: 0,
        chain: origin.to_hex(),
        ending: None,
        standing: Some(Counted::default()),
        abandoned: true,
        stop: false,
    };
    db.execute(
        "UPDATE runs SET tenant = ?2, identity = ?3, origin = ?4 WHERE number = ?1",
        params![number, identity.tenant.to_string(), text, origin.0],
    )?;
    RunRow { number, identity, origin, state }.save(db)
}

/// The keys that a damaged run may have touched, from wherever they can still be read.
fn keys_of(db: &Connection, run: &RunId, row: Option<&RunRow>) -> Vec<String> {
    let claimed = "SELECT keys FROM keys JOIN runs ON keys.run = runs.number WHERE runs.run = ?1";
    let claimed =
        db.query_row(claimed, [&run.0], |row| row.get::<_, String>(0)).optional().unwrap_or_default();
    let mut keys: Vec<String> = claimed.and_then(|keys| serde_json::from_str(&keys).ok()).unwrap_or_default();
    if let Some(plan) = row.and_then(|row| reading::plan(db, row).ok()) {
        keys.extend(plan.changes.iter().map(|change| format!("{}/{}", change.kind, change.key)));
    }
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    keys
}
