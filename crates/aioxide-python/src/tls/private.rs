//! asyncio's private names, which CPython's tests and known libraries read.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::protocol::SslProtocol;
use super::transport::SslTransport;
use crate::event_loop::LoopCore;

#[pymethods]
impl SslProtocol {
    #[getter]
    fn _loop<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LoopCore>> {
        self.core(py)
    }

    #[getter]
    fn _app_transport(&self, py: Python<'_>) -> Option<Py<SslTransport>> {
        self.app_transport(py)
    }

    #[getter]
    fn _app_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.app_protocol(py)
    }

    #[getter]
    fn _transport<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.lower(py)
    }

    #[getter]
    fn _app_reading_paused(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.app_reading_paused)
    }

    #[getter]
    fn _incoming<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.session.incoming_buffer(py)
    }

    #[getter]
    fn _sslobj<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.session.object(py)
    }

    #[getter]
    fn _extra<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyDict>> {
        self.state.with(py, |state| state.extra.as_ref().map(|extra| extra.bind(py).clone()))
    }

    #[getter]
    fn _sslcontext<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self._extra(py) {
            Some(extra) => extra.get_item("sslcontext"),
            None => Ok(None),
        }
    }

    #[getter]
    fn _server_side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.session.object(py).getattr("server_side")
    }

    #[getter]
    fn _server_hostname<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.session.object(py).getattr("server_hostname")
    }

    /// A member of asyncio's own enumeration.
    #[getter]
    fn _state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("asyncio.sslproto")?.getattr("SSLProtocolState")?.getattr(self.phase(py).name())
    }

    #[getter]
    fn _handshake_timeout_handle(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.handshake_timer.as_ref().map(|it| it.clone_ref(py)))
    }

    #[getter]
    fn _shutdown_timeout_handle(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.shutdown_timer.as_ref().map(|it| it.clone_ref(py)))
    }
}
