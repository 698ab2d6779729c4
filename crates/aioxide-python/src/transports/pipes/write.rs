//! The Python class `WritePipeTransport`.

use std::os::fd::RawFd;
use std::sync::OnceLock;

use pyo3::exceptions::{PyAssertionError, PyBrokenPipeError};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyMemoryView, PyType};
use pyo3::{Borrowed, PyTraverseError};
use rustix::io::Errno;

use super::end::{self, Kind};
use crate::buffers::BufferView;
use crate::errors::os_error;
use crate::event_loop::{Direction, LoopCore, READABLE, Ready, Watcher};
use crate::finalizer::Finalize;
use crate::futures::Future;
use crate::standard;
use crate::transports::failures::{fatal_error, report_step, warn_unclosed};
use crate::transports::flow_control::{
    flow_control_methods, maybe_pause_protocol, maybe_resume_protocol,
};
use crate::transports::link::{Link, extra_methods, link_methods};
use crate::transports::write_queue::WriteQueue;
use crate::transports::{Transport, TransportEvent};
use crate::with_cell::WithCell;

/// Writes to a lost pipe that pass before each is logged.
const QUIET_LOST_WRITES: u32 = 5;

/// Where the write end of a named FIFO counts as readable while there is data
/// in it, which must not be taken for the reader's end.
const FIFOS_TELL_NO_END: bool = cfg!(target_vendor = "apple");

/// A pipe that a protocol writes to.
///
/// Made by `connect_write_pipe`. See the asyncio documentation of
/// `WriteTransport`.
#[pyclass(frozen, weakref, dict, module = "aioxide")]
pub struct WritePipeTransport {
    state: WithCell<State>,
    /// The descriptor, also after it was closed: for `repr`.
    fd: RawFd,
    /// Whether the poller can tell that the reader is gone.
    tells_end: bool,
    /// What `get_extra_info` knows.
    extra: Py<PyDict>,
}

struct State {
    link: Link,
    /// None once closed.
    pipe: Option<Py<PyAny>>,
    queue: WriteQueue,
    /// `close` or `write_eof` was called, or the pipe is lost.
    closing: bool,
    /// Nonzero once a write has failed; counts writes after the end.
    lost_writes: u32,
    /// `connection_lost` is scheduled.
    lost: bool,
    /// The poller watches for the reader's end.
    watching_end: bool,
    /// The poller watches for room.
    watching_room: bool,
}

impl WritePipeTransport {
    /// Something has happened to the transport.
    pub fn handle(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        event: TransportEvent,
    ) -> PyResult<()> {
        match event {
            TransportEvent::Start => self.start(core, slf),
            TransportEvent::Io(READABLE) => self.reader_gone(slf),
            TransportEvent::Io(_) => self.flush(core, slf),
            TransportEvent::Lost => self.lost(slf),
        }
    }

    /// The first turn: tells the protocol, watches for the end, releases
    /// whoever waits for the transport.
    fn start(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        self.tell(core, pyo3::intern!(py, "connection_made"), slf.clone().into_any())?;
        // A transport that its protocol has closed is not watched: its
        // descriptor is about to go.
        if self.tells_end && self.state.with(py, |state| !state.lost) {
            match self.watch(slf, Direction::Read) {
                Ok(()) => self.state.with(py, |state| state.watching_end = true),
                Err(error) => report_step(core, slf, "_add_reader", error)?,
            }
        }
        self.release_waiter(py)
    }

    fn watch(&self, slf: &Bound<'_, Self>, direction: Direction) -> PyResult<()> {
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

    fn stop_watching(&self, py: Python<'_>, direction: Direction) {
        let watching = self.state.with(py, |state| match direction {
            Direction::Read => std::mem::take(&mut state.watching_end),
            Direction::Write => std::mem::take(&mut state.watching_room),
        });
        if let Some(core) = self.core(py).filter(|_| watching) {
            // It fails if the caller has closed the descriptor, and then there
            // is nothing to be watched any more.
            let _ = core.get().clear_watcher(py, self.fd, direction);
        }
    }

    /// The write end has become readable: nobody reads the other.
    fn reader_gone(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let (watching, waiting) =
            self.state.with(py, |state| (state.watching_end, !state.queue.is_empty()));
        if !watching {
            return Ok(());
        }
        self.log(slf, "info", "%r was closed by peer")?;
        let reason = waiting
            .then(|| PyBrokenPipeError::new_err(()).into_value(py).into_bound(py).into_any());
        self.force_close(slf, reason)
    }

    /// The pipe takes data again: writes once, as asyncio does.
    fn flush(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let written = self.state.with(py, |state| {
            if !state.watching_room || state.queue.is_empty() {
                return Ok(0);
            }
            rustix::io::writev(end::borrow(self.fd), &state.queue.slices(py))
        });
        let count = match written {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => 0,
            Err(error) => return self.write_failed(slf, error),
        };
        if count == 0 {
            return Ok(());
        }
        let (done, empty) =
            self.state.with(py, |state| (state.queue.advance(py, count), state.queue.is_empty()));
        drop(done);
        if !empty {
            return Ok(());
        }
        self.stop_watching(py, Direction::Write);
        // May write again, and so fill the queue.
        maybe_resume_protocol(self, slf)?;
        let over = self.state.with(py, |state| {
            state.closing && state.queue.is_empty() && !std::mem::replace(&mut state.lost, true)
        });
        if over { self.lost(slf) } else { Ok(()) }
    }

    fn write_failed(&self, slf: &Bound<'_, Self>, error: Errno) -> PyResult<()> {
        self.state.with(slf.py(), |state| state.lost_writes += 1);
        fatal_error(self, slf, os_error(error), "Fatal write error on pipe transport")
    }

    /// Writes what the pipe takes now and queues the rest; `keep` makes the
    /// object that the queue holds on to.
    fn write_or_queue(
        &self,
        slf: &Bound<'_, Self>,
        data: &[u8],
        keep: impl FnOnce(usize) -> (Py<PyBytes>, usize, usize),
    ) -> PyResult<()> {
        let py = slf.py();
        let (too_late, idle, lost) = self.state.with(py, |state| {
            let too_late = state.closing || state.lost_writes > 0;
            if too_late {
                state.lost_writes = state.lost_writes.saturating_add(1);
            }
            (too_late, state.queue.is_empty(), state.lost_writes)
        });
        if too_late {
            if lost > QUIET_LOST_WRITES {
                standard::logger(py)?.call_method1(
                    "warning",
                    ("pipe closed by peer or os.write(pipe, data) raised exception.",),
                )?;
            }
            return Ok(());
        }
        let mut written = 0;
        if idle {
            written = match rustix::io::write(end::borrow(self.fd), data) {
                Ok(count) if count == data.len() => return Ok(()),
                Ok(count) => count,
                Err(Errno::INTR) => 0,
                Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => 0,
                Err(error) => return self.write_failed(slf, error),
            };
            self.watch(slf, Direction::Write)?;
        }
        let (piece, length, sent) = keep(written);
        self.state.with(py, |state| {
            state.watching_room = true;
            state.queue.push(piece, length, sent);
        });
        maybe_pause_protocol(self, slf)
    }

    /// The last turn: tells the protocol, closes the pipe.
    fn lost(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(core) = self.core(py) else {
            return Ok(());
        };
        self.stop_watching(py, Direction::Read);
        let told = self.tell_lost(&core);
        let (pipe, rest) = self.release(py);
        let closed = end::close(&core, slf, pipe);
        drop(rest);
        told.and(closed)
    }

    /// Lets go of everything. The caller closes the pipe and drops the rest.
    fn release(&self, py: Python<'_>) -> (Option<Py<PyAny>>, impl Sized + use<>) {
        self.state.with(py, |state| {
            state.closing = true;
            state.lost = true;
            (state.pipe.take(), (state.link.take(), std::mem::take(&mut state.queue)))
        })
    }
}

impl Transport for WritePipeTransport {
    fn link<R>(&self, py: Python<'_>, access: impl FnOnce(&mut Link) -> R) -> R {
        self.state.with(py, |state| access(&mut state.link))
    }

    fn buffered(&self, py: Python<'_>) -> usize {
        self.state.with(py, |state| state.queue.bytes())
    }

    fn item(transport: Py<Self>, event: TransportEvent) -> Ready {
        Ready::WritePipe(event, transport)
    }

    fn force_close(&self, slf: &Bound<'_, Self>, reason: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let (first, dropped) = self.state.with(py, |state| {
            state.closing = true;
            if std::mem::replace(&mut state.lost, true) {
                return (false, None);
            }
            (true, Some(std::mem::take(&mut state.queue)))
        });
        drop(dropped);
        if !first {
            return Ok(());
        }
        self.stop_watching(py, Direction::Write);
        self.stop_watching(py, Direction::Read);
        self.schedule_lost(slf, reason)
    }
}

link_methods!(WritePipeTransport);
flow_control_methods!(WritePipeTransport);
extra_methods!(WritePipeTransport);

#[pymethods]
impl WritePipeTransport {
    /// `isinstance(x, asyncio.WriteTransport)` is true, and as asyncio's own
    /// inherits it for its flow control, `isinstance(x, asyncio.Transport)`.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(standard::transport_type(slf.py())?.clone().unbind())
    }

    /// Writes `data`, at once as far as the pipe takes it.
    fn write(slf: &Bound<'_, Self>, data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if let Ok(bytes) = data.cast::<PyBytes>() {
            let slice = bytes.as_bytes();
            if slice.is_empty() {
                return Ok(());
            }
            return this
                .write_or_queue(slf, slice, |sent| (bytes.clone().unbind(), slice.len(), sent));
        }
        if !data.is_instance_of::<PyByteArray>() && !data.is_instance_of::<PyMemoryView>() {
            return Err(PyAssertionError::new_err(data.repr()?.unbind()));
        }
        let view = BufferView::readable(&data)?;
        if view.len() == 0 {
            return Ok(());
        }
        // The caller may change his buffer after this call: what the kernel
        // leaves is copied.
        this.write_or_queue(slf, view.bytes(), |sent| {
            let rest = PyBytes::new(py, &view.bytes()[sent..]);
            (rest.unbind(), view.len() - sent, 0)
        })
    }

    /// Writes all pieces of an iterable, in order.
    fn writelines(slf: &Bound<'_, Self>, list_of_data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let joined =
            PyBytes::new(py, b"").call_method1(pyo3::intern!(py, "join"), (list_of_data,))?;
        Self::write(slf, joined)
    }

    /// The same as `close`: the end of the pipe is its end of file.
    fn write_eof(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let now = this.state.with(py, |state| {
            if std::mem::replace(&mut state.closing, true) || !state.queue.is_empty() {
                return false;
            }
            !std::mem::replace(&mut state.lost, true)
        });
        if !now {
            return Ok(());
        }
        this.stop_watching(py, Direction::Read);
        this.schedule_lost(slf, None)
    }

    /// Yes.
    fn can_write_eof(&self) -> bool {
        true
    }

    /// Ends the transport once everything is written; `connection_lost(None)`
    /// follows.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::write_eof(slf)
    }

    /// Ends the transport at once; what waits to be written is dropped.
    fn abort(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().force_close(slf, None)
    }

    /// Whether `close`, `write_eof` or `abort` was called, or the pipe is lost.
    fn is_closing(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.closing)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let (open, closing, polling, buffered) = self.state.with(py, |state| {
            (state.pipe.is_some(), state.closing, state.watching_room, state.queue.bytes())
        });
        let running = self.core(py).is_some_and(|core| core.get().check_closed(py).is_ok());
        let rest = match (open, running) {
            (false, _) => "closed".to_owned(),
            (true, false) => "open".to_owned(),
            (true, true) => {
                format!("{}, bufsize={buffered}", if polling { "polling" } else { "idle" })
            }
        };
        format!("{} {rest}>", end::describe("WritePipeTransport", open, closing, self.fd))
    }

    #[getter]
    fn get__pipe<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.with(py, |state| state.pipe.as_ref().map(|pipe| pipe.bind(py).clone()))
    }

    #[setter]
    fn set__pipe(&self, py: Python<'_>, pipe: Option<Py<PyAny>>) {
        drop(self.state.with(py, |state| std::mem::replace(&mut state.pipe, pipe)));
    }

    #[getter]
    fn _fileno(&self) -> RawFd {
        self.fd
    }

    #[getter]
    fn _closing(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.closing)
    }

    #[getter]
    fn _conn_lost(&self, py: Python<'_>) -> u32 {
        self.state.with(py, |state| state.lost_writes)
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            // Not before the state: memory may be zeroed and not filled in yet.
            visit.call(&self.extra)?;
            state.link.traverse(&visit)?;
            visit.call(&state.pipe)?;
            state.queue.traverse(&visit)
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, |state| (state.link.take(), std::mem::take(&mut state.queue))));
    }
}

impl Finalize for WritePipeTransport {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        slf.get().state.with(slf.py(), |state| state.pipe.is_some())
    }

    fn finalize(slf: &Bound<'_, Self>) {
        warn_unclosed(slf);
        let (pipe, rest) = slf.get().release(slf.py());
        end::abandon(slf, pipe);
        drop(rest);
    }
}

#[pymethods]
impl LoopCore {
    /// A transport over the end of a pipe that is written to, whose start is
    /// scheduled.
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
            pipe: Some(pipe.unbind()),
            queue: WriteQueue::default(),
            closing: false,
            lost_writes: 0,
            lost: false,
            watching_end: false,
            watching_room: false,
        };
        let tells_end = match kind {
            Kind::Pipe | Kind::Socket => true,
            Kind::Fifo => !FIFOS_TELL_NO_END,
            Kind::CharacterDevice => false,
        };
        let transport = WritePipeTransport {
            state: WithCell::new(state),
            fd,
            tells_end,
            extra: extra.unbind(),
        };
        let transport = Py::new(py, transport)?;
        let start = WritePipeTransport::item(transport.clone_ref(py), TransportEvent::Start);
        slf.get().schedule(py, start);
        Ok(transport)
    }
}
