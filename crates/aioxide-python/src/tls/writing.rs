//! From the protocol above to the transport below.

use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::protocol::SslProtocol;
use super::session::Attempt;
use super::state::Phase;
use crate::standard;

/// Writes to a lost connection that pass before each is logged.
const QUIET_LOST_WRITES: u32 = 5;

impl SslProtocol {
    /// Encrypts and sends `data`, or keeps it until the handshake is over.
    pub(super) fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let (phase, idle) = this.state.with(py, |state| (state.phase, state.backlog.is_empty()));
        match phase {
            Phase::Wrapped if idle => {}
            Phase::Wrapped | Phase::Handshake => {
                this.keep(data, 0)?;
                if phase == Phase::Handshake {
                    return Ok(());
                }
            }
            Phase::Flushing | Phase::Shutdown | Phase::Unwrapped => {
                return this.count_lost_write(py);
            }
        }
        let sent = if idle { Self::encrypt(slf, data) } else { Self::write_backlog(slf) };
        match sent {
            Err(error) => Self::write_failed(slf, error),
            Ok(()) => Ok(()),
        }
    }

    /// Ends the connection because what was to be written cannot be.
    pub(super) fn write_failed(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<()> {
        let py = slf.py();
        if !error.is_instance_of::<PyException>(py) {
            return Err(error);
        }
        let error = error.into_value(py).into_bound(py).into_any();
        Self::fatal_error(slf, error, "Fatal error on SSL protocol")
    }

    fn count_lost_write(&self, py: Python<'_>) -> PyResult<()> {
        let lost = self.state.with(py, |state| {
            let lost = state.lost_writes;
            state.lost_writes = lost.saturating_add(1);
            lost
        });
        if lost >= QUIET_LOST_WRITES {
            standard::logger(py)?.call_method1("warning", ("SSL connection is closed",))?;
        }
        Ok(())
    }

    /// Puts what follows the first `done` bytes of `data` into the backlog. The
    /// caller may change a buffer of his after this, so it is copied.
    pub(super) fn keep(&self, data: &Bound<'_, PyAny>, done: usize) -> PyResult<()> {
        let py = data.py();
        let piece = match data.cast::<PyBytes>() {
            Ok(bytes) if done == 0 => bytes.clone(),
            Ok(bytes) => PyBytes::new(py, &bytes.as_bytes()[done..]),
            Err(_) => {
                let view = crate::buffers::BufferView::readable(data)?;
                PyBytes::new(py, &view.bytes()[done..])
            }
        };
        let length = piece.as_bytes().len();
        let piece = piece.into_any().unbind();
        self.state.with(py, |state| {
            state.backlog.push_back(piece);
            state.backlog_bytes += length;
        });
        Ok(())
    }

    #[inline]
    fn encrypt(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        match this.session.write(data)? {
            Attempt::Done(count) => {
                let length = match data.cast::<PyBytes>() {
                    Ok(bytes) => bytes.as_bytes().len(),
                    Err(_) => crate::buffers::BufferView::readable(data)?.len(),
                };
                if count < length {
                    this.keep(data, count)?;
                    return Self::write_backlog(slf);
                }
            }
            Attempt::Again => this.keep(data, 0)?,
        }
        Self::send_outgoing(slf)
    }

    /// Encrypts and sends what waited.
    pub(super) fn write_backlog(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        while let Some(piece) = this.state.with(py, |state| state.backlog.pop_front()) {
            let bytes = piece.bind(py).cast::<PyBytes>()?;
            let length = bytes.as_bytes().len();
            let count = match this.session.write(bytes.as_any())? {
                Attempt::Done(count) => count,
                Attempt::Again => 0,
            };
            let rest = if count == 0 && length > 0 {
                Some(piece.clone_ref(py))
            } else if count < length {
                Some(PyBytes::new(py, &bytes.as_bytes()[count..]).into_any().unbind())
            } else {
                None
            };
            this.state.with(py, |state| {
                // Zero if the connection was lost meanwhile.
                state.backlog_bytes = state.backlog_bytes.saturating_sub(count);
                if let Some(rest) = rest {
                    state.backlog.push_front(rest);
                }
            });
            if count == 0 && length > 0 {
                break;
            }
        }
        Self::send_outgoing(slf)
    }

    /// Passes the session's records on, unless the transport below has enough.
    #[inline]
    pub(super) fn send_outgoing(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if !this.state.with(py, |state| state.writing_paused) {
            let records = this.session.drain(py)?;
            if !records.as_bytes().is_empty() {
                this.send_below(records.into_any())?;
            }
        }
        Self::control_app_writing(slf)
    }

    /// How many bytes wait to be sent, encrypted or not.
    pub(super) fn write_buffer_size(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.session.outgoing(py)? + self.state.with(py, |state| state.backlog_bytes))
    }

    /// Tells the protocol above to pause, or to go on.
    pub(super) fn control_app_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let (below_is_open, backlog) =
            this.state.with(py, |state| (!state.writing_paused, state.backlog_bytes));
        // Everything was just passed on.
        let size = if below_is_open { backlog } else { this.session.outgoing(py)? + backlog };
        let method = this.state.with(py, |state| {
            if size >= state.write_marks.high && !state.app_writing_paused {
                state.app_writing_paused = true;
                Some("pause_writing")
            } else if size <= state.write_marks.low && state.app_writing_paused {
                state.app_writing_paused = false;
                Some("resume_writing")
            } else {
                None
            }
        });
        let (Some(method), Some(protocol)) = (method, this.app_protocol(py)) else {
            return Ok(());
        };
        match protocol.call_method0(method) {
            Ok(_) => Ok(()),
            Err(error)
                if error.is_instance_of::<PyKeyboardInterrupt>(py)
                    || error.is_instance_of::<PySystemExit>(py) =>
            {
                Err(error)
            }
            Err(error) => {
                let details = PyDict::new(py);
                details.set_item("message", format!("protocol.{method}() failed"))?;
                details.set_item("exception", error.into_value(py))?;
                details.set_item("transport", this.app_transport(py))?;
                details.set_item("protocol", slf)?;
                this.report(details)
            }
        }
    }
}
