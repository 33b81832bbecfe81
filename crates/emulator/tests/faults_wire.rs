//! Faults over the wire: what a plain HTTP client sees of each, over HTTP/1.1, HTTPS and HTTP/2, and that the ledger's
//! line is on disk before it sees it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::needless_pass_by_value, reason = "bodies are written where they are sent")]

mod https;

use bytes::Bytes;
use connexa_emulator::{
    Config, Control, Embedded, Emulator, Limits,
    clock::system_clock,
    ledger::LedgerFile,
    server::{Deadlines, ServeOptions, ServeTransport, Server},
    tls::Identity,
};
use connexa_types::Timestamp;
use http::{Request, Response, Version};
use https::Client;
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

/// Longer than anything that is going to come at all.
const LONG: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    folder: tempfile::TempDir,
    ca_file: Option<PathBuf>,
    token: String,
    stop: Option<oneshot::Sender<()>>,
    done: JoinHandle<()>,
}

impl Running {
    async fn start(version: Option<Version>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (transport, ca_file) = if version.is_some() {
            let identity = Identity::load_or_make(folder.path(), listen.ip(), Timestamp::now()).unwrap();
            let ca_file = identity.ca_file().to_owned();
            (ServeTransport::Https(identity), Some(ca_file))
        } else {
            (ServeTransport::PlainHttp, None)
        };
        let deadlines = Deadlines { drain: Duration::from_millis(50), ..Deadlines::default() };
        let server = Server::bind(ServeOptions { listen, transport, deadlines }).await.unwrap();
        let address = server.address();
        let clock = system_clock();
        let config = Config { limits: Limits::UNLIMITED, control: Control::Open, ..Config::default() };
        let emulator = Embedded::in_memory(Emulator::new(config, clock()));
        let emulator = emulator.with_ledger(LedgerFile::open(&folder.path().join("ledger.jsonl")).unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let done = tokio::spawn(async move {
            server.run(Arc::new(emulator), clock, async { drop(stopped.await) }).await.unwrap();
        });
        let mut running = Self { address, folder, ca_file, token: String::new(), stop: Some(stop), done };
        let path = "/api/v1/oauth/token?client_id=emulator&client_secret=emulator";
        let answer = running.send("POST", path, Value::Null).await.unwrap();
        body(&answer)["access_token"].as_str().unwrap().clone_into(&mut running.token);
        running
    }

    async fn client(&self, version: Version) -> Client {
        match &self.ca_file {
            None => Client::plain(self.address).await,
            Some(ca_file) => Client::tls(self.address, ca_file, version).await,
        }
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Request<Bytes> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let authority = self.address.to_string();
        let request =
            Request::builder().method(method).header("authorization", format!("Bearer {}", self.token));
        let request = match &self.ca_file {
            None => request.uri(path).header("host", authority),
            Some(_) => request.uri(format!("https://{authority}{path}")).header("host", authority),
        };
        request.body(body).unwrap()
    }

    /// Sends a call on a connection of its own.
    async fn send(&self, method: &str, path: &str, body: Value) -> hyper::Result<Response<Bytes>> {
        let version = if self.ca_file.is_some() { Version::HTTP_2 } else { Version::HTTP_11 };
        let mut client = self.client(version).await;
        client.send(self.request(method, path, &body)).await
    }

    async fn create(&self, domain: &str) -> hyper::Result<Response<Bytes>> {
        let record = json!({"domain": domain, "ipv4Addresses": ["10.0.0.1"]});
        timeout(LONG, self.send("POST", "/api/v1/dns-records", record)).await.expect("something comes")
    }

    /// Puts one rule in the place of all, for creates of DNS records.
    async fn meet(&self, fault: Value) {
        self.meet_at("/dns-records", fault).await;
    }

    /// Puts one rule in the place of all, for creates at a path.
    async fn meet_at(&self, path: &str, fault: Value) {
        self.control("DELETE", "faults", Value::Null).await;
        let rule = json!({"method": "POST", "path": path, "fault": fault});
        self.control("POST", "faults", rule).await;
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.send(method, &format!("/_emulator/{path}"), body).await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        self::body(&answer)
    }

    async fn domains(&self) -> Vec<String> {
        let state = self.control("GET", "state?kind=dns-records", Value::Null).await;
        let records = state["dns_records"].as_array().unwrap().iter();
        records.map(|r| r["domain"].as_str().unwrap().to_owned()).collect()
    }

    /// The last line of the ledger, as it is on disk now.
    fn last_line(&self) -> Value {
        let text = std::fs::read_to_string(self.folder.path().join("ledger.jsonl")).unwrap();
        assert!(text.ends_with('\n'));
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        self.done.await.unwrap();
    }
}

fn body(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

#[track_caller]
fn check(line: &Value, fault: &str, delivered: &str, status: Value, created: usize) {
    assert_eq!(
        (&line["fault"], &line["delivered"], &line["status"]),
        (&json!(fault), &json!(delivered), &status)
    );
    assert_eq!(line["created"].as_array().unwrap().len(), created, "{line}");
}

/// All that loses, delays, spoils or refuses, over one kind of connection.
async fn every_fault(version: Option<Version>) {
    let running = Running::start(version).await;
    let mut expected = Vec::new();

    running.meet(json!({"reset": {"commit": "before"}})).await;
    running.create("reset-before").await.unwrap_err();
    check(&running.last_line(), "reset-before-commit", "no", Value::Null, 0);

    running.meet(json!({"reset": {"commit": "after"}})).await;
    running.create("reset-after").await.unwrap_err();
    check(&running.last_line(), "reset-after-commit", "no", json!(201), 1);
    expected.push("reset-after");

    running.meet(json!({"error": {"status": 502, "body": "html", "commit": "before"}})).await;
    let answer = running.create("error-before").await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (502, &"text/html".parse().unwrap())
    );
    assert!(answer.body().starts_with(b"<html>"));

    running.meet(json!({"error": {"status": 503, "body": "empty", "commit": "after"}})).await;
    let answer = running.create("error-after").await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().len()), (503, 0));
    check(&running.last_line(), "error-after-commit", "yes", json!(503), 1);
    expected.push("error-after");

    running.meet(json!({"late-commit": {"after_ms": 60, "answer": "reset"}})).await;
    running.create("late").await.unwrap_err();
    expected.push("late");
    // The emulator is driven: the line comes by itself.
    let deadline = Instant::now() + LONG;
    while running.last_line()["event"] != "commit" {
        assert!(Instant::now() < deadline, "no late commit");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let line = running.last_line();
    check(&line, "late-commit", "no", json!(201), 1);
    let took = line["committed_ms"].as_f64().unwrap() - line["arrived_ms"].as_f64().unwrap();
    // The exact 60 ms, less what the difference of two floating-point numbers of milliseconds may lose.
    assert!(took >= 60.0 - 1e-3, "{took} ms");

    running.meet(json!({"slow": {"delay_ms": 80}})).await;
    let sent = Instant::now();
    assert_eq!(running.create("slow").await.unwrap().status(), 201);
    assert!(sent.elapsed() >= Duration::from_millis(80));
    expected.push("slow");

    running.meet(json!({"slow": {"trickle_ms": 2, "trickle_bytes": 4}})).await;
    let sent = Instant::now();
    let answer = running.create("trickle").await.unwrap();
    assert_eq!(body(&answer)["domain"], "trickle");
    let pieces = u32::try_from(answer.body().len().div_ceil(4)).unwrap();
    assert!(sent.elapsed() >= Duration::from_millis(2) * pieces);
    expected.push("trickle");

    running.meet(json!({"truncated": {"bytes": 12}})).await;
    let mut client = running.client(version.unwrap_or(Version::HTTP_11)).await;
    let record = json!({"domain": "cut", "ipv4Addresses": ["10.0.0.1"]});
    let answer = client.start(running.request("POST", "/api/v1/dns-records", &record)).await.unwrap();
    assert_eq!(answer.status(), 201);
    http_body_util::BodyExt::collect(answer.into_body()).await.unwrap_err();
    check(&running.last_line(), "truncated", "partly", json!(201), 1);
    expected.push("cut");

    running.meet(json!({"invalid-json": {"form": "cut"}})).await;
    let answer = running.create("broken").await.unwrap();
    assert!(answer.status() == 201 && body(&answer).is_null());
    expected.push("broken");

    running.meet(json!({"oversized": {"bytes": 3_000_000}})).await;
    let answer = running.create("large").await.unwrap();
    assert_eq!((answer.body().len(), &body(&answer)["domain"]), (3_000_000, &json!("large")));
    expected.push("large");

    running.meet(json!({"throttle": {"headers": false, "applied": true}})).await;
    let answer = running.create("throttled").await.unwrap();
    assert!(answer.status() == 429 && !answer.headers().contains_key("x-ratelimit-remaining"));
    assert_eq!(running.last_line()["throttled"], true);
    expected.push("throttled");

    running.meet(json!({"redirect": {"status": 308, "location": "http://evil.example/"}})).await;
    let answer = running.create("elsewhere").await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (308, &"http://evil.example/".parse().unwrap())
    );

    running.meet(json!({"rate-headers": {"value": "garbage"}})).await;
    assert_eq!(
        running.create("headers").await.unwrap().headers()["x-ratelimit-replenish-rate"],
        "15 seconds"
    );
    expected.push("headers");

    running.meet(json!({"duplicate": {"answer": "second"}})).await;
    assert_eq!(running.create("twice").await.unwrap().status(), 400);
    assert_eq!(running.last_line()["duplicate_of"], running.last_line()["number"].as_u64().unwrap() - 1);
    expected.push("twice");

    running.meet(json!("forbidden")).await;
    assert_eq!(running.create("forbidden").await.unwrap().status(), 403);
    assert_eq!(running.domains().await, expected);

    running.meet(json!("token-expiry")).await;
    assert_eq!(running.create("expired").await.unwrap().status(), 401);
    assert_eq!(running.send("GET", "/api/v1/regions", Value::Null).await.unwrap().status(), 401);
    running.stop().await;
}

/// What changes the effect or the words of an answer that is whole.
async fn every_fault_of_the_content(version: Option<Version>) {
    let running = Running::start(version).await;
    let office = |name: &str, first: u8| {
        let routes = [first, first + 1].map(|n| json!({"value": format!("10.{n}.0.0/16")}));
        json!({"name": name, "routes": routes})
    };

    running.meet_at("/networks", json!({"partial": {"answer": "created", "missing": ["routes[0]"]}})).await;
    let answer = running.send("POST", "/api/v1/networks", office("in-part", 1)).await.unwrap();
    assert_eq!((answer.status().as_u16(), body(&answer)["routes"].as_array().unwrap().len()), (201, 1));
    check(&running.last_line(), "partial-created", "yes", json!(201), 2);

    running.meet_at("/networks", json!({"partial": {"answer": "rejected", "missing": ["routes[1]"]}})).await;
    let answer = running.send("POST", "/api/v1/networks", office("though-rejected", 3)).await.unwrap();
    assert!(answer.status() == 400 && body(&answer)["errorDetails"]["routes[1]"].is_array(), "{answer:?}");
    check(&running.last_line(), "partial-rejected", "yes", json!(400), 2);

    running.meet_at("/networks", json!({"normalise": {"case": true, "order": true}})).await;
    let answer = running.send("POST", "/api/v1/networks", office("Loud", 5)).await.unwrap();
    assert_eq!((answer.status().as_u16(), &body(&answer)["name"]), (201, &json!("loud")));
    check(&running.last_line(), "normalise", "yes", json!(201), 3);

    running.meet_at("/networks", json!({"error-details": {"form": "without-indexes"}})).await;
    let wrong = json!({"name": "wrong", "routes": [{"value": "x"}, {"value": "y"}]});
    let answer = running.send("POST", "/api/v1/networks", wrong).await.unwrap();
    assert_eq!(body(&answer)["errorDetails"]["routes.value"].as_array().unwrap().len(), 2);
    check(&running.last_line(), "error-details", "yes", json!(400), 0);

    running.meet(json!({"read-lag": {"for_ms": 600_000}})).await;
    assert_eq!(running.create("lags").await.unwrap().status(), 201);
    check(&running.last_line(), "read-lag", "yes", json!(201), 1);
    let list = || running.send("GET", "/api/v1/dns-records?page=0&size=2", Value::Null);
    assert_eq!(body(&list().await.unwrap())["totalElements"], 0);
    // The write is there for writes.
    assert_eq!(running.create("lags").await.unwrap().status(), 400);

    running.control("DELETE", "faults", Value::Null).await;
    for domain in ["one", "two", "three"] {
        assert_eq!(running.create(domain).await.unwrap().status(), 201);
    }
    let rule =
        json!({"method": "GET", "path": "/dns-records", "fault": {"page-shift": {"change": "appear"}}});
    let shown = body(&list().await.unwrap())["totalElements"].as_u64().unwrap();
    running.control("POST", "faults", rule).await;
    let second = running.send("GET", "/api/v1/dns-records?page=1&size=2", Value::Null).await.unwrap();
    assert_eq!(body(&second)["totalElements"], shown + 1);
    check(&running.last_line(), "page-shift-appear", "yes", json!(200), 0);

    for (applied, made) in [(false, 0), (true, 1)] {
        running.meet(json!({"unauthorized": {"applied": applied}})).await;
        assert_eq!(running.create("refused").await.unwrap().status(), 401);
        let fault = if applied { "unauthorized-applied" } else { "unauthorized" };
        check(&running.last_line(), fault, "yes", json!(401), made);
    }
    running.stop().await;
}

#[tokio::test]
async fn every_fault_of_the_content_over_plain_http() {
    every_fault_of_the_content(None).await;
}

#[tokio::test]
async fn every_fault_of_the_content_over_https() {
    every_fault_of_the_content(Some(Version::HTTP_11)).await;
}

#[tokio::test]
async fn every_fault_over_plain_http() {
    every_fault(None).await;
}

#[tokio::test]
async fn every_fault_over_https() {
    every_fault(Some(Version::HTTP_11)).await;
}

#[tokio::test]
async fn every_fault_over_http_2() {
    every_fault(Some(Version::HTTP_2)).await;
}

#[tokio::test]
async fn a_stall_keeps_the_connection_and_counts_as_in_flight() {
    let running = Running::start(None).await;
    for (commit, created) in [("before", 0), ("after", 1)] {
        running.meet(json!({"stall": {"commit": commit}})).await;
        let mut socket = TcpStream::connect(running.address).await.unwrap();
        let record = json!({"domain": commit, "ipv4Addresses": ["10.0.0.1"]}).to_string();
        let text = format!(
            "POST /api/v1/dns-records HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{record}",
            running.token,
            record.len()
        );
        socket.write_all(text.as_bytes()).await.unwrap();
        // Its line is written although nothing comes back.
        let deadline = Instant::now() + LONG;
        while running.last_line()["fault"] != format!("stall-{commit}-commit") {
            assert!(Instant::now() < deadline, "no line");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(running.last_line()["created"].as_array().unwrap().len(), created);
        let mut byte = [0];
        let nothing = timeout(Duration::from_millis(50), socket.read(&mut byte)).await;
        assert!(nothing.is_err(), "{nothing:?}");
        // Others are not held up, and the one that waits is counted.
        assert_eq!(running.send("GET", "/api/v1/regions", Value::Null).await.unwrap().status(), 200);
        let stats = running.control("GET", "stats", Value::Null).await;
        assert_eq!(stats["most_in_flight"], 2);
    }
    assert_eq!(running.domains().await, ["after"]);
    running.stop().await;
}

#[tokio::test]
async fn an_in_memory_emulator_stops_answering_when_its_ledger_fails() {
    #[derive(Debug)]
    struct Full;
    impl connexa_emulator::ledger::LedgerSink for Full {
        fn write(&mut self, _: &connexa_emulator::ledger::Entry) -> std::io::Result<()> {
            Err(std::io::Error::other("disk full"))
        }
    }
    let clock = system_clock();
    let emulator = Embedded::in_memory(Emulator::new(Config::default(), clock())).with_ledger(Full);
    let request = Request::get("/api/v1/networks").body(Bytes::new()).unwrap();
    let delivery = emulator.handle(clock(), request).await;
    assert!(matches!(delivery.what, connexa_emulator::What::Reset));
    let failure = emulator.failed().await;
    assert!(matches!(&*failure, connexa_emulator::store::StoreError::Ledger { .. }), "{failure}");
}

#[tokio::test]
async fn a_stored_emulator_writes_its_ledger_with_what_it_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.jsonl");
    let clock = system_clock();
    let config = Config { limits: Limits::UNLIMITED, ..Config::default() };
    let mut numbers = Vec::new();
    for round in 0..2 {
        let emulator = Embedded::open(&folder.path().join("a.db"), config.clone(), clock()).unwrap();
        let emulator = emulator.with_ledger(LedgerFile::open(&ledger).unwrap());
        let path = "/api/v1/oauth/token?client_id=emulator&client_secret=emulator";
        let answer = emulator.handle(clock(), Request::post(path).body(Bytes::new()).unwrap()).await;
        let token = body(&answer.into_answer().unwrap())["access_token"].as_str().unwrap().to_owned();
        let record = json!({"domain": format!("{round}.example"), "ipv4Addresses": ["10.0.0.1"]});
        let request = Request::post("/api/v1/dns-records").header("authorization", format!("Bearer {token}"));
        let request = request.body(Bytes::from(record.to_string())).unwrap();
        assert_eq!(emulator.handle(clock(), request).await.into_answer().unwrap().status(), 201);
        // Looked at before the emulator has ended: the line is there with the answer.
        let text = std::fs::read_to_string(&ledger).unwrap();
        let line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(line["created"][0]["key"], format!("{round}.example"));
        numbers.push(line["number"].as_u64().unwrap());
    }
    // Numbers go on.
    assert_eq!(numbers, [2, 4]);
}
