//! Runs as they are stored: who a run is, how it stands, and the seals that vouch for both.

use super::{chain::Hash, fault::Fault, owners::Owner};
use connexa_engine::{
    record::{RunId, Standing},
    report::{RunOutcome, Verdict},
};
use connexa_types::{TenantId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who a run is; never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) run: RunId,
    pub(super) tenant: TenantId,
    pub(super) command: String,
    pub(super) started: Timestamp,
    /// The hash of its plan as it is stored.
    pub(super) plan: String,
}

/// How a run stands; written with the records that make it so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Counts its owners.
    pub(super) epoch: u64,
    /// Whether the last owner has not given it out of hand.
    pub(super) owned: bool,
    /// The number of its last record.
    pub(super) last: u64,
    /// The hash of that record.
    pub(super) chain: String,
    /// What it came to, if its last record says so.
    pub(super) ending: Option<Ending>,
    /// How it stands by its records up to the last; `None` if nobody has counted since it was continued.
    pub(super) standing: Option<Counted>,
    /// Whether it was given up.
    pub(super) abandoned: bool,
    /// Whether its owner was asked to stop.
    pub(super) stop: bool,
}

/// What its last record says that it came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ending {
    pub(super) outcome: RunOutcome,
    pub(super) at: Timestamp,
}

/// How many changes have come to what, and how many operations are open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) counts: BTreeMap<String, BTreeMap<Verdict, u64>>,
    pub(super) open: u64,
}

impl From<&Standing> for Counted {
    fn from(standing: &Standing) -> Self {
        Self { counts: standing.counts.clone(), open: standing.open() }
    }
}

/// One run.
#[derive(Clone, Debug)]
pub(super) struct RunRow {
    /// Its number in this journal.
    pub(super) number: i64,
    pub(super) identity: Identity,
    pub(super) origin: Hash,
    pub(super) state: State,
}

/// The columns that [`RunRow`] is read from.
pub(super) const COLUMNS: &str = "number, run, tenant, owned, identity, origin, state, seal";

impl RunRow {
    /// Stores a new run, whose plan, keys and first owner are stored with it.
    pub(super) fn insert(db: &Connection, identity: Identity) -> Result<Self, Fault> {
        let text = json(&identity)?;
        let origin = Hash::origin(text.as_bytes());
        let state = State {
            epoch: 0,
            owned: false,
            last: 0,
            chain: origin.to_hex(),
            ending: None,
            standing: Some(Counted::default()),
            abandoned: false,
            stop: false,
        };
        db.prepare_cached(
            "INSERT INTO runs (run, tenant, owned, identity, origin, state, seal) VALUES (?1, ?2, 0, ?3, ?4, '', x'')",
        )?
        .execute(params![identity.run.0, identity.tenant.to_string(), text, origin.0])?;
        let row = Self { number: db.last_insert_rowid(), identity, origin, state };
        row.save(db)?;
        Ok(row)
    }

    /// Stores how it stands now.
    pub(super) fn save(&self, db: &Connection) -> Result<(), Fault> {
        let state = json(&self.state)?;
        let seal = self.origin.seal("state", state.as_bytes());
        db.prepare_cached("UPDATE runs SET owned = ?2, state = ?3, seal = ?4 WHERE number = ?1")?
            .execute(params![self.number, self.state.owned, state, seal.0])?;
        Ok(())
    }

    /// Finds a run.
    pub(super) fn find(db: &Connection, run: &RunId) -> Result<Option<Self>, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE run = ?1");
        db.prepare_cached(&sql)?.query_row([&run.0], |row| Ok(Self::read(row))).optional()?.transpose()
    }

    /// Finds a run that must be there.
    pub(super) fn get(db: &Connection, run: &RunId) -> Result<Self, Fault> {
        Self::find(db, run)?.ok_or(Fault::NoSuchRun)
    }

    /// The run of a row with [`COLUMNS`], if it is as it was written.
    pub(super) fn read(row: &Row<'_>) -> Result<Self, Fault> {
        let damaged = || Fault::damaged("what is stored of the run is not what was written");
        let (run, tenant, owned): (String, String, bool) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let identity = row.get_ref(4)?.as_bytes().map_err(|_| damaged())?;
        let origin = Hash::origin(identity);
        let state = row.get_ref(6)?.as_bytes().map_err(|_| damaged())?;
        let sealed = row.get::<_, [u8; 32]>(5)? == origin.0
            && row.get::<_, [u8; 32]>(7)? == origin.seal("state", state).0;
        if !sealed {
            return Err(damaged());
        }
        let identity: Identity = serde_json::from_slice(identity).map_err(|_| damaged())?;
        let state: State = serde_json::from_slice(state).map_err(|_| damaged())?;
        if identity.run.0 != run || identity.tenant.to_string() != tenant || state.owned != owned {
            return Err(damaged());
        }
        Ok(Self { number: row.get(0)?, identity, origin, state })
    }

    /// Who took it in hand last.
    pub(super) fn owner(&self, db: &Connection) -> Result<Owner, Fault> {
        let missing = || Fault::damaged("who owns the run is not stored as it was written");
        let mut find = db.prepare_cached("SELECT owner, seal FROM owners WHERE run = ?1 AND epoch = ?2")?;
        let found = find.query_row(params![self.number, number(self.state.epoch)], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, [u8; 32]>(1)?))
        });
        let (owner, seal) = found.optional()?.ok_or_else(missing)?;
        if seal != self.origin.seal(&format!("owner {}", self.state.epoch), owner.as_bytes()).0 {
            return Err(missing());
        }
        serde_json::from_str(&owner).map_err(|_| missing())
    }

    /// Stores the owner of its present epoch.
    pub(super) fn set_owner(&self, db: &Connection, owner: &Owner) -> Result<(), Fault> {
        let text = json(owner)?;
        let seal = self.origin.seal(&format!("owner {}", self.state.epoch), text.as_bytes());
        db.execute(
            "INSERT INTO owners (run, epoch, tenant, owner, seal) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![self.number, number(self.state.epoch), self.tenant(), text, seal.0],
        )?;
        Ok(())
    }

    /// The keys that it has claimed.
    pub(super) fn keys(&self, db: &Connection) -> Result<Vec<String>, Fault> {
        let missing = || Fault::damaged("the keys of the run are not stored as they were written");
        let mut find = db.prepare_cached("SELECT keys, seal FROM keys WHERE run = ?1")?;
        let found =
            find.query_row([self.number], |row| Ok((row.get::<_, String>(0)?, row.get::<_, [u8; 32]>(1)?)));
        let (keys, seal) = found.optional()?.ok_or_else(missing)?;
        if seal != self.origin.seal("keys", keys.as_bytes()).0 {
            return Err(missing());
        }
        serde_json::from_str(&keys).map_err(|_| missing())
    }

    /// Stores the keys that it claims.
    pub(super) fn set_keys(&self, db: &Connection, keys: &[String]) -> Result<(), Fault> {
        let text = json(keys)?;
        let seal = self.origin.seal("keys", text.as_bytes());
        db.execute(
            "INSERT INTO keys (run, tenant, epoch, keys, seal) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (run) DO UPDATE SET epoch = excluded.epoch, keys = excluded.keys, seal = excluded.seal",
            params![self.number, self.tenant(), number(self.state.epoch), text, seal.0],
        )?;
        Ok(())
    }

    /// Where its record of a number lies.
    pub(super) fn place(&self, seq: u64) -> i64 {
        self.number << 32 | i64::from(u32::try_from(seq).unwrap_or(u32::MAX))
    }

    pub(super) fn tenant(&self) -> String {
        self.identity.tenant.to_string()
    }
}

/// A number of ours for SQLite. None comes near the limit.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|error| Fault::Other(format!("it cannot be put into words: {error}")))
}
