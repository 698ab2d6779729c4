//! The state of a TLS connection, and how it is created.

use std::collections::VecDeque;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::protocol::SslProtocol;
use super::session::Session;
use super::transport::SslTransport;
use super::water_marks::Marks;
use crate::core::dispatch::Receiver;
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::net::tls_options::TlsOptions;
use crate::recorder::Maker;

/// Seconds that a handshake may take: asyncio's `SSL_HANDSHAKE_TIMEOUT`.
const HANDSHAKE_TIMEOUT: f64 = 60.0;
/// Seconds that the shutdown may take: asyncio's `SSL_SHUTDOWN_TIMEOUT`.
const SHUTDOWN_TIMEOUT: f64 = 30.0;
/// Unsent bytes from which on the protocol above is paused.
pub(super) const WRITE_HIGH_WATER: usize = 512 * 1024;
/// Received bytes from which on the transport below is paused.
pub(super) const READ_HIGH_WATER: usize = 256 * 1024;

/// The phase of a TLS connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Unwrapped,
    Handshake,
    Wrapped,
    /// The application has closed the transport; its data is being sent.
    Flushing,
    Shutdown,
}

/// Which method of the protocol above was called last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Notified {
    Nothing,
    Made,
    Eof,
    Lost,
}

/// An object; None when there is nothing.
pub(super) type Slot = GilCell<Option<Py<PyAny>>>;

pub(super) struct State {
    pub core: GilCell<Option<Py<LoopCore>>>,
    /// That of the server which has accepted the connection.
    pub maker: Maker,
    /// The transport below, while there is one.
    pub transport: Slot,
    /// The transport above, until the connection is lost.
    pub app_transport: GilCell<Option<Py<SslTransport>>>,
    /// The protocol above, until the connection is lost.
    pub app_protocol: Slot,
    /// The future that is done after the handshake.
    pub waiter: GilCell<Option<Py<Future>>>,
    /// Information about the connection: a `dict`, unless the program has replaced
    /// it.
    pub extra: Slot,
    pub flags: GilCell<Flags>,
    /// Data that waits to be encrypted.
    pub backlog: GilCell<VecDeque<Py<PyAny>>>,
    pub write_marks: Marks,
    pub read_marks: Marks,
    /// Seconds, as the caller gave them, for the messages of errors.
    pub handshake_timeout: Slot,
    pub shutdown_timeout: Slot,
    pub handshake_timer: Slot,
    pub shutdown_timer: Slot,
    /// Loop time at which the handshake began (debug mode).
    pub handshake_started: Slot,
    /// The arguments with which the session was opened.
    pub context: Slot,
    pub server_side: Slot,
    pub server_hostname: Slot,
}

#[derive(Clone, Copy)]
pub(super) struct Flags {
    /// How the protocol above takes data.
    pub receiver: Receiver,
    pub phase: Phase,
    pub notified: Notified,
    pub backlog_bytes: usize,
    pub lost_writes: u32,
    pub eof_received: bool,
    /// Data is being encrypted: what is written meanwhile is sent after it.
    pub encrypting: bool,
    /// The transport below has called `pause_writing`.
    pub writing_paused: bool,
    /// Reading of the transport below is paused.
    pub reading_paused: bool,
    /// `pause_writing` of the protocol above was called.
    pub app_writing_paused: bool,
    /// How often `resume_writing` of the protocol above was called.
    pub app_writing_resumed: u32,
    /// The protocol above has paused reading.
    pub app_reading_paused: bool,
}

impl State {
    pub(super) fn slots(&self) -> [&Slot; 11] {
        [
            &self.transport,
            &self.app_protocol,
            &self.extra,
            &self.handshake_timeout,
            &self.shutdown_timeout,
            &self.handshake_timer,
            &self.shutdown_timer,
            &self.handshake_started,
            &self.context,
            &self.server_side,
            &self.server_hostname,
        ]
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.core.traverse(|core| visit.call(core))?;
        self.app_transport.traverse(|transport| visit.call(transport))?;
        self.waiter.traverse(|waiter| visit.call(waiter))?;
        self.write_marks.traverse(visit)?;
        self.read_marks.traverse(visit)?;
        self.backlog.traverse(|backlog| backlog.iter().try_for_each(|data| visit.call(data)))?;
        self.slots().iter().try_for_each(|slot| slot.traverse(|object| visit.call(object)))
    }

    pub(super) fn clear(&self, py: Python<'_>) {
        drop(self.core.take(py));
        drop(self.app_transport.take(py));
        drop(self.waiter.take(py));
        self.write_marks.clear(py);
        self.read_marks.clear(py);
        drop(self.backlog.take(py));
        for slot in self.slots() {
            drop(slot.take(py));
        }
    }
}

/// How a TLS connection begins, and the future that is done after the
/// handshake.
pub enum Origin {
    /// A new connection: `connection_made` is called after the handshake.
    Connected(Option<Py<Future>>),
    /// A connection that the protocol has already (`start_tls`).
    Upgraded(Option<Py<Future>>),
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

    /// The phase of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Unwrapped, Self::Handshake, Self::Wrapped, Self::Flushing, Self::Shutdown]
            .into_iter()
            .find(|phase| phase.name() == name)
    }
}

impl SslProtocol {
    /// Creates a protocol. It begins the handshake when its `connection_made`
    /// is called.
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
        let extra = allocate::dict(py)?;
        extra.set_item(crate::name!("sslcontext"), &context)?;
        let (waiter, notified) = match origin {
            Origin::Connected(waiter) => (waiter, Notified::Nothing),
            Origin::Upgraded(waiter) => (waiter, Notified::Made),
        };
        let flags = Flags {
            receiver: Receiver::of(&app_protocol)?,
            phase: Phase::Unwrapped,
            notified,
            backlog_bytes: 0,
            lost_writes: 0,
            eof_received: false,
            encrypting: false,
            writing_paused: false,
            reading_paused: false,
            app_writing_paused: false,
            app_writing_resumed: 0,
            app_reading_paused: false,
        };
        let server_side = PyBool::new(py, options.server_side).to_owned().into_any();
        let state = State {
            core: GilCell::new(Some(core.clone().unbind())),
            maker: Maker::current(),
            transport: GilCell::new(None),
            app_transport: GilCell::new(None),
            app_protocol: GilCell::new(Some(app_protocol.unbind())),
            waiter: GilCell::new(waiter),
            extra: GilCell::new(Some(extra.into_any().unbind())),
            flags: GilCell::new(flags),
            backlog: GilCell::new(VecDeque::new()),
            write_marks: Marks::below(WRITE_HIGH_WATER),
            read_marks: Marks::below(READ_HIGH_WATER),
            handshake_timeout: GilCell::new(Some(handshake_timeout)),
            shutdown_timeout: GilCell::new(Some(shutdown_timeout)),
            handshake_timer: GilCell::new(None),
            shutdown_timer: GilCell::new(None),
            handshake_started: GilCell::new(None),
            server_hostname: GilCell::new(name.map(|name| name.clone().unbind())),
            context: GilCell::new(Some(context.unbind())),
            server_side: GilCell::new(Some(server_side.unbind())),
        };
        let protocol = Py::new(py, Self { session, state: Contents::new(state) })?;
        let transport = SslTransport::create(core, &protocol)?;
        drop(protocol.get().state.app_transport.replace(py, Some(transport)));
        Ok(protocol)
    }
}

/// A number of seconds, which has to be above zero.
fn positive(
    py: Python<'_>,
    seconds: Option<Bound<'_, PyAny>>,
    name: &str,
    default: f64,
) -> PyResult<Py<PyAny>> {
    match seconds {
        None => Ok(allocate::float(py, default)?.into_any().unbind()),
        Some(seconds) if seconds.le(0)? => Err(PyValueError::new_err(format!(
            "{name} should be a positive number, got {}",
            seconds.str()?
        ))),
        Some(seconds) => Ok(seconds.unbind()),
    }
}

/// The context for `ssl=True`.
fn default_context(
    py: Python<'_>,
    server_side: bool,
    has_hostname: bool,
) -> PyResult<Bound<'_, PyAny>> {
    if server_side {
        return Err(PyValueError::new_err(crate::name!(
            "Server side SSL needs a valid SSLContext"
        )));
    }
    // Looked up each time, because a program may replace it, as the documentation
    // of `ssl` says.
    let context =
        py.import(crate::name!("ssl"))?.call_method0(crate::name!("create_default_context"))?;
    if !has_hostname {
        context.setattr(crate::name!("check_hostname"), false)?;
    }
    Ok(context)
}
