//! Socket addresses in asyncio's form.

use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use rustix::net::{AddressFamily, SocketAddrAny, SocketType};

/// The addresses that accepted connections have.
#[derive(Clone, Copy)]
pub enum Address {
    V4(std::net::SocketAddrV4),
    V6(std::net::SocketAddrV6),
    /// A family whose addresses only the socket object can show.
    Other,
}

impl Address {
    /// The kernel's form, read.
    pub fn of(address: Option<SocketAddrAny>) -> Option<Self> {
        let address = address?;
        Some(match SocketAddr::try_from(address) {
            Ok(SocketAddr::V4(address)) => Self::V4(address),
            Ok(SocketAddr::V6(address)) => Self::V6(address),
            Err(_) => Self::Other,
        })
    }

    /// `(host, port)` or `(host, port, flowinfo, scope_id)`; None for others.
    pub fn to_python<'py>(self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        match self {
            Self::V4(address) => {
                (address.ip().to_string(), address.port()).into_pyobject(py).map(Some)
            }
            Self::V6(address) => {
                (address.ip().to_string(), address.port(), address.flowinfo(), address.scope_id())
                    .into_pyobject(py)
                    .map(Some)
            }
            Self::Other => Ok(None),
        }
    }
}

fn borrow<'a>(fd: RawFd) -> BorrowedFd<'a> {
    // SAFETY: used for one system call, which refuses a number that is not
    // open.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// Whether `fd` is a TCP socket's.
pub fn is_internet_stream(fd: RawFd) -> bool {
    let family = rustix::net::sockopt::socket_domain(borrow(fd));
    let kind = rustix::net::sockopt::socket_type(borrow(fd));
    matches!(family, Ok(AddressFamily::INET | AddressFamily::INET6))
        && kind == Ok(SocketType::STREAM)
}

/// Sends small writes without waiting for acknowledgements, as asyncio does.
pub fn set_no_delay(fd: RawFd) {
    // A socket that cannot do it works all the same.
    let _ = rustix::net::sockopt::set_tcp_nodelay(borrow(fd), true);
}

/// The address that `fd` is bound to.
pub fn bound_to(fd: RawFd) -> Option<Address> {
    rustix::net::getsockname(borrow(fd)).ok().and_then(|address| Address::of(Some(address)))
}
