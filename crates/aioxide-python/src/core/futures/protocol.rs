//! Futures of any class: what asyncio accepts as one, and its loop.

use pyo3::prelude::*;

use crate::core::dispatch::as_native;

/// Returns whether `obj` is a future: asyncio's, a native one, or any object whose class
/// has the attribute `_asyncio_future_blocking`.
///
/// https://docs.python.org/3/library/asyncio-future.html#asyncio.isfuture
#[pyfunction]
#[pyo3(signature = (obj, /))]
pub fn isfuture(obj: Bound<'_, PyAny>) -> PyResult<bool> {
    is_future(&obj)
}

/// See [`isfuture`].
pub fn is_future(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    if as_native(object).is_some() {
        return Ok(true);
    }
    let py = object.py();
    let mark = crate::intern!(py, "_asyncio_future_blocking");
    let class = object.getattr(crate::intern!(py, "__class__"))?;
    Ok(class.hasattr(mark)? && !object.getattr(mark)?.is_none())
}

/// The loop that a future belongs to.
pub fn loop_of<'py>(future: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = future.py();
    if let Some(native) = as_native(future) {
        return Ok(native.get().event_loop(py)?.as_any().clone());
    }
    match future.getattr_opt(crate::intern!(py, "get_loop"))? {
        Some(get_loop) => get_loop.call0(),
        None => future.getattr(crate::intern!(py, "_loop")),
    }
}
