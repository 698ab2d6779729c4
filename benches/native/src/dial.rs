//! Opening many connections to one server without running out of ports.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::fd::OwnedFd;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

/// Connections from one source address before the next address is used. A closed
/// connection keeps its port for a minute (TIME-WAIT), and one address has
/// about 28,000 of them; the loopback network has 16 million addresses.
const CONNECTIONS_PER_SOURCE: u32 = 8192;

/// Opens connections to one address, each from a fresh source port.
pub struct Dialer {
    server: SocketAddrV4,
    /// The third and fourth byte of the source address: starts from the process
    /// number, so that two runs in a row do not begin with the same ports.
    source: u32,
    dialled: u32,
}

impl Dialer {
    /// A dialler to `server`.
    pub fn new(server: SocketAddrV4) -> Self {
        Self { server, source: std::process::id(), dialled: 0 }
    }

    /// Connects, waiting for the handshake: on loopback the kernel answers it
    /// within the call, whether the server is running at that moment or not.
    ///
    /// Returns a blocking socket without Nagle's delay.
    ///
    /// # Errors
    /// The system's error, with the server's address before it.
    pub fn dial(&mut self) -> io::Result<OwnedFd> {
        self.connect().map_err(|error| {
            io::Error::new(error.kind(), format!("connecting to {}: {error}", self.server))
        })
    }

    fn connect(&mut self) -> io::Result<OwnedFd> {
        let socket =
            net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        if self.server.ip().is_loopback() {
            net::bind(&socket, &SocketAddrV4::new(self.next_source(), 0))?;
        }
        net::connect(&socket, &self.server)?;
        Ok(socket)
    }

    fn next_source(&mut self) -> Ipv4Addr {
        self.dialled += 1;
        if self.dialled.is_multiple_of(CONNECTIONS_PER_SOURCE) {
            self.source += 1;
        }
        let [_, _, high, low] = self.source.to_be_bytes();
        // 127.1.x.y: neither the server's own address nor a broadcast one.
        Ipv4Addr::new(127, 1, high, low.clamp(1, 254))
    }
}
