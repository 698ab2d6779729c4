//! From the protocol to the socket.

use pyo3::exceptions::{PyBufferError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView};
use rustix::io::Errno;
use rustix::net::Shutdown;

use super::SocketTransport;
use super::would_block;
use crate::core::event_loop::LoopCore;
use crate::ffi::allocate;
use crate::ffi::buffers::BufferView;
use crate::ffi::errors::os_error;
use crate::net::transports::failures::{fatal_error, log_lost_write};
use crate::net::transports::flow_control::{maybe_pause_protocol, maybe_resume_protocol};
use crate::net::transports::lifecycle::Lifecycle;
use crate::net::transports::write_queue::Piece;

/// How much of the data is sent.
enum Sent {
    All,
    /// The kernel takes no more for now.
    Only(usize),
}

impl SocketTransport {
    /// One `send`.
    #[inline]
    fn send(&self, data: &[u8]) -> PyResult<Sent> {
        loop {
            match rustix::net::send(self.descriptor(), data, crate::net::socket_calls::SEND) {
                Ok(count) if count == data.len() => return Ok(Sent::All),
                Ok(count) => return Ok(Sent::Only(count)),
                Err(Errno::INTR) => {}
                Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => {
                    return Ok(Sent::Only(0));
                }
                Err(error) => return Err(os_error(error)),
            }
        }
    }

    /// The same with the method of a socket object that is of a subclass.
    #[cold]
    fn send_by_object(&self, data: &Bound<'_, PyAny>, length: usize) -> PyResult<Sent> {
        let py = data.py();
        let Some(socket) = self.socket_object(py)? else {
            return Ok(Sent::Only(0));
        };
        match socket.call_method1(crate::intern!(py, "send"), (data,)) {
            Ok(count) => match count.extract::<usize>()? {
                count if count < length => Ok(Sent::Only(count)),
                _ => Ok(Sent::All),
            },
            Err(error) if would_block(py, &error) => Ok(Sent::Only(0)),
            Err(error) => Err(error),
        }
    }

    /// If the connection is lost, counts the write and returns true.
    #[inline]
    fn comes_too_late(&self, py: Python<'_>) -> PyResult<bool> {
        let lost = self.state.flags.get(py).stage.lost_writes;
        if lost == 0 {
            return Ok(false);
        }
        log_lost_write(py, lost, "socket.send() raised exception.")?;
        self.state.flags.update(py, |flags| flags.stage.lost_writes = lost.saturating_add(1));
        Ok(true)
    }

    /// Sends `data`, the bytes of `object`, if the queue is empty, and queues the rest.
    /// `keep` is called with the number of bytes sent and returns the piece to queue.
    #[inline]
    fn write_or_queue(
        &self,
        slf: &Bound<'_, Self>,
        object: &Bound<'_, PyAny>,
        data: &[u8],
        keep: impl FnOnce(usize) -> PyResult<(Piece, usize)>,
    ) -> PyResult<()> {
        let py = slf.py();
        if self.comes_too_late(py)? {
            return Ok(());
        }
        let mut sent = 0;
        if self.state.queue.is_empty(py) {
            let outcome = if self.state.flags.get(py).by_object {
                self.send_by_object(object, data.len())
            } else {
                self.send(data)
            };
            match outcome {
                Ok(Sent::All) => {
                    self.state.link.note_bytes(py, self.fd, 0, data.len());
                    return Ok(());
                }
                Ok(Sent::Only(count)) => {
                    self.state.link.note_bytes(py, self.fd, 0, count);
                    sent = count;
                }
                Err(error) => return self.write_failed(slf, error),
            }
        }
        let (piece, sent) = match keep(sent) {
            Ok(kept) => kept,
            // A part may be sent already: the peer would take the next write
            // for the rest of this one.
            Err(error) => return self.write_failed(slf, error),
        };
        self.state.queue.push(py, piece, sent);
        self.await_writable(slf)?;
        maybe_pause_protocol(self, slf)
    }

    #[cold]
    fn write_failed(&self, slf: &Bound<'_, Self>, error: PyErr) -> PyResult<()> {
        fatal_error(self, slf, error, "Fatal write error on socket transport")
    }

    /// Sends as much of the queue as the socket takes. None: it would block.
    fn send_queued(&self, py: Python<'_>) -> PyResult<Option<usize>> {
        if self.state.flags.get(py).by_object {
            return self.send_queued_by_object(py);
        }
        loop {
            match self.state.queue.send(py, self.fd) {
                Ok(count) => {
                    self.state.link.note_bytes(py, self.fd, 0, count);
                    return Ok(Some(count));
                }
                Err(Errno::INTR) => {}
                Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => {
                    return Ok(None);
                }
                Err(error) => return Err(os_error(error)),
            }
        }
    }

    /// The same with the methods of the socket object: from 3.12 on `sendmsg`
    /// if it has one.
    #[cold]
    fn send_queued_by_object(&self, py: Python<'_>) -> PyResult<Option<usize>> {
        let Some(socket) = self.socket_object(py)? else {
            return Ok(None);
        };
        let pieces = self.state.queue.objects(py)?;
        let sendmsg = crate::intern!(py, "sendmsg");
        let sent = if cfg!(Py_3_12) && socket.hasattr(sendmsg)? {
            socket.call_method1(sendmsg, (allocate::list(py, pieces)?,))
        } else {
            let first = pieces.into_iter().next();
            socket.call_method1(crate::intern!(py, "send"), (first,))
        };
        match sent {
            Ok(count) => Ok(Some(count.extract::<usize>()?.min(self.state.queue.bytes(py)))),
            Err(error) if would_block(py, &error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The kernel takes data again.
    pub(super) fn flush(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = core.py();
        while !self.state.queue.is_empty(py) {
            match self.send_queued(py) {
                Ok(Some(count)) => drop(self.state.queue.advance(py, count)),
                Ok(None) => break,
                Err(error) => return self.write_failed(slf, error),
            }
        }
        // The protocol may write, and so fill the queue again.
        maybe_resume_protocol(self, slf)?;
        self.after_flush(slf)
    }

    /// The queue is empty: closes the transport or shuts down writing, if that
    /// was asked for.
    fn after_flush(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let flags = self.state.flags.get(py);
        if !self.state.queue.is_empty(py) || flags.stage.lost_writes > 0 {
            Ok(())
        } else if flags.stage.closing {
            self.state.flags.update(py, |flags| flags.stage.lost_writes = 1);
            self.lost(slf)
        } else if flags.write_ended {
            self.shut_down_writing(py)
        } else {
            Ok(())
        }
    }

    fn shut_down_writing(&self, py: Python<'_>) -> PyResult<()> {
        if self.state.flags.get(py).by_object
            && let Some(socket) = self.socket_object(py)?
        {
            let how = Shutdown::Write as i32;
            return socket.call_method1(crate::intern!(py, "shutdown"), (how,)).map(drop);
        }
        match rustix::net::shutdown(self.descriptor(), Shutdown::Write) {
            // The peer has closed the connection already; the poller will
            // report it.
            Ok(()) | Err(Errno::NOTCONN) => Ok(()),
            Err(error) => Err(os_error(error)),
        }
    }

    /// Raises after `write_eof`, or while a file is being sent.
    #[inline]
    fn refuse_write(&self, py: Python<'_>, method: &str) -> PyResult<()> {
        if self.state.flags.get(py).write_ended {
            return Err(PyRuntimeError::new_err(format!(
                "Cannot call {method}() after write_eof()"
            )));
        }
        if self.state.sending.is_some(py) {
            return Err(PyRuntimeError::new_err(format!(
                "unable to {method}; sendfile is in progress"
            )));
        }
        Ok(())
    }

    /// Sends as much of `data` as the kernel takes, and queues the rest.
    pub fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if let Ok(bytes) = data.cast::<PyBytes>() {
            this.refuse_write(py, "write")?;
            let slice = bytes.as_bytes();
            if slice.is_empty() {
                return Ok(());
            }
            return this.write_or_queue(slf, data, slice, |sent| {
                Ok((Piece::Object(bytes.clone().unbind()), sent))
            });
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
        // As in asyncio, a released view raises here, and a view that is not contiguous
        // fails later, as asyncio's call of `send` does.
        if data.len()? == 0 {
            return Ok(());
        }
        let view = match BufferView::readable(data) {
            Ok(view) => view,
            Err(_) if this.comes_too_late(py)? => return Ok(()),
            Err(error) => return this.write_failed(slf, error),
        };
        // The caller may change the buffer after this call, so the rest is
        // copied.
        this.write_or_queue(slf, data, view.bytes(), |sent| {
            Ok((Piece::copy(view.bytes().get(sent..).unwrap_or_default())?, 0))
        })
    }

    /// The same for bytes that are no object.
    pub fn write_slice(slf: &Bound<'_, Self>, data: &[u8]) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if this.state.flags.get(py).by_object {
            return Self::write(slf, allocate::bytes(py, data)?.as_any());
        }
        this.refuse_write(py, "write")?;
        if data.is_empty() {
            return Ok(());
        }
        this.write_or_queue(slf, slf.as_any(), data, |sent| {
            Ok((Piece::copy(data.get(sent..).unwrap_or_default())?, 0))
        })
    }

    /// Whether `close` or `abort` was called, or the connection is lost.
    #[inline]
    pub fn is_closing(&self, py: Python<'_>) -> bool {
        self.state.flags.get(py).stage.closing
    }
}

#[pymethods]
impl SocketTransport {
    /// Sends all pieces of an iterable, in order.
    fn writelines(slf: &Bound<'_, Self>, list_of_data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        // Until 3.11 asyncio's `writelines` calls `write`, so the message names
        // `write`.
        this.refuse_write(py, if cfg!(Py_3_12) { "writelines" } else { "write" })?;
        if cfg!(Py_3_12) && !list_of_data.is_truthy()? {
            return Ok(());
        }
        let join = crate::intern!(py, "join");
        if cfg!(not(Py_3_12)) {
            return Self::write(
                slf,
                &allocate::bytes(py, b"")?.call_method1(join, (list_of_data,))?,
            );
        }
        let pieces = allocate::list_from(&list_of_data)?;
        match allocate::bytes(py, b"")?.call_method1(join, (&pieces,)) {
            Ok(joined) => Self::write(slf, &joined),
            Err(error) => {
                // asyncio makes a view of each piece, which may raise a better
                // message.
                for piece in pieces.iter() {
                    PyMemoryView::from(&piece)?;
                }
                if error.is_instance_of::<PyTypeError>(py) {
                    let text = "memoryview: underlying buffer is not C-contiguous";
                    return this.write_failed(slf, PyBufferError::new_err(text));
                }
                Err(error)
            }
        }
    }

    /// Shuts down our side of the connection once everything is written.
    fn write_eof(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let first = this.state.flags.update(py, |flags| {
            !flags.stage.closing && !std::mem::replace(&mut flags.write_ended, true)
        });
        let now = first && this.state.queue.is_empty(py) && this.is_open(py);
        if now { this.shut_down_writing(py) } else { Ok(()) }
    }

    /// Always true.
    fn can_write_eof(&self) -> bool {
        true
    }

    /// `start_tls` works on it.
    #[classattr]
    fn _start_tls_compatible() -> bool {
        true
    }
}
