//! From `connection_made` to `connection_lost`.

use aioxide_engine::{Interest, Trigger};
use pyo3::prelude::*;

use super::SocketTransport;
use super::object::Socket;
use crate::event_loop::{LoopCore, READABLE, WRITABLE, Watch};
use crate::transports::failures::{fatal_error, warn_unclosed};
use crate::transports::{AnyTransport, Transport, TransportEvent};

impl SocketTransport {
    /// Something has happened to the transport.
    #[inline]
    pub fn handle(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        event: TransportEvent,
    ) -> PyResult<()> {
        match event {
            TransportEvent::Start => self.start(core, slf),
            TransportEvent::Io(readiness) => self.ready(core, slf, readiness),
            TransportEvent::Lost => self.lost(slf),
        }
    }

    /// The first turn of a transport: tells the protocol, begins to read,
    /// releases whoever waits for the connection.
    fn start(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        self.tell(core, pyo3::intern!(py, "connection_made"), slf.clone().into_any())?;
        if let Err(error) = self.register(core, slf) {
            fatal_error(self, slf, error, "Fatal read error on socket transport")?;
        }
        self.release_waiter(py)
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
        let watch = Watch::Transport(AnyTransport::Socket(slf.clone().unbind()));
        core.get().occupy(py, self.descriptor(), watch, Interest::BOTH, Trigger::Edge)
    }

    /// The poller has news of the socket.
    #[inline]
    fn ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        readiness: u8,
    ) -> PyResult<()> {
        let py = core.py();
        let (read, write, send_file) = self.state.with(py, |state| {
            if readiness & crate::event_loop::HANGUP != 0 {
                state.hung_up = true;
            }
            let read = readiness & READABLE != 0
                && !state.paused
                && !state.closing
                && !state.read_ended
                && state.lost_writes == 0;
            let writable = readiness & WRITABLE != 0 && state.lost_writes == 0;
            (read, writable && !state.queue.is_empty(), writable && state.sending.is_some())
        });
        if write {
            self.flush(core, slf)?;
        }
        if send_file {
            self.send_file(slf)?;
        }
        if read { self.read_ready(core, slf) } else { Ok(()) }
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

    /// The last turn of a transport: tells the protocol, closes the socket.
    pub(super) fn lost(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(core) = self.core(py) else {
            return Ok(());
        };
        self.remember_local_name(py);
        let reason = self.link(py, |link| link.reason(py));
        let told = self.tell_lost(&core);
        self.release(slf, Some(&core));
        told.and(self.give_up_file(py, reason))
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
                (state.link.take(), std::mem::take(&mut state.queue)),
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
            warn_unclosed(slf);
        }
        let core = self.core(py);
        self.release(slf, core.as_ref());
    }
}
