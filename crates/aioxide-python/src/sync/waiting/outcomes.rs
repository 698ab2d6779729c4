//! The outcome of a future of any kind.

use pyo3::prelude::*;

use crate::core::dispatch::as_native;
use crate::core::futures::{Future, Outcome, without_stop_iteration};

/// `future.done()`.
#[inline]
pub fn is_done(future: &Bound<'_, PyAny>) -> PyResult<bool> {
    match as_native(future) {
        Some(native) => Ok(native.get().is_done(future.py())),
        None => future.call_method0(crate::intern!(future.py(), "done"))?.is_truthy(),
    }
}

/// `future.cancelled()`.
#[inline]
pub fn is_cancelled(future: &Bound<'_, PyAny>) -> PyResult<bool> {
    match as_native(future) {
        Some(native) => Ok(native.get().is_cancelled(future.py())),
        None => future.call_method0(crate::intern!(future.py(), "cancelled"))?.is_truthy(),
    }
}

/// The exception of a future that is done and not cancelled; it counts as retrieved.
pub fn exception_of<'py>(future: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = future.py();
    if let Some(native) = as_native(future) {
        let exception = native.get().state.outcome.clone_of(py, Outcome::exception);
        if exception.is_some() {
            native.get().set_log_traceback(py, false);
        }
        return Ok(exception.map(|exception| exception.into_bound(py)));
    }
    let exception = future.call_method0(crate::intern!(py, "exception"))?;
    Ok((!exception.is_none()).then_some(exception))
}

/// `future.result()`.
#[inline]
pub fn result_of<'py>(future: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match as_native(future) {
        Some(native) => native.get().take_result(future.py()),
        None => future.call_method0(crate::intern!(future.py(), "result")),
    }
}

/// `_make_cancelled_error()`.
pub fn cancelled_error_of<'py>(future: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = future.py();
    match as_native(future) {
        Some(native) => Ok(native.get().make_cancelled_error(py)?.into_bound(py)),
        None => future.call_method0(crate::intern!(py, "_make_cancelled_error")),
    }
}

/// `set_exception` of a native future.
pub fn fail(future: &Bound<'_, Future>, exception: Bound<'_, PyAny>) -> PyResult<()> {
    future.get().require_pending(future.py())?;
    Future::fail(future, without_stop_iteration(exception)?)
}
