//! What a TLS connection is made with, and what it remembers.

use std::collections::VecDeque;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::protocol::SslProtocol;
use super::session::Session;
use super::transport::SslTransport;
use super::water_marks::WaterMarks;
use crate::event_loop::LoopCore;
use crate::futures::Future;
use crate::transports::Receiver;
use crate::with_cell::WithCell;

/// Seconds that a handshake may take: asyncio's `SSL_HANDSHAKE_TIMEOUT`.
const HANDSHAKE_TIMEOUT: f64 = 60.0;
/// Seconds that the good-bye may take: asyncio's `SSL_SHUTDOWN_TIMEOUT`.
const SHUTDOWN_TIMEOUT: f64 = 30.0;
/// Bytes to be sent above which the protocol above pauses.
pub(super) const WRITE_HIGH_WATER: usize = 512 * 1024;
/// Bytes received above which the transport below pauses.
pub(super) const READ_HIGH_WATER: usize = 256 * 1024;

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
        let protocol = Py::new(py, Self { session, state: WithCell::new(state) })?;
        let transport = SslTransport::create(core, &protocol)?;
        protocol.get().state.with(py, |state| state.app_transport = Some(transport));
        Ok(protocol)
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
