//! The timer that ends a wait.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::done_callback::{DoneCallback, Role};
use crate::core::event_loop::{LoopCore, Methods, is_plain_number};
use crate::core::futures::Future;

/// What sets the result of a future to None when the time is up.
pub enum Timer {
    /// Nothing.
    None,
    /// An entry among the timers of a native loop, which is removed when the future
    /// is done.
    Native(Py<Future>, Py<LoopCore>),
    /// The handle of a foreign loop.
    Foreign(Py<PyAny>),
}

impl Timer {
    /// Sets the result of `future` in `delay` seconds, unless it is done before.
    ///
    /// # Errors
    ///
    /// The loop's error for a delay that is not a number.
    pub fn start(
        event_loop: &Bound<'_, PyAny>,
        delay: &Bound<'_, PyAny>,
        future: &Py<Future>,
    ) -> PyResult<Self> {
        let py = event_loop.py();
        if is_plain_number(delay)
            && let (Ok(seconds), Some(core)) = (delay.extract::<f64>(), LoopCore::of(event_loop))
            && core.get().calls_own(py, Methods::TIMERS)
        {
            core.get().wake_later(py, seconds, future.clone_ref(py))?;
            return Ok(Self::Native(future.clone_ref(py), core.clone().unbind()));
        }
        let release = DoneCallback::new(py, Role::Release(future.clone_ref(py)))?;
        let call_later = crate::intern!(py, "call_later");
        let handle = event_loop.call_method1(call_later, (delay, release, future))?;
        Ok(Self::Foreign(handle.unbind()))
    }

    /// The wait has ended otherwise: cancels the timer.
    pub fn call_off(&mut self, py: Python<'_>) -> PyResult<()> {
        match std::mem::replace(self, Self::None) {
            Self::None => Ok(()),
            Self::Native(future, core) => {
                // The timer of a future that is done does nothing. If an exception has
                // ended the wait, the future has to be done. A closed loop has no timers.
                if core.get().check_closed(py).is_err() {
                    return Ok(());
                }
                if !future.get().is_done(py) {
                    Future::cancel_with(future.bind(py), None)?;
                }
                core.get().timer_cancelled(py);
                Ok(())
            }
            Self::Foreign(handle) => {
                handle.call_method0(py, crate::intern!(py, "cancel")).map(drop)
            }
        }
    }

    /// The wait has ended because the timer expired.
    pub fn has_rung(&mut self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::None | Self::Native(..) => Ok(()),
            Self::Foreign(_) => self.call_off(py),
        }
    }

    /// Drops all references.
    pub fn release(self, py: Python<'_>) {
        match self {
            Self::None => {}
            Self::Native(future, core) => {
                future.drop_ref(py);
                core.drop_ref(py);
            }
            Self::Foreign(handle) => handle.drop_ref(py),
        }
    }

    /// Shows its references to the garbage collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::None => Ok(()),
            Self::Native(future, core) => {
                visit.call(future)?;
                visit.call(core)
            }
            Self::Foreign(handle) => visit.call(handle),
        }
    }
}
