//! One `async def`: what its body is given, and what it asks for.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::core::futures::Future;

/// What the program is given to go on with.
pub enum Input<'py> {
    /// Nothing: the first step.
    Start,
    /// What it waited for has this result.
    Value(Bound<'py, PyAny>),
    /// What it waited for has failed, or an exception was thrown in.
    Error(PyErr),
}

/// What the program wants next.
pub enum Step {
    /// To be resumed when the future is done.
    Wait(Py<Future>),
    /// To be resumed when the coroutine, or other iterator of an awaitable, is
    /// over. Until then it gets whatever is sent or thrown in.
    Delegate(Py<PyAny>),
    /// To let the others run once.
    Yield,
    /// Nothing: this is the result.
    Return(Py<PyAny>),
}

/// Where a coroutine stands when nothing but None is sent into it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ResumePoint {
    /// At its beginning.
    Start,
    /// The others have run once.
    Yielded,
    /// The future that it waited for has a result.
    Woken,
}

/// What a step has come to that took nothing but a look.
pub enum Completed {
    /// To let the others run once.
    Yield,
    /// The end: this is the result.
    Return(Py<PyAny>),
    /// The same, and somebody else's turn has come: the future that he waits for is to
    /// get the second value.
    ReturnAndWake(Py<PyAny>, (Py<Future>, Py<PyAny>)),
}

impl Completed {
    /// The end of a release: None, and True for who waits, if anybody does.
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

/// One kind of program: the body of an `async def`, with its local variables.
pub trait Routine {
    /// A step that needs no wait: most locks are free and most queues have room, and
    /// then this spares all that `resume` has to be ready for.
    ///
    /// None, with nothing changed, leaves the step to `resume`. It is called inside a
    /// [`GilCell`](crate::ffi::gil_cell::GilCell), and without telling PyO3: it must not run
    /// Python code, make an object that the collector looks at, or drop a `Py`.
    #[inline(always)]
    fn try_complete(&mut self, _py: Python<'_>, _point: ResumePoint) -> Option<Completed> {
        None
    }

    /// Goes on until the next wait or the end. An error ends it too.
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step>;

    /// What the function is called, with its class.
    fn qualname(&self) -> &'static str;

    /// Lets go of everything, with the GIL known to be held.
    fn release(self, py: Python<'_>);

    /// Shows its references to the garbage collector.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError>;
}
