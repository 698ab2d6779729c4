//! The steps of a native coroutine.

use pyo3::exceptions::{
    PyGeneratorExit, PyRuntimeError, PyStopIteration, PyTypeError, PyValueError,
};
use pyo3::ffi;
use pyo3::prelude::*;

use super::phase::Phase;
use super::{Completed, Coroutine, Input, Step};
use crate::core::dispatch::Program;
use crate::core::futures::{Future, stop_iteration};
use crate::ffi::errors::Settled;
use crate::ffi::recursion::Level;
use crate::recorder;

/// The outcome of a step, as of a generator.
pub enum Flow<'py> {
    /// It has yielded this object.
    Yielded(Bound<'py, PyAny>),
    /// It has ended with this result.
    Returned(Bound<'py, PyAny>),
}

/// How a suspended coroutine is resumed.
pub enum Resumption<'py> {
    Send(Bound<'py, PyAny>),
    Throw(PyErr),
}

impl Coroutine {
    pub(super) fn resume<'py>(
        &self,
        py: Python<'py>,
        resumption: Resumption<'py>,
    ) -> PyResult<Flow<'py>> {
        let phase = self.state.phase.replace(py, Phase::Running);
        let input = match (phase, resumption) {
            (Phase::Created(_), Resumption::Send(value)) if value.is_none() => Input::Start,
            (Phase::Created(place), Resumption::Send(_)) => {
                drop(self.state.phase.replace(py, Phase::Created(place)));
                return Err(PyTypeError::new_err(crate::name!(
                    "can't send non-None value to a just-started coroutine"
                )));
            }
            (Phase::Created(_), Resumption::Throw(error)) => {
                self.end(py);
                return Err(error);
            }
            (Phase::Running, _) => {
                return Err(PyValueError::new_err(crate::name!("coroutine already executing")));
            }
            (Phase::Over, _) => {
                drop(self.state.phase.replace(py, Phase::Over));
                return Err(PyRuntimeError::new_err(crate::name!(
                    "cannot reuse already awaited coroutine"
                )));
            }
            (Phase::Waiting(future), Resumption::Send(_)) => outcome(future.bind(py)),
            (Phase::Yielded, Resumption::Send(value)) => Input::Value(value),
            (Phase::Waiting(_) | Phase::Yielded, Resumption::Throw(error)) => Input::Error(error),
            (Phase::Delegated(inner), resumption) => match delegate(inner.bind(py), resumption) {
                Ok(Flow::Yielded(value)) => {
                    drop(self.state.phase.replace(py, Phase::Delegated(inner)));
                    return Ok(Flow::Yielded(value));
                }
                Ok(Flow::Returned(value)) => Input::Value(value),
                Err(error) => Input::Error(error),
            },
        };
        self.run(py, input)
    }

    #[inline]
    fn run<'py>(&self, py: Python<'py>, mut input: Input<'py>) -> PyResult<Flow<'py>> {
        let mut program = self.state.program.replace(py, Program::Absent);
        loop {
            if let Input::Error(error) = input {
                input = Input::Error(error.settled(py));
            }
            let (phase, yielded) = match program.resume(py, input).settled(py) {
                Ok(Step::Return(value)) => {
                    drop(self.state.phase.replace(py, Phase::Over));
                    program.release(py);
                    return Ok(Flow::Returned(value.into_bound(py)));
                }
                Err(error) => {
                    drop(self.state.phase.replace(py, Phase::Over));
                    program.release(py);
                    return Err(error);
                }
                Ok(Step::Wait(future)) if future.get().is_done(py) => {
                    input = outcome(future.bind(py));
                    continue;
                }
                Ok(Step::Wait(future)) => {
                    future.get().set_blocking(py, true);
                    if recorder::is_on() {
                        recorder::note_wait(future.bind(py), program.wait_kind());
                    }
                    let yielded = future.bind(py).clone().into_any();
                    (Phase::Waiting(future), yielded)
                }
                Ok(Step::Yield) => (Phase::Yielded, py.None().into_bound(py)),
                Ok(Step::Delegate(inner)) => {
                    let start = Resumption::Send(py.None().into_bound(py));
                    match delegate(inner.bind(py), start) {
                        Ok(Flow::Yielded(value)) => (Phase::Delegated(inner), value),
                        Ok(Flow::Returned(value)) => {
                            input = Input::Value(value);
                            continue;
                        }
                        Err(error) => {
                            input = Input::Error(error);
                            continue;
                        }
                    }
                }
            };
            drop((self.state.phase.replace(py, phase), self.state.program.replace(py, program)));
            return Ok(Flow::Yielded(yielded));
        }
    }

    /// The synchronous fast path of the next step, if there is one: returns the result for
    /// the interpreter. Drops no `Py`.
    #[inline]
    pub(super) fn try_step(&self, py: Python<'_>) -> Option<*mut ffi::PyObject> {
        let state = &self.state;
        let point = state.phase.resume_point(py)?;
        let step = state.program.try_complete(py, point)?;
        let yields = matches!(step, Completed::Yield);
        let phase = if yields { Phase::Yielded } else { Phase::Over };
        let phase = state.phase.replace(py, phase);
        if !yields {
            // It is over, so code that runs when its references are dropped cannot step it.
            let program = state.program.replace(py, Program::Absent);
            if let Phase::Waiting(future) = phase {
                future.drop_ref(py);
            }
            program.release(py);
        } else if let Phase::Waiting(future) = phase {
            future.drop_ref(py);
        }
        let value = match step {
            Completed::Yield => return Some(py.None().into_ptr()),
            Completed::Return(value) => value,
            Completed::ReturnAndWake(value, (future, result)) => match wake(future, result) {
                Ok(()) => value,
                Err(error) => {
                    value.drop_ref(py);
                    return Some(raised_or_yielded(py, Err(error)));
                }
            },
        };
        Some(stop_iteration(value.into_bound(py)))
    }

    /// The next step with None sent in; most often the first one.
    pub(super) fn step(&self, py: Python<'_>) -> *mut ffi::PyObject {
        if self.state.phase.read(py, Phase::is_created) {
            self.state.phase.fill(py, Phase::Running);
            return raised_or_yielded(py, self.run(py, Input::Start));
        }
        self.next(py, Resumption::Send(py.None().into_bound(py)))
    }

    /// `throw(exception)`, without a Python call.
    ///
    /// # Errors
    ///
    /// The exception that the coroutine raises; it has ended then.
    pub fn throw_in<'py>(&self, exception: Bound<'py, PyAny>) -> PyResult<Flow<'py>> {
        let py = exception.py();
        self.resume(py, Resumption::Throw(PyErr::from_value(exception)))
            .map_err(|error| stop_is_an_error(py, error))
    }

    /// `send(None)`, without a Python call.
    ///
    /// # Errors
    ///
    /// The exception that the coroutine raises; it has ended then.
    pub fn send_none<'py>(&self, py: Python<'py>) -> PyResult<Flow<'py>> {
        self.resume(py, Resumption::Send(py.None().into_bound(py)))
            .map_err(|error| stop_is_an_error(py, error))
    }

    pub(super) fn next(&self, py: Python<'_>, resumption: Resumption<'_>) -> *mut ffi::PyObject {
        raised_or_yielded(py, self.resume(py, resumption))
    }
}

/// Sets the future of a waiter that this step has unblocked.
fn wake(future: Py<Future>, result: Py<PyAny>) -> PyResult<()> {
    // SAFETY: the GIL is held while a step runs.
    unsafe { Python::attach_unchecked(|py| Future::finish(&future.into_bound(py), result)) }
}

/// Converts the outcome of a step for `tp_iternext`: null without an exception means a
/// result of None.
#[inline]
pub fn raised_or_yielded(py: Python<'_>, flow: PyResult<Flow<'_>>) -> *mut ffi::PyObject {
    match flow {
        Ok(Flow::Yielded(value)) => value.into_ptr(),
        Ok(Flow::Returned(value)) => stop_iteration(value),
        Err(error) => {
            stop_is_an_error(py, error).restore(py);
            std::ptr::null_mut()
        }
    }
}

/// Converts a `StopIteration` that the body raises, which would otherwise be taken for the
/// result, to a `RuntimeError`.
pub fn stop_is_an_error(py: Python<'_>, error: PyErr) -> PyErr {
    let error = error.settled(py);
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let wrapped =
        PyRuntimeError::new_err(crate::name!("coroutine raised StopIteration")).settled(py);
    wrapped.set_cause(py, Some(error));
    wrapped
}

/// The outcome of the awaited future, as the input of the next step.
fn outcome<'py>(future: &Bound<'py, Future>) -> Input<'py> {
    let py = future.py();
    if !future.get().is_done(py) {
        return Input::Error(PyRuntimeError::new_err(crate::name!(
            "await wasn't used with future"
        )));
    }
    match future.get().take_result(py) {
        Ok(value) => Input::Value(value),
        Err(error) => Input::Error(error),
    }
}

/// Resumes the awaited iterator, as `await` does.
fn delegate<'py>(inner: &Bound<'py, PyAny>, resumption: Resumption<'py>) -> PyResult<Flow<'py>> {
    let py = inner.py();
    // The depth of nested coroutines is not limited otherwise.
    let _level = Level::enter(py)?;
    match resumption {
        Resumption::Send(value) => {
            let mut result = std::ptr::null_mut();
            // SAFETY: the thread is attached, the references are alive, and
            // `result` receives a new reference unless an error is reported.
            unsafe {
                match ffi::PyIter_Send(inner.as_ptr(), value.as_ptr(), &mut result) {
                    ffi::PySendResult::PYGEN_NEXT => {
                        Ok(Flow::Yielded(Bound::from_owned_ptr(py, result)))
                    }
                    ffi::PySendResult::PYGEN_RETURN => {
                        Ok(Flow::Returned(Bound::from_owned_ptr(py, result)))
                    }
                    ffi::PySendResult::PYGEN_ERROR => Err(crate::ffi::errors::fetched(py)),
                }
            }
        }
        Resumption::Throw(error) if error.is_instance_of::<PyGeneratorExit>(py) => {
            if let Some(close) = inner.getattr_opt(crate::intern!(py, "close"))? {
                close.call0()?;
            }
            Err(error)
        }
        Resumption::Throw(error) => {
            let Some(throw) = inner.getattr_opt(crate::intern!(py, "throw"))? else {
                return Err(error);
            };
            match throw.call1((error.into_value(py),)) {
                Ok(value) => Ok(Flow::Yielded(value)),
                Err(error) if error.is_instance_of::<PyStopIteration>(py) => {
                    error.value(py).getattr(crate::intern!(py, "value")).map(Flow::Returned)
                }
                Err(error) => Err(error),
            }
        }
    }
}
