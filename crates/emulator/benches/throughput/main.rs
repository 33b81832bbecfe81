//! How many calls a second the emulator answers, and whether a call costs more in a large tenant.
//!
//! `cargo bench -p connexa-emulator` runs all of it; `-- --seconds N` measures each line longer, `-- http memory get`
//! runs the lines that hold all these words. The generator runs in the same process, on threads of its own, and keeps
//! a fixed number of connections busy, each with one call at a time.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people to look at, which may panic"
)]

mod growth;
mod load;

use connexa_emulator::{
    Config, Embedded, Emulator, Limits,
    clock::system_clock,
    server::{Deadlines, ServeOptions, ServeTransport, Server},
    tls::Identity,
};
use connexa_types::Timestamp;
use load::{Load, Target};
use std::{net::Ipv4Addr, path::Path, sync::Arc, time::Duration};
use tokio::runtime::Runtime;

/// As many as an HTTP client keeps for one host, more or less.
const CONNECTIONS: usize = 16;

/// What is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// A small object by its id.
    Get,
    /// A page of 1000 small objects.
    List,
    /// A new small object.
    Post,
    /// A small object, replaced.
    Put,
    /// A new network with a connector and a route.
    Network,
}

impl Work {
    const ALL: [Self; 5] = [Self::Get, Self::List, Self::Post, Self::Put, Self::Network];

    const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list-1000",
            Self::Post => "post",
            Self::Put => "put",
            Self::Network => "network",
        }
    }
}

struct Options {
    time: Duration,
    words: Vec<String>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self { time: Duration::from_secs(2), words: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo says so to every benchmark.
                "--bench" => {}
                "--seconds" => {
                    let seconds =
                        arguments.next().and_then(|s| s.parse().ok()).expect("--seconds needs a number");
                    options.time = Duration::from_secs(seconds);
                }
                word => options.words.push(word.to_owned()),
            }
        }
        options
    }

    fn wants(&self, line: &[&str]) -> bool {
        self.words.iter().all(|word| line.contains(&word.as_str()))
    }
}

fn main() {
    let options = Options::read();
    println!(
        "{:<8}{:<8}{:<12}{:>10}{:>10}{:>10}{:>10}",
        "", "", "call", "calls/s", "p50 µs", "p99 µs", "max µs"
    );
    for transport in ["http", "https"] {
        for storage in ["memory", "store"] {
            for work in Work::ALL.into_iter().filter(|w| options.wants(&[transport, storage, w.name()])) {
                let figures = measure(transport == "https", storage == "store", work, options.time);
                println!(
                    "{transport:<8}{storage:<8}{:<12}{:>10}{:>10}{:>10}{:>10}",
                    work.name(),
                    figures.per_second,
                    figures.median.as_micros(),
                    figures.worst_of_a_hundred.as_micros(),
                    figures.worst.as_micros(),
                );
            }
        }
    }
    if options.wants(&["growth"]) {
        growth::run();
    }
}

/// Starts a server with a thousand small objects, and drives one kind of call against it.
fn measure(tls: bool, stored: bool, work: Work, time: Duration) -> load::Figures {
    let folder = tempfile::tempdir().unwrap();
    let serving = runtime();
    let (target, stop) = serving.block_on(serve(folder.path(), tls, stored));
    let figures = runtime().block_on(async {
        let load = Load::prepare(target, work).await;
        load.drive(CONNECTIONS, time / 4).await;
        load.drive(CONNECTIONS, time).await
    });
    stop.cancel();
    serving.shutdown_timeout(Duration::from_secs(5));
    figures
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn serve(folder: &Path, tls: bool, stored: bool) -> (Target, tokio_util::sync::CancellationToken) {
    let (transport, ca_file) = if tls {
        let identity = Identity::load_or_make(folder, Ipv4Addr::LOCALHOST.into(), Timestamp::now()).unwrap();
        let ca_file = identity.ca_file().to_owned();
        (ServeTransport::Https(identity), Some(ca_file))
    } else {
        (ServeTransport::PlainHttp, None)
    };
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let server =
        Server::bind(ServeOptions { listen, transport, deadlines: Deadlines::default() }).await.unwrap();
    let target = Target { address: server.address(), ca_file };
    let clock = system_clock();
    let config = Config { limits: Limits::UNLIMITED, ..Config::default() };
    let emulator = if stored {
        Embedded::open(&folder.join("tenant.db"), config, clock()).unwrap()
    } else {
        Embedded::in_memory(Emulator::new(config, clock()))
    };
    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        server.run(Arc::new(emulator), clock, stopped.cancelled_owned()).await.unwrap();
    });
    (target, stop)
}
