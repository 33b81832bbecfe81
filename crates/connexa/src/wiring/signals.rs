//! Ctrl-C, SIGTERM and SIGHUP: once to stop cleanly, twice to stop at once.

use tokio::sync::mpsc;

/// Reports each signal that asks the process to end. Kept for as long as signals are to be caught.
#[derive(Debug)]
pub(crate) struct Signals {
    // Two are all that matters: after the second one nobody counts any more.
    received: mpsc::Receiver<&'static str>,
}

impl Signals {
    /// The name of the signal by which a supervisor ends a process.
    pub(crate) const TERM: &'static str = "SIGTERM";

    /// Catches signals from now on. Needs a tokio runtime.
    pub(crate) fn catch() -> Self {
        let (sender, received) = mpsc::channel(2);
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let kinds = [
                ("Ctrl-C", SignalKind::interrupt()),
                (Self::TERM, SignalKind::terminate()),
                ("SIGHUP", SignalKind::hangup()),
            ];
            for (name, kind) in kinds {
                // A signal that cannot be caught keeps its default: it ends the process.
                let Ok(mut stream) = signal(kind) else { continue };
                let sender = sender.clone();
                tokio::spawn(async move {
                    while stream.recv().await.is_some() {
                        if sender.send(name).await.is_err() {
                            break;
                        }
                    }
                });
            }
        }
        #[cfg(not(unix))]
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if sender.send("Ctrl-C").await.is_err() {
                    break;
                }
            }
        });
        Self { received }
    }

    /// Waits for the next signal and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        match self.received.recv().await {
            Some(name) => name,
            None => std::future::pending().await,
        }
    }
}
