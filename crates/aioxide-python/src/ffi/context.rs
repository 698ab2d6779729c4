//! `contextvars`: the one way in which a context is copied and entered.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::stdlib;

/// A copy of the current context, as `contextvars.copy_context()` makes it.
#[inline]
pub fn copy_current(py: Python<'_>) -> PyResult<Py<PyAny>> {
    // SAFETY: the thread is attached; the result is a new reference or null
    // with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_CopyCurrent()).map(Bound::unbind) }
}

/// A copy of `context`, as its `copy()` makes it.
pub fn copy_of<'py>(context: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the thread is attached; the call checks the type itself.
    unsafe { Bound::from_owned_ptr_or_err(context.py(), ffi::PyContext_Copy(context.as_ptr())) }
}

/// The context that was given, else a copy of the current one.
#[inline]
pub fn given_or_copy(py: Python<'_>, context: Option<Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
    match context {
        Some(context) if !context.is_none() => Ok(context.unbind()),
        _ => copy_current(py),
    }
}

/// The check of a task's context from 3.15 on, and in later releases of the versions before:
/// `TypeError` if it is neither a context nor None.
#[inline]
pub fn accept(context: &Bound<'_, PyAny>) -> PyResult<()> {
    if context.is_none() {
        return Ok(());
    }
    if cfg!(not(Py_3_15)) && !stdlib::task_refuses_contexts(context.py())?.is_truthy()? {
        return Ok(());
    }
    // SAFETY: the reference is alive; this compares its type.
    if unsafe { ffi::PyContext_CheckExact(context.as_ptr()) } != 0 {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "a contextvars.Context was expected, got {}",
        context.get_type().fully_qualified_name()?
    )))
}

/// Runs `body` inside `context`.
///
/// Anything that is not a native `contextvars.Context` (a look-alike with a
/// `run` method) is refused with the interpreter's own `TypeError`; entering a
/// context twice is its `RuntimeError`.
#[inline]
pub fn run_in<R>(context: &Bound<'_, PyAny>, body: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    let py = context.py();
    // SAFETY: the thread is attached and the reference is alive; Enter checks
    // the type itself.
    if unsafe { ffi::PyContext_Enter(context.as_ptr()) } != 0 {
        return Err(PyErr::fetch(py));
    }
    let result = body();
    // SAFETY: entered above on this thread, and `body` has left whatever it
    // entered itself.
    if unsafe { ffi::PyContext_Exit(context.as_ptr()) } != 0 {
        return Err(PyErr::fetch(py));
    }
    result
}
