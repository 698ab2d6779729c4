//! A socket's registration with the poller, from `connection_made` to
//! `connection_lost`.

use aioxide_engine::{Interest, Trigger};
use pyo3::prelude::*;

use super::SocketTransport;
use super::object::Socket;
use crate::core::dispatch::AnyTransport;
use crate::core::dispatch::{AGAIN, READABLE, WRITABLE, Watch};
use crate::core::event_loop::LoopCore;
use crate::ffi::file_descriptor::close;
use crate::net::transports::Transport;
use crate::net::transports::failures::fatal_error;
use crate::net::transports::lifecycle::Lifecycle;

impl Lifecycle for SocketTransport {
    /// Registers the socket with the poller for reading, and for writing too if
    /// there is unsent data. Registered for both without such data, it would be
    /// reported as writable in the first poll for no purpose.
    fn register(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let flags = self.state.flags.get(py);
        if !self.is_open(py) || flags.stage.lost_writes > 0 || flags.stage.registered {
            return Ok(());
        }
        let writes = !self.state.queue.is_empty(py) || self.state.sending.is_some(py);
        let interest = if writes { Interest::BOTH } else { Interest::READ };
        let watch = Watch::Transport(AnyTransport::Socket(slf.clone().unbind()));
        core.get().occupy(py, self.descriptor(), watch, interest, Trigger::Edge)?;
        self.state.flags.update(py, |flags| {
            flags.stage.registered = true;
            flags.watches_writing = writes;
        });
        Ok(())
    }

    #[inline]
    fn ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        readiness: u8,
    ) -> PyResult<()> {
        let py = core.py();
        if readiness & crate::core::dispatch::HANGUP != 0 {
            self.state.flags.update(py, |flags| flags.hung_up = true);
        }
        if readiness & WRITABLE != 0 && self.state.flags.get(py).stage.lost_writes == 0 {
            let sends_file = self.state.sending.is_some(py);
            if !self.state.queue.is_empty(py) {
                self.flush(core, slf)?;
            }
            if sends_file {
                self.send_file(slf)?;
            }
        }
        // Writing may have called the protocol, which may have closed the
        // transport.
        if readiness & READABLE == 0 {
            return Ok(());
        }
        if readiness & AGAIN != 0 {
            self.state.flags.update(py, |flags| flags.reads_again = false);
            if !self.still_has_descriptor(py)? {
                return Ok(());
            }
        } else if self.state.flags.get(py).reads_again {
            // It is read once per iteration, as in asyncio, and a read is scheduled or was done
            // already. So the end of the stream is never reported in the same iteration as the last
            // data.
            return Ok(());
        }
        if self.state.flags.get(py).reads() { self.read_ready(core, slf) } else { Ok(()) }
    }

    fn is_open(&self, py: Python<'_>) -> bool {
        self.state.socket.read(py, |socket| !matches!(socket, Socket::Closed))
    }

    fn needs_finalizer(&self, py: Python<'_>) -> bool {
        self.is_open(py) || self.state.server.is_some(py)
    }

    fn mark_lost(&self, py: Python<'_>) -> bool {
        self.state.flags.update(py, |flags| flags.stage.mark_lost())
    }

    fn discard(&self, py: Python<'_>) {
        drop(self.state.queue.take(py));
    }

    fn after_lost(&self, py: Python<'_>, reason: Option<Py<PyAny>>) -> PyResult<()> {
        self.give_up_file(py, reason)
    }

    fn release(&self, slf: &Bound<'_, Self>, core: Option<&Bound<'_, LoopCore>>) -> PyResult<()> {
        let py = slf.py();
        let registered = self.state.flags.update(py, |flags| flags.stage.end());
        let server = self.state.server.take(py);
        let rest = (self.state.link.take(py), self.state.queue.take(py));
        let native = self.state.socket.read(py, |socket| matches!(socket, Socket::Native(_)));
        let core = core.filter(|_| registered);
        // Only the transport has the descriptor of an accepted connection, so
        // it makes no visible difference whether it is closed before or after
        // the protocol is released. Once the protocol is released, mostly no
        // reference to the transport is left that could be used to ask for an
        // address.
        let rest = if native {
            drop(rest);
            self.remember_local_name(slf, core.is_some());
            None
        } else {
            Some(rest)
        };
        let socket = self.state.socket.replace(py, Socket::Closed);
        // If the program closed the descriptor itself, its number may belong to another
        // transport by now, whose registration must stay.
        let core = core.filter(|core| core.get().is_occupied_by(py, self.fd, slf.as_any()));
        match (socket, core) {
            (Socket::Native(fd), Some(core)) => core.get().vacate_and_close(py, fd),
            (Socket::Native(fd), None) => close(fd),
            (Socket::Python(socket), core) => {
                if let Some(core) = core {
                    core.get().vacate(py, self.fd);
                }
                if let Err(error) = socket.call_method0(py, crate::intern!(py, "close")) {
                    error.write_unraisable(py, Some(slf.as_any()));
                }
            }
            (Socket::Closed, _) => {}
        }
        if let Some(server) = server {
            server.get().detach(server.bind(py), slf.as_any());
        }
        drop(rest);
        Ok(())
    }
}

impl SocketTransport {
    /// The kernel's buffer is full: registers the socket for writing too, from
    /// now on.
    pub(super) fn await_writable(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let wanted = self.state.flags.update(py, |flags| {
            flags.stage.registered && !std::mem::replace(&mut flags.watches_writing, true)
        });
        let Some(core) = self.core(py).filter(|_| wanted) else {
            return Ok(());
        };
        match core.get().watch_writing_too(py, self.descriptor()) {
            Ok(()) => Ok(()),
            Err(error) => fatal_error(self, slf, error, "Fatal write error on socket transport"),
        }
    }

    /// Whether the socket object still has the descriptor. If the program has closed it,
    /// the number may belong to another file.
    fn still_has_descriptor(&self, py: Python<'_>) -> PyResult<bool> {
        let object = self.state.socket.clone_of(py, |socket| match socket {
            Socket::Python(socket) => Some(socket),
            Socket::Native(_) | Socket::Closed => None,
        });
        match object {
            Some(object) => {
                let number = object.bind(py).call_method0(crate::intern!(py, "fileno"))?;
                Ok(number.extract::<i32>().is_ok_and(|number| number == self.fd))
            }
            None => Ok(true),
        }
    }
}
