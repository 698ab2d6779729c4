//! Socket calls that differ between the systems.

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::net::{SendFlags, SocketAddrAny};

/// Sending to a peer that is gone is an error, not a signal. macOS has no such flag; there the
/// interpreter, which ignores SIGPIPE, sees to it.
#[cfg(not(target_vendor = "apple"))]
pub const SEND: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
pub const SEND: SendFlags = SendFlags::empty();

/// Accepts a connection, whose descriptor is non-blocking and closed by `exec`.
#[cfg(not(target_vendor = "apple"))]
pub fn accept(listener: BorrowedFd<'_>) -> rustix::io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    use rustix::net::SocketFlags;
    rustix::net::acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)
}

/// Accepts a connection, whose descriptor is non-blocking and closed by `exec`.
#[cfg(target_vendor = "apple")]
pub fn accept(listener: BorrowedFd<'_>) -> rustix::io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    let (descriptor, peer) = rustix::net::acceptfrom(listener)?;
    rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&descriptor, true)?;
    Ok((descriptor, peer))
}
