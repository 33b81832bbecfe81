//! What `connexa` reaches of a plain load generator's rate, with no limit: `cargo bench -p connexa --bench rate`.
//!
//! Both create the same networks (each with a connector and a route, in one call) against a fresh emulator over HTTP, with
//! the same number of calls in flight. The generator's requests are texts made beforehand, and of an answer it only looks
//! at status and length. `-- --networks N --parallel P` change the size.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people to look at, which may panic"
)]

use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

const CONNEXA: &str = env!("CARGO_BIN_EXE_connexa");

fn main() {
    let (mut networks, mut parallel) = (20_000_usize, 8_usize);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse().ok()).expect("a number follows");
        match argument.as_str() {
            "--networks" => networks = number(),
            "--parallel" => parallel = number(),
            // Cargo says so to every benchmark.
            "--bench" => {}
            other => panic!("unknown argument {other}"),
        }
    }
    let folder = tempfile::tempdir().unwrap();

    let emulator = Emulator::start(folder.path());
    let plain = generate(&emulator, networks, parallel);
    drop(emulator);

    let items: Vec<Value> = (0..networks).map(item).collect();
    let spec = folder.path().join("networks.json");
    std::fs::write(&spec, json!({ "networks": items }).to_string()).unwrap();
    let emulator = Emulator::start(folder.path());
    let begin = Instant::now();
    let output = Command::new(CONNEXA)
        .args(["apply", "--yes", "-o", "json", "--parallel", &parallel.to_string(), "-f"])
        .arg(&spec)
        .args(["--api-url", &emulator.url, "--state-dir"])
        .arg(folder.path().join("state"))
        .env("CLOUDCONNEXA_CLIENT_ID", "emulator")
        .env("CLOUDCONNEXA_CLIENT_SECRET", "emulator")
        .output()
        .unwrap();
    let whole = begin.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let calls = report["calls"]["update"].as_u64().unwrap();
    assert_eq!(calls, networks as u64);
    let run = Duration::from_secs_f64(report["timings"]["run_ms"].as_f64().unwrap() / 1000.0);

    let rate = |time: Duration| f64::from(u32::try_from(networks).unwrap()) / time.as_secs_f64();
    let line = |name: &str, time: Duration| {
        let share = 100.0 * rate(time) / rate(plain);
        println!("{name:<44}{:>9.2} s {:>10.0} calls/s {share:>6.0} %", time.as_secs_f64(), rate(time));
    };
    println!("{networks} networks, {parallel} calls in flight");
    line("plain load generator", plain);
    line("connexa apply, by its timings (run_ms)", run);
    line("connexa apply, the whole process", whole);
    let ms = |name: &str| report["timings"][name].as_f64().unwrap();
    println!("read {:.0} ms, plan {:.0} ms, engine {:.0} ms", ms("read_ms"), ms("plan_ms"), ms("engine_ms"));
}

/// The network of a number: a `/64` of `fd00::/8` of its own.
fn item(number: usize) -> Value {
    let (high, low) = (number >> 16, number & 0xffff);
    json!({
        "name": format!("network-{number}"),
        "egress": false,
        "connectors": [{ "name": "connector", "region": "eu-central-1" }],
        "routes": [format!("fd01:{high:x}:{low:x}::/64")],
    })
}

/// The same as the body of a request.
fn body(number: usize) -> String {
    let (high, low) = (number >> 16, number & 0xffff);
    json!({
        "name": format!("network-{number}"),
        "egress": false,
        "connectors": [{ "name": "connector", "vpnRegionId": "eu-central-1" }],
        "routes": [{ "value": format!("fd01:{high:x}:{low:x}::/64") }],
    })
    .to_string()
}

/// Sends all creates, some at a time; the time from the first to the last.
fn generate(emulator: &Emulator, networks: usize, parallel: usize) -> Duration {
    let address = emulator.url.strip_prefix("http://").unwrap();
    let token = {
        let mut connection = Connection::open(address);
        let path = "/oauth/token?client_id=emulator&client_secret=emulator";
        let answer: Value = serde_json::from_slice(&connection.call(&request("", path, ""))).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let requests: Vec<Vec<u8>> = (0..networks).map(|n| request(&token, "/networks", &body(n))).collect();
    let mut connections: Vec<Connection> = (0..parallel).map(|_| Connection::open(address)).collect();
    let next = AtomicUsize::new(0);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for connection in &mut connections {
            scope.spawn(|| {
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    connection.call(request);
                }
            });
        }
    });
    begin.elapsed()
}

fn request(token: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /api/v1{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: vec![0; 1 << 16] }
    }

    /// Sends a request and reads its whole answer, which must be a success: its body.
    fn call(&mut self, request: &[u8]) -> Vec<u8> {
        self.stream.write_all(request).unwrap();
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).unwrap();
            assert!(read > 0, "the server has closed the connection");
            filled += read;
            let answer = &self.buffer[..filled];
            let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&answer[..end]).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse::<usize>().unwrap());
            if filled >= end + 4 + length {
                assert!(head.starts_with("HTTP/1.1 20"), "{head}");
                return answer[end + 4..].to_vec();
            }
        }
    }
}

/// `connexa emulator` in a process of its own.
struct Emulator {
    child: Child,
    url: String,
}

impl Emulator {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(CONNEXA)
            .args(["emulator", "--listen", "127.0.0.1:0", "--http", "--limits", "unlimited", "--state-dir"])
            .arg(folder.join("emulator"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self { url: ready["url"].as_str().unwrap().to_owned(), child }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
