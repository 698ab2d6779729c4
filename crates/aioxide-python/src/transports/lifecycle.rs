//! From `connection_made` to `connection_lost`.

use std::ffi::CString;

use aioxide_engine::{Interest, Trigger};
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyResourceWarning, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::SocketTransport;
use super::object::Socket;
use crate::event_loop::{LoopCore, READABLE, Ready, WRITABLE, Watch, report_callback};
use crate::futures::Future;
use crate::{context, standard};

impl SocketTransport {
    /// The first turn of a transport: tells the protocol, begins to read,
    /// releases whoever waits for the connection.
    pub fn start(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let made = self.call_protocol(py, |protocol| {
            protocol.call_method1(pyo3::intern!(py, "connection_made"), (slf,)).map(drop)
        });
        if let Err(error) = made {
            self.report(core, "connection_made", (slf,).into_pyobject(py)?, error)?;
        }
        if let Err(error) = self.register(core, slf) {
            self.fatal_error(slf, error, "Fatal read error on socket transport")?;
        }
        let waiter = self.state.with(py, |state| state.waiter.take());
        match waiter {
            Some(waiter) if !waiter.get().is_done(py) => Future::finish(waiter.bind(py), py.None()),
            _ => Ok(()),
        }
    }

    /// Registers the socket with the poller, once and for both directions.
    fn register(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let wanted = self.state.with(py, |state| {
            let open = !matches!(state.socket, Socket::Closed) && state.lost_writes == 0;
            open && !std::mem::replace(&mut state.registered, true)
        });
        if !wanted {
            return Ok(());
        }
        let watch = Watch::Transport(slf.clone().unbind());
        core.get().occupy(py, self.descriptor(), watch, Interest::BOTH, Trigger::Edge)
    }

    /// The poller has news of the socket.
    #[inline]
    pub fn ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        readiness: u8,
    ) -> PyResult<()> {
        let py = core.py();
        let (read, write) = self.state.with(py, |state| {
            if readiness & crate::event_loop::HANGUP != 0 {
                state.hung_up = true;
            }
            let read = readiness & READABLE != 0
                && !state.paused
                && !state.closing
                && !state.read_ended
                && state.lost_writes == 0;
            (read, readiness & WRITABLE != 0 && !state.queue.is_empty() && state.lost_writes == 0)
        });
        if write {
            self.flush(core, slf)?;
        }
        if read { self.read_ready(core, slf) } else { Ok(()) }
    }

    /// Calls a method of the protocol in the transport's context.
    #[inline]
    pub(super) fn call_protocol<R: Default>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<R>,
    ) -> PyResult<R> {
        let (protocol, context) = self.state.with(py, |state| {
            (
                state.protocol.as_ref().map(|protocol| protocol.bind(py).clone()),
                state.context.as_ref().map(|context| context.bind(py).clone()),
            )
        });
        match (protocol, context) {
            (Some(protocol), Some(context)) => context::run_in(&context, || call(&protocol)),
            _ => Ok(R::default()),
        }
    }

    /// An error of the protocol that does not end the connection.
    fn report(
        &self,
        core: &Bound<'_, LoopCore>,
        method: &str,
        arguments: Bound<'_, PyTuple>,
        error: PyErr,
    ) -> PyResult<()> {
        let py = core.py();
        let callback = match self.protocol(py) {
            Some(protocol) => protocol.getattr(method)?.unbind(),
            None => py.None(),
        };
        let context = context::copy_current(py)?;
        report_callback(core, callback, arguments, context, error)
    }

    /// Ends the connection because of `error`. A system error is the peer's
    /// affair or the network's and is passed to `connection_lost` only; any
    /// other is a bug and reported. What must end the loop is returned.
    pub(super) fn fatal_error(
        &self,
        slf: &Bound<'_, Self>,
        error: PyErr,
        message: &str,
    ) -> PyResult<()> {
        let py = slf.py();
        if error.is_instance_of::<PySystemExit>(py)
            || error.is_instance_of::<PyKeyboardInterrupt>(py)
        {
            return Err(error);
        }
        let Some(core) = self.core(py) else {
            return Ok(());
        };
        let exception = error.into_value(py).into_bound(py).into_any();
        if exception.is_instance_of::<PyOSError>() {
            if core.get().debug(py) {
                let keywords = PyDict::new(py);
                keywords.set_item("exc_info", &exception)?;
                standard::logger(py)?.call_method(
                    "debug",
                    ("%r: %s", slf, message),
                    Some(&keywords),
                )?;
            }
        } else {
            let details = PyDict::new(py);
            details.set_item("message", message)?;
            details.set_item("exception", &exception)?;
            details.set_item("transport", slf)?;
            details.set_item("protocol", self.protocol(py))?;
            core.call_method1(pyo3::intern!(py, "call_exception_handler"), (details,))?;
        }
        self.force_close(slf, Some(exception))
    }

    /// Drops what waits to be written and ends the connection.
    pub(super) fn force_close(
        &self,
        slf: &Bound<'_, Self>,
        reason: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let (first, dropped) = self.state.with(py, |state| {
            if state.lost_writes > 0 {
                return (false, None);
            }
            state.closing = true;
            state.lost_writes = 1;
            (true, Some(std::mem::take(&mut state.queue)))
        });
        drop(dropped);
        if first { self.schedule_lost(slf, reason) } else { Ok(()) }
    }

    /// Ends the connection once everything is written.
    pub(super) fn begin_close(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let now = self.state.with(py, |state| {
            if std::mem::replace(&mut state.closing, true) || !state.queue.is_empty() {
                return false;
            }
            state.lost_writes += 1;
            true
        });
        if now { self.schedule_lost(slf, None) } else { Ok(()) }
    }

    fn schedule_lost(
        &self,
        slf: &Bound<'_, Self>,
        reason: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let Some(core) = self.core(py) else {
            return Ok(());
        };
        core.get().admit(py)?;
        let parts = Box::new((slf.clone().unbind(), reason.map(Bound::unbind)));
        core.get().schedule(py, Ready::TransportLost(parts));
        Ok(())
    }

    /// The last turn of a transport: tells the protocol, closes the socket.
    pub fn lost(&self, slf: &Bound<'_, Self>, reason: Option<Py<PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let Some(core) = self.core(py) else {
            return Ok(());
        };
        self.remember_local_name(py);
        let argument = reason.unwrap_or_else(|| py.None());
        let told = self.call_protocol(py, |protocol| {
            protocol.call_method1(pyo3::intern!(py, "connection_lost"), (&argument,)).map(drop)
        });
        let told = match told {
            Ok(()) => Ok(()),
            Err(error) => {
                self.report(&core, "connection_lost", (argument,).into_pyobject(py)?, error)
            }
        };
        self.release(slf, Some(&core));
        told
    }

    /// Unregisters and closes the socket and lets go of everything.
    fn release(&self, slf: &Bound<'_, Self>, core: Option<&Bound<'_, LoopCore>>) {
        let py = slf.py();
        let (socket, server, registered, rest) = self.state.with(py, |state| {
            state.closing = true;
            state.lost_writes = state.lost_writes.max(1);
            (
                std::mem::replace(&mut state.socket, Socket::Closed),
                state.server.take(),
                std::mem::take(&mut state.registered),
                (
                    state.core.take(),
                    state.protocol.take(),
                    state.context.take(),
                    std::mem::take(&mut state.queue),
                    state.waiter.take(),
                ),
            )
        });
        if let Some(core) = core.filter(|_| registered) {
            core.get().vacate(py, self.fd);
        }
        match socket {
            Socket::Python(socket) => {
                if let Err(error) = socket.call_method0(py, pyo3::intern!(py, "close")) {
                    error.write_unraisable(py, Some(slf.as_any()));
                }
            }
            Socket::Native(fd) => drop(fd),
            Socket::Closed => {}
        }
        if let Some(server) = server {
            server.get().detach(server.bind(py), slf.as_ptr());
        }
        drop(rest);
    }

    /// The transport goes without having been closed.
    pub(super) fn abandoned(&self, slf: &Bound<'_, Self>) {
        let py = slf.py();
        let open = self.state.with(py, |state| !matches!(state.socket, Socket::Closed));
        if open {
            let warn = || -> PyResult<()> {
                let text = format!("unclosed transport {}", slf.repr()?);
                let text = CString::new(text).unwrap_or_default();
                let keywords = PyDict::new(py);
                keywords.set_item("source", slf)?;
                py.import("warnings")?.call_method(
                    "warn",
                    (text.to_string_lossy(), py.get_type::<PyResourceWarning>()),
                    Some(&keywords),
                )?;
                Ok(())
            };
            if let Err(error) = warn() {
                error.write_unraisable(py, Some(slf.as_any()));
            }
        }
        let core = self.core(py);
        self.release(slf, core.as_ref());
    }
}
