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

    /// Registers the socket with the poller: for reading, unless there is
    /// something left to write already. Registered for both, it would be
    /// reported as ready at once, for nothing.
    fn register(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let interest = self.state.with(py, |state| {
            let open = !matches!(state.socket, Socket::Closed) && state.lost_writes == 0;
            if !open || std::mem::replace(&mut state.registered, true) {
                return None;
            }
            state.watches_writing = !state.queue.is_empty() || state.sending.is_some();
            Some(if state.watches_writing { Interest::BOTH } else { Interest::READ })
        });
        let Some(interest) = interest else {
            return Ok(());
        };
        let watch = Watch::Transport(AnyTransport::Socket(slf.clone().unbind()));
        core.get().occupy(py, self.descriptor(), watch, interest, Trigger::Edge)
    }

    /// The kernel takes no more for now: has the poller tell when it does again,
    /// this time and all later ones.
    pub(super) fn await_writable(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let wanted = self.state.with(py, |state| {
            state.registered && !std::mem::replace(&mut state.watches_writing, true)
        });
        let Some(core) = self.core(py).filter(|_| wanted) else {
            return Ok(());
        };
        match core.get().watch_writing_too(py, self.descriptor()) {
            Ok(()) => Ok(()),
            Err(error) => fatal_error(self, slf, error, "Fatal write error on socket transport"),
        }
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
        let reason = self.link(py, |link| link.reason(py));
        let told = self.tell_lost(&core);
        self.release(slf, Some(&core));
        told.and(self.give_up_file(py, reason))
    }

    /// Unregisters and closes the socket and lets go of everything.
    fn release(&self, slf: &Bound<'_, Self>, core: Option<&Bound<'_, LoopCore>>) {
        let py = slf.py();
        let (server, registered, rest, native) = self.state.with(py, |state| {
            state.closing = true;
            state.lost_writes = state.lost_writes.max(1);
            (
                state.server.take(),
                std::mem::take(&mut state.registered),
                (state.link.take(), std::mem::take(&mut state.queue)),
                matches!(state.socket, Socket::Native(_)),
            )
        });
        let core = core.filter(|_| registered);
        // Only the transport knows an accepted connection, so that nobody can
        // tell whether it is closed before or after the protocol goes; and when
        // that is gone, mostly nobody is left who could ask for a name.
        let rest = if native {
            drop(rest);
            self.remember_local_name(slf, core.is_some());
            None
        } else {
            Some(rest)
        };
        let socket =
            self.state.with(py, |state| std::mem::replace(&mut state.socket, Socket::Closed));
        match (socket, core) {
            (Socket::Native(fd), Some(core)) => core.get().vacate_and_close(py, fd),
            (Socket::Native(fd), None) => drop(fd),
            (Socket::Python(socket), core) => {
                if let Some(core) = core {
                    core.get().vacate(py, self.fd);
                }
                if let Err(error) = socket.call_method0(py, pyo3::intern!(py, "close")) {
                    error.write_unraisable(py, Some(slf.as_any()));
                }
            }
            (Socket::Closed, _) => {}
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
