//! The awaitable that a `sock_*` method returns.

use std::ffi::CString;
use std::os::fd::RawFd;
use std::sync::OnceLock;

use aioxide_trace::WaitKind;
use pyo3::exceptions::{PyRuntimeError, PyRuntimeWarning, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::{Borrowed, PyTraverseError};
use rustix::event::{PollFd, PollFlags, Timespec};

use super::operation::{Attempt, Operation};
use crate::core::coroutines::{self, Steps};
use crate::core::dispatch::{Ready, Watcher};
use crate::core::event_loop::{Direction, LoopCore, file_descriptor};
use crate::core::futures::{Future, sent, stop_iteration, thrown};
use crate::ffi::allocate;
use crate::ffi::errors::Settled;
use crate::ffi::file_descriptor::numbered;
use crate::ffi::finalizer::Finalize;
use crate::ffi::free_list::{self, FreeList, FreeListed};
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::net::transports::ends_the_loop;
use crate::recorder;
use crate::stdlib;

/// A native coroutine: nothing happens until it is awaited, and `create_task`
/// accepts it.
#[pyclass(frozen, weakref, module = "aioxide")]
pub struct SocketCall {
    state: Contents<State>,
}

struct State {
    facts: GilCell<Facts>,
    phase: GilCell<Phase>,
    /// None during an attempt, and after the call is over.
    operation: GilCell<Option<Operation>>,
    core: GilCell<Option<Py<LoopCore>>>,
    socket: GilCell<Option<Py<PyAny>>>,
}

#[derive(Clone, Copy)]
struct Facts {
    name: &'static str,
    direction: Direction,
    /// Set when the call begins.
    fd: RawFd,
    /// The socket is a plain `socket.socket`, so system calls may be made without the
    /// object.
    plain: bool,
}

enum Phase {
    Created,
    /// The first attempt would have blocked; the future gets the result.
    Waiting(Py<Future>),
    Over,
}

impl Phase {
    fn future(&self) -> Option<&Py<Future>> {
        match self {
            Self::Waiting(future) => Some(future),
            Self::Created | Self::Over => None,
        }
    }
}

impl SocketCall {
    /// A call that has not begun.
    pub fn new(
        core: &Bound<'_, LoopCore>,
        socket: Bound<'_, PyAny>,
        operation: Operation,
    ) -> PyResult<Py<Self>> {
        let py = core.py();
        let facts = Facts {
            name: operation.name(),
            direction: operation.direction(),
            fd: -1,
            plain: socket.get_type().is(stdlib::socket_type(py)?),
        };
        let core = Some(core.clone().unbind());
        let (operation, socket) = (Some(operation), Some(socket.unbind()));
        let call = match free_list::take::<Self>(py) {
            Some(call) => {
                let state = &call.get().state;
                state.facts.set(py, facts);
                state.phase.fill(py, Phase::Created);
                state.operation.fill(py, operation);
                state.core.fill(py, core);
                state.socket.fill(py, socket);
                call.unbind()
            }
            None => {
                let state = State {
                    facts: GilCell::new(facts),
                    phase: GilCell::new(Phase::Created),
                    operation: GilCell::new(operation),
                    core: GilCell::new(core),
                    socket: GilCell::new(socket),
                };
                Py::new(py, Self { state: Contents::new(state) })?
            }
        };
        if recorder::origins_are_recorded() {
            coroutines::remember_origin(call.bind(py).as_any())?;
        }
        Ok(call)
    }

    fn direction(&self, py: Python<'_>) -> Direction {
        self.state.facts.get(py).direction
    }

    pub(super) fn name(&self, py: Python<'_>) -> &'static str {
        self.state.facts.get(py).name
    }

    /// The future that the caller waits for.
    pub fn future(&self, py: Python<'_>) -> Option<Py<Future>> {
        self.state.phase.clone_of(py, Phase::future)
    }

    /// Whether the call is over, or is being attempted.
    pub(super) fn is_over(&self, py: Python<'_>) -> bool {
        self.state.phase.read(py, |phase| matches!(phase, Phase::Over))
    }

    /// The name of asyncio's function.
    pub(super) fn qualname(&self, py: Python<'_>) -> String {
        format!("BaseSelectorEventLoop.{}", self.name(py))
    }

    /// The socket is ready: tries again.
    pub fn resume_when_ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
    ) -> PyResult<()> {
        let py = core.py();
        let Some(future) = self.future(py).filter(|future| !future.get().is_done(py)) else {
            self.stop_watching(slf);
            return Ok(());
        };
        let facts = self.state.facts.get(py);
        if !facts.plain && !is_ready(facts.fd, facts.direction) {
            return Ok(()); // The event is older than this call.
        }
        match self.attempt(core) {
            Ok(Attempt::Blocked) => Ok(()),
            Ok(Attempt::Again) => {
                core.get().schedule(py, Ready::SocketIo(slf.clone().unbind()));
                Ok(())
            }
            // A method of the socket object may have run code that ended the
            // wait.
            Ok(Attempt::Done(_)) if future.get().is_done(py) => {
                self.stop_watching(slf);
                Ok(())
            }
            Ok(Attempt::Done(value)) => {
                self.stop_watching(slf);
                Future::finish(future.bind(py), value)
            }
            Err(error) => {
                self.stop_watching(slf);
                let error = error.settled(py);
                if ends_the_loop(py, &error) {
                    return Err(error);
                }
                if future.get().is_done(py) {
                    return Ok(());
                }
                Future::fail(future.bind(py), error.into_value(py).into_bound(py).into_any())
            }
        }
    }

    /// Tries once. Meanwhile the operation is taken out of the cell, because it
    /// may run Python code.
    fn attempt(&self, core: &Bound<'_, LoopCore>) -> PyResult<Attempt> {
        let py = core.py();
        let operation = self.state.operation.take(py);
        let socket = self.state.socket.clone_ref(py);
        let facts = self.state.facts.get(py);
        let (Some(mut operation), Some(socket)) = (operation, socket) else {
            return Err(reused());
        };
        let result = operation.attempt(core, socket.bind(py), facts.fd, facts.plain);
        if let Ok(Attempt::Blocked | Attempt::Again) = result {
            if facts.plain && facts.direction == Direction::Read {
                core.get().set_drained(py, facts.fd);
            }
            drop(self.state.operation.replace(py, Some(operation)));
        }
        result
    }

    fn begin(&self, slf: &Bound<'_, Self>) -> PyResult<Progress> {
        let py = slf.py();
        drop(self.state.phase.replace(py, Phase::Over));
        let core = self.state.core.clone_ref(py);
        let socket = self.state.socket.clone_ref(py);
        let (Some(core), Some(socket)) = (core, socket) else {
            return Err(reused());
        };
        let (core, socket) = (core.bind(py), socket.bind(py));
        let plain = self.state.facts.get(py).plain;
        check_socket(core, socket, plain)?;
        let first = if plain {
            let fd = match socket.call_method0(crate::intern!(py, "fileno"))?.extract::<RawFd>()? {
                // The socket is closed.
                fd if fd < 0 => return Err(crate::ffi::errors::os_error(rustix::io::Errno::BADF)),
                fd => fd,
            };
            self.state.facts.update(py, |facts| facts.fd = fd);
            let reads = self.direction(py) == Direction::Read && core.get().unread.is_empty(py);
            let known_empty = reads && core.get().is_drained(socket, fd)?;
            if known_empty { Attempt::Blocked } else { self.attempt(core)? }
        } else {
            self.attempt(core)?
        };
        if let Attempt::Done(value) = first {
            return Ok(Progress::Done(value));
        }
        let fd = if plain {
            self.state.facts.get(py).fd
        } else {
            // As in asyncio, the object is asked only now.
            let number = socket.call_method0(crate::intern!(py, "fileno"))?;
            let fd = file_descriptor(&number)?;
            self.state.facts.update(py, |facts| facts.fd = fd);
            fd
        };
        core.get().ensure_no_transport(fd, allocate::int(py, fd.into())?.as_any())?;
        core.get().own_registration(socket, fd)?;
        core.get().set_watcher(py, fd, self.direction(py), Watcher::Call(slf.clone().unbind()))?;
        if let Attempt::Again = first {
            core.get().schedule(py, Ready::SocketIo(slf.clone().unbind()));
        }
        let future = Future::created_by(core)?;
        future.get().set_blocking(py, true);
        if recorder::is_on() {
            let kind = self.state.operation.read(py, |it| it.as_ref().map(Operation::wait_kind));
            recorder::note_wait(future.bind(py), kind.unwrap_or(WaitKind::Unknown));
        }
        let kept = future.clone_ref(py);
        drop(self.state.phase.replace(py, Phase::Waiting(kept)));
        Ok(Progress::Waiting(future))
    }

    fn advance(&self, slf: &Bound<'_, Self>) -> PyResult<Progress> {
        let py = slf.py();
        let Some(future) = self.future(py) else {
            let created = self.state.phase.read(py, |phase| matches!(phase, Phase::Created));
            return if created { self.begin(slf) } else { Err(reused()) };
        };
        if !future.get().is_done(py) {
            return Err(PyRuntimeError::new_err(crate::name!("await wasn't used with future")));
        }
        self.end(slf);
        future.get().take_result(py).map(|value| Progress::Done(value.unbind()))
    }

    /// Stops watching the socket and releases everything.
    fn end(&self, slf: &Bound<'_, Self>) {
        self.stop_watching(slf);
        let py = slf.py();
        self.release(py);
    }

    fn release(&self, py: Python<'_>) {
        drop(self.state.phase.replace(py, Phase::Over));
        drop(self.state.operation.take(py));
        drop(self.state.core.take(py));
        drop(self.state.socket.take(py));
    }

    fn stop_watching(&self, slf: &Bound<'_, Self>) {
        let py = slf.py();
        let fd = self.state.facts.get(py).fd;
        if let Some(core) = self.state.core.clone_ref(py).filter(|_| fd >= 0) {
            core.get().clear_call(py, fd, self.direction(py), slf.as_ptr().addr());
        }
    }

    fn step(&self, slf: &Bound<'_, Self>) -> *mut ffi::PyObject {
        let py = slf.py();
        match self.advance(slf) {
            Ok(Progress::Waiting(future)) => future.into_ptr(),
            Ok(Progress::Done(value)) => stop_iteration(value.into_bound(py)),
            Err(error) => {
                error.restore(py);
                std::ptr::null_mut()
            }
        }
    }
}

enum Progress {
    Waiting(Py<Future>),
    Done(Py<PyAny>),
}

fn reused() -> PyErr {
    PyRuntimeError::new_err(crate::name!("cannot reuse already awaited coroutine"))
}

/// Whether the kernel reports a descriptor as ready. If that cannot be found out, it counts
/// as ready.
fn is_ready(fd: RawFd, direction: Direction) -> bool {
    let wanted = match direction {
        Direction::Read => PollFlags::IN,
        Direction::Write => PollFlags::OUT,
    };
    let descriptor = numbered(fd);
    let mut polled = [PollFd::from_borrowed_fd(descriptor, wanted)];
    rustix::event::poll(&mut polled, Some(&Timespec::default())) != Ok(0)
}

/// asyncio's checks: no TLS sockets, and in debug mode no blocking ones.
fn check_socket(
    core: &Bound<'_, LoopCore>,
    socket: &Bound<'_, PyAny>,
    plain: bool,
) -> PyResult<()> {
    let py = core.py();
    if !plain {
        // Only a program that imported ssl can have a TLS socket.
        let modules =
            py.import(crate::intern!(py, "sys"))?.getattr(crate::intern!(py, "modules"))?;
        if let Ok(ssl) = modules.get_item(crate::name!("ssl"))
            && socket.is_instance(&ssl.getattr(crate::name!("SSLSocket"))?)?
        {
            return Err(PyTypeError::new_err(crate::name!("Socket cannot be of type SSLSocket")));
        }
    }
    if core.get().debug(py) {
        let timeout = socket.call_method0(crate::intern!(py, "gettimeout"))?;
        if timeout.is_none() || !timeout.eq(0)? {
            return Err(PyValueError::new_err(crate::name!("the socket must be non-blocking")));
        }
    }
    Ok(())
}

#[pymethods]
impl SocketCall {
    /// For a call by name; `await` uses the slot.
    fn __await__(slf: &Bound<'_, Self>) -> Steps {
        Steps::of(slf.as_any())
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> *mut ffi::PyObject {
        slf.get().step(slf)
    }

    #[pyo3(signature = (_value, /))]
    fn send<'py>(slf: &Bound<'py, Self>, _value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        sent(slf.py(), slf.get().step(slf))
    }

    #[pyo3(signature = (kind, value=None, traceback=None, /))]
    fn throw(
        slf: &Bound<'_, Self>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        slf.get().end(slf);
        Err(thrown(&kind, value, traceback)?)
    }

    fn close(slf: &Bound<'_, Self>) {
        slf.get().end(slf);
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.phase.traverse(|phase| visit.call(phase.future()))?;
            state.operation.traverse(|it| it.as_ref().map_or(Ok(()), |it| it.traverse(&visit)))?;
            state.core.traverse(|it| visit.call(it))?;
            state.socket.traverse(|it| visit.call(it))
        })
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        slf.get().end(slf);
    }
}

impl FreeListed for SocketCall {
    fn free_list() -> &'static FreeList {
        static FREE_LIST: FreeList = FreeList::new();
        &FREE_LIST
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        slf.get().release(slf.py());
    }
}

impl Finalize for SocketCall {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        slf.get().state.phase.read(slf.py(), |phase| matches!(phase, Phase::Created))
    }

    fn finalize(slf: &Bound<'_, Self>) {
        let py = slf.py();
        let text = format!("coroutine '{}' was never awaited", slf.get().qualname(py));
        let text = CString::new(text).unwrap_or_default();
        let warning = py.get_type::<PyRuntimeWarning>();
        if let Err(error) = PyErr::warn(py, &warning, &text, 1) {
            error.write_unraisable(py, Some(slf.as_any()));
        }
    }
}
