//! Errors as Python raises them.

use std::io;

use pyo3::exceptions::PyOSError;
use pyo3::ffi;
use pyo3::prelude::*;

/// The `OSError` subclass for a failed system call, with its number and text,
/// as the interpreter's own modules raise it. (PyO3's conversion keeps neither
/// `errno` nor the plain text.)
pub fn os_error(error: impl Into<io::Error>) -> PyErr {
    let error = error.into();
    match error.raw_os_error() {
        Some(number) => {
            // "Connection refused (os error 111)", without what stands in
            // parentheses.
            let text = error.to_string();
            let plain = text.split(" (os error").next().unwrap_or(&text).to_owned();
            PyOSError::new_err((number, plain))
        }
        None => PyErr::from(error),
    }
}

/// The error as a `raise` statement makes it: what is being handled meanwhile,
/// if anything, is its context.
pub fn raised(py: Python<'_>, error: PyErr) -> PyErr {
    let value = error.into_value(py);
    // SAFETY: the thread is attached and the reference is an exception's.
    unsafe { ffi::PyErr_SetObject(ffi::Py_TYPE(value.as_ptr()).cast(), value.as_ptr()) };
    PyErr::fetch(py)
}
