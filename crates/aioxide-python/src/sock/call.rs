//! The awaitable that a `sock_*` method returns.

use std::ffi::CString;
use std::os::fd::RawFd;
use std::sync::OnceLock;

use pyo3::exceptions::{PyRuntimeError, PyRuntimeWarning, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{Borrowed, PyTraverseError};

use super::operation::{Attempt, Operation};
use crate::event_loop::{Direction, LoopCore, Ready, Watcher};
use crate::finalizer::Finalize;
use crate::futures::{Future, sent, stop_iteration, thrown};
use crate::recycle::{self, Recycle, Shelf};
use crate::with_cell::WithCell;

/// A native coroutine: nothing happens until it is awaited, and `create_task`
/// takes it.
#[pyclass(frozen, weakref, module = "aioxide")]
pub struct SocketCall {
    state: WithCell<State>,
}

struct State {
    name: &'static str,
    direction: Direction,
    phase: Phase,
    /// Absent while it is being attempted, and once it is over.
    operation: Option<Operation>,
    core: Option<Py<LoopCore>>,
    socket: Option<Py<PyAny>>,
    /// Known once it has begun.
    fd: RawFd,
}

enum Phase {
    Created,
    /// The kernel had nothing yet; the future gets the result.
    Waiting(Py<Future>),
    Over,
}

impl SocketCall {
    /// A call that has not begun.
    pub fn new(
        core: &Bound<'_, LoopCore>,
        socket: Bound<'_, PyAny>,
        operation: Operation,
    ) -> PyResult<Py<Self>> {
        let py = core.py();
        let state = State {
            name: operation.name(),
            direction: operation.direction(),
            phase: Phase::Created,
            operation: Some(operation),
            core: Some(core.clone().unbind()),
            socket: Some(socket.unbind()),
            fd: -1,
        };
        match recycle::take::<Self>(py) {
            Some(call) => {
                call.get().state.fill(py, state);
                Ok(call.unbind())
            }
            None => Py::new(py, Self { state: WithCell::new(state) }),
        }
    }

    fn direction(&self, py: Python<'_>) -> Direction {
        self.state.with(py, |state| state.direction)
    }

    fn name(&self, py: Python<'_>) -> &'static str {
        self.state.with(py, |state| state.name)
    }

    /// The loop says that the socket is ready.
    pub fn resume_when_ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
    ) -> PyResult<()> {
        let py = core.py();
        let waiting = self.state.with(py, |state| match &state.phase {
            Phase::Waiting(future) => Some(future.clone_ref(py)),
            _ => None,
        });
        let Some(future) = waiting.filter(|future| !future.get().is_done(py)) else {
            self.stop_watching(slf);
            return Ok(());
        };
        match self.attempt(core) {
            Ok(Attempt::Blocked) => Ok(()),
            Ok(Attempt::Again) => {
                core.get().schedule(py, Ready::SocketIo(slf.clone().unbind()));
                Ok(())
            }
            Ok(Attempt::Done(value)) => {
                self.stop_watching(slf);
                Future::finish(future.bind(py), value)
            }
            Err(error) => {
                self.stop_watching(slf);
                let ends_the_loop = error
                    .is_instance_of::<pyo3::exceptions::PyKeyboardInterrupt>(py)
                    || error.is_instance_of::<pyo3::exceptions::PySystemExit>(py);
                if ends_the_loop {
                    return Err(error);
                }
                Future::fail(future.bind(py), error.into_value(py).into_bound(py).into_any())
            }
        }
    }

    /// Tries once. The operation is out of the cell meanwhile: it may run
    /// Python code.
    fn attempt(&self, core: &Bound<'_, LoopCore>) -> PyResult<Attempt> {
        let py = core.py();
        let (operation, socket, fd) = self.state.with(py, |state| {
            (
                state.operation.take(),
                state.socket.as_ref().map(|socket| socket.clone_ref(py)),
                state.fd,
            )
        });
        let (Some(mut operation), Some(socket)) = (operation, socket) else {
            return Err(reused());
        };
        let result = operation.attempt(core, socket.bind(py), fd);
        if let Ok(Attempt::Blocked | Attempt::Again) = result {
            if self.direction(py) == Direction::Read {
                core.get().set_drained(py, fd);
            }
            self.state.with(py, |state| state.operation = Some(operation));
        }
        result
    }

    fn begin(&self, slf: &Bound<'_, Self>) -> PyResult<Progress> {
        let py = slf.py();
        let (core, socket) = self.state.with(py, |state| {
            state.phase = Phase::Over;
            (
                state.core.as_ref().map(|core| core.clone_ref(py)),
                state.socket.as_ref().map(|socket| socket.clone_ref(py)),
            )
        });
        let (Some(core), Some(socket)) = (core, socket) else {
            return Err(reused());
        };
        let (core, socket) = (core.bind(py), socket.bind(py));
        check_socket(core, socket)?;
        let fd = match socket.call_method0(pyo3::intern!(py, "fileno"))?.extract::<RawFd>()? {
            // The socket object words the error of a closed socket.
            fd if fd < 0 => return Err(crate::errors::os_error(rustix::io::Errno::BADF)),
            fd => fd,
        };
        self.state.with(py, |state| state.fd = fd);
        let in_vain = self.direction(py) == Direction::Read && core.get().is_drained(socket, fd)?;
        let first = if in_vain { Attempt::Blocked } else { self.attempt(core)? };
        if let Attempt::Done(value) = first {
            return Ok(Progress::Done(value));
        }
        core.get().ensure_no_transport(fd, fd.into_pyobject(py)?.as_any())?;
        core.get().own_registration(socket, fd)?;
        core.get().set_watcher(py, fd, self.direction(py), Watcher::Call(slf.clone().unbind()))?;
        if let Attempt::Again = first {
            core.get().schedule(py, Ready::SocketIo(slf.clone().unbind()));
        }
        let future = Future::on_loop(py, core)?;
        future.get().state.with(py, |state| state.blocking = true);
        let kept = future.clone_ref(py);
        self.state.with(py, |state| state.phase = Phase::Waiting(kept));
        Ok(Progress::Waiting(future))
    }

    fn advance(&self, slf: &Bound<'_, Self>) -> PyResult<Progress> {
        enum Now {
            Begin,
            Look(Py<Future>),
            Over,
        }
        let py = slf.py();
        let now = self.state.with(py, |state| match &state.phase {
            Phase::Created => Now::Begin,
            Phase::Waiting(future) => Now::Look(future.clone_ref(py)),
            Phase::Over => Now::Over,
        });
        match now {
            Now::Begin => self.begin(slf),
            Now::Over => Err(reused()),
            Now::Look(future) if !future.get().is_done(py) => {
                Err(PyRuntimeError::new_err("await wasn't used with future"))
            }
            Now::Look(future) => {
                self.end(slf);
                future.get().take_result(py).map(|value| Progress::Done(value.unbind()))
            }
        }
    }

    /// Lets go of everything.
    fn end(&self, slf: &Bound<'_, Self>) {
        self.stop_watching(slf);
        let py = slf.py();
        drop(self.state.with(py, |state| {
            (
                std::mem::replace(&mut state.phase, Phase::Over),
                state.operation.take(),
                state.core.take(),
                state.socket.take(),
            )
        }));
    }

    fn stop_watching(&self, slf: &Bound<'_, Self>) {
        let py = slf.py();
        let (core, fd) = self
            .state
            .with(py, |state| (state.core.as_ref().map(|core| core.clone_ref(py)), state.fd));
        if let Some(core) = core.filter(|_| fd >= 0) {
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
    PyRuntimeError::new_err("cannot reuse already awaited coroutine")
}

/// asyncio's checks: no TLS sockets, and in debug mode no blocking ones.
fn check_socket(core: &Bound<'_, LoopCore>, socket: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = core.py();
    let is_plain = socket.get_type().is(crate::standard::socket_type(py)?);
    if !is_plain {
        // Only a program that imported ssl can have a TLS socket.
        let modules = py.import(pyo3::intern!(py, "sys"))?.getattr(pyo3::intern!(py, "modules"))?;
        if let Ok(ssl) = modules.get_item("ssl")
            && socket.is_instance(&ssl.getattr("SSLSocket")?)?
        {
            return Err(PyTypeError::new_err("Socket cannot be of type SSLSocket"));
        }
    }
    if core.get().debug(py) {
        let timeout = socket.call_method0(pyo3::intern!(py, "gettimeout"))?;
        if timeout.is_none() || !timeout.eq(0)? {
            return Err(PyValueError::new_err("the socket must be non-blocking"));
        }
    }
    Ok(())
}

#[pymethods]
impl SocketCall {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
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

    #[getter]
    fn __name__(&self, py: Python<'_>) -> &'static str {
        self.name(py)
    }

    #[getter]
    fn __qualname__(&self, py: Python<'_>) -> String {
        format!("Loop.{}", self.name(py))
    }

    #[getter]
    fn cr_running(&self) -> bool {
        false
    }

    /// A native coroutine has no frame of the interpreter's.
    #[getter]
    fn cr_frame(&self) -> Option<Py<PyAny>> {
        None
    }

    #[getter]
    fn cr_await(&self, py: Python<'_>) -> Option<Py<Future>> {
        self.state.with(py, |state| match &state.phase {
            Phase::Waiting(future) => Some(future.clone_ref(py)),
            _ => None,
        })
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyString> {
        let text =
            format!("<coroutine object Loop.{} at {:p}>", slf.get().name(slf.py()), slf.as_ptr());
        PyString::new(slf.py(), &text)
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            if let Phase::Waiting(future) = &state.phase {
                visit.call(future)?;
            }
            if let Some(operation) = &state.operation {
                operation.traverse(&visit)?;
            }
            visit.call(&state.core)?;
            visit.call(&state.socket)
        })
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        slf.get().end(slf);
    }
}

impl Recycle for SocketCall {
    fn shelf() -> &'static Shelf {
        static SHELF: Shelf = Shelf::new();
        &SHELF
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        let taken = slf.get().state.with(slf.py(), |state| {
            (
                std::mem::replace(&mut state.phase, Phase::Over),
                state.operation.take(),
                state.core.take(),
                state.socket.take(),
            )
        });
        drop(taken);
    }
}

impl Finalize for SocketCall {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        slf.get().state.with(slf.py(), |state| matches!(state.phase, Phase::Created))
    }

    fn finalize(slf: &Bound<'_, Self>) {
        let py = slf.py();
        let text = format!("coroutine 'Loop.{}' was never awaited", slf.get().name(py));
        let text = CString::new(text).expect("method names have no zero bytes");
        let warning = py.get_type::<PyRuntimeWarning>();
        if let Err(error) = PyErr::warn(py, &warning, &text, 1) {
            error.write_unraisable(py, Some(slf.as_any()));
        }
    }
}
