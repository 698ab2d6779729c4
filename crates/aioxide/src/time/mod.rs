//! The loop's time: deadlines, sleeping, timeouts.

mod instant;
mod sleep;
mod timeout;

pub use instant::Instant;
pub use sleep::{Sleep, YieldNow, sleep, sleep_until, yield_now};
pub use timeout::{TimedOut, Timeout, timeout, timeout_at};
