//! The Python class `ReadPipeTransport`.

use std::os::fd::RawFd;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyOSError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use rustix::io::Errno;

use super::end::{self, pipe_methods};
use crate::core::dispatch::TransportEvent;
use crate::core::dispatch::{Ready, Watcher};
use crate::core::event_loop::{Direction, LoopCore, SCRATCH_BYTES};
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::attributes::flag_attributes;
use crate::ffi::errors::os_error;
use crate::ffi::file_descriptor::numbered;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::net::transports::Transport;
use crate::net::transports::failures::fatal_error;
use crate::net::transports::lifecycle::{Lifecycle, Reading, Stage, finalizer, reading_methods};
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
    /// The dictionary behind `get_extra_info`.
    extra: GilCell<Py<PyDict>>,
    flags: GilCell<Flags>,
}

/// The state of the transport.
#[derive(Clone, Copy, Default)]
struct Flags {
    stage: Stage,
    /// The end of the stream was read: `eof_received` is called before
    /// `connection_lost`.
    ended: bool,
}

impl ReadPipeTransport {
    fn watch(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let watcher = Watcher::ReadPipe(slf.clone().unbind());
        core.get().set_watcher(py, self.fd, Direction::Read, watcher)?;
        self.state.flags.update(py, |flags| flags.stage.registered = true);
        Ok(())
    }

    fn stop_watching(&self, py: Python<'_>) {
        if self.state.flags.update(py, |flags| std::mem::take(&mut flags.stage.registered)) {
            end::stop_watching(self, py, self.fd, Direction::Read);
        }
    }

    fn end_of_file(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        self.log(slf, "info", "%r was closed by peer")?;
        self.state.flags.update(slf.py(), |flags| flags.ended = true);
        self.force_close(slf, None)
    }
}

impl Transport for ReadPipeTransport {
    const FATAL_ERROR: &'static str = "Fatal error on pipe transport";

    fn link(&self) -> &Link {
        &self.state.link
    }

    #[inline]
    fn fd(&self) -> RawFd {
        self.fd
    }

    fn item(transport: Py<Self>, event: TransportEvent) -> Ready {
        Ready::ReadPipe(event, transport)
    }

    /// Reading from a terminal whose other side is closed fails with EIO.
    fn is_expected(&self, error: &Bound<'_, PyAny>) -> bool {
        let number =
            error.getattr(crate::name!("errno")).and_then(|number| number.extract::<i32>());
        error.is_instance_of::<PyOSError>() && number.ok() == Some(Errno::IO.raw_os_error())
    }
}

impl Lifecycle for ReadPipeTransport {
    fn register(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let reading = self.state.flags.get(core.py()).stage.is_reading();
        if reading { self.watch(core, slf) } else { Ok(()) }
    }

    /// Reads once, as asyncio does.
    fn ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        _readiness: u8,
    ) -> PyResult<()> {
        let py = core.py();
        if !self.state.flags.get(py).stage.registered {
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
                let result = self
                    .call_protocol(py, |protocol| protocol.call_method1(method, (data,)).map(drop));
                self.report_raised(core, method, PyTuple::empty(py), result)
            }
            Err(Errno::INTR) => Ok(()),
            Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => Ok(()),
            Err(error) => {
                fatal_error(self, slf, os_error(error), "Fatal read error on pipe transport")
            }
        }
    }

    fn is_open(&self, py: Python<'_>) -> bool {
        self.state.pipe.is_some(py)
    }

    fn mark_lost(&self, py: Python<'_>) -> bool {
        self.state.flags.update(py, |flags| flags.stage.mark_lost())
    }

    fn discard(&self, py: Python<'_>) {
        self.stop_watching(py);
    }

    fn before_lost(&self, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        let py = core.py();
        if !self.state.flags.get(py).ended {
            return Ok(());
        }
        let method = crate::intern!(py, "eof_received");
        let result = self.call_protocol(py, |protocol| protocol.call_method0(method).map(drop));
        self.report_raised(core, method, PyTuple::empty(py), result)
    }

    fn release(&self, slf: &Bound<'_, Self>, _core: Option<&Bound<'_, LoopCore>>) -> PyResult<()> {
        let py = slf.py();
        self.state.flags.update(py, |flags| flags.stage.end());
        let (pipe, rest) = (self.state.pipe.take(py), self.state.link.take(py));
        let closed = end::close(py, pipe);
        drop(rest);
        closed
    }
}

impl Reading for ReadPipeTransport {
    fn paused(&self, py: Python<'_>) {
        self.stop_watching(py);
    }

    fn resumed(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        match self.core(py) {
            Some(core) => {
                core.get().check_closed(py)?;
                self.watch(&core, slf)
            }
            None => Ok(()),
        }
    }
}

link_methods!(ReadPipeTransport);
extra_methods!(ReadPipeTransport);

pipe_methods!(ReadPipeTransport, stage.closing);
reading_methods!(ReadPipeTransport);
finalizer!(ReadPipeTransport);

flag_attributes!(ReadPipeTransport { _paused: stage.paused, get__paused, set__paused; });

#[pymethods]
impl ReadPipeTransport {
    /// `isinstance(x, asyncio.ReadTransport)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(stdlib::read_transport_type(slf.py())?.clone().unbind())
    }

    /// Ends the transport; `connection_lost(None)` follows.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().force_close(slf, None)
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let Stage { closing, registered, .. } = self.state.flags.get(py).stage;
        let class = ("ReadPipeTransport", self.fd);
        allocate::string(py, &end::describe(self, py, class, (closing, registered), ""))
    }

    /// The most bytes that one read returns.
    #[classattr]
    fn max_size() -> usize {
        SCRATCH_BYTES
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

#[pymethods]
impl LoopCore {
    /// Creates a transport over the read end of a pipe and schedules its start.
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
