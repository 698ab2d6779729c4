//! A loop that the watchdog looks at.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;

use super::LoopCore;
use super::scheduling::thread_identity;
use crate::core::dispatch::Ready;
use crate::ffi::definition::Definition;
use crate::stdlib;
use crate::watchdog::{self, Beat, Polled, Running};

/// Debug mode with a smaller `slow_callback_duration` wants to see every callback, not what blocks.
const SHORTEST_IN_DEBUG_MODE: f64 = 0.01;

impl LoopCore {
    /// From which duration an item is reported while it still runs. Zero means never. Of a loop in
    /// debug mode it is `slow_callback_duration`, unless that of the watchdog is shorter.
    fn threshold(&self, py: Python<'_>) -> Duration {
        let general = watchdog::default_threshold();
        let slow = self.flags.slow_callback_duration.get(py);
        // A number that is none is as good as none.
        if !self.debug(py) || slow.is_nan() || slow < SHORTEST_IN_DEBUG_MODE {
            return general;
        }
        match Duration::try_from_secs_f64(slow) {
            Ok(slow) if general.is_zero() => slow,
            Ok(slow) => slow.min(general),
            Err(_) => general,
        }
    }

    /// Begins or ends to be watched, as debug mode and the watchdog's threshold say. Called when
    /// one of them changes, and when the loop begins to run.
    pub(super) fn choose_threshold(&self, py: Python<'_>) -> PyResult<()> {
        let chosen = self.choose_beat(py);
        self.flags.observed.set(py, self.debug(py) || self.beat.is_some(py));
        chosen
    }

    fn choose_beat(&self, py: Python<'_>) -> PyResult<()> {
        let threshold = self.threshold(py);
        if threshold.is_zero() {
            drop(self.watched.take(py));
            drop(self.beat.take(py));
            return Ok(());
        }
        if !self.running(py) {
            return Ok(());
        }
        let beat = match self.beat.clone_ref(py) {
            Some(beat) => {
                beat.set_threshold(threshold);
                beat
            }
            None => {
                let beat = Arc::new(Beat::new(threshold));
                drop(self.beat.replace(py, Some(Arc::clone(&beat))));
                beat
            }
        };
        let for_debug_mode = watchdog::default_threshold().is_zero();
        if !for_debug_mode && !watchdog::is_started() {
            stdlib::start_watchdog(py)?;
        }
        if self.watched.is_none(py) {
            drop(self.watched.replace(py, Some(Running::new(beat))));
        }
        if for_debug_mode {
            watchdog::start_for_debug_mode();
        }
        Ok(())
    }

    /// Publishes that a future of this function is polled until what is returned is dropped; None
    /// unless the loop is watched.
    #[inline]
    pub fn announce_poll(&self, py: Python<'_>, definition: &'static Definition) -> Option<Polled> {
        self.beat.clone_ref(py).map(|beat| beat.begin_poll(definition))
    }

    /// What to publish `count` items by; None unless the loop is watched.
    #[inline]
    pub(super) fn beat_of_iteration(&self, py: Python<'_>, count: usize) -> Option<Arc<Beat>> {
        let beat = self.beat.clone_ref(py)?;
        watchdog::resume_after_fork();
        beat.begin_iteration(count, thread_identity());
        Some(beat)
    }

    /// Runs one ready item of a loop that is in debug mode, or watched, or both.
    pub(super) fn run_observed(
        slf: &Bound<'_, Self>,
        item: Ready,
        debug: bool,
        beat: Option<&Arc<Beat>>,
    ) -> PyResult<()> {
        let number = beat.map(|beat| beat.begin_item());
        let result =
            if debug { Self::run_timed(slf, item) } else { Self::run_item_apart(slf, item) };
        if let (Some(beat), Some(number)) = (beat, number)
            && let Some(ended) = beat.end_item(number)
        {
            watchdog::report_end(beat, ended);
        }
        result
    }
}

#[pymethods]
impl LoopCore {
    /// Called for each loop when the watchdog's threshold has changed.
    fn _choose_threshold(&self, py: Python<'_>) -> PyResult<()> {
        self.choose_threshold(py)
    }
}
