//! The methods that are called for each message, as fast methods (see
//! [`crate::ffi::fastcall`]).

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::SocketTransport;
use crate::ffi::fastcall::{CallArguments, FastMethod, PlainMethod, install, install_plain};

/// Adds them to the class. Called once, at module initialisation.
pub fn install_socket_transport(py: Python<'_>) -> PyResult<()> {
    install::<WriteMethod>(py)?;
    install_plain::<IsClosingMethod>(py)
}

/// `transport.write(data)`.
struct WriteMethod;

impl FastMethod for WriteMethod {
    type Class = SocketTransport;
    const NAME: &'static CStr = c"write";
    const DOC: &'static CStr =
        c"write($self, data)\n--\n\nSends as much of `data` as the kernel takes, and queues the rest.";

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, SocketTransport>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        SocketTransport::write(slf, arguments.required("SocketTransport.write", "data")?)?;
        Ok(slf.py().None())
    }
}

/// `transport.is_closing()`, which servers call before each write.
struct IsClosingMethod;

impl PlainMethod for IsClosingMethod {
    type Class = SocketTransport;
    const NAME: &'static CStr = c"is_closing";
    const DOC: &'static CStr = c"is_closing($self)\n--\n\nWhether `close` or `abort` was called, or the connection is lost.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call(slf: &Bound<'_, SocketTransport>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        Ok(PyBool::new(py, slf.get().is_closing(py)).to_owned().into_any().unbind())
    }
}
