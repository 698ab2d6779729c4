//! The end of a wait that the clock brings.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::done_callback::{DoneCallback, Role};
use crate::core::event_loop::{LoopCore, Methods, is_plain_number};
use crate::core::futures::Future;

/// What will give a future its result of None in time.
pub enum Timer {
    /// Nothing.
    None,
    /// A place among the timers of a loop of ours, which the future gives up
    /// when it is done.
    Native(Py<Future>, Py<LoopCore>),
    /// The handle of any other loop.
    Foreign(Py<PyAny>),
}

impl Timer {
    /// Lets `future` be done in `delay` seconds, unless it is before.
    ///
    /// # Errors
    ///
    /// What the loop says of a delay that is no number.
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

    /// The wait has ended otherwise: the timer will not ring.
    pub fn call_off(&mut self, py: Python<'_>) -> PyResult<()> {
        match std::mem::replace(self, Self::None) {
            Self::None => Ok(()),
            Self::Native(future, core) => {
                // Done, it is a timer that will not ring; if a bare exception
                // ended the wait it has to become so. A closed loop has no timers.
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

    /// The wait has ended because the timer rang.
    pub fn has_rung(&mut self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::None | Self::Native(..) => Ok(()),
            Self::Foreign(_) => self.call_off(py),
        }
    }

    /// Lets go of everything.
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
