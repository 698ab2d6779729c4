//! The Python class `SocketTransport`.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use pyo3::{Borrowed, PyTraverseError};

use super::file_sending::FileSending;
use crate::event_loop::{LoopCore, Ready};
use crate::finalizer::Finalize;
use crate::futures::Future;
use crate::server::ServerCore;
use crate::standard;
use crate::transports::addresses::{self, Address};
use crate::transports::flow_control::flow_control_methods;
use crate::transports::link::Link;
use crate::transports::write_queue::WriteQueue;
use crate::transports::{Receiver, Transport, TransportEvent, socket_info};
use crate::with_cell::WithCell;

/// A stream socket that a protocol reads and writes through.
///
/// Made by `create_connection`, `create_server` and their relatives. See the
/// asyncio documentation of `Transport` and `WriteTransport`.
#[pyclass(frozen, weakref, dict, module = "aioxide")]
pub struct SocketTransport {
    pub(super) state: WithCell<State>,
    /// The descriptor, also after it was closed: for `repr`.
    pub(super) fd: RawFd,
    /// Whether a short read means that nothing is left: true of TCP, while a
    /// Unix socket may stop at a message that carries descriptors.
    pub(super) short_read_drains: bool,
}

/// Who closes the descriptor.
pub(super) enum Socket {
    /// The caller's socket object.
    Python(Py<PyAny>),
    /// An accepted connection that nobody asked the socket object of.
    Native(OwnedFd),
    Closed,
}

/// A connection that a server has accepted.
pub struct Accepted {
    /// The connected, non-blocking socket.
    pub fd: OwnedFd,
    /// Who is at the other end.
    pub peer: Option<Address>,
    /// It sends small writes at once already.
    pub has_no_delay: bool,
}

pub(super) struct State {
    pub link: Link,
    pub socket: Socket,
    pub receiver: Receiver,
    pub server: Option<Py<ServerCore>>,
    /// What `get_extra_info` knows.
    pub extra: Option<Py<PyDict>>,
    /// The peer's address, if the connection was accepted.
    pub peer: Option<Address>,
    /// Our address, kept when such a connection closes.
    pub local: Option<Address>,
    pub queue: WriteQueue,
    /// The file that goes out next; nothing may be written until it has ended.
    pub sending: Option<FileSending>,
    /// Nonzero once `connection_lost` is scheduled; counts writes after that.
    pub lost_writes: u32,
    pub closing: bool,
    pub paused: bool,
    /// `write_eof` was called.
    pub write_ended: bool,
    /// The peer has ended its side and the protocol keeps ours open.
    pub read_ended: bool,
    /// The poller has said that the peer hung up: read on until the end.
    pub hung_up: bool,
    /// Registered with the poller, for reading at least.
    pub registered: bool,
    /// The poller tells when the socket can be written to again.
    pub watches_writing: bool,
}

impl SocketTransport {
    /// A transport whose start is scheduled: `connection_made` is called in
    /// the next turn, then reading begins, then `waiter` gets its result.
    pub(super) fn create(
        core: &Bound<'_, LoopCore>,
        fd: RawFd,
        short_read_drains: bool,
        protocol: Bound<'_, PyAny>,
        waiter: Option<Py<Future>>,
        fill: impl FnOnce(&mut State),
    ) -> PyResult<Py<Self>> {
        let py = core.py();
        let receiver = Receiver::of(&protocol)?;
        let mut state = State {
            link: Link::new(core, protocol, waiter)?,
            socket: Socket::Closed,
            receiver,
            server: None,
            extra: None,
            peer: None,
            local: None,
            queue: WriteQueue::default(),
            sending: None,
            lost_writes: 0,
            closing: false,
            paused: false,
            write_ended: false,
            read_ended: false,
            hung_up: false,
            registered: false,
            watches_writing: false,
        };
        fill(&mut state);
        let server = state.server.as_ref().map(|server| server.clone_ref(py));
        let transport = Py::new(py, Self { state: WithCell::new(state), fd, short_read_drains })?;
        if let Some(server) = server {
            server.get().attach(py, transport.as_ptr());
        }
        core.get().admit(py)?;
        core.get().schedule(py, Self::item(transport.clone_ref(py), TransportEvent::Start));
        Ok(transport)
    }

    /// The descriptor, for one system call.
    #[inline]
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        // SAFETY: the transport owns the descriptor until `lost` closes it,
        // after which no system call is made: every caller looks at the state
        // first.
        unsafe { BorrowedFd::borrow_raw(self.fd) }
    }

    /// `object`, if it is such a transport and nobody has put an attribute on it
    /// that could stand in for a method: then its methods may be called directly.
    #[inline]
    pub fn unadorned<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Self>> {
        let transport = object.cast_exact::<Self>().ok()?;
        // SAFETY: the reference is alive; the offset is where the class keeps
        // its instances' `__dict__`, a pointer that is null until there is one.
        let adorned = unsafe {
            let offset = (*ffi::Py_TYPE(object.as_ptr())).tp_dictoffset;
            offset <= 0
                || !object
                    .as_ptr()
                    .byte_offset(offset)
                    .cast::<*mut ffi::PyObject>()
                    .read()
                    .is_null()
        };
        (!adorned).then_some(transport)
    }

    /// A transport over the caller's connected, non-blocking socket object.
    pub fn over_socket(
        core: &Bound<'_, LoopCore>,
        socket: Bound<'_, PyAny>,
        protocol: Bound<'_, PyAny>,
        waiter: Option<Py<Future>>,
        extra: Option<Bound<'_, PyDict>>,
        server: Option<Py<ServerCore>>,
    ) -> PyResult<Py<Self>> {
        let fd = crate::event_loop::file_descriptor(&socket)?;
        core.get().ensure_no_transport(fd, &socket)?;
        let extra = socket_info::of_socket(&socket, extra)?;
        let internet = addresses::is_internet_stream(fd);
        if internet {
            addresses::set_no_delay(fd);
        }
        Self::create(core, fd, internet, protocol, waiter, |state| {
            state.socket = Socket::Python(socket.unbind());
            state.extra = Some(extra.unbind());
            state.server = server;
        })
    }

    /// A transport over an accepted connection.
    pub fn over_accepted(
        core: &Bound<'_, LoopCore>,
        connection: Accepted,
        protocol: Bound<'_, PyAny>,
        server: Py<ServerCore>,
    ) -> PyResult<Py<Self>> {
        let fd = connection.fd.as_raw_fd();
        let internet = matches!(connection.peer, Some(Address::V4(_) | Address::V6(_)));
        if internet && !connection.has_no_delay {
            addresses::set_no_delay(fd);
        }
        Self::create(core, fd, internet, protocol, None, |state| {
            state.socket = Socket::Native(connection.fd);
            state.peer = connection.peer;
            state.server = Some(server);
        })
    }
}

impl Transport for SocketTransport {
    #[inline]
    fn link<R>(&self, py: Python<'_>, access: impl FnOnce(&mut Link) -> R) -> R {
        self.state.with(py, |state| access(&mut state.link))
    }

    #[inline]
    fn buffered(&self, py: Python<'_>) -> usize {
        self.state.with(py, |state| state.queue.bytes())
    }

    #[inline]
    fn item(transport: Py<Self>, event: TransportEvent) -> Ready {
        Ready::Socket(event, transport)
    }

    fn prepare_for(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let receiver = Receiver::of(protocol)?;
        self.state.with(protocol.py(), |state| state.receiver = receiver);
        Ok(())
    }

    fn force_close(&self, slf: &Bound<'_, Self>, reason: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let (first, dropped) = self.state.with(slf.py(), |state| {
            if state.lost_writes > 0 {
                return (false, None);
            }
            state.closing = true;
            state.lost_writes = 1;
            (true, Some(std::mem::take(&mut state.queue)))
        });
        drop(dropped);
        if first { self.schedule_lost(slf, reason) } else { Ok(()) }
    }
}

flow_control_methods!(SocketTransport);

#[pymethods]
impl SocketTransport {
    /// `isinstance(x, asyncio.Transport)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(standard::transport_type(slf.py())?.clone().unbind())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.state.with(py, |state| {
            let mut words = vec!["SocketTransport".to_owned()];
            if matches!(state.socket, Socket::Closed) {
                words.push("closed".to_owned());
            } else if state.closing {
                words.push("closing".to_owned());
            }
            words.push(format!("fd={}", self.fd));
            if !matches!(state.socket, Socket::Closed) && state.link.is_joined() {
                let reading =
                    state.registered && !state.paused && !state.closing && !state.read_ended;
                let idle = state.queue.is_empty() && state.sending.is_none();
                let writing = if idle { "idle" } else { "polling" };
                words.push(format!("read={}", if reading { "polling" } else { "idle" }));
                words.push(format!("write=<{writing}, bufsize={}>", state.queue.bytes()));
            }
            format!("<{}>", words.join(" "))
        })
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.link.traverse(&visit)?;
            visit.call(&state.server)?;
            visit.call(&state.extra)?;
            if let Socket::Python(socket) = &state.socket {
                visit.call(socket)?;
            }
            if let Some(sending) = &state.sending {
                sending.traverse(&visit)?;
            }
            state.queue.traverse(&visit)
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, |state| {
            (
                state.link.take(),
                state.server.take(),
                state.extra.take(),
                std::mem::take(&mut state.queue),
                state.sending.take(),
            )
        }));
    }
}

impl Finalize for SocketTransport {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        slf.get().state.with(slf.py(), |state| {
            !matches!(state.socket, Socket::Closed) || state.server.is_some()
        })
    }

    fn finalize(slf: &Bound<'_, Self>) {
        slf.get().abandoned(slf);
    }

    fn forget(slf: Borrowed<'_, '_, Self>) {
        let py = slf.py();
        if let Some(server) = slf.get().state.with(py, |state| state.server.take()) {
            let server = server.into_bound(py);
            server.get().detach(&server, slf.as_ptr());
        }
    }
}
