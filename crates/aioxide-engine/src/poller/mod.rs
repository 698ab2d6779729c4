//! Waiting for file descriptors: one file for each system interface, all with
//! the same API.
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

/// The greatest token for a file descriptor in [`Poller::add`] and
/// [`Poller::modify`]. Greater ones are reserved for wake-ups.
pub const MAX_TOKEN: u64 = u64::MAX - 2;

/// Which readiness of a file descriptor the poller reports.
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

/// How often a ready file descriptor is reported.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Trigger {
    /// By every wait while it is ready.
    Level,
    /// Once each time it becomes ready, and once when it is added or modified
    /// while it is ready.
    Edge,
}

/// One file descriptor that became ready.
///
/// A lost connection or an error sets `readable` and `writable` whatever the
/// interest is, as Python's `selectors` do: the next read or write then reports
/// the error. Callers mask both with the interest.
///
/// Where the system reports reading and writing separately (kqueue), one wait
/// may return two events for one token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The token that was given to [`Poller::add`].
    pub token: u64,
    /// A read would not block.
    pub readable: bool,
    /// A write would not block.
    pub writable: bool,
    /// The peer has shut down its sending side, or the connection is lost. A
    /// hint: only Linux always sets it; elsewhere rely on a read of 0 bytes.
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
