//! Cancelling a future and waiting until it has ended.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::core::coroutines::Step;
use crate::core::futures::{Future, edges};
use crate::core::tasks::cancel;
use crate::sync::waiting::done_callback::{DoneCallback, Role};

/// A future that was cancelled and is waited for. The task waits for another future,
/// so that cancelling the task does not cancel this one again.
pub struct Cancelling {
    future: Py<PyAny>,
    callback: Py<DoneCallback>,
    caller: Option<Py<PyAny>>,
}

impl Cancelling {
    /// Cancels `future`, and returns the step that waits for its end.
    pub fn begin(
        event_loop: &Bound<'_, PyAny>,
        future: &Bound<'_, PyAny>,
    ) -> PyResult<(Self, Step)> {
        let py = event_loop.py();
        let waiter = Future::for_any_loop(event_loop)?;
        let callback = DoneCallback::new(py, Role::Release(waiter.clone_ref(py)))?;
        let caller = edges::caller(py)?;
        DoneCallback::listen_to(callback.bind(py), future)?;
        edges::note_edge(future, caller.as_ref())?;
        let caller = caller.map(Bound::unbind);
        let cancelling = Self { future: future.clone().unbind(), callback, caller };
        if let Err(error) = cancel(future) {
            cancelling.end(py)?;
            return Err(error);
        }
        Ok((cancelling, Step::Wait(waiter)))
    }

    /// The wait is over: returns the future.
    pub fn end(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let future = self.future.into_bound(py);
        DoneCallback::leave(self.callback.bind(py), &future)?;
        edges::forget_edge(&future, self.caller.as_ref().map(|caller| caller.bind(py)))?;
        self.callback.drop_ref(py);
        Ok(future)
    }

    /// Shows its references to the garbage collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.future)?;
        visit.call(&self.callback)?;
        visit.call(&self.caller)
    }
}
