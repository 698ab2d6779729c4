//! `future.set_result`, and the check of exceptions for `set_exception`.

use std::ffi::CStr;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;

use super::Future;
use crate::ffi::fastcall::SingleMethod;

/// `future.set_result(result)`.
pub struct SetResult;

impl SingleMethod for SetResult {
    type Class = Future;
    const NAME: &'static CStr = c"set_result";
    const DOC: &'static CStr =
        c"set_result($self, result, /)\n--\n\nMarks the future done with `result`.";

    #[inline]
    fn call(slf: &Bound<'_, Future>, result: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        slf.get().require_event_loop(slf.py())?;
        Future::finish(slf, result.clone().unbind())?;
        Ok(slf.py().None())
    }
}

/// `StopIteration` cannot pass through a generator-based coroutine as itself:
/// asyncio wraps it (refuses it, before 3.13).
pub fn without_stop_iteration(exception: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let py = exception.py();
    if !exception.is_instance_of::<pyo3::exceptions::PyStopIteration>() {
        return Ok(exception);
    }
    let message =
        "StopIteration interacts badly with generators and cannot be raised into a Future";
    if cfg!(not(Py_3_13)) {
        return Err(PyTypeError::new_err(message));
    }
    let wrapped = PyRuntimeError::new_err(message).into_value(py).into_bound(py).into_any();
    wrapped.setattr(crate::intern!(py, "__cause__"), &exception)?;
    wrapped.setattr(crate::intern!(py, "__context__"), &exception)?;
    Ok(wrapped)
}
