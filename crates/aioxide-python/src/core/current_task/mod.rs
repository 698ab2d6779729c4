//! The running task, for `asyncio.current_task()`.
//!
//! asyncio's functions read asyncio's own record, so that must be right whenever other code
//! may read it. Up to 3.13 it is a dictionary (`dictionary`), from 3.14 on a field of the
//! thread's state (`thread`).

#[cfg(not(Py_3_14))]
mod dictionary;
#[cfg(Py_3_14)]
mod thread;

#[cfg(not(Py_3_14))]
pub use dictionary::{CurrentTask, current_task_of, entered, swapped};
#[cfg(Py_3_14)]
pub use thread::{CurrentTask, current_task_of, entered, not_the_running_loop, swapped};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::stdlib;

/// The running loop of this thread by asyncio's record, or None.
///
/// Only asyncio's own record is always right. The function that reads it is native, and is
/// called directly, bypassing the interpreter's call protocol.
#[inline]
pub fn running_loop_or_none(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static NATIVE: PyOnceLock<Option<ffi::PyCFunction>> = PyOnceLock::new();
    let asked = stdlib::running_loop(py)?;
    match NATIVE.get_or_init(py, || without_arguments(asked)) {
        // SAFETY: the thread is attached; a function of this convention is given the
        // object that it is bound to, here asyncio's module, and nothing else. It
        // returns a new reference, or null with an exception.
        Some(function) => unsafe {
            let bound_to = ffi::PyCFunction_GetSelf(asked.as_ptr());
            Bound::from_owned_ptr_or_err(py, function(bound_to, std::ptr::null_mut()))
        },
        None => asked.call0(),
    }
}

/// The native function behind `callable`, if it is one that takes no arguments.
fn without_arguments(callable: &Bound<'_, PyAny>) -> Option<ffi::PyCFunction> {
    // SAFETY: the reference is alive, and its fields are read only if its type is right.
    unsafe {
        let is_native = ffi::PyCFunction_CheckExact(callable.as_ptr()) != 0
            && ffi::PyCFunction_GetFlags(callable.as_ptr()) == ffi::METH_NOARGS;
        if is_native { ffi::PyCFunction_GetFunction(callable.as_ptr()) } else { None }
    }
}

/// The running loop of this thread. `RuntimeError` if there is none.
#[inline]
pub fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let running = running_loop_or_none(py)?;
    if running.is_none() {
        return Err(PyRuntimeError::new_err(crate::name!("no running event loop")));
    }
    Ok(running)
}

/// The task that runs on `event_loop`, for callers that need one.
///
/// If there is no native record, this calls `asyncio.tasks.current_task`: from 3.14 on, a
/// task written in Python (`asyncio.tasks._PyTask`) is known only to the function written
/// in Python, and programs that use the one replace the other.
pub fn find_current_task<'py>(
    event_loop: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Some(task) = current_task_of(event_loop)? {
        return Ok(Some(task));
    }
    let py = event_loop.py();
    // Not cached, because it may be replaced.
    let asked = py
        .import(crate::name!("asyncio.tasks"))?
        .call_method1(crate::name!("current_task"), (event_loop,))?;
    Ok((!asked.is_none()).then_some(asked))
}

/// The task that runs on the running loop of this thread, if there are both.
#[cfg(Py_3_14)]
pub fn current_task_here(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let running = running_loop_or_none(py)?;
    if running.is_none() { Ok(None) } else { current_task_of(&running) }
}

fn other_task_runs(task: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    Ok(PyRuntimeError::new_err(format!(
        "Cannot enter into task {} while another task {} is being executed.",
        task.repr()?,
        other.repr()?
    )))
}
