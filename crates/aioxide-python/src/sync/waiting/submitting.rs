//! `run_coroutine_threadsafe`.

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit, PyTypeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::ensured;
use crate::core::coroutines::is_coroutine;
use crate::core::futures::chain;
use crate::ffi::allocate;
use crate::ffi::errors::Settled;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::stdlib;

/// Runs a coroutine on `loop`, from another thread. Returns a future of
/// `concurrent.futures` with its outcome; cancelling that cancels the task.
///
/// `TypeError` if it is not a coroutine, `RuntimeError` if the loop is closed.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.run_coroutine_threadsafe
#[pyfunction]
#[pyo3(signature = (coro, r#loop))]
pub fn run_coroutine_threadsafe<'py>(
    coro: Bound<'py, PyAny>,
    r#loop: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = coro.py();
    if !is_coroutine(&coro)? {
        return Err(PyTypeError::new_err(crate::name!("A coroutine object is required")));
    }
    let future = stdlib::concurrent_future(py)?.call0()?;
    let parts = Parts {
        coroutine: coro.unbind(),
        event_loop: r#loop.clone().unbind(),
        future: future.clone().unbind(),
    };
    let submission =
        Bound::new(py, Submission { parts: Contents::new(GilCell::new(Some(parts))) })?;
    r#loop.call_method1(crate::intern!(py, "call_soon_threadsafe"), (submission,))?;
    Ok(future)
}

/// The callback that starts the coroutine on the loop.
#[pyclass(frozen, module = "aioxide")]
pub struct Submission {
    /// None once it was called.
    parts: Contents<GilCell<Option<Parts>>>,
}

struct Parts {
    coroutine: Py<PyAny>,
    event_loop: Py<PyAny>,
    future: Py<PyAny>,
}

#[pymethods]
impl Submission {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let Some(parts) = self.parts.take(py) else {
            return Ok(());
        };
        let future = parts.future.bind(py);
        let started = ensured(parts.coroutine.bind(py), Some(parts.event_loop.bind(py)));
        let Err(error) = started.and_then(|task| chain(&task, future)).settled(py) else {
            return Ok(());
        };
        let ends_the_loop = error.is_instance_of::<PySystemExit>(py)
            || error.is_instance_of::<PyKeyboardInterrupt>(py);
        if !ends_the_loop {
            let wanted = crate::intern!(py, "set_running_or_notify_cancel");
            if future.call_method0(wanted)?.is_truthy()? {
                future.call_method1(crate::intern!(py, "set_exception"), (error.value(py),))?;
            }
        }
        Err(error)
    }

    /// What asyncio's handle shows for its callback.
    #[getter]
    fn __qualname__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        allocate::string(py, "run_coroutine_threadsafe.<locals>.callback")
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let visit_parts = |parts: &Option<Parts>| {
            let Some(parts) = parts else { return Ok(()) };
            visit.call(&parts.coroutine)?;
            visit.call(&parts.event_loop)?;
            visit.call(&parts.future)
        };
        self.parts.traverse(|cell| cell.traverse(visit_parts))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.parts.take(py));
    }
}
