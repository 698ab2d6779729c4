//! The Python class `DatagramTransport`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};
use pyo3::{Borrowed, PyTraverseError};
use rustix::net::AddressFamily;

use super::destination::Destination;
use super::sending::Outgoing;
use crate::event_loop::{LoopCore, Ready};
use crate::finalizer::Finalize;
use crate::futures::Future;
use crate::standard;
use crate::transports::flow_control::flow_control_methods;
use crate::transports::link::{Link, extra_methods, link_methods};
use crate::transports::{Transport, TransportEvent, addresses, socket_info};
use crate::with_cell::WithCell;

/// A datagram socket that a protocol sends and receives through.
///
/// Made by `create_datagram_endpoint`. See the asyncio documentation of
/// `DatagramTransport`.
#[pyclass(frozen, weakref, dict, module = "aioxide")]
pub struct DatagramTransport {
    pub(super) state: WithCell<State>,
    /// The descriptor, also after it was closed: for `repr`.
    pub(super) fd: RawFd,
    /// The socket's family, if its system calls are made here.
    pub(super) family: Option<AddressFamily>,
    /// The address that all datagrams go to, if it was fixed.
    pub(super) address: Option<Py<PyAny>>,
    /// What `get_extra_info` knows.
    extra: Py<PyDict>,
}

pub(super) struct State {
    pub link: Link,
    /// None once closed.
    pub socket: Option<Py<PyAny>>,
    /// Where datagrams without an address go.
    pub destination: Destination,
    /// Datagrams that the kernel has refused to take yet.
    pub queue: VecDeque<Outgoing>,
    /// What the queue counts for.
    pub buffered: usize,
    /// The last sender and its address as the protocol got it: often the next
    /// sender as well, and the next destination.
    pub last_sender: Option<(SocketAddr, Py<PyTuple>)>,
    /// Nonzero once `connection_lost` is scheduled; counts datagrams after that.
    pub lost_writes: u32,
    pub closing: bool,
    pub paused: bool,
    /// The queue is not empty, or was not when it was last flushed: the next
    /// writability is awaited.
    pub flushing: bool,
    /// Registered with the poller.
    pub registered: bool,
}

impl DatagramTransport {
    /// A transport over a non-blocking socket, whose start is scheduled:
    /// `connection_made` is called in the next turn, then receiving begins,
    /// then `waiter` gets its result.
    ///
    /// With `address`, datagrams go there and nowhere else.
    pub fn create(
        core: &Bound<'_, LoopCore>,
        socket: Bound<'_, PyAny>,
        protocol: Bound<'_, PyAny>,
        address: Option<Bound<'_, PyAny>>,
        waiter: Option<Py<Future>>,
        extra: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Py<Self>> {
        let py = core.py();
        let fd = crate::event_loop::file_descriptor(&socket)?;
        core.get().ensure_no_transport(fd, &socket)?;
        let extra = socket_info::of_socket(&socket, extra)?;
        // A subclass may have methods of its own.
        let plain = socket.get_type().is(standard::socket_type(py)?);
        let family = addresses::family(fd).filter(|family| plain && is_native(*family));
        let address = match address {
            Some(address) if address.is_truthy()? => Some(address),
            _ => None,
        };
        let connected = match extra.get_item("peername")? {
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
            socket: Some(socket.unbind()),
            destination,
            queue: VecDeque::new(),
            buffered: 0,
            last_sender: None,
            lost_writes: 0,
            closing: false,
            paused: false,
            flushing: false,
            registered: false,
        };
        let transport = Self {
            state: WithCell::new(state),
            fd,
            family,
            address: address.map(Bound::unbind),
            extra: extra.unbind(),
        };
        core.get().admit(py)?;
        let transport = Py::new(py, transport)?;
        core.get().schedule(py, Self::item(transport.clone_ref(py), TransportEvent::Start));
        Ok(transport)
    }

    /// The descriptor, for one system call.
    #[inline]
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        // SAFETY: the transport keeps its socket object open until `lost`
        // closes it, after which no system call is made: every caller looks at
        // the state first.
        unsafe { BorrowedFd::borrow_raw(self.fd) }
    }

    /// The socket object, until it is closed.
    pub(super) fn socket<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(py, |state| state.socket.as_ref().map(|socket| socket.bind(py).clone()))
    }
}

/// Whether the senders' addresses can be told without the socket object.
fn is_native(family: AddressFamily) -> bool {
    matches!(family, AddressFamily::INET | AddressFamily::INET6 | AddressFamily::UNIX)
}

impl Transport for DatagramTransport {
    #[inline]
    fn link<R>(&self, py: Python<'_>, access: impl FnOnce(&mut Link) -> R) -> R {
        self.state.with(py, |state| access(&mut state.link))
    }

    #[inline]
    fn buffered(&self, py: Python<'_>) -> usize {
        self.state.with(py, |state| state.buffered)
    }

    #[inline]
    fn item(transport: Py<Self>, event: TransportEvent) -> Ready {
        Ready::Datagram(event, transport)
    }

    fn force_close(&self, slf: &Bound<'_, Self>, reason: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let (first, dropped) = self.state.with(slf.py(), |state| {
            if state.lost_writes > 0 {
                return (false, None);
            }
            state.closing = true;
            state.lost_writes = 1;
            (true, Some(state.take_queue()))
        });
        drop(dropped);
        if first { self.schedule_lost(slf, reason) } else { Ok(()) }
    }
}

impl State {
    /// Empties the queue. The caller drops what is returned.
    #[must_use]
    pub fn take_queue(&mut self) -> VecDeque<Outgoing> {
        self.buffered = 0;
        self.flushing = false;
        std::mem::take(&mut self.queue)
    }
}

link_methods!(DatagramTransport);
flow_control_methods!(DatagramTransport);
extra_methods!(DatagramTransport);

#[pymethods]
impl DatagramTransport {
    /// `isinstance(x, asyncio.DatagramTransport)` is true, and so is
    /// `isinstance(x, asyncio.Transport)`, for which asyncio's own has a class
    /// that inherits both.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        let py = slf.py();
        static BOTH: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let both = BOTH.get_or_try_init(py, || {
            let bases = (standard::transport_type(py)?, standard::datagram_transport_type(py)?);
            let namespace = PyDict::new(py);
            namespace.set_item("__module__", "aioxide")?;
            namespace.set_item("__slots__", ())?;
            let class = py.get_type::<PyType>().call1(("DatagramTransport", bases, namespace))?;
            Ok::<_, PyErr>(class.cast_into::<PyType>()?.unbind())
        })?;
        Ok(both.clone_ref(py))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.state.with(py, |state| {
            let mut words = vec!["DatagramTransport".to_owned()];
            if state.socket.is_none() {
                words.push("closed".to_owned());
            } else if state.closing {
                words.push("closing".to_owned());
            }
            words.push(format!("fd={}", self.fd));
            if state.socket.is_some() && state.link.is_joined() {
                let reading = state.registered && !state.paused && !state.closing;
                let writing = if state.flushing { "polling" } else { "idle" };
                words.push(format!("read={}", if reading { "polling" } else { "idle" }));
                words.push(format!("write=<{writing}, bufsize={}>", state.buffered));
            }
            format!("<{}>", words.join(" "))
        })
    }

    #[getter]
    fn _sock<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.socket(py)
    }

    #[getter]
    fn _sock_fd(&self) -> i32 {
        self.fd
    }

    #[getter]
    fn _address<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.address.as_ref().map(|address| address.bind(py).clone())
    }

    #[getter]
    fn _closing(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.closing)
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            // Not before the state: memory may be zeroed and not filled in yet.
            visit.call(&self.extra)?;
            visit.call(&self.address)?;
            state.link.traverse(&visit)?;
            visit.call(&state.socket)?;
            state.destination.traverse(&visit)?;
            if let Some((_, address)) = &state.last_sender {
                visit.call(address)?;
            }
            state.queue.iter().try_for_each(|outgoing| outgoing.traverse(&visit))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, |state| {
            (
                state.link.take(),
                std::mem::replace(&mut state.destination, Destination::Peer),
                state.take_queue(),
                state.last_sender.take(),
            )
        }));
    }
}

impl Finalize for DatagramTransport {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        slf.get().state.with(slf.py(), |state| state.socket.is_some())
    }

    fn finalize(slf: &Bound<'_, Self>) {
        slf.get().abandoned(slf);
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
