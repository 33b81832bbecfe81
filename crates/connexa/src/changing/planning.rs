//! Looking at the tenant from the command line: with progress on the screen, and until a signal comes.

use crate::{
    exit::Exit,
    failure::Failure,
    screen::Screen,
    session::{Session, planning::Watch},
    views::progress::Progress,
    wiring::signals::Signals,
};
use connexa_engine::{read::ReadError, record::Event};

/// Shows how reading goes.
pub(crate) struct OnScreen<'a> {
    /// Where.
    pub(crate) screen: &'a Screen,
    /// Whose clock.
    pub(crate) session: &'a Session,
}

impl Watch for OnScreen<'_> {
    fn begin(&self) -> Box<dyn FnMut(&Event) + Send + '_> {
        let mut progress = Progress::start(self.screen, self.session.now().mono);
        Box::new(move |event| {
            if let Event::Tick(tick) = event {
                progress.tick(tick, self.session.now().mono, |_| None);
            }
        })
    }
}

/// Waits for something that changes nothing, so that a signal has nothing to end cleanly.
pub(crate) async fn unless_stopped<T>(
    signals: &mut Signals,
    look: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        looked = look => looked,
        signal = signals.next() => Err(stopped(signal)),
    }
}

/// Ended by a signal.
pub(crate) fn stopped(signal: &str) -> Failure {
    Failure::new(Exit::Stopped, format!("stopped by {signal} before anything was changed"))
}

/// The tenant cannot be read.
pub(crate) fn unreachable(session: &Session, error: &ReadError) -> Failure {
    let message = format!("cannot read the tenant {}", session.tenant());
    let failure = Failure::new(Exit::Unreachable, message).because(error);
    match error {
        ReadError::Unauthorized => {
            failure.hint("check CLOUDCONNEXA_CLIENT_ID and CLOUDCONNEXA_CLIENT_SECRET")
        }
        ReadError::Unreachable { .. } => failure
            .hint("check the URL of the API; `--ca-file` trusts an authority that the system does not know"),
        _ => failure,
    }
}
