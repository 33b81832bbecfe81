//! The engine's ports on this machine: network or emulator, time, secrets, pace, state.

pub(crate) mod clock;
pub(crate) mod cloud_connexa;
pub(crate) mod embedded;
pub(crate) mod hook;
pub(crate) mod journal;
pub(crate) mod nothing;
pub(crate) mod profiles;
pub(crate) mod secrets;
pub(crate) mod shared_quota;
pub(crate) mod signals;
pub(crate) mod state_dir;

use crate::{
    exit::Exit,
    failure::Failure,
    screen::Screen,
    session::{self, Remote, Session, history},
    settings::Target,
    views::{
        shell::quoted,
        text::{Text, Tone},
    },
};
use clock::TokioClock;
use connexa_client::{Credentials, HttpOptions, HttpTransportError};
use connexa_emulator::{Config, Embedded, Limits};
use connexa_engine::{
    journal::MemoryJournal,
    ports::{Clock as _, Journal},
    quota::Rate,
};
use connexa_types::{SealingKey, TenantId};
use journal::{OpenJournalError, SqliteJournal};
use shared_quota::QuotaFile;
use state_dir::StateDir;
use std::sync::Arc;

/// How to open a session.
pub(crate) struct SessionOptions<'a> {
    /// The tenant.
    pub(crate) target: &'a Target,
    /// Where state is kept.
    pub(crate) state: &'a StateDir,
    /// Under which secrets of answers are hashed.
    pub(crate) key: SealingKey,
    /// A cap on all calls; without it, that of the profile.
    pub(crate) max_rate: Option<Rate>,
    /// Where remarks go.
    pub(crate) screen: &'a Screen,
}

/// Sets everything up for the tenant of a command; nothing is sent yet. Needs a tokio runtime.
pub(crate) fn open(options: SessionOptions<'_>) -> Result<Session, Failure> {
    let SessionOptions { target, state, key, max_rate, screen } = options;
    let max_rate = max_rate.or(target.max_rate());
    let warn = |text: String| screen.say(&Text::titled(Tone::Warning, "warning", text));
    if let Some(warning) = state.warning() {
        warn(warning);
    }
    match target {
        Target::Remote { base, key: of_api, ca_file, .. } => {
            let credentials = of_api.credentials()?;
            let quota = QuotaFile::of(state, base.tenant(), &credentials, &key);
            let quota = quota.map_err(|why| warn(session::alone(&why))).ok();
            let http = HttpOptions { ca_file: ca_file.clone(), ..HttpOptions::default() };
            let remote = Remote { base: base.clone(), credentials, key, http, max_rate, quota };
            let session = Session::remote(remote).map_err(|error| match error {
                HttpTransportError::CaFile(error) => {
                    Failure::usage("cannot use the file of authorities").because(&error)
                }
                other => Failure::new(Exit::Refused, "cannot set up the network").because(&other),
            })?;
            if let Some(why) = session.reason_to_be_alone() {
                warn(why);
            }
            Ok(session)
        }
        Target::Emulator { limits } => {
            let clock = TokioClock::start();
            let emulator = Arc::new(open_emulator(*limits, state, clock, screen)?);
            let api = Target::emulator_key();
            let credentials = Credentials { client_id: api.id, client_secret: api.secret };
            Ok(Session::embedded(emulator, clock, credentials, key, max_rate))
        }
    }
}

/// The journal of a tenant, made if there is none: where its runs are remembered.
pub(crate) fn open_journal(state: &StateDir, tenant: &TenantId) -> Result<Arc<dyn Journal>, Failure> {
    Ok(SqliteJournal::open(state, tenant)?)
}

/// The journal of a tenant to look at: an empty one, if there is none.
pub(crate) fn existing_journal(state: &StateDir, tenant: &TenantId) -> Result<Arc<dyn Journal>, Failure> {
    match SqliteJournal::open_existing(state, tenant)? {
        Some(journal) => Ok(journal),
        None => Ok(Arc::new(MemoryJournal::new())),
    }
}

/// Other tenants whose journal in this state directory holds a run whose id begins so.
pub(crate) async fn tenants_with_run(state: &StateDir, but: &TenantId, id: &str) -> Vec<TenantId> {
    let mut found = Vec::new();
    for path in state.journal_files() {
        // The file itself tells whose it is, to whoever takes it for that of another tenant.
        let tenant = match SqliteJournal::open_at(&path, but) {
            Err(OpenJournalError::OtherTenant { found, .. }) => TenantId::from(found.as_str()),
            // Our own, or one that is of no use.
            Ok(_) | Err(_) => continue,
        };
        let Ok(journal) = SqliteJournal::open_at(&path, &tenant) else { continue };
        let heads = history::heads(&*journal, &tenant, usize::MAX).await.unwrap_or_default();
        if heads.iter().any(|head| head.id.0.starts_with(id)) {
            found.push(tenant);
        }
    }
    found
}

fn open_emulator(
    limits: Limits,
    state: &StateDir,
    clock: TokioClock,
    screen: &Screen,
) -> Result<Embedded, Failure> {
    let path = state.emulator_store();
    let first = state_dir::own_file(&path)?.is_none();
    let config = Config { limits, keys: vec![Target::emulator_key()], ..Config::default() };
    let emulator = Embedded::open(&path, config, clock.now())
        .map_err(|error| Failure::new(Exit::Refused, "cannot open the emulator's tenant").because(&error))?;
    if first {
        let text = format_args!("the emulator keeps its tenant in `{}`; to start over:", path.display());
        let command = format!("  rm -f {}*", quoted(&path.display().to_string()));
        screen.say(&Text::titled(Tone::Hint, "note", text).then(Text::line(command)));
    }
    Ok(emulator)
}
