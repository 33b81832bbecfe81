//! One attempt against the CloudConnexa API, classified.
//!
//! [`Client::attempt`] turns a [`Call`](connexa_types::Call) into one HTTP request and its answer into an
//! [`Outcome`](connexa_types::Outcome): applied, rejected, throttled, not sent, unauthorized, or, where
//! nobody can tell, indeterminate. It gets the OAuth token and renews it, keeps limits on size and time, and
//! takes secrets out of answers.
//!
//! It does not retry, wait, page or count quota: that is the engine's. [`Transport`] is the seam below:
//! [`HttpTransport`] is the network, and the emulator can stand there in process. [`api`] has a typed
//! function for each of the 163 operations; [`RawCall`] is for those that are newer than this.

pub mod api;
mod base_url;
mod classify;
mod client;
mod headers;
mod http_transport;
mod raw;
mod request;
mod text;
mod tls;
mod token;
mod transport;
mod typed;

pub use base_url::{BaseUrl, BaseUrlError};
pub use client::{Client, ClientOptions, MonoClock};
pub use http_transport::{HttpOptions, HttpTransport, HttpTransportError};
pub use raw::{RawAnswer, RawAttempt, RawBody, RawCall, RawCallError};
pub use tls::CaFileError;
pub use token::Credentials;
pub use transport::{BODY_CAP, BodyCap, TOKEN_BODY_CAP, Transport, TransportError};
pub use typed::{DecodeError, TypedAttempt, TypedCall};
