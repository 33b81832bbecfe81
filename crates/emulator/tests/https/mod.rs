//! A bare HTTP client for tests of the listener: it sends what it is told, over TCP or TLS, and shows what comes back.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses a part of the kit, and may panic"
)]

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use std::{net::SocketAddr, path::Path, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A connection on which requests can be sent one after the other.
pub enum Client {
    Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

impl Client {
    /// Connects in the clear.
    pub async fn plain(address: SocketAddr) -> Self {
        Self::http1(TcpStream::connect(address).await.unwrap()).await
    }

    /// Connects by TLS, trusting `ca_file` alone, and speaks `version` (HTTP/1.1 or HTTP/2).
    pub async fn tls(address: SocketAddr, ca_file: &Path, version: Version) -> Self {
        let alpn: &[u8] = if version == Version::HTTP_2 { b"h2" } else { b"http/1.1" };
        let stream = handshake(address, "localhost", ca_file, alpn).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(alpn));
        if version == Version::HTTP_2 {
            let (sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            Self::Http2(sender)
        } else {
            Self::http1(stream).await
        }
    }

    async fn http1(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::Http1(sender)
    }

    /// Sends a request and returns the head of the answer, its body still to come.
    pub async fn start(&mut self, request: Request<Bytes>) -> hyper::Result<Response<Incoming>> {
        let request = request.map(Full::new);
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Sends a request and returns the whole answer.
    pub async fn send(&mut self, request: Request<Bytes>) -> hyper::Result<Response<Bytes>> {
        let (head, body) = self.start(request).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}

/// A TLS handshake as `name`, with the CA of `ca_file` and nothing else.
pub async fn handshake(
    address: SocketAddr,
    name: &str,
    ca_file: &Path,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}
