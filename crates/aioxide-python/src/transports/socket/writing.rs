//! From the protocol to the socket.

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, Shutdown};

use super::SocketTransport;
use super::object::Socket;
use crate::buffers::BufferView;
use crate::errors::os_error;
use crate::event_loop::LoopCore;
use crate::standard;
use crate::transports::Transport;
use crate::transports::failures::fatal_error;
use crate::transports::flow_control::{maybe_pause_protocol, maybe_resume_protocol};

/// Writes to a lost connection that pass before each is logged.
const QUIET_LOST_WRITES: u32 = 5;

impl SocketTransport {
    /// One `send`. None: the kernel takes nothing now.
    #[inline]
    fn send(&self, data: &[u8]) -> Result<Option<usize>, Errno> {
        loop {
            match rustix::net::send(self.descriptor(), data, SendFlags::NOSIGNAL) {
                Ok(count) => return Ok(Some(count)),
                Err(Errno::INTR) => {}
                Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes `data` now if nothing waits, and queues what is left; `keep`
    /// makes the object that the queue holds on to.
    #[inline]
    fn write_or_queue(
        &self,
        slf: &Bound<'_, Self>,
        data: &[u8],
        keep: impl FnOnce(usize) -> (Py<PyBytes>, usize, usize),
    ) -> PyResult<()> {
        let py = slf.py();
        let (lost, idle) = self.state.with(py, |state| {
            let lost = state.lost_writes;
            if lost > 0 {
                state.lost_writes = lost.saturating_add(1);
            }
            (lost, state.queue.is_empty())
        });
        if lost > 0 {
            if lost >= QUIET_LOST_WRITES {
                standard::logger(py)?.call_method1(
                    pyo3::intern!(py, "warning"),
                    ("socket.send() raised exception.",),
                )?;
            }
            return Ok(());
        }
        let mut sent = 0;
        if idle {
            match self.send(data) {
                Ok(Some(count)) if count == data.len() => return Ok(()),
                Ok(count) => sent = count.unwrap_or(0),
                Err(error) => {
                    return fatal_error(
                        self,
                        slf,
                        os_error(error),
                        "Fatal write error on socket transport",
                    );
                }
            }
        }
        let (piece, length, sent) = keep(sent);
        self.state.with(py, |state| state.queue.push(piece, length, sent));
        self.await_writable(slf)?;
        maybe_pause_protocol(self, slf)
    }

    /// The kernel takes data again.
    pub(super) fn flush(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        loop {
            let sent = self.state.with(py, |state| {
                let slices = state.queue.slices(py);
                let mut control = SendAncillaryBuffer::default();
                loop {
                    match rustix::net::sendmsg(
                        self.descriptor(),
                        &slices,
                        &mut control,
                        SendFlags::NOSIGNAL,
                    ) {
                        Err(Errno::INTR) => {}
                        other => return other,
                    }
                }
            });
            match sent {
                Ok(count) => {
                    let (done, empty) = self
                        .state
                        .with(py, |state| (state.queue.advance(py, count), state.queue.is_empty()));
                    drop(done);
                    if empty {
                        break;
                    }
                }
                Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => break,
                Err(error) => {
                    return fatal_error(
                        self,
                        slf,
                        os_error(error),
                        "Fatal write error on socket transport",
                    );
                }
            }
        }
        // May write again, and so fill the queue.
        maybe_resume_protocol(self, slf)?;
        self.after_flush(slf)
    }

    /// What waited for the queue to be empty: closing, or ending our side.
    fn after_flush(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let (empty, closing, ended) = self.state.with(py, |state| {
            let empty = state.queue.is_empty() && state.lost_writes == 0;
            if empty && state.closing {
                state.lost_writes = 1;
            }
            (empty, state.closing, state.write_ended)
        });
        if !empty {
            Ok(())
        } else if closing {
            self.lost(slf)
        } else if ended {
            self.shut_down_writing()
        } else {
            Ok(())
        }
    }

    fn shut_down_writing(&self) -> PyResult<()> {
        match rustix::net::shutdown(self.descriptor(), Shutdown::Write) {
            // The peer was faster; the poller will say so.
            Ok(()) | Err(Errno::NOTCONN) => Ok(()),
            Err(error) => Err(os_error(error)),
        }
    }

    /// Raises if our side is ended, or has been lent to a file.
    #[inline]
    fn refuse_write(&self, py: Python<'_>, method: &str) -> PyResult<()> {
        let (ended, lent) =
            self.state.with(py, |state| (state.write_ended, state.sending.is_some()));
        if ended {
            return Err(PyRuntimeError::new_err(format!(
                "Cannot call {method}() after write_eof()"
            )));
        }
        if lent {
            return Err(PyRuntimeError::new_err(format!(
                "unable to {method}; sendfile is in progress"
            )));
        }
        Ok(())
    }

    /// Sends `data`, at once as far as the kernel takes it.
    pub fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if let Ok(bytes) = data.cast::<PyBytes>() {
            this.refuse_write(py, "write")?;
            let slice = bytes.as_bytes();
            if slice.is_empty() {
                return Ok(());
            }
            return this
                .write_or_queue(slf, slice, |sent| (bytes.clone().unbind(), slice.len(), sent));
        }
        if !data.is_instance_of::<PyByteArray>() && !data.is_instance_of::<PyMemoryView>() {
            return Err(PyTypeError::new_err(format!(
                "data argument must be a {}, not {}",
                if cfg!(Py_3_14) {
                    "bytes, bytearray, or memoryview object"
                } else {
                    "bytes-like object"
                },
                data.get_type().name()?.repr()?
            )));
        }
        this.refuse_write(py, "write")?;
        let view = BufferView::readable(data)?;
        if view.len() == 0 {
            return Ok(());
        }
        // The caller may change his buffer after this call: what the kernel
        // leaves is copied.
        this.write_or_queue(slf, view.bytes(), |sent| {
            let rest = PyBytes::new(py, &view.bytes()[sent..]);
            let length = view.len() - sent;
            (rest.unbind(), length, 0)
        })
    }

    /// Whether `close` or `abort` was called, or the connection is lost.
    #[inline]
    pub fn is_closing(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.closing)
    }
}

#[pymethods]
impl SocketTransport {
    /// Sends all pieces of an iterable, in order.
    fn writelines(slf: &Bound<'_, Self>, list_of_data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        // Until 3.11 asyncio's is one write, and so are its words.
        this.refuse_write(py, if cfg!(Py_3_12) { "writelines" } else { "write" })?;
        let joined =
            PyBytes::new(py, b"").call_method1(pyo3::intern!(py, "join"), (list_of_data,))?;
        Self::write(slf, &joined)
    }

    /// Ends our side of the connection once everything is written.
    fn write_eof(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let now = this.state.with(py, |state| {
            if state.closing || std::mem::replace(&mut state.write_ended, true) {
                return false;
            }
            state.queue.is_empty() && !matches!(state.socket, Socket::Closed)
        });
        if now { this.shut_down_writing() } else { Ok(()) }
    }

    /// Yes.
    fn can_write_eof(&self) -> bool {
        true
    }

    /// Ends the connection once everything is written; `connection_lost(None)`
    /// follows.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().begin_close(slf)
    }

    /// Ends the connection at once; what waits to be written is dropped.
    fn abort(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().force_close(slf, None)
    }

    /// Ends the connection at once because of `exc`.
    fn _force_close(slf: &Bound<'_, Self>, exc: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        slf.get().force_close(slf, exc)
    }

    /// `start_tls` works on it.
    #[classattr]
    fn _start_tls_compatible() -> bool {
        true
    }
}
