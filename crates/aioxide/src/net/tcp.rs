//! TCP.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::stream::stream;
use super::{Descriptor, connecting, racing, resolve};

/// A TCP connection. Clones are the same connection, so that one task can read and another write;
/// it is closed with the last of them.
///
/// It is read and written by the traits of `futures-io`, and so by the extensions of
/// `futures-lite` and `futures-util`. References implement them too.
///
/// ```
/// use aioxide::net::{TcpListener, TcpStream};
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// aioxide::run(async {
///     let listener = TcpListener::bind("127.0.0.1", 0).await?;
///     let port = listener.local_addr()?.port();
///     let (client, server) =
///         aioxide::try_gather!(TcpStream::connect("127.0.0.1", port), listener.accept()).await?;
///     (&client).write_all(b"hello").await?;
///     let mut buffer = [0; 5];
///     (&server.0).read_exact(&mut buffer).await?;
///     assert_eq!(buffer, *b"hello");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Cancellation
///
/// A read or write that is dropped while it waits has done nothing. `read_exact` and `write_all`
/// of the extensions may have done a part.
#[derive(Clone)]
pub struct TcpStream {
    inner: Rc<Descriptor<std::net::TcpStream>>,
}

impl TcpStream {
    /// Connects to `host`, a name or a numeric address: asyncio's `open_connection`. Of a name's
    /// addresses each is tried 250 milliseconds after the one before, or at once when that one has
    /// failed, and the families take turns (RFC 8305, *Happy Eyeballs*). The first connection is
    /// taken, the other attempts are given up.
    ///
    /// # Errors
    ///
    /// If the name cannot be resolved; or the failure of the last address, with the address.
    pub async fn connect(host: &str, port: u16) -> io::Result<Self> {
        racing::first(resolve(host, port).await?, Self::connect_to).await
    }

    /// Connects to an address.
    ///
    /// # Errors
    ///
    /// If that fails. The error names the address.
    pub async fn connect_to(address: SocketAddr) -> io::Result<Self> {
        match connecting::connect_tcp(address).await {
            Ok(inner) => {
                // As asyncio does. It fails only for a connection that is lost already.
                let _ = inner.get_ref().set_nodelay(true);
                Ok(Self { inner: Rc::new(inner) })
            }
            Err(error) => {
                Err(io::Error::new(error.kind(), format!("cannot connect to {address}: {error}")))
            }
        }
    }

    /// Takes over a connection of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If that fails.
    ///
    /// # Panics
    ///
    /// If no loop runs on this thread.
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { inner: Rc::new(Descriptor::new(stream)?) })
    }

    /// Our address.
    ///
    /// # Errors
    ///
    /// Those of `getsockname`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().peer_addr()
    }

    /// Ends one side, or both. [`Shutdown::Write`] is asyncio's `write_eof`.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.get_ref().shutdown(how)
    }

    /// The socket, to read and set its options.
    pub fn get_ref(&self) -> &std::net::TcpStream {
        self.inner.get_ref()
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn descriptor(&self) -> &Descriptor<std::net::TcpStream> {
        &self.inner
    }
}

/// What listens for TCP connections. Clones are the same socket.
#[derive(Clone)]
pub struct TcpListener {
    inner: Rc<Descriptor<std::net::TcpListener>>,
}

impl TcpListener {
    /// Listens at `host`, a name or a numeric address, and `port`, or any free port for 0. Of a
    /// name's addresses, the first that can be bound is used.
    ///
    /// # Errors
    ///
    /// If the name cannot be resolved or no address can be bound. The error names the address.
    pub async fn bind(host: &str, port: u16) -> io::Result<Self> {
        let addresses = resolve(host, port).await?;
        let bound = std::net::TcpListener::bind(&addresses[..]);
        let listener = bound.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen at {host}:{port}: {error}"))
        })?;
        Self::from_std(listener)
    }

    /// Takes over a listening socket of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If that fails.
    ///
    /// # Panics
    ///
    /// If no loop runs on this thread.
    #[track_caller]
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { inner: Rc::new(Descriptor::new(listener)?) })
    }

    /// Waits for a connection, and gives it with the peer's address.
    ///
    /// # Errors
    ///
    /// Those of `accept`: a connection that was lost before it was accepted, or a process that is
    /// out of descriptors. The next call may succeed.
    ///
    /// # Cancellation
    ///
    /// Dropped, it has accepted nothing.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, address) = self.inner.read_with(std::net::TcpListener::accept).await?;
        let _ = stream.set_nodelay(true);
        Ok((TcpStream::from_std(stream)?, address))
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Those of `getsockname`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }

    /// The socket, to read and set its options.
    pub fn get_ref(&self) -> &std::net::TcpListener {
        self.inner.get_ref()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TcpStream").field(self.get_ref()).finish()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TcpListener").field(self.get_ref()).finish()
    }
}

stream!(TcpStream, short_reads_empty: true);
