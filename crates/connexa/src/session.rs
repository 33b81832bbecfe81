//! A tenant and the ports to it: what the command line and the library go their course with.
//!
//! A [`Session`] holds provider, clock and pacer. [`planning`] reads the tenant and plans, [`running`] carries a plan out,
//! [`history`] tells of runs that the journal holds, [`calling`] makes single calls; each exists once, and tells whoever watches instead of printing.

pub(crate) mod calling;
pub(crate) mod history;
pub(crate) mod pacing;
pub(crate) mod planning;
pub(crate) mod raw;
pub(crate) mod running;

use crate::wiring::{
    clock::TokioClock, cloud_connexa::CloudConnexa, embedded::EmbeddedTransport, shared_quota::QuotaFile,
};
use connexa_client::{
    BaseUrl, Client, ClientOptions, Credentials, HttpOptions, HttpTransport, HttpTransportError, RawAttempt,
    RawCall, Transport,
};
use connexa_emulator::Embedded;
use connexa_engine::{
    drive::Ports,
    machine::AttemptId,
    pacer::{LocalPacer, PacerOptions},
    ports::{Clock as _, FixedAnswer, NoDelivery, Pacer as _, Provider as _, Secrets},
    quota::{Owner, QuotaView, Rate},
    run::RunOptions,
};
use connexa_types::{Now, Outcome, Reason, SealingKey, TenantId};
use planning::Spent;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// The tenant of the emulator in process.
pub(crate) const EMULATOR: &str = "https://emulator.localhost";

/// How often other processes are shown that this one lives; they stop waiting for one that has not been seen for 10 s.
const SHOW_LIFE: Duration = Duration::from_secs(3);

/// A tenant, and the ports to it.
pub(crate) struct Session {
    provider: CloudConnexa,
    clock: TokioClock,
    pacer: Arc<LocalPacer>,
    /// What goes on beside: the emulator in process is advanced, other processes are shown that this one lives.
    beside: Vec<JoinHandle<()>>,
}

/// A tenant over the network.
pub(crate) struct Remote {
    /// Where it is.
    pub(crate) base: BaseUrl,
    /// The API key.
    pub(crate) credentials: Credentials,
    /// Under which secrets of answers are hashed.
    pub(crate) key: SealingKey,
    /// How to get there.
    pub(crate) http: HttpOptions,
    /// A cap on all calls.
    pub(crate) max_rate: Option<Rate>,
    /// Where the quota is shared with other processes, if it is.
    pub(crate) quota: Option<QuotaFile>,
}

impl Session {
    /// A tenant over the network; nothing is sent yet. Needs a tokio runtime.
    pub(crate) fn remote(remote: Remote) -> Result<Self, HttpTransportError> {
        let Remote { base, credentials, key, http, max_rate, quota } = remote;
        let clock = TokioClock::start();
        let transport = HttpTransport::new(http)?;
        let options = PacerOptions { max_rate, seed: seed() };
        let pacer = Arc::new(match quota {
            Some(quota) => LocalPacer::shared(Arc::new(clock), options, Owner(seed()), Arc::new(quota)),
            None => LocalPacer::new(Arc::new(clock), options),
        });
        let shown = Arc::clone(&pacer);
        let showing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(SHOW_LIFE).await;
                shown.keep_alive();
                warn_if_alone(&shown);
            }
        });
        let client = ClientOptions::new(base, credentials, key);
        Ok(Self::over(Arc::new(transport), client, clock, pacer, vec![showing]))
    }

    /// An emulator in this process, opened by `clock`. Needs a tokio runtime.
    pub(crate) fn embedded(
        emulator: Arc<Embedded>,
        clock: TokioClock,
        credentials: Credentials,
        key: SealingKey,
        max_rate: Option<Rate>,
    ) -> Self {
        let driven = Arc::clone(&emulator);
        let driving = tokio::spawn(async move {
            let now: connexa_emulator::clock::Clock = Arc::new(move || clock.now());
            driven.drive(&now).await;
        });
        // Its buckets are full in each process.
        let pacer = LocalPacer::new(Arc::new(clock), PacerOptions { max_rate, seed: seed() });
        let base: BaseUrl = EMULATOR.parse().expect("the URL of the emulator is one");
        let client = ClientOptions::new(base, credentials, key);
        let transport = Arc::new(EmbeddedTransport::new(emulator, clock));
        Self::over(transport, client, clock, Arc::new(pacer), vec![driving])
    }

    fn over(
        transport: Arc<dyn Transport>,
        client: ClientOptions,
        clock: TokioClock,
        pacer: Arc<LocalPacer>,
        beside: Vec<JoinHandle<()>>,
    ) -> Self {
        let client = Client::new(client, transport, Arc::new(move || clock.mono()));
        Self { provider: CloudConnexa::new(client), clock, pacer, beside }
    }

    /// The tenant.
    pub(crate) fn tenant(&self) -> &TenantId {
        self.provider.tenant()
    }

    /// The settle time, unless another one is given: none in the emulator in process, which ends with the process.
    pub(crate) fn settle_time(&self) -> Duration {
        if self.tenant().to_string() == EMULATOR { Duration::ZERO } else { RunOptions::SETTLE }
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    /// What is known of the quota.
    pub(crate) fn quota(&self) -> QuotaView {
        self.pacer.snapshot()
    }

    /// The pacer of all calls.
    pub(crate) const fn pacer(&self) -> &Arc<LocalPacer> {
        &self.pacer
    }

    /// Why this process paces alone although it was to share the quota; told once.
    pub(crate) fn reason_to_be_alone(&self) -> Option<String> {
        self.pacer.take_reason_to_be_alone().map(|why| alone(&why))
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
    pub(crate) async fn close(mut self) {
        for task in std::mem::take(&mut self.beside) {
            task.abort();
            // Ended or cancelled: in both cases it holds the emulator no longer.
            let _ = task.await;
        }
        warn_if_alone(&self.pacer);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.beside.iter().for_each(JoinHandle::abort);
    }
}

fn warn_if_alone(pacer: &LocalPacer) {
    if let Some(why) = pacer.take_reason_to_be_alone() {
        tracing::warn!("{}", alone(&why));
    }
}

/// In words, why the quota is not shared.
pub(crate) fn alone(why: &str) -> String {
    format!("the quota of this key is not shared with other processes here: {why}")
}

/// A seed for the jitter of retries.
pub(crate) fn seed() -> u64 {
    let mut bytes = [0_u8; 8];
    // Without random numbers all processes would retry in step, which is bad manners and no more.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
