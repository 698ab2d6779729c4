//! A socket's registration with the poller, from `connection_made` to
//! `connection_lost`.

use aioxide_engine::{Interest, Trigger};
use pyo3::prelude::*;

use super::DatagramTransport;
use crate::core::dispatch::{AnyTransport, READABLE, WRITABLE, Watch};
use crate::core::event_loop::LoopCore;
use crate::net::transports::lifecycle::Lifecycle;

impl Lifecycle for DatagramTransport {
    /// Registers the socket with the poller, once and for both directions.
    fn register(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        let flags = self.state.flags.get(py);
        if self.state.socket.is_none(py) || flags.stage.lost_writes > 0 || flags.stage.registered {
            return Ok(());
        }
        let watch = Watch::Transport(AnyTransport::Datagram(slf.clone().unbind()));
        core.get().occupy(py, self.descriptor(), watch, Interest::BOTH, Trigger::Edge)?;
        self.state.flags.update(py, |flags| flags.stage.registered = true);
        Ok(())
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

    fn is_open(&self, py: Python<'_>) -> bool {
        self.state.socket.is_some(py)
    }

    fn mark_lost(&self, py: Python<'_>) -> bool {
        self.state.flags.update(py, |flags| flags.stage.mark_lost())
    }

    fn discard(&self, py: Python<'_>) {
        drop(self.take_queue(py));
    }

    fn release(&self, slf: &Bound<'_, Self>, core: Option<&Bound<'_, LoopCore>>) -> PyResult<()> {
        let py = slf.py();
        let registered = self.state.flags.update(py, |flags| flags.stage.end());
        let socket = self.state.socket.take(py);
        let last_sender = self.state.last_sender.take(py);
        let rest = (self.state.link.take(py), self.take_queue(py), last_sender);
        // See `SocketTransport::release`.
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
        Ok(())
    }
}

#[pymethods]
impl DatagramTransport {
    /// Whether `close` or `abort` was called, or the transport is lost.
    fn is_closing(&self, py: Python<'_>) -> bool {
        self.state.flags.get(py).stage.closing
    }
}
