//! The Python class `DatagramTransport`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};

use pyo3::PyTraverseError;
use pyo3::exceptions::PyNotImplementedError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use rustix::net::AddressFamily;

use super::destination::Destination;
use super::sending::Outgoing;
use crate::core::dispatch::Ready;
use crate::core::dispatch::TransportEvent;
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::ffi::attributes::{count_attributes, flag_attributes};
use crate::ffi::file_descriptor;
use crate::ffi::file_descriptor::numbered;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::net::transports::flow_control::flow_control_methods;
use crate::net::transports::lifecycle::{
    Lifecycle, Stage, describe, finalizer, polling, socket_methods,
};
use crate::net::transports::link::{Link, extra_methods, link_methods};
use crate::net::transports::{Transport, socket_info};
use crate::stdlib;

/// A datagram socket that a protocol sends and receives through.
///
/// Made by `create_datagram_endpoint`. See the asyncio documentation of
/// `DatagramTransport`.
#[pyclass(frozen, weakref, dict, module = "aioxide")]
pub struct DatagramTransport {
    pub(super) state: Contents<State>,
    /// The descriptor, also after it was closed: for `repr`.
    pub(super) fd: RawFd,
    /// The socket's family, if its system calls are made here; else the socket
    /// object's methods are called.
    pub(super) family: Option<AddressFamily>,
}

pub(super) struct State {
    pub link: Link,
    /// None once closed.
    pub socket: GilCell<Option<Py<PyAny>>>,
    /// The only address to which datagrams are sent, if the program gave one.
    pub address: Option<Py<PyAny>>,
    /// The dictionary behind `get_extra_info`.
    pub extra: GilCell<Py<PyDict>>,
    /// The destination of datagrams without an address.
    pub destination: GilCell<Destination>,
    /// Datagrams that wait until the kernel takes them.
    pub queue: GilCell<VecDeque<Outgoing>>,
    /// The last sender, as a number and as the object that the protocol got. It
    /// is often the next sender as well, and the next destination.
    pub last_sender: GilCell<Option<(SocketAddr, Py<PyTuple>)>>,
    pub flags: GilCell<Flags>,
}

/// The state of the transport.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub stage: Stage,
    /// The size of the queue, in bytes.
    pub buffered: usize,
    /// The queue is not empty, or was not when it was last flushed: it is
    /// flushed when the socket becomes writable.
    pub flushing: bool,
}

impl DatagramTransport {
    /// Creates a transport over a non-blocking socket and schedules its start:
    /// in the next iteration `connection_made` is called, then receiving begins,
    /// then `waiter` gets its result.
    ///
    /// With `address`, datagrams are sent only there.
    pub fn create(
        core: &Bound<'_, LoopCore>,
        socket: Bound<'_, PyAny>,
        protocol: Bound<'_, PyAny>,
        address: Option<Bound<'_, PyAny>>,
        waiter: Option<Py<Future>>,
        extra: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Py<Self>> {
        let py = core.py();
        let fd = crate::core::event_loop::file_descriptor(&socket)?;
        core.get().ensure_no_transport(fd, &socket)?;
        let extra = socket_info::of_socket(&socket, extra)?;
        // A subclass may override methods.
        let plain = socket.get_type().is(stdlib::socket_type(py)?);
        let family = file_descriptor::family(fd).filter(|family| plain && is_native(*family));
        let address = match address {
            Some(address) if address.is_truthy()? => Some(address),
            _ => None,
        };
        let connected = match extra.get_item(crate::name!("peername"))? {
            Some(peer) => peer.is_truthy()?,
            None => false,
        };
        let destination = match &address {
            _ if connected => Destination::Peer,
            Some(address) => Destination::of(family, address),
            None => Destination::Other(py.None()),
        };
        let state = State {
            link: Link::new(core, protocol, waiter)?,
            socket: GilCell::new(Some(socket.unbind())),
            address: address.map(Bound::unbind),
            extra: GilCell::new(extra.unbind()),
            destination: GilCell::new(destination),
            queue: GilCell::new(VecDeque::new()),
            last_sender: GilCell::new(None),
            flags: GilCell::new(Flags::default()),
        };
        let transport = Self { state: Contents::new(state), fd, family };
        core.get().admit(py)?;
        let transport = Py::new(py, transport)?;
        core.get().schedule(py, Self::item(transport.clone_ref(py), TransportEvent::Start));
        Ok(transport)
    }

    /// The descriptor, for one system call.
    #[inline]
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        numbered(self.fd)
    }

    /// The socket object, until it is closed.
    pub(super) fn socket<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.socket.clone_ref(py).map(|socket| socket.into_bound(py))
    }

    /// Empties the queue. The caller drops what is returned.
    #[must_use]
    pub(super) fn take_queue(&self, py: Python<'_>) -> VecDeque<Outgoing> {
        self.state.flags.update(py, |flags| {
            flags.buffered = 0;
            flags.flushing = false;
        });
        self.state.queue.take(py)
    }
}

/// Whether senders' addresses can be converted without the socket object.
fn is_native(family: AddressFamily) -> bool {
    matches!(family, AddressFamily::INET | AddressFamily::INET6 | AddressFamily::UNIX)
}

impl Transport for DatagramTransport {
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
        self.state.flags.get(py).buffered
    }

    #[inline]
    fn item(transport: Py<Self>, event: TransportEvent) -> Ready {
        Ready::Datagram(event, transport)
    }
}

link_methods!(DatagramTransport);
flow_control_methods!(DatagramTransport);
extra_methods!(DatagramTransport);
socket_methods!(DatagramTransport);
finalizer!(DatagramTransport);

flag_attributes!(DatagramTransport {
    _closing: stage.closing, get__closing, set__closing;
    _paused: stage.paused, get__paused, set__paused;
});

count_attributes!(DatagramTransport {
    _conn_lost: stage.lost_writes, get__conn_lost, set__conn_lost;
});

#[pymethods]
impl DatagramTransport {
    /// `isinstance(x, asyncio.DatagramTransport)` is true, and so is
    /// `isinstance(x, asyncio.Transport)`, as for asyncio's class, which
    /// inherits both.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        let py = slf.py();
        static BOTH: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let both = BOTH.get_or_try_init(py, || {
            let bases = [stdlib::transport_type(py)?, stdlib::datagram_transport_type(py)?];
            let bases = allocate::tuple(py, bases.map(Clone::clone))?;
            let namespace = allocate::dict(py)?;
            namespace.set_item(crate::name!("__module__"), crate::name!("aioxide"))?;
            namespace.set_item(crate::name!("__slots__"), ())?;
            let class = py.get_type::<PyType>().call1((
                crate::name!("DatagramTransport"),
                bases,
                namespace,
            ))?;
            Ok::<_, PyErr>(class.cast_into::<PyType>()?.unbind())
        })?;
        Ok(both.clone_ref(py))
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let (open, flags) = (self.is_open(py), self.state.flags.get(py));
        let details = if open && self.state.link.is_joined(py) {
            let reading = flags.stage.registered && flags.stage.is_reading();
            let (reading, writing) = (polling(reading), polling(flags.flushing));
            format!(" read={reading} write=<{writing}, bufsize={}>", flags.buffered)
        } else {
            String::new()
        };
        let words = describe("DatagramTransport", open, flags.stage.closing, self.fd, &details);
        allocate::string(py, &words)
    }

    #[getter]
    fn _sock<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.socket(py)
    }

    /// Always None: servers have no datagram transports.
    #[getter]
    fn _server(&self) -> Option<Py<PyAny>> {
        None
    }

    /// The unsent datagrams: a copy of asyncio's deque of `(data, address)`.
    #[getter]
    fn _buffer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.queue_shown(py)
    }

    /// The size of the unsent datagrams, in bytes.
    #[getter]
    fn _buffer_size(&self, py: Python<'_>) -> Made<usize> {
        Made(self.buffered(py))
    }

    /// Not implemented: a datagram transport is not a stream.
    fn write(&self, data: Bound<'_, PyAny>) -> PyResult<()> {
        drop(data);
        Err(PyNotImplementedError::new_err(()))
    }

    /// See `write`; asyncio's method joins the data before it calls `write`.
    fn writelines(&self, py: Python<'_>, list_of_data: Bound<'_, PyAny>) -> PyResult<()> {
        allocate::bytes(py, b"")?.call_method1(crate::intern!(py, "join"), (list_of_data,))?;
        Err(PyNotImplementedError::new_err(()))
    }

    /// See `write`.
    fn write_eof(&self) -> PyResult<()> {
        Err(PyNotImplementedError::new_err(()))
    }

    /// See `write`.
    fn can_write_eof(&self) -> PyResult<bool> {
        Err(PyNotImplementedError::new_err(()))
    }

    #[getter]
    fn _address<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.address.as_ref().map(|address| address.bind(py).clone())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.extra.traverse(|it| visit.call(it))?;
            visit.call(&state.address)?;
            state.link.traverse(&visit)?;
            state.socket.traverse(|it| visit.call(it))?;
            state.destination.traverse(|it| it.traverse(&visit))?;
            state.last_sender.traverse(|it| match it {
                Some((_, address)) => visit.call(address),
                None => Ok(()),
            })?;
            state.queue.traverse(|it| it.iter().try_for_each(|outgoing| outgoing.traverse(&visit)))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.link.take(py));
        drop(self.state.destination.replace(py, Destination::Peer));
        drop(self.take_queue(py));
        drop(self.state.last_sender.take(py));
    }
}

#[pymethods]
impl LoopCore {
    /// A transport over a non-blocking datagram socket.
    #[pyo3(signature = (sock, protocol, address=None, waiter=None, extra=None))]
    fn _make_datagram_transport(
        slf: &Bound<'_, Self>,
        sock: Bound<'_, PyAny>,
        protocol: Bound<'_, PyAny>,
        address: Option<Bound<'_, PyAny>>,
        waiter: Option<Py<Future>>,
        extra: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Py<DatagramTransport>> {
        DatagramTransport::create(slf, sock, protocol, address, waiter, extra)
    }
}
