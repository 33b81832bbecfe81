//! A load generator with as little of its own as there can be: requests are texts made beforehand, and of an answer
//! only status and length are looked at.

use super::Work;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// Where the emulator listens.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// The authority to trust; plain HTTP without.
    pub(crate) ca_file: Option<PathBuf>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection that is kept.
struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(target: &Target) -> Self {
        let tcp = TcpStream::connect(target.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let stream: Box<dyn Stream> = match &target.ca_file {
            None => Box::new(tcp),
            Some(ca_file) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_file_iter(ca_file).unwrap() {
                    roots.add(certificate.unwrap()).unwrap();
                }
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_root_certificates(roots)
                    .with_no_client_auth();
                let name = ServerName::try_from("localhost").unwrap();
                Box::new(TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap())
            }
        };
        Self { stream, buffer: Vec::with_capacity(1 << 20) }
    }

    /// Sends a request and reads its whole answer: the status, and the body.
    async fn call(&mut self, request: &[u8]) -> (u16, &[u8]) {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        let (head, length) = loop {
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert!(read > 0, "the server has closed the connection");
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break (end + 4, content_length(&self.buffer[..end]));
            }
        };
        while self.buffer.len() < head + length {
            assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0, "the answer is cut");
        }
        let status = std::str::from_utf8(&self.buffer[9..12]).unwrap().parse().unwrap();
        (status, &self.buffer[head..])
    }

    async fn json(&mut self, request: &[u8]) -> Value {
        let (status, body) = self.call(request).await;
        assert!((200..300).contains(&status), "{status} {}", String::from_utf8_lossy(body));
        serde_json::from_slice(body).unwrap()
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn content_length(head: &[u8]) -> usize {
    let name = b"content-length: ";
    find(head, name).map_or(0, |start| {
        let digits = head[start + name.len()..].iter().take_while(|b| b.is_ascii_digit());
        digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
    })
}

/// One kind of call, ready to be sent again and again.
pub(crate) struct Load {
    target: Target,
    token: String,
    work: Work,
    /// Objects that are there.
    ids: Vec<String>,
    /// Numbers for what has to differ from call to call.
    next: AtomicU32,
}

/// What a drive came to.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) per_second: u64,
    pub(crate) median: Duration,
    pub(crate) worst_of_a_hundred: Duration,
    pub(crate) worst: Duration,
}

impl Load {
    /// Gets a token and makes a thousand records.
    pub(crate) async fn prepare(target: Target, work: Work) -> Self {
        let mut connection = Connection::open(&target).await;
        let path = "/oauth/token?client_id=emulator&client_secret=emulator";
        let answer = connection.json(&request("", "POST", path, None)).await;
        let token = answer["access_token"].as_str().unwrap().to_owned();
        let mut ids = Vec::new();
        for number in 0..1000 {
            let body = record(&format!("there-{number}"));
            let made = connection.json(&request(&token, "POST", "/dns-records", Some(&body))).await;
            ids.push(made["id"].as_str().unwrap().to_owned());
        }
        Self { target, token, work, ids, next: AtomicU32::new(0) }
    }

    /// Keeps `connections` busy for a time.
    pub(crate) async fn drive(&self, connections: usize, time: Duration) -> Figures {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(&self.target).await);
        }
        let start = Instant::now();
        let lanes = open.into_iter().map(|connection| self.lane(connection, start + time));
        let mut latencies: Vec<Duration> =
            futures_util::future::join_all(lanes).await.into_iter().flatten().collect();
        let taken = start.elapsed();
        latencies.sort_unstable();
        let at = |part: usize| latencies[(latencies.len() - 1) * part / 100];
        let per_second = u128::from(latencies.len() as u64) * 1_000_000 / taken.as_micros();
        Figures {
            per_second: u64::try_from(per_second).unwrap(),
            median: at(50),
            worst_of_a_hundred: at(99),
            worst: at(100),
        }
    }

    async fn lane(&self, mut connection: Connection, end: Instant) -> Vec<Duration> {
        let mut latencies = Vec::new();
        loop {
            let request = self.request();
            let begin = Instant::now();
            if begin >= end {
                return latencies;
            }
            let (status, body) = connection.call(&request).await;
            latencies.push(begin.elapsed());
            assert!((200..300).contains(&status), "{status} {}", String::from_utf8_lossy(body));
        }
    }

    fn request(&self) -> Vec<u8> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = &self.ids[number as usize % self.ids.len()];
        let (method, path, body) = match self.work {
            Work::Get => ("GET", format!("/dns-records/{id}"), None),
            Work::List => ("GET", "/dns-records?size=1000".to_owned(), None),
            Work::Post => ("POST", "/dns-records".to_owned(), Some(record(&format!("new-{number}")))),
            Work::Put => {
                let place = number as usize % self.ids.len();
                ("PUT", format!("/dns-records/{id}"), Some(record(&format!("there-{place}"))))
            }
            Work::Network => ("POST", "/networks".to_owned(), Some(network(number))),
        };
        request(&self.token, method, &path, body.as_ref())
    }
}

fn record(name: &str) -> Value {
    json!({"domain": format!("{name}.example"), "description": "a record", "ipv4Addresses": ["10.0.0.1"]})
}

/// A network with a connector and a route of its own: a `/64` of `fd00::/8`, of which there are enough.
pub(crate) fn network(number: u32) -> Value {
    let (high, low) = (number >> 16, number & 0xffff);
    json!({
        "name": format!("network-{number}"),
        "connectors": [{"name": "connector", "vpnRegionId": "eu-central-1"}],
        "routes": [{"value": format!("fd01:{high:x}:{low:x}::/64"), "description": "lan"}],
    })
}

fn request(token: &str, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
    let body = body.map(ToString::to_string).unwrap_or_default();
    format!(
        "{method} /api/v1{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
