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
pub use dictionary::{CurrentTask, entered, swapped};
#[cfg(Py_3_14)]
pub use thread::{CurrentTask, entered, swapped};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

fn other_task_runs(task: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    Ok(PyRuntimeError::new_err(format!(
        "Cannot enter into task {} while another task {} is being executed.",
        task.repr()?,
        other.repr()?
    )))
}
