//! Errors as Python raises them.

use std::io;

use pyo3::exceptions::{PyOSError, PySystemError};
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

/// What a step of a coroutine has raised.
///
/// CPython loses the exception where the object of a frame cannot be allocated as well. It
/// has `SystemError` for that, where PyO3 panics in a build with debug assertions.
pub fn fetched(py: Python<'_>) -> PyErr {
    PyErr::take(py).unwrap_or_else(|| {
        PySystemError::new_err(crate::name!("error return without exception set"))
    })
}

/// The error as a `raise` statement makes it: what is being handled meanwhile,
/// if anything, is its context.
pub fn raised(py: Python<'_>, error: PyErr) -> PyErr {
    let value = error.into_value(py);
    // SAFETY: the thread is attached and the reference is an exception's.
    unsafe { ffi::PyErr_SetObject(ffi::Py_TYPE(value.as_ptr()).cast(), value.as_ptr()) };
    PyErr::fetch(py)
}

/// An error whose exception exists.
///
/// PyO3 makes the exception of `new_err` when it is first read, with the GIL released and
/// taken again in between. An error that may not have come from the interpreter is settled
/// before it is read where another thread must not run just then; one that is only raised
/// need not be.
pub trait Settled {
    /// The same with its exception made.
    fn settled(self, py: Python<'_>) -> Self;
}

impl Settled for PyErr {
    #[inline]
    fn settled(self, py: Python<'_>) -> Self {
        self.restore(py);
        Self::fetch(py)
    }
}

impl<T> Settled for PyResult<T> {
    #[inline]
    fn settled(self, py: Python<'_>) -> Self {
        self.map_err(|error| error.settled(py))
    }
}
