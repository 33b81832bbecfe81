//! The emulator on a socket: HTTPS, or plain HTTP on loopback, for any number of clients.
//!
//! [`Server::bind`] takes the address, [`Server::run`] serves an emulator until it is told to stop
//! ([`Server::run_service`] any service that gives deliveries). Each connection is a task of its
//! own, TLS handshake included, with deadlines for every part that waits for the client: a slow or hostile client holds
//! up nobody but itself, and no error of a connection ends the server.

mod body;
mod connection;
mod socket;

use crate::{
    Delivery, Embedded, EmulatorService, clock::Clock, statistics::Gauge, store::StoreError, tls::Identity,
};
use bytes::Bytes;
use http::Request;
use std::{
    convert::Infallible,
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_service::Service;

/// How an emulator is served.
#[derive(Debug)]
pub struct ServeOptions {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// HTTPS or plain HTTP.
    pub transport: ServeTransport,
    /// How long clients are waited for.
    pub deadlines: Deadlines,
}

/// What clients have to speak.
#[derive(Debug)]
pub enum ServeTransport {
    /// HTTP/2 or HTTP/1.1 over TLS, as the client chooses.
    Https(Identity),
    /// HTTP/1.1 in the clear, on loopback addresses only.
    PlainHttp,
}

/// How long a client may take for each part, and the server for its end.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, the idle time before it included.
    pub head: Duration,
    /// For the body of a request.
    pub body: Duration,
    /// For the requests in flight when the server is told to stop.
    pub drain: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            // Longer than clients keep an idle connection, so that it is the client that closes it.
            head: Duration::from_mins(2),
            body: Duration::from_mins(1),
            drain: Duration::from_secs(5),
        }
    }
}

/// Why an emulator cannot be served, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another listener has the port.
    #[error("the address {address} is already in use")]
    AddressInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Plain HTTP was asked for on an address that others can reach.
    #[error("{address} is not a loopback address; plain HTTP is served on loopback alone")]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The store or the ledger has failed: no more answers can be given.
    #[error("what the emulator keeps can no longer be written")]
    Store {
        /// Why.
        source: Arc<StoreError>,
    },
}

/// A listener that has its address and does not yet answer.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    deadlines: Deadlines,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Takes the address. Connections made from now on wait until [`run`](Self::run).
    pub async fn bind(options: ServeOptions) -> Result<Self, ServeError> {
        let ServeOptions { listen: address, transport, deadlines } = options;
        let tls = match transport {
            ServeTransport::Https(identity) => Some(TlsAcceptor::from(identity.server_config())),
            ServeTransport::PlainHttp if address.ip().is_loopback() => None,
            ServeTransport::PlainHttp => return Err(ServeError::NotLoopback { address }),
        };
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ServeError::AddressInUse { address },
            _ => ServeError::Listen { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, tls, deadlines })
    }

    /// The address listened on, with its real port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for clients on this machine, without path or final slash.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let host = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            other => other,
        };
        format!("{scheme}://{}", SocketAddr::new(host, self.address.port()))
    }

    /// Serves `emulator`, and drives it, until `shutdown` is ready, as [`run_service`](Self::run_service) does.
    ///
    /// Ends early only if the store fails.
    pub async fn run(
        self,
        emulator: Arc<Embedded>,
        clock: Clock,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let service = EmulatorService::new(Arc::clone(&emulator), Arc::clone(&clock));
        let mut outcome = Ok(());
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                source = emulator.failed() => outcome = Err(ServeError::Store { source }),
            }
        };
        tokio::select! {
            () = self.serve(service, emulator.gauge(), stop) => {}
            () = emulator.drive(&clock) => {}
        }
        outcome
    }

    /// Serves `service` until `shutdown` is ready; then takes no new connection, lets the requests in flight end, and
    /// cuts what is left at the deadline.
    ///
    /// Dropping the future cuts all connections.
    pub async fn run_service<S>(self, service: S, shutdown: impl Future<Output = ()>)
    where
        S: Service<Request<Bytes>, Response = Delivery, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.serve(service, Gauge::default(), shutdown).await;
    }

    async fn serve<S>(self, service: S, gauge: Gauge, shutdown: impl Future<Output = ()>)
    where
        S: Service<Request<Bytes>, Response = Delivery, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let Self { listener, address: _, tls, deadlines } = self;
        let connections = TaskTracker::new();
        let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
        let _cut_on_drop = cut.clone().drop_guard();
        let context = Arc::new(connection::Context {
            service,
            gauge,
            tls,
            deadlines,
            drain: drain.clone(),
            cut: cut.clone(),
        });

        let accepting = async {
            loop {
                let tcp = accept(&listener).await;
                connections.spawn(connection::serve(tcp, Arc::clone(&context)));
            }
        };
        tokio::select! {
            () = shutdown => {}
            () = accepting => {}
        }

        drop(listener);
        drain.cancel();
        connections.close();
        if tokio::time::timeout(deadlines.drain, connections.wait()).await.is_err() {
            cut.cancel();
            connections.wait().await;
        }
    }
}

/// Accepts the next connection. Errors are of the connection that came to nothing, or of a machine that has no more
/// file descriptors at the moment; neither is a reason to stop listening.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => return tcp,
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                // Without a pause, a lack of file descriptors would spin.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}
