//! The Python class `SSLTransport`: the transport of the protocol above.

use std::sync::OnceLock;

use pyo3::exceptions::{PyNotImplementedError, PyResourceWarning, PyTypeError};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PyType};
use pyo3::{Borrowed, PyTraverseError};

use super::protocol::SslProtocol;
use super::state::{READ_HIGH_WATER, Slot, WRITE_HIGH_WATER};
use super::water_marks::Marks;
use crate::core::event_loop::LoopCore;
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::ffi::finalizer::Finalize;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::{stdlib, watchdog};

/// A stream transport that encrypts its data.
///
/// Made by `create_connection`, `create_server` and `start_tls`. See the
/// asyncio documentation of `Transport` and `WriteTransport`.
#[pyclass(frozen, weakref, dict, name = "SSLTransport", module = "aioxide")]
pub struct SslTransport {
    state: Contents<State>,
}

struct State {
    /// The loop, for the attribute `_loop`.
    event_loop: Slot,
    protocol: GilCell<Option<Py<SslProtocol>>>,
    closed: GilCell<bool>,
    /// As that of a transport's `Link`.
    made: Option<Py<PyAny>>,
}

impl SslTransport {
    pub(super) fn create(
        core: &Bound<'_, LoopCore>,
        protocol: &Py<SslProtocol>,
    ) -> PyResult<Py<Self>> {
        let py = core.py();
        let state = State {
            event_loop: GilCell::new(Some(core.clone().into_any().unbind())),
            protocol: GilCell::new(Some(protocol.clone_ref(py))),
            closed: GilCell::new(false),
            made: watchdog::line_that_makes(py)?,
        };
        Py::new(py, Self { state: Contents::new(state) })
    }

    /// The line that has made it, if the lints looked.
    pub fn made(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.made.as_ref().map(|made| made.clone_ref(py))
    }

    pub(super) fn set_closed(&self, py: Python<'_>) -> bool {
        self.state.closed.replace(py, true)
    }

    /// The protocol, until `close` is called a second time.
    #[inline]
    /// `write`.
    pub fn write_bytes(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.write(data.clone())
    }

    fn tls<'py>(&self, py: Python<'py>) -> Option<Bound<'py, SslProtocol>> {
        self.state.protocol.clone_ref(py).map(|protocol| protocol.into_bound(py))
    }

    /// The water marks of one direction: low, high.
    fn limits<'py>(
        &self,
        py: Python<'py>,
        default: usize,
        pick: impl FnOnce(&super::state::State) -> &Marks,
    ) -> PyResult<Limits<'py>> {
        match self.tls(py) {
            Some(tls) => pick(&tls.get().state).shown(py),
            None => Marks::below(default).shown(py),
        }
    }
}

/// Low, high.
type Limits<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

#[pymethods]
impl SslTransport {
    /// `isinstance(x, asyncio.Transport)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(stdlib::ssl_transport_type(slf.py())?.clone().unbind())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<Made<String>> {
        let closed = self.state.closed.get(py);
        let below = match self.tls(py).and_then(|tls| tls.get().lower(py)) {
            Some(below) => below.repr()?.to_string(),
            None => "None".to_owned(),
        };
        let closing = if closed { " closing" } else { "" };
        Ok(Made(format!("<SSLTransport{closing} over={below}>")))
    }

    /// Information about the session (`sslcontext`, `ssl_object`, `peercert`,
    /// `cipher`, `compression`), or else about the transport below; `default`
    /// for any other name.
    #[pyo3(signature = (name, default=None))]
    fn get_extra_info<'py>(
        &self,
        py: Python<'py>,
        name: Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.tls(py) {
            Some(tls) => tls.get().extra_info(&name, default),
            None => Ok(default),
        }
    }

    /// Replaces the protocol.
    fn set_protocol(&self, protocol: Bound<'_, PyAny>) -> PyResult<()> {
        self.tls(protocol.py()).map_or(Ok(()), |tls| tls.get().set_app_protocol(protocol))
    }

    /// The protocol.
    fn get_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.tls(py)?.get().app_protocol(py)
    }

    /// Whether it was closed, or the connection below is being closed.
    fn is_closing(&self, py: Python<'_>) -> PyResult<bool> {
        if self.state.closed.get(py) {
            return Ok(true);
        }
        match self.tls(py).and_then(|tls| tls.get().lower(py)) {
            Some(below) => below.call_method0(crate::intern!(py, "is_closing"))?.is_truthy(),
            None => Ok(false),
        }
    }

    /// Ends the connection once everything is written and `close_notify` is
    /// sent; `connection_lost(None)` follows.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.set_closed(py) {
            // As in asyncio: after a second call, a program that keeps the
            // transport does not keep the session and its context alive.
            drop(self.state.protocol.take(py));
            return Ok(());
        }
        self.tls(py).map_or(Ok(()), |tls| SslProtocol::start_shutdown(&tls))
    }

    /// Ends the connection in the next iteration; what waits to be written is
    /// dropped.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        self._force_close(py, None)
    }

    #[pyo3(signature = (exc))]
    fn _force_close(&self, py: Python<'_>, exc: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        self.set_closed(py);
        self.tls(py).map_or(Ok(()), |tls| SslProtocol::abort(&tls, exc))
    }

    /// Whether the protocol receives data now.
    fn is_reading(&self, py: Python<'_>) -> bool {
        self.tls(py).is_some_and(|tls| !tls.get().state.flags.get(py).app_reading_paused)
    }

    /// No `data_received` until `resume_reading`. Does nothing if paused.
    fn pause_reading(&self, py: Python<'_>) {
        if let Some(tls) = self.tls(py) {
            tls.get().pause_app_reading(py);
        }
    }

    /// Undoes `pause_reading`. Does nothing if not paused.
    fn resume_reading(&self, py: Python<'_>) -> PyResult<()> {
        self.tls(py).map_or(Ok(()), |tls| SslProtocol::resume_app_reading(&tls))
    }

    /// Sets the water marks of writing, in bytes. `ValueError` unless
    /// high >= low >= 0.
    #[pyo3(signature = (high=None, low=None))]
    fn set_write_buffer_limits(
        &self,
        py: Python<'_>,
        high: Option<Bound<'_, PyAny>>,
        low: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let Some(tls) = self.tls(py) else {
            return Marks::below(WRITE_HIGH_WATER).set(py, high, low);
        };
        tls.get().state.write_marks.set(py, high, low)?;
        SslProtocol::control_app_writing(&tls)
    }

    /// The water marks of writing, in bytes: low, high.
    fn get_write_buffer_limits<'py>(&self, py: Python<'py>) -> PyResult<Limits<'py>> {
        self.limits(py, WRITE_HIGH_WATER, |state| &state.write_marks)
    }

    /// How many bytes wait to be written.
    fn get_write_buffer_size(&self, py: Python<'_>) -> PyResult<Made<usize>> {
        self.tls(py).map_or(Ok(0), |tls| tls.get().write_buffer_size(py)).map(Made)
    }

    /// Sets the water marks of reading: how many received bytes may wait to be
    /// decrypted before the transport below is paused, and when it resumes.
    /// `ValueError` unless high >= low >= 0.
    #[pyo3(signature = (high=None, low=None))]
    fn set_read_buffer_limits(
        &self,
        py: Python<'_>,
        high: Option<Bound<'_, PyAny>>,
        low: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let Some(tls) = self.tls(py) else {
            return Marks::below(READ_HIGH_WATER).set(py, high, low);
        };
        tls.get().state.read_marks.set(py, high, low)?;
        SslProtocol::control_reading(&tls)
    }

    /// The water marks of reading, in bytes: low, high.
    fn get_read_buffer_limits<'py>(&self, py: Python<'py>) -> PyResult<Limits<'py>> {
        self.limits(py, READ_HIGH_WATER, |state| &state.read_marks)
    }

    /// How many received bytes wait to be decrypted.
    fn get_read_buffer_size(&self, py: Python<'_>) -> PyResult<Made<usize>> {
        self.tls(py).map_or(Ok(0), |tls| tls.get().session.incoming(py)).map(Made)
    }

    /// Encrypts and sends `data`.
    fn write(&self, data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        if !data.is_instance_of::<PyBytes>()
            && !data.is_instance_of::<PyByteArray>()
            && !data.is_instance_of::<PyMemoryView>()
        {
            return Err(PyTypeError::new_err(format!(
                "data: expecting a bytes-like instance, got {}",
                data.get_type().name()?
            )));
        }
        if !data.is_truthy()? {
            return Ok(());
        }
        self.tls(py).map_or(Ok(()), |tls| SslProtocol::write(&tls, &data))
    }

    /// Encrypts and sends all pieces of an iterable, in order. A piece that is
    /// not bytes-like ends the connection.
    fn writelines(&self, list_of_data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = list_of_data.py();
        let pieces = allocate::list::<PyAny>(py, [])?;
        for piece in list_of_data.try_iter()? {
            let piece = piece?;
            // Raises for a piece without a length, as asyncio's sum of lengths
            // does.
            piece.len()?;
            pieces.append(piece)?;
        }
        match allocate::bytes(py, b"")?.call_method1(crate::intern!(py, "join"), (pieces,)) {
            Ok(joined) => self.write(joined),
            Err(error) => self.tls(py).map_or(Ok(()), |tls| SslProtocol::write_failed(&tls, error)),
        }
    }

    /// TLS cannot end one direction alone: `NotImplementedError`.
    fn write_eof(&self) -> PyResult<()> {
        Err(PyNotImplementedError::new_err(()))
    }

    /// Always false.
    fn can_write_eof(&self) -> bool {
        false
    }

    #[getter]
    fn get__closed(&self, py: Python<'_>) -> bool {
        self.state.closed.get(py)
    }

    #[setter]
    fn set__closed(&self, closed: Bound<'_, PyAny>) -> PyResult<()> {
        let is_closed = closed.is_truthy()?;
        self.state.closed.set(closed.py(), is_closed);
        Ok(())
    }

    #[getter]
    fn get__ssl_protocol(&self, py: Python<'_>) -> Option<Py<SslProtocol>> {
        self.state.protocol.clone_ref(py)
    }

    #[setter]
    fn set__ssl_protocol(&self, py: Python<'_>, protocol: Option<Py<SslProtocol>>) {
        drop(self.state.protocol.replace(py, protocol));
    }

    #[getter]
    fn get__loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.event_loop.clone_ref(py)
    }

    #[setter]
    fn set__loop(&self, py: Python<'_>, event_loop: Option<Py<PyAny>>) {
        drop(self.state.event_loop.replace(py, event_loop));
    }

    #[getter]
    fn _protocol_paused(&self, py: Python<'_>) -> bool {
        self.tls(py).is_some_and(|tls| tls.get().state.flags.get(py).app_writing_paused)
    }

    /// `start_tls` works on it: TLS in TLS.
    #[classattr]
    fn _start_tls_compatible() -> bool {
        true
    }

    /// `loop.sendfile` must read the file itself: the kernel would send it
    /// without encryption.
    #[classattr]
    fn _sendfile_compatible(py: Python<'_>) -> PyResult<Py<PyAny>> {
        stdlib::sendfile_mode(py)?.getattr(crate::name!("FALLBACK")).map(Bound::unbind)
    }

    /// Adds data to the backlog as if the session could not take it. CPython's
    /// tests use it to check closing.
    fn _test__append_write_backlog(&self, data: Bound<'_, PyAny>) -> PyResult<()> {
        self.tls(data.py()).map_or(Ok(()), |tls| tls.get().keep(&data, 0))
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.event_loop.traverse(|event_loop| visit.call(event_loop))?;
            state.protocol.traverse(|protocol| visit.call(protocol))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.event_loop.take(py));
        drop(self.state.protocol.take(py));
    }
}

impl Finalize for SslTransport {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        !slf.get().state.closed.get(slf.py())
    }

    fn finalize(slf: &Bound<'_, Self>) {
        let py = slf.py();
        slf.get().set_closed(py);
        let warn = || -> PyResult<()> {
            let warning = py.get_type::<PyResourceWarning>();
            let text = format!("unclosed transport {}", slf.repr()?);
            watchdog::note_unclosed(py, &text, slf.get().made(py))?;
            let keywords = allocate::dict(py)?;
            keywords.set_item(crate::name!("source"), slf)?;
            stdlib::warn(py)?.call((Made(text), warning), Some(&keywords)).map(drop)
        };
        if let Err(error) = warn() {
            error.write_unraisable(py, Some(slf.as_any()));
        }
    }
}
