//! UDP.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::{Descriptor, resolve};

/// A UDP socket. Clones are the same socket.
///
/// ```
/// use aioxide::net::UdpSocket;
///
/// aioxide::run(async {
///     let (one, other) = (UdpSocket::bind("127.0.0.1", 0).await?, UdpSocket::bind("127.0.0.1", 0).await?);
///     one.send_to(b"hello", other.local_addr()?).await?;
///     let mut buffer = [0; 16];
///     let (count, sender) = other.recv_from(&mut buffer).await?;
///     assert_eq!((&buffer[..count], sender), (&b"hello"[..], one.local_addr()?));
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Cancellation
///
/// An operation that is dropped while it waits has sent or received nothing.
#[derive(Clone)]
pub struct UdpSocket {
    inner: Rc<Descriptor<std::net::UdpSocket>>,
}

impl UdpSocket {
    /// A socket at `host`, a name or a numeric address, and `port`, or any free port for 0.
    ///
    /// # Errors
    ///
    /// If the name cannot be resolved or no address can be bound. The error names the address.
    pub async fn bind(host: &str, port: u16) -> io::Result<Self> {
        let addresses = resolve(host, port).await?;
        let bound = std::net::UdpSocket::bind(&addresses[..]);
        let socket = bound.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot bind {host}:{port}: {error}"))
        })?;
        Self::from_std(socket)
    }

    /// Takes over a socket of the standard library, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If that fails.
    ///
    /// # Panics
    ///
    /// If no loop runs on this thread.
    #[track_caller]
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { inner: Rc::new(Descriptor::new(socket)?) })
    }

    /// Sets the peer of [`UdpSocket::send`] and [`UdpSocket::recv`].
    ///
    /// # Errors
    ///
    /// If the name cannot be resolved or its first address cannot be reached.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<()> {
        let addresses = resolve(host, port).await?;
        self.inner.get_ref().connect(&addresses[..])
    }

    /// Sends a datagram to `address`, waiting for room in the kernel's buffer.
    ///
    /// # Errors
    ///
    /// Those of `sendto`: a datagram that is too long, for example.
    pub async fn send_to(&self, data: &[u8], address: SocketAddr) -> io::Result<usize> {
        self.inner.write_with(|socket| socket.send_to(data, address)).await
    }

    /// Receives a datagram, and gives its length and sender. What does not fit into `buffer` is
    /// lost.
    ///
    /// # Errors
    ///
    /// Those of `recvfrom`.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.inner.read_with(|socket| socket.recv_from(buffer)).await
    }

    /// Sends a datagram to the peer.
    ///
    /// # Errors
    ///
    /// If there is none, or it has refused an earlier one.
    pub async fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.inner.write_with(|socket| socket.send(data)).await
    }

    /// Receives a datagram of the peer.
    ///
    /// # Errors
    ///
    /// If the peer has refused an earlier one.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read_with(|socket| socket.recv(buffer)).await
    }

    /// Our address.
    ///
    /// # Errors
    ///
    /// Those of `getsockname`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().local_addr()
    }

    /// The socket, to read and set its options.
    pub fn get_ref(&self) -> &std::net::UdpSocket {
        self.inner.get_ref()
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("UdpSocket").field(self.get_ref()).finish()
    }
}
