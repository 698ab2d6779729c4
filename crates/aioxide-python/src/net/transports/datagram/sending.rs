//! From the protocol to the socket.

use pyo3::PyTraverseError;
use pyo3::exceptions::{
    PyBlockingIOError, PyInterruptedError, PyOSError, PyTypeError, PyValueError,
};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView};
use rustix::io::Errno;
use rustix::net::AddressFamily;

use super::DatagramTransport;
use super::destination::Destination;
use crate::core::dispatch::TransportEvent;
use crate::core::dispatch::WRITABLE;
use crate::core::event_loop::LoopCore;
use crate::ffi::allocate;
use crate::ffi::buffers::BufferView;
use crate::ffi::errors::{Settled, os_error};
use crate::ffi::gil_cell::CloneRef;
use crate::net::transports::addresses::internet_name;
use crate::net::transports::failures::{fatal_error, log_lost_write};
use crate::net::transports::flow_control::{maybe_pause_protocol, maybe_resume_protocol};
use crate::net::transports::{Lifecycle, Transport};

/// The size that a queued datagram has in addition to its data, so that empty
/// datagrams count.
const HEADER_BYTES: usize = if cfg!(Py_3_13) { 8 } else { 0 };

/// A datagram that waits to be sent.
pub struct Outgoing {
    data: Py<PyBytes>,
    to: Destination,
    /// Its size in the queue, in bytes.
    size: usize,
}

impl Outgoing {
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.data)?;
        self.to.traverse(visit)
    }
}

// SAFETY: reference counts go up.
unsafe impl CloneRef for Outgoing {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self { data: self.data.clone_ref(py), to: self.to.clone_ref(py), size: self.size }
    }
}

impl DatagramTransport {
    /// The unsent datagrams, for Python.
    pub(super) fn queue_shown<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let deque = py
            .import(crate::intern!(py, "collections"))?
            .getattr(crate::name!("deque"))?
            .call0()?;
        for outgoing in self.state.queue.all(py) {
            let to = match outgoing.to {
                Destination::Peer => py.None().into_bound(py),
                Destination::Numeric(address) => internet_name(py, address)?.into_any(),
                Destination::Other(address) => address.into_bound(py),
            };
            let data = outgoing.data.into_bound(py).into_any();
            let item = allocate::tuple(py, [data, to])?;
            deque.call_method1(crate::intern!(py, "append"), (item,))?;
        }
        Ok(deque)
    }

    /// Sends one datagram. False: it would block.
    #[inline]
    fn send(&self, data: &Bound<'_, PyAny>, to: &Destination) -> PyResult<bool> {
        match to {
            Destination::Other(address) => self.send_by_object(data, Some(address.bind(data.py()))),
            Destination::Peer if self.family.is_none() => self.send_by_object(data, None),
            _ => match data.cast_exact::<PyBytes>() {
                Ok(bytes) => self.send_bytes(bytes.as_bytes(), to),
                Err(_) => self.send_bytes(BufferView::readable(data)?.bytes(), to),
            },
        }
    }

    #[inline]
    fn send_bytes(&self, bytes: &[u8], to: &Destination) -> PyResult<bool> {
        loop {
            let sent = match to {
                Destination::Numeric(address) => rustix::net::sendto(
                    self.descriptor(),
                    bytes,
                    crate::net::socket_calls::SEND,
                    address,
                ),
                _ => rustix::net::send(self.descriptor(), bytes, crate::net::socket_calls::SEND),
            };
            match sent {
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => {
                    return Ok(false);
                }
                Err(error) => return Err(os_error(error)),
            }
        }
    }

    /// Sends with the methods of the socket object: to the peer, or to
    /// `address`.
    fn send_by_object(
        &self,
        data: &Bound<'_, PyAny>,
        address: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let py = data.py();
        let Some(socket) = self.socket(py) else {
            return Ok(true);
        };
        let sent = match address {
            Some(address) => socket.call_method1(crate::intern!(py, "sendto"), (data, address)),
            None => socket.call_method1(crate::intern!(py, "send"), (data,)),
        };
        match sent {
            Ok(_) => Ok(true),
            Err(error)
                if error.is_instance_of::<PyBlockingIOError>(py)
                    || error.is_instance_of::<PyInterruptedError>(py) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The destination of a datagram for `address`.
    #[inline]
    fn destination(
        &self,
        py: Python<'_>,
        address: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Destination> {
        if let Some(fixed) = &self.state.address
            && let Some(address) = address
            && !address.eq(fixed)?
        {
            return Err(PyValueError::new_err(format!(
                "Invalid address: must be None or {}",
                fixed.bind(py).str()?
            )));
        }
        let Some(address) = address.filter(|_| !self.goes_to_peer(py)) else {
            return Ok(self.state.destination.clone_ref(py));
        };
        let wanted = address.as_ptr().addr();
        let known = self.state.last_sender.read(py, |last| match last {
            Some((numeric, sender)) if sender.as_ptr().addr() == wanted => Some(*numeric),
            _ => None,
        });
        Ok(match known {
            Some(numeric) => Destination::Numeric(numeric),
            None => Destination::of(self.family, address),
        })
    }

    /// Whether the socket is connected, so that datagrams need no address.
    fn goes_to_peer(&self, py: Python<'_>) -> bool {
        self.state.destination.read(py, |it| matches!(it, Destination::Peer))
    }

    /// Counts a datagram that is sent after the connection was lost.
    fn send_lost(&self, py: Python<'_>, lost: u32) -> PyResult<()> {
        self.state.flags.update(py, |flags| flags.stage.lost_writes = lost.saturating_add(1));
        log_lost_write(py, lost, "socket.send() raised exception.")
    }

    /// The kernel takes datagrams again.
    pub(super) fn flush(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let flags = self.state.flags.get(py);
        if !flags.flushing || flags.stage.lost_writes > 0 {
            return Ok(());
        }
        while let Some(outgoing) = self.state.queue.pop_front(py) {
            let size = outgoing.size;
            self.state.flags.update(py, |it| it.buffered = it.buffered.saturating_sub(size));
            match self.send(outgoing.data.bind(py), &outgoing.to).settled(py) {
                Ok(true) => {}
                Ok(false) => {
                    self.state.flags.update(py, |flags| flags.buffered += size);
                    self.state.queue.push_front(py, outgoing);
                    self.wait_until_writable(slf);
                    break;
                }
                Err(error) if error.is_instance_of::<PyOSError>(py) => {
                    // The other datagrams are sent after the callbacks that
                    // this one schedules.
                    self.schedule(slf, TransportEvent::Io(WRITABLE));
                    return self.error_received(core, error);
                }
                Err(error) => {
                    return fatal_error(
                        self,
                        slf,
                        error,
                        "Fatal write error on datagram transport",
                    );
                }
            }
        }
        // The protocol may send, and so fill the queue again.
        maybe_resume_protocol(self, slf)?;
        let empty = self.state.queue.is_empty(py);
        let done = self.state.flags.update(py, |flags| {
            if !empty || flags.stage.lost_writes > 0 {
                return false;
            }
            flags.flushing = false;
            if flags.stage.closing {
                flags.stage.lost_writes = 1;
            }
            flags.stage.closing
        });
        if done { self.lost(slf) } else { Ok(()) }
    }

    /// The kernel did not take a datagram.
    fn wait_until_writable(&self, slf: &Bound<'_, Self>) {
        if self.family == Some(AddressFamily::UNIX) && !self.goes_to_peer(slf.py()) {
            // The receiver's queue is full. The poller reports only this
            // socket, which stays writable all the time. So one attempt is made
            // per iteration, as in asyncio.
            self.schedule(slf, TransportEvent::Io(WRITABLE));
        }
    }
}

#[pymethods]
impl DatagramTransport {
    /// Sends `data` to `addr`, or to the peer; queues it if the kernel's buffer
    /// is full. A system error is passed to `error_received`.
    ///
    /// Before Python 3.13 an empty datagram is not sent.
    #[pyo3(signature = (data, addr=None))]
    fn sendto(
        slf: &Bound<'_, Self>,
        data: Bound<'_, PyAny>,
        addr: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let is_bytes = data.is_instance_of::<PyBytes>();
        if !is_bytes
            && !data.is_instance_of::<PyByteArray>()
            && !data.is_instance_of::<PyMemoryView>()
        {
            return Err(PyTypeError::new_err(format!(
                "data argument must be a bytes-like object, not {}",
                data.get_type().name()?.repr()?
            )));
        }
        if !cfg!(Py_3_13) && data.len()? == 0 {
            return Ok(());
        }
        let to = this.destination(py, addr.as_ref())?;
        let (lost, closed) =
            (this.state.flags.get(py).stage.lost_writes, this.state.socket.is_none(py));
        let idle = this.state.queue.is_empty(py);
        if lost > 0 && (closed || this.state.address.is_some()) {
            return this.send_lost(py, lost);
        }
        if idle {
            match this.send(&data, &to).settled(py) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if error.is_instance_of::<PyOSError>(py) => {
                    let Some(protocol) = this.protocol(py) else {
                        return Ok(());
                    };
                    let method = crate::intern!(py, "error_received");
                    return protocol.call_method1(method, (error.into_value(py),)).map(drop);
                }
                Err(error) => {
                    return fatal_error(
                        this,
                        slf,
                        error,
                        "Fatal write error on datagram transport",
                    );
                }
            }
        }
        // The caller may change the buffer after this call.
        let data = match data.cast_into_exact::<PyBytes>() {
            Ok(bytes) => bytes,
            Err(other) => {
                let view = BufferView::readable(other.into_inner().as_any())?;
                allocate::bytes(py, view.bytes())?
            }
        };
        let size = data.as_bytes().len() + HEADER_BYTES;
        let outgoing = Outgoing { data: data.unbind(), to, size };
        this.state.flags.update(py, |flags| {
            flags.buffered += size;
            flags.flushing = true;
        });
        this.state.queue.push_back(py, outgoing);
        if idle {
            this.wait_until_writable(slf);
        }
        maybe_pause_protocol(this, slf)
    }
}
