//! From ticks to nanoseconds.

use aioxide_trace::file::{Calibration, Meta};

/// Pairs that are closer together, in nanoseconds, tell the rate worse than the recorder knew it.
const CLOSE: u64 = 50_000_000;

/// Converts the ticks of one recording.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The ticks that count as the beginning.
    begin: u64,
    ns_per_tick: f64,
}

impl Clock {
    /// The clock of a recording that begins at `begin` ticks. `pairs` is what was shown at several moments: the
    /// first and the last that differ give the rate. Without them it is the rate that the recorder knew,
    /// or one tick per nanosecond.
    pub fn new(begin: u64, meta: &Meta, pairs: &[Calibration]) -> Self {
        let known = meta.ticks_per_second;
        let known = if known.is_finite() && known > 0.0 { 1e9 / known } else { 1.0 };
        let rate = match (
            pairs.iter().min_by_key(|pair| pair.ticks),
            pairs.iter().max_by_key(|pair| pair.ticks),
        ) {
            (Some(first), Some(last))
                if last.ticks > first.ticks
                    && last.unix_ns > first.unix_ns
                    && (last.unix_ns - first.unix_ns > CLOSE || meta.ticks_per_second == 0.0) =>
            {
                (last.unix_ns - first.unix_ns) as f64 / (last.ticks - first.ticks) as f64
            }
            _ => known,
        };
        // A rate of one is exact, and that of `CLOCK_MONOTONIC` is one but for what the calendar was
        // adjusted by meanwhile.
        let rate = if meta.clock == "monotonic" { 1.0 } else { rate };
        Clock { begin, ns_per_tick: rate }
    }

    /// Nanoseconds since the beginning; 0 for what was before it.
    pub fn ns(&self, ticks: u64) -> u64 {
        let ticks = ticks.saturating_sub(self.begin);
        if self.ns_per_tick == 1.0 { ticks } else { (ticks as f64 * self.ns_per_tick) as u64 }
    }

    /// The calendar's nanoseconds at the beginning; 0 if not known.
    pub fn begin_unix_ns(&self, pairs: &[Calibration]) -> u64 {
        let Some(pair) = pairs.first() else { return 0 };
        let distance = (self.begin as f64 - pair.ticks as f64) * self.ns_per_tick;
        let unix = pair.unix_ns as f64 + distance;
        if unix.is_finite() && unix > 0.0 {
            pair.unix_ns.saturating_add_signed(distance as i64)
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(ticks: u64, unix_ns: u64) -> Calibration {
        Calibration { ticks, unix_ns }
    }

    #[test]
    fn two_pairs_give_the_rate() {
        let meta = Meta { clock: "tsc".to_owned(), ..Meta::default() };
        let pairs = [pair(1_000, 5_000_000), pair(4_000, 5_001_000)];
        let clock = Clock::new(2_500, &meta, &pairs);
        assert_eq!(clock.ns(2_500), 0);
        assert_eq!(clock.ns(5_500), 1_000);
        assert_eq!(clock.ns(0), 0);
        assert_eq!(clock.begin_unix_ns(&pairs), 5_000_500);
    }

    #[test]
    fn one_pair_leaves_the_rate_that_the_recorder_knew() {
        let meta = Meta { clock: "tsc".to_owned(), ticks_per_second: 2e9, ..Meta::default() };
        assert_eq!(Clock::new(0, &meta, &[pair(1, 1)]).ns(2_000), 1_000);
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let meta = Meta { ticks_per_second: wrong, ..meta.clone() };
            assert_eq!(Clock::new(0, &meta, &[]).ns(2_000), 2_000);
        }
    }

    #[test]
    fn close_pairs_give_the_rate_only_if_the_recorder_knew_none() {
        let meta = Meta { clock: "tsc".to_owned(), ticks_per_second: 2e9, ..Meta::default() };
        let pairs = [pair(0, 1_000), pair(100, 1_100)];
        assert_eq!(Clock::new(0, &meta, &pairs).ns(2_000), 1_000);
        assert_eq!(Clock::new(0, &Meta::default(), &pairs).ns(2_000), 2_000);
    }

    #[test]
    fn the_monotonic_clock_is_exact() {
        let meta = Meta { clock: "monotonic".to_owned(), ..Meta::default() };
        let clock = Clock::new(7, &meta, &[pair(0, 10), pair(1_000, 1_011)]);
        assert_eq!(clock.ns(u64::MAX), u64::MAX - 7);
    }
}
