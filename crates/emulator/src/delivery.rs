//! What becomes of the answer to a request: the value that [`Emulator::handle`](crate::Emulator::handle) returns.
//!
//! Lost, slow and cut answers are values here, so that they exist in process too: whoever hosts the emulator acts
//! them out.

use bytes::Bytes;
use http::Response;
use std::time::Duration;

/// How the answer to one request reaches its sender.
#[derive(Debug)]
pub struct Delivery {
    /// How long the host waits before it delivers.
    pub after: Duration,
    /// What it delivers then.
    pub what: What,
}

impl Delivery {
    /// Delivers `response` whole and at once.
    pub const fn at_once(response: Response<Bytes>) -> Self {
        Self { after: Duration::ZERO, what: What::Answer(response) }
    }

    /// Returns how long it takes until all of it is there, for hosts that deliver answers whole.
    pub fn takes(&self) -> Duration {
        match &self.what {
            What::Answer(response) => {
                self.after + Trickle::of(response).map_or(Duration::ZERO, |t| t.takes(response))
            }
            What::Truncated { .. } | What::Reset | What::Stall => self.after,
        }
    }

    /// Returns the answer if the sender gets it whole.
    pub fn into_answer(self) -> Option<Response<Bytes>> {
        match self.what {
            What::Answer(response) => Some(response),
            What::Truncated { .. } | What::Reset | What::Stall => None,
        }
    }
}

/// The pace of an answer that comes in small pieces: an extension of the response in [`What::Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trickle {
    /// The pause before each piece of the body.
    pub pause: Duration,
    /// The bytes of a piece; at least 1.
    pub bytes: usize,
}

impl Trickle {
    /// The pace of a response, if it has one.
    pub fn of<B>(response: &Response<B>) -> Option<Self> {
        response.extensions().get::<Self>().copied()
    }

    /// How long the body of `response` takes.
    pub fn takes(&self, response: &Response<Bytes>) -> Duration {
        let pieces = response.body().len().div_ceil(self.bytes.max(1));
        self.pause.saturating_mul(u32::try_from(pieces).unwrap_or(u32::MAX))
    }
}

/// What the sender of a request gets to see.
#[derive(Debug)]
pub enum What {
    /// The whole answer.
    Answer(Response<Bytes>),
    /// The head of the answer and the first `bytes` of its body; then the connection closes.
    Truncated {
        /// The answer that would have been sent, `Content-Length` of the whole body.
        response: Response<Bytes>,
        /// How much of its body is sent.
        bytes: usize,
    },
    /// A connection reset.
    Reset,
    /// Nothing, on a connection that stays open.
    Stall,
}
