//! The Python class `WritePipeTransport`.

use std::os::fd::RawFd;

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyAssertionError, PyNotImplementedError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyMemoryView, PyString, PyType};

use super::end::{self, FileKind, pipe_methods};
use crate::core::dispatch::TransportEvent;
use crate::core::dispatch::{READABLE, Ready, Watcher};
use crate::core::event_loop::{Direction, LoopCore};
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::attributes::count_attributes;
use crate::ffi::buffers::BufferView;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::net::transports::Transport;
use crate::net::transports::flow_control::flow_control_methods;
use crate::net::transports::lifecycle::{Lifecycle, finalizer};
use crate::net::transports::link::{Link, extra_methods, link_methods};
use crate::net::transports::write_queue::{Piece, WriteQueue};
use crate::stdlib;

/// Systems on which the write end of a named FIFO is readable while there is
/// data in it. There this does not mean that the read end is closed.
const FIFO_END_NOT_REPORTED: bool = cfg!(target_vendor = "apple");

/// A pipe that a protocol writes to.
///
/// Made by `connect_write_pipe`. See the asyncio documentation of
/// `WriteTransport`.
#[pyclass(frozen, weakref, dict, module = "aioxide")]
pub struct WritePipeTransport {
    pub(super) state: Contents<State>,
    /// The descriptor, also after it was closed: for `repr`.
    pub(super) fd: RawFd,
    /// Whether the poller reports that the read end is closed.
    reports_end: bool,
}

pub(super) struct State {
    link: Link,
    /// None once closed.
    pipe: GilCell<Option<Py<PyAny>>>,
    /// The dictionary behind `get_extra_info`.
    extra: GilCell<Py<PyDict>>,
    pub queue: GilCell<WriteQueue>,
    pub flags: GilCell<Flags>,
}

/// The state of the transport.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// `close` or `write_eof` was called, or the pipe is lost.
    pub closing: bool,
    /// Nonzero once a write has failed; counts writes after the end.
    pub lost_writes: u32,
    /// `connection_lost` is scheduled.
    pub lost: bool,
    /// The poller watches whether the read end is closed.
    pub watching_end: bool,
    /// The poller watches whether the pipe has room.
    pub watching_room: bool,
}

impl WritePipeTransport {
    pub(super) fn watch(&self, slf: &Bound<'_, Self>, direction: Direction) -> PyResult<()> {
        let py = slf.py();
        match self.core(py) {
            Some(core) => {
                core.get().check_closed(py)?;
                let watcher = Watcher::WritePipe(slf.clone().unbind());
                core.get().set_watcher(py, self.fd, direction, watcher)
            }
            None => Ok(()),
        }
    }

    pub(super) fn stop_watching(&self, py: Python<'_>, direction: Direction) {
        let watching = self.state.flags.update(py, |flags| match direction {
            Direction::Read => std::mem::take(&mut flags.watching_end),
            Direction::Write => std::mem::take(&mut flags.watching_room),
        });
        if watching {
            end::stop_watching(self, py, self.fd, direction);
        }
    }
}

impl Transport for WritePipeTransport {
    const FATAL_ERROR: &'static str = "Fatal error on pipe transport";

    fn link(&self) -> &Link {
        &self.state.link
    }

    #[inline]
    fn fd(&self) -> RawFd {
        self.fd
    }

    fn buffered(&self, py: Python<'_>) -> usize {
        self.state.queue.bytes(py)
    }

    fn item(transport: Py<Self>, event: TransportEvent) -> Ready {
        Ready::WritePipe(event, transport)
    }
}

impl Lifecycle for WritePipeTransport {
    /// Watches whether the read end is closed. A transport that its protocol has
    /// closed is not watched, because its descriptor is about to be closed.
    fn register(&self, _core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if !self.reports_end || self.state.flags.get(py).lost {
            return Ok(());
        }
        self.watch(slf, Direction::Read)?;
        self.state.flags.update(py, |flags| flags.watching_end = true);
        Ok(())
    }

    fn ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        readiness: u8,
    ) -> PyResult<()> {
        if readiness == READABLE { self.reader_closed(slf) } else { self.flush(core, slf) }
    }

    fn ready_step(readiness: u8) -> &'static str {
        if readiness == READABLE { "_read_ready" } else { "_write_ready" }
    }

    fn is_open(&self, py: Python<'_>) -> bool {
        self.state.pipe.is_some(py)
    }

    fn mark_lost(&self, py: Python<'_>) -> bool {
        self.state.flags.update(py, |flags| {
            flags.closing = true;
            !std::mem::replace(&mut flags.lost, true)
        })
    }

    fn discard(&self, py: Python<'_>) {
        drop(self.state.queue.take(py));
        self.stop_watching(py, Direction::Write);
        self.stop_watching(py, Direction::Read);
    }

    fn before_lost(&self, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        self.stop_watching(core.py(), Direction::Read);
        Ok(())
    }

    fn release(&self, slf: &Bound<'_, Self>, _core: Option<&Bound<'_, LoopCore>>) -> PyResult<()> {
        let py = slf.py();
        self.state.flags.update(py, |flags| {
            flags.closing = true;
            flags.lost = true;
        });
        let rest = (self.state.link.take(py), self.state.queue.take(py));
        let closed = end::close(py, self.state.pipe.take(py));
        drop(rest);
        closed
    }
}

link_methods!(WritePipeTransport);
flow_control_methods!(WritePipeTransport);
extra_methods!(WritePipeTransport);

pipe_methods!(WritePipeTransport, closing);
finalizer!(WritePipeTransport);

count_attributes!(WritePipeTransport {
    _conn_lost: lost_writes, get__conn_lost, set__conn_lost;
});

#[pymethods]
impl WritePipeTransport {
    /// `isinstance(x, asyncio.WriteTransport)` is true, and so is
    /// `isinstance(x, asyncio.Transport)`, which asyncio's class inherits for
    /// its flow control.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(stdlib::transport_type(slf.py())?.clone().unbind())
    }

    /// Writes as much of `data` as the pipe takes, and queues the rest.
    fn write(slf: &Bound<'_, Self>, data: Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        if let Ok(bytes) = data.cast::<PyBytes>() {
            let slice = bytes.as_bytes();
            if slice.is_empty() {
                return Ok(());
            }
            return this.write_or_queue(slf, slice, |sent| {
                Ok((Piece::Object(bytes.clone().unbind()), sent))
            });
        }
        if !data.is_instance_of::<PyByteArray>() && !data.is_instance_of::<PyMemoryView>() {
            return Err(PyAssertionError::new_err(data.repr()?.unbind()));
        }
        if data.len()? == 0 {
            return Ok(());
        }
        let view = match BufferView::readable(&data) {
            Ok(view) => view,
            Err(error) => return this.write_failed(slf, error),
        };
        // The caller may change the buffer after this call, so the rest is
        // copied.
        this.write_or_queue(slf, view.bytes(), |sent| {
            Ok((Piece::copy(view.bytes().get(sent..).unwrap_or_default())?, 0))
        })
    }

    /// Writes all pieces of an iterable, in order.
    fn writelines(slf: &Bound<'_, Self>, list_of_data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let joined =
            allocate::bytes(py, b"")?.call_method1(crate::intern!(py, "join"), (list_of_data,))?;
        Self::write(slf, joined)
    }

    /// The same as `close`: closing the write end is the end of file for the
    /// reader.
    fn write_eof(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let idle = this.state.queue.is_empty(py);
        let now = this.state.flags.update(py, |flags| {
            !std::mem::replace(&mut flags.closing, true)
                && idle
                && !std::mem::replace(&mut flags.lost, true)
        });
        if !now {
            return Ok(());
        }
        this.stop_watching(py, Direction::Read);
        this.schedule_lost(slf, None)
    }

    /// Not implemented: a write end cannot be read.
    fn pause_reading(&self) -> PyResult<()> {
        Err(PyNotImplementedError::new_err(()))
    }

    /// See `pause_reading`.
    fn resume_reading(&self) -> PyResult<()> {
        Err(PyNotImplementedError::new_err(()))
    }

    /// See `pause_reading`.
    fn is_reading(&self) -> PyResult<bool> {
        Err(PyNotImplementedError::new_err(()))
    }

    /// Always true.
    fn can_write_eof(&self) -> bool {
        true
    }

    /// Ends the transport once everything is written; `connection_lost(None)`
    /// follows.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::write_eof(slf)
    }

    /// Ends the transport in the next iteration; what waits to be written is
    /// dropped.
    fn abort(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().force_close(slf, None)
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let Flags { closing, watching_room, .. } = self.state.flags.get(py);
        let class = ("WritePipeTransport", self.fd);
        let details = format!(", bufsize={}", self.state.queue.bytes(py));
        let words = end::describe(self, py, class, (closing, watching_room), &details);
        allocate::string(py, &words)
    }

    /// A copy of the unsent data.
    #[getter]
    fn _buffer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.state.queue.joined(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.extra.traverse(|it| visit.call(it))?;
            state.link.traverse(&visit)?;
            state.pipe.traverse(|it| visit.call(it))?;
            state.queue.traverse(|it| it.traverse(&visit))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.link.take(py));
        drop(self.state.queue.take(py));
    }
}

#[pymethods]
impl LoopCore {
    /// Creates a transport over the write end of a pipe and schedules its
    /// start.
    #[pyo3(signature = (pipe, protocol, waiter=None, extra=None))]
    fn _make_write_pipe_transport(
        slf: &Bound<'_, Self>,
        pipe: Bound<'_, PyAny>,
        protocol: Bound<'_, PyAny>,
        waiter: Option<Py<Future>>,
        extra: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Py<WritePipeTransport>> {
        let py = slf.py();
        let extra = end::extra(&pipe, extra)?;
        let refusal = "Pipe transport is only for pipes, sockets and character devices";
        let (fd, kind) = end::open(&pipe, refusal)?;
        let link = Link::new(slf, protocol, waiter)?;
        slf.get().admit(py)?;
        let state = State {
            link,
            pipe: GilCell::new(Some(pipe.unbind())),
            extra: GilCell::new(extra.unbind()),
            queue: GilCell::new(WriteQueue::default()),
            flags: GilCell::new(Flags::default()),
        };
        let reports_end = match kind {
            FileKind::Pipe | FileKind::Socket => true,
            FileKind::Fifo => !FIFO_END_NOT_REPORTED,
            FileKind::CharacterDevice => false,
        };
        let transport = WritePipeTransport { state: Contents::new(state), fd, reports_end };
        let transport = Py::new(py, transport)?;
        let start = WritePipeTransport::item(transport.clone_ref(py), TransportEvent::Start);
        slf.get().schedule(py, start);
        Ok(transport)
    }
}
