//! The Python class `WritePipeTransport`.

use std::os::fd::RawFd;
use std::sync::OnceLock;

use pyo3::exceptions::{PyAssertionError, PyBrokenPipeError, PyNotImplementedError};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyMemoryView, PyString, PyType};
use pyo3::{Borrowed, PyTraverseError};
use rustix::io::Errno;

use super::end::{self, Kind};
use crate::core::dispatch::TransportEvent;
use crate::core::dispatch::{READABLE, Ready, Watcher};
use crate::core::event_loop::{Direction, LoopCore};
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::attributes::{count_attributes, flag_attributes};
use crate::ffi::buffers::BufferView;
use crate::ffi::errors::{Settled, os_error};
use crate::ffi::file_descriptor::numbered;
use crate::ffi::finalizer::Finalize;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::net::transports::Transport;
use crate::net::transports::failures::{fatal_error, report_step, warn_unclosed};
use crate::net::transports::flow_control::{
    flow_control_methods, maybe_pause_protocol, maybe_resume_protocol,
};
use crate::net::transports::link::{Link, extra_methods, link_methods};
use crate::net::transports::write_queue::{Piece, WriteQueue};
use crate::stdlib;

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
    state: Contents<State>,
    /// The descriptor, also after it was closed: for `repr`.
    fd: RawFd,
    /// Whether the poller can tell that the reader is gone.
    tells_end: bool,
}

struct State {
    link: Link,
    /// None once closed.
    pipe: GilCell<Option<Py<PyAny>>>,
    /// What `get_extra_info` knows.
    extra: GilCell<Py<PyDict>>,
    queue: GilCell<WriteQueue>,
    flags: GilCell<Flags>,
}

/// How the transport stands.
#[derive(Clone, Copy, Default)]
struct Flags {
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
        let (step, outcome) = match event {
            TransportEvent::Start => ("_add_reader", self.start(core, slf)),
            TransportEvent::Io(READABLE) => ("_read_ready", self.reader_gone(slf)),
            TransportEvent::Io(_) => ("_write_ready", self.flush(core, slf)),
            TransportEvent::Lost => ("_call_connection_lost", self.lost(slf)),
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(error) => report_step(core, slf, step, error),
        }
    }

    /// The first iteration: tells the protocol, watches for the end, releases
    /// whoever waits for the transport.
    fn start(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        self.tell(core, crate::intern!(py, "connection_made"), slf.clone().into_any())?;
        // A transport that its protocol has closed is not watched: its
        // descriptor is about to go.
        if self.tells_end && !self.state.flags.get(py).lost {
            match self.watch(slf, Direction::Read) {
                Ok(()) => self.state.flags.update(py, |flags| flags.watching_end = true),
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
        let watching = self.state.flags.update(py, |flags| match direction {
            Direction::Read => std::mem::take(&mut flags.watching_end),
            Direction::Write => std::mem::take(&mut flags.watching_room),
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
        if !self.state.flags.get(py).watching_end {
            return Ok(());
        }
        let waiting = !self.state.queue.is_empty(py);
        self.log(slf, "info", "%r was closed by peer")?;
        let reason = waiting.then(|| {
            PyBrokenPipeError::new_err(()).settled(py).into_value(py).into_bound(py).into_any()
        });
        self.force_close(slf, reason)
    }

    /// The pipe takes data again: writes once, as asyncio does.
    fn flush(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        if !self.state.flags.get(py).watching_room || self.state.queue.is_empty(py) {
            return Ok(());
        }
        let count = match self.state.queue.write(py, self.fd) {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => 0,
            Err(error) => return self.write_failed(slf, os_error(error)),
        };
        if count == 0 {
            return Ok(());
        }
        drop(self.state.queue.advance(py, count));
        if !self.state.queue.is_empty(py) {
            return Ok(());
        }
        self.stop_watching(py, Direction::Write);
        // May write again, and so fill the queue.
        maybe_resume_protocol(self, slf)?;
        let empty = self.state.queue.is_empty(py);
        let over = self.state.flags.update(py, |flags| {
            flags.closing && empty && !std::mem::replace(&mut flags.lost, true)
        });
        if over { self.lost(slf) } else { Ok(()) }
    }

    fn write_failed(&self, slf: &Bound<'_, Self>, error: PyErr) -> PyResult<()> {
        self.state.flags.update(slf.py(), |flags| {
            flags.lost_writes = flags.lost_writes.saturating_add(1);
        });
        fatal_error(self, slf, error, "Fatal write error on pipe transport")
    }

    /// Writes what the pipe takes now and queues the rest; `keep` makes the
    /// object that the queue holds on to.
    fn write_or_queue(
        &self,
        slf: &Bound<'_, Self>,
        data: &[u8],
        keep: impl FnOnce(usize) -> PyResult<(Piece, usize)>,
    ) -> PyResult<()> {
        let py = slf.py();
        let (too_late, lost) = self.state.flags.update(py, |flags| {
            let too_late = flags.closing || flags.lost_writes > 0;
            flags.lost_writes = flags.lost_writes.saturating_add(u32::from(too_late));
            (too_late, flags.lost_writes)
        });
        if too_late {
            if lost > QUIET_LOST_WRITES {
                stdlib::logger(py)?.call_method1(
                    crate::name!("warning"),
                    (crate::name!("pipe closed by peer or os.write(pipe, data) raised exception."),),
                )?;
            }
            return Ok(());
        }
        let mut written = 0;
        let idle = self.state.queue.is_empty(py);
        if idle {
            written = match rustix::io::write(numbered(self.fd), data) {
                Ok(count) if count == data.len() => return Ok(()),
                Ok(count) => count,
                Err(Errno::INTR) => 0,
                Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => 0,
                Err(error) => return self.write_failed(slf, os_error(error)),
            };
        }
        // Some of it may be out: what follows would be taken for the rest.
        let kept = match keep(written) {
            Ok(kept) if idle => self.watch(slf, Direction::Write).map(|()| kept),
            kept => kept,
        };
        let (piece, sent) = match kept {
            Ok(kept) => kept,
            Err(error) => return self.write_failed(slf, error),
        };
        self.state.flags.update(py, |flags| flags.watching_room = true);
        self.state.queue.push(py, piece, sent);
        maybe_pause_protocol(self, slf)
    }

    /// The last iteration: tells the protocol, closes the pipe.
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
        self.state.flags.update(py, |flags| {
            flags.closing = true;
            flags.lost = true;
        });
        (self.state.pipe.take(py), (self.state.link.take(py), self.state.queue.take(py)))
    }
}

impl Transport for WritePipeTransport {
    const FATAL_ERROR: &'static str = "Fatal error on pipe transport";

    fn link(&self) -> &Link {
        &self.state.link
    }

    fn buffered(&self, py: Python<'_>) -> usize {
        self.state.queue.bytes(py)
    }

    fn item(transport: Py<Self>, event: TransportEvent) -> Ready {
        Ready::WritePipe(event, transport)
    }

    fn force_close(&self, slf: &Bound<'_, Self>, reason: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let first = self.state.flags.update(py, |flags| {
            flags.closing = true;
            !std::mem::replace(&mut flags.lost, true)
        });
        if !first {
            return Ok(());
        }
        drop(self.state.queue.take(py));
        self.stop_watching(py, Direction::Write);
        self.stop_watching(py, Direction::Read);
        self.schedule_lost(slf, reason)
    }
}

link_methods!(WritePipeTransport);
flow_control_methods!(WritePipeTransport);
extra_methods!(WritePipeTransport);

flag_attributes!(WritePipeTransport {
    _closing: closing, get__closing, set__closing;
});

count_attributes!(WritePipeTransport {
    _conn_lost: lost_writes, get__conn_lost, set__conn_lost;
});

#[pymethods]
impl WritePipeTransport {
    /// `isinstance(x, asyncio.WriteTransport)` is true, and as asyncio's own
    /// inherits it for its flow control, `isinstance(x, asyncio.Transport)`.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(stdlib::transport_type(slf.py())?.clone().unbind())
    }

    /// Writes `data`, at once as far as the pipe takes it.
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
        // The caller may change his buffer after this call: what the kernel
        // leaves is copied.
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

    /// The same as `close`: the end of the pipe is its end of file.
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

    /// A pipe that is written to cannot be read from.
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

    #[pyo3(signature = (exc=None))]
    fn _close(slf: &Bound<'_, Self>, exc: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        slf.get().force_close(slf, exc)
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
        self.state.flags.get(py).closing
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let Flags { closing, watching_room: polling, .. } = self.state.flags.get(py);
        let (open, buffered) = (self.state.pipe.is_some(py), self.state.queue.bytes(py));
        let running = self.core(py).is_some_and(|core| core.get().check_closed(py).is_ok());
        let rest = match (open, running) {
            (false, _) => "closed".to_owned(),
            (true, false) => "open".to_owned(),
            (true, true) => {
                format!("{}, bufsize={buffered}", if polling { "polling" } else { "idle" })
            }
        };
        let words = end::describe("WritePipeTransport", open, closing, self.fd);
        allocate::string(py, &format!("{words} {rest}>"))
    }

    #[getter]
    fn get__pipe<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.pipe.clone_ref(py).map(|pipe| pipe.into_bound(py))
    }

    #[setter]
    fn set__pipe(&self, py: Python<'_>, pipe: Option<Py<PyAny>>) {
        drop(self.state.pipe.replace(py, pipe));
    }

    #[getter]
    fn _fileno(&self) -> RawFd {
        self.fd
    }

    /// What waits to be written, as one copy.
    #[getter]
    fn _buffer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.state.queue.joined(py)
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
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

impl Finalize for WritePipeTransport {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        slf.get().state.pipe.is_some(slf.py())
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
            pipe: GilCell::new(Some(pipe.unbind())),
            extra: GilCell::new(extra.unbind()),
            queue: GilCell::new(WriteQueue::default()),
            flags: GilCell::new(Flags::default()),
        };
        let tells_end = match kind {
            Kind::Pipe | Kind::Socket => true,
            Kind::Fifo => !FIFOS_TELL_NO_END,
            Kind::CharacterDevice => false,
        };
        let transport = WritePipeTransport { state: Contents::new(state), fd, tells_end };
        let transport = Py::new(py, transport)?;
        let start = WritePipeTransport::item(transport.clone_ref(py), TransportEvent::Start);
        slf.get().schedule(py, start);
        Ok(transport)
    }
}
