//! From a listening socket to a task for each accepted connection.

use pyo3::exceptions::{PyBlockingIOError, PyConnectionAbortedError, PyInterruptedError};
use pyo3::prelude::*;
use rustix::io::Errno;

use super::connection::{AcceptConnection, Connection};
use crate::core::coroutines::Coroutine;
use crate::core::event_loop::LoopCore;
use crate::core::tasks::{Task, TaskOptions};
use crate::ffi::errors::{Settled, os_error};
use crate::ffi::file_descriptor::numbered;
use crate::ffi::{allocate, context};
use crate::net::server::{Facts, ServerCore};
use crate::net::transports::{Accepted, Address};
use crate::stdlib;

/// Seconds until accepting resumes after the process ran out of descriptors or
/// memory: asyncio's `ACCEPT_RETRY_DELAY`.
const ACCEPT_RETRY_DELAY: f64 = 1.0;

/// The result of an `accept`.
enum Outcome {
    Connected(Connection),
    /// No connection waits.
    WouldBlock,
    /// The peer has closed the connection already.
    Aborted,
}

impl ServerCore {
    /// Accepts connections that wait at a listening socket. If some are left,
    /// the next poll reports the socket again.
    pub fn accept(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        index: u32,
    ) -> PyResult<()> {
        let py = core.py();
        let poll = core.get().polls(py);
        let max_accepts = self.state.max_accepts.get(py);
        for _ in 0..self.state.listeners.after_report(py, index, poll, max_accepts) {
            let Some(facts) = self.state.listeners.facts(py, index).filter(|it| it.watched) else {
                return Ok(());
            };
            let outcome =
                if facts.plain { accept(facts) } else { self.accept_by_object(py, index) };
            let made = match outcome {
                Ok(Outcome::Connected(connection)) => {
                    self.state.maker.within(|| self.connect(core, slf, connection))
                }
                Ok(Outcome::WouldBlock) => {
                    self.state.listeners.accept_would_block(py, index);
                    return Ok(());
                }
                Ok(Outcome::Aborted) => return Ok(()),
                Err(error) if is_shortage(py, &error) => {
                    return self.pause(core, slf, index, error);
                }
                Err(error) => Err(error),
            };
            if let Err(error) = made {
                return report_accept_error(core, error);
            }
        }
        Ok(())
    }

    /// The same with the method of a socket object that is of a subclass.
    fn accept_by_object(&self, py: Python<'_>, index: u32) -> PyResult<Outcome> {
        let Some(listener) = self.state.listeners.socket(py, index) else {
            return Ok(Outcome::WouldBlock);
        };
        let accepted = listener.bind(py).call_method0(crate::intern!(py, "accept"));
        let accepted = accepted.and_then(|accepted| {
            let (socket, peer): (Bound<'_, PyAny>, Bound<'_, PyAny>) = accepted.extract()?;
            socket.call_method1(crate::intern!(py, "setblocking"), (false,))?;
            let extra = allocate::dict(py)?;
            extra.set_item(crate::intern!(py, "peername"), peer)?;
            Ok(Connection::Object(socket.unbind(), extra.unbind()))
        });
        match accepted {
            Ok(connection) => Ok(Outcome::Connected(connection)),
            Err(error) if error.is_instance_of::<PyConnectionAbortedError>(py) => {
                Ok(Outcome::Aborted)
            }
            Err(error)
                if error.is_instance_of::<PyBlockingIOError>(py)
                    || error.is_instance_of::<PyInterruptedError>(py) =>
            {
                Ok(Outcome::WouldBlock)
            }
            Err(error) => Err(error),
        }
    }

    /// Creates the task that makes the protocol and the transport of an
    /// accepted connection.
    fn connect(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        connection: Connection,
    ) -> PyResult<()> {
        let py = core.py();
        let Some(factory) = self.state.protocol_factory.clone_ref(py) else {
            return Ok(());
        };
        let began = self.state.context.clone_ref(py);
        let routine = AcceptConnection::new(slf.clone().unbind(), factory, connection);
        let coroutine = Coroutine::new(py, routine)?.into_bound(py).into_any();
        if core.get().creates_natively(py) {
            let context = match began {
                Some(began) => context::copy_of(began.bind(py))?,
                None => context::copy_current(py)?.into_bound(py),
            };
            let options = TaskOptions { context: Some(context), ..TaskOptions::default() };
            return Task::spawn(core, coroutine, options).map(drop);
        }
        let create =
            || core.call_method1(crate::intern!(py, "create_task"), (coroutine,)).map(drop);
        match began {
            Some(began) => context::run_in(began.bind(py), create),
            None => create(),
        }
    }

    /// The process is out of descriptors or memory. The poller would report the
    /// socket again and again, so accepting pauses for a while.
    fn pause(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        index: u32,
        error: PyErr,
    ) -> PyResult<()> {
        let py = core.py();
        let Some(socket) = self.state.listeners.socket(py, index) else {
            return Ok(());
        };
        if let Some(facts) = self.state.listeners.set_watched(py, index, false) {
            core.get().vacate(py, facts.fd);
        }
        let details = allocate::dict(py)?;
        let message = allocate::string(py, "socket.accept() out of system resource")?;
        details.set_item(crate::intern!(py, "message"), message)?;
        details.set_item(crate::intern!(py, "exception"), error.into_value(py))?;
        let shown = stdlib::transport_socket(py)?.call1((socket,))?;
        details.set_item(crate::intern!(py, "socket"), shown)?;
        core.call_method1(crate::intern!(py, "call_exception_handler"), (details,))?;
        let resume = slf.getattr(crate::intern!(py, "_resume_accepting"))?;
        core.call_method1(
            crate::intern!(py, "call_later"),
            (
                crate::ffi::allocate::Made(ACCEPT_RETRY_DELAY),
                resume,
                crate::ffi::allocate::Made(index),
            ),
        )?;
        Ok(())
    }
}

/// One `accept`.
fn accept(facts: Facts) -> PyResult<Outcome> {
    let descriptor = numbered(facts.fd);
    match crate::net::socket_calls::accept(descriptor) {
        Ok((fd, peer)) => Ok(Outcome::Connected(Connection::Native(Accepted {
            fd,
            peer: Address::of(peer),
            has_no_delay: facts.hands_on_no_delay,
        }))),
        Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => {
            Ok(Outcome::WouldBlock)
        }
        Err(Errno::INTR | Errno::CONNABORTED) => Ok(Outcome::Aborted),
        Err(error) => Err(os_error(error)),
    }
}

/// Whether the process or the system is out of descriptors or memory.
fn is_shortage(py: Python<'_>, error: &PyErr) -> bool {
    if !error.is_instance_of::<pyo3::exceptions::PyOSError>(py) {
        return false;
    }
    let number = error.value(py).getattr(crate::intern!(py, "errno"));
    let number = number.and_then(|number| number.extract::<i32>()).unwrap_or(0);
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM]
        .iter()
        .any(|shortage| shortage.raw_os_error() == number)
}

/// Reports an error as asyncio does, where accepting is a callback.
fn report_accept_error(core: &Bound<'_, LoopCore>, error: PyErr) -> PyResult<()> {
    let py = core.py();
    let error = error.settled(py);
    if crate::net::transports::ends_the_loop(py, &error) {
        return Err(error);
    }
    let details = allocate::dict(py)?;
    let message = allocate::string(py, "Exception in callback ServerCore.accept()")?;
    details.set_item(crate::intern!(py, "message"), message)?;
    details.set_item(crate::intern!(py, "exception"), error.into_value(py))?;
    core.call_method1(crate::intern!(py, "call_exception_handler"), (details,))?;
    Ok(())
}
