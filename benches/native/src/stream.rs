//! The stream of a connection: a bare socket, or TLS over one.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::net::{self, SendFlags, Shutdown};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
};

/// The generator's TLS configuration, with the authorities that it trusts.
pub struct Tls {
    config: Arc<ClientConfig>,
    server: ServerName<'static>,
}

impl Tls {
    /// TLS 1.3 with servers at `address` whose certificate is for its number,
    /// and issued by one of the authorities in the PEM file `authorities`.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate; it is named.
    pub fn new(address: SocketAddrV4, authorities: &Path) -> io::Result<Self> {
        let broken = |error: String| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{}: {error}", authorities.display()),
            )
        };
        let mut roots = RootCertStore::empty();
        for certificate in
            CertificateDer::pem_file_iter(authorities).map_err(|error| broken(error.to_string()))?
        {
            let certificate = certificate.map_err(|error| broken(error.to_string()))?;
            roots.add(certificate).map_err(|error| broken(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(broken("no certificate in it".into()));
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let server = ServerName::IpAddress(IpAddr::V4(*address.ip()).into());
        Ok(Self { config: Arc::new(config), server })
    }
}

/// A server's TLS configuration: its certificate and key.
#[derive(Clone)]
pub struct Identity(Arc<ServerConfig>);

impl Identity {
    /// The certificates and the key in one PEM file.
    ///
    /// # Errors
    /// When the file cannot be read or lacks one of the two; it is named.
    pub fn new(file: &Path) -> io::Result<Self> {
        let broken = |error: String| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {error}", file.display()))
        };
        let chain = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .map_err(|error| broken(error.to_string()))?;
        let key = PrivateKeyDer::from_pem_file(file).map_err(|error| broken(error.to_string()))?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self(Arc::new(config)))
    }
}

/// A non-blocking stream of bytes to the peer.
pub struct Stream {
    socket: Socket,
    tls: Option<Box<Connection>>,
}

impl Stream {
    /// A stream over a connected socket, which becomes non-blocking. The
    /// handshake of TLS goes on whenever something is sent or received.
    ///
    /// # Errors
    /// When the system refuses, or TLS has no more random numbers.
    pub fn new(socket: OwnedFd, tls: Option<&Tls>) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        let tls = match tls {
            Some(tls) => {
                let connection = ClientConnection::new(tls.config.clone(), tls.server.clone());
                Some(Box::new(connection.map_err(io::Error::other)?.into()))
            }
            None => None,
        };
        Ok(Self { socket: Socket(socket), tls })
    }

    /// The server's side of a non-blocking socket that was accepted.
    ///
    /// # Errors
    /// When TLS has no more random numbers.
    pub fn accepted(socket: OwnedFd, identity: Option<&Identity>) -> io::Result<Self> {
        let tls = match identity {
            Some(Identity(config)) => {
                let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                Some(Box::new(connection.into()))
            }
            None => None,
        };
        Ok(Self { socket: Socket(socket), tls })
    }

    /// The socket, to be polled.
    pub fn socket(&self) -> &OwnedFd {
        &self.socket.0
    }

    /// Sends as much of `bytes` as is possible now; returns how much that was. TLS
    /// may buffer some of it, see [`Stream::flush`].
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return Ok(unless_blocked(self.socket.write(bytes))?.unwrap_or(0));
        };
        let count = tls.writer().write(bytes)?;
        self.flush()?;
        Ok(count)
    }

    /// Sends what TLS has buffered; returns whether nothing is left.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn flush(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else {
            return Ok(true);
        };
        while tls.wants_write() {
            if unless_blocked(tls.write_tls(&mut self.socket))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Receives into `buffer`; nothing if nothing has arrived, and zero bytes
    /// once the peer has ended the stream.
    ///
    /// # Errors
    /// When the connection is broken, or the data is not valid TLS of a trusted
    /// server.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(tls) = &mut self.tls else {
            return unless_blocked(self.socket.read(buffer));
        };
        loop {
            if let Some(count) = unless_blocked(tls.reader().read(buffer))? {
                return Ok(Some(count));
            }
            if unless_blocked(tls.read_tls(&mut self.socket))?.is_none() {
                return Ok(None);
            }
            tls.process_new_packets()
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            while tls.wants_write() {
                if unless_blocked(tls.write_tls(&mut self.socket))?.is_none() {
                    break;
                }
            }
        }
    }

    /// Whether a read of `count` bytes into a buffer of `room` has drained the
    /// stream. TLS reads until it would block.
    pub fn is_drained(&self, count: usize, room: usize) -> bool {
        self.tls.is_none() && count < room
    }

    /// Ends our direction of the stream.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn finish(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            self.flush()?;
        }
        Ok(net::shutdown(&self.socket.0, Shutdown::Write)?)
    }
}

/// The socket as the traits that TLS reads and writes through.
struct Socket(OwnedFd);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::read(&self.0, &mut *buffer))?)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let send = || net::send(&self.0, bytes, SendFlags::NOSIGNAL);
        Ok(rustix::io::retry_on_intr(send)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// None if the call would have blocked.
fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
