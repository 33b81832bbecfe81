//! The writer: one thread through which all that changes a journal goes, in the order in which it was queued.
//!
//! Appends that wait while a commit is under way go into the next one together. After one write that failed nothing is
//! written any more: what the disk holds then is not known, and a sync that is tried again may claim what is not so.

use super::{
    chain::Hash,
    fault::Fault,
    files::{FileId, Files},
    marks::Marks,
    owners::{OwnerLock, Process},
    rows::{Counted, Ending, RunRow, json, number},
    store::keep_log_at_close,
};
use connexa_engine::{
    machine::{JournalFailure, Seq},
    ports::{Claim, ClaimError, Lease, ReadJournalError},
    record::{Record, RunId, Standing},
};
use futures_channel::oneshot;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_map},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
};

/// Appends of one commit at most: so that none waits for very many.
const LARGEST_GROUP: usize = 4096;

/// What is to be written.
pub(super) enum Job {
    Append(Append),
    Claim(Box<Claim>, oneshot::Sender<Result<Lease, ClaimError>>),
    Release(Lease, oneshot::Sender<Result<(), JournalFailure>>),
    AskToStop(RunId, oneshot::Sender<Result<bool, ReadJournalError>>),
    Abandon(RunId, oneshot::Sender<Result<Vec<String>, ReadJournalError>>),
}

/// Records that become durable together.
pub(super) struct Append {
    pub(super) lease: Lease,
    pub(super) records: Vec<Record>,
    pub(super) reply: oneshot::Sender<Result<Seq, JournalFailure>>,
}

/// The writer.
pub(super) struct Writer {
    pub(super) db: Connection,
    pub(super) here: Process,
    pub(super) disk: Disk,
    pub(super) lock: Option<OwnerLock>,
    pub(super) marks: Marks,
    /// How the runs of this process stand, those aside that were taken up from an earlier one.
    pub(super) standing: HashMap<i64, Standing>,
    pub(super) failed: Option<JournalFailure>,
    /// Tells the other connection at the end that the files are to be left as they are.
    pub(super) hands_off: Arc<AtomicBool>,
}

/// The way to the disk: commits go to the files that were opened, or fail.
pub(super) struct Disk {
    pub(super) files: Files,
    /// The journal itself, as it was when it was opened.
    main: FileId,
    /// Its log.
    log: Option<FileId>,
    /// Called before each commit, which fails if it does.
    #[cfg(test)]
    pub(super) before_commit: Option<super::tests::BeforeCommit>,
}

impl Disk {
    fn commit(&mut self, transaction: Transaction<'_>) -> Result<(), Fault> {
        if let Some(why) = self.moved() {
            return Err(Fault::Other(why));
        }
        #[cfg(test)]
        if let Some(before_commit) = &mut self.before_commit {
            before_commit(&transaction)?;
        }
        Ok(transaction.commit()?)
    }

    /// Why what is written would not be found again, if so: the files that are open are no longer those that have their
    /// names.
    fn moved(&self) -> Option<String> {
        let gone = |path: &Path, expected: FileId| match FileId::at(path) {
            Ok(found) if found == expected => None,
            Ok(_) => Some(format!("`{}` was replaced by another file", path.display())),
            Err(error) => Some(format!("`{}` is gone: {error}", path.display())),
        };
        gone(&self.files.main, self.main).or_else(|| self.log.and_then(|log| gone(&self.files.log(), log)))
    }
}

impl Writer {
    pub(super) fn new(db: Connection, files: Files, here: Process) -> std::io::Result<Self> {
        let marks = Marks::at(files.marks());
        let disk = Disk {
            main: FileId::at(&files.main)?,
            // A connection that has read has its log open.
            log: FileId::at(&files.log()).ok(),
            files,
            #[cfg(test)]
            before_commit: None,
        };
        Ok(Self {
            db,
            here,
            disk,
            lock: None,
            marks,
            standing: HashMap::new(),
            failed: None,
            hands_off: Arc::default(),
        })
    }

    /// Works until nobody can ask for anything any more.
    pub(super) fn work(mut self, jobs: &Receiver<Job>) {
        let mut next = jobs.recv().ok();
        while let Some(job) = next {
            next = match job {
                Job::Append(first) => {
                    let mut group = vec![first];
                    let mut after = None;
                    while group.len() < LARGEST_GROUP {
                        match jobs.try_recv() {
                            Ok(Job::Append(append)) => group.push(append),
                            Ok(other) => {
                                after = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.append(group);
                    after.or_else(|| jobs.recv().ok())
                }
                other => {
                    self.change(other);
                    jobs.recv().ok()
                }
            };
        }
        if self.failed.is_some() || self.disk.moved().is_some() {
            // What is in the log stays there, and no file is removed that is another one by now.
            self.hands_off.store(true, Ordering::Release);
            let _ = keep_log_at_close(&self.db, true);
        }
    }

    /// Whoever asked may have stopped waiting: what was asked for is done all the same.
    fn change(&mut self, job: Job) {
        match job {
            Job::Append(append) => self.append(vec![append]),
            Job::Claim(claim, reply) => drop(reply.send(self.claim(*claim))),
            Job::Release(lease, reply) => drop(reply.send(self.release(&lease))),
            Job::AskToStop(run, reply) => drop(reply.send(self.ask_to_stop(&run))),
            Job::Abandon(run, reply) => drop(reply.send(self.abandon(&run))),
        }
    }

    fn append(&mut self, group: Vec<Append>) {
        let outcome = match &self.failed {
            Some(failure) => Err(failure.clone()),
            None => self.write(&group).map_err(|fault| self.fail(fault)),
        };
        match outcome {
            Ok(answers) => {
                for (append, answer) in group.into_iter().zip(answers) {
                    let _ = append.reply.send(answer);
                }
            }
            Err(failure) => {
                for append in group {
                    let _ = append.reply.send(Err(failure.clone()));
                }
            }
        }
    }

    /// Writes a group in one commit; an answer for each, in order.
    fn write(&mut self, group: &[Append]) -> Result<Vec<Result<Seq, JournalFailure>>, Fault> {
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut rows: BTreeMap<&RunId, Option<RunRow>> = BTreeMap::new();
        let mut changed = BTreeSet::new();
        let mut answers = Vec::with_capacity(group.len());
        for Append { lease, records, .. } in group {
            let row = match rows.entry(&lease.run) {
                btree_map::Entry::Occupied(found) => found.into_mut(),
                btree_map::Entry::Vacant(place) => place.insert(RunRow::find(&transaction, &lease.run)?),
            };
            let ours = row.as_mut().filter(|row| row.state.owned && row.state.epoch == lease.epoch);
            let Some(row) = ours else {
                answers.push(Err(JournalFailure::Fenced));
                continue;
            };
            if !records.is_empty() {
                changed.insert(row.number);
            }
            let standing = self.standing.get_mut(&row.number);
            answers.push(Ok(append(&transaction, row, records, standing)?));
        }
        let changed: Vec<&RunRow> =
            rows.values().flatten().filter(|row| changed.contains(&row.number)).collect();
        for row in &changed {
            row.save(&transaction)?;
        }
        self.disk.commit(transaction)?;
        for row in changed {
            self.marks.set(row.number, &row.origin, row.state.last);
        }
        Ok(answers)
    }

    /// Changes something else in a commit of its own. Whatever goes wrong in `change` has written nothing.
    pub(super) fn commit_change<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<Result<T, Fault>, JournalFailure> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone());
        }
        let run = || -> Result<Result<T, Fault>, Fault> {
            let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = match change(&transaction) {
                Ok(changed) => changed,
                Err(Fault::Database(error)) if !super::fault::is_damage(&error) => {
                    return Err(Fault::Database(error));
                }
                // Nothing is written when the transaction is dropped.
                Err(fault) => return Ok(Err(fault)),
            };
            self.disk.commit(transaction)?;
            Ok(Ok(changed))
        };
        run().map_err(|fault| self.fail(fault))
    }

    /// Nothing is written from now on.
    fn fail(&mut self, fault: Fault) -> JournalFailure {
        let failure = fault.writing();
        // Whoever asked for something is told; this is for those who look for the reason later.
        tracing::info!(journal = %self.disk.files.main.display(), %failure, "the journal takes nothing more");
        self.failed = Some(failure.clone());
        failure
    }
}

/// Puts records behind the last one of their run.
pub(super) fn append(
    db: &Connection,
    row: &mut RunRow,
    records: &[Record],
    mut standing: Option<&mut Standing>,
) -> Result<Seq, Fault> {
    let tenant = row.tenant();
    let mut hash = Hash::from_hex(&row.state.chain)
        .ok_or_else(|| Fault::damaged("the hash of its last record is none"))?;
    let mut insert = db.prepare_cached(
        "INSERT INTO records (place, tenant, epoch, payload, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for record in records {
        let payload = json(record)?;
        row.state.last += 1;
        hash = hash.next(row.state.last, row.state.epoch, payload.as_bytes());
        let place = row.place(row.state.last);
        insert.execute(params![place, tenant, number(row.state.epoch), payload, hash.0])?;
        row.state.ending = match record {
            Record::RunFinished { outcome, at, .. } => Some(Ending { outcome: *outcome, at: *at }),
            _ => None,
        };
        if let Some(standing) = &mut standing {
            standing.apply(record);
        }
    }
    row.state.chain = hash.to_hex();
    if !records.is_empty() {
        row.state.standing = standing.map(|standing| Counted::from(&*standing));
    }
    Ok(Seq(row.state.last))
}
