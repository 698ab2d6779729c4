//! `iscoroutine`.

use pyo3::ffi;
use pyo3::prelude::*;

use super::Coroutine;
use crate::ffi::free_list;
use crate::stdlib;

/// Returns whether `obj` is a coroutine: the interpreter's, a native one, or an object of
/// any class with the methods of one. Up to Python 3.11 generators count too.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.iscoroutine
#[pyfunction]
pub fn iscoroutine(obj: Bound<'_, PyAny>) -> PyResult<bool> {
    is_coroutine(&obj)
}

/// See [`iscoroutine`].
#[inline]
pub fn is_coroutine(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    if is_exact_coroutine(object) { Ok(true) } else { is_of_another_class(object) }
}

/// Whether it is a coroutine of the interpreter's class or ours: no future is.
#[inline]
pub fn is_exact_coroutine(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the reference is alive; this compares its type.
    let is_interpreters = unsafe { ffi::PyCoro_CheckExact(object.as_ptr()) } != 0;
    is_interpreters || free_list::is_exactly::<Coroutine>(object)
}

#[cold]
fn is_of_another_class(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = object.py();
    if cfg!(not(Py_3_12)) && object.is_instance(stdlib::generator_type(py)?)? {
        return Ok(true);
    }
    object.is_instance(stdlib::coroutine_class(py)?)
}
