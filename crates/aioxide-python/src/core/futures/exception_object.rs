//! The fields of an exception. A Python class may override them by properties; as
//! asyncio's futures do, this accesses the fields of the object itself.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Whether it is an exception, whatever its `__class__` is.
#[inline]
pub fn is_exception(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the reference is alive; this checks its type.
    unsafe { ffi::PyExceptionInstance_Check(object.as_ptr()) != 0 }
}

/// The traceback; None if it is not an exception.
pub fn traceback(exception: &Bound<'_, PyAny>) -> Option<Py<PyAny>> {
    if !is_exception(exception) {
        return None;
    }
    // SAFETY: it is an exception; the result is a new reference or null.
    unsafe {
        let traceback = ffi::PyException_GetTraceback(exception.as_ptr());
        Bound::from_owned_ptr_or_opt(exception.py(), traceback).map(Bound::unbind)
    }
}

/// Sets or removes the traceback.
pub fn set_traceback(exception: &Bound<'_, PyAny>, traceback: Option<Py<PyAny>>) -> PyResult<()> {
    if !is_exception(exception) {
        return Err(PyTypeError::new_err(crate::name!(
            "exceptions must derive from BaseException"
        )));
    }
    let py = exception.py();
    let traceback = traceback.unwrap_or_else(|| py.None());
    // SAFETY: it is an exception, and both references are alive.
    match unsafe { ffi::PyException_SetTraceback(exception.as_ptr(), traceback.as_ptr()) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(py)),
    }
}
