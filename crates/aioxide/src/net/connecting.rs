//! Connecting without blocking.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with,
    sockopt,
};

use super::Descriptor;
use crate::time::sleep;

/// How long to wait at first, and at most, before a Unix socket whose queue is full is tried again:
/// no event tells when it has room.
const FULL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(64));

fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    #[cfg(not(target_vendor = "apple"))]
    return Ok(socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?);
    #[cfg(target_vendor = "apple")]
    {
        let socket = socket_with(family, kind, SocketFlags::empty(), None)?;
        rustix::io::ioctl_fioclex(&socket)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        sockopt::set_socket_nosigpipe(&socket, true)?;
        Ok(socket)
    }
}

/// A TCP connection to `address`.
pub(super) async fn connect_tcp(
    address: SocketAddr,
) -> io::Result<Descriptor<std::net::TcpStream>> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket(family, SocketType::STREAM)?;
    let refused = connect(&socket, &SocketAddrAny::from(address));
    let stream = Descriptor::new(std::net::TcpStream::from(socket))?;
    match refused {
        Ok(()) => Ok(stream),
        // An interrupted call goes on by itself.
        Err(Errno::INPROGRESS | Errno::INTR) => {
            stream.connected().await?;
            sockopt::socket_error(&stream)??;
            Ok(stream)
        }
        Err(error) => Err(error.into()),
    }
}

/// A Unix stream connection to what listens at `address`.
pub(super) async fn connect_unix(
    address: &SocketAddrUnix,
) -> io::Result<Descriptor<std::os::unix::net::UnixStream>> {
    let (mut pause, longest) = FULL;
    loop {
        let socket = socket(AddressFamily::UNIX, SocketType::STREAM)?;
        match connect(&socket, address) {
            Ok(()) => return Descriptor::new(std::os::unix::net::UnixStream::from(socket)),
            Err(Errno::INPROGRESS | Errno::INTR) => {
                let stream = Descriptor::new(std::os::unix::net::UnixStream::from(socket))?;
                stream.connected().await?;
                sockopt::socket_error(&stream)??;
                return Ok(stream);
            }
            Err(Errno::AGAIN) => {
                sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
