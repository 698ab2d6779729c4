//! The entry of every native function that the interpreter calls by its address.
//!
//! A panic must not leave such a function, or the process aborts. It becomes a
//! `SystemError`, which is raised, or reported where nothing can be raised. What PyO3
//! generates for `#[pymethods]` has the same guard of its own.
//!
//! Registering the thread as attached with PyO3 costs a twentieth of a callback, and is
//! needed for dropping a `Py`: without it, and without a call of PyO3's own on the
//! stack, PyO3 defers the drop. A function that drops only `Bound`s, or by `drop_ref`,
//! enters with [`Attach::Bare`].

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Whether a call is registered with PyO3.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Attach {
    /// It is: a `Py` may be dropped.
    Registered,
    /// It is not.
    Bare,
}

impl Attach {
    /// By whether the function drops no `Py`.
    pub const fn of(drops_nothing: bool) -> Self {
        if drops_nothing { Self::Bare } else { Self::Registered }
    }
}

/// A result in the interpreter's form.
pub trait Returned {
    /// What a C function returns.
    type Raw;
    /// The value that it returns with an exception set.
    const FAILED: Self::Raw;

    /// The value that it returns without an exception.
    fn into_raw(self) -> Self::Raw;
}

impl Returned for Py<PyAny> {
    type Raw = *mut ffi::PyObject;
    const FAILED: Self::Raw = null_mut();

    #[inline(always)]
    fn into_raw(self) -> Self::Raw {
        self.into_ptr()
    }
}

/// A new reference; or null, with an exception or by the rule for iterators.
impl Returned for *mut ffi::PyObject {
    type Raw = Self;
    const FAILED: Self = null_mut();

    #[inline(always)]
    fn into_raw(self) -> Self {
        self
    }
}

/// Runs the body of a function that may raise; an error or a panic is raised.
///
/// # Safety
///
/// The GIL is held.
#[inline(always)]
pub unsafe fn enter<R: Returned>(
    name: &CStr,
    attach: Attach,
    body: impl FnOnce(Python<'_>) -> PyResult<R>,
) -> R::Raw {
    let call = |py: Python<'_>| match catch_unwind(AssertUnwindSafe(|| body(py))) {
        Ok(Ok(value)) => value.into_raw(),
        Ok(Err(error)) => {
            error.restore(py);
            R::FAILED
        }
        Err(_) => {
            panicked(name).restore(py);
            R::FAILED
        }
    };
    // SAFETY: the caller's promise.
    unsafe {
        match attach {
            Attach::Bare => call(Python::assume_attached()),
            Attach::Registered => Python::attach_unchecked(call),
        }
    }
}

/// Runs the body of a function that cannot raise; a panic is reported.
///
/// # Safety
///
/// The GIL is held.
#[inline(always)]
pub unsafe fn enter_silently(name: &CStr, body: impl FnOnce(Python<'_>)) {
    // SAFETY: the caller's promise.
    let py = unsafe { Python::assume_attached() };
    if catch_unwind(AssertUnwindSafe(|| body(py))).is_err() {
        let _raised = RaisedBefore::take(py);
        panicked(name).write_unraisable(py, None);
    }
}

#[cold]
fn panicked(name: &CStr) -> PyErr {
    PySystemError::new_err(format!("{} panicked", name.to_string_lossy()))
}

/// The exception that is being raised while a finalizer runs, which leaves it as it
/// was: restored when this is dropped.
pub struct RaisedBefore<'py> {
    py: Python<'py>,
    #[cfg(Py_3_12)]
    exception: *mut ffi::PyObject,
    #[cfg(not(Py_3_12))]
    exception: [*mut ffi::PyObject; 3],
}

impl<'py> RaisedBefore<'py> {
    /// Takes the exception, if there is one.
    pub fn take(py: Python<'py>) -> Self {
        #[cfg(Py_3_12)]
        // SAFETY: the thread is attached.
        let exception = unsafe { ffi::PyErr_GetRaisedException() };
        #[cfg(not(Py_3_12))]
        // SAFETY: the thread is attached, and the three places can be written to.
        let exception = unsafe {
            let [mut class, mut value, mut traceback] = [null_mut(); 3];
            ffi::PyErr_Fetch(&mut class, &mut value, &mut traceback);
            [class, value, traceback]
        };
        Self { py, exception }
    }
}

impl Drop for RaisedBefore<'_> {
    fn drop(&mut self) {
        let _ = self.py;
        #[cfg(Py_3_12)]
        // SAFETY: the thread is attached, and the reference is given back.
        unsafe {
            ffi::PyErr_SetRaisedException(self.exception);
        }
        #[cfg(not(Py_3_12))]
        // SAFETY: as above.
        unsafe {
            let [class, value, traceback] = self.exception;
            ffi::PyErr_Restore(class, value, traceback);
        }
    }
}
