//! Machines without I/O: all decisions of a command, driven from outside.
//!
//! A machine is told what happened and answers with what is to be done. It never waits, asks for the time or touches a
//! network, so that one and the same code runs under tokio, in a simulation on virtual time, or on another host.

use crate::{
    ports::{DeliverError, DeliveryLabel},
    record::{Event, Record},
};
use connexa_types::{Attempt, Call, Class, Mono, Now, SecretValue};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};

/// A machine.
pub trait Machine: Send {
    /// What it comes to.
    type Done: Send;

    /// Takes in what happened and says what is to be done next, in this order.
    ///
    /// Called with [`Input::Start`] once, then with the answer to each output. After [`Output::Done`] it is not called again.
    fn handle(&mut self, now: Now, input: Input) -> Vec<Output<Self::Done>>;
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
        #[serde(transparent)]
        pub struct $name(pub u64);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

numbers! {
    /// A record's number: dense per run, from 1, given out by the machine. 0 is always durable.
    Seq;
    /// An attempt's number within its machine.
    AttemptId;
    /// A timer's number within its machine.
    TimerId;
}

/// Leave to send one call of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The attempt that it is for.
    pub attempt: AttemptId,
    /// Its class.
    pub class: Class,
    /// Until when it holds.
    pub until: Mono,
}

/// What a machine is told.
#[derive(Debug)]
pub enum Input {
    /// Begin.
    Start,
    /// All records up to this one are durable.
    Durable(Seq),
    /// Records could not be made durable; nothing more may be sent. What waited for them is answered as not sent.
    NotDurable(JournalFailure),
    /// A permit asked for with [`Output::Acquire`].
    Granted(Permit),
    /// What a [`Output::Send`] came to.
    Answered(AttemptId, Box<Attempt>),
    /// Where a product of [`Output::Deliver`] is, durably; or why it is nowhere.
    Delivered(AttemptId, Result<String, DeliverError>),
    /// The answer to [`Output::Ask`]: whether to go on.
    Confirmed(bool),
    /// A timer set with [`Output::Wake`] went off.
    Woke(TimerId),
    /// Stop.
    Stop(Stop),
}

/// How to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Start nothing new, let what is in flight end.
    Finish,
}

/// A question in the middle of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A wave has ended; is the next one to begin?
    NextWave {
        /// The wave that has ended, from 1.
        wave: u32,
        /// Operations that have ended so far.
        ended: u64,
        /// Changes so far that failed, were skipped or are unknown.
        bad: u64,
        /// Operations of the next wave.
        next: u64,
        /// Operations that are left, those of the next wave included.
        left: u64,
    },
}

/// What a machine asks for.
#[derive(Debug)]
pub enum Output<D> {
    /// Append these records to the journal; they are durable when [`Input::Durable`] names the last one.
    Append {
        /// The number of the first of them.
        first: Seq,
        /// The records, numbered on from there.
        records: Vec<Record>,
    },
    /// Get a permit; answered by [`Input::Granted`].
    Acquire {
        /// The attempt that it is for.
        attempt: AttemptId,
        /// Its class.
        class: Class,
        /// Ahead of others.
        urgent: bool,
    },
    /// Give a permit back, or stop waiting for one; nothing was sent with it.
    Release(AttemptId),
    /// Send a call; answered by [`Input::Answered`]. The permit of this attempt is used up.
    Send {
        /// The attempt.
        attempt: AttemptId,
        /// The call, ids filled in; secrets are resolved by the driver.
        call: Arc<Call>,
        /// Not before this record is durable.
        after: Seq,
        /// Not after this moment: what has not begun by then is not sent ([`Reason::TooLate`](connexa_types::Reason)).
        not_after: Mono,
        /// How long the attempt may take.
        limit: Duration,
        /// The most calls that may go in one request with this one, itself included; 1: it goes by itself.
        batch: usize,
    },
    /// Bring what a call gave out to its place; answered by [`Input::Delivered`].
    Deliver {
        /// The attempt that it came with.
        attempt: AttemptId,
        /// What it is.
        label: DeliveryLabel,
        /// The thing itself.
        product: SecretValue,
    },
    /// Ask whether to go on; answered by [`Input::Confirmed`]. One question at a time.
    Ask(Question),
    /// Call back at this moment with [`Input::Woke`].
    Wake(TimerId, Mono),
    /// Tell whoever watches.
    Tell(Box<Event>),
    /// The machine is at its end.
    Done(D),
}

/// Why records are not durable. After one failure nothing is retried: what was written before is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalFailure {
    /// Writing failed.
    #[error("the journal cannot be written: {0}")]
    Write(String),
    /// Another owner took the run over.
    #[error("the run has a new owner")]
    Fenced,
}
