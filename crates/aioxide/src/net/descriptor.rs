//! A descriptor that a loop watches.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::runtime::{Direction, Source, expect_current};

/// Something with a file descriptor, watched by this thread's loop: asyncio's `add_reader` and
/// `add_writer` for any descriptor that the system can wait for.
///
/// It does not make the descriptor non-blocking: whoever opens it does.
///
/// ```
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// aioxide::run(async {
///     let (ours, mut theirs) = UnixStream::pair()?;
///     ours.set_nonblocking(true)?;
///     let ours = aioxide::net::Descriptor::new(ours)?;
///     theirs.write_all(b"hello")?;
///     let mut buffer = [0; 16];
///     let count = ours.read_with(|mut socket| socket.read(&mut buffer)).await?;
///     assert_eq!(buffer[..count], *b"hello");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Cancellation
///
/// An operation that is dropped while it waits has done nothing.
pub struct Descriptor<T: AsFd> {
    source: Rc<Source>,
    /// Closed after the loop has forgotten it: see `drop`.
    io: T,
}

impl<T: AsFd> Descriptor<T> {
    /// Begins to watch `io`.
    ///
    /// # Errors
    ///
    /// If the system cannot wait for it (a regular file), or it is watched already.
    ///
    /// # Panics
    ///
    /// If no loop runs on this thread.
    #[track_caller]
    pub fn new(io: T) -> io::Result<Self> {
        let source = expect_current("a socket or another descriptor").watch(io.as_fd())?;
        Ok(Self { source, io })
    }

    /// What is watched.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// Calls `read` until it does something other than block, waiting for data in between.
    ///
    /// # Errors
    ///
    /// Those of `read`, other than `WouldBlock` and `Interrupted`; and if the loop has ended.
    pub async fn read_with<R>(&self, mut read: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        poll_fn(|context| self.poll_with(Direction::Read, context, &mut read)).await
    }

    /// Calls `write` until it does something other than block, waiting for room in between.
    ///
    /// # Errors
    ///
    /// Those of `write`, other than `WouldBlock` and `Interrupted`; and if the loop has ended.
    pub async fn write_with<R>(&self, mut write: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        poll_fn(|context| self.poll_with(Direction::Write, context, &mut write)).await
    }

    /// The same as [`Descriptor::read_with`] for code that polls.
    pub fn poll_read_with<R>(
        &self,
        context: &mut Context<'_>,
        read: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(Direction::Read, context, read)
    }

    /// The same as [`Descriptor::write_with`] for code that polls.
    pub fn poll_write_with<R>(
        &self,
        context: &mut Context<'_>,
        write: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(Direction::Write, context, write)
    }

    fn poll_with<R>(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            ready!(self.source.poll_ready(self.io.as_fd(), direction, context))?;
            match operation(&self.io) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.source.is_blocked(direction);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// Reads into `buffer` from a stream socket. A short read has emptied it, so that the next
    /// one need not ask the system.
    pub(crate) fn poll_read_stream(
        &self,
        context: &mut Context<'_>,
        room: usize,
        read: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let count = ready!(self.poll_with(Direction::Read, context, read))?;
        if count < room && count > 0 {
            self.source.was_emptied();
        }
        Poll::Ready(Ok(count))
    }

    /// The descriptor is not ready for writing before an event says so: it is being connected.
    pub(crate) async fn connected(&self) -> io::Result<()> {
        self.source.is_blocked(Direction::Write);
        poll_fn(|context| self.source.poll_ready(self.io.as_fd(), Direction::Write, context)).await
    }
}

impl<T: AsFd> AsFd for Descriptor<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl<T: AsFd> Drop for Descriptor<T> {
    fn drop(&mut self) {
        self.source.forget(self.io.as_fd());
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Descriptor<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Descriptor").field(&self.io).finish()
    }
}
