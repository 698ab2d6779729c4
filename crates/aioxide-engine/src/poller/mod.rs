//! Waiting for file descriptors: one file for each system interface, all of
//! the same shape.
//!
//! | system | file | interface |
//! |---|---|---|
//! | Linux, Android | `epoll.rs` | epoll, one system call per wait |
//! | macOS and the BSDs | `portable.rs` | kqueue through the `polling` crate |

use std::io;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll;
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod portable;
#[cfg(test)]
mod tests;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub use epoll::{Events, Poller, Waker};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub use portable::{Events, Poller, Waker};

/// The greatest token that a caller may give to a file descriptor, in
/// [`Poller::add`] and [`Poller::modify`]. Those above mark wake-ups.
pub const MAX_TOKEN: u64 = u64::MAX - 2;

/// What a caller wants to hear about a file descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Interest {
    /// A read would not block.
    pub readable: bool,
    /// A write would not block.
    pub writable: bool,
}

impl Interest {
    /// Neither: the file descriptor stays registered, and a lost connection
    /// may still be reported.
    pub const NONE: Self = Self::of(false, false);
    /// Reading only.
    pub const READ: Self = Self::of(true, false);
    /// Writing only.
    pub const WRITE: Self = Self::of(false, true);
    /// Reading and writing.
    pub const BOTH: Self = Self::of(true, true);

    const fn of(readable: bool, writable: bool) -> Self {
        Self { readable, writable }
    }
}

/// When a file descriptor that is ready is reported.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Trigger {
    /// By every wait for as long as it is ready.
    Level,
    /// Once each time it becomes ready, and once when it is added or modified
    /// while it is.
    Edge,
}

/// One file descriptor that became ready.
///
/// A lost connection or an error makes `readable` and `writable` true whatever
/// the interest was, as with Python's `selectors`: the read or write that
/// follows then reports what happened. Callers mask them with the interest.
///
/// Where the system reports reading and writing apart (kqueue), one wait may
/// bring two events for one token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// What the caller named the file descriptor in [`Poller::add`].
    pub token: u64,
    /// A read would not block.
    pub readable: bool,
    /// A write would not block.
    pub writable: bool,
    /// The peer has shut down its sending side, or the connection is gone. A
    /// hint: only Linux tells for certain, elsewhere a read of 0 bytes does.
    pub hangup: bool,
    /// The file descriptor has a pending error.
    pub error: bool,
}

fn check_token(token: u64) -> io::Result<()> {
    if token > MAX_TOKEN {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("token {token} is reserved: the greatest is {MAX_TOKEN}"),
        ));
    }
    Ok(())
}
