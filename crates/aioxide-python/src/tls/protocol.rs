//! The Python class `SSLProtocol`: its state, and what the transport below
//! tells it.

use std::collections::VecDeque;

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyConnectionResetError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::session::Session;
use super::transport::SslTransport;
use super::water_marks::WaterMarks;
use crate::event_loop::LoopCore;
use crate::futures::Future;
use crate::gil_cell::GilCell;
use crate::standard;
use crate::transports::{Receiver, SocketTransport};

/// Seconds that a handshake may take: asyncio's `SSL_HANDSHAKE_TIMEOUT`.
const HANDSHAKE_TIMEOUT: f64 = 60.0;
/// Seconds that the good-bye may take: asyncio's `SSL_SHUTDOWN_TIMEOUT`.
const SHUTDOWN_TIMEOUT: f64 = 30.0;
/// Bytes to be sent above which the protocol above pauses.
pub(super) const WRITE_HIGH_WATER: usize = 512 * 1024;
/// Bytes received above which the transport below pauses.
pub(super) const READ_HIGH_WATER: usize = 256 * 1024;

/// The protocol of a transport that carries TLS records.
///
/// SSLProtocol(loop, app_protocol, sslcontext, waiter, server_side=False,
/// server_hostname=None, call_connection_made=True, ssl_handshake_timeout=None,
/// ssl_shutdown_timeout=None).
#[pyclass(frozen, weakref, name = "SSLProtocol", module = "aioxide")]
pub struct SslProtocol {
    pub(super) session: Session,
    pub(super) state: GilCell<State>,
}

/// How far the TLS connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Unwrapped,
    Handshake,
    Wrapped,
    /// The application has closed, what it wrote is being sent.
    Flushing,
    Shutdown,
}

/// What the protocol above has been told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Made,
    Eof,
    Lost,
}

pub(super) struct State {
    pub core: Option<Py<LoopCore>>,
    /// The transport below, while there is one.
    pub transport: Option<Py<PyAny>>,
    /// The transport above, until the connection is lost.
    pub app_transport: Option<Py<SslTransport>>,
    /// The protocol above, until the connection is lost.
    pub app_protocol: Option<Py<PyAny>>,
    pub receiver: Receiver,
    /// The future of whoever waits for the handshake.
    pub waiter: Option<Py<Future>>,
    /// A server's connection that nobody waits for: debug mode reports it if
    /// its handshake fails.
    pub accepted: bool,
    pub extra: Option<Py<PyDict>>,
    pub phase: Phase,
    pub told: Told,
    /// What was written before the handshake was over.
    pub backlog: VecDeque<Py<PyAny>>,
    pub backlog_bytes: usize,
    pub lost_writes: u32,
    pub eof_received: bool,
    /// The transport below has enough.
    pub writing_paused: bool,
    /// The transport below was told to pause.
    pub reading_paused: bool,
    /// The protocol above was told to pause.
    pub app_writing_paused: bool,
    /// The protocol above wants nothing now.
    pub app_reading_paused: bool,
    pub write_marks: WaterMarks,
    pub read_marks: WaterMarks,
    /// Seconds, as the caller gave them: they are in the texts of errors.
    pub handshake_timeout: Option<Py<PyAny>>,
    pub shutdown_timeout: Option<Py<PyAny>>,
    pub handshake_timer: Option<Py<PyAny>>,
    pub shutdown_timer: Option<Py<PyAny>>,
    /// Loop time, in debug mode.
    pub handshake_started: f64,
}

/// How a TLS connection comes about.
pub enum Origin {
    /// A socket that was connected; the future is of whoever waits.
    Connected(Option<Py<Future>>),
    /// A server's, which nobody waits for.
    Accepted,
    /// A connection that its protocol knows already (`start_tls`).
    Upgraded(Option<Py<Future>>),
}

/// How a TLS connection is wanted.
pub struct TlsOptions<'py> {
    /// None on the client's side: the default context.
    pub context: Option<Bound<'py, PyAny>>,
    pub server_side: bool,
    pub server_hostname: Option<Bound<'py, PyAny>>,
    /// Seconds; None for asyncio's default.
    pub handshake_timeout: Option<Bound<'py, PyAny>>,
    /// Seconds; None for asyncio's default.
    pub shutdown_timeout: Option<Bound<'py, PyAny>>,
}

impl SslProtocol {
    /// A protocol that begins its handshake when it gets its transport.
    ///
    /// # Errors
    ///
    /// `ValueError` for a timeout that is not positive, or a server without a
    /// context; whatever the context raises.
    pub fn create(
        core: &Bound<'_, LoopCore>,
        app_protocol: Bound<'_, PyAny>,
        options: TlsOptions<'_>,
        origin: Origin,
    ) -> PyResult<Py<Self>> {
        let py = core.py();
        let handshake_timeout =
            positive(py, options.handshake_timeout, "ssl_handshake_timeout", HANDSHAKE_TIMEOUT)?;
        let shutdown_timeout =
            positive(py, options.shutdown_timeout, "ssl_shutdown_timeout", SHUTDOWN_TIMEOUT)?;
        let name = match &options.server_hostname {
            Some(name) if !options.server_side && name.is_truthy()? => Some(name),
            _ => None,
        };
        let context = match options.context {
            Some(context) if context.is_truthy()? => context,
            _ => default_context(py, options.server_side, name.is_some())?,
        };
        let session = Session::open(&context, options.server_side, name)?;
        let extra = PyDict::new(py);
        extra.set_item("sslcontext", &context)?;
        let accepted = matches!(origin, Origin::Accepted);
        let (waiter, told) = match origin {
            Origin::Connected(waiter) => (waiter, Told::Nothing),
            Origin::Accepted => (None, Told::Nothing),
            Origin::Upgraded(waiter) => (waiter, Told::Made),
        };
        let state = State {
            core: Some(core.clone().unbind()),
            transport: None,
            app_transport: None,
            receiver: Receiver::of(&app_protocol)?,
            app_protocol: Some(app_protocol.unbind()),
            waiter,
            accepted,
            extra: Some(extra.unbind()),
            phase: Phase::Unwrapped,
            told,
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            lost_writes: 0,
            eof_received: false,
            writing_paused: false,
            reading_paused: false,
            app_writing_paused: false,
            app_reading_paused: false,
            write_marks: WaterMarks::below(WRITE_HIGH_WATER),
            read_marks: WaterMarks::below(READ_HIGH_WATER),
            handshake_timeout: Some(handshake_timeout),
            shutdown_timeout: Some(shutdown_timeout),
            handshake_timer: None,
            shutdown_timer: None,
            handshake_started: 0.0,
        };
        let protocol = Py::new(py, Self { session, state: GilCell::new(state) })?;
        let transport = SslTransport::create(core, &protocol)?;
        protocol.get().state.with(py, |state| state.app_transport = Some(transport));
        Ok(protocol)
    }

    /// The transport above, until the connection is lost.
    pub fn app_transport(&self, py: Python<'_>) -> Option<Py<SslTransport>> {
        self.state.with(py, |state| state.app_transport.as_ref().map(|it| it.clone_ref(py)))
    }

    pub(super) fn core<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LoopCore>> {
        self.state
            .with(py, |state| state.core.as_ref().map(|core| core.bind(py).clone()))
            .ok_or_else(|| PyRuntimeError::new_err("the TLS protocol was taken apart"))
    }

    #[inline]
    pub(super) fn lower<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(py, |state| state.transport.as_ref().map(|it| it.bind(py).clone()))
    }

    #[inline]
    pub(super) fn app_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(py, |state| state.app_protocol.as_ref().map(|it| it.bind(py).clone()))
    }

    #[inline]
    pub(super) fn phase(&self, py: Python<'_>) -> Phase {
        self.state.with(py, |state| state.phase)
    }

    /// Goes from one phase to the next.
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
        self.state.with(py, |state| state.phase = phase);
        Ok(())
    }

    /// Calls `callback` in the next turn.
    pub(super) fn call_soon(&self, callback: Bound<'_, PyAny>) -> PyResult<()> {
        let py = callback.py();
        self.core(py)?.call_method1(pyo3::intern!(py, "call_soon"), (callback,)).map(drop)
    }

    /// Calls the method `name` in `seconds`; the timer.
    pub(super) fn call_later(
        slf: &Bound<'_, Self>,
        seconds: Option<Py<PyAny>>,
        name: &str,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let callback = slf.getattr(name)?;
        let timer = slf
            .get()
            .core(py)?
            .call_method1(pyo3::intern!(py, "call_later"), (seconds, callback))?;
        Ok(timer.unbind())
    }

    /// Releases whoever waits for the handshake.
    pub(super) fn wake_waiter(
        slf: &Bound<'_, Self>,
        failure: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        Self::release_waiter(slf, failure, || (this.app_protocol(py), this.app_transport(py)))
    }

    /// The same, with `above` to tell the protocol and the transport above.
    fn release_waiter<'py>(
        slf: &Bound<'py, Self>,
        failure: Option<&Bound<'py, PyAny>>,
        above: impl FnOnce() -> (Option<Bound<'py, PyAny>>, Option<Py<SslTransport>>),
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let (waiter, accepted) =
            this.state.with(py, |state| (state.waiter.take(), std::mem::take(&mut state.accepted)));
        if let Some(waiter) = waiter {
            let waiter = waiter.bind(py);
            return match failure {
                _ if waiter.get().is_done(py) => Ok(()),
                Some(failure) => {
                    waiter.call_method1(pyo3::intern!(py, "set_exception"), (failure,)).map(drop)
                }
                None => Future::finish(waiter, py.None()),
            };
        }
        match failure {
            Some(failure) if accepted && this.core(py)?.get().debug(py) => {
                let (protocol, transport) = above();
                let details = PyDict::new(py);
                details
                    .set_item("message", "Error on transport creation for incoming connection")?;
                details.set_item("exception", failure)?;
                details.set_item("protocol", protocol)?;
                details.set_item("transport", transport)?;
                this.report(details)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn report(&self, details: Bound<'_, PyDict>) -> PyResult<()> {
        let py = details.py();
        self.core(py)?
            .call_method1(pyo3::intern!(py, "call_exception_handler"), (details,))
            .map(drop)
    }

    /// Ends the connection because of `error`. A system error, which includes
    /// those of TLS, is the peer's affair or the network's; any other is
    /// reported.
    pub(super) fn fatal_error(
        slf: &Bound<'_, Self>,
        error: Bound<'_, PyAny>,
        message: &str,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let lower = this.lower(py);
        if let Some(lower) = &lower {
            lower.call_method1(pyo3::intern!(py, "_force_close"), (&error,))?;
        }
        if error.is_instance_of::<PyOSError>() {
            if this.core(py)?.get().debug(py) {
                let keywords = PyDict::new(py);
                keywords.set_item("exc_info", &error)?;
                standard::logger(py)?.call_method(
                    "debug",
                    ("%r: %s", slf, message),
                    Some(&keywords),
                )?;
            }
            return Ok(());
        }
        if error.is_instance(standard::cancelled_error(py)?)? {
            return Ok(());
        }
        let details = PyDict::new(py);
        details.set_item("message", message)?;
        details.set_item("exception", error)?;
        details.set_item("transport", lower)?;
        details.set_item("protocol", slf)?;
        this.report(details)
    }

    pub(super) fn log_debug(slf: &Bound<'_, Self>, message: &str) -> PyResult<()> {
        let py = slf.py();
        if slf.get().core(py)?.get().debug(py) {
            standard::logger(py)?.call_method1("debug", (message, slf))?;
        }
        Ok(())
    }
}

impl Phase {
    /// asyncio's name for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unwrapped => "UNWRAPPED",
            Self::Handshake => "DO_HANDSHAKE",
            Self::Wrapped => "WRAPPED",
            Self::Flushing => "FLUSHING",
            Self::Shutdown => "SHUTDOWN",
        }
    }
}

/// A number of seconds that has to be above zero.
fn positive(
    py: Python<'_>,
    seconds: Option<Bound<'_, PyAny>>,
    name: &str,
    default: f64,
) -> PyResult<Py<PyAny>> {
    match seconds {
        None => Ok(default.into_pyobject(py)?.into_any().unbind()),
        Some(seconds) if seconds.le(0)? => Err(PyValueError::new_err(format!(
            "{name} should be a positive number, got {}",
            seconds.str()?
        ))),
        Some(seconds) => Ok(seconds.unbind()),
    }
}

/// What `ssl=True` means.
fn default_context(
    py: Python<'_>,
    server_side: bool,
    has_hostname: bool,
) -> PyResult<Bound<'_, PyAny>> {
    if server_side {
        return Err(PyValueError::new_err("Server side SSL needs a valid SSLContext"));
    }
    // Looked up each time: it is a documented place to put a context of one's own.
    let context = py.import("ssl")?.call_method0("create_default_context")?;
    if !has_hostname {
        context.setattr("check_hostname", false)?;
    }
    Ok(context)
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

    /// The transport below is there: the handshake begins.
    fn connection_made(slf: &Bound<'_, Self>, transport: Bound<'_, PyAny>) -> PyResult<()> {
        let transport = transport.unbind();
        slf.get().state.with(slf.py(), |state| state.transport = Some(transport));
        Self::start_handshake(slf)
    }

    /// The transport below is gone, and with it everything above.
    fn connection_lost(slf: &Bound<'_, Self>, exc: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        drop(this.session.drain(py)?);
        let (dropped, transport, protocol, tell, timers) = this.state.with(py, |state| {
            state.lost_writes = state.lost_writes.saturating_add(1);
            state.backlog_bytes = 0;
            let tell =
                state.phase != Phase::Handshake && matches!(state.told, Told::Made | Told::Eof);
            if tell {
                state.told = Told::Lost;
            }
            state.phase = Phase::Unwrapped;
            (
                (std::mem::take(&mut state.backlog), state.transport.take()),
                state.app_transport.take(),
                state.app_protocol.take(),
                tell,
                [state.shutdown_timer.take(), state.handshake_timer.take()],
            )
        });
        drop(dropped);
        if let Some(transport) = &transport {
            transport.get().set_closed(py);
        }
        if let Some(protocol) = protocol.as_ref().filter(|_| tell) {
            let method = protocol.bind(py).getattr(pyo3::intern!(py, "connection_lost"))?;
            this.core(py)?.call_method1(pyo3::intern!(py, "call_soon"), (method, exc.clone()))?;
        }
        Self::release_waiter(slf, exc.as_ref(), || {
            (protocol.map(|protocol| protocol.into_bound(py)), transport)
        })?;
        for timer in timers.into_iter().flatten() {
            timer.call_method0(py, pyo3::intern!(py, "cancel"))?;
        }
        Ok(())
    }

    /// The transport below has received `data`.
    fn data_received(slf: &Bound<'_, Self>, data: Bound<'_, PyAny>) -> PyResult<()> {
        Self::feed(slf, &data)
    }

    /// The peer has closed the connection below. True keeps it open.
    fn eof_received(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let this = slf.get();
        this.state.with(py, |state| state.eof_received = true);
        let outcome = Self::log_debug(slf, "%r received EOF").and_then(|()| Self::at_eof(slf));
        if outcome.is_err()
            && let Some(lower) = this.lower(py)
        {
            lower.call_method0(pyo3::intern!(py, "close"))?;
        }
        outcome
    }

    /// The transport below has enough to send.
    pub(super) fn pause_writing(&self, py: Python<'_>) {
        self.state.with(py, |state| state.writing_paused = true);
    }

    /// The transport below takes more.
    pub(super) fn resume_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().state.with(slf.py(), |state| state.writing_paused = false);
        Self::send_outgoing(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.session.traverse(&visit)?;
        self.state.traverse(|state| {
            visit.call(&state.core)?;
            visit.call(&state.transport)?;
            visit.call(&state.app_transport)?;
            visit.call(&state.app_protocol)?;
            visit.call(&state.waiter)?;
            visit.call(&state.extra)?;
            visit.call(&state.handshake_timeout)?;
            visit.call(&state.shutdown_timeout)?;
            visit.call(&state.handshake_timer)?;
            visit.call(&state.shutdown_timer)?;
            state.backlog.iter().try_for_each(|data| visit.call(data))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, |state| {
            (
                (state.core.take(), state.transport.take(), state.app_transport.take()),
                (state.app_protocol.take(), state.waiter.take(), state.extra.take()),
                (state.handshake_timeout.take(), state.shutdown_timeout.take()),
                (state.handshake_timer.take(), state.shutdown_timer.take()),
                std::mem::take(&mut state.backlog),
            )
        }));
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
                if this.state.with(py, |state| state.app_reading_paused) {
                    // What the peer sent before stays to be read.
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

    /// A fact of the session, or else of the transport below.
    pub(super) fn extra_info<'py>(
        &self,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = name.py();
        let extra =
            self.state.with(py, |state| state.extra.as_ref().map(|extra| extra.bind(py).clone()));
        if let Some(known) = extra.map(|extra| extra.get_item(name)).transpose()?.flatten() {
            return Ok(Some(known));
        }
        match self.lower(py) {
            Some(lower) => {
                lower.call_method1(pyo3::intern!(py, "get_extra_info"), (name, default)).map(Some)
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
                Ok(socket) => SocketTransport::write(socket, data),
                Err(_) => lower.call_method1(pyo3::intern!(py, "write"), (data,)).map(drop),
            },
            None => Ok(()),
        }
    }
}
