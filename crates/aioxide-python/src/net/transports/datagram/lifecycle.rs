//! From `connection_made` to `connection_lost`.

use aioxide_engine::{Interest, Trigger};
use pyo3::prelude::*;

use super::DatagramTransport;
use crate::core::dispatch::{AnyTransport, TransportEvent};
use crate::core::dispatch::{READABLE, WRITABLE, Watch};
use crate::core::event_loop::LoopCore;
use crate::net::transports::Transport;
use crate::net::transports::failures::{report_step, warn_unclosed};

impl DatagramTransport {
    /// Something has happened to the transport.
    #[inline]
    pub fn handle(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        event: TransportEvent,
    ) -> PyResult<()> {
        let (step, outcome) = match event {
            TransportEvent::Start => ("_add_reader", self.start(core, slf)),
            TransportEvent::Io(readiness) => ("_read_ready", self.ready(core, slf, readiness)),
            TransportEvent::Lost => ("_call_connection_lost", self.lost(slf)),
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(error) => report_step(core, slf, step, error),
        }
    }

    #[inline]
    fn ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        readiness: u8,
    ) -> PyResult<()> {
        if readiness & WRITABLE != 0 {
            self.flush(core, slf)?;
        }
        if readiness & READABLE != 0 { self.receive_all(core, slf) } else { Ok(()) }
    }

    /// The first iteration: tells the protocol, begins to receive, releases whoever
    /// waits for the transport.
    fn start(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        self.tell(core, crate::intern!(py, "connection_made"), slf.clone().into_any())?;
        if let Err(error) = self.register(core, slf) {
            report_step(core, slf, "_add_reader", error)?;
        }
        self.release_waiter(py)
    }

    /// Registers the socket with the poller, once and for both directions.
    fn register(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let flags = self.state.flags.get(py);
        if self.state.socket.is_none(py) || flags.lost_writes > 0 || flags.registered {
            return Ok(());
        }
        let watch = Watch::Transport(AnyTransport::Datagram(slf.clone().unbind()));
        core.get().occupy(py, self.descriptor(), watch, Interest::BOTH, Trigger::Edge)?;
        self.state.flags.update(py, |flags| flags.registered = true);
        Ok(())
    }

    /// The last iteration: tells the protocol, closes the socket.
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
        let registered = self.state.flags.update(py, |flags| {
            flags.closing = true;
            flags.lost_writes = flags.lost_writes.max(1);
            std::mem::take(&mut flags.registered)
        });
        let socket = self.state.socket.take(py);
        let last_sender = self.state.last_sender.take(py);
        let rest = (self.state.link.take(py), self.take_queue(py), last_sender);
        // See the stream transport.
        let is_ours = |core: &&Bound<'_, LoopCore>| {
            registered && core.get().is_occupied_by(py, self.fd, slf.as_any())
        };
        if let Some(core) = core.filter(is_ours) {
            core.get().vacate(py, self.fd);
        }
        if let Some(socket) = socket
            && let Err(error) = socket.call_method0(py, crate::intern!(py, "close"))
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
        let py = slf.py();
        let idle = this.state.queue.is_empty(py);
        let now = this.state.flags.update(py, |flags| {
            let now = !std::mem::replace(&mut flags.closing, true) && idle;
            flags.lost_writes = flags.lost_writes.saturating_add(u32::from(now));
            now
        });
        if now { this.schedule_lost(slf, None) } else { Ok(()) }
    }

    /// Ends the transport at once; what waits to be sent is dropped.
    fn abort(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().force_close(slf, None)
    }

    /// Whether `close` or `abort` was called, or the transport is lost.
    fn is_closing(&self, py: Python<'_>) -> bool {
        self.state.flags.get(py).closing
    }
}
