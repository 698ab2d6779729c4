//! Descriptors that are numbers to us.

use std::os::fd::{BorrowedFd, RawFd};

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
