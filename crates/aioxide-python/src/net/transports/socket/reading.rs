//! From the socket to the protocol.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::{SocketTransport, would_block};
use crate::core::dispatch::Receiver;
use crate::core::dispatch::TransportEvent;
use crate::core::dispatch::{AGAIN, READABLE, byte_stream, direct_reader, feed_tls};
use crate::core::event_loop::{LoopCore, SCRATCH_BYTES};
use crate::ffi::buffers::BufferView;
use crate::ffi::errors::os_error;
use crate::ffi::{allocate, context};
use crate::net::transports::Transport;
use crate::net::transports::failures::fatal_error;
use crate::net::transports::lifecycle::{Lifecycle, Reading, reading_methods};

/// The messages for a protocol that raises.
const DATA_RECEIVED_FAILED: &str = "Fatal error: protocol.data_received() call failed.";
const BUFFER_UPDATED_FAILED: &str = "Fatal error: protocol.buffer_updated() call failed.";

/// The result of one read.
enum Received<T> {
    /// Data, and whether the socket may hold more of it.
    Data(T, bool),
    /// The peer has closed its side of the connection.
    End,
    /// Nothing: the poller reports the socket when there is data.
    Nothing,
}

impl SocketTransport {
    /// Reads once and passes the data to the protocol. If more may be waiting,
    /// reads again in the next iteration, so that one fast peer does not starve
    /// the others.
    #[inline]
    pub(super) fn read_ready(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
    ) -> PyResult<()> {
        let py = core.py();
        let flags = self.state.flags.get(py);
        let read = match flags.receiver {
            Receiver::Buffer => self.read_into_protocol(slf),
            _ if flags.by_object => self.read_by_object(slf),
            Receiver::Stream => self.read_into_stream(core, slf),
            Receiver::Rust => self.read_for_rust(core, slf),
            Receiver::Bytes | Receiver::Tls => self.read_bytes(core, slf),
        };
        // After an error that ends the loop, the loop may be run again, so the
        // rest must still be read.
        if *read.as_ref().unwrap_or(&true) && self.state.flags.get(py).reads() {
            // While reading is paused the rest stays in the kernel; resuming
            // reads it.
            self.read_again(slf);
        }
        read.map(drop)
    }

    /// Schedules one read in the next iteration, without a report of the poller.
    fn read_again(&self, slf: &Bound<'_, Self>) {
        let scheduled = self
            .state
            .flags
            .update(slf.py(), |flags| std::mem::replace(&mut flags.reads_again, true));
        if !scheduled {
            self.schedule(slf, TransportEvent::Io(READABLE | AGAIN));
        }
    }

    /// One `recv`. A read that did not fill the buffer has emptied a TCP
    /// socket, unless the peer has hung up: then the end of the stream is still
    /// to be read.
    #[inline]
    fn receive(&self, py: Python<'_>, buffer: &mut [u8]) -> Result<Received<usize>, Errno> {
        loop {
            match rustix::net::recv(self.descriptor(), &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Ok(Received::End),
                Ok((count, _)) => {
                    self.state.link.note_bytes(py, self.fd, count, 0);
                    let drained = self.short_read_drains
                        && count < buffer.len()
                        && !self.state.flags.get(py).hung_up;
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

    fn read_bytes(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = core.py();
        let received = core.get().with_scratch(py, |scratch| {
            Ok(match self.receive(py, scratch).map_err(os_error)? {
                Received::Data(count, more) => {
                    let data = scratch.get(..count).unwrap_or_default();
                    Received::Data(allocate::bytes(py, data)?, more)
                }
                Received::End => Received::End,
                Received::Nothing => Received::Nothing,
            })
        });
        self.deliver(slf, received, DATA_RECEIVED_FAILED, |data| {
            self.data_received(py, data.into_any())
        })
    }

    /// Reads with the method of a socket object that is of a subclass: once each time the
    /// kernel reports data.
    #[cold]
    fn read_by_object(&self, slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let received = self.receive_by_object(py, |socket| {
            socket.call_method1(crate::intern!(py, "recv"), (SCRATCH_BYTES,))
        });
        let received = received.and_then(|data| match data {
            Some(data) if data.is_truthy()? => Ok(Received::Data(data, true)),
            Some(_) => Ok(Received::End),
            None => Ok(Received::Nothing),
        });
        self.deliver(slf, received, DATA_RECEIVED_FAILED, |data| self.data_received(py, data))
    }

    /// What `receive`, a call of the socket object, returns; None if there is no
    /// data.
    fn receive_by_object<'py>(
        &self,
        py: Python<'py>,
        receive: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut readable = [PollFd::from_borrowed_fd(self.descriptor(), PollFlags::IN)];
        if rustix::event::poll(&mut readable, Some(&Timespec::default())) == Ok(0) {
            return Ok(None);
        }
        let Some(socket) = self.socket_object(py)? else {
            return Ok(None);
        };
        match receive(&socket) {
            Ok(received) => Ok(Some(received)),
            Err(error) if would_block(py, &error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Passes data to the current protocol.
    fn data_received(&self, py: Python<'_>, data: Bound<'_, PyAny>) -> PyResult<()> {
        self.call_protocol(py, |protocol| match feed_tls(protocol, &data) {
            Some(fed) => fed,
            None => protocol.call_method1(crate::intern!(py, "data_received"), (data,)).map(drop),
        })
    }

    /// Reads into the buffer of a `StreamReader`, without creating an object.
    /// No context is entered, because no code runs that could use it.
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
        let Some(reader) = direct_reader(&protocol) else {
            return self.read_bytes(core, slf);
        };
        let received = core.get().with_scratch(py, |scratch| {
            Ok(match self.receive(py, scratch).map_err(os_error)? {
                Received::Data(count, more) => {
                    let data = scratch.get(..count).unwrap_or_default();
                    Received::Data(reader.get().feed_bytes(py, data), more)
                }
                Received::End => Received::End,
                Received::Nothing => Received::Nothing,
            })
        });
        self.deliver(slf, received, DATA_RECEIVED_FAILED, |fed| reader.get().after_feed(py, fed))
    }

    /// Reads into the buffer of a [`ByteStream`](crate::net::byte_stream::ByteStream): as above.
    #[inline]
    fn read_for_rust(&self, core: &Bound<'_, LoopCore>, slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = core.py();
        let Some(protocol) = self.protocol(py) else {
            return Ok(false);
        };
        let Some(stream) = byte_stream(&protocol) else {
            return self.read_bytes(core, slf);
        };
        let in_place = stream.get().receive_in_place(py, |room| {
            let received = self.receive(py, room);
            (if let Ok(Received::Data(count, _)) = received { count } else { 0 }, received)
        });
        let received = in_place.unwrap_or_else(|| {
            core.get().with_scratch(py, |scratch| {
                let received = self.receive(py, scratch);
                if let Ok(Received::Data(count, _)) = received {
                    stream.get().feed(py, scratch.get(..count).unwrap_or_default());
                }
                received
            })
        });
        let received = received.map_err(os_error);
        let more =
            self.deliver(slf, received, DATA_RECEIVED_FAILED, |_| stream.get().after_feed(py))?;
        core.get().flush_woken(py)?;
        Ok(more)
    }

    fn read_into_protocol(&self, slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let buffer = self.call_protocol(py, |protocol| {
            let buffer = protocol.call_method1(crate::intern!(py, "get_buffer"), (-1,))?;
            if buffer.len()? == 0 {
                return Err(PyRuntimeError::new_err(crate::name!(
                    "get_buffer() returned an empty buffer"
                )));
            }
            Ok(Some(buffer.unbind()))
        });
        let buffer = match buffer {
            Ok(Some(buffer)) => buffer.into_bound(py),
            Ok(None) => return Ok(false),
            Err(error) => {
                fatal_error(self, slf, error, "Fatal error: protocol.get_buffer() call failed.")?;
                return Ok(false);
            }
        };
        let received = if self.state.flags.get(py).by_object {
            let received = self.receive_by_object(py, |socket| {
                socket.call_method1(crate::intern!(py, "recv_into"), (buffer,))
            });
            received.and_then(|count| match count {
                Some(count) => match count.extract::<usize>()? {
                    0 => Ok(Received::End),
                    count => Ok(Received::Data(count, true)),
                },
                None => Ok(Received::Nothing),
            })
        } else if !self.is_open(py) {
            Ok(Received::Nothing) // `get_buffer` has closed it.
        } else {
            BufferView::writable(&buffer)
                .and_then(|mut view| self.receive(py, view.bytes_mut()).map_err(os_error))
        };
        self.deliver(slf, received, BUFFER_UPDATED_FAILED, |count| {
            self.call_protocol(py, |protocol| {
                protocol.call_method1(crate::intern!(py, "buffer_updated"), (count,)).map(drop)
            })
        })
    }

    /// Handles the result of a read; data is passed to `hand_over`. Returns
    /// whether the socket may hold more. If the protocol raises, `message` is
    /// reported.
    #[inline]
    fn deliver<T>(
        &self,
        slf: &Bound<'_, Self>,
        received: PyResult<Received<T>>,
        message: &str,
        hand_over: impl FnOnce(T) -> PyResult<()>,
    ) -> PyResult<bool> {
        match received {
            Ok(Received::Data(data, more)) => {
                if let Err(error) = hand_over(data) {
                    // asyncio's TLS protocol is a `BufferedProtocol`, and the message
                    // names its method.
                    let message = match self.state.flags.get(slf.py()).receiver {
                        Receiver::Tls => BUFFER_UPDATED_FAILED,
                        _ => message,
                    };
                    fatal_error(self, slf, error, message)?;
                }
                Ok(more)
            }
            Ok(Received::End) => self.end_of_file(slf).map(|()| false),
            Ok(Received::Nothing) => Ok(false),
            Err(error) => {
                fatal_error(self, slf, error, "Fatal read error on socket transport")?;
                Ok(false)
            }
        }
    }

    /// The peer has closed its side: the protocol decides whether to close
    /// ours.
    fn end_of_file(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        self.log(slf, "debug", "%r received EOF")?;
        let keep_open = self.call_protocol(py, |protocol| {
            protocol.call_method0(crate::intern!(py, "eof_received"))?.is_truthy()
        });
        match keep_open {
            Ok(true) => {
                self.state.flags.update(py, |flags| flags.read_ended = true);
                Ok(())
            }
            Ok(false) => self.begin_close(slf),
            Err(error) => {
                fatal_error(self, slf, error, "Fatal error: protocol.eof_received() call failed.")
            }
        }
    }
}

impl Reading for SocketTransport {
    /// Up to 3.14 the protocol is called in a copy of the current context from now
    /// on; since 3.15 a connection has one context to its end.
    fn resumed(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if cfg!(not(Py_3_15)) {
            self.link().replace_context(py, context::copy_current(py)?);
        }
        if self.state.flags.get(py).stage.registered {
            // What the poller reported while reading was paused it does not report again.
            self.read_again(slf);
        }
        Ok(())
    }
}

reading_methods!(SocketTransport);
