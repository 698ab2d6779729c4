//! The result of a run of the load generator, and its JSON.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The measured part of a run, and its share of the whole run.
pub struct Report {
    /// Messages answered, or connections closed with `--connect-close`.
    pub requests: u64,
    /// The duration of the measurement.
    pub measured: Duration,
    /// Processor time the generator used meanwhile. Close to `measured` means
    /// that the generator itself was the limit.
    pub processor: Duration,
    /// From sending a batch to the answer of each of its messages, or from
    /// connecting to the last answer with `--connect-close`. In nanoseconds, see
    /// [`latencies`].
    pub latencies: Histogram<u64>,
    /// Requests of the whole run: `requests`, and those before and after that
    /// are not measured. This is what the server's processor time from before
    /// the run until after it was spent on.
    pub served: u64,
}

/// An empty histogram of nanoseconds, which rounds by at most a thousandth.
///
/// A latency of more than an hour counts as one of an hour.
pub fn latencies() -> Histogram<u64> {
    const HOUR: u64 = 3_600_000_000_000;
    Histogram::new_with_bounds(1, HOUR, 3).expect("the bounds are in order")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.measured.as_secs_f64();
        let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
        let percentile = |fraction| microseconds(self.latencies.value_at_quantile(fraction));
        write!(
            f,
            "{{\"served\": {}, \"requests\": {}, \"seconds\": {seconds:.6}, \"requests_per_second\": {:.1}, \
             \"generator_busy\": {:.3}, \"latency_us\": \
             {{\"p50\": {:.1}, \"p99\": {:.1}, \"p999\": {:.1}, \"max\": {:.1}}}}}",
            self.served,
            self.requests,
            self.requests as f64 / seconds,
            self.processor.as_secs_f64() / seconds,
            percentile(0.5),
            percentile(0.99),
            percentile(0.999),
            microseconds(self.latencies.max()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_has_rates_and_microseconds() {
        let mut latencies = latencies();
        latencies.saturating_record(64_000);
        let report = Report {
            requests: 500,
            measured: Duration::from_millis(250),
            processor: Duration::from_millis(100),
            latencies,
            served: 700,
        };
        assert_eq!(
            report.to_string(),
            "{\"served\": 700, \"requests\": 500, \"seconds\": 0.250000, \"requests_per_second\": 2000.0, \
             \"generator_busy\": 0.400, \"latency_us\": \
             {\"p50\": 64.0, \"p99\": 64.0, \"p999\": 64.0, \"max\": 64.0}}"
        );
    }
}
