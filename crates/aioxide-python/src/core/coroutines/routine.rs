//! The body of a native coroutine: its inputs and its steps.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::core::futures::Future;
use crate::ffi::definition::Definition;

/// The input that resumes a body.
pub enum Input<'py> {
    /// Nothing: the first step.
    Start,
    /// The result of the awaited object.
    Value(Bound<'py, PyAny>),
    /// The awaited object has failed, or an exception was thrown in.
    Error(PyErr),
}

/// What the body requests.
pub enum Step {
    /// To be resumed when the future is done.
    Wait(Py<Future>),
    /// To be resumed when the coroutine, or other iterator of an awaitable, has
    /// ended. Until then values and exceptions are passed on to it.
    Delegate(Py<PyAny>),
    /// To yield for one iteration.
    Yield,
    /// The end, with this result.
    Return(Py<PyAny>),
}

/// Where a coroutine resumes when None is sent into it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ResumePoint {
    /// At its beginning.
    Start,
    /// After a yield.
    Yielded,
    /// After a wait; the awaited future has a result.
    Woken,
}

/// The outcome of a step on the synchronous fast path ([`Routine::try_complete`]).
pub enum Completed {
    /// Yield for one iteration.
    Yield,
    /// The end, with this result.
    Return(Py<PyAny>),
    /// The same, and the step has unblocked a waiter: its future gets the second value.
    ReturnAndWake(Py<PyAny>, (Py<Future>, Py<PyAny>)),
}

impl Completed {
    /// The end of a release: returns None, and sets the future of the next waiter, if
    /// there is one, to True.
    #[inline]
    pub fn return_and_wake(py: Python<'_>, next: Option<Py<Future>>) -> Self {
        match next {
            None => Self::Return(py.None()),
            Some(next) => {
                let woken = PyBool::new(py, true).to_owned().into_any().unbind();
                Self::ReturnAndWake(py.None(), (next, woken))
            }
        }
    }
}

/// One kind of body: the code of an `async def`, with its local variables.
pub trait Routine {
    /// The synchronous fast path, for a step that needs no wait: most locks are free and
    /// most queues have room, and this avoids the overhead of `resume`.
    ///
    /// Returns None, with nothing changed, to leave the step to `resume`. It is called
    /// inside a [`GilCell`](crate::ffi::gil_cell::GilCell), without PyO3's entry code: it
    /// must not run Python code, make an object that the garbage collector tracks, or drop
    /// a `Py`.
    #[inline(always)]
    fn try_complete(&mut self, _py: Python<'_>, _point: ResumePoint) -> Option<Completed> {
        None
    }

    /// Runs until the next wait or the end. An error ends the body too.
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step>;

    /// The qualified name of its function, most often asyncio's.
    fn qualname(&self) -> &'static str;

    /// What tells of its function if that is another extension module's.
    #[inline]
    fn definition(&self) -> Option<&'static Definition> {
        None
    }

    /// Drops everything, with the GIL held.
    fn release(self, py: Python<'_>);

    /// Visits its references, for the garbage collector.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError>;
}
