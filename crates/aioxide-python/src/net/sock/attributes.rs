//! What a `sock_*` call shows of itself, as a coroutine of the interpreter does.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::SocketCall;
use crate::core::coroutines;
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::stdlib;

#[pymethods]
impl SocketCall {
    #[getter]
    fn __name__(&self, py: Python<'_>) -> Made<&'static str> {
        Made(self.name(py))
    }

    #[getter]
    fn __qualname__(&self, py: Python<'_>) -> Made<String> {
        Made(self.qualname(py))
    }

    /// `isinstance(x, types.CoroutineType)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(stdlib::coroutine_type(slf.py())?.clone().unbind())
    }

    /// The code object of asyncio's function.
    #[getter]
    fn cr_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        coroutines::code_of(py, &self.qualname(py))
    }

    /// Where it was created, if a loop in debug mode has recorded that.
    #[getter]
    fn cr_origin<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        coroutines::origin_of(slf.as_any())
    }

    #[getter]
    fn cr_suspended(&self, py: Python<'_>) -> bool {
        self.future(py).is_some()
    }

    #[getter]
    fn cr_running(&self) -> bool {
        false
    }

    /// The state, by its name in `inspect`. It never runs: a step ends before its caller
    /// goes on.
    #[cfg(Py_3_15)]
    #[getter]
    fn cr_state(&self, py: Python<'_>) -> Made<&'static str> {
        Made(if self.is_over(py) {
            "CORO_CLOSED"
        } else if self.cr_suspended(py) {
            "CORO_SUSPENDED"
        } else {
            "CORO_CREATED"
        })
    }

    /// An object in place of an interpreter's frame; None once the call is
    /// over.
    #[getter]
    fn cr_frame<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.is_over(py) {
            return Ok(None);
        }
        let arguments = (self.qualname(py), self.cr_await(py));
        stdlib::native_frame(py)?.call1(arguments).map(Some)
    }

    #[getter]
    fn cr_await(&self, py: Python<'_>) -> Option<Py<Future>> {
        self.future(py)
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        let name = slf.get().qualname(slf.py());
        allocate::string(slf.py(), &format!("<coroutine object {name} at {:p}>", slf.as_ptr()))
    }
}
