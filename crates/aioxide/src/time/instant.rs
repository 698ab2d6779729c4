//! Points of the loop's time.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

use aioxide_engine::Clock;

use crate::runtime::with_current;

/// A point of the loop's time, which may be virtual: what asyncio has as `loop.time()`.
///
/// Use it in place of [`std::time::Instant`], which a virtual clock does not move.
#[derive(Clone, Copy, Debug)]
pub struct Instant {
    /// Never NaN: it begins as the clock's time, and only finite numbers are added.
    seconds: f64,
}

impl Ord for Instant {
    fn cmp(&self, other: &Self) -> Ordering {
        self.seconds.total_cmp(&other.seconds)
    }
}

impl PartialOrd for Instant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Instant {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Instant {}

impl Hash for Instant {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.seconds.to_bits().hash(state);
    }
}

impl Instant {
    /// Now. Outside of a loop it is the system's monotonic clock, as on a loop with a real one.
    pub fn now() -> Self {
        let seconds = with_current(|it| it.now()).unwrap_or_else(|| Clock::real().now());
        Self { seconds }
    }

    pub(crate) fn seconds(self) -> f64 {
        self.seconds
    }

    /// Seconds since the clock's origin, as `loop.time()` gives them.
    pub fn as_secs_f64(self) -> f64 {
        self.seconds
    }

    /// The time since then; zero if that is yet to come.
    pub fn elapsed(self) -> Duration {
        Self::now().duration_since(self)
    }

    /// The time since `earlier`; zero if that is later.
    pub fn duration_since(self, earlier: Self) -> Duration {
        // To the nanosecond: a difference of two numbers has digits that mean nothing.
        let nanoseconds = ((self.seconds - earlier.seconds) * 1e9).round().max(0.0);
        Duration::from_nanos(nanoseconds as u64)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self { seconds: self.seconds + duration.as_secs_f64() }
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self { seconds: self.seconds - duration.as_secs_f64() }
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}
