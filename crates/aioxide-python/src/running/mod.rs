//! Which task runs: `asyncio.current_task()`, for whoever asks.
//!
//! The standard functions read a record of their own, so it has to be right
//! whenever other code can look. Up to 3.13 it is a dictionary (`dictionary`), from 3.14
//! on a field of the thread's state (`thread`).

#[cfg(not(Py_3_14))]
mod dictionary;
#[cfg(Py_3_14)]
mod thread;

#[cfg(not(Py_3_14))]
pub use dictionary::{CurrentTask, current_task_of, entered, swapped};
#[cfg(Py_3_14)]
pub use thread::{CurrentTask, current_task_of, entered, swapped};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::standard;

/// The loop that runs in this thread. `RuntimeError` if there is none.
#[inline]
pub fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let running = standard::running_loop(py)?.call0()?;
    if running.is_none() {
        return Err(PyRuntimeError::new_err("no running event loop"));
    }
    Ok(running)
}

/// The task that runs on `event_loop`, for what cannot do without one.
///
/// Where none is known, whatever stands under asyncio's name is asked: from 3.14
/// on a task written in Python (`asyncio.tasks._PyTask`) is known to the function
/// written in Python only, and who makes use of the one puts the other in place.
pub fn task_in_charge<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Some(task) = current_task_of(event_loop)? {
        return Ok(Some(task));
    }
    let py = event_loop.py();
    // Not remembered: it may be replaced.
    let asked = py.import("asyncio.tasks")?.call_method1("current_task", (event_loop,))?;
    Ok((!asked.is_none()).then_some(asked))
}

/// The task that runs on the loop that runs in this thread, if there are.
#[cfg(Py_3_14)]
pub fn current_task_here(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let running = standard::running_loop(py)?.call0()?;
    if running.is_none() { Ok(None) } else { current_task_of(&running) }
}

fn other_task_runs(task: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    Ok(PyRuntimeError::new_err(format!(
        "Cannot enter into task {} while another task {} is being executed.",
        task.repr()?,
        other.repr()?
    )))
}
