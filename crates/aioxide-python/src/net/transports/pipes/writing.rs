//! From the protocol to the pipe.

use pyo3::exceptions::PyBrokenPipeError;
use pyo3::prelude::*;
use rustix::io::Errno;

use super::WritePipeTransport;
use crate::core::event_loop::{Direction, LoopCore};
use crate::ffi::errors::os_error;
use crate::ffi::file_descriptor::numbered;
use crate::net::transports::failures::{fatal_error, log_lost_write};
use crate::net::transports::flow_control::{maybe_pause_protocol, maybe_resume_protocol};
use crate::net::transports::lifecycle::Lifecycle;
use crate::net::transports::link::Transport;
use crate::net::transports::write_queue::Piece;

impl WritePipeTransport {
    /// The write end has become readable: the read end is closed.
    pub(super) fn reader_closed(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if !self.state.flags.get(py).watching_end {
            return Ok(());
        }
        let waiting = !self.state.queue.is_empty(py);
        self.log(slf, "info", "%r was closed by peer")?;
        let reason = waiting
            .then(|| PyBrokenPipeError::new_err(()).into_value(py).into_bound(py).into_any());
        self.force_close(slf, reason)
    }

    /// The pipe has room again: writes once, as asyncio does.
    pub(super) fn flush(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        if !self.state.flags.get(py).watching_room || self.state.queue.is_empty(py) {
            return Ok(());
        }
        let count = match self.state.queue.write(py, self.fd) {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => 0,
            Err(error) => return self.write_failed(slf, os_error(error)),
        };
        if count == 0 {
            return Ok(());
        }
        drop(self.state.queue.advance(py, count));
        if !self.state.queue.is_empty(py) {
            return Ok(());
        }
        self.stop_watching(py, Direction::Write);
        // The protocol may write, and so fill the queue again.
        maybe_resume_protocol(self, slf)?;
        let empty = self.state.queue.is_empty(py);
        let over = self.state.flags.update(py, |flags| {
            flags.closing && empty && !std::mem::replace(&mut flags.lost, true)
        });
        if over { self.lost(slf) } else { Ok(()) }
    }

    pub(super) fn write_failed(&self, slf: &Bound<'_, Self>, error: PyErr) -> PyResult<()> {
        self.state.flags.update(slf.py(), |flags| {
            flags.lost_writes = flags.lost_writes.saturating_add(1);
        });
        fatal_error(self, slf, error, "Fatal write error on pipe transport")
    }

    /// Writes as much as the pipe takes and queues the rest. `keep` is called
    /// with the number of bytes written and returns the piece to queue.
    pub(super) fn write_or_queue(
        &self,
        slf: &Bound<'_, Self>,
        data: &[u8],
        keep: impl FnOnce(usize) -> PyResult<(Piece, usize)>,
    ) -> PyResult<()> {
        let py = slf.py();
        let (too_late, lost) = self.state.flags.update(py, |flags| {
            let too_late = flags.closing || flags.lost_writes > 0;
            flags.lost_writes = flags.lost_writes.saturating_add(u32::from(too_late));
            (too_late, flags.lost_writes)
        });
        if too_late {
            let text = "pipe closed by peer or os.write(pipe, data) raised exception.";
            return log_lost_write(py, lost.saturating_sub(1), text);
        }
        let mut written = 0;
        let idle = self.state.queue.is_empty(py);
        if idle {
            written = match rustix::io::write(numbered(self.fd), data) {
                Ok(count) if count == data.len() => return Ok(()),
                Ok(count) => count,
                Err(Errno::INTR) => 0,
                Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => 0,
                Err(error) => return self.write_failed(slf, os_error(error)),
            };
        }
        // A part may be written already: the reader would take the next write
        // for the rest of this one.
        let kept = match keep(written) {
            Ok(kept) if idle => self.watch(slf, Direction::Write).map(|()| kept),
            kept => kept,
        };
        let (piece, sent) = match kept {
            Ok(kept) => kept,
            Err(error) => return self.write_failed(slf, error),
        };
        self.state.flags.update(py, |flags| flags.watching_room = true);
        self.state.queue.push(py, piece, sent);
        maybe_pause_protocol(self, slf)
    }
}
