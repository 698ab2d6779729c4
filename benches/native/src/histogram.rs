//! Latencies, counted in buckets that are never wider than 1 % of their value.

use std::time::Duration;

/// Buckets per power of two: 128 of them keep the relative error below 1 %.
const STEPS: u64 = 128;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// A histogram of durations from a nanosecond to centuries in constant memory.
pub struct Histogram {
    /// How often each bucket was hit; exact below `STEPS` nanoseconds.
    counts: Vec<u64>,
    /// Sum of `counts`, kept so that a percentile needs one pass only.
    total: u64,
    /// The largest value itself: a maximum must not be rounded.
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        let octaves = u64::from(u64::BITS - STEP_BITS) + 1;
        Self { counts: vec![0; (octaves * STEPS) as usize], total: 0, max: 0 }
    }

    /// Counts a duration that `times` requests took.
    pub fn record(&mut self, duration: Duration, times: u64) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanoseconds)] += times;
        self.total += times;
        self.max = self.max.max(nanoseconds);
    }

    /// How many durations were counted.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The duration that `fraction` (0 to 1) of all do not exceed, in
    /// nanoseconds, at most 1 % too small; 0 when nothing was counted.
    pub fn percentile(&self, fraction: f64) -> u64 {
        let rank = ((self.total as f64 * fraction).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return lower_bound(index as u64);
            }
        }
        0
    }

    /// The longest duration counted, in nanoseconds, exactly.
    pub fn max(&self) -> u64 {
        self.max
    }
}

fn bucket(nanoseconds: u64) -> usize {
    if nanoseconds < STEPS {
        return nanoseconds as usize;
    }
    let shift = nanoseconds.ilog2() - STEP_BITS;
    let octave = u64::from(shift) + 1;
    (octave * STEPS + (nanoseconds >> shift) % STEPS) as usize
}

fn lower_bound(bucket: u64) -> u64 {
    match bucket / STEPS {
        0 => bucket,
        octave => (STEPS + bucket % STEPS) << (octave - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_starts_at_most_one_percent_below_its_values() {
        for value in [0, 1, 127, 128, 129, 1_000, 65_535, 1_000_003, u64::MAX] {
            let start = lower_bound(bucket(value) as u64);
            assert!(start <= value, "{start} is above {value}");
            assert!((value - start) as f64 <= value as f64 / 100.0, "{start} is far from {value}");
        }
    }

    #[test]
    fn percentiles_of_a_uniform_range() {
        let mut histogram = Histogram::new();
        for microseconds in 1..=1000 {
            histogram.record(Duration::from_micros(microseconds), 1);
        }
        for (fraction, expected) in [(0.5, 500_000.0), (0.99, 990_000.0), (0.999, 999_000.0)] {
            let found = histogram.percentile(fraction) as f64;
            assert!((0.99..=1.0).contains(&(found / expected)), "{found}");
        }
        assert_eq!(histogram.max(), 1_000_000);
        assert_eq!(histogram.len(), 1000);
    }

    #[test]
    fn an_empty_histogram_has_only_zeros() {
        let histogram = Histogram::new();
        assert!(histogram.is_empty());
        assert_eq!((histogram.percentile(0.5), histogram.max()), (0, 0));
    }
}
