//! The listener: what it does with each kind of delivery, and with clients that are slow, rude or gone.
//!
//! The service behind it is a scripted one, so that every delivery can be had.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod https;

use bytes::Bytes;
use connexa_emulator::{
    Delivery, What,
    server::{Deadlines, ServeError, ServeOptions, ServeTransport, Server},
    tls::Identity,
};
use connexa_types::Timestamp;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use https::Client;
use std::{
    convert::Infallible,
    future,
    net::SocketAddr,
    path::PathBuf,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// Answers by the path of the request.
#[derive(Clone)]
struct Scripted {
    /// Told when a request for `/stall` or `/hang` starts, and when its future is dropped.
    told: mpsc::UnboundedSender<&'static str>,
}

impl Scripted {
    async fn deliver(self, request: Request<Bytes>) -> Delivery {
        let told = self.told;
        let what = match request.uri().path() {
            "/late" => {
                let answer = Response::new(Bytes::from_static(b"late"));
                return Delivery { after: Duration::from_millis(80), what: What::Answer(answer) };
            }
            "/cut" => {
                What::Truncated { response: Response::new(Bytes::from_static(b"0123456789")), bytes: 4 }
            }
            "/cut-head" => {
                What::Truncated { response: Response::new(Bytes::from_static(b"0123456789")), bytes: 0 }
            }
            "/reset" => What::Reset,
            "/stall" => {
                let _ = told.send("stalled");
                What::Stall
            }
            "/hang" => {
                struct Gone(mpsc::UnboundedSender<&'static str>);
                impl Drop for Gone {
                    fn drop(&mut self) {
                        let _ = self.0.send("gone");
                    }
                }
                let gone = Gone(told.clone());
                let _ = told.send("hanging");
                future::pending::<()>().await;
                drop(gone);
                What::Reset
            }
            "/panic" => panic!("as the test wants it"),
            _ => What::Answer(Response::new(Bytes::from(request.body().len().to_string()))),
        };
        Delivery { after: Duration::ZERO, what }
    }
}

impl tower_service::Service<Request<Bytes>> for Scripted {
    type Response = Delivery;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Delivery, Infallible>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.deliver(request).await) })
    }
}

struct Running {
    address: SocketAddr,
    url: String,
    ca_file: PathBuf,
    told: mpsc::UnboundedReceiver<&'static str>,
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn start(tls: bool, deadlines: Deadlines) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::load_or_make(folder.path(), LOCAL.ip(), Timestamp::now()).unwrap();
    let ca_file = identity.ca_file().to_owned();
    let transport = if tls { ServeTransport::Https(identity) } else { ServeTransport::PlainHttp };
    let server = Server::bind(ServeOptions { listen: LOCAL, transport, deadlines }).await.unwrap();
    let (address, url) = (server.address(), server.url());
    let (tell, told) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let done = tokio::spawn(server.run_service(Scripted { told: tell }, async { drop(stopped.await) }));
    Running { address, url, ca_file, told, stop, done, _folder: folder }
}

impl Running {
    /// Ends the server and proves by it that it was alive.
    async fn stop(self) {
        self.stop.send(()).expect("the server still runs");
        self.done.await.expect("the server ends in order");
    }
}

fn get(path: &str) -> Request<Bytes> {
    post(path, 0)
}

fn post(path: &str, length: usize) -> Request<Bytes> {
    let uri = format!("https://localhost{path}");
    Request::post(uri).header("host", "localhost").body(Bytes::from(vec![b'x'; length])).unwrap()
}

#[tokio::test]
async fn clients_that_trust_the_authority_speak_both_versions() {
    let server = start(true, Deadlines::default()).await;
    assert_eq!(server.url, format!("https://127.0.0.1:{}", server.address.port()));
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let mut client = Client::tls(server.address, &server.ca_file, version).await;
        for length in [0, 3, 100_000] {
            let answer = client.send(post("/", length)).await.unwrap();
            assert_eq!((answer.version(), answer.into_body()), (version, Bytes::from(length.to_string())));
        }
    }
    // The certificate holds for these names and for no other.
    for (name, good) in [("localhost", true), ("127.0.0.1", true), ("::1", true), ("example.com", false)] {
        let connected = https::handshake(server.address, name, &server.ca_file, b"http/1.1").await;
        assert_eq!(connected.is_ok(), good, "{name}");
    }
    server.stop().await;
}

#[tokio::test]
async fn addresses_are_refused_for_the_right_reason() {
    let options = |listen, transport| ServeOptions { listen, transport, deadlines: Deadlines::default() };
    let open: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let refused = Server::bind(options(open, ServeTransport::PlainHttp)).await.unwrap_err();
    assert!(matches!(refused, ServeError::NotLoopback { .. }), "{refused}");
    let first = Server::bind(options(LOCAL, ServeTransport::PlainHttp)).await.unwrap();
    assert_eq!(first.url(), format!("http://127.0.0.1:{}", first.address().port()));
    let second = Server::bind(options(first.address(), ServeTransport::PlainHttp)).await.unwrap_err();
    assert!(matches!(second, ServeError::AddressInUse { address } if address == first.address()), "{second}");
}

#[tokio::test]
async fn a_late_answer_is_late() {
    let server = start(false, Deadlines::default()).await;
    let begun = Instant::now();
    let answer = Client::plain(server.address).await.send(get("/late")).await.unwrap();
    assert_eq!(answer.body(), "late");
    assert!(begun.elapsed() >= Duration::from_millis(80));
    server.stop().await;
}

#[tokio::test]
async fn a_cut_answer_declares_its_whole_length_and_ends_early() {
    let server = start(true, Deadlines::default()).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for (path, expected) in [("/cut", "0123"), ("/cut-head", "")] {
            let mut client = Client::tls(server.address, &server.ca_file, version).await;
            let answer = client.start(get(path)).await.unwrap();
            assert_eq!(answer.headers()["content-length"], "10");
            let (mut body, mut seen) = (answer.into_body(), Vec::new());
            let broken = loop {
                match body.frame().await {
                    Some(Ok(frame)) => seen.extend_from_slice(frame.data_ref().unwrap()),
                    Some(Err(_)) => break true,
                    None => break false,
                }
            };
            assert!(broken, "{version:?} {path}");
            if version == Version::HTTP_11 {
                assert_eq!(seen, expected.as_bytes(), "{path}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_reset_is_one_on_the_wire() {
    let server = start(false, Deadlines::default()).await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(b"GET /reset HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let error = tcp.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    server.stop().await;

    let server = start(true, Deadlines::default()).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let mut client = Client::tls(server.address, &server.ca_file, version).await;
        assert!(client.send(get("/reset")).await.is_err());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_stalled_request_holds_nobody_up_and_ends_when_its_client_leaves() {
    let mut server = start(true, Deadlines::default()).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let mut stalled = Client::tls(server.address, &server.ca_file, version).await;
        let waiting = tokio::spawn(async move { stalled.send(get("/hang")).await.is_ok() });
        assert_eq!(server.told.recv().await, Some("hanging"));
        let mut other = Client::tls(server.address, &server.ca_file, version).await;
        assert_eq!(other.send(get("/")).await.unwrap().body(), "0");
        waiting.abort();
        assert_eq!(server.told.recv().await, Some("gone"));
    }
    server.stop().await;
}

#[tokio::test]
async fn bodies_beyond_the_cap_are_handed_over_one_byte_too_long_and_answered() {
    let server = start(true, Deadlines::default()).await;
    let cap = 10 << 20;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for (length, seen) in [(cap, cap), (cap + 1, cap + 1), (cap + 3_000_000, cap + 1)] {
            let mut client = Client::tls(server.address, &server.ca_file, version).await;
            let answer = client.send(post("/", length)).await.unwrap();
            assert_eq!(answer.body(), &Bytes::from(seen.to_string()), "{version:?}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn slow_clients_are_cut_off_while_others_are_served() {
    let soon = Duration::from_millis(60);
    let deadlines = Deadlines { handshake: soon, head: soon, body: soon, drain: Duration::from_secs(5) };
    let plain = start(false, deadlines).await;
    let tls = start(true, deadlines).await;
    // A head that never ends, a handshake that never starts: the connection is closed.
    for (address, sent) in [(plain.address, "GET / HTTP/1.1\r\nho"), (plain.address, ""), (tls.address, "")] {
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A close or a reset: either way nothing was answered with success.
        let _ = slow.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{sent:?}");
    }
    // A body that never ends is answered.
    let mut slow = TcpStream::connect(plain.address).await.unwrap();
    slow.write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab").await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(Client::plain(plain.address).await.send(get("/")).await.unwrap().status(), StatusCode::OK);
    plain.stop().await;
    tls.stop().await;
}

#[tokio::test]
async fn rude_clients_and_panics_end_their_own_connection_only() {
    let server = start(true, Deadlines::default()).await;
    for sent in ["GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", "\0\0\0\0\0\0\0\0", ""] {
        let mut rude = TcpStream::connect(server.address).await.unwrap();
        rude.write_all(sent.as_bytes()).await.unwrap();
        rude.shutdown().await.unwrap();
        let _ = rude.read_to_end(&mut Vec::new()).await;
    }
    let mut client = Client::tls(server.address, &server.ca_file, Version::HTTP_11).await;
    assert!(client.send(get("/panic")).await.is_err());
    let mut client = Client::tls(server.address, &server.ca_file, Version::HTTP_11).await;
    assert_eq!(client.send(get("/")).await.unwrap().body(), "0");
    server.stop().await;
}

#[tokio::test]
async fn a_stopped_server_ends_what_is_in_flight_and_cuts_what_will_not_end() {
    let drain = Duration::from_millis(300);
    let mut server = start(false, Deadlines { drain, ..Deadlines::default() }).await;
    let mut stalled = Client::plain(server.address).await;
    let stalled = tokio::spawn(async move { stalled.send(get("/stall")).await.is_err() });
    assert_eq!(server.told.recv().await, Some("stalled"));
    let mut late = Client::plain(server.address).await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(b"GET /late HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    // The second answer shows that the first request of this client was read before the stop.
    assert_eq!(late.send(get("/late")).await.unwrap().body(), "late");
    let address = server.address;
    server.stop().await;
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("late"), "{answer}");
    assert!(stalled.await.unwrap(), "a stalled request is cut at the deadline");
    assert!(TcpStream::connect(address).await.is_err());
}
