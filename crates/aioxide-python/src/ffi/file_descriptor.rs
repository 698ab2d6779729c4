//! Descriptors that are numbers to us.

use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd};

use rustix::net::{AddressFamily, SocketType};

/// The descriptor of this number, for one system call.
///
/// Its owner, a socket or file object, is Python's, and may have closed it: the system then
/// refuses the number, or it is another file's by now. Either can be said of the number
/// itself, so the caller sees to it that a number is the one that it means (generations in the
/// table of descriptors, a transport that looks at its state first).
#[inline]
pub fn numbered<'a>(fd: RawFd) -> BorrowedFd<'a> {
    // The one value that a `BorrowedFd` cannot be is no descriptor either way.
    let fd = if fd == -1 { RawFd::MAX } else { fd };
    // SAFETY: it is not -1. That it is open is nothing that memory depends on: see above.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// Closes a descriptor, even if other code has closed it before by its number.
pub fn close(fd: OwnedFd) {
    // SAFETY: it has no other owner.
    unsafe { rustix::io::close(fd.into_raw_fd()) }
}

/// The address family of the socket that `fd` is.
pub fn family(fd: RawFd) -> Option<AddressFamily> {
    // Not SO_DOMAIN, which few systems have: an address tells its family even
    // while the socket is not bound.
    rustix::net::getsockname(numbered(fd)).ok().map(|address| address.address_family())
}

/// Whether `fd` is a TCP socket's.
pub fn is_internet_stream(fd: RawFd) -> bool {
    let kind = rustix::net::sockopt::socket_type(numbered(fd));
    kind == Ok(SocketType::STREAM)
        && matches!(family(fd), Some(AddressFamily::INET | AddressFamily::INET6))
}

/// Sends small writes without waiting for acknowledgements, as asyncio does.
pub fn set_no_delay(fd: RawFd) {
    // A socket that cannot do it works all the same.
    let _ = rustix::net::sockopt::set_tcp_nodelay(numbered(fd), true);
}

/// Whether connections that the listening socket `fd` accepts are as after
/// [`set_no_delay`] from the start, because it is itself. Not every system
/// hands the option on.
pub fn hands_on_no_delay(fd: RawFd) -> bool {
    cfg!(target_os = "linux") && rustix::net::sockopt::tcp_nodelay(numbered(fd)) == Ok(true)
}
