//! The emulator in this process, in the place of the network.

use bytes::Bytes;
use connexa_client::{Transport, TransportError};
use connexa_emulator::{Delivery, Embedded, What};
use connexa_engine::ports::Clock as _;
use connexa_types::{Reason, Why};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

use super::clock::TokioClock;

/// [`Transport`] into an emulator, which acts its deliveries out: late, cut, lost and never.
pub(crate) struct EmbeddedTransport {
    emulator: Arc<Embedded>,
    clock: TokioClock,
}

impl EmbeddedTransport {
    /// A transport to `emulator`, which is told the time of `clock`.
    pub(crate) const fn new(emulator: Arc<Embedded>, clock: TokioClock) -> Self {
        Self { emulator, clock }
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let delivery = self.emulator.handle(self.clock.now(), request).await;
        let takes = delivery.takes();
        let Delivery { what, .. } = delivery;
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        match what {
            What::Answer(response) => Ok(response),
            What::Truncated { response, bytes } => Err(TransportError::Lost(Why {
                reason: Reason::Reset,
                status: Some(response.status().as_u16()),
                detail: format!("the answer broke off after {bytes} bytes"),
            })),
            What::Reset => Err(lost(Reason::Reset, "the connection broke".to_owned())),
            What::Stall => std::future::pending().await,
        }
    }
}

impl Transport for EmbeddedTransport {
    fn send(
        &self,
        request: Request<Bytes>,
        first_byte: Duration,
        total: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        // In process an answer comes as a whole, so that its first byte is its last.
        let limit = first_byte.min(total);
        Box::pin(async move {
            let exchanged = timeout(limit, self.exchange(request)).await;
            exchanged.unwrap_or_else(|_| {
                Err(lost(Reason::Timeout, format!("no answer within {} s", limit.as_secs_f64())))
            })
        })
    }
}

fn lost(reason: Reason, detail: String) -> TransportError {
    TransportError::Lost(Why::new(reason, detail))
}
