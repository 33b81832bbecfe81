//! The driver: carries out what a machine asks for, and tells it what came of it.
//!
//! It decides nothing. It runs on any executor: waiting is the clock's, the pacer's, the journal's and the provider's.

use crate::{
    machine::{AttemptId, Input, JournalFailure, Machine, Output, Permit, Seq, Stop, TimerId},
    ports::{Clock, Confirm, Deliver, DeliverError, Journal, Lease, Pacer, Provider, Secrets},
    record::{Event, Record, Stored},
};
use connexa_types::{Attempt, Call, CallBody, Mono, Outcome, Reason, SecretValues, Why};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{self, AbortHandle, Abortable, BoxFuture},
    pin_mut, select_biased,
    stream::{FuturesOrdered, FuturesUnordered, Stream},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// The most bytes of the calls that share a request. Answers say more than calls; both together have to stay well below
/// what is read of an answer, since one that is too large is lost for all of them.
const BATCH_BYTES: usize = 1 << 20;

/// What a machine is driven with.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// The tenant's API.
    pub provider: &'a dyn Provider,
    /// Where records go; `None` for a machine that makes none.
    pub recording: Option<Recording<'a>>,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Secrets.
    pub secrets: &'a dyn Secrets,
    /// Leave to send.
    pub pacer: &'a dyn Pacer,
    /// Where products of calls go.
    pub deliver: &'a dyn Deliver,
    /// Who is asked.
    pub confirm: &'a dyn Confirm,
}

/// A journal, and the proof that the run in it is ours.
#[derive(Clone, Copy)]
pub struct Recording<'a> {
    /// The journal.
    pub journal: &'a dyn Journal,
    /// The proof.
    pub lease: &'a Lease,
}

/// Drives a machine to its end.
///
/// `watch` sees every record as it is handed to the journal, and every tick; it may be told of a record that a crash in
/// the same moment keeps from the journal. What comes on `stop` is passed on to the machine.
///
/// Dropping the future is safe at any moment: attempts in flight are abandoned (after a restart they count as
/// indeterminate), permits are given up, and nothing that is not durable has been sent.
pub async fn drive<M: Machine>(
    mut machine: M,
    ports: Ports<'_>,
    watch: &mut (dyn FnMut(&Event) + Send),
    stop: impl Stream<Item = Stop>,
) -> M::Done {
    let stop = stop.fuse();
    pin_mut!(stop);
    let mut driver = Driver {
        ports,
        inbox: VecDeque::from([Input::Start]),
        work: FuturesUnordered::new(),
        appends: FuturesOrdered::new(),
        acquiring: HashMap::new(),
        permits: Permits { held: HashMap::new(), ports },
        unwritten: Vec::new(),
        durable: Seq(0),
        failed: None,
        waiting: VecDeque::new(),
        gathered: VecDeque::new(),
    };
    loop {
        while let Some(input) = driver.inbox.pop_front() {
            for output in machine.handle(ports.clock.now(), input) {
                if let Output::Done(done) = output {
                    return done;
                }
                driver.carry_out(output, watch);
            }
        }
        assert!(
            !(driver.work.is_empty() && driver.appends.is_empty() && !driver.has_kept()),
            "a machine that waits for nothing never ends"
        );
        let nothing_more = if driver.has_kept() {
            future::ready(()).right_future()
        } else {
            future::pending().left_future()
        };
        pin_mut!(nothing_more);
        select_biased! {
            // Asked first, so that a stop is not held up by a busy run.
            stop = stop.select_next_some() => driver.inbox.push_back(Input::Stop(stop)),
            appended = driver.appends.select_next_some() => driver.appended(appended),
            happened = driver.work.select_next_some() => driver.happened(happened),
            // Asked last: what can still come at once, comes first. So nothing is kept when this future is dropped.
            () = nothing_more => driver.hand_over(),
        }
    }
}

/// Something asked for earlier has come about.
enum Happened {
    Granted(Permit),
    /// The machine no longer wants the permit.
    Abandoned,
    Answered(Vec<(AttemptId, Box<Attempt>)>),
    Delivered(AttemptId, Result<String, DeliverError>),
    Confirmed(bool),
    Woke(TimerId),
}

struct Driver<'a> {
    ports: Ports<'a>,
    inbox: VecDeque<Input>,
    work: FuturesUnordered<BoxFuture<'a, Happened>>,
    /// Resolved in order, as the journal makes records durable in order.
    appends: FuturesOrdered<BoxFuture<'static, Result<Seq, JournalFailure>>>,
    acquiring: HashMap<AttemptId, AbortHandle>,
    permits: Permits<'a>,
    /// Records that the journal gets together, once nothing more comes at once: the outcome of a call and the intent of the
    /// next one become durable in one go.
    unwritten: Vec<Record>,
    durable: Seq,
    failed: Option<JournalFailure>,
    /// Sends whose intent is not durable yet, in the order of their intents.
    waiting: VecDeque<Waiting>,
    /// Sends that may go and share requests: they go once nothing more comes at once.
    gathered: VecDeque<Waiting>,
}

/// A send that waits for its intent.
struct Waiting {
    attempt: AttemptId,
    call: Arc<Call>,
    after: Seq,
    not_after: Mono,
    limit: Duration,
    batch: usize,
}

/// The permits in hand. When the driver is dropped, their calls may be on their way: to the pacer they are lost.
struct Permits<'a> {
    held: HashMap<AttemptId, Permit>,
    ports: Ports<'a>,
}

impl Drop for Permits<'_> {
    fn drop(&mut self) {
        let now = self.ports.clock.now().mono;
        for (_, permit) in self.held.drain() {
            let why = Why::new(Reason::Cancelled, "the run was dropped");
            let attempt = Attempt { outcome: Outcome::Indeterminate(why.clone()), ..not_sent(why, now) };
            self.ports.pacer.observe(permit, &attempt);
        }
    }
}

impl Driver<'_> {
    fn carry_out<D>(&mut self, output: Output<D>, watch: &mut (dyn FnMut(&Event) + Send)) {
        match output {
            Output::Append { first, records } => self.append(first, records, watch),
            Output::Acquire { attempt, class, urgent } => {
                let (handle, registration) = AbortHandle::new_pair();
                self.acquiring.insert(attempt, handle);
                let granted = self.ports.pacer.acquire(attempt, class, urgent);
                self.work.push(
                    Abortable::new(granted, registration)
                        .map(|granted| granted.map_or(Happened::Abandoned, Happened::Granted))
                        .boxed(),
                );
            }
            Output::Release(attempt) => {
                if let Some(handle) = self.acquiring.remove(&attempt) {
                    handle.abort();
                }
                if let Some(permit) = self.permits.held.remove(&attempt) {
                    self.ports.pacer.release(permit);
                }
            }
            Output::Send { attempt, call, after, not_after, limit, batch } => {
                self.waiting.push_back(Waiting { attempt, call, after, not_after, limit, batch });
                self.send_what_may_go();
            }
            Output::Deliver { attempt, label, product } => {
                let delivered = self.ports.deliver.deliver(label, product);
                self.work.push(delivered.map(move |done| Happened::Delivered(attempt, done)).boxed());
            }
            Output::Ask(question) => {
                self.work.push(self.ports.confirm.confirm(question).map(Happened::Confirmed).boxed());
            }
            Output::Wake(timer, at) => {
                self.work.push(self.ports.clock.sleep_until(at).map(move |()| Happened::Woke(timer)).boxed());
            }
            Output::Tell(event) => watch(&event),
            Output::Done(_) => unreachable!("`drive` has returned"),
        }
    }

    fn append(&mut self, first: Seq, records: Vec<Record>, watch: &mut (dyn FnMut(&Event) + Send)) {
        self.unwritten.extend((first.0..).zip(records).map(|(seq, record)| {
            let event = Event::Record(Stored { seq: Seq(seq), record });
            watch(&event);
            match event {
                Event::Record(stored) => stored.record,
                Event::Tick(_) => unreachable!("built as a record above"),
            }
        }));
    }

    /// Whether something is kept that is handed over together, once nothing more comes at once.
    fn has_kept(&self) -> bool {
        !self.unwritten.is_empty() || (!self.gathered.is_empty() && self.waiting.is_empty())
    }

    /// Hands over what was kept.
    fn hand_over(&mut self) {
        if self.unwritten.is_empty() {
            return self.send_gathered();
        }
        let records = std::mem::take(&mut self.unwritten);
        if self.failed.is_some() {
            // After one failure nothing is written: what is on the disk is not known any more.
            return;
        }
        match self.ports.recording {
            Some(Recording { journal, lease }) => self.appends.push_back(journal.append(lease, records)),
            None => {
                self.journal_failed(JournalFailure::Write("this machine runs without a journal".to_owned()));
            }
        }
    }

    fn appended(&mut self, appended: Result<Seq, JournalFailure>) {
        if self.failed.is_some() {
            // What a journal says after it has failed once counts for nothing.
            return;
        }
        match appended {
            Ok(seq) => {
                self.durable = self.durable.max(seq);
                self.inbox.push_back(Input::Durable(seq));
                self.send_what_may_go();
            }
            Err(failure) => self.journal_failed(failure),
        }
    }

    fn journal_failed(&mut self, failure: JournalFailure) {
        if self.failed.is_none() {
            self.failed = Some(failure.clone());
            self.inbox.push_back(Input::NotDurable(failure));
            self.send_what_may_go();
        }
    }

    /// Starts the sends whose intent is durable; once the journal has failed, answers the others as not sent.
    fn send_what_may_go(&mut self) {
        while let Some(next) = self.waiting.front() {
            let durable = next.after <= self.durable;
            if !durable && self.failed.is_none() {
                return;
            }
            let next = self.waiting.pop_front().expect("it is there");
            if !durable {
                let why = Why::new(Reason::TooLate, "the intent could not be made durable");
                let attempt = Box::new(not_sent(why, self.ports.clock.now().mono));
                self.happened(Happened::Answered(vec![(next.attempt, attempt)]));
            } else if next.batch > 1 {
                self.gathered.push_back(next);
            } else {
                self.work.push(send(self.ports, next).boxed());
            }
        }
    }

    /// Starts the sends that share requests.
    fn send_gathered(&mut self) {
        while let Some(first) = self.gathered.pop_front() {
            let (most, mut bytes) = (first.batch, weight(&first.call));
            let mut together = vec![first];
            while together.len() < most
                && let Some(next) = self.gathered.front()
                && bytes + weight(&next.call) <= BATCH_BYTES
            {
                bytes += weight(&next.call);
                together.extend(self.gathered.pop_front());
            }
            self.work.push(match <[Waiting; 1]>::try_from(together) {
                Ok([alone]) => send(self.ports, alone).boxed(),
                Err(together) => send_together(self.ports, together).boxed(),
            });
        }
    }

    fn happened(&mut self, happened: Happened) {
        match happened {
            Happened::Granted(permit) => {
                self.acquiring.remove(&permit.attempt);
                self.permits.held.insert(permit.attempt, permit);
                self.inbox.push_back(Input::Granted(permit));
            }
            Happened::Abandoned => {}
            Happened::Answered(answers) => {
                for (attempt, answer) in answers {
                    if let Some(permit) = self.permits.held.remove(&attempt) {
                        self.ports.pacer.observe(permit, &answer);
                    }
                    self.inbox.push_back(Input::Answered(attempt, answer));
                }
            }
            Happened::Delivered(attempt, done) => self.inbox.push_back(Input::Delivered(attempt, done)),
            Happened::Confirmed(go_on) => self.inbox.push_back(Input::Confirmed(go_on)),
            Happened::Woke(timer) => self.inbox.push_back(Input::Woke(timer)),
        }
    }
}

/// One attempt: secrets are resolved, then the call is sent, unless it is too late.
async fn send(ports: Ports<'_>, Waiting { attempt, call, not_after, limit, .. }: Waiting) -> Happened {
    let answer = match ready(ports, &call, not_after).await {
        Ok(secrets) => ports.provider.attempt(&call, &secrets, limit).await,
        Err(unsent) => unsent,
    };
    Happened::Answered(vec![(attempt, Box::new(answer))])
}

/// The same for several that share a request.
async fn send_together(ports: Ports<'_>, sends: Vec<Waiting>) -> Happened {
    let mut answers = Vec::with_capacity(sends.len());
    let (mut attempts, mut calls) = (Vec::new(), Vec::new());
    let (mut limit, mut not_after) = (Duration::MAX, Mono::FAR);
    let readied = sends.iter().map(|send| ready(ports, &send.call, send.not_after));
    for (readied, send) in future::join_all(readied).await.into_iter().zip(&sends) {
        match readied {
            Ok(secrets) => {
                attempts.push(send.attempt);
                calls.push((Arc::clone(&send.call), secrets));
                (limit, not_after) = (limit.min(send.limit), not_after.min(send.not_after));
            }
            Err(unsent) => answers.push((send.attempt, Box::new(unsent))),
        }
    }
    let now = ports.clock.now().mono;
    let came = if now > not_after {
        // The secret of another took its time.
        let unsent = || not_sent(too_late(), now);
        attempts.iter().map(|_| unsent()).collect()
    } else if calls.is_empty() {
        Vec::new()
    } else if let Some(came) = ports.provider.attempt_many(&calls, limit).await {
        assert_eq!(came.len(), calls.len(), "a provider answers for each call");
        came
    } else {
        let unsent = || not_sent(Why::new(Reason::NoBatches, ""), now);
        attempts.iter().map(|_| unsent()).collect()
    };
    answers.extend(attempts.into_iter().zip(came.into_iter().map(Box::new)));
    Happened::Answered(answers)
}

/// The secrets of a call that may still go; else what became of it.
async fn ready(ports: Ports<'_>, call: &Call, not_after: Mono) -> Result<SecretValues, Attempt> {
    let mut secrets = SecretValues::none();
    for (place, reference) in &call.secrets {
        match ports.secrets.resolve(reference).await {
            Ok(value) => {
                secrets.0.insert(place.clone(), value);
            }
            Err(missing) => {
                let why = Why::new(Reason::SecretMissing, missing.to_string());
                return Err(not_sent(why, ports.clock.now().mono));
            }
        }
    }
    let now = ports.clock.now().mono;
    // The host may have slept, and a new owner may have settled the intent meanwhile.
    if now > not_after { Err(not_sent(too_late(), now)) } else { Ok(secrets) }
}

fn too_late() -> Why {
    Why::new(Reason::TooLate, "not begun in time after its intent")
}

/// How much of a request a call takes, in bytes.
fn weight(call: &Call) -> usize {
    match &call.body {
        None => 0,
        Some(CallBody::Json(json)) => json.to_string().len(),
        Some(CallBody::Text(text)) => text.len(),
    }
}

/// An attempt that ended before anything was sent.
fn not_sent(why: Why, now: Mono) -> Attempt {
    Attempt {
        outcome: Outcome::NotSent(why),
        quota: None,
        wire_calls: 0,
        token_calls: 0,
        sent_at: now,
        ended_at: now,
        product: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked by the compiler: a host with many threads can spawn the driver.
    #[test]
    fn the_driver_can_be_spawned() {
        fn spawnable<M: Machine + 'static>(machine: M, ports: Ports<'static>) -> impl Send {
            async move { drive(machine, ports, &mut |_| {}, futures_util::stream::pending()).await }
        }
        let _ = spawnable::<crate::read::Read>;
    }
}
