//! asyncio's private names, which CPython's tests and known libraries read and write.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::protocol::SslProtocol;
use super::state::Phase;
use super::transport::SslTransport;
use crate::core::event_loop::LoopCore;
use crate::ffi::allocate::Made;
use crate::ffi::attributes::{flag_attributes, object_attributes};

object_attributes!(SslProtocol {
    _transport: transport, get_transport, set_transport;
    _extra: extra, get_extra, set_extra;
    _sslcontext: context, get_context, set_context;
    _server_side: server_side, get_server_side, set_server_side;
    _server_hostname: server_hostname, get_server_hostname, set_server_hostname;
    _ssl_handshake_timeout: handshake_timeout, get_handshake_timeout, set_handshake_timeout;
    _ssl_shutdown_timeout: shutdown_timeout, get_shutdown_timeout, set_shutdown_timeout;
    _handshake_timeout_handle: handshake_timer, get_handshake_timer, set_handshake_timer;
    _shutdown_timeout_handle: shutdown_timer, get_shutdown_timer, set_shutdown_timer;
    _handshake_start_time: handshake_started, get_handshake_started, set_handshake_started;
});

flag_attributes!(SslProtocol {
    _eof_received: eof_received, get_eof_received, set_eof_received;
    _ssl_writing_paused: writing_paused, get_writing_paused, set_writing_paused;
    _ssl_reading_paused: reading_paused, get_reading_paused, set_reading_paused;
    _app_writing_paused: app_writing_paused, get_app_writing_paused, set_app_writing_paused;
    _app_reading_paused: app_reading_paused, get_app_reading_paused, set_app_reading_paused;
});

#[pymethods]
impl SslProtocol {
    #[getter]
    fn _loop<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LoopCore>> {
        self.core(py)
    }

    #[getter]
    fn get__app_transport(&self, py: Python<'_>) -> Option<Py<SslTransport>> {
        self.app_transport(py)
    }

    #[setter]
    fn set__app_transport(&self, py: Python<'_>, transport: Option<Py<SslTransport>>) {
        drop(self.state.app_transport.replace(py, transport));
    }

    #[getter]
    fn get__app_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.app_protocol(py)
    }

    #[setter]
    fn set__app_protocol(&self, protocol: Bound<'_, PyAny>) -> PyResult<()> {
        self.set_app_protocol(protocol)
    }

    #[getter]
    fn get__incoming<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.session.incoming_buffer(py)
    }

    #[setter]
    fn set__incoming(&self, buffer: Bound<'_, PyAny>) -> PyResult<()> {
        self.session.set_incoming_buffer(buffer)
    }

    #[getter]
    fn get__outgoing<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.session.outgoing_buffer(py)
    }

    #[setter]
    fn set__outgoing(&self, buffer: Bound<'_, PyAny>) -> PyResult<()> {
        self.session.set_outgoing_buffer(buffer)
    }

    #[getter]
    fn get__sslobj<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.session.object(py)
    }

    #[setter]
    fn set__sslobj(&self, object: Bound<'_, PyAny>) -> PyResult<()> {
        self.session.set_object(object)
    }

    #[getter]
    fn get__write_buffer_size(&self, py: Python<'_>) -> Made<usize> {
        Made(self.state.flags.get(py).backlog_bytes)
    }

    #[setter]
    fn set__write_buffer_size(&self, py: Python<'_>, bytes: usize) {
        self.state.flags.update(py, |flags| flags.backlog_bytes = bytes);
    }

    #[getter]
    fn get__conn_lost(&self, py: Python<'_>) -> Made<u32> {
        Made(self.state.flags.get(py).lost_writes)
    }

    #[setter]
    fn set__conn_lost(&self, py: Python<'_>, count: u32) {
        self.state.flags.update(py, |flags| flags.lost_writes = count);
    }

    /// A member of asyncio's own enumeration.
    #[getter]
    fn get__state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import(crate::name!("asyncio.sslproto"))?
            .getattr(crate::name!("SSLProtocolState"))?
            .getattr(self.phase(py).name())
    }

    #[setter]
    fn set__state(&self, state: Bound<'_, PyAny>) -> PyResult<()> {
        let py = state.py();
        let name = state.getattr(crate::name!("name"))?;
        let name =
            name.extract::<&str>().map_err(|_| PyTypeError::new_err(crate::name!("no state")))?;
        let phase = Phase::named(name)
            .ok_or_else(|| PyValueError::new_err(crate::name!("no such state")))?;
        self.state.flags.update(py, |flags| flags.phase = phase);
        Ok(())
    }
}
