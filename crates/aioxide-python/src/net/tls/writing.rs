//! From the protocol above to the transport below.

use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::protocol::SslProtocol;
use super::session::Attempt;
use super::state::Phase;
use crate::ffi::allocate;
use crate::ffi::buffers::BufferView;
use crate::ffi::errors::Settled;
use crate::net::transports::log_lost_write;

impl SslProtocol {
    /// Encrypts and sends `data`, or queues it until the handshake is over.
    pub(super) fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let flags = this.state.flags.get(py);
        let idle = this.state.backlog.is_empty(py) && !flags.encrypting;
        match flags.phase {
            Phase::Wrapped if idle => {}
            Phase::Wrapped | Phase::Handshake => {
                this.keep(data, 0)?;
                if flags.phase == Phase::Handshake {
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

    /// Ends the connection after data could not be encrypted.
    pub(super) fn write_failed(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<()> {
        let py = slf.py();
        let error = error.settled(py);
        if !error.is_instance_of::<PyException>(py) {
            return Err(error);
        }
        let error = error.into_value(py).into_bound(py).into_any();
        Self::fatal_error(slf, error, "Fatal error on SSL protocol")
    }

    fn count_lost_write(&self, py: Python<'_>) -> PyResult<()> {
        let lost = self.state.flags.update(py, |flags| {
            let lost = flags.lost_writes;
            flags.lost_writes = lost.saturating_add(1);
            lost
        });
        log_lost_write(py, lost, "SSL connection is closed")
    }

    /// Adds `data` without its first `done` bytes to the backlog. The caller
    /// may change a buffer after this call, so it is copied.
    pub(super) fn keep(&self, data: &Bound<'_, PyAny>, done: usize) -> PyResult<()> {
        let py = data.py();
        let piece = match data.cast_exact::<PyBytes>() {
            Ok(bytes) if done == 0 => bytes.clone(),
            Ok(bytes) => allocate::bytes(py, after(bytes.as_bytes(), done))?,
            Err(_) => {
                let view = BufferView::readable(data)?;
                allocate::bytes(py, after(view.bytes(), done))?
            }
        };
        let length = piece.as_bytes().len();
        self.state.backlog.push_back(py, piece.into_any().unbind());
        self.count_backlog(py, |bytes| bytes.saturating_add(length));
        Ok(())
    }

    fn count_backlog(&self, py: Python<'_>, change: impl FnOnce(usize) -> usize) {
        self.state.flags.update(py, |flags| flags.backlog_bytes = change(flags.backlog_bytes));
    }

    /// Calls `session.write`. What code that it runs writes meanwhile goes to
    /// the backlog.
    #[inline]
    fn encrypt_once(&self, data: &Bound<'_, PyAny>) -> PyResult<Attempt<usize>> {
        let (py, flags) = (data.py(), &self.state.flags);
        flags.update(py, |flags| flags.encrypting = true);
        let outcome = self.session.write(data);
        flags.update(py, |flags| flags.encrypting = false);
        outcome
    }

    #[inline]
    fn encrypt(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let count = match this.encrypt_once(data)? {
            Attempt::Done(count) => count,
            Attempt::Again => 0,
        };
        let length = match data.cast_exact::<PyBytes>() {
            Ok(bytes) => bytes.as_bytes().len(),
            Err(_) => BufferView::readable(data)?.len(),
        };
        if count < length {
            // The rest has to be sent before what was written meanwhile.
            let written_meanwhile = this.state.backlog.take(py);
            let kept = this.keep(data, count);
            for piece in written_meanwhile {
                this.state.backlog.push_back(py, piece);
            }
            kept?;
            if count == 0 {
                return Self::send_outgoing(slf);
            }
        }
        if this.state.backlog.is_empty(py) {
            Self::send_outgoing(slf)
        } else {
            Self::write_backlog(slf)
        }
    }

    /// Encrypts and sends the backlog.
    pub(super) fn write_backlog(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if this.state.flags.get(py).encrypting {
            // The call that encrypts now sends the backlog afterwards.
            return Ok(());
        }
        while let Some(piece) = this.state.backlog.pop_front(py) {
            let outcome = this.encrypt_once(piece.bind(py));
            let count = match &outcome {
                Ok(Attempt::Done(count)) => *count,
                Ok(Attempt::Again) | Err(_) => 0,
            };
            let bytes = piece.bind(py).cast::<PyBytes>()?.as_bytes();
            let length = bytes.len();
            let rest = if count == 0 && length > 0 {
                Some(piece.clone_ref(py))
            } else if count < length {
                Some(allocate::bytes(py, after(bytes, count))?.into_any().unbind())
            } else {
                None
            };
            // The count is zero already if the connection was lost meanwhile.
            this.count_backlog(py, |waiting| waiting.saturating_sub(count.min(length)));
            if let Some(rest) = rest {
                this.state.backlog.push_front(py, rest);
            }
            outcome?;
            if count == 0 && length > 0 {
                break;
            }
        }
        Self::send_outgoing(slf)
    }

    /// Sends the session's records, unless the transport below has paused
    /// writing.
    #[inline]
    pub(super) fn send_outgoing(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if !this.state.flags.get(py).writing_paused {
            let records = this.session.drain(py)?;
            if records.len()? > 0 {
                this.send_below(records)?;
            }
        }
        Self::control_app_writing(slf)
    }

    /// How many bytes wait to be sent, encrypted or not.
    pub fn write_buffer_size(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.session.outgoing(py)?.saturating_add(self.state.flags.get(py).backlog_bytes))
    }

    /// Whether `pause_writing` of the protocol above was called, and how often `resume_writing` was.
    pub fn app_flow(&self, py: Python<'_>) -> (bool, u32) {
        let flags = self.state.flags.get(py);
        (flags.app_writing_paused, flags.app_writing_resumed)
    }

    /// Calls `pause_writing` or `resume_writing` of the protocol above, if a
    /// water mark was passed.
    pub(super) fn control_app_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let flags = this.state.flags.get(py);
        // Unless writing is paused, all records were just sent.
        let outgoing = if flags.writing_paused { this.session.outgoing(py)? } else { 0 };
        let size = outgoing.saturating_add(flags.backlog_bytes);
        let marks = this.state.write_marks.whole.get(py);
        let method = this.state.flags.update(py, |flags| {
            if size >= marks.high && !flags.app_writing_paused {
                flags.app_writing_paused = true;
                Some("pause_writing")
            } else if size <= marks.low && flags.app_writing_paused {
                flags.app_writing_paused = false;
                flags.app_writing_resumed = flags.app_writing_resumed.wrapping_add(1);
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
                let details = allocate::dict(py)?;
                let message = crate::ffi::allocate::Made(format!("protocol.{method}() failed"));
                details.set_item(crate::name!("message"), message)?;
                details.set_item(crate::name!("exception"), error.into_value(py))?;
                details.set_item(crate::name!("transport"), this.app_transport(py))?;
                details.set_item(crate::name!("protocol"), slf)?;
                this.report(details)
            }
        }
    }
}

/// The bytes after the first `done`.
fn after(bytes: &[u8], done: usize) -> &[u8] {
    bytes.get(done..).unwrap_or_default()
}
