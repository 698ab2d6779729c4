//! Unix sockets.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use rustix::net::SocketAddrUnix;

use super::stream::stream;
use super::{Descriptor, connecting};

/// A Unix stream connection: see [`TcpStream`](super::TcpStream).
#[derive(Clone)]
pub struct UnixStream {
    inner: Rc<Descriptor<std::os::unix::net::UnixStream>>,
}

impl UnixStream {
    /// Connects to what listens at `path`: asyncio's `open_unix_connection`. While its queue is
    /// full, it is tried again.
    ///
    /// # Errors
    ///
    /// If nothing listens there, or the path is too long. The error names the path.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot connect to {}: {error}", path.display()))
        };
        let address = SocketAddrUnix::new(path).map_err(|error| named(error.into()))?;
        let inner = connecting::connect_unix(&address).await.map_err(named)?;
        Ok(Self { inner: Rc::new(inner) })
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// When the process is out of file descriptors.
    ///
    /// # Panics
    ///
    /// If no loop runs on this thread.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
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
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { inner: Rc::new(Descriptor::new(stream)?) })
    }

    /// Ends one side, or both.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.get_ref().shutdown(how)
    }

    /// The socket, to read and set its options.
    pub fn get_ref(&self) -> &std::os::unix::net::UnixStream {
        self.inner.get_ref()
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn descriptor(&self) -> &Descriptor<std::os::unix::net::UnixStream> {
        &self.inner
    }
}

/// What listens for Unix connections. Clones are the same socket. The file at its path is left
/// when it is dropped.
#[derive(Clone)]
pub struct UnixListener {
    inner: Rc<Descriptor<std::os::unix::net::UnixListener>>,
}

impl UnixListener {
    /// Listens at `path`, which must not exist.
    ///
    /// # Errors
    ///
    /// If it exists, or cannot be made. The error names it.
    ///
    /// # Panics
    ///
    /// If no loop runs on this thread.
    #[track_caller]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let listener = std::os::unix::net::UnixListener::bind(path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen at {}: {error}", path.display()))
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
    pub fn from_std(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { inner: Rc::new(Descriptor::new(listener)?) })
    }

    /// Waits for a connection, and gives it with the peer's address.
    ///
    /// # Errors
    ///
    /// Those of `accept`.
    ///
    /// # Cancellation
    ///
    /// Dropped, it has accepted nothing.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let accept = std::os::unix::net::UnixListener::accept;
        let (stream, address) = self.inner.read_with(accept).await?;
        Ok((UnixStream::from_std(stream)?, address))
    }

    /// The socket, to read and set its options.
    pub fn get_ref(&self) -> &std::os::unix::net::UnixListener {
        self.inner.get_ref()
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("UnixStream").field(self.get_ref()).finish()
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("UnixListener").field(self.get_ref()).finish()
    }
}

stream!(UnixStream, short_reads_empty: false);
