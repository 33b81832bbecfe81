//! The engine's ports on this machine: network or emulator, time, secrets, pace, state.

mod clock;
mod cloud_connexa;
mod embedded;
pub(crate) mod profiles;
pub(crate) mod secrets;
mod shared_quota;
pub(crate) mod signals;
pub(crate) mod state_dir;

use crate::{
    changing::planning::Spent,
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Target,
    views::{
        shell::quoted,
        text::{Text, Tone},
    },
};
use clock::TokioClock;
use cloud_connexa::CloudConnexa;
use connexa_client::{
    BaseUrl, Client, ClientOptions, Credentials, HttpOptions, HttpTransport, HttpTransportError, RawAttempt,
    RawCall, Transport,
};
use connexa_emulator::{Config, Embedded, Limits};
use connexa_engine::{
    drive::Ports,
    machine::AttemptId,
    pacer::{LocalPacer, PacerOptions},
    ports::{Clock as _, FixedAnswer, NoDelivery, Pacer as _, Provider as _, Secrets},
    quota::{Owner, QuotaView, Rate},
};
use connexa_types::{Answer, Call, Now, Outcome, Reason, SealingKey, SecretValues, TenantId};
use embedded::EmbeddedTransport;
use shared_quota::QuotaFile;
use state_dir::StateDir;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// How often other processes are shown that this one lives; they stop waiting for one that has not been seen for 10 s.
const SHOW_LIFE: Duration = Duration::from_secs(3);

/// What a command talks to its tenant with.
pub(crate) struct Session {
    provider: CloudConnexa,
    clock: TokioClock,
    pacer: Arc<LocalPacer>,
    /// What goes on beside: the emulator in process is advanced, other processes are shown that this one lives.
    beside: Vec<JoinHandle<()>>,
}

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

impl Session {
    /// Sets everything up; nothing is sent yet. Needs a tokio runtime.
    pub(crate) fn open(options: SessionOptions<'_>) -> Result<Self, Failure> {
        let SessionOptions { target, state, key, max_rate, screen } = options;
        let clock = TokioClock::start();
        let mut beside = Vec::new();
        let (transport, base, credentials): (Arc<dyn Transport>, _, _) = match target {
            Target::Remote { base, key, ca_file, .. } => {
                let credentials = key.credentials()?;
                let http = HttpOptions { ca_file: ca_file.clone(), ..HttpOptions::default() };
                let transport = HttpTransport::new(http).map_err(|error| match error {
                    HttpTransportError::CaFile(error) => {
                        Failure::usage("cannot use the file of authorities").because(&error)
                    }
                    other => Failure::new(Exit::Refused, "cannot set up the network").because(&other),
                })?;
                (Arc::new(transport), base.clone(), credentials)
            }
            Target::Emulator { limits } => {
                let emulator = Arc::new(open_emulator(*limits, state, clock, screen)?);
                let driven = Arc::clone(&emulator);
                beside.push(tokio::spawn(async move {
                    let now: connexa_emulator::clock::Clock = Arc::new(move || clock.now());
                    driven.drive(&now).await;
                }));
                let key = Target::emulator_key();
                let base: BaseUrl = Target::EMULATOR.parse().expect("the URL of the emulator is one");
                let credentials = Credentials { client_id: key.id, client_secret: key.secret };
                (Arc::new(EmbeddedTransport::new(emulator, clock)), base, credentials)
            }
        };
        let options = PacerOptions { max_rate: max_rate.or(target.max_rate()), seed: seed() };
        let pacer = match target {
            Target::Remote { .. } => {
                let quota = QuotaFile::of(state, base.tenant(), &credentials, &key);
                shared_pacer(quota, clock, options, screen)
            }
            // Its buckets are full in each process.
            Target::Emulator { .. } => LocalPacer::new(Arc::new(clock), options),
        };
        let pacer = Arc::new(pacer);
        if matches!(target, Target::Remote { .. }) {
            let pacer = Arc::clone(&pacer);
            beside.push(tokio::spawn(async move {
                loop {
                    tokio::time::sleep(SHOW_LIFE).await;
                    pacer.keep_alive();
                    warn_if_alone(&pacer, |text| tracing::warn!("{text}"));
                }
            }));
        }
        let client = Client::new(
            ClientOptions::new(base, credentials, key),
            transport,
            Arc::new(move || clock.mono()),
        );
        Ok(Self { provider: CloudConnexa::new(client), clock, pacer, beside })
    }

    /// The tenant.
    pub(crate) fn tenant(&self) -> &TenantId {
        self.provider.tenant()
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    /// What is known of the quota.
    pub(crate) fn quota(&self) -> QuotaView {
        self.pacer.snapshot()
    }

    /// What was sent so far, where nobody else has counted.
    pub(crate) fn spent(&self) -> Spent {
        Spent { reads: self.provider.reads(), throttled: self.provider.throttled(), ..Spent::default() }
    }

    /// The ports, without a journal.
    pub(crate) fn ports<'a>(&'a self, secrets: &'a dyn Secrets) -> Ports<'a> {
        Ports {
            provider: &self.provider,
            recording: None,
            clock: &self.clock,
            secrets,
            pacer: &*self.pacer,
            deliver: &NoDelivery,
            confirm: &FixedAnswer(false),
        }
    }

    /// Makes one call of class read that the engine has no list for, and tries again what is worth it.
    pub(crate) async fn fetch(&self, call: &Call) -> Result<Answer, Failure> {
        let mut backoff = Duration::from_millis(200);
        for attempt in 1.. {
            let id = AttemptId(attempt);
            let permit = self.pacer.acquire(id, call.class(), false).await;
            let made = self.provider.attempt(call, &SecretValues::none(), Duration::from_secs(30)).await;
            self.pacer.observe(permit, &made);
            let why = match made.outcome {
                Outcome::Applied(answer) => return Ok(answer),
                Outcome::Unauthorized => "the service refused the credentials".to_owned(),
                Outcome::Rejected(rejection) => format!("the service refused it ({})", rejection.status),
                // The pacer waits as long as the server asked for.
                Outcome::Throttled(_) if attempt < 10 => continue,
                Outcome::Throttled(_) => "it was throttled too often".to_owned(),
                Outcome::NotSent(_) | Outcome::Indeterminate(_) if attempt < 5 => {
                    tokio::time::sleep(backoff).await;
                    backoff *= 2;
                    continue;
                }
                Outcome::NotSent(why) | Outcome::Indeterminate(why) => why.detail,
            };
            let message = format!("cannot read the tenant {}", self.tenant());
            let mut failure = Failure::new(Exit::Unreachable, message);
            failure.causes.push(why);
            return Err(failure);
        }
        unreachable!("the last attempt returns")
    }

    /// Makes one raw call; again only what has not been carried out for certain. `sent` says whether one is on its way.
    pub(crate) async fn raw(&self, call: &RawCall, sent: &AtomicBool) -> RawAttempt {
        let mut backoff = Duration::from_millis(200);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let permit = self.pacer.acquire(AttemptId(attempt), call.class(), false).await;
            sent.store(true, Ordering::Relaxed);
            let made = self.provider.raw(call, Duration::from_mins(1)).await;
            sent.store(false, Ordering::Relaxed);
            self.pacer.observe(permit, &made.attempt);
            match &made.attempt.outcome {
                // The pacer waits as long as the server asked for.
                Outcome::Throttled(_) if attempt < 10 => {}
                Outcome::NotSent(why) if attempt < 5 && why.reason != Reason::Unbuildable => {
                    tokio::time::sleep(backoff).await;
                    backoff *= 2;
                }
                _ => return made,
            }
        }
    }

    /// Ends what runs beside, and closes the emulator in process.
    pub(crate) async fn close(self) {
        for task in self.beside {
            task.abort();
            // Ended or cancelled: in both cases it holds the emulator no longer.
            let _ = task.await;
        }
        warn_if_alone(&self.pacer, |text| tracing::warn!("{text}"));
    }
}

/// A pacer that shares the quota of its key with other processes, or one of its own where that cannot be.
fn shared_pacer(
    quota: Result<QuotaFile, String>,
    clock: TokioClock,
    options: PacerOptions,
    screen: &Screen,
) -> LocalPacer {
    let warn = |text: String| screen.say(&Text::titled(Tone::Warning, "warning", text));
    match quota {
        Ok(quota) => {
            let pacer = LocalPacer::shared(Arc::new(clock), options, Owner(seed()), Arc::new(quota));
            warn_if_alone(&pacer, warn);
            pacer
        }
        Err(why) => {
            warn(alone(&why));
            LocalPacer::new(Arc::new(clock), options)
        }
    }
}

fn warn_if_alone(pacer: &LocalPacer, warn: impl FnOnce(String)) {
    if let Some(why) = pacer.take_reason_to_be_alone() {
        warn(alone(&why));
    }
}

fn alone(why: &str) -> String {
    format!("the quota of this key is not shared with other processes here: {why}")
}

/// A seed for the jitter of retries.
pub(crate) fn seed() -> u64 {
    let mut bytes = [0_u8; 8];
    // Without random numbers all processes would retry in step, which is bad manners and no more.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

fn open_emulator(
    limits: Limits,
    state: &StateDir,
    clock: TokioClock,
    screen: &Screen,
) -> Result<Embedded, Failure> {
    let path = state.emulator_store();
    let first = !path.exists();
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
