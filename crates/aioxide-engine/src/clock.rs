//! The clock of a loop: the system's monotonic clock, or one that a test moves.

use std::sync::atomic::{AtomicU64, Ordering};

/// A clock in seconds (`f64`), with the unit and origin of Python's `time.monotonic()`.
///
/// A real clock reads `CLOCK_MONOTONIC` (on Apple systems `CLOCK_UPTIME_RAW`,
/// which is what Python reads there). A virtual clock stands still until
/// [`advance_to`](Clock::advance_to) moves it, so that a test of an hour's
/// timeout takes no time.
///
/// ```
/// use aioxide_engine::Clock;
///
/// let clock = Clock::virtual_from(100.0);
/// clock.advance_to(160.0);
/// clock.advance_to(130.0); // time never goes back
/// assert_eq!(clock.now(), 160.0);
/// ```
#[derive(Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Monotonic,
    /// The bits of the current `f64`: atomic so that a clock can be read from
    /// any thread through a shared reference, as the real one can.
    Virtual(AtomicU64),
}

impl Clock {
    /// The system's monotonic clock.
    pub fn real() -> Self {
        Self { source: Source::Monotonic }
    }

    /// A virtual clock that stays at `seconds` until it is moved.
    ///
    /// # Panics
    ///
    /// When `seconds` is infinite or not a number.
    #[track_caller]
    pub fn virtual_from(seconds: f64) -> Self {
        assert!(
            seconds.is_finite(),
            "a virtual clock starts at a finite number of seconds, got {seconds}"
        );
        Self { source: Source::Virtual(AtomicU64::new(seconds.to_bits())) }
    }

    /// The current time in seconds.
    #[inline]
    pub fn now(&self) -> f64 {
        match &self.source {
            Source::Monotonic => seconds(monotonic_nanoseconds()),
            Source::Virtual(bits) => f64::from_bits(bits.load(Ordering::Acquire)),
        }
    }

    /// Whether this is a virtual clock, which only [`advance_to`](Clock::advance_to) moves.
    #[inline]
    pub fn is_virtual(&self) -> bool {
        matches!(self.source, Source::Virtual(_))
    }

    /// Moves a virtual clock forward to `seconds`; an earlier time has no
    /// effect.
    ///
    /// # Panics
    ///
    /// When the clock is real, or `seconds` is infinite or not a number.
    #[track_caller]
    pub fn advance_to(&self, seconds: f64) {
        let Source::Virtual(bits) = &self.source else {
            panic!("only a virtual clock can be moved (to {seconds} s)");
        };
        assert!(
            seconds.is_finite(),
            "a virtual clock moves to a finite number of seconds, got {seconds}"
        );
        // An error means that the clock is already at that time or a later one.
        let _ = bits.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (f64::from_bits(now) < seconds).then_some(seconds.to_bits())
        });
    }
}

/// Rounds as Python does, so that `loop.time()` and `time.monotonic()` compare
/// exactly when they are read in the same nanosecond.
#[inline]
fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[cfg(not(target_vendor = "apple"))]
#[inline]
fn monotonic_nanoseconds() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec as i64
}

#[cfg(target_vendor = "apple")]
#[allow(unsafe_code)]
#[inline]
fn monotonic_nanoseconds() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the system writes the time to `now` and keeps no reference. The call
    // cannot fail: the clock exists and the structure is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_UPTIME_RAW, &mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn panic_message(action: impl FnOnce()) -> String {
        let payload = catch_unwind(AssertUnwindSafe(action)).expect_err("it should have panicked");
        *payload.downcast::<String>().expect("a formatted message")
    }

    #[test]
    fn real_time_never_goes_back() {
        let clock = Clock::real();
        let mut last = clock.now();
        for _ in 0..1000 {
            let now = clock.now();
            assert!(now >= last, "{now} came after {last}");
            last = now;
        }
        assert!(!clock.is_virtual());
    }

    #[test]
    fn real_time_runs_as_fast_as_the_system_clock() {
        let (clock, system) = (Clock::real(), std::time::Instant::now());
        let start = clock.now();
        while system.elapsed().as_millis() < 5 {
            std::hint::spin_loop();
        }
        let ours = clock.now() - start;
        let theirs = system.elapsed().as_secs_f64();
        assert!(0.004_999 < ours && ours <= theirs, "{ours} s of {theirs} s");
    }

    #[test]
    fn seconds_are_rounded_as_python_rounds_them() {
        assert_eq!(seconds(0), 0.0);
        assert_eq!(seconds(1_500_000_000), 1.5);
        assert_eq!(seconds(1_234_567_890_123_456_789), 1_234_567_890.123_456_7);
    }

    #[test]
    fn virtual_time_stands_still_until_it_is_moved() {
        let clock = Clock::virtual_from(-3.0);
        assert!(clock.is_virtual());
        assert_eq!(clock.now(), -3.0);
        clock.advance_to(2.5);
        assert_eq!(clock.now(), 2.5);
    }

    #[test]
    fn virtual_time_never_goes_back() {
        let clock = Clock::virtual_from(10.0);
        clock.advance_to(9.0);
        clock.advance_to(-9.0);
        assert_eq!(clock.now(), 10.0);
    }

    #[test]
    fn moving_a_real_clock_is_refused() {
        let message = panic_message(|| Clock::real().advance_to(7.0));
        assert_eq!(message, "only a virtual clock can be moved (to 7 s)");
    }

    #[test]
    fn times_that_are_no_numbers_are_refused() {
        let message = panic_message(|| _ = Clock::virtual_from(f64::NAN));
        assert!(message.ends_with("got NaN"), "{message}");
        let message = panic_message(|| Clock::virtual_from(0.0).advance_to(f64::INFINITY));
        assert!(message.ends_with("got inf"), "{message}");
    }
}
