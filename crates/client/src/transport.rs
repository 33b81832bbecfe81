//! The seam below the client: one request out, one whole answer or one error back.

use bytes::Bytes;
use connexa_types::Why;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use std::time::Duration;

/// The most bytes of an answer's body, decoded (API section 1.6).
pub const BODY_CAP: usize = 10 * 1024 * 1024;

/// The most bytes of a token answer's body, decoded.
pub const TOKEN_BODY_CAP: usize = 1024 * 1024;

/// A request extension: the most bytes of body, decoded, that the caller will look at. Without it,
/// [`BODY_CAP`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyCap(pub usize);

/// Sends one request, once.
///
/// [`HttpTransport`](crate::HttpTransport) is the network; the emulator can stand here in process.
pub trait Transport: Send + Sync {
    /// Sends `request` and reads the whole answer, whatever its status.
    ///
    /// The answer has to begin within `first_byte` and to end within `total`. Never resends, never follows a
    /// redirect. Dropping the future abandons the request; whether it was carried out is then unknown.
    fn send(
        &self,
        request: Request<Bytes>,
        first_byte: Duration,
        total: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>>;
}

/// There is no whole answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection stood: nothing has been sent.
    #[error("not sent: {}", .0.detail)]
    NotSent(Why),
    /// A connection stood, so that the request may have been carried out.
    #[error("no whole answer: {}", .0.detail)]
    Lost(Why),
}
