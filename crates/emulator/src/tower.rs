//! The emulator as a tower service, for hosts that live in the same process.

use crate::{Delivery, Embedded, clock::Clock};
use bytes::Bytes;
use http::Request;
use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Answers each request with its [`Delivery`]: the caller waits, cuts, resets or stalls as it says.
#[derive(Clone)]
pub struct EmulatorService {
    emulator: Arc<Embedded>,
    clock: Clock,
}

impl EmulatorService {
    /// Makes a service over `emulator` that tells it the time of `clock`.
    pub const fn new(emulator: Arc<Embedded>, clock: Clock) -> Self {
        Self { emulator, clock }
    }
}

impl fmt::Debug for EmulatorService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatorService").finish_non_exhaustive()
    }
}

impl tower_service::Service<Request<Bytes>> for EmulatorService {
    type Response = Delivery;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Delivery, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// A request takes effect when its future is first polled, and does so even if the future is dropped after that.
    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let Self { emulator, clock } = self.clone();
        Box::pin(async move { Ok(emulator.handle(clock(), request).await) })
    }
}
