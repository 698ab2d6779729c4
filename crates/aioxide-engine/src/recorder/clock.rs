//! The recorder's clock: the processor's time stamp counter where the kernel trusts it, else
//! `CLOCK_MONOTONIC`.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A time stamp: ticks of the processor, or nanoseconds ([`clock_name`] says which). Never 0.
#[inline(always)]
pub fn ticks() -> u64 {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if tsc::is_trusted() {
        return tsc::read();
    }
    nanoseconds()
}

/// `tsc` or `monotonic`.
pub fn clock_name() -> &'static str {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if tsc::is_trusted() {
        return "tsc";
    }
    "monotonic"
}

fn nanoseconds() -> u64 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    let begin = BEGIN.get_or_init(|| Instant::now() - Duration::from_nanos(1));
    u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds since 1970, by the system's clock.
pub fn unix_nanoseconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// What both clocks showed at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calibration {
    /// The recorder's clock.
    pub ticks: u64,
    /// Nanoseconds since 1970.
    pub unix_ns: u64,
}

impl Calibration {
    /// What both show now: the closest of a few attempts, since the thread may be interrupted
    /// between the two.
    pub fn now() -> Self {
        let attempt = || {
            let before = ticks();
            let unix_ns = unix_nanoseconds();
            let after = ticks();
            let width = after.wrapping_sub(before);
            (width, Self { ticks: before.wrapping_add(width / 2), unix_ns })
        };
        (0..8)
            .map(|_| attempt())
            .min_by_key(|(width, _)| *width)
            .map_or_else(Self::default, |it| it.1)
    }

    /// What both showed when the process first asked: with a later one it gives the speed of the
    /// clock.
    pub fn first() -> Self {
        first().0
    }

    /// Ticks per second, as far as known by now.
    pub fn ticks_per_second() -> f64 {
        static SETTLED: OnceLock<f64> = OnceLock::new();
        if clock_name() == "monotonic" {
            return 1e9;
        }
        if let Some(settled) = SETTLED.get() {
            return *settled;
        }
        let (begin, at) = first();
        let mut elapsed = at.elapsed();
        if elapsed < Duration::from_millis(5) {
            std::thread::sleep(Duration::from_millis(5) - elapsed);
        }
        let now = ticks();
        elapsed = at.elapsed();
        let speed = now.wrapping_sub(begin.ticks) as f64 / elapsed.as_secs_f64();
        if elapsed > Duration::from_secs(1) { *SETTLED.get_or_init(|| speed) } else { speed }
    }
}

fn first() -> (Calibration, Instant) {
    static FIRST: OnceLock<(Calibration, Instant)> = OnceLock::new();
    *FIRST.get_or_init(|| (Calibration::now(), Instant::now()))
}

/// Nanoseconds from `begin` to `end`, in ticks, at this speed; 0 if `end` is earlier.
pub fn nanoseconds_between(begin: u64, end: u64, ticks_per_second: f64) -> u64 {
    (end.saturating_sub(begin) as f64 * 1e9 / ticks_per_second) as u64
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod tsc {
    use std::fs;
    use std::sync::atomic::{AtomicU8, Ordering};

    const UNKNOWN: u8 = 0;
    const TRUSTED: u8 = 1;
    const REFUSED: u8 = 2;

    static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

    /// Whether the kernel itself takes the time from the counter: then it runs at one speed, on
    /// all processors alike, also while they sleep.
    #[inline(always)]
    pub fn is_trusted() -> bool {
        match STATE.load(Ordering::Relaxed) {
            TRUSTED => true,
            REFUSED => false,
            _ => find_out(),
        }
    }

    #[cold]
    fn find_out() -> bool {
        let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let trusted = fs::read_to_string(path).is_ok_and(|name| name.trim() == "tsc");
        STATE.store(if trusted { TRUSTED } else { REFUSED }, Ordering::Relaxed);
        trusted
    }

    /// The counter.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub fn read() -> u64 {
        // SAFETY: every x86-64 processor has the instruction, and it changes nothing.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
}
