//! Connecting to a numeric address, without a socket object.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::core::coroutines::Coroutine;
use crate::core::event_loop::{Direction, LoopCore, Methods};
use crate::core::futures::Future;
use crate::core::rust_futures::{Awaited, coroutine, ready, turn};
use crate::ffi::allocate;
use crate::ffi::errors::os_error;
use crate::ffi::held::Held;
use crate::net::transports::{Accepted, Address, SocketTransport};
use crate::stdlib;

#[pymethods]
impl LoopCore {
    /// A coroutine that connects to a numeric address as `create_connection` does without options:
    /// it returns a transport and a protocol. None if the host is a name, or if something is
    /// replaced that `create_connection` calls.
    fn _connect_directly(
        slf: &Bound<'_, Self>,
        protocol_factory: Bound<'_, PyAny>,
        host: &Bound<'_, PyAny>,
        port: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Py<Coroutine>>> {
        let py = slf.py();
        let this = slf.get();
        let Some(address) = numeric(host, port) else { return Ok(None) };
        if this.debug(py) || !this.calls_own(py, Methods::CONNECTING) {
            return Ok(None);
        }
        // Programs and tests that forbid sockets, or send them elsewhere, replace the class.
        let module = py.import(crate::intern!(py, "socket"))?;
        if !module.getattr(crate::intern!(py, "socket"))?.is(stdlib::socket_type(py)?) {
            return Ok(None);
        }
        let owner = protocol_factory.unbind();
        let name = "BaseEventLoop.create_connection";
        coroutine(py, name, Some(owner), connection(address)).map(Some)
    }
}

/// An address for which no resolver is asked. What others read as a number too ("127.1") is left
/// to them.
fn numeric(host: &Bound<'_, PyAny>, port: &Bound<'_, PyAny>) -> Option<SocketAddr> {
    if !port.is_exact_instance_of::<PyInt>() {
        return None;
    }
    let port = port.extract::<u16>().ok()?;
    let host = host.cast_exact::<PyString>().ok()?.to_str().ok()?;
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

/// Connects, makes protocol and transport, and waits for `connection_made`.
async fn connection(address: SocketAddr) -> PyResult<Py<PyAny>> {
    let fd = connected(address).await?;
    let (opening, made) = turn::with(|turn| Opening::begin(turn, fd, address))?;
    made.await?;
    opening.finish()
}

/// A socket that is connected to `address`.
async fn connected(address: SocketAddr) -> PyResult<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = rustix::net::socket_with(family, SocketType::STREAM, flags, None).map_err(os_error)?;
    match rustix::net::connect(&fd, &address) {
        Ok(()) => return Ok(fd),
        // It goes on in either case.
        Err(Errno::INPROGRESS | Errno::INTR) => {}
        Err(error) => return Err(os_error(error)),
    }
    // On the same machine the connection is made by the time that `connect` returns.
    let mut writable = [PollFd::new(&fd, PollFlags::OUT)];
    if rustix::event::poll(&mut writable, Some(&Timespec::default())) == Ok(0) {
        ready(fd.as_raw_fd(), Direction::Write).await?;
    }
    match rustix::net::sockopt::socket_error(&fd) {
        Ok(Ok(())) => Ok(fd),
        Ok(Err(error)) | Err(error) => Err(failed(error, address)),
    }
}

/// asyncio's error for a connection that was refused.
fn failed(error: Errno, address: SocketAddr) -> PyErr {
    let (ip, port) = (address.ip(), address.port());
    let shown = match address {
        SocketAddr::V4(_) => format!("('{ip}', {port})"),
        SocketAddr::V6(_) => format!("('{ip}', {port}, 0, 0)"),
    };
    PyOSError::new_err((error.raw_os_error(), format!("Connect call failed {shown}")))
}

/// A transport that has not called `connection_made` yet. Dropped, it is closed.
struct Opening {
    transport: Option<Held<SocketTransport>>,
    protocol: Held<PyAny>,
}

impl Opening {
    fn begin(
        turn: &turn::Turn<'_, '_>,
        fd: OwnedFd,
        address: SocketAddr,
    ) -> PyResult<(Self, Awaited)> {
        let (py, core) = (turn.py(), turn.core());
        let protocol = turn.owner::<PyAny>().call0()?;
        let waiter = Future::created_by(core)?;
        let peer = Some(match address {
            SocketAddr::V4(address) => Address::V4(address),
            SocketAddr::V6(address) => Address::V6(address),
        });
        let connection = Accepted { fd, peer, has_no_delay: false };
        let given = Some(waiter.clone_ref(py));
        let made =
            SocketTransport::over_descriptor(core, connection, protocol.clone(), given, None)?;
        let transport = Some(turn.hold(made.into_bound(py)));
        let opening = Self { transport, protocol: turn.hold(protocol) };
        Ok((opening, turn.wait_for(waiter.bind(py).as_any())?))
    }

    /// The transport and the protocol.
    fn finish(mut self) -> PyResult<Py<PyAny>> {
        turn::with(|turn| {
            let py = turn.py();
            let transport = self.transport.take().and_then(|transport| transport.get(py));
            let parts = match (transport, self.protocol.get(py)) {
                (Some(transport), Some(protocol)) => [transport.into_any(), protocol],
                _ => return Ok(py.None()), // Nobody is left to see it.
            };
            allocate::tuple(py, parts).map(|pair| pair.into_any().unbind())
        })
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let Some(transport) = self.transport.take() else { return };
        turn::with(|turn| {
            if let Some(transport) = transport.get(turn.py())
                && let Err(error) = transport.call_method0(crate::intern!(turn.py(), "close"))
            {
                error.write_unraisable(turn.py(), Some(&transport));
            }
        });
    }
}
