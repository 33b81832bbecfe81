//! The network: HTTP/1.1 over TLS by `reqwest`, with everything that resends or redirects switched off.
//!
//! A proxy named by the environment (`HTTPS_PROXY`, `NO_PROXY`) is used, except for this machine, which is
//! always spoken to directly: a proxy must never see a bearer token sent over plain HTTP.

use crate::{
    base_url::is_loopback,
    text,
    tls::{self, CaFileError},
    transport::{BODY_CAP, BodyCap, Transport, TransportError},
};
use bytes::{Bytes, BytesMut};
use connexa_types::{Reason, Why};
use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use rustls::pki_types::CertificateDer;
use std::{
    error::Error as StdError,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// How long a connection may be idle and still carry a request. A server that closes idle connections loses
/// what is sent into the closing one, which for a mutating call would be an unknown outcome.
const IDLE: Duration = Duration::from_secs(1);

/// No exchange takes longer.
const LONGEST: Duration = Duration::from_hours(24);

/// How to reach the network.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// A PEM file with authorities that are trusted besides the system's (`--ca-file`).
    pub ca_file: Option<PathBuf>,
    /// More authorities that are trusted besides the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Deadline for name lookup, TCP and TLS together. Keep it below the first-byte deadline: what runs out
    /// while connecting is then known not to have been sent.
    pub connect_timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { ca_file: None, extra_roots: Vec::new(), connect_timeout: Duration::from_secs(10) }
    }
}

/// The network cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpTransportError {
    /// The CA file cannot be used.
    #[error(transparent)]
    CaFile(#[from] CaFileError),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The HTTP library refused its options.
    #[error("cannot set up HTTP")]
    Http(#[source] reqwest::Error),
}

/// [`Transport`] over the network. Needs a tokio runtime with time and I/O.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    /// Through the proxy of the environment, if there is one.
    routed: reqwest::Client,
    /// Never through a proxy; for this machine.
    direct: reqwest::Client,
}

impl HttpTransport {
    /// Sets up the network; nothing is sent.
    pub fn new(options: HttpOptions) -> Result<Self, HttpTransportError> {
        let mut roots = options.extra_roots;
        if let Some(path) = &options.ca_file {
            roots.extend(tls::read_ca_file(path)?);
        }
        let tls = tls::client_config(roots).map_err(HttpTransportError::Tls)?;
        let builder = || {
            let this_machine = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
                .map(|address| SocketAddr::new(address, 0));
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .http1_only()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(options.connect_timeout)
                .pool_idle_timeout(IDLE)
                // `localhost` may go over plain HTTP, so no resolver gets to say where it is.
                .resolve_to_addrs("localhost", &this_machine)
        };
        Ok(Self {
            routed: builder().build().map_err(HttpTransportError::Http)?,
            direct: builder().no_proxy().build().map_err(HttpTransportError::Http)?,
        })
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        first_byte: Duration,
        total: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let start = Instant::now();
        // An absurd limit must not overflow the clock.
        let total = total.min(LONGEST);
        let cap = request.extensions().get::<BodyCap>().map_or(BODY_CAP, |cap| cap.0);
        let request = reqwest::Request::try_from(request).map_err(|error| {
            TransportError::NotSent(Why::new(Reason::Unbuildable, describe(&error.without_url())))
        })?;
        let here = request.url().host().is_some_and(|host| is_loopback(&host));
        let client = if here { &self.direct } else { &self.routed };

        let first_byte = first_byte.min(total);
        let Ok(begun) = timeout_at(start + first_byte, client.execute(request)).await else {
            let detail = format!("no answer within {}", seconds(first_byte));
            return Err(TransportError::Lost(Why::new(Reason::Timeout, detail)));
        };
        let mut response = begun.map_err(|error| unanswered(&error.without_url()))?;

        let status = response.status();
        let lost = |reason, detail: String| {
            Err(TransportError::Lost(Why { reason, status: Some(status.as_u16()), detail }))
        };
        let mut head = Response::new(());
        *head.status_mut() = status;
        std::mem::swap(head.headers_mut(), response.headers_mut());

        let mut body = BytesMut::new();
        loop {
            match timeout_at(start + total, response.chunk()).await {
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() > cap => {
                    return lost(Reason::TooLarge, format!("the answer is over {cap} bytes"));
                }
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                Ok(Ok(None)) => return Ok(head.map(|()| body.freeze())),
                Ok(Err(error)) => {
                    let detail = format!("the answer broke off: {}", describe(&error.without_url()));
                    return lost(Reason::Reset, detail);
                }
                Err(_) => {
                    return lost(
                        Reason::Timeout,
                        format!("the answer did not end within {}", seconds(total)),
                    );
                }
            }
        }
    }
}

impl Transport for HttpTransport {
    fn send(
        &self,
        request: Request<Bytes>,
        first_byte: Duration,
        total: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        self.exchange(request, first_byte, total).boxed()
    }
}

/// Sorts an error that came before the head of an answer: no connection, or one that broke.
fn unanswered(error: &reqwest::Error) -> TransportError {
    let detail = describe(error);
    if error.is_builder() {
        return TransportError::NotSent(Why::new(Reason::Unbuildable, detail));
    }
    if !error.is_connect() {
        let reason = if error.is_timeout() { Reason::Timeout } else { Reason::Reset };
        return TransportError::Lost(Why::new(reason, format!("the connection broke: {detail}")));
    }
    let why = if error.is_dns() {
        Why::new(Reason::Dns, format!("the host's name cannot be looked up: {detail}"))
    } else if let Some(tls) = find::<rustls::Error>(error) {
        Why::new(Reason::Tls, text::escape(&tls::explain(tls)))
    } else if error.is_timeout() {
        Why::new(Reason::Connect, "no connection in time")
    } else {
        Why::new(Reason::Connect, format!("no connection: {detail}"))
    };
    TransportError::NotSent(why)
}

/// The causes of an error on one line, each said once. URLs are left out, since they can hold ids.
fn describe(error: &reqwest::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    // The first is reqwest's "error sending request", which says nothing that its causes do not.
    let from = usize::from(said.len() > 1);
    text::escape(&text::cut(&said[from..].join(": "), text::EXCERPT))
}

/// The first error of type `T` among the causes. An `io::Error` hides what it wraps from `source`.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    if let Some(found) = wrapped.and_then(|inner| find::<T>(inner)) {
        return Some(found);
    }
    error.source().and_then(find::<T>)
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
