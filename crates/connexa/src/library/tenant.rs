//! Tenants: where a library's calls go.

use super::Api;
use crate::{
    session::{EMULATOR, Remote, Session, calling::CallError, pacing::Batches},
    wiring::{
        clock::TokioClock,
        journal::{OpenJournalError, SqliteJournal, actor},
        secrets::HostSecrets,
        shared_quota::QuotaFile,
        state_dir::{StateDir, StateDirError},
    },
};
use connexa_client::{BaseUrl, BaseUrlError, Credentials, HttpOptions, HttpTransportError, TypedCall};
use connexa_emulator::{
    Config, Embedded, Emulator, Limits, faults::FaultDocument, ledger::LedgerMemory, store::StoreError,
};
use connexa_engine::{
    ports::{Actor, Clock as _, Journal},
    quota::{QuotaView, Rate},
};
use connexa_types::{SealingKey, SecretHash, SecretValue, TenantId};
use std::{collections::HashMap, fmt, path::PathBuf, sync::Arc};

/// A tenant and one API key for it. All that is done through it, and through its clones, shares one token and one quota.
///
/// What runs beside (renewing its share of the quota, advancing the emulator in process) is spawned on the tokio runtime in
/// which it is made, and ends with the last clone.
#[derive(Clone)]
pub struct Tenant(Arc<Inner>);

struct Inner {
    session: Session,
    key: SealingKey,
    batches: Batches,
    /// Where runs are remembered, if that outlives this process.
    journal: Option<Arc<dyn Journal>>,
    actor: Actor,
}

/// How to reach a tenant.
#[derive(Clone, Debug, Default)]
pub struct TenantOptions {
    /// A file of authorities (PEM) to trust beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// A cap on all calls.
    pub max_rate: Option<Rate>,
    /// A state directory, as the command line has one: processes that name the same one share the quota of the key, and
    /// hashes of secrets can be compared between them. Runs are recorded there, so that one whose process ends in the
    /// middle of it can be continued, and any be undone, with the command line. Without it all that is this tenant's own,
    /// and goes with it.
    pub state_dir: Option<PathBuf>,
}

/// An emulator in this process.
#[derive(Clone, Debug, Default)]
pub struct EmulatorOptions {
    /// Its settings. The first of its keys is used.
    pub config: Config,
    /// The file that its tenant is kept in; in memory, if there is none.
    pub store: Option<PathBuf>,
    /// Where it notes each request.
    pub ledger: Option<LedgerMemory>,
    /// What goes wrong.
    pub faults: FaultDocument,
}

/// Why a tenant cannot be set up. No call has been made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is none that an API can be at.
    #[error(transparent)]
    Url(#[from] BaseUrlError),
    /// TLS cannot be set up.
    #[error("cannot set up the network")]
    Http(#[from] HttpTransportError),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateDirError),
    /// The journal in the state directory cannot be used.
    #[error(transparent)]
    Journal(#[from] OpenJournalError),
    /// The quota cannot be shared through the state directory.
    #[error("the quota cannot be shared: {0}")]
    Quota(String),
    /// The emulator's tenant cannot be opened.
    #[error("cannot open the emulator's tenant")]
    Emulator(#[from] StoreError),
    /// The emulator was given no key.
    #[error("the emulator has no key")]
    NoKey,
    /// The system has no random numbers.
    #[error("no random numbers are to be had: {0}")]
    Random(String),
}

impl Tenant {
    /// The tenant at `url`, such as `https://acme.api.openvpn.com`. Nothing is sent yet.
    ///
    /// # Errors
    /// A URL that is none, and what keeps TLS or the state directory from being set up.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect(
        url: &str,
        credentials: Credentials,
        options: TenantOptions,
    ) -> Result<Self, ConnectError> {
        let base: BaseUrl = url.parse()?;
        let TenantOptions { ca_file, max_rate, state_dir } = options;
        let actor = actor(&credentials.client_id);
        let (key, quota, journal) = match state_dir {
            Some(path) => {
                let state = StateDir::open(&path)?;
                let key = state.sealing_key()?;
                let quota = QuotaFile::of(&state, base.tenant(), &credentials, &key);
                let journal: Arc<dyn Journal> = SqliteJournal::open(&state, base.tenant())?;
                (key, Some(quota.map_err(ConnectError::Quota)?), Some(journal))
            }
            None => (fresh_key()?, None, None),
        };
        let http = HttpOptions { ca_file, ..HttpOptions::default() };
        let remote = Remote { base, credentials, key: key.clone(), http, max_rate, quota };
        Ok(Self::over(Session::remote(remote)?, key, journal, actor))
    }

    /// A fresh tenant of the emulator, in memory.
    ///
    /// # Errors
    /// Only if the system has no random numbers.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn emulator(limits: Limits) -> Result<Self, ConnectError> {
        let config = Config { limits, ..Config::default() };
        Self::emulator_with(EmulatorOptions { config, ..EmulatorOptions::default() })
    }

    /// A tenant of the emulator: in memory, or in a file that keeps it.
    ///
    /// # Errors
    /// A file that cannot be opened or is in use, and settings without a key.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn emulator_with(options: EmulatorOptions) -> Result<Self, ConnectError> {
        let EmulatorOptions { config, store, ledger, faults } = options;
        let api = config.keys.first().ok_or(ConnectError::NoKey)?.clone();
        let credentials = Credentials { client_id: api.id, client_secret: api.secret };
        let clock = TokioClock::start();
        let mut emulator = match store {
            Some(path) => Embedded::open(&path, config, clock.now())?,
            None => Embedded::in_memory(Emulator::new(config, clock.now())),
        };
        if let Some(ledger) = ledger {
            emulator = emulator.with_ledger(ledger);
        }
        emulator.with(|emulator| emulator.add_faults(faults));
        let key = fresh_key()?;
        let actor = actor(&credentials.client_id);
        let session = Session::embedded(Arc::new(emulator), clock, credentials, key.clone(), None);
        Ok(Self::over(session, key, None, actor))
    }

    fn over(session: Session, key: SealingKey, journal: Option<Arc<dyn Journal>>, actor: Actor) -> Self {
        Self(Arc::new(Inner { session, key, batches: Batches::default(), journal, actor }))
    }

    /// The URL that all emulators in process have.
    pub const EMULATOR: &'static str = EMULATOR;

    /// The tenant's id: the origin of its URL.
    pub fn id(&self) -> &TenantId {
        self.0.session.tenant()
    }

    /// What is known of the quota of the key.
    pub fn quota(&self) -> QuotaView {
        self.0.session.quota()
    }

    /// Typed calls, under the quota and with the retries of this tenant.
    pub fn api(&self) -> Api {
        Api::of(self)
    }

    /// Makes one typed call of [`crate::api`], as [`Api::call`] does.
    ///
    /// # Errors
    /// What the service refused, or what is not known.
    pub async fn call<T>(&self, call: &TypedCall<T>) -> Result<T, CallError> {
        self.api().call(call).await
    }

    /// Ends what runs beside, and closes the file of an emulator, if this is the last clone.
    pub async fn close(self) {
        if let Some(inner) = Arc::into_inner(self.0) {
            inner.session.close().await;
        }
    }

    pub(super) fn session(&self) -> &Session {
        &self.0.session
    }

    pub(super) fn journal(&self) -> Option<&Arc<dyn Journal>> {
        self.0.journal.as_ref()
    }

    pub(super) fn actor(&self) -> &Actor {
        &self.0.actor
    }

    pub(super) fn batches(&self) -> &Batches {
        &self.0.batches
    }

    pub(super) fn seal(&self, field: &str, value: &str) -> SecretHash {
        self.0.key.seal(field, value)
    }

    /// Secrets of items: by reference from this process's surroundings, or as the items hold them.
    pub(super) fn secrets(&self, inline: HashMap<SecretHash, Arc<SecretValue>>) -> HostSecrets {
        HostSecrets::new(self.0.key.clone(), PathBuf::new(), inline)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tenant").field(self.id()).finish()
    }
}

fn fresh_key() -> Result<SealingKey, ConnectError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| ConnectError::Random(error.to_string()))?;
    Ok(SealingKey::new(bytes))
}
