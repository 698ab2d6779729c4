//! TCP connections on the running loop.

mod racing;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use pyo3::prelude::*;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrAny, SocketType, connect, sockopt};

use crate::readiness::{Direction, Ready, ready as until_ready};
use crate::thread::in_thread;

/// A TCP connection, which the running loop waits for. Clones are the same connection, so that one
/// task can read and another write; it is closed with the last of them.
///
/// It is read and written by the traits of `futures-io`, and so by the extensions of
/// `futures-lite` and `futures-util`. References implement them too.
///
/// It belongs to the loop on which it is used, and to its thread.
///
/// # Cancellation
///
/// A read or write that is dropped while it waits has done nothing. `read_exact` and `write_all`
/// of the extensions may have done a part.
#[derive(Clone)]
pub struct TcpStream {
    inner: Rc<Inner>,
}

struct Inner {
    // In this order: what waits is called off before the socket is closed.
    reading: Half,
    writing: Half,
    socket: std::net::TcpStream,
}

/// One direction of a connection.
#[derive(Default)]
struct Half {
    wait: RefCell<Option<Pin<Box<Ready>>>>,
    /// The kernel has said that it would block, and no event has come since.
    is_blocked: Cell<bool>,
}

impl Half {
    /// Calls `operation` until it does something other than block.
    fn poll<R>(
        &self,
        fd: i32,
        direction: Direction,
        context: &mut Context<'_>,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            if self.is_blocked.get() {
                let mut wait = self.wait.borrow_mut();
                let waiting = wait.get_or_insert_with(|| Box::pin(until_ready(fd, direction)));
                let waited = ready!(waiting.as_mut().poll(context));
                *wait = None;
                drop(wait);
                self.is_blocked.set(false);
                if let Err(error) = waited {
                    return Poll::Ready(Err(Python::attach(|_| io::Error::from(error))));
                }
            }
            match operation() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_blocked.set(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl TcpStream {
    /// Connects to `host`, a name or a numeric address. A name is looked up by the system, in a
    /// thread; its addresses are tried as by [`connect_any`](Self::connect_any).
    ///
    /// # Errors
    ///
    /// If the name cannot be resolved; or the last failure, with the address.
    ///
    /// # Cancellation
    ///
    /// All attempts are given up. A look-up goes on in its thread, and its result is dropped.
    pub async fn connect(host: &str, port: u16) -> io::Result<Self> {
        Self::connect_any(resolve(host, port).await?).await
    }

    /// Connects to one of several addresses of a host, for programs that look names up themselves.
    /// Each is tried 250 milliseconds after the one before, or at once when an attempt has failed,
    /// and IPv4 and IPv6 take turns (RFC 8305, *Happy Eyeballs*). The first connection is taken, the
    /// other attempts are given up.
    ///
    /// # Errors
    ///
    /// The last failure, with the address.
    ///
    /// # Cancellation
    ///
    /// All attempts are given up.
    pub async fn connect_any(addresses: impl IntoIterator<Item = SocketAddr>) -> io::Result<Self> {
        racing::first(addresses, Self::connect_to).await
    }

    /// Connects to an address.
    ///
    /// # Errors
    ///
    /// If that fails. The error names the address.
    ///
    /// # Cancellation
    ///
    /// The attempt is given up.
    pub async fn connect_to(address: SocketAddr) -> io::Result<Self> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot connect to {address}: {error}"))
        };
        let socket = socket(address).map_err(named)?;
        match connect(&socket, &SocketAddrAny::from(address)) {
            // An interrupted call goes on by itself.
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => {}
            Err(error) => return Err(named(error.into())),
        }
        let stream = Self::of(socket.into());
        until_ready(stream.fd(), Direction::Write)
            .await
            .map_err(|error| named(Python::attach(|_| io::Error::from(error))))?;
        sockopt::socket_error(stream.get_ref())
            .and_then(|connected| connected)
            .map_err(|error| named(error.into()))?;
        // As asyncio does. It fails only for a connection that is lost already.
        let _ = stream.get_ref().set_nodelay(true);
        Ok(stream)
    }

    /// Takes over a connection of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::of(stream))
    }

    fn of(socket: std::net::TcpStream) -> Self {
        let inner = Inner { reading: Half::default(), writing: Half::default(), socket };
        Self { inner: Rc::new(inner) }
    }

    fn fd(&self) -> i32 {
        self.inner.socket.as_raw_fd()
    }

    /// Ends one side, or both.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.socket.shutdown(how)
    }

    /// The socket, to read and set its options.
    pub fn get_ref(&self) -> &std::net::TcpStream {
        &self.inner.socket
    }

    fn poll_write_with<R>(
        &self,
        context: &mut Context<'_>,
        operation: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.inner.writing.poll(self.fd(), Direction::Write, context, operation)
    }
}

/// A socket that does not block.
fn socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    #[cfg(not(target_vendor = "apple"))]
    {
        use rustix::net::{SocketFlags, socket_with};
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        Ok(socket_with(family, SocketType::STREAM, flags, None)?)
    }
    #[cfg(target_vendor = "apple")]
    {
        let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
        rustix::io::ioctl_fioclex(&socket)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        sockopt::set_socket_nosigpipe(&socket, true)?;
        Ok(socket)
    }
}

/// The addresses of a host, in the order in which they are to be tried.
async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    let found = in_thread(move || (name, port).to_socket_addrs().map(Vec::from_iter)).await;
    let found = found.map_err(|error| Python::attach(|_| io::Error::from(error)))?;
    match found {
        Ok(addresses) if !addresses.is_empty() => Ok(addresses),
        Ok(_) => Err(io::Error::new(io::ErrorKind::NotFound, format!("{host:?} has no address"))),
        Err(error) => {
            Err(io::Error::new(error.kind(), format!("cannot resolve {host:?}: {error}")))
        }
    }
}

impl AsyncRead for &TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let inner = &self.inner;
        let room = buffer.len();
        let mut socket = &inner.socket;
        let polled =
            inner.reading.poll(self.fd(), Direction::Read, context, || socket.read(buffer));
        // A short read has emptied the socket: the next one need not ask the kernel first.
        if let Poll::Ready(Ok(count @ 1..)) = polled
            && count < room
        {
            inner.reading.is_blocked.set(true);
        }
        polled
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut socket = self.get_ref();
        self.poll_write_with(context, || socket.write(data))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut socket = self.get_ref();
        self.poll_write_with(context, || socket.write_vectored(data))
    }

    /// Nothing is kept back: what was written is in the kernel.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the writing side.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.shutdown(Shutdown::Write) {
            // The peer was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(context, buffer)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(context, data)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(context, data)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(context)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TcpStream").field(self.get_ref()).finish()
    }
}
