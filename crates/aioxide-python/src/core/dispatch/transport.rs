//! Events of transports.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::Ready;
use crate::net::transports::{DatagramTransport, SocketTransport, Transport};

/// An event of a transport.
#[derive(Clone, Copy)]
pub enum TransportEvent {
    /// Its first iteration.
    Start,
    /// Readiness of its descriptor: a set of `READABLE`, `WRITABLE`, `HANGUP`; or
    /// `READABLE` and `AGAIN`, without the poller.
    Io(u8),
    /// Its last iteration.
    Lost,
}

/// A transport that owns its socket: other code may not watch it.
pub enum AnyTransport {
    Socket(Py<SocketTransport>),
    Datagram(Py<DatagramTransport>),
}

impl AnyTransport {
    /// The ready item for an `event` of it.
    #[inline]
    pub fn on(&self, py: Python<'_>, event: TransportEvent) -> Ready {
        match self {
            Self::Socket(transport) => SocketTransport::item(transport.clone_ref(py), event),
            Self::Datagram(transport) => DatagramTransport::item(transport.clone_ref(py), event),
        }
    }

    pub fn object(&self, py: Python<'_>) -> Py<PyAny> {
        match self {
            Self::Socket(transport) => transport.clone_ref(py).into_any(),
            Self::Datagram(transport) => transport.clone_ref(py).into_any(),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Socket(transport) => visit.call(transport),
            Self::Datagram(transport) => visit.call(transport),
        }
    }
}
