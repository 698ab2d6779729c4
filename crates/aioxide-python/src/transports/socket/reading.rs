//! From the socket to the protocol.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::SocketTransport;
use crate::buffers::BufferView;
use crate::context;
use crate::errors::os_error;
use crate::event_loop::{LoopCore, READABLE};
use crate::streams::StreamProtocolCore;
use crate::tls::SslProtocol;
use crate::transports::failures::fatal_error;
use crate::transports::{Receiver, Transport, TransportEvent};

/// What one read brought.
enum Received<T> {
    /// Data, and whether the socket may hold more.
    Data(T, bool),
    /// The peer has closed its side.
    End,
    /// Nothing: the kernel will tell when there is something.
    Nothing,
}

impl SocketTransport {
    /// Reads once and hands the data over. If more may be waiting, reads again
    /// in the next turn, so that one fast peer does not starve the others.
    #[inline]
    pub(super) fn read_ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
    ) -> PyResult<()> {
        let py = core.py();
        let read = match self.state.with(py, |state| state.receiver) {
            Receiver::Buffer => self.read_into_protocol(slf),
            Receiver::Stream => self.read_into_stream(core, slf),
            receiver => self.read_bytes(core, slf, receiver),
        };
        // After what ends the loop, the loop may be run again.
        if *read.as_ref().unwrap_or(&true) {
            let again = self.state.with(py, |state| {
                !state.paused && !state.closing && !state.read_ended && state.lost_writes == 0
            });
            // While reading is paused the rest stays in the kernel; resuming
            // looks for it.
            if again {
                self.schedule(slf, TransportEvent::Io(READABLE));
            }
        }
        read.map(drop)
    }

    /// One `recv`. A read that did not fill the buffer has emptied a TCP
    /// socket, unless the peer has hung up: then the end is still to come.
    #[inline]
    fn receive(&self, py: Python<'_>, buffer: &mut [u8]) -> Result<Received<usize>, Errno> {
        loop {
            match rustix::net::recv(self.descriptor(), &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Ok(Received::End),
                Ok((count, _)) => {
                    let drained = self.short_read_drains
                        && count < buffer.len()
                        && !self.state.with(py, |state| state.hung_up);
                    return Ok(Received::Data(count, !drained));
                }
                Err(Errno::INTR) => {}
                Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => {
                    return Ok(Received::Nothing);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn read_bytes(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        receiver: Receiver,
    ) -> PyResult<bool> {
        let py = core.py();
        let received = core.get().with_scratch(py, |scratch| {
            Ok::<_, Errno>(match self.receive(py, scratch)? {
                Received::Data(count, more) => {
                    Received::Data(PyBytes::new(py, &scratch[..count]), more)
                }
                Received::End => Received::End,
                Received::Nothing => Received::Nothing,
            })
        });
        let complaint = match receiver {
            // asyncio's TLS lends its transport a buffer, and its texts say so.
            Receiver::Tls => "Fatal error: protocol.buffer_updated() call failed.",
            _ => "Fatal error: protocol.data_received() call failed.",
        };
        self.deliver(slf, received, complaint, |data| {
            self.call_protocol(py, |protocol| match receiver {
                // SAFETY: `Receiver::of` has looked at the type.
                Receiver::Tls => SslProtocol::feed(unsafe { protocol.cast_unchecked() }, &data),
                _ => protocol.call_method1(pyo3::intern!(py, "data_received"), (data,)).map(drop),
            })
        })
    }

    /// Into the buffer of a `StreamReader`, without an object in between. No
    /// context is entered, since no code runs that could look at it.
    #[inline]
    fn read_into_stream(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
    ) -> PyResult<bool> {
        let py = core.py();
        let Some(protocol) = self.protocol(py) else {
            return Ok(false);
        };
        // SAFETY: `Receiver::of` has looked at the type.
        let stream = unsafe { protocol.cast_unchecked::<StreamProtocolCore>() };
        let Some(reader) = stream.get().direct_reader(py) else {
            return self.read_bytes(core, slf, Receiver::Stream);
        };
        let received = core.get().with_scratch(py, |scratch| {
            Ok::<_, Errno>(match self.receive(py, scratch)? {
                Received::Data(count, more) => {
                    Received::Data(reader.get().take_in(py, &scratch[..count]), more)
                }
                Received::End => Received::End,
                Received::Nothing => Received::Nothing,
            })
        });
        self.deliver(slf, received, "Fatal error: protocol.data_received() call failed.", |taken| {
            reader.get().arrived(py, taken)
        })
    }

    fn read_into_protocol(&self, slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let buffer = self.call_protocol(py, |protocol| {
            let buffer = protocol.call_method1(pyo3::intern!(py, "get_buffer"), (-1,))?;
            if buffer.len()? == 0 {
                return Err(PyRuntimeError::new_err("get_buffer() returned an empty buffer"));
            }
            BufferView::writable(&buffer).map(Some)
        });
        let mut view = match buffer {
            Ok(Some(view)) => view,
            Ok(None) => return Ok(false),
            Err(error) => {
                fatal_error(self, slf, error, "Fatal error: protocol.get_buffer() call failed.")?;
                return Ok(false);
            }
        };
        let received = self.receive(py, view.bytes_mut());
        drop(view);
        self.deliver(
            slf,
            received,
            "Fatal error: protocol.buffer_updated() call failed.",
            |count| {
                self.call_protocol(py, |protocol| {
                    protocol.call_method1(pyo3::intern!(py, "buffer_updated"), (count,)).map(drop)
                })
            },
        )
    }

    /// Hands what a read brought to the protocol, by `hand_over` if it is data.
    /// Returns whether the socket may hold more; `complaint` is what is said of
    /// a protocol that raises.
    #[inline]
    fn deliver<T>(
        &self,
        slf: &Bound<'_, Self>,
        received: Result<Received<T>, Errno>,
        complaint: &str,
        hand_over: impl FnOnce(T) -> PyResult<()>,
    ) -> PyResult<bool> {
        match received {
            Ok(Received::Data(data, more)) => {
                if let Err(error) = hand_over(data) {
                    fatal_error(self, slf, error, complaint)?;
                }
                Ok(more)
            }
            Ok(Received::End) => self.end_of_file(slf).map(|()| false),
            Ok(Received::Nothing) => Ok(false),
            Err(error) => {
                fatal_error(self, slf, os_error(error), "Fatal read error on socket transport")?;
                Ok(false)
            }
        }
    }

    /// The peer has closed its side: the protocol decides about ours.
    fn end_of_file(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        self.log(slf, "debug", "%r received EOF")?;
        let keep_open = self.call_protocol(py, |protocol| {
            protocol.call_method0(pyo3::intern!(py, "eof_received"))?.is_truthy()
        });
        match keep_open {
            Ok(true) => {
                self.state.with(py, |state| state.read_ended = true);
                Ok(())
            }
            Ok(false) => self.begin_close(slf),
            Err(error) => {
                fatal_error(self, slf, error, "Fatal error: protocol.eof_received() call failed.")
            }
        }
    }
}

#[pymethods]
impl SocketTransport {
    /// Whether the protocol receives data now.
    fn is_reading(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| !state.closing && !state.paused)
    }

    /// No `data_received` until `resume_reading`. Does nothing if paused.
    fn pause_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let paused = slf
            .get()
            .state
            .with(py, |state| !state.closing && !std::mem::replace(&mut state.paused, true));
        if paused { slf.get().log(slf, "debug", "%r pauses reading") } else { Ok(()) }
    }

    /// Undoes `pause_reading`. Does nothing if not paused. Up to 3.14 the protocol is
    /// called in a copy of the current context from now on; since then a connection
    /// has one context to its end.
    fn resume_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let resumed = this
            .state
            .with(py, |state| !state.closing && std::mem::replace(&mut state.paused, false));
        if !resumed {
            return Ok(());
        }
        if cfg!(not(Py_3_15)) {
            let context = context::copy_current(py)?;
            drop(this.link(py, |link| link.replace_context(context)));
        }
        if this.state.with(py, |state| state.registered) {
            // What the poller reported meanwhile it will not report again.
            this.schedule(slf, TransportEvent::Io(READABLE));
        }
        this.log(slf, "debug", "%r resumes reading")
    }
}
