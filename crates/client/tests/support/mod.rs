//! A server on loopback that does as it is told, byte by byte: what a well-behaved HTTP library would refuse
//! to send.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Request line and headers.
    pub(crate) head: String,
    /// Body.
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// The value of a header, if it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// What the server does with a request that it has read.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Writes these bytes and keeps the connection.
    Write(Vec<u8>),
    /// Writes these bytes and closes.
    WriteAndClose(Vec<u8>),
    /// Writes these bytes and resets.
    WriteAndReset(Vec<u8>),
    /// Writes these bytes and then nothing more.
    WriteAndStall(Vec<u8>),
    /// Writes these bytes, then one more each few milliseconds, for ever.
    WriteAndTrickle(Vec<u8>),
}

/// An answer with a body of declared length.
pub(crate) fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes =
        format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The server. It ends when it is dropped.
pub(crate) struct Server {
    /// Its base URL, by address.
    pub(crate) url: String,
    /// Its port.
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<Received>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// Starts a server over plain TCP.
    pub(crate) async fn plain(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, script).await
    }

    /// Starts a server over TLS.
    pub(crate) async fn tls(
        identity: Identity,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(identity.acceptor()), script).await
    }

    async fn start(
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let connections = Arc::new(AtomicUsize::new(0));
        let received = Arc::new(Mutex::new(Vec::new()));
        let (count, log, script) = (connections.clone(), received.clone(), Arc::new(script));
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let (log, script, tls) = (log.clone(), script.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &log, &*script).await,
                        // A refused handshake is the client's to report.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &log, &*script).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url: format!("{scheme}://127.0.0.1:{port}"), port, connections, received, accepting }
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Requests read so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {
    fn reset_when_dropped(&self);
}

impl Stream for TcpStream {
    fn reset_when_dropped(&self) {
        self.set_zero_linger().unwrap();
    }
}

impl Stream for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset_when_dropped(&self) {
        self.get_ref().0.reset_when_dropped();
    }
}

async fn serve(
    mut stream: impl Stream,
    log: &Mutex<Vec<Received>>,
    script: &(impl Fn(&Received) -> Reply + ?Sized),
) {
    while let Some(request) = read(&mut stream).await {
        log.lock().unwrap().push(request.clone());
        match script(&request) {
            Reply::Write(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::WriteAndClose(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::WriteAndReset(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.flush().await;
                stream.reset_when_dropped();
                return;
            }
            Reply::WriteAndStall(bytes) => {
                let _ = stream.write_all(&bytes).await;
                std::future::pending::<()>().await;
            }
            Reply::WriteAndTrickle(bytes) => {
                let _ = stream.write_all(&bytes).await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                return;
            }
        }
    }
}

/// Reads one request; `None` at the end of the connection.
async fn read(stream: &mut impl Stream) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut received = Received { head, body: bytes[end..].to_vec() };
    let length = received.header("content-length").map_or(0, |text| text.parse().unwrap());
    while received.body.len() < length {
        if stream.read_buf(&mut received.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(received)
}

/// A certificate with its key, and the authority that stands behind it.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// The authority's certificate.
    pub(crate) authority: CertificateDer<'static>,
    /// The same as PEM.
    pub(crate) authority_pem: String,
}

impl Identity {
    /// A certificate for `names` by a new authority, with something odd about it perhaps.
    pub(crate) fn new(names: &[&str], oddity: impl FnOnce(&mut CertificateParams)) -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::default()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);

        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut leaf = CertificateParams::new(names).unwrap();
        oddity(&mut leaf);
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        Self {
            chain: vec![leaf.der().clone()],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            authority: root.der().clone(),
            authority_pem: root.pem(),
        }
    }

    /// A good certificate for this machine.
    pub(crate) fn localhost() -> Self {
        Self::new(&["localhost", "127.0.0.1"], |_| {})
    }

    fn acceptor(self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
