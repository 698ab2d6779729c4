//! The Python class `SocketTransport`.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use super::file_sending::FileSending;
use crate::core::dispatch::Ready;
use crate::core::dispatch::Receiver;
use crate::core::dispatch::TransportEvent;
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::file_descriptor;
use crate::ffi::file_descriptor::numbered;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::ffi::unadorned::unadorned;
use crate::net::server::ServerCore;
use crate::net::transports::addresses::Address;
use crate::net::transports::flow_control::flow_control_methods;
use crate::net::transports::lifecycle::{
    Lifecycle, Stage, describe, finalizer, polling, socket_methods,
};
use crate::net::transports::link::Link;
use crate::net::transports::write_queue::WriteQueue;
use crate::net::transports::{Transport, socket_info};
use crate::stdlib;

/// A stream socket that a protocol reads and writes through.
///
/// Made by `create_connection`, `create_server` and their relatives. See the
/// asyncio documentation of `Transport` and `WriteTransport`.
#[pyclass(frozen, weakref, dict, module = "aioxide")]
pub struct SocketTransport {
    pub(super) state: Contents<State>,
    /// The descriptor, also after it was closed: for `repr`.
    pub(super) fd: RawFd,
    /// Whether a short read means that nothing is left: true of TCP, while a
    /// Unix socket may stop at a message that carries descriptors.
    pub(super) short_read_drains: bool,
}

/// What owns the descriptor.
pub(super) enum Socket {
    /// The caller's socket object.
    Python(Py<PyAny>),
    /// An accepted connection for which no socket object was created.
    Native(OwnedFd),
    Closed,
}

/// A connection that a server has accepted.
pub struct Accepted {
    /// The connected, non-blocking socket.
    pub fd: OwnedFd,
    /// The peer's address.
    pub peer: Option<Address>,
    /// TCP_NODELAY is set already.
    pub has_no_delay: bool,
}

pub(super) struct State {
    pub link: Link,
    pub socket: GilCell<Socket>,
    pub server: GilCell<Option<Py<ServerCore>>>,
    /// The dictionary behind `get_extra_info`.
    pub extra: GilCell<Option<Py<PyDict>>>,
    /// The peer's address, if the connection was accepted.
    pub peer: Option<Address>,
    /// The local address, stored when an accepted connection closes.
    pub local: GilCell<Option<Address>>,
    pub queue: GilCell<WriteQueue>,
    /// The file that is sent next; nothing may be written until it is finished.
    pub sending: GilCell<Option<FileSending>>,
    pub flags: GilCell<Flags>,
}

/// The state of the connection.
#[derive(Clone, Copy)]
pub(super) struct Flags {
    pub stage: Stage,
    pub receiver: Receiver,
    /// `write_eof` was called.
    pub write_ended: bool,
    /// The peer has closed its side, and the protocol keeps ours open.
    pub read_ended: bool,
    /// The poller has reported a hang-up: read until the end of the stream.
    pub hung_up: bool,
    /// Registered with the poller for writing too.
    pub watches_writing: bool,
    /// A read is scheduled that does not wait for the poller.
    pub reads_again: bool,
    /// The socket object is of a subclass of `socket.socket`: its methods make the system
    /// calls.
    pub by_object: bool,
}

impl Flags {
    fn of(receiver: Receiver) -> Self {
        Self {
            stage: Stage::default(),
            receiver,
            write_ended: false,
            read_ended: false,
            hung_up: false,
            watches_writing: false,
            reads_again: false,
            by_object: false,
        }
    }

    /// Whether data is read and passed to the protocol.
    pub fn reads(&self) -> bool {
        self.stage.is_reading() && !self.read_ended && self.stage.lost_writes == 0
    }
}

impl SocketTransport {
    /// Creates a transport and schedules its start: in the next iteration
    /// `connection_made` is called, then reading begins, then `waiter` gets its
    /// result.
    pub(super) fn create(
        core: &Bound<'_, LoopCore>,
        fd: RawFd,
        short_read_drains: bool,
        state: State,
    ) -> PyResult<Py<Self>> {
        let py = core.py();
        core.get().admit(py)?;
        let server = state.server.clone_ref(py);
        let state = Contents::new(state);
        let transport = Bound::new(py, Self { state, fd, short_read_drains })?;
        if let Some(server) = server {
            server.get().attach(transport.as_any())?;
        }
        let start = Self::item(transport.clone().unbind(), TransportEvent::Start);
        core.get().schedule(py, start);
        Ok(transport.unbind())
    }

    /// The state of a new transport.
    pub(super) fn new_state(
        core: &Bound<'_, LoopCore>,
        socket: Socket,
        protocol: Bound<'_, PyAny>,
        waiter: Option<Py<Future>>,
        server: Option<Py<ServerCore>>,
    ) -> PyResult<State> {
        let receiver = Receiver::of(&protocol)?;
        Ok(State {
            link: Link::new(core, protocol, waiter)?,
            socket: GilCell::new(socket),
            server: GilCell::new(server),
            extra: GilCell::new(None),
            peer: None,
            local: GilCell::new(None),
            queue: GilCell::new(WriteQueue::default()),
            sending: GilCell::new(None),
            flags: GilCell::new(Flags::of(receiver)),
        })
    }

    /// The descriptor, for one system call.
    #[inline]
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        numbered(self.fd)
    }

    /// `object`, if it is a transport of this class without attributes of its own
    /// that could replace a method. Then its methods may be called directly.
    #[inline]
    pub fn unadorned<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Self>> {
        unadorned(object)
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
        let py = core.py();
        let fd = crate::core::event_loop::file_descriptor(&socket)?;
        core.get().ensure_no_transport(fd, &socket)?;
        let extra = socket_info::of_socket(&socket, extra)?;
        let plain = socket.get_type().is(stdlib::socket_type(py)?);
        let internet = file_descriptor::is_internet_stream(fd);
        if internet {
            file_descriptor::set_no_delay(fd);
        }
        let socket = Socket::Python(socket.unbind());
        let state = Self::new_state(core, socket, protocol, waiter, server)?;
        drop(state.extra.replace(py, Some(extra.unbind())));
        state.flags.update(py, |flags| flags.by_object = !plain);
        Self::create(core, fd, internet && plain, state)
    }

    /// A transport over a connection that has no socket object: one that a server has accepted, or
    /// that the loop has made.
    pub fn over_descriptor(
        core: &Bound<'_, LoopCore>,
        connection: Accepted,
        protocol: Bound<'_, PyAny>,
        waiter: Option<Py<Future>>,
        server: Option<Py<ServerCore>>,
    ) -> PyResult<Py<Self>> {
        let fd = connection.fd.as_raw_fd();
        let internet = matches!(connection.peer, Some(Address::V4(_) | Address::V6(_)));
        if internet && !connection.has_no_delay {
            file_descriptor::set_no_delay(fd);
        }
        let socket = Socket::Native(connection.fd);
        let state = Self::new_state(core, socket, protocol, waiter, server)?;
        Self::create(core, fd, internet, State { peer: connection.peer, ..state })
    }
}

impl Transport for SocketTransport {
    #[inline]
    fn link(&self) -> &Link {
        &self.state.link
    }

    #[inline]
    fn fd(&self) -> RawFd {
        self.fd
    }

    #[inline]
    fn buffered(&self, py: Python<'_>) -> usize {
        self.state.queue.bytes(py)
    }

    #[inline]
    fn item(transport: Py<Self>, event: TransportEvent) -> Ready {
        Ready::Socket(event, transport)
    }

    fn prepare_for(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let receiver = Receiver::of(protocol)?;
        self.state.flags.update(protocol.py(), |flags| flags.receiver = receiver);
        Ok(())
    }
}

flow_control_methods!(SocketTransport);
socket_methods!(SocketTransport);
finalizer!(SocketTransport);

#[pymethods]
impl SocketTransport {
    /// `isinstance(x, asyncio.Transport)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(stdlib::transport_type(slf.py())?.clone().unbind())
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let (open, flags) = (self.is_open(py), self.state.flags.get(py));
        let details = if open && self.state.link.is_joined(py) {
            let reading = flags.stage.registered && flags.stage.is_reading() && !flags.read_ended;
            let writing = !self.state.queue.is_empty(py) || self.state.sending.is_some(py);
            let bytes = self.state.queue.bytes(py);
            format!(" read={} write=<{}, bufsize={bytes}>", polling(reading), polling(writing))
        } else {
            String::new()
        };
        let words = describe("SocketTransport", open, flags.stage.closing, self.fd, &details);
        allocate::string(py, &words)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.link.traverse(&visit)?;
            state.server.traverse(|it| visit.call(it))?;
            state.extra.traverse(|it| visit.call(it))?;
            state.socket.traverse(|socket| match socket {
                Socket::Python(socket) => visit.call(socket),
                Socket::Native(_) | Socket::Closed => Ok(()),
            })?;
            state.sending.traverse(|it| it.as_ref().map_or(Ok(()), |it| it.traverse(&visit)))?;
            state.queue.traverse(|it| it.traverse(&visit))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        let state = &self.state;
        drop(state.link.take(py));
        drop(state.server.take(py));
        drop(state.extra.take(py));
        drop(state.queue.take(py));
        drop(state.sending.take(py));
    }
}
