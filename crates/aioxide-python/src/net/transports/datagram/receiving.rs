//! From the socket to the protocol.

use std::net::SocketAddr;

use pyo3::exceptions::{PyBlockingIOError, PyInterruptedError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SocketAddrAny};

use super::DatagramTransport;
use super::destination;
use crate::core::dispatch::READABLE;
use crate::core::dispatch::TransportEvent;
use crate::core::event_loop::{LoopCore, SCRATCH_BYTES};
use crate::ffi::allocate;
use crate::ffi::errors::{Settled, os_error};
use crate::net::transports::Transport;
use crate::net::transports::addresses::internet_name;
use crate::net::transports::failures::fatal_error;
use crate::net::transports::lifecycle::{Reading, reading_methods};

/// The most datagrams that are received before signals, timers and other
/// sockets are handled.
const MAX_PER_REPORT: u32 = 64;

/// The data and the sender's address.
type Datagram<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

impl DatagramTransport {
    /// Receives until the socket is empty, as long as nothing else is ready.
    /// asyncio receives one datagram per iteration, so a callback that the
    /// protocol schedules runs before the next datagram arrives.
    pub(super) fn receive_all(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
    ) -> PyResult<()> {
        let py = core.py();
        for _ in 0..MAX_PER_REPORT {
            let flags = self.state.flags.get(py);
            if !flags.stage.is_reading() || flags.stage.lost_writes > 0 {
                // The rest stays in the kernel; resuming reads it.
                return Ok(());
            }
            let result = match self.receive(core).settled(py) {
                Ok(None) => return Ok(()),
                Ok(Some(datagram)) => self.datagram_received(core, datagram),
                // The program has closed the socket object: every further
                // attempt would fail the same way.
                Err(error) if is_bad_descriptor(py, &error)? => {
                    return self.receive_failed(core, slf, error);
                }
                Err(error) => self.receive_failed(core, slf, error),
            };
            if result.is_err() || core.get().has_other_work(py) {
                self.schedule(slf, TransportEvent::Io(READABLE));
                return result;
            }
        }
        self.schedule(slf, TransportEvent::Io(READABLE));
        Ok(())
    }

    /// Receives one datagram. None: it would block.
    #[inline]
    fn receive<'py>(&self, core: &Bound<'py, LoopCore>) -> PyResult<Option<Datagram<'py>>> {
        let py = core.py();
        if self.family.is_none() {
            return self.receive_by_object(py);
        }
        let received = core.get().with_scratch(py, |scratch| {
            loop {
                match rustix::net::recvfrom(self.descriptor(), &mut *scratch, RecvFlags::empty()) {
                    Ok((count, _, sender)) => {
                        let data = scratch.get(..count).unwrap_or_default();
                        return Ok(Some((allocate::bytes(py, data)?, sender)));
                    }
                    Err(Errno::INTR) => {}
                    Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => {
                        return Ok(None);
                    }
                    Err(error) => return Err(os_error(error)),
                }
            }
        });
        match received? {
            Some((data, sender)) => Ok(Some((data.into_any(), self.sender(py, sender)?))),
            None => Ok(None),
        }
    }

    fn receive_by_object<'py>(&self, py: Python<'py>) -> PyResult<Option<Datagram<'py>>> {
        let Some(socket) = self.socket(py) else {
            return Ok(None);
        };
        match socket.call_method1(crate::intern!(py, "recvfrom"), (SCRATCH_BYTES,)) {
            Ok(received) => received.extract().map(Some),
            Err(error)
                if error.is_instance_of::<PyBlockingIOError>(py)
                    || error.is_instance_of::<PyInterruptedError>(py) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The sender's address as the protocol gets it.
    #[inline]
    fn sender<'py>(
        &self,
        py: Python<'py>,
        sender: Option<SocketAddrAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Some(sender) = sender else {
            return Ok(py.None().into_bound(py));
        };
        let Ok(numeric) = SocketAddr::try_from(sender.clone()) else {
            let path = destination::unix_sender(py, sender)?;
            return Ok(path.unwrap_or_else(|| py.None().into_bound(py)));
        };
        let known = self.state.last_sender.clone_of(py, |last| match last {
            Some((last, address)) if *last == numeric => Some(address),
            _ => None,
        });
        if let Some(known) = known {
            return Ok(known.into_bound(py).into_any());
        }
        let address = internet_name(py, numeric)?;
        let kept = (numeric, address.clone().unbind());
        drop(self.state.last_sender.replace(py, Some(kept)));
        Ok(address.into_any())
    }

    #[inline]
    fn datagram_received<'py>(
        &self,
        core: &Bound<'py, LoopCore>,
        datagram: Datagram<'py>,
    ) -> PyResult<()> {
        let py = core.py();
        let method = crate::intern!(py, "datagram_received");
        let result =
            self.call_protocol(py, |protocol| protocol.call_method1(method, datagram).map(drop));
        if result.is_ok() {
            result
        } else {
            self.report_raised(core, method, PyTuple::empty(py), result)
        }
    }

    /// Passes a system error to `error_received`, because the next datagram may
    /// arrive without error. Any other error ends the transport.
    fn receive_failed(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        error: PyErr,
    ) -> PyResult<()> {
        let py = core.py();
        let error = error.settled(py);
        if error.is_instance_of::<PyOSError>(py) {
            self.error_received(core, error)
        } else {
            fatal_error(self, slf, error, "Fatal read error on datagram transport")
        }
    }

    /// Calls `error_received`; what it raises is reported.
    pub(super) fn error_received(&self, core: &Bound<'_, LoopCore>, error: PyErr) -> PyResult<()> {
        let py = core.py();
        let method = crate::intern!(py, "error_received");
        let error = error.settled(py);
        let result = self.call_protocol(py, |protocol| {
            protocol.call_method1(method, (error.into_value(py),)).map(drop)
        });
        self.report_raised(core, method, PyTuple::empty(py), result)
    }
}

fn is_bad_descriptor(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    if !error.is_instance_of::<PyOSError>(py) {
        return Ok(false);
    }
    let number = error.value(py).getattr(crate::intern!(py, "errno"))?;
    number.eq(Errno::BADF.raw_os_error())
}

impl Reading for DatagramTransport {
    fn resumed(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        if self.state.flags.get(slf.py()).stage.registered {
            // What the poller reported while reading was paused it does not report again.
            self.schedule(slf, TransportEvent::Io(READABLE));
        }
        Ok(())
    }
}

reading_methods!(DatagramTransport);
