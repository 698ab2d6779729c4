//! Exceptions of callbacks, and how callbacks are formatted in messages.

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use super::Handle;
use crate::ffi::allocate;
use crate::ffi::errors::Settled;
use crate::stdlib;

/// Formats a callback as asyncio's messages do.
pub(super) fn format_callback<'py>(
    py: Python<'py>,
    callback: Py<PyAny>,
    arguments: Option<Bound<'py, PyTuple>>,
    debug: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let format = stdlib::format_callback_source(py)?;
    // Newer versions hide the arguments outside debug mode, so their function has an
    // argument for it; older ones do not.
    static TAKES_DEBUG: PyOnceLock<bool> = PyOnceLock::new();
    let takes_debug = *TAKES_DEBUG.get_or_try_init(py, || {
        format
            .getattr(crate::name!("__code__"))?
            .getattr(crate::name!("co_kwonlyargcount"))?
            .is_truthy()
    })?;
    if takes_debug {
        let keywords = allocate::dict(py)?;
        keywords.set_item(crate::name!("debug"), debug)?;
        format.call((callback, arguments), Some(&keywords))
    } else {
        format.call1((callback, arguments))
    }
}

/// Passes the exception of a callback to the loop's exception handler. An exception that
/// must end the loop is returned instead.
pub fn report_callback_error(handle: &Bound<'_, Handle>, error: PyErr) -> PyResult<()> {
    let py = handle.py();
    let error = error.settled(py);
    if error.is_instance_of::<PySystemExit>(py) || error.is_instance_of::<PyKeyboardInterrupt>(py) {
        return Err(error);
    }
    let this = handle.get();
    let Some(event_loop) = this._loop(py) else {
        return Err(error);
    };
    let callback = this._callback(py).unwrap_or_else(|| py.None());
    let shown = format_callback(py, callback, this._args(py)?, this.debug(py)?)?;
    let details = allocate::dict(py)?;
    let message = crate::ffi::allocate::Made(format!("Exception in callback {shown}"));
    details.set_item(crate::name!("message"), message)?;
    details.set_item(crate::name!("exception"), error.into_value(py))?;
    details.set_item(crate::name!("handle"), handle)?;
    if let Some(stack) = this._source_traceback(py)
        && stack.bind(py).is_truthy()?
    {
        details.set_item(crate::name!("source_traceback"), stack)?;
    }
    event_loop.call_method1(crate::intern!(py, "call_exception_handler"), (details,))?;
    Ok(())
}
