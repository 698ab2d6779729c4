//! Socket addresses in asyncio's form.

use std::net::SocketAddr;
use std::os::fd::RawFd;

use aioxide_engine::recorder;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use rustix::net::{AddressFamily, SocketAddrAny};

use crate::ffi::allocate;
use crate::ffi::file_descriptor::numbered;

/// The addresses that accepted connections have.
#[derive(Clone)]
pub enum Address {
    V4(std::net::SocketAddrV4),
    V6(std::net::SocketAddrV6),
    /// A Unix socket's path, or its abstract name, which begins with a zero
    /// byte; empty if it has no name.
    Unix(Box<[u8]>),
    /// A family whose addresses only the socket object can show.
    Other,
}

impl Address {
    /// Reads the kernel's form.
    pub fn of(address: Option<SocketAddrAny>) -> Option<Self> {
        let address = address?;
        if address.address_family() == AddressFamily::UNIX {
            return Some(Self::Unix(unix_name(&address).into()));
        }
        Some(match SocketAddr::try_from(address) {
            Ok(SocketAddr::V4(address)) => Self::V4(address),
            Ok(SocketAddr::V6(address)) => Self::V6(address),
            Err(_) => Self::Other,
        })
    }

    /// `(host, port)`, `(host, port, flowinfo, scope_id)`, or the name of a
    /// Unix socket: a str, or bytes if it is abstract. None for other families.
    pub fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let name = match self {
            Self::V4(address) => internet_name(py, SocketAddr::V4(*address))?.into_any(),
            Self::V6(address) => internet_name(py, SocketAddr::V6(*address))?.into_any(),
            Self::Unix(name) if name.first() == Some(&0) => allocate::bytes(py, name)?.into_any(),
            Self::Unix(path) => allocate::path(py, path)?.into_any(),
            Self::Other => return Ok(None),
        };
        Ok(Some(name))
    }
}

/// An Internet address as the methods of a socket object return it.
pub fn internet_name(py: Python<'_>, address: SocketAddr) -> PyResult<Bound<'_, PyTuple>> {
    let host = allocate::string(py, &address.ip().to_string())?.into_any();
    let port = allocate::int(py, address.port().into())?.into_any();
    match address {
        SocketAddr::V4(_) => allocate::tuple(py, [host, port]),
        SocketAddr::V6(address) => {
            let flow = allocate::int(py, address.flowinfo().into())?.into_any();
            let scope = allocate::int(py, address.scope_id().into())?.into_any();
            allocate::tuple(py, [host, port, flow, scope])
        }
    }
}

/// The name of a Unix socket. (rustix assumes that a path ends with a zero
/// byte, and panics at one that fills its whole field.)
fn unix_name(address: &SocketAddrAny) -> &[u8] {
    /// The offset of the name: after the family.
    const NAME: usize = 2;
    // SAFETY: that many bytes of the address are filled in.
    let bytes = unsafe {
        std::slice::from_raw_parts(address.as_ptr().cast::<u8>(), address.addr_len() as usize)
    };
    let name = bytes.get(NAME..).unwrap_or_default();
    match name.iter().position(|byte| *byte == 0) {
        // On systems other than Linux this is a socket without a name.
        Some(0) if cfg!(target_os = "linux") => name,
        Some(end) => &name[..end],
        None => name,
    }
}

/// The address that `fd` is bound to.
pub fn bound_to(fd: RawFd) -> Option<Address> {
    rustix::net::getsockname(numbered(fd)).ok().and_then(|address| Address::of(Some(address)))
}

/// What the recorder calls the socket `fd`: the peer's address, or else its own. None if it has
/// neither, or is no socket.
#[cold]
pub fn address_of(fd: RawFd) -> Option<recorder::Address> {
    let shown = |address| match Address::of(address)? {
        Address::V4(address) => Some(recorder::Address::Internet(SocketAddr::V4(address))),
        Address::V6(address) => Some(recorder::Address::Internet(SocketAddr::V6(address))),
        Address::Unix(name) if !name.is_empty() => Some(recorder::Address::Unix(name)),
        Address::Unix(_) | Address::Other => None,
    };
    let peer = rustix::net::getpeername(numbered(fd)).ok().flatten();
    shown(peer).or_else(|| shown(rustix::net::getsockname(numbered(fd)).ok()))
}
