//! From `connection_made` to `connection_lost`.

use aioxide_engine::{Interest, Trigger};
use pyo3::prelude::*;

use super::DatagramTransport;
use crate::event_loop::{LoopCore, READABLE, WRITABLE, Watch};
use crate::transports::failures::{fatal_error, warn_unclosed};
use crate::transports::{AnyTransport, Transport, TransportEvent};

impl DatagramTransport {
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
            TransportEvent::Io(readiness) => {
                if readiness & WRITABLE != 0 {
                    self.flush(core, slf)?;
                }
                if readiness & READABLE != 0 { self.receive_all(core, slf) } else { Ok(()) }
            }
            TransportEvent::Lost => self.lost(slf),
        }
    }

    /// The first turn: tells the protocol, begins to receive, releases whoever
    /// waits for the transport.
    fn start(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        self.tell(core, pyo3::intern!(py, "connection_made"), slf.clone().into_any())?;
        if let Err(error) = self.register(core, slf) {
            fatal_error(self, slf, error, "Fatal read error on datagram transport")?;
        }
        self.release_waiter(py)
    }

    /// Registers the socket with the poller, once and for both directions.
    fn register(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let wanted = self.state.with(py, |state| {
            let open = state.socket.is_some() && state.lost_writes == 0;
            open && !std::mem::replace(&mut state.registered, true)
        });
        if !wanted {
            return Ok(());
        }
        let watch = Watch::Transport(AnyTransport::Datagram(slf.clone().unbind()));
        core.get().occupy(py, self.descriptor(), watch, Interest::BOTH, Trigger::Edge)
    }

    /// The last turn: tells the protocol, closes the socket.
    pub(super) fn lost(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let Some(core) = self.core(slf.py()) else {
            return Ok(());
        };
        let told = self.tell_lost(&core);
        self.release(slf, Some(&core));
        told
    }

    /// Unregisters and closes the socket and lets go of everything.
    fn release(&self, slf: &Bound<'_, Self>, core: Option<&Bound<'_, LoopCore>>) {
        let py = slf.py();
        let (socket, registered, rest) = self.state.with(py, |state| {
            state.closing = true;
            state.lost_writes = state.lost_writes.max(1);
            (
                state.socket.take(),
                std::mem::take(&mut state.registered),
                (state.link.take(), state.take_queue(), state.last_sender.take()),
            )
        });
        if let Some(core) = core.filter(|_| registered) {
            core.get().vacate(py, self.fd);
        }
        if let Some(socket) = socket
            && let Err(error) = socket.call_method0(py, pyo3::intern!(py, "close"))
        {
            error.write_unraisable(py, Some(slf.as_any()));
        }
        drop(rest);
    }

    /// The transport goes without having been closed.
    pub(super) fn abandoned(&self, slf: &Bound<'_, Self>) {
        warn_unclosed(slf);
        self.release(slf, self.core(slf.py()).as_ref());
    }
}

#[pymethods]
impl DatagramTransport {
    /// Ends the transport once everything is sent; `connection_lost(None)`
    /// follows.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let now = this.state.with(slf.py(), |state| {
            if std::mem::replace(&mut state.closing, true) || !state.queue.is_empty() {
                return false;
            }
            state.lost_writes += 1;
            true
        });
        if now { this.schedule_lost(slf, None) } else { Ok(()) }
    }

    /// Ends the transport at once; what waits to be sent is dropped.
    fn abort(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().force_close(slf, None)
    }

    /// Whether `close` or `abort` was called, or the transport is lost.
    fn is_closing(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.closing)
    }
}
