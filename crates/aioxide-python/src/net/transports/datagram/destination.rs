//! Destinations and senders of datagrams.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString, PyTuple};
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};

use crate::ffi::allocate;
use crate::ffi::gil_cell::CloneRef;

/// The destination of a datagram.
pub enum Destination {
    /// The peer of a connected socket.
    Peer,
    /// A numeric address.
    Numeric(SocketAddr),
    /// Any other address: the socket object interprets it.
    Other(Py<PyAny>),
}

impl Destination {
    /// Converts `address` for a socket of `family`. None is a family that only
    /// the socket object supports.
    pub fn of(family: Option<AddressFamily>, address: &Bound<'_, PyAny>) -> Self {
        match family.and_then(|family| numeric(family, address)) {
            Some(numeric) => Self::Numeric(numeric),
            None => Self::Other(address.clone().unbind()),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Other(address) => visit.call(address),
            Self::Peer | Self::Numeric(_) => Ok(()),
        }
    }
}

// SAFETY: a reference count goes up.
unsafe impl CloneRef for Destination {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Peer => Self::Peer,
            Self::Numeric(address) => Self::Numeric(*address),
            Self::Other(address) => Self::Other(address.clone_ref(py)),
        }
    }
}

/// Converts a tuple of plain values: `(host, port)`, for IPv6 optionally
/// followed by flow information and scope. None if the host is a name that has
/// to be resolved, or if anything is invalid.
fn numeric(family: AddressFamily, address: &Bound<'_, PyAny>) -> Option<SocketAddr> {
    let parts = address.cast_exact::<PyTuple>().ok()?.as_slice();
    let [host, port, rest @ ..] = parts else {
        return None;
    };
    let host = host.cast_exact::<PyString>().ok()?.to_str().ok()?;
    let port: u16 = number(port)?;
    match (family, rest) {
        (AddressFamily::INET, []) => {
            Some(SocketAddr::V4(SocketAddrV4::new(host.parse().ok()?, port)))
        }
        (AddressFamily::INET6, [] | [_] | [_, _]) => {
            let IpAddr::V6(host) = host.parse().ok()? else {
                return None;
            };
            let flow = rest.first().map_or(Some(0), number)?;
            let scope = rest.get(1).map_or(Some(0), number)?;
            // For larger values the socket object raises, with the reason.
            (flow <= 0xf_ffff).then(|| SocketAddr::V6(SocketAddrV6::new(host, port, flow, scope)))
        }
        _ => None,
    }
}

fn number<'a, 'py, T: FromPyObject<'a, 'py>>(value: &'a Bound<'py, PyAny>) -> Option<T> {
    value.cast_exact::<PyInt>().ok()?.extract().ok()
}

/// A Unix address as `socket.recvfrom()` returns it: the path, or the bytes of
/// an abstract name. None for any other family.
pub fn unix_sender<'py>(
    py: Python<'py>,
    sender: SocketAddrAny,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Ok(sender) = SocketAddrUnix::try_from(sender) else {
        return Ok(None);
    };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = sender.abstract_name() {
        let full = [b"\0", name].concat();
        return Ok(Some(allocate::bytes(py, &full)?.into_any()));
    }
    let path = sender.path().map(|path| path.into_owned()).unwrap_or_default();
    Ok(Some(allocate::path(py, path.to_bytes())?.into_any()))
}
