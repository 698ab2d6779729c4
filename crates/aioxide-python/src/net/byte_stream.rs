//! A stream of bytes for Rust futures: a native protocol over any stream transport.
//!
//! What the transport receives goes into a buffer of the stream, without a Python object in
//! between if the transport is a TCP or Unix socket's. The stream reads on while nobody looks, up
//! to a bound, and pauses the transport beyond it.

use std::task::{Context, Poll, Waker};

use aioxide_trace::ItemKind;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyConnectionResetError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::core::dispatch::{NativeWork, Ready};
use crate::core::event_loop::LoopCore;
use crate::ffi::allocate;
use crate::ffi::buffers::BufferView;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::net::received::Received;
use crate::net::tls::SslTransport;
use crate::net::transports::SocketTransport;

/// With this many bytes nobody has taken the transport is paused.
const HIGH_WATER: usize = 256 * 1024;
/// With no more than this many it is resumed.
const LOW_WATER: usize = 64 * 1024;
/// An empty buffer of this capacity is kept by a stream that is in use.
const KEPT_CAPACITY: usize = 512 * 1024;

/// A protocol whose data Rust futures read and write.
#[pyclass(frozen, weakref, module = "aioxide")]
pub struct ByteStream {
    state: Contents<State>,
}

struct State {
    transport: GilCell<Option<Py<PyAny>>>,
    received: GilCell<Received>,
    /// Why the connection was lost.
    exception: GilCell<Option<Py<PyAny>>>,
    reader: GilCell<Option<Waker>>,
    writer: GilCell<Option<Waker>>,
    flags: GilCell<Flags>,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    /// The peer has closed its side.
    eof: bool,
    /// `connection_lost` was called.
    lost: bool,
    /// The transport has called `pause_writing`.
    writing_paused: bool,
    /// This stream has paused the transport.
    reading_paused: bool,
    /// Nobody wants the connection any more.
    abandoned: bool,
    /// There was no memory for what has arrived.
    out_of_memory: bool,
}

impl ByteStream {
    /// A stream without a transport.
    pub fn create(py: Python<'_>) -> PyResult<Bound<'_, Self>> {
        let state = State {
            transport: GilCell::new(None),
            received: GilCell::new(Received::default()),
            exception: GilCell::new(None),
            reader: GilCell::new(None),
            writer: GilCell::new(None),
            flags: GilCell::new(Flags::default()),
        };
        Bound::new(py, Self { state: Contents::new(state) })
    }

    /// The transport, as long as it is connected.
    pub fn transport<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.transport.clone_ref(py).map(|transport| transport.into_bound(py))
    }

    /// Takes in what a transport has received; [`Self::after_feed`] does the rest.
    #[inline]
    pub fn feed(&self, py: Python<'_>, data: &[u8]) {
        if !self.state.received.append(py, data) {
            self.state.flags.update(py, |flags| flags.out_of_memory = true);
        }
    }

    /// Lends room in the buffer to `receive`, which tells how much of it was filled. None if there
    /// is little: then [`Self::feed`] takes a copy. No Python code runs meanwhile.
    #[inline]
    pub fn receive_in_place<R>(
        &self,
        py: Python<'_>,
        receive: impl FnOnce(&mut [u8]) -> (usize, R),
    ) -> Option<R> {
        let mut lent = self.state.received.lend(py);
        let received = lent.room(HIGH_WATER).map(receive);
        lent.fill(received.as_ref().map_or(0, |(count, _)| *count));
        if !self.state.received.give_back(py, lent) {
            self.state.flags.update(py, |flags| flags.out_of_memory = true);
        }
        received.map(|(_, result)| result)
    }

    /// Wakes the future that reads, and pauses the transport if there is too much.
    #[inline]
    pub fn after_feed(&self, py: Python<'_>) -> PyResult<()> {
        self.wake_reader(py);
        let flags = self.state.flags.get(py);
        if !flags.reading_paused && self.state.received.len(py) > HIGH_WATER {
            self.state.flags.update(py, |flags| flags.reading_paused = true);
            self.call_transport(py, "pause_reading")?;
        }
        Ok(())
    }

    fn wake_reader(&self, py: Python<'_>) {
        if let Some(waker) = self.state.reader.take(py) {
            waker.wake();
        }
    }

    fn wake_writer(&self, py: Python<'_>) {
        if let Some(waker) = self.state.writer.take(py) {
            waker.wake();
        }
    }

    fn call_transport(&self, py: Python<'_>, method: &str) -> PyResult<()> {
        match self.transport(py) {
            Some(transport) => transport.call_method0(allocate::string(py, method)?).map(drop),
            None => Ok(()),
        }
    }

    /// Ready when there is something new: bytes, the end, or the failure of the connection.
    pub fn poll_received(&self, py: Python<'_>, context: &Context<'_>) -> Poll<PyResult<()>> {
        let state = &self.state;
        let flags = state.flags.get(py);
        if flags.out_of_memory {
            return Poll::Ready(Err(allocate::out_of_memory()));
        }
        if state.received.len(py) > 0 {
            return Poll::Ready(Ok(()));
        }
        if let Some(exception) = state.exception.clone_ref(py) {
            return Poll::Ready(Err(PyErr::from_value(exception.into_bound(py))));
        }
        if flags.eof || flags.lost {
            return Poll::Ready(Ok(()));
        }
        drop(state.reader.replace(py, Some(context.waker().clone())));
        Poll::Pending
    }

    /// Lends the received bytes to `look`, which takes what it uses off the front. No Python code
    /// runs: a transport that may receive again is told by an item of the loop.
    pub fn received<R>(
        slf: &Bound<'_, Self>,
        core: Option<&Bound<'_, LoopCore>>,
        look: impl FnOnce(&mut &[u8]) -> R,
    ) -> R {
        let py = slf.py();
        let state = &slf.get().state;
        let mut lent = state.received.lend(py);
        let mut rest = lent.rest();
        let before = rest.len();
        let result = look(&mut rest);
        let taken = before - rest.len();
        lent.take(taken);
        if !state.received.give_back(py, lent) {
            state.flags.update(py, |flags| flags.out_of_memory = true);
        }
        state.received.free_if_empty(py, KEPT_CAPACITY);
        if state.flags.get(py).reading_paused
            && state.received.len(py) <= LOW_WATER
            && let Some(core) = core
        {
            state.flags.update(py, |flags| flags.reading_paused = false);
            let work: Box<dyn NativeWork> = Box::new(Resume(slf.clone().unbind()));
            core.get().schedule(py, Ready::Native(Box::new(work)));
        }
        result
    }

    /// Whether the peer has closed its side, or the connection was closed, and all was taken. A
    /// connection that has failed is not at its end: [`Self::poll_received`] tells why.
    pub fn is_at_end(&self, py: Python<'_>) -> bool {
        let state = &self.state;
        let flags = state.flags.get(py);
        (flags.eof || flags.lost)
            && state.received.len(py) == 0
            && state.exception.clone_ref(py).is_none()
    }

    /// Sends `data`, or queues it in the transport.
    ///
    /// # Errors
    ///
    /// `ConnectionResetError` once the connection is lost.
    pub fn write(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        let Some(transport) = self.transport(py) else {
            return Err(match self.state.exception.clone_ref(py) {
                Some(exception) => PyErr::from_value(exception.into_bound(py)),
                None => PyConnectionResetError::new_err(crate::name!("Connection lost")),
            });
        };
        match transport.cast_exact::<SocketTransport>() {
            Ok(socket) => SocketTransport::write_slice(socket, data),
            Err(_) => {
                let data = allocate::bytes(py, data)?;
                match transport.cast_exact::<SslTransport>() {
                    Ok(tls) => tls.get().write_bytes(data.as_any()),
                    Err(_) => {
                        transport.call_method1(crate::intern!(py, "write"), (data,)).map(drop)
                    }
                }
            }
        }
    }

    /// Ready when the transport wants more to send; it fails when the connection is lost.
    pub fn poll_writable(&self, py: Python<'_>, context: &Context<'_>) -> Poll<PyResult<()>> {
        let state = &self.state;
        let flags = state.flags.get(py);
        if flags.lost {
            return Poll::Ready(Err(match state.exception.clone_ref(py) {
                Some(exception) => PyErr::from_value(exception.into_bound(py)),
                None => PyConnectionResetError::new_err(crate::name!("Connection lost")),
            }));
        }
        if !flags.writing_paused {
            return Poll::Ready(Ok(()));
        }
        drop(state.writer.replace(py, Some(context.waker().clone())));
        Poll::Pending
    }

    /// Whether the connection is open and silent. Its buffer is released: it is about to idle, or
    /// has idled.
    pub fn is_usable(&self, py: Python<'_>) -> bool {
        let state = &self.state;
        state.received.free_if_empty(py, 0);
        let flags = state.flags.get(py);
        // A peer that does not read would hold up the next request too.
        let is_stuck = flags.out_of_memory || flags.writing_paused;
        if flags.eof || flags.lost || is_stuck || state.received.len(py) > 0 {
            return false;
        }
        let Some(transport) = self.transport(py) else { return false };
        match transport.cast_exact::<SocketTransport>() {
            Ok(socket) => !socket.get().is_closing(py),
            Err(_) => transport
                .call_method0(crate::intern!(py, "is_closing"))
                .and_then(|closing| closing.is_truthy())
                .is_ok_and(|closing| !closing),
        }
    }

    /// Ends the connection at once; what was not sent yet is dropped.
    pub fn abort(&self, py: Python<'_>) {
        if let Some(transport) = self.transport(py)
            && let Err(error) = transport.call_method0(crate::intern!(py, "abort"))
        {
            error.write_unraisable(py, Some(&transport));
        }
    }

    /// Nobody wants it any more: its connection ends as soon as it is made.
    pub fn abandon(&self, py: Python<'_>) {
        self.state.flags.update(py, |flags| flags.abandoned = true);
        self.abort(py);
    }
}

/// The stream has room again.
struct Resume(Py<ByteStream>);

impl NativeWork for Resume {
    fn conclude(self: Box<Self>, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        self.0.get().call_transport(core.py(), "resume_reading")
    }

    fn kind(&self) -> ItemKind {
        ItemKind::RustFuture
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

#[pymethods]
impl ByteStream {
    fn connection_made(&self, transport: Bound<'_, PyAny>) {
        let py = transport.py();
        drop(self.state.transport.replace(py, Some(transport.unbind())));
        if self.state.flags.get(py).abandoned {
            self.abort(py);
        }
    }

    fn data_received(&self, data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        self.feed(py, BufferView::readable(&data)?.bytes());
        self.after_feed(py)
    }

    /// Lets the transport close itself.
    fn eof_received(&self, py: Python<'_>) {
        self.state.flags.update(py, |flags| flags.eof = true);
        self.wake_reader(py);
    }

    fn connection_lost(&self, py: Python<'_>, exc: Option<Bound<'_, PyAny>>) {
        self.state.flags.update(py, |flags| flags.lost = true);
        let exception = exc.map(Bound::unbind);
        let before = (self.state.exception.replace(py, exception), self.state.transport.take(py));
        self.wake_reader(py);
        self.wake_writer(py);
        drop(before);
    }

    fn pause_writing(&self, py: Python<'_>) {
        self.state.flags.update(py, |flags| flags.writing_paused = true);
    }

    fn resume_writing(&self, py: Python<'_>) {
        self.state.flags.update(py, |flags| flags.writing_paused = false);
        self.wake_writer(py);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.transport.traverse(|transport| visit.call(transport))?;
            state.exception.traverse(|exception| visit.call(exception))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop((self.state.transport.take(py), self.state.exception.take(py)));
    }
}
