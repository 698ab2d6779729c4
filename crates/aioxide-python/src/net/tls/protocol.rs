//! The Python class `SSLProtocol`: what the transport below calls.

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyConnectionResetError, PyRuntimeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::session::Session;
use super::state::{Notified, Origin, Phase, State};
use super::transport::SslTransport;
use crate::core::dispatch::Receiver;
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::ffi::gil_cell::Contents;
use crate::net::tls_options::TlsOptions;
use crate::net::transports::SocketTransport;

/// The protocol of a transport that carries TLS records.
///
/// SSLProtocol(loop, app_protocol, sslcontext, waiter, server_side=False,
/// server_hostname=None, call_connection_made=True, ssl_handshake_timeout=None,
/// ssl_shutdown_timeout=None).
#[pyclass(frozen, weakref, name = "SSLProtocol", module = "aioxide")]
pub struct SslProtocol {
    pub(super) session: Session,
    pub(super) state: Contents<State>,
}

impl SslProtocol {
    /// The transport above, until the connection is lost.
    pub fn app_transport(&self, py: Python<'_>) -> Option<Py<SslTransport>> {
        self.state.app_transport.clone_ref(py)
    }

    pub(super) fn core<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LoopCore>> {
        match self.state.core.clone_ref(py) {
            Some(core) => Ok(core.into_bound(py)),
            None => Err(PyRuntimeError::new_err(crate::name!(
                "the TLS protocol was cleared by the garbage collector"
            ))),
        }
    }

    #[inline]
    pub(super) fn lower<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.transport.clone_ref(py).map(|transport| transport.into_bound(py))
    }

    #[inline]
    pub fn app_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.app_protocol.clone_ref(py).map(|protocol| protocol.into_bound(py))
    }

    /// Replaces the protocol above.
    pub(super) fn set_app_protocol(&self, protocol: Bound<'_, PyAny>) -> PyResult<()> {
        let py = protocol.py();
        let receiver = Receiver::of(&protocol)?;
        self.state.flags.update(py, |flags| flags.receiver = receiver);
        drop(self.state.app_protocol.replace(py, Some(protocol.unbind())));
        Ok(())
    }

    #[inline]
    pub(super) fn phase(&self, py: Python<'_>) -> Phase {
        self.state.flags.get(py).phase
    }

    /// Enters the next phase.
    pub(super) fn enter(&self, py: Python<'_>, phase: Phase) -> PyResult<()> {
        let current = self.phase(py);
        let allowed = phase == Phase::Unwrapped
            || matches!(
                (current, phase),
                (Phase::Unwrapped, Phase::Handshake)
                    | (Phase::Handshake, Phase::Wrapped)
                    | (Phase::Wrapped, Phase::Flushing)
                    | (Phase::Flushing, Phase::Shutdown)
            );
        if !allowed {
            return Err(PyRuntimeError::new_err(format!(
                "cannot switch state from SSLProtocolState.{} to SSLProtocolState.{}",
                current.name(),
                phase.name()
            )));
        }
        self.state.flags.update(py, |flags| flags.phase = phase);
        Ok(())
    }

    /// Calls `callback` in the next iteration.
    pub(super) fn call_soon(&self, callback: Bound<'_, PyAny>) -> PyResult<()> {
        let py = callback.py();
        self.core(py)?.call_method1(crate::intern!(py, "call_soon"), (callback,)).map(drop)
    }

    /// Schedules a call of the method `name` in `seconds`. Returns the timer.
    pub(super) fn call_later(
        slf: &Bound<'_, Self>,
        seconds: Option<Py<PyAny>>,
        name: &'static crate::ffi::interning::Name,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let callback = slf.getattr(name)?;
        let timer = slf
            .get()
            .core(py)?
            .call_method1(crate::intern!(py, "call_later"), (seconds, callback))?;
        Ok(timer.unbind())
    }
}

#[pymethods]
impl SslProtocol {
    #[new]
    #[pyo3(signature = (r#loop, app_protocol, sslcontext, waiter, server_side=false,
        server_hostname=None, call_connection_made=true, ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None))]
    #[allow(clippy::too_many_arguments, reason = "asyncio's signature")]
    fn __new__(
        r#loop: Bound<'_, LoopCore>,
        app_protocol: Bound<'_, PyAny>,
        sslcontext: Option<Bound<'_, PyAny>>,
        waiter: Option<Py<Future>>,
        server_side: bool,
        server_hostname: Option<Bound<'_, PyAny>>,
        call_connection_made: bool,
        ssl_handshake_timeout: Option<Bound<'_, PyAny>>,
        ssl_shutdown_timeout: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<Self>> {
        let options = TlsOptions {
            context: sslcontext,
            server_side,
            server_hostname,
            handshake_timeout: ssl_handshake_timeout,
            shutdown_timeout: ssl_shutdown_timeout,
        };
        let origin =
            if call_connection_made { Origin::Connected(waiter) } else { Origin::Upgraded(waiter) };
        Self::create(&r#loop, app_protocol, options, origin)
    }

    /// The transport below is connected: begins the handshake.
    fn connection_made(slf: &Bound<'_, Self>, transport: Bound<'_, PyAny>) -> PyResult<()> {
        drop(slf.get().state.transport.replace(slf.py(), Some(transport.unbind())));
        Self::start_handshake(slf)
    }

    /// The transport below is lost, and so the connection above.
    fn connection_lost(slf: &Bound<'_, Self>, exc: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let state = &this.state;
        // Its failure is returned at the end, after the protocol above and all
        // futures were notified.
        let drained = this.session.drain(py).map(drop);
        let notify = state.flags.update(py, |flags| {
            flags.lost_writes = flags.lost_writes.saturating_add(1);
            flags.backlog_bytes = 0;
            let notify = flags.phase != Phase::Handshake
                && matches!(flags.notified, Notified::Made | Notified::Eof);
            if notify {
                flags.notified = Notified::Lost;
            }
            flags.phase = Phase::Unwrapped;
            notify
        });
        let (transport, protocol) = (state.app_transport.take(py), state.app_protocol.take(py));
        let timers = [state.shutdown_timer.take(py), state.handshake_timer.take(py)];
        drop(state.backlog.take(py));
        drop(state.transport.take(py));
        if let Some(transport) = &transport {
            transport.get().set_closed(py);
        }
        if let Some(protocol) = protocol.as_ref().filter(|_| notify) {
            let method = protocol.bind(py).getattr(crate::intern!(py, "connection_lost"))?;
            this.core(py)?.call_method1(crate::intern!(py, "call_soon"), (method, exc.clone()))?;
        }
        Self::wake_waiter(slf, exc.as_ref())?;
        for timer in timers.into_iter().flatten() {
            timer.call_method0(py, crate::intern!(py, "cancel"))?;
        }
        drained
    }

    /// The transport below has received `data`.
    fn data_received(slf: &Bound<'_, Self>, data: Bound<'_, PyAny>) -> PyResult<()> {
        Self::feed(slf, &data)
    }

    /// The peer has closed its side of the connection below. Returns true to
    /// keep ours open.
    fn eof_received(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let this = slf.get();
        this.state.flags.update(py, |flags| flags.eof_received = true);
        let outcome = Self::log_debug(slf, "%r received EOF").and_then(|()| Self::at_eof(slf));
        if outcome.is_err()
            && let Some(lower) = this.lower(py)
        {
            lower.call_method0(crate::intern!(py, "close"))?;
        }
        outcome
    }

    /// The transport below has enough unsent data.
    pub(super) fn pause_writing(&self, py: Python<'_>) {
        self.state.flags.update(py, |flags| flags.writing_paused = true);
    }

    /// The transport below takes more data.
    pub(super) fn resume_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().state.flags.update(slf.py(), |flags| flags.writing_paused = false);
        Self::send_outgoing(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.session.traverse(&visit)?;
        self.state.traverse(|state| state.traverse(&visit))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.state.clear(py);
    }
}

impl SslProtocol {
    fn at_eof(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let this = slf.get();
        match this.phase(py) {
            Phase::Handshake => {
                let reset = PyConnectionResetError::new_err(());
                Self::handshake_over(slf, Err(reset))?;
            }
            Phase::Wrapped => {
                this.enter(py, Phase::Flushing)?;
                if this.state.flags.get(py).app_reading_paused {
                    // What the peer sent before is still to be read.
                    return Ok(true);
                }
                Self::flush(slf)?;
            }
            Phase::Flushing => {
                Self::write_backlog(slf)?;
                this.enter(py, Phase::Shutdown)?;
                Self::shut_down(slf)?;
            }
            Phase::Shutdown => Self::shut_down(slf)?,
            Phase::Unwrapped => {}
        }
        Ok(false)
    }

    /// Information about the session, or else about the transport below.
    pub(super) fn extra_info<'py>(
        &self,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = name.py();
        if let Some(extra) = self.state.extra.clone_ref(py).map(|extra| extra.into_bound(py))
            && extra.contains(name)?
        {
            return extra.get_item(name).map(Some);
        }
        match self.lower(py) {
            Some(lower) => {
                lower.call_method1(crate::intern!(py, "get_extra_info"), (name, default)).map(Some)
            }
            None => Ok(default),
        }
    }

    /// Sends `data` through the transport below.
    #[inline]
    pub(super) fn send_below(&self, data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        match self.lower(py) {
            Some(lower) => match lower.cast::<SocketTransport>() {
                Ok(socket) => SocketTransport::write(socket, &data),
                Err(_) => lower.call_method1(crate::intern!(py, "write"), (data,)).map(drop),
            },
            None => Ok(()),
        }
    }
}
