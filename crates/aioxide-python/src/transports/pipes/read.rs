//! The Python class `ReadPipeTransport`.

use std::os::fd::RawFd;
use std::sync::OnceLock;

use pyo3::exceptions::PyOSError;
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};
use pyo3::{Borrowed, PyTraverseError};
use rustix::io::Errno;

use super::end;
use crate::errors::os_error;
use crate::event_loop::{Direction, LoopCore, Ready, Watcher};
use crate::finalizer::Finalize;
use crate::futures::Future;
use crate::standard;
use crate::transports::failures::{fatal_error, report_step, warn_unclosed};
use crate::transports::link::{Link, extra_methods, link_methods};
use crate::transports::{Transport, TransportEvent};
use crate::with_cell::WithCell;

/// A pipe that a protocol reads from.
///
/// Made by `connect_read_pipe`. See the asyncio documentation of
/// `ReadTransport`.
#[pyclass(frozen, weakref, dict, module = "aioxide")]
pub struct ReadPipeTransport {
    state: WithCell<State>,
    /// The descriptor, also after it was closed: for `repr`.
    fd: RawFd,
    /// What `get_extra_info` knows.
    extra: Py<PyDict>,
}

struct State {
    link: Link,
    /// None once closed.
    pipe: Option<Py<PyAny>>,
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
        match event {
            TransportEvent::Start => self.start(core, slf),
            TransportEvent::Io(_) => self.read_ready(core, slf),
            TransportEvent::Lost => self.lost(slf),
        }
    }

    /// The first turn: tells the protocol, begins to read, releases whoever
    /// waits for the transport.
    fn start(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        self.tell(core, pyo3::intern!(py, "connection_made"), slf.clone().into_any())?;
        if self.state.with(py, |state| !state.paused && !state.closing)
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
        self.state.with(py, |state| state.watching = true);
        Ok(())
    }

    fn stop_watching(&self, py: Python<'_>) {
        let watching = self.state.with(py, |state| std::mem::take(&mut state.watching));
        if let Some(core) = self.core(py).filter(|_| watching) {
            // It fails if the caller has closed the descriptor, and then there
            // is nothing to be watched any more.
            let _ = core.get().clear_watcher(py, self.fd, Direction::Read);
        }
    }

    /// The poller has news of the pipe: reads once, as asyncio does.
    fn read_ready(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        if !self.state.with(py, |state| state.watching) {
            return Ok(());
        }
        let received = core.get().with_scratch(py, |scratch| {
            rustix::io::read(end::borrow(self.fd), &mut *scratch)
                .map(|count| PyBytes::new(py, &scratch[..count]))
        });
        match received {
            Ok(data) if data.as_bytes().is_empty() => self.end_of_file(slf),
            Ok(data) => {
                let method = pyo3::intern!(py, "data_received");
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
        self.state.with(slf.py(), |state| state.ended = true);
        self.force_close(slf, None)
    }

    /// The last turn: tells the protocol, closes the pipe.
    fn lost(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(core) = self.core(py) else {
            return Ok(());
        };
        let told = if self.state.with(py, |state| state.ended) {
            let method = pyo3::intern!(py, "eof_received");
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
        self.state.with(py, |state| {
            state.closing = true;
            state.lost = true;
            (state.pipe.take(), state.link.take())
        })
    }
}

impl Transport for ReadPipeTransport {
    fn link<R>(&self, py: Python<'_>, access: impl FnOnce(&mut Link) -> R) -> R {
        self.state.with(py, |state| access(&mut state.link))
    }

    fn item(transport: Py<Self>, event: TransportEvent) -> Ready {
        Ready::ReadPipe(event, transport)
    }

    fn force_close(&self, slf: &Bound<'_, Self>, reason: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let first = self.state.with(py, |state| {
            state.closing = true;
            !std::mem::replace(&mut state.lost, true)
        });
        if !first {
            return Ok(());
        }
        self.stop_watching(py);
        self.schedule_lost(slf, reason)
    }

    /// A terminal whose other side is gone says EIO.
    fn is_expected(&self, error: &Bound<'_, PyAny>) -> bool {
        let number = error.getattr("errno").and_then(|number| number.extract::<i32>());
        error.is_instance_of::<PyOSError>() && number.ok() == Some(Errno::IO.raw_os_error())
    }
}

link_methods!(ReadPipeTransport);
extra_methods!(ReadPipeTransport);

#[pymethods]
impl ReadPipeTransport {
    /// `isinstance(x, asyncio.ReadTransport)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(standard::read_transport_type(slf.py())?.clone().unbind())
    }

    /// Whether the protocol receives data now.
    fn is_reading(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| !state.closing && !state.paused)
    }

    /// No `data_received` until `resume_reading`. Does nothing if paused.
    fn pause_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let paused = this
            .state
            .with(py, |state| !state.closing && !std::mem::replace(&mut state.paused, true));
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
            .with(py, |state| !state.closing && std::mem::replace(&mut state.paused, false));
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

    /// Whether `close` was called, or the pipe has ended.
    fn is_closing(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.closing)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let (open, closing, watching) =
            self.state.with(py, |state| (state.pipe.is_some(), state.closing, state.watching));
        let running = self.core(py).is_some_and(|core| core.get().check_closed(py).is_ok());
        let polling = match (open, running) {
            (false, _) => "closed",
            (true, false) => "open",
            (true, true) if watching => "polling",
            (true, true) => "idle",
        };
        format!("{} {polling}>", end::describe("ReadPipeTransport", open, closing, self.fd))
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
    fn _paused(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.paused)
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            // Not before the state: memory may be zeroed and not filled in yet.
            visit.call(&self.extra)?;
            state.link.traverse(&visit)?;
            visit.call(&state.pipe)
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, |state| state.link.take()));
    }
}

impl Finalize for ReadPipeTransport {
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
            pipe: Some(pipe.unbind()),
            closing: false,
            paused: false,
            watching: false,
            ended: false,
            lost: false,
        };
        let transport =
            ReadPipeTransport { state: WithCell::new(state), fd, extra: extra.unbind() };
        let transport = Py::new(py, transport)?;
        let start = ReadPipeTransport::item(transport.clone_ref(py), TransportEvent::Start);
        slf.get().schedule(py, start);
        Ok(transport)
    }
}
