//! Time from tokio, for the engine, the client and the emulator in process: one origin for all of them.

use connexa_engine::ports::Clock;
use connexa_types::{Mono, Now, Timestamp};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// The machine's clock. Its monotonic origin is its making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokioClock {
    origin: Instant,
}

impl TokioClock {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// The monotonic clock.
    pub(crate) fn mono(self) -> Mono {
        Mono::from_origin(self.origin.elapsed())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Now {
        Now { mono: self.mono(), wall: Timestamp::now() }
    }

    fn sleep_until(&self, at: Mono) -> BoxFuture<'static, ()> {
        // An instant that the clock cannot express is never reached.
        match self.origin.checked_add(at.since_origin()) {
            Some(at) => Box::pin(tokio::time::sleep_until(at)),
            None => Box::pin(std::future::pending()),
        }
    }
}
