//! The Python class `ReadPipeTransport`.

use std::os::fd::RawFd;
use std::sync::OnceLock;

use pyo3::exceptions::PyOSError;
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use pyo3::{Borrowed, PyTraverseError};
use rustix::io::Errno;

use super::end;
use crate::core::dispatch::TransportEvent;
use crate::core::dispatch::{Ready, Watcher};
use crate::core::event_loop::{Direction, LoopCore, SCRATCH_BYTES};
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::attributes::flag_attributes;
use crate::ffi::errors::os_error;
use crate::ffi::file_descriptor::numbered;
use crate::ffi::finalizer::Finalize;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::net::transports::Transport;
use crate::net::transports::failures::{fatal_error, report_step, warn_unclosed};
use crate::net::transports::link::{Link, extra_methods, link_methods};
use crate::stdlib;

/// A pipe that a protocol reads from.
///
/// Made by `connect_read_pipe`. See the asyncio documentation of
/// `ReadTransport`.
#[pyclass(frozen, weakref, dict, module = "aioxide")]
pub struct ReadPipeTransport {
    state: Contents<State>,
    /// The descriptor, also after it was closed: for `repr`.
    fd: RawFd,
}

struct State {
    link: Link,
    /// None once closed.
    pipe: GilCell<Option<Py<PyAny>>>,
    /// What `get_extra_info` knows.
    extra: GilCell<Py<PyDict>>,
    flags: GilCell<Flags>,
}

/// How the transport stands.
#[derive(Clone, Copy, Default)]
struct Flags {
    closing: bool,
    paused: bool,
    /// The poller watches the descriptor.
    watching: bool,
    /// The end was read: the protocol hears of it before it hears of the loss.
    ended: bool,
    /// `connection_lost` is scheduled.
    lost: bool,
}

impl ReadPipeTransport {
    /// Something has happened to the transport.
    pub fn handle(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        event: TransportEvent,
    ) -> PyResult<()> {
        let (step, outcome) = match event {
            TransportEvent::Start => ("_add_reader", self.start(core, slf)),
            TransportEvent::Io(_) => ("_read_ready", self.read_ready(core, slf)),
            TransportEvent::Lost => ("_call_connection_lost", self.lost(slf)),
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(error) => report_step(core, slf, step, error),
        }
    }

    /// The first iteration: tells the protocol, begins to read, releases whoever
    /// waits for the transport.
    fn start(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        self.tell(core, crate::intern!(py, "connection_made"), slf.clone().into_any())?;
        let flags = self.state.flags.get(py);
        if !flags.paused
            && !flags.closing
            && let Err(error) = self.watch(core, slf)
        {
            report_step(core, slf, "_add_reader", error)?;
        }
        self.release_waiter(py)
    }

    fn watch(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let watcher = Watcher::ReadPipe(slf.clone().unbind());
        core.get().set_watcher(py, self.fd, Direction::Read, watcher)?;
        self.state.flags.update(py, |flags| flags.watching = true);
        Ok(())
    }

    fn stop_watching(&self, py: Python<'_>) {
        let watching = self.state.flags.update(py, |flags| std::mem::take(&mut flags.watching));
        if let Some(core) = self.core(py).filter(|_| watching) {
            // It fails if the caller has closed the descriptor, and then there
            // is nothing to be watched any more.
            let _ = core.get().clear_watcher(py, self.fd, Direction::Read);
        }
    }

    /// The poller has news of the pipe: reads once, as asyncio does.
    fn read_ready(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        if !self.state.flags.get(py).watching {
            return Ok(());
        }
        let received = core.get().with_scratch(py, |scratch| {
            rustix::io::read(numbered(self.fd), &mut *scratch)
                .map(|count| allocate::bytes(py, scratch.get(..count).unwrap_or_default()))
        });
        match received {
            Ok(Err(error)) => fatal_error(self, slf, error, "Fatal read error on pipe transport"),
            Ok(Ok(data)) if data.as_bytes().is_empty() => self.end_of_file(slf),
            Ok(Ok(data)) => {
                let method = crate::intern!(py, "data_received");
                let told = self
                    .call_protocol(py, |protocol| protocol.call_method1(method, (data,)).map(drop));
                self.report_told(core, method, PyTuple::empty(py), told)
            }
            Err(Errno::INTR) => Ok(()),
            Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => Ok(()),
            Err(error) => {
                fatal_error(self, slf, os_error(error), "Fatal read error on pipe transport")
            }
        }
    }

    fn end_of_file(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        self.log(slf, "info", "%r was closed by peer")?;
        self.state.flags.update(slf.py(), |flags| flags.ended = true);
        self.force_close(slf, None)
    }

    /// The last iteration: tells the protocol, closes the pipe.
    fn lost(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(core) = self.core(py) else {
            return Ok(());
        };
        let told = if self.state.flags.get(py).ended {
            let method = crate::intern!(py, "eof_received");
            let told = self.call_protocol(py, |protocol| protocol.call_method0(method).map(drop));
            self.report_told(&core, method, PyTuple::empty(py), told)
        } else {
            Ok(())
        };
        let told = told.and_then(|()| self.tell_lost(&core));
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
        (self.state.pipe.take(py), self.state.link.take(py))
    }
}

impl Transport for ReadPipeTransport {
    const FATAL_ERROR: &'static str = "Fatal error on pipe transport";

    fn link(&self) -> &Link {
        &self.state.link
    }

    fn item(transport: Py<Self>, event: TransportEvent) -> Ready {
        Ready::ReadPipe(event, transport)
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
        self.stop_watching(py);
        self.schedule_lost(slf, reason)
    }

    /// A terminal whose other side is gone says EIO.
    fn is_expected(&self, error: &Bound<'_, PyAny>) -> bool {
        let number =
            error.getattr(crate::name!("errno")).and_then(|number| number.extract::<i32>());
        error.is_instance_of::<PyOSError>() && number.ok() == Some(Errno::IO.raw_os_error())
    }
}

link_methods!(ReadPipeTransport);
extra_methods!(ReadPipeTransport);

flag_attributes!(ReadPipeTransport {
    _closing: closing, get__closing, set__closing;
    _paused: paused, get__paused, set__paused;
});

#[pymethods]
impl ReadPipeTransport {
    /// `isinstance(x, asyncio.ReadTransport)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(stdlib::read_transport_type(slf.py())?.clone().unbind())
    }

    /// Whether the protocol receives data now.
    fn is_reading(&self, py: Python<'_>) -> bool {
        let flags = self.state.flags.get(py);
        !flags.closing && !flags.paused
    }

    /// No `data_received` until `resume_reading`. Does nothing if paused.
    fn pause_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let paused = this
            .state
            .flags
            .update(py, |flags| !flags.closing && !std::mem::replace(&mut flags.paused, true));
        if !paused {
            return Ok(());
        }
        this.stop_watching(py);
        this.log(slf, "debug", "%r pauses reading")
    }

    /// Undoes `pause_reading`. Does nothing if not paused.
    fn resume_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let resumed = this
            .state
            .flags
            .update(py, |flags| !flags.closing && std::mem::replace(&mut flags.paused, false));
        if !resumed {
            return Ok(());
        }
        if let Some(core) = this.core(py) {
            core.get().check_closed(py)?;
            this.watch(&core, slf)?;
        }
        this.log(slf, "debug", "%r resumes reading")
    }

    /// Ends the transport; `connection_lost(None)` follows.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().force_close(slf, None)
    }

    #[pyo3(signature = (exc=None))]
    fn _close(slf: &Bound<'_, Self>, exc: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        slf.get().force_close(slf, exc)
    }

    /// Whether `close` was called, or the pipe has ended.
    fn is_closing(&self, py: Python<'_>) -> bool {
        self.state.flags.get(py).closing
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let Flags { closing, watching, .. } = self.state.flags.get(py);
        let open = self.state.pipe.is_some(py);
        let running = self.core(py).is_some_and(|core| core.get().check_closed(py).is_ok());
        let polling = match (open, running) {
            (false, _) => "closed",
            (true, false) => "open",
            (true, true) if watching => "polling",
            (true, true) => "idle",
        };
        let words = end::describe("ReadPipeTransport", open, closing, self.fd);
        allocate::string(py, &format!("{words} {polling}>"))
    }

    #[getter]
    fn get__pipe<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.pipe.clone_ref(py).map(|pipe| pipe.into_bound(py))
    }

    #[setter]
    fn set__pipe(&self, py: Python<'_>, pipe: Option<Py<PyAny>>) {
        drop(self.state.pipe.replace(py, pipe));
    }

    /// The bytes that one read brings at most.
    #[classattr]
    fn max_size() -> usize {
        SCRATCH_BYTES
    }

    #[getter]
    fn _fileno(&self) -> RawFd {
        self.fd
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.extra.traverse(|it| visit.call(it))?;
            state.link.traverse(&visit)?;
            state.pipe.traverse(|it| visit.call(it))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.link.take(py));
    }
}

impl Finalize for ReadPipeTransport {
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
    /// A transport over the end of a pipe that is read from, whose start is
    /// scheduled.
    #[pyo3(signature = (pipe, protocol, waiter=None, extra=None))]
    fn _make_read_pipe_transport(
        slf: &Bound<'_, Self>,
        pipe: Bound<'_, PyAny>,
        protocol: Bound<'_, PyAny>,
        waiter: Option<Py<Future>>,
        extra: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Py<ReadPipeTransport>> {
        let py = slf.py();
        let extra = end::extra(&pipe, extra)?;
        let (fd, _) = end::open(&pipe, "Pipe transport is for pipes/sockets only.")?;
        let link = Link::new(slf, protocol, waiter)?;
        slf.get().admit(py)?;
        let state = State {
            link,
            pipe: GilCell::new(Some(pipe.unbind())),
            extra: GilCell::new(extra.unbind()),
            flags: GilCell::new(Flags::default()),
        };
        let transport = ReadPipeTransport { state: Contents::new(state), fd };
        let transport = Py::new(py, transport)?;
        let start = ReadPipeTransport::item(transport.clone_ref(py), TransportEvent::Start);
        slf.get().schedule(py, start);
        Ok(transport)
    }
}
