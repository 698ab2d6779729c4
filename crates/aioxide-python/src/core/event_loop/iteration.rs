//! Running iterations, in the order that `aioxide_engine::iteration` defines.

use std::sync::atomic::Ordering;

use aioxide_engine::futures::Entered;
use pyo3::prelude::*;

use super::recording::BeforePoll;
use super::scheduling::thread_identity;
use super::{LoopCore, Methods};
use crate::core::dispatch::Ready;
use crate::recorder;

impl LoopCore {
    /// Runs iterations until `stop()` was called, at least one.
    pub fn run_iterations(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        crate::ffi::exiting::arm();
        this.thread.store(thread_identity(), Ordering::Relaxed);
        this.choose_threshold(py)?;
        // Loops may be nested; this one may get its arena while it runs.
        let entered = Entered::without_arena();
        this.arena.make_current(py);
        if recorder::is_on() {
            this.record_run(py);
        }
        let result = Self::iterations(slf);
        this.record_end_of_run(py);
        drop(entered);
        this.thread.store(0, Ordering::Relaxed);
        drop(this.watched.take(py));
        this.flags.stopping.set(py, false);
        this.current_task().remove_entry(py, slf.as_any().as_unbound())?;
        result
    }

    fn iterations(slf: &Bound<'_, Self>) -> PyResult<()> {
        loop {
            Self::iteration(slf)?;
            if slf.get().flags.stopping.get(slf.py()) {
                return Ok(());
            }
        }
    }

    #[inline]
    fn iteration(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        // Cancelled timers are dropped outside the engine: their finalizers may
        // use it.
        let mut deferred = Vec::new();
        let own_time = this.calls_own(py, Methods::TIME);
        if !own_time {
            Self::override_engine_time(slf)?;
        }
        this.flush_woken(py)?;
        let wait = this.engine.prepare(py, &mut deferred);
        release_all(py, &mut deferred);
        let recorded = if recorder::is_on() { this.record_poll(py, wait) } else { None };
        Self::poll(slf, wait)?;
        if !own_time {
            Self::override_engine_time(slf)?;
        }
        let count = this.engine.collect(py, &mut deferred);
        release_all(py, &mut deferred);
        if recorded.is_some() || this.flags.observed.get(py) {
            return Self::run_batch_observed(slf, count, recorded);
        }
        for _ in 0..count {
            let Some(item) = this.engine.next_ready(py) else {
                break;
            };
            Self::run_item(slf, item)?;
        }
        Ok(())
    }

    /// The items of an iteration of a loop that is recorded, watched or in debug mode.
    #[inline(never)]
    fn run_batch_observed(
        slf: &Bound<'_, Self>,
        count: usize,
        recorded: Option<BeforePoll>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let debug = this.debug(py);
        let beat = this.beat_of_iteration(py, count);
        let record = recorded.map(|before| this.record_iteration(py, before, count));
        if let (Some(record), false, None) = (record, debug, &beat) {
            return Self::run_batch_recorded(slf, count, record);
        }
        for _ in 0..count {
            let Some(item) = this.engine.next_ready(py) else {
                break;
            };
            let run = |item| Self::run_observed(slf, item, debug, beat.as_ref());
            match record {
                Some(record) => Self::run_recorded(slf, item, record, run)?,
                None => run(item)?,
            }
        }
        Ok(())
    }

    /// For a loop whose `time` method is overridden: passes its value to the engine's next step.
    #[cold]
    fn override_engine_time(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let now = slf.call_method0(crate::intern!(py, "time"))?.extract()?;
        slf.get().engine.override_now(py, now);
        Ok(())
    }
}

/// Drops what is hardly ever there.
#[inline(always)]
fn release_all(py: Python<'_>, timers: &mut Vec<Ready>) {
    if !timers.is_empty() {
        timers.drain(..).for_each(|timer| timer.release(py));
    }
}
