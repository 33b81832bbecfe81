//! Where a host of the emulator takes the time from.

use connexa_types::{Mono, Now, Timestamp};
use std::{sync::Arc, time::Instant};

/// Reads both clocks. A test hands over a clock of its own.
pub type Clock = Arc<dyn Fn() -> Now + Send + Sync>;

/// Returns the clock of the machine; its monotonic origin is this call.
pub fn system_clock() -> Clock {
    let origin = Instant::now();
    Arc::new(move || Now { mono: Mono::from_origin(origin.elapsed()), wall: Timestamp::now() })
}
