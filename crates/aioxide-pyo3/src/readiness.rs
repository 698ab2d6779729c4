//! Waiting until a descriptor is ready.

use std::fmt;
use std::future::Future;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use pyo3::prelude::*;

use crate::elsewhere;
use crate::leaf::{self, Leaf};

/// What a descriptor is to be ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It can be read from without blocking, or has an error.
    Read,
    /// It can be written to without blocking, or has an error.
    Write,
}

/// Waits until the descriptor `fd` is ready: what `loop.add_reader` and `add_writer` do.
///
/// It stays open until this is dropped, and nothing else watches it in that direction: no
/// transport, no `add_reader`.
///
/// # Errors
///
/// `OSError` for what the system cannot wait for, such as a file.
///
/// # Panics
///
/// When it is polled outside of a coroutine of this crate.
///
/// # Cancellation
///
/// The descriptor is no longer watched.
pub fn ready(fd: RawFd, direction: Direction) -> Ready {
    Ready { fd, direction, leaf: None }
}

/// See [`ready`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Ready {
    fd: RawFd,
    direction: Direction,
    leaf: Option<Leaf>,
}

impl Future for Ready {
    type Output = PyResult<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<PyResult<()>> {
        let this = &mut *self;
        let (fd, direction) = (this.fd, this.direction);
        let number = match direction {
            Direction::Read => aioxide_abi::READABLE,
            Direction::Write => aioxide_abi::WRITABLE,
        };
        let begun = leaf::begin(
            &mut this.leaf,
            // SAFETY: this is a turn of a loop of aioxide's, with the GIL held.
            |table| unsafe { (table.ready)(fd, number) },
            |py, _, driver| elsewhere::Wait::ready(py, driver, fd, direction),
        );
        if let Err(error) = begun {
            return Poll::Ready(Err(error));
        }
        let Some(leaf) = &mut this.leaf else { return Poll::Pending };
        let polled = leaf.poll(context);
        if polled.is_ready() {
            this.leaf = None;
        }
        polled.map_ok(|_| ())
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ready")
            .field("fd", &self.fd)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
