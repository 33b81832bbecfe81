//! Logs on standard error: what the libraries tell through `tracing`. Never a secret, never a name that steers a terminal.

use crate::{
    cli::LogFormat,
    views::{json, text::harmless},
};
use std::io::{self, Write};
use tracing::Dispatch;
use tracing_subscriber::{
    filter::LevelFilter,
    fmt::MakeWriter,
    layer::{Layer as _, SubscriberExt as _},
};

/// The subscriber for a number of `-v`. It is set for the threads of one runtime, not for the process.
pub(crate) fn subscriber(verbose: u8, quiet: bool, format: LogFormat) -> Dispatch {
    let level = match (quiet, verbose) {
        (true, 0) => LevelFilter::OFF,
        (_, 0) => LevelFilter::WARN,
        (_, 1) => LevelFilter::INFO,
        (_, 2) => LevelFilter::DEBUG,
        (_, 3..) => LevelFilter::TRACE,
    };
    // Libraries below us may log what they send; only our own crates are known to keep secrets to themselves.
    let ours = tracing_subscriber::filter::Targets::new().with_targets(
        ["connexa", "connexa_client", "connexa_engine", "connexa_emulator"].map(|t| (t, level)),
    );
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Stderr(format));
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Text => Dispatch::new(registry.with(layer.with_target(false).with_filter(ours))),
        LogFormat::Json => Dispatch::new(registry.with(layer.json().with_filter(ours))),
    }
}

/// Standard error, each event made harmless on its way. The format layer writes one event at a time.
#[derive(Clone, Copy)]
struct Stderr(LogFormat);

impl MakeWriter<'_> for Stderr {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        *self
    }
}

impl Write for Stderr {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = text.trim_end_matches('\n');
        let mut line = match self.0 {
            LogFormat::Text => harmless(text),
            LogFormat::Json => json::escaped(text),
        };
        line.push('\n');
        // A log that nobody reads is no reason to fail.
        let _ = io::stderr().write_all(line.as_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
