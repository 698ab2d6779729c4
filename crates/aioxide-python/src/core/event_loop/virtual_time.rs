//! Support for `aioxide.testing`: virtual time, and orders drawn from a seed.

use std::time::Instant;

use aioxide_engine::{Clock, Idle, Interleaving, OrderingKeys, Outside, VirtualTime, Wait};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::LoopCore;
use crate::core::dispatch::Ready;

/// The ordering key of all callbacks: `call_soon` is first in, first out. No object
/// has this address.
const CALL_SOON: usize = 0;

/// The order that a program may rely on by asyncio's documentation. The order of task
/// steps is free, except that a future wakes the tasks that await it, and calls its
/// callbacks, in order.
fn ordering_keys(item: &Ready) -> OrderingKeys {
    match item {
        Ready::Step(_) | Ready::Throw(_) => [None, None],
        // SAFETY: the engine belongs to the loop, which is used only with the GIL
        // held.
        Ready::Wake(task) => [task.get().awaited(unsafe { Python::assume_attached() }), None],
        Ready::FutureCallback(parts) => {
            let future = parts.future.as_ref();
            [Some(CALL_SOON), future.map(|future| future.as_ptr().expose_provenance())]
        }
        _ => [Some(CALL_SOON), None],
    }
}

impl LoopCore {
    /// Whether the clock is virtual: then `idle` replaces a poll that waits.
    #[inline]
    pub(super) fn has_virtual_time(&self, py: Python<'_>) -> bool {
        self.virtual_time.is_some(py)
    }

    /// Step 2 of an iteration in which nothing is ready.
    #[cold]
    pub(super) fn idle(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        Self::poll_now(slf, Wait::Poll)?;
        if this.has_other_work(py) {
            return Ok(());
        }
        let outside = match slf.call_method0(crate::intern!(py, "_outside"))?.extract::<u8>()? {
            0 => Outside::Nothing,
            1 => Outside::Possible,
            _ => Outside::Certain,
        };
        let mut deferred = Vec::new();
        let Some(mut virtual_time) = this.virtual_time.take(py) else {
            return Ok(());
        };
        let choice = this.engine.idle(py, &mut virtual_time, outside, &mut deferred);
        drop(this.virtual_time.replace(py, Some(virtual_time)));
        drop(deferred);
        match choice {
            Idle::GoOn => Ok(()),
            Idle::Wait(limit) => {
                Self::wait_for_the_outside(slf, limit.map_or(Wait::Forever, Wait::Until))
            }
            Idle::Deadlock => slf.call_method0(crate::intern!(py, "_report_deadlock")).map(drop),
        }
    }

    fn wait_for_the_outside(slf: &Bound<'_, Self>, wait: Wait) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let start = Instant::now();
        let outcome = Self::poll_now(slf, wait);
        let seconds = start.elapsed().as_secs_f64();
        let brought = this.engine.ready_len(py) > 0 || !this.inbox(py).is_empty();
        if let Some(mut virtual_time) = this.virtual_time.take(py) {
            virtual_time.waited(seconds, brought);
            drop(this.virtual_time.replace(py, Some(virtual_time)));
        }
        outcome
    }
}

#[pymethods]
impl LoopCore {
    /// Replaces the clock by a virtual one that begins at `start` seconds. From now on
    /// `_outside()` and `_report_deadlock()` are called when nothing is ready.
    fn _use_virtual_clock(&self, py: Python<'_>, start: f64, patience: f64) -> PyResult<()> {
        if !start.is_finite() {
            return Err(PyValueError::new_err(format!(
                "a clock starts at a finite number of seconds, not {start}"
            )));
        }
        if patience.is_nan() || patience < 0.0 {
            return Err(PyValueError::new_err(format!(
                "patience is a number of seconds from 0 on, not {patience}"
            )));
        }
        if self.engine.has_work(py) {
            return Err(PyRuntimeError::new_err(crate::name!("the loop is in use already")));
        }
        self.engine.use_clock(py, Clock::virtual_from(start));
        drop(self.virtual_time.replace(py, Some(VirtualTime::with_patience(patience))));
        Ok(())
    }

    /// From now on, runs the ready items of an iteration in an order drawn from `seed`.
    fn _interleave(&self, py: Python<'_>, seed: u64) {
        self.engine.interleave(py, Interleaving::new(seed, ordering_keys));
    }

    /// Whether a descriptor other than the loop's own is watched.
    fn _is_watching(&self, py: Python<'_>) -> bool {
        self.descriptors.is_watching(py)
    }
}
