//! Running iterations, in the order that `aioxide_engine::iteration` defines.

use std::sync::atomic::Ordering;

use aioxide_engine::futures::Entered;
use aioxide_engine::recorder::LoopRecord;
use pyo3::prelude::*;

use super::scheduling::thread_identity;
use super::{LoopCore, Methods};
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
        let py = slf.py();
        loop {
            if recorder::is_on() {
                Self::iteration::<true>(slf)?;
            } else {
                Self::iteration::<false>(slf)?;
            }
            if slf.get().flags.stopping.get(py) {
                return Ok(());
            }
        }
    }

    fn iteration<const RECORDED: bool>(slf: &Bound<'_, Self>) -> PyResult<()> {
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
        deferred.drain(..).for_each(|timer| timer.release(py));
        let record = if RECORDED { this.loop_record(py) } else { None };
        let polls = this.polls(py);
        if let Some(record) = record {
            this.record_wait(py, record, wait);
        }
        Self::poll(slf, wait)?;
        if !own_time {
            Self::override_engine_time(slf)?;
        }
        let count = this.engine.collect(py, &mut deferred);
        deferred.drain(..).for_each(|timer| timer.release(py));
        if let Some(record) = record {
            this.record_iteration(py, record, this.polls(py) != polls, count);
        }
        if RECORDED || this.flags.observed.get(py) {
            return Self::run_batch_observed::<RECORDED>(slf, count, record);
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
    fn run_batch_observed<const RECORDED: bool>(
        slf: &Bound<'_, Self>,
        count: usize,
        record: Option<&'static LoopRecord>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let debug = this.debug(py);
        let beat = this.beat_of_iteration(py, count);
        for _ in 0..count {
            let Some(item) = this.engine.next_ready(py) else {
                break;
            };
            if RECORDED {
                Self::run_recorded(slf, item, record, debug, beat.as_ref())?;
            } else {
                Self::run_observed(slf, item, debug, beat.as_ref())?;
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
